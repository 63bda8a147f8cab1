"""`fitcore info` and `fitcore selftest`."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest

import fitcore
from fitcore import nist

testing = pytest.importorskip("click.testing")
pytest.importorskip("tabulate")
from fitcore.cli.commands import command  # noqa: E402  # it imports them


def run(*args: str) -> Any:
    return testing.CliRunner().invoke(command, args)


def test_info_shows_the_build_and_the_extras() -> None:
    done = run("info")
    assert done.exit_code == 0
    assert fitcore.__version__ in done.stdout
    assert f"click {version('click')}" in done.stdout
    shown = json.loads(run("info", "--json").stdout)
    assert shown["extras"]["cli"] == {
        "click": version("click"), "tabulate": version("tabulate")
    }  # fmt: skip
    assert shown["extras"]["scipy"] == {"scipy": version("scipy")}
    assert "all" not in shown["extras"]
    assert shown["build"] == fitcore.show_config(mode="dicts")["build"]


def test_info_names_the_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from fitcore.cli import info

    def without(name: str) -> str:
        if name == "emcee":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(info, "version", without)
    assert "emcee not installed: pip install fitcore[emcee]" in run("info").stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.strip().endswith(fitcore.__version__)


def test_all_of_nists_problems_pass() -> None:
    done = run("selftest", "--json")
    runs = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [(r["problem"], r["start"]) for r in runs] == [
        (name, start) for name in nist.names() for start in (1, 2)
    ]
    poor = {(r["problem"], r["start"]) for r in runs if r["values"] < 4}
    assert poor <= {("BoxBOD", 1)}
    assert all(r["passed"] for r in runs)


def test_the_table_has_a_line_for_each_run_and_says_why_less_is_expected() -> None:
    done = run("selftest", "--problem", "misra1a", "--problem", "Lanczos1")
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith(("Misra1a", "Lanczos1"))]
    assert [line.split()[:3] for line in lines] == [
        ["Misra1a", "lower", "1"], ["Misra1a", "lower", "2"],
        ["Lanczos1", "average", "1"], ["Lanczos1", "average", "2"],
    ]  # fmt: skip
    assert "[1] chi-square is the rounding of the data" in done.stdout
    assert "4 of 4 runs" in done.stdout


def test_a_solution_with_too_few_digits_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fitcore.minimize

    def wrong(*args: Any, **kws: Any) -> Any:
        result = honest(*args, **kws)
        result.params["b1"].value *= 1 + 1e-3
        return result

    monkeypatch.setattr(fitcore, "minimize", wrong)
    done = run("selftest", "--problem", "Misra1a")
    assert done.exit_code == 1
    assert done.stdout.count("FAILED") == 2
    assert "0 of 2 runs" in done.stdout


def test_digits_nobody_has_exit_with_1_and_unknown_names_with_2() -> None:
    assert run("selftest", "--problem", "ENSO", "--digits", "11").exit_code == 1
    for args, words in (
        (["--problem", "fish"], "Misra1a"), (["--method", "fish"], "leastsq"),
        (["--digits", "12"], "0<=x<=11"),
    ):  # fmt: skip
        done = run("selftest", *args)
        assert done.exit_code == 2
        assert words in done.stderr
