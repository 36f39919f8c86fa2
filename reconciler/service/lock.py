"""
The one writer of an estate: how a lock is acquired, renewed and lost, by the clock of this process. Pure.

Azure Resource Manager takes no token that would tell an old writer from a new one, so a PUT may begin only while the
lock surely lasts longer than the PUT may be on its way. A lease lasts from the moment at which the request for it was
sent, not answered. Both clocks of a machine count, whichever has gone further: the one stands still while the machine
sleeps, the other may be set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from reconciler.model.outcome import Held

LEASE_S: Final = 60.0
RENEW_S: Final = 15.0
MARGIN_S: Final = 25.0
"""More than the time between the check before a PUT and its first byte: 20 s for a connection, and a reserve."""
AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The terms of a lock, in seconds.

    Attributes:
        lease_s: How long it lasts after each request for it; infinite where it ends with the process.
        renew_s: Between two renewals.
        margin_s: How long it must last at least for a PUT to begin.
        again_s: Until the next try, after one that failed.
    """

    lease_s: float = LEASE_S
    renew_s: float = RENEW_S
    margin_s: float = MARGIN_S
    again_s: float = AGAIN_S


FOREVER: Final = Terms(float("inf"), float("inf"), 0.0)
"""Of a lock that ends with its process."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment by both clocks, in seconds: one that never jumps, and the time of day."""

    monotonic: float
    wall: float

    def since(self, earlier: Instant) -> float:
        """Return the seconds since *earlier*, by the clock that has gone further."""
        return max(self.monotonic - earlier.monotonic, self.wall - earlier.wall)


@dataclass(frozen=True, slots=True)
class Lock:
    """
    The lock as this process knows it.

    Attributes:
        asked: When the request was sent that it was last granted to; None while this process does not have it.
        holder: The process that has it instead, as far as it is known.
        trouble: Why the last request had no answer; empty if it had one.
        tried: When the last request was sent; None before the first one.
        has_failed: Whether the last request did not bring or keep the lock.
    """

    asked: Instant | None = None
    holder: str | None = None
    trouble: str = ""
    tried: Instant | None = None
    has_failed: bool = False


class Request(Enum):
    """The request that is due."""

    ACQUIRE = auto()
    RENEW = auto()


@dataclass(frozen=True, slots=True)
class Pause:
    """No request is due for so many seconds."""

    seconds: float


def lasts(lock: Lock, now: Instant, terms: Terms) -> float:
    """Return the seconds for which the lock surely lasts; 0 if this process may have lost it."""
    return max(0.0, terms.lease_s - now.since(lock.asked)) if lock.asked is not None else 0.0


def may_write(lock: Lock, now: Instant, terms: Terms) -> bool:
    """Return whether a PUT may begin."""
    return lock.asked is not None and lasts(lock, now, terms) > terms.margin_s


def held(lock: Lock, now: Instant, terms: Terms) -> Held | None:
    """Return why no PUT may begin; None where one may."""
    return None if may_write(lock, now, terms) else Held("lock", lock.holder)


def next_request(lock: Lock, now: Instant, terms: Terms) -> Request | Pause:
    """Return the request that is due now, or the time until one is."""
    if lock.tried is None:
        return Request.ACQUIRE
    pause = (terms.again_s if lock.has_failed or lock.asked is None else terms.renew_s) - now.since(lock.tried)
    if pause > 0:
        return Pause(pause)
    return Request.RENEW if lasts(lock, now, terms) > 0 else Request.ACQUIRE


def acquire(lock: Lock, sent: Instant) -> Lock:  # noqa: ARG001 (a grant replaces all that was known)
    """Return the lock after a request for it, sent then, was granted."""
    return Lock(asked=sent, tried=sent)


renew: Final = acquire
"""A renewal is granted as the lock is."""


def lose(lock: Lock, sent: Instant, holder: str | None) -> Lock:  # noqa: ARG001 (a refusal, too)
    """Return the lock after a request for it was refused: another process has it."""
    return Lock(holder=holder, tried=sent, has_failed=True)


def unanswered(lock: Lock, sent: Instant, trouble: str) -> Lock:
    """Return the lock after a request without an answer, which may have been granted: it lasts as long as before."""
    return replace(lock, trouble=trouble, tried=sent, has_failed=True)


def expire(lock: Lock, now: Instant, terms: Terms) -> Lock:
    """Return the lock as it is now: lost, if its time is over."""
    return lock if lock.asked is None or lasts(lock, now, terms) > 0 else replace(lock, asked=None, has_failed=True)


def release(lock: Lock) -> Lock:
    """Return the lock after this process has given it up."""
    return replace(lock, asked=None)
