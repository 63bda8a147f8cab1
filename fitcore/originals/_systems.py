"""`fsolve` and `root` on the original `hybrd`, `hybrj`, `lmdif` and `lmder`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arrays import count, number, real_array
from fitcore._hybrid import MESSAGES
from fitcore._originals import hybrd, hybrj
from fitcore.optimize._fsolve import first_values, starting_point
from fitcore.optimize._result import OptimizeResult, OptimizeWarning
from fitcore.originals._leastsq import leastsq

Array = NDArray[np.float64]


def fsolve(
    func: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    fprime: Callable[..., ArrayLike] | None = None,
    full_output: bool = False,
    col_deriv: bool = False,
    xtol: float = 1.49012e-8,
    maxfev: int = 0,
    band: tuple[int, int] | None = None,
    epsfcn: float | None = None,
    factor: float = 100,
    diag: ArrayLike | None = None,
) -> Array | tuple[Array, dict[str, Any], int, str]:
    r"""Solve a system of equations by the original `hybrd`, or `hybrj` when `fprime` is given.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the n values that shall be zero. Its `x` is a new array at each
        call, shape (n,).
    x0 : array_like, shape (n,)
        Starting point.
    args : tuple, optional
        Further arguments of `func` and `fprime`.
    fprime : callable, optional
        ``fprime(x, *args)`` returns the Jacobian, shape (n, n). If None it is formed by forward
        differences, and updated by Broyden's formula in both cases.
    full_output : bool, default False
        Whether to return more than `x`.
    col_deriv : bool, default False
        Whether `fprime` returns the derivatives down the columns, the transpose.
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    maxfev : int, default 0
        Limit on evaluations of `func`. 0 or less means 100 (n + 1) with `fprime`, else 200 (n + 1).
    band : pair of int, optional
        Diagonals of the Jacobian below and above the main one that are not zero. Default: all.
    epsfcn : float, optional
        Relative error of `func`; the step of the differences is ``sqrt(epsfcn) * abs(x)``. Default:
        the spacing of the numbers of the type that `func` returns.
    factor : float, default 100
        First bound on the step, in units of the norm of ``diag * x``.
    diag : array_like, shape (n,), optional
        Positive scale factors of the variables. Default: norms of the Jacobian's columns.

    Returns
    -------
    x : ndarray, shape (n,)
        The solution, or the last point.
    infodict : dict
        ``nfev`` evaluations of `func` (and ``njev`` of `fprime`), ``fvec`` the values at `x`,
        ``fjac`` the transpose of Q and ``r`` the upper triangle of R, row by row, of the last
        approximate Jacobian, ``qtf`` the vector :math:`Q^T f`. Only with `full_output`, as the
        following two.
    ier : int
        1 if the solution was found, see `mesg` otherwise.
    mesg : str
        `ier` in words.

    Raises
    ------
    TypeError
        If an argument is improper, or `func` or `fprime` returns another shape.
    ValueError
        If the problem is too large for 32-bit integers.
    Exception
        Whatever `func` or `fprime` raises, unchanged.

    Warns
    -----
    RuntimeWarning
        If no solution was found and `full_output` is false.

    References
    ----------
    .. [1] M. J. D. Powell, "A hybrid method for nonlinear equations", in Numerical Methods for
       Nonlinear Algebraic Equations, Gordon and Breach (1970), 87-114.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.originals import fsolve
    >>> fsolve(lambda x: [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5], [1, 1]).round(6)
    array([6.504097, 0.908414])
    """
    out = _hybrid(func, x0, args, fprime, bool(col_deriv), xtol, maxfev, band, epsfcn, factor, diag)
    if full_output:
        details = {"nfev": out["nfev"], "fjac": out["fjac"], "r": out["r"], "qtf": out["qtf"]}
        details["fvec"] = out["fun"]
        if "njev" in out:
            details["njev"] = out["njev"]
        return out["x"], details, out["status"], out["message"]
    if out["status"] == 0:
        raise TypeError(out["message"])
    if out["status"] != 1:
        warnings.warn(out["message"], RuntimeWarning, stacklevel=2)
    x: Array = out["x"]
    return x


def _hybrid(
    func: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    jac: Callable[..., ArrayLike] | None = None,
    col_deriv: Any = False,
    xtol: float = 1.49012e-8,
    maxfev: int = 0,
    band: tuple[int, int] | None = None,
    eps: float | None = None,
    factor: float = 100,
    diag: ArrayLike | None = None,
) -> OptimizeResult:
    """`fsolve` with the result of `root`."""
    for what, name in ((func, "func"), (jac, "fprime")):
        if not callable(what) and (name == "func" or what is not None):
            raise TypeError(f"{name} must be callable, got {what!r:.80}")
    if not isinstance(args, tuple):
        args = (args,)
    start = starting_point(x0)
    n = start.size

    def values(x: Array) -> Array:
        return _shaped(np.atleast_1d(np.asarray(func(x, *args))), (n,), "func", func)

    def matrix(x: Array) -> Array:
        assert jac is not None
        return _shaped(np.atleast_2d(np.asarray(jac(x, *args))), (n, n), "fprime", jac)

    first = first_values(func, start, args)
    kind = first.dtype
    try:
        scale = None if diag is None else real_array(diag, "diag", 1)
        if scale is not None and not (scale.shape == (n,) and (scale > 0).all()):
            raise ValueError(f"diag must hold {n} positive numbers, got {diag!r:.80}")
        tolerance, bound = number(xtol, "xtol", 0.0), number(factor, "factor", 0.0)
        if bound == 0:
            raise ValueError(f"factor={factor!r} must be positive")
        limit = 0 if isinstance(maxfev, int) and maxfev < 0 else count(maxfev, "maxfev")
        if band is None:
            ml = mu = n - 1
        else:
            ml, mu = (min(count(width, "band"), n - 1) for width in band)
    except ValueError as exc:
        raise TypeError(f"Improper input parameters: {exc}") from exc
    limit = limit or (200 if jac is None else 100) * (n + 1)
    mode = 1 if diag is None else 2
    if jac is None:
        if eps is None:
            error = float(np.finfo(kind).eps) if kind.kind == "f" else 2.0**-52
        else:
            error = float(eps)
        out = hybrd(values, start, tolerance, limit, ml, mu, error, scale, mode, bound, first=first)
    else:
        out = hybrj(
            values, matrix, start, tolerance, limit, scale, mode, bound, col_deriv=bool(col_deriv),
            first=first,
        )  # fmt: skip
    result = OptimizeResult(
        x=out.x, success=out.info == 1, status=out.info, method="hybr", nfev=out.nfev
    )
    if jac is not None:
        result["njev"] = out.njev
    result["fun"] = out.fvec
    result["message"] = MESSAGES[out.info].format(xtol=tolerance, maxfev=limit)
    result |= {"fjac": out.fjac.T, "r": out.r, "qtf": out.qtf}
    return result


def _shaped(value: Array, wanted: tuple[int, ...], name: str, function: Any) -> Array:
    if value.shape != wanted:
        who = getattr(function, "__name__", repr(function))
        raise TypeError(
            f"fsolve: there is a mismatch between the input and output shape of the '{name}' "
            f"argument '{who}'.Shape should be {wanted} but it is {value.shape}."
        )
    return value


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
    """Solve a system of equations by the original MINPACK-1.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns the values that shall be zero, n for 'hybr', n or more for 'lm';
        or the pair of them and their Jacobian if `jac` is True.
    x0 : array_like, shape (n,)
        Starting point.
    args : tuple, optional
        Further arguments of `fun` and `jac`.
    method : {'hybr', 'lm'}, default 'hybr'
        Powell's hybrid method, `hybrd` and `hybrj`, or Levenberg-Marquardt, `lmdif` and `lmder`.
    jac : callable or bool, optional
        ``jac(x, *args)`` returns the Jacobian; True if `fun` does.
    tol : float, optional
        Value of the option `xtol` where that is not given.
    callback
        Not used by these methods.
    options : dict, optional
        'hybr': `col_deriv`, `xtol`, `maxfev`, `band`, `eps`, `factor` and `diag`, as `fsolve` has
        them (`eps` is its `epsfcn`). 'lm': `col_deriv`, `ftol`, `xtol`, `gtol`, `maxiter`, `eps`,
        `factor` and `diag`, as `leastsq` (`maxiter` is its `maxfev`).

    Returns
    -------
    OptimizeResult
        ``x``, ``success``, ``status``, ``message``, ``fun`` the values at `x`, ``nfev`` and with
        `jac` ``njev``, ``method``, and the other items of `fsolve` or `leastsq`.

    Raises
    ------
    ValueError
        If `method` is another one.
    TypeError
        If an argument is improper, or `fun` or `jac` returns another shape.
    Exception
        Whatever `fun` or `jac` raises, unchanged.

    Warns
    -----
    OptimizeWarning
        If an option is not known.
    RuntimeWarning
        If `callback` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.originals import root
    >>> root(lambda x: [x[0] + x[1] - 3, x[0] * x[1] - 2], [0.5, 3.0], method="lm").x.round(6)
    array([1., 2.])
    """
    name = method.lower() if isinstance(method, str) else method
    if name not in ("hybr", "lm"):
        raise ValueError(f"method={method!r} is unknown; the originals have 'hybr' and 'lm'")
    if not isinstance(args, tuple):
        args = (args,)
    if callback is not None:
        warnings.warn(f"Method {method} does not accept callback.", RuntimeWarning, stacklevel=2)
    chosen = dict(options or {})
    if tol is not None:
        chosen.setdefault("xtol", tol)
    known = {"col_deriv", "xtol", "eps", "factor", "diag"}
    known |= {"maxfev", "band"} if name == "hybr" else {"ftol", "gtol", "maxiter"}
    if unknown := [key for key in chosen if key not in known]:
        warnings.warn(
            f"Unknown solver options: {', '.join(map(str, unknown))}", OptimizeWarning, stacklevel=2
        )
        chosen = {key: value for key, value in chosen.items() if key in known}
    derivative: Any = jac if callable(jac) else None
    if jac is True:
        both = _Both(fun)
        fun, derivative = both.values, both.jacobian
    if name == "hybr":
        return _hybrid(fun, x0, args, derivative, **chosen)
    if "eps" in chosen:
        chosen["epsfcn"] = chosen.pop("eps")
    if "maxiter" in chosen:
        chosen["maxfev"] = chosen.pop("maxiter")
    x, cov_x, details, message, status = leastsq(  # type: ignore[misc]
        fun, x0, args, derivative, full_output=True, **chosen
    )
    result = OptimizeResult(
        x=x, message=message, status=status, success=status in (1, 2, 3, 4), cov_x=cov_x,
        fun=details.pop("fvec"), method="lm",
    )  # fmt: skip
    result |= details
    return result


class _Both:
    """A function that returns values and Jacobian, as two that call it once for each point."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun
        self.known: tuple[Array, Any] | None = None

    def values(self, x: Array, *args: Any) -> Any:
        """The values at x."""
        point = x.copy()
        value, jacobian = self.fun(x, *args)
        self.known = point, jacobian
        return value

    def jacobian(self, x: Array, *args: Any) -> Any:
        """The Jacobian at x."""
        if self.known is None or not np.array_equal(self.known[0], x):
            self.values(x, *args)
        assert self.known is not None
        return self.known[1]
