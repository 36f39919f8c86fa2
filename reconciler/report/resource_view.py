"""
The view of one resource in a report: plain data like the whole of :mod:`reconciler.report.view`.

Apart from it, as a report without resources, such as that of ``validate``, needs none of these types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.impact import Pinned


@dataclass(frozen=True, slots=True)
class Source:
    """The place of a manifest: its file, the line of the document's first key, and the document's index."""

    file: str
    line: int
    document: int


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """
    An error for people.

    Attributes:
        lines: Of the message.
        place: File and line of the value that Azure names; empty if it names none.
    """

    lines: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Error:
    """
    The failure of one resource.

    Attributes:
        path: The value that Azure names, in the request body.
        line: The line that declares it, where the manifest does.
    """

    code: str
    message: str
    status: int | None
    request_id: str | None
    fix: str | None
    path: str | None
    line: int | None
    words: ErrorWords = ErrorWords()


@dataclass(frozen=True, slots=True)
class Replication:
    """The state of all copies of a version, and of those in each region."""

    state: str
    regions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Modified:
    """The last writer of a resource, and the time of writing, as Azure answers them."""

    by: str | None
    by_type: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class Signature:
    """The link that a PUT signs, its host, and the source of the signature."""

    path: str
    host: str
    source: str


@dataclass(frozen=True, slots=True)
class Side:
    """
    One line of a difference between two texts.

    Attributes:
        sign: ``+``, ``-``, a blank for a line that both have, or ``…`` where lines are left out.
    """

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """
    A difference for people.

    Attributes:
        sign: ``+``, ``-``, or a blank where both sides have a value.
        sides: The one value, or the live one and the desired one; or one sentence instead of a value.
        note: A remark beside the values; empty without one.
        place: File and line of the desired value; empty where nothing declares it.
        blocks: Whether the resource is blocked by the difference, as no PUT can make it.
        first: The first line in which two texts of several lines differ; empty otherwise.
        lines: All lines in which they differ, for a format that shows them.
    """

    sign: str = " "
    sides: tuple[str, ...] = ()
    note: str = ""
    place: str = ""
    blocks: bool = False
    first: str = ""
    lines: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    A difference of one leaf.

    Attributes:
        observed: The live value; MISSING if absent.
        desired: The declared value, or the default that applies; MISSING if absent.
    """

    path: str
    finding: str
    op: str
    observed: Any = MISSING
    desired: Any = MISSING
    line: int | None
    cause: str | None = None
    words: ChangeWords = ChangeWords()


@dataclass(frozen=True, slots=True)
class Labelled:
    """A declared value under its label."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """
    A step of a rollout that is to come.

    Attributes:
        regions: That it adds to the version.
        latest: Whether it ends the exclusion of all regions from ``latest``.
        soak: How long it lasts at least, as the project file writes it; None for no time.
        window: The window in which it may end; None for any time.
    """

    step: int
    regions: tuple[str, ...]
    latest: bool
    soak: str | None
    window: str | None


@dataclass(frozen=True, slots=True)
class Rollout:
    """
    The place of a version in its rollout.

    Attributes:
        step: Of the PUT that is due, else the one that the version is at; counted from 1.
        of: How many steps there are, implied ones included.
        until: When the wait ends; None where that is unknown, or nothing is waited for.
        waits_for: ``replication``, ``soak``, ``window`` or ``gate``; None where a PUT is due, or it is stopped.
        regions: Of the step.
        latest: Whether the step ends the exclusion of all regions from ``latest``.
        stopped: Why it is stopped; None where it is not.
        to_come: The steps after this one that change the version.
    """

    step: int
    of: int
    until: str | None
    waits_for: str | None
    regions: tuple[str, ...]
    latest: bool
    stopped: str | None
    to_come: tuple[RolloutStep, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """
    A line about a resource.

    Attributes:
        about: ``missing``, ``signature``, ``version``, ``reason``, ``sync``, ``modified``, ``health``,
            ``rollout`` or ``impact``.
    """

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Copies:
    """
    The copies of a version.

    Attributes:
        state: Of all of them together, as Azure spells it; ``unknown`` where it returns none.
        result: ``failed``, ``complete`` or ``running``.
        regions: One line for each: its name and state.
    """

    state: str
    result: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceWords:
    """
    A resource for people.

    Attributes:
        mark: One character for the action.
        state: One or two words: what a plan does, or how an apply ended.
        level: The effect on the exit code: ``error``, ``warning`` or ``note``.
        rule: The stable name of what is reported: a reason, or how an apply ended.
        why: The reason in words; empty for a resource that the run has changed.
        is_noteworthy: Whether there is more to report than that it is in sync.
        is_urgent: Whether it failed, is blocked or could not be read.
        place: The line that a remark points at: of what Azure refuses, else of a difference, else of the manifest.
        declared: Values of the manifest, for a resource to create.
        notes: The reason and other lines.
        copies: Its copies; None where their state was not read.
    """

    mark: str = ""
    state: str = ""
    level: str = ""
    rule: str = ""
    why: str = ""
    is_noteworthy: bool = False
    is_urgent: bool = False
    place: Place | None = None
    declared: tuple[Labelled, ...] = ()
    notes: tuple[Note, ...] = ()
    copies: Copies | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """
    A declared resource, or one that no manifest declares.

    Attributes:
        source: None for a resource that no manifest declares.
        api_version: Of its PUT, whether one is due or not; None where it was not decided.
        owner: The other project that owns it.
        declared: Values of the manifest, for a resource to create, by their paths.
        impact: Those that name a version that goes out of use; ``unknown`` where Resource Graph did not tell.
        wave: In the report of a shard, which is merged by it; None where it is the first one.
        rollout: None where no rollout has anything to say about it.
    """

    kind: str
    name: str
    id: str
    source: Source | None
    action: str
    reason: str
    sync: str
    health: str
    replication: Replication | None
    changes: tuple[Change, ...]
    outcome: str | None
    error: Error | None
    fix: str | None
    api_version: str | None = None
    owner: str | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None
    modified: Modified | None = None
    signatures: tuple[Signature, ...] = ()
    impact: Pinned | str | None = None
    wave: int | None = None
    rollout: Rollout | None = None
    words: ResourceWords = ResourceWords()
