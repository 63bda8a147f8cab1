"""Overlapping peaks on a sloping base: guesses, derived parameters, their errors, components.

python examples/peaks.py [plot.png]
"""

from __future__ import annotations

import sys

import numpy as np

from fitcore.models import GaussianModel, LinearModel, LorentzianModel

x = np.linspace(0, 20, 401)
first, second = GaussianModel(prefix="g_"), LorentzianModel(prefix="l_")
model = first + second + LinearModel(prefix="base_")
truth = model.make_params(
    g_amplitude=40, g_center=7.2, g_sigma=0.9, l_amplitude=55, l_center=11.5, l_sigma=0.7,
    base_slope=0.3, base_intercept=4,
)  # fmt: skip
data = model.eval(truth, x=x) + np.random.default_rng(1).normal(scale=0.4, size=x.size)

# Each peak is guessed from its own part of the data.
params = model.make_params(base_slope=0, base_intercept=data.min())
params.update(first.guess(data[x < 9], x[x < 9]))
params.update(second.guess(data[x > 9], x[x > 9]))

result = model.fit(data, params, weights=1 / 0.4, x=x)
print(result.fit_report(min_correl=0.5))
for name in ("g_height", "g_fwhm", "l_height", "l_fwhm"):
    par = result.params[name]
    print(f"{name:8s} {par.value:8.4f} +/- {par.stderr:.4f}   (true {truth[name].value:.4f})")

parts = result.eval_components(x=x)
assert np.allclose(sum(parts.values()), result.best_fit)

if len(sys.argv) > 1:
    import matplotlib.pyplot as plt

    plt.plot(x, data, ".", x, result.best_fit, "-")
    for prefix, part in parts.items():
        plt.plot(x, part, "--", label=prefix)
    plt.legend()
    plt.savefig(sys.argv[1])
