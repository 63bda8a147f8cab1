"""Expressions between parameters: dependencies, order, errors, derivatives, and user symbols."""

import math
import threading

import numpy as np
import pytest

from fitcore import expression
from fitcore._expression import CODES, Program
from fitcore._parameter import Constraint, ParameterBase
from fitcore.parameter import Parameters, create_params


def compiled(params, name):
    """Whether the expression of a parameter is a program."""
    found = {c.target.name: c for c in params._constraints()}
    return found[name].program is not None


def test_values_follow_their_sources_at_once():
    params = create_params(a=3, b={"expr": "2*a"}, c={"expr": "b + 1"})
    assert params["c"].value == 7
    params["a"].value = 5
    assert params["c"].value == 11
    params["b"].expr = "a - 1"
    assert params["c"].value == 5
    params["b"].set(value=100)
    assert params["c"].value == 101


def test_references_may_point_forward():
    params = Parameters()
    params.add("amp_1", value=0.5, min=0, max=1)
    params.add("cen_1", value=2.2)
    params.add("wid_1", value=0.2)
    params.add("amp_2", expr="(2.0 - amp_1**2)")
    params.add("cen_2", expr="cen_1 * wid_2 / max(wid_1, 0.001)")
    params.add("wid_2", expr="sqrt(pi)*wid_1")
    assert params["amp_2"].value == 1.75
    assert params["wid_2"].value == pytest.approx(math.sqrt(math.pi) * 0.2, rel=1e-15)
    assert params["cen_2"].value == pytest.approx(2.2 * math.sqrt(math.pi), rel=1e-15)


def test_the_inequality_recipe_of_the_manual():
    params = Parameters()
    params.add("x", value=5, vary=True)
    params.add("delta", value=5, max=10, vary=True)
    params.add("y", expr="delta-x")
    params["delta"].value = 50
    assert params["x"].value + params["y"].value == 10


def test_a_conditional_expression_evaluates_one_branch_only():
    params = create_params(
        param_a=1, param_b=2, test_val=300,
        bounded={"expr": "param_a if test_val/2. > 100 else 1/(param_b - 2)"},
    )  # fmt: skip
    assert params["bounded"].value == 1
    params["test_val"].value = 100
    with pytest.raises(ZeroDivisionError, match="parameter 'bounded'"):
        params.update_constraints()


def test_bounds_limit_expressions():
    params = create_params(x=3, a={"expr": "2*x", "min": 0, "max": 5})
    assert params["a"].value == 5
    params["x"].value = -1
    assert params["a"].value == 0
    params["a"].min = 1
    assert params["a"].value == 1


@pytest.mark.parametrize(
    ("exprs", "circle"),
    [
        ({"a": "a + 1"}, "a -> a"),
        ({"a": "b", "b": "a"}, "a -> b -> a"),
        ({"a": "x + b", "b": "2*c", "c": "a - x"}, "a -> b -> c -> a"),
        ({"u": "c", "a": "c", "c": "a"}, "c -> a -> c"),
    ],
)
def test_a_circle_is_an_error_that_shows_it(exprs, circle):
    params = create_params(x=1)
    params.add_many(*((name, None, None, None, None, text) for name, text in exprs.items()))
    for attempt in (params.update_constraints, params._prepare, lambda: params["a"].value):
        with pytest.raises(ValueError, match=f"expressions form a circle: {circle}"):
            attempt()
    params["a"].set(value=1)
    params.update_constraints()


def test_outside_a_circle_values_can_be_read():
    params = create_params(x=1, a={"expr": "b"}, b={"expr": "a"}, ok={"expr": "x + 1"})
    assert params["ok"].value == 2


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("nosuch*2", NameError, "name 'nosuch' is not defined"),
        ("nosuch(x)", NameError, "name 'nosuch' is not defined"),
        ("1/x", ZeroDivisionError, "division by zero"),
        ("1 % x", ZeroDivisionError, "modulo"),
        ("x**-1", ZeroDivisionError, "negative power"),
        ("(x - 8)**(1/3)", TypeError, "must give a real number, not .*complex"),
        ("None", TypeError, "asteval gives None"),
        ("[x, x]", TypeError, "must give a real number, not .*list"),
        ("'text'", TypeError, "must give a real number"),
        ("~x", TypeError, "bad operand type"),
        ("10.0**400", OverflowError, "out of range"),
        ("2**99999999999", RuntimeError, "Invalid exponent, max exponent is 10000"),
        ("(x + 2)**10001", RuntimeError, "Invalid exponent, max exponent is 10000"),
        ("1 << 99999999", RuntimeError, "Invalid left shift, max left shift is 1000"),
        ("x.__class__", AttributeError, "no safe attribute"),
        ("factorial(x + 0.5)", TypeError, "float"),
    ],
)
def test_errors_are_asteval_s_and_name_the_parameter(text, kind, message, capsys):
    params = create_params(x=0, y={"expr": text})
    for attempt in (params.update_constraints, params._prepare, lambda: params["y"].value):
        with pytest.raises(kind, match=rf"(?s)parameter 'y': expr .*: .*{message}|'y'.*{message}"):
            attempt()
    assert params["y"]._last_value == -math.inf
    assert capsys.readouterr() == ("", "")


