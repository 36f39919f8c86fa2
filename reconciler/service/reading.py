"""Reads a history, also while a loop writes it, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.plan.summary import Summary
from reconciler.report.build import summary_of
from reconciler.report.history import EpisodeView, HistoryView, RoundView, history_view, written
from reconciler.report.json import plain
from reconciler.service.rows import load_episodes, load_rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.service.episodes import Episode
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
        people: Whether every character must be visible.

    Raises:
        HistoryError: The file cannot be read.
    """
    nothing = plain(summary_of(Summary(requests={"GET": 0, "PUT": 0})))
    rounds = []
    for started, seconds, commit, outcome, counts in load_rounds(store, since):
        summary = nothing | counts
        rounds.append(RoundView(written(started), seconds, commit, outcome, summary, summary["requests"]))
    episodes = load_episodes(store, since)
    wanted = [each for each in episodes if is_wanted is None or is_wanted(each.kind, each.name)]
    return history_view(tuple(rounds), tuple(map(_view, wanted)), people=people)


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
