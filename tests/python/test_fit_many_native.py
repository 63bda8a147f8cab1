"""fit_many of native models: compiled fits and those they leave out are what single fits are."""

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_models import NAMES, X, peak, peak_params, peaks
from native_functions import function
from numpy.testing import assert_allclose, assert_array_equal

import fitcore
from fitcore import BatchResult, Minimizer, NativeFunction, Parameters, fit_many
from fitcore._batch import BatchFitter
from fitcore._batch_fit import FIELDS, erase
from fitcore._compiled_model import compile_model
from fitcore.models import ConstantModel, GaussianModel, LinearModel

FITS = int(os.environ.get("FITCORE_FITS", "300"))


def native(name: str, names: Any = None) -> NativeFunction:
    return NativeFunction(function(name), "model", derivatives=True, names=names)


def assert_same(a: Any, b: Any) -> None:
    for name, rows in a._rows.items():
        assert_array_equal(rows, b._rows[name], err_msg=name)


def single(model: NativeFunction, x: Any, y: Any, params: Parameters, weights: Any = None) -> Any:
    return Minimizer(model.residual(x, y, weights), params).leastsq()


def differences(batch: Any, i: int, alone: Any) -> tuple[float, float, float]:
    """Of values in standard errors, of covariances in parts of them, of chi-square in parts."""
    free = np.flatnonzero(np.diagonal(alone.covar) > 0)
    errors = np.sqrt(np.diagonal(alone.covar))[free]
    best = np.array([alone.params[name].value for name in alone.var_names])[free]
    values = np.array([batch.values[i, batch.names.index(n)] for n in alone.var_names])[free]
    covar = (batch.covar[i] - alone.covar)[np.ix_(free, free)] / np.outer(errors, errors)
    return (
        float(np.abs((values - best) / errors).max(initial=0)),
        float(np.abs(covar).max(initial=0)),
        abs(batch.chisqr[i] / alone.chisqr - 1),
    )


def compare(
    name: str, x: Any, ys: Any, params: Parameters, weights: Any = None, bends: float = 1e-4
) -> int:
    """Hold a batch against single fits; the number of fits that ended in another minimum.

    `bends` is how far covariances may be apart: J changes with the values.
    """
    model = native(name)
    batch = fit_many(model, ys, params, x, weights, workers=1)
    elsewhere = 0
    for i, y in enumerate(ys):
        try:
            alone = single(model, x, y, params, weights)
        except ValueError:
            alone = None
        if alone is None:
            assert batch.done[i] and not batch.success[i] and "ValueError" in batch.message[i]
            continue
        # Paths from far away part for rounding alone; then chi-square differs, or both failed.
        if not np.isclose(batch.chisqr[i], alone.chisqr, rtol=1e-6):
            elsewhere += 1
            continue
        assert batch.success[i] == alone.success
        assert batch.errorbars[i] == alone.errorbars
        assert batch.ndata[i] == alone.ndata
        if alone.errorbars:
            moved, covar, chisqr = differences(batch, i, alone)
            if moved > 1:  # as deep, and not the same: a width of the other sign
                elsewhere += 1
                continue
            assert moved < 1e-4 and covar < bends and chisqr < 1e-9, (i, moved, covar, chisqr)
        assert [n for n, on in zip(batch.var_names, batch.at_bound[i], strict=True) if on] == list(
            alone.at_bound
        )
    return elsewhere


def test_rows_are_those_of_single_fits() -> None:
    ys, _ = peaks(FITS)
    assert compare("peak_model", X, ys, peak_params()) == 0


