"""How far from its bound a variable that the fit left there goes within one standard error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fitcore._leastsq_start import range_between
from fitcore._profile import Profile

if TYPE_CHECKING:
    from fitcore._profile import Fitted

__all__ = ["scale_beside_bound"]

# The first distance, as a part of the range; the factor between tries, and how many there are.
FIRST, FACTOR, TRIES = 1e-3, 8.0, 60


def scale_beside_bound(fit: Fitted, name: str) -> float | None:
    """The distance from the bound where chi-square is about one standard error up.

    On a bound chi-square need not be level: it rises by ``g d + h d**2``, and no covariance tells
    `g`. So it is looked at, at distances apart by a factor, until it is up by between 0.1 and 10
    times the reduced chi-square (1 if the errors of the data are known).

    Parameters
    ----------
    fit : Fitted
    name : str
        The variable.

    Returns
    -------
    float or None
        The whole way to the other bound if chi-square does not rise that much within it. None if
        it rises nowhere or jumps.
    """
    profile = Profile(fit, [name])
    item, origin = fit.result.params[name], profile.best.at[0]
    low, high = float(item.min), float(item.max)
    sign, reach = (1, high - origin) if origin - low <= high - origin else (-1, origin - low)
    if not reach > 0:
        return None
    unit = 1.0 if fit.known_errors else fit.result.redchi
    distance, point = FIRST * min(range_between(low, high, origin), reach), profile.best
    too_near, too_far = 0.0, math.inf
    for _ in range(TRIES):
        at = origin + sign * distance
        near = profile.probe((at,), point.u)
        rise = (near.chisqr - profile.best.chisqr) / unit
        if 0.1 <= rise <= 10:
            return distance / math.sqrt(rise)
        if rise < 0.1:
            if distance >= reach:
                return reach
            too_near, point = distance, near
            further = FACTOR * distance
        else:  # or not a number
            too_far = distance
            further = distance / FACTOR
        if not too_near < further < too_far:
            further = math.sqrt(too_near * too_far)
        distance = min(further, reach)
        if not math.isfinite(distance) or at == origin:
            break
    return None
