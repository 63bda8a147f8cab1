# The functions of a fit or a system as the native drivers call them.
cimport numpy as cnp


cdef class Evaluator:
    # Exceptions pass through the driver unchanged.
    # The residuals at x(n): a one-dimensional C-contiguous float64 array, the same length always.
    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n)
    # The residuals at a complex x(n): one-dimensional C-contiguous complex128.
    cdef cnp.ndarray residual_complex(self, const double complex *x, Py_ssize_t n)
    # The Jacobian at x into fjac, m by n, columns contiguous.
    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1
    # What the difference step of variable j at x is relative to: |x|, unless there is a reason.
    cdef double size(self, Py_ssize_t j, double x) noexcept
    # The greatest size at which a difference still tells the slope; infinity unless known.
    cdef double longest(self, Py_ssize_t j, double x) noexcept
    # After each accepted step of the solver; a value other than 0 stops it.
    cdef int iteration(self, object solver) except -1


cdef Evaluator python_evaluator(func, args, jac, bint col_deriv, callback)
