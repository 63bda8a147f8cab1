"""Models and parameters from the words of a command line."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitcore import models
from fitcore._model_eval import combines, nodes_of
from fitcore.model import Model
from fitcore.parameter import Parameters

__all__ = ["Changes", "WordsError", "builtin_names", "read_changes", "read_model", "start"]

OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
# What a file of numbers and an x cannot have.
LEFT_OUT = {"Expression", "Complex Constant", "Gaussian-2D"}
BACKGROUNDS = (
    models.ConstantModel, models.LinearModel, models.QuadraticModel, models.PolynomialModel,
)  # fmt: skip

PEAKS = ("fitcore._peak_models", "fitcore._asymmetric_models")


class WordsError(Exception):
    """Words that cannot be understood; its text says what is wanted."""


class Changes(NamedTuple):
    """What the options say of one parameter.

    Attributes
    ----------
    value, low, high : float or None
        None where nothing is said.
    vary : bool
    expr : str or None
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    vary: bool = True
    expr: str | None = None


def plain(name: str) -> str:
    """A name of a model without what tells spellings apart."""
    return "".join(c for c in name.lower() if c.isalnum()).removesuffix("model")


def builtin() -> dict[str, type[Model]]:
    """The built-in models by each of their names."""
    found: dict[str, type[Model]] = {}
    for name, cls in models.lmfit_models.items():
        if name not in LEFT_OUT:
            found[plain(cls.__name__)] = found[plain(name)] = cls
    return found


def builtin_names() -> list[str]:
    """The names of the built-in models as they are to be written, one for each."""
    return [
        plain(cls.__name__)
        for name, cls in models.lmfit_models.items()
        if name not in LEFT_OUT
    ]  # fmt: skip


def read_model(text: str, variables: Sequence[str]) -> Model:
    """The model that a text states.

    Parameters
    ----------
    text : str
        Built-in models by name, joined by ``+ - * /``, each with a prefix and options in
        parentheses if need be: ``gaussian(a_) + polynomial(degree=2)``. Or else an expression of
        the variables, for `fitcore.models.ExpressionModel`.
    variables : sequence of str
        Names of the independent variables.

    Returns
    -------
    Model

    Raises
    ------
    WordsError
        If it is neither.
    """
    known = builtin()
    try:
        tree: ast.expr | None = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None  # what is wrong with it, asteval says
    if tree is not None and _is_builtin(tree, known, variables):
        try:
            return _build(tree, known)
        except NameError as exc:
            raise WordsError(
                f"model {text!r}: {str(exc).strip()} Give prefixes: gaussian(a_) + gaussian(b_)"
            ) from exc
        except (TypeError, ValueError) as exc:
            raise WordsError(f"model {text!r}: {exc}") from exc
    try:
        return models.ExpressionModel(text, independent_vars=list(variables))
    except (SyntaxError, NameError, ValueError, TypeError, RecursionError) as exc:
        if isinstance(tree, ast.Name):
            near = difflib.get_close_matches(plain(tree.id), known, 1)
            raise WordsError(
                f"there is no built-in model {text!r}"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + f" There are {', '.join(builtin_names())}; or give an expression of "
                f"{', '.join(variables)}, such as 'a*exp(-x/tau) + c'"
            ) from exc
        raise WordsError(f"model {text!r}: {str(exc).strip()}") from exc


def _is_builtin(tree: ast.expr, known: dict[str, type[Model]], variables: Sequence[str]) -> bool:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            stack += [node.left, node.right]
            continue
        if isinstance(node, ast.Call):
            one = len(node.args) == 1 and isinstance(node.args[0], ast.Name)
            if node.args and not (one and ast.unparse(node.args[0]) not in variables):
                return False
            node = node.func
        if not isinstance(node, ast.Name) or plain(node.id) not in known:
            return False
    return True


def _build(node: ast.expr, known: dict[str, type[Model]]) -> Model:
    if isinstance(node, ast.BinOp):
        combined: Model = OPERATORS[type(node.op)](
            _build(node.left, known), _build(node.right, known)
        )
        return combined
    options: dict[str, Any] = {}
    if isinstance(node, ast.Call):
        if node.args:
            options["prefix"] = ast.unparse(node.args[0])
        for keyword in node.keywords:
            try:
                options[str(keyword.arg)] = ast.literal_eval(keyword.value)
            except ValueError as exc:
                raise ValueError(
                    f"{keyword.arg} must be a number, a list or a string in quotes, got "
                    f"{ast.unparse(keyword.value)!r:.60}"
                ) from exc
        node = node.func
    assert isinstance(node, ast.Name)
    made: Model = known[plain(node.id)](**options)
    return made


def read_changes(
    params: Sequence[str], fixed: Sequence[str], expressions: Sequence[str]
) -> dict[str, Changes]:
    """What the options say of parameters.

    Parameters
    ----------
    params : sequence of str
        ``NAME=VALUE``, ``NAME=VALUE:MIN`` or ``NAME=VALUE:MIN:MAX``; what is empty is not said.
    fixed : sequence of str
        ``NAME`` or ``NAME=VALUE``.
    expressions : sequence of str
        ``NAME=EXPRESSION``.

    Returns
    -------
    dict of str to Changes

    Raises
    ------
    WordsError
    """
    found: dict[str, Changes] = {}
    for text in params:
        name, parts = _cut(text, "--param", "NAME=VALUE[:MIN[:MAX]]")
        fields = parts.split(":")
        if len(fields) > 3:
            raise WordsError(f"--param must be NAME=VALUE[:MIN[:MAX]], got {text!r:.80}")
        numbers = [_number(field, f"--param {text}") for field in fields]
        value, low, high = (*numbers, None, None)[:3]
        if low is not None and high is not None and not low < high:
            raise WordsError(f"--param {text}: MIN must be less than MAX")
        found[name] = Changes(value, low, high)
    for text in fixed:
        name, equal, field = text.partition("=")
        value = _number(field, f"--fix {text}") if equal else None
        before = found.get(name.strip(), Changes())
        found[name.strip()] = before._replace(
            vary=False, value=before.value if value is None else value
        )
    for text in expressions:
        name, expr = _cut(text, "--expr", "NAME=EXPRESSION")
        found[name] = Changes(expr=expr)
    return found


