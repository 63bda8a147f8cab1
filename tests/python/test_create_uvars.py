"""Parameters as numbers with uncertainties."""

import math
import sys

import numpy as np
import pytest

from fitcore import minimize
from fitcore.parameter import create_params

uncertainties = pytest.importorskip("uncertainties")

COVAR = np.array([[0.01, 0.01, -0.002], [0.01, 0.04, 0.001], [-0.002, 0.001, 0.09]])
EXPRESSIONS = {
    "sum3": "a + d + g", "area": "a*d", "chain": "area**2/g", "root": "sqrt(a) + exp(-d/5)",
    "ratio": "(a - d)/(a + d)*fixed", "none": "2*fixed", "by_asteval": "sum([a*d, g**2])",
}  # fmt: skip


def made(create=create_params):
    return create(
        a={"value": 3.0}, d={"value": 5.0}, fixed={"value": 4.0, "vary": False}, g={"value": 2.0},
        **{name: {"expr": text} for name, text in EXPRESSIONS.items()},
    )  # fmt: skip


def covariance(found, names):
    return np.array(uncertainties.covariance_matrix([found[name] for name in names]))


def by_formula(x):
    """The expressions in uncertainties' own arithmetic."""
    a, d, g = x
    exp, sqrt = uncertainties.umath.exp, uncertainties.umath.sqrt
    area = a * d
    return {
        "sum3": a + d + g, "area": area, "chain": area**2 / g, "root": sqrt(a) + exp(-d / 5),
        "ratio": (a - d) / (a + d) * 4, "by_asteval": area + g**2,
    }  # fmt: skip


def test_covariances_are_those_of_uncertainties_own_arithmetic():
    import uncertainties.umath

    params = made()
    found = params.create_uvars(COVAR)
    assert list(found) == list(params)
    exact = by_formula(uncertainties.correlated_values([3.0, 5.0, 2.0], COVAR))
    for name, value in exact.items():
        rel = 1e-8 if name == "by_asteval" else 1e-13
        assert found[name].nominal_value == params[name].value
        assert found[name].nominal_value == pytest.approx(value.nominal_value, rel=1e-15)
        assert found[name].std_dev == pytest.approx(value.std_dev, rel=rel)
        assert params[name].stderr == found[name].std_dev
    names = [*exact]
    np.testing.assert_allclose(
        covariance(found, names), covariance(exact, names), rtol=1e-7, atol=1e-12
    )
    np.testing.assert_allclose(covariance(found, ["a", "d", "g"]), COVAR, rtol=1e-13)
    assert found["fixed"].std_dev == found["none"].std_dev == params["none"].stderr == 0
    assert (found["area"] - found["a"] * found["d"]).std_dev == pytest.approx(0, abs=1e-15)


def test_standard_errors_are_those_of_lmfit():
    lmfit = pytest.importorskip("lmfit")
    theirs, mine = made(lmfit.create_params), made()
    wanted, found = theirs.create_uvars(COVAR), mine.create_uvars(COVAR)
    assert list(found) == list(wanted)
    for name in wanted:
        assert found[name].nominal_value == pytest.approx(wanted[name].nominal_value, rel=1e-14)
        assert found[name].std_dev == pytest.approx(wanted[name].std_dev, rel=1e-6, abs=1e-15)
    for name in EXPRESSIONS:
        assert mine[name].stderr == pytest.approx(theirs[name].stderr, rel=1e-6, abs=1e-15)
    assert mine.valuesdict() == pytest.approx(theirs.valuesdict(), rel=1e-14)


def test_without_covariance_standard_errors_and_correlations_give_it():
    params = made()
    errors = np.sqrt(np.diagonal(COVAR))
    for i, name in enumerate("adg"):
        params[name].stderr = errors[i]
        params[name].correl = {
            other: COVAR[i, j] / (errors[i] * errors[j])
            for j, other in enumerate("adg") if j != i
        }  # fmt: skip
    found = params.create_uvars()
    given = made().create_uvars(COVAR)
    for name in params:
        assert found[name].std_dev == pytest.approx(given[name].std_dev, rel=1e-12, abs=1e-15)
    assert params["area"].stderr is None


