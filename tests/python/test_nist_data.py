"""NIST's data, models and certified values agree with each other.

The figures were copied by machine and the models written by hand; NIST's certified sums of squares
and standard deviations tell whether both are right.
"""

import json
import math
import pickle
from decimal import Decimal, localcontext
from importlib import resources

import numpy as np
import pytest

from fitcore import nist

NIST_NAMES = {
    "lower": "Misra1a Chwirut2 Chwirut1 Lanczos3 Gauss1 Gauss2 DanWood Misra1b",
    "average": "Kirby2 Hahn1 Nelson MGH17 Lanczos1 Lanczos2 Gauss3 Misra1c Misra1d Roszman1 ENSO",
    "higher": "MGH09 Thurber BoxBOD Rat42 MGH10 Eckerle4 Rat43 Bennett5",
}

every_problem = pytest.mark.parametrize("problem", nist.problems(), ids=lambda p: p.name)


def raw(name):
    """The data file, its numbers as exact decimals."""
    file = resources.files("fitcore.nist") / "data" / f"{name}.json"
    return json.loads(file.read_text(), parse_float=Decimal, parse_int=Decimal)


def standard_deviations(problem, rss):
    """From the analytic Jacobian at the certified values: sqrt(rss/dof * diag((J'J)^-1))."""
    jacobian = problem.jacobian(problem.certified)
    scale = np.linalg.norm(jacobian, axis=0)
    inverse_r = np.linalg.inv(np.linalg.qr(jacobian / scale, mode="r"))
    return math.sqrt(rss / problem.dof) * np.linalg.norm(inverse_r, axis=1) / scale


def test_the_27_problems_come_in_nists_order_with_nists_difficulty():
    assert nist.names() == tuple(" ".join(NIST_NAMES.values()).split())
    assert len(nist.names()) == len(nist.problems()) == 27
    for difficulty, expected in NIST_NAMES.items():
        assert nist.names(difficulty) == tuple(expected.split())
        assert [p.name for p in nist.problems(difficulty)] == expected.split()
        assert {p.difficulty for p in nist.problems(difficulty)} == {difficulty}


@every_problem
def test_shapes_and_degrees_of_freedom_fit_together(problem):
    m, n = problem.nobs, problem.certified.size
    assert problem.y.shape == (m,)
    assert problem.x.shape == ((2, m) if problem.name == "Nelson" else (m,))
    assert problem.parameter_names == tuple(f"b{i}" for i in range(1, n + 1))
    assert problem.start1.shape == problem.start2.shape == problem.stderr.shape == (n,)
    assert problem.starts[0] is problem.start1 and problem.starts[1] is problem.start2
    assert problem.dof == m - n
    assert problem.model(problem.start1).shape == (m,)
    assert problem.residual(problem.start1).shape == (m,)
    assert problem.jacobian(problem.start1).shape == (m, n)


@every_problem
def test_certified_figures_keep_all_11_digits(problem):
    data = raw(problem.name)
    certified = [*data["certified"], *data["stderr"], data["rss"], data["residual_std"]]
    assert {len(value.as_tuple().digits) for value in certified} == {11}
    assert [float(value) for value in certified] == [
        *problem.certified,
        *problem.stderr,
        problem.rss,
        problem.residual_std,
    ]


@every_problem
def test_residuals_at_the_certified_values_have_the_certified_sum_of_squares(problem):
    residual = problem.residual(problem.certified)
    rss = float(residual @ residual)
    if problem.name == "Lanczos1":
        # The residuals are 1e-13 and the certified parameters end at 1e-12 to 1e-10, so only the
        # order of magnitude of the residuals can be right; test_lanczos1_* sees to the digits.
        assert rss < 1e-20
    else:
        assert nist.digits(rss, problem.rss) >= 9


@every_problem
def test_certified_residual_standard_deviation_is_that_of_the_certified_sum_of_squares(problem):
    # Both are rounded to 11 digits.
    expected = math.sqrt(problem.rss / problem.dof)
    assert problem.residual_std == pytest.approx(expected, rel=1e-10)


@every_problem
def test_standard_deviations_from_the_analytic_jacobian_are_the_certified_ones(problem):
    assert nist.digits(standard_deviations(problem, problem.rss), problem.stderr) >= 8


@every_problem
@pytest.mark.parametrize("point", ["certified", "start1", "start2"])
def test_analytic_jacobian_equals_complex_step_differentiation(problem, point):
    b = getattr(problem, point)
    analytic = problem.jacobian(b)
    step = 1e-30 * np.abs(b)
    numeric = np.empty_like(analytic)
    for j in range(b.size):
        shifted = b.astype(complex)
        shifted[j] += 1j * step[j]
        numeric[:, j] = problem.model(shifted).imag / step[j]
    np.testing.assert_allclose(
        analytic, numeric, rtol=1e-10, atol=1e-10 * np.abs(numeric).max(axis=0).min()
    )


@every_problem
@pytest.mark.parametrize("point", ["certified", "start1", "start2"])
def test_model_is_the_formula_of_the_data_file(problem, point):
    response, expression = problem.formula.split(" = ")
    data = raw(problem.name)
    columns = np.array(data["observations"], dtype=float).T
    scope = {name: getattr(np, name) for name in ("exp", "log", "cos", "sin", "arctan", "pi")}
    scope |= dict(zip(data["variables"], columns, strict=True))
    b = getattr(problem, point)
    scope |= dict(zip(problem.parameter_names, b, strict=True))
    np.testing.assert_array_equal(problem.y, eval(response, scope))
    predicted = eval(expression, scope)
    np.testing.assert_allclose(problem.model(b), predicted, rtol=1e-12)
    np.testing.assert_array_equal(problem.residual(b), problem.y - problem.model(b))
    np.testing.assert_array_equal(problem.function(problem.x, *b), problem.model(b))


