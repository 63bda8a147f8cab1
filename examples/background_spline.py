"""A peak on a base of unknown shape, described by a spline, as in lmfit's gallery.

python examples/background_spline.py
"""

from __future__ import annotations

import numpy as np

from fitcore.models import GaussianModel, SplineModel

x = np.linspace(0, 25, 251)
rng = np.random.default_rng(4)
data = 60 / (2 * np.sqrt(2 * np.pi)) * np.exp(-((x - 12.3) ** 2) / 8)
data += 10 + 3 * np.sin(0.25 * x) + 0.02 * x**2 + rng.normal(scale=0.25, size=x.size)

peak = GaussianModel(prefix="peak_")
base = SplineModel(prefix="base_", xknots=np.array([1.0, 3, 5, 19, 21, 23, 25]))
params = peak.make_params(amplitude=10, center={"value": 13, "min": 5, "max": 20}, sigma=1)
params.update(base.guess(data, x))

result = (peak + base).fit(data, params, x=x)
print(result.fit_report(show_correl=False))
assert abs(result.best_values["peak_center"] - 12.3) < 0.2
