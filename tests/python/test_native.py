"""NativeFunction: where its pointer comes from, what is refused, and calls from Python."""

from __future__ import annotations

import ctypes
import pickle
import types
from ctypes import CFUNCTYPE, POINTER, c_double, c_float, c_int, c_int64, c_void_p
from pathlib import Path

import numpy as np
import originals
import pytest
from native_functions import ARGUMENTS, DATA, OBJECTIVE, RESIDUAL, T, Y, function, library

import fitcore
from fitcore import NativeFunction, NativeStop, Parameters


def decay(p):
    return p[0] * np.exp(-T / p[1])


def decay_jacobian(p):
    e = np.exp(-T / p[1])
    return np.column_stack([e, p[0] * e * T / p[1] ** 2])


def address(name: str) -> int:
    return ctypes.cast(function(name), c_void_p).value


def typed(name: str, kind: str, result=c_int):
    """The function as a pointer with its types."""
    return ctypes.cast(function(name), CFUNCTYPE(result, *ARGUMENTS[kind]))


def test_a_residual_called_from_python_gives_residuals_and_jacobian():
    native = NativeFunction(function("decay_residual"), m=50, user_data=DATA, derivatives=True)
    p = [2.0, 3.0]
    np.testing.assert_allclose(native(p), decay(p) - Y, rtol=1e-14)
    np.testing.assert_allclose(native.jacobian(p), decay_jacobian(p), rtol=1e-14)
    assert (native.kind, native.m, native.has_derivatives) == ("residual", 50, True)
    assert native.address == address("decay_residual")
    assert native.user_address == DATA.ctypes.data


def test_an_objective_called_from_python_gives_value_and_gradient():
    native = NativeFunction(function("rosenbrock"), "objective", derivatives=True)
    assert native([-1.2, 1.0]) == pytest.approx(24.2, rel=1e-14)
    np.testing.assert_allclose(native.gradient([-1.2, 1.0]), [-215.6, -88.0], rtol=1e-14)


def test_a_model_called_from_python_takes_x_and_parameters_one_by_one():
    native = NativeFunction(function("decay_model"), "model", derivatives=True)
    np.testing.assert_allclose(native(T, 2.0, 3.0), decay([2.0, 3.0]), rtol=1e-14)
    np.testing.assert_allclose(native.jacobian(T, 2.0, 3.0), decay_jacobian([2.0, 3.0]))
    # points with two coordinates, a row for each
    there = native(np.array([T / 2, T / 2]), 2.0, 3.0)
    np.testing.assert_allclose(there, decay([2.0, 3.0]), rtol=1e-14)


def test_residual_of_a_model_weighs_its_difference_from_the_data():
    model = NativeFunction(function("decay_model"), "model", derivatives=True)
    weights = np.linspace(1, 2, 50)
    native = model.residual(T, Y, weights)
    np.testing.assert_allclose(native([2, 3]), weights * (decay([2, 3]) - Y), rtol=1e-13)
    np.testing.assert_allclose(
        native.jacobian([2, 3]), weights[:, None] * decay_jacobian([2, 3]), rtol=1e-13
    )
    np.testing.assert_allclose(model.residual(T, Y, 2.0)([2, 3]), 2 * (decay([2, 3]) - Y))
    assert np.array_equal(model.residual(T, Y)([2, 3]), model(T, 2, 3) - Y)


def test_parameters_give_their_values_in_order_or_by_name():
    params = Parameters()
    params.add("tau", 3.0)
    params.add("unused", 7.0)
    params.add("amp", expr="tau - 1")
    native = NativeFunction(function("decay_residual"), m=50, user_data=DATA, names=["amp", "tau"])
    assert np.array_equal(native(params), native([2.0, 3.0]))
    in_order = NativeFunction(function("decay_residual"), m=50, user_data=DATA)
    assert np.array_equal(in_order(params), in_order([3.0, 7.0, 2.0]))


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_pointers_of_the_right_types_are_taken(kind):
    name = {"residual": "parabola", "objective": "rosenbrock", "model": "decay_model"}[kind]
    expected = NativeFunction(address(name), kind)
    assert NativeFunction(typed(name, kind), kind).address == expected.address
    assert NativeFunction(c_void_p(address(name)), kind).address == expected.address
    assert NativeFunction(np.uint64(address(name)), kind).address == expected.address


