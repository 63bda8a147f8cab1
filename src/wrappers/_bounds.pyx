# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Bounds on variables, in the forms in which users give them."""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.sequence cimport PySequence_Fast, PySequence_Fast_GET_ITEM, PySequence_Fast_GET_SIZE
from libc.math cimport INFINITY, isnan
cimport numpy as cnp

from fitcore._arrays cimport doubles, real_array, zeros

import numpy as np


cnp.import_array()

__all__ = ["read_bounds"]


cdef double _bound(object value, double missing, Py_ssize_t i) except? -1.0:
    """One bound of a pair; None stands for `missing`."""
    if value is None:
        return missing
    if PyFloat_Check(value):
        return PyFloat_AS_DOUBLE(value)
    try:
        return np.asarray(value).item() if isinstance(value, np.ndarray) else float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"bounds[{i}] must be a pair of numbers or None, got {value!r:.80} in it"
                        ) from exc


cdef tuple _from_pairs(object bounds, Py_ssize_t n):
    """Lower and upper bounds from a sequence of n pairs."""
    cdef cnp.ndarray lower, upper
    cdef object rows, pair, item
    cdef Py_ssize_t i
    try:
        rows = PySequence_Fast(bounds, "")
    except TypeError as exc:
        raise TypeError("bounds must be a sequence of (min, max) pairs or have the attributes lb "
                        f"and ub, got {bounds!r:.80}") from exc
    if PySequence_Fast_GET_SIZE(rows) != n:
        raise ValueError(f"bounds must hold {n} (min, max) pairs, one for each variable, got "
                         f"{PySequence_Fast_GET_SIZE(rows)}: length of x0 != length of bounds")
    lower, upper = zeros(n), zeros(n)
    for i in range(n):
        item = <object> PySequence_Fast_GET_ITEM(rows, i)
        if isinstance(item, (str, bytes, dict, set)):
            raise ValueError(f"bounds[{i}] must be a (min, max) pair, got {item!r:.80}")
        try:
            pair = PySequence_Fast(item, "")
        except TypeError as exc:
            raise ValueError(f"bounds[{i}] must be a (min, max) pair, got {item!r:.80}") from exc
        if PySequence_Fast_GET_SIZE(pair) != 2:
            raise ValueError(f"bounds[{i}] must be a (min, max) pair, got {item!r:.80}")
        doubles(lower)[i] = _bound(<object> PySequence_Fast_GET_ITEM(pair, 0), -INFINITY, i)
        doubles(upper)[i] = _bound(<object> PySequence_Fast_GET_ITEM(pair, 1), INFINITY, i)
    return lower, upper


def read_bounds(bounds, Py_ssize_t n):
    """Bounds on n variables in any of their forms, checked.

    Parameters
    ----------
    bounds : sequence of (min, max), array_like of shape (n, 2), object with lb and ub, or None
        None, and -inf or inf, mean no bound on that side. ``lb`` and ``ub`` may be scalars.
    n : int
        Number of variables.

    Returns
    -------
    lower, upper : ndarray, shape (n,), or None
        With infinities where there is no bound. None for both when there is none at all.

    Raises
    ------
    ValueError
        If the length is not n, a bound is NaN, or no finite number lies between two bounds.
    TypeError
        If a bound is not a number.
    """
    cdef cnp.ndarray lower, upper
    cdef double *lo
    cdef double *hi
    cdef Py_ssize_t i, wrong = -1
    cdef bint any_bound = False
    if bounds is None:
        return None, None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        sides = []
        for name in ("lb", "ub"):
            side = real_array(getattr(bounds, name), f"bounds.{name}", 0)
            try:
                sides.append(np.array(np.broadcast_to(side, (n,))))
            except ValueError as exc:
                raise ValueError(f"bounds.{name} must have shape ({n},) like x0 or be one number, "
                                 f"got shape {side.shape}: length of x0 != length of bounds"
                                 ) from exc
        lower, upper = sides
    elif isinstance(bounds, np.ndarray) and bounds.dtype.kind in "fiu":
        if bounds.ndim != 2 or bounds.shape[0] != n or bounds.shape[1] != 2:
            raise ValueError(f"bounds must have shape ({n}, 2), a (min, max) pair for each "
                             f"variable, got {bounds.shape}: length of x0 != length of bounds")
        lower = np.array(bounds[:, 0], dtype=np.float64, order="C")
        upper = np.array(bounds[:, 1], dtype=np.float64, order="C")
    else:
        lower, upper = _from_pairs(bounds, n)
    lo, hi = doubles(lower), doubles(upper)
    for i in range(n):
        if not (lo[i] <= hi[i] and lo[i] < INFINITY and hi[i] > -INFINITY):
            wrong = i
            break
        any_bound = any_bound or lo[i] > -INFINITY or hi[i] < INFINITY
    if wrong >= 0:
        pair = f"bounds[{wrong}] = ({lo[wrong]}, {hi[wrong]})"
        if isnan(lo[wrong]) or isnan(hi[wrong]):
            raise ValueError(f"{pair} holds NaN; use None or an infinity for no bound")
        if lo[wrong] > hi[wrong]:
            raise ValueError(f"{pair}: one of the lower bounds is greater than an upper bound")
        raise ValueError(f"{pair}: no finite number lies between them")
    return (lower, upper) if any_bound else (None, None)
