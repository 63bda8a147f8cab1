"""Every public solver from eight threads at once gives the bits that it gives alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fitcore
from fitcore import Minimizer, Model, Parameters
from fitcore._bounded_lm import BoundedLevenbergMarquardt
from fitcore.lbfgsb import LBFGSB
from fitcore.minpack import LevenbergMarquardt, PowellHybrid, StreamingLM, chkder, covar
from fitcore.optimize import curve_fit, fmin_l_bfgs_b, fsolve, leastsq, minimize, root

THREADS = 8
ROUNDS = 4
T = np.linspace(0, 10, 50)
Y = 3 * np.exp(-T / 4) + 0.01 * np.cos(7 * T)


def decay(t, amp, tau):
    return amp * np.exp(-t / tau)


def residual(p):
    return decay(T, p[0], p[1]) - Y


def jacobian(p):
    e = np.exp(-T / p[1])
    return np.column_stack([e, p[0] * e * T / p[1] ** 2])


def valley(x):
    f = float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return f, g


def equations(x):
    return np.array([x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5])


def parameters() -> Parameters:
    params = Parameters()
    params.add("amp", 1.0, min=0, max=10)
    params.add("tau", 1.0, min=0.1)
    params.add("rate", expr="1 / tau")
    return params


def of_parameters(params):
    return decay(T, params["amp"].value, 1 / params["rate"].value) - Y


def fit(method: str) -> Any:
    result = fitcore.minimize(of_parameters, parameters(), method=method, inplace=False)
    return [p.value for p in result.params.values()], result.covar, result.nfev


def intervals() -> Any:
    fitter = Minimizer(of_parameters, parameters())
    return list(fitcore.conf_interval(fitter, fitter.minimize(), sigmas=[1]).items())


def streaming() -> Any:
    solver = StreamingLM([1.0, 1.0])
    solver.run(lambda p: [(residual(p), jacobian(p))])
    return solver.x


SOLVERS: dict[str, Callable[[], Any]] = {
    "leastsq": lambda: leastsq(residual, [1.0, 1.0], full_output=True)[:2],
    "leastsq with Dfun": lambda: leastsq(residual, [1.0, 1.0], Dfun=jacobian)[0],
    "curve_fit": lambda: curve_fit(decay, T, Y),
    "curve_fit with bounds": lambda: curve_fit(decay, T, Y, bounds=(0, [2.5, 9])),
    "fsolve": lambda: fsolve(equations, [1.0, 1.0]),
    "root hybr": lambda: root(equations, [1.0, 1.0]).x,
    "root lm": lambda: root(equations, [1.0, 1.0], method="lm").x,
    "fmin_l_bfgs_b": lambda: fmin_l_bfgs_b(valley, np.zeros(8))[0],
    "minimize": lambda: minimize(lambda x: valley(x)[0], np.zeros(4), bounds=[(None, 0.5)] * 4).x,
    "LevenbergMarquardt": lambda: LevenbergMarquardt([1.0, 1.0]).run(residual).covariance(),
    "BoundedLevenbergMarquardt": lambda: BoundedLevenbergMarquardt(
        [1.0, 1.0], upper=[2.5, np.inf]
    ).run(residual).x,
    "PowellHybrid": lambda: PowellHybrid([1.0, 1.0]).run(equations).x,
    "LBFGSB": lambda: LBFGSB(np.zeros(3000), [(0, 0.5)] * 3000).run(valley).x,
    "fitcore leastsq": lambda: fit("leastsq"),
    "fitcore lbfgsb": lambda: fit("lbfgsb"),
    "conf_interval": intervals,
    "Model": lambda: Model(decay).fit(Y, t=T, amp=1, tau=1).covar,
    "chkder": lambda: chkder([1.0, 1.0]),
    "StreamingLM": streaming,
    "covar": lambda: covar(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 1])),
}  # fmt: skip


def flat(value: Any) -> list[Any]:
    """All numbers in an outcome, in order."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, (list, tuple)):
        return [x for item in value for x in flat(item)]
    return [value]


@pytest.mark.parametrize("name", SOLVERS)
def test_eight_threads_have_the_bits_of_one(name):
    solve = SOLVERS[name]
    expected = flat(solve())
    outcomes: list[Any] = []
    gate = threading.Barrier(THREADS)

    def hammer() -> None:
        gate.wait()
        for _ in range(ROUNDS):
            try:
                outcomes.append(flat(solve()))
            except Exception as exc:  # noqa: BLE001 - the test shows whatever it is
                outcomes.append(exc)

    threads = [threading.Thread(target=hammer) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == THREADS * ROUNDS
    assert all(found == expected for found in outcomes)


@pytest.mark.parametrize("kind", [LevenbergMarquardt, PowellHybrid, LBFGSB])
def test_one_solver_from_eight_threads_refuses_all_but_one(kind):
    solver = kind([1.0, 1.0])
    inside = threading.Event()
    leave = threading.Event()
    refused: list[BaseException] = []

    def waiting(x):
        inside.set()
        leave.wait(30)
        return valley(x) if kind is LBFGSB else equations(x)

    first = threading.Thread(target=lambda: solver.run(waiting))
    first.start()
    assert inside.wait(30)

    def second() -> None:
        try:
            solver.run(waiting)
        except RuntimeError as exc:
            refused.append(exc)

    others = [threading.Thread(target=second) for _ in range(THREADS - 1)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    leave.set()
    first.join()
    assert len(refused) == THREADS - 1
    assert solver.done
