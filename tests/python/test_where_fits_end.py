"""Whether methods come to a minimum, and say so truthfully where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import originals
import pytest

from fitcore import Minimizer, Parameters, create_params, minimize
from fitcore.lineshapes import gaussian

X = np.linspace(0, 250, 2500)
NAMES = ("amp", "period", "shift", "decay")
TRUE = (14.0, 5.33, 0.123, 0.010)


def wave(values: Any) -> Any:
    """lmfit's test problem for scalar methods: a sine wave that decays."""
    amp, period, shift, decay = values
    return amp * np.sin(shift + X / period) * np.exp(-X * X * decay * decay)


def wave_start() -> Parameters:
    params = Parameters()
    params.add("amp", value=11.0, min=5, max=20)
    params.add("period", value=5.0, min=1, max=7)
    params.add("shift", value=0.10, min=0.0, max=0.2)
    params.add("decay", value=6e-3, min=0, max=0.1)
    return params


def wave_residual(seed: int) -> Any:
    data = wave(TRUE) + np.random.RandomState(seed).normal(scale=0.7215, size=X.size)
    return lambda p: wave([p[name].value for name in NAMES]) - data


def by_scipy(residual: Any, params: Parameters, **settings: Any) -> Any:
    """SciPy's least_squares from the same start."""
    optimize = originals.require_peer("scipy.optimize")
    at = params.copy()

    def function(x: Any) -> Any:
        for name, value in zip(at, x, strict=True):
            at[name].value = value
        return residual(at)

    items = list(params.values())
    box = [[p.min for p in items], [p.max for p in items]]
    start = [p.value for p in items]
    return optimize.least_squares(function, start, bounds=box, **settings)


# ------------------------------------------------------------------ SLSQP


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_slsqp_comes_to_the_minimum_where_values_are_of_unlike_sizes(seed: int) -> None:
    # SciPy's own stays at the start, or ends at 18523 or 6645, with success.
    residual = wave_residual(seed)
    peer = by_scipy(residual, wave_start())
    result = minimize(residual, wave_start(), method="slsqp", inplace=False)
    assert result.success and result.errorbars
    assert result.chisqr == pytest.approx(2 * peer.cost, rel=1e-6)
    np.testing.assert_allclose([result.params[n].value for n in NAMES], peer.x, rtol=1e-3)
    np.testing.assert_allclose(result.x, [result.params[n].value for n in NAMES], rtol=1e-12)
    assert result.fun == pytest.approx(result.chisqr, rel=1e-12)


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_slsqp_does_not_depend_on_the_size_of_the_residuals(size: float) -> None:
    originals.require_peer("scipy")
    t = np.linspace(0, 5, 41)

    def residual(p: Parameters) -> Any:
        return size * (p["a"] * np.exp(-t / p["b"]) - 3 * np.exp(-t / 1.7) - 0.01 * np.cos(9 * t))

    params = create_params(a={"value": 1.0, "min": 0.0}, b={"value": 0.5, "min": 0.1, "max": 9.0})
    reference = minimize(residual, params, inplace=False)
    result = minimize(residual, params, method="slsqp", inplace=False)
    assert result.success
    for name, item in reference.params.items():
        assert result.params[name].value == pytest.approx(item.value, abs=0.1 * item.stderr)


def test_slsqp_takes_its_tolerance_and_callback_in_units_of_the_user() -> None:
    originals.require_peer("scipy")
    seen: list[float] = []

    def look(params: Parameters, state: Any) -> None:
        seen.append(params["a"].value)

    fitter = Minimizer(lambda p: [1e3 * (p["a"] - 2), 3.0], create_params(a=1.0))
    rough = fitter.minimize(method="slsqp", ftol=1e9)
    assert rough.nit == 1
    result = fitter.minimize(method="slsqp", callback=look)
    assert seen[-1] == pytest.approx(2, abs=1e-5) and result.params["a"].value == seen[-1]


def test_slsqp_keeps_bounds_and_ends_on_them() -> None:
    originals.require_peer("scipy")
    inside: list[bool] = []

    def residual(p: Parameters) -> Any:
        inside.append(1e-3 <= p["a"] <= 2e-3)
        return np.array([p["a"] - 1.0, 100 * (p["b"] - 7)])

    params = create_params(a={"value": 1.5e-3, "min": 1e-3, "max": 2e-3}, b=0.0)
    result = minimize(residual, params, method="slsqp", inplace=False)
    assert result.success and result.at_bound == ("a",) and all(inside)
    assert result.params["a"].value == 2e-3
    assert result.params["b"].value == pytest.approx(7, abs=1e-5)


