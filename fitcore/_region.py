"""Chi-square on a grid of two variables.

One column, the nearest to the best fit, is its spine: its points are fitted outwards from there.
Each row is then fitted outwards from its point on the spine, so that no row depends on another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fitcore._profile import Fitted, Point, Profile, Remarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["RowTask", "fit_row", "spine"]


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
    return column, points, profile.remarks()


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
        for i in range(first + sign, end, sign):
            near = [found[k].u for k in range(i - sign, i - 4 * sign, -sign) if k in found]
            slope = sign * step * profile.slopes[axis]
            found[i] = profile.probe(at(float(values[i])), _ahead(profile, near, slope))
    return [found[i] for i in range(values.size)]


def _ahead(profile: Profile, near: list[FloatArray], slope: FloatArray) -> FloatArray:
    """The others at the next point, from the last ones, the nearest first."""
    if len(near) > 2:
        start = 3 * (near[0] - near[1]) + near[2]
    elif len(near) > 1:
        start = 2 * near[0] - near[1]
    else:
        start = near[0] + slope
    return start if np.isfinite(start).all() else profile.best.u
