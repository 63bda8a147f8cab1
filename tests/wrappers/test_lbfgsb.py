"""LBFGSB: asking and telling, running, stopping, what it says about itself."""

from __future__ import annotations

import doctest
import importlib
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from fitcore.lbfgsb import LBFGSB, MESSAGES

START = np.array([-1.2, 1.0, 0.3, 2.0])
BOUNDS = [(None, 0.9), (-1.0, None), (0.0, 0.6), (None, None)]


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


def value(x: np.ndarray) -> float:
    return rosenbrock(x)[0]


def gradient(x: np.ndarray) -> np.ndarray:
    return rosenbrock(x)[1]


def projected(g: np.ndarray, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Norm of the projected gradient, from its definition: x - P(x - g)."""
    return float(np.abs(x - np.clip(x - g, lower, upper)).max())


def told(**options: Any) -> LBFGSB:
    solver = LBFGSB(START, BOUNDS, **options)
    while not solver.done:
        solver.tell(*rosenbrock(solver.ask()))
    return solver


def test_every_example_in_the_docstrings_runs_as_printed() -> None:
    module = importlib.import_module("fitcore.lbfgsb")
    runner = doctest.DocTestRunner(verbose=False)
    examples = 0
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, "lbfgsb", module=False):
        examples += len(test.examples)
        runner.run(test)
    assert runner.failures == 0
    assert examples >= 8


def test_asking_and_telling_evaluates_the_points_that_running_does() -> None:
    asked: list[bytes] = []

    def noting(x: np.ndarray) -> tuple[float, np.ndarray]:
        asked.append(x.tobytes())
        return rosenbrock(x)

    run = LBFGSB(START, BOUNDS).run(noting)
    solver = LBFGSB(START, BOUNDS)
    points = []
    while not solver.done:
        assert solver.ask().tobytes() == solver.ask().tobytes()
        points.append(solver.ask().tobytes())
        solver.tell(*rosenbrock(solver.ask()))
    assert points == asked
    assert len(points) == solver.nfev == run.nfev
    assert (solver.x == run.x).all() and (solver.g == run.g).all()
    assert (solver.f, solver.nit, solver.message) == (run.f, run.nit, run.message)


def test_value_and_gradient_may_come_from_two_functions_with_arguments() -> None:
    def f(x: np.ndarray, k: float) -> float:
        return k * value(x)

    def g(x: np.ndarray, k: float) -> np.ndarray:
        return k * gradient(x)

    one = LBFGSB(START, BOUNDS).run(lambda x, k: (f(x, k), g(x, k)), (2.0,))
    two = LBFGSB(START, BOUNDS).run(f, (2.0,), g)
    assert (one.x == two.x).all() and one.nfev == two.nfev


def test_between_two_answers_x_f_and_g_are_those_of_the_last_iterate() -> None:
    solver = LBFGSB(START, BOUNDS)
    assert np.isnan(solver.f) and solver.g is None
    assert np.isnan(solver.projected_gradient_norm)
    trials, best = 0, np.inf
    while not solver.done:
        x = solver.ask()
        solver.tell(*rosenbrock(x))
        f, g = rosenbrock(solver.x)
        assert solver.f == f and (solver.g == g).all()
        assert solver.f <= best
        best = solver.f
        norm = projected(g, solver.x, solver.lower, solver.upper)
        assert solver.projected_gradient_norm == pytest.approx(norm, rel=1e-12, abs=1e-300)
        trials += (x != solver.x).any()
    assert trials > 0  # a line search took more than one evaluation


def test_active_are_the_variables_at_their_bounds() -> None:
    solver = LBFGSB(START, [(None, 0.5), (0.4, None), (0.0, 0.1), (None, None)]).run(rosenbrock)
    x, lower, upper = solver.x, solver.lower, solver.upper
    assert (lower <= x).all() and (x <= upper).all()
    assert solver.active.tolist() == np.flatnonzero((x == lower) | (x == upper)).tolist()
    assert solver.active.size > 0
    assert LBFGSB(START).run(rosenbrock).active.size == 0


def test_the_start_is_projected_into_the_bounds() -> None:
    solver = LBFGSB([5.0, -5.0, 0.5], [(0, 1), (-1, None), (None, None)])
    assert solver.ask().tolist() == [1.0, -1.0, 0.5]
    assert solver.x.tolist() == [1.0, -1.0, 0.5]


class Box:
    def __init__(self, lb: Any, ub: Any) -> None:
        self.lb, self.ub = lb, ub


INF = np.inf
SAME_BOUNDS = {
    "pairs": [(None, 0.9), (-1.0, None), (0.0, 0.6), (None, None)],
    "infinities": [(-INF, 0.9), (-1.0, INF), (0.0, 0.6), (-INF, INF)],
    "lists": [[None, 0.9], [-1, None], [0, 0.6], [None, None]],
    "numpy numbers": [(None, np.float32(0.5)), (np.int64(-1), None), (0, 0.6), (None, None)],
    "array": np.array([[-INF, 0.9], [-1, INF], [0, 0.6], [-INF, INF]]),
    "array of objects": np.array(BOUNDS, dtype=object),
    "array by columns": np.array([[-INF, -1, 0, -INF], [0.9, INF, 0.6, INF]]).T,
    "generator": zip([None, -1, 0, None], [0.9, None, 0.6, None], strict=True),
    "lb and ub": Box([-INF, -1, 0, -INF], [0.9, INF, 0.6, INF]),
}


@pytest.mark.parametrize("form", SAME_BOUNDS)
def test_bounds_in_every_form_mean_the_same(form: str) -> None:
    solver = LBFGSB(START, SAME_BOUNDS[form])
    upper = [0.5 if form == "numpy numbers" else 0.9, INF, 0.6, INF]
    assert solver.lower.tolist() == [-INF, -1.0, 0.0, -INF]
    assert solver.upper.tolist() == upper


def test_one_number_bounds_all_variables_in_an_object_with_lb_and_ub() -> None:
    solver = LBFGSB(START, Box(-1, [2, 2, 2, 3]))
    assert solver.lower.tolist() == [-1.0] * 4
    assert solver.upper.tolist() == [2.0, 2.0, 2.0, 3.0]


def test_bounds_are_copied() -> None:
    lower, upper = np.zeros(4), np.ones(4)
    pairs = np.stack([lower, upper], axis=1)
    box, table = LBFGSB(START, Box(lower, upper)), LBFGSB(START, pairs)
    lower[:], pairs[:] = 7, 7
    box.lower[:] = 9
    assert box.lower.tolist() == table.lower.tolist() == [0.0] * 4


def test_equal_bounds_fix_a_variable() -> None:
    solver = LBFGSB([9.0, 0.0], [(0.5, 0.5), (None, None)]).run(rosenbrock)
    assert solver.x[0] == 0.5
    assert solver.x[1] == pytest.approx(0.25, abs=1e-6)
    assert LBFGSB([9.0, 0.0], [(0.5, 0.5), (1, 1)]).run(rosenbrock).nfev == 1


def test_what_is_handed_out_is_a_copy() -> None:
    solver = LBFGSB(START, BOUNDS)
    for _ in range(5):
        solver.tell(*rosenbrock(solver.ask()))
    before = solver.__reduce__()[1][2]
    state = [a.tobytes() for a in before]
    for array in (solver.ask(), solver.x, solver.g, *solver.corrections(), solver.active):
        array[...] = 3
    assert [a.tobytes() for a in solver.__reduce__()[1][2]] == state


def test_a_function_that_writes_into_x_or_keeps_it_does_not_disturb_the_run() -> None:
    kept: list[np.ndarray] = []
    copies: list[np.ndarray] = []

    def rude(x: np.ndarray) -> tuple[float, np.ndarray]:
        result = rosenbrock(x)
        if len(kept) % 3 == 0:
            x[:] = np.nan
        kept.append(x)
        copies.append(x.copy())
        return result

    expected = LBFGSB(START, BOUNDS).run(rosenbrock)
    solver = LBFGSB(START, BOUNDS).run(rude)
    assert (solver.x == expected.x).all() and solver.nfev == expected.nfev
    for a, b in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_function_may_use_one_gradient_array_again_and_again() -> None:
    buffer = np.empty(4)

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        f, buffer[:] = rosenbrock(x)
        return f, buffer

    def returns_x(x: np.ndarray) -> tuple[float, np.ndarray]:
        f, x[:] = rosenbrock(x)
        return f, x

    expected = LBFGSB(START, BOUNDS).run(rosenbrock)
    for function in (fun, returns_x):
        solver = LBFGSB(START, BOUNDS).run(function, callback=lambda s: buffer.fill(np.nan))
        assert (solver.x == expected.x).all() and solver.nfev == expected.nfev
    told_from_one = LBFGSB(START, BOUNDS)
    while not told_from_one.done:
        told_from_one.tell(*fun(told_from_one.ask()))
        buffer.fill(np.nan)
    assert (told_from_one.x == expected.x).all()


@pytest.mark.parametrize(
    "dtype", [np.float32, np.longdouble, list, "strided", "column", "readonly"]
)
def test_gradients_of_other_kinds_are_converted(dtype: Any) -> None:
    def kind(g: np.ndarray) -> Any:
        if dtype is list:
            return g.tolist()
        if dtype == "strided":
            return np.repeat(g, 2)[::2]
        if dtype == "column":
            return g.reshape(-1, 1)
        if dtype == "readonly":
            g.flags.writeable = False
            return g
        return g.astype(dtype)

    def fun(x: np.ndarray) -> tuple[float, Any]:
        return float(((x - 2) ** 2).sum()), kind(2 * (x - 2))

    solver = LBFGSB(np.array([5.0, 6.0, 7.0])).run(fun)
    assert solver.x.round(3).tolist() == [2.0, 2.0, 2.0]


def test_trace_sees_the_start_and_each_iteration_and_callback_each_iteration() -> None:
    seen: list[tuple[str, int, float]] = []
    solver = LBFGSB(START, BOUNDS).run(
        rosenbrock,
        trace=lambda s: seen.append(("trace", s.nit, s.f)),
        callback=lambda s: seen.append(("callback", s.nit, s.f)),
    )
    assert seen[0] == ("trace", 0, rosenbrock(np.clip(START, solver.lower, solver.upper))[0])
    assert [k for _, k, _ in seen[1::2]] == list(range(1, solver.nit + 1))
    assert {name for name, _, _ in seen[2::2]} == {"callback"}
    assert [f for _, _, f in seen] == sorted((f for _, _, f in seen), reverse=True)


@pytest.mark.parametrize("how", ["true", "StopIteration", "stop"])
def test_a_callback_can_stop_the_run(how: str) -> None:
    def callback(solver: LBFGSB) -> bool:
        if solver.nit == 3:
            if how == "StopIteration":
                raise StopIteration
            if how == "stop":
                solver.stop("enough")
                return False
            return True
        return False

    solver = LBFGSB(START).run(rosenbrock, callback=callback)
    assert solver.done and solver.nit == 3 and solver.info == 5 and not solver.success
    words = "enough" if how == "stop" else "STOP: CALLBACK REQUESTED HALT"
    assert solver.message == words
    assert solver.f == rosenbrock(solver.x)[0]


@pytest.mark.parametrize(("limit", "words"), [("maxiter", "ITERATIONS"), ("maxfun", "EVALUATIONS")])
def test_limits_are_looked_at_after_an_iteration(limit: str, words: str) -> None:
    solver = LBFGSB(START).run(rosenbrock, **{limit: 6})
    assert words in solver.message and solver.info == 5
    assert solver.nit == 6 if limit == "maxiter" else solver.nfev == 7
    assert solver.f == rosenbrock(solver.x)[0]
    assert (solver.g == rosenbrock(solver.x)[1]).all()


def test_stopped_within_a_line_search_it_is_at_the_last_iterate() -> None:
    solver = LBFGSB(START, BOUNDS)
    stopped = 0
    for evaluations in range(1, 25):
        solver = LBFGSB(START, BOUNDS)
        for _ in range(evaluations):
            solver.tell(*rosenbrock(solver.ask()))
        before = solver.x
        solver.stop()
        assert solver.done and (solver.x == before).all()
        assert solver.f == rosenbrock(solver.x)[0] and (solver.g == rosenbrock(solver.x)[1]).all()
        assert solver.message == MESSAGES[5]
        stopped += 1
    assert stopped == 24


def test_a_function_that_stops_the_solver_ends_the_run_there() -> None:
    solver = LBFGSB(START)

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        if solver.nfev == 4:
            solver.stop("enough")
        return rosenbrock(x)

    solver.run(fun)
    assert (solver.nfev, solver.message) == (4, "enough")
    assert solver.f == rosenbrock(solver.x)[0]


def test_a_run_broken_off_in_the_last_callback_is_seen_to_be_finished() -> None:
    last = LBFGSB(START, BOUNDS).run(rosenbrock).nit

    def callback(solver: LBFGSB) -> None:
        if solver.nit == last:
            raise KeyError("mine")

    solver = LBFGSB(START, BOUNDS)
    with pytest.raises(KeyError):
        solver.run(rosenbrock, callback=callback)
    assert solver.task == "new_x"
    assert solver.done and solver.success


def test_a_finished_solver_has_nothing_to_ask_and_stays_finished() -> None:
    solver = told()
    message = solver.message
    for action in (solver.ask, lambda: solver.tell(1.0, np.zeros(4))):
        with pytest.raises(RuntimeError, match="finished"):
            action()
    solver.stop("late")
    assert solver.message == message
    assert solver.run(rosenbrock) is solver


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_at_once_and_the_run_can_go_on(error: type[BaseException]) -> None:
    calls = 0

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise error("mine")
        return rosenbrock(x)

    def callback(solver: LBFGSB) -> None:
        nonlocal calls
        if calls == 9:
            calls += 1
            raise error("mine too")

    solver = LBFGSB(START, BOUNDS)
    for _ in range(2):
        with pytest.raises(error, match="mine"):
            solver.run(fun, callback=callback)
    solver.run(fun, callback=callback)
    expected = LBFGSB(START, BOUNDS).run(rosenbrock)
    assert (solver.x == expected.x).all() and solver.nfev == expected.nfev


def test_a_running_solver_refuses_another_driver() -> None:
    solver = LBFGSB(START)
    actions = [
        lambda: solver.run(rosenbrock), solver.ask, lambda: solver.tell(1.0, START),
        lambda: solver.__init__(START),
    ]  # fmt: skip
    refused = 0

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal refused
        for action in actions:
            with pytest.raises(RuntimeError, match="already running"):
                action()
            refused += 1
        return rosenbrock(x)

    assert solver.run(fun).success
    assert refused == 4 * solver.nfev


def test_a_solver_never_set_up_says_so() -> None:
    bare = LBFGSB.__new__(LBFGSB)
    for action in (
        bare.ask, lambda: bare.tell(1.0, []), lambda: bare.run(rosenbrock), bare.stop,
        bare.corrections, lambda: bare.x, lambda: bare.g, lambda: bare.active,
        lambda: bare.lower, bare.__reduce__, bare.free_set_changes,
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="not been set up"):
            action()
    assert "LBFGSB" in repr(bare)


@pytest.mark.parametrize("m", [1, 3, 10])
def test_corrections_are_the_last_steps_in_the_order_they_were_made(m: int) -> None:
    iterates: list[tuple[np.ndarray, np.ndarray]] = []
    solver = LBFGSB(START, m=m).run(
        rosenbrock, trace=lambda s: iterates.append((s.x, s.g)), maxiter=25
    )
    s, y = solver.corrections()
    assert s.shape == y.shape == (m, 4)
    assert solver.details["skipped"] == 0 and solver.restarts == 0
    xs, gs = (np.array(a) for a in zip(*iterates, strict=True))
    # the pair of the last iteration is not taken in before the next one begins
    np.testing.assert_allclose(s, np.diff(xs, axis=0)[-m - 1 : -1], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(y, np.diff(gs, axis=0)[-m - 1 : -1], rtol=1e-9, atol=1e-13)


def test_threads_get_the_bits_of_a_serial_run() -> None:
    n = 3000  # large enough for the core to give up the GIL
    a = np.linspace(1, 50, n)

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(a @ (x - 1) ** 4), 4 * a * (x - 1) ** 3

    def solve() -> bytes:
        bounds = [(None, 0.9)] * (n // 2) + [(None, None)] * (n // 2)
        return LBFGSB(np.linspace(-2, 3, n), bounds).run(fun).x.tobytes()

    expected = solve()
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(solve())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


def test_a_second_thread_is_refused_and_may_stop_the_first_but_not_disturb_it() -> None:
    n = 200_000
    a = np.linspace(1, 50, n)

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        begun.set()
        return float(a @ (x - 1) ** 4), 4 * a * (x - 1) ** 3

    for _ in range(5):
        begun = threading.Event()
        solver = LBFGSB(np.linspace(-2, 3, n))
        thread = threading.Thread(target=solver.run, args=(fun,))
        thread.start()
        begun.wait()
        refused = 0
        while solver.nit < 3 and not solver.done:
            try:
                solver.tell(0.0, np.zeros(n))
            except RuntimeError:
                refused += 1
        solver.stop("enough")
        thread.join()
        assert solver.done and solver.message == "enough" and refused > 0
        assert solver.f == fun(solver.x)[0] and (solver.g == fun(solver.x)[1]).all()


def test_a_solver_and_its_arrays_are_freed_after_exceptions_too() -> None:
    class Token:
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            if len(seen) == 7:
                raise KeyError("stop")
            g = rosenbrock(x)[1]
            seen.append(weakref.ref(g))
            return rosenbrock(x)[0], g

    seen: list[Any] = []
    token = Token()
    solver = LBFGSB(START)
    with pytest.raises(KeyError):
        solver.run(token)
    gone = weakref.ref(token)
    del token
    assert gone() is None
    del solver
    assert [ref() for ref in seen] == [None] * 7
