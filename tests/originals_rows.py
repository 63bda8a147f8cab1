"""The original lmstr, chkder and easy drivers of MINPACK-1, called as in `originals`.

Their arguments are documented in ANL-80-74; the declarations are those of minpack.h.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, byref, c_double, c_int
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from originals import (
    _LMDER_FCN,
    _LMDIF_FCN,
    Array,
    Function,
    Result,
    _Callback,
    _double,
    _int,
    _ptr,
    _routine,
    _vector,
)

_int_p, _double_p = POINTER(c_int), POINTER(c_double)
# fcn(m, n, x, fvec, fjrow, iflag)
_LMSTR_FCN = CFUNCTYPE(None, _int_p, _int_p, _double_p, _double_p, _double_p, _int_p)
# fcn(n, x, fvec, iflag) and fcn(n, x, fvec, fjac, ldfjac, iflag)
_HYBRD_FCN = CFUNCTYPE(None, _int_p, _double_p, _double_p, _int_p)
_HYBRJ_FCN = CFUNCTYPE(None, _int_p, _double_p, _double_p, _double_p, _int_p, _int_p)


class _Rows(_Callback):
    """Hands out the Jacobian row by row; it is evaluated once for each pass."""

    def lmstr(self, m: Any, n: Any, x: Any, fvec: Any, fjrow: Any, iflag: Any) -> None:
        row = iflag[0] - 2
        if row < 0:
            self._run(iflag, lambda: self._residual(x, fvec))
        else:
            self._run(iflag, lambda: self._row(x, fjrow, row))

    def _row(self, x: Any, fjrow: Any, row: int) -> None:
        assert self.jac is not None
        if row == 0:
            self.matrix = np.asarray(self.jac(self._point(x, self.jacobian_points)), dtype=float)
        np.ctypeslib.as_array(fjrow, (self.n,))[:] = self.matrix[row]


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
    """Original lmstr, arguments as those of `originals.lmder`; fjac of the result is (n, n)."""
    x = _vector(x0)
    n = x.size
    scale = np.ones(n) if diag is None else _vector(diag)
    fvec, fjac, qtf = np.zeros(m), np.zeros((n, n), order="F"), np.zeros(n)
    ipvt = np.zeros(n, dtype=np.int32)
    work = [np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(m)]
    info, nfev, njev = c_int(), c_int(), c_int()
    callback = _Rows(func, jac, m, n)
    _routine("lmstr")(
        _LMSTR_FCN(callback.lmstr), _int(m), _int(n), _ptr(x), _ptr(fvec), _ptr(fjac), _int(n),
        _double(ftol), _double(xtol), _double(gtol), _int(maxfev), _ptr(scale), _int(mode),
        _double(factor), _int(0), byref(info), byref(nfev), byref(njev), _ptr(ipvt), _ptr(qtf),
        *map(_ptr, work),
    )  # fmt: skip
    if callback.error is not None:
        raise callback.error
    return Result(
        x, fvec, info.value, nfev.value, njev.value, fjac, ipvt - np.int32(1), qtf, scale,
        callback.points, callback.jacobian_points,
    )  # fmt: skip


def easy(
    name: str, func: Function, jac: Function | None, x0: ArrayLike, m: int, tol: float
) -> tuple[Array, Array, int, int, int]:
    """Original lmdif1, lmder1, lmstr1, hybrd1 or hybrj1.

    Returns ``(x, fvec, info, calls, jacobians)``: how often it has called func and jac.
    """
    x = _vector(x0)
    n = x.size
    callback = _Rows(func, jac, m, n)
    fvec, info, ipvt = np.zeros(m), c_int(), np.zeros(n, dtype=np.int32)
    size = m * n + 5 * n + m + n * (3 * n + 13)
    work = np.zeros(size)
    tail = [_ptr(work), _int(size)]
    head = [_int(m), _int(n), _ptr(x), _ptr(fvec)]
    rows = n if name == "lmstr1" else m
    fjac = np.zeros((rows, n), order="F")
    matrix = [_ptr(fjac), _int(rows)]
    routine = _routine(name)
    if name == "lmdif1":
        routine(_LMDIF_FCN(callback.lmdif), *head, _double(tol), byref(info), _ptr(ipvt), *tail)
    elif name == "hybrd1":
        fcn = _HYBRD_FCN(lambda n_, x_, f_, i_: callback.lmdif(n_, n_, x_, f_, i_))
        routine(fcn, *head[1:], _double(tol), byref(info), *tail)
    elif name == "hybrj1":
        fcn = _HYBRJ_FCN(lambda n_, x_, f_, j_, l_, i_: callback.lmder(n_, n_, x_, f_, j_, l_, i_))
        routine(fcn, *head[1:], *matrix, _double(tol), byref(info), *tail)
    else:
        kind = _LMDER_FCN(callback.lmder) if name == "lmder1" else _LMSTR_FCN(callback.lmstr)
        routine(kind, *head, *matrix, _double(tol), byref(info), _ptr(ipvt), *tail)
    if callback.error is not None:
        raise callback.error
    return x, fvec, info.value, len(callback.points), len(callback.jacobian_points)


def chkder(
    x: ArrayLike, fvec: ArrayLike, fjac: ArrayLike, func: Function
) -> tuple[Array, Array, Array]:
    """Original chkder in its two steps: (xp (n,), func(xp) (m,), err (m,))."""
    point, value = _vector(x), _vector(fvec)
    m, n = value.size, point.size
    matrix = np.array(fjac, dtype=np.float64, order="F", ndmin=2)
    xp, fvecp, err = np.zeros(n), np.zeros(m), np.zeros(m)

    def call(mode: int) -> None:
        _routine("chkder")(
            _int(m), _int(n), _ptr(point), _ptr(value), _ptr(matrix), _int(m), _ptr(xp),
            _ptr(fvecp), _int(mode), _ptr(err),
        )  # fmt: skip

    call(1)
    fvecp[:] = func(xp.copy())
    call(2)
    return xp, fvecp, err
