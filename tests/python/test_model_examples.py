"""The examples of models, and those of docs/builtin_models.md, run."""

from __future__ import annotations

import doctest
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", ["peaks", "expression_model", "background_spline"])
def test_an_example_runs(name, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [name])  # no plot
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    out = capsys.readouterr().out
    assert "[[Variables]]" in out and "nan" not in out


def test_the_examples_of_the_documentation_hold():
    page = str(ROOT / "docs" / "builtin_models.md")
    failed, tried = doctest.testfile(page, module_relative=False, optionflags=FLAGS)
    assert (failed, tried > 10) == (0, True)
