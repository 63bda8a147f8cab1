"""One Levenberg-Marquardt fit: from the start, beside bounds, to the solution and covariance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._fit import ParameterResidual, all_finite
from fitcore.minpack import LevenbergMarquardt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fitcore.parameter import Parameter
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["CONVERGED", "EXHAUSTED", "TOO_MANY", "Fit", "dependent_columns", "leave_bounds"]

# Values this near to a bound, relative to it, are on it.
ROUNDING = 1e-15
# A start on a bound is moved inside by this part of the range, or of max(1, |bound|).
START_INSIDE = 0.05
# A solution nearer to a bound than this part of the range, or of max(1, |bound|), may be on it.
NEAR_BOUND = 1e-4
# Columns of the Jacobian count as dependent when the sine of their angle is at most this: what
# differences of each kind leave of an exact dependence.
DEPENDENT = {"2-point": 1e-8, "3-point": 1e-10, "cs": 1e-14, "analytic": 1e-14}

# Forward differences take the square root of it as relative step: wide enough for models that
# are integrated or interpolated to single precision or so. The refinement does not use it.
EPSFCN = 1e-12

# A fit with bounds is looked at after this many evaluations for each variable.
PATIENCE = 50

# A fit with bounds has stalled when the step at its end promises to lower the norm of the residuals
# by more than this part of it, and is longer than this part of the variables; it is then started
# again from there, so often in all.
STALLED = 1e-7
RESTARTS = 6

CONVERGED = (1, 2, 3, 4)
TOO_MANY = 5
# The tolerances are below what doubles can tell apart: the solution is as good as it gets.
EXHAUSTED = (6, 7, 8)


class Fit:
    """One fit: from the start to the solution and the covariance there."""

    def __init__(
        self,
        fcn: Callable[..., Any],
        prepared: MinimizerResult,
        args: tuple[Any, ...],
        kws: dict[str, Any],
        iter_cb: Callable[..., Any] | None,
        nan_policy: str,
        limit: int,
        settings: dict[str, Any],
    ) -> None:
        self.fcn, self.args, self.kws, self.iter_cb = fcn, args, kws, iter_cb
        self.nan_policy, self.limit, self.settings = nan_policy, limit, settings
        self.params = prepared.params
        self.names = prepared.var_names
        self.varying: list[Parameter] = [self.params[name] for name in self.names]
        twins = self.params.copy()
        self.mapping = [twins[name] for name in self.names]
        self.bounded = any(p.min != -math.inf or p.max != math.inf for p in self.mapping)
        self.moved = leave_bounds(self.mapping) if self.bounded else {}
        self.scheme = "analytic" if settings["Dfun"] is not None else settings["jac"]
        self.why: str | None = None  # no covariance
        self.covar: FloatArray | None = None
        self.on_bound: list[int] = []
        self.evaluator = self._evaluator(range(len(self.names)))
        self.u = self.evaluator.internal()
        self.residual: FloatArray = np.empty(0)
        self.info = 0
        self.solver_message = ""
        self.stalled = False  # short of the minimum, beside a bound

    @property
    def stopped(self) -> str | None:
        """Why the fit was stopped before its end."""
        return self.evaluator.stopped

    def run(self) -> None:
        """Fit."""
        patience = self._patience()
        solver = self._solver(self.evaluator, self.u, patience)
        self.evaluator.run(solver)
        while patience is not None and self.stopped is None and solver.info == TOO_MANY:
            patience *= 2
            solver = self._unstick(solver, patience)
        if self.stopped is None:
            self.info, self.solver_message = solver.info, solver.message
            if len(self.on_bound) == len(self.names):
                self.info, self.solver_message = CONVERGED[0], "All variables are at a bound."
            if self.info in CONVERGED + EXHAUSTED:
                self.finish(solver)
                return
        if self.on_bound:
            return
        best = self.evaluator.best(solver)
        if best is not None:
            self.u, self.residual = best

    def place(self) -> None:
        """Set the values of the parameters to the solution."""
        self._whole().place(self.u)

    def finish(self, solver: LevenbergMarquardt) -> None:
        """Sharpen a solution that was found, and estimate the covariance, not scaled."""
        covar, patience = None, self._patience()
        for _ in range(RESTARTS):
            self.stalled = False
            self._take(solver)
            if self.bounded:
                solver = self._settle(patience) or solver
                if self.stopped is not None:
                    return
            if len(self.on_bound) == len(self.names):
                self.why = "all variables are at a bound"
            if self.why is not None:
                return
            if solver.info == TOO_MANY:
                self.stalled = True
            else:
                covar = self._covariance(solver)
                self._take(solver)
            if not self.stalled or self.stopped is not None:
                break
            patience = None if patience is None else 2 * patience
            solver = self._solver(self.evaluator, solver.x, patience)
            self.evaluator.run(solver)
            if self.stopped is not None:
                self._take(solver)
                return
        if covar is not None and self.on_bound:
            free = self._free()
            whole = np.zeros((len(self.names), len(self.names)))
            whole[np.ix_(free, free)] = covar
            covar = whole
        self.covar = None if self.stalled else covar

    def _take(self, solver: LevenbergMarquardt) -> None:
        """Make the solver's point the solution."""
        if solver.fvec is None or len(self.on_bound) == len(self.names):
            return
        self.residual = solver.fvec
        if self.on_bound:
            self.u[self._free()] = solver.x
        else:
            self.u = solver.x

    def _patience(self) -> int | None:
        """Evaluations after which a fit with bounds is looked at for variables stuck beside them.

        None where it is not: without bounds, or if the user has set a limit of this kind.
        """
        if not self.bounded or self.settings["maxfev"] != 2 * self.limit:
            return None
        return PATIENCE * (len(self.names) + 1)

    def _unstick(self, solver: LevenbergMarquardt, patience: int) -> LevenbergMarquardt:
        """Put the variables that slow the fit down beside their bounds onto them.

        The mapping has little slope there, and several such variables hinder each other. Those
        towards whose bounds chi-square falls are put onto them and the others are fitted; if that
        is the minimum, chi-square rising from there into each bounded interval, it is the
        solution, and else the fit goes on from where it was. Returns the solver that came last.
        """
        whole, u = self.evaluator, solver.x
        self.u, self.residual = u, solver.fvec
        settled = self._settle(patience)
        if self.stopped is not None:
            return solver
        everything = len(self.on_bound) == len(self.names)
        done = settled is not None and settled.info in CONVERGED + EXHAUSTED
        if (everything or done) and self._stays():
            # Which solver it is does not matter when all variables are at bounds.
            return settled or self._solver(whole, u)
        whole.nfev, self.evaluator = self.evaluator.nfev, whole
        self.on_bound, self.why = [], None
        solver = self._solver(whole, u, patience)
        whole.run(solver)
        return solver

    def _stays(self) -> bool:
        """Whether chi-square does not fall from the bounds inwards."""
        chisqr = float(self.residual @ self.residual)
        for i in self.on_bound:
            item = self.mapping[i]
            low, high, bound = item.min, item.max, float(item.value)
            for part in (1e-9, 1e-6, 1e-3):
                step = part * _scale(low, high, bound)
                item.value = bound + step if bound == low else bound - step
                u = self.u.copy()
                u[i] = item._setup()
                item.value = bound
                residual = self._at(u)
                if residual is None or float(residual @ residual) < chisqr * (1 - 1e-12):
                    return False
        return True

    def _free(self) -> list[int]:
        return [i for i in range(len(self.names)) if i not in self.on_bound]

    def _evaluator(
        self, indices: Sequence[int], before: ParameterResidual | None = None
    ) -> ParameterResidual:
        """The residuals by some of the variables, the rest fixed where they are."""
        jacobian, col_deriv = self.settings["Dfun"], self.settings["col_deriv"]
        if jacobian is not None and len(indices) < len(self.names):
            whole = jacobian

            def jacobian(*args: Any, **kws: Any) -> Any:
                columns = np.asarray(whole(*args, **kws))
                return columns[list(indices)] if col_deriv else columns[:, list(indices)]

        return ParameterResidual(
            self.fcn,
            self.params,
            [self.varying[i] for i in indices],
            [self.mapping[i] for i in indices],
            self.args,
            self.kws,
            self.nan_policy,
            self.limit,
            self.iter_cb,
            self.settings["callback"],
            jacobian,
            col_deriv,
            self.settings["epsfcn"] is None,
            0 if before is None else before.nfev,
        )

    def _solver(
        self, evaluator: ParameterResidual, u: FloatArray, maxfev: int | None = None
    ) -> LevenbergMarquardt:
        settings = self.settings
        diag = settings["diag"]
        if diag is not None:
            # Given in external units: a step of the internal value is `gradient` times as long.
            diag = np.asarray(diag, dtype=np.float64)
            if diag.shape != (len(self.names),):
                raise ValueError(
                    f"diag must have shape ({len(self.names)},), a scale for each variable; "
                    f"got {diag.shape}"
                )
            chosen = [self.names.index(item.name) for item in evaluator.varying]
            diag = diag[chosen] * np.abs(evaluator.external(u)[1])
        return LevenbergMarquardt(
            u,
            jac=self.scheme,
            ftol=settings["ftol"],
            xtol=settings["xtol"],
            gtol=settings["gtol"],
            maxfev=settings["maxfev"] if maxfev is None else maxfev,
            epsfcn=EPSFCN if settings["epsfcn"] is None else settings["epsfcn"],
            factor=settings["factor"],
            diag=diag,
        )

    def _covariance(self, solver: LevenbergMarquardt) -> FloatArray | None:
        evaluator = self.evaluator
        refined = self.scheme if self.scheme in ("analytic", "cs") else "3-point"
        scheme = self.scheme
        promised = 0.0
        if self.settings["refine"] and evaluator.max_nfev - evaluator.nfev >= evaluator.polish_cost(
            refined
        ):
            scheme = refined
            before = solver.fnorm
            evaluator.polish(solver, refined)
            if evaluator.stopped is not None:
                return None
            # Beside bounds the solver may stop for lack of slope in the mapping: the step of the
            # accurate Jacobian then promises much.
            if before > 0:
                scaled = solver.qtf / before
                promised = 0.5 * float(scaled @ scaled)
        tol = DEPENDENT[scheme]
        covar = evaluator.covariance(solver, tol)
        if covar is None:
            self.why = dependent_columns(solver, [item.name for item in evaluator.varying], tol)
            return None
        self.stalled = self.bounded and promised > STALLED and evaluator.step > STALLED
        if not (all_finite(covar) and covar.diagonal().min() > 0):
            self.why = "the covariance is not finite"
            return None
        return covar

    def _settle(self, patience: int | None = None) -> LevenbergMarquardt | None:
        """Put variables whose solution is a bound onto it, and fit the others once more.

        Repeated until no more reach a bound. Returns the solver of the others, or None if nothing
        was changed or there are no others. A fit of the others that takes more than `patience`
        evaluations is broken off, to look for more variables at bounds.
        """
        solver = None
        while True:
            found = self._reached()
            if not found or self.stopped is not None:
                return solver
            settled = self._fit_others(found, patience)
            if not settled:
                return solver
            solver = settled[0]
            if solver is None:
                return None

    def _reached(self) -> dict[int, float]:
        """Variables, by index, whose solution is one of their bounds, and which.

        A solution beside a bound is taken for the bound if chi-square does not rise on the way
        there.
        """
        found: dict[int, float] = {}
        for i in self._free():
            item = self.mapping[i]
            low, high = item.min, item.max
            if low == -math.inf and high == math.inf:
                continue
            value = item._from_internal(self.u[i])
            bound = low if value - low <= high - value else high
            scale = _scale(low, high, bound)
            distance = abs(value - bound)
            if distance > NEAR_BOUND * scale:
                continue
            if distance <= ROUNDING * abs(bound):
                found[i] = bound
                continue
            item.value = bound + (value - bound) / 64
            nearer = self.u.copy()
            nearer[i] = item._setup()
            item.value = value
            residual = self._at(nearer)
            if residual is None or residual.shape != self.residual.shape:
                continue
            if np.array_equal(residual, self.residual):
                # Too near to make a difference; or it never makes one.
                reached = distance <= 1e-12 * scale
            else:
                chisqr = float(self.residual @ self.residual)
                reached = float(residual @ residual) <= chisqr * (1 + 1e-12)
            if reached:
                found[i] = bound
        return found

    def _whole(self) -> ParameterResidual:
        """The evaluator of all variables."""
        if len(self.evaluator.varying) == len(self.names):
            return self.evaluator
        return self._evaluator(range(len(self.names)), self.evaluator)

    def _at(self, u: FloatArray) -> FloatArray | None:
        """The residuals at internal values of all variables.

        None if the function is not defined there, or the fit is stopped.
        """
        evaluator = self._whole()
        residual = None
        try:
            with np.errstate(all="ignore"):
                residual = evaluator.evaluate(u)
        except (ArithmeticError, ValueError):
            pass  # it is our wish to look there, not the user's
        self.evaluator.nfev, self.evaluator.stopped = evaluator.nfev, evaluator.stopped
        # Evaluators of some of the variables leave the others where they are.
        evaluator.place(self.u)
        return residual

    def _fit_others(
        self, found: dict[int, float], patience: int | None
    ) -> tuple[LevenbergMarquardt | None] | None:
        """Fix variables at bounds and fit the rest; the solver if there is a rest.

        None if that is not possible, or not better: the solution is then as before.
        """
        on_bound = sorted({*self.on_bound, *found})
        free = [i for i in range(len(self.names)) if i not in on_bound]
        chisqr = float(self.residual @ self.residual)
        u = self.u.copy()
        for i, bound in found.items():
            self.mapping[i].value = bound
            u[i] = self.mapping[i]._setup()
        solver = after = None
        try:
            residual = self._at(u)
            if residual is None or residual.shape != self.residual.shape:
                return None
            if free:
                self._whole().place(u)
                after = self._evaluator(free, self.evaluator)
                solver = self._solver(after, u[free], patience)
                after.run(solver)
                self.evaluator.nfev = after.nfev
                ended = CONVERGED + EXHAUSTED + ((TOO_MANY,) if patience else ())
                if after.stopped is not None or solver.info not in ended:
                    if after.stopped in ("iter_cb", "callback", "exception"):
                        self.evaluator.stopped = after.stopped
                    else:
                        self.why = "a variable is at its bound, and the others did not settle"
                    return None
                u[free], residual = solver.x, solver.fvec
        except (ArithmeticError, ValueError):
            return None  # the function is not defined on the bound
        if not float(residual @ residual) <= chisqr * (1 + 1e-12):
            return None
        self.u, self.residual, self.on_bound = u, np.array(residual), on_bound
        if after is not None:
            self.evaluator = after
        return (solver,)


