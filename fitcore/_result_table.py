"""Results as tables of pandas, and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._extras import extra

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["parameters_frame", "plain"]


def parameters_frame(params: Parameters) -> Any:
    """Parameters as a table with a line for each.

    Parameters
    ----------
    params : Parameters

    Returns
    -------
    pandas.DataFrame
        Index: the names. Columns: value, stderr, init_value, min, max, vary, expr.
    """
    pd = extra("pandas", "to_dataframe")
    numbers = {
        "value": [float(item.value) for item in params.values()],
        "stderr": [np.nan if item.stderr is None else item.stderr for item in params.values()],
        "init_value": [
            np.nan if item.init_value is None else float(item.init_value)
            for item in params.values()
        ],
        "min": [float(item.min) for item in params.values()],
        "max": [float(item.max) for item in params.values()],
    }
    table = pd.DataFrame(numbers, index=pd.Index(list(params), name="name"), dtype=float)
    table["vary"] = [bool(item.vary) for item in params.values()]
    table["expr"] = pd.array([item.expr for item in params.values()], dtype="object")
    return table


def plain(value: Any) -> Any:
    """A value as plain Python objects: arrays as lists, numpy's numbers as Python's.

    A callable becomes its name, and a DataFrame a dict of lists.
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if hasattr(value, "to_dict"):
        return plain(value.to_dict("list"))
    if callable(value):
        return getattr(value, "__name__", repr(value))
    return value
