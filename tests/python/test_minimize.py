"""`minimize` and `Minimizer`: arguments, results, settings of the solver."""

import copy
import inspect
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import Minimizer, MinimizerResult, Parameter, Parameters, create_params, minimize
from fitcore.minimizer import METHODS, MinimizerException, coerce_float64

X = np.linspace(0, 15, 151)
DATA = 5 * np.sin(2 * X - 0.1) * np.exp(-(X**2) * 0.025) + 0.2 * np.cos(37 * X**2)


def sine(params: Any, x: Any, data: Any = None) -> Any:
    amp, shift = params["amp"].value, params["shift"].value
    model = amp * np.sin(x * params["omega"].value + shift) * np.exp(-x * x * params["decay"].value)
    return model if data is None else model - data


def sine_jacobian(params: Any, x: Any, data: Any = None) -> Any:
    """By amp, decay, shift, omega."""
    v = params.valuesdict()
    e = np.exp(-x * x * v["decay"])
    s, c = np.sin(x * v["omega"] + v["shift"]), np.cos(x * v["omega"] + v["shift"])
    return np.stack([s * e, -x * x * v["amp"] * s * e, v["amp"] * c * e, v["amp"] * x * c * e], 1)


def start() -> Parameters:
    params = Parameters()
    params.add("amp", value=10, min=0)
    params.add("decay", value=0.1)
    params.add("shift", value=0.0, min=-np.pi / 2, max=np.pi / 2)
    params.add("omega", value=3.0)
    return params


def values(result: Any) -> list[float]:
    return list(
        (result.params if isinstance(result, MinimizerResult) else result).valuesdict().values()
    )


def scipy_solution() -> tuple[Any, Any]:
    """Unbounded solution and its covariance by curve_fit at tight tolerances."""
    from scipy.optimize import curve_fit

    def model(x: Any, amp: Any, decay: Any, shift: Any, omega: Any) -> Any:
        return amp * np.sin(x * omega + shift) * np.exp(-x * x * decay)

    best, cov = curve_fit(
        model, X, DATA, [5, 0.02, -0.1, 2], ftol=1e-14, xtol=1e-14, gtol=1e-14, method="trf",
        jac="3-point",
    )  # fmt: skip
    return best, cov


def test_the_fit_finds_the_minimum_and_the_errors_that_scipy_finds() -> None:
    best, cov = scipy_solution()
    result = minimize(sine, start(), args=(X, DATA))
    assert_allclose(values(result), best, rtol=1e-7)
    assert result.covar is not None
    assert_allclose(result.covar, cov, rtol=1e-5, atol=1e-5 * np.abs(cov).max())
    errors = [item.stderr for item in result.params.values()]
    assert_allclose(errors, np.sqrt(np.diag(cov)), rtol=1e-5)
    omega = result.params["omega"].correl
    assert omega is not None
    assert_allclose(omega["shift"], cov[2, 3] / np.sqrt(cov[2, 2] * cov[3, 3]), rtol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda p: minimize(sine, p, "leastsq", (X, DATA)),
        lambda p: minimize(sine, p, "leastsq", [X], {"data": DATA}),
        lambda p: minimize(sine, p, (X, DATA)),
        lambda p: minimize(sine, p, (X,), {"data": DATA}),
        lambda p: minimize(sine, p, (X,), {"data": DATA}, "leastsq"),
        lambda p: minimize(sine, p, (X, DATA), method="leastsq"),
        lambda p: minimize(sine, p, None, {"x": X, "data": DATA}),
        lambda p: minimize(sine, p, args=(X,), kws={"data": DATA}),
        lambda p: minimize(fcn=sine, params=p, kws={"x": X, "data": DATA}),
        lambda p: minimize(sine, p, args=(X, DATA), method="LeastSq"),
        lambda p: minimize(sine, list(p.values()), args=(X, DATA)),
    ],
)
def test_both_orders_of_arguments_give_the_same_fit(call: Any) -> None:
    reference = minimize(sine, start(), args=(X, DATA))
    params = start()
    assert values(call(params)) == values(reference)
    assert values(params) == values(reference)


