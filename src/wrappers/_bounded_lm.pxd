# Least squares inside a box for other Cython code.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore.minpack cimport Evaluator, LevenbergMarquardt, lm_state

cdef extern from "fitcore_bounded.h" nogil:
    int64_t fitcore_bounded_work_size(int64_t m, int64_t n)
    void fitcore_bounded_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                              double *qtf, int64_t *ipvt, double *xt, double *ft,
                              const double *lower, const double *upper, int64_t *place,
                              int64_t cost, double *wa)
    void fitcore_bounded_newton(lm_state *state, const double *x, const double *fvec, double *fjac,
                                const double *diag, double *qtf, int64_t *ipvt, double *xt,
                                double *ft, const double *lower, const double *upper,
                                int64_t *place, double *wa)
    void fitcore_bounded_points(int scheme, double epsfcn, double x, double size, double lower,
                                double upper, double *plus, double *minus, double *h, int *made)
    void fitcore_bounded_column(int64_t m, int made, const double *fplus, const double *fminus,
                                const double *f, double h, double *column)


cdef class BoundedLevenbergMarquardt(LevenbergMarquardt):
    cdef cnp.ndarray _lower, _upper     # (n,), with x between them
    cdef cnp.ndarray _place             # (n,), int64: who is held
    cdef cnp.ndarray work               # scratch
    cdef int64_t cost                   # evaluations that the last Jacobian counts for
    cdef bint count_differences

    cdef int set_box(self, cnp.ndarray lower, cnp.ndarray upper) except -1
    cdef int along(self, Py_ssize_t j, int scheme, double size, double *plus, double *minus,
                   double *h) noexcept
    # After a fit: the Jacobian at the solution, factored; without a step.
    cdef int jacobian_at_end(self, Evaluator evaluator, int scheme) except -1
