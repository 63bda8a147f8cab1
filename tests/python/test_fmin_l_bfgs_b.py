"""`fmin_l_bfgs_b`: its page, argument by argument."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from fitcore.optimize import fmin_l_bfgs_b

# The line fit of the page: the sum of squares over t of (p0 t + p1 - y).
T = np.arange(0, 10, 1)
Y = 2 * T + 3


def func(p: np.ndarray, *args: Any) -> float:
    x, y = args
    m, b = p
    return float(sum(np.power(y - (m * x + b), 2)))


def fprime(p: np.ndarray, *args: Any) -> np.ndarray:
    x, y = args
    error = p[0] * x + p[1] - y
    return 2 * np.array([error @ x, error.sum()])


def both(p: np.ndarray, *args: Any) -> tuple[float, np.ndarray]:
    return func(p, *args), fprime(p, *args)


BOUNDS = [(0, 5), (5, 10)]
# with the intercept at its bound 5 the slope is sum(t (y - 5)) / sum(t^2) = 480 / 285
SLOPE = 480 / 285
LEAST = float(((SLOPE * T + 5 - Y) ** 2).sum())


def test_the_line_of_the_page_is_found_by_differences() -> None:
    x, f, d = fmin_l_bfgs_b(func, x0=np.array([0.0, 1.0]), args=(T, Y), approx_grad=True)
    np.testing.assert_allclose(x, [2, 3], atol=1e-6)
    assert f < 1e-10 and d["warnflag"] == 0


@pytest.mark.parametrize("form", ["func returns both", "fprime"])
def test_the_bounded_line_of_the_page_ends_at_the_true_minimum_with_a_gradient(form: str) -> None:
    if form == "fprime":
        x, f, d = fmin_l_bfgs_b(func, [0.0, 1.0], fprime, (T, Y), 0, BOUNDS)
    else:
        x, f, d = fmin_l_bfgs_b(both, [0.0, 1.0], args=(T, Y), bounds=BOUNDS)
    assert pytest.approx(1.684211, abs=1e-6) == SLOPE
    assert pytest.approx(11.578947, abs=1e-6) == LEAST
    np.testing.assert_allclose(x, [SLOPE, 5], rtol=1e-7)
    assert f == pytest.approx(LEAST, rel=1e-12)
    assert d["warnflag"] == 0
    np.testing.assert_allclose(d["grad"], fprime(x, T, Y))


def test_a_better_difference_step_reaches_the_true_minimum_of_the_page_too() -> None:
    x, f, _ = fmin_l_bfgs_b(
        func, [0.0, 1.0], args=(T, Y), approx_grad=True, bounds=BOUNDS, epsilon=1e-6
    )
    assert f == pytest.approx(LEAST, rel=1e-6)
    np.testing.assert_allclose(x, [SLOPE, 5], atol=1e-4)


def test_arguments_have_their_positions_and_defaults() -> None:
    import inspect

    given = inspect.signature(fmin_l_bfgs_b).parameters
    wanted = {
        "func": inspect.Parameter.empty, "x0": inspect.Parameter.empty, "fprime": None, "args": (),
        "approx_grad": 0, "bounds": None, "m": 10, "factr": 1e7, "pgtol": 1e-5, "epsilon": 1e-8,
        "iprint": -1, "maxfun": 15000, "maxiter": 15000, "disp": None, "callback": None,
        "maxls": 20,
    }  # fmt: skip
    assert {name: p.default for name, p in given.items()} == wanted
    assert list(given) == list(wanted)


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


START = [-1.2, 1.0, 0.5]


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3, -1e-3, 5.0, [1e-8, 0.5, 9.0]])
def test_differences_never_leave_the_bounds(epsilon: Any) -> None:
    lower, upper = np.array([-1.3, 0.2, -np.inf]), np.array([0.7, 1.0, 0.9])
    asked: list[np.ndarray] = []

    def fun(x: np.ndarray) -> float:
        asked.append(x.copy())
        return rosenbrock(x)[0]

    x, _, d = fmin_l_bfgs_b(
        fun, [-9.0, 9.0, 9.0], approx_grad=True, bounds=list(zip(lower, upper, strict=True)),
        epsilon=epsilon,
    )  # fmt: skip
    points = np.array(asked)
    assert (points >= lower).all() and (points <= upper).all()
    assert (x >= lower).all() and (x <= upper).all()
    assert d["funcalls"] == len(asked)


@pytest.mark.parametrize("limit", ["maxfun", "maxiter"])
@pytest.mark.parametrize("approx", [False, True])
def test_limits_give_warnflag_1_and_the_words_of_the_fortran(limit: str, approx: bool) -> None:
    fun: Any = (lambda x: rosenbrock(x)[0]) if approx else rosenbrock
    x, f, d = fmin_l_bfgs_b(fun, START, approx_grad=approx, **{limit: 7})
    words = {
        "maxfun": "STOP: TOTAL NO. of f AND g EVALUATIONS EXCEEDS LIMIT",
        "maxiter": "STOP: TOTAL NO. of ITERATIONS REACHED LIMIT",
    }
    assert (d["warnflag"], d["task"]) == (1, words[limit])
    assert d["nit"] == 7 if limit == "maxiter" else d["funcalls"] > 7
    assert f == rosenbrock(x)[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("after", [0, 3])
def test_nan_and_infinity_are_never_convergence(bad: float, after: int) -> None:
    calls = 0

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal calls
        calls += 1
        f, g = rosenbrock(x)
        return (bad, g) if calls > after else (f, g)

    x, f, d = fmin_l_bfgs_b(fun, START)
    assert d["warnflag"] == 2
    assert np.isfinite(x).all()
    if after:
        assert f == rosenbrock(x)[0] and (d["grad"] == rosenbrock(x)[1]).all()


def test_the_callback_gets_a_copy_of_each_iterate() -> None:
    points: list[np.ndarray] = []

    def callback(xk: np.ndarray) -> None:
        points.append(xk.copy())
        xk[:] = np.nan

    x, _, d = fmin_l_bfgs_b(rosenbrock, START, callback=callback)
    assert len(points) == d["nit"]
    assert (points[-1] == x).all()
    assert (x == fmin_l_bfgs_b(rosenbrock, START)[0]).all()


def test_stopiteration_from_the_callback_ends_the_run_with_warnflag_2() -> None:
    def callback(xk: np.ndarray) -> None:
        raise StopIteration

    x, _, d = fmin_l_bfgs_b(rosenbrock, START, callback=callback)
    assert (d["nit"], d["warnflag"], d["task"]) == (1, 2, "STOP: CALLBACK REQUESTED HALT")
    assert np.isfinite(x).all()


def test_a_fixed_variable_is_not_varied_and_its_derivative_is_not_known() -> None:
    asked: list[float] = []

    def fun(x: np.ndarray) -> float:
        asked.append(float(x[1]))
        return float(((x - 1) ** 2).sum())

    x, _, d = fmin_l_bfgs_b(
        fun, [3.0, 2.0, 2.0], approx_grad=True, bounds=[(0, 5), (2, 2), (0, None)]
    )
    np.testing.assert_allclose(x, [1, 2, 1], atol=1e-6)
    assert set(asked) == {2.0}
    assert np.isnan(d["grad"]).tolist() == [False, True, False]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_exceptions_of_the_users_functions_pass_unchanged(error: type[BaseException]) -> None:
    def bad(*args: Any) -> Any:
        raise error("mine")

    for case in (
        {"func": bad}, {"func": bad, "approx_grad": True},
        {"func": lambda x: 1.0, "fprime": bad}, {"func": rosenbrock, "callback": bad},
    ):  # fmt: skip
        with pytest.raises(error, match=r"^mine$"):
            fmin_l_bfgs_b(x0=START, **case)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"func": 3}, TypeError, "func must be callable"),
        ({"fprime": 3}, TypeError, "fprime must be callable"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"x0": []}, ValueError, "x0"),
        ({"x0": [1j]}, TypeError, "x0"),
        ({"x0": [np.nan, 1]}, ValueError, "x0 must be finite"),
        ({"bounds": [(0, 1)]}, ValueError, "length of x0 != length of bounds"),
        ({"bounds": [(2, 1)] * 3}, ValueError, "greater than an upper bound"),
        ({"bounds": [(np.nan, 1)] * 3}, ValueError, "bounds.*NaN"),
        ({"m": 0}, ValueError, "m=0"),
        ({"factr": -1}, ValueError, "factr"),
        ({"pgtol": -1}, ValueError, "pgtol"),
        ({"maxls": 0}, ValueError, "maxls=0 must be positive"),
        ({"maxfun": -1}, ValueError, "maxfun"),
        ({"maxiter": "x"}, TypeError, "maxiter"),
        ({"iprint": 1.5}, TypeError, "iprint must be an integer"),
        ({"disp": "x"}, TypeError, "disp must be an integer"),
        ({"approx_grad": True, "epsilon": np.nan}, ValueError, "epsilon must be finite"),
        ({"approx_grad": True, "epsilon": [1, 2]}, ValueError, "epsilon must be one number"),
        ({"func": lambda x: (np.ones(2), x)}, ValueError, "must return a scalar value"),
        ({"func": lambda x: (1.0, x[:2])}, ValueError, r"shape \(2,\), wanted \(3,\)"),
        ({"func": lambda x: (1.0, x * 1j)}, TypeError, "gradient"),
        ({"func": lambda x: 1.0}, TypeError, "pair"),
    ],
)
def test_bad_input_is_an_error_that_names_the_argument(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        fmin_l_bfgs_b(**{"func": rosenbrock, "x0": START, **arguments})


def test_x0_is_flattened_and_left_alone() -> None:
    start = np.array([[-1, 2], [1, 3]])
    before = start.copy()
    x, _, d = fmin_l_bfgs_b(rosenbrock, start, maxiter=100)
    assert x.shape == (4,) and d["warnflag"] == 0
    assert (start == before).all()
    assert fmin_l_bfgs_b(lambda x: (float(x[0] ** 2), 2 * x), 3)[0].shape == (1,)


def test_eight_threads_get_the_serial_bits() -> None:
    def solve() -> bytes:
        return fmin_l_bfgs_b(rosenbrock, np.full(200, -0.5), bounds=[(-1, 0.9)] * 200)[0].tobytes()

    expected, results = solve(), []
    threads = [threading.Thread(target=lambda: results.append(solve())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8
