# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The start of a fit with bounds: which can be mapped, and which must leave its bound first."""

from libc.math cimport INFINITY, fabs

from fitcore._fit cimport twin
from fitcore._parameter cimport ParameterBase

__all__ = [
    "NEXT", "ROUNDING", "START_INSIDE", "beside_bounds", "check_range", "has_bounds",
    "leave_bounds", "range_between", "without_bounds",
]

# Values this near to a bound, relative to it, are on it.
ROUNDING = 1e-15
# A start nearer to a bound than this part of the range may be a small value, or stuck there.
NEXT = 1e-8
cdef double ROUNDING_ERROR = ROUNDING
cdef double NEXT_PART = NEXT
# A start on a bound is moved inside by this part of the range, or of max(1, |bound|).
START_INSIDE = 0.05
cdef double INSIDE = START_INSIDE
# A start which the mapping moves by this part of its distance from the nearer bound is lost there.
cdef double LOST = 1e-3


def without_bounds(items):
    """Copies whose internal values are the values themselves."""
    cdef ParameterBase item
    cdef list copies = []
    for old in items:
        item = twin(<ParameterBase?> old)
        item.min, item.max = None, None
        copies.append(item)
    return copies


cpdef bint has_bounds(list items) except -1:
    """Whether any of the parameters has a bound."""
    cdef ParameterBase item
    for item in items:
        if item._min != -INFINITY or item._max != INFINITY:
            return True
    return False


cdef double between(double low, double high, double bound) noexcept:
    cdef double span = high - low
    return span if span < INFINITY else max(1.0, fabs(bound))


def range_between(double low, double high, double bound):
    """The range between two bounds; with one only max(1, |bound|)."""
    return between(low, high, bound)


cpdef int check_range(list mapping) except -1:
    """Refuse bounds so far apart that an angle between them cannot stand for the start."""
    cdef ParameterBase item
    cdef double value, start, low, high, bound, distance, error
    for item in mapping:
        value, low, high = item._val, item._min, item._max
        if low == -INFINITY or high == INFINITY:
            continue
        bound = low if value - low <= high - value else high
        distance = fabs(value - bound)
        start = value
        if high - low < INFINITY and distance <= ROUNDING_ERROR * fabs(bound):
            # The values that matter there are those of the order of the bound, or of 1.
            distance = min(max(1.0, fabs(bound)), 0.5 * (high - low))
            start = bound + distance if bound == low else bound - distance
        item._val = start
        error = fabs(item.from_internal(item.setup()) - start)
        item._val = value
        if high - low == INFINITY or error > LOST * distance:
            raise ValueError(
                f"parameter {item.name!r}: its bounds, {low:g} and {high:g}, are too far apart for "
                f"a fit to tell values near {value:g} from each other; leave one out, or narrow "
                "them"
            )


def beside_bounds(list mapping):
    """Variables, by index, that are next to a bound but not on it, and which bound."""
    cdef ParameterBase item
    cdef dict found = {}
    cdef Py_ssize_t i
    cdef int side
    cdef double bound, distance
    for i in range(len(mapping)):
        item = <ParameterBase?> mapping[i]
        for side in range(2):
            bound = item._max if side else item._min
            if fabs(bound) == INFINITY:
                continue
            distance = fabs(item._val - bound)
            if ROUNDING_ERROR * fabs(bound) < distance <= NEXT_PART * between(
                    item._min, item._max, bound):
                found[i] = bound
    return found


cpdef dict leave_bounds(list mapping):
    """Move starts that are on a bound inside, and say which.

    On a bound the mapping has no slope: the solver could not leave it. The start is put inside by
    0.05 times the range, or with one bound only by 0.05 max(1, |bound|).

    Parameters
    ----------
    mapping : list of Parameter
        The variables; their values are changed.

    Returns
    -------
    dict of str to float
        The new starts.
    """
    cdef ParameterBase item
    cdef dict moved = {}
    cdef double low, high
    for item in mapping:
        low, high = item._min, item._max
        if low > -INFINITY and item._val - low <= ROUNDING_ERROR * fabs(low):
            item.store(low + INSIDE * between(low, high, low))
        elif high < INFINITY and high - item._val <= ROUNDING_ERROR * fabs(high):
            item.store(high - INSIDE * between(low, high, high))
        else:
            continue
        moved[str(item._name)] = item._val
    return moved
