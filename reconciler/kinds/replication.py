"""Reads the replication of a resource from a live body, by the annotation ``x-health`` of its kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.kinds.annotations import dotted
from reconciler.kinds.live import Replication

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class HealthRule:
    """
    The annotation ``x-health``, compiled: paths of the replication status in an answer.

    Attributes:
        query: Added to a GET, so that the answer has the status.
        state: Path of the state of all parts together.
        parts: Path of the list of parts, such as regions.
        name: Path of the name within a part.
        part_state: Path of the state within a part.
        messages: Path of Azure's remark within a part.
    """

    query: str
    state: tuple[str, ...]
    parts: tuple[str, ...]
    name: tuple[str, ...]
    part_state: tuple[str, ...]
    messages: tuple[str, ...]

    @property
    def holder(self) -> tuple[str, ...]:
        """The path of the object that holds the replication status."""
        return self.state[:-1]

    def read(self, body: JsonObject) -> Replication | None:
        """Return the replication in *body*; None if it has none, as in an answer to a GET without the query."""
        if not isinstance(at(body, self.holder), Mapping):
            return None
        listed = at(body, self.parts)
        parts = [part for part in listed if isinstance(part, Mapping)] if isinstance(listed, list) else []
        return Replication(
            state=str(at(body, self.state) or ""),
            regions=tuple((str(at(part, self.name)), str(at(part, self.part_state) or "")) for part in parts),
            details=tuple(str(said) for part in parts if (said := at(part, self.messages))),
        )


def compile_health(annotation: Mapping[str, Any]) -> HealthRule:
    """
    Compile ``x-health``.

    Raises:
        KeyError: A part of it is missing.
    """
    parts = annotation["parts"]
    return HealthRule(
        query=annotation["query"],
        state=dotted(annotation["state"]),
        parts=dotted(parts["path"]),
        name=dotted(parts["name"]),
        part_state=dotted(parts["state"]),
        messages=dotted(annotation["messages"]),
    )


def at(node: object, path: Sequence[str]) -> Any:
    """Return the value at *path* of a live body of any shape; None if there is none."""
    for step in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(step)
    return node
