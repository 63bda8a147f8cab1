"""Print the paths of the files of the originals, one a line, for src/fortran/originals/meson.build.

    python tools/find_originals.py ROOT DIR

DIR, relative to ROOT unless absolute, holds the sources of MINPACK-1 and L-BFGS-B 3.0, each in
directories of any name, as tools/originals_source.sh or ``apt-get source lbfgsb minpack`` leave
them. Only the names are looked at. Exits with 1 and says what is missing if a file is.
"""

from __future__ import annotations

import sys
from pathlib import Path

NEEDED = {
    "L-BFGS-B 3.0": ("lbfgsb.f", "timer.f"),
    "MINPACK-1": tuple(
        f"{name}.f"
        for name in (
            "chkder", "dogleg", "dpmpar", "enorm", "fdjac1", "fdjac2", "hybrd", "hybrd1", "hybrj",
            "hybrj1", "lmder", "lmder1", "lmdif", "lmdif1", "lmpar", "lmstr", "lmstr1", "qform",
            "qrfac", "qrsolv", "r1mpyq", "r1updt", "rwupdt",
        )
    ),
}  # fmt: skip
# Part of L-BFGS-B 3.0 as its authors distribute it.
OPTIONAL = ("blas.f", "linpack.f")


def main(root: str, given: str) -> int:
    """Return 0 if all files are there."""
    directory = Path(root, given)
    if not directory.is_dir():
        print(f"originals_source={given}: there is no directory {directory}", file=sys.stderr)
        return 1
    wanted = {*OPTIONAL}.union(*NEEDED.values())
    found: dict[str, Path] = {}
    # the nearest of several files of one name
    for path in sorted(directory.rglob("*.f"), key=lambda p: (len(p.parts), p)):
        if path.name in wanted:
            found.setdefault(path.name, path.resolve())
    for program, names in NEEDED.items():
        missing = [name for name in names if name not in found]
        if missing:
            print(
                f"originals_source={given}: {program} is not complete there: {', '.join(missing)} "
                "missing",
                file=sys.stderr,
            )
            return 1
    print("\n".join(str(path) for _, path in sorted(found.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
