"""ExpressionModel: which names are parameters, what is compiled, and what is refused."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fitcore import lineshapes
from fitcore._array_expression import ArrayExpression
from fitcore.models import ConstantModel, ExpressionModel

X = np.linspace(0.1, 3, 30)

#: Expressions of x, a and b, and the same in numpy.
COMPILED = [
    ("a*x + b", lambda x, a, b: a * x + b),
    ("a*exp(-x/b)", lambda x, a, b: a * np.exp(-x / b)),
    ("-a**b*x", lambda x, a, b: -(a**b) * x),
    ("where(x > a, b, x**2)", lambda x, a, b: np.where(x > a, b, x**2)),
    ("(x < a)*b + pi", lambda x, a, b: (x < a) * b + np.pi),
    ("gaussian(x, a, b, 0.5) + e", lambda x, a, b: lineshapes.gaussian(x, a, b, 0.5) + np.e),
    ("step(x, a, b, form='erf')", lambda x, a, b: lineshapes.step(x, a, b, form="erf")),
    ("a*sin(2*pi*x + b) + 3j", lambda x, a, b: a * np.sin(2 * np.pi * x + b) + 3j),
    ("a % b // x", lambda x, a, b: a % b // x),
]
#: Those that need asteval.
INTERPRETED = [
    ("a*x[::-1] + b", lambda x, a, b: a * x[::-1] + b),
    ("a*x if b > 1 else x", lambda x, a, b: a * x if b > 1 else x),
    ("a*x + b*x.mean()", lambda x, a, b: a * x + b * x.mean()),
    ("sum([c*a for c in [1, 2]]) + b*x", lambda x, a, b: 3 * a + b * x),
    ("convolve(x, [a, b], 'same')", lambda x, a, b: np.convolve(x, [a, b], "same")),
    ("a*x + b*(0 < x < 1)*0 if a < 0 < b else a*x - b", lambda x, a, b: a * x - b),
]


@pytest.mark.parametrize(("text", "function"), COMPILED + INTERPRETED)
def test_expressions_mean_what_they_mean_in_numpy(text, function):
    model = ExpressionModel(text)
    assert set(model.param_names) == {"a", "b"}
    for a, b in ((1.5, 2.5), (2.0, 0.5)):
        np.testing.assert_array_equal(model.eval(x=X, a=a, b=b), function(X, a, b))


@pytest.mark.parametrize(("text", "function"), COMPILED)
def test_what_is_compiled_has_the_bits_of_asteval(text, function):
    quick = ArrayExpression(text)
    # A call of a procedure needs asteval.
    slow = ArrayExpression(f"same({text})", "def same(value):\n    return value\n")
    values = {"x": X, "a": 1.25, "b": 0.75}
    found = quick(**values)
    assert quick._compiled.function is not None
    np.testing.assert_array_equal(found, slow(**values))
    assert slow._compiled.function is None


def test_parameters_are_the_unknown_names_in_order():
    model = ExpressionModel("off + amp*exp(-(t - cen)**2/(2*wid**2))*f(t)", ["t"],
                            init_script="def f(t):\n    return t*scale\nscale = 2.0\n")  # fmt: skip
    assert model.param_names == ["off", "amp", "cen", "wid"]
    assert model.independent_vars == ["t"]
    found = model.eval(t=np.array([1.0, 2.0]), off=1, amp=3, cen=1, wid=1e3)
    np.testing.assert_allclose(found, [7.0, 13.0], rtol=1e-5)


def test_constants_of_the_interpreter_are_looked_up_when_they_are_needed():
    model = ExpressionModel("c*x", init_script="c = 3.0")
    assert model.param_names == []
    assert model.eval(x=2.0) == 6.0
    model.asteval.symtable["c"] = 4.0
    assert model.eval(x=2.0) == 8.0


def test_each_model_has_an_interpreter_of_its_own():
    one = ExpressionModel("f(x)*a", init_script="def f(x):\n    return x\n")
    other = ExpressionModel("f(x)*a", init_script="def f(x):\n    return 2*x\n")
    assert (one.eval(x=1.0, a=1), other.eval(x=1.0, a=1)) == (1.0, 2.0)


def test_models_from_text_add_to_others():
    model = ExpressionModel("a*x**2") + ConstantModel(prefix="k_")
    result = model.fit(3 * X**2 + 1, x=X, a=1, k_c=0)
    assert result.best_values == pytest.approx({"a": 3.0, "k_c": 1.0})
    assert "<fitcore.ExpressionModel('a*x**2')>" in result.fit_report()


def test_a_copy_and_a_pickle_evaluate_the_same():
    model = ExpressionModel("f(x) + b", init_script="def f(x):\n    return 2*x\n", name="mine")
    model.set_param_hint("b", min=0, value=2)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.eval(other.make_params(), x=3.0) == 8.0
        assert other.make_params()["b"].min == 0
        assert (other.expr, other.init_script) == (model.expr, model.init_script)


@pytest.mark.parametrize("text", ["a*exp(-x/b)", "f(x, a, b)"])
def test_one_model_is_fitted_by_many_threads(text):
    model = ExpressionModel(text, init_script="def f(x, a, b):\n    return a*exp(-x/b)\n")

    def fit(k):
        y = (k + 1) * np.exp(-X / (1 + 0.2 * k))
        return model.fit(y, x=X, a=k + 2, b=1.5).best_values

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(fit, range(8))):
            assert found == pytest.approx({"a": k + 1, "b": 1 + 0.2 * k}, rel=1e-5)


def test_large_arrays_have_their_steps_and_loops_their_limit():
    large = np.ones(2_000_000)
    model = ExpressionModel("a*x + b*x.mean() + x*x*x*x*x + x*x*x*x*x")
    assert model.eval(x=large, a=1, b=1)[0] == 4.0
    for text in ("a*x + sum([i for i in range(10000) for j in range(10000)])",
                 "a*x + zeros(10**12)", "a*x + 10**10**10", "a*x*len([0]*10**10)"):  # fmt: skip
        with pytest.raises(RuntimeError, match="ExpressionModel"):
            ExpressionModel(text).eval(x=X, a=1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [(("a*x+",), SyntaxError, "ExpressionModel"),
     ((3,), TypeError, "ExpressionModel"),
     (("a*z",), ValueError, "No independent variable found in\n a\\*z"),
     (("a*x", ["q"]), ValueError, "Cannot find independent variables 'q' in\n a\\*x"),
     (("a*x", []), ValueError, "Cannot find independent variables"),
     (("nosuch(x)*a",), NameError, "function 'nosuch' in expr .* is not known"),
     (("a*x", None, "def f(:\n"), SyntaxError, "init_script"),
     (("a*x", None, "nosuch + 1"), NameError, "init_script"),
     (("a*x", None, 3), TypeError, "init_script must be a string"),
     (("open('/etc/passwd')*x",), NameError, "function 'open'")],
)  # fmt: skip
def test_what_makes_no_model_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        ExpressionModel(*arguments)


@pytest.mark.parametrize("text", ["x.__class__", "a*x.tofile('x')", "(lambda: x).__globals__"])
def test_what_leads_out_of_the_expression_is_refused(text):
    model = ExpressionModel(text)
    with pytest.raises(AttributeError):
        model.eval(x=X, a=1)


def test_a_prefix_is_refused():
    with pytest.raises(Warning, match="does not support `prefix`"):
        ExpressionModel("a*x", prefix="p_")
    model = ExpressionModel("a*x")
    with pytest.raises(Warning, match="does not support `prefix`"):
        model.prefix = "p_"
    assert model.prefix == ""


def test_errors_of_the_expression_are_pythons():
    with pytest.raises(ZeroDivisionError):
        ExpressionModel("x + 1/a").eval(x=X, a=0)
    with pytest.raises(NotImplementedError, match="ExpressionModel"):
        ExpressionModel("a*x").guess(X, x=X)
    with pytest.raises(Exception, match=r"\ba\b"):
        ExpressionModel("a*x").eval(x=X)
