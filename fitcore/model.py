"""Models: functions whose arguments are the parameters of a fit."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from fitcore._model_complex import get_reducer, propagate_err
from fitcore._model_data import coerce_arraylike
from fitcore._model_eval import (
    contested_names,
    evaluate_composite,
    function_arguments,
    nodes_of,
    own_arguments,
    rebuild,
    with_values,
)
from fitcore._model_fit import residual, start_fit
from fitcore._model_hints import HINT_NAMES, ModelHints
from fitcore._model_json import ModelInJson, load_model, save_model
from fitcore._model_result import ModelResult
from fitcore._model_result_json import load_modelresult, save_modelresult
from fitcore._model_signature import (
    FORBIDDEN,
    INVALID_PARAMETER,
    INVALID_VARIABLE,
    Arguments,
    name_of,
    read_arguments,
    read_jacobian,
    read_prefix,
)
from fitcore.parameter import Parameters

__all__ = [
    "CompositeModel",
    "Model",
    "ModelResult",
    "coerce_arraylike",
    "get_reducer",
    "load_model",
    "load_modelresult",
    "propagate_err",
    "save_model",
    "save_modelresult",
]
__dir__ = __all__.copy


class Model(ModelInJson, ModelHints):
    """A model made of a function of independent variables and parameters.

    Parameters
    ----------
    func : callable
        ``func(x, a, b, ...)`` returns the model at the independent variable `x`: real or complex,
        of the shape of the data that are to be fitted.
    independent_vars : list of str, optional
        Arguments of `func` that are independent variables. Default: the first one, and those
        whose default is not a number.
    param_names : list of str, optional
        Arguments that become parameters. Default: all others that have a number as default, or
        none. Of a function with ``**kws`` they may be names of its keywords.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        What to do about NaN in the data, and in what `func` returns: ValueError, let them through,
        or leave such points out.
    prefix : str, default ''
        Put before the names of the parameters.
    name : str, optional
        Name of the model. Default: that of `func`.
    jac : callable or True, optional
        Called with the same arguments as `func`, it returns the derivatives of the model by the
        parameters, in the order of `param_names`: an array with one more axis than the model, the
        first one, or a dict of arrays by name without prefix, in which those that are zero may be
        left out. With True `func` itself returns a pair of the model and these. Fits by
        'leastsq', 'least_squares' and 'lbfgsb' then take no differences; of composite models if
        all their parts have derivatives and the operation is one of ``+ - * /``.
    **kws
        Values of other arguments of `func`.

    Attributes
    ----------
    func : callable
    independent_vars : list of str
    independent_vars_defvals : dict
        Values of those that need not be given.
    param_hints : dict of str to dict
        See :meth:`set_param_hint`.
    def_vals : dict
        Values that parameters start from, without prefix.
    opts : dict
        What was given in `kws`.
    nan_policy : str

    Raises
    ------
    TypeError
        If `func` is not callable.
    ValueError
        If a name is none of an argument of `func`, or 'data', 'weights' or 'params'; if `func`
        has ``*args`` or positional-only arguments; if the prefix is not the begin of a name.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Model
    >>> def peak(x, height, center, width=1.0):
    ...     return height * np.exp(-((x - center) / width) ** 2)
    >>> model = Model(peak)
    >>> model.param_names, model.independent_vars
    (['height', 'center', 'width'], ['x'])
    >>> x = np.linspace(-5, 5, 41)
    >>> y = peak(x, 3.0, 0.5, 1.5) + 0.01 * np.cos(9 * x)
    >>> result = model.fit(y, height=1, center=0, x=x)
    >>> round(result.best_values["width"], 2)
    1.5
    """

    _forbidden_args = FORBIDDEN
    _invalid_ivar = INVALID_VARIABLE
    _invalid_par = INVALID_PARAMETER
    _hint_names = HINT_NAMES
    valid_forms: tuple[str, ...] = ()

    func: Any
    independent_vars: list[str]
    independent_vars_defvals: dict[str, Any]
    def_vals: dict[str, Any]
    opts: dict[str, Any]

    def __init__(
        self,
        func: Callable[..., Any],
        independent_vars: list[str] | None = None,
        param_names: list[str] | None = None,
        nan_policy: str = "raise",
        prefix: str = "",
        name: str | None = None,
        **kws: Any,
    ) -> None:
        if func is not None and not callable(func):
            raise TypeError(f"{func!r} is not a callable object")
        self.func = func
        self.jac = read_jacobian(func, kws)
        self._prefix = read_prefix(prefix)
        self._param_root_names = param_names
        self.independent_vars = independent_vars  # type: ignore[assignment]
        self.independent_vars_defvals = {}
        self.nan_policy = nan_policy
        self.param_hints: dict[str, dict[str, Any]] = {}
        self.opts = kws
        self.def_vals = {}
        self._func_allargs: list[str] = []
        self._func_haskeywords = False
        self._param_names: list[str] = []
        self._name = name_of(func) if name is None else name
        self._parse_params()
        if self.independent_vars is None:
            self.independent_vars = []

    def _parse_params(self) -> None:
        """Find out what the arguments of the function are."""
        if self.func is None:
            return
        self._take_arguments(
            read_arguments(self.func, self.independent_vars, self._param_root_names, self.opts)
        )

    def _take_arguments(self, found: Arguments) -> None:
        self._func_allargs, self._func_haskeywords = found.names, found.keywords
        self.independent_vars = found.independent_vars
        self.independent_vars_defvals = found.variable_defaults
        # None where a function has nothing but **kws, as in lmfit.
        self._param_root_names = found.parameters if found.names else found.parameters or None
        self.def_vals = found.values
        self.opts = found.options
        self._param_names = [self._prefix + root for root in found.parameters]

    def _has_default(self, name: str) -> bool:
        """Whether an independent variable need not be given."""
        return name in self.independent_vars_defvals or name in self.opts

    # ------------------------------------------------------------------ what it is

    def _reprstring(self, long: bool = True) -> str:
        parts = [str(self._name)]
        if self._prefix:
            parts.append(f"prefix='{self._prefix}'")
        if long:
            parts += [f"{name}='{value}'" for name, value in self.opts.items()]
        return f"Model({', '.join(parts)})"

    @property
    def name(self) -> str:
        """str: name of the model, with its prefix and options."""
        return self._reprstring(long=True)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def prefix(self) -> str:
        """str: what the names of its parameters begin with."""
        return self._prefix

    @prefix.setter
    def prefix(self, value: str) -> None:
        self._prefix = read_prefix(value)
        self._set_paramhints_prefix()
        self._param_names = [self._prefix + root for root in self._param_root_names or ()]

    def _set_paramhints_prefix(self) -> None:
        """Renew hints that hold the prefix; for subclasses with expressions in their hints."""

    @property
    def param_names(self) -> list[str]:
        """List of str: names of its parameters, with the prefix."""
        return self._param_names

    @property
    def components(self) -> list[Model]:
        """List of Model: the models of which it is composed; itself if it is not."""
        return [self]

    def _leaves(self) -> list[Model]:
        return [self]

    def __repr__(self) -> str:
        return self._reprstring(long=True)

    def copy(self, **kwargs: Any) -> Model:
        """Not available: a copy is a new Model of the same function.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("Model.copy does not work. Make a new Model")

    def guess(self, data: Any, x: Any, **kws: Any) -> Parameters:
        """Guess values of the parameters from data; built-in models can.

        Parameters
        ----------
        data : array_like
        x : array_like
            The independent variable.
        **kws
            Values of parameters, which go over the guesses.

        Returns
        -------
        params : Parameters

        Raises
        ------
        NotImplementedError
            By models that have no guess.
        """
        raise NotImplementedError(f"guess() not implemented for {type(self).__name__}")

    # ------------------------------------------------------------------ values

    def _strip_prefix(self, name: str) -> str:
        return name.removeprefix(self._prefix)

    def make_funcargs(
        self,
        params: Parameters | None = None,
        kwargs: Mapping[str, Any] | None = None,
        strip: bool = True,
    ) -> dict[str, Any]:
        """Collect the keyword arguments with which the function is called.

        Parameters
        ----------
        params : Parameters, optional
        kwargs : dict, optional
            Independent variables, options, and values over those in `params`.
        strip : bool
            Ignored.

        Returns
        -------
        dict
        """
        return function_arguments(self, params, {} if kwargs is None else kwargs)

    def _make_all_args(self, params: Parameters | None = None, **kwargs: Any) -> dict[str, Any]:
        """All arguments of all functions, named with the prefixes."""
        args = {}
        for leaf in self._leaves():
            for name, value in leaf.make_funcargs(params, kwargs).items():
                args[leaf.prefix + name] = value
        return args

    def eval(self, params: Parameters | None = None, **kwargs: Any) -> Any:
        """Evaluate the model.

        Parameters
        ----------
        params : Parameters, optional
            Without it, all values are to be given by name.
        **kwargs
            Independent variables and options, and values of parameters, which go over `params`.

        Returns
        -------
        ndarray, or what else the function returns

        Raises
        ------
        TypeError
            If an argument of the function is missing.
        """
        params = with_values(params, kwargs, self.prefix)
        value = self.func(**self.make_funcargs(params, kwargs))
        return coerce_arraylike(value[0] if self.jac is True else value)

    def eval_components(self, params: Parameters | None = None, **kwargs: Any) -> dict[str, Any]:
        """Evaluate each component.

        Parameters
        ----------
        params, **kwargs
            As for :meth:`eval`.

        Returns
        -------
        dict of str to ndarray
            By prefix, or by name where there is none.
        """
        return {self._prefix or self._name or "": self.eval(params=params, **kwargs)}

    # ------------------------------------------------------------------ fits

    def _residual(self, params: Parameters, data: Any, weights: Any, **kwargs: Any) -> Any:
        """What a fit minimizes: (data - model) times weights."""
        return residual(self, params, data, weights, kwargs)

    def post_fit(self, fitresult: Any) -> None:
        """Do nothing after a fit; for subclasses, which may add parameters to the result.

        Parameters
        ----------
        fitresult : MinimizerResult
        """

    def fit(
        self,
        data: Any,
        params: Parameters | None = None,
        weights: Any = None,
        method: str = "leastsq",
        iter_cb: Callable[..., Any] | None = None,
        scale_covar: bool = True,
        verbose: bool = False,
        fit_kws: Mapping[str, Any] | None = None,
        nan_policy: str | None = None,
        calc_covar: bool = True,
        max_nfev: int | None = None,
        coerce_farray: bool = True,
        **kwargs: Any,
    ) -> ModelResult:
        """Fit the model to data.

        Parameters
        ----------
        data : array_like
            Real or complex, of any shape. Masked points are left out.
        params : Parameters, optional
            Where to start; they are not changed. Default: what :meth:`make_params` makes.
        weights : array_like, optional
            One number, or one for each data point: ``(data - model) * weights`` is minimized. Of
            complex data, complex weights multiply real and imaginary parts each by their own.
        method : str, default 'leastsq'
            As for :func:`fitcore.minimize`.
        iter_cb : callable, optional
            ``iter_cb(params, nfev, residual, data, weights, **kwargs)``, called after each
            evaluation; a true value stops the fit.
        scale_covar : bool, default True
            Whether the covariance is scaled by the reduced chi-square.
        verbose : bool, default False
            Whether parameters that are made are printed.
        fit_kws : dict, optional
            Settings of the method.
        nan_policy : {'raise', 'propagate', 'omit'}, optional
            For this fit, instead of that of the model.
        calc_covar : bool, default True
            Whether methods other than 'leastsq' estimate the covariance.
        max_nfev : int, optional
            Limit on evaluations.
        coerce_farray : bool, default True
            Whether data, weights and independent variables that are lists or arrays become arrays
            of float64 or complex128.
        **kwargs
            Independent variables and options of the function, and values of parameters: numbers,
            dicts as for :meth:`make_params`, or Parameters, over those in `params`.

        Returns
        -------
        ModelResult

        Raises
        ------
        TypeError, ValueError
            If data, weights, a value or an independent variable is missing or cannot be used; the
            error names the model and the argument.

        Warns
        -----
        UserWarning
            If a name in `kwargs` is none of the model's.
        """
        given, start = start_fit(self, params, kwargs, verbose)
        output = ModelResult(
            self,
            start,
            method=method,
            iter_cb=iter_cb,
            scale_covar=scale_covar,
            fcn_kws=given,
            nan_policy=self.nan_policy if nan_policy is None else nan_policy,
            calc_covar=calc_covar,
            max_nfev=max_nfev,
            **(fit_kws or {}),
        )
        output._coerce = coerce_farray
        output.fit(data=data, weights=weights)
        return output

    # ------------------------------------------------------------------ arithmetic

    def __add__(self, other: Any) -> CompositeModel:
        return CompositeModel(self, other, operator.add)

    def __sub__(self, other: Any) -> CompositeModel:
        return CompositeModel(self, other, operator.sub)

    def __mul__(self, other: Any) -> CompositeModel:
        return CompositeModel(self, other, operator.mul)

    def __truediv__(self, other: Any) -> CompositeModel:
        return CompositeModel(self, other, operator.truediv)


