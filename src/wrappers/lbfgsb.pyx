# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Minimization under bounds by L-BFGS-B 3.0, driven by reverse communication."""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, finite, fresh, number, sole_owner, zeros
from fitcore._native cimport (
    DRIVE_CODE, DRIVE_DONE, DRIVE_EVALUATIONS, DRIVE_ITERATIONS, DRIVE_LOOKED, NativeCall,
    fitcore_calls, fitcore_differences, fitcore_forward_objective, leave, start_calls,
)
from fitcore._native_types cimport fitcore_objective
from fitcore._solver cimport Guarded, check_subclass, intact, read_state, start_point

import numpy as np

from fitcore._bounds import read_bounds
from fitcore._native import NativeStop

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    fitcore_lb_kernels fitcore_choose_lb_kernels(int level)

cnp.import_array()

cdef fitcore_lb_kernels kernels = fitcore_choose_lb_kernels(fitcore_cpu_level())

__all__ = ["LBFGSB", "MESSAGES", "Objective"]
__dir__ = __all__.copy

# Below this many doubles in S a step is too short to be worth giving up the GIL.
cdef Py_ssize_t GIL_ELEMENTS = 16384

cdef int64_t NO_LIMIT = 2**62

# What fitcore_lb_fetch gives.
cdef enum:
    FETCH_S = 0
    FETCH_Y = 1
    FETCH_X = 2

#: What each value of ``info`` means, in the words of the Fortran code where it has them.
MESSAGES = {
    1: "CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL",
    2: "CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH",
    3: "ABNORMAL_TERMINATION_IN_LNSRCH",
    4: "ABNORMAL: F OR ITS GRADIENT IS NAN OR INFINITE AT THE START",
    5: "STOP: REQUESTED BY THE CALLER",
}
STOP_ITERATIONS = "STOP: TOTAL NO. of ITERATIONS REACHED LIMIT"
STOP_EVALUATIONS = "STOP: TOTAL NO. of f AND g EVALUATIONS EXCEEDS LIMIT"
STOP_CALLBACK = "STOP: CALLBACK REQUESTED HALT"


cpdef double as_scalar(object value) except? -1.0:
    """The value of an objective as a float, or an error that says what `fun` must return."""
    cdef object a
    if PyFloat_Check(value):
        return PyFloat_AS_DOUBLE(value)
    if isinstance(value, (complex, np.complexfloating)):
        raise TypeError(f"fun must return a real number, got {value!r}")
    try:
        a = np.asarray(value)
    except ValueError as exc:
        raise ValueError("fun: the user-provided objective function must return a scalar value, "
                         f"got {value!r:.80}") from exc
    if a.dtype.kind not in "fiub":
        raise TypeError(f"fun must return a real number, got {value!r:.80}")
    if a.size != 1:
        raise ValueError("fun: the user-provided objective function must return a scalar value, "
                         f"got an array of shape {a.shape}")
    return a.item()


cpdef cnp.ndarray as_gradient(object value, Py_ssize_t n):
    """A gradient as n contiguous doubles, or an error that says what is wrong with it."""
    cdef object a
    if (isinstance(value, np.ndarray) and cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
            and cnp.PyArray_NDIM(<cnp.ndarray> value) == 1
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> value)
            and cnp.PyArray_SIZE(<cnp.ndarray> value) == n):
        return <cnp.ndarray> value
    try:
        a = np.asarray(value)
    except ValueError as exc:
        raise TypeError(f"the gradient must be an array of {n} real numbers, got {value!r:.80}"
                        ) from exc
    if a.dtype.kind not in "fiub":
        raise TypeError(f"the gradient must be {n} real numbers, got dtype {a.dtype}: "
                        f"{value!r:.80}")
    if a.size != n or max(a.shape, default=1) != n:
        raise ValueError(f"the gradient has shape {a.shape}, wanted ({n},) like x")
    return <cnp.ndarray> np.ascontiguousarray(a.reshape(n), dtype=np.float64)


cdef cnp.ndarray _workspace(Py_ssize_t n):
    """n doubles, zero where that is cheap: numpy takes large pages for large uncleared arrays."""
    cdef cnp.npy_intp size = n
    if n < 2**18:
        return cnp.PyArray_ZEROS(1, &size, cnp.NPY_DOUBLE, 0)
    return cnp.PyArray_EMPTY(1, &size, cnp.NPY_DOUBLE, 0)


cdef class Objective:
    """The function as the native driver calls it; for use from Cython."""

    cdef double value(self, const double *x, Py_ssize_t n, double *g) except? -1.0:
        raise NotImplementedError("value")

    cdef int evaluate(self, LBFGSB solver) except -1:
        solver.check_own()
        solver.ft = self.value(doubles(solver._x), solver.state.n, doubles(solver._g))
        return 0

    cdef int iteration(self, LBFGSB solver) except -1:
        return 0

    cdef int ended(self, int how) except -1:
        if how == DRIVE_LOOKED:
            return leave()
        raise NativeStop(self.calls.code)


