"""Evaluation of models and of the parts of composite ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fitcore._model_data import coerce_arraylike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitcore.model import CompositeModel, Model

__all__ = ["evaluate_composite", "function_arguments", "nodes_of"]


def number_of(value: Any) -> Any:
    """The value of a Parameter; anything else as it is."""
    return value.value if hasattr(value, "vary") and hasattr(value, "value") else value


def function_arguments(
    model: Model, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The keyword arguments with which a model calls its function.

    Options and defaults of independent variables, then the parameters, then what is given by
    name, with or without the prefix. With a prefix, names without it are looked for among the
    parameters only if none has it.

    Parameters
    ----------
    model : Model
        Not a composite one.
    params : mapping of str to Parameter or number, or None
    given : mapping
        Independent variables, and values that take the place of those in `params`.

    Returns
    -------
    dict
    """
    prefix = model.prefix
    args = {**model.independent_vars_defvals, **model.opts}
    if params is not None:
        roots = model._param_root_names or ()
        names = {root: prefix + root for root in roots}
        if prefix and not any(name in params for name in names.values()):
            names = {root: root for root in roots}
        for root, name in names.items():
            if name in params:
                args[root] = number_of(params[name])
        if model._func_haskeywords:
            # Parameters which hints have added are arguments too.
            for root in model.param_hints:
                if prefix + root in params:
                    args[root] = number_of(params[prefix + root])
    known = None if model._func_haskeywords else model._func_allargs
    for name, value in given.items():
        if known is None or name in known:
            args[name] = number_of(value)
    if prefix:
        for name, value in given.items():
            root = name.removeprefix(prefix)
            if root != name and (known is None or root in known):
                args.pop(name, None)
                args[root] = number_of(value)
    return args


def nodes_of(model: Any) -> Iterator[Any]:
    """The parts of a model from left to right, each operation after both of its sides.

    Without recursion: sums of hundreds of models are as deep as they are long.
    """
    from fitcore.model import CompositeModel

    stack = [(model, False)]
    while stack:
        node, done = stack.pop()
        if done or not isinstance(node, CompositeModel):
            yield node
        else:
            stack += [(node, True), (node.right, False), (node.left, False)]


def evaluate_composite(
    model: CompositeModel, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> Any:
    """The value of a composite model; the arguments are as of :func:`function_arguments`."""
    from fitcore.model import CompositeModel

    values: list[Any] = []
    everyone = set(model.param_names)
    stack: list[tuple[Any, bool]] = [(model, False)]
    while stack:
        node, done = stack.pop()
        if done:
            right = values.pop()
            values.append(node.op(values.pop(), right))
        elif isinstance(node, CompositeModel) and (
            node is model or type(node).eval is CompositeModel.eval
        ):
            stack += [(node, True), (node.right, False), (node.left, False)]
        else:
            values.append(node.eval(params=params, **own_arguments(node, given, everyone)))
    return coerce_arraylike(values[0])


def own_arguments(leaf: Any, given: Mapping[str, Any], everyone: set[str]) -> dict[str, Any]:
    """What is given to a part of a model: without the values of the parameters of others."""
    others = everyone.difference(leaf.param_names)
    return {name: value for name, value in given.items() if name not in others}
