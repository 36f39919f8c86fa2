"""``run``: the loop, or one round of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import emit_line, finish
from reconciler.cli.options import Given, Seconds, option
from reconciler.cli.session import supervised
from reconciler.errors import UsageError
from reconciler.runtime import execute

if TYPE_CHECKING:
    from reconciler.model.outcome import Report


@options.command("run")
@options.paths
@options.manifests
@options.selection
@option(
    "--interval",
    type=Seconds(min=1),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="Time between two rounds.",
)
@option("--once", is_flag=True, help="Do one round, and exit as apply or drift would.")
@option("--report-only", is_flag=True, help="Report drift in every round; write nothing.")
@options.limits
@options.azure
@options.waiting
@options.output
def command(given: Given, interval: float, *, once: bool, report_only: bool) -> int:
    """Reconcile every --interval seconds until interrupted."""
    if "-" in given.paths and not once:
        message = "standard input can be read once: give files or folders, or --once"
        raise UsageError(message)
    run = make_run("run", given, signs=True)
    if once:
        one = execute.plan if report_only else execute.apply
        report, signalled = supervised(given, lambda stop: one(run, stop))
        return finish(report, given, signalled, may_write=not report_only)
    run.check_environment()

    def emit(report: Report) -> None:
        emit_line(report, given)

    _, signalled = supervised(given, lambda stop: execute.rounds(run, emit, interval, stop, report_only=report_only))
    return signalled or 0
