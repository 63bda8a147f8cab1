"""Parameters as numbers with uncertainties, correlated through the fit and through expressions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._extras import extra

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["create_uvars"]


def create_uvars(self: Parameters, covar: ArrayLike | None = None) -> dict[str, Any]:
    """All parameters as `ufloat` objects of the package `uncertainties`.

    What is computed with them has the right uncertainty, correlations included. Those of
    expressions are propagated to first order, with exact derivatives where the expression is
    compiled and central differences elsewhere.

    Parameters
    ----------
    covar : array_like, shape (n, n), optional
        Covariance of the n varied parameters, in their order; the `stderr` of expressions is then
        set from it. Without it, `stderr` and `correl` of the parameters give the covariance.

    Returns
    -------
    dict of str to ufloat
        For every parameter by its name. Without a standard error it is 0.

    Raises
    ------
    ImportError
        The package is missing.
    ValueError
        ``covar`` has another shape, is not symmetric, has negative variances or is not finite.
    Exception
        Whatever the evaluation of an expression raises.

    Examples
    --------
    >>> from fitcore.parameter import create_params
    >>> params = create_params(a=3, b=4, area={"expr": "a*b"})
    >>> found = params.create_uvars([[0.01, 0], [0, 0.04]])
    >>> found["area"].nominal_value, found["area"].std_dev
    (12.0, 0.7211)
    >>> (found["area"] / found["a"] - found["b"]).std_dev
    0.0
    """
    core = extra("uncertainties", "create_uvars").core

    def exactly(value: float) -> Any:
        # ufloat(value, 0) warns
        return core.AffineScalarFunc(float(value), core.LinearCombination({}))

    self.update_constraints()
    free = [name for name, par in self.items() if par.expr is None]
    if covar is None:
        known = [name for name in free if self[name].stderr]
        matrix = _covariance(self, known)
    else:
        known = [name for name in free if self[name].vary]
        matrix = _checked(covar, len(known))
    found = _variables(self, known, matrix)
    for name in free:
        if name not in found:
            stderr = self[name].stderr
            # A fixed parameter may have an uncertainty too: one that the user gave.
            found.update(
                _variables(self, [name], np.array([[stderr**2]]))
                if stderr and covar is not None and not self[name].vary
                else {name: exactly(self[name].value)}
            )
    sources = [name for name in free if found[name].std_dev != 0]
    slopes = self._expression_jacobian(sources) if len(free) < len(self) else {}
    for name, row in slopes.items():
        value = self[name].value
        total = exactly(value) if np.isfinite(row).all() else core.ufloat(value, math.nan)
        for slope, source in zip(row.tolist(), sources, strict=True):
            if slope != 0 and math.isfinite(slope):
                total = total + slope * (found[source] - found[source].nominal_value)
        found[name] = total
        if covar is not None:
            self[name].stderr = float(total.std_dev)
    return {name: found[name] for name in self}


def _variables(params: Parameters, names: list[str], covar: NDArray[np.float64]) -> dict[str, Any]:
    """Correlated numbers of this covariance."""
    from uncertainties import correlated_values, ufloat

    values = [float(params[name].value) for name in names]
    errors = np.sqrt(np.diagonal(covar))
    found = {}
    if not np.isfinite(covar).all() or np.count_nonzero(covar) <= np.count_nonzero(errors):
        # Independent of each other: the standard errors to the last bit.
        for name, value, error in zip(names, values, errors.tolist(), strict=True):
            if error != 0:
                found[name] = ufloat(value, error, tag=name)
    elif names:
        found.update(zip(names, correlated_values(values, covar), strict=True))
    return found


def _covariance(params: Parameters, names: list[str]) -> NDArray[np.float64]:
    """Of parameters whose standard errors and correlations are set."""
    errors = np.array([float(params[name].stderr or 0.0) for name in names])
    matrix = np.eye(len(names))
    for i, name in enumerate(names):
        for other, value in (params[name].correl or {}).items():
            if other in names and other != name:
                j = names.index(other)
                matrix[i, j] = matrix[j, i] = value
    return matrix * np.outer(errors, errors)


def _checked(covar: ArrayLike, n: int) -> NDArray[np.float64]:
    try:
        matrix = np.asarray(covar, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"covar must be an array of numbers, not {covar!r:.60}") from None
    if matrix.shape != (n, n):
        raise ValueError(
            f"covar must have shape {(n, n)}, as {n} parameters are varied, not {matrix.shape}"
        )
    if not np.isfinite(matrix).all() or (np.diagonal(matrix) < 0).any():
        raise ValueError(f"covar must be finite, with no negative variance, not {matrix}")
    scale = np.sqrt(np.diagonal(matrix))
    if (np.abs(matrix - matrix.T) > 1e-8 * np.outer(scale, scale)).any():
        raise ValueError(f"covar must be symmetric, not {matrix}")
    return matrix
