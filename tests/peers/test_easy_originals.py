"""The easy drivers are the original's."""

from __future__ import annotations

from typing import Any

import numpy as np
import originals
import originals_rows
import pytest
from problems import Case, problem

from fitcore import easy

NAMES = ("rosenbrock", "helical-valley", "freudenstein-roth", "bard", "beale", "wood", "osborne-1",
         "linear-full-rank-5x10", "broyden-banded-10")  # fmt: skip


def run(name: str, case: Case, tol: float) -> easy.EasyResult:
    p = case.problem
    if name == "lmdif1":
        return easy.lmdif1(p.residual, case.start, tol)
    if name == "lmder1":
        return easy.lmder1(p.residual, p.jacobian, case.start, tol)
    return easy.lmstr1(lambda x: [(p.residual(x), p.jacobian(x))], case.start, tol)


@pytest.mark.parametrize("tol", [1e-3, 2.0**-26])
@pytest.mark.parametrize("which", NAMES)
@pytest.mark.parametrize("name", ["lmdif1", "lmder1", "lmstr1"])
def test_x_info_and_calls_are_the_originals(name: str, which: str, tol: float) -> None:
    originals.require()
    case = Case(problem(which), 1.0)
    p = case.problem
    x, fvec, info, calls, _ = originals_rows.easy(
        name, p.residual, None if name == "lmdif1" else p.jacobian, case.start, p.m, tol
    )
    ours = run(name, case, tol)
    # forward differences magnify the last bits in which sums differ
    rtol = 1e-4 if name == "lmdif1" else 1e-6
    np.testing.assert_allclose(ours.x, x, rtol=rtol, atol=1e-9)
    if which != "linear-full-rank-5x10":  # there rounding decides between two ways to converge
        assert (ours.info, ours.nfev) == (info, calls)
    if ours.fvec is not None:
        np.testing.assert_allclose(ours.fvec, fvec, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("name", ["lmder1", "lmstr1"])
def test_orthogonal_to_working_precision_is_info_4(name: str) -> None:
    """MINPACK's info 8 becomes 4; powell-singular ends there by its starts' rounding."""
    originals.require()
    case = Case(problem("powell-singular"), 1.0)
    p = case.problem
    *_, info, _, _ = originals_rows.easy(name, p.residual, p.jacobian, case.start, p.m, 2.0**-26)
    assert run(name, case, 2.0**-26).info == info == 4


@pytest.mark.parametrize("name", ["hybrd1", "hybrj1"])
def test_the_hybrid_drivers_make_the_calls_of_the_originals(name: str) -> None:
    """And so does SciPy's fsolve, given their settings."""
    originals.require()
    scipy_optimize: Any = originals.require_peer("scipy.optimize")
    for which in ("rosenbrock", "helical-valley", "broyden-banded-10", "boundary-value-10"):
        case = Case(problem(which), 1.0)
        p = case.problem
        given = easy.settings(name, p.n, 1e-9)
        jac = None if name == "hybrd1" else p.jacobian
        x, _, info, calls, _ = originals_rows.easy(name, p.residual, jac, case.start, p.n, 1e-9)
        found, more, status, _ = scipy_optimize.fsolve(
            p.residual, case.start, fprime=jac, full_output=True, **given
        )
        ours = (
            easy.hybrd1(p.residual, case.start, 1e-9)
            if jac is None
            else easy.hybrj1(p.residual, jac, case.start, 1e-9)
        )
        assert (ours.info, ours.nfev) == (info, calls)
        np.testing.assert_allclose(ours.x, x, rtol=1e-8, atol=1e-10)
        # SciPy counts two calls of its own, before the fit
        assert (status, more["nfev"] - 2) == (info, calls)
        np.testing.assert_allclose(found, x, rtol=1e-8, atol=1e-10)


def test_settings_are_those_of_the_manual() -> None:
    """ANL-80-74, the pages of the five easy drivers."""
    least = {"ftol": 1e-5, "xtol": 1e-5, "gtol": 0.0, "factor": 100.0, "diag": None}
    assert easy.settings("lmdif1", 4, 1e-5) == {**least, "maxfev": 1000}
    assert easy.settings("lmder1", 4, 1e-5) == {**least, "maxfev": 500}
    assert easy.settings("lmstr1", 4, 1e-5) == {**least, "maxfev": 500}
    for name, maxfev in (("hybrd1", 1000), ("hybrj1", 500)):
        given = easy.settings(name, 4, 1e-5)
        assert given.pop("diag").tolist() == [1.0] * 4
        assert given == {"xtol": 1e-5, "maxfev": maxfev, "factor": 100.0}


def test_bad_input_is_named() -> None:
    for call, kind, match in (
        (lambda: easy.settings("lm", 1), ValueError, "name='lm' is unknown"),
        (lambda: easy.settings("lmder1", 0), ValueError, "n=0"),
        (lambda: easy.settings("lmder1", 1.5), TypeError, "n must be an integer"),
        (lambda: easy.lmdif1(len, [1.0], -1.0), ValueError, "tol=-1"),
        (lambda: easy.lmdif1(len, [], 1e-8), ValueError, "x0 must be a vector"),
        (lambda: easy.lmdif1(3, [1.0]), TypeError, "func must be callable"),
        (lambda: easy.lmder1(len, 3, [1.0]), TypeError, "jac must be a callable"),
        (lambda: easy.lmstr1(3, [1.0]), TypeError, "rows must be callable"),
    ):
        with pytest.raises(kind, match=match):
            call()  # type: ignore[no-untyped-call]
