"""The hybrid solver as a class: asking and telling, running, stopping, errors, pickles, threads."""

from __future__ import annotations

import copy
import pickle
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from system import (
    SETTINGS,
    START,
    answer,
    each_setting,
    fingerprint,
    finish,
    functions,
    jac_for,
    jacobian,
)  # fmt: skip

from fitcore.minpack import LevenbergMarquardt, PowellHybrid


def solved(setting: str, **options: Any) -> PowellHybrid:
    return PowellHybrid(START, **SETTINGS[setting]).run(functions, jac=jac_for(setting), **options)


def triangle(solver: PowellHybrid) -> np.ndarray:
    full = np.zeros((solver.n, solver.n))
    full[np.triu_indices(solver.n)] = solver.r
    return full


# Mathematics -------------------------------------------------------------------------------------


@each_setting
def test_the_solution_solves_the_system(setting: str) -> None:
    solver = solved(setting)
    assert solver.info == 1 and solver.success and solver.message == "The solution converged."
    assert np.abs(functions(solver.x)).max() < 1e-9
    np.testing.assert_array_equal(solver.fvec, functions(solver.x))
    assert solver.fnorm == pytest.approx(np.linalg.norm(solver.fvec), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 40, 150])
def test_first_factors_are_those_of_the_jacobian(n: int) -> None:
    rng = np.random.default_rng(n)
    x, a = rng.normal(size=n), rng.normal(size=(n, n))
    solver = PowellHybrid(x, jac="analytic")
    solver.tell(f := rng.normal(size=n))
    solver.tell(a)
    q = solver.fjac.T
    np.testing.assert_allclose(q.T @ q, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(q @ triangle(solver), a, atol=1e-12)
    np.testing.assert_allclose(solver.qtf, q.T @ f, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 17, 90])
def test_each_step_updates_the_factors_by_broydens_formula(n: int) -> None:
    """J + (f1 - f - J p) (D^2 p)^T / |D p|^2, formed densely."""
    rng = np.random.default_rng(n)
    a, diag = rng.normal(size=(n, n)) + 3 * np.eye(n), rng.uniform(0.5, 2.0, n)

    def func(x: np.ndarray) -> np.ndarray:
        return a @ x + 0.1 * np.sin(x) - 1.0

    solver = PowellHybrid(rng.normal(size=n), jac="analytic", diag=diag)
    updates = 0
    for _ in range(30):
        if solver.done:
            break
        point = solver.ask()
        if solver.task == "jacobian":
            solver.tell(a + 0.1 * np.diag(np.cos(point)))
            continue
        if solver.nfev == 0:
            solver.tell(func(point))
            continue
        q, before, x, f = solver.fjac.T, triangle(solver), solver.x, solver.fvec
        new = func(point)
        solver.tell(new)
        if solver.done or solver.task == "jacobian":
            continue
        j, p = q @ before, point - x
        scaled = diag**2 * p
        expected = j + np.outer(new - f - j @ p, scaled) / (scaled @ p)
        size = np.abs(expected).max()
        np.testing.assert_allclose(
            solver.fjac.T @ triangle(solver), expected, atol=1e-7 * size, rtol=0
        )
        np.testing.assert_allclose(solver.fjac @ solver.fjac.T, np.eye(n), atol=1e-12)
        np.testing.assert_allclose(solver.qtf, solver.fjac @ solver.fvec, atol=1e-10 * size)
        updates += 1
    assert updates >= 1


