"""Fits of native functions with Parameters: what Python functions give, without Python."""

from __future__ import annotations

import _thread
import threading

import numpy as np
import originals
import pytest
from native_functions import DATA, RESIDUAL, T, Y, function

import fitcore
from fitcore import Minimizer, Model, NativeFunction, Parameters, minimize

DERIVATIVES = pytest.mark.parametrize("derivatives", [False, True])


def decay(derivatives: bool = False, **options) -> NativeFunction:
    return NativeFunction(
        function("decay_residual"), m=50, user_data=DATA, derivatives=derivatives, **options
    )


def parameters(*changes: dict) -> Parameters:
    params = Parameters()
    params.add("amp", value=1.0)
    params.add("tau", value=1.0)
    for name, change in zip(("amp", "tau"), changes, strict=False):
        params[name].set(**change)
    return params


def by_python(native, params, derivatives, method="leastsq", **kws):
    """The same fit with a Python function, whose arithmetic is the native one's."""
    names = list(params) if native.names is None else list(native.names)

    def jacobian(p):
        columns = native.jacobian(p)
        varying = [name for name in p if p[name].vary]
        return columns[:, [names.index(name) for name in varying]]

    if derivatives:
        kws["Dfun"] = jacobian
    return minimize(lambda p: native(p), params, method=method, inplace=False, **kws)


def same(found, expected):
    for name, item in expected.params.items():
        assert found.params[name].value == item.value, name
        assert found.params[name].stderr == item.stderr, name
    assert np.array_equal(found.residual, expected.residual)
    for name in ("nfev", "message", "success", "ier", "chisqr", "at_bound", "moved", "redchi"):
        assert getattr(found, name) == getattr(expected, name), name
    assert found.covar is expected.covar or np.array_equal(found.covar, expected.covar)


BOUNDS = [
    (),
    ({"min": 0, "max": 10}, {"min": 0.1, "max": 50}),
    ({"min": 0}, {"max": 100}),
    ({"max": 2.5},),  # the solution is on a bound
    ({"value": 0.0, "min": 0.0}, {"value": 2.0, "min": 2.0, "max": 20}),  # the start is
    ({"vary": False}, {}),
    ({}, {"vary": False, "value": 4.0}),
]


@DERIVATIVES
@pytest.mark.parametrize("changes", BOUNDS)
@pytest.mark.parametrize("bounds", ["mapped", "native"])
def test_leastsq_has_the_bits_of_a_python_function(derivatives, changes, bounds):
    params, native = parameters(*changes), decay(derivatives)
    found = minimize(native, params, inplace=False, bounds=bounds)
    same(found, by_python(native, params, derivatives, bounds=bounds))
    assert found.success


@DERIVATIVES
def test_leastsq_agrees_with_lmfit(derivatives):
    lmfit = originals.require_peer("lmfit")
    native = decay(derivatives)
    ours = minimize(native, parameters(*BOUNDS[1]), inplace=False)
    theirs = lmfit.Parameters()
    theirs.add("amp", 1.0, min=0, max=10)
    theirs.add("tau", 1.0, min=0.1, max=50)
    peer = lmfit.minimize(lambda p: native([p["amp"].value, p["tau"].value]), theirs)
    for name in ("amp", "tau"):
        assert ours.params[name].value == pytest.approx(peer.params[name].value, rel=1e-6)
        assert ours.params[name].stderr == pytest.approx(peer.params[name].stderr, rel=1e-3)


EXPRESSIONS = [
    ({"c": "a + b"}, "compiled"),
    ({"c": "a + b", "b": "2 * a"}, "one after another"),
    ({"c": "max(a, 0.7)"}, "a kink"),
    ({"c": "erf(a) + 0.5"}, "asteval alone knows it"),
    ({"c": "a if a > 0.2 else b"}, "a condition"),
]


@DERIVATIVES
@pytest.mark.parametrize(("expressions", "why"), EXPRESSIONS)
def test_expressions_are_followed(derivatives, expressions, why):
    params = Parameters()
    params.add("a", 0.5)
    params.add("b", 1.0, min=0)
    params.add("c", 0.3)
    for name, expr in expressions.items():
        params[name].set(expr=expr)
    native = NativeFunction(function("parabola"), m=10, derivatives=derivatives)
    found = minimize(native, params, inplace=False)
    expected = minimize(lambda p: native(p), params, inplace=False, jac="3-point")
    for name in params:
        assert found.params[name].value == pytest.approx(expected.params[name].value, rel=1e-7)
        stderr = expected.params[name].stderr
        assert found.params[name].stderr == pytest.approx(stderr, rel=1e-5)
    if not derivatives:
        same(found, minimize(lambda p: native(p), params, inplace=False))


