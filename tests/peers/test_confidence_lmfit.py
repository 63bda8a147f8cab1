"""The same intervals and regions by lmfit."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fitcore
import fitcore.nist

lmfit = pytest.importorskip("lmfit")

X = np.linspace(0.3, 10, 100)
NOISE = np.random.default_rng(1).normal(size=X.size)
CURVE = 1 / (0.1 * X) + 2 + 0.1 * NOISE
DECAYS = 3 * np.exp(-X / 2) - 5 * np.exp(-X / 10) + 0.05 * NOISE


def _hyperbola(p: Any) -> Any:
    return 1 / (p["a"].value * X) + p["b"].value - CURVE


def _two(p: Any) -> Any:
    a1, a2, t1, t2 = (item.value for item in p.values())
    return a1 * np.exp(-X / t1) + a2 * np.exp(-X / t2) - DECAYS


CASES: dict[str, tuple[Callable[[Any], Any], dict[str, float]]] = {
    "the manual's hyperbola": (_hyperbola, {"a": 0.1, "b": 1}),
    "the manual's two exponentials": (_two, {"a1": 5, "a2": -5, "t1": 2, "t2": 5}),
}


def _nist(name: str) -> tuple[Callable[[Any], Any], dict[str, float]]:
    problem = fitcore.nist.load(name)
    names = [f"b{i + 1}" for i in range(problem.certified.size)]

    def residual(p: Any) -> Any:
        return problem.residual(np.array([p[n].value for n in names]))

    return residual, dict(zip(names, problem.start2.tolist(), strict=True))


for _name in ("Misra1a", "Chwirut2", "DanWood"):
    CASES[_name] = _nist(_name)


def _fits(fcn: Any, start: dict[str, float]) -> list[Any]:
    out = []
    for module in (fitcore, lmfit):
        params = module.Parameters()
        for name, value in start.items():
            params.add(name, value=value)
        fitter = module.Minimizer(fcn, params)
        out += [fitter, fitter.leastsq()]
    return out


@pytest.mark.parametrize("name", CASES)
def test_intervals_agree(name: str) -> None:
    ours, best, theirs, reference = _fits(*CASES[name])
    found = fitcore.conf_interval(ours, best, sigmas=[1, 2])
    wanted = lmfit.conf_interval(theirs, reference, sigmas=[1, 2])
    assert list(found) == list(wanted)
    for par, pairs in wanted.items():
        assert_allclose([p for p, _ in found[par]], [p for p, _ in pairs], rtol=1e-12)
        # lmfit's root finder stops at 5e-5 of the value, or near it.
        scale = best.params[par].stderr
        values = np.array([v for _, v in pairs])
        assert_allclose([v for _, v in found[par]], values, rtol=5e-5, atol=1e-3 * scale)


@pytest.mark.parametrize("name", CASES)
def test_regions_agree(name: str) -> None:
    ours, best, theirs, reference = _fits(*CASES[name])
    x_name, y_name = list(best.params)[:2]
    for kws in ({}, {"chi2_out": True}):
        # Where lmfit's own fits, from a start far off, end at the minimum too.
        asked = (x_name, y_name, 6, 5, None, None, 2)
        found = fitcore.conf_interval2d(ours, best, *asked, **kws)
        wanted = lmfit.conf_interval2d(theirs, reference, *asked, **kws)
        for mine, other in zip(found[:2], wanted[:2], strict=True):
            assert_allclose(mine, other, rtol=1e-4)
        # The limits follow the standard errors, which lmfit knows to some 4 digits.
        assert_allclose(found[2], wanted[2], rtol=5e-3, atol=5e-3)


def test_reports_agree() -> None:
    ours, best, *_ = _fits(*CASES["the manual's hyperbola"])
    ci = fitcore.conf_interval(ours, best)
    for kws in ({}, {"with_offset": False}, {"ndigits": 2}, {"ndigits": 8}):
        assert fitcore.ci_report(ci, **kws) == lmfit.ci_report(ci, **kws)


def test_f_compare_agrees() -> None:
    from types import SimpleNamespace

    from lmfit.confidence import f_compare

    best = SimpleNamespace(chisqr=3.0, nvarys=4, nfree=20)
    for nvarys in (3, 2):
        new = SimpleNamespace(chisqr=4.0, nvarys=nvarys, nfree=24 - nvarys)
        assert_allclose(fitcore.f_compare(best, new), f_compare(best, new), rtol=1e-12)


@pytest.mark.parametrize("name", ["conf_interval", "conf_interval2d"])
def test_signatures_are_those_of_lmfit_and_keywords_of_our_own(name: str) -> None:
    found = dict(inspect.signature(getattr(fitcore, name)).parameters)
    for own in ("method", "executor", "progress"):
        assert found.pop(own).kind is inspect.Parameter.KEYWORD_ONLY
    wanted = dict(inspect.signature(getattr(lmfit, name)).parameters)
    assert list(found) == list(wanted)
    for key, par in wanted.items():
        assert found[key].kind is par.kind
        # lmfit says None for what its documentation says is [1, 2, 3].
        assert found[key].default == ((1, 2, 3) if key == "sigmas" else par.default)


@pytest.mark.parametrize("name", ["MGH09", "Rat43", "Kirby2"])
def test_no_point_of_a_region_is_above_the_fit_from_the_best_values(name: str) -> None:
    # In MGH09 and Rat43 neighbours may be on other branches, beyond a pole, and mislead.
    fcn, start = _nist(name)
    ours, best, theirs, reference = _fits(fcn, start)
    asked = ("b1", "b2", 7, 7, None, None, 3)
    x, y, grid = fitcore.conf_interval2d(ours, best, *asked, chi2_out=True)
    params = reference.params
    for j, i in np.ndindex(grid.shape):
        params["b1"].set(value=x[i], vary=False)
        params["b2"].set(value=y[j], vary=False)
        for held in list(params)[2:]:
            params[held].value = best.params[held].value
        assert grid[j, i] <= theirs.leastsq(params=params).chisqr * (1 + 1e-6)


def test_a_region_takes_less_than_half_of_lmfit_s_evaluations() -> None:
    calls = [0]

    def counted(p: Any) -> Any:
        calls[0] += 1
        return _two(p)

    ours, best, theirs, reference = _fits(counted, CASES["the manual's two exponentials"][1])
    counts = []
    for module, fitter, result in ((fitcore, ours, best), (lmfit, theirs, reference)):
        calls[0] = 0
        module.conf_interval2d(fitter, result, "a1", "t2", 20, 20)
        counts.append(calls[0])
    assert counts[0] < 0.5 * counts[1]
