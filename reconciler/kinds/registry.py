"""The kinds that a run knows, by name. A value: compiled once from schemas, and handed down."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.errors import UnknownKindError
from reconciler.kinds.annotations import Annotation
from reconciler.kinds.kind import Kind, compile_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    Compile the registry of *schemas*, by the names of their files.

    A schema without ``x-arm`` describes no resource.

    Raises:
        KeyError, ValueError: An annotation is missing or misspelt.
    """
    compiled = [compile_kind(schema) for schema in schemas.values() if Annotation.ARM in schema]
    documents = {name: schema for name, schema in schemas.items() if Annotation.ARM not in schema}
    return Registry(MappingProxyType({kind.name: kind for kind in compiled}), MappingProxyType(documents))
