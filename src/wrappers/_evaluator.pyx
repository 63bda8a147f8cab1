# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The functions of a fit or a system as the native drivers call them."""

from libc.math cimport INFINITY, fabs
from libc.string cimport memcpy
cimport numpy as cnp

from fitcore._arrays cimport doubles, fresh, put_columns, vector
from fitcore._native cimport (
    DRIVE_DONE, DRIVE_LOOKED, NativeCall, fitcore_calls, leave, start_calls,
)

import numpy as np

from fitcore._native import NativeStop

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

    cdef int ended(self, int how) except -1:
        if how == DRIVE_DONE:
            return 0
        if how == DRIVE_LOOKED:
            return leave()
        raise NativeStop(self.calls.code)


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
        return call_back(self.callback, solver)


cdef Evaluator python_evaluator(func, args, jac, bint col_deriv, callback):
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r}")
    try:
        args = tuple(args)
    except TypeError as exc:
        raise TypeError(f"args must be a tuple, got {args!r:.80}") from exc
    return PythonEvaluator(func, args, jac, col_deriv, callback)


cdef class NativeEvaluator(Evaluator):
    """Residuals and Jacobian from a native function; the Jacobian from Python where that is given.

    The drivers of this package call the function by themselves. The methods are for what comes
    before and after, and for runs with a callback.
    """

    cdef NativeCall function
    cdef fitcore_calls own
    cdef PythonEvaluator derivatives
    cdef object callback

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef cnp.npy_intp m = self.rows
        cdef cnp.ndarray f = cnp.PyArray_ZEROS(1, &m, cnp.NPY_DOUBLE, 0)
        cdef double *values = doubles(f)
        cdef int code
        with nogil:
            code = self.function.values(m, n, x, values, NULL)
        if code != 0:
            raise NativeStop(code)
        return f

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        cdef int code
        if self.derivatives is not None:
            return self.derivatives.jacobian(x, n, fjac, m)
        with nogil:
            code = self.function.values(m, n, x, NULL, fjac)
        if code != 0:
            raise NativeStop(code)
        return 0

    cdef int iteration(self, object solver) except -1:
        return call_back(self.callback, solver)


cdef int call_back(callback, solver) except -1:
    """Whether a callback wants the run to end."""
    if callback is None:
        return 0
    try:
        return 1 if callback(solver) else 0
    except StopIteration:
        return 1


cdef Evaluator native_evaluator(NativeCall func, args, jac, bint col_deriv, callback,
                                Py_ssize_t rows, str scheme):
    cdef NativeEvaluator made = NativeEvaluator()
    if len(args) > 0:
        raise TypeError("a NativeFunction takes no further arguments: args must be empty, got "
                        f"{args!r:.80}. Use its user_data")
    if scheme == "cs":
        raise TypeError("jac='cs' wants a function of complex numbers; a NativeFunction has real "
                        "ones: use '3-point'")
    start_calls(&made.own, True)
    func.as_residual(&made.own.residual, &made.own.data)
    made.rows = rows if func.m is None else func.m
    if made.rows < 0:
        raise ValueError("m, the number of residuals, must be given to the NativeFunction: nothing "
                         "else tells it")
    if rows >= 0 and made.rows != rows:
        raise ValueError(f"the NativeFunction has m={made.rows} residuals, wanted {rows}")
    made.function, made.callback, made.is_native = func, callback, True
    if scheme == "analytic" and jac is not None and jac is not func:
        made.derivatives = PythonEvaluator(func, (), jac, col_deriv, None)
    elif scheme == "analytic" and not func.has_derivatives:
        raise TypeError("the NativeFunction has no derivatives: give them, and derivatives=True, "
                        "or let the solver take differences")
    if callback is None and made.derivatives is None:
        made.calls = &made.own
    return made
