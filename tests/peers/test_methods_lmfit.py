"""The methods besides leastsq against lmfit's of the same names, and its brute force grids."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fitcore

lmfit = pytest.importorskip("lmfit")

X = np.linspace(0, 10, 101)
NOISE = 0.05 * np.random.default_rng(7).normal(size=X.size)

# Model, its true values, and the parameters as tuples for add_many.
CASES: dict[str, tuple[Any, dict[str, float], list[tuple[Any, ...]]]] = {
    "decay": (
        lambda a, t, c: a * np.exp(-X / t) + c,
        {"a": 3.0, "t": 2.5, "c": 0.5},
        [("a", 2.5, True, 0, 10), ("t", 2.0, True, 0.1, 20), ("c", 0.3, True, -2, 2)],
    ),
    "peak": (
        lambda h, m, s, b: h * np.exp(-0.5 * ((X - m) / s) ** 2) + b,
        {"h": 4.0, "m": 4.2, "s": 1.3, "b": 1.0},
        [
            ("h", 3.5, True, 0, 10),
            ("m", 4.0, True, 1, 9),
            ("s", 1.0, True, 0.2, 4),
            ("b", 0.8, True, -2, 2),
        ],
    ),
    "constrained": (
        lambda a, b, c: a + b * X + c * np.sin(X),
        {"a": 1.0, "b": 0.5, "c": 0.25},
        [("a", 0.8, True, -5, 5), ("b", 0.4, True, -2, 2), ("c", None, False, None, None, "b/2")],
    ),
}
METHODS = [
    "least_squares", "nelder", "powell", "cg", "bfgs", "lbfgsb", "tnc", "cobyla", "slsqp",
    "trust-constr", "differential_evolution", "basinhopping", "dual_annealing",
]  # fmt: skip


def settings(method: str) -> dict[str, Any]:
    """Tolerances at which the method comes near the minimum, as far as both take them."""
    if method == "basinhopping":
        return {"seed": 3, "niter": 5}
    if method == "dual_annealing":
        return {"seed": 3, "maxiter": 60}
    if method == "differential_evolution":
        return {"rng": 3}
    if method == "cobyla":
        return {"tol": 1e-5}
    return {"tol": 1e-10} if method in ("nelder", "powell") else {}


def fit(module: Any, case: str, method: str, **kws: Any) -> Any:
    model, true, start = CASES[case]
    data = model(**true) + NOISE
    params = module.Parameters()
    params.add_many(*start)
    fitter = module.Minimizer(lambda p: model(**p.valuesdict()) - data, params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitter.minimize(method=method, **kws)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_methods_agree_with_lmfits(method: str, case: str) -> None:
    ours = fit(fitcore, case, method, **settings(method))
    theirs = fit(lmfit, case, method, **settings(method))
    errors = fit(lmfit, case, "leastsq")
    assert ours.success, ours.message
    # Neither ends higher than the other, but for what its tolerances leave.
    assert ours.chisqr == pytest.approx(theirs.chisqr, rel=2e-4)
    assert ours.chisqr <= theirs.chisqr * (1 + 2e-5)
    assert (ours.ndata, ours.nvarys, ours.nfree) == (theirs.ndata, theirs.nvarys, theirs.nfree)
    assert ours.aic == pytest.approx(theirs.aic, abs=0.05)
    assert ours.bic == pytest.approx(theirs.bic, abs=0.05)
    for name, item in errors.params.items():
        assert abs(ours.params[name].value - theirs.params[name].value) < 0.2 * item.stderr
        assert ours.params[name].stderr == pytest.approx(item.stderr, rel=5e-3)
        for other, correl in (item.correl or {}).items():
            assert ours.params[name].correl[other] == pytest.approx(correl, abs=5e-3)


def test_grids_and_their_scores_are_those_of_lmfit() -> None:
    ours = fit(fitcore, "decay", "brute", Ns=6, keep=7)
    data = CASES["decay"][0](**CASES["decay"][1]) + NOISE
    params = lmfit.Parameters()
    params.add_many(*CASES["decay"][2])
    model = CASES["decay"][0]
    theirs = lmfit.Minimizer(lambda p: model(**p.valuesdict()) - data, params).brute(Ns=6, keep=7)
    np.testing.assert_allclose(ours.brute_x0, theirs.brute_x0)
    np.testing.assert_allclose(ours.brute_grid, theirs.brute_grid)
    np.testing.assert_allclose(ours.brute_Jout, theirs.brute_Jout, rtol=1e-12)
    assert ours.brute_fval == pytest.approx(theirs.brute_fval)
    for mine, other in zip(ours.candidates, theirs.candidates, strict=True):
        assert mine.score == pytest.approx(other.score)
        assert mine.params.valuesdict() == pytest.approx(other.params.valuesdict())


def test_brute_steps_without_bounds_are_those_of_lmfit() -> None:
    model, true, _ = CASES["decay"]
    data = model(**true) + NOISE
    grids = []
    for module in (fitcore, lmfit):
        params = module.Parameters()
        params.add("a", value=3.0, brute_step=0.5)
        params.add("t", value=2.5, min=1, brute_step=0.25)
        params.add("c", value=0.5, max=1, brute_step=0.25)
        fitter = module.Minimizer(lambda p: model(**p.valuesdict()) - data, params)
        grids.append(fitter.brute(Ns=5).brute_grid)
    np.testing.assert_allclose(grids[0], grids[1])


@pytest.mark.parametrize("reduce_fcn", ["neglogcauchy", "negentropy"])
def test_the_reductions_of_residuals_are_lmfits(reduce_fcn: str) -> None:
    model, true, start = CASES["decay"]
    data = model(**true) + NOISE
    found = []
    for module in (fitcore, lmfit):
        params = module.Parameters()
        params.add_many(*start)
        fitter = module.Minimizer(
            lambda p: (model(**p.valuesdict()) - data) / 0.05, params, reduce_fcn=reduce_fcn
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = fitter.minimize(method="nelder", tol=1e-9)
        found.append(result)
    assert found[0].fun == pytest.approx(found[1].fun, rel=1e-6)


def test_a_scalar_is_the_number_that_is_minimized_and_not_its_square() -> None:
    """lmfit minimizes it too, but reports the square of it as chi-square."""
    model, true, start = CASES["decay"]
    data = model(**true) + NOISE

    def total(p: Any) -> float:
        return float(np.sum((model(**p.valuesdict()) - data) ** 2))

    found = []
    for module in (fitcore, lmfit):
        params = module.Parameters()
        params.add_many(*start)
        found.append(module.Minimizer(total, params).minimize(method="nelder", tol=1e-10))
    ours, theirs = found
    assert ours.fun == pytest.approx(theirs.fun, rel=1e-8)
    assert ours.chisqr == pytest.approx(ours.fun)
    assert theirs.chisqr == pytest.approx(theirs.fun**2)
