"""The view of a loop's last round and its history, for the page that ``run --listen`` serves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from reconciler.report.bounds import Bounds
from reconciler.report.build import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.outcome import Report
    from reconciler.report.history import EpisodeView, HistoryView, RoundView
    from reconciler.report.resource_view import Resource
    from reconciler.report.view import Held, Problem, View

_BOUNDS: Final = Bounds(value=1000, lines=400, in_sync=True)
_STRIP: Final = 60
"""Rounds that are shown."""
_SEVERITIES: Final = ("security", "delivery", "cosmetic", "")
_IN_SYNC: Final = frozenset({"InSync", "Unmanaged"})


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A resource, and its drift over time.

    Attributes:
        path: Of its own page.
        is_open: Whether it needs attention: it differs, or its state is unknown, and the round has not written it.
        since: When its oldest open episode began; empty without one.
        severity: The highest of its open episodes; empty without one.
        who: The last writers, as far as they are known.
    """

    resource: Resource
    path: str
    is_open: bool
    since: str = ""
    severity: str = ""
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """
    The versions of one application, by region.

    Attributes:
        parent: Id of the application.
        rows: Each version, with the state of its copy in each region; empty where it has none.
    """

    parent: str
    regions: tuple[str, ...]
    rows: tuple[tuple[Entry, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Estate:
    """
    Everything that the page shows.

    Attributes:
        outcome: How the last round ended: ``ok``, ``failed``, ``held`` or ``rejected``.
        held: Why the round could not write, in words; empty where it could.
        rejected: The commits that are not taken.
        open: The resources that need attention, the most severe and the oldest first.
        rest: All others.
        rounds: The last ones, the oldest first.
    """

    view: View
    outcome: str
    held: str
    rejected: tuple[Problem, ...]
    open: tuple[Entry, ...]
    rest: tuple[Entry, ...]
    matrices: tuple[Matrix, ...]
    rounds: tuple[RoundView, ...]

    def find(self, id_: str) -> Entry | None:
        """Return a resource by its id, in any case; None if the round has none."""
        folded = id_.casefold()
        return next((each for each in (*self.open, *self.rest) if each.resource.id.casefold() == folded), None)


def estate_of(report: Report, outcome: str, history: HistoryView | None) -> Estate:
    """Return the view of a round; *history* is for people, and None where there is none."""
    view = view_of(report, _BOUNDS)
    episodes: dict[str, list[EpisodeView]] = {}
    for each in history.episodes if history is not None else ():
        if each.ended_at is None:
            episodes.setdefault(each.resource.casefold(), []).append(each)
    entries = [_entry(each, episodes.get(each.id.casefold(), ())) for each in view.resources]
    rounds = history.rounds[:_STRIP] if history is not None else ()
    return Estate(
        view=view,
        outcome=outcome,
        held=held_words(view.held),
        rejected=tuple(each for each in (*view.errors, *view.warnings) if each.code == "source-rejected"),
        open=tuple(sorted((each for each in entries if each.is_open), key=_urgency)),
        rest=tuple(each for each in entries if not each.is_open),
        matrices=tuple(_matrices(entries)),
        rounds=tuple(reversed(rounds)),
    )


def path_of(id_: str) -> str:
    """Return the path of the page of a resource."""
    return f"/resources/{quote(id_.lstrip('/'), safe='/')}"


def held_words(held: Held | None) -> str:
    """Return in words why a round could not write, and when the next one can; empty where it could."""
    if held is None:
        return ""
    if held.by == "window":
        by = f"by window {held.holder}" if held.holder else "by the schedule"
        after = f"the next window opens at {held.until}" if held.until else "no window opens within a year"
        return f"Held {by}: rounds only report; {after}."
    if held.by == "lock":
        holder = held.holder or "another process"
        return f"Held by the lock of {holder}: rounds only report until it is free."
    return f"Held by the hold file{f' ({held.holder})' if held.holder else ''}: rounds only report until it is removed."


def _entry(resource: Resource, episodes: Sequence[EpisodeView]) -> Entry:
    is_open = resource.words.is_urgent or (resource.sync not in _IN_SYNC and resource.outcome != "succeeded")
    known = {each.who for each in episodes if each.who}
    if not known and resource.modified is not None and resource.modified.by:
        known = {resource.modified.by}
    return Entry(
        resource,
        path_of(resource.id),
        is_open,
        since=min((each.first_seen for each in episodes), default=""),
        severity=min((each.severity for each in episodes), key=_rank, default=""),
        who=tuple(sorted(known)),
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _urgency(entry: Entry) -> tuple[bool, int, bool, str]:
    return not entry.resource.words.is_urgent, _rank(entry.severity), not entry.since, entry.since


def _matrices(entries: Sequence[Entry]) -> list[Matrix]:
    parents: dict[str, list[Entry]] = {}
    for each in entries:
        if each.resource.replication is not None:
            parents.setdefault(each.resource.id.rsplit("/", 2)[0], []).append(each)
    return [_matrix(parent, found) for parent, found in parents.items()]


def _matrix(parent: str, entries: Sequence[Entry]) -> Matrix:
    copies: list[tuple[Entry, Mapping[str, str]]] = [
        (each, each.resource.replication.regions) for each in entries if each.resource.replication is not None
    ]
    regions = tuple(dict.fromkeys(name for _, found in copies for name in found))
    rows = tuple((each, tuple(_state(found, name) for name in regions)) for each, found in copies)
    return Matrix(parent, regions, rows)


def _state(found: Mapping[str, str], region: str) -> str:
    return found[region] or "unknown" if region in found else ""
