# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Levenberg-Marquardt least squares inside a box, driven by reverse communication."""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.string cimport memcpy
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, zeros
from fitcore.minpack cimport (
    JAC_ANALYTIC, JAC_CENTRAL, JAC_COMPLEX, JAC_FORWARD, TASK_DONE, TASK_ITERATION, TASK_RESIDUAL,
    Evaluator, LevenbergMarquardt, fitcore_lm_arrays, fitcore_tall_block_rows, lm_state,
)
from fitcore._solver cimport intact

import numpy as np

cnp.import_array()

__all__ = ["BoundedLevenbergMarquardt"]

# Below this many elements of the Jacobian a step is too short to be worth giving up the GIL.
cdef Py_ssize_t GIL_ELEMENTS = 16384


cdef class BoundedLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg-Marquardt minimization of a sum of squares within bounds of the variables.

    :class:`fitcore.minpack.LevenbergMarquardt` with bounds: asked, told, run, stopped and pickled
    in the same way. The step minimizes the linear model within the box and the step bound by an
    active set method [1]_, [2]_; while no bound interferes, points and counts are those of the
    solver without bounds. Neither a step nor a difference leaves the box. A start on a bound is
    one like any other.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point, within the bounds. It is copied.
    lower, upper : array_like, shape (n,) or scalar, default -inf and inf
        Bounds. Equal ones fix a variable.
    m, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag
        As for :class:`fitcore.minpack.LevenbergMarquardt`; `gtol` is compared with the cosines of
        the variables that are not held at a bound.
    count_differences : bool, default True
        Whether the evaluations for difference Jacobians count for `nfev` and `maxfev`.

    Attributes
    ----------
    place : ndarray of int, shape (n,)
        Where the last step has held a variable: -1 at its lower bound, 1 at the upper, 0 free.
    lower, upper : ndarray, shape (n,)
        The bounds.

    Raises
    ------
    ValueError
        If an argument is out of its range, a lower bound is above the upper one, or `x0` lies
        outside of them.

    References
    ----------
    .. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture
       Notes in Mathematics 630, 105-116 (1978).
    .. [2] C. Kanzow, N. Yamashita, M. Fukushima, "Levenberg-Marquardt methods with strong local
       convergence properties for solving nonlinear equations with convex constraints", J. Comput.
       Appl. Math. 172, 375-397 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore._bounded_lm import BoundedLevenbergMarquardt
    >>> def rosenbrock(x):
    ...     return np.array([10 * (x[1] - x[0]**2), 1 - x[0]])
    >>> solver = BoundedLevenbergMarquardt([-1.2, 1.0], upper=[0.5, np.inf]).run(rosenbrock)
    >>> solver.x.round(6), solver.place
    (array([0.5 , 0.25]), array([1, 0]))
    """

    def __init__(self, x0, lower=-np.inf, upper=np.inf, m=None, *, bint count_differences=True,
                 **options):
        if "m" in options:
            raise TypeError("m was given twice")
        super().__init__(x0, **options)
        n = self.state.n
        low, high = _bound(lower, "lower", n), _bound(upper, "upper", n)
        if not (low <= high).all():
            j = int(np.argmin(low <= high))
            raise ValueError(f"lower must not be above upper, got {low[j]} and {high[j]} for "
                             f"variable {j}")
        if not ((low <= self._x) & (self._x <= high)).all():
            j = int(np.argmin((low <= self._x) & (self._x <= high)))
            raise ValueError(f"x0 must lie within the bounds, got {self._x[j]} outside of "
                             f"[{low[j]}, {high[j]}] for variable {j}")
        self.count_differences = count_differences
        self.set_box(low, high)
        if m is not None:
            self.allocate(count(m, "m"))

    cdef int set_box(self, cnp.ndarray lower, cnp.ndarray upper) except -1:
        self._lower, self._upper = lower, upper
        self._place = np.zeros(self.state.n, np.int64)
        self.cost = 0
        return 0

    cdef int allocate(self, Py_ssize_t m) except -1:
        if self._place is None:
            raise RuntimeError("the solver has not been set up: __init__ was not called")
        if m >= self.state.n:
            self.work = zeros(fitcore_bounded_work_size(m, self.state.n))
        return LevenbergMarquardt.allocate(self, m)

    cdef int step(self) except -1:
        cdef lm_state *s = &self.state
        cdef double *x = doubles(self._x)
        cdef double *fvec = doubles(self._fvec)
        cdef double *fjac = doubles(self._fjac)
        cdef double *diag = doubles(self._diag)
        cdef double *qtf = doubles(self._qtf)
        cdef int64_t *ipvt = <int64_t *> cnp.PyArray_DATA(self._ipvt)
        cdef double *xt = doubles(self.xt)
        cdef double *ft = doubles(self.ft)
        cdef double *lower = doubles(self._lower)
        cdef double *upper = doubles(self._upper)
        cdef int64_t *place = <int64_t *> cnp.PyArray_DATA(self._place)
        cdef double *work = doubles(self.work)
        cdef int64_t cost = self.cost if self.count_differences else 0
        if s.m * s.n < GIL_ELEMENTS:
            fitcore_bounded_step(s, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place,
                                 cost, work)
        else:
            with nogil:
                fitcore_bounded_step(s, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper,
                                     place, cost, work)
        if s.moved:
            self._fvec, self.ft = self.ft, self._fvec
        return 0

    cdef int along(self, Py_ssize_t j, int scheme, double size, double *plus, double *minus,
                   double *h) noexcept:
        """The points for column j of the Jacobian, and how the column is made of them."""
        cdef int made = 0
        fitcore_bounded_points(scheme, self.state.epsfcn, doubles(self._x)[j], size,
                               doubles(self._lower)[j], doubles(self._upper)[j], plus, minus, h,
                               &made)
        return made

    cdef int differentiate(self, Evaluator evaluator, int scheme) except -1:
        cdef Py_ssize_t n = self.state.n, m = self.state.m, j
        cdef double plus = 0, minus = 0
        cdef cnp.ndarray base = self._x
        cdef cnp.ndarray steps = zeros(n)
        cdef double *h = doubles(steps)
        cdef double *x = doubles(self.xt)
        cdef double *column
        cdef cnp.ndarray above, below, point
        cdef double complex *z = NULL
        cdef int made
        cdef bint tall = fitcore_tall_block_rows(m, n) > 0
        cdef bint as_residuals = tall and scheme == JAC_FORWARD

        self.cost = 0
        memcpy(x, doubles(base), n * sizeof(double))
        if scheme == JAC_COMPLEX:
            point = base.astype(np.complex128)
            z = <double complex *> cnp.PyArray_DATA(point)
        for j in range(n):
            column = doubles(self._fjac) + j * m
            made = self.along(j, scheme, evaluator.size(j, x[j]), &plus, &minus, &h[j])
            if made == 2:               # a fixed variable
                if as_residuals:
                    memcpy(column, doubles(self._fvec), m * sizeof(double))
                else:
                    fitcore_bounded_column(m, made, column, column, column, 1.0, column)
                continue
            self.cost += 1
            if scheme == JAC_COMPLEX:
                self.complex_column(evaluator, j, z, h[j])
                continue
            x[j] = plus
            above = evaluator.residual(x, n)
            self.check_length(above)
            if scheme == JAC_CENTRAL:
                # the function may hand out the same array again
                memcpy(column, doubles(above), m * sizeof(double))
                above = None
                x[j] = minus
                below = evaluator.residual(x, n)
                self.check_length(below)
                self.cost += 1
                fitcore_bounded_column(m, made, column, doubles(below), doubles(self._fvec), h[j],
                                       column)
                below = None
            elif as_residuals:
                memcpy(column, doubles(above), m * sizeof(double))
                above = None
            else:
                fitcore_bounded_column(m, made, doubles(above), doubles(self._fvec),
                                       doubles(self._fvec), h[j], column)
                above = None
            x[j] = doubles(base)[j]
        if tall:
            self.reduce(h if as_residuals else NULL, NULL)
        return 0

    cdef int lend(self, fitcore_lm_arrays *a) except -1:
        LevenbergMarquardt.lend(self, a)
        a.lower, a.upper, a.work = doubles(self._lower), doubles(self._upper), doubles(self.work)
        a.place = <int64_t *> cnp.PyArray_DATA(self._place)
        a.cost, a.count = self.cost, self.count_differences
        return 0

    cdef int take_back(self, fitcore_lm_arrays *a) except -1:
        self.cost = a.cost
        return LevenbergMarquardt.take_back(self, a)

    cdef int jacobian_at_end(self, Evaluator evaluator, int scheme) except -1:
        self.linearize(evaluator, scheme)
        if self.count_differences and scheme != JAC_ANALYTIC:
            self.state.nfev += self.cost
        fitcore_bounded_newton(
            &self.state, doubles(self._x), doubles(self._fvec), doubles(self._fjac),
            doubles(self._diag), doubles(self._qtf), <int64_t *> cnp.PyArray_DATA(self._ipvt),
            doubles(self.xt), doubles(self.ft), doubles(self._lower), doubles(self._upper),
            <int64_t *> cnp.PyArray_DATA(self._place), doubles(self.work))
        return 0

    cdef int sharpen(self, Evaluator evaluator, int scheme, bint move) except -1:
        self.jacobian_at_end(evaluator, scheme)
        if not move or not np.isfinite(self.xt).all():
            return 0
        return self.move_if_lower(evaluator)

    cdef object points(self):
        cdef lm_state *s = &self.state
        cdef Py_ssize_t n = s.n, j
        cdef double *x = doubles(self._x)
        cdef double plus = 0, minus = 0, h = 0
        if s.task == TASK_ITERATION:
            self.step()
        if (s.task == TASK_DONE or s.task == TASK_RESIDUAL or not self.allocated
                or s.jac == JAC_ANALYTIC):
            return LevenbergMarquardt.points(self)
        rows = 2 * n if s.jac == JAC_CENTRAL else n
        points = np.empty((rows, n), np.complex128 if s.jac == JAC_COMPLEX else np.float64)
        points[...] = self._x
        for j in range(n):
            made = self.along(j, s.jac, fabs(x[j]), &plus, &minus, &h)
            points[j, j] = plus + 1j * h if s.jac == JAC_COMPLEX and made != 2 else plus
            if s.jac == JAC_CENTRAL:
                points[n + j, j] = minus
        return points

    cdef int take(self, values) except -1:
        cdef lm_state *s = &self.state
        cdef Py_ssize_t n = s.n, m, j
        cdef double plus = 0, minus = 0, h = 0
        cdef double *column
        cdef double *x = doubles(self._x)
        cdef cnp.ndarray above, below
        if s.task == TASK_ITERATION:
            self.step()
        self.cost = 0
        if (s.task == TASK_DONE or s.task == TASK_RESIDUAL or not self.allocated
                or s.jac == JAC_ANALYTIC):
            return LevenbergMarquardt.take(self, values)
        m = s.m
        given = self.answer(values, (2 * n if s.jac == JAC_CENTRAL else n, m))
        s.factored = 0
        for j in range(n):
            column = doubles(self._fjac) + j * m
            made = self.along(j, s.jac, fabs(x[j]), &plus, &minus, &h)
            if made != 2:
                self.cost += 2 if s.jac == JAC_CENTRAL else 1
                if s.jac == JAC_COMPLEX:
                    self._fjac[j] = given[j].imag / h
                    continue
            above = np.ascontiguousarray(given[j].real, dtype=np.float64)
            below = (np.ascontiguousarray(given[n + j], dtype=np.float64)
                     if s.jac == JAC_CENTRAL else self._fvec)
            fitcore_bounded_column(m, made, doubles(above), doubles(below), doubles(self._fvec), h,
                                   column)
        if fitcore_tall_block_rows(m, n) > 0:
            self.reduce(NULL, NULL)
        self.step()
        if s.task == TASK_ITERATION:
            self.step()
        return 0

    @property
    def lower(self):
        """Lower bounds, shape (n,); a copy."""
        self.check_ready()
        return self._lower.copy()

    @property
    def upper(self):
        """Upper bounds, shape (n,); a copy."""
        self.check_ready()
        return self._upper.copy()

    @property
    def place(self):
        """Where the last step has held a variable: -1 lower bound, 1 upper, 0 free; shape (n,)."""
        self.check_ready()
        return np.array([0, -1, 1])[self._place]

    def __reduce__(self):
        extra = (self._lower, self._upper, self._place, bool(self.count_differences), self.cost)
        return _restore_bounded, (LevenbergMarquardt.__reduce__(self), extra)


def _bound(value, str name, Py_ssize_t n):
    """A bound for each variable, -inf or inf among them."""
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "fiub":
            raise TypeError(f"dtype {given.dtype}")
        given = given.astype(np.float64)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be real numbers, got {value!r:.80}") from exc
    if given.shape not in ((), (n,)):
        raise ValueError(f"{name} must be one number or have shape ({n},) like x0, got "
                         f"{given.shape}")
    if np.isnan(given).any():
        raise ValueError(f"{name} must not be NaN, got {value!r:.80}")
    return np.array(np.broadcast_to(given, (n,)))


def _restore_bounded(tuple base, tuple extra):
    """A solver from its pickled state; every size is checked before it is trusted."""
    cdef BoundedLevenbergMarquardt solver
    function, arguments = base
    made = function(*arguments)
    if not isinstance(made, BoundedLevenbergMarquardt):
        raise TypeError(f"cls must be BoundedLevenbergMarquardt or a subclass, got {type(made)}")
    solver = made
    n = solver.state.n
    lower, upper, place = intact(extra[:3], (((n,), float), ((n,), float), ((n,), np.int64)))
    if (len(extra) != 5 or not (lower <= upper).all() or not ((place >= 0) & (place <= 2)).all()
            or not 0 <= extra[4] <= 2 * n):
        raise ValueError("the pickled state is damaged: its arrays do not fit it")
    for point in (solver._x, solver.xt):
        if not ((lower <= point) & (point <= upper)).all():
            raise ValueError("the pickled state is damaged: its point lies outside of the bounds")
    solver.set_box(lower, upper)
    solver._place = place
    solver.count_differences = extra[3]
    solver.cost = extra[4]
    if solver.allocated:
        solver.work = zeros(fitcore_bounded_work_size(solver.state.m, n))
    return solver