def test_a_dictionary_of_parameters_is_fitted_in_place_under_its_keys() -> None:
    reference = start()
    reference.add("period", expr="2*pi/omega")
    minimize(sine, reference, args=(X, DATA))
    source = start()
    # Of other Parameters, under another name, without any, and one that is computed.
    params = {
        "amp": source["amp"],
        "decay": Parameter("other", 0.1),
        "shift": Parameter(value=0.0, min=-np.pi / 2, max=np.pi / 2),
        "omega": Parameter(value=3.0),
        "period": Parameter(expr="2*pi/omega"),
    }
    items = dict(params)
    result = minimize(sine, params, args=(X, DATA))
    assert type(result.params) is Parameters
    assert values(result) == values(reference)
    assert params == items
    for name, item in params.items():
        best = reference[name]
        assert item is items[name]
        assert item.name == name
        assert (item.value, item.stderr, item.correl) == (best.value, best.stderr, best.correl)
        assert item.init_value == best.init_value
    assert source["omega"].value == 3.0
    params["amp"].value = 7.0
    assert result.leastsq(ftol=1e-6)
    assert params["amp"].value == result.params["amp"].value != 7.0


def test_minimizer_takes_a_dictionary_or_a_sequence_of_parameters_and_leaves_it_alone() -> None:
    reference = Minimizer(sine, start(), fcn_args=(X, DATA)).leastsq()
    for given in (dict(start()), MappingProxyType(start()), list(start().values())):
        items = list(given.values() if isinstance(given, Mapping) else given)
        before = [item.value for item in items]
        fitter = Minimizer(sine, given, fcn_args=(X, DATA))
        assert values(fitter.leastsq()) == values(reference)
        assert values(fitter.minimize(params=given)) == values(reference)
        assert fitter.prepare_fit(given).var_names == reference.var_names
        assert [item.value for item in items] == before
        assert minimize(sine, given, args=(X, DATA), inplace=False).success
        assert [item.value for item in items] == before


def test_engine_is_a_deprecated_name_of_method() -> None:
    with pytest.warns(DeprecationWarning, match="method"):
        assert minimize(sine, start(), args=(X, DATA), engine="leastsq").success
    with (
        pytest.warns(DeprecationWarning, match="method"),
        pytest.raises(ValueError, match="nosuch"),
    ):
        minimize(sine, start(), args=(X, DATA), engine="nosuch")


def test_help_shows_the_arguments() -> None:
    names = list(inspect.signature(minimize).parameters)
    assert names[:5] == ["fcn", "params", "method", "args", "kws"]
    assert {"iter_cb", "scale_covar", "nan_policy", "max_nfev", "inplace"} <= set(names)


def test_params_are_updated_in_place() -> None:
    params = start()
    result = minimize(sine, params, args=(X, DATA))
    for name, item in params.items():
        best = result.params[name]
        assert (item.value, item.stderr, item.correl) == (best.value, best.stderr, best.correl)
        assert item.init_value == start()[name].value
        assert item is not best
    params["amp"].value = 1.0
    params["amp"].correl["decay"] = 9.0  # type: ignore[index]
    assert result.params["amp"].value != 1.0
    assert result.params["amp"].correl["decay"] != 9.0  # type: ignore[index]


def test_inplace_false_leaves_params_alone() -> None:
    params = start()
    before = params.dumps()
    result = minimize(sine, params, args=(X, DATA), inplace=False)
    assert params.dumps() == before
    assert result.params["amp"].value != params["amp"].value


def test_minimizer_never_changes_what_it_is_given() -> None:
    params = start()
    before = params.dumps()
    args, kws = [X], {"data": DATA}
    fitter = Minimizer(sine, params, fcn_args=args, fcn_kws=kws)
    first = fitter.leastsq()
    second = fitter.minimize()
    assert params.dumps() == before
    assert (args, kws) == ([X], {"data": DATA})
    assert values(first) == values(second)
    assert first.nfev == second.nfev


def test_one_fit_leaves_nothing_to_the_next() -> None:
    fitter = Minimizer(sine, start(), fcn_args=(X, DATA))
    plain = fitter.leastsq()
    short = fitter.leastsq(max_nfev=5)
    other = fitter.leastsq(params=plain.params, Dfun=sine_jacobian, scale_covar=False)
    again = fitter.leastsq()
    assert short.aborted
    assert not again.aborted
    assert other.init_vals == values(plain)
    assert values(again) == values(plain)
    assert_array_equal(again.covar, plain.covar)


def test_settings_of_the_class_hold_for_its_fits_and_those_of_a_call_come_first() -> None:
    fitter = Minimizer(sine, start(), fcn_args=(X, DATA), ftol=1e-3, xtol=1e-3, refine=False)
    loose = fitter.leastsq()
    tight = fitter.leastsq(ftol=1e-12, xtol=1e-12)
    assert loose.call_kws["ftol"] == 1e-3
    assert tight.call_kws["ftol"] == 1e-12
    assert loose.nfev < tight.nfev


