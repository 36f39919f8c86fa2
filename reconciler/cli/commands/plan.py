"""``plan``: reads Azure, and shows what an apply would do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from reconciler.azure.resource_graph import PATH
from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.executor import LOCAL, check_executor
from reconciler.cli.options import Given, file_option, option
from reconciler.cli.session import supervised
from reconciler.errors import ManifestError, UsageError
from reconciler.plan.exit_codes import ExitCode
from reconciler.plan.reads import shown
from reconciler.runtime import execute, streams
from reconciler.runtime.output import write_stdout

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.runtime.run import Run


@options.command("plan")
@options.paths
@options.manifests
@options.selection
@options.shard
@options.reader
@options.executor
@options.cache
@file_option("--check", "plan_file", help="Check whether this saved plan still holds; exit 1 if it does not.")
@options.snapshot
@file_option("--out", help="Save the plan, for apply --plan.")
@option("--show-reads", is_flag=True, help="Print the reads that a plan begins with, as JSON, and send nothing.")
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
    show_reads: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do. Read-only."""
    if snapshot is not None and (out is not None or plan_file is not None):
        message = "--against-snapshot cannot be combined with --out or --check: a saved plan needs the live state"
        raise UsageError(message)
    conflicts = {"--against-snapshot": snapshot, "--out": out, "--check": plan_file}
    check_executor(given, *(name for name, value in conflicts.items() if value is not None))
    run = make_run("plan", given, signs=snapshot is None)
    run = replace(run, plan_file=plan_file, snapshot=snapshot, out=out)
    if show_reads:
        return _show_reads(run, given)
    if given.executor != LOCAL:
        from reconciler.cli.workers import run_on_workers  # noqa: PLC0415 (for this option only)

        return run_on_workers(run, given, {}, detailed_exitcode=detailed_exitcode)
    report, signalled = supervised(given, lambda stop: execute.plan(run, stop))
    return finish(report, given, signalled, detailed_exitcode=detailed_exitcode)


def _show_reads(run: Run, given: Given) -> int:
    """Print the reads of a plan; the manifests are read, and nothing is sent."""
    try:
        run.check_environment()
        estate = run.estate()
    except ManifestError as error:
        return finish(run.failed(error), given)
    options = run.options
    stated = [item.key for item in estate.desired]
    found = shown(estate.selected, stated, singly=bool(options.targets), health=options.health)
    reads = [{"method": "GET", "path": path, "for": list(names)} for path, names in found]
    if options.reader == "graph" and not options.health and reads:
        names = sorted({name for read in reads for name in read["for"]})
        reads = [{"method": "POST", "path": PATH.partition("?")[0], "for": names}]
    write_stdout(orjson.dumps({"reads": reads}, option=orjson.OPT_INDENT_2).decode() + "\n", streams.form_of("json"))
    return ExitCode.SUCCESS
