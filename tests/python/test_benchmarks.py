"""The benchmarks that asv runs over commits work at this one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def timed() -> Iterator[Any]:
    """Each benchmark class and method, with the first of its parameters."""
    path = BENCHMARKS / "over_commits" / "fits.py"
    spec = importlib.util.spec_from_file_location("over_commits_fits", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for kind in vars(module).values():
        for name in vars(kind) if isinstance(kind, type) else ():
            if name.startswith("time_"):
                yield pytest.param(kind, name, id=f"{kind.__name__}-{name}")


def test_asv_finds_its_benchmarks_where_its_configuration_says():
    settings = json.loads((BENCHMARKS / "asv.conf.json").read_text())
    assert (BENCHMARKS / settings["benchmark_dir"] / "fits.py").is_file()
    assert (BENCHMARKS / settings["repo"] / "pyproject.toml").is_file()


@pytest.mark.parametrize(("kind", "name"), list(timed()))
def test_a_benchmark_runs_with_the_smallest_of_its_sizes(kind, name):
    benchmark = kind()
    sizes = getattr(kind, "params", [])[:1]
    benchmark.setup(*sizes)
    getattr(benchmark, name)(*sizes)
