"""Probabilities and quantiles of the F, chi-square and normal distributions.

Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), sections 6.1, 26.2, 26.5, 26.6.
"""

from __future__ import annotations

import math

__all__ = ["chi2_sf", "f_isf", "f_sf", "normal_two_sided", "two_sided_level"]

TINY = 1e-300
# From here on Stirling's series with the terms below is exact to rounding.
LARGE = 12.0
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def _stirling(x: float) -> float:
    """What ln Gamma(x) is above (x - 1/2) ln x - x + ln(2 pi)/2; eq. 6.1.41."""
    return math.fsum(c / x ** (2 * k + 1) for k, c in enumerate(STIRLING))


def _log_beta(a: float, b: float) -> float:
    """Logarithm of the beta function, without the cancellation of large ln Gamma."""
    if a < b:
        a, b = b, a
    if a < LARGE:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    total = a + b
    if b < LARGE:
        ratio = -(a - 0.5) * math.log1p(b / a) - b * math.log(total) + b
        return math.lgamma(b) + ratio + _stirling(a) - _stirling(total)
    known = 0.5 * math.log(2 * math.pi) - 0.5 * math.log(b)
    return (
        known
        - (a - 0.5) * math.log1p(b / a)
        - b * math.log1p(a / b)
        + _stirling(a)
        + _stirling(b)
        - _stirling(total)
    )


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction 26.5.8 of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, 100_000):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + top * d
            d = 1 / (d if abs(d) > TINY else TINY)
            c = 1 + top / c
            c = c if abs(c) > TINY else TINY
            factor = c * d
            value *= factor
        if abs(factor - 1) < 1e-16:
            break
    return value


def _log_weight(a: float, b: float, x: float, y: float) -> float:
    """Logarithm of x**a y**b / B(a, b), where x + y = 1."""
    log_x = math.log1p(-y) if y < 0.5 else math.log(x)
    log_y = math.log1p(-x) if x < 0.5 else math.log(y)
    return a * log_x + b * log_y - _log_beta(a, b)


def _incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """Regularized incomplete beta function I_x(a, b); y is 1 - x."""
    if x <= 0 or y <= 0:
        return 0.0 if x <= 0 else 1.0
    weight = math.exp(_log_weight(a, b, x, y))
    if x < (a + 1) / (a + b + 2):
        return weight * _fraction(a, b, x) / a
    return 1 - weight * _fraction(b, a, y) / b


def f_sf(f: float, d1: float, d2: float) -> float:
    """Probability that F with `d1` and `d2` degrees of freedom is beyond `f`; eq. 26.6.2."""
    if not f > 0:
        return math.nan if math.isnan(f) else 1.0
    if math.isinf(f):
        return 0.0
    total = d2 + d1 * f
    return _incomplete_beta(d2 / 2, d1 / 2, d2 / total, d1 * f / total)


def f_isf(q: float, d1: float, d2: float) -> float:
    """The value that F exceeds with probability `q`, between 0 and 1.

    Newton's method on the logarithms of both, kept inside a bracket.
    """
    low, high = -math.inf, math.inf
    log_f, log_q = 0.0, math.log(q)
    for _ in range(200):
        f = math.exp(log_f)
        tail = f_sf(f, d1, d2)
        if tail > q:
            low = log_f
        else:
            high = log_f
        total = d2 + d1 * f
        density = math.exp(_log_weight(d2 / 2, d1 / 2, d2 / total, d1 * f / total))
        step = (math.log(tail) - log_q) * tail / density if tail > 0 and density > 0 else math.nan
        if abs(step) < 1e-15:
            break
        ahead = log_f + step
        if not low < ahead < high or abs(step) > 5:
            if math.isinf(high):
                ahead = log_f + 2
            elif math.isinf(low):
                ahead = log_f - 2
            else:
                ahead = 0.5 * (low + high)
        if ahead in (log_f, low, high):
            break
        log_f = ahead
    return math.exp(log_f)


def chi2_sf(x: float, d: int) -> float:
    """Probability that chi-square with one or two degrees of freedom is beyond `x`."""
    x = max(x, 0.0)
    return math.erfc(math.sqrt(x / 2)) if d == 1 else math.exp(-x / 2)


def two_sided_level(z: float) -> tuple[float, float]:
    """Probability within `z` standard deviations of a normal distribution, and that outside."""
    return math.erf(z / math.sqrt(2)), math.erfc(z / math.sqrt(2))


def normal_two_sided(q: float) -> float:
    """The number of standard deviations beyond which, on both sides, the probability is `q`."""
    if q <= 0:
        return math.inf
    from statistics import NormalDist

    return -NormalDist().inv_cdf(q / 2) if q < 1 else 0.0
