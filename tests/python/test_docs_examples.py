"""Every Python block of the pages in docs/ does what the page says, and so do the examples."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from markdown_examples import DigitsShown, blocks, run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for page in (ROOT / "docs").rglob("*.md")
    if not {"_build", "gallery"} & {part.name for part in page.parents}
    and blocks(page.read_text(encoding="utf-8"))
)
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "nist_demo")


@pytest.fixture
def aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files are written elsewhere, and pictures are shown to nobody."""
    monkeypatch.chdir(tmp_path)
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_backend()
    plt.switch_backend("Agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    yield plt
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_the_code_of_a_page_does_what_the_page_says(page: Path, aside: Any) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    missing = set()
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.run_by:
            assert (ROOT / block.run_by).is_file(), f"{page}:{block.line}"
        elif block.needs and not find_spec(block.needs):
            missing.add(block.needs)
        else:
            run(block, names, page)
    if missing:
        pytest.skip(f"allowed: blocks that need {', '.join(sorted(missing))} are left out")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_gallery_runs_and_draws(path: Path, aside: Any) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert aside.get_fignums()


def test_a_page_that_shows_another_number_or_word_is_seen() -> None:
    same = DigitsShown().check_output
    assert same("a = 1.23 +/- 4e-05\n", "a = 1.2312 +/- 4.01e-05\n", 0)
    assert not same("a = 1.23\n", "a = 1.26\n", 0)
    assert not same("12 fits\n", "13 fits\n", 0)
    assert not same("a = 1.23\n", "b = 1.23\n", 0)
    assert not same("nan\n", "1.0\n", 0)


def test_blocks_are_found_with_their_lines_and_marks() -> None:
    page = "a\n\n<!-- needs: numba -->\n```python\nx = 1\n```\n\n```sh\nls\n```\n"
    page += "\n````pycon\n>>> 1\n1\n````\n"
    page += "\n<!-- run by: here -->\n\n```python\ny\n```\n"
    found = [(b.code, b.line, b.needs, b.run_by) for b in blocks(page)]
    assert found == [
        ("x = 1\n", 5, "numba", None),
        (">>> 1\n1\n", 13, None, None),
        ("y\n", 20, None, "here"),
    ]
