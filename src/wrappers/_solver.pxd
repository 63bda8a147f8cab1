# What solvers share: who may use one when, and the checks of what they are given.
cimport numpy as cnp

from fitcore._evaluator cimport Evaluator


cdef class Guarded:
    cdef bint running                   # someone is at work; another must not start

    # For the subclass: whether __init__ has been called.
    cdef bint ready(self) noexcept
    cdef int check_free(self) except -1     # nobody is at work
    cdef int check_ready(self) except -1
    cdef int check_idle(self) except -1     # both


cdef class Solver(Guarded):
    cdef readonly object stop_code      # what a native function has stopped the last run with

    # Run to the end, or until the evaluator stops it. Resumes where it left off.
    cdef int drive(self, Evaluator evaluator) except -1
    cdef int drive_python(self, str scheme, func, args, jac, bint col_deriv, callback) except -1

    # For the subclass: ask(), tell() and drive() unguarded.
    cdef object points(self)
    cdef int take(self, values) except -1
    cdef int loop(self, Evaluator evaluator) except -1
    # The number of residuals, -1 if it is not known yet.
    cdef Py_ssize_t known_rows(self) noexcept
    cdef Evaluator evaluator_of(self, str scheme, func, args, jac, bint col_deriv, callback)


cdef object start_point(x0)
cdef object scale_factors(diag, Py_ssize_t n)
cdef int check_subclass(cls, type base) except -1
cdef int read_state(bytes raw, void *state, Py_ssize_t size) except -1
cdef list intact(arrays, tuple wanted)
cdef int check_order(cnp.ndarray ipvt) except -1
cdef object array_of_numbers(values)
