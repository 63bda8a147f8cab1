"""The examples in the docstrings of the compiled modules, which pytest does not find by itself."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("fitcore.minpack", 9),
        ("fitcore._auxiliary", 12),
        ("fitcore._rowwise", 10),
        ("fitcore._hybrid", 9),
        ("fitcore.lbfgsb", 5),
        ("fitcore._parameter", 0),
        ("fitcore._fit", 3),
    ],
)
def test_every_example_runs_as_printed(name: str, least: int) -> None:
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(verbose=False)
    examples = 0
    for test in finder.find(module, name, module=False):
        examples += len(test.examples)
        with np.printoptions():
            runner.run(test)
    assert runner.failures == 0
    assert examples >= least
