from typing import Any, TypedDict

from numpy.typing import ArrayLike

class Goodness(TypedDict):
    ndata: int
    nfree: int
    chisqr: float
    redchi: float
    aic: float
    bic: float

def goodness(residual: ArrayLike, nvarys: int) -> Goodness: ...
def set_uncertainties(
    params: Any,
    varying: list[Any],
    covar: ArrayLike,
    withheld: tuple[str, ...] = (),
    factor: float = 1.0,
) -> None: ...
