"""Fits of built-in models by the core: the same as by their Python functions, and without them."""

import operator
import pickle
import threading

import numpy as np
import pytest

from fitcore import Model, _model_jacobian, lineshapes, models
from fitcore._compiled_model import compile_model, compile_residual
from fitcore.model import CompositeModel

X = np.linspace(0.1, 10, 90)
RNG = np.random.default_rng(11)


def close(a, b, rtol=1e-6):
    """Whether two results are the same to the tolerance of the solver."""
    assert a.chisqr == pytest.approx(b.chisqr, rel=1e-8, abs=1e-20)
    for name, item in a.params.items():
        other = b.params[name]
        scale = max(abs(other.value), other.stderr or 0.0)
        assert item.value == pytest.approx(other.value, rel=0, abs=rtol * max(scale, 1e-12)), name
        if other.stderr:
            assert item.stderr == pytest.approx(other.stderr, rel=2e-4), name
    for name in ("ndata", "nvarys", "nfree", "redchi", "aic", "bic", "rsquared"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-6, abs=1e-9), name
    np.testing.assert_allclose(a.residual, b.residual, atol=1e-5 * np.abs(b.data).max())
    np.testing.assert_allclose(a.best_fit, b.best_fit, atol=1e-5 * np.abs(b.data).max())
    assert a.var_names == b.var_names and a.success and b.success


def both(model, data, params, **kws):
    """The fit by the core, and that by the Python functions."""
    found = compile_residual(
        model, params, data, kws.get("weights"), {k: v for k, v in kws.items() if k in ("x", "y")}
    )
    assert found is not None
    return model.fit(data, params, **kws), model.fit(
        data, params, fit_kws={"jac": "3-point"}, **kws
    )


