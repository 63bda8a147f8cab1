"""Fits with bounds: the mapping, starts and solutions on a bound."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitcore import Parameters, create_params, fit_report, minimize

X = np.linspace(0, 10, 101)
NOISE = 0.1 * np.cos(50 * X**2)
LINE = 0.5 * X + 1 + NOISE


def line(p: Any) -> Any:
    return p["m"] * X + p["b"] - LINE


def decay(p: Any) -> Any:
    return np.exp(-X / p["tau"]) - np.exp(-X / 3.0) - 0.1 * NOISE


BOUNDS = [
    {},
    {"min": 0},
    {"max": 2},
    {"min": 0, "max": 2},
    {"min": -1e6, "max": 1e6},
    {"min": 0.48, "max": 1e9},
    {"min": -1e300, "max": 1e300},
]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_bounds_that_do_not_bind_change_nothing(bounds: dict[str, float]) -> None:
    slope, cov = np.polyfit(X, LINE, 1, cov=True)
    params = create_params(m={"value": 1.5, **bounds}, b=0.0)
    result = minimize(line, params)
    assert result.success
    assert_allclose([params["m"].value, params["b"].value], slope, rtol=1e-6)
    assert_allclose(result.covar, cov, rtol=2e-4)
    assert result.at_bound == ()


@pytest.mark.parametrize(
    ("begin", "bounds"),
    [
        (0, {"min": 0, "max": 2}),
        (2, {"min": 0, "max": 2}),
        (0, {"min": 0}),
        (2, {"max": 2}),
        (-5, {"min": 0, "max": 2}),
        (0.1, {"min": 0.1, "max": 50}),
    ],
)
def test_a_start_on_a_bound_is_moved_inside_and_the_fit_succeeds(
    begin: float, bounds: dict[str, float]
) -> None:
    params = create_params(m={"value": begin, **bounds}, b=0.0)
    initial = params["m"].value
    result = minimize(line, params)
    assert_allclose([params["m"].value, params["b"].value], np.polyfit(X, LINE, 1), rtol=1e-6)
    assert list(result.moved) == ["m"]
    low, high = bounds.get("min", -np.inf), bounds.get("max", np.inf)
    assert low < result.moved["m"] < high
    assert result.init_values["m"] == params["m"].init_value == initial


@pytest.mark.parametrize("begin", [0.1, 0.5, 5.0, 19.0, 20.0])
def test_a_decay_is_found_from_a_start_on_either_bound(begin: float) -> None:
    params = create_params(tau={"value": begin, "min": 0.1, "max": 20})
    result = minimize(decay, params)
    free = minimize(decay, create_params(tau=3.0))
    assert params["tau"].value == pytest.approx(free.params["tau"].value, rel=1e-6)
    assert result.params["tau"].stderr == pytest.approx(free.params["tau"].stderr, rel=1e-4)


@pytest.mark.parametrize(
    ("bounds", "bound"),
    [
        ({"min": 1}, 1),
        ({"max": 0.3}, 0.3),
        ({"min": 1, "max": 2}, 1),
        ({"min": -1, "max": 0.25}, 0.25),
        ({"min": 0.6, "max": 1e8}, 0.6),
    ],
)
def test_a_solution_on_a_bound_has_no_error_there_and_the_conditional_one_elsewhere(
    bounds: dict[str, float], bound: float
) -> None:
    begin = bound + (0.5 if bounds.get("min") == bound else -0.5)
    params = create_params(m={"value": begin, **bounds}, b=0.0)
    result = minimize(line, params)
    # With m at its bound b is the mean of what is left.
    rest = LINE - bound * X
    assert params["m"].value == bound
    assert params["b"].value == pytest.approx(rest.mean(), rel=1e-7)
    assert result.at_bound == ("m",)
    assert params["m"].stderr is None
    assert params["m"].correl is None
    assert result.errorbars
    spread = np.sum((rest - rest.mean()) ** 2)
    assert result.chisqr == pytest.approx(spread, rel=1e-10)
    assert params["b"].stderr == pytest.approx(np.sqrt(result.redchi / X.size), rel=1e-6)
    assert params["b"].correl == {}
    assert "m" in result.message
    assert fit_report(result)


def test_all_variables_on_bounds_leave_no_errors() -> None:
    params = create_params(m={"value": 1.5, "min": 1}, b={"value": 3, "min": 2, "max": 8})
    result = minimize(line, params)
    assert (params["m"].value, params["b"].value) == (1, 2)
    assert result.at_bound == ("m", "b")
    assert not result.errorbars
    assert result.covar is None
    assert "bound" in result.message


def test_a_solution_on_a_bound_with_an_analytic_jacobian() -> None:
    params = create_params(m={"value": 1.5, "min": 1}, b=0.0)
    result = minimize(line, params, Dfun=lambda p: np.stack([X, np.ones_like(X)], 1))
    assert params["m"].value == 1
    assert params["b"].value == pytest.approx((LINE - X).mean(), rel=1e-9)
    assert result.at_bound == ("m",)


@pytest.mark.parametrize(
    ("size", "bounds"),
    [
        (size, bounds)
        for bounds in ({"min": 0}, {"min": 0, "max": 1000}, {"min": -1, "max": 1})
        for size in (1e-12, 3e-9, 1e-6, 1e-3)
        # Below 1e-12 of the range, steps of the internal value are too long.
        if size > 1e-12 * bounds.get("max", 0)
    ],
)
def test_tiny_values_beside_a_bound_are_found_and_are_not_taken_for_the_bound(
    size: float, bounds: dict[str, float]
) -> None:
    target = size * (X + 1) * (1 + 0.01 * np.cos(50 * X**2))
    begin = 2 * size

    def scaled(p: Any) -> Any:
        return (p["a"] * (X + 1) - target) / size

    params = create_params(a={"value": begin, **bounds})
    result = minimize(scaled, params)
    best = (X + 1) @ target / ((X + 1) @ (X + 1))
    # In bounds of order 1 a double has a spacing of 1e-16 for the internal value.
    assert params["a"].value == pytest.approx(best, rel=1e-6, abs=2e-14 * abs(bounds["min"]))
    assert result.at_bound == ()
    assert result.errorbars


def test_values_never_leave_their_bounds_during_the_fit() -> None:
    seen = []

    def watched(p: Any) -> Any:
        seen.append(p["m"].value)
        return line(p)

    minimize(watched, create_params(m={"value": 1.9, "min": 1, "max": 2}, b=-20.0))
    assert min(seen) >= 1
    assert max(seen) <= 2


def test_a_function_without_a_value_on_the_bound_is_not_broken_by_the_look_at_it() -> None:
    target = 1 / (1e-5 + X) + 0.01 * NOISE

    def pole(p: Any) -> Any:
        assert p["a"].value > 0
        return 1 / (p["a"].value + X) - target

    params = create_params(a={"value": 3e-5, "min": 0})
    result = minimize(pole, params)
    assert result.success
    assert params["a"].value == pytest.approx(1e-5, rel=1e-4)


def test_diag_is_in_external_units() -> None:
    # A scale of the variable itself: the mapping's own slope must not matter.
    free = minimize(line, create_params(m=1.0, b=0.0), diag=[1.0, 1.0])
    wide = minimize(
        line, create_params(m={"value": 1.0, "min": -1e4, "max": 1e4}, b=0.0), diag=[1, 1]
    )
    assert wide.nfev <= free.nfev + 3
    with pytest.raises(ValueError, match="diag"):
        minimize(line, create_params(m=1.0, b=0.0), diag=[1.0])


def _box(seed: int) -> tuple[Any, Any, Any, Any, Any]:
    """A linear problem of up to four variables in a box that often cuts off the free minimum."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    a = rng.normal(size=(30, n)) * 10.0 ** rng.integers(-2, 3, size=n)
    truth = rng.normal(size=n)
    y = a @ truth + 0.3 * rng.normal(size=30)
    low = np.where(rng.random(n) < 0.6, truth + rng.normal(size=n) - 0.7, -np.inf)
    width = rng.random(n) * 3 + 0.1
    high = np.where(
        rng.random(n) < 0.6, np.where(np.isfinite(low), low, truth - 0.7) + width, np.inf
    )
    return a, y, low, high, 2 * rng.normal(size=n)


