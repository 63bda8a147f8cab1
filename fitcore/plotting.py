"""Plots of fits, by matplotlib: confidence regions of all parameters, and how a solver got there.

``pip install fitcore[plot]`` installs what they need. Data and fit are drawn by the results
themselves, see :meth:`fitcore.ModelResult.plot`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitcore._arguments import read_whole
from fitcore._confidence_arguments import by_name, check_name, read_levels, scale_of
from fitcore._cubic_spline import CubicSpline
from fitcore._distributions import f_isf
from fitcore._extras import extra
from fitcore._profile import Fitted, Profile
from fitcore._rounding import with_error
from fitcore._trace import IterationTrace
from fitcore.confidence import conf_interval2d

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer
    from fitcore.result import MinimizerResult

    FloatArray = NDArray[np.float64]

__all__ = ["IterationTrace", "plot_confidence", "plot_iterations"]
__dir__ = __all__.copy

# Around the largest region that is drawn, in parts of its size.
MARGIN = 0.06
STEPS = 10  # of a profile on each side, if it is a parabola
FARTHEST = 4  # times as far as a parabola a profile is followed
SMOOTH = 200  # points of an ellipse or a curve
FINER = 6  # points of the grid of a contour for each that was fitted
WILD = 1e4  # heights, in parts of that wanted, beyond which a grid is not smooth
BLUE = "#2f6db3"


def height_of(outside: float, nfree: int, dimensions: int) -> float:
    """The root of how far chi-square rises, in parts of redchi, at the edge of a region.

    By the F test, as `conf_interval2d` has it.

    Parameters
    ----------
    outside : float
        The probability outside of the region.
    nfree : int
        Degrees of freedom of the fit.
    dimensions : int
        Of the region.

    Returns
    -------
    float
    """
    return math.sqrt(dimensions * f_isf(outside, dimensions, nfree))


def plot_confidence(
    minimizer: Minimizer | MinimizerResult,
    result: MinimizerResult | None = None,
    p_names: Sequence[str] | None = None,
    sigmas: Any = (1, 2, 3),
    *,
    nx: int = 15,
    ellipses: bool = True,
    fig: Any = None,
    fig_kws: dict[str, Any] | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> Figure:
    """Draw the confidence regions of each two parameters, and the profile of each.

    Below the diagonal stand the regions of `conf_interval2d`: all other parameters are fitted again
    at each point. On the diagonal is the relative likelihood ``exp(-(chisqr - best)/(2*redchi))``
    with the others fitted again, and shaded the interval of the smallest of `sigmas`. Dashed is
    what the covariance alone says: where it differs, errors and correlations are not the whole
    truth.

    Parameters
    ----------
    minimizer : Minimizer or MinimizerResult or ModelResult
        What has been fitted, or what `minimize` or `Model.fit` has returned.
    result : MinimizerResult, optional
        The best fit. Default: the last one of `minimizer`.
    p_names : sequence of str, optional
        Variables. Default: all that vary and are not at a bound.
    sigmas : float or sequence of float, default (1, 2, 3)
        Regions in standard deviations, or probabilities if below 1; of one parameter on the
        diagonal, and jointly of two below it.
    nx : int, default 15
        Points along each axis of each grid.
    ellipses : bool, default True
        Whether to draw what the covariance says.
    fig : matplotlib.figure.Figure, optional
        Where to draw. Default: a new one, made with `fig_kws`.
    fig_kws : dict, optional
        Keywords for a new figure.
    executor, progress
        As for :func:`fitcore.conf_interval2d`.

    Returns
    -------
    matplotlib.figure.Figure
        With axes in rows and columns in the order of the parameters; those above the diagonal
        are missing.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    MinimizerException
        If there is no fit, or no standard error of a parameter.
    ValueError, TypeError
        For names that are no variables, or arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Parameters, minimize, plot_confidence
    >>> t = np.arange(10.0)
    >>> y = 3 * np.exp(-t / 4) + 0.1 * np.cos(5 * t)
    >>> params = Parameters()
    >>> params.add_many(("amp", 1.0), ("tau", 1.0))
    >>> best = minimize(lambda p: p["amp"] * np.exp(-t / p["tau"]) - y, params)
    >>> figure = plot_confidence(best, nx=7)
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['', 'amp', 'tau']
    """
    plt = extra("matplotlib.pyplot", "plot_confidence")
    found = by_name(
        "conf_interval", minimizer, () if result is None else (result,), {"p_names": p_names}
    )
    fitter, best = found["minimizer"], found["result"]
    fit = Fitted.of(fitter, best)
    if p_names is None:
        names = [name for name in best.var_names if name not in best.at_bound]
    else:
        names = [check_name(best, name, "p_names") for name in p_names]
    if not names:
        raise ValueError("p_names: there is no variable to draw, as all are at bounds")
    if len(set(names)) < len(names):
        raise ValueError(f"p_names must be different variables, got {list(names)!r:.80}")
    if read_whole(nx, "nx", 1) < 5:
        raise ValueError(f"nx must be at least 5, got {nx}")
    outside = [level[1] for level in read_levels(sigmas)]
    joint = [height_of(q, best.nfree, 2) for q in outside]
    single = [height_of(q, best.nfree, 1) for q in outside]
    count = len(names)
    curves = {
        name: _profile_of(fit, name, joint[-1] if count > 1 else single[-1]) for name in names
    }
    if fig is None:
        side = max(3.2, 2.1 * count)
        fig = plt.figure(
            **{"figsize": (side + 0.6, side), "layout": "constrained", **(fig_kws or {})}
        )
    grid = fig.add_gridspec(count, count)
    for i, row in enumerate(names):
        for j, column in enumerate(names[: i + 1]):
            ax = fig.add_subplot(grid[i, j])
            if i == j:
                _draw_profile(ax, fit, row, curves[row], single[0])
            else:
                region = conf_interval2d(
                    fitter, best, column, row, nx, nx,
                    (curves[column].limits[::-1], curves[row].limits[::-1]),
                    executor=executor, progress=progress,
                )  # fmt: skip
                _draw_region(ax, region, joint, best, (column, row), ellipses)
            ax.set_xlim(*curves[column].limits)
            _label(ax, row, column, last=i == count - 1, first=j == 0 and i > 0)
    return fig  # type: ignore[no-any-return]


def _label(ax: Axes, row: str, column: str, last: bool, first: bool) -> None:
    ax.locator_params(nbins=4)
    ax.tick_params(labelsize=8)
    if last:
        ax.set_xlabel(column)
        ax.tick_params(axis="x", rotation=45)
    else:
        ax.tick_params(labelbottom=False)
    if first:
        ax.set_ylabel(row)
    elif row != column:
        ax.tick_params(labelleft=False)


class Curve(NamedTuple):
    """The profile of one variable.

    Attributes
    ----------
    x : ndarray
        Values of the variable, increasing.
    root : ndarray
        The signed root of how far chi-square is above the best, in parts of redchi.
    limits : (float, float)
        Of the axis, on which the largest region has its place.
    """

    x: FloatArray
    root: FloatArray
    limits: tuple[float, float]


def _profile_of(fit: Fitted, name: str, height: float) -> Curve:
    """Walk outwards from the best value until the profile has the height, on each side."""
    profile = Profile(fit, [name])
    best, item = fit.result, fit.result.params[name]
    value, step = float(item.value), scale_of(fit, name) * height / STEPS
    ends, points = [], {value: 0.0}
    for sign, bound in ((-1, float(item.min)), (1, float(item.max))):
        at, root, before = value, 0.0, (value, 0.0)
        for _ in range(FARTHEST * STEPS):
            before = at, root
            at = max(at - step, bound) if sign < 0 else min(at + step, bound)
            chisqr = profile.probe((at,), profile.tangent((at,))).chisqr
            root = math.sqrt(max(chisqr - best.chisqr, 0) / best.redchi)
            if not math.isfinite(root):
                at, root = before
                break
            points[at] = sign * root
            if root >= height or at == bound:
                break
        end = at
        if root > height:
            end = before[0] + (at - before[0]) * (height - before[1]) / (root - before[1])
        ends.append((end, bound))
    pad = MARGIN * (ends[1][0] - ends[0][0])
    limits = max(ends[0][0] - pad, ends[0][1]), min(ends[1][0] + pad, ends[1][1])
    x = np.array(sorted(points))
    return Curve(x, np.array([points[v] for v in x.tolist()]), limits)


def _draw_profile(ax: Axes, fit: Fitted, name: str, curve: Curve, height: float) -> None:
    """The relative likelihood along one variable, and the interval of a height."""
    item = fit.result.params[name]
    value = float(item.value)
    x = np.union1d(np.linspace(curve.x[0], curve.x[-1], SMOOTH), curve.x)
    # The root is nearly a straight line, and is interpolated well.
    root = np.interp(x, curve.x, curve.root)
    likelihood = np.exp(-(root**2) / 2)
    inside = (np.abs(root) <= height).tolist()
    ax.fill_between(x, likelihood, where=inside, color=BLUE, alpha=0.25, lw=0)
    ax.plot(x, likelihood, color=BLUE, lw=1.6)
    ax.axvline(value, color="0.4", lw=0.8)
    ax.set_ylim(0, 1.08)
    ax.set_yticks([])
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_title(f"{name} = {with_error(value, item.stderr)}", fontsize=9)


def _refinement(x: FloatArray, fine: FloatArray) -> FloatArray:
    """The matrix that makes of values at `x` those of the spline through them at `fine`."""
    spline = CubicSpline(x)
    units = np.eye(x.size)
    there = np.column_stack([spline(fine, unit) for unit in units])
    here = np.column_stack([spline(x, unit) for unit in units])
    return np.asarray(np.linalg.solve(here.T, there.T).T, dtype=np.float64)


def _smooth(
    region: tuple[FloatArray, FloatArray, FloatArray], height: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The region on a finer grid: splines of its squares, which are nearly of second degree."""
    x, y, grid = region
    rise = grid**2
    if not (np.isfinite(rise).all() and rise.max() < WILD * height**2):
        return x, y, np.where(np.isfinite(grid), grid, np.inf)
    fine_x, fine_y = (np.linspace(v[0], v[-1], FINER * (v.size - 1) + 1) for v in (x, y))
    finer = _refinement(y, fine_y) @ rise @ _refinement(x, fine_x).T
    return fine_x, fine_y, np.sqrt(np.maximum(finer, 0))


