"""
Sends a request until it has an outcome that is worth having, and lets all requests wait as the service asks.

The only place that sends again. Its decisions are pure functions of :mod:`reconciler.http.retry_policy`,
:mod:`reconciler.http.outage` and :mod:`reconciler.http.window`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from reconciler.errors import TransientError
from reconciler.http.answer import Answer
from reconciler.http.outage import NO_OUTAGE, Outage
from reconciler.http.retry_policy import LONGEST_WAIT_S, USUAL, Tried, asked_s, info_of, is_throttled, is_up
from reconciler.http.throttle import NOTHING_SAID, Throttle
from reconciler.http.window import EVERYBODY, Window, Windows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from reconciler.clock import Clock
    from reconciler.http.retry_policy import Outcome, Policy
    from reconciler.http.throttle import Lane

_IN_DOUBT: Final = 16  # requests in flight as long as the service has not answered, or has failed last


@dataclass(slots=True)
class HeldUp:
    """
    The time that the requests of a client and its copies waited for limits of a service.

    Attributes:
        seconds: Of all requests together.
    """

    seconds: float = 0.0


@dataclass(slots=True)
class Retrier:
    """
    Sends with retries: exponential waits with full jitter, ``Retry-After`` obeyed and shared by a whole scope.

    While the service is down, one request at a time asks whether it is back, at growing intervals; after a minute, or
    30 failures in a row, nothing more is sent, and every request ends with the last error of the service. Until it has
    answered well, few requests are in flight, however many at a time were asked for.

    Attributes:
        policy: Decides which requests are sent again.
        chance: Source of the jitter.
        throttle: Knows what is left of the service's limits.
        windows: Times in which nothing is sent, for all clients of one process.
        held_up: Adds up how long requests waited for limits of the service.
    """

    clock: Clock
    policy: Policy = USUAL
    chance: Random = field(default_factory=Random)
    throttle: Throttle = field(default_factory=Throttle)
    windows: Windows = field(default_factory=Windows)
    held_up: HeldUp = field(default_factory=HeldUp)
    _sent: int = 0
    _repeated: int = 0
    _outage: Outage = NO_OUTAGE
    _is_up: bool = False
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_IN_DOUBT))

    async def send(self, lane: Lane, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """
        Send until there is an outcome that is worth having.

        Args:
            lane: The limits that the request counts towards. A throttled answer holds for all of its scope; a write may
                have taken effect when its answer is lost: only a throttled one is sent again, where the service names
                no time to wait.
            send: Sends the request once.

        Returns:
            The last answer, which may still be an error.

        Raises:
            TransientError: There was no answer.
        """
        for number in count(1):
            outcome = await self._send_once(lane, send)
            self._note(lane, outcome)
            wait = self._wait_after(outcome, number, write=lane.write)
            if wait is None:
                break
            if wait:
                self.held_up.seconds += wait if is_throttled(outcome) else 0.0
                await self.clock.sleep(wait)
        if isinstance(outcome, TransientError):
            raise outcome
        return outcome

    async def _send_once(self, lane: Lane, send: Callable[[], Awaitable[Answer]]) -> Outcome:
        remaining = NOTHING_SAID
        await self._sit_out(lane)
        pause = self.throttle.begin(lane, self.clock.monotonic())
        try:
            if pause:
                self.held_up.seconds += pause
                await self.clock.sleep(pause)
            async with self._admitted(lane):
                self._sent += 1
                outcome = await _outcome(send)
            if isinstance(outcome, Answer):
                remaining = outcome.service.remaining(outcome.headers, lane)
        finally:
            self.throttle.end(lane, remaining, self.clock.monotonic())
        return outcome

    def _wait_after(self, outcome: Outcome, number: int, *, write: bool) -> float | None:
        """Return the seconds until the request is sent again; None if it is not."""
        is_given_up = self._outage.is_given_up(self.clock.monotonic())
        tried = Tried(number, write, self._sent, self._repeated, is_given_up)
        repeat = self.policy.repeat(outcome, asked_s(outcome, self.clock.now()), tried)
        if repeat is None:
            return None
        if not repeat.is_counted:
            return repeat.least_s
        self._repeated += 1
        return max(repeat.least_s, self.chance.uniform(0, repeat.most_s))

    def _note(self, lane: Lane, outcome: Outcome) -> None:
        """Keep what an outcome means for all requests, also if its own is not sent again."""
        now = self.clock.monotonic()
        self._is_up = is_up(outcome)
        if self._is_up:
            self._outage = NO_OUTAGE
            return
        error, asked = info_of(outcome), asked_s(outcome, self.clock.now())
        self._outage = self._outage.after(error, now, is_throttled=is_throttled(outcome))
        if asked and is_throttled(outcome):
            self.windows.hold(lane.scope, now, asked, error)
        if self._outage.is_down and not self.windows.holds(EVERYBODY, now):
            self.windows.hold(EVERYBODY, now, self._outage.probe_s)
            self._outage = self._outage.after_probe()

    @asynccontextmanager
    async def _admitted(self, lane: Lane) -> AsyncIterator[None]:
        """Let a request be sent within: after every window, and as one of few while the service may be down."""
        while True:
            await self._sit_out(lane)
            if self._is_up:
                yield
                return
            async with self._few:
                if self._open_window(lane) is None and not self._outage.is_given_up(self.clock.monotonic()):
                    yield
                    return

    async def _sit_out(self, lane: Lane) -> None:
        """Wait until the request may be sent; if it never may, end with the last error."""
        while not self._outage.is_given_up(self.clock.monotonic()):
            window = self._open_window(lane)
            if window is None:
                return
            left = window.until - self.clock.monotonic()
            if window.refused is not None and left > LONGEST_WAIT_S:
                raise TransientError(window.refused, retry_after_s=left)
            place = window.place(self.chance)
            while (wait := place - self.clock.monotonic()) > 0:
                self.held_up.seconds += wait
                await self.clock.sleep(wait)
        raise TransientError(self._outage.last)

    def _open_window(self, lane: Lane) -> Window | None:
        return self.windows.open_for(lane.scope, self.clock.monotonic())


async def _outcome(send: Callable[[], Awaitable[Answer]]) -> Outcome:
    try:
        return await send()
    except TransientError as error:
        return error
