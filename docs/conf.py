"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import fitcore

project = "fitcore"
author = "The fitcore developers"
copyright = f"2026, {author}"  # noqa: A001  # Sphinx's name for it
version = release = fitcore.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "pictures",
    "reference",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

# A reference that leads nowhere is an error.
nitpicky = True
# What others document: the build needs no network. And a word that numpydoc takes for an object.
nitpick_ignore_regex = [(r"py:.*", r"(emcee|numpy|scipy)(\..*)?"), ("py:obj", "kind")]
# Of the examples that are no part of the gallery.
suppress_warnings = ["sphinx_gallery.duplicate_filename"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say it, and in words
autodoc_member_order = "groupwise"
autosummary_generate = False
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_validation_checks: set[str] = set()
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "fitcore"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["fitcore.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"tutorial": [], "index": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    # `make demo`, a program with arguments; and those that build or compile something.
    "ignore_pattern": r"nist_demo\.py|/(cffi|cython|numba)/",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "plot_gallery": True,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "backreferences_dir": None,
    "min_reported_time": 1000,
}
