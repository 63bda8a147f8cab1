"""Problems that fit a curve, to the paper's data or to a formula sampled at given points."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def jennrich_sampson(m: int = 10) -> Problem:
    """Number 6: 2 + 2i fitted by exp(i x1) + exp(i x2)."""
    i = np.arange(1.0, m + 1)

    def f(x: Array) -> Array:
        return 2.0 + 2.0 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))

    def df(x: Array) -> Array:
        return np.stack([-i * np.exp(i * x[0]), -i * np.exp(i * x[1])], axis=1)

    return Problem(
        "jennrich-sampson", 6, m, (0.3, 0.4), f, df,
        minimum=124.362 if m == 10 else None, minpack_starts=1,
        minimizer=(0.2578, 0.2578) if m == 10 else None,
    )  # fmt: skip


def bard() -> Problem:
    """Number 8: a rational function. The second infimum lies at x2, x3 -> -infinity."""
    y = np.array(
        [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39]
    )
    u = np.arange(1.0, 16.0)
    v = 16.0 - u
    w = np.minimum(u, v)

    def f(x: Array) -> Array:
        return y - (x[0] + u / (v * x[1] + w * x[2]))

    def df(x: Array) -> Array:
        d = u / (v * x[1] + w * x[2]) ** 2
        return np.stack([-np.ones(15), d * v, d * w], axis=1)

    return Problem(
        "bard", 8, 15, (1.0, 1.0, 1.0), f, df,
        minimum=8.21487e-3, other_minima=(17.4286,), minpack_starts=3,
    )  # fmt: skip


def gaussian() -> Problem:
    """Number 9: a normal density, rounded to four places, from a start that is all but there."""
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
    y = np.array([*half, 0.3989, *half[::-1]])
    t = (8.0 - np.arange(1.0, 16.0)) / 2.0

    def f(x: Array) -> Array:
        return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2.0) - y

    def df(x: Array) -> Array:
        s = t - x[2]
        e = np.exp(-x[1] * s**2 / 2.0)
        return np.stack([e, -x[0] * e * s**2 / 2.0, x[0] * e * x[1] * s], axis=1)

    return Problem("gaussian", 9, 15, (0.4, 1.0, 0.0), f, df, minimum=1.12793e-8)


def meyer() -> Problem:
    """Number 10: resistance of a thermistor; nearly singular, and overflows far away."""
    y = np.hstack(
        [
            [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427],
            [3820, 3307, 2872],
        ]
    ).astype(float)
    t = 45.0 + 5.0 * np.arange(1.0, 17.0)

    def f(x: Array) -> Array:
        return x[0] * np.exp(x[1] / (t + x[2])) - y

    def df(x: Array) -> Array:
        s = t + x[2]
        e = np.exp(x[1] / s)
        return np.stack([e, x[0] * e / s, -x[0] * x[1] * e / s**2], axis=1)

    return Problem("meyer", 10, 16, (0.02, 4000.0, 250.0), f, df, minimum=87.9458, minpack_starts=2)


def gulf(m: int = 99) -> Problem:
    """Number 11, Gulf research and development; |y_i - x2| where the print has |y_i m i x2|."""
    t = np.arange(1.0, m + 1) / 100.0
    y = 25.0 + np.cbrt((-50.0 * np.log(t)) ** 2)

    def distance(x: Array) -> Array:
        d = y - x[1]
        return np.where(d.real < 0.0, -d, d)  # abs would not be analytic in a complex x

    def f(x: Array) -> Array:
        return np.exp(-(distance(x) ** x[2]) / x[0]) - t

    def df(x: Array) -> Array:
        d = distance(x)
        p = d ** x[2]
        e = np.exp(-p / x[0])
        slope = np.where(d > 0.0, p / d, 0.0) * np.sign(y - x[1])
        log = np.where(d > 0.0, p * np.log(d), 0.0)
        return np.stack([e * p / x[0] ** 2, e * x[2] * slope / x[0], -e * log / x[0]], axis=1)

    return Problem("gulf", 11, m, (5.0, 2.5, 0.15), f, df, minimum=0.0, minimizer=(50.0, 25.0, 1.5))


def box_3d(m: int = 10) -> Problem:
    """Number 12: zero at (1, 10, 1), at (10, 1, -1) and on the line (a, a, 0)."""
    t = 0.1 * np.arange(1.0, m + 1)
    known = np.exp(-t) - np.exp(-10.0 * t)

    def f(x: Array) -> Array:
        return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * known

    def df(x: Array) -> Array:
        return np.stack([-t * np.exp(-t * x[0]), t * np.exp(-t * x[1]), -known], axis=1)

    return Problem(
        "box-3d", 12, m, (0.0, 10.0, 20.0), f, df,
        minimum=0.0, minimizer=(1.0, 10.0, 1.0), minpack_starts=1,
    )  # fmt: skip


def kowalik_osborne() -> Problem:
    """Number 15: enzyme kinetics. The second infimum lies at infinity."""
    y = np.array(
        [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
    )
    u = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])

    def f(x: Array) -> Array:
        return y - x[0] * (u * (u + x[1])) / (u * (u + x[2]) + x[3])

    def df(x: Array) -> Array:
        top, bottom = u * (u + x[1]), u * (u + x[2]) + x[3]
        ratio = top / bottom
        return np.stack(
            [-ratio, -x[0] * u / bottom, x[0] * ratio * u / bottom, x[0] * ratio / bottom], axis=1
        )

    return Problem(
        "kowalik-osborne", 15, 11, (0.25, 0.39, 0.415, 0.39), f, df,
        minimum=3.07505e-4, other_minima=(1.02734e-3,), minpack_starts=3,
    )  # fmt: skip


def brown_dennis(m: int = 20) -> Problem:
    """Number 16: large residuals at the solution."""
    t = np.arange(1.0, m + 1) / 5.0
    e, s, c = np.exp(t), np.sin(t), np.cos(t)

    def f(x: Array) -> Array:
        return (x[0] + t * x[1] - e) ** 2 + (x[2] + s * x[3] - c) ** 2

    def df(x: Array) -> Array:
        u, v = 2.0 * (x[0] + t * x[1] - e), 2.0 * (x[2] + s * x[3] - c)
        return np.stack([u, u * t, v, v * s], axis=1)

    return Problem(
        "brown-dennis", 16, m, (25.0, 5.0, -5.0, -1.0), f, df,
        minimum=85822.2 if m == 20 else None, minpack_starts=3,
    )  # fmt: skip


def osborne_1() -> Problem:
    """Number 17: two exponentials and a constant."""
    y = np.hstack(
        [
            [0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751],
            [0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490],
            [0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406],
        ]
    )
    t = 10.0 * np.arange(33.0)

    def f(x: Array) -> Array:
        return y - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))

    def df(x: Array) -> Array:
        a, b = np.exp(-t * x[3]), np.exp(-t * x[4])
        return np.stack([-np.ones(33), -a, -b, t * x[1] * a, t * x[2] * b], axis=1)

    return Problem(
        "osborne-1", 17, 33, (0.5, 1.5, -1.0, 0.01, 0.02), f, df,
        minimum=5.46489e-5, minpack_starts=1,
    )  # fmt: skip


def biggs_exp6(m: int = 13) -> Problem:
    """Number 18: three exponentials."""
    t = 0.1 * np.arange(1.0, m + 1)
    y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)

    def f(x: Array) -> Array:
        a, b, c = np.exp(-t * x[0]), np.exp(-t * x[1]), np.exp(-t * x[4])
        return x[2] * a - x[3] * b + x[5] * c - y

    def df(x: Array) -> Array:
        a, b, c = np.exp(-t * x[0]), np.exp(-t * x[1]), np.exp(-t * x[4])
        return np.stack([-t * x[2] * a, t * x[3] * b, a, -b, -t * x[5] * c, c], axis=1)

    return Problem(
        "biggs-exp6", 18, m, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), f, df,
        minimum=0.0, minimizer=(1.0, 10.0, 1.0, 5.0, 4.0, 3.0),
        other_minima=(5.65565e-3,) if m == 13 else (),
    )  # fmt: skip


def osborne_2() -> Problem:
    """Number 19: an exponential and three Gaussian peaks."""
    y = np.hstack(
        [
            [1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679],
            [0.608, 0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644],
            [0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391],
            [0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668],
            [0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581],
            [0.428, 0.292, 0.162, 0.098, 0.054],
        ]
    )
    t = np.arange(65.0) / 10.0

    def terms(x: Array) -> list[Array]:
        peaks = [np.exp(-((t - x[8 + k]) ** 2) * x[5 + k]) for k in range(3)]
        return [np.exp(-t * x[4]), *peaks]

    def f(x: Array) -> Array:
        a, b, c, d = terms(x)
        return y - (x[0] * a + x[1] * b + x[2] * c + x[3] * d)

    def df(x: Array) -> Array:
        e = terms(x)
        columns = [-term for term in e] + [t * x[0] * e[0]]
        columns += [x[1 + k] * e[1 + k] * (t - x[8 + k]) ** 2 for k in range(3)]
        columns += [-2.0 * x[1 + k] * x[5 + k] * e[1 + k] * (t - x[8 + k]) for k in range(3)]
        return np.stack(columns, axis=1)

    return Problem(
        "osborne-2", 19, 65, (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), f, df,
        minimum=4.01377e-2, minpack_starts=1,
    )  # fmt: skip
