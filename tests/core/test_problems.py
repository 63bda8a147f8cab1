"""The published test problems are what the paper says, and the harness runs the real MINPACK."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import originals
import pytest
from problems import CASES, FACTORS, MINPACK_CASES, PROBLEMS, SYSTEMS, Case, Problem, problem

EPS = np.finfo(float).eps
TOL = float(np.sqrt(EPS))

every_problem = pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)


def nearby(p: Problem) -> np.ndarray:
    """A point in general position, where no term of a residual vanishes by chance."""
    return p.start() + 0.137 * np.cos(np.arange(p.n) + 1.0)


# The problems ------------------------------------------------------------------------------------


@every_problem
def test_shapes_are_the_declared_ones(p: Problem) -> None:
    assert p.m >= p.n == p.start().size
    assert p.residual(p.start()).shape == (p.m,)
    jac = p.jacobian(p.start())
    assert jac.shape == (p.m, p.n)
    assert jac.flags.c_contiguous


@every_problem
def test_jacobian_is_the_derivative_of_the_residual(p: Problem) -> None:
    for x in (p.start(), nearby(p)):
        step = 1e-30
        derivative = [p.f(x + 1j * step * unit).imag / step for unit in np.eye(p.n)]
        expected = np.stack(derivative, axis=1)
        scale = np.maximum(1.0, np.abs(expected).max())
        np.testing.assert_allclose(p.jacobian(x), expected, rtol=1e-11, atol=1e-13 * scale)


@every_problem
def test_complex_extension_is_the_real_residual_on_the_real_axis(p: Problem) -> None:
    for x in (p.start(), nearby(p)):
        scale = max(1.0, np.abs(p.residual(x)).max())
        np.testing.assert_allclose(p.f(x + 0j).real, p.residual(x), rtol=1e-12, atol=1e-14 * scale)


@pytest.mark.parametrize("p", [p for p in PROBLEMS if p.minimizer], ids=lambda p: p.name)
def test_published_minimizer_attains_the_published_minimum(p: Problem) -> None:
    x = np.array(p.minimizer)
    assert p.sum_of_squares(x) == pytest.approx(p.minimum, rel=6e-6, abs=1e-15)


# From its standard start trigonometric-10 leads every descent method to a local minimum.
REACHED_FROM = {"trigonometric-10": 0.01}


@pytest.mark.parametrize("p", [p for p in PROBLEMS if p.minimum is not None], ids=lambda p: p.name)
def test_published_minimum_is_where_scipy_ends_from_the_standard_start(p: Problem) -> None:
    optimize = originals.require_peer("scipy.optimize")
    fit = optimize.least_squares(
        p.residual,
        p.start(REACHED_FROM.get(p.name, 1.0)),
        p.jacobian,
        method="trf",
        x_scale="jac",
        ftol=1e-15,
        xtol=1e-15,
        gtol=None,
        max_nfev=3000,
    )
    reached = p.sum_of_squares(fit.x)
    known = (p.minimum, *p.other_minima)
    assert any(reached == pytest.approx(f, rel=6e-6, abs=1e-12) for f in known), (reached, known)


def test_catalogue_holds_all_35_problems_of_the_paper() -> None:
    assert {p.number for p in PROBLEMS} == set(range(1, 36))
    assert len({p.name for p in PROBLEMS}) == len(PROBLEMS)
    assert len(CASES) == 3 * len(PROBLEMS)


def test_minpack_cases_are_the_53_runs_of_its_test_programs() -> None:
    assert len(MINPACK_CASES) == 53
    assert len({c.problem.name for c in MINPACK_CASES}) == 28
    sizes = {(p.n, p.m) for p in PROBLEMS if p.number == 20}
    assert sizes == {(6, 31), (9, 31), (12, 31)}


def test_systems_are_the_14_of_the_paper() -> None:
    assert {p.number for p in SYSTEMS} == {1, 3, 7, 13, 14, 20, 25, 26, 27, 28, 29, 30, 31, 35}
    gradient = {p.number for p in SYSTEMS if p.system == "gradient"}
    assert gradient == {14, 20, 25}
    assert all(p.m == p.n for p in SYSTEMS if p.system == "residual")


def test_starts_are_fresh_multiples_of_the_standard_start() -> None:
    p = problem("rosenbrock")
    p.start()[:] = 0.0
    for factor in FACTORS:
        np.testing.assert_array_equal(p.start(factor), factor * np.array([-1.2, 1.0]))
    np.testing.assert_array_equal(problem("watson-6").start(10.0), np.full(6, 10.0))


def test_problem_by_name_lists_the_names_when_there_is_none() -> None:
    assert problem("meyer").number == 10
    with pytest.raises(ValueError, match=r"'mayer'.*meyer"):
        problem("mayer")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_overflow_is_silent_and_the_same_point_gives_the_same_bits(case: Case) -> None:
    p, x = case.problem, case.start
    padded = np.zeros(3 * p.n)
    padded[::3] = x
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        residual, jac, total = p.residual(x), p.jacobian(x), p.sum_of_squares(x)
        again, jac_again = p.residual(padded[::3]), p.jacobian(padded[::3])
    np.testing.assert_array_equal(x, case.start, err_msg="x was written to")
    assert residual.tobytes() == again.tobytes()
    assert jac.tobytes() == jac_again.tobytes()
    assert residual.dtype == jac.dtype == np.float64
    assert not total < 0.0


# The originals -----------------------------------------------------------------------------------


@pytest.fixture
def minpack() -> None:
    originals.require()


def lmdif(p: Problem, x: np.ndarray) -> originals.Result:
    """As MINPACK's test program runs it."""
    return originals.lmdif(p.residual, x, p.m, TOL, TOL, 0.0, 200 * (p.n + 1), 0.0)


