"""
When a request is sent again, and how long everybody waits first. The only place that decides it.

What may be repeated without asking is repeated here. A PUT whose answer was lost is not: whoever sent it reads first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from reconciler.arm.answers import RETRYABLE, Answer
from reconciler.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.clock import Clock

_TOO_MANY_REQUESTS: Final = 429
_LONGEST_WAIT_S: Final = 600.0  # "Retry-After" of ARM is 10 to 600 s (resource provider contract, async-api-reference)


@dataclass(slots=True)
class Retrier:
    """
    Sends with retries: exponential waits with full jitter, ``Retry-After`` obeyed and shared by a whole subscription.

    Attributes:
        tries: Of one request, the first included.
        base_s: Upper bound of the first wait.
        cap_s: Upper bound of any wait that ARM did not ask for.
        chance: Source of the jitter.
    """

    clock: Clock
    tries: int = 5
    base_s: float = 1.0
    cap_s: float = 30.0
    chance: Random = field(default_factory=Random)
    _not_before: dict[str, float] = field(default_factory=dict)

    async def send(self, scope: str, send: Callable[[], Awaitable[Answer]], *, write: bool) -> Answer:
        """
        Send until there is an answer that is worth having.

        Args:
            scope: What a throttled answer speaks for: everything of one subscription and direction.
            send: Sends the request once.
            write: Whether it may have been acted on when its answer is lost; then only 429 is repeated.

        Returns:
            The last answer, which may still be an error.

        Raises:
            TransientError: No answer was had.
        """
        attempt = 1
        while True:
            await self._wait_for(scope)
            try:
                answer = await send()
            except TransientError:
                if write or attempt >= self.tries:
                    raise
                await self.clock.sleep(self._backoff(attempt))
            else:
                if not self._is_repeated(answer, write=write):
                    return answer
                asked = answer.retry_after(self.clock.now()) or 0.0
                is_held = answer.status == _TOO_MANY_REQUESTS and 0 < asked <= _LONGEST_WAIT_S
                if is_held:
                    self._hold(scope, asked)  # for everybody, also when this request has no try left
                if attempt >= self.tries or asked > _LONGEST_WAIT_S:
                    return answer
                if not is_held:
                    await self.clock.sleep(max(asked, self._backoff(attempt)))
            attempt += 1

    @staticmethod
    def _is_repeated(answer: Answer, *, write: bool) -> bool:
        return answer.status == _TOO_MANY_REQUESTS if write else answer.status in RETRYABLE

    def _backoff(self, attempt: int) -> float:
        return self.chance.uniform(0, min(self.cap_s, self.base_s * 2 ** (attempt - 1)))

    def _hold(self, scope: str, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        self._not_before[scope] = max(until, self._not_before.get(scope, until))

    async def _wait_for(self, scope: str) -> None:
        while (wait := self._not_before.get(scope, 0.0) - self.clock.monotonic()) > 0:
            await self.clock.sleep(wait)
