"""Fits by L-BFGS-B, which keeps the bounds itself: nothing is mapped, and nothing can stick."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import check_settings, read_bool, read_number
from fitcore._at_minimum import Survey, survey
from fitcore._native_objective import ScaledObjective, UncompiledExpression
from fitcore._objective import FELT, steps_of
from fitcore._scaling import scales_at
from fitcore.lbfgsb import LBFGSB

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._objective import Objective

    FloatArray = NDArray[np.float64]

__all__ = ["DEFAULTS", "LBFGSBFit", "read_settings"]

EPS = 2.220446049250313e-16
DEFAULTS: dict[str, Any] = {
    "m": 10,
    "factr": 1000.0,
    "pgtol": 0.0,
    "maxls": 20,
    "maxiter": None,
    "maxfun": None,
    "epsilon": None,
    "approx_grad": True,
    "jac": None,
    "callback": None,
    "iprint": -1,
    "refine": True,
}
# The names of SciPy's minimize, and of fmin_l_bfgs_b.
ALIASES = {
    "maxcor": "m",
    "gtol": "pgtol",
    "eps": "epsilon",
    "fprime": "jac",
    "Dfun": "jac",
    "fctr": "factr",
    "disp": "iprint",
}
# What the function is to be above at the start of a run: it may fall by this before the stopping
# test is one for absolute changes.
ABOVE = 1e30
# A bound that is never reached.
BEYOND = 1e250
# A run is taken up again while a Gauss-Newton step promises to lower chi-square by more than this
# part, so often at most.
UNFINISHED = 1e-10
RUNS = 6
# Parts of a Gauss-Newton step, and the promise, relative to chi-square, from which on shorter ones
# than the whole are tried.
PARTS = (1.0, 0.1, 0.01, 1e-3, 1e-4)
FAR = 1e-6
# And relative to chi-square at the start, from which on an end where none of them goes down is no
# success.
LOST = 1e-12


def read_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults; TypeError for an unknown one."""
    settings = dict(DEFAULTS)
    options = dict(options)
    options.update(options.pop("options", None) or {})
    check_settings("lbfgsb", options, [*DEFAULTS, "ftol", "tol", *ALIASES])
    tol = options.pop("tol", None)
    if tol is not None:
        options.setdefault("ftol", tol)
        options.setdefault("gtol", tol)
    ftol = options.pop("ftol", None)
    if ftol is not None:
        settings["factr"] = read_number(ftol, "ftol") / EPS
    for name, value in options.items():
        if value is not None:
            settings[ALIASES.get(name, name)] = value
    for name in ("factr", "pgtol"):
        settings[name] = read_number(settings[name], name)
        if not 0 <= settings[name] < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {settings[name]}")
    for name in ("approx_grad", "refine"):
        settings[name] = read_bool(settings[name], name)
    for name in ("jac", "callback"):
        if isinstance(settings[name], str) and name == "jac":
            settings[name] = None  # difference schemes: ours
        if settings[name] is not None and not callable(settings[name]):
            raise TypeError(f"{name} must be callable or None, got {settings[name]!r:.80}")
    if not settings["approx_grad"] and settings["jac"] is None:
        raise TypeError("approx_grad=False wants jac, the gradient or the Jacobian of residuals")
    return settings


