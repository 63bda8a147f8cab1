"""What a fit of a model gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._model_data import prepare_data
from fitcore._model_fit import drop_unknown, make_objective, set_start
from fitcore._model_result_json import ModelResultInJson
from fitcore.confidence import conf_interval
from fitcore.minimizer import Minimizer, MinimizerException
from fitcore.printfuncs import ci_report, fit_report, fitreport_html_table
from fitcore.result import MinimizerResult

if TYPE_CHECKING:
    from fitcore.model import Model
    from fitcore.parameter import Parameters

__all__ = ["ModelResult"]

# Below it, the data count as constant.
TINY = 1e-15


class ModelResult(ModelResultInJson, Minimizer):
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
        self.init_params = params.copy() if params is not None else None
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
        for name in ("dely", "dely_comps", "dely_predicted"):
            self.__dict__.pop(name, None)
        self.init_params = self.params.copy()
        self.init_fit = self.model.eval(self.init_params, **self.userkws)
        self.userfcn = self.model._residual
        self._adopt(self.minimize(method=self.method))

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

    def _prepared(self) -> bool:
        """Whether data and variables are those of the last fit."""
        return len(self.userargs) == 2 and self.userargs[0] is self.data is not None

    def _function(self) -> Callable[..., Any]:
        if self.userfcn != self.model._residual:  # the user has put one of his own there
            return super()._function()
        return make_objective(self.model, self.data, self.weights, self.userkws)

    def _adopt(self, output: MinimizerResult) -> None:
        """Take over the outcome of a fit."""
        self.model.post_fit(output)
        self._take_over(output)

    def _take_over(self, output: MinimizerResult) -> None:
        own = {k: v for k, v in output.__dict__.items() if not k.startswith("_")}
        self.__dict__.update(own)
        model, given = self.model, self.userkws
        self.init_values = model._make_all_args(self.init_params)
        self.best_values = model._make_all_args(self.params)
        self.best_fit = model.eval(self.params, **given)
        self.rsquared = rsquared(self.data, self.best_fit)

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

    def _repr_html_(self, show_correl: bool = True, min_correl: float = 0.1) -> str:
        """Report as HTML, for notebooks."""
        table = fitreport_html_table(self, show_correl=show_correl, min_correl=min_correl)
        return f"<h2>Fit Result</h2> <p>Model: {self.model._reprstring(long=True)}</p> {table}"


def rsquared(data: Any, best: Any) -> float:
    """How much of the variance of the data a model explains."""
    data = np.asarray(data)
    with np.errstate(all="ignore"):
        left = np.abs(data - best)
        whole = np.abs(data - data.mean())
        return 1.0 - float((left * left).sum()) / max(TINY, float((whole * whole).sum()))
