"""The words that people read for actions, reasons and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.change import Action, Cause, Change, FieldChange, Finding, Reason, Refusal, Sync

if TYPE_CHECKING:
    from reconciler.model.live import Unmanaged

MARKS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.NONE: "=",
    Action.BLOCKED: "!",
    Action.WAIT: "…",
    Action.PAUSED: "=",
    Action.UNKNOWN: "?",
}
SIGNATURES: Final = {
    "userDelegation": "made by the run (userDelegation)",
    "manifest": "written in the manifest",
    "live": "the one that Azure holds",
}
"""Where a signature comes from, in words; a variable is called by its name."""
UNMANAGED_MARK: Final = "*"

REASONS: Final = {
    Reason.IN_SYNC: "in sync",
    Reason.NOT_FOUND: "does not exist yet",
    Reason.FIELDS_DIFFER: "differs from the manifest",
    Reason.ADOPT: "what cannot be read back is not recorded yet",
    Reason.LAST_OPERATION_FAILED: "its last operation failed",
    Reason.DID_NOT_STICK: "Azure took this before and did not keep it",
    Reason.REPUBLISH: "asked for with --republish",
    Reason.IMMUTABLE_FIELD: "a field differs that is frozen after create",
    Reason.REMOVAL_REFUSED: "an element would go that must not be removed",
    Reason.CANNOT_UNSET: "a value would go that the service cannot clear",
    Reason.PARENT_MISSING: "its parent does not exist",
    Reason.GROUP_MISSING: "its resource group does not exist",
    Reason.OWNED_ELSEWHERE: "another project owns it",
    Reason.OPERATION_RUNNING: "an earlier operation is still running",
    Reason.PAUSED: "by its annotation",
    Reason.READ_FAILED: "it could not be read",
    Reason.UNMANAGED: "no manifest states it; never touched",
}

PLAIN: Final = frozenset({Reason.IN_SYNC, Reason.NOT_FOUND, Reason.FIELDS_DIFFER})
"""Reasons that the mark and the lines below it already tell."""

_REFUSALS: Final = {
    Refusal.IMMUTABLE: "frozen",
    Refusal.REMOVAL: "must not be removed",
    Refusal.CANNOT_UNSET: "cannot be cleared",
}


_CAUSES: Final = {
    Cause.DRIFT: "drifted in Azure",
    Cause.PENDING: "edited in git",
    Cause.BOTH: "edited in git and drifted in Azure",
}


def stray_of(unmanaged: Unmanaged) -> str:
    """Return why a resource that no manifest declares is left alone."""
    if unmanaged.owner is None:
        return REASONS[Reason.UNMANAGED]
    return f"owned by project `{unmanaged.owner}`; never touched"


def gone_of(change: Change) -> str:
    """Return what is to be said of a resource that was there once; empty where nobody knows, or it is there."""
    side = _CAUSES.get(change.cause or Cause.UNKNOWN)
    return f"{side}: it was applied once, and is gone" if side and change.sync is Sync.MISSING else ""


def note_of(field: FieldChange) -> str:
    """Return what is to be said of a difference besides its two sides; empty if nothing is."""
    cause = _CAUSES.get(field.cause, "cause unknown") if field.cause else ""
    return ", ".join(note for note in (_kind_of(field), cause) if note)


def _kind_of(field: FieldChange) -> str:
    if field.finding is Finding.UNDECLARED:
        return "not in the manifest, left alone"
    if field.refusal is not None:
        return _REFUSALS[field.refusal]
    if field.finding is Finding.IMMUTABLE:
        return "frozen"
    return "the default" if field.origin == "default" else ""
