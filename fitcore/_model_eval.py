"""Evaluation of models and of the parts of composite ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fitcore._model import Call, function_arguments, number_of, unresolved_arguments
from fitcore._model_data import coerce_arraylike
from fitcore.parameter import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitcore.model import CompositeModel, Model

__all__ = [
    "classes",
    "evaluate_composite",
    "function_arguments",
    "nodes_of",
    "own_arguments",
    "translate",
]


@cache
def classes() -> tuple[type[Model], type[CompositeModel]]:
    """The classes of models, whose module needs this one; an import takes longer each time."""
    from fitcore.model import CompositeModel, Model

    return Model, CompositeModel


def combines(node: Any) -> bool:
    """Whether a model is an operation on two others."""
    return isinstance(node, classes()[1])


def is_transparent(node: Any) -> bool:
    """Whether a model is an operation on two others, and its value is no more than that."""
    composite = classes()[1]
    return isinstance(node, composite) and type(node).eval is composite.eval


def nodes_of(model: Any, opens: Callable[[Any], bool] = combines) -> Iterator[Any]:
    """The parts of a model from left to right, each operation after both of its sides.

    Without recursion: sums of hundreds of models are as deep as they are long.

    Parameters
    ----------
    model : Model
    opens : callable
        Which models are looked into; others count as parts.
    """
    stack = [(model, False)]
    while stack:
        node, done = stack.pop()
        if done or not opens(node):
            yield node
        else:
            stack += [(node, True), (node.right, False), (node.left, False)]


def evaluate_composite(
    model: CompositeModel, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> Any:
    """The value of a composite model; the arguments are as of :func:`function_arguments`."""

    def opens(node: Any) -> bool:
        # A subclass that extends eval has come here by it.
        return node is model or is_transparent(node)

    params = with_values(params, given)
    values: list[Any] = []
    contested = contested_names(model, given)
    for node in nodes_of(model, opens):
        if opens(node):
            right = values.pop()
            values.append(node.op(values.pop(), right))
        else:
            values.append(node.eval(params=params, **own_arguments(node, given, contested)))
    return coerce_arraylike(values[0])


def translate(model: Any, params: Mapping[str, Any], given: Mapping[str, Any]) -> list[Any]:
    """How a compiled loop evaluates a model; see :class:`fitcore._model.ModelObjective`."""
    plain = classes()[0]
    contested = contested_names(model, given)
    held = {id(item) for item in params.values()}
    program: list[Any] = []
    for node in nodes_of(model, is_transparent):
        if is_transparent(node):
            program.append(node.op)
            continue
        own = given if node is model else own_arguments(node, given, contested)
        kind = type(node)
        if kind.eval is plain.eval and kind.make_funcargs is plain.make_funcargs:
            args = unresolved_arguments(node, params, own)
            # A Parameter that is none of `params` was given as a value.
            args = {k: v if id(v) in held else number_of(v) for k, v in args.items()}
            program.append(Call(node.func, args, node.jac is True))
        else:
            program.append((partial(evaluate_with, node, own),))
    return program


def evaluate_with(model: Any, given: Mapping[str, Any], params: Any) -> Any:
    """Evaluate a model by its own method."""
    return model.eval(params=params, **given)


def own_arguments(leaf: Any, given: Mapping[str, Any], contested: set[str]) -> Mapping[str, Any]:
    """What is given to a part of a model: without values of the parameters of other parts.

    Parameters
    ----------
    leaf : Model
    given : mapping
    contested : set of str
        What in `given` is the name of a parameter.
    """
    others = contested.difference(leaf.param_names) if contested else contested
    return {k: v for k, v in given.items() if k not in others} if others else given


def with_values(params: Any, given: Mapping[str, Any], prefix: str = "") -> Any:
    """Parameters whose expressions follow values that are given by name; they are copied for it.

    Parameters
    ----------
    params : Parameters, another mapping, or None
    given : mapping
    prefix : str
        What may be missing before the names.
    """
    if not isinstance(params, Parameters):
        return params
    values = {
        full: given[name] for name in given for full in {name, prefix + name} if full in params
    }
    if not values or not any(item.expr for item in params.values()):
        return params
    params = params.copy()
    for name, value in values.items():
        # The value counts as it is given, whatever the bounds.
        params[name].set(value=number_of(value), min=-math.inf, max=math.inf)
    return params


def contested_names(model: Any, given: Mapping[str, Any]) -> set[str]:
    """Which names in `given` are those of parameters."""
    return set(given).intersection(model.param_names) if given else set()


def rebuild(parts: list[Any]) -> CompositeModel:
    """Put a composite model together from what its pickle holds."""
    stack: list[Any] = []
    for part in parts:
        if isinstance(part, tuple):
            kind, own = part
            node = kind.__new__(kind)
            node.__dict__.update(own)
            node.right = stack.pop()
            node.left = stack.pop()
            stack.append(node)
        else:
            stack.append(part)
    made: CompositeModel = stack[0]
    return made
