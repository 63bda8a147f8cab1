# The functions of a fit or a system as the native drivers call them.
cimport numpy as cnp

from fitcore._native cimport NativeCall, fitcore_calls


cdef class Evaluator:
    # A native function that a driver may call by itself, without the GIL; NULL: it calls the
    # methods. Who sets it also sets `rows`, the number of residuals.
    cdef fitcore_calls *calls
    cdef Py_ssize_t rows
    # Whether the function is native: then NativeStop ends a run, and is no error.
    cdef bint is_native
    # After a native drive: raise, or return to go on, if it is not at its end, by the methods.
    cdef int ended(self, int how) except -1
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
# The same for a native function; `rows` is what the solver knows of their number, or -1.
cdef Evaluator native_evaluator(NativeCall func, args, jac, bint col_deriv, callback,
                                Py_ssize_t rows, str scheme)
