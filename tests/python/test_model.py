"""Model: signatures, hints, parameters, evaluation, composition."""

import functools
import operator
import warnings

import numpy as np
import pytest

from fitcore import CompositeModel, Model, Parameter, Parameters


def peak(x, amp, cen=1.0, wid=2):
    return amp * np.exp(-((x - cen) ** 2) / wid)


def line(x, a, b):
    return a * x + b


def shaped(x, a, flag=True, mode="lin", n=None, k=3):
    return x * a + k


X = np.linspace(-5, 5, 21)
Y = peak(X, 3.0, 0.5, 1.5) + 0.05 * np.cos(9 * X)


# ------------------------------------------------------------------- signatures


def test_first_argument_is_the_variable_and_numbers_are_defaults_of_parameters():
    model = Model(peak)
    assert model.independent_vars == ["x"]
    assert model.param_names == ["amp", "cen", "wid"]
    assert model.def_vals == {"cen": 1.0, "wid": 2}


def test_defaults_that_are_no_numbers_make_independent_variables():
    model = Model(shaped)
    assert model.independent_vars == ["x", "flag", "mode", "n"]
    assert model.param_names == ["a", "k"]
    assert model.independent_vars_defvals == {"flag": True, "mode": "lin", "n": None}


def test_options_go_over_the_functions_defaults_and_are_shown():
    model = Model(shaped, flag=False, n=7)
    assert model.opts == {"flag": False, "n": 7}
    assert repr(model) == "Model(shaped, flag='False', n='7')"
    assert model.make_funcargs(kwargs={"x": 1, "n": 8})["n"] == 8


@pytest.mark.parametrize(
    ("func", "kws", "words"),
    [
        (lambda x, *args: x, {}, "varargs"),
        (eval("lambda x, /, a: x"), {}, "positional only"),
        (lambda x, data: x, {}, "Invalid parameter name .'data'."),
        (lambda params, a: a, {}, "Invalid independent variable name .'params'."),
        (peak, {"independent_vars": ["zz"]}, "Invalid independent variable name .*peak"),
        (peak, {"param_names": ["zz"]}, "Invalid parameter name .'zz'. for function peak"),
        (peak, {"independent_vars": ["x", "amp"], "param_names": ["amp"]}, "both have 'amp'"),
        (lambda: 1, {}, "no arguments"),
        (peak, {"prefix": "1"}, "'1' is not a valid Model prefix"),
    ],
)  # fmt: skip
def test_functions_that_cannot_be_a_model_are_refused(func, kws, words):
    with pytest.raises(ValueError, match=words):
        Model(func, **kws)


def test_what_is_not_callable_is_refused():
    with pytest.raises(TypeError, match="3 is not a callable object"):
        Model(3)


def test_param_names_may_be_keywords_of_a_function_with_kws():
    def total(x, **coefs):
        return sum(value * x**i for i, value in enumerate(coefs.values()))

    model = Model(total, param_names=["c0", "c1"])
    assert model.eval(x=2.0, c0=1, c1=3) == 7
    result = model.fit(5 - 2 * X, x=X, c0=0, c1=0)
    assert result.best_values == pytest.approx({"c0": 5, "c1": -2})


def test_objects_partials_and_methods_can_be_models():
    class Scale:
        def __call__(self, x, a, b=2):
            return x * a + b

        def method(self, x, a):
            return x * a

    assert Model(Scale()).name == "Model(Scale)"
    assert Model(Scale().method).param_names == ["a"]
    assert Model(functools.partial(line, b=1.0)).fit(3 * X + 1, x=X, a=1).best_values[
        "a"
    ] == pytest.approx(3)


# ------------------------------------------------------------------- parameters


