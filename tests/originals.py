"""The original MINPACK-1, called through ctypes: what the tests hold the core against.

``libminpack.so.1`` (Debian and Ubuntu: package ``minpack-dev`` or ``libminpack1``) exports the
Fortran symbols with C int and double arguments, all by reference; minpack.h declares the drivers,
and ANL-80-74 documents the arguments of the routines below them. ``covar`` is not in the library.

Indices (``ipvt``) are 0-based here; matrices are Fortran-ordered.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import os
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, byref, c_double, c_int
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Any]
Counts = tuple[int, int]

_int_p = POINTER(c_int)
_double_p = POINTER(c_double)
# fcn(m, n, x, fvec, iflag) and fcn(m, n, x, fvec, fjac, ldfjac, iflag)
_LMDIF_FCN = CFUNCTYPE(None, _int_p, _int_p, _double_p, _double_p, _int_p)
_LMDER_FCN = CFUNCTYPE(None, _int_p, _int_p, _double_p, _double_p, _double_p, _int_p, _int_p)


def _load() -> ctypes.CDLL | None:
    for name in ("libminpack.so.1", ctypes.util.find_library("minpack")):
        if name:
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
    return None


_library = _load()
available: bool = _library is not None
"""Whether the original library was found."""


def _missing(what: str) -> None:
    if os.environ.get("FITCORE_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what}, and FITCORE_REQUIRE_PEERS=1 asks for it", pytrace=False)
    pytest.skip(what, allow_module_level=True)


def require() -> None:
    """Skip the test that calls this, or fail it if FITCORE_REQUIRE_PEERS=1, without the library."""
    if not available:
        _missing("the original MINPACK, libminpack.so.1, is not installed")


def require_peer(name: str) -> ModuleType:
    """Module ``name``; without it skip the test, or fail it if FITCORE_REQUIRE_PEERS=1."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        _missing(f"{name} cannot be imported ({error})")
        raise  # not reached: both ways out of _missing raise


def _routine(name: str, restype: Any = None) -> Any:
    if _library is None:
        raise RuntimeError("libminpack.so.1 is not installed; call originals.require() first")
    routine = getattr(_library, name + "_")
    routine.restype = restype
    return routine


def _ptr(a: NDArray[Any]) -> Any:
    """Pointer to the data, which ctypes keeps alive only as long as ``a`` lives."""
    return a.ctypes.data_as(_int_p if a.dtype == np.int32 else _double_p)


def _int(value: int) -> Any:
    return byref(c_int(value))


def _double(value: float) -> Any:
    return byref(c_double(value))


def _vector(a: ArrayLike) -> Array:
    """Fresh contiguous copy."""
    return np.array(a, dtype=np.float64, ndmin=1)


def _matrix(a: ArrayLike) -> Array:
    """Fresh Fortran-ordered copy."""
    return np.array(a, dtype=np.float64, order="F", ndmin=2)


@dataclass
class Result:
    """What lmdif or lmder left in its arguments, and what it asked for on the way."""

    x: Array
    fvec: Array
    info: int
    nfev: int
    njev: int
    """Jacobians: lmder's count; for lmdif, whose nfev includes its differences, 0."""
    fjac: Array
    """(m, n), Fortran order: R of the last pivoted QR in the upper triangle."""
    ipvt: NDArray[np.int32]
    """(n,), 0-based: column j of the factored matrix is column ipvt[j] of the Jacobian."""
    qtf: Array
    diag: Array
    points: list[Array] = field(repr=False)
    """Every x at which the residuals were asked for, in order."""
    jacobian_points: list[Array] = field(repr=False)
    """Every x at which lmder asked for the Jacobian, in order."""

    @property
    def counts(self) -> Counts:
        """(info, nfev), what a port must reproduce."""
        return self.info, self.nfev


