"""minimize(..., backend='originals'): a whole fit on the original MINPACK-1."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import originals as peers
import pytest

import fitcore
from fitcore import AbortFitException, Minimizer, Parameters, fit_report, minimize

X = np.linspace(0, 15, 61)
DATA = 5 * np.sin(2 * X - 0.1) * np.exp(-0.025 * X**2) + 0.2 * np.sin(50 * X**2)
# what lmfit's are to be compared with: MINPACK's own settings
SETTINGS = {"ftol": 1e-9, "xtol": 1e-9, "epsfcn": 1e-12}


FOR_EVERY_BUILD = ("test_unknown_backends_are_an_error_with_and_without_the_originals",)


@pytest.fixture(autouse=True)
def _built(request: pytest.FixtureRequest) -> None:
    if request.node.name not in FOR_EVERY_BUILD:
        peers.require()


def residual(params: Any, x: np.ndarray = X) -> np.ndarray:
    v = params.valuesdict()
    return v["amp"] * np.sin(x * v["omega"] + v["shift"]) * np.exp(-v["decay"] * x**2) - DATA


def parameters(bounded: bool = True, module: Any = fitcore) -> Any:
    params = module.Parameters()
    low, high = (0, np.pi / 2) if bounded else (-np.inf, np.inf)
    params.add("amp", value=10, min=low)
    params.add("decay", value=0.1)
    params.add("shift", value=0.0, min=-high, max=high)
    params.add("omega", value=3.0)
    params.add("double", expr="2 * amp")
    return params


@pytest.mark.parametrize("bounded", [False, True])
def test_counts_values_and_uncertainties_are_those_of_lmfit_which_wraps_the_same(
    bounded: bool,
) -> None:
    lmfit = peers.require_peer("lmfit")
    mine = minimize(residual, parameters(bounded), backend="originals", **SETTINGS)
    theirs = lmfit.minimize(residual, parameters(bounded, lmfit), **SETTINGS)
    assert (mine.nfev, mine.ier, mine.success) == (theirs.nfev, theirs.ier, True)
    for name in mine.var_names:
        p, q = mine.params[name], theirs.params[name]
        assert p.value == pytest.approx(q.value, rel=1e-9)
        assert p.stderr == pytest.approx(q.stderr, rel=1e-4)
        assert p.correl["omega" if name != "omega" else "amp"] == pytest.approx(
            q.correl["omega" if name != "omega" else "amp"], rel=1e-3, abs=1e-5
        )
    assert mine.params["double"].stderr == pytest.approx(theirs.params["double"].stderr, rel=1e-4)
    assert mine.redchi == pytest.approx(theirs.redchi, rel=1e-10)


def test_result_and_report_say_which_backend_ran() -> None:
    ours = minimize(residual, parameters())
    theirs = Minimizer(residual, parameters(), backend="originals").minimize()
    assert (ours.backend, theirs.backend) == ("fitcore", "originals")
    assert "# fitting method   = leastsq\n" in fit_report(ours)
    assert "# fitting method   = leastsq (original MINPACK-1)\n" in fit_report(theirs)
    assert "leastsq (original MINPACK-1)" in theirs._repr_html_()
    assert pickle.loads(pickle.dumps(theirs)).backend == "originals"
    assert theirs.leastsq() and theirs.backend == "originals"


def test_jacobian_of_the_user_runs_lmder() -> None:
    t = np.linspace(0, 4, 25)
    y = 3 * np.exp(-t / 2) + 0.1 * np.cos(9 * t)

    def model(p: Parameters) -> np.ndarray:
        return p["a"] * np.exp(-t / p["tau"]) - y

    def jacobian(p: Parameters) -> np.ndarray:
        e = np.exp(-t / p["tau"].value)
        return np.stack([e, p["a"].value * e * t / p["tau"].value ** 2], axis=1)

    params = Parameters()
    params.add("a", value=1.0, max=20)
    params.add("tau", value=1.0, min=0.1)
    by_differences = minimize(model, params, inplace=False, backend="originals")
    analytic = minimize(model, params, inplace=False, backend="originals", Dfun=jacobian)
    assert analytic.nfev < by_differences.nfev
    exact = np.linalg.inv(jacobian(analytic.params).T @ jacobian(analytic.params))
    np.testing.assert_allclose(analytic.covar, exact * analytic.redchi, rtol=1e-5)
    np.testing.assert_allclose(by_differences.covar, analytic.covar, rtol=1e-4)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"jac": "cs"}, r"cannot do jac='cs'.*forward differences"),
        ({"jac": "3-point"}, r"cannot do jac='3-point'"),
        ({"callback": print}, "cannot do callback"),
        ({"refine": True}, "cannot do refine=True"),
    ],
)
def test_what_minpack_cannot_do_is_refused(setting: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        minimize(residual, parameters(), backend="originals", **setting)


def test_limits_and_stops_keep_the_best_values_so_far() -> None:
    params = parameters()
    result = minimize(residual, params, backend="originals", max_nfev=30)
    assert (result.nfev, result.aborted, result.success) == (30, True, False)
    assert "number of function evaluations > 30" in result.message
    assert result.chisqr <= float(residual(parameters()) @ residual(parameters()))
    np.testing.assert_array_equal(residual(result.params), result.residual)

    def enough(params: Any, nfev: int, resid: np.ndarray) -> bool:
        return nfev >= 12

    result = minimize(residual, parameters(), backend="originals", iter_cb=enough)
    assert result.nfev == 12 and "iter_cb" in result.message
    result = minimize(residual, parameters(), backend="originals", maxfev=10)
    assert result.ier == 5 and "maxfev=10" in result.message

    def giving_up(params: Any) -> np.ndarray:
        raise AbortFitException

    result = minimize(giving_up, parameters(), backend="originals")
    assert result.aborted and result.nfev == 1


@pytest.mark.parametrize("error", [LookupError("here"), KeyboardInterrupt()])
def test_exceptions_leave_unchanged_and_parameters_as_they_were(error: BaseException) -> None:
    params, calls = parameters(), 0

    def failing(p: Any) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise error
        return residual(p)

    with pytest.raises(type(error)) as caught:
        minimize(failing, params, backend="originals")
    assert caught.value is error
    assert params["amp"].value == 10 and params["amp"].stderr is None


def test_residuals_with_nan_are_refused_as_by_default() -> None:
    with pytest.raises(ValueError, match="NaN values and the fit aborted"):
        minimize(lambda p: residual(p) * np.nan, parameters(), backend="originals")


def test_too_few_residuals_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 residuals for 4 variables"):
        minimize(lambda p: residual(p)[:3], parameters(), backend="originals")


def test_variables_without_effect_are_named() -> None:
    params = parameters()
    params.add("idle", value=1.0)
    result = minimize(residual, params, backend="originals")
    assert not result.errorbars and "idle has no effect on the residuals" in result.message


def test_a_start_on_a_bound_is_moved_inside_and_told() -> None:
    params = parameters()
    params["shift"].value = np.pi / 2
    result = minimize(residual, params, backend="originals")
    assert list(result.moved) == ["shift"]


def test_residuals_in_single_precision_widen_the_steps() -> None:
    result = minimize(lambda p: residual(p).astype(np.float32), parameters(), backend="originals")
    assert result.success
    assert result.params["omega"].value == pytest.approx(2.0, abs=1e-3)


def test_unknown_backends_are_an_error_with_and_without_the_originals() -> None:
    with pytest.raises(ValueError, match=r"'fitcore', 'originals'; got 'minpack'"):
        minimize(residual, parameters(), backend="minpack")
    with pytest.raises(TypeError, match="backend"):
        Minimizer(residual, parameters(), backend=None)  # type: ignore[arg-type]
    if not fitcore.show_config(mode="dicts")["originals"]["found"]:
        with pytest.raises(ImportError, match="-Doriginals=enabled"):
            minimize(residual, parameters(), backend="originals")
