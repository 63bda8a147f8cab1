from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._parameter import Constraint

__all__ = [
    "BatchFitter",
    "derive",
    "statistics",
]

class BatchFitter:
    def __init__(
        self,
        address: int,
        user_address: int,
        keep: Any,
        nparams: int,
        which: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        ftol: float = 1e-11,
        xtol: float = 1e-11,
        factor: float = 100.0,
        maxfev: int = 200,
        others: int = 0,
        ties: Sequence[tuple[int, Constraint, Sequence[int]]] = (),
    ) -> None: ...
    def fit(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        values: NDArray[np.float64],
        shared: bool = False,
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]: ...

def derive(
    constraints: list[Any],
    places: dict[str, int],
    values: NDArray[np.float64],
    stderr: NDArray[np.float64] | None = None,
    variables: NDArray[np.int64] | None = None,
    covar: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]: ...
def statistics(
    chisqr: NDArray[np.float64],
    covar: NDArray[np.float64],
    ndata: NDArray[np.int64],
    scaled: bool,
    variables: Sequence[int],
    nparams: int,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.bool_],
]: ...
