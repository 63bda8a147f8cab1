# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Levenberg-Marquardt least squares by MINPACK-1, driven by reverse communication."""

from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, isfinite, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, fresh, number, sole_owner, vector, zeros
from fitcore._evaluator cimport Evaluator
from fitcore._hybrid cimport PowellHybrid
from fitcore._native cimport DRIVE_CODE, fitcore_calls
from fitcore._native_types cimport fitcore_residual
from fitcore._solver cimport (
    Solver, array_of_numbers, check_order, check_subclass, intact, read_state, scale_factors,
    start_point,
)

import numpy as np

from fitcore._auxiliary import check_jacobian, chkder, covar
from fitcore._messages import MESSAGES, outcome

cdef extern from "fitcore_bounded.h" nogil:
    int64_t fitcore_bounded_work_size(int64_t m, int64_t n)

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    fitcore_fold_rows_t fitcore_choose_fold_rows(int level)

cnp.import_array()

#: The x86-64 level whose kernels are used, 1 on other processors.
CPU_LEVEL = fitcore_cpu_level()
cdef fitcore_fold_rows_t fold_rows = fitcore_choose_fold_rows(CPU_LEVEL)

__all__ = ["Evaluator", "LevenbergMarquardt", "MESSAGES", "PowellHybrid", "StreamingLM",
           "check_jacobian", "chkder", "covar"]
__dir__ = __all__.copy

# What is cimported is not yet an attribute of the module.
globals().update(Evaluator=Evaluator, PowellHybrid=PowellHybrid, StreamingLM=StreamingLM)

cdef dict _SCHEMES = {"analytic": JAC_ANALYTIC, "2-point": JAC_FORWARD, "3-point": JAC_CENTRAL,
                      "cs": JAC_COMPLEX}
cdef dict _SCHEME_NAMES = {value: key for key, value in _SCHEMES.items()}

cdef double EPS = 2.220446049250313e-16

# Relative error that rounding alone may leave in a norm.
cdef double ROUNDING = 8 * EPS

# A Gauss-Newton step shorter than this part of every variable leaves nothing worth another.
cdef double TINY_STEP = 1e-8

# Below this many elements of the Jacobian a step is too short to be worth giving up the GIL.
cdef Py_ssize_t GIL_ELEMENTS = 16384


cdef int _scheme(value, str name) except -1:
    """The code of a way to get the Jacobian."""
    if not isinstance(value, str) or value not in _SCHEMES:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(_SCHEMES)}")
    return _SCHEMES[value]


cdef double _dependence(int scheme) noexcept:
    """Sine of the angle below which columns of a Jacobian by `scheme` count as dependent."""
    if scheme == JAC_FORWARD:
        return 1e-8
    return 1e-10 if scheme == JAC_CENTRAL else 1e-14


cdef cnp.ndarray ascending(Py_ssize_t n):
    """1 to n."""
    cdef cnp.npy_intp size = n
    cdef cnp.ndarray a = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_INT64)
    cdef Py_ssize_t i
    for i in range(n):
        (<int64_t *> cnp.PyArray_DATA(a))[i] = i + 1
    return a


