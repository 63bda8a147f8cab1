"""`fitcore.optimize.curve_fit`: its arguments, its answers, its errors; without SciPy."""

from __future__ import annotations

import subprocess
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fitcore.nist as nist
from fitcore.optimize import OptimizeWarning, curve_fit, leastsq

X = np.linspace(0.0, 4.0, 20)
Y = 2.5 * np.exp(-1.3 * X) + 0.01 * np.cos(9 * X)


def decay(x: Any, a: Any, b: Any) -> Any:
    return a * np.exp(-b * x)


def decay_jac(x: Any, a: Any, b: Any) -> Any:
    e = np.exp(-b * x)
    return np.stack([e, -a * x * e], axis=1)


# Fits ---------------------------------------------------------------------------------------------


def test_without_bounds_it_is_leastsq() -> None:
    popt, pcov, info, mesg, ier = curve_fit(decay, X, Y, [1.0, 1.0], full_output=True)
    x, cov, details, message, code = leastsq(
        lambda p: decay(X, *p) - Y, [1.0, 1.0], full_output=True
    )
    assert popt.tobytes() == x.tobytes()
    assert (mesg, ier, info["nfev"]) == (message, code, details["nfev"])
    np.testing.assert_allclose(pcov, cov * (info["fvec"] @ info["fvec"]) / 18, rtol=1e-12)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([-np.inf, 0], np.inf)])
@pytest.mark.parametrize("jac", [None, decay_jac, "3-point", "cs"])
def test_a_straight_fit_has_the_covariance_of_its_normal_equations(bounds: Any, jac: Any) -> None:
    popt, pcov = curve_fit(decay, X, Y, bounds=bounds, jac=jac)
    j, r = decay_jac(X, *popt), decay(X, *popt) - Y
    np.testing.assert_allclose(pcov, np.linalg.inv(j.T @ j) * (r @ r) / 18, rtol=1e-5)
    assert np.abs(j.T @ r).max() < 1e-6


@pytest.mark.parametrize("name", ["Misra1a", "DanWood", "Chwirut2", "Thurber", "Gauss1", "ENSO"])
def test_nists_parameters_are_found_with_bounds_around_them(name: str) -> None:
    problem = nist.load(name)
    width = 3 * np.abs(problem.certified)
    popt, pcov = curve_fit(
        lambda x, *b: problem.residual(b), None, np.zeros(problem.y.size), problem.start2,
        bounds=(problem.certified - width, problem.certified + width), jac="3-point",
        xtol=1e-12, ftol=1e-14,
    )  # fmt: skip
    np.testing.assert_allclose(popt, problem.certified, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(pcov)), problem.stderr, rtol=1e-5)


def test_a_parameter_is_held_at_its_bound() -> None:
    popt, _ = curve_fit(decay, X, Y, bounds=(0, [2.0, 9.0]), xtol=1e-12, ftol=1e-14)
    assert popt[0] == 2.0
    rest, _ = curve_fit(lambda x, b: decay(x, 2.0, b), X, Y, xtol=1e-12, ftol=1e-14)
    np.testing.assert_allclose(popt[1], rest[0], rtol=1e-6)


def test_the_model_is_never_evaluated_outside_of_the_bounds() -> None:
    def model(x: Any, a: Any, b: Any) -> Any:
        assert 0 <= a <= 2
        assert 0.5 <= b <= 9
        return decay(x, a, b)

    for jac in (None, "3-point"):
        for start in ([2, 9], [0, 0.5], [0, 9], [1, 1]):
            curve_fit(model, X, Y, start, bounds=([0, 0.5], [2, 9]), jac=jac)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, 9)])
def test_correlated_errors_are_those_of_the_whitened_problem(bounds: Any) -> None:
    a = np.random.default_rng(1).normal(size=(20, 20))
    sigma = a @ a.T + 20 * np.eye(20)
    root = np.linalg.inv(np.linalg.cholesky(sigma))
    popt, pcov = curve_fit(decay, X, Y, sigma=sigma, absolute_sigma=True, bounds=bounds)
    j = root @ decay_jac(X, *popt)
    np.testing.assert_allclose(pcov, np.linalg.inv(j.T @ j), rtol=1e-5)
    with_jac, _ = curve_fit(decay, X, Y, sigma=sigma, jac=decay_jac, bounds=bounds)
    np.testing.assert_allclose(with_jac, popt, rtol=1e-5)
    np.testing.assert_allclose(j.T @ root @ (decay(X, *popt) - Y), 0, atol=1e-6)


def test_a_diagonal_covariance_is_its_standard_deviations() -> None:
    error = np.linspace(1, 2, 20)
    one, two = (curve_fit(decay, X, Y, sigma=s) for s in (error, np.diag(error**2)))
    np.testing.assert_allclose(one[0], two[0], rtol=1e-7)
    np.testing.assert_allclose(one[1], two[1], rtol=1e-6)


