"""Python objects in JSON: data in lmfit's notation, functions by name and never as a pickle."""

from __future__ import annotations

import importlib
import pickletools
import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitcore._extras import extra

__all__ = ["FunctionNotLoaded", "decode4js", "encode4js", "find_importer", "import_from"]
__dir__ = __all__.copy

# Kinds of arrays: float, signed, unsigned, bool, complex; text; times and spans; objects.
_PLAIN, _TEXT, _TIMES = "fiub", "US", "mM"
# Functions that compute, and neither read, write nor run anything: all of some modules, some of
# one, and what is a ufunc of others.
_COMPUTING = {"fitcore.lineshapes", "lmfit.lineshapes", "math"}
_OPERATORS = {"add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "neg", "pos"}
_WITH_UFUNCS = ("numpy", "scipy.special")


class FunctionNotLoaded(ValueError):
    """A function that a file names, and which the caller neither gave nor allowed to import."""


def find_importer(obj: Any) -> str | None:
    """Name of the module from which an object can be imported by its own name.

    Parameters
    ----------
    obj : object
        A function, a class, or what else has a `__name__`.

    Returns
    -------
    str or None
        None if there is none, as for functions defined inside others and for lambdas.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.jsonutils import find_importer
    >>> find_importer(np.linspace), find_importer(np.sin), find_importer(lambda x: x)
    ('numpy', 'numpy', None)
    """
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if not isinstance(name, str):
        return None
    for module in (getattr(obj, "__module__", None), *_WITH_UFUNCS):
        if isinstance(module, str) and _attribute(sys.modules.get(module), name) is obj:
            return module
    return None


def import_from(modulepath: str, objectname: str) -> Any:
    """Import an object: this runs the code of its module if it was not imported before.

    Parameters
    ----------
    modulepath : str
        Name of the module.
    objectname : str
        Its name in there; dots lead into classes.

    Returns
    -------
    object

    Raises
    ------
    ImportError
        There is no such module.
    AttributeError
        It has no such object.

    Examples
    --------
    >>> from fitcore.jsonutils import import_from
    >>> import_from("numpy", "linspace")(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    found = importlib.import_module(modulepath)
    for part in objectname.split("."):
        found = getattr(found, part)
    return found


def encode4js(obj: Any) -> Any:
    """Prepare an object for `json.dumps`.

    None, bool, int, float and str stay as they are. The others become a dict whose
    ``"__class__"`` tells what they were: complex numbers, tuples, lists, dicts, arrays (numbers,
    bool, text, times, objects, masked ones), ufloats, pandas Series and DataFrames, and functions,
    of which only module and name are written.

    Parameters
    ----------
    obj : object

    Returns
    -------
    object
        For `json.dumps`; :func:`decode4js` is the inverse.

    Raises
    ------
    TypeError
        The object, or one in it, has no such form.

    Examples
    --------
    >>> import numpy as np
    >>> from fitcore.jsonutils import decode4js, encode4js
    >>> encode4js(3 + 4j)
    {'__class__': 'Complex', 'value': [3.0, 4.0]}
    >>> decode4js(encode4js((1, [np.arange(3)])))
    (1, [array([0, 1, 2])])
    """
    if obj is None or isinstance(obj, bool | int | str):
        return obj
    if isinstance(obj, float):
        return float(obj)
    if isinstance(obj, np.bool_ | np.integer | np.floating):
        return _number(obj)
    if isinstance(obj, complex | np.complexfloating):
        return {"__class__": "Complex", "value": [float(obj.real), float(obj.imag)]}
    if isinstance(obj, np.ma.MaskedArray):
        data, mask = _array(np.asarray(obj.data)), _array(np.ma.getmaskarray(obj))
        return {"__class__": "MaskedArray", "data": data, "mask": mask}
    if isinstance(obj, np.ndarray):
        return _array(obj)
    if isinstance(obj, tuple | list):
        kind = "Tuple" if isinstance(obj, tuple) else "List"
        return {"__class__": kind, "value": [encode4js(item) for item in obj]}
    if isinstance(obj, Mapping):
        if all(isinstance(key, str) for key in obj) and "__class__" not in obj:
            return {"__class__": "Dict", **{key: encode4js(obj[key]) for key in obj}}
        pairs = [[encode4js(key), encode4js(obj[key])] for key in obj]
        return {"__class__": "Pairs", "value": pairs}
    return _encode_other(obj)


def _number(obj: Any) -> Any:
    value = obj.item()
    if isinstance(value, np.generic):
        raise TypeError(f"{type(obj).__name__} has no JSON form: it has more digits than a float")
    return value


def _array(array: NDArray[Any]) -> dict[str, Any]:
    kind, name = array.dtype.kind, array.dtype.name
    flat = array.ravel()
    value: list[Any]
    if kind in _PLAIN and array.dtype.itemsize <= 8:
        value = flat.tolist()
    elif kind == "c" and array.dtype.itemsize <= 16:
        value = [flat.real.tolist(), flat.imag.tolist()]
    elif kind in _TEXT:
        # numpy's own names of these, as str64, are none that it reads.
        name, value = f"U{max(array.dtype.itemsize // 4, 1)}", flat.tolist()
        if kind == "S":
            raise TypeError("an array of bytes has no JSON form")
    elif kind in _TIMES:
        value = flat.view(np.int64).tolist()
    elif kind == "O":
        value = [encode4js(item) for item in flat]
    else:
        raise TypeError(f"an array of dtype {name} has no JSON form")
    return {"__class__": "NDArray", "__shape__": list(array.shape), "__dtype__": name,
            "value": value}  # fmt: skip


def _encode_other(obj: Any) -> dict[str, Any]:
    """Objects of optional packages, which are there if an object of theirs is, and functions."""
    if (pandas := sys.modules.get("pandas")) is not None:
        if isinstance(obj, pandas.Series):
            return {"__class__": "PSeries", "index": encode4js(obj.index.to_numpy()),
                    "data": encode4js(obj.to_numpy()), "name": encode4js(obj.name)}  # fmt: skip
        if isinstance(obj, pandas.DataFrame):
            columns = [encode4js(obj.iloc[:, i].to_numpy()) for i in range(obj.shape[1])]
            return {"__class__": "PDataFrame", "index": encode4js(obj.index.to_numpy()),
                    "columns": [encode4js(name) for name in obj.columns],
                    "data": columns}  # fmt: skip
    if (package := sys.modules.get("uncertainties")) is not None and isinstance(
        obj, package.UFloat
    ):
        return {"__class__": "UFloat", "val": float(obj.nominal_value), "err": float(obj.std_dev)}
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if callable(obj) and isinstance(name, str):
        module = find_importer(obj) or getattr(obj, "__module__", None)
        return {"__class__": "Callable", "__name__": name, "importer": module}
    raise TypeError(f"{type(obj).__name__} has no JSON form, got {obj!r:.80}")


def decode4js(
    obj: Any,
    funcdefs: Mapping[str, Callable[..., Any]] | None = None,
    *,
    allow_imports: bool = False,
) -> Any:
    """The object that `encode4js` made ready for JSON, here or in lmfit.

    Nothing is unpickled: of a function that lmfit has stored, module and name are read. Without
    more, functions are loaded that do nothing but compute: fitcore's lineshapes, ufuncs of NumPy
    and of scipy.special, those of `math` and `operator`.

    Parameters
    ----------
    obj : object
        As from `json.loads`.
    funcdefs : dict of str to callable, optional
        Functions by name, which come first.
    allow_imports : bool, default False
        Whether functions may be imported from the module that `obj` names. That runs the module's
        code, and hands out any function there is: only for files that you trust.

    Returns
    -------
    object

    Raises
    ------
    FunctionNotLoaded
        A ValueError, for a function that is neither given nor may be imported.
    ValueError
        `obj` is not what `encode4js` makes.
    ImportError
        Of an optional package that `obj` needs, or of the module of a function.

    Examples
    --------
    >>> from fitcore.jsonutils import decode4js
    >>> decode4js({"__class__": "Tuple", "value": [1, {"__class__": "Complex", "value": [0, 1]}]})
    (1, 1j)
    >>> stored = {"__class__": "Callable", "__name__": "line", "importer": "my_models"}
    >>> decode4js(stored, {"line": lambda x: 2 * x})(3)
    6
    """
    if isinstance(obj, list):
        return [decode4js(item, funcdefs, allow_imports=allow_imports) for item in obj]
    if not isinstance(obj, dict):
        return obj

    def inner(value: Any) -> Any:
        return decode4js(value, funcdefs, allow_imports=allow_imports)

    kind = obj.get("__class__")
    if kind is None:
        return {key: inner(value) for key, value in obj.items()}
    if kind == "Callable":
        return _load(obj, funcdefs, allow_imports)
    decoder = _DECODERS.get(kind) if isinstance(kind, str) else None
    if decoder is None:
        raise ValueError(f"unknown __class__ {kind!r:.80} in JSON")
    try:
        return decoder(obj, inner)
    except FunctionNotLoaded:
        raise
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{kind} in JSON is not as encode4js writes it: {error!r}") from error


def _load(stored: Mapping[str, Any], given: Mapping[str, Any] | None, imports: bool) -> Any:
    name, module = stored.get("__name__"), stored.get("importer")
    if not isinstance(name, str):
        raise ValueError(f"a function in JSON must have a __name__, got {name!r:.80}")
    short = name.rpartition(".")[2]
    for key in (name, short):
        if given is not None and key in given:
            return given[key]
    if module is None and isinstance(value := stored.get("value"), str):
        module, name = _reference(value) or (None, name)
    found = _computing(module, name)
    if found is None and imports and isinstance(module, str) and "<" not in name:
        found = import_from(_ours(module), name)
    if callable(found):
        return found
    local = " (it has no name there)" if imports else ""
    allowing = "" if imports else ", or allow_imports=True if you trust the file"
    raise FunctionNotLoaded(
        f"function {name!r} of module {module!r} is not loaded from a file{local}: give it as "
        f"funcdefs={{{short!r}: ...}}{allowing}"
    )


def _computing(module: Any, name: str) -> Any:
    """A function that computes and no more, or None."""
    if not isinstance(module, str) or not name.isidentifier() or name.startswith("_"):
        return None
    if module in ("operator", "_operator"):
        return _found("operator", name) if name in _OPERATORS else None
    if module in _COMPUTING:
        found = _found(_ours(module), name)
        return found if getattr(found, "__module__", None) == _ours(module) else None
    for package in _WITH_UFUNCS:
        if module.split(".")[0] == package.split(".")[0]:
            found = _found(package, name)
            if isinstance(found, np.ufunc):
                return found
    return None


def _found(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def texts_in_pickle(value: str) -> tuple[list[str], set[str]]:
    """The texts in a pickle that lmfit has written, and the names of all other operations.

    It is not unpickled. Both are empty if it is no pickle.
    """
    texts: list[str] = []
    other = set()
    try:
        for code, argument, _ in pickletools.genops(b64decode(value)):
            if code.name in ("SHORT_BINUNICODE", "BINUNICODE"):
                texts.append(str(argument))
            else:
                other.add(code.name)
    except (ValueError, IndexError):
        return [], set()
    return texts, other


def _reference(value: str) -> tuple[str, str] | None:
    """Module and name in a pickle that holds them and no more.

    Older files of lmfit name the module nowhere else.
    """
    texts, other = texts_in_pickle(value)
    if len(texts) == 2 and other <= {"PROTO", "FRAME", "MEMOIZE", "STACK_GLOBAL", "STOP"}:
        return texts[0], texts[1]
    return None


def _ours(module: str) -> str:
    return module.replace("lmfit", "fitcore", 1) if module.startswith("lmfit.") else module


def _attribute(obj: Any, name: str) -> Any:
    for part in name.split("."):
        obj = getattr(obj, part, None)
    return obj


Inner = Callable[[Any], Any]


def _read_array(obj: Mapping[str, Any], inner: Inner) -> NDArray[Any]:
    value, shape, dtype = obj["value"], obj["__shape__"], np.dtype(str(obj["__dtype__"]))
    if dtype.kind == "O":
        array = np.empty(len(value), dtype=object)
        # Not all at once, as arrays among the items would be taken apart.
        for i, item in enumerate(value):
            array[i] = inner(item)
    elif dtype.kind == "c":
        array = np.empty(len(value[0]), dtype=dtype)
        array.real, array.imag = value
    elif dtype.kind in _TIMES:
        array = np.asarray(value, dtype=np.int64).view(dtype)
    elif dtype.kind in _PLAIN or dtype.kind == "U":
        array = np.asarray(value, dtype=dtype)
    else:
        raise ValueError(f"dtype {dtype}")
    return array.reshape(shape)


def _read_series(obj: Mapping[str, Any], inner: Inner) -> Any:
    pandas = extra("pandas", "a Series in JSON")
    if "value" in obj:
        return pandas.read_json(StringIO(obj["value"]), typ="series")
    return pandas.Series(inner(obj["data"]), index=inner(obj["index"]), name=inner(obj["name"]))


def _read_frame(obj: Mapping[str, Any], inner: Inner) -> Any:
    pandas = extra("pandas", "a DataFrame in JSON")
    if "value" in obj:
        return pandas.read_json(StringIO(obj["value"]))
    data = dict(enumerate(inner(column) for column in obj["data"]))
    frame = pandas.DataFrame(data, index=inner(obj["index"]))
    frame.columns = [inner(name) for name in obj["columns"]]
    return frame


def _read_ufloat(obj: Mapping[str, Any], inner: Inner) -> Any:
    uncertainties = extra("uncertainties", "a ufloat in JSON")
    return uncertainties.ufloat(float(obj["val"]), float(obj["err"]))


def _items(obj: Mapping[str, Any], inner: Inner) -> Iterable[Any]:
    return (inner(item) for item in obj["value"])


_DECODERS: dict[Any, Callable[[Mapping[str, Any], Inner], Any]] = {
    "Complex": lambda obj, inner: complex(*obj["value"]),
    "NDArray": _read_array,
    "MaskedArray": lambda obj, inner: np.ma.MaskedArray(inner(obj["data"]), inner(obj["mask"])),
    "Tuple": lambda obj, inner: tuple(_items(obj, inner)),
    "List": lambda obj, inner: list(_items(obj, inner)),
    "Dict": lambda obj, inner: {k: inner(v) for k, v in obj.items() if k != "__class__"},
    "Pairs": lambda obj, inner: {inner(key): inner(value) for key, value in obj["value"]},
    "PSeries": _read_series,
    "PDataFrame": _read_frame,
    "UFloat": _read_ufloat,
}
