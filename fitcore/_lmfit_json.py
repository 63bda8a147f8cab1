"""Models and their results as lmfit writes them in JSON, read without unpickling anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fitcore.jsonutils import FunctionNotLoaded, decode4js, texts_in_pickle

if TYPE_CHECKING:
    from fitcore._model_json import Reader
    from fitcore.model import Model

__all__ = ["lmfit_result", "model_of_lmfit"]

# What lmfit's states of version 1 hold, in this order.
_VERSION_1 = ("funcname", "funcdef", "name", "prefix", "independent_vars", "param_root_names",
              "param_hints", "nan_policy", "opts")  # fmt: skip

# Attributes of a ModelResult that are not those of its fit.
_SETTINGS = ("method", "nan_policy", "scale_covar", "calc_covar")
_OTHERS = {"__class__", "__version__", "model", "params", "init_params", "unique_symbols",
           "userargs", "userkws", "best_values", "init_values", "values", "weights", "ci_out",
           "user_options", "flatchain", "col_deriv", "rsquared", *_SETTINGS}  # fmt: skip
_FLAGS = {"aborted", "errorbars", "success", "scale_covar", "calc_covar"}


def model_of_lmfit(reader: Reader, stored: Any) -> Model:
    """The model of a state that lmfit has written: (state, None, None) or (left, right, op)."""
    from fitcore.model import CompositeModel

    left, right, op = _items(stored)
    if op is None:
        return _leaf(reader, left)
    return CompositeModel(
        model_of_lmfit(reader, left), model_of_lmfit(reader, right), reader.operator(op)
    )


def _items(stored: Any) -> Sequence[Any]:
    if not isinstance(stored, dict) or stored.get("__class__") not in ("Tuple", "List"):
        raise ValueError(f"the JSON does not hold a Model: {stored!r:.60}")
    items: list[Any] = stored["value"]
    return items


def _leaf(reader: Reader, stored: Mapping[str, Any]) -> Model:
    if stored.get("__class__") == "Tuple":
        state: Mapping[str, Any] = dict(zip(_VERSION_1, _items(stored), strict=True))
    else:
        state = stored
        if (version := stored.get("version")) != "2":
            raise ValueError(f"a Model of lmfit with a state of version {version!r:.20}")
    function, name = state["funcdef"], state["funcname"]
    kind, arguments = "Model", {}
    if isinstance(function, str):
        kind, arguments = "ExpressionModel", {"expr": function}
    elif name not in reader.funcdefs:
        names = decode4js(state["param_root_names"])
        kind, arguments = _builtin(function, names)
    return reader.leaf({
        "model": kind, "arguments": arguments, "function": function, "values": {},
        "name": state["name"], "prefix": state["prefix"] or "",
        "independent_vars": decode4js(state["independent_vars"]),
        "param_names": decode4js(state["param_root_names"]),
        "param_hints": state["param_hints"], "nan_policy": state["nan_policy"],
        "options": state["opts"],
    })  # fmt: skip


def _builtin(function: Mapping[str, Any], names: list[str]) -> tuple[str, dict[str, Any]]:
    """The built-in model of lmfit that had a function, and arguments; lmfit keeps no more of it."""
    name = function.get("__name__")
    texts = texts_in_pickle(str(function.get("value")))[0]
    if function.get("importer") == "lmfit.lineshapes" or texts[:1] == ["lmfit.lineshapes"]:
        for kind in import_module("fitcore.models").lmfit_models.values():
            if getattr(getattr(kind, "_function", None), "__name__", None) == name:
                return kind.__name__, {}
    # Functions that lmfit defines inside of its models; the pickle of one names its file.
    if any(text.replace("\\", "/").endswith("lmfit/models.py") for text in texts):
        if name == "constant":
            return ("ConstantModel" if names == ["c"] else "ComplexConstantModel"), {}
        if name == "polynomial":
            return "PolynomialModel", {"degree": len(names) - 1}
        if name == "spline_model":
            raise FunctionNotLoaded(
                "a SplineModel of lmfit keeps its knots in a pickle, which is not read: make the "
                "model again, and give its function as funcdefs={'spline_model': model.func}"
            )
    return "Model", {}


def lmfit_result(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A ModelResult of lmfit in the layout of fitcore's files."""
    params = stored["params"]
    if not isinstance(params, str):  # version 1
        params = json.dumps({"params": params, "unique_symbols": stored.get("unique_symbols")})
    parsed = json.loads(params)
    initial = json.loads(stored["init_params"]) if "init_params" in stored else _initial(parsed)
    data, weights = _items(stored["userargs"])
    result = {name: value for name, value in stored.items() if name not in _OTHERS}
    values = decode4js(stored["init_values"])
    result["init_values"] = stored["init_values"]
    names = decode4js(stored["var_names"])
    result["init_vals"] = [values.get(name) for name in names]
    for name in _FLAGS & result.keys():
        result[name] = bool(result[name])
    return {
        "model": stored["model"], "params": parsed, "init_params": initial,
        "data": data, "weights": weights, "userkws": stored["userkws"],
        "settings": {name: bool(stored[name]) if name in _FLAGS else stored[name]
                     for name in _SETTINGS if name in stored},
        "result": result, "ci_out": stored.get("ci_out"),
        "user_options": stored.get("user_options"),
    }  # fmt: skip


def _initial(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they were before the fit: with their initial values, without errors."""
    states = []
    for state in parsed["params"]:
        name, value, vary, expr, low, high, step, _, _, first, *more = state
        value = value if first is None else first
        states.append([name, value, vary, expr, low, high, step, None, None, first, *more])
    return {**parsed, "params": states}
