"""Compiler from an expression's syntax tree to a program over doubles.

Where the program and asteval could differ - an integer too large, a bool of numpy's in arithmetic,
a name that means something else - nothing is compiled, and asteval evaluates the expression.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fitcore._expression import (
    BINARY,
    CODES,
    MAX_DEPTH,
    MAX_SLOTS,
    PREDICATES,
    REAL_LOG_GAMMA,
    SCALED_ERFC,
    SPECIAL,
    UNARY,
    Program,
)

__all__ = ["CONSTANTS", "FUNCTIONS", "compile_tree"]

# asteval's name of each compiled function, and numpy's where it is another.
_ALIASES = {
    "abs": "absolute", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh",
    "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "deg2rad": "radians",
    "rad2deg": "degrees",
}  # fmt: skip
_TABLES = ((UNARY, 1, "CALL1"), (BINARY, 2, "CALL2"), (PREDICATES, 1, "TEST1"))


def _functions() -> dict[str, tuple[int, str, int]]:
    found = {
        name: (arity, code, index)
        for table, arity, code in _TABLES
        for name, index in table.items()
        if name != "absolute"  # asteval knows it as abs only
    }
    for alias, name in _ALIASES.items():
        for table, arity, code in _TABLES:
            if name in table:
                found[alias] = (arity, code, table[name])
    return found


#: Compiled functions by asteval's name: number of arguments, operation, index.
FUNCTIONS = _functions()
# What `expression` adds to asteval's functions.
_SPECIAL = {
    name: (2, "CALL2", index) if name == "betalnfnc" else (1, "CALL1", index)
    for name, index in SPECIAL.items()
}
#: Names that asteval binds to numbers.
CONSTANTS = {"e": math.e, "pi": math.pi, "inf": math.inf, "nan": math.nan}
# Of integers these give integers: left to asteval when no argument is a float.
_INTEGER_VALUED = {"abs", "ceil", "floor", "trunc", "sign", "square", "fmod", "maximum", "minimum"}
_LARGEST_INTEGER = 2**53  # doubles hold all up to here
_BUILTINS = {"max": "MAXIMUM", "min": "MINIMUM", "pow": "MATH_POW"}

_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("ADD", operator.add),
    ast.Sub: ("SUBTRACT", operator.sub),
    ast.Mult: ("MULTIPLY", operator.mul),
    ast.Div: ("DIVIDE", operator.truediv),
    ast.FloorDiv: ("FLOOR_DIVIDE", operator.floordiv),
    ast.Mod: ("MODULO", operator.mod),
    ast.Pow: ("POWER", operator.pow),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "LESS", ast.LtE: "LESS_EQUAL", ast.Gt: "GREATER", ast.GtE: "GREATER_EQUAL",
    ast.Eq: "EQUAL", ast.NotEq: "NOT_EQUAL",
}  # fmt: skip


class _NotCompilable(Exception):
    """asteval has to evaluate it."""


class _Compiler:
    """Emits a program, and with it what kind of object asteval would have at each place.

    Python's float raises where numpy's float64 gives inf or nan, and numpy's bool knows no
    arithmetic. Kinds: ``i`` a constant int, ``f`` float, ``m`` int or float, ``n`` numpy float64,
    ``?`` float or numpy float64, ``j`` any of these, ``b`` bool, ``B`` bool or numpy bool.
    """

    def __init__(self, slots: Mapping[str, int], shadowed: frozenset[str]) -> None:
        self.slots = slots
        self.shadowed = shadowed
        self.code: list[tuple[int, int]] = []
        self.constants: list[float] = []
        self.depth = 0

    def emit(self, name: str, argument: int = 0, change: int = 0) -> int:
        self.code.append((CODES[name], argument))
        self.depth += change
        if self.depth > MAX_DEPTH:
            raise _NotCompilable
        return len(self.code) - 1

    def land(self, *jumps: int) -> None:
        for jump in jumps:
            self.code[jump] = (self.code[jump][0], len(self.code))

    def constant(self, value: Any) -> str:
        if type(value) is int and abs(value) > _LARGEST_INTEGER:
            raise _NotCompilable
        self.constants.append(float(value))
        self.emit("CONSTANT", len(self.constants) - 1, 1)
        return {int: "i", float: "f", bool: "b"}[type(value)]

    def compile(self, node: ast.expr) -> str:
        folded = _fold(node)
        if folded is not None:
            return self.constant(folded)
        method = getattr(self, "on_" + type(node).__name__.lower(), None)
        if method is None:
            raise _NotCompilable
        kind: str = method(node)
        return kind

    def real(self, node: ast.expr) -> str:
        """An operand of arithmetic: no bool of numpy's."""
        kind = self.compile(node)
        if kind == "B":
            raise _NotCompilable
        return kind

    def on_name(self, node: ast.Name) -> str:
        if node.id in self.slots:
            self.emit("SLOT", self.slots[node.id], 1)
            return "f"
        if node.id in CONSTANTS and node.id not in self.shadowed:
            return self.constant(CONSTANTS[node.id])
        raise _NotCompilable

    def on_unaryop(self, node: ast.UnaryOp) -> str:
        if isinstance(node.op, ast.Not):
            self.compile(node.operand)
            self.emit("NOT")
            return "b"
        kind = self.real(node.operand)
        if isinstance(node.op, ast.USub):
            self.emit("NEGATE")
        elif not isinstance(node.op, ast.UAdd):
            raise _NotCompilable
        return "m" if kind == "b" else kind

    def on_binop(self, node: ast.BinOp) -> str:
        if type(node.op) not in _ARITHMETIC:
            raise _NotCompilable
        name = _ARITHMETIC[type(node.op)][0]
        kinds = {self.real(node.left), self.real(node.right)}
        if not kinds & {"f", "n", "?"}:
            # Integers, that is: without limit, where doubles are rounded.
            if name not in ("ADD", "SUBTRACT", "MULTIPLY") or kinds & {"m", "j"}:
                raise _NotCompilable
            kind = "m"
        elif name in ("ADD", "SUBTRACT", "MULTIPLY"):
            kind = "n" if "n" in kinds else "?" if kinds & {"?", "j"} else "f"
        elif "n" in kinds and name in ("DIVIDE", "POWER"):
            kind, name = "n", "NUMPY_" + name
        elif kinds & {"?", "j"} and name in ("DIVIDE", "POWER"):
            # Where the two kinds differ, the program leaves it to asteval.
            kind = "?"
        elif kinds & {"n", "?", "j"}:
            raise _NotCompilable
        else:
            kind = "f"
        self.emit(name, 0, -1)
        return kind

    def on_compare(self, node: ast.Compare) -> str:
        # a < b < c is a < b and b < c: b has no side effect, so it may be computed twice.
        jumps = []
        kinds = set()
        left = node.left
        for position, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if type(op) not in _COMPARISONS:
                raise _NotCompilable
            if position:
                jumps.append(self.emit("AND_JUMP", 0, -1))
            kinds |= {self.real(left), self.real(right)}
            self.emit(_COMPARISONS[type(op)], 0, -1)
            left = right
        self.land(*jumps)
        return "B" if kinds & {"n", "?", "j"} else "b"

    def on_boolop(self, node: ast.BoolOp) -> str:
        jump = "AND_JUMP" if isinstance(node.op, ast.And) else "OR_JUMP"
        jumps = []
        kinds = set()
        for position, value in enumerate(node.values):
            if position:
                jumps.append(self.emit(jump, 0, -1))
            kinds.add(self.compile(value))
        self.land(*jumps)
        return _union(kinds)

    def on_ifexp(self, node: ast.IfExp) -> str:
        self.compile(node.test)
        to_else = self.emit("JUMP_IF_FALSE", 0, -1)
        kinds = {self.compile(node.body)}
        to_end = self.emit("JUMP", 0, -1)
        self.land(to_else)
        kinds.add(self.compile(node.orelse))
        self.land(to_end)
        return _union(kinds)

    def on_call(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise _NotCompilable
        name = node.func.id
        if name in self.slots or name in self.shadowed:
            raise _NotCompilable
        if name in _BUILTINS:
            return self.builtin(name, node.args)
        if name == "real" and len(node.args) == 1:
            return self.real_part(node.args[0])
        if name not in FUNCTIONS and name not in _SPECIAL:
            raise _NotCompilable
        arity, code, index = FUNCTIONS.get(name) or _SPECIAL[name]
        if len(node.args) != arity:
            raise _NotCompilable
        kinds = {self.real(argument) for argument in node.args}
        # numpy computes with a bool in half precision, and keeps integers integers.
        if "b" in kinds or (name in _INTEGER_VALUED and not kinds & {"f", "n", "?"}):
            raise _NotCompilable
        self.emit(code, index, 1 - arity)
        return "B" if code == "TEST1" else "n"

    def real_part(self, node: ast.expr) -> str:
        """The real part of a special function of a complex number, as heights of peaks need it."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            raise _NotCompilable
        name = node.func.id
        if name in self.slots or name in self.shadowed or node.keywords or len(node.args) != 1:
            raise _NotCompilable
        real, imaginary = _split(node.args[0])
        if imaginary is None:
            raise _NotCompilable
        if name == "wofz" and real is None:  # on the imaginary axis it is real
            self.real(imaginary)
            self.emit("CALL1", SCALED_ERFC)
        elif name == "loggammafcn" and real is not None:
            self.real(real)
            self.real(imaginary)
            self.emit("CALL2", REAL_LOG_GAMMA, -1)
        else:
            raise _NotCompilable
        return "n"

    def builtin(self, name: str, args: Sequence[ast.expr]) -> str:
        if len(args) < 2 or (name == "pow" and len(args) > 2):
            raise _NotCompilable
        kinds = set()
        for position, argument in enumerate(args):
            kinds.add(self.real(argument))
            if position:
                self.emit(_BUILTINS[name], 0, -1)
        return "f" if name == "pow" else _union(kinds)


def _split(node: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """Real and imaginary part of a sum of real and imaginary numbers; None for none."""
    if isinstance(node, ast.Constant) and type(node.value) is complex:
        if node.value.real != 0.0:
            raise _NotCompilable
        return None, ast.Constant(node.value.imag)
    if isinstance(node, ast.BinOp):
        left, right = _split(node.left), _split(node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            # The part that one side does not have is that of the other, with its sign.
            if left[1] is None and right[0] is None:
                imaginary = right[1]
                if imaginary is not None and isinstance(node.op, ast.Sub):
                    imaginary = ast.UnaryOp(ast.USub(), imaginary)
                return left[0], imaginary
        elif isinstance(node.op, ast.Mult | ast.Div):
            if right[1] is None and left[0] is None:
                return None, ast.BinOp(_given(left[1]), node.op, _given(right[0]))
            if left[1] is None and right[0] is None and isinstance(node.op, ast.Mult):
                return None, ast.BinOp(_given(left[0]), node.op, _given(right[1]))
        if left[1] is None and right[1] is None:
            return node, None
        raise _NotCompilable
    # What else has an imaginary number in it is refused when it is compiled.
    return node, None


def _given(part: ast.expr | None) -> ast.expr:
    if part is None:
        raise _NotCompilable
    return part


def _union(kinds: set[str]) -> str:
    """What an object of one of these kinds is."""
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= {"i", "f", "m"}:
        return "m"
    if kinds <= {"b", "B"}:
        return "B"
    if kinds <= {"f", "n", "?"}:
        return "?"
    if kinds <= {"i", "f", "m", "n", "?", "j"}:
        return "j"
    raise _NotCompilable


def _fold(node: ast.expr) -> int | float | None:
    """The number that constant arithmetic gives, with Python's integers; None for all else."""
    value: Any = None
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        operand = _fold(node.operand)
        if operand is not None:
            value = -operand if isinstance(node.op, ast.USub) else +operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _fold(node.left), _fold(node.right)
        if left is not None and right is not None:
            if isinstance(node.op, ast.Pow) and not (abs(left) < 1e3 and abs(right) <= 100):
                raise _NotCompilable
            try:
                value = _ARITHMETIC[type(node.op)][1](left, right)
            except ArithmeticError:
                raise _NotCompilable from None
            if isinstance(value, complex):
                raise _NotCompilable
    return value  # type: ignore[no-any-return]


def compile_tree(tree: ast.expr, inputs: Sequence[str], shadowed: frozenset[str]) -> Program | None:
    """Program of an expression whose parameters are ``inputs``; None when asteval has to do it.

    ``shadowed`` are the other names in it that mean something else than in a fresh Interpreter.
    """
    if len(inputs) > MAX_SLOTS:
        return None
    compiler = _Compiler({name: slot for slot, name in enumerate(inputs)}, shadowed)
    try:
        compiler.compile(tree)
    except (_NotCompilable, RecursionError):
        return None
    return Program(compiler.code, compiler.constants, len(inputs))
