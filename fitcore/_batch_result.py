"""What a batch of fits gives back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._extras import extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fitcore._batch_fit import Rows
    from fitcore.parameter import Parameters

    FloatArray = NDArray[np.float64]

__all__ = ["BatchResult"]


class BatchResult:
    r"""The outcome of :func:`fitcore.fit_many`: arrays with one entry for each fit, in order.

    All arrays have the leading axes of the data, `shape`: one, of length nfits, or those of an
    image. NaN stands where there is no number.

    Attributes
    ----------
    names : tuple of str
        All parameters, in order.
    var_names : tuple of str
        Those that vary.
    shape : tuple of int
        The leading axes of the data.
    method : str
        Method of the fits.
    interrupted : bool
        Whether a KeyboardInterrupt ended the batch; `done` tells what there is.
    values, stderr, init_values : ndarray, shape (\*shape, nparams)
        Values, standard errors and starting values of all parameters, in the order of `names`.
    covar : ndarray, shape (\*shape, nvarys, nvarys)
        Covariances of the variables, in the order of `var_names`.
    chisqr, redchi, aic, bic : ndarray, shape `shape`
        As for a single fit, see :class:`fitcore.MinimizerResult`.
    nfev, ndata, status : ndarray of int, shape `shape`
        Evaluations, points that were fitted, and the method's code of how it ended: for 'leastsq'
        MINPACK's, 1 to 4 for convergence; -1 for fits that could not be done.
    success, aborted, errorbars, done : ndarray of bool, shape `shape`
        Whether a fit converged, was stopped by its limit, has uncertainties, has been done at all.
    at_bound : ndarray of bool, shape (\*shape, nvarys)
        Variables whose best value is a bound.
    message : ndarray of str, shape `shape`
        How each ended, or the error that it ended with.
    """

    values: FloatArray
    stderr: FloatArray
    init_values: FloatArray
    covar: FloatArray
    chisqr: FloatArray
    redchi: FloatArray
    aic: FloatArray
    bic: FloatArray
    nfev: NDArray[np.int64]
    ndata: NDArray[np.int64]
    status: NDArray[np.int64]
    success: NDArray[np.bool_]
    aborted: NDArray[np.bool_]
    errorbars: NDArray[np.bool_]
    done: NDArray[np.bool_]
    at_bound: NDArray[np.bool_]
    message: NDArray[Any]

    def __init__(
        self,
        params: Parameters,
        var_names: tuple[str, ...],
        shape: tuple[int, ...],
        method: str,
        rows: Rows,
        interrupted: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._template = params
        self._rows = rows
        self._settings = dict(settings or {})
        self.names, self.var_names = tuple(params), var_names
        self.shape, self.method, self.interrupted = shape, method, interrupted
        for name, array in rows.items():
            setattr(self, name, array.reshape(*shape, *array.shape[1:]))

    @property
    def nfits(self) -> int:
        """int: number of fits."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.nfits

    @property
    def nfree(self) -> NDArray[np.int64]:
        """Ndarray of int, shape `shape`: degrees of freedom, ndata - nvarys."""
        return self.ndata - len(self.var_names)

    @property
    def correl(self) -> FloatArray:
        """Ndarray, shape ``(*shape, nvarys, nvarys)``: correlations, 0 where one is at a bound."""
        variance = np.diagonal(self.covar, axis1=-2, axis2=-1)
        with np.errstate(divide="ignore"):
            inverse = np.where(variance > 0, 1.0 / np.sqrt(variance), variance * 0.0)
        scaled: FloatArray = self.covar * inverse[..., :, None] * inverse[..., None, :]
        return scaled

    def __getitem__(self, name: str) -> FloatArray:
        """Values of a parameter, shape `shape`: a map."""
        return self.map(name)

    def map(self, name: str, what: str = "values") -> NDArray[Any]:
        """One number for each fit, in the shape of the image.

        Parameters
        ----------
        name : str
            A parameter.
        what : {'values', 'stderr', 'init_values', 'at_bound'}, default 'values'
            What about it.

        Returns
        -------
        ndarray, shape `shape`

        Raises
        ------
        KeyError
            If there is no such parameter.
        ValueError
            For anything else about it.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore import Parameters, fit_many
        >>> params = Parameters()
        >>> params.add("rate", value=1.0)
        >>> x = np.linspace(0, 3, 20)
        >>> cube = np.exp(-x * np.array([[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]])[..., None])
        >>> result = fit_many(lambda x, rate: np.exp(-rate * x), cube, params, x)
        >>> result.map("rate").round(6)
        array([[0.5, 1. , 1.5],
               [2. , 2.5, 3. ]])
        """
        names = self.var_names if what == "at_bound" else self.names
        if what not in ("values", "stderr", "init_values", "at_bound"):
            raise ValueError(
                f"what must be 'values', 'stderr', 'init_values' or 'at_bound', got {what!r:.80}"
            )
        if name not in names:
            raise KeyError(f"{name!r} is none of {', '.join(names)}")
        found: NDArray[Any] = getattr(self, what)[..., names.index(name)]
        return found

    def _flat(self, index: int | tuple[int, ...]) -> int:
        try:
            if isinstance(index, tuple):
                return int(np.ravel_multi_index(index, self.shape))
            i = range(self.nfits)[index]
        except (IndexError, ValueError, TypeError) as exc:
            raise IndexError(
                f"the number of a fit must be below {self.nfits}, or an index of the image of "
                f"shape {self.shape}; got {index!r:.80}"
            ) from exc
        return i

    def params(self, index: int | tuple[int, ...]) -> Parameters:
        """Parameters of one fit, as those of a single one.

        Parameters
        ----------
        index : int or tuple of int
            Number of the fit, or its place in the image.

        Returns
        -------
        fitcore.Parameters
            With values, `stderr`, `correl` and `init_value`; to start another fit from, or to
            report with :func:`fitcore.fit_report`.
        """
        i = self._flat(index)
        rows, made = self._rows, self._template.copy()
        items = list(made.values())
        for item, value, start in zip(
            items, rows["values"][i].tolist(), rows["init_values"][i].tolist(), strict=True
        ):
            if item.expr is None and not math.isnan(value):
                item.value = value
            item.init_value = None if math.isnan(start) else start
        for item, error in zip(items, rows["stderr"][i].tolist(), strict=True):
            item.stderr = None if math.isnan(error) else error
            item.correl = None
        if rows["errorbars"][i]:
            from fitcore._statistics import correlations

            matrix = correlations(rows["covar"][i]).tolist()
            free = [k for k in range(len(self.var_names)) if not rows["at_bound"][i, k]]
            for k in free:
                made[self.var_names[k]].correl = {
                    self.var_names[j]: matrix[k][j] for j in free if j != k
                }
        return made

    def failures(self) -> dict[str, int]:
        """Messages of the fits without success, and how many have each, the most frequent first.

        Returns
        -------
        dict of str to int
        """
        messages = self._rows["message"][~self._rows["success"]]
        found, counts = np.unique(messages.astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(found[k]): int(counts[k]) for k in order}

    def to_dataframe(self) -> Any:
        """A table with one line for each fit; needs pandas.

        Returns
        -------
        pandas.DataFrame
            Columns are the parameters, ``NAME_stderr`` for each, 'chisqr', 'redchi', 'aic', 'bic',
            'nfev', 'ndata', 'success' and 'message'. Fits of an image have its axes as index.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        pd = extra("pandas", "to_dataframe")
        columns: dict[str, Any] = {}
        for k, name in enumerate(self.names):
            columns[name] = self._rows["values"][:, k]
            columns[f"{name}_stderr"] = self._rows["stderr"][:, k]
        for name in ("chisqr", "redchi", "aic", "bic", "nfev", "ndata", "success", "message"):
            columns[name] = self._rows[name]
        index = None
        if len(self.shape) > 1:
            index = pd.MultiIndex.from_product([range(length) for length in self.shape])
        return pd.DataFrame(columns, index=index)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all of it to a file, from which :meth:`load` and ``resume=`` read it.

        Parameters
        ----------
        path : path
            A file in NumPy's npz format, written under another name first and then renamed, so
            that there is a whole one at any time. Nothing in it is pickled.
        """
        from fitcore._batch_file import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> BatchResult:
        """Read a result that was written with :meth:`save`.

        Parameters
        ----------
        path : path

        Returns
        -------
        BatchResult

        Raises
        ------
        ValueError
            If the file does not hold a result.
        """
        from fitcore._batch_file import load

        return load(path)

    def report(self) -> str:
        """The batch in a few lines: counts, and the spread of each parameter over its fits.

        Returns
        -------
        str
        """
        from fitcore._batch_report import report

        return report(self)

    def plot(
        self, names: str | Sequence[str] | None = None, *, fig: Any = None, **fig_kws: Any
    ) -> Figure:
        """Plot parameters of all fits: with error bars in their order, or as maps of an image.

        Parameters
        ----------
        names : str or sequence of str, optional
            Default: all variables.
        fig : matplotlib.figure.Figure, optional
            Default: a new one, made with `fig_kws`.
        **fig_kws
            Keywords for a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            With one axes for each parameter; fits without success are marked, in maps left out.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is no such parameter.
        """
        from fitcore._result_plot import plot_batch

        return plot_batch(self, names, fig, **fig_kws)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        fits = " x ".join(map(str, self.shape))
        count = int(np.count_nonzero(self.success))
        ended = "interrupted, " if self.interrupted else ""
        return (
            f"<BatchResult {self.method}: {fits} fits, {ended}{count} successful, "
            f"{len(self.var_names)} variables>"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The report, for IPython in a terminal."""
        printer.text(repr(self) if cycle else str(self))

    def _repr_html_(self) -> str:
        """The report as HTML, for notebooks."""
        from fitcore._batch_report import html_report

        return html_report(self)
