"""`fitcore fit`: fits of data files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from fitcore._executor import progress_bar
from fitcore._extras import lacking
from fitcore._methods import find_method
from fitcore.cli.data_file import DataError, Layout, Table, read_table
from fitcore.cli.model_text import (
    Changes,
    WordsError,
    builtin_names,
    read_changes,
    read_model,
    start,
)
from fitcore.cli.output import Outcome, as_csv, as_json, as_table, save_plot, write
from fitcore.minimizer import MinimizerException
from fitcore.model import Model, ModelResult
from fitcore.printfuncs import ci_report

__all__ = ["fit"]


class Job(NamedTuple):
    """What the options ask for, the same for all files.

    Attributes
    ----------
    model : Model
    changes : dict of str to Changes
    columns : dict of str to str
        For each independent variable its column; empty where the first one is meant.
    y, error : str or None
        Columns of the data and of their errors.
    span : (float, float)
        Points outside of it are left out, by the first variable.
    layout : Layout
    nan_policy : str
    settings : dict
        Further arguments of `Model.fit`.
    sigmas : tuple of float
        For confidence intervals; empty for none.
    """

    model: Model
    changes: dict[str, Changes]
    columns: dict[str, str | None]
    y: str | None
    error: str | None
    span: tuple[float, float]
    layout: Layout
    nan_policy: str
    settings: dict[str, Any]
    sigmas: tuple[float, ...]


class Points(NamedTuple):
    """What is fitted: variables, data, weights, and what the axes are called."""

    given: dict[str, NDArray[np.float64]]
    y: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    labels: tuple[str, str]


def read_points(path: str, job: Job) -> Points:
    """The columns of a file that a fit is of.

    Raises
    ------
    DataError
        If the file, a column or a number cannot be used.
    """
    table = read_table(path, job.layout)
    single = table.width == 1
    y_column = job.y or ("1" if single else "2")
    columns = {"y": table.numbers(y_column)}
    labels = []
    given = {}
    for name, column in job.columns.items():
        if column is None and single:
            given[name] = np.arange(len(table.rows), dtype=float)
            labels.append("line")
        else:
            given[name] = columns[f"variable {name}"] = table.numbers(column or "1")
            labels.append(_label(table, column or "1", name))
    if job.error is not None:
        columns["error"] = table.numbers(job.error)
    keep = np.ones(len(table.rows), bool)
    first = next(iter(given.values()))
    low, high = job.span
    if low > -np.inf or high < np.inf:
        keep &= (first >= low) & (first <= high)
        if not keep.any():
            raise DataError(f"{table.source}: no point lies in the range {low:g}:{high:g}")
    for name, values in columns.items():
        bad = keep & ~np.isfinite(values)
        if bad.any() and job.nan_policy != "omit":
            place = table.places[int(np.argmax(bad))]
            more = np.count_nonzero(bad) - 1
            raise DataError(
                f"{table.source}, line {place}: {name} is missing or not finite"
                f"{f', and in {more} more' if more else ''}; --nan-policy omit leaves it out"
            )
        keep &= ~bad
    if not keep.any():
        raise DataError(f"{table.source}: no line has a number in each of the columns")
    weights = None
    if job.error is not None:
        errors = columns["error"]
        if np.any(errors[keep] <= 0):
            wrong = int(np.argmax(keep & (errors <= 0)))
            raise DataError(
                f"{table.source}, line {table.places[wrong]}: errors must be positive, got "
                f"{errors[wrong]:g}"
            )
        weights = 1 / errors[keep]
    return Points(
        {name: values[keep] for name, values in given.items()}, columns["y"][keep], weights,
        (labels[0], _label(table, y_column, "y")),
    )  # fmt: skip


def _label(table: Table, column: str, default: str) -> str:
    return table.label(column) if table.names else default


def fit_file(path: str, job: Job) -> tuple[Outcome, Points | None]:
    """Read a file and fit it; what goes wrong is in the outcome."""
    source = "stdin" if path == "-" else path
    try:
        points = read_points(path, job)
        params = start(job.model, job.changes, points.y, points.given)
        if not any(item.vary and item.expr is None for item in params.values()):
            raise WordsError("no parameter varies: there is nothing to fit")
    except (DataError, WordsError) as exc:
        return Outcome(source, None, str(exc), bad_input=True), None
    try:
        # Where a step leads out of what doubles hold, the fit says so itself.
        with np.errstate(all="ignore"):
            settings: dict[str, Any] = {**job.settings, **points.given}
            result: Any = job.model.fit(points.y, params, weights=points.weights, **settings)
            outcome = Outcome(source, result, " ".join(str(result.message).split()))
    except ImportError as exc:  # an extra that the method needs
        return Outcome(source, None, str(exc), bad_input=True), points
    except Exception as exc:  # noqa: BLE001  # what asteval raises for an expression may be anything
        return Outcome(source, None, f"the fit failed: {' '.join(str(exc).split())}"), points
    if job.sigmas and result.success:
        try:
            with np.errstate(all="ignore"):
                found = result.conf_interval(sigmas=list(job.sigmas))
            outcome = outcome._replace(intervals=found)
        except (MinimizerException, ValueError) as exc:
            click.echo(f"fitcore: {source}: no confidence intervals: {exc}", err=True)
    return outcome, points


def _read_columns(x: str | None, more: Sequence[str]) -> dict[str, str | None]:
    """Columns by the names of independent variables."""
    columns: dict[str, str | None] = {}
    for text in more:
        name, equal, column = text.partition("=")
        if not equal or not name.strip().isidentifier() or not column.strip():
            raise WordsError(f"--var must be NAME=COLUMN, got {text!r:.80}")
        columns[name.strip()] = column.strip()
    if x is not None or not columns:
        columns = {"x": x, **columns}
    return columns


def _read_span(text: str | None) -> tuple[float, float]:
    if text is None:
        return -np.inf, np.inf
    try:
        low, high = text.split(":")
        span = float(low or -np.inf), float(high or np.inf)
    except ValueError:
        span = 0.0, 0.0
    if not span[0] < span[1]:
        raise WordsError(f"--range must be LOW:HIGH, of which one may be empty, got {text!r:.80}")
    return span


def _job(options: dict[str, Any]) -> Job:
    columns = _read_columns(options["x"], options["var"])
    model = read_model(options["model"], list(columns))
    lost = [name for name in model.independent_vars if name not in columns]
    if lost and not set(model.independent_vars) & set(columns):
        raise WordsError(
            f"the variable of the model is {lost[0]!r}, and columns are given for "
            f"{', '.join(columns)}"
        )
    settings = {
        "method": find_method(options["method"]), "nan_policy": options["nan_policy"],
        "max_nfev": options["max_nfev"], "scale_covar": not options["absolute_errors"],
    }  # fmt: skip
    return Job(
        model,
        read_changes(options["param"], options["fix"], options["expr"]),
        columns, options["y"], options["error"], _read_span(options["range_"]),
        Layout(options["delimiter"], options["comment"], options["skip"], options["decimal"]),
        options["nan_policy"], settings, options["ci"],
    )  # fmt: skip


def _plot_path(template: str, source: str) -> str:
    return template.replace("{name}", Path(source).stem)


def _check_outputs(options: dict[str, Any], files: Sequence[str]) -> None:
    if files.count("-") > 1:
        raise click.UsageError("'-', stdin, can be read once only")
    if [options["json_path"], options["csv_path"]].count("-") > 1:
        raise click.UsageError("--json - and --csv - cannot both be written to stdout")
    plot = options["plot"]
    if plot is None:
        return
    if find_spec("matplotlib") is None:
        raise click.UsageError(lacking("matplotlib", "--plot"))
    if len({_plot_path(plot, name) for name in files}) < len(files):
        raise click.UsageError(
            "--plot: with several files its name must have {name}, which stands for the name of "
            f"a file without its ending, and these must differ; got {plot!r}"
        )


@click.command(
    epilog="Models by name: " + ", ".join(builtin_names()) + ". See docs/command_line.md."
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-m",
    "--model",
    required=True,
    metavar="MODEL",
    help="An expression of x, 'amp*exp(-x/tau) + c', or built-in models by name, "
    "'gaussian(a_) + gaussian(b_) + linear', with prefixes in parentheses.",
)
@click.option(
    "-p",
    "--param",
    multiple=True,
    metavar="NAME=VALUE[:MIN[:MAX]]",
    help="Start and bounds of a parameter; what is empty is guessed or unbounded.",
)
@click.option("--fix", multiple=True, metavar="NAME[=VALUE]", help="Hold a parameter fixed.")
@click.option(
    "--expr",
    multiple=True,
    metavar="NAME=EXPRESSION",
    help="Tie a parameter to others, or add one that is computed from them.",
)
@click.option("--x", metavar="COLUMN", help="Column of x, by name or number from 1.  [default: 1]")
@click.option("--y", metavar="COLUMN", help="Column of the data.  [default: 2]")
@click.option("--error", metavar="COLUMN", help="Column of the errors of y; weights are 1/error.")
@click.option(
    "--var",
    multiple=True,
    metavar="NAME=COLUMN",
    help="A further independent variable of the expression.",
)
@click.option("--range", "range_", metavar="LOW:HIGH", help="Fit only points with x in between.")
@click.option("--delimiter", help="',', ';', 'tab', 'space'...  [default: found out]")
@click.option(
    "--decimal", type=click.Choice([".", ","]), help="Decimal sign.  [default: found out]"
)
@click.option("--comment", help="What begins a comment.  [default: #, % or !]")
@click.option("--skip", type=click.IntRange(0), default=0, help="Lines to leave out at the top.")
@click.option(
    "--nan-policy",
    type=click.Choice(["raise", "omit", "propagate"]),
    default="raise",
    show_default=True,
    help="Whether missing numbers are an error or left out.",
)
@click.option("--method", default="leastsq", show_default=True, help="Method of the fit.")
@click.option("--max-nfev", type=click.IntRange(1), help="Limit on evaluations of the model.")
@click.option(
    "--absolute-errors",
    is_flag=True,
    help="Errors are not only relative: do not scale them by the reduced chi-square.",
)
@click.option("--ci", is_flag=True, help="Confidence intervals for 1, 2 and 3 sigma.")
@click.option(
    "--sigma",
    multiple=True,
    type=click.FloatRange(0, min_open=True),
    help="Confidence intervals for this one, or probability if below 1.",
)
@click.option(
    "--report/--no-report",
    default=None,
    help="Print the report of each fit.  [default: for a single file]",
)
@click.option("--json", "json_path", metavar="FILE", help="Write results as JSON; '-' is stdout.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write results as CSV; '-' is stdout.")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw fit and residuals (PNG, PDF, SVG); with several files '{name}.png'.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="A bar on stderr.  [default: for several files, on a terminal]",
)
def fit(files: tuple[str, ...], **options: Any) -> None:
    """Fit a model to the data in each FILE, '-' for stdin.

    Delimiter, comments, header and decimal sign are found out. Exits with 1 if a fit failed or did
    not converge, with 2 if something given cannot be used.
    """
    options["ci"] = options.pop("sigma") or ((1, 2, 3) if options["ci"] else ())
    try:
        job = _job(options)
    except (WordsError, ValueError) as exc:
        raise click.UsageError(str(exc)) from exc
    _check_outputs(options, files)
    if options["plot"] and len(job.columns) > 1:
        raise click.UsageError("--plot: only a model of one variable can be drawn")
    outcomes, status = [], 0
    for path in _with_bar(files, options["progress"]):
        outcome, points = fit_file(path, job)
        outcomes.append(outcome)
        if outcome.result is not None and points is not None and options["plot"]:
            status = max(status, _plot(outcome, points, options["plot"]))
    _print(outcomes, options)
    for outcome in outcomes:
        if not outcome.success:
            text = outcome.message
            if not text.startswith(outcome.source):
                text = f"{outcome.source}: {text}"
            click.echo(f"fitcore: {text}", err=True)
        elif outcome.result is not None and not outcome.result.errorbars:
            click.echo(f"fitcore: {outcome.source}: no uncertainties: {outcome.message}", err=True)
        if outcome.bad_input:
            status = 2
        elif not outcome.success or (job.sigmas and outcome.intervals is None):
            status = max(status, 1)
    if status:
        raise click.exceptions.Exit(status)


def _plot(outcome: Outcome, points: Points, template: str) -> int:
    """Draw a fit; the status that follows: a plot that fails does not cost the results."""
    name = getattr(outcome.result.model, "expr", None) or outcome.result.model.name
    path = _plot_path(template, outcome.source)
    try:
        save_plot(outcome.result, path, points.labels, f"{outcome.source}: {name}"[:100])
    except DataError as exc:
        click.echo(f"fitcore: --plot: {exc}", err=True)
        return 2
    return 0


def _with_bar(files: Sequence[str], wanted: bool | None) -> Iterable[str]:
    """The files, with a bar on stderr if that is wanted and tqdm is there."""
    if wanted is None:
        wanted = len(files) > 1 and sys.stderr.isatty() and find_spec("tqdm") is not None
    if not wanted:
        yield from files
        return
    try:
        bar = progress_bar(len(files), "files")
    except ImportError as exc:
        raise click.UsageError(f"--progress: {exc}") from exc
    with bar:
        for name in files:
            yield name
            bar.update()


def _report(outcome: Outcome, result: ModelResult) -> str:
    text = result.fit_report()
    if outcome.intervals is not None:
        text += f"\n[[Confidence Intervals]]\n{ci_report(outcome.intervals)}"
    return text


def _print(outcomes: Sequence[Outcome], options: dict[str, Any]) -> None:
    """Write what was asked for; to stdout only one kind of thing."""
    to_stdout = "-" in (options["json_path"], options["csv_path"])
    report = options["report"]
    try:
        if options["json_path"]:
            write(as_json(outcomes), options["json_path"])
        if options["csv_path"]:
            write(as_csv(outcomes), options["csv_path"])
    except DataError as exc:
        raise click.UsageError(str(exc)) from exc
    if report if report is not None else len(outcomes) == 1 and not to_stdout:
        for outcome in outcomes:
            if outcome.result is not None:
                head = f"==== {outcome.source}\n" if len(outcomes) > 1 else ""
                click.echo(head + _report(outcome, outcome.result), err=to_stdout)
    if len(outcomes) > 1 and not to_stdout:
        click.echo(as_table(outcomes), nl=False)
