"""Problems in boxes that the tests of the bounded least squares solver share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from problems import PROBLEMS, Problem

from fitcore.minpack import LevenbergMarquardt


@dataclass(frozen=True)
class Box:
    """A problem with bounds, some of which cut its free solution off."""

    problem: Problem
    lower: np.ndarray
    upper: np.ndarray
    name: str


def boxes() -> Iterator[Box]:
    """For each small problem boxes around its start, with sides half way to the free solution."""
    rng = np.random.default_rng(20)
    for problem in PROBLEMS:
        if problem.n > 6:
            continue
        start = problem.start()
        free = LevenbergMarquardt(start, jac="analytic").run(problem.residual, jac=problem.jacobian)
        middle = (start + free.x) / 2
        for number in range(3):
            lower, upper = np.full(problem.n, -np.inf), np.full(problem.n, np.inf)
            kind = rng.integers(0, 4, problem.n)
            lower[kind == 0] = np.minimum(start, middle)[kind == 0]
            upper[kind == 1] = np.maximum(start, middle)[kind == 1]
            lower[kind == 2] = start[kind == 2]  # a start on a bound
            yield Box(problem, lower, upper, f"{problem.name} {number}")


def projected_cosine(x: np.ndarray, f: np.ndarray, jac: np.ndarray, box: Box) -> float:
    """Greatest cosine of f and a column of J along which x may still move; 0 at a KKT point."""
    g = jac.T @ f
    held = ((x <= box.lower) & (g >= 0)) | ((x >= box.upper) & (g <= 0))
    size = np.linalg.norm(jac, axis=0) * np.linalg.norm(f)
    return float(np.max(np.abs(np.where(held | (size == 0), 0, g)) / np.where(size > 0, size, 1)))
