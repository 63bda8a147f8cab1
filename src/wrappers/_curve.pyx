# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The residuals of a curve and its data: what runs at every evaluation of `curve_fit`."""

from libc.stdint cimport int64_t
from libc.string cimport memset
cimport numpy as cnp
from cpython.object cimport PyObject_CallObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

from fitcore._arrays cimport doubles, put_columns, sole_owner, vector
from fitcore._bounded_lm cimport BoundedLevenbergMarquardt
from fitcore._evaluator cimport native_evaluator
from fitcore._native cimport NativeCall
from fitcore.minpack cimport (
    JAC_ANALYTIC, JAC_CENTRAL, JAC_COMPLEX, JAC_FORWARD, Evaluator, LevenbergMarquardt,
)

import numpy as np

cnp.import_array()

__all__ = ["CurveResidual", "whitened"]

cdef extern from *:
    """void fitcore_whiten(int64_t m, const double *l, double *x);"""
    void fitcore_whiten(int64_t m, const double *l, double *x) nogil

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef object np_ndarray = np.ndarray
cdef cnp.dtype DOUBLE = np.dtype(np.float64)
cdef dict SCHEMES = {"analytic": JAC_ANALYTIC, "2-point": JAC_FORWARD, "3-point": JAC_CENTRAL,
                     "cs": JAC_COMPLEX}


def whitened(cnp.ndarray factor, cnp.ndarray a):
    """factor\\ :sup:`-1` a for a lower triangular factor (m, m) and a vector (m,), both double."""
    cdef cnp.ndarray out = np.array(a, dtype=np.float64, order="C")
    if factor.shape[0] != factor.shape[1] or out.shape[0] != factor.shape[0] or out.ndim != 1:
        raise ValueError("factor and vector do not fit together")
    fitcore_whiten(out.shape[0], doubles(np.ascontiguousarray(factor, np.float64)), doubles(out))
    return out


