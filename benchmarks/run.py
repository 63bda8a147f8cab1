"""Run the side-by-side benchmarks: a table on the screen, and JSON in benchmarks/results.json.

    python benchmarks/run.py [--seconds 3] [--output FILE] [case ...]

Cases are the modules beside this file. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# one core for everybody
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

HERE = Path(__file__).parent
CASES = [
    "decaying_sine",
    "scipy_fits",
    "import_time",
    "lbfgsb",
    "confidence",
    "expressions",
    "model_fit",
    "lineshapes",
    "builtin_models",
    "many_fits",
]
PEERS = ["fitcore", "numpy", "scipy", "lmfit"]


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for peer in PEERS:
        try:
            found[peer] = version(peer)
        except PackageNotFoundError:
            found[peer] = "not installed"
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each case")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"unknown cases {sorted(unknown)}; choose of {CASES}")

    sys.path.insert(0, str(HERE))
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
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
