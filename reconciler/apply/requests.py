"""Stage 8: sends the requests of one resource, and returns an event for each. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.apply.conflicts import among, siblings_path
from reconciler.apply.steps import (
    Blockers,
    Conflict,
    Ended,
    Event,
    Expired,
    Hidden,
    InProgress,
    NotFound,
    Outdated,
    Poll,
    Put,
    Read,
    Refused,
    Sample,
    Sampled,
    Stopped,
    Taken,
    Unanswered,
    Withheld,
)
from reconciler.azure.answers import operation_error
from reconciler.azure.observe import read_one
from reconciler.azure.polling import Interrupted, has_failed, has_succeeded
from reconciler.errors import (
    ConflictError,
    ErrorInfo,
    PackageError,
    RejectedError,
    RequestError,
    TransientError,
    UnusableAnswerError,
)
from reconciler.model.live import Unreadable
from reconciler.model.outcome import always
from reconciler.plan.gate import Row
from reconciler.secret.text import Secret, quotable_in, scrub_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmWriter
    from reconciler.azure.gates import Gates
    from reconciler.azure.polling import Patience
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.model.outcome import Held

_LOG: Final = logging.getLogger("reconciler.azure")


class _NotSentError(Exception):
    """A PUT that is about to be sent may not be: the read behind it is old, or writing is held."""

    def __init__(self, event: Expired | Outdated | Withheld) -> None:
        """Keep the event that the driver reports."""
        super().__init__()
        self.event = event


@dataclass(slots=True)
class Requests:
    """
    The requests of one resource.

    Attributes:
        arm: The only object that can write.
        count: Called for each PUT that is sent.
        blobs: Lets Azure read the packages that a PUT names; None where it needs no help.
        permit: Returns why no PUT may be sent now; None where it may.
        secrets: Those in the last PUT: Azure may quote them.
        gates: Of rollouts; None in a run without any.
    """

    desired: Desired
    arm: ArmWriter
    patience: Patience
    count: Callable[[], None]
    blobs: Blobs | None = None
    permit: Callable[[], Held | None] = always
    secrets: frozenset[Secret] = frozenset()
    gates: Gates | None = None

    async def read(self, step: Read) -> Observed:
        """Read the resource by itself, with its replication where the step asks for it."""
        kind = self.desired.kind
        if step.decides:
            read = await read_one(self.desired, self.arm, replication=step.replication)
            return replace(read, error=self._clean(read.error)) if isinstance(read, Unreadable) else read
        try:
            return kind.live(await self.arm.get_newest(kind, self.desired.id, kind.health))
        except RequestError as error:
            return Unreadable(self._clean(error.info))

    async def sample(self, step: Sample) -> Event:
        """Return the answer of a rollout's gate; without one to ask, the row has no end."""
        if self.gates is None:
            return Sampled(Row(), step.rule.every.total_seconds(), is_patient=False)
        row = await self.gates.sample(self.desired.key, step.rule, step.state)
        pause_s = row.pause_s(step.rule, self.patience.clock.monotonic())
        return Sampled(row, pause_s, self.gates.is_patient)

    async def put(self, step: Put) -> Event:
        """Send a PUT, unless the run is interrupted or the read behind it has become too old before its turn."""
        is_sent = False

        def check() -> None:
            nonlocal is_sent
            self._check(step)
            self.count()
            is_sent = True

        body = step.body
        try:
            if self.blobs is not None:
                body = await self.blobs.ready(self.desired, body)
            self.secrets = quotable_in(body)
            accepted = await self.arm.put(self.desired.id, step.version, body, check)
        except Interrupted:
            return Stopped()
        except _NotSentError as error:
            return error.event
        except (RequestError, PackageError) as error:
            return self._not_taken(error, step)
        except asyncio.CancelledError:
            if not self.patience.is_interrupted:
                raise
            return Stopped(is_sent=is_sent)
        request_id = scrub_known(accepted.request_id, self.secrets) if accepted.request_id else None
        return Taken(accepted.operation, request_id, accepted.retry_after_s)

    def _check(self, step: Put) -> None:
        """
        Return if a PUT may be sent now.

        Raises:
            Interrupted: The run is interrupted.
            _NotSentError: It may not.
        """
        self.patience.check()
        if self.patience.clock.monotonic() > step.not_after:
            raise _NotSentError(Expired())
        if self.permit() is not None:
            raise _NotSentError(Withheld())
        known = self.arm.newest_to_put(self.desired.kind, self.desired.id)
        if step.version > known:  # a PUT of another resource was refused meanwhile
            raise _NotSentError(Outdated(known))

    def _not_taken(self, error: RequestError | PackageError, step: Put) -> Conflict | Unanswered | Outdated | Refused:
        newest = self.arm.refused_to_put(self.desired.kind, self.desired.id, step.version, error.info)
        if newest is not None:
            return Outdated(newest)
        info = self._clean(error.info)
        if isinstance(error, ConflictError):
            return Conflict(info, error.retry_after_s)
        if isinstance(error, TransientError):
            return Unanswered(info, error.retry_after_s, error.may_have_landed)
        return Refused(info)

    async def poll(self, step: Poll) -> Event:
        """Request the state of an operation."""
        try:
            polled = await self.arm.poll(step.operation)
        except (TransientError, UnusableAnswerError):
            return Hidden()
        except RejectedError as error:
            if error.info.status == HTTPStatus.NOT_FOUND:
                return NotFound()
            _LOG.info("%s: the operation cannot be read; following the resource's own state", error.info.code)
            return Hidden()
        except RequestError as error:
            return Refused(self._clean(error.info))
        if has_succeeded(polled):
            return Ended()
        if not has_failed(polled):
            return InProgress(polled.retry_after_s)
        info = operation_error(polled.body, f"the operation ended {polled.status}", polled.request_id)
        return Ended(self._clean(info))

    async def siblings(self) -> Blockers:
        """Find the operations in the resource's writer slot; none where its siblings cannot be read."""
        path = siblings_path(self.desired)
        if path is None:
            return Blockers()
        try:
            return Blockers(among(self.desired, await self.arm.list_newest(self.desired.kind, path)))
        except RequestError:
            return Blockers()

    def _clean(self, info: ErrorInfo) -> ErrorInfo:
        """Return an error without the secrets of the PUT, which Azure may quote."""
        secrets = self.secrets
        return replace(
            info,
            code=scrub_known(info.code, secrets),
            message=scrub_known(info.message, secrets),
            fix=scrub_known(info.fix, secrets) if info.fix else info.fix,
            request_id=scrub_known(info.request_id, secrets) if info.request_id else info.request_id,
            targets=tuple(scrub_known(name, secrets) for name in info.targets),
        )