def _draw_region(
    ax: Axes,
    region: tuple[FloatArray, FloatArray, FloatArray],
    heights: Sequence[float],
    best: MinimizerResult,
    names: tuple[str, str],
    ellipses: bool,
) -> None:
    """The regions of two variables, and the ellipses of their covariance."""
    x, y, grid = _smooth(region, heights[-1])
    levels = [0.0, *heights]
    shades = [(0.184, 0.427, 0.702, 0.75 - 0.6 * k / len(heights)) for k in range(len(heights))]
    capped = np.minimum(grid, 2 * heights[-1])
    ax.contourf(x, y, capped, levels=levels, colors=shades)
    ax.contour(x, y, capped, levels=list(heights), colors=BLUE, linewidths=1.0)
    centre = np.array([float(best.params[name].value) for name in names])
    ax.plot(*centre, "+", color="k", ms=7)
    if ellipses and best.covar is not None:
        places = [best.var_names.index(name) for name in names]
        covar = best.covar[np.ix_(places, places)]
        turn = np.linspace(0, 2 * np.pi, SMOOTH)
        # The root of the covariance by its eigenvectors: it may be singular.
        lengths, vectors = np.linalg.eigh(covar)
        circle = np.array([np.cos(turn), np.sin(turn)])
        shape = vectors @ (np.sqrt(np.maximum(lengths, 0))[:, None] * circle)
        for height in heights:
            ax.plot(*(centre[:, None] + height * shape), "--", color="0.35", lw=0.8)
    ax.set_ylim(y[0], y[-1])


