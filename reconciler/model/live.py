"""The live state of resources, as read from Azure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from reconciler.kinds.live import Live

if TYPE_CHECKING:
    from reconciler.errors import ErrorInfo
    from reconciler.kinds.kind import Kind
    from reconciler.values import JsonObject


class Absence(StrEnum):
    """Why a resource is missing."""

    NOT_FOUND = "not-found"
    PARENT_MISSING = "parent-missing"
    GROUP_MISSING = "group-missing"


@dataclass(frozen=True, slots=True)
class Absent:
    """ARM reports that the resource does not exist."""

    why: Absence


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The read failed, or its answer was not usable: the state of the resource is unknown."""

    error: ErrorInfo


Observed: TypeAlias = Live | Absent | Unreadable


@dataclass(frozen=True, slots=True)
class Observation:
    """
    The result of reading the live state of the selected resources.

    Attributes:
        observed: By folded id, for every selected resource.
        parents: Folded ids of undeclared parents that exist.
        unmanaged: Live resources in the lists that were read that no manifest declares.
        lists: Folded paths of the lists that were read whole.
        others: Live versions in those lists that are declared and not selected: they decide about ``latest``.
        versions: The newest api-version that Azure knows, by kind and folded subscription.
    """

    observed: Mapping[str, Observed]
    parents: frozenset[str] = frozenset()
    unmanaged: tuple[Unmanaged, ...] = ()
    lists: frozenset[str] = frozenset()
    versions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    others: tuple[Unmanaged, ...] = ()

    @property
    def bodies(self) -> Mapping[str, JsonObject]:
        """The bodies of the live resources, by folded id."""
        return _Bodies(self.observed)


class _Bodies(Mapping[str, "JsonObject"]):
    """The bodies of the live resources, each taken when it is asked for, as most are packed in a large estate."""

    __slots__ = ("_observed",)

    def __init__(self, observed: Mapping[str, Observed]) -> None:
        self._observed = observed

    def __getitem__(self, key: str) -> JsonObject:
        found = self._observed[key]
        if not isinstance(found, Live):
            raise KeyError(key)
        return found.body

    def __contains__(self, key: object) -> bool:
        return isinstance(self._observed.get(key), Live)  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return (key for key, found in self._observed.items() if isinstance(found, Live))

    def __len__(self) -> int:
        return sum(isinstance(found, Live) for found in self._observed.values())


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """
    A live resource that no manifest declares, or none of those that are selected.

    Attributes:
        owner: The other project that owns it; None without one.
        version: The lowest api-version that has every leaf of it; None where it was not decided.
    """

    kind: Kind
    name: str
    id: str
    live: Live
    owner: str | None = None
    version: str | None = field(default=None, compare=False)
