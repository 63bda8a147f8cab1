"""Fits by methods other than Levenberg-Marquardt, from a Minimizer to its result."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import check_settings
from fitcore._at_minimum import SHORT, Survey, complete, survey
from fitcore._fit import AbortFitException
from fitcore._global_fit import brute, least_squares, run_global
from fitcore._lbfgsb_fit import LBFGSBFit, read_settings
from fitcore._leastsq_settings import read_limit
from fitcore._messages import stopped_text
from fitcore._methods import SCALAR
from fitcore._objective import Objective
from fitcore._scipy_fit import scalar
from fitcore._tunnels import Settings, ampgo

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer, ParametersLike
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["fit_ampgo", "fit_brute", "fit_global", "fit_lbfgsb", "fit_least_squares", "fit_scalar"]

# The limit on evaluations of global methods is this times what local ones have.
GLOBAL = 100
# And that of `fmin`, 5000 (nvarys + 1), this times it.
FMIN = 2.5
# A Gauss-Newton step that promises no more than this part of chi-square is at a minimum.
EXACT = 1e-10
# Parts of it that are tried where it promises more, and what of chi-square may be noise.
PARTS = (1.0, 0.1, 0.01, 1e-3)
NOISE = 1e-8
# What SciPy's results hold that Parameters and statistics hold already, or that is set here.
OURS = ("success", "message", "nfev")


class _Run:
    """One fit: the objective, the limit, and what all methods do before and after."""

    def __init__(
        self,
        fitter: Minimizer,
        params: ParametersLike | None,
        max_nfev: int | None,
        *,
        mapped: bool,
        many: float = 1,
        jac: Callable[..., Any] | None = None,
        inside: bool = False,
        constrained: bool = False,
    ) -> None:
        fitter._function()
        if fitter.backend != "fitcore":
            raise ValueError(
                f"backend={fitter.backend!r} runs method 'leastsq' only; use backend='fitcore'"
            )
        self.fitter, self.constrained = fitter, constrained
        self.result = fitter.prepare_fit(params)
        chosen = max_nfev if max_nfev is not None else fitter._max_nfev
        n = self.result.nvarys
        usual = int(many * read_limit(None, n))
        self.limit = usual if chosen is None else read_limit(chosen, n)
        fitter._last_limit = self.limit
        self.objective = Objective(
            fitter, self.result, self.limit, mapped=mapped, jac=jac, inside=inside
        )
        self.found: Survey | None = None

    def run(self, solve: Callable[[], tuple[FloatArray | None, bool, str]]) -> bool:
        """Run a solver to its end; whether it came there. Sets `point`, `success`, `message`."""
        evaluator = self.objective.evaluator
        self.point: FloatArray | None = None
        self.success, self.message = False, ""
        try:
            self.point, self.success, self.message = solve()
        except AbortFitException:
            if evaluator.stopped is None:
                evaluator.stopped = "exception"
        except Exception:
            # SciPy's loops may hide what ends them behind an error of their own.
            if self.objective.raised is not None:
                raise self.objective.raised from None
            if evaluator.stopped is None:
                raise
        return evaluator.stopped is None

    def finish(self, method: str, *, at_minimum: bool = True, found: Survey | None = None) -> Any:
        """Complete the result."""
        objective, result, fitter = self.objective, self.result, self.fitter
        stopped = objective.evaluator.stopped
        x, residual = objective.best_x, objective.best_residual
        # The solver may know why it prefers its point: with constraints, say.
        if stopped is None and self.point is not None and not self._as_good(self.point):
            x, residual = np.array(self.point), np.array(objective.residual)
        if x is None:
            x = objective.x0
        values = objective.external(x)
        if not objective.mapped:
            values = np.clip(values, objective.lower, objective.upper)
        result.method = method
        result.backend = "fitcore"
        result.aborted = stopped is not None
        if (code := getattr(objective.evaluator, "stop_code", None)) is not None:
            result.stop_code = code
        result.last_internal_values = x
        result.success = self.success and stopped is None
        message = self.message
        if result.success and residual.size and not np.isfinite(residual).all():
            result.success, message = False, "the residuals are not finite at the end"
        if found is None and fitter.calc_covar and at_minimum and stopped is None:
            found = survey(objective, values, residual)
            there = found.covar is not None and found.promised <= EXACT * objective.best_value
            if not self.success and objective.squares and there:
                # What the method asks for beyond that, rounding does not allow.
                result.success = True
                message += " It is at a minimum all the same."
            if result.success and found.promised and self._falls_short(values, residual, found):
                result.success = False
                message += " It stopped short of the minimum: a Gauss-Newton step goes lower."
        if not fitter.calc_covar or not result.success:
            found = None if found is None else Survey(None, None, found.on_bound)
        complete(result, objective, values, residual, found, scale_covar=fitter.scale_covar)
        if stopped is not None:
            message = stopped_text(stopped, self.limit)
        elif result.at_bound:
            message += (
                f" At a bound, and therefore without standard error: {', '.join(result.at_bound)}."
            )
        if found is not None and found.why is not None:
            message += f" Could not estimate error-bars: {found.why}."
        result.message = message
        fitter.result = result._end()
        return result

    def _as_good(self, point: FloatArray) -> bool:
        """Whether the best point may stand for the solver's: the value there is not below it."""
        objective = self.objective
        if np.array_equal(point, objective.best_x):  # type: ignore[arg-type]
            return True
        again = objective.another(objective.points, math.inf)
        residual = again.evaluate(np.ascontiguousarray(point, dtype=np.float64))
        objective.evaluator.nfev += again.nfev
        if residual is None:
            return True
        value = objective._reduced(residual)
        objective.at, objective.residual = np.array(point), residual
        return value >= objective.best_value and not self.constrained

    def _falls_short(self, values: FloatArray, residual: FloatArray, found: Survey) -> bool:
        """Whether a step to the minimum is long beside the standard errors, and real.

        Far from it the whole step may lead nowhere; the first part of it leads down all the same.
        """
        objective = self.objective
        chisqr = float(residual @ residual)
        scale = chisqr / max(1, residual.size - values.size)
        worth = max(SHORT * scale, 1e-6 * chisqr)
        if found.trial is None or not found.promised > worth:
            return False
        lower = np.array([float(item.min) for item in objective.limits])
        upper = np.array([float(item.max) for item in objective.limits])
        plain = objective.by_values()
        falls = False
        for part in PARTS:
            trial = np.clip(values + part * (found.trial - values), lower, upper)
            there = plain.evaluate(trial)
            least = worth if part == 1 else max(part * found.promised, NOISE * chisqr)
            falls = there is not None and chisqr - float(there @ there) > 0.25 * least
            if falls:
                break
        objective.evaluator.nfev += plain.nfev
        return falls


