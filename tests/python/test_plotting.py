"""Plots: what is on their axes, and the records of iterations that they are made from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fitcore.optimize
from fitcore import (
    IterationTrace,
    Minimizer,
    MinimizerException,
    Parameters,
    fit_many,
    minimize,
    plot_confidence,
    plot_iterations,
)
from fitcore.lbfgsb import LBFGSB
from fitcore.minpack import LevenbergMarquardt, PowellHybrid
from fitcore.models import GaussianModel, LinearModel

plt = pytest.importorskip("matplotlib.pyplot")
stats = pytest.importorskip("scipy.stats")

X = np.linspace(0, 4, 15)
Y = 2 * X + 1 + 0.3 * np.cos(7 * X)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def straight(**bounds: Any) -> Any:
    params = Parameters()
    params.add("slope", value=1.0, **bounds)
    params.add("offset", value=0.0)
    return minimize(lambda p: p["slope"] * X + p["offset"] - Y, params, inplace=False)


def rosenbrock(x: Any) -> float:
    return float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)


# ------------------------------------------------------------------------------ confidence


def test_axes_are_named_after_the_parameters() -> None:
    figure = plot_confidence(straight(), nx=7)
    slope, region, offset = figure.axes
    assert (region.get_xlabel(), region.get_ylabel()) == ("slope", "offset")
    assert (offset.get_xlabel(), slope.get_xlabel()) == ("offset", "")
    assert slope.get_title().startswith("slope = ") and "±" in slope.get_title()
    assert region.get_xlim() == slope.get_xlim()
    assert region.get_ylim() == offset.get_xlim()


def test_profiles_of_a_linear_model_are_gaussians_of_the_standard_error() -> None:
    fit = straight()
    for ax, name in zip(plot_confidence(fit, nx=7).axes[::2], ("slope", "offset"), strict=True):
        item = fit.params[name]
        x, y = ax.lines[0].get_data()
        exact = np.exp(-(((x - item.value) / item.stderr) ** 2) / 2)
        assert_allclose(y, exact, atol=2e-3)
        assert ax.lines[1].get_xdata()[0] == item.value


def test_regions_of_a_linear_model_are_the_ellipses_of_the_f_test() -> None:
    fit = straight()
    region = plot_confidence(fit, nx=9).axes[1]
    best = np.array([fit.params[n].value for n in ("slope", "offset")])
    inverse = np.linalg.inv(fit.covar)
    heights = [2 * stats.f.isf(stats.norm.sf(s) * 2, 2, fit.nfree) for s in (1, 2, 3)]
    lines = region.collections[-1]
    assert len(lines.get_paths()) == 3
    for path, height in zip(lines.get_paths(), heights, strict=True):
        away = path.vertices - best
        assert_allclose(np.einsum("ij,jk,ik->i", away, inverse, away), height, rtol=0.02)
    dashed = [line for line in region.lines if line.get_linestyle() == "--"]
    for line, height in zip(dashed, heights, strict=True):
        away = np.transpose(line.get_data()) - best
        assert_allclose(np.einsum("ij,jk,ik->i", away, inverse, away), height, rtol=1e-9)
    assert_allclose(region.lines[0].get_xydata()[0], best)


def test_regions_have_their_place_on_the_axes_also_where_they_are_no_ellipses() -> None:
    t = np.linspace(0, 10, 12)
    data = 3 * np.exp(-t / 3) + 0.5 + 0.15 * np.cos(5 * t)
    params = Parameters()
    params.add_many(("a", 1.0), ("tau", 1.0), ("c", 0.0))
    fit = minimize(lambda p: p["a"] * np.exp(-t / p["tau"]) + p["c"] - data, params)
    figure = plot_confidence(fit, sigmas=[2], nx=9)
    assert len(figure.axes) == 6
    for ax in figure.axes:
        if ax.get_title():
            continue
        (path,) = ax.collections[-1].get_paths()
        low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
        assert ax.get_xlim()[0] < low[0] < high[0] < ax.get_xlim()[1]
        assert ax.get_ylim()[0] < low[1] < high[1] < ax.get_ylim()[1]


def test_bounds_end_the_axes_and_variables_at_them_are_left_out() -> None:
    best = straight()
    limit = best.params["slope"].value + best.params["slope"].stderr
    axes = plot_confidence(straight(max=limit), nx=7).axes
    assert axes[0].get_xlim()[1] == pytest.approx(limit)
    held = straight(max=best.params["slope"].value - 0.1)
    assert held.at_bound == ("slope",)
    (only,) = plot_confidence(held, nx=7).axes
    assert only.get_xlabel() == "offset"


def test_the_fit_is_not_changed_and_models_and_minimizers_are_taken() -> None:
    fit = LinearModel().fit(Y, x=X, slope=1, intercept=0)
    before = fit.params.valuesdict(), fit.covar.copy()
    assert len(plot_confidence(fit, nx=7).axes) == 3
    assert fit.params.valuesdict() == before[0]
    assert_array_equal(fit.covar, before[1])
    params = Parameters()
    params.add_many(("a", 1.0), ("b", 0.0))
    fitter = Minimizer(lambda p: p["a"] * X + p["b"] - Y, params)
    found = fitter.leastsq()
    figure = plt.figure()
    assert plot_confidence(fitter, found, ["b"], 0.9, fig=figure, nx=7) is figure
    assert [ax.get_xlabel() for ax in figure.axes] == ["b"]


@pytest.mark.parametrize(
    ("kws", "words"),
    [
        ({"p_names": ["fish"]}, "fish"),
        ({"p_names": ["slope", "slope"]}, "different variables"),
        ({"nx": 3}, "nx must be at least 5, got 3"),
        ({"nx": 7.5}, "nx"),
        ({"sigmas": -1}, "sigmas"),
    ],
)
def test_wrong_arguments_of_regions_are_named(kws: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_confidence(straight(), **kws)


def test_what_has_no_errors_has_no_regions() -> None:
    with pytest.raises(TypeError, match="minimizer"):
        plot_confidence("fit")  # type: ignore[arg-type]
    params = Parameters()
    params.add("a", value=1.0)
    short = minimize(lambda p: X * p["a"] - Y, params, calc_covar=False, method="nelder")
    with pytest.raises(MinimizerException, match="'a'"):
        plot_confidence(short)


# ------------------------------------------------------------------------------ iterations


def test_each_evaluation_is_recorded_as_iter_cb() -> None:
    trace = IterationTrace()
    params = Parameters()
    params.add_many(("slope", 1.0), ("offset", 0.0))
    fit = minimize(lambda p: p["slope"] * X + p["offset"] - Y, params, iter_cb=trace, inplace=False)
    assert trace.unit == "evaluation" and trace.nfev[-1] <= fit.nfev
    assert trace.objective[0] == pytest.approx(np.sum((X - Y) ** 2))
    assert min(trace.objective) == pytest.approx(fit.chisqr)
    assert trace.values[0] == {"slope": 1.0, "offset": 0.0}
    assert np.isnan(trace.gradient).all()


@pytest.mark.parametrize("method", ["leastsq", "lbfgsb", "bfgs", "nelder", "trust-constr"])
def test_each_iteration_is_recorded_as_callback_in_the_users_units(method: str) -> None:
    trace = IterationTrace()
    params = Parameters()
    params.add_many(("slope", 1e3), ("offset", -1e3))
    fit = minimize(
        lambda p: 1e-4 * (p["slope"] * X + p["offset"] - Y), params, method, callback=trace,
        inplace=False,
    )  # fmt: skip
    assert trace.unit == "iteration"
    for value, at in zip(trace.objective, trace.values, strict=True):
        residual = 1e-4 * (at["slope"] * X + at["offset"] - Y)
        assert value == pytest.approx(residual @ residual, rel=1e-6)
        if method == "lbfgsb":
            gradient = 2e-4 * np.array([residual @ X, residual.sum()])
            shown = trace.gradient[trace.objective.index(value)]
            assert shown == pytest.approx(np.abs(gradient).max(), rel=1e-3, abs=1e-9)
    assert fit.chisqr <= trace.objective[-1] * (1 + 1e-6)


def test_the_solvers_themselves_take_it_as_callback() -> None:
    trace = IterationTrace()
    gradient = lambda x: np.array(  # noqa: E731
        [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]
    )
    solver = LBFGSB([-1.2, 1.0]).run(rosenbrock, (), gradient, callback=trace)
    assert len(trace) == solver.nit and trace.objective[-1] == solver.f
    assert trace.gradient[-1] == solver.projected_gradient_norm
    assert trace.values[-1] == {"x0": solver.x[0], "x1": solver.x[1]}
    residual = lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])  # noqa: E731
    trace = IterationTrace()
    lm = LevenbergMarquardt([-1.2, 1.0]).run(residual, callback=trace)
    assert trace.objective[-1] == pytest.approx(lm.fnorm**2) and trace.unit == "iteration"
    trace = IterationTrace()
    PowellHybrid([-1.2, 1.0]).run(residual, callback=trace)
    assert np.isnan(trace.gradient).all() and trace.objective[-1] < 1e-9
    trace = IterationTrace()
    found = fitcore.optimize.minimize(rosenbrock, [-1.2, 1.0], callback=trace.callback)
    assert len(trace) == found.nit and trace.objective[-1] == pytest.approx(found.fun)


def test_methods_that_do_not_tell_the_objective_name_iter_cb() -> None:
    params = Parameters()
    params.add("a", value=1.0)
    with pytest.raises(TypeError, match="iter_cb=trace"):
        IterationTrace()(params, np.ones(1))


def test_a_trace_that_is_called_by_something_else_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"callback=trace\.callback"):
        fitcore.optimize.minimize(rosenbrock, [-1.2, 1.0], callback=IterationTrace())


def test_the_plot_has_what_was_recorded() -> None:
    trace = IterationTrace()
    params = Parameters()
    params.add_many(("slope", 1.0), ("offset", 0.0))
    minimize(lambda p: p["slope"] * X**2 + np.exp(p["offset"]) - Y, params, callback=trace)
    objective, gradient, way = plot_iterations(trace, ["slope", "offset"]).axes
    assert_array_equal(objective.lines[0].get_xdata(), np.arange(1, len(trace) + 1))
    assert_array_equal(objective.lines[0].get_ydata(), trace.objective)
    assert_array_equal(gradient.lines[0].get_ydata(), trace.gradient)
    assert gradient.get_yscale() == "log"
    ends = trace.values[-1]
    for line, name in zip(way.lines, ("slope", "offset"), strict=False):
        assert_allclose(line.get_ydata(), [v[name] - ends[name] for v in trace.values])
    labels = [ax.get_ylabel() for ax in (objective, gradient, way)]
    assert labels == ["objective", "gradient norm", "parameter - end"]
    assert way.get_xlabel() == "iteration"
    assert len(plot_iterations(trace).axes) == 2


def test_the_best_so_far_is_drawn_where_it_goes_up_and_down() -> None:
    trace = IterationTrace()
    params = Parameters()
    params.add("a", value=1.0)
    for k, value in enumerate([9.0, 4.0, 16.0, np.nan, 1.0]):
        trace(params, k + 1, np.array([np.sqrt(value)]))
    (ax,) = plot_iterations(trace).axes
    assert_allclose(ax.lines[1].get_ydata(), [9, 4, 4, 4, 1])
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "evaluation"
    trace.objective[-1] = -1.0
    assert plot_iterations(trace).axes[0].get_yscale() == "linear"


def test_wrong_arguments_of_traces_are_named() -> None:
    with pytest.raises(TypeError, match="IterationTrace"):
        plot_iterations([1.0])  # type: ignore[arg-type]
    trace = IterationTrace()
    with pytest.raises(ValueError, match="trace is empty"):
        plot_iterations(trace)
    params = Parameters()
    params.add("a", value=1.0)
    trace(params, 1, 2.0)
    with pytest.raises(ValueError, match="'fish' is none of the parameters a"):
        plot_iterations(trace, "fish")


# ------------------------------------------------------------------------------ results


def test_results_draw_their_residuals() -> None:
    fit = straight()
    left, right = fit.plot().axes
    assert_array_equal(left.lines[1].get_xdata(), np.arange(X.size))
    assert_array_equal(left.lines[1].get_ydata(), fit.residual)
    assert sum(bar.get_width() for bar in right.patches) == X.size
    assert (left.get_xlabel(), left.get_ylabel()) == ("data point", "residual")
    assert_array_equal(fit.plot(X).axes[0].lines[1].get_xdata(), X)
    with pytest.raises(ValueError, match="x must have as many values as there are residuals, 15"):
        fit.plot([1.0, 2.0])
    with pytest.raises(ValueError, match="not fitted"):
        fitcore.MinimizerResult().plot()


def batch(shape: tuple[int, ...]) -> Any:
    x = np.linspace(0, 10, 40)
    heights = 1 + np.arange(np.prod(shape)).reshape(shape) / 10
    model = GaussianModel()
    y = heights[..., None] * np.exp(-((x - 5) ** 2) / 2)
    y.reshape(-1, x.size)[2, 0] = np.nan
    return fit_many(model, y, model.make_params(amplitude=3, center=5, sigma=1), x)


def test_batches_are_drawn_with_their_errors_and_failures() -> None:
    result = batch((6,))
    figure = result.plot()
    assert [ax.get_ylabel() for ax in figure.axes] == ["amplitude", "center", "sigma"]
    ax = figure.axes[0]
    good = np.array([0, 1, 3, 4, 5])
    assert_array_equal(ax.lines[0].get_xdata(), good)
    assert_array_equal(ax.lines[0].get_ydata(), result["amplitude"][good])
    assert_array_equal(ax.lines[-1].get_xdata(), [2])
    (one,) = result.plot("height", figsize=(3, 2)).axes
    assert one.get_ylabel() == "height" and one.figure.get_size_inches().tolist() == [3, 2]
    with pytest.raises(ValueError, match="'fish' is none of amplitude"):
        result.plot("fish")


def test_batches_of_images_are_drawn_as_maps() -> None:
    result = batch((2, 4))
    figure = result.plot(["amplitude", "sigma"])
    ax = figure.axes[0]
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    expected = np.where(result.success, result.map("amplitude"), np.nan)
    assert_array_equal(shown, expected)
    assert [a.get_title() for a in figure.axes[:2]] == ["amplitude", "sigma"]


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, many, trace = straight(), batch((3,)), IterationTrace()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (fit.plot, many.plot, lambda: plot_confidence(fit), lambda: plot_iterations(trace)):
        with pytest.raises(ImportError, match=r"pip install fitcore\[plot\]"):
            draw()
