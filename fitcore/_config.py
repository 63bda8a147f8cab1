"""What this build of fitcore was made with, and what it runs with."""

from __future__ import annotations

import platform
import sys
from typing import Any, Literal, overload

import numpy as np

__all__ = ["show_config"]


@overload
def show_config(mode: Literal["stdout"] = ...) -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Print version, compilers and options of this build, and what it runs with.

    Parameters
    ----------
    mode : {'stdout', 'dicts'}, default 'stdout'
        Whether to print, or to return the same as a dictionary.

    Returns
    -------
    dict or None
        With 'dicts': ``version``; ``compilers``, for each language its name and version;
        ``build``, the machine, Meson's buildtype and the instruction sets that kernels were
        compiled for (``simd kernels``); ``originals``, whether `fitcore.originals` is in
        (``found``) and ``from`` where; ``runtime``, versions of Python, numpy and asteval and the
        instruction set in use (``simd level``).

    Raises
    ------
    ValueError
        If `mode` is another one.

    Examples
    --------
    >>> import fitcore
    >>> config = fitcore.show_config(mode="dicts")
    >>> config["version"] == fitcore.__version__
    True
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"mode must be 'stdout' or 'dicts', got {mode!r:.80}")
    # What is not always wanted must not slow the import of the package.
    from importlib.metadata import version

    from fitcore import _build_config as build
    from fitcore.minpack import CPU_LEVEL

    config: dict[str, Any] = {
        "version": build.VERSION,
        "compilers": {
            language: {"name": name, "version": number}
            for language, (name, number) in build.COMPILERS.items()
        },
        "build": {
            "machine": build.MACHINE,
            "buildtype": build.BUILDTYPE,
            "simd kernels": build.KERNELS.split(),
        },
        "originals": {"found": bool(build.ORIGINALS), "from": build.ORIGINALS or None},
        "runtime": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "asteval": version("asteval"),
            "simd level": f"v{CPU_LEVEL}",
        },
    }
    if mode == "dicts":
        return config
    sys.stdout.write("\n".join(_lines(config)) + "\n")
    return None


def _lines(config: dict[str, Any]) -> list[str]:
    """The dictionary as text."""
    lines = [f"fitcore {config['version']}"]
    lines += [
        f"  {language + ' compiler:':<18} {made['name']} {made['version']}"
        for language, made in config["compilers"].items()
    ]
    originals = config["originals"]
    found = originals["from"] if originals["found"] else "not in this build"
    pairs = {
        **config["build"], "fitcore.originals": found, **config["runtime"],
    }  # fmt: skip
    for name, value in pairs.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        lines.append(f"  {name + ':':<18} {shown}")
    return lines
