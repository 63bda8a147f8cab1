"""Plots of what fits without a model, and batches of fits, give back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._extras import extra
from fitcore.plotting import BLUE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fitcore._batch_result import BatchResult
    from fitcore.result import MinimizerResult

__all__ = ["plot_batch", "plot_residuals"]

BINS = 40
WITH_ERRORS = 500  # fits up to which error bars can be told apart
# Outliers beyond these quantiles would leave a map without contrast.
CONTRAST = (0.02, 0.98)


def plot_residuals(result: MinimizerResult, x: Any = None, fig: Any = None, **kws: Any) -> Figure:
    """Residuals in their order, or over `x`, and beside them how they are distributed.

    The arguments are those of :meth:`fitcore.MinimizerResult.plot`.
    """
    plt = extra("matplotlib.pyplot", "plot")
    if "residual" not in result.__dict__:
        raise ValueError("there is nothing to plot: this result is not fitted")
    residual = np.atleast_1d(np.asarray(result.residual)).ravel()
    places = np.arange(residual.size) if x is None else np.asarray(x).ravel()
    if places.shape != residual.shape:
        raise ValueError(
            f"x must have as many values as there are residuals, {residual.size}; got {places.size}"
        )
    if fig is None:
        fig = plt.figure(**{"figsize": (7.5, 3.2), "layout": "constrained", **kws})
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    left.axhline(0, color="0.5", lw=0.8)
    left.plot(places, residual, "o", ms=3.5, mfc="none", color=BLUE)
    left.set_xlabel("data point" if x is None else "x")
    left.set_ylabel("residual")
    left.set_title(
        f"{result.method}: chi-square {result.chisqr:.5g}, reduced {result.redchi:.4g}",
        fontsize=10,
    )
    finite = residual[np.isfinite(residual)]
    if finite.size:
        bins = min(BINS, max(5, round(math.sqrt(finite.size))))
        right.hist(finite, bins=bins, orientation="horizontal", color=BLUE, alpha=0.5)
    right.set_xlabel("count")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    return fig  # type: ignore[no-any-return]


def plot_batch(
    result: BatchResult, names: str | Sequence[str] | None = None, fig: Any = None, **kws: Any
) -> Figure:
    """Each parameter over the fits, or as a map of the image.

    The arguments are those of :meth:`fitcore.BatchResult.plot`.
    """
    plt = extra("matplotlib.pyplot", "plot")
    chosen = [names] if isinstance(names, str) else list(names or result.var_names)
    lost = [name for name in chosen if name not in result.names]
    if lost:
        raise ValueError(f"names: {lost[0]!r} is none of {', '.join(result.names)}")
    maps = len(result.shape) == 2
    columns = min(len(chosen), 3) if maps else 1
    rows = math.ceil(len(chosen) / columns)
    if fig is None:
        size = (4.2 * columns, 3.4 * rows) if maps else (7.5, 0.8 + 1.9 * rows)
        fig = plt.figure(**{"figsize": size, "layout": "constrained", **kws})
    axes = fig.subplots(rows, columns, sharex=True, sharey=maps, squeeze=False).ravel()
    for ax, name in zip(axes, chosen, strict=False):
        draw = _draw_map if maps else _draw_row
        draw(ax, result, name)
    for ax in axes[len(chosen) :]:
        ax.remove()
    if not maps:
        if not result.success.all():
            axes[0].legend(frameon=False, fontsize=9)
        axes[-1].set_xlabel("fit")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return fig  # type: ignore[no-any-return]


def _draw_map(ax: Axes, result: BatchResult, name: str) -> None:
    values = np.where(result.success, result.map(name), np.nan)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, CONTRAST) if finite.size else (None, None)
    image = ax.imshow(values, vmin=low, vmax=high, interpolation="nearest")
    ax.set_title(name, fontsize=10)
    outliers = finite.size and (finite.min() < low or finite.max() > high)
    ax.figure.colorbar(image, ax=ax, shrink=0.8, extend="both" if outliers else "neither")


def _draw_row(ax: Axes, result: BatchResult, name: str) -> None:
    good = result.success.ravel()
    values = result.map(name).ravel()
    errors = result.map(name, "stderr").ravel()
    where = np.arange(values.size)
    if good.sum() <= WITH_ERRORS:
        sizes = np.where(np.isfinite(errors), errors, 0.0)
        ax.errorbar(where[good], values[good], sizes[good], fmt="o", ms=3.5, lw=1, color=BLUE,
                    capsize=0)  # fmt: skip
    else:
        ax.plot(where[good], values[good], ".", ms=2.5, color=BLUE)
    failed = where[~good]
    if failed.size:
        level = ax.get_ylim()[0]
        ax.plot(failed, np.full(failed.size, level), "x", color="C3", ms=5, label="no success",
                clip_on=False)  # fmt: skip
        ax.set_ylim(bottom=level)
    ax.set_ylabel(name)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
