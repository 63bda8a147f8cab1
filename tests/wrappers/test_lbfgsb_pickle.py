"""A solver pickled at any point goes on as if nothing had happened; a damaged pickle is refused."""

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

from fitcore.lbfgsb import LBFGSB, _restore

START = np.array([-1.2, 1.0, 0.3, 2.0, -0.7])
BOUNDS = [(None, 0.9), (-1.0, None), (0.0, 0.6), (None, None), (-2.0, 2.0)]
CASES = {"free": (None, 10), "bounded": (BOUNDS, 10), "short memory": (BOUNDS, 2)}


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return float(100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])), g


def finish(solver: LBFGSB) -> list[bytes]:
    """Ask and tell to the end; the bytes of all points asked for."""
    asked = []
    while not solver.done:
        x = solver.ask()
        asked.append(x.tobytes())
        solver.tell(*rosenbrock(x))
    return asked


def fingerprint(solver: LBFGSB) -> tuple[Any, ...]:
    s, y = solver.corrections()
    return (
        solver.x.tobytes(), solver.g.tobytes(), solver.f, solver.info, solver.message, solver.nit,
        solver.nfev, solver.restarts, solver.active.tobytes(), s.tobytes(), y.tobytes(),
        sorted(solver.details.items()),
    )  # fmt: skip


RESUME = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from test_lbfgsb_pickle import fingerprint, finish
out = []
for state in pickle.load(sys.stdin.buffer):
    solver = pickle.loads(state)
    out.append((finish(solver), fingerprint(solver)))
