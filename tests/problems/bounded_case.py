"""A test problem for a minimizer with bounds: objective, gradient, start, bounds, tolerances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .problem import Array, Problem

Objective = Callable[[Array], tuple[float, Array]]
"""x (n,) -> f, and its gradient (n,). No BLAS inside: the same x gives the same bits."""

INF = float("inf")


@dataclass(frozen=True, eq=False)
class BoundedCase:
    """One run of L-BFGS-B: minimize ``fun`` from ``x0``, with l <= x <= u."""

    id: str
    """Unique name, for test reports."""
    fun: Objective = field(repr=False)
    x0: Array = field(repr=False)
    """(n,), read-only; outside the bounds in some cases."""
    l: Array = field(repr=False)  # noqa: E741  the paper's name
    """(n,), read-only, -inf where there is no lower bound."""
    u: Array = field(repr=False)
    """(n,), read-only, inf where there is no upper bound."""
    m: int
    factr: float
    pgtol: float
    maxfun: int
    minimum: float | None = None
    """Least f within the bounds: from the literature, or in closed form."""
    minimizer: Array | None = field(default=None, repr=False)
    """(n,) where it is attained."""
    faulty: bool = False
    """The gradient is wrong, noisy, or undefined at kinks of f, so line searches may fail."""

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.x0.size

    @property
    def options(self) -> dict[str, Any]:
        """m, factr, pgtol and maxfun, as keywords."""
        return {"m": self.m, "factr": self.factr, "pgtol": self.pgtol, "maxfun": self.maxfun}

    @property
    def bounded(self) -> bool:
        """Whether any variable has a bound."""
        return bool(np.isfinite(self.l).any() or np.isfinite(self.u).any())

    @property
    def bounds(self) -> list[tuple[float | None, float | None]] | None:
        """Pairs, None for no bound; None for no bounds at all: SciPy's form."""
        if not self.bounded:
            return None
        return [
            (None if low == -INF else low, None if high == INF else high)
            for low, high in zip(self.l.tolist(), self.u.tolist(), strict=True)
        ]


def case(
    name: str,
    fun: Objective,
    x0: ArrayLike,
    l: ArrayLike = -INF,  # noqa: E741
    u: ArrayLike = INF,
    *,
    m: int = 10,
    factr: float = 1e7,
    pgtol: float = 1e-5,
    maxfun: int = 15000,
    minimum: float | None = None,
    minimizer: ArrayLike | None = None,
    faulty: bool = False,
) -> BoundedCase:
    """Case with arrays made read-only; a scalar bound holds for every variable."""

    def constant(value: ArrayLike) -> Array:
        a = np.array(np.broadcast_to(value, n), dtype=np.float64)
        a.flags.writeable = False
        return a

    n = np.asarray(x0).size
    return BoundedCase(
        name, fun, constant(x0), constant(l), constant(u), m, factr, pgtol, maxfun, minimum,
        None if minimizer is None else constant(minimizer), faulty,
    )  # fmt: skip


def sum_of_squares(problem: Problem) -> Objective:
    """The objective of a least-squares problem."""

    def fun(x: Array) -> tuple[float, Array]:
        residual, jacobian = problem.residual(x), problem.jacobian(x)
        return float((residual * residual).sum()), 2.0 * (jacobian * residual[:, None]).sum(axis=0)

    return fun


def alternating(n: int, *values: float) -> Array:
    """The values repeated to length n."""
    return np.resize(np.array(values, dtype=np.float64), n)


def unique(cases: Sequence[BoundedCase]) -> tuple[BoundedCase, ...]:
    """The cases; ValueError if two have the same id."""
    names = [c.id for c in cases]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"ids used twice: {sorted(repeated)}")
    return tuple(cases)
