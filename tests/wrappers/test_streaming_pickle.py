"""A fit by rows pickles between any two chunks, and damaged pickles are refused."""

from __future__ import annotations

import copy
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decay import START, T, jacobian, residual

from fitcore._rowwise import _restore
from fitcore.minpack import StreamingLM

SIZE = 4  # of the chunks


def fingerprint(solver: StreamingLM) -> tuple[Any, ...]:
    return solver.x.tobytes(), solver.fnorm, solver.info, solver.nfev, solver.r.tobytes()


def feed(solver: StreamingLM) -> None:
    """The next chunk, or the end of the pass."""
    k = solver.told
    if k == T.size:
        solver.end_pass()
        return
    x = solver.ask()
    solver.tell(residual(x)[k : k + SIZE], jacobian(x)[k : k + SIZE])


def finish(solver: StreamingLM) -> StreamingLM:
    while not solver.done:
        feed(solver)
    return solver


def states(solver: StreamingLM) -> list[bytes]:
    found = [pickle.dumps(solver)]
    while not solver.done:
        feed(solver)
        found.append(pickle.dumps(solver))
    return found


RESUME = """
import pickle, sys
sys.path[:0] = sys.argv[1:]
from test_streaming_pickle import fingerprint, finish
found = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps([fingerprint(finish(pickle.loads(s))) for s in found]))
"""


def test_pickled_anywhere_it_ends_with_the_same_bits_in_a_new_process() -> None:
    solver = StreamingLM(START)
    found = states(solver)
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(here), str(here.parent)],
        input=pickle.dumps(found), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert pickle.loads(done.stdout) == [fingerprint(solver)] * len(found)
    assert len(found) > 40


def test_pickled_with_a_full_block_behind_it_it_ends_with_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    j, y = rng.standard_normal((1300, 3)), rng.standard_normal(1300)

    def go_on(solver: StreamingLM) -> tuple[Any, ...]:
        while not solver.done:
            k = solver.told
            if k == 1300:
                solver.end_pass()
            else:
                x = solver.ask()
                solver.tell((j @ x - y)[k : k + 100], j[k : k + 100])
        return fingerprint(solver)

    solver = StreamingLM(np.zeros(3))
    twins = []
    while not solver.done and len(twins) < 30:
        twins.append(copy.deepcopy(solver))
        k = solver.told
        if k == 1300:
            solver.end_pass()
        else:
            x = solver.ask()
            solver.tell((j @ x - y)[k : k + 100], j[k : k + 100])
    expected = go_on(solver)
    assert [go_on(twin) for twin in twins] == [expected] * len(twins)


def test_pickled_inside_run_it_begins_the_pass_anew() -> None:
    found: list[bytes] = []

    def rows(x: np.ndarray) -> Any:
        for k in range(0, T.size, SIZE):
            yield residual(x)[k : k + SIZE], jacobian(x)[k : k + SIZE]
            found.append(pickle.dumps(solver))

    solver = StreamingLM(START)
    solver.run(rows)
    expected = fingerprint(solver)
    for state in found[:60]:
        assert fingerprint(pickle.loads(state).run(rows)) == expected


class Subclass(StreamingLM):
    pass


def test_a_subclass_pickles_as_itself() -> None:
    solver = pickle.loads(pickle.dumps(finish(Subclass(START))))
    assert type(solver) is Subclass
    assert fingerprint(solver) == fingerprint(finish(StreamingLM(START)))


def halfway(passes: int = 3) -> tuple[Any, ...]:
    solver = StreamingLM(START, maxfev=40)
    while solver.nfev + solver.njev < passes or solver.told < 2 * SIZE:
        feed(solver)
    return solver.__reduce__()[1]


def patched(raw: bytes, at: int, packed: bytes) -> bytes:
    return raw[:at] + packed + raw[at + len(packed) :]


def damages() -> Any:
    cls, raw, arrays = halfway()
    yield "fewer bytes", (cls, raw[:-1], arrays)
    yield "more bytes", (cls, raw + b"\0", arrays)
    yield "another class", (dict, raw, arrays)
    yield "one array less", (cls, raw, arrays[:-1])
    for k, a in enumerate(arrays):
        yield f"array {k} short", (cls, raw, (*arrays[:k], a[:-1], *arrays[k + 1 :]))
        other = a.astype(np.float32)
        yield f"array {k} of another type", (cls, raw, (*arrays[:k], other, *arrays[k + 1 :]))
    yield "permutation", (cls, raw, (*arrays[:4], np.array([1, 1, 2]), *arrays[5:]))
    # the struct: 6 integers, 16 doubles, 8 ints, then told and waiting
    for at, name in enumerate(("m", "n", "maxfev", "nfev", "njev", "nit")):
        for value in (-1, -(2**63), *((2**40, 1) if name in ("m", "n") else ())):
            if (name, value) != ("m", 2**40):
                yield (
                    f"{name}={value}",
                    (cls, patched(raw, 8 * at, struct.pack("q", value)), arrays),
                )
    for at, name in (
        (0, "ftol"),
        (1, "xtol"),
        (2, "gtol"),
        (4, "factor"),
        (8, "delta"),
        (9, "par"),
    ):
        for number in (-1.0, np.nan):
            packed = struct.pack("d", number)
            yield f"{name}={number}", (cls, patched(raw, 48 + 8 * at, packed), arrays)
    for at, name in enumerate(("task", "stage", "info", "mode", "jac")):
        for value in (-9, 77):
            packed = struct.pack("i", value)
            yield f"{name}={value}", (cls, patched(raw, 176 + 4 * at, packed), arrays)
    for at, name in ((208, "told"), (216, "waiting")):
        for value in (-1, 10**6, 2**62):
            yield f"{name}={value}", (cls, patched(raw, at, struct.pack("q", value)), arrays)


@pytest.mark.parametrize("state", [pytest.param(s, id=name) for name, s in damages()])
def test_a_damaged_pickle_is_refused(state: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _restore(*state)


def test_random_bytes_in_a_pickle_neither_crash_nor_hang() -> None:
    cls, raw, arrays = halfway()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        at = int(rng.integers(16, len(raw)))  # m and n are checked above
        damaged = patched(raw, at, bytes([int(rng.integers(256))]))
        try:
            solver = _restore(cls, damaged, arrays)
        except ValueError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            solver.restart_pass()
            for _ in range(1000):
                if solver.done:
                    break
                feed(solver)
        assert isinstance(solver.message, str)
    assert refused > 30
