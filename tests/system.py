"""The system of equations that the tests of the hybrid solver share: banded, n = 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fitcore.minpack import PowellHybrid

START = [-1.0, -0.5, -1.0, 0.3, -1.0]
SETTINGS: dict[str, dict[str, Any]] = {
    "dense": {},
    "banded": {"ml": 1, "mu": 1},
    "analytic": {"jac": "analytic"},
}

each_setting = pytest.mark.parametrize("setting", SETTINGS)


def functions(x: np.ndarray) -> np.ndarray:
    f = (3.0 - 2.0 * x) * x + 1.0
    f[1:] -= x[:-1]
    f[:-1] -= 2.0 * x[1:]
    return f


def jacobian(x: np.ndarray) -> np.ndarray:
    n = x.size
    return np.diag(3.0 - 4.0 * x) - np.eye(n, k=-1) - 2.0 * np.eye(n, k=1)


def jac_for(setting: str) -> Callable[[np.ndarray], np.ndarray] | None:
    return jacobian if setting == "analytic" else None


def answer(solver: PowellHybrid, points: np.ndarray) -> Any:
    """What `tell` wants for `ask`, one point at a time, in the order asked."""
    if solver.task == "jacobian":
        return jacobian(points)
    return functions(points) if points.ndim == 1 else [functions(p) for p in points]


def finish(solver: PowellHybrid) -> list[bytes]:
    """Ask and tell to the end; the bytes of all points asked for."""
    asked = []
    while not solver.done:
        points = solver.ask()
        asked.append(points.tobytes())
        solver.tell(answer(solver, points))
    return asked


def fingerprint(solver: PowellHybrid) -> tuple[Any, ...]:
    return (
        solver.x.tobytes(), solver.fvec.tobytes(), solver.fjac.tobytes(), solver.r.tobytes(),
        solver.qtf.tobytes(), solver.info, solver.nfev, solver.njev, solver.nit, solver.delta,
    )  # fmt: skip
