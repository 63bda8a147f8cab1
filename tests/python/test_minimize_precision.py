"""Fits at the limits of precision: of the model, of the residuals' range, and of bounds."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitcore import create_params, minimize

X = np.linspace(0, 10, 50)
Y = 3 * np.exp(-X / 4) + 0.05 * np.sin(31 * X)


def decay(p: Any) -> Any:
    return p["a"].value * np.exp(-X / p["t"].value) - Y


def start(**bounds: float) -> Any:
    return create_params(a={"value": 1.0} | bounds, t=1.5)


@pytest.mark.parametrize("offset", [0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("centre", [0.0, 5.0])
def test_a_solution_in_the_middle_of_its_bounds_is_found_with_its_errors(
    offset: float, centre: float
) -> None:
    x = np.linspace(-10, 10, 201)
    y = 3 * np.exp(-(((x - offset) / 1.3) ** 2)) + 1e-3 * np.cos(40 * x)

    def gauss(p: Any) -> Any:
        a, c, w = (item.value for item in p.values())
        return a * np.exp(-(((x - (c - centre)) / w) ** 2)) - y

    at = centre + 0.3
    result = minimize(
        gauss, create_params(a=2.0, c={"value": at, "min": centre - 5, "max": centre + 5}, w=1.0)
    )
    assert result.success
    assert result.errorbars
    error = result.params["c"].stderr
    assert error is not None
    assert abs(result.params["c"].value - centre - offset) < 1e-3 * error
    # sigma_c from the normal equations, where c is not correlated with a and w
    u = (x - offset) / 1.3
    column = 3 * np.exp(-(u**2)) * 2 * u / 1.3
    assert error == pytest.approx(np.sqrt(result.redchi / (column @ column)), rel=0.03)


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("data_too", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_a_model_in_single_precision_is_fitted_with_bounds_as_without(
    seed: int, data_too: bool, bounded: bool
) -> None:
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 10, 200)
    y = 10 + 3 * np.exp(-(((x - 5) / 1.3) ** 2)) + 0.2 * rng.standard_normal(200)
    xs, ys = x.astype("f4"), y.astype("f4") if data_too else y

    def gauss(p: Any) -> Any:
        o, a, c, w = (np.float32(item.value) for item in p.values())
        return o + a * np.exp(-(((xs - c) / w) ** 2)) - ys

    limits = ({}, {"min": 0, "max": 50}, {"min": 0, "max": 10}, {"min": 0.1})
    params = create_params(
        **{
            name: {"value": value, **(limit if bounded else {})}
            for name, value, limit in zip("oacw", (9, 1.0, 4.6, 1.0), limits, strict=True)
        }
    )
    result = minimize(gauss, params)
    assert result.success, result.message
    assert result.errorbars


@pytest.mark.parametrize("digits", [7, 6, 5])
def test_a_model_rounded_to_some_digits_is_not_called_stalled_beside_a_bound(digits: int) -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 10, 60)
    y = 3 * np.exp(-x / 4) + 0.5 + 0.05 * rng.standard_normal(60)

    def rounded(p: Any) -> Any:
        a, t, c = (item.value for item in p.values())
        return np.round(a * np.exp(-x / t) + c, digits) - y

    params = create_params(
        a={"value": 1.0, "min": 0, "max": 10},
        t={"value": 1.5, "min": 0.1},
        c={"value": 0.1, "min": -5},
    )
    result = minimize(rounded, params)
    assert result.success, result.message
    assert result.errorbars


class ArrayLike:
    """What numpy can read, without a dtype of its own."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype=dtype)


@pytest.mark.parametrize("kind", [np.asarray, list, ArrayLike, np.ma.array])
def test_single_precision_is_recognized_in_any_array_like(kind: Any) -> None:
    def single(p: Any) -> Any:
        return kind(decay(p).astype("f4"))

    result = minimize(single, start())
    known = minimize(lambda p: decay(p).astype("f4"), start())
    assert result.success
    assert result.nfev == known.nfev
    assert_array_equal(np.array(result.params), np.array(known.params))


def test_tolerances_that_were_asked_for_hold_in_single_precision_too() -> None:
    # Steps are accepted and refused as ftol and xtol of the user say: never satisfied here.
    result = minimize(lambda p: decay(p).astype("f4"), start(), ftol=0.0, xtol=0.0, maxfev=400)
    assert result.ier not in (1, 2, 3)


