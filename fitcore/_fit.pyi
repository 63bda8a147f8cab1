from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore.minpack import LevenbergMarquardt

class AbortFitException(Exception): ...

def all_finite(a: ArrayLike) -> bool: ...
def coerce_float64(
    arr: Any,
    nan_policy: Literal["raise", "propagate", "omit"] = "raise",
    handle_inf: bool = True,
    ravel: bool = True,
    ravel_order: Literal["C", "F", "A", "K"] = "C",
) -> NDArray[np.float64]: ...

class ParameterResidual:
    nfev: int
    stopped: str | None
    def __init__(
        self,
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
        chooses_step: bool = True,
        nfev: int = 0,
    ) -> None: ...
    @property
    def params(self) -> Any: ...
    @property
    def varying(self) -> list[Any]: ...
    @property
    def step(self) -> float: ...
    @property
    def max_nfev(self) -> int: ...
    def values(self) -> Mapping[str, float]: ...
    def run(self, solver: LevenbergMarquardt) -> None: ...
    def best(
        self, solver: LevenbergMarquardt
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None: ...
    def polish(self, solver: LevenbergMarquardt, scheme: str) -> None: ...
    def covariance(self, solver: LevenbergMarquardt, tol: float) -> NDArray[np.float64] | None: ...
    def polish_cost(self, scheme: str) -> int: ...
    def evaluate(self, u: NDArray[np.float64]) -> NDArray[np.float64] | None: ...
    def external(
        self, u: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def internal(self) -> NDArray[np.float64]: ...
    def place(self, u: NDArray[np.float64]) -> None: ...
