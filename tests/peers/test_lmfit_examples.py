"""lmfit's gallery of examples runs unchanged with fitcore in the place of lmfit.

Each is a process of its own in which the package `lmfit` hands on to fitcore; its plots are written
to files. Two run at a time. It takes minutes: ``FITCORE_LMFIT_GALLERY=1`` asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmfit_archive
import originals
import pytest

for _name in ("scipy", "pandas", "matplotlib", "emcee", "corner", "sympy", "uncertainties"):
    originals.require_peer(_name)

#: Examples that are left out, and why.
LEFT_OUT: dict[str, str] = {}
#: Examples that fitcore cannot run as they are, and why.
PINNED: dict[str, str] = {
    "lmfit_emcee_model_selection.py": "wants ntemps, which lmfit 1.3.4 refuses as well",
}
#: Examples that read what others have written; these come first.
WRITERS = ("doc_model_savemodel.py", "doc_model_savemodelresult.py",
           "doc_model_savemodelresult2.py")  # fmt: skip
RUNNER = Path(__file__).parents[1] / "lmfit_gallery_runner.py"


def run(example: Path, plots: Path) -> str:
    """The end of what a failed example has written; empty for one that ran."""
    process = subprocess.run(
        [sys.executable, str(RUNNER), example.name, str(plots)], capture_output=True, text=True,
        env=lmfit_archive.environment(), cwd=example.parent, check=False, timeout=900,
    )  # fmt: skip
    return "" if process.returncode == 0 else process.stderr[-2000:] or "no output"


@pytest.mark.skipif(
    os.environ.get("FITCORE_LMFIT_GALLERY") != "1",
    reason="allowed: it takes minutes; FITCORE_LMFIT_GALLERY=1 asks for it",
)
def test_the_gallery_runs_and_writes_its_plots(tmp_path: Path) -> None:
    examples, plots = tmp_path / "examples", tmp_path / "plots"
    shutil.copytree(lmfit_archive.archive() / "examples", examples)
    plots.mkdir()
    wanted = [path for path in sorted(examples.glob("*.py")) if path.name not in LEFT_OUT]
    assert len(wanted) + len(LEFT_OUT) == 49
    first = [path for path in wanted if path.name in WRITERS]
    failed = {}
    with ThreadPoolExecutor(2) as pool:
        for group in (first, [path for path in wanted if path not in first]):
            for path, text in zip(group, pool.map(run, group, [plots] * len(group)), strict=True):
                if text:
                    failed[path.name] = text
    unexpected = {name: text for name, text in failed.items() if name not in PINNED}
    assert not unexpected, "\n\n".join(f"{name}\n{text}" for name, text in unexpected.items())
    assert failed.keys() == PINNED.keys(), "these run now: take them off the list"
    silent = [
        path.name
        for path in wanted
        if "plt.show()" in path.read_text() and not any(plots.glob(f"{path.stem}_*.png"))
    ]
    assert not [name for name in silent if name not in failed], "plots that were not written"
