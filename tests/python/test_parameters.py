"""Parameters: filling, the dict's rules, copies, checks before a fit, and tables."""

import copy
import gc
import math
import pickle
import weakref

import numpy as np
import pytest

from fitcore.parameter import Parameter, Parameters, create_params


def double(x):
    return 2 * x


@pytest.fixture
def params():
    made = Parameters()
    made.add("a", 10, min=0, max=20)
    made.add("b", expr="2*a")
    made.add("c", 3, vary=False)
    return made


def test_add_takes_attributes_and_parameters():
    params = Parameters()
    params.add("x", 1, False, 0, 5, None, 0.5, "note")
    params.add(Parameter("y", 2, max=3))
    params.add("z", Parameter("other", 4, min=1), max=9)
    assert params.valuesdict() == {"x": 1, "y": 2, "z": 4}
    assert params["x"].brute_step == 0.5 and params["x"].user_data == "note"
    assert (params["z"].name, params["z"].min, params["z"].max) == ("z", 1, 9)


@pytest.mark.parametrize(
    "parlist",
    [
        (("a", 0.1), ("b", 1)),
        ((("a", 0.1), ("b", 1)),),
        ([("a", 0.1), ("b", 1)],),
        (["a", 0.1], ["b", 1]),
        (iter([("a", 0.1), Parameter("b", 1)]),),
        (Parameter("a", 0.1), Parameter("b", 1)),
        ([Parameter("a", 0.1), ("b", 1)],),
    ],
)
def test_add_many_takes_one_sequence_or_the_entries_themselves(parlist):
    params = Parameters()
    params.add_many(*parlist)
    assert params.valuesdict() == {"a": 0.1, "b": 1}


def test_add_many_takes_the_table_of_the_manual():
    params = Parameters()
    params.add_many(
        (
            ("amp1", 10, True, None, None, None),
            ("wid1", 0.9, True, 0.1, None, None),
            ("wid2", None, False, None, None, "2*wid1/3"),
        )
    )
    assert params["wid2"].value == pytest.approx(0.6)
    assert params["wid1"].min == 0.1 and params["amp1"].max == math.inf
    params.add_many("bare", ("also_bare",))
    assert list(params)[-2:] == ["bare", "also_bare"]


@pytest.mark.parametrize("bad", [(5,), (("a", 1), 5), ((),), (tuple(range(9)),), ([("a", "x")],)])
def test_add_many_adds_nothing_when_an_entry_is_refused(bad):
    params = create_params(old=1)
    with pytest.raises((TypeError, KeyError)):
        params.add_many(("first", 1), *bad)
    assert list(params) == ["old"]


@pytest.mark.parametrize(
    "name", ["1a", "a b", "for", "a.b", "", "None", "lambda", 5, None, "\ufb01"]
)
def test_a_name_that_no_expression_could_use_is_a_key_error(name):
    params = Parameters()
    with pytest.raises(KeyError, match="is not a valid Parameters name"):
        params[name] = Parameter("a", 1)
    assert len(params) == 0


@pytest.mark.parametrize("name", ["A", "é", "_x", "print", "pi", "match", "sin", "x1"])
def test_any_identifier_is_a_name_and_hides_functions_and_constants(name):
    params = Parameters()
    params.add(name, 3)
    params.add("twice", expr=f"2*{name}")
    assert params["twice"].value == 6


@pytest.mark.parametrize("bad", [1, None, "x", {"value": 1}])
def test_only_parameters_are_values(bad):
    params = Parameters()
    with pytest.raises(ValueError, match="is not a Parameter"):
        params["a"] = bad
    with pytest.raises(ValueError, match="is not a Parameter"):
        params.setdefault("a", bad)
    assert len(params) == 0


def test_item_assignment_names_the_parameter_and_keeps_the_object():
    par = Parameter(value=2, min=1e-10)
    params = Parameters()
    params["period"] = par
    assert params["period"] is par and par.name == "period"
    other = Parameter("other", 5)
    params["period"] = other
    assert other.name == "period" and params["period"] is other


def test_a_parameter_that_is_in_use_is_copied(params):
    params["d"] = params["a"]
    assert params["d"] is not params["a"]
    assert (params["a"].name, params["d"].name) == ("a", "d")
    second = Parameters()
    second["a"] = params["a"]
    second["a"].value = 1
    assert params["a"].value == 10