def test_parameters_come_from_defaults_then_hints_then_arguments():
    model = Model(peak, prefix="p_")
    model.set_param_hint("cen", value=4, min=0)
    model.set_param_hint("p_wid", max=9)
    params = model.make_params(amp=3, p_wid={"value": 5, "vary": False})
    assert list(params) == ["p_amp", "p_cen", "p_wid"]
    assert (params["p_amp"].value, params["p_cen"].value, params["p_wid"].value) == (3, 4, 5)
    assert params["p_cen"].min == 0
    assert params["p_wid"].max == 9
    assert not params["p_wid"].vary


def test_hints_with_other_names_make_derived_parameters():
    model = Model(peak)
    model.set_param_hint("area", expr="amp * sqrt(pi * wid)")
    params = model.make_params(amp=2, wid=1)
    assert params["area"].value == pytest.approx(2 * np.sqrt(np.pi))
    assert model.fit(Y, params, x=X).params["area"].stderr > 0


def test_unknown_hints_warn():
    with pytest.warns(UserWarning, match="unknown parameter hint 'val' for param 'amp'"):
        Model(peak).set_param_hint("amp", val=3)


def test_unknown_names_in_make_params_warn_and_name_the_model():
    with pytest.warns(UserWarning, match=r"Model\(peak\) has no parameter 'foo'"):
        Model(peak).make_params(amp=1, foo=3)


@pytest.mark.parametrize("value", ["amp", None, [1, 2], object()])
def test_values_that_are_no_numbers_are_refused_by_name(value):
    with pytest.raises((TypeError, ValueError), match=r"Model\(peak\).*parameter 'amp'"):
        Model(peak).make_params(amp=value)


def test_complex_values_count_by_their_real_part():
    assert Model(peak).make_params(amp=3 + 2j)["amp"].value == 3


def test_a_new_prefix_renames_the_parameters():
    model = Model(peak, prefix="p_")
    model.set_param_hint("cen", min=0)
    model.prefix = "q_"
    assert model.param_names == ["q_amp", "q_cen", "q_wid"]
    assert model.make_params(amp=1)["q_cen"].min == 0


def test_hint_table_has_a_line_for_each_hint(capsys):
    model = Model(peak)
    model.set_param_hint("amp", min=0)
    model.set_param_hint("derived", expr="amp*2")
    model.print_param_hints()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Name", "Value", "Min", "Max", "Vary", "Expr"]
    assert [text.split() for text in lines[1:]] == [
        ["amp", "nan", "0", "inf", "True"],
        ["derived", "nan", "-inf", "inf", "True", "amp*2"],
    ]


# ------------------------------------------------------------------- composition


def test_names_that_two_models_share_are_an_error():
    with pytest.raises(NameError, match="Two models have parameters named 'amp'"):
        Model(peak) + Model(peak)


@pytest.mark.parametrize(
    "op", [operator.add, operator.sub, operator.mul, operator.truediv], ids=lambda op: op.__name__
)
def test_arithmetic_of_models_is_that_of_their_values(op):
    model = op(Model(peak, prefix="p_"), Model(line))
    got = model.eval(x=X, p_amp=2, p_cen=0, p_wid=1, a=1.5, b=9)
    np.testing.assert_array_equal(got, op(peak(X, 2, 0, 1), line(X, 1.5, 9)))
    sign = {"add": "+", "sub": "-", "mul": "*", "truediv": "/"}[op.__name__]
    assert model.name == f"(Model(peak, prefix='p_') {sign} Model(line))"


def test_a_prefix_keeps_models_of_one_function_apart():
    model = Model(peak, prefix="p_") + Model(peak)
    values = {"p_amp": 1, "p_cen": 1, "p_wid": 1, "amp": 2, "cen": 2, "wid": 2}
    for parts in (
        model.eval_components(x=X, **values),
        model.eval_components(model.make_params(**values), x=X),
    ):
        np.testing.assert_array_equal(parts["p_"], peak(X, 1, 1, 1))
        np.testing.assert_array_equal(parts["peak"], peak(X, 2, 2, 2))


