"""Confidence intervals and regions of the lmfit manual's two exponentials, section 4.3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from _timing import interleaved

START = {"a1": 5.0, "a2": -5.0, "t1": 2.0, "t2": 5.0}
GRID = 30


def residual(params: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a1, a2 = params["a1"].value, params["a2"].value
    t1, t2 = params["t1"].value, params["t2"].value
    return a1 * np.exp(-x / t1) + a2 * np.exp(-x / t2) - y


def fits() -> dict[str, Any]:
    """The same fit by each: module, minimizer and result."""
    import lmfit

    import fitcore

    rng = np.random.default_rng(1)
    x = np.linspace(0.3, 10, 100)
    y = 3 * np.exp(-x / 2) - 5 * np.exp(-x / 10) + 0.05 * rng.normal(size=x.size)
    found = {}
    for name, module in {"fitcore": fitcore, "lmfit": lmfit}.items():
        params = module.Parameters()
        for par, value in START.items():
            params.add(par, value=value)
        fitter = module.Minimizer(residual, params, fcn_args=(x, y))
        found[name] = module, fitter, fitter.leastsq()
    return found


def report(label: str, calls: dict[str, Any], seconds: float) -> dict[str, Any]:
    rows = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        for t in interleaved(calls, seconds=seconds)
    }
    return {"case": label, "unit": "time / fitcore's", "rows": rows}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    found = fits()
    intervals = {
        name: lambda m=module, f=fitter, r=result: m.conf_interval(f, r, sigmas=[0.68, 0.95])
        for name, (module, fitter, result) in found.items()
    }
    yield report("conf_interval, two exponentials", intervals, seconds)
    regions = {
        name: lambda m=module, f=fitter, r=result: m.conf_interval2d(f, r, "a1", "t2", GRID, GRID)
        for name, (module, fitter, result) in found.items()
    }
    yield report(f"conf_interval2d, {GRID} x {GRID}", regions, seconds)
