"""Arguments of `minimize`: the orders in which they may come, and the check of their types."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fitcore.parameter import Parameter, Parameters

__all__ = ["by_name", "read_keywords", "read_parameters", "read_positional", "signature"]

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
            kind("engine", only, default=None),
            kind("fit_kws", kind.VAR_KEYWORD),
        ]
    )


def read_parameters(params: Any) -> Parameters:
    """`params` as Parameters; a sequence of Parameter is put into new ones."""
    if isinstance(params, Parameters):
        return params
    if isinstance(params, (list, tuple)) and all(isinstance(p, Parameter) for p in params):
        made = Parameters()
        made.add_many(*params)
        return made
    raise TypeError(f"params must be Parameters, got {type(params).__name__}: {params!r:.80}")


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
