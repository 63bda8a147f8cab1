"""`fitcore.optimize.leastsq` is a drop-in for scipy.optimize.leastsq."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import originals
import pytest
from problems import MINPACK_CASES, problem

from fitcore.optimize import leastsq

optimize = originals.require_peer("scipy.optimize")
T = np.linspace(0.0, 4.0, 25)
Y = 3.0 * np.exp(-T / 2.0) + 0.1 * np.cos(5.0 * T)


def decay(p: np.ndarray) -> np.ndarray:
    return p[0] * np.exp(-T / p[1]) - Y


def decay_jac(p: np.ndarray) -> np.ndarray:
    e = np.exp(-T / p[1])
    return np.stack([e, p[0] * e * T / p[1] ** 2], axis=1)


def test_signature_is_scipys() -> None:
    ours, theirs = inspect.signature(leastsq), inspect.signature(optimize.leastsq)
    assert list(ours.parameters) == list(theirs.parameters)
    for name, parameter in theirs.parameters.items():
        assert ours.parameters[name].kind == parameter.kind
        assert ours.parameters[name].default == parameter.default, name


# Fits --------------------------------------------------------------------------------------------


def fits() -> dict[str, dict[str, Any]]:
    p, two = problem, {"func": decay, "x0": [1.0, 1.0]}
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((12, 4)), rng.standard_normal(12)
    return {
        "decay": two,
        "Dfun": {**two, "Dfun": decay_jac},
        "Dfun by columns": {**two, "Dfun": lambda q: decay_jac(q).T, "col_deriv": True},
        "Dfun as lists": {**two, "Dfun": lambda q: decay_jac(q).tolist()},
        "bard": {"func": p("bard").residual, "x0": p("bard").start()},
        "bard with Dfun": {
            "func": p("bard").residual, "x0": p("bard").start(), "Dfun": p("bard").jacobian
        },
        "freudenstein-roth": {
            "func": p("freudenstein-roth").residual, "x0": p("freudenstein-roth").start()
        },
        "brown-dennis with Dfun": {
            "func": p("brown-dennis").residual, "x0": p("brown-dennis").start(),
            "Dfun": p("brown-dennis").jacobian,
        },
        "linear": {"func": lambda q: a @ q - b, "x0": np.zeros(4)},
        "a start at zero": {"func": lambda q: a @ q - b, "x0": [0, 0, 0, 0], "Dfun": lambda q: a},
        "scalar x0": {"func": lambda q: np.array([q[0] - 3.0, q[0] - 4.0]), "x0": 1.0},
        "scalar residual": {"func": lambda q: q[0] - 3.0, "x0": 1},
        "x0 of two dimensions": {"func": decay, "x0": [[1.0, 1.0]]},
        "one variable, Dfun a vector": {
            "func": lambda q: np.array([q[0] - 1.0, q[0] - 2.0, 0.5]), "x0": [1.0],
            "Dfun": lambda q: np.array([1.0, 1.0, 0.0]),
        },
        "args a tuple": {"func": lambda q, k: k * decay(q), "x0": [1.0, 1.0], "args": (2.0,)},
        "args a number": {"func": lambda q, k: k * decay(q), "x0": [1.0, 1.0], "args": 2.0},
        "args a list": {"func": lambda q, k: k[0] * decay(q), "x0": [1, 1], "args": [2.0]},
        "float32": {"func": lambda q: decay(q).astype("f4"), "x0": [1.0, 1.0]},
        "residuals as a list": {"func": lambda q: list(decay(q)), "x0": (1.0, 1.0)},
        "residuals of integers": {"func": lambda q: (1e6 * decay(q)).astype(int), "x0": [1.0, 1]},
        "diag": {**two, "diag": [3.0, 1.0]},
        "factor": {**two, "factor": 0.1},
        "gtol": {**two, "gtol": 1e-2},
        "epsfcn": {**two, "epsfcn": 1e-6},
        "epsfcn negative": {**two, "epsfcn": -1.0},
        "tolerances": {**two, "ftol": 1e-4, "xtol": 1e-3},
        "maxfev": {**two, "maxfev": 5},
        "maxfev negative": {**two, "maxfev": -1},
        "zero at the start": {"func": lambda q: 0.0 * decay(q), "x0": [1.0, 1.0]},
        "singular": {
            "func": lambda q: np.array([q[0] + q[1] - 3.0, 2.0 * (q[0] + q[1]), 1.0]),
            "x0": [1.0, 1.0], "Dfun": lambda q: np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]]),
        },
        "func that writes into x": {
            "func": lambda q: (decay(q), q.__imul__(1.0))[0], "x0": [1.0, 1.0]
        },
    }  # fmt: skip


def called(solve: Callable[..., Any], **arguments: Any) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = solve(**arguments)
    return result, [f"{w.category.__name__}: {w.message}" for w in caught]


@pytest.mark.parametrize("name", fits())
def test_full_output_is_scipys(name: str) -> None:
    arguments = fits()[name]
    (x, cov, info, mesg, ier), said = called(leastsq, **arguments, full_output=True)
    (x0, cov0, info0, mesg0, ier0), said0 = called(optimize.leastsq, **arguments, full_output=True)
    assert (ier, mesg, said) == (ier0, mesg0, said0)
    assert type(ier) is type(ier0) and type(x) is type(x0) and x.shape == x0.shape
    # both stop within their tolerance of 1.5e-8 in the sum of squares, not at the same bits
    np.testing.assert_allclose(x, x0, rtol=1e-6, atol=1e-7)
    assert list(info) == list(info0)
    assert info["nfev"] == info0["nfev"]
    assert info.get("njev") == info0.get("njev")
    assert (cov is None) == (cov0 is None)
    if cov is not None:
        np.testing.assert_allclose(cov, cov0, rtol=1e-4, atol=1e-6 * np.abs(cov0).max())
    for key in ("fvec", "fjac", "ipvt", "qtf"):
        # a residual that is a number makes SciPy's fvec one too; here it is a vector always
        assert info[key].shape == np.atleast_1d(info0[key]).shape, key
        assert info[key].dtype == info0[key].dtype, key
    size = max(1e-3, float(np.abs(info0["fvec"]).max()))
    np.testing.assert_allclose(info["fvec"], info0["fvec"], rtol=1e-6, atol=1e-6 * size)
    np.testing.assert_array_equal(info["ipvt"], info0["ipvt"])
    n = x.size
    r, r0 = np.triu(info["fjac"].T[:n]), np.triu(info0["fjac"].T[:n])
    if name != "singular":
        np.testing.assert_allclose(r, r0, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(r0).max()))
        np.testing.assert_allclose(info["qtf"], info0["qtf"], rtol=1e-3, atol=1e-5 * size)


@pytest.mark.parametrize("name", fits())
def test_short_output_and_warnings_are_scipys(name: str) -> None:
    arguments = fits()[name]
    result, said = called(leastsq, **arguments)
    result0, said0 = called(optimize.leastsq, **arguments)
    assert len(result) == len(result0) == 2
    assert (result[1], said) == (result0[1], said0)
    np.testing.assert_allclose(result[0], result0[0], rtol=1e-6, atol=1e-7)


def test_the_covariance_is_made_of_fjac_and_ipvt_as_users_make_it() -> None:
    x, cov, info, *_ = leastsq(decay, [1.0, 1.0], full_output=True)
    n = x.size
    r = np.triu(info["fjac"].T[:n]) @ np.eye(n)[info["ipvt"]]
    np.testing.assert_allclose(np.linalg.inv(r.T @ r), cov, rtol=1e-10)


@pytest.mark.parametrize("jac", [False, True])
def test_ier_nfev_and_message_are_scipys_on_the_problems_of_minpack(jac: bool) -> None:
    """Except where the original's own counts depend on rounding."""
    originals.require()
    equal = excepted = 0
    for case in MINPACK_CASES:
        p = case.problem
        given = {"Dfun": p.jacobian} if jac else {}

        def counts(x: np.ndarray, p: Any = p) -> originals.Counts:
            tol = 1.49012e-8
            if jac:
                args = (p.residual, p.jacobian, x, p.m, tol, tol, 0.0, 100 * (p.n + 1))
                return originals.lmder(*args).counts
            args = (p.residual, x, p.m, tol, tol, 0.0, 200 * (p.n + 1), 0.0)
            return originals.lmdif(*args).counts

        arguments = {"func": p.residual, "x0": case.start, "full_output": True, **given}
        with np.errstate(all="ignore"):
            (_, _, info, mesg, ier), _ = called(leastsq, **arguments)
            (_, _, info0, mesg0, ier0), _ = called(optimize.leastsq, **arguments)
        if (ier, info["nfev"]) == (ier0, info0["nfev"]):
            equal += 1
            assert mesg == mesg0
            continue
        excepted += 1
        noisy = [type(p)(**{**p.__dict__, "f": f}) for f in originals.last_bit_changes(p.residual)]
        noisy += [type(p)(**{**p.__dict__, "df": f}) for f in originals.column_changes(p.jacobian)]
        assert originals.sensitive(case.start, counts) or any(
            counts(case.start, q) != counts(case.start) for q in noisy
        ), case.id
    print(f"leastsq {'with' if jac else 'without'} Dfun: {equal} equal, {excepted} excepted")
    assert equal >= 35


