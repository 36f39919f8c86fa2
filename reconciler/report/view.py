"""
The view of a report: one frozen value of plain data, from which every format is rendered.

The published fields, in their order, are the JSON report: a contract, described by ``schemas/report.schema.json``. A
field with a default is optional there, and left out where it has its default. The fields called ``words`` hold what
people read: their sentences are free to change, so the JSON report has none of them, and a view for programs leaves
them empty. A view for people leaves out the values of both sides instead, since its words have them, cut to size.

No text of a view needs a second look: secrets are masked, and in a view for people every character is visible and every
text bounded. See :mod:`reconciler.report.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import TYPE_CHECKING, Final, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.model.impact import Followers
    from reconciler.report.resource_view import Resource

T = TypeVar("T")
SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning about a manifest or the project file."""

    file: str
    line: int | None
    column: int | None
    path: str
    code: str
    message: str
    fix: str | None


@dataclass(frozen=True, slots=True)
class Latest:
    """
    ``latest`` of one application in one region, where a plan changes it.

    Attributes:
        parent: Id of the application.
        before: Number of the version; None without one.
        after: Likewise. None too where the plan would leave none, and is blocked for it.
        impact: Those whom it concerns; ``unknown`` where Resource Graph did not tell, None where it was not asked.
        words: One line for people.
    """

    parent: str
    region: str
    before: str | None
    after: str | None
    impact: Followers | str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a report; the schema has their meanings."""

    resources: int
    in_sync: int
    create: int
    update: int
    blocked: int
    wait: int
    paused: int
    unknown: int
    drift: int
    unmanaged: int
    undeclared: int
    ignored: int
    puts: int
    succeeded: int
    unchanged: int
    failed: int
    skipped: int
    refused: int
    requests: Mapping[str, int]
    apply_requests: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Words:
    """
    A report for people.

    Attributes:
        verdict: The result in one sentence, after environment and cloud.
        budget: The requests that were sent; empty for a command that sends none.
        code: The exit code with ``--detailed-exitcode``.
        is_applied: Whether the report is about writing.
        left_out: The number of resources for which the format has no room.
    """

    verdict: str = ""
    budget: str = ""
    code: int = 0
    is_applied: bool = False
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """The reason why a round may not write: a window, the hold file or the lock, its holder, and its end."""

    by: str
    holder: str | None
    until: str | None


@dataclass(frozen=True, slots=True)
class Idle:
    """The ignore rules that hid nothing in one shard, as problems, and whether such a rule is an error."""

    is_strict: bool
    rules: tuple[Problem, ...]


class Made(Sequence[T]):
    """Parts of a view of which each is made when it is asked for: a report for programs has one of every resource."""

    __slots__ = ("_each", "_make")

    def __init__(self, each: Sequence[object], make: Callable[..., T]) -> None:
        """Make a part of each of *each* by *make*."""
        self._each = each
        self._make = make

    def then(self, change: Callable[[T], T]) -> Made[T]:
        """Return the parts with a change made to each."""
        make = self._make
        return Made(self._each, lambda each: change(make(each)))

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Made[T]: ...
    def __getitem__(self, place: int | slice) -> T | Made[T]:
        if isinstance(place, slice):
            return Made(self._each[place], self._make)
        return self._make(self._each[place])

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._each)

    def __len__(self) -> int:
        return len(self._each)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Made) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class View:
    """
    A report.

    Attributes:
        resources: The declared ones in plan order, then those that no manifest declares. A tuple in a view for people.
        latest: Every region in which the plan moves ``latest``, by application and region.
        idle: Of a shard.
    """

    schema_version: int
    command: str
    reconciler_version: str
    started_at: str
    finished_at: str
    environment: str | None
    project: str | None
    cloud: str | None
    endpoint: str | None
    commit: str | None
    shard: str | None
    held: Held | None = field(default=None, kw_only=True)
    summary: Summary
    resources: Sequence[Resource]
    latest: tuple[Latest, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    idle: Idle | None = None
    words: Words = Words()

    @property
    def declared(self) -> tuple[Resource, ...]:
        """The resources that manifests declare."""
        return tuple(each for each in self.resources if each.source is not None)

    @property
    def noteworthy(self) -> tuple[Resource, ...]:
        """The declared resources of which there is more to report than that they are in sync."""
        return tuple(each for each in self.resources if each.source is not None and each.words.is_noteworthy)

    @property
    def unmanaged(self) -> tuple[Resource, ...]:
        """The resources that no manifest declares."""
        return tuple(each for each in self.resources if each.source is None)

    @property
    def replicated(self) -> tuple[Resource, ...]:
        """The declared resources whose replication was read."""
        return tuple(each for each in self.resources if each.source is not None and each.words.copies is not None)
