"""
The reads of a run as values, before the first request: for each parent a list of its children, or a GET of each. Pure.

A list is needed where unmanaged resources are to be found, and otherwise wherever it takes fewer requests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.kinds.kind import folded_id
from reconciler.model.change import Action, Reason, Sync

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired

PAGE: Final = 100
"""Elements of one page that a plan reckons with; Azure documents no number."""


@dataclass(frozen=True, slots=True)
class Read:
    """
    One read.

    Attributes:
        path: Of the resource, or of the list of its kind.
        items: The resources that it is for; one where the read is a GET.
        is_list: Whether it is a list, of one page or more.
    """

    path: str
    items: tuple[Desired, ...]
    is_list: bool

    @property
    def kind(self) -> Kind:
        """The kind of the resources."""
        return self.items[0].kind


def planned(level: Iterable[Desired], stated: Collection[str], *, singly: bool) -> tuple[Read, ...]:
    """
    Return the reads of resources of one depth.

    Args:
        level: The resources.
        stated: Folded ids of all declared resources: a list has at least those of its parent.
        singly: Whether unmanaged resources stay unknown; a list is then read only where it takes fewer requests.
    """
    groups: defaultdict[str, list[Desired]] = defaultdict(list)
    for item in level:
        groups[list_of(item)].append(item)  # two spellings of one parent are one list
    sizes = Counter(key.rpartition("/")[0] for key in stated) if singly else Counter[str]()
    return tuple(read for path, items in groups.items() for read in _reads(items, sizes[path], singly=singly))


def list_of(item: Desired) -> str:
    """Return the folded path of the list with a resource and its siblings; its own id where it is read by itself."""
    return folded_id(item.kind.list_path(item.params) or item.id)


def _reads(items: Sequence[Desired], siblings: int, *, singly: bool) -> Iterator[Read]:
    path, pages = items[0].kind.list_path(items[0].params), -(-siblings // PAGE) or 1
    if path is not None and (not singly or len(items) > pages):
        yield Read(path, tuple(items), is_list=True)
    else:
        yield from (Read(item.id, (item,), is_list=False) for item in items)


def shown(
    desired: Sequence[Desired], stated: Collection[str], *, singly: bool, health: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """
    Yield path and addresses of each read of a plan, if all that is declared exists; pages are not foreseen.

    Args:
        desired: The selected resources.
        stated: Folded ids of all declared resources.
        singly: As :func:`planned` has it.
        health: Whether the replication is read too.
    """
    for depth in sorted({item.depth for item in desired}):
        level = [item for item in desired if item.depth == depth]
        for read in planned(level, stated, singly=singly):
            yield read.path, tuple(item.address for item in read.items)
    if health:
        for item in desired:
            if item.kind.health:
                yield f"{item.id}?{item.kind.health}", (item.address,)


def to_look_at(changes: Sequence[Change], missing: Collection[str], *, singly: bool) -> tuple[Desired, ...]:
    """
    Return the resources that must be read from ARM itself, after a plan by the rows of Resource Graph.

    Those are all but the ones that are in sync and quiet by their rows, all resources below one without a row, and, as
    a list is read whole, their siblings.

    Args:
        changes: Of that plan.
        missing: Folded ids of resources without a row: they may exist all the same.
        singly: Whether unmanaged resources stay unknown, so that no list is needed.
    """
    look: set[str] = set()
    below = set(missing)
    for change in sorted(changes, key=lambda each: each.desired.depth):
        item = change.desired
        if item.parent in below:
            below.add(item.key)
        if item.key in below or not _is_quiet(change):
            look.add(item.key if singly else list_of(item))
    return tuple(each.desired for each in changes if (each.desired.key if singly else list_of(each.desired)) in look)


def _is_quiet(change: Change) -> bool:
    """Return whether there is nothing to report of a resource but that it is in sync."""
    is_in_sync = change.action is Action.NONE and change.sync is Sync.IN_SYNC and change.reason is Reason.IN_SYNC
    return is_in_sync and not change.fields
