"""The functions of native_functions.c, compiled and as pointers."""

from __future__ import annotations

import atexit
import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[np.float64]

T = np.linspace(0, 10, 50)
Y = 3 * np.exp(-T / 4) + 0.01 * np.cos(7 * T)
DATA = np.concatenate([T, Y])

_DOUBLES = ctypes.POINTER(ctypes.c_double)
_I = ctypes.c_int64
ARGUMENTS = {
    "residual": (_I, _I, _DOUBLES, _DOUBLES, _DOUBLES, ctypes.c_void_p),
    "objective": (_I, _DOUBLES, _DOUBLES, _DOUBLES, ctypes.c_void_p),
    "model": (_I, _I, _DOUBLES, _I, _DOUBLES, _DOUBLES, _DOUBLES, ctypes.c_void_p),
}
RESIDUAL = ctypes.CFUNCTYPE(ctypes.c_int, *ARGUMENTS["residual"])
OBJECTIVE = ctypes.CFUNCTYPE(ctypes.c_int, *ARGUMENTS["objective"])


@cache
def library() -> Any:
    """The compiled library.

    Without a C compiler the test is skipped, or fails if FITCORE_REQUIRE_PEERS=1.
    """
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or ""]
    if not compiler[0] or shutil.which(compiler[0]) is None:
        if os.environ.get("FITCORE_REQUIRE_PEERS") == "1":
            pytest.fail("there is no C compiler for native functions", pytrace=False)
        pytest.skip("allowed: there is no C compiler for native functions")
    source = Path(__file__).with_name("native_functions.c")
    scratch = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    target = Path(scratch) / "functions.so"
    subprocess.run(
        [*compiler, "-O2", "-ffp-contract=off", "-shared", "-fPIC", source, "-o", target, "-lm"],
        check=True,
    )
    return ctypes.CDLL(str(target))


def function(name: str) -> Any:
    """A pointer from the library, whose types ctypes does not know."""
    return getattr(library(), name)
