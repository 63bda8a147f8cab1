from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "correlations",
    "goodness",
    "set_propagated",
    "set_uncertainties",
]

class _Goodness(TypedDict):
    ndata: int
    nfree: int
    chisqr: float
    redchi: float
    aic: float
    bic: float

def correlations(covar: ArrayLike) -> NDArray[np.float64]: ...
def goodness(residual: ArrayLike, nvarys: int) -> _Goodness: ...
def set_uncertainties(
    params: Any,
    varying: list[Any],
    covar: ArrayLike,
    withheld: tuple[str, ...] = (),
    factor: float = 1.0,
) -> NDArray[np.float64]: ...
def set_propagated(
    params: Any,
    expressions: list[Any],
    names: list[str],
    covar: ArrayLike,
    factor: float = 1.0,
) -> None: ...
