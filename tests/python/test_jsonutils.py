"""Objects in JSON: what comes back is what was written, and nothing is unpickled or run."""

import base64
import json
import math
import operator
import pickle

import numpy as np
import pytest
from originals import require_peer

import fitcore.jsonutils
from fitcore.jsonutils import FunctionNotLoaded, decode4js, encode4js, find_importer, import_from

pandas = pytest.importorskip("pandas")
uncertainties = pytest.importorskip("uncertainties")


def there_and_back(obj):
    return decode4js(json.loads(json.dumps(encode4js(obj))))


@pytest.mark.parametrize(
    "obj",
    [None, True, 7, -2.5, 1e300, math.inf, "text", "café", 2 - 3j, (1, 2.5, "a"), [1, (2, [3])], (),
     {"a": 1, "b": {"c": (1j,)}}, {1: "one", (2, 3): "pair"}, {"__class__": "Tuple", "value": 3}],
    ids=repr,
)  # fmt: skip
def test_plain_objects_come_back_with_their_type(obj):
    back = there_and_back(obj)
    assert back == obj and type(back) is type(obj)


@pytest.mark.parametrize(
    "array",
    [np.array([7.0]), np.arange(6).reshape(2, 3), np.array(5.0), np.array([1 + 2j, 3 - 1j]),
     np.zeros((0, 3)), np.array([True, False]), np.array([0.1, np.pi], dtype=np.float32),
     np.array([2**63 + 1], dtype=np.uint64), np.array(["a", "longer"]), np.array(""),
     np.array(["2020-02-29T12:34:56.789", "NaT"], dtype="datetime64[ms]"),
     np.array([1, -5], dtype="timedelta64[s]"), np.asfortranarray(np.arange(6.0).reshape(2, 3))],
    ids=lambda a: f"{a.dtype}{a.shape}",
)  # fmt: skip
def test_arrays_come_back_with_dtype_shape_and_every_bit(array):
    np.testing.assert_array_equal(there_and_back(array), array, strict=True)


def test_arrays_of_objects_may_hold_arrays():
    array = np.empty(3, dtype=object)
    array[:] = ["a", np.array([1, 2, 3]), (2j, None)]
    back = there_and_back(array)
    assert back.dtype == object and back[0] == "a" and back[2] == (2j, None)
    np.testing.assert_array_equal(back[1], [1, 2, 3])


def test_masked_arrays_keep_their_masks():
    back = there_and_back(np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]))
    assert back.mask.tolist() == [False, True, False] and back.sum() == 4


def test_numpy_numbers_become_those_of_python():
    for number in (np.float64(0.1), np.int32(3), np.bool_(True), np.complex64(1j), np.float32(1.5)):
        assert there_and_back(number) == number


def test_pandas_come_back_with_every_digit_and_their_index():
    series = pandas.Series([1 / 3, 2.0], index=["a", "b"], name="s")
    pandas.testing.assert_series_equal(there_and_back(series), series)
    days = pandas.DatetimeIndex(["2020-01-01", "2020-01-03"])
    frame = pandas.DataFrame({"n": [1, 2], "x": [1e-17, np.pi]}, index=days)
    pandas.testing.assert_frame_equal(there_and_back(frame), frame, check_freq=False)


def test_ufloats_come_back():
    back = there_and_back(uncertainties.ufloat(3.0, 0.1))
    assert (back.nominal_value, back.std_dev) == (3.0, 0.1)


@pytest.mark.parametrize(
    "obj",
    [{1, 2}, b"bytes", object(), np.array([b"x"]), [1, [{1}]], np.zeros(1, [("a", "i4")])],
    ids=lambda obj: type(obj).__name__,
)
def test_what_has_no_form_is_an_error_that_names_the_type(obj):
    with pytest.raises(TypeError, match="has no JSON form"):
        encode4js(obj)


@pytest.mark.parametrize("function", [np.sin, np.hypot, math.erf, operator.mul])
def test_functions_that_only_compute_come_back(function):
    assert there_and_back(function) is function


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("numpy", "fromfile"), ("numpy", "load"),
     ("operator", "methodcaller"), ("operator", "call"), ("numpy", "lib.npyio"), (None, "f"),
     ("fitcore.lineshapes", "__builtins__"), ("math", "__loader__"), ("numpyx", "sin")],
)  # fmt: skip
def test_no_other_function_is_loaded_unless_given_or_allowed(module, name):
    stored = {"__class__": "Callable", "__name__": name, "importer": module}
    with pytest.raises(FunctionNotLoaded, match=r"give it as funcdefs=\{.*or allow_imports=True"):
        decode4js(stored)
    assert decode4js(stored, {name: abs}) is abs


