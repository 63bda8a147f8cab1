"""What Model.fit makes of its data: kinds of arrays, missing values, weights, bad input."""

import datetime as dt

import numpy as np
import pytest
from originals import require_peer

from fitcore import Model
from fitcore.model import coerce_arraylike


def peak(x, amp, cen=1.0, wid=2):
    return amp * np.exp(-((x - cen) ** 2) / wid)


def line(x, a, b):
    return a * x + b


X = np.linspace(-5, 5, 21)
Y = peak(X, 3.0, 0.5, 1.5) + 0.05 * np.cos(9 * X)
HOLES = np.where(np.arange(21) % 10 == 3, np.nan, Y)
GOOD = np.isfinite(HOLES)
WITHOUT = Model(peak).fit(Y[GOOD], x=X[GOOD], amp=1).best_values


def same(result, wanted):
    assert result.best_values == pytest.approx(wanted, rel=1e-9)


# ------------------------------------------------------------------- kinds of arrays


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([1, 2], np.array([1.0, 2.0])),
        ((1, 2j), np.array([1, 2j])),
        (np.arange(3, dtype="f4"), np.arange(3.0)),
        (np.array([True]), np.array([1.0])),
        ([None, 1], np.array([np.nan, 1.0])),
        (np.ma.masked_array([1, 2], [0, 1]), np.array([1.0, np.nan])),
        (np.array(["2020-01-01"], dtype="M8[D]"), np.array([18262.0])),
    ],
)
def test_arrays_become_doubles_or_complex(given, wanted):
    got = coerce_arraylike(given)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("given", [3, "linear", {"a": 1}, None, True, range(3), np.array(["a"])])
def test_other_objects_stay_as_they_are(given):
    assert coerce_arraylike(given) is given


def test_lists_are_data_and_variables():
    result = Model(peak).fit(list(Y), x=list(X), amp=1, weights=[1.0] * 21)
    same(result, Model(peak).fit(Y, x=X, amp=1).best_values)
    assert isinstance(result.userkws["x"], np.ndarray)


def test_single_precision_and_integers_become_doubles():
    data = np.round(100 * Y).astype(int)
    assert Model(peak).fit(data, x=X.astype("f4"), amp=90).data.dtype == np.float64


def test_arrays_may_stay_as_they_are():
    result = Model(line).fit(Y.astype("f4"), x=X.astype("f4"), a=1, b=1, coerce_farray=False)
    assert result.data.dtype == np.float32
    assert result.userkws["x"].dtype == np.float32


def test_series_are_brought_into_the_order_of_the_data():
    pd = require_peer("pandas")
    order = np.random.default_rng(1).permutation(21)
    weights = 1 + np.arange(21.0)
    result = Model(peak).fit(
        pd.Series(Y, index=range(21)),
        x=pd.Series(X, index=range(21))[order],
        weights=pd.Series(weights, index=range(21))[order],
        amp=1,
    )
    same(result, Model(peak).fit(Y, x=X, weights=weights, amp=1).best_values)
    holes = pd.Series(HOLES, index=range(21))
    same(Model(peak, nan_policy="omit").fit(holes, x=pd.Series(X)[order], amp=1), WITHOUT)


def test_a_frame_may_be_a_variable():
    pd = require_peer("pandas")
    frame = pd.DataFrame({"u": X, "v": X**2})

    def model(z, a, b):
        return a * z["u"] + b * z["v"]

    result = Model(model).fit(3 * X - X**2, z=frame, a=1, b=1, coerce_farray=False)
    assert result.best_values == pytest.approx({"a": 3, "b": -1})


def test_anything_that_numpy_reads_is_data():
    class Labelled:  # as of xarray
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.array(self.values, dtype=dtype)

    same(
        Model(peak).fit(Labelled(Y), x=Labelled(X), amp=1),
        Model(peak).fit(Y, x=X, amp=1).best_values,
    )


def test_data_arrays_of_xarray_are_data():
    xr = require_peer("xarray")
    data = xr.DataArray(Y, coords={"x": X}, dims="x")
    same(Model(peak).fit(data, x=data.x, amp=1), Model(peak).fit(Y, x=X, amp=1).best_values)


