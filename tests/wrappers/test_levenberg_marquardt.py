"""The solver: asking and telling, running, stopping, refining, covariance."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from decay import (
    SCHEMES,
    START,
    T,
    answer,
    each_scheme,
    fingerprint,
    finish,
    jac_for,
    jacobian,
    residual,
)
from problems import problem

from fitcore.minpack import LevenbergMarquardt

# Asking and telling ------------------------------------------------------------------------------


@each_scheme
@pytest.mark.parametrize("m", [None, T.size])
def test_asking_and_telling_gives_the_bits_of_run(scheme: str, m: int | None) -> None:
    told = LevenbergMarquardt(START, m, jac=scheme)
    finish(told)
    ran = LevenbergMarquardt(START, m, jac=scheme).run(residual, jac=jac_for(scheme))
    assert fingerprint(told) == fingerprint(ran)
    assert ran.success and ran.message


@each_scheme
def test_run_resumes_in_the_midst_of_asking_and_telling(scheme: str) -> None:
    expected = LevenbergMarquardt(START, jac=scheme).run(residual, jac=jac_for(scheme))
    for steps in range(8):
        solver = LevenbergMarquardt(START, jac=scheme)
        for _ in range(steps):
            solver.tell(answer(solver, solver.ask()))
        assert fingerprint(solver.run(residual, jac=jac_for(scheme))) == fingerprint(expected)


def test_asking_twice_gives_new_arrays_with_the_same_points() -> None:
    solver = LevenbergMarquardt(START)
    for _ in range(5):
        first, second = solver.ask(), solver.ask()
        first_bytes = first.tobytes()
        assert first is not second and first_bytes == second.tobytes()
        first[...] = np.nan
        assert solver.ask().tobytes() == first_bytes
        solver.tell(answer(solver, second))


def test_rows_of_a_block_are_the_points_of_the_differences() -> None:
    for scheme, rows in (("2-point", 3), ("3-point", 6), ("cs", 3)):
        solver = LevenbergMarquardt(START, jac=scheme)
        assert solver.task == "residual" and solver.m is None
        solver.tell(residual(solver.ask()))
        assert solver.task == "differences" and solver.m == T.size
        block = solver.ask()
        assert block.shape == (rows, 3)
        moved = block != np.array(START)
        assert np.all(moved.sum(axis=1) == 1)
        assert np.all(moved.any(axis=0))
        step = {"2-point": 2.0**-26, "3-point": 2.0 ** (-52 / 3), "cs": 1e-100}[scheme]
        for row in block:
            j = int(np.flatnonzero(row != START)[0])
            assert abs(row[j] - START[j]) == pytest.approx(step * abs(START[j]), rel=1e-4)


def test_tell_refuses_what_was_not_asked_for_and_stays_as_it_was() -> None:
    solver = LevenbergMarquardt(START, T.size)
    with pytest.raises(ValueError, match=r"25 residuals before, 24 now"):
        solver.tell(residual(solver.ask())[:-1])
    with pytest.raises(TypeError, match="real"):
        solver.tell(residual(solver.ask()) + 0j)
    solver.tell(residual(solver.ask()))
    block = [residual(p) for p in solver.ask()]
    for wrong in (block[:2], np.transpose(block), block[0]):
        with pytest.raises(ValueError, match=r"values.*\(3, 25\)"):
            solver.tell(wrong)
    for wrong in ("abc", np.array(block) + 0j, [[1.0], [1.0, 2.0]]):
        with pytest.raises(TypeError, match="values"):
            solver.tell(wrong)
    finish(solver)
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))
    with pytest.raises(RuntimeError, match="finished"):
        solver.ask()
    with pytest.raises(RuntimeError, match="finished"):
        solver.tell(block)


def test_what_the_solver_hands_out_is_not_its_own_memory() -> None:
    def callback(solver: LevenbergMarquardt) -> None:
        for name in ("x", "fvec", "fjac", "qtf", "diag", "ipvt"):
            array = getattr(solver, name)
            kept.append((array, array.copy()))
            other = getattr(solver, name)
            other[...] = 7

    kept: list[tuple[np.ndarray, np.ndarray]] = []
    solver = LevenbergMarquardt(START).run(residual, callback=callback)
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))
    assert len(kept) > 20
    for array, then in kept:
        np.testing.assert_array_equal(array, then)


def test_factors_are_those_of_the_last_jacobian() -> None:
    solver = LevenbergMarquardt(START, jac="analytic", maxfev=1)
    x0 = np.array(START)
    solver.run(residual, jac=jacobian)
    a, n = jacobian(x0)[:, solver.ipvt], 3
    r = np.triu(solver.fjac.T[:n])
    np.testing.assert_allclose(r.T @ r, a.T @ a, rtol=1e-12)
    np.testing.assert_allclose(r.T @ solver.qtf, a.T @ residual(x0), rtol=1e-11)
    np.testing.assert_allclose(solver.diag, np.linalg.norm(jacobian(x0), axis=0), rtol=1e-14)


# Running -----------------------------------------------------------------------------------------


def test_a_true_value_of_callback_or_stopiteration_stops() -> None:
    def by_value(solver: LevenbergMarquardt) -> bool:
        return solver.nit == 2

    def by_exception(solver: LevenbergMarquardt) -> None:
        if solver.nit == 2:
            raise StopIteration

    def by_stop(solver: LevenbergMarquardt) -> None:
        if solver.nit == 2:
            solver.stop()

    for callback in (by_value, by_exception, by_stop):
        solver = LevenbergMarquardt(START).run(residual, callback=callback)
        assert (solver.info, solver.nit, solver.done, solver.success) == (-1, 2, True, False)
        assert "stopped" in solver.message
        np.testing.assert_array_equal(solver.fvec, residual(solver.x))
        assert solver.fnorm == pytest.approx(np.linalg.norm(solver.fvec), rel=1e-15)


@pytest.mark.parametrize("call", range(1, 12))
@each_scheme
def test_stop_from_inside_func_leaves_the_best_point_with_its_residuals(
    call: int, scheme: str
) -> None:
    calls = 0

    def func(p: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == call:
            solver.stop()
        return residual(p)

    solver = LevenbergMarquardt(START, jac=scheme)
    solver.run(func, jac=jac_for(scheme))
    assert solver.info == (-1 if calls >= call else 1)
    assert calls >= min(call, 7)
    if call > 1:
        np.testing.assert_array_equal(solver.fvec, residual(solver.x))


def test_stop_leaves_a_finished_fit_as_it_is() -> None:
    solver = LevenbergMarquardt(START).run(residual)
    before = fingerprint(solver)
    solver.stop()
    assert fingerprint(solver.run(residual)) == before


def test_callback_sees_each_accepted_step_once_with_falling_norms() -> None:
    seen = []
    solver = LevenbergMarquardt(START).run(
        residual, callback=lambda s: seen.append((s.nit, s.fnorm, s.x, s.done))
    )
    # the step at which the fit ends is not news any more
    assert [nit for nit, *_ in seen] == list(range(1, solver.nit))
    assert all(b < a for (_, a, *_), (_, b, *_) in pairwise(seen))
    for _, fnorm, x, done in seen:
        assert not done
        assert fnorm == pytest.approx(np.linalg.norm(residual(x)), rel=1e-14)


def test_a_solver_that_runs_refuses_to_be_driven_again() -> None:
    def nested(p: np.ndarray) -> np.ndarray:
        for again in (
            lambda: solver.run(residual),
            lambda: solver.__init__(START),
        ):
            with pytest.raises(RuntimeError, match="running"):
                again()
        return residual(p)

    solver = LevenbergMarquardt(START)
    solver.run(nested)
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))


@pytest.mark.parametrize("method", ["ask", "tell", "refine"])
def test_a_solver_that_runs_is_not_asked_told_or_refined_from_inside(method: str) -> None:
    refused = 0

    def meddling(p: np.ndarray) -> np.ndarray:
        nonlocal refused
        arguments = {"ask": (), "tell": (residual(p),), "refine": (residual,)}[method]
        try:
            getattr(solver, method)(*arguments)
        except RuntimeError:
            refused += 1
        return residual(p)

    solver = LevenbergMarquardt(START, T.size)
    solver.run(meddling)
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))
    assert method == "ask" or refused > 0


def test_a_fit_inside_an_objective_gives_the_serial_bits() -> None:
    inner = fingerprint(LevenbergMarquardt([2.0, 2.0, 0.0]).run(residual))
    seen = set()

    def outer(p: np.ndarray) -> np.ndarray:
        seen.add(fingerprint(LevenbergMarquardt([2.0, 2.0, 0.0]).run(residual)))
        return residual(p)

    solver = LevenbergMarquardt(START).run(outer)
    assert seen == {inner}
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))


def test_a_solver_set_up_again_forgets_the_first_fit() -> None:
    solver = LevenbergMarquardt([1.0, 1.0], jac="3-point").run(
        lambda p: residual(np.array([*p, 0.0]))
    )
    with pytest.raises(ValueError, match="ftol"):
        solver.__init__(START * 100, ftol=-1.0)
    assert solver.n == 2 and solver.x.size == 2
    solver.__init__(START)
    assert (solver.nfev, solver.m, solver.info) == (0, None, None)
    assert fingerprint(solver.run(residual)) == fingerprint(LevenbergMarquardt(START).run(residual))


def test_a_solver_without_init_is_refused() -> None:
    class Forgetful(LevenbergMarquardt):
        def __init__(self) -> None:
            pass

    for use in (
        lambda s: s.run(residual), lambda s: s.ask(), lambda s: s.tell([1.0]),
        lambda s: s.refine(residual), lambda s: s.covariance(), lambda s: s.x, lambda s: s.stop(),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            use(Forgetful())
    assert "LevenbergMarquardt" in repr(Forgetful())


# Outcomes ----------------------------------------------------------------------------------------

OUTCOMES: dict[int, tuple[str, dict[str, Any]]] = {
    1: ("brown-dennis", {"jac": "analytic"}),
    2: ("rosenbrock", {}),
    3: ("bard", {"ftol": 1e-6, "xtol": 1e-3}),
    4: ("rosenbrock", {"jac": "analytic", "gtol": 0.5}),
    5: ("meyer", {"maxfev": 20}),
    6: ("bard", {"ftol": 0.0, "xtol": 0.0}),
    7: ("kowalik-osborne", {"ftol": 0.0, "xtol": 0.0, "maxfev": 10**6}),
    8: ("powell-singular", {"jac": "analytic", "ftol": 0.0, "xtol": 0.0, "maxfev": 10**6}),
}


def test_every_outcome_is_reached_and_said_in_words() -> None:
    from fitcore.minpack import MESSAGES

    reached = {}
    for name in {name for name, _ in OUTCOMES.values()} | {"osborne-1", "box-3d", "gulf"}:
        p = problem(name)
        for _, options in OUTCOMES.values():
            for scheme in SCHEMES[:2] + SCHEMES[3:]:
                given = {"jac": scheme, **options}
                solver = LevenbergMarquardt(p.start(), **given)
                solver.run(p.residual, jac=p.jacobian if given["jac"] == "analytic" else None)
                reached[solver.info] = solver.message
                assert solver.success == (1 <= solver.info <= 4)
    reached[9] = LevenbergMarquardt([1.0]).run(lambda x: x * np.nan).message
    stopped = LevenbergMarquardt([1.0])
    stopped.stop()
    reached[stopped.info] = stopped.message
    assert set(reached) == {-1, *range(1, 10)}
    assert len(set(reached.values())) >= 10
    assert set(MESSAGES) == {-1, *range(10)}
    solver = LevenbergMarquardt(problem("meyer").start(), maxfev=20)
    assert "maxfev = 20." in solver.run(problem("meyer").residual).message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@each_scheme
def test_nan_or_infinity_at_the_start_or_in_the_jacobian_is_info_9(bad: float, scheme: str) -> None:
    def spoilt(p: np.ndarray) -> np.ndarray:
        value = residual(p)
        value[3] = bad
        return value

    solver = LevenbergMarquardt(START, jac=scheme).run(spoilt, jac=jac_for(scheme))
    assert (solver.info, solver.nfev) == (9, 1)
    np.testing.assert_array_equal(solver.x, START)

    def spoilt_away(p: np.ndarray) -> np.ndarray:
        value = residual(p)
        return value if np.all(p == START) else value * bad

    if scheme == "analytic":
        solver = LevenbergMarquardt(START, jac=scheme)
        solver.run(residual, jac=lambda p: np.full((T.size, 3), bad))
    elif scheme == "cs":
        return
    else:
        solver = LevenbergMarquardt(START, jac=scheme).run(spoilt_away)
    assert solver.info == 9
    np.testing.assert_array_equal(solver.fvec, residual(np.array(START)))
    assert "NaN" in solver.message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_func_that_is_finite_at_the_start_only_has_not_converged(bad: float) -> None:
    """MINPACK's step bound shrinks until it calls the start the solution (info 2)."""

    def walled_in(p: np.ndarray) -> np.ndarray:
        return residual(p) if np.all(p == START) else np.full(T.size, bad)

    solver = LevenbergMarquardt(START, jac="analytic").run(walled_in, jac=jacobian)
    assert (solver.info, solver.success, solver.nit) == (9, False, 0)
    np.testing.assert_array_equal(solver.x, START)


