"""Sentences of the manual of lmfit 0.7.1 that have neither an example nor another test."""

import ast
import builtins
import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import Minimizer, Parameter, Parameters, conf_interval, create_params, minimize

X = np.linspace(0, 8, 81)
NOISE = np.random.default_rng(3).normal(size=X.size)
DATA = 4 * np.exp(-X / 2.5) + 0.7 + 0.05 * NOISE


def residual(p: Any, eps: float = 1.0) -> Any:
    return (DATA - p["amp"].value * np.exp(-X / p["tau"].value) - p["base"].value) / eps


def start(**limits: Any) -> Parameters:
    return create_params(
        amp={"value": 2.0, **limits}, tau={"value": 1.0, **limits}, base={"value": 0.1, **limits}
    )


# ---------------------------------------------------------------- introduction and chapter 2


def test_chi_square_is_the_sum_of_squares_of_residuals_over_their_errors() -> None:
    result = minimize(residual, start(), kws={"eps": 0.05})
    v = result.params.valuesdict()
    model = v["amp"] * np.exp(-X / v["tau"]) + v["base"]
    assert result.chisqr == pytest.approx(np.sum((DATA - model) ** 2 / 0.05**2), rel=1e-12)
    # Scaled by the errors of the data, the reduced chi-square is about 1: to two deviations.
    assert abs(result.redchi - 1) < 2 * math.sqrt(2 / result.nfree)
    unscaled = minimize(residual, start())
    assert unscaled.redchi == pytest.approx(result.redchi * 0.05**2, rel=1e-9)


def test_the_sign_of_the_residual_is_free() -> None:
    plus, minus = minimize(residual, start()), minimize(lambda p: -residual(p), start())
    assert plus.params.valuesdict() == pytest.approx(minus.params.valuesdict(), rel=1e-12)
    assert plus.chisqr == pytest.approx(minus.chisqr, rel=1e-14)


def test_fixing_a_parameter_tests_its_significance() -> None:
    free = minimize(residual, start())
    params = start()
    params["base"].value, params["base"].vary = 0.0, False
    fixed = minimize(residual, params)
    assert (fixed.nvarys, fixed.nfree) == (2, free.nfree + 1)
    # The base is needed; a value within its standard error could not be told from the best.
    assert fitcore.f_compare(free, fixed) > 0.999
    best = free.params["base"]
    params["base"].value = best.value + 0.3 * best.stderr
    assert fitcore.f_compare(free, minimize(residual, params)) < 0.5


def test_params_can_be_copied_and_changed_without_touching_the_first() -> None:
    first = start()
    second = first.copy()
    second["tau"].max = 2.0
    second["base"].expr = "amp / 10"
    minimize(residual, second)
    assert first.valuesdict() == {"amp": 2.0, "tau": 1.0, "base": 0.1}
    assert (first["tau"].max, first["base"].expr, first["amp"].stderr) == (math.inf, None, None)
    assert second["base"].value == second["amp"].value / 10


def test_parameters_are_a_dictionary_in_the_order_of_insertion() -> None:
    params = Parameters()
    for name in ("zeta", "alpha", "mu"):
        params.add(name, value=1.0)
    params["alpha"] = Parameter(value=2.0)
    assert isinstance(params, dict)
    assert list(params) == list(params.valuesdict()) == ["zeta", "alpha", "mu"]
    assert [par.name for par in params.values()] == [name for name, _ in params.items()]
    result = minimize(lambda p: [p[name].value * 3 - 1 for name in p], params)
    assert result.var_names == ["zeta", "alpha", "mu"]


def test_attributes_of_a_parameter_are_the_inputs_and_can_be_assigned() -> None:
    made = Parameter(1.5, False, 1.0, 2.0, "p", None)
    given = (made.value, made.vary, made.min, made.max, made.name, made.expr)
    assert given == (1.5, False, 1.0, 2.0, "p", None)
    made.vary, made.max, made.min = True, 0.5 * 3.5, None
    assert (made.vary, made.max, made.min) == (True, 1.75, -math.inf)


def test_after_a_fit_variables_have_errors_and_fixed_parameters_have_not() -> None:
    params = start()
    params["base"].value, params["base"].vary = 0.7, False
    minimize(residual, params)
    assert params["base"].value == 0.7 and not params["base"].stderr
    assert params["base"].correl is None
    for name, other in (("amp", "tau"), ("tau", "amp")):
        assert params[name].stderr > 0
        assert params[name].correl.keys() == {other}


