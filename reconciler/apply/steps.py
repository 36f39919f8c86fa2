"""Stage 8: the steps that a driver does for one resource, and the events that it reports of them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from reconciler.kinds.live import Live
from reconciler.model.live import Absent, Unreadable

if TYPE_CHECKING:
    from reconciler.apply.conflicts import Running
    from reconciler.errors import ErrorInfo
    from reconciler.manifests.gates import GateRule
    from reconciler.model.change import Change
    from reconciler.model.outcome import Outcome
    from reconciler.model.rollout import RolloutState
    from reconciler.plan.gate import Row
    from reconciler.values import JsonObject


# Steps


@dataclass(frozen=True, slots=True)
class Read:
    """
    Read the resource by itself.

    Attributes:
        replication: Whether its replication is read too.
        decides: Whether a PUT is decided from it, so that an absent resource is an answer, and no error.
    """

    replication: bool = False
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Put:
    """
    Send a PUT.

    Attributes:
        change: As decided from the read that the body is built from.
        body: Secrets hidden, links not signed yet.
        version: The api-version of the request.
        not_after: The monotonic seconds after which the body is too old to be sent.
        is_first: Whether it is the first PUT of the resource.
    """

    change: Change
    body: JsonObject = field(repr=False)
    version: str
    not_after: float
    is_first: bool


@dataclass(frozen=True, slots=True)
class Poll:
    """Request the state of an operation."""

    operation: str = field(repr=False)  # its query is signed


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Ask the gate of a rollout for a number.

    Attributes:
        rule: The gate.
        state: The place of the version in its rollout.
    """

    rule: GateRule
    state: RolloutState


@dataclass(frozen=True, slots=True)
class FindBlockers:
    """Find the operations in the resource's writer slot."""


@dataclass(frozen=True, slots=True)
class Wait:
    """
    Wait, and hold no permit meanwhile.

    Attributes:
        why: For the progress display; empty where it already shows that the resource is being written.
    """

    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""

    outcome: Outcome


Request: TypeAlias = Read | Put | Poll | FindBlockers | Sample
Step: TypeAlias = Request | Wait | Done


# Events; that of a read is a `Live`, an `Absent` or an `Unreadable`


@dataclass(frozen=True, slots=True)
class Started:
    """The schedule lets the resource begin."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The wait is over."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """
    The run was interrupted.

    Attributes:
        is_sent: Whether a PUT is on its way, without an answer.
    """

    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """
    ARM accepted the PUT.

    Attributes:
        operation: Link to poll; None where the resource itself must be watched.
        retry_after_s: How long ARM asks to wait before the first poll.
    """

    operation: str | None = field(default=None, repr=False)  # its query is signed
    request_id: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Expired:
    """The PUT was not sent in time."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """The PUT was not sent, as writing is held since."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """
    Azure does not know the api-version of the PUT.

    Attributes:
        newest: The newest version that is left.
    """

    newest: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another operation kept ARM from accepting the PUT."""

    error: ErrorInfo
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """
    The PUT was throttled, got no answer, or was answered with a server error.

    Attributes:
        may_have_landed: Whether ARM may have acted on it.
    """

    error: ErrorInfo
    retry_after_s: float | None = None
    may_have_landed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The request failed, and would fail again."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class InProgress:
    """The operation is running."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """
    The operation has ended.

    Attributes:
        error: None where it succeeded.
    """

    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """ARM does not know the operation: not yet, or not any more."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """The operation cannot be read, for example for lack of a role: the resource itself will show how it ends."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """
    The gate was asked, or its next sample is not due yet.

    Attributes:
        row: The samples so far.
        pause_s: Seconds until the next one.
        is_patient: Whether this run waits for it.
    """

    row: Row
    pause_s: float
    is_patient: bool


@dataclass(frozen=True, slots=True)
class Blockers:
    """The operations that were found in the writer slot."""

    found: tuple[Running, ...] = ()


Event: TypeAlias = (
    Started
    | Elapsed
    | Stopped
    | Live
    | Absent
    | Unreadable
    | Taken
    | Expired
    | Withheld
    | Outdated
    | Conflict
    | Unanswered
    | Refused
    | InProgress
    | Ended
    | NotFound
    | Hidden
    | Sampled
    | Blockers
)
