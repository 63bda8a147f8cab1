"""The built-in models beside those of lmfit 1.3.4, in one process.

Where fitcore differs on purpose, each with a test here or in tests/python/test_models.py:

- `guess` takes points in any order, leaves out those that are not finite, and answers what it
  cannot use with an error that names the argument. lmfit orders peaks only, and gives NaN, or the
  errors of numpy.
- A dip of which two points or fewer are below half height is guessed where it is lowest; lmfit has
  the highest point.
- `LognormalModel.guess` looks at data; in lmfit it is always (1, 0, 0.25).
- `PowerLawModel.guess` leaves out what has no logarithm; data below zero give a negative amplitude,
  in `ExponentialModel.guess` too.
- `RectangleModel.guess` puts its centers at the quarters of the range of x; lmfit at those of the
  sum of the ends, which is the same where x begins at 0.
- A spline may have 300 knots, as lmfit's documentation says; lmfit takes 100.
- Expressions of heights that lmfit divides by zero in have a least denominator.
- An `ExpressionModel` that calls a function which is not known is refused when it is made.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from originals import require_peer

from fitcore import models as ours

theirs = require_peer("lmfit.models")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

X = np.linspace(0, 10, 101)
POSITIVE = np.linspace(0.1, 10, 100)
KNOTS = [0.0, 1.0, 2.5, 4.0, 7.0, 10.0]
PEAK = {"amplitude": 7.0, "center": 4.2, "sigma": 0.8}

#: Model, how it is made, values of its parameters, x.
CASES = [
    ("Constant", {}, {"c": 3.0}, X),
    ("Linear", {}, {"slope": 2.0, "intercept": -3.0}, X),
    ("Quadratic", {}, {"a": 0.3, "b": -2.0, "c": 1.5}, X),
    ("Polynomial", {"degree": 0}, {"c0": 2.0}, X),
    ("Polynomial", {"degree": 4}, {"c0": 1.0, "c1": -2.0, "c2": 0.5, "c3": 0.1, "c4": -0.02}, X),
    ("Spline", {"xknots": KNOTS},
     {"s0": 1.0, "s1": 2.0, "s2": 0.0, "s3": -1.0, "s4": 2.0, "s5": 3.0}, X),
    ("Gaussian", {}, PEAK, X),
    ("Lorentzian", {}, PEAK, X),
    ("Split-Lorentzian", {}, {**PEAK, "sigma_r": 1.3}, X),
    ("Voigt", {}, PEAK, X),
    ("Voigt", {}, {**PEAK, "gamma": 0.4}, X),
    ("PseudoVoigt", {}, {**PEAK, "fraction": 0.3}, X),
    ("Moffat", {}, {**PEAK, "beta": 1.7}, X),
    ("Pearson4", {}, {**PEAK, "expon": 2.0, "skew": 1.1}, X),
    ("Pearson7", {}, {**PEAK, "expon": 2.2}, X),
    ("StudentsT", {}, {**PEAK, "sigma": 2.4}, X),
    ("Breit-Wigner", {}, {**PEAK, "q": 1.4}, X),
    ("Log-Normal", {}, {"amplitude": 7.0, "center": 1.2, "sigma": 0.3}, POSITIVE),
    ("Damped Oscillator", {}, {**PEAK, "sigma": 0.1}, X),
    ("Damped Harmonic Oscillator", {}, {**PEAK, "gamma": 3.0}, POSITIVE),
    ("Exponential Gaussian", {}, {**PEAK, "gamma": 1.3}, X),
    ("Skewed Gaussian", {}, {**PEAK, "gamma": 1.5}, X),
    ("Skewed Voigt", {}, {**PEAK, "skew": 1.2}, X),
    ("Skewed Voigt", {}, {**PEAK, "skew": 1.2, "gamma": 0.3}, X),
    ("Doniach", {}, {**PEAK, "gamma": 0.15}, X),
    ("Thermal Distribution", {"form": "bose"}, {"amplitude": 1.4, "center": -1.0, "kt": 2.0}, X),
    ("Thermal Distribution", {"form": "maxwell"}, {"amplitude": 1.4, "center": 1.0, "kt": 2.0}, X),
    ("Thermal Distribution", {"form": "fermi"}, {"amplitude": 1.4, "center": 5.0, "kt": 1.0}, X),
    ("Bose-Einstein Distribution", {}, {"amplitude": 1.4, "center": -1.0, "kt": 2.0}, X),
    ("Fermi-Dirac Distribution", {}, {"amplitude": 1.4, "center": 5.0, "kt": 1.0}, X),
    ("Power Law", {}, {"amplitude": 2.0, "exponent": 1.3}, POSITIVE),
    ("Exponential", {}, {"amplitude": 4.0, "decay": 3.0}, X),
    *(("Step", {"form": form}, {"amplitude": 4.0, "center": 5.2, "sigma": sigma}, X)
      for form, sigma in [("linear", 3.0), ("atan", 0.7), ("arctan", -0.7), ("erf", 1.2),
                          ("logistic", -0.6)]),
    *(("Rectangle", {"form": form}, {"amplitude": 4.0, "center1": 2.6, "sigma1": 0.9,
                                     "center2": 7.3, "sigma2": 1.2}, X)
      for form in ("linear", "atan", "arctan", "erf", "logistic")),
    ("Sine", {}, {"amplitude": 2.0, "frequency": 1.4, "shift": 0.6}, X),
]  # fmt: skip
IDS = [
    "-".join([name.replace(" ", ""), *map(str, how.values())][:2]).replace("[", "")[:30]
    for name, how, _, _ in CASES
]
every = pytest.mark.parametrize(("name", "how", "values", "x"), CASES, ids=IDS)

#: Guesses that differ on purpose; the fits from them are the same.
OWN_GUESS = {"Log-Normal"}


def make(module, name, how, prefix=""):
    kind = module.SineModel if name == "Sine" else module.lmfit_models[name]
    return kind(**how, prefix=prefix)


def data_of(name, how, values, x, noise=0.0):
    """Values of lmfit's model, with noise of a size relative to their range."""
    y = make(theirs, name, how).eval(x=x, **values)
    spread = max(np.ptp(y), 1.0)
    return y + noise * spread * np.random.default_rng(7).normal(size=x.size)


