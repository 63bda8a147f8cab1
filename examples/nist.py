"""
NIST's certified problems
=========================

The National Institute of Standards and Technology has certified the solutions of 27 nonlinear
problems to eleven digits. Four of them from the farther of the two starting points.
"""

# %%
# ``fitcore.nist`` has data, models, starts and certified values. A step may lead where the model
# overflows; with ``nan_policy="propagate"`` the solver steps back from there.

import matplotlib.pyplot as plt
import numpy as np

import fitcore
from fitcore import nist


def fit(problem: nist.Problem) -> fitcore.MinimizerResult:
    """The fit from NIST's first start, without bounds."""
    params = fitcore.Parameters()
    for name, value in zip(problem.parameter_names, problem.start1, strict=True):
        params.add(name, value=float(value))

    def residual(p: fitcore.Parameters) -> np.ndarray:
        return problem.model(list(p.valuesdict().values())) - problem.y

    return fitcore.minimize(residual, params, nan_policy="propagate")


# %%

figure, axes = plt.subplots(2, 2, figsize=(8, 6), layout="constrained")
for ax, name in zip(axes.flat, ["Misra1a", "Gauss3", "Eckerle4", "Rat43"], strict=True):
    problem = nist.load(name)
    result = fit(problem)
    best = list(result.params.valuesdict().values())
    digits = nist.digits(best, problem.certified)
    print(f"{name:9s} {problem.difficulty:8s} {result.nfev:4d} evaluations, "
          f"{digits:4.1f} correct digits in the worst parameter")  # fmt: skip

    x = np.linspace(problem.x.min(), problem.x.max(), 400)
    ax.plot(problem.x, problem.y, "o", ms=4, mfc="none", color="0.4", label="data")
    ax.plot(x, problem.function(x, *problem.start1), "--", lw=1, color="C1", label="start")
    ax.plot(x, problem.function(x, *best), color="C0", label="fit")
    low, high = problem.y.min(), problem.y.max()
    ax.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
    ax.set_title(f"{name}: {digits:.1f} digits", fontsize=10)
axes[0, 0].legend(frameon=False)
plt.show()

# %%
# One report beside the certified values.

problem = nist.load("Eckerle4")
print(fitcore.fit_report(fit(problem), show_correl=False))
print("certified by NIST:")
for name, value, error in zip(
    problem.parameter_names, problem.certified, problem.stderr, strict=True
):
    print(f"    {name}: {value:.8f} +/- {error:.8f}")
