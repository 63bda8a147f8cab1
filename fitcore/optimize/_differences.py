"""Gradients from differences of the function, inside the bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitcore.lbfgsb import as_scalar

Array = NDArray[np.float64]

#: Ways to difference, with the relative step of each: the root of the spacing of doubles that
#: balances truncation and rounding.
SCHEMES = {"2-point": 2.0**-26, "3-point": 2.0 ** (-52 / 3), "cs": 2.0**-26}


class Differences:
    r"""A function and its gradient by differences.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns a real number; for 'cs' it must take complex `x`.
    n : int
        Number of variables.
    args : tuple
        Its further arguments.
    scheme : {'2-point', '3-point', 'cs'}
        Forward or central differences, or the complex step.
    lower, upper : ndarray, shape (n,), or None
        Bounds, never left. A step that would is turned round, or else shortened; a central
        difference for which there is no room becomes a one-sided one with three points.
    step : array_like, shape (n,) or scalar, optional
        Absolute steps. The sign is that of the step from `x`.
    relative : array_like, shape (n,) or scalar, optional
        Steps relative to the variable: :math:`h = r\,\mathrm{sign}(x) \max(1, |x|)`. Default:
        2\ :sup:`-26`, with central differences 2\ :sup:`-52/3`.

    Attributes
    ----------
    nfev : int
        Evaluations of `fun`, those of the differences included.
    njev : int
        Gradients.
    fixed : ndarray of bool, shape (n,), or None
        Variables whose bounds are equal: they are not varied, and their derivative is put to 0.

    Raises
    ------
    ValueError
        If a step is not finite or has the wrong length.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        n: int,
        args: tuple[Any, ...],
        scheme: str,
        lower: Array | None,
        upper: Array | None,
        step: ArrayLike | None = None,
        relative: ArrayLike | None = None,
        names: tuple[str, str] = ("eps", "finite_diff_rel_step"),
    ) -> None:
        self.fun, self.args, self.scheme = fun, args, scheme
        self.lower, self.upper = lower, upper
        self.nfev = self.njev = 0
        self.step = None if step is None else _steps(step, n, names[0])
        self.relative = (
            np.full(n, SCHEMES[scheme]) if relative is None else _steps(relative, n, names[1])
        )
        self.default = SCHEMES[scheme]
        self.fixed = None
        if lower is not None and upper is not None and (lower == upper).any():
            self.fixed = lower == upper

    def value(self, x: Array) -> float:
        """The function at `x`."""
        self.nfev += 1
        return as_scalar(self.fun(x, *self.args))

    def imaginary(self, z: NDArray[np.complex128]) -> float:
        """The imaginary part of the function at a complex point."""
        self.nfev += 1
        value = np.asarray(self.fun(z, *self.args))
        if value.size != 1 or value.dtype.kind != "c":
            raise TypeError(
                "fun must return a complex number for complex x when jac='cs', got dtype "
                f"{value.dtype} and shape {value.shape}"
            )
        return complex(value.item()).imag

    def __call__(self, x: Array) -> tuple[float, Array]:
        """The value and the gradient at `x`, shape (n,), which lies inside the bounds."""
        f = self.value(x.copy())
        self.njev += 1
        h = self._wanted(x)
        if self.scheme == "cs":
            return f, self._complex(x, h)
        if self.scheme == "3-point":
            return f, self._central(x, f, h)
        return f, self._forward(x, f, h)

    def _wanted(self, x: Array) -> Array:
        """Steps before the bounds are looked at; none of them vanishes beside its variable."""
        sign = np.where(x >= 0, 1.0, -1.0)
        scale = sign * np.maximum(1.0, np.abs(x))
        h = self.relative * scale if self.step is None else self.step
        if self.scheme == "cs":
            return np.where(h == 0, self.default * scale, h)
        return np.where((x + h) - x == 0, self.default * scale, h)

    def _room(self, x: Array) -> tuple[Array, Array]:
        if self.lower is None or self.upper is None:
            nothing = np.full_like(x, np.inf)
            return nothing, nothing
        return x - self.lower, self.upper - x

    def _forward(self, x: Array, f: float, h: Array) -> Array:
        if self.lower is not None:
            below, above = self._room(x)
            size = np.abs(h)
            outside = np.where(h >= 0, size > above, size > below)
            turned = outside & (size <= np.maximum(below, above))
            h = np.where(turned, -h, h)
            short = outside & ~turned
            h = np.where(short, np.where(above >= below, above, -below), h)
        moved = x + h
        if self.lower is not None and self.upper is not None:
            moved = np.clip(moved, self.lower, self.upper)  # x + h may round past a bound
        g = np.zeros_like(x)
        for i in self._varied(x):
            point = x.copy()
            point[i] = moved[i]
            g[i] = _quotient(self.value(point) - f, float(moved[i] - x[i]))
        return g

    def _central(self, x: Array, f: float, h: Array) -> Array:
        h = np.abs(h)
        below, above = self._room(x)
        central = (h <= below) & (h <= above)
        one_sided = np.where(above >= below, np.minimum(h, above / 2), -np.minimum(h, below / 2))
        nearest = np.minimum(below, above)
        # a shorter central difference, where there is as much room for it
        squeezed = ~central & (np.abs(one_sided) <= nearest)
        h = np.where(central, h, np.where(squeezed, nearest, one_sided))
        central |= squeezed
        g = np.zeros_like(x)
        for i in self._varied(x):
            point = x.copy()
            if central[i]:
                high, low = x[i] + h[i], x[i] - h[i]
                point[i] = low
                lower = self.value(point)
                point = x.copy()
                point[i] = high
                g[i] = _quotient(self.value(point) - lower, float(high - low))
                continue
            near = x[i] + h[i]
            far = x[i] + 2 * h[i]
            if self.lower is not None and self.upper is not None:
                far = min(max(far, self.lower[i]), self.upper[i])
            point[i] = near
            middle = self.value(point)
            point = x.copy()
            point[i] = far
            g[i] = _quotient(4 * middle - 3 * f - self.value(point), float(far - x[i]))
        return g

    def _complex(self, x: Array, h: Array) -> Array:
        g = np.zeros_like(x)
        for i in self._varied(x):
            point = x.astype(np.complex128)
            point[i] += 1j * h[i]
            g[i] = self.imaginary(point) / h[i]
        return g

    def _varied(self, x: Array) -> list[int] | range:
        if self.fixed is None:
            return range(x.size)
        return np.flatnonzero(~self.fixed).tolist()


def _quotient(change: float, step: float) -> float:
    return change / step if step != 0 else 0.0


def _steps(value: ArrayLike, n: int, name: str) -> Array:
    try:
        steps = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be a number or {n} numbers, got {value!r:.80}") from exc
    if steps.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name} must be one number or have shape ({n},), got {steps.shape}")
    if not np.isfinite(steps).all():
        raise ValueError(f"{name} must be finite, got {value!r:.80}")
    return np.array(np.broadcast_to(steps, (n,)))
