"""Gradients that are wrong, noisy or jump, and waves: line searches fail, memory is restarted."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bounded_case import BoundedCase, Objective, alternating, case
from .bounded_quadratic import diagonal, waves
from .bounded_smooth import extended_rosenbrock, rosenbrock, sample
from .problem import Array


def wrong_sign(fun: Objective, below: float = np.inf) -> Objective:
    """The gradient's negative where f < below: with a finite ``below``, good steps come first."""

    def wrong(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return f, (-g if f < below else g)

    return wrong


def wrong_component(fun: Objective, index: int) -> Objective:
    """One component of the gradient has the wrong sign."""

    def wrong(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        g[index] = -g[index]
        return f, g

    return wrong


def scaled_gradient(fun: Objective, factor: float) -> Objective:
    """A gradient that promises ``factor`` times what f gives."""

    def wrong(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return f, factor * g

    return wrong


def _hash(x: Array) -> Array:
    """Numbers in [0, 1) that look random, from the bits of x by integer arithmetic."""
    bits = np.ascontiguousarray(x).view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def rippled_gradient(fun: Objective, size: float) -> Objective:
    """``size`` times (1 + |g|), at most, is added: noise that rounding does not change."""

    def noisy(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        ripple = np.sin(1e3 * x + np.arange(x.size))
        return f, g + size * (1.0 + np.abs(g)) * ripple

    return noisy


def rippled_value(fun: Objective, size: float) -> Objective:
    """``size`` times (1 + |f|), at most, is added to f, and not to its gradient."""

    def noisy(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return f + size * (1.0 + abs(f)) * float(np.sin(1e3 * x).sum()) / x.size, g

    return noisy


def random_gradient(fun: Objective, size: float) -> Objective:
    """As `rippled_gradient`; but at points that differ in one bit, the noise is unrelated."""

    def noisy(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return f, g + size * (1.0 + np.abs(g)) * (2.0 * _hash(x) - 1.0)

    return noisy


def single_precision(fun: Objective) -> Objective:
    """f and g rounded to 24 bits."""

    def rounded(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return float(np.float32(f)), g.astype(np.float32).astype(np.float64)

    return rounded


def absolute(x: Array) -> tuple[float, Array]:
    """sum(c |x|), c = 1 .. n."""
    c = np.arange(1.0, x.size + 1)
    return float((c * np.abs(x)).sum()), c * np.sign(x)


def largest(x: Array) -> tuple[float, Array]:
    """max |x_i|."""
    k = int(np.argmax(np.abs(x)))
    g = np.zeros_like(x)
    g[k] = np.sign(x[k])
    return float(abs(x[k])), g


def kinked_rosenbrock(x: Array) -> tuple[float, Array]:
    """|1 - x_1| / 4 + sum |x_(i+1) - 2 x_i^2 + 1|."""
    t = x[1:] - 2.0 * x[:-1] ** 2 + 1.0
    s = np.sign(t)
    g = np.zeros_like(x)
    g[0] = -0.25 * np.sign(1.0 - x[0])
    g[1:] += s
    g[:-1] -= 4.0 * x[:-1] * s
    return float(0.25 * abs(1.0 - x[0]) + np.abs(t).sum()), g


def stairs(fun: Objective, height: float) -> Objective:
    """f rounded up to multiples of ``height``: constant where the gradient says it falls."""

    def stepped(x: Array) -> tuple[float, Array]:
        f, g = fun(x)
        return float(np.ceil(f / height) * height), g

    return stepped


def rough(x: Array) -> tuple[float, Array]:
    """A parabola under a wave so steep that steps between dips come back with odd curvatures."""
    s = 40.0 * x
    f = 0.5 * x * x + 0.05 * np.cos(s)
    return float(f.sum()), x - 2.0 * np.sin(s)


def _cases() -> list[BoundedCase]:
    low25, x25 = alternating(25, 1.0, -100.0), np.full(25, 3.0)
    valley10, valley2 = alternating(10, -1.2, 1.0), np.array([-1.2, 1.0])
    bowl = diagonal(np.geomspace(1.0, 1e4, 50), waves(50))
    zeros = np.zeros(50)
    free: dict[str, Any] = {"factr": 0.0, "pgtol": 0.0, "maxfun": 1000}

    def add(name: str, fun: Objective, *args: Any, **options: Any) -> BoundedCase:
        options.setdefault("maxfun", 1000)
        return case(name, fun, *args, faulty=True, **options)

    return [
        add("wrong-sign-sample", wrong_sign(sample), x25, low25, 100.0, m=5),
        add("wrong-sign-rosenbrock", wrong_sign(rosenbrock), valley2),
        add("wrong-sign-later-rosenbrock", wrong_sign(rosenbrock, 1.0), valley2),
        add("wrong-sign-later-rosenbrock-10", wrong_sign(rosenbrock, 5.0), valley10, m=3),
        add("wrong-sign-later-sample", wrong_sign(sample, 10.0), x25, low25, 100.0, m=5),
        add("wrong-sign-later-bowl-box", wrong_sign(bowl, 100.0), zeros, -0.5, 0.5, m=17),
        add("wrong-component-rosenbrock-10", wrong_component(rosenbrock, 4), valley10),
        add("wrong-component-bowl-box", wrong_component(bowl, 30), zeros, -0.5, 0.5),
        add("gradient-doubled-bowl", scaled_gradient(bowl, 2.0), zeros, m=5),
        add("gradient-halved-rosenbrock-10", scaled_gradient(rosenbrock, 0.5), valley10),
        add("gradient-tenfold-bowl-box", scaled_gradient(bowl, 10.0), zeros, -0.5, 0.5),
        add("rippled-gradient-rosenbrock", rippled_gradient(rosenbrock, 1e-4), valley2, **free),
        add("rippled-gradient-rosenbrock-m17", rippled_gradient(rosenbrock, 1e-4), valley2, m=17,
            factr=10.0, pgtol=1e-10),
        add("rippled-gradient-rosenbrock-10-box", rippled_gradient(rosenbrock, 1e-4), valley10,
            -1.5, 0.8, m=5, factr=10.0),
        add("rippled-gradient-rosenbrock-10", rippled_gradient(rosenbrock, 1e-3), valley10, m=17,
            factr=10.0, pgtol=1e-10),
        add("rippled-gradient-sample", rippled_gradient(sample, 1e-4), x25, low25, 100.0, m=5,
            factr=10.0, pgtol=1e-10),
        add("rippled-gradient-bowl", rippled_gradient(bowl, 1e-4), zeros, m=20, factr=0.0),
        add("rippled-gradient-bowl-box", rippled_gradient(bowl, 1e-2), zeros, -0.5, 0.5, m=10,
            factr=0.0),
        add("rippled-gradient-1000", rippled_gradient(extended_rosenbrock, 1e-4),
            alternating(1000, -1.2, 1.0), m=5),
        add("rippled-gradient-1000-upper", rippled_gradient(extended_rosenbrock, 1e-3),
            alternating(1000, -1.2, 1.0), u=0.7, m=3, factr=10.0),
        add("rippled-value-bowl", rippled_value(bowl, 1e-6), zeros, pgtol=1e-10, factr=0.0),
        add("rippled-value-sample", rippled_value(sample, 1e-4), x25, low25, 100.0, m=3,
            factr=10.0),
        add("rippled-value-sample-m1", rippled_value(sample, 1e-4), x25, low25, 100.0, m=1,
            factr=10.0, pgtol=1e-10),
        add("random-gradient-rosenbrock", random_gradient(rosenbrock, 1e-4), valley2, **free),
        add("random-gradient-bowl-box", random_gradient(bowl, 1e-2), zeros, -0.5, 0.5, m=10),
        add("single-precision-rosenbrock", single_precision(rosenbrock), valley2, **free),
        add("single-precision-bowl-box", single_precision(bowl), zeros, -0.5, 0.5, factr=0.0,
            pgtol=0.0),
        add("absolute-1", absolute, [3.0]),
        add("absolute-5", absolute, [3.0, -2.0, 1.0, 0.5, -0.7], m=3),
        add("absolute-5-exact", absolute, [3.1, -2.2, 1.3, 0.54, -0.75], m=17, **free),
        add("absolute-5-box", absolute, [3.0, -2.0, 1.0, 0.5, -0.7], -1.9,
            [5.0, 1.0, 1.0, 1.0, 0.0]),
        add("largest-10", largest, 3.0 * waves(10), m=5),
        add("largest-10-box", largest, 3.0 * waves(10), -1.0, 2.5),
        add("kinked-rosenbrock-2", kinked_rosenbrock, [-1.0, 1.5]),
        add("kinked-rosenbrock-2-box", kinked_rosenbrock, [-1.0, 1.5], [-1.91, 0.6], [-0.09, 2.4],
            m=3, pgtol=1e-10),
        add("kinked-rosenbrock-5-box", kinked_rosenbrock, alternating(5, -1.0, 1.0, 0.3), -1.0, 0.9,
            m=20, factr=10.0),
        add("stairs-bowl", stairs(bowl, 1.0), zeros),
        add("stairs-rosenbrock-10-box", stairs(rosenbrock, 0.1), valley10, -1.5, 0.8, m=3),
        case("rough-20", rough, 3.0 * waves(20), m=10),
        case("rough-20-box", rough, 3.0 * waves(20), -0.73, 1.9, m=20, factr=10.0),
    ]  # fmt: skip


FAULTY_CASES = tuple(_cases())
