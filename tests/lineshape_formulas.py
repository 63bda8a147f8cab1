"""The line shapes by their formulas, with mpmath: what those of the core are held against."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from originals import require_peer

mp: Any = require_peer("mpmath")


def faddeeva(z):
    """exp(-z**2) erfc(-i z) with 25 digits of both parts and more."""
    if abs(z) > 9 and z.imag > 1e-8 * abs(z):
        # its asymptotic series, up to terms of the size of exp(-81)
        term = total = mp.mpc(1)
        for k in range(1, 80):
            term *= (2 * k - 1) / (2 * z * z)
            total += term
            if abs(term) < mp.eps * abs(total):
                break
        return mp.j / (mp.sqrt(mp.pi) * z) * total
    with mp.extradps(int(0.9 * abs(z) ** 2) + 10):
        return mp.exp(-z * z) * mp.erfc(-1j * z)


def gaussian(x, amplitude, center, sigma):
    return amplitude / (sigma * mp.sqrt(2 * mp.pi)) * mp.exp(-((x - center) ** 2) / (2 * sigma**2))


def gaussian2d(x, y, amplitude, centerx, centery, sigmax, sigmay):
    return gaussian(x, amplitude, centerx, sigmax) * gaussian(y, 1, centery, sigmay)


def lorentzian(x, amplitude, center, sigma):
    return amplitude / (mp.pi * sigma * (1 + ((x - center) / sigma) ** 2))


def split_lorentzian(x, amplitude, center, sigma, sigma_r):
    s = sigma if x < center else sigma_r
    return 2 * amplitude / (mp.pi * (sigma + sigma_r)) * s**2 / (s**2 + (x - center) ** 2)


def voigt(x, amplitude, center, sigma, gamma):
    z = mp.mpc(x - center, gamma) / (sigma * mp.sqrt(2))
    return amplitude * faddeeva(z).real / (sigma * mp.sqrt(2 * mp.pi))


def pvoigt(x, amplitude, center, sigma, fraction):
    narrow = sigma / mp.sqrt(2 * mp.log(2))
    return (1 - fraction) * gaussian(x, amplitude, center, narrow) + fraction * lorentzian(
        x, amplitude, center, sigma
    )


def moffat(x, amplitude, center, sigma, beta):
    return amplitude / (((x - center) / sigma) ** 2 + 1) ** beta


def pearson4(x, amplitude, center, sigma, expon, skew):
    a = (x - center) / sigma
    factor = abs(mp.gamma(mp.mpc(expon, skew / 2)) / mp.gamma(expon)) ** 2
    factor /= sigma * mp.beta(expon - mp.mpf(1) / 2, mp.mpf(1) / 2)
    return amplitude * factor * (1 + a**2) ** (-expon) * mp.exp(-skew * mp.atan(a))


def pearson7(x, amplitude, center, sigma, expon):
    factor = 1 / (sigma * mp.beta(expon - mp.mpf(1) / 2, mp.mpf(1) / 2))
    return amplitude * factor * (1 + ((x - center) / sigma) ** 2) ** (-expon)


def breit_wigner(x, amplitude, center, sigma, q):
    top = (q * sigma / 2 + x - center) ** 2
    return amplitude * top / ((sigma / 2) ** 2 + (x - center) ** 2)


def damped_oscillator(x, amplitude, center, sigma):
    r = x / center
    return amplitude / mp.sqrt((1 - r**2) ** 2 + (2 * sigma * r) ** 2)


def dho(x, amplitude, center, sigma, gamma):
    low = 1 / ((x - center) ** 2 + sigma**2) - 1 / ((x + center) ** 2 + sigma**2)
    return amplitude * sigma / mp.pi * low / -mp.expm1(-x / gamma)


def logistic(x, amplitude, center, sigma):
    return amplitude * (1 - 1 / (1 + mp.exp((x - center) / sigma)))


def lognormal(x, amplitude, center, sigma):
    return gaussian(mp.log(x), amplitude, center, sigma) / x


def students_t(x, amplitude, center, sigma):
    factor = mp.gamma((sigma + 1) / 2) / (mp.sqrt(sigma * mp.pi) * mp.gamma(sigma / 2))
    return amplitude * factor * (1 + (x - center) ** 2 / sigma) ** (-(sigma + 1) / 2)


def expgaussian(x, amplitude, center, sigma, gamma):
    exponent = center * gamma + (gamma * sigma) ** 2 / 2 - gamma * x
    tail = mp.erfc((center + gamma * sigma**2 - x) / (mp.sqrt(2) * sigma))
    return amplitude * (gamma / 2) * mp.exp(exponent) * tail


def doniach(x, amplitude, center, sigma, gamma):
    a = (x - center) / sigma
    wave = mp.cos(mp.pi * gamma / 2 + (1 - gamma) * mp.atan(a))
    return amplitude / sigma ** (1 - gamma) * wave / (1 + a**2) ** ((1 - gamma) / 2)


def skewed_gaussian(x, amplitude, center, sigma, gamma):
    tail = mp.erfc(-gamma * (x - center) / (sigma * mp.sqrt(2)))
    return gaussian(x, amplitude, center, sigma) * tail


def skewed_voigt(x, amplitude, center, sigma, gamma, skew):
    tail = mp.erfc(-skew * (x - center) / (sigma * mp.sqrt(2)))
    return voigt(x, amplitude, center, sigma, gamma) * tail


def thermal_distribution(x, amplitude, center, kt, form):
    sign = {"bose": -1, "maxwell": 0, "fermi": 1}[form]
    return 1 / (amplitude * mp.exp((x - center) / kt) + sign)


def bose(x, amplitude, center, kt):
    return amplitude / mp.expm1((x - center) / kt)


def fermi(x, amplitude, center, kt):
    return amplitude / (mp.exp((x - center) / kt) + 1)


def _step(form, a):
    match form:
        case "linear":
            return min(mp.mpf(1), max(mp.mpf(0), a + mp.mpf(1) / 2))
        case "atan":
            return mp.mpf(1) / 2 + mp.atan(a) / mp.pi
        case "erf":
            return mp.erfc(-a) / 2
        case "logistic":
            return 1 - 1 / (1 + mp.exp(a))


def step(x, amplitude, center, sigma, form):
    return amplitude * _step(form, (x - center) / sigma)


def rectangle(x, amplitude, center1, sigma1, center2, sigma2, form):
    scale = 2 if form == "linear" else 1
    up = _step(form, (x - center1) / sigma1 / scale)
    return amplitude * (up + _step(form, (center2 - x) / sigma2 / scale) - 1)


def exponential(x, amplitude, decay):
    return amplitude * mp.exp(-x / decay)


def powerlaw(x, amplitude, exponent):
    return amplitude * x**exponent


def linear(x, slope, intercept):
    return slope * x + intercept


def parabolic(x, a, b, c):
    return a * x**2 + b * x + c


def sine(x, amplitude, frequency, shift):
    return amplitude * mp.sin(x * frequency + shift)


def expsine(x, amplitude, frequency, shift, decay):
    return amplitude * mp.sin(x * frequency + shift) * mp.exp(-x * decay)


def cases() -> list[tuple[str, dict[str, Any]]]:
    """Names of all shapes, each with the forms it has."""
    from fitcore import lineshapes

    out = []
    for name in lineshapes.functions:
        forms = {
            "thermal_distribution": ["bose", "maxwell", "fermi"],
            "step": ["linear", "atan", "erf", "logistic"],
            "rectangle": ["linear", "atan", "erf", "logistic"],
        }.get(name)
        out += [(name, {"form": form}) for form in forms] if forms else [(name, {})]
    return out


def parameters(name: str) -> list[str]:
    """The names of the parameters of a shape."""
    function: Callable[..., Any] = globals()[name]
    return [p for p in inspect.signature(function).parameters if p not in ("x", "y", "form")]


RANGES = {"kt": (-1, 1), "decay": (-1, 1), "gamma": (-1.5, -0.05), "beta": (-1, 0.7)}


def draw(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Parameters at random, in the region where the shape is used."""
    out = {}
    for p in parameters(name):
        if p.startswith("sigma") or (p in RANGES and (name, p) != ("expsine", "decay")):
            out[p] = float(10 ** rng.uniform(*RANGES.get(p, (-1, 1))))
        elif p == "expon":
            out[p] = float(0.5 + 10 ** rng.uniform(-1, 2))
        elif p == "center" and name in ("damped_oscillator", "dho"):
            out[p] = float(rng.uniform(0.5, 3))
        else:
            out[p] = float(rng.uniform(-3, 3))
    return out


