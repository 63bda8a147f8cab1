"""Plots of fitted models, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._extras import extra
from fitcore._model_complex import get_reducer, propagate_err

if TYPE_CHECKING:
    from fitcore._model_result import ModelResult

__all__ = ["ResultPlots"]


class ResultPlots:
    """Methods of a result that plot it."""

    def plot_fit(
        self: Any,
        ax: Any = None,
        datafmt: str = "o",
        fitfmt: str = "-",
        initfmt: str = "--",
        xlabel: str | None = None,
        ylabel: str | None = None,
        yerr: Any = None,
        numpoints: int | None = None,
        data_kws: Mapping[str, Any] | None = None,
        fit_kws: Mapping[str, Any] | None = None,
        init_kws: Mapping[str, Any] | None = None,
        ax_kws: Mapping[str, Any] | None = None,
        show_init: bool = False,
        parse_complex: str = "abs",
        title: str | None = None,
    ) -> Any:
        """Plot data and fit; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: pyplot's current one.
        datafmt, fitfmt, initfmt : str
            Formats of the data, of the fit, and of the model as the fit started.
        xlabel, ylabel, title : str, optional
            Default: the independent variable, 'y', and the name of the model.
        yerr : array_like, optional
            Uncertainties of the data. Default: 1/weights, if there are weights.
        numpoints : int, optional
            At how many points between the ends the curves are drawn. Default: at the data.
        data_kws, fit_kws, init_kws : dict, optional
            Keywords for the plots.
        ax_kws : dict, optional
            Keywords for new axes.
        show_init : bool, default False
            Whether to draw the model as the fit started.
        parse_complex : {'abs', 'real', 'imag', 'angle'}
            What of complex data is drawn.

        Returns
        -------
        matplotlib.axes.Axes, or False
            False, and a message is printed, if matplotlib is missing or the data are not a function
            of one variable.
        """
        plt, variable = matplotlib_pyplot(), plotted_variable(self)
        if plt is None or variable is None:
            return False
        reduce = get_reducer(parse_complex)
        x = np.asarray(self.userkws[variable])
        curve = x if numpoints is None else np.linspace(x.min(), x.max(), numpoints)
        at = {**self.userkws, variable: curve}
        ax = ax if ax is not None else plt.axes(**(ax_kws or {}))
        if show_init:
            values = everywhere(self.model.eval(self.init_params, **at), curve)
            ax.plot(curve, reduce(values), initfmt, label="initial fit", **(init_kws or {}))
        errors = error_bars(self, yerr, parse_complex)
        draw_points(
            ax, x, reduce(self.data), errors, datafmt, {"label": "data", **(data_kws or {})}
        )
        values = everywhere(self.model.eval(self.params, **at), curve)
        ax.plot(curve, reduce(values), fitfmt, label="best fit", **(fit_kws or {}))
        set_title(ax, title, self.model.name, ax_kws)
        ax.set_xlabel(variable if xlabel is None else xlabel)
        ax.set_ylabel("y" if ylabel is None else ylabel)
        ax.legend()
        return ax

    def plot_residuals(
        self: Any,
        ax: Any = None,
        datafmt: str = "o",
        yerr: Any = None,
        data_kws: Mapping[str, Any] | None = None,
        fit_kws: Mapping[str, Any] | None = None,
        ax_kws: Mapping[str, Any] | None = None,
        parse_complex: str = "abs",
        title: str | None = None,
    ) -> Any:
        """Plot data less fit, not weighted; needs matplotlib.

        Parameters
        ----------
        ax, datafmt, yerr, data_kws, ax_kws, parse_complex, title
            As for :meth:`plot_fit`.
        fit_kws : dict, optional
            Keywords for the line at zero.

        Returns
        -------
        matplotlib.axes.Axes, or False
            As of :meth:`plot_fit`.
        """
        plt, variable = matplotlib_pyplot(), plotted_variable(self)
        if plt is None or variable is None:
            return False
        reduce = get_reducer(parse_complex)
        x = np.asarray(self.userkws[variable])
        ax = ax if ax is not None else plt.axes(**(ax_kws or {}))
        ax.axhline(0, **{"color": "k", **(fit_kws or {})})
        left = reduce(self.data) - reduce(everywhere(self.eval(), x))
        errors = error_bars(self, yerr, parse_complex)
        draw_points(ax, x, left, errors, datafmt, data_kws or {})
        set_title(ax, title, self.model.name, ax_kws)
        ax.set_ylabel("residuals")
        return ax

    def plot(
        self: Any,
        datafmt: str = "o",
        fitfmt: str = "-",
        initfmt: str = "--",
        xlabel: str | None = None,
        ylabel: str | None = None,
        yerr: Any = None,
        numpoints: int | None = None,
        fig: Any = None,
        data_kws: Mapping[str, Any] | None = None,
        fit_kws: Mapping[str, Any] | None = None,
        init_kws: Mapping[str, Any] | None = None,
        ax_res_kws: Mapping[str, Any] | None = None,
        ax_fit_kws: Mapping[str, Any] | None = None,
        fig_kws: Mapping[str, Any] | None = None,
        show_init: bool = False,
        parse_complex: str = "abs",
        title: str | None = None,
    ) -> Any:
        """Plot residuals above data and fit; needs matplotlib.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Default: a new one, made with `fig_kws`.
        ax_res_kws, ax_fit_kws : dict, optional
            Keywords for the axes of the residuals and of the fit.
        datafmt, fitfmt, initfmt, xlabel, ylabel, yerr, numpoints, data_kws, fit_kws, init_kws, \