def numbers(params):
    return np.array([par.value for par in params.values()], dtype=float)


def test_the_registry_is_lmfits():
    assert list(ours.lmfit_models) == list(theirs.lmfit_models)
    for name, model in ours.lmfit_models.items():
        assert model.__name__ == theirs.lmfit_models[name].__name__
    assert set(theirs.__dict__) - set(ours.__dict__) <= {
        "Interpreter", "_validate_1d", "get_ast_names", "inspect", "lineshapes", "np", "splev",
        "splrep", "tau", *theirs.lineshapes.functions,
    }  # fmt: skip


@every
@pytest.mark.parametrize("prefix", ["", "p_"])
def test_parameters_have_lmfits_names_order_bounds_and_expressions(name, how, values, x, prefix):
    left, right = make(ours, name, how, prefix), make(theirs, name, how, prefix)
    assert repr(left) == repr(right)
    assert left.independent_vars == right.independent_vars
    assert left.opts == right.opts
    first, second = left.make_params(**values), right.make_params(**values)
    assert list(first) == list(second)
    for one, other in zip(first.values(), second.values(), strict=True):
        assert (one.min, one.max, one.vary) == (other.min, other.max, other.vary), one.name
        assert (one.expr is None) == (other.expr is None)
    np.testing.assert_allclose(numbers(first), numbers(second), rtol=1e-13)


