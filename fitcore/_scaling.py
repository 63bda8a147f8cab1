"""Variables and objective in units in which the first step of a quasi-Newton method is right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitcore._objective import Objective

    FloatArray = NDArray[np.float64]

__all__ = ["Scaled", "scales_at"]


def scales_at(
    objective: Objective, x: FloatArray, *, central: bool = False
) -> tuple[FloatArray, float, float]:
    """What each variable, and the function, is to be multiplied by.

    Such that second derivatives are about 1, as the first step takes them to be: those of a sum of
    squares are 2 J^T J, those of a scalar are taken such that the first step is a tenth of the
    variables.

    Parameters
    ----------
    objective : Objective
        By the values.
    x : ndarray, shape (n,)
        The start.
    central : bool, default False
        Whether to take central differences.

    Returns
    -------
    scale : ndarray, shape (n,)
    unit : float
    value : float
        The size of the function at the start, not scaled.
    """
    if objective.jac is not None:
        objective(x)  # a gradient alone does not say what the value is
    gradient, columns = objective.derivatives(x, central=central)
    value = abs(objective.value_there)
    size = np.where(x != 0, np.abs(x), 1.0)
    if columns is None:
        steepest = float(np.max(np.abs(gradient * size), initial=0.0))
        unit = 0.1 / steepest if 0 < steepest < math.inf else 1.0
        return 1.0 / size, unit, value
    norms = np.sqrt(np.einsum("ij,ij->i", columns, columns))
    return np.where(np.isfinite(norms) & (norms > 0), norms, 1.0 / size), 0.5, value


class Scaled:
    """An objective in such units, for methods that begin as if second derivatives were 1.

    Parameters
    ----------
    objective : Objective
        By the values.
    x : ndarray, shape (n,)
        The start, in values.
    """

    def __init__(self, objective: Objective, x: FloatArray) -> None:
        self.objective = objective
        scale, self.unit, self.value = scales_at(objective, x)
        self.scale = np.clip(scale, 1e-150, 1e150)
        self.low, self.high = objective.lower, objective.upper

    def values(self, z: Any) -> FloatArray:
        """Values of the variables at a scaled point."""
        return np.clip(np.asarray(z, dtype=np.float64) / self.scale, self.low, self.high)

    def __call__(self, z: Any) -> float:
        return self.unit * self.objective(self.values(z))

    def gradient(self, z: Any) -> FloatArray:
        """The gradient by the scaled variables."""
        return self.unit * self.objective.gradient(self.values(z)) / self.scale
