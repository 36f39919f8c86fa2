"""
The live state of declared resources: version, regions, ``latest``, replication, writer and owner. Pure.

All of it is in the answers that a plan reads anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.kinds.latest import latest
from reconciler.kinds.live import Live
from reconciler.model.live import Unreadable
from reconciler.model.offers import Region
from reconciler.plan.latest import live_versions, number_of
from reconciler.plan.offers import regions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reconciler.errors import ErrorInfo
    from reconciler.kinds.latest import Latest
    from reconciler.kinds.tracking import Tracking
    from reconciler.model.about import About
    from reconciler.model.change import Modified
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.problems import Problem
    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Listed:
    """
    One declared resource that is live.

    Attributes:
        version: Its number; None for a kind without versions.
        owner: The project whose tag it has; None without one.
    """

    desired: Desired
    live: Live
    version: str | None
    regions: tuple[Region, ...]
    modified: Modified
    owner: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """
    The selected declared resources, as found in Azure.

    Attributes:
        missing: Declared, and not live.
        unread: Declared, and not readable, each with its error.
        errors: Of the whole run.
        reads: Requests that were sent.
        unselected: Why nothing was selected, as a clause; empty where something was.
    """

    about: About
    listed: tuple[Listed, ...]
    missing: tuple[Desired, ...] = ()
    unread: tuple[tuple[Desired, ErrorInfo], ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    reads: int = 0
    unselected: str = ""


def listed(
    chosen: Sequence[Desired],
    read: Sequence[Desired],
    observation: Observation,
    tracking: Tracking,
    writer: Callable[[JsonObject], Modified],
) -> tuple[Listed, ...]:
    """
    Return the live resources of *chosen*, in its order.

    Args:
        chosen: The resources to list.
        read: The resources that were read: any declared version of an application may be its latest one.
        observation: The live resources, as read.
        tracking: How the owner is recorded.
        writer: Returns who last modified a resource, by its body.
    """
    newest = latest(live_versions(read, observation))
    found = ((item, observation.observed.get(item.key)) for item in chosen)
    return tuple(
        Listed(
            item,
            live,
            version=number_of(item, live.body),
            regions=tuple(_regions(item, live, newest)),
            modified=writer(live.body),
            owner=tracking.owner_of(live.body),
        )
        for item, live in found
        if isinstance(live, Live)
    )


def unread(chosen: Iterable[Desired], observation: Observation) -> Iterator[tuple[Desired, ErrorInfo]]:
    """Yield what could not be read, with its error."""
    for item in chosen:
        found = observation.observed.get(item.key)
        if isinstance(found, Unreadable):
            yield item, found.error


def _regions(item: Desired, live: Live, newest: Mapping[tuple[str, str], Latest]) -> Iterator[Region]:
    rule = item.kind.latest
    if rule is None or item.parent is None:
        location = live.body.get("location")
        if isinstance(location, str):
            yield Region(location)
        return
    yield from regions_of(rule, item.parent, number_of(item, live.body) or "", live, newest)