@pytest.mark.parametrize("factor", [1e-3, 0.1, 0.7])
def test_the_step_is_the_dogleg_of_powell(factor: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        n = 4
        a, f, x = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n)
        diag = rng.uniform(0.3, 3.0, n)
        solver = PowellHybrid(x, jac="analytic", factor=factor, diag=diag)
        solver.tell(f)
        solver.tell(a)
        step = diag * (solver.ask() - x)
        delta = factor * np.linalg.norm(diag * x)
        b = a / diag
        newton = -np.linalg.solve(b, f)
        g = b.T @ f
        cauchy = -g * (g @ g) / np.linalg.norm(b @ g) ** 2
        if np.linalg.norm(newton) <= delta:
            expected = newton
        elif np.linalg.norm(cauchy) >= delta:
            expected = -delta * g / np.linalg.norm(g)
        else:
            leg = newton - cauchy
            roots = np.roots([leg @ leg, 2 * cauchy @ leg, cauchy @ cauchy - delta**2])
            expected = cauchy + max(roots.real) * leg
        np.testing.assert_allclose(step, expected, rtol=1e-8, atol=1e-11)


def test_a_banded_jacobian_costs_ml_plus_mu_plus_1_evaluations() -> None:
    solver = PowellHybrid(np.zeros(50), ml=1, mu=2)
    solver.tell(functions(solver.ask()))
    assert solver.task == "differences"
    assert solver.ask().shape == (4, 50)
    many = PowellHybrid(np.zeros(5), ml=-1, mu=7)
    many.tell(functions(many.ask()))
    assert many.ask().shape == (5, 5)


# Asking, telling, running ------------------------------------------------------------------------


@each_setting
def test_asking_and_telling_is_the_same_as_running(setting: str) -> None:
    told = PowellHybrid(START, **SETTINGS[setting])
    asked = finish(told)
    assert fingerprint(told) == fingerprint(solved(setting))
    assert len(asked) > 4


@each_setting
def test_the_callback_sees_accepted_steps_and_stops(setting: str) -> None:
    norms: list[float] = []
    solver = solved(setting, callback=lambda s: norms.append(s.fnorm))
    # the last step ends the run before anybody is told
    assert len(norms) == solver.nit - 1
    assert norms == sorted(set(norms), reverse=True)
    stopped = solved(setting, callback=lambda s: s.nit == 2)
    assert (stopped.info, stopped.nit, stopped.done) == (-1, 2, True)
    assert "stopped by the user" in stopped.message

    def stop(s: PowellHybrid) -> None:
        raise StopIteration

    assert solved(setting, callback=stop).info == -1


def test_stop_inside_func_ends_the_run() -> None:
    calls = 0

    def func(x: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 8:
            solver.stop()
        return functions(x)

    solver = PowellHybrid(START)
    assert solver.run(func).info == -1
    assert calls == 8
    done = fingerprint(solver)
    solver.stop()
    assert fingerprint(solver.run(func)) == done


@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt()])
@each_setting
def test_an_exception_leaves_unchanged_at_any_call_and_run_resumes(
    error: BaseException, setting: str
) -> None:
    expected = fingerprint(solved(setting))
    for at in range(1, 14):
        calls = 0

        def failing(x: np.ndarray, at: int = at) -> np.ndarray:
            nonlocal calls
            calls += 1
            if calls == at:
                raise error
            return functions(x)

        solver = PowellHybrid(START, **SETTINGS[setting])
        left: list[BaseException] = []
        try:
            solver.run(failing, jac=jac_for(setting))
        except type(error) as caught:
            left.append(caught)
        assert left == ([] if calls < at else [error])
        assert solver.done == (calls < at)
        assert fingerprint(solver.run(functions, jac=jac_for(setting))) == expected


@each_setting
def test_func_may_keep_and_overwrite_what_it_is_given_and_returns(setting: str) -> None:
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def func(x: np.ndarray) -> np.ndarray:
        value = functions(x)
        x[...] = np.nan
        kept.append((value, value.copy()))
        return value

    solver = PowellHybrid(START, **SETTINGS[setting]).run(func, jac=jac_for(setting))
    assert fingerprint(solver) == fingerprint(solved(setting))
    for value, then in kept:
        np.testing.assert_array_equal(value, then)


