"""``run``: the loop, or one round of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
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
from reconciler.runtime import loop, streams
from reconciler.runtime.address import Address, parse_listen
from reconciler.runtime.recording import recorded
from reconciler.service.source import Signed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from reconciler.runtime.recording import Recording
    from reconciler.service.round import Round


@options.command("run")
@options.paths
@options.manifests
@options.selection
@options.shard
@options.reader
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
@option(
    "--lock",
    metavar="PLACE",
    help="Lock of the one writer: file:PATH, or URL of a blob for a lease.  [default: lock in --state-dir]",
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
@option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve a page, metrics, health, report and history over HTTP.  [default: not at all]",
)
@option("--listen-anywhere", is_flag=True, help="Let --listen name an address that other machines can reach.")
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
    if given.wait == "rolled-out" and not chosen["once"]:
        message = "--wait rolled-out needs --once: a loop goes on with each rollout in its next rounds"
        raise UsageError(message)
    service = service_of(given, chosen)
    run = make_run("run", replace(given, paths=paths_of(given, service)), signs=True)
    address = _address(chosen)
    source = service.watched.mirror.folder.name if service.watched is not None else ""
    kept = recording_of(run, given, source, service.interval_s if address is not None else None)
    if chosen["once"]:
        ended, signalled = supervised(given, lambda stop: recorded(loop.once(run, service, stop), kept, stop))
        may_write = not service.report_only and (ended.held is None or bool(ended.report.outcomes))
        return finish(ended.report, given, signalled, may_write=may_write)
    if service.watched is None:
        run.check_environment()

    def emit(ended: Round) -> None:
        emit_line(kept.take(ended).report, given)

    async def rounds(stop: asyncio.Event) -> None:
        async with seen(address, kept), kept.sending(service.interval_s):
            await loop.rounds(run, service, emit, stop)

    _, signalled = supervised(given, rounds)
    return signalled or 0


def _address(chosen: Chosen) -> Address | None:
    """
    Return the address to listen on; None for none.

    Raises:
        UsageError: It is wrong, or one round has no use for it.
    """
    text, anywhere = chosen["listen"], chosen["listen_anywhere"]
    if text is None:
        if anywhere:
            message = "--listen-anywhere needs --listen"
            raise UsageError(message)
        return None
    if chosen["once"]:
        message = "--listen cannot be combined with --once: a single round is over before anyone asks"
        raise UsageError(message)
    return parse_listen(text, anywhere=anywhere)


@asynccontextmanager
async def seen(address: Address | None, kept: Recording) -> AsyncIterator[None]:
    """Serve the status of the loop as long as the context lasts, and write where on standard error."""
    if address is None or kept.status is None:
        yield
        return
    from reconciler.runtime.listen import listening  # noqa: PLC0415 (imports a server)

    async with listening(address, kept.status) as port:
        host = f"[{address.host}]" if ":" in address.host else address.host
        streams.write_stderr(f"listening on http://{host}:{port}\n")
        yield
