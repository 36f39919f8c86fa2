"""``apply``: plans afresh, and writes to Azure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion, options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, file_option, option
from reconciler.cli.session import supervised
from reconciler.runtime import execute

if TYPE_CHECKING:
    from pathlib import Path


@options.command("apply")
@options.paths
@options.manifests
@options.selection
@file_option("--plan", "plan_file", help="Apply this saved plan; refuse each item that has changed since.")
@option(
    "--only",
    type=click.Choice(["drift"]),
    help="Repair what changed outside git; leave what is pending in git.  [default: both]",
)
@option(
    "--republish",
    multiple=True,
    metavar="KIND/NAME",
    shell_complete=completion.addresses,
    help="PUT this resource once, even without a difference. Repeatable.",
)
@options.limits
@options.azure
@options.waiting
@options.output
def command(given: Given, plan_file: Path | None, only: str | None, republish: tuple[str, ...]) -> int:
    """Plan afresh, send the PUTs that are needed, wait for their end, and verify."""
    run = make_run("apply", given, signs=True, republish=republish)
    run = replace(run, plan_file=plan_file, only_drift=only == "drift")
    report, signalled = supervised(given, lambda stop: execute.apply(run, stop))
    return finish(report, given, signalled)
