"""
Stage 8, its end: looks at what Azure made of a PUT that it took.

Nothing is believed of an answer alone: a write is done when a read shows it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.azure.observe import read_one
from reconciler.errors import ErrorCode, ErrorInfo, OperationError, RejectedError
from reconciler.kinds.live import Live, Replication
from reconciler.model.change import Finding
from reconciler.model.live import Unreadable
from reconciler.plan.decide import decide
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.azure.client import ArmReader
    from reconciler.azure.polling import Patience
    from reconciler.model.change import Change, FieldChange
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome
    from reconciler.plan.decide import Policy

DID_NOT_STICK: Final = ErrorCode.DID_NOT_STICK
READ_GRACE_S: Final = 60.0
"""How long after a PUT a read may still be of before it."""
_SHOWN_CHARACTERS: Final = 80


class Progress(Protocol):
    """Hears how an apply goes on."""

    def started(self, change: Change) -> None:
        """One resource is being taken up."""

    def noted(self, desired: Desired, text: str) -> None:
        """There is something to say of one that is being waited for."""

    def finished(self, outcome: Outcome) -> None:
        """One resource is done with."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """
    Reads until a write shows.

    Attributes:
        policy: Decides which values Azure must keep.
        patience: How long to wait.
    """

    arm: ArmReader
    policy: Policy
    patience: Patience
    progress: Progress

    async def read_back(self, desired: Desired, deadline: float) -> tuple[Live, Sequence[FieldChange]]:
        """
        Read until the resource is there, settled and as it was sent; just after a PUT a read may still be of before.

        Returns:
            What was read last, and what of it did not stick.

        Raises:
            OperationError: It is not there, or cannot be read.
        """
        grace = min(self.patience.clock.monotonic() + READ_GRACE_S, deadline)
        while True:
            observed = await read_one(desired, self.arm)
            is_over = self.patience.clock.monotonic() >= grace
            if isinstance(observed, Live):
                stuck = self._stuck(desired, observed)
                if observed.is_settled and (is_over or not stuck):
                    return observed, stuck
            elif is_over:
                raise OperationError(_unreadable(observed))
            await self.patience.pause(deadline)

    def _stuck(self, desired: Desired, live: Live) -> Sequence[FieldChange]:
        fields = decide(desired, live, self.policy).change.fields
        return [item for item in fields if item.finding is not Finding.UNDECLARED and _must_stick(item, self.policy)]

    async def wait_replicated(self, desired: Desired, deadline: float) -> None:
        """
        Read until every copy is made; the first reads after a PUT may still return the previous state.

        Raises:
            OperationError: A copy could not be made.
            RequestError: The resource cannot be read.
        """
        grace = min(self.patience.clock.monotonic() + READ_GRACE_S, deadline)
        while True:
            live = await self._copies(desired, grace)
            copies = live.replication or Replication() if live is not None else Replication()
            if copies.has_failed:
                raise OperationError(_not_replicated(copies))
            if live is not None and live.has_failed:
                raise OperationError(provisioning_failed(live))
            if live is not None and live.is_settled and copies.is_complete:
                return
            if live is not None:
                self.progress.noted(desired, str(copies))
            await self.patience.pause(deadline)

    async def _copies(self, desired: Desired, grace: float) -> Live | None:
        """Read a resource with its replication; None for what is read of before while that may be."""
        try:
            live = desired.kind.live(await self.arm.get(desired.id, desired.kind.api_version, desired.kind.health))
        except RejectedError as error:
            if error.info.status != HTTPStatus.NOT_FOUND or self.patience.clock.monotonic() >= grace:
                raise
            return None
        is_of_before = self.patience.clock.monotonic() < grace and self._stuck(desired, live)
        return None if is_of_before else live


def provisioning_failed(live: Live) -> ErrorInfo:
    """Return the error for a resource whose operation ended, and which is not well."""
    message = f"the resource is {live.provisioning_state} after the operation ended"
    fix = "look for the cause in the activity log of the resource (az monitor activity-log list), then run again"
    return ErrorInfo(ErrorCode.PROVISIONING_FAILED, message, fix=fix)


def _not_replicated(replication: Replication) -> ErrorInfo:
    message = replication.failure()
    fix = "drop the region with the safety flag set, apply, then state it again"
    return ErrorInfo(ErrorCode.REPLICATION_FAILED, message, fix=fix)


def _must_stick(change: FieldChange, policy: Policy) -> bool:
    return change.finding is not Finding.UNVERIFIED or (policy.adopt and policy.tracking.tags)


def _unreadable(observed: object) -> ErrorInfo:
    if isinstance(observed, Unreadable):
        return observed.error
    return ErrorInfo(ErrorCode.UNUSABLE_ANSWER, "ARM took the PUT, and the resource is not there", fix="run again")


def did_not_stick(fields: Sequence[FieldChange]) -> ErrorInfo:
    """Return the error for what Azure took and did not keep."""
    first = fields[0]
    observed, desired = _short(first.observed), _short(first.desired)
    more = f", and {len(fields) - 1} more" if len(fields) > 1 else ""
    message = f"Azure took the PUT and {first.path} is {observed}, not {desired}{more}"
    fix = "another writer may be at work, or Azure does not honor the value: compare both before running again"
    return ErrorInfo(DID_NOT_STICK, message, fix=fix)


def _short(value: object) -> str:
    """Return a value as JSON, on one line and no longer than fits into a sentence; a secret is not shown."""
    if value is MISSING:
        return "absent"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
