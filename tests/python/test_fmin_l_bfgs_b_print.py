"""What iprint and disp print: the lines of the Fortran code, on sys.stdout."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import originals
import pytest

from fitcore.optimize import fmin_l_bfgs_b, minimize
from fitcore.optimize._lbfgsb_print import fortran_d, list_directed


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    a = np.arange(1, x.size + 1.0)
    return float(0.5 * a @ (x - 1) ** 2), a * (x - 1)


def lies(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), -2 * x


CASES: dict[str, dict[str, Any]] = {
    "unconstrained": {"func": rosenbrock, "x0": [-1.2, 1.0], "factr": 1e12},
    "bounded": {
        "func": rosenbrock, "x0": [-1.2, 1.0, 2.0, 0.3, 4.0], "factr": 1e12,
        "bounds": [(-1, 0.5), (None, None), (0, None), (None, 2), (0.5, 0.5)],
    },
    "infeasible": {
        "func": bowl, "x0": [-5.0, 9.0, 3.0], "bounds": [(0, 0.5), (2, 3), (None, None)]
    },
    "seven variables": {"func": bowl, "x0": [3.0] * 7, "bounds": [(2, 4)] * 3 + [(None, 9)] * 4},
    "at the minimum": {"func": bowl, "x0": [1.0, 1.0, 1.0]},
    "failed line search": {"func": lies, "x0": [3.0, 2.0, 2.0]},
}  # fmt: skip

LEVELS = (1, 3, 98, 99, 100, 101)

# Runs the original on every case. Its Fortran unit 6 is the standard output of the process, and
# written out when the process ends: a fork for each run.
ORIGINAL = """
import os, sys
sys.path[:0] = sys.argv[1:3]
from fitcore.originals import fmin_l_bfgs_b
from test_fmin_l_bfgs_b_print import CASES, LEVELS
for name in CASES:
    for level in LEVELS:
        if os.fork() == 0:
            os.dup2(os.open(f"{name} {level}", os.O_WRONLY | os.O_CREAT), 1)
            fmin_l_bfgs_b(**CASES[name], iprint=level)
            sys.exit()
        assert os.wait()[1] == 0
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], list[str]]:
    """The lines that the original prints."""
    originals.require()
    folder = tmp_path_factory.mktemp("original")  # it leaves a file iterate.dat
    here = Path(__file__).parent
    subprocess.run(
        [sys.executable, "-c", ORIGINAL, str(here), str(here.parent)],
        check=True, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return {
        (name, level): (folder / f"{name} {level}").read_text().splitlines()
        for name in CASES
        for level in LEVELS
    }


def printed(case: dict[str, Any], **options: Any) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        fmin_l_bfgs_b(**case, **options)
    return out.getvalue()


def agree(mine: str, theirs: str) -> bool:
    """Whether two lines have the same words and layout, and numbers up to rounding errors."""
    number = re.compile(r"-?\d\.?\d*(?:[DE][+-]?\d+)?")
    if number.sub("#", mine).split() != number.sub("#", theirs).split():
        return False
    pairs = zip(number.findall(mine), number.findall(theirs), strict=True)
    return len(mine) == len(theirs) and all(
        abs(float(a.replace("D", "E")) - float(b.replace("D", "E")))
        <= 1e-3 * abs(float(b.replace("D", "E"))) + 1e-12
        for a, b in pairs
    )


@pytest.mark.parametrize("iprint", [1, 3, 98])
@pytest.mark.parametrize("name", CASES)
def test_every_line_is_that_of_the_original(
    name: str, iprint: int, original: dict[tuple[str, int], list[str]]
) -> None:
    theirs = original[name, iprint]
    mine = printed(CASES[name], iprint=iprint).splitlines()
    assert len(mine) == len(theirs) > 20
    for a, b in zip(mine, theirs, strict=True):
        assert agree(a, b), (a, b)


@pytest.mark.parametrize("iprint", [99, 100, 101])
@pytest.mark.parametrize("name", CASES)
def test_details_are_lines_of_the_original_but_for_the_pieces_of_the_cauchy_search(
    name: str, iprint: int, original: dict[tuple[str, int], list[str]]
) -> None:
    theirs = original[name, iprint]
    mine = printed(CASES[name], iprint=iprint).splitlines()
    rest = iter(theirs)
    for line in mine:
        ours_alone = "segments explored" in line or "Infinity" in line
        if line.strip() and not ours_alone:
            assert any(agree(line, other) for other in rest), line
    missing = [
        line for line in theirs
        if line.strip() and not any(agree(line, other) for other in mine)
    ]  # fmt: skip
    # a bound that is not there is printed as 0 by the original
    known = re.compile(
        r"breakpoints|GCP found|Piece|Distance|is fixed|Cauchy X|^ [LU] = |^ {5}[- ]\d"
        r"|BFGS memory|CAUCHY|SUBSM"
    )
    assert [line for line in missing if not known.search(line)] == []


def test_levels_print_more_and_more() -> None:
    case = CASES["bounded"]
    texts = {level: printed(case, iprint=level) for level in (-1, 0, 1, 5, 99, 100, 101)}
    assert texts[-1] == ""
    assert len(texts[0].splitlines()) == 1
    nit = fmin_l_bfgs_b(**case)[2]["nit"]
    assert texts[1].count("At iterate") == nit + 1
    assert texts[5].count("At iterate") == nit // 5 + 1
    for level, words in ((99, "ITERATION"), (100, " X ="), (101, " G =")):
        assert words in texts[level]
        for less in [key for key in texts if key < level]:
            assert words not in texts[less]
    assert texts[101].count(" G =") == nit and texts[101].count(" X =") == nit + 1
    assert " L = -1.0000D+00" in texts[101]


def test_level_0_is_one_line_with_the_outcome() -> None:
    text = printed(CASES["infeasible"], iprint=0)
    assert re.fullmatch(
        r"At iterate +\d+    f=  1\.12500D\+00    \|proj g\|=  \S+    CONVERGENCE: \S+\n", text
    )


@pytest.mark.parametrize(
    ("iprint", "disp", "as_if"),
    [(-1, None, -1), (1, None, 1), (1, 0, -1), (99, False, -1), (-1, 1, 1), (-1, True, 1),
     (5, 99, 99), (101, -1, -1), (-1, 101, 101)],
)  # fmt: skip
def test_disp_takes_the_place_of_iprint(iprint: int, disp: Any, as_if: int) -> None:
    case = CASES["infeasible"]
    assert printed(case, iprint=iprint, disp=disp) == printed(case, iprint=as_if)


def test_minimize_prints_the_same() -> None:
    case = CASES["bounded"]
    for options in ({"iprint": 1}, {"disp": 1}, {"iprint": 101}, {"iprint": 5, "disp": 0}):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            minimize(
                case["func"], case["x0"], jac=True, bounds=case["bounds"],
                options={**options, "ftol": 1e12 * np.finfo(float).eps},
            )  # fmt: skip
        assert out.getvalue() == printed(case, **options)


def test_output_follows_a_redirection_made_in_the_midst_of_a_run() -> None:
    first, second = io.StringIO(), io.StringIO()
    stack = contextlib.ExitStack()

    def callback(xk: np.ndarray) -> None:
        if not second.closed and sys.stdout is first:
            stack.enter_context(contextlib.redirect_stdout(second))

    with contextlib.redirect_stdout(first), stack:
        fmin_l_bfgs_b(**CASES["bounded"], iprint=1, callback=callback)
    assert "At iterate    1" in first.getvalue() and "At iterate    2" not in first.getvalue()
    assert "At iterate    2" in second.getvalue() and "Projg" in second.getvalue()


def test_printing_does_not_change_the_run() -> None:
    for case in CASES.values():
        x, f, d = fmin_l_bfgs_b(**case)
        with contextlib.redirect_stdout(io.StringIO()):
            x2, f2, d2 = fmin_l_bfgs_b(**case, iprint=101)
        assert (x == x2).all() and f == f2 and d["funcalls"] == d2["funcalls"]


def test_nan_at_the_start_is_printed_and_survives() -> None:
    text = printed({"func": lambda x: (np.nan, x), "x0": [1.0, 2.0]}, iprint=1)
    assert "f=          NaN" in text and "ABNORMAL" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, " 0.00000D+00"), (1.5, " 1.50000D+00"), (-2e-7, "-2.00000D-07"),
     (1e100, "1.00000+100"), (1e-120, "1.00000-120"), (np.nan, "NaN"), (-np.inf, "-Infinity")],
)  # fmt: skip
def test_numbers_are_written_as_1pd12_5_does(value: float, text: str) -> None:
    assert fortran_d(value, 12, 5) == text.rjust(12)


@pytest.mark.parametrize(
    ("value", "text"),
    # as gfortran writes them with print *
    [(0.0, "   0.0000000000000000     "), (1.0, "   1.0000000000000000     "),
     (3.9366020889839799, "   3.9366020889839799     "),
     (0.32103828516937677, "  0.32103828516937677     "),
     (87.876254817964025, "   87.876254817964025     "),
     (6.1948536266256071e-2, "   6.1948536266256071E-002"),
     (-2.5, "  -2.5000000000000000     "), (1e20, "   1.0000000000000000E+020")],
)  # fmt: skip
def test_numbers_are_written_as_list_directed_output_does(value: float, text: str) -> None:
    assert list_directed(value) == text
