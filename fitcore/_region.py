"""Chi-square on a grid of two variables.

One column, the nearest to the best fit, is its spine: its points are fitted outwards from there.
Each row is then fitted outwards from its point on the spine, so that no row depends on another.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fitcore._profile import Fitted, Point, Profile, Remarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["RowTask", "Track", "fit_row", "spine"]

# The highest order of extrapolation along a row: the gain of one more is less than its cost.
ORDER = 4
TINY = 1e-300


class RowTask(NamedTuple):
    """A row of the grid."""

    fit: Fitted
    names: list[str]  # of the two variables
    x: FloatArray
    column: int  # where the spine is
    point: Point  # there


def spine(
    fit: Fitted, names: list[str], x: FloatArray, y: FloatArray
) -> tuple[int, list[Point], Remarks]:
    """The column nearest to the best fit: its index, its points, and remarks about them."""
    profile = Profile(fit, names)
    best_x, best_y = profile.best.at
    column = int(np.argmin(np.abs(x - best_x)))
    x_value = float(x[column])
    first = int(np.argmin(np.abs(y - best_y)))
    at = (x_value, float(y[first]))
    start = profile.probe(at, profile.tangent(at))
    points = _outwards(profile, 1, y, first, start, lambda value: (x_value, value))
    for i, point in enumerate(points):
        points[i] = _again(profile, point)
    return column, points, profile.remarks()


def _again(profile: Profile, point: Point) -> Point:
    """The point, or a lower one that is found from the others of the best fit.

    A point on another branch of the profile, beyond a pole or the like, would mislead its row.
    """
    if not profile.names:
        return point
    told = len(profile.exhausted)
    try:
        again = profile.probe(point.at, profile.best.u)
    except (ArithmeticError, ValueError):  # at a start that is our wish, and not needed
        return point
    if again.chisqr < point.chisqr or not math.isfinite(point.chisqr):
        return again
    del profile.exhausted[told:]
    return point


def fit_row(task: RowTask) -> tuple[list[float], Remarks]:
    """Chi-square along a row, and remarks about it."""
    profile = Profile(task.fit, task.names)
    y_value = task.point.at[1]
    points = _outwards(profile, 0, task.x, task.column, task.point, lambda value: (value, y_value))
    return [point.chisqr for point in points], profile.remarks()


def _outwards(
    profile: Profile,
    axis: int,
    values: FloatArray,
    first: int,
    start: Point,
    at: Callable[[float], tuple[float, float]],
) -> list[Point]:
    """Points along one axis, from the one with index `first`, which is known, to both ends."""
    found: dict[int, Point] = {first: start}
    step = float(values[1] - values[0]) if values.size > 1 else 0.0
    for sign in (1, -1):
        end = values.size if sign > 0 else -1
        # The way down continues that up, if there is one, backwards.
        known = [i for i in range(first + ORDER, first - 1, -1) if i in found]
        track = Track(found[known[0]].u, sign * step * profile.slopes[axis])
        for i in known[1:]:
            track.add(found[i].u)
        for i in range(first + sign, end, sign):
            ahead = track.next
            if not np.isfinite(ahead).all():
                ahead = profile.best.u
                track = Track(ahead, np.zeros_like(ahead))
            found[i] = profile.probe(at(float(values[i])), ahead)
            track.add(found[i].u)
    return [found[i] for i in range(values.size)]


class Track:
    """Extrapolation of points at equal distances, of the order that was best for the last one.

    With the backward differences D_j of the last point u, the polynomial through the last k + 1
    points has D_0 + ... + D_k at the next one (Newton's backward formula; Abramowitz and Stegun,
    section 25.2). D_{k+1} of a point is what order k has missed it by.

    Parameters
    ----------
    u : ndarray, shape (n,)
        The first point.
    slope : ndarray, shape (n,)
        How far the next one is likely to be from it.
    """

    def __init__(self, u: FloatArray, slope: FloatArray) -> None:
        # The next point by each order.
        self.orders = np.stack([u, u + slope])
        self.best = 1

    @property
    def next(self) -> FloatArray:
        """The next point, as it is expected, shape (n,)."""
        expected: FloatArray = self.orders[self.best]
        return expected

    def add(self, u: FloatArray) -> None:
        """Go on to the next point, as it is."""
        with np.errstate(all="ignore"):
            missed = u - self.orders
            sizes = np.abs(missed)
            # Each variable by its own measure.
            self.best = int((sizes / (sizes.max(axis=0) + TINY)).sum(axis=1).argmin())
            self.orders = np.concatenate([u[np.newaxis], missed[:ORDER]]).cumsum(axis=0)
        if not np.isfinite(self.orders).all():  # a fit went astray: begin anew
            self.orders, self.best = np.stack([u, u]), 0
