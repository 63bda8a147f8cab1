"""One parameter of a fit: `Parameter`."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self, overload

import numpy as np

from fitcore._lmfit_names import LmfitNames
from fitcore._parameter import ParameterBase, as_number
from fitcore.expression import parse

__all__ = ["Parameter"]

_STYLE_NEW = ("name", "value", "vary", "min", "max", "expr", "brute_step", "user_data")
_STYLE_MANUAL = ("value", "vary", "min", "max", "name", "expr", "brute_step", "user_data")


class Parameter(LmfitNames, ParameterBase):
    """A number that a fit varies, holds fixed, or computes from others.

    Called as ``Parameter(name, value, vary, min, max, expr, brute_step, user_data)`` or, when the
    first argument is a number, ``Parameter(value, vary, min, max, name, expr)``. All arguments may
    be given by keyword.

    Parameters
    ----------
    name : str, optional
        Its name; `Parameters` sets it to the key.
    value : float, optional
        Initial value. Without one it is ``min``; without that it reads as -inf, and cannot be
        fitted.
    vary : bool, default True
        Whether the fit varies it. Always False with ``expr`` in `Parameters`.
    min, max : float, optional
        Bounds; None, -inf and inf are none. The value is kept within them.
    expr : str, optional
        Expression of other parameters that gives the value, as asteval evaluates it; the bounds
        then limit its result.
    brute_step : float, optional
        Step of a grid search.
    user_data : optional
        Anything.

    Attributes
    ----------
    init_value : float or None
        The value given at first or by `set`, which the fit starts from.
    stderr : float or None
        Standard error, 1 sigma, found by the fit.
    correl : dict of str to float, or None
        Correlations with the other varied parameters.

    Raises
    ------
    TypeError
        A value, bound or step that is not a real number; ``vary`` that is not a bool.
    ValueError
        ``min`` and ``max`` together that are not in increasing order; a NaN bound.
    SyntaxError
        ``expr`` is no expression.

    Notes
    -----
    Arithmetic and comparisons act on the value. Setting one bound beyond the other is allowed, so
    that a window can be moved in two steps; a fit that finds them so raises ValueError.

    Examples
    --------
    >>> decay = Parameter("decay", 0.1, min=0)
    >>> decay
    <Parameter 'decay', value=0.1, bounds=[0:inf]>
    >>> 2 * decay
    0.2
    >>> Parameter(0.1, True, 0, None, "decay").name
    'decay'
    """

    __module__ = "fitcore.parameter"

    @overload
    def __init__(
        self,
        name: str | None = None,
        value: float | None = None,
        vary: bool | None = True,
        min: float | None = None,
        max: float | None = None,
        expr: str | None = None,
        brute_step: float | None = None,
        user_data: Any = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        value: float,
        vary: bool | None = True,
        min: float | None = None,
        max: float | None = None,
        name: str | None = None,
        expr: str | None = None,
        brute_step: float | None = None,
        user_data: Any = None,
    ) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args:
            kwargs = _by_name(args, kwargs)
        elif not kwargs:
            raise TypeError("Parameter() missing 1 required positional argument: 'name'")
        self._fill(**kwargs)

    def _fill(
        self,
        name: str | None = None,
        value: float | None = None,
        vary: bool | None = True,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        expr: str | None = None,
        brute_step: float | None = None,
        user_data: Any = None,
    ) -> None:
        self.name = name
        _check_bounds(name, min, max)
        self.min = min
        self.max = max
        self.value = value
        if value is not None:
            self.init_value = as_number(value, "value", name)
        if vary is not None:
            self.vary = vary
        self.brute_step = _step(brute_step, name)
        self.user_data = user_data
        if expr and not isinstance(expr, str):
            parse(expr, name)
        elif expr and expr.strip():
            parse(expr, name)
            self._set_expr(expr, True)

    @property
    def expr(self) -> str | None:
        """Str or None: expression that gives the value. None and '' remove it; vary is False."""
        return self._get_expr()

    @expr.setter
    def expr(self, expr: str | None) -> None:
        if expr is not None and not isinstance(expr, str):
            parse(expr, self.name)
        if expr is None or not expr.strip():
            self._set_expr(None)
        else:
            parse(expr, self.name)
            self._set_expr(expr)

    def set(
        self,
        value: float | None = None,
        vary: bool | None = None,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        expr: str | None = None,
        brute_step: float | None = None,
        is_init_value: bool = True,
    ) -> None:
        """Change some attributes; None leaves one as it is.

        Parameters
        ----------
        value : float, optional
            New value. Removes an expression unless ``expr`` is given too.
        vary : bool, optional
            Whether the fit varies it. True removes an expression.
        min, max : float, optional
            New bounds, set before the value; -inf and inf remove one.
        expr : str, optional
            New expression; '' removes it.
        brute_step : float, optional
            New step; 0 removes it.
        is_init_value : bool, default True
            Whether ``value`` also becomes ``init_value``.

        Raises
        ------
        TypeError, ValueError, SyntaxError
            As on creation; the parameter is then as it was.

        Examples
        --------
        >>> p = Parameter("p", 5)
        >>> p.set(min=0, max=4)
        >>> p
        <Parameter 'p', value=4, bounds=[0:4]>
        """
        _check_bounds(self.name, min, max)
        if expr:
            parse(expr, self.name)
        elif expr is not None and not isinstance(expr, str):
            raise TypeError(f"parameter {self.name!r}: expr must be a string, not {expr!r}")
        plain = None if value is None else as_number(value, "value", self.name)
        step = _step(brute_step, self.name)
        for bound, what in ((min, "min"), (max, "max")):
            if bound is not None:
                as_number(bound, what, self.name)
        if vary is not None:
            self.vary = vary
        if min is not None:
            self.min = min
        if max is not None:
            self.max = max
        if plain is not None:
            self._set_expr(None)
            self.value = plain
            if is_init_value:
                self.init_value = plain
        if expr is not None:
            self.expr = expr
        if brute_step is not None:
            self.brute_step = step

    def setup_bounds(self) -> float:
        """The present value on MINUIT's internal scale, where the bounds are at infinity or pi/2.

        With both bounds arcsin(2(P - min)/(max - min) - 1), with one sqrt((P - min + 1)^2 - 1) or
        sqrt((max - P + 1)^2 - 1), without bounds P itself.

        Raises
        ------
        ValueError
            The bounds are not in increasing order.
        """
        self._check_order()
        if self._get_expr() is not None:
            _ = self.value
        return self._setup()

    def from_internal(self, val: float) -> float:
        """The value at the internal value ``val``: the inverse of `setup_bounds`."""
        return self._from_internal(val)

    def scale_gradient(self, val: float) -> float:
        """Derivative of the value by the internal value, at the internal value ``val``."""
        return self._gradient(val)

    def _check_order(self) -> None:
        if not self.min < self.max:
            raise ValueError(
                f"parameter {self.name!r}: min={self.min!r} must be less than max={self.max!r}"
            )

    def _value_or_last(self) -> float:
        """The value; where its expression fails, the last one."""
        try:
            return self.value
        except Exception:  # noqa: BLE001  # of any function the user gave
            return self._last_value

    def __repr__(self) -> str:
        text = f"<Parameter {self.name!r}, value={self._value_or_last()!r}"
        if not self.vary and self.expr is None:
            text += " (fixed)"
        elif self.stderr is not None:
            text += f" +/- {self.stderr:.3g}"
        text += f", bounds=[{self.min!r}:{self.max!r}]"
        if self.expr is not None:
            text += f", expr={self.expr!r}"
        if self.brute_step is not None:
            text += f", brute_step={self.brute_step!r}"
        return text + ">"

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        new.__setstate__(self.__getstate__())
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = type(self).__new__(type(self))
        new.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).__new__, (type(self),), self.__getstate__()

    def __getstate__(self) -> tuple[Any, ...]:
        return (
            self.name, self._value_or_last(), self.vary, self.expr, self.min, self.max,
            self.brute_step, self.stderr, self.correl, self.init_value, self.user_data,
        )  # fmt: skip

    def __setstate__(self, state: Sequence[Any]) -> None:
        if not isinstance(state, list | tuple) or len(state) != 11:
            raise ValueError(
                "a Parameter's state is (name, value, vary, expr, min, max, brute_step, stderr, "
                f"correl, init_value, user_data), not {state!r}"
            )
        name, value, vary, expr, low, high, step, stderr, correl, init_value, user_data = state
        self._fill(name, value, bool(vary), low, high, expr, step, user_data)
        self.stderr, self.correl, self.init_value = stderr, correl, init_value
        if init_value is None and expr is None and value in (-math.inf, low):
            self._mark_unset()


def _by_name(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Positional arguments by their names: of whichever style the first one says."""
    first = args[0]
    # (None, 5) can only be a nameless parameter of value 5, (None, False) a fixed one.
    if isinstance(first, str) or (
        first is None and len(args) > 1 and not isinstance(args[1], bool | np.bool_)
    ):
        order: tuple[str, ...] = _STYLE_NEW
    else:
        order = _STYLE_MANUAL
    if len(args) > len(order):
        raise TypeError(f"Parameter takes at most {len(order)} arguments, not {len(args)}")
    given = dict(zip(order, args, strict=False))
    twice = given.keys() & kwargs.keys()
    if twice:
        raise TypeError(f"Parameter got multiple values for {', '.join(sorted(twice))}")
    return given | kwargs


def _check_bounds(name: str | None, low: float | None, high: float | None) -> None:
    if low is None or high is None:
        return
    low, high = as_number(low, "min", name), as_number(high, "max", name)
    if not low < high:
        raise ValueError(f"parameter {name!r}: min={low!r} must be less than max={high!r}")


def _step(step: float | None, name: str | None) -> float | None:
    if step is None:
        return None
    return as_number(step, "brute_step", name) or None
