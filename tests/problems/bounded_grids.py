"""Variational inequalities on a grid: torsion, journal bearing, obstacle.

B. M. Averick, R. G. Carter, J. J. Moré, G.-L. Xue, The MINPACK-2 test problem collection, Argonne
National Laboratory MCS-P153-0692, 1992; the obstacles are those of R. S. Dembo, U. Tulowitzki, On
the minimization of quadratic functions subject to box constraints, Yale University, 1983. Piecewise
linear functions on triangles, zero on the boundary.
"""

from __future__ import annotations

import math

import numpy as np

from .bounded_case import BoundedCase, Objective, case
from .problem import Array


def energy(weight: Array, load: Array, hx: float, hy: float) -> Objective:
    """Integral of w |grad v|^2 / 2 - load v over a rectangle.

    ``weight`` (nx + 2,): w at the grid's lines of constant first coordinate, boundary included.
    ``load`` (nx, ny). The variables are v at the interior points, first coordinate slowest.
    """
    nx, ny = load.shape
    area = 0.5 * hx * hy
    lower = (area * (2.0 * weight[:-1] + weight[1:]) / 3.0)[:, None]
    upper = (area * (2.0 * weight[1:] + weight[:-1]) / 3.0)[:, None]

    def fun(x: Array) -> tuple[float, Array]:
        v = np.zeros((nx + 2, ny + 2))
        v[1:-1, 1:-1] = x.reshape(nx, ny)
        across, along = np.diff(v, axis=0) / hx, np.diff(v, axis=1) / hy
        f = lower * (across[:, :-1] ** 2 + along[:-1] ** 2)
        f += upper * (across[:, 1:] ** 2 + along[1:] ** 2)
        g = np.zeros_like(v)
        for w, a, i in ((lower, across[:, :-1], np.s_[:-1]), (upper, across[:, 1:], np.s_[1:])):
            flux = w * a / hx
            g[1:, i] += flux
            g[:-1, i] -= flux
        for w, b, i in ((lower, along[:-1], np.s_[:-1]), (upper, along[1:], np.s_[1:])):
            flux = w * b / hy
            g[i, 1:] += flux
            g[i, :-1] -= flux
        force = hx * hy * load
        value = 0.5 * float(f.sum()) - float((force * v[1:-1, 1:-1]).sum())
        return value, (g[1:-1, 1:-1] - force).ravel()

    return fun


def _inside(n: int, length: float = 1.0) -> Array:
    return length * np.arange(1.0, n + 1) / (n + 1)


def torsion(n: int, c: float = 5.0) -> tuple[Objective, Array]:
    """Elastic-plastic torsion of a bar with square section; and the distance to its boundary."""
    h = 1.0 / (n + 1)
    side = np.minimum(_inside(n), 1.0 - _inside(n))
    distance = np.minimum(side[:, None], side[None, :]).ravel()
    return energy(np.ones(n + 2), np.full((n, n), c), h, h), distance


def bearing(
    nx: int, ny: int, eccentricity: float = 0.1, b: float = 10.0
) -> tuple[Objective, Array]:
    """Pressure in a journal bearing; and the standard start, sin+ of the first coordinate."""
    hx, hy = 2.0 * math.pi / (nx + 1), 2.0 * b / (ny + 1)
    angle = hx * np.arange(nx + 2.0)
    load = np.repeat(eccentricity * np.sin(angle[1:-1])[:, None], ny, axis=1)
    start = np.repeat(np.maximum(np.sin(angle[1:-1]), 0.0), ny)
    return energy((1.0 + eccentricity * np.cos(angle)) ** 3, load, hx, hy), start


def obstacle(n: int) -> Objective:
    """A membrane under unit load."""
    h = 1.0 / (n + 1)
    return energy(np.ones(n + 2), np.ones((n, n)), h, h)


def _cases() -> list[BoundedCase]:
    cases = []
    for n, options in (
        (10, {"m": 5}),
        (20, {"m": 10, "pgtol": 1e-10}),
        (30, {"m": 20, "factr": 10.0}),
        (100, {"m": 3}),
    ):
        fun, distance = torsion(n)
        cases.append(case(f"torsion-{n}x{n}", fun, distance, -distance, distance, **options))
    fun, distance = torsion(20, 20.0)
    cases.append(case("torsion-20x20-plastic", fun, np.zeros(400), -distance, distance))
    fun, distance = torsion(20)
    cases.append(case("torsion-20x20-outside", fun, np.full(400, 3.0), -distance, distance, m=17))
    for nx, ny, options in (
        (10, 10, {"m": 3}),
        (20, 30, {"m": 10}),
        (50, 50, {"m": 17, "pgtol": 1e-6}),
    ):
        fun, start = bearing(nx, ny)
        cases.append(case(f"bearing-{nx}x{ny}", fun, start, 0.0, **options))
    for n, k, options in ((20, 3.2, {"m": 5}), (40, 3.2, {"factr": 10.0})):
        t = _inside(n)
        floor = (np.sin(k * t)[:, None] * np.sin((k + 0.1) * t)) ** 3
        cases.append(
            case(f"obstacle-below-{n}x{n}", obstacle(n), np.ones(n * n), floor.ravel(), **options)
        )
    for n, options in ((20, {"m": 5}), (60, {"m": 10, "factr": 1e12})):
        t = _inside(n)
        wave = np.sin(9.2 * t)[:, None] * np.sin(9.3 * t)
        between = (wave**3).ravel(), (wave**2 + 0.02).ravel()
        cases.append(
            case(f"obstacle-between-{n}x{n}", obstacle(n), between[0], *between, **options)
        )
    return cases


GRID_CASES = tuple(_cases())
