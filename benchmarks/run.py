"""Run the side-by-side benchmarks: a table on the screen, JSON, and a plot if matplotlib is there.

    python benchmarks/run.py [--seconds 3] [--single] [--output FILE] [case ...]

The JSON is written to benchmarks/results.json, the plot to results.png beside it. Cases are the
modules beside this file. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# one core for everybody
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

HERE = Path(__file__).parent
CASES = [
    "decaying_sine",
    "scipy_fits",
    "minuit",
    "import_time",
    "lbfgsb",
    "confidence",
    "expressions",
    "model_fit",
    "lineshapes",
    "builtin_models",
    "many_fits",
    "two_cores",
    "native",
]
PEERS = ["fitcore", "numpy", "scipy", "lmfit", "iminuit", "numba", "cminpack-numba"]


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for peer in PEERS:
        try:
            found[peer] = version(peer)
        except PackageNotFoundError:
            found[peer] = "not installed"
    from fitcore._build_config import ORIGINALS

    found["originals"] = ORIGINALS or "not in this build"
    return found


def plot(results: list[dict[str, Any]], target: Path) -> None:
    """Ratios as bars on a logarithmic scale, a group for each case."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    bars = sum(len(result["rows"]) + 1 for result in results)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.22 * bars), layout="constrained")
    at, ticks = 0, []
    for result in results:
        axes.text(0, at, f"{result['case']}  [{result['unit']}]", fontsize=8, weight="bold",
                  transform=axes.get_yaxis_transform(), va="center")  # fmt: skip
        for row, r in result["rows"].items():
            at += 1
            low, high = r["quartiles"]
            axes.barh(at, r["ratio"], color="C0" if row.startswith("fitcore") else "C7",
                      xerr=[[max(r["ratio"] - low, 0)], [max(high - r["ratio"], 0)]])  # fmt: skip
            ticks.append((at, f"{row}  {r['ratio']:.3g}"))
        at += 1
    axes.set_yticks(*zip(*ticks, strict=True), fontsize=7)
    axes.set(xscale="log", ylim=(at, -1))
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(target, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each case")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    parser.add_argument(
        "--single", action="store_true", help="one call of each in turn, caches full of another's"
    )
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"unknown cases {sorted(unknown)}; choose of {CASES}")

    sys.path.insert(0, str(HERE))
    import _timing

    _timing.at_least = 0.0 if options.single else _timing.at_least
    for name, found in versions().items():
        print(f"{name:16s} {found}")
    results = []
    for name in options.cases:
        try:
            for result in importlib.import_module(name).cases(options.seconds):
                results.append(result)
                print(f"\n{result['case']}   [{result['unit']}]")
                for row, r in result["rows"].items():
                    low, high = r["quartiles"]
                    nfev = f"nfev {r['nfev']:5d}" if "nfev" in r else ""
                    print(f"  {row:16s} {r['ratio']:8.3f}  ({low:.3f} to {high:.3f})"
                          f"  {r['seconds'] * 1e3:10.3f} ms  {nfev}", flush=True)  # fmt: skip
        except ModuleNotFoundError as exc:
            print(f"\n{name}: left out, {exc.name} is not installed")
    options.output.write_text(
        json.dumps({"versions": versions(), "machine": platform.machine(), "results": results},
                   indent=1) + "\n"
    )  # fmt: skip
    print(f"\nwritten to {options.output}")
    if results and find_spec("matplotlib"):
        picture = options.output.with_suffix(".png")
        plot(results, picture)
        print(f"drawn in {picture}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
