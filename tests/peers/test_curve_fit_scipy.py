"""`fitcore.optimize.curve_fit` gives what scipy.optimize.curve_fit gives."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import originals
import pytest

import fitcore.nist as nist
from fitcore.optimize import curve_fit

optimize = originals.require_peer("scipy.optimize")
X = np.linspace(0.0, 4.0, 30)
Y = 2.5 * np.exp(-1.3 * X) + 0.5 + 0.05 * np.cos(9 * X)


def decay(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * x) + c


def decay_jac(x: Any, a: Any, b: Any, c: Any) -> Any:
    e = np.exp(-b * x)
    return np.stack([e, -a * x * e, np.ones_like(x)], axis=1)


ERRORS = np.linspace(1, 2, 30)
COVARIANCE = np.diag(ERRORS) + 0.3 * np.exp(-np.abs(np.subtract.outer(X, X)))
FITS: dict[str, dict[str, Any]] = {
    "plain": {},
    "p0": {"p0": [3, 1, 0]},
    "errors": {"sigma": ERRORS},
    "absolute errors": {"sigma": ERRORS, "absolute_sigma": True},
    "one error": {"sigma": 0.3, "absolute_sigma": True},
    "covariance": {"sigma": COVARIANCE},
    "absolute covariance": {"sigma": COVARIANCE, "absolute_sigma": True},
    "jac": {"jac": decay_jac},
    "jac, covariance": {"jac": decay_jac, "sigma": COVARIANCE},
    "jac, errors": {"jac": decay_jac, "sigma": ERRORS},
    "jac by columns": {"jac": lambda *a: decay_jac(*a).T, "col_deriv": True},
    "options": {"ftol": 1e-3, "epsfcn": 1e-10, "factor": 1.0, "diag": [1, 2, 3]},
    "infinite bounds": {"bounds": (-np.inf, np.inf)},
}
INSIDE = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
BOUNDED: dict[str, dict[str, Any]] = {
    "no bound active": {"bounds": (0, 9)},
    "one active": {"bounds": (0, [2, 9, 9])},
    "two active": {"bounds": ([0, 0, 0.6], [2, 9, 9])},
    "all active": {"bounds": ([0, 0, 0.7], [2, 1, 9])},
    "one side": {"bounds": ([3, -np.inf, -np.inf], np.inf)},
    "start on a bound": {"bounds": (0, [2, 9, 9]), "p0": [0, 9, 9]},
    "errors": {"bounds": (0, [2, 9, 9]), "sigma": ERRORS},
    "covariance": {"bounds": (0, [2, 9, 9]), "sigma": COVARIANCE, "absolute_sigma": True},
    "jac": {"bounds": (0, [2, 9, 9]), "jac": decay_jac},
    "3-point": {"bounds": (0, [2, 9, 9]), "jac": "3-point"},
    "trf without bounds": {"method": "trf"},
    "dogbox": {"method": "dogbox", "bounds": (0, [2, 9, 9])},
    "x_scale": {"bounds": (0, [2, 9, 9]), "x_scale": [1, 2, 3]},
}


def test_signature_is_scipys() -> None:
    ours, theirs = inspect.signature(curve_fit), inspect.signature(optimize.curve_fit)
    assert list(ours.parameters) == list(theirs.parameters)
    for name, parameter in theirs.parameters.items():
        assert ours.parameters[name].kind == parameter.kind
        assert ours.parameters[name].default == parameter.default, name


@pytest.mark.parametrize("name", FITS)
def test_fits_without_bounds_agree(name: str) -> None:
    ours, theirs = (
        f(decay, X, Y, full_output=True, **FITS[name]) for f in (curve_fit, optimize.curve_fit)
    )
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-7)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)
    assert ours[2]["nfev"] == theirs[2]["nfev"]
    assert set(ours[2]) == set(theirs[2])
    np.testing.assert_allclose(ours[2]["fvec"], theirs[2]["fvec"], rtol=1e-6, atol=1e-9)
    assert ours[3:] == theirs[3:]


@pytest.mark.parametrize("name", BOUNDED)
def test_fits_with_bounds_agree(name: str) -> None:
    kws = BOUNDED[name]
    ours = curve_fit(decay, X, Y, full_output=True, **INSIDE, **kws)
    theirs = optimize.curve_fit(
        decay, X, Y, full_output=True, **INSIDE, **{"jac": "3-point", **kws}
    )
    np.testing.assert_allclose(ours[0], theirs[0], rtol=2e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4)
    assert set(ours[2]) == set(theirs[2])
    assert ours[4] in (1, 2, 3, 4)


@pytest.mark.parametrize("name", nist.names())
def test_nists_problems_in_a_box_that_cuts_end_no_higher_than_scipys(name: str) -> None:
    problem = nist.load(name)
    certified, start = problem.certified, problem.start2
    # the first parameter stops half way between start and solution
    lower, upper = np.full(start.size, -np.inf), np.full(start.size, np.inf)
    half = (certified[0] + start[0]) / 2
    (upper if start[0] < half else lower)[0] = half

    def model(x: None, *b: float) -> np.ndarray:
        return problem.residual(b)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        data = (model, None, np.zeros(problem.y.size), start)
        kws = {"bounds": (lower, upper), "max_nfev": 5000}
        ours, _ = curve_fit(*data, **kws)
        assert ((lower <= ours) & (ours <= upper)).all()
        try:
            theirs, _ = optimize.curve_fit(*data, x_scale="jac", **kws)
        except RuntimeError:
            return
    chi2 = [float(np.sum(problem.residual(b) ** 2)) for b in (ours, theirs)]
    assert chi2[0] <= chi2[1] * (1 + 1e-6) + 1e-18 * np.sum(problem.y**2)


def test_scipys_warning_class_catches_ours() -> None:
    with pytest.warns(optimize.OptimizeWarning, match="could not be estimated"):
        curve_fit(lambda x, a, b: a * x, X, 2 * X)


def test_options_that_only_scipy_has_are_scipys() -> None:
    kws = {"bounds": (0, 9), "loss": "soft_l1"}
    ours, theirs = (f(decay, X, Y, **kws) for f in (curve_fit, optimize.curve_fit))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_fewer_points_than_parameters_are_fitted_by_trf_as_in_scipy() -> None:
    for f in (curve_fit, optimize.curve_fit):
        popt, _ = f(decay, X[:2], Y[:2], method="trf", absolute_sigma=True)
        np.testing.assert_allclose(decay(X[:2], *popt), Y[:2], rtol=1e-6)
