"""Settings of a Levenberg-Marquardt fit: defaults, and the check of what is given."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    "callback": None,
}
# What older scripts pass on to MINPACK's Python interface, and what changes nothing here.
IGNORED = ("full_output",)
SCHEMES = ("2-point", "3-point", "cs")


def read_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults; TypeError for an unknown one."""
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
            raise TypeError(f"Dfun must be callable or None, got {dfun!r}")
        if jac is not None:
            raise TypeError(f"jac={jac!r} and Dfun are two ways to the same Jacobian; give one")
        settings["jac"] = "analytic"
    elif jac is None:
        settings["jac"] = "2-point"
    elif jac not in SCHEMES:
        raise ValueError(
            f"jac must be a callable or one of {', '.join(map(repr, SCHEMES))}; got {jac!r}"
        )
    if settings["callback"] is not None and not callable(settings["callback"]):
        raise TypeError(f"callback must be callable or None, got {settings['callback']!r}")
    if settings["maxfev"] is not None:
        settings["maxfev"] = _count(settings["maxfev"], "maxfev") or None
    for name in ("ftol", "xtol", "gtol", "factor"):
        settings[name] = _number(settings[name], name)
    if settings["epsfcn"] is not None:
        settings["epsfcn"] = _number(settings["epsfcn"], "epsfcn")
    settings["col_deriv"] = bool(settings["col_deriv"])
    settings["refine"] = bool(settings["refine"])
    return settings


def read_limit(max_nfev: int | None, nvarys: int) -> int:
    """`max_nfev`, or its default."""
    if max_nfev is None:
        return 2000 * (nvarys + 1)
    limit = _count(max_nfev, "max_nfev")
    if limit < 1:
        raise ValueError(f"max_nfev must be at least 1, got {max_nfev}")
    return limit


def _count(value: Any, name: str) -> int:
    if value == np.inf:
        return 2**60
    if not isinstance(value, (int, float, np.integer, np.floating)) or not value >= 0:
        raise ValueError(f"{name} must be a number of evaluations, not negative; got {value!r}")
    return int(value)


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name} must be a number, got {value!r}") from exc
