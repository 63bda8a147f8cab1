"""Models of symmetrical peaks, and the kinds of asymmetry that keep their names of parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from fitcore import lineshapes
from fitcore._builtin_model import BuiltinModel, Hints, Numbers, PeakModel, fwhm_expr, height_expr
from fitcore._guess import guess_from_peak2d, update_param_vals

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = [
    "Gaussian2dModel",
    "GaussianModel",
    "LorentzianModel",
    "MoffatModel",
    "Pearson4Model",
    "Pearson7Model",
    "PseudoVoigtModel",
    "SplitLorentzianModel",
    "StudentsTModel",
    "VoigtModel",
]


class GaussianModel(PeakModel):
    """A Gaussian peak, the density of a normal distribution.

    f(x) = amplitude / (sigma sqrt(2 pi)) exp(-(x - center)**2 / (2 sigma**2))

    `amplitude` is the area, `sigma` the standard deviation, not negative. Derived are
    fwhm = 2 sqrt(2 ln 2) sigma and height = amplitude / (sigma sqrt(2 pi)).

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import GaussianModel
    >>> x = np.linspace(-3, 3, 61)
    >>> y = 2.5 * np.exp(-(x - 0.3) ** 2 / 0.5)
    >>> model = GaussianModel()
    >>> result = model.fit(y, model.guess(y, x), x=x)
    >>> round(result.params["height"].value, 6), round(result.params["center"].value, 6)
    (2.5, 0.3)
    """

    fwhm_factor = 2.0 * math.sqrt(2.0 * math.log(2.0))
    height_factor = 1.0 / math.sqrt(2.0 * math.pi)
    _function = staticmethod(lineshapes.gaussian)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "fwhm": {"expr": fwhm_expr},
        "height": {"expr": height_expr},
    }


class Gaussian2dModel(BuiltinModel):
    """A Gaussian peak over a plane, with axes along `x` and `y`.

    f(x, y) = amplitude g(x; centerx, sigmax) g(y; centery, sigmay), g being a Gaussian of area 1

    `amplitude` is the volume. Derived are `fwhmx`, `fwhmy` and `height`.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import Gaussian2dModel
    >>> x, y = (a.ravel() for a in np.meshgrid(np.linspace(0, 4, 21), np.linspace(0, 6, 31)))
    >>> model = Gaussian2dModel()
    >>> z = model.eval(x=x, y=y, amplitude=10, centerx=1.5, centery=4, sigmax=0.5, sigmay=0.8)
    >>> result = model.fit(z, model.guess(z, x, y), x=x, y=y)
    >>> round(result.params["centery"].value, 6), round(result.params["sigmax"].value, 6)
    (4.0, 0.5)
    """

    fwhm_factor = GaussianModel.fwhm_factor
    height_factor = 1.0 / (2.0 * math.pi)
    _function = staticmethod(lineshapes.gaussian2d)
    _variables = ("x", "y")
    _hints: ClassVar[Hints] = {
        "sigmax": {"min": 0},
        "sigmay": {"min": 0},
        "fwhmx": {"expr": "2.3548200*{sigmax}"},
        "fwhmy": {"expr": "2.3548200*{sigmay}"},
        "height": {
            "expr": "0.1591549*{amplitude}/(max(1e-15, {sigmax})*max(1e-15, {sigmay}))"
        },
    }  # fmt: skip

    def guess(  # type: ignore[override]  # it has one variable more
        self, data: ArrayLike, x: ArrayLike, y: ArrayLike, negative: bool = False, **kwargs: Any
    ) -> Parameters:
        """Starting values from the highest point, and a sixth of the ranges of `x` and `y`.

        Parameters
        ----------
        data : array_like
            Values that the model is to describe.
        x, y : array_like
            Independent variables, as many values each, in any order.
        negative : bool, default False
            Whether to look for a dip.
        **kwargs
            Values of parameters by name, with or without the prefix, that are taken as they are.

        Returns
        -------
        fitcore.Parameters
        """
        pars = guess_from_peak2d(self, data, x, y, negative)
        return update_param_vals(pars, self.prefix, **kwargs)


class LorentzianModel(PeakModel):
    """A Lorentzian peak, the density of a Cauchy distribution.

    f(x) = amplitude / pi sigma / ((x - center)**2 + sigma**2)

    `amplitude` is the area, `sigma` half the width at half maximum, not negative. Derived are
    fwhm = 2 sigma and height = amplitude / (pi sigma).

    Examples
    --------
    >>> from fitcore.models import LorentzianModel
    >>> float(LorentzianModel().make_params(amplitude=3, sigma=0.5)["fwhm"])
    1.0
    """

    fwhm_factor = 2.0
    height_factor = 1.0 / math.pi
    _function = staticmethod(lineshapes.lorentzian)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "fwhm": {"expr": fwhm_expr},
        "height": {"expr": height_expr},
    }
    _scales = (1.25, 1.0)


class SplitLorentzianModel(PeakModel):
    """A Lorentzian peak of another width on its right.

    f(x) = 2 amplitude / (pi (sigma + sigma_r)) w**2 / ((x - center)**2 + w**2),
    with w = sigma for x < center, and w = sigma_r elsewhere

    `amplitude` is the area; `sigma` and `sigma_r` are not negative. Derived are
    fwhm = sigma + sigma_r and height = 2 amplitude / (pi (sigma + sigma_r)).

    Examples
    --------
    >>> from fitcore.models import SplitLorentzianModel
    >>> float(SplitLorentzianModel().make_params(sigma=0.5, sigma_r=1.5)["fwhm"])
    2.0
    """

    _function = staticmethod(lineshapes.split_lorentzian)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "sigma_r": {"min": 0},
        "fwhm": {"expr": "{sigma}+{sigma_r}"},
        "height": {"expr": "2*{amplitude}/3.1415927/max(1e-15, ({sigma}+{sigma_r}))"},
    }
    _scales = (1.25, 1.0)

    def guess(
        self, data: ArrayLike, x: ArrayLike, negative: bool = False, **kwargs: Any
    ) -> Parameters:
        """Starting values from the largest peak, with both widths the same.

        See `PeakModel.guess` for the arguments.
        """
        pars = super().guess(data, x, negative)
        pars[f"{self.prefix}sigma_r"].value = pars[f"{self.prefix}sigma"].value
        return update_param_vals(pars, self.prefix, **kwargs)


class VoigtModel(PeakModel):
    """A Voigt peak: a Gaussian of width `sigma` convolved with a Lorentzian of width `gamma`.

    f(x) = amplitude Re w(z) / (sigma sqrt(2 pi)), z = (x - center + i gamma) / (sigma sqrt(2)),
    with the Faddeeva function w(z) = exp(-z**2) erfc(-i z)

    `amplitude` is the area. `gamma` is `sigma` unless it is given a value of its own:
    ``model.make_params(gamma=0.3)``. Derived are `fwhm`, to about 0.02 % (J. J. Olivero and R. L.
    Longbothum, J. Quant. Spectrosc. Radiat. Transfer 17, 1977), and `height`.

    Examples
    --------
    >>> from fitcore.models import VoigtModel
    >>> float(round(VoigtModel().make_params(sigma=1)["fwhm"].value, 4))
    3.6013
    """

    _function = staticmethod(lineshapes.voigt)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "gamma": {"expr": "{sigma}"},
        "fwhm": {"expr": "1.0692*{gamma}+sqrt(0.8664*{gamma}**2+5.545083*{sigma}**2)"},
        "height": {
            "expr": "({amplitude}/(max(1e-15, {sigma}*sqrt(2*pi))))"
            "*real(wofz((1j*{gamma})/(max(1e-15, {sigma}*sqrt(2)))))"
        },
    }
    _scales = (1.5, 0.65)


class PseudoVoigtModel(PeakModel):
    """The sum of a Gaussian and a Lorentzian peak of the same width.

    f(x) = (1 - fraction) G(x) + fraction L(x), both of area `amplitude` and half width `sigma`

    `fraction`, from 0 to 1, is the Lorentzian's part. Derived are fwhm = 2 sigma and `height`.

    Examples
    --------
    >>> from fitcore.models import PseudoVoigtModel
    >>> PseudoVoigtModel().make_params()["fraction"]
    <Parameter 'fraction', value=0.5, bounds=[0.0:1.0]>
    """

    fwhm_factor = 2.0
    _function = staticmethod(lineshapes.pvoigt)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "fraction": {"value": 0.5, "min": 0.0, "max": 1.0},
        "fwhm": {"expr": fwhm_expr},
        "height": {
            "expr": "(((1-{fraction})*{amplitude})/max(1e-15, ({sigma}*sqrt(pi/log(2))))"
            "+({fraction}*{amplitude})/max(1e-15, (pi*{sigma})))"
        },
    }
    _scales = (1.25, 1.0)
    _fixed_guess: ClassVar[Numbers] = {"fraction": 0.5}


class MoffatModel(PeakModel):
    """A Moffat peak.

    f(x) = amplitude (1 + ((x - center) / sigma)**2)**-beta

    `amplitude` is the height. Derived are fwhm = 2 sigma sqrt(2**(1/beta) - 1), and `height`.

    Examples
    --------
    >>> from fitcore.models import MoffatModel
    >>> float(MoffatModel().make_params(sigma=0.5, beta=1)["fwhm"])
    1.0
    """

    _function = staticmethod(lineshapes.moffat)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "fwhm": {"expr": "2*{sigma}*sqrt(2**(1.0/max(1e-3, {beta}))-1)"},
        "height": {"expr": "{amplitude}"},
    }
    _scales = (0.5, 1.0)
    _fixed_guess: ClassVar[Numbers] = {"beta": 1.0}


class Pearson4Model(PeakModel):
    """A peak of Pearson's type IV, which may be skewed.

    f(x) = amplitude k (1 + u**2)**-expon exp(-skew arctan(u)), u = (x - center) / sigma,
    k = abs(Gamma(expon + i skew / 2) / Gamma(expon))**2 / (sigma B(expon - 1/2, 1/2))

    `amplitude` is the area; `expon` lies between 0.5 and 1000, `skew` between -1000 and 1000.
    Derived are `position`, where the peak is, `height`, its height, and `fwhm`, to about 20 %.

    Examples
    --------
    >>> from fitcore.models import Pearson4Model
    >>> float(Pearson4Model().make_params(center=1, sigma=2, skew=3, expon=1.5)["position"])
    -1.0
    """

    _function = staticmethod(lineshapes.pearson4)
    _hints: ClassVar[Hints] = {
        "expon": {"value": 1.5, "min": 0.5 + 1e-15, "max": 1000},
        "skew": {"value": 0.0, "min": -1000, "max": 1000},
        "fwhm": {"expr": "{sigma}*sqrt(2**(1/{expon})-1)*pi/arctan2(exp(1)*{expon}, {skew})"},
        "height": {
            "expr": "({amplitude} / {sigma}) * exp(2 * (real(loggammafcn({expon} + {skew} * 0.5j))"
            " - loggammafcn({expon})) - betalnfnc({expon}-0.5, 0.5)"
            " - {expon} * log1p(square({skew}/(2*{expon})))"
            " - {skew} * arctan(-{skew}/(2*{expon})))"
        },
        "position": {"expr": "{center}-{sigma}*{skew}/(2*{expon})"},
    }
    _fixed_guess: ClassVar[Numbers] = {"expon": 1.5, "skew": 0.0}


class Pearson7Model(PeakModel):
    """A peak of Pearson's type VII.

    f(x) = amplitude / (sigma B(expon - 1/2, 1/2)) (1 + ((x - center) / sigma)**2)**-expon

    `amplitude` is the area; `expon` must be over 0.5 and is at most 100. Derived are
    fwhm = 2 sigma sqrt(2**(1/expon) - 1) and `height`.

    Examples
    --------
    >>> from fitcore.models import Pearson7Model
    >>> float(Pearson7Model().make_params(sigma=0.5, expon=1)["fwhm"])
    1.0
    """

    _function = staticmethod(lineshapes.pearson7)
    _hints: ClassVar[Hints] = {
        "expon": {"value": 1.5, "max": 100},
        "fwhm": {"expr": "sqrt(2**(1/{expon})-1)*2*{sigma}"},
        "height": {
            "expr": "{amplitude} * gamfcn({expon})"
            "/max(1e-15, (gamfcn(0.5)*gamfcn({expon}-0.5)*{sigma}))"
        },
    }
    _fixed_guess: ClassVar[Numbers] = {"expon": 1.5}


class StudentsTModel(PeakModel):
    """A peak with the density of Student's t-distribution.

    f(x) = amplitude Gamma((sigma + 1) / 2) / (sqrt(sigma pi) Gamma(sigma / 2))
    (1 + (x - center)**2 / sigma)**(-(sigma + 1) / 2)

    `amplitude` is the area; `sigma`, from 0 to 100, the number of degrees of freedom. Derived are
    `height` and `fwhm`.

    Examples
    --------
    >>> from fitcore.models import StudentsTModel
    >>> float(round(StudentsTModel().make_params(sigma=1)["fwhm"].value, 12))
    2.0
    """

    _function = staticmethod(lineshapes.students_t)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0.0, "max": 100},
        "height": {
            # of Gamma(sigma/2) = Gamma(sigma/2 + 1) / (sigma/2), for sigma = 0
            "expr": "{amplitude}*gamfcn(({sigma}+1)/2)*sqrt({sigma}/pi)/(2*gamfcn({sigma}/2+1))"
        },
        "fwhm": {"expr": "2*sqrt(2**(2/({sigma}+1))*{sigma}-{sigma})"},
    }
