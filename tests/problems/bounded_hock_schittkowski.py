"""The bound-constrained problems of Hock and Schittkowski.

W. Hock, K. Schittkowski, Test Examples for Nonlinear Programming Codes, Lecture Notes in Economics
and Mathematical Systems 187, Springer, 1981; numbers, starts and minima are theirs.
"""

from __future__ import annotations

import math

import numpy as np

from .bounded_case import BoundedCase, Objective, case, sum_of_squares
from .mgh import problem
from .problem import Array


def hs3(x: Array) -> tuple[float, Array]:
    d = x[1] - x[0]
    return float(x[1] + 1e-5 * d * d), np.array([-2e-5 * d, 1.0 + 2e-5 * d])


def hs4(x: Array) -> tuple[float, Array]:
    a = x[0] + 1.0
    return float(a * a * a / 3.0 + x[1]), np.array([a * a, 1.0])


def hs5(x: Array) -> tuple[float, Array]:
    a, b = float(x[0]), float(x[1])
    c, d = math.cos(a + b), 2.0 * (a - b)
    f = math.sin(a + b) + (a - b) ** 2 - 1.5 * a + 2.5 * b + 1.0
    return f, np.array([c + d - 1.5, c - d + 2.5])


def _hs25() -> Objective:
    i = np.arange(1.0, 100.0) / 100.0
    base = 25.0 + (-50.0 * np.log(i)) ** (2.0 / 3.0)

    def fun(x: Array) -> tuple[float, Array]:
        d = base - x[1]
        power = d ** x[2]
        e = np.exp(-power / x[0])
        r = e - i
        slope = 2.0 * r * e * power
        derivative = [slope / x[0] ** 2, slope * x[2] / (d * x[0]), -slope * np.log(d) / x[0]]
        return float((r * r).sum()), np.array([t.sum() for t in derivative])

    return fun


def hs45(x: Array) -> tuple[float, Array]:
    others = [np.prod(np.delete(x, j)) for j in range(5)]
    return float(2.0 - np.prod(x) / 120.0), -np.array(others) / 120.0


def hs110(x: Array) -> tuple[float, Array]:
    a, b = np.log(x - 2.0), np.log(10.0 - x)
    p = np.prod(x) ** 0.2
    g = 2.0 * a / (x - 2.0) - 2.0 * b / (10.0 - x) - 0.2 * p / x
    return float((a * a + b * b).sum() - p), g


def _hs2_minimizer() -> tuple[float, float]:
    a = math.sqrt(598.0 / 1200.0)
    return 2.0 * a * math.cos(math.acos(1.0 / (400.0 * a**3)) / 3.0), 1.5


def _cases() -> list[BoundedCase]:
    valley = sum_of_squares(problem("rosenbrock"))
    none = -np.inf
    quarter = math.pi / 3.0
    return [
        case("hs1", valley, [-2.0, 1.0], [none, -1.5], minimum=0.0, minimizer=[1.0, 1.0]),
        case("hs1-m3-exact", valley, [-2.0, 1.0], [none, -1.5], m=3, factr=10.0, minimum=0.0),
        # From the start it goes to the other local minimum, 4.941229, as solvers in the book do.
        case("hs2", valley, [-2.0, 1.0], [none, 1.5]),
        case("hs2-right", valley, [2.0, 3.0], [none, 1.5], minimum=0.0504261879,
             minimizer=_hs2_minimizer(), pgtol=1e-10),
        case("hs3", hs3, [10.0, 1.0], [none, 0.0], minimum=0.0, minimizer=[0.0, 0.0],
             factr=0.0, pgtol=1e-10),
        case("hs4", hs4, [1.125, 0.125], [1.0, 0.0], minimum=8.0 / 3.0, minimizer=[1.0, 0.0]),
        case("hs5", hs5, [0.0, 0.0], [-1.5, -3.0], [4.0, 3.0],
             minimum=-math.sqrt(3.0) / 2.0 - quarter,
             minimizer=[0.5 - quarter, -0.5 - quarter]),
        case("hs5-m1-exact", hs5, [4.0, 3.0], [-1.5, -3.0], [4.0, 3.0], m=1, pgtol=1e-10),
        case("hs25", _hs25(), [100.0, 12.5, 3.0], [0.1, 0.0, 0.0], [100.0, 25.6, 5.0]),
        case("hs25-near", _hs25(), [45.0, 24.0, 1.4], [0.1, 0.0, 0.0], [100.0, 25.6, 5.0],
             minimum=0.0, pgtol=1e-10, factr=10.0),
        case("hs38", sum_of_squares(problem("wood")), [-3.0, -1.0, -3.0, -1.0], -10.0, 10.0,
             minimum=0.0, minimizer=np.ones(4)),
        case("hs45", hs45, np.full(5, 2.0), 0.0, np.arange(1.0, 6.0), minimum=1.0,
             minimizer=np.arange(1.0, 6.0)),
        # The book prints 9.35025655; this is where 2 ln(x-2)/(x-2) - 2 ln(10-x)/(10-x) = x/5.
        case("hs110", hs110, np.full(10, 9.0), 2.001, 9.999, minimum=-45.77846971,
             minimizer=np.full(10, 9.350265833069383)),
    ]  # fmt: skip


HOCK_SCHITTKOWSKI_CASES = tuple(_cases())
