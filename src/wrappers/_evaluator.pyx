# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The functions of a fit or a system as the native drivers call them."""

from libc.math cimport INFINITY, fabs
from libc.string cimport memcpy
cimport numpy as cnp

from fitcore._arrays cimport fresh, put_columns, vector

import numpy as np

cnp.import_array()

__all__ = ["Evaluator"]


cdef class Evaluator:
    """The residual function as the native driver calls it; for use from Cython."""

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        raise NotImplementedError("residual")

    cdef cnp.ndarray residual_complex(self, const double complex *x, Py_ssize_t n):
        raise NotImplementedError("residual_complex")

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        raise NotImplementedError("jacobian")

    cdef double size(self, Py_ssize_t j, double x) noexcept:
        return fabs(x)

    cdef double longest(self, Py_ssize_t j, double x) noexcept:
        return INFINITY

    cdef int iteration(self, object solver) except -1:
        return 0


cdef class PythonEvaluator(Evaluator):
    """Residuals and Jacobian from Python callables."""

    cdef object func, jac, callback
    cdef tuple args
    cdef bint col_deriv

    def __init__(self, func, tuple args, jac, bint col_deriv, callback):
        self.func = func
        self.args = args
        self.jac = jac
        self.col_deriv = col_deriv
        self.callback = callback

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef object value
        if self.args:
            value = self.func(fresh(x, n), *self.args)
        else:
            value = self.func(fresh(x, n))
        return vector(value, cnp.NPY_DOUBLE, "the residuals returned by func")

    cdef cnp.ndarray residual_complex(self, const double complex *x, Py_ssize_t n):
        cdef cnp.npy_intp size = n
        cdef cnp.ndarray z = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_CDOUBLE)
        memcpy(cnp.PyArray_DATA(z), x, n * sizeof(double complex))
        value = np.asarray(self.func(z, *self.args))
        if not np.iscomplexobj(value):
            raise TypeError("func must return complex residuals for complex x when jac='cs', "
                            f"got dtype {value.dtype}")
        return vector(value, cnp.NPY_CDOUBLE, "the residuals returned by func")

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        cdef cnp.npy_intp shape[2]
        cdef object given, view
        given = self.jac(fresh(x, n), *self.args)
        if put_columns(given, fjac, m, n, self.col_deriv):
            return 0
        try:
            given = np.asarray(given)
        except ValueError as exc:
            raise TypeError(f"the Jacobian must be an array of real numbers, got {given!r:.80}"
                            ) from exc
        wanted = (n, m) if self.col_deriv else (m, n)
        if n == 1 and given.shape == (m,):
            given = given.reshape(wanted)
        if given.shape != wanted:
            raise TypeError(f"the Jacobian returned by {getattr(self.jac, '__name__', 'jac')} has "
                            f"shape {given.shape}, wanted {wanted} for {m} residuals and {n} "
                            f"variables (col_deriv={int(self.col_deriv)})")
        if given.dtype.kind not in "fiub":
            raise TypeError("the Jacobian must be an array of real numbers, got dtype "
                            f"{given.dtype}")
        shape[0], shape[1] = n, m
        view = cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_DOUBLE, fjac)
        view[...] = given if self.col_deriv else given.T
        return 0

    cdef int iteration(self, object solver) except -1:
        if self.callback is None:
            return 0
        try:
            return 1 if self.callback(solver) else 0
        except StopIteration:
            return 1


cdef Evaluator python_evaluator(func, args, jac, bint col_deriv, callback):
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r}")
    try:
        args = tuple(args)
    except TypeError as exc:
        raise TypeError(f"args must be a tuple, got {args!r:.80}") from exc
    return PythonEvaluator(func, args, jac, col_deriv, callback)
