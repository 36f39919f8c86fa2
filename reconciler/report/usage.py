"""The view of a table of users: the published fields of ``usage -o json``, and the words for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.plan.usage import LIMIT
from reconciler.report.clean import for_people, for_programs
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.plan.usage import Usage, Used


@dataclass(frozen=True, slots=True)
class Row:
    """
    A version for people.

    Attributes:
        cells: Application, version, regions, machines and scale sets.
        place: File and line of its manifest; empty without one.
        lines: To put into the manifest of a version that nothing uses.
    """

    cells: tuple[str, ...] = ()
    place: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """A live version and its users."""

    parent: str
    version: str
    latest_in: tuple[str, ...]
    machines: int
    scale_sets: int
    managed: bool
    words: Row = Row()


@dataclass(frozen=True, slots=True)
class Words:
    """A table for people: its first line, the numbers of versions against the limit, and what was not read."""

    verdict: str = ""
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    budget: str = ""


@dataclass(frozen=True, slots=True)
class UsageView:
    """The versions, each with its users."""

    usage: tuple[Version, ...]
    words: Words = Words()


def view_of(usage: Usage, *, people: bool) -> UsageView:
    """Return the view of *usage*: exact for programs, with words for people."""
    view = UsageView(
        tuple(_version(each, usage, people=people) for each in usage.used), _words(usage) if people else Words()
    )
    return for_people(view) if people else for_programs(view)


def _version(each: Used, usage: Usage, *, people: bool) -> Version:
    return Version(
        each.parent,
        each.number,
        each.latest_in,
        each.users.machines,
        each.users.scale_sets,
        each.desired is not None,
        _row(each, usage) if people else Row(),
    )


def _row(each: Used, usage: Usage) -> Row:
    regions = ", ".join(each.latest_in) or "-"
    name = each.parent.rpartition("/")[2]
    cells = (name, each.number, regions, str(each.users.machines), str(each.users.scale_sets))
    if each.desired is None:
        return Row((*cells, "no"))
    source = each.desired.source
    place = f"{source.file}:{source.line}"
    return Row((*cells, "yes"), place, tuple(_lines(each, usage)) if usage.only_unused else ())


def _lines(each: Used, usage: Usage) -> Iterator[str]:
    """Yield the lines of a manifest that retire a version."""
    *steps, last = ("spec", *each.excluded)
    for depth, step in enumerate(steps):
        yield f"{'  ' * depth}{step}:"
    indent = "  " * len(steps)
    yield f'{indent}endOfLifeDate: "{usage.today:%Y-%m-%d}T00:00:00Z"'
    yield f"{indent}{last}: true"


def _words(usage: Usage) -> Words:
    number = count(len(usage.used), "version")
    result = f"{number} unused: latest nowhere, and on no machine" if usage.only_unused else f"{number}."
    about = str(usage.about)
    limits = (
        f"{where}, subscription {subscription}: {number} of {LIMIT} versions"
        for subscription, where, number in usage.counted
    )
    return Words(
        f"{about}: {result}" if about else result,
        tuple(limits),
        usage.unread,
        f"{count(usage.reads, 'read')}, 0 writes",
    )
