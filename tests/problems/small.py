"""Problems of two to four variables, given by formulas: no data to fit."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def rosenbrock() -> Problem:
    """Number 1: a curved valley."""

    def f(x: Array) -> Array:
        return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    def df(x: Array) -> Array:
        return np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])

    return Problem(
        "rosenbrock", 1, 2, (-1.2, 1.0), f, df,
        minimum=0.0, minimizer=(1.0, 1.0), minpack_starts=3, system="residual",
    )  # fmt: skip


def freudenstein_roth() -> Problem:
    """Number 2: most methods end in its local minimum."""

    def f(x: Array) -> Array:
        a, b = x
        return np.array(
            [-13.0 + a + ((5.0 - b) * b - 2.0) * b, -29.0 + a + ((b + 1.0) * b - 14.0) * b]
        )

    def df(x: Array) -> Array:
        b = x[1]
        return np.array([[1.0, (10.0 - 3.0 * b) * b - 2.0], [1.0, (3.0 * b + 2.0) * b - 14.0]])

    return Problem(
        "freudenstein-roth", 2, 2, (0.5, -2.0), f, df,
        minimum=0.0, minimizer=(5.0, 4.0), other_minima=(48.9842,), minpack_starts=3,
    )  # fmt: skip


def powell_badly_scaled() -> Problem:
    """Number 3: the solution's components differ by a factor of a million."""

    def f(x: Array) -> Array:
        return np.array([1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])

    def df(x: Array) -> Array:
        return np.array([[1e4 * x[1], 1e4 * x[0]], [-np.exp(-x[0]), -np.exp(-x[1])]])

    return Problem(
        "powell-badly-scaled", 3, 2, (0.0, 1.0), f, df,
        minimum=0.0, minimizer=(1.09815933e-5, 9.10614674), system="residual",
    )  # fmt: skip


def brown_badly_scaled() -> Problem:
    """Number 4: the solution's components differ by twelve orders of magnitude."""

    def f(x: Array) -> Array:
        return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])

    def df(x: Array) -> Array:
        return np.array([[1.0, 0.0], [0.0, 1.0], [x[1], x[0]]])

    return Problem(
        "brown-badly-scaled", 4, 3, (1.0, 1.0), f, df, minimum=0.0, minimizer=(1e6, 2e-6)
    )


def beale() -> Problem:
    """Number 5."""
    y = np.array([1.5, 2.25, 2.625])

    def f(x: Array) -> Array:
        a, b = x
        return y - a * (1.0 - np.array([b, b * b, b * b * b]))

    def df(x: Array) -> Array:
        a, b = x
        return np.array(
            [[b - 1.0, a], [b * b - 1.0, 2.0 * a * b], [b * b * b - 1.0, 3.0 * a * b * b]]
        )

    return Problem("beale", 5, 3, (1.0, 1.0), f, df, minimum=0.0, minimizer=(3.0, 0.5))


def helical_valley() -> Problem:
    """Number 7: the angle of (x1, x2) in turns, between -1/4 and 3/4, is discontinuous."""

    def turns(a: Array, b: Array) -> Array:
        if a.real == 0.0:
            return np.float64(np.copysign(0.25, b.real))
        return np.arctan(b / a) / (2.0 * np.pi) + (0.5 if a.real < 0.0 else 0.0)

    def f(x: Array) -> Array:
        a, b, c = x
        radius = np.sqrt(a * a + b * b)
        return np.array([10.0 * (c - 10.0 * turns(a, b)), 10.0 * (radius - 1.0), c])

    def df(x: Array) -> Array:
        a, b, _ = x
        square = a * a + b * b
        radius = np.sqrt(square)
        k = 100.0 / (2.0 * np.pi * square)
        return np.array(
            [[k * b, -k * a, 10.0], [10.0 * a / radius, 10.0 * b / radius, 0.0], [0.0, 0.0, 1.0]]
        )

    return Problem(
        "helical-valley", 7, 3, (-1.0, 0.0, 0.0), f, df,
        minimum=0.0, minimizer=(1.0, 0.0, 0.0), minpack_starts=3, system="residual",
    )  # fmt: skip


def powell_singular() -> Problem:
    """Number 13: the Jacobian has rank 2 at the solution, so convergence is linear."""
    r5, r10 = np.sqrt(5.0), np.sqrt(10.0)

    def f(x: Array) -> Array:
        a, b, c, d = x
        return np.array([a + 10.0 * b, r5 * (c - d), (b - 2.0 * c) ** 2, r10 * (a - d) ** 2])

    def df(x: Array) -> Array:
        a, b, c, d = x
        u, v = 2.0 * (b - 2.0 * c), 2.0 * r10 * (a - d)
        return np.array(
            [
                [1.0, 10.0, 0.0, 0.0],
                [0.0, 0.0, r5, -r5],
                [0.0, u, -2.0 * u, 0.0],
                [v, 0.0, 0.0, -v],
            ]
        )

    return Problem(
        "powell-singular", 13, 4, (3.0, -1.0, 0.0, 1.0), f, df,
        minimum=0.0, minimizer=(0.0,) * 4, minpack_starts=3, system="residual",
    )  # fmt: skip


def wood() -> Problem:
    """Number 14."""
    r90, r10 = np.sqrt(90.0), np.sqrt(10.0)

    def f(x: Array) -> Array:
        a, b, c, d = x
        return np.array(
            [
                10.0 * (b - a * a),
                1.0 - a,
                r90 * (d - c * c),
                1.0 - c,
                r10 * (b + d - 2.0),
                (b - d) / r10,
            ]
        )

    def df(x: Array) -> Array:
        a, _, c, _ = x
        return np.array(
            [
                [-20.0 * a, 10.0, 0.0, 0.0],
                [-1.0, 0.0, 0.0, 0.0],
                [0.0, 0.0, -2.0 * r90 * c, r90],
                [0.0, 0.0, -1.0, 0.0],
                [0.0, r10, 0.0, r10],
                [0.0, 1.0 / r10, 0.0, -1.0 / r10],
            ]
        )

    return Problem(
        "wood", 14, 6, (-3.0, -1.0, -3.0, -1.0), f, df,
        minimum=0.0, minimizer=(1.0,) * 4, system="gradient",
    )  # fmt: skip
