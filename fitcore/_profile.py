"""Chi-square as a function of some variables, minimized over the others.

Each point is one small Levenberg-Marquardt fit, started where a neighbour ended. It works on a copy
of the parameters: neither the result it is made from nor its parameters are changed.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitcore._fit import ParameterResidual, coerce_float64, twins
from fitcore._leastsq_settings import UNLIMITED
from fitcore.minpack import LevenbergMarquardt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer
    from fitcore.parameter import Parameter
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["Point", "Profile"]

EPSFCN = 1e-12
# Relative chi-square that counts as lower than that of the best fit.
LOWER = 1e-7
# Evaluations per variable after which the fit of a point is given up.
PATIENCE = 200


class Point(NamedTuple):
    """A point of a profile."""

    at: tuple[float, ...]  # values of the variables that are held
    u: FloatArray  # internal values of the others
    chisqr: float


class Profile:
    """Chi-square with the variables `held` fixed and the others at their best.

    Variables that the fit left on a bound stay there: they count as fixed.
    """

    def __init__(self, minimizer: Minimizer, result: MinimizerResult, held: Sequence[str]) -> None:
        assert minimizer.userfcn is not None
        self.fcn, self.args, self.kws = minimizer.userfcn, minimizer.userargs, minimizer.userkws
        self.nan_policy, self.result = minimizer.nan_policy, result
        self.params = result.params.copy()
        self.best: Point
        self.held: list[Parameter] = [self.params[name] for name in held]
        on_bound = getattr(result, "at_bound", ())
        names = [n for n in result.var_names if n not in held and n not in on_bound]
        self.names = names
        self.varying: list[Parameter] = [self.params[name] for name in names]
        self.mapping: list[Parameter] = twins(self.varying)
        self.nprobes = 0
        self._warned = False
        self._prepare(result)
        # The residual's and the parameters' tolerance follow from how well chi-square is wanted.
        self.ftol = max(1e-8 / max(result.nfree, 1), 1e-14)
        self.best = Point(
            tuple(float(p.value) for p in self.held), self.evaluator.internal(), result.chisqr
        )
        self.slopes = self._slopes(held)

    def _prepare(self, result: MinimizerResult) -> None:
        settings = getattr(result, "call_kws", None) if result.method == "leastsq" else None
        settings = settings or {}
        jacobian, col_deriv = settings.get("Dfun"), bool(settings.get("col_deriv", False))
        self.scheme = "analytic" if jacobian is not None else settings.get("jac") or "2-point"
        self.epsfcn = settings.get("epsfcn") or EPSFCN
        if jacobian is not None and len(self.names) < len(result.var_names):
            jacobian = _columns(
                jacobian, [result.var_names.index(name) for name in self.names], col_deriv
            )
        self.evaluator = ParameterResidual(
            self.fcn,
            self.params,
            self.varying,
            self.mapping,
            self.args,
            self.kws,
            self.nan_policy,
            UNLIMITED,
            jac=jacobian,
            col_deriv=col_deriv,
        )

    def _slopes(self, held: Sequence[str]) -> FloatArray:
        """How the others follow those held at the best fit, shape (len(held), len(names))."""
        covar, slopes = self.result.covar, np.zeros((len(held), len(self.names)))
        if covar is None or not self.names:
            return slopes
        names = self.result.var_names
        rows = [names.index(name) for name in held]
        columns = [names.index(name) for name in self.names]
        gradient = self.evaluator.external(self.best.u)[1]
        try:
            found = np.linalg.solve(covar[np.ix_(rows, rows)], covar[np.ix_(rows, columns)])
        except np.linalg.LinAlgError:
            return slopes
        with np.errstate(all="ignore"):
            found = found / gradient
        return found if np.isfinite(found).all() else slopes

    def tangent(self, at: tuple[float, ...]) -> FloatArray:
        """Internal values of the others by the linear model of the best fit."""
        change = np.array(at) - np.array(self.best.at)
        return np.asarray(self.best.u + change @ self.slopes)

    def probe(self, at: tuple[float, ...], start: FloatArray) -> Point:
        """The point at these values of the variables held, from this start of the others."""
        self.nprobes += 1
        for item, value in zip(self.held, at, strict=True):
            item.value = value
        if not self.names:
            given = self.fcn(self.params, *self.args, **self.kws)
            residual = coerce_float64(given, self.nan_policy)
            found = Point(at, start, float(residual @ residual))
        else:
            solver = LevenbergMarquardt(
                start,
                jac=self.scheme,
                ftol=self.ftol,
                xtol=1e-10,
                maxfev=PATIENCE * (len(self.names) + 1),
                epsfcn=self.epsfcn,
            )
            self.evaluator.stopped = None
            self.evaluator.run(solver)
            if self.evaluator.stopped is not None:
                found = Point(at, start, math.nan)
            else:
                found = Point(at, solver.x, float(solver.fnorm) ** 2)
                self.evaluator.place(found.u)
        if found.chisqr < self.best.chisqr * (1 - LOWER) and not self._warned:
            self._warned = True
            at_values = ", ".join(
                f"{name}={float(item):.10g}" for name, item in self.params.items()
            )
            warnings.warn(
                f"chi-square is lower than that of the best fit, {found.chisqr:.10g} instead of "
                f"{self.best.chisqr:.10g}, at {at_values}: fit again from there, the intervals "
                "are about a point that is not the minimum",
                stacklevel=2,
            )
        return found

    def values(self) -> list[float]:
        """Values of all parameters at the last point."""
        return [float(item) for item in self.params.values()]


def _columns(whole: Callable[..., Any], indices: list[int], col_deriv: bool) -> Callable[..., Any]:
    """A Jacobian's columns of some variables."""

    def jacobian(*args: Any, **kws: Any) -> Any:
        columns = np.asarray(whole(*args, **kws))
        return columns[indices] if col_deriv else columns[:, indices]

    return jacobian