def test_a_failed_evaluation_keeps_the_last_value():
    params = create_params(x=4, y={"expr": "1/x"})
    assert params["y"].value == 0.25
    params["x"].value = 0
    with pytest.raises(ZeroDivisionError):
        params.update_constraints()
    assert params["y"]._last_value == 0.25
    params["x"].value = 2
    assert params["y"].value == 0.5


def test_long_chains_and_wide_sums_are_evaluated_in_order():
    params = create_params(p0=1)
    for i in range(1, 300):
        params.add(f"p{i}", expr=f"p{i - 1} + 1")
    params.add("total", expr=" + ".join(f"p{i}" for i in range(300)))
    assert params["total"].value == 300 * 301 / 2
    assert not compiled(params, "total")
    params.add("deep", expr="(" * 50 + "p0" + " + 1)" * 50)
    assert params["deep"].value == 51
    params.add("tower", expr="".join(f"p0 + ({i} * (" for i in range(40)) + "p0" + "))" * 40)
    assert not compiled(params, "tower") and math.isfinite(params["tower"].value)


@pytest.mark.parametrize("depth", [2000, 20000, 200000])
def test_too_deep_for_asteval_is_an_error_that_names_the_parameter(depth):
    with pytest.raises((RecursionError, SyntaxError, TypeError), match="'y':"):
        create_params(x=1, y={"expr": "x" + " + x" * depth}).update_constraints()


# ------------------------------------------------------------------------------ user symbols


def lorentzian(x, amp, cen, wid):
    return amp / (1 + ((x - cen) / wid) ** 2)


def test_user_functions_and_objects_are_known():
    params = Parameters(usersyms={"lorentzian": lorentzian, "grid": np.arange(4)})
    params.add("x", 1.0)
    params.add("y", expr="lorentzian(x, 2, 1, 0.5) + grid[3]")
    assert params["y"].value == 5
    params.copy()["y"].value = 0


def test_symbols_can_be_added_to_the_interpreter_later():
    params = create_params(x=1.0, y={"expr": "lorentzian(x, 2, 1, 0.5)"})
    with pytest.raises(NameError, match=r"'y'.*lorentzian"):
        _ = params["y"].value
    params._asteval.symtable["lorentzian"] = lorentzian
    assert params["y"].value == 2
    params._asteval.symtable["k"] = 5
    params["y"].expr = "k*x"
    assert params["y"].value == 5
    params._asteval.symtable["k"] = 6
    assert params["y"].value == 6


def test_a_symbol_of_the_user_replaces_a_function():
    params = Parameters(usersyms={"sqrt": abs, "pi": 3})
    params.add("x", 16.0)
    params.add("y", expr="sqrt(x) + pi")
    assert params["y"].value == 19
    params = create_params(x=16.0, y={"expr": "sqrt(x)"})
    assert params["y"].value == 4
    params._asteval.symtable["sqrt"] = abs
    assert params["y"].value == 16


def test_a_removed_parameter_gives_back_the_name_it_hid():
    params = create_params(x=2, pi=3, y={"expr": "pi*x"}, z={"expr": "sum([pi, x])"})
    assert params["y"].value == 6 and params["z"].value == 5
    del params["pi"]
    assert params["y"].value == 2 * math.pi and params["z"].value == 2 + math.pi


def test_procedures_defined_in_the_interpreter_see_the_parameters():
    params = create_params(x=2, y={"expr": "f(3)"})
    params._asteval("def f(n):\n    s = 0\n    for i in range(n):\n        s = s + x\n    return s")
    assert params["y"].value == 6
    params["x"].value = 5
    assert params["y"].value == 15


def test_special_functions_are_known():
    params = create_params(x=0.5, y={"expr": "erf(x) + erfc(x) + gamfcn(5) + betalnfnc(2, 3)"})
    assert params["y"].value == pytest.approx(1 + 24 + math.log(1 / 12), rel=1e-14)


