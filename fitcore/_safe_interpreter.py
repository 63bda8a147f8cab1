"""An asteval Interpreter for expressions that may come from anywhere.

asteval keeps Python's internals out of reach; it does read files (``open``, ``loadtxt``...) and
lets an expression take all time and memory (``zeros(10**12)``, ``[0]*10**10``). Here the functions
that open files, change the state of numpy or make objects out of raw memory are not in the symbol
table, and an expression of a parameter has a budget: so many steps, each as long as what it
handles, and objects no larger than a limit, which is checked before they are made.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from asteval import Interpreter
from asteval.astutils import Procedure, op2func

__all__ = ["SafeInterpreter"]

STEPS = 150_000  # nodes of the syntax tree, about a second
LENGTH = 10_000  # items of a sequence, with those of what it contains
ELEMENTS = 1_000_000  # of an array that a function makes
WORK = 10_000_000  # products of lengths, where a function takes or makes so many
BITS = 1 << 18  # of an integer
LOOPS = 1000  # orders, digits and the like

#: Not in the symbol table: what reads files, sets the state of numpy, changes arrays of the user in
#: place, calls functions that it is given by other ways than a call, or sees raw memory.
REMOVED = frozenset({
    "open", "fromfile", "loadtxt", "genfromtxt", "fromregex", "setbufsize", "seterr", "geterr",
    "getbufsize", "put", "place", "putmask", "fill_diagonal", "frombuffer", "fromstring",
    "fromiter", "fromfunction", "frompyfunc", "vectorize", "piecewise", "ndarray", "matrix",
    "record", "flatiter", "ndenumerate", "ndindex", "broadcast", "dtype", "datetime_data", "info",
    "format", "dir", "bytearray", "bytes", "may_share_memory", "mask_indices",
})  # fmt: skip

# Integers among the arguments are lengths of what these make.
_SHAPED = frozenset({
    "zeros", "ones", "empty", "full", "eye", "identity", "tri", "range", "arange", "linspace",
    "logspace", "bartlett", "blackman", "hamming", "hanning", "kaiser", "indices", "repeat",
    "tile", "resize", "vander", "diag_indices", "tril_indices", "triu_indices", "diag", "diagflat",
    "histogram", "histogram2d", "histogramdd", "unwrap",
})  # fmt: skip
# Work or results as large as the product of the lengths of the arguments, or the square of one.
_PRODUCT = frozenset({
    "outer", "kron", "meshgrid", "convolve", "correlate", "polymul", "polydiv", "polyval", "dot",
    "inner", "vdot", "tensordot", "cov", "corrcoef", "diag", "diagflat", "poly1d",
})  # fmt: skip
_CUBIC = frozenset({"roots", "poly"})
_ANY_INTEGER = frozenset({"float", "int", "abs", "max", "min", "print"})
# Integers after the first argument are repetitions.
_REPEATED = frozenset({"diff", "polyder", "polyint", "round", "around"})

_ARRAY_ATTRIBUTES = frozenset({
    "real", "imag", "T", "size", "shape", "ndim", "sum", "prod", "mean", "std", "var", "min", "max",
    "argmin", "argmax", "argsort", "any", "all", "item", "tolist", "flatten", "ravel", "reshape",
    "copy", "conj", "conjugate", "cumsum", "cumprod", "trace", "diagonal", "transpose", "squeeze",
    "nonzero", "round",
})  # fmt: skip
_ATTRIBUTES: tuple[tuple[Any, frozenset[str]], ...] = (
    (np.ndarray, _ARRAY_ATTRIBUTES),
    (np.generic, _ARRAY_ATTRIBUTES),
    ((int, float, complex), frozenset({"real", "imag", "conjugate", "is_integer"})),
    ((str, bytes, list, tuple, dict, set, frozenset, range),
     frozenset({"index", "count", "get", "keys", "values", "items"})),
    ((type, np.ufunc, BuiltinFunctionType, FunctionType, MethodType, Procedure), frozenset()),
)  # fmt: skip
_DTYPES = frozenset({"float64", "float32", "int64", "int32", "complex128", "f8", "f4", "i8", "i4"})
_CONTAINERS = (list, tuple, set, frozenset, dict)
_SEQUENCES = (str, bytes, range, *_CONTAINERS)


class SafeInterpreter(Interpreter):  # type: ignore[misc]  # asteval has no types
    """An asteval Interpreter without access to files, with limits where `limited` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.left: float | None = None  # steps that remain; None: without limits
        for name in REMOVED:
            self.symtable.pop(name, None)
        self.own = {id(f): name for name, f in self.symtable.items() if callable(f)}
        # Attributes of functions lead to all that numpy is.
        self.safe_names = dict(self.symtable)

    def limited(self, tree: ast.expr, text: str, binds: bool, more_steps: float = 0.0) -> Any:
        """Evaluate ``tree``, parsed from ``text``, within the limits.

        ``binds``: it has variables of its own. Errors are left in ``error``. ``more_steps``:
        for expressions of large arrays.
        """
        outer, self.left = self.left, STEPS + more_steps
        symbols = dict(self.symtable) if binds else None
        self.error: list[Any] = []
        self.error_msg, self.lineno = None, 0
        self.code_text.clear()  # asteval only adds to it
        try:
            return self.run(ast.Expr(tree), expr=text, with_raise=False)
        except Exception:  # noqa: BLE001  # it is in `error`
            return None
        finally:
            self.left = outer
            if self.error and symbols is not None:
                # asteval leaves the variables of a comprehension that fails, in place of what
                # had their names.
                self.symtable.clear()
                self.symtable.update(symbols)

    # -- the budget

    def run(self, node: Any, *args: Any, **kws: Any) -> Any:
        """Evaluate a node, at the cost of a step and of the size of what it gives."""
        left = self.left
        # What the outermost raise is lost: these cost nothing.
        if left is None or not isinstance(node, ast.expr):
            return super().run(node, *args, **kws)
        self.left = left = left - 1.0
        if left < 0:
            self.spend(0.0)
        if type(node) is ast.Constant:
            return node.value  # from the text, or it stands for what has been paid
        named = type(node) is ast.Name
        if type(node) is ast.Name and node.id in self.symtable:
            value = self.symtable[node.id]
        else:
            value = super().run(node, *args, **kws)
        if type(value) is float or type(value) is bool or self.left is None:
            return value
        self.spend(_cost(value, named))
        if isinstance(value, np.ndarray) and value.flags.writeable:
            # It may be the user's, and there are many ways to write to it (out=...).
            value = value.view()
            value.flags.writeable = False
        return value

    def spend(self, steps: float) -> None:
        assert self.left is not None
        self.left -= steps
        if self.left < 0:
            raise RuntimeError(f"it takes too long: an expression has {STEPS} steps")

    # -- operations

    def on_binop(self, node: ast.BinOp) -> Any:
        """Operations whose result could be too large are refused."""
        if self.left is None:
            return super().on_binop(node)
        left, right = self.run(node.left), self.run(node.right)
        if not (type(left) is float and type(right) is float):
            _check_operation(node.op, left, right)
        return op2func(node.op)(left, right)

    def on_compare(self, node: ast.Compare) -> Any:
        """Comparisons one by one, for arrays that could be broadcast to a larger one."""
        if self.left is None:
            return super().on_compare(node)
        left = self.run(node.left)
        result: Any = True
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.run(right_node)
            _check_broadcast([left, right])
            pair = ast.Compare(ast.Constant(left), [op], [ast.Constant(right)])
            result = super().on_compare(pair)
            if len(node.ops) > 1:
                if not result:
                    return False
                result = True
            left = right
        return result

    def on_subscript(self, node: ast.Subscript) -> Any:
        """Indexing by arrays broadcasts them too."""
        if self.left is None or not isinstance(node.ctx, ast.Load):
            return super().on_subscript(node)
        value, index = self.run(node.value), self.run(node.slice)
        _check_broadcast(index if isinstance(index, tuple) else [index])
        # a new node: the indexing itself is asteval's
        return super().on_subscript(
            ast.Subscript(ast.Constant(value), ast.Constant(index), node.ctx)
        )

    def on_attribute(self, node: ast.Attribute) -> Any:
        """Only attributes that are known to be harmless."""
        if self.left is None:
            return super().on_attribute(node)
        if not isinstance(node.ctx, ast.Load) or node.attr.startswith("_"):
            raise AttributeError(f"no safe attribute {node.attr!r}")
        value = self.run(node.value)
        if isinstance(value, ModuleType):
            return self.of_module(value, node.attr)
        for kinds, allowed in _ATTRIBUTES:
            if isinstance(value, kinds):
                if node.attr not in allowed:
                    raise AttributeError(
                        f"no safe attribute {node.attr!r} of {type(value).__name__}"
                    )
                break
        return super().on_attribute(ast.Attribute(ast.Constant(value), node.attr, node.ctx))

    def of_module(self, module: ModuleType, name: str) -> Any:
        """``module.name``, of numpy and math only what is known without the module."""
        found = getattr(module, name)
        top = module.__name__.partition(".")[0]
        if top in ("numpy", "math", "builtins"):
            if found is self.safe_names.get(name) or isinstance(found, float):
                return found
            if name not in REMOVED and (isinstance(found, np.ufunc) or top == "math"):
                return found
        elif isinstance(found, np.ufunc | float) or (
            callable(found) and str(getattr(found, "__module__", "")).partition(".")[0] == top
        ):
            return found
        raise AttributeError(f"no safe attribute {name!r} of module {module.__name__!r}")

    def on_joinedstr(self, node: ast.JoinedStr) -> Any:
        """No formatted text: its width may be anything."""
        if self.left is None:
            return super().on_joinedstr(node)
        raise NotImplementedError("JoinedStr not supported")

    def on_call(self, node: ast.Call) -> Any:
        """A call; of functions that asteval knows, the arguments are checked."""
        if self.left is None:
            return super().on_call(node)
        func = self.run(node.func)
        args = [self.run(arg) for arg in node.args]
        keywords = [(k.arg, self.run(k.value)) for k in node.keywords]
        name = self.own.get(id(func))
        if name is None and isinstance(func, np.ufunc | BuiltinFunctionType):
            name = func.__name__
        if name is not None:
            flat = [*args, *(value for _, value in keywords)]
            _check_call(name, args, flat)
            if any(key == "dtype" and not _is_dtype(value) for key, value in keywords):
                raise RuntimeError("dtype may be float, int, bool or complex")
        call = ast.Call(
            ast.Constant(func),
            [ast.Constant(arg) for arg in args],
            [ast.keyword(key, ast.Constant(value)) for key, value in keywords],
        )
        left = self.left
        if isinstance(func, Procedure) and not func.__is_lambda__:
            self.left = None  # a procedure of the user's may take its time
        try:
            return super().on_call(call)
        finally:
            if self.left is None:
                self.left = left