# ----------------------------------------------------------------------------- chapter 3


@pytest.mark.parametrize(
    "method", ["nelder", "lbfgsb", "powell", "cg", "newton", "cobyla", "slsqp"]
)
def test_an_array_is_minimized_as_its_sum_of_squares(method: str) -> None:
    array, scalar = start(), start()
    settings = {"tol": 1e-12} if method not in ("lbfgsb", "cg", "newton") else {}
    minimize(residual, array, method=method, **settings)
    minimize(lambda p: float(np.sum(residual(p) ** 2)), scalar, method=method, **settings)
    assert array.valuesdict() == pytest.approx(scalar.valuesdict(), rel=2e-3)


def test_simulated_annealing_has_the_three_names_of_the_table() -> None:
    limits = {"min": 0.05, "max": 10}
    wanted = minimize(residual, start(**limits)).params.valuesdict()
    fitter = Minimizer(residual, start(**limits), rng=1)
    for result in (
        fitter.anneal(schedule="cauchy", maxiter=50),
        fitter.scalar_minimize(method="Anneal", maxiter=50),
        fitter.minimize(method="anneal", maxiter=50),
    ):
        assert (result.method, result.success) == ("anneal", True)
        assert result.params.valuesdict() == pytest.approx(wanted, rel=1e-4)
    with pytest.raises(ValueError, match="tol"):
        fitter.scalar_minimize(method="Anneal", tol=1e-3)


def test_the_settings_of_the_tables_are_the_defaults_or_do_as_they_say() -> None:
    def values(name: str, **kws: Any) -> dict[str, float]:
        found: dict[str, float] = getattr(Minimizer(residual, start()), name)(**kws).values
        return found

    n = 3
    best = values("leastsq")
    old = values("leastsq", xtol=1e-7, ftol=1e-7, maxfev=2000 * (n + 1), Dfun=None)
    assert old == pytest.approx(best, rel=1e-6)
    bfgs = values("lbfgsb")
    # The table spells factr so.
    assert values("lbfgsb", fctr=1000.0, approx_grad=True, maxfun=2000 * (n + 1)) == bfgs
    assert values("lbfgsb", factr=1000.0) == bfgs
    assert values("lbfgsb", factr=1e14, refine=False) != bfgs
    simplex = values("fmin")
    assert values("fmin", maxfun=5000 * (n + 1)) == simplex
    assert values("fmin", ftol=1e-4, xtol=1e-4) == pytest.approx(best, rel=1e-3)
    assert values("scalar_minimize", method="Nelder-Mead", hess=None, tol=None) == simplex
    powell = values("scalar_minimize", method="Powell")
    assert values("scalar_minimize", method="Powell", tol=1e-7) == powell
    assert values("scalar_minimize", method="Powell", tol=1e-2) != powell


@pytest.mark.parametrize("fit", ["leastsq", "lbfgsb"])
def test_the_default_limit_on_evaluations_is_the_manuals(fit: str) -> None:
    rng = np.random.default_rng(0)

    def never(p: Any) -> Any:
        return [float(v) for v in rng.normal(size=3)] + [p["a"].value - 1]

    result = getattr(Minimizer(never, create_params(a=0.0)), fit)()
    assert result.nfev <= 2000 * 2


@pytest.mark.parametrize("fit", ["leastsq", "fmin", "lbfgsb"])
def test_statistics_of_the_last_fit_are_attributes_of_the_minimizer(fit: str) -> None:
    fitter = Minimizer(residual, start())
    with pytest.raises(AttributeError, match="chisqr: no fit"):
        _ = fitter.chisqr
    result = getattr(fitter, fit)()
    names = ["nfev", "success", "errorbars", "message", "nvarys", "ndata", "ndfree", "nfree",
             "chisqr", "redchi"]  # fmt: skip
    names += ["ier", "lmdif_message"] if fit == "leastsq" else []
    for name in names:
        assert getattr(fitter, name) == getattr(result, name)
    assert_array_equal(fitter.residual, result.residual)
    with pytest.raises(AttributeError, match="'Minimizer' object has no attribute 'nosuch'"):
        _ = fitter.nosuch


