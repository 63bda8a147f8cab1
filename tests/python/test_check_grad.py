"""check_grad and approx_fprime give what SciPy's give, and say what is wrong with bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import originals
import pytest

from fitcore.optimize import approx_fprime, check_grad


@pytest.fixture(scope="module")
def scipy_optimize() -> Any:
    return originals.require_peer("scipy.optimize")


def rosenbrock(x: np.ndarray) -> float:
    return float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)


def gradient(x: np.ndarray) -> np.ndarray:
    slope = 200 * (x[1] - x[0] ** 2)
    return np.array([-2 * x[0] * slope - 2 * (1 - x[0]), slope])


FUNCTIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "a number": rosenbrock,
    "an integer": lambda x: 3,
    "a vector": lambda x: np.array([x[0] * x[1], np.sin(x[1]), x[0] ** 3]),
    "a vector of one": lambda x: np.array([x[0] * x[1]]),
    "a list": lambda x: [x[0], x[1] ** 2],
    "float32": lambda x: (x**2).astype("f4"),
    "NaN": lambda x: np.nan * x[0],
}
POINTS: dict[str, Any] = {
    "list": [1.5, -0.3], "integers": [2, -3], "zero": [0.0, 0.0], "huge": [1e10, -2e10],
    "float32": np.array([1.5, -0.3], "f4"),
}  # fmt: skip
STEPS: dict[str, Any] = {
    "default": 2.0**-26, "long": 1e-3, "back": -1e-3, "of each": [1e-3, 1e-5], "zero": 0.0,
    "too short": 1e-300,
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("x", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_approx_fprime_is_scipys_bit_for_bit(scipy_optimize: Any, f: Any, x: Any, step: Any):
    ours, theirs = approx_fprime(x, f, step), scipy_optimize.approx_fprime(x, f, step)
    assert ours.dtype == np.float64
    np.testing.assert_array_equal(ours, theirs, strict=True)


def test_args_reach_the_function():
    slope = approx_fprime([1.0, 2.0], lambda x, a, b: a * x[0] + b * x[1], 0.5, 3.0, 4.0)
    np.testing.assert_array_equal(slope, [3.0, 4.0])
    assert check_grad(lambda x, a: a * x @ x, lambda x, a: 2 * a * x, [1.0, 2.0], 3.0) < 1e-6


def test_the_function_may_write_into_its_argument():
    def f(x: np.ndarray) -> float:
        value = rosenbrock(x)
        x[:] = np.nan
        return value

    x = np.array([0.4, 1.2])
    np.testing.assert_array_equal(approx_fprime(x, f), approx_fprime(x, rosenbrock))
    np.testing.assert_array_equal(x, [0.4, 1.2])


@pytest.mark.parametrize("epsilon", [2.0**-26, 1e-4, 1e-1])
def test_check_grad_is_scipys(scipy_optimize: Any, epsilon: float):
    x = [-1.2, 0.9]
    for func, grad in (
        (rosenbrock, gradient),
        (lambda x: x**3, lambda x: np.diag(3 * x**2)),
    ):
        ours = check_grad(func, grad, x, epsilon=epsilon)
        assert ours == scipy_optimize.check_grad(func, grad, x, epsilon=epsilon)
        assert isinstance(ours, np.float64)


def random_sources() -> list[dict[str, Any]]:
    return [
        {"rng": 1},
        {"rng": np.random.default_rng(5)},
        {"seed": 1},
        {"seed": np.random.RandomState(3)},
    ]


@pytest.mark.parametrize("k", range(4))
def test_random_directions_are_scipys(scipy_optimize: Any, k: int):
    given, again = random_sources()[k], random_sources()[k]
    ours = check_grad(rosenbrock, gradient, [-1.2, 0.9], direction="random", **given)
    theirs = scipy_optimize.check_grad(
        rosenbrock, gradient, [-1.2, 0.9], direction="random", **again
    )
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_wrong_gradient_shows_in_every_direction():
    def wrong(x: np.ndarray) -> np.ndarray:
        return np.add(gradient(x), [1.0, 0.0])

    assert check_grad(rosenbrock, wrong, [-1.2, 0.9]) == pytest.approx(1.0, abs=1e-4)
    along = np.random.default_rng(2).standard_normal(2)
    error = check_grad(rosenbrock, wrong, [-1.2, 0.9], direction="random", rng=2)
    assert error == pytest.approx(abs(along[0]), abs=1e-4)


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "f": (lambda: approx_fprime([1.0], 3), TypeError, "f must be callable"),  # type: ignore[arg-type]
    "xk of two dimensions": (lambda: approx_fprime([[1.0]], len), ValueError, "xk .*dimension"),
    "xk complex": (lambda: approx_fprime([1j], len), TypeError, "xk must be"),  # type: ignore[list-item]
    "xk a string": (lambda: approx_fprime("a", len), TypeError, "xk must be"),
    "epsilon of another length": (lambda: approx_fprime([1.0], len, [1, 2]), ValueError, "epsilon"),
    "epsilon NaN": (lambda: approx_fprime([1.0], len, np.nan), ValueError, "epsilon"),
    "epsilon a string": (lambda: approx_fprime([1.0], len, "a"), TypeError, "epsilon"),
    "None": (lambda: approx_fprime([1.0], lambda x: None), TypeError, "must return real"),
    "a string": (lambda: approx_fprime([1.0], lambda x: "a"), TypeError, "must return real"),
    "complex": (lambda: approx_fprime([1.0], lambda x: 1j), TypeError, "must return real"),
    "ragged": (lambda: approx_fprime([1.0], lambda x: [1, [2, 3]]), TypeError, "must return real"),
    "a matrix": (lambda: approx_fprime([1.0], lambda x: np.ones((2, 2))), ValueError, "vector"),
    "another length": (
        lambda: approx_fprime([1.0], lambda x: np.ones(2 if x[0] == 1 else 3)),
        ValueError,
        "2 numbers before and 3 now",
    ),
    "func": (lambda: check_grad(3, gradient, [1.0]), TypeError, "func must"),  # type: ignore[arg-type]
    "grad": (lambda: check_grad(len, 3, [1.0]), TypeError, "grad must"),  # type: ignore[arg-type]
    "direction": (
        lambda: check_grad(rosenbrock, gradient, [1, 2], direction="up"),
        ValueError,
        "'up' is not a valid string",
    ),
    "random vector": (
        lambda: check_grad(lambda x: x, np.diag, [1, 2], direction="random"),
        ValueError,
        "scalar valued",
    ),
    "rng and seed": (
        lambda: check_grad(rosenbrock, gradient, [1, 2], direction="random", rng=1, seed=2),
        TypeError,
        "both rng and seed",
    ),
    "seed": (
        lambda: check_grad(rosenbrock, gradient, [1, 2], direction="random", seed="a"),
        ValueError,
        "seed must",
    ),
    "short gradient": (
        lambda: check_grad(rosenbrock, lambda x: np.ones(3), [1, 2]),
        ValueError,
        r"shape \(2,\).*\(3,\)",
    ),
    "scalar gradient": (lambda: check_grad(rosenbrock, len, [1, 2]), ValueError, "shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str):
    call, kind, match = BAD[name]
    with pytest.raises(kind, match=match):
        call()
