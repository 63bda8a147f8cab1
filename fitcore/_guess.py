"""Starting values for the built-in models, from data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._arguments import read_bool

if TYPE_CHECKING:
    from fitcore.model import Model
    from fitcore.parameter import Parameters

__all__ = [
    "guess_from_peak",
    "guess_from_peak2d",
    "guess_thermal",
    "peak",
    "polynomial_fit",
    "read_curve",
    "read_data",
    "read_surface",
    "spread",
    "update_param_vals",
]

Array = NDArray[np.float64]


# ------------------------------------------------------------------------------------- data


def read_curve(data: ArrayLike, x: ArrayLike | None, model: object) -> tuple[Array, Array]:
    """Points of a curve, in the order of `x`, without those where one is masked or not finite.

    Parameters
    ----------
    data : array_like
        Values, of any shape.
    x : array_like
        Where they are, as many.
    model : object
        The model that guesses, for messages.

    Returns
    -------
    x, data : ndarray, shape (n,)
        With n of at least 1.

    Raises
    ------
    TypeError
        `x` is missing, or one of both is not made of real numbers.
    ValueError
        Their lengths differ, or no point is left.
    """
    y, (xs,) = read_data(data, {"x": x}, model)
    order = np.argsort(xs, kind="stable")
    return xs[order], y[order]


def read_surface(
    data: ArrayLike, x: ArrayLike | None, y: ArrayLike | None, model: object
) -> tuple[Array, Array, Array]:
    """Points of a surface, ``x, y, data``, as in `read_curve`, in the order given."""
    z, (xs, ys) = read_data(data, {"x": x, "y": y}, model)
    return xs, ys, z


def read_data(
    data: ArrayLike, variables: Mapping[str, ArrayLike | None], model: object
) -> tuple[Array, list[Array]]:
    """`data` and the variables, flat, where all are finite."""
    owner = type(model).__name__
    for name, values in variables.items():
        if values is None:
            raise TypeError(
                f"{owner}.guess: {name} is missing: the values of the independent variable at "
                "which data were taken"
            )
    values = _flat(data, "data", owner)
    columns = []
    for name, given in variables.items():
        column = _flat(given, name, owner)
        if column.size != values.size:
            raise ValueError(
                f"{owner}.guess: {name} has {column.size} values and data has {values.size}: they "
                "must be as many"
            )
        columns.append(column)
    good = np.isfinite(values)
    for column in columns:
        good &= np.isfinite(column)
    if not good.any():
        why = "is empty" if not values.size else "has no finite value"
        if values.size and variables:
            why += f" where {' and '.join(variables)} are finite"
        raise ValueError(f"{owner}.guess: data {why}: there is nothing to guess from")
    return values[good], [column[good] for column in columns]


def _flat(values: Any, name: str, owner: str) -> Array:
    """As floats in one row, NaN where masked."""
    array = (
        np.ma.asanyarray(values) if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
    )
    if array.dtype.kind in "biufO":
        try:
            floats = array.astype(np.float64).ravel()
        except (TypeError, ValueError):
            pass
        else:
            return np.asarray(np.ma.filled(floats, np.nan), dtype=np.float64)
    raise TypeError(
        f"{owner}.guess: {name} must be real numbers, got an array of {array.dtype}"
        if array.dtype.kind != "O"
        else f"{owner}.guess: {name} must be real numbers, got {values!r:.60}"
    )


def spread(values: Array) -> float:
    """From the least to the largest of them."""
    return float(values.max() - values.min())


def polynomial_fit(x: Array, y: Array, degree: int) -> Array:
    """Coefficients of the polynomial of least squares, that of the highest power first.

    Of several the shortest, in scaled coefficients; without numpy's warning of that.
    """
    found = np.polyfit(x, y, degree, full=True)[0]
    return np.asarray(found, dtype=np.float64)


# ------------------------------------------------------------------------------------ peaks


def peak(x: Array, y: Array, negative: bool) -> tuple[float, float, float]:
    """Height over the base, center and half width of the largest peak.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Points in the order of x.
    negative : bool
        Whether the peak is a dip.

    Returns
    -------
    height, center, width : float
        `height` is negative for a dip. `center` and `width` are the mean and half the extent of
        the points on the farther side of half height; where these are two or less, the place of
        the extreme, and a sixth of the range of x. A range of zero gives a width of 1.
    """
    if y.size == 1:  # its height over zero is all that is known
        return float(y[0]), float(x[0]), 1.0
    low, high = float(y.min()), float(y.max())
    height = high - low
    middle = low + 0.5 * height
    center = float(x[y.argmin() if negative else y.argmax()])
    width = spread(x) / 6.0
    above = x[y < middle] if negative else x[y > middle]
    if above.size > 2:
        center = float(above.mean())
        width = 0.5 * spread(above)
    return -height if negative else height, center, width or 1.0


def guess_from_peak(
    model: Model,
    y: ArrayLike,
    x: ArrayLike,
    negative: bool,
    ampscale: float = 1.0,
    sigscale: float = 1.0,
) -> Parameters:
    """Starting values of `amplitude`, `center` and `sigma` from the largest peak of data.

    Parameters
    ----------
    model : Model
        Makes the parameters.
    y : array_like, shape (n,)
        Data.
    x : array_like, shape (n,)
        Independent variable, in any order.
    negative : bool
        Whether the peak is a dip.
    ampscale, sigscale : float, default 1
        Ratio of the model's `amplitude` and `sigma` to those of a Gaussian of the same height and
        width.

    Returns
    -------
    fitcore.Parameters

    Examples
    --------
    >>> from fitcore.models import GaussianModel, guess_from_peak
    >>> params = guess_from_peak(GaussianModel(), [0, 1, 4, 5, 3, 1, 0], range(7), negative=False)
    >>> params["center"].value, params["sigma"].value, params["amplitude"].value
    (3.0, 1.0, 15.0)
    """
    negative = read_bool(negative, "negative")
    xs, ys = read_curve(y, x, model)
    height, center, width = peak(xs, ys, negative)
    return model.make_params(
        amplitude=3.0 * height * width * ampscale, center=center, sigma=width * sigscale
    )


def guess_from_peak2d(
    model: Model, z: ArrayLike, x: ArrayLike, y: ArrayLike, negative: bool
) -> Parameters:
    """Starting values of a peak over a plane: `amplitude`, `centerx`, `centery` and both widths.

    Parameters
    ----------
    model : Model
        Makes the parameters.
    z : array_like, shape (n,)
        Data.
    x, y : array_like, shape (n,)
        Independent variables, in any order.
    negative : bool
        Whether the peak is a dip.

    Returns
    -------
    fitcore.Parameters
    """
    negative = read_bool(negative, "negative")
    xs, ys, zs = read_surface(z, x, y, model)
    place = zs.argmin() if negative else zs.argmax()
    height = spread(zs) if zs.size > 1 else abs(float(zs[0]))
    widths = [spread(xs) / 6.0 or 1.0, spread(ys) / 6.0 or 1.0]
    return model.make_params(
        amplitude=(-height if negative else height) * widths[0] * widths[1],
        centerx=float(xs[place]),
        centery=float(ys[place]),
        sigmax=widths[0],
        sigmay=widths[1],
    )


def guess_thermal(model: Model, y: ArrayLike, x: ArrayLike) -> Parameters:
    """Starting values of `amplitude`, `center` and `kt` of a thermal distribution.

    Parameters
    ----------
    model : Model
        Makes the parameters.
    y : array_like, shape (n,)
        Data.
    x : array_like, shape (n,)
        Independent variable, in any order.

    Returns
    -------
    fitcore.Parameters
    """
    xs, ys = read_curve(y, x, model)
    center = float(xs.mean())
    kt = spread(xs) / 10.0 or 1.0
    amplitude = float(ys.max()) * math.exp((float(xs.min()) - center) / kt)
    return model.make_params(amplitude=amplitude, center=center, kt=kt)


def update_param_vals(pars: Parameters, prefix: str, **kwargs: Any) -> Parameters:
    """Set values of parameters that are given by name, with the prefix or without.

    Parameters
    ----------
    pars : Parameters
        Changed in place.
    prefix : str
        Of the model they belong to.
    **kwargs
        A value for each name, or a dict of the arguments of :meth:`fitcore.Parameter.set`. None,
        and names of no parameter, are ignored: they are other arguments of the model function.

    Returns
    -------
    fitcore.Parameters
        `pars`.

    Examples
    --------
    >>> from fitcore.models import GaussianModel, update_param_vals
    >>> params = update_param_vals(GaussianModel(prefix="g_").make_params(), "g_", sigma=0.3)
    >>> params["g_sigma"].value
    0.3
    """
    for key, value in kwargs.items():
        for name in (key, f"{prefix}{key}"):
            if value is not None and name in pars:
                if isinstance(value, Mapping):
                    pars[name].set(**value)
                else:
                    pars[name].value = value
                break
    return pars
