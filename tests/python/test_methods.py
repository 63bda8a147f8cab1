"""Methods of `minimize` other than Levenberg-Marquardt."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fitcore import Minimizer, Parameters, minimize
from fitcore.minimizer import METHODS

T = np.linspace(0, 10, 101)
DATA = 3 * np.exp(-T / 2.5) + 0.5 + 0.05 * np.random.default_rng(1).normal(size=T.size)
NATIVE_OR_MAPPED = [name for name in METHODS if name not in ("brute", "shgo", "direct", "emcee")]


def decay(p: Parameters) -> Any:
    return p["a"] * np.exp(-T / p["t"]) + p["c"] - DATA


def start(a: float = 2.0, t: float = 1.5, c: float = 0.1) -> Parameters:
    params = Parameters()
    params.add("a", value=a, min=0, max=10)
    params.add("t", value=t, min=0.1, max=20)
    params.add("c", value=c, min=-2, max=2)
    return params


@pytest.fixture(scope="module")
def reference() -> Any:
    return Minimizer(decay, start()).leastsq()


def seeded(method: str) -> dict[str, Any]:
    if method == "differential_evolution":
        return {"rng": 1, "tol": 1e-8}
    if method == "ampgo":
        return {"seed": 1, "totaliter": 2}
    return {"rng": 1} if method in ("basinhopping", "dual_annealing", "anneal") else {}


@pytest.mark.parametrize("method", NATIVE_OR_MAPPED)
def test_every_method_finds_the_minimum_and_standard_errors_of_leastsq(
    method: str, reference: Any
) -> None:
    params = start()
    result = minimize(decay, params, method=method, **seeded(method))
    assert result.success, result.message
    assert result.chisqr == pytest.approx(reference.chisqr, rel=1e-3)
    assert result.errorbars
    for name, item in reference.params.items():
        assert result.params[name].stderr == pytest.approx(item.stderr, rel=0.02)
        assert abs(result.params[name].value - item.value) < 0.25 * item.stderr
        assert params[name].value == result.params[name].value
    assert result.params["a"].correl["t"] == pytest.approx(
        reference.params["a"].correl["t"], abs=0.02
    )
    assert (result.ndata, result.nvarys, result.nfree) == (101, 3, 98)
    assert result.aic == pytest.approx(reference.aic, abs=0.1)


@pytest.mark.parametrize(
    ("name", "attribute", "scalar"),
    [
        ("nelder", "fmin", "Nelder-Mead"),
        ("lbfgsb", "lbfgsb", "L-BFGS-B"),
        ("powell", None, "Powell"),
        ("cg", None, "CG"),
        ("newton", None, "Newton-CG"),
        ("cobyla", None, "COBYLA"),
        ("slsqp", None, "SLSQP"),
    ],
)
def test_the_manuals_three_names_of_a_method_are_one_method(
    name: str, attribute: str | None, scalar: str
) -> None:
    fitter = Minimizer(decay, start())
    runs = [fitter.minimize(name), fitter.scalar_minimize(scalar)]
    if attribute is not None:
        runs.append(getattr(fitter, attribute)())
    for run in runs:
        assert run.method == scalar
        assert run.success


@pytest.mark.parametrize(
    "name", ["NELDER", "Nelder-Mead", "neld", "L-BFGS-B", "lbfgs", "leastsq", "differential"]
)
def test_names_are_read_in_any_case_and_by_their_beginning(name: str) -> None:
    assert Minimizer(decay, start()).minimize(name, **seeded("")).nvarys == 3


@pytest.mark.parametrize("name", ["nosuch", "lm", "bfgsb", "tr", "trust", "t", ""])
def test_an_unknown_or_ambiguous_name_is_an_error_that_lists_the_methods(name: str) -> None:
    with pytest.raises(ValueError, match=r"'leastsq' .*'lbfgsb' .*'nelder' .*'anneal'"):
        minimize(decay, start(), method=name)


@pytest.mark.parametrize("method", ["lbfgsb", "nelder", "powell", "bfgs", "slsqp", "tnc"])
def test_a_scalar_objective_gets_standard_errors_from_its_hessian(method: str) -> None:
    sigma = 0.05
    fitter = Minimizer(lambda p: float(np.sum((decay(p) / sigma) ** 2)), start())
    known = Minimizer(lambda p: decay(p) / sigma, start(), scale_covar=False).leastsq()
    result = fitter.minimize(method, **({"tol": 1e-10} if method == "nelder" else {}))
    assert result.success, result.message
    assert result.chisqr == pytest.approx(known.chisqr, rel=1e-5)
    # The Hessian has the second derivatives of the residuals, which J^T J leaves out.
    for name, item in known.params.items():
        assert result.params[name].stderr == pytest.approx(item.stderr, rel=0.03)


@pytest.mark.parametrize("method", NATIVE_OR_MAPPED)
def test_iter_cb_stops_every_method_at_that_evaluation_with_the_best_values(method: str) -> None:
    seen: list[float] = []

    def enough(params: Any, nfev: int, resid: Any) -> bool:
        seen.append(float(resid @ resid))
        return nfev == 17

    params = start()
    result = Minimizer(decay, params, iter_cb=enough).minimize(method, **seeded(method))
    assert result.aborted
    assert not result.success
    assert not result.errorbars
    assert result.nfev == 17 == len(seen)
    assert result.chisqr == min(seen)
    at_result = decay(result.params)
    assert at_result @ at_result == result.chisqr


@pytest.mark.parametrize("method", [*NATIVE_OR_MAPPED, "brute", "direct"])
def test_max_nfev_stops_every_method(method: str) -> None:
    result = Minimizer(decay, start(), max_nfev=12).minimize(method, **seeded(method))
    assert result.aborted
    assert result.nfev == 12
    assert result.message == "Fit aborted: number of function evaluations > 12"


@pytest.mark.parametrize("method", NATIVE_OR_MAPPED)
def test_exceptions_of_the_function_pass_and_leave_the_parameters_alone(method: str) -> None:
    calls = []

    def broken(p: Parameters) -> Any:
        calls.append(1)
        if len(calls) > 8:
            raise ZeroDivisionError("of the user")
        return decay(p)

    params = start()
    with pytest.raises(ZeroDivisionError, match="of the user"):
        minimize(broken, params, method=method, **seeded(method))
    assert params.valuesdict() == start().valuesdict()


@pytest.mark.parametrize("method", ["lbfgsb", "nelder", "bfgs", "differential_evolution"])
def test_nan_is_an_error_under_raise_and_retreated_from_under_propagate(method: str) -> None:
    def partly(p: Parameters) -> Any:
        return decay(p) if p["t"] < 8 else np.full(T.size, np.nan)

    with pytest.raises(ValueError, match="NaN"):
        minimize(lambda _: np.full(T.size, np.nan), start(), method=method, **seeded(method))
    result = minimize(partly, start(), method=method, nan_policy="propagate", **seeded(method))
    assert result.success, result.message
    assert result.params["t"].value == pytest.approx(2.48, abs=0.05)


def test_lbfgsb_leaves_a_bound_it_starts_on_and_ends_on_one_exactly() -> None:
    for a in (0.0, 10.0, 1e-12):
        result = minimize(decay, start(a=a, t=20.0, c=2.0), method="lbfgsb")
        assert result.success
        assert result.chisqr == pytest.approx(0.18014192, rel=1e-6)
        assert result.at_bound == ()
    params = start()
    params["c"].max = 0.2
    result = minimize(decay, params, method="lbfgsb")
    assert result.params["c"].value == 0.2
    assert result.at_bound == ("c",)
    assert result.params["c"].stderr is None
    fixed = start(c=0.2)
    fixed["c"].vary = False
    alone = minimize(decay, fixed)
    assert result.chisqr == pytest.approx(alone.chisqr, rel=1e-9)
    for name in ("a", "t"):
        # With 98 degrees of freedom in place of 99: the variable at its bound is one.
        expected = alone.params[name].stderr * np.sqrt(99 / 98)
        assert result.params[name].stderr == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sizes", [(1e-9, 1e6), (1e6, 1e-9), (1e-9, 1e-9), (1e9, 1e9)])
def test_lbfgsb_is_indifferent_to_the_sizes_of_the_parameters(sizes: tuple[float, float]) -> None:
    big, small = sizes
    params = Parameters()
    params.add("a", value=2 * big, min=0, max=10 * big)
    params.add("t", value=1.5 * small, min=0.1 * small)
    params.add("c", value=0.0)

    def residual(p: Parameters) -> Any:
        return p["a"] / big * np.exp(-T / (p["t"] / small)) + p["c"] - DATA

    result = minimize(residual, params, method="lbfgsb")
    assert result.success
    assert result.chisqr == pytest.approx(0.18014192, rel=1e-6)
    assert result.params["a"].stderr == pytest.approx(0.0169066 * big, rel=1e-3)


def test_lbfgsb_takes_a_gradient_or_a_jacobian() -> None:
    def jacobian(p: Parameters) -> Any:
        wave = np.exp(-T / p["t"])
        return np.column_stack([wave, p["a"] * T / p["t"] ** 2 * wave, np.ones_like(T)])

    def gradient(p: Parameters) -> Any:
        return 2 * decay(p) @ jacobian(p)

    for jac in (jacobian, gradient):
        fitter = Minimizer(decay, start())
        for run in (fitter.lbfgsb(jac=jac), fitter.scalar_minimize("BFGS", jac=jac)):
            assert run.success, run.message
            assert run.chisqr == pytest.approx(0.18014192, rel=1e-6)
    with pytest.raises(ValueError, match=r"lambda.* returns shape \(2,\), wanted \(3,\)"):
        Minimizer(decay, start()).lbfgsb(jac=lambda _: np.zeros(2))


def test_with_a_jacobian_no_point_is_evaluated_twice_in_a_row() -> None:
    points, work = [], np.empty((3, T.size))

    def residual(p: Parameters) -> Any:
        points.append(tuple(p.valuesdict().values()))
        work[0] = decay(p)
        return work[0]

    def jac(p: Parameters) -> Any:
        e = np.exp(-T / p["t"])
        work[:] = e, p["a"] * T / p["t"] ** 2 * e, np.ones(T.size)  # over the residuals
        return work.T

    result = Minimizer(residual, start(), calc_covar=False).lbfgsb(jac=jac, refine=False)
    assert result.success
    assert result.chisqr == pytest.approx(Minimizer(decay, start()).leastsq().chisqr, rel=1e-9)
    assert all(a != b for a, b in pairwise(points))


def test_callback_is_called_once_for_each_iteration_and_may_stop_the_fit() -> None:
    for method in ("lbfgsb", "nelder", "powell", "bfgs", "slsqp"):
        seen: list[float] = []

        def each(params: Parameters, state: Any, seen: list[float] = seen) -> bool:
            del state
            seen.append(params["t"].value)
            return len(seen) == 3

        result = Minimizer(decay, start()).minimize(method, callback=each)
        assert len(seen) == 3, method
        assert result.message == "Fit aborted: callback asked for it."


def test_reduce_fcn_makes_the_number_that_is_minimized() -> None:
    def total(r: Any) -> float:
        return float(np.abs(r).sum())

    result = Minimizer(decay, start(), reduce_fcn=total).minimize("nelder", tol=1e-9)
    params = result.params.copy()
    for name in params:
        for step in (-1e-3, 1e-3):
            moved = params.copy()
            moved[name].value += step
            assert total(decay(moved)) > total(decay(params))
    with pytest.raises(ValueError, match="reduce_fcn must be"):
        Minimizer(decay, start(), reduce_fcn="nosuch").minimize("nelder")


def test_settings_in_units_of_the_user_reach_the_methods_in_their_own() -> None:
    simplex = [[2, 1.5, 0.1], [3, 1.5, 0.1], [2, 2.5, 0.1], [2, 1.5, 0.6]]
    seen: list[list[float]] = []

    def residual(p: Parameters) -> Any:
        seen.append(list(p.valuesdict().values()))
        return decay(p)

    Minimizer(residual, start()).minimize("nelder", options={"initial_simplex": simplex})
    for vertex in simplex:
        assert any(np.allclose(vertex, point, rtol=1e-12) for point in seen)
    bound = {"type": "ineq", "fun": lambda x: 2.8 - x[0]}  # a <= 2.8
    for method in ("slsqp", "cobyla", "trust-constr"):
        result = Minimizer(decay, start()).scalar_minimize(method, constraints=[bound])
        assert result.params["a"].value == pytest.approx(2.8, abs=1e-3), method


def test_brute_looks_at_the_grid_of_bounds_and_steps() -> None:
    params = Parameters()
    params.add("a", value=1.0, min=0, max=4, brute_step=1)
    params.add("t", value=2.0, min=1, brute_step=0.5)
    params.add("c", value=0.5, brute_step=0.25)
    result = Minimizer(decay, params).brute(Ns=4, keep=5)
    assert result.brute_grid.shape == (3, 4, 4, 4)
    assert set(result.brute_grid[0].ravel()) == {0, 1, 2, 3}
    assert set(result.brute_grid[1].ravel()) == {1, 1.5, 2, 2.5}
    assert set(result.brute_grid[2].ravel()) == {0, 0.25, 0.5, 0.75}
    assert result.params.valuesdict() == {"a": 3, "t": 2.5, "c": 0.5}
    scores = [candidate.score for candidate in result.candidates]
    assert scores == sorted(scores)
    assert len(scores) == 5
    assert scores[0] == result.brute_fval == pytest.approx(result.chisqr)
    assert result.candidates[0].params["a"].value == 3


def test_candidates_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    params = start()
    result = minimize(decay, params, method="brute", Ns=3, keep=2)
    result.show_candidates(2)
    result.show_candidates()
    printed = capsys.readouterr().out
    assert printed.count("Candidate #2, chisqr = ") == 2
    with pytest.raises(ValueError, match=r"between 1 and 2, or .all.; got 3"):
        result.show_candidates(3)


@pytest.mark.parametrize(
    "method", ["differential_evolution", "dual_annealing", "shgo", "direct", "anneal"]
)
def test_global_methods_name_the_parameters_without_finite_bounds(method: str) -> None:
    params = start()
    params["t"].max = np.inf
    with pytest.raises(ValueError, match=r"finite bounds.*missing for t"):
        minimize(decay, params, method=method)


def test_a_result_runs_again_by_any_method_of_the_manual() -> None:
    params = start()
    result = minimize(decay, params, method="nelder")
    assert result.lbfgsb() is True
    assert result.method == "L-BFGS-B"
    assert result.fmin() is True
    assert result.scalar_minimize("Powell") is True
    assert result.leastsq() is True
    assert params["a"].value == result.params["a"].value


def test_a_method_that_stops_short_of_the_minimum_does_not_succeed() -> None:
    result = Minimizer(decay, start()).minimize("nelder", options={"xatol": 10, "fatol": 1e9})
    assert not result.success
    assert "stopped short of the minimum" in result.message


def test_calc_covar_false_leaves_the_surroundings_alone() -> None:
    result = Minimizer(decay, start(), calc_covar=False).minimize("nelder")
    assert result.success
    assert not result.errorbars
    assert result.params["a"].stderr is None


def test_ampgo_leaves_local_minima_behind() -> None:
    # Sum of squares with the minima of cos, the lowest one at 3.
    params = Parameters()
    params.add("x", value=-7.6, min=-10, max=10)
    params.add("y", value=6.2, min=-10, max=10)

    def rastrigin(p: Parameters) -> float:
        x, y = p["x"].value - 3, p["y"].value + 2
        return float(20 + x * x + y * y - 10 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)))

    local = minimize(rastrigin, params, method="lbfgsb", inplace=False)
    assert local.chisqr > 1
    result = minimize(rastrigin, params, method="ampgo", seed=2)
    # Half the second derivative, 1 + 20 pi^2, of either variable.
    assert result.params["x"].stderr == pytest.approx((1 + 20 * np.pi**2) ** -0.5, rel=1e-3)
    assert result.chisqr == pytest.approx(0, abs=1e-8)
    assert result.params["x"].value == pytest.approx(3, abs=1e-5)
    assert result.ampgo_tunnel[1] >= 1
    for bad in ({"local": "nosuch"}, {"tabustrategy": "newest"}, {"maxiter": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
            minimize(rastrigin, params, method="ampgo", **bad)


@pytest.mark.parametrize("method", ["lbfgsb", "nelder", "bfgs", "least_squares", "slsqp"])
def test_eight_threads_and_a_fit_inside_a_fit_get_the_serial_bits(method: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def nested(p: Parameters) -> Any:
        inner = Minimizer(decay, start(), calc_covar=False).minimize("lbfgsb", refine=False)
        assert inner.nvarys == 3
        return decay(p)

    def one(_: int) -> tuple[float, ...]:
        return tuple(Minimizer(decay, start()).minimize(method).params.valuesdict().values())

    alone = one(0)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(16))) == {alone}
    around = Minimizer(nested, start(), calc_covar=False, max_nfev=30).minimize(method)
    plain = Minimizer(decay, start(), calc_covar=False, max_nfev=30).minimize(method)
    assert around.params.valuesdict() == plain.params.valuesdict()


@pytest.mark.parametrize("method", ["lbfgsb", "nelder", "powell", "least_squares", "bfgs"])
def test_one_variable_and_none(method: str) -> None:
    params = start(t=2.5, c=0.5)
    for name in ("t", "c"):
        params[name].vary = False
    result = minimize(decay, params, method=method)
    wave = np.exp(-T / 2.5)
    assert result.params["a"].value == pytest.approx(wave @ (DATA - 0.5) / (wave @ wave), rel=1e-4)
    params["a"].vary = False
    with pytest.raises(ValueError, match="no parameter that varies"):
        minimize(decay, params, method=method)


def test_keyboard_interrupts_leave_at_once() -> None:
    calls = []

    def interrupted(p: Parameters) -> Any:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return decay(p)

    for method in ("lbfgsb", "nelder", "powell", "differential_evolution", "least_squares"):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            minimize(interrupted, start(), method=method)
        assert len(calls) == 5


def test_brute_counts_what_its_workers_evaluate() -> None:
    params = Parameters()
    params.add("a", value=3.0, min=0, max=4)
    params.add_many(("t", 2.5, False), ("c", 0.5, False))

    def elsewhere(function: Any, points: Any) -> Any:
        return list(map(pickle.loads(pickle.dumps(function)), points))

    result = Minimizer(decay, params).brute(Ns=9, workers=elsewhere)
    assert 9 <= result.nfev <= 10  # perhaps the best one again, here


def test_ampgo_tells_that_it_ran_out_of_evaluations() -> None:
    params = Parameters()
    params.add("a", value=1.0, min=0, max=4)
    result = Minimizer(lambda p: p["a"] ** 2 - 2.0, params).ampgo(maxfunevals=5)
    assert result.ampgo_msg == "Maximum number of function evaluations exceeded"
    assert result.aborted and result.ampgo_x0 is not None
