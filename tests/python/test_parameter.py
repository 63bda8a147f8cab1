"""One Parameter: creation, attributes, and arithmetic on its value."""

import ast
import copy
import math
import operator
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from fitcore.parameter import Parameter, Parameters


def attributes(par):
    return (par.name, par.value, par.vary, par.min, par.max, par.expr, par.brute_step)


def test_name_first_is_the_present_style_and_number_first_the_manuals():
    present = Parameter("a", 3, False, 0, 10, None, 0.1, "note")
    manual = Parameter(3, False, 0, 10, "a", None, 0.1, "note")
    named = Parameter(value=3, vary=False, min=0, max=10, name="a", brute_step=0.1)
    expected = ("a", 3, False, 0, 10, None, 0.1)
    assert attributes(present) == attributes(manual) == attributes(named) == expected
    assert present.user_data == manual.user_data == "note"


def test_styles_mix_with_keywords():
    assert attributes(Parameter(5, name="a", max=7))[:5] == ("a", 5, True, -math.inf, 7)
    assert attributes(Parameter("a", min=1, value=5))[:5] == ("a", 5, True, 1, math.inf)
    assert attributes(Parameter(np.float64(2.5), True, None, 3))[1:5] == (2.5, True, -math.inf, 3)
    assert Parameter(None, 5).value == 5
    assert Parameter(None, False).vary is False


def test_a_twice_given_argument_is_refused():
    with pytest.raises(TypeError, match="multiple values for name"):
        Parameter("a", 1, name="b")
    with pytest.raises(TypeError, match="multiple values for value"):
        Parameter(1, value=2)
    with pytest.raises(TypeError, match="at most 8"):
        Parameter(*range(9))


def test_without_a_value_it_reads_as_the_lower_bound():
    assert Parameter("a").value == -math.inf
    assert Parameter("a", min=2).value == 2
    assert Parameter("a").init_value is None


def test_the_value_is_kept_within_the_bounds():
    par = Parameter("a", 5, min=0, max=1)
    assert par.value == 1
    assert par.init_value == 5
    par.value = -3
    assert par.value == 0
    par.set(value=0.25)
    par.min = 0.5
    assert par.value == 0.5
    par.max = None
    par.value = 9
    par.max = 7
    assert par.value == 7


def test_one_bound_may_pass_the_other_until_that_follows():
    par = Parameter("a", 5, min=0, max=10)
    par.min = 20
    assert par.value == 5
    par.max = 30
    assert (par.value, par.min, par.max) == (20, 20, 30)
    par.set(min=-5, max=-1)
    assert par.value == -1


@pytest.mark.parametrize(("low", "high"), [(10, 0), (1, 1), (math.inf, 0), (0, -math.inf)])
def test_bounds_given_together_must_be_in_order(low, high):
    with pytest.raises(ValueError, match=f"'a': min={low} must be less than max={high}"):
        Parameter("a", 5, min=low, max=high)
    par = Parameter("a", 5, min=3, max=7)
    with pytest.raises(ValueError, match="'a': min"):
        par.set(min=low, max=high)
    assert (par.value, par.min, par.max) == (5, 3, 7)


@pytest.mark.parametrize("what", ["value", "min", "max", "brute_step"])
@pytest.mark.parametrize(
    "bad",
    ["3", b"3", 3j, np.complex128(3), np.array([1.0]), np.array([1.0, 2.0]), [1], (), {}, object(),
     np.array("3"), np.datetime64("2020-01-01")],
    ids=lambda bad: "object()" if type(bad) is object else repr(bad),
)  # fmt: skip
def test_what_is_not_a_real_number_is_refused_by_name_and_changes_nothing(what, bad):
    with pytest.raises(TypeError, match=f"parameter 'a': {what} must be a real number, not"):
        Parameter("a", **{what: bad})
    par = Parameter("a", 5, min=3, max=7, brute_step=0.5)
    before = par.__getstate__()
    with pytest.raises(TypeError, match=f"'a': {what}"):
        par.set(**({"min": -1, "vary": False} | {what: bad}))
    assert par.__getstate__() == before
    if what != "brute_step":
        with pytest.raises(TypeError, match=f"'a': {what}"):
            setattr(par, what, bad)
    assert par.__getstate__() == before


