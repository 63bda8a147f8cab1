"""`fitcore info`: what this build was made with, and which extras are there."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

import click

import fitcore

__all__ = ["extras", "info"]

REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+).*;.*extra\s*==\s*['\"]([^'\"]+)['\"]")


def extras() -> dict[str, dict[str, str | None]]:
    """The packages of each extra with the version that is installed, None where it is not.

    Returns
    -------
    dict of str to dict
        By the names of extras; `all` is left out, as it holds the others.
    """
    found: dict[str, dict[str, str | None]] = {}
    for line in metadata("fitcore").get_all("Requires-Dist") or ():
        match = REQUIREMENT.match(line)
        if match is None or match[1] == "fitcore":
            continue
        package, extra = match.groups()
        try:
            found.setdefault(extra, {})[package] = version(package)
        except PackageNotFoundError:
            found.setdefault(extra, {})[package] = None
    return found


def _lines(found: dict[str, dict[str, str | None]]) -> list[str]:
    lines = ["extras"]
    for extra, packages in found.items():
        there = [f"{name} {number}" for name, number in packages.items() if number]
        if len(there) < len(packages):
            lacking = ", ".join(name for name, number in packages.items() if not number)
            there.append(f"{lacking} not installed: pip install fitcore[{extra}]")
        lines.append(f"  {extra + ':':<18} {', '.join(there)}")
    return lines


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def info(as_json: bool) -> None:
    """Show versions, compilers, options of this build, and which extras are installed."""
    found = extras()
    if as_json:
        shown: dict[str, Any] = {**fitcore.show_config(mode="dicts"), "extras": found}
        click.echo(json.dumps(shown, indent=2))
        return
    fitcore.show_config()
    click.echo("\n".join(_lines(found)))
