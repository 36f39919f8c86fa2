"""``usage``: who uses which version, by the reads of a plan and one query of Resource Graph. Cannot write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.azure.observe import Scope, observe
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.commands.list import targets_and_paths
from reconciler.cli.delivery import finish, print_result, wants_color, width
from reconciler.cli.session import supervised
from reconciler.errors import ManifestError
from reconciler.kinds.packaged import packaged
from reconciler.plan.exit_codes import of_reads
from reconciler.plan.latest import live_versions, number_of
from reconciler.plan.listing import unread
from reconciler.plan.usage import Usage, chosen, counted, references, usage
from reconciler.report import render_usage
from reconciler.runtime.connect import open_graph, open_reader

if TYPE_CHECKING:
    from reconciler.cli.options import Given
    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired
    from reconciler.runtime.run import Run


@options.command("usage")
@options.address_and_paths
@options.option("--unused", is_flag=True, help="Only versions that are latest nowhere and on no machine.")
@options.manifests
@options.selection
@options.azure
@options.few_output
def command(given: Given, arguments: tuple[str, ...], *, unused: bool) -> int:
    """Show which machines and scale sets use which version, and which versions are unused. Read-only."""
    named, paths = targets_and_paths(arguments, packaged().kinds)
    given = replace(given, paths=paths, target=(*given.target, *named))
    run = make_run("usage", given)
    try:
        estate = run.estate()
    except ManifestError as error:
        return finish(run.failed(error), given)
    made, signalled = supervised(given, lambda stop: unless_stopped(_usage(run, estate, only_unused=unused), stop))
    print_result(render_usage(made, given.output, color=wants_color(given), width=width(given)), given)
    return signalled or of_reads(made.unread)


async def _usage(run: Run, estate: Estate, *, only_unused: bool) -> Usage:
    """Return the versions of the selected applications with their users."""
    wanted = _versions(estate)
    scope = Scope(frozenset(item.key for item in estate.desired), health=run.options.health)
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        observation = await observe(wanted, scope, estate.kinds, arm)
        reads = sum(arm.transport.requests.values())
    async with open_graph(run.connection, run.environment, run.clock) as graph:
        known = references(await graph.rows())
        reads += sum(graph.transport.requests.values())
    versions = tuple(live_versions(wanted, observation))
    bodies = observation.bodies
    declared = {(item.parent or "", number_of(item, bodies.get(item.key)) or ""): item for item in wanted}
    parents = {item.parent or "": item.kind.parent_id(item.params) or "" for item in wanted}
    found = chosen(
        usage(versions, declared, parents, known),
        {item.key for item in estate.selected},
        whole=len(estate.selected) == len(estate.desired),
    )
    return Usage(
        run.about(estate.project.name, estate.sources),
        tuple(each for each in found if each.is_unused or not only_unused),
        only_unused,
        run.clock.now(),
        counted(versions),
        unread=tuple(f"{item.address}: {error.message}" for item, error in unread(wanted, observation)),
        reads=reads,
    )


def _versions(estate: Estate) -> tuple[Desired, ...]:
    """Return the declared versions of each application that is selected, or of which a version is."""
    keys = {item.key for item in estate.selected} | {item.parent for item in estate.selected if item.kind.latest}
    return tuple(item for item in estate.desired if item.kind.latest is not None and item.parent in keys)
