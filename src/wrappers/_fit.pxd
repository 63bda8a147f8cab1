# The residual function of a fit with Parameters, as the native drivers call it.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._parameter cimport ParameterBase
from fitcore.minpack cimport Evaluator, LevenbergMarquardt

cdef enum:
    POLICY_RAISE
    POLICY_PROPAGATE
    POLICY_OMIT

# The size of difference steps in the internal value x of a parameter, and the longest.
cdef double step_size(ParameterBase item, double x, double floor) noexcept nogil
cdef double longest_step(ParameterBase item, double x) noexcept nogil


cdef class ParameterObjective:
    # An objective function that is called without Python.
    cdef object residuals(self, object params)


# Copies of the values, bounds and names of parameters, without what else they carry.
cdef ParameterBase twin(ParameterBase old)
cpdef list twins(list items)


cdef class ParameterResidual(Evaluator):
    cdef readonly object params          # handed to the user's function
    cdef readonly list varying           # its parameters that vary, in order
    cdef list mapping                    # copies of them, which the user's function cannot reach
    cdef object fcn, iter_cb, callback, jac
    cdef ParameterObjective native       # fcn, if it is one
    cdef tuple args
    cdef tuple given                    # params and args, as fcn gets them
    cdef dict kws
    cdef int policy                      # one of POLICY_*
    cdef bint col_deriv
    cdef bint lenient                    # residuals need not be finite: the solution is known
    cdef frozenset adapts                # settings that may follow the error of the residuals
    cdef readonly double error           # of the residuals, relative, if above that of doubles
    cdef public int64_t nfev
    cdef readonly double step            # of the last polish
    cdef readonly object trial           # the point it leads to
    cdef cnp.ndarray floors              # least sizes of the variables, or None
    cdef public bint scalars             # the function may return one number instead of an array
    cdef readonly bint scalar            # and did
    cdef cnp.ndarray slopes              # of the mapping where it formed the Jacobian, or None
    cdef readonly int64_t max_nfev
    cdef public object stopped         # why the fit was stopped from here, None if it was not
    cdef bint reporting                  # iter_cb is at work
    # nan_policy='omit': mask of what is kept, None for everything; of how many, 0 if not known yet.
    cdef object kept
    cdef Py_ssize_t size_before
    cdef readonly cnp.ndarray last       # the residuals of the last evaluation
    cdef readonly cnp.ndarray last_u     # and its internal values; only when stopped
    cdef LevenbergMarquardt solver       # while it runs
    cdef cnp.ndarray mapped              # internal values last assigned, and what they stand for

    # See residual_of.
    cdef int begin(self, fcn, params, list varying, list mapping, tuple args, dict kws,
                   str nan_policy, int64_t max_nfev, iter_cb, callback, jac, bint col_deriv,
                   frozenset adapts, ParameterResidual before) except -1
    cdef int assign(self, const double *u, Py_ssize_t n) except -1
    cdef object call(self)
    cdef cnp.ndarray coerce(self, object value)
    cdef int adapt(self, double error) except -1
    cdef cnp.ndarray omit(self, cnp.ndarray f)
    cdef int stop(self, object why, const double *u, Py_ssize_t n) except -1
    cdef int report(self, cnp.ndarray f, const double *x, Py_ssize_t n) except -1
