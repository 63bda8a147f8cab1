from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_jacobian", "chkder", "covar"]

def chkder(
    x: ArrayLike,
    fvec: ArrayLike | None = None,
    fjac: ArrayLike | None = None,
    xp: ArrayLike | None = None,
    fvecp: ArrayLike | None = None,
) -> NDArray[np.float64]: ...
def check_jacobian(
    func: Callable[..., Any],
    jac: Callable[..., Any],
    x: ArrayLike,
    args: tuple[Any, ...] = (),
    *,
    col_deriv: bool = False,
) -> NDArray[np.float64]: ...
def covar(r: ArrayLike, ipvt: ArrayLike, tol: float = 0.0) -> NDArray[np.float64]: ...
