"""Models in JSON: built-in ones by name, functions by module and name, nothing as a pickle.

docs/json.md describes the format.
"""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fitcore._model_eval import nodes_of
from fitcore._model_signature import name_of
from fitcore.jsonutils import FunctionNotLoaded, decode4js, encode4js

if TYPE_CHECKING:
    import os

    from fitcore.model import Model

__all__ = ["FORMAT", "ModelInJson", "Reader", "encode_model", "load_model", "save_model"]

FORMAT = 1
"""Version of the format that is written; files of later ones are refused."""

OPERATORS = {"add": operator.add, "sub": operator.sub, "mul": operator.mul,
             "truediv": operator.truediv}  # fmt: skip

# Arguments of built-in models that are not those of all, and the attributes that hold them.
ARGUMENTS = {
    "PolynomialModel": {"degree": "poly_degree"},
    "SplineModel": {"xknots": "xknots"},
    "ExpressionModel": {"expr": "expr", "init_script": "init_script"},
}


class ModelInJson:
    """What `Model` has for JSON."""

    def _get_state(self) -> tuple[Any, Any, Any]:
        """State in lmfit's layout, of a model that is not composite: (dict, None, None)."""
        node: Any = self
        return (
            {
                "version": "2", "funcname": name_of(node.func), "funcdef": node.func,
                "name": node._name, "prefix": node.prefix,
                "independent_vars": node.independent_vars,
                "param_root_names": node._param_root_names, "param_hints": node.param_hints,
                "nan_policy": node.nan_policy, "opts": node.opts,
            },
            None, None,
        )  # fmt: skip

    def _set_state(self, state: tuple[Any, Any, Any]) -> Model:
        """The model of what `_get_state` returns."""
        from fitcore.model import Model

        own = state[0]
        model = Model(
            own["funcdef"], own["independent_vars"], own["param_root_names"], own["nan_policy"],
            own["prefix"], own["name"], **own["opts"],
        )  # fmt: skip
        model.param_hints = own["param_hints"]
        return model

    def dumps(self, **kws: Any) -> str:
        """The model as a JSON string, whose format docs/json.md describes.

        Built-in models are written by name, functions by module and name.

        Parameters
        ----------
        **kws
            Passed to `json.dumps`.

        Returns
        -------
        str

        Raises
        ------
        TypeError
            An option of the model has no form in JSON.

        Examples
        --------
        >>> from fitcore import Model
        >>> def line(x, slope, offset=0.0):
        ...     return slope * x + offset
        >>> text = Model(line, prefix="l_").dumps()
        >>> Model(line).loads(text, funcdefs={"line": line}).param_names
        ['l_slope', 'l_offset']
        """
        return json.dumps(encode_model(self), **kws)

    def dump(self, fp: IO[str], **kws: Any) -> int:
        """Write `dumps` to an open file; returns the number of characters."""
        return fp.write(self.dumps(**kws))

    def loads(
        self,
        s: str | bytes,
        funcdefs: Mapping[str, Callable[..., Any]] | None = None,
        *,
        allow_imports: bool = False,
        **kws: Any,
    ) -> Model:
        """Make the model of a JSON string, written here or by lmfit; this one does not change.

        Parameters
        ----------
        s : str or bytes
        funcdefs : dict of str to callable, optional
            Functions by name: those of models, and operators of composite ones.
        allow_imports : bool, default False
            Whether functions may be imported from the modules that the file names. That runs code
            of these modules: only for files that you trust.
        **kws
            Passed to `json.loads`.

        Returns
        -------
        Model

        Raises
        ------
        fitcore.jsonutils.FunctionNotLoaded
            A ValueError, for a function that is not built in, nor given, nor may be imported.
        ValueError
            It is no JSON, or not of a model.
        """
        return Reader(funcdefs, allow_imports).model(json.loads(s, **kws))

    def load(
        self,
        fp: IO[str],
        funcdefs: Mapping[str, Callable[..., Any]] | None = None,
        *,
        allow_imports: bool = False,
        **kws: Any,
    ) -> Model:
        """Make the model of an open file, as `loads`."""
        return self.loads(fp.read(), funcdefs, allow_imports=allow_imports, **kws)


