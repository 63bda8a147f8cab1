"""What cannot be fitted: a clear error, or a stated policy, and the user's objects as they were."""

import copy
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fitcore
from fitcore import Minimizer, Parameter, Parameters, create_params, minimize

X = np.linspace(0, 4, 21)
Y = 2 * np.exp(-X) + 0.01 * np.cos(9 * X**2)


def start() -> Parameters:
    return create_params(amp={"value": 1.0, "min": 0}, rate=3.0, twice={"expr": "2*amp"})


def model(p: Any) -> Any:
    return p["amp"] * np.exp(-p["rate"] * X) - Y


class After:
    """The model, until it has been called `n` times; then `what` happens."""

    def __init__(self, n: int, what: Any) -> None:
        self.n, self.what, self.calls = n, what, 0

    def __call__(self, p: Any) -> Any:
        self.calls += 1
        if self.calls <= self.n:
            return model(p)
        return self.what(p)


def raising(error: BaseException) -> Any:
    def what(p: Any) -> Any:
        raise error

    return what


def unchanged(error: type[BaseException], match: str, fcn: Any, **kws: Any) -> str:
    params = kws.pop("params", None) or start()
    before = params.dumps()
    items = list(params.values())
    with pytest.raises(error, match=match) as caught:
        minimize(fcn, params, **kws)
    assert params.dumps() == before
    assert all(a is b for a, b in zip(items, params.values(), strict=True))
    return str(caught.value)


@pytest.mark.parametrize("n", [0, 1, 3, 9])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_an_error_that_says_where(n: int, bad: float) -> None:
    text = unchanged(
        ValueError, "After|not finite", After(n, lambda p: np.where(X < 1, bad, model(p)))
    )
    assert "amp=" in text
    assert "rate=" in text
    assert "nan_policy" in text


def test_propagate_lets_the_fit_retreat_from_where_the_function_has_no_value() -> None:
    def logarithmic(p: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.log(p["a"].value * (1 + X)) - np.log(0.5 * (1 + X))

    params = create_params(a=40.0)
    with pytest.raises(ValueError, match="not finite"):
        minimize(logarithmic, params)
    assert params["a"].value == 40.0
    result = minimize(logarithmic, params, nan_policy="propagate")
    assert result.success
    assert params["a"].value == pytest.approx(0.5, rel=1e-6)


def test_propagate_from_a_start_without_a_value_is_no_success() -> None:
    result = minimize(lambda p: model(p) * np.nan, start(), nan_policy="propagate")
    assert not result.success
    assert not result.errorbars
    assert "NaN" in result.message


def test_omit_drops_what_is_not_finite() -> None:
    gaps = Y.copy()
    gaps[[3, 7]] = np.nan
    keep = np.isfinite(gaps)
    result = minimize(
        lambda p: p["amp"] * np.exp(-p["rate"] * X) - gaps, start(), nan_policy="omit"
    )
    reference = minimize(lambda p: model(p)[keep], start())
    assert result.ndata == X.size - 2
    assert result.params.valuesdict() == reference.params.valuesdict()


def test_omit_drops_the_same_rows_of_the_jacobian() -> None:
    gaps = Y.copy()
    gaps[[3, 7]] = np.nan

    def jacobian(p: Any) -> Any:
        e = np.exp(-p["rate"] * X)
        return np.stack([e, -X * p["amp"] * e], 1)

    result = minimize(
        lambda p: p["amp"] * np.exp(-p["rate"] * X) - gaps,
        start(),
        nan_policy="omit",
        Dfun=jacobian,
    )
    reference = minimize(lambda p: model(p)[np.isfinite(gaps)], start())
    assert_allclose(result.params, reference.params, rtol=1e-7)


@pytest.mark.parametrize("n", [1, 4])
def test_a_residual_of_changing_length_is_an_error(n: int) -> None:
    text = unchanged(ValueError, "size", After(n, lambda p: model(p)[:-1]))
    assert "21" in text
    assert "20" in text


def test_fewer_residuals_than_variables_are_an_error() -> None:
    text = unchanged(ValueError, "fewer", lambda p: model(p)[:1])
    assert "2 variables" in text
    unchanged(ValueError, "fewer", lambda p: np.empty(0))


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (3.0, "scalar"),
        (np.float64(3.0), "scalar"),
        (np.array(3.0), "scalar"),
        (None, "None"),
        ("text", "numbers"),
        (["a"] * 30, "numbers"),
        ([object()] * 30, "numbers"),
        ([[1.0], [1.0, 2.0]], "numbers"),
        ({"a": 1}, "numbers"),
        (np.array(["2020-01-01"] * 30, dtype="datetime64[D]"), "numbers"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_what_is_not_an_array_of_numbers_is_an_error(value: Any, match: str) -> None:
    text = unchanged(TypeError, match, lambda p: value)
    assert "lambda" in text


@pytest.mark.parametrize("n", [0, 1, 2, 5, 12])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt("now"), ZeroDivisionError("me"), SystemExit(3)]
)
def test_an_exception_passes_unchanged_and_nothing_is_altered(n: int, error: BaseException) -> None:
    params = start()
    before = params.dumps()
    with pytest.raises(type(error)) as caught:
        minimize(After(n, raising(error)), params)
    assert caught.value is error
    assert params.dumps() == before


