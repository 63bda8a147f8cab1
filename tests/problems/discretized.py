"""Square systems with the structure of a discretized equation: numbers 28 to 31 of the paper."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def boundary_value(n: int) -> Problem:
    """Number 28: u'' = (u + t + 1)^3 / 2 with u(0) = u(1) = 0, by central differences."""
    h = 1.0 / (n + 1)
    t = h * np.arange(1.0, n + 1)

    def f(x: Array) -> Array:
        r = 2.0 * x + h * h * (x + t + 1.0) ** 3 / 2.0
        r[1:] -= x[:-1]
        r[:-1] -= x[1:]
        return r

    def df(x: Array) -> Array:
        diagonal = 2.0 + 1.5 * h * h * (x + t + 1.0) ** 2
        return np.diag(diagonal) - np.eye(n, k=1) - np.eye(n, k=-1)

    return Problem(
        f"boundary-value-{n}", 28, n, tuple(t * (t - 1.0)), f, df, minimum=0.0, system="residual"
    )


def integral_equation(n: int) -> Problem:
    """Number 29: the same equation through its Green's function; the Jacobian is dense."""
    h = 1.0 / (n + 1)
    t = h * np.arange(1.0, n + 1)
    green = np.where(t[None, :] <= t[:, None], np.outer(1.0 - t, t), np.outer(t, 1.0 - t))

    def f(x: Array) -> Array:
        return x + h * (green * (x + t + 1.0) ** 3).sum(axis=1) / 2.0

    def df(x: Array) -> Array:
        return np.eye(n) + 1.5 * h * green * (x + t + 1.0) ** 2

    return Problem(
        f"integral-equation-{n}", 29, n, tuple(t * (t - 1.0)), f, df,
        minimum=0.0, system="residual",
    )  # fmt: skip


def broyden_tridiagonal(n: int) -> Problem:
    """Number 30."""

    def f(x: Array) -> Array:
        r = (3.0 - 2.0 * x) * x + 1.0
        r[1:] -= x[:-1]
        r[:-1] -= 2.0 * x[1:]
        return r

    def df(x: Array) -> Array:
        return np.diag(3.0 - 4.0 * x) - np.eye(n, k=-1) - 2.0 * np.eye(n, k=1)

    return Problem(
        f"broyden-tridiagonal-{n}", 30, n, (-1.0,) * n, f, df, minimum=0.0, system="residual"
    )


def broyden_banded(n: int) -> Problem:
    """Number 31: five diagonals below the main one and one above."""
    i = np.arange(n)
    offset = i[None, :] - i[:, None]
    band = ((offset >= -5) & (offset <= 1) & (offset != 0)).astype(float)

    def f(x: Array) -> Array:
        g = x * (1.0 + x)
        # Slices, not band * g: where g overflows, 0 * inf would spread nan outside the band.
        r = x * (2.0 + 5.0 * x * x) + 1.0
        for k in range(1, 6):
            r[k:] -= g[:-k]
        r[:-1] -= g[1:]
        return r

    def df(x: Array) -> Array:
        return np.diag(2.0 + 15.0 * x * x) - np.where(band > 0.0, 1.0 + 2.0 * x, 0.0)

    return Problem(f"broyden-banded-{n}", 31, n, (-1.0,) * n, f, df, minimum=0.0, system="residual")
