"""Runs one example of lmfit's gallery; its plots go to files instead of a screen.

    python lmfit_gallery_runner.py EXAMPLE.py DIRECTORY

Whether `lmfit` is lmfit or fitcore is for PYTHONPATH to say.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

_written = 0


def write_all(*args: Any, **kwargs: Any) -> None:
    """Write all figures to files, and close them."""
    global _written
    for number in plt.get_fignums():
        plt.figure(number).savefig(
            Path(sys.argv[2], f"{Path(sys.argv[1]).stem}_{_written}.png"), dpi=50
        )
        _written += 1
    plt.close("all")


if __name__ == "__main__":
    plt.show = write_all
    runpy.run_path(sys.argv[1], run_name="__main__")
    write_all()