@pytest.mark.parametrize("kind", ARGUMENTS)
@pytest.mark.parametrize("other", ARGUMENTS)
def test_a_pointer_of_another_kind_is_refused(kind, other):
    if kind == other:
        return
    with pytest.raises(TypeError, match=rf"signature .*wanted int \(.*kind='{kind}'"):
        NativeFunction(typed("parabola", other), kind)


def test_single_precision_another_result_and_a_missing_argument_are_refused():
    floats = list(ARGUMENTS["residual"])
    floats[2] = POINTER(c_float)
    for made in (
        CFUNCTYPE(c_int, *floats),
        CFUNCTYPE(c_double, *ARGUMENTS["residual"]),
        CFUNCTYPE(None, *ARGUMENTS["residual"]),
        CFUNCTYPE(c_int, *ARGUMENTS["residual"][:-1]),
        CFUNCTYPE(c_int, c_int, *ARGUMENTS["residual"][1:]),
    ):
        with pytest.raises(TypeError, match="function has the signature"):
            NativeFunction(ctypes.cast(function("parabola"), made), m=10)


@pytest.mark.parametrize("null", [0, c_void_p(), c_void_p(0), RESIDUAL()])
def test_a_null_pointer_is_refused(null):
    with pytest.raises(ValueError, match="function must not be a null pointer"):
        NativeFunction(null, m=2)


def test_what_is_no_pointer_is_refused():
    for wrong in ("decay", None, 1.5, True, object(), [1]):
        with pytest.raises(TypeError, match="function must be an address"):
            NativeFunction(wrong, m=2)
    with pytest.raises(TypeError, match="a Python function is given to the solvers as it is"):
        NativeFunction(lambda m, n, p, f, fjac, user_data: 0, m=2)
    with pytest.raises(ValueError, match="must be an address, got -1"):
        NativeFunction(-1, m=2)


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        (b"int (int64_t, int64_t, double const *, double *, double *, void *)", True),
        (b"int (int64_t m, int64_t n, const double *p, double *f, double *fjac, void *u)", True),
        (b"int (long, long, double *, double *, double *, void *)", True),
        (b"int (int64_t, int64_t, double const *, double *, double *)", False),
        (b"int (int64_t, double const *, double *, double *, void *)", False),
        (b"void (int64_t, int64_t, double const *, double *, double *, void *)", False),
        (b"int (int64_t, int64_t, float const *, double *, double *, void *)", False),
        (b"int (int64_t, int64_t, double, double *, double *, void *)", False),
        (b"something else", False),
        (None, True),
    ],
)
def test_the_name_of_a_capsule_is_its_signature(words, matches):
    capsule = _capsule(address("parabola"), words)
    if matches:
        assert NativeFunction(capsule, m=10).address == address("parabola")
    else:
        with pytest.raises(TypeError, match="function has the signature"):
            NativeFunction(capsule, m=10)


def _capsule(pointer: int, name: bytes | None, context: int = 0) -> object:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [c_void_p, ctypes.c_char_p, c_void_p]
    # the name must outlive it
    _NAMES.append(ctypes.create_string_buffer(name) if name is not None else None)
    kept = _NAMES[-1]
    capsule = new(pointer, None if kept is None else ctypes.cast(kept, ctypes.c_char_p), None)
    if context:
        set_context = ctypes.pythonapi.PyCapsule_SetContext
        set_context.argtypes = [ctypes.py_object, c_void_p]
        set_context(capsule, context)
    return capsule


