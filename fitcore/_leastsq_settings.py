"""Settings of a Levenberg-Marquardt fit: defaults, and the check of what is given."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from fitcore._arguments import read_bool, read_number

__all__ = ["DEFAULTS", "read_limit", "read_settings"]

DEFAULTS: dict[str, Any] = {
    "ftol": 1e-11,
    "xtol": 1e-11,
    "gtol": 0.0,
    "maxfev": None,
    "epsfcn": None,
    "factor": 100.0,
    "diag": None,
    "jac": None,
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
    """Settings with their defaults; TypeError for an unknown one."""
    if not options:
        return dict(PLAIN)
    return _read(options)


def _read(options: dict[str, Any]) -> dict[str, Any]:
    settings = dict(DEFAULTS)
    for name, value in options.items():
        if name in settings:
            settings[name] = value
        elif name not in IGNORED:
            raise TypeError(
                f"leastsq got an unexpected keyword argument {name!r}; its settings are "
                f"{', '.join(DEFAULTS)}"
            )
    jac, dfun = settings["jac"], settings["Dfun"]
    if callable(jac):
        if dfun is not None and dfun is not jac:
            raise TypeError("jac and Dfun are two functions for the same Jacobian; give one")
        settings["Dfun"], settings["jac"] = jac, "analytic"
    elif dfun is not None:
        if not callable(dfun):
            raise TypeError(f"Dfun must be callable or None, got {dfun!r:.80}")
        if jac is not None:
            raise TypeError(f"jac={jac!r:.80} and Dfun are two ways to the same Jacobian; give one")
        settings["jac"] = "analytic"
    elif jac is None:
        settings["jac"] = "2-point"
    elif not isinstance(jac, str) or jac not in SCHEMES:
        raise (ValueError if isinstance(jac, str) else TypeError)(
            f"jac must be a callable or one of {', '.join(map(repr, SCHEMES))}; got {jac!r:.80}"
        )
    bounds = settings["bounds"]
    if not isinstance(bounds, str) or bounds not in BOUNDS:
        raise (ValueError if isinstance(bounds, str) else TypeError)(
            f"bounds must be one of {', '.join(map(repr, BOUNDS))}, the way they are kept; got "
            f"{bounds!r:.80}"
        )
    if settings["callback"] is not None and not callable(settings["callback"]):
        raise TypeError(f"callback must be callable or None, got {settings['callback']!r}")
    if settings["maxfev"] is not None:
        settings["maxfev"] = _count(settings["maxfev"], "maxfev") or None
    for name in ("ftol", "xtol", "gtol", "factor"):
        settings[name] = read_number(settings[name], name)
    if settings["epsfcn"] is not None:
        settings["epsfcn"] = read_number(settings["epsfcn"], "epsfcn")
    if settings["diag"] is not None:
        settings["diag"] = _scales(settings["diag"])
    for name in ("col_deriv", "refine"):
        settings[name] = read_bool(settings[name], name)
    return settings


# What there is to read when nothing is given, as most fits have it.
PLAIN = _read({})


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


def _scales(diag: Any) -> Any:
    try:
        return np.array(diag, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise TypeError(
            f"diag must be numbers, a scale for each variable; got {diag!r:.80}"
        ) from exc
