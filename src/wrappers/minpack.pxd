# MINPACK's solvers for other Cython code: `from fitcore.minpack cimport LevenbergMarquardt`.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._rowwise cimport StreamingLM
from fitcore._evaluator cimport Evaluator
from fitcore._hybrid cimport PowellHybrid
from fitcore._native cimport fitcore_calls
from fitcore._native_types cimport fitcore_residual
from fitcore._solver cimport Solver

cdef extern from "fitcore_minpack.h" nogil:
    ctypedef void (*fitcore_fold_rows_t)(int64_t rows, int64_t n, int64_t ldblock, double *block,
                                         double *r, double *qtb, double *sums) noexcept nogil
    ctypedef struct lm_state:
        int64_t m, n, maxfev, nfev, njev, nit
        double ftol, xtol, gtol, epsfcn, factor
        double fnorm, gnorm, xnorm, delta, par, pnorm, actred, prered, ratio, nearby, before
        int task, stage, info, mode, jac, reduced, moved, factored

    int TASK_START "FITCORE_TASK_START"
    int TASK_RESIDUAL "FITCORE_TASK_RESIDUAL"
    int TASK_JACOBIAN "FITCORE_TASK_JACOBIAN"
    int TASK_ITERATION "FITCORE_TASK_ITERATION"
    int TASK_DONE "FITCORE_TASK_DONE"
    int JAC_ANALYTIC "FITCORE_JAC_ANALYTIC"
    int JAC_FORWARD "FITCORE_JAC_FORWARD"
    int JAC_CENTRAL "FITCORE_JAC_CENTRAL"
    int JAC_COMPLEX "FITCORE_JAC_COMPLEX"

    void fitcore_lm_init(lm_state *state, int64_t m, int64_t n, int mode, int jac, double ftol,
                         double xtol, double gtol, int64_t maxfev, double epsfcn, double factor,
                         const double *diag)
    int64_t fitcore_lm_work_size(int64_t m, int64_t n)
    void fitcore_lm_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                         double *qtf, int64_t *ipvt, double *xt, double *ft, double *wa)
    void fitcore_lm_stop(lm_state *state, int info)
    int64_t fitcore_tall_block_rows(int64_t m, int64_t n)
    int64_t fitcore_fold_work_size(int64_t m, int64_t n)
    int fitcore_reduce_tall(int64_t m, int64_t n, double *fjac, const double *fvec,
                            int differences, const double *h, int separate, const double *last,
                            double *qtf, fitcore_fold_rows_t kernel, double *work)
    void fitcore_difference_points(int scheme, double epsfcn, double x, double size, double *plus,
                                   double *minus, double *h)
    void fitcore_difference_column(int64_t m, const double *fplus, const double *fminus, double h,
                                   double *column)
    void fitcore_finish_column(int64_t m, const double *fminus, double h, double *column)
    void fitcore_covariance(int64_t n, const double *r, int64_t ldr, const int64_t *ipvt,
                            double tol, double *cov, int64_t *rank, double *work)
    double fitcore_norm(int64_t n, const double *a)
    int64_t fitcore_gauss_newton_work_size(int64_t m, int64_t n)
    void fitcore_gauss_newton(int64_t m, int64_t n, double *fjac, const double *f, int reduced,
                              double tol, int64_t *ipvt, double *qtf, double *p, int64_t *rank,
                              double *scratch, double *work)

cdef extern from "fitcore_drive.h" nogil:
    ctypedef struct fitcore_lm_arrays:
        double *x
        double *fvec
        double *fjac
        double *diag
        double *qtf
        double *xt
        double *ft
        double *wa
        int64_t *ipvt
        double *h
        fitcore_fold_rows_t fold
        const double *lower
        const double *upper
        double *work
        int64_t *place
        int64_t cost
        int count
    int fitcore_drive_lm(lm_state *s, fitcore_lm_arrays *a, fitcore_calls *calls)


# For code that links: the steps of the solver and a whole minimization, without Python or the GIL.
# The functions of fitcore_minpack.h themselves are within the module.

