"""Differences, and the actions that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.rollout import Awaited
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.errors import ErrorInfo
    from reconciler.kinds.live import Health, Replication
    from reconciler.kinds.variables import Unknown
    from reconciler.model.desired import Desired
    from reconciler.model.live import Unmanaged
    from reconciler.model.rollout import RolloutState
    from reconciler.problems import Origin
    from reconciler.values import FieldPath


class Finding(StrEnum):
    """The meaning of a difference of one leaf."""

    CHANGE = "change"
    IMMUTABLE = "immutable"
    UNVERIFIED = "unverified"
    UNDECLARED = "undeclared"


class Op(StrEnum):
    """The effect of a PUT on the leaf."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


class Refusal(StrEnum):
    """Why ARM would refuse a difference; the values are reasons of a blocked resource."""

    IMMUTABLE = "immutable-field"
    REMOVAL = "removal-refused"
    CANNOT_UNSET = "cannot-unset"
    NEWER_LIVE = "newer-live"
    LAG = "api-version-lag"


class Cause(StrEnum):
    """The side that changed since the last PUT."""

    DRIFT = "drift"
    PENDING = "pending"
    BOTH = "both"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """
    One difference, ready to be shown: no secret is in it.

    Attributes:
        steps: Where, in the compared bodies: keys of objects and folded keys of list elements.
        path: Where, as a reader writes it, such as ``properties.targetRegions[West US].name``.
        observed: The live value as sent; MISSING if absent.
        desired: The manifest's value, or the default that applies; MISSING if absent.
        refusal: Set when ARM would refuse the change.
        line: Where the manifest declares it; None where it does not.
        origin: Where *desired* comes from: ``manifest`` or ``default``.
        where: The source of *desired*: the manifest, an overlay or defaults of the project; None where undeclared.
        cause: The side that changed; None where git was not read, and for undeclared values.
        unknown: Set where its value comes from the environment and cannot be compared: so it is unverified.
    """

    steps: tuple[str | int, ...]
    path: str
    finding: Finding
    op: Op
    observed: Any = MISSING
    desired: Any = MISSING
    refusal: Refusal | None = None
    line: int | None = None
    origin: str = "manifest"
    where: Origin | None = None
    cause: Cause | None = None
    unknown: Unknown | None = None


@dataclass(frozen=True, slots=True)
class Modified:
    """
    Who last modified a resource, and when, as Azure records it; None for a part that Azure does not record.

    Attributes:
        by: The name of a user, or the id of an application.
        by_type: Such as ``User`` or ``Application``.
        at: In UTC, to the second.
    """

    by: str | None = None
    by_type: str | None = None
    at: str | None = None

    def __str__(self) -> str:
        if self == Modified():
            return "last modified: unknown"
        kind = f" ({self.by_type})" if self.by_type else ""
        return f"last modified by {self.by or 'unknown'}{kind} at {self.at or 'unknown'}"


class Action(StrEnum):
    """The action for one resource."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "none"
    BLOCKED = "blocked"
    WAIT = "wait"
    PAUSED = "paused"
    UNKNOWN = "unknown"

    @property
    def writes(self) -> bool:
        """Whether the action is a PUT."""
        return self in {Action.CREATE, Action.UPDATE}


class Reason(StrEnum):
    """Why the action was chosen. For readers: no decision depends on it."""

    IN_SYNC = "in-sync"
    NOT_FOUND = "not-found"
    FIELDS_DIFFER = "fields-differ"
    ADOPT = "adopt"
    LAST_OPERATION_FAILED = "last-operation-failed"
    DID_NOT_STICK = "did-not-stick"
    REPUBLISH = "republish"
    IMMUTABLE_FIELD = "immutable-field"
    REMOVAL_REFUSED = "removal-refused"
    CANNOT_UNSET = "cannot-unset"
    NEWER_LIVE = "newer-live"
    API_VERSION_LAG = "api-version-lag"
    ROLLOUT_WAITING = "rollout-waiting"
    ROLLOUT_FAILED = "rollout-failed"
    LATEST_LOST = "latest-lost"
    PARENT_MISSING = "parent-missing"
    GROUP_MISSING = "group-missing"
    OWNED_ELSEWHERE = "owned-elsewhere"
    OPERATION_RUNNING = "operation-running"
    PAUSED = "paused"
    HELD = "held"
    READ_FAILED = "read-failed"
    UNMANAGED = "unmanaged"


class Sync(StrEnum):
    """Whether the live resource equals its manifest."""

    IN_SYNC = "InSync"
    OUT_OF_SYNC = "OutOfSync"
    MISSING = "Missing"
    UNKNOWN = "Unknown"
    UNMANAGED = "Unmanaged"

    @property
    def is_drift(self) -> bool:
        """Whether ``drift`` counts it."""
        return self in {Sync.OUT_OF_SYNC, Sync.MISSING}


BY_IDENTITY: Final = "galleryIdentity"
"""Source of the access to a link that is sent without a signature: the gallery's identity reads the blob."""


