"""Extrapolation along a row of a grid."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitcore._region import ORDER, Track


def track_of(values: np.ndarray, slope: float = 0.0) -> Track:
    track = Track(values[0], np.full_like(values[0], slope))
    for u in values[1:]:
        track.add(u)
    return track


@pytest.mark.parametrize("degree", range(ORDER + 1))
def test_a_polynomial_is_continued_exactly(degree: int) -> None:
    x = np.arange(9.0)[:, np.newaxis]
    # Two variables of very different size.
    u = np.array([1.0, 1e-9]) * (x - np.array([2.3, 5.1])) ** degree
    assert_allclose(track_of(u[:8]).next, u[8], rtol=1e-9)


def test_the_slope_leads_to_the_second_point() -> None:
    assert track_of(np.array([[3.0]]), 0.5).next == 3.5


def test_after_a_jump_no_high_order_overshoots() -> None:
    u = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [9.0]])
    # The quartic through these has 43.1 at the next point.
    assert_allclose(np.polynomial.Polynomial.fit(range(1, 6), u[1:, 0], 4)(6), 43.1)
    assert 9.0 <= track_of(u).next <= 9.0 + 2 * 8.6


@pytest.mark.parametrize("astray", [np.inf, np.nan])
def test_a_point_that_is_not_finite_is_forgotten(astray: float) -> None:
    u = np.array([[1.0], [astray], [2.0], [3.0], [4.0]])
    with np.errstate(all="raise"):
        assert not np.isfinite(track_of(u[:2]).next).all()
        assert track_of(u).next == 5


def test_no_other_variables_need_no_special_care() -> None:
    assert track_of(np.empty((4, 0))).next.shape == (0,)
