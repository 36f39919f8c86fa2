"""
Waits on the clock it is given, and reads the word that an operation has for its state.

Facts: "Track asynchronous Azure operations" (learn.microsoft.com); the resource provider contract's
async-api-reference.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.azure.client import Polled
    from reconciler.clock import Clock

_SUCCEEDED: Final = frozenset({"succeeded", "completed"})
_FAILED: Final = frozenset({"failed", "canceled", "cancelled"})


class Interrupted(Exception):  # noqa: N818 (it is not an error: a signal ended the run)
    """The run was interrupted."""


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long to wait, and for how long at most.

    Attributes:
        interval_s: Between two looks, unless ARM asks for another time.
        timeout_s: For one operation.
        stop: Set when the run is interrupted.
    """

    clock: Clock
    interval_s: float
    timeout_s: float
    stop: asyncio.Event

    @property
    def is_interrupted(self) -> bool:
        """Whether the run was interrupted."""
        return self.stop.is_set()

    def check(self) -> None:
        """
        Return unless the run was interrupted.

        Raises:
            Interrupted: It was.
        """
        if self.is_interrupted:
            raise Interrupted

    async def wait(self, seconds: float) -> None:
        """
        Wait for a time, or until the run is interrupted.

        Raises:
            Interrupted: The run was interrupted.
        """
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, stopping):
                task.cancel()
        self.check()


def has_succeeded(polled: Polled) -> bool:
    """Return whether an operation ended well; without a word for its state, its resource shows how it ended."""
    return not polled.status or polled.status.lower() in _SUCCEEDED


def has_failed(polled: Polled) -> bool:
    """Return whether an operation ended otherwise; an unknown word means that it is still running."""
    return polled.status is not None and polled.status.lower() in _FAILED
