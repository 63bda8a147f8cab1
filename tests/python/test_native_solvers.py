"""fitcore.optimize with native functions: the same bits as with Python ones, without the GIL."""

from __future__ import annotations

import _thread
import math
import threading

import numpy as np
import originals
import pytest
from native_functions import DATA, OBJECTIVE, RESIDUAL, T, Y, function

from fitcore import NativeFunction
from fitcore.minpack import LevenbergMarquardt
from fitcore.optimize import (
    OptimizeResult,
    curve_fit,
    fmin_l_bfgs_b,
    fsolve,
    leastsq,
    minimize,
    root,
)

DERIVATIVES = pytest.mark.parametrize("derivatives", [False, True])


def decay(derivatives: bool = False) -> NativeFunction:
    return NativeFunction(function("decay_residual"), m=50, user_data=DATA, derivatives=derivatives)


def same(native: dict, python: dict) -> None:
    assert native.keys() == python.keys()
    for key, value in python.items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(native[key], value), key
        elif key != "hess_inv":
            assert native[key] == value, key


@DERIVATIVES
@pytest.mark.parametrize("start", [[1.0, 1.0], [-3.0, 20.0], [0.0, 5.0]])
def test_leastsq_has_the_bits_of_a_python_function(derivatives, start):
    native = decay(derivatives)
    x, cov_x, info, mesg, ier = leastsq(native, start, full_output=True)
    there = leastsq(
        lambda p: native(p), start, Dfun=native.jacobian if derivatives else None,
        full_output=True,
    )  # fmt: skip
    assert np.array_equal(x, there[0]) and np.array_equal(cov_x, there[1])
    same(info, there[2])
    assert (mesg, ier) == there[3:]


@DERIVATIVES
def test_leastsq_agrees_with_scipy(derivatives):
    peer = originals.require_peer("scipy.optimize")
    native = decay(derivatives)
    found, ier = leastsq(native, [1.0, 1.0])
    expected = peer.leastsq(native, [1.0, 1.0], ftol=1e-14, xtol=1e-14)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert ier in (1, 2, 3)


@DERIVATIVES
@pytest.mark.parametrize("jac", ["2-point", "3-point"])
def test_the_solver_itself_runs_native_functions(derivatives, jac):
    native = decay(derivatives)
    scheme = "analytic" if derivatives else jac
    solver = LevenbergMarquardt([1.0, 1.0], jac=scheme).run(native)
    by_python = LevenbergMarquardt([1.0, 1.0], jac=scheme).run(
        lambda p: native(p), jac=native.jacobian if derivatives else None
    )
    assert np.array_equal(solver.x, by_python.x)
    assert (solver.nfev, solver.njev, solver.info) == (
        by_python.nfev, by_python.njev, by_python.info,
    )  # fmt: skip
    there = by_python.refine(lambda p: native(p))
    assert np.array_equal(solver.refine(native).x, there.x)
    assert np.array_equal(solver.covariance(), there.covariance())


def test_a_tall_jacobian_has_the_bits_of_a_python_function():
    t = np.linspace(0, 10, 40000)
    data = np.concatenate([t, 3 * np.exp(-t / 4) + 0.01 * np.cos(7 * t)])
    for derivatives in (False, True):
        native = NativeFunction(
            function("decay_residual"), m=t.size, user_data=data, derivatives=derivatives
        )
        found = leastsq(native, [1.0, 1.0], full_output=True)
        jac = native.jacobian if derivatives else None
        there = leastsq(lambda p, f=native: f(p), [1.0, 1.0], Dfun=jac, full_output=True)
        assert np.array_equal(found[0], there[0]) and found[2]["nfev"] == there[2]["nfev"]


@DERIVATIVES
def test_fsolve_and_root_have_the_bits_of_a_python_function(derivatives):
    native = NativeFunction(function("two_equations"), derivatives=derivatives)
    sized = NativeFunction(function("two_equations"), m=2, derivatives=derivatives)
    jac = sized.jacobian if derivatives else None
    found = fsolve(native, [1.0, 1.0], full_output=True)
    there = fsolve(lambda p: sized(p), [1.0, 1.0], fprime=jac, full_output=True)
    assert np.array_equal(found[0], there[0]) and found[2:] == there[2:]
    same(found[1], there[1])
    np.testing.assert_allclose(found[0], [6.50409711, 0.90841421], rtol=1e-8)
    for method, given in (("hybr", native), ("lm", sized)):
        result = root(given, [1.0, 1.0], method=method)
        same(result, root(lambda p: sized(p), [1.0, 1.0], jac=jac, method=method))
        assert result.success


