"""L-BFGS-B for many variables: what it takes of memory, and sizes beyond 32 bits."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from fitcore.lbfgsb import LBFGSB

Array = np.ndarray


class Valley:
    """A chain of Rosenbrock's functions that makes no arrays but the gradient."""

    def __init__(self, n: int) -> None:
        self.r, self.w = np.empty(n - 1), np.empty(n - 1)

    def __call__(self, x: Array) -> tuple[float, Array]:
        r, w = self.r, self.w
        np.multiply(x[:-1], x[:-1], out=r)
        np.subtract(x[1:], r, out=r)
        g = np.zeros_like(x)
        np.multiply(r, x[:-1], out=w)
        w *= -4
        g[:-1] += w
        np.multiply(r, 2, out=w)
        g[1:] += w
        g += 1e-3 * x[0]
        return float(np.square(r, out=w).sum() + 1e-3 * x[0] * x.sum()), g


@pytest.mark.parametrize("bounded", [False, True])
def test_memory_is_less_than_the_original_takes(bounded: bool) -> None:
    # Algorithm 778 has its caller hold wa, (2 m + 5) n doubles, iwa, 3 n integers, x and g; with
    # bounds also l, u and the integers nbd. The objective makes one more gradient in both.
    n, m = 200_000, 10
    original = 8 * ((2 * m + 5) * n + 3 * n) + 4 * 3 * n + (20 * n if bounded else 0)
    fun, x0 = Valley(n), np.linspace(0.5, 2, n)
    bounds = np.column_stack([np.zeros(n), np.full(n, 1.5)]) if bounded else None
    tracemalloc.start()
    try:
        LBFGSB(x0, bounds, m=m, factr=0, pgtol=0).run(fun, maxiter=15)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < original


def test_more_than_two_to_the_31_elements_of_s_and_y() -> None:
    # a few corrections of many allowed touch little of the memory that is set aside for all
    n, m = 1_080_000, 1000
    assert 2 * m * n > 2**31
    fun, x0 = Valley(n), np.linspace(0.5, 2, n)
    options: dict[str, Any] = {"factr": 0, "pgtol": 0}
    try:
        large = LBFGSB(x0, m=m, **options)
    except MemoryError:
        pytest.skip("allowed: this machine does not give 17 GB of address space")
    large.run(fun, maxiter=7)
    small = LBFGSB(x0, m=10, **options).run(fun, maxiter=7)
    assert large.nit == small.nit == 7 and large.nfev == small.nfev
    assert large.x.tobytes() == small.x.tobytes()
    assert all(
        np.array_equal(a, b) for a, b in zip(large.corrections(), small.corrections(), strict=True)
    )


def test_sizes_that_no_memory_holds_are_refused() -> None:
    with pytest.raises(MemoryError, match="corrections"):
        LBFGSB(np.zeros(1000), m=2**50)