def test_sums_of_a_thousand_models_do_not_recurse():
    model = Model(line, prefix="m0_")
    for i in range(1, 1000):
        model = model + Model(line, prefix=f"m{i}_")
    params = model.make_params(**dict.fromkeys(model.param_names, 1.0))
    assert len(model.components) == 1000
    np.testing.assert_allclose(model.eval(params, x=X), 1000 * (X + 1))
    assert model.name.count("Model(line") == 1000


def test_any_callable_combines_models():
    def blur(a, b):
        return np.convolve(a, b / b.sum(), "same")

    model = CompositeModel(Model(line), Model(peak), blur)
    got = model.eval(x=X, a=1, b=0, amp=1, cen=0, wid=1)
    np.testing.assert_array_equal(got, blur(line(X, 1, 0), peak(X, 1, 0, 1)))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((Model(peak), 3, operator.add), "argument 3 is not a Model"),
        ((3, Model(peak), operator.add), "argument 3 is not a Model"),
        ((Model(peak), Model(line), 3), "operator 3 is not callable"),
    ],
)
def test_only_models_are_combined(args, words):
    with pytest.raises(ValueError, match=words):
        CompositeModel(*args)


def test_models_with_different_variables_combine():
    model = Model(line) * Model(lambda t, c: t * c)
    assert model.independent_vars == ["t", "x"]
    assert model.eval(x=2.0, t=3.0, a=1, b=1, c=2) == 18


def test_a_base_model_has_no_guess_and_no_copy():
    with pytest.raises(NotImplementedError, match="guess"):
        Model(peak).guess(Y, x=X)
    with pytest.raises(NotImplementedError, match="Make a new Model"):
        Model(peak).copy()


# ------------------------------------------------------------------- fits


def test_a_fit_leaves_the_users_parameters_alone():
    model = Model(peak)
    params = model.make_params(amp=1)
    before = params.dumps()
    result = model.fit(Y, params, x=X)
    assert params.dumps() == before
    assert result.params["amp"].value == pytest.approx(3.0, abs=0.1)
    assert result.init_params["amp"].value == 1


def test_values_in_the_call_go_over_those_in_params():
    params = Model(peak).make_params(amp=1)
    result = Model(peak).fit(Y, params, x=X, wid=9, cen=Parameter("other", value=0.5, vary=False))
    assert result.init_values["wid"] == 9
    assert result.var_names == ["amp", "wid"]
    assert result.best_values["cen"] == 0.5


def test_a_prefix_may_be_left_out_in_the_call():
    assert Model(peak, prefix="p_").fit(Y, x=X, amp=1).init_values["p_amp"] == 1


def test_residuals_are_data_less_model_times_weights():
    result = Model(line).fit(Y, x=X, a=1, b=1, weights=np.arange(1.0, 22.0))
    np.testing.assert_allclose(result.residual, (Y - result.best_fit) * np.arange(1.0, 22.0))


def test_a_result_fits_again_with_changes():
    result = Model(peak).fit(Y, x=X, amp=1)
    result.fit(2 * Y)
    assert result.init_values["amp"] == pytest.approx(3.0, abs=0.1)
    assert result.best_values["amp"] == pytest.approx(6.0, abs=0.2)
    result.fit(x=2 * X, wid=5)
    assert result.init_values["wid"] == 5
    assert result.best_values["cen"] == pytest.approx(1.0, abs=0.1)
    result.fit(method="nelder")
    assert result.method == "Nelder-Mead"


def test_what_the_model_does_not_know_warns():
    with pytest.warns(UserWarning, match="The keyword argument foo does not match any arguments"):
        Model(peak).fit(Y, x=X, amp=1, foo=3)


def test_post_fit_may_add_parameters():
    class WithRatio(Model):
        def post_fit(self, fitresult):
            fitresult.params.add("ratio", expr="amp / wid")

    result = WithRatio(peak).fit(Y, x=X, amp=1)
    assert result.params["ratio"].value == pytest.approx(
        result.best_values["amp"] / result.best_values["wid"]
    )


