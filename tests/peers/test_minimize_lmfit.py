"""The same fits by lmfit: values, errors, correlations, statistics, reports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fitcore

lmfit = pytest.importorskip("lmfit")


@dataclass
class Case:
    """A function of the parameters' values, and the parameters as tuples for add_many."""

    fcn: Callable[[dict[str, Any]], Any]
    params: list[tuple[Any, ...]]
    kws: dict[str, Any] = field(default_factory=dict)


def _data(seed: int, n: int, stop: float) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return np.linspace(0, stop, n), rng.normal(size=n)


def _peak(v: dict[str, Any], x: Any, number: str) -> Any:
    amp, cen, wid = (v[f"{k}_{number}"] for k in ("amp", "cen", "wid"))
    return amp * np.exp(-(((x - cen) / wid) ** 2) / 2)


def cases() -> dict[str, Case]:
    x, e = _data(1, 301, 15)
    sine = 5 * np.sin(2 * x - 0.1) * np.exp(-x * x * 0.025) + 0.2 * e
    shape = [
        ("amp", 10, True, 0),
        ("decay", 0.1),
        ("shift", 0.0, True, -1.57, 1.57),
        ("omega", 3.0),
    ]

    def decaying_sine(v: dict[str, Any]) -> Any:
        model = v["amp"] * np.sin(x * v["omega"] + v["shift"]) * np.exp(-x * x * v["decay"])
        return model - sine

    fixed = [p if p[0] != "omega" else ("omega", 2.0, False) for p in shape]
    t, f = _data(2, 80, 10)
    line = 3 + 0.7 * t + 0.3 * f
    two = 4 * np.exp(-t / 0.8) + 2 * np.exp(-t / 5) + 0.02 * f
    peaks = 3 * np.exp(-(((t - 3) / 0.7) ** 2) / 2) + 2 * np.exp(-(((t - 6) / 0.9) ** 2) / 2)
    peaks = peaks + 0.05 * f
    peak = [("amp_1", 2.0, True, 0), ("cen_1", 2.5), ("wid_1", 1.0, True, 0.01)]
    second = [("amp_2", 1.0, True, 0), ("cen_2", 6.5, True, 5, 9), ("wid_2", 1.0, True, 0.01)]
    shared = [*second[:2], ("wid_2", None, False, None, None, "1.3*wid_1")]
    inequality = [*peak, ("gap", 2.0, True, 0.5, 8), ("amp_2", 1.0)]
    inequality += [("cen_2", None, False, None, None, "cen_1 + gap"), shared[2]]

    def two_peaks(v: dict[str, Any]) -> Any:
        return _peak(v, t, "1") + _peak(v, t, "2") - peaks

    def exponentials(v: dict[str, Any]) -> Any:
        return v["a"] * np.exp(-t / v["tau"]) + v["b"] * np.exp(-t / v["slow"]) - two

    wave = np.exp(1j * (0.9 * t + 0.2)) * 2 + 0.1 * (f + 1j * f[::-1])
    decay = [
        ("a", 3.0, True, 0, 100),
        ("tau", 0.5, True, 0.01, 50),
        ("b", 1.0),
        ("slow", 3.0, True, 1),
    ]
    return {
        "decaying sine with bounds": Case(decaying_sine, shape),
        "a fixed parameter": Case(decaying_sine, fixed),
        "errors not scaled": Case(decaying_sine, shape, {"scale_covar": False}),
        "straight line": Case(lambda v: v["a"] + v["b"] * t - line, [("a", 0.0), ("b", 0.0)]),
        "weighted line": Case(
            lambda v: (v["a"] + v["b"] * t - line) / (0.1 + 0.05 * t), [("a", 0.0), ("b", 0.0)]
        ),
        "two exponentials": Case(exponentials, decay),
        "two peaks": Case(two_peaks, peak + second),
        "a tied width": Case(two_peaks, peak + shared),
        "an inequality": Case(two_peaks, inequality),
        "an upper bound": Case(exponentials, [*decay[:3], ("slow", 3.0, True, None, 40)]),
        "complex residuals": Case(
            lambda v: v["amp"] * np.exp(1j * (v["omega"] * t + v["phase"])) - wave,
            [("amp", 1.0), ("omega", 1.0), ("phase", 0.0, True, -3, 3)],
        ),
        "wide bounds": Case(exponentials, [*decay[:2], ("b", 1.0, True, -1e4, 1e4), decay[3]]),
    }


CASES = cases()


def fit(library: Any, case: Case, **kws: Any) -> Any:
    params = library.Parameters()
    params.add_many(*case.params)
    return library.minimize(lambda p: case.fcn(p.valuesdict()), params, **case.kws, **kws)