MODELS = {
    "gaussian": (models.GaussianModel, {"amplitude": 5, "center": 4, "sigma": 1}),
    "lorentzian": (models.LorentzianModel, {"amplitude": 5, "center": 4, "sigma": 1}),
    "split": (
        models.SplitLorentzianModel,
        {"amplitude": 5, "center": 4.03, "sigma": 1, "sigma_r": 2},
    ),
    "voigt": (models.VoigtModel, {"amplitude": 5, "center": 4, "sigma": 0.6}),
    "pvoigt": (
        models.PseudoVoigtModel,
        {"amplitude": 5, "center": 4, "sigma": 1, "fraction": 0.4},
    ),
    "moffat": (models.MoffatModel, {"amplitude": 5, "center": 4, "sigma": 1, "beta": 2}),
    "pearson7": (models.Pearson7Model, {"amplitude": 5, "center": 4, "sigma": 1, "expon": 2}),
    "pearson4": (
        models.Pearson4Model,
        {"amplitude": 5, "center": 4, "sigma": 1, "expon": 2, "skew": 1},
    ),
    "student": (models.StudentsTModel, {"amplitude": 5, "center": 4, "sigma": 2}),
    "breit": (models.BreitWignerModel, {"amplitude": 5, "center": 4, "sigma": 1, "q": 2}),
    "lognormal": (models.LognormalModel, {"amplitude": 5, "center": 1, "sigma": 0.5}),
    "oscillator": (models.DampedOscillatorModel, {"amplitude": 5, "center": 4, "sigma": 0.1}),
    "expgaussian": (
        models.ExponentialGaussianModel,
        {"amplitude": 5, "center": 4, "sigma": 0.5, "gamma": 1},
    ),
    "skewed": (
        models.SkewedGaussianModel,
        {"amplitude": 5, "center": 4, "sigma": 1, "gamma": 1.5},
    ),
    "skewed voigt": (
        models.SkewedVoigtModel,
        {"amplitude": 5, "center": 4, "sigma": 1, "skew": 1},
    ),
    "doniach": (
        models.DoniachModel,
        {"amplitude": 5, "center": 4, "sigma": 1, "gamma": 0.1},
    ),
    "exponential": (models.ExponentialModel, {"amplitude": 5, "decay": 3}),
    "powerlaw": (models.PowerLawModel, {"amplitude": 5, "exponent": -0.7}),
    "linear": (models.LinearModel, {"slope": 5, "intercept": -1}),
    "quadratic": (models.QuadraticModel, {"a": 0.2, "b": 1, "c": -1}),
    "polynomial": (
        lambda: models.PolynomialModel(degree=3),
        {"c0": 1, "c1": -1, "c2": 0.5, "c3": 0.1},
    ),
    "sine": (models.SineModel, {"amplitude": 5, "frequency": 1.3, "shift": 0.2}),
    "step": (
        lambda: models.StepModel(form="logistic"),
        {"amplitude": 5, "center": 4, "sigma": 1},
    ),
    "rectangle": (
        lambda: models.RectangleModel(form="erf"),
        {"amplitude": 5, "center1": 3, "sigma1": 0.7, "center2": 7, "sigma2": 1},
    ),
    "bose": (models.BoseModel, {"amplitude": 1, "center": -2, "kt": 3}),
    "fermi": (models.FermiModel, {"amplitude": 1, "center": 4, "kt": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_by_the_core_is_the_fit_by_the_function(name):
    make, values = MODELS[name]
    model = make()
    params = model.make_params(**values)
    truth = model.eval(params, x=X)
    data = truth + 0.01 * np.abs(truth).max() * RNG.normal(size=X.size)
    start = model.make_params(**{k: 1.03 * v for k, v in values.items()})
    ours, plain = both(model, data, start, x=X)
    close(ours, plain)
    assert ours.nfev < plain.nfev  # no differences
    weights = RNG.uniform(0.5, 2, X.size)
    close(*both(model, data, start, x=X, weights=weights))
    close(*both(model, data, start, x=X, weights=3.0))


OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.mark.parametrize("op", OPERATIONS)
def test_values_and_derivatives_of_composites_are_those_of_their_parts(op):
    left = models.GaussianModel(prefix="a_") + models.LinearModel(prefix="b_")
    right = models.StepModel(prefix="c_", form="atan") - models.VoigtModel(prefix="d_")
    right = right * models.ConstantModel(prefix="e_")
    model = CompositeModel(left, right, op)
    params = model.make_params(
        a_amplitude=5, a_center=4, a_sigma=1, b_slope=0.2, b_intercept=3, c_amplitude=2,
        c_center=3, c_sigma=0.7, d_amplitude=1, d_center=6, d_sigma=0.4, d_gamma=0.4, e_c=1.7,
    )  # fmt: skip
    for size in (1, 31, 32, 33, 90):
        x = X[:size]
        native, at = compile_model(model, params, {"x": x}, size)
        np.testing.assert_allclose(native(at, params), model.eval(params, x=x), rtol=1e-13)
        found = native.jacobian(at, params)
        assert native.names[:3] == ("a_amplitude", "a_center", "a_sigma")
        for j, name in enumerate(native.names):
            moved = [
                model.eval(params, x=x, **{name: params[name].value + h}) for h in (1e-5, -1e-5)
            ]
            np.testing.assert_allclose(
                found[:, j], (moved[0] - moved[1]) / 2e-5, rtol=1e-6, atol=1e-7, err_msg=name
            )


def peaks(n, tied=False):
    model = models.GaussianModel(prefix="p0_")
    for k in range(1, n):
        model = model + models.GaussianModel(prefix=f"p{k}_")
    params = model.make_params()
    for k in range(n):
        params[f"p{k}_amplitude"].value = 3.0 + k
        params[f"p{k}_center"].value = 10.0 * k + 5
        params[f"p{k}_sigma"].value = 2.0
        if tied and k:
            params[f"p{k}_sigma"].expr = "p0_sigma * 1.5"
    return model, params


@pytest.mark.parametrize("tied", [False, True])
def test_sums_of_peaks_with_free_and_with_tied_widths(tied):
    model, params = peaks(6, tied)
    x = np.linspace(0, 60, 400)
    data = model.eval(params, x=x) + 0.02 * RNG.normal(size=x.size)
    for item in params.values():
        if item.vary:
            item.value *= 1.02
    ours, plain = both(model, data, params, x=x)
    close(ours, plain)
    assert ours.nvarys == (13 if tied else 18)
    assert ours.params["p1_fwhm"].stderr == pytest.approx(plain.params["p1_fwhm"].stderr, rel=1e-3)


def test_bounds_fixed_parameters_and_a_minimum_on_a_bound():
    model = models.GaussianModel() + models.LinearModel()
    params = model.make_params(amplitude=9, center=5.2, sigma=1.1, slope=0.1, intercept=1)
    data = model.eval(params, x=X) + 0.01 * RNG.normal(size=X.size)
    params["amplitude"].set(value=7, min=0, max=20)
    params["sigma"].set(value=1.3, min=0.2, max=2)
    params["slope"].set(vary=False)
    close(*both(model, data, params, x=X))
    params["center"].set(value=4.0, min=0, max=5.0)  # the minimum is beyond
    ours, plain = both(model, data, params, x=X)
    assert ours.at_bound == plain.at_bound == ("center",)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-6)


def test_two_independent_variables():
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-2, 2, 15), np.linspace(-2, 2, 15)))
    model = models.Gaussian2dModel() + models.ConstantModel()
    params = model.make_params(
        amplitude=5, centerx=0.2, centery=-0.3, sigmax=0.7, sigmay=0.5, c=0.5
    )
    data = model.eval(params, x=x, y=y) + 0.01 * RNG.normal(size=x.size)
    params["sigmax"].value = 0.9
    ours, plain = both(model, data, params, x=x, y=y)
    close(ours, plain)


