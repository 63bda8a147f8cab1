"""Models whose functions have derivatives."""

import numpy as np
import pytest

from fitcore import Model

X = np.linspace(-4, 4, 33)


def peak(x, amp, cen, wid):
    return amp * np.exp(-((x - cen) ** 2) / wid)


def peak_jac(x, amp, cen, wid):
    shape = np.exp(-((x - cen) ** 2) / wid)
    return np.array(
        [shape, amp * shape * 2 * (x - cen) / wid, amp * shape * (x - cen) ** 2 / wid**2]
    )


def line(x, a, b):
    return a * x + b


def line_jac(x, a, b):
    return {"a": x, "b": 1.0}


def with_jac(**kws):
    return Model(peak, jac=peak_jac, **kws), Model(line, jac=line_jac)


START = {"amp": 1.0, "cen": 0.2, "wid": 1.0, "a": 1.0, "b": 2.0}
OPERATIONS = {
    "+": lambda p, q: p + q,
    "-": lambda p, q: p - q,
    "*": lambda p, q: p * q,
}


def data_of(model, values):
    return model.eval(x=X, **values) + 0.02 * np.cos(9 * X)


@pytest.mark.parametrize("sign", "+-*")
@pytest.mark.parametrize("weights", [None, 2.0, 1 + X**2])
def test_derivatives_of_parts_give_the_fit_of_differences_in_fewer_calls(sign, weights):
    own = OPERATIONS[sign](*with_jac())
    without = OPERATIONS[sign](Model(peak), Model(line))
    values = {"amp": 3.0, "cen": 0.5, "wid": 1.5, "a": 0.3, "b": 4.0}
    y = data_of(own, values)
    start = {**START, "amp": 2.0, "wid": 2.0, "b": 3.0}
    if sign == "*":  # amp and b are not independent
        start |= {"amp": {"value": 3.0, "vary": False}}
    first = own.fit(y, own.make_params(**start), x=X, weights=weights)
    second = without.fit(y, without.make_params(**start), x=X, weights=weights)
    assert first.best_values == pytest.approx(second.best_values, rel=1e-6)
    np.testing.assert_allclose(first.covar, second.covar, rtol=1e-5, atol=1e-12)
    assert first.nfev < second.nfev / 2


def test_quotients_have_derivatives():
    own = Model(line, jac=line_jac) / Model(
        lambda x, c: 1 + c * x**2, jac=lambda x, c: [x**2], name="c"
    )
    y = data_of(own, {"a": 1.0, "b": 2.0, "c": 0.5})
    fit = own.fit(y, x=X, a=0.5, b=1.0, c=0.3)
    plain = (Model(line) / Model(lambda x, c: 1 + c * x**2)).fit(y, x=X, a=0.5, b=1.0, c=0.3)
    assert fit.best_values == pytest.approx(plain.best_values, rel=1e-6)
    assert fit.nfev < plain.nfev


def test_the_function_may_return_its_derivatives():
    calls = []

    def both(x, amp, cen, wid):
        calls.append(amp)
        return peak(x, amp, cen, wid), peak_jac(x, amp, cen, wid)

    model = Model(both, jac=True)
    y = data_of(Model(peak), {"amp": 3.0, "cen": 0.5, "wid": 1.5})
    fit = model.fit(y, x=X, amp=1, cen=0.2, wid=1)
    plain = Model(peak).fit(y, x=X, amp=1, cen=0.2, wid=1)
    assert fit.best_values == pytest.approx(plain.best_values, rel=1e-6)
    assert fit.best_fit.shape == X.shape
    assert fit.nfev < plain.nfev


@pytest.mark.parametrize("method", ["leastsq", "least_squares", "lbfgsb"])
def test_bounds_fixed_ones_expressions_and_prefixes_go_with_derivatives(method):
    own = Model(peak, jac=peak_jac, prefix="p_") + Model(line, jac=line_jac)
    plain = Model(peak, prefix="p_") + Model(line)
    fits = []
    for model in (own, plain):
        params = model.make_params(p_amp=1, p_cen=0.2, p_wid=1, a=0, b=1)
        params["p_wid"].set(min=0.1, max=5)
        params["p_cen"].set(expr="a + p_wid / 3")
        params["b"].set(value=0.0, vary=False)
        y = data_of(plain, {"p_amp": 3, "p_cen": 0.6, "p_wid": 1.5, "a": 0.1, "b": 0})
        fits.append(model.fit(y, params, x=X, method=method))
    assert fits[0].best_values == pytest.approx(fits[1].best_values, rel=1e-4, abs=1e-6)
    for name in ("p_amp", "p_cen", "p_wid", "a"):
        assert fits[0].params[name].stderr == pytest.approx(fits[1].params[name].stderr, rel=1e-3)


def test_complex_models_have_derivatives():
    def turn(x, a, b):
        return a * np.exp(1j * b * x)

    def turn_jac(x, a, b):
        return [np.exp(1j * b * x), 1j * x * a * np.exp(1j * b * x)]

    y = turn(X, 2.0, 0.7) + 0.1 * np.cos(9 * X) + 0.1j * np.sin(7 * X)
    for weights in (None, 2.0 + 1.0j * np.linspace(1, 2, 33)):
        fit = Model(turn, jac=turn_jac).fit(y, x=X, a=1, b=0.6, weights=weights)
        plain = Model(turn).fit(y, x=X, a=1, b=0.6, weights=weights)
        assert fit.best_values == pytest.approx(plain.best_values, rel=1e-6)
        np.testing.assert_allclose(fit.covar, plain.covar, rtol=1e-5, atol=1e-12)
        assert fit.nfev < plain.nfev


def test_a_part_without_derivatives_means_differences():
    model = Model(peak, jac=peak_jac) + Model(line)
    y = data_of(model, START)
    plain = (Model(peak) + Model(line)).fit(y, x=X, **{**START, "amp": 2})
    assert model.fit(y, x=X, **{**START, "amp": 2}).nfev == plain.nfev


def test_the_users_own_jacobian_of_the_residuals_comes_first():
    calls = []

    def dfun(params, data, weights, x):
        calls.append(1)
        return -line_jac(x, 0, 0)["a"][:, None] * [1, 0] - np.array([0, 1])

    Model(line, jac=None).fit(2 * X + 1, x=X, a=1, b=0, fit_kws={"Dfun": dfun})
    assert calls


@pytest.mark.parametrize(
    ("jac", "error", "words"),
    [
        (
            lambda x, a, b: np.ones((3, 33)),
            ValueError,
            r"jac of Model\(line\).*each of its 2 param",
        ),
        (lambda x, a, b: np.ones((2, 5)), ValueError, r"derivative by a has the shape \(5,\)"),
        (lambda x, a, b: {"c": x}, ValueError, "derivatives by 'c'; its parameters are a, b"),
        (lambda x, a, b: {"a": "x"}, TypeError, "derivative by a must be numbers"),
        (lambda x, a, b: None, ValueError, "each of its 2 parameters"),
    ],
)
def test_wrong_derivatives_name_the_model_and_the_parameter(jac, error, words):
    with pytest.raises(error, match=words):
        Model(line, jac=jac).fit(2 * X + 1, x=X, a=1, b=0)


def test_jac_must_be_callable():
    with pytest.raises(TypeError, match="jac must be callable"):
        Model(line, jac=3)


def test_jac_may_be_an_option_of_the_function():
    def with_option(x, a, jac="none"):
        return a * x

    assert Model(with_option, jac="some").opts == {"jac": "some"}