def _cost(value: Any, known: bool) -> float:
    """Steps that handling ``value`` costs; ``known`` objects may have any size."""
    if isinstance(value, int):
        bits = value.bit_length()
        if bits > BITS:
            raise RuntimeError(f"integers may have {BITS} bits")
        return bits / 256.0
    if isinstance(value, np.ndarray):
        return value.size / 200.0
    if isinstance(value, _SEQUENCES):
        size = len(value) if isinstance(value, str | bytes | range) else _deep_length(value)
        if size > LENGTH and not known and not isinstance(value, str):
            raise RuntimeError(f"sequences may have {LENGTH} items")
        return size / 8.0
    return 0.0


def _deep_length(value: Any) -> int:
    """Items in a container and in those inside; counts until there are too many."""
    total = 0
    waiting = [value]
    while waiting and total <= LENGTH:
        here = waiting.pop()
        total += len(here)
        if total > LENGTH:
            break
        items = [*here.keys(), *here.values()] if isinstance(here, dict) else here
        for item in items:
            if isinstance(item, _CONTAINERS):
                waiting.append(item)
            elif isinstance(item, str | bytes):
                total += len(item)
            elif isinstance(item, np.ndarray):
                total += item.size // 100
    return total


def _check_operation(op: ast.operator, left: Any, right: Any) -> None:
    if isinstance(left, str | bytes) and isinstance(op, ast.Mod):
        raise TypeError("text cannot be formatted here")
    if isinstance(op, ast.Mult):
        for sequence, number in ((left, right), (right, left)):
            if isinstance(sequence, bytes | list | tuple) and isinstance(number, int):
                size = len(sequence) if isinstance(sequence, bytes) else _deep_length(sequence)
                if size * number > LENGTH or number > LENGTH:
                    raise RuntimeError(f"sequences may have {LENGTH} items")
    elif isinstance(op, ast.Pow):
        if isinstance(left, int) and isinstance(right, int) and right <= 10_000:
            if left.bit_length() * right > BITS:
                raise RuntimeError(f"integers may have {BITS} bits")
        elif any(isinstance(x, np.ndarray) and x.dtype == object for x in (left, right)):
            raise RuntimeError("powers of arrays of objects are not possible here")
    elif isinstance(op, ast.MatMult):
        _check_product([left, right], "@")
    _check_broadcast([left, right])


