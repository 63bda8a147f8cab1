"""Chi-square as a function of some variables, minimized over the others.

Each point is one small Levenberg-Marquardt fit, started where a neighbour ended. It works on a copy
of the parameters: neither the result it is made from nor its parameters are changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitcore._fit import coerce_float64, twins
from fitcore._leastsq_fit import EPSFCN, TOO_MANY, columns_of
from fitcore._leastsq_settings import UNLIMITED
from fitcore._native_fit import residual_of
from fitcore.minpack import LevenbergMarquardt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer, NanPolicy
    from fitcore.parameter import Parameter
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["Fitted", "Point", "Profile", "Remarks"]

# Relative chi-square that counts as lower than that of the best fit.
LOWER = 1e-7
# Evaluations per variable after which the fit of a point is given up.
PATIENCE = 200


# Settings of leastsq that fits of a profile take over.
TAKEN = ("Dfun", "col_deriv", "jac", "epsfcn")


@dataclass(frozen=True)
class Fitted:
    """A best fit with its function: what a profile is made from, here or in another process.

    Parameters
    ----------
    fcn : callable
        The objective function, with `args` and `kws`.
    nan_policy : {'raise', 'propagate', 'omit'}
    known_errors : bool
        Whether the residuals are divided by the true errors of the data.
    result : MinimizerResult
    """

    fcn: Callable[..., Any]
    args: tuple[Any, ...]
    kws: dict[str, Any]
    nan_policy: NanPolicy
    known_errors: bool
    result: MinimizerResult

    @classmethod
    def of(cls, minimizer: Minimizer, result: MinimizerResult) -> Fitted:
        """The fit `result`, made by `minimizer`."""
        return cls(
            minimizer._function(),
            minimizer.userargs,
            minimizer.userkws,
            minimizer.nan_policy,
            not minimizer.scale_covar,
            result,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Those of :data:`TAKEN` that leastsq has got."""
        given = getattr(self.result, "call_kws", None) if self.result.method == "leastsq" else None
        return {name: (given or {}).get(name) for name in TAKEN}

    def __reduce__(self) -> tuple[Any, ...]:
        # A callback among the settings need not be picklable.
        import copy

        sent = copy.copy(self.result)
        sent._minimizer = sent._source = None
        sent.call_kws = self.settings
        parts = self.fcn, self.args, self.kws, self.nan_policy, self.known_errors, sent
        return Fitted, parts


class Point(NamedTuple):
    """A point of a profile."""

    at: tuple[float, ...]  # values of the variables that are held
    u: FloatArray  # internal values of the others
    chisqr: float


class Remarks(NamedTuple):
    """What the user has to be told about profiles."""

    messages: list[str]
    lowest: tuple[float, str] | None  # chi-square below that of the best fit, and where
    exhausted: list[str]  # where fits ran out of evaluations

    def merged(self, other: Remarks) -> Remarks:
        """Both together."""
        lowest = min(filter(None, (self.lowest, other.lowest)), default=None)
        return Remarks(self.messages + other.messages, lowest, self.exhausted + other.exhausted)

    def warnings(self, chisqr: float) -> list[str]:
        """In words, about a fit with this chi-square."""
        messages = list(self.messages)
        if self.exhausted:
            count = len(self.exhausted)
            messages.append(
                f"the fit of the other variables ran out of evaluations at {count} "
                f"point{'s' * (count > 1)}, where chi-square may be too high; the first is "
                f"{self.exhausted[0]}"
            )
        if self.lowest is not None:
            lower, where = self.lowest
            messages.append(
                f"chi-square is lower than that of the best fit, {lower:.10g} instead of "
                f"{chisqr:.10g}, at {where}: fit again from there, the intervals are about a point "
                "that is not the minimum"
            )
        return messages


