"""StreamingLM with native functions: the fits of Python functions, and stops that say why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from native_functions import DATA, T, Y, function

from fitcore import NativeFunction
from fitcore.minpack import StreamingLM
from fitcore.native import NativeStop

START = [1.0, 1.0]


def model(**kws: Any) -> NativeFunction:
    return NativeFunction(function("decay_model"), "model", **{"derivatives": True, **kws})


def pieces(size: int, weights: Any = None) -> Any:
    def data() -> Iterator[tuple[Any, ...]]:
        for first in range(0, T.size, size):
            some = slice(first, first + size)
            yield (T[some], Y[some]) if weights is None else (T[some], Y[some], weights[some])

    return data


def rows(p: Any) -> Iterator[Any]:
    e = np.exp(-T / p[1])
    yield p[0] * e - Y, np.stack([e, p[0] * e * T / p[1] ** 2], axis=1)


@pytest.mark.parametrize("size", [1, 7, 50])
def test_a_model_with_chunks_of_data_is_fitted_as_by_python(size: int) -> None:
    plain = StreamingLM(START).run(rows)
    native = StreamingLM(START).run(*model().passes(pieces(size)))
    assert native.info == plain.info and native.nfev == plain.nfev and native.m == T.size
    np.testing.assert_allclose(native.x, plain.x, rtol=1e-12)
    np.testing.assert_allclose(native.covariance(), plain.covariance(), rtol=1e-9)


def test_weights_multiply_the_residuals() -> None:
    w = np.linspace(1, 3, T.size)

    def weighted(p: Any) -> Iterator[Any]:
        for f, j in rows(p):
            yield w * f, w[:, None] * j

    native = StreamingLM(START).run(*model().passes(pieces(9, w)))
    np.testing.assert_allclose(native.x, StreamingLM(START).run(weighted).x, rtol=1e-12)


def test_residuals_that_know_their_data_are_one_chunk() -> None:
    native = NativeFunction(
        function("decay_residual"), "residual", user_data=DATA, m=T.size, derivatives=True
    )
    solver = StreamingLM(START).run(*native.passes())
    np.testing.assert_allclose(solver.x, StreamingLM(START).run(rows).x, rtol=1e-12)


def test_data_get_the_arguments_and_empty_chunks_are_nothing() -> None:
    seen = []

    def data(size: int) -> Iterator[Any]:
        seen.append(size)
        yield T[:0], Y[:0]
        yield from pieces(size)()

    solver = StreamingLM(START).run(*model().passes(data), args=(25,))
    assert set(seen) == {25} and len(seen) == solver.nfev + solver.njev
    np.testing.assert_allclose(solver.x, StreamingLM(START).run(rows).x, rtol=1e-12)


def test_a_value_other_than_0_leaves_as_an_exception_and_the_fit_can_go_on() -> None:
    data = np.array([7, 4], dtype=np.int64)
    stopping = NativeFunction(
        function("stopping"), "residual", user_data=data, m=2, derivatives=True
    )
    solver = StreamingLM([3.0, 4.0], m=2)
    with pytest.raises(NativeStop) as stop:
        solver.run(*stopping.passes())
    assert stop.value.code == 7 and not solver.done
    data[1] = -1
    np.testing.assert_allclose(solver.run(*stopping.passes()).x, np.sqrt([3.0, 3.0]))


def test_an_exception_from_the_data_leaves_unchanged_and_the_fit_can_go_on() -> None:
    times = iter(range(100))

    def data() -> Iterator[Any]:
        yield T[:20], Y[:20]
        if next(times) == 3:
            raise OSError("gone")
        yield T[20:], Y[20:]

    solver = StreamingLM(START)
    with pytest.raises(OSError, match="gone"):
        solver.run(*model().passes(data))
    solver.run(*model().passes(data))
    np.testing.assert_allclose(solver.x, StreamingLM(START).run(rows).x, rtol=1e-12)


@pytest.mark.parametrize(
    ("made", "data", "error", "words"),
    [
        (lambda: model(derivatives=False), pieces(5), TypeError, "wants derivatives"),
        (model, None, TypeError, "data must be callable"),
        (lambda: NativeFunction(function("rosenbrock"), "objective", derivatives=True), None,
         TypeError, "for kind='model' or 'residual'"),
        (lambda: NativeFunction(function("decay_residual"), "residual", user_data=DATA,
                                derivatives=True), None, ValueError, "m, the number of residuals"),
        (lambda: NativeFunction(function("decay_residual"), "residual", user_data=DATA,
                                m=T.size, derivatives=True), pieces(5),
         TypeError, "data is for kind='model'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(
    made: Any, data: Any, error: type[Exception], words: str
) -> None:
    native = made()
    with pytest.raises(error, match=words):
        native.passes(data)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (lambda: [T], TypeError, r"chunks \(x, y\) or \(x, y, weights\)"),
        (lambda: [(T, Y[:-1])], ValueError, "x must have shape"),
        (lambda: [(T, Y, np.ones(3))], ValueError, "weights must be"),
    ],
)
def test_chunks_that_are_none_are_refused(data: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        StreamingLM(START).run(*model().passes(data))
