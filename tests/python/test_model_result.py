"""ModelResult: statistics, bands, intervals, reports, tables, plots, pickles."""

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from originals import require_peer
from picklable_models import fit_peak, line, peak

from fitcore import Model, conf_interval
from fitcore.model import get_reducer, propagate_err

X = np.linspace(-4, 4, 33)
Y = peak(X, 3.0, 0.5, 1.5) + 0.05 * np.cos(9 * X)


@pytest.fixture(scope="module")
def result():
    return Model(peak).fit(Y, x=X, amp=1)


@pytest.fixture(scope="module")
def both():
    model = Model(peak, prefix="p_") + Model(line, prefix="l_")
    return model.fit(Y + 0.1 * X, x=X, p_amp=1, l_a=0, l_b=0)


# ------------------------------------------------------------------- statistics and values


def test_a_result_has_the_attributes_of_a_fit(result):
    assert result.nvarys == 3
    assert result.ndata == 33
    assert result.nfree == result.ndfree == 30
    assert result.chisqr == pytest.approx(float(((Y - result.best_fit) ** 2).sum()))
    assert result.redchi == pytest.approx(result.chisqr / 30)
    assert result.init_values == {"amp": 1, "cen": 0, "wid": 1}
    np.testing.assert_array_equal(result.init_fit, peak(X, 1, 0, 1))
    np.testing.assert_array_equal(result.best_fit, peak(X, **result.best_values))
    total = ((Y - Y.mean()) ** 2).sum()
    assert result.rsquared == pytest.approx(1 - result.chisqr / total)


def test_eval_takes_the_best_values_and_the_datas_variable_unless_told(result):
    np.testing.assert_array_equal(result.eval(), result.best_fit)
    assert result.eval(x=0.5, amp=2.0, cen=0.5) == pytest.approx(2.0)
    assert list(result.eval_components()) == ["peak"]
    np.testing.assert_array_equal(result.eval(result.init_params), result.init_fit)


def test_the_start_is_kept_for_whoever_asks(result):
    assert {name: p.value for name, p in result.init_params.items()} == result.init_values
    np.testing.assert_array_equal(result.init_fit, peak(X, **result.init_values))
    again = copy.deepcopy(result)
    again.fit(data=2 * Y, amp=4)
    assert again.init_values["amp"] == 4
    np.testing.assert_array_equal(again.init_fit, peak(X, **again.init_values))
    before = again.init_values.copy()
    again.params["amp"].value = 99
    assert again.init_values == before


def test_arrays_that_the_function_keeps_are_not_touched():
    seen = []

    def model(x, amp, cen):
        value = amp * np.exp(-((x - cen) ** 2))
        seen.append((value, value.copy()))
        return value

    def viewed(x, amp, cen):
        value = amp * np.exp(-((x - cen) ** 2))
        seen.append((value[:], value.copy()))
        return value

    for function in (model, viewed):
        Model(function).fit(Y, x=X, amp=1, cen=0.3, weights=np.full(X.size, 2.0))
        assert len(seen) > 5
        for value, as_it_was in seen:
            np.testing.assert_array_equal(value, as_it_was)


def test_components_add_up(both):
    parts = both.eval_components()
    assert list(parts) == ["p_", "l_"]
    np.testing.assert_allclose(sum(parts.values()), both.best_fit)


def test_a_straight_lines_band_is_the_textbooks():
    y = 2 * X + 1 + 0.1 * np.cos(7 * X)
    fit = Model(line).fit(y, x=X, a=1, b=0)
    n, mean = X.size, X.mean()
    s = np.sqrt(((y - fit.best_fit) ** 2).sum() / (n - 2))
    spread = ((X - mean) ** 2).sum()
    # Draper and Smith, section 1.4; Student's t for 31 degrees of freedom and 95 %.
    t = 2.0395134464
    at = np.array([-4.0, 0.0, 10.0])
    width = t * s * np.sqrt(1 / n + (at - mean) ** 2 / spread)
    np.testing.assert_allclose(fit.eval_uncertainty(x=at, sigma=0.95), width, rtol=1e-6)
    new = t * s * np.sqrt(1 + 1 / n + (at - mean) ** 2 / spread)
    np.testing.assert_allclose(fit.dely_predicted, new, rtol=1e-6)


def test_bands_of_components_are_kept(both):
    band = both.eval_uncertainty()
    assert list(both.dely_comps) == ["p_", "l_"]
    assert band is both.dely
    assert (both.dely_predicted > band).all()
    np.testing.assert_array_less(both.eval_uncertainty(sigma=0), 1e-300)


