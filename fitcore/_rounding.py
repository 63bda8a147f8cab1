"""Values with their errors, in as many digits as the errors leave meaning."""

from __future__ import annotations

import math

__all__ = ["rounded", "with_error"]

LARGE, SMALL = 7, -4  # powers of ten from which on a common power is written
RANGE = 300  # powers of ten that can be divided by
MOST = 20  # decimals, however small the error


def rounded(value: float, stderr: float | None) -> tuple[str, str]:
    """A value and its standard error as text, both to the second digit of the error.

    Parameters
    ----------
    value : float
    stderr : float or None
        Without one, or if it is 0 or not finite, the value has six digits.

    Returns
    -------
    (str, str)
        The second is empty without an error.

    Examples
    --------
    >>> from fitcore._rounding import rounded
    >>> rounded(13.96971, 0.05014)
    ('13.970', '0.050')
    >>> rounded(-1234567.8, 4321.0)
    ('-1234600', '4300')
    >>> rounded(1.23456e-9, 2.2e-12)
    ('1.2346e-09', '0.0022e-09')
    >>> rounded(2.5, None)
    ('2.5', '')
    """
    if stderr is None:
        return f"{value:.6g}", ""
    if not (math.isfinite(value) and math.isfinite(stderr) and stderr > 0):
        return f"{value:.6g}", f"{stderr:.2g}"
    # The exponent after rounding: 0.0996 is 0.10 in two digits.
    last = int(f"{stderr:.1e}".partition("e")[2]) - 1
    first = int(f"{max(abs(value), stderr):e}".partition("e")[2])
    scale, power = 1.0, ""
    if first >= LARGE or first < SMALL:
        if abs(first) > RANGE:
            return f"{value:.6g}", f"{stderr:.2g}"
        scale, power = 10.0**-first, f"e{first:+03d}"
        last -= first
    if last > 0:  # digits before the point that mean nothing are zeros
        return f"{round(value, -last):.0f}", f"{round(stderr, -last):.0f}"
    digits = min(-last, MOST)
    return f"{value * scale:.{digits}f}{power}", f"{stderr * scale:.{digits}f}{power}"


def with_error(value: float, stderr: float | None) -> str:
    """A value and its error in one text.

    Examples
    --------
    >>> from fitcore._rounding import with_error
    >>> with_error(13.96971, 0.05014)
    '13.970 ± 0.050'
    """
    number, error = rounded(value, stderr)
    return f"{number} ± {error}" if error else number
