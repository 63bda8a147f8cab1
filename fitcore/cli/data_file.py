"""Tables of numbers in text files: delimiter, comments and header are found out."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DataError", "Layout", "Table", "read_table"]

# In the order of preference: a tab or semicolon separates nothing else.
DELIMITERS = ("\t", ";", "|", ",", None)
COMMENTS = ("#", "%", "!")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--"})
SAMPLE = 40  # lines that are looked at to find the delimiter


class DataError(Exception):
    """A file that cannot be used; its text says why, and where."""


class Layout(NamedTuple):
    """How a file is to be read.

    Attributes
    ----------
    delimiter : str or None
        What separates columns; 'space' for blanks. None is found out.
    comment : str or None
        What begins a comment. None is any of '#', '%' and '!' at the beginning of a line, and '#'
        within one.
    skip : int
        Lines at the beginning that are left out.
    decimal : str or None
        The decimal sign, '.' or ','. None is found out.
    """

    delimiter: str | None = None
    comment: str | None = None
    skip: int = 0
    decimal: str | None = None


class Table:
    """The columns of a file, as text until one is asked for.

    Parameters
    ----------
    source : str
        Name of the file, for messages.
    names : list of str
        Names of the columns; empty if the file has none.
    rows : list of list of str
        The fields of each line, all of the same number.
    places : list of int
        Their numbers in the file, from 1.
    decimal : str
        The decimal sign.
    """

    def __init__(
        self,
        source: str,
        names: list[str],
        rows: list[list[str]],
        places: list[int],
        decimal: str,
    ) -> None:
        self.source = source
        self.names = names
        self.rows = rows
        self.places = places
        self.decimal = decimal
        self.width = len(rows[0])

    def index(self, column: str) -> int:
        """The place of a column, from 0.

        Parameters
        ----------
        column : str
            Its name, in upper or lower case, or its number from 1.

        Raises
        ------
        DataError
            If there is no such column.
        """
        if column in self.names:
            return self.names.index(column)
        alike = [i for i, name in enumerate(self.names) if name.lower() == column.lower()]
        if len(alike) == 1:
            return alike[0]
        if column.isdecimal() and 1 <= int(column) <= self.width:
            return int(column) - 1
        named = f": {', '.join(self.names)}" if self.names else ", which have no names"
        raise DataError(
            f"{self.source}: there is no column {column!r}; the file has {self.width} "
            f"column{'s' if self.width > 1 else ''}{named}"
        )

    def label(self, column: str) -> str:
        """The name of a column, or what it was asked for by if it has none."""
        return self.names[self.index(column)] if self.names else f"column {column}"

    def numbers(self, column: str) -> NDArray[np.float64]:
        """The numbers of a column, NaN where one is missing.

        Parameters
        ----------
        column : str
            Name or number.

        Returns
        -------
        ndarray, shape (rows,)

        Raises
        ------
        DataError
            If there is no such column, or one of its fields is no number.
        """
        place = self.index(column)
        found = np.empty(len(self.rows))
        for i, row in enumerate(self.rows):
            value = number(row[place], self.decimal)
            if value is None:
                raise DataError(
                    f"{self.source}, line {self.places[i]}: {self.label(column)} must be a "
                    f"number, got {row[place]!r:.60}"
                )
            found[i] = value
        return found


def number(text: str, decimal: str = ".") -> float | None:
    """A field as a number: NaN if it is missing, None if it is something else."""
    text = text.strip()
    try:
        # Python reads 1_000 as a number; in a table it is more likely a name.
        if "_" not in text:
            return float(text if decimal == "." else text.replace(",", "."))
    except ValueError:
        pass
    if text.lower() in MISSING:
        return np.nan
    mantissa, exponent, power = text.upper().partition("D")  # as Fortran writes doubles
    if exponent and power.lstrip("+-").isdecimal():
        return number(f"{mantissa}E{power}", decimal)
    return None


def split(line: str, delimiter: str | None) -> list[str]:
    """The fields of a line."""
    if delimiter is None:
        return line.split()
    return [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]


def read_text(path: str) -> str:
    """The text of a file, '-' for stdin."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as exc:
        raise DataError(f"{path}: {exc.strerror or exc}") from exc
    if data[:4] == b"PK\x03\x04" or b"\0" in data[:1000].replace(b"\xff\xfe", b""):
        if data[:2] == b"\xff\xfe":
            return data.decode("utf-16")
        raise DataError(f"{path}: it must be a text file, such as CSV; this one is binary")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # names of columns with a µ or a degree sign