def test_bands_of_complex_models_are_those_of_both_parts():
    def turn(x, a, b):
        return a * np.exp(1j * b * x)

    y = turn(X, 2.0, 0.7) + 0.1 * np.cos(9 * X) + 0.1j * np.sin(7 * X)
    fit = Model(turn).fit(y, x=X, a=1, b=0.6)
    assert fit.ndata == 2 * X.size
    assert isinstance(fit.rsquared, float)
    band = fit.eval_uncertainty(x=np.array([0.0]))
    # At x = 0 the model is a, whatever b.
    assert band.real[0] > 0
    assert band.imag[0] == pytest.approx(0, abs=1e-12)


def test_no_band_without_standard_errors():
    fit = Model(peak).fit(Y, x=X, amp=1, max_nfev=5)
    assert fit.aborted
    assert not fit.errorbars
    np.testing.assert_array_equal(fit.eval_uncertainty(), 0 * X)


@pytest.mark.parametrize("sigma", [-1, float("nan")])
def test_sigma_must_be_a_level(result, sigma):
    with pytest.raises(ValueError, match="sigma"):
        result.eval_uncertainty(sigma=sigma)


def test_intervals_are_kept_and_those_of_the_function(result):
    intervals = result.conf_interval(sigmas=[1, 2])
    assert result.ci_out is intervals
    assert list(intervals) == ["amp", "cen", "wid"]
    assert conf_interval(result, result, sigmas=[1, 2]) == intervals
    assert "95.45%" in result.ci_report()
    assert "99.73%" in result.ci_report(sigmas=[3])
    result.ci_out = None


# ------------------------------------------------------------------- reports and tables


def test_the_report_names_the_model_and_rsquared(both):
    text = both.fit_report()
    assert text.startswith(
        "[[Model]]\n    (Model(peak, prefix='p_') + Model(line, prefix='l_'))\n[[Fit Statistics]]"
    )
    assert "R-squared" in text


def test_html_escapes_the_model():
    fit = Model(lambda x, a: a * x).fit(X, x=X, a=1)
    assert ">Model(&lt;lambda&gt;)<" in fit._repr_html_()


def test_a_summary_is_json(both):
    summary = json.loads(json.dumps(both.summary()))
    assert summary["model"] == both.model.name
    assert summary["best_values"] == pytest.approx(both.best_values)
    assert summary["params"][0][0] == "p_amp"
    assert summary["max_nfev"] == 12000


def test_tables_of_parameters_and_of_data(both):
    require_peer("pandas")
    table = both.to_dataframe()
    assert list(table.index) == list(both.params)
    assert table.loc["l_a", "stderr"] == both.params["l_a"].stderr
    data = both.to_dataframe("data")
    assert list(data) == ["x", "data", "best_fit", "residual", "p_", "l_"]
    np.testing.assert_array_equal(data["best_fit"], both.best_fit)
    with pytest.raises(ValueError, match="kind must be"):
        both.to_dataframe("other")


# ------------------------------------------------------------------- plots


def test_plots_show_data_fit_start_and_residuals(both):
    plt = pytest.importorskip("matplotlib.pyplot", reason="allowed: no matplotlib")
    try:
        ax = both.plot_fit(show_init=True, numpoints=100)
        assert [line.get_label() for line in ax.lines] == ["initial fit", "data", "best fit"]
        assert [len(line.get_xdata()) for line in ax.lines] == [100, 33, 100]
        assert ax.get_title() == both.model.name
        ax = both.plot_residuals(ax=plt.figure().add_subplot())
        np.testing.assert_allclose(ax.lines[1].get_ydata(), both.data - both.best_fit)
        fig = both.plot(xlabel="time", title="both")
        assert [axes.get_title() for axes in fig.axes] == ["both", ""]
        assert fig.axes[1].get_xlabel() == "time"
    finally:
        plt.close("all")


def test_weights_make_error_bars():
    plt = pytest.importorskip("matplotlib.pyplot", reason="allowed: no matplotlib")
    fit = Model(line).fit(X, x=X, a=1, b=0, weights=np.full(X.size, 4.0))
    try:
        bars = fit.plot_fit().containers[0]
        lengths = np.diff(np.array(bars[2][0].get_segments())[:, :, 1], axis=1)
        np.testing.assert_allclose(lengths, 0.5)
    finally:
        plt.close("all")


