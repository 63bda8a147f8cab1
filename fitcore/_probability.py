"""From chi-square to probability: the F test, the likelihood, or a function of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fitcore._distributions import chi2_sf, f_isf, f_sf, normal_two_sided

if TYPE_CHECKING:
    from fitcore._profile import Fitted, Point

__all__ = ["NewFit", "Statistic", "f_compare"]

METHODS = ("F", "log-likelihood")


class NewFit(NamedTuple):
    """A fit with variables held, as `prob_func` gets it.

    Attributes
    ----------
    chisqr, redchi : float
        Chi-square, and over the degrees of freedom.
    nvarys, nfree, ndata : int
        Numbers of variables, of degrees of freedom and of residuals.
    """

    chisqr: float
    redchi: float
    nvarys: int
    nfree: int
    ndata: int


def f_compare(best_fit: Any, new_fit: Any) -> float:
    """Probability, by the F test, that a fit with fewer variables is worse than the best fit.

    ``F(P_fix, N - P) = (chisqr_new / chisqr_best - 1) (N - P) / P_fix``.

    Parameters
    ----------
    best_fit : MinimizerResult
        The best fit, of N data by P variables.
    new_fit : MinimizerResult
        One with `P_fix` of the variables fixed.

    Returns
    -------
    float
        Between 0 and 1; 0 if chi-square is not above that of the best fit.

    Raises
    ------
    ValueError
        If `new_fit` has not fewer variables, or there are no degrees of freedom.

    Examples
    --------
    >>> from types import SimpleNamespace as Fit
    >>> from fitcore import f_compare
    >>> best = Fit(chisqr=10.0, nvarys=2, nfree=10)
    >>> round(f_compare(best, Fit(chisqr=11.0, nvarys=1, nfree=11)), 6)
    0.659107
    """
    nfix = best_fit.nvarys - new_fit.nvarys
    if nfix < 1:
        raise ValueError(
            f"new_fit must have fewer variables than best_fit, got {new_fit.nvarys} and "
            f"{best_fit.nvarys}"
        )
    if best_fit.nfree < 1:
        raise ValueError(f"best_fit has no degrees of freedom: nfree={best_fit.nfree}")
    ratio = (new_fit.chisqr / best_fit.chisqr - 1) * best_fit.nfree / nfix
    return 1 - f_sf(ratio, nfix, best_fit.nfree)


class Statistic:
    """How chi-square is turned into probabilities."""

    def __init__(
        self,
        fit: Fitted,
        nfix: int,
        prob_func: Callable[[Any, Any], float] | None,
        method: str,
    ) -> None:
        if not isinstance(method, str) or method not in METHODS:
            raise ValueError(f"method must be 'F' or 'log-likelihood', got {method!r:.80}")
        if prob_func is not None and not callable(prob_func):
            raise TypeError(f"prob_func must be callable or None, got {prob_func!r:.80}")
        self.fit, self.nfix, self.prob_func, self.method = fit, nfix, prob_func, method

    def probability(self, chisqr: float) -> float:
        """Of a point."""
        result = self.fit.result
        if not math.isfinite(chisqr):
            return 1.0
        if self.prob_func is not None or self.method == "F":
            nvarys, nfree = result.nvarys - self.nfix, result.nfree + self.nfix
            new = NewFit(chisqr, chisqr / nfree, nvarys, nfree, result.ndata)
            return float((self.prob_func or f_compare)(result, new))
        if self.fit.known_errors:
            return 1 - chi2_sf(chisqr - result.chisqr, self.nfix)
        return 1 - chi2_sf(result.ndata * math.log(chisqr / result.chisqr), self.nfix)

    def height(self, point: Point) -> float:
        """What the root finder works on, nearly proportional to the distance."""
        if self.prob_func is not None:
            return normal_two_sided(1 - self.probability(point.chisqr))
        excess = point.chisqr / self.fit.result.chisqr - 1
        return math.sqrt(excess) if excess > 0 else (0.0 if excess <= 0 else math.nan)

    def wanted(self, outside: float) -> float:
        """The height beyond which the probability is `outside`."""
        if self.prob_func is not None:
            return normal_two_sided(outside)
        if self.method == "F":
            return math.sqrt(f_isf(outside, 1, self.fit.result.nfree) / self.fit.result.nfree)
        square = normal_two_sided(outside) ** 2
        if self.fit.known_errors:
            return math.sqrt(square / self.fit.result.chisqr)
        return math.sqrt(math.expm1(square / self.fit.result.ndata))

    def unit(self) -> float:
        """The height at one standard error, of a linear model."""
        if self.prob_func is not None:
            return 1.0
        return math.sqrt(
            (1 / self.fit.result.chisqr) if self.fit.known_errors else 1 / self.fit.result.nfree
        )