def test_slsqp_with_constraints_has_them_in_values() -> None:
    originals.require_peer("scipy")
    fitter = Minimizer(
        lambda p: [p["a"] - 3, p["b"] - 3], create_params(a=1.0, b={"value": 1.0, "max": 5.0})
    )
    together = {"type": "ineq", "fun": lambda x: 4 - x[0] - x[1]}
    result = fitter.minimize(method="slsqp", constraints=together)
    assert [p.value for p in result.params.values()] == pytest.approx([2, 2], abs=1e-5)


@pytest.mark.parametrize("method", ["slsqp", "tnc", "bfgs"])
def test_a_method_that_stops_far_from_a_minimum_has_no_success(method: str) -> None:
    # The whole Gauss-Newton step leads uphill at the start.
    originals.require_peer("scipy")
    coarse = {"slsqp": {"ftol": 1e12}, "tnc": {"ftol": 1e12}, "bfgs": {"gtol": 1e12}}[method]
    result = minimize(wave_residual(1), wave_start(), method=method, inplace=False, **coarse)
    assert not result.success and result.chisqr > 1e4
    assert not result.errorbars
    assert "a Gauss-Newton step goes lower" in result.message


# ------------------------------------------------------------------ L-BFGS-B with derivatives


@pytest.mark.parametrize("kind", ["none", "gradient", "jacobian"])
def test_lbfgsb_does_not_stop_early_for_small_residuals_whoever_gives_derivatives(
    kind: str,
) -> None:
    t = np.linspace(0, 5, 41)
    data = 3e-9 * (np.exp(-t / 1.7) + 0.003 * np.cos(9 * t))

    def residual(p: Parameters) -> Any:
        return 1e-9 * p["a"] * np.exp(-t / p["b"]) - data

    def jacobian(p: Parameters) -> Any:
        e = 1e-9 * np.exp(-t / p["b"])
        return np.stack([e, p["a"] * e * t / p["b"] ** 2], axis=1)

    def gradient(p: Parameters) -> Any:
        return 2 * residual(p) @ jacobian(p)

    jac = {"none": None, "gradient": gradient, "jacobian": jacobian}[kind]
    params = create_params(a={"value": 1.0, "min": 0.0}, b={"value": 0.5, "min": 0.1, "max": 9.0})
    result = minimize(residual, params, method="lbfgsb", jac=jac, refine=False, inplace=False)
    exact = minimize(residual, params, Dfun=jacobian, inplace=False)
    assert result.success
    for name, item in exact.params.items():
        assert result.params[name].value == pytest.approx(item.value, rel=1e-7)


# ------------------------------------------------------------------ bounds='native'


GRID = np.linspace(0, 20, 201)
PEAKS = ("a1", "c1", "s1", "a2", "c2", "s2")


def two_peaks(p: Parameters) -> Any:
    a1, c1, s1, a2, c2, s2 = (p[name].value for name in PEAKS)
    root = np.sqrt(2 * np.pi)
    return gaussian(GRID, a1 * s1 * root, c1, s1) + gaussian(GRID, a2 * s2 * root, c2, s2)


def peak_problem() -> tuple[Any, Parameters]:
    true = create_params(**dict(zip(PEAKS, (47.6, 6.19, 1.76, 43.4, 10.57, 1.96), strict=True)))
    data = two_peaks(true)
    params = Parameters()
    for name, value, least, most in zip(
        PEAKS, (58.5, 4.0, 4.04, 71.8, 14.8, 0.74), (0, 0, 0.05) * 2, (200, 20, 10) * 2, strict=True
    ):
        params.add(name, value=value, min=least, max=most)
    return (lambda p: two_peaks(p) - data), params


def test_an_end_with_a_peak_of_height_zero_is_a_local_minimum() -> None:
    # Chi-square is 0 at the solution; from this start the height of the second peak meets its
    # bound, and where it is 0 nothing moves the peak.
    residual, params = peak_problem()
    result = minimize(residual, params, bounds="native", inplace=False)
    assert result.success and not result.errorbars
    assert result.at_bound[0] == "a2" and result.chisqr > 1000
    assert "c2" in result.message and "no effect" in result.message
    peer = by_scipy(residual, params, method="dogbox", xtol=1e-12, ftol=1e-12, gtol=1e-12)
    assert result.chisqr == pytest.approx(2 * peer.cost, rel=1e-7)
    # The gradient by each variable, as a cosine, holds a2 to its bound and is zero for the others.
    values = [result.params[name].value for name in PEAKS]
    left = residual(result.params)
    for name, value in zip(PEAKS, values, strict=True):
        moved = result.params.copy()
        step = 1e-6 * max(value, 1e-3)
        moved[name].value = value + step
        column = (residual(moved) - left) / step
        slope = column @ left / (np.linalg.norm(column) or 1) / np.linalg.norm(left)
        assert slope > 1e-3 if name == "a2" else abs(slope) < 1e-5
