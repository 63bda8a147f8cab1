"""The same models fitted by lmfit: values, errors, statistics, bands, intervals and reports."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from originals import require_peer

import fitcore
import fitcore.model

Array = Any


def peak(x: Array, amp: float, cen: float = 1.0, wid: float = 2) -> Array:
    return amp * np.exp(-((x - cen) ** 2) / wid)


def line(x: Array, a: float, b: float) -> Array:
    return a * x + b


def decay(t: Array, amp: float, tau: float, kind: str = "exp", offset: float = 0.0) -> Array:
    return amp * (np.exp(-t / tau) if kind == "exp" else 1 / (1 + t / tau)) + offset


def resonance(f: Array, f0: float, q: float, qe: float) -> Array:
    return 1 - (q / qe) / (1 + 2j * q * (f - f0) / f0)


def plane(x: Array, y: Array, a: float, b: float, c: float) -> Array:
    return a * x + b * y + c


X = np.linspace(-5, 5, 61)
NOISE = np.random.default_rng(3).normal(size=61)
Y = peak(X, 3.0, 0.5, 1.5) + 0.1 * NOISE
F = np.linspace(95, 105, 51)
S21 = resonance(F, 100.2, 90.0, 130.0) + 0.01 * (NOISE[:51] + 1j * NOISE[10:])
GRID_X, GRID_Y = np.meshgrid(np.linspace(0, 1, 6), np.linspace(0, 2, 7))
GRID = plane(GRID_X, GRID_Y, 1.0, -2.0, 0.5) + 0.05 * NOISE[:42].reshape(7, 6)
HOLES = np.where(np.arange(61) % 9 == 4, np.nan, Y)


@dataclass
class Case:
    """A model made by either package, the data and the other arguments of its fit."""

    make: Callable[[Any], Any]
    data: Array
    start: dict[str, Any]
    kws: dict[str, Any] = field(default_factory=dict)


def hinted(package: Any) -> Any:
    model = package.Model(peak, prefix="p_") + package.Model(line, prefix="bg_")
    model.set_param_hint("p_wid", min=0.1, max=10)
    model.set_param_hint("p_area", expr="p_amp * sqrt(pi * p_wid)")
    return model


def tied(package: Any) -> Any:
    model = package.Model(peak)
    model.set_param_hint("cen", expr="amp / 6")
    return model


CASES = {
    "peak": Case(lambda p: p.Model(peak), Y, {"amp": 1}, {"x": X}),
    "weights": Case(lambda p: p.Model(peak), Y, {"amp": 1}, {"x": X, "weights": 1 + X**2 / 25}),
    "one weight": Case(lambda p: p.Model(peak), Y, {"amp": 1},
                       {"x": X, "weights": 10.0, "scale_covar": False}),
    "sum with hints": Case(hinted, Y + 0.2 * X, {"p_amp": 1, "bg_a": 0, "bg_b": 0}, {"x": X}),
    "product": Case(lambda p: p.Model(peak, prefix="p_") * p.Model(line), Y * (3 + 0.2 * X),
                    {"p_amp": {"value": 1.0, "vary": False}, "p_cen": {"value": 0.5, "vary": False},
                     "a": 0.0, "b": 2.0}, {"x": X}),
    "tied": Case(tied, Y, {"amp": 1}, {"x": X}),
    "options": Case(lambda p: p.Model(decay, independent_vars=["t"], kind="other"),
                    decay(X + 5, 3, 2, "other") + 0.05 * NOISE,
                    {"amp": 1, "tau": {"value": 1, "min": 0.01}}, {"t": X + 5}),
    "complex": Case(lambda p: p.Model(resonance), S21,
                    {"f0": 100, "q": 60, "qe": {"value": 100, "min": 1}}, {"f": F}),
    "complex weights": Case(lambda p: p.Model(resonance), S21, {"f0": 100, "q": 60, "qe": 100},
                            {"f": F, "weights": np.linspace(1, 2, 51)}),
    "two variables": Case(lambda p: p.Model(plane, independent_vars=["x", "y"]), GRID,
                          {"a": 0, "b": 0, "c": 0}, {"x": GRID_X, "y": GRID_Y}),
    "holes": Case(lambda p: p.Model(peak), HOLES, {"amp": 1}, {"x": X, "nan_policy": "omit"}),
    "fixed": Case(lambda p: p.Model(peak), Y, {"amp": 1, "cen": {"value": 0.5, "vary": False}},
                  {"x": X}),
}  # fmt: skip


def fits(name: str) -> tuple[Any, Any]:
    case = CASES[name]
    found = []
    for package in (fitcore, require_peer("lmfit")):
        model = case.make(package)
        found.append(model.fit(case.data, model.make_params(**case.start), **case.kws))
    return found[0], found[1]


@pytest.mark.parametrize("name", CASES)
def test_fits_of_models_are_those_of_lmfit(name: str) -> None:
    ours, theirs = fits(name)
    assert list(ours.params) == list(theirs.params)
    assert ours.var_names == theirs.var_names
    assert ours.best_values.keys() == theirs.best_values.keys()
    for attribute in ("ndata", "nvarys", "nfree", "success", "errorbars", "method"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    for attribute in ("chisqr", "redchi", "aic", "bic"):
        assert getattr(ours, attribute) == pytest.approx(getattr(theirs, attribute), rel=1e-7)
    if not np.iscomplexobj(theirs.data):  # of complex data lmfit's is a complex number
        assert ours.rsquared == pytest.approx(theirs.rsquared, rel=1e-7)
    for key, item in theirs.params.items():
        assert ours.params[key].value == pytest.approx(item.value, abs=2e-4 * (item.stderr or 1))
        assert ours.params[key].stderr == pytest.approx(item.stderr, rel=1e-3)
    size = np.abs(theirs.residual).max()
    assert_allclose(ours.residual, theirs.residual, atol=1e-4 * size, rtol=0)
    assert_allclose(ours.init_fit, theirs.init_fit, rtol=1e-12)
    assert ours.best_fit.shape == theirs.best_fit.shape
    assert_allclose(ours.covar, theirs.covar, rtol=2e-3, atol=1e-4 * np.abs(theirs.covar).max())


NUMBER = re.compile(r"[-+]?(?<![\w.])\d+(\.\d*)?(e[-+]\d+)?")


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("complex")])
def test_reports_read_as_those_of_lmfit(name: str) -> None:
    ours, theirs = fits(name)
    for kws in ({}, {"min_correl": 0.5, "sort_pars": True}, {"correl_mode": "table"}):
        lines = [
            [line for line in fit.fit_report(**kws).splitlines() if "function evals" not in line]
            for fit in (ours, theirs)
        ]
        assert len(lines[0]) == len(lines[1])
        for mine, other in zip(*lines, strict=True):
            assert NUMBER.sub("#", mine) == NUMBER.sub("#", other)
            numbers = [[float(m[0]) for m in NUMBER.finditer(text)] for text in (mine, other)]
            assert numbers[0] == pytest.approx(numbers[1], rel=3e-3, abs=2e-3), (mine, other)


@pytest.mark.parametrize("name", ["peak", "weights", "sum with hints", "tied"])
def test_bands_are_those_of_lmfit(name: str) -> None:
    ours, theirs = fits(name)
    for sigma in (1, 2, 0.9):
        at = {"x": np.linspace(-6, 6, 7), "sigma": sigma}
        theirs_band = theirs.eval_uncertainty(**at)
        assert_allclose(ours.eval_uncertainty(**at), theirs_band, rtol=1e-3)
        assert_allclose(ours.dely_predicted, theirs.dely_predicted, rtol=1e-4)
        assert ours.dely_comps.keys() == theirs.dely_comps.keys()
        for key, band in theirs.dely_comps.items():
            assert_allclose(ours.dely_comps[key], band, rtol=1e-3)


def test_intervals_are_those_of_lmfit() -> None:
    ours, theirs = fits("peak")
    assert_intervals(ours.conf_interval(), theirs.conf_interval())
    mine, other = (
        NUMBER.sub("#", fit.ci_report(with_offset=False)) for fit in (ours, theirs)
    )  # fmt: skip
    assert mine == other


def assert_intervals(ours: Any, theirs: Any) -> None:
    for key, pairs in theirs.items():
        assert_allclose(ours[key], pairs, rtol=1e-3)


def test_summaries_have_the_entries_of_lmfits() -> None:
    ours, theirs = (fit.summary() for fit in fits("sum with hints"))
    assert set(theirs) == set(ours)
    for key in ("model", "method", "ndata", "nvarys", "nfree", "max_nfev", "message", "var_names",
                "user_options", "nan_policy", "scale_covar", "aborted", "success"):  # fmt: skip
        assert ours[key] == theirs[key], key
    assert [item[0] for item in ours["params"]] == [item[0] for item in theirs["params"]]


def test_html_has_the_tables_of_lmfits() -> None:
    modules = fitcore.printfuncs, require_peer("lmfit").printfuncs
    ours, theirs = (
        re.sub(r"<[^>]*>", "|", module.fitreport_html_table(fit))
        for module, fit in zip(modules, fits("peak"), strict=True)
    )
    assert NUMBER.sub("#", ours) == NUMBER.sub("#", theirs)


def test_refits_go_on_from_the_best_values_as_in_lmfit() -> None:
    ours, theirs = fits("peak")
    for fit in (ours, theirs):
        fit.fit(2 * Y, weights=np.full(61, 3.0))
    assert ours.best_values == pytest.approx(theirs.best_values, rel=1e-5)
    assert ours.chisqr == pytest.approx(theirs.chisqr, rel=1e-7)
    assert ours.init_params["amp"].value == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("option", ["real", "imag", "abs", "angle"])
@pytest.mark.parametrize("complex_errors", [False, True])
def test_errors_for_plots_are_those_of_lmfit(option: str, complex_errors: bool) -> None:
    lmfit = require_peer("lmfit")
    z = S21 - 0.3
    dz = np.linspace(0.1, 0.2, 51) + (0.05j if complex_errors else 0)
    wanted = lmfit.model.propagate_err(z, dz, option)
    assert_allclose(fitcore.model.propagate_err(z, dz, option), wanted, rtol=1e-12)
