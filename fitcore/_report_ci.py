"""Tables of confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from fitcore._arguments import check_style

__all__ = ["ci_report", "report_ci"]

Intervals = Mapping[str, Sequence[tuple[float, float]]]


def ci_report(
    ci: Intervals,
    with_offset: bool = True,
    ndigits: int = 5,
    *,
    style: Literal["1.x", "0.7"] = "1.x",
) -> str:
    """Table of confidence intervals as text.

    Parameters
    ----------
    ci : dict of str to list of (float, float)
        What :func:`fitcore.conf_interval` returns.
    with_offset : bool, default True
        Whether values are shown as differences from the best value.
    ndigits : int, default 5
        Decimals.
    style : {'1.x', '0.7'}, default '1.x'
        Layout: that of lmfit 1.x, or that of the manual of lmfit 0.7.1, which always shows the
        values themselves.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If `ci` is not a dict of intervals.
    ValueError
        If `ndigits` is negative or `style` unknown.

    Examples
    --------
    >>> from fitcore import ci_report
    >>> print(ci_report({"a": [(0.95, 1.0), (0.0, 2.0), (0.95, 3.5)]}, ndigits=2))
       95.00% _BEST_ 95.00%
     a:  -1.00   2.00  +1.50
    """
    if not isinstance(ci, Mapping):
        raise TypeError(
            "ci must be a dict of intervals, without the traces that conf_interval(trace=True) "
            f"returns beside it; got {type(ci).__name__}"
        )
    check_style(style)
    if ndigits < 0:
        raise ValueError(f"ndigits must not be negative, got {ndigits}")
    old = style == "0.7"
    wide = max(map(len, ci), default=0)
    width = ndigits + 5
    lines: list[str] = []
    for name, row in ci.items():
        best = next((value for prob, value in row if prob == 0), 0.0)
        if not lines:
            heads = ["_BEST_" if p == 0 and not old else f"{100 * p:.2f}%" for p, _ in row]
            # As lmfit has it, the heads stand one place further to the left.
            pad = " " * (wide + (0 if old else 1))
            lines.append(pad + "".join(f"{head:>{width}}" for head in heads))
        cells = []
        for prob, value in row:
            if prob == 0 or not with_offset or old:
                cells.append(f"{value:.{ndigits}f}")
            else:
                cells.append(f"{value - best:+.{ndigits}f}")
        start = f"{name:<{wide}}" if old else f" {name:<{wide}}:"
        lines.append(start + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def report_ci(ci: Intervals) -> None:
    """Print the table of confidence intervals that :func:`ci_report` makes.

    Parameters
    ----------
    ci : dict of str to list of (float, float)
        What :func:`fitcore.conf_interval` returns.
    """
    print(ci_report(ci))  # noqa: T201
