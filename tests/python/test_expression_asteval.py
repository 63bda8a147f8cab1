"""A compiled expression is what asteval makes of it: the same bits, the same errors."""

import math

import asteval
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fitcore import _expression_compiler as compiler
from fitcore import expression
from fitcore.parameter import create_params

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

INTERPRETER = asteval.Interpreter()


def by_asteval(text, values):
    """(value, None) or (None, type of the exception)."""
    INTERPRETER.error = []
    INTERPRETER.symtable.update(values)
    value = INTERPRETER(text, show_errors=False, raise_errors=False)
    if INTERPRETER.error:
        return None, INTERPRETER.error[0].exc
    if type(value) is int and abs(value) < 10**308:
        return float(value), None
    if np.asarray(value).dtype.kind not in "fiub" or np.ndim(value):
        return None, TypeError
    return float(value), None


def by_fitcore(text, values):
    params = create_params(**values, result={"expr": text})
    try:
        return params["result"].value, None
    except Exception as error:  # noqa: BLE001  # the types are compared
        return None, type(error)


def same(one, other):
    (a, error_a), (b, error_b) = one, other
    if error_a is not None and error_b is not None:
        # A base, for exceptions of numpy's that cannot be made of a message.
        return issubclass(error_b, error_a) and error_a is not Exception
    if error_a is not None or error_b is not None:
        return False
    return a == b or (math.isnan(a) and math.isnan(b))


def test_the_tables_are_those_of_asteval():
    table = asteval.Interpreter().symtable
    for name, value in compiler.CONSTANTS.items():
        assert table[name] == value or math.isnan(table[name])
    for name in compiler.FUNCTIONS:
        assert isinstance(table[name], np.ufunc)
        alias = {"deg2rad": "deg2rad", "rad2deg": "rad2deg"}.get(name)
        wanted = getattr(np, alias or compiler._ALIASES.get(name, name))
        assert table[name] is wanted
    assert table["max"] is max and table["min"] is min and table["pow"] is math.pow


MANUAL = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "copysign", "cos",
    "cosh", "degrees", "exp", "fabs", "factorial", "floor", "fmod", "frexp", "fsum", "hypot",
    "isinf", "isnan", "ldexp", "log", "log10", "log1p", "max", "min", "modf", "pow", "radians",
    "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
]  # fmt: skip
NOT_COMPILED = {"factorial", "frexp", "fsum", "ldexp", "modf"}


@pytest.mark.parametrize("name", MANUAL)
def test_every_function_of_the_manual_is_known(name):
    known = set(compiler.FUNCTIONS) | set(compiler._BUILTINS)
    assert name in asteval.Interpreter().symtable
    assert (name in known) == (name not in NOT_COMPILED)


reals = st.one_of(
    st.floats(-20, 20),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -8.0, 1e-300, 1e300, 10001.0, math.inf]),
    st.floats(),
)


@pytest.mark.parametrize("name", sorted(compiler.FUNCTIONS))
@given(x=reals, y=reals)
@settings(max_examples=60, deadline=None)
def test_every_function_gives_numpys_bits(name, x, y):
    arguments = "x, y" if compiler.FUNCTIONS[name][0] == 2 else "x"
    text = f"{name}({arguments})"
    program, inputs = expression.compile_expression(text, frozenset("xy"))
    assert program is not None
    values = {"x": x, "y": y}
    mine = program([values[name] for name in inputs])
    assert mine is not None
    assert same((mine, None), by_asteval(text, values))


def nested(inner):
    binary = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
    compare = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    unary = st.sampled_from(
        ["sqrt", "exp", "log", "abs", "sin", "floor", "isnan", "-", "+", "not "]
    )
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(unary, inner).map(lambda t: f"({t[0]}({t[1]}))"),
        st.tuples(inner, compare, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, compare, inner, compare, inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, inner, inner).map(lambda t: f"max({', '.join(t)})"),
        st.tuples(st.sampled_from(["min", "pow", "atan2", "fmod"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
    )


leaves = st.sampled_from(
    ["x", "y", "x", "y", "0", "1", "2", "3", "0.5", "1e3", "pi", "e", "inf", "nan", "True", "False"]
)
expressions = st.recursive(leaves, nested, max_leaves=10)


@given(expressions, reals, reals)
@settings(max_examples=1500, deadline=None)
@example("1/sqrt(x)", 0.0, 1.0)
@example("1/x", 0.0, 1.0)
@example("(x)**0.5", -2.0, 1.0)
@example("sqrt(x)**2 + x**y", 2.0, 0.3)
@example("(sqrt(x) > 1) + (sqrt(y) > 1)", 4.0, 9.0)
@example("1/(sqrt(x) if y > 0 else x)", 0.0, 1.0)
@example("sin(x > 1)", 2.0, 0.0)
@example("abs(-3)/abs(0)", 2.0, 0.0)
@example("2**-1 + 7//2 + -7//2 + 7 % -3", 2.0, 0.0)
@example("x // y + x % y", -7.5, 2.0)
@example("x % y", -0.0, -3.0)
@example("x // y", 1e300, 1e-300)
@example("max(x, nan) + max(1, x)", 2.0, 0.0)
@example("3**40 * x", 1.0, 0.0)
@example("+(x < sqrt(x))", 0.0, 0.0)
@example("fmod(0, (0 if x else x))", 1.0, 0.0)
@example("fmod((x > 0) + (y > 0), 0)", -1.0, -1.0)
@example("(3 if x else 2)**40", 1.0, 0.0)
@example("((3**19 if x else y)*3**19)*3**19", 1.0, 0.0)
def test_random_expressions_agree_with_asteval(text, x, y):
    values = {"x": x, "y": y}
    assert same(by_fitcore(text, values), by_asteval(text, values))


@pytest.mark.parametrize(
    "text",
    ["x", "-x", "+x", "3", "2.5*x", "x - 1", "x/3", "x**2", "(x + y)*(x - y)", "x if y else 2",
     "x < y", "0 < x < 1 <= y", "not x", "x and y", "x or y", "sqrt(x*x + y*y)", "min(x, y, 3)",
     "exp(-x**2/2)/sqrt(2*pi)", "1 - x", "pow(x, 3)", "x % 2", "x // 2", "atan2(y, x)", "1e-3*x",
     "1 if isnan(x) else 0", "True", "x + (y > 1)", "299792458*x"],
)  # fmt: skip
def test_common_expressions_are_compiled(text):
    assert expression.compile_expression(text, frozenset("xy"))[0] is not None


@pytest.mark.parametrize(
    "text",
    ["x & 1", "x | 1", "x ^ 1", "1 << 2", "8 >> 1", "~1", "x in [1]", "x is None", "[x][0]", "(x,)",
     "{'a': x}['a']", "x.real", "f(x)", "sin(x, x)", "sin(x=x)", "sin(*[x])", "max(x)", "'s'", "1j",
     "lambda: x", "[i for i in [x]][0]", "factorial(3)", "10**400", "x @ x", "f'{x}'", "None",
     "(x > 1) + (sqrt(x) > 1)", "1/(sqrt(x) if y else x)",
     "2**60*x", "(3 if x else 2)**40",
     "(x > 1)*2 + (y > 1)*3"],
)  # fmt: skip
def test_what_is_not_certain_is_left_to_asteval(text):
    assert expression.compile_expression(text, frozenset("xy"))[0] is None
