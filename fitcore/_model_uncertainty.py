"""How uncertain a fitted model is, from the covariance of its variables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import read_number
from fitcore._distributions import f_isf, two_sided_level

if TYPE_CHECKING:
    from fitcore._model_result import ModelResult
    from fitcore.parameter import Parameters

__all__ = ["Band", "band", "quantile"]


class Band:
    """Uncertainties of a model.

    Attributes
    ----------
    model : ndarray
        Of the model.
    components : dict of str to ndarray
        Of each component.
    predicted : ndarray
        Of new data.
    """

    def __init__(self, model: Any, components: dict[str, Any], predicted: Any) -> None:
        self.model, self.components, self.predicted = model, components, predicted


def quantile(sigma: Any, nfree: int) -> float:
    """How many standard errors Student's t stays within with a probability.

    Parameters
    ----------
    sigma : float
        A number of standard deviations of a normal distribution, which stands for a probability;
        or the probability itself if it is below 1.
    nfree : int
        Degrees of freedom.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `sigma` is negative or NaN.

    Examples
    --------
    >>> from fitcore._model_uncertainty import quantile
    >>> round(quantile(0.95, 10), 4)
    2.2281
    """
    sigma = read_number(sigma, "sigma")
    if not sigma >= 0:
        raise ValueError(f"sigma must be positive, or a probability below 1, got {sigma!r}")
    outside = 1.0 - sigma if sigma < 1 else two_sided_level(sigma)[1]
    if outside <= 0:
        return math.inf
    return 0.0 if outside >= 1 else math.sqrt(f_isf(outside, 1, max(nfree, 1)))


def band(
    result: ModelResult, params: Parameters, sigma: Any, dscale: Any, given: dict[str, Any]
) -> Band:
    """Propagate the covariance of a fit to values of its model.

    Derivatives are differences over steps of `dscale` standard errors to both sides.

    Parameters
    ----------
    result : ModelResult
    params : Parameters
        Where.
    sigma : float
        See :func:`quantile`.
    dscale : float
    given : dict
        Independent variables and options.
    """
    step = read_number(dscale, "dscale")
    if not (step > 0 and math.isfinite(step)):
        raise ValueError(f"dscale must be a positive number, got {dscale!r}")
    model = result.model
    params = params.copy()
    here = {"": model.eval(params, **given), **model.eval_components(params=params, **given)}
    names = [name for name in result.var_names or () if name in params]
    covar = result.covar
    if covar is None or len(names) != len(covar) or not has_errors(result, params, names):
        empty = {key: 0 * np.asarray(value) for key, value in here.items()}
        predicted = empty[""] + quantile(sigma, result.nfree) * math.sqrt(result.redchi)
        return Band(empty.pop(""), empty, predicted)
    scale = quantile(sigma, result.nfree)
    columns: dict[str, list[Any]] = {key: [] for key in here}
    for name in names:
        par = params[name]
        best, width = float(par.value), step * (par.stderr or 0.0)
        if width == 0:  # on a bound: it counts as fixed
            for key, value in here.items():
                columns[key].append(0 * np.asarray(value))
            continue
        # A bound may leave no room for a step to one of its sides.
        par.value = best + width
        up, above = par.value - best, _values(model, params, given)
        par.value = best - width
        down, below = best - par.value, _values(model, params, given)
        par.value = best
        for key, column in columns.items():
            column.append((above[key] - below[key]) / (up + down))
    variances = {key: _variance(column, covar) for key, column in columns.items()}
    found = {key: scale * _root(value) for key, value in variances.items()}
    predicted = scale * _root(variances[""] + _unit(variances[""]) * result.redchi)
    return Band(found.pop(""), found, predicted)


def has_errors(result: ModelResult, params: Parameters, names: list[str]) -> bool:
    """Whether all variables but those on a bound have standard errors."""
    held = getattr(result, "at_bound", ())
    return all(params[name].stderr is not None or name in held for name in names)


def _values(model: Any, params: Parameters, given: dict[str, Any]) -> dict[str, Any]:
    parts = model.eval_components(params=params, **given)
    return {"": model.eval(params, **given), **parts}


def _variance(column: list[Any], covar: Any) -> Any:
    """Variance of each value; of complex ones that of both parts, as a complex number."""
    jac = np.asarray(column)
    flat = jac.reshape(len(column), -1)

    def square(part: Any) -> Any:
        return np.maximum(np.einsum("ik,ij,jk->k", part, covar, part), 0).reshape(jac.shape[1:])

    if np.iscomplexobj(flat):
        return square(flat.real) + 1j * square(flat.imag)
    return square(flat)


def _root(variance: Any) -> Any:
    if np.iscomplexobj(variance):
        return np.sqrt(variance.real) + 1j * np.sqrt(variance.imag)
    return np.sqrt(variance)


def _unit(variance: Any) -> Any:
    return 1 + 1j if np.iscomplexobj(variance) else 1
