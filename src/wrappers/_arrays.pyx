# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Arrays and numbers on their way from Python to the core, with errors that name the argument."""

from libc.math cimport isfinite
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy
cimport numpy as cnp

import operator

import numpy as np

cnp.import_array()

__all__ = ["address", "all_finite", "count", "number", "real_array"]


cdef cnp.ndarray zeros(Py_ssize_t n):
    """n doubles, all zero."""
    cdef cnp.npy_intp size = n
    return cnp.PyArray_ZEROS(1, &size, cnp.NPY_DOUBLE, 0)


cdef cnp.ndarray fresh(const double *x, Py_ssize_t n):
    """A new array with the n doubles at x."""
    cdef cnp.npy_intp size = n
    cdef cnp.ndarray a = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
    memcpy(cnp.PyArray_DATA(a), x, n * sizeof(double))
    return a


def address(cnp.ndarray a):
    """Where the elements of an array are: an int."""
    return <uintptr_t> cnp.PyArray_DATA(a)


cpdef object real_array(object value, str name, int ndmin):
    """A new float64 array, or an error that names the argument."""
    if (isinstance(value, np.ndarray) and cnp.PyArray_CheckExact(value)
            and cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> value) >= ndmin):
        return cnp.PyArray_NewCopy(<cnp.ndarray> value, cnp.NPY_CORDER)
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c":
            raise TypeError(f"dtype {array.dtype}")
        return np.array(array, dtype=np.float64, ndmin=ndmin, order="C")
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be an array of real numbers, got {value!r:.80}") from exc


cpdef bint all_finite(cnp.ndarray a) except -1:
    """Whether an array of doubles, contiguous in the order of C, holds neither NaN nor infinity."""
    if cnp.PyArray_TYPE(a) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(a):
        return bool(np.isfinite(a).all())
    return finite(doubles(a), cnp.PyArray_SIZE(a))


cpdef double number(object value, str name, double least) except? -1:
    """A finite float not below `least`, or an error that names the argument."""
    cdef double given
    try:
        given = value if type(value) is float else float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be a number, got {value!r:.80}") from exc
    if not (given >= least and isfinite(given)):
        raise ValueError(f"{name}={value!r} must be finite and not "
                         f"{'negative' if least == 0 else f'less than {least}'}")
    return given


cpdef object count(object value, str name):
    """A natural number that fits 64 bits, or an error that names the argument."""
    if type(value) is not int and isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        given = operator.index(value)
    except TypeError as exc:
        raise TypeError(f"{name} must be an integer, got {value!r:.80}") from exc
    if not 0 <= given < 2**62:
        raise ValueError(f"{name}={value} must not be negative nor beyond 2**62")
    return given


cdef cnp.ndarray vector(object value, int typenum, str what):
    """`value` as a one-dimensional contiguous array of doubles or complex doubles."""
    cdef object a
    if (isinstance(value, np.ndarray) and cnp.PyArray_TYPE(<cnp.ndarray> value) == typenum
            and cnp.PyArray_NDIM(<cnp.ndarray> value) == 1
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> value)):
        return <cnp.ndarray> value
    try:
        a = np.asarray(value)
    except ValueError as exc:
        raise TypeError(f"{what} must be an array of numbers, got {value!r:.80}") from exc
    if typenum == cnp.NPY_DOUBLE and a.dtype.kind == "c":
        raise TypeError(f"{what} must be real numbers, got complex ones (dtype {a.dtype}); "
                        "return real and imaginary parts as separate residuals")
    if a.dtype.kind not in "fiubc":
        raise TypeError(f"{what} must be real numbers, got dtype {a.dtype}: {value!r:.80}")
    try:
        a = np.ascontiguousarray(a, dtype=np.float64 if typenum == cnp.NPY_DOUBLE
                                 else np.complex128)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{what} must be an array of numbers, got {value!r:.80}") from exc
    if a.ndim == 0:
        a = a.reshape(1)
    if a.ndim != 1:
        raise ValueError(f"{what} must be a one-dimensional array, got one of shape {a.shape}")
    return <cnp.ndarray> a


cdef bint sole_owner(cnp.ndarray a) noexcept:
    """Whether the array and its memory are held by the caller's one reference alone."""
    return (FITCORE_SOLE_OWNER(a) and cnp.PyArray_CheckExact(a)
            and cnp.PyArray_CHKFLAGS(a, cnp.NPY_ARRAY_OWNDATA | cnp.NPY_ARRAY_WRITEABLE))


cdef bint put_columns(object a, double *columns, Py_ssize_t m, Py_ssize_t n,
                      bint transposed) noexcept:
    """The matrix a, shape (m, n), or (n, m) if `transposed`, column after column into `columns`.

    False, with nothing done, unless it is a contiguous array of doubles of that shape.
    """
    cdef double *source
    cdef double *row
    cdef double *column
    cdef Py_ssize_t first, rows, i, j
    if not (isinstance(a, np.ndarray) and cnp.PyArray_TYPE(<cnp.ndarray> a) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> a) == 2
            and cnp.PyArray_DIM(<cnp.ndarray> a, 0) == (n if transposed else m)
            and cnp.PyArray_DIM(<cnp.ndarray> a, 1) == (m if transposed else n)
            and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray> a)):
        return False
    source = <double *> cnp.PyArray_DATA(<cnp.ndarray> a)
    if cnp.PyArray_CHKFLAGS(<cnp.ndarray> a, cnp.NPY_ARRAY_C_CONTIGUOUS if transposed
                            else cnp.NPY_ARRAY_F_CONTIGUOUS):
        memcpy(columns, source, m * n * sizeof(double))
        return True
    if not cnp.PyArray_CHKFLAGS(<cnp.ndarray> a, cnp.NPY_ARRAY_F_CONTIGUOUS if transposed
                                else cnp.NPY_ARRAY_C_CONTIGUOUS):
        return False
    # by blocks of rows that stay in the cache while they are read n times
    for first in range(0, m, 128):
        rows = min(128, m - first)
        for j in range(n):
            row = source + first * n + j
            column = columns + j * m + first
            for i in range(rows):
                column[i] = row[i * n]
    return True
