"""A plugin for pytest that runs SciPy's installed tests on `fitcore.optimize`.

    python -m pytest -p scipy_own_tests --pyargs scipy.optimize.tests.test_minpack

SciPy itself stays as it is. In the test modules, names that `fitcore.optimize` has too are bound to
its functions, and `optimize` to a module that has them. `minimize` and `root` with a method that
is not ours go to SciPy. With ``FITCORE_REPORT=FILE`` a JSON file tells for each test its outcome
and which functions of ours it has called.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize

import fitcore.optimize

#: Methods that are ours, of functions with an argument `method` that chooses between many.
METHODS = {"minimize": {"l-bfgs-b"}, "root": {"hybr", "lm"}}
DEFAULT_METHOD = {"minimize": None, "root": "hybr"}

_called: set[str] = set()
_lock = threading.Lock()
_outcomes: dict[str, dict[str, Any]] = {}


def _recorded(name: str, ours: Callable[..., Any], theirs: Callable[..., Any]) -> Any:
    """Our function, or SciPy's for a method that we do not have."""
    if name in METHODS:

        @functools.wraps(theirs)
        def choose(*args: Any, **kwargs: Any) -> Any:
            position = 3
            method = kwargs.get("method", DEFAULT_METHOD[name])
            if len(args) > position:
                method = args[position]
            if not (isinstance(method, str) and method.lower() in METHODS[name]):
                return theirs(*args, **kwargs)
            _note(name)
            return ours(*args, **kwargs)

        return choose

    @functools.wraps(ours)
    def call(*args: Any, **kwargs: Any) -> Any:
        _note(name)
        return ours(*args, **kwargs)

    return call


def _note(name: str) -> None:
    with _lock:
        _called.add(name)


class _EitherResult(type(scipy.optimize.OptimizeResult)):  # type: ignore[misc]
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, fitcore.optimize.OptimizeResult) or type.__instancecheck__(
            scipy.optimize.OptimizeResult, instance
        )


class _Result(scipy.optimize.OptimizeResult, metaclass=_EitherResult):  # type: ignore[misc]
    """A result of ours or of SciPy's, for isinstance."""


def _functions() -> dict[str, Any]:
    out = {}
    for name in fitcore.optimize.__all__:
        ours, theirs = getattr(fitcore.optimize, name), getattr(scipy.optimize, name, None)
        if isinstance(ours, types.FunctionType) and theirs is not None:
            out[name] = _recorded(name, ours, theirs)
    return out


class _Optimize(types.ModuleType):
    """scipy.optimize with our functions in it."""

    def __init__(self, functions: dict[str, Any]) -> None:
        super().__init__("scipy.optimize")
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(scipy.optimize, name)


#: Solvers of SciPy that no function of ours stands for: tests for them alone are left out.
OTHERS = {
    "nelder-mead", "powell", "cg", "bfgs", "newton-cg", "tnc", "cobyla", "cobyqa", "slsqp",
    "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov", "_custom", "fmin",
    "fmin_powell", "fmin_cg", "fmin_bfgs", "fmin_ncg", "fmin_tnc", "brent", "bounded", "golden",
}  # fmt: skip


UNTOUCHED = {
    "TestBrute", "TestGlobalOptimization", "TestOptimizeScalar", "TestBracket", "TestRosen",
    "TestNewtonCg", "TestFixedPoint", "test_cobyla_threadsafe",
    "test_multiprocessing_too_many_open_files_23080", "test_neldermead_adaptive",
}  # fmt: skip


def _concerns_others(item: pytest.Item) -> bool:
    if UNTOUCHED & {name.split("[")[0] for name in item.nodeid.split("::")}:
        return True
    callspec = getattr(item, "callspec", None)
    values = [] if callspec is None else callspec.params.values()
    return any(isinstance(v, str) and v.lower() in OTHERS for v in values)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [item for item in items if _concerns_others(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    functions = _functions()
    optimize = _Optimize(functions)
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        for name, value in list(vars(module).items()):
            if value is scipy.optimize:
                setattr(module, name, optimize)
            elif value is scipy.optimize.OptimizeResult:
                setattr(module, name, _Result)
            elif name in functions and value is getattr(scipy.optimize, name):
                setattr(module, name, functions[name])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    _called.clear()
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and not (report.when == "setup" and report.outcome != "passed"):
        return
    name = report.nodeid.split("/")[-1]
    _outcomes[name] = {
        "outcome": report.outcome, "called": sorted(_called), "text": report.longreprtext[-2000:]
    }  # fmt: skip


def pytest_sessionfinish() -> None:
    if target := os.environ.get("FITCORE_REPORT"):
        Path(target).write_text(json.dumps(_outcomes))