# Errors ------------------------------------------------------------------------------------------

ERRORS: dict[str, dict[str, Any]] = {
    "fewer residuals than variables": {"func": lambda q: decay(q)[:1]},
    "ftol negative": {"ftol": -1.0},
    "xtol negative": {"xtol": -1.0},
    "gtol negative": {"gtol": -1.0},
    "factor zero": {"factor": 0.0},
    "factor a string": {"factor": "a"},
    "diag zero": {"diag": [0.0, 1.0]},
    "diag negative": {"diag": [-1.0, 1.0]},
    # a diag that is too short: SciPy reads what lies behind it in memory
    "epsfcn a string": {"epsfcn": "a"},
    "maxfev a string": {"maxfev": "a"},
    "maxfev not an integer": {"maxfev": 5.5},
    "maxfev None": {"maxfev": None},
    "x0 complex": {"x0": np.array([1.0 + 1.0j, 1.0])},
    "func not callable": {"func": 3},
    "func raises": {"func": lambda q: 1 / 0},
    "func returns a string": {"func": lambda q: "abc"},
    "func returns None": {"func": lambda q: None},
    "func takes nothing": {"func": lambda: 1},
    "Dfun not callable": {"Dfun": 3},
    "Dfun transposed": {"Dfun": lambda q: decay_jac(q).T},
    "Dfun transposed, col_deriv": {"Dfun": decay_jac, "col_deriv": True},
    "Dfun raises": {"Dfun": lambda q: [][1]},
    "length changes": {"func": lambda q: decay(q)[: 25 - int(q[0] > 1.0)]},
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_errors_are_of_scipys_types(name: str) -> None:
    arguments = {"func": decay, "x0": [1.0, 1.0], **ERRORS[name]}
    with pytest.raises(Exception) as theirs:
        optimize.leastsq(**arguments)
    with pytest.raises(Exception) as ours:
        leastsq(**arguments)
    assert type(ours.value) is type(theirs.value), (ours.value, theirs.value)


# SciPy's own tests -------------------------------------------------------------------------------

# Those that state what leastsq does not promise, each with the reason.
NOT_OURS: dict[str, str] = {}


def scipys_tests() -> list[str]:
    try:
        module = importlib.import_module("scipy.optimize.tests.test_minpack")
    except ImportError:
        return []
    return [name for name in dir(module.TestLeastSq) if name.startswith("test")]


@pytest.mark.parametrize("name", scipys_tests() or ["none installed"])
@pytest.mark.filterwarnings("default")
def test_scipys_own_tests_of_leastsq_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = originals.require_peer("scipy.optimize.tests.test_minpack")
    if name in NOT_OURS:
        pytest.skip(NOT_OURS[name])
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return leastsq(*args, **kwargs)

    monkeypatch.setattr(module, "leastsq", counted)
    monkeypatch.setattr(module.optimize, "leastsq", counted)
    suite = module.TestLeastSq()
    if hasattr(suite, "setup_method"):
        suite.setup_method()
    getattr(suite, name)()
    assert calls > 0
