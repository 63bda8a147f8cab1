"""Models and their results in JSON: what comes back computes the same, and nothing is unpickled."""

import io
import json
import math

import numpy as np
import pytest

from fitcore import Parameters
from fitcore.jsonutils import FunctionNotLoaded
from fitcore.model import (
    CompositeModel,
    Model,
    ModelResult,
    load_model,
    load_modelresult,
    save_model,
    save_modelresult,
)

X = np.linspace(-3, 3, 31)
Y = 3 * np.exp(-((X - 0.4) ** 2) / 2) + 0.5 * X + 1 + 0.05 * np.cos(9 * X)


def bell(x, height, center, width=1.0, power=None):
    return height * np.exp(-(np.abs((x - center) / width) ** (power or 2)) / 2)


def bell_jac(x, height, center, width=1.0, power=None):
    u = (x - center) / width
    value = np.exp(-u * u / 2)
    return {"height": value, "center": height * value * u / width,
            "width": height * value * u * u / width}  # fmt: skip


def line(x, slope, offset=0.0):
    return slope * x + offset


def larger(one, other):
    return np.maximum(one, other)


GIVEN = {"bell": bell, "line": line, "larger": larger, "bell_jac": bell_jac}


@pytest.fixture
def model():
    made = Model(bell, prefix="b_", jac=bell_jac) + Model(line, nan_policy="omit")
    made.left.set_param_hint("width", min=0.1, value=2)
    made.set_param_hint("area", expr="b_height*b_width*sqrt(2*pi)")
    return made


@pytest.fixture
def result(model):
    weights = 1 / (1 + 0.1 * np.abs(X))
    params = model.make_params(b_height=2, b_center=0, slope={"value": 1, "max": 5}, offset=0)
    return model.fit(Y, params, weights=weights, x=X)


