from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitcore._bounded_lm import BoundedLevenbergMarquardt
from fitcore._native import NativeCall
from fitcore.minpack import Evaluator, LevenbergMarquardt

__all__ = ["CurveResidual", "whitened"]

def whitened(factor: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]: ...

class CurveResidual(Evaluator):
    @property
    def size(self) -> int: ...
    def __init__(
        self,
        f: Callable[..., Any],
        xdata: Any,
        ydata: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        correlated: bool,
        jac: Callable[..., Any] | None,
        col_deriv: bool,
        least: int,
    ) -> None: ...
    def use_native(self, residuals: NativeCall, scheme: str) -> None: ...
    def fit(self, solver: LevenbergMarquardt) -> None: ...
    def jacobian_at_end(self, solver: BoundedLevenbergMarquardt, scheme: str) -> None: ...