@each_scheme
def test_trials_at_which_func_is_not_finite_shrink_the_step(scheme: str) -> None:
    def walled(p: np.ndarray) -> np.ndarray:
        value = residual(p)
        return value * np.nan if p[1].real > 2.1 else value

    solver = LevenbergMarquardt(START, jac=scheme).run(walled, jac=jac_for(scheme))
    assert np.isfinite(solver.fnorm)
    assert solver.x[1] <= 2.1
    assert solver.fnorm < np.linalg.norm(residual(np.array(START)))


# Refining and covariance -------------------------------------------------------------------------


def test_covariance_is_numpys_inverse_of_jtj() -> None:
    solver = LevenbergMarquardt(START, jac="analytic").run(residual, jac=jacobian)
    # the last Jacobian of the fit stands one step before the solution; refine forms it there
    solver.refine(residual, jac=jacobian, scheme="analytic")
    a = jacobian(solver.x)
    np.testing.assert_allclose(solver.covariance(), np.linalg.inv(a.T @ a), rtol=1e-6)
    np.testing.assert_array_equal(solver.covariance(), solver.covariance().T)


@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_covariance_of_a_linear_fit_is_exact_at_every_size_and_scale(n: int) -> None:
    rng = np.random.default_rng(n)
    a = rng.standard_normal((n + 5, n)) * 10.0 ** rng.uniform(-6, 6, n)
    solver = LevenbergMarquardt(np.ones(n), jac="analytic")
    solver.run(lambda p: a @ p - 1.0, jac=lambda p: a)
    scale = np.linalg.norm(a, axis=0)
    expected = np.linalg.inv((a / scale).T @ (a / scale)) / np.outer(scale, scale)
    sizes = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        solver.covariance() / np.outer(sizes, sizes), expected / np.outer(sizes, sizes), atol=1e-9
    )


