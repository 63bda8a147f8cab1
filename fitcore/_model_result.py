"""What a fit of a model gives back."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitcore._arguments import read_correl
from fitcore._compiled_model import compile_residual
from fitcore._extras import extra
from fitcore._html import result_html
from fitcore._methods import find_method
from fitcore._model import squares
from fitcore._model_data import prepare_data
from fitcore._model_fit import drop_unknown, make_objective, set_start
from fitcore._model_jacobian import has_jacobian, has_own_jacobian, residual_jacobian, transposed
from fitcore._model_plot import ResultPlots
from fitcore._model_result_json import ModelResultInJson
from fitcore._model_uncertainty import band
from fitcore._result_table import parameters_frame, plain
from fitcore._statistics import set_propagated
from fitcore.confidence import conf_interval
from fitcore.minimizer import Minimizer, MinimizerException
from fitcore.printfuncs import ci_report, fit_report
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    from fitcore.model import Model
    from fitcore.parameter import Parameters

__all__ = ["ModelResult"]

SUMMARY = (
    "method", "ndata", "nvarys", "nfree", "chisqr", "redchi", "aic", "bic", "rsquared", "nfev",
    "max_nfev", "aborted", "errorbars", "success", "message", "lmdif_message", "ier", "nan_policy",
    "scale_covar", "calc_covar", "ci_out", "col_deriv", "flatchain", "call_kws", "var_names",
    "user_options", "kws", "init_values", "best_values",
)  # fmt: skip

# Settings of leastsq that need the Python function.
BY_PYTHON = ("jac", "Dfun", "fprime", "callback")

# Below it, the data count as constant.
TINY = 1e-15


class ModelResult(ResultPlots, ModelResultInJson, Minimizer):
    """The outcome of the fit of a model, which can be run again with changes.

    It has the attributes of :class:`fitcore.MinimizerResult`, and those listed here.

    Parameters
    ----------
    model : Model
    params : Parameters
        Where to start.
    data : array_like, optional
    weights : array_like, optional
    method : str, default 'leastsq'
    fcn_args : sequence, optional
        Data and weights, if not given by name.
    fcn_kws : dict, optional
        Independent variables and options.
    iter_cb, scale_covar, nan_policy, calc_covar, max_nfev
        As for :meth:`fitcore.Model.fit`.
    **fit_kws
        Settings of the method.

    Attributes
    ----------
    model : Model
    data, weights : ndarray or None
        As they were fitted.
    userkws : dict
        Independent variables and options.
    params : Parameters
        With best-fit values.
    init_params : Parameters
        As the fit started.
    init_values, best_values : dict
        Values of the arguments of the functions before and after, by the names of parameters.
    init_fit, best_fit : ndarray
        The model before and after, at the data.
    rsquared : float
        1 less the sum of squares of data - best_fit over that of data - mean(data); weights do
        not matter.
    ci_out : dict or None
        The last confidence intervals.
    components : list of Model
    """

    params: Parameters
    data: Any
    weights: Any
    covar: NDArray[np.float64] | None
    var_names: list[str]
    at_bound: tuple[str, ...]
    nfree: int
    redchi: float

    def __init__(
        self,
        model: Model,
        params: Parameters,
        data: Any = None,
        weights: Any = None,
        method: str = "leastsq",
        fcn_args: Sequence[Any] | None = None,
        fcn_kws: Mapping[str, Any] | None = None,
        iter_cb: Callable[..., Any] | None = None,
        scale_covar: bool = True,
        nan_policy: str = "raise",
        calc_covar: bool = True,
        max_nfev: int | None = None,
        **fit_kws: Any,
    ) -> None:
        self.model = model
        self.data = data
        self.weights = weights
        self.method = method
        self.ci_out: Any = None
        self.user_options: dict[str, Any] | None = None
        self.components = model.components
        self._coerce = True
        super().__init__(
            model._residual,
            params,
            fcn_args=fcn_args,
            fcn_kws=fcn_kws,
            iter_cb=iter_cb,
            scale_covar=scale_covar,
            nan_policy=nan_policy,  # type: ignore[arg-type]
            calc_covar=calc_covar,
            max_nfev=max_nfev,
            **fit_kws,
        )

    def fit(
        self,
        data: Any = None,
        params: Parameters | None = None,
        weights: Any = None,
        method: str | None = None,
        nan_policy: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Fit again, with changes; what is not given stays as it is.

        Parameters
        ----------
        data, weights : array_like, optional
        params : Parameters, optional
            Where to start. Default: the best values so far.
        method : str, optional
        nan_policy : {'raise', 'propagate', 'omit'}, optional
        **kwargs
            Independent variables, options, and values of parameters to start from.
        """
        if params is not None:
            self.params = params.copy()
        if method is not None:
            self.method = method
        if nan_policy is not None:
            self.nan_policy = nan_policy  # type: ignore[assignment]
        self._take(data, weights, kwargs)
        self.ci_out = None
        for name in ("dely", "dely_comps", "dely_predicted", "init_fit"):
            self.__dict__.pop(name, None)
        self.init_params = self.params  # the fit works on a copy, which becomes `params`
        self.userfcn = self.model._residual
        output = self.minimize(method=self.method, **self._derivatives())
        self._adopt(output)
        output._minimizer = None  # as in `minimize`; whoever asks for `result` has it again

    def _derivatives(self) -> dict[str, Any]:
        """The Jacobian of the model, if it is known, as a setting of the method.

        leastsq takes it from `_problem`.
        """
        method = find_method(self.method)
        if method not in ("least_squares", "lbfgsb") or not self._jacobian_is_known(self.kws):
            return {}
        jacobian = self._jacobian(self.params)
        if method == "least_squares":
            return {"Dfun": jacobian, "col_deriv": True}
        if self.reduce_fcn is None:
            return {"jac": transposed(jacobian)}
        return {}

    def _jacobian_is_known(self, options: Mapping[str, Any]) -> bool:
        """Whether there is a Jacobian of the model, and the user asks for no other."""
        if self.userfcn != self.model._residual:
            return False
        free = options.keys().isdisjoint(("jac", "Dfun", "fprime"))
        # `iter_cb` is to see each evaluation, numbered one by one: by differences, that is.
        seen = self.iter_cb is None or has_own_jacobian(self.model)
        return free and seen and has_jacobian(self.model, self.userkws)

    def _jacobian(self, params: Parameters) -> Callable[..., Any]:
        names = [name for name, item in params.items() if item.vary and not item.expr]
        return residual_jacobian(self.model, names)

    def _take(self, data: Any, weights: Any, kwargs: dict[str, Any]) -> None:
        """Take up what is new for a fit."""
        for name in [name for name in kwargs if name in self.params]:
            set_start(self.model, self.params, name, kwargs.pop(name))
        drop_unknown(self.model, kwargs)
        if not (data is None and weights is None and not kwargs and self._prepared()):
            variables = {**self.userkws, **kwargs}
            self.data, self.weights, self.userkws = prepare_data(
                self.model.name,
                self.data if data is None else data,
                self.weights if weights is None else weights,
                variables,
                self.nan_policy,
                self._coerce,
            )
        self.userargs = (self.data, self.weights)

    def __getstate__(self) -> dict[str, Any]:
        # The sampler of emcee holds what it samples, this result.
        return {**self.__dict__, "sampler": None}

    def _prepared(self) -> bool:
        """Whether data and variables are those of the last fit."""
        return len(self.userargs) == 2 and self.userargs[0] is self.data is not None

    def _function(self) -> Callable[..., Any]:
        if self.userfcn != self.model._residual:  # the user has put one of his own there
            return super()._function()
        return make_objective(self.model, self.data, self.weights, self.userkws)

    def _problem(
        self, params: Parameters, options: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Residuals of built-in models and of composites of them are the core's, if they can be."""
        plain = (
            self.userfcn == self.model._residual
            and self.iter_cb is None
            and self.nan_policy != "omit"
            and self.backend == "fitcore"
            and not any(options.get(name) is not None for name in BY_PYTHON)
        )
        if plain:
            found = compile_residual(self.model, params, self.data, self.weights, self.userkws)
            if found is not None:
                return found, (), {}
        if self._jacobian_is_known(options):
            options.update(Dfun=self._jacobian(params), col_deriv=True)
        return super()._problem(params, options)

    def _adopt(self, output: MinimizerResult) -> None:
        """Take over the outcome of a fit."""
        before = set(output.params)
        self.model.post_fit(output)
        added = [p for name, p in output.params.items() if name not in before and p.expr]
        if added and output.covar is not None:
            set_propagated(output.params, added, output.var_names, output.covar)
        self._take_over(output)

    def _take_over(self, output: MinimizerResult) -> None:
        self.__dict__.update(output._public())
        del self.init_values  # of the parameters: those here are of the functions' arguments
        self.best_values = self.model._make_all_args(self.params)
        self.best_fit = self.model.eval(self.params, **self.userkws)
        self.rsquared = rsquared(self.data, self.best_fit)

    @cached_property
    def init_params(self) -> Parameters:
        """Parameters: as the fit started."""
        return self.params.copy()

    @cached_property
    def init_values(self) -> dict[str, Any]:
        """Dict: values of the arguments of the functions where the fit started."""
        return self.model._make_all_args(self.init_params)

    @cached_property
    def init_fit(self) -> Any:
        """Ndarray: the model where the fit started, at the data."""
        return self.model.eval(self.init_params, **self.userkws)

    @property
    def uvars(self) -> dict[str, Any] | None:
        """Dict of str to ufloat: correlated values; needs the package `uncertainties`."""
        return None if self.result is None else self.result.uvars

    @property
    def flatchain(self) -> Any:
        """pandas.DataFrame or None: the samples of method 'emcee'."""
        return None if self.result is None else self.result.flatchain

    # ------------------------------------------------------------------ values

    def eval(self, params: Parameters | None = None, **kwargs: Any) -> Any:
        """Evaluate the model, by default with the best values at the data's variables.

        Parameters
        ----------
        params : Parameters, optional
        **kwargs
            Independent variables, options, and values of parameters, over those of the fit.

        Returns
        -------
        ndarray
        """
        return self.model.eval(
            params=self.params if params is None else params, **{**self.userkws, **kwargs}
        )

    def eval_components(self, params: Parameters | None = None, **kwargs: Any) -> dict[str, Any]:
        """Evaluate each component, as :meth:`eval`.

        Returns
        -------
        dict of str to ndarray
            By prefix, or by name where there is none.
        """
        return self.model.eval_components(
            params=self.params if params is None else params, **{**self.userkws, **kwargs}
        )

    def eval_uncertainty(
        self,
        params: Parameters | None = None,
        sigma: float = 1,
        dscale: float = 0.01,
        **kwargs: Any,
    ) -> Any:
        """Uncertainty of the model's values: half the width of a confidence band.

        Parameters
        ----------
        params : Parameters, optional
            Where. Default: the best values.
        sigma : float, default 1
            How many standard deviations, which stand for a probability; below 1 the probability
            itself.
        dscale : float, default 0.01
            Derivatives are differences over steps of so many standard errors.
        **kwargs
            Independent variables and options, over those of the fit.

        Returns
        -------
        ndarray
            Also kept as `dely`. `dely_comps` is a dict of those of each component, by prefix or
            name, and `dely_predicted` that of new data: the root of the squares of the model's and
            of the reduced chi-square (where data were weighted, of weighted data). Complex for
            complex models, real and imaginary part each for its own. Zeros without standard
            errors.

        References
        ----------
        .. [1] J. Wolberg, "Data Analysis Using the Method of Least Squares", Springer (2006).

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore import Model
        >>> x = np.arange(5.0)
        >>> result = Model(lambda x, a: a * x).fit([0.1, 0.9, 2.1, 2.9, 4.0], x=x, a=1)
        >>> result.eval_uncertainty(x=np.array([0.0, 1.0]), sigma=0.95).round(4).tolist()
        [0.0, 0.0498]
        """
        found = band(
            self,
            self.params if params is None else params,
            sigma,
            dscale,
            {**self.userkws, **kwargs},
        )
        self.dely, self.dely_comps = found.model, found.components
        self.dely_predicted = found.predicted
        return self.dely

    def conf_interval(self, **kwargs: Any) -> Any:
        """Confidence intervals of the variables; also kept in `ci_out`.

        Parameters
        ----------
        **kwargs
            As for :func:`fitcore.conf_interval`.
        """
        if self.result is None:
            raise MinimizerException(f"{self.model.name}: conf_interval needs a fit first")
        self.ci_out = conf_interval(self, self.result, **kwargs)
        return self.ci_out

    def ci_report(self, with_offset: bool = True, ndigits: int = 5, **kwargs: Any) -> str:
        """Report confidence intervals, which are calculated if that has not been done.

        Parameters
        ----------
        with_offset : bool, default True
            Whether values are relative to the best one.
        ndigits : int, default 5
        **kwargs
            As for :func:`fitcore.conf_interval`; with any the intervals are calculated anew.

        Returns
        -------
        str
        """
        if self.ci_out is None or kwargs:
            self.conf_interval(**kwargs)
        found = self.ci_out[0] if isinstance(self.ci_out, tuple) else self.ci_out
        return ci_report(found, with_offset=with_offset, ndigits=ndigits)

    def fit_report(
        self,
        modelpars: Mapping[str, Any] | None = None,
        show_correl: bool = True,
        min_correl: float = 0.1,
        sort_pars: bool | Callable[[str], Any] = False,
        correl_mode: Any = "list",
    ) -> str:
        """Report the fit as text.

        The arguments are those of :func:`fitcore.fit_report`.
        """
        report = fit_report(self, modelpars, show_correl, min_correl, sort_pars, correl_mode)
        return f"[[Model]]\n    {self.model._reprstring(long=True)}\n{report}"

    def summary(self) -> dict[str, Any]:
        """Statistics and attributes as plain Python objects, without the data.

        Returns
        -------
        dict
            With the names of attributes as keys; `params` is a list of tuples (name, value, vary,
            expr, min, max, brute_step, stderr, correl, init_value, user_data).
        """
        found = {name: plain(getattr(self, name, None)) for name in SUMMARY}
        limit = self.max_nfev
        if limit is None and self.result is not None:
            limit = 2000 * (self.result.nvarys + 1)
        return {
            "model": self.model._reprstring(long=True),
            **found,
            "max_nfev": plain(limit),
            "params": [plain(item.__getstate__()) for item in self.params.values()],
        }

    def to_dataframe(self, kind: str = "params") -> Any:
        """The result as a table; needs pandas.

        Parameters
        ----------
        kind : {'params', 'data'}, default 'params'
            A line for each parameter, or one for each data point with its independent variables,
            the data, weights, best fit, residual and, of composite models, the components.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is missing.
        ValueError
            For another `kind`.
        """
        if kind == "params":
            return parameters_frame(self.params)
        if kind != "data":
            raise ValueError(f"kind must be 'params' or 'data', got {kind!r:.80}")
        shape = np.shape(self.data)
        columns = {
            name: self.userkws[name]
            for name in self.model.independent_vars
            if name in self.userkws and np.shape(self.userkws[name]) == shape
        }
        columns["data"] = self.data
        if self.weights is not None:
            columns["weights"] = self.weights
        columns |= {"best_fit": self.best_fit, "residual": self.data - self.best_fit}
        if len(self.components) > 1:
            columns |= self.eval_components()
        return extra("pandas", "to_dataframe").DataFrame(
            {name: np.broadcast_to(value, shape).ravel() for name, value in columns.items()}
        )

    def __repr__(self) -> str:
        name = self.model._reprstring(long=True)
        return f"<ModelResult of {name}: {'not fitted' if self.result is None else self.result!r}>"

    def _repr_html_(self, show_correl: bool = True, min_correl: float = 0.1) -> str:
        """Report as HTML, for notebooks."""
        show_correl, min_correl = read_correl(show_correl, min_correl)
        if self.result is None:
            return f"<pre>{html.escape(repr(self))}</pre>"
        return result_html(self, self.model._reprstring(long=True), show_correl, min_correl)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same as text, for IPython in a terminal."""
        printer.text(repr(self) if cycle else str(self))

    def __str__(self) -> str:
        if self.result is None:
            return repr(self)
        from fitcore._text_view import result_text

        return result_text(self, self.model._reprstring(long=True))


def rsquared(data: Any, best: Any) -> float:
    """How much of the variance of the data a model explains."""
    left, whole = squares(data, best)
    return 1.0 - left / max(TINY, whole)
