"""
Finds the version that ``latest`` is in each region, by the annotation ``x-arm.latest``. Pure.

It is the highest version by its three numbers that is excluded neither globally nor in that region, and that is
replicated there; where replication was not read, the provisioning state decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.annotations import dotted
from reconciler.kinds.normal_forms import region
from reconciler.kinds.replication import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.kinds.live import Replication
    from reconciler.values import JsonObject

_NUMBERS: Final = 3
_DIGITS: Final = 10
"""Of the largest number that Azure accepts in a version, 2147483647."""
_USABLE: Final = frozenset({"", "succeeded", "updating"})
"""Provisioning states under which a version whose replication was not read counts as replicated."""


@dataclass(frozen=True, slots=True)
class LatestRule:
    """
    Paths of the values that decide about ``latest``.

    Attributes:
        number: The URI parameter that holds the version number.
        excluded: Path of the global exclusion.
        regions: Path of the list of regions.
        name: Path of the name within a region.
        region_excluded: Path of the exclusion within a region.
    """

    number: str
    excluded: tuple[str, ...]
    regions: tuple[str, ...]
    name: tuple[str, ...]
    region_excluded: tuple[str, ...]

    def regions_in(self, body: JsonObject) -> Iterator[tuple[str, bool]]:
        """Yield each region in *body*, as it spells it, and whether the version is excluded there."""
        listed = at(body, self.regions)
        everywhere = at(body, self.excluded) is True
        for each in listed if isinstance(listed, list) else ():
            name = at(each, self.name)
            if isinstance(name, str):
                yield name, everywhere or at(each, self.region_excluded) is True


def order_of(number: str) -> tuple[tuple[int, ...], int] | None:
    """
    Return the sort key of a version number, highest last; None for any other text.

    Of two spellings of one number the shorter is higher.
    """
    parts = number.split(".")
    if len(parts) != _NUMBERS or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    digits = [part.lstrip("0") or "0" for part in parts]
    if any(len(each) > _DIGITS for each in digits):
        return None
    return tuple(map(int, digits)), -len(number)


@dataclass(frozen=True, slots=True)
class Version:
    """
    One candidate.

    Attributes:
        parent: Folded id of the resource that it is a version of.
        number: As Azure spells it, else as the manifest does.
        body: The live body, or the one after the PUTs of a plan.
        replication: None where it was not read.
        is_written: Whether a plan PUTs it: it then counts as replicated in all of its regions.
    """

    rule: LatestRule
    parent: str
    number: str
    body: JsonObject
    replication: Replication | None = None
    is_written: bool = False

    @property
    def order(self) -> tuple[tuple[int, ...], int] | None:
        """The sort key, as of :func:`order_of`."""
        return order_of(self.number)

    def offers(self) -> Iterator[tuple[str, str]]:
        """Yield folded name and spelling of each region in which it may be ``latest``."""
        copied = frozenset(region(name) for name in self.replication.completed_regions) if self.replication else None
        for name, is_excluded in self.rule.regions_in(self.body):
            if not is_excluded and self._is_there(region(name), copied):
                yield region(name), name

    def _is_there(self, folded: str, copied: frozenset[str] | None) -> bool:
        if self.is_written:
            return True
        if copied is not None:
            return folded in copied
        state = at(self.body, ("properties", "provisioningState"))
        return str(state or "").casefold() in _USABLE


@dataclass(frozen=True, slots=True)
class Latest:
    """
    The version that ``latest`` is in one region.

    Attributes:
        region: As the version's body spells it.
    """

    region: str
    version: Version


def latest(versions: Iterable[Version]) -> Mapping[tuple[str, str], Latest]:
    """Return ``latest`` by folded parent id and folded region; a region without any has no entry."""
    found: dict[tuple[str, str], Latest] = {}
    ranked: list[tuple[Any, Version]] = [(order, each) for each in versions if (order := each.order) is not None]
    for _, version in sorted(ranked, key=lambda pair: pair[0]):
        for folded, name in version.offers():
            found[version.parent, folded] = Latest(name, version)
    return found


def compile_latest(annotation: Mapping[str, Any]) -> LatestRule:
    """
    Compile ``x-arm.latest``.

    Raises:
        KeyError: A part of it is missing.
    """
    regions = annotation["regions"]
    return LatestRule(
        number=annotation["number"],
        excluded=dotted(annotation["excluded"]),
        regions=dotted(regions["path"]),
        name=dotted(regions["name"]),
        region_excluded=dotted(regions["excluded"]),
    )
