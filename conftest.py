"""What pytest must leave out: the originals where fitcore was built without, and lmfit's alias.

FITCORE_ONLY_CORE=1, which tools/test_wheel.py says of an installation without extras, skips tests
that need one.
"""

import os
import signal
from collections.abc import Generator
from importlib.util import find_spec
from typing import Any

import pytest

# A package named lmfit, which is for processes of its own.
collect_ignore_glob = ["tests/peers/lmfit_alias/*"]
if not find_spec("fitcore._originals"):
    collect_ignore_glob.append("fitcore/originals/*")


def pytest_configure() -> None:
    """Let tests interrupt fits also where pytest runs in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, Any, Any]:
    """Skip a test that needs an extra."""
    return (yield from without_extras())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    """Skip a test of which a fixture needs an extra, also one that has failed before."""
    return (yield from without_extras())


def without_extras() -> Generator[None, Any, Any]:
    """Skip what ends with an ImportError for want of an extra."""
    try:
        return (yield)
    except ImportError as error:
        wanted = "pip install fitcore[" in str(error) or isinstance(error, ModuleNotFoundError)
        if os.environ.get("FITCORE_ONLY_CORE") != "1" or not wanted:
            raise
        pytest.skip(f"{error.name or 'extra'} cannot be imported ({error})")
