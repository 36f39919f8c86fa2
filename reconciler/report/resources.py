"""One resource of a view: its published fields, and the words for it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.kinds.live import Health
from reconciler.model.change import Action, Finding, Reason, Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import (
    Level,
    ending_of,
    error_of,
    is_applied,
    is_urgent,
    level_of,
    place_of,
    state_of,
)
from reconciler.problems import Layer
from reconciler.report.changes import words_of
from reconciler.report.declared import declared, declared_values
from reconciler.report.impact import UNKNOWN, pinned_of
from reconciler.report.resource_view import (
    Change,
    ChangeWords,
    Copies,
    Error,
    ErrorWords,
    Labelled,
    Modified,
    Note,
    Place,
    Replication,
    Resource,
    ResourceWords,
    Signature,
    Source,
)
from reconciler.report.rollout import rollout_of
from reconciler.report.rollout import words_of as words_of_rollout
from reconciler.report.words import (
    MARKS,
    PLAIN,
    REASONS,
    UNMANAGED_MARK,
    deleted_of,
    owner_of,
    signature_of,
    version_of,
)
from reconciler.secret.text import scrub
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.live import Replication as Replicated
    from reconciler.model import change as model
    from reconciler.model.impact import Pinned
    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.report.bounds import Bounds

UNREAD: Final = "unknown"
"""The word for a state that Azure does not answer."""


def resource_of(item: Item, report: Report, bounds: Bounds, *, noteworthy: bool) -> Resource:
    """Return one declared resource; *noteworthy* is whether its words are shown."""
    change, desired = item.change, item.change.desired
    resource_id, source = desired.place
    people, impact = bounds.for_people, _impact(change, report)
    return Resource(
        kind=desired.kind.name,
        name=desired.name,
        id=resource_id,
        source=Source(source.file, source.line, source.document),
        action=change.action.value,
        reason=change.reason.value,
        sync=change.sync.value,
        health=change.health.value,
        replication=replication_of(change.replication),
        changes=tuple(_change(change, each, bounds) for each in change.fields),
        outcome=item.outcome.result.value if item.outcome and item.outcome.result else None,
        error=_error(item, bounds),
        fix=change.fix,
        api_version=change.version.name if change.version else None,
        owner=change.owner,
        declared={} if people else declared_values(change),
        cause=change.cause.value if change.cause else None,
        modified=_modified(change.modified),
        signatures=tuple(Signature(each.path, each.host, each.source) for each in change.signatures),
        impact=impact,
        wave=(change.desired.wave or None) if report.about.shard is not None else None,
        rollout=rollout_of(change.rollout),
        words=_with_impact(_words(item, report, noteworthy=noteworthy), impact) if people else ResourceWords(),
    )


def _impact(change: model.Change, report: Report) -> Pinned | str | None:
    """Return who names a version that goes out of use; None for any other resource."""
    if report.impact is None or change.desired.key not in report.impact.retired:
        return None
    return report.impact.retired[change.desired.key] or UNKNOWN


def _with_impact(words: ResourceWords, impact: Pinned | str | None) -> ResourceWords:
    return words if impact is None else replace(words, notes=(*words.notes, Note("impact", pinned_of(impact))))


def unmanaged_of(unmanaged: Unmanaged, bounds: Bounds) -> Resource:
    """Return one resource that no manifest declares."""
    health = unmanaged.live.health
    notes = (Note("health", f"health: {health}"),) if health is not Health.HEALTHY else ()
    state = "unmanaged" if unmanaged.owner is None else "owned elsewhere"
    words = ResourceWords(UNMANAGED_MARK, state, Level.NOTE.value, why=owner_of(unmanaged), notes=notes)
    return Resource(
        kind=unmanaged.kind.name,
        name=unmanaged.name,
        id=unmanaged.id,
        source=None,
        action=Action.NONE.value,
        reason=(Reason.UNMANAGED if unmanaged.owner is None else Reason.OWNED_ELSEWHERE).value,
        sync=Sync.UNMANAGED.value,
        health=health.value,
        replication=replication_of(unmanaged.live.replication),
        changes=(),
        outcome=None,
        error=None,
        fix=None,
        api_version=unmanaged.version,
        owner=unmanaged.owner,
        words=words if bounds.for_people else ResourceWords(),
    )


def words_for(item: Item, report: Report) -> str:
    """Return the words for what a plan does with a resource, or for how an apply or a check of a plan ended for it."""
    return ending_of(item) if is_applied(report) or item.outcome is not None else state_of(item.change)


def _change(change: model.Change, field: model.FieldChange, bounds: Bounds) -> Change:
    people = bounds.for_people
    return Change(
        path=field.path,
        finding=field.finding.value,
        op=field.op.value,
        observed=MISSING if people else field.observed,
        desired=MISSING if people else field.desired,
        line=field.line,
        cause=field.cause.value if field.cause else None,
        words=words_of(change, field, bounds) if people else ChangeWords(),
    )


def _error(item: Item, bounds: Bounds) -> Error | None:
    error = error_of(item)
    if error is None:
        return None
    path, origin = place_of(item) or (None, None)
    place = f"{origin.file}:{origin.line}" if origin else ""
    lines = tuple(scrub(error.message).split("\n")) if bounds.for_people else ()
    return Error(
        code=str(error.code),
        message=error.message,
        status=error.status,
        request_id=error.request_id,
        fix=error.fix,
        path=path,
        line=origin.line if origin and origin.layer is Layer.MANIFEST else None,
        words=ErrorWords(lines, place) if bounds.for_people else ErrorWords(),
    )


def replication_of(replication: Replicated | None) -> Replication | None:
    """Return the state of the copies of a version; None where it was not read."""
    return Replication(replication.state, dict(replication.regions)) if replication is not None else None


def _modified(modified: model.Modified | None) -> Modified | None:
    return Modified(modified.by, modified.by_type, modified.at) if modified is not None else None


def _words(item: Item, report: Report, *, noteworthy: bool) -> ResourceWords:
    change = item.change
    state = words_for(item, report)
    return ResourceWords(
        mark=MARKS[change.action],
        state=state,
        level=level_of(item, report).value,
        rule=_rule(item, report, state),
        why=_why(item),
        is_noteworthy=noteworthy,
        is_urgent=is_urgent(item),
        place=_place(item),
        declared=tuple(Labelled(label, text) for label, text in declared(change)),
        notes=tuple(_notes(item)),
        copies=_copies(change.replication),
    )


def _rule(item: Item, report: Report, state: str) -> str:
    is_planned = item.outcome is None and not is_applied(report)
    return item.change.reason.value if is_planned or state == item.change.action else state.replace(" ", "-")


def _why(item: Item) -> str:
    """Return why a resource is in the report; nothing where that was so before, and the run has changed it."""
    change = item.change
    if item.outcome is not None and item.outcome.result is Result.SUCCEEDED:
        return ""
    if change.action is Action.NONE:
        return state_of(change)
    if change.rollout is not None and change.rests:
        return next(words_of_rollout(change.rollout))
    return (deleted_of(change) if change.reason is Reason.NOT_FOUND else "") or REASONS[change.reason]


def _notes(item: Item) -> Iterator[Note]:
    """Yield the lines about why a resource is handled as it is."""
    change = item.change
    if deleted := deleted_of(change):
        yield Note("missing", deleted)
    for each in change.signatures:
        yield Note("signature", signature_of(each))
    if change.version is not None and change.version.is_newer:
        yield Note("version", version_of(change.version))
    for line in words_of_rollout(change.rollout) if change.rollout is not None else ():
        yield Note("rollout", line)
    if change.reason not in PLAIN:
        word = "left unchanged" if change.action is Action.NONE else str(change.action)
        yield Note("reason", f"{word}: {REASONS[change.reason]}")
    if change.action is Action.NONE and change.sync is Sync.OUT_OF_SYNC:
        yield Note("sync", "out of sync: strict mode counts undeclared values")
    if item.outcome is not None and item.outcome.result is Result.SUCCEEDED:
        return  # the health was that of before
    if change.modified is not None:
        yield Note("modified", str(change.modified))
    if change.health is Health.DEGRADED or (change.health is Health.PROGRESSING and change.action is Action.NONE):
        yield Note("health", f"health: {change.health}{f', {change.ailment}' if change.ailment else ''}")


def _place(item: Item) -> Place:
    """Return the line that a remark points at: of what Azure refuses before a mere difference."""
    if found := place_of(item):
        return Place(found[1].file, found[1].line)
    source = item.change.desired.source
    differing = (field for field in item.change.fields if field.finding in {Finding.CHANGE, Finding.IMMUTABLE})
    for field in sorted(differing, key=lambda field: field.refusal is None):
        if field.line is not None:
            return Place(source.file, field.line)
        if field.where is not None:
            return Place(field.where.file, field.where.line)
    return Place(source.file, source.line)


def _copies(replication: Replicated | None) -> Copies | None:
    if replication is None:
        return None
    result = "failed" if replication.has_failed else "complete" if replication.is_complete else "running"
    regions = tuple(f"{name}: {state_in(state)}" for name, state in replication.regions)
    return Copies(state_in(replication.state), result, regions)


def state_in(state: str) -> str:
    """Return the state of copies in words."""
    return state or UNREAD
