"""Levenberg-Marquardt fits with Parameters: settings, bounds, covariance, and the outcome."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fitcore._leastsq_fit import CONVERGED, EXHAUSTED, TOO_MANY, Fit
from fitcore._leastsq_native import NativeFit
from fitcore._leastsq_originals import OriginalFit, check_settings
from fitcore._leastsq_settings import read_settings
from fitcore._leastsq_start import beside_bounds, range_between
from fitcore._messages import stopped_text
from fitcore._native import NativeCall
from fitcore._statistics import goodness, set_uncertainties

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitcore.result import MinimizerResult

__all__ = ["fit_leastsq"]


def fit_leastsq(
    fcn: Callable[..., Any],
    result: MinimizerResult,
    args: tuple[Any, ...],
    kws: dict[str, Any],
    *,
    iter_cb: Callable[..., Any] | None,
    scale_covar: bool,
    nan_policy: str,
    limit: int,
    options: dict[str, Any],
    backend: str = "fitcore",
) -> MinimizerResult:
    """Fit, starting from a prepared result, which is completed and returned.

    The arguments are those of :meth:`fitcore.Minimizer.leastsq` and its class; `limit` is that of
    the evaluations.
    """
    settings = read_settings(options)
    shown = settings
    own = isinstance(fcn, NativeCall) and fcn.has_derivatives
    if own and settings["Dfun"] is None and options.get("jac") is None:
        settings = {**settings, "Dfun": fcn, "jac": "analytic"}
    if settings["maxfev"] is None:
        shown["maxfev"] = settings["maxfev"] = 2 * limit  # `limit` comes first
    kind = NativeFit if settings["bounds"] == "native" else Fit
    if backend == "originals":
        check_settings(settings, options)
        kind = OriginalFit
    fit = kind(fcn, result, args, kws, iter_cb, nan_policy, limit, settings, options)
    beside = beside_bounds(fit.limits) if kind is not OriginalFit else {}
    fit.run()
    if beside:
        fit = _from_inside(fit, beside, lambda: kind(
            fcn, result, args, kws, iter_cb, nan_policy, limit, settings, options
        ))  # fmt: skip

    fit.place()
    aborted = fit.stopped is not None
    ier = -1 if aborted else fit.info
    result.method = "leastsq"
    result.backend = backend
    result.residual = fit.residual
    result.nfev = fit.evaluator.nfev
    result.moved = fit.moved
    result.at_bound = tuple([fit.names[i] for i in fit.on_bound]) if fit.on_bound else ()
    result.last_internal_values = fit.u
    result.call_kws = shown
    result.aborted = aborted
    result.ier = result.status = ier
    result.success = ier in CONVERGED and not fit.stalled
    result.lmdif_message = "Fit aborted." if aborted else fit.solver_message
    if (code := getattr(fit.evaluator, "stop_code", None)) is not None:
        result.stop_code = code
    result.__dict__.update(goodness(fit.residual, result.nvarys))
    covar, scale = fit.covar, result.redchi if scale_covar else 1.0
    if covar is not None and not math.isfinite(scale):
        covar, fit.why = None, "the sum of squared residuals is beyond the range of doubles"
    if covar is not None:
        result.covar = set_uncertainties(result.params, fit.varying, covar, result.at_bound, scale)
        result.errorbars = True
    result.message = _message(result, fit)
    return result


def _from_inside(fit: Fit, beside: dict[int, float], another: Callable[[], Fit]) -> Fit:
    """The better of a fit and one from elsewhere, if variables are where they started.

    Next to a bound the mapping has hardly any slope, and next to zero differences are of the size
    of the value: whether a variable that has stayed there belongs there, or could not leave, tells
    a start on the bound, which the mapping moves inside.
    """
    if fit.stopped is not None or fit.info not in CONVERGED + EXHAUSTED:
        return fit
    stuck = {}
    for i, bound in beside.items():
        low, high = float(fit.limits[i].min), float(fit.limits[i].max)
        if abs(fit.value(i) - bound) <= 1e-4 * range_between(low, high, bound):
            stuck[i] = bound
    if not stuck:
        return fit
    fit.place()
    for i, bound in stuck.items():
        fit.varying[i].value = bound
    second = another()
    second.evaluator.nfev = fit.evaluator.nfev
    second.run()
    fit.evaluator.nfev = second.evaluator.nfev
    chisqr, later = (float(f.residual @ f.residual) for f in (fit, second))
    if second.stopped is None and not later < chisqr:
        return fit
    if second.stopped is not None and not later < chisqr:
        second.u, second.residual = fit.u, fit.residual
    return second


def _message(result: MinimizerResult, fit: Fit) -> str:
    """How the fit ended."""
    if fit.stopped is not None:
        return stopped_text(fit.stopped, fit.limit)
    if fit.stalled:
        where = f"beside the bound {fit.beside}" if fit.beside else "beside a bound"
        return (
            f"Stopped short of the minimum, {where}. Could not estimate error-bars. Start "
            "elsewhere, or move the bound."
        )
    if result.success:
        text = "Fit succeeded."
    elif result.ier == TOO_MANY:
        text = f"Too many function evaluations (maxfev={fit.settings['maxfev']})."
    elif result.ier in EXHAUSTED:
        text = "Tolerance seems to be too small: no further improvement is possible."
    else:
        text = fit.solver_message
    if fit.on_bound:
        names = ", ".join(result.at_bound)
        text += f" At a bound, and therefore without standard error: {names}."
    if not result.errorbars and fit.why is not None:
        text += f" Could not estimate error-bars: {fit.why}."
    return text