@pytest.mark.parametrize(
    "settings",
    [
        {"jac": "2-point"},
        {"jac": "3-point"},
        {"jac": "cs"},
        {"jac": sine_jacobian},
        {"Dfun": sine_jacobian},
        {"Dfun": lambda *a, **k: sine_jacobian(*a, **k).T, "col_deriv": 1},
        {"diag": [1.0, 100.0, 1.0, 1.0]},
        {"factor": 1.0},
        {"epsfcn": 1e-12},
        {"gtol": 1e-9},
        {"full_output": 1},
        {"refine": False, "ftol": 1e-14, "xtol": 1e-12, "jac": "3-point"},
    ],
    ids=lambda s: ",".join(s) + (str(s["jac"]) if isinstance(s.get("jac"), str) else ""),
)
def test_every_setting_leads_to_the_same_minimum(settings: dict[str, Any]) -> None:
    best, cov = scipy_solution()
    result = minimize(sine, start(), args=(X, DATA), **settings)
    assert result.success
    assert_allclose(values(result), best, rtol=2e-7)
    assert_allclose(result.covar, cov, rtol=2e-5, atol=2e-5 * np.abs(cov).max())


def test_Dfun_saves_the_evaluations_of_differences() -> None:
    calls = []

    def counted(*args: Any) -> Any:
        calls.append(1)
        return sine(*args)

    result = minimize(counted, start(), args=(X, DATA), Dfun=sine_jacobian)
    assert result.nfev == len(calls)
    assert result.nfev < minimize(sine, start(), args=(X, DATA)).nfev / 3


def test_Dfun_sees_only_the_parameters_that_vary_and_is_rescaled_at_bounds() -> None:
    params = start()
    params["decay"].set(value=0.025, vary=False)

    def without_decay(*args: Any) -> Any:
        return sine_jacobian(*args)[:, [0, 2, 3]]

    one = minimize(sine, params.copy(), args=(X, DATA), Dfun=without_decay)
    two = minimize(sine, params.copy(), args=(X, DATA))
    assert one.var_names == ["amp", "shift", "omega"]
    assert_allclose(values(one), values(two), rtol=2e-7)
    assert_allclose(one.covar, two.covar, rtol=1e-6, atol=1e-9)


