"""`fmin_l_bfgs_b` and `minimize` are drop-ins for those of scipy.optimize."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import originals
import pytest

import fitcore.optimize as ours

theirs = originals.require_peer("scipy.optimize")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

#: Messages of the Fortran code, and what SciPy's port says since 1.15.
TASKS = {
    "CONVERGENCE: NORM_OF_PROJECTED_GRADIENT_<=_PGTOL": (
        "CONVERGENCE: NORM OF PROJECTED GRADIENT <= PGTOL"
    ),
    "CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH": (
        "CONVERGENCE: RELATIVE REDUCTION OF F <= FACTR*EPSMCH"
    ),
    "STOP: TOTAL NO. of ITERATIONS REACHED LIMIT": "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT",
    "STOP: TOTAL NO. of f AND g EVALUATIONS EXCEEDS LIMIT": (
        "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"
    ),
    "ABNORMAL_TERMINATION_IN_LNSRCH": "ABNORMAL: ",
}
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


def value(x: np.ndarray) -> float:
    return rosenbrock(x)[0]


def quadratic(n: int) -> Function:
    """Convex, with condition 30: longer runs part by rounding alone."""
    a = np.linspace(1, 30, n)

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(0.5 * a @ (x - 1) ** 2), a * (x - 1)

    return fun


def trigonometric(x: np.ndarray) -> tuple[float, np.ndarray]:
    i = np.arange(1, x.size + 1)
    r = x.size - np.cos(x).sum() + i * (1 - np.cos(x)) - np.sin(x)
    return float(r @ r), 2 * (np.sin(x) * r.sum() + r * (i * np.sin(x) - np.cos(x)))


def lies(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), -2 * x


def rotated(n: int) -> np.ndarray:
    return np.tile([-1.2, 1.0], n)[:n]


def problems() -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for n in (2, 3, 5, 10):
        free, box = rotated(n), [(-2.0, 0.8)] * n
        out[f"rosenbrock {n}"] = {"func": rosenbrock, "x0": free}
        out[f"rosenbrock {n} in a box"] = {"func": rosenbrock, "x0": free, "bounds": box}
        out[f"rosenbrock {n} with m=3"] = {"func": rosenbrock, "x0": free, "m": 3}
        one = [(None, 0.5) if i % 2 else (0.1, None) for i in range(n)]
        out[f"rosenbrock {n} one-sided"] = {"func": rosenbrock, "x0": free, "bounds": one}
        out[f"trigonometric {n}"] = {"func": trigonometric, "x0": np.full(n, 1.0 / n)}
        low = {"func": rosenbrock, "x0": free, "factr": 1e12}
        out[f"rosenbrock {n} to low accuracy"] = low
    for n in (4, 40, 1000):
        half = [(2.0, None) if i % 2 else (None, None) for i in range(n)]
        tight = {"func": quadratic(n), "x0": np.full(n, 3.0), "bounds": half, "factr": 10.0}
        out[f"quadratic {n}, half of it at bounds"] = tight
    x0 = rotated(5)
    fixed = [(-2, 2), (0.5, 0.5), (None, None), (1, 1), (0, 9)]
    out["fixed variables"] = {"func": rosenbrock, "x0": x0, "bounds": fixed}
    out["an infeasible start"] = {"func": rosenbrock, "x0": x0, "bounds": [(2, 4)] * 5}
    out["all fixed"] = {"func": rosenbrock, "x0": x0, "bounds": [(2, 2)] * 5}
    out["infinite bounds"] = {"func": rosenbrock, "x0": x0, "bounds": [(-np.inf, np.inf)] * 5}
    out["a start at the minimum"] = {"func": rosenbrock, "x0": np.ones(4)}
    out["pgtol"] = {"func": rosenbrock, "x0": x0, "pgtol": 1.0}
    out["maxiter"] = {"func": rosenbrock, "x0": x0, "maxiter": 4}
    out["maxiter 0"] = {"func": rosenbrock, "x0": x0, "maxiter": 0}
    out["maxfun"] = {"func": rosenbrock, "x0": x0, "maxfun": 7}
    out["both limits"] = {"func": rosenbrock, "x0": x0, "maxfun": 7, "maxiter": 5}
    out["maxls"] = {"func": rosenbrock, "x0": x0, "maxls": 3}
    out["an array of integers"] = {"func": rosenbrock, "x0": [3, -2, 1]}
    return out


@pytest.mark.parametrize("name", problems())
def test_counts_points_and_messages_are_scipys(name: str) -> None:
    case = problems()[name]
    x, f, d = ours.fmin_l_bfgs_b(**case)
    x_ref, f_ref, d_ref = theirs.fmin_l_bfgs_b(**case)
    assert (d["nit"], d["funcalls"], d["warnflag"]) == (
        d_ref["nit"], d_ref["funcalls"], d_ref["warnflag"],
    )  # fmt: skip
    assert TASKS[d["task"]] == d_ref["task"]
    # some fifty steps along a curved valley magnify the rounding errors of both
    assert f == pytest.approx(f_ref, rel=1e-3, abs=1e-10)
    np.testing.assert_allclose(x, x_ref, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(d["grad"], d_ref["grad"], rtol=1e-2, atol=1e-3)
    assert sorted(d) == sorted(d_ref)


def test_a_line_search_that_fails_ends_with_the_same_flag_and_point() -> None:
    # SciPy's port counts 18 evaluations here, the Fortran code 21
    case = {"func": lies, "x0": rotated(5)}
    x, f, d = ours.fmin_l_bfgs_b(**case)
    x_ref, f_ref, d_ref = theirs.fmin_l_bfgs_b(**case)
    assert d["warnflag"] == d_ref["warnflag"] == 2
    assert TASKS[d["task"]] == d_ref["task"]
    assert (x == x_ref).all() and f == f_ref and d["nit"] == d_ref["nit"]
    assert (d["grad"] == d_ref["grad"]).all()


@pytest.mark.parametrize("name", ["fmin_l_bfgs_b", "minimize"])
def test_signatures_are_scipys(name: str) -> None:
    mine = inspect.signature(getattr(ours, name)).parameters
    other = inspect.signature(getattr(theirs, name)).parameters
    # what they deprecate is what we are for: their default of iprint stands for "not given"
    for key, parameter in other.items():
        assert key in mine
        if key not in ("iprint", "disp"):
            assert mine[key].default == parameter.default, key
    order = [key for key in mine if key in other]
    assert order == list(other)


OPTIONS: dict[str, dict[str, Any]] = {
    "jac None": {},
    "jac False": {"jac": False},
    "2-point": {"jac": "2-point"},
    "3-point": {"jac": "3-point"},
    "cs": {"jac": "cs"},
    "eps": {"options": {"eps": 1e-6}},
    "eps an array": {"options": {"eps": [1e-6, 1e-7, 1e-8]}},
    "eps backwards": {"options": {"eps": -1e-7}},
    "in a box": {"bounds": [(-2, 0.8)] * 3},
    "3-point in a box": {"jac": "3-point", "bounds": [(-2, 0.8)] * 3},
    "cs in a box": {"jac": "cs", "bounds": [(-2, 0.8)] * 3},
    "in a Bounds": {"bounds": theirs.Bounds([-2, -np.inf, 0], [0.8, 3, np.inf])},
    "relative steps": {"jac": "2-point", "options": {"finite_diff_rel_step": 1e-7}},
    "maxcor": {"options": {"maxcor": 2}},
    "ftol": {"options": {"ftol": 1e-3}},
    "gtol": {"options": {"gtol": 1e-2, "ftol": 0}},
    "tol": {"tol": 1e-4},
    "maxfun": {"options": {"maxfun": 14}},
    "maxiter": {"options": {"maxiter": 3}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_minimize_counts_and_results_are_scipys(name: str) -> None:
    start = [1.3, 1.7, 1.1] if "relative" in name else [-1.2, 1.0, 1.4]

    def fun(x: np.ndarray) -> Any:
        return np.cosh(x - 1).sum() + (x[1:] * x[:-1]).sum() / 2 + x[0] ** 4

    case = {"fun": fun, "x0": start, "method": "L-BFGS-B", **OPTIONS[name]}
    mine, other = ours.minimize(**case), theirs.minimize(**case)
    assert (mine.nit, mine.nfev, mine.njev) == (other.nit, other.nfev, other.njev)
    assert (mine.success, mine.status) == (other.success, other.status)
    # forward differences make 1e-8 of the last bit of x
    assert mine.fun == pytest.approx(other.fun, rel=1e-8)
    np.testing.assert_allclose(mine.x, other.x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(mine.jac, other.jac, rtol=1e-3, atol=1e-5)
    assert sorted(mine) == sorted(other)


def test_differences_cost_and_step_as_scipys() -> None:
    for jac in (None, "2-point", "3-point"):
        seen: list[list[np.ndarray]] = []
        for package in (ours, theirs):
            asked: list[np.ndarray] = []

            def fun(x: np.ndarray, asked: list[np.ndarray] = asked) -> float:
                asked.append(x.copy())
                return value(x)

            package.minimize(
                fun, [-1.2, 0.8, 0.4], method="L-BFGS-B", jac=jac, options={"maxiter": 1},
                bounds=[(-2, 3), (0.2, 0.8), (None, None)],
            )  # fmt: skip
            seen.append(asked)
        first = 7 if jac == "3-point" else 4
        np.testing.assert_allclose(seen[0][:first], seen[1][:first], rtol=0, atol=1e-16)


def test_the_method_runs_under_scipys_minimize() -> None:
    for jac in (True, None):
        fun = rosenbrock if jac else value
        points: list[np.ndarray] = []
        result = theirs.minimize(
            fun, rotated(4), jac=jac, method=ours.lbfgsb, bounds=theirs.Bounds(-2, 0.9),
            callback=points.append, options={"maxcor": 5, "gtol": 1e-7}, tol=1e-9,
        )  # fmt: skip
        direct = ours.minimize(
            fun, rotated(4), jac=jac, bounds=[(-2, 0.9)] * 4, options={"maxcor": 5, "gtol": 1e-7},
            tol=1e-9,
        )  # fmt: skip
        assert (result.x == direct.x).all()
        assert len(points) == result.nit == direct.nit
        assert result.success


def test_a_callback_that_raises_stopiteration_ends_as_scipys_does() -> None:
    def stop(intermediate_result: Any) -> None:
        if intermediate_result.fun < 1:
            raise StopIteration

    results = [
        package.minimize(rosenbrock, rotated(3), jac=True, method="L-BFGS-B", callback=stop)
        for package in (ours, theirs)
    ]
    assert results[0].status == results[1].status == 99
    assert results[0].message == results[1].message
    assert results[0].nit == results[1].nit
    assert not results[0].success


@pytest.mark.parametrize("maxcor", [1, 4, 10])
def test_the_inverse_hessian_is_scipys_for_the_same_pairs(maxcor: int) -> None:
    mine = ours.minimize(rosenbrock, rotated(5), jac=True, options={"maxcor": maxcor}).hess_inv
    reference = theirs.LbfgsInvHessProduct(mine.sk, mine.yk)
    dense = mine.todense()
    np.testing.assert_allclose(dense, reference.todense(), rtol=1e-8, atol=1e-12)
    block = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(mine @ block, reference @ block, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(mine.matvec(block[:, 0]), dense @ block[:, 0], rtol=1e-9)
    assert mine.shape == reference.shape and mine.dtype == reference.dtype


def test_pairs_of_fewer_updates_than_maxcor_are_scipys() -> None:
    case = {"x0": rotated(3), "jac": True, "method": "L-BFGS-B", "options": {"maxiter": 5}}
    mine = ours.minimize(rosenbrock, **case).hess_inv
    other = theirs.minimize(rosenbrock, **case).hess_inv
    np.testing.assert_allclose(mine.sk, other.sk, rtol=1e-9)
    np.testing.assert_allclose(mine.yk, other.yk, rtol=1e-9)


def test_an_unknown_option_warns_as_scipy_does() -> None:
    with pytest.warns(ours.OptimizeWarning, match="Unknown solver options: foo"):
        ours.minimize(value, [1.0, 2.0], options={"foo": 3})
    with pytest.warns(theirs.OptimizeWarning, match="Unknown solver options: foo"):
        theirs.minimize(value, [1.0, 2.0], method="L-BFGS-B", options={"foo": 3})


def test_scipys_bounds_and_pairs_mean_the_same() -> None:
    pairs = [(-2, 0.8), (None, 3), (0, None)]
    box = theirs.Bounds([-2, -np.inf, 0], [0.8, 3, np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a = ours.fmin_l_bfgs_b(rosenbrock, rotated(3), bounds=pairs)
        b = ours.fmin_l_bfgs_b(rosenbrock, rotated(3), bounds=box)
    assert (a[0] == b[0]).all() and a[2]["funcalls"] == b[2]["funcalls"]