def _cut(text: str, option: str, wanted: str) -> tuple[str, str]:
    name, equal, rest = text.partition("=")
    if not equal or not name.strip().isidentifier():
        raise WordsError(f"{option} must be {wanted}, got {text!r:.80}")
    return name.strip(), rest.strip()


def _number(text: str, where: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise WordsError(f"{where}: {text.strip()!r:.60} is not a number")
    return value


def start(
    model: Model,
    changes: dict[str, Changes],
    y: NDArray[np.float64],
    given: dict[str, NDArray[np.float64]],
) -> Parameters:
    """The parameters with which a fit starts.

    Values that no option gives are guessed from the data, if the model can.

    Parameters
    ----------
    model : Model
    changes : dict of str to Changes
        By names of parameters.
    y : ndarray, shape (n,)
    given : dict of str to ndarray
        Independent variables.

    Returns
    -------
    fitcore.Parameters

    Raises
    ------
    WordsError
        If a name is none of the model's, or a value is missing and cannot be guessed.
    """
    params = model.make_params()
    lost = [
        name
        for name, change in changes.items()
        if name not in params and change.expr is None
    ]  # fmt: skip
    if lost:
        raise WordsError(
            f"the model has no parameter {lost[0]!r}; it has {', '.join(params) or 'none'}"
        )
    open_ = [
        name
        for name in model.param_names
        if (name not in changes and params[name].expr is None)
        or (name in changes and changes[name].value is None and changes[name].expr is None)
    ]
    if open_ and not isinstance(model, models.ExpressionModel):
        _guess(model, params, y, given)
    for name, change in changes.items():
        settings: dict[str, Any] = {
            "value": change.value, "min": change.low, "max": change.high,
            "vary": change.vary, "expr": change.expr,
        }  # fmt: skip
        if change.expr is not None:
            settings = {"expr": change.expr}
        elif name in params and params[name].expr is not None:
            settings["expr"] = ""  # a value in place of the model's own expression
        settings = {key: value for key, value in settings.items() if value is not None}
        try:
            if name in params:
                params[name].set(**settings)
            else:
                params.add(name, **settings)
        except (ValueError, TypeError, SyntaxError, NameError, KeyError) as exc:
            raise WordsError(f"parameter {name}: {str(exc).strip()}") from exc
    empty = [
        name
        for name, item in params.items()
        if item.expr is None and not math.isfinite(item._value_or_last())
    ]
    if empty:
        raise WordsError(
            f"no start is known for {', '.join(empty)}: give "
            + " ".join(f"--param {name}=VALUE" for name in empty)
        )
    return params


def _guess(
    model: Model,
    params: Parameters,
    y: NDArray[np.float64],
    given: dict[str, NDArray[np.float64]],
) -> None:
    """Guess the parts of a sum one after another, each from what the others leave of the data."""
    if any(combines(node) and node.op is not operator.add for node in nodes_of(model)):
        return  # products and the like keep the values that the models have by themselves
    left = y.copy()
    # Backgrounds from the points that peaks are not on; the peaks from what is above them.
    leaves = sorted(model.components, key=lambda leaf: not isinstance(leaf, BACKGROUNDS))
    several = len(leaves) > 1
    for leaf in leaves:
        x = given[leaf.independent_vars[0]]
        where = np.ones(len(x), bool)
        if several and isinstance(leaf, BACKGROUNDS):
            where = _base(x)
        elif several and type(leaf).__module__ in PEAKS:
            where = _around_top(x, left)
        try:
            found = leaf.guess(left[where], x[where])
        except (NotImplementedError, ValueError, TypeError, IndexError, ZeroDivisionError,
                np.linalg.LinAlgError):  # fmt: skip
            continue  # the values that the model has by itself
        for name in leaf.param_names:
            if name in found and found[name].expr is None:
                params[name].set(value=found[name].value)
        if several:
            left = left - leaf.eval(found, **{leaf.independent_vars[0]: x})


def _base(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The tenth of the points at each end, in the order of x, and at least two."""
    order = np.argsort(x)
    count = min(len(x), max(2, len(x) // 10))
    where = np.zeros(len(x), bool)
    where[order[:count]] = where[order[-count:]] = True
    return where


def _around_top(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The points around the highest one: where it is above half of it, and as much on each side."""
    order = np.argsort(x)
    heights = y[order]
    top = int(np.argmax(heights))
    low = np.flatnonzero(heights[:top] < heights[top] / 2)
    high = np.flatnonzero(heights[top:] < heights[top] / 2)
    begin = int(low[-1]) if low.size else 0
    end = top + int(high[0]) if high.size else len(x) - 1
    width = max(end - begin, 2)
    where = np.zeros(len(x), bool)
    where[order[max(begin - width, 0) : end + width + 1]] = True
    return where