cdef class CurveResidual(Evaluator):
    """(f(xdata, *params) - ydata) / sigma as the solvers call it.

    Parameters
    ----------
    f, jac : callable
        The model and its Jacobian, or None.
    xdata : object
        First argument of both.
    ydata : ndarray
        The data, double.
    weights : ndarray, or None
        Of the shape of `ydata` or scalar: factors of the residuals; of shape (m, m): the lower
        Cholesky factor of the covariance of the data.
    correlated : bool
        Whether it is that factor.
    col_deriv : bool
        Whether `jac` returns the transpose.
    least : int
        The residuals are filled up with zeros to this number.
    """

    cdef object f, jac, xdata
    cdef cnp.ndarray ydata
    cdef object weights
    cdef bint correlated, col_deriv, plain
    cdef Py_ssize_t least
    cdef readonly Py_ssize_t size       # of the residuals, without what they are filled up with
    cdef Evaluator inner                # a native function's, which takes the place of this

    def __init__(self, f, xdata, cnp.ndarray ydata, weights, bint correlated, jac, bint col_deriv,
                 Py_ssize_t least):
        self.f, self.jac, self.xdata = f, jac, xdata
        self.ydata, self.weights = ydata, weights
        self.correlated, self.col_deriv = correlated, col_deriv
        self.least = least
        # whether differences and products can be formed here, element by element
        self.plain = (ydata.ndim == 1 and ydata.dtype is DOUBLE and cnp.PyArray_ISCARRAY_RO(ydata)
                      and (weights is None or correlated or weights.shape == (ydata.shape[0],)))
        if weights is not None:
            self.weights = np.ascontiguousarray(weights, dtype=np.float64)

    cdef tuple arguments(self, const double *x, Py_ssize_t n):
        """xdata and the parameters: scalars of numpy, which know 1 / 0 and (-1)**0.5."""
        cdef tuple packed = PyTuple_New(n + 1)
        cdef object item = self.xdata
        cdef Py_ssize_t j
        Py_INCREF(item)
        PyTuple_SET_ITEM(packed, 0, item)
        for j in range(n):
            item = PyArray_Scalar(<void *> (x + j), DOUBLE, None)
            Py_INCREF(item)
            PyTuple_SET_ITEM(packed, j + 1, item)
        return packed

    cdef cnp.ndarray residual(self, const double *x, Py_ssize_t n):
        cdef object value = PyObject_CallObject(self.f, self.arguments(x, n))
        cdef cnp.ndarray out
        cdef Py_ssize_t m, i
        cdef double *to
        cdef double *y
        cdef double *w
        cdef double *from_
        if (self.plain and type(value) is np_ndarray
                and cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
                and cnp.PyArray_NDIM(<cnp.ndarray> value) == 1
                and cnp.PyArray_DIM(<cnp.ndarray> value, 0) == cnp.PyArray_DIM(self.ydata, 0)
                and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> value)):
            out = <cnp.ndarray> value
            value = None
            from_ = doubles(out)
            if not sole_owner(out):
                value = out
                out = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(out), cnp.NPY_DOUBLE, 0)
            m = cnp.PyArray_SIZE(out)
            to, y = doubles(out), doubles(self.ydata)
            if self.weights is None or self.correlated:
                for i in range(m):
                    to[i] = from_[i] - y[i]
            else:
                w = doubles(self.weights)
                for i in range(m):
                    to[i] = w[i] * (from_[i] - y[i])
        else:
            value = np.asarray(value) - self.ydata if value is not None else value - self.ydata
            if self.weights is not None and not self.correlated:
                value = self.weights * value
            out = vector(value, cnp.NPY_DOUBLE, "the residuals, f(xdata, *params) - ydata,")
        if self.correlated:
            out = whitened(self.weights, out)
        return self.padded(out)

    cdef cnp.ndarray padded(self, cnp.ndarray f):
        self.size = cnp.PyArray_SIZE(f)
        if self.size >= self.least:
            return f
        return np.concatenate([f, np.zeros(self.least - f.size, f.dtype)])

    cdef cnp.ndarray residual_complex(self, const double complex *x, Py_ssize_t n):
        cdef Py_ssize_t j
        value = self.f(self.xdata, *[np.complex128(x[j]) for j in range(n)]) - self.ydata
        if not np.iscomplexobj(value):
            raise TypeError("f must return complex numbers for complex parameters when jac='cs', "
                            f"got dtype {np.asarray(value).dtype}")
        if self.correlated:
            value = (whitened(self.weights, value.real) + 1j * whitened(self.weights, value.imag))
        elif self.weights is not None:
            value = self.weights * value
        return self.padded(vector(value, cnp.NPY_CDOUBLE, "f(xdata, *params) - ydata"))

    cdef int jacobian(self, const double *x, Py_ssize_t n, double *fjac, Py_ssize_t m) except -1:
        cdef cnp.npy_intp shape[2]
        cdef object given, view
        cdef Py_ssize_t rows = self.size, j
        cdef double *w
        given = PyObject_CallObject(self.jac, self.arguments(x, n))
        if (rows == m and not self.correlated and (self.weights is None or self.weights.size == m)
                and put_columns(given, fjac, m, n, self.col_deriv)):
            if self.weights is not None:
                w = doubles(self.weights)
                for j in range(n * m):
                    fjac[j] *= w[j % m]
            return 0
        try:
            given = np.asarray(given)
        except ValueError as exc:
            raise TypeError(f"jac must return an array of real numbers, got {given!r:.80}"
                            ) from exc
        wanted = (n, rows) if self.col_deriv else (rows, n)
        if n == 1 and given.shape == (rows,):
            given = given.reshape(wanted)
        if given.shape != wanted:
            raise TypeError("there is a mismatch between the input and output shape of jac: it "
                            f"returned shape {given.shape}, wanted {wanted} for {rows} data points "
                            f"and {n} parameters")
        if given.dtype.kind not in "fiub":
            raise TypeError(f"jac must return real numbers, got dtype {given.dtype}")
        if rows < m:
            memset(fjac, 0, m * n * sizeof(double))
        shape[0], shape[1] = n, m
        view = cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_DOUBLE, fjac)
        if self.correlated:
            for j in range(n):
                column = given[j] if self.col_deriv else given[:, j]
                view[j, :rows] = whitened(self.weights, np.asarray(column, np.float64))
            return 0
        view[:, :rows] = given if self.col_deriv else given.T
        if self.weights is not None:
            view[:, :rows] *= self.weights
        return 0

    def use_native(self, NativeCall residuals not None, str scheme):
        """Take the residuals, and the Jacobian if the scheme is 'analytic', of a native function.

        Its residuals are those of this: of the same model, data and weights.
        """
        self.inner = native_evaluator(residuals, (), None, False, None, -1, scheme)
        self.size = residuals.m

    def fit(self, LevenbergMarquardt solver):
        """Run a solver to its end."""
        solver.drive(self if self.inner is None else self.inner)

    def jacobian_at_end(self, BoundedLevenbergMarquardt solver, str scheme):
        """Form the Jacobian at the solution of a finished fit."""
        solver.check_idle()
        solver.running = True
        try:
            solver.jacobian_at_end(self if self.inner is None else self.inner, SCHEMES[scheme])
        finally:
            solver.running = False
