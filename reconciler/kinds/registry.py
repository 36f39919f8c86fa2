"""The kinds that a run knows, by name. A value: compiled once from schemas, and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.errors import UnknownKindError
from reconciler.kinds.annotations import Annotation
from reconciler.kinds.kind import Kind, compile_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Registry:
    """
    Kinds, and the schemas of files that are no manifests.

    Attributes:
        kinds: By name.
        documents: The schemas that describe no resource, such as that of the project file, by the name of their file.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    documents: Mapping[str, JsonObject] = field(default_factory=dict)

    def of(self, name: str) -> Kind:
        """
        Return a kind.

        Raises:
            UnknownKindError: No schema describes it.
        """
        if name not in self.kinds:
            message = f"unknown kind `{name}`: known are {', '.join(self.kinds)}"
            raise UnknownKindError(message)
        return self.kinds[name]


def compile_registry(schemas: Mapping[str, JsonObject]) -> Registry:
    """
    Return the registry of *schemas*, by the names of their files.

    A schema without ``x-arm`` describes no resource. A kind is compiled when it is first asked for, and raises
    KeyError or ValueError then if one of its annotations is missing or misspelt.
    """
    kinds = {
        str(schema["properties"]["kind"]["const"]): schema for schema in schemas.values() if Annotation.ARM in schema
    }
    documents = {name: schema for name, schema in schemas.items() if Annotation.ARM not in schema}
    return Registry(_Kinds(kinds), MappingProxyType(documents))


class _Kinds(Mapping[str, Kind]):
    """Kinds by name, each compiled when it is first asked for: most estates have few of them."""

    def __init__(self, schemas: Mapping[str, JsonObject]) -> None:
        self._schemas = schemas
        self._compiled: dict[str, Kind] = {}

    def __getitem__(self, name: str) -> Kind:
        if name not in self._compiled:
            self._compiled[name] = compile_kind(self._schemas[name])
        return self._compiled[name]

    def __contains__(self, name: object) -> bool:
        return name in self._schemas

    def __iter__(self) -> Iterator[str]:
        return iter(self._schemas)

    def __len__(self) -> int:
        return len(self._schemas)