@DERIVATIVES
def test_names_choose_the_parameters_and_their_order(derivatives):
    params = Parameters()
    params.add("tau", 1.0, min=0.1)
    params.add("offset", 7.0)
    params.add("half", 0.5)
    params.add("amp", expr="2 * half")
    params["offset"].vary = False
    native = decay(derivatives, names=["amp", "tau"])
    found = minimize(native, params, inplace=False)
    plain = minimize(decay(derivatives), parameters({}, {"min": 0.1}), inplace=False)
    assert found.params["amp"].value == pytest.approx(plain.params["amp"].value, rel=1e-8)
    assert found.params["half"].stderr == pytest.approx(plain.params["amp"].stderr / 2, rel=1e-5)
    with pytest.raises(ValueError, match="params has no width, which the NativeFunction takes"):
        minimize(decay(names=["amp", "width"]), params)


def test_params_are_updated_in_place_as_with_python_functions():
    params = parameters()
    result = minimize(decay(), params)
    assert params["tau"].value == result.params["tau"].value != 1.0
    assert result.init_values == {"amp": 1.0, "tau": 1.0}


def test_one_parameter():
    params = Parameters()
    params.add("x", 5.0, min=0)

    def line(m, n, p, f, fjac, user_data):
        f[0], f[1] = p[0] - 2, 0.1 * p[0]
        return 0

    callback = RESIDUAL(line)
    native = NativeFunction(callback, m=2)
    same(minimize(native, params, inplace=False), by_python(native, params, False))


def test_all_fixed_is_refused_as_with_python_functions():
    params = parameters({"vary": False}, {"vary": False})
    with pytest.raises(ValueError, match="no parameter that varies"):
        minimize(decay(), params)


