"""What users of lmfit call and count on besides the methods of fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fitcore import Minimizer, Model, Parameter, Parameters, create_params, fit_report
from fitcore._ampgo import ampgo, tunnel
from fitcore.lineshapes import gaussian
from fitcore.models import GaussianModel, LinearModel

X = np.linspace(-4, 6, 101)
Y = gaussian(X, 8.0, 1.2, 0.9) + 0.5 * X + 0.1 * np.cos(17 * X)


def peak_on_line() -> tuple[Any, Parameters]:
    model = GaussianModel(prefix="p_") + LinearModel(prefix="l_")
    return model, model.make_params(
        p_amplitude=5, p_center=0.5, p_sigma=1.5, l_slope=0.1, l_intercept=0.1
    )


def plain(
    x: Any, p_amplitude: float, p_center: float, p_sigma: float, l_slope: float, l_intercept: float
) -> Any:
    return gaussian(x, p_amplitude, p_center, p_sigma) + (l_slope * x + l_intercept)


# ------------------------------------------------------------------ counts of evaluations


def test_nfev_of_a_built_in_model_counts_as_differences_do() -> None:
    model, params = peak_on_line()
    params["p_sigma"].min = -math.inf  # as that of the function
    own = {name: params[name].value for name in params if params[name].vary}
    settings = {"refine": False, "ftol": 1e-6, "xtol": 1e-6}
    built_in = model.fit(Y, params, x=X, fit_kws=settings)
    user = Model(plain).fit(Y, x=X, **own, fit_kws=settings)
    assert built_in.chisqr == pytest.approx(user.chisqr, rel=1e-9)
    assert built_in.nfev == user.nfev


@pytest.mark.parametrize("method", ["leastsq", "least_squares", "lbfgsb", "bfgs"])
def test_a_limit_on_evaluations_holds_for_built_in_models(method: str) -> None:
    model, params = peak_on_line()
    result = model.fit(Y, params, x=X, method=method, max_nfev=10)
    assert result.aborted and not result.success
    assert result.nfev <= 11


@pytest.mark.parametrize("method", ["leastsq", "least_squares", "lbfgsb", "bfgs"])
def test_iter_cb_sees_each_evaluation_of_a_built_in_model(method: str) -> None:
    seen: list[int] = []

    def look(params: Parameters, nfev: int, residual: Any, *args: Any, **kws: Any) -> bool:
        seen.append(nfev)
        return nfev == 17

    model, params = peak_on_line()
    result = model.fit(Y, params, x=X, method=method, iter_cb=look)
    assert seen == list(range(1, 18))
    assert result.aborted and result.nfev == 17


# ------------------------------------------------------------------ the objective by hand


def test_penalty_is_the_sum_of_squares_at_internal_values() -> None:
    params = create_params(a={"value": 2.0, "min": 0.0, "max": 8.0}, b=1.0, c={"value": 3.0})
    params["c"].vary = False
    fitter = Minimizer(lambda p: [p["a"] - 5.0, p["b"], p["c"]], params)
    # MINUIT's mapping: a = 4 + 4 sin u.
    assert fitter.penalty([0.5, 2.0]) == pytest.approx((4 * math.sin(0.5) - 1) ** 2 + 4 + 9)
    with pytest.raises(
        ValueError, match=r"fvars must have shape \(2,\), a number for each of a, b"
    ):
        fitter.penalty([1.0, 2.0, 3.0])


def test_penalty_reduces_residuals_as_the_fit_does() -> None:
    fitter = Minimizer(
        lambda p: np.array([p["a"], 2.0]), create_params(a=1.0), reduce_fcn=lambda r: abs(r).sum()
    )
    assert fitter.penalty([-3.0]) == 5.0


def test_penalty_leaves_parameters_and_results_alone() -> None:
    params = create_params(a=1.0, b=2.0)
    fitter = Minimizer(lambda p: [p["a"] - 4.0, p["b"] - 2.5, 1.0], params)
    result = fitter.minimize()
    nfev = result.nfev
    fitter.penalty([0.0, 0.0])
    assert result.params["a"].value == pytest.approx(4) and result.nfev == nfev
    assert params["a"].value == 1.0


def test_log_probability_is_minus_half_of_the_penalty_within_bounds() -> None:
    params = create_params(a={"value": 2.0, "min": 0.0, "max": 8.0}, b=1.0)

    def residual(p: Parameters, shift: float) -> Any:
        return np.array([p["a"] - shift, p["b"]])

    fitter = Minimizer(residual, params, fcn_args=(5.0,))
    box = [(0.0, 8.0), (-np.inf, np.inf)]
    given = (residual, params, ["a", "b"], box)
    assert fitter._lnprob([3.0, 2.0], *given, userargs=(5.0,)) == pytest.approx(-4.0)
    assert fitter._lnprob([9.0, 2.0], *given, userargs=(5.0,)) == -math.inf
    params.add("__lnsigma", value=math.log(2.0))
    found = fitter._lnprob([3.0, 2.0], *given, userargs=(5.0,), is_weighted=False)
    normal = -0.5 * (2 * math.log(2 * math.pi * 4) + (4 + 4) / 4)
    assert found == pytest.approx(normal)


def test_set_max_nfev_limits_the_fits_that_follow() -> None:
    fitter = Minimizer(lambda p: [p["a"] ** 2 - 2, 1.0], create_params(a=9.0))
    fitter.set_max_nfev(4)
    assert fitter.minimize(method="nelder").aborted and fitter.max_nfev == 4
    fitter.set_max_nfev(None, default_value=500)
    assert fitter.max_nfev == 500
    with pytest.raises(ValueError, match="max_nfev"):
        fitter.set_max_nfev(0)


# ------------------------------------------------------------------ AMPGO of plain functions


def alpine(x: Any) -> float:
    """The negative of the product of sin(x_i) sqrt(x_i); its minimum on [0, 10]^2 is -6.1295."""
    return -float(np.prod(np.sin(x) * np.sqrt(x)))


@pytest.mark.parametrize("strategy", ["farthest", "oldest"])
def test_ampgo_finds_the_global_minimum_of_a_plain_function(strategy: str) -> None:
    calls = []

    def function(x: Any, scale: float) -> float:
        calls.append(x)
        return scale * alpine(x)

    x, value, count, message, tunnels = ampgo(
        function, [1.0, 1.0], args=(2.0,), bounds=[(0, 10), (0, None)], totaliter=8,
        tabustrategy=strategy, seed=3, maxfunevals=20000,
    )  # fmt: skip
    del tunnels
    assert count == len(calls) and message
    assert value <= 2 * -6.1295 and value == 2 * alpine(x)


def test_ampgo_stops_at_its_limit_with_the_best_point() -> None:
    x, value, count, message, _ = ampgo(alpine, [1.0, 1.0], bounds=[(0, 10)] * 2, maxfunevals=5)
    assert count == 5 and message == "Maximum number of function evaluations exceeded"
    assert value == alpine(x) <= alpine(np.ones(2))


def test_ampgo_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="length of x0 != length of bounds: 2 variables, 1 pairs"):
        ampgo(alpine, [0, 1], bounds=[(-10, 10)])
    with pytest.raises(ValueError, match="min <= max"):
        ampgo(alpine, [0], bounds=[(1, -1)])
    with pytest.raises(ValueError, match="x0 must be a sequence of finite numbers"):
        ampgo(alpine, [math.nan])
    with pytest.raises(TypeError, match="objfun must be callable"):
        ampgo(None, [0])  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        ampgo(lambda x: 1 / 0, [0.5])


def test_the_tunneling_function_has_its_zero_at_the_aspiration_and_poles_at_known_points() -> None:
    def square(x: Any, factor: float) -> float:
        return factor * float(x[0] ** 2)

    points = [np.array([0.0, 0.0]), np.array([3.0, 4.0])]
    assert tunnel([2.0, 0.0], square, 12.0, points, 3.0) == 0.0
    assert tunnel([3.0, 4.0], square, 12.0, points, 3.0) == math.inf
    assert tunnel([3.0, 0.0], square, 12.0, points, 3.0) == pytest.approx((27 - 12) ** 2 / (3 * 4))


# ------------------------------------------------------------------ the rest


def test_vary_of_a_lone_parameter_with_an_expression_is_as_given_until_its_value_is_read() -> None:
    lone = Parameter("a", expr="2*b")
    assert lone.vary is True
    assert lone.value == -math.inf and lone.vary is False
    assert Parameter("a", expr="2*b", vary=False).vary is False
    params = create_params(b=1.0)
    params.add(Parameter("a", expr="2*b"))
    assert params["a"].vary is False and params["a"].value == 2.0


@pytest.mark.parametrize("method", ["leastsq", "differential_evolution"])
def test_residuals_that_are_not_finite_are_both_errors_that_lmfit_raises(method: str) -> None:
    params = create_params(a={"value": 1.0, "min": 0.0, "max": 2.0})
    fitter = Minimizer(lambda p: np.array([p["a"], np.nan]), params)
    with pytest.raises(ValueError, match="generated NaN"):
        fitter.minimize(method=method)
    with pytest.raises(RuntimeError, match="generated NaN"):
        fitter.minimize(method=method)


def test_a_report_without_uncertainties_says_where_they_come_from() -> None:
    fitter = Minimizer(
        lambda p: [p["a"] - 4.0, p["b"] - 2.5, 1.0], create_params(a=1.0, b=2.0), calc_covar=False
    )
    text = fit_report(fitter.minimize(method="nelder"))
    assert "this fitting method does not natively calculate uncertainties" in text
    fitter.calc_covar = True
    assert "natively" not in fit_report(fitter.minimize(method="nelder"))