def test_refine_costs_2n_plus_1_evaluations_and_sharpens_the_fit() -> None:
    best, cov = scipy_solution()
    loose = {"ftol": 1e-5, "xtol": 1e-5}
    plain = minimize(sine, start(), args=(X, DATA), refine=False, **loose)
    refined = minimize(sine, start(), args=(X, DATA), **loose)
    assert refined.nfev == plain.nfev + 2 * 4 + 1
    assert refined.chisqr <= plain.chisqr
    assert np.abs(values(refined) - best).max() < 0.1 * np.abs(values(plain) - best).max()
    assert_allclose(np.sqrt(np.diag(refined.covar)), np.sqrt(np.diag(cov)), rtol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize("no", [False, 0, np.False_, np.int64(0)])
def test_a_setting_that_is_true_or_false_may_be_of_numpy_or_0_or_1(no: Any) -> None:
    plain = minimize(sine, start(), args=(X, DATA), scale_covar=False, refine=False)
    found = minimize(sine, start(), args=(X, DATA), scale_covar=no, refine=no, col_deriv=no)
    assert_array_equal(found.covar, plain.covar)
    assert found.nfev == plain.nfev


def test_leastsq_takes_scale_covar_first_as_in_lmfit_0_7() -> None:
    fitter = Minimizer(sine, start(), fcn_args=(X, DATA))
    for no in (False, np.False_):
        assert_array_equal(fitter.leastsq(no).covar, fitter.leastsq(scale_covar=False).covar)  # type: ignore[arg-type]


def test_scale_covar_false_takes_the_errors_of_the_data_as_they_are() -> None:
    scaled = minimize(sine, start(), args=(X, DATA))
    absolute = minimize(sine, start(), args=(X, DATA), scale_covar=False)
    assert scaled.covar is not None
    assert absolute.covar is not None
    assert_allclose(absolute.covar * absolute.redchi, scaled.covar, rtol=1e-12)


def test_expressions_follow_and_get_propagated_errors() -> None:
    params = start()
    params.add("period", expr="2*pi/omega")
    params.add("product", expr="amp*decay")
    result = minimize(sine, params, args=(X, DATA))
    cov = result.covar
    assert cov is not None
    amp, decay, _, omega = values(result)[:4]
    assert params["period"].value == pytest.approx(2 * np.pi / omega, rel=1e-14)
    error = 2 * np.pi / omega**2 * np.sqrt(cov[3, 3])
    assert params["period"].stderr == pytest.approx(error, rel=1e-9)
    g = np.array([decay, amp, 0, 0])
    assert params["product"].stderr == pytest.approx(np.sqrt(g @ cov @ g), rel=1e-9)
    assert result.var_names == ["amp", "decay", "shift", "omega"]


def test_a_fit_through_expressions_is_the_fit_without_them() -> None:
    def line(params: Any) -> Any:
        return params["a"] + params["b"] * X - (2 + 3 * X + 0.1 * np.cos(9 * X))

    params = Parameters()
    params.add("b", expr="total - a")
    params.add("a", value=1.0)
    params.add("total", value=1.0)
    result = minimize(line, params)
    slope, intercept = np.polyfit(X, 2 + 3 * X + 0.1 * np.cos(9 * X), 1)
    assert_allclose(values(result)[:2], [slope, intercept], rtol=1e-9)
    cs = minimize(line, params, jac="cs")
    assert_allclose(values(cs), values(result), rtol=1e-9)
    assert_allclose(cs.covar, result.covar, rtol=1e-8)


def test_fixed_parameters_stay_and_have_no_part_in_the_errors() -> None:
    params = start()
    params["omega"].set(value=2.0, vary=False)
    result = minimize(sine, params, args=(X, DATA))
    assert params["omega"].value == 2.0
    assert params["omega"].correl is None
    assert result.nvarys == 3
    assert "omega" not in result.params["amp"].correl  # type: ignore[operator]


def test_complex_residuals_count_as_pairs_of_real_ones() -> None:
    target = (1 + 2j) * np.exp(1j * X) + 0.01 * np.cos(5 * X**2)

    def complex_residual(p: Any) -> Any:
        return (p["re"] + 1j * p["im"]) * np.exp(1j * X) - target

    def pairs(p: Any) -> Any:
        return complex_residual(p).view(float)

    params = fitcore.create_params(re=0.0, im=0.5)
    one, two = (minimize(f, params, inplace=False) for f in (complex_residual, pairs))
    assert one.ndata == 2 * X.size
    assert values(one) == values(two)
    basis = np.exp(1j * X)
    expected = np.vdot(basis, target) / np.vdot(basis, basis)
    assert_allclose(values(one), [expected.real, expected.imag], rtol=1e-9)


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        lambda r: r.reshape(-1, 1),
        lambda r: np.asfortranarray(np.stack([r[::2][:75], r[1::2]])),
        lambda r: r.astype(object),
        lambda r: np.repeat(r, 2)[::2],
    ],
    ids=["list", "column", "matrix", "objects", "strided"],
)
def test_residuals_may_be_any_array_of_numbers(wrap: Any) -> None:
    result = minimize(lambda p: wrap(sine(p, X, DATA)), start())
    # The matrix leaves out one point.
    assert_allclose(values(result), scipy_solution()[0], rtol=0.05 if result.ndata < 151 else 1e-7)


def test_single_precision_residuals_still_fit() -> None:
    result = minimize(lambda p: sine(p, X, DATA).astype(np.float32), start())
    assert_allclose(values(result), scipy_solution()[0], rtol=1e-4)
    assert result.errorbars


def test_an_integer_start_and_integer_data_fit() -> None:
    params = fitcore.create_params(a=1, b=2)
    counts = np.arange(20) * 3 + 7
    minimize(lambda p: p["a"] * np.arange(20) + p["b"] - counts, params)
    assert_allclose(values(params), [3, 7], rtol=1e-9)


def test_a_perfect_fit_has_finite_statistics() -> None:
    result = minimize(lambda p: p["a"] * X - 2 * X, fitcore.create_params(a=1.0))
    assert result.success
    assert result.chisqr < 1e-20
    assert np.isfinite([result.aic, result.bic, result.redchi]).all()
    assert result.params["a"].stderr == pytest.approx(0, abs=1e-9)


def test_as_many_points_as_variables_are_enough() -> None:
    result = minimize(
        lambda p: np.array([p["a"] - 1, p["b"] - 2.0]), fitcore.create_params(a=0, b=0)
    )
    assert result.success
    assert result.nfree == 0
    assert_allclose(values(result), [1, 2], rtol=1e-8)


