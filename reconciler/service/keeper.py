"""Keeps the lock of one writer for as long as the process lives: sends what :mod:`reconciler.service.lock` asks for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.azure.stopping import unless_stopped
from reconciler.errors import PathError, ReconcilerError, RequestError
from reconciler.problems import LOCK_UNUSABLE, Problem
from reconciler.service import lock
from reconciler.service.lock import Instant, Lock, Pause, Request, Terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reconciler.clock import Clock
    from reconciler.model.outcome import Held

_LOG: Final = logging.getLogger("reconciler.loop")
_RELEASE_S: Final = 0.5


class Door(Protocol):
    """The lock outside of this process."""

    async def acquire(self) -> str | None:
        """Acquire it; return None if it is granted, else the name of its holder, which may be empty."""

    async def renew(self) -> str | None:
        """Renew it, likewise."""

    async def release(self) -> None:
        """Release it."""

    async def close(self) -> None:
        """Close connections."""


@dataclass(slots=True)
class Keeper:
    """
    The lock of this process.

    Attributes:
        place: Of the lock, as the operator names it.
        first: Set when the first request has ended.
    """

    door: Door
    terms: Terms
    clock: Clock
    place: str
    first: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: Lock = field(default_factory=Lock)

    def held(self) -> Held | None:
        """Return why no PUT may begin now; None where one may."""
        return lock.held(self._lock, self._now(), self.terms)

    def trouble(self) -> Problem | None:
        """Return the warning that the lock cannot be used; None where it can."""
        if not self._lock.trouble:
            return None
        fix = "correct --lock or --state-dir; until then, rounds only report"
        return Problem("--lock", None, None, "", LOCK_UNUSABLE, f"{self.place}: {self._lock.trouble}", fix)

    @asynccontextmanager
    async def kept(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """
        Keep the lock during the block, whose begin waits for the first answer; release it at its end.

        Raises:
            Interrupted: *stop* was set before there was an answer.
        """
        task = asyncio.ensure_future(self._keep())
        try:
            await unless_stopped(self.first.wait(), stop)
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self._release()

    async def _keep(self) -> None:
        while True:
            self._lock = lock.expire(self._lock, self._now(), self.terms)
            step = lock.next_request(self._lock, self._now(), self.terms)
            if isinstance(step, Pause):
                await (self.clock.sleep(step.seconds) if isfinite(step.seconds) else asyncio.Event().wait())
            else:
                self._lock = await self._asked(step)
                self.first.set()

    async def _asked(self, step: Request) -> Lock:
        sent = self._now()
        try:
            holder = await (self.door.acquire() if step is Request.ACQUIRE else self.door.renew())
        except (RequestError, PathError) as error:
            _LOG.warning("the lock %s: %s", self.place, error)
            return lock.unanswered(self._lock, sent, _words(error))
        except Exception as error:  # noqa: BLE001 (a bug here must not end the loop; without the lock nothing is written)
            _LOG.warning("the lock %s: %s", self.place, type(error).__name__)
            return lock.unanswered(self._lock, sent, f"internal error: {type(error).__name__}")
        if holder is None:
            return lock.acquire(self._lock, sent)
        return lock.lose(self._lock, sent, holder or None)

    async def _release(self) -> None:
        """Release the lock, if that is quick: it ends by itself."""
        is_ours, self._lock = self._lock.asked is not None, lock.release(self._lock)
        with contextlib.suppress(ReconcilerError, OSError, TimeoutError):
            if is_ours:
                async with asyncio.timeout(_RELEASE_S):
                    await self.door.release()
        await self.door.close()

    def _now(self) -> Instant:
        return Instant(self.clock.monotonic(), self.clock.now().timestamp())


def _words(error: RequestError | PathError) -> str:
    if isinstance(error, PathError):
        return error.reason
    return f"{error.info.message}{f' (fix: {error.info.fix})' if error.info.fix else ''}"
