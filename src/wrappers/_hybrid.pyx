# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Powell's hybrid method for systems of equations by MINPACK-1, driven by reverse communication."""

from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset
cimport numpy as cnp

from fitcore._arrays cimport count, doubles, number, sole_owner, vector, zeros
from fitcore._evaluator cimport Evaluator
from fitcore._native cimport fitcore_calls
from fitcore._solver cimport (
    Solver, array_of_numbers, check_subclass, intact, read_state, scale_factors, start_point,
)

import numpy as np


cnp.import_array()

__all__ = ["MESSAGES", "PowellHybrid"]

cdef dict _SCHEMES = {"analytic": JAC_ANALYTIC, "2-point": JAC_FORWARD}

# Below this many elements of the Jacobian a step is too short to be worth giving up the GIL.
cdef Py_ssize_t GIL_ELEMENTS = 4096

#: What each value of ``info`` means.
MESSAGES = {
    -1: "The iteration was stopped by the user.",
    0: "Improper input parameters were entered.",
    1: "The solution converged.",
    2: "The number of calls to function has reached maxfev = {maxfev:d}.",
    3: "xtol={xtol:f} is too small, no further improvement in the approximate\n"
       " solution is possible.",
    4: "The iteration is not making good progress, as measured by the \n"
       " improvement from the last five Jacobian evaluations.",
    5: "The iteration is not making good progress, as measured by the \n"
       " improvement from the last ten iterations.",
    9: "The functions or the Jacobian contain NaN or infinity at the present point,\n"
       " or at every step from it.",
}


cdef _diagonals(value, str name, Py_ssize_t n):
    """A number of diagonals, at most n - 1; that many if it is None or negative."""
    if value is None or (isinstance(value, (int, np.integer)) and value < 0):
        return n - 1
    return min(count(value, name), n - 1)