@DERIVATIVES
@pytest.mark.parametrize(
    "bounds", [None, [(-2, 0.5)] * 4, [(None, 0.5), (0.3, 0.3), (0, 1), (0, 1)]]
)
def test_minimize_has_the_bits_of_a_python_function(derivatives, bounds):
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=derivatives)
    start = [-1.2, 0.3, 0.5, 0.9]
    kwargs = {"jac": native.gradient} if derivatives else {}
    result = minimize(native, start, bounds=bounds)
    expected = minimize(lambda p: native(p), start, bounds=bounds, **kwargs)
    for key in ("x", "fun", "nit", "nfev", "njev", "message", "status", "success"):
        assert np.array_equal(result[key], expected[key]), key
    np.testing.assert_array_equal(result.jac, expected.jac)
    assert result.success


@pytest.mark.parametrize("scheme", ["2-point", "3-point"])
@pytest.mark.parametrize("relative", [None, 1e-7, [1e-6, 1e-7, 1e-20, -1e-6]])
def test_differences_have_the_bits_of_a_python_function(scheme, relative):
    native = NativeFunction(function("rosenbrock"), "objective")
    bounds = [(-1.2, 2.0), (0.3, 0.5), (0, 0.5), (0, 0.9 + 1e-9)]
    options = {"finite_diff_rel_step": relative}
    start = [-1.2, 0.3, 0.5, 0.9]
    result = minimize(native, start, bounds=bounds, jac=scheme, options=options)
    expected = minimize(lambda p: native(p), start, bounds=bounds, jac=scheme, options=options)
    for key in ("x", "fun", "nit", "nfev", "njev", "message"):
        assert np.array_equal(result[key], expected[key]), key


@DERIVATIVES
def test_fmin_l_bfgs_b_has_the_bits_of_a_python_function_and_keeps_its_limits(derivatives):
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=derivatives)
    start = np.linspace(-1, 1, 25)
    if derivatives:
        python = {"func": lambda p: (native(p), native.gradient(p))}
    else:
        python = {"func": lambda p: native(p), "approx_grad": True}
    for limits in ({}, {"maxiter": 7}, {"maxfun": 30}, {"m": 3, "factr": 10.0}):
        found = fmin_l_bfgs_b(native, start, **limits)
        expected = fmin_l_bfgs_b(x0=start, **python, **limits)
        assert np.array_equal(found[0], expected[0]) and found[1] == expected[1]
        same(found[2], expected[2])


def test_fmin_l_bfgs_b_agrees_with_scipy():
    peer = originals.require_peer("scipy.optimize")
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=True)
    bounds = [(None, 0.5)] * 5
    found = fmin_l_bfgs_b(native, np.zeros(5), bounds=bounds)
    expected = peer.fmin_l_bfgs_b(native, np.zeros(5), native.gradient, bounds=bounds)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-7)
    assert found[2]["nit"] == expected[2]["nit"]


def test_callbacks_and_printing_see_every_iteration(capsys):
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=True)
    seen: list = []
    result = minimize(native, [-1.2, 1.0], callback=lambda x: seen.append(x))
    assert len(seen) == result.nit > 10
    assert np.array_equal(seen[-1], result.x)
    fmin_l_bfgs_b(native, [-1.2, 1.0], iprint=1)
    assert "RUNNING THE L-BFGS-B CODE" in capsys.readouterr().out
    steps: list = []
    native = decay()
    LevenbergMarquardt([1.0, 1.0]).run(native, callback=lambda s: steps.append(s.nit))
    there: list = []
    LevenbergMarquardt([1.0, 1.0]).run(lambda p: native(p), callback=lambda s: there.append(s.nit))
    assert steps == there == list(range(1, len(there) + 1))


@DERIVATIVES
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, [2.5, 100]), ([0, 5], [10, 100])])
@pytest.mark.parametrize("sigma", [None, np.linspace(0.1, 0.2, 50), np.diag(np.full(50, 0.1)), 0.1])
def test_curve_fit_has_the_bits_of_a_python_function(derivatives, bounds, sigma):
    native = NativeFunction(function("decay_model"), "model", derivatives=derivatives)
    kwargs = {"bounds": bounds, "sigma": sigma, "p0": [1.0, 7.0], "full_output": True}
    popt, pcov, info, mesg, ier = curve_fit(native, T, Y, **kwargs)
    there = curve_fit(
        lambda x, a, tau: native(x, a, tau), T, Y, jac=native.jacobian if derivatives else None,
        **kwargs,
    )  # fmt: skip
    assert np.array_equal(popt, there[0]) and np.array_equal(pcov, there[1])
    assert (mesg, ier) == there[3:]
    assert info["nfev"] == there[2]["nfev"] and np.array_equal(info["fvec"], there[2]["fvec"])


