"""What comes of fits, as JSON, tables and plots."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tabulate import tabulate

from fitcore._result_table import plain
from fitcore._rounding import with_error
from fitcore.cli.data_file import DataError
from fitcore.model import ModelResult

__all__ = ["Outcome", "as_csv", "as_json", "as_table", "save_plot", "write"]


class Outcome(NamedTuple):
    """What came of one file.

    Attributes
    ----------
    source : str
        Name of the file.
    result : ModelResult or None
        None if there was no fit. Not typed, as it has the attributes of its method.
    message : str
        How the fit ended, or why there was none.
    intervals : dict or None
        Confidence intervals, as `fitcore.conf_interval` returns them.
    bad_input : bool
        Whether there was no fit because the input cannot be used.
    """

    source: str
    result: Any
    message: str
    intervals: dict[str, Any] | None = None
    bad_input: bool = False

    @property
    def success(self) -> bool:
        """bool: whether the fit converged."""
        return self.result is not None and bool(self.result.success)


def write(text: str, path: str) -> None:
    """Write a text to a file, '-' for stdout.

    Raises
    ------
    DataError
        If that fails.
    """
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise DataError(f"{path}: {exc.strerror or exc}") from exc


def finite(value: Any) -> Any:
    """The same with None for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def record(outcome: Outcome) -> dict[str, Any]:
    """One outcome as it stands in the JSON."""
    found: dict[str, Any] = {
        "file": outcome.source, "success": outcome.success, "message": outcome.message,
    }  # fmt: skip
    result = outcome.result
    if result is None:
        return found
    found["model"] = result.model._reprstring(long=True)
    for name in ("method", "errorbars", "nfev", "ndata", "nvarys", "nfree", "chisqr", "redchi",
                 "aic", "bic", "rsquared"):  # fmt: skip
        found[name] = plain(getattr(result, name, None))
    found["params"] = {
        name: {
            "value": float(item.value), "stderr": plain(item.stderr),
            "init_value": plain(item.init_value), "min": float(item.min), "max": float(item.max),
            "vary": bool(item.vary), "expr": item.expr,
        }
        for name, item in result.params.items()
    }  # fmt: skip
    found["var_names"] = list(result.var_names)
    found["covar"] = plain(result.covar)
    if outcome.intervals is not None:
        found["intervals"] = plain(outcome.intervals)
    return found


def as_json(outcomes: Sequence[Outcome]) -> str:
    """JSON: one object, or for several files a list of them; null for inf and nan."""
    records = [finite(record(outcome)) for outcome in outcomes]
    return json.dumps(records[0] if len(records) == 1 else records, indent=2) + "\n"


def names_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Names of the parameters, which are the same in all results."""
    for outcome in outcomes:
        if outcome.result is not None:
            return list(outcome.result.params)
    return []


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """CSV with a line for each file; what is not known is empty."""
    names = names_of(outcomes)
    statistics = ["nfev", "ndata", "nvarys", "chisqr", "redchi", "aic", "bic", "rsquared"]
    head = ["file", "success", "message", *statistics]
    for name in names:
        head += [name, f"{name}_stderr"]
    stream = io.StringIO()
    lines = csv.writer(stream, lineterminator="\n")
    lines.writerow(head)
    for outcome in outcomes:
        row: list[Any] = [outcome.source, outcome.success, " ".join(outcome.message.split())]
        result = outcome.result
        if result is None:
            row += [""] * (len(head) - len(row))
        else:
            row += [plain(getattr(result, name, "")) for name in statistics]
            for name in names:
                item = result.params[name]
                row += [float(item.value), "" if item.stderr is None else float(item.stderr)]
        lines.writerow(row)
    return stream.getvalue()


def as_table(outcomes: Sequence[Outcome]) -> str:
    """A table for the eye, with a line for each file."""
    names = names_of(outcomes)
    rows = []
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            rows.append([outcome.source, "no fit"])
            continue
        rows.append(
            [outcome.source, "ok" if result.success else "failed", result.nfev,
             f"{result.redchi:.4g}"]
            + [with_error(float(result.params[n].value), result.params[n].stderr) for n in names]
        )  # fmt: skip
    head = ["file", "fit", "evals", "red. chi-square", *names]
    align = ("left", "left", *["right"] * (len(head) - 2))
    text: str = tabulate(rows, head, tablefmt="simple", disable_numparse=True, colalign=align)
    return f"{text}\n"


def save_plot(result: ModelResult, path: str, labels: tuple[str, str], title: str) -> None:
    """Draw data, fit and residuals into a file, whose ending says the format.

    Parameters
    ----------
    result : ModelResult
    path : str
    labels : (str, str)
        Of the axes.
    title : str

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    dense = max(400, min(4000, 4 * np.size(result.data)))
    figure = result.plot(
        xlabel=labels[0], ylabel=labels[1], title=title, numpoints=dense,
        fig_kws={"figsize": (7, 6), "layout": "constrained"},
        data_kws={"ms": 4, "color": "0.35", "mfc": "none"}, fit_kws={"lw": 1.8, "color": "C0"},
    )  # fmt: skip
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as exc:  # an ending that names no format
        raise DataError(f"{path}: {getattr(exc, 'strerror', None) or exc}") from exc
    finally:
        plt.close(figure)
