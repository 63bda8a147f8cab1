"""Models of asymmetrical peaks, and of resonances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fitcore import lineshapes
from fitcore._arguments import read_bool
from fitcore._builtin_model import Hints, Numbers, PeakModel, fwhm_expr, height_expr
from fitcore._guess import peak, read_curve

if TYPE_CHECKING:
    from fitcore.parameter import Parameters

__all__ = [
    "BreitWignerModel",
    "DampedHarmonicOscillatorModel",
    "DampedOscillatorModel",
    "DoniachModel",
    "ExponentialGaussianModel",
    "LognormalModel",
    "SkewedGaussianModel",
    "SkewedVoigtModel",
]


class BreitWignerModel(PeakModel):
    """A Breit-Wigner-Fano resonance.

    f(x) = amplitude (q sigma / 2 + x - center)**2 / ((sigma / 2)**2 + (x - center)**2)

    `sigma` is not negative. `amplitude` is the value far away from the resonance.

    Examples
    --------
    >>> from fitcore.models import BreitWignerModel
    >>> float(BreitWignerModel().eval(x=0.0, amplitude=2, center=0, sigma=1, q=3))
    18.0
    """

    _function = staticmethod(lineshapes.breit_wigner)
    _hints: ClassVar[Hints] = {"sigma": {"min": 0.0}}
    _fixed_guess: ClassVar[Numbers] = {"q": 1.0}


class LognormalModel(PeakModel):
    """The density of a log-normal distribution.

    f(x) = amplitude / (sigma sqrt(2 pi) x) exp(-(ln x - center)**2 / (2 sigma**2)), and 0 for
    x <= 0

    `amplitude` is the area; `center` and `sigma`, not negative, are mean and standard deviation of
    ln x. Derived are `height` and `fwhm`.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.models import LognormalModel
    >>> model = LognormalModel()
    >>> x = np.linspace(1, 400, 400)
    >>> params = model.guess(model.eval(x=x, amplitude=30, center=4.5, sigma=0.2), x)
    >>> round(params["center"].value, 1), round(params["sigma"].value, 1)
    (4.5, 0.2)
    """

    _function = staticmethod(lineshapes.lognormal)
    _hints: ClassVar[Hints] = {
        "sigma": {"min": 0},
        "height": {
            "expr": "{amplitude}/max(1e-15, ({sigma}*sqrt(2*pi)))*exp({sigma}**2/2-{center})"
        },
        "fwhm": {
            "expr": "exp({center}-{sigma}**2+{sigma}*sqrt(2*log(2)))"
            "-exp({center}-{sigma}**2-{sigma}*sqrt(2*log(2)))"
        },
    }

    def guess(
        self, data: ArrayLike, x: ArrayLike, negative: bool = False, **kwargs: Any
    ) -> Parameters:
        """Starting values from the largest peak of data at positive `x`.

        As a function of ln x the model is a Gaussian of width `sigma` about center - sigma**2:
        these come from the points on the farther side of half height. See `PeakModel.guess` for
        the arguments.
        """
        negative = read_bool(negative, "negative")
        xs, ys = read_curve(data, x, self)
        if not xs[-1] > 0.0:
            raise ValueError(
                f"{type(self).__name__}.guess: x has no positive value, the largest is {xs[-1]}: "
                "the model is zero there"
            )
        height, place, half = peak(np.log(xs[xs > 0.0]), ys[xs > 0.0], negative)
        sigma = half / math.sqrt(2.0 * math.log(2.0))
        center = place + sigma**2
        amplitude = height * sigma * math.sqrt(2.0 * math.pi) * math.exp(center - 0.5 * sigma**2)
        return self._guessed(kwargs, amplitude=amplitude, center=center, sigma=sigma)


class DampedOscillatorModel(PeakModel):
    """The amplitude of a damped harmonic oscillator over the frequency that drives it.

    f(x) = amplitude / sqrt((1 - (x / center)**2)**2 + (2 sigma x / center)**2)

    `sigma` is the damping ratio, not negative. Derived is height = amplitude / (2 sigma).

    Examples
    --------
    >>> from fitcore.models import DampedOscillatorModel
    >>> float(DampedOscillatorModel().make_params(sigma=0.25)["height"])
    2.0
    """

    height_factor = 0.5
    _function = staticmethod(lineshapes.damped_oscillator)
    _hints: ClassVar[Hints] = {"sigma": {"min": 0}, "height": {"expr": height_expr}}
    _scales = (0.1, 0.1)


class DampedHarmonicOscillatorModel(PeakModel):
    """A damped harmonic oscillator in thermal equilibrium, as in DAVE/PAN of NIST.

    f(x) = amplitude sigma / (pi (1 - exp(-x / gamma))) (1 / ((x - center)**2 + sigma**2)
    - 1 / ((x + center)**2 + sigma**2))

    `gamma` is the thermal energy kT in units of `x`; `center` and `sigma` are not negative.
    Derived are `height` and fwhm = 2 sigma.

    Examples
    --------
    >>> from fitcore.models import DampedHarmonicOscillatorModel
    >>> float(DampedHarmonicOscillatorModel().make_params(sigma=0.25)["fwhm"])
    0.5
    """

    fwhm_factor = 2.0
    _function = staticmethod(lineshapes.dho)
    _hints: ClassVar[Hints] = {
        "center": {"min": 0},
        "sigma": {"min": 0},
        "gamma": {"min": 1e-19},
        "height": {
            "expr": "({amplitude}*{sigma})"
            "/max(1e-15, (pi*(1-exp(-{center}/max(1e-15, {gamma})))))"
            "*(1/max(1e-15, {sigma}**2)-1/max(1e-15, (4*{center}**2+{sigma}**2)))"
        },
        "fwhm": {"expr": fwhm_expr},
    }
    _scales = (0.1, 0.1)
    _fixed_guess: ClassVar[Numbers] = {"gamma": 1.0}


class ExponentialGaussianModel(PeakModel):
    """A Gaussian peak convolved with an exponential decay to its right.

    f(x) = amplitude gamma / 2 exp(gamma (center - x + gamma sigma**2 / 2))
    erfc((center + gamma sigma**2 - x) / (sqrt(2) sigma))

    `amplitude` is the area, `gamma`, from 0 to 20, the rate of the decay, `sigma` not negative.

    Examples
    --------
    >>> from fitcore.models import ExponentialGaussianModel
    >>> ExponentialGaussianModel().make_params()["gamma"]
    <Parameter 'gamma', value=1.0, bounds=[0:20]>
    """

    _function = staticmethod(lineshapes.expgaussian)
    _hints: ClassVar[Hints] = {"sigma": {"min": 0}, "gamma": {"min": 0, "max": 20}}
    _fixed_guess: ClassVar[Numbers] = {"gamma": 1.0}


class SkewedGaussianModel(PeakModel):
    """The density of a skew normal distribution.

    f(x) = amplitude / (sigma sqrt(2 pi)) exp(-(x - center)**2 / (2 sigma**2))
    (1 + erf(gamma (x - center) / (sigma sqrt(2))))

    `amplitude` is the area, `gamma` the skewness, positive towards larger `x`; `sigma` is not
    negative.

    Examples
    --------
    >>> from fitcore.models import SkewedGaussianModel
    >>> list(SkewedGaussianModel(prefix="s_").make_params())
    ['s_amplitude', 's_center', 's_sigma', 's_gamma']
    """

    _function = staticmethod(lineshapes.skewed_gaussian)
    _hints: ClassVar[Hints] = {"sigma": {"min": 0}}
    _fixed_guess: ClassVar[Numbers] = {"gamma": 0.0}


class SkewedVoigtModel(PeakModel):
    """A Voigt peak with the skewness of a skew normal distribution.

    f(x) = V(x; amplitude, center, sigma, gamma) (1 + erf(skew (x - center) / (sigma sqrt(2))))

    `gamma` is `sigma` unless it is given a value of its own; `sigma` is not negative.

    Examples
    --------
    >>> from fitcore.models import SkewedVoigtModel
    >>> SkewedVoigtModel().make_params()["gamma"].expr
    'sigma'
    """

    _function = staticmethod(lineshapes.skewed_voigt)
    _hints: ClassVar[Hints] = {"sigma": {"min": 0}, "gamma": {"expr": "{sigma}"}}
    _fixed_guess: ClassVar[Numbers] = {"skew": 0.0}


class DoniachModel(PeakModel):
    """A Doniach-Sunjic line of photoemission.

    f(x) = amplitude / sigma**(1 - gamma) cos(pi gamma / 2 + (1 - gamma) arctan(u))
    / (1 + u**2)**((1 - gamma) / 2), u = (x - center) / sigma

    `gamma` is the asymmetry. Derived is the `height` at `center`.

    Examples
    --------
    >>> from fitcore.models import DoniachModel
    >>> float(DoniachModel().make_params(amplitude=3, sigma=0.5)["height"])
    6.0
    """

    _function = staticmethod(lineshapes.doniach)
    _hints: ClassVar[Hints] = {
        "height": {
            "expr": "{amplitude}/max(1e-15, ({sigma}**(1-{gamma})))*cos(pi*{gamma}/2)"
        }
    }  # fmt: skip
    _scales = (0.5, 1.0)
    _fixed_guess: ClassVar[Numbers] = {"gamma": 0.0}