cdef class PowellHybrid(Solver):
    """Powell's hybrid method for n equations in n variables, as MINPACK-1 does it.

    The Jacobian is formed at the start, kept up to date by Broyden's formula, and formed anew after
    two steps in a row that brought less than they promised. The solver asks for the functions and
    Jacobians and is told them: nothing is called from inside, so the functions may live anywhere,
    and the solver can be pickled between two steps and resumed elsewhere with the same iterates.
    :meth:`run` does the asking and telling for a Python function.

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point. It is copied.
    jac : {'2-point', 'analytic'}, default '2-point'
        The Jacobian: forward differences (MINPACK's `hybrd`), or supplied (`hybrj`).
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    maxfev : int, default 0
        Limit on evaluations, looked at once per step. 0 means 100 (n + 1) with a supplied Jacobian
        and 200 (n + 1) otherwise.
    ml, mu : int, optional
        Diagonals of the Jacobian below and above the main one that are not zero: differences then
        cost ml + mu + 1 evaluations instead of n. None or a negative number stands for all.
    epsfcn : float, optional
        Relative error of the functions, from which the difference steps are taken.
        Default: the spacing of doubles.
    factor : float, default 100.0
        First bound on the step, in units of the scaled norm of `x0`.
    diag : array_like, shape (n,), optional
        Positive scale factors of the variables. Default: norms of the Jacobian's columns.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Best point so far.
    fvec : ndarray, shape (n,)
        The functions there.
    fnorm : float
        Their Euclidean norm.
    nfev, njev, nit : int
        Evaluations (those of the differences included), Jacobians, accepted steps.
    done : bool
        Whether the solver is finished.
    info : int
        MINPACK's outcome: 1 converged, 2 too many evaluations, 3 `xtol` too small, 4 and 5 no
        progress over five Jacobians or ten steps, 9 NaN or infinity, negative if stopped.
    message : str
        `info` in words.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    .. [1] M. J. D. Powell, "A hybrid method for nonlinear equations", in P. Rabinowitz (ed.),
       Numerical Methods for Nonlinear Algebraic Equations, Gordon and Breach (1970).
    .. [2] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.minpack import PowellHybrid
    >>> def functions(x):
    ...     return np.array([x[0] * np.cos(x[1]) - 4, x[0] * x[1] - x[1] - 5])
    >>> solver = PowellHybrid([1.0, 1.0])
    >>> while not solver.done:
    ...     points = solver.ask()
    ...     if points.ndim == 1:
    ...         solver.tell(functions(points))
    ...     else:                          # a block of points for the differences
    ...         solver.tell([functions(p) for p in points])
    >>> solver.x.round(6), solver.info
    (array([6.504097, 0.908414]), 1)
    """

    def __init__(self, x0, *, jac="2-point", xtol=1.49012e-8, maxfev=0, ml=None, mu=None,
                 epsfcn=None, factor=100.0, diag=None):
        cdef Py_ssize_t n
        self.check_free()
        start = start_point(x0)
        n = start.size
        scale = scale_factors(diag, n)
        if not isinstance(jac, str) or jac not in _SCHEMES:
            raise ValueError(f"jac={jac!r} is unknown; choose one of {', '.join(_SCHEMES)}")
        scheme = _SCHEMES[jac]
        limit = count(maxfev, "maxfev") or (100 if scheme == JAC_ANALYTIC else 200) * (n + 1)
        if scheme == JAC_ANALYTIC and not (ml is None and mu is None):
            raise ValueError("ml and mu are for differences; with jac='analytic' they must be "
                             f"None, got {ml!r} and {mu!r}")
        below, above = _diagonals(ml, "ml", n), _diagonals(mu, "mu", n)
        tolerance = number(xtol, "xtol", 0.0)
        error = np.finfo(np.float64).eps if epsfcn is None else number(epsfcn, "epsfcn", 0.0)
        bound = number(factor, "factor", 0.0)
        if bound == 0.0:
            raise ValueError(f"factor={factor} must be positive")

        # nothing fails from here on but for want of memory
        self._x = None
        self._diag = zeros(n) if scale is None else scale
        memset(&self.state, 0, sizeof(hybrid_state))
        fitcore_hybrid_init(&self.state, n, 1 if scale is None else 2, scheme, tolerance, limit,
                            below, above, error, bound, doubles(self._diag))
        self._qtf, self.p, self.xt = zeros(n), zeros(n), zeros(n)
        self._fvec = zeros(n)
        self._fjac = np.zeros((n, n))
        self._r = zeros(n * (n + 1) // 2)
        self.allocate()
        self._x = start
        self.step()

    cdef int allocate(self) except -1:
        """The arrays whose contents do not outlive a step."""
        self.ft = zeros(self.state.n)
        self.wa = zeros(fitcore_hybrid_work_size(self.state.n))
        return 0

    cdef bint ready(self) noexcept:
        return self._x is not None

    cdef int step(self) except -1:
        """Let the core go on to its next task."""
        cdef hybrid_state *s = &self.state
        cdef double *x = doubles(self._x)
        cdef double *fvec = doubles(self._fvec)
        cdef double *q = doubles(self._fjac)
        cdef double *r = doubles(self._r)
        cdef double *diag = doubles(self._diag)
        cdef double *qtf = doubles(self._qtf)
        cdef double *p = doubles(self.p)
        cdef double *xt = doubles(self.xt)
        cdef double *ft = doubles(self.ft)
        cdef double *wa = doubles(self.wa)
        if s.n * s.n < GIL_ELEMENTS:
            fitcore_hybrid_step(s, x, fvec, q, r, diag, qtf, p, xt, ft, wa)
        else:
            with nogil:
                fitcore_hybrid_step(s, x, fvec, q, r, diag, qtf, p, xt, ft, wa)
        if s.moved:
            self._fvec, self.ft = self.ft, self._fvec
        return 0

    cdef int check_length(self, cnp.ndarray f) except -1:
        if cnp.PyArray_SIZE(f) != self.state.n:
            raise ValueError(f"there must be as many functions as variables, {self.state.n}; got "
                             f"an array of {cnp.PyArray_SIZE(f)}")
        return 0

    cdef int evaluate(self, Evaluator evaluator) except -1:
        """The functions at xt into ft: taken over where nobody else holds them, else copied."""
        cdef cnp.ndarray f = evaluator.residual(doubles(self.xt), self.state.n)
        self.check_length(f)
        if sole_owner(f):
            self.ft = f
        else:
            memcpy(doubles(self.ft), doubles(f), self.state.n * sizeof(double))
        return 0

    cdef int differentiate(self, Evaluator evaluator) except -1:
        """The Jacobian at x by forward differences, group by group of its columns."""
        cdef hybrid_state *s = &self.state
        cdef int64_t groups = fitcore_column_groups(s.n, s.ml, s.mu), k
        cdef double *x = doubles(self._x)
        cdef double *point = doubles(self.xt)
        cdef cnp.ndarray f
        for k in range(1, groups + 1):
            fitcore_group_point(s.n, groups, k, s.epsfcn, x, point)
            f = evaluator.residual(point, s.n)
            self.check_length(f)
            fitcore_group_columns(s.n, groups, k, s.ml, s.mu, s.epsfcn, x, doubles(f),
                                  doubles(self._fvec), doubles(self._fjac))
        return 0

    cdef Py_ssize_t known_rows(self) noexcept:
        return self.state.n

    cdef int drive_natively(self, Evaluator evaluator) except -1:
        """Go on to the end without the GIL, calling a native function."""
        cdef fitcore_hybrid_arrays a
        cdef fitcore_calls *calls = evaluator.calls
        cdef int how
        a.x, a.fvec, a.q = doubles(self._x), doubles(self._fvec), doubles(self._fjac)
        a.r, a.diag, a.qtf = doubles(self._r), doubles(self._diag), doubles(self._qtf)
        a.p, a.xt, a.ft = doubles(self.p), doubles(self.xt), doubles(self.ft)
        a.wa = doubles(self.wa)
        with nogil:
            how = fitcore_drive_hybrid(&self.state, &a, calls)
        if a.fvec != doubles(self._fvec):
            self._fvec, self.ft = self.ft, self._fvec
        return evaluator.ended(how)

    cdef int loop(self, Evaluator evaluator) except -1:
        cdef hybrid_state *s = &self.state
        if evaluator.calls != NULL and s.task != TASK_DONE:
            self.drive_natively(evaluator)
        while s.task != TASK_DONE:
            if s.task == TASK_RESIDUAL:
                self.evaluate(evaluator)
            elif s.task == TASK_JACOBIAN:
                s.factored = 0
                if s.jac == JAC_ANALYTIC:
                    evaluator.jacobian(doubles(self._x), s.n, doubles(self._fjac), s.n)
                else:
                    self.differentiate(evaluator)
            elif evaluator.iteration(self) != 0:
                fitcore_hybrid_stop(s, -1)
            self.step()
        return 0

    cdef object points(self):
        cdef hybrid_state *s = &self.state
        cdef cnp.ndarray block
        cdef int64_t groups, k
        if s.task == TASK_DONE:
            raise RuntimeError(f"the solver is finished (info={s.info}): nothing to ask")
        if s.task == TASK_ITERATION:
            self.step()
        if s.task == TASK_RESIDUAL:
            return self.xt.copy()
        if s.jac == JAC_ANALYTIC:
            return self._x.copy()
        groups = fitcore_column_groups(s.n, s.ml, s.mu)
        block = np.empty((groups, s.n))
        for k in range(groups):
            fitcore_group_point(s.n, groups, k + 1, s.epsfcn, doubles(self._x),
                                doubles(block) + k * s.n)
        return block

    cdef int take(self, values) except -1:
        cdef hybrid_state *s = &self.state
        cdef int64_t n = s.n, groups, k
        cdef cnp.ndarray f
        if s.task == TASK_DONE:
            raise RuntimeError(f"the solver is finished (info={s.info}): nothing to tell")
        if s.task == TASK_ITERATION:
            self.step()
        if s.task == TASK_RESIDUAL:
            f = vector(values, cnp.NPY_DOUBLE, "values (the functions)")
            self.check_length(f)
            memcpy(doubles(self.ft), doubles(f), n * sizeof(double))
        else:
            given = array_of_numbers(values)
            if given.dtype.kind not in "fiub":
                raise TypeError(f"values must be real numbers, got dtype {given.dtype}")
            groups = fitcore_column_groups(n, s.ml, s.mu)
            wanted = (n if s.jac == JAC_ANALYTIC else groups, n)
            if given.shape != wanted:
                raise ValueError(f"values have shape {given.shape}, wanted {wanted} for task "
                                 f"{self.task!r}")
            f = np.ascontiguousarray(given, dtype=np.float64)
            s.factored = 0
            if s.jac == JAC_ANALYTIC:
                self._fjac[...] = f.T
            else:
                for k in range(groups):
                    fitcore_group_columns(n, groups, k + 1, s.ml, s.mu, s.epsfcn,
                                          doubles(self._x), doubles(f) + k * n,
                                          doubles(self._fvec), doubles(self._fjac))
        self.step()
        if s.task == TASK_ITERATION:
            self.step()
        return 0

    def run(self, func, args=(), jac=None, *, bint col_deriv=False, callback=None):
        """Run to the end, calling Python functions.

        Resumes wherever the solver stands: after an exception from `func`, after unpickling, or
        in the midst of asking and telling.

        Parameters
        ----------
        func : callable
            ``func(x, *args)`` returns the functions, shape (n,). Its `x` is a new array each time.
        args : tuple, optional
            Further arguments of `func` and `jac`.
        jac : callable, optional
            ``jac(x, *args)`` returns the Jacobian, shape (n, n), rows for functions; wanted when
            the solver was made with ``jac='analytic'``.
        col_deriv : bool, default False
            Whether `jac` returns the transpose.
        callback : callable, optional
            ``callback(solver)`` after each accepted step; a true value or StopIteration stops with
            ``info`` -1.

        Returns
        -------
        PowellHybrid
            The solver itself.

        Raises
        ------
        TypeError
            If `func` or `jac` is not callable or returns what is not real numbers.
        ValueError
            If the number of functions is not n.
        Exception
            Whatever `func`, `jac` or `callback` raises, unchanged.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.minpack import PowellHybrid
        >>> solver = PowellHybrid([0.3, 0.3], jac="analytic")
        >>> def func(x):
        ...     return [x[0] - 0.5 * np.sin(x[1]), x[1] - 0.5 * np.cos(x[0])]
        >>> def jac(x):
        ...     return [[1, -0.5 * np.cos(x[1])], [0.5 * np.sin(x[0]), 1]]
        >>> solver.run(func, jac=jac).x.round(6)
        array([0.233726, 0.486405])
        """
        self.check_ready()
        scheme = "analytic" if self.state.jac == JAC_ANALYTIC else "2-point"
        self.drive_python(scheme, func, args, jac, col_deriv, callback)
        return self

    def stop(self):
        """End here, with ``info`` -1; `x` stays the best point so far.

        A finished solver stays as it is.
        """
        self.check_ready()
        if self.state.task != TASK_DONE:
            fitcore_hybrid_stop(&self.state, -1)

    @property
    def x(self):
        """Best point so far, shape (n,); a copy."""
        self.check_ready()
        return self._x.copy()

    @property
    def fvec(self):
        """The functions at x, shape (n,); a copy. None before the first evaluation."""
        return self._fvec.copy() if self.ready() and self.state.nfev > 0 else None

    @property
    def fjac(self):
        """Orthogonal factor of the last approximate Jacobian, shape (n, n); a copy.

        Transposed: row j is column j of Q. None before there is one.
        """
        return self._fjac.copy() if self.ready() and self.state.factored else None

    @property
    def r(self):
        """Its triangle R by rows, shape (n (n + 1) / 2,); a copy. None before there is one."""
        return self._r.copy() if self.ready() and self.state.factored else None

    @property
    def qtf(self):
        """Q^T f, shape (n,); a copy."""
        self.check_ready()
        return self._qtf.copy()

    @property
    def diag(self):
        """Scale factors of the variables, shape (n,); a copy."""
        self.check_ready()
        return self._diag.copy()

    def _give_up(self):
        """x, fvec, fjac, r, qtf themselves, for a caller that drops the solver."""
        return self._x, self._fvec, self._fjac, self._r, self._qtf

    @property
    def task(self):
        """What :meth:`ask` gives: 'residual', 'differences', 'jacobian', or 'done'."""
        cdef hybrid_state *s = &self.state
        self.check_ready()
        if s.task == TASK_DONE:
            return "done"
        # the news of an accepted step is passed over: what comes after it depends on the failures
        if s.task == TASK_RESIDUAL or (s.task == TASK_ITERATION and s.failures != 2):
            return "residual"
        return "jacobian" if s.jac == JAC_ANALYTIC else "differences"

    @property
    def supplied(self):
        """Whether the Jacobian is supplied, not formed by differences."""
        return self.state.jac == JAC_ANALYTIC

    @property
    def done(self):
        """Whether the solver is finished."""
        return self.state.task == TASK_DONE

    @property
    def n(self):
        """Number of equations and variables."""
        return self.state.n

    @property
    def info(self):
        """MINPACK's outcome; None while the iteration goes on."""
        return self.state.info if self.state.task == TASK_DONE else None

    @property
    def success(self):
        """Whether it has converged (info 1)."""
        return self.state.task == TASK_DONE and self.state.info == 1

    @property
    def message(self):
        """`info` in words."""
        cdef hybrid_state *s = &self.state
        if s.task != TASK_DONE:
            return "The iteration goes on."
        if self.stop_code is not None and s.info == -1:
            return f"The iteration was stopped: the native function returned {self.stop_code}."
        return MESSAGES[max(s.info, -1)].format(xtol=s.xtol, maxfev=s.maxfev)

    @property
    def nfev(self):
        """Evaluations, those of the differences included."""
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
        """Euclidean norm of the functions at x; NaN before the first evaluation."""
        return self.state.fnorm if self.state.nfev > 0 else NAN

    @property
    def delta(self):
        """Bound on the scaled length of the next step."""
        return self.state.delta

    def __repr__(self):
        cdef hybrid_state *s = &self.state
        if not self.ready():
            return "<PowellHybrid, not set up>"
        how = f"info={s.info}" if s.task == TASK_DONE else f"task={self.task!r}"
        return (f"<PowellHybrid n={s.n} nit={s.nit} nfev={s.nfev} fnorm={self.fnorm:.6g} {how}>")

    def __reduce__(self):
        cdef bytes raw = (<char *> &self.state)[:sizeof(hybrid_state)]
        self.check_ready()
        return _restore, (type(self), raw, (self._x, self._fvec, self._diag, self._qtf, self.p,
                                            self.xt, self._r, self._fjac))


def _restore(cls, bytes raw, tuple arrays):
    """A solver from its pickled state; every size is checked before it is trusted."""
    cdef PowellHybrid solver
    cdef hybrid_state s
    check_subclass(cls, PowellHybrid)
    read_state(raw, &s, sizeof(hybrid_state))
    if not (TASK_RESIDUAL <= s.task <= TASK_DONE and TASK_START <= s.stage < TASK_DONE
            and (s.task == s.stage or s.task == TASK_DONE) and s.info in MESSAGES
            and 1 <= s.mode <= 2 and s.jac in (JAC_ANALYTIC, JAC_FORWARD)
            and s.jeval in (0, 1) and s.moved in (0, 1) and s.factored in (0, 1)
            and 0 <= s.ml < s.n and 0 <= s.mu < s.n
            and min(s.maxfev, s.nfev, s.njev, s.nit, s.successes, s.failures, s.slow_iterations,
                    s.slow_jacobians) >= 0
            and s.xtol >= 0 and s.epsfcn >= 0 and s.factor > 0 and s.delta >= 0):
        raise ValueError("the pickled state is damaged: a field is out of its range")
    n = s.n
    wanted = (*[((n,), float)] * 6, ((n * (n + 1) // 2,), float), ((n, n), float))
    solver = cls.__new__(cls)
    (x, solver._fvec, solver._diag, solver._qtf, solver.p, solver.xt, solver._r,
     solver._fjac) = intact(arrays, wanted)
    memset(&solver.state, 0, sizeof(hybrid_state))
    solver.state = s
    solver.allocate()
    solver._x = x
    return solver