def read_table(path: str, layout: Layout | None = None) -> Table:
    """Read a table from a file.

    Parameters
    ----------
    path : str
        '-' is stdin.
    layout : Layout, optional
        What is not to be found out.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If the file cannot be read or holds no table.
    """
    layout = layout or Layout()
    source = "stdin" if path == "-" else path
    lines, places, before = content(read_text(path), layout)
    if not lines:
        raise DataError(f"{source}: it holds no data")
    delimiter, decimal = find_delimiter(lines, layout)
    rows = [split(line, delimiter) for line in lines]
    first = next((i for i, row in enumerate(rows) if any(is_number(f, decimal) for f in row)), -1)
    if first < 0:
        raise DataError(f"{source}: it holds no numbers")
    width = len(rows[first])
    head = rows[0] if first else []
    if not head and before is not None:
        # "# x, y" just above the data, set as they are or with blanks.
        for fields in (split(before, delimiter), before.split()):
            if len(fields) == width and not any(is_number(f, decimal) for f in fields):
                head = fields
                break
    rows, places = rows[first:], places[first:]
    for row, place in zip(rows, places, strict=True):
        if len(row) != width:
            raise DataError(
                f"{source}, line {place}: it has {len(row)} columns, and line {places[0]} has "
                f"{width}"
            )
    names = [name.strip().strip("\"'") for name in head]
    return Table(source, names if len(names) == width else [], rows, places, decimal)


def content(text: str, layout: Layout) -> tuple[list[str], list[int], str | None]:
    """The lines that are no comments, their numbers, and the comment just above the first."""
    marks = COMMENTS if layout.comment is None else (layout.comment,)
    inside = layout.comment or "#"
    lines: list[str] = []
    places: list[int] = []
    before = None
    for place, line in enumerate(text.splitlines()[layout.skip :], layout.skip + 1):
        bare = line.strip()
        if bare.startswith(marks):
            if not lines:
                before = bare.lstrip("".join(marks)).strip() or before
            continue
        kept = line.split(inside)[0] if inside in line and '"' not in line else line
        if kept.strip():
            # A tab at the beginning is an empty field; blanks are none.
            lines.append(kept.strip(" \r\n"))
            places.append(place)
    return lines, places, before


def is_number(field: str, decimal: str) -> bool:
    """Whether a field holds a number, NaN included."""
    found = number(field, decimal)
    return found is not None and (found == found or field.strip().lower() == "nan")


def find_delimiter(lines: list[str], layout: Layout) -> tuple[str | None, str]:
    """The delimiter, None for blanks, and the decimal sign, by which most fields are numbers."""
    given = layout.delimiter
    if given is not None:
        given = {"space": None, "tab": "\t", "comma": ",", "semicolon": ";"}.get(given, given)
    sample = lines[-SAMPLE:]  # a header is at the other end
    best: tuple[str | None, str] = (given, layout.decimal or ".")
    most: float = -np.inf
    for delimiter in DELIMITERS if layout.delimiter is None else (given,):
        for decimal in (".", ",") if layout.decimal is None else (layout.decimal,):
            if delimiter == "," == decimal:
                continue
            rows = [split(line, delimiter) for line in sample]
            fields = [field for row in rows for field in row]
            good = sum(is_number(field, decimal) for field in fields)
            bad = sum(number(field, decimal) is None for field in fields)
            ragged = len({len(row) for row in rows}) - 1
            score = good - bad - ragged
            if score > most:
                best, most = (delimiter, decimal), score
    return best
