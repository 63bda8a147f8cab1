"""Tall Jacobians, reduced to their triangle in one pass, and fits in many threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import originals
import pytest

from fitcore.minpack import LevenbergMarquardt

EPS = float(np.finfo(float).eps)
START = [1.0, 1.0, 0.1]


def decay(m: int) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """Residuals and Jacobian of an exponential decay over m points."""
    t = np.linspace(0.0, 4.0, m)
    y = 3.0 * np.exp(-t / 2.0) + 0.1 * np.cos(5.0 * t)

    def func(p: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-t / p[1]) + p[2] - y

    def jac(p: np.ndarray) -> np.ndarray:
        e = np.exp(-t / p[1])
        return np.stack([e, p[0] * e * t / p[1] ** 2, np.ones_like(t)], axis=1)

    return func, jac


def factors(a: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """(R, ipvt, qtf, solver) of one Jacobian told to a solver."""
    n = a.shape[1]
    solver = LevenbergMarquardt(np.ones(n), jac="analytic")
    solver.tell(f)
    solver.tell(a)
    r = None if solver.fjac is None else np.triu(solver.fjac.T[:n])
    return r, solver.ipvt, solver.qtf, solver


# Around the size where the one pass begins, and around its blocks of rows.
SHAPES = [
    (255, 3), (256, 3), (257, 3), (256, 32), (264, 33), (511, 3), (512, 3), (513, 3), (520, 1),
    (1000, 7), (1023, 1), (1025, 3), (4099, 50), (20000, 4), (3000, 300),
]  # fmt: skip


@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("kind", ["random", "columns of many sizes", "ill-conditioned", "growing"])
def test_triangle_is_that_of_the_plain_factorization(m: int, n: int, kind: str) -> None:
    originals.require()
    rng = np.random.default_rng([m, n])
    a, f = rng.standard_normal((m, n)), rng.standard_normal(m)
    if kind == "columns of many sizes":
        a *= 10.0 ** rng.uniform(-60.0, 60.0, n)
    elif kind == "ill-conditioned":
        a = a @ (np.triu(rng.standard_normal((n, n))) * 10.0 ** -np.linspace(0, 9, n)[:, None])
    elif kind == "growing":
        a *= np.exp(np.linspace(-30.0, 30.0, m))[:, None]
    r, ipvt, qtf, _ = factors(a, f)
    expected, ipvt0, rdiag0, acnorm = originals.qrfac(a)
    if kind != "ill-conditioned":
        np.testing.assert_array_equal(ipvt, ipvt0)
    same = int(np.argmin(np.append(ipvt == ipvt0, False)))
    r0 = np.triu(expected[:n], 1) + np.diag(rdiag0)
    size = acnorm[ipvt]
    # the signs of rows are free: MINPACK's come from the first rows, the one pass's from R
    sign = np.sign(np.diag(r)) * np.sign(np.diag(r0))
    gap = np.abs(r * sign[:, None] - r0)[:same, :same] / size[:same]
    assert gap.max(initial=0.0) <= 20 * n * EPS
    # and whatever the pivots: R^T R = A^T A, R^T Q^T f = A^T f, in units of the columns
    b = a[:, ipvt] / size
    np.testing.assert_allclose((r / size).T @ (r / size), b.T @ b, atol=50 * n * EPS)
    np.testing.assert_allclose((r / size).T @ qtf, b.T @ f, atol=50 * n * EPS * np.linalg.norm(f))


def awkward(m: int, n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([m, n, 1])
    a = rng.standard_normal((m, n))
    cases = {}
    zero = a.copy()
    zero[:, [0, 3]] = 0.0
    cases["zero columns"] = zero
    cases["all zero"] = np.zeros((m, n))
    for name, size in (
        ("1e-120", 1e-120), ("1e+150", 1e150), ("1e-160", 1e-160), ("1e+300", 1e300),
        ("subnormal", 1e-310), ("1e-99", 1e-99), ("1e-146", 1e-146), ("1e+153", 1e153),
    ):  # fmt: skip
        scaled = a.copy()
        scaled[:, 1] *= size
        cases[f"a column of {name}"] = scaled
        cases[f"all of {name}"] = a * size
    for size in (1e-310, 1e-150, 1e155, 1e300):
        last = a.copy()
        last[:, -1] *= size
        cases[f"a last column of {size:g}"] = last
    late = a.copy()
    late[:-1, 2] = 0.0
    cases["a column that begins in the last row"] = late
    early = a.copy()
    early[1:, 2] = 0.0
    cases["a column that ends in the first row"] = early
    spike = a.copy()
    spike[m // 2, 2] = 1e200
    cases["one element of 1e200"] = spike
    tiny = np.full((m, n), 1e-170)
    tiny[:, 1:] = a[:, 1:]
    tiny[7, 0] = 1.0
    cases["a column of 1e-170 but for one element"] = tiny
    cases["integers"] = rng.integers(-3, 4, (m, n)).astype(float)
    equal = a.copy()
    equal[:, 4] = equal[:, 0]
    cases["two equal columns"] = equal
    return cases


@pytest.mark.parametrize("a", [pytest.param(a, id=name) for name, a in awkward(2000, 5).items()])
def test_awkward_columns_are_factored_as_by_the_original(a: np.ndarray) -> None:
    originals.require()
    f = np.random.default_rng(9).standard_normal(a.shape[0])
    r, ipvt, qtf, _ = factors(a, f)
    _, ipvt0, rdiag0, acnorm = originals.qrfac(a)
    size = np.where(acnorm > 0.0, acnorm, 1.0)[ipvt]
    np.testing.assert_allclose(np.abs(np.diag(r)) / size, np.abs(rdiag0) / size, atol=1e-13)
    b, u = a[:, ipvt] / size, r / size
    np.testing.assert_allclose(u.T @ u, b.T @ b, atol=1e-13)
    np.testing.assert_allclose(u.T @ qtf, b.T @ f, atol=1e-13 * np.linalg.norm(f))
    full = np.abs(rdiag0) > 1e-10 * acnorm[ipvt0]
    # by their contents: of two equal columns either may come first
    np.testing.assert_array_equal(a[:, ipvt[full]], a[:, ipvt0[full]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 63, 64, 1999])
def test_nan_and_infinity_in_a_tall_jacobian_are_info_9(bad: float, row: int) -> None:
    a = np.random.default_rng(0).standard_normal((2000, 5))
    a[row, 2] = bad
    *_, solver = factors(a, np.ones(2000))
    assert (solver.info, solver.done) == (9, True)
    assert solver.fnorm == pytest.approx(np.sqrt(2000.0))


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_tall_fits_at_both_ends_of_the_number_range_are_the_same_fit(size: float) -> None:
    func, jac = decay(1500)
    expected = LevenbergMarquardt(START, jac="analytic").run(func, jac=jac)
    solver = LevenbergMarquardt(START, jac="analytic")
    solver.run(lambda p: func(p) * size, jac=lambda p: jac(p) * size)
    assert (solver.info, solver.nfev) == (expected.info, expected.nfev)
    np.testing.assert_allclose(solver.x, expected.x, rtol=1e-10)


@pytest.mark.parametrize("jac", ["2-point", "analytic"])
@pytest.mark.parametrize("m", [256, 1001, 20000])
def test_tall_fits_take_the_steps_of_the_originals(jac: str, m: int) -> None:
    originals.require()
    func, jacobian = decay(m)
    tol = 1.49012e-8
    solver = LevenbergMarquardt(START, jac=jac)
    if jac == "analytic":
        solver.run(func, jac=jacobian)
        original = originals.lmder(func, jacobian, START, m, tol, tol, 0.0, 400)
    else:
        solver.run(func)
        original = originals.lmdif(func, START, m, tol, tol, 0.0, 800, EPS)
    assert (solver.info, solver.nfev) == original.counts
    # forward differences leave about eps**0.5 of noise in the point where the fit stops
    np.testing.assert_allclose(solver.x, original.x, rtol=1e-9 if jac == "analytic" else 1e-5)
    np.testing.assert_allclose(solver.fnorm, np.linalg.norm(original.fvec), rtol=1e-11)


def test_a_million_points() -> None:
    func, _ = decay(10**6)
    solver = LevenbergMarquardt(START).run(func)
    assert solver.success and solver.m == 10**6
    # the sum is the integral: the same fit on fewer points ends near by
    coarse = LevenbergMarquardt(START).run(decay(1000)[0])
    np.testing.assert_allclose(solver.x, coarse.x, rtol=1e-2)
    np.testing.assert_array_equal(solver.fvec, func(solver.x))


@pytest.mark.parametrize("m", [25, 255, 2000])
@pytest.mark.parametrize("scheme", ["2-point", "3-point", "cs", "analytic"])
def test_ask_and_tell_give_the_bits_of_run_at_any_height(m: int, scheme: str) -> None:
    func, jac = decay(m)
    ran = LevenbergMarquardt(START, jac=scheme).run(func, jac=jac if scheme == "analytic" else None)
    told = LevenbergMarquardt(START, jac=scheme)
    while not told.done:
        points = told.ask()
        if told.task == "jacobian":
            told.tell(jac(points))
        else:
            told.tell(func(points) if points.ndim == 1 else [func(p) for p in points])
    assert (told.info, told.nfev) == (ran.info, ran.nfev)
    assert told.x.tobytes() == ran.x.tobytes()
    assert told.fvec.tobytes() == ran.fvec.tobytes()
    assert told.covariance().tobytes() == ran.covariance().tobytes()


# Threads and instruction sets --------------------------------------------------------------------


def outcome(m: int, start: list[float]) -> tuple[bytes, bytes, int, int]:
    func, _ = decay(m)
    solver = LevenbergMarquardt(start).run(func).refine(func)
    return solver.x.tobytes(), solver.covariance().tobytes(), solver.info, solver.nfev


@pytest.mark.parametrize("m", [30, 9000])
def test_eight_threads_give_the_serial_bits(m: int) -> None:
    starts = [[1.0 + 0.1 * k, 1.0, 0.1] for k in range(8)]
    serial = [outcome(m, start) for start in starts]
    results: list[list[Any]] = [[] for _ in starts]
    barrier = threading.Barrier(8)

    def work(k: int) -> None:
        barrier.wait()
        results[k].extend(outcome(m, starts[k]) for _ in range(6))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert results == [[expected] * 6 for expected in serial]


def test_one_solver_is_not_run_by_two_threads_at_once() -> None:
    func, _ = decay(50)
    inside, go_on = threading.Event(), threading.Event()

    def waiting(p: np.ndarray) -> np.ndarray:
        inside.set()
        go_on.wait(30)
        return func(p)

    solver = LevenbergMarquardt(START)
    thread = threading.Thread(target=solver.run, args=(waiting,))
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(RuntimeError, match="running"):
            solver.run(func)
    finally:
        go_on.set()
        thread.join()
    assert solver.x.tobytes() == LevenbergMarquardt(START).run(func).x.tobytes()


def test_the_same_input_gives_the_same_bits_wherever_its_memory_lies() -> None:
    func, jac = decay(5003)
    seen = set()
    for offset in range(8):
        store = np.empty(5003 * 3 + 8)

        def moved(p: np.ndarray, store: np.ndarray = store, offset: int = offset) -> np.ndarray:
            view = store[offset : offset + 5003]
            view[:] = func(p)
            return view

        solver = LevenbergMarquardt(START, jac="analytic").run(moved, jac=jac)
        seen.add((solver.x.tobytes(), solver.fvec.tobytes()))
    assert len(seen) == 1


KERNEL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from test_levenberg_marquardt_tall import awkward, decay, factors, START, LevenbergMarquardt
out = {}
for name, a in awkward(700, 5).items():
    r, ipvt, qtf, _ = factors(a, np.linspace(-1, 1, 700))
    out[name] = np.concatenate([np.abs(r).ravel(), ipvt, np.abs(qtf)])
for m in (256, 1001):
    func, jac = decay(m)
    solver = LevenbergMarquardt(START, jac="analytic").run(func, jac=jac)
    out[f"fit {m}"] = np.concatenate([solver.x, [solver.info, solver.nfev]])
np.savez(sys.stdout.buffer, **out)
"""


