"""What `import fitcore` costs, in a new process."""

from __future__ import annotations


def timeraw_import() -> str:
    return "import fitcore"
