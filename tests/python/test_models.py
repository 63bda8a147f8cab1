"""Built-in models: what they promise beyond what they have in common with lmfit's."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fitcore import models
from fitcore.models import (
    ComplexConstantModel,
    ConstantModel,
    DimensionalError,
    ExponentialModel,
    Gaussian2dModel,
    GaussianModel,
    LinearModel,
    LognormalModel,
    PolynomialModel,
    PowerLawModel,
    RectangleModel,
    SineModel,
    SplineModel,
    SplitLorentzianModel,
    StepModel,
    ThermalDistributionModel,
    VoigtModel,
)

X = np.linspace(0.1, 10, 100)
KNOTS = np.linspace(0, 10, 8)


def make(kind, **kwargs):
    """A model of the kind with as few settings as it needs."""
    return SplineModel(KNOTS, **kwargs) if kind is SplineModel else kind(**kwargs)


CURVES = [
    *(kind for name, kind in models.lmfit_models.items()
      if name not in ("Expression", "Gaussian-2D", "Complex Constant")),
    SineModel,
]  # fmt: skip
PEAKS = [kind for kind in CURVES if "negative" in inspect.signature(kind.guess).parameters
         and not issubclass(kind, (models.BoseModel, models.FermiModel,
                                   ThermalDistributionModel))]  # fmt: skip
every = pytest.mark.parametrize("kind", CURVES, ids=lambda kind: kind.__name__)
peaks = pytest.mark.parametrize("kind", PEAKS, ids=lambda kind: kind.__name__)

rng = np.random.default_rng(11)
BUMP = 1 + 6 * np.exp(-((X - 4.2) ** 2) / 1.3) + 0.05 * rng.normal(size=X.size)


def values(params):
    return {name: par.value for name, par in params.items() if par.expr is None}


# ---------------------------------------------------------------------------------- guesses


@every
def test_a_guess_is_the_same_for_any_order_of_points(kind):
    order = np.random.default_rng(1).permutation(X.size)
    model = make(kind)
    assert values(model.guess(BUMP[order], x=X[order])) == pytest.approx(
        values(model.guess(BUMP, x=X)), rel=1e-8
    )


@every
def test_a_guess_leaves_out_what_is_masked_or_not_finite(kind):
    model = make(kind)
    bad, x = BUMP.copy(), X.copy()
    bad[5], x[90] = np.nan, np.inf
    good = np.ones(X.size, dtype=bool)
    good[[5, 90]] = False
    if kind is ConstantModel:  # which does not look at x
        good[90] = True
    expected = values(model.guess(BUMP[good], x=X[good]))
    assert values(model.guess(bad, x=x)) == expected
    masked = np.ma.array(BUMP, mask=~good)
    assert values(model.guess(masked, x=X)) == expected


@every
@pytest.mark.parametrize(
    ("data", "x"),
    [([3.0], [2.0]), ([3.0], [0.5]), ([2.0, 2.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0]),
     ([1.0, 2.0, 5.0], [4.0, 4.0, 4.0]), ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
     ([-1.0, -4.0, -2.0], [1.0, 2.0, 3.0]), ([1, 4, 2], [1, 2, 3]), ([True, False], [3, 4])],
    ids=["one", "one-low", "constant", "one-x", "zero", "negative", "integers", "bool"],
)  # fmt: skip
def test_a_guess_from_little_is_finite_and_within_bounds(kind, data, x):
    params = make(kind).guess(np.array(data), x=np.array(x))
    for par in params.values():
        if par.expr is None:
            assert math.isfinite(par.value), par
            assert par.min <= par.value <= par.max
    # The model can be evaluated there, and the widths of peaks are not zero.
    assert params["sigma"].value != 0.0 if "sigma" in params else True


@every
def test_a_guess_from_what_cannot_be_used_names_the_argument(kind):
    model = make(kind)
    cases = [
        (([], []), ValueError, "data is empty"),
        (([np.nan, np.nan], [1.0, 2.0]), ValueError, "data has no finite value"),
        ((["a", "b"], [1.0, 2.0]), TypeError, "data must be real numbers"),
        (([1 + 1j, 2.0], [1.0, 2.0]), TypeError, "data must be real numbers"),
        (([object(), 2.0], [1.0, 2.0]), TypeError, "data must be real numbers"),
    ]
    if kind is not ConstantModel:
        cases += [
            (([1.0, 2.0], None), TypeError, "x is missing"),
            (([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, "x has 3 values and data has 2"),
            (([1.0, 2.0], ["a", "b"]), TypeError, "x must be real numbers"),
            (([1.0, 2.0], np.array(["2020-01-01", "2020-01-02"], "M8[D]")), TypeError,
             "x must be real numbers"),
        ]  # fmt: skip
    for (data, x), error, message in cases:
        with pytest.raises(error, match=f"{kind.__name__}.guess: {message}"):
            model.guess(data, x)


@every
def test_values_that_are_given_go_over_the_guess_with_the_prefix_or_without(kind):
    model = make(kind, prefix="p_")
    name = model.param_names[-1]
    root = name.removeprefix("p_")
    for key in (name, root):
        params = model.guess(BUMP, x=X, **{key: 0.75}, unrelated=3)
        assert params[name].value == 0.75
    params = model.guess(BUMP, x=X, **{root: {"value": 0.5, "vary": False, "max": 0.9}})
    assert (params[name].value, params[name].vary, params[name].max) == (0.5, False, 0.9)


@peaks
@pytest.mark.parametrize("width", [1.3, 1e-3], ids=["wide", "one-point"])
def test_a_dip_is_guessed_as_the_peak_is(kind, width):
    y = 6 * np.exp(-((X - 4.2) ** 2) / width) + 0.01 * np.cos(3 * X)
    model = make(kind)
    up, down = model.guess(y, X), model.guess(-y, X, negative=True)
    assert down["amplitude"].value == pytest.approx(-up["amplitude"].value)
    for name in set(values(up)) - {"amplitude"}:
        assert down[name].value == pytest.approx(up[name].value), name


@peaks
def test_negative_must_be_a_bool(kind):
    with pytest.raises(TypeError, match="negative must be True or False"):
        make(kind).guess(BUMP, X, negative="yes")


# Without those that know where zero is, and the resonance, which is no peak over zero.
@pytest.mark.parametrize(
    "kind",
    [kind for kind in PEAKS
     if kind not in (models.DampedOscillatorModel, models.DampedHarmonicOscillatorModel,
                     LognormalModel, models.BreitWignerModel)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_fit_from_the_guess_finds_the_peak_far_from_zero(kind):
    if kind in (models.Pearson4Model, models.ExponentialGaussianModel):
        start = {"expon": 2.0, "skew": 0.3} if kind is models.Pearson4Model else {"gamma": 2.0}
    else:
        start = {}
    model = make(kind)
    x = np.linspace(990, 1010, 201)
    truth = model.make_params(amplitude=50, center=1001.0, sigma=1.5, **start)
    y = model.eval(truth, x=x)
    result = model.fit(y, model.guess(y, x), x=x)
    assert np.abs(result.best_fit - y).max() < 1e-3 * np.ptp(y)
    assert result.params["center"].value == pytest.approx(1001.0, abs=0.05)


def test_the_guess_of_a_lognormal_peak_is_near_it():
    model = LognormalModel()
    x = np.linspace(1, 2000, 4000)
    y = model.eval(x=x, amplitude=900, center=6.0, sigma=0.4)
    params = model.guess(y, x)
    assert params["center"].value == pytest.approx(6.0, abs=0.1)
    assert params["sigma"].value == pytest.approx(0.4, rel=0.1)
    assert params["amplitude"].value == pytest.approx(900, rel=0.1)
    with pytest.raises(ValueError, match=r"LognormalModel\.guess: x has no positive value"):
        model.guess([1, 2, 1], [-3, -2, -1])


def test_the_guess_of_a_power_law_leaves_out_what_has_no_logarithm():
    x = np.array([-1.0, 0.0, 1.0, 2.0, 4.0, 8.0])
    y = np.array([5.0, 0.0, 3.0, 12.0, 0.0, 192.0])
    for sign in (1, -1):
        params = PowerLawModel().guess(sign * y, x)
        assert params["amplitude"].value == pytest.approx(3.0 * sign)
        assert params["exponent"].value == pytest.approx(2.0)
    with pytest.raises(ValueError, match=r"PowerLawModel\.guess: x has no positive value"):
        PowerLawModel().guess(y, -np.abs(x))


def test_the_guess_of_a_negative_exponential_is_negative():
    params = ExponentialModel().guess(-3 * np.exp(-X / 2), X)
    assert values(params) == pytest.approx({"amplitude": -3.0, "decay": 2.0})


def test_a_rectangle_is_guessed_within_the_range_of_x():
    params = RectangleModel().guess(BUMP, X + 500)
    assert 500 < params["center1"].value < params["center2"].value < 510.2


def test_a_step_that_falls_has_a_negative_width_however_x_is_ordered():
    y = np.where(X < 5, 3.0, 0.0)
    assert StepModel().guess(y, X)["sigma"].value < 0
    assert StepModel().guess(y[::-1], X[::-1])["sigma"].value < 0
    assert StepModel().guess(y[::-1], X)["sigma"].value > 0
    # Fewer than five points, where a fifth is none.
    assert StepModel().guess([2.0, 1.0, 0.0], [0.0, 1.0, 2.0])["sigma"].value < 0


def test_a_sine_at_uneven_points_is_found():
    x = np.sort(np.random.default_rng(2).uniform(0, 20, 300))
    y = 2 * np.sin(3.0 * x + 1)
    model = SineModel()
    result = model.fit(y, model.guess(y, x), x=x)
    assert values(result.params)["frequency"] == pytest.approx(3.0)
    assert values(result.params)["amplitude"] == pytest.approx(2.0)


@pytest.mark.parametrize("shape", [(31, 21), (651,)])
def test_a_peak_over_a_plane_is_found_from_grids_and_rows_of_points(shape):
    x, y = np.meshgrid(np.linspace(0, 4, 21), np.linspace(0, 6, 31))
    model = Gaussian2dModel(prefix="g_")
    truth = {"g_amplitude": -10, "g_centerx": 1.5, "g_centery": 4.0, "g_sigmax": 0.5,
             "g_sigmay": 0.8}  # fmt: skip
    z = model.eval(x=x.ravel(), y=y.ravel(), **truth)
    z[7] = np.nan
    start = model.guess(z.reshape(shape), x.reshape(shape), y.reshape(shape), negative=True)
    result = model.fit(z, start, x=x.ravel(), y=y.ravel(), nan_policy="omit")
    assert values(result.params) == pytest.approx(truth)
    with pytest.raises(ValueError, match=r"Gaussian2dModel\.guess: y has 2 values and data has 3"):
        model.guess([1, 2, 1], [1, 2, 3], [1, 2])


def test_a_fit_over_a_plane_needs_both_variables():
    model = Gaussian2dModel(prefix="g_")
    with pytest.raises(ValueError, match="Missing independent variable 'y'"):
        model.fit(BUMP, model.make_params(), x=X)
    result = model.fit(BUMP, model.make_params(), x=X, y=X)
    assert set(result.best_values) == set(model.param_names)


def test_a_complex_constant_is_guessed_from_complex_data():
    data = np.array([1 + 2j, 3 - 4j, complex(np.nan, 1)])
    assert ComplexConstantModel().guess(data).valuesdict() == {"re": 2.0, "im": -1.0}
    assert ComplexConstantModel().guess([1.0, 2.0]).valuesdict() == {"re": 1.5, "im": 0.0}


# --------------------------------------------------------------------- what models are made of


def test_another_number_of_independent_variables_is_an_error():
    for given in ([], ["x", "y"]):
        with pytest.raises(DimensionalError, match="GaussianModel has one independent variable"):
            GaussianModel(independent_vars=given)
    with pytest.raises(ValueError, match="'t'"):
        GaussianModel(independent_vars=["t"])


@pytest.mark.parametrize("kind", [StepModel, RectangleModel, ThermalDistributionModel])
@pytest.mark.parametrize("form", ["foo", 3, "ERF"])
def test_an_unknown_form_is_an_error_that_lists_the_forms(kind, form):
    with pytest.raises(ValueError, match=f"{kind.__name__}: form must be one of .*{form!r}"):
        kind(form=form)


@pytest.mark.parametrize("degree", [-1, 8, 2.0, "3", True, None])
def test_a_degree_that_is_none_is_an_error(degree):
    with pytest.raises(TypeError, match="degree must be an integer"):
        PolynomialModel(degree=degree)


@pytest.mark.parametrize(
    ("knots", "error", "message"),
    [([1, 2, 3], TypeError, "4 knots in xknots or more, got 3"),
     (np.arange(301.0), TypeError, "up to 300 knots, got 301"),
     ("abc", TypeError, "xknots must be 1-D array-like"),
     (5, TypeError, "xknots must be 1-D array-like"),
     (np.eye(4), TypeError, "xknots must be 1-D array-like"),
     (None, TypeError, "xknots must be 1-D array-like"),
     ([1, 2, 2, 3], ValueError, "strictly increasing"),
     ([4, 3, 2, 1], ValueError, "strictly increasing"),
     ([1, 2, np.nan, 4], ValueError, "finite")],
)  # fmt: skip
def test_knots_that_give_no_spline_are_an_error(knots, error, message):
    with pytest.raises(error, match=message):
        SplineModel(knots)


def test_a_spline_of_300_knots_reproduces_cubics_and_continues_them():
    """Marsden's identity: the coefficients of a cubic are its blossom at three knots each."""
    points = np.sort(np.random.default_rng(4).uniform(-2, 5, 300))
    model = SplineModel(points, prefix="q_")
    t = model.knots
    product = t[1:-3] * t[2:-2] * t[3:-1]
    params = model.make_params(**{f"s{k}": v for k, v in enumerate(product)})
    x = np.linspace(-3, 6, 1000)
    np.testing.assert_allclose(model.eval(params, x=x), x**3, rtol=1e-9, atol=1e-9)


