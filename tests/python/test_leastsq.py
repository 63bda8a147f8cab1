"""What `fitcore.optimize.leastsq` promises beyond being SciPy's function."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import Any

import numpy as np
import pytest

from fitcore.minpack import LevenbergMarquardt
from fitcore.optimize import leastsq

T = np.linspace(0.0, 4.0, 25)
Y = 3.0 * np.exp(-T / 2.0) + 0.1 * np.cos(5.0 * T)


def decay(p: np.ndarray) -> np.ndarray:
    return p[0] * np.exp(-T / p[1]) - Y


def decay_jac(p: np.ndarray) -> np.ndarray:
    e = np.exp(-T / p[1])
    return np.stack([e, p[0] * e * T / p[1] ** 2], axis=1)


def test_it_is_the_solver_of_fitcore_minpack() -> None:
    for jac in (None, decay_jac):
        x, cov, info, mesg, ier = leastsq(decay, [1.0, 1.0], Dfun=jac, full_output=True)
        solver = LevenbergMarquardt([1.0, 1.0], jac="analytic" if jac else "2-point")
        solver.run(decay, jac=jac)
        assert x.tobytes() == solver.x.tobytes()
        assert cov.tobytes() == solver.covariance().tobytes()
        assert (mesg, ier, info["nfev"]) == (solver.message, solver.info, solver.nfev)


def test_func_is_called_as_often_as_nfev_says() -> None:
    points: list[np.ndarray] = []

    def counted(p: np.ndarray) -> np.ndarray:
        points.append(p.copy())
        return decay(p)

    info: dict[str, Any] = leastsq(counted, [1.0, 1.0], full_output=True)[2]
    assert len(points) == info["nfev"]
    points.clear()
    info = leastsq(counted, [1.0, 1.0], Dfun=decay_jac, full_output=True)[2]
    assert len(points) == info["nfev"]


def test_what_was_given_stays_as_it_was() -> None:
    x0, diag, y = np.array([1.0, 1.0]), np.array([2.0, 1.0]), Y.copy()
    args = (y,)

    def func(p: np.ndarray, data: np.ndarray) -> np.ndarray:
        assert data is y
        value = p[0] * np.exp(-T / p[1]) - data
        p[:] = -1.0
        return value

    x, ier = leastsq(func, x0, args, diag=diag)
    assert ier in (1, 2, 3) and x[0] > 0.0
    np.testing.assert_array_equal(x0, [1.0, 1.0])
    np.testing.assert_array_equal(diag, [2.0, 1.0])
    np.testing.assert_array_equal(y, Y)
    assert x is not x0


def test_the_arrays_returned_are_the_users_own() -> None:
    x, _, info, *_ = leastsq(decay, [1.0, 1.0], full_output=True)
    again, _, info_again, *_ = leastsq(decay, [1.0, 1.0], full_output=True)
    for key in ("fvec", "fjac", "qtf", "ipvt"):
        assert info[key].flags.writeable
        info[key][...] = 0
        assert info_again[key].any() or key == "ipvt"
    np.testing.assert_array_equal(info_again["fvec"], decay(again))
    np.testing.assert_array_equal(x, again)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_residual_or_jacobian_that_is_not_finite_is_no_success(bad: float) -> None:
    spoilt = {
        "residual": (lambda p: np.full(25, bad), None),
        "one residual": (lambda p: decay(p) + np.where(T[3] == T, bad, 0.0), None),
        "Jacobian": (decay, lambda p: np.full((25, 2), bad)),
    }
    for func, jac in spoilt.values():
        with pytest.warns(RuntimeWarning, match="NaN or infinity"):
            x, ier = leastsq(func, [1.0, 1.0], Dfun=jac)
        assert ier == 9
        np.testing.assert_array_equal(x, [1.0, 1.0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x, cov, info, mesg, ier = leastsq(func, [1.0, 1.0], Dfun=jac, full_output=True)
        assert (cov, ier) == (None, 9)
        assert "NaN or infinity" in mesg
        assert info["fjac"].shape == (2, 25)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("x0", v) for v in ("ab", None, [np.nan, 1.0], [np.inf, 1.0], [])],
        *[("x0", v) for v in ([1.0, "a"], [[1], [1, 2]], np.array([1.0 + 1.0j, 1.0]))],
        *[("ftol", v) for v in (-1.0, np.nan, "a", None)],
        *[("xtol", v) for v in (-1.0, np.nan, "a", None)],
        *[("gtol", v) for v in (-1.0, np.nan, "a", None)],
        *[("factor", v) for v in (0.0, -1.0, np.nan, np.inf, "a", None)],
        *[("maxfev", v) for v in (1.5, "a", None, 2**70)],
        *[("epsfcn", v) for v in (np.nan, np.inf, "a")],
        *[("diag", v) for v in ("a", [1.0], [0.0, 1.0], [-1.0, 1.0], [np.nan, 1.0], [1j, 1.0])],
        *[("func", v) for v in (3, None, lambda p: "abc", lambda p: None, lambda p: decay(p) + 0j)],
        *[("func", v) for v in (lambda p: [[1.0], [1.0, 2.0]], lambda p: decay(p)[:, None])],
        *[("Dfun", v) for v in (3, lambda p: "abc", lambda p: decay_jac(p).T)],
        *[("Dfun", v) for v in (lambda p: decay_jac(p) + 0j, lambda p: [[1.0], [1.0, 2.0]])],
    ],
)  # fmt: skip
@pytest.mark.parametrize("full_output", [False, True])
@pytest.mark.filterwarnings("error")
def test_a_bad_argument_is_a_typeerror_that_names_it(
    name: str, value: Any, full_output: bool
) -> None:
    arguments: dict[str, Any] = {"func": decay, "x0": [1.0, 1.0], name: value}
    names = {"Dfun": r"Dfun|Jacobian|<lambda>"}.get(name, rf"\b{name}\b")
    with pytest.raises((TypeError, OverflowError), match=names):
        leastsq(**arguments, full_output=full_output)


def test_fewer_residuals_than_variables_says_both_numbers() -> None:
    with pytest.raises(TypeError, match=r"N=2.*M=1"):
        leastsq(lambda p: [p[0]], [1.0, 1.0])


def test_a_change_of_length_says_both_lengths() -> None:
    with pytest.raises(ValueError, match=r"changed size.*25.*24"):
        leastsq(lambda p: decay(p)[: 25 - int(p[0] > 1.0)], [1.0, 1.0])


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(2)])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8])
def test_an_exception_of_func_or_dfun_leaves_unchanged(error: BaseException, at: int) -> None:
    for where in ("func", "Dfun"):
        calls = [0]

        def fails(calls: list[int] = calls) -> None:
            calls[0] += 1
            if calls[0] == at:
                raise error

        def func(p: np.ndarray, where: str = where, fails: Any = fails) -> np.ndarray:
            if where == "func":
                fails()
            return decay(p)

        def jac(p: np.ndarray, fails: Any = fails) -> np.ndarray:
            fails()
            return decay_jac(p)

        given = {} if where == "func" else {"Dfun": jac}
        if where == "Dfun" and at > 3:
            continue
        with pytest.raises(type(error)) as caught:
            leastsq(func, [1.0, 1.0], **given)
        assert caught.value is error


def test_a_warning_points_at_the_callers_line() -> None:
    with pytest.warns(RuntimeWarning, match=r"maxfev = 4\.") as caught:
        leastsq(decay, [1.0, 1.0], maxfev=4)
    assert caught[0].filename == __file__


def test_the_same_fit_in_eight_threads_and_inside_an_objective_gives_the_serial_bits() -> None:
    expected = leastsq(decay, [1.0, 1.0])[0].tobytes()
    found: list[bytes] = []

    def nested(p: np.ndarray) -> np.ndarray:
        found.append(leastsq(decay, [1.0, 1.0])[0].tobytes())
        return decay(p)

    threads = [
        threading.Thread(target=lambda: found.append(leastsq(nested, [1.0, 1.0])[0].tobytes()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) > 100
    assert set(found) == {expected}


def test_the_covariance_is_none_unless_the_fit_converged() -> None:
    assert leastsq(decay, [1.0, 1.0], maxfev=4, full_output=True)[1] is None
    with contextlib.suppress(RuntimeWarning):
        x, cov, *_ = leastsq(decay, [1.0, 1.0], full_output=True)
    a = decay_jac(x)
    np.testing.assert_allclose(cov, np.linalg.inv(a.T @ a), rtol=1e-3)
