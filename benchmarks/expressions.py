"""Fits whose parameters are mostly expressions, and copies of parameters: fitcore beside lmfit.

Ten Gaussian peaks that share widths and ratios: 40 parameters, of which 10 vary and 30 are
expressions of them, of each other, and of functions. Each solver makes its own evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _timing import interleaved

PEAKS = 10
X = np.linspace(0, 10, 50)
NAMES = [(f"amp_{i}", f"cen_{i}", f"wid_{i}") for i in range(PEAKS)]


def parameters(module: Any, shift: float = 0.05) -> Any:
    """A varied amplitude for each peak; its center, width and height are expressions."""
    params = module.Parameters()
    for i, (amp, cen, wid) in enumerate(NAMES):
        params.add(amp, value=1.0 + 0.1 * i + shift, min=0)
        params.add(cen, expr=f"{0.5 + i}" if i == 0 else f"{NAMES[i - 1][1]} + 1.0")
        params.add(wid, expr=f"0.2 + 0.02*sqrt({amp}**2 + 1)")
        params.add(f"height_{i}", expr=f"{amp}/max(1e-15, {wid}*sqrt(2*pi))")
    return params


def residual(params: Any, y: np.ndarray | None = None) -> np.ndarray:
    # A cheap model, so that it is not what takes the time.
    values = np.array([params[f"height_{i}"].value for i in range(PEAKS)])
    model = np.interp(X, np.arange(PEAKS) + 0.5, values)
    return model if y is None else model - y


def fit(seconds: float) -> dict[str, Any]:
    import lmfit

    import fitcore

    y = residual(parameters(fitcore, 0.0))
    y += np.random.default_rng(3).normal(size=y.size, scale=0.01)
    pars = {"fitcore": parameters(fitcore), "lmfit": parameters(lmfit)}
    runs: dict[str, Callable[[], Any]] = {
        "fitcore": lambda: fitcore.minimize(residual, pars["fitcore"], args=(y,), inplace=False),
        "lmfit": lambda: lmfit.minimize(residual, pars["lmfit"], args=(y,)),
    }
    results = {name: run() for name, run in runs.items()}
    for name, value in results["lmfit"].params.valuesdict().items():
        assert abs(results["fitcore"].params[name].value - value) < 1e-4 * (1 + abs(value))
    nfev = {name: result.nfev for name, result in results.items()}
    return rows("minimize, 40 parameters, 30 expressions", runs, seconds, nfev)


def update(seconds: float) -> dict[str, Any]:
    """One evaluation of all expressions after a change."""
    import lmfit

    import fitcore

    def change(params: Any) -> Callable[[], None]:
        def run() -> None:
            for k in range(20):
                params["amp_3"].value = 1.0 + k * 1e-3
                params.update_constraints()

        return run

    runs = {m.__name__: change(parameters(m)) for m in (fitcore, lmfit)}
    return rows("update_constraints, 30 expressions", runs, seconds)


def copies(seconds: float) -> dict[str, Any]:
    import lmfit

    import fitcore

    def copying(params: Any) -> Callable[[], None]:
        def run() -> None:
            for _ in range(20):
                params.copy()

        return run

    runs = {}
    for module in (fitcore, lmfit):
        params = module.Parameters()
        for name, value in (("amp", 10.0), ("decay", 0.1), ("shift", 0.0), ("omega", 3.0)):
            params.add(name, value=value, min=-100, max=100)
        runs[module.__name__] = copying(params)
    return rows("copy of 4 parameters", runs, seconds)


def rows(
    label: str, runs: dict[str, Any], seconds: float, nfev: dict[str, int] | None = None
) -> dict[str, Any]:
    found = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        | ({"nfev": nfev[t.name]} if nfev else {})
        for t in interleaved(runs, seconds=seconds)
    }
    return {"case": label, "unit": "time / fitcore's", "rows": found}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    yield fit(seconds)
    yield update(seconds)
    yield copies(seconds)
