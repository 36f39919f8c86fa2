"""
Follows a long-running operation to its end. Waits on the clock it is given; writes nothing.

Facts: "Track asynchronous Azure operations" (learn.microsoft.com); the resource provider contract's
async-api-reference.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.azure.answers import operation_error
from reconciler.azure.client import Polled
from reconciler.errors import ErrorCode, ErrorInfo, OperationError, RejectedError, TransientError, UnusableAnswerError

if TYPE_CHECKING:
    from reconciler.azure.client import Accepted, ArmWriter
    from reconciler.clock import Clock

_LOG: Final = logging.getLogger("reconciler.azure")
_SUCCEEDED: Final = frozenset({"succeeded", "completed"})
_FAILED: Final = frozenset({"failed", "canceled", "cancelled"})
_LEAST_S: Final = 1.0  # whole seconds are the rule; of milliseconds there would be thousands of looks
_GRACE_S: Final = 60.0  # right after a PUT even the operation's own URL may answer 404


class Interrupted(Exception):  # noqa: N818 (it is not an error: somebody asked the run to stop)
    """The run was told to stop while it waited."""


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long to wait for what.

    Attributes:
        interval_s: Between two looks, unless ARM asks for another time.
        timeout_s: For one operation.
        stop: Set when the run is told to stop.
    """

    clock: Clock
    interval_s: float
    timeout_s: float
    stop: asyncio.Event

    def deadline(self) -> float:
        """Return the moment, in monotonic seconds, at which waiting that starts now ends."""
        return self.clock.monotonic() + self.timeout_s

    async def pause(self, deadline: float, seconds: float | None = None) -> None:
        """
        Wait for the next look.

        Raises:
            OperationError: The deadline has passed.
            Interrupted: The run was told to stop.
        """
        left = deadline - self.clock.monotonic()
        if left <= 0:
            message = f"still running after {self.timeout_s:g} s"
            fix = "it goes on in Azure: run again later, or raise --timeout"
            raise OperationError(ErrorInfo(ErrorCode.TIMEOUT, message, fix=fix))
        await self._sleep(min(left, seconds or self.interval_s))

    def check(self) -> None:
        """
        Go on only if the run was not told to stop.

        Raises:
            Interrupted: It was.
        """
        if self.stop.is_set():
            raise Interrupted

    async def _sleep(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, stopping):
                task.cancel()
        self.check()


async def follow(arm: ArmWriter, accepted: Accepted, patience: Patience, deadline: float) -> None:
    """
    Wait until the operation of an accepted PUT has ended well.

    An unknown word means that it is still running. Where the operation cannot be read, as by a role that lacks
    ``Microsoft.Compute/locations/capsOperations/read``, this returns early: the resource's own ``provisioningState``
    then shows how it ended.

    Raises:
        OperationError: It ended otherwise, or did not end in time.
        RequestError: It could not be followed.
        Interrupted: The run was told to stop.
    """
    if accepted.retry_after_s:
        await patience.pause(deadline, accepted.retry_after_s)
    if accepted.operation is None:
        return
    grace = patience.clock.monotonic() + _GRACE_S
    retry_after: float | None = None
    while True:
        try:
            polled = await _look(arm, accepted.operation, patience, grace)
        except (TransientError, UnusableAnswerError):
            return  # the resource itself will show how it ended
        if polled is None:
            await patience.pause(deadline, retry_after)  # a read at once may still be of before the PUT
            return
        status = polled.status.lower() if polled.status else "succeeded"
        if status in _SUCCEEDED:
            return
        if status in _FAILED:
            raise OperationError(
                operation_error(polled.body, f"the operation ended {polled.status}", polled.request_id)
            )
        retry_after = max(polled.retry_after_s, _LEAST_S) if polled.retry_after_s else None
        await patience.pause(deadline, retry_after)


async def _look(arm: ArmWriter, operation: str, patience: Patience, grace: float) -> Polled | None:
    """Return what an operation says of itself; None where reading it is refused."""
    try:
        return await arm.poll(operation)
    except RejectedError as error:
        if error.info.status != HTTPStatus.NOT_FOUND:
            _LOG.info("%s: the operation cannot be read; following the resource's own state", error.info.code)
            return None
        if patience.clock.monotonic() >= grace:
            raise
        return Polled("InProgress", {}, None)
