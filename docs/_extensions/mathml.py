"""Formulas as MathML, which browsers show by themselves: without scripts, without a network.

What is not understood is a warning of the build.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def convert(node: nodes.Node, *, block: bool) -> str:
    """The MathML of a node; its source where it is not understood."""
    source = node.astext().strip()
    try:
        return str(latex2mathml.tex2mathml(source, as_block=block))
    except MathError as problem:
        logger.warning("formula not understood: %s in %s", problem, source, location=node)
        return f"<code>{source}</code>"


def inline(translator: Any, node: nodes.Node) -> None:
    """A formula in the text."""
    translator.body.append(convert(node, block=False))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.Node) -> None:
    """A formula of its own."""
    translator.body.append(f'<div class="formula">{convert(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
