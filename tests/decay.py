"""The fit that the tests of the solver share: a decay on a background, with a wave left over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fitcore.minpack import LevenbergMarquardt

SCHEMES = ("2-point", "3-point", "cs", "analytic")
T = np.linspace(0.0, 4.0, 25)
Y = 3.0 * np.exp(-T / 2.0) + 0.1 * np.cos(5.0 * T)
START = [1.0, 1.0, 0.1]

each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def residual(p: np.ndarray) -> np.ndarray:
    return p[0] * np.exp(-T / p[1]) + p[2] - Y


def jacobian(p: np.ndarray) -> np.ndarray:
    decay = np.exp(-T / p[1])
    return np.stack([decay, p[0] * decay * T / p[1] ** 2, np.ones_like(T)], axis=1)


def jac_for(scheme: str) -> Callable[[np.ndarray], np.ndarray] | None:
    return jacobian if scheme == "analytic" else None


def answer(solver: LevenbergMarquardt, points: np.ndarray) -> Any:
    """What `tell` wants for `ask`, one point at a time, in the order asked."""
    if solver.task == "jacobian":
        return jacobian(points)
    return residual(points) if points.ndim == 1 else [residual(p) for p in points]


def finish(solver: LevenbergMarquardt) -> list[bytes]:
    """Ask and tell to the end; the bytes of all points asked for."""
    asked = []
    while not solver.done:
        points = solver.ask()
        asked.append(points.tobytes())
        solver.tell(answer(solver, points))
    return asked


def fingerprint(solver: LevenbergMarquardt) -> tuple[Any, ...]:
    return (
        solver.x.tobytes(), solver.fvec.tobytes(), solver.info, solver.nfev, solver.njev,
        solver.nit, solver.fnorm, solver.delta, solver.par, solver.covariance().tobytes(),
    )  # fmt: skip