def test_functions_of_lineshapes_in_a_plain_model_are_the_cores_too():
    model = Model(lineshapes.gaussian, prefix="g_") + Model(lineshapes.exponential, prefix="e_")
    params = model.make_params(g_amplitude=5, g_center=4, g_sigma=1, e_amplitude=2, e_decay=3)
    data = model.eval(params, x=X) + 0.01 * RNG.normal(size=X.size)
    params["g_sigma"].value = 1.2
    close(*both(model, data, params, x=X))


def test_thermal_distributions_of_each_form():
    for form in ("bose", "maxwell", "fermi"):
        model = models.ThermalDistributionModel(form=form)
        params = model.make_params(amplitude=1.3, center=-1, kt=2)
        data = model.eval(params, x=X) + 1e-3 * RNG.normal(size=X.size)
        params["center"].vary = False  # amplitude does the same
        params["kt"].value = 2.1
        close(*both(model, data, params, x=X))


def compiles(model, params, data=None, weights=None, **given):
    data = np.ones(X.size) if data is None else data
    return compile_residual(model, params, data, weights, {"x": X, **given}) is not None


def test_what_the_core_does_not_have_stays_with_python():
    def own(x, amplitude, center, sigma):
        return lineshapes.gaussian(x, amplitude, center, sigma)

    gauss = models.GaussianModel()
    params = gauss.make_params()
    assert compiles(gauss, params)
    assert not compiles(Model(own), Model(own).make_params(amplitude=1, center=1, sigma=1))
    assert not compiles(gauss, params, sigma=2.0)  # a number in the place of a parameter
    assert not compiles(gauss, params, data=np.ones((X.size, 1)))
    assert not compiles(gauss, params, data=np.ones(X.size) + 1j)
    assert not compiles(gauss, params, weights=1j)
    assert not compiles(gauss, params, x=X[:-1])
    assert not compiles(gauss, params, x=list("abc"))
    power = CompositeModel(gauss, models.LinearModel(), operator.pow)
    assert not compiles(power, power.make_params())

    class Doubled(models.GaussianModel):
        def eval(self, params=None, **kwargs):
            return 2 * super().eval(params, **kwargs)

    assert not compiles(Doubled(), Doubled().make_params())
    right = models.ConstantModel(prefix="c0_")
    for k in range(1, 40):  # 40 values at once
        right = CompositeModel(models.ConstantModel(prefix=f"c{k}_"), right, operator.add)
    assert not compiles(right, right.make_params())


def test_a_long_sum_is_no_deep_one():
    model, params = peaks(100)
    assert compiles(model, params)
    native, at = compile_model(model, params, {"x": X}, X.size)
    np.testing.assert_allclose(native(at, params), model.eval(params, x=X), rtol=1e-13)


@pytest.mark.parametrize("method", ["least_squares", "lbfgsb"])
def test_other_methods_have_the_derivatives_too(method, monkeypatch):
    if method == "least_squares":
        pytest.importorskip("scipy")
    asked = []
    derivatives = _model_jacobian.shape_jacobian
    monkeypatch.setattr(
        _model_jacobian, "shape_jacobian", lambda *args: asked.append(1) or derivatives(*args)
    )

    def hidden(x, amplitude, center, sigma):
        return lineshapes.gaussian(x, amplitude, center, sigma)

    known, unknown = models.GaussianModel(), Model(hidden)
    params = unknown.make_params(amplitude=5, center=4, sigma=1)
    data = unknown.eval(params, x=X) + 0.01 * RNG.normal(size=X.size)
    params["sigma"].set(value=1.2, min=0)
    plain = unknown.fit(data, params, method=method, x=X)
    assert not asked
    ours = known.fit(data, params, method=method, x=X)
    for name in params:
        assert ours.params[name].value == pytest.approx(plain.params[name].value, rel=1e-4)
    assert asked


