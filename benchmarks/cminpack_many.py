"""Many fits by cminpack-numba's lmder, looped over in compiled code: a peer of many_fits.

Residuals and analytic derivatives are numba functions. No covariances are formed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numba
import numpy as np
from cminpack_numba import lmder, lmder_sig

Array = np.ndarray
ROOT = math.sqrt(2 * math.pi)


@numba.cfunc(lmder_sig)
def peak(data, m, n, p, f, fjac, ldfjac, flag):
    """A Gaussian on an offset; data has a row of x and one of y."""
    x, y = numba.carray(data, (2, m), np.float64)
    amplitude, center, width, offset = p[0], p[1], 1 / p[2], p[3]
    scale = width / ROOT
    for i in range(m):
        t = (x[i] - center) * width
        e = scale * math.exp(-0.5 * t * t)
        if flag == 1:
            f[i] = amplitude * e + offset - y[i]
        else:
            fjac[i] = e
            fjac[i + ldfjac] = amplitude * e * t * width
            fjac[i + 2 * ldfjac] = amplitude * e * (t * t - 1) * width
            fjac[i + 3 * ldfjac] = 1.0
    return 0


@numba.cfunc(lmder_sig)
def spot(data, m, n, p, f, fjac, ldfjac, flag):
    """A Gaussian in two variables; data has two rows of coordinates and one of values."""
    x, y, values = numba.carray(data, (3, m), np.float64)
    amplitude, wide, high = p[0], 1 / p[3], 1 / p[4]
    scale = wide * high / (2 * math.pi)
    for i in range(m):
        t, u = (x[i] - p[1]) * wide, (y[i] - p[2]) * high
        e = scale * math.exp(-0.5 * (t * t + u * u))
        if flag == 1:
            f[i] = amplitude * e - values[i]
        else:
            fjac[i] = e
            fjac[i + ldfjac] = amplitude * e * t * wide
            fjac[i + 2 * ldfjac] = amplitude * e * u * high
            fjac[i + 3 * ldfjac] = amplitude * e * (t * t - 1) * wide
            fjac[i + 4 * ldfjac] = amplitude * e * (u * u - 1) * high
    return 0


@numba.njit
def loop(address, points, y, start, tol):
    """The solutions, a row for each row of y."""
    values = np.empty((y.shape[0], start.size))
    data = np.empty((points.shape[0] + 1, y.shape[1]))
    data[:-1] = points
    for k in range(y.shape[0]):
        data[-1] = y[k]
        values[k] = lmder(address, y.shape[1], start.copy(), tol, tol, 0.0, udata=data)[0]
    return values


def fits(points: Array, y: Array, start: Array, tol: float) -> Callable[[], Array]:
    """A function that makes all fits and returns their solutions."""
    address = (spot if len(points) == 2 else peak).address
    return lambda: loop(address, points, y, start, tol)
