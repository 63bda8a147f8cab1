"""Intervals and regions by executors: the same bits as without, errors and warnings as without."""

import sys
import warnings
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import originals
import pytest
from numpy.testing import assert_array_equal
from picklable_decay import Y, beyond, lower, residual

import fitcore
from fitcore import Minimizer, Parameters


def fitted(fcn: Any = residual, **kws: Any) -> tuple[Minimizer, Any]:
    params = Parameters()
    params.add_many(
        ("amp", 2.0), ("tau", 1.5), ("base", 0.5), ("half", 0.0, True, None, None, "tau/2")
    )
    fitter = Minimizer(residual, params, fcn_args=(Y,), **kws)
    result = fitter.leastsq(callback=lambda *_: None)
    fitter.userfcn = fcn
    return fitter, result


def executors(workers: int) -> list[Executor]:
    return [
        ThreadPoolExecutor(workers),
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")),
    ]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_an_executor_gives_the_same_bits(workers: int) -> None:
    # What has no pickle, and is not needed, does not hinder.
    fitter, result = fitted(iter_cb=lambda *_: None)
    ci, traces = fitcore.conf_interval(fitter, result, trace=True)
    region = fitcore.conf_interval2d(fitter, result, "amp", "tau", 7, 6)
    for executor in executors(workers):
        with executor:
            again, points = fitcore.conf_interval(fitter, result, trace=True, executor=executor)
            found = fitcore.conf_interval2d(fitter, result, "amp", "tau", 7, 6, executor=executor)
        assert again == ci
        assert list(again) == list(ci)
        for name, columns in traces.items():
            assert list(points[name]) == list(columns)
            for key, column in columns.items():
                assert_array_equal(points[name][key], column)
        for mine, other in zip(found, region, strict=True):
            assert_array_equal(mine, other)


def test_threads_take_any_function_and_processes_say_what_they_need() -> None:
    fitter, result = fitted(lambda p, y: residual(p, y))
    serial = fitcore.conf_interval(fitter, result)
    threads, processes = executors(2)
    with threads:
        assert fitcore.conf_interval(fitter, result, executor=threads) == serial
    with processes, pytest.raises(Exception, match=r"pickle|local object") as caught:
        fitcore.conf_interval(fitter, result, executor=processes)
    assert "must be functions of a module" in caught.value.__notes__[0]


@pytest.mark.parametrize("which", [0, 1])
def test_what_the_function_raises_leaves_an_executor_unchanged(which: int) -> None:
    fitter, result = fitted(beyond)
    with executors(2)[which] as executor:
        with pytest.raises(ZeroDivisionError, match=r"beyond 1\.6"):
            fitcore.conf_interval(fitter, result, sigmas=[5], executor=executor)
        with pytest.raises(ZeroDivisionError, match=r"beyond 1\.6"):
            fitcore.conf_interval2d(fitter, result, "amp", "tau", executor=executor)


def test_warnings_come_in_the_caller_s_thread_once() -> None:
    fitter, result = fitted(lower)
    with warnings.catch_warnings(record=True) as serial:
        warnings.simplefilter("always")
        fitcore.conf_interval2d(fitter, result, "amp", "tau", 6, 7)
    assert len(serial) == 1
    assert "chi-square is lower than that of the best fit" in str(serial[0].message)
    for executor in executors(2):
        with executor, warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            fitcore.conf_interval2d(fitter, result, "amp", "tau", 6, 7, executor=executor)
        assert [str(w.message) for w in seen] == [str(w.message) for w in serial]


def test_executor_and_progress_are_checked() -> None:
    fitter, result = fitted()
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures.Executor"):
        fitcore.conf_interval(fitter, result, executor=4)
    with pytest.raises(TypeError, match="progress must be True or False"):
        fitcore.conf_interval2d(fitter, result, "amp", "tau", progress="yes")


@pytest.mark.parametrize("threads", [False, True])
def test_progress_counts_parameters_and_rows(threads: bool, capsys: Any) -> None:
    originals.require_peer("tqdm")
    fitter, result = fitted()
    with ThreadPoolExecutor(2) as executor:
        kws = {"executor": executor if threads else None, "progress": True}
        fitcore.conf_interval(fitter, result, **kws)
        assert "3/3" in capsys.readouterr().err
        fitcore.conf_interval2d(fitter, result, "amp", "tau", 3, 4, **kws)
        assert "4/4" in capsys.readouterr().err
        fitcore.conf_interval(fitter, result)
        assert capsys.readouterr() == ("", "")


def test_progress_without_tqdm_names_the_extra(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    fitter, result = fitted()
    with pytest.raises(ImportError, match=r"pip install fitcore\[progress\]"):
        fitcore.conf_interval(fitter, result, progress=True)
