"""Where the rows of a batch are collected: in order, whatever order they come in."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._batch_fit import FIELDS, SUCCEEDED, Chunk, Job, Rows, empty_rows, erase
from fitcore._batch_result import BatchResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from fitcore._batch_data import Data, Side
    from fitcore._batch_run import Pace

__all__ = ["Store", "cut"]

# Seconds between two states of the file.
INTERVAL = 60.0


class Store:
    """Collects what chunks give.

    Parameters
    ----------
    job : Job
    data : Data
    before : BatchResult or None
        Rows that are there already.
    path : path or None
        File that is written from time to time, and by :meth:`save`.
    tell : callable or None
        Called with the number of fits that came.
    """

    def __init__(
        self,
        job: Job,
        data: Data,
        before: BatchResult | None,
        path: str | PathLike[str] | None,
        tell: Callable[[int], Any] | None,
    ) -> None:
        self._job, self._data, self._path, self._tell = job, data, path, tell
        nfits = data.nfits
        self.count = nfits or 0
        self.rows: Rows = self._room(self.count)
        self._saved = time.monotonic()
        if before is not None:
            _check_before(before, job, data)
            self._reserve(before.nfits)
            for name in FIELDS:
                self.rows[name][: before.nfits] = before._rows[name]
        self.ndone = int(np.count_nonzero(self.rows["done"]))
        # Its rows do not move: workers of this process may write theirs themselves.
        self.fixed = data.shape is not None
        self._lock, self._closed = Lock(), False

    def _room(self, count: int) -> Rows:
        """Rows that are written only when their fits are done, or for a result."""
        return empty_rows(count, len(self._job.names), len(self._job.var_names), blank=False)

    def _reserve(self, count: int) -> None:
        """Have room for so many fits."""
        have = len(self.rows["done"])
        if count > have:
            for name, rows in self._room(max(count, 2 * have) - have).items():
                self.rows[name] = np.concatenate([self.rows[name], rows])

    def wanted(self, start: int, stop: int) -> bool:
        """Whether any of these fits is to be done."""
        return not self.rows["done"][start:stop].all()

    def undone(self, start: int, stop: int) -> Any:
        """Those of the fits that are to be done, counted from `start`."""
        if self._data.shape is None:
            self._reserve(stop)
            self.count = stop
        return np.flatnonzero(~self.rows["done"][start:stop])

    def write(self, chunk: Chunk, rows: Rows) -> int:
        """Take the rows of a chunk that were done; how many. In any thread, if this is `fixed`."""
        ready = rows["done"]
        fits, count = chunk.fits, int(np.count_nonzero(ready))
        with self._lock:
            if self._closed:
                return 0
            if count == len(fits) == len(self.rows["done"]):
                # A batch of one chunk: no copy is made. They are in order.
                for name, values in rows.items():
                    self.rows[name] = np.ascontiguousarray(values, dtype=FIELDS[name][0])
                where: Any = slice(None)
            else:
                together = count == len(fits) and fits[-1] - fits[0] + 1 == count
                # A slice is written faster than a list of numbers.
                where = slice(fits[0], fits[-1] + 1) if together else fits[ready]
                taken = slice(None) if together else ready
                for name, values in rows.items():
                    self.rows[name][where] = values[taken]
            for name in SUCCEEDED.keys() - rows.keys():
                self.rows[name][where] = SUCCEEDED[name]
        return count

    def close(self) -> None:
        """Take no more: a thread that an interrupted batch has left behind comes too late."""
        with self._lock:
            self._closed = True

    def told(self, count: int) -> None:
        """Take note that so many rows were written."""
        self.ndone += count
        if self._tell is not None:
            self._tell(count)
        if self._path is not None and time.monotonic() - self._saved > INTERVAL:
            self.save(interrupted=True)

    def result(self, interrupted: bool) -> BatchResult:
        """What there is."""
        shape = self._data.shape
        if shape is None:
            shape = (self.count,)
        undone = ~self.rows["done"]
        if undone.any():
            erase(self.rows, undone)
        rows = {name: values[: self.count] for name, values in self.rows.items()}
        settings = {"npoints": self._data.npoints}
        job = self._job
        return BatchResult(
            job.params, job.var_names, shape, job.method, rows, interrupted, settings
        )

    def save(self, interrupted: bool) -> None:
        """Write what there is, if there is a file for it."""
        if self._path is not None:
            with self._lock:  # no thread writes a row of which a part is in the file
                self.result(interrupted).save(self._path)
            self._saved = time.monotonic()


def _check_before(before: BatchResult, job: Job, data: Data) -> None:
    """Refuse to go on with a result of something else."""
    pairs: list[tuple[str, Any, Any]] = [
        ("parameters", before.names, job.names),
        ("variables", before.var_names, job.var_names),
        ("method", before.method, job.method),
    ]
    if data.shape is not None:
        pairs.append(("shape of fits", before.shape, data.shape))
    if data.npoints is not None and before._settings.get("npoints") is not None:
        pairs.append(("number of points", before._settings["npoints"], data.npoints))
    for what, had, has in pairs:
        if had != has:
            raise ValueError(f"resume: that batch had the {what} {had}, this one has {has}")


def cut(
    data: Data,
    store: Store,
    pace: Pace,
    x: dict[str, Side],
    weights: Side | None,
    mask: Side | None,
    starts: dict[str, Side],
) -> Iterator[Chunk]:
    """The fits that are to be done, in chunks.

    Parameters
    ----------
    data, store, pace
        Where they are, which are done, and how many make a chunk.
    x, weights, mask, starts
        What differs from fit to fit.
    """
    for block, y in data.blocks(store.wanted):
        rows = store.undone(block.start, block.stop)
        whole = Chunk(
            np.arange(block.start, block.stop),
            y,
            {name: side.take(block) for name, side in x.items()},
            None if weights is None else weights.take(block),
            None if mask is None else mask.take(block),
            {name: side.take(block) for name, side in starts.items()},
        )
        begin = 0
        while begin < len(rows):
            left = None if data.nfits is None else data.nfits - block.start - int(rows[begin])
            some = rows[begin : begin + pace.following(left)]
            begin += len(some)
            together = some[-1] - some[0] + 1 == len(some)  # then no copy is made
            yield whole.part(slice(some[0], some[-1] + 1) if together else some)
