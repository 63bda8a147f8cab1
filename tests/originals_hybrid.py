"""The original hybrd and hybrj of MINPACK-1 with a record of their points; see `originals`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from originals import Array, Function, Recorder, routines


@dataclass
class HybridResult:
    """What hybrd or hybrj left in its arguments, and what it asked for on the way."""

    x: Array
    fvec: Array
    info: int
    nfev: int
    njev: int
    """Jacobians: hybrj's count; for hybrd, whose nfev includes its differences, 0."""
    fjac: Array
    """(n, n), Fortran order: Q of the last approximate Jacobian."""
    r: Array
    """(n (n + 1) / 2,): its triangle R by rows."""
    qtf: Array
    diag: Array
    points: list[Array] = field(repr=False)
    """Every x at which the functions were asked for, in order."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """(info, nfev, njev), what a port must reproduce."""
        return self.info, self.nfev, self.njev


def hybrd(
    func: Function,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    ml: int | None = None,
    mu: int | None = None,
    epsfcn: float = 0.0,
    diag: ArrayLike | None = None,
    factor: float = 100.0,
) -> HybridResult:
    """`fitcore.originals.hybrd` with the points.

    ml and mu None stand for n - 1; epsfcn 0 for the machine precision; diag None for mode 1.
    """
    f, n = Recorder(func), np.size(x0)
    lower, upper = (n - 1 if k is None else k for k in (ml, mu))
    mode = 1 if diag is None else 2
    out = routines.hybrd(f, x0, xtol, maxfev, lower, upper, epsfcn, diag, mode, factor)
    return _result(out, f.points)


def hybrj(
    func: Function,
    jac: Function,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    factor: float = 100.0,
) -> HybridResult:
    """`fitcore.originals.hybrj` with the points."""
    f, mode = Recorder(func), 1 if diag is None else 2
    out = routines.hybrj(f, jac, x0, xtol, maxfev, diag, mode, factor)
    return _result(out, f.points)


def _result(out: Any, points: list[Array]) -> HybridResult:
    return HybridResult(
        out.x, out.fvec, out.info, out.nfev, out.njev, out.fjac, out.r, out.qtf, out.diag, points
    )
