"""Fit NIST's certified data from far-off starting values, with bounded Parameters.

Four of the nonlinear problems of NIST's Statistical Reference Datasets are fitted from the first,
farther, of NIST's two starting points. Each report stands beside the certified values; a table of
all 27 problems follows, and the fits are drawn into a PNG file.

    python examples/nist_demo.py [--plot nist_demo.png]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import fitcore
from fitcore import nist

# What is known before the fit: sizes and rates are positive, peaks lie within the data.
BOUNDS: dict[str, dict[str, tuple[float, float]]] = {
    "Misra1a": {"b1": (0, np.inf), "b2": (0, np.inf)},
    "Gauss3": {"b1": (0, np.inf), "b2": (0, np.inf), "b3": (0, np.inf), "b4": (0, 250),
               "b5": (0, np.inf), "b6": (0, np.inf), "b7": (0, 250), "b8": (0, np.inf)},
    "Eckerle4": {"b1": (0, np.inf), "b2": (0, 100), "b3": (400, 500)},
    "Rat43": {"b1": (0, np.inf), "b3": (0, np.inf), "b4": (0, np.inf)},
}  # fmt: skip


def residual(params: fitcore.Parameters, problem: nist.Problem) -> np.ndarray:
    return problem.model([par.value for par in params.values()]) - problem.y


def parameters(problem: nist.Problem, start: np.ndarray) -> fitcore.Parameters:
    params = fitcore.Parameters()
    bounds = BOUNDS.get(problem.name, {})
    for name, value in zip(problem.parameter_names, start, strict=True):
        low, high = bounds.get(name, (-np.inf, np.inf))
        params.add(name, value=float(value), min=low, max=high)
    return params


def fit(problem: nist.Problem, start: np.ndarray) -> fitcore.MinimizerResult:
    # a step may lead where the model overflows; "propagate" lets the solver step back from there
    return fitcore.minimize(
        residual, parameters(problem, start), args=(problem,), inplace=False,
        nan_policy="propagate",
    )  # fmt: skip


def accuracy(result: fitcore.MinimizerResult, problem: nist.Problem) -> tuple[float, float]:
    """Correct digits of the worst parameter and of the worst standard error."""
    values = [par.value for par in result.params.values()]
    errors = [np.nan if par.stderr is None else par.stderr for par in result.params.values()]
    return nist.digits(values, problem.certified), nist.digits(errors, problem.stderr)


def show(problem: nist.Problem, result: fitcore.MinimizerResult) -> None:
    print(f"\n{'=' * 78}\n{problem.name}: {problem.formula}\n")
    print(fitcore.fit_report(result, show_correl=False))
    print("[[Certified by NIST]]")
    rows = zip(problem.parameter_names, problem.certified, problem.stderr, strict=True)
    for name, value, error in rows:
        print(f"    {name}: {value: .10E} +/- {error:.10E}")
    print(f"    chi-square: {problem.rss:.10E}")
    values, errors = accuracy(result, problem)
    print(f"correct digits: {values:.1f} in the values, {errors:.1f} in the standard errors")


def table() -> None:
    """All problems from both starts, without bounds as NIST states them."""
    print(f"\n{'=' * 78}\nAll 27 problems from both of NIST's starts, default settings, no bounds:")
    print("correct digits of the worst parameter / of the worst standard error (at most 11)\n")
    good = 0
    BOUNDS.clear()
    for problem in nist.problems():
        cells = []
        for start in problem.starts:
            result = fit(problem, start)
            values, errors = accuracy(result, problem)
            good += values >= 4
            cells.append(f"{values:5.1f} /{errors:5.1f}  nfev {result.nfev:5d}")
        print(f"  {problem.name:9s} {problem.difficulty:8s}  " + "    ".join(cells))
    print(f"\nat least 4 correct digits in every parameter: {good} of 54 runs")


def plot(fits: list[tuple[nist.Problem, fitcore.MinimizerResult]], path: str) -> None:
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ModuleNotFoundError:
        print("no plot: matplotlib is not installed (pip install fitcore[plot])", file=sys.stderr)
        return

    figure, axes = plt.subplots(2, 2, figsize=(10, 7.2), layout="constrained")
    for ax, (problem, result) in zip(axes.flat, fits, strict=True):
        x = np.linspace(problem.x.min(), problem.x.max(), 400)
        best = [par.value for par in result.params.values()]
        ax.plot(problem.x, problem.y, "o", ms=4, mfc="none", color="0.35", label="data")
        ax.plot(x, problem.function(x, *problem.start1), "--", lw=1, color="C1", label="start")
        ax.plot(x, problem.function(x, *best), "-", lw=1.8, color="C0", label="fit")
        low, high = problem.y.min(), problem.y.max()
        ax.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
        values, _ = accuracy(result, problem)
        ax.set_title(f"{problem.name}: {values:.1f} digits in {result.nfev} evaluations",
                     fontsize=10)  # fmt: skip
        ax.spines[["top", "right"]].set_visible(False)
    axes.flat[0].legend(frameon=False)
    figure.suptitle("NIST StRD problems fitted from their far starting values")
    figure.savefig(path, dpi=150)
    print(f"\nplot written to {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plot", default="nist_demo.png", help="file for the plot")
    options = parser.parse_args()

    fits = []
    for name in BOUNDS:
        problem = nist.load(name)
        result = fit(problem, problem.start1)
        show(problem, result)
        fits.append((problem, result))
    plot(fits, options.plot)
    table()
    return 0 if all(accuracy(result, problem)[0] >= 6 for problem, result in fits) else 1


if __name__ == "__main__":
    raise SystemExit(main())