class Profile:
    """Chi-square with the variables `held` fixed and the others at their best.

    Variables that the fit left on a bound stay there: they count as fixed.
    """

    def __init__(self, fit: Fitted, held: Sequence[str]) -> None:
        self.fit = fit
        self.result = result = fit.result
        self.params = result.params.copy()
        self.best: Point
        self.held: list[Parameter] = [self.params[name] for name in held]
        on_bound = getattr(result, "at_bound", ())
        names = [n for n in result.var_names if n not in held and n not in on_bound]
        self.names = names
        self.varying: list[Parameter] = [self.params[name] for name in names]
        self.mapping: list[Parameter] = twins(self.varying)
        # What has to be warned of, by whoever called on behalf of the user.
        self.messages: list[str] = []
        # The lowest chi-square below that of the best fit, and where.
        self.lowest: tuple[float, str] | None = None
        # Where fits ran out of evaluations.
        self.exhausted: list[str] = []
        self._prepare()
        # The residual's and the parameters' tolerance follow from how well chi-square is wanted.
        self.ftol = max(1e-8 / max(result.nfree, 1), 1e-14)
        self.best = Point(
            tuple(float(p.value) for p in self.held), self.evaluator.internal(), result.chisqr
        )
        self.slopes = self._slopes(held)

    def _prepare(self) -> None:
        fit, result, settings = self.fit, self.result, self.fit.settings
        jacobian, col_deriv = settings["Dfun"], bool(settings["col_deriv"])
        self.scheme = "analytic" if jacobian is not None else settings["jac"] or "2-point"
        self.epsfcn = settings["epsfcn"] or EPSFCN
        some = len(self.names) < len(result.var_names)
        if jacobian is not None and jacobian is not fit.fcn and some:
            jacobian = columns_of(
                jacobian, [result.var_names.index(name) for name in self.names], col_deriv
            )
        self.evaluator = residual_of(
            fit.fcn,
            self.params,
            self.varying,
            self.mapping,
            fit.args,
            fit.kws,
            fit.nan_policy,
            UNLIMITED,
            jac=jacobian,
            col_deriv=col_deriv,
        )

    def _slopes(self, held: Sequence[str]) -> FloatArray:
        """How the others follow those held at the best fit, shape (len(held), len(names))."""
        covar, slopes = self.result.covar, np.zeros((len(held), len(self.names)))
        if covar is None or not self.names:
            return slopes
        names = self.result.var_names
        rows = [names.index(name) for name in held]
        columns = [names.index(name) for name in self.names]
        gradient = self.evaluator.external(self.best.u)[1]
        try:
            found = np.linalg.solve(covar[np.ix_(rows, rows)], covar[np.ix_(rows, columns)])
        except np.linalg.LinAlgError:
            return slopes
        with np.errstate(all="ignore"):
            found = found / gradient
        return found if np.isfinite(found).all() else slopes

    def tangent(self, at: tuple[float, ...]) -> FloatArray:
        """Internal values of the others by the linear model of the best fit."""
        change = np.array(at) - np.array(self.best.at)
        return np.asarray(self.best.u + change @ self.slopes)

    def probe(self, at: tuple[float, ...], start: FloatArray) -> Point:
        """The point at these values of the variables held, from this start of the others."""
        for item, value in zip(self.held, at, strict=True):
            item.value = value
        if not self.names:
            given = self.fit.fcn(self.params, *self.fit.args, **self.fit.kws)
            residual = coerce_float64(given, self.fit.nan_policy)
            found = Point(at, start, float(residual @ residual))
        else:
            solver = LevenbergMarquardt(
                start,
                jac=self.scheme,
                ftol=self.ftol,
                xtol=1e-10,
                maxfev=PATIENCE * (len(self.names) + 1),
                epsfcn=self.epsfcn,
            )
            self.evaluator.stopped = None
            self.evaluator.run(solver)
            if self.evaluator.stopped is not None:
                found = Point(at, start, math.nan)
            else:
                found = Point(at, solver.x, float(solver.fnorm) * float(solver.fnorm))
                self.evaluator.place(found.u)
                if solver.info == TOO_MANY:
                    self.exhausted.append(_shown(self.held))
        lowest = self.best.chisqr * (1 - LOWER) if self.lowest is None else self.lowest[0]
        if found.chisqr < lowest:
            self.lowest = found.chisqr, _shown(self.params.values())
        return found

    def remarks(self) -> Remarks:
        """What the user has to be told."""
        return Remarks(self.messages, self.lowest, self.exhausted)

    def values(self) -> list[float]:
        """Values of all parameters at the last point."""
        return [float(item) for item in self.params.values()]


def _shown(items: Iterable[Parameter]) -> str:
    return ", ".join(f"{item.name}={float(item):.10g}" for item in items)
