"""Fail if a built extension module needs a Fortran runtime library.

    python tools/check_runtime.py PATH...

Each PATH is an extension module, a directory to search for them, or a wheel. Looks at the
libraries that a module asks for (readelf -d; otool -L on macOS, objdump -p on Windows) and at the
symbols that it leaves undefined (nm; on Windows each is in one of the libraries). Exits with 1 if
one of them belongs to a Fortran runtime (on Windows also: to a C runtime other than Python's) or if
there is nothing to look at; with 2 if the tools for looking are missing.

One module may need it: fitcore._originals, which holds the original L-BFGS-B, which prints.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# gfortran, flang and Intel. libquadmath comes along with libgfortran.
LIBRARY = re.compile(
    r"(lib(gfortran|quadmath|flang|fortran_?runtime|ifcore|ifport)[^/]*"
    # two C runtimes in one process have two heaps and two sets of open files
    r"|msvcr(t|\d+)d?\.dll)$",
    re.IGNORECASE,
)
# macOS puts one more underscore before each symbol.
SYMBOL = re.compile(r"^_?(_gfortran_|_Fortran[A-Z]|for_(write|read|stop|alloc))")
SUFFIXES = (".so", ".dylib", ".pyd")
# Needs the runtime, and is in builds with the originals only.
EXEMPT = "_originals"


class ToolError(Exception):
    """A tool that the check stands on is missing or failed."""


def output(*command: str) -> list[str]:
    """The lines that a command prints."""
    if shutil.which(command[0]) is None:
        raise ToolError(f"{command[0]} is not installed (binutils, or the Xcode tools)")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout.splitlines()


def libraries(module: Path) -> list[str]:
    """The names of the shared libraries that a module asks for."""
    if sys.platform == "darwin":
        return [line.split()[0] for line in output("otool", "-L", str(module))[1:] if line.strip()]
    if module.suffix == ".pyd":
        listed = output("objdump", "-p", str(module))
        return [line.split()[-1] for line in listed if "DLL Name:" in line]
    needed = (
        re.search(r"\(NEEDED\).*\[(.+)\]", line) for line in output("readelf", "-dW", str(module))
    )
    return [match.group(1) for match in needed if match]


def undefined(module: Path) -> list[str]:
    """The symbols that a module expects from elsewhere."""
    if module.suffix == ".pyd":
        return []
    flags = ["-u"] if sys.platform == "darwin" else ["-D", "--undefined-only"]
    lines = output("nm", *flags, str(module))
    return [line.split()[-1].partition("@")[0] for line in lines if line.strip()]


def complaints(module: Path) -> list[str]:
    """What ties a module to a Fortran runtime; empty if nothing does."""
    found = [f"needs the library {name}" for name in libraries(module) if LIBRARY.search(name)]
    found += [f"leaves {name} undefined" for name in undefined(module) if SYMBOL.search(name)]
    return found


def modules(path: Path, scratch: Path) -> list[Path]:
    """The extension modules at a path; those of a wheel are unpacked into a scratch directory."""
    if path.is_dir():
        # meson-private holds what meson compiled to try the compilers out
        return sorted(
            p
            for p in path.rglob("*")
            if p.suffix in SUFFIXES and p.is_file() and "meson-private" not in p.parts
        )
    if path.suffix == ".whl":
        target = scratch / path.stem
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(target)
        return modules(target, scratch)
    return [path]


def main() -> int:
    """Return 0 if no module needs a Fortran runtime, 1 if one does, 2 if that cannot be told."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    paths = parser.parse_args().paths
    failed = False
    for path in paths:
        if not path.exists():
            parser.error(f"{path} does not exist")
        with tempfile.TemporaryDirectory() as scratch:
            found = modules(path, Path(scratch))
            if not found:
                print(f"{path}: no extension module here", file=sys.stderr)
                failed = True
            for module in found:
                try:
                    reasons = complaints(module)
                except ToolError as error:
                    print(f"check_runtime: {error}", file=sys.stderr)
                    return 2
                if reasons and module.name.partition(".")[0] == EXEMPT:
                    print(f"{module.name}: needs the Fortran runtime, as it may")
                    continue
                for reason in reasons:
                    print(f"{module.name}: {reason}", file=sys.stderr)
                if not reasons:
                    print(f"{module.name}: needs no Fortran runtime")
                failed = failed or bool(reasons)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