def assert_same_fit(one, other):
    assert other.fit_report() == one.fit_report()
    for name in ("data", "weights", "residual", "best_fit", "init_fit", "covar"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    assert other.params == one.params and other.init_params == one.init_params
    for name in ("chisqr", "redchi", "aic", "bic", "nfev", "ndata", "nvarys", "nfree", "method",
                 "success", "message", "ier", "errorbars", "aborted", "var_names", "init_vals",
                 "init_values", "best_values", "rsquared", "nan_policy", "ci_out"):  # fmt: skip
        mine, its = getattr(one, name, None), getattr(other, name, None)
        assert its == mine and type(its) is type(mine), name


# ---------------------------------------------------------------------------- models


def test_a_model_comes_back_with_all_that_it_is(model, tmp_path):
    save_model(model, tmp_path / "m.json")
    twin = load_model(tmp_path / "m.json", GIVEN)
    assert repr(twin) == repr(model) and twin.param_hints == model.param_hints
    assert twin.left.jac is bell_jac and twin.right.nan_policy == "omit"
    assert twin.make_params() == model.make_params()
    values = {"b_height": 2, "b_center": 0.5, "slope": 1, "offset": 2}
    made = model.make_params(**values)
    np.testing.assert_array_equal(twin.eval(made, x=X), model.eval(made, x=X))
    assert twin.dumps() == model.dumps()


def test_options_and_other_variables_come_back():
    model = Model(bell, independent_vars=["x", "power"], power=4, name="flat")
    twin = Model(line).loads(model.dumps(), {"bell": bell})
    assert twin.opts == {"power": 4} and twin.independent_vars == ["x", "power"]
    given = {"x": X, "height": 1, "center": 0, "width": 1}
    np.testing.assert_array_equal(twin.eval(**given), model.eval(**given))


def test_functions_are_written_by_module_and_name_alone(model):
    text = model.dumps()
    node = json.loads(text)["nodes"][0]
    assert node["function"] == {"__class__": "Callable", "__name__": "bell", "importer": __name__}
    assert "value" not in node["function"] and json.loads(text)["__version__"] == 1


def test_a_function_is_loaded_only_if_given_or_allowed(model, tmp_path):
    text = model.dumps()
    with pytest.raises(FunctionNotLoaded, match=r"'bell_jac' of module .*funcdefs=.*allow_imports"):
        model.loads(text)
    with pytest.raises(FunctionNotLoaded, match=r"'line'"):
        model.loads(text, {"bell": bell, "bell_jac": bell_jac})
    save_model(model, tmp_path / "m.json")
    assert load_model(tmp_path / "m.json", allow_imports=True).left.func is bell
    with pytest.raises(TypeError, match=r"funcdefs\['bell'\] must be callable, got 3"):
        load_model(tmp_path / "m.json", {"bell": 3})


def test_operators_of_composite_models_come_back():
    model = CompositeModel(Model(bell) * Model(line), Model(line, prefix="r_"), larger)
    text = model.dumps()
    twin = model.loads(text, GIVEN)
    assert twin.op is larger and twin.left.op is model.left.op
    with pytest.raises(FunctionNotLoaded, match=r"'larger'"):
        model.loads(text, {"bell": bell, "line": line})


def test_what_has_no_name_is_given_by_the_name_of_the_model():
    class Scaled:
        def __call__(self, x, slope):
            return slope * x

    for function in (lambda x, slope: slope * x, Scaled()):
        model = Model(function, name="ray")
        assert model.loads(model.dumps(), {"ray": function}).func is function
        with pytest.raises(FunctionNotLoaded):
            model.loads(model.dumps(), allow_imports=True)


def test_a_sum_of_hundreds_of_models_comes_back():
    model = Model(line, prefix="l0_")
    for i in range(1, 700):
        model = model + Model(line, prefix=f"l{i}_")
    twin = model.loads(model.dumps(), GIVEN)
    assert twin.param_names == model.param_names


def test_open_files(model):
    file = io.StringIO()
    assert model.dump(file, indent=1) == len(file.getvalue())
    file.seek(0)
    assert repr(Model(line).load(file, GIVEN)) == repr(model)


@pytest.mark.parametrize(
    "text",
    ["", "3", "[]", "{}", '{"__class__": "fitcore.Model", "__version__": 1}',
     '{"__class__": "fitcore.Model", "__version__": 1, "nodes": []}',
     '{"__class__": "fitcore.Model", "__version__": 1, "nodes": [{"op": "add"}]}',
     '{"__class__": "fitcore.Model", "__version__": 1, "nodes": [{"model": "Model"}]}',
     '{"__class__": "fitcore.Model", "__version__": 1, "nodes": 7}',
     '{"__class__": "Tuple", "value": [3, null, null]}',
     '{"__class__": "Tuple", "value": [{"version": "3"}, null, null]}'],
)  # fmt: skip
def test_what_is_no_model_is_a_value_error(text):
    with pytest.raises(ValueError):
        Model(line).loads(text)


def test_a_later_format_is_refused(model, result):
    for text, load in ((model.dumps(), model.loads), (result.dumps(), result.loads)):
        later = json.loads(text) | {"__version__": 2}
        with pytest.raises(ValueError, match=r"has the format 2: this version.*up to 1"):
            load(json.dumps(later), GIVEN)


# ---------------------------------------------------------------------------- results


def test_a_result_comes_back_with_all_that_the_fit_has_found(result, tmp_path):
    result.conf_interval(sigmas=[1])
    save_modelresult(result, tmp_path / "r.json")
    twin = load_modelresult(tmp_path / "r.json", GIVEN)
    assert_same_fit(result, twin)
    assert twin.ci_report() == result.ci_report()
    assert twin.dumps() == result.dumps()


def test_a_loaded_result_can_do_what_the_first_could(result, tmp_path):
    save_modelresult(result, tmp_path / "r.json")
    twin = load_modelresult(tmp_path / "r.json", GIVEN)
    np.testing.assert_array_equal(twin.eval(x=X[:5]), result.eval(x=X[:5]))
    assert twin.conf_interval(sigmas=[1]) == result.conf_interval(sigmas=[1])
    twin.fit(weights=1.0, b_center=1.0)
    result.fit(weights=1.0, b_center=1.0)
    assert_same_fit(result, twin)


def test_the_same_model_is_kept(result):
    twin = ModelResult(result.model, Parameters()).loads(result.dumps(), GIVEN)
    assert twin.model is result.model and twin.userfcn == result.userfcn
    other = ModelResult(Model(line), Parameters())
    assert other.loads(result.dumps(), GIVEN) is other
    assert other.model is not result.model and other.userfcn == other.model._residual


def test_functions_in_expressions_are_given_too():
    params = Parameters(usersyms={"twice": lambda v: 2 * v})
    params.add("slope", 1)
    params.add("offset", 1)
    params.add("double", expr="twice(slope)")
    result = Model(line).fit(Y, params, x=X)
    twin = ModelResult(Model(line), Parameters())
    twin.loads(result.dumps(), GIVEN | {"twice": lambda v: 2 * v})
    assert twin.params["double"].value == 2 * twin.params["slope"].value
    assert twin.params["double"].stderr == result.params["double"].stderr


@pytest.mark.parametrize(
    "method",
    [
        "nelder",
        "lbfgsb",
        "powell",
        "differential_evolution",
        "least_squares",
        "brute",
        "ampgo",
        "basinhopping",
        "emcee",
    ],
)
def test_results_of_all_methods_come_back_twice(method):
    model = Model(line)
    limits = {"max": 2, "brute_step": 0.5}
    params = model.make_params(
        slope={"value": 1, "min": 0, **limits}, offset={"value": 0, "min": -2, **limits}
    )
    settings = {"steps": 20, "nwalkers": 8, "progress": False, "seed": 1}
    result = model.fit(line(X, 0.5, 0.2), params, x=X, method=method,
                       fit_kws=settings if method == "emcee" else {})  # fmt: skip
    twin = ModelResult(model, Parameters()).loads(result.dumps(), GIVEN)
    third = ModelResult(model, Parameters()).loads(twin.dumps(), GIVEN)
    assert_same_fit(result, twin)
    assert_same_fit(result, third)


def test_complex_data_and_other_variables_come_back():
    def wave(t, scale, phase, kind=None):
        assert kind == {"a": (1, 2)}
        return scale * np.exp(1j * (t + phase))

    model = Model(wave, independent_vars=["t", "kind"])
    result = model.fit(2 * np.exp(1j * (X + 0.3)) + 0.01, t=X, kind={"a": (1, 2)}, scale=1, phase=0)
    twin = ModelResult(model, Parameters()).loads(result.dumps(), {"wave": wave})
    assert_same_fit(result, twin)


def test_infinite_and_missing_values_come_back():
    model = Model(line, nan_policy="propagate")
    data = np.where(X > 2, np.nan, Y)
    result = ModelResult(model, model.make_params(slope=1, offset=0))
    result.data, result.weights = data, np.array([np.inf, 1.0])
    twin = ModelResult(Model(bell), Parameters()).loads(result.dumps(), GIVEN)
    assert twin.result is None and math.isinf(twin.weights[0])
    np.testing.assert_array_equal(twin.data, data)


def test_what_is_refused_changes_nothing(result):
    before = result.dumps()
    broken = json.loads(before)
    del broken["userkws"]
    for text, error in (
        (json.dumps(broken), ValueError),
        (before, FunctionNotLoaded),
        ("{", ValueError),
        (result.model.dumps(), AttributeError),
    ):
        with pytest.raises(error):
            result.loads(text)
        assert result.dumps() == before


def test_a_model_is_no_result_and_the_other_way_round(model, result, tmp_path):
    save_model(model, tmp_path / "m.json")
    save_modelresult(result, tmp_path / "r.json")
    with pytest.raises(AttributeError, match=r"needs saved ModelResult, not fitcore.Model"):
        load_modelresult(tmp_path / "m.json", GIVEN)
    with pytest.raises(ValueError, match=r"holds a ModelResult: read it with load_modelresult"):
        load_model(tmp_path / "r.json", GIVEN)
