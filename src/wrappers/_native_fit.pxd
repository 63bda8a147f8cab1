# Fits of native functions with Parameters: what stands between the solver and the function.
from libc.stdint cimport int64_t
cimport numpy as cnp

from fitcore._fit cimport ParameterResidual
from fitcore._native cimport NativeCall, fitcore_calls
from fitcore._native_types cimport fitcore_residual


# Why a drive was ended from here.
cdef enum Why:
    WHY_NOT
    WHY_CODE                            # the function returned other than 0
    WHY_LIMIT                           # as many evaluations as are allowed
    WHY_VALUES, WHY_JACOBIAN            # not finite
    WHY_EXPRESSION                      # only asteval knows the value


# A parameter that is an expression of others, for evaluation without Python.
cdef struct tie:
    void *program                       # Program
    int size                            # number of inputs
    const int64_t *inputs               # their indices among all parameters
    int64_t target
    double low, high                    # bounds of the target

# The arrays that hold ties, compiled, which are in the order of evaluation; the first one is of
# them. `targets` and `inputs` are indices among all parameters.
cdef tuple lay_out_ties(list constraints, list targets, list inputs)

# Their values among those of all parameters; other than 0 where one has to be asteval's.
cdef int evaluate_ties(const tie *ties, int64_t count, double *values) noexcept nogil


# Parameters of a fit. Objects are borrowed: the evaluator holds them.
cdef struct native_fit:
    fitcore_residual function
    void *data
    int64_t n, total, taken             # variables, all parameters, those the function takes
    void **mapping                      # n ParameterBase: bounds of the variables
    const double *floors                # n, or NULL
    int64_t *places                     # n indices of the variables among all
    int64_t *chosen                     # `taken` indices of those the function takes; NULL: all
    int64_t nties
    const tie *ties                     # in order of evaluation
    double *values                      # total
    double *p                           # taken; values where chosen is NULL
    double *chain                       # total by n: derivatives of all by the variables; or NULL
    double *slopes                      # taken by m: the function's own Jacobian; or NULL
    int64_t *columns                    # n columns of the variables in it; -1 for none
    int64_t nfev, most
    bint counts_slopes                  # whether Jacobians count as evaluations
    bint finite_values, finite_slopes   # whether others end the drive
    const double *at                    # the point of the last evaluation
    double *last                        # and what came out
    Why why
    int code

# Residuals and Jacobian at internal values: a fitcore_residual whose data is a native_fit.
cdef int mapped(int64_t m, int64_t n, const double *u, double *f, double *fjac,
                void *data) noexcept nogil


cpdef ParameterResidual residual_of(
    object fcn, object params, list varying, list mapping, tuple args, dict kws, str nan_policy,
    int64_t max_nfev, object iter_cb=*, object callback=*, object jac=*, bint col_deriv=*,
    frozenset adapts=*, ParameterResidual before=*)


cdef class NativeParameterResidual(ParameterResidual):
    cdef NativeCall function
    cdef native_fit fit
    cdef fitcore_calls own
    cdef list items                     # all parameters
    cdef list memory                    # of the arrays of fit
    cdef bint compiled                  # whether all expressions are
    cdef readonly object stop_code      # what the function returned, if it has stopped the fit

    cdef int prepare(self) except -1
    cdef list chosen(self, list names)
    cdef int lay_out_constraints(self, list constraints, list chosen) except -1
    cdef int lay_out_slopes(self) except -1
    cdef double *numbers(self, cnp.npy_intp size) except NULL
    cdef int64_t *integers(self, cnp.npy_intp size) except NULL
    cdef int gather(self) except -1
    cdef int because(self) except -1
    cdef int by_asteval(self, const double *u, Py_ssize_t n) except -1
    cdef int call_there(self, double *f, double *fjac) except -1
    cdef int jacobian_by_asteval(self, const double *x, Py_ssize_t n, double *fjac) except -1
