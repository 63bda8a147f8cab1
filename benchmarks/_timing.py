"""Interleaved timing: every contender runs in turn, many times, in one process.

Machines are noisy and change speed while they run, so times are compared as ratios within each
turn, and the median of the ratios is reported with its quartiles. In its turn a contender makes
as many calls as take `at_least` seconds, as in a loop over data sets; a single short call, for
which it is 0, is timed with the caches full of what the one before it left there.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Seconds that the turn of a contender takes at least.
at_least = 0.01


@dataclass(frozen=True)
class Timing:
    """Times of one contender, as ratios to the first one and in seconds."""

    name: str
    seconds: float  # median of one run
    ratio: float  # median ratio to the reference of the same turn
    low: float  # quartiles of that ratio
    high: float


def interleaved(
    contenders: dict[str, Callable[[], object]], *, seconds: float = 2.0, least_turns: int = 5
) -> list[Timing]:
    """Time the contenders in turn; the first is the reference.

    Parameters
    ----------
    contenders : dict of str to callable
        What to time; each is called without arguments, twice to warm up.
    seconds : float
        Time to spend on all of them together.
    least_turns : int
        Turns to make at least.

    Returns
    -------
    list of Timing
        In the order given.
    """
    counts: dict[str, int] = {}
    for name, call in contenders.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, round(at_least / (time.perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    gc_was_on = gc.isenabled()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times[next(iter(times))]) < least_turns:
            for name, call in contenders.items():
                start = time.perf_counter()
                for _ in range(counts[name]):
                    call()
                times[name].append((time.perf_counter() - start) / counts[name])
    finally:
        if gc_was_on:
            gc.enable()
    reference = np.array(next(iter(times.values())))
    out = []
    for name, values in times.items():
        ratios = np.array(values) / reference
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        out.append(Timing(name, float(np.median(values)), float(middle), float(low), float(high)))
    return out