_NAMES: list = []


def test_the_context_of_a_capsule_is_its_user_data_unless_other_is_given():
    capsule = _capsule(address("decay_residual"), None, DATA.ctypes.data)
    assert NativeFunction(capsule, m=50).user_address == DATA.ctypes.data
    other = DATA.copy()
    assert NativeFunction(capsule, m=50, user_data=other).user_address == other.ctypes.data


def test_a_low_level_callable_of_scipy_is_taken_with_its_user_data():
    originals.require_peer("scipy")
    from scipy import LowLevelCallable

    data = ctypes.cast(DATA.ctypes.data, c_void_p)
    given = LowLevelCallable(typed("decay_residual", "residual"), data)
    native = NativeFunction(given, m=50)
    assert native.user_address == DATA.ctypes.data
    np.testing.assert_allclose(native([2, 3]), decay([2, 3]) - Y, rtol=1e-14)
    wrong = LowLevelCallable(typed("rosenbrock", "objective"))
    with pytest.raises(TypeError, match="function has the signature"):
        NativeFunction(wrong, m=50)


@pytest.mark.parametrize("how", ["array", "address", "ctypes", "pointer", "structure", "bytes"])
def test_user_data_reaches_the_function(how):
    class Both(ctypes.Structure):
        _fields_ = (("t", c_double * 50), ("y", c_double * 50))

    array = (c_double * 100)(*DATA)
    given = {
        "array": DATA, "address": DATA.ctypes.data, "ctypes": array,
        "pointer": ctypes.pointer(array),
        "structure": Both((c_double * 50)(*T), (c_double * 50)(*Y)), "bytes": DATA.tobytes(),
    }[how]  # fmt: skip
    native = NativeFunction(function("decay_residual"), m=50, user_data=given)
    np.testing.assert_allclose(native([2, 3]), decay([2, 3]) - Y, rtol=1e-14)


def test_user_data_lives_as_long_as_the_function():
    native = NativeFunction(function("decay_residual"), m=50, user_data=DATA.copy())
    junk = [np.full(100, np.nan) for _ in range(50)]
    np.testing.assert_allclose(native([2, 3]), decay([2, 3]) - Y, rtol=1e-14)
    model = NativeFunction(function("decay_model"), "model").residual(T.copy(), Y.copy())
    junk = [np.full(50, np.nan) for _ in range(50)]
    np.testing.assert_allclose(model([2, 3]), decay([2, 3]) - Y, rtol=1e-14)
    del junk


def test_wrong_user_data_is_refused():
    for wrong in ("text", 1.5, object()):
        with pytest.raises(TypeError, match="user_data must be None, an address, an array"):
            NativeFunction(function("parabola"), m=10, user_data=wrong)
    with pytest.raises(ValueError, match="contiguous"):
        NativeFunction(function("parabola"), m=10, user_data=np.zeros((4, 4))[::2, ::2])
    with pytest.raises(ValueError, match="without Python objects"):
        NativeFunction(function("parabola"), m=10, user_data=np.array([None]))


def test_improper_arguments_are_named():
    pointer = function("parabola")
    for kind in ("residuals", None, 3):
        with pytest.raises(
            ValueError, match="kind must be one of 'residual', 'objective', 'model'"
        ):
            NativeFunction(pointer, kind)
    with pytest.raises(ValueError, match="m must be at least 1, got 0"):
        NativeFunction(pointer, m=0)
    with pytest.raises(TypeError, match="m must be an integer"):
        NativeFunction(pointer, m=2.5)
    with pytest.raises(ValueError, match="m is for kind='residual'"):
        NativeFunction(pointer, "model", m=3)
    with pytest.raises(ValueError, match="names must be different strings"):
        NativeFunction(pointer, m=3, names=["a", "a"])
    with pytest.raises(ValueError, match="names must be different strings"):
        NativeFunction(pointer, m=3, names="ab")
    with pytest.raises(TypeError, match="derivatives"):
        NativeFunction(pointer, m=3, derivatives="yes")