def test_without_matplotlib_a_message_says_what_to_install(result, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    for plot in (result.plot, result.plot_fit, result.plot_residuals):
        assert plot() is False
        assert "pip install fitcore[plot]" in capsys.readouterr().out


def test_what_has_no_one_variable_is_not_plotted(capsys):
    pytest.importorskip("matplotlib")
    fit = Model(lambda x, z, a: a * x * z, independent_vars=["x", "z"]).fit(X, x=X, z=X, a=1)
    assert fit.plot() is False
    assert "one independent variable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "wanted"),
    [("real", [0.1, 0.2]), ("imag", [0.1, 0.2]), ("abs", [0.1, 0.2]), ("angle", [0.02, np.pi])],
)
def test_errors_of_complex_numbers_are_propagated(option, wanted):
    z = np.array([3 + 4j, 0])
    np.testing.assert_allclose(propagate_err(z, np.array([0.1, 0.2]), option), wanted)


def test_other_options_for_complex_numbers_are_refused():
    with pytest.raises(ValueError, match=r"Invalid option \(.foo.\)"):
        get_reducer("foo")
    with pytest.raises(ValueError, match=r"shape of z: \(2,\) != shape of dz: \(1,\)"):
        propagate_err([1j, 2], [1.0], "abs")
    assert get_reducer("abs")([-1, 2]) == [-1, 2]


# ------------------------------------------------------------------- pickles and processes


def test_results_survive_a_pickle_and_fit_again(both):
    twin = pickle.loads(pickle.dumps(both))
    assert twin.fit_report() == both.fit_report()
    np.testing.assert_array_equal(twin.eval(), both.eval())
    twin.fit(2 * both.data)
    assert twin.best_values["p_amp"] == pytest.approx(2 * both.best_values["p_amp"], rel=1e-6)
    assert both.best_values["p_amp"] == pytest.approx(3.0, abs=0.1)


def test_long_sums_pickle_and_copy_without_recursion():
    model = Model(line, prefix="m0_")
    for i in range(1, 1000):
        model = model + Model(line, prefix=f"m{i}_")
    values = dict.fromkeys(model.param_names, 1.0)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.name == model.name
        np.testing.assert_array_equal(twin.eval(x=X, **values), model.eval(x=X, **values))


def test_lambdas_travel_by_cloudpickle():
    cloudpickle = pytest.importorskip("cloudpickle", reason="allowed: no cloudpickle")
    fit = Model(lambda x, a, b: a * x + b, name="line").fit(2 * X, x=X, a=1, b=0)
    twin = pickle.loads(cloudpickle.dumps(fit))
    np.testing.assert_array_equal(twin.eval(), fit.eval())


def test_fits_in_threads_are_those_of_one_thread(both):
    model, params = both.model, both.init_params
    with ThreadPoolExecutor(8) as pool:
        fits = list(pool.map(lambda _: model.fit(both.data, params, x=X), range(16)))
    assert all(fit.best_values == both.best_values for fit in fits)


@pytest.mark.parametrize("method", ["nelder", "lbfgsb", "least_squares", "differential_evolution"])
def test_all_methods_fit_models(method):
    params = Model(peak).make_params(
        amp={"value": 1, "min": 0, "max": 9},
        cen={"value": 0, "min": -3, "max": 3},
        wid={"value": 1, "min": 0.1, "max": 9},
    )
    wanted = Model(peak).fit(Y, params, x=X)
    fit = pickle.loads(pickle.dumps(Model(peak).fit(Y, params, x=X, method=method)))
    assert fit.best_values == pytest.approx(wanted.best_values, rel=1e-3)
    assert fit.rsquared == pytest.approx(wanted.rsquared, rel=1e-6)


def test_samples_of_emcee_have_a_model():
    require_peer("emcee")
    start = Model(line).fit(2 * X + np.cos(9 * X), x=X, a=1, b=0)
    settings = {"steps": 20, "nwalkers": 10, "progress": False, "seed": 1, "is_weighted": False}
    fit = start.model.fit(start.data, start.params, x=X, method="emcee", fit_kws=settings)
    twin = pickle.loads(pickle.dumps(fit))
    assert twin.best_values == fit.best_values
    assert twin.chain.shape[0] == 20


def test_fits_run_in_other_processes():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        fits = list(pool.map(fit_peak, [1.0, 2.0]))
    assert [fit.best_values["amp"] for fit in fits] == pytest.approx([2.0, 4.0])
    fits[0].fit(3 * fits[0].data)
    assert fits[0].best_values["amp"] == pytest.approx(6.0)