def test_a_function_with_a_jacobian_goes_with_line_shapes():
    asked = []

    def slopes(x, a, b):
        asked.append(1)
        return np.array([x * x, np.cos(x)])

    own = Model(lambda x, a, b: a * x * x + b * np.cos(x), jac=slopes)
    model = own + models.GaussianModel() * models.StepModel(prefix="s_", form="erf")
    params = model.make_params(
        a=0.1, b=1, amplitude=5, center=4, sigma=1, s_amplitude=2, s_center=3, s_sigma=1
    )
    params["s_amplitude"].vary = False
    data = model.eval(params, x=X) + 0.01 * RNG.normal(size=X.size)
    params["sigma"].value = 1.2
    ours = model.fit(data, params, x=X)
    assert asked
    close(ours, model.fit(data, params, x=X, fit_kws={"jac": "3-point"}))
    watched = models.GaussianModel().fit(data, params, x=X, iter_cb=lambda *args, **kws: None)
    assert (
        pickle.loads(pickle.dumps(watched.params))["sigma"].value == watched.params["sigma"].value
    )


def test_complex_points_have_no_derivatives_from_the_core():
    model = models.LinearModel()
    x = X + 0.5j
    params = model.make_params(slope=1, intercept=0)
    result = model.fit(2 * x + 1, params, x=x)
    assert result.params["slope"].value == pytest.approx(2)
    result = models.GaussianModel().fit(
        lineshapes.gaussian(X, 3, 4, 1) + 0j, amplitude=2.5, center=4.2, sigma=1.1, x=X + 0j
    )
    assert result.params["sigma"].value == pytest.approx(1)


def test_a_callback_or_a_jacobian_of_the_user_is_called():
    model = models.GaussianModel()
    params = model.make_params(amplitude=5, center=4, sigma=1)
    data = model.eval(params, x=X)
    params["sigma"].value = 1.3
    seen = []
    model.fit(data, params, x=X, iter_cb=lambda *args, **kws: seen.append(args[1]))
    assert len(seen) > 3


def test_the_residual_is_data_less_model_times_weights():
    model = models.LinearModel()
    params = model.make_params(slope=1, intercept=0)
    data = 2 * X + RNG.normal(size=X.size)
    result = model.fit(data, params, x=X, weights=0.5)
    np.testing.assert_allclose(result.residual, 0.5 * (data - result.best_fit), atol=1e-12)


def test_a_model_that_is_not_finite_is_refused_as_by_the_function():
    model = models.PowerLawModel()
    params = model.make_params(amplitude=1, exponent=0.5)
    with pytest.raises(ValueError) as ours:
        model.fit(np.ones(5), params, x=np.linspace(-1, 1, 5))
    with pytest.raises(ValueError) as plain:
        model.fit(np.ones(5), params, x=np.linspace(-1, 1, 5), fit_kws={"jac": "3-point"})
    assert str(ours.value) == str(plain.value)


def test_a_limit_of_evaluations_stops_the_fit():
    model = models.GaussianModel()
    params = model.make_params(amplitude=5, center=4, sigma=1)
    data = model.eval(params, x=X)
    params["center"].value = 5.5
    result = model.fit(data, params, x=X, max_nfev=2)
    assert result.aborted and not result.success and result.nfev == 2


def test_a_result_pickles_has_intervals_and_is_fitted_again():
    model = models.GaussianModel()
    params = model.make_params(amplitude=5, center=4, sigma=1)
    data = model.eval(params, x=X) + 0.05 * RNG.normal(size=X.size)
    result = model.fit(data, params, x=X)
    again = pickle.loads(pickle.dumps(result))
    assert again.params["sigma"].value == result.params["sigma"].value
    interval = result.conf_interval(sigmas=[1])
    plain = model.fit(data, params, x=X, fit_kws={"jac": "3-point"}).conf_interval(sigmas=[1])
    for name, rows in plain.items():
        np.testing.assert_allclose(interval[name], rows, rtol=1e-5)
    result.fit(data + 1.0)
    close(result, model.fit(data + 1.0, params, x=X, fit_kws={"jac": "3-point"}), rtol=1e-5)


def test_fits_in_threads_do_not_disturb_each_other():
    model, params = peaks(4, tied=True)
    x = np.linspace(0, 40, 300)
    sets = [model.eval(params, x=x) + 0.05 * RNG.normal(size=x.size) for _ in range(8)]
    wanted = [model.fit(data, params, x=x).params.valuesdict() for data in sets]
    found = [None] * 8

    def work(k):
        for _ in range(3):
            found[k] = model.fit(sets[k], params, x=x).params.valuesdict()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == wanted