class Iterate:
    """The solver as a callback sees it, in the units of the user's function.

    Attributes other than these are the solver's.

    Attributes
    ----------
    x, g : ndarray, shape (n,)
        The iterate and the gradient there.
    f : float
        The value.
    """

    def __init__(
        self, solver: LBFGSB, x: FloatArray, f: float, g: FloatArray, objective: Any
    ) -> None:
        self._solver, self._objective = solver, objective
        self.x, self.f, self.g = x, f, g

    @property
    def projected_gradient_norm(self) -> float:
        """float: largest element of the gradient, projected on the bounds."""
        lower, upper = self._objective.lower, self._objective.upper
        projected = np.clip(self.x - self.g, lower, upper) - self.x
        return float(np.max(np.abs(projected), initial=0.0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._solver, name)


class LBFGSBFit:
    """One fit: runs of the solver in scaled variables until it is at a minimum.

    Each variable is multiplied by the norm of its column of the Jacobian at the start of the run,
    as MINPACK scales its own, so that sizes of 1e-9 and 1e6 in one fit do no harm. An end that a
    Gauss-Newton step from an accurate Jacobian would still improve is the start of another run.
    """

    def __init__(self, objective: Objective, settings: dict[str, Any], calc_covar: bool) -> None:
        self.objective, self.settings, self.calc_covar = objective, settings, calc_covar
        self.values: FloatArray = np.clip(objective.x0, objective.lower, objective.upper)
        self.residual: FloatArray = np.empty(0)
        self.found: Survey | None = None
        self.stopped: str | None = None
        self.converged = False
        self.message = ""
        self.fields: dict[str, Any] = {}
        self.nit = 0
        self.first = 0.0  # the value at the start

    def run(self) -> None:
        """Fit; AbortFitException where it is stopped."""
        objective, settings = self.objective, self.settings
        before = math.inf
        for attempt in range(RUNS if settings["refine"] else 1):
            solver = self._one_run(attempt > 0)
            self.message, self.converged = solver.message, solver.success
            if objective.best_x is not None:
                # What differences have found beside the iterates is as good.
                self.values = objective.best_x
                self.residual = objective.best_residual
            abnormal = "ABNORMAL" in solver.message
            if not (solver.success or abnormal) or not objective.squares:
                break
            self.found = survey(objective, self.values, self.residual)
            reached = objective.best_value
            unfinished = self._improve()
            # Line searches end so where rounding does not let the function fall any more.
            self.converged = solver.success or (abnormal and not unfinished)
            if not (unfinished or objective.best_value < reached) and self._is_lost():
                self.converged = False
                self.message += " It is no minimum, by the Gauss-Newton step, which leads nowhere."
            if not unfinished or not objective.best_value < before * (1 - UNFINISHED):
                break
            before = objective.best_value
        else:
            if settings["refine"]:
                self.converged = False
                self.message += f" The end of {RUNS} runs is no minimum yet."
        if self.found is None and self.calc_covar and (self.converged or not objective.squares):
            self.found = survey(objective, self.values, self.residual)
        if not math.isfinite(objective.best_value):
            self.converged = False
            self.message = "the objective function is not finite"

    def _improve(self) -> bool:
        """Take a Gauss-Newton step if it lowers chi-square; whether the end was no minimum.

        At a minimum the gradient by the variables that are on no bound is zero, and the step
        promises nothing.
        """
        objective, found = self.objective, self.found
        assert found is not None
        chisqr = objective.best_value
        if self._inward(found.on_bound, chisqr):
            return True
        if found.trial is None or not found.promised > UNFINISHED * chisqr:
            return False
        start, outside = self.values, False
        # Far from a minimum the whole step may lead nowhere; it goes down at first in any case.
        for part in PARTS if found.promised > FAR * chisqr else PARTS[:1]:
            wanted = start + part * (found.trial - start)
            trial = np.clip(wanted, objective.lower, objective.upper)
            outside = outside or not np.array_equal(trial, wanted)
            value = objective(trial)
            if value < chisqr:
                self.values, self.residual = trial, objective.best_residual
                return outside or chisqr - value > 0.25 * min(part * found.promised, chisqr)
        return outside

    def _is_lost(self) -> bool:
        """Whether chi-square is to fall from here by what no rounding explains."""
        found = self.found
        assert found is not None
        worth = max(FAR * self.objective.best_value, LOST * self.first)
        return found.trial is not None and found.promised > worth

    def _inward(self, on_bound: list[int], chisqr: float) -> bool:
        """Whether chi-square falls from a bound inwards."""
        if not on_bound or self.settings["jac"] is not None:
            return False
        gradient, columns = self.objective.derivatives(self.values)
        if columns is None:
            return False
        for i in on_bound:
            item = self.objective.limits[i]
            at_lower = self.values[i] <= float(item.min)
            curvature = float(columns[i] @ columns[i])
            if item.min == item.max or curvature == 0:
                continue
            falls = gradient[i] < 0 if at_lower else gradient[i] > 0
            if falls and gradient[i] ** 2 / (4 * curvature) > 1e-7 * chisqr:
                return True
        return False

    def _one_run(self, central: bool) -> LBFGSB:
        objective, settings = self.objective, self.settings
        x = self.values
        scale, unit = self._scales(x, central)
        lower, upper = objective.lower * scale, objective.upper * scale
        # Without bounds on all sides the first step has the length 1, which is nothing for
        # variables so scaled; with them it is that to the minimum of the model.
        box = np.nan_to_num(np.column_stack([lower, upper]), posinf=BEYOND, neginf=-BEYOND)
        solver = LBFGSB(
            np.clip(x * scale, lower, upper),
            box,
            settings["m"],
            settings["factr"],
            settings["pgtol"],
            settings["maxls"],
        )

        if not self._natively(solver, scale, unit, central):
            self._by_python(solver, scale, unit, central)
        self.fields = {
            "x": np.clip(solver.x / scale, objective.lower, objective.upper),
            "fun": solver.f / unit,
            "jac": solver.g * scale / unit,
            "nit": self.nit,
        }
        return solver

    def _natively(self, solver: LBFGSB, scale: FloatArray, unit: float, central: bool) -> bool:
        """Run a native function without coming up to Python; False where that is not possible."""
        objective, settings = self.objective, self.settings
        evaluator: Any = objective.evaluator
        plain = objective.has_slopes or objective.jac is None
        asked = settings["callback"] is not None or settings["epsilon"] is not None
        if not (getattr(evaluator, "drives", False) and plain) or asked or self._iprint() > 0:
            return False
        if objective.reduce is not None and not objective.scalar:
            return False
        central = central or not objective.squares
        relative = steps_of(central, objective.squares)
        native = ScaledObjective(
            evaluator, scale, unit, objective.lower, objective.upper, objective.has_slopes,
            central, relative, FELT,
        )  # fmt: skip
        native.begin(objective.best_x, objective.best_value, objective.best_residual)
        try:
            native.run(solver, settings["maxiter"], settings["maxfun"])
        except UncompiledExpression:
            return False
        finally:
            self.nit += solver.nit
            objective.best_x, objective.best_value, objective.best_residual = native.best
        return True

    def _by_python(self, solver: LBFGSB, scale: FloatArray, unit: float, central: bool) -> None:
        objective, settings = self.objective, self.settings

        def function(z: FloatArray) -> tuple[float, FloatArray]:
            at = np.clip(z / scale, objective.lower, objective.upper)
            if objective.jac is not None:
                value, gradient = objective(at), objective.gradient(at)
            elif settings["epsilon"] is not None:
                value, gradient = self._by_epsilon(at)
            else:
                gradient = objective.gradient(at, central=central)
                value = objective.value_there
            return value * unit, gradient / scale * unit

        def each(state: LBFGSB) -> bool:
            self.nit += 1
            if settings["callback"] is not None:
                at = np.clip(state.x / scale, objective.lower, objective.upper)
                seen = Iterate(state, at, state.f / unit, state.g * scale / unit, objective)
                objective.call_back(settings["callback"], at, seen)
            return False

        self._printed(solver, function, each)

    def _by_epsilon(self, at: FloatArray) -> tuple[float, FloatArray]:
        """Forward differences of the scalar with the step that was asked for, as fmin_l_bfgs_b."""
        objective = self.objective
        step = np.broadcast_to(np.asarray(self.settings["epsilon"], float), at.shape)
        here = objective(at)
        gradient = np.zeros(at.size)
        for j in range(at.size):
            point = at.copy()
            h = step[j] if at[j] + step[j] <= objective.upper[j] else -step[j]
            point[j] = np.clip(at[j] + h, objective.lower[j], objective.upper[j])
            if point[j] != at[j]:
                gradient[j] = (objective(point) - here) / (point[j] - at[j])
        return here, gradient

    def _printed(self, solver: LBFGSB, function: Any, each: Any) -> None:
        from fitcore.optimize._lbfgsb_print import Printer

        settings = self.settings
        iprint = self._iprint()
        printer = Printer(iprint, solver.x)
        printer.head(solver)
        solver.run(
            function,
            trace=printer.trace if iprint > 0 else None,
            callback=each,
            maxiter=settings["maxiter"],
            maxfun=settings["maxfun"],
        )
        printer.end(solver)

    def _iprint(self) -> int:
        iprint = self.settings["iprint"]
        return -1 if iprint is False else int(iprint)

    def _scales(self, x: FloatArray, central: bool) -> tuple[FloatArray, float]:
        """What each variable, and the function, is multiplied by: see `scales_at`.

        The stopping test compares the function with 1: both are multiplied further until it is
        above.
        """
        scale, unit, value = scales_at(self.objective, x, central=central)
        self.first = self.first or value
        if self.settings["pgtol"] == 0 and 0 < value < math.inf:
            more = min(max(1.0, ABOVE / (value * unit)), 1e100)
            unit, scale = unit * more, scale * math.sqrt(more)
        return np.clip(scale, 1e-150, 1e150), unit
