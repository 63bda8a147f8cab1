from collections.abc import Callable
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._solver import Solver

__all__ = ["MESSAGES", "PowellHybrid"]

MESSAGES: Final[dict[int, str]]

class PowellHybrid(Solver):
    def __init__(
        self,
        x0: ArrayLike,
        *,
        jac: str = "2-point",
        xtol: float = 1.49012e-8,
        maxfev: int = 0,
        ml: int | None = None,
        mu: int | None = None,
        epsfcn: float | None = None,
        factor: float = 100.0,
        diag: ArrayLike | None = None,
    ) -> None: ...
    def run(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...] = (),
        jac: Callable[..., Any] | None = None,
        *,
        col_deriv: bool = False,
        callback: Callable[[Self], object] | None = None,
    ) -> Self: ...
    def stop(self) -> None: ...
    def _give_up(
        self,
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    # "| Any" stands for None before the first evaluation or the end: who reads them then knows.
    @property
    def x(self) -> NDArray[np.float64]: ...
    @property
    def fvec(self) -> NDArray[np.float64] | Any: ...
    @property
    def fjac(self) -> NDArray[np.float64] | Any: ...
    @property
    def r(self) -> NDArray[np.float64] | Any: ...
    @property
    def qtf(self) -> NDArray[np.float64]: ...
    @property
    def diag(self) -> NDArray[np.float64]: ...
    @property
    def task(self) -> Literal["residual", "differences", "jacobian", "done"]: ...
    @property
    def supplied(self) -> bool: ...
    @property
    def done(self) -> bool: ...
    @property
    def n(self) -> int: ...
    @property
    def info(self) -> int | Any: ...
    @property
    def success(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def nfev(self) -> int: ...
    @property
    def njev(self) -> int: ...
    @property
    def nit(self) -> int: ...
    @property
    def fnorm(self) -> float: ...
    @property
    def delta(self) -> float: ...
