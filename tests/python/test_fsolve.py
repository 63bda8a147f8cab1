"""fsolve and root: SciPy's signatures, returns, messages, warnings and errors."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import originals
import pytest

from fitcore.optimize import OptimizeWarning, fsolve, root


def func(x: np.ndarray) -> list[float]:
    return [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]


def jac(x: np.ndarray) -> list[list[float]]:
    return [[np.cos(x[1]), -x[0] * np.sin(x[1])], [x[1], x[0] - 1]]


def rosenbrock(x: np.ndarray) -> list[float]:
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def banded(x: np.ndarray) -> np.ndarray:
    f = 3 * x + x**2 - 1
    f[1:] -= x[:-1]
    f[:-1] -= x[1:]
    return f


CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "differences": (func, [1, 1], {}),
    "fprime": (func, [1, 1], {"fprime": jac}),
    "col_deriv": (func, [1, 1], {"fprime": lambda x: np.transpose(jac(x)), "col_deriv": 1}),
    "fprime and band": (func, [1, 1], {"fprime": jac, "band": (0, 0)}),
    "rosenbrock": (rosenbrock, [-1.2, 1], {}),
    "band": (banded, np.zeros(6), {"band": (1, 1)}),
    "band of three": (banded, np.zeros(6), {"band": [1, 1, 7]}),
    "negative band": (banded, np.zeros(6), {"band": (-1, 2)}),
    "maxfev": (rosenbrock, [-1.2, 1], {"maxfev": 3}),
    "negative maxfev": (rosenbrock, [-1.2, 1], {"maxfev": -3}),
    "xtol": (rosenbrock, [-1.2, 1], {"xtol": 1e-3}),
    "xtol 0": (lambda x: [x[0] ** 2 - 2, x[1] - 3], [1, 1], {"xtol": 0}),
    "factor": (rosenbrock, [-1.2, 1], {"factor": 0.1}),
    "diag": (rosenbrock, [-1.2, 1], {"diag": [1, 3]}),
    "epsfcn": (rosenbrock, [-1.2, 1], {"epsfcn": 1e-6}),
    "negative epsfcn": (rosenbrock, [-1.2, 1], {"epsfcn": -1}),
    "single precision": (lambda x: np.array(func(x), "f4"), [1, 1], {}),
    "no root": (lambda x: x**2 + 1, 1.0, {}),
    "args": (lambda x, a, b: x**2 - a * b, [1.0, 2.0], {"args": (3, 2)}),
    "one arg": (lambda x, a: x - a, 0.0, {"args": 3}),
    "two-dimensional start": (lambda x: x**2 - 2, np.ones((2, 2)), {}),
    "integers": (lambda x: x - 1, [3, 4], {}),
    "scalar": (lambda x: float(x[0]) - 1, 0, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_fsolve_returns_what_scipys_returns(name: str) -> None:
    peer = originals.require_peer("scipy.optimize")
    f, x0, options = CASES[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mine, theirs = fsolve(f, x0, **options), peer.fsolve(f, x0, **options)
    assert type(mine) is type(theirs) and mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9)
    texts = [(w.category, str(w.message), w.filename) for w in caught]
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]

    (x, info, ier, mesg), full = (s(f, x0, full_output=True, **options) for s in
                                  (fsolve, peer.fsolve))  # fmt: skip
    np.testing.assert_array_equal(x, mine)
    assert (ier, mesg) == full[2:]
    assert info.keys() == full[1].keys()
    assert info["nfev"] == full[1]["nfev"] - 2  # SciPy counts its two looks at the shape
    assert info.get("njev") == full[1].get("njev")
    np.testing.assert_array_equal(info["fvec"], np.ravel(f(x, *np.atleast_1d(
        options.get("args", ())))))  # fmt: skip
    for key in ("fjac", "r", "qtf"):
        assert info[key].shape == full[1][key].shape
    # with single precision the differences are of few digits
    loose = 1e-2 if name in ("single precision", "epsfcn") else 1e-5
    product = [abs(i["fjac"].T @ triangle(i["r"], x.size)) for i in (info, full[1])]
    np.testing.assert_allclose(product[0], product[1], rtol=loose, atol=loose)


def triangle(r: np.ndarray, n: int) -> np.ndarray:
    full = np.zeros((n, n))
    full[np.triu_indices(n)] = r
    return full


def test_evaluations_are_counted_as_they_are() -> None:
    calls = 0

    def counting(x: np.ndarray) -> list[float]:
        nonlocal calls
        calls += 1
        return func(x)

    for solve in (
        lambda: fsolve(counting, [1, 1], full_output=True)[1]["nfev"],
        lambda: fsolve(counting, [1, 1], fprime=jac, full_output=True)[1]["nfev"],
        lambda: root(counting, [1, 1]).nfev,
        lambda: root(counting, [1, 1], method="lm").nfev,
        lambda: root(counting, [1, 1], jac=jac, method="lm").nfev,
    ):
        calls = 0
        assert solve() == calls


def test_signatures_are_scipys() -> None:
    peer = originals.require_peer("scipy.optimize")
    for ours, theirs in ((fsolve, peer.fsolve), (root, peer.root)):
        mine, given = (inspect.signature(f).parameters for f in (ours, theirs))
        assert list(mine) == list(given)
        for name, parameter in given.items():
            assert mine[name].default == parameter.default, name


@pytest.mark.parametrize(
    ("f", "x0", "options", "error", "words"),
    [
        (lambda x: [1, 2, 3], [1, 1], {}, TypeError, r"'<lambda>'.*\(2,\) but it is \(3,\)"),
        (lambda x: [func(x)], [1, 1], {}, TypeError, r"\(2,\) but it is \(1, 2\)"),
        (lambda x: None, [1, 1], {}, TypeError, "func"),
        (lambda x: "a", 1.0, {}, TypeError, "func"),
        (lambda x: x * 1j, 1.0, {}, TypeError, "complex"),
        (lambda x: [1, 2] if x[0] == 1 else [1], [1, 1], {}, ValueError, "2"),
        (func, [1j, 1], {}, TypeError, "x0"),
        (func, [np.nan, 1], {}, TypeError, "x0"),
        (func, [], {}, TypeError, "x0"),
        (func, "ab", {}, TypeError, "x0"),
        (3, [1, 1], {}, TypeError, "func"),
        (func, [1, 1], {"fprime": 3}, TypeError, "fprime"),
        (func, [1, 1], {"fprime": lambda x: np.ones((2, 3))}, TypeError, r"\(2, 3\).*\(2, 2\)"),
        (func, [1, 1], {"fprime": lambda x: None}, TypeError, "Jacobian"),
        (func, [1, 1], {"xtol": -1}, TypeError, "Improper input.*xtol"),
        (func, [1, 1], {"xtol": -1, "full_output": True}, TypeError, "Improper input.*xtol"),
        (func, [1, 1], {"factor": 0}, TypeError, "factor"),
        (func, [1, 1], {"diag": [1, -1]}, TypeError, "diag"),
        (func, [1, 1], {"diag": [1, 1, 1]}, TypeError, "diag"),
        (func, [1, 1], {"maxfev": 30.0}, TypeError, "maxfev"),
        (func, [1, 1], {"band": 3}, TypeError, "band"),
        (func, [1, 1], {"band": (1,)}, ValueError, "band"),
        (func, [1, 1], {"band": (1.0, 1)}, TypeError, "ml"),
    ],
)
def test_bad_input_is_named(
    f: Any, x0: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fsolve(f, x0, **options)


def test_nan_at_the_start_is_told_and_not_called_a_solution() -> None:
    with pytest.warns(RuntimeWarning, match="NaN"):
        fsolve(lambda x: x * np.nan, 1.0)
    result = root(lambda x: x * np.inf, [1.0])
    assert (result.success, result.status) == (False, 9)


def test_an_exception_leaves_unchanged() -> None:
    error = KeyboardInterrupt()

    def failing(x: np.ndarray) -> list[float]:
        if x[0] != 1:
            raise error
        return func(x)

    for solve in (lambda: fsolve(failing, [1, 1]), lambda: root(failing, [1, 1], method="lm")):
        with pytest.raises(KeyboardInterrupt) as caught:
            solve()
        assert caught.value is error


# root --------------------------------------------------------------------------------------------

ROOTS: dict[str, dict[str, Any]] = {
    "hybr": {},
    "hybr jac": {"jac": jac},
    "hybr False": {"jac": False},
    "hybr tol": {"tol": 1e-3},
    "hybr tol and xtol": {"tol": 1e-3, "options": {"xtol": 1e-12}},
    "hybr options": {
        "options": {"eps": 1e-6, "factor": 1, "diag": [1, 1], "band": (1, 1), "maxfev": 90}
    },
    "hybr col_deriv": {"jac": lambda x: np.transpose(jac(x)), "options": {"col_deriv": 1}},
    "hybr maxfev": {"options": {"maxfev": 3}},
    "lm": {"method": "lm"},
    "LM jac": {"method": "LM", "jac": jac},
    "lm tol": {"method": "lm", "tol": 1e-3},
    "lm options": {
        "method": "lm",
        "options": {"ftol": 1e-3, "gtol": 1e-3, "eps": 1e-8, "factor": 1, "diag": [1, 2]},
    },
    "lm col_deriv": {
        "method": "lm", "jac": lambda x: np.transpose(jac(x)), "options": {"col_deriv": 1},
    },
    "lm maxiter": {"method": "lm", "options": {"maxiter": 2}},
    "callback": {"callback": print},
    "unknown options": {"options": {"foo": 1, "bar": 2}},
    "callback lm": {"callback": print, "method": "LM", "options": {"maxfev": 2}},
}  # fmt: skip


@pytest.mark.parametrize("name", ROOTS)
def test_root_returns_what_scipys_returns(name: str) -> None:
    peer = originals.require_peer("scipy.optimize")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mine = root(func, [1, 1], **ROOTS[name])
        half = len(caught)
        theirs = peer.root(func, [1, 1], **ROOTS[name])
    messages = [str(w.message) for w in caught]
    assert messages[:half] == messages[half:]
    assert [w.category.__name__ for w in caught[:half]] == [
        w.category.__name__ for w in caught[half:]
    ]
    assert all(w.filename == __file__ for w in caught[:half])
    assert mine.keys() == theirs.keys()
    for key in ("success", "status", "message", "method"):
        assert mine[key] == theirs[key], key
    # SciPy counts its two looks at the shape in nfev
    assert mine.nfev == theirs.nfev - 2
    assert mine.get("njev") == theirs.get("njev")
    np.testing.assert_allclose(mine.x, theirs.x, rtol=1e-7)
    np.testing.assert_array_equal(mine.fun, func(mine.x))
    if theirs.get("cov_x") is not None:
        np.testing.assert_allclose(mine.cov_x, theirs.cov_x, rtol=1e-5)


@pytest.mark.parametrize("method", ["hybr", "lm"])
@pytest.mark.parametrize("same_array", [False, True])
def test_fun_may_return_the_jacobian_too_at_one_call_for_both(
    method: str, same_array: bool
) -> None:
    calls = 0
    store = np.empty((2, 2))

    def both(x: np.ndarray, scale: float) -> tuple[Any, Any]:
        nonlocal calls
        calls += 1
        store[:] = np.multiply(scale, jac(x))
        x_then = np.multiply(scale, func(x))
        x[:] = np.nan
        return x_then, store if same_array else store.copy()

    mine = root(both, [1, 1], args=2.0, jac=True, method=method)
    expected = root(
        lambda x: np.multiply(2.0, func(x)), [1, 1], method=method,
        jac=lambda x: np.multiply(2.0, jac(x)),
    )  # fmt: skip
    assert mine.x.tobytes() == expected.x.tobytes()
    assert mine.nfev == expected.nfev and mine.njev == expected.njev
    # the Jacobian of a point before a failed trial is formed anew
    assert mine.nfev <= calls <= mine.nfev + mine.njev
    with pytest.raises(TypeError, match="pair"):
        root(lambda x: 3.0, [1, 1], jac=True, method=method)


def test_root_lm_takes_more_functions_than_variables() -> None:
    result = root(lambda x: [x[0] - 2, x[0] - 3], 1, method="lm")
    assert result.success and result.x == pytest.approx([2.5])


def test_an_unknown_method_lists_the_methods() -> None:
    for method in ("newton", None, 3):
        with pytest.raises(ValueError, match="'hybr' or 'lm'"):
            root(func, [1, 1], method=method)
    with pytest.raises(NotImplementedError, match=r"krylov.*'hybr' and 'lm'.*scipy"):
        root(func, [1, 1], method="krylov")
    with pytest.raises(TypeError, match="jac"):
        root(func, [1, 1], jac="2-point")
    with pytest.raises(TypeError, match="fun"):
        root(None, [1, 1])
    assert issubclass(OptimizeWarning, UserWarning)