def lmder(p: Problem, x: np.ndarray) -> originals.Result:
    """As MINPACK's test program runs it."""
    return originals.lmder(p.residual, p.jacobian, x, p.m, TOL, TOL, 0.0, 100 * (p.n + 1))


@pytest.mark.usefixtures("minpack")
@pytest.mark.parametrize("name", ["bard", "kowalik-osborne", "osborne-1", "osborne-2"])
@pytest.mark.parametrize("solve", [lmdif, lmder])
def test_original_reaches_the_published_minimum(name: str, solve) -> None:
    p = problem(name)
    result = solve(p, p.start())
    assert result.info in (1, 2, 3)
    assert float((result.fvec**2).sum()) == pytest.approx(p.minimum, rel=6e-6)
    np.testing.assert_array_equal(result.fvec, p.residual(result.x))
    assert sorted(result.ipvt) == list(range(p.n))


@pytest.mark.usefixtures("minpack")
@pytest.mark.parametrize("case", MINPACK_CASES, ids=lambda c: c.id)
def test_original_records_every_evaluation(case: Case) -> None:
    for result in (lmdif(case.problem, case.start), lmder(case.problem, case.start)):
        assert len(result.points) == result.nfev
        assert len(result.jacobian_points) == result.njev
        np.testing.assert_array_equal(result.points[0], case.start)


@pytest.mark.usefixtures("minpack")
@pytest.mark.parametrize("solve", [lmdif, lmder])
def test_original_counts_are_those_of_scipy_unless_rounding_decides(solve) -> None:
    leastsq = originals.require_peer("scipy.optimize").leastsq
    compared = 0
    different = []
    for case in MINPACK_CASES:
        p = case.problem

        def counts(x: np.ndarray, p: Problem = p) -> originals.Counts:
            return solve(p, x).counts

        expected = counts(case.start)
        noisy = [replace(p, f=f) for f in originals.last_bit_changes(p.residual)]
        if originals.sensitive(case.start, counts):
            continue
        if any(counts(case.start, q) != expected for q in noisy):
            continue
        jac = p.jacobian if solve is lmder else None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fit = leastsq(
                p.residual, case.start, Dfun=jac, full_output=True, ftol=TOL, xtol=TOL,
                maxfev=(100 if jac else 200) * (p.n + 1),
            )  # fmt: skip
        if (fit[4], fit[2]["nfev"]) != expected:
            different.append(case.id)
        compared += 1
    assert compared >= 15
    # the last bit of numpy's functions may depend on where in memory their arguments lie
    assert len(different) <= compared // 10, different


