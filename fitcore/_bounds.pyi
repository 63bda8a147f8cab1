from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_bounds"]

def read_bounds(
    bounds: Any, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]: ...
