"""Fits by the extension of this directory, and its function in `fitcore.optimize`."""

import decay
import numpy as np

from fitcore import NativeFunction
from fitcore.optimize import minimize

t = np.linspace(0, 10, 50)
y = 3 * np.exp(-t / 4) + 0.01 * np.cos(7 * t)
start = np.array([1.0, 1.0])

x, covar, info = decay.fit(t, y, start)
print("minimize_lm:", np.round(x, 6), "info", info)
print("standard errors, unscaled:", np.round(np.sqrt([covar[0], covar[3]]), 6))
print("with tau >= 5:", np.round(decay.fit(t, y, start + 5, lower=(0, 5))[0], 6))
x, evaluations = decay.steps(t, y, start)
print("by steps:", np.round(x, 6), evaluations, "evaluations")
print("minimize_lbfgsb:", np.round(decay.valley([-1.2, 1.0])[0], 4))
print("with x <= 0.5:", np.round(decay.valley([-1.2, 1.0], upper=(0.5, 9))[0], 4))

native = NativeFunction.from_cython(decay, "rosenbrock", "objective", derivatives=True)
print("from_cython:", np.round(minimize(native, [-1.2, 1.0]).x, 4))
