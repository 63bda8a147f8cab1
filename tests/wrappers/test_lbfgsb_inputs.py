"""What LBFGSB does with arguments and answers that it cannot use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fitcore.lbfgsb import LBFGSB, MESSAGES

NAN, INF = np.nan, np.inf


class Box:
    def __init__(self, lb: Any, ub: Any) -> None:
        self.lb, self.ub = lb, ub


def sphere(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), 2 * x


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "x0 empty": ({"x0": []}, ValueError, "x0"),
    "x0 of two dimensions": ({"x0": np.ones((2, 2))}, ValueError, "x0"),
    "x0 NaN": ({"x0": [NAN, 1.0]}, ValueError, "x0 must be finite"),
    "x0 inf": ({"x0": [INF, 1.0]}, ValueError, "x0 must be finite"),
    "x0 complex": ({"x0": [1j, 1.0]}, TypeError, "x0"),
    "x0 text": ({"x0": "ab"}, TypeError, "x0"),
    "x0 None": ({"x0": [None, "a"]}, TypeError, "x0"),
    "m 0": ({"m": 0}, ValueError, "m=0"),
    "m negative": ({"m": -3}, ValueError, "m=-3"),
    "m a float": ({"m": 2.5}, TypeError, "m must be an integer"),
    "m beyond memory": ({"m": 2**61}, MemoryError, "m="),
    "factr negative": ({"factr": -1}, ValueError, "factr=-1"),
    "factr NaN": ({"factr": NAN}, ValueError, "factr=nan"),
    "factr text": ({"factr": "x"}, TypeError, "factr"),
    "pgtol negative": ({"pgtol": -1e-5}, ValueError, "pgtol"),
    "pgtol NaN": ({"pgtol": NAN}, ValueError, "pgtol"),
    "maxls 0": ({"maxls": 0}, ValueError, "maxls=0 must be positive"),
    "maxls negative": ({"maxls": -1}, ValueError, "maxls"),
    "maxls beyond an int": ({"maxls": 2**31}, ValueError, "maxls"),
    "too few bounds": ({"bounds": [(0, 1)]}, ValueError, "length of x0 != length of bounds"),
    "too many bounds": ({"bounds": [(0, 1)] * 3}, ValueError, "length of x0 != length of bounds"),
    "no bounds in a list": ({"bounds": []}, ValueError, "bounds must hold 2"),
    "lower above upper": ({"bounds": [(0, 1), (2, 1)]}, ValueError, r"bounds\[1\] = \(2.0, 1.0\)"),
    "NaN below": ({"bounds": [(NAN, 1), (0, 1)]}, ValueError, r"bounds\[0\].*NaN"),
    "NaN above": ({"bounds": [(0, 1), (0, NAN)]}, ValueError, r"bounds\[1\].*NaN"),
    "NaN in an array": ({"bounds": np.array([[0, 1], [NAN, 2]])}, ValueError, r"bounds\[1\].*NaN"),
    "NaN in lb": ({"bounds": Box([NAN, 0], 1)}, ValueError, r"bounds\[0\].*NaN"),
    "inf below": ({"bounds": [(INF, None), (0, 1)]}, ValueError, r"bounds\[0\].*no finite"),
    "-inf above": ({"bounds": [(0, 1), (None, -INF)]}, ValueError, r"bounds\[1\].*no finite"),
    "a triple": ({"bounds": [(0, 1, 2), (0, 1)]}, ValueError, r"bounds\[0\] must be a \(min"),
    "a number for a pair": ({"bounds": [0, 1]}, ValueError, r"bounds\[0\] must be a \(min"),
    "text for a pair": ({"bounds": ["ab", "cd"]}, ValueError, r"bounds\[0\] must be a \(min"),
    "text in a pair": ({"bounds": [("a", 1), (0, 1)]}, TypeError, r"bounds\[0\]"),
    "complex in a pair": ({"bounds": [(1j, 1), (0, 1)]}, TypeError, r"bounds\[0\]"),
    "bounds a number": ({"bounds": 3}, TypeError, "bounds must be a sequence"),
    "array by rows": ({"bounds": np.zeros((2, 3))}, ValueError, r"shape \(2, 2\).*got \(2, 3\)"),
    "lb of another length": ({"bounds": Box([0, 0, 0], 1)}, ValueError, "bounds.lb must have"),
    "ub text": ({"bounds": Box(0, "x")}, TypeError, "bounds.ub"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_bad_argument_is_an_error_that_names_it(name: str) -> None:
    arguments, error, text = BAD_ARGUMENTS[name]
    with pytest.raises(error, match=text):
        LBFGSB(**{"x0": [1.0, 2.0], **arguments})


def test_a_failed_init_leaves_a_solver_as_it_was() -> None:
    solver = LBFGSB([3.0, 4.0], m=3).run(sphere, maxiter=1)
    before = repr(solver), solver.x.tobytes()
    for arguments, error, _ in BAD_ARGUMENTS.values():
        with pytest.raises(error):
            solver.__init__(**{"x0": [1.0, 2.0], **arguments})  # type: ignore[misc]
    assert (repr(solver), solver.x.tobytes()) == before


BAD_ANSWERS: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "f a vector": (np.ones(2), np.ones(2), ValueError, "must return a scalar value"),
    "f empty": ([], np.ones(2), ValueError, "must return a scalar value"),
    "f ragged": ([[1], [1, 2]], np.ones(2), ValueError, "must return a scalar value"),
    "f None": (None, np.ones(2), TypeError, "real number"),
    "f complex": (1j, np.ones(2), TypeError, "real number"),
    "f text": ("1.0", np.ones(2), TypeError, "real number"),
    "g too short": (1.0, np.ones(1), ValueError, r"shape \(1,\), wanted \(2,\)"),
    "g too long": (1.0, np.ones(3), ValueError, r"shape \(3,\), wanted \(2,\)"),
    "g a number": (1.0, 1.0, ValueError, r"shape \(\), wanted \(2,\)"),
    "g a matrix": (1.0, np.ones((2, 2)), ValueError, r"shape \(2, 2\)"),
    "g complex": (1.0, np.ones(2) * 1j, TypeError, "gradient"),
    "g text": (1.0, ["a", "b"], TypeError, "gradient"),
    "g None": (1.0, None, TypeError, "gradient"),
    "g ragged": (1.0, [[1], [1, 2]], TypeError, "gradient"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_an_error_and_the_run_can_go_on(name: str) -> None:
    f, g, error, text = BAD_ANSWERS[name]
    solver = LBFGSB([3.0, 4.0])
    with pytest.raises(error, match=text):
        solver.run(lambda x: (f, g))
    with pytest.raises(error, match=text):
        solver.run(lambda x: f, jac=lambda x: g)
    with pytest.raises(error, match=text):
        solver.tell(f, g)
    assert solver.run(sphere).success


@pytest.mark.parametrize("value", [3.0, 3, True, np.float32(3), np.array(3.0), np.array([[3.0]])])
def test_one_number_of_any_kind_is_a_value(value: Any) -> None:
    solver = LBFGSB([3.0, 4.0])
    solver.tell(value, [1.0, 1.0])
    assert solver.f == float(np.asarray(value).item())


@pytest.mark.parametrize("wrong", [1.0, (1.0,), (1.0, [1.0, 1.0], 2), None, np.ones(2)])
def test_a_function_must_return_a_pair_when_jac_is_true(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"pair \(f, g\)"):
        LBFGSB([3.0, 4.0]).run(lambda x: wrong)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"fun": 3}, TypeError, "fun must be callable"),
        ({"jac": "2-point"}, TypeError, "jac must be True or a callable"),
        ({"jac": False}, TypeError, "jac must be True or a callable"),
        ({"args": 3}, TypeError, "args must be a tuple"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"trace": 3}, TypeError, "trace must be callable"),
        ({"maxiter": -1}, ValueError, "maxiter"),
        ({"maxfun": 1.5}, TypeError, "maxfun"),
    ],
)
def test_a_bad_argument_of_run_is_named(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        LBFGSB([3.0, 4.0]).run(**{"fun": sphere, **arguments})


@pytest.mark.parametrize(
    ("f", "g"),
    [(NAN, [1.0, 1.0]), (INF, [1.0, 1.0]), (-INF, [1.0, 1.0]), (1.0, [NAN, 1.0]),
     (1.0, [1.0, NAN]), (1.0, [INF, 0.0]), (1.0, [0.0, -INF]), (1.0, [NAN, NAN])],
)  # fmt: skip
@pytest.mark.parametrize("bounds", [None, [(0, 3), (None, 4)], [(3, 3), (4, 4)]])
def test_nan_or_infinity_at_the_start_is_no_convergence(f: float, g: Any, bounds: Any) -> None:
    solver = LBFGSB([3.0, 4.0], bounds)
    solver.tell(f, g)
    assert solver.done and not solver.success
    assert solver.message == MESSAGES[4]
    assert solver.x.tolist() == [3.0, 4.0] and solver.nit == 0


@pytest.mark.parametrize("what", ["f", "f infinite", "g", "g infinite", "one of g"])
@pytest.mark.parametrize("bounded", [False, True])
def test_nan_beyond_a_wall_is_backed_away_from(what: str, bounded: bool) -> None:
    def wall(x: np.ndarray) -> tuple[float, np.ndarray]:
        """The minimum at 0.5 lies just inside; the first steps land beyond."""
        f, g = float(((x - 0.5) ** 4).sum()), 4 * (x - 0.5) ** 3
        if (x < 0.2).any():
            bad = INF if "infinite" in what else NAN
            if what.startswith("f"):
                f = bad
            else:
                g[: 1 if what == "one of g" else None] = bad
        return f, g

    bounds = [(-5, 5)] * 3 if bounded else None
    solver = LBFGSB([3.0, 2.0, 4.0], bounds).run(wall)
    assert np.isfinite(solver.f) and np.isfinite(solver.x).all() and np.isfinite(solver.g).all()
    assert solver.f == wall(solver.x)[0]
    if solver.success:
        assert np.abs(solver.g).max() < 1e-4


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_nan_everywhere_but_at_the_start_is_no_convergence(bad: float) -> None:
    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        if (x == [3.0, 4.0]).all():
            return sphere(x)
        return bad, np.full(2, bad)

    solver = LBFGSB([3.0, 4.0]).run(fun)
    assert not solver.success and solver.message == MESSAGES[3]
    assert solver.x.tolist() == [3.0, 4.0] and solver.f == 25.0 and solver.g.tolist() == [6.0, 8.0]


@pytest.mark.parametrize("maxls", [1, 5, 20])
def test_a_gradient_of_the_wrong_sign_ends_as_a_failed_line_search(maxls: int) -> None:
    solver = LBFGSB([3.0, 4.0], maxls=maxls).run(lambda x: (float(x @ x), -2 * x))
    assert solver.message == "ABNORMAL_TERMINATION_IN_LNSRCH" and solver.nit == 0
    assert solver.x.tolist() == [3.0, 4.0] and solver.g.tolist() == [-6.0, -8.0]
    assert solver.nfev == maxls + 1