# Settings as of LevenbergMarquardt; lm_defaults() sets them all.
ctypedef struct lm_options:
    double ftol, xtol, gtol, epsfcn, factor
    int64_t maxfev                      # 0: 100 or 200 (n + 1)
    int derivatives                     # whether the function gives the Jacobian
    int central                         # else: central differences instead of forward ones

ctypedef struct lm_report:
    int info                            # MINPACK's; -1 stopped by the function, -2 no memory
    int code                            # what the function returned, if it stopped
    int64_t nfev, njev, nit
    double fnorm                        # norm of the residuals

cdef void lm_defaults(lm_options *options) noexcept nogil
# Minimize a sum of squares from x (n), which becomes the solution. fvec (m) gets the residuals and
# covar (n by n) the inverse of J^T J, NaN where there is none; either may be NULL, as may the
# bounds, options and report. Returns info.
cdef int minimize_lm(fitcore_residual function, void *user_data, int64_t m, int64_t n, double *x,
                     double *fvec, double *covar, const double *lower, const double *upper,
                     const lm_options *options, lm_report *report) noexcept nogil

# fitcore_lm_init, fitcore_lm_work_size, fitcore_lm_step and so on, to be called from elsewhere.
cdef void lm_init(lm_state *state, int64_t m, int64_t n, int mode, int jac, double ftol,
                  double xtol, double gtol, int64_t maxfev, double epsfcn, double factor,
                  const double *diag) noexcept nogil
cdef int64_t lm_work_size(int64_t m, int64_t n) noexcept nogil
cdef void lm_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                  double *qtf, int64_t *ipvt, double *xt, double *ft, double *wa) noexcept nogil
cdef void lm_stop(lm_state *state, int info) noexcept nogil


cdef class LevenbergMarquardt(Solver):
    cdef lm_state state
    cdef bint allocated                 # m is known and the arrays of length m exist
    # Arrays as LMDIF names them; fjac is (n, m) in C order, so that row j is column j.
    cdef cnp.ndarray _x, _fvec, _diag, _qtf, _fjac, _ipvt
    cdef cnp.ndarray xt, ft, wa
    cdef cnp.ndarray steps              # of differences, made when there are some
    cdef cnp.ndarray spread             # standard errors while a fit is sharpened, else None
    # Of the last polish: the part of the norm that its step promised to take away, the length of
    # the step and how far beyond it the solution is, in standard errors, and its length as a part
    # of x, in scaled variables; infinite if not known.
    cdef double promised, stride, distance, part

    # What __init__ does but for m, for who makes many.
    cdef int begin(self, x0, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag) except -1
    cdef int allocate(self, Py_ssize_t m) except -1
    cdef int step(self) except -1
    cdef int sharpen(self, Evaluator evaluator, int scheme, bint move) except -1
    cdef void foretell(self) noexcept
    # The Gauss-Newton step to xt, taken if it lowers the sum of squares.
    cdef int move_if_lower(self, Evaluator evaluator) except -1
    cdef int check_length(self, cnp.ndarray f) except -1
    cdef int evaluate(self, Evaluator evaluator, double *x) except -1
    cdef int central_column(self, Evaluator evaluator, Py_ssize_t j) except -1
    # The same by a step h from x[j], real, along the imaginary axis; z is x, and left so.
    cdef int complex_column(self, Evaluator evaluator, Py_ssize_t j, double complex *z,
                            double h) except -1
    # What tell() was given for a Jacobian, as an array of this shape.
    cdef object answer(self, values, tuple wanted)
    cdef cnp.ndarray errors(self)
    cdef int differentiate(self, Evaluator evaluator, int scheme) except -1
    cdef int linearize(self, Evaluator evaluator, int scheme) except -1
    cdef int reduce(self, const double *h, const double *last) except -1
    # The arrays of a native drive, and what it has left of them.
    cdef int lend(self, fitcore_lm_arrays *a) except -1
    cdef int take_back(self, fitcore_lm_arrays *a) except -1
    cdef int drive_natively(self, Evaluator evaluator) except -1
    # At the solution: Jacobian by central differences (or the evaluator's own), one Gauss-Newton
    # step, with `move` taken when it lowers the sum of squares. Leaves R and ipvt for covariance().
    cdef int polish(self, Evaluator evaluator, int scheme, bint move) except -1