def _check_broadcast(values: Sequence[Any]) -> None:
    """That arrays are not broadcast to one which is much larger than each of them."""
    arrays = [value for value in values if isinstance(value, np.ndarray) and value.ndim]
    if len(arrays) < 2:
        return
    try:
        size = math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    except ValueError:
        return  # numpy tells
    if size > max(ELEMENTS, *(array.size for array in arrays)):
        raise RuntimeError(f"arrays may have {ELEMENTS} elements")


def _leaves(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from value
        elif isinstance(value, dict):
            yield from value.values()
        else:
            yield value


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return max(1, value.size)
    return max(1, _deep_length(value)) if isinstance(value, _CONTAINERS) else 1


def _check_product(values: Sequence[Any], name: str) -> None:
    if math.prod(_size(value) for value in values) > WORK:
        raise RuntimeError(f"{name}: arguments are too long")


def _has_size(text: str) -> bool:
    """Whether numpy could take ``text`` for the name of a type of items of any size."""
    return text not in _DTYPES and any(c.isdigit() for c in text)


def _check_call(name: str, args: Sequence[Any], values: Sequence[Any]) -> None:
    """That one of asteval's own functions is given nothing that it would take forever with."""
    leaves = list(_leaves(values))
    for value in leaves:
        # Only lambdas: these count their steps.
        if callable(value) and not isinstance(value, Procedure | type):
            raise RuntimeError(f"{name}: functions cannot be arguments")
        if isinstance(value, str):
            if name not in ("float", "int", "len") and _has_size(value):
                raise RuntimeError(f"{name}: text {value[:20]!r} is not possible here")
        elif isinstance(value, int) and abs(value) >= 2**63 and name not in _ANY_INTEGER:
            raise RuntimeError(f"{name}: integers must be below 2**63")
    _check_broadcast(leaves)
    if name == "factorial" and any(isinstance(x, int | float) and x > 10_000 for x in leaves):
        raise RuntimeError("factorial: the argument may be 10000")
    if name in _REPEATED and any(
        isinstance(x, int) and abs(x) > LOOPS for x in _leaves(values[1:])
    ):
        raise RuntimeError(f"{name}: integers may be {LOOPS}")
    if name in _CUBIC and _size(values[0] if values else 0) > 300:
        raise RuntimeError(f"{name}: the argument may have 300 elements")
    if name in _PRODUCT:
        _check_product(values if len(args) > 1 else [*values, *values], name)
    if name in _SHAPED:
        _check_shape(name, args, values)


def _check_shape(name: str, args: Sequence[Any], values: Sequence[Any]) -> None:
    limit = LENGTH if name == "range" else ELEMENTS
    numbers = [x for x in _leaves(values) if isinstance(x, int | np.integer)]
    if name in ("range", "arange"):
        start, stop, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3] or (0, 0, 1)
        size = abs((float(stop) - float(start)) / (float(step) or 1.0))
    elif name in ("linspace", "logspace"):
        size = float(max([1, *(abs(int(x)) for x in _leaves(values[2:])
                               if isinstance(x, int | np.integer))]))  # fmt: skip
        size *= max(_size(x) for x in values[:2])
    else:
        size = math.prod(max(1.0, float(abs(int(x)))) for x in numbers)
        size *= math.prod(float(x.size) for x in values if isinstance(x, np.ndarray) and x.size)
    if name in ("eye", "identity", "tri", "vander", "diag", "tril_indices", "triu_indices",
                "diagflat", "diag_indices"):  # fmt: skip
        size = size**2
    if not size <= limit:  # NaN neither
        raise RuntimeError(f"{name}: results may have {limit} elements")


def _is_dtype(value: Any) -> bool:
    known: Mapping[Any, Any] = {float: 1, int: 1, bool: 1, complex: 1, np.float64: 1, np.int32: 1}
    try:
        return value in known or value in _DTYPES or value is None
    except TypeError:
        return False