def test_curve_fit_agrees_with_scipy_and_takes_points_in_the_plane():
    peer = originals.require_peer("scipy.optimize")
    native = NativeFunction(function("decay_model"), "model", derivatives=True, names=["a", "tau"])
    x = np.array([T / 2, T / 2])
    popt, pcov = curve_fit(native, x, Y)
    expected = peer.curve_fit(native, x, Y, p0=[1, 1], ftol=1e-14, xtol=1e-14)
    np.testing.assert_allclose(popt, expected[0], rtol=1e-7)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-5)


def test_curve_fit_leaves_out_nan_in_the_data():
    native = NativeFunction(function("decay_model"), "model")
    y = Y.copy()
    y[[3, 7]] = np.nan
    kept = np.isfinite(y)
    popt = curve_fit(native, T, y, p0=[1, 1], nan_policy="omit")[0]
    assert np.array_equal(popt, curve_fit(native, T[kept], Y[kept], p0=[1, 1])[0])


def test_one_variable_and_one_residual():
    def line(m, n, p, f, fjac, user_data):
        f[0] = p[0] - 2
        return 0

    callback = RESIDUAL(line)
    assert leastsq(NativeFunction(callback, m=1), [5.0])[0] == pytest.approx([2.0])
    assert fsolve(NativeFunction(callback), [5.0]) == pytest.approx([2.0])
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=True)
    assert minimize(native, [4.0]).fun == 0.0


def test_all_variables_fixed_by_bounds_end_at_once():
    native = NativeFunction(function("rosenbrock"), "objective")
    result = minimize(native, [-1.2, 1.0], bounds=[(-1.2, -1.2), (1, 1)])
    assert (result.success, result.nit) == (True, 0)
    assert result.fun == pytest.approx(24.2)
    assert result.x.tolist() == [-1.2, 1.0] and np.isnan(result.jac).all()


def test_nan_at_the_start_is_reported_and_on_the_way_avoided():
    def root_of(m, n, p, f, fjac, user_data):
        f[0] = math.sqrt(p[0]) - 1 if p[0] >= 0 else math.nan
        f[1] = 0.1 * (p[0] - 1)
        return 0

    callback = RESIDUAL(root_of)
    native = NativeFunction(callback, m=2)
    assert leastsq(native, [-1.0], full_output=True)[4] == 9
    python = leastsq(lambda p: native(p), [30.0], full_output=True)
    found = leastsq(native, [30.0], full_output=True)
    assert np.array_equal(found[0], python[0]) and found[4] == python[4]
    assert found[0] == pytest.approx([1.0])


@pytest.mark.parametrize("call", [1, 2, 4, 7])
@pytest.mark.parametrize("code", [1, -5, 2**31 - 1, -(2**31)])
def test_another_return_value_than_0_stops_with_that_code_in_the_result(call, code):
    def native(name="stopping", kind="residual", **options):
        data = np.array([code, call])
        return NativeFunction(function(name), kind, user_data=data, **options)

    with pytest.warns(RuntimeWarning, match=f"native function returned {code}"):
        x, ier = leastsq(native(m=3), [1.0, 2.0])
    assert ier == -1 and np.isfinite(x).all()
    info = leastsq(native(m=3), [1.0, 2.0], full_output=True)[2]
    assert info["stop_code"] == code and info["nfev"] < call
    assert np.isnan(info["fvec"]).all() == (call == 1)
    result = root(native(), [1.0, 2.0])
    assert (result.stop_code, result.status, result.success) == (code, -1, False)
    for bounds in (None, [(0, 5)] * 2):
        best = minimize(
            native("stopping_objective", "objective", derivatives=True), [-1.2, 1.0], bounds=bounds
        )
        assert (best.stop_code, best.success, best.status) == (code, False, 2)
        assert best.message == f"STOP: THE FUNCTION RETURNED {code}"
    d = fmin_l_bfgs_b(native("stopping_objective", "objective"), [-1.2, 1.0])[2]
    assert d["stop_code"] == code


def test_a_solver_that_was_stopped_has_the_code_until_it_runs_again():
    data = np.array([3, 5])
    native = NativeFunction(function("stopping"), m=2, user_data=data)
    solver = LevenbergMarquardt([1.0, 2.0]).run(native)
    assert (solver.stop_code, solver.info, solver.done) == (3, -1, True)
    assert "returned 3" in solver.message


def test_the_best_point_before_the_stop_is_returned():
    calls = 12
    native = NativeFunction(
        function("stopping_objective"), "objective", derivatives=True,
        user_data=np.array([1, calls]),
    )  # fmt: skip
    result = minimize(native, [-1.2, 1.0])
    assert result.fun < 24.2
    fresh = NativeFunction(function("rosenbrock"), "objective")
    assert result.fun == fresh(result.x)


