"""`fitcore.optimize.minimize` with L-BFGS-B: its page, option by option, and its result."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from fitcore.optimize import (
    LbfgsInvHessProduct,
    OptimizeResult,
    OptimizeWarning,
    fmin_l_bfgs_b,
    lbfgsb,
    minimize,
)

START = [-1.2, 1.0, 0.5]
EPS = float(np.finfo(float).eps)


def value(x: np.ndarray) -> Any:
    d = x[1:] - x[:-1] ** 2
    return 100 * d @ d + (1 - x[:-1]) @ (1 - x[:-1])


def gradient(x: np.ndarray) -> np.ndarray:
    d = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200 * d
    g[:-1] -= 400 * x[:-1] * d + 2 * (1 - x[:-1])
    return g


def both(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(value(x)), gradient(x)


@pytest.mark.parametrize("method", [None, "L-BFGS-B", "l-bfgs-b"])
@pytest.mark.parametrize("jac", ["callable", "True"])
def test_it_takes_the_steps_of_fmin_l_bfgs_b(method: str | None, jac: str) -> None:
    case: dict[str, Any] = {"jac": gradient, "fun": value} if jac == "callable" else {
        "jac": True, "fun": both,
    }  # fmt: skip
    result = minimize(x0=START, method=method, bounds=[(-2, 0.8)] * 3, **case)
    x, f, d = fmin_l_bfgs_b(both, START, bounds=[(-2, 0.8)] * 3)
    assert (result.x == x).all() and result.fun == f and (result.jac == d["grad"]).all()
    assert (result.nit, result.nfev, result.njev) == (d["nit"], d["funcalls"], d["funcalls"])
    assert (result.message, result.status, result.success) == (d["task"], 0, True)


def test_options_mean_what_the_arguments_of_fmin_l_bfgs_b_mean() -> None:
    for options, arguments in (
        ({"maxcor": 2}, {"m": 2}),
        ({"ftol": 1e-4}, {"factr": 1e-4 / EPS}),
        ({"gtol": 1e-1}, {"pgtol": 1e-1}),
        ({"maxls": 2}, {"maxls": 2}),
        ({"maxiter": 5}, {"maxiter": 5}),
        ({"maxfun": 5.0}, {"maxfun": 5}),
        ({"maxfun": np.inf}, {}),
    ):
        result = minimize(both, START, jac=True, options=options)
        x, _, d = fmin_l_bfgs_b(both, START, **arguments)
        assert (result.x == x).all() and result.nfev == d["funcalls"]
        assert (result.status, result.message) == (d["warnflag"], d["task"])


def test_tol_stands_for_ftol_and_gtol_where_they_are_not_given() -> None:
    a = minimize(both, START, jac=True, tol=1e-3)
    b = minimize(both, START, jac=True, options={"ftol": 1e-3, "gtol": 1e-3})
    assert (a.x == b.x).all() and a.nfev == b.nfev
    c = minimize(both, START, jac=True, tol=1e-3, options={"ftol": 1e-12})
    d = minimize(both, START, jac=True, options={"ftol": 1e-12, "gtol": 1e-3})
    assert (c.x == d.x).all() and c.nfev == d.nfev > a.nfev


@pytest.mark.parametrize(("jac", "error"), [("2-point", 1e-5), ("3-point", 1e-7), ("cs", 1e-12)])
@pytest.mark.parametrize("bounds", [None, [(-2, 0.8), (0, 0.5), (0.1, None)]])
def test_gradients_by_differences_are_as_good_as_their_order(
    jac: str, error: float, bounds: Any
) -> None:
    result = minimize(value, START, jac=jac, bounds=bounds, options={"maxiter": 3})
    np.testing.assert_allclose(result.jac, gradient(result.x), rtol=0, atol=50 * error)
    assert result.nfev == result.njev * (7 if jac == "3-point" else 4)


def test_relative_steps_follow_the_formula_of_the_page() -> None:
    asked: list[np.ndarray] = []

    def fun(x: np.ndarray) -> Any:
        asked.append(x.copy())
        return value(x)

    x0, r = np.array([-3.0, 0.25, 0.0]), np.array([1e-3, 1e-4, 1e-5])
    minimize(fun, x0, jac="2-point", options={"finite_diff_rel_step": r, "maxiter": 0})
    steps = np.array([asked[i + 1][i] - x0[i] for i in range(3)])
    np.testing.assert_allclose(steps, r * [-3, 1, 1], rtol=1e-9)


@pytest.mark.parametrize("bounds", [[(0, 1e-9)], [(-1e-9, 1e-9)], [(None, 0)], [(0, None)]])
def test_central_differences_use_what_room_there_is(bounds: Any) -> None:
    asked: list[float] = []

    def fun(x: np.ndarray) -> float:
        asked.append(float(x[0]))
        return float(np.exp(x[0]))

    result = minimize(fun, [0.0], jac="3-point", bounds=bounds, options={"maxiter": 1})
    lower, upper = (-np.inf if bounds[0][0] is None else bounds[0][0],
                    np.inf if bounds[0][1] is None else bounds[0][1])  # fmt: skip
    assert lower <= min(asked) and max(asked) <= upper
    assert result.jac[0] == pytest.approx(np.exp(result.x[0]), rel=1e-5)


def test_the_bounded_line_of_the_manual_ends_at_the_true_minimum_with_central_differences() -> None:
    t = np.arange(10.0)
    y = 2 * t + 3
    result = minimize(
        lambda p: ((p[0] * t + p[1] - y) ** 2).sum(), [0.0, 1.0], jac="3-point",
        bounds=[(0, 5), (5, 10)],
    )  # fmt: skip
    np.testing.assert_allclose(result.x, [480 / 285, 5], rtol=1e-6)
    assert result.fun == pytest.approx(11.578947, abs=1e-6)


def test_args_reach_the_function_and_the_gradient() -> None:
    for args in ((2.0,), 2.0):
        result = minimize(lambda x, k: k * value(x), START, args, jac=lambda x, k: k * gradient(x))
        np.testing.assert_allclose(result.x, 1, atol=1e-3)


def test_callbacks_of_both_forms_see_each_iterate() -> None:
    points: list[np.ndarray] = []
    results: list[OptimizeResult] = []

    def new(intermediate_result: OptimizeResult) -> None:
        results.append(intermediate_result)

    a = minimize(both, START, jac=True, callback=points.append)
    minimize(both, START, jac=True, callback=new)
    assert len(points) == len(results) == a.nit
    for x, r in zip(points, results, strict=True):
        assert (x == r.x).all() and r.fun == both(x)[0]


def test_stopiteration_ends_with_status_99() -> None:
    def callback(xk: np.ndarray) -> None:
        raise StopIteration

    for jac, fun in ((True, both), (None, value)):
        result = minimize(fun, START, jac=jac, callback=callback)
        assert (result.status, result.success, result.nit) == (99, False, 1)
        assert result.message == "`callback` raised `StopIteration`."


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"method": "BFGS"}, NotImplementedError, "'BFGS'.*has 'L-BFGS-B'"),
        ({"method": "nelder-mead"}, NotImplementedError, "'L-BFGS-B'"),
        ({"method": "L-BFGS"}, ValueError, "unknown.*'L-BFGS-B'"),
        ({"method": 3}, ValueError, "unknown.*'L-BFGS-B'"),
        ({"jac": "4-point"}, ValueError, "jac='4-point'.*2-point, 3-point, cs"),
        ({"jac": 3}, TypeError, "jac must be callable"),
        ({"x0": [[1.0, 2.0]]}, ValueError, "'x0' must only have one dimension"),
        ({"constraints": {"type": "eq", "fun": value}}, ValueError, "constraints must be empty"),
        ({"options": {"maxcor": 0}}, ValueError, "maxcor=0"),
        ({"options": {"ftol": -1}}, ValueError, "ftol=-1"),
        ({"options": {"gtol": np.nan}}, ValueError, "gtol=nan"),
        ({"options": {"gtol": "x"}}, TypeError, "gtol"),
        ({"options": {"maxls": 0}}, ValueError, "maxls=0 must be positive"),
        ({"options": {"eps": np.inf}}, ValueError, "eps must be finite"),
        ({"options": {"finite_diff_rel_step": [1, 2]}, "jac": "2-point"}, ValueError,
         "finite_diff_rel_step must be one number"),
        ({"options": {"jac": True}}, ValueError, "options must not hold"),
        ({"bounds": [(0, 1)]}, ValueError, "length of x0 != length of bounds"),
        ({"jac": "cs", "fun": lambda x: float(value(x.real))}, TypeError, "complex number"),
        ({"fun": lambda x: np.ones(2)}, ValueError, "must return a scalar value"),
        ({"fun": lambda x: None}, TypeError, "real number"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_that_names_the_argument(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        minimize(**{"fun": value, "x0": START, **arguments})


def test_what_is_not_used_warns() -> None:
    with pytest.warns(OptimizeWarning, match="Unknown solver options: xtol, foo"):
        minimize(value, START, options={"xtol": 1, "foo": 2})
    with pytest.warns(RuntimeWarning, match="hess"):
        minimize(value, START, hess=gradient)
    with pytest.warns(RuntimeWarning, match="hessp"):
        lbfgsb(value, START, hessp=gradient)


def test_a_callable_method_is_called_as_scipy_does() -> None:
    seen: dict[str, Any] = {}

    def method(fun: Any, x0: Any, args: Any, **kws: Any) -> OptimizeResult:
        seen.update(kws, x0=x0, args=args)
        return OptimizeResult(x=x0)

    minimize(value, START, (1,), method, tol=0.5, options={"alpha": 3})
    assert seen == {
        "x0": START, "args": (1,), "jac": None, "hess": None, "hessp": None, "bounds": None,
        "constraints": (), "callback": None, "alpha": 3, "tol": 0.5,
    }  # fmt: skip
    direct = minimize(value, START, method=lbfgsb)
    assert (direct.x == minimize(value, START).x).all()


# The inverse Hessian -----------------------------------------------------------------------------


@pytest.mark.parametrize("maxcor", [1, 3, 4, 10])
def test_the_secant_equation_holds_for_the_last_pair(maxcor: int) -> None:
    h = minimize(both, START, jac=True, options={"maxcor": maxcor}).hess_inv
    assert h.n_corrs == maxcor and h.sk.shape == (maxcor, 3)
    np.testing.assert_allclose(h @ h.yk[-1], h.sk[-1], rtol=1e-6)
    np.testing.assert_allclose(h.rho, 1 / (h.sk * h.yk).sum(axis=1))


def test_products_agree_with_the_dense_matrix() -> None:
    h = minimize(both, START, jac=True).hess_inv
    dense = h.todense()
    np.testing.assert_allclose(dense, dense.T, rtol=1e-9, atol=1e-12)
    block = np.arange(6.0).reshape(3, 2)
    for product in (h @ block, h.dot(block), h.matmat(block), h(block), (block.T @ h).T):
        np.testing.assert_allclose(product, dense @ block, rtol=1e-9)
    for product in (h @ block[:, 0], h.matvec(block[:, 0]), block[:, 0] @ h):
        np.testing.assert_allclose(product, dense @ block[:, 0], rtol=1e-9)
    assert h.matvec(block[:, :1]).shape == (3, 1)
    assert h.shape == (3, 3) and h.dtype == np.float64 and h.ndim == 2


def test_the_inverse_hessian_of_a_quadratic_is_that_of_its_matrix() -> None:
    a = np.diag([1.0, 3.0, 9.0]) + 0.5
    result = minimize(
        lambda x: (0.5 * x @ a @ x, a @ x), [1.0, -2.0, 3.0], jac=True,
        options={"ftol": 0, "gtol": 1e-10},
    )  # fmt: skip
    np.testing.assert_allclose(result.hess_inv.todense(), np.linalg.inv(a), rtol=0.05, atol=0.05)


def test_no_updates_give_the_identity() -> None:
    h = minimize(both, [1.0, 1.0], jac=True).hess_inv
    assert h.n_corrs == 0
    assert h.todense().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("s", "y"), [(np.ones((2, 3)), np.ones((3, 2))), (np.ones(3), np.ones(3)), (1.0, 1.0)]
)
def test_pairs_of_the_wrong_shape_are_refused(s: Any, y: Any) -> None:
    with pytest.raises(ValueError, match="sk and yk must have matching shape"):
        LbfgsInvHessProduct(s, y)


def test_vectors_of_the_wrong_length_are_refused() -> None:
    h = LbfgsInvHessProduct(np.ones((1, 3)), np.ones((1, 3)))
    for product in (h.matvec, h.matmat, h.dot):
        with pytest.raises(ValueError, match="must have shape"):
            product(np.ones(2))


# The result --------------------------------------------------------------------------------------


def test_a_result_is_a_dictionary_with_attributes() -> None:
    result = minimize(both, START, jac=True)
    assert set(result) == {
        "x", "fun", "jac", "nit", "nfev", "njev", "status", "success", "message", "hess_inv",
    }  # fmt: skip
    assert result["nit"] == result.nit and "nit" in dir(result)
    result.extra = 3
    assert result["extra"] == 3
    del result.extra
    for name in ("extra", "nope"):
        with pytest.raises(AttributeError, match=name):
            getattr(result, name)
    with pytest.raises(AttributeError, match="nope"):
        del result.nope
    assert "message: CONVERGENCE" in repr(result) and "      x: [" in repr(result)
    assert repr(OptimizeResult()) == "OptimizeResult()"


def test_a_result_pickles_and_copies_with_its_inverse_hessian() -> None:
    result = minimize(both, START, jac=True)
    dense = result.hess_inv.todense()
    fresh = minimize(both, START, jac=True)
    for twin in (pickle.loads(pickle.dumps(fresh)), copy.deepcopy(result)):
        assert twin.nit == result.nit and (twin.x == result.x).all()
        np.testing.assert_array_equal(twin.hess_inv.todense(), dense)


def test_all_variables_fixed_is_one_evaluation_and_success() -> None:
    result = minimize(value, START, bounds=[(1, 1), (2, 2), (0, 0)])
    assert result.x.tolist() == [1.0, 2.0, 0.0]
    assert (result.nfev, result.nit, result.success) == (1, 0, True)
    assert np.isnan(result.jac).all()
