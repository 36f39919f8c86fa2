"""The facts that a kind's schema declares of each property: what an official description can be held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = Mapping[str, Any]

INT32_MAX: Final = 2**31 - 1


class Fact(NamedTuple):
    """What the OpenAPI document says of one property. The limits are those of the length of a text."""

    type: str
    required: bool = False
    read_only: bool = False
    values: tuple[str, ...] = ()
    is_open: bool = False
    min_length: int | None = None
    max_length: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fact:
        """Read a row of the table: the type, ``!`` if required, ``ro``, ``min..max``, the values (``~`` if open)."""
        first, *words = text.split()
        fact = cls(first.rstrip("!"), required=first.endswith("!"))
        for word in words:
            if word == "ro":
                fact = fact._replace(read_only=True)
            elif ".." in word:
                low, high = (int(part) if part else None for part in word.split(".."))
                fact = fact._replace(min_length=low, max_length=high)
            else:
                fact = fact._replace(values=tuple(word.lstrip("~").split("|")), is_open=word.startswith("~"))
        return fact


class Node(NamedTuple):
    """One property, element or map value of a schema; *read_only* and *since* are inherited."""

    path: str
    schema: Json
    required: bool
    read_only: bool
    since: str = ""

    @property
    def is_leaf(self) -> bool:
        """Whether nothing below it is described."""
        return not any(
            isinstance(self.schema.get(key), dict) for key in ("properties", "items", "additionalProperties")
        )

    @property
    def is_refused(self) -> bool:
        """Whether it is there only to be refused, though it is not the server's."""
        return self.schema.get("not") == {} and not self.read_only


IN_PLACE = ("#/$defs/file", "#/$defs/env")


def resolved(root: Json, schema: Json) -> Json:
    """The schema with its reference resolved; text that may stand in a file is text."""
    if schema.get("$ref") in IN_PLACE:
        words = [word for word in types(schema) if word != "object"]
        return {**{key: value for key, value in schema.items() if key != "$ref"}, "type": words}
    return {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema} if "$ref" in schema else schema


def walk(
    root: Json, schema: Json, path: str = "", *, required: bool = False, read_only: bool = False, since: str = ""
) -> Iterator[Node]:
    """Every node of *schema* and below, references resolved."""
    schema = resolved(root, schema)
    read_only = read_only or schema.get("readOnly", False)
    since = schema.get("x-since", since)
    yield Node(path, schema, required, read_only, since)
    for name, child in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        is_required = name in schema.get("required", ())
        yield from walk(root, child, below, required=is_required, read_only=read_only, since=since)
    if "items" in schema:
        yield from walk(root, schema["items"], f"{path}[]", read_only=read_only, since=since)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(root, schema["additionalProperties"], f"{path}{{}}", read_only=read_only, since=since)


def types(schema: Json) -> list[str]:
    """The types that a schema allows."""
    stated = schema["type"]
    return [stated] if isinstance(stated, str) else list(stated)


def warnings(schema: Json) -> list[Json]:
    """The rules of a node that are only warned about."""
    rules = schema.get("x-warn", [])
    return rules if isinstance(rules, list) else [rules]


def described(node: Node, *, newest: bool = False) -> Fact:
    """The facts of one node of ours."""
    schema = node.schema
    kind = "|".join(word for word in types(schema) if word != "null")
    if kind == "integer" and schema.get("maximum") == INT32_MAX:
        kind = "int32"
    if schema.get("format") == "date-time":
        kind = "date-time"
    open_values = next((rule["enum"] for rule in warnings(schema) if "enum" in rule), None)
    if open_values is None and node.read_only:
        open_values = schema.get("examples")
    newer = {} if newest else schema.get("x-since-values", {})
    values = [value for value in schema.get("enum") or open_values or () if value not in newer]
    return Fact(
        kind,
        required=node.required,
        read_only=node.read_only,
        values=tuple(value for value in values if value is not None),
        is_open=bool(values) and "enum" not in schema,
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
    )


def subschemas(schema: object) -> Iterator[Json]:
    """All JSON objects in a schema; most of them are schemas."""
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from subschemas(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from subschemas(child)
