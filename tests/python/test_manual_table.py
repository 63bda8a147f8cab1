"""docs/manual.md: every sentence of the manual has a row, and every row a test that exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "manual.md").read_text(encoding="utf-8")
ITEMS = [f"L{n}" for n in range(1, 136)] + ["L13b", "L13c", "L62b"]
# Defects of models, and of lmfit's own tests and leftovers.
NOT_HERE = {28, 30, 31, 33, 41, 42, 46}


def rows(first: str) -> list[list[str]]:
    """Cells of the rows whose first cell is of this form."""
    found = []
    for line in PAGE.splitlines():
        if line.startswith("| "):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if re.fullmatch(first, cells[0].strip()):
                found.append([cell.strip(" |") for cell in cells])
    return found


SENTENCES, DEFECTS = rows(r"L\d+[a-z]?"), rows(r"\d+")


@cache
def functions(file: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {item.name: item for item in tree.body if isinstance(item, ast.FunctionDef)}


def test_every_item_has_one_row() -> None:
    assert sorted(row[0] for row in SENTENCES) == sorted(ITEMS)


def test_every_defect_has_one_row() -> None:
    numbers = [int(row[0]) for row in DEFECTS]
    assert numbers == sorted(set(range(1, 47)) - NOT_HERE)
    for number in NOT_HERE:
        assert re.search(rf"\b{number}\b", PAGE.split("## Defects")[1].split("|")[0])


@pytest.mark.parametrize("row", SENTENCES + DEFECTS, ids=lambda row: row[0])
def test_every_row_names_tests_that_exist_and_assert_something(row: list[str]) -> None:
    assert len(row) == 4 and all(row)
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[3])
    assert named
    assert ", ".join(f"`{file}::{name}`" for file, name in named) == row[3]
    for file, name in named:
        assert name in functions(file), f"{file} has no {name}"
        body = ast.unparse(functions(file)[name])
        assert re.search(r"\bassert\b|assert_|raises\(|warns\(|agree|check", body), name


def test_the_examples_have_a_test_each() -> None:
    file = ROOT / "tests" / "data" / "lmfit_manual_0_7_1.txt"
    headings = re.findall(r"^==== (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    source = (ROOT / "tests" / "python" / "test_manual_examples.py").read_text(encoding="utf-8")
    used = set(re.findall(r'(?:printed|session)\(\s*"([^"]+)"', source))
    assert set(headings) == used


def test_the_notice_of_the_manual_goes_with_its_examples() -> None:
    text = (ROOT / "tests" / "data" / "lmfit_manual_0_7_1.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2012 Matthew Newville, The University of Chicago" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text
    for name in ("Newville", "Stensitzki", "Helmus", "Deil"):
        assert name in PAGE
