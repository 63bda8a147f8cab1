"""A decay whose residual can be sent to other processes, and two that go wrong."""

from typing import Any

import numpy as np

T = np.linspace(0, 4, 30)
Y = 3 * np.exp(-T / 1.5) + 1 + 0.03 * np.random.default_rng(5).normal(size=T.size)


def residual(p: Any, y: Any) -> Any:
    return p["amp"] * np.exp(-T / p["tau"]) + p["base"] - y


def beyond(p: Any, y: Any) -> Any:
    if p["tau"].value > 1.6:
        raise ZeroDivisionError("beyond 1.6")
    return residual(p, y)


def lower(p: Any, y: Any) -> Any:
    """Lower beyond the best fit than there."""
    return residual(p, y) * (0.5 if abs(p["tau"].value - 1.5) > 0.1 else 1.0)
