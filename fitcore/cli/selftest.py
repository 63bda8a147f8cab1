"""`fitcore selftest`: NIST's certified problems on this machine, in this build."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import click
import numpy as np
from tabulate import tabulate

import fitcore
from fitcore import nist
from fitcore._methods import find_method

__all__ = ["Run", "run_problem", "selftest"]

# Runs of which less is expected, as docs/accuracy.md explains: what is, and why.
SATURATED = (
    ("values", "errors", "chisqr"), "ends where the exponential is saturated, as MINPACK does",
)  # fmt: skip
ROUNDING = ("errors", "chisqr"), "chi-square is the rounding of the data, and so are the errors"
EXCUSED = {("BoxBOD", 1): SATURATED, ("Lanczos1", 1): ROUNDING, ("Lanczos1", 2): ROUNDING}


class Run(NamedTuple):
    """One problem from one start: how many digits are right, at most 11.

    Attributes
    ----------
    problem : str
    difficulty : str
        NIST's level.
    start : int
        1, far from the solution, or 2.
    values, errors, chisqr : float
        Correct digits of the worst parameter, of the worst standard error and of the sum of
        squares.
    nfev : int
    passed : bool
        Whether all have the digits that are asked for, or it is known that they cannot.
    note : str
        Why it cannot, or the error.
    """

    problem: str
    difficulty: str
    start: int
    values: float
    errors: float
    chisqr: float
    nfev: int
    passed: bool
    note: str


def run_problem(problem: nist.Problem, start: int, method: str, digits: float) -> Run:
    """Fit a problem from one of its starts.

    Parameters
    ----------
    problem : nist.Problem
    start : int
        1 or 2.
    method : str
        As for :func:`fitcore.minimize`.
    digits : float
        How many are asked for.

    Returns
    -------
    Run
    """
    params = fitcore.Parameters()
    for name, value in zip(problem.parameter_names, problem.starts[start - 1], strict=True):
        params.add(name, value=float(value))

    def residual(p: fitcore.Parameters) -> Any:
        return problem.residual(np.array(p))

    # A step may lead where a model overflows; "propagate" lets the solver step back from there.
    try:
        result = fitcore.minimize(residual, params, method, nan_policy="propagate", inplace=False)
    except ValueError as exc:  # a method that cannot, as for lack of bounds
        return Run(problem.name, problem.difficulty, start, 0.0, 0.0, 0.0, 0, False, str(exc))
    found = result.params.values()
    values = nist.digits([item.value for item in found], problem.certified)
    errors = nist.digits(
        [np.nan if item.stderr is None else item.stderr for item in found], problem.stderr
    )
    chisqr = nist.digits(result.chisqr, problem.rss)
    lacking = [
        what
        for what, right in (("values", values), ("errors", errors), ("chisqr", chisqr))
        if right < digits
    ]
    excused, why = EXCUSED.get((problem.name, start), ((), ""))
    passed = all(what in excused for what in lacking)
    return Run(
        problem.name, problem.difficulty, start, values, errors, chisqr, result.nfev, passed,
        why if passed and lacking else "",
    )  # fmt: skip


def _show(runs: list[Run], digits: float) -> None:
    notes: list[str] = []
    rows = []
    for run in runs:
        verdict = "ok" if run.passed else "FAILED"
        if run.note:
            if run.note not in notes:
                notes.append(run.note)
            verdict += f" [{notes.index(run.note) + 1}]"
        rows.append(
            [run.problem, run.difficulty, run.start, run.values, run.errors, run.chisqr, run.nfev,
             verdict]
        )  # fmt: skip
    head = ["problem", "level", "start", "values", "std. errors", "chi-square", "evals", ""]
    click.echo("NIST StRD, nonlinear regression: correct digits (log relative error, at most 11)")
    click.echo()
    click.echo(tabulate(rows, head, tablefmt="simple", floatfmt=".1f"))
    click.echo()
    for number, note in enumerate(notes, 1):
        click.echo(f"[{number}] {note}")
    good = sum(run.passed for run in runs)
    click.echo(f"{good} of {len(runs)} runs have the {digits:g} digits that are expected")


@click.command()
@click.option("--problem", "problems", multiple=True, metavar="NAME",
              help="Only this problem; may be repeated.")  # fmt: skip
@click.option("--digits", default=4.0, show_default=True, type=click.FloatRange(0, 11),
              help="Correct digits that are asked for.")  # fmt: skip
@click.option("--method", default="leastsq", show_default=True, help="Method of the fits.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def selftest(problems: tuple[str, ...], digits: float, method: str, as_json: bool) -> None:
    """Fit NIST's certified problems from both of NIST's starts, and count the correct digits.

    Exits with 1 if one has fewer digits than asked for.
    """
    known = {name.lower(): name for name in nist.names()}
    lost = [name for name in problems if name.lower() not in known]
    if lost:
        raise click.BadParameter(
            f"{lost[0]!r} is none of NIST's problems: {', '.join(nist.names())}",
            param_hint="--problem",
        )
    chosen = [known[name.lower()] for name in problems] or nist.names()
    try:
        find_method(method)
        runs = [
            run_problem(nist.load(name), start, method, digits)
            for name in chosen
            for start in (1, 2)
        ]
    except (ValueError, ImportError) as exc:  # an unknown method, or one that needs an extra
        raise click.UsageError(f"--method: {exc}") from exc
    if as_json:
        click.echo(json.dumps([run._asdict() for run in runs], indent=2))
    else:
        _show(runs, digits)
    if not all(run.passed for run in runs):
        raise click.exceptions.Exit(1)
