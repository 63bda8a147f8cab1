"""Parameters in JSON, in lmfit's layout, without pickles: nothing in a file is executed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Self

from fitcore._single_parameter import Parameter
from fitcore.jsonutils import FunctionNotLoaded, decode4js, encode4js

__all__ = ["ParametersInJson", "read", "write"]

# What lmfit writes among the symbols of the user though it is in every interpreter.
_NOT_THE_USERS = {
    "e", "pi", "inf", "nan", "Inf", "NAN", "infty", "newaxis", "True", "False", "None",
    "little_endian", "erf", "erfc", "gamfcn", "loggammafcn", "betalnfnc", "wofz",
}  # fmt: skip


def write(symbols: Mapping[str, Any], states: Iterable[tuple[Any, ...]], **kws: Any) -> str:
    """JSON of the symbols of the user and the states of the parameters.

    Of functions module and name are written. Symbols that JSON cannot hold are left out with a
    UserWarning. ``kws`` go to `json.dumps`.
    """
    kept, left_out = {}, []
    for name, value in symbols.items():
        try:
            kept[name] = encode4js(value)
        except TypeError:
            left_out.append(name)
    if left_out:
        message = f"not written, as JSON cannot hold them: {', '.join(left_out)}"
        warnings.warn(message, UserWarning, stacklevel=3)
    return json.dumps({"unique_symbols": kept, "params": list(states)}, **kws)


def read(
    text: str | bytes,
    funcdefs: Mapping[str, Any] | None = None,
    allow_imports: bool = False,
    **kws: Any,
) -> tuple[dict[str, Any], list[list[Any]]]:
    """The symbols and the states of the parameters in a JSON string; ``kws`` go to `json.loads`.

    Functions that cannot be loaded (see `fitcore.jsonutils.decode4js`) and symbols of an unknown
    kind are left out with a UserWarning.

    Raises
    ------
    ValueError
        It is no JSON, or not of parameters.
    """
    data = json.loads(text, **kws)
    symbols: dict[str, Any] = {}
    left_out = []
    try:
        states = data["params"]
        for name, value in (data.get("unique_symbols") or {}).items():
            if name in _NOT_THE_USERS:
                continue
            if funcdefs is not None and name in funcdefs:
                symbols[name] = funcdefs[name]
                continue
            try:
                symbols[name] = decode4js(value, funcdefs, allow_imports=allow_imports)
            except FunctionNotLoaded:
                left_out.append(name)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"the JSON does not hold Parameters: {error!r}") from error
    if not isinstance(states, list):
        raise ValueError(f"the JSON does not hold Parameters: params is {states!r:.60}")
    if left_out:
        warnings.warn(
            f"functions that are not loaded from a file: {', '.join(left_out)}; give them as "
            "funcdefs={name: function}, or allow_imports=True if you trust the file",
            UserWarning,
            stacklevel=3,
        )
    return symbols, states


class ParametersInJson(dict[str, Parameter]):
    """What `Parameters` has for JSON."""

    if TYPE_CHECKING:

        def _user_symbols(self) -> dict[str, Any]: ...
        def _add_symbols(self, symbols: Mapping[str, Any]) -> None: ...
        def _take(self, new: Any) -> None: ...

    def dumps(self, **kws: Any) -> str:
        """The parameters as a JSON string, in lmfit's layout.

        The user's symbols are written as :func:`fitcore.jsonutils.encode4js` does: data as it is,
        functions by module and name. A UserWarning names those that cannot be written.

        Parameters
        ----------
        **kws
            Passed to `json.dumps`.

        Examples
        --------
        >>> from fitcore import Parameters, create_params
        >>> text = create_params(a={"value": 1, "min": 0}).dumps()
        >>> Parameters().loads(text)
        Parameters([('a', <Parameter 'a', value=1, bounds=[0:inf]>)])
        """
        states = [par.__getstate__() for par in self.values()]
        return write(self._user_symbols(), states, **kws)

    def loads(
        self,
        s: str | bytes,
        funcdefs: Mapping[str, Any] | None = None,
        *,
        allow_imports: bool = False,
        **kws: Any,
    ) -> Self:
        """Replace the parameters by those of a JSON string, written here or by lmfit.

        Nothing in it is unpickled or executed. Functions among the symbols are loaded as
        :func:`fitcore.jsonutils.decode4js` does; a UserWarning names those that are left out.

        Parameters
        ----------
        s : str or bytes
        funcdefs : dict of str to callable, optional
            Functions, by the names they have in expressions.
        allow_imports : bool, default False
            Whether functions may be imported from the modules that the file names: only for files
            that you trust.
        **kws
            Passed to `json.loads`.

        Raises
        ------
        ValueError
            It is no JSON, or not of parameters; these are then as they were.
        ImportError, AttributeError
            With `allow_imports`, what a file names is not there.
        """
        symbols, states = read(s, funcdefs, allow_imports, **kws)
        new = type(self).__new__(type(self))
        for state in states:
            par = Parameter.__new__(Parameter)
            par.__setstate__(state)
            new[par.name] = par  # type: ignore[index]
        self.clear()
        self._add_symbols({name: value for name, value in symbols.items() if name not in new})
        self._take(new)
        return self

    def dump(self, fp: IO[str], **kws: Any) -> int:
        """Write `dumps` to an open file; returns the number of characters."""
        return fp.write(self.dumps(**kws))

    def load(self, fp: IO[str], **kws: Any) -> Self:
        """Replace the parameters by those of an open file, as `loads`."""
        return self.loads(fp.read(), **kws)
