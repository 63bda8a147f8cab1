"""Function and data pointers out of what ctypes, cffi, numba, Cython and SciPy have."""

from __future__ import annotations

import ctypes
import operator
import re
import sys
from typing import Any, NamedTuple

import numpy as np

from fitcore._arrays import address
from fitcore._native import capsule_parts

__all__ = ["SIGNATURES", "Found", "data_pointer", "find_pointer"]

#: The C signatures of fitcore.h: what comes back, and the arguments.
SIGNATURES = {
    "residual": ("int", "int64", "int64", "double*", "double*", "double*", "void*"),
    "objective": ("int", "int64", "double*", "double*", "double*", "void*"),
    "model": (
        "int", "int64", "int64", "double*", "int64", "double*", "double*", "double*", "void*",
    ),
}  # fmt: skip
_INT64 = {
    "int64_t", "int64", "long long", "long long int", "ssize_t", "Py_ssize_t", "ptrdiff_t",
    "intptr_t", "npy_intp", "npy_int64", "signed long long",
}  # fmt: skip
if ctypes.sizeof(ctypes.c_long) == 8:
    _INT64 |= {"long", "long int", "signed long"}
_TYPES = {
    **dict.fromkeys(_INT64, "int64"),
    **dict.fromkeys(("int", "signed int", "int32_t", "signed"), "int"),
    "double": "double",
    "void": "void",
}
_NONE = ("", "void")


class Found(NamedTuple):
    """A function pointer, and what is known of it."""

    address: int
    signature: tuple[str, ...] | None
    """As in `SIGNATURES`; None if it is not known."""
    shown: str
    """The signature as its owner writes it."""
    user_address: int | None
    """The user data that it brings along."""
    keep: Any
    """What must live as long as the pointer is used."""


def find_pointer(function: Any) -> Found:
    """The function pointer in an object.

    Parameters
    ----------
    function : object
        An address, a ctypes or cffi function pointer, a numba cfunc, a PyCapsule (Cython's
        ``__pyx_capi__`` holds such) or a scipy.LowLevelCallable.

    Returns
    -------
    Found

    Raises
    ------
    TypeError
        If there is none in it.
    ValueError
        If it is null.
    """
    found = _find(function)
    if found.address == 0:
        raise ValueError(f"function must not be a null pointer, got {function!r:.80}")
    return found


def _find(function: Any) -> Found:
    kind = type(function)
    if isinstance(function, (int, np.integer)) and not isinstance(function, bool):
        return Found(_address(function, "function"), None, "", None, None)
    if isinstance(function, ctypes.c_void_p):
        return Found(function.value or 0, None, "", None, function)
    if _is_ctypes_function(function):
        pointer = ctypes.cast(function, ctypes.c_void_p).value or 0
        signature, shown = _ctypes_signature(function)
        return Found(pointer, signature, shown, None, function)
    if _is_cffi(function):
        return _cffi_function(function)
    capsule = capsule_parts(function)
    if capsule is not None:
        pointer, words, context = capsule
        signature = _parse(words) if words else None
        return Found(pointer, signature, words or "", context or None, function)
    if kind.__name__ == "LowLevelCallable" and isinstance(function, tuple):
        return _low_level(function)
    if kind.__module__.partition(".")[0] == "numba" and hasattr(function, "ctypes"):
        found = _find(function.ctypes)
        return found._replace(keep=function)
    hint = ""
    if kind.__module__.partition(".")[0] == "numba":
        hint = "; compile it by numba.cfunc, not numba.jit"
    elif callable(function):
        hint = "; a Python function is given to the solvers as it is"
    raise TypeError(
        "function must be an address, a ctypes or cffi function pointer, a numba cfunc, a "
        f"PyCapsule or a scipy.LowLevelCallable, got {function!r:.80}{hint}"
    )


def _address(value: Any, name: str) -> int:
    number = operator.index(value)
    if not 0 <= number <= 2 * sys.maxsize + 1:
        raise ValueError(f"{name} must be an address, got {value!r:.80}")
    return number


# ctypes


def _is_ctypes_function(value: Any) -> bool:
    return isinstance(value, ctypes._CFuncPtr)  # type: ignore[attr-defined]


def _ctypes_signature(function: Any) -> tuple[tuple[str, ...] | None, str]:
    given = function.argtypes
    if given is None:  # of a library whose types nobody has declared
        return None, ""
    types = (function.restype, *given)
    names = [getattr(kind, "__name__", "None") for kind in types]
    shown = f"{names[0]} ({', '.join(names[1:])})"
    return tuple(map(_ctypes_type, types)), shown


