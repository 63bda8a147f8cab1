"""Views of parameters, fits, batches and correlations, in terminals and notebooks."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from fitcore import MinimizerResult, Model, Parameters, fit_many, minimize
from fitcore._html import correlations_html, parameters_html, shade
from fitcore._rounding import rounded, with_error
from fitcore._text_view import correlations_text, parameters_text

EXPECTED = Path(__file__).parent / "expected"


def params() -> Parameters:
    made = Parameters()
    made.add("amp", value=13.969724, min=0, max=100)
    made.add("period", value=5.331423)
    made.add("decay", value=0.0, min=0)
    made.add("offset", value=-1.5e-7, vary=False)
    made.add("freq", expr="1/period if 1 < 2 else 0")
    for name, start in (("amp", 13.0), ("period", 2.0), ("decay", 0.02)):
        made[name].init_value = start
    return made


def result(**changes: Any) -> MinimizerResult:
    made = params()
    made["amp"].stderr, made["period"].stderr = 0.050145, 0.002788
    made["freq"].stderr = 9.8089e-5
    made["amp"].correl, made["period"].correl = {"period": -0.0612}, {"amp": -0.0612}
    known: dict[str, Any] = {
        "params": made, "method": "leastsq", "success": True, "aborted": False,
        "errorbars": True, "message": "Fit succeeded.", "nfev": 84, "ndata": 2500, "nvarys": 3,
        "nfree": 2497, "chisqr": 1298.06512, "redchi": 0.51985, "aic": -1630.47, "bic": -1607.17,
        "var_names": ["amp", "period", "decay"], "at_bound": ("decay",),
    }  # fmt: skip
    return MinimizerResult(**{**known, **changes})


def failed() -> MinimizerResult:
    made = params()
    return result(
        params=made, success=False, aborted=True, errorbars=False, at_bound=(),
        message="Fit aborted: number of function evaluations > 6",
    )  # fmt: skip


VIEWS = {
    "view_parameters.txt": lambda: parameters_text(params()),
    "view_result.txt": lambda: str(result()),
    "view_failed.txt": lambda: str(failed()),
    "view_parameters.html": lambda: params()._repr_html_(),
    "view_result.html": lambda: result()._repr_html_(min_correl=0.05),
    "view_failed.html": lambda: failed()._repr_html_(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_look_as_they_were_approved(name: str) -> None:
    text = VIEWS[name]().replace("><tr>", ">\n<tr>").replace("><table", ">\n<table")
    assert text + "\n" == (EXPECTED / name).read_text(encoding="utf-8")


def tables(html: str) -> list[list[list[str]]]:
    """The texts in each table of well-formed HTML."""
    root = ET.fromstring(f"<div>{html}</div>")
    return [
        [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
        for table in root.iter("table")
    ]


def test_the_notebook_view_is_well_formed_and_has_all_numbers() -> None:
    fit = result()
    _, statistics, parameters, correlations = tables(fit._repr_html_(min_correl=0.05))
    pairs = {row[i]: row[i + 1] for row in statistics for i in range(0, len(row), 2)}
    assert float(pairs["chi-square"]) == pytest.approx(fit.chisqr)
    assert int(pairs["evaluations"]) == fit.nfev and int(pairs["data points"]) == fit.ndata
    head, *rows = parameters
    assert [row[0] for row in rows] == list(fit.params)
    for row in rows:
        item = fit.params[row[0]]
        shown = dict(zip(head, row, strict=True))
        assert float(shown["value"]) == pytest.approx(item.value, rel=1e-2)
        if item.stderr:
            assert float(shown["standard error"]) == pytest.approx(item.stderr, rel=0.05)
    assert rows[2][-1] == "at bound" and rows[3][-1] == "fixed"
    assert rows[4][-1] == "= 1/period if 1 < 2 else 0"
    assert correlations == [
        ["", "amp", "period"],
        ["amp", "1", "-0.061"],
        ["period", "-0.061", "1"],
    ]


def test_names_and_messages_are_escaped() -> None:
    nasty = result(success=False, message="<script>alert(1)</script>", method="<b>")
    html = nasty._repr_html_()
    assert "<script>" not in html and "<b>" not in html
    fit = Model(lambda x, a: a * x).fit([1.0, 2.0, 3.5], x=np.arange(3.0), a=1)
    assert ">Model(&lt;lambda&gt;)<" in fit._repr_html_()
    assert tables(fit._repr_html_())[0][0] == ["model", "Model(<lambda>)"]


def test_terminals_without_such_letters_get_frames_of_ascii(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    for text in (str(result()), parameters_text(params()), str(failed())):
        assert text.isascii() and "+-" in text


class Printer:
    """What IPython gives to _repr_pretty_."""

    def __init__(self) -> None:
        self.said = ""

    def text(self, text: str) -> None:
        self.said += text


def test_ipython_shows_the_tables_and_no_circle() -> None:
    fit = Model(lambda x, a: a * x, name="ray").fit([1.0, 2.0, 3.5], x=np.arange(3.0), a=1)
    for made, words in ((params(), "amp"), (result(), "chi-square"), (fit, "Model(ray)")):
        there, again = Printer(), Printer()
        made._repr_pretty_(there, False)
        assert "┌" in there.said and words in there.said
        made._repr_pretty_(again, True)
        assert again.said == repr(made)


def many(n: int) -> Parameters:
    made = Parameters()
    for i in range(n):
        made.add(f"p{i}", value=1.0)
    names = list(made)
    for i, name in enumerate(names):
        made[name].correl = {
            other: (-1) ** (i + j) * 0.9 / (1 + abs(i - j))
            for j, other in enumerate(names)
            if j != i
        }
    return made


def test_correlations_of_many_variables_are_a_list_of_the_largest() -> None:
    (listed,) = tables(correlations_html(many(15), 0.1))
    assert len(listed) == 20
    sizes = [abs(float(row[2])) for row in listed]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 0.45
    assert correlations_text(many(15)).splitlines()[-1].startswith("and ")
    (matrix,) = tables(correlations_html(many(5), 0.1))
    assert [len(row) for row in matrix] == [6] * 6


def test_correlations_below_the_least_are_left_out() -> None:
    assert correlations_html(many(4), 0.5) == "" == correlations_text(many(4), 0.5)
    (matrix,) = tables(correlations_html(many(4), 0.4))
    assert sum(cell not in ("", "1") for row in matrix[1:] for cell in row[1:]) == 6
    assert correlations_html(params(), 0.0) == ""


def test_colours_tell_sign_and_size_of_correlations() -> None:
    def parts(value: float) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", shade(value))]

    assert parts(0) == [255] * 3
    red, _, blue = parts(1.0)
    assert red > blue and parts(-1.0)[2] > parts(-1.0)[0]
    assert sum(parts(0.9)) < sum(parts(0.2)) < 3 * 255


def test_no_parameters_and_infinite_values_have_views() -> None:
    assert tables(Parameters()._repr_html_()) == [[["none"]]]
    assert parameters_text(Parameters()) == "Parameters: none"
    made = Parameters()
    made.add("a", value=np.inf)
    made.add("b")
    assert "inf" in parameters_text(made) and "inf" in parameters_html(made)


def test_an_expression_that_fails_by_now_leaves_a_view() -> None:
    made = Parameters()
    made.add("a", value=1.0)
    made.add("b", expr="2*a")
    fit = minimize(lambda p: np.array([1.0, 2.0]) * p["a"] - 3, made)
    fit.params["b"].expr = "nosuch + 1"
    assert str(fit) and fit._repr_html_()


@pytest.mark.parametrize(
    ("value", "stderr", "shown"),
    [
        (13.969724, 0.050145, ("13.970", "0.050")),
        (0.0, 0.3, ("0.00", "0.30")),
        (-1.5e-7, 3.25e-9, ("-1.500e-07", "0.033e-07")),
        (1.25e9, 4.2e6, ("1.2500e+09", "0.0042e+09")),
        (123456.7, 890.0, ("123460", "890")),
        (5.0, 0.0996, ("5.00", "0.10")),
        (5.0, 123.4, ("0", "120")),
        (2.5, None, ("2.5", "")),
        (2.5, 0.0, ("2.5", "0")),
        (2.5, float("nan"), ("2.5", "nan")),
        (float("nan"), 0.1, ("nan", "0.1")),
        (1e-310, 1e-312, ("1e-310", "1e-312")),
    ],
)
def test_values_are_rounded_to_the_second_digit_of_their_errors(
    value: float, stderr: float | None, shown: tuple[str, str]
) -> None:
    assert rounded(value, stderr) == shown


def test_values_with_errors_read_back_to_within_their_rounding() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        value = rng.normal() * 10.0 ** int(rng.integers(-20, 20))
        error = abs(value) * 10.0 ** rng.uniform(-12, 2)
        number, uncertainty = (float(part) for part in with_error(value, error).split("±"))
        assert abs(number - value) <= 0.051 * error
        assert abs(uncertainty - error) <= 0.051 * error


def test_batches_show_counts_quantiles_and_histograms() -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(0, 4, 30)
    rates = rng.normal(1, 0.1, 40)
    y = np.exp(-rates[:, None] * x)
    y[3, 3] = np.nan
    start = Parameters()
    start.add("rate", value=1.0)
    batch = fit_many(lambda x, rate: np.exp(-rate * x), y, start, x)
    html = batch._repr_html_()
    counts, parameters, failures = tables(html)
    assert ["# fits", "40"] in counts and ["# successful", "39"] in counts
    head, row = parameters
    good = np.delete(rates, 3)
    shown = dict(zip(head, row, strict=True))
    assert float(shown["median"]) == pytest.approx(np.median(good), rel=1e-5)
    assert float(shown["16 %"]) == pytest.approx(np.quantile(good, 0.16), rel=1e-5)
    assert failures[1][0] == "1" and "NaN" in failures[1][1]
    bars = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', html)]
    assert len(bars) == 24 and max(bars) == 18
    there = Printer()
    batch._repr_pretty_(there, False)
    assert there.said == batch.report()
