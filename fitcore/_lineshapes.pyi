from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FORMS",
    "OPERATIONS",
    "PLAN_DEPTH",
    "derivatives",
    "evaluate",
    "make_plan",
    "plan_address",
    "special",
]

FORMS: dict[str, dict[str, int]]
OPERATIONS: dict[str, int]
PLAN_DEPTH: int

def evaluate(
    name: str, form: int, x: ArrayLike, params: tuple[Any, ...], y: ArrayLike | None = None
) -> Any: ...
def derivatives(
    name: str, form: int, x: ArrayLike, params: tuple[Any, ...], y: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def special(name: str, x: ArrayLike, y: float = 0.0) -> NDArray[np.float64]: ...
def plan_address() -> int: ...
def make_plan(
    instructions: list[int | tuple[str, int, int, int, int]], nx: int
) -> NDArray[np.int64]: ...
