"""Fits of built-in models: fitcore beside lmfit and SciPy's curve_fit on the plain function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from _timing import interleaved

PEAKS = 10
WIDE = np.linspace(0, 100, 1000)


def gaussian(x: np.ndarray, amplitude: float, center: float, sigma: float) -> np.ndarray:
    return amplitude / (sigma * 2.5066282746310002) * np.exp(-(((x - center) / sigma) ** 2) / 2)


def one_peak(seconds: float) -> dict[str, Any]:
    from lmfit.models import GaussianModel as Theirs
    from scipy.optimize import curve_fit

    from fitcore.models import GaussianModel as Ours

    x = np.linspace(0, 10, 101)
    y = gaussian(x, 7.0, 4.2, 0.8) + np.random.default_rng(1).normal(scale=0.1, size=x.size)
    runs: dict[str, Callable[[], Any]] = {}
    for name, model in (("fitcore", Ours()), ("lmfit", Theirs())):
        params = model.guess(y, x)
        runs[name] = lambda m=model, p=params: m.fit(y, p, x=x)
    start = [runs["fitcore"]().init_values[key] for key in ("amplitude", "center", "sigma")]
    runs["curve_fit"] = lambda: curve_fit(gaussian, x, y, start)
    return rows("GaussianModel, 101 points", runs, seconds)


def many_peaks(seconds: float, tied: bool) -> dict[str, Any]:
    import lmfit.models
    from scipy.optimize import curve_fit

    import fitcore.models

    rng = np.random.default_rng(2)
    amplitudes, centers = rng.uniform(5, 20, PEAKS), np.linspace(5, 95, PEAKS)
    widths = np.full(PEAKS, 1.7) if tied else rng.uniform(1.2, 2.2, PEAKS)
    y = sum(map(gaussian, [WIDE] * PEAKS, amplitudes, centers, widths))
    y = y + rng.normal(scale=0.05, size=WIDE.size)
    start = np.array([[1.2 * a, c + 0.4, 2.0] for a, c in zip(amplitudes, centers, strict=True)])
    runs: dict[str, Callable[[], Any]] = {}
    for module in (fitcore.models, lmfit.models):
        model = reduce(add, [module.GaussianModel(prefix=f"p{k}_") for k in range(PEAKS)])
        params = model.make_params()
        for k, (a, c, s) in enumerate(start):
            params[f"p{k}_amplitude"].value, params[f"p{k}_center"].value = a, c
            if tied and k:
                params[f"p{k}_sigma"].expr = "p0_sigma"
            else:
                params[f"p{k}_sigma"].value = s
        runs[module.__name__.partition(".")[0]] = lambda m=model, p=params: m.fit(y, p, x=WIDE)

    def plain(x: np.ndarray, *p: float) -> np.ndarray:
        total = np.zeros_like(x)
        for k in range(PEAKS):
            total += gaussian(x, p[2 * k + 1], p[2 * k + 2], p[0]) if tied else gaussian(
                x, *p[3 * k : 3 * k + 3]
            )  # fmt: skip
        return total

    first = np.r_[2.0, start[:, :2].ravel()] if tied else start.ravel()
    runs["curve_fit"] = lambda: curve_fit(plain, WIDE, y, first)
    kind = "tied widths, 21 variables" if tied else "30 variables"
    return rows(f"10 Gaussians, 1000 points, {kind}", runs, seconds)


def rows(label: str, runs: dict[str, Any], seconds: float) -> dict[str, Any]:
    results = {name: run() for name, run in runs.items()}
    assert abs(results["fitcore"].chisqr / results["lmfit"].chisqr - 1) < 1e-6
    found = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        | ({"nfev": results[t.name].nfev} if hasattr(results[t.name], "nfev") else {})
        for t in interleaved(runs, seconds=seconds, least_turns=3)
    }
    return {"case": label, "unit": "time / fitcore's", "rows": found}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    yield one_peak(seconds)
    yield many_peaks(seconds, tied=False)
    yield many_peaks(seconds, tied=True)