@pytest.mark.usefixtures("minpack")
@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [0, 1, 4])
def test_exception_in_a_callback_leaves_the_original_unchanged(
    error: BaseException, call: int
) -> None:
    p = problem("bard")
    calls = 0

    def failing(x: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls > call:
            raise error
        return p.residual(x)

    with pytest.raises(type(error)) as caught:
        originals.lmdif(failing, p.start(), p.m, TOL, TOL, 0.0, 1000, 0.0)
    assert caught.value is error
    assert calls == call + 1


@pytest.mark.usefixtures("minpack")
def test_exception_in_the_jacobian_and_wrong_shapes_leave_the_original() -> None:
    p = problem("bard")

    def failing(x: np.ndarray) -> np.ndarray:
        raise LookupError

    with pytest.raises(LookupError):
        originals.lmder(p.residual, failing, p.start(), p.m, TOL, TOL, 0.0, 100)
    with pytest.raises(ValueError, match=r"\(3,\).*\(15,\)"):
        originals.lmdif(lambda x: x, p.start(), p.m, TOL, TOL, 0.0, 100, 0.0)


@pytest.mark.usefixtures("minpack")
def test_evaluation_limit_and_bad_input_give_minpacks_info() -> None:
    p = problem("meyer")
    assert originals.lmdif(p.residual, p.start(), p.m, TOL, TOL, 0.0, 20, 0.0).info == 5
    assert originals.lmdif(p.residual, p.start(), p.m, -1.0, TOL, 0.0, 20, 0.0).info == 0


@pytest.mark.usefixtures("minpack")
def test_given_scaling_is_used_in_mode_2_only() -> None:
    p, diag = problem("bard"), [1.0, 2.0, 3.0]
    args = (p.residual, p.jacobian, p.start(), p.m, TOL, TOL, 0.0, 400)
    np.testing.assert_array_equal(originals.lmder(*args, diag=diag, mode=2).diag, diag)
    norms = np.linalg.norm(p.jacobian(p.start()), axis=0)
    assert np.all(originals.lmder(*args, diag=diag, mode=1).diag >= norms * (1.0 - 1e-14))


@pytest.mark.usefixtures("minpack")
def test_original_qrfac_factors_the_matrix() -> None:
    p = problem("osborne-2")
    a = p.jacobian(p.start())
    factored, ipvt, rdiag, acnorm = originals.qrfac(a)
    r = np.triu(factored[: p.n], 1) + np.diag(rdiag)
    np.testing.assert_allclose(r.T @ r, a[:, ipvt].T @ a[:, ipvt], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(acnorm, np.linalg.norm(a, axis=0), rtol=1e-14)
    assert np.all(np.diff(np.abs(rdiag)) <= 0.0)
    _, unpivoted, _, _ = originals.qrfac(a, pivot=False)
    assert not np.array_equal(ipvt, np.arange(p.n))
    np.testing.assert_array_equal(unpivoted, np.arange(p.n))


@pytest.mark.usefixtures("minpack")
def test_original_lmpar_and_qrsolv_solve_the_damped_problem() -> None:
    p = problem("kowalik-osborne")
    a, b = p.jacobian(p.start()), p.residual(p.start())
    q, r = np.linalg.qr(a)
    ipvt, diag, qtb = np.arange(p.n), np.array([1.0, 2.0, 3.0, 4.0]), q.T @ b
    newton = np.linalg.lstsq(a, b, rcond=None)[0]
    delta = 0.3 * float(np.linalg.norm(diag * newton))
    par, x, _, _ = originals.lmpar(r, ipvt, diag, qtb, delta)
    assert np.linalg.norm(diag * x) == pytest.approx(delta, rel=0.1)
    damped = np.linalg.solve(a.T @ a + par * np.diag(diag**2), a.T @ b)
    np.testing.assert_allclose(x, damped, rtol=1e-9)
    np.testing.assert_allclose(
        originals.qrsolv(r, ipvt, np.sqrt(par) * diag, qtb)[0], damped, rtol=1e-9
    )


@pytest.mark.usefixtures("minpack")
def test_original_fdjac2_and_enorm_approximate_what_they_name() -> None:
    p = problem("brown-dennis")
    x = nearby(p)
    np.testing.assert_allclose(originals.fdjac2(p.residual, x, p.residual(x)), p.jacobian(x), 1e-5)
    assert originals.enorm([3e200, 4e200]) == pytest.approx(5e200, rel=1e-15)
    assert originals.enorm([3e-200, 4e-200]) == pytest.approx(5e-200, rel=1e-15)


def test_neighbours_move_every_nonzero_component_by_1e_15() -> None:
    start = np.array([-1.2, 0.0, 3e7])
    points = list(originals.neighbours(start))
    assert len({point.tobytes() for point in points}) == len(points) == 8
    for point in points:
        moved = np.abs(point[[0, 2]] / start[[0, 2]] - 1.0)
        assert np.all((moved > 5e-16) & (moved < 1.5e-15))
        assert point[1] == 0.0


def test_sensitive_tells_counts_that_rounding_decides() -> None:
    assert not originals.sensitive([1.0, 2.0], lambda x: (1, 10))
    assert originals.sensitive([1.0, 2.0], lambda x: (1, 10 + int(x[0] > 1.0)))
    assert originals.sensitive([1.0, 2.0], lambda x: (1 + int(x[0] + x[1] < 3.0), 10))


def test_last_bit_changes_are_deterministic_and_one_last_bit() -> None:
    p = problem("bard")
    x = p.start()
    exact = p.residual(x)
    for changed in originals.last_bit_changes(p.residual):
        value = changed(x)
        assert value.tobytes() == changed(x).tobytes()
        np.testing.assert_array_equal(np.abs(value - exact) <= np.spacing(np.abs(exact)), True)
        assert np.all(value != exact)


@pytest.mark.parametrize(("require", "outcome"), [("0", "skipped"), ("1", "failed")])
def test_missing_peer_skips_unless_it_is_required(
    require: str, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / "test_needs_peer.py").write_text(
        "import originals\n"
        "originals.available = False\n"
        "def test_library(): originals.require()\n"
        "def test_module(): originals.require_peer('no_such_module')\n"
    )
    path = [str(Path(originals.__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "FITCORE_REQUIRE_PEERS": require,
        "FITCORE_WITHOUT_ORIGINALS": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env=env, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"2 {outcome}" in run.stdout, run.stdout


def test_build_that_is_to_be_without_the_originals_skips_with_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(originals, "available", False)
    monkeypatch.setenv("FITCORE_REQUIRE_PEERS", "1")
    monkeypatch.setenv("FITCORE_WITHOUT_ORIGINALS", "1")
    with pytest.raises(pytest.skip.Exception, match=r"^allowed: "):
        originals.require()