cdef class PythonObjective(Objective):
    """A function and its gradient from Python callables."""

    cdef object fun, jac, callback, trace
    cdef tuple args

    def __init__(self, fun, tuple args, jac, callback, trace):
        self.fun = fun
        self.args = args
        self.jac = jac
        self.callback = callback
        self.trace = trace

    cdef int evaluate(self, LBFGSB solver) except -1:
        cdef cnp.ndarray x = solver.given()
        cdef object value, g
        cdef double f
        if self.args:
            value = self.fun(x, *self.args)
        else:
            value = self.fun(x)
        if self.jac is None:
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise TypeError("fun must return the pair (f, g) when jac is True, got "
                                f"{value!r:.80}")
            f = as_scalar(value[0])
            g = value[1]
            value = None
        else:
            f = as_scalar(value)
            solver.spare = x
            x = solver.given()
            g = self.jac(x, *self.args) if self.args else self.jac(x)
        if solver.state.task != LB_EVALUATE:
            return 0                    # the function has called stop()
        g = as_gradient(g, solver.state.n)
        solver.accept(<cnp.ndarray> g)
        solver.ft = f
        solver.spare = x
        return 0

    cdef int iteration(self, LBFGSB solver) except -1:
        return watch(solver, self.trace, self.callback)


cdef class NativeObjective(Objective):
    """A native function, with its gradient or with forward differences of it.

    Parameters
    ----------
    function : NativeCall
        Of kind 'objective'.
    callback, trace : callable or None
        As for :meth:`LBFGSB.run`. With one of them the loop runs in Python.
    step, relative : ndarray (n,) or None
        Steps of the differences, absolute or relative to max(1, abs(x)); with None for both the
        gradient is the function's own.
    usual : float
        The relative step where the one wanted vanishes beside x.
    lower, upper : ndarray (n,) or None
        What the differences must not leave.
    """

    cdef NativeCall function
    cdef fitcore_calls own
    cdef fitcore_differences differences
    cdef object callback, trace
    cdef tuple keep

    def __init__(self, NativeCall function not None, callback=None, trace=None, step=None,
                 relative=None, double usual=0, lower=None, upper=None):
        cdef cnp.ndarray a
        cdef fitcore_differences *d = &self.differences
        self.function, self.callback, self.trace, self.native = function, callback, trace, True
        start_calls(&self.own, True)
        function.as_objective(&self.own.objective, &self.own.data)
        if step is None and relative is None and not function.has_derivatives:
            raise TypeError("the NativeFunction has no gradient: give it, and derivatives=True, or "
                            "let differences be taken")
        if step is not None or relative is not None:
            d.function, d.data, d.usual = self.own.objective, self.own.data, usual
            given = [None if v is None else np.array(v, dtype=np.float64, order="C")
                     for v in (step, relative, lower, upper)]
            point = np.empty_like(next(v for v in given if v is not None))
            self.keep = (*given, point)
            for v in self.keep:
                if v is not None and v.shape != point.shape:
                    raise ValueError("step, relative, lower and upper must have one shape")
            if given[0] is not None:
                a = given[0]
                d.step = doubles(a)
            if given[1] is not None:
                a = given[1]
                d.relative = doubles(a)
            if given[2] is not None and given[3] is not None:
                a = given[2]
                d.lower = doubles(a)
                a = given[3]
                d.upper = doubles(a)
            a = point
            d.point = doubles(a)
            self.own.objective, self.own.data = fitcore_forward_objective, <void *> d
            self.evaluations = &d.evaluations
        if callback is None and trace is None:
            self.calls = &self.own

    @property
    def nfev(self):
        """Evaluations, those of differences included; 0 without them."""
        return self.differences.evaluations

    @property
    def njev(self):
        """Gradients formed by differences."""
        return self.differences.gradients

    cdef double value(self, const double *x, Py_ssize_t n, double *g) except? -1.0:
        cdef double f = 0
        cdef int code
        with nogil:
            code = self.own.objective(n, x, &f, g, self.own.data)
        if code != 0:
            raise NativeStop(code)
        return f

    cdef int iteration(self, LBFGSB solver) except -1:
        return watch(solver, self.trace, self.callback)


cdef int watch(LBFGSB solver, trace, callback) except -1:
    """News of an iteration; whether the callback wants the run to end."""
    if trace is not None:
        trace(solver)
    if callback is None or solver.state.task != LB_NEW_X:
        return 0
    try:
        return 1 if callback(solver) else 0
    except StopIteration:
        return 1


