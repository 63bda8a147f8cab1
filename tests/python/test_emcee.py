"""Sampling of the posterior distribution with emcee."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from fitcore import Minimizer, Parameters, minimize

T = np.linspace(0, 10, 50)
SIGMA = 0.05
DATA = 2 + 0.5 * T + SIGMA * np.random.default_rng(3).normal(size=T.size)


def line(p: Parameters) -> Any:
    return p["a"] + p["b"] * T - DATA


def weighted(p: Parameters) -> Any:
    return line(p) / SIGMA


def start() -> Parameters:
    params = Parameters()
    params.add("a", value=2.0, min=-5, max=5)
    params.add("b", value=0.5)
    params.add("twice", expr="2*b")
    return params


RUN: dict[str, Any] = {"steps": 600, "nwalkers": 16, "burn": 200, "seed": 1, "progress": False}


@pytest.fixture(scope="module")
def sampled() -> Any:
    return Minimizer(weighted, start()).emcee(**RUN)


def test_medians_widths_and_correlations_are_those_of_the_linear_model(sampled: Any) -> None:
    exact = Minimizer(weighted, start(), scale_covar=False).leastsq()
    assert sampled.success
    assert sampled.errorbars
    for name, item in exact.params.items():
        assert abs(sampled.params[name].value - item.value) < 0.3 * item.stderr
        assert sampled.params[name].stderr == pytest.approx(item.stderr, rel=0.15)
    assert sampled.params["a"].correl["b"] == pytest.approx(exact.params["a"].correl["b"], abs=0.1)
    assert sampled.chisqr == pytest.approx(exact.chisqr, rel=0.02)
    assert (sampled.ndata, sampled.nvarys) == (50, 2)


def test_the_chain_has_the_shape_that_steps_burn_and_thin_make(sampled: Any) -> None:
    assert sampled.chain.shape == (400, 16, 2)
    assert sampled.lnprob.shape == (400, 16)
    assert sampled.acceptance_fraction.shape == (16,)
    frame = sampled.flatchain
    assert list(frame.columns) == ["a", "b"] == sampled.var_names
    assert np.median(frame["a"]) == pytest.approx(sampled.params["a"].value)
    thinned = Minimizer(weighted, start()).emcee(**{**RUN, "thin": 4, "steps": 300})
    assert thinned.chain.shape == (25, 16, 2)


def test_lnprob_is_minus_half_chi_square(sampled: Any) -> None:
    point = dict(zip("ab", sampled.chain[7, 3], strict=True))
    residual = (point["a"] + point["b"] * T - DATA) / SIGMA
    assert sampled.lnprob[7, 3] == pytest.approx(-0.5 * residual @ residual)


def test_a_seed_gives_the_same_chain_in_any_number_of_workers(sampled: Any) -> None:
    again = Minimizer(weighted, start()).emcee(**RUN)
    np.testing.assert_array_equal(again.chain, sampled.chain)
    short = {**RUN, "steps": 20, "burn": 0}
    serial = Minimizer(weighted, start()).emcee(**short)
    processes = Minimizer(weighted, start()).emcee(**short, workers=2)
    np.testing.assert_array_equal(processes.chain, serial.chain)
    with ThreadPoolExecutor(1) as pool:
        threaded = Minimizer(weighted, start()).emcee(**short, workers=pool)
    np.testing.assert_array_equal(threaded.chain, serial.chain)


def test_unknown_errors_of_the_data_are_a_variable_more() -> None:
    fitter = Minimizer(line, start())
    result = fitter.emcee(**RUN, is_weighted=False)
    assert result.var_names == ["a", "b", "__lnsigma"]
    assert np.exp(result.params["__lnsigma"].value) == pytest.approx(SIGMA, rel=0.35)
    assert "__lnsigma" not in fitter.params


def test_scalars_are_log_posteriors_or_chi_square() -> None:
    short = {**RUN, "steps": 30, "burn": 0}
    chi = Minimizer(lambda p: float(np.sum(weighted(p) ** 2)), start())
    log = Minimizer(lambda p: -0.5 * float(np.sum(weighted(p) ** 2)), start())
    one = chi.emcee(**short, float_behavior="chi2")
    np.testing.assert_allclose(one.chain, log.emcee(**short).chain)
    with pytest.raises(ValueError, match="is_weighted=False wants"):
        chi.emcee(**short, is_weighted=False)


def test_samples_stay_within_the_bounds() -> None:
    params = start()
    params["a"].max = 2.0
    result = Minimizer(weighted, params).emcee(**{**RUN, "steps": 100, "burn": 0})
    assert result.chain[..., 0].max() <= 2.0


def test_a_sampler_goes_on() -> None:
    short = {**RUN, "steps": 30, "burn": 0}
    fitter = Minimizer(weighted, start())
    first = fitter.emcee(**short)
    longer = fitter.emcee(**short, reuse_sampler=True)
    assert longer.chain.shape == (60, 16, 2)
    np.testing.assert_array_equal(longer.chain[:30], first.chain)
    third = Minimizer(weighted, start()).emcee(**short, pos=first.chain)
    assert third.chain.shape == (30, 16, 2)


def test_minimize_takes_the_settings_and_the_result_pickles() -> None:
    result = minimize(weighted, start(), method="emcee", **{**RUN, "steps": 20, "burn": 0})
    assert result.method == "emcee"
    assert pickle.loads(pickle.dumps(result)).chain.shape == (20, 16, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be"),
        ({"burn": 600}, "burn=600 and thin=1 leave nothing"),
        ({"nwalkers": 1}, "nwalkers must be"),
        ({"pos": np.zeros((4, 5))}, r"pos must have shape \(nwalkers, 2\)"),
        ({"float_behavior": "x"}, "float_behavior must be"),
        ({"ntemps": 3}, "ntemps must be 1"),
        ({"reuse_sampler": True}, "reuse_sampler=True wants a sampler"),
    ],
)
def test_settings_that_cannot_be_are_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Minimizer(weighted, start()).emcee(**{**RUN, **settings})


def test_exceptions_of_the_function_pass() -> None:
    def broken(p: Parameters) -> Any:
        raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        Minimizer(broken, start()).emcee(**RUN)
