"""The fields of a kind, read off its schema: for the reference page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.kinds.leaves import FieldClass, class_of
from reconciler.kinds.rules import Rule, Shape, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.kind import Kind
    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Field:
    """
    One property of a request body, element of a list of plain values, or value of a map.

    Attributes:
        path: As an ignore rule writes it, for any element and any name.
        rule: Its own.
        schema: Its own, references resolved.
        parents: The rules above it, from the body down.
        is_key: Whether it is part of the key of an element.
    """

    path: str
    rule: Rule
    schema: JsonObject
    parents: tuple[Rule, ...]
    is_key: bool = False

    @property
    def is_leaf(self) -> bool:
        """Whether its schema describes no part of it."""
        return self.rule.shape is Shape.LEAF

    @property
    def is_element(self) -> bool:
        """Whether it is an element of a list, as a plain value."""
        return self.parents[-1:] != () and self.parents[-1].shape is Shape.LIST

    @property
    def in_list(self) -> bool:
        """Whether it is part of an element of a list."""
        return any(rule.shape is Shape.LIST for rule in self.parents)

    @property
    def field_class(self) -> FieldClass:
        """The class, which may come from a value that contains it."""
        return class_of((*self.parents, self.rule))

    @property
    def is_refused(self) -> bool:
        """Whether manifests must not declare it."""
        return self.schema.get("not") == {}


def fields(kind: Kind) -> tuple[Field, ...]:
    """Return every field of the request body of *kind*, parents before their parts."""
    definitions = kind.schema.get("$defs", {})
    spec = resolved(kind.schema["properties"]["spec"], definitions)
    return tuple(_below(Field("", kind.rules, spec, ()), definitions))


def _below(field: Field, definitions: JsonObject, keys: tuple[tuple[str, ...], ...] = ()) -> Iterator[Field]:
    parents = (*field.parents, field.rule)
    described = field.schema.get("properties", {})
    for name, rule in field.rule.properties.items():
        path = f"{field.path}.{name}" if field.path else name
        below = tuple(key[1:] for key in keys if key[0] == name)
        schema = resolved(described.get(name, {}), definitions)
        child = Field(path, rule, schema, parents, is_key=bool(below))
        yield child
        yield from _below(child, definitions, tuple(key for key in below if key))
    items = field.rule.items
    if items is not None:
        is_list = field.rule.shape is Shape.LIST
        schema = resolved(field.schema["items" if is_list else "additionalProperties"], definitions)
        element = Field(f"{field.path}{'[*]' if is_list else '.*'}", items, schema, parents)
        if element.is_leaf:
            yield element
        yield from _below(element, definitions, field.rule.keys)


def types_of(schema: JsonObject) -> list[str]:
    """Return the JSON types that a schema accepts."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def takes_null(schema: JsonObject) -> bool:
    """Return whether a schema accepts null."""
    return "null" in types_of(schema)
