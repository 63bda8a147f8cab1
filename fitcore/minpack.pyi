from collections.abc import Callable
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._auxiliary import check_jacobian, chkder, covar
from fitcore._evaluator import Evaluator
from fitcore._hybrid import PowellHybrid
from fitcore._messages import MESSAGES
from fitcore._rowwise import StreamingLM
from fitcore._solver import Solver

__all__ = [
    "MESSAGES",
    "Evaluator",
    "LevenbergMarquardt",
    "PowellHybrid",
    "StreamingLM",
    "check_jacobian",
    "chkder",
    "covar",
]

CPU_LEVEL: Final[int]

class LevenbergMarquardt(Solver):
    def __init__(
        self,
        x0: ArrayLike,
        m: int | None = None,
        *,
        jac: str = "2-point",
        ftol: float = 1.49012e-8,
        xtol: float = 1.49012e-8,
        gtol: float = 0.0,
        maxfev: int = 0,
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
    def refine(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...] = (),
        jac: Callable[..., Any] | None = None,
        *,
        col_deriv: bool = False,
        scheme: str = "3-point",
    ) -> Self: ...
    def stop(self) -> None: ...
    def covariance(self, tol: float = 0.0) -> NDArray[np.float64] | None: ...
    def _give_up(
        self,
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int32],
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
    def ipvt(self) -> NDArray[np.int64]: ...
    @property
    def qtf(self) -> NDArray[np.float64]: ...
    @property
    def diag(self) -> NDArray[np.float64]: ...
    @property
    def task(self) -> Literal["residual", "differences", "jacobian", "done"]: ...
    @property
    def done(self) -> bool: ...
    @property
    def n(self) -> int: ...
    @property
    def m(self) -> int | Any: ...
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
    def gnorm(self) -> float: ...
    @property
    def delta(self) -> float: ...
    @property
    def par(self) -> float: ...
