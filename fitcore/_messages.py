"""Texts that the compiled least squares solvers share, and those of fits that were stopped."""

from functools import lru_cache
from typing import Final

#: What each value of ``info`` means.
MESSAGES: Final[dict[int, str]] = {
    -1: "The fit was stopped by the user.",
    0: "Improper input parameters.",
    1: "Both actual and predicted relative reductions in the sum of squares\n"
    "  are at most {ftol:f}",
    2: "The relative error between two consecutive iterates is at most {xtol:f}",
    3: "Both actual and predicted relative reductions in the sum of squares\n"
    "  are at most {ftol:f} and the relative error between two consecutive iterates is at \n"
    "  most {xtol:f}",
    4: "The cosine of the angle between func(x) and any column of the\n"
    "  Jacobian is at most {gtol:f} in absolute value",
    5: "Number of calls to function has reached maxfev = {maxfev:d}.",
    6: "ftol={ftol:f} is too small, no further reduction in the sum of squares\n  is possible.",
    7: "xtol={xtol:f} is too small, no further improvement in the approximate\n"
    "  solution is possible.",
    8: "gtol={gtol:f} is too small, func(x) is orthogonal to the columns of\n"
    "  the Jacobian to machine precision.",
    9: "The residuals or the Jacobian contain NaN or infinity at the present point,\n"
    "  or at every step from it.",
}


@lru_cache(64)
def outcome(info: int, ftol: float, xtol: float, gtol: float, maxfev: int) -> str:
    """How a solver ended: the text of `info`, with the settings it speaks of."""
    return MESSAGES[info].format(ftol=ftol, xtol=xtol, gtol=gtol, maxfev=maxfev)


def stopped_text(why: str, limit: int) -> str:
    """How a fit ended that was stopped, with at most `limit` evaluations allowed."""
    if why.startswith("the native function"):
        return f"Fit aborted: {why}."
    return {
        "max_nfev": f"Fit aborted: number of function evaluations > {limit}",
        "iter_cb": "Fit aborted: iter_cb asked for it.",
        "callback": "Fit aborted: callback asked for it.",
    }.get(why, "Fit aborted: the function raised AbortFitException.")
