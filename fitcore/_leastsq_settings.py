"""Settings of a Levenberg-Marquardt fit: defaults, and the check of what is given."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._arguments import check_settings, read_bool, read_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULTS", "read_limit", "read_settings"]

DEFAULTS: dict[str, Any] = {
    "ftol": 1e-11,
    "xtol": 1e-11,
    "gtol": 0.0,
    "maxfev": None,
    "epsfcn": None,
    "factor": 100.0,
    "diag": None,
    "jac": "2-point",
    "Dfun": None,
    "col_deriv": False,
    "refine": True,
    "bounds": "mapped",
    "callback": None,
}
# What older scripts pass on to MINPACK's Python interface, and what changes nothing here.
IGNORED = ("full_output",)
BOUNDS = ("mapped", "native")
SCHEMES = ("2-point", "3-point", "cs")
# Limits beyond it are none; MINPACK's counters go to 2**62.
UNLIMITED = 2**60


def read_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults; TypeError for an unknown one.

    Only what is given is checked, which matters in small fits.
    """
    settings = dict(DEFAULTS)
    for name, value in options.items():
        if name in READERS:
            settings[name] = READERS[name](value, name)
        elif name not in IGNORED:
            check_settings("leastsq", [name], DEFAULTS)
    if "jac" in options or "Dfun" in options:
        settings["jac"], settings["Dfun"] = _way_to_jacobian(options)
    return settings


def _way_to_jacobian(options: dict[str, Any]) -> tuple[str, Any]:
    """The scheme of the Jacobian and the user's function for it, from `jac` and `Dfun`."""
    jac, dfun = options.get("jac"), options.get("Dfun")
    if dfun is not None and not callable(dfun):
        raise TypeError(f"Dfun must be callable or None, got {dfun!r:.80}")
    if callable(jac):
        if dfun is not None and dfun is not jac:
            raise TypeError("jac and Dfun are two functions for the same Jacobian; give one")
        return "analytic", jac
    if dfun is not None:
        if jac is not None:
            raise TypeError(f"jac={jac!r:.80} and Dfun are two ways to the same Jacobian; give one")
        return "analytic", dfun
    if jac is None:
        return DEFAULTS["jac"], None
    if not isinstance(jac, str) or jac not in SCHEMES:
        raise (ValueError if isinstance(jac, str) else TypeError)(
            f"jac must be a callable or one of {', '.join(map(repr, SCHEMES))}; got {jac!r:.80}"
        )
    return jac, None


def _bounds(value: Any, name: str) -> str:
    if isinstance(value, str) and value in BOUNDS:
        return value
    raise (ValueError if isinstance(value, str) else TypeError)(
        f"{name} must be one of {', '.join(map(repr, BOUNDS))}, the way they are kept; got "
        f"{value!r:.80}"
    )


def _function(value: Any, name: str) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable or None, got {value!r}")
    return value


def _optional_number(value: Any, name: str) -> float | None:
    return None if value is None else read_number(value, name)


def read_limit(max_nfev: int | None, nvarys: int) -> int:
    """`max_nfev`, or its default."""
    if max_nfev is None:
        return 2000 * (nvarys + 1)
    limit = _count(max_nfev, "max_nfev")
    if limit < 1:
        raise ValueError(f"max_nfev must be at least 1, got {max_nfev}")
    return limit


def _count(value: Any, name: str) -> int:
    """A number of evaluations; infinite and huge ones as the largest there is."""
    if isinstance(value, (float, np.floating)):
        whole = math.isinf(value) or float(value).is_integer()
        if not (whole and value >= 0):
            raise ValueError(f"{name} must be a whole number, not negative; got {value!r}")
        return UNLIMITED if value >= UNLIMITED else int(value)
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number of evaluations, "
            f"got {type(value).__name__}: {value!r:.80}"
        ) from None
    if count < 0:
        raise ValueError(f"{name} must not be negative, got {count}")
    return min(count, UNLIMITED)


def _maxfev(value: Any, name: str) -> int | None:
    """MINPACK's limit; 0 is none, as in SciPy."""
    return None if value is None else _count(value, name) or None


def _scales(value: Any, name: str) -> Any:
    try:
        return None if value is None else np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise TypeError(
            f"{name} must be numbers, a scale for each variable; got {value!r:.80}"
        ) from exc


READERS: dict[str, Callable[[Any, str], Any]] = {
    "ftol": read_number,
    "xtol": read_number,
    "gtol": read_number,
    "maxfev": _maxfev,
    "epsfcn": _optional_number,
    "factor": read_number,
    "diag": _scales,
    "jac": lambda value, _: value,  # together, by `_way_to_jacobian`
    "Dfun": lambda value, _: value,
    "col_deriv": read_bool,
    "refine": read_bool,
    "bounds": _bounds,
    "callback": _function,
}
