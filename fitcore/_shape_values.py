"""Values of line shapes, their forms by name, and what complex variables make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fitcore._lineshapes import FORMS
from fitcore._lineshapes import evaluate as _evaluate

__all__ = ["FORMS", "evaluate", "find_form", "read_form"]

# As the error lists them.
WANTED = {
    "step": "'erf', 'logistic', 'atan', 'arctan', or 'linear'",
    "thermal": "'maxwell', 'fermi', or 'bose'",
}

# Shapes without a guard against 0, which are analytic: with complex numbers they are numpy's.
COMPLEX: dict[str, Callable[..., Any]] = {
    "polynomial": lambda degree, x, *p: np.polyval(p if degree < 0 else p[::-1], x),
    "sine": lambda _, x, a, frequency, shift: a * np.sin(x * frequency + shift),
    "expsine": lambda _, x, a, frequency, shift, decay: (
        a * np.sin(x * frequency + shift) * np.exp(-x * decay)
    ),
    "powerlaw": lambda _, x, a, exponent: a * x**exponent,
}


def find_form(kind: str, form: Any) -> int | None:
    """The number of a form of this kind, 'step' or 'thermal', by its name; None for none."""
    if not isinstance(form, str):
        return None
    number = FORMS[kind].get(form)
    if number is None and kind == "thermal":
        # Bose-Einstein, Maxwell-Boltzmann and Fermi-Dirac are names too.
        number = FORMS[kind].get(form.lower().partition("-")[0])
    return number


def read_form(kind: str, form: Any) -> int:
    """The same for the argument `form`; ValueError for no form."""
    number = find_form(kind, form)
    if number is None:
        raise ValueError(
            f"Invalid value ('{form}') for argument 'form'; should be one of {WANTED[kind]}."
        )
    return number


def evaluate(name: str, form: int, x: Any, params: tuple[Any, ...], y: Any = None) -> Any:
    """The compiled shape; of complex numbers if it is in `COMPLEX`, or if `x` is real all the same.

    Raises
    ------
    TypeError
        `x` or a parameter is not real.
    """
    try:
        return _evaluate(name, form, x, params, y)
    except TypeError:
        if name in COMPLEX and any(np.iscomplexobj(value) for value in (x, *params)):
            return COMPLEX[name](form, np.asarray(x), *params)
        if y is not None or not np.iscomplexobj(x) or np.any(np.imag(x)):
            raise
        return _evaluate(name, form, np.real(x), params) + 0j
