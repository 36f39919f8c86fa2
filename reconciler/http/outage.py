"""Whether a service is down, and when a run gives it up. Pure: each failure leads to a new value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from reconciler.errors import ErrorCode, ErrorInfo

_DOWN_AFTER: Final = 10  # failures in a row
_GIVEN_UP_AFTER: Final = (
    30  # failures in a row; with those in flight, a service gets fewer than 50 requests when it is down
)
_BLINK_S: Final = 5.0  # within which any number of requests in flight may fail at the same time
_OUTAGE_S: Final = 60.0
_FEWEST_FAILURES: Final = 3  # one at a time they come slowly, and two of them are no outage
_REFUSING_S: Final = 1200.0
_PROBE_EVERY_S: Final = 10.0


_NO_ANSWER: Final = ErrorInfo(ErrorCode.UNREACHABLE, "the service does not answer")


@dataclass(frozen=True, slots=True)
class Outage:
    """
    The failures since the service's last usable answer, of all requests together.

    Attributes:
        since: When the first request was refused or failed.
        failing_since: When the first request failed; throttling does not mean that the service is down.
        failures: How many requests failed.
        probes: How many windows they have led to.
        last: The error of the last one.
    """

    since: float | None = None
    failing_since: float | None = None
    failures: int = 0
    probes: int = 0
    last: ErrorInfo = _NO_ANSWER

    def after(self, error: ErrorInfo, now: float, *, is_throttled: bool) -> Outage:
        """Return the outage after one more request without a usable answer."""
        since = now if self.since is None else self.since
        if is_throttled:
            return replace(self, since=since, last=error)
        failing_since = now if self.failing_since is None else self.failing_since
        return replace(self, since=since, failing_since=failing_since, failures=self.failures + 1, last=error)

    def after_probe(self) -> Outage:
        """Return the outage after one more window, at whose end one request asks whether the service is back."""
        return replace(self, probes=self.probes + 1)

    @property
    def is_down(self) -> bool:
        """Whether so many requests have failed that one at a time is enough."""
        return self.failures >= _DOWN_AFTER

    @property
    def probe_s(self) -> float:
        """Seconds until the next request may ask whether the service is back."""
        return min(_PROBE_EVERY_S, 2.0**self.probes)

    def is_given_up(self, now: float) -> bool:
        """Return whether nothing more is sent."""
        refused_s = now - self.since if self.since is not None else 0.0
        failed_s = now - self.failing_since if self.failing_since is not None else 0.0
        is_out = self.failures >= _FEWEST_FAILURES and failed_s > _OUTAGE_S
        return is_out or (self.failures >= _GIVEN_UP_AFTER and failed_s >= _BLINK_S) or refused_s > _REFUSING_S


NO_OUTAGE: Final = Outage()
