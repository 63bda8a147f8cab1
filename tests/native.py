"""The Fortran core called through ctypes: the routines under `fitcore.minpack`, one by one.

They are looked up in the extension module; where it does not export them, the sources are compiled
into a library of their own (gfortran's names for module procedures in both).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from ctypes import POINTER, byref, c_double, c_int64
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import fitcore.minpack

Array = NDArray[np.float64]
Permutation = NDArray[np.int64]

SOURCES = Path(__file__).parents[1] / "src" / "fortran"
ORDER = (
    "linalg/kinds",
    "linalg/vectors",
    "linalg/triangular",
    "minpack/qr",
    "minpack/lm_solve",
    "minpack/lm_parameter",
    "minpack/box_step",
)


@cache
def library() -> ctypes.CDLL:
    """The extension module, or a library built from the sources; skips without a compiler."""
    extension = ctypes.CDLL(fitcore.minpack.__file__)
    if hasattr(extension, "__fitcore_qr_MOD_qr_pivot"):
        return extension
    return build(Path(tempfile.mkdtemp(prefix="fitcore-core-")))


def build(directory: Path) -> ctypes.CDLL:
    """The sources compiled with gfortran, run-time checks on, in `directory`."""
    compiler = shutil.which("gfortran")
    if compiler is None or not SOURCES.is_dir():
        message = "the core's routines are not exported and gfortran or the sources are not there"
        if os.environ.get("FITCORE_REQUIRE_PEERS") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message, allow_module_level=True)
    target = directory / "libcore.so"
    subprocess.run(
        [
            compiler,
            "-shared",
            "-fPIC",
            "-O1",
            "-ffp-contract=off",
            "-fcheck=all",
            "-std=f2018",
            "-o",
            str(target),
        ]
        + ["-J", str(directory)]
        + [str(SOURCES / f"{name}.f90") for name in ORDER],
        check=True,
    )
    return ctypes.CDLL(str(target))


def _p(a: NDArray[Any]) -> Any:
    return a.ctypes.data_as(POINTER(c_int64 if a.dtype == np.int64 else c_double))


def _n(value: int) -> Any:
    return byref(c_int64(value))


def norm(a: ArrayLike, lib: ctypes.CDLL | None = None) -> float:
    """Euclidean norm of a vector."""
    vector = np.array(a, dtype=np.float64, ndmin=1)
    routine = (lib or library()).fitcore_norm
    routine.restype = c_double
    return float(routine(c_int64(vector.size), _p(vector)))


def qr_pivot(
    a: ArrayLike, b: ArrayLike | None = None, lib: ctypes.CDLL | None = None
) -> tuple[Array, Permutation, Array, Array, Array]:
    """Pivoted QR: (factored (m, n), ipvt from 0, rdiag (n,), acnorm (n,), Q^T b (m,))."""
    matrix = np.array(a, dtype=np.float64, order="F", ndmin=2)
    m, n = matrix.shape
    rhs = np.zeros(m) if b is None else np.array(b, dtype=np.float64)
    ipvt, rdiag, acnorm, work = np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n)
    routine = (lib or library())["__fitcore_qr_MOD_qr_pivot"]
    routine.restype = None
    routine(
        _n(m), _n(n), _p(matrix), _n(m), _p(ipvt), _p(rdiag), _p(acnorm), _p(rhs), _p(work)
    )  # fmt: skip
    return matrix, ipvt - 1, rdiag, acnorm, rhs


def lm_parameter(
    r: ArrayLike,
    ipvt: ArrayLike,
    diag: ArrayLike,
    qtb: ArrayLike,
    delta: float,
    par: float = 0.0,
    lib: ctypes.CDLL | None = None,
) -> tuple[float, Array, Array, Array]:
    """(par, x (n,), sdiag (n,), r); `ipvt` from 0, `r` (n, n) upper triangular."""
    matrix = np.array(r, dtype=np.float64, order="F", ndmin=2)
    d, b = np.array(diag, dtype=np.float64), np.array(qtb, dtype=np.float64)
    n = d.size
    permutation = np.array(ipvt, dtype=np.int64) + 1
    x, sdiag, work1, work2 = (np.zeros(n) for _ in range(4))
    parameter = c_double(par)
    routine = (lib or library())["__fitcore_lm_parameter_MOD_lm_parameter"]
    routine.restype = None
    routine(
        _n(n), _p(matrix), _n(matrix.shape[0]), _p(permutation), _p(d), _p(b),
        byref(c_double(delta)), byref(parameter), _p(x), _p(sdiag), _p(work1), _p(work2),
    )  # fmt: skip
    return parameter.value, x, sdiag, matrix