def test_weighted_and_bounded_rows_are_those_of_single_fits() -> None:
    ys, _ = peaks(FITS // 2, seed=2)
    params = peak_params(
        amp={"min": 0, "max": 20}, cen={"min": -4, "max": 4}, wid={"min": 0.1}, off={"max": 3.0}
    )
    assert compare("peak_model", X, ys, params, np.linspace(1, 3, X.size)) == 0


def test_rows_on_a_bound_are_those_of_single_fits() -> None:
    ys, true = peaks(FITS // 3, seed=3)
    # Half of the offsets are below the bound, and many centres beyond theirs.
    params = peak_params(off={"min": 0.5, "value": 1.0}, cen={"max": 0.5})
    result = fit_many(native("peak_model"), ys, params, X, workers=1)
    assert 0.2 < result.map("off", "at_bound").mean() < 0.8
    assert compare("peak_model", X, ys, params) <= FITS // 300
    assert_allclose(result["off"], np.maximum(true[:, 3], 0.5), atol=0.3)


def test_rows_that_start_on_a_bound_are_those_of_single_fits() -> None:
    ys, _ = peaks(FITS // 10, seed=4)
    params = peak_params(amp={"value": 0.0, "min": 0}, off={"value": 2.0, "max": 2.0})
    assert compare("peak_model", X, ys, params) <= FITS // 300


def test_rows_of_badly_conditioned_problems_are_those_of_single_fits() -> None:
    rng = np.random.default_rng(5)
    x = np.linspace(0, 5, 40)
    params = Parameters()
    params.add_many(("a", 1.0), ("k", 1.0), ("b", 1.0), ("l", 0.5))
    k = rng.uniform(0.5, 2, (FITS // 10, 1))
    # Nearly the same rates twice: sums of columns are differences of the others.
    ys = np.exp(-k * x) + 2 * np.exp(-k * rng.uniform(1.001, 1.3, k.shape) * x)
    ys += rng.normal(0, 1e-3, ys.shape)
    model = native("decays_model")
    batch = fit_many(model, ys, params, x, workers=1)
    for i, y in enumerate(ys):
        alone = single(model, x, y, params)
        # The valley is flat: chi-square tells, and where there are errors, values within them.
        if batch.success[i] and alone.success:
            assert batch.chisqr[i] <= alone.chisqr * (1 + 1e-6)
            if alone.errorbars and batch.errorbars[i]:
                assert differences(batch, i, alone)[0] < 0.05


def test_rows_of_noise_are_those_of_single_fits() -> None:
    ys = np.random.default_rng(6).normal(0, 1, (FITS // 3, X.size))
    # There is no peak to find: many minima, some at the end of the range, and paths that part.
    assert compare("peak_model", X, ys, peak_params(), bends=1e-2) <= 0.2 * len(ys)


def test_rows_with_nan_are_those_of_single_fits() -> None:
    ys, _ = peaks(20, seed=7)
    clean = ys.copy()
    rng = np.random.default_rng(8)
    for i in range(0, 20, 2):
        ys[i, rng.integers(0, 50, 1 + i)] = np.nan
    model = native("peak_model")
    raised = fit_many(model, ys, peak_params(), X, workers=1)
    assert_array_equal(raised.success, np.isfinite(ys).all(axis=1))
    assert "y is NaN or infinite" in raised.message[0]
    omitted = fit_many(model, ys, peak_params(), X, nan_policy="omit", workers=1)
    masked = fit_many(model, clean, peak_params(), X, mask=np.isnan(ys), workers=1)
    assert_same(omitted, masked)
    for i in range(20):
        keep = np.isfinite(ys[i])
        alone = single(model, X[keep], ys[i][keep], peak_params())
        assert omitted.ndata[i] == alone.ndata
        assert max(differences(omitted, i, alone)) < 1e-4


@pytest.mark.parametrize("policy", ["raise", "omit"])
def test_the_same_bits_for_any_number_of_threads_and_chunks(policy: Any) -> None:
    ys, _ = peaks(50, seed=9)
    ys[7, 3] = np.nan
    options = {"nan_policy": policy}
    model, params = native("peak_model", NAMES), peak_params(amp={"min": 0})
    params.add("area", expr="amp*wid*sqrt(2*pi)")
    one = fit_many(model, ys, params, X, workers=1, **options)
    assert one.success.sum() == (50 if policy == "omit" else 49)
    for workers, size in ((2, 7), (8, 1), (3, None)):
        again = fit_many(model, ys, params, X, workers=workers, chunk_size=size, **options)
        assert_same(again, one)
    with ThreadPoolExecutor(2) as pool:
        again = fit_many(model, ys, params, X, executor=pool, chunk_size=9, **options)
        assert_same(again, one)
    assert_allclose(one["area"], one["amp"] * one["wid"] * np.sqrt(2 * np.pi), rtol=1e-14)


def test_expressions_have_the_values_and_errors_of_single_fits() -> None:
    ys, _ = peaks(5, seed=10)
    params = peak_params()
    params.add("ratio", expr="amp / max(wid, 1e-15)")
    model = native("peak_model", NAMES)
    batch = fit_many(model, ys, params, X, workers=1)
    for i, y in enumerate(ys):
        alone = single(model, X, y, params)
        assert_allclose(batch["ratio"][i], alone.params["ratio"].value, rtol=1e-6)
        assert_allclose(batch.map("ratio", "stderr")[i], alone.params["ratio"].stderr, rtol=1e-4)
        assert batch.map("ratio", "init_values")[i] == 1.0
    # What the model takes may be an expression as well.
    params = peak_params(off={"expr": "amp/10"})
    batch = fit_many(model, ys, params, X, workers=1)
    assert_allclose(batch["off"], batch["amp"] / 10)


def test_fixed_values_starts_and_several_coordinates() -> None:
    rng = np.random.default_rng(11)
    u, v = rng.normal(size=(2, 30))
    true = rng.normal(size=(9, 3))
    ys = true[:, :1] * u + true[:, 1:2] * v + true[:, 2:]
    params = Parameters()
    params.add_many(("a", 0.0), ("b", 0.0), ("c", 0.0, False))
    model = native("plane_model")
    starts: dict[str, Any] = {"c": true[:, 2], "a": np.arange(9.0)}
    result = fit_many(model, ys, params, {"u": u, "v": v}, starts=starts, workers=1)
    assert_allclose(result.values, true, atol=1e-10)
    assert_array_equal(result["c"], true[:, 2])
    assert_array_equal(result.map("a", "init_values"), np.arange(9))
    # coordinates that differ, and a function for the starts
    both = {"u": u + np.zeros((9, 1)), "v": v}
    again = fit_many(
        model, ys, params, both, workers=1,
        starts=lambda y, u, v: {"c": y[0] - true[0, 0] * u[0] - true[0, 1] * v[0]},
    )  # fmt: skip
    assert_allclose(again.values[0], true[0], atol=1e-10)


def test_a_model_that_stops_costs_its_rows() -> None:
    params = Parameters()
    params.add_many(("a", 0.0), ("b", 0.0), ("c", 0.0))
    u = np.linspace(0, 1, 5)
    x = {"u": u, "v": u**2}
    starts = {"c": [0.0, 2000.0]}
    result = fit_many(native("plane_model"), np.array([u, u]), params, x, starts=starts)
    assert list(result.success) == [True, False]
    assert "7" in result.message[1]


def test_parameters_of_a_native_model_go_by_name() -> None:
    ys, _ = peaks(3)
    model = native("peak_model", NAMES)
    params = Parameters()
    for name in ("off", "wid", "cen", "amp"):
        params[name] = peak_params()[name]
    result = fit_many(model, ys, params, X)
    plain = fit_many(native("peak_model"), ys, peak_params(), X)
    assert_allclose(result["wid"], plain["wid"], rtol=1e-8)
    del params["off"]
    with pytest.raises(ValueError, match="params lacks what the model takes: off"):
        fit_many(model, ys, params, X)
    with pytest.raises(ValueError, match="x must be given for a NativeFunction"):
        fit_many(native("peak_model"), ys, peak_params())
    with pytest.raises(TypeError, match="no further arguments, got power"):
        fit_many(native("peak_model"), ys, peak_params(), X, power=2)
    with pytest.raises(TypeError, match="of kind 'model', got one of kind 'residual'"):
        fit_many(NativeFunction(function("decay_residual"), m=50), ys, peak_params(), X)


def test_settings_and_methods_of_python_are_those_of_single_fits() -> None:
    ys, _ = peaks(2)
    model = native("peak_model")
    for kws in ({"fit_kws": {"epsfcn": 1e-10}}, {"method": "lbfgsb"}, {"max_nfev": 3}):
        result = fit_many(model, ys, peak_params(), X, **kws)  # type: ignore[arg-type]
        for i in range(2):
            fitter = Minimizer(
                model.residual(X, ys[i]), peak_params(), max_nfev=kws.get("max_nfev"),
                **kws.get("fit_kws", {}),
            )  # fmt: skip
            alone = fitter.minimize(kws.get("method", "leastsq"))  # type: ignore[arg-type]
            assert_array_equal(result.values[i], list(alone.values.values()))
            assert result.aborted[i] == alone.aborted
    unscaled = fit_many(model, ys, peak_params(), X, scale_covar=False)
    scaled = fit_many(model, ys, peak_params(), X)
    assert_allclose(unscaled.covar * scaled.redchi[:, None, None], scaled.covar, rtol=1e-12)


def test_one_parameter_exact_data_and_as_many_points_as_variables() -> None:
    params = peak_params(cen={"vary": False}, wid={"vary": False}, off={"vary": False})
    y = peak(X, 3.0, 0.0, 1.0, 0.0)
    result = fit_many(native("peak_model"), np.array([y, 2 * y]), params, X)
    assert_allclose(result["amp"], [3, 6], rtol=1e-12)
    assert result.success.all()
    few = X[[20, 24, 26, 30]]
    ys = np.array([peak(few, 2, 0.1, 1, 0.3)])
    exact = fit_many(native("peak_model"), ys, peak_params(), few)
    assert_allclose(exact.values, [[2, 0.1, 1, 0.3]], rtol=1e-6)
    short = fit_many(native("peak_model"), ys[:, :3], peak_params(), few[:3])
    assert not short.success[0] and "ValueError" in short.message[0]


def test_bad_arguments_of_the_compiled_loop_are_refused() -> None:
    address = native("peak_model").address
    four = np.full(4, np.inf)
    three = {"which": range(3), "lower": -four[:3], "upper": four[:3]}
    tied = fitcore.create_params(a=1.0, b={"expr": "2*a"}, c={"expr": "min([a, 2.0])"})
    doubled, listed = tied._constraints()

    def made(**kws: Any) -> BatchFitter:
        given: dict[str, Any] = {
            "address": address, "user_address": 0, "keep": None, "nparams": 4, "which": range(4),
            "lower": -four, "upper": four, **kws,
        }  # fmt: skip
        return BatchFitter(**given)

    for kws, words in (
        ({"address": 0}, "address must be that of a function"),
        ({"which": [0, 0]}, "which must be different numbers from 0 to 3"),
        ({"which": []}, "which must be"),
        ({"which": [4]}, "which must be"),
        ({"lower": four[:2]}, r"lower must have shape \(4,\)"),
        ({"lower": four}, "lower must be less than upper"),
        ({"ties": [(0, doubled, [1])]}, "ties must be of different parameters that do not vary"),
        ({**three, "ties": [(3, doubled, [4])]}, "with a number below 4 for each input"),
        ({**three, "ties": [(3, doubled, [1, 2])]}, "with a number below 4 for each input"),
        ({**three, "ties": [(3, doubled, [1])] * 2}, "ties must be of different parameters"),
        ({**three, "ties": [(3, listed, [1])]}, "ties must be compiled expressions"),
    ):
        with pytest.raises(ValueError, match=words):
            made(**kws)
    fitter, x, y, v = made(), X[None].copy(), np.ones((2, 50)), np.ones((2, 4))
    for arrays, words in (
        ((x[:, :-1], y, None, v), "x must be"),
        ((x, y, np.ones(49), v), "weights must be"),
        ((x, y, None, np.ones((2, 3))), r"values must have shape \(2, 4\)"),
        ((np.ones((3, 1, 50)), y, None, v), "x must be"),
    ):
        with pytest.raises(ValueError, match=words):
            fitter.fit(*arrays)
    apart = v.copy()
    apart[1, 0] = 2
    for x_, w_, v_ in (
        (x, None, apart), (x, np.ones((2, 50)), v), (np.stack([x, x]), None, v)
    ):  # fmt: skip
        with pytest.raises(ValueError, match="shared"):
            fitter.fit(x_, y, w_, v_, shared=True)
    # the batch of nothing
    info, nfev, chisqr, covar = fitter.fit(x, y[:0], None, v[:0])
    assert info.shape == nfev.shape == chisqr.shape == (0,) and covar.shape == (0, 4, 4)


@pytest.mark.parametrize("workers", [1, 2])
def test_memory_is_that_of_the_result_and_of_a_chunk(tmp_path: Path, workers: int) -> None:
    nfits, chunk = 30000, 2000
    model, x = GaussianModel(), np.linspace(-4, 4, 60)
    params = model.make_params(amplitude=2, center=0.2, sigma=0.9)
    y = np.memmap(tmp_path / "y", dtype=np.float32, mode="w+", shape=(nfits, x.size))
    y[:] = model.eval(params, x=x, amplitude=3) + 0.01 * np.cos(np.arange(nfits))[:, None] * x
    fit_many(model, y[:10], params, x, workers=workers)
    tracemalloc.start()
    try:
        result = fit_many(model, y, params, x, workers=workers, chunk_size=chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.success.all()
    own = sum(rows.nbytes for rows in result._rows.values())
    # A chunk is its data, also as doubles, and its rows; each worker has one, and one waits.
    one = chunk * (x.size * 8 + own / nfits)
    assert peak - own < 2 * one * (1 if workers == 1 else 2 * workers)


def test_what_is_saved_on_the_way_and_resumed_are_the_rows_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = GaussianModel(), np.linspace(-4, 4, 60)
    params = model.make_params(amplitude=2, center=0.2, sigma=0.9)
    rng = np.random.default_rng(3)
    y = model.eval(params, x=x) * rng.uniform(1, 2, (3000, 1)) + rng.normal(0, 0.05, (3000, 60))
    y[7, 7] = np.nan
    alone = fit_many(model, y, params, x, workers=1)
    monkeypatch.setattr("fitcore._batch_store.INTERVAL", -1.0)  # after each chunk
    file = tmp_path / "batch.npz"
    saved = fit_many(model, y, params, x, workers=2, chunk_size=100, save=file)
    part = BatchResult.load(file)
    for name in FIELDS:
        assert_array_equal(saved._rows[name], alone._rows[name], err_msg=name)
        assert_array_equal(part._rows[name], alone._rows[name], err_msg=name)
    assert alone.success.sum() == 2999 and set(alone.message[alone.success]) == {"Fit succeeded."}
    undone = rng.random(3000) < 0.5
    erase(part._rows, undone)
    resumed = fit_many(model, y, params, x, workers=2, resume=part)
    for name in FIELDS:
        assert_array_equal(resumed._rows[name], alone._rows[name], err_msg=name)


def test_one_evaluation_for_all_at_the_start_finds_what_one_for_each_finds() -> None:
    model = GaussianModel() + ConstantModel()
    params = model.make_params(amplitude=2, center=0.3, sigma=0.9, c=0)
    params["sigma"].set(min=0.2, max=3)
    params.add("width", value=0.1)
    rng, x = np.random.default_rng(5), np.linspace(-4, 4, 61)
    y = model.eval(params, x=x) * rng.uniform(0.5, 2, (40, 1)) + rng.normal(0, 0.05, (40, 61))
    y[0, 3] = np.nan  # at which the model is evaluated for all
    weights = rng.uniform(0.5, 2, x.size)
    together = fit_many(model, y, params, x, weights)
    alone = fit_many(model, y, params, x, weights, starts={"c": np.zeros(40)})
    assert not together.success[0] and together.success[1:].all() and alone.success[1:].all()
    assert (together.nfev[1:] == alone.nfev[1:]).all()  # of the compiled fits, both
    assert_allclose(together.values[1:], alone.values[1:], rtol=1e-8, atol=1e-10)
    assert_allclose(together.covar[1:], alone.covar[1:], rtol=1e-6, atol=1e-12)
    assert_allclose(together.chisqr[1:], alone.chisqr[1:], rtol=1e-11)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(2e-3, -1e9, 1e9), (-3e-7, -1e6, 1e6), (2e-3, 0.0, 1e-2), (13.0, -np.inf, 16.0),
     (-13.0, -16.0, np.inf), (4e-9, 3e-9, 9e-9), (7e11, -1e3, 1e12)],
)  # fmt: skip
def test_values_keep_their_digits_within_bounds_of_another_size(
    value: float, low: float, high: float
) -> None:
    # y = value + x / 3: the solution is known, and the mapping of bounds alone could spoil it.
    model, x = LinearModel(), np.linspace(0, 1, 33)
    found = compile_model(model, model.make_params(), {"x": x}, x.size)
    assert found is not None
    function, points = found
    assert function.names == ("slope", "intercept")
    y = (value + x / 3)[np.newaxis]
    fitter = BatchFitter(
        function.address, function.user_address, function, 2, [0, 1], [-np.inf, low],
        [np.inf, high],
    )  # fmt: skip
    begin = 0.7 * value + 0.3 * (0.5 * (max(low, value - 2) + min(high, value + 2)))
    start = np.array([[0.1 * abs(value), begin]])
    info, *_ = fitter.fit(points, y, None, start)
    assert info[0] > 0
    # Both numbers of y are rounded.
    assert start[0, 1] == pytest.approx(value, rel=1e-9, abs=2 * np.spacing(1 / 3))