def test_exceptions_of_callbacks_and_jacobians_pass_unchanged() -> None:
    error = RuntimeError("mine")

    def fail(*args: Any, **kws: Any) -> Any:
        raise error

    for kws in ({"iter_cb": fail}, {"callback": fail}, {"Dfun": fail}):
        assert "mine" in unchanged(RuntimeError, "mine", model, **kws)


def test_a_minimizer_can_be_used_again_after_an_exception() -> None:
    function = After(5, raising(KeyboardInterrupt()))
    fitter = Minimizer(function, start())
    with pytest.raises(KeyboardInterrupt):
        fitter.leastsq()
    function.n = 10**9
    assert fitter.leastsq().params.valuesdict() == minimize(model, start()).params.valuesdict()


def test_nothing_to_vary_is_an_error_that_names_params() -> None:
    params = create_params(a={"value": 1, "vary": False}, b={"expr": "a"})
    text = unchanged(ValueError, "params", model, params=params)
    assert "varies" in text
    with pytest.raises(ValueError, match="params"):
        minimize(model, Parameters())


def test_a_variable_without_a_finite_value_is_an_error_that_names_it() -> None:
    params = start()
    params.add("unset")
    assert "unset" in unchanged(ValueError, "unset", model, params=params)
    for bad in (np.nan, np.inf):
        params = create_params(amp=bad, rate=1.0)
        with pytest.raises(ValueError, match="amp"):
            minimize(model, params)


def test_bounds_that_exclude_each_other_and_values_that_are_no_numbers_are_errors() -> None:
    with pytest.raises(ValueError, match="min"):
        minimize(model, create_params(amp={"value": 1, "min": 2, "max": 2}, rate=1))
    with pytest.raises(TypeError, match="amp"):
        create_params(amp="one")


