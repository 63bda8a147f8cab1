"""Parameters as tables, for terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitcore._single_parameter import Parameter

__all__ = ["COLUMNS", "text"]

#: What a table shows unless told otherwise.
COLUMNS = ("value", "min", "max", "stderr", "vary", "expr", "brute_step")
_KNOWN = (*COLUMNS, "name", "init_value", "correl", "user_data")


def text(
    params: Mapping[str, Parameter], width: int, precision: int, fmt: str, columns: Sequence[str]
) -> str:
    """Table sorted by name, with ``columns`` of ``width``; arguments as `Parameters.pretty_print`.

    Raises
    ------
    ValueError
        An unknown format or column.
    """
    if fmt not in ("g", "e", "f"):
        raise ValueError(f"fmt must be 'g', 'e' or 'f', not {fmt!r}")
    for column in columns:
        if column not in _KNOWN:
            raise ValueError(f"columns: no {column!r}; known are {', '.join(_KNOWN)}")
    names = max((len(name) for name in params), default=0)
    lines = [[f"{'Name':{names}} ", *(f"{column.title():>{width}}" for column in columns)]]
    for name in sorted(params):
        cells = [f"{name:{names}} "]
        for column in columns:
            cell = _cell(params[name], column)
            number = f".{precision}{fmt}" if _is_number(cell) else ""
            cells.append(f"{cell if number else str(cell):>{width}{number}}")
        lines.append(cells)
    return "\n".join(" ".join(line) for line in lines)


def _cell(par: Parameter, column: str) -> Any:
    return par._value_or_last() if column == "value" else getattr(par, column)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)
