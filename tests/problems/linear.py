"""Linear problems, of full rank and of rank 1: numbers 32 to 34 of the paper.

The closed forms of their minima hold for every starting point.
"""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def full_rank(n: int, m: int) -> Problem:
    """f_i = x_i - (2/m) sum(x) - 1 for i <= n, and -(2/m) sum(x) - 1 beyond."""

    def f(x: Array) -> Array:
        r = np.full(m, -2.0 * x.sum() / m - 1.0)
        r[:n] += x
        return r

    def df(x: Array) -> Array:
        return np.eye(m, n) - 2.0 / m

    return Problem(
        f"linear-full-rank-{n}x{m}", 32, m, (1.0,) * n, f, df,
        minimum=float(m - n), minimizer=(-1.0,) * n, minpack_starts=1,
    )  # fmt: skip


def rank_1(n: int, m: int) -> Problem:
    """f_i = i sum_j(j x_j) - 1."""
    i, j = np.arange(1.0, m + 1), np.arange(1.0, n + 1)

    def f(x: Array) -> Array:
        return i * (j * x).sum() - 1.0

    def df(x: Array) -> Array:
        return np.outer(i, j)

    return Problem(
        f"linear-rank-1-{n}x{m}", 33, m, (1.0,) * n, f, df,
        minimum=m * (m - 1) / (2.0 * (2 * m + 1)), minpack_starts=1,
        minimizer=(3.0 / (2 * m + 1),) + (0.0,) * (n - 1),
    )  # fmt: skip


def rank_1_with_zeros(n: int, m: int) -> Problem:
    """f_1 = f_m = -1, f_i = (i - 1) sum_{1<j<n}(j x_j) - 1: columns 1, n and rows 1, m are 0."""
    i = np.arange(0.0, m)
    i[-1] = 0.0
    j = np.arange(1.0, n + 1)
    j[0] = j[-1] = 0.0

    def f(x: Array) -> Array:
        return i * (j * x).sum() - 1.0

    def df(x: Array) -> Array:
        return np.outer(i, j)

    return Problem(
        f"linear-rank-1-zeros-{n}x{m}", 34, m, (1.0,) * n, f, df,
        minimum=(m * m + 3 * m - 6) / (2.0 * (2 * m - 3)), minpack_starts=1,
        minimizer=(0.0, 1.5 / (2 * m - 3)) + (0.0,) * (n - 2),
    )  # fmt: skip
