"""Jacobians of models whose functions have derivatives."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._compiled_model import shape_of
from fitcore._lineshapes import derivatives
from fitcore._model_data import coerce_arraylike
from fitcore._model_eval import classes, nodes_of

if TYPE_CHECKING:
    from fitcore.model import Model
    from fitcore.parameter import Parameters

__all__ = ["has_jacobian", "has_own_jacobian", "model_jacobian", "residual_jacobian", "transposed"]

# How derivatives by parameters of the left and of the right side follow from both values.
RULES: dict[Any, Callable[[Any, Any], tuple[Any, Any]]] = {
    operator.add: lambda _left, _right: (1, 1),
    operator.sub: lambda _left, _right: (1, -1),
    operator.mul: lambda left, right: (right, left),
    operator.truediv: lambda left, right: (1 / right, -left / right**2),
}


def has_jacobian(model: Model, given: Mapping[str, Any]) -> bool:
    """Whether derivatives by all parameters of a model are known, at what is given.

    Those of line shapes are known at real points.
    """
    plain, composite = classes()
    real = not any(np.iscomplexobj(value) for value in given.values())
    for node in nodes_of(model):
        if isinstance(node, composite):
            if node.op not in RULES or type(node).eval is not composite.eval:
                return False
        elif type(node).eval is not plain.eval or (
            node.jac is None and not (real and is_shape(node))
        ):
            return False
    return type(model)._residual is plain._residual


def has_own_jacobian(model: Model) -> bool:
    """Whether the user has given derivatives of a model, or of a part of it."""
    return any(leaf.jac is not None for leaf in model._leaves())


def is_shape(leaf: Model) -> bool:
    """Whether the core has the function of a model, and takes all of its parameters."""
    found = shape_of(leaf.func, leaf.opts)
    return found is not None and set(found[2]) == set(leaf._param_root_names or ())


def shape_jacobian(leaf: Model, args: dict[str, Any]) -> dict[str, Any]:
    """Derivatives of a line shape by its parameters, by their full names."""
    name, form, roots = shape_of(leaf.func, args) or ("", 0, [])
    values = tuple(args[root] for root in roots)
    other = args.get("y", 0.0) if name == "gaussian2d" else None
    x = args["x"]
    if np.iscomplexobj(x) and not np.imag(x).any():  # as the values, see `_shape_values`
        x = np.real(x)
    rows = derivatives(name, form, x, values, other)[1]
    return {leaf.prefix + root: row for root, row in zip(roots, rows, strict=True)}


def leaf_jacobian(leaf: Model, args: dict[str, Any], value: Any) -> dict[str, Any]:
    """Derivatives of one function by its parameters, by their full names."""
    roots = leaf._param_root_names or []
    given = leaf.func(**args)[1] if leaf.jac is True else leaf.jac(**args)
    who = f"the jac of {leaf.name}"
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in roots]
        if unknown:
            raise ValueError(
                f"{who} has derivatives by {', '.join(map(repr, unknown))}; its parameters are "
                f"{', '.join(roots)}"
            )
        found = {name: coerce_arraylike(given[name]) for name in given}
    else:
        rows = coerce_arraylike(given)
        if np.ndim(rows) < 1 or len(rows) != len(roots):
            raise ValueError(
                f"{who} must return a derivative for each of its {len(roots)} parameters, "
                f"{', '.join(roots)}: an array with that first axis, or a dict; got an array of "
                f"the shape {np.shape(rows)}"
            )
        found = dict(zip(roots, rows, strict=True))
    for name, column in found.items():
        array = np.asarray(column)
        if array.dtype.kind not in "fciub":
            raise TypeError(f"{who}: the derivative by {name} must be numbers, got {column!r:.80}")
        if array.ndim and array.shape != np.shape(value) and np.ndim(value):
            raise ValueError(
                f"{who}: the derivative by {name} has the shape {array.shape}, that of the model "
                f"is {np.shape(value)}"
            )
    return {leaf.prefix + name: column for name, column in found.items()}


def model_jacobian(
    model: Model, params: Parameters, given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Value of a model, and its derivatives by those parameters that matter.

    Parameters
    ----------
    model : Model
        See :func:`has_jacobian`.
    params : Parameters
    given : mapping
        Independent variables and options.

    Returns
    -------
    value : ndarray
    derivatives : dict of str to ndarray
        By names of parameters; those that are missing are zero.
    """
    from fitcore.model import CompositeModel

    stack: list[tuple[Any, dict[str, Any]]] = []
    for node in nodes_of(model):
        if isinstance(node, CompositeModel):
            right, by_right = stack.pop()
            left, by_left = stack.pop()
            of_left, of_right = RULES[node.op](left, right)
            parts = {name: of_left * column for name, column in by_left.items()}
            parts |= {name: of_right * column for name, column in by_right.items()}
            stack.append((node.op(left, right), parts))
        else:
            args = node.make_funcargs(params, given)
            value = node.eval(params, **given)
            parts = (
                shape_jacobian(node, args) if node.jac is None else leaf_jacobian(node, args, value)
            )
            stack.append((value, parts))
    return stack[0]


def residual_jacobian(model: Model, names: list[str]) -> Callable[..., Any]:
    """Make the Jacobian of the residuals of a model by the variables of a fit.

    Parameters
    ----------
    model : Model
    names : list of str
        The variables.

    Returns
    -------
    callable
        ``jac(params, data, weights, **given)``, shape (len(names), N). Complex residuals count as
        pairs of numbers. Its attribute `columns` says as how many evaluations a call counts: each
        column as one, as of differences, unless the user has given derivatives.
    """

    def jacobian(params: Parameters, data: Any, weights: Any, **given: Any) -> Any:
        value, parts = model_jacobian(model, params, given)
        shape = np.shape(data)
        complexes = np.iscomplexobj(data) or np.iscomplexobj(value)
        kind = np.complex128 if complexes else np.float64
        rows = np.zeros((len(names), *shape), dtype=kind)
        place = {name: i for i, name in enumerate(names)}
        derived = {name for name in parts if name not in place and params[name].expr}
        chain = params._expression_jacobian(names) if derived else {}
        for name, column in parts.items():
            if name in place:
                rows[place[name]] -= column
            elif name in derived:
                for i, slope in enumerate(chain[name]):
                    if slope != 0:
                        rows[i] -= slope * column
        if weights is not None:
            if np.iscomplexobj(weights) and complexes:
                rows = rows.real * np.real(weights) + 1j * (rows.imag * np.imag(weights))
            else:
                rows = rows * weights
        rows = rows.reshape(len(names), -1)
        return rows.view(np.float64) if complexes else rows

    jacobian.columns = 0 if has_own_jacobian(model) else len(names)  # type: ignore[attr-defined]
    return jacobian


def transposed(jacobian: Callable[..., Any]) -> Callable[..., Any]:
    """A Jacobian of :func:`residual_jacobian` with a row for each residual."""

    def turned(*args: Any, **kws: Any) -> Any:
        return jacobian(*args, **kws).T

    turned.columns = jacobian.columns  # type: ignore[attr-defined]
    return turned
