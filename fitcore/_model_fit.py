"""From the arguments of Model.fit to starting values, and what the fit minimizes."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import read_parameters
from fitcore._model import ModelObjective
from fitcore._model_data import coerce_arraylike
from fitcore._model_eval import classes, translate
from fitcore.native import NativeFunction
from fitcore.parameter import Parameter, Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitcore.model import Model

__all__ = ["difference", "make_objective", "residual", "start_fit"]


def difference(model: Model, data: Any, value: Any) -> Any:
    """Data less model.

    Raises
    ------
    TypeError
        If the model returned no numbers.
    ValueError
        If it returned an array of another shape; the errors name the model.
    """
    array = np.asarray(value)
    if not is_numeric(array):
        raise TypeError(
            f"{model.name} must return an array of numbers, got {type(value).__name__} "
            f"{value!r:.80}"
        )
    wanted = np.shape(data)
    if array.shape != wanted:
        try:
            fits = np.broadcast_shapes(array.shape, wanted) == wanted
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{model.name} returned an array of the shape {array.shape} for data of the shape "
                f"{wanted}: it must return one value for each data point, or a single number"
            )
    return data - value


def is_numeric(array: Any) -> bool:
    """Whether an array holds numbers only; as objects too, but no None."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "fciub"
    return all(isinstance(item, Number) for item in array.flat)


def residual(
    model: Model, params: Parameters, data: Any, weights: Any, given: Mapping[str, Any]
) -> Any:
    """Residuals of a model: (data - model) times weights, in the shape of the data.

    Parameters
    ----------
    model : Model
    params : Parameters
    data : array_like
    weights : array_like or None
        Complex ones multiply real and imaginary part each by their own.
    given : mapping
        Independent variables and options.
    """
    return compare(model, data, weights, model.eval(params, **given))


def compare(model: Model, data: Any, weights: Any, value: Any) -> Any:
    """Residuals of a model whose value is known."""
    diff = difference(model, data, value)
    if weights is None:
        return diff
    if np.iscomplexobj(weights) and np.iscomplexobj(diff):
        return diff.real * np.real(weights) + 1j * (diff.imag * np.imag(weights))
    return diff * weights


def make_objective(
    model: Model, data: Any, weights: Any, given: dict[str, Any]
) -> Callable[..., Any]:
    """Make what a fit minimizes: ``objective(params, data, weights, **given)``.

    This is the place for faster ones than the method of the model: a result asks for one at the
    begin of each fit.
    """
    if type(model)._residual is not classes()[0]._residual:
        return model._residual
    if isinstance(model.func, NativeFunction):
        native = model.func._of_model(model, data, weights, given)
        if native is not None:
            return native
    return ModelObjective(model, data, weights, given, translate, coerce_arraylike, compare)


def start_fit(
    model: Model, params: Parameters | None, kwargs: Mapping[str, Any], verbose: bool
) -> tuple[dict[str, Any], Parameters]:
    """Sort the keywords of Model.fit.

    Parameters
    ----------
    model : Model
    params : Parameters or None
        As the user gave them.
    kwargs : mapping
        Independent variables, options and values of parameters.
    verbose : bool
        Whether to print the parameters that are made.

    Returns
    -------
    given : dict
        Independent variables and options.
    params : Parameters
        Where to start: a copy.

    Raises
    ------
    ValueError
        If a parameter or its value, or an independent variable is missing.
    """
    start = model.make_params(verbose=verbose) if params is None else read_parameters(params).copy()
    given = dict(kwargs)
    for name in [name for name in given if name in start or model.prefix + name in start]:
        if name in start:
            set_start(model, start, name, given.pop(name))
        elif name not in model.independent_vars:
            set_start(model, start, model.prefix + name, given.pop(name))
    drop_unknown(model, given)
    check_start(model, start)
    check_variables(model, given)
    return given, start


def set_start(model: Model, params: Parameters, name: str, value: Any) -> None:
    """Set a parameter to a number, to what a dict says, or to another Parameter."""
    try:
        if isinstance(value, Parameter):
            made = copy.copy(value)
            made.name = name
            params[name] = made
        elif isinstance(value, dict):
            params[name].set(**value)
        else:
            params[name].set(value=read_value(value))
    except TypeError as exc:
        raise TypeError(f"{model.name}: {exc}") from None


def read_value(value: Any) -> Any:
    """A starting value as float, of a complex number the real part."""
    if isinstance(value, (complex, np.complexfloating)):
        value = value.real
    return float(value) if isinstance(value, (int, np.integer)) else value


def drop_unknown(model: Model, given: dict[str, Any]) -> None:
    """Warn of names that no function of the model has, and leave out what none takes."""
    known = {*model._func_allargs, *model.independent_vars}
    for name in [name for name in given if name not in known]:
        if any(name.removeprefix(leaf.prefix) in leaf._func_allargs for leaf in model._leaves()):
            continue
        passed = model._func_haskeywords
        warnings.warn(
            f"The keyword argument {name} does not match any arguments of the model function. "
            f"It will be {'passed on to its **keywords' if passed else 'ignored'}.",
            UserWarning,
            stacklevel=4,
        )
        if not passed:
            del given[name]


def check_start(model: Model, params: Parameters) -> None:
    """Refuse parameters of which some are missing or have no value."""
    names = model.param_names
    absent = [name for name in names if name not in params]
    unset = [
        name
        for name in names
        if name in params
        and params[name].expr is None
        and params[name]._is_unset
        and not math.isfinite(params[name].value)  # with a bound it starts there, as in lmfit
    ]
    if absent or unset:
        raise ValueError(
            "Assign each parameter an initial value by passing Parameters or keyword arguments to "
            f"fit.\nMissing parameters: {absent}\nNon initialized parameters: {unset}\n"
            f"(params of {model.name})"
        )


def check_variables(model: Model, given: Mapping[str, Any]) -> None:
    """Refuse a fit without a value for each independent variable."""
    for leaf in model._leaves():
        for name in leaf.independent_vars:
            if given.get(name) is None and not leaf._has_default(name):
                raise ValueError(
                    f"Missing independent variable '{name}': {model.name}.fit needs it by name, "
                    f"{name}=..."
                )
