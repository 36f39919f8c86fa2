"""``drift``: reads Azure, and reports where it differs from git."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.cli import options
from reconciler.cli.arguments import make_run, recording_of
from reconciler.cli.delivery import finish
from reconciler.cli.executor import LOCAL, check_executor
from reconciler.cli.options import Given, option
from reconciler.cli.session import supervised
from reconciler.runtime import execute
from reconciler.runtime.loop import timed
from reconciler.runtime.recording import recorded

if TYPE_CHECKING:
    from pathlib import Path


@options.command("drift")
@options.paths
@options.manifests
@options.selection
@options.shard
@options.reader
@options.executor
@options.cache
@options.snapshot
@option("--detailed-exitcode", is_flag=True, help="Exit 3 if all differences are pending in git.")
@options.limits
@options.impact
@options.azure
@options.waiting
@options.recording()
@options.output
def command(given: Given, snapshot: Path | None, *, detailed_exitcode: bool) -> int:
    """Report where Azure differs from git; exit 2 if it does. Read-only."""
    check_executor(given, *(["--against-snapshot"] if snapshot is not None else []))
    run = replace(make_run("drift", given), snapshot=snapshot)
    if given.executor != LOCAL:
        from reconciler.cli.workers import run_on_workers  # noqa: PLC0415 (for this option only)

        return run_on_workers(run, given, {}, detailed_exitcode=detailed_exitcode)
    kept = recording_of(run, given)
    ended, signalled = supervised(given, lambda stop: recorded(timed(run, execute.plan(run, stop)), kept, stop))
    return finish(ended.report, given, signalled, detailed_exitcode=detailed_exitcode)
