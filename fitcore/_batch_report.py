"""Reports of a batch of fits, as text and HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from fitcore.printfuncs import gformat

if TYPE_CHECKING:
    from fitcore._batch_result import BatchResult

__all__ = ["html_report", "report"]

HEADER = ("parameter", "median", "16 %", "84 %", "median stderr", "at bound")
# How many different messages of failures are shown.
MESSAGES = 5


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


def html_report(result: BatchResult) -> str:
    """The same as HTML."""

    def table(rows: list[tuple[str, ...]], header: tuple[str, ...] | None = None) -> str:
        lines = ["<table>"]
        if header:
            lines.append("<tr>" + "".join(f"<th>{cell}</th>" for cell in header) + "</tr>")
        for row in rows:
            cells = "".join(f"<td>{html.escape(cell.strip())}</td>" for cell in row)
            lines.append(f"<tr>{cells}</tr>")
        lines.append("</table>")
        return "".join(lines)

    parts = ["<h2>Batch of Fits</h2>", table(list(_counts(result)))]
    parts.append(table(_table(result), HEADER))
    failures = list(result.failures().items())[:MESSAGES]
    if failures:
        parts.append(table([(str(c), m) for m, c in failures], ("fits", "without success")))
    return "".join(parts)
