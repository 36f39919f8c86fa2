"""
ARM's token buckets and the Compute provider's windows, and the headers that report the remainder of each.

Sources: "Understand how Azure Resource Manager throttles requests" and "Troubleshooting API throttling errors"
(learn.microsoft.com); numbers of the windows as read off recordings of 2022. The service counts per region too; here
one subscription is one region. The remainders are kept in memory, for one process.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.emulator.errors import throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.emulator.facts import RateLimit


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many requests at once, and how many more each second."""

    size: int
    per_second: int


BUCKETS: Final[Mapping[str, Bucket]] = {"reads": Bucket(250, 25), "writes": Bucket(200, 10), "deletes": Bucket(200, 10)}
GLOBAL_FACTOR: Final = 15
"""All principals of a subscription together have fifteen times the bucket of one."""

_WINDOWS_S: Final = (180, 1800)
_KINDS: Final = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


class Throttle:
    """The remainder of every limit."""

    def __init__(self, *, enforced: bool) -> None:
        """Count and refuse if *enforced*; otherwise every request finds full buckets."""
        self._enforced = enforced
        self._tokens: dict[tuple[str, str], tuple[float, float]] = {}
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def admit(self, method: str, scope: str, now: float) -> dict[str, str]:
        """
        Take a token of ARM's bucket, and return the headers with the rest.

        Args:
            method: HTTP method.
            scope: The subscription; empty for a request of the tenant.
            now: Monotonic seconds.

        Raises:
            Refused: 429.
        """
        kind = _KINDS.get(method, "writes")
        bucket = BUCKETS[kind]
        left = self._take(kind, scope, bucket, now) if self._enforced else bucket.size - 1
        if not scope:
            return {f"x-ms-ratelimit-remaining-tenant-{kind}": str(left)}
        everyone = bucket.size * GLOBAL_FACTOR - (bucket.size - left)
        return {
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(left),
            f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(everyone),
        }

    def _take(self, kind: str, scope: str, bucket: Bucket, now: float) -> int:
        tokens, since = self._tokens.get((kind, scope), (float(bucket.size), now))
        tokens = min(bucket.size, tokens + (now - since) * bucket.per_second)
        if tokens < 1:
            self._tokens[kind, scope] = (tokens, now)
            raise throttled(kind, math.ceil((1 - tokens) / bucket.per_second), provider=False)
        self._tokens[kind, scope] = (tokens - 1, now)
        return int(tokens - 1)

    def admit_resource(self, limit: RateLimit, subscription: str, now: float) -> dict[str, str]:
        """
        Count one call of a provider's operation, and return the header with the rest.

        Raises:
            Refused: 429.
        """
        calls = self._calls.setdefault((limit.operation, subscription), deque())
        while calls and calls[0] <= now - _WINDOWS_S[-1]:
            calls.popleft()
        sizes = (limit.per_3_min, limit.per_30_min)
        used = [sum(call > now - window for call in calls) if self._enforced else 0 for window in _WINDOWS_S]
        left = [max(0, size - count - 1) for size, count in zip(sizes, used, strict=True)]
        header = {"x-ms-ratelimit-remaining-resource": _remaining(limit.operation, left)}
        if any(count >= size for size, count in zip(sizes, used, strict=True)):
            refused = throttled(limit.operation, self._wait(calls, sizes, now), provider=True)
            refused.headers.update(header)
            raise refused
        if self._enforced:
            calls.append(now)
        return header

    def _wait(self, calls: deque[float], sizes: tuple[int, int], now: float) -> int:
        ordered = list(calls)
        waits = [
            ordered[-size] + window - now
            for size, window in zip(sizes, _WINDOWS_S, strict=True)
            if len(ordered) >= size and ordered[-size] > now - window
        ]
        return max(1, math.ceil(max(waits)))


def _remaining(operation: str, left: list[int]) -> str:
    return f"Microsoft.Compute/{operation}3Min;{left[0]},Microsoft.Compute/{operation}30Min;{left[1]}"
