"""The immutable values that travel between the stages. No behaviour beyond what a value can say of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.about import About
from reconciler.secret import scrub

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.content import ContentDigest
    from reconciler.errors import ErrorInfo
    from reconciler.kinds import Kind

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object; read-only by convention: stages return new bodies."""

FieldPath: TypeAlias = tuple[str | int, ...]
"""Where a value is in a body as written: keys of objects and indexes of lists."""


class Missing(Enum):
    """The absence of a value, which is not the same as null."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

_FAILED: Final = frozenset({"failed", "canceled"})
_SETTLED: Final = _FAILED | {"succeeded"}


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """
    Where a manifest is written.

    Attributes:
        file: As the user would name it; ``-`` for standard input.
        line: Of the document's first key, from 1.
        document: Index in its file, from 0.
    """

    file: str
    line: int
    document: int


SIGN_IN_FAILED: Final = "sign-in-failed"
"""The code of the one problem of a run whose identity could not sign in."""
STOPPED: Final = "stopped"
"""The code of the one problem of a run that a signal ended before there was a plan."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """
    One thing that is wrong, or worth a warning, in a manifest or the project file.

    Attributes:
        file: As the user would name it.
        line: From 1; None where no line can be named.
        column: From 1.
        path: In the document: keys joined by dots, indexes in brackets; empty for the document itself.
        code: A short, stable name of the rule.
        message: What is wrong. Never quotes a value that may be secret.
        fix: What to do.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    code: str
    message: str
    fix: str | None = None


Locate: TypeAlias = Callable[[FieldPath], tuple[int, int]]
"""Gives the line and column, from 1, of a path in a document; of its nearest written ancestor if it is not written."""


UNREAD: Final = "\0unread"
"""
Stands in a document for a text that could not be read, so that the rest of it is checked all the same.

No manifest can hold it: NUL is refused wherever it stands.
"""


SHORTER: Final = "Make the file shorter"
"""The fix for a text that is read from a file and is too large, where the schema of the kind names none."""


