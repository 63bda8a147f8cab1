"""`fitcore.show_config` tells what the build was made with."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import pytest

import fitcore


def test_it_names_versions_compilers_options_and_whether_the_originals_are_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = fitcore.show_config(mode="dicts")
    assert config["version"] == fitcore.__version__
    assert set(config["compilers"]) == {"c", "fortran", "cython"}
    assert all(made["name"] and made["version"] for made in config["compilers"].values())
    assert config["build"]["simd kernels"][0] == "v1"
    assert config["runtime"]["simd level"] in ("v1", "v3", "v4")
    assert config["runtime"]["numpy"] == np.__version__
    assert config["runtime"]["asteval"] == version("asteval")
    found = find_spec("fitcore._originals") is not None
    assert config["originals"]["found"] == found
    assert (config["originals"]["from"] is not None) == found

    fitcore.show_config()
    text = capsys.readouterr().out
    for value in (
        fitcore.__version__, config["compilers"]["fortran"]["version"], np.__version__,
        config["build"]["buildtype"], config["originals"]["from"] or "not in this build",
    ):  # fmt: skip
        assert value in text


def test_level_is_the_one_that_the_environment_lowers_it_to() -> None:
    code = "import fitcore; print(fitcore.show_config(mode='dicts')['runtime']['simd level'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "FITCORE_CPU": "v1"},
    )  # fmt: skip
    assert done.stdout.strip() == "v1"


def test_another_mode_is_an_error_that_names_the_modes() -> None:
    with pytest.raises(ValueError, match="'stdout' or 'dicts', got 'json'"):
        fitcore.show_config(mode="json")  # type: ignore[call-overload]
