"""Fits at once and within each other: the same bits as one after the other."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from fitcore import Minimizer, MinimizerResult, Parameters, create_params, minimize

X = np.linspace(0, 10, 200)
Y = 3 * np.exp(-X / 2.5) * np.cos(2 * X + 0.3) + 0.05 * np.cos(31 * X**2)


def start() -> Parameters:
    return create_params(
        amp={"value": 1.0, "min": 0, "max": 100},
        tau={"value": 1.0, "min": 0.01},
        omega=2.2,
        rate={"expr": "1/tau"},
        phase={"value": 0.0, "min": -2, "max": 2},
    )


def model(p: Any) -> Any:
    return p["amp"] * np.exp(-X * p["rate"]) * np.cos(p["omega"] * X + p["phase"]) - Y


def same(a: MinimizerResult, b: MinimizerResult) -> None:
    assert a.params.valuesdict() == b.params.valuesdict()
    assert [p.stderr for p in a.params.values()] == [p.stderr for p in b.params.values()]
    assert_array_equal(a.residual, b.residual)
    assert_array_equal(a.covar, b.covar)
    assert a.nfev == b.nfev


def test_the_same_fit_from_eight_threads_gives_the_serial_bits() -> None:
    serial = minimize(model, start())
    shared = Minimizer(model, start())
    barrier = Barrier(8)

    def work(i: int) -> list[MinimizerResult]:
        barrier.wait()
        return [minimize(model, start()) if i % 2 else shared.leastsq() for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(work, range(8)):
            for result in results:
                same(result, serial)


def test_a_fit_inside_an_objective_gives_the_serial_bits() -> None:
    inner_serial = minimize(model, start())
    calls: list[MinimizerResult] = []

    def outer(p: Any) -> Any:
        inner = minimize(model, start())
        calls.append(inner)
        return p["scale"] * X - inner.params["tau"].value * X

    result = minimize(outer, create_params(scale=1.0))
    reference = minimize(
        lambda p: p["scale"] * X - inner_serial.params["tau"].value * X, create_params(scale=1.0)
    )
    same(result, reference)
    for inner in calls:
        same(inner, inner_serial)


def test_repeating_a_fit_gives_the_same_bits() -> None:
    same(minimize(model, start()), minimize(model, start()))
