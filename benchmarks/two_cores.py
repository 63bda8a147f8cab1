"""A batch in two threads beside one, and beside two processes that share nothing.

What two processes get done, each with half of the batch that was sent before, is what the machine
gives: cores of virtual machines share a clock, a power budget, and caches with their neighbours.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any

import many_fits
import numpy as np
from _timing import interleaved

import fitcore
from fitcore._batch_run import cpu_count

FITS = 100000
TURNS = 11


def serve(pipe: Connection, *batch: Any) -> None:
    """Do the batch in one thread as often as asked."""
    while pipe.recv():
        fitcore.fit_many(*batch, workers=1)
        pipe.send(True)


def start(stack: ExitStack, *batch: Any) -> Connection:
    """A process that serves."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *batch), daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(ours.send, False)
    return ours


def contenders(
    stack: ExitStack, model: Any, x: Any, y: np.ndarray, first: np.ndarray
) -> dict[str, Callable[[], object]]:
    """What is timed, by name; the processes end with the stack."""
    params = fitcore.create_params(**dict(zip(many_fits.NAMES[first.size], first, strict=True)))
    pipes = [start(stack, model, half, params, x) for half in np.split(y, 2)]

    def processes() -> None:
        for pipe in pipes:
            pipe.send(True)
        for pipe in pipes:
            pipe.recv()

    return {
        "two threads": lambda: fitcore.fit_many(model, y, params, x, workers=2),
        "one thread": lambda: fitcore.fit_many(model, y, params, x, workers=1),
        "two processes, half each": processes,
    }


def cases(seconds: float) -> Iterator[dict[str, Any]]:
    """Time of each beside two threads'."""
    if cpu_count() < 2:
        print("left out: two cores, of which there is one", file=sys.stderr)
        return
    many_fits.FITS = FITS
    for title, make in many_fits.PROBLEMS.items():
        with ExitStack() as stack:
            calls = contenders(stack, *make())
            timings = interleaved(calls, seconds=seconds, least_turns=TURNS)
        yield {
            "case": f"{FITS} fits on two cores, {title}",
            "unit": "time, as a multiple of two threads'",
            "rows": {
                t.name: {"seconds": t.seconds, "ratio": t.ratio, "quartiles": [t.low, t.high]}
                for t in timings
            },
        }
