from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore.minpack import LevenbergMarquardt

__all__ = ["BoundedLevenbergMarquardt"]

class BoundedLevenbergMarquardt(LevenbergMarquardt):
    def __init__(
        self,
        x0: ArrayLike,
        lower: ArrayLike = ...,
        upper: ArrayLike = ...,
        m: int | None = None,
        *,
        count_differences: bool = True,
        **options: Any,
    ) -> None: ...
    @property
    def lower(self) -> NDArray[np.float64]: ...
    @property
    def upper(self) -> NDArray[np.float64]: ...
    @property
    def place(self) -> NDArray[np.int64]: ...
