"""fit_many: rows are those of single fits, whatever form the data come in."""

from typing import Any

import numpy as np
import originals
import pytest
from batch_models import NAMES, X, guess_line, line, peak, peak_params, peak_residual, peaks
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import BatchResult, Minimizer, Parameters, fit_many


def assert_same(a: BatchResult, b: BatchResult) -> None:
    """The same bits in all rows."""
    for name, rows in a._rows.items():
        assert_array_equal(rows, b._rows[name], err_msg=name)


def single(y: Any, params: Parameters, weights: Any = 1.0, **kws: Any) -> Any:
    def residual(p: Any) -> Any:
        values = p.valuesdict()
        return (peak(X, *(values[name] for name in NAMES)) - y) * weights

    return Minimizer(residual, params, **kws).leastsq()


def line_params() -> Parameters:
    params = Parameters()
    params.add("slope", value=1.0)
    params.add("offset", value=0.0)
    return params


Y, TRUE = peaks(12)


def test_rows_are_those_of_single_fits() -> None:
    params = peak_params(amp={"min": 0})
    params.add("fwhm", expr="2.3548*wid")
    weights = np.linspace(1, 2, X.size)
    result = fit_many(peak, Y, params, X, weights, workers=1)
    for i, y in enumerate(Y):
        alone = single(y, params, weights)
        assert_array_equal(result.values[i], list(alone.values.values()))
        assert_array_equal(result.stderr[i], [p.stderr for p in alone.params.values()])
        assert_array_equal(result.covar[i], alone.covar)
        for name in ("chisqr", "redchi", "aic", "bic", "nfev", "ndata", "nfree", "status"):
            assert getattr(result, name)[i] == getattr(alone, name)
        assert result.message[i] == alone.message
        made = result.params(i)
        for name, item in alone.params.items():
            assert made[name].value == item.value
            assert made[name].stderr == item.stderr
            assert made[name].init_value == item.init_value
            assert (made[name].correl is None) == (item.correl is None)
            for other, correlation in (item.correl or {}).items():
                assert_allclose(made[name].correl[other], correlation, rtol=1e-14)
                k, j = (NAMES.index(n) for n in (name, other))
                assert_allclose(result.correl[i, k, j], correlation, rtol=1e-14)
    assert result.success.all() and result.errorbars.all() and result.done.all()
    assert len(result) == 12 and result.names == (*NAMES, "fwhm") and result.var_names == NAMES


def test_rows_agree_with_lmfit() -> None:
    lmfit: Any = originals.require_peer("lmfit")
    result = fit_many(peak, Y, peak_params(), X, workers=1)
    model = lmfit.Model(peak)
    for i, y in enumerate(Y):
        theirs = model.fit(y, x=X, amp=1, cen=0, wid=1, off=0)
        assert_allclose(result.values[i], list(theirs.best_values.values()), rtol=1e-5)
        errors = np.sqrt(np.diagonal(theirs.covar))
        assert_allclose(result.covar[i] / np.outer(errors, errors),
                        theirs.covar / np.outer(errors, errors), atol=1e-3)  # fmt: skip
        assert_allclose(result.redchi[i], theirs.redchi, rtol=1e-8)


def test_a_residual_function_gives_the_same_as_a_model_function() -> None:
    one = fit_many(peak, Y, peak_params(), X, workers=1)
    other = fit_many(peak_residual, Y, peak_params(), X, kind="residual", workers=1)
    assert_same(one, other)
    weighted = fit_many(
        peak_residual, Y, peak_params(), X, np.full(50, 2.0), kind="residual", workers=1
    )
    assert_allclose(weighted.chisqr, 4 * one.chisqr, rtol=1e-12)


def test_parameters_that_were_given_stay_as_they_are() -> None:
    params = peak_params()
    before = params.dumps()
    fit_many(peak, Y, params, X, workers=1, starts={"amp": np.full(12, 3.0), "cen": 0.1})
    assert params.dumps() == before


