"""What L-BFGS-B prints: the lines of the Fortran code, written to ``sys.stdout``."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from fitcore.lbfgsb import LBFGSB

_STARS = "           * * *"
_LEGEND = (
    "Tit   = total number of iterations",
    "Tnf   = total number of function evaluations",
    "Tnint = total number of segments explored during Cauchy searches",
    "Skip  = number of BFGS updates skipped",
    "Nact  = number of active bounds at final generalized Cauchy point",
    "Projg = norm of the final projected gradient",
    "F     = final function value",
)
_COLUMNS = "   N    Tit     Tnf  Tnint  Skip  Nact     Projg        F"
_ABNORMAL = 3


def level(iprint: Any, disp: Any) -> int:
    """How much to print: `disp` takes the place of `iprint` unless it is None."""
    name, value = ("iprint", iprint) if disp is None else ("disp", disp)
    try:
        given = operator.index(value)
    except TypeError as exc:
        raise TypeError(f"{name} must be an integer, got {value!r:.80}") from exc
    return -1 if disp is not None and given == 0 else given


def fortran_d(value: float, width: int, digits: int) -> str:
    """Edit descriptor 1PDw.d."""
    if math.isnan(value):
        text = "NaN"
    elif math.isinf(value):
        text = "-Infinity" if value < 0 else "Infinity"
    else:
        mantissa, exponent = f"{value:.{digits}E}".split("E")
        # three digits of the exponent leave no room for the letter
        text = f"{mantissa}{exponent if len(exponent) > 3 else 'D' + exponent}"
    return text.rjust(width)


def list_directed(value: float) -> str:
    """A double as ``print *`` of gfortran writes it: 17 digits, in 26 columns."""
    if not math.isfinite(value):
        return fortran_d(value, 26, 16)
    size = abs(value)
    if size != 0 and not 0.1 <= size < 1e17:
        mantissa, exponent = f"{value:.16E}".split("E")
        return f"{mantissa}E{exponent[0]}{int(exponent[1:]):03d}".rjust(26)
    before = 1 if size == 0 else int(f"{size:.16E}".split("E")[1]) + 1
    return f"{value:.{17 - before}f}".rjust(21) + " " * 5


def _vector(title: str, values: Iterable[float]) -> list[str]:
    """A vector, six to a line."""
    numbers = [" " + fortran_d(value, 11, 4) for value in values]
    lines = ["".join(numbers[k : k + 6]) for k in range(0, len(numbers), 6)]
    return ["", f"{title} =" + lines[0], *(" " * 4 + line for line in lines[1:])]


class Printer:
    """Prints a run as it goes on, at one of the levels of `iprint`.

    Parameters
    ----------
    verbosity : int
        ``< 0`` nothing; 0 one line at the end; 1 to 98 also f and the norm of the projected
        gradient every so many iterations, with a head and a table at the end; 99 details of every
        iteration; 100 also changes of the set of free variables, and the final x; above 100 also
        x and g of every iteration.
    x0 : array_like
        The start as the user gave it.
    """

    def __init__(self, verbosity: int, x0: Iterable[float]) -> None:
        self.verbosity = verbosity
        self.x0 = x0
        self.restarts = 0

    def write(self, *lines: str) -> None:
        """Lines to the present ``sys.stdout``."""
        sys.stdout.write("".join(line + "\n" for line in lines))
        sys.stdout.flush()

    def head(self, solver: LBFGSB) -> None:
        """What is printed before the first evaluation."""
        if self.verbosity < 1:
            return
        self.write(
            "RUNNING THE L-BFGS-B CODE", "", _STARS, "",
            f"Machine precision ={fortran_d(float(np.finfo(float).eps), 10, 3)}",
            f" N = {solver.n:12d}     M = {solver.m:12d}",
        )  # fmt: skip
        facts = solver.details
        if self.verbosity > 100:
            self.write(
                *_vector(" L", solver.lower), *_vector("X0", self.x0), *_vector(" U", solver.upper)
            )
        if facts["projected"]:
            self.write(" The initial X is infeasible.  Restart with its projection.")
        if not facts["constrained"]:
            self.write(" This problem is unconstrained.")
        self.write("", f"At X0 {solver.active.size:9d} variables are exactly at the bounds")

    def trace(self, solver: LBFGSB) -> None:
        """What is printed after the first evaluation and after each iteration."""
        if self.verbosity < 1:
            return
        self._restart(solver)
        if solver.nit == 0:
            self.write("", self._iterate(solver))
            return
        if self.verbosity >= 99:
            self._details(solver)
        elif solver.nit % self.verbosity != 0:
            return
        self.write("", self._iterate(solver))
        if self.verbosity > 100:
            self.write(*_vector(" X", solver.x), *_vector(" G", solver.g))

    def end(self, solver: LBFGSB) -> None:
        """What is printed when the run is finished."""
        if self.verbosity == 0:
            self.write(f"{self._iterate(solver)}    {solver.message}")
        if self.verbosity < 1:
            return
        self._restart(solver)
        facts = solver.details
        if solver.info == _ABNORMAL and self.verbosity >= 99:
            self._details(solver)
        self.write(
            "", _STARS, "", *_LEGEND, "", _STARS, "", _COLUMNS,
            f"{solver.n:5d}{facts['iterations']:7d}{solver.nfev:7d}{facts['total_segments']:7d}"
            f"{facts['skipped']:6d}{solver.n - facts['free']:6d}"
            f"  {fortran_d(solver.projected_gradient_norm, 10, 3)}"
            f"  {fortran_d(solver.f, 10, 3)}",
        )  # fmt: skip
        if self.verbosity >= 100:
            self.write(*_vector(" X", solver.x))
        self.write(f"  F ={list_directed(solver.f)}", "", f"{solver.message:60s}")
        if solver.info == _ABNORMAL:
            self.write(
                "",
                f" Line search cannot locate an adequate point after {solver.maxls:2d} function",
                "  and gradient evaluations.  Previous x, f and g restored.",
                " Possible causes: 1 error in function or gradient evaluation;",
                "                  2 rounding error dominate computation.",
            )

    def _iterate(self, solver: LBFGSB) -> str:
        f, norm = solver.f, solver.projected_gradient_norm
        return (
            f"At iterate{solver.nit:5d}    f= {fortran_d(f, 12, 5)}"
            f"    |proj g|= {fortran_d(norm, 12, 5)}"
        )

    def _restart(self, solver: LBFGSB) -> None:
        """Say it when the limited memory has been thrown away."""
        for _ in range(solver.restarts - self.restarts):
            self.write(
                "", " Bad direction in the line search;",
                "   refresh the lbfgs memory and restart the iteration.",
            )  # fmt: skip
        self.restarts = solver.restarts

    def _details(self, solver: LBFGSB) -> None:
        """How the iteration went that is just complete, or has just failed."""
        facts = solver.details
        number = facts["iterations"]
        self.write("", "", f"ITERATION {number:5d}")
        if facts["segments"] > 0:
            self.write(
                "", "---------------- CAUCHY entered-------------------",
                f" {facts['segments']:12d}   segments explored", "",
                "---------------- exit CAUCHY----------------------", "",
            )  # fmt: skip
            if number > 1 and facts["constrained"]:
                if self.verbosity >= 100:
                    entering, leaving = solver.free_set_changes()
                    self.write(
                        *(f" Variable {i + 1:12d}  leaves the set of free variables"
                          for i in leaving),
                        *(f" Variable {i + 1:12d}  enters the set of free variables"
                          for i in entering),
                    )  # fmt: skip
                self.write(
                    f"{facts['leaving']:12d}  variables leave; {facts['entering']:12d}"
                    "  variables enter"
                )
            self.write(f"{facts['free']:12d}  variables are free at GCP {number:12d}")
        if facts["subspace"] >= 0:
            self.write(
                "", "----------------SUBSM entered-----------------", "", "",
                "----------------exit SUBSM --------------------", "",
            )  # fmt: skip
        if solver.info == _ABNORMAL:
            return
        self.write(
            f" LINE SEARCH {facts['line_search_steps']:11d}  times; norm of step = "
            f"{list_directed(facts['step_norm'])}"
        )
