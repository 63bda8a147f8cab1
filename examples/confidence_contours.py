"""
Confidence contours that are no ellipses
========================================

Two decays whose times are not far apart. Standard errors and correlations describe an ellipse;
the region that the data allow is another one.
"""

import matplotlib.pyplot as plt
import numpy as np

import fitcore

t = np.linspace(0, 10, 100)
data = 3 * np.exp(-t / 2) - 5 * np.exp(-t / 0.5)
data += np.random.default_rng(7).normal(scale=0.1, size=t.size)


def residual(params: fitcore.Parameters) -> np.ndarray:
    """Data minus model."""
    p = params.valuesdict()
    return data - p["a1"] * np.exp(-t / p["t1"]) - p["a2"] * np.exp(-t / p["t2"])


params = fitcore.create_params(a1=4.0, a2=-4.0, t1=3.0, t2={"value": 0.4, "min": 0})
mini = fitcore.Minimizer(residual, params)
result = mini.minimize()
print(fitcore.fit_report(result))

# %%
# Intervals by profiles: a parameter is held beside its best value, all others are fitted again, and
# the end is where chi-square has grown too much to be chance. They are not symmetric here.

intervals, trace = fitcore.conf_interval(mini, result, sigmas=[0.5, 1, 1.5, 2, 2.5, 3], trace=True)
fitcore.report_ci(fitcore.conf_interval(mini, result, sigmas=[1, 2, 3]))

# %%
# The same for two parameters at once, over a grid; and beside it the ellipse of the covariance.

a, b, sigmas = fitcore.conf_interval2d(mini, result, "a1", "t2", 50, 50, nsigma=3.7)

names = result.var_names
pick = [names.index("a1"), names.index("t2")]
covariance = result.covar[np.ix_(pick, pick)]
center = [result.params["a1"].value, result.params["t2"].value]
angle = np.linspace(0, 2 * np.pi, 200)
circle = np.array([np.cos(angle), np.sin(angle)])

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
lines = left.contour(a, b, sigmas, levels=[1, 2, 3], colors=["C0", "C1", "C3"])
left.clabel(lines, fmt=lambda level: rf"{level:.0f} $\sigma$")
factor = np.linalg.cholesky(covariance)
for probability in (0.6827, 0.9545):
    radius = np.sqrt(-2 * np.log(1 - probability))
    ellipse = np.array(center)[:, None] + radius * factor @ circle
    left.plot(*ellipse, "--", color="0.5", lw=1)
left.plot(*center, "+", color="k")
left.set(xlabel="a1", ylabel="t2", title="regions; dashed: from the covariance")

for name, color in (("a1", "C0"), ("t2", "C1")):
    par = result.params[name]
    order = np.argsort(trace[name][name])
    offset = (np.asarray(trace[name][name])[order] - par.value) / par.stderr
    right.plot(offset, np.asarray(trace[name]["prob"])[order], ".-", color=color, label=name)
right.axhline(0.6827, color="0.6", lw=1)
right.axhline(0.9545, color="0.6", lw=1)
right.set(xlabel="distance from the best value / standard error", ylabel="probability",
          title="profiles")  # fmt: skip
right.legend(frameon=False)
plt.show()
