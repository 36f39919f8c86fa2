"""
Separates drift from edits pending in git: the live side changed since the last PUT, the manifest did, or both. Pure.

The manifest at the commit of the last PUT is the last state that was written to the live resource.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.compare.diff import compare
from reconciler.compare.fingerprint import fingerprint
from reconciler.kinds.tracking import Tracking
from reconciler.model.change import Action, Cause, Finding, Sync

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.kinds.paths import Steps
    from reconciler.model.change import Change, FieldChange
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

_CAUSED: Final = frozenset({Finding.CHANGE, Finding.IMMUTABLE, Finding.UNVERIFIED})
_UNTRACKED: Final = Tracking(tags=False)
_CAUSES: Final[Mapping[tuple[bool, bool], Cause]] = {
    (True, True): Cause.BOTH,
    (True, False): Cause.DRIFT,
    (False, True): Cause.PENDING,
    (False, False): Cause.UNKNOWN,  # another version of the reconciler, or other rules, may have written it
}


def with_causes(change: Change, live: JsonObject | None, applied: Desired | None, tracking: Tracking) -> Change:
    """
    Return a change, and each of its differences, with its cause.

    Args:
        change: As planned.
        live: As ARM answered it; None if it is absent.
        applied: The resource as declared when it was last written or, of an absent one, at any time that one was
            written; None if unknown.
        tracking: How digests are recorded.
    """
    if change.is_step and live is not None:  # the rollout has brought it this far
        return change
    is_begun = change.is_step and change.action is Action.CREATE
    if not change.sync.is_drift and not is_begun and not any(field.finding in _CAUSED for field in change.fields):
        return change
    if live is None:
        cause = _of_gone(change.desired, applied)
        if is_begun and cause is not Cause.UNKNOWN:  # not the first step of a rollout: it was deleted
            return replace(change, cause=cause, sync=Sync.MISSING, is_step=False)
        return replace(change, cause=cause)
    if applied is None:
        return _told(change, lambda _: Cause.UNKNOWN)
    return _told(change, _Moves(change.desired, live, applied, tracking).cause)


def _of_gone(desired: Desired, applied: Desired | None) -> Cause:
    """Return the cause of a missing resource, deleted or unknown: to create it as declared may publish an edit."""
    if applied is None:
        return Cause.UNKNOWN
    is_same = applied is desired or fingerprint(applied) == fingerprint(desired)
    return Cause.DRIFT if is_same else Cause.BOTH


def _told(change: Change, cause: Callable[[FieldChange], Cause]) -> Change:
    fields = tuple(replace(field, cause=cause(field)) if field.finding in _CAUSED else field for field in change.fields)
    return replace(change, fields=fields, cause=_together({field.cause for field in fields if field.cause}))


def _together(causes: set[Cause]) -> Cause:
    """Return one word for several causes; without any, an operation failed or a rule of the project is strict."""
    if not causes or Cause.UNKNOWN in causes:
        return Cause.UNKNOWN
    return causes.pop() if len(causes) == 1 else Cause.BOTH


class _Moves:
    """Paths at which the live side, and the manifest, differ from the applied state."""

    def __init__(self, desired: Desired, live: JsonObject, applied: Desired, tracking: Tracking) -> None:
        recorded = tracking.digest_of(live)
        self._live = _moved(applied, tracking.without_tags(live), _content_moved(applied, recorded))
        self._manifest = _moved(desired, applied.body, _content_moved(desired, applied.digest))

    def cause(self, field: FieldChange) -> Cause:
        return _CAUSES[_is_in(field.steps, self._live), _is_in(field.steps, self._manifest)]


def _moved(desired: Desired, live: JsonObject, content: frozenset[Steps]) -> frozenset[Steps]:
    """Return the paths at which two sides differ; write-only content is compared by its digest."""
    found = {field.steps for field in compare(desired, live, _UNTRACKED).fields}
    return frozenset(found - frozenset(desired.kind.write_only_paths) | content)


def _content_moved(desired: Desired, recorded: str | None) -> frozenset[Steps]:
    """Return the write-only fields whose content is not the recorded one; all of them where it is unknown."""
    if desired.digest == recorded:
        return frozenset()
    moved = desired.content.moved(recorded) if desired.content is not None else None
    paths = desired.kind.write_only_paths
    return frozenset(path for path in paths if moved is None or path[-1] in moved)


def _is_in(steps: Steps, moved: frozenset[Steps]) -> bool:
    """Whether a difference is one of those, or contains one, or is within one: a missing object is one difference."""
    return any(steps[: len(other)] == other[: len(steps)] for other in moved)
