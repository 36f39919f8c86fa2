"""Reads a history, also while a loop writes it, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.plan.summary import Summary
from reconciler.report.build import summary_of
from reconciler.report.held import held_words
from reconciler.report.history import EpisodeView, HistoryView, RoundView, history_view, written
from reconciler.report.json import plain
from reconciler.report.view import Held
from reconciler.service.rows import instant, load_episodes, load_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.service.episodes import Episode
    from reconciler.service.rows import RoundRow
    from reconciler.service.store import Store


def read_history(
    store: Store, since: float = 0.0, is_wanted: Callable[[str, str], bool] | None = None, *, people: bool = False
) -> HistoryView:
    """
    Return rounds and episodes, the newest first.

    Args:
        store: The open file.
        since: The instant from which on rounds began and episodes were seen, in seconds since 1970.
        is_wanted: Whether the episodes of a kind and name are; None for all.
        people: Whether every character must be visible, and there are words.

    Raises:
        HistoryError: The file cannot be read.
    """
    wanted = [each for each in load_episodes(store, since) if is_wanted is None or is_wanted(each.kind, each.name)]
    return _history(load_rounds(store, since), wanted, people=people)


def read_newest(store: Store, since: float, rounds: int, ended: int) -> HistoryView:
    """
    Return all open episodes for people, and the newest rounds and ended episodes.

    Args:
        store: The open file.
        since: As of :func:`read_history`.
        rounds: The number of rounds at most.
        ended: The number of ended episodes at most.

    Raises:
        HistoryError: The file cannot be read.
    """
    episodes = [
        *load_episodes(store, since, is_open=True),
        *load_episodes(store, since, is_open=False, most=ended),
    ]
    return _history(load_rounds(store, since, most=rounds), episodes, people=True)


def read_resource(store: Store, key: str) -> HistoryView:
    """Return the episodes of one resource for people, by its folded id; HistoryError if the file cannot be read."""
    return _history([], load_episodes(store, 0.0, key), people=True)


def read_round(store: Store, began: float) -> HistoryView:
    """
    Return the rounds that began within a second for people, and the episodes that were open then.

    Raises:
        HistoryError: The file cannot be read.
    """
    rounds = load_rounds(store, began, began + 1)
    return _history(
        rounds, [each for each in load_episodes(store, began) if each.first_seen < instant(began + 1)], people=True
    )


def _history(rounds: Iterable[RoundRow], episodes: Iterable[Episode], *, people: bool) -> HistoryView:
    nothing = plain(summary_of(Summary(requests={"GET": 0, "PUT": 0})))
    made = (_round(each, nothing | each.counts, people=people) for each in rounds)
    return history_view(tuple(made), tuple(map(_view, episodes)), people=people)


def _round(row: RoundRow, summary: dict[str, Any], *, people: bool) -> RoundView:
    words = held_words(_held(row.held)) if people else ""
    requests = summary["requests"]
    return RoundView(written(row.started_at), row.seconds, row.commit, row.outcome, summary, requests, words)


def _held(found: dict[str, Any] | None) -> Held | None:
    if found is None:
        return None
    until = written(datetime.fromisoformat(found["until"])) if found["until"] else None
    return Held(found["by"], found["holder"], until)


def _view(episode: Episode) -> EpisodeView:
    return EpisodeView(
        id=episode.id,
        resource=episode.resource,
        kind=episode.kind,
        name=episode.name,
        path=episode.path,
        cause=episode.cause,
        who=episode.who,
        severity=episode.severity,
        first_seen=written(episode.first_seen),
        last_seen=written(episode.last_seen),
        ended_at=written(episode.ended_at) if episode.ended_at else None,
        how=str(episode.how) if episode.how else None,
    )
