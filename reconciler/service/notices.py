"""
Notices: what a round makes of episodes and states for people elsewhere, and the requests that tell them. Pure.

A notice is about one event and one resource, or the loop as a whole. No secret is in it: its texts are those of a
report, masked once more.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.rules import Severity
from reconciler.report.clean import for_people
from reconciler.service.conditions import Event
from reconciler.service.episodes import differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from reconciler.plan.states import Item
    from reconciler.service.conditions import Begun
    from reconciler.service.episodes import Episode, Step

_GRADED: Final = frozenset({Event.DRIFT_BEGAN, Event.DRIFT_ENDED, Event.APPLIED, Event.BLOCKED})
_LONGEST: Final = 1000
_MOST_PATHS: Final = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One event, for every receiver that wants it.

    Attributes:
        id: The same for each attempt and each receiver.
        resource: Id of the resource; None for the loop as a whole.
        kind: Of the resource.
        name: Of its manifest.
        severity: None for an event that has none.
        paths: Of the differences; an empty path is the resource as a whole.
        message: In words; empty where the other fields say it all.
        fix: The next step; None where there is none.
        cause: The side that changed, of a drift.
        who: The last writer, of a drift.
        how: How it ended.
    """

    id: str
    event: Event
    at: datetime
    resource: str | None = None
    kind: str | None = None
    name: str | None = None
    severity: str | None = None
    paths: tuple[str, ...] = ()
    message: str = ""
    fix: str | None = None
    cause: str | None = None
    who: str | None = None
    how: str | None = None


def of_episodes(step: Step, now: datetime) -> Iterator[Notice]:
    """Yield a notice for each resource whose drift begins or ends in a round, or that it wrote; none of an edit."""
    began = (each for each in step.began if each.is_drift)
    ended = (each for each in step.ended if each.id in step.announced and each.is_drift)
    for event, episodes in (
        (Event.DRIFT_BEGAN, began),
        (Event.DRIFT_ENDED, ended),
        (Event.APPLIED, step.written),
    ):
        by_resource: defaultdict[str, list[Episode]] = defaultdict(list)
        for each in episodes:
            by_resource[each.key].append(each)
        for found in by_resource.values():
            yield _of_resource(event, found, now)


def of_states(begun: Iterable[Begun], now: datetime) -> Iterator[Notice]:
    """Yield a notice for each state that begins."""
    for each in begun:
        item = each.item
        desired = item.change.desired if item is not None else None
        paths, severity = _differing(item) if item is not None and each.event in _GRADED else ((), None)
        yield _clean(
            Notice(
                id=_id(each.event, now, desired.key if desired else each.message),
                event=each.event,
                at=now,
                resource=desired.id if desired else None,
                kind=desired.kind.name if desired else None,
                name=desired.name if desired else None,
                severity=severity,
                paths=paths,
                message=each.message,
                fix=each.fix,
            )
        )


def _of_resource(event: Event, episodes: list[Episode], now: datetime) -> Notice:
    first = episodes[0]
    return _clean(
        Notice(
            id=_id(event, now, *(each.id for each in episodes)),
            event=event,
            at=now,
            resource=first.resource,
            kind=first.kind,
            name=first.name,
            severity=max((Severity(each.severity) for each in episodes), key=lambda each: each.rank).value,
            paths=tuple(each.path for each in episodes[:_MOST_PATHS]),
            cause=_same(each.cause for each in episodes),
            who=_same(each.who for each in episodes),
            how=_same(each.how for each in episodes),
        )
    )


def _differing(item: Item) -> tuple[tuple[str, ...], str | None]:
    rules, fields = item.change.desired.kind.rules, differences(item.change)
    severities = [rules.severity_at(each.steps if each else ()) for each in fields]
    graved = max(severities, key=lambda each: each.rank, default=None)
    paths = tuple(each.path if each else "" for each in fields[:_MOST_PATHS])
    return paths, graved.value if graved else None


def _same(values: Iterable[str | None]) -> str | None:
    found = {*values}
    return found.pop() if len(found) == 1 else None


def _id(event: Event, now: datetime, *parts: str) -> str:
    made = "\n".join((event, now.isoformat(), *parts))
    return f"msg_{hashlib.sha256(made.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _clean(notice: Notice) -> Notice:
    """Return a notice whose texts are masked, visible and short; its id and its time are its own."""
    fields = {
        name: getattr(notice, name)
        for name in ("resource", "kind", "name", "severity", "paths", "message", "fix", "cause", "who", "how")
    }
    cleaned: dict[str, Any] = for_people(fields, _LONGEST)
    return Notice(notice.id, notice.event, notice.at, **cleaned)
