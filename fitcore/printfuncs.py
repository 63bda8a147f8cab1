"""Reports of fits as text and HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np

from fitcore._arguments import check_style, read_bool, read_correl, read_number
from fitcore._report_ci import ci_report, report_ci
from fitcore._view_data import correlated, method, percent
from fitcore.parameter import Parameter, Parameters

__all__ = [
    "alphanumeric_sort",
    "ci_report",
    "correl_table",
    "fit_report",
    "fitreport_html_table",
    "getfloat_attr",
    "gformat",
    "params_html_table",
    "report_ci",
    "report_errors",
    "report_fit",
]
__dir__ = __all__.copy

CorrelMode = Literal["list", "table"]


def gformat(val: Any, length: int = 11) -> str:
    """Format a number in a given width, with as many digits as fit.

    Numbers of ordinary size are written with decimals, others with an exponent; a positive one
    has a blank where a negative one has its sign. Trailing zeros stay.

    Parameters
    ----------
    val : float
        The number. What is not a number is written by `repr`, right-aligned.
    length : int, default 11
        Width in characters, at least 7.

    Returns
    -------
    str

    Examples
    --------
    >>> from fitcore.printfuncs import gformat
    >>> gformat(3.14159265), gformat(-1.5e-12), gformat(123456.789)
    (' 3.14159265', '-1.5000e-12', ' 123456.789')
    """
    length = max(length, 7)
    if val is None or isinstance(val, (bool, str)):
        return f"{val!r:>{length}}"
    digits = length - 7
    try:
        size = abs(val)
        if not math.isfinite(size):
            return f"{float(val):{length}}"
        exponent = math.floor(math.log10(size)) if size > 0 else 0
        # With exponents of 100 and more the mantissa loses a digit to the exponent.
        if abs(exponent) >= 100:
            digits = max(digits - 1, 0)
        plain = -digits < exponent < length - 3 and (exponent > 0 or length > 8)
        if plain:
            return f"{val:{length}.{length - 3 - max(exponent, 0)}f}"
        return f"{val:{length}.{digits}e}"
    except (TypeError, ValueError, OverflowError):
        return f"{val!r:>{length}}"


def getfloat_attr(obj: Any, attr: str, length: int = 11) -> str:
    """Format an attribute of an object for a report.

    Parameters
    ----------
    obj : object
        Such as a result.
    attr : str
        Name of the attribute.
    length : int, default 11
        Width for :func:`gformat`; blanks at the ends are cut off.

    Returns
    -------
    str
        ``'unknown'`` if there is no such attribute, or it is None.
    """
    value = getattr(obj, attr, None)
    if value is None:
        return "unknown"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return gformat(float(value), length=length).strip()
    return repr(value)


def alphanumeric_sort(s: str) -> list[Any]:
    """Key that sorts names with numbers in them as one counts: a2 before a10.

    Parameters
    ----------
    s : str
        A name; its case does not matter.

    Returns
    -------
    list
        Its parts, numbers as int.

    Examples
    --------
    >>> from fitcore.printfuncs import alphanumeric_sort
    >>> sorted(["b", "a10", "a2"], key=alphanumeric_sort)
    ['a2', 'a10', 'b']
    """
    # The parts between numbers come first and last: text is compared with text.
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", s)]


def fit_report(
    inpars: Any,
    modelpars: Mapping[str, Any] | None = None,
    show_correl: bool = True,
    min_correl: float = 0.1,
    sort_pars: bool | Callable[[str], Any] = False,
    correl_mode: CorrelMode = "list",
    *,
    style: Literal["1.x", "0.7"] = "1.x",
) -> str:
    """Report best-fit values, uncertainties and correlations as text.

    Parameters
    ----------
    inpars : MinimizerResult or Parameters
        The outcome of a fit. Parameters alone give a report without fit statistics.
    modelpars : Parameters, optional
        Known values, which are shown beside the fitted ones.
    show_correl : bool, default True
        Whether to list correlations.
    min_correl : float, default 0.1
        Correlations above it in absolute value are listed.
    sort_pars : bool or callable, default False
        Whether the parameters are sorted by name, numbers in names by size, or a key function for
        the names. Otherwise they come in their own order.
    correl_mode : {'list', 'table'}, default 'list'
        Correlations as a list, the largest first, or as a table.
    style : {'1.x', '0.7'}, default '1.x'
        Layout: that of lmfit 1.x, or that of the manual of lmfit 0.7.1, which always sorts the
        names and has no statistics.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If `inpars` is neither, or another argument is not of its type; the error names it.
    ValueError
        For an unknown `correl_mode` or `style`, or if `min_correl` is NaN.

    Examples
    --------
    >>> from fitcore import Parameters, fit_report
    >>> params = Parameters()
    >>> params.add("slope", value=2.0)
    >>> params["slope"].stderr = 0.25
    >>> print(fit_report(params))
    [[Variables]]
        slope:  2.00000000 +/- 0.25000000 (12.50%) (init = 2)
    """
    params, result = _split(inpars)
    check_style(style)
    if not isinstance(correl_mode, str) or correl_mode not in ("list", "table"):
        raise ValueError(f"correl_mode must be 'list' or 'table', got {correl_mode!r:.80}")
    if not (modelpars is None or isinstance(modelpars, Mapping)):
        raise TypeError(
            f"modelpars must be Parameters, a dict of values by name or None, got {modelpars!r:.80}"
        )
    if not callable(sort_pars):
        sort_pars = read_bool(sort_pars, "sort_pars (if not a key function)")
    show_correl, min_correl = read_correl(show_correl, min_correl)
    if style == "0.7":
        lines = _variables_of_0_7(params, modelpars)
        if show_correl:
            lines += _correlations_of_0_7(params, min_correl)
        return "\n".join(lines)
    names = list(params)
    if sort_pars:
        names.sort(key=sort_pars if callable(sort_pars) else alphanumeric_sort)
    width = max(map(len, names), default=0) + 2
    lines = []
    if result is not None:
        lines += _statistics(result)
        if not getattr(result, "errorbars", True):
            lines += _warning(params, names, width, result)
    lines.append("[[Variables]]")
    lines += [_variable(params[name], name, width, modelpars) for name in names]
    if show_correl:
        if correl_mode == "table":
            table = correl_table(params)
            if table:
                lines += ["[[Correlations]] ", *(f"  {line}" for line in table.split("\n"))]
        else:
            lines += _correlations(params, names, min_correl)
    return "\n".join(lines)


def report_fit(
    inpars: Any,
    modelpars: Mapping[str, Any] | None = None,
    show_correl: bool = True,
    min_correl: float = 0.1,
    **kws: Any,
) -> None:
    """Print a report of a fit.

    Parameters
    ----------
    inpars : MinimizerResult or Parameters
        The outcome of a fit.
    modelpars, show_correl, min_correl, **kws
        As for :func:`fit_report`.
    """
    print(fit_report(inpars, modelpars, show_correl, min_correl, **kws))  # noqa: T201


report_errors = report_fit


def _split(inpars: Any) -> tuple[Parameters, Any]:
    if isinstance(inpars, Parameters):
        return inpars, None
    params = getattr(inpars, "params", None)
    if isinstance(params, Parameters):
        return params, inpars
    raise TypeError(f"inpars must be Parameters or the result of a fit, got {inpars!r:.80}")


# Pairs of what is shown and the attribute that holds it.
_COUNTS = (
    ("# fitting method  ", "method"),
    ("# function evals  ", "nfev"),
    ("# data points     ", "ndata"),
    ("# variables       ", "nvarys"),
)
_QUALITY = (
    ("chi-square        ", "chisqr"),
    ("reduced chi-square", "redchi"),
    ("Akaike info crit  ", "aic"),
    ("Bayesian info crit", "bic"),
)


def _statistics(result: Any) -> list[str]:
    lines = [
        "[[Fit Statistics]]",
        f"    # fitting method   = {method(result)}",
    ]
    lines += [f"    {label} = {getfloat_attr(result, a)}" for label, a in _COUNTS[1:] + _QUALITY]
    if hasattr(result, "rsquared"):
        lines.append(f"    R-squared          = {getfloat_attr(result, 'rsquared')}")
    return lines


def _close(a: float, b: float | None) -> bool:
    # As exactly as a fit that did not move would leave it.
    return b is not None and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-14)


def _warning(params: Parameters, names: Iterable[str], width: int, result: Any) -> list[str]:
    lines = ["##  Warning: uncertainties could not be estimated:"]
    for name in names:
        item = params[name]
        if not item.vary:
            continue
        label = f"    {name + ':':{width}}"
        if _close(item.value, item.init_value):
            lines.append(f"{label} at initial value")
        if _close(item.value, item.min) or _close(item.value, item.max):
            lines.append(f"{label} at boundary")
    if str(getattr(result, "method", "leastsq")) not in ("leastsq", "least_squares"):
        lines.append(
            "    this fitting method does not natively calculate uncertainties: they come from"
        )
        lines.append("    differences around its end, for which numdifftools is not needed")
    return lines


def _initial(item: Parameter) -> str:
    return "?" if item.init_value is None else f"{item.init_value:.7g}"


def _known(modelpars: Mapping[str, Any] | None, name: str) -> float | None:
    if modelpars is None or name not in modelpars:
        return None
    return read_number(modelpars[name], f"modelpars[{name!r}]")


def _variable(item: Parameter, name: str, width: int, modelpars: Mapping[str, Any] | None) -> str:
    label = f"    {name + ':':{width}}"
    value = float(item.value)
    text = gformat(value)
    if item.stderr is not None:
        text += f" +/-{gformat(item.stderr)} {_percent(value, item.stderr)}"
    if item.expr:
        return f"{label}{text} == '{item.expr}'"
    if not item.vary:
        return f"{label}{value: .7g} (fixed)"
    known = _known(modelpars, name)
    suffix = "" if known is None else f", model_value = {known:.7g}"
    return f"{label}{text} (init = {_initial(item)}){suffix}"


def _percent(value: float, stderr: float) -> str:
    text = percent(value, stderr)
    return f"({text})" if text else ""


def _correlations(params: Parameters, names: list[str], min_correl: float) -> list[str]:
    pairs = correlated(params, names, min_correl)
    if not pairs:
        return []
    labels = [f"C({a}, {b})" for a, b, _ in pairs]
    width = max(map(len, labels))
    return [
        f"[[Correlations]] (unreported correlations are < {min_correl:.3f})",
        *(f"    {k:{width}} = {c:+.4f}" for k, (_, _, c) in zip(labels, pairs, strict=True)),
    ]


def correl_table(params: Parameters) -> str:
    """Correlations as a table of text.

    Parameters
    ----------
    params : Parameters
        After a fit.

    Returns
    -------
    str
        Empty if there are no correlations.
    """
    names = [name for name, item in params.items() if item.vary]
    known = [name for name in names if params[name].correl is not None]
    if not known:
        return ""
    width = max(8, *map(len, names))
    rule = "+" + "+".join(["-" * (width + 2)] * (len(names) + 1)) + "+"
    lines = [rule, _row(["Variable", *names], width), rule]
    for name in names:
        correl = params[name].correl or {}
        cells = [name]
        for other in names:
            value = 1.0 if other == name else correl.get(other)
            cells.append("unknown" if value is None else f"{value:+.4f}")
        lines.append(_row(cells, width))
    return "\n".join([*lines, rule])


def _row(cells: Iterable[str], width: int) -> str:
    return "|" + "|".join(f" {cell:{width}} " for cell in cells) + "|"


# ------------------------------------------------------------------- the layout of lmfit 0.7.1


def _variables_of_0_7(params: Parameters, modelpars: Mapping[str, Any] | None) -> list[str]:
    names = sorted(params)
    width = max(8, max(map(len, names), default=0) + 3)
    lines = ["[[Variables]]"]
    for name in names:
        item = params[name]
        value = float(item.value)
        text = f"  {name + ':':{width}}{value: .6f}"
        if item.stderr is not None and (item.vary or item.expr):
            text += f" +/- {item.stderr:.6f} {_percent(value, item.stderr)}".rstrip()
        if item.expr:
            text += f" == '{item.expr}'"
        elif not item.vary:
            text += " (fixed)"
        elif item.init_value is not None:
            text += f" initial = {item.init_value:.6f}"
        known = _known(modelpars, name)
        if known is not None:
            text += f" (model_value = {known:.6f})"
        lines.append(text)
    return lines


def _correlations_of_0_7(params: Parameters, min_correl: float) -> list[str]:
    pairs = correlated(params, sorted(params), min_correl)
    if not pairs:
        return []
    return [
        f"[[Correlations]] (unreported correlations are < {min_correl: .3f})".replace("<  ", "< "),
        *(f"  {f'C({a}, {b})':25} = {c:.3f}" for a, b, c in pairs),
    ]


# ------------------------------------------------------------------------------------------ HTML


def fitreport_html_table(result: Any, show_correl: bool = True, min_correl: float = 0.1) -> str:
    """Report a fit as HTML tables.

    Parameters
    ----------
    result : MinimizerResult
        The outcome of a fit.
    show_correl : bool, default True
        Whether to list correlations.
    min_correl : float, default 0.1
        Correlations above it in absolute value are listed.

    Returns
    -------
    str
        Tables of the statistics, the parameters, and the correlations.
    """
    params, _ = _split(result)
    show_correl, min_correl = read_correl(show_correl, min_correl)
    rows = [(label.strip(), getattr(result, attr, None)) for label, attr in _COUNTS + _QUALITY]
    rows[0] = ("fitting method", method(result))
    if hasattr(result, "rsquared"):
        rows.append(("R-squared", result.rsquared))
    parts = [_open_table("Fit Statistics", 'class="jp-toc-ignore"')]
    for label, value in rows:
        shown = gformat(value) if isinstance(value, (float, np.floating)) else str(value)
        label = label + "." if label.endswith("crit") else label
        parts.append(_html_row([("left", label), ("right", shown)]))
    parts += ["</table>", params_html_table(params)]
    if show_correl:
        pairs = correlated(params, list(params), min_correl)
        if pairs:
            caption = f"Correlations (unreported values are < {min_correl:.3f})"
            parts.append(_open_table(caption))
            head = [("left", "Parameter1"), ("left", "Parameter 2"), ("right", "Correlation")]
            parts.append(_html_row(head, "th"))
            parts += [
                _html_row([("left", a), ("left", b), ("right", f"{c:+.4f}")]) for a, b, c in pairs
            ]
            parts.append("</table>")
    return "".join(parts)


def params_html_table(params: Parameters) -> str:
    """Show parameters as an HTML table.

    Parameters
    ----------
    params : Parameters
        Before or after a fit. Columns for errors and expressions appear if there are any.

    Returns
    -------
    str
    """
    import html

    with_errors = any(item.stderr is not None for item in params.values())
    with_expr = any(item.expr for item in params.values())
    head = ["name", "value"]
    head += ["standard error", "relative error"] if with_errors else []
    head += ["initial value", "min", "max", "vary"]
    head += ["expression"] if with_expr else []
    rows = [head]
    for name, item in params.items():
        value = float(item._value_or_last())
        row = [html.escape(name), gformat(value)]
        if with_errors and item.stderr is None:
            row += ["", ""]
        elif with_errors:
            row += [gformat(item.stderr), _percent(value, item.stderr or 0.0)]
        row += [str(item.init_value), gformat(float(item.min)), gformat(float(item.max))]
        row.append(str(item.vary))
        if with_expr:
            row.append(html.escape(item.expr or "", quote=False))
        rows.append(row)
    aligned = [
        [("right" if i == len(head) - 1 else "left", cell) for i, cell in enumerate(row)]
        for row in rows
    ]
    lines = [_html_row(row, "td" if i else "th") for i, row in enumerate(aligned)]
    return f"{_open_table('Parameters')}{''.join(lines)}</table>"


def _open_table(caption: str, attributes: str = "") -> str:
    tag = f"<caption {attributes}>" if attributes else "<caption>"
    return f'<table class="jp-toc-ignore">{tag}{caption}</caption>'


def _html_row(cells: Iterable[tuple[str, str]], tag: str = "td") -> str:
    inside = "".join(f"<{tag} style='text-align:{align}'>{text}</{tag}>" for align, text in cells)
    return f"<tr>{inside}</tr>"
