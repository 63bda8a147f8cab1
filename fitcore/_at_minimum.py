"""Where a method has ended: statistics, covariance, and whether it is a minimum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitcore._arrays import all_finite
from fitcore._fit import twins
from fitcore._leastsq_fit import DEPENDENT, EPSFCN, dependent_columns
from fitcore._leastsq_start import ROUNDING, check_range, range_between
from fitcore._statistics import goodness, set_uncertainties
from fitcore.minpack import LevenbergMarquardt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._objective import Objective
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["Survey", "complete", "survey"]

# A Gauss-Newton step that lowers chi-square by more than this part of the reduced chi-square says
# that the end is no minimum: some parameter is a third of its standard error away from it.
SHORT = 0.1


@dataclass
class Survey:
    """What is known of the surroundings of a point.

    Attributes
    ----------
    covar : ndarray, shape (n, n), or None
        Covariance of the values, not scaled; rows and columns of variables on bounds are 0.
    why : str or None
        Why there is none.
    on_bound : list of int
        Variables on a bound.
    promised : float
        By how much a Gauss-Newton step is to lower the sum of squares.
    trial : ndarray or None
        The values where it leads to.
    """

    covar: FloatArray | None
    why: str | None
    on_bound: list[int]
    promised: float = 0.0
    trial: FloatArray | None = None


def on_bounds(objective: Objective, values: FloatArray) -> list[int]:
    """Variables that are on a bound, to rounding."""
    found = []
    for i, item in enumerate(objective.limits):
        for bound in (float(item.min), float(item.max)):
            if math.isfinite(bound):
                near = ROUNDING * range_between(float(item.min), float(item.max), bound)
                if abs(values[i] - bound) <= max(near, ROUNDING * abs(bound)):
                    found.append(i)
                    break
    return found


def survey(objective: Objective, values: FloatArray, residual: FloatArray) -> Survey:
    """Look around at a point: by the Jacobian of the residuals, or the Hessian of a scalar.

    Parameters
    ----------
    objective : Objective
    values : ndarray, shape (n,)
        Values of the variables.
    residual : ndarray, shape (N,)
        The residuals there.

    Returns
    -------
    Survey
    """
    bound = on_bounds(objective, values)
    free = [i for i in range(values.size) if i not in bound]
    if not free:
        return Survey(None, "all variables are at a bound", bound)
    found = (_jacobian if objective.squares else _hessian)(objective, values, residual, free)
    if found.covar is not None:
        if all_finite(found.covar) and found.covar.diagonal().min() > 0:
            whole = np.zeros((values.size, values.size))
            whole[np.ix_(free, free)] = found.covar
            found.covar = whole
        else:
            found.covar, found.why = None, "the covariance is beyond the range of doubles"
    found.on_bound = bound
    return found


def _jacobian(
    objective: Objective, values: FloatArray, residual: FloatArray, free: list[int]
) -> Survey:
    """By central differences of the residuals, which stay within the bounds."""
    names = [objective.names[i] for i in free]
    if residual.size < len(free):
        return Survey(None, f"{residual.size} residuals do not determine {len(free)} variables", [])
    if not all_finite(residual):
        return Survey(None, "the residuals are not finite", [])
    points = twins([objective.varying[i] for i in free])
    for item, value, limit in zip(points, values[free], (objective.limits[i] for i in free),
                                  strict=True):  # fmt: skip
        item.min, item.max = limit.min, limit.max
        item.value = float(value)
    check_range(points)
    objective.place(values)
    # Evaluations of our own: the user has been shown those of the method.
    evaluator = objective.another(points, math.inf, None, [objective.varying[i] for i in free])
    solver = LevenbergMarquardt(evaluator.internal(), residual.size, epsfcn=EPSFCN)
    solver.ask()
    solver.tell(residual)
    evaluator.polish(solver, "3-point", False)
    objective.evaluator.nfev += evaluator.nfev
    objective.place(values)
    if evaluator.stopped is not None:
        return Survey(None, "the function ended the fit", [])
    tol = DEPENDENT["3-point"]
    promised = float(solver.qtf @ solver.qtf)
    covar = evaluator.covariance(solver, tol)
    if covar is None:
        return Survey(None, dependent_columns(solver, names, tol), [], promised)
    # The triangle is now that of the values.
    n = len(free)
    step = np.empty(n)
    step[solver.ipvt] = np.linalg.solve(np.triu(solver.fjac[:, :n].T), -solver.qtf)
    trial = values.copy()
    trial[free] += step
    return Survey(covar, None, [], promised, trial if all_finite(trial) else None)


def _hessian(
    objective: Objective, values: FloatArray, residual: FloatArray, free: list[int]
) -> Survey:
    """Covariance 2 H^-1 from second differences of the scalar, which counts as chi-square."""
    evaluator = objective.by_values()

    def value(point: FloatArray) -> float:
        found = evaluator.evaluate(point)
        return math.nan if found is None else objective._reduced(found)

    here = value(values)
    n = len(free)
    steps = np.empty(n)
    hessian = np.empty((n, n))
    sides = np.empty((n, 2))
    for k, i in enumerate(free):
        room = min(
            values[i] - float(objective.limits[i].min), float(objective.limits[i].max) - values[i]
        )
        h = 1e-3 * (abs(values[i]) or 1.0)
        for _ in range(4):
            h = min(h, 0.99 * room)
            point = values.copy()
            for side, sign in enumerate((1, -1)):
                point[i] = values[i] + sign * h
                sides[k, side] = value(point)
            second = (sides[k, 0] - 2 * here + sides[k, 1]) / (h * h)
            if not (math.isfinite(second) and second > 0) or abs(here) <= second * h * h:
                break
            # Rounding and truncation balance where the function changes by this part of itself.
            better = math.sqrt(2e-4 * max(abs(here), 1e-300) / second)
            if 0.2 < better / h < 5 or h == 0.99 * room:
                break
            h = better
        steps[k] = h
        hessian[k, k] = (sides[k, 0] - 2 * here + sides[k, 1]) / (h * h)
    for k in range(n):
        for j in range(k):
            point = values.copy()
            point[free[k]] += steps[k]
            point[free[j]] += steps[j]
            both = value(point)
            point = values.copy()
            point[free[k]] -= steps[k]
            point[free[j]] -= steps[j]
            neither = value(point)
            # Exact for quadratic functions, with the sides that are known.
            mixed = both + neither + 2 * here - sides[[k, j]].sum()
            hessian[k, j] = hessian[j, k] = mixed / (2 * steps[k] * steps[j])
    objective.evaluator.nfev += evaluator.nfev
    objective.place(values)
    del residual
    if not np.isfinite(hessian).all():
        return Survey(None, "the function is not finite around the solution", [])
    diagonal = np.sqrt(np.abs(hessian.diagonal()))
    if not (hessian.diagonal() > 0).all():
        return Survey(None, "the Hessian is not positive definite", [])
    scaled = hessian / np.outer(diagonal, diagonal)
    if np.linalg.eigvalsh(scaled).min() < 1e-8:
        return Survey(None, "the Hessian is not positive definite", [])
    covar = 2 * np.linalg.inv(scaled) / np.outer(diagonal, diagonal)
    return Survey(0.5 * (covar + covar.T), None, [])


def complete(
    result: MinimizerResult,
    objective: Objective,
    values: FloatArray,
    residual: FloatArray,
    found: Survey | None,
    *,
    scale_covar: bool,
) -> None:
    """Statistics, standard errors and correlations of a fit that has ended.

    Parameters
    ----------
    result : MinimizerResult
        Completed here.
    objective : Objective
    values : ndarray, shape (n,)
        Values of the variables at the end.
    residual : ndarray, shape (N,)
        The residuals there; of a scalar objective its value alone.
    found : Survey or None
        The surroundings; None where nobody has looked.
    scale_covar : bool
        Whether residuals of unknown size scale the covariance.
    """
    objective.place(values)
    result.residual = residual
    result.nfev = objective.evaluator.nfev
    result.moved = objective.moved
    n = values.size
    if objective.scalar and residual.size:
        # The number itself stands for the sum of squares.
        known = goodness(np.sqrt(np.abs(residual)), n)
        chisqr = float(residual[0])
        known["chisqr"], known["redchi"] = chisqr, chisqr / max(1, known["nfree"])
        if chisqr < 0:
            known["aic"] = known["bic"] = math.nan
    else:
        known = goodness(residual, n)
    result.__dict__.update(known)
    bound = on_bounds(objective, values) if found is None else found.on_bound
    result.at_bound = tuple(objective.names[i] for i in bound)
    if found is not None and found.covar is not None:
        scale = known["redchi"] if scale_covar and not objective.scalar else 1.0
        if math.isfinite(scale):
            result.covar = set_uncertainties(
                result.params, objective.varying, found.covar, result.at_bound, scale
            )
            result.errorbars = True
        else:
            found.why = "the sum of squared residuals is beyond the range of doubles"
