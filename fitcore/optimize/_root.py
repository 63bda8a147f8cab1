"""`root` with SciPy's signature, for the methods that began as MINPACK-1."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitcore._native import NativeCall
from fitcore.optimize._fsolve import outcome, solve
from fitcore.optimize._leastsq import leastsq
from fitcore.optimize._result import OptimizeResult, OptimizeWarning

_OTHERS = (
    "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov",
    "df-sane",
)  # fmt: skip
_OPTIONS: dict[str, dict[str, Any]] = {
    "hybr": {
        "col_deriv": False, "xtol": 1.49012e-8, "maxfev": 0, "band": None, "eps": None,
        "factor": 100, "diag": None,
    },
    "lm": {
        "col_deriv": False, "xtol": 1.49012e-8, "ftol": 1.49012e-8, "gtol": 0.0, "maxiter": 0,
        "eps": 0.0, "factor": 100, "diag": None,
    },
}  # fmt: skip


def root(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: Any = (),
    method: str = "hybr",
    jac: Callable[..., ArrayLike] | bool | None = None,
    tol: float | None = None,
    callback: Callable[..., object] | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResult:
    """Find a root of a vector function.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns the n functions that shall be zero, or the pair of them and their
        Jacobian with ``jac=True``. With 'lm' there may be more functions than variables: their sum
        of squares is then made least. Its `x` is a new array each time, shape (n,).
    x0 : array_like
        Starting point; an array of more than one dimension is flattened.
    args : tuple, optional
        Further arguments of `fun` and `jac`.
    method : {'hybr', 'lm'}, default 'hybr'
        Powell's hybrid method, or Levenberg-Marquardt; MINPACK-1's `hybrd` and `lmdif`, with a
        Jacobian `hybrj` and `lmder`.
    jac : callable or bool, optional
        ``jac(x, *args)`` returns the Jacobian, shape (n, n), rows for functions; True when `fun`
        returns it too. If None or False it is formed by forward differences.
    tol : float, optional
        Value of the option `xtol` where it is not given.
    callback : callable, optional
        Not used by these methods.
    options : dict, optional
        col_deriv : bool, default False
            Whether the Jacobian comes with the derivatives down the columns.
        xtol : float, default 1.49012e-8
            Relative error wanted in the solution.
        ftol : float, default 1.49012e-8
            Relative error wanted in the sum of squares; 'lm' only.
        gtol : float, default 0.0
            Greatest cosine wanted between the functions and a column of the Jacobian; 'lm' only.
        maxfev : int, default 0
            Limit on evaluations; 0 means 100 (n + 1) with a Jacobian and 200 (n + 1) otherwise.
            For 'lm' its name is maxiter.
        band : tuple (ml, mu), optional
            Diagonals of the Jacobian below and above the main one that are not zero; 'hybr' only.
        eps : float, optional
            Relative error of `fun`; the step of the differences is ``sqrt(eps) * abs(x)``.
        factor : float, default 100
            First bound on the step, in units of the norm of ``diag * x``.
        diag : array_like, shape (n,), optional
            Positive scale factors of the variables. Default: norms of the Jacobian's columns.

    Returns
    -------
    OptimizeResult
        ``x`` the solution, ``success``, ``status`` (MINPACK's info), ``message``, ``fun`` the
        functions at x, ``method``, ``nfev`` evaluations of `fun` (``njev`` of the Jacobian), and of
        the last Jacobian: ``fjac``, ``r``, ``qtf`` with 'hybr', see `fsolve`; ``fjac``, ``ipvt``,
        ``qtf``, ``cov_x`` with 'lm', see `leastsq`.

    Raises
    ------
    ValueError
        If `method` is unknown.
    NotImplementedError
        If `method` is one of SciPy's that fitcore does not have.
    TypeError
        If an argument is improper, or `fun` or `jac` return other than real numbers of the right
        shape.
    Exception
        Whatever `fun` or `jac` raises, unchanged.

    Warns
    -----
    RuntimeWarning
        If `callback` is given.
    OptimizeWarning
        If an option is unknown.

    See Also
    --------
    fsolve, leastsq : the same with other signatures.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import root
    >>> def fun(x):
    ...     return [x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]]
    >>> result = root(fun, [0, 0])
    >>> result.x.round(6), result.success
    (array([0.841164, 0.158836]), True)
    """
    name = method.lower() if isinstance(method, str) else None
    if name in _OTHERS:
        raise NotImplementedError(
            f"method={method!r} is not in fitcore.optimize, which has 'hybr' and 'lm'; "
            "scipy.optimize.root has it"
        )
    if name not in _OPTIONS:
        raise ValueError(f"method={method!r} is unknown; choose 'hybr' or 'lm'")
    if callback is not None:
        warnings.warn(f"Method {method} does not accept callback.", RuntimeWarning, stacklevel=2)
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {fun!r}")
    if not (jac is None or callable(jac) or isinstance(jac, (bool, np.bool_))):
        raise TypeError(f"jac must be callable, True, False or None, got {jac!r:.80}")
    chosen = dict(options or {})
    if tol is not None:
        chosen.setdefault("xtol", tol)
    if unknown := [key for key in chosen if key not in _OPTIONS[name]]:
        warnings.warn(
            f"Unknown solver options: {', '.join(map(str, unknown))}", OptimizeWarning, stacklevel=2
        )
    given = {key: chosen.get(key, default) for key, default in _OPTIONS[name].items()}
    if not isinstance(args, tuple):
        args = (args,)
    derivative: Callable[..., ArrayLike] | None = None
    if callable(jac):
        derivative = jac
    elif jac and not isinstance(fun, NativeCall):
        both = _Both(fun)
        fun, derivative = both.value, both.jacobian
    return (_hybr if name == "hybr" else _lm)(fun, x0, args, derivative, **given)


class _Both:
    """A function that returns the functions and their Jacobian, taken apart: one call for both."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun
        self.x: Any = None
        self.jac: Any = None

    def value(self, x: Any, *args: Any) -> Any:
        """The functions at `x`."""
        given = self.fun(x.copy(), *args)
        try:
            value, jac = given
        except (TypeError, ValueError) as exc:
            raise TypeError(
                "with jac=True fun must return the functions and their Jacobian, a pair; got "
                f"{given!r:.80}"
            ) from exc
        # the Jacobian may be wanted when fun has written a later one into the same array
        self.x, self.jac = x, np.array(jac)
        return value

    def jacobian(self, x: Any, *args: Any) -> Any:
        """The Jacobian at `x`."""
        if self.x is None or not np.array_equal(x, self.x):
            self.value(x, *args)
        return self.jac