def test_a_subclass_may_evaluate_otherwise():
    class Doubled(Model):
        def eval(self, params=None, **kwargs):
            return 2 * super().eval(params=params, **kwargs)

    result = Doubled(line).fit(3 * X + 1, x=X, a=1, b=1)
    assert result.best_values == pytest.approx({"a": 1.5, "b": 0.5})
    both = (Doubled(line) + Model(peak)).eval(x=X, a=1, b=0, amp=0)
    np.testing.assert_array_equal(both, 2 * X)


def test_a_fit_inside_the_model_function_is_possible():
    def outer(x, a):
        inner = Model(line).fit(a * x, x=x, a=1, b=1)
        return inner.best_fit

    assert Model(outer).fit(3 * X, x=X, a=1).best_values["a"] == pytest.approx(3)


def test_exceptions_of_the_model_function_leave_unchanged():
    class Own(Exception):
        pass

    def broken(x, a):
        if a != 1:
            raise Own("broken")
        return a * x

    with pytest.raises(Own, match="broken"):
        Model(broken).fit(X, x=X, a=1)


def test_parameters_are_a_mapping_too():
    assert isinstance(Model(peak).make_params(amp=1), Parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = Model(peak).fit(Y, {"amp": Parameter("amp", 1), "cen": Parameter("cen", 0),
                                     "wid": Parameter("wid", 1)}, x=X)  # fmt: skip
    assert result.success


# ------------------------------------------------------------------- as lmfit's own tests want it


def test_expressions_follow_values_given_to_eval():
    model = Model(peak, prefix="p_") + Model(peak, prefix="q_")
    params = model.make_params(p_amp=1, p_wid={"value": 1, "max": 2}, q_amp=2,
                               q_wid={"expr": "p_wid"})  # fmt: skip
    got = model.eval(params, x=X, p_wid=2.5)
    np.testing.assert_array_equal(got, peak(X, 1, 1, 2.5) + peak(X, 2, 1, 2.5))
    assert params["q_wid"].value == 1


def test_what_post_fit_derives_has_a_standard_error():
    model = Model(line)
    model.post_fit = lambda result: result.params.add("double", expr="2 * a")
    result = model.fit(3 * X + np.cos(5 * X), x=X, a=1, b=0)
    assert result.params["double"].stderr == pytest.approx(2 * result.params["a"].stderr)


def test_a_variable_with_default_becomes_a_parameter_by_a_value():
    def wide(x, a, extra=None):
        return a * x + (0 if extra is None else extra)

    model = Model(wide)
    assert list(model.make_params(a=1)) == ["a"]
    assert list(model.make_params(a=1, extra="no number")) == ["a"]
    params = model.make_params(a=1, extra=0.5)
    assert list(params) == ["a", "extra"]
    assert model.fit(2 * X + 3, params, x=X).params["extra"].value == pytest.approx(3)


def test_functions_may_name_their_arguments_themselves():
    class Poly:
        argnames = ("x", "c0", "c1")
        kwargs = {}  # noqa: RUF012

        def __call__(self, x, *coefs, **named):
            return named["c0"] + named["c1"] * x

    result = Model(Poly()).fit(2 * X + 3, x=X, c0=0, c1=0)
    assert result.best_values == pytest.approx({"c0": 3, "c1": 2})


def test_keywords_of_a_function_with_kws_are_passed_on_with_a_warning():
    def scaled(x, a, **kws):
        return a * x * kws["scale"]

    with pytest.warns(UserWarning, match="The keyword argument scale does not match"):
        result = Model(scaled).fit(2 * X, x=X, a=1, scale=4)
    assert result.best_values["a"] == pytest.approx(0.5)


def test_an_empty_dict_is_no_value():
    with pytest.raises(TypeError, match="parameter 'amp'"):
        Model(peak).make_params(amp={})