class Layer(StrEnum):
    """What states a value: the manifest, or what the project file lays over and under it."""

    MANIFEST = "manifest"
    OVERLAY = "overlay"
    ENVIRONMENT = "environment"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a value is written.

    Attributes:
        file: As the user would name it.
        line: From 1; of the nearest written ancestor if the value is in a file that the manifest names.
        column: From 1.
    """

    layer: Layer
    file: str
    line: int
    column: int | None = field(default=None, compare=False)


Trace: TypeAlias = Callable[[FieldPath], Origin]
"""Gives where the value at a path of a rendered document is written, by merging once more: nothing keeps it."""


@dataclass(frozen=True, slots=True)
class Document:
    """
    One YAML document, read and not yet validated.

    Attributes:
        value: Plain dict, list, str, int, float, bool, None.
        source: Where it is written.
        locate: Finds positions on demand, by reading the kept text again.
        trace: Finds what states a value; None where nothing was laid over or under the document.
        reported: Paths of the problems that were found while reading it; later stages add none there.
        ambiguous: Paths of the mappings in which a key is written twice: one of the two may be meant for a missing key.
        files: The file that a text was read from, as the user would name it, by the text's own key and the text.
    """

    value: Any = field(repr=False)  # nothing in it is sealed yet
    source: Source
    locate: Locate
    trace: Trace | None = None
    reported: frozenset[str] = frozenset()
    ambiguous: frozenset[str] = frozenset()
    files: Mapping[tuple[str | int, str], str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    One valid document of a known kind.

    Attributes:
        spec: As stated: URI parameters and request body, project defaults laid under it.
        locate: Positions in the document that it was read from.
        trace: What states a value; None where that document states all of them.
    """

    kind: Kind
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: JsonObject = field(repr=False)
    source: Source
    locate: Locate
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """
    One resource as it must be.

    Attributes:
        id: The resource id, in the manifest's spelling.
        key: The id folded for comparing (ids are case-insensitive).
        parent: The folded id of the parent resource; None for a kind without one.
        params: The URI parameters.
        body: What is stated of the request body, secrets sealed.
        slot: Names the one writer at a time that ARM allows; folded.
        wave: Low first; never lower than the parent's.
        depth: 0 for a kind without a parent, 1 for its children, and so on.
        content: Digests of the write-only content; None where none is declared.
    """

    kind: Kind
    name: str
    id: str
    key: str
    parent: str | None
    params: Mapping[str, str]
    body: JsonObject
    labels: Mapping[str, str]
    source: Source
    locate: Locate
    slot: str
    wave: int = 0
    depth: int = 0
    paused: bool = False
    content: ContentDigest | None = None
    trace: Trace | None = None

    @property
    def digest(self) -> str | None:
        """The text that records the write-only content; None where none is declared."""
        return self.content.tag if self.content is not None else None

    @property
    def unset(self) -> tuple[str, ...]:
        """The environment variables that it takes values from, and that are not set."""
        return tuple(value.variable for value in self.kind.variables_in(self.body) if not value.is_set)

    def origin(self, path: FieldPath) -> Origin:
        """Give where the value at a path of ``spec``, as written, is stated. Reads texts again: for reports only."""
        if self.trace is not None:
            return self.trace(("spec", *path))
        return Origin(Layer.MANIFEST, self.source.file, *self.locate(("spec", *path)))

    @property
    def address(self) -> str:
        """What ``--target`` calls it: ``KIND/NAME``."""
        return f"{self.kind.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Replication:
    """
    How far the copies of a version are, region by region.

    Attributes:
        state: Of all regions together, as Azure spells it: ``Unknown``, ``InProgress``, ``Completed``, ``Failed``;
            empty where it states none.
        regions: Name and state of each.
        details: Azure's remarks on them.
    """

    state: str = ""
    regions: tuple[tuple[str, str], ...] = ()
    details: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every copy is made."""
        return _is(self.state, "completed")

    @property
    def failed_regions(self) -> tuple[str, ...]:
        """Where a copy could not be made."""
        return tuple(name for name, state in self.regions if _is(state, "failed"))

    @property
    def completed_regions(self) -> tuple[str, ...]:
        """Where the copies are made."""
        return tuple(name for name, state in self.regions if _is(state, "completed"))

    @property
    def has_failed(self) -> bool:
        """Whether any copy could not be made."""
        return _is(self.state, "failed") or bool(self.failed_regions)

    def failure(self) -> str:
        """Say where it failed, and what Azure says of it."""
        where = ", ".join(self.failed_regions) or "a region"
        return scrub(": ".join((f"replication failed in {where}", *self.details)))

    def __str__(self) -> str:
        return f"replicated to {len(self.completed_regions)} of {len(self.regions)} regions"


def _is(state: str, word: str) -> bool:
    return state.casefold() == word


@dataclass(frozen=True, slots=True)
class Live:
    """
    A resource as ARM answered it.

    Attributes:
        body: The answer as sent, server-set fields included, secrets sealed.
        replication: None where it was not read.
    """

    body: JsonObject
    replication: Replication | None = None

    @property
    def provisioning_state(self) -> str:
        """
        The state as sent.

        Absent means finished and successful ("Track asynchronous Azure operations", learn.microsoft.com).
        """
        properties = self.body.get("properties")
        state = properties.get("provisioningState") if isinstance(properties, Mapping) else None
        return "Succeeded" if state is None or state == "" else str(state)

    @property
    def is_settled(self) -> bool:
        """Whether no operation runs; a word that nobody knows means that one does."""
        return self.provisioning_state.lower() in _SETTLED

    @property
    def has_failed(self) -> bool:
        """Whether the last operation did not end well."""
        return self.provisioning_state.lower() in _FAILED

    @property
    def health(self) -> Health:
        """How the resource is: by its state, and by its replication where that was read."""
        if not self.is_settled:
            return Health.PROGRESSING
        is_degraded = self.has_failed or (self.replication is not None and self.replication.has_failed)
        return Health.DEGRADED if is_degraded else Health.HEALTHY


class Absence(StrEnum):
    """Why a resource is not there."""

    NOT_FOUND = "not-found"
    PARENT_MISSING = "parent-missing"
    GROUP_MISSING = "group-missing"


@dataclass(frozen=True, slots=True)
class Absent:
    """ARM says that the resource does not exist."""

    why: Absence


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The read failed or gave nothing usable: nothing is known of the resource."""

    error: ErrorInfo


Observed: TypeAlias = Live | Absent | Unreadable


@dataclass(frozen=True, slots=True)
class Observation:
    """
    Everything that one round of reading found.

    Attributes:
        observed: By folded id, for every selected resource.
        parents: Folded ids of parents that are known to exist without being stated.
        unmanaged: Live resources beside the stated ones that no manifest states.
        lists: Folded paths of the lists that were read whole.
    """

    observed: Mapping[str, Observed]
    parents: frozenset[str] = frozenset()
    unmanaged: tuple[Unmanaged, ...] = ()
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """
    A live resource that no manifest states.

    Attributes:
        owner: The other project whose tag it has; None without one.
    """

    kind: Kind
    name: str
    id: str
    live: Live
    owner: str | None = None


