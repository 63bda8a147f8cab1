"""chkder is the original's, covar the inverse that exact arithmetic gives."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import originals
import originals_rows
import pytest
from problems import CASES, Case

from fitcore.minpack import LevenbergMarquardt, check_jacobian, chkder, covar

START_CASES = [c for c in CASES if c.factor == 1.0]


def damaged(jacobian: np.ndarray, size: float) -> np.ndarray:
    wrong = jacobian.copy()
    wrong[::2] *= 1.0 + size
    return wrong


@pytest.mark.parametrize("size", [0.0, 1e-7, 1e-4, 0.5, -2.0])
@pytest.mark.parametrize("case", START_CASES, ids=lambda c: c.id)
def test_errors_are_those_of_the_original(case: Case, size: float) -> None:
    originals.require()
    p = case.problem
    x = case.start + 0.137
    fvec, fjac = p.residual(x), damaged(p.jacobian(x), size)
    xp, fvecp, err = originals_rows.chkder(x, fvec, fjac, p.residual)
    np.testing.assert_array_equal(chkder(x), xp)
    ours = chkder(x, fvec, fjac, xp, fvecp)
    # err is (log10(d) - log10(sqrt(eps))) / log10(sqrt(eps)) of a difference d that is known to a
    # few eps
    eps = np.finfo(float).eps
    d = np.sqrt(eps) ** (1.0 + err)
    assert np.all(np.abs(ours - err) <= 1e-6 + 0.25 * eps / d)
    assert np.all((ours >= 0) & (ours <= 1))


@pytest.mark.parametrize("case", START_CASES[6:14], ids=lambda c: c.id)
def test_check_jacobian_makes_both_steps(case: Case) -> None:
    p, x = case.problem, case.start + 0.137
    expected = chkder(x, p.residual(x), p.jacobian(x), chkder(x), p.residual(chkder(x)))
    for jac, transposed in ((p.jacobian, False), (lambda x: p.jacobian(x).T, True)):
        found = check_jacobian(p.residual, jac, x, col_deriv=transposed)
        np.testing.assert_array_equal(found, expected)


def test_a_wrong_sign_is_found_and_nan_is_never_right() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.array([x[0] ** 2, x[0] * x[1], np.exp(x[1])])

    def jac(x: np.ndarray, sign: float) -> np.ndarray:
        return np.array([[2 * x[0], 0.0], [sign * x[1], x[0]], [0.0, np.nan]])

    err = check_jacobian(lambda x, s: f(x), jac, [1.3, 0.7], (-1.0,))
    assert err[0] > 0.9 and err[1] < 0.3 and err[2] == 0.0
    assert check_jacobian(lambda x, s: f(x), jac, [1.3, 0.7], (1.0,))[1] > 0.9


def exact_inverse(a: list[list[int]]) -> np.ndarray:
    """Gauss-Jordan in rational numbers."""
    n = len(a)
    rows = [[Fraction(v) for v in row] + [Fraction(int(i == j)) for j in range(n)]
            for i, row in enumerate(a)]  # fmt: skip
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [v - rows[i][k] * w for v, w in zip(rows[i], rows[k], strict=True)]
    return np.array([[float(v) for v in row[n:]] for row in rows])


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_covar_is_the_exact_inverse(n: int) -> None:
    rng = np.random.default_rng(n)
    r = np.triu(rng.integers(1, 5, (n, n)))
    order = rng.permutation(n)
    j = np.zeros((n, n), dtype=int)
    j[:, order] = r  # J P = R
    expected = exact_inverse((j.T @ j).tolist())
    below = r + np.tril(np.full((n, n), 99.0), -1)  # which nobody reads
    np.testing.assert_allclose(covar(below, order), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(covar(np.vstack([below, below]), order), expected, atol=1e-12)


def test_covar_drops_dependent_columns_by_minpacks_test() -> None:
    r = [[4.0, 1.0, 2.0], [0.0, 1e-3, 5.0], [0.0, 0.0, 2.0]]
    full = covar(r, [2, 0, 1])
    assert np.all(np.diag(full) > 0)
    # |r[1, 1]| = 1e-3 is at most 0.00025 |r[0, 0]|: one column is left, that of variable 2
    expected = np.zeros((3, 3))
    expected[2, 2] = 1.0 / 16.0
    np.testing.assert_array_equal(covar(r, [2, 0, 1], 0.00025), expected)
    np.testing.assert_array_equal(covar(r, [2, 0, 1], 0.00024), full)
    np.testing.assert_array_equal(covar(np.zeros((2, 2)), [0, 1]), np.zeros((2, 2)))


def test_covar_takes_the_factors_of_a_fit() -> None:
    case = next(c for c in CASES if c.id == "bard x1")
    p = case.problem
    solver = LevenbergMarquardt(case.start, jac="analytic").run(p.residual, jac=p.jacobian)
    found = covar(solver.fjac.T, solver.ipvt)
    np.testing.assert_allclose(found, solver.covariance(), rtol=1e-12)


def square(x: np.ndarray) -> np.ndarray:
    return x**2


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "x NaN": (lambda: chkder([np.nan]), ValueError, "x must be finite"),
    "x empty": (lambda: chkder([]), ValueError, "x must be a vector"),
    "x a string": (lambda: chkder("a"), TypeError, "x must be an array"),
    "some missing": (lambda: chkder([1.0], [1.0], [[1.0]]), TypeError, "missing: xp, fvecp"),
    "fvecp short": (
        lambda: chkder([1.0], [1, 2], [[1], [2]], [1.0], [1.0]), ValueError, "fvecp must have",
    ),
    "xp long": (
        lambda: chkder([1.0], [1, 2], [[1], [2]], [1.0, 2], [1, 2]), ValueError, "xp must have",
    ),
    "fjac transposed": (
        lambda: chkder([1.0], [1, 2], [[1, 2]], [1.0], [1, 2]), ValueError, "fjac must have",
    ),
    "func": (lambda: check_jacobian(3, square, [1.0]), TypeError, "func must be callable"),  # type: ignore[arg-type]
    "jac": (lambda: check_jacobian(square, 3, [1.0]), TypeError, "jac must be callable"),  # type: ignore[arg-type]
    "args": (lambda: check_jacobian(square, square, [1.0], 3), TypeError, "args must be"),  # type: ignore[arg-type]
    "a Jacobian of another shape": (
        lambda: check_jacobian(square, square, [1.0, 2.0]), ValueError, "the Jacobian from jac has",
    ),
    "func returns None": (
        lambda: check_jacobian(lambda x: None, square, [1.0]), (TypeError, ValueError), "func",
    ),
    "r flat": (lambda: covar(np.ones((2, 3)), [0, 1, 2]), ValueError, "r must be a matrix"),
    "r NaN": (lambda: covar([[np.nan]], [0]), ValueError, "r must be finite"),
    "ipvt from 1": (lambda: covar(np.eye(2), [1, 2]), ValueError, "ipvt must be a permutation"),
    "ipvt floats": (lambda: covar(np.eye(2), [0.0, 1.0]), TypeError, "ipvt must be an array of i"),
    "ipvt short": (lambda: covar(np.eye(2), [0]), ValueError, "ipvt must be a permutation"),
    "tol": (lambda: covar(np.eye(2), [0, 1], -1.0), ValueError, "tol=-1"),
}  # type: ignore[dict-item]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, kind, match = BAD[name]
    with pytest.raises(kind, match=match):
        call()