def test_a_nan_bound_and_an_integer_beyond_doubles_are_refused():
    with pytest.raises(ValueError, match="'a': min must not be NaN"):
        Parameter("a", 1, min=math.nan)
    with pytest.raises(ValueError, match="'a': max must not be NaN"):
        Parameter("a", 1).max = math.nan
    with pytest.raises(ValueError, match="'a': value must fit a double"):
        Parameter("a", 10**400)


def test_a_nan_value_can_be_stored():
    assert math.isnan(Parameter("a", math.nan, min=0).value)


@pytest.mark.parametrize(
    ("given", "kept", "kind"),
    [
        (3, 3, int), (3.5, 3.5, float), (True, True, bool), (np.int32(4), 4, int),
        (np.float32(0.5), 0.5, float), (np.array(2.5), 2.5, float), (np.array(2), 2, int),
        (Fraction(1, 4), 0.25, float), (Decimal("0.5"), 0.5, float), (2**53 + 1, 2.0**53, float),
        (Parameter("b", 6), 6, int),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_of_any_kind_become_pythons_own(given, kept, kind):
    value = Parameter("a", given).value
    assert value == kept
    assert type(value) is kind


@pytest.mark.parametrize("bad", ["False", None.__class__, 2, 0.5, []])
def test_vary_is_a_bool(bad):
    with pytest.raises(TypeError, match="'a': vary must be True or False"):
        Parameter("a", 1, vary=bad)


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match="name must be a string"):
        Parameter(value=1, name=3)


def test_an_expression_fixes_and_varying_or_a_value_removes_it():
    par = Parameter("a", 10, vary=True, expr="b")
    assert (par.value, par.vary, par.expr) == (10, False, "b")
    par.vary = True
    assert (par.vary, par.expr) == (True, None)
    par.expr = "c"
    par.set(value=3)
    assert (par.value, par.vary, par.expr) == (3, False, None)
    par.set(value=4, expr="d")
    assert (par.value, par.vary, par.expr) == (4, False, "d")
    par.set(vary=False)
    assert par.expr == "d"
    par.set(expr="")
    assert (par.vary, par.expr) == (False, None)
    par.set(expr="e", vary=True)
    assert (par.vary, par.expr) == (False, "e")
    par.expr = None
    assert par.expr is None


def test_set_leaves_what_is_none():
    par = Parameter("a", 5, vary=False, min=0, max=9, brute_step=0.5)
    before = par.__getstate__()
    par.set()
    assert par.__getstate__() == before
    par.set(min=-math.inf, max=math.inf, brute_step=0)
    assert (par.min, par.max, par.brute_step) == (-math.inf, math.inf, None)
    par.set(value=7, is_init_value=False)
    assert (par.value, par.init_value) == (7, 5)
    par.set(value=25, max=30)
    assert (par.value, par.init_value) == (25, 25)


def test_a_syntax_error_names_the_parameter_and_shows_the_place():
    with pytest.raises(SyntaxError, match=r"parameter 'a': .*\n    2\*\(b\n {6}\^"):
        Parameter("a", 1, expr="2*(b")
    with pytest.raises(SyntaxError) as caught:
        Parameter("a", 1, expr="1 + " * 10000 + "2 )")
    assert len(str(caught.value)) < 250 and str(caught.value).endswith("^")
    par = Parameter("a", 1, min=0)
    with pytest.raises(SyntaxError, match="parameter 'a'"):
        par.set(value=5, expr="1 +")
    assert (par.value, par.expr) == (1, None)
    with pytest.raises(TypeError, match="'a': expr must be a string"):
        par.expr = 5
    with pytest.raises(SyntaxError, match="parameter 'a': "):
        par.expr = "(" * 100000


def test_repr():
    par = Parameter("a", 10.5)
    assert repr(par) == "<Parameter 'a', value=10.5, bounds=[-inf:inf]>"
    par.stderr = 0.123456
    assert repr(par) == "<Parameter 'a', value=10.5 +/- 0.123, bounds=[-inf:inf]>"
    par.vary = False
    par.min = 0
    assert repr(par) == "<Parameter 'a', value=10.5 (fixed), bounds=[0:inf]>"
    par.set(expr="2*b", brute_step=0.1)
    assert repr(par) == (
        "<Parameter 'a', value=10.5 +/- 0.123, bounds=[0:inf], expr='2*b', brute_step=0.1>"
    )


def test_repr_of_an_expression_that_fails_shows_the_last_value():
    params = Parameters()
    params.add("x", 2)
    params.add("y", expr="1/x")
    assert params["y"].value == 0.5
    params["x"].value = 0
    assert "value=0.5, " in repr(params["y"])


def test_formatting_acts_on_the_value():
    par = Parameter("a", 2.0 / 3)
    assert f"{par:.3f}" == "0.667"
    assert f"{par}" == repr(par)


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, divmod, operator.eq, operator.ne, operator.lt, operator.le, operator.gt,
    operator.ge,
]  # fmt: skip
UNARY = [abs, operator.neg, operator.pos, bool, int, float, math.trunc, math.floor, math.ceil,
         round, complex, math.sin]  # fmt: skip


