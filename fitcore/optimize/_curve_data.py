"""The arguments of `curve_fit`, checked and as its solvers want them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore._native import NativeCall

Array = NDArray[np.float64]


def parameter_count(f: Callable[..., Any]) -> int:
    """How many parameters the model takes after xdata, by its signature."""
    if isinstance(f, NativeCall):
        if f.names is None:
            raise ValueError(
                "Unable to determine number of fit parameters: give p0, or names to the "
                "NativeFunction"
            )
        return len(f.names)
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError) as exc:
        raise ValueError("Unable to determine number of fit parameters.") from exc
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    n = sum(p.kind in kinds for p in signature.parameters.values()) - 1
    if n < 1:
        raise ValueError(
            "Unable to determine number of fit parameters: f takes none by name after xdata; "
            "give p0"
        )
    return n


def starting_point(p0: ArrayLike) -> Array:
    """`p0` as a vector."""
    try:
        given = np.asarray(p0)
        if given.dtype.kind not in "fiubO":
            raise TypeError(f"dtype {given.dtype}")
        start = np.array(given, dtype=np.float64).ravel()
    except (TypeError, ValueError) as exc:
        raise TypeError(f"p0 must be an array of real numbers, got {p0!r:.80}") from exc
    if start.size == 0:
        raise ValueError("p0 must hold at least one number, got none")
    if not np.isfinite(start).all():
        raise ValueError(f"p0 must be finite, got {p0!r:.80}")
    return start


#: No bounds, as the signature has it.
UNBOUNDED = (-np.inf, np.inf)


def box(bounds: Any, n: int) -> tuple[Array, Array] | None:
    """Lower and upper bounds, shape (n,); None if there are none."""
    if bounds is UNBOUNDED:
        return None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        pair = [bounds.lb, bounds.ub]
    else:
        try:
            pair = list(bounds)
        except TypeError as exc:
            raise TypeError(
                f"bounds must be a pair (lower, upper) or have lb and ub, got {bounds!r:.80}"
            ) from exc
    if len(pair) != 2:
        raise ValueError(
            f"`bounds` must contain 2 elements, the lower and the upper bounds, got {len(pair)}"
        )
    sides = []
    for value, name, absent in ((pair[0], "lower", -np.inf), (pair[1], "upper", np.inf)):
        try:
            side = np.asarray(absent if value is None else value)
            if side.dtype.kind == "c":
                raise TypeError(f"dtype {side.dtype}")
            side = side.astype(np.float64)
        except (TypeError, ValueError) as exc:
            raise type(exc)(f"the {name} bounds must be real numbers, got {value!r:.80}") from exc
        if np.isnan(side).any():
            raise ValueError(f"the {name} bounds must not be NaN, got {value!r:.80}")
        if side.ndim > 1:
            raise ValueError(f"the {name} bounds must be a scalar or a vector, got {value!r:.80}")
        if side.size not in (1, n):  # one alone may be a vector: SciPy's Bounds makes it one
            raise ValueError(
                f"the {name} bounds must be one number or {n}, one for each parameter, got "
                f"{side.size}"
            )
        sides.append(np.array(np.broadcast_to(side, (n,))))
    lower, upper = sides
    if np.isneginf(lower).all() and np.isposinf(upper).all():
        return None
    if not (lower < upper).all():
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    return lower, upper


def inside(limits: tuple[Array, Array] | None, n: int) -> Array:
    """A starting point: 1, or for bounded parameters the middle, or 1 away from the bound."""
    start = np.ones(n)
    if limits is not None:
        lower, upper = limits
        low, high = np.isfinite(lower), np.isfinite(upper)
        both, below, above = low & high, low & ~high, high & ~low
        start[both] = 0.5 * (lower[both] + upper[both])
        start[below] = lower[below] + 1
        start[above] = upper[above] - 1
    return start


def data(
    xdata: Any, ydata: ArrayLike, check_finite: Any, nan_policy: Any
) -> tuple[Any, Array, Any]:
    """`xdata`, `ydata`, and the mask of the points kept, None for all."""
    if nan_policy not in (None, "raise", "omit"):
        if nan_policy == "propagate":
            raise ValueError("`nan_policy='propagate'` is not supported by this function.")
        raise ValueError(
            f"nan_policy must be one of {{None, 'raise', 'omit'}}, got {nan_policy!r:.80}"
        )
    check = nan_policy is None if check_finite is None else bool(check_finite)
    try:
        y = np.asarray(ydata)
    except ValueError as exc:
        raise ValueError(f"ydata must be an array of numbers, got {ydata!r:.80}") from exc
    if y.dtype.kind == "c":
        raise TypeError(f"ydata must be real numbers, got dtype {y.dtype}")
    if y.dtype != np.float64:
        try:
            y = y.astype(np.float64)
        except (TypeError, ValueError) as exc:
            raise type(exc)(f"ydata must be an array of numbers, got {ydata!r:.80}") from exc
    if y.size == 0:
        raise ValueError("`ydata` must not be empty!")
    if check:
        _finite(y, "ydata")
    if isinstance(xdata, (list, tuple, np.ndarray)):
        # a model may use xdata as an array although it was given as a list
        x = np.asarray(xdata)
        if x.dtype != np.float64:
            x = x.astype(np.float64)
        if check:
            _finite(x, "xdata")
        xdata = x
    if nan_policy is None:
        return xdata, y, None
    x_nan = isinstance(xdata, np.ndarray) and bool(np.isnan(xdata).any())
    if not (x_nan or np.isnan(y).any()):
        return xdata, y, None
    if nan_policy == "raise":
        raise ValueError("The input contains nan values")
    kept = ~np.isnan(y)
    if isinstance(xdata, np.ndarray) and xdata.ndim > 0:
        # every axis of xdata but the last holds further predictors of the same points
        kept = kept & ~np.isnan(xdata).any(axis=tuple(range(xdata.ndim - 1)))
        xdata = xdata[..., kept]
    return xdata, y[kept], kept


def _finite(a: Array, name: str) -> None:
    if not np.isfinite(a).all():
        raise ValueError(f"array must not contain infs or NaNs ({name} does)")


def errors_of(sigma: Any, y: Array, kept: Any) -> tuple[Array | None, bool]:
    """Factors of the residuals and False; or the Cholesky factor of their covariance and True."""
    if sigma is None:
        return None, False
    try:
        s = np.asarray(sigma)
        if s.dtype.kind == "c":
            raise TypeError(f"dtype {s.dtype}")
        s = s.astype(np.float64)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"sigma must be real numbers, got {sigma!r:.80}") from exc
    if kept is not None:
        if s.shape == kept.shape:
            s = s[kept]
        elif s.shape == 2 * kept.shape:
            s = s[kept][:, kept]
    if s.size == 1 or s.shape == (y.size,):
        if not (s != 0).all():
            raise ValueError("sigma must not be zero: a point without error has infinite weight")
        if np.isnan(s).any():
            raise ValueError("sigma must not be NaN")
        return (1.0 / s if s.ndim == 1 and s.shape == y.shape else 1.0 / s.reshape(-1)), False
    if s.shape != (y.size, y.size):
        raise ValueError(
            f"`sigma` has incorrect shape. It has {s.shape}, wanted a scalar, ({y.size},) or "
            f"({y.size}, {y.size})"
        )
    if not np.isfinite(s).all():
        raise ValueError("array must not contain infs or NaNs (sigma does)")
    try:
        return np.linalg.cholesky(s), True
    except np.linalg.LinAlgError as exc:
        raise ValueError("`sigma` must be positive definite.") from exc