cdef class LBFGSB(Guarded):
    """Minimization of a smooth function under bounds by L-BFGS-B 3.0.

    The solver asks for the function and its gradient and is told them: nothing is called from
    inside, so the function may live anywhere, and the solver can be pickled between two steps and
    resumed elsewhere with the same iterates. :meth:`run` does the asking and telling for a Python
    function.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point. It is copied, and projected into the bounds.
    bounds : sequence of (min, max), array_like of shape (n, 2), or object with lb and ub, optional
        Bounds of the variables. None, -inf and inf mean no bound on that side; equal bounds fix a
        variable.
    m : int, default 10
        Number of corrections of the limited memory matrix, at least 1. The workspace holds about
        ``2 * m * n`` numbers.
    factr : float, default 1e7
        The run ends when :math:`(f_k - f_{k+1}) / \\max(|f_k|, |f_{k+1}|, 1)` is at most `factr`
        times the spacing of doubles, 2.2e-16.
    pgtol : float, default 1e-5
        The run ends when no element of the projected gradient is greater than this.
    maxls : int, default 20
        Limit on evaluations in one line search, at least 1.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The last iterate, which has the lowest value so far.
    f : float
        The value there; NaN before the first evaluation.
    g : ndarray, shape (n,)
        The gradient there; None before the first evaluation.
    projected_gradient_norm : float
        The greatest element of the projected gradient there.
    active : ndarray of int
        Indices of the variables at a bound.
    nit, nfev : int
        Iterations; evaluations told.
    restarts : int
        How often the limited memory was thrown away.
    done : bool
        Whether the run is finished.
    info : int
        1 and 2 converged, 3 the line search failed, 4 NaN or infinity at the start, 5 stopped;
        None while the run goes on.
    message : str
        `info` in the words of the Fortran code.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If an argument is not of the kind it must be.

    References
    ----------
    .. [1] R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, "A limited memory algorithm for bound constrained
       optimization", SIAM J. Sci. Comput. 16(5), 1190-1208 (1995).
    .. [2] C. Zhu, R. H. Byrd, P. Lu, J. Nocedal, "Algorithm 778: L-BFGS-B", ACM Trans. Math. Softw.
       23(4), 550-560 (1997).
    .. [3] J. L. Morales, J. Nocedal, "Remark on Algorithm 778", ACM Trans. Math. Softw. 38(1)
       (2011).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.lbfgsb import LBFGSB
    >>> def rosenbrock(x):
    ...     f = 100 * (x[1] - x[0]**2)**2 + (1 - x[0])**2
    ...     g = np.array([-400 * x[0] * (x[1] - x[0]**2) - 2 * (1 - x[0]),
    ...                   200 * (x[1] - x[0]**2)])
    ...     return f, g
    >>> solver = LBFGSB([-1.2, 1.0], bounds=[(None, 0.5), (0, None)])
    >>> while not solver.done:
    ...     x = solver.ask()
    ...     solver.tell(*rosenbrock(x))
    >>> solver.x.round(6), solver.active, solver.info <= 2
    (array([0.5 , 0.25]), array([0]), True)
    """

    def __init__(self, x0, bounds=None, m=10, factr=1e7, pgtol=1e-5, maxls=20):
        cdef lbfgsb_state *s = &self.state
        cdef cnp.npy_intp size
        cdef Py_ssize_t n
        self.check_free()
        start = start_point(x0)
        n = start.size
        corrections = count(m, "m")
        if corrections < 1:
            raise ValueError(f"m={m} must be at least 1")
        steps = count(maxls, "maxls")
        if not 1 <= steps < 2**31:
            raise ValueError(f"maxls={maxls} must be positive and below 2**31")
        reduction = number(factr, "factr", 0.0)
        tolerance = number(pgtol, "pgtol", 0.0)
        if 2 * corrections * n + 12 * corrections**2 + 8 * n >= 2**60:
            raise MemoryError(f"m={m} corrections of {n} variables are more than memory can hold")
        lower, upper = read_bounds(bounds, n)

        bounded = lower is not None
        work = _workspace(fitcore_lb_work_size(n, corrections))
        size = fitcore_lb_iwork_size(corrections)
        iwork = cnp.PyArray_ZEROS(1, &size, cnp.NPY_INT64, 0)
        marks = None
        if bounded:
            size = n
            marks = cnp.PyArray_ZEROS(1, &size, cnp.NPY_INT8, 0)
        gradient = zeros(n)
        # nothing fails from here on
        memset(s, 0, sizeof(lbfgsb_state))
        self._x, self._g = start, gradient
        self._l, self._u, self.marks = lower, upper, marks
        self.wa, self.iwa = work, iwork
        self.spare = None
        self.ft = NAN
        self.told = False
        self.restarts = 0
        self.words = None
        self.stepping = self.stop_wanted = False
        fitcore_lb_init(s, n, corrections, bounded, reduction, tolerance, steps)
        self.step()

    cdef bint ready(self) noexcept:
        return self._x is not None

    cdef int check_own(self) except -1:
        """Make sure that nobody else holds the array for the gradient."""
        cdef cnp.ndarray g = self._g
        self._g = None
        self._g = g if sole_owner(g) else zeros(self.state.n)
        return 0

    cdef int step(self) except -1:
        """Let the core go on to its next task."""
        cdef lbfgsb_state *s = &self.state
        cdef double *x = doubles(self._x)
        cdef double *below = NULL
        cdef double *above = NULL
        cdef signed char *marks = NULL
        cdef double *g = doubles(self._g)
        cdef double *wa = doubles(self.wa)
        cdef int64_t *iwa = <int64_t *> cnp.PyArray_DATA(self.iwa)
        cdef double f = self.ft
        cdef bint first = s.task == LB_EVALUATE and not self.told
        self.told = s.task != LB_START
        if first and not finite(g, s.n):
            f = NAN                     # the bounds may hide it from the projected gradient
        if s.bounded:
            below, above = doubles(self._l), doubles(self._u)
            marks = <signed char *> cnp.PyArray_DATA(self.marks)
        if s.n * s.m < GIL_ELEMENTS:
            fitcore_lb_step(s, x, below, above, f, g, wa, iwa, marks, &kernels)
        else:
            self.stepping = True
            with nogil:
                fitcore_lb_step(s, x, below, above, f, g, wa, iwa, marks, &kernels)
            self.stepping = False
        if s.restarted:
            self.restarts += 1
        if first:
            s.f = self.ft
        if self.stop_wanted:
            self.halt(self.words)
        return 0

    cdef int accept(self, cnp.ndarray g) except -1:
        """Keep a gradient of n doubles: taken over where nobody else holds it, else copied."""
        if sole_owner(g):
            self._g = g
            return 0
        self.check_own()
        memcpy(doubles(self._g), doubles(g), self.state.n * sizeof(double))
        return 0

    cdef cnp.ndarray given(self):
        """The point asked for, in an array that nobody else holds."""
        cdef cnp.ndarray x = self.spare
        self.spare = None
        if (x is None or not sole_owner(x) or cnp.PyArray_TYPE(x) != cnp.NPY_DOUBLE
                or cnp.PyArray_NDIM(x) != 1 or cnp.PyArray_SIZE(x) != self.state.n):
            return fresh(doubles(self._x), self.state.n)
        memcpy(cnp.PyArray_DATA(x), doubles(self._x), self.state.n * sizeof(double))
        return x

    cdef bint searching(self) noexcept:
        """Whether the point asked for belongs to a line search from the last iterate."""
        return self.state.task == LB_EVALUATE and self.told

    cdef cnp.ndarray iterate(self):
        """The last iterate."""
        if self.searching():
            return self.fetch(FETCH_X, 0)
        return fresh(doubles(self._x), self.state.n)

    cdef cnp.ndarray fetch(self, int which, Py_ssize_t j):
        """A copy of what the core keeps in its workspace: see fitcore_lb_fetch."""
        cdef cnp.npy_intp size = self.state.n
        cdef cnp.ndarray a = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_DOUBLE)
        fitcore_lb_fetch(&self.state, doubles(self.wa), which, j, doubles(a))
        return a

    cdef int drive(self, Objective objective, int64_t maxiter, int64_t maxfun) except -1:
        cdef lbfgsb_state *s = &self.state
        cdef bint first
        self.check_idle()
        self.running = True
        self.stop_code = None
        try:
            if objective.calls != NULL and s.task != LB_DONE:
                self.drive_natively(objective, maxiter, maxfun)
            while s.task != LB_DONE:
                if s.task == LB_EVALUATE:
                    first = not self.told
                    objective.evaluate(self)
                    if s.task == LB_DONE:
                        break
                    self.step()
                    if first and objective.iteration(self) != 0:
                        self.stop()
                    continue
                if objective.iteration(self) != 0:
                    self.halt(STOP_CALLBACK)
                elif s.task == LB_DONE:
                    break
                elif s.nit >= maxiter:
                    self.halt(STOP_ITERATIONS)
                elif (s.nfev if objective.evaluations == NULL
                      else objective.evaluations[0]) > maxfun:
                    self.halt(STOP_EVALUATIONS)
                else:
                    self.step()
        except NativeStop as stop:
            if not objective.native:
                raise
            self.stop_code = stop.code
            self.halt(f"STOP: THE FUNCTION RETURNED {stop.code}")
        finally:
            self.running = False
        return 0

    cdef int drive_natively(self, Objective objective, int64_t maxiter, int64_t maxfun) except -1:
        """Go on to the end without the GIL, calling a native function."""
        cdef lbfgsb_state *s = &self.state
        cdef fitcore_lb_arrays a
        cdef fitcore_calls *calls = objective.calls
        cdef int how
        self.check_own()
        memset(&a, 0, sizeof(fitcore_lb_arrays))
        a.x, a.g, a.wa = doubles(self._x), doubles(self._g), doubles(self.wa)
        a.iwa, a.kernels = <int64_t *> cnp.PyArray_DATA(self.iwa), &kernels
        if s.bounded:
            a.l, a.u = doubles(self._l), doubles(self._u)
            a.marks = <signed char *> cnp.PyArray_DATA(self.marks)
        a.f, a.told, a.restarts = self.ft, self.told, self.restarts
        a.maxiter, a.maxfun, a.evaluations = maxiter, maxfun, objective.evaluations
        self.stepping = True
        with nogil:
            how = fitcore_drive_lbfgsb(s, &a, calls)
        self.stepping = False
        self.ft, self.told, self.restarts = a.f, a.told, a.restarts
        if self.stop_wanted:
            self.halt(self.words)
        elif how == DRIVE_ITERATIONS:
            self.halt(STOP_ITERATIONS)
        elif how == DRIVE_EVALUATIONS:
            self.halt(STOP_EVALUATIONS)
        elif how != DRIVE_DONE:
            objective.ended(how)
        return 0

    cdef int halt(self, str words) except -1:
        """End the run where it stands: at the last iterate."""
        cdef lbfgsb_state *s = &self.state
        if s.task == LB_DONE:
            self.stop_wanted = False
            return 0
        self.words = words
        # another thread is within the core: that ends first
        self.stop_wanted = self.stepping
        if self.stepping:
            return 0
        if self.searching():
            fitcore_lb_fetch(s, doubles(self.wa), FETCH_X, 0, doubles(self._x))
            self._g = self.fetch(FETCH_Y, s.col + 1)
        fitcore_lb_stop(s)
        return 0

    def run(self, fun, args=(), jac=True, *, callback=None, trace=None, maxiter=None, maxfun=None):
        """Run to the end, calling Python functions.

        Resumes wherever the solver stands: after an exception from `fun`, after unpickling, or in
        the midst of asking and telling.

        Parameters
        ----------
        fun : callable
            ``fun(x, *args)`` returns the pair (f, g) of the value and the gradient, shape (n,), or
            f alone when `jac` is a callable. Its `x` is a new array each time.
        args : tuple, optional
            Further arguments of `fun` and `jac`.
        jac : True or callable, default True
            ``jac(x, *args)`` returns the gradient. With True it comes from `fun`.
        callback : callable, optional
            ``callback(solver)`` after each iteration; a true value or StopIteration stops the run.
        trace : callable, optional
            ``trace(solver)`` after the first evaluation, when ``nit`` is 0, and before `callback`
            after each iteration. What it returns is not looked at.
        maxiter, maxfun : int, optional
            Limits on iterations and evaluations. Both are looked at after an iteration, so that a
            line search is always finished.

        Returns
        -------
        LBFGSB
            The solver itself.

        Raises
        ------
        TypeError
            If `fun` or `jac` is not callable or returns what is not real numbers.
        ValueError
            If f is not one number or the gradient has another shape than x.
        Exception
            Whatever `fun`, `jac`, `trace` or `callback` raises, unchanged.

        Examples
        --------
        >>> from fitcore.lbfgsb import LBFGSB
        >>> def fun(x):
        ...     return ((x - 3) ** 4).sum(), 4 * (x - 3) ** 3
        >>> solver = LBFGSB([0.0, 5.0], bounds=[(0, 2), (0, None)]).run(fun)
        >>> solver.x.round(1), solver.message
        (array([2., 3.]), 'CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL')
        """
        cdef Objective objective
        self.check_ready()
        for what, name in ((fun, "fun"), (callback, "callback"), (trace, "trace")):
            if not callable(what) and (name == "fun" or what is not None):
                raise TypeError(f"{name} must be callable, got {what!r:.80}")
        if jac is not True and not callable(jac):
            raise TypeError(f"jac must be True or a callable, got {jac!r:.80}")
        try:
            args = tuple(args)
        except TypeError as exc:
            raise TypeError(f"args must be a tuple, got {args!r:.80}") from exc
        iterations = NO_LIMIT if maxiter is None else count(maxiter, "maxiter")
        evaluations = NO_LIMIT if maxfun is None else count(maxfun, "maxfun")
        if isinstance(fun, NativeCall) and (jac is True or jac is fun):
            if args:
                raise TypeError("a NativeFunction takes no further arguments: args must be empty, "
                                f"got {args!r:.80}. Use its user_data")
            objective = NativeObjective(fun, callback, trace)
        else:
            objective = PythonObjective(fun, args, None if jac is True else jac, callback, trace)
        self.drive(objective, iterations, evaluations)
        return self

    def run_objective(self, Objective objective not None, maxiter=None, maxfun=None):
        """Run to the end with an `Objective`: see :meth:`run`."""
        self.drive(objective, NO_LIMIT if maxiter is None else count(maxiter, "maxiter"),
                   NO_LIMIT if maxfun is None else count(maxfun, "maxfun"))
        return self

    def ask(self):
        """The point at which the solver wants to know the function and its gradient.

        Returns
        -------
        ndarray, shape (n,)
            A new array each time; asking twice gives the same point.

        Raises
        ------
        RuntimeError
            If the run is finished, or a driver is at work on it.
        """
        self.check_idle()
        self.running = True
        try:
            self.settle()
        finally:
            self.running = False
        if self.state.task == LB_DONE:
            raise RuntimeError(f"the run is finished (info={self.state.info}): nothing to ask")
        return fresh(doubles(self._x), self.state.n)

    def tell(self, f, g):
        """Answer :meth:`ask`.

        Parameters
        ----------
        f : float
            The value of the function. A NaN or an infinity in a line search makes it try a shorter
            step, as far as `maxls` allows.
        g : array_like, shape (n,)
            The gradient. It is copied.

        Raises
        ------
        RuntimeError
            If the run is finished, or a driver is at work on it.
        ValueError
            If f is not one number or g does not have the shape of x.
        TypeError
            If they are not real numbers.
        """
        self.check_idle()
        self.running = True
        try:
            self.take(f, g)
        finally:
            self.running = False

    cdef int take(self, f, g) except -1:
        cdef double value
        cdef cnp.ndarray gradient
        self.settle()
        if self.state.task == LB_DONE:
            raise RuntimeError(f"the run is finished (info={self.state.info}): nothing to tell")
        value = as_scalar(f)
        gradient = as_gradient(g, self.state.n)
        self.check_own()
        memcpy(doubles(self._g), doubles(gradient), self.state.n * sizeof(double))
        self.ft = value
        self.step()
        return self.settle()

    cdef int settle(self) except -1:
        """Go on from a finished iteration, at which only a driver stops."""
        if self.state.task == LB_NEW_X:
            self.step()
        return 0

    def stop(self, message=None):
        """End the run here; `x` stays the last iterate.

        A finished run stays as it is.

        Parameters
        ----------
        message : str, optional
            What :attr:`message` then says.
        """
        self.check_ready()
        if message is not None and not isinstance(message, str):
            raise TypeError(f"message must be a string, got {message!r:.80}")
        self.halt(message)

    def corrections(self):
        """The steps and changes of the gradient in the limited memory, oldest first.

        Returns
        -------
        s, y : ndarray, shape (k, n)
            Copies; k is at most `m`.
        """
        cdef lbfgsb_state *state = &self.state
        cdef cnp.npy_intp shape[2]
        cdef cnp.ndarray s, y
        cdef Py_ssize_t k
        self.check_ready()
        shape[0], shape[1] = state.col, state.n
        s = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
        y = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
        for k in range(state.col):
            fitcore_lb_fetch(state, doubles(self.wa), FETCH_S, k + 1, doubles(s) + k * state.n)
            fitcore_lb_fetch(state, doubles(self.wa), FETCH_Y, k + 1, doubles(y) + k * state.n)
        return s, y

    def free_set_changes(self):
        """Variables that entered and left the free set at the last Cauchy point.

        Returns
        -------
        entering, leaving : ndarray of int
            Indices, in the order in which the core met them.
        """
        self.check_ready()
        if not self.state.bounded:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
        marks = np.asarray(self.marks)
        return np.flatnonzero(marks & LB_ENTERED)[::-1], np.flatnonzero(marks & LB_LEFT)

    @property
    def x(self):
        """The last iterate, shape (n,); a copy."""
        self.check_ready()
        return self.iterate()

    @property
    def f(self):
        """The value at `x`; NaN before the first evaluation."""
        return self.state.f if self.told else NAN

    @property
    def g(self):
        """The gradient at `x`, shape (n,); a copy. None before the first evaluation."""
        self.check_ready()
        if not self.told:
            return None
        if self.searching():
            return self.fetch(FETCH_Y, self.state.col + 1)
        return fresh(doubles(self._g), self.state.n)

    @property
    def active(self):
        """Indices of the variables at a bound, ascending."""
        self.check_ready()
        if not self.state.bounded:
            return np.empty(0, dtype=np.intp)
        x = self.iterate()
        return np.flatnonzero((x <= self._l) | (x >= self._u))

    @property
    def lower(self):
        """Lower bounds, shape (n,), -inf where there is none; a copy."""
        self.check_ready()
        return self._l.copy() if self.state.bounded else np.full(self.state.n, -np.inf)

    @property
    def upper(self):
        """Upper bounds, shape (n,), inf where there is none; a copy."""
        self.check_ready()
        return self._u.copy() if self.state.bounded else np.full(self.state.n, np.inf)

    @property
    def projected_gradient_norm(self):
        """Greatest element of the projected gradient at `x`; NaN before the first evaluation."""
        return self.state.sbgnrm if self.told else NAN

    @property
    def task(self):
        """'evaluate', 'new_x' when an iteration is just complete, or 'done'."""
        return {LB_NEW_X: "new_x", LB_DONE: "done"}.get(self.state.task, "evaluate")

    @property
    def done(self):
        """Whether the run is finished."""
        # a run broken off in a callback has not yet looked at its stopping tests
        if not self.running and self.state.task == LB_NEW_X:
            self.running = True
            try:
                self.settle()
            finally:
                self.running = False
        return self.state.task == LB_DONE

    @property
    def info(self):
        """How the run ended; None while it goes on."""
        return self.state.info if self.state.task == LB_DONE else None

    @property
    def success(self):
        """Whether the run has converged (info 1 or 2)."""
        return self.state.task == LB_DONE and self.state.info in (1, 2)

    @property
    def message(self):
        """`info` in words."""
        if self.state.task != LB_DONE:
            return "The run goes on."
        if self.state.info == LB_STOPPED and self.words is not None:
            return self.words
        return MESSAGES[self.state.info]

    @property
    def n(self):
        """Number of variables."""
        return self.state.n

    @property
    def m(self):
        """Number of corrections kept at most."""
        return self.state.m

    @property
    def maxls(self):
        """Limit on evaluations in one line search."""
        return self.state.maxls

    @property
    def nit(self):
        """Iterations."""
        cdef lbfgsb_state *s = &self.state
        # the core counts the one that failed, as the table of the Fortran code does
        return s.nit - (s.task == LB_DONE and s.info == LB_ABNORMAL)

    @property
    def nfev(self):
        """Evaluations."""
        return self.state.nfev

    @property
    def details(self):
        """Numbers about the last iteration, by name; what the printed output shows.

        ``step`` and ``step_norm`` of the line search, ``line_search_steps`` beyond the first,
        ``segments`` of the last Cauchy search and ``total_segments`` of all, ``free`` variables at
        the Cauchy point, ``active`` ones there, ``entering`` and ``leaving`` the free set,
        ``skipped`` updates, ``updates`` since the memory was last emptied, ``corrections`` kept,
        ``theta`` the scaling, ``subspace`` 1 when the subspace minimum lay beyond the bounds, 0
        inside, -1 without one, ``constrained`` and ``projected`` whether there are bounds and x0
        was outside, and ``iterations`` begun, the one that failed included.
        """
        cdef lbfgsb_state *s = &self.state
        return {
            "step": s.stp, "step_norm": s.xstep, "line_search_steps": s.nls, "segments": s.nseg,
            "total_segments": s.nseg_total, "free": s.nfree, "active": s.nactive,
            "iterations": s.nit, "entering": s.nenter, "leaving": s.nleave,
            "skipped": s.nskip, "updates": s.updates, "corrections": s.col, "theta": s.theta,
            "subspace": s.iword,
            "constrained": bool(s.constrained), "projected": bool(s.projected),
        }

    def __repr__(self):
        cdef lbfgsb_state *s = &self.state
        how = f"info={s.info}" if s.task == LB_DONE else f"task={self.task!r}"
        return (f"<LBFGSB n={s.n} m={s.m} nit={self.nit} nfev={s.nfev} f={self.f:.6g} "
                f"|proj g|={self.projected_gradient_norm:.3g} {how}>")

    def __reduce__(self):
        cdef bytes raw
        self.check_ready()
        if self.stepping:
            raise RuntimeError("another thread is in the midst of a step of this solver")
        raw = (<char *> &self.state)[:sizeof(lbfgsb_state)]
        limits = (self._l, self._u, self.marks) if self.state.bounded else None
        return _restore, (type(self), raw, (self._x, self._g, self.wa), limits,
                          (self.ft, bool(self.told), self.restarts, self.words))


