"""Every code example of the manual of lmfit 0.7.1 as printed, with lmfit replaced by fitcore."""

import builtins
import importlib
import math
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from manual import (
    PYLAB,
    printed,
    printed_correlations,
    printed_intervals,
    printed_values,
    run,
    run_session,
    session,
)
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import fit_report

FITCORE = {name: getattr(fitcore, name) for name in fitcore.__all__}
SEEDS = [1, 2, 3]


def seed(number: int) -> None:
    np.random.seed(number)  # noqa: NPY002  # what the manual draws from


@pytest.fixture
def pyplot() -> Any:
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_backend()
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")
    plt.switch_backend(before)


# ------------------------------------------------------------ chapter 2: getting started

X = np.linspace(0, 10, 201)
DATA = 9.5 * np.sin(3.05 * X + 0.25) * np.exp(-0.008 * X**2) + 0.1 * np.cos(40 * X**2)
CASE = {"x": X, "data": DATA, "eps_data": 0.1}


def test_2_the_fit_by_scipys_leastsq_runs_with_scipys_optimize_replaced() -> None:
    code = printed("2 residual") + printed("2 scipy")
    wanted = run(code, **PYLAB, **CASE)["out"][0]
    found = run(code.replace("scipy.optimize", "fitcore.optimize"), **PYLAB, **CASE)["out"][0]
    assert_allclose(found, wanted, rtol=1e-6)


def test_2_1_parameters_instead_of_variables_give_the_fit_of_scipys_leastsq() -> None:
    done = run(printed("2.1 minimize"), **PYLAB, **CASE)
    before = run(printed("2 residual") + printed("2 scipy"), **PYLAB, **CASE)
    amp, phase, frequency, decay = before["out"][0]
    wanted = {"amp": amp, "decay": decay, "phase": phase, "frequency": frequency}
    assert done["params"].valuesdict() == pytest.approx(wanted, rel=1e-5)
    assert done["out"].success


def test_2_1_bounds_and_fixed_parameters_leave_the_objective_as_it_is() -> None:
    done = run(printed("2.1 minimize"), **PYLAB, **CASE)
    free = done["params"]
    fixed = run(printed("2.1 bounds"), **FITCORE)["params"]
    fitcore.minimize(done["residual"], fixed, args=(X, DATA, 0.1))
    assert fixed["amp"].value == 10 and not fixed["amp"].stderr
    assert fixed["decay"].min == 0 and fixed["frequency"].max == 10
    later = run(printed("2.1 bounds") + printed("2.1 later"), **FITCORE)["params"]
    assert later["amp"].vary is True and later["decay"].max == 0.1
    fitcore.minimize(done["residual"], later, args=(X, DATA, 0.1))
    assert later.valuesdict() == pytest.approx(free.valuesdict(), rel=1e-6)


def test_2_2_correl_is_a_dictionary_by_the_names_of_the_other_variables() -> None:
    params = run(printed("2.1 minimize"), **PYLAB, **CASE)["params"]
    wanted = eval(printed("2.2 correl"))
    assert params["amp"].correl.keys() == wanted.keys()
    # The data are not given. A decaying sine from 0 has its amplitude and decay correlated so.
    assert params["amp"].correl["decay"] > 0.3
    assert all(isinstance(value, float) for value in params["amp"].correl.values())


def test_2_3_add() -> None:
    added = run(printed("2.3 add"), **FITCORE)["p"]["myvar"]
    assert (added.name, added.value, added.vary) == ("myvar", 1, True)
    assert (added.min, added.max, added.expr) == (-math.inf, math.inf, None)


def test_2_3_add_many_takes_the_table() -> None:
    code = printed("2.3 add_many")
    assert code.count("(") == code.count(")") + 1  # a parenthesis is missing in print
    params = run(code + ")", **FITCORE)["p"]
    assert params.valuesdict() == pytest.approx(
        {"amp1": 10, "cen1": 1.2, "wid1": 0.8, "amp2": 7.5, "cen2": 1.9, "wid2": 1.6 / 3}
    )
    limits = {name: (par.min, par.max) for name, par in params.items() if par.vary}
    assert limits == {
        "amp1": (-math.inf, math.inf), "cen1": (0.5, 2.0), "wid1": (0.1, math.inf),
        "amp2": (-math.inf, math.inf), "cen2": (1.0, 3.0),
    }  # fmt: skip
    assert (params["wid2"].vary, params["wid2"].expr) == (False, "2*wid1/3")


