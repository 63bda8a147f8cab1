"""Hints how a model's parameters are to be made, and the parameters made from them."""

from __future__ import annotations

import math
import warnings
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore.parameter import Parameter, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HINT_NAMES", "ModelHints"]

HINT_NAMES = ("value", "vary", "min", "max", "expr")


class ModelHints:
    """Parameter hints of a model.

    What is in `param_hints` goes over the defaults of the model function, and under what is given
    to :meth:`make_params`.
    """

    if TYPE_CHECKING:
        param_hints: dict[str, dict[str, Any]]
        prefix: str
        name: str

        def _leaves(self) -> list[Any]: ...

    def set_param_hint(self, name: str, **kwargs: Any) -> None:
        """Set hints for a parameter, which :meth:`make_params` will use.

        Parameters
        ----------
        name : str
            Parameter, with or without the prefix of the model. If the model function has no such
            argument, another parameter is made, which `expr` may derive from the others.
        **kwargs
            Of `value`, `vary`, `min`, `max` and `expr`. Another name is ignored with a warning.

        Examples
        --------
        >>> from fitcore import Model
        >>> def line(x, slope, intercept):
        ...     return slope * x + intercept
        >>> model = Model(line)
        >>> model.set_param_hint("slope", value=1, min=0)
        >>> model.set_param_hint("zero", expr="-intercept / slope")
        >>> list(model.make_params(intercept=2))
        ['slope', 'intercept', 'zero']
        """
        if self.prefix and name.startswith(self.prefix):
            name = name[len(self.prefix) :]
        hint = self.param_hints.setdefault(name, {})
        for key, value in kwargs.items():
            if key in HINT_NAMES:
                hint[key] = value
            else:
                warnings.warn(
                    f"unknown parameter hint '{key}' for param '{name}'", UserWarning, stacklevel=2
                )

    def print_param_hints(self, colwidth: int = 8) -> None:
        """Print a table of the hints.

        Parameters
        ----------
        colwidth : int, default 8
            Width of each column but the first and the last.
        """
        width = max(map(len, self.param_hints), default=0) + 1
        titles = [f"{title:>{colwidth}}" for title in ("Value", "Min", "Max", "Vary")]
        print(f"{'Name ':{width}}", *titles, f"   {'Expr':{colwidth}}")  # noqa: T201
        for name, hint in sorted(self.param_hints.items()):
            cells = {"value": math.nan, "min": -math.inf, "max": math.inf, "vary": True, **hint}
            shown = [str(cells[key]) for key in ("value", "min", "max", "vary")]
            text = [f"{cell:>{colwidth}}" for cell in shown]
            print(f"{name:{width}}", *text, f"   {cells.get('expr', '')}")  # noqa: T201

    def make_params(self, verbose: bool = False, **kwargs: Any) -> Parameters:
        """Make Parameters for the model.

        Parameters
        ----------
        verbose : bool, default False
            Whether to print the name of each parameter made.
        **kwargs
            By name of the parameter, with or without the prefix of the model: a number, or a dict
            of the arguments of :meth:`fitcore.Parameter.set`, or a Parameter. Of complex numbers
            the real part is taken. A name that is none of the model's is ignored with a warning.

        Returns
        -------
        params : Parameters
            In the order of the arguments of the model function, then those which hints add.

        Raises
        ------
        TypeError, ValueError
            If a value is neither; the error names the model and the parameter.

        Examples
        --------
        >>> from fitcore import Model
        >>> def line(x, slope, intercept=0.0):
        ...     return slope * x + intercept
        >>> params = Model(line, prefix="bg_").make_params(slope={"value": 3, "min": 0})
        >>> params["bg_slope"]
        <Parameter 'bg_slope', value=3, bounds=[0:inf]>
        """
        params = Parameters()
        for full, settings in self._settings(kwargs):
            par = params[full] = Parameter(name=full)
            if settings:
                try:
                    par.set(**settings)
                except TypeError as exc:
                    raise TypeError(f"{self.name}, parameter {full!r}: {exc}") from None
            if verbose:
                print(f' - Adding parameter "{full}"')  # noqa: T201
        return params

    def _settings(self, given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """What each parameter is to be, by its full name."""
        rest = dict(given)
        made = set()
        for leaf in self._leaves():
            own = leaf.param_hints if leaf is not self else {}
            for root, full in zip(leaf._param_root_names or (), leaf.param_names, strict=True):
                settings = {}
                if root in leaf.def_vals:
                    settings["value"] = real_part(leaf.def_vals[root])
                # Hints of a component that is part of a sum may have been set afterwards.
                for hint in (own.get(root), self.param_hints.get(full), self.param_hints.get(root)
                             if leaf is self else None):  # fmt: skip
                    settings.update(hint or {})
                for name in (root, full) if leaf is self else (full,):
                    if name in rest:
                        self._add_given(settings, name, rest.pop(name))
                made.add(full)
                yield full, settings
        for leaf in self._leaves():
            # A variable that need not be given becomes a parameter by a value.
            for root in leaf.independent_vars_defvals:
                full = leaf.prefix + root
                for name in {full, root if leaf is self else full} & rest.keys():
                    given = rest.pop(name)
                    if not isinstance(given, (dict, Number, Parameter)) or isinstance(given, bool):
                        continue  # an option, which is none of the parameters' business
                    settings = {}
                    self._add_given(settings, name, given)
                    made.add(full)
                    yield full, settings
        for name, hint in self.param_hints.items():
            full = name if name in made else self.prefix + name
            if full in made:
                continue
            settings = dict(hint)
            for key in (name, full):
                if key in rest:
                    self._add_given(settings, key, rest.pop(key))
            made.add(full)
            yield full, settings
        for leaf in self._leaves():
            for name in leaf.independent_vars:  # no parameters, and no mistakes
                rest.pop(name, None)
        if rest:
            names = ", ".join(map(repr, rest))
            warnings.warn(
                f"{self.name} has no parameter {names}; make_params ignores "
                f"{'it' if len(rest) == 1 else 'them'}",
                UserWarning,
                stacklevel=4,
            )

    def _add_given(self, settings: dict[str, Any], name: str, given: Any) -> None:
        replaced = bool(settings.get("expr"))
        if isinstance(given, dict) and given:
            settings.update(given)
            if replaced and given.get("value") is not None and not given.get("expr"):
                self._drop_expression(settings)
            return
        try:
            settings["value"] = float(real_part(given))
        except (TypeError, ValueError) as exc:
            raise type(exc)(
                f"{self.name}: the value of parameter {name!r} must be a number or a dict of "
                f"value, vary, min, max, expr; got {type(given).__name__} {given!r:.60}"
            ) from None
        if replaced:
            self._drop_expression(settings)

    @staticmethod
    def _drop_expression(settings: dict[str, Any]) -> None:
        """A value that is given takes the place of a hint that derives one, and is not varied."""
        settings["expr"] = ""
        settings.setdefault("vary", False)


def real_part(value: Any) -> Any:
    """The real part of a complex number; anything else as it is."""
    return value.real if isinstance(value, (complex, np.complexfloating)) else value