def save_model(model: Model, fname: str | os.PathLike[str]) -> None:
    """Write a model to a file.

    Parameters
    ----------
    model : Model
    fname : path
        Overwritten if it is there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fitcore.model import Model, load_model, save_model
    >>> def line(x, slope, offset=0.0):
    ...     return slope * x + offset
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_model(Model(line, prefix="l_"), Path(directory, "model.json"))
    ...     model = load_model(Path(directory, "model.json"), {"line": line})
    >>> model
    Model(line, prefix='l_')
    """
    Path(fname).write_text(model.dumps(), encoding="utf-8")


def load_model(
    fname: str | os.PathLike[str],
    funcdefs: Mapping[str, Callable[..., Any]] | None = None,
    *,
    allow_imports: bool = False,
) -> Model:
    """Read a model from a file that :func:`save_model`, here or in lmfit, has written.

    Parameters
    ----------
    fname : path
    funcdefs : dict of str to callable, optional
        Functions by name.
    allow_imports : bool, default False
        Whether functions may be imported from the modules that the file names: only for files
        that you trust.

    Returns
    -------
    Model

    Raises
    ------
    fitcore.jsonutils.FunctionNotLoaded
        A ValueError, for a function that is not built in, nor given, nor may be imported.
    ValueError
        It is no JSON, or not of a model.
    OSError
        The file cannot be read.
    """
    reader = Reader(funcdefs, allow_imports)
    return reader.model(json.loads(Path(fname).read_text(encoding="utf-8")))


# ------------------------------------------------------------------------------ writing


def encode_model(model: Any) -> dict[str, Any]:
    """A model for JSON: its parts from left to right, each operation after both of its sides."""
    return {
        "__class__": "fitcore.Model", "__version__": FORMAT,
        "nodes": [_encode_node(node) for node in nodes_of(model)],
    }  # fmt: skip


def _encode_node(node: Any) -> dict[str, Any]:
    from fitcore.model import CompositeModel

    common = {"name": node._name, "nan_policy": node.nan_policy}
    hints = {"param_hints": encode4js(node.param_hints)}
    if isinstance(node, CompositeModel):
        known = [name for name, op in OPERATORS.items() if op is node.op]
        return {"op": known[0] if known else _encode_function(node.op), **common, **hints}
    kind = _builtin_name(node)
    out: dict[str, Any] = {"model": kind or "Model"}
    if kind:
        arguments = ARGUMENTS.get(kind, {})
        out["arguments"] = {
            name: encode4js(getattr(node, attribute)) for name, attribute in arguments.items()
        }
    else:
        out["function"] = _encode_function(node.func, node._name)
        out["param_names"] = node._param_root_names
        out["values"] = encode4js(node.def_vals)
    if node.jac is not None and not kind:
        out["jac"] = _encode_function(node.jac)
    return out | common | {
        "prefix": node.prefix, "independent_vars": node.independent_vars,
        "options": encode4js(node.opts), **hints,
    }  # fmt: skip


def _builtin_name(node: Any) -> str:
    """Name of the class of a built-in model; empty for others."""
    name = type(node).__name__
    # The module of the built-in ones is there if a model of theirs is.
    models = sys.modules.get("fitcore.models")
    return name if models is not None and _builtin_class(models, name) is type(node) else ""


def _builtin_class(models: Any, name: Any) -> Any:
    from fitcore.model import CompositeModel, Model

    found = getattr(models, name, None) if isinstance(name, str) else None
    if isinstance(found, type) and issubclass(found, Model):
        return None if found in (Model, CompositeModel) else found
    return None


def _encode_function(func: Any, name: str | None = None) -> dict[str, Any]:
    try:
        encoded: dict[str, Any] = encode4js(func)
    except TypeError:
        # An object that is called, or a partial: it has no name in a module.
        return {"__class__": "Callable", "__name__": name or name_of(func), "importer": None}
    return encoded


# ------------------------------------------------------------------------------ reading