def points(name: str, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Independent variables at random: x, and y of a shape that has it."""
    x = rng.uniform(-8, 8, n)
    if name in ("lognormal", "powerlaw"):
        x = abs(x)
    return {"x": x, "y": rng.uniform(-8, 8, n)} if name == "gaussian2d" else {"x": x}


def exact(name: str, variables: dict[str, float], params: dict[str, float], form: dict[str, str]):
    """The value by the formula, with 25 digits and more, of numbers that are taken as exact."""
    # the rectangle is a difference of numbers that are nearly equal
    with mp.workdps(400 if name == "rectangle" else 40):
        numbers = {k: mp.mpf(float(v)) for k, v in {**variables, **params}.items()}
        return globals()[name](**numbers, **form)


def exact_slope(
    name: str,
    variables: dict[str, float],
    params: dict[str, float],
    form: dict[str, str],
    by: str,
):
    """The derivative by a parameter, from a central difference with twice as many digits."""
    with mp.workdps(400 if name == "rectangle" else 60):
        numbers = {k: mp.mpf(float(v)) for k, v in {**variables, **params}.items()}
        step = mp.mpf(10) ** -20 * max(abs(numbers[by]), 1)
        after, before = dict(numbers), dict(numbers)
        after[by] += step
        before[by] -= step
        function = globals()[name]
        return (function(**after, **form) - function(**before, **form)) / (2 * step)
