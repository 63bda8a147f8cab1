"""Model functions of NIST's nonlinear regression problems, with their Jacobians.

Every model is written twice: ``name(x, b1, ..., bn)`` is the predicted response, shape ``(m,)``,
and ``name_jacobian(x, b1, ..., bn)`` its partial derivatives with respect to ``b1, ..., bn``,
shape ``(m, n)``. `x` has shape ``(m,)``, or ``(k, m)`` where there are ``k > 1`` predictors.

The model functions follow NIST's formulas to the letter, so that a fit here meets the arithmetic
that the certified values were computed for, and they are analytic: complex parameters are carried
through, which makes complex-step differentiation possible. The Jacobians take real parameters, and
are arranged so that a saturated exponential gives 0 rather than inf/inf.

`MODELS` maps the name of a problem to its two functions.

References
----------
National Institute of Standards and Technology, *Statistical Reference Datasets: Nonlinear
Regression*, https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["MODELS", "Array", "Model"]

Array = NDArray[Any]
"""Real as a rule, complex when the parameters are."""


class Model(NamedTuple):
    """A model function and its analytic Jacobian.

    Attributes
    ----------
    function : callable
        ``function(x, b1, ..., bn)``, shape ``(m,)``.
    jacobian : callable
        ``jacobian(x, b1, ..., bn)``, shape ``(m, n)``.
    """

    function: Callable[..., Array]
    jacobian: Callable[..., Array]


def _columns(*columns: Array) -> Array:
    return np.stack(columns, axis=1)


# Exponential growth, decay and saturation


def saturation(x: Array, b1: float, b2: float) -> Array:
    """``b1*(1 - exp(-b2*x))``: Misra1a, BoxBOD."""
    return b1 * (1 - np.exp(-b2 * x))


def saturation_jacobian(x: Array, b1: float, b2: float) -> Array:
    """Partial derivatives of `saturation`."""
    return _columns(-np.expm1(-b2 * x), b1 * x * np.exp(-b2 * x))


def chwirut(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``exp(-b1*x)/(b2 + b3*x)``: Chwirut1, Chwirut2."""
    return np.exp(-b1 * x) / (b2 + b3 * x)


def chwirut_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `chwirut`."""
    d = b2 + b3 * x
    f = np.exp(-b1 * x) / d
    return _columns(-x * f, -f / d, -x * f / d)


def lanczos(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float, b6: float) -> Array:
    """``b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)``: Lanczos1, Lanczos2, Lanczos3."""
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def lanczos_jacobian(
    x: Array, b1: float, b2: float, b3: float, b4: float, b5: float, b6: float
) -> Array:
    """Partial derivatives of `lanczos`."""
    e2, e4, e6 = np.exp(-b2 * x), np.exp(-b4 * x), np.exp(-b6 * x)
    return _columns(e2, -b1 * x * e2, e4, -b3 * x * e4, e6, -b5 * x * e6)


def gauss(
    x: Array,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
    b6: float,
    b7: float,
    b8: float,
) -> Array:
    """``b1*exp(-b2*x)`` and two Gaussians ``h*exp(-(x - c)**2/w**2)``: Gauss1, Gauss2, Gauss3."""
    return (
        b1 * np.exp(-b2 * x)
        + b3 * np.exp(-((x - b4) ** 2) / b5**2)
        + b6 * np.exp(-((x - b7) ** 2) / b8**2)
    )


def gauss_jacobian(
    x: Array,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
    b6: float,
    b7: float,
    b8: float,
) -> Array:
    """Partial derivatives of `gauss`."""
    baseline = np.exp(-b2 * x)
    t, u = (x - b4) / b5, (x - b7) / b8
    p, q = np.exp(-(t**2)), np.exp(-(u**2))
    dp, dq = 2 * b3 / b5 * t * p, 2 * b6 / b8 * u * q
    return _columns(baseline, -b1 * x * baseline, p, dp, dp * t, q, dq, dq * u)


def mgh10(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``b1*exp(b2/(x + b3))``: MGH10."""
    return b1 * np.exp(b2 / (x + b3))


def mgh10_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `mgh10`."""
    d = x + b3
    e = np.exp(b2 / d)
    return _columns(e, b1 * e / d, -b1 * b2 * e / d**2)


def mgh17(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    """``b1 + b2*exp(-x*b4) + b3*exp(-x*b5)``: MGH17."""
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def mgh17_jacobian(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    """Partial derivatives of `mgh17`."""
    p, q = np.exp(-x * b4), np.exp(-x * b5)
    return _columns(np.ones_like(x), p, q, -b2 * x * p, -b3 * x * q)


def nelson(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``b1 - b2*x1*exp(-b3*x2)`` with ``x1, x2 = x``, which predicts ``log(y)``: Nelson."""
    x1, x2 = x
    response: Array = b1 - b2 * x1 * np.exp(-b3 * x2)
    return response


