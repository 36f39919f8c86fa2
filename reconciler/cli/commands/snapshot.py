"""``snapshot``: reads the live state, and saves it without secrets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler import pipeline
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, file_option
from reconciler.cli.session import supervised
from reconciler.errors import ManifestError
from reconciler.kinds.live import Live
from reconciler.model.live import Absent, Unreadable
from reconciler.plan import snapshot
from reconciler.plan.exit_codes import of_reads
from reconciler.plan.sign_in import statement
from reconciler.plan.versions import lags
from reconciler.report.escape import masked, visible
from reconciler.report.verdict import count
from reconciler.runtime.connect import open_reader
from reconciler.runtime.output import write_file, write_stdout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.manifests.estate import Estate
    from reconciler.model.live import Observation
    from reconciler.problems import Problem
    from reconciler.runtime.run import Run


@options.command("snapshot")
@options.paths
@options.manifests
@options.selection
@file_option("--out", required=True, help="File for the snapshot; reading it needs no access to Azure.")
@options.azure
@options.color
@options.log
def command(given: Given, out: Path) -> int:
    """Save the live state, without secrets, for plan --against-snapshot. Read-only access to Azure."""
    run = replace(make_run("snapshot", given), snapshot=out)
    try:
        estate = run.estate()
    except ManifestError as error:
        return finish(run.failed(error), given)
    (text, code), signalled = supervised(given, lambda stop: take(run, estate, out, stop))
    write_stdout(text)
    return signalled or code


async def take(run: Run, estate: Estate, file: Path, stop: asyncio.Event) -> tuple[str, int]:
    """Read the selected resources, with a client that cannot write, and save them; return the text and exit code."""
    task = pipeline.Task(run.options, estate, run.registry)
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        observation = await unless_stopped(pipeline.observed(task, arm), stop)
        reads = arm.transport.requests["GET"]
    about = visible(str(run.about(estate.project.name, estate.sources)))
    last = f"{count(reads, 'read')}, 0 writes"
    signed_out = _signed_out(estate, observation)
    if signed_out is not None:
        head = f"{about}: Stopped: not signed in; {visible(masked(str(file)))} was not written."
        error = f"error[{signed_out.code}]: {visible(signed_out.message)}\n    fix: {visible(signed_out.fix or '')}"
        return f"{head}\n\n{error}\n\n{last}\n", of_reads([signed_out])
    text = snapshot.save(
        observation,
        estate.selected,
        cloud=run.connection.cloud,
        endpoint=run.connection.endpoint,
        project=estate.project.name,
        now=run.clock.now(),
        environment=run.options.environment,
    )
    write_file(file, text)  # as the umask lets: it is for those who have no access, and holds no secret
    unread = [*_unread(estate, observation)]
    lag = [visible(each) for each in lags(run.registry.kinds, observation.versions)]
    unselected = [f"Nothing selected: {visible(estate.unselected)}."] if estate.unselected else []
    head = f"{about}: {_verdict(observation, file)}"
    return "".join(f"{line}\n" for line in (head, *unselected, *unread, *lag, last)), of_reads(unread)


def _verdict(observation: Observation, file: Path) -> str:
    kinds = Counter(map(type, observation.observed.values()))
    what = f"{kinds[Live]} live, {kinds[Absent]} absent, {len(observation.unmanaged)} unmanaged"
    return f"Saved {visible(masked(str(file)))}: {what}."


def _signed_out(estate: Estate, observation: Observation) -> Problem | None:
    found_all = (observation.observed[item.key] for item in estate.selected)
    return statement([found.error if isinstance(found, Unreadable) else None for found in found_all])


def _unread(estate: Estate, observation: Observation) -> Iterator[str]:
    for item in estate.selected:
        found = observation.observed[item.key]
        if isinstance(found, Unreadable):
            address, error = visible(item.address), found.error
            first, *more = error.message.split("\n")
            yield f"{address} could not be read: error[{visible(error.code)}]: {visible(first)}"
            yield from (f"    {visible(line)}" for line in more)
            if error.fix:
                yield f"    fix: {visible(error.fix)}"
