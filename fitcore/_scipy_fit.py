"""Fits by the minimizers of SciPy, whose bounds are theirs or the mapping's."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._extras import extra
from fitcore._methods import SCALAR
from fitcore._scaling import Scaled

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from fitcore._objective import Objective

    FloatArray = NDArray[np.float64]

__all__ = ["scalar"]

# Keywords of scipy.optimize.minimize; all others are options of the method.
KEYWORDS = ("hess", "hessp", "constraints", "tol", "callback", "options")
# SciPy's `ftol` of SLSQP. Of a function below 1 it is a part, down to this one of the start.
FTOL = 1e-6
LEAST = 1e-24
# Manual of lmfit 0.7: tol None means this.
TOL = 1e-7


def scalar(objective: Objective, name: str, kws: dict[str, Any], limit: float) -> Any:
    """Run a method of ``scipy.optimize.minimize``; its result."""
    optimize = extra("scipy.optimize", f"method {name!r}")
    method = SCALAR[name]
    kws = dict(kws)
    given = {key: kws.pop(key) for key in KEYWORDS if key in kws}
    options = {**(given.pop("options", None) or {}), **kws}
    callback = given.pop("callback", None)
    if name == "nelder":
        _simplex_options(objective, options, given)
    if name == "slsqp" and "constraints" not in given:
        return _slsqp(optimize, objective, options, given, callback, limit)
    _limits(name, options, limit)
    call: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if method.gradient:
        call["jac"] = objective.gradient
    if method.hessian and "hess" not in call and "hessp" not in call:
        call["hess"] = _Hessian(objective)
    if not objective.mapped:
        bounds = optimize.Bounds(objective.lower, objective.upper, keep_feasible=True)
        if np.isfinite(bounds.lb).any() or np.isfinite(bounds.ub).any():
            call["bounds"] = bounds
    if callback is not None:
        call["callback"] = _callback(objective, callback, name)
    with warnings.catch_warnings():
        # The result says what they say.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"scipy\.optimize")
        warnings.filterwarnings("ignore", message="delta_grad == 0.0")
        return optimize.minimize(
            objective, objective.x0, method=method.scipy_name, options=options, **call
        )


def _slsqp(
    optimize: ModuleType,
    objective: Objective,
    options: dict[str, Any],
    given: dict[str, Any],
    callback: Any,
    limit: float,
) -> Any:
    """SLSQP in scaled variables; its result, in values.

    It begins with second derivatives of 1 and stops where a step changes little: by values of
    unlike sizes that may be anywhere. Without `ftol` or `tol` it is run again until what it stops
    for, 1e-6, is that in parts of the function where it is below 1.
    """
    _limits("slsqp", options, limit)
    tol = given.pop("tol", None)
    wanted = options.pop("ftol", tol)
    x, nit = np.clip(objective.x0, objective.lower, objective.upper), 0
    small: float | None = None
    while True:
        scaled = Scaled(objective, x)
        here = scaled.value if scaled.value > 0 else 1.0
        small = min(1.0, here) if small is None else small
        ftol = FTOL * small if wanted is None else float(wanted)
        bounds = optimize.Bounds(
            scaled.low * scaled.scale, scaled.high * scaled.scale, keep_feasible=True
        )
        more: dict[str, Any] = {}
        if callback is not None:
            more["callback"] = _callback(objective, callback, "slsqp", scaled)
        found = optimize.minimize(
            scaled, np.clip(x * scaled.scale, bounds.lb, bounds.ub), method="SLSQP",
            jac=scaled.gradient, bounds=bounds, **more,
            options={**options, "ftol": ftol * scaled.unit},
        )  # fmt: skip
        x, nit = scaled.values(found.x), nit + found.nit
        reached = min(1.0, abs(found.fun) / scaled.unit)
        if wanted is not None or not found.success or not 0 < reached < 0.5 * small:
            break
        if reached <= LEAST * here:
            break
        small = reached
    found.x, found.nit = x, nit
    found.fun, found.jac = found.fun / scaled.unit, found.jac * scaled.scale / scaled.unit
    return found


def _limits(name: str, options: dict[str, Any], limit: float) -> None:
    """Room for iterations, where the limit on evaluations is to end a run."""
    most = int(min(2 * limit, 2**31 - 1))
    options.setdefault("maxiter" if name != "tnc" else "maxfun", most)
    if name in ("nelder", "powell", "cobyqa"):
        options.setdefault("maxfev", most)


def _simplex_options(objective: Objective, options: dict[str, Any], given: dict[str, Any]) -> None:
    """Tolerances no wider than the variables and the function, which SciPy's, 1e-4, may be."""
    for old, new in (("xtol", "xatol"), ("ftol", "fatol"), ("maxfun", "maxfev")):
        if old in options:
            options[new] = options.pop(old)
    if given.get("tol") is None:
        sizes = np.abs(objective.x0[objective.x0 != 0])
        small = min(1.0, float(sizes.min())) if sizes.size else 1.0
        # SciPy's own, and so lmfit's steps, where that is nearly the same.
        small = 1.0 if small > 0.5 else small
        here = abs(objective(objective.x0))
        options.setdefault("xatol", 1e-4 * small)
        options.setdefault("fatol", 1e-4 * min(1.0, here or 1.0))
    simplex = options.get("initial_simplex")
    if simplex is not None:
        options["initial_simplex"] = np.array([objective.internal(row) for row in simplex])


def _callback(objective: Objective, callback: Any, name: str, scaled: Scaled | None = None) -> Any:
    def each(intermediate_result: Any) -> None:
        x = np.asarray(getattr(intermediate_result, "x", intermediate_result), dtype=np.float64)
        if scaled is not None:
            intermediate_result = x = scaled.values(x)
        objective.call_back(callback, objective.external(x), intermediate_result)

    def with_state(xk: Any, state: Any = None) -> None:
        each(xk if state is None else state)

    # SciPy gives its result to a callback with the one argument `intermediate_result`; to that of
    # trust-constr both.
    return with_state if name == "trust-constr" else each


class _Hessian:
    """2 J^T J of a sum of squares; differences of the gradient of a scalar."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def __call__(self, x: Any) -> FloatArray:
        objective = self.objective
        x = np.asarray(x, dtype=np.float64)
        gradient, columns = objective.derivatives(x)
        if columns is not None:
            hessian: FloatArray = 2 * columns @ columns.T
        else:
            hessian = np.empty((x.size, x.size))
            for j in range(x.size):
                h = 1e-4 * max(1.0, abs(x[j]))
                at = x.copy()
                at[j] += h
                hessian[j] = (objective.gradient(at) - gradient) / h
            hessian = 0.5 * (hessian + hessian.T)
        # Positive definite to rounding: the dogleg method wants its Cholesky factor.
        ridge = 1e-14 * max(float(np.abs(hessian.diagonal()).max()), 1e-300)
        hessian[np.diag_indices(x.size)] += ridge
        return hessian


def finite_bounds(objective: Objective, method: str) -> list[tuple[float, float]]:
    """Bounds on both sides of each variable, which the method needs."""
    lower, upper = objective.lower, objective.upper
    missing = [
        name
        for name, low, high in zip(objective.names, lower, upper, strict=True)
        if not (math.isfinite(low) and math.isfinite(high))
    ]
    if missing:
        raise ValueError(
            f"method {method!r} requires finite bounds, min and max, for all varying parameters; "
            f"missing for {', '.join(missing)}"
        )
    return list(zip(lower.tolist(), upper.tolist(), strict=True))
