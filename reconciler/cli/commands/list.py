"""``list``: reads as ``plan`` does, whose answers name the last writer too. Cannot write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.azure.attribution import modified_in
from reconciler.azure.observe import Scope, observe
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish, print_result, wants_color, width
from reconciler.cli.session import supervised
from reconciler.errors import ManifestError
from reconciler.kinds.packaged import packaged
from reconciler.kinds.patterns import is_match
from reconciler.manifests.schema_errors import nearest
from reconciler.model.live import Absent, Unreadable
from reconciler.plan.exit_codes import of_reads
from reconciler.plan.listing import Listing, listed, unread
from reconciler.plan.sign_in import statement
from reconciler.plan.versions import lagging
from reconciler.report import render_list
from reconciler.runtime.connect import open_reader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from reconciler.cli.options import Given
    from reconciler.errors import ErrorInfo
    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.runtime.run import Run


@options.command("list")
@options.address_and_paths
@options.manifests
@options.selection
@options.azure
@options.few_output
def command(given: Given, arguments: tuple[str, ...]) -> int:
    """List the live state of declared resources: version, regions, latest, last writer, owner. Read-only."""
    named, paths = targets_and_paths(arguments, packaged().kinds)
    given = replace(given, paths=paths, target=(*given.target, *named))
    run = make_run("list", given)
    try:
        estate = run.estate()
    except ManifestError as error:
        return finish(run.failed(error), given)
    listing, signalled = supervised(given, lambda stop: unless_stopped(list_live(run, estate), stop))
    print_result(render_list(listing, given.output, color=wants_color(given), width=width(given)), given)
    return signalled or of_reads(listing.unread)


async def list_live(run: Run, estate: Estate) -> Listing:
    """Return the live state of the selected resources, through a client that cannot write."""
    wanted = _with_siblings(estate)
    declared = frozenset(item.key for item in estate.desired)
    scope = Scope(declared, health=run.options.health, concurrency=run.options.concurrency)
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        observation = await observe(wanted, scope, estate.kinds, arm)
        reads = sum(arm.transport.requests.values())
    observed = observation.observed
    unreadable = tuple(unread(estate.selected, observation))
    lag = lagging(estate.selected, estate.kinds, observation.versions, run.options.paths[0])
    signed_out = statement([*_errors(estate, observation)], run.options.paths[0])
    return Listing(
        run.about(estate.project.name, estate.sources),
        listed(estate.selected, wanted, observation, estate.project.tracking, modified_in),
        missing=tuple(item for item in estate.selected if isinstance(observed.get(item.key), Absent)),
        unread=unreadable,
        errors=(signed_out,) if signed_out else (),
        warnings=(*estate.warnings, *lag),
        reads=reads,
        unselected=estate.unselected,
    )


def targets_and_paths(arguments: Sequence[str], kinds: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Return the targets and the paths among the arguments of ``list [KIND/NAME] [PATH]...``.

    The first argument is ``KIND/NAME`` if its part before the first slash is a kind, a pattern that a kind fits, or a
    misspelt kind and no folder.
    """
    first, *others = arguments or ("",)
    kind, slash, _ = first.partition("/")
    if slash and (any(is_match(kind, name) for name in kinds) or _is_misspelt(kind, kinds)):
        return (first,), tuple(others)
    return (), tuple(arguments)


def _is_misspelt(kind: str, kinds: Collection[str]) -> bool:
    return nearest(kind, kinds) is not None and not filesystem.is_there(kind)


def _with_siblings(estate: Estate) -> tuple[Desired, ...]:
    """Return the selected resources and those in the same lists, which are read with them and decide ``latest``."""
    keys = {item.key for item in estate.selected}
    lists = {item.kind.list_path(item.params) for item in estate.selected} - {None}
    return tuple(item for item in estate.desired if item.key in keys or item.kind.list_path(item.params) in lists)


def _errors(estate: Estate, observation: Observation) -> Iterator[ErrorInfo | None]:
    for item in estate.selected:
        found = observation.observed.get(item.key)
        yield found.error if isinstance(found, Unreadable) else None
