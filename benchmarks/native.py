"""A numba residual through `minimize` with bounded Parameters, beside cminpack-numba's `lmder`.

One process, all in turn; what is compared is the ratio. The problem is a decay with an offset, 500
points, whose residuals and derivatives are the same numba functions. `refine=False` is MINPACK's
fit and no more, as the peer makes it; with the refinement the Jacobian at the solution is formed
once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from _timing import interleaved
from cminpack_numba import lmder as peer
from cminpack_numba import lmder_sig
from numba import types

import fitcore

M = 500
T = np.linspace(0, 10, M)
Y = 3 * np.exp(-T / 4) + 0.5 + 0.01 * np.cos(7 * T)
DATA = np.array([T, Y])
doubles = types.CPointer(types.float64)


@numba.njit(error_model="numpy")
def fill(p, f, data):
    for i in range(f.size):
        f[i] = p[0] * np.exp(-data[0, i] / p[1]) + p[2] - data[1, i]


@numba.njit(error_model="numpy")
def slopes(p, columns, data):
    for i in range(columns.shape[1]):
        e = np.exp(-data[0, i] / p[1])
        columns[0, i] = e
        columns[1, i] = p[0] * e * data[0, i] / (p[1] * p[1])
        columns[2, i] = 1.0


@numba.cfunc(types.int32(types.int64, types.int64, doubles, doubles, doubles, doubles))
def ours(m, n, p, f, fjac, user_data):
    data = numba.carray(user_data, (2, m))
    at = numba.carray(p, (n,))
    residuals, columns = numba.carray(f, (m,)), numba.carray(fjac, (n, m))
    if residuals.ctypes.data != 0:
        fill(at, residuals, data)
    if columns.ctypes.data != 0:
        slopes(at, columns, data)
    return 0


def parameters(bounded: bool) -> fitcore.Parameters:
    params = fitcore.Parameters()
    for name, value in zip(("amp", "tau", "offset"), (1.0, 1.0, 0.0), strict=True):
        params.add(name, value, min=-50 if bounded else -np.inf, max=50 if bounded else np.inf)
    return params


LOW, HIGH = -50.0, 50.0


@numba.cfunc(lmder_sig)
def theirs(user_data, m, n, u, f, fjac, ldfjac, flag):
    """The same through MINUIT's mapping of bounds, which the peer leaves to its user."""
    data = numba.carray(user_data, (2, M), np.float64)
    at = np.empty(3)
    for j in range(3):
        at[j] = LOW + (np.sin(u[j]) + 1) * 0.5 * (HIGH - LOW)
    if flag == 1:
        fill(at, numba.carray(f, (M,)), data)
    else:
        columns = numba.carray(fjac, (3, M))
        slopes(at, columns, data)
        for j in range(3):
            columns[j] *= np.cos(u[j]) * 0.5 * (HIGH - LOW)
    return 0


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    """Time of each fit beside the peer's."""
    native = fitcore.NativeFunction(ours, m=M, user_data=DATA, derivatives=True)
    params = parameters(bounded=True)
    start = np.arcsin(2 * (np.array([1.0, 1.0, 0.0]) - LOW) / (HIGH - LOW) - 1)

    def peer_fit():
        return peer(theirs.address, M, start.copy(), 1e-11, 1e-11, 0.0, udata=DATA)

    functions = {
        "cminpack-numba lmder": peer_fit,
        "minimize, refine=False": lambda: fitcore.minimize(
            native, params, inplace=False, refine=False
        ),
        "minimize": lambda: fitcore.minimize(native, params, inplace=False),
        "minimize, Python function": lambda: fitcore.minimize(
            lambda p: native(p), params, inplace=False, Dfun=lambda p: native.jacobian(p)
        ),
    }
    found = fitcore.minimize(native, params, inplace=False)
    theirs_x = LOW + (np.sin(peer_fit()[0]) + 1) * 0.5 * (HIGH - LOW)
    np.testing.assert_allclose([p.value for p in found.params.values()], theirs_x, rtol=1e-6)
    rows = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        for t in interleaved(functions, seconds=seconds)
    }
    yield {"case": f"a numba function with bounds, {M} points", "unit": "time / cminpack-numba's",
           "rows": rows}  # fmt: skip
