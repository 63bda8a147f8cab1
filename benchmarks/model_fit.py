"""Model.fit of a user's function, fitcore and lmfit, in units of nfev times the bare objective.

The function is the decaying sine of the lmfit manual, the objective that function less the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from decaying_sine import START, data, repeat, report


def wave(x: np.ndarray, amp: float, decay: float, shift: float, omega: float) -> np.ndarray:
    return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay)


def fit(
    npoints: int, seconds: float, *, given: bool = False, alike: bool = False
) -> dict[str, Any]:
    """A fit from keywords, or from Parameters that are `given`; with lmfit's tolerances `alike`."""
    import lmfit

    import fitcore

    x, y = data(npoints)
    settings = {"ftol": 1.5e-8, "xtol": 1.5e-8, "refine": False} if alike else {}
    models = {"fitcore": fitcore.Model(wave), "lmfit": lmfit.Model(wave)}
    params = {name: model.make_params(**START) for name, model in models.items()}
    options: dict[str, Any] = {"fitcore": {"fit_kws": settings}, "lmfit": {}}

    def run(name: str) -> Callable[[], Any]:
        model, more = models[name], options[name]
        if given:
            return lambda: model.fit(y, params[name], x=x, **more)
        return lambda: model.fit(y, x=x, **START, **more)

    runs = {name: run(name) for name in models}
    nfev = {name: call().nfev for name, call in runs.items()}
    bare = repeat(lambda: wave(x, **START) - y, nfev["fitcore"])
    label = f"Model.fit, {npoints} points, {'Parameters' if given else 'keywords'}"
    label += ", lmfit's tolerances" if alike else ""
    return report(label, {"bare objective": bare, **runs}, nfev, nfev["fitcore"], seconds)


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    yield fit(50, seconds)
    yield fit(50, seconds, given=True)
    yield fit(50, seconds, given=True, alike=True)
    yield fit(2500, seconds)