@every
def test_models_survive_pickle_and_deepcopy(kind):
    model = make(kind, prefix="p_")
    params = model.make_params(**dict.fromkeys(model.param_names, 0.8))
    expected = model.eval(params, x=X)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.eval(params, x=X), expected)
        assert other.param_hints == model.param_hints
        assert repr(other) == repr(model)


def test_another_prefix_renames_derived_parameters_and_keeps_what_the_user_set():
    model = VoigtModel(prefix="a_")
    model.set_param_hint("sigma", min=0.1, value=2)
    model.set_param_hint("gamma", value=0.3, vary=True, expr=None)
    model.prefix = "b_"
    params = model.make_params()
    assert params["b_fwhm"].expr == "1.0692*b_gamma+sqrt(0.8664*b_gamma**2+5.545083*b_sigma**2)"
    assert (params["b_sigma"].value, params["b_sigma"].min) == (2, 0.1)
    assert (params["b_gamma"].value, params["b_gamma"].expr) == (0.3, None)


def test_the_width_of_a_voigt_peak_follows_sigma_unless_it_has_a_value():
    model = VoigtModel()
    params = model.make_params(sigma=0.7)
    assert params["gamma"].value == 0.7
    apart = model.make_params(sigma=0.7, gamma=0.1)
    x = np.linspace(-3, 3, 31)
    assert not np.allclose(model.eval(apart, x=x), model.eval(params, x=x))
    np.testing.assert_array_equal(
        model.eval(apart, x=x), model.eval(x=x, sigma=0.7, gamma=0.1, amplitude=1, center=0)
    )


