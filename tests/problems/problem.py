"""A least-squares test problem: residuals, Jacobian, starts, and what is known of its minima."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Problem:
    """A sum of squares ``sum(residual(x)**2)`` to minimize.

    ``residual`` also takes complex ``x``, so that ``jacobian`` can be checked by complex steps.
    Overflow far from the solution is part of some problems: inf and nan are returned, silently.
    Nothing here calls BLAS, so the same ``x`` always gives the same bits on one machine.
    """

    name: str
    """Unique, with the dimension where the problem comes in several: ``"watson-6"``."""
    number: int
    """Number in Moré, Garbow and Hillstrom (1981), section 3."""
    m: int
    """Number of residuals."""
    standard_start: tuple[float, ...]
    """The paper's starting point, of length n."""
    f: Function = field(repr=False)
    """x (n,) -> residuals (m,); called through `residual`."""
    df: Function = field(repr=False)
    """x (n,) -> matrix of df_i/dx_j (m, n); called through `jacobian`."""
    minimum: float | None = None
    """The least sum of squares, to the digits the paper gives (0 is exact)."""
    minimizer: tuple[float, ...] | None = None
    """A point where it is attained, where the paper gives one or a closed form does."""
    other_minima: tuple[float, ...] = ()
    """Sums of squares of local minima, and of infima approached at infinity."""
    minpack_starts: int = 0
    """How many of the starts x0, 10 x0, 100 x0 MINPACK's lmdif and lmder test programs run."""
    system: str = ""
    """For the paper's 14 nonlinear systems ``"residual"`` or ``"gradient"``: the equations are
    residual(x) = 0, with m = n, or jacobian(x).T @ residual(x) = 0. Empty for other problems."""

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.standard_start)

    def residual(self, x: Array) -> Array:
        """Residuals (m,) at x (n,)."""
        with np.errstate(all="ignore"):
            return self.f(np.ascontiguousarray(x))

    def jacobian(self, x: Array) -> Array:
        """Analytic Jacobian (m, n) at x (n,), C-contiguous."""
        with np.errstate(all="ignore"):
            return np.ascontiguousarray(self.df(np.ascontiguousarray(x)))

    def sum_of_squares(self, x: Array) -> float:
        """Sum of the squared residuals at x (n,)."""
        with np.errstate(all="ignore"):
            return float(np.sum(self.residual(x) ** 2))

    def start(self, factor: float = 1.0) -> Array:
        """Fresh array: factor times the standard start; ``factor`` in each component if that is 0.

        The exception (Watson's function) is the one that MINPACK's test programs make.
        """
        x0 = np.array(self.standard_start, dtype=float)
        if factor != 1.0 and not x0.any():
            return np.full(self.n, factor)
        return factor * x0


@dataclass(frozen=True)
class Case:
    """A problem from one of its starts."""

    problem: Problem
    factor: float

    @property
    def id(self) -> str:
        """Name for test reports: ``"watson-6 x10"``."""
        return f"{self.problem.name} x{self.factor:g}"

    @property
    def start(self) -> Array:
        """Fresh starting point (n,)."""
        return self.problem.start(self.factor)

    @property
    def in_minpack(self) -> bool:
        """Whether MINPACK's own lmdif and lmder test programs run it."""
        return self.factor in FACTORS[: self.problem.minpack_starts]


FACTORS = (1.0, 10.0, 100.0)