def test_lanczos1_certified_figures_follow_from_its_data_in_50_digit_arithmetic():
    problem = nist.load("Lanczos1")
    data = raw("Lanczos1")
    with localcontext() as context:
        context.prec = 50
        y, x = np.array(data["observations"], dtype=object).T
        b = np.array(data["certified"], dtype=object)
        n = len(b)
        # The certified values are the solution but for rounding: one Gauss-Newton step reaches it.
        inverse = None
        for _ in range(2):
            jacobian = problem.derivative(x, *b)
            normal = np.hstack([jacobian.T @ jacobian, np.diag([Decimal(1)] * n)])
            for k in range(n):  # Gauss-Jordan; the normal matrix is positive definite
                normal[k] = normal[k] / normal[k, k]
                for i in set(range(n)) - {k}:
                    normal[i] = normal[i] - normal[i, k] * normal[k]
            inverse = normal[:, n:]
            b = b + inverse @ (jacobian.T @ (y - problem.function(x, *b)))
        residual = y - problem.function(x, *b)
        rss = residual @ residual
        stderr = [(rss / problem.dof * inverse[k, k]).sqrt() for k in range(n)]
    assert nist.digits(b.astype(float), problem.certified) >= 10
    assert nist.digits(float(rss), problem.rss) >= 10
    assert nist.digits([float(s) for s in stderr], problem.stderr) >= 10


@every_problem
def test_nothing_in_a_problem_can_be_changed(problem):
    for name in ("x", "y", "start1", "start2", "certified", "stderr"):
        array = getattr(problem, name)
        assert not array.flags.writeable
        with pytest.raises(ValueError):
            array.flags.writeable = True
    with pytest.raises(AttributeError):
        problem.rss = 0.0


@pytest.mark.parametrize("name", ["BoxBOD", "boxbod", "BOXBOD"])
def test_load_does_not_mind_upper_or_lower_case(name):
    assert nist.load(name) is nist.load("BoxBOD")
    assert nist.load(name).name == "BoxBOD"


@pytest.mark.parametrize("name", ["Misra1e", "", "../data/Rat42", None, 3])
def test_an_unknown_name_is_an_error_that_lists_the_names(name):
    with pytest.raises(ValueError) as error:
        nist.load(name)
    assert repr(name) in str(error.value)
    assert all(known in str(error.value) for known in nist.names())


@pytest.mark.parametrize("function", [nist.names, nist.problems])
def test_an_unknown_difficulty_is_an_error_that_lists_the_levels(function):
    with pytest.raises(ValueError, match=r"'lower', 'average', 'higher'.*'easy'"):
        function("easy")


@pytest.mark.parametrize("method", ["model", "residual", "jacobian"])
@pytest.mark.parametrize("b", [[1.0], [1.0, 2.0, 3.0], 1.0, [[1.0, 2.0]]])
def test_a_wrong_number_of_parameters_is_an_error_that_names_them(method, b):
    with pytest.raises(ValueError, match="b must hold the 2 parameters of Misra1a"):
        getattr(nist.load("Misra1a"), method)(b)


def test_the_jacobian_refuses_complex_parameters():
    with pytest.raises(ValueError, match="b must be real"):
        nist.load("Misra1a").jacobian([1j, 1.0])


@pytest.mark.filterwarnings("error")
def test_models_give_inf_or_nan_without_a_warning_where_they_overflow_or_are_undefined():
    assert np.isinf(nist.load("Misra1a").model([500, -1e3])).all()
    assert np.isnan(nist.load("Bennett5").residual([-2000, -100, 0.8])).all()
    assert np.isnan(nist.load("Bennett5").jacobian([-2000, -100, 0.8])).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["Rat42", "Rat43"])
def test_growth_curves_that_saturate_have_a_finite_jacobian(name):
    problem = nist.load(name)
    for sign in (-1, 1):
        b = problem.certified.copy()
        b[1] = sign * 2000.0  # exp(b2) overflows or vanishes
        assert np.isfinite(problem.jacobian(b)).all()


def test_integer_parameters_count_as_real_ones():
    problem = nist.load("MGH10")
    np.testing.assert_array_equal(problem.model([2, 400000, 25000]), problem.model(problem.start1))


def test_a_problem_survives_pickling():
    problem = nist.load("Nelson")
    copy = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(copy.residual(copy.start1), problem.residual(problem.start1))


@pytest.mark.parametrize(
    ("estimate", "certified", "expected"),
    [
        (1.001, 1.0, 3.0),
        (-2.0e-8 * (1 + 1e-6), -2.0e-8, 6.0),
        ([1.001, 1.1], [1.0, 1.0], 1.0),  # the worst counts
        (1.0, 1.0, 11.0),
        (1.0 + 1e-14, 1.0, 11.0),  # no more than is certified
        (1e-5, 0.0, 5.0),
        (0.0, 0.0, 11.0),
        (0.0, 1.0, 0.0),
        (-1.0, 1.0, 0.0),
        (1e300, 1e-300, 0.0),
        (math.nan, 1.0, 0.0),
        (math.inf, 1.0, 0.0),
        ([1.0, math.nan], [1.0, 1.0], 0.0),
    ],
)
def test_digits_is_the_log_relative_error_between_0_and_11(estimate, certified, expected):
    assert nist.digits(estimate, certified) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("estimate", "certified", "message"),
    [
        ([1.0, 2.0], [1.0], "shape"),
        ([], [], "no values"),
        (1.0, math.nan, "certified must be finite"),
    ],
)
def test_digits_refuses_what_cannot_be_compared(estimate, certified, message):
    with pytest.raises(ValueError, match=message):
        nist.digits(estimate, certified)
