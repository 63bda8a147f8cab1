"""A solver pickles at any time, resumes anywhere, and damaged pickles are refused."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decay import SCHEMES, START, T, answer, each_scheme, fingerprint, finish, jac_for, residual

from fitcore.minpack import LevenbergMarquardt, _restore

RESUME = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from decay import fingerprint, finish
states = pickle.load(sys.stdin.buffer)
out = []
for state in states:
    solver = pickle.loads(state)
    asked = finish(solver)
    out.append((asked, fingerprint(solver)))
sys.stdout.buffer.write(pickle.dumps(out))
"""


@pytest.mark.parametrize("m", [None, T.size])
def test_pickled_at_any_task_it_evaluates_the_same_points_in_a_new_process(m: int | None) -> None:
    states, expected = [], []
    for scheme in SCHEMES:
        solver = LevenbergMarquardt(START, m, jac=scheme)
        asked, first = [], len(states)
        while not solver.done:
            states.append(pickle.dumps(solver))
            points = solver.ask()
            asked.append(points.tobytes())
            solver.tell(answer(solver, points))
        states.append(pickle.dumps(solver))
        expected += [(asked[k:], fingerprint(solver)) for k in range(len(states) - first)]
    here = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", RESUME, here], input=pickle.dumps(states), capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    resumed = pickle.loads(done.stdout)
    assert len(resumed) == len(expected) > 40
    assert resumed == expected


@each_scheme
def test_pickled_inside_func_and_callback_it_resumes_with_the_same_end(scheme: str) -> None:
    states: list[bytes] = []

    def noting(p: np.ndarray) -> np.ndarray:
        states.append(pickle.dumps(solver))
        return residual(p)

    solver = LevenbergMarquardt(START, jac=scheme)
    solver.run(noting, jac=jac_for(scheme), callback=lambda s: states.append(pickle.dumps(s)))
    expected = fingerprint(solver)
    for state in states:
        assert fingerprint(pickle.loads(state).run(residual, jac=jac_for(scheme))) == expected
        told = pickle.loads(state)
        finish(told)
        assert fingerprint(told) == expected


def test_a_copy_lives_its_own_life() -> None:
    import copy

    solver = LevenbergMarquardt(START)
    for _ in range(3):
        solver.tell(answer(solver, solver.ask()))
    for twin in (copy.copy(solver), copy.deepcopy(solver)):
        before = solver.ask().tobytes()
        finish(twin)
        assert solver.ask().tobytes() == before
        assert twin.done and not solver.done


class Subclass(LevenbergMarquardt):
    pass


def test_a_subclass_pickles_as_itself() -> None:
    solver = pickle.loads(pickle.dumps(Subclass(START).run(residual)))
    assert type(solver) is Subclass
    assert fingerprint(solver) == fingerprint(LevenbergMarquardt(START).run(residual))


def halfway(**options: Any) -> tuple[Any, ...]:
    solver = LevenbergMarquardt(START, **options)
    for _ in range(4):
        solver.tell(answer(solver, solver.ask()))
    return solver.__reduce__()[1]


def damages() -> Any:
    cls, raw, arrays, tall = halfway()
    yield "fewer bytes", (cls, raw[:-1], arrays, tall)
    yield "more bytes", (cls, raw + b"\0", arrays, tall)
    yield "no bytes", (cls, b"", arrays, tall)
    yield "another class", (dict, raw, arrays, tall)
    yield "one array less", (cls, raw, arrays[:4], tall)
    for k in range(5):
        short = (*arrays[:k], arrays[k][:-1], *arrays[k + 1 :])
        yield f"array {k} short", (cls, raw, short, tall)
        other = (*arrays[:k], arrays[k].astype(np.float32), *arrays[k + 1 :])
        yield f"array {k} of another type", (cls, raw, other, tall)
    for name, order in (("twice", [1, 1, 2]), ("from 0", [0, 1, 2]), ("beyond", [1, 2, 9**18])):
        yield f"permutation {name}", (cls, raw, (*arrays[:4], np.array(order)), tall)
    yield "fvec short", (cls, raw, arrays, (tall[0][:-1], tall[1]))
    yield "fjac short", (cls, raw, arrays, (tall[0], tall[1][:, :-1]))
    yield "fjac transposed", (cls, raw, arrays, (tall[0], tall[1].T))
    yield "one tall array", (cls, raw, arrays, tall[:1])
    for position, name in enumerate(("m", "n", "maxfev", "nfev", "njev", "nit")):
        for value in (-1, 2**62, -(2**63)):
            if name in ("maxfev", "nfev", "njev", "nit") and value > 0:
                continue
            packed = struct.pack("q", value)
            yield f"{name}={value}", (cls, patched(raw, 8 * position, packed), arrays, tall)
    for position, name in enumerate(("ftol", "xtol", "gtol", "epsfcn", "factor")):
        for value in (-1.0, np.nan):
            packed = struct.pack("d", value)
            yield f"{name}={value}", (cls, patched(raw, 48 + 8 * position, packed), arrays, tall)
    for position, name in ((8, "delta"), (9, "par"), (14, "nearby")):
        packed = struct.pack("d", np.nan)
        yield f"{name}=nan", (cls, patched(raw, 48 + 8 * position, packed), arrays, tall)
    for position, name in enumerate(("task", "stage", "info", "mode", "jac", "reduced", "moved")):
        for value in (-9, 77):
            packed = struct.pack("i", value)
            damaged = patched(raw, 48 + 16 * 8 + 4 * position, packed)
            yield f"{name}={value}", (cls, damaged, arrays, tall)


def patched(raw: bytes, at: int, packed: bytes) -> bytes:
    return raw[:at] + packed + raw[at + len(packed) :]


@pytest.mark.parametrize("state", [pytest.param(s, id=name) for name, s in damages()])
def test_a_damaged_pickle_is_refused(state: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _restore(*state)


def test_random_bytes_in_a_pickle_neither_crash_nor_hang() -> None:
    cls, raw, arrays, tall = halfway(maxfev=40)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        at = int(rng.integers(16, len(raw)))  # m and n are checked above
        damaged = patched(raw, at, bytes([int(rng.integers(256))]))
        try:
            solver = _restore(cls, damaged, arrays, tall)
        except ValueError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            for _ in range(200):
                if solver.done:
                    break
                points = solver.ask()
                if solver.task == "differences" and points.dtype == complex:
                    solver.tell([residual(p) for p in points])
                else:
                    solver.tell(answer(solver, points))
        assert isinstance(solver.message, str)
    assert refused > 30