def own(x):
    return x


class Holder:
    @staticmethod
    def inside(x):
        return x


def test_functions_are_imported_by_qualified_name_when_allowed():
    for function in (own, Holder.inside):
        stored = json.loads(json.dumps(encode4js(function)))
        assert set(stored) == {"__class__", "__name__", "importer"}
        assert decode4js(stored, allow_imports=True) is function
        assert decode4js({"__class__": "Tuple", "value": [stored]}, {function.__name__: len}) == (
            len,
        )


def test_a_local_function_has_to_be_given():
    def local(x):
        return x

    stored = encode4js(local)
    with pytest.raises(FunctionNotLoaded, match=r"it has no name there.*funcdefs=\{'local'"):
        decode4js(stored, allow_imports=True)
    assert decode4js(stored, {"local": local}) is local


class Trap:
    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


@pytest.mark.parametrize("allow", [False, True])
def test_pickles_of_lmfit_are_not_unpickled(allow):
    stored = {"__class__": "Callable", "__name__": "f", "importer": None, "pyversion": "3.11",
              "value": base64.b64encode(pickle.dumps(Trap())).decode()}  # fmt: skip
    with pytest.raises(FunctionNotLoaded):
        decode4js(stored, allow_imports=allow)
    assert not Trap.sprung


def test_the_name_in_a_pickle_of_lmfit_that_holds_no_more_is_read():
    stored = {"__class__": "Callable", "__name__": "sin", "importer": None, "pyversion": "3.11",
              "value": "gASVEQAAAAAAAACMBW51bXB5lIwDc2lulJOULg=="}  # fmt: skip
    assert decode4js(stored) is np.sin


@pytest.mark.parametrize(
    "obj",
    [{"__class__": "Other"}, {"__class__": []}, {"__class__": "Complex"},
     {"__class__": "Complex", "value": ["a", 1]}, {"__class__": "Callable"},
     {"__class__": "NDArray", "value": [1], "__shape__": [7], "__dtype__": "float64"},
     {"__class__": "NDArray", "value": [1], "__shape__": [1], "__dtype__": "V8"},
     {"__class__": "NDArray", "value": [1], "__shape__": [1], "__dtype__": "nonsense"},
     {"__class__": "Tuple", "value": 3}, {"__class__": "Pairs", "value": [[1, 2, 3]]}],
    ids=repr,
)  # fmt: skip
def test_what_encode4js_does_not_write_is_a_value_error(obj):
    with pytest.raises(ValueError):
        decode4js(obj)


def test_importers():
    assert find_importer(own) == __name__ and find_importer(lambda x: x) is None
    assert find_importer(np.linspace) == "numpy" and find_importer(len) == "builtins"
    assert find_importer(3) is None
    assert import_from(find_importer(Holder.inside), "Holder.inside") is Holder.inside
    with pytest.raises(ImportError):
        import_from("no_such_module_here", "f")
    with pytest.raises(AttributeError):
        import_from("numpy", "no_such_function")


def test_files_of_lmfit_are_read():
    lmfit = require_peer("lmfit.jsonutils")
    series = pandas.Series([1.5, 2.5], index=["a", "b"])
    frame = pandas.DataFrame({"a": [1, 2], "b": [3.5, 4.5]})
    objects = [1j, (1, [2]), {"k": 3}, np.arange(3.0), np.array([1j]), np.tanh, math.erf]
    for obj in objects:
        back = decode4js(json.loads(json.dumps(lmfit.encode4js(obj))))
        np.testing.assert_equal(back, obj)
    pandas.testing.assert_series_equal(decode4js(lmfit.encode4js(series)), series)
    pandas.testing.assert_frame_equal(decode4js(lmfit.encode4js(frame)), frame)
    number = decode4js(lmfit.encode4js(uncertainties.ufloat(3.0, 0.1)))
    assert (number.nominal_value, number.std_dev) == (3.0, 0.1)


@pytest.mark.parametrize(
    ("stored", "extra"),
    [({"__class__": "PSeries", "value": "{}"}, "pandas"),
     ({"__class__": "PDataFrame", "value": "{}"}, "pandas"),
     ({"__class__": "UFloat", "val": 1.0, "err": 1.0}, "uncertainties")],
)  # fmt: skip
def test_a_missing_package_names_the_extra(monkeypatch, stored, extra):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(fitcore.jsonutils.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=rf"pip install fitcore\[{extra}\]"):
        decode4js(stored)