def test_with_several_bounds_active_a_success_is_the_minimum_and_nearly_all_succeed() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    failed = []
    for seed in range(200):
        a, y, low, high, begin = _box(seed)
        params = create_params(
            **{
                f"x{i}": {"value": begin[i], "min": low[i], "max": high[i]}
                for i in range(begin.size)
            }
        )
        result = minimize(lambda p, a=a, y=y: a @ np.array(p) - y, params)
        best = optimize.lsq_linear(a, y, (low, high), tol=1e-14)
        if not result.success:
            failed.append(seed)
            continue
        assert result.chisqr <= 2 * best.cost * (1 + 1e-9), seed
        for i in np.flatnonzero(best.active_mask):
            # SciPy calls active what is within its tolerance of a bound.
            value = params[f"x{i}"].value
            assert min(value - low[i], high[i] - value) <= 1e-6 * max(1, abs(value)), seed
    assert len(failed) <= 2


def test_a_nonlinear_fit_with_two_of_four_variables_on_bounds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    t = np.linspace(0, 5, 60)
    y = 3 * np.exp(-t / 0.7) + 2 * np.exp(-t / 3) + 0.02 * np.cos(40 * t**2)

    def model(v: Any) -> Any:
        return v[0] * np.exp(-t / v[1]) + v[2] * np.exp(-t / v[3]) - y

    low, high = [0, 0.8, 0, 0.1], [2.5, 2, 10, 10]
    params = create_params(
        **{
            name: {"value": start, "min": a, "max": b}
            for name, start, a, b in zip("abcd", (1, 1, 1, 2), low, high, strict=True)
        }
    )
    result = minimize(lambda p: model(np.array(p)), params)
    best = optimize.least_squares(model, [1, 1, 1, 2], bounds=(low, high), xtol=1e-14, ftol=1e-14)
    assert result.success
    assert result.chisqr == pytest.approx(2 * best.cost, rel=1e-7)
    assert_allclose(np.array(params), best.x, rtol=1e-3)
    free = [i for i, name in enumerate("abcd") if name not in result.at_bound]
    cov = np.linalg.inv(best.jac[:, free].T @ best.jac[:, free]) * result.redchi
    errors = [params["abcd"[i]].stderr for i in free]
    assert_allclose(errors, np.sqrt(np.diag(cov)), rtol=1e-3)


