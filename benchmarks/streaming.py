"""Ten million rows by StreamingLM: time of a fit, and how far the peak of memory grows.

    python benchmarks/streaming.py [rows]

Each chunk is made when it is wanted, as if it were read from a file. The residuals alone would take
80 MB, a Jacobian 240.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from fitcore.minpack import StreamingLM

CHUNK = 10_000


def chunks(m: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, m, CHUNK):
        t = np.arange(first, min(first + CHUNK, m)) * (4.0 / m)
        yield t, 3.0 * np.exp(-t / 2.0) + 0.1 * np.cos(5.0 * t)


def fit(m: int) -> StreamingLM:
    def residuals(p: np.ndarray) -> Iterator[np.ndarray]:
        for t, y in chunks(m):
            yield p[0] * np.exp(-t / p[1]) + p[2] - y

    def rows(p: np.ndarray) -> Iterator[tuple[Any, Any]]:
        jacobian = np.ones((CHUNK, 3))
        for t, y in chunks(m):
            decay = np.exp(-t / p[1])
            j = jacobian[: t.size]
            j[:, 0] = decay
            j[:, 1] = p[0] * decay * t / p[1] ** 2
            yield p[0] * decay + p[2] - y, j

    return StreamingLM([1.0, 1.0, 0.0]).run(rows, residuals)


def peak() -> float:
    """Peak resident memory of this process in MB."""
    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> int:
    m = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    fit(100_000)  # what is loaded at the first use is not the fit's
    before, start = peak(), time.perf_counter()
    solver = fit(m)
    seconds, after = time.perf_counter() - start, peak()
    print(
        f"{m} rows, {solver.nfev} + {solver.njev} passes, info {solver.info}: {seconds:.2f} s, "
        f"peak memory {before:.1f} MB before, {after:.1f} after: {after - before:.1f} more"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
