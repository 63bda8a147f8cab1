from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fitcore._fit import ParameterResidual
from fitcore.lbfgsb import LBFGSB, Objective

__all__ = [
    "ScaledObjective",
    "UncompiledExpression",
]

_Array: TypeAlias = NDArray[np.float64]

class UncompiledExpression(Exception): ...

class ScaledObjective(Objective):
    def __init__(
        self,
        evaluator: ParameterResidual,
        scale: _Array,
        unit: float,
        lower: _Array,
        upper: _Array,
        analytic: bool,
        central: bool,
        relative: float,
        felt: float,
    ) -> None: ...
    def begin(self, best_x: _Array | None, best_value: float, best_residual: _Array) -> None: ...
    @property
    def best(self) -> tuple[_Array | None, float, _Array]: ...
    def run(self, solver: LBFGSB, maxiter: int | None, maxfun: int | None) -> None: ...
