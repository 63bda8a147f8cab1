"""The decaying sine of `decaying_sine` by Minuit's Migrad (iminuit) and by fitcore's curve_fit.

The same function of x, data, errors and start for both, covariances included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from _timing import interleaved
from decaying_sine import START, data
from iminuit import Minuit
from iminuit.cost import LeastSquares
from scipy_fits import model

import fitcore.optimize

ERROR = 0.2


def against_migrad(npoints: int, seconds: float) -> dict[str, Any]:
    x, y = data(npoints)
    start = list(START.values())
    cost = LeastSquares(x, y, ERROR, model)

    def migrad() -> Any:
        return Minuit(cost, *start).migrad()

    def ours() -> Any:
        return fitcore.optimize.curve_fit(
            model, x, y, start, np.full(npoints, ERROR), absolute_sigma=True
        )

    if not np.allclose(np.array(migrad().values), ours()[0], rtol=1e-3, atol=1e-4):
        raise RuntimeError("Migrad and curve_fit end at different solutions")
    rows = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        for t in interleaved({"fitcore": ours, "iminuit": migrad}, seconds=seconds)
    }
    return {"case": f"curve_fit and Migrad, {npoints} points", "unit": "time / fitcore's",
            "rows": rows}  # fmt: skip


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    for npoints in (50, 2500):
        yield against_migrad(npoints, seconds)
