# L-BFGS-B for other Cython code: `from fitcore.lbfgsb cimport LBFGSB, Objective`.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._native cimport fitcore_calls
from fitcore._native_types cimport fitcore_objective
from fitcore._solver cimport Guarded

cdef extern from "fitcore_lbfgsb.h" nogil:
    ctypedef struct fitcore_lb_kernels:
        pass
    ctypedef struct lbfgsb_state:
        int64_t n, m, nit, nfev, col, head, updates, nfree, nactive, nseg, nseg_total, nskip
        int64_t nenter, nleave, nls, nbreak, nopen
        double factr, pgtol, f, fold, sbgnrm, theta, stp, dnorm, xstep, gd, gdold, stpmx
        double slope, least_break, yy
        int maxls, task, info, stage, bounded, constrained, boxed, projected, updated, pending
        int iword, restarted

    int LB_START "FITCORE_LB_START"
    int LB_EVALUATE "FITCORE_LB_EVALUATE"
    int LB_NEW_X "FITCORE_LB_NEW_X"
    int LB_DONE "FITCORE_LB_DONE"
    int LB_CONVERGED_PGTOL "FITCORE_LB_CONVERGED_PGTOL"
    int LB_CONVERGED_FTOL "FITCORE_LB_CONVERGED_FTOL"
    int LB_ABNORMAL "FITCORE_LB_ABNORMAL"
    int LB_NONFINITE "FITCORE_LB_NONFINITE"
    int LB_STOPPED "FITCORE_LB_STOPPED"

    int LB_FREE "FITCORE_LB_FREE"
    int LB_ENTERED "FITCORE_LB_ENTERED"
    int LB_LEFT "FITCORE_LB_LEFT"

    int64_t fitcore_lb_work_size(int64_t n, int64_t m)
    int64_t fitcore_lb_iwork_size(int64_t m)
    void fitcore_lb_init(lbfgsb_state *s, int64_t n, int64_t m, int bounded, double factr,
                         double pgtol, int maxls)
    void fitcore_lb_stop(lbfgsb_state *s)
    void fitcore_lb_step(lbfgsb_state *s, double *x, const double *l, const double *u, double f,
                         double *g, double *wa, int64_t *iwa, signed char *marks,
                         const fitcore_lb_kernels *kernels)
    void fitcore_lb_fetch(const lbfgsb_state *s, const double *wa, int64_t which, int64_t j,
                          double *a)

cdef extern from "fitcore_drive.h" nogil:
    ctypedef struct fitcore_lb_arrays:
        double *x
        double *g
        double *wa
        const double *l
        const double *u
        int64_t *iwa
        signed char *marks
        const fitcore_lb_kernels *kernels
        double f
        int told
        int64_t restarts, maxiter, maxfun
        const int64_t *evaluations
    int fitcore_drive_lbfgsb(lbfgsb_state *s, fitcore_lb_arrays *a, fitcore_calls *calls)


# For code that links: the steps of the solver and a whole minimization, without Python or the GIL.
# The functions of fitcore_lbfgsb.h themselves are within the module.

# Settings as of LBFGSB; lb_defaults() sets them all.
ctypedef struct lb_options:
    int64_t m
    double factr, pgtol
    int maxls
    int64_t maxiter, maxfun             # negative: none
    int derivatives                     # whether the function gives the gradient

ctypedef struct lb_report:
    # As of LBFGSB, 5 also where a limit ends it; 0 improper input, -1 stopped by the function,
    # -2 no memory.
    int info
    int code                            # what the function returned, if it stopped
    int64_t nit, nfev                   # nfev with the evaluations of differences
    double f, projected_gradient

cdef void lb_defaults(lb_options *options) noexcept nogil
# Minimize a function from x (n), which becomes the solution; g (n) gets the gradient there. g, the
# bounds, options and report may be NULL. Returns info.
cdef int minimize_lbfgsb(fitcore_objective function, void *user_data, int64_t n, double *x,
                         double *g, const double *lower, const double *upper,
                         const lb_options *options, lb_report *report) noexcept nogil

# fitcore_lb_init and so on, to be called from elsewhere; the step picks the kernels.
cdef int64_t lb_work_size(int64_t n, int64_t m) noexcept nogil
cdef int64_t lb_iwork_size(int64_t m) noexcept nogil
cdef void lb_init(lbfgsb_state *s, int64_t n, int64_t m, int bounded, double factr, double pgtol,
                  int maxls) noexcept nogil
cdef void lb_step(lbfgsb_state *s, double *x, const double *l, const double *u, double f,
                  double *g, double *wa, int64_t *iwa, signed char *marks) noexcept nogil
cdef void lb_stop(lbfgsb_state *s) noexcept nogil


cdef class Objective:
    # A native function that the driver may call by itself, without the GIL; NULL: it calls the
    # methods. And where its evaluations are counted, NULL if the solver does that.
    cdef fitcore_calls *calls
    cdef const int64_t *evaluations
    # Whether the function is native: then NativeStop ends a run, and is no error.
    cdef bint native
    # After a native drive that has been broken off: raise.
    cdef int ended(self, int how) except -1
    # The function as the driver sees it. Exceptions pass through the driver unchanged.
    # f at x(n), and its gradient into g(n).
    cdef double value(self, const double *x, Py_ssize_t n, double *g) except? -1.0
    # The same for a whole solver: f and g at solver._x into solver.ft and solver._g.
    cdef int evaluate(self, LBFGSB solver) except -1
    # After the first evaluation and each iteration; a value other than 0 stops the run.
    cdef int iteration(self, LBFGSB solver) except -1


cdef class LBFGSB(Guarded):
    cdef lbfgsb_state state
    # The point asked for, and the gradient told last. The iterate before a line search is in wa.
    cdef cnp.ndarray _x, _g, wa, iwa
    cdef cnp.ndarray _l, _u, marks      # None without bounds
    cdef cnp.ndarray spare              # an array handed to the objective, for use again
    cdef double ft                      # f told last
    cdef bint told                      # there has been an evaluation
    cdef readonly object stop_code      # what a native function has stopped the last run with
    cdef bint stepping                  # a thread is within the core, without the GIL
    cdef bint stop_wanted               # by another thread meanwhile
    cdef readonly int64_t restarts
    cdef str words                      # why it was stopped

    cdef int check_own(self) except -1
    cdef int step(self) except -1
    cdef int settle(self) except -1
    cdef int take(self, f, g) except -1
    cdef int halt(self, str words) except -1
    cdef int accept(self, cnp.ndarray g) except -1
    cdef cnp.ndarray given(self)
    cdef bint searching(self) noexcept
    cdef cnp.ndarray iterate(self)
    cdef cnp.ndarray fetch(self, int which, Py_ssize_t j)
    # Run to the end, or until the objective stops it. Resumes where it left off.
    cdef int drive(self, Objective objective, int64_t maxiter, int64_t maxfun) except -1
    cdef int drive_natively(self, Objective objective, int64_t maxiter, int64_t maxfun) except -1