class CompositeModel(Model):
    """Two models combined by an operation on their values.

    ``left + right`` and so on make one.

    Parameters
    ----------
    left, right : Model
        They may have different independent variables.
    op : callable
        ``op(left, right)`` of their values: an operator, or any function such as a convolution.
    **kws
        As for :class:`Model`.

    Raises
    ------
    ValueError
        If one is not a Model, or `op` not callable.
    NameError
        If both have a parameter of the same name.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore import Model
    >>> from fitcore.model import CompositeModel
    >>> box = Model(lambda x, lo, hi: ((x > lo) & (x < hi)).astype(float), name="box")
    >>> blur = Model(lambda x, wid: np.exp(-((x - x.mean()) / wid) ** 2), name="blur")
    >>> def convolve(a, b):
    ...     return np.convolve(a, b / b.sum(), "same")
    >>> model = CompositeModel(box, blur, convolve)
    >>> model.param_names
    ['lo', 'hi', 'wid']
    """

    _known_ops = {  # noqa: RUF012  # as lmfit has it
        operator.add: "+",
        operator.sub: "-",
        operator.mul: "*",
        operator.truediv: "/",
    }

    def __init__(
        self, left: Model, right: Model, op: Callable[[Any, Any], Any], **kws: Any
    ) -> None:
        for side in (left, right):
            if not isinstance(side, Model):
                raise ValueError(f"CompositeModel: argument {side} is not a Model")
        if not callable(op):
            raise ValueError(f"CompositeModel: operator {op} is not callable")
        self.left, self.right, self.op = left, right, op
        taken = set(left.param_names)
        common = [name for name in right.param_names if name in taken]
        if common:
            raise NameError(
                "".join(
                    f"\nTwo models have parameters named '{name}'; use distinct names."
                    for name in common
                )
            )
        if kws.pop("prefix", ""):
            warnings.warn("CompositeModel ignores `prefix` argument", UserWarning, stacklevel=2)
        kws.setdefault(
            "independent_vars",
            sorted({str(v) for side in (left, right) for v in side.independent_vars}),
        )
        kws.setdefault("nan_policy", left.nan_policy)
        super().__init__(None, **kws)  # type: ignore[arg-type]
        self._name = kws.get("name")
        for side in (left, right):
            for root, hint in side.param_hints.items():
                self.param_hints[side.prefix + root] = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # A flat list: pickles and copies of long sums would recurse as deep as the sum is long.
        parts: list[Any] = []
        for node in nodes_of(self):
            if isinstance(node, CompositeModel):
                own = {k: v for k, v in node.__dict__.items() if k not in ("left", "right")}
                parts.append((type(node), own))
            else:
                parts.append(node)
        return rebuild, (parts,)

    def _parse_params(self) -> None:
        self._func_allargs = self.left._func_allargs + self.right._func_allargs
        self._func_haskeywords = self.left._func_haskeywords or self.right._func_haskeywords
        self.def_vals = {**self.left.def_vals, **self.right.def_vals}

    def _reprstring(self, long: bool = True) -> str:
        texts: list[str] = []
        for node in nodes_of(self):
            if isinstance(node, CompositeModel):
                right = texts.pop()
                sign = self._known_ops.get(node.op, node.op)
                texts.append(f"({texts.pop()} {sign} {right})")
            else:
                texts.append(node._reprstring(long=long))
        return texts[0]

    def _leaves(self) -> list[Model]:
        return [node for node in nodes_of(self) if not isinstance(node, CompositeModel)]

    @property
    def param_names(self) -> list[str]:
        """List of str: names of the parameters of all its components."""
        return [name for leaf in self._leaves() for name in leaf.param_names]

    @property
    def components(self) -> list[Model]:
        """List of Model: the models of which it is composed."""
        return self._leaves()

    @property
    def prefix(self) -> str:
        """str: none; its components have theirs."""
        return ""

    @prefix.setter
    def prefix(self, value: str) -> None:
        pass

    def eval(self, params: Parameters | None = None, **kwargs: Any) -> Any:
        """Evaluate the model, as :meth:`Model.eval`."""
        return evaluate_composite(self, params, kwargs)

    def eval_components(self, params: Parameters | None = None, **kwargs: Any) -> dict[str, Any]:
        """Evaluate each component, as :meth:`Model.eval_components`."""
        values: dict[str, Any] = {}
        contested = contested_names(self, kwargs)
        for leaf in self._leaves():
            values |= leaf.eval_components(params, **own_arguments(leaf, kwargs, contested))
        return values

    def post_fit(self, fitresult: Any) -> None:
        """Call that of each component.

        Parameters
        ----------
        fitresult : MinimizerResult
        """
        for leaf in self._leaves():
            leaf.post_fit(fitresult)
