"""``run``: the loop, or one round of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import emit_line, finish
from reconciler.cli.options import FilePath, Given, Seconds, option
from reconciler.cli.session import supervised
from reconciler.errors import UsageError
from reconciler.runtime import loop

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.service.round import Round


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
    help="Time between two rounds, a tenth more or less.",
)
@option("--once", is_flag=True, help="Do one round, and exit as apply or drift would.")
@option("--report-only", is_flag=True, help="Report drift in every round; write nothing.")
@option(
    "--hold-file",
    type=FilePath(),
    metavar="PATH",
    help="Report only while there is anything at this path.  [default: none]",
)
@options.limits
@options.azure
@options.waiting
@options.output
def command(given: Given, interval: float, hold_file: Path | None, *, once: bool, report_only: bool) -> int:
    """Reconcile every --interval seconds until interrupted; SIGHUP begins a round now."""
    if "-" in given.paths and not once:
        message = "standard input can be read once: give files or folders, or --once"
        raise UsageError(message)
    run = make_run("run", given, signs=True)
    hold = filesystem.absolute(hold_file) if hold_file is not None else None
    service = loop.Service(interval, report_only, hold)
    if once:
        ended, signalled = supervised(given, lambda stop: loop.once(run, service, stop))
        may_write = not report_only and (ended.held is None or bool(ended.report.outcomes))
        return finish(ended.report, given, signalled, may_write=may_write)
    run.check_environment()

    def emit(ended: Round) -> None:
        emit_line(ended.report, given)

    _, signalled = supervised(given, lambda stop: loop.rounds(run, service, emit, stop))
    return signalled or 0
