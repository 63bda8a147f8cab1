# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Native functions: pointers of fitcore.h's signatures with what belongs to them."""

from cpython.pycapsule cimport (
    PyCapsule_CheckExact, PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer,
)
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset
cimport numpy as cnp

from fitcore._arrays cimport doubles

from fitcore._stops import AbortFitException

cnp.import_array()

__all__ = ["NativeCall", "NativeStop", "capsule_parts"]

cdef dict KINDS = {"residual": RESIDUAL, "objective": OBJECTIVE, "model": MODEL}
cdef tuple KIND_NAMES = ("residual", "objective", "model")

cdef extern from "Python.h" nogil:
    # without Cython's check: the exception stays set until the driver has returned
    int check_signals "PyErr_CheckSignals"() noexcept


class NativeStop(AbortFitException):
    """A native function has returned a value other than 0.

    Fits end with the best point so far, and report the value; a call from Python raises this.

    Attributes
    ----------
    code : int
        The value.
    """

    def __init__(self, code):
        super().__init__(f"the native function returned {code}: a value other than 0 stops")
        self.code = code

    def __reduce__(self):
        return NativeStop, (self.code,)


def capsule_parts(capsule):
    """Address, name and context of a PyCapsule; None for what is not one."""
    cdef const char *name
    if not PyCapsule_CheckExact(capsule):
        return None
    name = PyCapsule_GetName(capsule)
    pointer = <uintptr_t> PyCapsule_GetPointer(capsule, name)
    words = None if name == NULL else (<bytes> name).decode(errors="replace")
    return pointer, words, <uintptr_t> PyCapsule_GetContext(capsule)


cdef int look() noexcept nogil:
    with gil:
        return check_signals()


cdef int leave() except -1:
    return -1


cdef int objective_as_residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                               void *data) noexcept nogil:
    """An objective as one residual; where only the gradient is wanted the value has to go."""
    cdef fitcore_curve *curve = <fitcore_curve *> data
    cdef double value = 0
    return (<fitcore_objective> <void *> curve.model)(n, p, f if f != NULL else &value, fjac,
                                                      curve.data)


cdef class NativeCall:
    """A native function: its address, user data and kind. See `fitcore.NativeFunction`."""

    def __init__(self, str kind, address, user_address, m, bint derivatives, names, keep):
        self.code = KINDS[kind]
        self.pointer = <void *> <uintptr_t> address
        self.user = <void *> <uintptr_t> user_address
        self.m, self.has_derivatives, self.names, self.keep = m, derivatives, names, keep
        memset(&self.curve, 0, sizeof(fitcore_curve))
        if self.code == OBJECTIVE:
            self.m = 1
            self.curve.model = <fitcore_model> self.pointer
            self.curve.data = self.user

    @property
    def kind(self):
        """'residual', 'objective' or 'model'."""
        return KIND_NAMES[self.code]

    @property
    def address(self):
        """The function pointer as an integer."""
        return <uintptr_t> self.pointer

    @property
    def user_address(self):
        """The pointer that it gets as `user_data`, as an integer."""
        return <uintptr_t> self.user

    def _check(self):
        if self.pointer == NULL:
            raise RuntimeError("the NativeFunction has not been set up: __init__ was not called")

    cdef int values(self, int64_t m, int64_t n, const double *p, double *f,
                    double *fjac) noexcept nogil:
        if self.code == OBJECTIVE:
            return objective_as_residual(m, n, p, f, fjac, &self.curve)
        return (<fitcore_residual> self.pointer)(m, n, p, f, fjac, self.user)

    def _curve(self, cnp.ndarray x, cnp.ndarray y, weights, Py_ssize_t nx, bint of_model):
        """Make this, a residual, that of a model, whose pointer it has, and data: C-contiguous.

        Those of a Model are data less model, and its fits pass the data as arguments as well.
        """
        cdef cnp.ndarray w = weights
        self.curve.data_first = self.complete = of_model
        self.curve.model, self.curve.data = <fitcore_model> self.pointer, self.user
        self.curve.nx = nx
        self.curve.x, self.curve.y = doubles(x), doubles(y)
        self.curve.weights = NULL if w is None else doubles(w)
        self.pointer, self.user = <void *> fitcore_curve_residual, <void *> &self.curve
        self.keep = (self.keep, x, y, w)

    def _evaluate(self, cnp.ndarray p, Py_ssize_t m, bint jacobian, cnp.ndarray x=None,
                  Py_ssize_t nx=0):
        """Residuals (m,), or the Jacobian (m, n), at contiguous p; or a model at nx rows x of m."""
        cdef Py_ssize_t n = cnp.PyArray_SIZE(p)
        cdef cnp.npy_intp shape[2]
        cdef cnp.ndarray out
        cdef double *f = NULL
        cdef double *fjac = NULL
        cdef double *at = doubles(p)
        cdef double *points = NULL if x is None else doubles(x)
        cdef int code
        shape[0], shape[1] = m, n
        if jacobian:
            out = cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 1)
            fjac = doubles(out)
        else:
            out = cnp.PyArray_ZEROS(1, shape, cnp.NPY_DOUBLE, 0)
            f = doubles(out)
        with nogil:
            if points != NULL:
                code = (<fitcore_model> self.pointer)(m, nx, points, n, at, f, fjac, self.user)
            else:
                code = self.values(m, n, at, f, fjac)
        if code != 0:
            raise NativeStop(code)
        return out

    cdef int as_residual(self, fitcore_residual *function, void **data) except -1:
        self._check()
        if self.code == MODEL:
            raise TypeError("a NativeFunction of kind 'model' has no residuals of its own: "
                            "its method residual(x, y) makes them")
        if self.code == OBJECTIVE:
            function[0], data[0] = objective_as_residual, <void *> &self.curve
        else:
            function[0], data[0] = <fitcore_residual> self.pointer, self.user
        return 0

    cdef int as_objective(self, fitcore_objective *function, void **data) except -1:
        self._check()
        if self.code != OBJECTIVE:
            raise TypeError(f"a function to be minimized must be a NativeFunction of kind "
                            f"'objective', got kind {self.kind!r}")
        function[0], data[0] = <fitcore_objective> self.pointer, self.user
        return 0

    def __reduce__(self):
        raise TypeError("a NativeFunction cannot be pickled: its address means nothing in another "
                        "process. Make it there")


cdef int start_calls(fitcore_calls *calls, bint looks) except -1:
    memset(calls, 0, sizeof(fitcore_calls))
    if looks:
        calls.look = look
    return 0