def test_what_does_not_fit_is_refused():
    native = decay()
    objective = NativeFunction(function("rosenbrock"), "objective")
    model = NativeFunction(function("decay_model"), "model")
    with pytest.raises(TypeError, match="args must be empty"):
        leastsq(native, [1, 1], args=(T,))
    with pytest.raises(TypeError, match="args must be empty"):
        minimize(objective, [1, 1], args=(T,))
    with pytest.raises(ValueError, match="m, the number of residuals, must be given"):
        leastsq(NativeFunction(function("decay_residual")), [1, 1])
    with pytest.raises(TypeError, match="fewer than the 3 variables"):
        leastsq(NativeFunction(function("parabola"), m=2), [1, 1, 1])
    with pytest.raises(ValueError, match="m=50 residuals, wanted 2"):
        fsolve(native, [1, 1])
    with pytest.raises(TypeError, match="must be a NativeFunction of kind 'objective'"):
        minimize(native, [1, 1])
    with pytest.raises(TypeError, match="must be a NativeFunction of kind 'model'"):
        curve_fit(native, T, Y, p0=[1, 1])
    with pytest.raises(TypeError, match="residual\\(x, y\\) makes them"):
        leastsq(model, [1, 1])
    with pytest.raises(ValueError, match="give p0, or names"):
        curve_fit(model, T, Y)
    with pytest.raises(TypeError, match="has no derivatives"):
        LevenbergMarquardt([1.0, 1.0], jac="analytic").run(native)
    with pytest.raises(TypeError, match="jac='cs' wants a function of complex numbers"):
        LevenbergMarquardt([1.0, 1.0], jac="cs").run(native)


def test_a_jacobian_in_python_serves_a_native_function():
    native, with_slopes = decay(), decay(derivatives=True)
    found = leastsq(native, [1.0, 1.0], Dfun=lambda p: with_slopes.jacobian(p))
    assert np.array_equal(found[0], leastsq(with_slopes, [1.0, 1.0])[0])
    with pytest.raises(ZeroDivisionError):
        leastsq(native, [1.0, 1.0], Dfun=lambda p: 1 / 0)


def test_python_threads_run_while_a_native_fit_does():
    # the function waits for what only another Python thread does
    flag = np.array([0, 1000])
    native = NativeFunction(function("meeting"), m=2, user_data=flag)
    started = threading.Event()

    def other():
        started.wait()
        for _ in range(2000):
            flag[1] -= 1

    thread = threading.Thread(target=other)
    thread.start()
    started.set()
    info = leastsq(native, [1.0, 2.0], full_output=True)
    thread.join()
    assert "stop_code" not in info[2]
    assert info[0] == pytest.approx([3.0, 3.0])


def test_native_fits_in_two_threads_run_at_once():
    # each waits until the other has arrived
    data = np.array([0, 2])
    outcomes: list = []
    meeting = function("meeting")

    def fit():
        outcomes.append(root(NativeFunction(meeting, m=2, user_data=data), [1.0, 2.0]))

    threads = [threading.Thread(target=fit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [o.get("stop_code") for o in outcomes] == [None, None]


@pytest.mark.parametrize("solver", ["leastsq", "fsolve", "minimize"])
def test_an_interrupt_ends_a_native_fit(solver):
    calls = np.zeros(1, np.int64)
    kind = "objective" if solver == "minimize" else "residual"
    name = "endless_objective" if solver == "minimize" else "endless"
    m = 40 if solver == "leastsq" else None
    native = NativeFunction(function(name), kind, m, user_data=calls)
    start = np.ones(40)
    run = {
        "leastsq": lambda: leastsq(native, start, ftol=0, xtol=0, maxfev=15000),
        "fsolve": lambda: fsolve(native, start, xtol=0, maxfev=15000),
        "minimize": lambda: minimize(native, start, options={"ftol": 0, "gtol": 0}),
    }[solver]
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    # without an interrupt it takes half a minute
    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()
    assert 0 < calls[0] < 10000


def test_a_fit_inside_a_fit_leaves_the_outer_one_alone():
    inner = decay(derivatives=True)

    def nested(m, n, p, f, fjac, user_data):
        x = leastsq(inner, [1.0, 1.0])[0]
        f[0], f[1] = p[0] - x[0], p[1] - x[1]
        return 0

    callback = RESIDUAL(nested)
    found = leastsq(NativeFunction(callback, m=2), [0.0, 0.0])[0]
    np.testing.assert_allclose(found, leastsq(inner, [1.0, 1.0])[0], rtol=1e-12)

    def value(n, p, f, g, user_data):
        f[0] = (p[0] - leastsq(inner, [1.0, 1.0])[0][0]) ** 2
        return 0

    objective = OBJECTIVE(value)
    assert minimize(NativeFunction(objective, "objective"), [0.0]).x == pytest.approx(
        found[:1], rel=1e-5
    )


def test_results_are_optimize_results():
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=True)
    assert isinstance(minimize(native, [0.0, 0.0]), OptimizeResult)