sys.stdout.buffer.write(pickle.dumps(out))
"""


def test_pickled_at_any_point_it_evaluates_the_same_points_in_a_new_process() -> None:
    states, expected = [], []
    for bounds, m in CASES.values():
        solver = LBFGSB(START, bounds, m)
        asked, first = [], len(states)
        while not solver.done:
            states.append(pickle.dumps(solver))
            x = solver.ask()
            asked.append(x.tobytes())
            solver.tell(*rosenbrock(x))
        states.append(pickle.dumps(solver))
        expected += [(asked[k:], fingerprint(solver)) for k in range(len(states) - first)]
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(Path(__file__).parent)], input=pickle.dumps(states),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    resumed = pickle.loads(done.stdout)
    assert len(resumed) == len(expected) > 80
    assert resumed == expected


@pytest.mark.parametrize("case", CASES)
def test_pickled_inside_the_function_and_the_callbacks_it_resumes_with_the_same_end(
    case: str,
) -> None:
    states: list[bytes] = []

    def noting(x: np.ndarray) -> tuple[float, np.ndarray]:
        states.append(pickle.dumps(solver))
        return rosenbrock(x)

    def note(solver: LBFGSB) -> None:
        states.append(pickle.dumps(solver))

    bounds, m = CASES[case]
    solver = LBFGSB(START, bounds, m)
    solver.run(noting, trace=note, callback=note)
    expected = fingerprint(solver)
    assert len(states) > 40
    for state in states:
        assert fingerprint(pickle.loads(state).run(rosenbrock)) == expected
        told = pickle.loads(state)
        finish(told)
        assert fingerprint(told) == expected


def test_a_stopped_solver_keeps_its_words() -> None:
    solver = LBFGSB(START)
    solver.tell(*rosenbrock(solver.ask()))
    solver.stop("enough")
    assert pickle.loads(pickle.dumps(solver)).message == "enough"


def test_a_copy_lives_its_own_life() -> None:
    solver = LBFGSB(START, BOUNDS)
    for _ in range(6):
        solver.tell(*rosenbrock(solver.ask()))
    for twin in (copy.copy(solver), copy.deepcopy(solver)):
        before = solver.ask().tobytes(), pickle.dumps(solver)
        finish(twin)
        assert (solver.ask().tobytes(), pickle.dumps(solver)) == before
        assert twin.done and not solver.done


class Subclass(LBFGSB):
    pass


def test_a_subclass_pickles_as_itself() -> None:
    solver = pickle.loads(pickle.dumps(Subclass(START).run(rosenbrock)))
    assert type(solver) is Subclass
    assert fingerprint(solver) == fingerprint(LBFGSB(START).run(rosenbrock))


def halfway() -> tuple[Any, ...]:
    solver = LBFGSB(START, BOUNDS, 3)
    for _ in range(8):
        solver.tell(*rosenbrock(solver.ask()))
    return solver.__reduce__()[1]


INTEGERS = [
    "n", "m", "nit", "nfev", "col", "head", "updates", "nfree", "nactive", "nseg", "nseg_total",
    "nskip", "nenter", "nleave", "nls", "nbreak", "nopen",
]  # fmt: skip
COUNTS = {"nit", "nfev", "nseg", "nseg_total", "nskip", "nls", "updates"}
SMALL = [
    "maxls",
    "task",
    "info",
    "stage",
    "bounded",
    "constrained",
    "boxed",
    "projected",
    "updated",
    "pending",
]


def patched(raw: bytes, at: int, packed: bytes) -> bytes:
    return raw[:at] + packed + raw[at + len(packed) :]


def damages() -> Any:
    cls, raw, arrays, limits, rest = halfway()
    yield "fewer bytes", (cls, raw[:-1], arrays, limits, rest)
    yield "more bytes", (cls, raw + b"\0", arrays, limits, rest)
    yield "no bytes", (cls, b"", arrays, limits, rest)
    yield "another class", (dict, raw, arrays, limits, rest)
    yield "one array less", (cls, raw, arrays[:2], limits, rest)
    for k, array in enumerate(arrays):
        for what, wrong in (("short", array[:-1]), ("f4", array.astype("f4")), ("None", None)):
            damaged = (*arrays[:k], wrong, *arrays[k + 1 :])
            yield f"array {k} {what}", (cls, raw, damaged, limits, rest)
    for k in range(3):
        damaged = (*limits[:k], limits[k][:-1], *limits[k + 1 :])
        yield f"limit {k} short", (cls, raw, arrays, damaged, rest)
    yield "limits crossed", (cls, raw, arrays, (limits[1] + 1, limits[0], limits[2]), rest)
    yield "outside", (cls, raw, (arrays[0] + 1e6, *arrays[1:]), limits, rest)
    yield "limits gone", (cls, raw, arrays, None, rest)
    yield "rest short", (cls, raw, arrays, limits, rest[:-1])
    yield "words not text", (cls, raw, arrays, limits, (*rest[:3], 7))
    for position, name in enumerate(INTEGERS):
        for value in (-1, 2**62, -(2**63)):
            if name in COUNTS and value > 0:
                continue
            damaged = patched(raw, 8 * position, struct.pack("q", value))
            yield f"{name}={value}", (cls, damaged, arrays, limits, rest)
    for position, name in enumerate(("factr", "pgtol")):
        for value in (-1.0, np.nan):
            damaged = patched(raw, 8 * (17 + position), struct.pack("d", value))
            yield f"{name}={value}", (cls, damaged, arrays, limits, rest)
    for position, name in enumerate(SMALL):
        for value in (-9, 77):
            if name == "maxls" and value > 0:
                continue
            damaged = patched(raw, 8 * 48 + 4 * position, struct.pack("i", value))
            yield f"{name}={value}", (cls, damaged, arrays, limits, rest)


@pytest.mark.parametrize("state", [pytest.param(s, id=name) for name, s in damages()])
def test_a_damaged_pickle_is_refused(state: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _restore(*state)


def test_random_bytes_in_a_pickle_neither_crash_nor_hang() -> None:
    cls, raw, arrays, limits, rest = halfway()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        at = int(rng.integers(16, len(raw)))  # n and m are checked above
        damaged = patched(raw, at, bytes([int(rng.integers(256))]))
        try:
            solver = _restore(cls, damaged, arrays, limits, rest)
        except ValueError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            for _ in range(200):
                if solver.done:
                    break
                solver.tell(*rosenbrock(solver.ask()))
        assert isinstance(solver.message, str)
    assert refused > 30
