"""The command with its subcommands, and the statuses it exits with."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import click

import fitcore
from fitcore.cli.fit import fit
from fitcore.cli.info import info
from fitcore.cli.selftest import selftest

__all__ = ["command", "run"]

INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fitcore.__version__, prog_name="fitcore")
def command() -> None:
    """Fit models to data at native speed.

    Exits with 0 if all went well, 1 if a fit failed or did not converge, 2 for wrong usage or
    input that cannot be used. Results go to stdout, all else to stderr.
    """


command.add_command(fit)
command.add_command(info)
command.add_command(selftest)


def run() -> None:
    """Run the command with the arguments of this process."""
    # A warning of numpy or of a fit is a line for the user, not a place in our source.
    warnings.showwarning = show_warning
    try:
        status = command.main(prog_name="fitcore", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("fitcore: interrupted", err=True)
        status = INTERRUPTED
    except click.ClickException as exc:
        exc.show()
        status = exc.exit_code
    except BrokenPipeError:
        # Who reads has enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    raise SystemExit(status)


def show_warning(message: Any, *_args: Any, **_kws: Any) -> None:
    """Print a warning as one line."""
    click.echo(f"fitcore: warning: {message}", err=True)
