"""Models that the core evaluates itself: line shapes and arithmetic with them."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitcore import lineshapes
from fitcore._arrays import address
from fitcore._lineshapes import OPERATIONS, PLAN_DEPTH, make_plan, plan_address
from fitcore._model import unresolved_arguments
from fitcore._model_eval import (
    classes,
    contested_names,
    is_transparent,
    nodes_of,
    own_arguments,
)
from fitcore._native import NativeCall
from fitcore._shape_values import find_form
from fitcore.native import NativeFunction

if TYPE_CHECKING:
    from fitcore.model import Model
    from fitcore.parameter import Parameters

__all__ = ["compile_model", "compile_residual"]

Array = NDArray[np.float64]

COMBINE = {getattr(operator, name): number for name, number in OPERATIONS.items()}

# Which functions have forms, of which kind, and the form they have without that argument.
WITH_FORM = {
    "step": ("step", "linear"),
    "rectangle": ("step", "linear"),
    "thermal_distribution": ("thermal", "bose"),
}


@cache
def known() -> dict[Callable[..., Any], tuple[str, int, list[str]]]:
    """The functions that the core has: name and form there, and the parameters, in order."""
    from fitcore._curve_models import constant

    found: dict[Callable[..., Any], tuple[str, int, list[str]]] = {}
    found[constant] = "polynomial", 0, ["c"]
    for name in lineshapes.functions:
        function = getattr(lineshapes, name)
        roots = [p for p in inspect.signature(function).parameters if p not in ("x", "y", "form")]
        found[function] = name, 0, roots
    found[lineshapes.linear] = "polynomial", -1, ["slope", "intercept"]
    found[lineshapes.parabolic] = "polynomial", -2, ["a", "b", "c"]
    return found


@cache
def polynomials() -> Any:
    """The class of the functions that are polynomials."""
    from fitcore._curve_models import _Polynomial

    return _Polynomial


def shape_of(func: Any, args: Mapping[str, Any]) -> tuple[str, int, list[str]] | None:
    """Name, form and parameters of a function that the core has; None for another one."""
    if type(func) is polynomials():
        return "polynomial", func.degree, [f"c{k}" for k in range(func.degree + 1)]
    try:
        entry = known().get(func)
    except TypeError:  # not hashable
        return None
    if entry is not None and entry[0] in WITH_FORM:
        name, _, roots = entry
        kind, usual = WITH_FORM[name]
        number = find_form(kind, args.get("form", usual))
        return None if number is None else (name, number, roots)
    return entry


class Plan:
    """A program for the core, as it is being put together."""

    def __init__(self) -> None:
        self.instructions: list[Any] = []
        self.names: list[str] = []
        self.rows: list[Any] = []
        self.depth = 0

    def row(self, value: Any) -> int:
        """The row of an independent variable."""
        for place, item in enumerate(self.rows):
            if item is value:
                return place
        self.rows.append(value)
        return len(self.rows) - 1

    def add(self, func: Any, args: Mapping[str, Any], held: set[int]) -> bool:
        """Add a shape; whether the core has it, and its parameters are free ones."""
        found = shape_of(func, args)
        if found is None or "x" not in args:
            return False
        name, form, roots = found
        items = [args.get(root) for root in roots]
        if any(id(item) not in held for item in items):
            return False
        row = self.row(args["x"])
        other = self.row(args.get("y", 0.0)) if name == "gaussian2d" else row
        self.instructions.append((name, form, row, other, len(self.names)))
        self.names += [item.name for item in items if item is not None]
        self.depth += 1
        return self.depth <= PLAN_DEPTH

    def combine(self, op: Any) -> bool:
        """Add an operation on the last two values; whether the core has it."""
        number = COMBINE.get(op)
        if number is None:
            return False
        self.instructions.append(number)
        self.depth -= 1
        return True


def compile_model(
    model: Model, params: Parameters, given: Mapping[str, Any], size: int
) -> tuple[NativeFunction, Array] | None:
    """Make a native function of a model, if the core has all of its parts.

    Parameters
    ----------
    model : Model
    params : Parameters
        Those of a fit.
    given : mapping
        Independent variables and options.
    size : int
        Number of data points.

    Returns
    -------
    function : NativeFunction
        Of kind 'model', with derivatives, and the names of its parameters.
    x : ndarray, shape (nx, size)
        The points to call it with.

    None for a model with another function or operation, with a value in the place of a parameter,
    or with independent variables that are no arrays of real numbers, one for each data point.
    """
    plain = classes()[0]
    if type(model)._residual is not plain._residual:
        return None
    held = {id(item) for item in params.values()}
    contested = contested_names(model, given)
    plan = Plan()
    for node in nodes_of(model, is_transparent):
        if is_transparent(node):
            if not plan.combine(node.op):
                return None
            continue
        kind = type(node)
        if kind.eval is not plain.eval or kind.make_funcargs is not plain.make_funcargs:
            return None
        own = given if node is model else own_arguments(node, given, contested)
        if not plan.add(node.func, unresolved_arguments(node, params, own), held):
            return None
    if len(set(plan.names)) < len(plan.names):
        return None
    x = np.empty((len(plan.rows), size))
    for row, value in zip(x, plan.rows, strict=True):
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or array.shape not in ((size,), ()):
            return None
        row[:] = array
    code = make_plan(plan.instructions, len(x))
    # without the search for what kind of pointer it is, which takes as long as all the rest
    function = NativeFunction.__new__(NativeFunction)
    NativeCall.__init__(
        function, "model", plan_address(), address(code), None, True, tuple(plan.names), code
    )
    return function, x


def compile_residual(
    model: Model, params: Parameters, data: Any, weights: Any, given: Mapping[str, Any]
) -> NativeFunction | None:
    """Make a native function of the residuals, ``(data - model) * weights``, if that can be done.

    Parameters
    ----------
    model, params, given
        As for :func:`compile_model`.
    data : array_like
        As a fit takes them: for real numbers, shape (m,).
    weights : array_like or None
        One real number, or one for each data point.

    Returns
    -------
    NativeFunction or None
    """
    if not is_real(data) or data.ndim != 1 or data.size == 0:
        return None
    if any(shape_of(leaf.func, {}) is None for leaf in model._leaves()):
        return None  # as with most functions of users, found out before anything is made
    factors = np.asarray(1.0 if weights is None else weights)
    if not is_real(factors) or factors.shape not in ((), data.shape):
        return None
    found = compile_model(model, params, given, data.size)
    if found is None:
        return None
    function, x = found
    made = function._with_data(
        x, np.ascontiguousarray(data), np.broadcast_to(-factors, data.shape).copy(), len(x),
        function.names,
    )  # fmt: skip
    made.model = model
    return made


def is_real(value: Any) -> bool:
    """Whether a value is an array of doubles."""
    return type(value) is np.ndarray and value.dtype == np.float64