@dataclass(frozen=True, slots=True)
class Version:
    """
    The api-version of the PUT of a resource, whether one is due or not.

    Attributes:
        name: Such as ``2022-03-03``.
        is_newer: Whether it is newer than the reference version of the kind.
        path: The leaf that needs it, as a reader writes it; empty where it is the reference version, or as pinned.
        steps: The same in the declared body as written; empty where only the live resource has it.
        refusal: Why no PUT can carry the leaf.
        most: The newest version that may be used, where that is why.
    """

    name: str
    is_newer: bool = False
    path: str = ""
    steps: FieldPath = ()
    refusal: Refusal | None = None
    most: str = ""


@dataclass(frozen=True, slots=True)
class Signing:
    """
    Where the signature of one link in a PUT comes from, or that the gallery's identity makes one unnecessary.

    Attributes:
        path: Of the link in the request body, as a reader writes it.
        host: That the link leads to.
        source: Name of the variable, ``userDelegation``, ``galleryIdentity``, ``manifest``, or ``live`` for the one
            that Azure answered.
    """

    path: str
    host: str
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """
    One resource's part of a plan. A resource in sync has one too, with action ``none``.

    Attributes:
        fields: Every finding, sorted by path.
        ignored: How many differences an ignore rule hid.
        ailment: Why the health is bad, where Azure names a cause.
        error: Why the live state is unknown, for action ``unknown``.
        fix: The fix, for actions ``blocked`` and ``paused``.
        cause: Of all its differences together; None where git was not read, or nothing differs.
        modified: Who last modified the resource, where that was read.
        signatures: That a PUT would use, for links to packages.
        replication: Of the live resource; None where it was not read.
        owner: The other project that owns the live resource; None if it is the run's own, or has no owner.
        version: The api-version of its PUT; None where it is not known.
        rollout: Where its rollout stands; None where none has anything to say about it.
        is_step: Whether its PUT is only the next step of its rollout, which is no drift.
    """

    desired: Desired
    action: Action
    reason: Reason
    sync: Sync
    health: Health
    fields: tuple[FieldChange, ...] = ()
    ignored: int = 0
    ailment: str | None = None
    error: ErrorInfo | None = None
    fix: str | None = None
    cause: Cause | None = None
    modified: Modified | None = None
    signatures: tuple[Signing, ...] = ()
    replication: Replication | None = None
    owner: str | None = None
    version: Version | None = None
    rollout: RolloutState | None = None
    is_step: bool = False

    @property
    def may_write(self) -> bool:
        """Whether an apply may send a PUT: a resource that waits is decided again once its operation or gate allows."""
        return self.action.writes or (self.action is Action.WAIT and (not self.rests or self.is_gated))

    @property
    def is_gated(self) -> bool:
        """Whether only the gate of its rollout keeps the next step from being sent."""
        return self.rests and self.rollout is not None and self.rollout.waits_for is Awaited.GATE

    @property
    def rests(self) -> bool:
        """Whether it is between two steps of its rollout."""
        return self.action is Action.WAIT and self.reason is Reason.ROLLOUT_WAITING


@dataclass(frozen=True, slots=True)
class LatestMove:
    """
    ``latest`` of one application in one region, where a plan changes it.

    Attributes:
        parent: Id of the application.
        region: Its display name where it is known.
        before: Number of the version; None without one.
        after: Likewise. None too where the plan would leave none, and is blocked for it.
        left: Folded id of the version that was ``latest``; None without one.
        is_backwards: Whether it moves to a lower number.
    """

    parent: str
    region: str
    before: str | None
    after: str | None
    left: str | None = None
    is_backwards: bool = False

    @property
    def order(self) -> tuple[str, str]:
        """Its place in a report: by application and region."""
        return self.parent.lower(), self.region


@dataclass(frozen=True, slots=True)
class Plan:
    """
    The actions of an apply, one for every manifest, in the order of doing.

    Attributes:
        latest: By application and region.
        retired: Folded ids of versions that are ``latest`` somewhere before it, and nowhere after.
    """

    changes: tuple[Change, ...]
    unmanaged: tuple[Unmanaged, ...] = ()
    latest: tuple[LatestMove, ...] = ()
    retired: frozenset[str] = frozenset()

    @property
    def puts(self) -> int:
        """How many PUTs an apply would send."""
        return sum(change.action.writes for change in self.changes)

    @property
    def todo(self) -> int:
        """How many resources an apply creates, updates or waits for."""
        return sum(change.may_write for change in self.changes)

    @property
    def reads(self) -> int:
        """How many reads an apply adds at least: before and after each PUT, and of each waiting resource."""
        return self.puts + self.todo
