"""Line shapes: what they compute, and for what they take."""

import threading

import numpy as np
import pytest
from lineshape_formulas import cases, draw, parameters, points

from fitcore import lineshapes

CASES = cases()
IDS = [name + "".join("-" + v for v in form.values()) for name, form in CASES]
every_shape = pytest.mark.parametrize(("name", "form"), CASES, ids=IDS)


def evaluated(name, form, params, **variables):
    return getattr(lineshapes, name)(**variables, **params, **form)


@every_shape
def test_a_number_gives_a_float_and_an_array_its_shape(name, form):
    function = getattr(lineshapes, name)
    for number in (7, 7.0, np.float32(7), np.int64(7), np.array(7.0)):
        value = function(number, **form)
        assert isinstance(value, float)
        assert value == function(np.array([7.0]), **form)[0]
    whole = function(np.arange(1.0, 25.0), **form)
    for x in (
        list(range(1, 25)),
        tuple(range(1, 25)),
        np.arange(1, 25),
        np.arange(1, 25, dtype=np.float32),
        np.arange(1, 25, dtype=object),
    ):
        np.testing.assert_array_equal(function(x, **form), whole)
    cube = np.arange(1.0, 25.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(function(cube, **form), whole.reshape(2, 3, 4))
    np.testing.assert_array_equal(function(cube.T, **form), whole.reshape(2, 3, 4).T)
    np.testing.assert_array_equal(function(cube[:, ::2], **form), whole.reshape(2, 3, 4)[:, ::2])
    assert function(np.empty((3, 0)), **form).shape == (3, 0)


@every_shape
def test_an_element_has_the_same_bits_in_an_array_of_any_length(name, form):
    rng = np.random.default_rng(3)
    params = draw(name, rng)
    variables = points(name, rng, 100)
    whole = evaluated(name, form, params, **variables)
    for n in (1, 3, 31, 32, 33, 65):
        part = {k: v[:n] for k, v in variables.items()}
        np.testing.assert_array_equal(evaluated(name, form, params, **part), whole[:n])
    alone = [
        evaluated(name, form, params, **{k: float(v[i]) for k, v in variables.items()})
        for i in range(40)
    ]
    np.testing.assert_array_equal(alone, whole[:40])


@every_shape
@pytest.mark.parametrize("value", [0.0, 1e-30, -1e-30, -0.0])
def test_a_parameter_that_is_zero_gives_finite_numbers(name, form, value):
    # powers of 0 and roots of negative numbers are what they are
    x = np.linspace(0.1, 10, 101) if name == "powerlaw" else np.linspace(-10, 10, 101)
    function = getattr(lineshapes, name)
    for p in parameters(name):
        out = function(x=x, **{p: value}, **form)
        if (name, p) != ("exponential", "decay"):
            assert np.isfinite(out).all(), p
    out = function(x=x, **dict.fromkeys(parameters(name), value), **form)
    assert np.isfinite(out).all() or name == "exponential"


@every_shape
def test_nan_in_x_or_a_parameter_is_nan_and_does_not_spread(name, form):
    function = getattr(lineshapes, name)
    x = np.array([1.0, np.nan, 2.0, 3.0])
    out = function(x, **form)
    assert np.isnan(out[1]) and np.isfinite(out[[0, 2, 3]]).all()
    for p in parameters(name):
        given = {**dict.fromkeys(parameters(name), 1.3), p: np.nan}
        assert np.isnan(function(0.4, **given, **form)), p


@every_shape
def test_parameters_that_are_arrays_broadcast(name, form):
    rng = np.random.default_rng(4)
    variables = points(name, rng, 5)
    sets = [draw(name, rng) for _ in range(3)]
    arrays = {p: np.array([[s[p]] for s in sets]) for p in parameters(name)}
    out = evaluated(name, form, arrays, **variables)
    assert out.shape == (3, 5)
    for row, params in zip(out, sets, strict=True):
        np.testing.assert_array_equal(row, evaluated(name, form, params, **variables))


def test_the_variables_of_gaussian2d_broadcast():
    x, y = np.linspace(-1, 1, 4), np.linspace(-1, 1, 3)[:, None]
    out = lineshapes.gaussian2d(x, y, sigmax=0.4)
    np.testing.assert_array_equal(
        out, lineshapes.gaussian2d(*np.broadcast_arrays(x, y), sigmax=0.4)
    )
    assert out.shape == (3, 4)


def test_masked_arrays_stay_masked_arrays():
    x = np.ma.MaskedArray([0.0, 1.0, 2.0], mask=[False, True, False])
    out = lineshapes.gaussian(x)
    assert isinstance(out, np.ma.MaskedArray)
    assert out.mask.tolist() == [False, True, False]


def test_the_argument_is_not_changed():
    x = np.array([-1.0, 0.0, 2.0])
    lineshapes.lognormal(x)
    assert x.tolist() == [-1.0, 0.0, 2.0]


@pytest.mark.parametrize(
    "x", ["a", [1j], np.array(["2020-01-01"], "datetime64[D]"), [None], ["a"], object()]
)
def test_what_is_not_real_is_refused_by_name(x):
    with pytest.raises(TypeError, match="x must be real numbers"):
        lineshapes.gaussian(x)
    with pytest.raises(TypeError, match="parameter"):
        lineshapes.gaussian(1.0, x)


@pytest.mark.parametrize("form", ["foo", "ERF", None, 3, []])
def test_an_unknown_form_is_refused_with_the_forms_there_are(form):
    for function in (lineshapes.step, lineshapes.rectangle):
        with pytest.raises(ValueError, match="'erf', 'logistic', 'atan', 'arctan', or 'linear'"):
            function(1.0, form=form)
    with pytest.raises(ValueError, match="'maxwell', 'fermi', or 'bose'"):
        lineshapes.thermal_distribution(1.0, form=form)


def test_tails_keep_their_digits_and_nothing_overflows_on_the_way():
    # exp(gamma**2 sigma**2 / 2) alone overflows; closed form from the asymptotic series of erfc
    x = np.array([-800.0, 0.0, 3.0])
    assert np.isfinite(lineshapes.expgaussian(x, sigma=1, gamma=100)).all()
    assert lineshapes.students_t(0.3, sigma=1e6) == pytest.approx(
        lineshapes.gaussian(0.3), rel=1e-6
    )
    assert np.isfinite(lineshapes.pearson7(x, expon=500)).all()
    # a Voigt profile without a Lorentzian is a Gaussian, and far out it is a Lorentzian
    np.testing.assert_allclose(
        lineshapes.voigt(np.linspace(0, 8, 30), gamma=0.0),
        lineshapes.gaussian(np.linspace(0, 8, 30)),
        rtol=1e-13,
    )
    assert lineshapes.voigt(1e9, sigma=1, gamma=2) == pytest.approx(
        lineshapes.lorentzian(1e9, sigma=2), rel=1e-13
    )


def test_threads_do_not_disturb_each_other():
    x = np.linspace(-5, 5, 3001)
    wanted = {name: getattr(lineshapes, name)(abs(x)) for name in lineshapes.functions}
    wrong = []

    def work():
        for name, values in wanted.items():
            if not np.array_equal(getattr(lineshapes, name)(abs(x)), values, equal_nan=True):
                wrong.append(name)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_complex_variables_are_taken_where_they_have_a_meaning() -> None:
    x = np.array([0.5, 1.5])
    there = lineshapes.gaussian(x + 0j, 2, 1, 3)
    np.testing.assert_array_equal(there, lineshapes.gaussian(x, 2, 1, 3))
    assert lineshapes.linear(np.array(1.2j), 2, 1) == 1 + 2.4j
    assert lineshapes.parabolic(np.array([2j]), 1, 3, 5) == -4 + 6j + 5
    with pytest.raises(TypeError, match="x must be real numbers"):
        lineshapes.gaussian(np.array([1j]))
