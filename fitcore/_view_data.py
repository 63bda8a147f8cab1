"""What views of parameters and fits show, as text and as HTML."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from fitcore._rounding import rounded

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["Line", "Verdict", "correlations", "lines", "quality", "verdicts"]

MATRIX = 12  # variables up to which correlations are shown as a matrix
LONGEST = 20  # pairs that are listed otherwise


class Line(NamedTuple):
    """One parameter.

    Attributes
    ----------
    name, value, error, relative, start, low, high : str
        Empty where there is nothing to say.
    note : str
        'fixed', 'at bound', or '= expression'.
    kind : {'free', 'fixed', 'bound', 'expr'}
    """

    name: str
    value: str
    error: str
    relative: str
    start: str
    low: str
    high: str
    note: str
    kind: str


class Verdict(NamedTuple):
    """Something about a fit that is good, to be looked at, or bad.

    Attributes
    ----------
    words : str
    kind : {'good', 'warn', 'bad'}
    """

    words: str
    kind: str


def _limit(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def lines(params: Parameters, at_bound: tuple[str, ...] = ()) -> list[Line]:
    """The parameters, each value to the second digit of its error.

    Parameters
    ----------
    params : Parameters
    at_bound : tuple of str
        Variables whose best value is a bound.

    Returns
    -------
    list of Line
    """
    found = []
    for name, item in params.items():
        value = float(item._value_or_last())
        # A fixed one has an error of 0, which says nothing.
        stderr = item.stderr if item.vary or item.expr else None
        number, error = rounded(value, stderr)
        relative = ""
        if stderr is not None and value != 0 and math.isfinite(value):
            relative = f"{abs(stderr / value):.2%}"
        kind, note = "free", ""
        if item.expr:
            kind, note = "expr", f"= {item.expr}"
        elif not item.vary:
            kind, note = "fixed", "fixed"
        elif name in at_bound:
            kind, note = "bound", "at bound"
        start = ""
        if kind in ("free", "bound") and item.init_value is not None:
            start = f"{float(item.init_value):.6g}"
        found.append(
            Line(name, number, error, relative, start, _limit(float(item.min)),
                 _limit(float(item.max)), note, kind)
        )  # fmt: skip
    return found


def verdicts(result: Any) -> list[Verdict]:
    """How a fit ended, whether it has uncertainties, and whether it is at bounds.

    Parameters
    ----------
    result : MinimizerResult or ModelResult

    Returns
    -------
    list of Verdict
    """
    found = []
    if getattr(result, "aborted", False):
        found.append(Verdict("stopped", "bad"))
    else:
        ended = bool(getattr(result, "success", False))
        found.append(Verdict("converged", "good") if ended else Verdict("not converged", "bad"))
    if getattr(result, "errorbars", False):
        found.append(Verdict("uncertainties", "good"))
    else:
        found.append(Verdict("no uncertainties", "warn"))
    bound = tuple(getattr(result, "at_bound", ()) or ())
    if bound:
        found.append(Verdict(f"at bound: {', '.join(bound)}", "warn"))
    return found


def quality(result: Any) -> list[tuple[str, str]]:
    """Labels and numbers of the statistics, for two columns: those of the fit, and counts.

    Parameters
    ----------
    result : MinimizerResult or ModelResult

    Returns
    -------
    list of (str, str)
        Alternately of the left and the right column.
    """
    pairs = (
        ("chi-square", "chisqr"), ("data points", "ndata"),
        ("reduced chi-square", "redchi"), ("variables", "nvarys"),
        ("Akaike criterion", "aic"), ("degrees of freedom", "nfree"),
        ("Bayesian criterion", "bic"), ("evaluations", "nfev"),
        ("R-squared", "rsquared"),
    )  # fmt: skip
    found = []
    for label, name in pairs:
        value = getattr(result, name, None)
        if value is None and name == "rsquared":
            continue
        if value is None:
            text = "unknown"
        else:
            text = f"{value:.7g}" if isinstance(value, float) else str(value)
        found.append((label, text))
    return found


def correlations(
    params: Parameters, least: float
) -> tuple[list[str], dict[tuple[str, str], float]]:
    """The variables that have correlations, and those of each two of them that are large enough.

    Parameters
    ----------
    params : Parameters
    least : float
        Smaller ones, in absolute value, are left out.

    Returns
    -------
    names : list of str
    pairs : dict of (str, str) to float
        The largest first; each pair once, in the order of the names.
    """
    names = [name for name, item in params.items() if item.vary and item.correl]
    pairs = {}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            value = (params[one].correl or {}).get(other)
            if value is not None and abs(value) >= least:
                pairs[one, other] = float(value)
    return names, dict(sorted(pairs.items(), key=lambda pair: -abs(pair[1])))
