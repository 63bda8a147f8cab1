"""Views of parameters and fits for notebooks, as HTML.

Styles stand in each element: notebooks and pages that show them drop style sheets. Only cells that
have a meaning have colours of their own, so that the rest follows a dark or light theme.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
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

__all__ = ["Cell", "badge", "correlations_html", "parameters_html", "result_html", "table"]

COLOURS = {
    "good": "#bfe5c7", "warn": "#ffe3a0", "bad": "#f6b9b2", "bound": "#ffe3a0",
    "fixed": "#e3e3e3", "expr": "#cfe0f7",
}  # fmt: skip
TABLE = (
    "border-collapse:collapse;margin:4px 0 8px 0;font-variant-numeric:tabular-nums;"
    "white-space:nowrap"
)
CELL = "padding:2px 10px;white-space:nowrap"


class Cell:
    """A cell of a table.

    Parameters
    ----------
    text : str
        Escaped here, unless it is `raw`.
    align : {'left', 'right', 'center'}
    colour : str
        Background, with black letters; empty for the theme's.
    title : str
        What is shown when the pointer is on it.
    raw : bool
        Whether the text is HTML.
    """

    def __init__(
        self,
        text: str,
        align: str = "right",
        colour: str = "",
        title: str = "",
        raw: bool = False,
    ) -> None:
        self.text, self.align, self.colour, self.title = text, align, colour, title
        self.raw = raw

    def render(self, tag: str) -> str:
        """The cell as HTML."""
        style = f"text-align:{self.align};{CELL}"
        if tag == "th":
            style += ";border-bottom:1px solid #888"
        if self.colour:
            style += f";background:{self.colour};color:#111"
        title = f' title="{html.escape(self.title)}"' if self.title else ""
        text = self.text if self.raw else html.escape(self.text.strip())
        return f'<{tag} style="{style}"{title}>{text}</{tag}>'


def table(rows: Iterable[Sequence[Cell]], head: Sequence[Cell] = (), caption: str = "") -> str:
    """A table as HTML."""
    # Styles that a table inherits stand around it: programs look for the tags that lmfit's have.
    parts = [f'<div style="{TABLE}"><table class="jp-toc-ignore">']
    if caption:
        parts.append(f"<caption>{html.escape(caption)}</caption>")
    if head:
        parts.append(f"<tr>{''.join(cell.render('th') for cell in head)}</tr>")
    parts += [f"<tr>{''.join(cell.render('td') for cell in row)}</tr>" for row in rows]
    return "".join([*parts, "</table></div>"])


def badge(words: str, kind: str) -> str:
    """A few words on a coloured ground."""
    return (
        f'<span style="background:{COLOURS[kind]};color:#111;border-radius:8px;'
        f'padding:1px 9px;margin-right:6px;white-space:nowrap">{html.escape(words)}</span>'
    )


def parameters_html(params: Parameters, at_bound: tuple[str, ...] = ()) -> str:
    """A table of parameters; columns with nothing in them are left out.

    Parameters
    ----------
    params : Parameters
    at_bound : tuple of str
        Variables whose best value is a bound, which are marked.

    Returns
    -------
    str
    """
    found = lines(params, at_bound)
    if not found:
        return table([[Cell("none", "left")]], caption="Parameters")
    heads = {
        "name": "name", "value": "value", "error": "standard error", "relative": "relative",
        "start": "initial", "low": "min", "high": "max",
        "note": "expression" if any(line.kind == "expr" for line in found) else "",
    }  # fmt: skip
    shown = columns(found)
    rows = []
    for line in found:
        item = params[line.name]
        full = f"{float(item._value_or_last())!r}"
        if item.stderr is not None:
            full += f" ± {float(item.stderr)!r}"
        row = []
        for key in shown:
            left = key in ("name", "note")
            colour = COLOURS.get(line.kind, "") if key == "note" else ""
            if key == "relative" and item.value != 0 and (item.stderr or 0) > abs(item.value):
                colour = COLOURS["warn"]  # not known to differ from 0
            title = full if key in ("value", "error") else ""
            row.append(Cell(getattr(line, key), "left" if left else "right", colour, title))
        rows.append(row)
    head = [Cell(heads[key], "left" if key in ("name", "note") else "right") for key in shown]
    return table(rows, head, "Parameters")


def shade(value: float) -> str:
    """Red for positive correlations, blue for negative ones, the deeper the larger."""
    depth = min(abs(value), 1.0)
    towards = (235, 96, 82) if value > 0 else (84, 132, 232)
    mixed = [round(255 + (end - 255) * 0.85 * depth) for end in towards]
    return f"rgb({mixed[0]},{mixed[1]},{mixed[2]})"


def correlations_html(params: Parameters, min_correl: float = 0.1) -> str:
    """Correlations as a coloured matrix, or of many variables as a list of the largest.

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
    note = f"Correlations (those below {min_correl:g} are not shown)"
    if found.many:
        listed, more = found.largest()
        rows = [
            [Cell(a, "left"), Cell(b, "left"), Cell(f"{c:+.3f}", colour=shade(c))]
            for a, b, c in listed
        ]
        if more:
            note = f"The {len(listed)} largest of {len(found.pairs)} correlations"
        return table(rows, caption=note)
    rows = []
    for i, (name, values) in enumerate(zip(found.names, found.matrix(), strict=True)):
        row = [Cell(name, "left")]
        for j, value in enumerate(values):
            if i == j:
                row.append(Cell("1", "center", COLOURS["fixed"]))
            elif value is None:
                row.append(Cell(""))
            else:
                row.append(Cell(f"{value:+.3f}", "center", shade(value)))
        rows.append(row)
    return table(rows, [Cell(""), *(Cell(name, "center") for name in found.names)], note)


def result_html(
    result: Any, model: str = "", show_correl: bool = True, min_correl: float = 0.1
) -> str:
    """A fit: how it ended, statistics, parameters and correlations.

    Parameters
    ----------
    result : MinimizerResult or ModelResult
    model : str
        Name of the model, if there is one.
    show_correl : bool
        Whether correlations are shown.
    min_correl : float
        As for `correlations_html`.

    Returns
    -------
    str
    """
    parts = [f"<h2>Fit Result</h2><div>{''.join(badge(*v) for v in verdicts(result))}</div>"]
    said = remark(result)
    if said:
        parts.append(f"<div style='margin:4px 0'>{html.escape(said)}</div>")
    rows = [[Cell("method", "left"), Cell(method(result), "left")]]
    if model:
        rows.insert(0, [Cell("model", "left"), Cell(model, "left")])
    parts.append(table(rows))
    found = quality(result)
    rows = []
    for i in range(0, len(found), 2):
        row = []
        for label, text in found[i : i + 2]:
            row += [Cell(label, "left"), Cell(text)]
        rows.append(row)
    parts += [
        table(rows, caption="Statistics"),
        parameters_html(result.params, at_bound(result)),
    ]
    if show_correl:
        parts.append(correlations_html(result.params, min_correl))
    return f"<div>{''.join(parts)}</div>"
