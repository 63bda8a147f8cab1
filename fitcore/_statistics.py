"""Goodness of fit, and uncertainties from the covariance matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore.parameter import Parameter, Parameters

    FloatArray = NDArray[np.float64]

__all__ = ["Goodness", "correlations", "goodness", "set_propagated", "set_uncertainties"]

# A perfect fit has no logarithm: chi-square counts as at least this, for each residual.
TINY_CHISQR = 1e-250


class Goodness(NamedTuple):
    """How good a fit is.

    Attributes
    ----------
    ndata : int
        Number of residuals, N.
    nfree : int
        Degrees of freedom, N less the number of variables.
    chisqr : float
        Sum of the squared residuals, at least 1e-250 N.
    redchi : float
        Reduced chi-square: the sum of the squared residuals, however small, over `nfree`, or
        over 1 if there are no degrees of freedom.
    aic : float
        Akaike's information criterion, ``N ln(chisqr/N) + 2 nvarys``.
    bic : float
        Bayesian information criterion, ``N ln(chisqr/N) + ln(N) nvarys``.
    """

    ndata: int
    nfree: int
    chisqr: float
    redchi: float
    aic: float
    bic: float


def goodness(residual: FloatArray, nvarys: int) -> Goodness:
    """Statistics of the residuals of a fit with `nvarys` variables.

    Parameters
    ----------
    residual : ndarray, shape (N,)
        Residuals at the solution; none if the fit was stopped before there were any.
    nvarys : int
        Number of variables.

    Returns
    -------
    Goodness

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore._statistics import goodness
    >>> goodness(np.array([1.0, 1.0, 2.0]), 1).redchi
    3.0
    """
    if not residual.size:
        return Goodness(0, -nvarys, *[math.nan] * 4)
    ndata = residual.size
    with np.errstate(over="ignore"):  # infinite then
        squares = float(residual @ residual)
    chisqr = max(squares, TINY_CHISQR * ndata)
    nfree = ndata - nvarys
    deviance = ndata * math.log(chisqr / ndata) if math.isfinite(chisqr) else math.nan
    return Goodness(
        ndata,
        nfree,
        chisqr,
        squares / max(1, nfree),
        deviance + 2 * nvarys,
        deviance + math.log(ndata) * nvarys,
    )


def correlations(covar: FloatArray, factor: float = 1.0) -> tuple[list[float], list[list[float]]]:
    """Standard errors and correlations from a covariance matrix.

    Parameters
    ----------
    covar : ndarray, shape (n, n)
        Covariance; a variance of 0 means that nothing is known of that variable.
    factor : float, default 1.0
        What `covar` is to be multiplied by; correlations do not depend on it, even where it is 0.

    Returns
    -------
    stderr : list of float
        Square roots of the diagonal times `factor`.
    correl : list of lists of float
        Correlation matrix, symmetric to the last bit, 0 where a variance is 0.
    """
    # Plain lists: for a few variables numpy's calls would take longer than the arithmetic.
    matrix: list[list[float]] = covar.tolist()
    variances = [row[i] for i, row in enumerate(matrix)]
    errors = [math.sqrt(variance * factor) for variance in variances]
    # The inverse first: products of two small standard errors underflow.
    inverse = [1.0 / math.sqrt(variance) if variance > 0 else 0.0 for variance in variances]
    for i, row in enumerate(matrix):
        for j in range(i + 1):
            row[j] = matrix[j][i] = row[j] * inverse[i] * inverse[j]
    return errors, matrix


def set_uncertainties(
    params: Parameters,
    varying: Sequence[Parameter],
    covar: FloatArray,
    withheld: frozenset[str] = frozenset(),
    factor: float = 1.0,
) -> None:
    """Write standard errors and correlations into the parameters.

    Those of fixed parameters are 0; those of expressions are propagated to first order.

    Parameters
    ----------
    params : Parameters
        Where they are written.
    varying : sequence of Parameter, length n
        The variables, members of `params`.
    covar : ndarray, shape (n, n)
        Their covariance.
    withheld : frozenset of str
        Variables on a bound: they get none, and the rest count them as fixed.
    factor : float, default 1.0
        What `covar` is to be multiplied by.
    """
    names = [str(item.name) for item in varying]
    errors, matrix = correlations(covar, factor)
    for item in params.values():
        item.stderr, item.correl = 0.0, None
    for i, item in enumerate(varying):
        if names[i] in withheld:
            item.stderr = None
            continue
        item.stderr = errors[i]
        row = matrix[i]
        item.correl = {
            name: row[j] for j, name in enumerate(names) if j != i and name not in withheld
        }
    expressions = [item for item in params.values() if item.expr]
    if expressions:
        set_propagated(params, expressions, names, covar, factor)


def set_propagated(
    params: Parameters,
    expressions: Sequence[Parameter],
    names: Sequence[str],
    covar: FloatArray,
    factor: float = 1.0,
) -> None:
    """Write standard errors into parameters that are expressions, to first order.

    Parameters
    ----------
    params : Parameters
    expressions : sequence of Parameter
        Those to be written to, members of `params`.
    names : sequence of str, length n
        The variables.
    covar : ndarray, shape (n, n)
        Their covariance.
    factor : float, default 1.0
        What `covar` is to be multiplied by.
    """
    rows = params._expression_jacobian(names)
    for item in expressions:
        row_vector = rows[str(item.name)]
        variance = float(row_vector @ covar @ row_vector) * factor
        item.stderr = math.sqrt(variance) if variance >= 0 else None