def _take_fields(run: _Run, found: Any, prefix: str = "") -> None:
    """Put the fields of SciPy's result onto ours, points and derivatives by the values."""
    result, objective = run.result, run.objective
    for name, value in found.items():
        if not prefix and name in OURS:
            continue
        if objective.mapped and value is not None:
            if name == "x":
                value = objective.external(np.ascontiguousarray(value, dtype=np.float64))
            elif name in ("jac", "hess_inv", "final_simplex"):
                value = _by_values(objective, found["x"], name, value)
        setattr(result, prefix + name, value)


def _by_values(objective: Objective, x: Any, name: str, value: Any) -> Any:
    """Derivatives by internal values as such by the values; points as values."""
    slopes = objective.slopes(np.ascontiguousarray(x, dtype=np.float64))
    if name == "jac":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(value) / slopes
    if name == "final_simplex":
        points, scores = value
        return np.array([objective.external(np.ascontiguousarray(p)) for p in points]), scores
    return value * np.outer(slopes, slopes) if isinstance(value, np.ndarray) else value


def fit_lbfgsb(
    fitter: Minimizer, params: Any, max_nfev: int | None, kws: dict[str, Any]
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.lbfgsb`."""
    settings = read_settings({**fitter.kws, **kws})
    run = _Run(fitter, params, max_nfev, mapped=False, jac=settings["jac"])
    fit = LBFGSBFit(run.objective, settings, fitter.calc_covar)

    def solve() -> tuple[FloatArray | None, bool, str]:
        fit.run()
        return fit.values, fit.converged, fit.message

    ended = run.run(solve)
    for name, value in fit.fields.items():
        setattr(run.result, name, value)
    run.result.call_kws = settings
    found = fit.found if ended else None
    return run.finish("L-BFGS-B", found=found)  # type: ignore[no-any-return]


def fit_scalar(
    fitter: Minimizer,
    name: str,
    params: Any,
    max_nfev: int | None,
    kws: dict[str, Any],
    many: float = 1,
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.scalar_minimize`."""
    kws = {**fitter.kws, **kws}
    jac = kws.pop("jac", None)
    jac = kws.pop("Dfun", None) or jac
    constrained = "constraints" in kws
    mapped = SCALAR[name].mapped and not constrained
    jac = jac if callable(jac) else None
    # Steps of trust-constr, as of least_squares, are scaled by the distance to the bounds.
    inside = name == "trust-constr" and not constrained
    run = _Run(
        fitter,
        params,
        max_nfev,
        mapped=mapped,
        many=many,
        jac=jac,
        inside=inside,
        constrained=constrained,
    )

    def solve() -> tuple[FloatArray | None, bool, str]:
        found = scalar(run.objective, name, kws, run.limit)
        _take_fields(run, found)
        return np.asarray(found["x"], dtype=np.float64), bool(found["success"]), _text(found)

    run.run(solve)
    run.result.call_kws = kws
    return run.finish(SCALAR[name].scipy_name, at_minimum=not constrained)  # type: ignore[no-any-return]


def fit_global(
    fitter: Minimizer,
    name: str,
    params: Any,
    max_nfev: int | None,
    kws: dict[str, Any],
    label: str | None = None,
) -> MinimizerResult:
    """See the methods of :class:`fitcore.Minimizer` of these names."""
    kws = {**fitter.kws, **kws}
    many = 1 if name == "differential_evolution" else GLOBAL
    run = _Run(fitter, params, max_nfev, mapped=name == "basinhopping", many=many)

    def solve() -> tuple[FloatArray | None, bool, str]:
        found = run_global(run.objective, name, kws)
        prefix = {"shgo": "shgo_", "dual_annealing": "da_"}.get(name, "")
        _take_fields(run, found, prefix)
        ended = bool(found.get("success", True))
        return np.asarray(found["x"], dtype=np.float64), ended, _text(found)

    run.run(solve)
    run.result.call_kws = kws
    return run.finish(label or name)  # type: ignore[no-any-return]


def fit_ampgo(
    fitter: Minimizer, params: Any, max_nfev: int | None, kws: dict[str, Any]
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.ampgo`."""
    kws = {**fitter.kws, **kws}
    kws.pop("disp", None)
    limit = kws.pop("maxfunevals", None)
    check_settings("ampgo", kws, [field.name for field in fields(Settings)])
    settings = Settings(**kws)
    run = _Run(fitter, params, limit if max_nfev is None else max_nfev, mapped=False, many=GLOBAL)

    def solve() -> tuple[FloatArray | None, bool, str]:
        found = ampgo(run.objective, settings)
        run.result.__dict__.update(
            ampgo_x0=found.x,
            ampgo_fval=found.value,
            ampgo_eval=run.objective.evaluator.nfev,
            ampgo_msg=found.message,
            ampgo_tunnel=found.tunnels,
        )
        return found.x, True, found.message

    objective = run.objective
    if not run.run(solve) and objective.evaluator.stopped == "max_nfev":
        run.result.__dict__.update(
            ampgo_x0=objective.best_x,
            ampgo_fval=objective.best_value,
            ampgo_eval=objective.evaluator.nfev,
            ampgo_msg="Maximum number of function evaluations exceeded",
        )
    run.result.call_kws = kws
    return run.finish(f"ampgo, with {settings.local} as local solver")  # type: ignore[no-any-return]


def fit_least_squares(
    fitter: Minimizer, params: Any, max_nfev: int | None, kws: dict[str, Any]
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.least_squares`."""
    kws = {**fitter.kws, **kws}
    run = _Run(fitter, params, max_nfev, mapped=False, inside=True)

    def solve() -> tuple[FloatArray | None, bool, str]:
        found = least_squares(run.objective, kws)
        _take_fields(run, found)
        run.result.__dict__["least_squares_nfev"] = found.nfev
        return found.x, bool(found.success), _text(found)

    run.run(solve)
    run.result.call_kws = kws
    return run.finish("least_squares")  # type: ignore[no-any-return]


def fit_brute(
    fitter: Minimizer, params: Any, max_nfev: int | None, kws: dict[str, Any]
) -> MinimizerResult:
    """See :meth:`fitcore.Minimizer.brute`."""
    settings = {"Ns": 20, "keep": 50, "workers": 1}
    for given in (fitter.kws, kws):
        check_settings("brute", given, settings)
        settings.update({key: value for key, value in given.items() if value is not None})
    run = _Run(fitter, params, max_nfev, mapped=False, many=GLOBAL)

    def solve() -> tuple[FloatArray | None, bool, str]:
        x, fields = brute(run.objective, settings["Ns"], settings["keep"], settings["workers"])
        run.result.__dict__.update(fields)
        return x, True, "Grid search finished."

    run.run(solve)
    run.result.call_kws = settings
    return run.finish("brute", at_minimum=False)  # type: ignore[no-any-return]


def _text(found: Any) -> str:
    message = found.get("message", "")
    if isinstance(message, (list, tuple)):
        message = " ".join(map(str, message))
    text = str(message).strip()
    return text if not text or text.endswith(".") else f"{text}."
