"""Expressions of arrays: what a model from a text evaluates.

asteval decides what is legal and what it means. Most expressions consist of numbers, names,
arithmetic and calls of functions that work on arrays element by element: these become a function
of Python, which needs nothing of asteval's per evaluation. All others are evaluated by asteval.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore import lineshapes
from fitcore.expression import Expression, evaluate, make_interpreter, parse

if TYPE_CHECKING:
    pass

__all__ = ["ArrayExpression"]

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
# Operations on arrays, each as costly as a few of those of arithmetic, that an expression may need.
_ARRAY_OPERATIONS = 2000


class ArrayExpression:
    """An expression in named values, numbers or arrays.

    Parameters
    ----------
    text : str
    init_script : str, optional
        Statements that asteval runs first: functions and constants for the expression.

    Attributes
    ----------
    interpreter : SafeInterpreter
        It knows what asteval does, without access to files, and the functions of `lineshapes`.
    unknown : tuple of str
        Names in the expression that are to be given: those that the interpreter does not know, in
        the order in which they are evaluated.

    Raises
    ------
    SyntaxError
        It cannot be parsed; the message shows the place.
    NameError
        It calls a function that is not known.

    Examples
    --------
    >>> import numpy as np
    >>> decay = ArrayExpression("a*exp(-x/t)")
    >>> decay.unknown
    ('a', 'x', 't')
    >>> decay(x=np.zeros(2), a=3, t=1).tolist()
    [3.0, 3.0]
    """

    def __init__(self, text: str, init_script: str | None = None) -> None:
        self.text = text
        self.init_script = init_script
        self.parsed = parse(text, "ExpressionModel")
        self.interpreter, _ = make_interpreter(
            {name: getattr(lineshapes, name) for name in lineshapes.functions}
        )
        if init_script is not None:
            if not isinstance(init_script, str):
                raise TypeError(f"init_script must be a string, got {init_script!r:.60}")
            evaluate(self.interpreter, init_script, "init_script")
        found = list(dict.fromkeys(_names(self.parsed.tree, set(self.parsed.names))))
        table = self.interpreter.symtable
        self.unknown = tuple(name for name in found if name not in table)
        for node in ast.walk(self.parsed.tree):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in self.unknown:
                raise NameError(
                    f"ExpressionModel: function {called.id!r} in expr {text!r:.60} is not known; "
                    "init_script may define it"
                )
        self.names: tuple[str, ...] = ()
        self._given: frozenset[str] = frozenset()
        self._compiled: _Compiled | None = None
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return ArrayExpression, (self.text, self.init_script)

    def __call__(self, **values: Any) -> Any:
        """The value of the expression.

        Parameters
        ----------
        **values
            Of the names, in place of what the interpreter knows by the same name.
        """
        for name, value in values.items():
            if isinstance(value, list | tuple):
                values[name] = np.asarray(value)
            elif type(value) is int:  # asteval's integers have no limit, and no place in a fit
                values[name] = float(value)
        compiled = self._compiled
        if compiled is None or not compiled.fits(values, self.interpreter.symtable):
            compiled = _Compiled(self.parsed, values.keys(), self.interpreter.symtable)
            self._compiled = compiled
        if compiled.function is not None:
            return compiled.function(*[values[name] for name in compiled.arguments])
        size = max((np.size(value) for value in values.values()), default=1)
        # One expression after another: an Interpreter has one table of symbols.
        with self._lock:
            self.interpreter.symtable.update(values)
            return evaluate(
                self.interpreter, self.text, f"ExpressionModel: expr {self.text!r:.60}",
                self.parsed, _ARRAY_OPERATIONS * size / 200.0,
            )  # fmt: skip


def _names(node: ast.AST, wanted: Collection[str]) -> Iterator[str]:
    """Names that are read, in the order in which the nodes have them."""
    stack: list[ast.AST] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, ast.Name) and here.id in wanted:
            yield here.id
        stack.extend(reversed(list(ast.iter_child_nodes(here))))


class _NotCompilableError(Exception):
    """The expression needs asteval."""


class _Compiled:
    """An expression as a function of Python, for certain names."""

    def __init__(
        self, parsed: Expression, given: Collection[str], table: Mapping[str, Any]
    ) -> None:
        self.arguments = [name for name in parsed.names if name in given]
        self._taken = frozenset(self.arguments)
        self._read = parsed.names
        self._symbols: dict[str, Any] = {}
        self.function: Callable[..., Any] | None = None
        try:
            self._check(parsed.tree, table)
        except (_NotCompilableError, RecursionError):
            return
        arguments = ast.arguments(
            posonlyargs=[], args=[ast.arg(name) for name in self.arguments], kwonlyargs=[],
            kw_defaults=[], defaults=[],
        )  # fmt: skip
        tree = ast.Expression(ast.Lambda(arguments, parsed.tree))
        code = compile(ast.fix_missing_locations(tree), "<ExpressionModel>", "eval")
        # Only nodes that were checked, and only symbols that were.
        self.function = eval(code, {"__builtins__": {}, **self._symbols})

    def fits(self, given: Collection[str], table: Mapping[str, Any]) -> bool:
        """Whether it is what is asked for: the same names are given, and symbols are the same."""
        for name in self._read:
            if (name in given) != (name in self._taken):
                return False
        return all(table.get(name) is known for name, known in self._symbols.items())

    def _check(self, node: ast.expr, table: Mapping[str, Any]) -> bool:
        """Refuse all that is not known to be harmless; whether it is made of integers alone."""
        if isinstance(node, ast.Constant):
            if type(node.value) not in (int, float, complex):
                raise _NotCompilableError
            return type(node.value) is int
        if isinstance(node, ast.Name):
            if node.id not in self._taken:
                if type(table.get(node.id)) not in (float, complex):
                    raise _NotCompilableError
                self._symbols[node.id] = table[node.id]
            return False
        if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
            # No short circuit: both sides must be checked.
            whole = [self._check(side, table) for side in (node.left, node.right)]
            if all(whole) and isinstance(node.op, ast.Pow):
                raise _NotCompilableError  # it may have no end
            return all(whole)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._check(node.operand, table)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            if not isinstance(node.ops[0], _COMPARISONS):
                raise _NotCompilableError
            self._check(node.left, table)
            self._check(node.comparators[0], table)
            return False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self._check_call(node, node.func.id, table)
            return False
        raise _NotCompilableError

    def _check_call(self, node: ast.Call, name: str, table: Mapping[str, Any]) -> None:
        function = table.get(name)
        shape = name in lineshapes.functions and function is getattr(lineshapes, name)
        if name in self._taken or not (
            shape or isinstance(function, np.ufunc) or (name == "where" and function is np.where)
        ):
            raise _NotCompilableError
        self._symbols[name] = function
        for argument in node.args:
            self._check(argument, table)
        for keyword in node.keywords:
            if not shape or keyword.arg is None:
                raise _NotCompilableError
            if not (isinstance(keyword.value, ast.Constant) and type(keyword.value.value) is str):
                self._check(keyword.value, table)
