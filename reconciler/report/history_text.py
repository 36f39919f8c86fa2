"""A history for a terminal: open drift, ended drift, and the rounds, the newest first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.lines import INDENT, Look
from reconciler.report.text import paragraph
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.report.history import EpisodeView, HistoryView, RoundView

_COLORS: Final = {"security": "red", "delivery": "yellow", "cosmetic": "dim"}
_OUTCOMES: Final = {"ok": "green", "failed": "red", "held": "cyan", "rejected": "yellow"}
_MOST_ROUNDS: Final = 20
_MOST_EPISODES: Final = 200
_COUNTED: Final = (
    ("drift", "drift"),
    ("blocked", "blocked"),
    ("unknown", "unknown"),
    ("failed", "failed"),
)


def render(view: HistoryView, *, color: bool = False, width: int | None = None, **_: object) -> str:
    """Return *view* as lines of text, for a terminal of *width* columns."""
    return paragraph([*_lines(view, Look(color))], width)


def _lines(view: HistoryView, look: Look) -> Iterator[str]:
    open_ones = [each for each in view.episodes if each.ended_at is None]
    ended = [each for each in view.episodes if each.ended_at is not None]
    rounds = count(len(view.rounds), "round")
    yield look.paint(f"{len(open_ones)} open, {len(ended)} ended, in {rounds}.", "bold")
    if view.rounds and view.rounds[0].words:
        yield view.rounds[0].words
    for title, episodes in (("Open", open_ones), ("Ended", ended)):
        if episodes:
            yield ""
            yield look.paint(title, "bold")
        for episode in episodes[:_MOST_EPISODES]:
            yield from _episode(episode, look)
        if len(episodes) > _MOST_EPISODES:
            yield f"{INDENT}and {len(episodes) - _MOST_EPISODES} more: see -o json, or --since"
    if view.rounds:
        yield ""
        yield look.paint("Rounds", "bold")
    for each in view.rounds[:_MOST_ROUNDS]:
        yield _round(each, look)
    if len(view.rounds) > _MOST_ROUNDS:
        yield f"{INDENT}and {len(view.rounds) - _MOST_ROUNDS} more: see -o json"


def _episode(episode: EpisodeView, look: Look) -> Iterator[str]:
    until = f"to {episode.ended_at} {episode.how}" if episode.ended_at else f"(last seen {episode.last_seen})"
    severity = look.paint(episode.severity, _COLORS.get(episode.severity, "dim"))
    yield f"{INDENT}{episode.first_seen} {until}  {severity}  {episode.kind} {episode.name}"
    about = (episode.path or "the resource as a whole", episode.cause or "", f"by {episode.who}" if episode.who else "")
    yield f"{INDENT * 2}{', '.join(part for part in about if part)}"


def _round(each: RoundView, look: Look) -> str:
    found = [f"{number} {word}" for name, word in _COUNTED if (number := each.summary.get(name))]
    found += [count(each.summary["puts"], "PUT")] if each.summary.get("puts") else []
    said = ", ".join(found) or f"{each.summary.get('inSync', 0)} in sync"
    commit = f"  {each.commit[:12]}" if each.commit else ""
    outcome = look.paint(each.outcome, _OUTCOMES.get(each.outcome, "dim"))
    reads = each.requests.get("GET", 0)
    return f"{INDENT}{each.started_at}  {outcome}  {said}, {count(reads, 'read')}, {each.seconds:.1f} s{commit}"
