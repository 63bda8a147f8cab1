"""Views of parameters and fits for terminals: tables in frames."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fitcore._view_data import (
    at_bound,
    columns,
    correlations,
    lines,
    method,
    quality,
    remark,
    verdicts,
)

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["correlations_text", "frame", "parameters_text", "result_text"]

LONG = 48  # letters of an expression
MARKS = {"good": "✓", "warn": "!", "bad": "✗"}
# For terminals that have no such letters.
PLAIN = str.maketrans("─│┌┬┐├┼┤└┴┘✓✗", "-|+++++++++vx")


def writable(text: str) -> str:
    """The text with frames of ASCII where stdout can write no others."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    return text if encoding.startswith("utf") else text.translate(PLAIN)


def frame(
    rows: Sequence[Sequence[str]], head: Sequence[str] = (), left: Sequence[int] = (0,)
) -> str:
    """A table in a frame.

    Parameters
    ----------
    rows : sequence of sequences of str
        All of the same length.
    head : sequence of str
        Heads of the columns.
    left : sequence of int
        Columns whose text is set to the left.

    Returns
    -------
    str
    """
    every = [list(head), *rows] if head else list(rows)
    widths = [max(len(row[k]) for row in every) for k in range(len(every[0]))]

    def rule(start: str, cross: str, end: str) -> str:
        return start + cross.join("─" * (width + 2) for width in widths) + end

    def line(row: Sequence[str]) -> str:
        cells = [
            f" {text:<{width}} " if k in left else f" {text:>{width}} "
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "│" + "│".join(cells) + "│"

    parts = [rule("┌", "┬", "┐")]
    if head:
        parts += [line(head), rule("├", "┼", "┤")]
    return "\n".join([*parts, *map(line, rows), rule("└", "┴", "┘")])


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."


def parameters_text(params: Parameters, at_bound: tuple[str, ...] = ()) -> str:
    """A table of parameters; columns with nothing in them are left out.

    Parameters
    ----------
    params : Parameters
    at_bound : tuple of str
        Variables whose best value is a bound.

    Returns
    -------
    str
    """
    found = lines(params, at_bound)
    if not found:
        return "Parameters: none"
    heads = {
        "name": "name", "value": "value", "error": "std. error", "relative": "relative",
        "start": "initial", "low": "min", "high": "max", "note": "",
    }  # fmt: skip
    shown = columns(found)
    left = [i for i, key in enumerate(shown) if key in ("name", "note")]
    rows = [[_cut(getattr(line, key)) for key in shown] for line in found]
    return writable(frame(rows, [heads[key] for key in shown], left))


def correlations_text(params: Parameters, min_correl: float = 0.1) -> str:
    """Correlations as a matrix, or of many variables as a list of the largest.

    Parameters
    ----------
    params : Parameters
        After a fit.
    min_correl : float
        Smaller ones, in absolute value, are not shown.

    Returns
    -------
    str
        Empty if there are none.
    """
    found = correlations(params, min_correl)
    if not found.pairs:
        return ""
    names = found.names
    wide = sum(max(len(name), 6) + 3 for name in names) + max(map(len, names))
    if found.many or wide > shutil.get_terminal_size((100, 24)).columns:
        listed, more = found.largest()
        table = frame([[a, b, f"{c:+.3f}"] for a, b, c in listed], left=(0, 1))
        return writable(table + (f"\nand {more} smaller correlations" if more else ""))
    rows = []
    for i, (name, values) in enumerate(zip(names, found.matrix(), strict=True)):
        cells = ["" if value is None else f"{value:+.3f}" for value in values]
        rows.append([name, *cells[:i], "1", *cells[i + 1 :]])
    return writable(frame(rows, ["correl.", *names]))


def result_text(result: Any, model: str = "") -> str:
    """A fit: how it ended, statistics, parameters and correlations.

    Parameters
    ----------
    result : MinimizerResult or ModelResult
    model : str
        Name of the model, if there is one.

    Returns
    -------
    str
    """
    found = quality(result)
    rows = []
    for i in range(0, len(found), 2):
        pair = [*found[i : i + 2], ("", "")][:2]
        rows.append([pair[0][0], pair[0][1], pair[1][0], pair[1][1]])
    state = "   ".join(f"{MARKS[kind]} {words}" for words, kind in verdicts(result))
    head = [f"method: {method(result)}", state]
    if model:
        head.insert(0, f"model:  {model}")
    head += textwrap.wrap(remark(result), 90)
    parts = [
        "\n".join(head),
        frame(rows, left=(0, 2)),
        parameters_text(result.params, at_bound(result)),
        correlations_text(result.params),
    ]
    return writable("\n".join(part for part in parts if part))
