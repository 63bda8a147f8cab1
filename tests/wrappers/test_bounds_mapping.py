"""The MINUIT mapping between bounded values and the solver's free variables."""

import decimal
import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fitcore.parameter import Parameter

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e8, 1e8)
internal = st.floats(-1e6, 1e6)


def exact_one_sided(u: float) -> decimal.Decimal:
    """sqrt(u^2 + 1) - 1 to 60 digits: how far the value is from its only bound."""
    with decimal.localcontext() as context:
        context.prec = 60
        square = decimal.Decimal(u) ** 2
        return square / ((square + 1).sqrt() + 1)


def test_without_bounds_the_internal_value_is_the_value():
    par = Parameter("p", 3.7)
    assert par.setup_bounds() == 3.7
    assert par.from_internal(-1e300) == -1e300
    assert par.scale_gradient(5.0) == 1.0


@given(internal)
@example(1e-9)
@example(1e-105)
@example(0.0)
@example(1e200)
def test_one_bound_gives_the_formula_to_the_last_digits(u):
    exact = float(exact_one_sided(u))
    assert Parameter("p", 1, min=0).from_internal(u) == pytest.approx(exact, rel=9e-16, abs=0)
    assert Parameter("p", -1, max=0).from_internal(u) == pytest.approx(-exact, rel=9e-16, abs=0)


@given(moderate, st.floats(1e-300, 1e150))
@example(0.0, 1e-12)
@example(0.0, 1e-300)
@example(-5.0, 1e100)
def test_one_bound_round_trip_keeps_the_distance_to_the_bound(bound, distance):
    low = Parameter("p", bound + distance, min=bound)
    high = Parameter("p", bound - distance, max=bound)
    for par in (low, high):
        kept = par.from_internal(par.setup_bounds())
        tolerance = 9e-16 * max(abs(par.value), abs(par.value - bound))
        assert abs(kept - par.value) <= tolerance


@pytest.mark.parametrize(
    ("value", "low", "high", "rel"),
    [
        (1e-9, -1e6, 1e6, 1e-15),
        (3e-9, 0.0, 1000.0, 1e-9),
        (1000.0 - 2**-20, 0.0, 1000.0, 1e-15),
        (5.0, 0.0, 10.0, 1e-15),
        (1e-12, 0.0, 1.0, 1e-9),
        (0.0, -1.7e308, 1.7e308, 0.0),
        (1e308, -1.7e308, 1.7e308, 1e-15),
    ],
)
def test_two_bounds_round_trip_keeps_small_values_in_wide_bounds(value, low, high, rel):
    par = Parameter("p", value, min=low, max=high)
    assert par.from_internal(par.setup_bounds()) == pytest.approx(value, rel=rel, abs=0)


@given(moderate, moderate, st.floats(0, 1))
@example(0.0, 5e-324, 0.0)
@example(0.0, 5e-324, 1.0)
def test_two_bounds_round_trip_loses_nothing_of_the_width(low, high, fraction):
    low, high = min(low, high), max(low, high)
    assume(low < high)
    par = Parameter("p", low + fraction * (high - low), min=low, max=high)
    back = par.from_internal(par.setup_bounds())
    assert abs(back - par.value) <= 9e-16 * max(high - low, abs(low), abs(high))


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here")
@given(st.floats(-20, 20))
@example(-math.pi / 2)
@example(math.pi / 2 - 1e-6)
@example(-math.pi / 2 + 1e-5)
def test_two_bounds_give_the_formula(u):
    exact = (np.sin(np.longdouble(u)) + 1) / 2
    value = Parameter("p", 0.5, min=0, max=1).from_internal(u)
    # Where the sine is -1 the sum cancels even in extended precision.
    assert float(abs(value - exact)) <= 9e-16 * float(exact) + 1e-19


@given(finite, finite, finite)
def test_the_value_never_leaves_the_bounds(low, high, u):
    assume(low < high)
    for bounds in ({"min": low, "max": high}, {"min": low}, {"max": high}):
        value = Parameter("p", low, **bounds).from_internal(u)
        assert bounds.get("min", -math.inf) <= value <= bounds.get("max", math.inf)


@pytest.mark.parametrize("bounds", [{}, {"min": -2.5}, {"max": 7}, {"min": -2.5, "max": 7}])
@pytest.mark.parametrize("u", [-3.0, -0.4, 0.0, 0.3, 1.2, 6.0])
def test_the_gradient_is_the_derivative_of_the_mapping(bounds, u):
    par = Parameter("p", 1.0, **bounds)
    h = 1e-5
    slope = (par.from_internal(u + h) - par.from_internal(u - h)) / (2 * h)
    assert par.scale_gradient(u) == pytest.approx(slope, rel=1e-8, abs=1e-9)


def test_at_a_bound_the_internal_value_is_where_the_mapping_is_flat():
    assert Parameter("p", 0, min=0).setup_bounds() == 0.0
    assert Parameter("p", 0, max=0).setup_bounds() == 0.0
    both = {"min": 0, "max": 10}
    assert Parameter("p", 0, **both).setup_bounds() == pytest.approx(-math.pi / 2)
    assert Parameter("p", 10, **both).setup_bounds() == pytest.approx(math.pi / 2)
    assert Parameter("p", 0, **both).from_internal(-math.pi / 2) == 0.0
    assert Parameter("p", 0, **both).from_internal(math.pi / 2) == 10.0


def test_bounds_out_of_order_are_refused_by_name():
    par = Parameter("width", 1, min=0, max=2)
    par.min = 5
    with pytest.raises(ValueError, match="'width': min=5 must be less than max=2"):
        par.setup_bounds()
