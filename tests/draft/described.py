"""A property as an SDK model or an OpenAPI document describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ELEMENT: Final = "[]"
ENTRY: Final = "{}"


@dataclass(frozen=True, slots=True)
class Described:
    """
    One property, element of a list or value of a map.

    Attributes:
        type: ``object``, ``array``, ``string``, ``integer``, ``number``, ``boolean`` or ``date-time``.
        values: Of an enumeration.
        is_open: Whether Azure may accept other values too.
        properties: Of an object, by name.
        each: Of a list or a map: every element or value.
    """

    type: str
    required: bool = False
    read_only: bool = False
    values: tuple[str, ...] = ()
    is_open: bool = True
    description: str = ""
    min_length: int | None = None
    max_length: int | None = None
    properties: Mapping[str, Described] = field(default_factory=dict)
    each: Described | None = None

    def every(self, path: str = "", *, read_only: bool = False) -> Iterator[tuple[str, Described, bool]]:
        """Yield path, property and whether it is Azure's own, of this property and of everything below it."""
        read_only = read_only or self.read_only
        if path:
            yield path, self, read_only
        for name, child in self.properties.items():
            yield from child.every(f"{path}.{name}" if path else name, read_only=read_only)
        if self.each is not None:
            yield from self.each.every(f"{path}{ELEMENT if self.type == 'array' else ENTRY}", read_only=read_only)
