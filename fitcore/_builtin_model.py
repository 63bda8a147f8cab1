"""What the built-in models have in common: a function, hints, and a guess from data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from fitcore._guess import guess_from_peak, update_param_vals
from fitcore.model import Model

if TYPE_CHECKING:
    from fitcore._model_signature import Arguments
    from fitcore.parameter import Parameters

__all__ = [
    "COMMON_GUESS_DOC",
    "COMMON_INIT_DOC",
    "BuiltinModel",
    "DimensionalError",
    "Hints",
    "Numbers",
    "PeakModel",
    "fwhm_expr",
    "height_expr",
]

COMMON_INIT_DOC = """
    Parameters
    ----------
    independent_vars : list of str, optional
        Arguments of the model function that are independent variables; its own by default.
    prefix : str, default ''
        Put before the names of all parameters, so that models of the same kind can be added.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        Whether NaN in data or model is an error, is passed on, or its points are left out.
    **kwargs
        Further arguments of `fitcore.Model`.
    """

COMMON_GUESS_DOC = """Starting values for the parameters, from data.

    Parameters
    ----------
    data : array_like
        Values that the model is to describe.
    x : array_like
        Independent variable, as many values, in any order. Points that are masked or not finite
        are left out.
    **kwargs
        Values of parameters by name, with or without the prefix, that are taken as they are.

    Returns
    -------
    fitcore.Parameters

    Raises
    ------
    TypeError, ValueError
        If there is nothing to guess from; the error names the argument.
    """

Hints = Mapping[str, Mapping[str, Any]]
Numbers = Mapping[str, float]


class DimensionalError(ValueError):
    """A model of one independent variable was asked for with another number of them."""


class _Prefixed(dict[str, str]):
    """Names by themselves, each with the prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        return self._prefix + name


class BuiltinModel(Model):
    """A model with a function that is fixed.

    Derived parameters are hints with an `expr`, in which ``{name}`` stands for the parameter with
    its prefix, or which is a function of the model.
    """

    _function: ClassVar[Callable[..., Any]]
    _variables: ClassVar[tuple[str, ...]] = ("x",)
    _hints: ClassVar[Hints] = {}

    _expressions: dict[str, str] | None = None
    """Those of the hints, with the present prefix."""

    def __init__(
        self,
        independent_vars: Sequence[str] | None = None,
        prefix: str = "",
        nan_policy: str = "raise",
        **kwargs: Any,
    ) -> None:
        variables = self._check_variables(independent_vars)
        super().__init__(
            self._model_function(), independent_vars=variables, prefix=prefix,
            nan_policy=nan_policy, **kwargs,
        )  # fmt: skip
        self._set_paramhints_prefix()

    __init__.__doc__ = COMMON_INIT_DOC

    def _take_arguments(self, found: Arguments) -> None:
        super()._take_arguments(found)
        # What the function has a default for, a fit is to be given all the same.
        self.independent_vars_defvals = {}

    def _model_function(self) -> Callable[..., Any]:
        return type(self)._function

    @classmethod
    def _check_variables(cls, given: Sequence[str] | None) -> list[str]:
        if given is None:
            return list(cls._variables)
        names = [given] if isinstance(given, str) else list(given)
        if cls._variables == ("x",) and len(names) != 1:
            raise DimensionalError(
                f"{cls.__name__} has one independent variable, x; independent_vars is {given!r}"
            )
        return names

    def _set_paramhints_prefix(self) -> None:
        """Set the hints, with expressions of parameters as they are called with this prefix.

        With another prefix afterwards only the expressions change, and of these not the user's.
        """
        names = _Prefixed(self.prefix)
        before = self._expressions
        self._expressions = {}
        for name, settings in self._hints.items():
            made = dict(settings)
            expr = settings.get("expr")
            if expr is not None:
                made["expr"] = expr(self) if callable(expr) else expr.format_map(names)
                self._expressions[name] = made["expr"]
            if before is None:
                self.set_param_hint(name, **made)
            elif expr is not None and self.param_hints[name].get("expr") == before[name]:
                self.param_hints[name]["expr"] = made["expr"]

    def _guessed(self, given: Mapping[str, Any], **values: Any) -> Parameters:
        """Parameters with values that were guessed, and over them what the user gave."""
        return update_param_vals(self.make_params(**values), self.prefix, **given)


def fwhm_expr(model: Any) -> str:
    """Expression of the full width at half maximum of a model with a `fwhm_factor`.

    Examples
    --------
    >>> from fitcore.models import GaussianModel, fwhm_expr
    >>> fwhm_expr(GaussianModel(prefix="g_"))
    '2.3548200*g_sigma'
    """
    return f"{model.fwhm_factor:.7f}*{model.prefix}sigma"


def height_expr(model: Any) -> str:
    """Expression of the height of the peak of a model with a `height_factor`.

    Examples
    --------
    >>> from fitcore.models import GaussianModel, height_expr
    >>> height_expr(GaussianModel())
    '0.3989423*amplitude/max(1e-15, sigma)'
    """
    prefix = model.prefix
    return f"{model.height_factor:.7f}*{prefix}amplitude/max(1e-15, {prefix}sigma)"


class PeakModel(BuiltinModel):
    """A model of one peak with `amplitude`, `center` and `sigma`."""

    _scales: ClassVar[tuple[float, float]] = (1.0, 1.0)
    """Ratio of amplitude and sigma to those of a Gaussian that is as high and as wide."""
    _fixed_guess: ClassVar[Numbers] = {}

    def guess(
        self, data: ArrayLike, x: ArrayLike, negative: bool = False, **kwargs: Any
    ) -> Parameters:
        """Starting values from the largest peak of data.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order. Points that are masked or not
            finite are left out.
        negative : bool, default False
            Whether to look for a dip.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
            `center` and width from the points above half the height over the lowest point, or, if
            these are two or less, the highest point and a sixth of the range of `x`; the other
            parameters have the values that give a symmetrical peak.

        Raises
        ------
        TypeError, ValueError
            If there is nothing to guess from; the error names the argument.

        Examples
        --------
        >>> import numpy as np
        >>> from fitcore.models import LorentzianModel
        >>> model = LorentzianModel()
        >>> x = np.linspace(0, 10, 101)
        >>> params = model.guess(model.eval(x=x, amplitude=5, center=4, sigma=0.7), x)
        >>> round(params["center"].value, 3), round(params["sigma"].value, 3)
        (4.0, 0.7)
        """
        pars = guess_from_peak(self, data, x, negative, *self._scales)
        for name, value in self._fixed_guess.items():
            pars[self.prefix + name].value = value
        return update_param_vals(pars, self.prefix, **kwargs)
