"""Global methods and the trust region method of SciPy, as fits with Parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitcore._arguments import is_whole, read_whole
from fitcore._extras import extra
from fitcore._scipy_fit import finite_bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._objective import Objective
    from fitcore.parameter import Parameters

    FloatArray = NDArray[np.float64]

__all__ = ["Candidate", "brute", "run_global"]


class Candidate(NamedTuple):
    """A point of a grid search.

    Attributes
    ----------
    params : Parameters
    score : float
        Value of the objective.
    """

    params: Parameters
    score: float


def run_global(objective: Objective, name: str, kws: dict[str, Any]) -> Any:
    """Run one of SciPy's global methods; its result."""
    optimize = extra("scipy.optimize", f"method {name!r}")
    kws = {key: value for key, value in kws.items() if value is not None}
    if name == "differential_evolution":
        bounds = finite_bounds(objective, name)
        kws.setdefault("x0", objective.x0)
        return optimize.differential_evolution(objective, bounds, **kws)
    if name == "dual_annealing":
        bounds = finite_bounds(objective, name)
        kws.setdefault("x0", objective.x0)
        return optimize.dual_annealing(objective, bounds, **kws)
    if name == "direct":
        return optimize.direct(objective, finite_bounds(objective, name), **kws)
    if name == "shgo":
        return optimize.shgo(objective, finite_bounds(objective, name), **kws)
    if name == "basinhopping":
        local = dict(kws.pop("minimizer_kwargs", None) or {})
        local.setdefault("method", "L-BFGS-B")
        if local["method"] in ("L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG"):
            local.setdefault("jac", objective.gradient)
        return optimize.basinhopping(objective, objective.x0, minimizer_kwargs=local, **kws)
    raise AssertionError(name)


def least_squares(objective: Objective, kws: dict[str, Any]) -> Any:
    """Run SciPy's `least_squares`; its result."""
    optimize = extra("scipy.optimize", "method 'least_squares'")
    kws = dict(kws)
    dfun = kws.pop("Dfun", None)
    if dfun is not None:
        kws["jac"] = dfun
    transposed = bool(kws.pop("col_deriv", False))
    jac = kws.get("jac")
    if callable(jac):
        user, fitter = jac, objective.fitter

        def by_values(x: Any) -> Any:
            objective.evaluator.place(np.ascontiguousarray(x, dtype=np.float64))
            objective.count_columns(user)
            found = user(objective.params, *fitter.userargs, **fitter.userkws)
            return np.asarray(found).T if transposed else found

        kws["jac"] = by_values
    elif jac is None and objective.has_slopes:
        kws["jac"] = lambda x: objective.evaluator.columns(x).T  # type: ignore[attr-defined]

    def residual(x: Any) -> FloatArray:
        objective(x)
        if objective.scalar:
            raise TypeError(
                "method 'least_squares' wants residuals, an array with at least as many elements "
                "as variables; the function returns one number"
            )
        return np.array(objective.residual)

    lower, upper = objective.lower, objective.upper
    # It refuses a start on a bound only if it is not strictly between them.
    start = np.clip(objective.x0, lower, upper)
    return optimize.least_squares(residual, start, bounds=(lower, upper), **kws)


def grid(objective: Objective, points: int) -> tuple[slice, ...]:
    """Ranges of a grid search by bounds and `brute_step`.

    With both bounds `points` points between them, or steps of `brute_step`; with one bound or
    none, and a `brute_step`, `points` steps from the bound, or half of them to each side of the
    value.
    """
    ranges = []
    for item, value in zip(objective.varying, objective.x0, strict=True):
        low, high, step = float(item.min), float(item.max), item.brute_step
        if math.isfinite(low) and math.isfinite(high):
            ranges.append(slice(low, high, step or complex(0, points)))
            continue
        if not step:
            raise ValueError(
                "Not enough information provided for the brute force method. "
                f"Parameter {item.name!r} needs min and max, or a brute_step"
            )
        if math.isfinite(low):
            ranges.append(slice(low, low + points * step, step))
        elif math.isfinite(high):
            ranges.append(slice(high - points * step, high, step))
        else:
            half = points // 2 * step
            ranges.append(slice(value - half, value + half, step))
    return tuple(ranges)


def brute(
    objective: Objective, points: int, keep: int | str, workers: Any
) -> tuple[FloatArray, dict[str, Any]]:
    """Grid search: the best point, and the attributes of its result."""
    optimize = extra("scipy.optimize", "method 'brute'")
    read_whole(points, "Ns", 1)
    if keep != "all" and not is_whole(keep, 1):
        raise ValueError(f"keep must be a whole number of at least 1, or 'all'; got {keep!r:.80}")
    x0, fval, where, values = optimize.brute(
        objective, grid(objective, points), Ns=points, full_output=True, finish=None, disp=False,
        workers=workers,
    )  # fmt: skip
    x0 = np.atleast_1d(np.asarray(x0, dtype=np.float64))
    if workers != 1:
        # What other processes do is not counted there; the best point follows here again.
        objective.evaluator.nfev = max(objective.evaluator.nfev, np.size(values) - 1)
    scores = np.asarray(values).ravel()
    axes = np.asarray(where).reshape(x0.size, -1)
    order = np.argsort(scores, kind="stable")
    if keep != "all":
        order = order[: int(keep)]
    candidates = []
    for k in order:
        params = objective.params.copy()
        for name, value in zip(objective.names, axes[:, k], strict=True):
            params[name].value = float(value)
        candidates.append(Candidate(params, float(scores[k])))
    fields = {
        "brute_x0": x0, "brute_fval": float(fval), "brute_grid": where, "brute_Jout": values,
        "candidates": candidates,
    }  # fmt: skip
    return x0, fields
