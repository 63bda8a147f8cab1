"""What the solver makes of user functions, arrays and arguments of every kind."""

from __future__ import annotations

import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decay import SCHEMES, START, T, each_scheme, jac_for, jacobian, residual

from fitcore.minpack import LevenbergMarquardt


def tall(n: int = 2000) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """The same fit with n points: the Jacobian is reduced in one pass."""
    t = np.linspace(0.0, 4.0, n)
    y = 3.0 * np.exp(-t / 2.0) + 0.1 * np.cos(5.0 * t)

    def func(p: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-t / p[1]) + p[2] - y

    def jac(p: np.ndarray) -> np.ndarray:
        decay = np.exp(-t / p[1])
        return np.stack([decay, p[0] * decay * t / p[1] ** 2, np.ones_like(t)], axis=1)

    return func, jac


def fingerprint(solver: LevenbergMarquardt) -> tuple[Any, ...]:
    return solver.x.tobytes(), solver.fvec.tobytes(), solver.info, solver.nfev, solver.fnorm


def fit(func: Callable[..., Any], scheme: str = "2-point", **options: Any) -> tuple[Any, ...]:
    jac = options.pop("jac", jac_for(scheme))
    return fingerprint(LevenbergMarquardt(START, jac=scheme).run(func, jac=jac, **options))


# What func may do with its argument and its result -----------------------------------------------


@each_scheme
def test_func_may_write_into_its_argument_and_keep_it(scheme: str) -> None:
    kept = []

    def func(p: np.ndarray) -> np.ndarray:
        value = residual(p)
        kept.append(p)
        p[...] = np.nan
        return value

    def jac(p: np.ndarray) -> np.ndarray:
        value = jacobian(p)
        p[...] = np.nan
        return value

    given = {"jac": jac} if scheme == "analytic" else {}
    assert fit(func, scheme, **given) == fit(residual, scheme)
    assert len({id(p) for p in kept}) == len(kept)
    assert all(np.isnan(p).all() for p in kept)


def shapes_of_results() -> dict[str, Callable[[np.ndarray], Any]]:
    buffer, wide = np.empty(T.size), np.empty((T.size, 3))
    history: list[np.ndarray] = []

    def same_buffer(v: np.ndarray) -> np.ndarray:
        buffer[:] = v
        return buffer

    def column_view(v: np.ndarray) -> np.ndarray:
        wide[:, 1] = v
        return wide[:, 1]

    def kept(v: np.ndarray) -> np.ndarray:
        history.append(v)
        return v

    def kept_view(v: np.ndarray) -> np.ndarray:
        history.append(v)
        return v[:]

    def kept_base(v: np.ndarray) -> np.ndarray:
        history.append(v[::-1])
        return v

    def kept_buffer(v: np.ndarray) -> np.ndarray:
        history.append(memoryview(v))  # type: ignore[arg-type]
        return v

    def read_only(v: np.ndarray) -> np.ndarray:
        v.flags.writeable = False
        return v

    def closed_over(v: np.ndarray) -> np.ndarray:
        history.append(lambda: v)  # type: ignore[arg-type]
        return v

    class Array(np.ndarray):
        pass

    return {
        "fresh": lambda v: v, "the same buffer": same_buffer, "a column view": column_view,
        "kept": kept, "a kept view": kept_view, "a view kept of it": kept_base,
        "a memoryview kept of it": kept_buffer, "read-only": read_only, "closed over": closed_over,
        "reversed": lambda v: np.ascontiguousarray(v[::-1])[::-1], "list": list,
        "tuple": tuple, "a list of numpy scalars": lambda v: [np.float64(a) for a in v],
        "other byte order": lambda v: v.astype(">f8"), "longdouble": lambda v: v.astype("g"),
        "a subclass": lambda v: v.view(Array), "masked": lambda v: np.ma.array(v),
        "from bytes": lambda v: np.frombuffer(v.tobytes()),
        "unaligned": lambda v: np.frombuffer(b"\0" + v.tobytes(), offset=1),
    }  # fmt: skip


@pytest.mark.parametrize("how", shapes_of_results())
@pytest.mark.parametrize("scheme", ["2-point", "3-point", "analytic"])
def test_the_kind_of_array_returned_does_not_change_a_bit(how: str, scheme: str) -> None:
    wrap = shapes_of_results()[how]
    assert fit(lambda p: wrap(residual(p)), scheme) == fit(residual, scheme)


