# Arrays and numbers on their way from Python to the core.
from libc.stdint cimport int64_t
cimport numpy as cnp

cdef extern from "sole_owner.h":
    bint FITCORE_SOLE_OWNER(cnp.ndarray a)

cdef extern from "loops.h" nogil:
    bint finite "fitcore_finite"(const double *a, int64_t n)
    void multiply "fitcore_multiply"(int64_t n, double factor, const double *x, double *y)
    bint scale "fitcore_scale"(int64_t n, double factor, double *x)


cdef inline double *doubles(cnp.ndarray a) noexcept:
    return <double *> cnp.PyArray_DATA(a)

cpdef object real_array(object value, str name, int ndmin)
cpdef bint all_finite(cnp.ndarray a) except -1
cpdef double number(object value, str name, double least) except? -1
cpdef object count(object value, str name)
cdef cnp.ndarray zeros(Py_ssize_t n)
cdef cnp.ndarray fresh(const double *x, Py_ssize_t n)
cdef cnp.ndarray vector(object value, int typenum, str what)
cdef bint sole_owner(cnp.ndarray a)
cdef bint put_columns(object a, double *columns, Py_ssize_t m, Py_ssize_t n,
                      bint transposed) noexcept
