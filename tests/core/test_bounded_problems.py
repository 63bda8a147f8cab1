"""The bounded test problems are what their sources say, and the harness runs the real L-BFGS-B."""

from __future__ import annotations

from collections import Counter

import numpy as np
import originals
import originals_lbfgsb
import pytest
from originals_lbfgsb import lbfgsb
from problems.bounded import CASES, BoundedCase, bounded_case

every_case = pytest.mark.parametrize("c", CASES, ids=lambda c: c.id)


def start(c: BoundedCase) -> np.ndarray:
    """Where the run begins: x0 within the bounds."""
    return np.clip(c.x0, c.l, c.u)


def original(c: BoundedCase) -> originals_lbfgsb.Result:
    originals_lbfgsb.require()
    return lbfgsb(c.fun, c.x0, c.l, c.u, **c.options)


def fourth_order_difference(c: BoundedCase, x: np.ndarray, step: np.ndarray) -> float:
    """Central: exact for the quartics among the problems, whatever the step."""
    near = c.fun(x + step)[0] - c.fun(x - step)[0]
    far = c.fun(x + 2.0 * step)[0] - c.fun(x - 2.0 * step)[0]
    return (8.0 * near - far) / 12.0


# The problems ------------------------------------------------------------------------------------


@every_case
def test_same_x_gives_the_same_bits_and_is_left_alone(c: BoundedCase) -> None:
    x = start(c)
    kept = x.copy()
    f, g = c.fun(x)
    again, g_again = c.fun(np.concatenate([[0.0], x])[1:])
    assert x.tobytes() == kept.tobytes()
    assert isinstance(f, float) and np.isfinite(f)
    assert g.shape == (c.n,) and g.dtype == np.float64
    assert (f, g.tobytes()) == (again, g_again.tobytes())


@pytest.mark.parametrize("c", [c for c in CASES if not c.faulty], ids=lambda c: c.id)
def test_gradient_is_the_derivative_of_the_objective(c: BoundedCase) -> None:
    j = np.arange(c.n)
    for x in (start(c), start(c) + 0.0937 * np.cos(j + 1.0)):
        f, g = c.fun(x)
        units = np.eye(c.n) if c.n <= 30 else np.eye(1, c.n, c.n // 3)
        for direction in (*units, np.cos(1.3 * j), np.sin(j * 0.7 + 1.0)):
            h = 2e-5 * max(1.0, float(np.abs(x * direction).max()))
            slope = fourth_order_difference(c, x, h * direction) / h
            expected = float((g * direction).sum())
            size = float((np.abs(g) * np.abs(direction)).sum())
            assert slope == pytest.approx(expected, rel=1e-6, abs=1e-8 * size + 5e-11 * abs(f))


@pytest.mark.parametrize("c", [c for c in CASES if c.minimizer is not None], ids=lambda c: c.id)
def test_known_minimizer_is_stationary_within_the_bounds_and_attains_the_minimum(
    c: BoundedCase,
) -> None:
    x, slack = c.minimizer, 1e-15
    assert (c.l - slack <= x).all() and (x <= c.u + slack).all()
    f, g = c.fun(x.copy())
    assert f == pytest.approx(c.minimum, rel=1e-9, abs=1e-12)
    # Zero in units of the gradient's change over a short step: minimizers have some digits only.
    projected = np.clip(x - g, c.l, c.u) - x
    assert np.abs(projected).max() <= 1e-6 * max(1.0, float(np.abs(c.fun(x + 0.1)[1]).max()))


@pytest.mark.parametrize("c", [c for c in CASES if c.minimum is not None], ids=lambda c: c.id)
def test_original_does_not_end_below_the_known_minimum(c: BoundedCase) -> None:
    # Minima from the literature have six digits or more.
    assert original(c).f >= c.minimum - 5e-6 * abs(c.minimum)


def test_catalogue_covers_every_kind_of_run() -> None:
    assert len(CASES) >= 70
    assert {1, 2, 10, 25, 100, 1000, 10000} <= {c.n for c in CASES}
    assert {1, 3, 5, 10, 17, 20} == {c.m for c in CASES}
    assert {1e12, 1e7, 10.0, 0.0} <= {c.factr for c in CASES}
    assert {1e-5, 1e-10, 0.0} <= {c.pgtol for c in CASES}
    kinds: Counter[str] = Counter()
    for c in CASES:
        low, high = np.isfinite(c.l), np.isfinite(c.u)
        kinds["free"] += not c.bounded
        kinds["lower"] += low.any() and not high.any()
        kinds["upper"] += high.any() and not low.any()
        kinds["both"] += bool((low & high).all())
        kinds["mixed"] += c.bounded and not (low & high).all()
        kinds["fixed"] += bool((c.l == c.u).any())
        kinds["outside"] += bool((start(c) != c.x0).any())
        kinds["on a bound"] += bool(((c.x0 == c.l) | (c.x0 == c.u)).any())
        kinds["faulty"] += c.faulty
    assert min(kinds[kind] for kind in kinds) >= 3, kinds


def test_catalogue_reaches_every_way_the_original_fails_or_restarts() -> None:
    seen: Counter[str] = Counter()
    for c in CASES:
        r = original(c)
        seen.update(restart.cause for restart in r.restarts)
        seen["skipped"] += r.nskip > 0
        seen[r.task] += 1
        seen["half active"] += c.bounded and 2 * int(((r.x == c.l) | (r.x == c.u)).sum()) >= c.n
    for what in (
        "line search",
        "direction",
        "skipped",
        "half active",
        "CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL",
        "CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH",
        "ABNORMAL_TERMINATION_IN_LNSRCH",
        "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT",
    ):
        assert seen[what] >= 3, (what, seen)


def test_unknown_case_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"'sample-26'; known: .*sample-25"):
        bounded_case("sample-26")


