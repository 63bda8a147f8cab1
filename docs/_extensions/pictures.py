"""Pictures of a page, drawn by its own code: the blocks marked `<!-- picture: what it shows -->`.

The page is run from the top, as tests/markdown_examples.py does it, and each picture stands below
the block that drew it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from markdown_examples import blocks, run

logger = logging.getLogger(__name__)


def draw(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the pictures of a page into its text."""
    page = source[0]
    found = blocks(page)
    if not any(block.picture for block in found):
        return
    folder = Path(app.srcdir) / "_pictures"
    folder.mkdir(exist_ok=True)
    names: dict[str, Any] = {"__name__": "__main__"}
    done, shown = 0, ""
    for number, block in enumerate(found):
        try:
            run(block, names, Path(app.env.doc2path(docname)))
        except Exception as problem:  # noqa: BLE001  # whatever an example raises
            logger.warning("an example fails: %r", problem, location=(docname, block.line))
            return
        if block.picture:
            file = f"{docname.replace('/', '_')}_{number}.png"
            plt.gcf().savefig(folder / file, dpi=130, facecolor="white")
            plt.close("all")
            shown += f"{page[done : block.end]}\n\n![{block.picture}](/_pictures/{file})\n"
            done = block.end
    source[0] = shown + page[done:]


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    plt.switch_backend("Agg")
    app.connect("source-read", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
