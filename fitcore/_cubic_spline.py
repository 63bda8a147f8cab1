"""Cubic splines as sums of B-splines."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CubicSpline"]

ORDER = 3
Array = NDArray[np.float64]


class CubicSpline:
    """Cubic splines through as many coefficients as there are points where they may bend.

    The knots are the given points without the second and the last but one, with the ends taken
    four times, as of a not-a-knot interpolation at these points: so the B-splines are as many as
    the points, and each has its maximum near one of them. Beyond the ends the outermost
    polynomials continue.

    Parameters
    ----------
    points : array_like, shape (n,)
        Strictly increasing, at least four.

    Notes
    -----
    C. de Boor, A Practical Guide to Splines (1978), chapters IX and X: the B-splines that do not
    vanish in an interval by their recurrence, equation X(10).

    Examples
    --------
    >>> spline = CubicSpline([0.0, 1.0, 2.0, 3.0])
    >>> spline([0.0, 1.5, 3.0], [1.0, 1.0, 1.0, 1.0]).tolist()    # a partition of unity
    [1.0, 1.0, 1.0]
    """

    def __init__(self, points: ArrayLike) -> None:
        where = np.asarray(points, dtype=np.float64)
        self.size = where.size
        self.knots: Array = np.r_[[where[0]] * (ORDER + 1), where[2:-2], [where[-1]] * (ORDER + 1)]

    def basis(self, x: ArrayLike) -> tuple[NDArray[np.intp], Array]:
        """The four B-splines that may differ from zero at each `x`.

        Parameters
        ----------
        x : array_like

        Returns
        -------
        first : ndarray of int, shape of x
            The first of them; the others follow.
        values : ndarray, shape (4,) + shape of x
        """
        at = np.asarray(x, dtype=np.float64)
        knots = self.knots
        left = np.searchsorted(knots[ORDER + 1 : self.size], at, side="right") + ORDER
        values = np.empty((ORDER + 1, *at.shape))
        values[0] = 1.0
        for degree in range(1, ORDER + 1):
            carried = np.zeros(at.shape)
            for j in range(degree):
                upper = knots[left + j + 1]
                lower = knots[left + j + 1 - degree]
                part = values[j] / (upper - lower)
                values[j] = carried + (upper - at) * part
                carried = (at - lower) * part
            values[degree] = carried
        return left - ORDER, values

    def __call__(self, x: ArrayLike, coefficients: ArrayLike) -> Array:
        """The spline at `x`.

        Parameters
        ----------
        x : array_like
        coefficients : array_like, shape (n,)
            Of the B-splines.

        Returns
        -------
        ndarray, shape of x
        """
        first, values = self.basis(x)
        c = np.asarray(coefficients)
        total = values[0] * c[first]
        for j in range(1, ORDER + 1):
            total = total + values[j] * c[first + j]
        return np.asarray(total)
