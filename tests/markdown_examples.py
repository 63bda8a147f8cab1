"""The Python code blocks of a Markdown page, executed in their order as a reader would.

A page is one session: what a block defines is there in the next ones. A block with prompts is
compared with the output that the page shows, numbers to the digits shown. A comment right before a
block says what is special about it, and does not show in the page:

    <!-- needs: numba -->                        run only where this is installed
    <!-- run by: tests/linking/test_linking.py -->   not run here but by that test
    <!-- picture: data and fit -->               draws a figure, which the site shows below it
"""

from __future__ import annotations

import doctest
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>needs|run by|picture): (?P<what>.+?) -->\n+)?"
    r"^(?P<ticks>`{3,}|:{3,})(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=ticks)\s*$",
    re.MULTILINE | re.DOTALL,
)
PYTHON = {"python", "pycon"}
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")


@dataclass(frozen=True)
class Block:
    """One block: its code, its first line, where it ends, and what the comment before it says."""

    code: str
    line: int
    end: int
    needs: str | None = None
    run_by: str | None = None
    picture: str | None = None


def blocks(page: str) -> list[Block]:
    """The Python blocks of a page."""
    found = []
    for match in FENCE.finditer(page):
        if match["info"].strip() in PYTHON:
            line = page.count("\n", 0, match.start("code")) + 1
            marks = {match["mark"].replace(" ", "_"): match["what"]} if match["mark"] else {}
            found.append(Block(match["code"], line, match.end(), **marks))
    return found


class DigitsShown(doctest.OutputChecker):
    """Numbers may differ by two units of the last digit shown, or in the eighth."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Whether they agree."""
        if super().check_output(want, got, optionflags):
            return True
        if len(wanted := NUMBER.findall(want)) != len(found := NUMBER.findall(got)):
            return False
        return NUMBER.sub("#", want).split() == NUMBER.sub("#", got).split() and all(
            map(_agree, wanted, found)
        )


def _agree(want: str, got: str) -> bool:
    a, b = float(want), float(got)
    if not (math.isfinite(a) and math.isfinite(b)):
        return want == got
    if re.fullmatch(r"[-+]?\d+", want):
        return a == b
    mantissa, _, exponent = want.lower().partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(a - b) <= max(2.001 * unit, 1e-7 * abs(a))


def run(block: Block, names: dict[str, Any], path: Path) -> None:
    """Execute a block; AssertionError if it prints something else than the page says."""
    if ">>>" not in block.code:
        exec(compile("\n" * (block.line - 1) + block.code, str(path), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.code, {}, path.name, str(path), block.line - 1)
    test.globs = names
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    report: list[str] = []
    doctest.DocTestRunner(DigitsShown(), verbose=False, optionflags=flags).run(
        test, out=report.append, clear_globs=False
    )
    assert not report, "".join(report)