def test_the_models_own_array_is_left_alone() -> None:
    held = {}

    def model(x: Any, a: Any) -> Any:
        return held.setdefault(float(a), a * x)

    curve_fit(model, X, 2 * X)
    for a, value in held.items():
        np.testing.assert_array_equal(value, a * X)


def test_parameters_reach_the_model_as_numpys_numbers() -> None:
    def model(x: Any, a: Any) -> Any:
        assert type(a) is np.float64
        return a * x

    curve_fit(model, X, 2 * X)
    curve_fit(model, X, 2 * X, bounds=(0, 9))


def test_any_object_may_be_xdata() -> None:
    x = {"left": X, "right": 2 * X}
    popt, _ = curve_fit(lambda d, a, b: a * d["left"] + b * d["right"] ** 2, x, 3 * X + 4 * X**2)
    np.testing.assert_allclose(popt, [3, 1], rtol=1e-7)


def test_lists_reach_the_model_as_arrays() -> None:
    popt, _ = curve_fit(lambda x, a: a * x**2, [1, 2, 3], [2, 8, 18])
    np.testing.assert_allclose(popt, [2])


def test_bounds_may_be_an_object_with_lb_and_ub() -> None:
    bounds = SimpleNamespace(lb=[0, 0], ub=[2.0, 9])
    assert curve_fit(decay, X, Y, bounds=bounds)[0][0] == 2.0


def test_nan_policy_omit_is_the_fit_without_those_points() -> None:
    y, keep = Y.copy(), np.ones(20, bool)
    y[[3, 7]], keep[[3, 7]] = np.nan, False
    error = np.linspace(1, 2, 20)
    for sigma, kept in ((None, None), (error, error[keep]), (np.diag(error), np.diag(error[keep]))):
        one = curve_fit(decay, X, y, sigma=sigma, nan_policy="omit")
        two = curve_fit(decay, X[keep], Y[keep], sigma=kept)
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])


def test_the_limit_of_evaluations_leaves_out_those_for_differences() -> None:
    assert curve_fit(decay, X, Y, bounds=(0, 9), max_nfev=20)[0].size == 2
    with pytest.raises(RuntimeError, match="Optimal parameters not found: The maximum number"):
        curve_fit(decay, X, Y, bounds=(0, 9), max_nfev=2)


# Warnings -----------------------------------------------------------------------------------------


def test_a_parameter_without_effect_gives_an_infinite_covariance_and_a_warning() -> None:
    with pytest.warns(OptimizeWarning, match="could not be estimated"):
        _, pcov = curve_fit(lambda x, a, b: a * x, X, 2 * X)
    assert np.isposinf(pcov).all()