def test_improper_calls_are_named():
    native = NativeFunction(function("parabola"), m=10, names=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"p must have shape \(3,\) for the parameters a, b, c"):
        native([1.0, 2.0])
    with pytest.raises(TypeError, match="p must be an array of real numbers"):
        native([1j, 2, 3])
    with pytest.raises(TypeError, match="no further arguments, got 2"):
        native([1, 2, 3], T)
    with pytest.raises(TypeError, match="has no derivatives"):
        native.jacobian([1, 2, 3])
    with pytest.raises(ValueError, match="m, the number of residuals, was not given"):
        NativeFunction(function("parabola"))([1, 2, 3])
    model = NativeFunction(function("decay_model"), "model")
    with pytest.raises(TypeError, match="x and its parameters"):
        model(T)
    with pytest.raises(ValueError, match=r"x must have shape \(50,\) or \(nx, 50\)"):
        model.residual(T[:-1], Y)
    with pytest.raises(ValueError, match=r"weights must be one number or have shape \(50,\)"):
        model.residual(T, Y, np.ones(3))
    with pytest.raises(ValueError, match=r"y must have shape \(m,\)"):
        model.residual(T, np.ones((2, 25)))
    with pytest.raises(TypeError, match="residual\\(\\) is for kind='model'"):
        native.residual(T, Y)
    with pytest.raises(TypeError, match="gradient\\(\\) is for kind='objective'"):
        native.gradient([1, 2, 3])


def test_another_return_value_than_0_is_raised_with_it_and_pickles():
    data = np.array([-17, 1])
    native = NativeFunction(function("stopping"), m=3, user_data=data)
    with pytest.raises(NativeStop, match="returned -17") as caught:
        native([1.0, 2.0])
    assert caught.value.code == -17
    assert pickle.loads(pickle.dumps(caught.value)).code == -17


def test_a_native_function_says_that_it_cannot_be_pickled():
    native = NativeFunction(function("parabola"), m=10)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(native)


def test_a_function_that_was_not_set_up_says_so():
    with pytest.raises(RuntimeError, match="__init__ was not called"):
        NativeFunction.__new__(NativeFunction)([1.0])


def test_from_cython_takes_what_a_module_exports():
    module = types.ModuleType("some_module")
    with pytest.raises(ValueError, match="exports none: declare it"):
        NativeFunction.from_cython(module, "other", m=10)
    signature = b"int (int64_t, int64_t, double const *, double *, double *, void *)"
    capsule = _capsule(address("parabola"), signature)
    module.__pyx_capi__ = {"parabola": capsule}  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="exports no function 'other'; it exports parabola"):
        NativeFunction.from_cython(module, "other", m=10)
    assert NativeFunction.from_cython(module, "parabola", m=10)([1, 1, 1])[0] == 0.0


def test_the_headers_are_where_get_include_says_and_compile_as_c(tmp_path):
    library()  # skips where there is no compiler
    include = Path(fitcore.get_include())
    source = tmp_path / "all.c"
    source.write_text('#include "fitcore.h"\n#include "fitcore_drive.h"\nfitcore_model f;\n')
    import shutil
    import subprocess

    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("allowed: no command cc")
    subprocess.run(
        [compiler, "-std=c99", "-Wall", "-Werror", "-fsyntax-only", f"-I{include}", source],
        check=True,
    )


def test_a_python_callback_by_ctypes_works_as_a_native_function():
    def value(n, p, f, g, user_data):
        f[0] = sum(p[j] ** 2 for j in range(n))
        return 0

    callback = OBJECTIVE(value)
    assert NativeFunction(callback, "objective")([1.0, 2.0]) == 5.0
    assert ctypes.sizeof(c_int64) == 8
