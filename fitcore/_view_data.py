"""What reports and views of parameters and fits show, as text and as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fitcore._rounding import rounded

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = [
    "Correlations",
    "Line",
    "Pair",
    "Verdict",
    "at_bound",
    "columns",
    "correlated",
    "correlations",
    "lines",
    "method",
    "percent",
    "quality",
    "remark",
    "verdicts",
]

MATRIX = 12  # variables up to which correlations are shown as a matrix
LONGEST = 20  # pairs that are listed otherwise

Pair = tuple[str, str, float]


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


class Correlations(NamedTuple):
    """Those of a fit that are large enough to be shown.

    Attributes
    ----------
    names : list of str
        The variables that have any.
    pairs : list of (str, str, float)
        Each two of them once, the largest correlation first.
    """

    names: list[str]
    pairs: list[Pair]

    @property
    def many(self) -> bool:
        """Whether there are too many variables for a matrix."""
        return len(self.names) > MATRIX

    def matrix(self) -> list[list[float | None]]:
        """A row for each variable; None where a correlation is not shown."""
        found: dict[tuple[str, str], float] = {(name, name): 1.0 for name in self.names}
        for one, other, value in self.pairs:
            found[one, other] = found[other, one] = value
        return [[found.get((one, other)) for other in self.names] for one in self.names]

    def largest(self) -> tuple[list[Pair], int]:
        """The pairs to be listed, and how many others there are."""
        return self.pairs[:LONGEST], max(0, len(self.pairs) - LONGEST)


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
        relative = "" if stderr is None else percent(value, stderr)
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


def columns(found: list[Line]) -> list[str]:
    """The fields of lines that a table has columns for: those with something in them."""
    return [
        key
        for key in Line._fields
        if key in ("name", "value") or (key != "kind" and any(getattr(f, key) for f in found))
    ]


def percent(value: float, stderr: float) -> str:
    """The relative standard error; empty where it has no meaning."""
    return f"{abs(stderr / value):.2%}" if value != 0 and math.isfinite(value) else ""


def method(result: Any) -> str:
    """The method, and whose implementation of it ran unless that is fitcore's own."""
    name = str(getattr(result, "method", "unknown"))
    original = getattr(result, "backend", "fitcore") == "originals"
    return f"{name} (original MINPACK-1)" if original else name


def at_bound(result: Any) -> tuple[str, ...]:
    """Variables whose best value is a bound."""
    return tuple(getattr(result, "at_bound", ()) or ())


def remark(result: Any) -> str:
    """The message of a fit that did not end well; empty for one that did."""
    said = str(getattr(result, "message", "") or "")
    return "" if said and result.success and result.errorbars else said


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
    bound = at_bound(result)
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


def correlated(params: Parameters, names: Sequence[str], least: float) -> list[Pair]:
    """Correlations of each two parameters once, the largest first.

    Parameters
    ----------
    params : Parameters
    names : sequence of str
        Which of them, in the order in which pairs name them.
    least : float
        Those not above it, in absolute value, are left out.

    Returns
    -------
    list of (str, str, float)
    """
    pairs = []
    for i, one in enumerate(names):
        correl = params[one].correl or {}
        pairs += [
            (one, other, correl[other])
            for other in names[i + 1 :]
            if other in correl and abs(correl[other]) > least
        ]
    # Equal ones in reverse order, as lmfit has them.
    return sorted(pairs, key=lambda pair: abs(pair[2]))[::-1]


def correlations(params: Parameters, least: float) -> Correlations:
    """The correlations of all variables; `least` is that of :func:`correlated`."""
    names = [name for name, item in params.items() if item.vary and item.correl]
    return Correlations(names, correlated(params, names, least))
