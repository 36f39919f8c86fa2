"""
The kinds that a run knows, by name and api-version. A value: compiled once from schemas, and handed down.

Of each kind one api-version is the reference: manifests, plans and requests are of that one.
"""

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
        kinds: Each kind at its reference version, by name.
        versions: Every version of every kind, by name and api-version.
        documents: The schemas that describe no resource, such as that of the project file, by the name of their file.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], Kind] = field(default_factory=dict)
    documents: Mapping[str, JsonObject] = field(default_factory=dict)

    def of(self, name: str) -> Kind:
        """
        Return a kind at its reference version.

        Raises:
            UnknownKindError: No schema describes it.
        """
        if name not in self.kinds:
            message = f"unknown kind `{name}`: known are {', '.join(self.kinds)}"
            raise UnknownKindError(message)
        return self.kinds[name]

    def at(self, name: str, api_version: str) -> Kind:
        """
        Return a kind at one api-version.

        Raises:
            UnknownKindError: No schema describes the kind, or none at that version.
        """
        reference = self.of(name)
        if (name, api_version) not in self.versions:
            known = sorted(version for kind, version in self.versions if kind == reference.name)
            message = f"unknown api-version `{api_version}` of {name}: known are {', '.join(known)}"
            raise UnknownKindError(message)
        return self.versions[name, api_version]


def compile_registry(schemas: Mapping[str, JsonObject]) -> Registry:
    """
    Compile the registry of *schemas*, by the names of their files.

    A schema without ``x-arm`` describes no resource. Of several schemas of one kind, the one whose file has the name of
    the kind is the reference.

    Raises:
        KeyError, ValueError: An annotation is missing or misspelt.
    """
    compiled = {name: compile_kind(schema) for name, schema in schemas.items() if Annotation.ARM in schema}
    kinds = {kind.name: kind for name, kind in compiled.items() if name == kind.name}
    versions = {(kind.name, kind.api_version): kind for kind in compiled.values()}
    documents = {name: schema for name, schema in schemas.items() if name not in compiled}
    return Registry(MappingProxyType(kinds), MappingProxyType(versions), MappingProxyType(documents))
