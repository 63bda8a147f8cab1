"""Expressions between parameters: parsing, order of evaluation, compilation, and asteval.

asteval decides what is legal and what it means. What nearly all expressions consist of - numbers,
parameter names, arithmetic, comparisons, ``a if c else b``, the functions of real numbers - is
compiled once to a program over doubles that gives the same bits; the rest, and whatever the
program cannot do (a division by zero, a complex root), is evaluated by asteval.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fitcore._expression import SCALED_ERFC, SPECIAL, Program, log_gamma, special
from fitcore._expression_compiler import compile_tree
from fitcore._extras import extra
from fitcore._parameter import Constraint

if TYPE_CHECKING:
    from fitcore._safe_interpreter import SafeInterpreter
    from fitcore.parameter import Parameters

__all__ = ["Expression", "compile_expression", "evaluate", "jacobian", "make_interpreter",
           "parse", "resolve"]  # fmt: skip
__dir__ = __all__.copy


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    """Names it reads, each once, in order of appearance; not those that it binds itself."""
    binds: bool = False
    """Whether it binds any: in a comprehension or a lambda."""


def parse(text: str, name: str | None = None) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text : str
        Python expression.
    name : str, optional
        The parameter it belongs to, for messages.

    Raises
    ------
    SyntaxError
        Naming the parameter and showing the place.
    TypeError
        ``text`` is not a string.

    Examples
    --------
    >>> parse("2*sigma/(1 + sigma)").names
    ('sigma',)
    """
    owner = "expression" if name is None else f"parameter {name!r}"
    if not isinstance(text, str):
        raise TypeError(f"{owner}: expr must be a string, not {text!r}")
    try:
        return _parse(text.strip())
    except SyntaxError as error:
        line = text.strip().splitlines()[(error.lineno or 1) - 1] if text.strip() else ""
        place = max((error.offset or 1) - 1, 0)
        start = max(place - 60, 0)
        shown = line[start : start + 72]
        message = f"{owner}: {error.msg} in expr\n    {shown}\n    {' ' * (place - start)}^"
        raise SyntaxError(message) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise SyntaxError(f"{owner}: expr {_short(text)} cannot be parsed: {error}") from None


_LONGEST = 50_000  # asteval's limit


def _short(thing: Any) -> str:
    """``repr`` of it, of at most 60 characters."""
    try:
        shown = repr(thing)
    except ValueError:  # Python writes integers of 4300 digits only
        shown = "a huge number"
    return shown if len(shown) <= 60 else shown[:57] + "..."


@lru_cache(maxsize=4096)
def _parse(text: str) -> Expression:
    if len(text) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST} characters")
    tree = ast.parse(text, mode="eval").body
    read = []
    bound = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read.append((node.lineno, node.col_offset, node.id))
            else:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    names = dict.fromkeys(name for _, _, name in sorted(read) if name not in bound)
    return Expression(text, tree, tuple(names), bool(bound))


@lru_cache(maxsize=4096)
def compile_expression(
    text: str, parameters: frozenset[str], shadowed: frozenset[str] = frozenset()
) -> tuple[Program | None, tuple[str, ...]]:
    """Compile an expression to a program over doubles.

    Parameters
    ----------
    text : str
        An expression that `parse` accepts.
    parameters : frozenset of str
        The names in it that are parameters.
    shadowed : frozenset of str
        The other names in it that mean something else than in a fresh asteval Interpreter.

    Returns
    -------
    program : Program or None
        None when asteval has to evaluate it.
    inputs : tuple of str
        The parameters it reads, in the order of the program's slots.

    Examples
    --------
    >>> program, inputs = compile_expression("2*a + b", frozenset("ab"))
    >>> inputs, program([1.0, 3.0])
    (('a', 'b'), 5.0)
    """
    expression = _parse(text)
    inputs = tuple(name for name in expression.names if name in parameters)
    return compile_tree(expression.tree, inputs, shadowed), inputs


def resolve(params: Parameters) -> list[Constraint]:
    """How to evaluate the expressions of ``params``, each after what it depends on.

    Expressions that refer to each other in a circle, or to one that does, raise ValueError with
    the circle when they are evaluated.
    """
    pairs = [(name, par._get_expr()) for name, par in params.items()]
    texts = tuple([pair for pair in pairs if pair[1] is not None])
    if not texts:
        return []
    known = frozenset(params._user_symbols())
    constraints: dict[str, Constraint] = {}
    for name, program, inputs, before, circle in _structure(texts, tuple(params), known):
        constraints[name] = Constraint(
            params[name], program, tuple([params[n] for n in inputs]),
            tuple([constraints[n] for n in before]), partial(evaluate_parameter, params, name),
            ValueError(circle) if circle else None,
        )  # fmt: skip
    return list(constraints.values())


