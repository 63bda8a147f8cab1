"""What lmfit 1.3.4 gets wrong and fitcore must not: those without a test among their kind.

The whole list, with the tests of the others, is in docs/manual.md.
"""

import inspect
import math
import warnings
from typing import Any

import numpy as np
import pytest

import fitcore
from fitcore import Minimizer, Parameters, conf_interval2d, create_params, minimize
from fitcore.minimizer import METHODS

X = np.linspace(0, 5, 40)
LINE = 0.5 * X + 0.01 * np.cos(30 * X)
DECAY = 3 * np.exp(-X / 2) + 0.02 * np.cos(30 * X)
LOCAL = [
    name
    for name in METHODS
    if name
    not in ("brute", "emcee", "ampgo", "basinhopping", "differential_evolution", "direct", "shgo",
            "dual_annealing", "anneal")
]  # fmt: skip


def line(p: Any) -> Any:
    return p["m"] * X - LINE


def decay(p: Any) -> Any:
    return p["a"] * np.exp(-X / p["t"]) - DECAY


def start() -> Parameters:
    return create_params(
        a={"value": 1.0, "min": 0, "max": 10}, t={"value": 1, "min": 0.1, "max": 9}
    )


@pytest.mark.parametrize("method", LOCAL)
@pytest.mark.parametrize(
    ("value", "limits"), [(0, {"min": 0, "max": 2}), (2, {"min": 0, "max": 2}), (0, {"min": 0})]
)
def test_every_local_method_leaves_a_bound_it_starts_on(
    method: str, value: float, limits: dict[str, float]
) -> None:
    params = create_params(m={"value": value, **limits})
    result = minimize(line, params, method=method)
    assert result.success
    assert params["m"].value == pytest.approx(X @ LINE / (X @ X), abs=1e-4)


@pytest.mark.parametrize("method", [*LOCAL, "basinhopping", "ampgo", "dual_annealing", "brute"])
def test_nfev_is_the_number_of_calls(method: str) -> None:
    calls = []

    def counted(p: Any) -> Any:
        calls.append(p["a"].value)
        return decay(p)

    more = {"niter": 2} if method == "basinhopping" else {}
    more = {"totaliter": 1} if method == "ampgo" else more
    more = {"maxiter": 5} if method == "dual_annealing" else more
    more = {"Ns": 4} if method == "brute" else more
    result = Minimizer(counted, start()).minimize(method, **more)
    assert result.nfev == len(calls)


@pytest.mark.parametrize("method", LOCAL)
@pytest.mark.parametrize("fails", [False, True])
def test_settings_of_numpy_and_warnings_are_left_alone(method: str, fails: bool) -> None:
    inside = []

    def func(p: Any) -> Any:
        inside.append(np.geterr())
        if fails and len(inside) > 5:
            raise ZeroDivisionError
        return decay(p)

    with np.errstate(divide="warn", over="ignore", under="ignore", invalid="raise"):
        before, filters = np.geterr(), list(warnings.filters)
        try:
            minimize(func, start(), method=method)
        except ZeroDivisionError:
            assert fails
        assert np.geterr() == before
    assert list(warnings.filters) == filters
    assert all(state == before for state in inside)


def test_no_function_has_a_default_that_can_be_changed() -> None:
    public = [getattr(fitcore, name) for name in fitcore.__all__]
    functions = [item for item in public if callable(item)]
    for kind in (item for item in public if inspect.isclass(item)):
        functions += [item for _, item in inspect.getmembers(kind, inspect.isfunction)]
    checked = 0
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:  # built in, without a signature
            continue
        for parameter in parameters:
            checked += 1
            assert not isinstance(parameter.default, (list, dict, set, np.ndarray)), function
    assert checked > 200


def test_values_below_1e_15_between_bounds_are_not_zero() -> None:
    params = create_params(v={"value": 0.1, "min": -1, "max": 1})
    minimize(lambda p: (p["v"] - 1e-17) * X, params)
    assert params["v"].value == pytest.approx(1e-17, rel=1e-6)
    assert params["v"].setup_bounds() == pytest.approx(1e-17, rel=1e-6)


def test_limits_of_one_method_are_not_those_of_the_next() -> None:
    fitter = Minimizer(decay, start())
    before = dict(vars(fitter))
    fitter.leastsq(max_nfev=5)
    fitter.lbfgsb()
    assert fitter.result is not None and fitter.result.success
    fitter.basinhopping(niter=1)
    fitter.leastsq()
    assert fitter.result.success
    after = dict(vars(fitter))
    for changed in ("_result", "sampler", "_last_limit"):
        before.pop(changed, None)
        after.pop(changed, None)
    assert after == before


def test_a_region_leaves_fixed_parameters_and_expressions_as_they_are() -> None:
    params = start()
    params.add("k", expr="1 / t")
    params.add("z", value=1.0, vary=False)
    result = minimize(decay, params)
    state = result.params.dumps()
    conf_interval2d(result, "a", "t", 3, 3)
    for name in ("k", "z"):
        with pytest.raises(ValueError, match=name):
            conf_interval2d(result, "a", name, 3, 3)
    assert result.params.dumps() == state
    assert (result.params["z"].vary, result.params["k"].expr) == (False, "1 / t")


def test_a_region_uses_the_prob_func_it_is_given() -> None:
    result = minimize(decay, start())
    _, _, grid = conf_interval2d(result, "a", "t", 3, 4, prob_func=lambda best, new: 0.25)
    assert grid.shape == (4, 3)
    assert np.all(grid == 0.25)


def test_a_parameter_named_as_a_constant_hides_it_only_while_it_is_there() -> None:
    params = create_params(a=2.0, pi=1.0, b={"expr": "a * pi"})
    assert params["b"].value == 2.0
    del params["pi"]
    assert params["b"].value == 2 * math.pi
    other = create_params(a=2.0, b={"expr": "a * pi"})
    assert other["b"].value == 2 * math.pi


def test_the_end_of_a_fit_by_too_many_evaluations_has_a_message() -> None:
    # ier 5, where lmfit's message cannot be formatted.
    result = Minimizer(decay, start()).leastsq(maxfev=4)
    assert result.ier == 5 and not result.success
    assert "maxfev=4" in result.message


def test_what_is_deprecated_warns_and_works() -> None:
    with pytest.warns(DeprecationWarning, match="engine"):
        result = minimize(decay, start(), engine="leastsq")
    assert result.success


def test_an_aborted_global_fit_has_the_best_values_in_their_own_units() -> None:
    best = []

    def enough(params: Any, nfev: int, resid: Any) -> bool:
        best.append((float(resid @ resid), params.valuesdict()))
        return nfev == 30

    for method in ("basinhopping", "ampgo"):
        best.clear()
        result = Minimizer(decay, start(), iter_cb=enough).minimize(method)
        chisqr, values = min(best, key=lambda pair: pair[0])
        assert result.aborted
        assert result.chisqr == chisqr
        assert result.params.valuesdict() == values