def test_a_row_of_bad_data_has_its_message_and_no_other_changes() -> None:
    bad = Y.copy()
    bad[3, 7] = np.nan
    bad[5] = np.inf
    params = peak_params()
    result = fit_many(peak, bad, params, X, workers=1)
    clean = fit_many(peak, Y, params, X, workers=1)
    others = np.delete(np.arange(12), [3, 5])
    assert_array_equal(result.values[others], clean.values[others])
    assert not result.success[[3, 5]].any() and np.isnan(result.values[[3, 5]]).all()
    assert "1 of 50 points, the first at index 7" in result.message[3]
    assert "50 of 50 points" in result.message[5]
    assert result.done.all() and list(result.failures().values()) == [1, 1]
    assert np.isnan(result.params(3)["amp"].stderr or np.nan)


def test_an_exception_of_the_model_costs_one_row() -> None:
    def model(x: Any, slope: Any) -> Any:
        if slope > 3:
            raise ZeroDivisionError("beyond 3")
        return slope * x

    x = np.linspace(0, 1, 5)
    params = Parameters()
    params.add("slope", value=1.0)
    result = fit_many(model, np.array([[2.0], [4.0], [2.5]]) * x, params, x)
    assert list(result.success) == [True, False, True]
    assert result.message[1] == "ZeroDivisionError: beyond 3"


def test_omitted_and_masked_points_are_as_if_they_were_not_there() -> None:
    bad = Y.copy()
    bad[2, 4] = np.nan
    weights = np.ones_like(Y)
    weights[3, 5] = np.nan
    mask = np.zeros(Y.shape, dtype=bool)
    mask[4, :10] = True
    result = fit_many(peak, bad, peak_params(), X, weights, mask=mask, nan_policy="omit", workers=1)
    for i, left_out in ((2, [4]), (3, [5]), (4, list(range(10)))):
        x = np.delete(X, left_out)
        fitter = Minimizer(
            lambda p, x, y: peak(x, **p.valuesdict()) - y,
            peak_params(),
            (x, np.delete(Y[i], left_out)),
        )
        assert_array_equal(result.values[i], list(fitter.leastsq().values.values()))
        assert result.ndata[i] == x.size
    whole = fit_many(peak, Y, peak_params(), X, mask=np.arange(12)[:, None] == 6, workers=1)
    assert "masked" in whole.message[6] and whole.success.sum() == 11
    shared = fit_many(peak, np.ma.array(Y, mask=mask), peak_params(), X, workers=1)
    assert_array_equal(shared.values[4], result.values[4])
    assert_array_equal(shared.values[0], result.values[0])


def test_starts_and_fixed_values_differ_from_fit_to_fit() -> None:
    params = peak_params(off={"vary": False})
    offsets = TRUE[:, 3]
    result = fit_many(
        peak, Y, params, X, starts={"off": offsets, "amp": TRUE[:, 0], "wid": 1.5}, workers=1
    )
    assert_array_equal(result["off"], offsets)
    assert_array_equal(result.map("amp", "init_values"), TRUE[:, 0])
    assert (result.map("wid", "init_values") == 1.5).all()
    for i in (0, 11):
        params["off"].value, params["amp"].value, params["wid"].value = offsets[i], TRUE[i, 0], 1.5
        assert_array_equal(result.values[i], list(single(Y[i], params).values.values()))


def test_starts_come_from_a_function_or_a_table() -> None:
    slopes = np.array([2.0, -3.0, 0.5])
    x = np.linspace(1, 4, 7)
    y = slopes[:, None] * x + 1
    result = fit_many(line, y, line_params(), x, starts=guess_line)
    assert_allclose(result.map("slope", "init_values"), slopes)
    assert_allclose(result["offset"], 1)
    pd: Any = originals.require_peer("pandas")
    table = pd.DataFrame({"slope": slopes, "offset": [1.0, 2.0, 3.0]})
    result = fit_many(line, y, line_params(), x, starts=table)
    assert_array_equal(result.map("offset", "init_values"), [1, 2, 3])

    def own(y: Any, x: Any) -> Parameters:
        params = line_params()
        params["slope"].max = 1.0
        return params

    result = fit_many(line, y, line_params(), x, starts=own)
    assert_array_equal(result.map("slope", "at_bound"), [True, False, False])
    assert result["slope"][0] == 1.0


