"""What a fit gives back."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fitcore._extras import extra
from fitcore._parameter import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fitcore.minimizer import Minimizer, ParametersLike
    from fitcore.parameter import Parameter, Parameters

__all__ = ["MinimizerResult"]
__dir__ = __all__.copy


class MinimizerResult:
    """The outcome of a fit: best-fit parameters, statistics, and how it ended.

    It is what :func:`fitcore.minimize` and the methods of :class:`fitcore.Minimizer` return. After
    a fit it can be printed with :func:`fitcore.report_fit`, and the fit can be run again from
    where it ended with :meth:`leastsq`.

    Attributes
    ----------
    params : Parameters
        Best-fit parameters with `stderr` and `correl`; a copy of its own.
    method : str
        Method of the fit.
    backend : str
        Whose implementation of it: 'fitcore', or 'originals' for the original Fortran.
    success : bool
        Whether the fit converged.
    aborted : bool
        Whether it was stopped: by `iter_cb`, `callback` or the limit on evaluations. The values are
        the best ones until then.
    errorbars : bool
        Whether uncertainties were estimated.
    message : str
        How the fit ended and, if there are no uncertainties, why.
    ier : int
        MINPACK's integer code: 1 to 4 converged, 5 too many evaluations, 6 to 8 tolerances too
        small, 9 residuals NaN or infinite, -1 stopped.
    lmdif_message : str
        `ier` in words.
    status : int
        The method's code of how it ended; for 'leastsq' the same as `ier`.
    nfev : int
        Number of evaluations of the objective function, those of the Jacobians included: of
        built-in models each column of their derivatives counts as one.
    nvarys : int
        Number of variables.
    ndata : int
        Number of residuals, N.
    nfree, ndfree : int
        Degrees of freedom, N - nvarys.
    residual : ndarray, shape (N,)
        Residuals at the best fit.
    chisqr : float
        Chi-square, the sum of the squared residuals.
    redchi : float
        Reduced chi-square, chisqr / (N - nvarys).
    aic : float
        Akaike's information criterion, N ln(chisqr/N) + 2 nvarys.
    bic : float
        Bayesian information criterion, N ln(chisqr/N) + ln(N) nvarys.
    covar : ndarray, shape (nvarys, nvarys), or None
        Covariance of the variables, in the order of `var_names`. The rows and columns of those in
        `at_bound` are 0: they count as fixed.
    var_names : list of str
        Names of the variables.
    init_vals : list of float
        Their values before the fit.
    init_values : dict of str to float
        The same by name.
    at_bound : tuple of str
        Variables whose best value is one of their bounds; they have no standard error.
    moved : dict of str to float
        Variables that started on a bound, where the mapping of bounds has no slope, and the values
        inside from which the fit started instead.
    last_internal_values : ndarray, shape (nvarys,)
        The solution in the internal coordinates of the solver.
    call_kws : dict
        The solver's settings.
    stop_code : int or None
        What a `NativeFunction` returned to stop the fit; None if it did not.
    """

    params: Parameters
    method: str
    backend: str
    success: bool
    aborted: bool
    errorbars: bool
    message: str
    ier: int
    status: int
    lmdif_message: str
    nfev: int
    nvarys: int
    ndata: int
    nfree: int
    residual: NDArray[np.float64]
    chisqr: float
    redchi: float
    aic: float
    bic: float
    covar: NDArray[np.float64] | None
    var_names: list[str]
    init_vals: list[float]
    init_values: dict[str, float]
    at_bound: tuple[str, ...]
    moved: dict[str, float]
    last_internal_values: NDArray[np.float64]
    call_kws: dict[str, Any]
    stop_code: int | None = None

    # How to run again; lost when pickled, as functions often cannot be.
    _minimizer: Minimizer | None = None
    _uvars: dict[str, Any]
    # The user's parameters by name, which a fit in place updates.
    _source: Mapping[str, Parameter] | None = None
    # Where the fit left its variables, by name: a value the user changes since is a new start.
    _left: Mapping[str, float] = MappingProxyType({})

    def __init__(self, **attributes: Any) -> None:
        self.__dict__ = attributes

    def _public(self) -> dict[str, Any]:
        """What of it is the outcome, by name; the rest is how to fit again."""
        found = dict(self.__dict__)
        for name in ("_minimizer", "_uvars", "_source", "_left"):
            found.pop(name, None)
        return found

    @property
    def ndfree(self) -> int:
        """int: degrees of freedom, the same as `nfree`."""
        return self.nfree

    @property
    def values(self) -> dict[str, float]:
        """Dict of str to float: best-fit values of all parameters."""
        values: dict[str, float] = self.params.valuesdict()
        return values

    @property
    def uvars(self) -> dict[str, Any] | None:
        """Dict of str to ufloat: correlated values; needs the package `uncertainties`.

        None if no uncertainties were estimated.
        """
        if self.covar is None:
            return None
        # Made once: numbers made anew would not be correlated with these.
        if "_uvars" not in self.__dict__:
            self._uvars = self.params.create_uvars(covar=self.covar)
        return self._uvars

    @property
    def flatchain(self) -> Any:
        """pandas.DataFrame: the samples of method 'emcee', one column for each variable.

        None for other methods. Needs pandas.
        """
        chain = self.__dict__.get("chain")
        if chain is None:
            return None
        pd = extra("pandas", "flatchain")
        return pd.DataFrame(chain.reshape(-1, chain.shape[-1]), columns=self.var_names)

    def to_dataframe(self) -> Any:
        """The parameters as a table; needs pandas.

        Returns
        -------
        pandas.DataFrame
            Index: the names. Columns: value, stderr, init_value, min, max, vary, expr.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        from fitcore._result_table import parameters_frame

        return parameters_frame(self.params)

    def leastsq(self, **kws: Any) -> bool:
        """Run the fit again by Levenberg-Marquardt, from the present values of `params`.

        The result itself is updated, and so are the parameters that were given to
        :func:`fitcore.minimize`, unless that was with ``inplace=False``. The `init_value` of a
        variable whose value was not changed meanwhile, which reports show, stays what it was
        before the first fit; `init_values` are where this one starts.

        Parameters
        ----------
        **kws
            Settings as for :meth:`fitcore.Minimizer.leastsq`.

        Returns
        -------
        bool
            Whether the fit converged.

        Raises
        ------
        RuntimeError
            If the result does not hold the objective function: it comes from a pickle, or was not
            made by a fit.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore import Parameters, minimize
        >>> params = Parameters()
        >>> params.add("rate", value=1.0, min=0)
        >>> t = np.linspace(0, 5, 11)
        >>> result = minimize(lambda p: np.exp(-p["rate"] * t) - np.exp(-t / 2), params)
        >>> result.params["rate"].value = 3.0
        >>> result.leastsq(ftol=1e-12)
        True
        >>> round(result.params["rate"].value, 6), round(params["rate"].value, 6)
        (0.5, 0.5)
        """
        return self._again("leastsq", **kws)

    def fmin(self, **kws: Any) -> bool:
        """Run the fit again by Nelder and Mead's simplex, as :meth:`leastsq` does.

        The settings are those of :meth:`fitcore.Minimizer.fmin`.
        """
        return self._again("fmin", **kws)

    def lbfgsb(self, **kws: Any) -> bool:
        """Run the fit again by L-BFGS-B, as :meth:`leastsq` does.

        The settings are those of :meth:`fitcore.Minimizer.lbfgsb`.
        """
        return self._again("lbfgsb", **kws)

    def anneal(self, **kws: Any) -> bool:
        """Run the fit again by simulated annealing, as :meth:`leastsq` does.

        The settings are those of :meth:`fitcore.Minimizer.anneal`.
        """
        return self._again("anneal", **kws)

    def scalar_minimize(self, method: str = "Nelder-Mead", **kws: Any) -> bool:
        """Run the fit again by a method for scalar functions, as :meth:`leastsq` does.

        The settings are those of :meth:`fitcore.Minimizer.scalar_minimize`.
        """
        return self._again("scalar_minimize", method=method, **kws)

    def minimize(self, method: str = "leastsq", **kws: Any) -> bool:
        """Run the fit again by the method of that name, as :meth:`leastsq` does.

        The names are those of :meth:`fitcore.Minimizer.minimize`.
        """
        return self._again("minimize", method=method, **kws)

    def _again(self, attribute: str, **kws: Any) -> bool:
        again = getattr(self._fitter(), attribute)(params=self.params, **kws)
        for name, item in self.params.items():
            if name in again.init_values and item.value == self._left.get(name):
                again.params[name].init_value = item.init_value
        source = self._source
        self.__dict__.clear()
        self.__dict__.update(again.__dict__)
        self._source = source
        self._write_back()
        return self.success

    def plot(self, x: Any = None, *, fig: Any = None, **fig_kws: Any) -> Figure:
        """Plot the residuals and their distribution; needs matplotlib.

        Parameters
        ----------
        x : array_like, shape (N,), optional
            Where they are drawn. Default: their numbers.
        fig : matplotlib.figure.Figure, optional
            Default: a new one, made with `fig_kws`.
        **fig_kws
            Keywords for a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            With two axes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `x` has another length, or there are no residuals.
        """
        from fitcore._result_plot import plot_residuals

        return plot_residuals(self, x, fig, **fig_kws)

    def show_candidates(self, candidate_nmb: int | str = "all") -> None:
        """Print the parameters of candidates of a grid search.

        Parameters
        ----------
        candidate_nmb : int or 'all', default 'all'
            Number of the candidate, from 1, the best.

        Raises
        ------
        AttributeError
            If the result is not one of method 'brute'.
        ValueError
            If there is no such candidate.
        """
        candidates = self.__dict__.get("candidates")
        if candidates is None:
            raise AttributeError(
                f"candidates are what method 'brute' has, not {self.__dict__.get('method')!r}"
            )
        if candidate_nmb == "all":
            chosen = range(1, len(candidates) + 1)
        elif (
            isinstance(candidate_nmb, int)
            and not isinstance(candidate_nmb, bool)
            and 1 <= candidate_nmb <= len(candidates)
        ):
            chosen = range(candidate_nmb, candidate_nmb + 1)
        else:
            raise ValueError(
                f"'candidate_nmb' should be between 1 and {len(candidates)}, or 'all'; got "
                f"{candidate_nmb!r:.80}"
            )
        for number in chosen:
            params, score = candidates[number - 1]
            print(f"\nCandidate #{number}, chisqr = {score:.3f}")  # noqa: T201
            params.pretty_print()

    def prepare_fit(self, params: ParametersLike | None = None) -> MinimizerResult:
        """Collect the variables for another fit, as :meth:`fitcore.Minimizer.prepare_fit`.

        The result itself stays as it is.

        Parameters
        ----------
        params : Parameters, optional
            Default: those of the result, with their present values.

        Returns
        -------
        MinimizerResult
            Not fitted; its method `leastsq` does the fit.

        Raises
        ------
        RuntimeError
            If the result does not hold the objective function: it comes from a pickle, or was not
            made by a fit.
        ValueError
            If no parameter varies, or one has no finite value.
        """
        return self._fitter().prepare_fit(self.params if params is None else params)

    def _fitter(self) -> Minimizer:
        if self._minimizer is None:
            raise RuntimeError(
                "this result does not hold the objective function, as it comes from a pickle or "
                "was not made by a fit: fit again with fitcore.minimize(fcn, result.params, ...)"
            )
        return self._minimizer

    def _end(self) -> MinimizerResult:
        """Remember where the fit left the variables."""
        self._left = values_of(self.params, self.var_names)
        return self

    def _write_back(self) -> None:
        """Set values, errors, correlations and initial values of the user's parameters."""
        for name, item in (self._source or {}).items():
            found = self.params.get(name)
            if found is None:
                continue
            alone = item._group_of is None
            if alone:
                item.name = name
            # In Parameters, an expression evaluates itself.
            if name in self.init_values or (alone and found.expr):
                item.value = found.value
            item.init_value = found.init_value
            item.stderr = found.stderr
            item.correl = None if found.correl is None else dict(found.correl)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_minimizer", "_source")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __copy__(self) -> MinimizerResult:
        return type(self)(**self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> MinimizerResult:
        import copy

        twin = type(self)(**copy.deepcopy(self.__getstate__(), memo))
        twin._minimizer, twin._source = self._minimizer, self._source
        return twin

    def __repr__(self) -> str:
        # Whatever is missing or has been changed, a repr does not raise.
        known = self.__dict__
        if "chisqr" not in known:
            names = known.get("var_names")
            names = ", ".join(map(str, names)) if isinstance(names, (list, tuple)) else ""
            return f"<MinimizerResult{names and ' '}{names}: not fitted>"
        shown = " ".join(
            f"{name}={_brief(known[name])}"
            for name in ("nvarys", "ndata", "nfev", "chisqr", "redchi")
            if name in known
        )
        ended = "success" if known.get("success") is True else "no success"
        return f"<MinimizerResult {known.get('method', 'unknown method')}: {ended}, {shown}>"

    def _repr_html_(self, show_correl: bool = True, min_correl: float = 0.1) -> str:
        """Report as HTML, for notebooks."""
        import html

        from fitcore._arguments import read_correl
        from fitcore._html import result_html

        show_correl, min_correl = read_correl(show_correl, min_correl)
        try:
            if "chisqr" in self.__dict__:
                return result_html(self, "", show_correl, min_correl)
        except Exception:  # noqa: BLE001
            pass  # no parameters, or an expression that fails by now: a repr does not raise
        return f"<h2>Fit Result</h2><pre>{html.escape(repr(self))}</pre>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same as text, for IPython in a terminal."""
        printer.text(repr(self) if cycle else str(self))

    def __str__(self) -> str:
        from fitcore._text_view import result_text

        try:
            return result_text(self) if "chisqr" in self.__dict__ else repr(self)
        except Exception:  # noqa: BLE001  # as above
            return repr(self)


def _brief(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
