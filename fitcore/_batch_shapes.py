"""Models made of line shapes, as one native model with derivatives."""

from __future__ import annotations

import inspect
import operator
from typing import Any, NamedTuple

from fitcore import lineshapes
from fitcore._lineshapes import FORMS, shape_number
from fitcore._model_eval import nodes_of
from fitcore._shape_program import OPERATIONS, ShapeProgram
from fitcore.model import CompositeModel, Model

__all__ = ["ShapeModel", "compile_model"]

_OPERATIONS = {
    operator.add: OPERATIONS["+"],
    operator.sub: OPERATIONS["-"],
    operator.mul: OPERATIONS["*"],
    operator.truediv: OPERATIONS["/"],
}
_SHAPES = {getattr(lineshapes, name): name for name in lineshapes.functions}
# Line shapes of which an argument `form` chooses one, and polynomials: their coefficients in order,
# the highest first where the degree is negative.
_FORMS = {"step": "step", "rectangle": "step", "thermal_distribution": "thermal"}
_POLYNOMIALS = {"linear": -1, "parabolic": -2}
# Of the Voigt functions it is by default that of sigma, and no parameter of the model then.
_GAMMA = "gamma"


class ShapeModel(NamedTuple):
    """A compiled model.

    Attributes
    ----------
    program : ShapeProgram
    names : tuple of str
        Its parameters, in order.
    variables : tuple of str
        Its independent variables, in order.
    defaults : dict of str to str
        Parameters that need not be there, and the ones whose values they then have.
    """

    program: ShapeProgram
    names: tuple[str, ...]
    variables: tuple[str, ...]
    defaults: dict[str, str]


class _Shape(NamedTuple):
    """A line shape: its number and form, and the names of its arguments."""

    number: int
    form: int
    variables: list[str]
    parameters: list[str]


def compile_model(model: Any) -> ShapeModel | None:
    """A model as line shapes and sums, products and quotients of them.

    Parameters
    ----------
    model : Model

    Returns
    -------
    ShapeModel or None
        None if there is something else in it.
    """
    tokens: list[tuple[int, ...]] = []
    names: list[str] = []
    variables: list[str] = []
    defaults: dict[str, str] = {}
    for node in nodes_of(model):
        if isinstance(node, CompositeModel):
            operation = _OPERATIONS.get(node.op)
            if operation is None or type(node).eval is not CompositeModel.eval:
                return None
            tokens.append((operation,))
            continue
        shape = _shape_of(node)
        if shape is None:
            return None
        variables += [name for name in shape.variables if name not in variables]
        rows = [variables.index(name) for name in shape.variables]
        names += [node.prefix + name for name in shape.parameters]
        if _GAMMA in shape.parameters and _GAMMA not in (node._param_root_names or ()):
            defaults[node.prefix + _GAMMA] = node.prefix + "sigma"
        tokens.append((0, shape.number, shape.form, len(shape.parameters), rows[0], rows[-1]))
    if len(set(names)) < len(names):
        return None
    try:
        return ShapeModel(ShapeProgram(tokens), tuple(names), tuple(variables), defaults)
    except ValueError:  # nested too deeply
        return None


def _shape_of(leaf: Any) -> _Shape | None:
    """The line shape that a model is, if it is one with all its parameters."""
    if type(leaf).eval is not Model.eval or type(leaf)._residual is not Model._residual:
        return None
    options = dict(leaf.opts)
    found = _polynomial_of(leaf)
    if found is None:
        name = _SHAPES.get(leaf.func)
        if name is None:
            return None
        arguments = list(inspect.signature(leaf.func).parameters)
        form = _POLYNOMIALS.get(name, 0)
        if name in _FORMS:
            arguments.remove("form")
            default = inspect.signature(leaf.func).parameters["form"].default
            form = FORMS[_FORMS[name]].get(options.pop("form", default), -1)
            if form < 0:
                return None
        count = 2 if name == "gaussian2d" else 1
        shape = "polynomial" if name in _POLYNOMIALS else name
        found = _Shape(shape_number(shape), form, arguments[:count], arguments[count:])
    variables = [name for name in leaf.independent_vars if name not in leaf.opts]
    roots = list(leaf._param_root_names or ())
    wanted = [name for name in found.parameters if name in roots or name != _GAMMA]
    return found if variables == found.variables and roots == wanted and not options else None


def _polynomial_of(leaf: Any) -> _Shape | None:
    """A constant or a polynomial of some degree, whose functions are no line shapes."""
    from fitcore.models import ConstantModel, PolynomialModel

    if type(leaf) is ConstantModel:
        degree, names = 0, ["c"]
    elif type(leaf) is PolynomialModel:
        degree = leaf.poly_degree
        names = [f"c{k}" for k in range(degree + 1)]
    else:
        return None
    return _Shape(shape_number("polynomial"), degree, ["x"], names)
