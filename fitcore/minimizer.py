"""Fits with Parameters: `minimize` and the class behind it, `Minimizer`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np

from fitcore._arguments import (
    by_name,
    items_by_name,
    read_bool,
    read_keywords,
    read_parameters,
    read_positional,
    signature,
)
from fitcore._fit import AbortFitException, coerce_float64
from fitcore._global_fit import Candidate
from fitcore._last_result import LastResult
from fitcore._leastsq import fit_leastsq
from fitcore._leastsq_originals import check_backend
from fitcore._leastsq_settings import read_limit
from fitcore._methods import METHODS, SCALAR, find_method
from fitcore._minimizer_methods import OtherMethods
from fitcore._other_fits import fit_scalar
from fitcore._parameter import mark_start
from fitcore._penalty import Penalty
from fitcore.parameter import Parameter, Parameters
from fitcore.result import MinimizerResult

__all__ = [
    "METHODS",
    "AbortFitException",
    "Candidate",
    "Minimizer",
    "MinimizerException",
    "MinimizerResult",
    "coerce_float64",
    "minimize",
]
__dir__ = __all__.copy

Objective = Callable[..., Any]
IterCallback = Callable[..., Any]
ParametersLike = Mapping[str, Parameter] | Sequence[Parameter]  # Parameters is such a mapping
NanPolicy = Literal["raise", "propagate", "omit"]

NAN_POLICIES = ("raise", "propagate", "omit")


class MinimizerException(Exception):
    """A fit that cannot be set up as asked."""


class Minimizer(OtherMethods, Penalty, LastResult):
    """An objective function with its parameters, ready to be fitted in one way or another.

    The parameters it is given are never changed, and no fit changes the next one.

    Parameters
    ----------
    userfcn : callable
        ``userfcn(params, *fcn_args, **fcn_kws)`` returns the residuals: an array of the same
        length each time, at least as long as there are variables. An array of any shape is read
        in C order, a complex one as pairs of real and imaginary part.
    params : Parameters
        Starting values, bounds and expressions. Another mapping of names to `Parameter`, whose
        keys are then the names, or a sequence of `Parameter` is accepted, and copied.
    fcn_args : tuple, optional
        Further positional arguments of `userfcn`.
    fcn_kws : dict, optional
        Further keyword arguments of `userfcn`.
    iter_cb : callable, optional
        ``iter_cb(params, nfev, resid, *fcn_args, **fcn_kws)``, called after each evaluation. The
        fit is stopped if it returns a true value, or raises `AbortFitException` or StopIteration.
    scale_covar : bool, default True
        Whether the covariance is scaled by the reduced chi-square, for data whose errors are not
        known. False takes the residuals as divided by the true errors.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        What to do about residuals that are NaN or infinite: ``'raise'`` ValueError,
        ``'propagate'`` them, upon which the fit retreats from such points, or ``'omit'`` them,
        which must always be the same ones.
    reduce_fcn : callable or str, optional
        How scalar minimizers turn an array into one number; 'leastsq' has no use for it.
    calc_covar : bool, default True
        Whether methods other than 'leastsq' estimate the covariance.
    max_nfev : int, optional
        Limit on evaluations. Default 2000 (nvarys + 1), for global methods 100 times that.
    backend : {'fitcore', 'originals'}, default 'fitcore'
        Whose implementation of the method runs: fitcore's own, or the original Fortran, for
        'leastsq' that of MINPACK-1, see :mod:`fitcore.originals`. That makes one run as it is: it
        has forward differences or `Dfun` only, no `callback`, and nothing is refined at the
        solution or put onto bounds.
    **kws
        Settings of the solver, as for the method that is called.

    Attributes
    ----------
    result : MinimizerResult or None
        The last fit's. Its `nfev`, `success`, `errorbars`, `message`, `ier`, `lmdif_message`,
        `nvarys`, `ndata`, `ndfree`, `nfree`, `residual`, `chisqr` and `redchi` are attributes here
        too, as in the manual of lmfit 0.7.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Minimizer, Parameters
    >>> x = np.linspace(0, 10, 21)
    >>> y = 3 * np.exp(-x / 4) + 0.01 * np.cos(7 * x)
    >>> params = Parameters()
    >>> params.add("amp", value=1.0)
    >>> params.add("tau", value=1.0, min=0.1)
    >>> fitter = Minimizer(lambda p: p["amp"] * np.exp(-x / p["tau"]) - y, params)
    >>> result = fitter.leastsq()
    >>> round(result.params["tau"].value, 2), params["tau"].value
    (3.99, 1.0)
    """

    def __init__(
        self,
        userfcn: Objective | None = None,
        params: ParametersLike | None = None,
        fcn_args: Iterable[Any] | None = None,
        fcn_kws: Mapping[str, Any] | None = None,
        iter_cb: IterCallback | None = None,
        scale_covar: bool = True,
        nan_policy: NanPolicy = "raise",
        reduce_fcn: Callable[..., Any] | str | None = None,
        calc_covar: bool = True,
        max_nfev: int | None = None,
        backend: str = "fitcore",
        **kws: Any,
    ) -> None:
        if userfcn is not None and not callable(userfcn):
            raise TypeError(f"userfcn (fcn of minimize) must be callable, got {userfcn!r}")
        if iter_cb is not None and not callable(iter_cb):
            raise TypeError(f"iter_cb must be callable or None, got {iter_cb!r}")
        if not isinstance(nan_policy, str) or nan_policy not in NAN_POLICIES:
            raise ValueError(
                f"nan_policy must be 'propagate', 'omit', or 'raise'; got {nan_policy!r:.80}"
            )
        self.userfcn = userfcn
        self.params = None if params is None else read_parameters(params)
        self.userargs = read_positional(fcn_args)
        self.userkws = read_keywords(fcn_kws)
        self.iter_cb = iter_cb
        self.scale_covar = read_bool(scale_covar, "scale_covar")
        self.nan_policy = nan_policy
        self.reduce_fcn = reduce_fcn
        self.calc_covar = read_bool(calc_covar, "calc_covar")
        self.max_nfev = max_nfev
        self.backend = check_backend(backend)
        self.kws = kws
        self.sampler: Any = None  # emcee's, of the last call

    @property
    def asteval(self) -> Any:
        """Interpreter: evaluates the expressions of `params`; symbols may be put into it."""
        if self.params is None:
            self.params = Parameters()
        return self.params._asteval

    @property
    def values(self) -> dict[str, float]:
        """Dict of str to float: best-fit values of the last fit.

        Raises AttributeError before the first.
        """
        if self.result is None:
            raise AttributeError("values: no fit has been done yet")
        values: dict[str, float] = self.result.values
        return values

    def _function(self) -> Objective:
        """The objective function, which a fit needs."""
        if self.userfcn is None:
            raise MinimizerException("userfcn is missing: a fit needs an objective function")
        return self.userfcn

    def _problem(
        self, params: Parameters, options: dict[str, Any]
    ) -> tuple[Objective, tuple[Any, ...], dict[str, Any]]:
        """What leastsq is to minimize, with its arguments; `options` may get its Jacobian."""
        return self._function(), self.userargs, self.userkws

    def prepare_fit(self, params: ParametersLike | None = None) -> MinimizerResult:
        """Check parameters and expressions and collect the variables, without fitting.

        Every fit does this by itself. Call it to evaluate the objective function by hand with the
        parameters as a fit would start.

        Parameters
        ----------
        params : Parameters, optional
            Instead of those given at the start.

        Returns
        -------
        MinimizerResult
            With a copy of the parameters in `params`, and `var_names`, `init_vals`,
            `init_values` and `nvarys`. Its method `leastsq` does the fit.

        Raises
        ------
        ValueError
            If no parameter varies, or one has no finite value.
        """
        source = self.params if params is None else read_parameters(params)
        if source is None:
            raise MinimizerException("params is missing: a fit needs Parameters")
        copy = source.copy()
        varying = copy._prepare()
        if not varying:
            raise ValueError(
                "params has no parameter that varies: there is nothing to fit. Give at least one "
                f"vary=True and no expression (it holds {', '.join(copy) or 'none at all'})"
            )
        result = MinimizerResult()
        result._minimizer = self
        result.params = copy
        result.init_values = start = mark_start(copy, varying)
        result.var_names, result.init_vals = list(start), list(start.values())
        result.nvarys = len(varying)
        result.nfev = 0
        result.success = result.aborted = result.errorbars = False
        result.covar = None
        return result

    def leastsq(
        self,
        params: ParametersLike | bool | None = None,
        max_nfev: int | None = None,
        *,
        scale_covar: bool | None = None,
        **kws: Any,
    ) -> MinimizerResult:
        """Fit by Levenberg-Marquardt, MINPACK's method.

        Bounds are kept by MINUIT's mapping of bounded to unbounded variables. After convergence
        the Jacobian is formed once more, by central differences; it gives the covariance, and one
        Gauss-Newton step that is taken when it lowers chi-square.

        On a bound the mapping has no slope. A variable that starts there is moved inside, by 0.05
        of the range or, with one bound only, by 0.05 max(1, abs(bound)). Where the solution lies
        within 1e-4 of the range (of max(1, abs(bound))) from a bound, chi-square is looked at in
        one more point, at 1/64 of the distance to the bound. If it is not higher there, the
        variable is put onto the bound and the others are fitted once more, which is kept unless
        chi-square rises. What chi-square does between these points is not looked at. On a bound a
        variable has no standard error, and those of the others are for its value fixed.

        With bounds, a fit may creep or end short of the minimum beside them, for lack of slope.
        After 50 (nvarys + 1) evaluations, and again after each doubling of that number, variables
        beside their bounds are tried on them; unless `maxfev` is given. And when the refinement
        shows that a solution is not the minimum yet, in that its step lowers the norm of the
        residuals by more than a part of 1e-7 (more for residuals of little accuracy), the fit is
        started again from there, up to six times. If that is still so beside a bound, `success`
        is False and there are no standard errors.

        Parameters
        ----------
        params : Parameters, optional
            Starting values for this fit, instead of those given at the start.
        max_nfev : int, optional
            Limit on evaluations for this fit; infinity, and what is beyond 2**60, is none.
        scale_covar : bool, optional
            Whether to scale the covariance by the reduced chi-square; default as given at the
            start.
        **kws
            Settings of this fit, before those given at the start:

            ftol, xtol : float, default 1e-11
                Relative error wanted in the sum of squares, and in the solution. The default is
                tighter than MINPACK's 1.49012e-8, which stops short of four digits on some of
                NIST's problems. When neither is given a fit by differences ends before its last
                step or two, where these have been getting shorter so fast that the refinement will
                lead to within 1e-6 standard errors of the solution; and goes on if it has not.
            gtol : float, default 0.0
                Cosine wanted between the residuals and the columns of the Jacobian.
            maxfev : int, optional
                MINPACK's limit on evaluations, looked at once per step; the outcome is then
                ``ier`` 5, and not counted as stopped. Default: as good as none.
            epsfcn : float, optional
                Relative error of the residuals; forward differences take its square root as
                relative step, central ones its cube root. Default: 1e-12 during the fit, so that
                a model computed to eight digits still has a derivative, and 2.2e-16, that of
                doubles, for the refinement. For residuals in single precision (float16, float32,
                complex64) that of their type, 1.2e-7 for float32, in both; `ftol` and `xtol`,
                unless given, are then no smaller.
            factor : float, default 100.0
                First bound on the step.
            diag : array_like, shape (nvarys,), optional
                Scale factors of the variables, in their own (external) units.
            jac : {'2-point', '3-point', 'cs'} or callable, default '2-point'
                Forward or central differences, complex step (`userfcn` is then called with
                complex values), or as `Dfun`. Beware: the complex step is right for analytic
                functions only. Where `userfcn` uses abs, conj or a real part, or compares complex
                numbers, derivatives are wrong without any error, unless all residuals come out
                real, which is an error. Compare with '3-point' when in doubt.
            Dfun : callable, optional
                ``Dfun(params, *fcn_args, **fcn_kws)`` returns the Jacobian of the residuals by
                the variables, in their order, shape (N, nvarys).
            col_deriv : bool, default False
                Whether `Dfun` returns the transpose, shape (nvarys, N).
            refine : bool, default True
                Whether to form the Jacobian anew at the solution, which takes 2 nvarys + 1 more
                evaluations; left out if `max_nfev` does not allow them. False is MINPACK as it
                is, whose forward differences limit standard errors to some 4 to 6 digits.
            bounds : {'mapped', 'native'}, default 'mapped'
                How bounds are kept: by the mapping, or by the solver itself, in the values, with
                an active set method. That cannot stick beside a bound, moves no start off one,
                and a solution on a bound is found there and not put there.
            callback : callable, optional
                ``callback(params, solver)`` after each accepted step; `solver` is the
                :class:`fitcore.minpack.LevenbergMarquardt`. The fit is stopped if it returns a
                true value, or raises `AbortFitException` or StopIteration.

        Returns
        -------
        MinimizerResult

        Raises
        ------
        TypeError
            For an unknown setting, or one of a wrong type; if the function does not return an
            array of numbers.
        ValueError
            If nothing varies, a setting is out of range, there are fewer residuals than variables,
            their number changes, or they are not finite with ``nan_policy='raise'``.
        Exception
            Whatever `userfcn`, `Dfun`, `iter_cb` or `callback` raises, unchanged; except
            `AbortFitException`, and StopIteration from `iter_cb` or `callback`, which stop the
            fit with the best values so far.

        References
        ----------
        .. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture
           Notes in Mathematics 630, 105-116 (1978).
        .. [2] F. James, M. Roos, "Minuit", Computer Physics Communications 10, 343-367 (1975).
        """
        if isinstance(params, (bool, np.bool_)):  # leastsq(scale_covar), the order of lmfit 0.7
            params, scale_covar = None, bool(params)
        options = {**self.kws, **kws}
        limit = max_nfev if max_nfev is not None else self._max_nfev
        scaled = self.scale_covar if scale_covar is None else scale_covar
        prepared = self.prepare_fit(params)
        function, args, keywords = self._problem(prepared.params, options)
        self._last_limit = limit = read_limit(limit, prepared.nvarys)
        result = fit_leastsq(
            function,
            prepared,
            args,
            keywords,
            iter_cb=self.iter_cb,
            scale_covar=read_bool(scaled, "scale_covar"),
            nan_policy=self.nan_policy,
            limit=limit,
            options=options,
            backend=check_backend(self.backend),
        )
        self.result = result._end()
        return result

    def minimize(
        self, method: str = "leastsq", params: ParametersLike | None = None, **kws: Any
    ) -> MinimizerResult:
        """Fit by the method of that name.

        Parameters
        ----------
        method : str, default 'leastsq'
            Name of the method, SciPy's or lmfit's, or its beginning; `fitcore.minimizer.METHODS`
            lists them.
        params : Parameters, optional
            Starting values for this fit, instead of those given at the start.
        **kws
            Settings of the method.

        Returns
        -------
        MinimizerResult

        Raises
        ------
        ValueError
            If there is no such method; the error lists those there are.
        """
        name = find_method(method)
        if name in SCALAR:
            return fit_scalar(self, name, params, kws.pop("max_nfev", None), kws)
        fitted: MinimizerResult = getattr(self, METHODS[name][0])(params=params, **kws)
        return fitted


# One signature for each order of arguments. What they share is written twice: one TypedDict for it
# would leave no room for the methods' own settings.
@overload
def minimize(
    fcn: Objective,
    params: ParametersLike,
    method: str = "leastsq",
    args: Iterable[Any] | None = None,
    kws: Mapping[str, Any] | None = None,
    iter_cb: IterCallback | None = None,
    scale_covar: bool = True,
    nan_policy: NanPolicy = "raise",
    reduce_fcn: Callable[..., Any] | str | None = None,
    calc_covar: bool = True,
    max_nfev: int | None = None,
    *,
    inplace: bool = True,
    backend: str = "fitcore",
    engine: str | None = None,
    **fit_kws: Any,
) -> MinimizerResult: ...
@overload
def minimize(
    fcn: Objective,
    params: ParametersLike,
    args: tuple[Any, ...] | list[Any] | None,
    kws: Mapping[str, Any] | None = None,
    method: str = "leastsq",
    *,
    iter_cb: IterCallback | None = None,
    scale_covar: bool = True,
    nan_policy: NanPolicy = "raise",
    reduce_fcn: Callable[..., Any] | str | None = None,
    calc_covar: bool = True,
    max_nfev: int | None = None,
    inplace: bool = True,
    backend: str = "fitcore",
    engine: str | None = None,
    **fit_kws: Any,
) -> MinimizerResult: ...
def minimize(fcn: Any, params: Any, *ordered: Any, **named: Any) -> MinimizerResult:
    """Fit parameters so that the sum of squares of the residuals is least.

    Parameters
    ----------
    fcn : callable
        ``fcn(params, *args, **kws)`` returns the residuals, an array of the same length each
        time; see :class:`Minimizer`.
    params : Parameters
        Starting values, bounds and expressions. After the fit they hold the best values, standard
        errors and correlations; if anything is raised they are as they were. Another mapping of
        names to `Parameter`, whose keys are then the names, or a sequence of `Parameter` is
        accepted, and its objects are updated likewise.
    method : str, default 'leastsq'
        Name of the method: 'leastsq', 'lbfgsb', and with SciPy 'nelder', 'powell', 'cg',
        'newton', 'cobyla', 'slsqp', 'anneal', 'least_squares', 'differential_evolution' and more,
        see `fitcore.minimizer.METHODS`.
    args : tuple, optional
        Further positional arguments of `fcn`.
    kws : dict, optional
        Further keyword arguments of `fcn`.
    iter_cb : callable, optional
        ``iter_cb(params, nfev, resid, *args, **kws)``, called after each evaluation. The fit is
        stopped if it returns a true value, or raises `AbortFitException` or StopIteration.
    scale_covar : bool, default True
        Whether the covariance is scaled by the reduced chi-square.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        What to do about residuals that are NaN or infinite.
    reduce_fcn : callable or str, optional
        How scalar minimizers turn an array into one number; 'leastsq' has no use for it.
    calc_covar : bool, default True
        Whether methods other than 'leastsq' estimate the covariance.
    max_nfev : int, optional
        Limit on evaluations. Default 2000 (nvarys + 1), for global methods 100 times that.
    inplace : bool, default True
        Whether `params` is updated. The result has a copy in any case.
    backend : {'fitcore', 'originals'}, default 'fitcore'
        Whose implementation of the method runs, see :class:`Minimizer`.
    engine : str, optional
        Deprecated name of `method`.
    **fit_kws
        Settings of the method; for 'leastsq' see :meth:`Minimizer.leastsq`.

    Returns
    -------
    MinimizerResult
        Parameters, statistics, and how the fit ended.

    Raises
    ------
    TypeError, ValueError
        If an argument or what `fcn` returns cannot be used; the error says which and why.
    Exception
        Whatever `fcn` raises, unchanged; except `AbortFitException`, which stops the fit with the
        best values so far.

    Notes
    -----
    After `fcn` and `params`, positional arguments may come in the order of lmfit 1.x (method, args,
    kws, iter_cb, ...) or in that of the manual of lmfit 0.7 (args, kws, method): a string in the
    third place is the method, a tuple, list or None is args.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Parameters, minimize, report_fit
    >>> x = np.linspace(0, 15, 61)
    >>> data = 5 * np.sin(2 * x - 0.1) * np.exp(-0.025 * x**2) + 0.2 * np.sin(50 * x**2)
    >>> def residual(params, x, data):
    ...     v = params.valuesdict()
    ...     wave = v["amp"] * np.sin(x * v["omega"] + v["shift"])
    ...     return wave * np.exp(-v["decay"] * x**2) - data
    >>> params = Parameters()
    >>> params.add("amp", value=10, min=0)
    >>> params.add("decay", value=0.1)
    >>> params.add("shift", value=0.0, min=-np.pi / 2, max=np.pi / 2)
    >>> params.add("omega", value=3.0)
    >>> result = minimize(residual, params, args=(x, data))
    >>> result.success, result.nvarys, result.ndata
    (True, 4, 61)
    >>> params["omega"].value.__round__(2), result.params["omega"].stderr < 0.01
    (2.0, True)
    """
    named = by_name(ordered, named)
    inplace = read_bool(named.pop("inplace", True), "inplace")
    engine = named.pop("engine", None)
    method = named.pop("method", None)
    if engine is not None:
        warnings.warn("engine is deprecated; use method", DeprecationWarning, stacklevel=2)
        if method is not None and method != engine:
            raise TypeError(f"method={method!r} and engine={engine!r} name two methods")
        method = engine
    fitter = Minimizer(fcn, params, named.pop("args", None), named.pop("kws", None), **named)
    for name, value in (("fcn", fcn), ("params", params)):
        if value is None:
            raise TypeError(f"{name} must be given, got None")
    source = items_by_name(params) if inplace else None
    result = fitter.minimize("leastsq" if method is None else method)
    fitter.result = None  # which has the fitter: only the garbage collector could free the two
    result._source = source
    result._write_back()
    return result


minimize.__signature__ = signature()  # type: ignore[attr-defined]
