"""`fsolve`: MINPACK-1's hybrid method with SciPy's signature."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._native import NativeCall
from fitcore.minpack import PowellHybrid

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
    r"""Solve n equations in n variables by Powell's hybrid method.

    The steps are those of MINPACK-1's `hybrd`, or of `hybrj` when `fprime` is given.

    Parameters
    ----------
    func : callable or fitcore.NativeFunction
        ``func(x, *args)`` returns the n functions that shall be zero. Its `x` is a new array at
        each call, shape (n,). A native function, of kind 'residual', is called without the GIL,
        for its derivatives too if it has them and `fprime` is None.
    x0 : array_like
        Starting point; an array of more than one dimension is flattened.
    args : tuple, optional
        Further arguments of `func` and `fprime`.
    fprime : callable, optional
        ``fprime(x, *args)`` returns the Jacobian, shape (n, n), rows for functions. If None it is
        formed by forward differences.
    full_output : bool, default False
        Whether to return more than `x`.
    col_deriv : bool, default False
        Whether `fprime` returns the derivatives down the columns, which saves a transposition.
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    maxfev : int, default 0
        Limit on evaluations of `func`. 0 or less means 100 (n + 1) with `fprime`,
        else 200 (n + 1).
    band : tuple (ml, mu), optional
        Diagonals of the Jacobian below and above the main one that are not zero: the differences
        then cost ml + mu + 1 evaluations. A negative number stands for all. Not used with
        `fprime`.
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
        The solution, or the best point reached.
    infodict : dict
        ``nfev`` evaluations of `func` (and ``njev`` of `fprime`), ``fvec`` the functions at `x`,
        and of the last approximate Jacobian the factors: ``fjac`` the transpose of Q, shape (n, n),
        ``r`` the triangle R by rows, shape (n (n + 1) / 2,), and ``qtf`` the vector :math:`Q^T f`.
        Only with `full_output`, as the following two. And ``stop_code``, what a native function
        returned to stop the iteration, if it did.
    ier : int
        1: a solution was found; else see `mesg`; 9: NaN or infinity; -1: stopped by a native
        function.
    mesg : str
        `ier` in words.

    Raises
    ------
    TypeError
        If an argument is improper, or `func` or `fprime` return other than real numbers of the
        right shape.
    ValueError
        If the number of functions changes between calls, or `band` is too short.
    Exception
        Whatever `func` or `fprime` raises, unchanged.

    Warns
    -----
    RuntimeWarning
        If no solution was found and `full_output` is false.

    See Also
    --------
    root : the same with another signature.
    fitcore.minpack.PowellHybrid : the solver, for asking and telling.

    Notes
    -----
    Other than SciPy: `func` is not called twice more before the start to learn its shape, so `nfev`
    is less by two; NaN or infinity at the start ends with `ier` 9, and a step into it is shortened;
    improper arguments are errors with `full_output` too.

    References
    ----------
    .. [1] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import fsolve
    >>> def func(x):
    ...     return [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]
    >>> fsolve(func, [1, 1]).round(6)
    array([6.504097, 0.908414])
    """
    solver = solve(
        func, x0, args, fprime, col_deriv, xtol, maxfev, band, epsfcn, factor, diag,
    )  # fmt: skip
    info = solver.info
    if not full_output:
        if info != 1:
            warnings.warn(solver.message, RuntimeWarning, stacklevel=2)
        return solver.x
    x, details = outcome(solver)
    return x, details, info, solver.message


def solve(
    func: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any,
    fprime: Callable[..., ArrayLike] | None,
    col_deriv: bool,
    xtol: float,
    maxfev: int,
    band: tuple[int, int] | None,
    epsfcn: float | None,
    factor: float,
    diag: ArrayLike | None,
) -> PowellHybrid:
    """The finished solver of a system, from the arguments of `fsolve`."""
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r}")
    if fprime is not None and not callable(fprime):
        raise TypeError(f"fprime must be callable or None, got {fprime!r}")
    if not isinstance(args, tuple):
        args = (args,)
    start = starting_point(x0)
    if fprime is None and isinstance(func, NativeCall) and func.has_derivatives:
        fprime = func
    first = None if isinstance(func, NativeCall) else first_values(func, start, args)
    if epsfcn is None:
        floating = first is not None and first.dtype.kind == "f"
        kind = first.dtype if first is not None and floating else np.dtype(np.float64)
        epsfcn = float(np.finfo(kind).eps)
    elif isinstance(epsfcn, (int, float)) and epsfcn < 0:
        epsfcn = 0.0  # MINPACK's way to say: the spacing of doubles
    limit = 0 if isinstance(maxfev, int) and maxfev < 0 else maxfev
    ml = mu = None
    if band is not None:
        try:
            ml, mu = band[:2]
        except (TypeError, ValueError) as exc:
            raise type(exc)(f"band must be a pair of integers, got {band!r:.80}") from exc
    try:
        if fprime is None:
            solver = PowellHybrid(
                start, xtol=xtol, maxfev=limit, ml=ml, mu=mu, epsfcn=epsfcn, factor=factor,
                diag=diag,
            )  # fmt: skip
        else:
            solver = PowellHybrid(
                start, jac="analytic", xtol=xtol, maxfev=limit, factor=factor, diag=diag
            )
    except ValueError as exc:
        raise TypeError(f"Improper input parameters were entered: {exc}") from exc
    if first is not None:
        solver.tell(first)
    return solver.run(func, args, fprime, col_deriv=bool(col_deriv))


def outcome(solver: PowellHybrid) -> tuple[Array, dict[str, Any]]:
    """The solution and `infodict`, for a caller that drops the solver."""
    x, fvec, fjac, r, qtf = solver._give_up()
    details: dict[str, Any] = {"nfev": solver.nfev}
    if solver.supplied:
        details["njev"] = solver.njev
    if solver.stop_code is not None:
        details["stop_code"] = solver.stop_code
        if solver.nfev == 0:
            fvec.fill(np.nan)
    return x, {**details, "fjac": fjac, "r": r, "qtf": qtf, "fvec": fvec}


def starting_point(x0: ArrayLike) -> Array:
    """The starting point as a vector of finite numbers."""
    try:
        given = np.asarray(x0)
        if given.dtype.kind == "c":
            raise TypeError(f"dtype {given.dtype}")
        start = np.array(given, dtype=np.float64).ravel()
    except (TypeError, ValueError) as exc:
        raise TypeError(f"x0 must be an array of real numbers, got {x0!r:.80}") from exc
    if start.size == 0 or not np.isfinite(start).all():
        raise TypeError(
            f"Improper input parameters were entered: x0 must hold finite numbers, got {x0!r:.80}"
        )
    return start


def first_values(func: Callable[..., ArrayLike], x: Array, args: tuple[Any, ...]) -> NDArray[Any]:
    """The functions at the start, checked."""
    value = func(x.copy(), *args)
    try:
        first = np.atleast_1d(np.asarray(value))
    except ValueError as exc:
        raise TypeError(f"func must return an array of numbers, got {value!r:.80}") from exc
    if first.dtype.kind not in "fiub":
        raise TypeError(f"func must return real numbers, got dtype {first.dtype}: {value!r:.80}")
    if first.shape != x.shape:
        raise TypeError(
            "fsolve: there is a mismatch between the input and output shape of the 'func' argument "
            f"'{getattr(func, '__name__', 'func')}'.Shape should be {x.shape} but it is "
            f"{first.shape}."
        )
    return first