def test_eval_gives_what_asteval_gives():
    params = create_params(a=10, b={"expr": "2*a"})
    assert params.eval("a*b") == 200
    assert params.eval("a > 3") is True
    assert params.eval("[a, b]") == [10, 20]
    params["a"].value = 1
    assert params.eval("b") == 2
    for text, kind in (("nosuch", NameError), ("a*(", SyntaxError), ("1/0", ZeroDivisionError)):
        with pytest.raises(kind, match="eval"):
            params.eval(text)
    with pytest.raises(TypeError, match="expr must be a string"):
        params.eval(3)


def test_common_expressions_make_no_interpreter():
    params = create_params(
        sigma=2, amplitude=3, fwhm={"expr": "2.3548200*sigma"},
        height={"expr": "0.3989423*amplitude/max(1e-15, sigma)"},
        both={"expr": "2*sqrt(2*log(2))*sigma if sigma > 0 and not amplitude < 1 else -e**2"},
    )  # fmt: skip
    params.update_constraints()
    assert params["both"].value == pytest.approx(4.709640090061899, rel=1e-15)
    assert params._interp is None
    assert all(compiled(params, name) for name in ("fwhm", "height", "both"))


def test_threads_with_their_own_copies_get_the_serial_values():
    params = create_params(x=0.0, y={"expr": "sin(x)**2"}, z={"expr": "sum([y, cos(x)**2])"})
    found = {}

    def work(number):
        mine = params.copy()
        total = []
        for i in range(200):
            mine["x"].value = number + i / 7
            mine.update_constraints()
            total.append(mine["z"].value + mine["y"].value)
        found[number] = total

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parallel = dict(found)
    for number in range(8):
        work(number)
        assert found[number] == parallel[number]


# ------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("3*x - y", lambda x, y: (3, -1)),
        ("x*y/(x + y)", lambda x, y: (y**2 / (x + y) ** 2, x**2 / (x + y) ** 2)),
        ("x**y", lambda x, y: (y * x ** (y - 1), x**y * math.log(x))),
        ("pow(x, y)", lambda x, y: (y * x ** (y - 1), x**y * math.log(x))),
        (
            "sqrt(x)**-y",
            lambda x, y: (-y / 2 * x ** (-y / 2 - 1), -math.log(x) / 2 * x ** (-y / 2)),
        ),
        ("-x % y", lambda x, y: (-1, -math.floor(-x / y))),
        ("x // y", lambda x, y: (0, 0)),
        ("x if x > y else y**2", lambda x, y: (1, 0) if x > y else (0, 2 * y)),
        ("x > 0 and y", lambda x, y: (0, 1)),
        ("max(x, y, 0) - min(x, y)", lambda x, y: (1, -1) if x > y else (-1, 1)),
        ("maximum(x, y) - minimum(x, y)", lambda x, y: (1, -1) if x > y else (-1, 1)),
        ("atan2(y, x)", lambda x, y: (-y / (x * x + y * y), x / (x * x + y * y))),
        ("hypot(x, y)", lambda x, y: (x / math.hypot(x, y), y / math.hypot(x, y))),
        ("fmod(x, y)", lambda x, y: (1, -math.trunc(x / y))),
        ("copysign(x, -y)", lambda x, y: (-1, 0)),
        ("sum([x*y, x])", lambda x, y: (y + 1, x)),
        ("erf(x)*y", lambda x, y: (2 / math.sqrt(math.pi) * math.exp(-x * x) * y, math.erf(x))),
    ],
)
@pytest.mark.parametrize("point", [(0.7, 0.4), (0.3, 1.9)])
def test_the_jacobian_is_that_of_the_formula(text, slope, point):
    params = create_params(x=point[0], y=point[1], f={"expr": text})
    exact = slope(*point)
    rel = 1e-14 if compiled(params, "f") else 1e-8
    np.testing.assert_allclose(params._expression_jacobian(["x", "y"])["f"], exact, rel, 1e-15)
    reverse = params._expression_jacobian(["y"])["f"]
    np.testing.assert_allclose(reverse, exact[1:], rel, 1e-15)


