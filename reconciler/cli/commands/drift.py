"""``drift``: reads Azure, and reports where it differs from git."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, option
from reconciler.cli.session import supervised
from reconciler.runtime import execute

if TYPE_CHECKING:
    from pathlib import Path


@options.command("drift")
@options.paths
@options.manifests
@options.selection
@options.snapshot
@option("--detailed-exitcode", is_flag=True, help="Exit 3 if all differences are pending in git.")
@options.limits
@options.azure
@options.waiting
@options.output
def command(given: Given, snapshot: Path | None, *, detailed_exitcode: bool) -> int:
    """Report where Azure differs from git; exit 2 if it does. Read-only."""
    run = replace(make_run("drift", given), snapshot=snapshot)
    report, signalled = supervised(given, lambda stop: execute.plan(run, stop))
    return finish(report, given, signalled, detailed_exitcode=detailed_exitcode)
