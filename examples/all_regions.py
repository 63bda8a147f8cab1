"""
All regions of a fit, and the way to it
=======================================

One call draws the confidence regions of each two parameters, another one what the solver did.
"""

import matplotlib.pyplot as plt
import numpy as np

import fitcore

t = np.linspace(0, 10, 25)
data = 3 * np.exp(-t / 2.5) + 0.5 + np.random.default_rng(2).normal(scale=0.12, size=t.size)


def residual(params: fitcore.Parameters) -> np.ndarray:
    """Data minus model."""
    p = params.valuesdict()
    return data - p["amp"] * np.exp(-t / p["tau"]) - p["offset"]


params = fitcore.create_params(amp=1.0, tau={"value": 8.0, "min": 0}, offset=0.0)

# %%
# A trace is a callback. It records each iteration, and the fit is the same as without it.

trace = fitcore.IterationTrace()
result = fitcore.minimize(residual, params, callback=trace)
print(result)
fitcore.plot_iterations(trace, names=["amp", "tau", "offset"])
plt.show()

# %%
# On the diagonal the likelihood of each parameter while the others are fitted again, and its
# interval of one standard deviation; below it the regions of 1, 2 and 3. What the covariance says
# is dashed: the time is less well known than its standard error tells.

fitcore.plot_confidence(result)
plt.show()

# %%
# What is left of the data, and how it is distributed.

result.plot(t)
plt.show()
