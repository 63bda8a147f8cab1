"""The original lmstr, chkder and easy drivers of MINPACK-1 with a record; see `originals`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from originals import Array, Function, Recorder, Result, routines


class Rows:
    """Hands out a Jacobian row by row; it is evaluated once for each pass."""

    def __init__(self, jac: Function) -> None:
        self.jac = Recorder(jac)
        self.matrix: Array = np.empty((0, 0))

    def __call__(self, x: Array, i: int) -> Any:
        if i == 0:
            self.matrix = np.asarray(self.jac(x), dtype=np.float64)
        return self.matrix[i].copy()


def lmstr(
    func: Function,
    jac: Function,
    x0: ArrayLike,
    m: int,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
) -> Result:
    """`fitcore.originals.lmstr` with the points; arguments as those of `originals.lmder`."""
    f, rows = Recorder(func), Rows(jac)
    out = routines.lmstr(f, rows, x0, m, ftol, xtol, gtol, maxfev, diag, mode, factor)
    return Result(
        out.x, out.fvec, out.info, out.nfev, out.njev, out.fjac, out.ipvt, out.qtf, out.diag,
        f.points, rows.jac.points,
    )  # fmt: skip


def easy(
    name: str, func: Function, jac: Function | None, x0: ArrayLike, m: int, tol: float
) -> tuple[Array, Array, int, int, int]:
    """Original lmdif1, lmder1, lmstr1, hybrd1 or hybrj1.

    Returns ``(x, fvec, info, calls, jacobians)``: how often it has called func and jac.
    """
    f = Recorder(func)
    df = None if jac is None or name in ("lmdif1", "hybrd1") else Recorder(jac)
    if df is not None and name == "lmstr1":
        rows = Rows(df.function)
        out, df = routines.easy(name, f, rows, x0, m, tol), rows.jac
    else:
        out = routines.easy(name, f, df, x0, m, tol)
    return out.x, out.fvec, out.info, len(f.points), 0 if df is None else len(df.points)


def chkder(
    x: ArrayLike, fvec: ArrayLike, fjac: ArrayLike, func: Function
) -> tuple[Array, Array, Array]:
    """Original chkder in its two steps: (xp (n,), func(xp) (m,), err (m,))."""
    xp = routines.chkder_point(x)
    fvecp = np.asarray(func(xp.copy()), dtype=np.float64)
    return xp, fvecp, routines.chkder(x, fvec, fjac, fvecp)
