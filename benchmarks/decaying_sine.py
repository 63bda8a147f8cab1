"""The decaying sine of the lmfit manual, section 2.4, with 4 parameters: what a fit costs.

The unit is the floor that no solver can go below: the number of evaluations that the solver
itself reports times the cost of one call of the bare objective.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _timing import interleaved

START = {"amp": 10.0, "decay": 0.1, "shift": 0.0, "omega": 3.0}


def data(npoints: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20)
    x = np.linspace(0, 15, npoints)
    y = 5.0 * np.sin(2 * x - 0.1) * np.exp(-x * x * 0.025)
    return x, y + rng.normal(size=npoints, scale=0.2)


def residual(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    amp, decay, shift, omega = p
    return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay) - y


def residual_of_parameters(params: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    amp = params["amp"].value
    decay = params["decay"].value
    shift = params["shift"].value
    omega = params["omega"].value
    return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay) - y


def repeat(call: Callable[[], object], times: int) -> Callable[[], object]:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def leastsq(npoints: int, seconds: float) -> dict[str, Any]:
    """`leastsq` of fitcore and of SciPy, in units of nfev times the bare objective."""
    import scipy.optimize

    import fitcore.optimize

    args = data(npoints)
    start = np.array(list(START.values()))
    solvers = {"fitcore": fitcore.optimize.leastsq, "scipy": scipy.optimize.leastsq}
    with contextlib.suppress(ImportError):
        from fitcore import originals

        solvers["original lmdif"] = originals.leastsq
    nfev = {k: f(residual, start, args, full_output=True)[2]["nfev"] for k, f in solvers.items()}
    calls = {"bare objective": repeat(lambda: residual(start, *args), nfev["fitcore"])}
    for name, f in solvers.items():
        calls[name] = lambda f=f: f(residual, start, args, full_output=True)
    return report(f"leastsq, {npoints} points", calls, nfev, nfev["fitcore"], seconds)


def parameters(module: Any, *, bounded: bool) -> Any:
    params = module.Parameters()
    for name, value in START.items():
        params.add(name, value=value)
    if bounded:
        params["amp"].min = 0
        params["shift"].min, params["shift"].max = -np.pi / 2, np.pi / 2
    return params


def minimize(
    npoints: int, seconds: float, *, bounded: bool = True, alike: bool = False
) -> dict[str, Any]:
    """`minimize` of fitcore and of lmfit with the manual's bounds.

    In fitcore's default settings, or `alike`: with lmfit's tolerances and no refinement at the end.
    """
    import lmfit

    import fitcore

    args = data(npoints)
    pars = {"fitcore": parameters(fitcore, bounded=bounded),
            "lmfit": parameters(lmfit, bounded=bounded)}  # fmt: skip
    settings: dict[str, Any] = {"ftol": 1.5e-8, "xtol": 1.5e-8, "refine": False} if alike else {}
    runs: dict[str, Callable[[], Any]] = {
        "fitcore": lambda: fitcore.minimize(
            residual_of_parameters, pars["fitcore"], args=args, inplace=False, **settings
        ),
        "lmfit": lambda: lmfit.minimize(residual_of_parameters, pars["lmfit"], args=args),
    }
    nfev = {name: run().nfev for name, run in runs.items()}
    bare = repeat(lambda: residual_of_parameters(pars["fitcore"], *args), nfev["fitcore"])
    label = f"minimize, {'bounded' if bounded else 'free'}, {npoints} points"
    label += ", lmfit's tolerances" if alike else ""
    return report(label, {"bare objective": bare, **runs}, nfev, nfev["fitcore"], seconds)


def report(
    label: str, calls: dict[str, Any], nfev: dict[str, int], reference: int, seconds: float
) -> dict[str, Any]:
    rows = {}
    for timing in interleaved(calls, seconds=seconds):
        # each solver is charged for its own number of evaluations
        scale = reference / nfev.get(timing.name, reference)
        rows[timing.name] = {
            "nfev": nfev.get(timing.name, reference),
            "seconds": timing.seconds,
            "ratio": timing.ratio * scale,
            "quartiles": [timing.low * scale, timing.high * scale],
        }
    return {"case": label, "unit": "time / (nfev x bare objective)", "rows": rows}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    for npoints in (50, 2500, 100_000):
        yield leastsq(npoints, seconds)
    for npoints in (50, 2500):
        yield minimize(npoints, seconds)
    yield minimize(50, seconds, bounded=False)
    yield minimize(50, seconds, alike=True)
    yield minimize(50, seconds, bounded=False, alike=True)
