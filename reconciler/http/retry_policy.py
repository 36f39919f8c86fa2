"""
Which requests are sent again, and after how long. Pure: an outcome and a few counts lead to a repeat, or to none.

Requests that are safe to repeat are repeated. A write whose answer was lost is not: its sender reads first.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.http.answer import RETRYABLE, Answer, error_of

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.errors import ErrorInfo, TransientError

LONGEST_WAIT_S: Final = 600.0
"""No request waits longer because a service asks it to; services that ask for a wait ask for at most ten minutes."""

Outcome: TypeAlias = "Answer | TransientError"


@dataclass(frozen=True, slots=True)
class Tried:
    """
    A request that has just had an outcome, and the run around it.

    Attributes:
        number: How many times the request was sent.
        write: Whether it changes anything.
        sent: Requests that the run has sent.
        repeated: Repeats among them that count against the budget.
        is_given_up: Whether the run has given the service up.
    """

    number: int
    write: bool = False
    sent: int = 1
    repeated: int = 0
    is_given_up: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """
    A request is sent again.

    Attributes:
        least_s: Seconds to wait at least, as the service asked.
        most_s: Upper bound of a random wait; the longer of the two is waited.
        is_counted: Whether the repeat counts against the budget of the run.
    """

    least_s: float = 0.0
    most_s: float = 0.0
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The numbers of the policy.

    Attributes:
        tries: Of one request, the first included.
        base_s: Upper bound of the first wait; each further one is twice as long.
        cap_s: Upper bound of any wait that the service did not ask for.
        free_retries: Repeats of all requests of a run together; those that a service asked to wait for come on top.
        retry_share: More of them, as a share of the requests sent.
    """

    tries: int = 5
    base_s: float = 1.0
    cap_s: float = 30.0
    free_retries: int = 20
    retry_share: float = 0.15

    def repeat(self, outcome: Outcome, asked_s: float, tried: Tried) -> Repeat | None:
        """
        Return how the request is sent again; None if it is not.

        Args:
            outcome: The answer, or the error without one.
            asked_s: Seconds that the service asked to wait; 0 where it asked for none.
            tried: The request.
        """
        if not is_repeated(outcome, write=tried.write) or tried.number >= self.tries:
            return None
        if asked_s > LONGEST_WAIT_S or tried.is_given_up:
            return None
        if asked_s and is_throttled(outcome):
            # The window of its scope holds a read up. A write is not sent again: by then the read behind it is old.
            return None if tried.write else Repeat()
        if tried.repeated >= self.free_retries + self.retry_share * tried.sent:
            return None
        return Repeat(asked_s, min(self.cap_s, self.base_s * 2 ** (tried.number - 1)), is_counted=True)


def is_repeated(outcome: Outcome, *, write: bool) -> bool:
    """Return whether sending the request again is safe and may help."""
    if isinstance(outcome, Answer):
        return outcome.status == HTTPStatus.TOO_MANY_REQUESTS if write else outcome.status in RETRYABLE
    return not write


def is_throttled(outcome: Outcome) -> bool:
    """Return whether the service refused the request because there were too many."""
    return isinstance(outcome, Answer) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS


def is_up(outcome: Outcome) -> bool:
    """Return whether the service has answered, and neither throttles nor fails."""
    return isinstance(outcome, Answer) and outcome.status not in RETRYABLE


def asked_s(outcome: Outcome, now: datetime) -> float:
    """Return the seconds that the service asked to wait; 0 where it asked for none."""
    return (outcome.retry_after(now) or 0.0) if isinstance(outcome, Answer) else 0.0


def info_of(outcome: Outcome) -> ErrorInfo:
    """Return the error in a report for an outcome other than success."""
    return (error_of(outcome, write=False) if isinstance(outcome, Answer) else outcome).info


USUAL: Final = Policy()
