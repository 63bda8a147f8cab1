"""Line shapes: values, and values with all derivatives, beside lmfit's functions at 1000 points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _timing import interleaved

X = np.linspace(0.01, 10, 1000)
SHAPES: dict[str, tuple[float, ...]] = {
    "gaussian": (2.0, 4.0, 1.3),
    "lorentzian": (2.0, 4.0, 1.3),
    "voigt": (2.0, 4.0, 1.3, 0.4),
    "pvoigt": (2.0, 4.0, 1.3, 0.4),
    "moffat": (2.0, 4.0, 1.3, 1.7),
    "pearson4": (2.0, 4.0, 1.3, 1.7, 0.8),
    "expgaussian": (2.0, 4.0, 1.3, 0.8),
    "skewed_gaussian": (2.0, 4.0, 1.3, 0.8),
    "doniach": (2.0, 4.0, 1.3, 0.1),
    "sine": (2.0, 4.0, 1.3),
    "powerlaw": (2.0, -1.3),
}


def case(name: str, values: tuple[float, ...], seconds: float) -> dict[str, Any]:
    import lmfit.lineshapes

    from fitcore import lineshapes
    from fitcore._lineshapes import derivatives

    ours, theirs = getattr(lineshapes, name), getattr(lmfit.lineshapes, name)
    assert np.allclose(ours(X, *values), theirs(X, *values), rtol=1e-10)
    runs: dict[str, Callable[[], Any]] = {
        "fitcore": lambda: ours(X, *values),
        "with derivatives": lambda: derivatives(name, 0, X, values),
        "lmfit": lambda: theirs(X, *values),
    }
    found = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        for t in interleaved(runs, seconds=seconds, least_turns=3)
    }
    return {"case": f"{name}, 1000 points", "unit": "time / fitcore's", "rows": found}


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    for name, values in SHAPES.items():
        yield case(name, values, seconds / len(SHAPES))
