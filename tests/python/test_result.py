"""The result of a fit: its attributes, running it again, copies and pickles."""

import copy
import gc
import math
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitcore import Minimizer, MinimizerResult, Model, Parameters, create_params, minimize

X = np.linspace(0, 4, 41)
Y = 2 * np.exp(-1.3 * X) + 0.02 * np.cos(29 * X**2)


def residual(p: Any) -> Any:
    return p["amp"] * np.exp(-p["rate"] * X) - Y


def start() -> Parameters:
    return create_params(amp={"value": 1.0, "min": 0, "max": 10}, rate=3.0)


def test_every_attribute_of_the_manuals_table_of_fit_results_is_there() -> None:
    calls = []

    def counted(p: Any) -> Any:
        calls.append(1)
        return residual(p)

    result = minimize(counted, start())
    assert result.nfev == len(calls)
    assert result.success is True
    assert result.errorbars is True
    assert result.message == "Fit succeeded."
    assert result.ier in (1, 2, 3)
    assert "at most" in result.lmdif_message
    assert result.nvarys == 2
    assert result.ndata == 41
    assert result.ndfree == result.nfree == 39
    assert_array_equal(result.residual, residual(result.params))
    assert result.chisqr == pytest.approx(np.sum(result.residual**2), rel=1e-14)
    assert result.redchi == pytest.approx(result.chisqr / 39, rel=1e-14)


def test_the_attributes_of_lmfit_1_x_are_there() -> None:
    result = minimize(residual, start())
    n, chisqr = 41, result.chisqr
    assert result.aic == pytest.approx(n * math.log(chisqr / n) + 2 * 2, rel=1e-14)
    assert result.bic == pytest.approx(n * math.log(chisqr / n) + math.log(n) * 2, rel=1e-14)
    assert result.method == "leastsq"
    assert result.aborted is False
    assert result.status == result.ier
    assert result.var_names == ["amp", "rate"]
    assert result.init_vals == [1.0, 3.0]
    assert result.init_values == {"amp": 1.0, "rate": 3.0}
    assert result.values == result.params.valuesdict()
    assert result.call_kws["ftol"] == 1e-11
    u = result.last_internal_values
    assert 5 + 5 * math.sin(u[0]) == pytest.approx(result.params["amp"].value, rel=1e-12)
    assert u[1] == result.params["rate"].value


def test_errors_and_correlations_are_those_of_the_covariance_matrix() -> None:
    result = minimize(residual, start())
    cov = result.covar
    assert cov is not None
    assert_array_equal(cov, cov.T)
    for i, (name, item) in enumerate(result.params.items()):
        assert item.stderr == pytest.approx(math.sqrt(cov[i, i]), rel=1e-12)
        other = {"amp": "rate", "rate": "amp"}[name]
        expected = cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1])
        assert item.correl == {other: pytest.approx(expected, rel=1e-12)}


def test_uvars_are_correlated_values() -> None:
    uncertainties = pytest.importorskip("uncertainties")
    params = start()
    params.add("product", expr="amp*rate")
    result = minimize(residual, params)
    uvars = result.uvars
    assert uvars is not None
    assert uvars["amp"].n == result.params["amp"].value
    assert uvars["amp"].s == pytest.approx(result.params["amp"].stderr, rel=1e-9)
    product = uvars["amp"] * uvars["rate"]
    assert product.s == pytest.approx(result.params["product"].stderr, rel=1e-7)
    found = uncertainties.covariance_matrix([uvars["amp"], uvars["rate"]])
    assert_allclose(found, result.covar, rtol=1e-9)


def test_leastsq_runs_the_fit_again_and_updates_everything() -> None:
    params = start()
    result = minimize(residual, params)
    best = result.params.valuesdict()
    assert result.leastsq() is True
    assert result.init_values == best
    result.params["amp"].value = 5.0
    result.params["rate"].set(value=2.0, vary=False)
    assert result.leastsq(ftol=1e-6) is True
    assert result.nvarys == 1
    assert result.init_vals == [5.0]
    # The parameters given to minimize follow, as in lmfit 0.7.
    assert params["amp"].value == result.params["amp"].value != best["amp"]
    assert result.leastsq(max_nfev=2) is False


def test_leastsq_again_after_inplace_false_leaves_params_alone() -> None:
    params = start()
    result = minimize(residual, params, inplace=False)
    result.leastsq()
    assert params.valuesdict() == start().valuesdict()
    assert Minimizer(residual, params).leastsq().leastsq() is True
    assert params.valuesdict() == start().valuesdict()


@pytest.mark.parametrize("how", [copy.deepcopy, copy.copy])
def test_a_copy_is_independent_and_can_run_again(how: Any) -> None:
    result = minimize(residual, start())
    twin = how(result)
    assert twin.params.valuesdict() == result.params.valuesdict()
    if how is copy.deepcopy:
        twin.params["amp"].value = 9.0
        twin.residual[:] = 0
        assert result.params["amp"].value != 9.0
        assert result.residual.any()
    assert twin.leastsq()


