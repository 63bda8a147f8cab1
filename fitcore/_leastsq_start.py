"""The start of a fit with bounds: which can be mapped, and which must leave its bound first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fitcore._fit import twins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitcore.parameter import Parameter

__all__ = [
    "NEXT", "ROUNDING", "beside_bounds", "check_range", "leave_bounds", "range_between",
    "without_bounds",
]  # fmt: skip

# Values this near to a bound, relative to it, are on it.
ROUNDING = 1e-15
# A start on a bound is moved inside by this part of the range, or of max(1, |bound|).
START_INSIDE = 0.05
# A start which the mapping moves by this part of its distance from the nearer bound is lost there.
LOST = 1e-3
# A start nearer to a bound than this part of the range may be a small value, or stuck there.
NEXT = 1e-8


def without_bounds(items: Sequence[Parameter]) -> list[Parameter]:
    """Copies whose internal values are the values themselves."""
    copies: list[Parameter] = twins(items)
    for item in copies:
        item.min, item.max = -math.inf, math.inf
    return copies


def range_between(low: float, high: float, bound: float) -> float:
    """The range between two bounds; with one only max(1, |bound|)."""
    span = high - low
    return span if span < np.inf else max(1.0, abs(bound))


def check_range(mapping: Sequence[Parameter]) -> None:
    """Refuse bounds so far apart that an angle between them cannot stand for the start."""
    for item in mapping:
        value, low, high = float(item.value), float(item.min), float(item.max)
        if low == -math.inf or high == math.inf:
            continue
        bound = low if value - low <= high - value else high
        distance = abs(value - bound)
        if high - low < math.inf and distance <= ROUNDING * abs(bound):
            # The values that matter there are those of the order of the bound, or of 1.
            distance = min(max(1.0, abs(bound)), 0.5 * (high - low))
            item.value = bound + distance if bound == low else bound - distance
        error = abs(item._from_internal(item._setup()) - float(item.value))
        item.value = value
        if high - low == math.inf or error > LOST * distance:
            raise ValueError(
                f"parameter {item.name!r}: its bounds, {low:g} and {high:g}, are too far apart for "
                f"a fit to tell values near {value:g} from each other; leave one out, or narrow "
                "them"
            )


def beside_bounds(mapping: Sequence[Parameter]) -> dict[int, float]:
    """Variables, by index, that are next to a bound but not on it, and which bound."""
    found = {}
    for i, item in enumerate(mapping):
        value, low, high = float(item.value), float(item.min), float(item.max)
        for bound in (low, high):
            if math.isfinite(bound):
                distance = abs(value - bound)
                if ROUNDING * abs(bound) < distance <= NEXT * range_between(low, high, bound):
                    found[i] = bound
    return found


def leave_bounds(mapping: Sequence[Parameter]) -> dict[str, float]:
    """Move starts that are on a bound inside, and say which.

    On a bound the mapping has no slope: the solver could not leave it. The start is put inside by
    0.05 times the range, or with one bound only by 0.05 max(1, |bound|).

    Parameters
    ----------
    mapping : sequence of Parameter
        The variables; their values are changed.

    Returns
    -------
    dict of str to float
        The new starts.
    """
    moved = {}
    for item in mapping:
        value, low, high = item.value, item.min, item.max
        if low == -np.inf and high == np.inf:
            continue
        if low > -np.inf and value - low <= ROUNDING * abs(low):
            item.value = low + START_INSIDE * range_between(low, high, low)
        elif high < np.inf and high - value <= ROUNDING * abs(high):
            item.value = high - START_INSIDE * range_between(low, high, high)
        else:
            continue
        moved[str(item.name)] = float(item.value)
    return moved
