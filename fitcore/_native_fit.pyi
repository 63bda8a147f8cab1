from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitcore._fit import ParameterResidual

__all__ = [
    "ADAPTS",
    "NativeParameterResidual",
    "residual_of",
]

ADAPTS: frozenset[str]

class NativeParameterResidual(ParameterResidual):
    stop_code: int | None
    @property
    def drives(self) -> bool: ...
    def resolved(self) -> list[Any]: ...
    def columns(self, u: NDArray[np.float64]) -> NDArray[np.float64]: ...

def residual_of(
    fcn: Callable[..., Any],
    params: Any,
    varying: list[Any],
    mapping: list[Any],
    args: tuple[Any, ...],
    kws: dict[str, Any],
    nan_policy: str,
    max_nfev: int,
    iter_cb: Callable[..., Any] | None = None,
    callback: Callable[..., Any] | None = None,
    jac: Callable[..., Any] | None = None,
    col_deriv: bool = False,
    adapts: frozenset[str] = ...,
    before: ParameterResidual | None = None,
) -> ParameterResidual: ...
