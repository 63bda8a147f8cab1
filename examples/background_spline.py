"""
A peak on a base of unknown shape
=================================

The base is a spline, whose knots stand beside the peak and not under it. Peak and base are fitted
together, so that the errors of the peak know of the base.
"""

import matplotlib.pyplot as plt
import numpy as np

from fitcore.models import GaussianModel, SplineModel

x = np.linspace(0, 25, 251)
rng = np.random.default_rng(4)
data = 60 / (2 * np.sqrt(2 * np.pi)) * np.exp(-((x - 12.3) ** 2) / 8)
data += 10 + 3 * np.sin(0.25 * x) + 0.02 * x**2 + rng.normal(scale=0.25, size=x.size)

peak = GaussianModel(prefix="peak_")
knots = np.array([1.0, 3, 5, 19, 21, 23, 25])
base = SplineModel(prefix="base_", xknots=knots)
params = peak.make_params(amplitude=10, center={"value": 13, "min": 5, "max": 20}, sigma=1)
params.update(base.guess(data, x))

result = (peak + base).fit(data, params, x=x)
print(result.fit_report(show_correl=False))
assert abs(result.best_values["peak_center"] - 12.3) < 0.2

# %%

parts = result.eval_components(x=x)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(x, data, ".", ms=4, color="0.5", label="data")
ax.plot(x, result.best_fit, color="C3", label="fit")
ax.plot(x, parts["base_"], "--", color="C0", label="base")
ax.plot(knots, np.interp(knots, x, parts["base_"]), "s", ms=5, color="C0", label="knots")
ax.fill_between(x, parts["base_"], result.best_fit, color="C3", alpha=0.15)
ax.set(xlabel="x", ylabel="counts")
ax.legend(frameon=False)
plt.show()
