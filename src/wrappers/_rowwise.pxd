# Levenberg-Marquardt by rows for other Cython code: `from fitcore.minpack cimport StreamingLM`.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._solver cimport Guarded

cdef extern from "fitcore_rows.h" nogil:
    ctypedef void (*fitcore_fold_rows_t)(int64_t rows, int64_t n, int64_t ldblock, double *block,
                                         double *r, double *qtb, double *sums) noexcept nogil
    ctypedef struct lm_state:
        int64_t m, n, maxfev, nfev, njev, nit
        double ftol, xtol, gtol, epsfcn, factor
        double fnorm, gnorm, xnorm, delta, par, pnorm, actred, prered, ratio
        int task, stage, info, mode, jac, reduced, moved, factored
    ctypedef struct lmstr_state:
        lm_state lm
        int64_t told, waiting
        double middle, lost, large, small

    void fitcore_lmstr_init(lmstr_state *state, int64_t m, int64_t n, int mode, double ftol,
                            double xtol, double gtol, int64_t maxfev, double factor,
                            const double *diag)
    int64_t fitcore_lmstr_block_rows(int64_t n)
    int64_t fitcore_lmstr_work_size(int64_t n)
    void fitcore_lmstr_restart(lmstr_state *state, double *r, double *qtf)
    void fitcore_lmstr_tell(lmstr_state *state, int64_t k, const double *f, const double *jac,
                            int64_t row, int64_t column, double *r, double *qtf, double *block,
                            double *wa, fitcore_fold_rows_t kernel)
    void fitcore_lmstr_step(lmstr_state *state, double *x, double *r, double *diag, double *qtf,
                            int64_t *ipvt, double *xt, double *block, double *wa,
                            fitcore_fold_rows_t kernel)


cdef class StreamingLM(Guarded):
    cdef lmstr_state state
    cdef cnp.ndarray _x, xt, _diag, _qtf, _ipvt
    cdef cnp.ndarray _r                 # (n, n) in C order: row j is column j of R
    cdef cnp.ndarray store, wa          # block and scratch
    cdef double *block                  # in store, at the start of a cache line

    cdef int allocate(self) except -1
    # The next rows of the pass; jac is NULL for task 'residual'.
    cdef int take(self, const double *f, Py_ssize_t k, const double *jac, Py_ssize_t row,
                  Py_ssize_t column) except -1
    cdef int take_pair(self, residuals, rows, str what) except -1
    cdef int take_all(self, chunks, bint only_residuals, str name) except -1
    # The pass is over: go on to the next task.
    cdef int finish(self) except -1
    cdef int step(self) except -1
    cdef bint leave(self, callback) except -1
    cdef int restart(self) except -1
