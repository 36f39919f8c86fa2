"""``plan``: reads Azure, and shows what an apply would do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, file_option, option
from reconciler.cli.session import supervised
from reconciler.errors import UsageError
from reconciler.runtime import execute

if TYPE_CHECKING:
    from pathlib import Path


@options.command("plan")
@options.paths
@options.manifests
@options.selection
@options.shard
@file_option("--check", "plan_file", help="Check whether this saved plan still holds; exit 1 if it does not.")
@options.snapshot
@file_option("--out", help="Save the plan, for apply --plan.")
@option("--detailed-exitcode", is_flag=True, help="Exit 2 if there is something to PUT.")
@options.resume
@options.limits
@options.impact
@options.azure
@options.waiting
@options.output
def command(
    given: Given,
    plan_file: Path | None,
    snapshot: Path | None,
    out: Path | None,
    *,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do. Read-only."""
    if snapshot is not None and (out is not None or plan_file is not None):
        message = "--against-snapshot cannot be combined with --out or --check: a saved plan needs the live state"
        raise UsageError(message)
    run = make_run("plan", given, signs=snapshot is None)
    run = replace(run, plan_file=plan_file, snapshot=snapshot, out=out)
    report, signalled = supervised(given, lambda stop: execute.plan(run, stop))
    return finish(report, given, signalled, detailed_exitcode=detailed_exitcode)