def test_removed_parameters_live_on_alone(params):
    par = params.pop("b")
    assert par.value == 20
    params["a"].value = 1
    assert par.value == 20
    params["again"] = par
    assert params["again"] is par and par.value == 2
    del params["again"]
    assert params.popitem() == ("c", params.get("c", 3))
    assert params.pop("nosuch", None) is None
    with pytest.raises(KeyError):
        params.pop("nosuch")
    with pytest.raises(TypeError):
        params.pop("a", 1, 2)
    params.clear()
    with pytest.raises(KeyError):
        params.popitem()
    params.add("x", 1)
    params.add("y", expr="x + 1")
    assert params["y"].value == 2


def test_expressions_follow_removals_and_replacements(params):
    params["a"] = Parameter("a", 7)
    assert params["b"].value == 14
    del params["a"]
    with pytest.raises(NameError, match="parameter 'b': expr '2\\*a': name 'a' is not defined"):
        _ = params["b"].value


def test_update_and_plus_merge_copies_and_symbols(params):
    other = Parameters(usersyms={"f": double})
    other.add("a", 1.5)
    other.add("k", expr="f(a)")
    both = params + other
    assert list(both) == ["a", "b", "c", "k"] and list(params) == ["a", "b", "c"]
    assert both.valuesdict() == {"a": 1.5, "b": 3.0, "c": 3, "k": 3.0}
    assert both["a"].max == math.inf
    params += other
    assert params.valuesdict() == both.valuesdict()
    params["k"].set(value=9)
    assert other["k"].value == 3
    assert (other | create_params(z=1)).valuesdict() == {"a": 1.5, "k": 3.0, "z": 1}
    for bad in (1, {}, {"a": 1}, None):
        with pytest.raises(ValueError, match="is not a Parameters object"):
            params.update(bad)
        with pytest.raises(ValueError, match="is not a Parameters object"):
            _ = params + bad


def test_set_changes_and_creates():
    params = create_params(x=3, y={"expr": "x*2"})
    params.set(x=5, z={"value": 3, "min": 0, "user_data": "u"}, w=4)
    assert params.valuesdict() == {"x": 5, "y": 10, "z": 3, "w": 4}
    assert params["z"].min == 0 and params["z"].user_data == "u"
    params.set(x={"value": 6, "is_init_value": False})
    assert (params["x"].value, params["x"].init_value) == (6, 5)


@pytest.mark.parametrize("bad", ["s", None, {"foo": 1}, [1], {"value": "s"}])
def test_set_refuses_by_name_and_creates_nothing(bad):
    params = Parameters()
    with pytest.raises(TypeError, match="parameter 'x'"):
        params.set(x=bad)
    assert len(params) == 0


def test_create_params_takes_expressions_in_any_order():
    params = create_params(c={"expr": "a + b"}, a=1, b={"value": 2, "min": 0})
    assert params.valuesdict() == {"c": 3, "a": 1, "b": 2}


def test_values_as_dict_and_array(params):
    assert params.valuesdict() == {"a": 10, "b": 20.0, "c": 3}
    np.testing.assert_array_equal(np.array(params), [10.0, 20.0, 3.0])
    assert np.asarray(params, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="always a copy"):
        np.asarray(params, copy=False)


class Special(Parameters):
    def __init__(self, label):
        super().__init__(usersyms={"f": double})
        self.label = label


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, Parameters.copy, lambda p: pickle.loads(pickle.dumps(p))],
    ids=["copy", "deepcopy", "method", "pickle"],
)
@pytest.mark.parametrize("with_interpreter", [False, True])
def test_copies_are_deep_and_complete(duplicate, with_interpreter):
    params = Special("mine")
    params.add("a", 10, min=0, max=20, brute_step=0.5, user_data={"k": [1]})
    params.add("b", expr="f(a)")
    params["a"].stderr, params["a"].correl = 0.1, {"b": 0.5}
    if with_interpreter:
        params._asteval.symtable["g"] = double
        params.add("c", expr="g(b)")
        assert params["c"].value == 40
    twin = duplicate(params)
    assert type(twin) is Special and twin.label == "mine"
    assert [p.__getstate__() for p in twin.values()] == [p.__getstate__() for p in params.values()]
    twin["a"].value = 4
    twin["a"].correl["b"] = twin["a"].user_data["k"][0] = 0
    assert twin["b"].value == 8 and params["b"].value == 20
    assert params["a"].correl == {"b": 0.5} and params["a"].user_data == {"k": [1]}
    twin._asteval.symtable["f"] = abs
    assert twin["b"].value == 4 and params["b"].value == 20


