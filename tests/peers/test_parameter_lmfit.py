"""Parameter and Parameters beside lmfit 1.3.4, in one process.

Where fitcore differs on purpose, each with a test below:

- ``min`` and ``max`` given together out of order raise ValueError; lmfit swaps them silently.
- What is not a real number is refused with the parameter's name; lmfit stores strings set later,
  complex values and arrays, or fails in a comparison.
- A new bound clips the value at once; lmfit shows the old value until a fit begins.
- Numbers of numpy become Python's: ``value=3.0`` where lmfit shows ``np.float64(3.0)``.
- Parameters in expressions are Python floats, whatever their expressions give: ``1/y`` with
  ``y = sqrt(0)`` raises ZeroDivisionError; lmfit gives inf. Arithmetic on ints gives floats.
- Comparisons as expressions give 1.0 and 0.0; lmfit gives True and False.
- References may point forward (lmfit raises NameError in `add`), so an unknown name is an error
  when the value is needed. A circle is a ValueError that shows it; lmfit recurses or forgets it.
- A removed parameter is an error in the expressions that use it; lmfit goes on with its last value.
- Errors in expressions carry a message; lmfit's are empty. `eval` raises them; lmfit prints them
  and returns None.
- A parameter put into a second Parameters is copied; in lmfit both share it.
- `add_many` also takes one sequence of entries, as the manual says.
- Names in tables: an unknown column is an error before anything is printed; an empty table prints.
- ``vary=None`` stands for the default, True; lmfit fixes such a parameter.
- JSON holds only the user's own symbols, and no pickles.
- ``round(par)`` and ``format(par, '.3f')`` work.
- Removing an expression leaves the parameter fixed always; in lmfit one that was created on its
  own varies again.
"""

import copy
import io
import json
import math
import operator
import re
import shutil

import numpy as np
import pytest
from originals import require_peer

import fitcore.parameter as fc

lmfit = require_peer("lmfit")

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

BOTH = [fc, lmfit]


def state(par):
    return (par.name, par.value, par.vary, par.min, par.max, par.expr, par.brute_step,
            par.init_value, par.stderr, par.correl, par.user_data)  # fmt: skip