class Reader:
    """What reads models: who calls it decides which functions it may load.

    Parameters
    ----------
    funcdefs : dict of str to callable, optional
    allow_imports : bool
    """

    def __init__(
        self, funcdefs: Mapping[str, Callable[..., Any]] | None = None, allow_imports: bool = False
    ) -> None:
        self.funcdefs = dict(funcdefs or {})
        self.allow_imports = bool(allow_imports)
        for name, func in self.funcdefs.items():
            if not callable(func):
                raise TypeError(f"funcdefs[{name!r}] must be callable, got {func!r:.80}")

    def decode(self, value: Any) -> Any:
        """As `decode4js`, with what the caller has given and allowed."""
        return decode4js(value, self.funcdefs, allow_imports=self.allow_imports)

    def model(self, stored: Any) -> Model:
        """The model that `encode_model`, or lmfit, has made ready for JSON."""
        kind = stored.get("__class__") if isinstance(stored, dict) else None
        if kind in ("fitcore.ModelResult", "lmfit.ModelResult"):
            raise ValueError("the JSON holds a ModelResult: read it with load_modelresult")
        try:
            if kind == "fitcore.Model":
                check_version(stored)
                return self._from_nodes(stored["nodes"])
            from fitcore._lmfit_json import model_of_lmfit

            return model_of_lmfit(self, stored)
        except FunctionNotLoaded:
            raise
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"the JSON does not hold a Model: {error!r}") from error

    def _from_nodes(self, nodes: list[dict[str, Any]]) -> Model:
        from fitcore.model import CompositeModel

        stack: list[Any] = []
        for node in nodes:
            if "op" not in node:
                stack.append(self.leaf(node))
                continue
            right = stack.pop()
            made = CompositeModel(stack.pop(), right, self.operator(node["op"]))
            _restore(self, made, node)
            made.nan_policy = node["nan_policy"]
            stack.append(made)
        (model,) = stack
        return model  # type: ignore[no-any-return]

    def leaf(self, node: Mapping[str, Any]) -> Model:
        """A model that is not composite."""
        from fitcore.model import Model

        settings = {
            "independent_vars": node["independent_vars"], "nan_policy": node["nan_policy"],
            **self.decode(node["options"]),
        }  # fmt: skip
        if node["prefix"]:
            settings["prefix"] = node["prefix"]
        if node["model"] != "Model":
            made = _builtin_class(import_module("fitcore.models"), node["model"])
            if made is None:
                raise ValueError(f"there is no built-in model {node['model']!r:.80}")
            arguments = {name: self.decode(v) for name, v in node.get("arguments", {}).items()}
            model = made(**arguments, **settings)
        else:
            if node.get("jac") is not None:
                settings["jac"] = self.decode(node["jac"])
            function = self.function(node["function"], node["name"])
            model = Model(function, param_names=node["param_names"], **settings)
            model.def_vals = self.decode(node["values"])
        _restore(self, model, node)
        return model  # type: ignore[no-any-return]

    def function(self, stored: Any, name: str | None = None) -> Callable[..., Any]:
        """The function of a model, which may be given by the name of the model too."""
        if isinstance(stored, dict) and stored.get("__name__") not in self.funcdefs:
            given = self.funcdefs.get(str(name))
            if given is not None:
                return given
        return self.decode(stored)  # type: ignore[no-any-return]

    def operator(self, stored: Any) -> Callable[..., Any]:
        """The operator of a composite model."""
        if isinstance(stored, str):
            found = self.funcdefs.get(stored) or OPERATORS.get(stored)
            if found is None:
                raise FunctionNotLoaded(
                    f"operator {stored!r} of a CompositeModel: give it as "
                    f"funcdefs={{{stored!r}: ...}}"
                )
            return found
        return self.decode(stored)  # type: ignore[no-any-return]


def _restore(reader: Reader, model: Any, node: Mapping[str, Any]) -> None:
    model._name = node["name"]
    model.param_hints = reader.decode(node["param_hints"])


def check_version(stored: Mapping[str, Any]) -> None:
    """Refuse what a later version has written.

    Raises
    ------
    ValueError
    """
    version = stored.get("__version__")
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise ValueError(
            f"{stored.get('__class__')} in JSON has the format {version!r:.20}: this version of "
            f"fitcore reads up to {FORMAT}"
        )