def _scale(low: float, high: float, bound: float) -> float:
    span = high - low
    return span if span < np.inf else max(1.0, abs(bound))


def leave_bounds(mapping: Sequence[Parameter]) -> dict[str, float]:
    """Move starts that are on a bound inside, and say which.

    On a bound the mapping has no slope: the solver could not leave it. The start is put inside by
    0.05 times the range, or with one bound only by 0.05 max(1, |bound|).

    Parameters
    ----------
    mapping : sequence of Parameter
        The variables; their values are changed.

    Returns
    -------
    dict of str to float
        The new starts.
    """
    moved = {}
    for item in mapping:
        value, low, high = item.value, item.min, item.max
        if low == -np.inf and high == np.inf:
            continue
        if low > -np.inf and value - low <= ROUNDING * abs(low):
            item.value = low + START_INSIDE * _scale(low, high, low)
        elif high < np.inf and high - value <= ROUNDING * abs(high):
            item.value = high - START_INSIDE * _scale(low, high, high)
        else:
            continue
        moved[str(item.name)] = float(item.value)
    return moved


def dependent_columns(solver: LevenbergMarquardt, names: Sequence[str], tol: float) -> str:
    """Say which variables make the Jacobian singular.

    Parameters
    ----------
    solver : LevenbergMarquardt
        With the factor R of its pivoted Jacobian.
    names : sequence of str
        The variables.
    tol : float
        Sine of an angle between columns that counts as none.

    Returns
    -------
    str
        The reason in words.
    """
    n = len(names)
    r = solver.fjac[:, :n]  # row k is column k of R
    order = [names[i] for i in solver.ipvt.tolist()]
    norms = [float(np.linalg.norm(r[k, : k + 1])) for k in range(n)]
    if not np.isfinite(norms).all():
        return "the Jacobian is not finite"
    idle = [order[k] for k in range(n) if norms[k] == 0]
    if idle:
        has = "has" if len(idle) == 1 else "have"
        return f"{', '.join(sorted(idle, key=list(names).index))} {has} no effect on the residuals"
    bound = [order[k] for k in range(n) if not abs(r[k, k]) > tol * norms[k]]
    return (
        f"the effects of {', '.join(names)} are not independent"
        if not bound
        else f"the effect of {', '.join(bound)} is a combination of those of other variables"
    )
