"""fitcore.originals runs the authors' Fortran: results, exceptions, nesting, threads, refusals."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import originals as peers
import pytest
from problems import MINPACK_CASES, Case

import fitcore
from fitcore import optimize

BUILT: bool = fitcore.show_config(mode="dicts")["originals"]["found"]
if BUILT:
    from fitcore import originals
    from fitcore._evaluator import PythonEvaluator
    from fitcore._originals import evaluate

TOL = 1.49012e-8
T = np.linspace(0, 4, 25)
Y = 3 * np.exp(-T / 2) + 0.1 * np.cos(9 * T)
SQUARE = [case for case in MINPACK_CASES if case.problem.m == case.problem.n]


FOR_EVERY_BUILD = (
    "test_import_without_the_originals_says_how_to_build_them",
    "test_sources_without_a_file_are_refused_and_it_is_named",
)


@pytest.fixture(autouse=True)
def _built(request: pytest.FixtureRequest) -> None:
    if request.node.name not in FOR_EVERY_BUILD:
        peers.require()


def decay(p: np.ndarray) -> np.ndarray:
    return p[0] * np.exp(-T / p[1]) - Y


def decay_jacobian(p: np.ndarray) -> np.ndarray:
    e = np.exp(-T / p[1])
    return np.stack([e, p[0] * e * T / p[1] ** 2], axis=1)


def system(x: np.ndarray) -> np.ndarray:
    return np.array([x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5])


def system_jacobian(x: np.ndarray) -> np.ndarray:
    return np.array([[np.cos(x[1]), -x[0] * np.sin(x[1])], [x[1], x[0] - 1]])


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


def test_import_without_the_originals_says_how_to_build_them() -> None:
    if not BUILT:
        with pytest.raises(ImportError, match=r"-Doriginals=enabled.*-Doriginals_source=DIR"):
            importlib.import_module("fitcore.originals")
        return
    code = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if '_originals' in name else real(name)\n"
        "import fitcore.originals\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: this build of fitcore is without the original" in done.stderr
    assert "pip install . -Csetup-args=-Doriginals=enabled" in done.stderr


def test_sources_without_a_file_are_refused_and_it_is_named(tmp_path: Path) -> None:
    finder = Path(__file__).parents[2] / "tools" / "find_originals.py"

    def find(directory: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(finder), str(tmp_path), directory],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert "there is no directory" in find("nowhere").stderr
    for name in ("L/lbfgsb.f", "L/timer.f", "L/other.f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert "MINPACK-1 is not complete there: chkder.f, dogleg.f," in find(".").stderr
    names = [
        "chkder", "dogleg", "dpmpar", "enorm", "fdjac1", "fdjac2", "hybrd", "hybrd1", "hybrj",
        "hybrj1", "lmder", "lmder1", "lmdif", "lmdif1", "lmpar", "lmstr", "lmstr1", "qform",
        "qrfac", "qrsolv", "r1mpyq", "r1updt", "rwupdt",
    ]  # fmt: skip
    for name in names:
        (tmp_path / f"{name}.f").touch()
    (tmp_path / "L" / "qrfac.f").touch()  # the nearer of two is taken
    done = find(".")
    found = [Path(line).relative_to(tmp_path.resolve()) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert sorted(map(str, found)) == sorted(
        ["L/lbfgsb.f", "L/timer.f", *(f"{name}.f" for name in names)]
    )
    (tmp_path / "L" / "timer.f").unlink()
    assert "L-BFGS-B 3.0 is not complete there: timer.f missing" in find(".").stderr


# The same as SciPy -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {}, {"Dfun": decay_jacobian}, {"diag": [1.0, 2.0]}, {"maxfev": 4}, {"xtol": 1e-3},
        {"Dfun": lambda p: decay_jacobian(p).T, "col_deriv": True}, {"epsfcn": 1e-6},
        {"factor": 0.5},
    ],
)  # fmt: skip
def test_leastsq_returns_what_scipy_returns(options: dict[str, Any]) -> None:
    scipy = peers.require_peer("scipy.optimize")
    x, cov, info, message, ier = originals.leastsq(decay, [1, 1], full_output=True, **options)
    theirs = scipy.leastsq(decay, [1, 1], full_output=True, **options)
    assert (message, ier, info["nfev"]) == (theirs[3], theirs[4], theirs[2]["nfev"])
    assert info.keys() == theirs[2].keys()
    np.testing.assert_allclose(x, theirs[0], rtol=1e-7)
    np.testing.assert_allclose(np.triu(info["fjac"].T), np.triu(theirs[2]["fjac"].T), 1e-5, 1e-8)
    np.testing.assert_array_equal(info["ipvt"], theirs[2]["ipvt"])
    if theirs[1] is None:
        assert cov is None
    else:
        np.testing.assert_allclose(cov, theirs[1], rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"fprime": system_jacobian}, {"band": (1, 1)}, {"band": (0, 0)}, {"epsfcn": 1e-6},
        {"diag": [1.0, 2.0]}, {"maxfev": 4}, {"xtol": 1e-3}, {"factor": 0.1},
        {"fprime": lambda x: system_jacobian(x).T, "col_deriv": True},
    ],
)  # fmt: skip
def test_fsolve_returns_what_scipy_returns_but_for_calls_before_the_run(
    options: dict[str, Any],
) -> None:
    scipy = peers.require_peer("scipy.optimize")
    x, info, ier, message = originals.fsolve(system, [1, 1], full_output=True, **options)
    theirs = scipy.fsolve(system, [1, 1], full_output=True, **options)
    assert (ier, message, info.keys()) == (theirs[2], theirs[3], theirs[1].keys())
    assert 0 <= theirs[1]["nfev"] - info["nfev"] <= 2
    np.testing.assert_allclose(x, theirs[0], rtol=1e-9)
    for name in ("fjac", "r", "qtf", "fvec"):
        np.testing.assert_allclose(info[name], theirs[1][name], 1e-6, 1e-9, err_msg=name)
    if "fprime" in options:
        assert info["njev"] == theirs[1]["njev"]


@pytest.mark.parametrize("jac", [None, system_jacobian, True])
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root_returns_what_scipy_returns(method: str, jac: Any) -> None:
    scipy = peers.require_peer("scipy.optimize")

    def both(x: np.ndarray) -> Any:
        return system(x), system_jacobian(x)

    fun: Any = both if jac is True else system
    mine = originals.root(fun, [1, 1], method=method, jac=jac, tol=1e-9)
    theirs = scipy.root(fun, [1, 1], method=method, jac=jac, tol=1e-9)
    assert mine.keys() == theirs.keys()
    assert (mine.status, mine.success, mine.message) == (1 if method == "hybr" else mine.status,
                                                         True, theirs.message)  # fmt: skip
    assert mine.status == theirs.status
    np.testing.assert_allclose(mine.x, theirs.x, rtol=1e-9)


def test_fmin_l_bfgs_b_takes_the_steps_of_ours_and_ends_as_scipy_does() -> None:
    scipy = peers.require_peer("scipy.optimize")
    bounds = [(-1, 0.5), (None, None), (0, None)]
    start = [-1.2, 1.0, 2.0]
    x, f, d = originals.fmin_l_bfgs_b(rosenbrock, start, bounds=bounds)
    for other in (scipy.fmin_l_bfgs_b, optimize.fmin_l_bfgs_b):
        x1, f1, d1 = other(rosenbrock, start, bounds=bounds)
        np.testing.assert_allclose(x, x1, rtol=1e-6)
        assert f == pytest.approx(f1, rel=1e-12)
        assert [d[k] for k in ("nit", "funcalls", "warnflag")] == [
            d1[k] for k in ("nit", "funcalls", "warnflag")
        ]
    assert d["task"] == d1["task"]
    seen: list[np.ndarray] = []
    _, _, d = originals.fmin_l_bfgs_b(
        lambda x: rosenbrock(x)[0], start, approx_grad=True, bounds=bounds, maxiter=5,
        callback=lambda xk: seen.append(xk),
    )  # fmt: skip
    assert d["warnflag"] == 1 and d["nit"] == len(seen) == 5
    assert d["funcalls"] == 4 * (d["funcalls"] // 4)


@pytest.mark.parametrize("limits", [{"maxfun": 3}, {"maxiter": 2}])
def test_limits_of_fmin_l_bfgs_b_end_it_as_ours(limits: dict[str, int]) -> None:
    mine = originals.fmin_l_bfgs_b(rosenbrock, [-1.2, 1.0], **limits)
    ours = optimize.fmin_l_bfgs_b(rosenbrock, [-1.2, 1.0], **limits)
    np.testing.assert_allclose(mine[0], ours[0], rtol=1e-9)
    assert {k: v for k, v in mine[2].items() if k != "grad"} == {
        k: v for k, v in ours[2].items() if k != "grad"
    }


# The routines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", MINPACK_CASES[:40], ids=lambda c: c.id)
def test_lmstr_ends_where_lmder_ends(case: Case) -> None:
    p = case.problem
    limits = (p.m, TOL, TOL, 0.0, 100 * (p.n + 1))
    whole = originals.lmder(p.residual, p.jacobian, case.start, *limits)
    rows = originals.lmstr(p.residual, lambda x, i: p.jacobian(x)[i], case.start, *limits)
    if whole.info in (1, 2, 3, 4) and rows.info in (1, 2, 3, 4):
        norms = originals.enorm(whole.fvec), originals.enorm(rows.fvec)
        assert norms[1] == pytest.approx(norms[0], rel=1e-5, abs=1e-7)
    assert rows.fjac.shape == (p.n, p.n)


@pytest.mark.parametrize("case", SQUARE, ids=lambda c: c.id)
def test_hybrd_and_hybrj_leave_factors_of_a_jacobian(case: Case) -> None:
    p = case.problem
    for out in (
        originals.hybrd(p.residual, case.start, TOL, 200 * (p.n + 1), p.n - 1, p.n - 1, 0.0),
        originals.hybrj(p.residual, p.jacobian, case.start, TOL, 100 * (p.n + 1)),
    ):
        np.testing.assert_allclose(out.fjac.T @ out.fjac, np.eye(p.n), atol=1e-10)
        np.testing.assert_array_equal(out.fvec, p.residual(out.x))
        if out.info == 1 and np.abs(out.fvec).max() < 1e-6:
            assert out.nfev > 1
        scale = np.abs(out.fvec).max() + 1
        assert np.abs(out.fjac @ out.qtf - out.fvec).max() < 10 * scale
    assert out.njev >= 1


def test_chkder_tells_right_rows_from_wrong_ones() -> None:
    x = np.array([1.2, 0.7])
    near = originals.chkder_point(x)
    right = decay_jacobian(x)
    wrong = right.copy()
    wrong[3] *= -1
    err = originals.chkder(x, decay(x), wrong, decay(near))
    assert err[3] < 0.3
    assert np.delete(err, 3).min() > 0.7
    assert originals.chkder(x, decay(x), right, decay(near)).min() > 0.7


def test_difference_jacobians_are_derivatives_banded_ones_within_their_band() -> None:
    def chain(x: np.ndarray) -> np.ndarray:
        return x**3 + np.concatenate([[0.0], x[:-1]])

    x = np.arange(1.0, 6.0)
    exact = np.diag(3 * x**2) + np.diag(np.ones(4), -1)
    for ml, mu in ((4, 4), (1, 0)):
        np.testing.assert_allclose(originals.fdjac1(chain, x, chain(x), ml, mu), exact, atol=1e-5)
    np.testing.assert_allclose(originals.fdjac2(decay, [1, 1], decay(np.ones(2))),
                               decay_jacobian(np.ones(2)), atol=1e-7)  # fmt: skip


def test_dogleg_is_the_newton_step_within_the_bound_and_else_as_long_as_it() -> None:
    r = np.array([[2.0, 1.0], [0.0, 4.0]])
    newton = np.linalg.solve(r, [3.0, 5.0])
    packed = r[np.triu_indices(2)]
    np.testing.assert_allclose(originals.dogleg(packed, [1, 1], [3, 5], 10.0), newton)
    short = originals.dogleg(packed, [1, 1], [3, 5], 0.5)
    assert np.linalg.norm(short) == pytest.approx(0.5)


# Exceptions, nesting, threads --------------------------------------------------------------------

Runner = Callable[[Callable[[np.ndarray], Any]], Any]


def runners() -> dict[str, tuple[Runner, Callable[[np.ndarray], Any]]]:
    """For each function: how to run it on a residual function, and a harmless one."""
    return {
        "lmdif": (lambda f: originals.leastsq(f, [1, 1]), decay),
        "lmder": (lambda f: originals.leastsq(f, [1, 1], Dfun=decay_jacobian), decay),
        "lmder, Jacobian": (lambda f: originals.leastsq(decay, [1, 1], Dfun=f), decay_jacobian),
        "hybrd": (lambda f: originals.fsolve(f, [1, 1]), system),
        "hybrj": (lambda f: originals.fsolve(f, [1, 1], fprime=system_jacobian), system),
        "hybrj, Jacobian": (lambda f: originals.fsolve(system, [1, 1], fprime=f), system_jacobian),
        "setulb": (lambda f: originals.fmin_l_bfgs_b(f, [-1.2, 1.0]), rosenbrock),
        "lmstr": (
            lambda f: originals.lmstr(f, lambda x, i: decay_jacobian(x)[i], [1, 1], 25, TOL, TOL,
                                      0.0, 300),
            decay,
        ),
        "lmstr, row": (
            lambda f: originals.lmstr(decay, lambda x, i: f(x)[i], [1, 1], 25, TOL, TOL, 0.0, 300),
            decay_jacobian,
        ),
    }  # fmt: skip


NAMES = (
    "lmdif", "lmder", "lmder, Jacobian", "hybrd", "hybrj", "hybrj, Jacobian", "setulb", "lmstr",
    "lmstr, row",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("call", [0, 1, 2])
def test_exceptions_of_a_callback_end_the_run_at_once_and_leave_unchanged(
    name: str, error: BaseException, call: int
) -> None:
    run, harmless = runners()[name]
    if name == "hybrj, Jacobian" and call > 1:
        call = 1
    calls = 0

    def failing(x: np.ndarray) -> Any:
        nonlocal calls
        calls += 1
        if calls > call:
            raise error
        return harmless(x)

    with pytest.raises(type(error)) as caught:
        run(failing)
    assert caught.value is error
    assert calls == call + 1
    run(harmless)  # and nothing of it is left


@pytest.mark.parametrize("name", NAMES)
def test_what_a_callback_does_to_its_argument_changes_nothing(name: str) -> None:
    run, harmless = runners()[name]

    def spoiling(x: np.ndarray) -> Any:
        value = harmless(x)
        x[:] = np.nan
        return value

    expected, result = run(harmless), run(spoiling)
    np.testing.assert_array_equal(
        expected[0] if isinstance(expected, tuple) else expected,
        result[0] if isinstance(result, tuple) else result,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_run_inside_the_callback_of_another_one_disturbs_neither(name: str) -> None:
    run, harmless = runners()[name]
    alone = {other: runners()[other][0](runners()[other][1]) for other in NAMES}
    inner: list[tuple[str, Any]] = []

    def nesting(x: np.ndarray) -> Any:
        inner.extend(
            (other, runners()[other][0](runners()[other][1]))
            for other in ("lmdif", "hybrj", "setulb")
        )
        with pytest.raises(LookupError):
            originals.leastsq(raising, [1.0, 1.0])
        return harmless(x)

    def raising(x: np.ndarray) -> Any:
        raise LookupError

    result = run(nesting)
    np.testing.assert_array_equal(
        alone[name][0] if isinstance(result, tuple) else alone[name],
        result[0] if isinstance(result, tuple) else result,
    )
    assert inner
    for other, found in inner:
        first = alone[other][0] if isinstance(found, tuple) else alone[other]
        np.testing.assert_array_equal(found[0] if isinstance(found, tuple) else found, first)


def test_eight_threads_at_once_get_the_results_of_one() -> None:
    def work(k: int) -> list[Any]:
        y = Y * (1 + 0.1 * k)
        done = []
        for _ in range(20):
            fit = originals.leastsq(lambda p: p[0] * np.exp(-T / p[1]) - y, [1, 1])
            solved = originals.fsolve(lambda x: system(x) + 0.1 * k, [1, 1])
            least = originals.fmin_l_bfgs_b(rosenbrock, [-1.2, 1.0 + 0.1 * k, 0.3])
            done.append((fit[0].tobytes(), fit[1], solved.tobytes(), least[0].tobytes()))
        return done

    expected = [work(k) for k in range(8)]
    found: list[Any] = [None] * 8
    barrier = threading.Barrier(8)

    def run(k: int) -> None:
        barrier.wait()
        found[k] = work(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that they interleave within one fit
    try:
        threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert found == expected


# What is refused ---------------------------------------------------------------------------------


def test_another_maxls_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"maxls=30: the original L-BFGS-B has 20 evaluations"):
        originals.fmin_l_bfgs_b(rosenbrock, [-1.2, 1.0], maxls=30)


def test_sizes_beyond_32_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="32-bit integers"):
        originals.Setulb([1.0], [0.0], [0.0], [0], 20000, 1e7, 1e-5)
    with pytest.raises(ValueError, match="32-bit integers"):
        originals.lmdif(decay, [1, 1], 2**31, TOL, TOL, 0.0, 100, 0.0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: originals.leastsq(3, [1, 1]), TypeError, "func"),
        (lambda: originals.leastsq(decay, "ab"), TypeError, "x0"),
        (lambda: originals.leastsq(decay, [1, 1], ftol=-1), TypeError, "ftol"),
        (lambda: originals.leastsq(decay, [1, 1], diag=[1]), TypeError, "diag"),
        (lambda: originals.leastsq(lambda p: [1.0], [1, 1]), TypeError, "N=2 must not exceed"),
        (lambda: originals.fsolve(3, [1, 1]), TypeError, "func"),
        (lambda: originals.fsolve(system, [1, 1, 1]), TypeError, r"Shape should be \(3,\)"),
        (lambda: originals.fsolve(system, [1, 1], fprime=system), TypeError, r"\(2, 2\)"),
        (lambda: originals.fsolve(system, []), TypeError, "x0"),
        (lambda: originals.fsolve(system, [1, 1], xtol=-1), TypeError, "xtol"),
        (lambda: originals.fsolve(system, [1, 1], diag=[1, -1]), TypeError, "diag"),
        (lambda: originals.fsolve(system, [1, 1], factor=0), TypeError, "factor"),
        (lambda: originals.root(system, [1, 1], method="krylov"), ValueError, "'hybr' and 'lm'"),
        (lambda: originals.fmin_l_bfgs_b(3, [1, 1]), TypeError, "func"),
        (lambda: originals.fmin_l_bfgs_b(rosenbrock, [np.nan, 1]), ValueError, "x0"),
        (lambda: originals.fmin_l_bfgs_b(rosenbrock, [1], bounds=[(2, 1)]), ValueError, "bound"),
        (lambda: originals.fmin_l_bfgs_b(lambda x: (1.0, [1.0]), [1, 1]), ValueError, "gradient"),
        (lambda: originals.fmin_l_bfgs_b(lambda x: 1.0, [1, 1]), TypeError, "pair"),
        (lambda: originals.lmdif(lambda p: p, [1, 1], 3, TOL, TOL, 0.0, 9, 0.0), ValueError, "3"),
        (lambda: originals.qrsolv(np.eye(2), [0, 5], [1, 1], [1, 1]), ValueError, "permutation"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_that_names_it(
    call: Callable[[], Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        call()


def test_residuals_whose_number_changes_are_an_error() -> None:
    calls = 0

    def changing(p: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return decay(p)[: 25 - (calls > 2)]

    with pytest.raises(ValueError, match=r"\(24,\).*\(25,\)"):
        originals.leastsq(changing, [1, 1])


def test_runs_without_a_solution_warn_as_scipys_do() -> None:
    with pytest.warns(RuntimeWarning, match="maxfev = 3"):
        originals.fsolve(system, [1, 1], maxfev=3)
    with pytest.warns(RuntimeWarning, match="maxfev = 3"):
        originals.leastsq(decay, [1, 1], maxfev=3)
    with pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: bar"):
        originals.root(system, [1, 1], options={"bar": 1})
    with pytest.warns(RuntimeWarning, match="does not accept callback"):
        originals.root(system, [1, 1], callback=print)


def test_what_the_fortran_prints_goes_to_the_standard_output_of_the_process_in_order() -> None:
    code = (
        "from fitcore.originals import fmin_l_bfgs_b\n"
        "print('before')\n"
        "fmin_l_bfgs_b(lambda x: (x @ x, 2 * x), [1.0, 2.0], iprint=1)\n"
        "print('after')\n"
        "fmin_l_bfgs_b(lambda x: (x @ x, 2 * x), [1.0, 2.0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert lines[0] == "before" and lines[-1] == "after"
    assert lines[1] == "RUNNING THE L-BFGS-B CODE"
    assert any(line.startswith("At iterate    0    f=") for line in lines)


def test_an_evaluator_of_fitcores_own_may_be_asked() -> None:
    evaluator = PythonEvaluator(decay, (), decay_jacobian, False, None)
    np.testing.assert_array_equal(evaluate(evaluator, [1.0, 2.0]), decay(np.array([1.0, 2.0])))
    out = originals.lmder(evaluator, None, [1, 1], None, TOL, TOL, 0.0, 300)
    np.testing.assert_array_equal(
        out.x, originals.leastsq(decay, [1, 1], Dfun=decay_jacobian, ftol=TOL, xtol=TOL)[0]
    )
