"""The words that people read for actions, reasons and findings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.change import BY_IDENTITY, Action, Cause, Change, FieldChange, Finding, Reason, Refusal, Sync

if TYPE_CHECKING:
    from reconciler.model.change import Signing, Version
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
UNMANAGED_MARK: Final = "*"

REASONS: Final = {
    Reason.IN_SYNC: "in sync",
    Reason.NOT_FOUND: "does not exist yet",
    Reason.FIELDS_DIFFER: "differs from the manifest",
    Reason.ADOPT: "a write-only value is not recorded yet",
    Reason.LAST_OPERATION_FAILED: "its last operation failed",
    Reason.DID_NOT_STICK: "a value was not kept by Azure",
    Reason.REPUBLISH: "requested with --republish",
    Reason.IMMUTABLE_FIELD: "an immutable field has changed",
    Reason.REMOVAL_REFUSED: "an element is missing from the manifest and must not be removed",
    Reason.CANNOT_UNSET: "a value is missing from the manifest and cannot be cleared",
    Reason.NEWER_LIVE: "a live field is newer than the api-version of the PUT",
    Reason.ROLLOUT_WAITING: "between two steps of its rollout",
    Reason.ROLLOUT_FAILED: "its rollout is stopped",
    Reason.LATEST_LOST: "a region would be left without a latest version",
    Reason.API_VERSION_LAG: "a declared field is newer than the api-versions that Azure knows",
    Reason.PARENT_MISSING: "its parent does not exist",
    Reason.GROUP_MISSING: "its resource group does not exist",
    Reason.OWNED_ELSEWHERE: "owned by another project",
    Reason.OPERATION_RUNNING: "an earlier operation is still running",
    Reason.PAUSED: "an annotation pauses it",
    Reason.HELD: "not written: writing is held",
    Reason.READ_FAILED: "could not be read",
    Reason.UNMANAGED: "not declared by any manifest; left unchanged",
}

PLAIN: Final = frozenset({Reason.IN_SYNC, Reason.NOT_FOUND, Reason.FIELDS_DIFFER})
"""Reasons that the mark and the lines below it already show."""

_SIGNATURES: Final = {
    "userDelegation": "made by the run (userDelegation)",
    "manifest": "written in the manifest",
    "live": "the live one in Azure",
}

_REFUSALS: Final = {
    Refusal.IMMUTABLE: "immutable after creation",
    Refusal.REMOVAL: "must not be removed",
    Refusal.CANNOT_UNSET: "cannot be cleared",
    Refusal.NEWER_LIVE: "newer than the api-version of the PUT",
    Refusal.LAG: "newer than the api-versions that Azure knows",
}

_CAUSES: Final = {
    Cause.DRIFT: "changed outside git (drift)",
    Cause.PENDING: "pending in git",
    Cause.BOTH: "pending in git, and changed outside git (drift)",
}


def reason_of(rule: str) -> str:
    """Return the words for a rule that is named for a reason; empty for any other."""
    return REASONS[Reason(rule)] if rule in REASONS else ""


def owner_of(unmanaged: Unmanaged) -> str:
    """Return why a resource that no manifest declares is left unchanged."""
    if unmanaged.owner is None:
        return REASONS[Reason.UNMANAGED]
    return f"owned by project `{unmanaged.owner}`; left unchanged"


def signature_of(signing: Signing) -> str:
    """Return the source of the signature of a link, or that it needs none; a variable is called by its name."""
    if signing.source == BY_IDENTITY:
        return f"no signature for {signing.host}: read by the gallery's identity ({signing.path})"
    source = _SIGNATURES.get(signing.source, f"the variable {signing.source}")
    return f"signature for {signing.host}: {source} ({signing.path})"


def version_of(version: Version) -> str:
    """Return the api-version of a PUT, and the field that needs it."""
    return f"api-version {version.name}{f', for `{version.path}`' if version.path else ', as pinned'}"


def deleted_of(change: Change) -> str:
    """Return the remark on a resource that existed once; empty where that is unknown, or it exists."""
    side = _CAUSES.get(change.cause or Cause.UNKNOWN)
    return f"{side}: applied before, and deleted since" if side and change.sync is Sync.MISSING else ""


def note_of(field: FieldChange) -> str:
    """Return the remark beside the two sides of a difference; empty without one."""
    cause = _CAUSES.get(field.cause, "cause unknown") if field.cause else ""
    return ", ".join(note for note in (_kind_of(field), cause) if note)


def _kind_of(field: FieldChange) -> str:
    if field.refusal is not None:
        return _REFUSALS[field.refusal]
    if field.finding is Finding.UNDECLARED:
        return "undeclared, left unchanged"
    if field.finding is Finding.IMMUTABLE:
        return _REFUSALS[Refusal.IMMUTABLE]
    return "the default" if field.origin == "default" else ""
