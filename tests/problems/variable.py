"""Problems of any number of variables, without an underlying discretization or band structure."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def watson(n: int, minpack_starts: int = 0) -> Problem:
    """Number 20: a polynomial of degree n - 1 that solves u' = u^2 + 1, u(0) = 0."""
    t = np.arange(1.0, 30.0)[:, None] / 29.0
    j = np.arange(n)
    power = t**j
    slope = np.zeros((29, n))
    slope[:, 1:] = j[1:] * power[:, :-1]

    def f(x: Array) -> Array:
        r = np.empty(31, dtype=x.dtype)
        r[:29] = (slope * x).sum(axis=1) - (power * x).sum(axis=1) ** 2 - 1.0
        r[29] = x[0]
        r[30] = x[1] - x[0] ** 2 - 1.0
        return r

    def df(x: Array) -> Array:
        jac = np.zeros((31, n))
        jac[:29] = slope - 2.0 * (power * x).sum(axis=1)[:, None] * power
        jac[29, 0] = 1.0
        jac[30, :2] = -2.0 * x[0], 1.0
        return jac

    known = {6: 2.28767e-3, 9: 1.39976e-6, 12: 4.72238e-10}
    return Problem(
        f"watson-{n}", 20, 31, (0.0,) * n, f, df,
        minimum=known.get(n), minpack_starts=minpack_starts, system="gradient",
    )  # fmt: skip


