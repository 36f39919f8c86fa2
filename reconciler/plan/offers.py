"""
The versions of each application, declared or not, by region: with replication, exclusion and ``latest``. Pure.

All of it is in the answers that a plan reads anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.kinds.kind import folded_id
from reconciler.kinds.latest import latest, order_of
from reconciler.kinds.live import Live
from reconciler.kinds.normal_forms import region
from reconciler.model.live import Absent
from reconciler.model.offers import Offer, Region
from reconciler.plan.latest import live_versions, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.kinds.latest import Latest, LatestRule
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation, Unmanaged


def offered(read: Iterable[Desired], observation: Observation) -> tuple[Offer, ...]:
    """Return the versions of all applications that were read, by application, the highest first."""
    items = [item for item in read if item.kind.latest is not None and item.key in observation.observed]
    newest = latest(live_versions(items, observation))
    found = [*_declared(items, observation, newest), *_others(observation, newest)]
    return tuple(sorted(sorted(found, key=_rank, reverse=True), key=lambda each: each.parent.casefold()))


def regions_of(
    rule: LatestRule, parent: str, number: str, live: Live, newest: Mapping[tuple[str, str], Latest]
) -> Iterator[Region]:
    """Yield the regions of a live version; *parent* is the folded id of its application."""
    states = {region(name): state for name, state in live.replication.regions} if live.replication else {}
    for name, is_excluded in rule.regions_in(live.body):
        best = newest.get((parent, region(name)))
        is_latest = best is not None and best.version.number == number
        yield Region(name, is_latest, states.get(region(name)), is_excluded)


def _declared(
    items: Iterable[Desired], observation: Observation, newest: Mapping[tuple[str, str], Latest]
) -> Iterator[Offer]:
    for item in items:
        rule, parent, live = item.kind.latest, item.kind.parent_id(item.params), observation.observed[item.key]
        if rule is None or parent is None or item.parent is None:
            continue
        if isinstance(live, Live):
            number = number_of(item, live.body) or ""
            yield Offer(item.id, parent, number, tuple(regions_of(rule, item.parent, number, live, newest)))
        elif isinstance(live, Absent):
            listed = (Region(name, is_excluded=is_excluded) for name, is_excluded in rule.regions_in(item.body))
            yield Offer(item.id, parent, number_of(item, None) or "", tuple(listed), is_live=False)


def _others(observation: Observation, newest: Mapping[tuple[str, str], Latest]) -> Iterator[Offer]:
    for each in (*observation.unmanaged, *observation.others):
        if each.kind.latest is not None:
            parent = _parent_of(each)
            found = regions_of(each.kind.latest, folded_id(parent), each.name, each.live, newest)
            yield Offer(each.id, parent, each.name, tuple(found))


def _parent_of(version: Unmanaged) -> str:
    return version.id.rsplit("/", 2)[0]


def _rank(offer: Offer) -> tuple[bool, tuple[tuple[int, ...], int], str]:
    order = order_of(offer.number)
    return order is not None, order or ((), 0), offer.number