@pytest.mark.parametrize(
    ("kws", "error", "match"),
    [
        ({"args": 3}, TypeError, "args"),
        ({"args": np.zeros(3)}, TypeError, "args"),
        ({"args": "abc"}, TypeError, "args"),
        ({"kws": [1]}, TypeError, "kws"),
        ({"method": 3}, TypeError, "method"),
        ({"method": "nelder-meed"}, ValueError, "nelder-meed"),
        ({"nan_policy": "ignore"}, ValueError, "ignore"),
        ({"nan_policy": np.ones(3)}, ValueError, "nan_policy"),
        ({"iter_cb": 3}, TypeError, "iter_cb"),
        ({"max_nfev": 0}, ValueError, "max_nfev"),
        ({"max_nfev": -3}, ValueError, "max_nfev"),
        ({"max_nfev": "many"}, TypeError, "max_nfev"),
        ({"max_nfev": True}, TypeError, "max_nfev"),
        ({"max_nfev": np.True_}, TypeError, "max_nfev"),
        ({"max_nfev": np.ones(2)}, TypeError, "max_nfev"),
        ({"max_nfev": 1.5}, ValueError, "max_nfev"),
        ({"max_nfev": np.nan}, ValueError, "max_nfev"),
        ({"max_nfev": -np.inf}, ValueError, "max_nfev"),
        ({"maxfev": True}, TypeError, "maxfev"),
        ({"maxfev": 99.5}, ValueError, "maxfev"),
        ({"maxfev": -1}, ValueError, "maxfev"),
        ({"scale_covar": "no"}, TypeError, "scale_covar"),
        ({"scale_covar": None}, TypeError, "scale_covar"),
        ({"scale_covar": 2}, TypeError, "scale_covar"),
        ({"calc_covar": "no"}, TypeError, "calc_covar"),
        ({"inplace": "no"}, TypeError, "inplace"),
        ({"refine": "no"}, TypeError, "refine"),
        ({"refine": np.ones(2)}, TypeError, "refine"),
        ({"col_deriv": "no", "Dfun": model}, TypeError, "col_deriv"),
        ({"ftoll": 1e-3}, TypeError, "ftoll"),
        ({"ftol": "small"}, TypeError, "ftol"),
        ({"ftol": True}, TypeError, "ftol"),
        ({"gtol": "1e-3"}, TypeError, "gtol"),
        ({"xtol": np.complex128(1e-3)}, TypeError, "xtol"),
        ({"ftol": -1.0}, ValueError, "ftol"),
        ({"xtol": np.nan}, ValueError, "xtol"),
        ({"factor": 0}, ValueError, "factor"),
        ({"epsfcn": -1}, ValueError, "epsfcn"),
        ({"diag": [1, -1]}, ValueError, "diag"),
        ({"diag": [1, 2, 3]}, ValueError, "diag"),
        ({"diag": "wide"}, TypeError, "diag"),
        ({"diag": [[1], [1, 2]]}, TypeError, "diag"),
        ({"jac": "4-point"}, ValueError, "4-point"),
        ({"jac": np.ones(3)}, TypeError, "jac must be"),
        ({"jac": 2}, TypeError, "jac must be"),
        ({"Dfun": 3}, TypeError, "Dfun"),
        ({"Dfun": model, "jac": "cs"}, TypeError, "Dfun"),
        ({"callback": 3}, TypeError, "callback"),
        ({"Dfun": lambda p: np.ones((21, 3))}, ValueError, "shape"),
        ({"Dfun": lambda p: np.ones((2, 21))}, ValueError, "shape"),
        ({"Dfun": lambda p: np.ones(21)}, ValueError, "shape"),
        ({"Dfun": lambda p: [[1, 2], [3]]}, TypeError, "Jacobian"),
        ({"Dfun": lambda p: np.full((21, 2), np.nan)}, ValueError, "NaN"),
        ({"Dfun": lambda p: np.full((21, 2), "a")}, TypeError, "numbers"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else None,
)
def test_an_argument_that_cannot_be_used_is_named(kws: Any, error: Any, match: str) -> None:
    unchanged(error, match, model, **kws)


@pytest.mark.parametrize("limit", [np.inf, 1e300, 10**19, 10**400, np.uint64(2**64 - 1)])
@pytest.mark.parametrize("name", ["max_nfev", "maxfev"])
def test_a_limit_beyond_all_counting_is_none(name: str, limit: Any) -> None:
    params = start()
    result = minimize(model, params, **{name: limit})
    assert result.success
    assert params.valuesdict() == minimize(model, start()).params.valuesdict()


@pytest.mark.parametrize("limit", [7, 7.0, np.int16(7), np.float32(7), np.array(7)])
def test_a_limit_may_be_a_whole_number_of_any_type(limit: Any) -> None:
    assert minimize(model, start(), max_nfev=limit).nfev == 7
    assert minimize(model, start(), maxfev=limit).ier == 5


def test_settings_that_are_changed_on_a_minimizer_are_checked_too() -> None:
    fitter = Minimizer(model, start())
    with pytest.raises(TypeError, match="scale_covar"):
        fitter.leastsq(scale_covar="no")  # type: ignore[arg-type]
    fitter.scale_covar = "no"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="scale_covar"):
        fitter.leastsq()


class Wordless:
    """Has a name, and is no Parameter."""

    name = "amp"


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"amp": 1.0}, TypeError, "params.*must be a Parameter, got float 1.0 for 'amp'"),
        ({3: Parameter(value=1.0)}, TypeError, "params.*string, got 3"),
        ({"2b": Parameter(value=1.0)}, ValueError, "params.*'2b'"),
        ({"class": Parameter(value=1.0)}, ValueError, "params.*'class'"),
        (dict.fromkeys("ab", Parameter(value=1.0)), ValueError, "params.*'a' and 'b'"),
        ([Parameter("a", 1.0), Parameter("a", 2.0)], ValueError, "params.*two.*'a'"),
        ([Parameter(value=1.0)], TypeError, "params.*name.*None"),
        ([Wordless()], TypeError, "params.*must be a Parameter, got Wordless"),
        ({}, ValueError, "params"),
        (3, TypeError, "params must be Parameters"),
    ],
)
def test_a_mapping_or_sequence_that_cannot_be_parameters_is_an_error_that_names_params(
    params: Any, error: Any, match: str
) -> None:
    with pytest.raises(error, match=match):
        minimize(model, params)
    with pytest.raises(error, match=match):
        Minimizer(model, params).leastsq()
    with pytest.raises(error, match=match):
        Minimizer(model, start()).leastsq(params)


