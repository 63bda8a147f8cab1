"""L-BFGS-B through Parameters without bounds, on the 54 runs of NIST's problems."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from fitcore import MinimizerResult, Parameters, minimize, nist

# Where these runs end chi-square has another minimum, or does not depend on a parameter any more.
ELSEWHERE = {("Lanczos1", 2), ("Lanczos2", 2), ("Lanczos3", 2), ("BoxBOD", 1)}
RUNS = [(name, start) for name in nist.names() for start in (1, 2)]


@cache
def fit(name: str, start: int) -> tuple[MinimizerResult, float]:
    problem = nist.load(name)
    params = Parameters()
    for label, value in zip(problem.parameter_names, problem.starts[start - 1], strict=True):
        params.add(label, value=float(value))

    def residual(p: Any) -> Any:
        return problem.residual(np.array(p))

    with np.errstate(all="ignore"):
        result = minimize(residual, params, method="lbfgsb", nan_policy="propagate")
    return result, nist.digits([p.value for p in params.values()], problem.certified)


def test_47_runs_of_54_have_four_digits() -> None:
    assert sum(fit(*run)[1] >= 4 for run in RUNS) >= 47


@pytest.mark.parametrize(("name", "start"), RUNS)
def test_success_means_a_minimum(name: str, start: int) -> None:
    result, digits = fit(name, start)
    if result.success and (name, start) not in ELSEWHERE:
        assert digits >= 4
    if not result.success:
        assert "no minimum" in result.message or result.aborted


def test_a_fit_without_bounds_takes_no_more_evaluations_than_one_with_bounds_by_much() -> None:
    # The first step has the length that the model gives it, not 1 in the units of the solver.
    x = np.linspace(0, 5, 40)
    data = 3 * np.exp(-x / 2) + 0.02 * np.cos(30 * x)
    counts = []
    for limits in ({}, {"min": -1e9, "max": 1e9}):
        params = Parameters()
        params.add("a", value=1.0, **limits)
        params.add("t", value=1.0, **limits)
        result = minimize(lambda p: p["a"] * np.exp(-x / p["t"]) - data, params, method="lbfgsb")
        assert result.success
        counts.append(result.nfev)
    assert counts[0] <= 1.5 * counts[1]