def test_covariance_is_none_where_columns_depend_on_each_other() -> None:
    def func(p: np.ndarray) -> np.ndarray:
        return np.array([p[0] + p[1] - 3.0, 2.0 * (p[0] + p[1]), 1.0])

    a = np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]])
    solver = LevenbergMarquardt([1.0, 1.0], jac="analytic").run(func, jac=lambda p: a)
    assert solver.covariance() is None
    # with differences the dependence is one to rounding, which a tolerance tells
    assert LevenbergMarquardt([1.0, 0.7]).run(func).covariance(1e-6) is None
    idle = LevenbergMarquardt([1.0, 1.0]).run(lambda p: np.array([p[0] - 3.0, 2.0 * p[0], 1.0]))
    assert idle.success and idle.covariance() is None


def test_covariance_wants_a_jacobian() -> None:
    solver = LevenbergMarquardt(START)
    with pytest.raises(RuntimeError, match="Jacobian"):
        solver.covariance()
    solver.tell(residual(solver.ask()))
    with pytest.raises(RuntimeError, match="Jacobian"):
        solver.covariance()


def test_refine_gains_digits_and_costs_what_its_scheme_costs() -> None:
    exact = LevenbergMarquardt(START, jac="analytic", ftol=1e-15, xtol=1e-15)
    exact.run(residual, jac=jacobian)
    a = jacobian(exact.x)
    for scheme, evaluations in (("3-point", 6), ("cs", 3), ("analytic", 0), ("2-point", 3)):
        solver = LevenbergMarquardt(START, ftol=1e-5, xtol=1e-5).run(residual)
        fnorm, nfev, njev = solver.fnorm, solver.nfev, solver.njev
        before = np.abs(solver.x - exact.x).max()
        solver.refine(residual, jac=jacobian if scheme == "analytic" else None, scheme=scheme)
        assert solver.fnorm < fnorm
        assert np.abs(solver.x - exact.x).max() < 0.1 * before
        assert (solver.nfev, solver.njev) == (nfev + evaluations + 1, njev + 1)
        np.testing.assert_array_equal(solver.fvec, residual(solver.x))
        np.testing.assert_allclose(solver.covariance(), np.linalg.inv(a.T @ a), rtol=1e-3)