def test_x_may_differ_from_fit_to_fit_and_be_several() -> None:
    x = np.linspace(1, 4, 7) + np.arange(3)[:, None]
    y = 2 * x + 1
    for given in (x, {"x": x}):
        assert_allclose(fit_many(line, y, line_params(), given).values, [[2, 1]] * 3)

    def plane(u: Any, v: Any, slope: Any, offset: Any, power: int) -> Any:
        return slope * u + offset * v**power

    u, v = np.linspace(0, 1, 9), np.cos(np.arange(9))
    y = np.array([[3.0], [4.0]]) * u + 2 * v**2
    result = fit_many(plane, y, line_params(), {"u": u, "v": np.array([v, v])}, power=2)
    assert_allclose(result.values, [[3, 2], [4, 2]])


def test_an_image_gives_maps() -> None:
    image = Y.reshape(3, 4, 50)
    result = fit_many(peak, image, peak_params(), X, workers=1)
    flat = fit_many(peak, Y, peak_params(), X, workers=1)
    assert result.shape == (3, 4) and result.nfits == 12
    assert result["amp"].shape == result.chisqr.shape == result.message.shape == (3, 4)
    assert result.values.shape == (3, 4, 4) and result.covar.shape == (3, 4, 4, 4)
    assert_array_equal(result.map("cen", "stderr").ravel(), flat.map("cen", "stderr"))
    assert result.params((1, 2)) == result.params(6)
    assert "3 x 4 fits" in repr(result)
    starts = {"amp": np.arange(1.0, 13).reshape(3, 4)}
    result = fit_many(peak, image, peak_params(), X, starts=starts, workers=1)
    assert_array_equal(result.map("amp", "init_values"), starts["amp"])


class Stored:
    """An array that is read in parts, as zarr's and HDF5's are."""

    def __init__(self, array: Any, chunks: Any) -> None:
        self.array, self.chunks = array, chunks
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype
        self.largest = 0

    def __getitem__(self, index: Any) -> Any:
        part = self.array[index]
        self.largest = max(self.largest, part.size)
        return part


def test_data_in_files_and_chunks_give_the_same_bits(tmp_path: Any, monkeypatch: Any) -> None:
    params = peak_params()
    whole = fit_many(peak, Y, params, X, workers=1)
    np.save(tmp_path / "y.npy", Y)
    mapped = np.load(tmp_path / "y.npy", mmap_mode="r")
    assert_same(fit_many(peak, mapped, params, X, workers=1), whole)
    assert_same(fit_many(peak, (Y[k : k + 5] for k in range(0, 12, 5)), params, X), whole)
    monkeypatch.setattr("fitcore._batch_data.BLOCK_BYTES", 3 * 50 * 8)
    for shape, chunks in (((12, 50), (2, 50)), ((3, 4, 50), (1, 2, 50)), ((3, 4, 50), None)):
        stored = Stored(Y.reshape(shape), chunks)
        result = fit_many(peak, stored, params, X, stored, workers=1)
        weighted = fit_many(peak, Y, params, X, Y, workers=1)
        assert_same(result, weighted)
        assert stored.largest <= 4 * 50
    with pytest.raises(ValueError, match="weights has fewer chunks than y"):
        fit_many(peak, iter([Y, Y]), params, X, iter([Y]), workers=1)


def test_dask_arrays_are_computed_part_by_part() -> None:
    da: Any = originals.require_peer("dask.array")
    lazy = da.from_array(Y.reshape(3, 4, 50), chunks=(2, 2, 50))
    result = fit_many(peak, lazy, peak_params(), X, workers=1)
    assert_same(result, fit_many(peak, Y, peak_params(), X, workers=1))


def test_integers_and_single_precision_are_fitted_as_doubles() -> None:
    x = np.arange(5)
    y = np.array([2 * x + 1, 3 * x + 1])
    for kind in (np.int16, np.float32):
        assert_allclose(fit_many(line, y.astype(kind), line_params(), x).values, [[2, 1], [3, 1]])


