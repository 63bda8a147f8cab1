# Powell's hybrid method for other Cython code: `from fitcore.minpack cimport PowellHybrid`.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._evaluator cimport Evaluator
from fitcore._native cimport fitcore_calls
from fitcore._solver cimport Solver

cdef extern from "fitcore_hybrid.h" nogil:
    ctypedef struct hybrid_state:
        int64_t n, maxfev, ml, mu, nfev, njev, nit, successes, failures, slow_iterations
        int64_t slow_jacobians
        double xtol, epsfcn, factor
        double fnorm, xnorm, delta, pnorm, actred, prered, ratio
        int task, stage, info, mode, jac, jeval, moved, factored

    int TASK_START "FITCORE_TASK_START"
    int TASK_RESIDUAL "FITCORE_TASK_RESIDUAL"
    int TASK_JACOBIAN "FITCORE_TASK_JACOBIAN"
    int TASK_ITERATION "FITCORE_TASK_ITERATION"
    int TASK_DONE "FITCORE_TASK_DONE"
    int JAC_ANALYTIC "FITCORE_JAC_ANALYTIC"
    int JAC_FORWARD "FITCORE_JAC_FORWARD"

    void fitcore_hybrid_init(hybrid_state *state, int64_t n, int mode, int jac, double xtol,
                             int64_t maxfev, int64_t ml, int64_t mu, double epsfcn, double factor,
                             const double *diag)
    int64_t fitcore_hybrid_work_size(int64_t n)
    void fitcore_hybrid_step(hybrid_state *state, double *x, const double *fvec, double *q,
                             double *r, double *diag, double *qtf, double *p, double *xt,
                             const double *ft, double *wa)
    void fitcore_hybrid_stop(hybrid_state *state, int info)
    int64_t fitcore_column_groups(int64_t n, int64_t ml, int64_t mu)
    void fitcore_group_point(int64_t n, int64_t groups, int64_t k, double epsfcn, const double *x,
                             double *point)
    void fitcore_group_columns(int64_t n, int64_t groups, int64_t k, int64_t ml, int64_t mu,
                               double epsfcn, const double *x, const double *f,
                               const double *fvec, double *fjac)

cdef extern from "fitcore_drive.h" nogil:
    ctypedef struct fitcore_hybrid_arrays:
        double *x
        double *fvec
        double *q
        double *r
        double *diag
        double *qtf
        double *p
        double *xt
        double *ft
        double *wa
    int fitcore_drive_hybrid(hybrid_state *s, fitcore_hybrid_arrays *a, fitcore_calls *calls)


cdef class PowellHybrid(Solver):
    cdef hybrid_state state
    # Arrays as HYBRD names them; fjac is Q in Fortran order, so that row j is column j.
    cdef cnp.ndarray _x, _fvec, _fjac, _r, _diag, _qtf
    cdef cnp.ndarray p, xt, ft, wa

    cdef int allocate(self) except -1
    cdef int step(self) except -1
    cdef int check_length(self, cnp.ndarray f) except -1
    cdef int evaluate(self, Evaluator evaluator) except -1
    cdef int differentiate(self, Evaluator evaluator) except -1
    cdef int drive_natively(self, Evaluator evaluator) except -1