class _Callback:
    """Evaluates for Fortran: records the points, and holds an exception until Fortran is left."""

    def __init__(self, func: Function, jac: Function | None, m: int, n: int) -> None:
        self.func, self.jac, self.m, self.n = func, jac, m, n
        self.points: list[Array] = []
        self.jacobian_points: list[Array] = []
        self.error: BaseException | None = None

    def _run(self, iflag: Any, evaluate: Callable[[], None]) -> None:
        if self.error is not None:
            iflag[0] = -1
            return
        try:
            evaluate()
        except BaseException as error:  # noqa: BLE001  KeyboardInterrupt too must not enter Fortran
            self.error = error
            iflag[0] = -1

    def _point(self, x: Any, record: list[Array]) -> Array:
        point = np.ctypeslib.as_array(x, (self.n,)).copy()
        record.append(point)
        return point.copy()

    def _residual(self, x: Any, fvec: Any) -> None:
        value = np.asarray(self.func(self._point(x, self.points)), dtype=np.float64)
        if value.shape != (self.m,):
            raise ValueError(f"func returned shape {value.shape}; m says ({self.m},)")
        np.ctypeslib.as_array(fvec, (self.m,))[:] = value

    def _jacobian(self, x: Any, fjac: Any, ld: int) -> None:
        assert self.jac is not None
        value = np.asarray(self.jac(self._point(x, self.jacobian_points)), dtype=np.float64)
        if value.shape != (self.m, self.n):
            raise ValueError(f"jac returned shape {value.shape}; wanted ({self.m}, {self.n})")
        np.ctypeslib.as_array(fjac, (self.n, ld))[:, : self.m] = value.T

    def lmdif(self, m: Any, n: Any, x: Any, fvec: Any, iflag: Any) -> None:
        self._run(iflag, lambda: self._residual(x, fvec))

    def lmder(self, m: Any, n: Any, x: Any, fvec: Any, fjac: Any, ld: Any, iflag: Any) -> None:
        if iflag[0] == 2:
            self._run(iflag, lambda: self._jacobian(x, fjac, ld[0]))
        else:
            self._run(iflag, lambda: self._residual(x, fvec))


def lmdif(
    func: Function,
    x0: ArrayLike,
    m: int,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    epsfcn: float,
    diag: ArrayLike | None = None,
    mode: int = 1,
    factor: float = 100.0,
) -> Result:
    """Original lmdif: Levenberg-Marquardt, the Jacobian by forward differences.

    Parameters
    ----------
    func : callable
        x (n,) -> residuals (m,). What it raises leaves this function unchanged.
    x0 : array_like, shape (n,)
        Start.
    m : int
        Number of residuals.
    ftol, xtol, gtol, maxfev, epsfcn, mode, factor
        As in ANL-80-74; epsfcn = 0 stands for the machine precision.
    diag : array_like, shape (n,), optional
        Scale factors, used when mode is 2.
    """
    return _solve(func, None, x0, m, ftol, xtol, gtol, maxfev, epsfcn, diag, mode, factor)


