"""Smooth nonlinear objectives: Moré, Garbow and Hillstrom's, some at large n, and Rosenbrock's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bounded_case import INF, BoundedCase, Objective, alternating, case, sum_of_squares
from .mgh import problem
from .problem import Array


def rosenbrock(x: Array) -> tuple[float, Array]:
    """Chained: sum of 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2 over i < n."""
    t, s = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    g = np.zeros_like(x)
    g[1:] = 200.0 * t
    g[:-1] -= 400.0 * x[:-1] * t + 2.0 * s
    return float((100.0 * t * t + s * s).sum()), g


def extended_rosenbrock(x: Array) -> tuple[float, Array]:
    """n/2 independent Rosenbrock functions."""
    a, b = x[0::2], x[1::2]
    t, s = b - a * a, 1.0 - a
    g = np.empty_like(x)
    g[0::2] = -400.0 * a * t - 2.0 * s
    g[1::2] = 200.0 * t
    return float((100.0 * t * t + s * s).sum()), g


def sample(x: Array) -> tuple[float, Array]:
    """The sample problem of Algorithm 778: (x_1 - 1)^2 + 4 sum (x_i - x_(i-1)^2)^2."""
    t = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[0] = 2.0 * (x[0] - 1.0)
    g[1:] += 8.0 * t
    g[:-1] -= 16.0 * x[:-1] * t
    return float((x[0] - 1.0) ** 2 + 4.0 * (t * t).sum()), g


def extended_powell(x: Array) -> tuple[float, Array]:
    """n/4 independent Powell singular functions."""
    a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
    p, q, r, s = a + 10.0 * b, c - d, b - 2.0 * c, a - d
    g = np.empty_like(x)
    g[0::4] = 2.0 * p + 40.0 * s**3
    g[1::4] = 20.0 * p + 4.0 * r**3
    g[2::4] = 10.0 * q - 8.0 * r**3
    g[3::4] = -10.0 * q - 40.0 * s**3
    return float((p * p + 5.0 * q * q + r**4 + 10.0 * s**4).sum()), g


def broyden_tridiagonal(x: Array) -> tuple[float, Array]:
    r = (3.0 - 2.0 * x) * x + 1.0
    r[1:] -= x[:-1]
    r[:-1] -= 2.0 * x[1:]
    g = (3.0 - 4.0 * x) * r
    g[:-1] -= r[1:]
    g[1:] -= 2.0 * r[:-1]
    return float((r * r).sum()), 2.0 * g


def boundary_value(n: int) -> Objective:
    h = 1.0 / (n + 1)
    t = h * np.arange(1.0, n + 1)

    def fun(x: Array) -> tuple[float, Array]:
        s = x + t + 1.0
        r = 2.0 * x + h * h * s**3 / 2.0
        r[1:] -= x[:-1]
        r[:-1] -= x[1:]
        g = (2.0 + 1.5 * h * h * s * s) * r
        g[:-1] -= r[1:]
        g[1:] -= r[:-1]
        return float((r * r).sum()), 2.0 * g

    return fun


def variably_dimensioned(x: Array) -> tuple[float, Array]:
    j, d = np.arange(1.0, x.size + 1), x - 1.0
    s = float((j * d).sum())
    return float((d * d).sum()) + s * s + s**4, 2.0 * d + (2.0 * s + 4.0 * s**3) * j


def trigonometric(x: Array) -> tuple[float, Array]:
    i, c, s = np.arange(1.0, x.size + 1), np.cos(x), np.sin(x)
    versine = 2.0 * np.sin(0.5 * x) ** 2  # 1 - cos(x) without cancellation near 0
    r = versine.sum() + i * versine - s
    return float((r * r).sum()), 2.0 * (s * r.sum() + (i * s - c) * r)


def penalty_1(x: Array) -> tuple[float, Array]:
    d, s = x - 1.0, float((x * x).sum()) - 0.25
    return 1e-5 * float((d * d).sum()) + s * s, 2e-5 * d + 4.0 * s * x


def _published_cases() -> list[BoundedCase]:
    """Moré, Garbow and Hillstrom's, of the catalogue for least squares."""

    def of(name: str, suffix: str = "", *bounds: Any, **options: Any) -> BoundedCase:
        p = problem(name)
        x0 = options.pop("x0", p.start())
        return case(name + suffix, sum_of_squares(p), x0, *bounds, **options)

    return [
        of("rosenbrock", minimum=0.0, minimizer=np.ones(2)),
        of("rosenbrock", "-m1", m=1, minimum=0.0),
        of("rosenbrock", "-box", -2.0, 0.5, minimum=0.25, minimizer=[0.5, 0.25], pgtol=1e-10),
        of("rosenbrock", "-on-bounds", [-1.2, -INF], [INF, 1.0], m=3, minimum=0.0),
        of("beale", minimum=0.0, minimizer=[3.0, 0.5]),
        of("beale", "-box", 0.0, [2.0, 4.5], m=5, pgtol=1e-10),
        # This one and the one before throw their memory away, when a factorization fails.
        of("beale", "-narrow-m3", 0.1, 1.9, m=3, factr=10.0, pgtol=1e-10),
        of("beale", "-fixed", [-INF, 0.25], [INF, 0.25], m=3),
        of("powell-singular", minimum=0.0, factr=10.0),
        of("powell-singular", "-box-m20", alternating(4, 0.1, -20.0, -1.0, -1.0),
           alternating(4, 100.0, 20.0, 1.0, 50.0), m=20),
        of("wood", minimum=0.0, minimizer=np.ones(4)),
        of("wood", "-box-m17", -10.0, alternating(4, 0.9, 10.0), m=17, pgtol=1e-10),
        of("brown-badly-scaled", minimum=0.0, maxfun=2000),
        of("brown-badly-scaled", "-box", [0.0, 3e-5], [1e6, 100.0], maxfun=2000),
        of("powell-badly-scaled", maxfun=2000),
        of("powell-badly-scaled", "-box", [0.0, 1.0], [1.0, 9.0], pgtol=1e-10, maxfun=2000),
        of("helical-valley", minimum=0.0, minimizer=[1.0, 0.0, 0.0]),
        of("helical-valley", "-box", [-100.0, -1.0, -1.0], [0.8, 1.0, 1.0], m=5),
        of("penalty-1-10", minimum=7.08765e-5, factr=10.0, pgtol=1e-10, maxfun=3000),
        of("penalty-2-10", minimum=2.93660e-4, m=17, pgtol=1e-10, maxfun=3000),
        of("penalty-2-4", "-lower", 0.3, m=3),
        of("watson-6", minimum=2.28767e-3, factr=10.0, pgtol=1e-10),
        of("watson-9", "-box", -0.5, 0.9, m=20, maxfun=3000),
        of("brown-dennis", minimum=85822.2),
        of("brown-dennis", "-box-m5", [-10.0, 0.0, -100.0, -20.0], [100.0, 15.0, 0.0, 0.2], m=5),
        of("biggs-exp6", factr=10.0, maxfun=2000),
        of("trigonometric-10"),
        of("integral-equation-10", "-upper", -INF, -0.05, m=5, pgtol=1e-10),
        of("chebyquad-8", minimum=3.51687e-3),
        of("chebyquad-8", "-box", 0.1, 0.8, m=20),
    ]  # fmt: skip


