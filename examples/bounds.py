"""
Bounds, and a solution that lies on one
=======================================

A weak second component whose amplitude cannot be negative: noise may pull it to zero. What the fit
says then.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import fitcore

NOISE = 0.5
rng = np.random.default_rng(28)
t = np.linspace(0, 8, 120)
data = 4 * np.exp(-t / 2.5) + rng.normal(scale=NOISE, size=t.size)


def model(params: fitcore.Parameters) -> np.ndarray:
    """A decay and a peak at 3 that may not be there."""
    p = params.valuesdict()
    return p["amp"] * np.exp(-t / p["tau"]) + p["peak"] * np.exp(-0.5 * ((t - 3) / 0.4) ** 2)


def residual(params: fitcore.Parameters) -> np.ndarray:
    """Residuals in units of the noise."""
    return (data - model(params)) / NOISE


# %%
# Without a bound the best peak is negative, which is no physics.

free = fitcore.create_params(amp=3.0, tau=1.0, peak=0.5)
without = fitcore.minimize(residual, free, inplace=False)
print(fitcore.fit_report(without, show_correl=False))

# %%
# With it, the solution lies on the bound. The result says so: there is no standard error for the
# peak, since none would mean anything, and those of the others are for the peak held there.

bounded = fitcore.create_params(
    amp={"value": 3.0, "min": 0}, tau={"value": 1.0, "min": 0.1}, peak={"value": 0.5, "min": 0}
)
mini = fitcore.Minimizer(residual, bounded)
result = mini.minimize()
print(fitcore.fit_report(result, show_correl=False))
print("at a bound:", result.at_bound)

# %%
# What the data do say about the peak is how large it may be: a one-sided interval.

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # which says that the interval has one side only
    intervals = fitcore.conf_interval(mini, result, p_names=["peak"], sigmas=[1, 2])
upper = intervals["peak"][-1][1]
print(f"peak < {upper:.3f} with a probability of {intervals['peak'][-1][0]:.4f}")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(t, data, ".", color="0.5", label="data")
ax.plot(t, model(without.params), "--", color="C1", label="without bounds")
ax.plot(t, model(result.params), color="C0", label="peak >= 0")
limit = result.params.copy()
limit["peak"].value = upper
ax.fill_between(t, model(result.params), model(limit), alpha=0.3, color="C0",
                label="what the interval allows")  # fmt: skip
ax.set(xlabel="t", ylabel="signal")
ax.legend(frameon=False)
plt.show()
