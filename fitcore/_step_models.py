"""Models of steps, and of occupation numbers in thermal equilibrium."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from fitcore import lineshapes
from fitcore._builtin_model import BuiltinModel, Hints
from fitcore._guess import guess_thermal, read_curve, spread, update_param_vals
from fitcore._shape_values import FORMS, find_form

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = ["BoseModel", "FermiModel", "RectangleModel", "StepModel", "ThermalDistributionModel"]


class FormModel(BuiltinModel):
    """A model of several forms, one of which is chosen by a string.

    Parameters
    ----------
    independent_vars : list of str, optional
        Default: x and form.
    prefix : str, default ''
        Put before the names of all parameters.
    nan_policy : {'raise', 'propagate', 'omit'}, default 'raise'
        Whether NaN is an error, is passed on, or its points are left out.
    form : str
        One of `valid_forms`.
    **kwargs
        Further arguments of `fitcore.Model`.
    """

    _variables = ("x", "form")
    _form_kind: ClassVar[str]
    _default_form: ClassVar[str]

    def __init__(
        self,
        independent_vars: Sequence[str] | None = None,
        prefix: str = "",
        nan_policy: str = "raise",
        form: str | None = None,
        **kwargs: Any,
    ) -> None:
        chosen = self._default_form if form is None else form
        if find_form(self._form_kind, chosen) is None:
            raise ValueError(
                f"{type(self).__name__}: form must be one of "
                f"{', '.join(map(repr, self.valid_forms))}, got {chosen!r:.60}"
            )
        super().__init__(independent_vars, prefix, nan_policy, form=chosen, **kwargs)


class StepModel(FormModel):
    """A step from 0 to `amplitude`, half of which it has at `center`.

    With u = (x - center) / sigma, f(x) is `amplitude` times, according to `form`:

    - 'linear': min(1, max(0, u + 1/2))
    - 'atan' or 'arctan': 1/2 + arctan(u) / pi
    - 'erf': (1 + erf(u)) / 2
    - 'logistic': 1 - 1 / (1 + exp(u))

    A negative `sigma` makes the step fall.

    Examples
    --------
    >>> from fitcore.models import StepModel
    >>> StepModel(form="erf").eval(x=[-9.0, 0.0, 9.0], amplitude=2, center=0, sigma=1).tolist()
    [0.0, 1.0, 2.0]
    """

    valid_forms = tuple(FORMS["step"])
    _form_kind = "step"
    _default_form = "linear"
    _function = staticmethod(lineshapes.step)

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """Starting values: a step over the whole range of data in the middle of that of `x`.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
            `sigma`, a tenth of the range of x, is negative if the first fifth of the data is
            higher than the last one on average.
        """
        xs, ys = read_curve(data, x, self)
        sigma = 0.1 * spread(xs) or 1.0
        # In whole numbers, which 0.8 is not; both parts have a point at least.
        first, last = max(ys.size // 5, 1), min(4 * ys.size // 5, ys.size - 1)
        if ys[:first].mean() > ys[last:].mean():
            sigma = -sigma
        return self._guessed(
            kwargs,
            amplitude=spread(ys) if ys.size > 1 else float(ys[0]),
            center=0.5 * float(xs[0] + xs[-1]),
            sigma=sigma,
        )


class RectangleModel(FormModel):
    """A step up from 0 to `amplitude` at `center1`, and one down to 0 at `center2`.

    With u1 = (x - center1) / sigma1 and u2 = -(x - center2) / sigma2, f(x) is `amplitude` times,
    according to `form`:

    - 'linear': (min(1, max(-1, u1)) + min(1, max(-1, u2))) / 2
    - 'atan' or 'arctan': (arctan(u1) + arctan(u2)) / pi
    - 'erf': (erf(u1) + erf(u2)) / 2
    - 'logistic': 1 - 1 / (1 + exp(u1)) - 1 / (1 + exp(u2))

    Derived is midpoint = (center1 + center2) / 2.

    Examples
    --------
    >>> from fitcore.models import RectangleModel
    >>> float(RectangleModel().make_params(center1=2, center2=5)["midpoint"])
    3.5
    """

    valid_forms = tuple(FORMS["step"])
    _form_kind = "step"
    _default_form = "linear"
    _function = staticmethod(lineshapes.rectangle)
    _hints: ClassVar[Hints] = {"midpoint": {"expr": "({center1}+{center2})/2.0"}}

    def guess(self, data: ArrayLike, x: ArrayLike, **kwargs: Any) -> Parameters:
        """Starting values: the range of data, between the first and the last quarter of `x`.

        See `StepModel.guess` for the arguments.
        """
        xs, ys = read_curve(data, x, self)
        width = spread(xs)
        sigma = 0.1 * width or 1.0
        return self._guessed(
            kwargs,
            amplitude=spread(ys) if ys.size > 1 else float(ys[0]),
            center1=float(xs[0]) + 0.25 * width,
            sigma1=sigma,
            center2=float(xs[0]) + 0.75 * width,
            sigma2=sigma,
        )


class ThermalModel(BuiltinModel):
    """What models of thermal distributions have in common."""

    def guess(
        self,
        data: ArrayLike,
        x: ArrayLike,
        negative: bool = False,  # taken and not used by lmfit too
        **kwargs: Any,
    ) -> Parameters:
        """Starting values: `center` is the mean of `x`, `kt` a tenth of its range.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x : array_like
            Independent variable, as many values, in any order.
        negative : bool
            Not used.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
        """
        return update_param_vals(guess_thermal(self, data, x), self.prefix, **kwargs)


class ThermalDistributionModel(ThermalModel, FormModel):
    """Occupation in thermal equilibrium.

    f(x) = 1 / (amplitude exp((x - center) / kt) + s), where s, according to `form`, is

    - 'bose': -1, Bose-Einstein
    - 'maxwell': 0, Maxwell-Boltzmann
    - 'fermi': 1, Fermi-Dirac

    `kt` is the thermal energy in units of `x`; a negative one counts energy that is lost.

    Examples
    --------
    >>> from fitcore.models import ThermalDistributionModel
    >>> model = ThermalDistributionModel(form="fermi")
    >>> float(model.eval(x=0.0, amplitude=1, center=0, kt=1))
    0.5
    """

    valid_forms = tuple(FORMS["thermal"])
    _form_kind = "thermal"
    _default_form = "bose"
    _function = staticmethod(lineshapes.thermal_distribution)


class BoseModel(ThermalModel):
    """Bose-Einstein distribution.

    f(x) = amplitude / (exp((x - center) / kt) - 1)

    Examples
    --------
    >>> from fitcore.models import BoseModel
    >>> list(BoseModel().make_params())
    ['amplitude', 'center', 'kt']
    """

    _function = staticmethod(lineshapes.bose)


class FermiModel(ThermalModel):
    """Fermi-Dirac distribution.

    f(x) = amplitude / (exp((x - center) / kt) + 1)

    Examples
    --------
    >>> from fitcore.models import FermiModel
    >>> float(FermiModel().eval(x=0.0, amplitude=3, center=0, kt=0.1))
    1.5
    """

    _function = staticmethod(lineshapes.fermi)