def test_args_and_col_deriv_reach_the_functions() -> None:
    solver = PowellHybrid(START, jac="analytic")
    solver.run(
        lambda x, k: k * functions(x), (2.0,), lambda x, k: k * jacobian(x).T, col_deriv=True
    )
    np.testing.assert_allclose(solver.x, solved("analytic").x, rtol=1e-9)


def test_a_solve_inside_a_solve_and_eight_threads_do_not_disturb_each_other() -> None:
    expected = fingerprint(solved("dense"))
    inner: list[Any] = []

    def nested(x: np.ndarray) -> np.ndarray:
        inner.append(fingerprint(solved("dense")))
        return functions(x)

    assert fingerprint(PowellHybrid(START).run(nested)) == expected
    assert set(inner) == {expected}
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: fingerprint(solved("dense")), range(64))) == {expected}


def test_large_steps_in_threads_give_the_same_bits() -> None:
    start = -np.ones(120)

    def run(_: int) -> bytes:
        return PowellHybrid(start, ml=1, mu=1).run(functions).x.tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(run, range(8)))) == 1


@pytest.mark.parametrize("what", ["run", "ask", "tell", "init"])
def test_a_running_solver_refuses_a_second_user(what: str) -> None:
    errors: list[BaseException] = []

    def second() -> None:
        try:
            if what == "run":
                solver.run(functions)
            elif what == "ask":
                solver.ask()
            elif what == "tell":
                solver.tell([0.0] * 5)
            else:
                solver.__init__(START)  # type: ignore[misc]
        except RuntimeError as exc:
            errors.append(exc)

    def func(x: np.ndarray) -> np.ndarray:
        if not errors:
            second()
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()
        return functions(x)

    solver = PowellHybrid(START)
    assert fingerprint(solver.run(func)) == fingerprint(solved("dense"))
    assert len(errors) == 2 and all("already running" in str(e) for e in errors)


# NaN ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_never_converged(value: float) -> None:
    assert PowellHybrid(START).run(lambda x: x * value).info == 9
    everywhere_else = PowellHybrid([2.0, 1.0]).run(
        lambda x: x if x[0] == 2.0 else np.full(2, value)
    )
    assert everywhere_else.info == 9
    jac = PowellHybrid(START, jac="analytic").run(functions, jac=lambda x: jacobian(x) + value)
    assert jac.info == 9 and "NaN" in jac.message
    walled = PowellHybrid([2.0]).run(lambda x: x + 1 if x[0] >= 1.0 else np.array([value]))
    assert walled.info == 9 and walled.x == pytest.approx([1.0], abs=1e-6)


