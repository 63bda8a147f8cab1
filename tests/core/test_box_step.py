"""`box_step` minimizes the linear model inside the box and the step bound."""

from __future__ import annotations

import ctypes
import itertools
import tempfile
from ctypes import byref, c_double, c_int64
from functools import cache
from pathlib import Path

import native
import numpy as np
import pytest

import fitcore._bounded_lm

SYMBOL = "__fitcore_box_step_MOD_box_step"
EPS = np.finfo(float).eps


@cache
def library() -> ctypes.CDLL:
    extension = ctypes.CDLL(fitcore._bounded_lm.__file__)
    if hasattr(extension, SYMBOL):
        return extension
    return native.build(Path(tempfile.mkdtemp(prefix="fitcore-core-")))


def box_step(
    a: np.ndarray, f: np.ndarray, x: np.ndarray, lower: np.ndarray, upper: np.ndarray, delta: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """(x + p, predicted relative reduction, who is held) for |A p + f|, with D = 1."""
    n = x.size
    q, r = np.linalg.qr(a)
    r = np.asfortranarray(np.triu(r))
    qtf, ones, xt = q.T @ f, np.ones(n), np.zeros(n)
    ipvt, place = np.arange(1, n + 1), np.zeros(n, np.int64)
    g = a.T @ f
    place[(x <= lower) & (g >= 0)] = 1
    place[(x >= upper) & (g <= 0)] = 2
    work = np.zeros(2 * n * n + 12 * n)
    par, pnorm, reach, prered, dirder = (c_double(0) for _ in range(5))
    routine = library()[SYMBOL]
    routine.restype = None
    p, size = native._p, byref(c_int64(n))
    routine(
        size, p(r), size, p(ipvt), p(ones), p(qtf), p(x), p(lower), p(upper),
        byref(c_double(np.linalg.norm(f))), byref(c_double(delta)), byref(par), p(place), p(xt),
        byref(pnorm), byref(reach), byref(prered), byref(dirder), p(work),
    )  # fmt: skip
    return xt, prered.value, place


def least(a: np.ndarray, f: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """The least |A p + f| in a box, from all the ways to hold variables at bounds."""
    n = lower.size
    best = np.inf
    for places in itertools.product((0, 1, 2), repeat=n):
        where = np.array(places)
        p = np.where(where == 1, lower, np.where(where == 2, upper, 0.0))
        free = where == 0
        if free.any():
            p[free] = -np.linalg.lstsq(a[:, free], f + a @ p, rcond=None)[0]
        if (p >= lower - 1e-12).all() and (p <= upper + 1e-12).all():
            best = min(best, float(np.linalg.norm(a @ p + f)))
    return best


def problems(count: int) -> list[tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(11)
    out = []
    for _ in range(count):
        n = int(rng.integers(1, 5))
        a = rng.normal(size=(n + 3, n)) @ np.diag(10 ** rng.uniform(-2, 2, n))
        a += rng.normal(size=(n + 3, 1)) * rng.uniform(0, 5)  # columns that depend on each other
        x = rng.normal(size=n)
        lower = x - rng.exponential(size=n) * rng.integers(0, 2, n)
        upper = x + rng.exponential(size=n) * rng.integers(0, 2, n)
        upper = np.where(upper == lower, upper + 0.1, upper)
        out.append((a, rng.normal(size=n + 3) * 10, x, lower, upper))
    return out


def test_without_a_step_bound_it_is_the_least_in_the_box() -> None:
    for a, f, x, lower, upper in problems(300):
        xt, prered, _ = box_step(a, f, x, lower, upper, 1e8)
        assert ((lower <= xt) & (xt <= upper)).all()
        reached = np.linalg.norm(a @ (xt - x) + f)
        wanted = least(a, f, lower - x, upper - x)
        assert reached <= wanted * (1 + 1e-9) + 1e-12
        assert prered == pytest.approx(1 - (reached / np.linalg.norm(f)) ** 2, abs=1e-10)


@pytest.mark.parametrize("delta", [1.0, 1e-2, 1e-5])
def test_the_step_bound_is_observed_and_the_model_falls(delta: float) -> None:
    for a, f, x, lower, upper in problems(300):
        xt, prered, place = box_step(a, f, x, lower, upper, delta)
        assert ((lower <= xt) & (xt <= upper)).all()
        assert np.linalg.norm(xt - x) <= 1.5 * delta
        g = a.T @ f
        held = ((x <= lower) & (g >= 0)) | ((x >= upper) & (g <= 0))
        if not held.all():
            # at least a part of what the projected gradient's direction gives
            d = np.where(held, 0, -g)
            room = np.where(d > 0, upper - x, x - lower)[d != 0] / np.abs(d[d != 0])
            length = min(delta / np.linalg.norm(d), room.min(), (d @ d) / np.sum((a @ d) ** 2))
            cauchy = 1 - (np.linalg.norm(a @ (length * d) + f) / np.linalg.norm(f)) ** 2
            assert prered >= 0.1 * cauchy
        else:
            assert (xt == x).all()
        assert set(place.tolist()) <= {0, 1, 2}
