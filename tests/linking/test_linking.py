"""Other people's code against an installed wheel: the examples of examples/cython, numba, cffi.

FITCORE_WHEEL names the wheel that is installed; CI sets it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
# The solution of the decay by SciPy's leastsq to 1e-14: see tests/python/test_native_solvers.py.
T = np.linspace(0, 10, 50)
Y = 3 * np.exp(-T / 4) + 0.01 * np.cos(7 * T)

pytestmark = pytest.mark.skipif(
    "FITCORE_WHEEL" not in os.environ,
    reason="allowed: FITCORE_WHEEL names no installed wheel to link with",
)


def run(directory: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy(name: str, tmp_path: Path) -> Path:
    """The example, away from the checkout."""
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name))


def numbers(line: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", line.split(":")[-1])]


def line_of(output: str, begin: str) -> list[float]:
    return numbers(next(line for line in output.splitlines() if line.startswith(begin)))


@pytest.fixture(scope="module")
def solution() -> np.ndarray:
    from scipy.optimize import least_squares

    found = least_squares(lambda p: p[0] * np.exp(-T / p[1]) - Y, [1, 1], xtol=1e-14, ftol=1e-14)
    return found.x


def test_fitcore_is_the_wheel_and_not_the_checkout():
    import fitcore

    assert "site-packages" in fitcore.__file__
    assert Path(fitcore.get_include()).parent == Path(fitcore.__file__).parent


def test_a_cython_extension_cimports_fitcore(tmp_path, solution):
    pytest.importorskip("Cython", reason="allowed: no Cython")
    pytest.importorskip("setuptools", reason="allowed: no setuptools")
    directory = copy("cython", tmp_path)
    run(directory, "setup.py", "-q", "build_ext", "--inplace")
    output = run(directory, "run.py")
    for begin in ("minimize_lm", "by steps"):
        np.testing.assert_allclose(line_of(output, begin)[:2], solution, atol=2e-6)
    for begin in ("minimize_lbfgsb", "from_cython"):
        np.testing.assert_allclose(line_of(output, begin), [1, 1], atol=2e-3)
    np.testing.assert_allclose(line_of(output, "with x <= 0.5"), [0.5, 0.25], atol=2e-3)
    assert line_of(output, "with tau >= 5")[1] == 5.0


def test_a_numba_function_is_fitted(tmp_path, solution):
    pytest.importorskip("numba", reason="allowed: no numba")
    output = run(copy("numba", tmp_path), "run.py")
    amp, tau = line_of(output, "amp")
    np.testing.assert_allclose([amp, tau], solution, atol=2e-6)


def test_a_model_in_c_is_compiled_by_cffi(tmp_path, solution):
    pytest.importorskip("cffi", reason="allowed: no cffi")
    output = run(copy("cffi", tmp_path), "run.py")
    np.testing.assert_allclose(line_of(output, "curve_fit")[:2], solution, atol=2e-6)
    np.testing.assert_allclose(line_of(output, "Model"), solution, atol=2e-6)