def _hybr(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: tuple[Any, ...],
    jac: Callable[..., Any] | None,
    col_deriv: bool,
    xtol: float,
    maxfev: int,
    band: tuple[int, int] | None,
    eps: float | None,
    factor: float,
    diag: ArrayLike | None,
) -> OptimizeResult:
    solver = solve(fun, x0, args, jac, col_deriv, xtol, maxfev, band, eps, factor, diag)
    x, details = outcome(solver)
    return OptimizeResult(
        message=solver.message, success=solver.success, status=solver.info,
        fun=details.pop("fvec"), x=x, method="hybr", **details,
    )  # fmt: skip


def _lm(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: tuple[Any, ...],
    jac: Callable[..., Any] | None,
    col_deriv: bool,
    xtol: float,
    ftol: float,
    gtol: float,
    maxiter: int,
    eps: float,
    factor: float,
    diag: ArrayLike | None,
) -> OptimizeResult:
    x, cov_x, details, message, info = leastsq(  # type: ignore[misc]
        fun, x0, args, jac, full_output=True, col_deriv=col_deriv, ftol=ftol, xtol=xtol,
        gtol=gtol, maxfev=maxiter, epsfcn=eps, factor=factor, diag=diag,
    )  # fmt: skip
    return OptimizeResult(
        message=message, success=info in (1, 2, 3, 4), status=info, fun=details.pop("fvec"), x=x,
        cov_x=cov_x, method="lm", **details,
    )  # fmt: skip
