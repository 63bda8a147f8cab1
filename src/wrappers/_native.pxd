# Native functions for other Cython code: `from fitcore._native cimport NativeCall`.
from libc.stdint cimport int64_t

from fitcore._native_types cimport fitcore_model, fitcore_objective, fitcore_residual

cdef extern from "fitcore_drive.h" nogil:
    ctypedef struct fitcore_calls:
        fitcore_residual residual
        fitcore_objective objective
        void *data
        double (*size)(int64_t j, double x, void *data) noexcept nogil
        int (*look)() noexcept nogil
        int code
        int64_t stride, left
        double read, looked
    ctypedef struct fitcore_curve:
        fitcore_model model
        void *data
        int64_t nx
        const double *x
        const double *y
        const double *weights
        int data_first
    ctypedef struct fitcore_differences:
        fitcore_objective function
        void *data
        const double *step
        const double *relative
        double usual
        const double *lower
        const double *upper
        double *point
        int64_t evaluations, gradients

    int DRIVE_DONE "FITCORE_DRIVE_DONE"
    int DRIVE_CODE "FITCORE_DRIVE_CODE"
    int DRIVE_LOOKED "FITCORE_DRIVE_LOOKED"
    int DRIVE_ITERATIONS "FITCORE_DRIVE_ITERATIONS"
    int DRIVE_EVALUATIONS "FITCORE_DRIVE_EVALUATIONS"

    int fitcore_calls_look(fitcore_calls *calls)
    int fitcore_curve_residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                               void *curve)
    int fitcore_forward_objective(int64_t n, const double *p, double *f, double *g,
                                  void *differences)


cdef enum Kind:
    RESIDUAL
    OBJECTIVE
    MODEL


cdef class NativeCall:
    cdef Kind code
    cdef void *pointer                  # one of fitcore.h's signatures, by `code`
    cdef void *user                     # its user_data
    cdef readonly object m              # number of residuals, or None
    cdef readonly bint has_derivatives
    cdef readonly tuple names           # of the parameters it takes, or None
    cdef readonly bint complete         # it knows its data: the arguments of a fit say no more
    cdef object keep                    # what must live as long
    cdef fitcore_curve curve            # of a model with its data

    # Residuals at p(n), and the Jacobian; of an objective m is 1. The GIL is not needed.
    cdef int values(self, int64_t m, int64_t n, const double *p, double *f,
                    double *fjac) noexcept nogil
    # The same as pointers, for a driver.
    cdef int as_residual(self, fitcore_residual *function, void **data) except -1
    cdef int as_objective(self, fitcore_objective *function, void **data) except -1


# Clear a driver's calls; with `looks` signals are looked at now and then.
cdef int start_calls(fitcore_calls *calls, bint looks) except -1
# Leave with the exception that such a look has set.
cdef int leave() except -1