# The harness -------------------------------------------------------------------------------------


def test_sample_problem_ends_as_printed_with_the_original() -> None:
    r = original(bounded_case("sample-25"))
    assert (r.nit, r.nfev) == (23, 28)
    assert r.f == pytest.approx(1.083490083518e-9, rel=1e-6)
    assert r.task == "CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH"
    assert (int(r.isave[29]), int(r.isave[33])) == (r.nit, r.nfev)
    assert len(r.iterates) == r.nit and len(r.f_values) == r.nfev
    assert r.f == r.f_values[-1] and r.x.tobytes() == r.iterates[-1].tobytes()
    assert not r.projected and not r.abnormal and r.restarts == []


def test_no_bounds_and_infinite_bounds_are_the_same_run() -> None:
    c = bounded_case("rosenbrock")
    r = original(c)
    free = lbfgsb(c.fun, c.x0, **c.options)
    assert [p.tobytes() for p in free.points] == [p.tobytes() for p in r.points]


def test_start_outside_the_bounds_is_projected() -> None:
    c = bounded_case("torsion-20x20-outside")
    r = original(c)
    assert r.projected
    assert r.points[0].tobytes() == start(c).tobytes()


def test_limits_end_the_run_after_an_iteration() -> None:
    originals_lbfgsb.require()
    c = bounded_case("rosenbrock")
    r = lbfgsb(c.fun, c.x0, maxiter=4)
    assert (r.nit, r.task) == (4, "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT")
    r = lbfgsb(c.fun, c.x0, maxfun=10)
    assert r.nfev == 11 and r.task == "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"


def test_original_refuses_bad_input_in_its_own_words() -> None:
    originals_lbfgsb.require()
    c = bounded_case("rosenbrock")
    assert lbfgsb(c.fun, c.x0, 1.0, -1.0).task == "ERROR: NO FEASIBLE SOLUTION"
    assert lbfgsb(c.fun, c.x0, m=0).task == "ERROR: M .LE. 0"
    assert lbfgsb(c.fun, c.x0, factr=-1.0).task == "ERROR: FACTR .LT. 0"


def test_exception_of_the_objective_is_passed_on() -> None:
    originals_lbfgsb.require()

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        if x[0] < 1.0:
            raise KeyboardInterrupt
        return float(x[0]), np.ones(1)

    with pytest.raises(KeyboardInterrupt):
        lbfgsb(fun, [1.5])
    with pytest.raises(ValueError, match=r"gradient of shape \(2,\), not \(1,\)"):
        lbfgsb(lambda x: (0.0, np.ones(2)), [1.5])


@pytest.mark.parametrize(
    ("stp", "evaluations", "found", "slope"),
    [
        (1e-3, 6, 1.4, -9.2e-3),
        (1e-1, 3, 1.4, 4.7e-3),
        (1e1, 1, 10.0, 9.4e-3),
        (1e3, 4, 37.0, 7.3e-4),
    ],
)
def test_line_search_repeats_the_first_table_of_more_and_thuente(
    stp: float, evaluations: int, found: float, slope: float
) -> None:
    originals_lbfgsb.require()

    def phi(a: float) -> tuple[float, float]:
        return -a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0) ** 2

    r = originals_lbfgsb.dcsrch(phi, stp, 1e-3, 0.1, 0.1, 0.0, 4.0 * max(1.0, stp))
    assert r.task == "CONVERGENCE"
    assert len(r.steps) == evaluations and r.steps[-1] == r.stp
    assert r.stp == pytest.approx(found, rel=0.04)
    assert r.g == pytest.approx(slope, rel=0.01)


def test_wrong_gradient_ends_abnormally_where_it_began() -> None:
    r = original(bounded_case("wrong-sign-rosenbrock"))
    assert r.abnormal and r.nit == 0 and r.nfev == 21
    assert r.x.tobytes() == r.points[0].tobytes()
    assert r.nfev_without_repeats < r.nfev


@pytest.mark.parametrize(
    "name", ["sample-25", "hs5", "beale-box", "wrong-sign-sample", "diagonal-10000-box"]
)
def test_scipy_counts_the_same_but_for_repeated_points(name: str) -> None:
    optimize = originals.require_peer("scipy.optimize")
    c = bounded_case(name)
    r = original(c)
    _, f, info = optimize.fmin_l_bfgs_b(c.fun, c.x0.copy(), bounds=c.bounds, **c.options)
    assert (info["nit"], info["funcalls"]) == (r.nit, r.nfev_without_repeats)
    assert f == pytest.approx(r.f, rel=1e-9, abs=1e-12)


def test_family_tells_the_runs_that_rounding_decides() -> None:
    originals_lbfgsb.require()
    for name, decided in (("hs5", False), ("torsion-20x20", True), ("torsion-20x20-outside", True)):
        c = bounded_case(name)
        f = originals_lbfgsb.family(c.fun, c.x0, c.l, c.u, **c.options)
        assert len(f.counts) == 13 and f.deviation.shape == (f.result.nfev,)
        assert f.sensitive == decided and f.points_sensitive == decided
        assert f.deviation[0] < 1e-14


def test_sensitive_sees_starts_and_last_bits() -> None:
    def bits(fun: originals_lbfgsb.Objective, x: np.ndarray) -> tuple[float, ...]:
        return (fun(x)[0],)

    def square(x: np.ndarray) -> tuple[float, np.ndarray]:
        return 1.0 + float(x[0] ** 2), 2.0 * x

    assert originals_lbfgsb.sensitive(square, [3.0], bits, last_bits=False)
    assert originals_lbfgsb.sensitive(square, [0.0], bits)
    assert not originals_lbfgsb.sensitive(square, [0.0], bits, last_bits=False)
