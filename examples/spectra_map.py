"""
Maps from a cube of spectra
===========================

A spectrum for each pixel of an image, 40 by 60 of them: one call fits them all, and the result is
arrays of the image's shape.
"""

# %%
# The line is shifted and broadened where something moves. The noise is known; one corner of the
# detector is dead.

import matplotlib.pyplot as plt
import numpy as np

import fitcore
from fitcore.models import ConstantModel, GaussianModel

rng = np.random.default_rng(3)
x = np.linspace(-4, 4, 64)
rows, columns = np.mgrid[-1:1:40j, -1.5:1.5:60j]
radius = np.hypot(rows, columns)
shift = 1.5 * columns / (0.3 + radius)
width = 0.5 + 0.4 * np.exp(-4 * radius**2)
height = 9 * np.exp(-0.5 * radius**2)
cube = height[..., None] * np.exp(-0.5 * ((x - shift[..., None]) / width[..., None]) ** 2)
cube += 2 + rng.normal(scale=0.5, size=cube.shape)
cube[:4, :6] = np.nan

# %%
# Each fit starts where its own data have their highest point. The model is built in, and so the
# whole batch runs in compiled code.

model = GaussianModel() + ConstantModel()
params = model.make_params(amplitude=10, center=0, sigma={"value": 0.7, "min": 0.05}, c=1)
highest = x[np.nan_to_num(cube).argmax(axis=-1)]
result = fitcore.fit_many(model, cube, params, x, weights=1 / 0.5, starts={"center": highest})
print(result)

# %%
# Fits that failed are NaN in the maps.

figure, axes = plt.subplots(2, 2, figsize=(8.5, 6), layout="constrained")
maps = {
    "center": result["center"],
    "its standard error": result.map("center", "stderr"),
    "fwhm": result["fwhm"],
    "reduced chi-square": result.redchi,
}
for ax, (title, values) in zip(axes.flat, maps.items(), strict=True):
    low, high = np.nanpercentile(values, [2, 98])
    picture = ax.imshow(values, origin="lower", vmin=low, vmax=high,
                        cmap="RdBu_r" if title == "center" else "viridis")  # fmt: skip
    figure.colorbar(picture, ax=ax, shrink=0.9)
    ax.set_title(title)
plt.show()

# %%
# One of them by itself, to report or to fit further.

best = result.params((20, 45))
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(x, cube[20, 45], ".", color="0.5", label="pixel (20, 45)")
ax.plot(x, model.eval(best, x=x), color="C3", label="fit")
ax.legend(frameon=False)
plt.show()
