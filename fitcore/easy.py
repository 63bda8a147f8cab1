"""MINPACK-1's easy drivers: everything set but one tolerance.

Who comes from the Fortran or from C finds :func:`lmdif1`, :func:`lmder1`, :func:`lmstr1`,
:func:`hybrd1` and :func:`hybrj1` here, with the settings, tests and values of ``info`` that they
know. Sizes and work arrays are not asked
for. :func:`settings` tells the arguments of the expert drivers that they stand for.

References
----------
J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National Laboratory
report ANL-80-74 (1980), LMDIF1, LMDER1, LMSTR1, HYBRD1, HYBRJ1.

Examples
--------
>>> import numpy as np
>>> from fitcore.easy import lmdif1
>>> t = np.linspace(0, 4, 9)
>>> y = 3 * np.exp(-t / 2)
>>> x, fvec, info, message, nfev = lmdif1(lambda p: p[0] * np.exp(-t / p[1]) - y, [1.0, 1.0])
>>> x.round(6), info
(array([3., 2.]), 2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arrays import count, number
from fitcore.minpack import LevenbergMarquardt, PowellHybrid, StreamingLM

__all__ = ["EasyResult", "hybrd1", "hybrj1", "lmder1", "lmdif1", "lmstr1", "settings"]
__dir__ = __all__.copy

Array = NDArray[np.float64]

#: The square root of the spacing of doubles, which ANL-80-74 recommends for `tol`.
TOL = 2.0**-26

# Evaluations allowed, over n + 1; with differences those of the differences count.
_BUDGETS = {"lmdif1": 200, "lmder1": 100, "lmstr1": 100, "hybrd1": 200, "hybrj1": 100}

_MESSAGES = {
    -1: "The fit was stopped by the user.",
    1: "The relative error in the sum of squares is at most tol.",
    2: "The relative error between x and the solution is at most tol.",
    3: "The relative errors in the sum of squares and between x and the solution are at most tol.",
    4: "The residuals are orthogonal to the columns of the Jacobian to machine precision.",
    5: "The number of evaluations has reached its limit.",
    6: "tol is too small: no further reduction in the sum of squares is possible.",
    7: "tol is too small: no further improvement in x is possible.",
    9: "The residuals or the Jacobian contain NaN or infinity.",
}


class EasyResult(NamedTuple):
    """What an easy driver returns; it unpacks in this order."""

    x: Array
    """Solution, shape (n,)."""
    fvec: Array | None
    """Residuals there, shape (m,); None from `lmstr1`, which does not keep them."""
    info: int
    """Least squares, 1 to 4: converged, in the sum of squares, in x, in both, or orthogonal to
    working precision; 5: too many evaluations; 6 and 7: `tol` is too small. Systems, 1: converged;
    2: too many evaluations; 3: `tol` is too small; 4 and 5: no good progress. For both 9: NaN or
    infinity; -1: stopped."""
    message: str
    """`info` in words."""
    nfev: int
    """Evaluations of the residuals, those of differences included."""


def settings(name: str, n: int, tol: float = TOL) -> dict[str, Any]:
    """Arguments of the expert driver that an easy one stands for.

    Parameters
    ----------
    name : {'lmdif1', 'lmder1', 'lmstr1', 'hybrd1', 'hybrj1'}
        The easy driver.
    n : int
        Number of variables.
    tol : float, default 2**-26
        Its tolerance.

    Returns
    -------
    dict
        For least squares ``ftol`` and ``xtol``, both `tol`, ``gtol`` 0, ``maxfev``, ``factor`` 100
        and ``diag`` None, which is MINPACK's mode 1; for systems of equations ``xtol``, ``maxfev``,
        ``factor`` and a ``diag`` of ones, since `hybrd1` and `hybrj1` do not scale the variables.

    Raises
    ------
    ValueError
        If the name is unknown, `n` is not positive, or `tol` is negative or not finite.
    TypeError
        If `n` is no integer or `tol` no number.

    Examples
    --------
    >>> from fitcore.easy import settings
    >>> settings("lmder1", 3, 1e-10)["maxfev"]
    400
    """
    if not isinstance(name, str) or name not in _BUDGETS:
        raise ValueError(f"name={name!r} is unknown; choose one of {', '.join(_BUDGETS)}")
    variables = count(n, "n")
    if variables == 0:
        raise ValueError("n=0 variables: there must be one at least")
    given = number(tol, "tol", 0.0)
    maxfev = _BUDGETS[name] * (variables + 1)
    if name.startswith("hybr"):
        return {"xtol": given, "maxfev": maxfev, "factor": 100.0, "diag": np.ones(variables)}
    return {
        "ftol": given,
        "xtol": given,
        "gtol": 0.0,
        "maxfev": maxfev,
        "factor": 100.0,
        "diag": None,
    }


def lmdif1(
    func: Callable[..., Any], x0: ArrayLike, tol: float = TOL, args: tuple[Any, ...] = ()
) -> EasyResult:
    """Minimize a sum of squares, the Jacobian by forward differences.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the residuals, shape (m,), m >= n.
    x0 : array_like, shape (n,)
        Starting point.
    tol : float, default 2**-26
        Relative error wanted in the sum of squares, or in the solution.
    args : tuple, optional
        Further arguments of `func`.

    Returns
    -------
    EasyResult
        ``(x, fvec, info, message, nfev)``.

    Raises
    ------
    TypeError, ValueError
        If an argument or what `func` returns is not as wanted.
    """
    return _run(LevenbergMarquardt(x0, **_options("lmdif1", x0, tol)), func, args, None)


def lmder1(
    func: Callable[..., Any],
    jac: Callable[..., Any],
    x0: ArrayLike,
    tol: float = TOL,
    args: tuple[Any, ...] = (),
) -> EasyResult:
    """Minimize a sum of squares whose Jacobian is supplied.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the residuals, shape (m,), m >= n.
    jac : callable
        ``jac(x, *args)`` returns their Jacobian, shape (m, n).
    x0, tol, args
        As for :func:`lmdif1`.

    Returns
    -------
    EasyResult
        ``(x, fvec, info, message, nfev)``.

    Raises
    ------
    TypeError, ValueError
        If an argument or what a function returns is not as wanted.
    """
    solver = LevenbergMarquardt(x0, jac="analytic", **_options("lmder1", x0, tol))
    return _run(solver, func, args, jac)


def lmstr1(
    rows: Callable[..., Iterable[Any]],
    x0: ArrayLike,
    tol: float = TOL,
    args: tuple[Any, ...] = (),
    *,
    residuals: Callable[..., Iterable[Any]] | None = None,
) -> EasyResult:
    """Minimize a sum of squares whose residuals and Jacobian come in chunks of rows.

    Parameters
    ----------
    rows, residuals : callable
        As for :meth:`fitcore.minpack.StreamingLM.run`.
    x0, tol, args
        As for :func:`lmdif1`.

    Returns
    -------
    EasyResult
        ``(x, None, info, message, nfev)``.

    Raises
    ------
    TypeError, ValueError
        If an argument or what a function returns is not as wanted.
    """
    solver = StreamingLM(x0, **_options("lmstr1", x0, tol))
    solver.run(rows, residuals, args)
    return _result(solver, None)


def _options(name: str, x0: ArrayLike, tol: float) -> dict[str, Any]:
    # the solver itself says what is wrong with an x0 that is no vector
    try:
        n = max(1, int(np.size(x0)))
    except ValueError:
        n = 1
    return settings(name, n, tol)


def hybrd1(
    func: Callable[..., Any], x0: ArrayLike, tol: float = TOL, args: tuple[Any, ...] = ()
) -> EasyResult:
    """Solve a system of equations, the Jacobian by forward differences.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the n functions that shall be zero, shape (n,).
    x0 : array_like, shape (n,)
        Starting point.
    tol : float, default 2**-26
        Relative error wanted in the solution.
    args : tuple, optional
        Further arguments of `func`.

    Returns
    -------
    EasyResult
        ``(x, fvec, info, message, nfev)``.

    Raises
    ------
    TypeError, ValueError
        If an argument or what `func` returns is not as wanted.

    Examples
    --------
    >>> from fitcore.easy import hybrd1
    >>> x, fvec, info, message, nfev = hybrd1(lambda x: [x[0] * x[1] - 6, x[0] + x[1] - 5], [1, 6])
    >>> x.round(6), message
    (array([2., 3.]), 'The solution converged.')
    """
    return _run(PowellHybrid(x0, **_options("hybrd1", x0, tol)), func, args, None)


def hybrj1(
    func: Callable[..., Any],
    jac: Callable[..., Any],
    x0: ArrayLike,
    tol: float = TOL,
    args: tuple[Any, ...] = (),
) -> EasyResult:
    """Solve a system of equations whose Jacobian is supplied.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` returns the n functions that shall be zero, shape (n,).
    jac : callable
        ``jac(x, *args)`` returns their Jacobian, shape (n, n).
    x0, tol, args
        As for :func:`hybrd1`.

    Returns
    -------
    EasyResult
        ``(x, fvec, info, message, nfev)``.

    Raises
    ------
    TypeError, ValueError
        If an argument or what a function returns is not as wanted.
    """
    solver = PowellHybrid(x0, jac="analytic", **_options("hybrj1", x0, tol))
    return _run(solver, func, args, jac)


def _run(
    solver: LevenbergMarquardt | PowellHybrid,
    func: Callable[..., Any],
    args: tuple[Any, ...],
    jac: Callable[..., Any] | None,
) -> EasyResult:
    solver.run(func, args, jac)
    return _result(solver, solver.fvec)


def _result(
    solver: LevenbergMarquardt | PowellHybrid | StreamingLM, fvec: Array | None
) -> EasyResult:
    assert solver.info is not None
    if isinstance(solver, PowellHybrid):
        return EasyResult(solver.x, fvec, solver.info, solver.message, solver.nfev)
    info = 4 if solver.info == 8 else solver.info
    return EasyResult(solver.x, fvec, info, _MESSAGES[max(info, -1)], solver.nfev)
