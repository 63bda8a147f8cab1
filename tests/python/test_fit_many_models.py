"""fit_many of models of line shapes: compiled, and the same as Model.fit."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from batch_models import X, peak
from numpy.testing import assert_allclose, assert_array_equal

from fitcore import Model, fit_many, models
from fitcore.models import (
    ConstantModel,
    ExponentialModel,
    Gaussian2dModel,
    GaussianModel,
    LinearModel,
    LorentzianModel,
    PolynomialModel,
    StepModel,
    VoigtModel,
)


def noisy(model: Any, count: int, spread: float = 0.1, **values: float) -> Any:
    """Data sets of a model whose parameters differ by some part, with noise of 1 %."""
    rng = np.random.default_rng(1)
    sets = []
    for _ in range(count):
        moved = {name: value * (1 + spread * rng.uniform(-1, 1)) for name, value in values.items()}
        sets.append(model.eval(model.make_params(**moved), x=X))
    ys = np.array(sets)
    return ys + 0.01 * np.ptp(ys) * rng.normal(size=ys.shape)


CASES: list[tuple[Any, dict[str, float]]] = [
    (GaussianModel(), {"amplitude": 4, "center": 0.4, "sigma": 1.2}),
    (GaussianModel() + ConstantModel(), {"amplitude": 4, "center": 0.4, "sigma": 1.2, "c": 0.5}),
    (LorentzianModel(prefix="l_") - LinearModel(),
     {"l_amplitude": 5, "l_center": 0.5, "l_sigma": 0.8, "slope": 0.1, "intercept": 0.3}),
    (VoigtModel() + PolynomialModel(2, prefix="b_"),
     {"amplitude": 5, "center": 0.5, "sigma": 0.8, "b_c0": 1, "b_c1": 0.1, "b_c2": 0.02}),
    (LinearModel() * StepModel(form="erf", prefix="s_"),
     {"slope": 0.1, "intercept": 2, "s_center": -1, "s_sigma": 0.7, "s_amplitude": 1}),
    (GaussianModel(prefix="g_") / (ConstantModel(prefix="k_") + ExponentialModel(prefix="n_")),
     {"g_amplitude": 8, "g_center": 0.4, "g_sigma": 1.5, "k_c": 5, "n_amplitude": 0.3,
      "n_decay": 4}),
]  # fmt: skip


def is_compiled(model: Any, params: Any, monkeypatch: Any) -> bool:
    """Whether a batch of the model is done by the compiled loop."""
    jobs = []

    def run(job: Any, *_: Any) -> bool:
        jobs.append(job)
        return False

    monkeypatch.setattr("fitcore.batch._run", run)
    fit_many(model, np.ones((1, X.size)), params, X)
    monkeypatch.undo()
    return jobs[0].compiled is not None


# A factor or a divisor of the others cannot be told from them.
FIXED = {"s_amplitude", "k_c", "n_amplitude", "n_decay"}


@pytest.mark.parametrize(("model", "values"), CASES, ids=[case[0].name for case in CASES])
def test_compiled_models_give_what_model_fit_gives(
    model: Any, values: dict[str, float], monkeypatch: Any
) -> None:
    ys = noisy(model, 5, **values)
    params = model.make_params(**values)
    for name in FIXED & set(values):
        params[name].vary = False
    weights = np.linspace(1, 2, X.size)
    assert is_compiled(model, params, monkeypatch)
    batch = fit_many(model, ys, params, X, weights, workers=1)
    assert batch.success.all()
    for i, y in enumerate(ys):
        alone = model.fit(y, params, weights=weights, x=X)
        errors = np.array([alone.params[name].stderr for name in alone.var_names])
        best = np.array([alone.params[name].value for name in alone.var_names])
        mine = np.array([batch[name][i] for name in alone.var_names])
        assert np.abs((mine - best) / errors).max() < 1e-4
        assert_allclose(batch.covar[i] / np.outer(errors, errors),
                        alone.covar / np.outer(errors, errors), atol=1e-4)  # fmt: skip
        assert_allclose(batch.redchi[i], alone.redchi, rtol=1e-8)
        for k, name in enumerate(batch.names):
            item = alone.params[name]
            assert_allclose(batch.values[i, k], item.value, rtol=1e-5)
            assert_allclose(batch.stderr[i, k], item.stderr, rtol=1e-4)


def test_two_coordinates_and_an_image() -> None:
    x, y = (a.ravel() for a in np.meshgrid(np.arange(9.0), np.arange(9.0)))
    model = Gaussian2dModel()
    rng = np.random.default_rng(3)
    true = rng.uniform([40, 3, 3, 1, 1], [80, 5, 5, 2, 2], (2, 3, 5))
    names = ("amplitude", "centerx", "centery", "sigmax", "sigmay")
    data = np.array(
        [[model.eval(x=x, y=y, **dict(zip(names, t, strict=True))) for t in row] for row in true]
    )
    params = model.make_params(amplitude=50, centerx=4, centery=4, sigmax=1.5, sigmay=1.5)
    result = fit_many(model, data, params, {"x": x, "y": y}, starts={"amplitude": true[..., 0]})
    for k, name in enumerate(names):
        assert_allclose(result[name], true[..., k], rtol=1e-8)


def test_parameters_that_are_others_are_tied_in_the_compiled_fit() -> None:
    model = GaussianModel(prefix="a_") + GaussianModel(prefix="b_") + ConstantModel()
    values = {"a_amplitude": 4, "b_amplitude": 3, "a_center": -2, "b_center": 2, "c": 0.5}
    params = model.make_params(**values)
    # one width for both, which is no parameter of the model; and the height of one twice the other
    params.add("width", value=1.0, min=0.1)
    params["a_sigma"].set(expr="width", min=-np.inf)
    params["b_sigma"].set(expr="width", min=-np.inf)
    ys = noisy(model, 4, **values, a_sigma=0.8, b_sigma=0.8, spread=0.0)
    batch = fit_many(model, ys, params, X, workers=1)
    assert_array_equal(batch["a_sigma"], batch["b_sigma"])
    assert batch.var_names[-1] == "width"
    for i, y in enumerate(ys):
        alone = model.fit(y, params, x=X)
        for name in batch.names:
            assert_allclose(batch[name][i], alone.params[name].value, rtol=1e-5)
            assert_allclose(batch.map(name, "stderr")[i], alone.params[name].stderr, rtol=1e-4)


TIES: dict[str, dict[str, dict[str, Any]]] = {
    "a part of another": {"b_sigma": {"expr": "0.8*a_sigma", "min": -np.inf}},
    "a distance": {"gap": {"value": 3.5}, "b_center": {"expr": "a_center + gap"}},
    "a chain": {
        "gap": {"value": 3.5, "min": 0.1}, "middle": {"expr": "a_center + gap/2"},
        "b_center": {"expr": "middle + gap/2"},
    },
    "a ratio": {"ratio": {"value": 0.7, "min": 0.0, "max": 2.0},
                "b_amplitude": {"expr": "ratio*a_amplitude"}},
    "a function": {"wide": {"value": 0.1}, "a_sigma": {"expr": "exp(wide)"},
                   "b_sigma": {"expr": "a_sigma*sqrt(1 + wide**2)"}},
    "within bounds": {"b_sigma": {"expr": "2*a_sigma - 0.8", "min": 0.1, "max": 3.0}},
    "held by a bound": {"b_sigma": {"expr": "0.2*a_sigma", "min": 0.8}},
    "a number": {"c": {"expr": "0.25*2"}},
}  # fmt: skip


@pytest.mark.parametrize("tie", TIES)
def test_expressions_in_a_compiled_batch_are_those_of_model_fit(tie: str, monkeypatch: Any) -> None:
    model = GaussianModel(prefix="a_") + GaussianModel(prefix="b_") + ConstantModel()
    values = {"a_amplitude": 4, "b_amplitude": 3, "a_center": -2, "b_center": 2, "c": 0.5}
    params = model.make_params(**values, a_sigma=1, b_sigma=0.7)
    for name, settings in TIES[tie].items():
        if name not in params:
            params.add(name, **settings)
        else:
            params[name].set(**settings)
    ys = noisy(model, 5, **values, a_sigma=0.8, b_sigma=0.8, spread=0.0)
    with monkeypatch.context() as patch:
        assert is_compiled(model, params, patch)
    batch = fit_many(model, ys, params, X, workers=1)
    for i, y in enumerate(ys):
        alone = model.fit(y, params, x=X)
        assert list(batch.var_names) == alone.var_names
        assert_allclose(batch.chisqr[i], alone.chisqr, rtol=1e-8)
        assert_allclose(batch.covar[i], alone.covar, rtol=1e-3, atol=1e-3 * alone.covar.max())
        for k, name in enumerate(batch.names):
            item = alone.params[name]
            assert_allclose(batch.values[i, k], item.value, rtol=1e-5, atol=1e-12)
            assert_allclose(batch.stderr[i, k], item.stderr or 0.0, rtol=1e-3, atol=1e-9)


def test_an_expression_of_asteval_makes_ordinary_fits(monkeypatch: Any) -> None:
    model = GaussianModel(prefix="a_") + ConstantModel()
    params = model.make_params(a_amplitude=4, a_center=0.1, a_sigma=1, c=0.5)
    params["c"].set(expr="min([a_amplitude, 0.5])")
    with monkeypatch.context() as patch:
        assert not is_compiled(model, params, patch)
    ys = noisy(model, 2, a_amplitude=4, a_center=0.1, a_sigma=1, c=0.5)
    assert_allclose(fit_many(model, ys, params, X, workers=1)["c"], 0.5)


def test_an_expression_that_is_not_real_everywhere_is_that_of_model_fit() -> None:
    model = GaussianModel() + ConstantModel()
    params = model.make_params(amplitude=4, center=0.1, sigma=1)
    params.add("root", value=0.3, min=0)
    params["c"].set(expr="sqrt(root)")
    ys = noisy(model, 6, amplitude=4, center=0.1, sigma=1, c=0.05, spread=0.3)
    batch = fit_many(model, ys, params, X, workers=1)
    for i, y in enumerate(ys):
        alone = model.fit(y, params, x=X)
        assert_allclose(batch.chisqr[i], alone.chisqr, rtol=1e-7)
        assert_allclose(batch["amplitude"][i], alone.params["amplitude"].value, rtol=1e-4)


def test_a_voigt_profile_with_a_width_of_its_own() -> None:
    model = VoigtModel()
    params = model.make_params(amplitude=5, center=0.4, sigma=0.7)
    params["gamma"].set(expr="", value=0.5, vary=True)
    ys = noisy(model, 3, amplitude=5, center=0.4, sigma=0.7, gamma=0.5)
    batch = fit_many(model, ys, params, X, workers=1)
    for i, y in enumerate(ys):
        alone = model.fit(y, params, x=X)
        assert_allclose(batch.chisqr[i], alone.chisqr, rtol=1e-8)
        for name in ("gamma", "height", "fwhm"):
            item = alone.params[name]
            assert abs(batch[name][i] - item.value) < 1e-4 * item.stderr
            assert_allclose(batch.map(name, "stderr")[i], item.stderr, rtol=1e-3)


def test_guesses_are_those_of_the_model() -> None:
    model = GaussianModel()
    ys = noisy(model, 4, amplitude=4, center=0.4, sigma=1.2)
    result = fit_many(model, ys, None, X, starts="guess", workers=1)
    assert result.success.all()
    for i, y in enumerate(ys):
        start = model.guess(y, X)
        assert_allclose(result.init_values[i], list(start.valuesdict().values()))
        alone = model.fit(y, start, x=X)
        assert_allclose(result.values[i], list(alone.params.valuesdict().values()), rtol=1e-5)


def test_processes_compile_models_themselves() -> None:
    model = GaussianModel() + ConstantModel()
    ys = noisy(model, 6, amplitude=4, center=0.4, sigma=1.2, c=0.5)
    params = model.make_params(amplitude=4, center=0.4, sigma=1.2, c=0.5)
    alone = fit_many(model, ys, params, X, workers=1)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sent = fit_many(model, ys, params, X, executor=pool, chunk_size=4)
    for name, rows in alone._rows.items():
        assert_array_equal(rows, sent._rows[name], err_msg=name)


def test_what_is_not_made_of_line_shapes_is_not_compiled(monkeypatch: Any) -> None:
    class Own(GaussianModel):
        def eval(self, params: Any = None, **kws: Any) -> Any:
            return 2 * super().eval(params, **kws)

    own = Own()
    params = own.make_params(amplitude=3, center=0, sigma=1)
    assert not is_compiled(own, params, monkeypatch)
    assert is_compiled(GaussianModel(), params, monkeypatch)
    plain = Model(peak)
    assert not is_compiled(plain, plain.make_params(amp=1, cen=0, wid=1, off=0), monkeypatch)
    # and is fitted nevertheless
    ys = noisy(own, 2, amplitude=4, center=0.4, sigma=1.2)
    result = fit_many(own, ys, params, X, workers=1)
    assert_allclose(result["amplitude"], 4, rtol=0.2)
    for i, y in enumerate(ys):
        assert_allclose(
            result.values[i], list(own.fit(y, params, x=X).params.valuesdict().values())
        )


def test_built_in_models_are_compiled(monkeypatch: Any) -> None:
    for name in ("Gaussian", "Lorentzian", "Voigt", "PseudoVoigt", "SkewedVoigt", "Moffat",
                 "Pearson4", "Pearson7", "BreitWigner", "Lognormal", "StudentsT", "Doniach",
                 "ExponentialGaussian", "SkewedGaussian", "ThermalDistribution", "Step",
                 "Rectangle", "Exponential", "PowerLaw", "Linear", "Quadratic", "Polynomial",
                 "Constant", "Sine"):  # fmt: skip
        model = getattr(models, f"{name}Model")()
        params = model.make_params(**dict.fromkeys(model.param_names, 1.5))
        assert is_compiled(model, params, monkeypatch), name