def test_a_step_into_nan_is_shortened() -> None:
    with np.errstate(invalid="ignore"):
        solver = PowellHybrid([50.0, 30.0]).run(np.log)
    assert solver.success
    np.testing.assert_allclose(solver.x, [1.0, 1.0], rtol=1e-8)


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"x0": []}, ValueError, "x0"),
        ({"x0": [[1.0]]}, ValueError, "x0"),
        ({"x0": [np.nan]}, ValueError, "x0"),
        ({"x0": [1j]}, TypeError, "x0"),
        ({"x0": "a"}, TypeError, "x0"),
        ({"x0": None}, ValueError, "x0"),
        ({"jac": "3-point"}, ValueError, "3-point.*2-point"),
        ({"jac": None}, ValueError, "jac=None"),
        ({"xtol": -1.0}, ValueError, "xtol"),
        ({"xtol": "a"}, TypeError, "xtol"),
        ({"xtol": np.nan}, ValueError, "xtol"),
        ({"maxfev": -1}, ValueError, "maxfev"),
        ({"maxfev": 1.5}, TypeError, "maxfev"),
        ({"maxfev": 2**70}, ValueError, "maxfev"),
        ({"ml": 1.0}, TypeError, "ml"),
        ({"mu": True}, TypeError, "mu"),
        ({"mu": "a"}, TypeError, "mu"),
        ({"ml": 1, "jac": "analytic"}, ValueError, "ml and mu"),
        ({"epsfcn": -1.0}, ValueError, "epsfcn"),
        ({"factor": 0.0}, ValueError, "factor"),
        ({"factor": np.inf}, ValueError, "factor"),
        ({"diag": [1.0]}, ValueError, "diag"),
        ({"diag": [1.0, 0.0]}, ValueError, "diag"),
    ],
)
def test_improper_arguments_are_named(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    x0 = options.pop("x0", [1.0, 2.0])
    with pytest.raises(error, match=words):
        PowellHybrid(x0, **options)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([1.0], ValueError), (np.ones((5, 1)), ValueError), (np.ones(6), ValueError),
        (None, TypeError), ("a", TypeError), (np.ones(5) * 1j, TypeError),
        ([[1], [2, 3]], TypeError),
    ],
)  # fmt: skip
def test_what_func_may_not_return_and_tell_not_be_told(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        PowellHybrid(START).run(lambda x: value)
    solver = PowellHybrid(START)
    with pytest.raises(error):
        solver.tell(value)
    solver.tell(functions(solver.ask()))
    for wrong in (value, np.ones((4, 5)), np.ones((5, 5)) * 1j):
        with pytest.raises((TypeError, ValueError)):
            solver.tell(wrong)
    finish(solver)
    assert solver.success


def test_jac_and_func_must_be_what_the_solver_was_made_for() -> None:
    with pytest.raises(TypeError, match="jac"):
        PowellHybrid(START, jac="analytic").run(functions)
    with pytest.raises(ValueError, match="2-point"):
        PowellHybrid(START).run(functions, jac=jacobian)
    with pytest.raises(TypeError, match="func"):
        PowellHybrid(START).run(3)
    with pytest.raises(TypeError, match="callback"):
        PowellHybrid(START).run(functions, callback=3)
    with pytest.raises(TypeError, match=r"\(5, 4\)"):
        PowellHybrid(START, jac="analytic").run(functions, jac=lambda x: np.ones((5, 4)))


def test_a_solver_that_is_not_set_up_says_so() -> None:
    bare = PowellHybrid.__new__(PowellHybrid)
    for use in (bare.ask, bare.stop, bare.__reduce__, lambda: bare.tell([1.0]), lambda: bare.x,
                lambda: bare.task, lambda: bare.run(functions)):  # fmt: skip
        with pytest.raises(RuntimeError, match="set up"):
            use()
    assert bare.fvec is None and bare.fjac is None and bare.r is None
    assert "not set up" in repr(bare)


def test_a_finished_solver_has_nothing_to_ask() -> None:
    solver = solved("dense")
    assert solver.task == "done" and "info=1" in repr(solver)
    with pytest.raises(RuntimeError, match="finished"):
        solver.ask()
    with pytest.raises(RuntimeError, match="finished"):
        solver.tell([1.0] * 5)


# Pickles -----------------------------------------------------------------------------------------

RESUME = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from system import fingerprint, finish
out = []
for state in pickle.load(sys.stdin.buffer):
    solver = pickle.loads(state)
    out.append((finish(solver), fingerprint(solver)))
sys.stdout.buffer.write(pickle.dumps(out))
"""


def test_pickled_at_any_task_it_evaluates_the_same_points_in_a_new_process() -> None:
    states, expected = [], []
    for options in SETTINGS.values():
        solver = PowellHybrid(START, **options)
        asked, first = [], len(states)
        while not solver.done:
            states.append(pickle.dumps(solver))
            points = solver.ask()
            asked.append(points.tobytes())
            solver.tell(answer(solver, points))
        states.append(pickle.dumps(solver))
        expected += [(asked[k:], fingerprint(solver)) for k in range(len(states) - first)]
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(Path(__file__).parents[1])],
        input=pickle.dumps(states), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert pickle.loads(done.stdout) == expected
    assert len(expected) > 25


@each_setting
def test_pickled_inside_func_and_callback_it_resumes_with_the_same_end(setting: str) -> None:
    states: list[bytes] = []

    def noting(x: np.ndarray) -> np.ndarray:
        states.append(pickle.dumps(solver))
        return functions(x)

    solver = PowellHybrid(START, **SETTINGS[setting])
    solver.run(noting, jac=jac_for(setting), callback=lambda s: states.append(pickle.dumps(s)))
    for state in states:
        again = pickle.loads(state).run(functions, jac=jac_for(setting))
        assert fingerprint(again) == fingerprint(solver)
        told = pickle.loads(state)
        finish(told)
        assert fingerprint(told) == fingerprint(solver)


def test_a_copy_lives_its_own_life() -> None:
    solver = PowellHybrid(START)
    for _ in range(3):
        solver.tell(answer(solver, solver.ask()))
    for twin in (copy.copy(solver), copy.deepcopy(solver)):
        before = solver.ask().tobytes()
        finish(twin)
        assert solver.ask().tobytes() == before
        assert twin.done and not solver.done


def halfway() -> tuple[Any, bytes, tuple[np.ndarray, ...]]:
    solver = PowellHybrid(START, maxfev=40)
    for _ in range(4):
        solver.tell(answer(solver, solver.ask()))
    return solver.__reduce__()[1]


def patched(raw: bytes, at: int, packed: bytes) -> bytes:
    return raw[:at] + packed + raw[at + len(packed) :]


def damages() -> Any:
    cls, raw, arrays = halfway()
    yield "fewer bytes", (cls, raw[:-1], arrays)
    yield "no bytes", (cls, b"", arrays)
    yield "another class", (LevenbergMarquardt, raw, arrays)
    yield "one array less", (cls, raw, arrays[:-1])
    for k, a in enumerate(arrays):
        yield f"array {k} short", (cls, raw, (*arrays[:k], a[:-1], *arrays[k + 1 :]))
        yield f"array {k} single", (cls, raw, (*arrays[:k], a.astype("f4"), *arrays[k + 1 :]))
    names = ("n", "maxfev", "ml", "mu", "nfev", "njev", "nit", "successes", "failures", "slow1",
             "slow2")  # fmt: skip
    for position, name in enumerate(names):
        yield f"{name}=-1", (cls, patched(raw, 8 * position, struct.pack("q", -1)), arrays)
        if name in ("n", "ml", "mu"):
            yield (
                f"{name}=2**61",
                (cls, patched(raw, 8 * position, struct.pack("q", 2**61)), arrays),
            )
    for position, name in ((0, "xtol"), (1, "epsfcn"), (2, "factor"), (5, "delta")):
        for value in (-1.0, np.nan):
            packed = struct.pack("d", value)
            yield f"{name}={value}", (cls, patched(raw, 88 + 8 * position, packed), arrays)
    for position, name in enumerate(
        ("task", "stage", "info", "mode", "jac", "jeval", "moved", "factored")
    ):
        for value in (-9, 77):
            packed = struct.pack("i", value)
            yield f"{name}={value}", (cls, patched(raw, 168 + 4 * position, packed), arrays)


@pytest.mark.parametrize("state", [pytest.param(s, id=name) for name, s in damages()])
def test_a_damaged_pickle_is_refused(state: tuple[Any, ...]) -> None:
    restore = solved("dense").__reduce__()[0]
    assert not restore(*halfway()).done
    with pytest.raises((ValueError, TypeError)):
        restore(*state)


def test_random_bytes_in_a_pickle_neither_crash_nor_hang() -> None:
    cls, raw, arrays = halfway()
    restore = solved("dense").__reduce__()[0]
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        at = int(rng.integers(len(raw)))
        try:
            solver = restore(cls, patched(raw, at, bytes([int(rng.integers(256))])), arrays)
        except ValueError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            for _ in range(200):
                if solver.done:
                    break
                solver.tell(answer(solver, solver.ask()))
        assert isinstance(solver.message, str)
    assert refused > 30