ONE_ARGUMENT = {
    "sin": 0.4, "cos": 0.4, "tan": 0.4, "asin": 0.4, "acos": 0.4, "atan": 0.4, "sinh": 0.4,
    "cosh": 0.4, "tanh": 0.4, "asinh": 0.4, "acosh": 1.4, "atanh": 0.4, "exp": 0.4, "expm1": 0.4,
    "exp2": 0.4, "log": 0.4, "log10": 0.4, "log1p": 0.4, "log2": 0.4, "sqrt": 0.4, "square": 0.4,
    "abs": -0.4, "fabs": -0.4, "floor": 0.4, "ceil": 0.4, "trunc": -0.4, "sign": 0.4,
    "degrees": 0.4, "radians": 0.4, "deg2rad": 0.4, "rad2deg": 0.4,
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_the_slope_of_each_function_is_its_difference_quotient(name):
    x, h = ONE_ARGUMENT[name], 1e-5
    params = create_params(x=x, f={"expr": f"{name}(x)"})
    slope = params._expression_jacobian(["x"])["f"][0]
    ends = []
    for point in (x - h, x + h):
        params["x"].value = point
        ends.append(params["f"].value)
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * h), rel=1e-8)
    assert compiled(params, "f")


def test_jacobians_of_chains_and_clipped_values():
    params = create_params(
        a=2, b=3, fixed={"value": 5, "vary": False}, c={"expr": "a*b"}, d={"expr": "c**2 + fixed"},
        e={"expr": "sum([d, c])"}, top={"expr": "10*a", "max": 15}, after={"expr": "top + b"},
        alone={"expr": "fixed + 1"},
    )  # fmt: skip
    found = params._expression_jacobian(["a", "b"])
    np.testing.assert_array_equal(found["c"], [3, 2])
    np.testing.assert_array_equal(found["d"], [36, 24])
    np.testing.assert_allclose(found["e"], [39, 26], rtol=1e-8)
    np.testing.assert_array_equal(found["top"], [0, 0])
    np.testing.assert_array_equal(found["after"], [0, 1])
    np.testing.assert_array_equal(found["alone"], [0, 0])
    assert params.valuesdict()["e"] == 47
    assert create_params(a=1)._expression_jacobian(["a"]) == {}


def test_the_jacobian_takes_independent_parameters_only():
    params = create_params(a=2, b={"expr": "a"})
    with pytest.raises(KeyError, match="'nosuch' is no parameter"):
        params._expression_jacobian(["nosuch"])
    with pytest.raises(ValueError, match="'b' is an expression"):
        params._expression_jacobian(["b"])


# ---------------------------------------------------------------------------------- programs


@pytest.mark.parametrize(
    ("code", "constants", "slots"),
    [
        ([], [], 0),
        ([("SLOT", 0)], [], 0),
        ([("SLOT", -1)], [], 1),
        ([("CONSTANT", 0)], [], 1),
        ([("SLOT", 0), ("SLOT", 0)], [], 1),
        ([("ADD", 0)], [], 0),
        ([("NEGATE", 0)], [], 0),
        ([("SLOT", 0), ("ADD", 0)], [], 1),
        ([("SLOT", 0), ("CALL1", 63)], [], 1),
        ([("SLOT", 0), ("JUMP", 0)], [], 1),
        ([("SLOT", 0), ("JUMP", 9)], [], 1),
        ([("JUMP_IF_FALSE", 1), ("SLOT", 0)], [], 1),
        ([("SLOT", 0), ("AND_JUMP", 2)], [], 1),
        ([("SLOT", 0)] * 33 + [("ADD", 0)] * 32, [], 1),
        ([("SLOT", 0)], [], 65),
        ([("SLOT", 0)], [], -1),
    ],
)
def test_a_program_that_could_leave_its_memory_is_refused(code, constants, slots):
    with pytest.raises(ValueError):
        Program([(CODES[name], argument) for name, argument in code], constants, slots)


def test_programs_and_constraints_check_what_they_are_given():
    program = Program([(CODES["SLOT"], 0)], [], 1)
    assert program([2.5]) == 2.5
    with pytest.raises(ValueError, match="slots must have length 1"):
        program([])
    with pytest.raises(ValueError, match="inputs must have length 1"):
        Constraint(ParameterBase(), program, (), (), float)
    with pytest.raises(TypeError, match="inputs must hold"):
        Constraint(ParameterBase(), program, (3,), (), float)
    with pytest.raises(TypeError, match="upstream must hold"):
        Constraint(ParameterBase(), None, (), (3,), float)


def test_names_bound_inside_an_expression_are_not_read():
    assert set(expression.parse("sum([i*a for i in range(3)])").names) == {"sum", "range", "a"}
    assert expression.parse("(lambda t: t + b)(2)").names == ("b",)
