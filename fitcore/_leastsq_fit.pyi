from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fitcore._fit import ParameterResidual
from fitcore.minpack import LevenbergMarquardt

__all__ = [
    "CONVERGED",
    "DEPENDENT",
    "EPSFCN",
    "EXHAUSTED",
    "TOO_MANY",
    "Fit",
    "columns_of",
    "dependent_columns",
]

_FloatArray: TypeAlias = NDArray[np.float64]

CONVERGED: tuple[int, ...]
TOO_MANY: int
EXHAUSTED: tuple[int, ...]
DEPENDENT: dict[str, float]
EPSFCN: float

class Fit:
    mapped: bool
    fcn: Callable[..., Any]
    args: tuple[Any, ...]
    kws: dict[str, Any]
    iter_cb: Callable[..., Any] | None
    params: Any
    names: list[str]
    varying: list[Any]
    mapping: list[Any]
    limits: list[Any]
    bounded: bool
    moved: dict[str, float]
    adapts: frozenset[str]
    nan_policy: str
    settings: dict[str, Any]
    limit: int
    scheme: str
    evaluator: ParameterResidual
    u: _FloatArray
    residual: _FloatArray
    covar: _FloatArray | None
    why: str | None
    on_bound: list[int]
    info: int
    solver_message: str
    stalled: bool
    beside: str
    def __init__(
        self,
        fcn: Callable[..., Any],
        prepared: Any,
        args: tuple[Any, ...],
        kws: dict[str, Any],
        iter_cb: Callable[..., Any] | None,
        nan_policy: str,
        limit: int,
        settings: dict[str, Any],
        options: dict[str, Any],
    ) -> None: ...
    @property
    def stopped(self) -> str | None: ...
    def run(self) -> None: ...
    def finish(self, solver: LevenbergMarquardt) -> None: ...
    def value(self, i: int) -> float: ...
    def place(self) -> None: ...
    def _free(self) -> list[int]: ...
    def _evaluator(
        self, indices: Iterable[int], before: ParameterResidual | None = None
    ) -> ParameterResidual: ...
    def _solver(
        self,
        evaluator: ParameterResidual,
        u: _FloatArray,
        maxfev: int | None = None,
        factor: float | None = None,
    ) -> LevenbergMarquardt: ...

def dependent_columns(solver: Any, names: Sequence[str], tol: float) -> str: ...
def columns_of(
    jacobian: Callable[..., Any], indices: list[int], col_deriv: bool
) -> Callable[..., Any]: ...