def test_intervals_and_reports_of_a_native_fit_are_those_of_a_python_function():
    native = decay(derivatives=True)
    fitter = Minimizer(native, parameters())
    result = fitter.minimize()
    found = fitcore.conf_interval(fitter, result)
    other = Minimizer(lambda p: native(p), parameters())
    expected = fitcore.conf_interval(other, other.minimize())
    for name in ("amp", "tau"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    assert "[[Fit Statistics]]" in fitcore.fit_report(result)


@pytest.mark.parametrize("policy", ["raise", "propagate", "omit"])
@DERIVATIVES
def test_nan_is_treated_as_the_policy_says(policy, derivatives):
    limit = np.array([8.0])
    model = NativeFunction(
        function("decay_model"), "model", derivatives=derivatives, user_data=limit
    )
    native = model.residual(T, Y)
    params = parameters()
    if policy == "raise":
        with pytest.raises(ValueError, match="generated NaN values and the fit aborted"):
            minimize(native, params, nan_policy=policy, inplace=False)
        return
    found = minimize(native, params, nan_policy=policy, inplace=False)
    if policy == "propagate":
        assert not found.success
        return
    kept = T <= 8.0
    part = NativeFunction(function("decay_model"), "model", derivatives=derivatives)
    expected = minimize(part.residual(T[kept], Y[kept]), params, inplace=False)
    assert found.ndata == kept.sum()
    assert found.params["tau"].value == pytest.approx(expected.params["tau"].value, rel=1e-9)
    assert found.params["tau"].stderr == pytest.approx(expected.params["tau"].stderr, rel=1e-6)


def test_iter_cb_and_callback_see_the_fit_and_stop_it():
    native, seen, steps = decay(), [], []
    result = minimize(
        native, parameters(), iter_cb=lambda p, n, r: seen.append((n, p["tau"].value, r)),
        inplace=False,
    )  # fmt: skip
    same(result, minimize(native, parameters(), inplace=False))
    assert [n for n, _, _ in seen] == list(range(1, result.nfev + 1))
    assert np.array_equal(seen[0][2], native([1.0, 1.0]))
    minimize(native, parameters(), callback=lambda p, s: steps.append(s.nit), inplace=False)
    assert steps[:3] == [1, 2, 3]
    stopped = minimize(native, parameters(), iter_cb=lambda p, n, r: n >= 5, inplace=False)
    assert stopped.aborted and stopped.nfev == 5


def test_an_exception_of_a_callback_leaves_unchanged():
    def fail(params, nfev, residual):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        minimize(decay(), parameters(), iter_cb=fail)


@pytest.mark.parametrize("max_nfev", [1, 2, 3, 7, 20])
def test_max_nfev_stops_where_it_stops_python_functions(max_nfev):
    native, params = decay(), parameters(*BOUNDS[1])
    found = minimize(native, params, max_nfev=max_nfev, inplace=False)
    expected = minimize(lambda p: native(p), params, max_nfev=max_nfev, inplace=False)
    assert (found.nfev, found.message) == (expected.nfev, expected.message)
    assert found.params["tau"].value == expected.params["tau"].value
    assert found.aborted == expected.aborted


@pytest.mark.parametrize("call", [1, 2, 6])
@pytest.mark.parametrize("method", ["leastsq", "lbfgsb", "nelder", "bfgs"])
@pytest.mark.parametrize("derivatives", [False, True])
def test_another_return_value_than_0_stops_with_that_code_in_the_result(call, method, derivatives):
    if method in ("nelder", "bfgs"):
        originals.require_peer("scipy")
    data = np.array([-7, call])
    native = NativeFunction(function("stopping"), m=2, user_data=data, derivatives=derivatives)
    params = parameters({"min": 0, "value": 5.0}, {"value": 4.0})
    result = minimize(native, params, method=method, inplace=False)
    assert (result.stop_code, result.aborted, result.success) == (-7, True, False)
    assert result.message == "Fit aborted: the native function returned -7."
    assert result.params["amp"].value <= 5.0 + 1e-12


def test_a_fit_that_was_not_stopped_has_no_code():
    assert minimize(decay(), parameters(), inplace=False).stop_code is None


@DERIVATIVES
@pytest.mark.parametrize("changes", BOUNDS)
def test_lbfgsb_finds_what_leastsq_does(derivatives, changes):
    params, native = parameters(*changes), decay(derivatives)
    found = minimize(native, params, method="lbfgsb", inplace=False)
    # the same by differences in Python: sums are formed in another order
    python = minimize(lambda p: native(p), params, method="lbfgsb", inplace=False)
    assert found.success and python.success
    assert found.chisqr == pytest.approx(python.chisqr, rel=1e-9)
    for name in params:
        assert found.params[name].value == pytest.approx(python.params[name].value, rel=1e-5)
        if python.params[name].stderr:
            stderr = python.params[name].stderr
            assert found.params[name].stderr == pytest.approx(stderr, rel=1e-3)


@DERIVATIVES
def test_lbfgsb_minimizes_an_objective(derivatives):
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=derivatives)
    params = Parameters()
    for name, value in zip("abc", (-1.2, 1.0, 0.3), strict=True):
        params.add(name, value)
    result = minimize(native, params, method="lbfgsb", inplace=False)
    assert [result.params[n].value for n in "abc"] == pytest.approx([1, 1, 1], rel=1e-4)
    params["a"].set(max=0.5)
    bounded = minimize(native, params, method="lbfgsb", inplace=False)
    expected = minimize(lambda p: native(p), params, method="lbfgsb", inplace=False)
    assert bounded.at_bound == ("a",)
    assert bounded.params["b"].value == pytest.approx(expected.params["b"].value, rel=1e-5)
    with pytest.raises(TypeError, match="minimizes the sum of squares of an array"):
        minimize(native, params)


@pytest.mark.parametrize("method", ["nelder", "powell", "bfgs", "least_squares", "tnc"])
@DERIVATIVES
def test_other_methods_call_it_as_a_python_function(method, derivatives):
    originals.require_peer("scipy")
    params = parameters(*BOUNDS[1])
    found = minimize(decay(derivatives), params, method=method, inplace=False)
    expected = minimize(decay(), params, inplace=False)
    assert found.params["tau"].value == pytest.approx(expected.params["tau"].value, rel=1e-3)