@pytest.mark.parametrize("value", [10.4, -3, 2.5, 7])
@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_binary_operators_act_on_the_value_from_both_sides(function, value):
    par = Parameter("a", value)
    for other in (3, 0.5, 10.4):
        assert function(par, other) == function(value, other)
        assert function(other, par) == function(other, value)
        assert type(function(par, other)) is type(function(value, other))
    assert function(par, Parameter("b", 2.5)) == function(value, 2.5)
    array = np.array([1.0, 3.0])
    np.testing.assert_array_equal(function(par, array), function(value, array))
    np.testing.assert_array_equal(function(array, par), function(array, value))


@pytest.mark.parametrize("value", [10.4, -3, 0, 2.5])
@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
def test_unary_operators_act_on_the_value(function, value):
    assert function(Parameter("a", value)) == function(value)
    assert type(function(Parameter("a", value))) is type(function(value))


def test_rounding_to_digits():
    assert round(Parameter("a", 10.46), 1) == 10.5


def test_arithmetic_with_other_things_is_pythons():
    par = Parameter("a", 10.4)
    assert (par == "x") is False
    assert (par == None) is False  # noqa: E711
    assert par + 1j == 10.4 + 1j
    with pytest.raises(TypeError):
        par + "x"
    with pytest.raises(TypeError):
        par < "x"  # noqa: B015
    with pytest.raises(TypeError):
        hash(par)
    with pytest.raises(TypeError):
        pow(par, 2, 3)


def test_numpy_takes_it_as_its_value():
    par = Parameter("a", 10.4)
    assert np.sin(par) == np.sin(10.4)
    np.testing.assert_array_equal(np.array([par, par]), [10.4, 10.4])
    assert np.asarray(par).dtype == np.float64
    assert np.asarray(par, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="always a copy"):
        np.asarray(par, copy=False)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_copies_and_pickles_keep_everything(duplicate):
    par = Parameter("a", 3, False, 0, 10, None, 0.1, {"k": [1]})
    par.stderr, par.correl = 0.25, {"b": 0.5}
    twin = duplicate(par)
    assert type(twin) is Parameter
    assert twin.__getstate__() == par.__getstate__()
    twin.value = 4
    assert par.value == 3
    assert pickle.loads(pickle.dumps(Parameter("a")))._is_unset


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="a Parameter's state is"):
        Parameter("a").__setstate__(("a", 1))


def test_names_that_are_private_in_lmfit_can_be_read():
    alone = Parameter("a", 3, min=0)
    assert (alone._val, alone._expr, alone._expr_ast, alone._expr_deps) == (3, None, None, [])
    assert alone._expr_eval is None and alone._delay_asteval is False
    params = Parameters()
    params.add("a", 2)
    params.add("b", expr="a + sin(a)")
    made = params["b"]
    assert (made._expr, made._expr_deps) == ("a + sin(a)", ["a", "sin"])
    assert made._val == 2 + math.sin(2) and isinstance(made._expr_ast, ast.AST)
    assert made._expr_eval.symtable["a"] == 2
