"""Values of line shapes, also of complex variables where that has a meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitcore._lineshapes import evaluate as _evaluate

__all__ = ["evaluate"]


def evaluate(name: str, form: int, x: Any, params: tuple[Any, ...], y: Any = None) -> Any:
    """The compiled shape; of complex `x` where the imaginary parts are zero, or it is a polynomial.

    Raises
    ------
    TypeError
        `x` or a parameter is not real.
    """
    try:
        return _evaluate(name, form, x, params, y)
    except TypeError:
        if y is not None or not np.iscomplexobj(x):
            raise
        x = np.asarray(x)
        if name == "polynomial":
            return np.polyval(params if form < 0 else params[::-1], x)
        if x.imag.any():
            raise
        return _evaluate(name, form, x.real, params) + 0j