def test_a_pickle_keeps_everything_but_the_function() -> None:
    result = minimize(lambda p: residual(p), start())
    twin = pickle.loads(pickle.dumps(result))
    assert twin.params.valuesdict() == result.params.valuesdict()
    assert twin.params["amp"].stderr == result.params["amp"].stderr
    assert_array_equal(twin.covar, result.covar)
    assert (twin.chisqr, twin.message, twin.nfev) == (result.chisqr, result.message, result.nfev)
    for again in (twin.leastsq, twin.prepare_fit, MinimizerResult().leastsq):
        with pytest.raises(RuntimeError, match="pickle or was not made by a fit"):
            again()


def test_prepare_fit_collects_the_variables_as_the_minimizer_of_lmfit_0_7_did() -> None:
    params = start()
    result = minimize(residual, params)
    best = result.params.valuesdict()
    before = copy.deepcopy(result)
    prepared = result.prepare_fit()
    assert prepared.init_values == best
    assert prepared.params is not result.params
    assert result.chisqr == before.chisqr
    assert result.params.valuesdict() == best
    assert result.prepare_fit(params=start()).init_values == {"amp": 1.0, "rate": 3.0}
    assert prepared.leastsq() is True
    assert prepared.params.valuesdict() == pytest.approx(best, rel=1e-6)


def test_what_prepare_fit_returns_can_be_fitted() -> None:
    params = start()
    fitter = Minimizer(residual, params)
    reference = fitter.leastsq()
    prepared = fitter.prepare_fit()
    assert prepared.leastsq() is True
    assert prepared.params.valuesdict() == reference.params.valuesdict()
    prepared = fitter.prepare_fit()
    prepared.params["rate"].set(value=1.3, vary=False)
    prepared.leastsq()
    assert prepared.nvarys == 1
    assert params.valuesdict() == start().valuesdict()


def test_results_do_not_share_their_arrays() -> None:
    fitter = Minimizer(residual, start())
    first = fitter.leastsq()
    kept = first.residual.copy()
    second = fitter.leastsq()
    second.residual[:] = 0
    assert_array_equal(first.residual, kept)


def test_repr_says_how_the_fit_ended() -> None:
    result = minimize(residual, start())
    assert "success" in repr(result)
    assert "not fitted" in repr(Minimizer(residual, start()).prepare_fit())
    assert "<h2>Fit Result</h2>" in result._repr_html_()
    assert "converged" in str(result) and "rate" in str(result)


def broken_expression() -> MinimizerResult:
    params = start()
    params.add("late", expr="amp")
    result = minimize(residual, params)
    result.params["late"].expr = "nosuch + 1"
    return result


@pytest.mark.parametrize(
    "make",
    [
        lambda: MinimizerResult(),
        lambda: MinimizerResult(chisqr=1.5),
        lambda: MinimizerResult(chisqr="large", redchi=None, nfev=np.int64(3), success=None),
        lambda: MinimizerResult(var_names=None, params=None),
        lambda: MinimizerResult(var_names=[1, None], method="<leastsq>"),
        lambda: MinimizerResult.__new__(MinimizerResult),
        lambda: Minimizer(residual, start()).prepare_fit(),
        lambda: minimize(residual, start(), max_nfev=1),
        broken_expression,
    ],
)
def test_a_repr_never_raises(make: Any) -> None:
    result = make()
    assert repr(result).startswith("<MinimizerResult")
    assert str(result) == f"{result}" != ""
    assert "<h2>Fit Result</h2>" in result._repr_html_()


def test_the_html_of_a_result_still_checks_its_arguments() -> None:
    result = minimize(residual, start())
    with pytest.raises(TypeError, match="min_correl"):
        result._repr_html_(min_correl="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="show_correl"):
        result._repr_html_(show_correl="x")  # type: ignore[arg-type]


def decay(x: Any, amp: float, rate: float) -> Any:
    return amp * np.exp(-rate * x)


@pytest.mark.parametrize(
    "fit",
    [
        lambda: minimize(residual, start()),
        lambda: minimize(residual, start(), method="lbfgsb"),
        lambda: minimize(residual, start(), bounds="native"),
        lambda: Model(decay).fit(Y, x=X, amp=1, rate=3),
    ],
    ids=["leastsq", "lbfgsb", "native bounds", "Model"],
)
def test_a_fit_leaves_nothing_to_the_garbage_collector(fit: Any) -> None:
    fit()
    gc.collect()
    gc.disable()
    try:
        alive = weakref.ref(fit())
        assert alive() is None
    finally:
        gc.enable()


def test_the_result_of_a_minimizer_can_fit_again_when_nobody_holds_the_minimizer() -> None:
    result = Minimizer(residual, start()).minimize()
    result.params["rate"].value = 2.5
    assert result.leastsq()
    inner = Model(decay).fit(Y, x=X, amp=1, rate=3).result
    assert inner is not None
    inner.params["rate"].value = 2.5
    assert inner.leastsq()
    assert inner.params["rate"].value == pytest.approx(result.params["rate"].value, rel=1e-6)