def test_objects_and_dates_may_be_independent_variables():
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(21)]

    def trend(when, a, b, unit):
        return a * np.array([(day - days[0]).days for day in when]) / unit["days"] + b

    result = Model(trend, independent_vars=["when", "unit"]).fit(
        2 + 3 * np.arange(21.0), when=days, unit={"days": 1}, a=1, b=1
    )
    assert result.best_values == pytest.approx({"a": 3, "b": 2})
    assert result.userkws["when"] is days


def test_data_of_any_shape_are_fitted_in_c_order():
    x, z = np.meshgrid(np.arange(4.0), np.arange(3.0))
    data = 2 * x - z + 0.1 * np.cos(5 * x + z)
    result = Model(lambda x, z, a, b: a * x + b * z, independent_vars=["x", "z"]).fit(
        data, x=x, z=z, a=1, b=1
    )
    assert result.best_fit.shape == (3, 4)
    np.testing.assert_array_equal(result.residual, (data - result.best_fit).ravel())


def test_a_model_may_return_one_number():
    result = Model(lambda x, c: c).fit(Y, x=X, c=0)
    assert result.best_values["c"] == pytest.approx(Y.mean())


# ------------------------------------------------------------------- missing values


def test_nan_in_data_is_an_error_unless_told_otherwise():
    with pytest.raises(ValueError, match=r"NaN values detected.*Model\(peak\): data has 2 NaN"):
        Model(peak).fit(HOLES, x=X, amp=1)


@pytest.mark.parametrize("shape", [(21,), (3, 7)])
def test_omit_leaves_points_out_of_data_weights_and_variables(shape):
    weights = 1 + X**2
    result = Model(peak, nan_policy="omit").fit(
        HOLES.reshape(shape), x=X.reshape(shape), weights=weights.reshape(shape), amp=1
    )
    wanted = Model(peak).fit(Y[GOOD], x=X[GOOD], weights=weights[GOOD], amp=1)
    same(result, wanted.best_values)
    assert result.ndata == result.data.size == result.weights.size == 19


def test_omit_keeps_a_single_weight_and_what_is_no_array_of_the_data():
    result = Model(peak, nan_policy="omit").fit(HOLES, x=X, weights=2.0, amp=1)
    same(result, WITHOUT)
    assert result.weights == 2.0


def test_propagated_nan_is_no_success():
    result = Model(peak).fit(HOLES, x=X, amp=1, nan_policy="propagate")
    assert not result.success
    assert result.ndata == 21


@pytest.mark.parametrize("of", ["data", "x", "weights"])
def test_masked_points_are_left_out(of):
    mask = ~GOOD
    given = {"data": Y, "x": X, "weights": np.ones(21)}
    given[of] = np.ma.masked_array(np.where(mask, 1e9, given[of]), mask)
    data = given.pop("data")
    same(Model(peak).fit(data, amp=1, **given), WITHOUT)


def test_complex_data_are_left_out_as_a_whole():
    def turn(x, a, b):
        return a * np.exp(1j * b * x)

    data = turn(X, 2, 0.5)
    data[4] = complex(np.nan, 1)
    result = Model(turn, nan_policy="omit").fit(data, x=X, a=1, b=0.4)
    assert result.ndata == 40
    assert result.best_values == pytest.approx({"a": 2, "b": 0.5})


def test_nan_from_the_model_names_the_model_and_the_values():
    def root(x, a):
        return np.sqrt(x - a)

    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match=r"The model function generated NaN.*Model\(root\).*a=1"),
    ):
        Model(root).fit(Y, x=X, a=1)


def test_nan_from_the_model_can_be_left_out():
    def root(x, a):
        return a * np.sqrt(np.where(x < 0, np.nan, x))

    result = Model(root, nan_policy="omit").fit(2 * np.sqrt(np.abs(X)), x=X, a=1)
    assert result.ndata == 11
    assert result.best_values["a"] == pytest.approx(2)


# ------------------------------------------------------------------- weights