def _restore(cls, bytes raw, tuple arrays, limits, tuple rest):
    """A solver from its pickled state; every size is checked before it is trusted."""
    cdef LBFGSB solver
    cdef lbfgsb_state s
    cdef Py_ssize_t n
    check_subclass(cls, LBFGSB)
    read_state(raw, &s, sizeof(lbfgsb_state))
    if len(rest) != 4:
        raise ValueError("the pickled state is damaged: something is missing")
    n = s.n
    if not (1 <= s.n < 2**58 and 1 <= s.m < 2**29 and s.n * <double> s.m < 2.0**58
            and LB_EVALUATE <= s.task <= LB_DONE and 0 <= s.info <= LB_STOPPED
            and (s.task == LB_DONE) == (s.info > 0)
            and 0 <= s.col <= s.m and 1 <= s.head <= s.m + 1 and -1 <= s.iword <= 1
            and min(s.nit, s.nfev, s.updates, s.nseg, s.nseg_total, s.nskip, s.nls) >= 0
            and 0 <= s.nfree <= n and 0 <= s.nactive <= n and 0 <= s.nenter <= n
            and 0 <= s.nleave <= n and 0 <= s.nbreak <= n and 0 <= s.nopen <= n
            and min(s.updates, s.m) == s.col and s.maxls >= 1 and s.factr >= 0 and s.pgtol >= 0
            and (s.task == LB_DONE or s.stage == s.task)
            and s.constrained in (0, 1) and s.boxed in (0, 1) and s.projected in (0, 1)
            and s.updated in (0, 1) and s.restarted in (0, 1) and s.pending in (0, 1)
            and s.constrained <= s.bounded and s.bounded == (limits is not None)):
        raise ValueError("the pickled state is damaged: a field is out of its range")
    ft, told, restarts, words = rest
    if not (isinstance(ft, float) and isinstance(told, bool) and isinstance(restarts, int)
            and (words is None or isinstance(words, str)) and 0 <= restarts < 2**62
            and (told or s.task != LB_NEW_X)):
        raise ValueError("the pickled state is damaged: a field is out of its range")
    solver = cls.__new__(cls)
    x, gradient, work = intact(arrays, (((n,), float), ((n,), float),
                                        ((fitcore_lb_work_size(n, s.m),), float)))
    lower = upper = marks = None
    if limits is not None:
        lower, upper, marks = intact(limits, (((n,), float), ((n,), float), ((n,), np.int8)))
        if not (lower <= upper).all() or (s.stage != LB_START
                                          and not ((lower <= x) & (x <= upper)).all()):
            raise ValueError("the pickled state is damaged: its bounds are not bounds")
    solver.state = s
    solver._x, solver._g, solver.wa = x, gradient, work
    solver.iwa = np.zeros(fitcore_lb_iwork_size(s.m), dtype=np.int64)
    solver._l, solver._u, solver.marks = lower, upper, marks
    solver.ft, solver.told, solver.restarts, solver.words = ft, told, restarts, words
    return solver


