"""One resource, as the manifests declare it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.problems import Layer, Locate, Origin, Source, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.kinds.content import ContentDigest
    from reconciler.kinds.kind import Kind
    from reconciler.values import FieldPath, JsonObject


@dataclass(frozen=True, slots=True)
class Desired:
    """
    One resource as it must be.

    Attributes:
        id: The resource id, in the manifest's spelling.
        key: The id folded for comparing (ids are case-insensitive).
        parent: The folded id of the parent resource; None for a kind without one.
        params: The URI parameters.
        body: The declared part of the request body, secrets hidden.
        slot: Names the one writer at a time that ARM allows; folded.
        wave: Low first; never lower than the parent's.
        depth: 0 for a kind without a parent, 1 for its children, and so on.
        content: Digests of the write-only content; None where none is declared.
        mark: The tag that a PUT of it records of a rollout; None to leave the tag as it is.
        stated_wave: The wave in the manifest, which the parent's may lift.
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
    mark: str | None = None
    stated_wave: int = 0

    @property
    def place(self) -> tuple[str, Source]:
        """The id, and where it is declared."""
        return self.id, self.source

    @property
    def order(self) -> tuple[int, int, str]:
        """Its place in the order of doing."""
        return self.wave, self.depth, self.key

    @property
    def digest(self) -> str | None:
        """The text that records the write-only content; None where none is declared."""
        return self.content.tag if self.content is not None else None

    @property
    def unset(self) -> tuple[str, ...]:
        """The environment variables that it takes values from, and that are not set."""
        return tuple(value.variable for value in self.kind.variables_in(self.body) if not value.is_set)

    def origin(self, path: FieldPath) -> Origin:
        """Return where the value at a path of ``spec``, as written, is declared. Reads texts again: for reports."""
        if self.trace is not None:
            return self.trace(("spec", *path))
        return Origin(Layer.MANIFEST, self.source.file, *self.locate(("spec", *path)))

    @property
    def address(self) -> str:
        """Its name for ``--target``: ``KIND/NAME``."""
        return f"{self.kind.name}/{self.name}"
