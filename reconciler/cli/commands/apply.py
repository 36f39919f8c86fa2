"""``apply``: plans afresh, and writes to Azure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion, options
from reconciler.cli.arguments import make_run, recording_of
from reconciler.cli.delivery import finish
from reconciler.cli.executor import LOCAL, check_executor
from reconciler.cli.options import Given, file_option, option
from reconciler.cli.session import supervised
from reconciler.runtime import execute
from reconciler.runtime.loop import timed
from reconciler.runtime.recording import recorded

if TYPE_CHECKING:
    from pathlib import Path


@options.command("apply")
@options.paths
@options.manifests
@options.selection
@options.shard
@options.reader
@options.executor
@options.cache
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
@option(
    "--repair",
    multiple=True,
    metavar="KIND/NAME",
    shell_complete=completion.addresses,
    help="Drop regions of this version whose replication failed, and add them again. Repeatable.",
)
@options.resume
@options.limits
@options.impact
@options.azure
@options.waiting
@options.recording()
@options.output
def command(
    given: Given, plan_file: Path | None, only: str | None, republish: tuple[str, ...], repair: tuple[str, ...]
) -> int:
    """Plan afresh, send the PUTs that are needed, wait for their end, and verify."""
    check_executor(given, *(["--plan"] if plan_file is not None else []))
    run = make_run("apply", given, signs=True, republish=republish)
    run = replace(run, plan_file=plan_file, only_drift=only == "drift", options=replace(run.options, repair=repair))
    if given.executor != LOCAL:
        from reconciler.cli.workers import run_on_workers  # noqa: PLC0415 (for this option only)

        extra = {"only_drift": run.only_drift, "republish": republish, "repair": repair}
        return run_on_workers(run, given, extra)
    kept = recording_of(run, given)
    ended, signalled = supervised(given, lambda stop: recorded(timed(run, execute.apply(run, stop)), kept, stop))
    return finish(ended.report, given, signalled)