@every
def test_values_are_lmfits(name, how, values, x):
    expected = make(theirs, name, how).eval(x=x, **values)
    params = make(ours, name, how).make_params(**values)
    found = make(ours, name, how).eval(params, x=x)
    np.testing.assert_allclose(found, expected, rtol=2e-12, atol=1e-14 * np.abs(expected).max())


@every
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_guesses_are_lmfits(name, how, values, x, noise):
    y = data_of(name, how, values, x, noise)
    if name == "Power Law":
        y = np.abs(y)
    guess = make(ours, name, how, "p_").guess(y, x)
    expected = make(theirs, name, how, "p_").guess(y, x)
    assert list(guess) == list(expected)
    if name not in OWN_GUESS:
        np.testing.assert_allclose(numbers(guess), numbers(expected), rtol=1e-9, atol=1e-12)


def fitted(model, y, start, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(y, start, x=x)


@every
def test_fits_are_lmfits(name, how, values, x):
    """Values, errors and chi-square of fits of noisy data; those of derived parameters too."""
    y = data_of(name, how, values, x, 0.01)
    results = []
    for module in (ours, theirs):
        model = make(module, name, how)
        # Where a guess is poor, both may end in other minima: from near the solution none is far.
        start = model.make_params(**{key: 1.05 * value for key, value in values.items()})
        if name == "Thermal Distribution":  # in which amplitude and center are one parameter
            start["center"].set(value=values["center"], vary=False)
        if "gamma" in values:
            start["gamma"].vary = True
        results.append(fitted(model, y, start, x))
    one, other = results
    # Differences across the corners of piecewise lines depend on their steps.
    accuracy = 0.06 if how.get("form") == "linear" else 5e-3
    assert one.success
    assert one.chisqr <= other.chisqr * (1 + 1e-9)
    assert one.chisqr == pytest.approx(other.chisqr, rel=1e-7)
    for key, par in other.params.items():
        found = one.params[key]
        size = max(abs(par.value), par.stderr or 0.0)
        assert found.value == pytest.approx(par.value, abs=2e-5 * size), key
        if par.stderr is not None:
            assert found.stderr == pytest.approx(par.stderr, rel=accuracy, abs=1e-12), key


EXPRESSIONS = [
    "c+a*(b+x)",
    "amp*exp(-(x-cen)**2/(2*wid**2))/(sqrt(2*pi)*wid)",
    "off+a*x if x0>1 else b*x",
    "where(x>x0, a, b*x)",
    "gaussian(x, amp, cen, wid) + voigt(x, a2, c2, s2_)",
    "max(a, b)+x*e0",
    "x[0]*d + step(x, q, form='erf')",
    "-a**b*x",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_models_from_text_have_lmfits_parameters_and_values(text):
    left, right = ours.ExpressionModel(text), theirs.ExpressionModel(text)
    assert left.param_names == right.param_names
    values = {name: 1.0 + 0.3 * k for k, name in enumerate(left.param_names)}
    np.testing.assert_allclose(
        left.eval(x=POSITIVE, **values), right.eval(x=POSITIVE, **values), rtol=2e-12, atol=1e-15
    )


def test_fits_of_models_from_text_are_lmfits():
    text = "amp*exp(-x/tau)*cos(w*x) + off"
    truth = {"amp": 4.0, "tau": 3.0, "w": 2.0, "off": 0.5}
    y = theirs.ExpressionModel(text).eval(x=X, **truth)
    y = y + 0.05 * np.random.default_rng(3).normal(size=X.size)
    start = {"amp": 3.0, "tau": 2.0, "w": 2.1, "off": 0.0}
    one, other = (module.ExpressionModel(text).fit(y, x=X, **start) for module in (ours, theirs))
    assert one.chisqr == pytest.approx(other.chisqr, rel=1e-9)
    for name, par in other.params.items():
        assert one.params[name].value == pytest.approx(par.value, rel=1e-5)
        assert one.params[name].stderr == pytest.approx(par.stderr, rel=1e-3)


def test_dips_with_three_points_below_half_height_are_guessed_as_in_lmfit():
    y = 3.0 - 2.0 * np.exp(-((X - 4.3) ** 2) / 2)
    for name in ("Gaussian", "Lorentzian", "Voigt", "Pearson4", "Doniach", "Skewed Voigt"):
        guess = ours.lmfit_models[name]().guess(y, X, negative=True)
        expected = theirs.lmfit_models[name]().guess(y, X, negative=True)
        np.testing.assert_allclose(numbers(guess), numbers(expected), rtol=1e-9)


def test_peaks_over_a_plane_are_lmfits():
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(0, 4, 21), np.linspace(0, 6, 31)))
    truth = {"amplitude": 10, "centerx": 1.5, "centery": 4.0, "sigmax": 0.5, "sigmay": 0.8}
    z = theirs.Gaussian2dModel().eval(x=x, y=y, **truth)
    z = z + 0.05 * np.random.default_rng(3).normal(size=x.size)
    results = []
    for module in (ours, theirs):
        model = module.Gaussian2dModel()
        start = model.guess(z, x, y)
        results.append((numbers(start), model.fit(z, start, x=x, y=y)))
    (start, one), (expected, other) = results
    np.testing.assert_allclose(start, expected, rtol=1e-12)
    for key, par in other.params.items():
        assert one.params[key].value == pytest.approx(par.value, rel=1e-5)
        assert one.params[key].stderr == pytest.approx(par.stderr, rel=1e-3)