def lmder(
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
    """Original lmder: as `lmdif`, with ``jac``: x (n,) -> Jacobian (m, n)."""
    return _solve(func, jac, x0, m, ftol, xtol, gtol, maxfev, 0.0, diag, mode, factor)


def _solve(
    func: Function,
    jac: Function | None,
    x0: ArrayLike,
    m: int,
    ftol: float,
    xtol: float,
    gtol: float,
    maxfev: int,
    epsfcn: float,
    diag: ArrayLike | None,
    mode: int,
    factor: float,
) -> Result:
    routine = _routine("lmdif" if jac is None else "lmder")
    x = _vector(x0)
    n = x.size
    scale = np.ones(n) if diag is None else _vector(diag)
    fvec, fjac, qtf = np.zeros(m), np.zeros((m, n), order="F"), np.zeros(n)
    ipvt = np.zeros(n, dtype=np.int32)
    work = [np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(m)]
    info, nfev, njev = c_int(), c_int(), c_int()
    callback = _Callback(func, jac, m, n)

    outputs = [_ptr(ipvt), _ptr(qtf), *map(_ptr, work)]
    limits = [_double(ftol), _double(xtol), _double(gtol), _int(maxfev)]
    scaling = [_ptr(scale), _int(mode), _double(factor), _int(0)]
    matrix = [_ptr(fjac), _int(m)]
    problem = [_int(m), _int(n), _ptr(x), _ptr(fvec)]
    if jac is None:
        fcn: Any = _LMDIF_FCN(callback.lmdif)
        routine(
            fcn, *problem, *limits, _double(epsfcn), *scaling, byref(info), byref(nfev), *matrix,
            *outputs,
        )  # fmt: skip
    else:
        fcn = _LMDER_FCN(callback.lmder)
        routine(
            fcn, *problem, *matrix, *limits, *scaling, byref(info), byref(nfev), byref(njev),
            *outputs,
        )  # fmt: skip
    if callback.error is not None:
        raise callback.error
    return Result(
        x, fvec, info.value, nfev.value, njev.value, fjac, ipvt - np.int32(1), qtf, scale,
        callback.points, callback.jacobian_points,
    )  # fmt: skip


def fdjac2(func: Function, x: ArrayLike, fvec: ArrayLike, epsfcn: float = 0.0) -> Array:
    """Original forward-difference Jacobian (m, n) at x (n,), where the residuals are fvec (m,)."""
    point, value = _vector(x), _vector(fvec)
    m, n = value.size, point.size
    fjac, work, iflag = np.zeros((m, n), order="F"), np.zeros(m), c_int(1)
    callback = _Callback(func, None, m, n)
    fcn = _LMDIF_FCN(callback.lmdif)
    _routine("fdjac2")(
        fcn, _int(m), _int(n), _ptr(point), _ptr(value), _ptr(fjac), _int(m), byref(iflag),
        _double(epsfcn), _ptr(work),
    )  # fmt: skip
    if callback.error is not None:
        raise callback.error
    return fjac


def enorm(x: ArrayLike) -> float:
    """Original Euclidean norm, guarded against overflow and underflow."""
    v = _vector(x)
    return float(_routine("enorm", c_double)(_int(v.size), _ptr(v)))


def qrfac(a: ArrayLike, pivot: bool = True) -> tuple[Array, NDArray[np.int32], Array, Array]:
    """Original Householder QR, with column pivoting or not.

    Returns ``(a, ipvt, rdiag, acnorm)``: the factored matrix (m, n), with the strict upper
    triangle of R and below it, diagonal included, the Householder vectors; the 0-based
    permutation (n,); the diagonal of R (n,); the norms of the columns of the input (n,).
    """
    factored = _matrix(a)
    m, n = factored.shape
    ipvt = np.arange(1, n + 1, dtype=np.int32)
    rdiag, acnorm, work = np.zeros(n), np.zeros(n), np.zeros(n)
    _routine("qrfac")(
        _int(m), _int(n), _ptr(factored), _int(m), _int(int(pivot)), _ptr(ipvt), _int(n),
        _ptr(rdiag), _ptr(acnorm), _ptr(work),
    )  # fmt: skip
    return factored, ipvt - np.int32(1), rdiag, acnorm


def qrsolv(
    r: ArrayLike, ipvt: ArrayLike, diag: ArrayLike, qtb: ArrayLike
) -> tuple[Array, Array, Array]:
    """Original solution of (R P^T; D) x = (Q^T b; 0) in the least-squares sense.

    ``r`` (n, n) upper triangular, ``ipvt`` (n,) 0-based, ``diag`` and ``qtb`` (n,). Returns
    ``(x, sdiag, r)``: the solution (n,), the diagonal (n,) of the triangular S, and ``r`` with
    the strict lower triangle holding that of S transposed.
    """
    matrix, d, b = _matrix(r), _vector(diag), _vector(qtb)
    n = d.size
    permutation = np.array(ipvt, dtype=np.int32) + np.int32(1)
    x, sdiag, work = np.zeros(n), np.zeros(n), np.zeros(n)
    _routine("qrsolv")(
        _int(n), _ptr(matrix), _int(matrix.shape[0]), _ptr(permutation), _ptr(d), _ptr(b),
        _ptr(x), _ptr(sdiag), _ptr(work),
    )  # fmt: skip
    return x, sdiag, matrix


def lmpar(
    r: ArrayLike,
    ipvt: ArrayLike,
    diag: ArrayLike,
    qtb: ArrayLike,
    delta: float,
    par: float = 0.0,
) -> tuple[float, Array, Array, Array]:
    """Original Levenberg-Marquardt parameter for the step bound ``delta``, from the guess ``par``.

    Arguments as in `qrsolv`. Returns ``(par, x, sdiag, r)``.
    """
    matrix, d, b = _matrix(r), _vector(diag), _vector(qtb)
    n = d.size
    permutation = np.array(ipvt, dtype=np.int32) + np.int32(1)
    x, sdiag, work1, work2 = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    parameter = c_double(par)
    _routine("lmpar")(
        _int(n), _ptr(matrix), _int(matrix.shape[0]), _ptr(permutation), _ptr(d), _ptr(b),
        _double(delta), byref(parameter), _ptr(x), _ptr(sdiag), _ptr(work1), _ptr(work2),
    )  # fmt: skip
    return parameter.value, x, sdiag, matrix


def neighbours(start: ArrayLike) -> Iterator[Array]:
    """Eight points (n,) a relative 3 to 6 eps, about 1e-15, from ``start``, each way by component.

    Zeros stay: a zero moved to 1e-15 would shrink MINPACK's difference step, sqrt(eps) |x_j|, by
    fifteen orders of magnitude, which is no rounding error. See `last_bit_changes` for those.
    """
    x = _vector(start)
    j = np.arange(x.size)
    patterns = [np.ones(x.size), (-1.0) ** j, (-1.0) ** (j // 2), np.where((j * j) % 3, 1.0, -1.0)]
    for size, signs in zip((3.0, 4.0, 5.0, 6.0), patterns, strict=True):
        for sign in (1.0, -1.0):
            yield x * (1.0 + size * np.finfo(float).eps * sign * signs)


def counts_nearby(start: ArrayLike, run: Callable[[Array], Counts]) -> list[Counts]:
    """``run``, which returns (info, nfev), at ``start`` and then at each of its `neighbours`."""
    return [run(_vector(start)), *(run(point) for point in neighbours(start))]


def sensitive(start: ArrayLike, run: Callable[[Array], Counts]) -> bool:
    """Whether rounding decides (info, nfev): a relative move of the start by 1e-15 changes them.

    Where it does, no other implementation can be expected to reproduce the original's counts.
    """
    return len(set(counts_nearby(start, run))) > 1


def last_bit_changes(func: Function, trials: int = 4) -> Iterator[Function]:
    """Functions that return ``func``'s residuals with each nonzero one moved by one last bit.

    Up or down is drawn from a generator seeded with the trial and the bits of x, so each function
    is deterministic. For starts at zero, which `neighbours` cannot move.
    """
    for trial in range(trials):

        def changed(x: Array, trial: int = trial) -> Array:
            value = np.asarray(func(x), dtype=np.float64)
            seed = int(np.bitwise_xor.reduce(np.ascontiguousarray(x).view(np.uint64)))
            up = np.random.default_rng([trial, seed]).integers(0, 2, value.size, dtype=bool)
            with np.errstate(all="ignore"):
                moved = np.nextafter(value, np.where(up, np.inf, -np.inf))
            return np.where(value == 0.0, value, moved)

        yield changed


def column_changes(jac: Function, trials: int = 4) -> Iterator[Function]:
    """Jacobians whose columns are moved by 4 eps of their norms, the backward error of QR.

    (Golub, Van Loan, Matrix Computations, 5.2.2: m n eps at the worst.) Deterministic in x.
    """
    for trial in range(trials):

        def changed(x: np.ndarray, trial: int = trial) -> np.ndarray:
            value = np.asarray(jac(x))
            seed = int(np.bitwise_xor.reduce(np.ascontiguousarray(x).view(np.uint64)))
            noise = np.random.default_rng([trial, seed]).uniform(-1.0, 1.0, value.shape)
            with np.errstate(all="ignore"):
                return value + 4.0 * np.finfo(float).eps * noise * np.linalg.norm(value, axis=0)

        yield changed
