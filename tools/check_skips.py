"""Fail if a test was skipped that should have run, or if no test ran at all.

    python tools/check_skips.py REPORT.xml...

Reads the JUnit reports of pytest. A test that cannot run where it is (another operating system,
another version of Python) says so in its reason, which then begins with "allowed:"; expected
failures are not skips.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ALLOWED = "allowed:"


def skipped(report: Path) -> tuple[int, list[str]]:
    """The number of tests in a report, and those skipped without leave, with their reasons."""
    cases = list(ET.parse(report).getroot().iter("testcase"))
    missed = []
    for case in cases:
        skip = case.find("skipped")
        if skip is None or skip.get("type") == "pytest.xfail":
            continue
        reason = skip.get("message", "")
        if not reason.removeprefix("Skipped: ").startswith(ALLOWED):
            missed.append(f"{case.get('classname')}::{case.get('name')}: {reason}")
    return len(cases), missed


def main() -> int:
    """Return 0 if all is well, 1 if a test was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.xml")
    failed = False
    for report in parser.parse_args().reports:
        count, missed = skipped(report)
        for line in missed:
            print(f"skipped, and should have run: {line}", file=sys.stderr)
        if not count:
            print(f"{report}: no test ran", file=sys.stderr)
        failed = failed or bool(missed) or not count
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
