# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What solvers share: who may use one when, and checks of what they are given."""

from libc.string cimport memcpy
cimport numpy as cnp

from fitcore._arrays cimport all_finite, real_array
from fitcore._evaluator cimport Evaluator, native_evaluator, python_evaluator
from fitcore._native cimport NativeCall

import numpy as np

from fitcore._native import NativeStop

cnp.import_array()


cdef class Guarded:
    """What one caller at a time may use, once it has been set up."""

    cdef bint ready(self) noexcept:
        return False

    cdef int check_free(self) except -1:
        if self.running:
            raise RuntimeError("this solver is already running; make one solver for each run")
        return 0

    cdef int check_ready(self) except -1:
        if not self.ready():
            raise RuntimeError("the solver has not been set up: __init__ was not called")
        return 0

    cdef int check_idle(self) except -1:
        self.check_free()
        return self.check_ready()


cdef class Solver(Guarded):
    """A solver by reverse communication, which is asked and told, or driven, by MINPACK's ways."""

    cdef object points(self):
        raise NotImplementedError("points")

    cdef int take(self, values) except -1:
        raise NotImplementedError("take")

    cdef int loop(self, Evaluator evaluator) except -1:
        raise NotImplementedError("loop")

    cdef int drive(self, Evaluator evaluator) except -1:
        self.check_idle()
        self.running = True
        self.stop_code = None
        try:
            self.loop(evaluator)
        except NativeStop as stop:
            if not evaluator.is_native:
                raise
            self.stop_code = stop.code
            self.stop()
        finally:
            self.running = False
        return 0

    cdef int drive_python(self, str scheme, func, args, jac, bint col_deriv, callback) except -1:
        """Drive with Python functions, for a solver whose Jacobian comes from `scheme`."""
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, got {callback!r}")
        return self.drive(self.evaluator_of(scheme, func, args, jac, col_deriv, callback))

    cdef Py_ssize_t known_rows(self) noexcept:
        return -1

    cdef Evaluator evaluator_of(self, str scheme, func, args, jac, bint col_deriv, callback):
        """What calls the functions, which are Python's or native."""
        native = isinstance(func, NativeCall)
        if scheme == "analytic" and not callable(jac) and not (native and jac is None):
            raise TypeError(f"jac must be a callable for a solver with jac='analytic', got {jac!r}")
        if jac is not None and scheme != "analytic":
            raise ValueError(f"jac was given to a solver made with jac={scheme!r}; make it with "
                             "jac='analytic'")
        if native:
            return native_evaluator(func, args, jac, col_deriv, callback, self.known_rows(),
                                    scheme)
        return python_evaluator(func, args, jac, col_deriv, callback)

    def ask(self):
        """Points at which the solver wants to know the functions.

        Returns
        -------
        ndarray
            What :attr:`task` says: for 'residual' one point, shape (n,); for 'jacobian' the point
            whose Jacobian :meth:`tell` wants, shape (n,); for 'differences' a block of points, one
            in each row, whose residuals it wants. There are n of them with forward differences
            (fewer for a banded Jacobian), 2 n with central ones (all the upper points before all
            the lower ones), n complex ones with the complex step; they may be evaluated in any
            order or at once. A new array each time; asking twice gives the same points.

        Raises
        ------
        RuntimeError
            If the solver is finished, or a driver is at work on it.
        """
        self.check_idle()
        self.running = True
        try:
            return self.points()
        finally:
            self.running = False

    def tell(self, values):
        """Answer :meth:`ask`.

        Parameters
        ----------
        values : array_like
            For 'residual' the residuals, shape (m,), which is (n,) for a system of equations; for
            'differences' the residuals of each point, shape (points, m); for 'jacobian' the
            Jacobian, shape (m, n). They are copied.

        Raises
        ------
        RuntimeError
            If the solver is finished, or a driver is at work on it.
        ValueError
            If the shape is not the one wanted.
        TypeError
            If the values are not real numbers (complex for the complex step).
        """
        self.check_idle()
        self.running = True
        try:
            self.take(values)
        finally:
            self.running = False


cdef object start_point(x0):
    """A copy of the starting point, a vector of finite numbers."""
    start = real_array(x0, "x0", 1)
    if start.ndim != 1 or start.size == 0:
        raise ValueError(f"x0 must be a vector of at least one number, got shape {start.shape}")
    if not all_finite(start):
        raise ValueError(f"x0 must be finite, got {start}")
    return start


cdef object scale_factors(diag, Py_ssize_t n):
    """A copy of the scale factors of n variables; None if they are not given."""
    if diag is None:
        return None
    scale = real_array(diag, "diag", 1)
    if scale.shape != (n,):
        raise ValueError(f"diag must have shape ({n},) like x0, got {scale.shape}")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError(f"diag must be positive and finite, got {scale}")
    return scale


cdef object array_of_numbers(values):
    """What tell() was given as an array, of whatever numbers."""
    try:
        return np.asarray(values)
    except ValueError as exc:
        raise TypeError(f"values must be an array of numbers, got {values!r:.80}") from exc


# Of what comes out of a pickle nothing is trusted before it is checked.

cdef int check_subclass(cls, type base) except -1:
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise TypeError(f"cls must be {base.__name__} or a subclass, got {cls!r}")
    return 0


cdef int read_state(bytes raw, void *state, Py_ssize_t size) except -1:
    """The struct of a solver from its bytes."""
    if len(raw) != size:
        raise ValueError(f"state has {len(raw)} bytes, wanted {size}: it comes from another "
                         "version of fitcore")
    memcpy(state, <char *> raw, size)
    return 0


cdef list intact(arrays, tuple wanted):
    """Copies of the arrays, which must have the wanted (shape, dtype) one by one."""
    copies = [np.array(a, copy=True, order="C") for a in arrays]
    if [(a.shape, a.dtype) for a in copies] != [(shape, np.dtype(kind)) for shape, kind in wanted]:
        raise ValueError("the pickled state is damaged: its arrays do not fit it")
    return copies


cdef int check_order(cnp.ndarray ipvt) except -1:
    """An order of columns must have each of them once, counted from 1."""
    if sorted(ipvt.tolist()) != list(range(1, cnp.PyArray_SIZE(ipvt) + 1)):
        raise ValueError("the pickled state is damaged: ipvt is no permutation")
    return 0
