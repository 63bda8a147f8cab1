"""What the reference needs besides autodoc.

It has every public name: one that it lacks is a warning, and so an error. Pages that docstrings
name become links.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import fitcore

logger = logging.getLogger(__name__)


def public_modules() -> Iterator[Any]:
    """The package and its modules and packages without an underscore, those that are built."""
    yield fitcore
    for found in pkgutil.iter_modules(fitcore.__path__, "fitcore."):
        if not found.name.rpartition(".")[2].startswith("_"):
            try:
                yield importlib.import_module(found.name)
            except ImportError as problem:  # the originals, in a build without them
                logger.info("%s is left out: %s", found.name, problem)


def look(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each name in `__all__` of a public module that no page describes."""
    described = set(env.get_domain("py").data["objects"])
    public = [
        (f"{module.__name__}.{name}", getattr(module, name))
        for module in public_modules()
        for name in getattr(module, "__all__", ())
    ]
    # Under one of the names that it has: fitcore.minimize is fitcore.minimizer.minimize too.
    known = {id(value) for name, value in public if name in described}
    for name, value in public:
        if name not in described and id(value) not in known:
            logger.warning("%s is public and not in the reference", name)


def link(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Pages of docs/ that a docstring names are links here."""
    lines[:] = [re.sub(r"docs/(\w+)\.md", r":doc:`/\1`", line) for line in lines]


def flatten(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Sections of a module's docstring become plain titles: the page has sections of its own."""
    if what == "module":
        for i in range(len(lines) - 1, 0, -1):
            if lines[i] and set(lines[i]) == {"-"}:
                lines[i - 1 : i + 1] = [f".. rubric:: {lines[i - 1]}", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("env-check-consistency", look)
    app.connect("autodoc-process-docstring", flatten)
    app.connect("autodoc-process-docstring", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
