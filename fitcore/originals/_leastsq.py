"""`leastsq` on the original `lmdif` and `lmder`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._evaluator import PythonEvaluator
from fitcore._messages import MESSAGES
from fitcore._originals import Outcome, lmder, lmdif
from fitcore.optimize._leastsq import prepare

Array = NDArray[np.float64]

CONVERGED = (1, 2, 3, 4)


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
    """Minimize a sum of squares by the original `lmdif`, or `lmder` when `Dfun` is given.

    Parameters
    ----------
    func, x0, args, Dfun, full_output, col_deriv, ftol, xtol, gtol, maxfev, epsfcn, factor, diag
        As for :func:`fitcore.optimize.leastsq`.

    Returns
    -------
    x, ier; or x, cov_x, infodict, mesg, ier
        As from :func:`fitcore.optimize.leastsq`.

    Raises
    ------
    TypeError, ValueError
        As :func:`fitcore.optimize.leastsq` does; ValueError also if the problem is too large for
        32-bit integers.
    Exception
        Whatever `func` or `Dfun` raises, unchanged.

    Warns
    -----
    RuntimeWarning
        If the fit has not converged and `full_output` is false.

    Notes
    -----
    Unlike fitcore's own implementation, the original may report convergence at residuals that are
    NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.originals import leastsq
    >>> t = np.linspace(0, 4, 9)
    >>> y = 3 * np.exp(-t / 2)
    >>> x, ier = leastsq(lambda p: p[0] * np.exp(-t / p[1]) - y, [1, 1])
    >>> x.round(6), ier in (1, 2, 3, 4)
    (array([3., 2.]), True)
    """
    job = prepare(func, x0, args, Dfun, ftol, xtol, gtol, maxfev, epsfcn, factor, diag)
    evaluator = PythonEvaluator(func, job.args, Dfun, bool(col_deriv), None)
    scale, mode = (None, 1) if diag is None else (diag, 2)
    first = np.asarray(func(job.solver.x)) if job.first is None else job.first
    start, m = job.solver.x, first.size
    limits = (float(ftol), float(xtol), float(gtol), job.maxfev)
    if Dfun is None:
        out = lmdif(
            evaluator, start, m, *limits, job.epsfcn, scale, mode, float(factor), first=first
        )
    else:
        out = lmder(evaluator, None, start, m, *limits, scale, mode, float(factor), first=first)

    message = MESSAGES[max(out.info, -1)].format(
        ftol=limits[0], xtol=limits[1], gtol=limits[2], maxfev=job.maxfev
    )
    if not full_output:
        if out.info >= 5:
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        return out.x, out.info
    details: dict[str, Any] = {"fvec": out.fvec, "nfev": out.nfev}
    if Dfun is not None:
        details["njev"] = out.njev
    details |= {"fjac": out.fjac.T, "ipvt": out.ipvt, "qtf": out.qtf}
    return out.x, covariance(out) if out.info in CONVERGED else None, details, message, out.info


def covariance(out: Outcome, tol: float = 0.0) -> Array | None:
    r"""Inverse of :math:`J^T J` from the factors of the last Jacobian.

    Parameters
    ----------
    out : Outcome
        Of `lmdif`, `lmder` or `lmstr`.
    tol : float, default 0.0
        A column of J whose angle to the ones before it has a sine of at most `tol` counts as
        dependent on them.

    Returns
    -------
    ndarray, shape (n, n), or None
        None when J has dependent columns.
    """
    n = out.x.size
    r = np.triu(out.fjac[:n])
    if (
        not np.isfinite(r).all()
        or not (np.abs(r.diagonal()) > tol * np.linalg.norm(r, axis=0)).all()
    ):
        return None
    inverse = np.empty((n, n))
    inverse[out.ipvt] = np.linalg.inv(r)
    product: Array = inverse @ inverse.T
    return product
