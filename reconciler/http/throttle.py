"""
How long to wait before a request so that ARM does not refuse it, from what the headers of its answers tell is left.

ARM keeps a bucket of tokens per subscription and direction and refills it steadily; a resource provider counts the
calls of each of its operations within two sliding windows. Without such headers there is nothing to wait for. Time is
an argument.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_READS_PER_S: Final = 25.0  # "Understand how Azure Resource Manager throttles requests" (learn.microsoft.com)
_WRITES_PER_S: Final = 10.0
_RESERVE: Final = 20  # as many as there are connections: so far answers may tell of the bucket out of order
_LONGEST_WAIT_S: Final = 600.0
_WINDOW: Final = re.compile(r"([0-9]{1,2})Min;([0-9]{1,9})\s*$", re.ASCII)
_LONGEST_WINDOW_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Lane:
    """
    Requests that ARM and a provider count together.

    Attributes:
        subscription: Folded; empty for requests of the tenant.
        write: Whether it changes anything.
        route: Path of the provider's types, with stars for names.
    """

    subscription: str
    write: bool = False
    route: str = ""

    @property
    def scope(self) -> tuple[str, bool]:
        """Return what ARM's own bucket is for: everything of one subscription and direction."""
        return self.subscription, self.write


@dataclass(slots=True)
class _Scope:
    """
    ARM's bucket for one scope.

    Attributes:
        left: Tokens that an answer told of; None as long as none did.
        at: When it did.
        in_flight: Requests that wait or were sent, and are not answered yet.
    """

    left: int | None = None
    at: float = 0.0
    in_flight: int = 0

    def wait(self, per_second: float, now: float) -> float:
        if self.left is None:
            return 0.0
        missing = _RESERVE + self.in_flight + 1 - self.left
        return missing / per_second - (now - self.at)

    def learn(self, left: int | None, now: float) -> None:
        if left is not None:
            self.left, self.at = left, now
        elif self.left is not None:
            self.left -= 1  # it may have taken one


@dataclass(slots=True)
class _Route:
    """
    A provider's windows for one of its operations.

    Attributes:
        left: Calls left in each window, by its length in seconds.
        at: When an answer told so.
        calls: When the answers to the calls that it counted came, oldest first.
        in_flight: Requests that wait or were sent, and are not answered yet.
    """

    left: dict[float, int] = field(default_factory=dict)
    at: float = 0.0
    calls: deque[float] = field(default_factory=deque)
    in_flight: int = 0

    def wait(self, now: float) -> float:
        return max((self._until_free(window, left) - now for window, left in self.left.items()), default=0.0)

    def _until_free(self, window: float, left: int) -> float:
        """Return when enough of the own calls have left the window; those of others tell nobody when they will."""
        missing = self.in_flight + 1 - left
        if missing <= 0:
            return 0.0
        leaving = [call for call in self.calls if call > self.at - window]
        return leaving[min(missing, len(leaving)) - 1] + window if leaving else 0.0

    def learn(self, left: dict[float, int], now: float) -> None:
        if not left:
            return
        self.left, self.at = left, now
        self.calls.append(now)
        while self.calls[0] <= now - _LONGEST_WINDOW_S:
            self.calls.popleft()


class Throttle:
    """The remainder of every limit, as far as answers named it."""

    def __init__(self) -> None:
        """Know nothing."""
        self._scopes: defaultdict[tuple[str, bool], _Scope] = defaultdict(_Scope)
        self._routes: defaultdict[Lane, _Route] = defaultdict(_Route)

    def begin(self, lane: Lane, now: float) -> float:
        """
        Take a request up.

        Returns:
            Seconds to wait before it is sent. Who would have to wait too long is let through: ARM says when itself.
        """
        scope, route = self._scopes[lane.scope], self._routes[lane]
        wait = max(0.0, scope.wait(_WRITES_PER_S if lane.write else _READS_PER_S, now), route.wait(now))
        scope.in_flight += 1
        route.in_flight += 1
        return wait if wait <= _LONGEST_WAIT_S else 0.0

    def end(self, lane: Lane, headers: Mapping[str, str], now: float) -> None:
        """
        Learn from an answer.

        Args:
            lane: As it was taken up.
            headers: Names in lower case; none if the answer was lost.
            now: Monotonic seconds.
        """
        scope, route = self._scopes[lane.scope], self._routes[lane]
        scope.in_flight -= 1
        route.in_flight -= 1
        scope.learn(_tokens(headers, "writes" if lane.write else "reads"), now)
        route.learn(_windows(headers.get("x-ms-ratelimit-remaining-resource", "")), now)


def _tokens(headers: Mapping[str, str], direction: str) -> int | None:
    values = (headers.get(f"x-ms-ratelimit-remaining-{of}-{direction}", "") for of in ("subscription", "tenant"))
    return min((int(value) for value in values if _is_count(value)), default=None)


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 10  # noqa: PLR2004 (more is no count of anything)


def _windows(value: str) -> dict[float, int]:
    """Read ``Microsoft.Compute/GetGallery3Min;349,Microsoft.Compute/GetGallery30Min;2499``; junk says nothing."""
    found: dict[float, int] = {}
    for part in value.split(","):
        if match := _WINDOW.search(part):
            window = min(60.0 * int(match[1]), _LONGEST_WINDOW_S)
            found[window] = min(int(match[2]), found.get(window, int(match[2])))
    return found
