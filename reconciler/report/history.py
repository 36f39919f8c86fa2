"""The view of a history: the published fields of ``history -o json`` and of ``/api/history``, a contract. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from reconciler.report.clean import for_people, for_programs
from reconciler.report.view import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class RoundView:
    """
    A round.

    Attributes:
        outcome: ``ok``, ``failed``, ``held`` or ``rejected``.
        summary: The counts of its report.
        requests: To ARM, by method.
        words: Why it could not write, for people; empty where it could.
    """

    started_at: str
    seconds: float
    commit: str | None
    outcome: str
    summary: Mapping[str, Any]
    requests: Mapping[str, int]
    words: str = ""


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """
    A difference over time.

    Attributes:
        resource: The resource id.
        path: Empty for the resource as a whole.
        how: ``healed``, ``applied``, ``declared`` or ``gone``; None while it is open.
    """

    id: str
    resource: str
    kind: str
    name: str
    path: str
    cause: str | None
    who: str | None
    severity: str
    first_seen: str
    last_seen: str
    ended_at: str | None
    how: str | None


@dataclass(frozen=True, slots=True)
class HistoryView:
    """Rounds and episodes, the newest first."""

    schema_version: int
    rounds: tuple[RoundView, ...]
    episodes: tuple[EpisodeView, ...]


def history_view(rounds: tuple[RoundView, ...], episodes: tuple[EpisodeView, ...], *, people: bool) -> HistoryView:
    """Return the view of a history, every text in it masked, and visible where people read it."""
    view = HistoryView(SCHEMA_VERSION, rounds, episodes)
    return for_people(view, _LONGEST) if people else for_programs(view)


def written(instant: datetime) -> str:
    """Return an instant in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
