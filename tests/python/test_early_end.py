"""Fits by differences without tolerances: they end early, and at the solution all the same."""

import numpy as np
import pytest

from fitcore import Parameters, minimize, nist

TIGHT = {"ftol": 1e-11, "xtol": 1e-11}
# Those whose steps shrink fast, from NIST's second start.
EARLY = ("Gauss1", "Gauss3", "DanWood", "Misra1b", "Kirby2", "Roszman1", "Rat42")
# Without two whose standard errors are the rounding of the data.
PROBLEMS = [p for p in nist.problems() if p.name not in ("Lanczos1", "Lanczos2")]


def fit(problem, **settings):
    params = Parameters()
    for name, value in zip(problem.parameter_names, problem.starts[1], strict=True):
        params.add(name, value=float(value))

    def residual(p):
        return problem.model([item.value for item in p.values()]) - problem.y

    return minimize(residual, params, inplace=False, **settings)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_values_are_certified_ones_to_a_small_part_of_their_standard_errors(problem):
    found = [item.value for item in fit(problem).params.values()]
    errors = np.abs(np.array(found) - problem.certified) / problem.stderr
    rounding = 1e-10 * np.abs(problem.certified) / problem.stderr  # NIST gives 11 digits
    assert (errors <= 1e-5 + rounding).all()


@pytest.mark.parametrize("name", EARLY)
def test_a_fit_ends_before_its_tolerances_with_the_certified_standard_errors(name):
    problem = next(problem for problem in nist.problems() if problem.name == name)
    early, late = fit(problem), fit(problem, **TIGHT)
    assert early.success
    assert early.nfev < late.nfev
    errors = [item.stderr for item in early.params.values()]
    np.testing.assert_allclose(errors, problem.stderr, rtol=2e-6)


def test_tolerances_of_the_user_are_gone_to():
    problem = next(problem for problem in nist.problems() if problem.name == "Gauss3")
    loose = fit(problem, xtol=1e-11)
    assert loose.nfev == fit(problem, ftol=1e-11).nfev > fit(problem).nfev


def test_beside_a_bound_a_fit_goes_on_to_its_tolerances():
    x = np.linspace(0, 10, 50)
    y = 3 * np.exp(-x / 4) + 0.05 * np.sin(31 * x)

    def residual(p):
        return p["a"].value * np.exp(-x / p["t"].value) - y

    free = Parameters()
    free.add("a", value=1.0)
    free.add("t", value=1.5)
    best = minimize(residual, free, inplace=False, ftol=1e-15, xtol=1e-15, jac="3-point").params[
        "a"
    ]
    free["a"].set(value=1.0, max=best.value - 0.5 * best.stderr)
    held = minimize(residual, free, inplace=False)
    assert held.success
    assert held.at_bound == ("a",)
    assert held.params["a"].value == free["a"].max