def test_omit_refuses_residuals_that_leave_the_fit_at_other_places() -> None:
    calls = 0

    def moving(p: Any) -> Any:
        nonlocal calls
        calls += 1
        residual = decay(p)
        residual[(calls // 4) % 50] = np.nan
        return residual

    with pytest.raises(ValueError, match=r"moving generated .* other indices .*: 0, 1 changed"):
        minimize(moving, start(), nan_policy="omit")


@pytest.mark.parametrize("bounds", [{}, {"max": 2.5}])
def test_omit_of_the_same_residuals_is_the_fit_of_the_others(bounds: dict[str, float]) -> None:
    def holes(p: Any) -> Any:
        residual = decay(p)
        residual[::7] = np.nan
        return residual

    keep = np.ones(50, bool)
    keep[::7] = False
    result = minimize(holes, start(**bounds), nan_policy="omit")
    wanted = minimize(lambda p: decay(p)[keep], start(**bounds))
    assert result.ndata == keep.sum()
    assert_array_equal(np.array(result.params), np.array(wanted.params))
    assert result.at_bound == wanted.at_bound


@pytest.mark.parametrize("size", [1e-130, 1e-100, 1.0, 1e100])
def test_standard_errors_do_not_depend_on_the_size_of_the_residuals(size: float) -> None:
    result = minimize(lambda p: size * decay(p), start())
    wanted = minimize(decay, start())
    assert result.redchi == pytest.approx(float(np.sum((result.residual) ** 2)) / 48, rel=1e-12)
    for name in "at":
        assert result.params[name].stderr == pytest.approx(wanted.params[name].stderr, rel=1e-5)


def test_no_degrees_of_freedom_and_no_residual_give_a_reduced_chi_square_of_zero() -> None:
    # As lmfit has it.
    result = minimize(lambda p: np.array([p["a"] - 3, p["t"] - 2]), start())
    assert (result.nfree, result.redchi, result.chisqr) == (0, 0.0, 2e-250)


def test_errors_are_withheld_and_the_message_says_so_where_chi_square_overflows() -> None:
    result = minimize(lambda p: 1e200 * decay(p), start())
    wanted = minimize(decay, start())
    assert_allclose(np.array(result.params), np.array(wanted.params), rtol=1e-6)
    assert not result.errorbars
    assert result.params["a"].stderr is None
    assert "range of doubles" in result.message


def test_an_expression_may_be_nan_at_the_start() -> None:
    params = start()
    params.add("root", expr="sqrt(t - 3)")
    result = minimize(decay, params)
    assert result.success
    root = result.params["root"]
    assert root.value == pytest.approx(np.sqrt(result.params["t"].value - 3), rel=1e-12)
    slope = 1 / (2 * root.value)
    assert root.stderr == pytest.approx(slope * result.params["t"].stderr, rel=1e-9)


@pytest.mark.parametrize(("low", "high"), [(-1e308, 1e308), (0, 1e308), (0, 1e200)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_bounds_too_far_apart_for_doubles_are_refused_by_name(
    low: float, high: float, value: float
) -> None:
    params = create_params(a={"value": value, "min": low, "max": high}, t=1.5)
    with pytest.raises(ValueError, match=r"parameter 'a': its bounds, .* too far apart"):
        minimize(decay, params)


def test_bounds_far_narrower_than_the_value_work() -> None:
    low, high = 0.999999999, 1.0000000001
    result = minimize(decay, start(min=low, max=high))
    fixed = minimize(decay, create_params(a={"value": high, "vary": False}, t=1.5))
    assert result.success
    assert result.params["a"].value == high
    assert result.params["t"].value == pytest.approx(fixed.params["t"].value, rel=1e-5)


@pytest.mark.parametrize("width", [1e-9, 1e-8, 1e-7, 1e-5, 1e-3])
def test_bounds_far_narrower_than_the_error_do_not_change_it(width: float) -> None:
    free = minimize(decay, start())
    best = free.params["a"].value
    result = minimize(decay, start(value=best, min=best - 0.6 * width, max=best + 0.4 * width))
    assert result.success
    for name in "at":
        assert result.params[name].stderr == pytest.approx(free.params[name].stderr, rel=1e-3)


@pytest.mark.parametrize("where", ["callback", "function"])
def test_stop_of_the_solver_ends_the_fit_as_aborted(where: str) -> None:
    solvers: list[Any] = []

    def callback(p: Any, solver: Any) -> None:
        solvers.append(solver)
        if where == "callback":
            solver.stop()

    def residual(p: Any) -> Any:
        if solvers:
            solvers[0].stop()
        return decay(p)

    result = minimize(residual, start(), callback=callback)
    assert (result.aborted, result.success, result.ier) == (True, False, -1)
    assert result.message == "Fit aborted: callback asked for it."


def test_what_iter_cb_does_to_the_residuals_does_not_reach_the_fit() -> None:
    kept = []

    def spoil(p: Any, nfev: int, residual: Any) -> None:
        kept.append((residual, residual.copy()))
        residual[:] = -1

    result = minimize(decay, start(), iter_cb=spoil)
    wanted = minimize(decay, start())
    assert_array_equal(np.array(result.params), np.array(wanted.params))
    assert all((residual == -1).all() for residual, _ in kept)
    assert_array_equal(kept[0][1], decay(start()))


def test_user_data_is_not_copied_by_the_fit_itself() -> None:
    class Data:
        copies = 0

        def __deepcopy__(self, memo: Any) -> "Data":
            Data.copies += 1
            return self

    params = start(min=0)
    params["a"].user_data = Data()
    result = minimize(decay, params)
    assert result.params["a"].user_data is params["a"].user_data
    assert Data.copies == 1  # of the parameters of the result


def test_covariance_and_correlations_are_symmetric_to_the_bit() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=(30, 4)) * 10.0 ** rng.integers(-3, 4, size=4)
        y = rng.normal(size=30)
        params = create_params(**{f"x{i}": 1.0 for i in range(4)})
        result = minimize(lambda p, a=a, y=y: a @ np.array(p) - y, params)
        assert result.covar is not None
        assert_array_equal(result.covar, result.covar.T)
        for first in params.values():
            for second in params.values():
                if first is not second:
                    assert first.correl[second.name] == second.correl[first.name]
            at = result.var_names.index(first.name)
            assert first.stderr == np.sqrt(result.covar[at, at])


def test_a_jacobian_by_one_variable_may_be_a_vector() -> None:
    t = np.linspace(0, 4, 9)
    result = minimize(
        lambda p: np.exp(-p["rate"] * t) - np.exp(-t / 2),
        create_params(rate=1.0),
        Dfun=lambda p: -t * np.exp(-p["rate"] * t),
    )
    assert abs(result.params["rate"].value - 0.5) < 1e-9