def test_an_error_beside_a_bound_where_only_the_look_at_it_goes_does_not_end_the_fit() -> None:
    target = np.sqrt(X + 2e-5) + 0.01 * NOISE
    seen = []

    def fragile(p: Any) -> Any:
        value = p["a"].value
        seen.append(value)
        if value < 2e-6:
            raise ZeroDivisionError("too near to 0")
        return np.sqrt(X + value) - target

    params = create_params(a={"value": 4e-5, "min": 0})
    result = minimize(fragile, params)
    assert min(seen) < 2e-6
    assert result.success
    assert result.at_bound == ()
    assert result.errorbars


def test_the_result_belongs_to_the_values_it_reports() -> None:
    for seed in range(60):
        a, y, low, high, begin = _box(seed)
        params = create_params(
            **{
                f"x{i}": {"value": begin[i], "min": low[i], "max": high[i]}
                for i in range(begin.size)
            }
        )
        result = minimize(lambda p, a=a, y=y: a @ np.array(p) - y, params)
        residual = a @ np.array(params) - y
        assert_allclose(result.residual, residual, rtol=1e-13, atol=1e-13)
        free = [i for i in range(begin.size) if f"x{i}" not in result.at_bound]
        if not result.errorbars:
            continue
        cov = np.linalg.inv(a[:, free].T @ a[:, free]) * result.redchi
        assert result.covar is not None
        found = result.covar[np.ix_(free, free)]
        scale = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
        assert_allclose(found / scale, cov / scale, atol=1e-4)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, TypeError, np.linalg.LinAlgError])
def test_whatever_the_function_raises_on_a_bound_the_fit_does_not_end_by_our_look_at_it(
    error: type[Exception],
) -> None:
    def singular(p: Any) -> Any:
        if p["t"].value <= 0:
            raise error("singular")
        return p["t"].value * np.ones(5) + np.arange(5)

    result = minimize(singular, create_params(t={"value": 1.0, "min": 0}))
    assert 0 < result.params["t"].value < 1e-6
    assert result.chisqr == pytest.approx(30, rel=1e-6)


def test_an_interrupt_on_a_bound_passes() -> None:
    def interrupted(p: Any) -> Any:
        if p["t"].value <= 0:
            raise KeyboardInterrupt
        return p["t"].value * np.ones(5) + np.arange(5)

    with pytest.raises(KeyboardInterrupt):
        minimize(interrupted, create_params(t={"value": 1.0, "min": 0}))


def test_an_error_of_iter_cb_passes_also_while_we_look_at_a_bound() -> None:
    def callback(p: Any, nfev: int, residual: Any) -> None:
        if p["m"].value == 1:
            raise RuntimeError("from iter_cb")

    with pytest.raises(RuntimeError, match="from iter_cb"):
        minimize(line, create_params(m={"value": 1.5, "min": 1}, b=0.0), iter_cb=callback)


def test_a_variable_with_a_lower_bound_and_no_value_starts_there_as_in_lmfit() -> None:
    params = Parameters()
    params.add("x", min=1, max=9)
    result = minimize(lambda p: np.array([p["x"] - 3.0, 0.5]), params)
    assert result.success and result.params["x"].value == pytest.approx(3, rel=1e-9)
    assert "x" in result.moved


def test_a_bound_met_on_the_way_is_left_once_the_others_have_settled():
    x = np.linspace(-10, 10, 1000)

    def peaks(v):
        return sum(
            v[f"amp{i}"] / v[f"wid{i}"] * np.exp(-(((x - v[f"cen{i}"]) / v[f"wid{i}"]) ** 2) / 2)
            for i in (1, 2)
        )

    truth = {"amp1": 2.83, "cen1": 1.1, "wid1": 2.4, "amp2": 4.87, "cen2": 2.5, "wid2": 0.5}
    data = peaks(truth) + 1e-4 * np.cos(40 * x)
    params = create_params(
        amp1=1.2, cen1={"value": 1, "max": 1.5}, wid1={"value": 2, "min": 0},
        amp2=0.4, cen2={"value": 2.6, "min": 2.0}, wid2={"value": 1, "min": 0},
    )  # fmt: skip
    # The first peak is held at its bound until the second, which takes both in, has become narrow.
    result = minimize(lambda p: data - peaks(p.valuesdict()), params)
    assert result.success
    assert result.at_bound == ()
    assert result.values == pytest.approx(truth, rel=1e-3)
