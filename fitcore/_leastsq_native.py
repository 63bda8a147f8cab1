"""A Levenberg-Marquardt fit within bounds that the solver itself keeps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arrays import all_finite
from fitcore._bounded_lm import BoundedLevenbergMarquardt
from fitcore._leastsq_fit import (
    CONVERGED,
    DEPENDENT,
    EPSFCN,
    EXHAUSTED,
    TOO_MANY,
    Fit,
    dependent_columns,
)
from fitcore._leastsq_start import NEXT, range_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["NativeFit"]


class NativeFit(Fit):
    """One run in the values themselves, by the active set method of `BoundedLevenbergMarquardt`.

    Nothing is mapped, so nothing sticks, and a solution on a bound is there exactly. What `Fit`
    does because of the mapping is not needed. The Jacobian at the solution is formed as there, by
    the variables that are on no bound.
    """

    mapped = False

    def run(self) -> None:
        """Fit."""
        low = np.array([float(item.min) for item in self.limits])
        high = np.array([float(item.max) for item in self.limits])
        self.x: FloatArray = np.clip(self.u, low, high)
        evaluator = self.evaluator
        # A value next to a bound of zero says nothing of its size.
        floors = [NEXT * range_between(*pair, 0.0) for pair in zip(low, high, strict=True)]
        bounded = np.isfinite(low) | np.isfinite(high)
        evaluator.set_floors(np.where(bounded, floors, 0.0))
        solver = self._bounded(low, high)
        evaluator.run(solver)
        if self.stopped is not None:
            best = evaluator.best(solver)
            if best is not None:
                self.x, self.residual = best
                self.u = self.x
            return
        self.info, self.solver_message = solver.info, solver.message
        self.x, self.residual = np.array(solver.x), np.array(solver.fvec)
        self.u = self.x
        if self.info in (*CONVERGED, *EXHAUSTED, TOO_MANY):
            held = (self.x == low) | (self.x == high)
            self.on_bound = np.flatnonzero(held).tolist()
        if self.info in CONVERGED + EXHAUSTED:
            self._surroundings()

    def value(self, i: int) -> float:
        """The value of variable i at the solution."""
        return float(self.x[i])

    def place(self) -> None:
        """Set the values of the parameters to the solution."""
        for item, value in zip(self.varying, self.x.tolist(), strict=True):
            item.value = value

    def _bounded(self, low: FloatArray, high: FloatArray) -> BoundedLevenbergMarquardt:
        settings = self.settings
        usual = self._solver(self.evaluator, self.x)  # checks the settings
        limits = {name: settings[name] for name in ("ftol", "xtol")}
        epsfcn = EPSFCN if settings["epsfcn"] is None else settings["epsfcn"]
        return BoundedLevenbergMarquardt(
            self.x,
            low,
            high,
            jac=self.scheme,
            gtol=settings["gtol"],
            maxfev=settings["maxfev"],
            epsfcn=epsfcn,
            factor=settings["factor"],
            diag=None if settings["diag"] is None else usual.diag,
            **limits,
        )

    def _surroundings(self) -> None:
        """The covariance of the variables that are on no bound, and a last step of theirs."""
        free = self._free()
        if not free:
            self.why = "all variables are at a bound"
            return
        # By the mapping, whose differences do not leave the bounds.
        self.mapping = self.limits
        for item, value in zip(self.limits, self.x.tolist(), strict=True):
            item.value = value
        self.place()
        evaluator = self._evaluator(free, self.evaluator)
        solver = self._solver(evaluator, evaluator.internal())
        solver.ask()
        solver.tell(self.residual)
        refined = self.scheme if self.scheme in ("analytic", "cs") else "3-point"
        room = evaluator.max_nfev - evaluator.nfev >= evaluator.polish_cost(refined)
        refine = self.settings["refine"] and room
        scheme = refined if refine else self.scheme
        evaluator.polish(solver, scheme, refine)
        self.evaluator.nfev = evaluator.nfev
        if evaluator.stopped is not None:
            self.evaluator.stopped = evaluator.stopped
            return
        if refine:
            self.x = self.x.copy()
            self.x[free] = evaluator.external(solver.x)[0]
            self.residual = np.array(solver.fvec)
            self.u = self.x
        tol = DEPENDENT[scheme]
        covar: Any = evaluator.covariance(solver, tol)
        if covar is None:
            self.why = dependent_columns(solver, [self.names[i] for i in free], tol)
            return
        if not (all_finite(covar) and covar.diagonal().min() > 0 and math.isfinite(solver.fnorm)):
            self.why = "the covariance is beyond the range of doubles"
            return
        whole = np.zeros((len(self.names), len(self.names)))
        whole[np.ix_(free, free)] = covar
        self.covar = whole