@pytest.mark.parametrize("kind", ["iter_cb", "callback"])
def test_a_callback_stops_the_fit_and_the_best_values_stay(kind: str) -> None:
    seen: list[float] = []

    def iter_cb(params: Any, nfev: int, resid: Any, *args: Any, **kws: Any) -> bool:
        assert args[0] is X
        assert kws["data"] is DATA
        assert_array_equal(resid, sine(params, X, DATA))
        seen.append(float(resid @ resid))
        return nfev == 17

    def callback(params: Any, solver: Any) -> bool:
        seen.append(float(np.sum(sine(params, X, DATA) ** 2)))
        assert solver.fnorm**2 == pytest.approx(seen[-1], rel=1e-12)
        return len(seen) == 3

    which = {"iter_cb": iter_cb} if kind == "iter_cb" else {"callback": callback}
    params = start()
    result = minimize(sine, params, args=(X,), kws={"data": DATA}, **which)  # type: ignore[arg-type]
    assert result.aborted
    assert not result.success
    assert not result.errorbars
    assert "aborted" in result.message
    assert kind in result.message
    assert result.chisqr == pytest.approx(min(seen), rel=1e-9)
    assert np.sum(sine(params, X, DATA) ** 2) == pytest.approx(result.chisqr, rel=1e-12)
    if kind == "iter_cb":
        assert result.nfev == 17
    assert fitcore.fit_report(result)


def test_iter_cb_is_called_at_every_evaluation() -> None:
    counts: list[int] = []

    def note(params: Any, nfev: int, resid: Any, *args: Any) -> None:
        counts.append(nfev)

    result = minimize(sine, start(), args=(X, DATA), iter_cb=note)
    assert counts == list(range(1, result.nfev + 1))


@pytest.mark.parametrize("limit", [1, 2, 5, 17, 40])
def test_max_nfev_is_never_exceeded_and_the_best_values_stay(limit: int) -> None:
    chisqrs: list[float] = []

    def counted(params: Any) -> Any:
        residual = sine(params, X, DATA)
        chisqrs.append(float(residual @ residual))
        return residual

    params = start()
    result = minimize(counted, params, max_nfev=limit)
    assert len(chisqrs) == result.nfev == limit
    assert (result.aborted, result.success, result.errorbars) == (True, False, False)
    assert result.message == f"Fit aborted: number of function evaluations > {limit}"
    assert result.chisqr <= chisqrs[0]
    assert np.sum(sine(params, X, DATA) ** 2) == pytest.approx(result.chisqr, rel=1e-12)


def test_max_nfev_that_suffices_for_the_fit_gives_up_only_the_refinement() -> None:
    plain = minimize(sine, start(), args=(X, DATA), refine=False)
    result = minimize(sine, start(), args=(X, DATA), max_nfev=plain.nfev + 3)
    assert result.success
    assert result.nfev == plain.nfev
    assert_array_equal(result.covar, plain.covar)


def test_maxfev_is_minpacks_limit() -> None:
    result = minimize(sine, start(), args=(X, DATA), maxfev=20)
    assert (result.ier, result.success, result.aborted) == (5, False, False)
    assert "maxfev=20" in result.message


def test_AbortFitException_in_the_function_ends_the_fit() -> None:
    calls = []

    def limited(params: Any) -> Any:
        calls.append(1)
        if len(calls) > 8:
            raise fitcore.AbortFitException("enough")
        return sine(params, X, DATA)

    result = minimize(limited, start())
    assert result.aborted
    assert np.isfinite(result.chisqr)


def test_prepare_fit_collects_the_variables_without_fitting() -> None:
    params = start()
    params.add("twice", expr="2*amp")
    fitter = Minimizer(sine, params, fcn_args=(X, DATA))
    prepared = fitter.prepare_fit()
    assert prepared.var_names == ["amp", "decay", "shift", "omega"]
    assert prepared.init_vals == [10, 0.1, 0.0, 3.0]
    assert prepared.init_values == {"amp": 10, "decay": 0.1, "shift": 0.0, "omega": 3.0}
    assert prepared.nvarys == 4
    assert prepared.params["twice"].value == 20
    assert prepared.params is not params
    assert sine(prepared.params, X).shape == X.shape


