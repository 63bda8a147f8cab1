"""A Levenberg-Marquardt fit with Parameters on the original MINPACK-1: one run, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arrays import all_finite
from fitcore._fit import AbortFitException
from fitcore._leastsq_fit import (
    CONVERGED,
    DEPENDENT,
    EPSFCN,
    EXHAUSTED,
    Fit,
    dependent_columns,
)
from fitcore._messages import outcome

if TYPE_CHECKING:
    from fitcore._originals import Outcome

__all__ = ["OriginalFit", "check_backend", "check_settings"]

BACKENDS = ("fitcore", "originals")


def check_backend(backend: Any) -> str:
    """The argument `backend`; ImportError if this build is without the originals."""
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise (ValueError if isinstance(backend, str) else TypeError)(
            f"backend must be one of {', '.join(map(repr, BACKENDS))}; got {backend!r:.80}"
        )
    if backend == "originals":
        import fitcore.originals  # noqa: F401
    return backend


def check_settings(settings: dict[str, Any], options: dict[str, Any]) -> None:
    """Refuse settings of `leastsq` that MINPACK cannot follow; `options` are those given."""
    refused = None
    if settings["jac"] in ("3-point", "cs"):
        refused = f"jac={settings['jac']!r}", "it has forward differences, '2-point', or Dfun"
    elif settings["bounds"] == "native":
        refused = "bounds='native'", "it knows no bounds, which are kept by the mapping"
    elif settings["callback"] is not None:
        refused = "callback", "it runs to its end without telling of its steps; iter_cb works"
    elif settings["refine"] and "refine" in options:
        refused = "refine=True", "it ends at its own solution, with its own Jacobian"
    if refused:
        raise ValueError(
            f"backend='originals' cannot do {refused[0]}: {refused[1]}; leave it out, or use "
            "backend='fitcore'"
        )
    settings["refine"] = False


class OriginalFit(Fit):
    """One run of the original `lmdif` or `lmder` in the internal variables.

    Bounds are kept by the same mapping as in `Fit`, and a start on a bound is moved inside. What
    `Fit` does beyond MINPACK is not done: nothing is put onto bounds, started again or refined.
    """

    def run(self) -> None:
        """Fit."""
        from fitcore._originals import Watch, evaluate

        evaluator = self.evaluator
        watch = Watch(evaluator)
        out = None
        try:
            first = evaluate(watch, self.u)
            if first.size < len(self.names):
                raise ValueError(
                    f"the function returns {first.size} residuals for {len(self.names)} variables; "
                    "Levenberg-Marquardt wants at least as many residuals as variables"
                )
            out = self._solve(watch, first)
        except AbortFitException:
            if evaluator.stopped is None:
                evaluator.stopped = "exception"
        if out is None:
            if watch.x is not None and watch.fvec is not None:
                self.u, self.residual = watch.x, watch.fvec
            return
        self.u, self.residual, self.info = out.x, out.fvec, out.info
        names = ("ftol", "xtol", "gtol", "maxfev")
        self.solver_message = outcome(self.info, **{k: self.settings[k] for k in names})
        if self.info in CONVERGED + EXHAUSTED:
            self._uncertainties(out)

    def _solve(self, watch: Any, first: Any) -> Outcome:
        """The run itself. A solver of fitcore's checks the settings, with their errors."""
        from fitcore._originals import lmder, lmdif

        checked = self._solver(self.evaluator, self.u)
        settings = self.settings
        mode = 1 if settings["diag"] is None else 2
        error = self.evaluator.error
        for name in self.adapts - {"epsfcn"}:
            settings[name] = max(settings[name], error)
        limits = (settings["ftol"], settings["xtol"], settings["gtol"], settings["maxfev"])
        if self.scheme == "analytic":
            return lmder(
                watch, None, self.u, None, *limits, checked.diag, mode, settings["factor"],
                first=first,
            )  # fmt: skip
        epsfcn = EPSFCN if settings["epsfcn"] is None else settings["epsfcn"]
        if "epsfcn" in self.adapts:
            epsfcn = max(epsfcn, error)
        return lmdif(
            watch, self.u, None, *limits, epsfcn, checked.diag, mode, settings["factor"],
            first=first,
        )  # fmt: skip

    def _uncertainties(self, out: Outcome) -> None:
        """The covariance, from the last Jacobian that MINPACK formed and the slopes here."""
        from fitcore.originals._leastsq import covariance

        tol = DEPENDENT[self.scheme]
        covar = covariance(out, tol)
        if covar is None:
            self.why = dependent_columns(_Factors(out), self.names, tol)
            return
        slopes = self.evaluator.external(self.u)[1]
        covar = slopes[:, np.newaxis] * covar * slopes
        if not (all_finite(covar) and covar.diagonal().min() > 0):
            self.why = "a variable is at its bound, where the mapping has no slope"
            return
        self.covar = covar


class _Factors:
    """The triangle R as `dependent_columns` reads it."""

    def __init__(self, out: Outcome) -> None:
        self.fjac, self.ipvt = out.fjac.T, out.ipvt
