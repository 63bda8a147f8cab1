"""lmfit's tests, examples and data, from its source archive on PyPI, and processes that run them.

pip fetches the archive once; its tests, examples and data, nothing else of it, are kept in
``~/.cache/fitcore`` (or ``XDG_CACHE_HOME``).
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import originals

VERSION = "1.3.4"
DIGEST = "3c22c28c43f717f6c5b4a3bd81e893a2149739c26a592c046f2e33c23cfbe497"
PARTS = {"tests", "examples", "NIST_STRD"}
#: Where a package `lmfit` is that hands on to fitcore.
ALIAS = Path(__file__).parent / "peers" / "lmfit_alias"


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "fitcore"


@functools.cache
def archive() -> Path:
    """The directory with its parts; without it the test is skipped, or fails, as for any peer."""
    target = _cache() / f"lmfit-{VERSION}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--no-binary", "lmfit", "--dest", scratch, f"lmfit=={VERSION}"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        file = Path(scratch) / f"lmfit-{VERSION}.tar.gz"
        if not file.is_file():
            originals.missing(f"lmfit's source archive cannot be fetched: {fetched.stderr[-500:]}")
        if hashlib.sha256(file.read_bytes()).hexdigest() != DIGEST:
            raise ValueError(f"{file.name} is not the archive whose tests are meant")
        with tarfile.open(file) as tar:
            wanted = [m for m in tar.getmembers() if {*Path(m.name).parts[1:2]} & PARTS]
            # Debian 12's Python, 3.11.2, came before filters.
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(scratch, members=wanted, **safely)
        try:
            (Path(scratch) / f"lmfit-{VERSION}").rename(target)
        except OSError:
            if not target.is_dir():  # or else another process was first
                raise
    return target


def environment(alias: bool = True) -> dict[str, str]:
    """For a process whose `lmfit` is fitcore or, without ``alias``, lmfit."""
    variables = {
        **os.environ, "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTEST_ADDOPTS": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    paths = [str(ALIAS)] if alias else []
    variables["PYTHONPATH"] = os.pathsep.join(
        [*paths, *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    return variables
