"""`curve_fit` without and with bounds, and `leastsq` with a Jacobian: fitcore beside SciPy.

The fits are the decaying sine's of `decaying_sine`. For `curve_fit` the unit is the floor: all
calls of the model that fitcore makes, those for differences included, at the cost of a bare call.
For `leastsq` residuals and Jacobians are looked up in a table, and the look-ups that fitcore makes
are timed too and taken off: what is compared is the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _timing import interleaved
from decaying_sine import START, data, repeat, residual

BOUNDS = ([0, 0, -np.pi / 2, 0], [np.inf, np.inf, np.pi / 2, np.inf])


def model(x: np.ndarray, amp: float, decay: float, shift: float, omega: float) -> np.ndarray:
    return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay)


def jacobian(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    amp, decay, shift, omega = p
    fall = np.exp(-x * x * decay)
    sine, cosine = np.sin(x * omega + shift) * fall, amp * np.cos(x * omega + shift) * fall
    return np.stack([sine, -x * x * amp * sine, cosine, cosine * x], axis=1)


def curve_fit(npoints: int, seconds: float, *, bounded: bool) -> dict[str, Any]:
    import scipy.optimize

    import fitcore.optimize

    x, y = data(npoints)
    start = np.array(list(START.values()))
    kws = {"bounds": BOUNDS} if bounded else {}
    solvers = {"fitcore": fitcore.optimize.curve_fit, "scipy": scipy.optimize.curve_fit}
    nfev = {}
    for name, solver in solvers.items():
        calls = [0]

        def counted(*args: Any, calls: list[int] = calls) -> np.ndarray:
            calls[0] += 1
            return model(*args)

        solver(counted, x, y, start, **kws)
        nfev[name] = calls[0]
    runs: dict[str, Callable[[], Any]] = {
        "bare model": repeat(lambda: model(x, *start), nfev["fitcore"])
    }
    for name, solver in solvers.items():
        runs[name] = lambda solver=solver: solver(model, x, y, start, **kws)
    label = f"curve_fit, {'bounded' if bounded else 'free'}, {npoints} points"
    return result(label, "time / all calls of the bare model", runs, nfev, seconds)


def leastsq_with_jacobian(npoints: int, seconds: float) -> dict[str, Any]:
    import scipy.optimize

    import fitcore.optimize

    args = data(npoints)
    start = np.array(list(START.values()))
    table: dict[tuple[str, bytes], np.ndarray] = {}

    def looked_up(function: Callable[..., np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        def call(p: np.ndarray) -> np.ndarray:
            key = (function.__name__, p.tobytes())
            if key not in table:
                table[key] = function(p, *args)
            return table[key]

        return call

    func, jac = looked_up(residual), looked_up(jacobian)
    solvers = {"fitcore": fitcore.optimize.leastsq, "scipy": scipy.optimize.leastsq}
    details = {k: f(func, start, (), jac, full_output=True)[2] for k, f in solvers.items()}
    nfev = {k: d["nfev"] for k, d in details.items()}
    runs: dict[str, Callable[[], object]] = {
        name: lambda solver=solver: solver(func, start, (), jac, full_output=True)
        for name, solver in solvers.items()
    }
    mine = details["fitcore"]

    def look_ups() -> None:
        for _ in range(mine["nfev"]):
            func(start)
        for _ in range(mine["njev"]):
            jac(start)

    looked, *timings = interleaved({"look-ups": look_ups, **runs}, seconds=seconds)
    # ratios are to the look-ups of the same turn, of which one is taken off
    ours = timings[0].ratio - 1
    rows = {
        t.name: {
            "nfev": nfev[t.name], "seconds": t.seconds - looked.seconds,
            "ratio": (t.ratio - 1) / ours, "quartiles": [(t.low - 1) / ours, (t.high - 1) / ours],
        }
        for t in timings
    }  # fmt: skip
    label = f"leastsq with a Jacobian, {npoints} points"
    return {"case": label, "unit": "solver time / fitcore's", "rows": rows}


def result(
    label: str, unit: str, runs: dict[str, Any], nfev: dict[str, int], seconds: float
) -> dict[str, Any]:
    rows = {
        t.name: {
            "nfev": nfev.get(t.name, nfev["fitcore"]), "seconds": t.seconds, "ratio": t.ratio,
            "quartiles": [t.low, t.high],
        }
        for t in interleaved(runs, seconds=seconds)
    }  # fmt: skip
    return {"case": label, "unit": unit, "rows": rows}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    for bounded in (False, True):
        yield curve_fit(50, seconds, bounded=bounded)
    for npoints in (50, 100_000):
        yield leastsq_with_jacobian(npoints, seconds)
