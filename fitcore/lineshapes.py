"""Line shapes: peaks, steps, oscillators, thermal distributions, waves and simple curves.

All are computed in the core, point by point, in doubles; docs/lineshapes.md has the formulas and
what was measured of their accuracy. The independent variable `x` is a number or an array of any
shape, or a Series or another array-like that can be told to wrap a result; the result is a float64
for a number and has the shape of `x` otherwise. Parameters are numbers, or arrays that broadcast
with `x`.

Denominators are kept from getting smaller than `tiny`, so that no function divides by zero, and
what is finite stays finite. A parameter that is NaN gives NaN.

Names, order of the arguments, defaults and formulas are those of lmfit.lineshapes.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from fitcore._shape_values import evaluate, read_form

# fmt: off
__all__ = [
    "bose", "breit_wigner", "damped_oscillator", "dho", "doniach", "expgaussian", "exponential",
    "expsine", "fermi", "functions", "gaussian", "gaussian2d", "linear", "log2", "logistic",
    "lognormal", "lorentzian", "moffat", "not_zero", "parabolic", "pearson4", "pearson7",
    "powerlaw", "pvoigt", "rectangle", "s2", "s2pi", "sine", "skewed_gaussian", "skewed_voigt",
    "split_lorentzian", "step", "students_t", "thermal_distribution", "tiny", "voigt",
]
__dir__ = __all__.copy
# fmt: on

#: What denominators are kept from getting smaller than.
tiny = 1.0e-15
#: log(2), sqrt(2 pi) and sqrt(2).
log2 = math.log(2)
s2pi = math.sqrt(2 * math.pi)
s2 = math.sqrt(2.0)

#: Names of the functions, in lmfit's order.
# fmt: off
functions = (
    "gaussian", "gaussian2d", "lorentzian", "voigt", "pvoigt", "moffat", "pearson4", "pearson7",
    "breit_wigner", "damped_oscillator", "dho", "logistic", "lognormal", "students_t",
    "expgaussian", "doniach", "skewed_gaussian", "skewed_voigt", "thermal_distribution", "bose",
    "fermi", "step", "rectangle", "exponential", "powerlaw", "linear", "parabolic", "sine",
    "expsine", "split_lorentzian",
)
# fmt: on


def not_zero(value: float) -> float:
    """Return the value, but at least `tiny` away from zero, on its side.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    float
        `value`, or `tiny` with its sign.

    Examples
    --------
    >>> not_zero(-0.5), not_zero(0.0), not_zero(-1e-30)
    (-0.5, 1e-15, -1e-15)
    """
    return math.copysign(max(tiny, abs(value)), value)


def gaussian(x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1.0) -> Any:
    """A Gaussian of area `amplitude`.

    amplitude / (sqrt(2 pi) sigma) exp(-(x - center)**2 / (2 sigma**2))

    Examples
    --------
    >>> gaussian([0.0, 1.0])
    array([0.39894228, 0.24197072])
    """
    return evaluate("gaussian", 0, x, (amplitude, center, sigma))


def gaussian2d(
    x: ArrayLike,
    y: ArrayLike = 0.0,
    amplitude: float = 1.0,
    centerx: float = 0.0,
    centery: float = 0.0,
    sigmax: float = 1.0,
    sigmay: float = 1.0,
) -> Any:
    """A Gaussian of two independent variables, of volume `amplitude`.

    amplitude / (2 pi sigmax sigmay)
    exp(-(x - centerx)**2 / (2 sigmax**2) - (y - centery)**2 / (2 sigmay**2)); `x` and `y`
    broadcast.

    Examples
    --------
    >>> gaussian2d(0.0, [0.0, 1.0], amplitude=2)
    array([0.31830989, 0.19306471])
    """
    return evaluate("gaussian2d", 0, x, (amplitude, centerx, centery, sigmax, sigmay), y)


def lorentzian(
    x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1.0
) -> Any:
    """A Lorentzian of area `amplitude`; `sigma` is half its width at half height.

    amplitude / (pi sigma (1 + ((x - center) / sigma)**2))

    Examples
    --------
    >>> lorentzian([0.0, 1.0])
    array([0.31830989, 0.15915494])
    """
    return evaluate("lorentzian", 0, x, (amplitude, center, sigma))


def split_lorentzian(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    sigma_r: float = 1.0,
) -> Any:
    """A Lorentzian with another width on its right side, of area `amplitude`.

    2 amplitude / (pi (sigma + sigma_r)) s**2 / (s**2 + (x - center)**2), where s is `sigma` below
    `center` and `sigma_r` from there on.

    Examples
    --------
    >>> split_lorentzian([-1.0, 1.0], sigma_r=2)
    array([0.1061033 , 0.16976527])
    """
    return evaluate("split_lorentzian", 0, x, (amplitude, center, sigma, sigma_r))


def voigt(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    gamma: float | None = None,
) -> Any:
    """A Voigt profile of area `amplitude`: a Gaussian folded with a Lorentzian.

    amplitude / (sqrt(2 pi) sigma) Re w((x - center + i gamma) / (sqrt(2) sigma)), where w is the
    Faddeeva function. Without `gamma`, it is `sigma`.

    Examples
    --------
    >>> voigt([0.0, 1.0])
    array([0.20870928, 0.16579566])
    """
    if gamma is None:
        gamma = sigma
    return evaluate("voigt", 0, x, (amplitude, center, sigma, gamma))


def pvoigt(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    fraction: float = 0.5,
) -> Any:
    """A weighted sum of a Gaussian and a Lorentzian of the same full width, 2 sigma.

    (1 - fraction) gaussian(x, amplitude, center, sigma / sqrt(2 log(2)))
    + fraction lorentzian(x, amplitude, center, sigma)

    Examples
    --------
    >>> pvoigt([0.0, 1.0])
    array([0.39401426, 0.19700713])
    """
    return evaluate("pvoigt", 0, x, (amplitude, center, sigma, fraction))


def moffat(
    x: ArrayLike, amplitude: float = 1, center: float = 0.0, sigma: float = 1.0, beta: float = 1.0
) -> Any:
    """A Moffat distribution of height `amplitude`.

    amplitude (1 + ((x - center) / sigma)**2)**-beta

    Examples
    --------
    >>> moffat([0.0, 1.0], beta=2)
    array([1.  , 0.25])
    """
    return evaluate("moffat", 0, x, (amplitude, center, sigma, beta))


def pearson4(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    expon: float = 1.0,
    skew: float = 0.0,
) -> Any:
    """A Pearson type IV distribution of area `amplitude`.

    With a = (x - center) / sigma and m = expon:
    amplitude abs(gamma(m + i skew / 2) / gamma(m))**2 / (sigma beta(m - 1/2, 1/2))
    (1 + a**2)**-m exp(-skew arctan(a)).

    Examples
    --------
    >>> pearson4([-1.0, 1.0], expon=1.5, skew=1)
    array([0.30904203, 0.06424353])
    """
    return evaluate("pearson4", 0, x, (amplitude, center, sigma, expon, skew))


def pearson7(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    expon: float = 1.0,
) -> Any:
    """A Pearson type VII distribution of area `amplitude`.

    amplitude / (sigma beta(expon - 1/2, 1/2)) (1 + ((x - center) / sigma)**2)**-expon

    Examples
    --------
    >>> pearson7([0.0, 1.0], expon=1.5)
    array([0.5      , 0.1767767])
    """
    return evaluate("pearson7", 0, x, (amplitude, center, sigma, expon))


def breit_wigner(
    x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1.0, q: float = 1.0
) -> Any:
    """A Breit-Wigner-Fano resonance.

    amplitude (q sigma / 2 + x - center)**2 / ((sigma / 2)**2 + (x - center)**2)

    Examples
    --------
    >>> breit_wigner([0.0, 1.0])
    array([1. , 1.8])
    """
    return evaluate("breit_wigner", 0, x, (amplitude, center, sigma, q))


def damped_oscillator(
    x: ArrayLike, amplitude: float = 1.0, center: float = 1.0, sigma: float = 0.1
) -> Any:
    """The amplitude of a damped oscillator that is driven with the frequency x.

    amplitude / sqrt((1 - (x / center)**2)**2 + (2 sigma x / center)**2)

    Examples
    --------
    >>> damped_oscillator([0.0, 1.0])
    array([1., 5.])
    """
    return evaluate("damped_oscillator", 0, x, (amplitude, center, sigma))


def dho(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 1.0,
    sigma: float = 1.0,
    gamma: float = 1.0,
) -> Any:
    """A damped harmonic oscillator, with the thermal factor of neutron scattering.

    amplitude sigma / pi (1 / ((x - center)**2 + sigma**2) - 1 / ((x + center)**2 + sigma**2))
    / (1 - exp(-x / gamma)); at x = 0 it has its limit.

    Examples
    --------
    >>> dho([0.0, 1.0])
    array([0.31830989, 0.40284706])
    """
    return evaluate("dho", 0, x, (amplitude, center, sigma, gamma))


def logistic(x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1.0) -> Any:
    """A logistic function, which rises from 0 to `amplitude`.

    amplitude (1 - 1 / (1 + exp((x - center) / sigma)))

    Examples
    --------
    >>> logistic([0.0, 1.0])
    array([0.5       , 0.73105858])
    """
    return evaluate("logistic", 0, x, (amplitude, center, sigma))


def lognormal(x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1) -> Any:
    """A log-normal distribution of area `amplitude`.

    amplitude / (sqrt(2 pi) sigma x) exp(-(log(x) - center)**2 / (2 sigma**2)); x below `tiny`
    counts as `tiny`.

    Examples
    --------
    >>> lognormal([1.0, 2.0])
    array([0.39894228, 0.15687402])
    """
    return evaluate("lognormal", 0, x, (amplitude, center, sigma))


def students_t(
    x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, sigma: float = 1.0
) -> Any:
    """Student's t distribution of area `amplitude`, with `sigma` degrees of freedom.

    amplitude gamma((sigma + 1) / 2) / (sqrt(sigma pi) gamma(sigma / 2))
    (1 + (x - center)**2 / sigma)**(-(sigma + 1) / 2)

    Examples
    --------
    >>> students_t([0.0, 1.0], sigma=3)
    array([0.3675526 , 0.20674834])
    """
    return evaluate("students_t", 0, x, (amplitude, center, sigma))


def expgaussian(
    x: ArrayLike, amplitude: float = 1, center: float = 0, sigma: float = 1.0, gamma: float = 1.0
) -> Any:
    """A Gaussian folded with an exponential decay of rate `gamma`, of area `amplitude`.

    amplitude gamma / 2 exp(gamma (center - x + gamma sigma**2 / 2))
    erfc((center + gamma sigma**2 - x) / (sqrt(2) sigma)); finite where these factors are not.

    Examples
    --------
    >>> expgaussian([0.0, 1.0])
    array([0.26157829, 0.30326533])
    """
    return evaluate("expgaussian", 0, x, (amplitude, center, sigma, gamma))


def doniach(
    x: ArrayLike, amplitude: float = 1.0, center: float = 0, sigma: float = 1.0, gamma: float = 0.0
) -> Any:
    """A Doniach-Sunjic line, as in photoemission.

    amplitude / sigma**(1 - gamma) cos(pi gamma / 2 + (1 - gamma) arctan(a))
    / (1 + a**2)**((1 - gamma) / 2) with a = (x - center) / sigma.

    Examples
    --------
    >>> doniach([0.0, 1.0], gamma=0.1)
    array([0.98768834, 0.4754238 ])
    """
    return evaluate("doniach", 0, x, (amplitude, center, sigma, gamma))


def skewed_gaussian(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    gamma: float = 0.0,
) -> Any:
    """A Gaussian times an error function: a tail on the side of the sign of `gamma`.

    gaussian(x, amplitude, center, sigma)
    (1 + erf(gamma (x - center) / (sqrt(2) sigma)))

    Examples
    --------
    >>> skewed_gaussian([0.0, 1.0], gamma=1)
    array([0.39894228, 0.4071616 ])
    """
    return evaluate("skewed_gaussian", 0, x, (amplitude, center, sigma, gamma))


def skewed_voigt(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    gamma: float | None = None,
    skew: float = 0.0,
) -> Any:
    """A Voigt profile times an error function: a tail on the side of the sign of `skew`.

    voigt(x, amplitude, center, sigma, gamma) (1 + erf(skew (x - center) / (sqrt(2) sigma)));
    without `gamma`, it is `sigma`.

    Examples
    --------
    >>> skewed_voigt([0.0, 1.0], skew=1)
    array([0.20870928, 0.27898262])
    """
    if gamma is None:
        gamma = sigma
    return evaluate("skewed_voigt", 0, x, (amplitude, center, sigma, gamma, skew))


def thermal_distribution(
    x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, kt: float = 1.0, form: str = "bose"
) -> Any:
    """A thermal distribution: of Bose and Einstein, Maxwell and Boltzmann, or Fermi and Dirac.

    1 / (amplitude exp((x - center) / kt) + s) with s = -1 for the `form` "bose", 0 for "maxwell"
    and 1 for "fermi". `kt` has the unit of `x`; the Boltzmann constant is 8.617e-5 eV/K.

    Examples
    --------
    >>> thermal_distribution([1.0, 2.0], form="maxwell")
    array([0.36787944, 0.13533528])
    """
    return evaluate("thermal_distribution", read_form("thermal", form), x, (amplitude, center, kt))


def bose(x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, kt: float = 1.0) -> Any:
    """A Bose-Einstein distribution.

    amplitude / (exp((x - center) / kt) - 1). `kt` has the unit of `x`; the Boltzmann constant is
    8.617e-5 eV/K.

    Examples
    --------
    >>> bose([1.0, 2.0])
    array([0.58197671, 0.15651764])
    """
    return evaluate("bose", 0, x, (amplitude, center, kt))


def fermi(x: ArrayLike, amplitude: float = 1.0, center: float = 0.0, kt: float = 1.0) -> Any:
    """A Fermi-Dirac distribution.

    amplitude / (exp((x - center) / kt) + 1). `kt` has the unit of `x`; the Boltzmann constant is
    8.617e-5 eV/K.

    Examples
    --------
    >>> fermi([0.0, 1.0])
    array([0.5       , 0.26894142])
    """
    return evaluate("fermi", 0, x, (amplitude, center, kt))


def step(
    x: ArrayLike,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 1.0,
    form: str = "linear",
) -> Any:
    """A step from 0 to `amplitude` at `center`, or down, if `sigma` is negative.

    With a = (x - center) / sigma the `form` is "linear", amplitude min(1, max(0, a + 1/2)); "atan"
    or "arctan", amplitude (1/2 + arctan(a) / pi); "erf", amplitude (1 + erf(a)) / 2; or
    "logistic", amplitude (1 - 1 / (1 + exp(a))).

    Examples
    --------
    >>> step([-1.0, 0.0, 0.25], form="linear")
    array([0.  , 0.5 , 0.75])
    """
    return evaluate("step", read_form("step", form), x, (amplitude, center, sigma))


def rectangle(
    x: ArrayLike,
    amplitude: float = 1.0,
    center1: float = 0.0,
    sigma1: float = 1.0,
    center2: float = 1.0,
    sigma2: float = 1.0,
    form: str = "linear",
) -> Any:
    """A step up at `center1` and a step down at `center2`.

    With a1 = (x - center1) / sigma1 and a2 = (center2 - x) / sigma2 the `form` is "linear",
    amplitude (c(a1) + c(a2)) / 2 with c(a) = min(1, max(-1, a)); "atan" or "arctan",
    amplitude (arctan(a1) + arctan(a2)) / pi; "erf", amplitude (erf(a1) + erf(a2)) / 2; or
    "logistic", amplitude (1 - 1 / (1 + exp(a1)) - 1 / (1 + exp(a2))).

    Examples
    --------
    >>> rectangle([-2.0, 0.5, 3.0], form="linear")
    array([0. , 0.5, 0. ])
    """
    return evaluate(
        "rectangle", read_form("step", form), x, (amplitude, center1, sigma1, center2, sigma2)
    )


def exponential(x: ArrayLike, amplitude: float = 1, decay: float = 1) -> Any:
    """An exponential decay.

    amplitude exp(-x / decay)

    Examples
    --------
    >>> exponential([0.0, 1.0])
    array([1.        , 0.36787944])
    """
    return evaluate("exponential", 0, x, (amplitude, decay))


def powerlaw(x: ArrayLike, amplitude: float = 1, exponent: float = 1.0) -> Any:
    """A power of x.

    amplitude x**exponent

    Examples
    --------
    >>> powerlaw([1.0, 2.0], exponent=3)
    array([1., 8.])
    """
    return evaluate("powerlaw", 0, x, (amplitude, exponent))


def linear(x: ArrayLike, slope: float = 1.0, intercept: float = 0.0) -> Any:
    """A straight line.

    slope x + intercept

    Examples
    --------
    >>> linear([1.0, 2.0], 2, 1)
    array([3., 5.])
    """
    return evaluate("polynomial", -1, x, (slope, intercept))


def parabolic(x: ArrayLike, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> Any:
    """A parabola.

    a x**2 + b x + c

    Examples
    --------
    >>> parabolic([1.0, 2.0], 1, 2, 3)
    array([ 6., 11.])
    """
    return evaluate("polynomial", -2, x, (a, b, c))


def sine(x: ArrayLike, amplitude: float = 1.0, frequency: float = 1.0, shift: float = 0.0) -> Any:
    """A sine wave.

    amplitude sin(x frequency + shift)

    Examples
    --------
    >>> sine([0.0, 1.0])
    array([0.        , 0.84147098])
    """
    return evaluate("sine", 0, x, (amplitude, frequency, shift))


def expsine(
    x: ArrayLike,
    amplitude: float = 1.0,
    frequency: float = 1.0,
    shift: float = 0.0,
    decay: float = 0.0,
) -> Any:
    """A decaying sine wave.

    amplitude sin(x frequency + shift) exp(-x decay)

    Examples
    --------
    >>> expsine([0.0, 1.0], decay=1)
    array([0.        , 0.30955988])
    """
    return evaluate("expsine", 0, x, (amplitude, frequency, shift, decay))
