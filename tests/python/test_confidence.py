"""Confidence intervals and regions: closed forms, the manual's calls, what must not change."""

import inspect
import math
import pickle
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import Minimizer, MinimizerException, Parameters, create_params, nist
from fitcore._distributions import f_isf, f_sf, normal_two_sided
from fitcore.confidence import copy_vals, restore_vals

stats = pytest.importorskip("scipy.stats")

T = np.linspace(0, 4, 30)
NOISE = np.random.default_rng(5).normal(size=T.size)


def line(p: Any, y: Any) -> Any:
    return p["a"] + p["b"] * T - y


def fitted(scale_covar: bool = True, **bounds: Any) -> tuple[Minimizer, Any]:
    params = Parameters()
    params.add("a", value=0.0)
    params.add("b", value=0.0, **bounds)
    y = 1 + 2 * T + 0.3 * NOISE
    fitter = Minimizer(line, params, fcn_args=(y,), scale_covar=scale_covar)
    return fitter, fitter.leastsq()


def decay() -> tuple[Minimizer, Any]:
    y = 3 * np.exp(-T / 1.5) + 1 + 0.03 * NOISE
    params = Parameters()
    params.add_many(("amp", 2.0), ("tau", 1.0), ("base", 0.5))
    fitter = Minimizer(lambda p: p["amp"] * np.exp(-T / p["tau"]) + p["base"] - y, params)
    return fitter, fitter.leastsq()


@pytest.mark.parametrize("d1", [1, 2, 3, 40])
@pytest.mark.parametrize("d2", [1, 2, 3, 10, 97, 1000, 10**6])
def test_the_f_distribution_agrees_with_scipy(d1: int, d2: int) -> None:
    # A double near 1 times d2 has lost digits of the order of d2, in SciPy's result too.
    rtol = 1e-12 if d2 <= 1000 else 1e-10
    for f in (1e-6, 0.01, 0.3, 1.0, 2.5, 9.0, 30.0):
        assert_allclose(f_sf(f, d1, d2), stats.f.sf(f, d1, d2), rtol=rtol)
    for q in (0.001, 0.05, 0.3, 0.9):
        assert_allclose(f_isf(q, d1, d2), stats.f.isf(q, d1, d2), rtol=rtol)


def test_quantiles_of_small_tails_have_their_closed_forms() -> None:
    # F(2, 2) has the tail 1/(1 + F).
    assert_allclose(f_isf(1e-10, 2, 2), 1e10 - 1, rtol=1e-13)
    assert_allclose(normal_two_sided(math.erfc(5 / math.sqrt(2))), 5, rtol=1e-13)


