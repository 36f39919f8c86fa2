"""
The rules of a request body: one :class:`Rule` for every property, compiled from a schema's annotations.

Knows JSON Schema and the annotations; knows no kind, and nothing of reading or writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from reconciler.kinds import normal_forms
from reconciler.kinds.annotations import Annotation, dotted
from reconciler.values import MISSING, JsonObject

_VARIABLE: Final = "#/$defs/env"  # beside a text: {$env: NAME} may stand for it
_OTHER_ABSENCE: Final = (Annotation.DEFAULT_FROM, Annotation.SERVER_POPULATED, "readOnly", "writeOnly")
_JSON_TYPES: Final[Mapping[type, set[str]]] = {
    str: {"string"},
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
}
_KNOWN_LISTS: Final = frozenset({"map", "set", "atomic"})


class Severity(StrEnum):
    """How grave a difference is, in ascending order."""

    COSMETIC = "cosmetic"
    """Tags, names and descriptions for people."""
    DELIVERY = "delivery"
    """Which content users get, and where."""
    SECURITY = "security"
    """Who has access: authorizations, locks, sharing."""

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return [*Severity].index(self)


class Shape(StrEnum):
    """The way in which a value is taken apart when it is compared."""

    OBJECT = "object"
    MAP = "map"
    LIST = "list"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True)
class Rule:
    """
    The rule by which one property is read, spelled, compared and written.

    Attributes:
        properties: Of an object, by name.
        items: Of a list or a map: the rule of every element or value.
        keys: Of a keyed list: paths, within an element, of the values that identify it.
        fold_keys: Of a map: whether its names are compared without case (tags, resource ids).
        read_only: Set by Azure; never sent, never compared.
        write_only: Sent, never returned, and recorded by digest.
        frozen: Immutable after creation.
        optional_text: A text that may be omitted, so that empty text counts as absent.
        clearable: Whether Azure can clear it once it is set.
        secret: Whether it holds a secret, wholly or in its query part.
        default: The value that absence means; MISSING if none.
        default_from: Path, in the body, of the property whose value absence means.
        server_populated: Whether absence accepts any value that Azure chooses.
        excluded_by: Path, in the body, of the property beside which it must not be sent.
        implied: The value that absence from an answer means; MISSING if none. Absent from a manifest it is undeclared.
        since: The api-version that brought it, or the object or list that contains it; None for the reference version.
        values_since: The api-versions that brought some of its values, by value.
        completed_in: Path of texts that may be answered in its place, each beginning with it and a hyphen.
        has_default: Whether it, or a property below it, has a default.
        has_instant: Whether it, or a value below it, is a date and time.
        removal_guard: Path of the flag that must be true for an element to be removed.
        must_contain: Path of a value that the list must contain.
        takes_file: Whether a reference to a file may stand in its place.
        max_bytes: Of a link: size limit of the blob behind it.
        too_large: The fix where a file in its place is too large.
        severity: As annotated on itself; None where it has that of the value that contains it.
    """

    shape: Shape = Shape.LEAF
    properties: Mapping[str, Rule] = field(default_factory=dict)
    items: Rule | None = None
    list_type: str | None = None
    keys: tuple[tuple[str, ...], ...] = ()
    fold_keys: bool = False
    read_only: bool = False
    write_only: bool = False
    frozen: bool = False
    optional_text: bool = False
    clearable: bool = True
    secret: bool = False
    required: bool = False
    server_populated: bool = False
    excluded_by: tuple[str, ...] | None = None
    default: Any = MISSING
    default_from: tuple[str, ...] | None = None
    implied: Any = MISSING
    since: str | None = None
    values_since: Mapping[str, str] = field(default_factory=dict)
    completed_in: tuple[str, ...] | None = None
    has_default: bool = False
    has_instant: bool = False
    removal_guard: tuple[str, ...] | None = None
    must_contain: tuple[str, ...] | None = None
    normalize: str | None = None
    integer: bool = False
    takes_file: bool = False
    max_bytes: int | None = None
    too_large: str | None = None
    severity: Severity | None = None
    description: str = ""

    @property
    def is_opaque(self) -> bool:
        """Whether it stands for a property that the schema does not know."""
        return self is OPAQUE

    @property
    def element(self) -> Rule:
        """The rule of every element of a list, or value of a map; *OPAQUE* for any other shape."""
        return self.items or OPAQUE

    def child(self, step: str | int) -> Rule:
        """Return the rule of the property, element or value at *step*; *OPAQUE* if the schema does not know it."""
        if self.shape is Shape.OBJECT:
            return self.properties.get(str(step), OPAQUE)
        return self.items or OPAQUE

    def at(self, path: Iterable[str | int]) -> Rule:
        """Return the rule at *path*; *OPAQUE* if the schema does not know it."""
        rule = self
        for step in path:
            rule = rule.child(step)
        return rule

    def along(self, path: Iterable[str | int]) -> tuple[Rule, ...]:
        """Return this rule and the rule after each step of *path*."""
        rules = [self]
        for step in path:
            rules.append(rules[-1].child(step))
        return tuple(rules)

    def severity_at(self, path: Iterable[str | int]) -> Severity:
        """Return how grave a difference at *path* is: as the nearest annotated value that contains it says."""
        found = [rule.severity for rule in self.along(path) if rule.severity is not None]
        return found[-1] if found else Severity.DELIVERY

    def every(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Rule]]:
        """Yield this rule and every rule below it, with its path: ``*`` is any element of a list or name of a map."""
        yield path, self
        for name, child in self.properties.items():
            yield from child.every((*path, name))
        if self.items is not None:
            yield from self.items.every((*path, "*"))


OPAQUE: Final = Rule()
"""The leaf that stands for any property the schema does not know: compared and sent as it is."""


def compile_rule(
    schema: JsonObject, definitions: JsonObject, *, required: bool | None = None, since: str | None = None
) -> Rule:
    """
    Compile the rule of one property, and of everything below it.

    Args:
        schema: The property's schema.
        definitions: The ``$defs`` that it may refer to.
        required: Whether its parent requires it; None for an element, and for the body as a whole.
        since: The api-version that brought its parent; None for the reference version.

    Raises:
        ValueError: An annotation is misspelt.
    """
    node = resolved(schema, definitions)
    shape, types = _shape(node), _types(node)
    since = max(since or "", node.get(Annotation.SINCE, "")) or None
    properties = _properties(node, definitions, since) if shape is Shape.OBJECT else {}
    items = _items(node, shape, definitions, since)
    below = (*properties.values(), *((items,) if items else ()))
    return Rule(
        shape=shape,
        properties=properties,
        items=items,
        list_type=_list_type(node) if shape is Shape.LIST else None,
        keys=tuple(dotted(key) for key in node.get(Annotation.LIST_KEYS, ())),
        fold_keys=shape is Shape.MAP and Annotation.NORMALIZE in node.get("propertyNames", {}),
        read_only=bool(node.get("readOnly")),
        write_only=bool(node.get("writeOnly")),
        frozen=Annotation.MUTABILITY in node and "update" not in node[Annotation.MUTABILITY],
        clearable=node.get(Annotation.UNSETTABLE) is not False,
        secret=bool(node.get(Annotation.SECRET)),
        required=bool(required),
        since=since,
        values_since=dict(node.get(Annotation.SINCE_VALUES, {})),
        removal_guard=dotted(node.get(Annotation.REMOVAL_GUARD)),
        must_contain=dotted(node.get(Annotation.MUST_CONTAIN)),
        normalize=_normalize(node),
        integer=types <= {"integer", "null"} and "integer" in types,
        optional_text=required is False and shape is Shape.LEAF and "string" in types and not node.get("readOnly"),
        takes_file={"string", "object"} <= types and schema.get("$ref") != _VARIABLE,
        max_bytes=node.get(Annotation.MAX_BYTES),
        too_large=node.get(Annotation.TOO_LARGE),
        severity=Severity(node[Annotation.SEVERITY]) if Annotation.SEVERITY in node else None,
        description=str(node.get("description", "")),
        has_instant=_normalize(node) == "instant" or any(each.has_instant for each in below),
        **_absence(node, shape, below),
    )


def _absence(node: JsonObject, shape: Shape, below: Iterable[Rule]) -> dict[str, Any]:
    """Return the part of a rule that says what the absence of its value means."""
    return {
        "server_populated": bool(node.get(Annotation.SERVER_POPULATED)),
        "default": node.get("default", MISSING),
        "default_from": dotted(node.get(Annotation.DEFAULT_FROM)),
        "excluded_by": dotted(node.get(Annotation.EXCLUDED_BY)),
        "implied": _implied(node, shape),
        "completed_in": dotted(node.get(Annotation.COMPLETED_IN)),
        "has_default": "default" in node or Annotation.DEFAULT_FROM in node or any(each.has_default for each in below),
    }


def without_clearing(rule: Rule) -> Rule:
    """
    Return *rule* for a kind whose PUT merges: an object or a scalar that is omitted stays.

    Lists and maps are replaced whole, so values within them can be cleared.
    """
    if rule.shape in {Shape.LIST, Shape.MAP}:
        return rule
    properties = {name: without_clearing(child) for name, child in rule.properties.items()}
    return replace(rule, properties=properties, clearable=False)


def resolved(schema: JsonObject, definitions: JsonObject) -> dict[str, Any]:
    """Return *schema* with its reference resolved; its own keywords take precedence."""
    node = dict(schema)
    while "$ref" in node:
        name = node.pop("$ref").removeprefix("#/$defs/")
        node = {**definitions[name], **node}
    return node


def _types(node: JsonObject) -> set[str]:
    types = node.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _shape(node: JsonObject) -> Shape:
    types = _types(node)
    if "array" in types:
        return Shape.LIST
    if "string" in types:  # an object in place of text is a reference, which loading has resolved
        return Shape.LEAF
    if "properties" in node:
        return Shape.OBJECT
    if isinstance(node.get("additionalProperties"), Mapping):
        return Shape.MAP
    return Shape.LEAF


def _properties(node: JsonObject, definitions: JsonObject, since: str | None) -> dict[str, Rule]:
    required = set(node.get("required", ()))
    return {
        name: compile_rule(child, definitions, required=name in required, since=since)
        for name, child in node["properties"].items()
    }


def _items(node: JsonObject, shape: Shape, definitions: JsonObject, since: str | None) -> Rule | None:
    if shape is Shape.LIST:
        items = compile_rule(node.get("items", {}), definitions, since=since)
        for key in node.get(Annotation.LIST_KEYS, ()):
            items = _with_key(items, dotted(key))
        return items
    if shape is Shape.MAP:
        return compile_rule(node["additionalProperties"], definitions, since=since)
    return None


def _with_key(rule: Rule, path: Sequence[str]) -> Rule:
    """Return the rule of an element whose key is at *path*, so that an empty key is a key."""
    if not path:
        return replace(rule, optional_text=False)
    child = rule.properties.get(path[0])
    if child is None:
        return rule
    return replace(rule, properties={**rule.properties, path[0]: _with_key(child, path[1:])})


def _list_type(node: JsonObject) -> str:
    list_type = str(node.get(Annotation.LIST_TYPE, "atomic"))
    if list_type not in _KNOWN_LISTS:
        message = f"{Annotation.LIST_TYPE}: {list_type} is none of {', '.join(sorted(_KNOWN_LISTS))}"
        raise ValueError(message)
    return list_type


def _implied(node: JsonObject, shape: Shape) -> Any:
    if Annotation.IMPLIED not in node:
        return MISSING
    others = [name for name in _OTHER_ABSENCE if node.get(name)] + ["default"] * ("default" in node)
    if shape is not Shape.LEAF or others:
        message = f"{Annotation.IMPLIED} is for leaves only, and not beside {', '.join(others) or shape}"
        raise ValueError(message)
    value = node[Annotation.IMPLIED]
    if not _types(node) & _JSON_TYPES.get(type(value), set()):
        message = f"{Annotation.IMPLIED}: {value!r} is of none of the types of the property"
        raise ValueError(message)
    return value


def _normalize(node: JsonObject) -> str | None:
    name = node.get(Annotation.NORMALIZE)
    if name is not None and name not in normal_forms.NAMES:
        message = f"{Annotation.NORMALIZE}: {name} is none of {', '.join(sorted(normal_forms.NAMES))}"
        raise ValueError(message)
    return name
