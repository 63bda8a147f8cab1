"""The arrays of a batch: which part of each belongs to which fit, read block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Block", "Data", "Side", "read_starts"]

# Bytes of data that are read at once, unless a single fit or a stored chunk has more.
BLOCK_BYTES = 16 * 2**20


class Block(NamedTuple):
    """Consecutive fits, and where they are in the array of data.

    Attributes
    ----------
    start, stop : int
        Numbers of the first fit, and of the one after the last.
    where : tuple or None
        Index of these fits among the leading axes; None if the data come one after another.
    shape : tuple of int
        Shape of the leading axes of what the index gives.
    """

    start: int
    stop: int
    where: tuple[Any, ...] | None
    shape: tuple[int, ...]


def _is_stream(value: Any) -> bool:
    """Whether it gives chunks one after another and has no shape."""
    return (
        isinstance(value, Iterable)
        and not hasattr(value, "shape")
        and not isinstance(value, (Sequence, Mapping, set, frozenset))
        and not hasattr(value, "__array__")
    )


def _as_array(value: Any, name: str) -> Any:
    """An array, or what is read like one, part by part; lists and tables become arrays."""
    if hasattr(value, "shape") and hasattr(value, "ndim") and not hasattr(value, "to_numpy"):
        dtype = getattr(value, "dtype", None)
        if dtype is not None and np.dtype(dtype).kind not in "biufc":
            raise TypeError(f"{name} must hold numbers, got an array of {dtype}")
        return value
    try:
        array = np.asarray(value)
    except ValueError as exc:
        raise ValueError(
            f"{name} must have data sets of the same number of points, with a mask where there "
            f"are fewer: {exc}"
        ) from None
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers, got {value!r:.80}")
    return array


def _numbers(value: Any, name: str) -> NDArray[Any]:
    """A part that was read, as numbers; masks of masked arrays stay."""
    array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers, got an array of {array.dtype}")
    return array


def _stored_lengths(array: Any) -> list[int]:
    """Lengths of the stored chunks along each axis (zarr, HDF5, Dask), 1 where there are none."""
    chunks = getattr(array, "chunks", None)
    if chunks is None or len(chunks) != array.ndim:
        return [1] * array.ndim
    return [max(1, max(c)) if isinstance(c, tuple) else int(c) for c in chunks]


def _parts(shape: tuple[int, ...], stored: list[int], rows: int) -> Iterator[tuple[Any, ...]]:
    """Indices that cut leading axes in parts of about `rows` fits, in C order."""
    inner = math.prod(shape[1:])
    if len(shape) > 1 and inner > rows and stored[0] * inner > 8 * rows:
        for i in range(shape[0]):
            for rest in _parts(shape[1:], stored[1:], rows):
                yield (i, *rest)
        return
    step = max(1, rows // max(1, inner))
    step = max(stored[0], step - step % stored[0])
    for begin in range(0, shape[0], step):
        yield (slice(begin, min(begin + step, shape[0])),)


class Data:
    """The data to fit, which may be in memory, in a file, computed, or come in chunks.

    Parameters
    ----------
    y : array_like, shape (..., npoints), or iterable of such arrays
        Anything with a shape that is indexed like an array: NumPy's, memory-mapped, zarr, HDF5,
        Dask. An iterator or generator gives chunks.

    Attributes
    ----------
    shape : tuple of int or None
        Shape of the leading axes; None for chunks.
    npoints : int or None
        Length of the last axis; None before the first chunk.
    """

    def __init__(self, y: Any) -> None:
        self._stream: Iterator[Any] | None = None
        self._array: Any = None
        self.shape: tuple[int, ...] | None = None
        self.npoints: int | None = None
        if _is_stream(y):
            self._stream = iter(y)
            return
        self._array = _as_array(y, "y")
        shape = tuple(int(length) for length in self._array.shape)
        if shape == (0,):  # an empty list
            self.shape = shape
            return
        if len(shape) < 2:
            raise ValueError(
                f"y must have an axis of fits and one of points, (nfits, npoints); got {shape}. "
                "For a single data set write y[None, :]"
            )
        if any(math.isnan(length) for length in self._array.shape):
            raise ValueError(f"y must have a known shape, got {self._array.shape}")
        self.shape, self.npoints = shape[:-1], shape[-1]

    @property
    def nfits(self) -> int | None:
        """Number of fits, unknown for chunks."""
        return None if self.shape is None else math.prod(self.shape)

    def blocks(self, wanted: Any) -> Iterator[tuple[Block, NDArray[Any]]]:
        """The data, shape (fits, npoints), part by part; those without a wanted fit are not read.

        Parameters
        ----------
        wanted : callable
            ``wanted(start, stop)`` tells whether any of these fits is to be done.
        """
        if self._stream is not None:
            yield from self._chunks()
            return
        if self.npoints is None or self.shape is None:
            return
        size = np.dtype(getattr(self._array, "dtype", float)).itemsize
        rows = max(1, BLOCK_BYTES // max(1, size * self.npoints))
        start = 0
        for index in _parts(self.shape, _stored_lengths(self._array), rows):
            inner = self.shape[len(index) :]
            count = (index[-1].stop - index[-1].start) * math.prod(inner)
            if count and wanted(start, start + count):
                block = Block(start, start + count, index, (count // math.prod(inner), *inner))
                part = _numbers(self._array[index], "y")
                yield block, part.reshape(count, self.npoints)
            start += count

    def _chunks(self) -> Iterator[tuple[Block, NDArray[Any]]]:
        assert self._stream is not None
        start = 0
        for number, chunk in enumerate(self._stream):
            part = _numbers(_as_array(chunk, "y"), "y")
            if part.ndim < 2:
                raise ValueError(
                    f"y: chunk {number} must have an axis of fits and one of points, got shape "
                    f"{part.shape}"
                )
            if self.npoints is None:
                self.npoints = part.shape[-1]
            if part.shape[-1] != self.npoints:
                raise ValueError(
                    f"y: chunk {number} has {part.shape[-1]} points along its last axis, the "
                    f"chunks before have {self.npoints}"
                )
            part = part.reshape(math.prod(part.shape[:-1]), self.npoints)
            if len(part):
                yield Block(start, start + len(part), None, (len(part),)), part
            start += len(part)


class Side:
    """What goes with the data: the same for all fits, or something for each.

    Parameters
    ----------
    name : str
        For errors.
    value : array_like or iterator of arrays
        A number, an array of the points, shape (npoints,), or the same with the leading axes of
        the data, or with one axis of all fits, before. Its last axis may have length 1. If the
        data come in chunks so may this.
    data : Data
    points : bool, default True
        Whether the last axis is that of the points; or there is one number for each fit.
    """

    def __init__(self, name: str, value: Any, data: Data, points: bool = True) -> None:
        self.name, self._data, self._points = name, data, points
        self._stream = iter(value) if _is_stream(value) else None
        self._value: Any = None
        self._flat = False
        if self._stream is not None:
            if data.shape is not None:
                raise TypeError(f"{name} comes in chunks, but y does not: give both as arrays")
            self.shared = False
            return
        self._value = _as_array(value, name)
        shape: tuple[int, ...] = tuple(self._value.shape)
        self.shared = len(shape) <= int(points)
        if points and shape and data.npoints is not None:
            self._check_points(shape[-1])
        if self.shared:
            self._value = _numbers(self._value, name)
            return
        lead = shape[:-1] if points else shape
        self._flat = len(lead) == 1
        if data.shape is None:
            if not self._flat:
                raise ValueError(
                    f"{name} has shape {shape}; for y in chunks it must have one axis of fits"
                )
            return
        self._check_fits(shape, lead, data.shape)

    def _check_points(self, length: int) -> None:
        if length not in (1, self._data.npoints):
            raise ValueError(
                f"{self.name} has length {length} along its last axis, the points; y has "
                f"{self._data.npoints} there"
            )

    def _check_fits(
        self, shape: tuple[int, ...], lead: tuple[int, ...], wanted: tuple[int, ...]
    ) -> None:
        if lead == wanted or (self._flat and lead[0] == math.prod(wanted)):
            return
        what = f"{self.name} has shape {shape}, which does not go with y of shape " + str(
            (*wanted, self._data.npoints)
        )
        if len(lead) != len(wanted):
            raise ValueError(f"{what}: it must have the axes of fits {wanted}, or none")
        axis = next(k for k, (a, b) in enumerate(zip(lead, wanted, strict=True)) if a != b)
        raise ValueError(f"{what}: axis {axis} has length {lead[axis]}, not {wanted[axis]}")

    @property
    def value(self) -> NDArray[Any]:
        """ndarray: what is the same for all fits; shape () or (npoints,), or (1,)."""
        assert self.shared
        value: NDArray[Any] = self._value
        return value

    def take(self, block: Block) -> NDArray[Any]:
        """What belongs to the fits of a block: shape (fits, npoints), or (fits,)."""
        if self._stream is not None:
            return self._next(block)
        if self._flat:
            if self._value.shape[0] < block.stop:
                raise ValueError(
                    f"{self.name} has length {self._value.shape[0]} along axis 0, the fits; y has "
                    f"at least {block.stop}"
                )
            part = self._value[block.start : block.stop]
        else:
            part = self._value[block.where]
        part = _numbers(part, self.name)
        count = block.stop - block.start
        if not self._points:
            return part.reshape(count)
        self._check_points(part.shape[-1])
        return part.reshape(count, part.shape[-1])

    def _next(self, block: Block) -> NDArray[Any]:
        assert self._stream is not None
        part = next(self._stream, None)
        if part is None:
            raise ValueError(f"{self.name} has fewer chunks than y")
        part = _numbers(_as_array(part, self.name), self.name)
        count = block.stop - block.start
        length = part.shape[-1] if self._points and part.ndim else 1
        if self._points:
            self._check_points(length)
        if part.size != count * length:
            raise ValueError(
                f"{self.name}: the chunk for fits {block.start} to {block.stop - 1} has shape "
                f"{part.shape}; y has {count} fits there"
            )
        return part.reshape(count, length) if self._points else part.reshape(count)


def read_starts(starts: Any, names: Sequence[str], data: Data) -> dict[str, Side]:
    """Values of parameters for each fit.

    Parameters
    ----------
    starts : mapping or DataFrame or None
        By the name of the parameter: a number, an array with one for each fit, shape (nfits,) or
        that of the leading axes of the data.
    names : sequence of str
        Parameters that may be given.
    data : Data

    Returns
    -------
    dict of str to Side
    """
    if starts is None:
        return {}
    if hasattr(starts, "columns") and hasattr(starts, "to_numpy"):
        starts = {str(name): starts[name].to_numpy() for name in starts.columns}
    if not isinstance(starts, Mapping):
        raise TypeError(
            "starts must be a dict of arrays by the names of parameters, a DataFrame or a "
            f"function, got {type(starts).__name__}: {starts!r:.80}"
        )
    for name in starts:
        if name not in names:
            raise ValueError(
                f"starts: {name!r} is no parameter with a value of its own; those are "
                f"{', '.join(names)}"
            )
    return {
        name: Side(f"starts[{name!r}]", value, data, points=False) for name, value in starts.items()
    }