def extended_rosenbrock(n: int) -> Problem:
    """Number 21: n/2 independent Rosenbrock functions; n even."""
    odd = np.arange(0, n, 2)

    def f(x: Array) -> Array:
        r = np.empty(n, dtype=x.dtype)
        r[0::2] = 10.0 * (x[1::2] - x[0::2] ** 2)
        r[1::2] = 1.0 - x[0::2]
        return r

    def df(x: Array) -> Array:
        jac = np.zeros((n, n))
        jac[odd, odd] = -20.0 * x[0::2]
        jac[odd, odd + 1] = 10.0
        jac[odd + 1, odd] = -1.0
        return jac

    return Problem(
        f"extended-rosenbrock-{n}", 21, n, (-1.2, 1.0) * (n // 2), f, df,
        minimum=0.0, minimizer=(1.0,) * n,
    )  # fmt: skip


def extended_powell(n: int) -> Problem:
    """Number 22: n/4 independent Powell singular functions; n a multiple of 4."""
    k = np.arange(0, n, 4)
    r5, r10 = np.sqrt(5.0), np.sqrt(10.0)

    def f(x: Array) -> Array:
        a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
        r = np.empty(n, dtype=x.dtype)
        r[0::4] = a + 10.0 * b
        r[1::4] = r5 * (c - d)
        r[2::4] = (b - 2.0 * c) ** 2
        r[3::4] = r10 * (a - d) ** 2
        return r

    def df(x: Array) -> Array:
        u, v = 2.0 * (x[1::4] - 2.0 * x[2::4]), 2.0 * r10 * (x[0::4] - x[3::4])
        jac = np.zeros((n, n))
        jac[k, k], jac[k, k + 1] = 1.0, 10.0
        jac[k + 1, k + 2], jac[k + 1, k + 3] = r5, -r5
        jac[k + 2, k + 1], jac[k + 2, k + 2] = u, -2.0 * u
        jac[k + 3, k], jac[k + 3, k + 3] = v, -v
        return jac

    return Problem(
        f"extended-powell-{n}", 22, n, (3.0, -1.0, 0.0, 1.0) * (n // 4), f, df,
        minimum=0.0, minimizer=(0.0,) * n,
    )  # fmt: skip


def penalty_1(n: int) -> Problem:
    """Number 23: ones, held by a weak penalty, against a sphere of radius 1/2."""
    root_a = np.sqrt(1e-5)

    def f(x: Array) -> Array:
        return np.append(root_a * (x - 1.0), (x * x).sum() - 0.25)

    def df(x: Array) -> Array:
        return np.vstack([root_a * np.eye(n), 2.0 * x])

    return Problem(
        f"penalty-1-{n}", 23, n + 1, tuple(range(1, n + 1)), f, df,
        minimum={4: 2.24997e-5, 10: 7.08765e-5}.get(n),
    )  # fmt: skip


def penalty_2(n: int) -> Problem:
    """Number 24: as penalty I, with exponentials of neighbours."""
    root_a = np.sqrt(1e-5)
    i = np.arange(2.0, n + 1)
    y = np.exp(i / 10.0) + np.exp((i - 1.0) / 10.0)
    weight = np.arange(n, 0.0, -1.0)

    def f(x: Array) -> Array:
        e = np.exp(x / 10.0)
        pairs, single = root_a * (e[1:] + e[:-1] - y), root_a * (e[1:] - np.exp(-0.1))
        return np.concatenate([[x[0] - 0.2], pairs, single, [(weight * x * x).sum() - 1.0]])

    def df(x: Array) -> Array:
        e = root_a * np.exp(x / 10.0) / 10.0
        jac = np.zeros((2 * n, n))
        jac[0, 0] = 1.0
        k = np.arange(1, n)
        jac[k, k], jac[k, k - 1] = e[1:], e[:-1]
        jac[k + n - 1, k] = e[1:]
        jac[-1] = 2.0 * weight * x
        return jac

    return Problem(
        f"penalty-2-{n}", 24, 2 * n, (0.5,) * n, f, df,
        minimum={4: 9.37629e-6, 10: 2.93660e-4}.get(n),
    )  # fmt: skip


def variably_dimensioned(n: int) -> Problem:
    """Number 25."""
    j = np.arange(1.0, n + 1)

    def f(x: Array) -> Array:
        s = (j * (x - 1.0)).sum()
        return np.concatenate([x - 1.0, [s, s * s]])

    def df(x: Array) -> Array:
        s = (j * (x - 1.0)).sum()
        return np.vstack([np.eye(n), j, 2.0 * s * j])

    return Problem(
        f"variably-dimensioned-{n}", 25, n + 2, tuple(1.0 - j / n), f, df,
        minimum=0.0, minimizer=(1.0,) * n, system="gradient",
    )  # fmt: skip


def trigonometric(n: int) -> Problem:
    """Number 26: has local minima; zero at the origin, among other points."""
    i = np.arange(1.0, n + 1)

    def f(x: Array) -> Array:
        c = np.cos(x)
        return n - c.sum() + i * (1.0 - c) - np.sin(x)

    def df(x: Array) -> Array:
        s = np.sin(x)
        return s + np.diag(i * s - np.cos(x))

    return Problem(
        f"trigonometric-{n}", 26, n, (1.0 / n,) * n, f, df,
        minimum=0.0, minimizer=(0.0,) * n, system="residual",
    )  # fmt: skip


def brown_almost_linear(n: int, minpack_starts: int = 0) -> Problem:
    """Number 27: n - 1 linear equations and a product. Sum of squares 1 at (0, ..., 0, n + 1)."""

    def f(x: Array) -> Array:
        r = x + x.sum() - (n + 1.0)
        r[-1] = x.prod() - 1.0
        return r

    def df(x: Array) -> Array:
        jac = 1.0 + np.eye(n)
        below = np.concatenate([[1.0], np.cumprod(x[:-1])])
        above = np.concatenate([[1.0], np.cumprod(x[:0:-1])])[::-1]
        jac[-1] = below * above  # not product / x_j, which fails at zeros
        return jac

    return Problem(
        f"brown-almost-linear-{n}", 27, n, (0.5,) * n, f, df,
        minimum=0.0, minimizer=(1.0,) * n, other_minima=(1.0,),
        minpack_starts=minpack_starts, system="residual",
    )  # fmt: skip


def chebyquad(n: int, m: int | None = None, minpack_starts: int = 0) -> Problem:
    """Number 35: nodes of quadrature with equal weights on [0, 1]; exact where the minimum is 0."""
    rows = n if m is None else m
    i = np.arange(1, rows + 1)
    integral = np.where(i % 2 == 0, -1.0 / np.where(i % 2 == 0, i * i - 1.0, 1.0), 0.0)

    def f(x: Array) -> Array:
        t = 2.0 * x - 1.0
        before, now = np.ones_like(t), t
        r = np.empty(rows, dtype=x.dtype)
        for k in range(rows):
            r[k] = now.sum() / n
            before, now = now, 2.0 * t * now - before
        return r - integral

    def df(x: Array) -> Array:
        t = 2.0 * x - 1.0
        before, now = np.ones_like(t), t
        slope_before, slope = np.zeros_like(t), np.full_like(t, 2.0)
        jac = np.empty((rows, n))
        for k in range(rows):
            jac[k] = slope / n
            slope_before, slope = slope, 4.0 * now + 2.0 * t * slope - slope_before
            before, now = now, 2.0 * t * now - before
        return jac

    known = {8: 3.51687e-3, 10: 6.50395e-3, **dict.fromkeys([1, 2, 3, 4, 5, 6, 7, 9], 0.0)}
    name = f"chebyquad-{n}" if rows == n else f"chebyquad-{n}x{rows}"
    return Problem(
        name, 35, rows, tuple(np.arange(1, n + 1) / (n + 1.0)), f, df,
        minimum=known.get(n) if rows == n else None, minpack_starts=minpack_starts,
        system="residual" if rows == n else "",
    )  # fmt: skip