@DERIVATIVES
@pytest.mark.parametrize("weights", [None, 2.0, np.linspace(1, 2, 50)])
@pytest.mark.parametrize("method", ["leastsq", "lbfgsb"])
def test_a_model_of_a_native_function_is_that_of_a_python_one(derivatives, weights, method):
    native = NativeFunction(
        function("decay_model"), "model", derivatives=derivatives, names=["amp", "tau"]
    )
    model = Model(native, prefix="a_", name="decay")
    assert (model.param_names, model.independent_vars) == (["a_amp", "a_tau"], ["x"])
    other = Model(lambda x, amp, tau: native(x, amp, tau), prefix="a_", name="decay")
    found, expected = (
        m.fit(Y, x=T, weights=weights, a_amp=1, a_tau={"value": 1, "min": 0.1}, method=method)
        for m in (model, other)
    )
    if method == "leastsq" and not derivatives:
        same(found, expected)
    assert found.params["a_tau"].value == pytest.approx(expected.params["a_tau"].value, rel=1e-6)
    np.testing.assert_allclose(found.residual, expected.residual, atol=1e-5)
    np.testing.assert_allclose(found.best_fit, expected.best_fit, rtol=1e-5)


def test_a_model_wants_a_model_with_names():
    for wrong in (NativeFunction(function("decay_model"), "model"), decay(names=["a", "b"])):
        with pytest.raises(ValueError, match="a NativeFunction of kind 'model' with names"):
            Model(wrong)


def test_models_of_native_functions_are_composed():
    native = NativeFunction(function("decay_model"), "model", names=["amp", "tau"])
    model = Model(native, prefix="a_") + Model(lambda x, c: c + 0 * x)
    result = model.fit(Y + 2, x=T, a_amp=1, a_tau=1, c=0)
    assert result.params["c"].value == pytest.approx(2, abs=0.05)


def test_what_does_not_fit_is_refused():
    model = NativeFunction(function("decay_model"), "model")
    with pytest.raises(TypeError, match=r"its method residual\(x, y\)"):
        minimize(model, parameters())
    with pytest.raises(ValueError, match="m, the number of residuals, must be given"):
        minimize(NativeFunction(function("decay_residual")), parameters())
    with pytest.raises(TypeError, match="args and kws"):
        minimize(decay(), parameters(), args=(T,))
    with pytest.raises(TypeError, match="args and kws"):
        minimize(decay(), parameters(), kws={"t": T}, method="lbfgsb")
    with pytest.raises(ValueError, match="fewer than the 2 variables"):
        minimize(NativeFunction(function("parabola"), m=1), parameters())


def test_fits_in_eight_threads_have_the_bits_of_one():
    native, expected = decay(), minimize(decay(), parameters(*BOUNDS[1]), inplace=False)
    outcomes = []

    def fit():
        outcomes.extend(
            minimize(native, parameters(*BOUNDS[1]), method=method, inplace=False)
            for method in ("leastsq", "lbfgsb", "leastsq")
        )

    threads = [threading.Thread(target=fit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 24
    for found in outcomes:
        if found.method == "leastsq":
            same(found, expected)
        else:
            assert found.chisqr == pytest.approx(expected.chisqr, rel=1e-9)


def test_a_fit_inside_a_fit_leaves_the_outer_one_alone():
    inner = decay()

    def nested(m, n, p, f, fjac, user_data):
        found = minimize(inner, parameters(*BOUNDS[1]), inplace=False).params
        f[0], f[1] = p[0] - found["amp"].value, p[1] - found["tau"].value
        return 0

    callback = RESIDUAL(nested)
    native = NativeFunction(callback, m=2)
    found = minimize(native, parameters(), inplace=False)
    expected = minimize(inner, parameters(*BOUNDS[1]), inplace=False)
    assert found.params["tau"].value == pytest.approx(expected.params["tau"].value, rel=1e-9)


@pytest.mark.parametrize("method", ["leastsq", "lbfgsb"])
def test_an_interrupt_ends_a_fit(method):
    calls = np.zeros(1, np.int64)
    params = Parameters()
    for j in range(30):
        params.add(f"p{j}", 1.0, min=-5, max=5)
    native = NativeFunction(function("endless"), m=40, user_data=calls)
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        minimize(native, params, method=method, max_nfev=15000)
    timer.join()
    assert 0 < calls[0] < 10000


def test_python_threads_run_while_a_native_fit_does():
    flag = np.array([0, 1000])
    native = NativeFunction(function("meeting"), m=2, user_data=flag)

    def other():
        for _ in range(2000):
            flag[1] -= 1

    for method in ("leastsq", "lbfgsb"):
        flag[:] = 0, 1000
        thread = threading.Thread(target=other)
        thread.start()
        result = minimize(native, parameters({"min": 0}), method=method, inplace=False)
        thread.join()
        assert result.stop_code is None
