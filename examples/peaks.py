"""
Overlapping peaks and their components
======================================

Two peaks of different shapes on a sloping base: starting values from the data, derived
parameters with their errors, and the parts of the sum.
"""

# %%
# Data as a spectrometer may give them, with noise of a known size.

import matplotlib.pyplot as plt
import numpy as np

from fitcore.models import GaussianModel, LinearModel, LorentzianModel

NOISE = 0.4
x = np.linspace(0, 20, 401)
first, second = GaussianModel(prefix="g_"), LorentzianModel(prefix="l_")
model = first + second + LinearModel(prefix="base_")
truth = model.make_params(
    g_amplitude=40, g_center=7.2, g_sigma=0.9, l_amplitude=55, l_center=11.5, l_sigma=0.7,
    base_slope=0.3, base_intercept=4,
)  # fmt: skip
data = model.eval(truth, x=x) + np.random.default_rng(1).normal(scale=NOISE, size=x.size)

# %%
# Each peak is guessed from its own part of the data. With weights that are one over the noise the
# reduced chi-square tells whether the model describes the data: it should be near 1.

params = model.make_params(base_slope=0, base_intercept=data.min())
params.update(first.guess(data[x < 9], x[x < 9]))
params.update(second.guess(data[x > 9], x[x > 9]))

result = model.fit(data, params, weights=1 / NOISE, x=x)
print(result.fit_report(min_correl=0.5))

# %%
# Heights and widths are expressions of the parameters, and have errors with all correlations.

for name in ("g_height", "g_fwhm", "l_height", "l_fwhm"):
    par = result.params[name]
    print(f"{name:8s} {par.value:8.4f} +/- {par.stderr:.4f}   (true {truth[name].value:.4f})")

# %%
# The parts of the sum, by their prefixes, and what is left over.

parts = result.eval_components(x=x)
assert np.allclose(sum(parts.values()), result.best_fit)

figure, (top, bottom) = plt.subplots(
    2, 1, sharex=True, height_ratios=(3, 1), figsize=(7, 5), layout="constrained"
)
top.plot(x, data, ".", ms=3, color="0.5", label="data")
top.plot(x, result.best_fit, color="C3", label="fit")
base = parts["base_"]
top.plot(x, base, ":", color="0.3", label="base_")
for prefix in ("g_", "l_"):
    top.fill_between(x, base, base + parts[prefix], alpha=0.3, label=prefix)
top.legend(frameon=False)
top.set_ylabel("counts")
bottom.axhline(0, color="C3", lw=1)
bottom.plot(x, (data - result.best_fit) / NOISE, ".", ms=3, color="0.5")
bottom.set(xlabel="x", ylabel="residual / noise")
plt.show()