def test_without_correlations_parameters_are_independent_with_the_very_errors():
    params = create_params(a=3.0, b=4.0, c=5.0, p={"expr": "a*b"})
    params["a"].stderr, params["b"].stderr = 0.1, 0.2
    found = params.create_uvars()
    assert [found[name].std_dev for name in "abc"] == [0.1, 0.2, 0.0]
    assert found["p"].std_dev == pytest.approx(math.hypot(0.4, 0.6), rel=1e-15)
    assert (found["a"] - found["b"]).std_dev == pytest.approx(math.hypot(0.1, 0.2), rel=1e-15)
    assert all(u.std_dev == 0 for u in create_params(a=1, b={"expr": "a"}).create_uvars().values())
    params["a"].stderr = math.nan
    assert math.isnan(params.create_uvars()["a"].std_dev)


def test_a_fixed_parameter_with_an_error_contributes_it():
    params = create_params(a=3.0, k={"value": 2.0, "vary": False}, p={"expr": "a*k"})
    params["k"].stderr = 0.5
    assert params.create_uvars([[0.01]])["p"].std_dev == pytest.approx(math.hypot(0.2, 1.5))


def test_a_value_held_by_a_bound_has_no_error_and_an_infinite_slope_an_unknown_one():
    params = create_params(a=3.0, z=0.0, top={"expr": "2*a", "max": 5}, s={"expr": "sqrt(z)"})
    found = params.create_uvars(np.diag([0.01, 0.04]))
    assert (found["top"].nominal_value, found["top"].std_dev) == (5, 0)
    assert found["s"].nominal_value == 0
    assert math.isnan(found["s"].std_dev)


def test_the_result_of_a_fit_gives_them():
    x = np.linspace(0, 5, 30)
    y = 2.5 * np.exp(-0.7 * x) + 0.01 * np.cos(17 * x)
    params = create_params(amp=2, decay={"value": 1, "min": 0}, half={"expr": "log(2)/decay"})
    result = minimize(lambda p: p["amp"].value * np.exp(-p["decay"].value * x) - y, params)
    found = result.uvars
    for name, value in found.items():
        assert value.nominal_value == result.params[name].value
        assert value.std_dev == pytest.approx(result.params[name].stderr, rel=1e-12)
    assert (found["half"] * found["decay"]).std_dev == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("covar", "message"),
    [
        (np.eye(3), r"shape \(2, 2\), as 2 parameters are varied, not \(3, 3\)"),
        (1.0, "shape"),
        ("covar", "array of numbers"),
        ([[1, math.nan], [0, 1]], "finite"),
        ([[-1, 0], [0, 1]], "negative"),
        ([[1, 0.5], [0.2, 1]], "symmetric"),
    ],
)
def test_a_wrong_covariance_is_an_error_that_says_what_is_wanted(covar, message):
    params = create_params(a=1.0, b=2.0, c={"expr": "a*b"})
    with pytest.raises(ValueError, match=f"covar must .*{message}|{message}"):
        params.create_uvars(covar)
    assert params["c"].stderr is None


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "uncertainties", None)
    monkeypatch.setitem(sys.modules, "uncertainties.core", None)
    with pytest.raises(ImportError, match=r"fitcore\[uncertainties\]"):
        create_params(a=1).create_uvars()


def test_uvars_of_a_result_are_the_same_numbers_each_time() -> None:
    params = create_params(a=1.0, b=1.0)
    x = np.linspace(0, 1, 20)
    result = minimize(lambda p: p["a"] + p["b"] * x - np.sin(3 * x), params)
    product = result.uvars["a"] * result.uvars["b"]
    assert (product / result.uvars["a"] - result.uvars["b"]).std_dev == pytest.approx(0, abs=1e-12)
