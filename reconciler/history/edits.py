"""
Finds edits of manifests that Azure would reject, with the earlier manifests in place of the live resources. Pure.

For a review without access to Azure: a published version is assumed to match its earlier manifest.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Final

from reconciler.compare.diff import compare
from reconciler.compare.fingerprint import fingerprint
from reconciler.kinds.latest import Version
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.tracking import Tracking
from reconciler.model.change import Reason
from reconciler.plan.fixes import way_out
from reconciler.plan.latest import Candidate, foretell, lost, moved_back
from reconciler.problems import Problem
from reconciler.secret.text import scrub
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from reconciler.model.change import FieldChange, LatestMove
    from reconciler.model.desired import Desired

_UNTRACKED: Final = Tracking(tags=False)
_SHOWN: Final = 60
_LEAD: Final = 20
"""Characters before the first difference that are shown with it."""


def is_edited(before: Desired | None, now: Desired) -> bool:
    """Whether a manifest means something else than it did, or is new; spelling and place are no edit."""
    return before is None or (before is not now and _meaning(before) != _meaning(now))


def _meaning(desired: Desired) -> tuple[str, bool, int]:
    return fingerprint(desired), desired.paused, desired.wave


def refused_edits(before: Mapping[str, Desired], now: Iterable[Desired], revision: str) -> Iterator[Problem]:
    """
    Yield an error for every edit that Azure refuses of a resource that exists.

    Args:
        before: The resources declared earlier, by folded id.
        now: The resources declared now.
        revision: As the user named it, for the messages.
    """
    for desired in now:
        earlier = before.get(desired.key)
        if earlier is not None and earlier is not desired:
            found = compare(desired, earlier.body, _UNTRACKED)
            for change in found.fields:
                if change.refusal is not None:
                    yield _refused(desired, change, revision)


def _refused(desired: Desired, change: FieldChange, revision: str) -> Problem:
    refusal = Reason(change.refusal or Reason.IMMUTABLE_FIELD)
    before, after = _sides(change.observed, change.desired)
    sides = f"{before} at {revision}, {after} now"
    message = f"{desired.address}: Azure rejects this change of a published resource ({sides})"
    fix = way_out(refusal, desired, [change.refusal] if change.refusal else ())
    file = change.where.file if change.where else desired.source.file
    line = change.where.line if change.where else desired.source.line
    return Problem(file, line, None, change.path, refusal.value, message, fix)


def _sides(before: Any, after: Any) -> tuple[str, str]:
    """Return both values as JSON, long ones cut around their first difference. Scrubbed before they are cut."""
    sides = _text(before), _text(after)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*sides, strict=False)))
    start = same - _LEAD if same > _SHOWN - _LEAD else 0
    first, second = (_cut(side, start) for side in sides)
    return first, second


def _text(value: Any) -> str:
    return "not set" if value is MISSING else scrub(canonical(value))


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def left_behind(before: Iterable[Desired], now: Iterable[Desired], revision: str) -> Iterator[Problem]:
    """
    Yield a warning for every resource whose manifest was deleted.

    Args:
        before: The resources declared earlier; their sources name files as they would be named now.
        now: The resources declared now.
        revision: As the user named it.
    """
    kept = {desired.key for desired in now}
    for desired in before:
        if desired.key not in kept:
            message = f"{desired.address} was declared at {revision}: it stays in Azure and becomes unmanaged"
            fix = "delete it in Azure yourself (the reconciler never deletes), or restore the manifest"
            yield Problem(desired.source.file, None, None, "", "manifest-deleted", message, fix)


def moved_latest(
    before: Mapping[str, Desired], now: Sequence[Desired], *, may_lose: bool
) -> tuple[tuple[LatestMove, ...], tuple[Problem, ...], tuple[Problem, ...]]:
    """
    Return what edits do to ``latest``, with the errors and the warnings about it.

    A manifest that is deleted stays published, and so stays a candidate.

    Args:
        before: The resources declared earlier, by folded id.
        now: The resources declared now.
        may_lose: Whether a region may be left without ``latest``.
    """
    edited = _edited_parents(before, now)
    declared = {item.key: item for item in now if item.kind.latest is not None and item.parent in edited}
    earlier = {key: item for key, item in before.items() if item.kind.latest is not None and item.parent in edited}
    versions = (_candidate(earlier.get(key), declared.get(key)) for key in {**earlier, **declared})
    told = foretell(versions, may_lose=may_lose)
    errors, warnings = [], []
    for move in told.moves:
        cause = declared.get(move.left or "")
        if cause is not None and (move.is_backwards or move.after is None):
            fields = compare(cause, earlier[cause.key].body, _UNTRACKED).fields
            if move.is_backwards:
                warnings.append(moved_back(move, cause, fields))
            elif not may_lose:
                errors.append(lost(move, cause, fields))
    return told.moves, tuple(errors), tuple(warnings)


def _edited_parents(before: Mapping[str, Desired], now: Sequence[Desired]) -> frozenset[str | None]:
    """Return the folded ids of the resources below which a manifest may have been edited, added or deleted."""
    later = {item.key: item for item in now}
    return frozenset(
        item.parent for key, item in (*before.items(), *later.items()) if before.get(key) is not later.get(key)
    )


def _candidate(before: Desired | None, now: Desired | None) -> Candidate:
    earlier, later = (_version(item) if item is not None else None for item in (before, now))
    is_same = now is None or (before is not None and not is_edited(before, now))
    item = now or before
    parent = item.kind.parent_id(item.params) or "" if item is not None else ""
    return Candidate(item.key if item is not None else "", earlier, earlier if is_same else later, parent)


def _version(item: Desired) -> Version | None:
    rule = item.kind.latest
    if rule is None or item.parent is None:
        return None
    return Version(rule, item.parent, item.params[rule.number], item.body)