@pytest.mark.parametrize("how", ["kept", "a kept view", "a view kept of it", "closed over"])
@pytest.mark.parametrize("big", [False, True])
@each_scheme
def test_results_that_the_user_keeps_are_never_written_to(how: str, big: bool, scheme: str) -> None:
    func, jac = tall() if big else (residual, jacobian)
    history: list[Any] = []

    def keeping(p: np.ndarray) -> np.ndarray:
        value = func(p)
        if how == "a view kept of it":
            history.append((value[2:], value.copy()[2:]))
        elif how == "closed over":
            history.append((lambda: value, value.copy()))
        else:
            history.append((value, value.copy()))
        return value[:] if how == "a kept view" else value

    def keeping_jac(p: np.ndarray) -> np.ndarray:
        value = jac(p)
        history.append((value, value.copy()))
        return value

    solver = LevenbergMarquardt(START, jac=scheme)
    solver.run(keeping, jac=keeping_jac if scheme == "analytic" else None)
    solver.refine(keeping)
    solver.fvec[:] = 1.0
    assert len(history) > 10
    for kept, then in history:
        np.testing.assert_array_equal(kept() if callable(kept) else kept, then)


def test_the_argument_itself_may_be_returned() -> None:
    solver = LevenbergMarquardt([3.0, -2.0, 0.5]).run(lambda p: p)
    assert solver.info in (1, 2, 4) and abs(solver.x).max() < 1e-7
    scaled = LevenbergMarquardt([3.0, -2.0, 0.5]).run(lambda p: p.__imul__(2.0))
    assert abs(scaled.x).max() < 1e-7


@pytest.mark.parametrize("how", ["float32", "int", "bool", "uint8"])
def test_other_real_types_are_taken_as_doubles(how: str) -> None:
    def func(p: np.ndarray) -> np.ndarray:
        return (100.0 * residual(p)).astype(how)

    assert fit(func) == fit(lambda p: func(p).astype(np.float64))


@pytest.mark.parametrize(
    "wrap",
    [np.ndarray.tolist, np.asfortranarray, lambda a: a.astype("f4"), lambda a: a[::-1][::-1]],
)
@pytest.mark.parametrize("big", [False, True])
def test_jacobian_may_come_in_any_layout_and_transposed(wrap: Any, big: bool) -> None:
    func, jac = tall() if big else (residual, jacobian)

    def rounded(p: np.ndarray) -> np.ndarray:
        return np.asarray(wrap(jac(p)), dtype=np.float64)

    expected = fit(func, "analytic", jac=rounded)
    assert fit(func, "analytic", jac=lambda p: wrap(jac(p))) == expected
    assert fit(func, "analytic", jac=lambda p: rounded(p).T, col_deriv=True) == expected


def test_args_reach_func_and_jac() -> None:
    def func(p: np.ndarray, scale: float, shift: str) -> np.ndarray:
        assert shift == "b"
        return residual(p) * scale

    solver = LevenbergMarquardt(START, jac="analytic")
    solver.run(func, (2.0, "b"), lambda p, scale, shift: jacobian(p) * scale)
    assert solver.success
    assert solver.fnorm == pytest.approx(2.0 * np.linalg.norm(residual(solver.x)), rel=1e-14)


@pytest.mark.parametrize("m", [1, 2, 50])
def test_one_variable(m: int) -> None:
    c = np.arange(1.0, m + 1.0)
    for func in (lambda p: c * (p[0] - 3.0), lambda p: list(c * (p - 3.0))):
        solver = LevenbergMarquardt(10.0).run(func)
        assert solver.success and solver.x == pytest.approx([3.0], rel=1e-7)
    scalar = LevenbergMarquardt([10.0]).run(lambda p: p[0] - 3.0)
    assert scalar.m == 1 and scalar.x == pytest.approx([3.0], rel=1e-7)


def test_as_many_residuals_as_variables() -> None:
    solver = LevenbergMarquardt([-1.2, 1.0]).run(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]])
    np.testing.assert_allclose(solver.x, [1.0, 1.0], rtol=1e-10)


