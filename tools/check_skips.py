"""Fail if a test was skipped that should have run, or if no test ran at all.

    python tools/check_skips.py [--only-core] REPORT.xml...

Reads the JUnit reports of pytest. A test that cannot run where it is (another operating system,
another version of Python) says so in its reason, which then begins with "allowed:"; expected
failures are not skips. With --only-core a test may also be skipped for want of a package: that is
where fitcore is installed without extras.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ALLOWED = "allowed:"
# pytest's words for what cannot be imported, and those of tests/originals.py
MISSING = "|".join((
    r"could not import '(?!fitcore)", r"[\w.]+ cannot be imported",
    "this build of fitcore is without the originals",
))  # fmt: skip


def reason(skip: ET.Element) -> str:
    """Why a test was skipped, or a module as a whole."""
    if skip.get("message") == "collection skipped":
        # pytest keeps of a module where it was skipped, and why: a tuple, as text.
        _, _, told = ast.literal_eval(skip.text or "")
    else:
        told = skip.get("message", "")
    return str(told).removeprefix("Skipped: ")


def skipped(report: Path, leave: str) -> tuple[int, list[str]]:
    """The number of tests in a report, and those skipped without leave, with their reasons.

    `leave` is a regular expression for how the reason of a test begins that may be skipped.
    """
    cases = list(ET.parse(report).getroot().iter("testcase"))
    missed = []
    for case in cases:
        skip = case.find("skipped")
        if skip is None or skip.get("type") == "pytest.xfail":
            continue
        why = reason(skip)
        if not re.match(leave, why):
            missed.append(f"{case.get('classname')}::{case.get('name')}: {why}")
    return len(cases), missed


def main() -> int:
    """Return 0 if all is well, 1 if a test was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.xml")
    parser.add_argument("--only-core", action="store_true", help="packages may be missing")
    options = parser.parse_args()
    failed = False
    for report in options.reports:
        count, missed = skipped(report, f"{ALLOWED}|{MISSING}" if options.only_core else ALLOWED)
        for line in missed:
            print(f"skipped, and should have run: {line}", file=sys.stderr)
        if not count:
            print(f"{report}: no test ran", file=sys.stderr)
        failed = failed or bool(missed) or not count
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
