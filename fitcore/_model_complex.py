"""Complex numbers as real ones, for plots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["get_reducer", "propagate_err"]

OPTIONS = ("real", "imag", "abs", "angle")


def check_option(option: Any, function: str) -> None:
    """Refuse what is no way to make a complex number real."""
    if not isinstance(option, str) or option not in OPTIONS:
        raise ValueError(
            f"Invalid option ('{option}') for function '{function}': it must be one of "
            f"{', '.join(map(repr, OPTIONS))}"
        )


def get_reducer(option: str) -> Callable[[Any], Any]:
    """Make the function that turns complex numbers into real ones.

    Parameters
    ----------
    option : {'real', 'imag', 'abs', 'angle'}

    Returns
    -------
    callable
        It leaves real numbers as they are.

    Raises
    ------
    ValueError
        For another option.

    Examples
    --------
    >>> from fitcore.model import get_reducer
    >>> get_reducer("abs")([3 + 4j]).tolist()
    [5.0]
    """
    check_option(option, "get_reducer")
    function = getattr(np, option)

    def reducer(array: Any) -> Any:
        return function(array) if np.iscomplexobj(array) else array

    return reducer


def propagate_err(z: Any, dz: Any, option: str) -> Any:
    """Uncertainties of what :func:`get_reducer` makes of complex numbers.

    Parameters
    ----------
    z : array_like
        Complex or real numbers.
    dz : array_like, shape of z
        Their uncertainties. A real one holds for real and imaginary part alike; a complex one has
        that of the real part as its real part.
    option : {'real', 'imag', 'abs', 'angle'}

    Returns
    -------
    ndarray
        Real. Where `z` is zero, that of 'angle' is pi and that of 'abs' the size of `dz`. Real
        `z` keep their own, or its size.

    Raises
    ------
    ValueError
        If the shapes differ, or for another option.

    Examples
    --------
    >>> from fitcore.model import propagate_err
    >>> propagate_err([3 + 4j], [0.1 + 0.2j], "abs").round(3).tolist()
    [0.171]
    """
    check_option(option, "propagate_err")
    z, dz = np.asarray(z), np.asarray(dz)
    if z.shape != dz.shape:
        raise ValueError(f"shape of z: {z.shape} != shape of dz: {dz.shape}")
    if not np.iscomplexobj(z):
        return np.abs(dz) if np.iscomplexobj(dz) else dz
    along, across = (dz.real, dz.imag) if np.iscomplexobj(dz) else (dz, dz)
    if option == "real":
        return along
    if option == "imag":
        return across
    size = np.abs(z)
    divisor = np.where(size == 0, 1, size)
    if option == "abs":
        return np.where(size == 0, np.abs(dz), np.hypot(z.real * along, z.imag * across) / divisor)
    return np.where(size == 0, np.pi, np.hypot(z.imag * along, z.real * across) / divisor**2)
