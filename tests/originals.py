"""The original MINPACK-1 with a record of the points it asks for: what the tests hold the core to.

`fitcore.originals` calls it. ``covar`` is not in its library.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

try:
    from fitcore import originals as routines
    from fitcore.originals import enorm, fdjac2, lmpar, qrfac, qrsolv
except ImportError:
    available = False
else:
    available = True
    __all__ = ["enorm", "fdjac2", "lmpar", "qrfac", "qrsolv"]

Array = NDArray[np.float64]
Function = Callable[[Array], Any]
Counts = tuple[int, int]


def missing(what: str) -> None:
    """Skip the test that calls this, or fail it if FITCORE_REQUIRE_PEERS=1, for want of a peer."""
    if os.environ.get("FITCORE_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what}, and FITCORE_REQUIRE_PEERS=1 asks for it", pytrace=False)
    pytest.skip(what, allow_module_level=True)


def require() -> None:
    """Skip the test that calls this, or fail it if FITCORE_REQUIRE_PEERS=1, without the originals.

    With FITCORE_WITHOUT_ORIGINALS=1, which CI says of a build that must not have them, the skip is
    one that is allowed.
    """
    if available:
        return
    if os.environ.get("FITCORE_WITHOUT_ORIGINALS") == "1":
        pytest.skip("allowed: a build without the originals", allow_module_level=True)
    missing("this build of fitcore is without the originals")


def require_peer(name: str) -> ModuleType:
    """Module ``name``; without it skip the test, or fail it if FITCORE_REQUIRE_PEERS=1."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing(f"{name} cannot be imported ({error})")
        raise  # not reached: both ways out of missing raise


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


class Recorder:
    """A function that keeps every x it is called with."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.points: list[Array] = []

    def __call__(self, x: Array) -> Any:
        self.points.append(x.copy())
        return self.function(x)


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
    """`fitcore.originals.lmdif` with the points."""
    f = Recorder(func)
    out = routines.lmdif(f, x0, m, ftol, xtol, gtol, maxfev, epsfcn, diag, mode, factor)
    return _result(out, f.points, [])


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
    """`fitcore.originals.lmder` with the points."""
    f, df = Recorder(func), Recorder(jac)
    out = routines.lmder(f, df, x0, m, ftol, xtol, gtol, maxfev, diag, mode, factor)
    return _result(out, f.points, df.points)


def _result(out: Any, points: list[Array], jacobian_points: list[Array]) -> Result:
    return Result(
        out.x, out.fvec, out.info, out.nfev, out.njev, out.fjac, out.ipvt, out.qtf, out.diag,
        points, jacobian_points,
    )  # fmt: skip


def neighbours(start: ArrayLike) -> Iterator[Array]:
    """Eight points (n,) a relative 3 to 6 eps, about 1e-15, from ``start``, each way by component.

    Zeros stay: a zero moved to 1e-15 would shrink MINPACK's difference step, sqrt(eps) |x_j|, by
    fifteen orders of magnitude, which is no rounding error. See `last_bit_changes` for those.
    """
    x = np.array(start, dtype=np.float64, ndmin=1)
    j = np.arange(x.size)
    patterns = [np.ones(x.size), (-1.0) ** j, (-1.0) ** (j // 2), np.where((j * j) % 3, 1.0, -1.0)]
    for size, signs in zip((3.0, 4.0, 5.0, 6.0), patterns, strict=True):
        for sign in (1.0, -1.0):
            yield x * (1.0 + size * np.finfo(float).eps * sign * signs)


def counts_nearby(start: ArrayLike, run: Callable[[Array], Counts]) -> list[Counts]:
    """``run``, which returns (info, nfev), at ``start`` and then at each of its `neighbours`."""
    return [
        run(np.array(start, dtype=np.float64, ndmin=1)),
        *(run(point) for point in neighbours(start)),
    ]


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
