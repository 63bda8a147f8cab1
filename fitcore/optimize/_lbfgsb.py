"""L-BFGS-B with SciPy's signatures: `fmin_l_bfgs_b`, and `lbfgsb` as a method of `minimize`."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._native import NativeCall
from fitcore.lbfgsb import LBFGSB, STOP_EVALUATIONS, STOP_ITERATIONS, NativeObjective
from fitcore.optimize._differences import SCHEMES, Differences
from fitcore.optimize._inverse_hessian import LbfgsInvHessProduct
from fitcore.optimize._lbfgsb_print import Printer, level
from fitcore.optimize._result import OptimizeResult, optimize_warning

Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
#: What `minimize` says of bounds where `fmin_l_bfgs_b` says what the Fortran does.
_BOUNDS_IN_WORDS = {
    "length of x0 != length of bounds": (
        "The number of bounds is not compatible with the length of `x0`."
    ),
    "one of the lower bounds is greater than an upper bound": (
        "An upper bound is less than the corresponding lower bound."
    ),
}


def fmin_l_bfgs_b(
    func: Callable[..., Any],
    x0: ArrayLike,
    fprime: Callable[..., ArrayLike] | None = None,
    args: Any = (),
    approx_grad: Any = 0,
    bounds: Any = None,
    m: int = 10,
    factr: float = 1e7,
    pgtol: float = 1e-5,
    epsilon: ArrayLike = 1e-8,
    iprint: int = -1,
    maxfun: int = 15000,
    maxiter: int = 15000,
    disp: int | None = None,
    callback: Callable[..., object] | None = None,
    maxls: int = 20,
) -> tuple[Array, float, dict[str, Any]]:
    r"""Minimize a function under bounds by L-BFGS-B 3.0.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the pair (f, g) of the value and the gradient, shape (n,); f
        alone when `fprime` is given or `approx_grad` is true. Its `x` is a new array each time.
    x0 : array_like, shape (n,)
        Starting point; it is projected into the bounds.
    fprime : callable, optional
        ``fprime(x, *args)`` returns the gradient, shape (n,).
    args : tuple, optional
        Further arguments of `func` and `fprime`.
    approx_grad : bool, default False
        Whether to form the gradient by forward differences.
    bounds : sequence of (min, max), array_like of shape (n, 2), or object with lb and ub, optional
        Bounds of the variables. None, -inf and inf mean no bound on that side.
    m : int, default 10
        Number of corrections of the limited memory matrix.
    factr : float, default 1e7
        The run ends when :math:`(f_k - f_{k+1}) / \max(|f_k|, |f_{k+1}|, 1)` is at most `factr`
        times 2.2e-16, the spacing of doubles: 1e12 for low accuracy, 1e7 for moderate, 10 for
        extremely high.
    pgtol : float, default 1e-5
        The run ends when no element of the projected gradient is greater than this.
    epsilon : float or array_like of shape (n,), default 1e-8
        Step of the differences with `approx_grad`. A step that would leave the bounds is turned
        round or shortened.
    iprint : int, default -1
        How much to print to ``sys.stdout``: less than 0 nothing; 0 one line at the end; 1 to 98
        also f and the norm of the projected gradient every `iprint` iterations; 99 details of
        every iteration without vectors; 100 also changes of the set of free variables and the
        final x; more than 100 also x and g.
    maxfun : int, default 15000
        Limit on evaluations of `func`. It is looked at after each iteration, and may be overshot.
    maxiter : int, default 15000
        Limit on iterations.
    disp : int, optional
        0: print nothing. Another number takes the place of `iprint`.
    callback : callable, optional
        ``callback(xk)`` after each iteration, with a copy of the iterate; or, when its one
        argument is called so, ``callback(intermediate_result)`` with an `OptimizeResult` that has
        ``x`` and ``fun``. StopIteration ends the run.
    maxls : int, default 20
        Limit on evaluations in one line search.

    Returns
    -------
    x : ndarray, shape (n,)
        The minimum, or the best point reached.
    f : float
        The value there.
    d : dict
        ``warnflag``: 0 converged, 1 too many evaluations or iterations, 2 another reason;
        ``task``: the reason in the words of the Fortran code; ``grad``: the gradient at `x`, NaN
        for a variable with equal bounds whose derivative was not formed; ``funcalls`` and
        ``nit``: evaluations, those of differences included, and iterations.

    Raises
    ------
    ValueError
        If an argument is out of its range, f is not one number, or the gradient has a shape other
        than that of x.
    TypeError
        If an argument, f or the gradient is not of the kind it must be.
    Exception
        Whatever `func`, `fprime` or `callback` raises, unchanged.

    See Also
    --------
    minimize : the same with SciPy's newer signature.
    fitcore.lbfgsb.LBFGSB : the solver, for asking and telling.

    Notes
    -----
    ``ftol = factr * numpy.finfo(float).eps`` relates `factr` to the option `ftol` of `minimize`.

    What is printed are the lines of the Fortran code, but for ``iprint=0``, where that prints its
    table as well, and for the pieces of the Cauchy search from 99 on, where the number of
    segments stands instead.

    The steps are those of L-BFGS-B 3.0 of April 2011, by C. Zhu, R. Byrd, J. Nocedal and
    J. L. Morales, whose authors ask that one of the references be quoted.

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
    The line through the points (t, y), with its slope in (0, 5) and its intercept in (5, 10):

    >>> import numpy as np
    >>> from fitcore.optimize import fmin_l_bfgs_b
    >>> t = np.arange(10.0)
    >>> y = 2 * t + 3
    >>> def func(p):
    ...     error = p[0] * t + p[1] - y
    ...     return error @ error, 2 * np.array([error @ t, error.sum()])
    >>> x, f, d = fmin_l_bfgs_b(func, [0.0, 1.0], bounds=[(0, 5), (5, 10)])
    >>> x.round(6), round(float(f), 6), d["warnflag"]
    (array([1.684211, 5.      ]), 11.578947, 0)
    """
    return minimum(
        _Run, func, x0, fprime, args, approx_grad, bounds, m, factr, pgtol, epsilon,
        level(iprint, disp), maxfun, maxiter, callback, maxls,
    )  # fmt: skip


def minimum(
    runner: type[_Run],
    func: Callable[..., Any],
    x0: ArrayLike,
    fprime: Callable[..., ArrayLike] | None,
    args: Any,
    approx_grad: Any,
    bounds: Any,
    m: int,
    factr: float,
    pgtol: float,
    epsilon: ArrayLike,
    iprint: int,
    maxfun: int,
    maxiter: int,
    callback: Callable[..., object] | None,
    maxls: int,
) -> tuple[Array, float, dict[str, Any]]:
    """`fmin_l_bfgs_b`, run by one implementation or the other."""
    start = _start(x0).ravel()
    if approx_grad or _without_gradient(func, True):
        jac: Any = "2-point"
    elif fprime is None:
        jac = True
    else:
        jac = fprime
        if not callable(fprime):
            raise TypeError(f"fprime must be callable or None, got {fprime!r:.80}")
    run = runner(
        func, start, _arguments(args), jac, bounds, callback, name="func", m=m, factr=factr,
        pgtol=pgtol, step=epsilon, iprint=iprint, maxfun=maxfun, maxiter=maxiter,
        maxls=maxls, step_name="epsilon",
    )  # fmt: skip
    solver = run.solver
    info = {
        "grad": run.gradient(), "task": solver.message, "funcalls": run.nfev,
        "nit": solver.nit, "warnflag": run.warnflag,
    }  # fmt: skip
    if run.stop_code is not None:
        info["stop_code"] = run.stop_code
    return solver.x, np.float64(solver.f), info


def lbfgsb(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: Any = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., object] | None = None,
    *,
    disp: int | None = None,
    maxcor: int = 10,
    ftol: float | None = None,
    gtol: float | None = None,
    eps: ArrayLike = 1e-8,
    maxfun: int = 15000,
    maxiter: int = 15000,
    iprint: int = -1,
    maxls: int = 20,
    finite_diff_rel_step: ArrayLike | None = None,
    **unknown_options: Any,
) -> OptimizeResult:
    """Minimize under bounds by L-BFGS-B; a method for ``minimize``, SciPy's and ours.

    ``scipy.optimize.minimize(fun, x0, method=fitcore.optimize.lbfgsb)`` runs this solver. SciPy
    passes no difference schemes to methods of others: give `jac` as an option of
    `fitcore.optimize.minimize` for those.

    Parameters
    ----------
    fun, x0, args, jac, hess, hessp, bounds, constraints, tol, callback
        As for `minimize`.
    disp, maxcor, ftol, gtol, eps, maxfun, maxiter, iprint, maxls, finite_diff_rel_step
        The options of `minimize`.
    **unknown_options
        Others give a warning.

    Returns
    -------
    OptimizeResult
        As from `minimize`.

    Raises
    ------
    ValueError, TypeError
        As `minimize` does.

    Warns
    -----
    OptimizeWarning
        If an option is not known.
    RuntimeWarning
        If `hess` or `hessp` is given: they are not used.

    Examples
    --------
    >>> from fitcore.optimize import lbfgsb
    >>> result = lbfgsb(lambda x: ((x - 1) ** 2).sum(), [3.0, 4.0], bounds=[(2, None), (0, None)])
    >>> result.x.round(6)
    array([2., 1.])
    """
    if unknown_options:
        warnings.warn(
            f"Unknown solver options: {', '.join(map(str, unknown_options))}",
            optimize_warning(),
            stacklevel=3,
        )
    for given, name in ((hess, "hess"), (hessp, "hessp")):
        if given is not None:
            warnings.warn(
                f"Method L-BFGS-B does not use Hessian information ({name}).",
                RuntimeWarning,
                stacklevel=3,
            )
    if constraints is not None and np.size(constraints) > 0:
        raise ValueError(
            "constraints must be empty: L-BFGS-B knows bounds only, got " + f"{constraints!r:.80}"
        )
    if ftol is None:
        ftol = 1e7 * _EPS if tol is None else tol
    if gtol is None:
        gtol = 1e-5 if tol is None else tol
    start = _start(x0)
    if start.ndim > 1:
        raise ValueError(f"'x0' must only have one dimension, got shape {start.shape}")
    step: ArrayLike | None = None
    if isinstance(jac, str):
        if jac not in SCHEMES:
            raise ValueError(
                f"jac={jac!r} is unknown; choose a callable, True or one of {', '.join(SCHEMES)}"
            )
    elif jac is None or jac is False or _without_gradient(fun, jac):
        jac, step = _usual(fun, jac), eps
    elif jac is not True and not callable(jac):
        raise TypeError(
            f"jac must be callable, True, None or one of {', '.join(SCHEMES)}, got {jac!r:.80}"
        )
    factr = _tolerance(ftol, "ftol") / _EPS
    try:
        run = _Run(
            fun, start.ravel(), _arguments(args), jac, bounds, callback, name="fun", m=maxcor,
            factr=factr, pgtol=_tolerance(gtol, "gtol"), step=step, relative=finite_diff_rel_step,
            iprint=level(iprint, disp), maxfun=maxfun, maxiter=maxiter, maxls=maxls,
            m_name="maxcor",
        )  # fmt: skip
    except ValueError as exc:
        for fortrans, words in _BOUNDS_IN_WORDS.items():
            if str(exc).endswith(fortrans):
                raise ValueError(f"{words} ({exc})") from exc
        raise
    solver = run.solver
    status, message = run.warnflag, solver.message
    if solver.nit == 0 and (solver.lower == solver.upper).all():
        message = "All independent variables were fixed by bounds."
    if run.callback_stopped:
        status, message = 99, "`callback` raised `StopIteration`."
    stop = {} if run.stop_code is None else {"stop_code": run.stop_code}
    return OptimizeResult(
        message=message, success=status == 0, status=status, fun=np.float64(solver.f), x=solver.x,
        nit=solver.nit, jac=run.gradient(), nfev=run.nfev, njev=run.njev,
        hess_inv=LbfgsInvHessProduct._of(solver), **stop,
    )  # fmt: skip


class _Run:
    """One run of the solver, from the arguments of either function to its end."""

    def __init__(
        self,
        fun: Callable[..., Any],
        start: Array,
        args: tuple[Any, ...],
        jac: Any,
        bounds: Any,
        callback: Callable[..., object] | None,
        *,
        name: str,
        m: int,
        factr: float,
        pgtol: float,
        step: ArrayLike | None,
        iprint: int,
        maxfun: float,
        maxiter: float,
        maxls: int,
        relative: ArrayLike | None = None,
        m_name: str = "m",
        step_name: str = "eps",
    ) -> None:
        if not callable(fun):
            raise TypeError(f"{name} must be callable, got {fun!r:.80}")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, got {callback!r:.80}")
        self.maxfun, self.maxiter = _limit(maxfun, "maxfun"), _limit(maxiter, "maxiter")
        try:
            self.solver = LBFGSB(start, bounds, m, factr, pgtol, maxls)
        except (ValueError, TypeError, MemoryError) as exc:
            if m_name != "m" and str(exc).startswith(("m=", "m ")):
                raise type(exc)(m_name + str(exc)[1:]) from exc
            raise
        self.differences: Differences | None = None
        self.callback = callback
        self.takes_result = callback is not None and _takes_result(callback)
        self.callback_stopped = False
        self.native: NativeObjective | None = None
        if isinstance(fun, NativeCall):
            if args:
                raise TypeError(
                    "a NativeFunction takes no further arguments: args must be empty, got "
                    f"{args!r:.80}"
                )
            if type(self) is not _Run:
                raise TypeError("the originals take Python functions, got a NativeFunction")
        if isinstance(jac, str):
            bounded = self.solver.details["constrained"]
            lower, upper = (self.solver.lower, self.solver.upper) if bounded else (None, None)
            self.differences = Differences(
                fun, start.size, args, jac, lower, upper, step, relative,
                (step_name, "finite_diff_rel_step"),
            )  # fmt: skip
            if not (jac == "2-point" and isinstance(fun, NativeCall)):
                fun, args, jac = self.differences, (), True
        wanted = callback is not None or (self.differences is not None and fun is self.differences)
        self.drive(fun, args, jac, start, iprint, self._iteration if wanted else None)

    def drive(
        self,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        jac: Any,
        start: Array,
        iprint: int,
        callback: Callable[[LBFGSB], None] | None,
    ) -> None:
        """Run to the end, and print."""
        printer = Printer(iprint, start)
        trace = printer.trace if iprint > 0 else None
        printer.head(self.solver)
        if isinstance(fun, NativeCall) and (jac is True or jac is fun or jac == "2-point"):
            self.native = self._objective(fun, callback, trace)
            self.solver.run_objective(self.native, self.maxiter, self.maxfun)
        else:
            self.solver.run(
                fun, args, jac, trace=trace, callback=callback, maxiter=self.maxiter,
                maxfun=self.maxfun,
            )  # fmt: skip
        printer.end(self.solver)

    def _objective(self, fun: NativeCall, callback: Any, trace: Any) -> NativeObjective:
        """The native function, with its gradient or with differences."""
        by = self.differences
        if by is None:
            return NativeObjective(fun, callback, trace)
        n = self.solver.n
        step, relative = (
            None if value is None else np.array(np.broadcast_to(value, (n,)))
            for value in (by.step, by.relative)
        )
        return NativeObjective(fun, callback, trace, step, relative, by.default, by.lower, by.upper)

    def _iteration(self, solver: LBFGSB) -> None:
        """The user's callback, and the limits as far as the solver cannot know them."""
        if self.callback is not None:
            try:
                if self.takes_result:
                    self.callback(
                        intermediate_result=OptimizeResult(x=solver.x, fun=np.float64(solver.f))
                    )
                else:
                    self.callback(solver.x)
            except StopIteration:
                self.callback_stopped = True
                raise
        if self.native is None and self.differences is not None and self.maxfun is not None:
            beyond = self.differences.nfev > self.maxfun
            if beyond and (self.maxiter is None or solver.nit < self.maxiter):
                solver.stop(STOP_EVALUATIONS)

    @property
    def stop_code(self) -> int | None:
        """What a native function has stopped the run with."""
        return None if self.native is None else self.solver.stop_code

    @property
    def nfev(self) -> int:
        if self.differences is None:
            return self.solver.nfev
        return self.differences.nfev if self.native is None else self.native.nfev

    @property
    def njev(self) -> int:
        if self.differences is None:
            return self.solver.nfev
        return self.differences.njev if self.native is None else self.native.njev

    @property
    def warnflag(self) -> int:
        if self.solver.success:
            return 0
        return 1 if self.solver.message in (STOP_ITERATIONS, STOP_EVALUATIONS) else 2

    def gradient(self) -> Array:
        """The gradient at the end, NaN where it was not formed."""
        g: Array | None = self.solver.g
        if g is None:  # stopped by the first evaluation
            return np.full(self.solver.n, np.nan)
        if self.differences is not None and self.differences.fixed is not None:
            g[self.differences.fixed] = np.nan
        return g