@pytest.mark.parametrize("number", SEEDS)
def test_2_4_the_simple_example(
    number: int, pyplot: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    pylab = importlib.import_module("pylab")
    monkeypatch.setattr(pylab, "show", lambda: shown.append(pyplot.gcf()))
    seed(number)
    done = run(printed("2.4 simple example"))
    params, result, x = done["params"], done["result"], done["x"]
    assert capsys.readouterr().out == fit_report(params) + "\n"
    truth = {"amp": 5.0, "decay": 0.025, "shift": -0.1, "omega": 2.0}
    for name, value in truth.items():
        assert abs(params[name].value - value) < 4 * params[name].stderr
    assert result.success and result.errorbars
    assert math.sqrt(result.redchi) == pytest.approx(0.2, rel=0.15)
    v = params.valuesdict()
    model = v["amp"] * np.sin(x * v["omega"] + v["shift"]) * np.exp(-x * x * v["decay"])
    assert_allclose(done["final"], model, atol=1e-12)
    # The example swallows what may go wrong in its plot.
    (figure,) = shown
    assert_array_equal(figure.axes[0].lines[1].get_ydata(), done["final"])


# --------------------------------------------------------------- chapter 3: performing fits


def residual_of_3_2() -> Any:
    return run(printed("3.2 residual"), **PYLAB)["residual"]


def start_of_3_2() -> fitcore.Parameters:
    return fitcore.create_params(amp=13.0, period=2.0, shift=0.0, decay=0.02)


def test_3_2_the_objective_is_called_with_params_args_and_kws() -> None:
    seen = []
    code = "def " + printed("3.2 func").replace(
        "calculate objective residual to be minimized from parameters.",
        "seen.append((args, kws)); return residual(params, *args, **kws)",
    )
    func = run(code, seen=seen, residual=residual_of_3_2())["func"]
    data = residual_of_3_2()(fitcore.create_params(amp=14, period=5.33, shift=0.1, decay=0.01), X)
    fitcore.minimize(func, start_of_3_2(), args=(X,), kws={"data": data, "eps": 0.5}, max_nfev=3)
    for args, kws in seen:
        assert args[0] is X and len(args) == 1
        assert kws["data"] is data and kws.keys() == {"data", "eps"}


def test_3_2_one_function_gives_the_model_the_difference_and_the_scaled_residual() -> None:
    residual, params = residual_of_3_2(), start_of_3_2()
    model = residual(params, X)
    assert_allclose(model, 13 * np.sin(X / 2) * np.exp(-X * X * 4e-4), rtol=1e-12)
    assert_array_equal(residual(params, X, DATA), model - DATA)
    assert_array_equal(residual(params, X, DATA, 0.5), (model - DATA) / 0.5)


def test_3_2_a_parameter_is_put_in_under_its_key_with_a_bound_that_keeps_it_from_zero() -> None:
    params = start_of_3_2()
    run(printed("3.2 period"), params=params, **FITCORE)
    period = params["period"]
    assert (period.name, period.value, period.min, period.max) == ("period", 2, 1e-10, math.inf)
    x = np.linspace(0, 100, 401)
    truth = fitcore.create_params(amp=14, period=2.2, shift=0.123, decay=0.01)
    data = residual_of_3_2()(truth, x)
    fitcore.minimize(residual_of_3_2(), params, args=(x, data))
    params["decay"].value = abs(params["decay"].value)  # its square is in the model
    assert params.valuesdict() == pytest.approx(truth.valuesdict(), rel=1e-6)


def test_3_2_the_guard_in_the_function_does_the_same() -> None:
    assert run(printed("3.2 guard"), period=-1e-12, **PYLAB)["period"] == -1e-10
    assert run(printed("3.2 guard"), period=2.0, **PYLAB)["period"] == 2.0


def test_3_5_prepare_fit_lets_the_objective_be_called_before_the_fit(pyplot: Any) -> None:
    params = fitcore.Parameters()
    params.add("amp", value=4.0)
    params.add("rate", expr="1/tau")
    params.add("tau", value=2.0, min=0.1)

    def my_residual(params: Any, x: Any, data: Any = None) -> Any:
        model = params["amp"].value * np.exp(-x * params["rate"].value)
        return model if data is None else model - data

    done = run(
        printed("3.5 prepare_fit"), my_residual=my_residual, params=params, p_fit=params,
        x=X, data=5 * np.exp(-X / 3), pylab=pyplot, **FITCORE,
    )  # fmt: skip
    assert_allclose(done["init"], 4 * np.exp(-X / 2), rtol=1e-14)
    assert_array_equal(pyplot.gca().lines[0].get_ydata(), done["init"])
    best = done["myfit"].values
    assert best == pytest.approx({"amp": 5, "rate": 1 / 3, "tau": 3}, rel=1e-7)


def noise_for(slopes: Any, error: float) -> Any:
    """Residuals to which no variable contributes, by which the first one's standard error is so."""
    noise = np.random.default_rng(1).normal(size=len(slopes))
    noise -= slopes @ np.linalg.lstsq(slopes, noise)[0]
    redchi = error**2 / np.linalg.inv(slopes.T @ slopes)[0, 0]
    rows, variables = slopes.shape
    return noise * math.sqrt(redchi * (rows - variables) / (noise @ noise))


def agrees(params: fitcore.Parameters, report: str) -> None:
    """The report that is printed: values, errors, initial values and correlations.

    In print they come from tolerances of 1e-7 and from forward differences.
    """
    wanted = printed_values(report)
    assert wanted.keys() == params.keys()
    for name, (value, error, first) in wanted.items():
        assert params[name].value == pytest.approx(value, abs=1e-6 + 1e-5 * error)
        assert params[name].stderr == pytest.approx(error, rel=2e-5, abs=1e-6)
        assert params[name].init_value == first
    for (a, b), value in printed_correlations(report).items():
        assert params[a].correl[b] == pytest.approx(value, abs=6e-4)


def layout(text: str) -> list[str]:
    """The words of a report, without its digits."""
    return re.sub(r"[-\d.]+", "#", text).split()


def test_3_6_the_fit_has_the_report_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    # The noise of the manual is not given. Noise that leads to the values and to the errors that
    # are printed must lead to all the rest.
    report = printed("3.6 report")
    x = np.linspace(0, 250, 2500)
    names = {"amp": 14.0, "period": 5.33, "shift": 0.123, "decay": 0.01}
    amp, period, shift, decay = (printed_values(report)[name][0] for name in names)
    angle, damping = shift + x / period, np.exp(-((x * decay) ** 2))
    best = amp * np.sin(angle) * damping
    slopes = np.array([
        best / amp, -amp * np.cos(angle) * damping * x / period**2,
        amp * np.cos(angle) * damping, -2 * decay * x**2 * best,
    ]).T  # fmt: skip
    truth = residual_of_3_2()(fitcore.create_params(**names), x)
    noise = best - truth + noise_for(slopes, printed_values(report)["amp"][1])
    assert np.std(noise) == pytest.approx(0.7215, rel=0.02)

    random = SimpleNamespace(normal=lambda scale, size: noise)
    done = run(printed("3.6 fit"), **{**PYLAB, **FITCORE, "random": random})
    params = done["fit_params"]
    agrees(params, report)
    assert capsys.readouterr().out == fit_report(params) + "\n"
    assert layout(fit_report(params, style="0.7")) == layout(report)
    assert_array_equal(done["fit"], done["residual"](params, done["x"]))


# --------------------------------------------------------- chapter 4: confidence intervals


def same_table(intervals: Any, table: str) -> None:
    """The table that is printed."""
    levels, rows = printed_intervals(table)
    assert rows.keys() == intervals.keys()
    for name, ends in rows.items():
        assert [prob for prob, _ in intervals[name]] == levels
        assert_allclose([end for _, end in intervals[name]], ends, rtol=0, atol=1.2e-5)
    head = fitcore.ci_report(intervals, style="0.7").splitlines()[0]
    assert head.split() == table.splitlines()[0].split()


def test_4_2_the_basic_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The noise is not given, but this model is linear in 1/a and b: the report fixes the table.
    report, table = (step.output for step in session("4.2 session") if "report" in step.code)
    (a, _, _), (b, error_b, _) = printed_values(report).values()
    x = np.linspace(0.3, 10, 100)
    slopes = np.array([np.ones(100), -1 / (a * a * x)]).T
    y = 1 / (a * x) + b + noise_for(slopes, error_b)
    noise = (y - (1 / (0.1 * x) + 2)) / 0.1
    monkeypatch.setattr(np.random, "randn", lambda size: noise[:size])

    names: dict[str, Any] = {}
    steps = run_session("4.2 session", names)
    assert [value for step, value in steps if "leastsq()" in step.code] == [True]
    params, ci = names["mi"].params, names["ci"]
    agrees(params, report)
    assert names["p"].valuesdict() == params.valuesdict()
    assert capsys.readouterr().out == fit_report(params) + "\n" + fitcore.ci_report(ci) + "\n"
    assert layout(fit_report(params, style="0.7")) == layout(report)
    same_table(ci, table)


def test_4_3_the_advanced_example(pyplot: Any, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    run_session("4.2 session", names)
    capsys.readouterr()
    seed(1)  # the noise of the manual
    steps = run_session("4.3 session", names)
    assert [value for step, value in steps if "leastsq()" in step.code] == [True]
    params, ci, trace, grid = names["mi"].params, names["ci"], names["trace"], names["grid"]

    report = fit_report(params, show_correl=False)
    assert capsys.readouterr().out == report + "\n" + fitcore.ci_report(ci) + "\n"
    assert "Correlations" not in report
    report, table = (step.output for step, _ in steps if "printfuncs.report" in step.code)
    agrees(params, report)
    same_table(ci, table)
    # "The regular estimate is too small": for each side together, and most of all for a1.
    for name, par in params.items():
        low2, _, _, _, high2 = (end for _, end in ci[name])
        assert (high2 - low2) / 2 > 1.96 * par.stderr

    assert grid.shape == (30, 30)
    assert 0 <= grid.min() < 0.68 and 0.95 < grid.max() <= 1
    for name in ("a1", "t2"):
        assert trace[name].keys() == {*params, "prob"}
        assert len({column.shape for column in trace[name].values()}) == 1
    # Two exponentials of opposite sign: a larger a1 goes with a shorter t2.
    order = np.argsort(trace["a1"]["a1"])
    assert np.all(np.diff(trace["a1"]["t2"][order]) < 0)
    axes = pyplot.gcf().axes[0]
    assert (axes.get_xlabel(), len(axes.collections) >= 3) == ("a1", True)


def case_of_4_4() -> dict[str, Any]:
    def func(params: Any) -> Any:
        x = np.linspace(0, 4, 30)
        data = 2 * np.exp(-x / 1.5) + 1 + 0.05 * np.cos(40 * x**2)
        scale, offset = params["para1"].value, params["not_para1"].value
        return scale * np.exp(-x / params["para2"].value) + offset - data

    params = fitcore.create_params(para1=1.0, para2=1.0, not_para1=0.0)
    return {**FITCORE, "some_func": func, "params": params}


def test_4_4_the_examples_of_conf_interval(capsys: pytest.CaptureFixture[str]) -> None:
    names = case_of_4_4()
    del names["report_ci"], names["report_errors"]  # from fitcore.printfuncs import *
    steps = run_session("4.4 conf_interval", names)
    assert [str(value) for step, value in steps if step.output.strip() == "True"] == ["True"]
    assert capsys.readouterr().out == (
        fit_report(names["params"]) + "\n" + fitcore.ci_report(names["ci"]) + "\n"
    )
    assert [prob for prob, _ in names["ci"]["para1"]] == [
        0.997, 0.95, 0.674, 0.0, 0.674, 0.95, 0.997,
    ]  # fmt: skip
    assert list(names["ci"]) == ["para1", "para2", "not_para1"]

    run_session("4.4 quantiles", names)
    assert [prob for prob, _ in names["ci"]["para1"]] == [
        0.999, 0.75, 0.5, 0.25, 0.0, 0.25, 0.5, 0.75, 0.999,
    ]  # fmt: skip
    fixed, free, prob = names["fixed"], names["free"], names["prob"]
    assert fixed.shape == free.shape == prob.shape
    assert fixed is names["trace"]["para1"]["para1"]
    ends = [(p, v) for p, v in names["ci"]["para1"] if p]
    for level, end in ends:
        nearest = np.argmin(abs(fixed - end))
        assert abs(prob[nearest] - level) < 1e-3


def test_4_4_the_example_of_conf_interval2d(pyplot: Any) -> None:
    names = {**case_of_4_4(), "plt": pyplot}
    with pytest.raises(TypeError, match="conf_interval2d"):  # printed without the minimizer
        run_session("4.4 conf_interval2d", names)
    names["conf_interval2d"] = lambda x, y: fitcore.conf_interval2d(names["mini"], x, y)
    run_session("4.4 conf_interval2d", names)
    x, y, gr = names["x"], names["y"], names["gr"]
    assert x.shape == y.shape == (10,) and gr.shape == (10, 10)
    for name, axis in (("para1", x), ("para2", y)):
        par = names["mini"].params[name]
        wanted = [par.value - 5 * par.stderr, par.value + 5 * par.stderr]
        assert_allclose([axis.min(), axis.max()], wanted, rtol=1e-6)


# ------------------------------------------------------ chapter 5: the mapping of the bounds


@pytest.mark.parametrize(
    ("limits", "internal", "bounded", "slope"),
    [
        (
            {"min": -2, "max": 5},
            lambda p: math.asin(2 * (p + 2) / 7 - 1),
            lambda u: -2 + (math.sin(u) + 1) * 7 / 2,
            lambda u: math.cos(u) * 7 / 2,
        ),
        (
            {"max": 5},
            lambda p: math.sqrt((5 - p + 1) ** 2 - 1),
            lambda u: 5 + 1 - math.sqrt(u * u + 1),
            lambda u: -u / math.sqrt(u * u + 1),
        ),
        (
            {"min": -2},
            lambda p: math.sqrt((p + 2 + 1) ** 2 - 1),
            lambda u: -2 - 1 + math.sqrt(u * u + 1),
            lambda u: u / math.sqrt(u * u + 1),
        ),
    ],
    ids=["both", "max only", "min only"],
)
def test_5_the_formulas_of_the_mapping(
    limits: dict[str, float], internal: Any, bounded: Any, slope: Any
) -> None:
    # 1.3 is the solution of a linear model: its internal value is that of the formula.
    params = fitcore.create_params(p={"value": 0.5, **limits})
    result = fitcore.minimize(lambda v: v["p"] * X - 1.3 * X + 0.1 * np.cos(40 * X**2), params)
    value = params["p"].value
    (u,) = result.last_internal_values
    assert u == pytest.approx(internal(value), rel=1e-9)
    assert bounded(u) == pytest.approx(value, rel=1e-12)
    # The covariance of the internal value, times the square of the slope, is that of the value.
    jacobian = X * slope(u)
    expected = result.redchi / (jacobian @ jacobian) * slope(u) ** 2
    assert params["p"].stderr == pytest.approx(math.sqrt(expected), rel=1e-6)


# ------------------------------------------------------ chapter 6: mathematical constraints


def test_6_1_two_fractions_sum_to_one_at_each_step_of_a_fit() -> None:
    pars = run(printed("6.1 fractions"), **FITCORE)["pars"]
    sums = []

    def residual(p: Any) -> Any:
        sums.append(p["frac_curve1"].value + p["frac_curve2"].value)
        return p["frac_curve1"].value * np.sin(X) + p["frac_curve2"].value * np.cos(X) - data

    data = 0.3 * np.sin(X) + 0.7 * np.cos(X)
    fitcore.minimize(residual, pars)
    assert pars["frac_curve1"].value == pytest.approx(0.3, abs=1e-9)
    assert len(sums) > 3 and set(sums) == {1.0}


OPERATORS = printed("6.2 operators").replace("\n", " ").strip().split(", ")


@pytest.mark.parametrize("operator", OPERATORS)
def test_6_2_every_operator_means_what_it_means_in_python(operator: str) -> None:
    if operator in ("~", "not"):
        text = f"{operator} (7 > x)" if operator == "not" else "~ 12"
    elif operator in ("in", "not in"):
        text = f"3 {operator} [1, 2, 3]"
    elif operator in ("is", "is not"):
        text = f"None {operator} None"
    elif operator in ("&", "|", "^", "<<", ">>"):
        text = f"12 {operator} 3"
    else:
        text = f"x {operator} 3"
    params = fitcore.create_params(x=4.5, result={"expr": text})
    assert params["result"].value == eval(text, {"x": 4.5})


ARGUMENTS = {
    "acosh": "2.5", "atan2": "x, -2", "copysign": "x, -2", "fmod": "7.5, 2", "hypot": "3, 4",
    "factorial": "5", "ldexp": "x, 3", "fsum": "[x, 1, 2.5]", "max": "x, 0.25", "min": "x, 0.25",
    "pow": "x, 3",
}  # fmt: skip
# A misprint: the digit one is a letter.
FUNCTIONS = re.findall(r"\w+", printed("6.2 functions").replace("loglp", "log1p"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_6_2_every_function_is_pythons(name: str) -> None:
    text = f"{name}({ARGUMENTS.get(name, 'x')})"
    if name in ("frexp", "modf"):
        text += "[0]"
    function = getattr(math, name, None) or getattr(builtins, name)
    params = fitcore.create_params(x=0.75, result={"expr": text})
    wanted = eval(text, {name: function, "x": 0.75})
    assert params["result"].value == pytest.approx(float(wanted), rel=1e-15)


def test_6_2_the_lists_are_read_whole() -> None:
    assert (len(OPERATORS), len(FUNCTIONS)) == (25, 38)


def test_6_2_e_and_pi_are_known() -> None:
    params = fitcore.create_params(a={"expr": "e"}, b={"expr": "pi"})
    assert params.valuesdict() == {"a": math.e, "b": math.pi}


def test_6_2_the_expressions_of_the_peaks_may_refer_forward() -> None:
    pars = run(printed("6.2 peaks") + printed("6.2 valid"), **FITCORE)["pars"]
    width = math.sqrt(math.pi) * 0.2
    assert pars["amp_2"].value == pytest.approx(2.0 - 0.5**2, rel=1e-15)
    assert pars["cen_2"].value == pytest.approx(2.2 * width / max(0.2, 0.001), rel=1e-15)
    assert pars["wid_2"].value == pytest.approx(width, rel=1e-15)
    pars["wid_1"].value = 0.0005
    width = math.sqrt(math.pi) * 0.0005
    assert pars["cen_2"].value == pytest.approx(2.2 * width / 0.001, rel=1e-15)


@pytest.mark.parametrize("test_val", [100.0, 200.0, 200.5, 300.0])
def test_6_2_the_conditional_expression_is_the_statement_below_it(test_val: float) -> None:
    given = {"param_a": 1.5, "param_b": 2.5, "test_val": test_val}
    pars = run(printed("6.2 conditional"), pars=fitcore.create_params(**given))["pars"]
    assert pars["bounded"].value == run(printed("6.2 statement"), **given)["bounded"]


@pytest.mark.parametrize(("wanted", "total"), [((3.0, 4.0), 7.0), ((9.0, 8.0), 10.0)])
def test_6_3_the_inequality_holds_in_a_fit(wanted: tuple[float, float], total: float) -> None:
    pars = run(printed("6.3 inequality"), **FITCORE)["pars"]
    sums = []

    def residual(p: Any) -> Any:
        sums.append(p["x"].value + p["y"].value)
        return np.array([p["x"].value - wanted[0], p["y"].value - wanted[1], 0.0])

    fitcore.minimize(residual, pars)
    assert max(sums) <= 10 * (1 + 1e-15)
    assert pars["x"].value + pars["y"].value == pytest.approx(total, abs=1e-6)
    # The nearest point that x + y <= 10 allows.
    excess = max(sum(wanted) - 10, 0) / 2
    assert pars["x"].value == pytest.approx(wanted[0] - excess, abs=1e-5)


def test_6_4_a_function_is_preloaded_through_the_minimizer() -> None:
    done = run(printed("6.4 symbols"), **FITCORE)
    fitter, lorentzian = done["fitter"], done["lorentzian"]
    # "this lorenztian() function can now be used in constraint expressions"
    fitter.params.add("x", value=1.0)
    fitter.params.add("y", expr="lorenztian(x, 3, 2, 0.5)")
    assert fitter.params["y"].value == lorentzian(1.0, 3, 2, 0.5)


def test_6_4_the_function_may_come_after_the_expression_and_serves_the_fit() -> None:
    lorentzian = run(printed("6.4 symbols"), **FITCORE)["lorentzian"]
    params = fitcore.Parameters()
    params.add("cen", value=1.0, min=0, max=3)
    params.add("height", expr="lorenztian(0.5, 3, cen, 0.7)")
    target = lorentzian(0.5, 3, 1.4, 0.7)
    given = {**FITCORE, "Minimizer": lambda: fitcore.Minimizer(
        lambda p: (p["height"].value - target) * (1 + X) + 0.1 * (p["cen"].value - 1.4), params
    )}  # fmt: skip
    result = run(printed("6.4 symbols"), **given)["fitter"].leastsq()
    assert result.success
    assert result.params["cen"].value == pytest.approx(1.4, abs=1e-7)
