"""
Stage 8, its end: judges whether Azure kept what a PUT sent. Pure.

An answer to a PUT proves nothing: a write is complete when a read shows it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.model.change import Finding
from reconciler.model.live import Unreadable
from reconciler.plan.decide import decide
from reconciler.plan.rollout import Rollouts
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.kinds.live import Live, Replication
    from reconciler.model.change import FieldChange
    from reconciler.model.desired import Desired
    from reconciler.model.live import Absent
    from reconciler.plan.decide import Policy

_SHOWN_CHARACTERS: Final = 80


def unkept(desired: Desired, live: Live, policy: Policy) -> tuple[FieldChange, ...]:
    """
    Return the differences that a resource has although a PUT was accepted.

    Args:
        desired: As it was sent: of a version in a rollout, the part that was due.
        live: As read after the PUT.
        policy: The user's choices.
    """
    fields = decide(desired, live, replace(policy, rollouts=Rollouts(), repair=frozenset())).change.fields
    return tuple(each for each in fields if each.finding is not Finding.UNDECLARED and _must_be_kept(each, policy))


def _must_be_kept(change: FieldChange, policy: Policy) -> bool:
    if change.finding is not Finding.UNVERIFIED:
        return True
    return change.unknown is None and policy.adopt and policy.tracking.tags


def provisioning_failed(live: Live) -> ErrorInfo:
    """Return the error for a resource whose operation ended, and which is not well."""
    message = f"the resource is {live.provisioning_state} after the operation ended"
    fix = "look for the cause in the activity log of the resource (az monitor activity-log list), then run again"
    return ErrorInfo(ErrorCode.PROVISIONING_FAILED, message, fix=fix)


def not_replicated(desired: Desired, replication: Replication) -> ErrorInfo:
    """Return the error for a version of which a copy could not be made."""
    fix = f"run apply --repair {desired.address} with the safety flag set: it drops the region and adds it again"
    return ErrorInfo(ErrorCode.REPLICATION_FAILED, replication.failure(desired.body), fix=fix)


def unreadable(observed: Absent | Unreadable) -> ErrorInfo:
    """Return the error for a resource that could not be read after its PUT."""
    if isinstance(observed, Unreadable):
        return observed.error
    return ErrorInfo(
        ErrorCode.UNUSABLE_ANSWER, "Azure accepted the PUT, but the resource does not exist", fix="run again"
    )


def did_not_stick(fields: Sequence[FieldChange]) -> ErrorInfo:
    """Return the error for values that Azure did not keep."""
    first = fields[0]
    observed, desired = _short(first.observed), _short(first.desired)
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    message = f"Azure accepted the PUT, but `{first.path}` is {observed} instead of {desired}{more}"
    fix = "compare both values: another client may have changed the field, or Azure does not keep the value"
    return ErrorInfo(ErrorCode.DID_NOT_STICK, message, fix=fix)


def _short(value: object) -> str:
    """Return a value as JSON, on one line and no longer than fits into a sentence; a secret is not shown."""
    if value is MISSING:
        return "absent"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
