"""Data, weights and independent variables of a fit, as the fit wants them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["coerce_arraylike", "prepare_data"]

NAN_POLICIES = ("raise", "propagate", "omit")


def coerce_arraylike(x: Any) -> Any:
    """An array-like as an array of float64 or complex128; other objects as they are.

    Parameters
    ----------
    x : object
        Lists, tuples, and what numpy can make an array of (Series, DataArray, datasets of HDF5)
        are converted. Dates become numbers of their unit, None becomes NaN, masked elements of
        numbers become NaN. Scalars, strings, dicts and arrays of objects that are no numbers stay.

    Returns
    -------
    ndarray or object

    Raises
    ------
    ValueError
        If a list or tuple does not hold numbers.

    Examples
    --------
    >>> from fitcore.model import coerce_arraylike
    >>> coerce_arraylike([1, 2]), coerce_arraylike((1, 2j)), coerce_arraylike("linear")
    (array([1., 2.]), array([1.+0.j, 0.+2.j]), 'linear')
    """
    if type(x) is np.ndarray and x.dtype == np.float64:
        return x
    if isinstance(x, (list, tuple)):
        if any(isinstance(item, (complex, np.complexfloating)) for item in x):
            return np.asarray(x, dtype=np.complex128)
        array = np.asarray(x)
        kind = np.complex128 if array.dtype.kind == "c" else np.float64
        return np.asarray(array, dtype=kind)
    if isinstance(x, type) or not hasattr(x, "__array__"):
        return x
    if isinstance(x, np.ma.MaskedArray):
        kind = np.complex128 if x.dtype.kind == "c" else np.float64
        return np.ma.filled(x.astype(kind), np.nan)
    array = np.asarray(x)
    if array.dtype.kind == "c" or (
        array.dtype.kind == "O" and any(isinstance(item, complex) for item in array.flat)
    ):
        return np.asarray(array, dtype=np.complex128)
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        return x


def is_pandas(value: Any) -> bool:
    """Whether it is a Series or DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.Series, pandas.DataFrame))


def aligned(value: Any, data: Any) -> Any:
    """A Series or DataFrame in the order of the index of `data`, if that has one."""
    if not (is_pandas(data) and is_pandas(value)) or value.index.equals(data.index):
        return value
    return value.reindex(data.index)


def missing(value: Any) -> Any:
    """Where an array has no value: NaN, None, NaT or masked; None if it has all."""
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        inner = missing(value.filled(value.fill_value))
        mask = mask if inner is None else mask | inner
    else:
        array = np.asarray(value)
        kind = array.dtype.kind
        if kind in "fc":
            mask = np.isnan(array)
        elif kind in "mM":
            mask = np.isnat(array)
        elif kind == "O":
            mask = np.array([item is None or item != item for item in array.flat], dtype=bool)
            mask = mask.reshape(array.shape)
        else:
            return None
    return mask if mask.any() else None


def masked(value: Any) -> Any:
    """Where an array is masked; None if nowhere."""
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        return mask if mask.any() else None
    return None


def keep(value: Any, good: Any) -> Any:
    """The elements of `value` to be kept, if there is one for each data point."""
    if np.ndim(value) and np.shape(value) == good.shape:
        # Of pandas by position: the index of a Series of booleans would be matched.
        return value[good] if not is_pandas(value) or value.ndim > 1 else value.iloc[good]
    if np.ndim(value) and good.ndim == 1 and np.shape(value)[0] == good.size:
        return value[good] if not is_pandas(value) else value.iloc[good]
    return value


def prepare_data(
    who: str,
    data: Any,
    weights: Any,
    variables: dict[str, Any],
    nan_policy: str,
    coerce: bool = True,
) -> tuple[Any, Any, dict[str, Any]]:
    """Data, weights and independent variables with the same points in the same order.

    Series and frames of pandas are brought into the order of the index of the data. Masked points
    are left out, and so are those that are NaN with ``nan_policy='omit'``.

    Parameters
    ----------
    who : str
        Name of the model, for errors.
    data : array_like
        Real or complex.
    weights : array_like or None
        One number, or one for each data point.
    variables : dict
        Independent variables by name, of any type.
    nan_policy : {'raise', 'propagate', 'omit'}
    coerce : bool
        Whether arrays become float64 or complex128.

    Returns
    -------
    tuple of (data, weights, variables)

    Raises
    ------
    TypeError
        If data or weights are no arrays of numbers.
    ValueError
        If the policy is unknown, there are no data, the shape of the weights does not fit, or the
        data have NaN under 'raise'.
    """
    if nan_policy not in NAN_POLICIES:
        raise ValueError(
            f"nan_policy must be 'propagate', 'omit', or 'raise'; {who} got {nan_policy!r:.80}"
        )
    if data is None:
        raise TypeError(f"{who}: data must be an array of numbers, got None")
    variables = {name: aligned(value, data) for name, value in variables.items()}
    weights = aligned(weights, data)
    out = None
    for value in (data, weights, *variables.values()):
        hidden = masked(value)
        if hidden is not None and hidden.shape == np.shape(data):
            out = hidden if out is None else out | hidden
    if nan_policy == "omit":
        for value in (data, weights):
            holes = None if value is None else missing(value)
            if holes is not None and holes.shape == np.shape(data):
                out = holes if out is None else out | holes
    if out is not None:
        good = ~out
        variables = {name: keep(value, good) for name, value in variables.items()}
        weights = keep(weights, good)
        data = keep(data, good)
    if coerce:
        data = as_numbers(who, "data", data)
        variables = {name: as_variable(value) for name, value in variables.items()}
        if weights is not None:
            weights = as_numbers(who, "weights", weights)
    if np.size(data) == 0:
        raise ValueError(f"{who}: data holds no points to fit")
    if weights is not None and np.ndim(weights):
        check_weights(who, np.shape(weights), np.shape(data))
    if nan_policy == "raise":
        for name, value in (("data", data), ("weights", weights)):
            holes = None if value is None else missing(value)
            if holes is not None:
                raise ValueError(
                    "NaN values detected in your input data or the output of your objective/model "
                    "function - fitting algorithms cannot handle this! "
                    f"{who}: {name} has {int(holes.sum())} NaN of {holes.size} values, "
                    f"the first at index {int(np.argmax(holes))}. nan_policy='omit' leaves such "
                    "points out"
                )
    return data, weights, variables


def as_variable(value: Any) -> Any:
    """An independent variable as an array of numbers, if it is one of numbers."""
    try:
        return coerce_arraylike(value)
    except (TypeError, ValueError):
        return value


def as_numbers(who: str, name: str, value: Any) -> Any:
    """The argument `name` as an array of float64 or complex128, or a number."""
    try:
        array = coerce_arraylike(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{who}: {name} must be an array of numbers: {exc}") from exc
    kind = np.asarray(array).dtype.kind
    if kind not in "fciub":
        raise TypeError(
            f"{who}: {name} must be an array of numbers, got {type(value).__name__} {value!r:.80}"
        )
    return array


def check_weights(who: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuse weights that are not one for each data point."""
    try:
        fits = np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{who}: weights must be a number, or an array of the shape of the data, {wanted}; "
            f"got the shape {shape}"
        )