cdef Py_ssize_t _work_size(Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Doubles of scratch for every use that a solver makes of it, one at a time."""
    return max(fitcore_lm_work_size(m, n), fitcore_gauss_newton_work_size(m, n),
               fitcore_fold_work_size(m, n))


cdef class LevenbergMarquardt(Solver):
    """Levenberg-Marquardt minimization of a sum of squares, as MINPACK-1 does it.

    The solver asks for residuals and Jacobians and is told them: nothing is called from inside,
    so the function may live anywhere, and the solver can be pickled between two steps and resumed
    elsewhere with the same iterates. :meth:`run` does the asking and telling for a Python
    function.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point. It is copied.
    m : int, optional
        Number of residuals, at least n. If None it is the length of the first residual vector.
    jac : {'2-point', '3-point', 'cs', 'analytic'}, default '2-point'
        The Jacobian: forward differences (MINPACK's `lmdif`), central differences, complex step,
        or supplied (`lmder`).
    ftol : float, default 1.49012e-8
        Relative error wanted in the sum of squares.
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    gtol : float, default 0.0
        Greatest cosine wanted between the residuals and a column of the Jacobian.
    maxfev : int, default 0
        Limit on residual evaluations, looked at once per step. 0 means 100 (n + 1) with a
        supplied Jacobian and 200 (n + 1) otherwise.
    epsfcn : float, optional
        Relative error of the residual function, from which the difference steps are taken.
        Default: the spacing of doubles.
    factor : float, default 100.0
        First bound on the step, in units of the scaled norm of `x0`.
    diag : array_like, shape (n,), optional
        Positive scale factors of the variables. Default: norms of the Jacobian's columns.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Best point so far.
    fvec : ndarray, shape (m,)
        Residuals there.
    fnorm : float
        Their Euclidean norm.
    nfev, njev, nit : int
        Residual evaluations (those of the differences included), Jacobians, accepted steps.
    done : bool
        Whether the fit is finished.
    info : int
        MINPACK's outcome: 1 to 4 converged, 5 too many evaluations, 6 to 8 tolerances too small,
        9 NaN or infinity at the present point, negative if stopped.
    message : str
        `info` in words.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    .. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture
       Notes in Mathematics 630, 105-116 (1978).
    .. [2] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.minpack import LevenbergMarquardt
    >>> def rosenbrock(x):
    ...     return np.array([10 * (x[1] - x[0]**2), 1 - x[0]])
    >>> solver = LevenbergMarquardt([-1.2, 1.0], m=2)
    >>> while not solver.done:
    ...     points = solver.ask()
    ...     if points.ndim == 1:
    ...         solver.tell(rosenbrock(points))
    ...     else:                          # a block of points for the differences
    ...         solver.tell([rosenbrock(p) for p in points])
    >>> solver.x.round(6), solver.info
    (array([1., 1.]), 2)
    """

    def __init__(self, x0, m=None, *, jac="2-point", ftol=1.49012e-8, xtol=1.49012e-8, gtol=0.0,
                 maxfev=0, epsfcn=None, factor=100.0, diag=None):
        self.check_free()
        if m is not None:
            m = count(m, "m")
        self.begin(x0, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag)
        if m is not None:
            self.allocate(m)

    cdef int begin(self, x0, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag) except -1:
        cdef lm_state *s = &self.state
        cdef cnp.ndarray start = start_point(x0)
        cdef Py_ssize_t n = cnp.PyArray_SIZE(start)
        cdef cnp.ndarray scale = scale_factors(diag, n)
        cdef int scheme = _scheme(jac, "jac")
        limit = count(maxfev, "maxfev") or (100 if scheme == JAC_ANALYTIC else 200) * (n + 1)
        cdef double f_limit = number(ftol, "ftol", 0.0)
        cdef double x_limit = number(xtol, "xtol", 0.0)
        cdef double g_limit = number(gtol, "gtol", 0.0)
        cdef double error = EPS if epsfcn is None else number(epsfcn, "epsfcn", 0.0)
        cdef double bound = number(factor, "factor", 0.0)
        if bound == 0.0:
            raise ValueError(f"factor={factor} must be positive")

        # nothing fails from here on
        memset(s, 0, sizeof(lm_state))
        s.n, s.m = n, -1
        s.ftol, s.xtol, s.gtol = f_limit, x_limit, g_limit
        s.epsfcn, s.factor = error, bound
        s.maxfev = limit
        s.jac = scheme
        s.mode = 1 if scale is None else 2
        s.task = TASK_START
        self.allocated = False
        self._diag = zeros(n) if scale is None else scale
        self._x = start
        self._qtf = zeros(n)
        self._ipvt = ascending(n)
        self.xt = fresh(doubles(start), n)
        return 0

    cdef int allocate(self, Py_ssize_t m) except -1:
        cdef lm_state *s = &self.state
        cdef cnp.npy_intp shape[2]
        if m < s.n:
            raise ValueError(f"m={m} residuals are fewer than the {s.n} variables; "
                             "Levenberg-Marquardt wants at least as many residuals as variables")
        cdef double nearby = s.nearby
        fitcore_lm_init(s, m, s.n, s.mode, s.jac, s.ftol, s.xtol, s.gtol, s.maxfev, s.epsfcn,
                        s.factor, doubles(self._diag))
        s.nearby = nearby
        shape[0], shape[1] = s.n, m
        self._fjac = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
        self._fvec = cnp.PyArray_EMPTY(1, &shape[1], cnp.NPY_DOUBLE, 0)
        self.ft = cnp.PyArray_EMPTY(1, &shape[1], cnp.NPY_DOUBLE, 0)
        self.wa = zeros(_work_size(m, s.n))
        self.allocated = True
        return self.step()

    cdef int step(self) except -1:
        """Let the core go on to its next task."""
        cdef lm_state *s = &self.state
        cdef double *x = doubles(self._x)
        cdef double *fvec = doubles(self._fvec)
        cdef double *fjac = doubles(self._fjac)
        cdef double *diag = doubles(self._diag)
        cdef double *qtf = doubles(self._qtf)
        cdef int64_t *ipvt = <int64_t *> cnp.PyArray_DATA(self._ipvt)
        cdef double *xt = doubles(self.xt)
        cdef double *ft = doubles(self.ft)
        cdef double *wa = doubles(self.wa)
        if s.m * s.n < GIL_ELEMENTS:
            fitcore_lm_step(s, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
        else:
            with nogil:
                fitcore_lm_step(s, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
        if s.moved:
            self._fvec, self.ft = self.ft, self._fvec
        return 0

    cdef int evaluate(self, Evaluator evaluator, double *x) except -1:
        """The residuals at x into ft: taken over where nobody else holds them, else copied."""
        cdef cnp.ndarray f = evaluator.residual(x, self.state.n)
        if self.state.task == TASK_DONE and not self.allocated:
            return 0                    # the function has called stop()
        if not self.allocated:
            self.allocate(cnp.PyArray_SIZE(f))
        self.check_length(f)
        if sole_owner(f):
            self.ft = f
        else:
            memcpy(doubles(self.ft), doubles(f), self.state.m * sizeof(double))
        return 0

    cdef int differentiate(self, Evaluator evaluator, int scheme) except -1:
        """The Jacobian at x by one of the difference schemes, into fjac."""
        cdef Py_ssize_t n = self.state.n, m = self.state.m, j
        cdef double plus = 0, minus = 0
        cdef cnp.ndarray base = self._x
        cdef double *h
        cdef double *x = doubles(self.xt)
        cdef double *column
        cdef cnp.ndarray above, point
        cdef cnp.ndarray last = None
        cdef double complex *z = NULL
        cdef bint tall = fitcore_tall_block_rows(m, n) > 0

        if self.steps is None:
            self.steps = zeros(n)
        h = doubles(self.steps)
        memcpy(x, doubles(base), n * sizeof(double))
        if scheme == JAC_COMPLEX:
            point = base.astype(np.complex128)
            z = <double complex *> cnp.PyArray_DATA(point)
        for j in range(n):
            column = doubles(self._fjac) + j * m
            fitcore_difference_points(scheme, self.state.epsfcn, x[j], evaluator.size(j, x[j]),
                                      &plus, &minus, &h[j])
            if scheme == JAC_CENTRAL:
                self.central_column(evaluator, j)
                continue
            if scheme == JAC_COMPLEX:
                self.complex_column(evaluator, j, z, h[j])
                continue
            x[j] = plus
            above = evaluator.residual(x, n)
            self.check_length(above)
            if tall:
                # the last column is used next: it need not be copied if nobody else holds it
                if j == n - 1 and sole_owner(above):
                    last = above
                else:
                    memcpy(column, doubles(above), m * sizeof(double))
                above = None
            else:
                fitcore_difference_column(m, doubles(above), doubles(self._fvec), h[j], column)
                above = None
            x[j] = doubles(base)[j]
        if tall:
            self.reduce(h if scheme == JAC_FORWARD else NULL,
                        NULL if last is None else doubles(last))
        return 0

    cdef int complex_column(self, Evaluator evaluator, Py_ssize_t j, double complex *z,
                            double h) except -1:
        cdef Py_ssize_t m = self.state.m
        cdef cnp.ndarray f
        cdef double at = z[j].real
        z[j] = at + 1j * h
        f = evaluator.residual_complex(z, self.state.n)
        z[j] = at
        self.check_length(f)
        f = np.imag(f) / h
        memcpy(doubles(self._fjac) + j * m, doubles(f), m * sizeof(double))
        return 0

    cdef int central_column(self, Evaluator evaluator, Py_ssize_t j) except -1:
        """Column j of the Jacobian by central differences; xt is x, and left so.

        When a fit is sharpened the steps are relative to the standard errors where these are larger
        than the values, which may be next to zero. A step that was too long (the function ends on
        the way) is then made as short as x alone asks for, and one that was too short (the function
        has steps of its own) longer.
        """
        cdef Py_ssize_t n = self.state.n, m = self.state.m
        cdef double *x = doubles(self.xt)
        cdef double *column = doubles(self._fjac) + j * m
        cdef double at = x[j], usual = evaluator.size(j, x[j]), size, plus = 0, minus = 0, h = 0
        cdef cnp.ndarray f
        cdef double norm
        cdef int attempt
        size = usual
        if self.spread is not None:
            size = fmax(usual, fmin(doubles(self.spread)[j], evaluator.longest(j, at)))
        for attempt in range(2):
            fitcore_difference_points(JAC_CENTRAL, self.state.epsfcn, at, size, &plus, &minus, &h)
            x[j] = plus
            f = evaluator.residual(x, n)
            self.check_length(f)
            # the function may hand out the same array again
            memcpy(column, doubles(f), m * sizeof(double))
            f = None
            x[j] = minus
            f = evaluator.residual(x, n)
            self.check_length(f)
            fitcore_finish_column(m, doubles(f), h, column)
            f = None
            x[j] = at
            if self.spread is None or attempt > 0:
                break
            norm = fitcore_norm(m, column)
            if norm > 0 and isfinite(norm):
                break
            size = fmin(1000 * size, evaluator.longest(j, at)) if norm == 0 else usual
            self.state.nfev += 2
        return 0

    cdef int linearize(self, Evaluator evaluator, int scheme) except -1:
        """The Jacobian at x, reduced to its triangle when it is tall."""
        self.state.factored = 0
        if scheme != JAC_ANALYTIC:
            return self.differentiate(evaluator, scheme)
        evaluator.jacobian(doubles(self._x), self.state.n, doubles(self._fjac), self.state.m)
        if fitcore_tall_block_rows(self.state.m, self.state.n) > 0:
            self.reduce(NULL, NULL)
        return 0

    cdef int reduce(self, const double *h, const double *last) except -1:
        """Replace a tall Jacobian by its triangle, and Q^T f, in one pass over memory.

        With steps h the columns are residuals as yet; with `last` the last column stands there
        and not in fjac.
        """
        cdef int64_t m = self.state.m, n = self.state.n
        cdef double *fjac = doubles(self._fjac)
        cdef double *fvec = doubles(self._fvec)
        cdef double *qtf = doubles(self._qtf)
        # work that begins at a cache line
        cdef double *work = <double *> ((<size_t> doubles(self.wa) + 63) & ~(<size_t> 63))
        with nogil:
            self.state.reduced = fitcore_reduce_tall(
                m, n, fjac, fvec, h != NULL, h if h != NULL else fvec, last != NULL,
                last if last != NULL else fvec, qtf, fold_rows, work)
        return 0

    cdef bint ready(self) noexcept:
        return self._x is not None

    cdef int check_length(self, cnp.ndarray f) except -1:
        if cnp.PyArray_SIZE(f) != self.state.m:
            raise ValueError("The array returned by a function changed size between calls: "
                             f"{self.state.m} residuals before, {cnp.PyArray_SIZE(f)} now")
        return 0

    cdef Py_ssize_t known_rows(self) noexcept:
        return self.state.m if self.allocated else -1

    cdef int lend(self, fitcore_lm_arrays *a) except -1:
        a.x, a.fvec, a.fjac = doubles(self._x), doubles(self._fvec), doubles(self._fjac)
        a.diag, a.qtf = doubles(self._diag), doubles(self._qtf)
        a.ipvt = <int64_t *> cnp.PyArray_DATA(self._ipvt)
        a.xt, a.ft, a.wa = doubles(self.xt), doubles(self.ft), doubles(self.wa)
        a.fold = fold_rows
        return 0

    cdef int take_back(self, fitcore_lm_arrays *a) except -1:
        if a.fvec != doubles(self._fvec):
            self._fvec, self.ft = self.ft, self._fvec
        return 0

    cdef int drive_natively(self, Evaluator evaluator) except -1:
        """Go on to the end without the GIL, calling a native function."""
        cdef fitcore_lm_arrays a
        cdef fitcore_calls *calls = evaluator.calls
        cdef cnp.ndarray steps = zeros(self.state.n)
        cdef int how
        if not self.allocated:
            self.allocate(evaluator.rows)
        memset(&a, 0, sizeof(fitcore_lm_arrays))
        self.lend(&a)
        a.h = doubles(steps)
        with nogil:
            how = fitcore_drive_lm(&self.state, &a, calls)
        self.take_back(&a)
        return evaluator.ended(how)

    cdef int loop(self, Evaluator evaluator) except -1:
        cdef lm_state *s = &self.state
        if evaluator.calls != NULL and s.jac != JAC_COMPLEX and s.task != TASK_DONE:
            self.drive_natively(evaluator)
        while s.task != TASK_DONE:
            if s.task == TASK_RESIDUAL or not self.allocated:
                self.evaluate(evaluator, doubles(self.xt))
                if s.task == TASK_DONE:
                    break
            elif s.task == TASK_JACOBIAN:
                self.linearize(evaluator, s.jac)
            elif s.task == TASK_ITERATION:
                if evaluator.iteration(self) != 0:
                    fitcore_lm_stop(s, -1)
                    break
            self.step()
        return 0

    cdef int polish(self, Evaluator evaluator, int scheme, bint move) except -1:
        self.check_idle()
        self.running = True
        try:
            return self.sharpen(evaluator, scheme, move)
        finally:
            self.running = False

    cdef int sharpen(self, Evaluator evaluator, int scheme, bint move) except -1:
        cdef lm_state *s = &self.state
        cdef Py_ssize_t n = s.n, m = s.m, j
        cdef int64_t rank = 0
        cdef double *x = doubles(self._x)
        cdef double *xt = doubles(self.xt)
        self.promised = 0.0
        self.stride = self.distance = self.part = INFINITY
        self.spread = self.errors()
        try:
            self.linearize(evaluator, scheme)
        finally:
            self.spread = None
        if scheme != JAC_ANALYTIC:
            s.nfev += 2 * n if scheme == JAC_CENTRAL else n
        s.njev += 1
        fitcore_gauss_newton(m, n, doubles(self._fjac), doubles(self._fvec),
                             s.reduced, _dependence(scheme),
                             <int64_t *> cnp.PyArray_DATA(self._ipvt), doubles(self._qtf), xt,
                             &rank, doubles(self.ft), doubles(self.wa))
        s.reduced = 0
        s.factored = 1
        if rank < n:
            return 0
        self.foretell()
        for j in range(n):
            xt[j] += x[j]
            if not isfinite(xt[j]):
                return 0
        return self.move_if_lower(evaluator) if move else 0

    cdef int move_if_lower(self, Evaluator evaluator) except -1:
        cdef lm_state *s = &self.state
        cdef double trial
        self.evaluate(evaluator, doubles(self.xt))
        s.nfev += 1
        trial = fitcore_norm(s.m, doubles(self.ft))
        # At a minimum the step changes the sum of squares by less than its rounding error: what
        # cannot be told from a reduction counts as one, for the step itself has many more digits.
        if trial <= s.fnorm * (1 + ROUNDING):
            s.fnorm = trial
            memcpy(doubles(self._x), doubles(self.xt), s.n * sizeof(double))
            self._fvec, self.ft = self.ft, self._fvec
        return 0

    cdef void foretell(self) noexcept:
        """How far from the solution the Gauss-Newton step in xt leads.

        Its length in standard errors is that of Q^T f beside the residuals. Such steps get shorter
        by a constant factor, known from what the last step of the fit promised, unless that was
        damped.
        """
        cdef lm_state *s = &self.state
        cdef const double *d = doubles(self._diag)
        cdef Py_ssize_t j
        cdef double part, ratio = 1.0, length = 0.0, whole = 0.0
        cdef bint short = True
        part = fitcore_norm(s.n, doubles(self._qtf))
        if part > 0:
            part = part / s.fnorm if s.fnorm > 0 else INFINITY
        self.promised = 0.5 * part * part
        self.stride = part * sqrt(<double> max(s.m - s.n, 1))
        if s.par == 0 and s.prered > 0:
            ratio = fmin(1.0, sqrt(part * part / s.prered))
        for j in range(s.n):
            short &= fabs(doubles(self.xt)[j]) <= TINY_STEP * fabs(doubles(self._x)[j])
            length += (d[j] * doubles(self.xt)[j]) ** 2
            whole += (d[j] * doubles(self._x)[j]) ** 2
        self.part = sqrt(length / whole) if whole > 0 else INFINITY
        self.distance = 0.0 if short else self.stride * ratio

    cdef cnp.ndarray errors(self):
        """Standard errors of the variables were the others known, by the last R; 0 if unknown."""
        cdef Py_ssize_t n = self.state.n, m = self.state.m, k
        cdef cnp.ndarray errors = zeros(n)
        cdef int64_t *ipvt = <int64_t *> cnp.PyArray_DATA(self._ipvt)
        cdef double norm, error
        if self.state.factored:
            for k in range(n):
                norm = fitcore_norm(k + 1, doubles(self._fjac) + k * m)
                error = self.state.fnorm / (sqrt(<double> m) * norm) if norm > 0 else 0.0
                doubles(errors)[ipvt[k] - 1] = error if isfinite(error) else 0.0
        return errors

    def run(self, func, args=(), jac=None, *, bint col_deriv=False, callback=None):
        """Run the fit to its end, calling Python functions.

        Resumes wherever the solver stands: after an exception from `func`, after unpickling, or
        in the midst of asking and telling.

        Parameters
        ----------
        func : callable
            ``func(x, *args)`` returns the residuals, shape (m,). Its `x` is a new array each time.
        args : tuple, optional
            Further arguments of `func` and `jac`.
        jac : callable, optional
            ``jac(x, *args)`` returns the Jacobian, shape (m, n); wanted when the solver was made
            with ``jac='analytic'``.
        col_deriv : bool, default False
            Whether `jac` returns the transpose, shape (n, m).
        callback : callable, optional
            ``callback(solver)`` after each accepted step; a true value or StopIteration stops the
            fit with ``info`` -1.

        Returns
        -------
        LevenbergMarquardt
            The solver itself.

        Raises
        ------
        TypeError
            If `func` or `jac` is not callable or returns what is not real numbers.
        ValueError
            If the number of residuals changes between calls or is less than n.
        Exception
            Whatever `func`, `jac` or `callback` raises, unchanged.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.minpack import LevenbergMarquardt
        >>> t = np.linspace(0, 4, 9)
        >>> y = 3 * np.exp(-t / 2)
        >>> solver = LevenbergMarquardt([1.0, 1.0])
        >>> solver.run(lambda p: p[0] * np.exp(-t / p[1]) - y).x.round(6)
        array([3., 2.])
        """
        self.check_ready()
        self.drive_python(_SCHEME_NAMES[self.state.jac], func, args, jac, col_deriv, callback)
        return self

    def refine(self, func, args=(), jac=None, *, bint col_deriv=False, scheme="3-point"):
        """Sharpen a finished fit by one Gauss-Newton step from an accurate Jacobian.

        The Jacobian at the solution is formed anew, by default with central differences, whose
        error is about 1e-10 against 1e-8 of forward ones; the step is kept when it lowers the sum
        of squares. :meth:`covariance` is then that of the new Jacobian.

        Parameters
        ----------
        func, args, jac, col_deriv
            As for :meth:`run`.
        scheme : {'3-point', '2-point', 'cs', 'analytic'}, default '3-point'
            Where the Jacobian comes from; 'analytic' calls `jac`.

        Returns
        -------
        LevenbergMarquardt
            The solver itself. ``nfev`` has grown by 2 n + 1 for '3-point'.

        Raises
        ------
        RuntimeError
            If the fit is not finished.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.minpack import LevenbergMarquardt
        >>> t = np.linspace(0, 4, 9)
        >>> y = 3 * np.exp(-t / 2) + 0.1 * np.cos(5 * t)
        >>> def residual(p):
        ...     return p[0] * np.exp(-t / p[1]) - y
        >>> solver = LevenbergMarquardt([1.0, 1.0]).run(residual)
        >>> before = solver.fnorm
        >>> solver.refine(residual).fnorm <= before
        True
        """
        self.check_ready()
        if self.state.task != TASK_DONE or not self.allocated or self.state.nfev == 0:
            raise RuntimeError("refine() wants a finished fit; call run() first")
        code = _scheme(scheme, "scheme")
        evaluator = self.evaluator_of(scheme, func, args, jac if code == JAC_ANALYTIC else None,
                                      col_deriv, None)
        if isfinite(self.state.fnorm):
            self.polish(evaluator, code, True)
        return self

    cdef object points(self):
        cdef lm_state *s = &self.state
        cdef Py_ssize_t n = s.n, j
        cdef double *x = doubles(self._x)
        cdef double plus = 0, minus = 0, h = 0
        if s.task == TASK_DONE:
            raise RuntimeError(f"the fit is finished (info={s.info}): nothing to ask")
        if s.task == TASK_ITERATION:
            self.step()
        if s.task == TASK_RESIDUAL or not self.allocated:
            return self.xt.copy()
        if s.jac == JAC_ANALYTIC:
            return cnp.PyArray_NewCopy(self._x, cnp.NPY_CORDER)
        rows = 2 * n if s.jac == JAC_CENTRAL else n
        points = np.empty((rows, n), np.complex128 if s.jac == JAC_COMPLEX else np.float64)
        points[...] = self._x
        for j in range(n):
            fitcore_difference_points(s.jac, s.epsfcn, x[j], fabs(x[j]), &plus, &minus, &h)
            points[j, j] = plus + 1j * h if s.jac == JAC_COMPLEX else plus
            if s.jac == JAC_CENTRAL:
                points[n + j, j] = minus
        return points

    cdef object answer(self, values, tuple wanted):
        given = array_of_numbers(values)
        wants_complex = self.state.jac == JAC_COMPLEX
        if given.dtype.kind not in "fiubc" or (given.dtype.kind == "c") != wants_complex:
            kind = "complex" if wants_complex else "real"
            raise TypeError(f"values must be {kind} numbers, got dtype {given.dtype}")
        if given.shape != wanted:
            raise ValueError(f"values have shape {given.shape}, wanted {wanted} for task "
                             f"{self.task!r}")
        return given

    cdef int take(self, values) except -1:
        cdef lm_state *s = &self.state
        cdef cnp.ndarray f, block, steps
        cdef Py_ssize_t n = s.n, m, j
        cdef double plus = 0, minus = 0, h = 0
        cdef double *column
        cdef double *x = doubles(self._x)
        if s.task == TASK_DONE:
            raise RuntimeError(f"the fit is finished (info={s.info}): nothing to tell")
        if s.task == TASK_ITERATION:
            self.step()
        if s.task == TASK_RESIDUAL or not self.allocated:
            f = vector(values, cnp.NPY_DOUBLE, "values (the residuals)")
            if not self.allocated:
                self.allocate(cnp.PyArray_SIZE(f))
            self.check_length(f)
            memcpy(doubles(self.ft), doubles(f), s.m * sizeof(double))
        else:
            m = s.m
            tall = fitcore_tall_block_rows(m, n) > 0
            given = self.answer(values, (m, n) if s.jac == JAC_ANALYTIC
                                else (2 * n if s.jac == JAC_CENTRAL else n, m))
            s.factored = 0
            if s.jac == JAC_ANALYTIC:
                self._fjac[...] = given.T
            elif s.jac == JAC_FORWARD and tall:
                steps = zeros(n)
                for j in range(n):
                    fitcore_difference_points(s.jac, s.epsfcn, x[j], fabs(x[j]), &plus, &minus,
                                              doubles(steps) + j)
                self._fjac[...] = given
                self.reduce(doubles(steps), NULL)
            else:
                for j in range(n):
                    column = doubles(self._fjac) + j * m
                    fitcore_difference_points(s.jac, s.epsfcn, x[j], fabs(x[j]), &plus, &minus, &h)
                    if s.jac == JAC_COMPLEX:
                        self._fjac[j] = given[j].imag / h
                        continue
                    f = np.ascontiguousarray(given[j], dtype=np.float64)
                    block = (np.ascontiguousarray(given[n + j], dtype=np.float64)
                             if s.jac == JAC_CENTRAL else self._fvec)
                    fitcore_difference_column(m, doubles(f), doubles(block), h, column)
            if tall and s.jac != JAC_FORWARD:
                self.reduce(NULL, NULL)
        self.step()
        if s.task == TASK_ITERATION:
            self.step()

    def stop(self):
        """End the fit here, with ``info`` -1; `x` stays the best point so far.

        A finished fit stays as it is.
        """
        self.check_ready()
        if self.state.task != TASK_DONE:
            fitcore_lm_stop(&self.state, -1)

    def covariance(self, double tol=0.0):
        """Inverse of J\\ :sup:`T`\\ J at the last Jacobian.

        Parameters
        ----------
        tol : float, default 0.0
            A column of J whose angle to the ones before it has a sine of at most `tol` counts as
            dependent on them. With 0 only an exact dependence is found.

        Returns
        -------
        ndarray, shape (n, n), or None
            None when J has dependent columns. Not scaled: multiply by the reduced chi-square for
            residuals of unknown size.

        Raises
        ------
        RuntimeError
            If no Jacobian has been formed yet, or the last one was broken off by an exception.
        """
        cdef Py_ssize_t n = self.state.n
        cdef int64_t rank = 0
        cdef cnp.npy_intp shape[2]
        cdef cnp.ndarray cov
        if not self.allocated or not self.state.factored:
            raise RuntimeError("there is no finished Jacobian to take it from")
        shape[0] = shape[1] = n
        cov = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
        fitcore_covariance(n, doubles(self._fjac), self.state.m,
                           <int64_t *> cnp.PyArray_DATA(self._ipvt), tol, doubles(cov), &rank,
                           doubles(self.wa))
        return cov if rank == n else None

    @property
    def x(self):
        """Best point so far, shape (n,); a copy."""
        self.check_ready()
        return cnp.PyArray_NewCopy(self._x, cnp.NPY_CORDER)

    @property
    def fvec(self):
        """Residuals at x, shape (m,); a copy. None before the first evaluation."""
        if not self.allocated or self.state.nfev == 0:
            return None
        return cnp.PyArray_NewCopy(self._fvec, cnp.NPY_CORDER)

    @property
    def fjac(self):
        """Transpose of the last Jacobian's factors, shape (n, m); a copy.

        The lower triangle, with the diagonal, of its first n columns is the transpose of the
        triangle R of the QR factorization with the columns in the order `ipvt`; the rest has no
        meaning. None before there is one.
        """
        return self._fjac.copy() if self.allocated and self.state.factored else None

    @property
    def ipvt(self):
        """Order of the columns in R, counted from 0, shape (n,)."""
        self.check_ready()
        return self._ipvt - 1

    @property
    def qtf(self):
        """First n elements of Q^T f for the last Jacobian, shape (n,); a copy."""
        self.check_ready()
        return cnp.PyArray_NewCopy(self._qtf, cnp.NPY_CORDER)

    @property
    def diag(self):
        """Scale factors of the variables, shape (n,); a copy."""
        self.check_ready()
        return cnp.PyArray_NewCopy(self._diag, cnp.NPY_CORDER)

    def _give_up(self):
        """x, fvec, fjac, qtf themselves, for a caller that drops the solver; ipvt in 32 bits."""
        cdef cnp.npy_intp size = self.state.n
        cdef cnp.ndarray order = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_INT32)
        cdef int64_t *ipvt = <int64_t *> cnp.PyArray_DATA(self._ipvt)
        cdef Py_ssize_t i
        for i in range(size):
            (<int *> cnp.PyArray_DATA(order))[i] = ipvt[i] - 1
        return self._x, self._fvec, self._fjac, self._qtf, order

    @property
    def task(self):
        """What :meth:`ask` gives: 'residual', 'differences', 'jacobian', or 'done'."""
        if self.state.task == TASK_DONE:
            return "done"
        if self.state.task == TASK_RESIDUAL or not self.allocated:
            return "residual"
        return "jacobian" if self.state.jac == JAC_ANALYTIC else "differences"

    @property
    def done(self):
        """Whether the fit is finished."""
        return self.state.task == TASK_DONE

    @property
    def n(self):
        """Number of variables."""
        return self.state.n

    @property
    def m(self):
        """Number of residuals, None while it is not known."""
        return self.state.m if self.allocated else None

    @property
    def info(self):
        """MINPACK's outcome; None while the fit goes on."""
        return self.state.info if self.state.task == TASK_DONE else None

    @property
    def success(self):
        """Whether the fit has converged (info 1 to 4)."""
        return self.state.task == TASK_DONE and 1 <= self.state.info <= 4

    @property
    def message(self):
        """`info` in words."""
        cdef lm_state *s = &self.state
        if s.task != TASK_DONE:
            return "The fit goes on."
        if self.stop_code is not None and s.info == -1:
            return f"The fit was stopped: the native function returned {self.stop_code}."
        return outcome(max(s.info, -1), s.ftol, s.xtol, s.gtol, s.maxfev)

    @property
    def nfev(self):
        """Residual evaluations, those of the differences included."""
        return self.state.nfev

    @property
    def njev(self):
        """Jacobians formed."""
        return self.state.njev

    @property
    def nit(self):
        """Accepted steps."""
        return self.state.nit

    @property
    def fnorm(self):
        """Euclidean norm of the residuals at x; NaN before the first evaluation."""
        return self.state.fnorm if self.state.nfev > 0 else NAN

    @property
    def gnorm(self):
        """Greatest cosine between the residuals and a column of the last Jacobian."""
        return self.state.gnorm

    @property
    def delta(self):
        """Bound on the scaled length of the next step."""
        return self.state.delta

    @property
    def par(self):
        """Levenberg-Marquardt parameter."""
        return self.state.par

    def __repr__(self):
        cdef lm_state *s = &self.state
        how = f"info={s.info}" if s.task == TASK_DONE else f"task={self.task!r}"
        return (f"<LevenbergMarquardt n={s.n} m={self.m} nit={s.nit} nfev={s.nfev} "
                f"fnorm={self.fnorm:.6g} {how}>")

    def __reduce__(self):
        cdef bytes raw = (<char *> &self.state)[:sizeof(lm_state)]
        arrays = (self._x, self.xt, self._diag, self._qtf, self._ipvt)
        tall = (self._fvec, self._fjac) if self.allocated else None
        return _restore, (type(self), raw, arrays, tall)


def _restore(cls, bytes raw, tuple arrays, tall):
    """A solver from its pickled state; every size is checked before it is trusted."""
    cdef LevenbergMarquardt solver
    cdef lm_state state
    cdef Py_ssize_t n, m
    check_subclass(cls, LevenbergMarquardt)
    read_state(raw, &state, sizeof(lm_state))
    n, m = state.n, state.m
    if not (TASK_START <= state.task <= TASK_DONE and TASK_START <= state.stage < TASK_DONE
            and -1 <= state.info <= 9 and 1 <= state.mode <= 2
            and JAC_ANALYTIC <= state.jac <= JAC_COMPLEX and state.reduced in (0, 1)
            and state.moved in (0, 1) and state.factored in (0, 1)
            and min(state.nfev, state.njev, state.nit, state.maxfev) >= 0
            and state.ftol >= 0 and state.xtol >= 0 and state.gtol >= 0 and state.epsfcn >= 0
            and state.factor > 0 and state.delta >= 0 and state.par >= 0 and n > 0
            and state.nearby >= 0):
        raise ValueError("the pickled state is damaged: a field is out of its range")
    vectors = intact(arrays, (*[((n,), float)] * 4, ((n,), np.int64)))
    check_order(vectors[4])
    if tall is not None:
        tall = intact(tall, (((m,), float), ((n, m), float)))
        if m < n:
            raise ValueError("the pickled state is damaged: m is less than n")
    solver = cls.__new__(cls)
    solver._x, solver.xt, solver._diag, solver._qtf, solver._ipvt = vectors
    memset(&solver.state, 0, sizeof(lm_state))
    solver.state = state
    if tall is None:
        solver.state.task = TASK_START if state.task != TASK_DONE else TASK_DONE
        return solver
    solver._fvec, solver._fjac = tall
    solver.ft = np.zeros(m)
    solver.wa = np.zeros(_work_size(m, n))
    solver.allocated = True
    return solver


# ------------------------------------------------------------------ for code that links

cdef void lm_init(lm_state *state, int64_t m, int64_t n, int mode, int jac, double ftol,
                  double xtol, double gtol, int64_t maxfev, double epsfcn, double factor,
                  const double *diag) noexcept nogil:
    fitcore_lm_init(state, m, n, mode, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag)


cdef int64_t lm_work_size(int64_t m, int64_t n) noexcept nogil:
    return fitcore_lm_work_size(m, n)


cdef void lm_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                  double *qtf, int64_t *ipvt, double *xt, double *ft, double *wa) noexcept nogil:
    fitcore_lm_step(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)


cdef void lm_stop(lm_state *state, int info) noexcept nogil:
    fitcore_lm_stop(state, info)


cdef void lm_defaults(lm_options *options) noexcept nogil:
    memset(options, 0, sizeof(lm_options))
    options.ftol = options.xtol = 1.49012e-8
    options.epsfcn, options.factor = EPS, 100.0


cdef int minimize_lm(fitcore_residual function, void *user_data, int64_t m, int64_t n, double *x,
                     double *fvec, double *inverse, const double *lower, const double *upper,
                     const lm_options *options, lm_report *report) noexcept nogil:
    cdef lm_state s
    cdef fitcore_lm_arrays a
    cdef fitcore_calls calls
    cdef lm_options usual
    cdef lm_report unwanted
    cdef int64_t j, bounded, maxfev, rank = 0, size
    cdef double *memory
    cdef double *low
    cdef double *high
    cdef int how, jac = JAC_FORWARD
    if options == NULL:
        lm_defaults(&usual)
        options = &usual
    if report == NULL:
        report = &unwanted
    memset(report, 0, sizeof(lm_report))
    report.fnorm = NAN
    if inverse != NULL:
        for j in range(n * n):
            inverse[j] = NAN
    if function == NULL or x == NULL or n < 1 or m < n:
        return 0
    if not (options.ftol >= 0 and options.xtol >= 0 and options.gtol >= 0 and options.epsfcn >= 0
            and options.factor > 0 and options.maxfev >= 0):
        return 0
    bounded = lower != NULL or upper != NULL
    # ipvt and place have the width of doubles
    size = 8 * n + m * n + 2 * m + _work_size(m, n)
    if bounded:
        size += fitcore_bounded_work_size(m, n)
    memory = <double *> malloc(size * sizeof(double))
    if memory == NULL:
        report.info = -2
        return -2
    memset(&s, 0, sizeof(lm_state))
    memset(&a, 0, sizeof(fitcore_lm_arrays))
    a.x, a.diag, a.qtf, a.xt, a.h = x, memory, memory + n, memory + 2 * n, memory + 3 * n
    low, high = memory + 4 * n, memory + 5 * n
    a.fvec = memory + 6 * n
    a.ft = a.fvec + m
    a.fjac = a.ft + m
    a.wa = a.fjac + m * n
    a.ipvt = <int64_t *> (a.wa + _work_size(m, n))
    a.place = a.ipvt + n
    a.work = <double *> (a.place + n)
    a.fold, a.count = fold_rows, 1
    for j in range(n):
        a.diag[j] = a.qtf[j] = 0
        a.ipvt[j] = j + 1
        a.place[j] = 0
        low[j] = lower[j] if lower != NULL else -INFINITY
        high[j] = upper[j] if upper != NULL else INFINITY
        if bounded:
            x[j] = fmin(fmax(x[j], low[j]), high[j])
        a.xt[j] = x[j]
    if bounded:
        a.lower, a.upper = low, high
    if options.derivatives:
        jac = JAC_ANALYTIC
    elif options.central:
        jac = JAC_CENTRAL
    maxfev = options.maxfev
    if maxfev == 0:
        maxfev = (100 if options.derivatives else 200) * (n + 1)
    memset(&calls, 0, sizeof(fitcore_calls))
    calls.residual, calls.data = function, user_data
    fitcore_lm_init(&s, m, n, 1, jac, options.ftol, options.xtol, options.gtol, maxfev,
                    options.epsfcn, options.factor, a.diag)
    how = fitcore_drive_lm(&s, &a, &calls)
    report.info = s.info
    if how == DRIVE_CODE:
        report.info, report.code = -1, calls.code
    report.nfev, report.njev, report.nit = s.nfev, s.njev, s.nit
    if s.nfev > 0:
        report.fnorm = s.fnorm
        if fvec != NULL:
            memcpy(fvec, a.fvec, m * sizeof(double))
    if inverse != NULL and s.factored and report.info >= 1 and report.info <= 8:
        fitcore_covariance(n, a.fjac, m, a.ipvt, 0.0, inverse, &rank, a.wa)
        if rank < n:
            for j in range(n * n):
                inverse[j] = NAN
    free(memory)
    return report.info