# What becomes one Constraint: the name, program, inputs, names of those to be evaluated before, and
# the complaint about a circle, or ''.
Step = tuple[str, "Program | None", tuple[str, ...], tuple[str, ...], str]


# A fit of a model copies its parameters several times: the copies share this.
@lru_cache(maxsize=256)
def _structure(
    texts: tuple[tuple[str, str], ...], members: tuple[str, ...], known: frozenset[str]
) -> list[Step]:
    """The expressions in order of evaluation.

    Parameters
    ----------
    texts : tuple of (name, expression)
    members : tuple of str
        All parameters.
    known : frozenset of str
        What the user has added to the symbols of asteval, or changed.
    """
    parameters = frozenset(members)
    sources: dict[str, tuple[Program | None, tuple[str, ...]]] = {}
    for name, text in texts:
        names = parse(text, name).names
        sources[name] = compile_expression(
            text,
            frozenset(n for n in names if n in parameters),
            frozenset(n for n in names if n in known and n not in parameters),
        )
    depends = {name: [n for n in inputs if n in sources] for name, (_, inputs) in sources.items()}
    order, circle = _order(depends)
    before: dict[str, dict[str, None]] = {}
    for name in order:
        before[name] = {}
        for direct in depends[name]:
            before[name] |= before[direct]
            before[name][direct] = None
    steps: list[Step] = [(name, *sources[name], tuple(before[name]), "") for name in order]
    for name, _ in texts:
        if name not in before:
            shown = f"parameter {name!r}: expressions form a circle: {' -> '.join(circle)}"
            steps.append((name, None, (), (), shown))
    return steps


def _order(depends: Mapping[str, Iterable[str]]) -> tuple[list[str], list[str]]:
    """Names after all they depend on, and one circle among the rest (first name repeated)."""
    waiting = {name: set(needed) for name, needed in depends.items()}
    users: dict[str, list[str]] = {name: [] for name in depends}
    for name, needed in waiting.items():
        for other in needed:
            users[other].append(name)
    ready = [name for name, needed in waiting.items() if not needed]
    order = []
    while ready:
        name = ready.pop(0)
        order.append(name)
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)
    left = {name: needed for name, needed in waiting.items() if needed}
    if not left:
        return order, []
    # Every name that is left waits for another such name: following these must come round.
    path = [next(iter(left))]
    while True:
        following = next(n for n in depends[path[-1]] if n in left)
        if following in path:
            return order, [*path[path.index(following) :], following]
        path.append(following)


# ----------------------------------------------------------------------------------- asteval


def make_interpreter(symbols: Mapping[str, Any]) -> tuple[SafeInterpreter, dict[str, Any]]:
    """An asteval Interpreter with ``symbols``, and what its symbol table held before them.

    It cannot open files; parameters' expressions are evaluated within limits of time and memory.

    As in lmfit it also knows ``erf``, ``erfc``, ``gamfcn``, ``loggammafcn``, ``betalnfnc`` and
    ``wofz``; for arrays, and ``wofz`` off the imaginary axis, they need SciPy.
    """
    from fitcore._safe_interpreter import SafeInterpreter

    interpreter = SafeInterpreter()
    interpreter.symtable.update(_SPECIAL)
    fresh = dict(interpreter.symtable)
    interpreter.symtable.update(symbols)
    return interpreter, fresh


def _special(scipy_name: str, core: Callable[..., Any]) -> Callable[..., Any]:
    """A special function: the core's, or where that gives NaN, and for arrays, SciPy's."""

    def function(*args: Any) -> Any:
        if all(isinstance(x, int | float | complex | np.number) for x in args):
            try:
                value = core(*args)
            except (TypeError, OverflowError):
                value = np.nan
            if not np.isnan(value) or any(np.isnan(x) for x in args):
                return value
        theirs = extra("scipy.special", f"{scipy_name} of this argument")
        return getattr(theirs, scipy_name)(*args)

    function.__name__ = scipy_name
    return function


def _log_gamma(z: complex) -> Any:
    if isinstance(z, complex | np.complexfloating):
        return log_gamma(z.real, z.imag) if z.real > 0.0 else np.nan
    return special(SPECIAL["loggammafcn"], z)


def _faddeeva(z: complex) -> Any:
    # On the imaginary axis it is real.
    return np.complex128(special(SCALED_ERFC, z.imag)) if z.real == 0.0 else np.nan


