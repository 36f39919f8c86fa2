"""
When a request is sent again, and how long all requests wait first. The only place that decides it.

Requests that are safe to repeat are repeated here. A PUT whose answer was lost is not: its sender reads first.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.azure.answers import RETRYABLE, Answer, error_of
from reconciler.errors import ErrorCode, ErrorInfo, TransientError
from reconciler.http.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping

    from reconciler.clock import Clock
    from reconciler.http.throttle import Lane

LONGEST_WAIT_S: Final = 600.0  # "Retry-After" of ARM is 10 to 600 s (resource provider contract, async-api-reference)
_LONGEST_WINDOW_S: Final = 86_400.0
_LONGEST_SPREAD_S: Final = 10.0
_EVERYBODY: Final = "everybody"

_DOWN_AFTER: Final = 10  # failures in a row
_GIVEN_UP_AFTER: Final = 30  # failures in a row; with those in flight, ARM gets no 50 requests when it is down
_IN_DOUBT: Final = 16  # requests in flight as long as ARM has not answered, or has failed last
_BLINK_S: Final = 5.0  # within which any number of requests in flight may fail at the same time
_OUTAGE_S: Final = 60.0
_FEWEST_FAILURES: Final = 3  # one at a time they come slowly, and two of them are no outage
_REFUSING_S: Final = 1200.0
_PROBE_EVERY_S: Final = 10.0

Outcome: TypeAlias = "Answer | TransientError"


@dataclass(slots=True)
class _Window:
    """
    A time in which nothing is sent. At its end one goes ahead; the others follow when its answer may be there.

    Attributes:
        refused: The error for a request that does not wait so long; None where every request waits.
    """

    until: float
    seconds: float
    refused: ErrorInfo | None = None
    is_led: bool = False

    def place(self, chance: Random) -> float:
        """Return when the next of those that wait may be sent."""
        if not self.is_led:
            self.is_led = True
            return self.until
        spread = min(_LONGEST_SPREAD_S, self.seconds)
        return self.until + chance.uniform(spread / 10, spread)


Windows: TypeAlias = "dict[Hashable, _Window]"


@dataclass(slots=True)
class _Outage:
    """
    The failures since ARM's last usable answer, of all requests together.

    Attributes:
        since: When the first request was refused or failed.
        failing_since: When the first request failed; throttling does not mean that ARM is down.
        failures: How many requests failed.
        probes: How many windows they have led to.
        last: The error of the last one.
    """

    since: float | None = None
    failing_since: float | None = None
    failures: int = 0
    probes: int = 0
    last: ErrorInfo = field(default_factory=lambda: ErrorInfo(ErrorCode.UNREACHABLE, "the service does not answer"))

    def add(self, outcome: Outcome, now: float) -> None:
        self.since = now if self.since is None else self.since
        self.last = (error_of(outcome, write=False) if isinstance(outcome, Answer) else outcome).info
        if not _is_throttled(outcome):
            self.failing_since = now if self.failing_since is None else self.failing_since
            self.failures += 1

    @property
    def is_down(self) -> bool:
        return self.failures >= _DOWN_AFTER

    def is_given_up(self, now: float) -> bool:
        refused_s = now - self.since if self.since is not None else 0.0
        failed_s = now - self.failing_since if self.failing_since is not None else 0.0
        is_out = self.failures >= _FEWEST_FAILURES and failed_s > _OUTAGE_S
        return is_out or (self.failures >= _GIVEN_UP_AFTER and failed_s >= _BLINK_S) or refused_s > _REFUSING_S


@dataclass(slots=True)
class Retrier:
    """
    Sends with retries: exponential waits with full jitter, ``Retry-After`` obeyed and shared by a whole subscription.

    While ARM is down, one request at a time asks whether it is back, at growing intervals; after a minute, or 30
    failures in a row, nothing more is sent, and every request ends with the last error that ARM gave. Until it has
    answered well, few requests are in flight, however many at a time were asked for.

    Attributes:
        tries: Of one request, the first included.
        base_s: Upper bound of the first wait.
        cap_s: Upper bound of any wait that ARM did not ask for.
        chance: Source of the jitter.
        throttle: Knows what is left of ARM's limits.
        free_retries: In a run, of all requests together; ``Retry-After`` of ARM's is obeyed besides.
        retry_share: More of them, as a share of the requests sent.
        windows: When ARM wants to hear nothing of what; for all clients of one process.
    """

    clock: Clock
    tries: int = 5
    base_s: float = 1.0
    cap_s: float = 30.0
    chance: Random = field(default_factory=Random)
    throttle: Throttle = field(default_factory=Throttle)
    free_retries: int = 20
    retry_share: float = 0.15
    windows: Windows = field(default_factory=dict)
    _sent: int = 0
    _retries: int = 0
    _outage: _Outage = field(default_factory=_Outage)
    _is_up: bool = False
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_IN_DOUBT))

    async def send(self, lane: Lane, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """
        Send until there is an answer that is worth having.

        Args:
            lane: The limit that the request counts towards. A throttled answer holds for all of its scope; a write may
                have taken effect when its answer is lost: only 429 is repeated, where ARM names no time to wait.
            send: Sends the request once.

        Returns:
            The last answer, which may still be an error.

        Raises:
            TransientError: No answer was had.
        """
        for attempt in count(1):
            outcome = await self._send_once(lane, send)
            self._note(lane, outcome)
            wait = self._wait_after(outcome, attempt, write=lane.write)
            if wait is None:
                break
            if wait:
                await self.clock.sleep(wait)
        if isinstance(outcome, TransientError):
            raise outcome
        return outcome

    async def _send_once(self, lane: Lane, send: Callable[[], Awaitable[Answer]]) -> Outcome:
        headers: Mapping[str, str] = {}
        await self._sit_out(lane)
        pause = self.throttle.begin(lane, self.clock.monotonic())
        try:
            if pause:
                await self.clock.sleep(pause)
            async with self._admitted(lane):
                self._sent += 1
                outcome = await _outcome(send)
            headers = outcome.headers if isinstance(outcome, Answer) else {}
        finally:
            self.throttle.end(lane, headers, self.clock.monotonic())
        return outcome

    def _wait_after(self, outcome: Outcome, attempt: int, *, write: bool) -> float | None:
        """Return the seconds until the request is sent again; None if it is not."""
        if not _is_repeated(outcome, write=write) or attempt >= self.tries:
            return None
        asked = self._asked(outcome)
        if asked > LONGEST_WAIT_S or self._outage.is_given_up(self.clock.monotonic()):
            return None
        if asked and _is_throttled(outcome):
            if write:
                return None  # by then the read that it is built from is old
            return 0.0  # the window is what it waits for
        if self._retries >= self.free_retries + self.retry_share * self._sent:
            return None
        self._retries += 1
        return max(asked, self.chance.uniform(0, min(self.cap_s, self.base_s * 2 ** (attempt - 1))))

    def _note(self, lane: Lane, outcome: Outcome) -> None:
        """Keep what an outcome means for everybody, also if its own request has no try left."""
        now = self.clock.monotonic()
        self._is_up = isinstance(outcome, Answer) and outcome.status not in RETRYABLE
        if self._is_up:
            self._outage = _Outage()
            return
        self._outage.add(outcome, now)
        asked = self._asked(outcome)
        if _is_throttled(outcome) and asked:
            self._hold(lane.scope, min(asked, _LONGEST_WINDOW_S), self._outage.last)
        is_waited_out = _EVERYBODY not in self.windows or self.windows[_EVERYBODY].until <= now
        if self._outage.is_down and is_waited_out:
            self._hold(_EVERYBODY, min(_PROBE_EVERY_S, 2.0**self._outage.probes))
            self._outage.probes += 1

    def _asked(self, outcome: Outcome) -> float:
        return (outcome.retry_after(self.clock.now()) or 0.0) if isinstance(outcome, Answer) else 0.0

    def _hold(self, key: Hashable, seconds: float, refused: ErrorInfo | None = None) -> None:
        until = self.clock.monotonic() + seconds
        held = self.windows.get(key)
        if held is None or until > held.until:
            self.windows[key] = _Window(until, seconds, refused)

    @asynccontextmanager
    async def _admitted(self, lane: Lane) -> AsyncIterator[None]:
        """Let a request be sent within: after every window, and as one of few while ARM may be down."""
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
                await self.clock.sleep(wait)
        raise TransientError(self._outage.last)

    def _open_window(self, lane: Lane) -> _Window | None:
        now = self.clock.monotonic()
        held = (self.windows.get(_EVERYBODY), self.windows.get(lane.scope))
        return max((each for each in held if each and each.until > now), key=lambda each: each.until, default=None)


async def _outcome(send: Callable[[], Awaitable[Answer]]) -> Outcome:
    try:
        return await send()
    except TransientError as error:
        return error


def _is_throttled(outcome: Outcome) -> bool:
    return isinstance(outcome, Answer) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS


def _is_repeated(outcome: Outcome, *, write: bool) -> bool:
    if isinstance(outcome, Answer):
        return outcome.status == HTTPStatus.TOO_MANY_REQUESTS if write else outcome.status in RETRYABLE
    return not write
