from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FORMS", "derivatives", "evaluate", "special"]

FORMS: dict[str, dict[str, int]]

def evaluate(
    name: str, form: int, x: ArrayLike, params: tuple[Any, ...], y: ArrayLike | None = None
) -> Any: ...
def derivatives(
    name: str, form: int, x: ArrayLike, params: tuple[Any, ...], y: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def special(name: str, x: ArrayLike, y: float = 0.0) -> NDArray[np.float64]: ...
