"""The original hybrd and hybrj of MINPACK-1, called through ctypes; see `originals`."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, byref, c_double, c_int
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from originals import Array, Function, _Callback, _double, _int, _ptr, _routine, _vector

_int_p = POINTER(c_int)
_double_p = POINTER(c_double)
# fcn(n, x, fvec, iflag) and fcn(n, x, fvec, fjac, ldfjac, iflag)
_HYBRD_FCN = CFUNCTYPE(None, _int_p, _double_p, _double_p, _int_p)
_HYBRJ_FCN = CFUNCTYPE(None, _int_p, _double_p, _double_p, _double_p, _int_p, _int_p)


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
    """Original hybrd: Powell's hybrid method, the Jacobian by forward differences.

    ``func``: x (n,) -> functions (n,); what it raises leaves this function unchanged. ml and mu
    None stand for n - 1; epsfcn 0 for the machine precision; diag None for mode 1.
    """
    n = np.size(x0)
    lower, upper = (n - 1 if k is None else k for k in (ml, mu))
    return _solve(func, None, x0, xtol, maxfev, (lower, upper), epsfcn, diag, factor)


def hybrj(
    func: Function,
    jac: Function,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    diag: ArrayLike | None = None,
    factor: float = 100.0,
) -> HybridResult:
    """Original hybrj: as `hybrd`, with ``jac``: x (n,) -> Jacobian (n, n)."""
    return _solve(func, jac, x0, xtol, maxfev, (0, 0), 0.0, diag, factor)


def _solve(
    func: Function,
    jac: Function | None,
    x0: ArrayLike,
    xtol: float,
    maxfev: int,
    band: tuple[int, int],
    epsfcn: float,
    diag: ArrayLike | None,
    factor: float,
) -> HybridResult:
    x = _vector(x0)
    n = x.size
    scale = np.ones(n) if diag is None else _vector(diag)
    fvec, fjac, qtf = np.zeros(n), np.zeros((n, n), order="F"), np.zeros(n)
    r = np.zeros(n * (n + 1) // 2)
    work = [np.zeros(n) for _ in range(4)]
    info, nfev, njev = c_int(), c_int(), c_int()
    callback = _Callback(func, jac, n, n)

    def hybrd_fcn(n: Any, x: Any, fvec: Any, iflag: Any) -> None:
        callback.lmdif(n, n, x, fvec, iflag)

    def hybrj_fcn(n: Any, x: Any, fvec: Any, fjac: Any, ld: Any, iflag: Any) -> None:
        callback.lmder(n, n, x, fvec, fjac, ld, iflag)

    scaling = [_ptr(scale), _int(1 if diag is None else 2), _double(factor), _int(0)]
    matrix = [_ptr(fjac), _int(n)]
    outputs = [_ptr(r), _int(r.size), _ptr(qtf), *map(_ptr, work)]
    if jac is None:
        fcn: Any = _HYBRD_FCN(hybrd_fcn)
        _routine("hybrd")(
            fcn, _int(n), _ptr(x), _ptr(fvec), _double(xtol), _int(maxfev), *map(_int, band),
            _double(epsfcn), *scaling, byref(info), byref(nfev), *matrix, *outputs,
        )  # fmt: skip
    else:
        fcn = _HYBRJ_FCN(hybrj_fcn)
        _routine("hybrj")(
            fcn, _int(n), _ptr(x), _ptr(fvec), *matrix, _double(xtol), _int(maxfev), *scaling,
            byref(info), byref(nfev), byref(njev), *outputs,
        )  # fmt: skip
    if callback.error is not None:
        raise callback.error
    return HybridResult(
        x, fvec, info.value, nfev.value, njev.value, fjac, r, qtf, scale, callback.points
    )