def _sample_case(name: str, n: int = 25, **options: Any) -> BoundedCase:
    low = alternating(n, 1.0, -100.0)
    return case(name, sample, np.full(n, 3.0), low, 100.0, minimum=0.0, **options)


def _large_cases() -> list[BoundedCase]:
    def valley(n: int) -> Array:
        return alternating(n, -1.2, 1.0)

    n = 10000
    steps = np.arange(1.0, 101.0) / 101.0
    return [
        # The paper's own run prints f = 1.083490083518e-9 after 23 iterations, 28 evaluations.
        _sample_case("sample-25", m=5, minimizer=np.ones(25)),
        _sample_case("sample-25-m1", m=1, maxfun=3000),
        _sample_case("sample-25-m20-loose", m=20, factr=1e12),
        _sample_case("sample-25-exact", m=5, factr=0.0, pgtol=1e-10),
        _sample_case("sample-25-to-the-last-bit", m=5, factr=0.0, pgtol=0.0),
        _sample_case("sample-1000", 1000, m=10, factr=10.0),
        case("chained-rosenbrock-10", rosenbrock, valley(10), factr=10.0),
        case("chained-rosenbrock-10-box", rosenbrock, valley(10), -1.0, 0.8, m=5),
        case("chained-rosenbrock-10-fixed", rosenbrock, valley(10), alternating(10, 0.5, -2.0),
             alternating(10, 0.5, 2.0), m=17),
        case("chained-rosenbrock-100-m3", rosenbrock, np.full(100, 0.5), m=3, maxfun=1500),
        case("chained-rosenbrock-1000", rosenbrock, valley(1000), m=20, maxfun=800),
        case("chained-rosenbrock-1000-box", rosenbrock, valley(1000), -1.5, 0.5, m=10),
        case("extended-rosenbrock-1000", extended_rosenbrock, valley(1000), minimum=0.0, m=5),
        case("extended-rosenbrock-10000", extended_rosenbrock, valley(n), minimum=0.0,
             minimizer=np.ones(n)),
        case("extended-rosenbrock-10000-box", extended_rosenbrock, valley(n),
             alternating(n, -2.0, -INF), alternating(n, 0.5, INF), m=10, minimum=0.25 * n / 2,
             minimizer=alternating(n, 0.5, 0.25)),
        case("extended-rosenbrock-10000-m1-loose", extended_rosenbrock, valley(n), m=1,
             factr=1e12),
        case("extended-powell-1000", extended_powell, alternating(1000, 3.0, -1.0, 0.0, 1.0),
             minimum=0.0, m=17),
        case("extended-powell-1000-lower", extended_powell,
             alternating(1000, 3.0, -1.0, 0.0, 1.0), alternating(1000, 0.1, -INF)),
        case("broyden-tridiagonal-1000", broyden_tridiagonal, -np.ones(1000), minimum=0.0),
        case("broyden-tridiagonal-5000-box", broyden_tridiagonal, -np.ones(5000),
             alternating(5000, -0.6, -1.0, -0.7), alternating(5000, 0.0, 0.2, INF), m=5),
        case("boundary-value-100", boundary_value(100), steps * (steps - 1.0), minimum=0.0),
        case("boundary-value-100-lower", boundary_value(100), np.zeros(100), -0.05, m=5,
             maxfun=2000),
        case("variably-dimensioned-50", variably_dimensioned, 1.0 - np.arange(1.0, 51.0) / 50.0,
             minimum=0.0),
        case("variably-dimensioned-1000-box", variably_dimensioned, np.full(1000, 0.5), 0.0,
             alternating(1000, 0.9, 2.0, 1.0), m=5, maxfun=2000),
        case("trigonometric-100", trigonometric, np.full(100, 0.01)),
        case("trigonometric-1000-box", trigonometric, np.full(1000, 0.001), 0.0, 0.01, m=3,
             maxfun=1000),
        case("penalty-1-1000", penalty_1, np.arange(1.0, 1001.0), maxfun=2000),
        case("penalty-1-1000-box", penalty_1, np.arange(1.0, 1001.0), alternating(1000, 0.0, 0.01),
             alternating(1000, 0.5, INF), m=20, maxfun=2000),
    ]  # fmt: skip


SMOOTH_CASES = (*_published_cases(), *_large_cases())
