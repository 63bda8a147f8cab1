"""Test the installed fitcore as its users have it: away from the checkout, and without a compiler.

    python tools/test_wheel.py [--compilers] [--only-core] [argument for pytest]...

Runs the tests of this checkout with the Python that runs this, in a copy of them in a scratch
directory, so that nothing but the installed package can be imported. The tests find no compiler on
PATH, and no libgfortran that could be loaded.

  --compilers    leave the compilers on PATH, for the tests that build something with the package
  --only-core    numpy and asteval are all that is installed beside the wheel and pytest: what a
                 test cannot import it may skip

Exits with 1 if a test fails, if one was skipped that should have run, or if it is not an installed
package that would be tested.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What the tests read, everything but the package itself; and what other commands make of it.
NEEDED = ("README.md", "conftest.py", "pyproject.toml", "tests", "docs", "examples", "benchmarks",
          "src", "tools")  # fmt: skip
MADE = ("__pycache__", "_build", "_pictures", "gallery", "sg_execution_times.rst")
COMPILER = re.compile(
    r"(.+-)?(cc|c89|c99|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|clang-cl|cl|gfortran|f77|f95|flang"
    r"|flang-new|ifort|ifx|icx|tcc|ccache)([-.]?[\d.]+)?(\.exe)?",
    re.IGNORECASE,
)
RUNTIMES = ("libgfortran.so.3", "libgfortran.so.4", "libgfortran.so.5", "libquadmath.so.0")
DEFAULT = ("tests/python", "tests/wrappers")


def path_without_compilers(scratch: Path) -> str:
    """PATH without those directories that hold a compiler, but with what else they hold."""
    links = scratch / "bin"
    links.mkdir()
    kept = []
    for name in os.environ.get("PATH", "").split(os.pathsep):
        directory = Path(name)
        if not name or not directory.is_dir():
            continue
        files = [file for file in directory.iterdir() if os.access(file, os.X_OK)]
        if not any(COMPILER.fullmatch(file.name) for file in files):
            kept.append(name)
        elif sys.platform != "win32":
            kept.append(str(links))
            for file in files:
                link = links / file.name
                if not COMPILER.fullmatch(file.name) and not link.is_symlink():
                    link.symlink_to(file.absolute())
    return os.pathsep.join(dict.fromkeys(kept))


def environment(scratch: Path, compilers: bool) -> dict[str, str]:
    """What the tests run in."""
    result = dict(os.environ, MPLBACKEND="Agg", PYTHONNOUSERSITE="1")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        result.setdefault(name, "1")
    result.pop("PYTHONPATH", None)
    if compilers:
        return result
    result["PATH"] = path_without_compilers(scratch)
    for name in ("CC", "FC"):
        result.pop(name, None)
    # The loader takes the first file of that name, and an empty one is no library.
    broken = scratch / "lib"
    broken.mkdir()
    for name in RUNTIMES:
        (broken / name).touch()
    result["LD_LIBRARY_PATH"] = str(broken)
    return result


def look() -> int:
    """In the environment of the tests: that it is what it should be."""
    import fitcore

    where = Path(fitcore.__file__).resolve()
    if "site-packages" not in where.parts:
        print(f"test_wheel: {where} is no installed package", file=sys.stderr)
        return 1
    if os.environ["FITCORE_COMPILERS"] == "without":
        for command in ("gfortran", "gcc", "cc", "clang", "cl"):
            if found := shutil.which(command):
                print(f"test_wheel: there is a compiler, {found}", file=sys.stderr)
                return 1
        for library in RUNTIMES if sys.platform == "linux" else ():
            try:
                ctypes.CDLL(library)
            except OSError:
                continue
            print(f"test_wheel: {library} can be loaded", file=sys.stderr)
            return 1
    print(f"testing {where.parent}, {os.environ['FITCORE_COMPILERS']} compilers")
    fitcore.show_config()
    return 0


def main() -> int:
    """Return 0 if the installed package passes its tests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--compilers", action="store_true", help="leave compilers on PATH")
    parser.add_argument("--only-core", action="store_true", help="no extras are installed")
    parser.add_argument("--look", action="store_true", help=argparse.SUPPRESS)
    options, arguments = parser.parse_known_args()
    if options.look:
        return look()
    if not any((ROOT / argument.partition("::")[0]).exists() for argument in arguments):
        arguments += DEFAULT
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        env = environment(scratch, options.compilers)
        if options.only_core:
            env.pop("FITCORE_REQUIRE_PEERS", None)
            env["FITCORE_ONLY_CORE"] = "1"
        env["FITCORE_COMPILERS"] = "with" if options.compilers else "without"
        work = scratch / "work"
        work.mkdir()
        for item in map(ROOT.joinpath, NEEDED):
            if item.is_dir():
                shutil.copytree(item, work / item.name, ignore=shutil.ignore_patterns(*MADE))
            elif item.is_file():
                shutil.copy(item, work)

        def python(*command: str | Path) -> int:
            return subprocess.run([sys.executable, *command], cwd=work, env=env).returncode

        tools = ["tools/check_skips.py", *(["--only-core"] if options.only_core else [])]
        return (
            python("tools/test_wheel.py", "--look")
            or python("-m", "pytest", "-p", "no:cacheprovider", "--junitxml=tests.xml", *arguments)
            or python(*tools, "tests.xml")
        )


if __name__ == "__main__":
    sys.exit(main())
