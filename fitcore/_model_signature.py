"""What a model function takes: independent variables, parameters and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from fitcore._native import NativeCall

__all__ = [
    "FORBIDDEN",
    "Arguments",
    "FunctionSignature",
    "name_of",
    "read_arguments",
    "read_jacobian",
    "read_prefix",
]

# Names of arguments of Model.fit.
FORBIDDEN = ("data", "weights", "params")
INVALID_VARIABLE = "Invalid independent variable name ('%s') for function %s"
INVALID_PARAMETER = "Invalid parameter name ('%s') for function %s"


class FunctionSignature(NamedTuple):
    """Names of the arguments in order, their defaults, and whether there is a ``**kws``."""

    names: list[str]
    defaults: dict[str, Any]
    keywords: bool


class Arguments(NamedTuple):
    """How a model uses the arguments of its function.

    Attributes
    ----------
    names : list of str
        All that the function takes by name.
    keywords : bool
        Whether it takes others as well.
    independent_vars : list of str
    variable_defaults : dict
        Values of independent variables that need not be given.
    parameters : list of str
    values : dict of str to number
        Values that parameters start from.
    options : dict
        Other arguments with values given to the model.
    """

    names: list[str]
    keywords: bool
    independent_vars: list[str]
    variable_defaults: dict[str, Any]
    parameters: list[str]
    values: dict[str, Any]
    options: dict[str, Any]


def name_of(func: Any) -> str | None:
    """A callable's name; of an object without one, its class's; of a partial, its function's."""
    if func is None:
        return None
    inner = func
    while not hasattr(inner, "__name__") and hasattr(inner, "func"):
        inner = inner.func
    return str(getattr(inner, "__name__", None) or type(inner).__name__)


def is_number(value: Any) -> bool:
    """Whether a default makes its argument a parameter."""
    return isinstance(value, (Number, np.number)) and not isinstance(value, (bool, np.bool_))


def read_function(func: Callable[..., Any]) -> FunctionSignature:
    """Read the signature of a model function.

    Raises
    ------
    ValueError
        If it has ``*args`` or positional-only arguments, or cannot be read.
    """
    if isinstance(func, NativeCall) and (func.kind != "model" or func.names is None):
        raise ValueError(
            "the function of a model must be a NativeFunction of kind 'model' with names, got "
            f"{func!r} with names={func.names!r}"
        )
    if hasattr(func, "argnames") and hasattr(func, "kwargs"):
        # The function says itself what it takes by name.
        given = dict(func.kwargs)
        return FunctionSignature([*func.argnames, *given], given, False)
    try:
        found = inspect.signature(func).parameters.values()
    except (TypeError, ValueError) as exc:
        raise ValueError(
            f"the arguments of {name_of(func)} cannot be read ({exc}): wrap it in a function "
            "that names them"
        ) from exc
    names, defaults, keywords = [], {}, False
    for item in found:
        if item.kind is item.VAR_POSITIONAL:
            raise ValueError(f"varargs '*{item.name}' is not supported")
        if item.kind is item.POSITIONAL_ONLY:
            raise ValueError("positional only arguments with '/' are not supported")
        if item.kind is item.VAR_KEYWORD:
            keywords = True
            continue
        names.append(item.name)
        if item.default is not item.empty:
            defaults[item.name] = item.default
    return FunctionSignature(names, defaults, keywords)


def as_names(value: Any, what: str) -> list[str]:
    """A list of names, from one or several."""
    if isinstance(value, str):
        return [value]
    names = list(value) if isinstance(value, Iterable) else [value]
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be a list of names, got {value!r:.80}")
    return [str(name) for name in names]


def read_arguments(
    func: Callable[..., Any],
    independent_vars: Any = None,
    param_names: Any = None,
    options: dict[str, Any] | None = None,
) -> Arguments:
    """Sort the arguments of a model function.

    Parameters
    ----------
    func : callable
        The model function.
    independent_vars : sequence of str, optional
        Default: the first argument, and all whose default is not a number.
    param_names : sequence of str, optional
        Default: all others with a number as default, or none.
    options : dict, optional
        Values for arguments that are neither.

    Returns
    -------
    Arguments

    Raises
    ------
    ValueError
        If a name is none of an argument of `func`, or reserved.

    Examples
    --------
    >>> from fitcore._model_signature import read_arguments
    >>> def wave(t, amp, freq=2.0, kind="sin"): ...
    >>> read_arguments(wave).parameters, read_arguments(wave).independent_vars
    (['amp', 'freq'], ['t', 'kind'])
    """
    names, defaults, keywords = read_function(func)
    given = {} if options is None else options
    label = name_of(func)
    if independent_vars is None:
        if not names and not keywords:
            raise ValueError(
                f"the model function {label} takes no arguments: it needs an independent variable"
            )
        variables = names[:1]
        variables += [
            name for name in names[1:] if name in defaults and not is_number(defaults[name])
        ]
    else:
        variables = as_names(independent_vars, "independent_vars")
    values = {}
    if param_names is None:
        parameters = []
        for name in names:
            if name in variables:
                continue
            if name in defaults:
                if not is_number(defaults[name]):
                    continue
                values[name] = defaults[name]
            parameters.append(name)
    else:
        parameters = as_names(param_names, "param_names")
        variables = [name for name in variables if independent_vars is not None
                     or name not in parameters]  # fmt: skip
    known = set(names) - set(FORBIDDEN)
    for name in variables:
        if name not in known and (name in FORBIDDEN or not keywords):
            raise ValueError(INVALID_VARIABLE % (name, label))
        if name in parameters:
            raise ValueError(
                f"independent_vars and param_names both have {name!r} of function {label}"
            )
    for name in parameters:
        if name not in known and (name in FORBIDDEN or not keywords):
            raise ValueError(INVALID_PARAMETER % (name, label))
    kept = {name: value for name, value in given.items() if name in names or keywords}
    for name in [name for name in kept if name in parameters]:
        values[name] = kept.pop(name)
    variable_defaults = {
        name: kept.get(name, defaults[name]) for name in variables if name in defaults
    }
    return Arguments(names, keywords, variables, variable_defaults, parameters, values, kept)


def read_prefix(prefix: str | None) -> str:
    """A prefix: None is an empty one."""
    if prefix is None:
        return ""
    if not isinstance(prefix, str) or (prefix and not prefix.isidentifier()):
        raise ValueError(f"'{prefix}' is not a valid Model prefix")
    return prefix


def read_jacobian(func: Any, options: dict[str, Any]) -> Any:
    """The argument `jac` of a Model, unless that is an option of the function."""
    if "jac" not in options:
        return None
    if func is not None and "jac" in getattr(getattr(func, "__code__", None), "co_varnames", ()):
        return None
    jac = options.pop("jac")
    if jac is not None and jac is not True and not callable(jac):
        raise TypeError(f"jac must be callable, True or None, got {jac!r:.80}")
    return jac
