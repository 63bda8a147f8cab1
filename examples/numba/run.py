"""A bounded fit with Parameters whose residuals are compiled by numba."""

import numba
import numpy as np
from numba import types

import fitcore

doubles = types.CPointer(types.float64)


@numba.cfunc(types.int32(types.int64, types.int64, doubles, doubles, doubles, doubles))
def decay(m, n, p, f, fjac, user_data):
    """p[0] exp(-t / p[1]) - y; user_data holds t and then y."""
    data = numba.carray(user_data, (2, m))
    for i in range(m):
        f[i] = p[0] * np.exp(-data[0, i] / p[1]) - data[1, i]
    return 0


t = np.linspace(0, 10, 50)
y = 3 * np.exp(-t / 4) + 0.01 * np.cos(7 * t)
function = fitcore.NativeFunction(decay, m=t.size, user_data=np.array([t, y]))

params = fitcore.Parameters()
params.add("amp", value=1.0, min=0)
params.add("tau", value=1.0, min=0.1, max=100)
result = fitcore.minimize(function, params)
print("amp", round(params["amp"].value, 6), "tau", round(params["tau"].value, 6))
print("stderr of tau", round(params["tau"].stderr, 6), "success", result.success)
