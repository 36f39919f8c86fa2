"""
An estate in partitions: each is read and decided by itself, and the results are added. Pure.

Any cut gives the same plan, provided that one partition holds a resource, its selected parents, and the selected
resources of the same list: all resources of a subscription below one root, or in the list of one root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.kinds.kind import group_in, subscription_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired


@dataclass(frozen=True, slots=True)
class Partition:
    """
    Resources that are read and decided together.

    Attributes:
        key: The first and the last resource group, or subscription; both empty for the whole estate.
        desired: The selected resources.
    """

    key: tuple[str, str]
    desired: Sequence[Desired]


Cut: TypeAlias = "Callable[[Estate], Iterable[Partition]]"


ENOUGH: Final = 250
"""Resources of a partition, if its last resource group has no more."""


def in_parts(estate: Estate, enough: int = ENOUGH) -> Iterator[Partition]:
    """
    Yield the selected resources of an estate in partitions, in the order of their ids.

    A resource group is never cut, nor is a subscription of which a list is read.

    Args:
        estate: With the resources.
        enough: Resources after which another partition begins.
    """
    if len(estate.selected) <= enough:
        yield from whole(estate)
        return
    names = {item.kind.name: item for item in estate.selected}
    by_subscription = any(not group_in(item.kind.list_path(item.params) or item.key) for item in names.values())
    home = subscription_in if by_subscription else group_in
    homes: dict[str, list[Desired]] = {}
    for item in estate.selected:
        homes.setdefault(home(item.key), []).append(item)
    found: list[Desired] = []
    first = ""
    for name in sorted(homes):
        first = first or name
        found += homes.pop(name)
        if len(found) >= enough:
            yield Partition((first, name), found)
            found, first = [], ""
    if found:
        yield Partition((first, ""), found)


def whole(estate: Estate) -> tuple[Partition]:
    """Return the selected resources of an estate as one partition."""
    return (Partition(("", ""), estate.selected),)