def test_complex_weights_multiply_both_parts_each_by_its_own():
    def turn(x, a, b):
        return a * np.exp(1j * b * x)

    data = turn(X, 2, 0.5) + 0.1 * np.cos(7 * X) + 0.2j * np.sin(8 * X)
    weights = 3.0 + 2.0j * np.linspace(1, 2, 21)
    result = Model(turn).fit(data, x=X, a=1, b=0.4, weights=weights)
    left = data - result.best_fit
    wanted = np.column_stack([left.real * weights.real, left.imag * weights.imag]).ravel()
    np.testing.assert_allclose(result.residual, wanted)


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (np.ones(3), ValueError, r"weights must be a number, or an array.*\(21,\).*\(3,\)"),
        (np.ones((21, 1)), ValueError, "weights must be"),
        ("heavy", TypeError, "weights must be an array of numbers"),
        ([object()] * 21, TypeError, "weights must be an array of numbers"),
        (np.where(X == 0, np.nan, 1), ValueError, "weights has 1 NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(weights, error, words):
    with pytest.raises(error, match=words) as caught:
        Model(peak).fit(Y, x=X, amp=1, weights=weights)
    assert "Model(peak)" in str(caught.value)


# ------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("data", "kws", "error", "words"),
    [
        (None, {}, TypeError, "data must be an array of numbers, got None"),
        ("data", {}, TypeError, "data must be an array of numbers"),
        ([], {}, ValueError, "data holds no points"),
        (np.array(["a"] * 21), {}, TypeError, "data must be an array of numbers"),
        (
            Y[:5],
            {},
            ValueError,
            r"returned an array of the shape \(21,\).*data of the shape \(5,\)",
        ),
        (Y, {"nan_policy": "drop"}, ValueError, "nan_policy"),
        (Y, {"amp": "high"}, TypeError, "parameter 'amp'"),
        (Y, {"amp": {"val": 3}}, TypeError, "val"),
        (Y, {"x": None}, ValueError, "Missing independent variable 'x'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_by_name(data, kws, error, words):
    with pytest.raises(error, match=words):
        Model(peak).fit(data, **{"x": X, "amp": 1, **kws})


def test_a_missing_variable_is_named_with_its_model():
    with pytest.raises(ValueError, match=r"Missing independent variable 't'.*Model\(two\)"):
        (Model(line) + Model(lambda t, c: c * t, name="two")).fit(Y, x=X, a=1, b=1, c=1)


def test_parameters_without_value_are_listed():
    with pytest.raises(ValueError, match=r"initial value(.|\n)*Non initialized parameters: \['amp"):
        Model(peak).fit(Y, x=X)


def test_parameters_of_another_model_are_refused():
    params = Model(line).make_params(a=1, b=1)
    with pytest.raises(ValueError, match=r"Missing parameters: \['amp', 'cen', 'wid'\]"):
        Model(peak).fit(Y, params, x=X)


@pytest.mark.parametrize(
    ("func", "error", "words"),
    [
        (lambda x, a: np.ones(3) * a, ValueError, r"returned an array of the shape \(3,\)"),
        (
            lambda x, a: np.ones((21, 1)) * a,
            ValueError,
            r"returned an array of the shape \(21, 1\)",
        ),
        (lambda x, a: None, TypeError, "must return an array of numbers, got NoneType"),
        (lambda x, a: "a", TypeError, "must return an array of numbers, got str"),
        (lambda x, a: {"y": a}, TypeError, "must return an array of numbers, got dict"),
    ],
)
def test_models_that_return_no_array_of_the_datas_shape_are_named(func, error, words):
    with pytest.raises(error, match=words) as caught:
        Model(func, name="broken").fit(Y, x=X, a=1)
    assert "Model(broken)" in str(caught.value)


def test_the_length_of_a_model_must_not_change_during_a_fit():
    def shrinking(x, a):
        return a * x if a == 1 else a * x[1:]

    with pytest.raises(ValueError, match=r"Model\(shrinking\) returned an array of the shape"):
        Model(shrinking).fit(Y, x=X, a=1)


def test_a_failed_fit_leaves_the_data_alone():
    data = Y.copy()
    with pytest.raises(ValueError, match="weights"):
        Model(peak).fit(data, x=X, amp=1, weights=np.ones(2))
    np.testing.assert_array_equal(data, Y)


def test_one_point_and_one_parameter_make_a_fit():
    result = Model(lambda x, a: a * x).fit([6.0], x=[2.0], a=1)
    assert result.best_values["a"] == pytest.approx(3)


def test_nothing_to_vary_is_an_error():
    model = Model(line)
    params = model.make_params(a={"value": 1, "vary": False}, b={"value": 1, "vary": False})
    with pytest.raises(ValueError, match="nothing to fit"):
        model.fit(Y, params, x=X)