_SPECIAL: dict[str, Callable[..., Any]] = {
    "erf": _special("erf", partial(special, SPECIAL["erf"])),
    "erfc": _special("erfc", partial(special, SPECIAL["erfc"])),
    "gamfcn": _special("gamma", partial(special, SPECIAL["gamfcn"])),
    "loggammafcn": _special("loggamma", _log_gamma),
    "betalnfnc": _special("betaln", partial(special, SPECIAL["betalnfnc"])),
    "wofz": _special("wofz", _faddeeva),
}


def evaluate(
    interpreter: SafeInterpreter,
    text: str,
    what: str,
    parsed: Expression | None = None,
    more_steps: float = 0.0,
) -> Any:
    """Evaluate ``text`` by asteval; what it raises, it raises here, with ``what`` in the message.

    Nothing is printed. ``text`` that is ``parsed`` is evaluated within the limits of time and
    memory for expressions, and `more_steps` than others have.
    """
    users, interpreter.error = interpreter.error, []  # errors of what the user has run in it
    try:
        if parsed is not None:
            value = interpreter.limited(parsed.tree, text, parsed.binds, more_steps)
        else:
            value = interpreter.eval(text, show_errors=False, raise_errors=False)
        found = interpreter.error
    except RecursionError:
        raise RecursionError(f"{what}: nested too deeply") from None
    finally:
        interpreter.error = users
    if not found:
        return value
    holder = found[0]
    message = f"{what}: {holder.msg}"
    raise _error(holder.exc, message)


def _error(kind: type[Exception], message: str) -> Exception:
    """An exception of ``kind``, or of its nearest base that takes just a message."""
    for base in kind.__mro__:
        try:
            return cast(Exception, base(message))
        except TypeError:
            continue
    return RuntimeError(message)


def evaluate_parameter(params: Parameters, name: str) -> float:
    """The value of the expression of parameter ``name`` by asteval, from values as they are."""
    text = str(params[name].expr).strip()
    what = f"parameter {name!r}: expr {_short(text)}"
    value = evaluate(params._interpreter(), text, what, _parse(text))
    return _as_float(value, name, text)


def _as_float(value: Any, name: str, text: str) -> float:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise OverflowError(f"parameter {name!r}: expr {_short(text)}: {error}") from None
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "fiub":
        return float(value)
    if value is None:  # also where its own stack of calls overflows
        why = "asteval gives None, for a statement or too deep a nesting"
    else:
        why = f"it must give a real number, not {_short(value)} ({type(value).__name__})"
    raise TypeError(f"parameter {name!r}: expr {_short(text)}: {why}")


# ------------------------------------------------------------------------------- derivatives

# Near the cube root of the precision, a central difference loses least.
_STEP = float(np.finfo(float).eps) ** (1.0 / 3.0)


def jacobian(params: Parameters, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Derivatives of every expression parameter by the parameters ``names``.

    Exact where the expression is compiled, by central differences where asteval evaluates it.
    Zero where a bound holds the value.

    Returns
    -------
    dict of str to ndarray, shape (len(names),)
        In units of the parameter over those of each of ``names``.
    """
    columns = {name: j for j, name in enumerate(names)}
    for name in columns:
        if name not in params:
            raise KeyError(f"names: {name!r} is no parameter")
        if params[name].expr is not None:
            raise ValueError(f"names: {name!r} is an expression, {params[name].expr!r}")
    params.update_constraints()
    found: dict[str, NDArray[np.float64]] = {}
    for constraint in params._constraints():
        target = constraint.target
        row = np.zeros(len(columns))
        partials = constraint.partials()
        inputs = [str(source.name) for source in constraint.inputs]
        for k, source in enumerate(inputs):
            if source not in columns and source not in found:
                continue
            if partials is None:
                partial_k = _difference(params, str(target.name), source)
            else:
                partial_k = partials[k]
            if source in columns:
                row[columns[source]] += partial_k
            else:
                row += partial_k * found[source]
        found[str(target.name)] = row
    return found


def _difference(params: Parameters, name: str, source: str) -> float:
    """Central difference of the expression of ``name`` by parameter ``source``."""
    text = str(params[name].expr).strip()
    parsed = _parse(text)
    interpreter = params._interpreter()
    x = float(interpreter.symtable[source])
    h = _STEP * (abs(x) or 1.0)
    ends = []
    try:
        for point in (x - h, x + h):
            interpreter.symtable[source] = point
            what = f"parameter {name!r}: derivative of expr {_short(text)} by {source!r}"
            ends.append((point, _as_float(evaluate(interpreter, text, what, parsed), name, text)))
    finally:
        interpreter.symtable[source] = x
    low, high = params[name].min, params[name].max
    clipped = [(point, min(max(value, low), high)) for point, value in ends]
    return float((clipped[1][1] - clipped[0][1]) / (clipped[1][0] - clipped[0][0]))
