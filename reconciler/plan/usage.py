"""
Which machines and scale sets use which version, by number or as ``latest``, from the rows of Resource Graph. Pure.

A machine names a version by ``packageReferenceId``: that of a version, or one that ends in ``/versions/latest``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.kind import folded_id, subscription_in
from reconciler.kinds.latest import latest
from reconciler.kinds.normal_forms import region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from reconciler.kinds.latest import Version
    from reconciler.model.about import About
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

LIMIT: Final = 300
"""Versions of applications of one subscription in one region, at most, says Azure."""
_LATEST: Final = "latest"
_SCALE_SETS: Final = "/virtualmachinescalesets"


@dataclass(slots=True)
class Users:
    """Those that name one version in one way in one region; ``automatic`` of both upgrade by themselves."""

    machines: int = 0
    scale_sets: int = 0
    automatic: int = 0

    def add(self, other: Users) -> None:
        """Count others too."""
        self.machines += other.machines
        self.scale_sets += other.scale_sets
        self.automatic += other.automatic


@dataclass(frozen=True, slots=True)
class References:
    """Users by folded application id, then by lower-case number or ``latest``, then by folded region."""

    by_application: Mapping[str, Mapping[str, Mapping[str, Users]]] = field(default_factory=dict)

    def pinned(self, parent: str, number: str, regions: Iterable[str] | None = None) -> Users:
        """Return those that name a version by its number, in some regions or wherever they are."""
        named = self._named(parent, number)
        return _sum(named.values()) if regions is None else _sum(_within(named, regions))

    def following(self, parent: str, regions: Iterable[str]) -> Users:
        """Return those in some regions that name ``latest``."""
        return _sum(_within(self._named(parent, _LATEST), regions))

    def _named(self, parent: str, number: str) -> Mapping[str, Users]:
        return self.by_application.get(folded_id(parent), {}).get(number.lower(), {})


@dataclass(frozen=True, slots=True)
class Used:
    """
    A live version, and its users.

    Attributes:
        parent: Id of its application.
        latest_in: Regions where it is ``latest``, as it spells them.
        desired: Its manifest; None where it has none.
        excluded: Path of the global exclusion in its body.
    """

    parent: str
    number: str
    latest_in: tuple[str, ...]
    users: Users
    desired: Desired | None
    excluded: tuple[str, ...] = ()

    @property
    def is_unused(self) -> bool:
        """Whether it is ``latest`` nowhere, and no machine or scale set uses it."""
        return not self.latest_in and not self.users.machines and not self.users.scale_sets


@dataclass(frozen=True, slots=True)
class Usage:
    """
    The versions of the selected applications.

    Attributes:
        only_unused: Whether these are candidates for an end of life only.
        counted: Versions that were read, by subscription and region, the most first.
        unread: Applications and versions that could not be read.
        reads: Requests that were sent.
    """

    about: About
    used: tuple[Used, ...]
    only_unused: bool
    today: datetime
    counted: tuple[tuple[str, str, int], ...] = ()
    unread: tuple[str, ...] = ()
    reads: int = 0


def references(rows: Iterable[JsonObject]) -> References:
    """Return who names what; an entry that is no reference to a version is left out."""
    found: dict[str, dict[str, dict[str, Users]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(Users)))
    for row in rows:
        where, is_scale_set = region(str(row.get("location"))), str(row.get("type")).lower().endswith(_SCALE_SETS)
        for (parent, number), is_automatic in _named_by(row.get("applications")).items():
            users = found[parent][number][where]
            users.machines += not is_scale_set
            users.scale_sets += is_scale_set
            users.automatic += is_automatic
    return References(found)


def _named_by(applications: Any) -> dict[tuple[str, str], bool]:
    """Return the versions that one machine names, each once, and whether it upgrades by itself."""
    named: dict[tuple[str, str], bool] = {}
    for each in applications if isinstance(applications, list) else ():
        reference = each.get("packageReferenceId") if isinstance(each, dict) else None
        if not isinstance(reference, str):
            continue
        parent, sign, number = reference.strip("/").lower().rpartition("/versions/")
        if sign:
            key = folded_id(f"/{parent}"), number
            named[key] = named.get(key, False) or each.get("enableAutomaticUpgrade") is True
    return named


def usage(
    versions: Sequence[Version],
    declared: Mapping[tuple[str, str], Desired],
    parents: Mapping[str, str],
    known: References,
) -> Iterator[Used]:
    """
    Yield each live version with its users, by application and number.

    Args:
        versions: All live versions of the applications.
        declared: The manifests of versions, by folded application id and number.
        parents: Ids of applications as they are spelled, by folded id.
        known: Who names what.
    """
    newest: dict[int, list[str]] = defaultdict(list)
    for found in latest(versions).values():
        newest[id(found.version)].append(found.region)
    for each in sorted(versions, key=lambda version: (version.parent, version.order or ((), 0), version.number)):
        regions = tuple(sorted(newest[id(each)]))
        users = known.pinned(each.parent, each.number)
        users.add(known.following(each.parent, regions))
        desired = declared.get((each.parent, each.number))
        yield Used(
            parents.get(each.parent, each.parent), each.number, regions, users, desired, excluded=each.rule.excluded
        )


def counted(versions: Iterable[Version]) -> tuple[tuple[str, str, int], ...]:
    """Return how many versions each region of a subscription has, the most first."""
    names: dict[str, str] = {}
    found: Counter[tuple[str, str]] = Counter()
    for version in versions:
        for folded, name in {region(name): name for name, _ in version.rule.regions_in(version.body)}.items():
            found[subscription_in(version.parent), names.setdefault(folded, name)] += 1
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple((*where, number) for where, number in ranked)


def chosen(used: Iterable[Used], keys: Collection[str], *, whole: bool) -> Iterator[Used]:
    """Yield the versions of selected applications, and selected ones; all of them where everything is selected."""
    for each in used:
        is_named = each.desired is not None and each.desired.key in keys
        if whole or is_named or folded_id(each.parent) in keys:
            yield each


def _within(named: Mapping[str, Users], regions: Iterable[str]) -> Iterator[Users]:
    return (named[each] for each in {region(name) for name in regions} if each in named)


def _sum(users: Iterable[Users]) -> Users:
    total = Users()
    for each in users:
        total.add(each)
    return total
