"""Chunks of a batch, one after another or by an executor, whose workers may die."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from fitcore._batch_fit import Chunk, Job, Rows, empty_rows, fail, pack, run_job, run_packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    from fitcore._batch_store import Store

__all__ = ["Pace", "Pool", "cpu_count", "run_here", "run_in_pool"]

# Seconds that a chunk should take, and the number of fits in the first and the largest one.
TARGET, FIRST, MOST = 0.5, 16, 16384
# The number in the first chunk where fits are compiled.
HURRIED = 4096
# Where several workers share a batch, a chunk is no more than this part of what is left for each;
# but so many compiled fits, or as many others as take so many seconds, are not divided.
SHARE, LEAST, SHORT = 2, 512, 0.02
# A chunk that was lost so often runs alone, so that it is known whose fault it is.
SUSPECT = 2
# Pools that may break before any chunk is done.
HOPELESS = 24
# Seconds that an interrupted batch waits for chunks that are running.
GRACE = 2.0


def cpu_count() -> int:
    """Processors this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


class Pace:
    """How many fits make a chunk: as many as take about half a second.

    Where several workers share a batch of known size, chunks get smaller towards its end, so that
    none of them waits long for the last one.

    Parameters
    ----------
    fixed : int or None
        A number asked for.
    """

    def __init__(self, fixed: int | None) -> None:
        self._fixed = fixed
        self.rows = fixed or FIRST
        self._hurried, self._workers = False, 1
        self.seconds: float | None = None  # of one fit

    def spread(self, workers: int, hurried: bool) -> None:
        """So many workers share the batch; `hurried` fits are compiled, and begin with many."""
        self._workers, self._hurried = workers, hurried
        if hurried and self._fixed is None:
            self.rows = HURRIED

    def following(self, left: int | None) -> int:
        """How many fits the next chunk has, of so many that are left (None: not known)."""
        if self._fixed is not None or left is None or self._workers == 1:
            return self.rows
        if self._hurried:
            least = LEAST
        else:
            least = 1 if self.seconds is None else int(SHORT / max(self.seconds, 1e-9))
        return max(1, min(self.rows, max(least, left // (SHARE * self._workers))))

    def told(self, count: int, seconds: float) -> None:
        """Take note of a chunk."""
        self.seconds = seconds / max(1, count)
        if self._fixed is None:
            # No more than 8 times: the first fits may not be like the others.
            wanted = int(TARGET / max(self.seconds, 1e-9))
            self.rows = int(np.clip(wanted, max(1, self.rows // 8), min(8 * self.rows, MOST)))


def run_here(
    job: Job,
    chunks: Iterator[Chunk],
    store: Store,
    pace: Pace,
    enough: Callable[[], bool] | None = None,
) -> bool:
    """Do chunks in this thread.

    Parameters
    ----------
    job, chunks, store, pace
        What they share; the chunks; where what came of them goes; their size.
    enough : callable, optional
        Asked after each chunk whether to leave the rest.

    Returns
    -------
    bool
        Whether it was interrupted.
    """
    for chunk in chunks:
        begin = time.perf_counter()
        rows, interrupted = run_job(job, chunk)
        pace.told(len(chunk), time.perf_counter() - begin)
        store.told(store.write(chunk, rows))
        if interrupted:
            return True
        if enough is not None and enough():
            return False
    return False


class Pool:
    """An executor, the user's or one made here, and another one when it breaks.

    Parameters
    ----------
    given : concurrent.futures.Executor or None
    workers : int
        Processes or threads of one made here, and half the number of chunks that wait or run.
    threads : bool, default False
        Whether one made here has threads.
    """

    def __init__(self, given: Executor | None, workers: int, threads: bool = False) -> None:
        self._given, self._threads, self.workers = given, threads, workers
        self._own: Executor | None = None

    @property
    def current(self) -> Any:
        """Executor: the one in use."""
        if self._given is not None:
            return self._given
        if self._own is None:
            from concurrent import futures

            kind = futures.ThreadPoolExecutor if self._threads else futures.ProcessPoolExecutor
            self._own = kind(self.workers)
        return self._own

    @property
    def in_process(self) -> bool:
        """bool: whether its workers are threads of this process."""
        from concurrent.futures import ThreadPoolExecutor

        return isinstance(self.current, ThreadPoolExecutor)

    def replace(self) -> None:
        """Leave a broken executor for a new one."""
        if self._given is not None:
            warnings.warn(
                f"executor: a worker of {type(self._given).__name__} died and took it along; what "
                f"is left is fitted by {self.workers} processes of this machine",
                RuntimeWarning,
                stacklevel=4,
            )
            self._given = None
        self.close(wait=False)

    def close(self, wait: bool) -> None:
        """Shut down what was made here; what is not to be done is cancelled already."""
        if self._own is not None:
            # With cancel_futures a ProcessPoolExecutor waits for ever for what it could not pickle.
            self._own.shutdown(wait=wait)
            self._own = None


class _PoolRun:
    def __init__(
        self,
        run: Callable[[Any, Chunk], tuple[Rows, bool]],
        job: Job,
        store: Store,
        pace: Pace,
        pool: Pool,
    ) -> None:
        self.run, self.job, self.store, self.pace, self.pool = run, job, store, pace, pool
        # What a thread has done it writes by itself: this one would take its processor.
        self.there = store.write if pool.in_process and store.fixed else None
        self.payload: Any = job if pool.in_process else pack(job)
        self.running: dict[Future[Any], tuple[Chunk, float]] = {}
        self.again: deque[Chunk] = deque()
        self.failures, self.succeeded = 0, False
        self.interrupted = False

    def go(self, chunks: Iterator[Chunk]) -> bool:
        from concurrent.futures import FIRST_COMPLETED, wait

        try:
            while self._fill(chunks) and not self.interrupted:
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                self._collect(done)
            if self.interrupted:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            self.interrupted = True
            for future in self.running:
                future.cancel()
            done, _ = wait(self.running, timeout=GRACE)
            for future in done:
                if not future.cancelled() and future.exception() is None:
                    self._take(self.running[future][0], future.result())
        except BaseException:
            for future in self.running:
                future.cancel()
            raise
        finally:
            self.pool.close(wait=not self.interrupted)
        return self.interrupted

    def _fill(self, chunks: Iterator[Chunk]) -> bool:
        """Hand out chunks; whether any is running."""
        from concurrent.futures import BrokenExecutor

        while len(self.running) < 2 * self.pool.workers:
            if self.again:
                if self.running and self.again[0].tries >= SUSPECT:
                    break
                chunk = self.again.popleft()
            elif any(chunk.tries >= SUSPECT for chunk, _ in self.running.values()):
                break
            else:
                following = next(chunks, None)
                if following is None:
                    break
                chunk = following
            try:
                future = self.pool.current.submit(_timed, self.run, self.payload, chunk, self.there)
            except BrokenExecutor as exc:
                # It broke before it had this chunk, which is not to blame.
                self.again.appendleft(chunk)
                self._broken(exc)
                continue
            self.running[future] = (chunk, time.perf_counter())
        return bool(self.running)

    def _collect(self, done: Any) -> None:
        from concurrent.futures import BrokenExecutor

        for future in done:
            if future not in self.running:
                continue
            try:
                outcome = future.result()
            except BrokenExecutor as exc:
                self._broken(exc)
                return
            except KeyboardInterrupt:
                self.interrupted = True
                return
            except Exception as exc:  # noqa: BLE001
                _explain(exc)
                chunk, _ = self.running.pop(future)
                self._lost(chunk, exc)
            else:
                chunk, _ = self.running.pop(future)
                self._take(chunk, outcome)

    def _take(self, chunk: Chunk, outcome: Any) -> None:
        rows, interrupted, seconds = outcome
        self.succeeded = True
        self.interrupted |= interrupted
        self.pace.told(len(chunk), seconds)
        self.store.told(rows if isinstance(rows, int) else self.store.write(chunk, rows))

    def _broken(self, exc: BaseException) -> None:
        """A worker died: keep what was done, and do the rest of what was handed out again."""
        self.failures += 1
        if self.failures > HOPELESS and not self.succeeded:
            raise RuntimeError(
                "the worker processes die before they have fitted anything. A script that fits in "
                "processes must do so below `if __name__ == '__main__':`; workers=1 needs no "
                "process, and shows an error of the model as it is"
            ) from exc
        lost = []
        for future, (chunk, _) in self.running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._take(chunk, future.result())
            else:
                lost.append(chunk)
        self.running.clear()
        self.pool.replace()
        for chunk in lost:
            self._lost(chunk, exc, alone=len(lost) == 1)

    def _lost(self, chunk: Chunk, exc: BaseException, alone: bool = True) -> None:
        """A chunk has no outcome: it is done again, alone, and in halves if it is to blame."""
        chunk.tries += 1
        if chunk.tries <= SUSPECT or not alone:
            self.again.append(chunk)
        elif len(chunk) > 1:
            half = len(chunk) // 2
            self.again.extendleft((chunk.part(slice(half, None)), chunk.part(slice(0, half))))
        else:
            rows = empty_rows(1, len(self.job.names), len(self.job.var_names))
            fail(rows, 0, f"The worker died of this fit, or lost it: {type(exc).__name__}: {exc}")
            self.store.told(self.store.write(chunk, rows))


def _timed(
    run: Any, payload: Any, chunk: Chunk, write: Callable[[Chunk, Rows], int] | None
) -> tuple[Rows | int, bool, float]:
    """What came of a chunk, or the number of its rows that `write` has taken."""
    begin = time.perf_counter()
    rows, interrupted = run(payload, chunk)
    seconds = time.perf_counter() - begin
    return rows if write is None else write(chunk, rows), interrupted, seconds


def _explain(exc: Exception) -> None:
    """Raise what is no fault of a worker: the model cannot be sent, or not be read there."""
    from pickle import PicklingError

    words = str(exc)
    sent = isinstance(exc, (AttributeError, TypeError)) and any(
        word in words for word in ("pickle", "local object", "Can't get")
    )
    if sent or isinstance(exc, (PicklingError, ImportError)):
        exc.add_note(
            "what processes fit must be picklable: the model and `starts` functions of a module, "
            "no lambdas, unless cloudpickle is installed. workers=1 fits in this process."
        )
        raise exc


def run_in_pool(
    job: Job,
    chunks: Iterator[Chunk],
    store: Store,
    pace: Pace,
    pool: Pool,
) -> bool:
    """Do chunks by an executor.

    No more than twice as many chunks as there are workers are handed out, so that memory stays
    bounded. A chunk that is lost with its worker is done again; if that happens repeatedly it is
    run alone and cut in halves, until one fit is left to blame, which gets a row that says so.

    Parameters
    ----------
    job, chunks, store, pace
        What the chunks share; the chunks; where what came of them goes; their size.
    pool : Pool

    Returns
    -------
    bool
        Whether it was interrupted.
    """
    run = run_job if pool.in_process else run_packed
    return _PoolRun(run, job, store, pace, pool).go(chunks)
