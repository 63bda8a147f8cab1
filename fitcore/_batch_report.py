"""Reports of a batch of fits, as text and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitcore._html import Cell, badge, table
from fitcore.printfuncs import gformat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._batch_result import BatchResult

__all__ = ["html_report", "report"]

HEADER = ("parameter", "median", "16 %", "84 %", "median stderr", "at bound")
# How many different messages of failures are shown.
MESSAGES = 5
# Of the histograms: how many bars, their width and height in pixels.
BARS, WIDTH, HEIGHT = 24, 4, 18


def _counts(result: BatchResult) -> list[tuple[str, str]]:
    done = result.done
    fits = " x ".join(map(str, result.shape))
    lines = [
        ("fitting method", result.method),
        ("# fits", fits if len(result.shape) == 1 else f"{fits} = {result.nfits}"),
        ("# done", f"{np.count_nonzero(done)}" + (" (interrupted)" if result.interrupted else "")),
        ("# successful", f"{np.count_nonzero(result.success)}"),
        ("# with error bars", f"{np.count_nonzero(result.errorbars)}"),
        ("# function evals", f"{int(result.nfev.sum())}"),
        ("# variables", f"{len(result.var_names)}"),
    ]
    good = result.redchi[result.success]
    good = good[np.isfinite(good)]
    if good.size:
        lines.append(("reduced chi-square", f"{gformat(float(np.median(good))).strip()} (median)"))
    return lines


def _table(result: BatchResult) -> list[tuple[str, ...]]:
    """For each parameter quantiles over the successful fits, and how often it is at a bound."""
    lines = []
    for name in result.names:
        good = result.map(name)[result.success]
        errors = result.map(name, "stderr")[result.success]
        good, errors = good[np.isfinite(good)], errors[np.isfinite(errors)]
        numbers = [*np.quantile(good, [0.5, 0.16, 0.84])] if good.size else [np.nan] * 3
        numbers.append(np.median(errors) if errors.size else np.nan)
        bound = ""
        if name in result.var_names:
            bound = str(np.count_nonzero(result.map(name, "at_bound")))
        lines.append((name, *(gformat(float(number)) for number in numbers), bound))
    return lines


def report(result: BatchResult) -> str:
    """Counts, quantiles of the parameters over the successful fits, and why others failed."""
    counts = _counts(result)
    width = max(len(label) for label, _ in counts)
    lines = ["[[Batch]]", *(f"    {label:{width}} = {value}" for label, value in counts)]
    lines.append("[[Parameters, over successful fits]]")
    table = [HEADER, *_table(result)]
    widths = [max(len(row[k]) for row in table) for k in range(len(HEADER))]
    for row in table:
        cells = [f"{row[0]:{widths[0]}}"]
        cells += [f"{cell:>{wide}}" for cell, wide in zip(row[1:], widths[1:], strict=True)]
        lines.append("    " + "  ".join(cells).rstrip())
    failures = result.failures()
    if failures:
        lines.append("[[Without success]]")
        for message, count in list(failures.items())[:MESSAGES]:
            lines.append(f"    {count}: {message:.200}")
        if len(failures) > MESSAGES:
            lines.append(f"    and {len(failures) - MESSAGES} more messages, see failures()")
    return "\n".join(lines)


def _histogram(values: NDArray[np.float64]) -> str:
    """How values are distributed, as a small picture."""
    finite = values[np.isfinite(values)]
    if finite.size < 2 or not np.ptp(finite) > 0:
        return ""
    # A few outliers would make one bar of all others.
    low, high = np.quantile(finite, [0.005, 0.995])
    if not high > low:
        low, high = finite.min(), finite.max()
    counts, _ = np.histogram(finite, BARS, (low, high))
    bars = []
    for k, count in enumerate(counts):
        tall = HEIGHT * float(count) / float(counts.max())
        bars.append(
            f'<rect x="{k * WIDTH}" y="{HEIGHT - tall:.1f}" width="{WIDTH - 1}" '
            f'height="{tall:.1f}"/>'
        )
    return (
        f'<svg width="{BARS * WIDTH}" height="{HEIGHT}" fill="#2f6db3" '
        f'style="vertical-align:middle">{"".join(bars)}</svg>'
    )


def html_report(result: BatchResult) -> str:
    """The same as HTML, with a histogram of each parameter."""
    bad = int(np.count_nonzero(result.done & ~result.success))
    verdict = badge(f"{np.count_nonzero(result.success)} of {result.nfits} successful",
                    "good" if not bad else "warn")  # fmt: skip
    if result.interrupted:
        verdict += badge("interrupted", "bad")
    parts = ["<h2>Batch of Fits</h2>", f"<div>{verdict}</div>"]
    parts.append(table([[Cell(a, "left"), Cell(b)] for a, b in _counts(result)]))
    rows = []
    for line in _table(result):
        name, bound = line[0], line[-1]
        cells = [Cell(name, "left"), *map(Cell, line[1:-1])]
        cells.append(Cell(bound, colour="#ffe3a0" if bound not in ("", "0") else ""))
        cells.append(Cell(_histogram(result.map(name)[result.success]), raw=True))
        rows.append(cells)
    head = [Cell(HEADER[0], "left"), *map(Cell, HEADER[1:]), Cell("")]
    parts.append(table(rows, head, "Parameters of the successful fits"))
    failures = list(result.failures().items())[:MESSAGES]
    if failures:
        rows = [[Cell(str(count)), Cell(message, "left")] for message, count in failures]
        parts.append(table(rows, [Cell("fits"), Cell("without success", "left")]))
    return f"<div>{''.join(parts)}</div>"