def plot_iterations(
    trace: IterationTrace,
    names: Sequence[str] | None = None,
    *,
    fig: Any = None,
    fig_kws: dict[str, Any] | None = None,
) -> Figure:
    """Draw how a solver went: the objective, the gradient, and parameters.

    Parameters
    ----------
    trace : IterationTrace
        Filled by a fit.
    names : sequence of str, optional
        Parameters whose way is drawn too, less where they end. Default: none.
    fig : matplotlib.figure.Figure, optional
        Where to draw. Default: a new one, made with `fig_kws`.
    fig_kws : dict, optional
        Keywords for a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        One axes below the other: the objective; the norm of the projected gradient, if it is known;
        and the parameters, if there are `names`.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    TypeError, ValueError
        If `trace` is none, or empty, or has no such parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import IterationTrace, plot_iterations
    >>> from fitcore.optimize import minimize
    >>> trace = IterationTrace()
    >>> result = minimize(
    ...     lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, [-1.2, 1.0],
    ...     callback=trace.callback,
    ... )
    >>> figure = plot_iterations(trace, names=["x0", "x1"])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['objective', 'parameter - end']
    """
    plt = extra("matplotlib.pyplot", "plot_iterations")
    if not isinstance(trace, IterationTrace):
        raise TypeError(f"trace must be an IterationTrace, got {trace!r:.80}")
    if not len(trace):
        raise ValueError(
            "trace is empty: give it to a fit, as iter_cb=trace or callback=trace, before"
        )
    chosen = [names] if isinstance(names, str) else list(names or ())
    lost = [name for name in chosen if name not in trace.values[-1]]
    if lost:
        raise ValueError(
            f"names: {lost[0]!r} is none of the parameters {', '.join(trace.values[-1])}"
        )
    steps = np.arange(1, len(trace) + 1)
    gradient = np.asarray(trace.gradient)
    known = bool(np.isfinite(gradient).any())
    count = 1 + known + bool(chosen)
    if fig is None:
        fig = plt.figure(
            **{"figsize": (7, 1.2 + 2.2 * count), "layout": "constrained", **(fig_kws or {})}
        )
    axes = fig.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    _draw_objective(axes[0], steps, np.asarray(trace.objective), trace.unit)
    if known:
        axes[1].plot(steps, gradient, "o-", ms=3, lw=1.2, color="C1")
        if np.nanmax(gradient) > 0:
            axes[1].set_yscale("log")
        axes[1].set_ylabel("gradient norm")
    if chosen:
        ends = trace.values[-1]
        for name in chosen:
            way = [values[name] - ends[name] for values in trace.values]
            axes[-1].plot(steps, way, "o-", ms=3, lw=1.2, label=f"{name} → {ends[name]:.5g}")
        axes[-1].axhline(0, color="0.6", lw=0.8, zorder=0)
        axes[-1].set_ylabel("parameter - end")
        axes[-1].legend(frameon=False, fontsize=9)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    axes[-1].set_xlabel(trace.unit)
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return fig  # type: ignore[no-any-return]


def _draw_objective(ax: Axes, steps: Any, objective: FloatArray, unit: str) -> None:
    """The objective, on a logarithmic scale if it is positive, and the best so far."""
    ax.plot(steps, objective, "o-", ms=3, lw=1.2, color="C0", label=f"each {unit}")
    with np.errstate(invalid="ignore"):
        best = np.fmin.accumulate(objective)
    if not np.array_equal(best, objective, equal_nan=True):
        ax.step(steps, best, where="post", color="0.3", lw=1.2, label="best so far")
        ax.legend(frameon=False, fontsize=9)
    finite = objective[np.isfinite(objective)]
    # Within a decade a logarithmic axis has ticks that are hard to read.
    if finite.size and finite.min() > 0 and finite.max() > 10 * finite.min():
        ax.set_yscale("log")
    ax.set_ylabel("objective")
