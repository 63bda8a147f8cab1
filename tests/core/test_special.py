"""The special functions of the core against mpmath, which has any number of digits."""

import math

import numpy as np
import pytest
from lineshape_formulas import faddeeva, mp

from fitcore._lineshapes import special

EPS = np.finfo(float).eps
TINIEST = np.finfo(float).tiny

rng = np.random.default_rng(1)


def spread(low, high, n=60):
    return 10.0 ** rng.uniform(low, high, n)


NEAR = rng.uniform(-4, 4, 60)
FUNCTIONS = {
    # name: where, what, how many units of rounding it may be off
    "exp": (np.r_[rng.uniform(-700, 709, 100), NEAR, 0.0], mp.exp, 1),
    "expm1": (np.r_[rng.uniform(-30, 709, 60), NEAR, -spread(-20, 0), 709.7], mp.expm1, 1.5),
    "log": (np.r_[spread(-300, 300), rng.uniform(0.5, 2, 60), 1.0], mp.log, 1),
    "log1p": (np.r_[spread(-300, 300), rng.uniform(0, 2, 60), 0.0], mp.log1p, 1.5),
    "sin": (np.r_[rng.uniform(-1000, 1000, 60), NEAR, spread(6, 12), 0.0], mp.sin, 1.5),
    "cos": (np.r_[rng.uniform(-1000, 1000, 60), NEAR, spread(6, 12), 0.0], mp.cos, 1.5),
    "arctan": (np.r_[NEAR, -spread(-20, 20), 0.0], mp.atan, 1),
    "erf": (np.r_[NEAR, -spread(-20, 1), 0.0], mp.erf, 2),
    "erfc": (np.r_[NEAR, rng.uniform(0, 26, 60), -30.0], mp.erfc, 3),
    "erfcx": (np.r_[spread(-20, 1.3), abs(NEAR)], lambda x: mp.exp(x * x) * mp.erfc(x), 3),
    "gauss": (np.r_[NEAR, rng.uniform(0, 26, 60)], lambda x: mp.exp(-x * x), 2),
}


def error(got, exact):
    """The relative error; below the normal numbers, that relative to the smallest of these."""
    return float(abs(mp.mpf(float(got)) - exact) / max(abs(exact), mp.mpf(TINIEST)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_special_function_is_right_to_the_last_digits(name):
    where, function, units = FUNCTIONS[name]
    with mp.workdps(60):
        errors = [
            error(got, function(mp.mpf(float(x))))
            for x, got in zip(where, special(name, where), strict=True)
        ]
    worst = int(np.argmax(errors))
    assert errors[worst] <= units * EPS, where[worst]


@pytest.mark.parametrize(
    "y", [0, 1e-300, 1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.5, 1, 3, 6, 6.2, 10, 100, 1e6, 1e15, -0.3, -2]
)
def test_the_voigt_function_keeps_its_digits_where_it_is_small(y):
    x = np.r_[rng.uniform(-7, 7, 20), spread(-5, 1, 10), rng.uniform(-0.3, 0.3, 8), 0.0, 14.0]
    got = special("voigt", x, y)
    with mp.workdps(40):
        errors = [
            error(value, faddeeva(mp.mpc(float(a), float(y))).real)
            for a, value in zip(x, got, strict=True)
        ]
    worst = int(np.argmax(errors))
    assert errors[worst] <= 1e-13, x[worst]


@pytest.mark.parametrize("y", [0, 1e-12, 0.1, 1, 6, 6.2, 100, -0.3])
def test_the_derivatives_of_the_voigt_function_are_those_of_the_faddeeva_function(y):
    # w' = -2 z w + 2 i / sqrt(pi)
    x = np.r_[rng.uniform(-7, 7, 15), rng.uniform(-0.3, 0.3, 5), 12.0]
    by_x, by_y = special("voigt_by_x", x, y), special("voigt_by_y", x, y)
    for a, gx, gy in zip(x, by_x, by_y, strict=True):
        with mp.workdps(60):
            z = mp.mpc(float(a), float(y))
            exact = -2 * z * faddeeva(z) + 2j / mp.sqrt(mp.pi)
            error = abs(mp.mpc(float(gx), -float(gy)) - exact) / abs(exact)
        assert error <= 1e-13, a


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_element_has_the_same_bits_in_an_array_of_any_length(name):
    where = FUNCTIONS[name][0][:100]
    whole = special(name, where)
    for n in (1, 2, 7, 31, 32, 33, 64, 65, 99):
        np.testing.assert_array_equal(special(name, where[:n]), whole[:n])
        np.testing.assert_array_equal(special(name, where[-n:]), whole[-n:])


def test_special_functions_at_infinity_and_nan():
    at = [math.inf, -math.inf, math.nan]
    np.testing.assert_array_equal(special("exp", at), [math.inf, 0, math.nan])
    np.testing.assert_array_equal(special("expm1", at), [math.inf, -1, math.nan])
    np.testing.assert_array_equal(special("arctan", at), [math.pi / 2, -math.pi / 2, math.nan])
    np.testing.assert_array_equal(special("erf", at), [1, -1, math.nan])
    np.testing.assert_array_equal(special("erfc", at), [0, 2, math.nan])
    np.testing.assert_array_equal(special("gauss", at), [0, 0, math.nan])
    np.testing.assert_array_equal(special("log", [math.inf, math.nan]), [math.inf, math.nan])
    np.testing.assert_array_equal(special("log1p", [math.inf, math.nan]), [math.inf, math.nan])
    np.testing.assert_array_equal(special("erfcx", [math.inf, math.nan]), [0, math.nan])
    np.testing.assert_array_equal(special("sin", at), [math.nan] * 3)
    assert np.isnan(special("voigt", [math.nan], 1.0)).all()
    assert special("exp", [-745.1])[0] == math.exp(-745.1)
    assert special("exp", [709.78])[0] == pytest.approx(math.exp(709.78), rel=1e-15)