def test_complex_constants_are_lmfits():
    data = 1 + 2j + np.random.default_rng(3).normal(size=(50, 2)) @ np.array([0.1, 0.1j])
    results = []
    for module in (ours, theirs):
        model = module.ComplexConstantModel()
        results.append(model.fit(data, model.guess(data), x=np.arange(50.0)))
    one, other = results
    np.testing.assert_allclose(numbers(one.params), numbers(other.params), rtol=1e-9)
    assert one.params["re"].stderr == pytest.approx(other.params["re"].stderr, rel=1e-4)


def test_helpers_are_lmfits():
    for name in ("Gaussian", "Lorentzian", "PseudoVoigt"):
        pair = [module.lmfit_models[name](prefix="q_") for module in (ours, theirs)]
        assert ours.fwhm_expr(pair[0]) == theirs.fwhm_expr(pair[1])
        if name != "PseudoVoigt":
            assert ours.height_expr(pair[0]) == theirs.height_expr(pair[1])
    y = data_of("Gaussian", {}, PEAK, X)
    one = ours.guess_from_peak(ours.GaussianModel(), y, X, False, ampscale=2.0, sigscale=0.3)
    other = theirs.guess_from_peak(theirs.GaussianModel(), y, X, False, ampscale=2.0, sigscale=0.3)
    np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-12)
    one = ours.guess_thermal(ours.BoseModel(), y, X)
    np.testing.assert_allclose(
        numbers(one), numbers(theirs.guess_thermal(theirs.BoseModel(), y, X)), rtol=1e-12
    )
    pars = [module.update_param_vals(module.GaussianModel(prefix="p_").make_params(), "p_",
                                     sigma=4, foo=1)
            for module in (ours, theirs)]  # fmt: skip
    np.testing.assert_allclose(*map(numbers, pars), rtol=1e-12)


def test_a_form_is_no_parameter():
    for module in (ours, theirs):
        model = module.StepModel(form="erf", prefix="s_")
        assert list(model.make_params(form="linear", amplitude=3)) == list(model.make_params())


@pytest.mark.parametrize("form", ["Bose-Einstein", "maxwell-boltzmann", "FERMI"])
def test_long_names_of_thermal_distributions_are_known(form):
    values = {"amplitude": 1.4, "center": -1.0, "kt": 2.0}
    found = ours.ThermalDistributionModel(form=form).eval(x=X, **values)
    expected = theirs.ThermalDistributionModel(form=form).eval(x=X, **values)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