def test_an_empty_batch_gives_an_empty_result() -> None:
    empties: list[Any] = [np.empty((0, 50)), [], iter([]), np.empty((0, 4, 50))]
    for y in empties:
        result = fit_many(peak, y, peak_params(), X)
        assert len(result) == 0 and result.values.shape == (*result.shape, 4)
        assert result.shape[0] == 0
        assert "# fits" in result.report() and result._repr_html_() and not result.failures()


def test_no_points_are_an_error_in_each_row() -> None:
    result = fit_many(peak, np.empty((2, 0)), peak_params(), np.empty(0))
    assert not result.success.any() and result.done.all()


def test_other_methods_are_those_of_minimize() -> None:
    result = fit_many(peak, Y[:2], peak_params(), X, method="lbfgsb")
    for i in range(2):
        alone = Minimizer(lambda p, y=Y[i]: peak(X, **p.valuesdict()) - y, peak_params()).minimize(
            "lbfgsb"
        )
        assert_array_equal(result.values[i], list(alone.values.values()))
    assert result.method == "lbfgsb"
    loose = fit_many(peak, Y[:2], peak_params(), X, fit_kws={"ftol": 1e-2}, max_nfev=500)
    assert (loose.nfev < fit_many(peak, Y[:2], peak_params(), X).nfev).all()
    stopped = fit_many(peak, Y[:2], peak_params(), X, max_nfev=3)
    assert stopped.aborted.all() and not stopped.success.any()


def test_unscaled_covariances_are_those_of_known_errors() -> None:
    x = np.linspace(0, 1, 11)
    y = np.array([x + 0.1 * np.cos(9 * x)])
    result = fit_many(line, y, line_params(), x, np.full(11, 10.0), scale_covar=False)
    design = np.stack([x, np.ones(11)], axis=1) * 10
    assert_allclose(result.covar[0], np.linalg.inv(design.T @ design), rtol=1e-8)


def test_reports_count_and_escape() -> None:
    bad = Y.copy()
    bad[3, 7] = np.nan
    result = fit_many(peak, bad, peak_params(), X, workers=1)
    text = str(result)
    assert "# successful       = 11" in text and "1: ValueError: y is NaN" in text
    median = np.median(result["amp"][result.success])
    assert f"{median:.6f}"[:7] in text
    result.message[3] = "<script>"
    assert "&lt;script&gt;" in result._repr_html_()
    assert repr(result) == "<BatchResult leastsq: 12 fits, 11 successful, 4 variables>"


def test_a_table_has_a_line_for_each_fit() -> None:
    originals.require_peer("pandas")
    result = fit_many(peak, Y.reshape(3, 4, 50), peak_params(), X, workers=1)
    table = result.to_dataframe()
    assert len(table) == 12
    assert_array_equal(table["amp"], result["amp"].ravel())
    assert_array_equal(table.loc[(1, 2), "cen_stderr"], result.map("cen", "stderr")[1, 2])


def test_a_progress_bar_counts_the_fits(capsys: Any) -> None:
    originals.require_peer("tqdm")
    fit_many(peak, Y, peak_params(), X, progress=True, workers=1)
    assert "12/12" in capsys.readouterr().err


def test_a_fit_inside_the_model_of_a_batch_disturbs_nothing() -> None:
    inner_params = line_params()

    def model(x: Any, slope: Any, offset: Any) -> Any:
        inner = fit_many(line, np.array([2 * x]), inner_params, x)
        return slope * x + offset * inner["slope"][0]

    x = np.linspace(0, 1, 5)
    result = fit_many(model, np.array([3 * x + 4]), line_params(), x)
    assert_allclose(result.values, [[3, 2]])


def test_a_model_is_fitted_as_its_method_fit_does() -> None:
    if not hasattr(fitcore, "Model"):
        pytest.skip("allowed: there is no Model yet")
    model = fitcore.Model(peak)
    weights = np.linspace(1, 2, X.size)
    result = fit_many(model, Y, peak_params(), X, weights, workers=1)
    for i in (0, 11):
        alone = model.fit(Y[i], peak_params(), weights=weights, x=X)
        assert_array_equal(result.values[i], list(alone.best_values.values()))
        assert_array_equal(result.covar[i], alone.covar)
