"""The pivoted QR factorization and the norm are those of MINPACK's qrfac and enorm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import originals
import pytest
from native import build, lm_parameter, norm, qr_pivot

EPS = float(np.finfo(float).eps)
RNG_SHAPES = [(1, 1), (3, 3), (7, 4), (10, 10), (40, 12), (203, 9), (1000, 30)]


@pytest.fixture(autouse=True)
def _minpack() -> None:
    originals.require()


def triangle(factored: np.ndarray, rdiag: np.ndarray) -> np.ndarray:
    n = rdiag.size
    return np.triu(factored[:n], 1) + np.diag(rdiag)


def matrices(m: int, n: int):
    """Well- and ill-conditioned, badly scaled and rank-deficient ones."""
    rng = np.random.default_rng([m, n])
    a = rng.standard_normal((m, n))
    yield "random", a
    yield "columns of many sizes", a * 10.0 ** rng.uniform(-8, 8, n)
    yield "columns near both ends", a * 10.0 ** rng.choice([-300.0, -160.0, 0.0, 150.0, 300.0], n)
    yield "rows of many sizes", a * 10.0 ** rng.uniform(-6, 6, (m, 1))
    mixed = (10.0 ** -np.linspace(0, 12, n))[:, None] * rng.standard_normal((n, n))
    yield "ill-conditioned", a @ mixed
    # what is left of the columns after the first step is 1e-10 of them, and of many sizes: norms
    # brought up to date by subtraction alone would be noise
    yield "nearly parallel columns", a[:, :1] + a * 1e-10 * 10.0 ** rng.uniform(-2, 0, n)
    zeros = a.copy()
    zeros[:, ::2] = 0.0
    yield "zero columns", zeros
    yield "all zero", np.zeros((m, n))
    yield "integers with ties", rng.integers(-1, 2, (m, n)).astype(float)


CASES = [pytest.param(a, id=f"{m}x{n} {name}") for m, n in RNG_SHAPES for name, a in matrices(m, n)]


@pytest.mark.parametrize("a", CASES)
def test_pivots_and_r_are_those_of_qrfac(a: np.ndarray) -> None:
    m, n = a.shape
    factored, ipvt, rdiag, acnorm, _ = qr_pivot(a)
    expected, ipvt0, rdiag0, acnorm0 = originals.qrfac(a)
    np.testing.assert_allclose(acnorm, acnorm0, rtol=(4 + m / 100) * EPS)
    # Where remaining columns are equally long to rounding either may be taken: a pivot is the
    # original's, or of a length that the original's own next pivot does not surpass.
    same = int(np.argmin(np.append(ipvt == ipvt0, False)))
    if same < n:
        tie = abs(rdiag[same]) - abs(rdiag0[same])
        assert abs(tie) <= 50 * EPS * max(abs(rdiag0[same]), acnorm.max())
    r, r0 = triangle(factored, rdiag)[:same, :same], triangle(expected, rdiag0)[:same, :same]
    columns = acnorm[ipvt[:same]]
    assert np.all(np.abs(r - r0) <= 10 * n * EPS * columns + 5e-324)
    assert not rdiag[acnorm[ipvt] == 0.0].any()


@pytest.mark.parametrize("a", CASES)
def test_q_r_is_the_permuted_matrix_and_its_diagonal_falls(a: np.ndarray) -> None:
    m, n = a.shape
    factored, ipvt, rdiag, acnorm, _ = qr_pivot(a)
    assert sorted(ipvt) == list(range(n))
    assert np.all(np.abs(rdiag[1:]) <= np.abs(rdiag[:-1]) * (1 + 1e-7))
    r = triangle(factored, rdiag)
    # Q^T applied to each column gives the columns of R, whatever the column's size
    for j in range(n):
        size = acnorm[ipvt[j]]
        column = a[:, ipvt[j]] / (size or 1.0)
        image = np.zeros(m)
        image[:n] = r[:, j] / (size or 1.0)
        *_, qtb = qr_pivot(a, column)
        np.testing.assert_allclose(qtb, image, rtol=0, atol=20 * n * EPS)


def test_right_hand_side_becomes_that_of_numpys_q() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((30, 6)), rng.standard_normal(30)
    factored, ipvt, rdiag, _, qtb = qr_pivot(a, b)
    solution = np.zeros(6)
    solution[ipvt] = np.linalg.solve(triangle(factored, rdiag), qtb[:6])
    np.testing.assert_allclose(solution, np.linalg.lstsq(a, b, rcond=None)[0], rtol=1e-12)
    assert np.linalg.norm(qtb) == pytest.approx(np.linalg.norm(b), rel=1e-14)


def test_the_sources_with_run_time_checks_give_the_same_factors(tmp_path: Path) -> None:
    """Compiled with -fcheck=all: a subscript out of bounds would end the test."""
    checked = build(tmp_path)
    for m, n in RNG_SHAPES[:4]:
        for _, a in matrices(m, n):
            b = np.ones(m)
            for ours, theirs in zip(qr_pivot(a, b), qr_pivot(a, b, checked), strict=True):
                size = max(1.0, float(np.abs(theirs).max()))
                np.testing.assert_allclose(ours / size, theirs / size, rtol=0, atol=1e-12)
            r = np.triu(a[:n] + 3.0 * np.eye(n)) if np.abs(a).max() < 10.0 else np.eye(n)
            given = (r, np.arange(n), np.ones(n), np.ones(n), 0.1)
            assert lm_parameter(*given)[0] == pytest.approx(
                lm_parameter(*given, lib=checked)[0], rel=1e-10
            )
    assert norm([3.0, 4.0], checked) == 5.0


def test_reflections_stand_below_the_diagonal_as_minpack_leaves_them() -> None:
    a = np.random.default_rng(2).standard_normal((9, 4))
    factored, *_ = qr_pivot(a)
    np.testing.assert_allclose(np.tril(factored), np.tril(originals.qrfac(a)[0]), rtol=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_show_in_the_norms_and_end(bad: float) -> None:
    a = np.random.default_rng(3).standard_normal((12, 5))
    a[4, 2] = bad
    _, ipvt, _, acnorm, _ = qr_pivot(a)
    assert sorted(ipvt) == list(range(5))
    assert not np.isfinite(acnorm[2])
    assert np.isfinite(np.delete(acnorm, 2)).all()


# The norm ----------------------------------------------------------------------------------------

VECTORS = {
    "one": [3.0], "zero": [0.0], "negative zero": [-0.0], "3-4-5": [3.0, 4.0],
    "overflowing squares": [3e200, 4e200, -1e190], "largest": [1.7e308, 1e300],
    "underflowing squares": [3e-200, 4e-200, 1e-210], "subnormal": [5e-324, 1e-320],
    "large and small": [1e200, 1e-200, 1.0], "small and smaller": [1e-150, 1e-160, 1e-170],
    "near the upper limit of a safe square": [1.3e154] * 9,
    "near the lower limit": [1.5e-146] * 9, "one large among many": [1.0] * 999 + [1e160],
}  # fmt: skip


@pytest.mark.parametrize("v", VECTORS.values(), ids=VECTORS)
def test_norm_is_enorm_over_the_whole_range(v: list[float]) -> None:
    assert norm(v) == pytest.approx(originals.enorm(v), rel=2e-15 + 1e-17 * len(v), abs=5e-324)


@pytest.mark.parametrize("exponent", [-320, -308, -162, -150, -147, 0, 150, 153, 154, 155, 300])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 1001])
def test_norm_loses_no_digit_at_any_length_and_size(n: int, exponent: int) -> None:
    mantissas = np.random.default_rng(n).uniform(0.5, 1.0, n)
    with np.errstate(all="ignore"):
        v = mantissas * 10.0**exponent
    # exact: the squares of the scaled numbers, where long double has digits to spare
    scale = np.longdouble(v.max())
    exact = float(scale * np.sqrt(np.sum((v.astype(np.longdouble) / scale) ** 2)))
    assert norm(v) == pytest.approx(exact, rel=(4 + n / 100) * EPS, abs=5e-324)


def test_norm_of_infinity_and_nan_is_no_finite_number() -> None:
    assert norm([1.0, np.inf, 2.0]) == np.inf
    assert not np.isfinite(norm([np.inf, -np.inf]))
    assert np.isnan(norm([1.0, np.nan, 2.0]))
    assert np.isnan(norm([np.inf, np.nan]))
    assert np.isnan(norm([np.nan, 1e200, 1e-200]))


def test_norm_is_the_same_at_every_alignment() -> None:
    v = np.random.default_rng(5).standard_normal(1000)
    store = np.zeros(1010)
    expected = norm(v)
    for offset in range(8):
        store[offset : offset + 1000] = v
        assert norm(store[offset : offset + 1000]) == expected