# ------------------------------------------------------------------ for code that links

cdef int64_t lb_work_size(int64_t n, int64_t m) noexcept nogil:
    return fitcore_lb_work_size(n, m)


cdef int64_t lb_iwork_size(int64_t m) noexcept nogil:
    return fitcore_lb_iwork_size(m)


cdef void lb_init(lbfgsb_state *s, int64_t n, int64_t m, int bounded, double factr, double pgtol,
                  int maxls) noexcept nogil:
    fitcore_lb_init(s, n, m, bounded, factr, pgtol, maxls)


cdef void lb_step(lbfgsb_state *s, double *x, const double *l, const double *u, double f,
                  double *g, double *wa, int64_t *iwa, signed char *marks) noexcept nogil:
    fitcore_lb_step(s, x, l, u, f, g, wa, iwa, marks, &kernels)


cdef void lb_stop(lbfgsb_state *s) noexcept nogil:
    fitcore_lb_stop(s)


cdef void lb_defaults(lb_options *options) noexcept nogil:
    memset(options, 0, sizeof(lb_options))
    options.m, options.factr, options.pgtol, options.maxls = 10, 1e7, 1e-5, 20
    options.maxiter = options.maxfun = -1


cdef int minimize_lbfgsb(fitcore_objective function, void *user_data, int64_t n, double *x,
                         double *g, const double *lower, const double *upper,
                         const lb_options *options, lb_report *report) noexcept nogil:
    cdef lbfgsb_state s
    cdef fitcore_lb_arrays a
    cdef fitcore_calls calls
    cdef fitcore_differences differences
    cdef lb_options usual
    cdef lb_report unwanted
    cdef int64_t j, bounded, work, iwork
    cdef double *memory
    cdef double *low
    cdef double *high
    cdef double *relative
    cdef int how
    if options == NULL:
        lb_defaults(&usual)
        options = &usual
    if report == NULL:
        report = &unwanted
    memset(report, 0, sizeof(lb_report))
    report.f = report.projected_gradient = NAN
    if function == NULL or x == NULL or n < 1 or options.m < 1 or options.maxls < 1:
        return 0
    if not (options.factr >= 0 and options.pgtol >= 0):
        return 0
    bounded = lower != NULL or upper != NULL
    for j in range(n if bounded else 0):
        if not (lower == NULL or upper == NULL or lower[j] <= upper[j]):
            return 0
    work, iwork = fitcore_lb_work_size(n, options.m), fitcore_lb_iwork_size(options.m)
    memory = <double *> malloc((5 * n + work + iwork) * sizeof(double) + n)
    if memory == NULL:
        report.info = -2
        return -2
    memset(memory, 0, (5 * n + work + iwork) * sizeof(double) + n)
    memset(&s, 0, sizeof(lbfgsb_state))
    memset(&a, 0, sizeof(fitcore_lb_arrays))
    memset(&calls, 0, sizeof(fitcore_calls))
    low, high, relative = memory + n, memory + 2 * n, memory + 3 * n
    a.x, a.g, a.wa = x, memory, memory + 5 * n
    a.iwa = <int64_t *> (a.wa + work)
    a.kernels, a.f = &kernels, NAN
    a.maxiter = NO_LIMIT if options.maxiter < 0 else options.maxiter
    a.maxfun = NO_LIMIT if options.maxfun < 0 else options.maxfun
    for j in range(n):
        low[j] = lower[j] if lower != NULL else -INFINITY
        high[j] = upper[j] if upper != NULL else INFINITY
        relative[j] = sqrt(2.220446049250313e-16)
    if bounded:
        a.l, a.u, a.marks = low, high, <signed char *> (a.iwa + iwork)
    calls.objective, calls.data = function, user_data
    memset(&differences, 0, sizeof(fitcore_differences))
    if not options.derivatives:
        differences.function, differences.data = function, user_data
        differences.relative, differences.usual = relative, relative[0]
        differences.lower, differences.upper = a.l, a.u
        differences.point = memory + 4 * n
        calls.objective, calls.data = fitcore_forward_objective, &differences
        a.evaluations = &differences.evaluations
    fitcore_lb_init(&s, n, options.m, bounded, options.factr, options.pgtol, options.maxls)
    how = fitcore_drive_lbfgsb(&s, &a, &calls)
    if how != DRIVE_DONE:
        if s.task == LB_EVALUATE and a.told:    # in a line search: the last iterate
            fitcore_lb_fetch(&s, a.wa, FETCH_X, 0, x)
            fitcore_lb_fetch(&s, a.wa, FETCH_Y, s.col + 1, a.g)
        fitcore_lb_stop(&s)
    report.info = s.info
    if how == DRIVE_CODE:
        report.info, report.code = -1, calls.code
    report.nit, report.nfev = s.nit - (s.info == LB_ABNORMAL), s.nfev
    if not options.derivatives:
        report.nfev = differences.evaluations
    if a.told:
        report.f, report.projected_gradient = s.f, s.sbgnrm
        if g != NULL:
            memcpy(g, a.g, n * sizeof(double))
    free(memory)
    return report.info
