"""How many digits of an estimate are right."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["digits"]

CERTIFIED_DIGITS = 11
"""NIST certifies parameters, standard deviations and sums of squares to 11 digits."""


def digits(estimate: ArrayLike, certified: ArrayLike) -> float:
    """Count the correct digits of an estimate: its log relative error.

    For each element ``-log10(abs(estimate - certified)/abs(certified))``, or
    ``-log10(abs(estimate))`` where the certified value is 0; limited to the range from 0, nothing
    right, to 11, the number of digits which NIST certifies. A NaN or an infinity counts 0. The
    result is that of the worst element.

    Parameters
    ----------
    estimate : array_like
        The values to be judged.
    certified : array_like
        The right values, finite, of the same shape.

    Returns
    -------
    float
        Number of correct digits, from 0 to 11.

    Raises
    ------
    ValueError
        If the shapes differ, there are no values, or `certified` is not finite.

    References
    ----------
    B. D. McCullough (1998), Assessing the reliability of statistical software: Part I, The
    American Statistician 52(4), pp. 358-366. McCullough also sets what is less than 1 to 0; here it
    is left as it is.

    Examples
    --------
    >>> from fitcore.nist import digits
    >>> round(digits([1.0, 2.002], [1.0, 2.0]), 6)  # the second is right to 1 in 1000
    3.0
    >>> digits(float("nan"), 1.0)
    0.0
    """
    e = np.asarray(estimate, dtype=float)
    c = np.asarray(certified, dtype=float)
    if e.shape != c.shape:
        raise ValueError(
            f"estimate has shape {e.shape} and certified {c.shape}: they must be the same"
        )
    if e.size == 0:
        raise ValueError("estimate and certified hold no values; at least one is needed")
    if not np.isfinite(c).all():
        raise ValueError(f"certified must be finite, got {certified!r}")
    # Extreme estimates overflow to infinity, which counts 0 like the rest that is wrong.
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(e - c) / np.where(c == 0, 1.0, np.abs(c))
    worst = float(np.max(error))  # np.max returns NaN if there is one
    if not worst < 1:
        return 0.0
    # `worst` is at least 0.1**11 here, and below 1; adding 0 turns -0.0 into 0.0.
    return float(-np.log10(max(worst, 10.0**-CERTIFIED_DIGITS))) + 0.0