@pytest.mark.parametrize("name", CASES)
def test_values_errors_correlations_and_statistics_are_lmfits(name: str) -> None:
    ours = fit(fitcore, CASES[name])
    theirs = fit(lmfit, CASES[name], ftol=1e-13, xtol=1e-13, epsfcn=1e-14)
    assert ours.success
    assert ours.errorbars
    assert ours.var_names == theirs.var_names
    assert ours.init_vals == theirs.init_vals
    for label, item in theirs.params.items():
        mine = ours.params[label]
        scale = item.stderr or 1e-9
        assert abs(mine.value - item.value) <= 1e-4 * scale, label
        assert mine.stderr == pytest.approx(item.stderr, rel=1e-4, abs=1e-12), label
        assert (mine.correl is None) == (item.correl is None), label
        if item.correl is not None:
            assert mine.correl == {k: pytest.approx(c, abs=1e-4) for k, c in item.correl.items()}
        assert mine.init_value == item.init_value
    assert_allclose(ours.covar, theirs.covar, rtol=1e-3, atol=1e-4 * np.abs(theirs.covar).max())
    assert (ours.ndata, ours.nvarys, ours.nfree) == (theirs.ndata, theirs.nvarys, theirs.nfree)
    # Ours is the minimum as well as theirs, to rounding.
    assert ours.chisqr <= theirs.chisqr * (1 + 1e-10)
    for statistic in ("chisqr", "redchi", "aic", "bic"):
        assert getattr(ours, statistic) == pytest.approx(getattr(theirs, statistic), rel=1e-8)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kws", [{}, {"sort_pars": True}, {"min_correl": 0.4}, {"modelpars": True}])
def test_a_report_of_the_same_numbers_is_the_same_text(name: str, kws: dict[str, Any]) -> None:
    ours = fit(fitcore, CASES[name])
    theirs = fit(lmfit, CASES[name])
    for statistic in ("nfev", "chisqr", "redchi", "aic", "bic"):
        setattr(theirs, statistic, getattr(ours, statistic))
    for label, item in ours.params.items():
        other = theirs.params[label]
        if not item.expr:
            other.value = item.value
        other.stderr, other.correl, other.init_value = item.stderr, item.correl, item.init_value
    mine = {**kws, "modelpars": ours.params} if "modelpars" in kws else kws
    other = {**kws, "modelpars": theirs.params} if "modelpars" in kws else kws
    assert fitcore.fit_report(ours, **mine) == lmfit.fit_report(theirs, **other)
    table = {"correl_mode": "table"}
    assert fitcore.fit_report(ours, **table) == lmfit.fit_report(theirs, **table)
    html = fitcore.printfuncs.fitreport_html_table(ours)
    assert html == lmfit.printfuncs.fitreport_html_table(theirs)


@pytest.mark.parametrize("name", CASES)
def test_no_more_evaluations_are_spent_than_lmfit_spends_by_much(name: str) -> None:
    ours = fit(fitcore, CASES[name])
    theirs = fit(lmfit, CASES[name], ftol=1e-11, xtol=1e-11)
    assert ours.nfev <= 1.3 * theirs.nfev + 2 * ours.nvarys + 1


def test_a_script_for_lmfit_runs_with_its_import_changed() -> None:
    script = """
import numpy as np
from {lib} import Minimizer, Parameters, create_params, fit_report, minimize, report_fit
x = np.linspace(0, 15, 301)
data = 5.0 * np.sin(2.0 * x - 0.1) * np.exp(-x * x * 0.025) + 0.2 * np.cos(99 * x * x)
def fcn2min(params, x, data):
    v = params.valuesdict()
    return v['amp'] * np.sin(x * v['omega'] + v['shift']) * np.exp(-x * x * v['decay']) - data
params = create_params(amp=dict(value=10, min=0), decay=0.1, omega=3.0,
                       shift=dict(value=0.0, min=-np.pi / 2, max=np.pi / 2))
minner = Minimizer(fcn2min, params, fcn_args=(x, data))
result = minner.minimize()
final = data + result.residual
text = fit_report(result)
again = minimize(fcn2min, params, method='leastsq', args=(x, data), max_nfev=500)
"""
    one: dict[str, Any] = {}
    two: dict[str, Any] = {}
    exec(compile(script.format(lib="fitcore"), "script", "exec"), one)
    exec(compile(script.format(lib="lmfit"), "script", "exec"), two)
    assert_allclose(one["final"], two["final"], rtol=1e-5, atol=1e-5)
    lines = [t["text"].split("\n") for t in (one, two)]
    assert len(lines[0]) == len(lines[1])
    for ours, theirs in zip(*lines, strict=True):
        assert ours[:20] == theirs[:20]
    best = [list(t["again"].params.valuesdict().values()) for t in (one, two)]
    assert_allclose(best[0], best[1], rtol=1e-5)
