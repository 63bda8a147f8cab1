"""Parameters in JSON, in lmfit's layout, without pickles: nothing in a file is executed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["decode", "encode", "read", "write"]

# Constants that lmfit writes among the symbols of the user.
_CONSTANTS = {"e", "pi", "inf", "nan", "True", "False", "None", "little_endian"}


def write(symbols: Mapping[str, Any], states: Iterable[tuple[Any, ...]], **kws: Any) -> str:
    """JSON of the symbols of the user and the states of the parameters.

    Symbols that JSON cannot hold, functions above all, are left out with a UserWarning.
    ``kws`` go to `json.dumps`.
    """
    kept, left_out = {}, []
    for name, value in symbols.items():
        try:
            kept[name] = encode(value)
        except TypeError:
            left_out.append(name)
    if left_out:
        message = f"not written, as JSON cannot hold them: {', '.join(left_out)}"
        warnings.warn(message, UserWarning, stacklevel=3)
    return json.dumps({"unique_symbols": kept, "params": list(states)}, **kws)


def read(text: str | bytes, **kws: Any) -> tuple[dict[str, Any], list[list[Any]]]:
    """The symbols and the states of the parameters in a JSON string; ``kws`` go to `json.loads`.

    Symbols that belong to asteval itself and functions are left out.

    Raises
    ------
    ValueError
        It is no JSON, or not of parameters.
    """
    data = json.loads(text, **kws)
    try:
        states = data["params"]
        stored = data.get("unique_symbols") or {}
        symbols = {
            str(name): decode(value)
            for name, value in stored.items()
            if name not in _CONSTANTS and not (isinstance(value, dict) and _is_function(value))
        }
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"the JSON does not hold Parameters: {error!r}") from error
    if not isinstance(states, list):
        raise ValueError(f"the JSON does not hold Parameters: params is {states!r:.60}")
    return symbols, states


def _is_function(value: Mapping[str, Any]) -> bool:
    return value.get("__class__") not in _CLASSES


_CLASSES = {"Complex", "NDArray", "Tuple", "List", "Dict"}


def encode(value: Any) -> Any:
    """``value`` for JSON, in lmfit's notation; TypeError for what it cannot hold."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if isinstance(value, complex | np.complexfloating):
        return {"__class__": "Complex", "value": [float(value.real), float(value.imag)]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        parts = [value.real, value.imag] if value.dtype.kind == "c" else value
        flat = [part.ravel().tolist() for part in parts] if isinstance(parts, list) else (
            value.ravel().tolist())  # fmt: skip
        return {"__class__": "NDArray", "__shape__": list(value.shape),
                "__dtype__": value.dtype.name, "value": flat}  # fmt: skip
    if isinstance(value, tuple | list):
        kind = "Tuple" if isinstance(value, tuple) else "List"
        return {"__class__": kind, "value": [encode(item) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"__class__": "Dict", **{key: encode(item) for key, item in value.items()}}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def decode(value: Any) -> Any:
    """The inverse of `encode`; None for functions and whatever else is not plain data."""
    if not isinstance(value, dict):
        return value
    kind, content = value.get("__class__"), value.get("value")
    if kind == "Complex" and content is not None:
        return complex(*content)
    if kind in ("Tuple", "List") and content is not None:
        items = [decode(item) for item in content]
        return tuple(items) if kind == "Tuple" else items
    if kind == "Dict":
        return {key: decode(item) for key, item in value.items() if key != "__class__"}
    dtype = str(value.get("__dtype__"))
    if kind == "NDArray" and dtype.rstrip("0123456789") in ("float", "int", "uint", "bool",
                                                            "complex"):  # fmt: skip
        array: Any = content
        if dtype.startswith("complex"):
            parts = np.asarray(content, dtype=np.float64)
            array = parts[0] + 1j * parts[1]
        return np.asarray(array, dtype=dtype).reshape(value["__shape__"])
    return None