@pytest.mark.parametrize("sigma", [0.5, 0.95, 1, 2, 3.5])
def test_intervals_of_a_linear_model_are_the_root_of_the_quantile_times_the_error(
    sigma: float,
) -> None:
    fitter, result = fitted()
    ci = fitcore.conf_interval(fitter, result, sigmas=[sigma])
    prob = sigma if sigma < 1 else math.erf(sigma / math.sqrt(2))
    factor = math.sqrt(stats.f.ppf(prob, 1, result.nfree))
    for name in ("a", "b"):
        par = result.params[name]
        (p0, low), (p1, best), (p2, high) = ci[name]
        assert_allclose([p0, p1, p2], [prob, 0, prob], rtol=1e-14)
        assert best == par.value
        assert_allclose([(low - best) / par.stderr, (high - best) / par.stderr],
                        [-factor, factor], atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("known", [False, True])
def test_log_likelihood_intervals_of_a_linear_model_have_their_closed_form(known: bool) -> None:
    fitter, result = fitted(scale_covar=not known)
    ci = fitcore.conf_interval(fitter, result, sigmas=[2], method="log-likelihood")
    n = result.ndata
    factor = 2 if known else math.sqrt(result.nfree * math.expm1(4 / n))
    par = result.params["b"]
    assert_allclose(ci["b"][2][1] - par.value, factor * par.stderr, rtol=1e-6)


@pytest.mark.parametrize("number", [73, 170, 254, 365])
def test_an_end_that_a_step_misses_by_rounding_only_is_found(number: int) -> None:
    x = np.linspace(0.3, 10, 100)
    y = 1 / (0.1 * x) + 2 + 0.1 * np.random.RandomState(number).randn(x.size)
    params = fitcore.create_params(a=0.1, b=1.0)
    result = fitcore.minimize(lambda p: 1 / (p["a"] * x) + p["b"] - y, params)
    # Linear in b and 1/a: the intervals of b are symmetric.
    for levels in ([0.674, 0.95, 0.997], [0.68], [0.95]):
        ends = fitcore.conf_interval(result, p_names=["b"], sigmas=levels)["b"]
        values = np.array([value for _, value in ends]) - result.params["b"].value
        assert_allclose(values, -values[::-1], rtol=1e-5, atol=1e-12)


def test_a_variable_whose_profile_is_flat_ends_the_search_early() -> None:
    x = np.linspace(0, 5, 40)
    y = 0.5 * x + 0.01 * np.cos(30 * x)
    params = fitcore.create_params(a=1.0, t=1.0)
    # A line is no decay: t runs off to where the model does not depend on it.
    result = fitcore.minimize(lambda p: p["a"] * np.exp(-x / p["t"]) - y, params)
    with pytest.warns(UserWarning, match="chi-square changes by less"):
        ci, trace = fitcore.conf_interval(result, p_names=["t"], trace=True)
    assert [math.isinf(value) for prob, value in ci["t"] if prob] == [True] * 6
    assert trace["t"]["t"].size < 100


def test_one_variable_alone_has_an_interval() -> None:
    fitter, result = fitted(vary=False)
    ci = fitcore.conf_interval(fitter, result, sigmas=[1])
    factor = math.sqrt(stats.f.ppf(math.erf(math.sqrt(0.5)), 1, result.nfree))
    assert list(ci) == ["a"]
    assert_allclose(ci["a"][2][1], result.params["a"].value + factor * result.params["a"].stderr)


def test_both_signatures_and_both_kinds_of_sigmas_work() -> None:
    fitter, result = fitted()
    new = fitcore.conf_interval(fitter, result)
    assert [round(p, 4) for p, _ in new["a"]] == [0.9973, 0.9545, 0.6827, 0, 0.6827, 0.9545, 0.9973]
    old = fitcore.conf_interval(result)
    assert [p for p, _ in old["a"]] == [0.997, 0.95, 0.674, 0, 0.674, 0.95, 0.997]
    assert fitcore.conf_interval(fitter) == old
    assert fitcore.conf_interval(result, ["b"], (0.95,), True)[0] == fitcore.conf_interval(
        fitter, result=result, p_names=["b"], sigmas=(0.95,)
    )
    values = [value for _, value in new["a"]]
    assert values == sorted(values)


def test_the_trace_holds_points_of_the_profile() -> None:
    fitter, result = decay()
    ci, trace = fitcore.conf_interval(fitter, result, trace=True)
    assert set(trace) == set(ci) == {"amp", "tau", "base"}
    of = trace["tau"]
    assert list(of) == ["amp", "tau", "base", "prob"]
    assert of["prob"].min() == 0
    # The others' best for a held tau is a linear fit.
    for k in range(of["tau"].size):
        x = np.column_stack([np.exp(-T / of["tau"][k]), np.ones(T.size)])
        y = 3 * np.exp(-T / 1.5) + 1 + 0.03 * NOISE
        best, square, *_ = np.linalg.lstsq(x, y, rcond=None)
        assert_allclose([of["amp"][k], of["base"][k]], best, rtol=1e-4)
        f = (square[0] / result.chisqr - 1) * result.nfree
        assert_allclose(of["prob"][k], stats.f.cdf(f, 1, result.nfree), atol=1e-6)


def test_the_ends_are_where_the_profile_has_the_probability() -> None:
    fitter, result = decay()
    ci = fitcore.conf_interval(fitter, result, ["tau"])
    y = 3 * np.exp(-T / 1.5) + 1 + 0.03 * NOISE
    for prob, value in ci["tau"]:
        x = np.column_stack([np.exp(-T / value), np.ones(T.size)])
        square = np.linalg.lstsq(x, y, rcond=None)[1][0]
        f = max(square / result.chisqr - 1, 0) * result.nfree
        wanted = stats.f.ppf(prob, 1, result.nfree)
        # In standard errors: the root of F.
        assert_allclose(math.sqrt(f), math.sqrt(wanted), atol=2e-6)


def test_a_step_into_another_branch_of_the_profile_does_not_mislead() -> None:
    # NIST's Nelson: b2 is positive, and its first step leads to where it is negative.
    problem = nist.load("Nelson")
    params = Parameters()
    names = ["b1", "b2", "b3"]
    for name, value in zip(names, problem.start2.tolist(), strict=True):
        params.add(name, value=value)
    fitter = Minimizer(lambda p: problem.residual(np.array([p[n].value for n in names])), params)
    result = fitter.leastsq()
    ci = fitcore.conf_interval(fitter, result, ["b2"], sigmas=[1, 2])
    assert ci["b2"][0][1] > 0
    for prob, value in ci["b2"]:
        # The same by its logarithm, in which the profile is smooth.
        again = Parameters()
        again.add("b1", value=result.params["b1"].value)
        again.add("b2", value=value, vary=False)
        again.add("b3", value=result.params["b3"].value * np.log(value) / np.log(5.6e-9))
        held = fitter.leastsq(params=again)
        f = max(held.chisqr / result.chisqr - 1, 0) * result.nfree
        assert_allclose(stats.f.cdf(f, 1, result.nfree), prob, atol=1e-6)


def test_a_jump_of_chi_square_is_warned_of() -> None:
    fitter, result = fitted()
    best, error = result.params["b"].value, result.params["b"].stderr
    whole = fitter.userfcn
    edge = best + 0.4 * error
    # What is added beyond the edge is no line, which the intercept would take up.
    fitter.userfcn = lambda p, y: whole(p, y) + 100 * np.cos(9 * T) * (p["b"].value > edge)
    with pytest.warns(UserWarning, match="b: chi-square jumps at"):
        ci = fitcore.conf_interval(fitter, result, ["b"], sigmas=[1])
    assert_allclose(ci["b"][2][1], edge, atol=1e-4 * error)


def test_a_prob_func_replaces_the_f_test() -> None:
    fitter, result = decay()
    seen = []

    def mine(best: Any, new: Any) -> float:
        seen.append((new.nvarys, new.nfree))
        return fitcore.f_compare(best, new)

    with_mine = fitcore.conf_interval(fitter, result, ["tau"], prob_func=mine)
    without = fitcore.conf_interval(fitter, result, ["tau"])
    scale = result.params["tau"].stderr
    assert set(seen) == {(2, result.nfree + 1)}
    assert_allclose([v for _, v in with_mine["tau"]], [v for _, v in without["tau"]],
                    atol=1e-5 * scale)  # fmt: skip


def test_a_bound_within_the_interval_makes_its_end_infinite_with_a_warning() -> None:
    fitter, result = fitted()
    best, error = result.params["b"].value, result.params["b"].stderr
    fitter, result = fitted(max=best + 1.5 * error)
    with pytest.warns(UserWarning, match="b: no upper end .* the bound .* is within it"):
        ci = fitcore.conf_interval(fitter, result, ["b"], sigmas=[1, 2, 3])
    assert [math.isinf(v) for _, v in ci["b"]] == [False] * 5 + [True] * 2
    assert ci["b"][-1][1] == math.inf


def test_maxiter_ends_the_search_with_a_warning() -> None:
    fitter, result = decay()
    with pytest.warns(UserWarning, match="maxiter=1"):
        ci = fitcore.conf_interval(fitter, result, ["tau"], sigmas=[3], maxiter=1)
    assert [v for _, v in ci["tau"]][::2] == [-math.inf, math.inf]


def test_a_lower_chi_square_than_the_best_fit_is_warned_of() -> None:
    fitter, result = fitted()
    result.params["b"].value += result.params["b"].stderr
    result.chisqr += result.redchi
    with pytest.warns(UserWarning, match="chi-square is lower than that of the best fit"):
        fitcore.conf_interval(fitter, result, ["b"], sigmas=[0.5])


def state(fitter: Minimizer, result: Any) -> bytes:
    shown = {k: v for k, v in fitter.__dict__.items() if k not in ("userfcn", "result", "params")}
    return pickle.dumps(
        [result.__getstate__(), result.params.dumps(), fitter.params.dumps(), repr(shown)]
    )


@pytest.mark.parametrize("raises", [False, True])
def test_the_fit_is_not_changed(raises: bool) -> None:
    fitter, result = decay()
    before, kept = state(fitter, result), fitter.result
    if raises:
        whole, calls = fitter.userfcn, []

        def fails(p: Any) -> Any:
            calls.append(1)
            if len(calls) % 11 == 0:
                raise KeyError("in the middle")
            return whole(p)

        fitter.userfcn = fails
        with pytest.raises(KeyError, match="in the middle"):
            fitcore.conf_interval(fitter, result)
        with pytest.raises(KeyError, match="in the middle"):
            fitcore.conf_interval2d(fitter, result, "amp", "tau", 5, 5)
        assert len(calls) == 22
    else:
        fitcore.conf_interval(fitter, result, trace=True)
        fitcore.conf_interval2d(fitter, result, "amp", "tau", 5, 5)
    assert state(fitter, result) == before
    assert fitter.result is kept


def test_a_missing_standard_error_says_what_to_do() -> None:
    fitter, result = fitted()
    expected = fitcore.conf_interval(fitter, result)
    result.params["a"].stderr, error = None, result.params["a"].stderr
    with pytest.raises(MinimizerException, match=r"set result.params\['a'\].stderr"):
        fitcore.conf_interval(fitter, result)
    result.params["a"].stderr = 2 * error
    again = fitcore.conf_interval(fitter, result)
    assert_allclose([v for _, v in again["a"]], [v for _, v in expected["a"]], atol=1e-6 * error)


def test_without_a_fit_it_is_an_error() -> None:
    fitter, _ = fitted()
    fitter.result = None
    with pytest.raises(MinimizerException, match="call leastsq"):
        fitcore.conf_interval(fitter)


@pytest.mark.parametrize(
    ("kws", "error", "message"),
    [
        ({"p_names": ["c"]}, ValueError, "'c' is no variable .* a, b"),
        ({"sigmas": [-1]}, ValueError, "sigmas must be positive"),
        ({"sigmas": [math.nan]}, ValueError, "sigmas must be positive"),
        ({"maxiter": 0}, ValueError, "maxiter must be at least 1"),
        ({"method": "chi"}, ValueError, "method must be 'F' or 'log-likelihood'"),
        ({"prob_func": 3}, TypeError, "prob_func must be callable"),
        ({"sigma": [1]}, TypeError, "unexpected keyword argument 'sigma'"),
    ],
)
def test_bad_arguments_are_named(kws: Any, error: Any, message: str) -> None:
    fitter, result = fitted()
    with pytest.raises(error, match=message):
        fitcore.conf_interval(fitter, result, **kws)


def test_the_region_of_a_linear_model_is_its_quadratic_form() -> None:
    params = Parameters()
    params.add_many(("a", 0.0), ("b", 0.0), ("c", 0.0))
    y = 1 + 2 * T - 0.5 * T**2 + 0.3 * NOISE
    fitter = Minimizer(lambda p: p["a"] + p["b"] * T + p["c"] * T * T - y, params)
    result = fitter.leastsq()
    x, z, grid = fitcore.conf_interval2d(fitter, result, "a", "c", nx=7, ny=5, nsigma=3)
    assert grid.shape == (5, 7)
    assert_allclose(x[[0, -1]], result.params["a"].value + 3 * np.array([-1, 1])
                    * result.params["a"].stderr)  # fmt: skip
    inverse = np.linalg.inv(result.covar[np.ix_([0, 2], [0, 2])])
    d = np.stack(np.meshgrid(x - result.params["a"].value, z - result.params["c"].value))
    square = np.einsum("ikl,ij,jkl->kl", d, inverse, d)
    assert_allclose(grid, np.sqrt(square), rtol=1e-6, atol=1e-6)
    chisqr = fitcore.conf_interval2d(fitter, result, "a", "c", 7, 5, nsigma=3, chi2_out=True)[2]
    assert_allclose(chisqr, result.chisqr + square * result.redchi, rtol=1e-9)
    old = fitcore.conf_interval2d(result, "a", "c", 7, 5, ((x[-1], x[0]), (z[-1], z[0])))
    assert_array_equal(old[0], x)
    assert_allclose(old[2], stats.f.cdf(square / 2, 2, result.nfree), atol=1e-7)


def test_limits_come_with_the_upper_first_and_must_keep_to_the_bounds() -> None:
    fitter, result = fitted(min=0)
    x, y, _ = fitcore.conf_interval2d(fitter, result, "a", "b", 2, 3, ((1.2, 0.8), (2.0, 1.0)))
    assert_array_equal(x, [0.8, 1.2])
    assert_array_equal(y, [1.0, 1.5, 2.0])
    with pytest.raises(ValueError, match=r"limits of b.* must be within its bounds"):
        fitcore.conf_interval2d(fitter, result, "a", "b", 2, 3, ((1.2, 0.8), (2.0, -1.0)))


def test_f_compare_is_the_f_test() -> None:
    best = SimpleNamespace(chisqr=3.0, nvarys=4, nfree=20)
    new = SimpleNamespace(chisqr=4.0, nvarys=2, nfree=22)
    assert_allclose(fitcore.f_compare(best, new), stats.f.cdf(1 / 3 * 10, 2, 20), rtol=1e-12)
    with pytest.raises(ValueError, match="fewer variables"):
        fitcore.f_compare(best, best)


def test_a_fit_that_is_no_leastsq_has_the_same_intervals() -> None:
    fitter, result = decay()
    expected = fitcore.conf_interval(fitter, result)
    result.method, result.call_kws = "lbfgsb", {"jac": None}
    assert fitcore.conf_interval(fitter, result) == expected


@pytest.mark.parametrize("col_deriv", [False, True])
def test_the_jacobian_of_the_fit_is_used(col_deriv: bool) -> None:
    calls = []

    def jacobian(p: Any, y: Any) -> Any:
        calls.append(1)
        columns = np.array([np.ones(T.size), T])
        return columns if col_deriv else columns.T

    fitter, _ = fitted()
    result = fitter.leastsq(Dfun=jacobian, col_deriv=col_deriv)
    calls.clear()
    ci = fitcore.conf_interval(fitter, result, sigmas=[1])
    assert calls
    factor = math.sqrt(stats.f.ppf(math.erf(math.sqrt(0.5)), 1, result.nfree))
    for name in ("a", "b"):
        par = result.params[name]
        assert_allclose(ci[name][2][1], par.value + factor * par.stderr, rtol=1e-8)


def test_expressions_follow_and_are_in_the_trace() -> None:
    y = 1 + 2 * T + 0.3 * NOISE
    params = Parameters()
    params.add_many(("a", 0.0), ("b", 0.0))
    params.add("c", expr="2*b")
    fitter = Minimizer(lambda p: p["a"] + 0.5 * p["c"] * T - y, params)
    result = fitter.leastsq()
    ci, trace = fitcore.conf_interval(fitter, result, trace=True)
    assert list(ci) == ["a", "b"]
    for of in trace.values():
        assert list(of) == ["a", "b", "c", "prob"]
        assert_allclose(of["c"], 2 * of["b"], rtol=1e-14)


def test_residuals_dropped_by_the_fit_stay_dropped() -> None:
    fitter, result = fitted()
    whole = fitcore.conf_interval(fitter, result)
    extended = Minimizer(
        lambda p: np.append(line(p, fitter.userargs[0]), np.nan), fitter.params, nan_policy="omit"
    )
    found = fitcore.conf_interval(extended, extended.leastsq())
    for name in ("a", "b"):
        assert_allclose([v for _, v in found[name]], [v for _, v in whole[name]], rtol=1e-7)


def test_no_warning_comes_without_a_reason() -> None:
    fitter, result = decay()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitcore.conf_interval(fitter, result)
        fitcore.conf_interval2d(fitter, result, "amp", "tau", 6, 6)


def test_the_report_has_the_layouts_of_both_versions(capsys: Any) -> None:
    ci = {"a": [(0.95, 1.0), (0.0, 2.0), (0.95, 3.5)], "bb": [(0.95, -1.0), (0.0, 2), (0.95, 4)]}
    fitcore.report_ci(ci)
    assert capsys.readouterr().out == (
        "       95.00%    _BEST_    95.00%\n"
        " a :  -1.00000   2.00000  +1.50000\n"
        " bb:  -3.00000   2.00000  +2.00000\n"
    )
    assert fitcore.ci_report(ci, style="0.7") == (
        "      95.00%     0.00%    95.00%\n"
        "a    1.00000   2.00000   3.50000\n"
        "bb  -1.00000   2.00000   4.00000"
    )
    with pytest.raises(ValueError, match="style must be"):
        fitcore.ci_report(ci, style="2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="without the traces"):
        fitcore.ci_report((ci, {}))  # type: ignore[arg-type]


def test_warnings_point_at_the_line_of_the_caller() -> None:
    fitter, result = fitted(max=2.1)
    here = inspect.currentframe()
    assert here is not None
    line = here.f_lineno + 2
    with pytest.warns(UserWarning, match="no upper end") as seen:
        fitcore.conf_interval(fitter, result, ["b"], sigmas=[4])
    assert [(w.filename, w.lineno) for w in seen] == [(__file__, line)]
    result.chisqr *= 2
    line = here.f_lineno + 2
    with pytest.warns(UserWarning, match="chi-square is lower") as seen:
        fitcore.conf_interval2d(fitter, result, "a", "b", 3, 3)
    assert [(w.filename, w.lineno) for w in seen] == [(__file__, line)]


def test_fits_that_run_out_of_evaluations_are_warned_of(monkeypatch: Any) -> None:
    fitter, result = decay()
    monkeypatch.setattr("fitcore._profile.PATIENCE", 1)
    match = "ran out of evaluations at .* points, .* the first is tau="
    with pytest.warns(UserWarning, match=match) as seen:
        fitcore.conf_interval(fitter, result, ["tau"])
    assert len(seen) == 1
    match = "ran out of evaluations at .* points, .* the first is amp=.*, tau="
    with pytest.warns(UserWarning, match=match) as seen:
        fitcore.conf_interval2d(fitter, result, "amp", "tau", 4, 4)
    assert len(seen) == 1


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("away", [1e-3, 0.5, 3.0, 50.0])
def test_a_variable_on_its_bound_has_a_one_sided_interval(
    sign: int, away: float, known: bool
) -> None:
    free = fitted()[1]
    best, error = free.params["b"].value, free.params["b"].stderr
    # The bound is so many standard errors from the minimum without it.
    bound = best + sign * away * error
    fitter, result = fitted(scale_covar=not known, **{"min" if sign > 0 else "max": bound})
    assert result.at_bound == ("b",)
    side = "lower" if sign > 0 else "upper"
    with pytest.warns(UserWarning, match=f"b: no {side} end of .* the bound .* is within"):
        ci = fitcore.conf_interval(fitter, result, sigmas=[1, 2])
    assert list(ci) == ["a", "b"]
    pairs = ci["b"] if sign > 0 else ci["b"][::-1]
    assert [v for _, v in pairs[:3]] == [-sign * math.inf] * 2 + [result.params["b"].value]
    for prob, value in pairs[3:]:
        # Chi-square is a parabola about the minimum.
        f = stats.f.ppf(prob, 1, result.nfree) * result.chisqr / result.nfree
        wanted = sign * math.sqrt(away**2 + f / free.redchi)
        assert_allclose((value - best) / error, wanted, rtol=1e-6)


def test_a_region_beside_a_bound_begins_there() -> None:
    free = fitted()[1]
    bound = free.params["b"].value + free.params["b"].stderr
    fitter, result = fitted(min=bound)
    x, y, grid = fitcore.conf_interval2d(fitter, result, "b", "a", 5, 5)
    assert x[0] == bound
    assert x[-1] > bound + free.params["b"].stderr
    inverse = np.linalg.inv(free.covar)
    d = np.stack(np.meshgrid(y - free.params["a"].value, x - free.params["b"].value, indexing="ij"))
    square = np.einsum("ikl,ij,jkl->kl", d, inverse, d) * free.redchi + free.chisqr
    wanted = np.maximum(square - result.chisqr, 0) / result.redchi
    assert_allclose(grid**2, wanted, rtol=1e-7, atol=1e-7)


def test_a_jump_of_chi_square_at_the_bound_says_what_to_do() -> None:
    free = fitted()[1]
    bound = free.params["b"].value + free.params["b"].stderr
    fitter, result = fitted(min=bound)
    whole = fitter.userfcn
    fitter.userfcn = lambda p, y: whole(p, y) + 100 * np.cos(9 * T) * (p["b"].value > bound)
    with pytest.raises(MinimizerException, match=r"'b' is on its bound.*set result.params\['b'\]"):
        fitcore.conf_interval(fitter, result)
    assert list(fitcore.conf_interval(fitter, result, ["a"])) == ["a"]


def test_a_variable_alone_on_its_bound_has_an_interval() -> None:
    y = 1 + 2 * T + 0.3 * NOISE
    params = Parameters()
    params.add("a", value=y.mean() + 2, min=y.mean() + 1)
    fitter = Minimizer(lambda p: p["a"] - y, params)
    result = fitter.leastsq()
    assert result.at_bound == ("a",)
    with pytest.warns(UserWarning, match="a: no lower end"):
        ci = fitcore.conf_interval(fitter, result, sigmas=[0.9])
    f = stats.f.ppf(0.9, 1, result.nfree) * result.chisqr / result.nfree
    assert_allclose(ci["a"][2][1], y.mean() + math.sqrt(1 + f / T.size), rtol=1e-8)


def test_values_and_errors_are_kept_and_given_back():
    params = create_params(a=1, b={"expr": "2*a"})
    params["a"].stderr = 0.5
    kept = copy_vals(params)
    assert kept == {"a": (1, 0.5), "b": (2, None)}
    params["a"].value, params["a"].stderr = 7, None
    restore_vals(kept, params)
    assert params.valuesdict() == {"a": 1, "b": 2} and params["a"].stderr == 0.5
    assert params["b"].expr == "2*a"