def nelson_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `nelson`."""
    x1, x2 = x
    e = x1 * np.exp(-b3 * x2)
    return _columns(np.ones_like(x1), -e, b2 * x2 * e)


def eckerle4(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``(b1/b2)*exp(-0.5*((x - b3)/b2)**2)``: Eckerle4."""
    return (b1 / b2) * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def eckerle4_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `eckerle4`."""
    t = (x - b3) / b2
    e = np.exp(-0.5 * t**2) / b2
    return _columns(e, b1 / b2 * e * (t**2 - 1), b1 / b2 * e * t)


def rat42(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``b1/(1 + exp(b2 - b3*x))``: Rat42."""
    return b1 / (1 + np.exp(b2 - b3 * x))


def rat42_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `rat42`."""
    z = b2 - b3 * x
    p = 1 / (1 + np.exp(z))
    dz = -b1 * p / (1 + np.exp(-z))
    return _columns(p, dz, -x * dz)


def rat43(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """``b1/(1 + exp(b2 - b3*x))**(1/b4)``: Rat43."""
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def rat43_jacobian(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """Partial derivatives of `rat43`."""
    z = b2 - b3 * x
    log_base = np.logaddexp(0, z)
    p = np.exp(-log_base / b4)
    dz = -b1 * p / (b4 * (1 + np.exp(-z)))
    return _columns(p, dz, -x * dz, b1 * p * log_base / b4**2)


# Rational functions


def kirby2(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    """``(b1 + b2*x + b3*x**2)/(1 + b4*x + b5*x**2)``: Kirby2."""
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def kirby2_jacobian(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    """Partial derivatives of `kirby2`."""
    d = 1 + b4 * x + b5 * x**2
    f = (b1 + b2 * x + b3 * x**2) / d
    return _columns(1 / d, x / d, x**2 / d, -f * x / d, -f * x**2 / d)


def cubic_over_cubic(
    x: Array, b1: float, b2: float, b3: float, b4: float, b5: float, b6: float, b7: float
) -> Array:
    """``(b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3)``: Hahn1, Thurber."""
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def cubic_over_cubic_jacobian(
    x: Array, b1: float, b2: float, b3: float, b4: float, b5: float, b6: float, b7: float
) -> Array:
    """Partial derivatives of `cubic_over_cubic`."""
    d = 1 + b5 * x + b6 * x**2 + b7 * x**3
    f = (b1 + b2 * x + b3 * x**2 + b4 * x**3) / d
    return _columns(1 / d, x / d, x**2 / d, x**3 / d, -f * x / d, -f * x**2 / d, -f * x**3 / d)


def mgh09(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """``b1*(x**2 + x*b2)/(x**2 + x*b3 + b4)``: MGH09."""
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def mgh09_jacobian(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """Partial derivatives of `mgh09`."""
    d = x**2 + x * b3 + b4
    q = (x**2 + x * b2) / d
    return _columns(q, b1 * x / d, -b1 * q * x / d, -b1 * q / d)


# Powers, hyperbolas and the rest


def misra1b(x: Array, b1: float, b2: float) -> Array:
    """``b1*(1 - (1 + b2*x/2)**(-2))``: Misra1b."""
    return b1 * (1 - (1 + b2 * x / 2) ** (-2))


def misra1b_jacobian(x: Array, b1: float, b2: float) -> Array:
    """Partial derivatives of `misra1b`."""
    h = b2 * x / 2
    return _columns(h * (2 + h) / (1 + h) ** 2, b1 * x / (1 + h) ** 3)


def misra1c(x: Array, b1: float, b2: float) -> Array:
    """``b1*(1 - (1 + 2*b2*x)**(-0.5))``: Misra1c."""
    return b1 * (1 - (1 + 2 * b2 * x) ** (-0.5))


def misra1c_jacobian(x: Array, b1: float, b2: float) -> Array:
    """Partial derivatives of `misra1c`."""
    s = np.sqrt(1 + 2 * b2 * x)
    return _columns(2 * b2 * x / (s * (s + 1)), b1 * x / s**3)


def misra1d(x: Array, b1: float, b2: float) -> Array:
    """``b1*b2*x*(1 + b2*x)**(-1)``: Misra1d."""
    return b1 * b2 * x * (1 + b2 * x) ** (-1)


def misra1d_jacobian(x: Array, b1: float, b2: float) -> Array:
    """Partial derivatives of `misra1d`."""
    d = 1 + b2 * x
    return _columns(b2 * x / d, b1 * x / d**2)


def danwood(x: Array, b1: float, b2: float) -> Array:
    """``b1*x**b2``: DanWood."""
    return b1 * x**b2


def danwood_jacobian(x: Array, b1: float, b2: float) -> Array:
    """Partial derivatives of `danwood`."""
    power = x**b2
    return _columns(power, b1 * power * np.log(x))


def bennett5(x: Array, b1: float, b2: float, b3: float) -> Array:
    """``b1*(b2 + x)**(-1/b3)``, not a number where ``b2 + x < 0``: Bennett5."""
    return b1 * (b2 + x) ** (-1 / b3)


def bennett5_jacobian(x: Array, b1: float, b2: float, b3: float) -> Array:
    """Partial derivatives of `bennett5`."""
    d = b2 + x
    power = d ** (-1 / b3)
    return _columns(power, -b1 * power / (b3 * d), b1 * power * np.log(d) / b3**2)


def roszman1(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """``b1 - b2*x - arctan(b3/(x - b4))/pi``: Roszman1."""
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


def roszman1_jacobian(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    """Partial derivatives of `roszman1`."""
    d = x - b4
    scale = np.pi * (d**2 + b3**2)
    return _columns(np.ones_like(x), -x, -d / scale, -b3 / scale)


def enso(
    x: Array,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
    b6: float,
    b7: float,
    b8: float,
    b9: float,
) -> Array:
    """``b1`` and three cycles of the periods 12, ``b4`` and ``b7``: ENSO."""
    w = 2 * np.pi * x
    return (
        b1
        + b2 * np.cos(w / 12)
        + b3 * np.sin(w / 12)
        + b5 * np.cos(w / b4)
        + b6 * np.sin(w / b4)
        + b8 * np.cos(w / b7)
        + b9 * np.sin(w / b7)
    )


def enso_jacobian(
    x: Array,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
    b6: float,
    b7: float,
    b8: float,
    b9: float,
) -> Array:
    """Partial derivatives of `enso`."""
    w = 2 * np.pi * x
    c4, s4, c7, s7 = np.cos(w / b4), np.sin(w / b4), np.cos(w / b7), np.sin(w / b7)
    return _columns(
        np.ones_like(x),
        np.cos(w / 12),
        np.sin(w / 12),
        (b5 * s4 - b6 * c4) * w / b4**2,
        c4,
        s4,
        (b8 * s7 - b9 * c7) * w / b7**2,
        c7,
        s7,
    )


# NIST's order: by level of difficulty.
MODELS: dict[str, Model] = {
    "Misra1a": Model(saturation, saturation_jacobian),
    "Chwirut2": Model(chwirut, chwirut_jacobian),
    "Chwirut1": Model(chwirut, chwirut_jacobian),
    "Lanczos3": Model(lanczos, lanczos_jacobian),
    "Gauss1": Model(gauss, gauss_jacobian),
    "Gauss2": Model(gauss, gauss_jacobian),
    "DanWood": Model(danwood, danwood_jacobian),
    "Misra1b": Model(misra1b, misra1b_jacobian),
    "Kirby2": Model(kirby2, kirby2_jacobian),
    "Hahn1": Model(cubic_over_cubic, cubic_over_cubic_jacobian),
    "Nelson": Model(nelson, nelson_jacobian),
    "MGH17": Model(mgh17, mgh17_jacobian),
    "Lanczos1": Model(lanczos, lanczos_jacobian),
    "Lanczos2": Model(lanczos, lanczos_jacobian),
    "Gauss3": Model(gauss, gauss_jacobian),
    "Misra1c": Model(misra1c, misra1c_jacobian),
    "Misra1d": Model(misra1d, misra1d_jacobian),
    "Roszman1": Model(roszman1, roszman1_jacobian),
    "ENSO": Model(enso, enso_jacobian),
    "MGH09": Model(mgh09, mgh09_jacobian),
    "Thurber": Model(cubic_over_cubic, cubic_over_cubic_jacobian),
    "BoxBOD": Model(saturation, saturation_jacobian),
    "Rat42": Model(rat42, rat42_jacobian),
    "MGH10": Model(mgh10, mgh10_jacobian),
    "Eckerle4": Model(eckerle4, eckerle4_jacobian),
    "Rat43": Model(rat43, rat43_jacobian),
    "Bennett5": Model(bennett5, bennett5_jacobian),
}
