"""`BoundedLevenbergMarquardt` finds minima inside a box, and nothing outside is ever evaluated."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from bounded_box import Box, boxes, projected_cosine
from decay import SCHEMES, START, answer, each_scheme, fingerprint, finish, jac_for, residual
from problems import CASES, Case

from fitcore._bounded_lm import BoundedLevenbergMarquardt
from fitcore.minpack import LevenbergMarquardt

BOXES = list(boxes())
LOWER, UPPER = [0.0, -np.inf, 0.2], [2.5, np.inf, 1.0]  # the free solution is (2.99, 2.04, 0.00)


# Without active bounds ----------------------------------------------------------------------------


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs", "analytic"])
@pytest.mark.parametrize("case", CASES[::2], ids=[c.id for c in CASES[::2]])
def test_without_bounds_the_path_is_minpacks_bit_for_bit(case: Case, jac: str) -> None:
    p = case.problem
    derivative = p.jacobian if jac == "analytic" else None
    solvers = []
    for kind in (LevenbergMarquardt, BoundedLevenbergMarquardt):
        try:
            solvers.append(kind(case.start, jac=jac).run(p.residual, jac=derivative))
        except TypeError:  # a residual that takes no complex numbers
            solvers.append(None)
    free, bounded = solvers
    if free is None or bounded is None:
        assert free is bounded
        return
    assert bounded.x.tobytes() == free.x.tobytes()
    assert (bounded.info, bounded.nfev, bounded.njev) == (free.info, free.nfev, free.njev)


def test_bounds_that_are_never_met_change_nothing() -> None:
    free = LevenbergMarquardt(START).run(residual)
    bounded = BoundedLevenbergMarquardt(START, [0, 0, -1], [50, 50, 50]).run(residual)
    assert fingerprint(bounded) == fingerprint(free)


# With bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("jac", ["analytic", "2-point", "3-point"])
@pytest.mark.parametrize("box", BOXES, ids=[b.name for b in BOXES])
def test_no_point_outside_the_box_is_evaluated(box: Box, jac: str) -> None:
    def f(x: np.ndarray) -> np.ndarray:
        assert ((box.lower <= x) & (x <= box.upper)).all()
        return box.problem.residual(x)

    derivative = box.problem.jacobian if jac == "analytic" else None
    start = box.problem.start()
    solver = BoundedLevenbergMarquardt(start, box.lower, box.upper, jac=jac)
    solver.run(f, jac=derivative)
    assert solver.fnorm <= np.linalg.norm(box.problem.residual(start))


def test_a_straight_line_has_the_solution_of_its_conditions() -> None:
    # minimum of |A x - b| in the box, by its Karush-Kuhn-Tucker conditions
    rng = np.random.default_rng(7)
    for _ in range(200):
        m, n = int(rng.integers(4, 12)), int(rng.integers(1, 5))
        a, b = rng.normal(size=(m, n)) * 10 ** rng.uniform(-3, 3, n), rng.normal(size=m)
        lower = rng.normal(size=n)
        upper = lower + rng.exponential(size=n)
        start = lower + (upper - lower) * rng.choice([0, 0.3, 1], n)
        solver = BoundedLevenbergMarquardt(start, lower, upper, jac="analytic", gtol=1e-12)
        solver.run(lambda x, a=a, b=b: a @ x - b, jac=lambda x, a=a: a)
        f = a @ solver.x - b
        box = Box(None, lower, upper, "")  # type: ignore[arg-type]
        assert solver.success
        assert projected_cosine(solver.x, f, a, box) < 1e-9


def test_a_start_in_a_corner_leaves_it() -> None:
    solver = BoundedLevenbergMarquardt([0.0, 5.0], [0, -5], [10, 5])
    solver.run(lambda x: np.array([x[0] - 3, x[1] + 2, 0.1 * x[0] * x[1]]))
    assert solver.place.tolist() == [0, 0]
    assert np.abs(solver.x - [3, -2]).max() < 0.2


def test_a_bound_met_on_the_way_is_left_again() -> None:
    # Rosenbrock's valley bends along the bound x1 >= -1.2 before it leads away from it
    solver = BoundedLevenbergMarquardt([-1.2, 1.0], [-1.2, -np.inf], [np.inf, np.inf])
    solver.run(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]))
    np.testing.assert_allclose(solver.x, [1, 1], rtol=1e-7)


def test_equal_bounds_fix_a_variable() -> None:
    calls = []

    def f(x: np.ndarray) -> np.ndarray:
        calls.append(x)
        return residual(x)

    solver = BoundedLevenbergMarquardt([1.0, 2.0, 0.1], [-9, 2, -9], [9, 2, 9]).run(f)
    assert all(x[1] == 2.0 for x in calls)
    reference = LevenbergMarquardt([1.0, 0.1]).run(lambda p: residual([p[0], 2.0, p[1]]))
    np.testing.assert_allclose(solver.x[[0, 2]], reference.x, rtol=1e-6)
    assert solver.nfev == len(calls)


def test_all_variables_fixed_is_a_finished_fit() -> None:
    solver = BoundedLevenbergMarquardt([1.0, 1.0, 1.0], 1.0, 1.0).run(residual)
    assert solver.success
    assert solver.x.tolist() == [1, 1, 1]


@each_scheme
def test_every_scheme_finds_the_same_constrained_minimum(scheme: str) -> None:
    tolerances = {"ftol": 1e-14, "xtol": 1e-12}
    solver = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER, jac=scheme, **tolerances)
    solver.run(residual, jac=jac_for(scheme))
    assert solver.x[0] == 2.5
    # with the bounded parameter put to its bound the fit is a free one
    reference = LevenbergMarquardt([1.0, 0.5], **tolerances)
    reference.run(lambda p: residual([2.5, p[0], p[1]]))
    np.testing.assert_allclose(solver.x[1:], reference.x, rtol=1e-6)


def test_tall_problems_are_solved_too() -> None:
    t = np.linspace(0, 4, 5000)
    y = 3 * np.exp(-t / 2) + 0.1 * np.cos(5 * t)
    for scheme in SCHEMES[:3]:
        solver = BoundedLevenbergMarquardt([1.0, 1.0], [0, 0], [2.5, 9], jac=scheme)
        solver.run(lambda p: p[0] * np.exp(-t / p[1]) - y)
        assert solver.x[0] == 2.5
        assert solver.place.tolist() == [1, 0]


def test_refine_stays_inside_and_does_not_lose() -> None:
    solver = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER).run(residual)
    before = solver.fnorm
    solver.refine(residual)
    assert solver.fnorm <= before * (1 + 1e-14)
    assert ((solver.lower <= solver.x) & (solver.x <= solver.upper)).all()


# Asking, pickling, exceptions ---------------------------------------------------------------------


@each_scheme
def test_asking_and_telling_is_running(scheme: str) -> None:
    told = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER, jac=scheme)
    finish(told)
    run = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER, jac=scheme)
    run.run(residual, jac=jac_for(scheme))
    assert (told.info, told.nfev, told.njev) == (run.info, run.nfev, run.njev)
    assert told.x.tobytes() == run.x.tobytes()


@each_scheme
def test_a_pickle_of_each_step_ends_with_the_same_bits(scheme: str) -> None:
    solver = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER, jac=scheme)
    copies = []
    while not solver.done:
        copies.append(pickle.dumps(solver))
        solver.tell(answer(solver, solver.ask()))
    for copy in copies:
        resumed = pickle.loads(copy)
        finish(resumed)
        assert fingerprint(resumed) == fingerprint(solver)
        assert resumed.place.tolist() == solver.place.tolist()


def test_damaged_pickles_are_refused() -> None:
    solver = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER)
    function, (base, extra) = solver.__reduce__()
    for k, wrong in ((0, np.full(3, 9.0)), (1, np.zeros(2)), (2, np.array([0, 1, 5])), (4, -1)):
        damaged = list(extra)
        damaged[k] = wrong
        with pytest.raises(ValueError, match="damaged"):
            function(base, tuple(damaged))


def test_an_exception_leaves_unchanged_and_the_fit_resumes() -> None:
    class Mine(Exception):
        pass

    count = [0]

    def f(p: np.ndarray) -> np.ndarray:
        count[0] += 1
        if count[0] == 9:
            raise Mine
        return residual(p)

    solver = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER)
    with pytest.raises(Mine):
        solver.run(f)
    solver.run(f)
    reference = BoundedLevenbergMarquardt([1.0, 1.0, 0.5], LOWER, UPPER).run(residual)
    assert solver.x.tobytes() == reference.x.tobytes()


def test_differences_need_not_count() -> None:
    calls = [0]

    def f(p: np.ndarray) -> np.ndarray:
        calls[0] += 1
        return residual(p)

    counted = BoundedLevenbergMarquardt(START, jac="3-point").run(f)
    assert counted.nfev == calls[0]
    other = BoundedLevenbergMarquardt(START, jac="3-point", count_differences=False).run(residual)
    assert other.nfev == counted.nfev - 6 * counted.njev


@pytest.mark.parametrize(
    ("kws", "error", "match"),
    [
        ({"lower": 2.0}, ValueError, "x0 must lie within the bounds, got 1.0"),
        ({"lower": 3.0, "upper": 2.0}, ValueError, "lower must not be above upper"),
        ({"lower": [0.0, 0.0]}, ValueError, r"lower must be one number or have shape \(3,\)"),
        ({"upper": np.nan}, ValueError, "upper must not be NaN"),
        ({"upper": "a"}, TypeError, "upper must be real numbers"),
        ({"lower": 1j}, TypeError, "lower must be real numbers"),
        ({"jac": "x"}, ValueError, "jac='x' is unknown"),
        ({"m": 1}, ValueError, "m=1 residuals are fewer"),
        ({"nothing": 1}, TypeError, "nothing"),
    ],
)
def test_improper_arguments_are_named(kws: dict[str, Any], error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        BoundedLevenbergMarquardt([1.0, 1.0, 1.0], **kws)


def test_a_solver_that_was_not_set_up_says_so() -> None:
    solver = BoundedLevenbergMarquardt.__new__(BoundedLevenbergMarquardt)
    with pytest.raises(RuntimeError, match="has not been set up"):
        solver.run(residual)
    for name in ("lower", "upper", "place"):
        with pytest.raises(RuntimeError, match="has not been set up"):
            getattr(solver, name)
