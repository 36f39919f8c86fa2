"""
How long to wait before a request so that the service does not refuse it, from the limits that its answers name.

Two kinds of limit are known: a bucket of requests that is refilled steadily, and sliding windows that count calls. The
service says which headers name them (:class:`~reconciler.http.answer.Service`); without any, no request waits. Time is
an argument.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_RESERVE: Final = 20  # as many as there are connections: answers may arrive that far out of order
_LONGEST_WAIT_S: Final = 600.0
LONGEST_WINDOW_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Lane:
    """
    Requests that a service counts together.

    Attributes:
        realm: The part of the service that has a token and limits of its own, such as an account; empty for the whole.
        write: Whether the request changes anything.
        route: The operation, as far as the service counts operations apart.
    """

    realm: str
    write: bool = False
    route: str = ""

    @property
    def scope(self) -> tuple[str, bool]:
        """The bucket that the request is taken from: all of one realm and direction."""
        return self.realm, self.write


@dataclass(frozen=True, slots=True)
class Remaining:
    """
    The rest of a service's limits, as one answer names it.

    Attributes:
        requests: Requests left in the bucket of the scope; None where the answer has no such header.
        per_second: Requests that the bucket is refilled with.
        calls: Calls of the same operation that are left, by the length of their window in seconds.
    """

    requests: int | None = None
    per_second: float = 1.0
    calls: Mapping[float, int] = field(default_factory=dict)


NOTHING_SAID: Final = Remaining()


def no_limits(_headers: Mapping[str, str], _lane: Lane) -> Remaining:
    """Return the rest of the limits of a service whose answers name none."""
    return NOTHING_SAID


@dataclass(slots=True)
class _Scope:
    """
    The bucket of one scope.

    Attributes:
        left: Requests left at *at*; None until an answer has named them.
        per_second: Requests that the bucket is refilled with.
        at: When the answer came.
        in_flight: Requests that wait or were sent, and are not answered yet.
    """

    left: int | None = None
    per_second: float = 1.0
    at: float = 0.0
    in_flight: int = 0

    def wait(self, now: float) -> float:
        if self.left is None:
            return 0.0
        missing = _RESERVE + self.in_flight + 1 - self.left
        return missing / self.per_second - (now - self.at)

    def learn(self, remaining: Remaining, now: float) -> None:
        if remaining.requests is not None:
            self.left, self.per_second, self.at = remaining.requests, remaining.per_second, now
        elif self.left is not None:
            self.left -= 1  # it may have taken one


@dataclass(slots=True)
class _Route:
    """
    The windows of one operation.

    Attributes:
        left: Calls left at *at* in each window, by its length in seconds.
        at: When the answer came.
        calls: When the answers to counted calls came, the oldest first.
        in_flight: Requests that wait or were sent, and are not answered yet.
    """

    left: Mapping[float, int] = field(default_factory=dict)
    at: float = 0.0
    calls: deque[float] = field(default_factory=deque)
    in_flight: int = 0

    def wait(self, now: float) -> float:
        return max((self._until_free(window, left) - now for window, left in self.left.items()), default=0.0)

    def _until_free(self, window: float, left: int) -> float:
        """Return when enough calls of this process have left the window; when those of others do is unknown."""
        missing = self.in_flight + 1 - left
        if missing <= 0:
            return 0.0
        leaving = [call for call in self.calls if call > self.at - window]
        return leaving[min(missing, len(leaving)) - 1] + window if leaving else 0.0

    def learn(self, left: Mapping[float, int], now: float) -> None:
        if not left:
            return
        self.left, self.at = left, now
        self.calls.append(now)
        while self.calls[0] <= now - LONGEST_WINDOW_S:
            self.calls.popleft()


class Throttle:
    """The rest of every limit, as far as answers named it."""

    def __init__(self) -> None:
        """Begin without knowledge of any limit."""
        self._scopes: defaultdict[tuple[str, bool], _Scope] = defaultdict(_Scope)
        self._routes: defaultdict[Lane, _Route] = defaultdict(_Route)

    def begin(self, lane: Lane, now: float) -> float:
        """
        Register a request.

        Returns:
            Seconds to wait before it is sent. A request that would wait too long is sent: the service refuses it with
            a time of its own.
        """
        scope, route = self._scopes[lane.scope], self._routes[lane]
        wait = max(0.0, scope.wait(now), route.wait(now))
        scope.in_flight += 1
        route.in_flight += 1
        return wait if wait <= _LONGEST_WAIT_S else 0.0

    def end(self, lane: Lane, remaining: Remaining, now: float) -> None:
        """
        Learn from an answer.

        Args:
            lane: As it was registered.
            remaining: The limits that the answer names; :data:`NOTHING_SAID` if the answer was lost.
            now: Monotonic seconds.
        """
        scope, route = self._scopes[lane.scope], self._routes[lane]
        scope.in_flight -= 1
        route.in_flight -= 1
        scope.learn(remaining, now)
        route.learn(remaining.calls, now)
