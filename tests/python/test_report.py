"""Reports as text and HTML."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from originals import require_peer

import fitcore
from fitcore import MinimizerResult, Parameters, fit_report, minimize, printfuncs, report_fit
from fitcore.printfuncs import correl_table, fitreport_html_table, getfloat_attr, gformat

EXPECTED = Path(__file__).parent / "expected"


def params() -> Parameters:
    """As after a fit."""
    made = Parameters()
    made.add("amp", value=13.969724, min=0)
    made.add("decay", value=0.009990)
    made.add("period", value=5.331423, max=100)
    made.add("shift", value=0.125333)
    made.add("offset", value=-1.5e-7, vary=False)
    made.add("rate", expr="2*pi/period")
    inits = {"amp": 13.0, "decay": 0.02, "period": 2.0, "shift": 0.0}
    errors = {"amp": 0.050145, "decay": 0.000042, "period": 0.002788, "shift": 0.004938}
    correl = {("amp", "decay"): 0.5756, ("period", "shift"): 0.7996, ("amp", "shift"): -0.0512}
    for name, item in made.items():
        if name in inits:
            item.init_value, item.stderr = inits[name], errors[name]
            item.correl = {other: 0.01 for other in inits if other != name}
    for (a, b), value in correl.items():
        made[a].correl[b] = made[b].correl[a] = value  # type: ignore[index]
    made["rate"].stderr = 0.000616
    return made


def result(errorbars: bool = True) -> MinimizerResult:
    made = MinimizerResult(
        params=params(),
        method="leastsq",
        nfev=84,
        ndata=2500,
        nvarys=4,
        chisqr=1298.0651243,
        redchi=0.52006615,
        aic=-1630.47031,
        bic=-1607.17412,
        errorbars=errorbars,
        aborted=False,
        success=True,
    )
    if not errorbars:
        for item in made.params.values():
            item.stderr = item.correl = None
        made.params["decay"].value = made.params["decay"].init_value
        made.params["amp"].value = 0
    return made


CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    # The function, what is reported, and how.
    "result": ("fit_report", result, {}),
    "parameters": ("fit_report", params, {}),
    "sorted": ("fit_report", result, {"sort_pars": True, "min_correl": 0.01}),
    "table": ("fit_report", result, {"correl_mode": "table"}),
    "modelpars": ("fit_report", params, {"modelpars": params, "show_correl": False}),
    "no_errorbars": ("fit_report", lambda: result(errorbars=False), {}),
    "html": ("fitreport_html_table", result, {}),
}


def report(module: Any, case: str, convert: Any = lambda made: made) -> str:
    function, make, kws = CASES[case]
    chosen = {k: convert(v()) if k == "modelpars" else v for k, v in kws.items()}
    text: str = getattr(module, function)(convert(make()), **chosen)
    return text


@pytest.mark.parametrize("case", CASES)
def test_a_report_reads_as_in_lmfit_1_3_4(case: str) -> None:
    # The expected texts are what lmfit 1.3.4 prints for the same numbers.
    assert report(printfuncs, case) + "\n" == (EXPECTED / f"{case}.txt").read_text()


def of_lmfit(lmfit: Any, made: Any) -> Any:
    """The same parameters or result as objects of lmfit."""
    if isinstance(made, Parameters):
        twin = lmfit.Parameters().loads(made.dumps())
        for name, item in made.items():
            twin[name].init_value = item.init_value
            twin[name].stderr, twin[name].correl = item.stderr, item.correl
        return twin
    known = {**made.__dict__, "params": of_lmfit(lmfit, made.params)}
    return lmfit.minimizer.MinimizerResult(**known)


@pytest.mark.parametrize("case", CASES)
def test_a_report_reads_as_that_of_the_lmfit_that_is_installed(case: str) -> None:
    lmfit = require_peer("lmfit")
    theirs = report(lmfit.printfuncs, case, lambda made: of_lmfit(lmfit, made))
    assert report(printfuncs, case) == theirs


@pytest.mark.parametrize("seed", range(8))
def test_reports_of_numbers_of_all_sizes_read_as_those_of_lmfit(seed: int) -> None:
    lmfit = require_peer("lmfit")
    rng = np.random.default_rng(seed)
    made = Parameters()
    names = [f"{'abc'[i % 3] * (1 + i % 4)}_{i}" for i in range(6)]
    for i, name in enumerate(names):
        value = rng.uniform(-9, 9) * 10.0 ** int(rng.integers(-12, 12))
        made.add(name, value=value, vary=i != 4, min=[-np.inf, -1e15][i % 2])
        made[name].init_value = rng.uniform(-9, 9) * 10.0 ** int(rng.integers(-12, 12))
    made.add("sum_of", expr=f"{names[0]} + {names[4]}")
    for name in [*names[:4], names[5], "sum_of"]:
        made[name].stderr = rng.uniform(0, 9) * 10.0 ** int(rng.integers(-12, 12))
    varied = [*names[:4], names[5]]
    correl = np.round(rng.uniform(-1, 1, (5, 5)), 9)
    for i, name in enumerate(varied):
        made[name].correl = {
            other: float(correl[min(i, j), max(i, j)]) for j, other in enumerate(varied) if j != i
        }
    fitted = result()
    fitted.params = made
    for name in ("chisqr", "redchi", "aic", "bic"):
        setattr(fitted, name, float(rng.uniform(-9, 9) * 10.0 ** int(rng.integers(-99, 200))))
    theirs = of_lmfit(lmfit, fitted)
    for kws in (
        {},
        {"sort_pars": True},
        {"sort_pars": lambda name: name[::-1], "min_correl": 0.5},
        {"show_correl": False},
        {"correl_mode": "table"},
    ):
        assert fit_report(fitted, **kws) == lmfit.fit_report(theirs, **kws)
    for least in (0, 0.3, 1):
        html = lmfit.printfuncs.fitreport_html_table(theirs, min_correl=least)
        assert fitreport_html_table(fitted, min_correl=least) == html


def test_the_layout_of_the_manual_of_lmfit_0_7_is_there_on_request() -> None:
    chosen = params()
    del chosen["rate"], chosen["offset"]
    # Verbatim from the manual's section 3.6.
    assert fit_report(chosen, style="0.7") + "\n" == (EXPECTED / "manual_0_7.txt").read_text()
    assert fit_report(params(), style="0.7", show_correl=False).count("\n") == 6


def test_report_fit_prints_and_report_errors_is_its_other_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report_fit(result(), min_correl=0.5)
    assert capsys.readouterr().out == fit_report(result(), min_correl=0.5) + "\n"
    assert fitcore.report_errors is report_fit
    assert printfuncs.report_errors is report_fit


def test_names_are_sorted_with_their_numbers_as_numbers_or_by_a_key() -> None:
    made = fitcore.create_params(b10=1, B2=1, a=1)

    def order(**kws: Any) -> list[str]:
        return re.findall(r"^    (\w+):", fit_report(made, **kws), re.MULTILINE)

    assert order() == ["b10", "B2", "a"]
    assert order(sort_pars=True) == ["a", "B2", "b10"]
    assert order(sort_pars=lambda name: name[::-1]) == ["b10", "B2", "a"]


def test_correlations_come_by_size_and_below_min_correl_not_at_all() -> None:
    text = fit_report(result(), min_correl=0.05)
    found = [abs(float(c)) for c in re.findall(r"C\(.*\) += ([+-][\d.]+)", text)]
    assert found == [0.7996, 0.5756, 0.0512]
    assert "Correlations" not in fit_report(result(), min_correl=0.9)
    assert "Correlations" not in fit_report(result(), show_correl=False)


@pytest.mark.parametrize(
    ("value", "length", "text"),
    [
        # From lmfit 1.3.4.
        (0, 11, " 0.00000000"),
        (-1.5, 11, "-1.50000000"),
        (9.99e-3, 11, " 0.00999000"),
        (9.99e-4, 11, " 9.9900e-04"),
        (99999999.999, 11, "100000000.0"),
        (123456789.123, 11, " 1.2346e+08"),
        (1e100, 11, " 1.000e+100"),
        (-1.2345e-300, 11, "-1.234e-300"),
        (12, 8, " 12.0000"),
        (1.5, 8, " 1.5e+00"),
        (1e-5, 14, " 0.00001000000"),
        (float("nan"), 11, "        nan"),
        (-float("inf"), 8, "    -inf"),
        (None, 11, "       None"),
        ("abc", 8, "   'abc'"),
    ],
)
def test_gformat_keeps_its_width_with_as_many_digits_as_fit(
    value: Any, length: int, text: str
) -> None:
    assert gformat(value, length) == text


def test_gformat_has_its_width_for_every_number() -> None:
    rng = np.random.default_rng(5)
    for exponent in range(-320, 308):
        for length in (9, 11, 16):
            value = rng.uniform(-9.9, 9.9) * 10.0**exponent
            text = gformat(value, length)
            assert len(text) == length
            assert float(text) == pytest.approx(value, rel=0.06, abs=1e-320)


def test_getfloat_attr_says_unknown_for_what_is_not_there() -> None:
    assert getfloat_attr(result(), "chisqr") == "1298.06512"
    assert getfloat_attr(result(), "nfev") == "84"
    assert getfloat_attr(result(), "nosuch") == "unknown"
    assert getfloat_attr(result(), "method") == "'leastsq'"


def test_the_table_of_correlations_has_a_gap_where_none_is_known() -> None:
    made = params()
    made["amp"].correl = None
    assert correl_table(made).count("unknown") == 3
    assert correl_table(fitcore.create_params(a=1)) == ""


def test_a_report_of_an_aborted_fit_and_of_one_on_a_bound_works() -> None:
    x = np.arange(20.0)

    def line(p: Any) -> Any:
        return p["a"] * x + p["b"] - 2 * x - 1

    stopped = minimize(line, fitcore.create_params(a=1, b=0), max_nfev=3)
    assert "uncertainties could not be estimated" in fit_report(stopped)
    bound = minimize(line, fitcore.create_params(a={"value": 1, "max": 1.5}, b=0))
    assert re.search(r"a:  1.50000000 \(init = 1\)", fit_report(bound))
    assert re.search(r"b:  5.75000000 \+/-", fit_report(bound))
    assert fitreport_html_table(bound)


def test_what_cannot_be_reported_is_an_error_that_names_the_argument() -> None:
    with pytest.raises(TypeError, match="inpars"):
        fit_report(3)
    with pytest.raises(ValueError, match="correl_mode"):
        fit_report(params(), correl_mode="matrix")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="style"):
        fit_report(params(), style="0.8")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"inpars.*<MinimizerResult: not fitted>"):
        fit_report(MinimizerResult())
    assert fit_report(Parameters()) == "[[Variables]]"


@pytest.mark.parametrize("style", ["1.x", "0.7"])
@pytest.mark.parametrize(
    ("kws", "error", "match"),
    [
        ({"min_correl": "x"}, TypeError, "min_correl must be a number, got str: 'x'"),
        ({"min_correl": None}, TypeError, "min_correl"),
        ({"min_correl": True}, TypeError, "min_correl"),
        ({"min_correl": 1j}, TypeError, "min_correl"),
        ({"min_correl": np.ones(2)}, TypeError, "min_correl"),
        ({"min_correl": float("nan")}, ValueError, "min_correl"),
        ({"show_correl": "no"}, TypeError, "show_correl must be True or False, got str: 'no'"),
        ({"show_correl": np.ones(2)}, TypeError, "show_correl"),
        ({"sort_pars": "value"}, TypeError, "sort_pars"),
        ({"modelpars": 3}, TypeError, "modelpars"),
        ({"modelpars": {"amp": "large"}}, TypeError, r"modelpars\['amp'\]"),
        ({"correl_mode": np.ones(2)}, ValueError, "correl_mode"),
    ],
)
def test_an_argument_of_a_report_that_cannot_be_used_is_named(
    style: Any, kws: Any, error: Any, match: str
) -> None:
    with pytest.raises(error, match=match):
        fit_report(result(), style=style, **kws)
    with pytest.raises(error, match=match):
        report_fit(result(), style=style, **kws)
    if next(iter(kws)) in ("min_correl", "show_correl"):
        with pytest.raises(error, match=match):
            fitreport_html_table(result(), **kws)


def test_what_is_true_or_false_in_a_report_may_be_of_numpy_or_0_or_1() -> None:
    for no in (False, 0, np.False_):
        kws: Any = {"show_correl": no, "sort_pars": no}
        assert fit_report(result(), **kws) == fit_report(result(), show_correl=False)
    for half in (np.float32(0.5), np.array(0.5)):
        assert fit_report(result(), min_correl=half) == fit_report(result(), min_correl=0.5)  # type: ignore[arg-type]
