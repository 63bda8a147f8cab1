"""Parameters in JSON: complete, in lmfit's layout, and safe to read."""

import io
import json
import math

import numpy as np
import pytest

from fitcore.parameter import Parameter, Parameters, create_params


@pytest.fixture
def params():
    made = create_params(
        a={"value": 10, "min": 0, "max": 20, "brute_step": 0.5, "user_data": {"k": [1, None]}},
        b={"expr": "2*a", "max": 15},
        c={"value": 2.5, "vary": False},
    )
    made["a"].stderr, made["a"].correl = 0.25, {"d": 0.5}
    made.add("d")
    return made


def test_layout_is_that_of_lmfit(params):
    data = json.loads(params.dumps())
    assert data["unique_symbols"] == {}
    inf = math.inf
    assert data["params"] == [
        ["a", 10, True, None, 0, 20, 0.5, 0.25, {"d": 0.5}, 10, {"k": [1, None]}],
        ["b", 15, False, "2*a", -inf, 15, None, None, None, None, None],
        ["c", 2.5, False, None, -inf, inf, None, None, None, 2.5, None],
        ["d", -inf, True, None, -inf, inf, None, None, None, None, None],
    ]


def test_round_trip_keeps_everything(params):
    twin = create_params(old=1)
    assert twin.loads(params.dumps(indent=1)) is twin
    assert [p.__getstate__() for p in twin.values()] == [p.__getstate__() for p in params.values()]
    assert twin["d"]._is_unset and not twin["a"]._is_unset
    twin["a"].value = 3
    assert twin["b"].value == 6


def test_files(params):
    file = io.StringIO()
    assert params.dump(file) == len(file.getvalue())
    file.seek(0)
    assert Parameters().load(file).valuesdict() == params.valuesdict()


def test_symbols_that_are_data_are_kept():
    symbols = {
        "n": 3, "x": 0.5, "flag": True, "text": "s", "z": 1 + 2j, "pair": (1, [2.0, {"k": 3}]),
        "grid": np.arange(6.0).reshape(2, 3), "ints": np.array([1, 2], dtype=np.int32),
        "waves": np.array([1j, 2.0]), "f64": np.float64(4),
    }  # fmt: skip
    params = Parameters(usersyms=symbols)
    params.add("a", 2)
    params.add("b", expr="grid[1, 2] + x*a + pair[1][0]")
    twin = Parameters().loads(params.dumps())
    assert twin["b"].value == params["b"].value == 5 + 1 + 2
    kept = twin._user_symbols()
    assert kept.keys() == symbols.keys()
    for name, value in symbols.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(kept[name], value, strict=True)
        else:
            assert kept[name] == value
            assert type(kept[name]) is type(value) or name == "f64"
    assert type(kept["pair"][1]) is list


def half(x):
    return x / 2


def test_functions_are_written_by_name_and_loaded_when_given_or_allowed():
    params = Parameters(usersyms={"f": half, "k": 2})
    params.add("a", 3)
    params.add("b", expr="f(a) + k")
    text = params.dumps()
    stored = json.loads(text)["unique_symbols"]
    assert stored == {"f": {"__class__": "Callable", "__name__": "half", "importer": __name__},
                      "k": 2}  # fmt: skip
    for given in ({"f": half}, {"half": half}):
        assert Parameters().loads(text, given)["b"].value == 3.5
    assert Parameters().loads(text, allow_imports=True)["b"].value == 3.5
    with pytest.warns(UserWarning, match="not loaded from a file: f; give them as funcdefs"):
        twin = Parameters().loads(text)
    with pytest.raises(NameError, match="'f'"):
        twin.update_constraints()


def test_functions_that_only_compute_are_loaded():
    params = Parameters(usersyms={"f": np.tanh, "g": math.hypot})
    params.add("a", 3)
    params.add("b", expr="f(a) + g(a, 4)")
    assert Parameters().loads(params.dumps())["b"].value == math.tanh(3) + 5


def test_symbols_that_json_cannot_hold_are_left_out_with_a_warning_that_names_them():
    params = Parameters(usersyms={"s": {1, 2}, "k": 2})
    with pytest.warns(UserWarning, match="not written, as JSON cannot hold them: s$"):
        text = params.dumps()
    assert json.loads(text)["unique_symbols"] == {"k": 2}


class Trap:
    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_nothing_in_a_file_is_unpickled():
    import base64
    import pickle

    pickled = base64.b64encode(pickle.dumps(Trap())).decode()
    stored = {"__class__": "Callable", "__name__": "f", "pyversion": "3.11", "value": pickled,
              "importer": "os"}  # fmt: skip
    text = json.dumps(
        {
            "unique_symbols": {"f": stored, "erf": stored},
            "params": [["a", 1, True, None, -math.inf, math.inf, None, None, None, 1, stored]],
        }
    )
    with pytest.warns(UserWarning, match="not loaded from a file: f; "):
        params = Parameters().loads(text)
    assert not Trap.sprung
    assert params._user_symbols() == {} and params["a"].user_data == stored


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "{}", '{"params": 3}', '{"params": [["a", 1]]}', '{"params": [5]}',
     '{"params": [], "unique_symbols": {"x": {"__class__": "Other"}}}',
     ('{"params": [], "unique_symbols": {"x": {"__class__": "NDArray", "value": [1],'
      ' "__shape__": [7], "__dtype__": "float64"}}}')],
)  # fmt: skip
def test_what_holds_no_parameters_is_refused_and_changes_nothing(text):
    params = create_params(a=1)
    with pytest.raises(ValueError):
        params.loads(text)
    assert params.valuesdict() == {"a": 1}


def test_a_refused_parameter_in_a_file_changes_nothing():
    params = create_params(a=1)
    bad = ["b", "x", True, None, None, None, None, None, None, 1, None]
    with pytest.raises(TypeError, match="'b': value"):
        params.loads(json.dumps({"params": [Parameter("a", 2).__getstate__(), bad]}))
    assert params.valuesdict() == {"a": 1}
