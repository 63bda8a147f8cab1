"""`leastsq`: MINPACK-1's Levenberg-Marquardt with SciPy's signature."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arrays import all_finite, real_array
from fitcore._native import NativeCall
from fitcore.minpack import LevenbergMarquardt

Array = NDArray[np.float64]


def leastsq(
    func: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    Dfun: Callable[..., ArrayLike] | None = None,
    full_output: bool = False,
    col_deriv: bool = False,
    ftol: float = 1.49012e-8,
    xtol: float = 1.49012e-8,
    gtol: float = 0.0,
    maxfev: int = 0,
    epsfcn: float | None = None,
    factor: float = 100,
    diag: ArrayLike | None = None,
) -> tuple[Array, int] | tuple[Array, Array | None, dict[str, Any], str, int]:
    r"""Minimize the sum of squares of a set of functions by Levenberg-Marquardt.

    The steps are those of MINPACK-1's `lmdif`, or of `lmder` when `Dfun` is given.

    Parameters
    ----------
    func : callable or fitcore.NativeFunction
        ``func(x, *args)`` returns the residuals, shape (m,) with m >= n. Its `x` is a new array at
        each call. A native function is called without the GIL, for its derivatives too if it has
        them and `Dfun` is None.
    x0 : array_like, shape (n,)
        Starting point.
    args : tuple, optional
        Further arguments of `func` and `Dfun`.
    Dfun : callable, optional
        ``Dfun(x, *args)`` returns the Jacobian, shape (m, n). If None it is formed by forward
        differences.
    full_output : bool, default False
        Whether to return more than `x` and `ier`.
    col_deriv : bool, default False
        Whether `Dfun` returns the derivatives down the columns, shape (n, m), which saves a
        transposition.
    ftol : float, default 1.49012e-8
        Relative error wanted in the sum of squares.
    xtol : float, default 1.49012e-8
        Relative error wanted in the solution.
    gtol : float, default 0.0
        Greatest cosine wanted between the residuals and a column of the Jacobian.
    maxfev : int, default 0
        Limit on evaluations of `func`. 0 or less means 100 (n + 1) with `Dfun`,
        else 200 (n + 1).
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
    cov_x : ndarray, shape (n, n), or None
        Inverse of :math:`J^T J` at the solution; None where J is singular or the fit has not
        converged. Multiply by the variance of the residuals for the covariance of `x`. Only with
        `full_output`, as the following two.
    infodict : dict
        ``nfev`` evaluations of `func` (and ``njev`` of `Dfun`), ``fvec`` the residuals, ``fjac``
        the triangle R of the last Jacobian's QR factorization in the upper triangle of its
        transpose, shape (n, m), ``ipvt`` its permutation counted from 0, ``qtf`` the vector
        :math:`Q^T f`. And ``stop_code``, what a native function returned to stop the fit, if it
        did.
    mesg : str
        `ier` in words.
    ier : int
        1 to 4: converged; 5 to 8: not, see `mesg`; 9: NaN or infinity at `x`; -1: stopped by a
        native function.

    Raises
    ------
    TypeError
        If an argument is improper, `func` returns other than real numbers or fewer residuals than
        there are variables, or `Dfun` returns the wrong shape.
    ValueError
        If the number of residuals changes between calls.
    Exception
        Whatever `func` or `Dfun` raises, unchanged.

    Warns
    -----
    RuntimeWarning
        If the fit has not converged and `full_output` is false.

    See Also
    --------
    fitcore.minpack.LevenbergMarquardt : the solver, for asking and telling.
    fitcore.minimize : fits with named, bounded parameters.

    Notes
    -----
    Other than SciPy: `func` is not called once more before the fit to learn its shape; NaN or
    infinity at the starting point ends with `ier` 9 where SciPy reports success; improper
    arguments are errors with `full_output` too.

    References
    ----------
    .. [1] J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
       Laboratory report ANL-80-74 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.optimize import leastsq
    >>> t = np.linspace(0, 4, 9)
    >>> y = 3 * np.exp(-t / 2)
    >>> x, ier = leastsq(lambda p: p[0] * np.exp(-t / p[1]) - y, [1, 1])
    >>> x.round(6), ier in (1, 2, 3, 4)
    (array([3., 2.]), True)
    """
    if Dfun is None and isinstance(func, NativeCall) and func.has_derivatives:
        Dfun = func
    job = prepare(func, x0, args, Dfun, ftol, xtol, gtol, maxfev, epsfcn, factor, diag)
    solver = job.solver
    if job.first is not None:
        solver.tell(job.first)
    solver.run(func, job.args, Dfun, col_deriv=bool(col_deriv))

    info = solver.info
    if not full_output:
        if not 1 <= info <= 4:
            warnings.warn(solver.message, RuntimeWarning, stacklevel=2)
        return solver.x, info
    x, fvec, fjac, qtf, ipvt = solver._give_up()
    details: dict[str, Any] = {"fvec": fvec, "nfev": solver.nfev}
    if Dfun is not None:
        details["njev"] = solver.njev
    details["fjac"] = fjac if solver.njev > 0 else np.zeros_like(fjac)
    details["ipvt"] = ipvt
    details["qtf"] = qtf
    if solver.stop_code is not None:
        details["stop_code"] = solver.stop_code
        if solver.nfev == 0:
            fvec.fill(np.nan)
    cov_x = solver.covariance() if solver.success and solver.njev > 0 else None
    return x, cov_x, details, solver.message, info


class Job(NamedTuple):
    """The arguments of `leastsq`, checked."""

    solver: LevenbergMarquardt
    """With these settings, before its first step."""
    first: Array | None
    """Residuals at the start; None of a native function, which the solver calls there."""
    args: tuple[Any, ...]
    maxfev: int
    epsfcn: float


def prepare(
    func: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any,
    Dfun: Callable[..., ArrayLike] | None,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    epsfcn: float | None,
    factor: float,
    diag: ArrayLike | None,
) -> Job:
    """Check the arguments of `leastsq`, and evaluate a Python `func` at the start."""
    if not callable(func):
        raise TypeError(f"func must be callable, got {func!r}")
    if not isinstance(args, tuple):
        args = (args,)
    start = real_array(x0, "x0", 1).ravel()
    if start.size == 0 or not all_finite(start):
        raise TypeError(f"Improper input parameters: x0 must hold finite numbers, got {x0!r:.80}")
    if Dfun is not None and not callable(Dfun):
        raise TypeError(f"Dfun must be callable or None, got {Dfun!r}")
    first = None if isinstance(func, NativeCall) else _first_residuals(func, start, args)
    if epsfcn is None:
        kind = np.dtype(np.float64) if first is None else first.dtype
        plain = kind == np.float64 or kind.kind != "f"
        epsfcn = 2.0**-52 if plain else float(np.finfo(kind).eps)
    elif isinstance(epsfcn, (int, float)) and epsfcn < 0:
        epsfcn = 0.0  # MINPACK's way to say: the spacing of doubles
    limit = 0 if isinstance(maxfev, int) and maxfev < 0 else maxfev
    jac = "2-point" if Dfun is None else "analytic"
    try:
        solver = LevenbergMarquardt(
            start, func.m if isinstance(func, NativeCall) else None, jac=jac, ftol=ftol, xtol=xtol,
            gtol=gtol, maxfev=limit, epsfcn=epsfcn, factor=factor, diag=diag,
        )  # fmt: skip
    except ValueError as exc:
        raise TypeError(f"Improper input parameters: {exc}") from exc
    limit = limit or (200 if Dfun is None else 100) * (start.size + 1)
    return Job(solver, first, args, limit, float(epsfcn))


def _first_residuals(func: Callable[..., ArrayLike], x: Array, args: tuple[Any, ...]) -> Array:
    """The residuals at the start, checked."""
    value = func(x.copy(), *args)
    try:
        first = value if isinstance(value, np.ndarray) else np.asarray(value)
        first = first if first.ndim > 0 else first.reshape(1)
    except ValueError as exc:
        raise TypeError(f"func must return an array of numbers, got {value!r:.80}") from exc
    if first.dtype.kind not in "fiub" or first.ndim != 1:
        raise TypeError(
            "func must return a one-dimensional array of real numbers, got dtype "
            f"{first.dtype} and shape {first.shape}"
        )
    if first.size < x.size:
        raise TypeError(
            f"Improper input: func input vector length N={x.size} must not exceed func output "
            f"vector length M={first.size}"
        )
    return first
