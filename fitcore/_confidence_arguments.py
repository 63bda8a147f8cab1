"""Arguments of confidence intervals: two orders they may come in, names, levels and limits."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._distributions import two_sided_level
from fitcore._profile import Fitted
from fitcore._released import scale_beside_bound
from fitcore.minimizer import Minimizer, MinimizerException
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["by_name", "check_name", "read_axis", "read_levels", "scale_of", "signature"]

REQUIRED = inspect.Parameter.empty
# Arguments after minimizer and result, with their defaults, in the order of lmfit 1.x.
INTERVAL: dict[str, Any] = {
    "p_names": None,
    "sigmas": (1, 2, 3),
    "trace": False,
    "maxiter": 200,
    "verbose": False,
    "prob_func": None,
    "min_rel_change": 1e-5,
}
REGION: dict[str, Any] = {
    "x_name": REQUIRED,
    "y_name": REQUIRED,
    "nx": 10,
    "ny": 10,
    "limits": None,
    "prob_func": None,
    "nsigma": 5,
    "chi2_out": False,
}
ORDERS = {"conf_interval": INTERVAL, "conf_interval2d": REGION}
KEYWORD_ONLY: dict[str, Any] = {"method": "F", "executor": None, "progress": False}
OLD_SIGMAS = (0.674, 0.95, 0.997)


def signature(who: str) -> inspect.Signature:
    """What help() shows: the order of lmfit 1.x."""
    kind = inspect.Parameter
    either, only = kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY
    return inspect.Signature(
        [
            kind("minimizer", either),
            kind("result", either),
            *(kind(name, either, default=default) for name, default in ORDERS[who].items()),
            *(kind(name, only, default=default) for name, default in KEYWORD_ONLY.items()),
        ]
    )


def by_name(who: str, minimizer: Any, args: tuple[Any, ...], kws: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, whichever signature they were given in."""
    two = who == "conf_interval2d"
    new = "result" in kws or bool(args and isinstance(args[0], (MinimizerResult, Minimizer)))
    # The manual of lmfit 0.7 has no result, but what came later is good to have by name.
    order = [*(["result"] if new else []), *ORDERS[who]]
    if len(args) > len(order):
        raise TypeError(f"{who} takes {', '.join(order)} after minimizer; got {len(args)} more")
    given = dict(zip(order, args, strict=False))
    for name, value in kws.items():
        if name in given:
            raise TypeError(f"{who} got multiple values for argument {name!r}")
        if name not in [*order, *KEYWORD_ONLY]:
            raise TypeError(f"{who} got an unexpected keyword argument {name!r}")
        given[name] = value
    if not two and given.get("sigmas") is None:
        given["sigmas"] = (1, 2, 3) if new else OLD_SIGMAS
    if two:
        missing = [name for name in ("x_name", "y_name") if name not in given]
        if missing:
            raise TypeError(f"{who} misses {' and '.join(missing)}")
        given["sigma_units"] = new and given.get("prob_func") is None
    result = given.pop("result", None)
    given["minimizer"], given["result"] = _fit_of(who, minimizer, result)
    return given


def _fit_of(who: str, minimizer: Any, result: Any) -> tuple[Minimizer, MinimizerResult]:
    if isinstance(minimizer, MinimizerResult):
        result = minimizer if result is None else result
        minimizer = minimizer._fitter()
    if not isinstance(minimizer, Minimizer):
        raise TypeError(
            f"minimizer must be a Minimizer or what minimize() returned, got {minimizer!r:.80}"
        )
    if isinstance(result, Minimizer):  # the result of a Model, which is both
        result = result.result
    result = minimizer.result if result is None else result
    if result is None or "chisqr" not in result.__dict__:
        raise MinimizerException(f"{who} needs a fit: call leastsq() of the minimizer first")
    if minimizer.userfcn is None:
        raise MinimizerException("userfcn is missing: the others cannot be fitted again")
    if result.nfree < 1:
        raise MinimizerException(
            f"{who} needs more data than variables, got {result.ndata} and {result.nvarys}"
        )
    if not (math.isfinite(result.chisqr) and result.chisqr > 0):
        raise MinimizerException(f"{who} needs a finite chi-square, got {result.chisqr}")
    return minimizer, result


def scale_of(fit: Fitted, name: str) -> float:
    """The standard error, from which the steps are taken, or what stands for it at a bound."""
    stderr = fit.result.params[name].stderr
    if stderr is not None and math.isfinite(stderr) and stderr > 0:
        return float(stderr)
    reason = f"has no sensible standard error (stderr is {stderr}) to start from"
    if stderr is None and name in getattr(fit.result, "at_bound", ()):
        scale = scale_beside_bound(fit, name)
        if scale is not None:
            return scale
        reason = "is on its bound, and chi-square does not rise gradually from there"
    raise MinimizerException(
        "Cannot determine Confidence Intervals without sensible uncertainty estimates: "
        f"parameter {name!r} {reason}: set result.params[{name!r}].stderr to an estimate, or leave "
        "it out by p_names (conf_interval2d: give limits)"
    )


def check_name(result: MinimizerResult, name: Any, what: str) -> str:
    if name not in result.var_names:
        raise ValueError(
            f"{what}: {name!r} is no variable of the fit; those are {', '.join(result.var_names)}"
        )
    return str(name)


def read_levels(sigmas: Any) -> list[tuple[float, float]]:
    """Probabilities inside and outside, in increasing order."""
    levels = []
    for sigma in np.atleast_1d(np.asarray(sigmas, dtype=np.float64)).tolist():
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"sigmas must be positive and finite, got {sigma}")
        inside, outside = two_sided_level(sigma) if sigma >= 1 else (sigma, 1 - sigma)
        if outside < 1e-250:
            raise ValueError(f"sigmas: {sigma} standard deviations are beyond all probability")
        levels.append((inside, outside))
    return sorted(levels, key=lambda level: -level[1])


def read_axis(fit: Fitted, name: str, count: int, limits: Any, nsigma: float) -> FloatArray:
    """Points on one axis of a grid, shape (count,), increasing unless `limits` are not."""
    item = fit.result.params[name]
    least, most = float(item.min), float(item.max)
    if limits is None:
        reach = nsigma * scale_of(fit, name)
        value = float(item.value)
        lower, upper = max(value - reach, least), min(value + reach, most)
    else:
        upper, lower = (float(limit) for limit in limits)
        if not least <= min(lower, upper) <= max(lower, upper) <= most:
            raise ValueError(
                f"limits of {name}, {lower:g} and {upper:g}, must be within its bounds, {least:g} "
                f"and {most:g}"
            )
    return np.linspace(lower, upper, count)