def test_refine_never_raises_the_sum_of_squares() -> None:
    for name in ("freudenstein-roth", "jennrich-sampson", "meyer", "osborne-1", "watson-6"):
        p = problem(name)
        solver = LevenbergMarquardt(p.start(), maxfev=3 * p.n + 5).run(p.residual)
        fnorm, x = solver.fnorm, solver.x
        solver.refine(p.residual)
        assert solver.fnorm <= fnorm
        np.testing.assert_array_equal(solver.fvec, p.residual(solver.x))
        assert solver.fnorm < fnorm or np.array_equal(solver.x, x)


def test_refine_wants_a_finished_fit_and_a_known_scheme() -> None:
    solver = LevenbergMarquardt(START)
    with pytest.raises(RuntimeError, match="finished"):
        solver.refine(residual)
    solver.run(residual)
    with pytest.raises(ValueError, match=r"scheme='4-point'.*3-point"):
        solver.refine(residual, scheme="4-point")
    with pytest.raises(TypeError, match="jac"):
        solver.refine(residual, scheme="analytic")
    failed = LevenbergMarquardt(START).run(lambda p: residual(p) * np.nan)
    assert failed.refine(residual).info == 9


# Accuracy of the difference schemes --------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "digits"), [("2-point", 1e-6), ("3-point", 1e-8), ("cs", 2e-15)]
)
@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9, 0.0])
def test_jacobian_is_as_accurate_as_its_scheme(scheme: str, digits: float, factor: float) -> None:
    """R^T R of the first Jacobian against that of the analytic one, at points of many sizes."""

    def func(p: np.ndarray) -> np.ndarray:
        z = p / (factor or 1.0)
        return np.array([np.exp(z[0]) * z[1], np.sin(z[1]) + z[0] ** 3, z[0] * z[1], z[0] - z[1]])

    z = np.array([0.7, 1.3]) if factor else np.zeros(2)
    expected = np.array(
        [[np.exp(z[0]) * z[1], np.exp(z[0])], [3 * z[0] ** 2, np.cos(z[1])], [z[1], z[0]], [1, -1]]
    )
    solver = LevenbergMarquardt(z * (factor or 1.0), jac=scheme)
    while solver.task != "differences":
        solver.tell(func(solver.ask()))
    solver.tell([func(p) for p in solver.ask()])
    a = expected[:, solver.ipvt] / (factor or 1.0)
    r = np.triu(solver.fjac.T[:2])
    scale = np.linalg.norm(a, axis=0)
    gap = np.abs(r.T @ r - a.T @ a) / np.outer(scale, scale)
    assert gap.max() <= 2.0 * digits


@pytest.mark.parametrize("scheme", SCHEMES[:3])
@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 1e-250, 1e-120, -1e-290])
def test_differences_at_a_tiny_variable_still_tell_its_derivative(scheme: str, tiny: float) -> None:
    def func(p: np.ndarray) -> np.ndarray:
        return np.array([3.0 * p[0], p[1] - 2.0, 1.0 + p[1]])

    solver = LevenbergMarquardt([tiny, 1.0], jac=scheme)
    solver.tell(func(solver.ask()))
    solver.tell([func(p) for p in solver.ask()])
    r = np.triu(solver.fjac.T[:2])
    column = int(np.flatnonzero(solver.ipvt == 0)[0])
    assert np.linalg.norm(r[:, column]) == pytest.approx(3.0, rel=1e-6)