def test_a_dictionary_of_parameters_is_unchanged_when_the_fit_fails() -> None:
    params = {"amp": Parameter("other", 1.0), "rate": Parameter(value=3.0)}
    before = [copy.copy(item) for item in params.values()]
    with pytest.raises(RuntimeError, match="mine"):
        minimize(After(4, raising(RuntimeError("mine"))), params)
    for old, item in zip(before, params.values(), strict=True):
        assert (item.name, item.value, item.stderr) == (old.name, old.value, None)
    # They still belong to nobody: Parameters take them as they are.
    taken = Parameters()
    taken["amp"] = params["amp"]
    assert taken["amp"] is params["amp"]


def test_wrong_positional_arguments_are_errors() -> None:
    for call in (
        lambda: minimize(3, start()),  # type: ignore[call-overload]
        lambda: minimize(None, start()),  # type: ignore[call-overload]
        lambda: minimize(model, {"a": 1}),  # type: ignore[call-overload]
        lambda: minimize(model, None),  # type: ignore[call-overload]
        lambda: minimize(model, start(), np.zeros(3)),  # type: ignore[call-overload]
        lambda: minimize(model, start(), (), {}, "leastsq", 1),  # type: ignore[call-overload]
        lambda: minimize(model, start(), (), args=()),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError):
            call()


def test_cs_needs_a_function_that_is_carried_through_complex_numbers() -> None:
    def real_only(p: Any) -> Any:
        return p["amp"] * np.exp(-np.abs(p["rate"]) * X).real - Y

    def cast(p: Any) -> Any:
        return np.abs(model(p))

    unchanged(TypeError, "complex", cast, jac="cs")
    assert minimize(real_only, start()).success


def test_a_variable_without_effect_is_named_and_there_are_no_error_bars() -> None:
    params = start()
    params.add("dead", value=1.5)
    result = minimize(model, params)
    assert result.success
    assert not result.errorbars
    assert result.covar is None
    assert "dead has no effect" in result.message
    assert params["dead"].value == 1.5
    assert params["amp"].stderr is None
    assert params["amp"].value == pytest.approx(minimize(model, start()).params["amp"].value)


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs"])
@pytest.mark.parametrize("refine", [True, False])
def test_variables_that_act_as_one_have_no_error_bars(jac: str, refine: bool) -> None:
    params = create_params(amp=1.0, rate=3.0, shift=0.3)

    def redundant(p: Any) -> Any:
        with np.errstate(over="ignore"):
            return p["amp"] * np.exp(p["shift"] - p["rate"] * X) - Y

    result = minimize(redundant, params, jac=jac, refine=refine)
    assert not result.errorbars
    assert "amp" in result.message or "shift" in result.message
    assert result.chisqr == pytest.approx(minimize(model, start()).chisqr, rel=1e-6)


def test_a_function_that_writes_into_params_does_not_derail_the_fit() -> None:
    def vandal(p: Any) -> Any:
        residual = model(p)
        p["amp"].value = 1e6
        p["amp"].max = 1.0
        p["rate"].vary = False
        p.add("new", value=1)
        p.pop("twice", None)
        return residual

    params = start()
    result = minimize(After(0, vandal), params.copy())
    reference = minimize(model, start())
    assert result.nfev > 0
    assert result.chisqr == pytest.approx(reference.chisqr, rel=1e-9)
    params = start()

    def mild(p: Any) -> Any:
        residual = model(p)
        p["amp"].value = -7.0
        p["rate"].value = 1e9
        return residual

    result = minimize(mild, params)
    assert result.params.valuesdict() == reference.params.valuesdict()
    assert params.valuesdict() == reference.params.valuesdict()


def test_a_function_that_returns_the_same_array_each_time_is_fitted() -> None:
    buffer = np.empty_like(X)

    def reuse(p: Any) -> Any:
        buffer[:] = model(p)
        return buffer

    params = start()
    result = minimize(reuse, params)
    reference = minimize(model, start())
    assert params.valuesdict() == reference.params.valuesdict()
    assert result.residual is not buffer
    assert_allclose(result.residual, reference.residual, rtol=0)


def test_the_message_of_an_unknown_name_in_an_expression_says_so() -> None:
    params = start()
    params.add("late", expr="amp")
    params["late"].expr = "nosuch + 1"
    with pytest.raises(NameError, match="nosuch"):
        minimize(model, params)


def test_an_import_of_an_extra_that_is_absent_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uncertainties", None)
    with pytest.raises(ImportError, match=r"fitcore\[uncertainties\]"):
        _ = fitcore.minimize(model, start()).uvars
