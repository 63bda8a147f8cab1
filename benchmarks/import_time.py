"""How long `import fitcore` takes, in units of `import numpy`; each in a new process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from _timing import interleaved


def importer(module: str) -> Any:
    # -P: what is installed, and not the sources in the directory this runs in
    command = [sys.executable, "-P", "-X", "frozen_modules=on", "-c", f"import {module}"]
    return lambda: subprocess.run(command, check=True)


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    names = ["numpy", "fitcore", "scipy.optimize", "lmfit"]
    names = [name for name in names if find_spec(name.partition(".")[0])]
    timings = interleaved({name: importer(name) for name in names}, seconds=max(seconds, 8.0))
    rows = {
        t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
        for t in timings
    }
    yield {"case": "import", "unit": "time / import numpy (with the interpreter's start)",
           "rows": rows}  # fmt: skip
