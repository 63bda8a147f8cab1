"""Write which lines of the Fortran have run, as Cobertura's XML, which gcovr and others read.

    python tools/fortran_coverage.py BUILD REPORT.xml [--gcov COMMAND]

BUILD is a build directory configured with --coverage for Fortran, after what is to be measured has
run. A file that is compiled several times, for several instruction sets, is one file here. gcovr
would read such a build by itself but for the files that are included, which gfortran names as the
include line does, without their directory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "fortran"


def line_counts(build: Path, gcov: str) -> dict[Path, Counter[int]]:
    """How often each line of code ran, for each file of SOURCES but what builds with the originals.

    Threads that count at once may lose counts, and leave a negative one.
    """
    here = {path.name: path for path in SOURCES.rglob("*.*") if path.parent.name != "originals"}
    notes = sorted((build / "src" / "fortran").rglob("*.gcno"))
    found = subprocess.run([gcov, "--json-format", "--stdout", *notes], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True, text=True)  # fmt: skip
    counts: defaultdict[Path, Counter[int]] = defaultdict(Counter)
    for document in found.stdout.splitlines():
        for file in json.loads(document)["files"]:
            if path := here.get(Path(file["file"]).name):
                for line in file["lines"]:
                    counts[path][line["line_number"]] += max(line["count"], 0)
    return counts


def cobertura(counts: dict[Path, Counter[int]]) -> ET.ElementTree:
    """The same as a document."""
    coverage = ET.Element("coverage")
    ET.SubElement(ET.SubElement(coverage, "sources"), "source").text = str(ROOT)
    packages = ET.SubElement(coverage, "packages")
    for path in sorted(counts):
        package = ET.SubElement(packages, "package", name=path.parent.name)
        file = ET.SubElement(ET.SubElement(package, "classes"), "class", name=path.stem,
                             filename=str(path.relative_to(ROOT)))  # fmt: skip
        lines = ET.SubElement(file, "lines")
        for number in sorted(counts[path]):
            ET.SubElement(lines, "line", number=str(number), hits=str(counts[path][number]))
    return ET.ElementTree(coverage)


def main() -> int:
    """Return 0 if the report was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("build", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--gcov", default="gcov", help="that of the compiler")
    options = parser.parse_args()
    counts = line_counts(options.build, options.gcov)
    if not counts:
        print(f"{options.build} was not built with --coverage for Fortran", file=sys.stderr)
        return 1
    cobertura(counts).write(options.report, encoding="utf-8", xml_declaration=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