def test_heights_of_peaks_of_no_width_are_numbers():
    for kind in PEAKS:
        params = make(kind).make_params(sigma=0.0, amplitude=1.0)
        if "height" in params and kind is not models.Pearson4Model:  # not bounded from zero
            assert not math.isnan(params["height"].value), kind
    assert SplitLorentzianModel().make_params(sigma=0, sigma_r=0)["height"].value > 1e14


def test_derived_parameters_have_errors_of_their_own():
    """Of fwhm = c sigma the relative error is that of sigma."""
    model = GaussianModel()
    result = model.fit(BUMP - 1, model.guess(BUMP - 1, X), x=X)
    sigma, fwhm, height = (result.params[name] for name in ("sigma", "fwhm", "height"))
    assert fwhm.stderr / fwhm.value == pytest.approx(sigma.stderr / sigma.value, rel=1e-6)
    covar = result.covar
    a, _, s = (result.params[name].value for name in ("amplitude", "center", "sigma"))
    slope = np.array([1 / a, 0.0, -1 / s])
    assert height.stderr / height.value == pytest.approx(math.sqrt(slope @ covar @ slope), rel=1e-5)


def test_sums_and_products_of_models_are_fitted():
    model = (
        GaussianModel(prefix="g_") * ConstantModel(prefix="k_")
        + LinearModel(prefix="l_")
        - StepModel(prefix="s_", form="erf")
    )
    truth = {"g_amplitude": 5, "g_center": 3, "g_sigma": 0.6, "k_c": 2, "l_slope": 0.4,
             "l_intercept": 1, "s_amplitude": 1.5, "s_center": 7, "s_sigma": 0.8}  # fmt: skip
    params = model.make_params(**truth)
    params["k_c"].vary = False
    y = model.eval(params, x=X)
    for name in ("g_center", "s_center", "g_sigma"):
        params[name].value *= 1.1
    result = model.fit(y, params, x=X)
    assert values(result.params) == pytest.approx(truth, rel=1e-5)
    assert result.params["g_fwhm"].value == pytest.approx(0.6 * 2.35482, rel=1e-5)


def test_models_of_many_threads_do_not_disturb_each_other():
    model = GaussianModel() + ConstantModel()

    def fit(k):
        y = model.eval(x=X, amplitude=k + 1, center=3 + 0.3 * k, sigma=0.5, c=k)
        start = model.make_params(amplitude=k, center=3.2 + 0.3 * k, sigma=0.6, c=k)
        return [model.fit(y, start, x=X).params["center"].value for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(fit, range(8))):
            assert found == pytest.approx([3 + 0.3 * k] * 3)
