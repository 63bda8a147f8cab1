from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitcore._fit import ParameterResidual
from fitcore._native import NativeCall

__all__ = [
    "NativeParameterResidual",
    "residual_of",
]

class NativeParameterResidual(ParameterResidual):
    stop_code: int | None
    def __init__(self, fcn: NativeCall, *args: Any, **options: Any) -> None: ...
    @property
    def drives(self) -> bool: ...
    def resolved(self) -> list[Any]: ...
    def columns(self, u: NDArray[np.float64]) -> NDArray[np.float64]: ...

def residual_of(fcn: Any, *args: Any, **options: Any) -> ParameterResidual: ...