def test_a_result_of_minimize_inspects_and_reruns_the_fit() -> None:
    result = minimize(residual, start(), maxfev=3)
    assert not result.success
    assert result.leastsq(maxfev=1000) is True
    assert result.ndfree == result.ndata - result.nvarys == 78


def test_a_solution_on_a_bound_has_no_error_bars() -> None:
    params = start()
    params["base"].max = 0.5
    result = minimize(residual, params)
    assert result.at_bound == ("base",)
    assert params["base"].stderr is None
    alone = create_params(base={"value": 0.1, "max": 0.5})
    assert not minimize(lambda p: DATA - p["base"].value, alone).errorbars


def test_reports_come_from_printfuncs_and_the_top_and_take_their_arguments_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("fit_report", "report_fit", "report_errors", "report_ci"):
        assert getattr(fitcore.printfuncs, name) is getattr(fitcore, name)
    assert fitcore.confidence.conf_interval is fitcore.conf_interval
    params, known = start(), create_params(amp=4.0, tau=2.5, base=0.7)
    minimize(residual, params)
    text = fitcore.fit_report(params, known, True, 0.9)
    assert "model_value = 2.5" in text
    assert len([line for line in text.splitlines() if "C(" in line]) < 3
    fitcore.report_fit(params, known, True, 0.9)
    assert capsys.readouterr().out == text + "\n"
    fitcore.report_errors(params, known, False)
    assert "Correlations" not in capsys.readouterr().out


# ------------------------------------------------------------------------ chapters 4 and 5


def test_verbose_prints_and_silence_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    result = minimize(residual, start())
    conf_interval(result, p_names=["tau"])
    assert capsys.readouterr().out == ""
    conf_interval(result, p_names=["tau"], verbose=True)
    out = capsys.readouterr().out
    assert out.count("tau = ") >= 6 and "probability" in out


def test_the_grid_has_a_row_for_each_y_and_its_default_limits_are_five_errors() -> None:
    result = minimize(residual, start())
    x, y, grid = fitcore.conf_interval2d(result, "amp", "tau", 7, 5)
    assert (x.shape, y.shape, grid.shape) == ((7,), (5,), (5, 7))
    for name, axis in (("amp", x), ("tau", y)):
        par = result.params[name]
        assert_allclose(axis[[0, -1]], par.value + np.array([-5, 5]) * par.stderr, rtol=1e-12)


def test_outlandish_bounds_change_neither_result_nor_cost_by_much() -> None:
    plain = minimize(residual, start())
    wide = minimize(residual, start(min=-1e6, max=1e6))
    assert wide.params.valuesdict() == pytest.approx(plain.params.valuesdict(), rel=1e-7)
    for name, par in plain.params.items():
        assert wide.params[name].stderr == pytest.approx(par.stderr, rel=1e-4)
    assert wide.nfev <= 2 * plain.nfev


# ------------------------------------------------------------------------------- chapter 6


def test_an_expression_is_parsed_once_and_not_in_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    params = start()
    params.add("rate", expr="1 / tau")
    params.add("half", expr="log(2) / rate if rate > 0 else 0")
    seen = set()

    def func(p: Any) -> Any:
        seen.add(p["half"].value)
        return DATA - p["amp"].value * np.exp(-X * p["rate"].value) - p["base"].value

    def forbidden(*args: Any, **kws: Any) -> Any:
        raise AssertionError("parsed or evaluated again")

    with monkeypatch.context() as patched:
        for module, name in ((ast, "parse"), (builtins, "eval"), (builtins, "compile")):
            patched.setattr(module, name, forbidden)
        result = minimize(func, params)
    assert result.success and len(seen) > 5
    assert params["half"].value == pytest.approx(math.log(2) * params["tau"].value, rel=1e-15)


def test_the_interpreter_runs_loops_and_functions_but_no_class_and_no_import() -> None:
    fitter = Minimizer(residual, start())
    fitter.asteval(
        "def total(n):\n    s = 0\n    for i in range(n):\n        s += i if i % 2 else 0\n"
        "    return s\n"
    )
    assert fitter.params is not None
    fitter.params.add("odd", expr="total(6)")
    assert fitter.params["odd"].value == 9
    for forbidden in ("class A: pass", "import os", "__import__('os')"):
        fitter.asteval.error = []
        assert fitter.asteval(forbidden, show_errors=False) is None
        assert fitter.asteval.error  # what the expressions of params do meanwhile is not in it
    assert not {"A", "os"} & set(fitter.asteval.symtable)
