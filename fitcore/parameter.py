"""Parameters of a fit: values with bounds, fixed or varied, or expressions of one another."""

from __future__ import annotations

import copy
import keyword
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fitcore import _parameter_tables as _tables
from fitcore import expression as _expression
from fitcore._parameter import Constraint, Group, as_number, copy_items, prepare_items
from fitcore._parameter_json import ParametersInJson
from fitcore._single_parameter import Parameter
from fitcore._uncertain import create_uvars as _create_uvars

if TYPE_CHECKING:
    from fitcore._safe_interpreter import SafeInterpreter

__all__ = ["Parameter", "Parameters", "create_params"]
__dir__ = __all__.copy

_ENTRY = ("name", "value", "vary", "min", "max", "expr", "brute_step", "user_data")
_SETTINGS = {"value", "vary", "min", "max", "expr", "brute_step", "user_data", "is_init_value"}
# What a Parameters keeps for itself among its attributes.
_OWN = {"_group", "_symbols", "_interp", "_fresh", "_shown"}


class Parameters(ParametersInJson):
    """An ordered dict of `Parameter` objects by name, which may be expressions of each other.

    Keys are Python identifiers, not reserved words. A Parameter that belongs to another
    Parameters, or to another key, is copied when it is put in.

    Parameters
    ----------
    usersyms : dict, optional
        Functions and other objects that expressions may use, by name.

    Examples
    --------
    >>> params = Parameters()
    >>> params.add("total", value=10, min=0)
    >>> params.add("rest", expr="total - part")     # part may follow later
    >>> params.add("part", value=4, max=10)
    >>> params["rest"].value
    6.0
    >>> params["part"].value = 7
    >>> params.valuesdict()
    {'total': 10, 'rest': 3.0, 'part': 7}
    """

    _group: Group
    _symbols: dict[str, Any]
    _interp: SafeInterpreter | None
    _fresh: dict[str, Any]
    _shown: set[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102
        self = super().__new__(cls)
        self._group = Group(self)
        self._symbols = {}
        self._interp = None
        return self

    def __init__(self, usersyms: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        if usersyms is not None:
            if not isinstance(usersyms, Mapping):
                raise TypeError(f"usersyms must be a dict of symbols by name, not {usersyms!r}")
            self._symbols.update(usersyms)

    # -- expressions

    def _resolve(self) -> list[Constraint]:
        """How to evaluate the expressions, in order."""
        return _expression.resolve(self)

    def _constraints(self) -> list[Constraint]:
        return self._group.resolved()

    def update_constraints(self) -> None:
        """Evaluate every expression, each after what it depends on.

        Raises
        ------
        NameError
            An expression uses a name that is neither a parameter nor known to asteval.
        ValueError
            Expressions refer to each other in a circle, which the message shows.
        Exception
            What the evaluation raises (ZeroDivisionError, TypeError...), naming the parameter.
        """
        self._group.update()

    def _prepare(self) -> list[Parameter]:
        """Check that a fit can start, evaluate all expressions, and return what it varies.

        Raises
        ------
        ValueError
            A parameter without value or with a NaN, where no expression gives it; with bounds
            that are not in increasing order; or a varied one that is not finite.
        """
        varying: list[Parameter] = prepare_items(self, self._group)
        return varying

    def _interpreter(self) -> SafeInterpreter:
        """The asteval Interpreter with all values as they are, made when first needed."""
        if self._interp is None:
            self._interp, self._fresh = _expression.make_interpreter(self._symbols)
            self._shown = set()
        table = self._interp.symtable
        for name in self._shown - self.keys() if self._shown != self.keys() else ():
            if name in self._symbols:
                table[name] = self._symbols[name]
            elif name in self._fresh:
                table[name] = self._fresh[name]
            else:
                table.pop(name, None)
        for name, par in self.items():
            table[name] = float(par._last_value)
        if self._shown != self.keys():
            self._shown = set(self)
        return self._interp

    @property
    def _asteval(self) -> SafeInterpreter:
        """The asteval Interpreter; put what expressions shall know into its ``symtable``.

        Ask for it anew before each change: that is how expressions learn of replaced functions.
        """
        for par in self.values():
            par._value_or_last()
        interpreter = self._interpreter()
        self._group.invalidate()
        return interpreter

    def _user_symbols(self) -> dict[str, Any]:
        """What the user added to, or changed in, the symbols of a fresh interpreter."""
        if self._interp is None:
            return self._symbols
        return {
            name: value
            for name, value in self._interp.symtable.items()
            if name not in self
            and (name in self._symbols or self._fresh.get(name, self) is not value)
        }

    def eval(self, expr: str) -> Any:
        """Evaluate any asteval expression of the parameters.

        Raises
        ------
        Exception
            Whatever the evaluation raises, with the expression in the message.

        Examples
        --------
        >>> params = create_params(a=3, b={"expr": "a + 1"})
        >>> params.eval("a * b")
        12.0
        """
        if not isinstance(expr, str):
            raise TypeError(f"expr must be a string, not {expr!r}")
        for par in self.values():
            par._value_or_last()
        return _expression.evaluate(self._interpreter(), expr, f"eval({expr!r})")

    def _expression_jacobian(self, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Derivatives of every expression parameter by the parameters ``names``.

        Exact where the expression is compiled, by central differences where asteval evaluates it;
        zero where a bound holds the value. Shape of each (len(names),), units of the parameter
        over those of each of ``names``.
        """
        return _expression.jacobian(self, names)

    create_uvars = _create_uvars

    # -- the dict

    def __setitem__(self, key: str, par: Parameter) -> None:
        if not isinstance(key, str) or not (key.isidentifier() and not keyword.iskeyword(key)):
            raise KeyError(f"{key!r} is not a valid Parameters name")
        # Python's parser normalizes names; one that changes could not be used in an expression.
        if not key.isascii() and unicodedata.normalize("NFKC", key) != key:
            raise KeyError(f"{key!r} is not a valid Parameters name: not in Unicode's NFKC form")
        if not isinstance(par, Parameter):
            raise ValueError(f"{par!r} is not a Parameter")
        present = self.get(key)
        if present is par:
            return
        if par._group_of is not None:
            par = copy.copy(par)
        if present is not None:
            present._join(None)
        par.name = key
        super().__setitem__(key, par)
        par._join(self._group)

    def __delitem__(self, key: str) -> None:
        par = self[key]
        par._value_or_last()  # the last time that its expression has the others
        super().__delitem__(key)
        par._join(None)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove ``key`` and return its Parameter, or ``default``; KeyError without one."""
        if len(default) > 1:
            raise TypeError(f"pop takes at most 2 arguments, not {1 + len(default)}")
        if default and key not in self:
            return default[0]
        par = self[key]
        del self[key]
        return par

    def popitem(self) -> tuple[str, Parameter]:
        """Remove and return the last pair of name and Parameter."""
        if not self:
            raise KeyError("popitem(): no parameters")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all parameters; the symbols of the user stay."""
        for par in self.values():
            par._join(None)
        super().clear()
        self._group.invalidate()

    def setdefault(self, key: str, default: Any = None) -> Parameter:
        """The Parameter ``key``; if there is none, ``default`` is put in first."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, other: Parameters) -> Self:  # type: ignore[override]
        """Add copies of the parameters of ``other``, and its symbols, over those present.

        Returns itself.

        Raises
        ------
        ValueError
            ``other`` is not a Parameters.
        """
        if not isinstance(other, Parameters):
            raise ValueError(f"'{other}' is not a Parameters object")
        self._add_symbols(other._user_symbols())
        for name, par in list(other.items()):
            self[name] = par
        return self

    def _add_symbols(self, symbols: Mapping[str, Any]) -> None:
        self._symbols = {**self._symbols, **symbols}
        if self._interp is not None:
            self._interp.symtable.update(symbols)
        self._group.invalidate()

    def __add__(self, other: Parameters) -> Self:
        new = self.copy()
        new.update(other)
        return new

    def __iadd__(self, other: Parameters) -> Self:
        self.update(other)
        return self

    __or__ = __add__  # type: ignore[assignment]
    __ior__ = __iadd__  # type: ignore[assignment]

    def copy(self) -> Self:
        """Independent copy, with its own Parameter objects and the same symbols.

        Copies are always deep. No interpreter is made.
        """
        new = type(self).__new__(type(self))
        if len(self.__dict__) > 3:
            new._take_attributes(self)
        new._symbols = self._symbols if self._interp is None else self._user_symbols()
        copy_items(self, new, new._group)
        return new

    def _take_attributes(self, other: Parameters) -> None:
        """What a subclass or the user put on ``other``."""
        self.__dict__.update((k, v) for k, v in other.__dict__.items() if k not in _OWN)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = self.copy()
        memo[id(self)] = new
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            "unique_symbols": {
                **self._user_symbols(),
                **{n: p._value_or_last() for n, p in self.items()},
            },
            "params": list(self.values()),
            "attributes": {k: v for k, v in self.__dict__.items() if k not in _OWN},
        }
        return type(self).__new__, (type(self),), state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state.get("attributes", {}))
        names = {par.name for par in state["params"]}
        symbols = state["unique_symbols"].items()
        self._symbols = {name: value for name, value in symbols if name not in names}
        for par in state["params"]:
            self[par.name] = par

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("an array of the values of Parameters is always a copy")
        return np.array([float(par) for par in self.values()], dtype=dtype)

    def __repr__(self) -> str:
        items = ", ".join(f"({name!r}, {par!r})" for name, par in self.items())
        return f"{type(self).__name__}([{items}])" if items else f"{type(self).__name__}()"

    # -- filling

    def add(
        self,
        name: str | Parameter,
        value: float | Parameter | None = None,
        vary: bool | None = None,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        expr: str | None = None,
        brute_step: float | None = None,
        user_data: Any = None,
    ) -> None:
        """Add a parameter, in place of one that has its name.

        Parameters
        ----------
        name : str or Parameter
            Name; a Parameter is put in under its own name.
        value : float or Parameter, optional
            Initial value. A Parameter is copied, and the other arguments change the copy.
        vary : bool, default True
        min, max : float, optional
        expr : str, optional
            Expression; it may use parameters that are added later.
        brute_step : float, optional
        user_data : optional
            As of `Parameter`.

        Raises
        ------
        KeyError
            The name is not an identifier, or a reserved word.
        TypeError, ValueError, SyntaxError
            As of `Parameter`.

        Examples
        --------
        >>> params = Parameters()
        >>> params.add("x", value=0.5, min=0, max=1)
        >>> params.add("y", expr="1.0 - x")
        """
        if isinstance(name, Parameter):
            self[name.name] = name  # type: ignore[index]
        elif isinstance(value, Parameter):
            par = copy.copy(value)
            par.name = name
            par.set(None, vary, min, max, expr, brute_step)
            if user_data is not None:
                par.user_data = user_data
            self[name] = par
        else:
            self[name] = Parameter(name, value, vary, min, max, expr, brute_step, user_data)

    def add_many(self, *parlist: Any) -> None:
        """Add parameters: one sequence of entries, or the entries as arguments.

        Parameters
        ----------
        *parlist
            Each a tuple (name, value, vary, min, max, expr, brute_step, user_data), which may end
            early, or a name, or a Parameter. When one is refused, none is added.

        Examples
        --------
        >>> params = Parameters()
        >>> params.add_many(("a", 0.1), ("b", 1, True, 0, None))
        >>> params.add_many([("c", None, False, None, None, "2*a/3")])
        >>> list(params)
        ['a', 'b', 'c']
        """
        new = Parameters()
        for entry in _entries(parlist):
            if isinstance(entry, str | Parameter):
                new.add(entry)
            elif isinstance(entry, tuple | list) and 1 <= len(entry) <= len(_ENTRY):
                new.add(*entry)
            else:
                raise TypeError(
                    "add_many: each entry must be a Parameter or a tuple "
                    f"({', '.join(_ENTRY)}), not {entry!r}"
                )
        self._take(new)

    def _take(self, new: Parameters) -> None:
        """Put in the Parameter objects of ``new`` themselves."""
        for name, par in new.items():
            par._join(None)
            self[name] = par

    def set(self, **kws: Any) -> None:
        """Set values or attributes of parameters by name, and create those that are missing.

        Parameters
        ----------
        **kws : number or dict
            The value, or the arguments of `Parameter.set` (and ``user_data``) by name.

        Raises
        ------
        TypeError
            Neither a number nor a dict, or a dict with an unknown key.

        Examples
        --------
        >>> params = create_params(x=1)
        >>> params.set(x=2, y={"value": 3, "min": 0})
        >>> params.valuesdict()
        {'x': 2, 'y': 3}
        """
        for name, given in kws.items():
            settings = dict(given) if isinstance(given, Mapping) else {"value": given}
            if not isinstance(given, Mapping):
                as_number(given, "value", name)
                if given is None:
                    raise TypeError(f"parameter {name!r}: a number or a dict is wanted, not None")
            unknown = settings.keys() - _SETTINGS
            if unknown:
                raise TypeError(
                    f"parameter {name!r}: unknown {', '.join(map(repr, sorted(unknown)))}; "
                    f"known are {', '.join(sorted(_SETTINGS))}"
                )
            user_data = settings.pop("user_data", None)
            par = self.get(name)
            if par is None:
                par = Parameter(name)
            par.set(**settings)
            if user_data is not None:
                par.user_data = user_data
            if name not in self:
                self[name] = par

    def valuesdict(self) -> dict[str, float]:
        """The values by name, in order."""
        return {name: par.value for name, par in self.items()}

    # -- showing

    def pretty_repr(self, oneline: bool = False) -> str:
        """One line for each parameter, or with ``oneline`` the same as ``repr``."""
        if oneline:
            return repr(self)
        lines = [f"    {name!r}: {par!r}, \n" for name, par in self.items()]
        return f"{type(self).__name__}({{\n{''.join(lines)}    }})\n"

    def pretty_print(
        self,
        oneline: bool = False,
        colwidth: int = 8,
        precision: int = 4,
        fmt: str = "g",
        columns: Sequence[str] = _tables.COLUMNS,
    ) -> None:
        """Print a table of the parameters, sorted by name.

        Parameters
        ----------
        oneline : bool, default False
            Print `pretty_repr` on one line instead.
        colwidth : int, default 8
            Width of the columns.
        precision : int, default 4
            Digits of numbers.
        fmt : {'g', 'e', 'f'}, default 'g'
            Their format.
        columns : sequence of str
            Attributes to show.

        Raises
        ------
        ValueError
            An unknown format or column.
        """
        if oneline:
            print(self.pretty_repr(oneline=True))  # noqa: T201
        else:
            print(_tables.text(self, colwidth, precision, fmt, columns))  # noqa: T201

    def _repr_html_(self) -> str:
        """The table for notebooks."""
        from fitcore._html import parameters_html

        return parameters_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The table for IPython in a terminal."""
        from fitcore._text_view import parameters_text

        printer.text(repr(self) if cycle else parameters_text(self))


def _entries(parlist: tuple[Any, ...]) -> Iterable[Any]:
    """The entries of add_many: its arguments, or what its one argument holds."""
    if len(parlist) == 1 and not isinstance(parlist[0], str | Parameter):
        only = parlist[0]
        if isinstance(only, tuple | list) and only and isinstance(only[0], str):
            return parlist
        if not isinstance(only, Iterable):
            raise TypeError(f"add_many: a sequence of entries is wanted, not {only!r}")
        return only
    return parlist


def create_params(**kws: Any) -> Parameters:
    """Parameters from keywords: each a value, or a dict of the arguments of `Parameter.set`.

    Examples
    --------
    >>> params = create_params(a=2, b={"value": 3, "min": 0}, c={"expr": "2*a"})
    >>> params["c"].value
    4.0
    """
    params = Parameters()
    params.set(**kws)
    return params
