"""The command `fitcore`: fits of data files, what this build is, and a test against NIST.

See docs/command_line.md. Its subcommands are read by click, and its tables set by tabulate: the
extra `cli`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]
__dir__ = __all__.copy

NEEDED = ("click", "tabulate")


def main() -> None:
    """Run the command; the status it exits with is 0, 1 for a fit that failed, 2 for bad input.

    Raises
    ------
    SystemExit
        Always, with the status.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"fitcore: the command line needs {' and '.join(missing)}: pip install fitcore[cli]\n"
        )
        raise SystemExit(2)
    from fitcore.cli.commands import run

    run()