def outcome(action):
    """What it returns, or the type of what it raises."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001  # the types are compared
        return type(error)


CREATED = [
    ("a",), ("a", 5), ("a", 5.5, False), ("a", 5, True, 0), ("a", 5, True, None, 3),
    ("a", -5, True, -2, 3), ("a", None, True, 2), ("a", None, True, None, 2),
    ("a", None, True, 1, 2), ("a", 5, True, 0, 10, "b"), ("a", None, True, 0, 10, "b"),
    ("a", 5, False, 0, 10, None, 0.1), ("a", 5, True, 0, 10, None, None, "u"), (None, 3),
    ("a", math.inf), ("a", 5, True, math.inf and -math.inf, math.inf),
    ("a", 1, True, 1, 1), ("a", 1, True, 0, "x"), ("a", "3"), ("a", 3j), ("a", [1]),
]  # fmt: skip


@pytest.mark.parametrize("args", CREATED, ids=repr)
def test_creation(args):
    mine, theirs = (outcome(lambda m=m: state(m.Parameter(*args))) for m in BOTH)
    assert mine == theirs
    if isinstance(mine, tuple) and args[0] is not None:
        assert repr(fc.Parameter(*args)) == repr(lmfit.Parameter(*args))


SETTINGS = [
    {}, {"value": 5}, {"value": 50}, {"vary": False}, {"vary": True}, {"max": 30},
    {"min": None}, {"min": -math.inf}, {"max": math.inf}, {"expr": "b"}, {"expr": ""},
    {"brute_step": 0.1}, {"brute_step": 0}, {"value": 5, "is_init_value": False},
    {"value": 25, "max": 30}, {"value": 5, "expr": "c"}, {"value": 5, "vary": False},
    {"vary": True, "expr": "c"}, {"value": 3, "vary": True, "expr": ""}, {"min": 2, "max": 15},
]  # fmt: skip


# Not (True, "b"): lmfit remembers vary under an expression, the last difference above.
@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize(("vary", "expr"), [(True, None), (False, None), (False, "b")])
def test_set(settings, vary, expr):
    pars = [m.Parameter("a", 10, vary=vary, min=0, max=20, expr=expr) for m in BOTH]
    for par in pars:
        par.set(**settings)
    assert state(pars[0]) == state(pars[1])


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("value", 5), ("value", 50), ("value", -3), ("vary", False), ("vary", True), ("expr", "c"),
     ("expr", ""), ("expr", None), ("min", -5), ("max", 12), ("min", -math.inf), ("name", "z")],
)  # fmt: skip
@pytest.mark.parametrize("expr", [None, "b"])
def test_attributes(attribute, value, expr):
    pars = [m.Parameter("a", 10, vary=False, min=0, max=20, expr=expr) for m in BOTH]
    for par in pars:
        setattr(par, attribute, value)
    assert state(pars[0]) == state(pars[1])


@pytest.mark.parametrize("stderr", [None, 0.1, 0.123456789, 12345.678, 1e-9 / 3, 2, math.nan])
@pytest.mark.parametrize("extra", [{}, {"vary": False}, {"expr": "2*b"}, {"brute_step": 0.25}])
def test_repr(stderr, extra):
    pars = [m.Parameter("a", 1 / 3, min=-1, max=1.5, **extra) for m in BOTH]
    for par in pars:
        par.stderr = stderr
    assert repr(pars[0]) == repr(pars[1]) == str(pars[0])


BOUNDS = [(None, None), (0, None), (-3.5, None), (None, 10), (None, 100.25), (0, 10), (-20, 7.5)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("value", [5.0, 0.0, 7.5, -3.0, 1e-3, 2.25])
def test_the_mapping_of_bounds(bounds, value):
    mine, theirs = (m.Parameter("a", value, True, *bounds) for m in BOTH)
    u = mine.setup_bounds()
    # lmfit forms (value - min + 1)^2 - 1, which cancels near the bound.
    assert u == pytest.approx(theirs.setup_bounds(), rel=1e-11, abs=1e-14)
    for point in (u, -2.5, -0.3, 0.4, 1.1, 3.0, 40.0):
        assert mine.from_internal(point) == pytest.approx(
            float(theirs.from_internal(point)), rel=1e-13, abs=3e-14
        )
        assert mine.scale_gradient(point) == pytest.approx(
            float(theirs.scale_gradient(point)), rel=1e-13, abs=1e-14
        )


def test_the_mapping_keeps_digits_where_lmfit_loses_them():
    wide = {"value": 3e-9, "min": 0, "max": 1000}
    mine, theirs = (m.Parameter("a", **wide) for m in BOTH)
    assert mine.from_internal(mine.setup_bounds()) == pytest.approx(3e-9, rel=1e-9, abs=0)
    assert theirs.from_internal(theirs.setup_bounds()) != pytest.approx(3e-9, rel=1e-9, abs=0)


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
          operator.mod, operator.pow, divmod, operator.eq, operator.ne, operator.lt, operator.le,
          operator.gt, operator.ge]  # fmt: skip
UNARY = [abs, operator.neg, operator.pos, bool, int, float, math.trunc, math.floor, math.ceil,
         complex, np.sin, np.asarray, hash]  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [3, 0.5, 10.4, 0, "x", None, 2j, np.float64(2)], ids=repr)
def test_binary_operators(function, other):
    mine, theirs = (m.Parameter("a", 10.4) for m in BOTH)
    assert outcome(lambda: function(mine, other)) == outcome(lambda: function(theirs, other))
    assert outcome(lambda: function(other, mine)) == outcome(lambda: function(other, theirs))
    assert type(outcome(lambda: function(mine, other))) is type(
        outcome(lambda: function(theirs, other))
    )


@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [10.4, -3, 0])
def test_unary_operators(function, value):
    mine, theirs = (outcome(lambda m=m: function(m.Parameter("a", value))) for m in BOTH)
    assert mine == theirs
    assert type(mine) is type(theirs)


# -------------------------------------------------------------------------------- Parameters


def filled(module):
    params = module.Parameters()
    params.add("a", 10, min=0, max=20)
    params.add("b", expr="2*a")
    params.add("c", 3, vary=False)
    params.add("long_name_here", 1.23456789e-12, min=-1e30, brute_step=0.125)
    params["a"].stderr = 0.1234567
    params["a"].correl = {"long_name_here": 0.25}
    return params


@pytest.mark.parametrize(
    "options",
    [
        {}, {"oneline": True}, {"colwidth": 12, "precision": 8, "fmt": "e",
                                "columns": ["value", "expr", "max"]},
        {"fmt": "f", "precision": 2}, {"columns": ["stderr", "brute_step", "vary"]},
    ],
)  # fmt: skip
def test_pretty_print(options, capsys):
    for module in BOTH:
        filled(module).pretty_print(**options)
    printed = capsys.readouterr().out
    half = len(printed) // 2
    assert printed[:half] == printed[half:]


def test_reprs_and_values():
    mine, theirs = filled(fc), filled(lmfit)
    assert repr(mine) == repr(theirs)
    for oneline in (False, True):
        assert mine.pretty_repr(oneline) == theirs.pretty_repr(oneline)
    assert mine.valuesdict() == theirs.valuesdict()
    np.testing.assert_array_equal(np.array(mine), np.array(theirs))
    assert repr(fc.Parameters()) == repr(lmfit.Parameters())


@pytest.mark.parametrize(
    "key", ["a", "1a", "a b", "for", "A", "é", "", "None", "print", "_x", "match", "a.b", "True"]
)
def test_names(key):
    def put(module):
        params = module.Parameters()
        params[key] = module.Parameter("p", 1)
        return list(params), params[key].name

    assert outcome(lambda: put(fc)) == outcome(lambda: put(lmfit))


@pytest.mark.parametrize(
    "parlist",
    [
        (("a", 1), ("b", 2)), (("a", 1, True, None, None, None, None),), ("a",), (("a",),), (),
        (("b", None, None, None, None, "a"), ("a", 1)), (("a", 1, False, 0, 5, None, None, 7),),
    ],
)  # fmt: skip
def test_add_many(parlist):
    made = []
    for module in BOTH:
        params = module.Parameters()
        params.add_many(*parlist)
        made.append([state(par) for par in params.values()])
    assert made[0] == made[1]


def test_set_and_create_params():
    for kws in (
        {"x": 5, "z": {"value": 3, "min": 0}, "w": 4},
        {"x": {"value": 7, "is_init_value": False}},
        {"x": {"vary": False, "max": 2}, "y": {"expr": "x"}},
        {"y": {"value": 3}},
    ):
        made = []
        for module in BOTH:
            params = module.create_params(x=3, y={"expr": "x*2"})
            params.set(**copy.deepcopy(kws))  # lmfit writes into the dicts
            params.update_constraints()
            for par in params.values():
                par.setup_bounds()  # here lmfit applies a new bound
            made.append(params.valuesdict())
            assert params["x"].vary == (kws.get("x") != {"vary": False, "max": 2})
        if kws.get("x") == {"vary": False, "max": 2}:
            assert made[0] == {"x": 2, "y": 2}  # lmfit keeps x = 3
        else:
            assert made[0] == made[1]


def test_merging():
    made = []
    for module in BOTH:
        other = module.Parameters(usersyms={"f": abs})
        other.add("a", -1.5)
        other.add("k", expr="f(a)")
        both = filled(module) + other
        twin = both.copy()
        twin += module.create_params(new=4)
        made.append([state(par) for par in (*both.values(), *twin.values())])
    assert made[0] == made[1]


EXPRESSIONS = """
x; -x; +x; x + y; x - y; x*y; x/y; x**2; x**y; 2**x; x**-0.5; x // y; x % y; -x // y; -x % y; -x**2
1 - x; (x + y)*(x - y)/2; 2.3548200*x; 0.3989423*y/max(1e-15, x); sqrt(pi)*x; x*sqrt(2*log(2))
e**-x; exp(-x*x/2)/sqrt(2*pi); 1/3 + x*0; 7//2 + 7 % 4 + 2**10 - 0x10; 1_000*x; x*1e-300*1e-300
sin(x); cos(x); tan(x); asin(x/5); acos(x/5); atan(x); sinh(x); cosh(x); tanh(x); asinh(x); acosh(y)
atanh(x/5); atan2(y, x); hypot(x, y); degrees(x); radians(x); log10(x); log1p(x); expm1(x); log2(x)
abs(-x); fabs(-x); floor(x); ceil(x); trunc(-x); fmod(y, x); copysign(x, -y); pow(x, y); arcsin(x/5)
max(x, y); min(x, y, 2); max([x, y]); x if x > y else y; y if x/2. > 100 else x; x > y and x or y
not x; x > 0; 0 < x < y; (x > 0) + (y > 0); isnan(x) + 0; isinf(1/x); sum([x, y]); factorial(5)
5 & 3 | 8 ^ 2; 1 << 4 >> 2; ~3; x in [x, y]; x is not None; [a*x for a in (1, 2)][1]; ldexp(x, 3)
frexp(x)[0]; modf(x)[1]; fsum([x, y, 1]); erf(x) + erfc(y); gamfcn(x); (lambda t: t*x)(y); 3.5; -2
where(x > y, x, y); sqrt(-x); log(-x); arctan2(x, y)**2/abs(y); sqrt(x)**y; x*nan; x + inf; 1e400
"""


@pytest.mark.parametrize("text", [text.strip() for text in re.split("[;\n]", EXPRESSIONS.strip())])
@pytest.mark.parametrize(("x", "y"), [(1.7, 2.9), (0.3, 1.1)])
def test_expressions(text, x, y):
    values = []
    for module in BOTH:
        params = module.Parameters()
        params.add_many(("x", x), ("y", y), ("f", None, None, None, None, text))
        values.append(float(params["f"].value))
    # gamfcn: the C library's gamma beside SciPy's own
    rel = 1e-14 if "gam" in text or "erf" in text else 0
    assert values[0] == pytest.approx(values[1], rel=rel, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    ["1/z", "1 % z", "z**-1", "10.0**400", "2**99999", "1 << 2000", "(-x)**0.5", "[x]", "'s'",
     "~x", "x +", "sin(x, x)", "nosuch(x)", "nosuch*x", "x.__class__", "factorial(x)",
     "pow(-x, .5)"],
)  # fmt: skip
def test_errors_of_expressions(text):
    kinds = []
    for module in BOTH:
        params = module.create_params(x=2.5, z=0)
        kinds.append(outcome(lambda p=params: p.add("f", expr=text) or p["f"].value))
    assert kinds[0] is kinds[1]


def test_expressions_with_bounds():
    for low, high in ((0, 5), (7, None), (None, -1)):
        values = []
        for module in BOTH:
            params = module.create_params(x=3, f={"expr": "2*x", "min": low, "max": high})
            values.append(params["f"].value)
        assert values[0] == values[1]


# -------------------------------------------------------------------------------------- JSON


def test_files_of_lmfit_can_be_read():
    theirs = filled(lmfit)
    theirs._asteval.symtable["k"] = 4.5
    theirs._asteval.symtable["grid"] = np.arange(3.0)
    theirs._asteval.symtable["f"] = math.cos
    theirs._asteval.symtable["g"] = shutil.rmtree
    with pytest.warns(UserWarning, match="not loaded from a file: g"):
        mine = fc.Parameters().loads(theirs.dumps())
    assert [state(par) for par in mine.values()] == [state(par) for par in theirs.values()]
    assert mine.eval("k*grid[2]") == 9.0
    assert mine.eval("f(1)") == math.cos(1)
    with pytest.raises(NameError):
        mine.eval("g(1)")
    assert mine.eval("gamfcn(5)") == 24.0


def test_lmfit_can_read_our_files():
    mine = filled(fc)
    mine._asteval.symtable["k"] = 4.5
    mine._asteval.symtable["grid"] = np.arange(3.0)
    file = io.StringIO()
    mine.dump(file)
    file.seek(0)
    theirs = lmfit.Parameters().load(file)
    assert [state(par) for par in mine.values()] == [state(par) for par in theirs.values()]
    assert theirs.eval("k*grid[2]") == 9.0


# ------------------------------------------------------------------- differences, on purpose


def test_different_bounds_out_of_order():
    assert lmfit.Parameter("a", 5, min=10, max=0).min == 0
    with pytest.raises(ValueError, match="'a': min=10 must be less than max=0"):
        fc.Parameter("a", 5, min=10, max=0)


def test_different_what_is_no_number_later():
    mine, theirs = (m.Parameter("a", 5) for m in BOTH)
    theirs.min = "x"
    with pytest.raises(TypeError, match="'a': min"):
        mine.min = "x"
    with pytest.raises(TypeError, match="'a': value must be a real number"):
        mine.value = np.array([1.0])


def test_different_a_new_bound_clips_at_once():
    mine, theirs = (m.Parameter("a", 10, min=0, max=20) for m in BOTH)
    for par in (mine, theirs):
        par.min = 12
    assert (mine.value, theirs.value) == (12, 10)


def test_different_numbers_are_pythons():
    assert "np.float64(3.0)" in repr(lmfit.Parameter("a", np.float64(3)))
    assert repr(fc.Parameter("a", np.float64(3))) == "<Parameter 'a', value=3.0, bounds=[-inf:inf]>"


def test_different_parameters_in_expressions_are_floats():
    for module in BOTH:
        params = module.create_params(x=0, y={"expr": "sqrt(x)"})
        assert params["y"].value == 0
        action = outcome(lambda p=params: p.add("z", expr="1/y") or p["z"].value)
        assert action == (ZeroDivisionError if module is fc else math.inf)
        params = module.create_params(n=3, twice={"expr": "2*n"}, more={"expr": "n > 2"})
        kinds = type(params["twice"].value), type(params["more"].value)
        assert kinds == ((float, float) if module is fc else (int, bool))


def test_different_forward_references_and_unknown_names():
    with pytest.raises(NameError):
        lmfit.Parameters().add("y", expr="2*x")
    params = fc.Parameters()
    params.add("y", expr="2*x")
    with pytest.raises(NameError, match="parameter 'y': expr '2\\*x': name 'x' is not defined"):
        params.update_constraints()
    params.add("x", 3)
    assert params["y"].value == 6


def test_different_circles():
    values = []
    for module in BOTH:
        params = module.create_params(x=3, y={"expr": "x*2"})
        params["x"].vary = False
        params["x"].expr = "y"
        values.append(outcome(lambda p=params: p["y"].value))
    assert values[0] is ValueError
    assert values[1] in (RecursionError, 6)


def test_different_a_removed_parameter_is_missed():
    values = []
    for module in BOTH:
        params = module.create_params(x=3, y={"expr": "x*2"})
        del params["x"]
        values.append(outcome(lambda p=params: p["y"].value))
    assert values == [NameError, 6]


def test_different_eval_raises(capsys):
    assert lmfit.Parameters().eval("1/0") is None
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        fc.Parameters().eval("1/0")


def test_different_shared_parameters_are_copied():
    for module in BOTH:
        first, second = module.create_params(x=1), module.Parameters()
        second["x"] = first["x"]
        assert (second["x"] is first["x"]) == (module is lmfit)


def test_different_add_many_takes_one_sequence():
    entries = (("a", 1), ("b", 2))
    with pytest.raises(TypeError):
        lmfit.Parameters().add_many(entries)
    params = fc.Parameters()
    params.add_many(entries)
    assert params.valuesdict() == {"a": 1, "b": 2}


def test_different_vary_none_is_the_default():
    for module in BOTH:
        params = module.Parameters()
        params.add_many(("a", 1, None, 0))
        assert bool(params["a"].vary) is (module is fc)


def test_different_tables(capsys):
    with pytest.raises(ValueError):
        lmfit.Parameters().pretty_print()
    fc.Parameters().pretty_print()
    capsys.readouterr()
    with pytest.raises(ValueError, match="'foo'"):
        filled(fc).pretty_print(columns=["foo"])
    assert capsys.readouterr().out == ""


def test_different_json_holds_no_pickles():
    assert "Callable" in lmfit.Parameters().dumps()
    assert json.loads(filled(fc).dumps())["unique_symbols"] == {}


def test_different_round_and_format():
    for module in BOTH:
        par = module.Parameter("a", 10.46)
        results = outcome(lambda p=par: round(p, 1)), outcome(lambda p=par: f"{p:.1f}")
        assert results == ((10.5, "10.5") if module is fc else (TypeError, TypeError))


def test_different_removing_an_expression_leaves_it_fixed():
    mine, theirs = (m.Parameter("a", 1, vary=True, expr="b") for m in BOTH)
    for par in (mine, theirs):
        par.expr = ""
    assert (mine.vary, theirs.vary) == (False, True)
    for module in BOTH:
        params = module.create_params(b=2)
        params.add("a", expr="b")
        params["a"].expr = ""
        assert params["a"].vary is False
