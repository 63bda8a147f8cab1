"""Least squares by rows: the pieces change nothing, memory stays small, and ways out are clean."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fitcore.minpack import LevenbergMarquardt, StreamingLM

START = [1.0, 1.0, 0.0]
Pair = tuple[Any, Any]


def problem(m: int) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    t = np.linspace(0.0, 4.0, m)
    y = 3.0 * np.exp(-t / 2.0) + 0.1 * np.cos(5.0 * t)

    def func(p: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-t / p[1]) + p[2] - y

    def jac(p: np.ndarray) -> np.ndarray:
        decay = np.exp(-t / p[1])
        return np.stack([decay, p[0] * decay * t / p[1] ** 2, np.ones_like(t)], axis=1)

    return func, jac


def pieces(m: int, size: int) -> Callable[[np.ndarray], Iterator[Pair]]:
    func, jac = problem(m)

    def rows(p: np.ndarray) -> Iterator[Pair]:
        f, j = func(p), jac(p)
        for first in range(0, m, size):
            yield f[first : first + size], j[first : first + size]

    return rows


def fingerprint(solver: StreamingLM) -> tuple[Any, ...]:
    return (
        solver.x.tobytes(), solver.fnorm, solver.info, solver.nfev, solver.njev, solver.nit,
        None if solver.r is None else solver.r.tobytes(), solver.qtf.tobytes(), solver.m,
    )  # fmt: skip


# The mathematics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 511, 512, 513, 1024, 2999, 3000])
def test_the_length_of_the_chunks_does_not_change_a_bit(size: int) -> None:
    whole = StreamingLM(START).run(pieces(3000, 3000))
    assert fingerprint(StreamingLM(START).run(pieces(3000, size))) == fingerprint(whole)
    assert whole.success


def test_empty_chunks_and_chunks_of_many_lengths_do_not_change_a_bit() -> None:
    func, jac = problem(3000)
    cuts = [0, 0, 1, 5, 5, 700, 1900, 1901, 3000, 3000]

    def rows(p: np.ndarray) -> list[Pair]:
        f, j = func(p), jac(p)
        return [(f[a:b], j[a:b]) for a, b in itertools.pairwise(cuts)]

    whole = StreamingLM(START).run(pieces(3000, 3000))
    assert fingerprint(StreamingLM(START).run(rows)) == fingerprint(whole)


LAYOUTS: dict[str, Callable[[np.ndarray], Any]] = {
    "columns contiguous": np.asfortranarray,
    "a strided view": lambda a: np.repeat(a, 2, axis=0)[::2],
    "a reversed view": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "lists": lambda a: a.tolist(),
    "other byte order": lambda a: a.astype(">f8"),
    "read-only": lambda a: (a.setflags(write=False), a)[1],
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), offset=1).reshape(a.shape),
    "long double": lambda a: a.astype("g"),
}


@pytest.mark.parametrize("how", LAYOUTS)
def test_the_layout_of_the_rows_does_not_change_a_bit(how: str) -> None:
    plain = pieces(1500, 400)
    wrap = LAYOUTS[how]
    solver = StreamingLM(START).run(lambda p: [(wrap(f), wrap(j)) for f, j in plain(p)])
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(plain))


def test_residuals_of_their_own_do_not_change_a_bit_and_save_passes() -> None:
    rows, calls = pieces(1500, 400), [0, 0]

    def counted(p: np.ndarray) -> Iterator[Pair]:
        calls[0] += 1
        return rows(p)

    def residuals(p: np.ndarray) -> Iterator[np.ndarray]:
        calls[1] += 1
        return (f for f, _ in rows(p))

    solver = StreamingLM(START).run(counted, residuals)
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(rows))
    assert calls == [solver.njev, solver.nfev]


@pytest.mark.parametrize("m", [9, 255, 600, 5000])
def test_the_path_is_that_of_the_whole_jacobian(m: int) -> None:
    func, jac = problem(m)
    whole = LevenbergMarquardt(START, jac="analytic").run(func, jac=jac)
    solver = StreamingLM(START).run(pieces(m, 100))
    assert (solver.info, solver.nfev, solver.njev) == (whole.info, whole.nfev, whole.njev)
    np.testing.assert_allclose(solver.x, whole.x, rtol=1e-9)
    assert solver.fnorm == pytest.approx(float(np.linalg.norm(func(solver.x))), rel=1e-14)


@pytest.mark.parametrize("n", [1, 2, 5, 20, 45])
@pytest.mark.parametrize("m", [50, 1000])
def test_r_has_the_inner_products_of_the_jacobian(m: int, n: int) -> None:
    rng = np.random.default_rng([m, n])
    j, f = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-5, 5, n), rng.standard_normal(m)
    solver = StreamingLM(np.zeros(n))
    for told in ((f,), (f, j)):
        solver.tell(*told)
        solver.end_pass()
    size = np.linalg.norm(j, axis=0)
    scale = np.outer(size, size)
    np.testing.assert_allclose(
        (solver.r.T @ solver.r) / scale, (j.T @ j) / scale, rtol=0, atol=1e-14 * n
    )
    np.testing.assert_allclose(solver.r.T @ solver.qtf / size, j.T @ f / size, atol=1e-12)
    np.testing.assert_allclose(
        solver.covariance() * np.outer(size, size),
        np.linalg.inv((j / size).T @ (j / size)), rtol=1e-9, atol=1e-11,
    )  # fmt: skip


def norm_told(f: np.ndarray, size: int = 1000) -> float:
    solver = StreamingLM([1.0])
    for first in range(0, f.size, size):
        solver.tell(f[first : first + size])
    solver.end_pass()
    return solver.fnorm


@pytest.mark.parametrize("exponent", [-320, -308, -165, -150, -147, 0, 150, 153, 155, 165, 300])
def test_the_sum_of_squares_neither_overflows_nor_underflows(exponent: int) -> None:
    rng = np.random.default_rng(abs(exponent))
    with np.errstate(all="ignore"):
        f = rng.uniform(0.5, 1.0, 5000) * 10.0**exponent
        mixed = np.where(rng.uniform(size=5000) < 0.3, f, 1.0)
    for v in (f, mixed, np.concatenate([np.ones(2048), f, np.zeros(700)])):
        scale = np.longdouble(v.max())
        exact = float(scale * np.sqrt(np.sum((v.astype(np.longdouble) / scale) ** 2)))
        assert norm_told(v) == pytest.approx(exact, rel=1e-14, abs=5e-324)


def test_the_sum_of_squares_keeps_its_digits_over_many_rows() -> None:
    f = np.full(2_000_000, 0.1)
    assert norm_told(f) == pytest.approx(0.1 * np.sqrt(2e6), rel=4e-16)


@pytest.mark.parametrize("exponent", [-290, -170, -140, 140, 170, 290])
def test_columns_near_the_ends_of_the_number_range_lose_no_digit(exponent: int) -> None:
    rng = np.random.default_rng(3)
    j, f = rng.standard_normal((2000, 3)), rng.standard_normal(2000)
    triangles = []
    for size in (1.0, 10.0**exponent):
        solver = StreamingLM(np.zeros(3))
        solver.tell(f)
        solver.end_pass()
        solver.tell(f, j * [1.0, size, 1.0])
        solver.end_pass()
        triangles.append(solver.r / [1.0, size, 1.0])
    signs = np.sign(np.diag(triangles[0]) * np.diag(triangles[1]))[:, None]
    np.testing.assert_allclose(triangles[1] * signs, triangles[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("m", [20, 3000])
def test_a_column_of_zeros_is_pivoted_away_and_the_others_are_fitted(m: int) -> None:
    func, jac = problem(m)

    def rows(p: np.ndarray) -> list[Pair]:
        j = jac(p[[0, 1, 3]])
        return [(func(p[[0, 1, 3]]), np.insert(j, 2, 0.0, axis=1))]

    solver = StreamingLM([1.0, 1.0, 7.0, 0.0]).run(rows)
    whole = StreamingLM(START).run(pieces(m, m))
    assert solver.success and solver.x[2] == 7.0
    assert solver.fnorm == pytest.approx(whole.fnorm, rel=1e-9)
    assert solver.ipvt[3] == 2
    assert solver.covariance() is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 100, 2999])
@pytest.mark.parametrize("what", ["residual", "jacobian", "residual with rows"])
def test_nan_and_infinity_end_with_info_9(what: str, where: int, bad: float) -> None:
    func, jac = problem(3000)

    def residuals(p: np.ndarray) -> list[np.ndarray]:
        f = func(p)
        if what == "residual":
            f[where] = bad
        return [f]

    def rows(p: np.ndarray) -> list[Pair]:
        f, j = func(p), jac(p)
        if what == "jacobian":
            j[where, 1] = bad
        elif what == "residual with rows":
            f[where] = bad
        return [(f, j)]

    solver = StreamingLM(START).run(rows, residuals)
    assert solver.info == 9 and not solver.success
    assert "NaN or infinity" in solver.message
    assert solver.x.tolist() == START


def test_a_trial_of_nan_counts_as_no_reduction() -> None:
    func, jac = problem(600)

    def rows(p: np.ndarray) -> list[Pair]:
        f = func(p)
        return [(f * np.nan if p[1] > 3.0 else f, jac(p))]

    solver = StreamingLM([1.0, 0.3, 0.0], factor=1000.0).run(rows)
    assert solver.success
    assert solver.x[1] == pytest.approx(StreamingLM(START).run(pieces(600, 600)).x[1], rel=1e-6)


def test_a_fit_of_many_rows_takes_little_memory() -> None:
    m, size = 1_000_000, 5000

    def chunk(first: int) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(first, first + size) * (4.0 / m)
        return t, 3.0 * np.exp(-t / 2.0) + 0.1 * np.cos(5.0 * t)

    def rows(p: np.ndarray) -> Iterator[Pair]:
        for first in range(0, m, size):
            t, y = chunk(first)
            e = np.exp(-t / p[1])
            yield p[0] * e + p[2] - y, np.stack([e, p[0] * e * t / p[1] ** 2, 0 * t + 1], axis=1)

    tracemalloc.start()
    try:
        solver = StreamingLM(START).run(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert solver.success and solver.m == m
    # the chunks themselves take 0.5 MB; the residuals alone would take 8, the Jacobian 24
    assert peak < 2_000_000
    assert solver.x[0] == pytest.approx(StreamingLM(START).run(pieces(5000, 5000)).x[0], rel=1e-3)


# Ways in and out ---------------------------------------------------------------------------------


def test_ask_and_tell_take_the_path_of_run() -> None:
    func, jac = problem(700)
    solver = StreamingLM(START, 700)
    while not solver.done:
        x = solver.ask()
        assert solver.told == 0
        for k in range(0, 700, 300):
            if solver.task == "residual":
                solver.tell(func(x)[k : k + 300], "not looked at")  # type: ignore[arg-type]
            else:
                solver.tell(func(x)[k : k + 300], jac(x)[k : k + 300])
        assert solver.told == 700
        x[:] = np.nan
        solver.end_pass()
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(pieces(700, 700)))


class Leave(BaseException):
    pass


@pytest.mark.parametrize("kind", [Leave, KeyboardInterrupt, GeneratorExit, StopIteration, OSError])
def test_an_exception_leaves_unchanged_and_the_fit_resumes(kind: type[BaseException]) -> None:
    plain = pieces(900, 100)
    raised = [kind("first"), kind("second"), kind("third")]
    left, calls = list(raised), [0]

    class Chunks:
        def __init__(self, p: np.ndarray) -> None:
            self.chunks = plain(p)

        def __iter__(self) -> Chunks:
            return self

        def __next__(self) -> Pair:
            calls[0] += 1
            if calls[0] % 25 == 0 and left:
                raise left.pop(0)
            return next(self.chunks)

    solver = StreamingLM(START)
    if kind is StopIteration:  # the end of the chunks, by Python's protocol: a short pass
        with pytest.raises(ValueError, match="every pass must tell all"):
            solver.run(Chunks)
        return
    for expected in raised:
        with pytest.raises(kind) as caught:
            solver.run(Chunks)
        assert caught.value is expected
        assert not solver.done
    solver.run(Chunks)
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(plain))


def test_callback_sees_each_step_and_may_stop() -> None:
    seen: list[float] = []
    solver = StreamingLM(START).run(pieces(50, 50), callback=lambda s: seen.append(s.fnorm))
    assert len(seen) == solver.nit - 1  # the last one ends the fit
    assert seen == sorted(seen, reverse=True)
    for stop in (lambda s: s.nit == 2, lambda s: s.nit == 2 and s.stop()):
        stopped = StreamingLM(START).run(pieces(50, 50), callback=stop)
        assert (stopped.info, stopped.nit, stopped.done) == (-1, 2, True)
        assert "stopped" in stopped.message and not stopped.success


def test_callback_may_raise_stop_iteration() -> None:
    def callback(solver: StreamingLM) -> None:
        raise StopIteration

    assert StreamingLM(START).run(pieces(50, 50), callback=callback).info == -1


def test_stop_from_within_a_pass_ends_it_there() -> None:
    plain, taken = pieces(900, 100), [0]

    def rows(p: np.ndarray) -> Iterator[Pair]:
        for pair in plain(p):
            taken[0] += 1
            if taken[0] == 13:
                solver.stop()
            yield pair

    solver = StreamingLM(START)
    solver.run(rows)
    assert solver.info == -1 and taken[0] == 13
    assert solver.x.tolist() == START


def test_the_solver_refuses_a_second_use_while_it_runs() -> None:
    plain, refused = pieces(50, 50), []

    def rows(p: np.ndarray) -> Iterator[Pair]:
        for use in (
            lambda: solver.run(rows), solver.ask, lambda: solver.tell(1.0), solver.end_pass,
            solver.restart_pass, lambda: solver.__init__([1.0]),  # type: ignore[misc]
        ):  # fmt: skip
            with pytest.raises(RuntimeError, match="already running"):
                use()
            refused.append(use)
        return plain(p)

    solver = StreamingLM(START)
    solver.run(rows)
    assert len(refused) == 6 * (solver.nfev + solver.njev)
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(plain))


def test_a_fit_inside_a_fit_and_eight_at_once_give_the_same_bits() -> None:
    expected = fingerprint(StreamingLM(START).run(pieces(20000, 8000)))
    inner = []

    def rows(p: np.ndarray) -> Iterator[Pair]:
        for pair in pieces(20000, 8000)(p):
            if len(inner) < 3:
                inner.append(fingerprint(StreamingLM(START).run(pieces(20000, 6000))))
            yield pair

    outer = fingerprint(StreamingLM(START).run(rows))
    results: list[Any] = []

    def work() -> None:
        results.append(fingerprint(StreamingLM(START).run(pieces(20000, 9000))))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outer, *inner, *results] == [expected] * 12


def test_restart_pass_forgets_what_was_told() -> None:
    func, jac = problem(700)
    solver = StreamingLM(START)
    while not solver.done:
        x = solver.ask()
        solver.tell(np.full(600, 99.0), np.full((600, 3), 99.0))
        solver.restart_pass()
        assert solver.told == 0
        solver.tell(func(x), jac(x))
        solver.end_pass()
    assert fingerprint(solver) == fingerprint(StreamingLM(START).run(pieces(700, 700)))


def test_one_variable_and_single_rows_may_come_as_numbers() -> None:
    t = np.linspace(1.0, 2.0, 30)
    vectors = StreamingLM([0.5]).run(lambda p: [(p[0] * t - 3.0 * t, t)])
    single = StreamingLM([0.5]).run(lambda p: [(p[0] * a - 3.0 * a, a) for a in t])
    assert fingerprint(vectors) == fingerprint(single)
    assert single.x[0] == pytest.approx(3.0, rel=1e-12)


# Bad input ---------------------------------------------------------------------------------------

GOOD = pieces(50, 50)
BAD_SETUP: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "x0 empty": ({"x0": []}, ValueError, "x0 must be a vector"),
    "x0 a matrix": ({"x0": np.ones((2, 2))}, ValueError, "x0 must be a vector"),
    "x0 NaN": ({"x0": [np.nan]}, ValueError, "x0 must be finite"),
    "x0 complex": ({"x0": [1j]}, TypeError, "x0 must be an array of real"),
    "x0 None": ({"x0": None}, (TypeError, ValueError), "x0 must"),  # type: ignore[dict-item]
    "m too small": ({"m": 2}, ValueError, "m=2 residuals are fewer than the 3"),
    "m zero": ({"m": 0}, ValueError, "m=0 residuals"),
    "m negative": ({"m": -5}, ValueError, "m=-5"),
    "m a float": ({"m": 5.0}, TypeError, "m must be an integer"),
    "ftol negative": ({"ftol": -1.0}, ValueError, "ftol=-1"),
    "xtol NaN": ({"xtol": np.nan}, ValueError, "xtol=nan"),
    "gtol a string": ({"gtol": "a"}, TypeError, "gtol must be a number"),
    "maxfev negative": ({"maxfev": -1}, ValueError, "maxfev=-1"),
    "factor zero": ({"factor": 0}, ValueError, "factor=0"),
    "diag short": ({"diag": [1.0]}, ValueError, "diag must have shape"),
    "diag zero": ({"diag": [1.0, 0.0, 1.0]}, ValueError, "diag must be positive"),
}


@pytest.mark.parametrize("name", BAD_SETUP)
def test_bad_settings_are_named_and_leave_the_solver_as_it_was(name: str) -> None:
    given, kind, match = BAD_SETUP[name]
    with pytest.raises(kind, match=match):
        StreamingLM(**{"x0": START, **given})
    solver = StreamingLM(START).run(GOOD)
    before = fingerprint(solver)
    with pytest.raises(kind, match=match):
        solver.__init__(**{"x0": START, **given})  # type: ignore[misc]
    assert fingerprint(solver) == before


BAD_ROWS: dict[str, tuple[Any, type[Exception], str]] = {
    "not callable": (3, TypeError, "rows must be callable"),
    "None": (lambda p: None, TypeError, "rows must return the chunks"),
    "a number": (lambda p: 3.0, TypeError, "rows must return the chunks"),
    "no pair": (lambda p: [np.ones(5)], TypeError, "must give pairs"),
    "one pair instead of an iterable": (lambda p: next(GOOD(p)), TypeError, "must give pairs"),
    "a triple": (lambda p: [(1.0, [1.0] * 3, 2)], TypeError, "must give pairs"),
    "strings": (lambda p: [("abc", np.ones((1, 3)))], TypeError, "residuals of a chunk from rows"),
    "complex residuals": (lambda p: [(1j * np.ones(5), np.ones((5, 3)))], TypeError, "complex"),
    "residuals of two dimensions": (
        lambda p: [(np.ones((5, 1)), np.ones((5, 3)))], ValueError, "one-dimensional",
    ),
    "no rows": (lambda p: [], ValueError, "0 residuals are fewer than the 3 variables"),
    "too few rows": (lambda p: [(np.ones(2), np.ones((2, 3)))], ValueError, "2 residuals are fewe"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_chunks_are_named(name: str) -> None:
    rows, kind, match = BAD_ROWS[name]
    with pytest.raises(kind, match=match):
        StreamingLM(START).run(rows)


BAD_JACOBIANS: dict[str, tuple[Any, type[Exception], str]] = {
    "transposed": (np.ones((3, 50)), ValueError, r"shape \(3, 50\), wanted \(50, 3\)"),
    "a vector": (np.ones(150), ValueError, "wanted"),
    "too few": (np.ones((49, 3)), ValueError, "wanted"),
    "complex": (1j * np.ones((50, 3)), TypeError, "rows of a chunk from rows must be real"),
    "strings": ([["a"] * 3] * 50, TypeError, "must be real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], TypeError, "rows of a chunk"),
    "None": (None, TypeError, "rows of a chunk"),
    "objects": (np.array([[None] * 3] * 50), TypeError, "rows of a chunk"),
}


@pytest.mark.parametrize("name", BAD_JACOBIANS)
def test_bad_rows_of_the_jacobian_are_named(name: str) -> None:
    jac, kind, match = BAD_JACOBIANS[name]
    solver = StreamingLM(START)
    with pytest.raises(kind, match=match):
        solver.run(lambda p: [(next(GOOD(p))[0], jac)])
    assert solver.told == 0
    assert fingerprint(solver.run(GOOD)) == fingerprint(StreamingLM(START).run(GOOD))


@pytest.mark.parametrize("m", [None, 50])
def test_a_pass_of_another_length_is_an_error(m: int | None) -> None:
    for wrong in (40, 60):
        solver = StreamingLM(START, m)

        def rows(p: np.ndarray, wrong: int = wrong, s: StreamingLM = solver) -> Iterator[Pair]:
            return pieces(50 if s.nfev < 2 else wrong, 10)(p)

        with pytest.raises(ValueError, match="this pass has told"):
            solver.run(rows)
        assert fingerprint(solver.run(GOOD)) == fingerprint(StreamingLM(START).run(GOOD))


def test_other_bad_uses_are_named() -> None:
    solver = StreamingLM(START)
    with pytest.raises(RuntimeError, match="no finished Jacobian"):
        solver.covariance()
    with pytest.raises(TypeError, match="residuals must be callable"):
        solver.run(GOOD, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="residuals must return the chunks"):
        solver.run(GOOD, lambda p: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="callback must be callable"):
        solver.run(GOOD, callback=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="args must be a tuple"):
        solver.run(GOOD, None, 3)  # type: ignore[arg-type]
    solver.tell(next(GOOD(solver.ask()))[0])
    solver.end_pass()
    with pytest.raises(TypeError, match="rows must be given"):
        solver.tell(1.0)
    solver.run(GOOD)
    for use in (solver.ask, lambda: solver.tell(1.0), solver.end_pass):
        with pytest.raises(RuntimeError, match="the fit is finished"):
            use()
    with pytest.raises(ValueError, match="tol=-1"):
        solver.covariance(-1.0)
    empty = StreamingLM.__new__(StreamingLM)
    for use in (empty.ask, empty.end_pass, empty.stop, empty.covariance, empty.restart_pass,
                lambda: empty.tell(1.0), lambda: empty.run(GOOD), lambda: empty.x,
                lambda: empty.r, empty.__reduce__):  # fmt: skip
        with pytest.raises(RuntimeError, match="__init__ was not called"):
            use()
    assert "StreamingLM" in repr(empty)


def test_the_users_arrays_stay_as_they_were() -> None:
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def rows(p: np.ndarray) -> Iterator[Pair]:
        for f, j in pieces(1500, 700)(p):
            kept.extend([(f, f.copy()), (j, j.copy())])
            yield f, j

    start = np.array(START)
    StreamingLM(start).run(rows)
    assert start.tolist() == START
    for now, then in kept:
        np.testing.assert_array_equal(now, then)