def run_kernels(level: str) -> dict[str, np.ndarray]:
    import io
    from pathlib import Path

    tests = Path(__file__).parent
    path = os.pathsep.join([str(tests.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", KERNEL, str(tests)], capture_output=True, check=False,
        env={**os.environ, "FITCORE_CPU": level, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    with np.load(io.BytesIO(done.stdout)) as stored:
        return dict(stored)


def test_kernels_of_all_instruction_sets_agree_to_rounding() -> None:
    """A level that the processor lacks falls back to the one below, so this runs anywhere."""
    plain = run_kernels("v1")
    for level in ("v3", "v4", ""):
        other = run_kernels(level)
        assert set(other) == set(plain)
        for name, value in plain.items():
            if name.startswith("fit"):
                np.testing.assert_allclose(other[name], value, rtol=1e-8, err_msg=name)
                continue
            r0, r1 = value[:25].reshape(5, 5), other[name][:25].reshape(5, 5)
            ipvt0, ipvt1 = value[25:30], other[name][25:30]
            if not np.array_equal(ipvt0, ipvt1):  # equal columns may change places
                assert name == "two equal columns", (level, name)
                continue
            size = r0.max(axis=0)
            size[size == 0.0] = 1.0
            np.testing.assert_allclose(r1 / size, r0 / size, atol=1e-13, err_msg=name)