def _without_gradient(fun: Any, jac: Any) -> bool:
    """Whether a native function is to give a gradient that it does not have."""
    return isinstance(fun, NativeCall) and jac is True and not fun.has_derivatives


def _usual(fun: Any, jac: Any) -> Any:
    """Where the gradient comes from unless the user says it: from differences, or `fun`."""
    own = isinstance(fun, NativeCall) and jac is None and fun.has_derivatives
    return True if own else "2-point"


def _start(x0: ArrayLike) -> Array:
    """x0 as an array of doubles of at least one dimension."""
    try:
        given = np.asarray(x0)
        if given.dtype.kind == "c":
            raise TypeError(f"dtype {given.dtype}")
        return np.array(given, dtype=np.float64, ndmin=1)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"x0 must be an array of real numbers, got {x0!r:.80}") from exc


def _arguments(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _tolerance(value: Any, name: str) -> float:
    try:
        given = float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be a number, got {value!r:.80}") from exc
    if not (given >= 0 and math.isfinite(given)):
        raise ValueError(f"{name}={value!r} must be finite and not negative")
    return given


def _limit(value: Any, name: str) -> int | None:
    """A limit as an integer; None for infinity or None."""
    if value is None:
        return None
    try:
        given = float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be a number, got {value!r:.80}") from exc
    if not given >= 0:
        raise ValueError(f"{name}={value!r} must not be negative")
    # beyond any count
    return None if given >= 2.0**62 else math.floor(given)


def _takes_result(callback: Callable[..., object]) -> bool:
    """Whether the one argument of the callback is called intermediate_result."""
    try:
        return list(inspect.signature(callback).parameters) == ["intermediate_result"]
    except (TypeError, ValueError):
        return False
