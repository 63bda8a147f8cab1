"""Quadratic, linear and logistic objectives; most of their minima are known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bounded_case import INF, BoundedCase, Objective, alternating, case
from .problem import Array


def diagonal(curvature: Array, center: Array) -> Objective:
    """sum(curvature (x - center)^2) / 2: within bounds, least at the projection of center."""

    def fun(x: Array) -> tuple[float, Array]:
        d = x - center
        return 0.5 * float((curvature * d * d).sum()), curvature * d

    return fun


def tridiagonal(b: Array) -> Objective:
    """x^T T x / 2 - b^T x with T = tridiag(-1, 2, -1)."""

    def fun(x: Array) -> tuple[float, Array]:
        g = second_difference(x) - b
        return 0.5 * float((x * (g - b)).sum()), g

    return fun


def second_difference(x: Array) -> Array:
    """tridiag(-1, 2, -1) x."""
    y = 2.0 * x
    y[1:] -= x[:-1]
    y[:-1] -= x[1:]
    return y


def dense(a: Array, b: Array) -> Objective:
    """x^T A x / 2 - b^T x with A symmetric."""

    def fun(x: Array) -> tuple[float, Array]:
        ax = (a * x).sum(axis=1)
        return 0.5 * float((x * ax).sum()) - float((b * x).sum()), ax - b

    return fun


def linear(c: Array) -> Objective:
    """c^T x: no curvature at all, so every update is skipped."""
    return lambda x: (float((c * x).sum()), c.copy())


def least_squares(a: Array, b: Array) -> Objective:
    """|A x - b|^2 / 2."""

    def fun(x: Array) -> tuple[float, Array]:
        r = (a * x).sum(axis=1) - b
        return 0.5 * float((r * r).sum()), (a * r[:, None]).sum(axis=0)

    return fun


def logistic(features: Array, label: Array, ridge: float) -> Objective:
    """Negative log-likelihood of labels -1 and 1, with ridge |x|^2 / 2."""

    def fun(x: Array) -> tuple[float, Array]:
        margin = label * (features * x).sum(axis=1)
        loss = np.logaddexp(0.0, -margin)
        slope = -label * np.exp(-margin - loss)
        g = (features * slope[:, None]).sum(axis=0) + ridge * x
        return float(loss.sum()) + 0.5 * ridge * float((x * x).sum()), g

    return fun


def waves(*shape: int) -> Array:
    """Matrix or vector without structure, the same on every machine but for the last bits."""
    k = np.arange(1.0, np.prod(shape) + 1.0)
    return np.sin(1.7 * k * k + 0.3 * k).reshape(shape)


def _diagonal_cases() -> list[BoundedCase]:
    c100 = np.geomspace(1.0, 1e2, 100)
    t100 = 3.0 * waves(100)
    f100 = diagonal(c100, t100)
    c1000, t1000 = np.geomspace(1.0, 1e6, 1000), 2.0 * waves(1000)
    c4, t4 = 1.0 + np.arange(10000) % 7, 2.0 * waves(10000)
    f4 = diagonal(c4, t4)
    one = diagonal(np.array([2.0]), np.array([3.0]))

    def least(c: Array, t: Array, low: float, high: float) -> tuple[float, Array]:
        x = np.clip(t, low, high)
        return 0.5 * float((c * (x - t) ** 2).sum()), x

    box, x_box = least(c100, t100, -1.0, 1.0)
    below, x_below = least(c100, t100, 0.0, INF)
    above, x_above = least(c100, t100, -INF, 0.5)
    big, x_big = least(c4, t4, -1.0, 1.0)
    hard, x_hard = least(c1000, t1000, -1.0, 1.0)
    fixed = np.where(np.arange(100) % 3 == 0, 0.25, -INF)
    fixed_high = np.where(np.arange(100) % 3 == 0, 0.25, INF)
    mixed = alternating(100, -INF, 0.0, -1.0, -INF), alternating(100, INF, INF, 1.0, 0.5)
    x_mixed = np.clip(t100, *mixed)
    exact: dict[str, Any] = {"factr": 10.0, "pgtol": 1e-10}
    loose: dict[str, Any] = {"factr": 1e12}
    return [
        case("square-1", one, [10.0], minimum=0.0, minimizer=[3.0]),
        case("square-1-lower-active", one, [10.0], [5.0], minimum=4.0, minimizer=[5.0]),
        case("square-1-upper-active", one, [-1.0], u=[2.0], m=1, minimum=1.0, minimizer=[2.0]),
        case("square-1-fixed", one, [0.0], [1.0], [1.0], minimum=4.0, minimizer=[1.0]),
        case("diagonal-100", f100, np.zeros(100), minimum=0.0, minimizer=t100),
        case("diagonal-100-m1", f100, np.zeros(100), m=1, minimum=0.0, minimizer=t100),
        case("diagonal-100-loose", f100, np.zeros(100), **loose),
        case("diagonal-100-exact", f100, np.zeros(100), minimum=0.0, minimizer=t100, **exact),
        case("diagonal-100-box", f100, np.zeros(100), -1.0, 1.0, minimum=box, minimizer=x_box),
        case("diagonal-100-box-m1", f100, np.zeros(100), -1.0, 1.0, m=1, minimum=box),
        case("diagonal-100-box-m20", f100, np.zeros(100), -1.0, 1.0, m=20, minimum=box),
        case("diagonal-100-box-corner", f100, np.ones(100), -1.0, 1.0, m=5, minimum=box, **exact),
        case("diagonal-100-lower", f100, np.ones(100), 0.0, m=17, minimum=below,
             minimizer=x_below),
        case("diagonal-100-upper", f100, -np.ones(100), u=0.5, m=3, minimum=above,
             minimizer=x_above),
        case("diagonal-100-outside", f100, 50.0 * t100, -1.0, 1.0, minimum=box, minimizer=x_box),
        case("diagonal-100-mixed", f100, np.full(100, 9.0), *mixed, minimizer=x_mixed,
             minimum=0.5 * float((c100 * (x_mixed - t100) ** 2).sum()), **exact),
        case("diagonal-100-third-fixed", f100, np.zeros(100), fixed, fixed_high,
             minimum=0.5 * float((c100 * (fixed - t100) ** 2)[::3].sum())),
        case("diagonal-100-all-fixed", f100, np.zeros(100), t100, t100, minimum=0.0,
             minimizer=t100),
        case("diagonal-1000-ill-conditioned", diagonal(c1000, t1000), np.zeros(1000), m=20,
             maxfun=1500),
        case("diagonal-1000-ill-conditioned-box", diagonal(c1000, t1000), np.zeros(1000), -1.0,
             1.0, factr=10.0, pgtol=1e-3, minimum=hard, minimizer=x_hard, maxfun=1500),
        case("diagonal-10000", f4, np.zeros(10000), minimum=0.0, minimizer=t4),
        case("diagonal-10000-box", f4, np.zeros(10000), -1.0, 1.0, minimum=big, minimizer=x_big),
        case("diagonal-10000-box-m3", f4, np.full(10000, 0.5), -1.0, 1.0, m=3, minimum=big),
    ]  # fmt: skip


def _coupled_cases() -> list[BoundedCase]:
    # Minimizers chosen first, then b so that the gradient there pushes against the active bounds.
    n = 200
    want = np.clip(1.5 * np.sin(np.arange(1.0, n + 1) / 9.0), 0.0, 1.0)
    push = np.where(want == 0.0, 0.1, np.where(want == 1.0, -0.1, 0.0))
    b = second_difference(want) - push
    string = tridiagonal(b)
    load = np.full(1000, -1e-5)
    hilbert = 1.0 / (np.arange(1.0, 11.0)[:, None] + np.arange(10.0))
    ones = (hilbert * 1.0).sum(axis=1)
    q = waves(30, 30)
    spd = (q[:, None, :] * q[None, :, :]).sum(axis=2) / 30.0 + 0.01 * np.eye(30)
    b30 = 2.0 * waves(30)
    design = np.abs(waves(40, 12)) + 0.1
    truth = np.maximum(waves(12), 0.0)
    zero = truth == 0.0
    target = (design * truth).sum(axis=1)
    x_features = waves(60, 8)
    label = np.where((x_features[:, :3]).sum(axis=1) + 0.4 * waves(60) > 0.0, 1.0, -1.0)
    fit = logistic(x_features, label, 1e-3)
    indefinite = np.diag(alternating(12, 1.0, -2.0)) + 0.1
    c20 = waves(20)
    return [
        case("string-200-box", string, np.zeros(n), 0.0, 1.0, pgtol=1e-10, factr=10.0,
             minimum=string(want)[0], minimizer=want),
        case("string-200-box-m3", string, np.full(n, 0.5), 0.0, 1.0, m=3, maxfun=3000),
        case("string-200-box-m20-loose", string, np.full(n, 2.0), 0.0, 1.0, m=20, factr=1e12),
        case("string-1000-sagging", tridiagonal(load), np.zeros(1000), -0.3, 0.3, factr=10.0,
             pgtol=1e-8, maxfun=1500),
        case("string-50-free", tridiagonal(waves(50)), np.zeros(50), m=5, pgtol=1e-10),
        case("hilbert-10", dense(hilbert, ones), np.zeros(10),
             minimum=-0.5 * float(ones.sum()), factr=10.0),
        case("hilbert-10-box-m20", dense(hilbert, ones), np.zeros(10), -0.5, 0.9, m=20),
        case("hilbert-10-lower-exact", dense(hilbert, ones), np.full(10, 3.0), 1.1, m=17,
             factr=0.0, pgtol=1e-10, maxfun=2000),
        case("dense-30", dense(spd, b30), np.zeros(30), m=20, pgtol=1e-10),
        case("dense-30-box", dense(spd, b30), np.zeros(30), -2.0, 2.0),
        case("dense-30-lower-m1", dense(spd, b30), np.ones(30), 0.0, m=1, maxfun=3000),
        case("dense-30-fixed", dense(spd, b30), np.zeros(30), alternating(30, 1.0, -2.0, -2.0),
             alternating(30, 1.0, 2.0, 2.0), m=5),
        case("nonnegative-least-squares", least_squares(design, target), np.ones(12), 0.0,
             minimum=0.0, minimizer=truth),
        case("nonnegative-least-squares-active", least_squares(design, target - 0.2),
             np.ones(12), np.where(zero, 0.0, -INF), m=17, factr=10.0),
        case("logistic-8", fit, np.zeros(8)),
        case("logistic-8-box", fit, np.zeros(8), -1.0, 1.0, pgtol=1e-10),
        case("logistic-8-upper-m3", fit, np.zeros(8), u=alternating(8, 2.0, 0.0), m=3),
        case("indefinite-12-box", dense(indefinite, waves(12)), np.zeros(12), -3.0, 2.0),
        case("concave-20-box", diagonal(-1.0 - np.arange(20.0), 0.3 * c20), np.zeros(20), -1.0,
             2.0, m=5),
        case("saddle-2-box", dense(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2)), [0.3, -0.2],
             -1.0, 1.0, minimum=-1.0),
        case("linear-20-box", linear(c20), np.full(20, 0.1), -1.0, 1.0,
             minimum=-float(np.abs(c20).sum()), minimizer=-np.sign(c20)),
        case("linear-1000-outside", linear(waves(1000)), np.full(1000, 7.0), -1.0, 1.0, m=3,
             minimizer=-np.sign(waves(1000)), minimum=-float(np.abs(waves(1000)).sum())),
        case("linear-3-unbounded", linear(np.array([1.0, -2.0, 0.5])), np.zeros(3), maxfun=60),
    ]  # fmt: skip


QUADRATIC_CASES = (*_diagonal_cases(), *_coupled_cases())