def test_StopIteration_from_a_callback_stops_the_fit_as_a_true_value_does() -> None:
    def enough(*args: Any, **kws: Any) -> None:
        raise StopIteration

    def iter_cb(params: Any, nfev: int, *args: Any) -> bool:
        return nfev == 1

    expected = minimize(sine, start(), args=(X, DATA), iter_cb=iter_cb)
    stopped = minimize(sine, start(), args=(X, DATA), iter_cb=enough)
    assert stopped.aborted
    assert (stopped.message, stopped.chisqr) == (expected.message, expected.chisqr)
    once = minimize(sine, start(), args=(X, DATA), callback=lambda p, solver: True)
    stopped = minimize(sine, start(), args=(X, DATA), callback=enough)
    assert stopped.aborted
    assert (stopped.message, stopped.chisqr) == (once.message, once.chisqr)


def test_minimizer_without_arguments_offers_the_interpreter_of_expressions() -> None:
    fitter = Minimizer()
    fitter.asteval.symtable["double"] = lambda v: 2 * v
    assert fitter.params is not None
    fitter.params.add("a", value=1.0)
    fitter.params.add("b", expr="double(a)")
    fitter.userfcn = lambda p: p["b"] * X - 6 * X
    assert_allclose(values(fitter.leastsq()), [3, 6], rtol=1e-9)
    with pytest.raises(MinimizerException, match="userfcn"):
        Minimizer(params=start()).leastsq()


def test_the_methods_are_a_table_and_an_unknown_name_lists_it() -> None:
    with pytest.raises(ValueError, match="'nosuch' is unknown") as error:
        minimize(sine, start(), method="nosuch", args=(X, DATA))
    for name in METHODS:
        assert name in str(error.value)


def test_coerce_float64_follows_its_policy() -> None:
    assert_array_equal(coerce_float64([[1, 2], [3, 4 + 1j]]), [1, 0, 2, 0, 3, 0, 4, 1])
    assert_array_equal(coerce_float64([1, np.inf, np.nan], "omit"), [1])
    assert_array_equal(coerce_float64([1, np.inf, np.nan], "omit", handle_inf=False), [1, np.inf])
    assert_array_equal(coerce_float64([1, np.nan], "propagate"), [1, np.nan])
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    assert_array_equal(coerce_float64(masked, "omit"), [1])
    with pytest.raises(ValueError, match="NaN"):
        coerce_float64([1, np.nan])
    with pytest.raises(ValueError, match="nan_policy"):
        coerce_float64([1], "ignore")  # type: ignore[arg-type]


def test_import_loads_numpy_and_nothing_else_heavy() -> None:
    code = "import fitcore, sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"asteval", "scipy", "matplotlib", "lmfit", "pandas", "uncertainties", "dill"}
    assert not heavy & set(done.stdout.split())


def test_a_fit_without_expressions_needs_no_asteval() -> None:
    code = (
        "import fitcore, sys, numpy as np; x = np.arange(9.)\n"
        "p = fitcore.create_params(a=1., b=2.)\n"
        "fitcore.fit_report(fitcore.minimize(lambda p: p['a']*x + p['b'] - x**2, p))\n"
        "print('asteval' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_subclasses_and_copies_of_parameters_are_welcome() -> None:
    class Mine(Parameters):
        pass

    params = Mine()
    params.add("a", value=1.0)
    result = minimize(lambda p: p["a"] * X - 2 * X, copy.deepcopy(params))
    assert type(result.params) is Mine


def test_a_model_that_is_computed_to_nine_digits_still_fits() -> None:
    def rounded(params: Any) -> Any:
        return np.round(sine(params, X, DATA), 9)

    result = minimize(rounded, start())
    assert result.success
    errors = np.sqrt(np.diag(scipy_solution()[1]))
    assert np.all(np.abs(values(result) - scipy_solution()[0]) < 1e-3 * errors)
    assert_allclose([p.stderr for p in result.params.values()], errors, rtol=1e-3)


def test_max_nfev_is_the_limit_of_the_last_fit_and_does_not_stay_for_the_next():
    params = create_params(a=1.0, b=2.0)
    fitter = Minimizer(lambda p: np.array([p["a"] - 3, p["b"] + 1, p["a"] * p["b"]]), params)
    assert fitter.max_nfev is None
    assert fitter.leastsq(max_nfev=2).aborted and fitter.max_nfev == 2
    for method, limit in (("leastsq", 6000), ("lbfgsb", 6000), ("basinhopping", 600000)):
        assert fitter.minimize(method=method).success
        assert fitter.max_nfev == limit
    fitter.max_nfev = 3
    assert fitter.max_nfev == 3 and fitter.leastsq().aborted