# Exceptions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("big", [False, True])
@each_scheme
def test_an_exception_leaves_unchanged_at_any_call_and_run_resumes(
    error: BaseException, big: bool, scheme: str
) -> None:
    func, jac = tall() if big else (residual, jacobian)
    expected = fit(func, scheme, jac=jac if scheme == "analytic" else None)
    calls = fail_at = broken = 0

    def failing(p: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise error
        return func(p)

    def failing_jac(p: np.ndarray) -> np.ndarray:
        failing(p)
        return jac(p)

    given = failing_jac if scheme == "analytic" else None
    for at in (*range(1, 14), 17, 22):
        fail_at, calls = at, 0
        solver = LevenbergMarquardt(START, jac=scheme)
        with contextlib.suppress(type(error)):
            solver.run(failing, jac=given, callback=lambda s: None)
            continue
        broken += 1
        assert solver.info is None and not solver.done
        if solver.nfev:
            np.testing.assert_array_equal(solver.fvec, func(solver.x))
        solver.run(func, jac=jac if scheme == "analytic" else None)
        # a Jacobian that was broken off is formed again and counted once
        assert fingerprint(solver) == expected
    assert broken >= 10


def test_the_exception_is_the_one_that_func_raised_with_its_traceback() -> None:
    error = LookupError("mine")

    def failing(p: np.ndarray) -> np.ndarray:
        raise error

    with pytest.raises(LookupError) as caught:
        LevenbergMarquardt(START).run(failing)
    assert caught.value is error
    assert caught.traceback[-1].name == "failing"


def test_an_exception_of_the_callback_leaves_and_the_fit_goes_on_from_there() -> None:
    expected = fit(residual)

    def failing(solver: LevenbergMarquardt) -> None:
        if solver.nit == 2:
            raise KeyboardInterrupt

    solver = LevenbergMarquardt(START)
    with pytest.raises(KeyboardInterrupt):
        solver.run(residual, callback=failing)
    assert (solver.nit, solver.done) == (2, False)
    assert fingerprint(solver.run(residual)) == expected


def test_covariance_is_refused_after_a_jacobian_that_was_broken_off() -> None:
    calls = 0

    def failing(p: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ZeroDivisionError
        return residual(p)

    solver = LevenbergMarquardt(START).run(residual)
    before = fingerprint(solver)
    with pytest.raises(ZeroDivisionError):
        solver.refine(failing)
    assert fingerprint(solver)[:3] == before[:3]
    with pytest.raises(RuntimeError, match="Jacobian"):
        solver.covariance()
    assert solver.fjac is None
    solver.refine(residual)
    assert solver.covariance() is not None


# Memory ------------------------------------------------------------------------------------------


def grown(work: Callable[[], None], times: int) -> int:
    """Bytes by which `times` repetitions of the work, after some to warm up, make memory grow."""
    for _ in range(20):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_thousand_fits_leave_no_memory_behind(scheme: str) -> None:
    def work() -> None:
        solver = LevenbergMarquardt(START, jac=scheme, maxfev=12)
        solver.run(residual, jac=jac_for(scheme), callback=lambda s: None).refine(residual)
        solver.covariance()

    # not so much as one array header for each ten fits
    assert grown(work, 1000 if scheme == "2-point" else 250) < 2500


def test_fits_that_end_in_exceptions_leave_no_memory_behind() -> None:
    def work() -> None:
        for fail_at in (1, 2, 5, 6):
            calls = [0]

            def failing(p: np.ndarray, calls: list[int] = calls, at: int = fail_at) -> np.ndarray:
                calls[0] += 1
                if calls[0] == at:
                    raise ZeroDivisionError
                return residual(p)

            with contextlib.suppress(ZeroDivisionError):
                LevenbergMarquardt(START).run(failing)
        for wrong in ("abc", [1.0], np.ones((2, 2)), None):
            with contextlib.suppress(TypeError, ValueError):
                LevenbergMarquardt(START).run(lambda p, wrong=wrong: wrong)

    # 2000 fits: one object that each left behind would be 48 bytes at least
    assert grown(work, 250) < 2000 * 10


def test_reference_counts_of_what_was_given_are_as_before() -> None:
    x0, diag, argument, error = np.array(START), np.ones(3), object(), KeyError("k")
    func = lambda p, a: residual(p)  # noqa: E731
    jac = lambda p, a: jacobian(p)  # noqa: E731
    callback = lambda s: None  # noqa: E731
    value = residual(x0)

    def failing(p: np.ndarray, a: object) -> np.ndarray:
        raise error

    given = (x0, diag, argument, func, jac, callback, value, failing)
    before = [sys.getrefcount(item) for item in given]
    for _ in range(50):
        solver = LevenbergMarquardt(x0, jac="analytic", diag=diag)
        solver.run(func, (argument,), jac, callback=callback)
        LevenbergMarquardt(x0).run(lambda p: value)
        with pytest.raises(KeyError):
            LevenbergMarquardt(x0).run(failing, (argument,))
    error.__traceback__ = None
    del solver
    gc.collect()
    assert [sys.getrefcount(item) for item in given] == before
    np.testing.assert_array_equal(x0, START)


# Bad arguments -----------------------------------------------------------------------------------

BAD_ARGUMENTS: list[tuple[str, Any]] = [
    *[("x0", v) for v in ("abc", [1j], np.array([1 + 1j]), [], [[1.0, 2.0]], [np.nan], [np.inf])],
    *[("x0", v) for v in (None, [1, "a"], [[1], [1, 2]], {}, object())],
    *[("m", v) for v in (0, -3, 2.5, "a", True, 2**80, [3])],
    *[("jac", v) for v in ("3point", None, [1], 2, jacobian)],
    *[(name, v) for name in ("ftol", "xtol", "gtol") for v in ("a", -1.0, None, np.nan, 1j, [1.0])],
    *[("maxfev", v) for v in (-1, 1.5, "q", None, 2**70, np.nan, True)],
    *[("epsfcn", v) for v in ("a", -1.0, np.nan, np.inf, 1j)],
    *[("factor", v) for v in ("a", 0.0, -1.0, np.inf, np.nan, None)],
    *[("diag", v) for v in ("a", [0.0], [-1.0], [1.0, 2.0], [1j], [np.inf], [np.nan])],
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_ARGUMENTS)
@pytest.mark.filterwarnings("error")
def test_a_bad_argument_is_an_error_that_names_it(name: str, value: Any) -> None:
    arguments = {"x0": [1.0], name: value}
    with pytest.raises((ValueError, TypeError, OverflowError), match=rf"\b{name}\b"):
        LevenbergMarquardt(**arguments)


@pytest.mark.parametrize("m", [2**61, 2**50])
def test_more_residuals_than_memory_is_an_error(m: int) -> None:
    with pytest.raises((MemoryError, ValueError, OverflowError)):
        LevenbergMarquardt(START, m)


BAD_RESULTS: list[tuple[str, Any, type[Exception]]] = [
    ("a string", "abc", TypeError), ("None", None, TypeError), ("a dict", {}, TypeError),
    ("complex", np.ones(25) + 0j, TypeError), ("objects", np.array(["a"] * 25, object), TypeError),
    ("ragged", [[1.0], [1.0, 2.0]], TypeError), ("a column", np.ones((25, 1)), ValueError),
    ("too few", [1.0, 2.0], ValueError), ("dates", np.zeros(25, "M8[s]"), TypeError),
    ("empty", [], ValueError),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value", "error"), BAD_RESULTS, ids=lambda v: str(v)[:12])
def test_a_bad_result_of_func_is_an_error_that_says_what_is_wanted(
    what: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"residuals|func"):
        LevenbergMarquardt(START).run(lambda p: value)
    # and from the second call on
    solver, calls = LevenbergMarquardt(START), [0]

    def later(p: np.ndarray) -> Any:
        calls[0] += 1
        return residual(p) if calls[0] < 3 else value

    with pytest.raises((TypeError, ValueError), match=r"residuals|func"):
        solver.run(later)
    assert fingerprint(solver.run(residual)) == fit(residual)


@pytest.mark.parametrize("length", [1, 24, 26, 10**5])
def test_a_residual_whose_length_changes_is_an_error_with_both_lengths(length: int) -> None:
    for at in range(2, 9):
        calls = [0]

        def changing(p: np.ndarray, calls: list[int] = calls, at: int = at) -> np.ndarray:
            calls[0] += 1
            return residual(p) if calls[0] < at else np.ones(length)

        with pytest.raises(ValueError, match=rf"25 residuals before, {length} now"):
            LevenbergMarquardt(START).run(changing)


@pytest.mark.parametrize(
    "value",
    ["abc", None, [[1.0], [1.0, 2.0]], np.ones((3, 25)), np.ones(25), np.ones((25, 3)) + 0j],
)
def test_a_bad_jacobian_is_an_error_that_names_it(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"[Jj]ac"):
        LevenbergMarquardt(START, jac="analytic").run(residual, jac=lambda p: value)


def test_callables_and_args_are_checked_before_anything_is_called() -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("called")

    with pytest.raises(TypeError, match="func"):
        LevenbergMarquardt(START).run(3)
    with pytest.raises(TypeError, match="jac"):
        LevenbergMarquardt(START, jac="analytic").run(never)
    with pytest.raises(ValueError, match="jac='analytic'"):
        LevenbergMarquardt(START).run(never, jac=never)
    with pytest.raises(TypeError, match="callback"):
        LevenbergMarquardt(START).run(never, callback=5)
    with pytest.raises(TypeError, match="args"):
        LevenbergMarquardt(START).run(never, args=5)


def test_complex_steps_want_a_function_of_complex_numbers() -> None:
    with pytest.raises(TypeError, match="complex"):
        LevenbergMarquardt(START, jac="cs").run(lambda p: residual(p.real))