def test_as_many_points_as_parameters_warn() -> None:
    with pytest.warns(OptimizeWarning, match="could not be estimated"):
        curve_fit(decay, X[:2], Y[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve_fit(decay, X[:2], Y[:2], absolute_sigma=True)


def test_scipy_is_not_imported() -> None:
    code = (
        "import sys, numpy as np, warnings\n"
        "from fitcore.optimize import curve_fit\n"
        "warnings.simplefilter('ignore')\n"
        "x = np.arange(5.0)\n"
        "curve_fit(lambda x, a, b: a * x, x, 2 * x)\n"
        "curve_fit(lambda x, a: a * x, x, 2 * x, bounds=(0, 1))\n"
        "assert not any(name.startswith('scipy') for name in sys.modules)\n"
        "sys.modules['scipy'] = sys.modules['scipy.optimize'] = None\n"
        "try:\n"
        "    curve_fit(lambda x, a: a * x, x, 2 * x, bounds=(0, 1), loss='soft_l1')\n"
        "except ImportError as error:\n"
        "    assert 'fitcore[scipy]' in str(error) and 'loss' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Errors -------------------------------------------------------------------------------------------

NAN = np.where(np.arange(20) == 3, np.nan, Y)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"f": None}, TypeError, "f must be callable"),
        ({"f": lambda x: x}, ValueError, "Unable to determine number of fit parameters"),
        ({"f": lambda x, *p: x}, ValueError, "Unable to determine number of fit parameters"),
        ({"f": lambda x, a, b: None}, TypeError, "NoneType"),
        ({"f": lambda x, a, b: decay(x, a, b) + 0j}, TypeError, "must be real numbers"),
        ({"f": lambda x, a, b: np.ones(3)}, ValueError, "broadcast"),
        ({"f": lambda x, a, b: decay(x, a, b)[:, None]}, ValueError, "one-dimensional"),
        ({"f": lambda x, a, b: x * np.nan}, RuntimeError, "NaN or infinity"),
        ({"f": lambda x, a, b: x * np.nan, "bounds": (0, 9)}, ValueError, "not finite in the ini"),
        ({"xdata": [1, [2, 3]]}, ValueError, "inhomogeneous"),
        ({"xdata": NAN}, ValueError, "infs or NaNs .xdata"),
        ({"ydata": NAN}, ValueError, "infs or NaNs .ydata"),
        ({"ydata": []}, ValueError, "`ydata` must not be empty"),
        ({"ydata": ["a"] * 20}, ValueError, "ydata must be an array of numbers"),
        ({"ydata": Y + 0j}, TypeError, "ydata must be real numbers"),
        ({"xdata": X[:1], "ydata": Y[:1]}, ValueError, "fewer than the 2 variables"),
        ({"p0": "ab"}, TypeError, "p0 must be an array of real numbers"),
        ({"p0": []}, ValueError, "p0 must hold at least one number"),
        ({"p0": [np.nan, 1]}, ValueError, "p0 must be finite"),
        ({"p0": [1j, 1]}, TypeError, "p0 must be an array of real numbers"),
        ({"sigma": np.ones(5)}, ValueError, "`sigma` has incorrect shape"),
        ({"sigma": np.ones((20, 3))}, ValueError, "`sigma` has incorrect shape"),
        ({"sigma": -np.eye(20)}, ValueError, "`sigma` must be positive definite"),
        ({"sigma": np.zeros(20)}, ValueError, "sigma must not be zero"),
        ({"sigma": np.full(20, np.nan)}, ValueError, "sigma must not be NaN"),
        ({"sigma": "a"}, TypeError, "sigma must be real numbers"),
        ({"bounds": 5}, TypeError, "bounds must be a pair"),
        ({"bounds": None}, TypeError, "bounds must be a pair"),
        ({"bounds": (0,)}, ValueError, "`bounds` must contain 2 elements"),
        ({"bounds": ([0, 0, 0], 1)}, ValueError, "must be one number or 2"),
        ({"bounds": ("a", 1)}, ValueError, "the lower bounds must be real numbers"),
        ({"bounds": (0, np.nan)}, ValueError, "the upper bounds must not be NaN"),
        ({"bounds": (1, 1)}, ValueError, "Each lower bound must be strictly less"),
        ({"bounds": (0, 1), "p0": [5, 5]}, ValueError, "Initial guess is outside of provided bo"),
        ({"bounds": (0, 9), "method": "lm"}, ValueError, "Method 'lm' only works for unconstrain"),
        ({"method": "LM"}, ValueError, "`method` must be 'trf', 'dogbox' or 'lm'"),
        ({"jac": 3}, TypeError, "`jac` must be"),
        ({"jac": "q"}, ValueError, "`jac` must be"),
        ({"jac": lambda x, a, b: np.ones((3, 3))}, TypeError, r"wanted \(20, 2\)"),
        ({"jac": lambda x, a, b: np.ones((20, 2)) * 1j}, TypeError, "jac must return real numbers"),
        ({"nan_policy": "propagate"}, ValueError, "is not supported by this function"),
        ({"nan_policy": "q"}, ValueError, "nan_policy must be one of"),
        ({"nan_policy": "raise", "ydata": NAN}, ValueError, "The input contains nan values"),
        ({"args": (1,)}, ValueError, "'args' is not a supported keyword"),
        ({"foo": 1}, TypeError, "unexpected keyword argument 'foo' for method='lm'"),
        ({"foo": 1, "method": "trf"}, TypeError, "unexpected keyword argument 'foo' for method='t"),
        ({"Dfun": decay_jac}, TypeError, "unexpected keyword argument 'Dfun'"),
        ({"ftol": -1.0}, ValueError, "ftol=-1.0"),
        ({"maxfev": 5}, RuntimeError, "Optimal parameters not found: Number of calls"),
        ({"maxfev": 5, "max_nfev": 5}, TypeError, "mean the same"),
        ({"max_nfev": 0, "method": "trf"}, ValueError, "`max_nfev` must be None or positive"),
        ({"x_scale": [0, 1], "method": "trf"}, ValueError, "`x_scale` must be"),
    ],
)
def test_improper_arguments_are_named(change: dict[str, Any], error: type, match: str) -> None:
    arguments: dict[str, Any] = {"f": decay, "xdata": X, "ydata": Y, **change}
    with pytest.raises(error, match=match):
        curve_fit(**arguments)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, 9)])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError, StopIteration])
def test_what_the_model_raises_leaves_unchanged(kind: type[BaseException], bounds: Any) -> None:
    error = kind("mine")

    def model(x: Any, a: Any) -> Any:
        raise error

    with pytest.raises(kind) as caught:
        curve_fit(model, X, Y, bounds=bounds)
    assert caught.value is error


def test_a_fit_inside_a_fit_disturbs_nothing() -> None:
    def model(x: Any, a: Any, b: Any) -> Any:
        curve_fit(decay, X, Y, bounds=(0, 9))
        return decay(x, a, b)

    inner = curve_fit(model, X, Y, bounds=(0, [2, 9]))[0]
    assert inner.tobytes() == curve_fit(decay, X, Y, bounds=(0, [2, 9]))[0].tobytes()
