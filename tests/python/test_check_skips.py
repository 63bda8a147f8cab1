"""tools/check_skips.py against the report that pytest writes of tests skipped in every way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "tools" / "check_skips.py"
FILES = {
    "needs": 'pytest.importorskip("package_of_nobody")',
    "needs_fitcore": 'pytest.importorskip("fitcore_without_it")',
    "elsewhere": 'pytest.skip("allowed: it\'s of \\"another\\"\\nsystem", allow_module_level=True)',
    "forgotten": 'pytest.skip("allowed? no: forgotten", allow_module_level=True)',
    "one": """
@pytest.mark.skip("allowed: not here")
def test_leave(): pass

@pytest.mark.skip("too long")
def test_long(): pass

@pytest.mark.xfail
def test_fails(): assert False

def test_passes(): pass

def test_inside(): pytest.importorskip("package_of_nobody")
""",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("skips")
    for name, text in FILES.items():
        (place / f"test_{name}.py").write_text(f"import pytest\n{text}\n")
    (place / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "r.xml"


def missed(report: Path, *options: str) -> tuple[int, list[str]]:
    """The exit status, and the modules and tests that it complains of."""
    command = [sys.executable, "-I", str(CHECK), *options, str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert all(line.startswith("skipped, and should have run: ") for line in lines), done.stderr
    return done.returncode, sorted(line.split(": ")[1].rpartition("::")[2] for line in lines)


def test_a_skip_without_leave_fails_be_it_of_a_test_or_of_a_module(report: Path) -> None:
    names = ["test_forgotten", "test_inside", "test_long", "test_needs", "test_needs_fitcore"]
    assert missed(report) == (1, names)


def test_a_missing_package_excuses_tests_and_modules_where_only_the_core_is(report: Path) -> None:
    assert missed(report, "--only-core") == (
        1,
        ["test_forgotten", "test_long", "test_needs_fitcore"],
    )


def test_reasons_that_are_allowed_pass(report: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.xml"
    text = report.read_text()
    for word in ("forgotten", "too long", "fitcore_without_it"):
        assert word in text
    text = (
        text.replace("allowed? no: forgotten", "allowed: elsewhere")
        .replace("too long", "allowed: too long")
        .replace("fitcore_without_it", "package_of_nobody")
    )
    allowed.write_text(text)
    assert missed(allowed, "--only-core") == (0, [])


def test_a_report_of_no_test_fails(tmp_path: Path) -> None:
    empty = tmp_path / "empty.xml"
    empty.write_text('<testsuites><testsuite name="pytest" tests="0" /></testsuites>')
    command = [sys.executable, "-I", str(CHECK), str(empty)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{empty}: no test ran\n")
