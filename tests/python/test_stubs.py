"""Type stubs say what the compiled modules have, and modules export what `__all__` names."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import types
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import fitcore

# What Cython's modules share: nothing to import.
SHARED = "_cyutility"
# Modules that the build may leave out.
ABSENT = set() if find_spec("fitcore._originals") else {"_originals", "originals"}
STUBS = sorted(
    path.name.removesuffix(".pyi")
    for path in Path(fitcore.__file__).parent.glob("*.pyi")
    if path.name.removesuffix(".pyi") not in ABSENT
)
PUBLIC = [
    "fitcore",
    *(
        f"fitcore.{module.name}"
        for module in pkgutil.iter_modules(fitcore.__path__)
        if module.name[0] != "_" and module.name not in ABSENT
    ),
]
Shape = list[tuple[str, str, bool]]


def stub(name: str) -> ast.Module:
    return ast.parse((files(fitcore) / f"{name}.pyi").read_text(encoding="utf-8"))


def constant(node: ast.AST) -> Any:
    return ast.literal_eval(node)  # type: ignore[arg-type]


def shape_of_stub(node: ast.FunctionDef, method: bool) -> Shape:
    """Name and kind of each argument, and whether it has a default."""
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    first = len(plain) - len(args.defaults)
    shape = [
        (arg.arg, "only" if i < len(args.posonlyargs) else "plain", i >= first)
        for i, arg in enumerate(plain)
    ]
    shape += [(args.vararg.arg, "*", False)] if args.vararg else []
    shape += [
        (arg.arg, "keyword", default is not None)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    shape += [(args.kwarg.arg, "**", False)] if args.kwarg else []
    decorators = [ast.unparse(d) for d in node.decorator_list]
    return shape[1:] if method and "staticmethod" not in decorators else shape


def shape_of(function: Any, method: bool) -> Shape | None:
    """The same of what there is; None if it does not tell."""
    kind = inspect.Parameter
    words = {
        kind.POSITIONAL_ONLY: "only", kind.POSITIONAL_OR_KEYWORD: "plain",
        kind.VAR_POSITIONAL: "*", kind.KEYWORD_ONLY: "keyword", kind.VAR_KEYWORD: "**",
    }  # fmt: skip
    try:
        given = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return None
    if [p.name for p in given] == ["self", "args", "kwargs"]:
        return None  # a slot of a type, which takes anything
    if method and given and given[0].name in ("self", "cls"):
        given = given[1:]
    return [(p.name, words[p.kind], p.default is not p.empty) for p in given]


def defined(body: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """The statements of a stub by the names that they define."""
    found: dict[str, list[ast.stmt]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node)
    return found


def differences(nodes: list[ast.stmt], real: Any, where: str, method: bool = False) -> list[str]:
    """What a stub says otherwise than a function or class is."""
    node = nodes[0]
    if isinstance(node, ast.ClassDef):
        members = defined(node.body)
        wrong = []
        for name, some in members.items():
            if not hasattr(real, name):
                # Attributes that `cdef public` makes are there; others are set by __init__.
                if not isinstance(some[0], ast.AnnAssign):
                    wrong.append(f"{where}.{name} is not there")
            elif isinstance(some[0], ast.FunctionDef):
                wrong += differences(some, getattr(real, name), f"{where}.{name}", True)
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        inherited = {n for base in real.__mro__[1:] if base.__name__ in bases for n in dir(base)}
        own = {n for n in vars(real) if not n.startswith("_")}
        wrong += [f"{where}.{n} is not in the stub" for n in sorted(own - set(members) - inherited)]
        return wrong
    if not isinstance(node, ast.FunctionDef) or len(nodes) > 1 or not callable(real):
        return []  # constants, overloads, properties
    if method and node.name.startswith("__") and node.name not in ("__init__", "__call__"):
        return []  # slots, whose arguments have other names
    said, found = shape_of_stub(node, method), shape_of(real, method)
    if found is None or said == found:
        return []
    return [f"{where} has {found}, its stub {said}"]


@pytest.mark.parametrize("name", STUBS)
def test_stubs_have_the_names_and_arguments_of_the_modules(name: str) -> None:
    module = importlib.import_module(f"fitcore.{name}")
    found = defined(stub(name).body)
    wrong = []
    for key, nodes in found.items():
        if key == "__all__":
            continue
        if not hasattr(module, key):
            if not key.startswith("_"):  # else a name for types alone
                wrong.append(f"{name}.{key} is not there")
            continue
        wrong += differences(nodes, getattr(module, key), f"{name}.{key}")
    assert wrong == []


@pytest.mark.parametrize("name", STUBS)
def test_stubs_export_what_the_modules_export(name: str) -> None:
    module = importlib.import_module(f"fitcore.{name}")
    exported = getattr(module, "__all__", None)
    if exported is None:
        assert name[0] == "_", "a public module needs __all__"
        return
    listed = defined(stub(name).body).get("__all__")
    assert listed is not None, f"fitcore/{name}.pyi has no __all__"
    node = listed[0]
    assert isinstance(node, ast.Assign)
    assert sorted(constant(node.value)) == sorted(exported)


def test_all_compiled_modules_have_stubs() -> None:
    from importlib.machinery import EXTENSION_SUFFIXES

    for info in pkgutil.iter_modules(fitcore.__path__):
        spec = find_spec(f"fitcore.{info.name}")
        if spec is not None and (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES)):
            assert info.name in [*STUBS, SHARED]


def test_the_package_says_that_it_is_typed() -> None:
    assert (files(fitcore) / "py.typed").is_file()


@pytest.mark.parametrize("name", PUBLIC)
def test_modules_show_what_they_export_and_nothing_else(name: str) -> None:
    module = importlib.import_module(name)
    exported = module.__all__
    assert len(set(exported)) == len(exported)
    for key in exported:
        assert hasattr(module, key), key
    shown = {key for key in dir(module) if not key.startswith("_")}
    assert shown == set(exported)


def test_importing_everything_brings_the_public_names_alone() -> None:
    space: dict[str, Any] = {}
    exec("from fitcore import *", space)
    del space["__builtins__"]
    assert set(space) == set(fitcore.__all__)
    modules = {n for n, value in vars(fitcore).items() if isinstance(value, types.ModuleType)}
    rest = {n for n in vars(fitcore) if not n.startswith("_")} - modules
    assert rest <= set(fitcore.__all__)
