"""SciPy's own installed tests pass with `fitcore.optimize` in the place of `scipy.optimize`.

They are run as they are, in a process of their own, by the plugin `scipy_own_tests`. A test that
pins how SciPy does something, rather than what it promises, is listed below with the reason; one of
these that begins to pass is an error here, as is any other failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import originals
import pytest

import fitcore.optimize

originals.require_peer("scipy.optimize")

#: Tests that must fail, by their ids in SciPy's module, and why.
PINNED: dict[str, dict[str, str]] = {
    "test_minpack": {},
    "test_optimize": {
        "TestOptimizeSimple::test_l_bfgs_b_maxiter": (
            "the message says 'NO. OF' since SciPy's port to C, and 'NO. of' in the Fortran"
        ),
    },
    "test_lbfgsb_hessinv": {},
    "test_lbfgsb_setulb": {},
}
#: Functions that the tests of a module must have called, as far as fitcore.optimize has them.
CALLED = {
    "test_minpack": {"leastsq", "curve_fit", "fsolve", "root"},
    "test_optimize": {"fmin_l_bfgs_b", "minimize", "approx_fprime", "check_grad"},
    "test_lbfgsb_hessinv": {"minimize"},
    "test_lbfgsb_setulb": {"minimize"},
}


def run(module: str, directory: Path) -> dict[str, dict[str, Any]]:
    """What became of the tests of a module of scipy.optimize.tests, by id."""
    report = directory / "report.json"
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "FITCORE_REPORT": str(report), "PYTEST_ADDOPTS": "",
    }  # fmt: skip
    ini = directory / "pytest.ini"
    ini.write_text("[pytest]\n")
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "scipy_own_tests", "-p", "no:cacheprovider",
         "-p", "no:xdist", "-c", str(ini), "--rootdir", str(directory), "--pyargs",
         f"scipy.optimize.tests.{module}"],
        capture_output=True, text=True, env=environment, cwd=directory, check=False, timeout=600,
    )  # fmt: skip
    assert process.returncode in (0, 1), process.stdout[-3000:] + process.stderr[-3000:]
    outcomes: dict[str, dict[str, Any]] = json.loads(report.read_text())
    return {name.split("::", 1)[1]: outcome for name, outcome in outcomes.items()}


@pytest.mark.parametrize("module", PINNED)
def test_scipys_own_tests_pass(module: str, tmp_path: Path) -> None:
    outcomes = run(module, tmp_path)
    failed = {name: o["text"] for name, o in outcomes.items() if o["outcome"] == "failed"}
    unexpected = {name: text for name, text in failed.items() if name not in PINNED[module]}
    assert not unexpected, "\n\n".join(f"{name}\n{text}" for name, text in unexpected.items())
    passing = set(PINNED[module]) - set(failed)
    assert not passing, f"no longer fails, or is not there; take it off the list: {passing}"
    called = {name for o in outcomes.values() for name in o["called"]}
    assert called >= CALLED[module] & set(fitcore.optimize.__all__)