class Finding(StrEnum):
    """What a difference of one leaf means."""

    CHANGE = "change"
    IMMUTABLE = "immutable"
    UNVERIFIED = "unverified"
    UNDECLARED = "undeclared"


class Op(StrEnum):
    """What a PUT would do to the leaf."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


class Refusal(StrEnum):
    """Why ARM would refuse a difference; the values are reasons of a blocked resource."""

    IMMUTABLE = "immutable-field"
    REMOVAL = "removal-refused"
    CANNOT_UNSET = "cannot-unset"


class Cause(StrEnum):
    """What moved since the last PUT."""

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
        line: Where the manifest states it; None where it does not.
        origin: Where *desired* comes from: ``manifest`` or ``default``.
        where: What states it: the manifest, an overlay or defaults of the project; None where nothing does.
        cause: What moved; None where nobody asked git, and for what no manifest states.
        unset: The environment variable that its value comes from, where it is not set: so it is unverified.
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
    unset: str | None = None


@dataclass(frozen=True, slots=True)
class Modified:
    """
    Who last modified a resource, and when, as Azure says; None for what it does not say.

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
    """What is to be done about one resource."""

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
    """Why the action was chosen. For readers: nothing is decided by it."""

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
    PARENT_MISSING = "parent-missing"
    GROUP_MISSING = "group-missing"
    OWNED_ELSEWHERE = "owned-elsewhere"
    OPERATION_RUNNING = "operation-running"
    PAUSED = "paused"
    READ_FAILED = "read-failed"
    UNMANAGED = "unmanaged"


class Sync(StrEnum):
    """Whether the live resource is as the manifest says."""

    IN_SYNC = "InSync"
    OUT_OF_SYNC = "OutOfSync"
    MISSING = "Missing"
    UNKNOWN = "Unknown"
    UNMANAGED = "Unmanaged"

    @property
    def is_drift(self) -> bool:
        """Whether ``drift`` counts it."""
        return self in {Sync.OUT_OF_SYNC, Sync.MISSING}


class Health(StrEnum):
    """How the live resource is, whatever the manifest says."""

    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
    PROGRESSING = "Progressing"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Signing:
    """
    Where the signature of one link in a PUT comes from.

    Attributes:
        path: Of the link in the request body, as a reader writes it.
        host: That the link leads to.
        source: Name of the variable, ``userDelegation``, ``manifest``, or ``live`` for the one that Azure answered.
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
        ailment: Why the health is bad, where Azure says so.
        error: Why nothing is known, for action ``unknown``.
        fix: The way out, for actions ``blocked`` and ``paused``.
        cause: Of all its differences together; None where nobody asked git, or nothing differs.
        modified: Who last modified the resource, where that was asked.
        signatures: That a PUT would use, for links to packages.
        replication: Of the live resource; None where it was not read.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply would do, for every manifest, in the order of doing."""

    changes: tuple[Change, ...]
    unmanaged: tuple[Unmanaged, ...] = ()

    @property
    def puts(self) -> int:
        """How many PUTs an apply would send."""
        return sum(change.action.writes for change in self.changes)

    @property
    def todo(self) -> int:
        """How many resources an apply takes up: to create, to update, or to wait for."""
        return self.puts + sum(change.action is Action.WAIT for change in self.changes)

    @property
    def reads(self) -> int:
        """How many reads an apply adds to the plan's, at least: before and after each PUT, and of what it waits for."""
        return 2 * self.puts + sum(change.action is Action.WAIT for change in self.changes)


class Result(StrEnum):
    """How an apply ended for one resource."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What an apply did about one resource.

    Attributes:
        change: As planned; as decided just before the PUT if that came to something else.
        result: None where that left nothing to be done here: blocked, for instance.
    """

    change: Change
    result: Result | None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """
    Everything that a run has to say, for every format alike.

    Attributes:
        command: ``validate``, ``plan``, ``apply``, ``drift`` or ``run``.
        outcomes: By folded resource id; empty unless something was applied.
        manifests: How many are valid.
        requests: How many requests of each method were sent to ARM.
        puts: Planned (plan, drift) or sent (apply).
        checked: Of how many resources it was asked whether a saved plan still holds; None if that was not asked.
        about: The environment, cloud and commit that the report is about.
        environments: That were validated one by one, as none was chosen.
        unselected: Why nothing was selected, as a clause; empty where something was, or there is nothing.
    """

    command: str
    started_at: datetime
    finished_at: datetime
    plan: Plan = field(default_factory=lambda: Plan(()))
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    manifests: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    puts: int = 0
    checked: int | None = None
    about: About = field(default_factory=About)
    environments: tuple[str, ...] = ()
    unselected: str = ""