def _ctypes_type(kind: Any) -> str:
    if kind is None:
        return "void"
    if kind is ctypes.c_double:
        return "double"
    if kind in (ctypes.c_void_p, ctypes.c_char_p) or hasattr(kind, "_ndim_"):
        return "void*"
    if isinstance(kind, type) and issubclass(kind, ctypes._Pointer):
        return "double*" if kind._type_ is ctypes.c_double else "other*"
    if kind is ctypes.c_int or kind is ctypes.c_int32:
        return "int"
    if kind in (ctypes.c_int64, ctypes.c_longlong, ctypes.c_ssize_t):
        return "int64"
    return str(getattr(kind, "__name__", kind))


# cffi


def _is_cffi(value: Any) -> bool:
    return type(value).__module__ == "_cffi_backend"


def _cffi() -> Any:
    import _cffi_backend

    return _cffi_backend.FFI()


def _cffi_function(function: Any) -> Found:
    ffi = _cffi()
    try:
        kind = ffi.typeof(function)
    except TypeError:
        kind = None
    if kind is not None and kind.kind == "pointer" and kind.item.kind == "void":
        return Found(int(ffi.cast("uintptr_t", function)), None, "", None, function)
    if kind is None or kind.kind != "function":
        raise TypeError(
            "function must be a pointer to a function, got the cffi object "
            f"{function!r:.80}; of a function in a compiled library it is "
            "ffi.addressof(lib, name)"
        )
    try:
        pointer = int(ffi.cast("uintptr_t", function))
    except TypeError:
        raise TypeError(
            f"function must be a pointer to a function, got {function!r:.80}; of a function in a "
            "compiled library it is ffi.addressof(lib, name)"
        ) from None
    types = (kind.result, *kind.args)
    return Found(pointer, tuple(_c_type(t.cname) for t in types), kind.cname, None, function)


# SciPy


def _low_level(function: Any) -> Found:
    inner = _find(function.function)
    user = function.user_data
    address = inner.user_address if user is None else data_pointer(user)[0]
    return inner._replace(user_address=address, keep=function)


# Signatures in C's words, as capsules have them


def _parse(words: str) -> tuple[str, ...] | None:
    match = re.fullmatch(
        r"\s*([^()]*?)\s*(?:\(\s*\*?\s*\w*\s*\)\s*)?\((.*)\)[^()]*", words, re.DOTALL
    )
    if match is None:
        return (words,)
    inside = match[2].strip()
    arguments = [] if inside in _NONE else inside.split(",")
    return tuple(map(_c_type, (match[1], *arguments)))


def _c_type(words: str) -> str:
    """One type of C, without qualifiers and the argument's name."""
    tokens = re.findall(r"\w+|\*|\[\]", words)
    kept = [t for t in tokens if t not in ("const", "volatile", "restrict", "struct")]
    stars = "*" * sum(t in ("*", "[]") for t in kept)
    names = [t for t in kept if t not in ("*", "[]")]
    for length in range(len(names), 0, -1):
        known = _TYPES.get(" ".join(names[:length]))
        if known is not None:
            return known + stars
    return (names[0] if names else "") + stars


def matches(signature: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether a function of one signature may be called by another."""
    if len(signature) != len(wanted):
        return False
    return all(map(_fits, signature, wanted))


def _fits(given: str, wanted: str) -> bool:
    if wanted == "void*":
        return given.endswith("*")
    return given == wanted or (wanted == "double*" and given == "void*")


# Data


def data_pointer(data: Any) -> tuple[int, Any]:
    """The address of user data, and what must live as long as it is used.

    Parameters
    ----------
    data : object
        None for null, an address, an array, another object with a buffer, a ctypes or cffi object
        or pointer, or a PyCapsule.

    Returns
    -------
    tuple of int and object

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it is an array that is not contiguous, or holds Python objects.
    """
    if data is None:
        return 0, None
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        return _address(data, "user_data"), None
    if isinstance(data, np.ndarray):
        if not (data.flags.c_contiguous or data.flags.f_contiguous) or data.dtype.hasobject:
            raise ValueError(
                "user_data must be a contiguous array without Python objects, got one of shape "
                f"{data.shape}, strides {data.strides} and dtype {data.dtype}"
            )
        return address(data), data
    if isinstance(data, (ctypes._Pointer, ctypes.c_void_p)):
        return ctypes.cast(data, ctypes.c_void_p).value or 0, data
    if isinstance(data, (ctypes.Structure, ctypes.Union, ctypes.Array, ctypes._SimpleCData)):
        return ctypes.addressof(data), data
    if _is_cffi(data):
        ffi = _cffi()
        if ffi.typeof(data).kind in ("struct", "union"):
            data = ffi.addressof(data)
        return int(ffi.cast("uintptr_t", data)), data
    capsule = capsule_parts(data)
    if capsule is not None:
        return capsule[0], data
    try:
        buffer = np.frombuffer(data, dtype=np.uint8)
    except (TypeError, ValueError, BufferError):
        raise TypeError(
            "user_data must be None, an address, an array, a ctypes or cffi object, a PyCapsule or "
            f"an object with a buffer, got {data!r:.80}"
        ) from None
    return address(buffer), (data, buffer)