show_init, parse_complex, title
            As for :meth:`plot_fit`.

        Returns
        -------
        matplotlib.figure.Figure, or False
            As of :meth:`plot_fit`.
        """
        plt = matplotlib_pyplot()
        if plt is None or plotted_variable(self) is None:
            return False
        get_reducer(parse_complex)
        if fig is None:
            width = plt.rcParams["figure.figsize"][0]
            fig = plt.figure(**{"figsize": (width, width), **(fig_kws or {})})
        grid = fig.add_gridspec(2, 1, height_ratios=[1, 4])
        above = fig.add_subplot(grid[0], **(ax_res_kws or {}))
        below = fig.add_subplot(grid[1], sharex=above, **(ax_fit_kws or {}))
        self.plot_fit(
            below, datafmt, fitfmt, initfmt, xlabel, ylabel, yerr, numpoints, data_kws, fit_kws,
            init_kws, ax_fit_kws, show_init, parse_complex, "",
        )  # fmt: skip
        self.plot_residuals(
            above, datafmt, yerr, data_kws, None, ax_res_kws, parse_complex, title
        )  # fmt: skip
        above.tick_params(labelbottom=False)
        return fig


def matplotlib_pyplot() -> Any:
    """Import pyplot; None, with a message, where it is missing, as scripts for lmfit expect."""
    try:
        return extra("matplotlib.pyplot", "plotting the results")
    except ImportError as missing:
        print(missing)  # noqa: T201
        return None


def plotted_variable(result: ModelResult) -> str | None:
    """The one independent variable with a value for each data point; None with a message."""
    given = result.userkws
    shape = np.shape(result.data)
    found = [
        name
        for name in result.model.independent_vars
        if name in given and np.ndim(given[name]) == 1 and np.shape(given[name]) == shape
    ]
    if len(found) != 1:
        print(  # noqa: T201
            "Fit can only be plotted if the model function has one independent variable."
        )
        return None
    return found[0]


def everywhere(values: Any, x: Any) -> Any:
    """The values of a model at each x, one that does not depend on it included."""
    return np.broadcast_to(values, np.shape(x)) if np.ndim(values) == 0 else values


def error_bars(result: ModelResult, yerr: Any, parse_complex: str) -> Any:
    """The lengths of error bars; None for none."""
    if yerr is None:
        if result.weights is None:
            return None
        weights = np.asarray(result.weights)
        with np.errstate(divide="ignore"):
            yerr = (
                1 / weights.real + 1j / weights.imag
                if np.iscomplexobj(weights)
                else 1 / np.abs(weights)
            )
    return propagate_err(result.data, np.broadcast_to(yerr, np.shape(result.data)), parse_complex)


def draw_points(
    ax: Any, x: Any, y: Any, errors: Any, fmt: str, keywords: Mapping[str, Any]
) -> None:
    """Draw points, with error bars if there are any."""
    if errors is None:
        ax.plot(x, y, fmt, **keywords)
    else:
        ax.errorbar(x, y, yerr=errors, fmt=fmt, **keywords)


def set_title(ax: Any, title: str | None, default: str, ax_kws: Mapping[str, Any] | None) -> None:
    """Set the title that was asked for; else, if the axes were not to have one, the default."""
    if title is not None:
        ax.set_title(title)
    elif not (ax_kws and "title" in ax_kws):
        ax.set_title(default)
