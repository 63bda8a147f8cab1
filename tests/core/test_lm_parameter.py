"""The Levenberg-Marquardt parameter is that of MINPACK's lmpar, and solves its problem."""

from __future__ import annotations

import numpy as np
import originals
import pytest
from native import lm_parameter

EPS = float(np.finfo(float).eps)
SIZES = (1, 2, 3, 6, 15)
FRACTIONS = (1e-8, 1e-3, 0.1, 0.5, 0.85, 0.95, 1.5)


@pytest.fixture(autouse=True)
def _minpack() -> None:
    originals.require()


def triangles(n: int, seed: int):
    """(name, R with a falling diagonal, exact rank)."""
    rng = np.random.default_rng([n, seed])
    r = np.triu(rng.standard_normal((n, n)))
    size = np.sort(np.abs(rng.uniform(0.5, 2.0, n)))[::-1]
    r[np.diag_indices(n)] = size * rng.choice([-1.0, 1.0], n)
    yield "well-conditioned", r, n
    yield "ill-conditioned", r * 10.0 ** -np.linspace(0.0, 10.0, n)[:, None], n
    yield "columns of many sizes", r * 10.0 ** rng.uniform(-6.0, 6.0, n), n
    for rank in {n - 1, n // 2} - {n}:
        deficient = r.copy()
        deficient[rank:] = 0.0
        yield f"rank {rank}", deficient, rank


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("guess", [0.0, 1e-3, 10.0])
def test_parameter_and_step_are_those_of_lmpar(n: int, fraction: float, guess: float) -> None:
    compared = 0
    for seed in range(3):
        rng = np.random.default_rng([n, seed, 1])
        ipvt, diag = rng.permutation(n), 10.0 ** rng.uniform(-2, 2, n)
        qtb = rng.standard_normal(n)
        for name, r, rank in triangles(n, seed):
            newton = np.zeros(n)
            newton[ipvt[:rank]] = np.linalg.solve(r[:rank, :rank], qtb[:rank]) if rank else 0.0
            length = float(np.linalg.norm(diag * newton)) or 1.0
            delta = fraction * length
            par, x, _, after = lm_parameter(r, ipvt, diag, qtb, delta, guess)
            par0, x0, _, _ = originals.lmpar(r, ipvt, diag, qtb, delta, guess)
            assert par == pytest.approx(par0, rel=1e-6), name
            np.testing.assert_allclose(
                diag * x, diag * x0, rtol=0, atol=1e-6 * max(length, delta), err_msg=name
            )
            np.testing.assert_array_equal(np.triu(after), np.triu(r), err_msg=name)
            compared += 1
    assert compared >= 9


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_step_meets_its_bound_and_solves_the_damped_problem(n: int, fraction: float) -> None:
    for seed in range(5):
        rng = np.random.default_rng([n, seed, 2])
        ipvt, diag = rng.permutation(n), 10.0 ** rng.uniform(-1, 1, n)
        qtb = rng.standard_normal(n)
        r = next(t for name, t, _ in triangles(n, seed) if name == "well-conditioned")
        a = np.zeros((n, n))
        a[:, ipvt] = r
        length = float(np.linalg.norm(diag * np.linalg.solve(a, qtb)))
        delta = fraction * length
        par, x, sdiag, _ = lm_parameter(r, ipvt, diag, qtb, delta)
        assert par >= 0.0
        if par == 0.0:
            assert np.linalg.norm(diag * x) <= 1.1 * delta
        else:
            assert np.linalg.norm(diag * x) == pytest.approx(delta, rel=0.1)
        damped = np.vstack([a, np.sqrt(par) * np.diag(diag)])
        expected = np.linalg.lstsq(damped, np.append(qtb, np.zeros(n)), rcond=None)[0]
        np.testing.assert_allclose(x, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
        if par > 0.0:  # S^T S = P^T (A^T A + par D^2) P has the determinant of its triangle
            determinant = np.linalg.slogdet(a.T @ a + par * np.diag(diag**2))[1]
            assert 2.0 * np.log(np.abs(sdiag)).sum() == pytest.approx(determinant, abs=1e-6)


@pytest.mark.parametrize("size", [1e-150, 1e-100, 1e100, 1e150])
def test_scaled_diag_and_bound_scale_the_parameter_only(size: float) -> None:
    rng = np.random.default_rng(7)
    r, qtb, ipvt = np.triu(rng.standard_normal((4, 4))) + 3 * np.eye(4), np.ones(4), np.arange(4)
    _, x, _, _ = lm_parameter(r, ipvt, np.ones(4), qtb, 0.1)
    par, scaled, _, _ = lm_parameter(r, ipvt, np.full(4, size), qtb, 0.1 * size)
    par0, scaled0, _, _ = originals.lmpar(r, ipvt, np.full(4, size), qtb, 0.1 * size)
    np.testing.assert_allclose(scaled, x, rtol=1e-10)
    assert par == pytest.approx(par0, rel=1e-6)
    np.testing.assert_allclose(scaled, scaled0, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_zero_triangle_and_zero_right_hand_side_give_a_zero_step(n: int) -> None:
    ones, zeros, order = np.ones(n), np.zeros(n), np.arange(n)
    for r, qtb in ((np.zeros((n, n)), ones), (np.eye(n), zeros)):
        par, x, _, _ = lm_parameter(r, order, ones, qtb, 1.0)
        par0, x0, _, _ = originals.lmpar(r, order, ones, qtb, 1.0)
        assert par == par0 == 0.0
        np.testing.assert_array_equal(x, x0)


def test_nan_ends_and_is_not_hidden() -> None:
    r = np.eye(3)
    r[0, 2] = np.nan
    _, x, _, _ = lm_parameter(r, np.arange(3), np.ones(3), np.ones(3), 0.1)
    assert np.isnan(x).any()
