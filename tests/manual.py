"""The examples of lmfit's manual (release 0.7.1) as printed: what the tests run them from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FILE = Path(__file__).parent / "data" / "lmfit_manual_0_7_1.txt"

# What the printed pieces take for granted: they are written as if for pylab.
PYLAB = {
    name: getattr(np, name) for name in ("abs", "exp", "linspace", "pi", "random", "sign", "sin")
}


def printed(name: str) -> str:
    """The example of that heading, to the letter."""
    pieces = re.split(r"^==== (.*)\n", FILE.read_text(), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))[name].rstrip("\n") + "\n"


def run(code: str, library: str = "fitcore", **names: Any) -> dict[str, Any]:
    """Execute printed code, lmfit being ``library``; what it leaves defined."""
    namespace: dict[str, Any] = dict(names)
    code = code.replace("lmfit", library)
    exec(compile(code, f"<the manual, for {library}>", "exec"), namespace)
    return namespace


class Step(NamedTuple):
    """One input of a printed session, and what is printed below it."""

    code: str
    output: str


def session(name: str) -> list[Step]:
    """The steps of a session of IPython (``In [1]:``) or of Python (``>>>``)."""
    steps: list[Step] = []
    for line in printed(name).splitlines():
        first = re.match(r"(?:In \[\d+\]:|>>>) ?(.*)", line)
        more = re.match(r"\s*\.\.\.:(?: (.*))?$", line)
        if first:
            steps.append(Step(first[1] + "\n", ""))
        elif more:
            steps[-1] = steps[-1]._replace(code=steps[-1].code + (more[1] or "") + "\n")
        else:
            steps[-1] = steps[-1]._replace(output=steps[-1].output + line + "\n")
    return steps


def run_session(
    name: str, namespace: dict[str, Any], library: str = "fitcore"
) -> list[tuple[Step, Any]]:
    """Execute a session in ``namespace``: its steps, with the value of those that are expressions.

    A step may end in a semicolon, as IPython allows.
    """
    done = []
    for step in session(name):
        code = step.code.replace("lmfit", library).strip().rstrip(";")
        try:
            compiled = compile(code, "<the manual>", "eval")
        except SyntaxError:
            compiled = compile(code, "<the manual>", "exec")
        done.append((step, eval(compiled, namespace)))
    return done


def printed_values(report: str) -> dict[str, tuple[float, float, float]]:
    """(value, standard error, initial value) by name, of a printed report of 0.7.1."""
    pattern = r"(\w+):\s+(-?[\d.]+) \+/- ([\d.]+) \(.*?\) initial = (-?[\d.]+)"
    return {
        name: (float(value), float(error), float(first))
        for name, value, error, first in re.findall(pattern, report)
    }


def printed_correlations(report: str) -> dict[tuple[str, str], float]:
    """Correlations by pair of names, of a printed report of either version."""
    found = re.findall(r"C\((\w+), (\w+)\)\s+= ([-+]?[\d.]+)", report)
    return {(a, b): float(value) for a, b, value in found}


def printed_intervals(table: str) -> tuple[list[float], dict[str, list[float]]]:
    """Probabilities of the columns, and the row of each name, of a printed table of 0.7.1."""
    head, *rows = table.strip("\n").splitlines()
    levels = [float(cell.rstrip("%")) / 100 for cell in head.split()]
    return levels, {row.split()[0]: [float(v) for v in row.split()[1:]] for row in rows}
