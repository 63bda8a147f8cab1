"""A compiled expression is what asteval makes of it: the same bits, the same errors."""

import math

import asteval
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
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
    if type(value) is int:
        try:
            return float(value), None
        except OverflowError:
            return None, OverflowError
    if np.asarray(value).dtype.kind not in "fiub" or np.ndim(value):
        return None, TypeError
    return float(value), None


def by_fitcore(text, values):
    return by_params(create_params(**values, result={"expr": text}))


def by_params(params):
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
@settings(max_examples=800, deadline=None)
@example("1/sqrt(x)", 0.0, 1.0)
@example("1/x", 0.0, 1.0)
@example("(x)**0.5", -2.0, 1.0)
@example("sqrt(x)**2 + x**y", 2.0, 0.3)
@example("(sqrt(x) > 1) + (sqrt(y) > 1)", 4.0, 9.0)
@example("1/(sqrt(x) if y > 0 else x)", 0.0, 1.0)
@example("sin(x > 1)", 2.0, 0.0)
@example("1/max(x, sqrt(y))", 0.0, 0.0)
@example("max(x, sqrt(y))**-0.5", -1.0, math.nan)
@example("max(x, sqrt(y))**0.5", -2.0, math.nan)
@example("max(1, sqrt(x))/3 + max(2, sqrt(x))**-2", 0.5, 0.0)
@example("((3**19*(3**19) if x else sqrt(y)) + 1)", 1.0, 1.0)
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
     "1 if isnan(x) else 0", "True", "x + (y > 1)", "299792458*x", "1/(sqrt(x) if y else x)",
     "x/max(1e-15, y*sqrt(2*pi))"],
)  # fmt: skip
def test_common_expressions_are_compiled(text):
    assert expression.compile_expression(text, frozenset("xy"))[0] is not None


@pytest.mark.parametrize(
    "text",
    ["x & 1", "x | 1", "x ^ 1", "1 << 2", "8 >> 1", "~1", "x in [1]", "x is None", "[x][0]", "(x,)",
     "{'a': x}['a']", "x.real", "f(x)", "sin(x, x)", "sin(x=x)", "sin(*[x])", "max(x)", "'s'", "1j",
     "lambda: x", "[i for i in [x]][0]", "factorial(3)", "10**400", "x @ x", "f'{x}'", "None",
     "(x > 1) + (sqrt(x) > 1)", "(2 if x else sqrt(x)) + (y > 1)", "(sqrt(x) if y else x) % 2",
     "2**60*x", "(3 if x else 2)**40",
     "(x > 1)*2 + (y > 1)*3"],
)  # fmt: skip
def test_what_is_not_certain_is_left_to_asteval(text):
    assert expression.compile_expression(text, frozenset("xy"))[0] is None


# What only asteval can do, around and inside of what is compiled.
def nested_with_integers(inner):
    binary = st.sampled_from(["&", "|", "^", "<<", ">>", "+", "*", "**", "//", "%", "-", "/"])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["~", "-", "not ", "+", "abs", "int", "float"]), inner).map(
            lambda t: f"({t[0]}({t[1]}))"
        ),
        st.tuples(inner, st.sampled_from(["is", "is not", "<", "=="]), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        st.tuples(inner, st.sampled_from(["in", "not in"]), inner, inner).map(
            lambda t: f"({t[0]} {t[1]} [{t[2]}, {t[3]}])"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, inner).map(lambda t: f"sum([{t[0]}, {t[1]}])"),
        st.tuples(inner, inner).map(lambda t: f"max([i*({t[0]}) for i in ({t[1]}, 2)])"),
    )


integer_leaves = st.sampled_from(
    ["0", "1", "2", "3", "7", "10", "-3", "64", "9007199254740993", "x", "y", "True", "1.5"]
)


@given(st.recursive(integer_leaves, nested_with_integers, max_leaves=8), reals, reals)
@settings(max_examples=400, deadline=None)
@example("7//2 + -7//2 + 7 % -3 + 2**-1", 0.0, 0.0)
@example("2**1023 + 2**1023", 0.0, 0.0)
@example("2**1024 - 2**1024 + x", 1.0, 0.0)
@example("9007199254740993 * 3 - 9007199254740993 * 3 + 1", 0.0, 0.0)
@example("(9007199254740993 == 9007199254740992.0) + x", 0.0, 0.0)
@example("9007199254740993 < x", 9007199254740992.0, 0.0)
@example("True + True * x", 2.0, 0.0)
@example("~True + (5 & 3 | 8 ^ 1) + (1 << 4 >> 2)", 0.0, 0.0)
@example("x & 1", 3.0, 0.0)
@example("1 if x is y else 2", 3.0, 3.0)
def test_integers_and_what_is_not_compiled_agree_with_asteval(text, x, y):
    values = {"x": x, "y": y}
    mine, theirs = by_fitcore(text, values), by_asteval(text, values)
    assume(mine[1] is not RuntimeError)  # fitcore's own limit on the size of integers
    assert same(mine, theirs)


@given(expressions, reals, reals)
@settings(max_examples=250, deadline=None)
def test_the_limits_change_no_result(text, x, y):
    # everything by the interpreter with limits, nothing compiled
    values = {"x": x, "y": y}
    params = create_params(**values, result={"expr": f"[{text}][0]"})
    mine = by_params(params)
    assert same(mine, by_asteval(text, values))


# ------------------------------------------------------------------------------- derivatives

SMOOTH = ["sin", "cos", "exp", "tanh", "atan", "sqrt", "log", "sinh", "cosh", "asinh", "expm1"]


def smooth(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(st.sampled_from([*SMOOTH, "-"]), inner).map(lambda t: f"({t[0]}({t[1]}))"),
        st.tuples(inner, inner).map(lambda t: f"hypot({t[0]}, {t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} > 0.5 else {t[2]})"),
    )


@given(
    st.recursive(st.sampled_from(["x", "y", "2", "0.3", "pi"]), smooth, max_leaves=7),
    st.floats(0.1, 3), st.floats(0.1, 3),
)  # fmt: skip
@settings(max_examples=250, deadline=None)
@example("((x)**y)/hypot(x, y)", 0.7, 1.9)
@example("(sqrt((x - x)))", 1.0, 1.0)
@example("(x**(y - y))", 1.0, 1.0)
@pytest.mark.filterwarnings("ignore::FutureWarning")  # comparisons in uncertainties
def test_derivatives_are_those_of_uncertainties(text, x, y):
    from uncertainties import ufloat, umath

    program, inputs = expression.compile_expression(text, frozenset("xy"))
    assume(program is not None and inputs)
    given_values = {"x": ufloat(x, 1.0), "y": ufloat(y, 1.0)}
    try:
        value = eval(text, {**vars(umath), "pi": math.pi, **given_values})
        wanted = [getattr(value, "derivatives", {}).get(given_values[name], 0.0) for name in inputs]
        params = create_params(x=x, y=y, f={"expr": text})
        found = params._expression_jacobian(list(inputs))["f"]
    except (ValueError, ArithmeticError, TypeError):
        assume(False)  # no real number, in one or the other
    # Cancellation between terms limits both: relative to what may cancel.
    assume(np.isfinite(wanted).all() and np.isfinite(found).all() and max(map(abs, wanted)) < 1e6)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
