from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "address",
    "all_finite",
    "count",
    "number",
    "real_array",
]

def address(a: NDArray[Any]) -> int: ...
def real_array(value: object, name: str, ndmin: int) -> NDArray[np.float64]: ...
def all_finite(a: NDArray[np.float64]) -> bool: ...
def number(value: object, name: str, least: float) -> float: ...
def count(value: object, name: str) -> int: ...
