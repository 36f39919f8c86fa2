"""``run``: the loop, or one round of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import click

from reconciler.cli import options
from reconciler.cli.arguments import make_run, recording_of
from reconciler.cli.delivery import emit_line, finish
from reconciler.cli.loop_arguments import Chosen, paths_of, service_of
from reconciler.cli.options import FilePath, Given, Seconds, file_option, option
from reconciler.cli.session import supervised
from reconciler.errors import UsageError
from reconciler.runtime import loop
from reconciler.runtime.recording import recorded
from reconciler.service.source import Signed

if TYPE_CHECKING:
    import asyncio

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
@option("--git-repo", metavar="URL", help="Repository to fetch: https, ssh or file URL, or absolute path.")
@option("--git-ref", metavar="REF", help="Branch, or a name below refs/, whose newest commit is taken.")
@option("--git-path", metavar="DIR", help="Folder of the manifests in the repository.  [default: manifests]")
@option("--allow-rewind", is_flag=True, help="Take commits that do not descend from the one in force, too.")
@option(
    "--require-signed",
    type=click.Choice([each.value for each in Signed]),
    metavar="WHICH",
    help="Take signed commits only: head, or range for all commits since the one in force.  [default: none]",
)
@file_option("--allowed-signers", help="SSH keys to trust, as allowed signers of OpenSSH.  [default: none]")
@options.limits
@options.azure
@options.waiting
@options.recording(options.STATE_DIR)
@options.output
def command(given: Given, **chosen: Unpack[Chosen]) -> int:
    """Reconcile every --interval seconds until interrupted; SIGHUP begins a round now."""
    if "-" in given.paths and not chosen["once"]:
        message = "standard input can be read once: give files or folders, or --once"
        raise UsageError(message)
    service = service_of(given, chosen)
    run = make_run("run", replace(given, paths=paths_of(given, service)), signs=True)
    kept = recording_of(run, given, service.watched.mirror.folder.name if service.watched is not None else "")
    if chosen["once"]:
        ended, signalled = supervised(given, lambda stop: recorded(loop.once(run, service, stop), kept, stop))
        may_write = not service.report_only and (ended.held is None or bool(ended.report.outcomes))
        return finish(ended.report, given, signalled, may_write=may_write)
    if service.watched is None:
        run.check_environment()

    def emit(ended: Round) -> None:
        emit_line(kept.take(ended).report, given)

    async def rounds(stop: asyncio.Event) -> None:
        async with kept.sending(service.interval_s):
            await loop.rounds(run, service, emit, stop)

    _, signalled = supervised(given, rounds)
    return signalled or 0