def test_a_copy_makes_no_interpreter(params):
    twin = params.copy()
    assert twin["b"].value == 20
    assert twin._interp is None and params._interp is None


def test_the_same_parameters_twice_in_a_deep_copy_stay_one(params):
    one, two = copy.deepcopy([params, params])
    assert one is two is not params


def test_a_parameter_outlives_its_parameters_with_its_expression():
    par = create_params(a=3, b={"expr": "2*a"})["b"]
    gc.collect()
    assert par.value == 6
    par = create_params(a=3, b=4)["a"]
    gc.collect()
    par.expr = "2*b"
    assert par.value == 3


def test_parameters_without_expressions_need_no_garbage_collector():
    gc.disable()
    try:
        alive = weakref.ref(create_params(a=1, b=2))
        assert alive() is None
    finally:
        gc.enable()


def test_prepare_returns_what_varies_in_order(params):
    params.add("d", 0.5)
    assert params._prepare() == [params["a"], params["d"]]
    assert [p.name for p in params._prepare()] == ["a", "d"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "'x': no value was given"),
        ({"max": 0}, "'x': no value was given"),
        ({"value": math.nan}, "'x': its initial value must be finite, not nan"),
        ({"value": math.nan, "vary": False}, "'x': its initial value must be finite, not nan"),
        ({"value": math.inf}, "'x': its initial value must be finite, not inf"),
        ({"expr": "x + 1"}, "'x': expressions form a circle: x -> x"),
    ],
)
def test_prepare_refuses_by_name_what_cannot_start(params, settings, message):
    params["x"] = Parameter("x", **settings)
    with pytest.raises(ValueError, match=message):
        params._prepare()


def test_prepare_refuses_bounds_out_of_order(params):
    params["a"].min = 50
    with pytest.raises(ValueError, match="'a': min=50 must be less than max=20"):
        params._prepare()


def test_a_fixed_parameter_may_be_infinite(params):
    params.add("cut", math.inf, vary=False)
    assert params._prepare() == [params["a"]]


def test_a_value_set_later_is_a_value():
    params = Parameters()
    params.add("x")
    params["x"].value = 2
    assert params._prepare() == [2]


def test_repr_shows_all(params):
    assert repr(Parameters()) == "Parameters()"
    assert repr(params) == (
        "Parameters([('a', <Parameter 'a', value=10, bounds=[0:20]>), "
        "('b', <Parameter 'b', value=20.0, bounds=[-inf:inf], expr='2*a'>), "
        "('c', <Parameter 'c', value=3 (fixed), bounds=[-inf:inf]>)])"
    )


def test_tables_refuse_unknown_columns_and_formats(params):
    with pytest.raises(ValueError, match="columns: no 'foo'"):
        params.pretty_print(columns=["foo"])
    with pytest.raises(ValueError, match="fmt must be"):
        params.pretty_print(fmt="q")


def test_an_empty_table_has_its_head(capsys):
    Parameters().pretty_print()
    assert capsys.readouterr().out.split() == [
        "Name", "Value", "Min", "Max", "Stderr", "Vary", "Expr", "Brute_Step"
    ]  # fmt: skip


def test_the_notebook_table_escapes_expressions(params):
    params["b"].expr = "1 if a < 2 else 3"
    params["a"].stderr = 0.125
    html = params._repr_html_()
    assert "1 if a &lt; 2 else 3" in html and "0.125" in html and "standard error" in html
    assert html.count("<tr>") == 4
    assert "standard error" not in create_params(a=1)._repr_html_()


def test_usersyms_is_a_dict_of_symbols():
    with pytest.raises(TypeError, match="usersyms must be a dict"):
        Parameters(usersyms=[1])
