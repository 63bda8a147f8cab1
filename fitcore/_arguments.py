"""Arguments of fits and reports: the orders they may come in, and the check of their types."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from fitcore.parameter import Parameter, Parameters

__all__ = [
    "by_name",
    "check_settings",
    "check_style",
    "is_whole",
    "items_by_name",
    "read_bool",
    "read_correl",
    "read_keywords",
    "read_number",
    "read_parameters",
    "read_positional",
    "read_whole",
    "signature",
]

# The order of positional arguments after (fcn, params): lmfit 1.x, and the manual of lmfit 0.7.
_DEFAULTS = {
    "method": "leastsq",
    "args": None,
    "kws": None,
    "iter_cb": None,
    "scale_covar": True,
    "nan_policy": "raise",
    "reduce_fcn": None,
    "calc_covar": True,
    "max_nfev": None,
}
_ORDER = tuple(_DEFAULTS)
_OLD_ORDER = ("args", "kws", "method")


def by_name(ordered: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `minimize` by name, from those by position after (fcn, params) and by name."""
    named = dict(named)
    order = _OLD_ORDER if ordered and not isinstance(ordered[0], str) else _ORDER
    if ordered:
        if order is _OLD_ORDER and not isinstance(ordered[0], (tuple, list, type(None))):
            raise TypeError(
                "the third argument of minimize must be the method, a string, or args, a tuple; "
                f"got {type(ordered[0]).__name__}: {ordered[0]!r:.60}"
            )
        if len(ordered) > len(order):
            raise TypeError(
                f"minimize takes at most {len(order) + 2} positional arguments in the order "
                f"fcn, params, {', '.join(order)}; got {len(ordered) + 2}"
            )
        for name, value in zip(order, ordered, strict=False):
            if name in named:
                raise TypeError(f"minimize got {name} twice, by position and by name")
            named[name] = value
    return named


def signature() -> inspect.Signature:
    """What help() shows: the order of lmfit 1.x."""
    kind = inspect.Parameter
    either, only = kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY
    return inspect.Signature(
        [
            kind("fcn", either),
            kind("params", either),
            *(kind(name, either, default=default) for name, default in _DEFAULTS.items()),
            kind("inplace", only, default=True),
            kind("backend", only, default="fitcore"),
            kind("engine", only, default=None),
            kind("fit_kws", kind.VAR_KEYWORD),
        ]
    )


def items_by_name(params: Any) -> Mapping[str, Parameter]:
    """The Parameter objects of the argument `params` themselves, by the names of the fit.

    `params` may be Parameters, any other mapping of names to Parameter, whose keys count, or a
    list or tuple of Parameter with names of their own.
    """
    if isinstance(params, Parameters):
        return params
    if isinstance(params, Mapping):
        pairs = list(params.items())
    elif isinstance(params, (list, tuple)):
        pairs = [(getattr(item, "name", None), item) for item in params]
    else:
        raise TypeError(
            "params must be Parameters, or a dict or sequence of Parameter, "
            f"got {type(params).__name__}: {params!r:.80}"
        )
    found: dict[str, Parameter] = {}
    owner: dict[int, str] = {}
    for key, item in pairs:
        if not isinstance(item, Parameter):
            raise TypeError(
                f"params: each of its items must be a Parameter, got {type(item).__name__} "
                f"{item!r:.80}" + (f" for {key!r:.40}" if isinstance(params, Mapping) else "")
            )
        if not isinstance(key, str):
            raise TypeError(f"params: the name of a parameter must be a string, got {key!r:.80}")
        if key in found:
            raise ValueError(f"params has two parameters of the name {key!r}")
        if id(item) in owner:
            raise ValueError(
                f"params has one Parameter object under two names, {owner[id(item)]!r} and {key!r}"
            )
        found[key] = item
        owner[id(item)] = key
    return found


def read_parameters(params: Any) -> Parameters:
    """`params` as Parameters: itself, or new ones with copies of what it holds."""
    if isinstance(params, Parameters):
        return params
    made = Parameters()
    for name, item in items_by_name(params).items():
        try:
            made[name] = copy.copy(item)
        except KeyError as exc:
            raise ValueError(f"params: {exc.args[0]}") from None
    return made


def read_bool(value: Any, name: str) -> bool:
    """The argument `name`, which must be true or false: a bool, or 0 or 1."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, (bool, np.bool_)) or (
        isinstance(value, (int, np.integer)) and value in (0, 1)
    ):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {type(value).__name__}: {value!r:.80}")


def read_number(value: Any, name: str) -> float:
    """The argument `name`, which must be a real number, as float."""
    # What float() would take for a number, or make one of by leaving out a part.
    if not isinstance(value, (bool, np.bool_, str, bytes, np.complexfloating)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise TypeError(f"{name} must be a number, got {type(value).__name__}: {value!r:.80}")


def is_whole(value: Any, least: int) -> bool:
    """Whether it is an integer, not a bool, of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    return bool(value >= least)


def read_whole(value: Any, name: str, least: int) -> int:
    """The argument `name`, which must be a whole number of at least `least`."""
    if not is_whole(value, least):
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r:.80}")
    return int(value)


def check_style(style: Any) -> None:
    """Refuse what is no layout of a report."""
    if not isinstance(style, str) or style not in ("1.x", "0.7"):
        raise ValueError(f"style must be '1.x' or '0.7', got {style!r:.80}")


def read_positional(args: Any) -> tuple[Any, ...]:
    """`args` as a tuple."""
    if args is None:
        return ()
    if isinstance(args, (tuple, list)):
        return tuple(args)
    raise TypeError(
        f"args must be a tuple of the function's further arguments, got {type(args).__name__}; "
        "write (value,) for a single one"
    )


def read_keywords(kws: Any) -> dict[str, Any]:
    """`kws` as a dict of its own."""
    if kws is None:
        return {}
    if isinstance(kws, Mapping):
        return dict(kws)
    raise TypeError(
        f"kws must be a dict of the function's keyword arguments, got {type(kws).__name__}: "
        f"{kws!r:.60}"
    )


def check_settings(method: str, given: Iterable[str], known: Collection[str]) -> None:
    """Refuse a setting that a method does not have."""
    for name in given:
        if name not in known:
            raise TypeError(
                f"{method} got an unexpected keyword argument {name!r}; its settings are "
                f"{', '.join(known)}"
            )


def read_correl(show_correl: Any, min_correl: Any) -> tuple[bool, float]:
    """What reports take about correlations: whether to list them, and from which size on."""
    show, least = read_bool(show_correl, "show_correl"), read_number(min_correl, "min_correl")
    if math.isnan(least):
        raise ValueError("min_correl must be a number, got NaN")
    return show, least
