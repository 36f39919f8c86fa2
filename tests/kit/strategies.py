"""
Hypothesis strategies for valid manifests, made from the compiled kinds and their schemas: no kind is named here.

A kind that is added to ``schemas/`` is generated with the others. What a schema leaves to the service (which content
excludes which, what a list must hold) is honoured by asking the schema or its annotations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, combinations
from typing import Any, Final, TypeAlias

import jsonschema_rs
from hypothesis import strategies as st

from reconciler.emulator.regions import DISPLAY_NAMES
from reconciler.kinds.blank import is_blank
from reconciler.kinds.kind import Kind
from reconciler.kinds.normal_forms import canonical, normalize, parse_instant
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.versions import without_newer
from reconciler.manifests.yaml12.characters import HIDDEN
from reconciler.values import MISSING, JsonObject

Draw: TypeAlias = st.DrawFn
Strategy: TypeAlias = st.SearchStrategy[Any]
Steps: TypeAlias = tuple[str | int, ...]

SUBSCRIPTIONS: Final = ("01523d7c-60da-455e-adef-521b547922c4", "Ab0C3d7c-60da-455e-adef-521b547922FF")
_PREFIX: Final = "reconciler-"
# Forms of a name in a URL; a parameter takes those that its schema accepts.
_NAMES: Final = ("agent", "Tools", "a1", "x_y", "d.e", "b-c", "(paren)", "1.0.0", "02.10.3", "2147483647.0.7", "Z" * 64)
FRESH: Final = "a fresh name"
"""Of a map's entry, or an element's key, that no generated body has."""
_EARLIEST: Final = datetime(2000, 1, 2)  # noqa: DTZ001 (the offset is drawn apart)
_LATEST: Final = datetime(2200, 1, 1)  # noqa: DTZ001


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """
    One property: how the schema describes it, and the rule compiled from that. The same node whenever asked for.

    Attributes:
        schema: Its references resolved.
        definitions: The ``$defs`` that its children may refer to.
    """

    schema: Mapping[str, Any] = field(repr=False)
    rule: Rule = field(repr=False)
    definitions: Mapping[str, Any] = field(repr=False)
    _known: dict[str, Node] = field(default_factory=dict, repr=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 (how Hypothesis calls it)
        """Show little of it with a failing example."""
        printer.text(f"Node({self.rule.description!r})")

    @property
    def is_stated(self) -> bool:
        """Whether a manifest may state it at all."""
        return not self.rule.read_only and self.schema.get("not") != {}

    @property
    def takes_null(self) -> bool:
        """Whether a manifest may say that it must not be set."""
        return "null" in _types(self.schema)

    def child(self, step: str | int) -> Node:
        """Return the node of a property, an element or a map's value."""
        name = str(step) if self.rule.shape is Shape.OBJECT else "*"
        if name not in self._known:
            self._known[name] = self._child(name)
        return self._known[name]

    def _child(self, name: str) -> Node:
        if self.rule.shape is Shape.OBJECT:
            return _node(self.schema["properties"][name], self.rule.properties[name], self.definitions)
        assert self.rule.items is not None
        below = self.schema["items" if self.rule.shape is Shape.LIST else "additionalProperties"]
        return _node(below, self.rule.items, self.definitions)

    def children(self) -> Iterator[tuple[str, Node]]:
        """Yield the properties that a manifest may state."""
        for name in self.schema["properties"]:
            if name in self.rule.properties and (child := self.child(name)).is_stated:
                yield name, child

    def at(self, path: Sequence[str | int]) -> Node:
        """Return the node at a path of names and indexes (or ``*``)."""
        node = self
        for step in path:
            node = node.child(step)
        return node


def _node(schema: Mapping[str, Any], rule: Rule, definitions: Mapping[str, Any]) -> Node:
    while "$ref" in schema:
        schema = {
            **definitions[schema["$ref"].removeprefix("#/$defs/")],
            **{k: schema[k] for k in schema if k != "$ref"},
        }
    return Node(schema, rule, definitions)


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type", [])
    return {types} if isinstance(types, str) else set(types)


@cache
def body_node(kind: Kind) -> Node:
    """Return the node of a kind's request body."""
    return _node(kind.body_schema(), kind.rules, kind.schema.get("$defs", {}))


# ---------------------------------------------------------------------------------------------------- single values

_WORDS: Final = (
    "",
    " ",
    "no",
    "null",
    "1:30",
    "1.0",
    "2030-01-01",
    "{}",
    "a\nb\n",
    "sh install.sh",
    "ß",
    "#",
    "~",
    "😀",
)
_VISIBLE: Final = st.characters(exclude_categories=["C", "Zl", "Zp"]).filter(lambda each: not HIDDEN.match(each))
# A manifest may not hold characters that cannot be seen.
texts: Final = st.one_of(st.sampled_from(_WORDS), st.text(_VISIBLE, max_size=8))


@st.composite
def regions(draw: Draw) -> str:
    """Return a region in one of its spellings; now and then a region that the tables do not know yet."""
    return draw(respelled_region(draw(st.sampled_from((*DISPLAY_NAMES, "Atlantis North 7")))))


@st.composite
def respelled_region(draw: Draw, region: str) -> str:
    """Return the same region in another spelling."""
    tight = region.replace(" ", "")
    return draw(st.sampled_from([region, tight.lower(), tight, region.upper(), region.lower(), tight.swapcase()]))


_OFFSETS: Final = st.one_of(
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "-07:00", "+05:30", "+14:00", "-12:00"]),
    st.builds(
        "{}{:02}:{:02}".format,
        st.sampled_from("+-"),
        st.integers(0, 23),
        st.integers(0, 59),
    ),
)


@st.composite
def instants(draw: Draw) -> str:
    """Return an RFC 3339 time, past or future."""
    moment = draw(st.datetimes(_EARLIEST, _LATEST)).replace(microsecond=0)
    fraction = draw(st.sampled_from(["", ".0", ".5", ".120", ".1234567", ".000000001"]))
    letter = draw(st.sampled_from("TTTt"))
    return f"{moment:%Y-%m-%d}{letter}{moment:%H:%M:%S}{fraction}{draw(_OFFSETS)}"


@st.composite
def respelled_instant(draw: Draw, text: str) -> str:
    """Return the same moment with another offset or more zeros."""
    parsed = parse_instant(text)
    assert parsed is not None
    moment, fraction = parsed
    offset = draw(_OFFSETS)
    if offset not in {"Z", "z"}:
        sign = -1 if offset[0] == "-" else 1
        moment += sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    digits = fraction + "0" * draw(st.integers(0, 3))
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' + digits if digits else ''}{offset}"


_QUERIES: Final = st.sampled_from(["", "", "?sv=2022&se=2030-01-01&sr=b", "?sp=r", "?a=%2F&b=1"])


@st.composite
def blob_links(draw: Draw) -> str:
    """Return a link to a blob, with and without a query."""
    host = draw(st.sampled_from(["store.blob.core.windows.net", "Other.Blob.core.windows.net", "h:8443"]))
    path = draw(st.sampled_from(["packages/agent.zip", "p/Agent.zip", "c/a%20b.zip", "c/d/e", ""]))
    return f"https://{host}/{path}{draw(_QUERIES)}"


@st.composite
def respelled_link(draw: Draw, link: str) -> str:
    """Return a link to the same blob: case of scheme and host, the default port, another query."""
    base, _, _ = link.partition("?")
    if "://" not in base:
        return link
    host, slash, path = base.partition("://")[2].partition("/")
    port = draw(st.sampled_from(["", ":443"])) if ":" not in host else ""
    scheme = draw(st.sampled_from(["https", "HTTPS"]))
    host = draw(st.sampled_from([host, host.upper(), host.lower()]))
    return f"{scheme}://{host}{port}{slash}{path}{draw(_QUERIES)}"


@st.composite
def guids(draw: Draw) -> str:
    """Return a GUID in lower, upper or mixed case."""
    text = str(draw(st.uuids()))
    return draw(st.sampled_from([text, text.upper(), text.title()]))


resource_ids: Final = st.builds(
    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Storage/storageAccounts/{}".format,
    guids(),
    st.sampled_from(["rg", "Group", "my.group"]),
    st.sampled_from(["store", "Store2"]),
)

json_values: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(texts, below, max_size=3)),
    max_leaves=6,
)
json_objects: Final = st.dictionaries(texts, json_values, max_size=4)


@st.composite
def json_text(draw: Draw, value: Any) -> str:
    """Return JSON text that means *value*."""
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 2])),
        sort_keys=draw(st.booleans()),
    )
    return text + draw(st.sampled_from(["", "\n"]))


def _json_leaves() -> Strategy:
    return st.one_of(json_objects, json_objects.flatmap(json_text))


_BY_SPELLING: Final[Mapping[str, Callable[[], Strategy]]] = {
    "region": regions,
    "instant": instants,
    "blob-url": blob_links,
    "resource-id": lambda: resource_ids,
    "case-insensitive": lambda: st.one_of(guids(), st.sampled_from(["microsoftlosangeles1", "Perth", "zone"])),
    "json": _json_leaves,
}


def _usual(schema: Mapping[str, Any]) -> list[Any]:
    """Return the values that the schema names: the closed enumeration, or those that it does not warn of."""
    warn = schema.get("x-warn", [])
    rules = [schema, *(warn if isinstance(warn, list) else [warn])]
    return [value for rule in rules for value in rule.get("enum", [rule["const"]] if "const" in rule else [])]


def _leaf_strategy(node: Node) -> Strategy:
    schema, rule = node.schema, node.rule
    types = _types(schema) - {"null"}
    if rule.normalize is not None:
        return _BY_SPELLING[rule.normalize]()
    if named := [value for value in _usual(schema) if value is not None]:
        return st.sampled_from(named)
    if types == {"boolean"}:
        return st.booleans()
    if types == {"integer"}:
        return st.integers(max(schema.get("minimum", 0), -9), min(schema.get("maximum", 9), 9))
    assert "string" in types, schema  # "object" beside it is a reference to a file
    if rule.secret:  # the address of something, and its query may be a secret
        return blob_links()
    return texts.filter(lambda text: len(text) <= schema.get("maxLength", len(text)))


# ---------------------------------------------------------------------------------------------- objects and lists


def key_leaves(rule: Rule) -> tuple[tuple[str, ...], ...]:
    """Return the paths, inside an element of *rule*, of what identifies it."""
    return rule.keys if rule.list_type == "map" else ()


def folded_key(node: Node, element: Any) -> Any:
    """Return what identifies an element of a keyed list or a set."""
    items = node.child("*")
    if node.rule.list_type != "map":
        return canonical(normalize(items.rule.normalize, element))
    parts = []
    for path in node.rule.keys:
        leaf, value = items, element
        for name in path:
            leaf, value = leaf.child(name), value[name]
        parts.append(normalize(leaf.rule.normalize, value.partition("?")[0] if leaf.rule.secret else value))
    return tuple(parts)


@cache
def values(node: Node, needed: tuple[tuple[str, ...], ...] = ()) -> Strategy:
    """
    Return the values that a manifest may state for a property; null is among them only further down.

    Args:
        node: The property.
        needed: Paths below it that must be stated, though the schema does not say so.
    """
    shape = node.rule.shape
    if shape is Shape.LEAF:
        return _leaf_strategy(node)
    if shape is Shape.MAP:
        return _maps(node)
    if shape is Shape.LIST:
        return _lists(node)
    heads = {path[0] for path in needed} | set(node.schema.get("required", ()))
    always, sometimes = {}, {}
    for name, child in node.children():
        below = tuple(path[1:] for path in needed if path[0] == name and path[1:])
        strategy = values(child, below)
        if name in heads:
            always[name] = strategy
        elif not child.rule.write_only:
            sometimes[name] = or_null(child, strategy)
    return st.fixed_dictionaries(always, optional=sometimes)


def or_null(node: Node, strategy: Strategy) -> Strategy:
    """Return *strategy*, and now and then null where the schema takes it."""
    return st.one_of(*[strategy] * 6, st.none()) if node.takes_null else strategy


def _lists(node: Node) -> Strategy:
    items = values(node.child("*"), key_leaves(node.rule))
    if node.rule.list_type == "atomic":
        return st.lists(items, max_size=3)
    return st.lists(items, max_size=3, unique_by=lambda element: folded_key(node, element))


def _maps(node: Node) -> Strategy:
    free = texts.filter(lambda name: not name.casefold().startswith(_PREFIX))
    names = _BY_SPELLING[form]() if (form := node.schema.get("propertyNames", {}).get("x-normalize")) else free
    below = node.child("*")

    def name_of(pair: tuple[str, Any]) -> str:
        return pair[0].casefold() if node.rule.fold_keys else pair[0]

    pairs = st.lists(
        st.tuples(names, or_null(below, values(below))),
        max_size=3,
        unique_by=name_of,
    )
    return pairs.map(dict)


def _get(body: Any, path: Sequence[str]) -> Any:
    for name in path:
        body = body.get(name, MISSING) if isinstance(body, Mapping) else MISSING
    return body


@cache
def content_ways(kind: Kind) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return the sets of write-only properties that the schema accepts together."""
    paths = kind.write_only_paths
    validator = jsonschema_rs.validator_for(kind.body_schema())
    ways = chain.from_iterable(combinations(paths, size) for size in range(len(paths) + 1))
    least = _least(body_node(kind))
    return tuple(way for way in ways if validator.is_valid(_with(least, dict.fromkeys(way, "{}"))))


def _least(node: Node) -> Any:
    """Return the smallest value that the schema of *node* might accept."""
    if node.rule.shape is Shape.OBJECT:
        return {name: _least(node.child(name)) for name in node.schema.get("required", ())}
    if node.rule.shape is Shape.LIST:
        return []
    types, usual = _types(node.schema), _usual(node.schema)
    return 1 if "integer" in types else True if "boolean" in types else usual[0] if usual else "x"


def _with(body: Any, values_by_path: Mapping[tuple[str, ...], Any]) -> Any:
    """Return *body* with values set at paths of plain keys."""
    for path, value in values_by_path.items():
        head, *rest = path
        body = {**body, head: _with(body.get(head, {}), {tuple(rest): value}) if rest else value}
    return body


def _without(body: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return *body* without the value at a path of plain keys."""
    head, *rest = path
    if not isinstance(body, Mapping) or head not in body:
        return body
    kept = {name: item for name, item in body.items() if name != head}
    return {**kept, head: _without(body[head], rest)} if rest else kept


@st.composite
def bodies(draw: Draw, name: str) -> dict[str, Any]:
    """
    Return a request body as a manifest states it.

    Args:
        draw: Hypothesis's.
        name: Of the kind: a whole one is too much to show with a failing example.
    """
    kind = packaged().kinds[name]
    node = body_node(kind)
    body: dict[str, Any] = draw(values(node))
    way = draw(st.sampled_from(content_ways(kind)))
    content = {path: draw(values(node.at(path))) for path in way}
    if draw(st.integers(0, 5)) == 0:  # null says "not stated" of the other way
        content |= {path: None for path in kind.write_only_paths if path not in way and node.at(path).takes_null}
    body = _with(body, content)
    for path, rule in kind.rules.every():
        if rule.excluded_by and _get(body, rule.excluded_by) not in (MISSING, None):
            body = _without(body, path)
        if rule.must_contain and isinstance(held := _get(body, path), list):
            body = _with(body, {path: draw(_holding(node.at(path), held, _get(body, rule.must_contain)))})
    return body


@st.composite
def _holding(draw: Draw, node: Node, elements: list[Any], wanted: Any) -> list[Any]:
    """Return *elements*, and among them the one whose key is *wanted*."""
    (path,) = node.rule.keys
    drawn = draw(values(node.child("*"), node.rule.keys))
    needed = _with(drawn, {path: wanted})
    if folded_key(node, needed) in {folded_key(node, element) for element in elements}:
        return elements
    index = draw(st.integers(0, len(elements)))
    return [*elements[:index], needed, *elements[index:]]


# ---------------------------------------------------------------------------------------------------- manifests


@cache
def parameter_names(kind: Kind, name: str) -> tuple[str, ...]:
    """Return some names that the schema of a URI parameter accepts."""
    schema = kind.schema["properties"]["spec"]["properties"][name]
    validator = jsonschema_rs.validator_for(schema)
    candidates = (*SUBSCRIPTIONS, *_NAMES) if name == "subscriptionId" else _NAMES
    found = tuple(text for text in candidates if validator.is_valid(text))
    return found[:2] if name == "subscriptionId" else found


def manifest(kind: Kind, name: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document."""
    return {
        "apiVersion": "reconciler.dev/v1",
        "kind": kind.name,
        "metadata": {"name": name},
        "spec": {**params, **body},
    }


def by_depth() -> list[Kind]:
    """Return all kinds, parents before their children."""
    return sorted(packaged().kinds.values(), key=lambda kind: kind.id_template.count("/"))


@st.composite
def _params(draw: Draw, kind_name: str, known: Mapping[str, str]) -> dict[str, str]:
    kind = packaged().kinds[kind_name]
    return {
        name: known[name] if name in known else draw(st.sampled_from(parameter_names(kind, name)))
        for name in kind.parameters
    }


@st.composite
def families(draw: Draw, name: str) -> list[dict[str, Any]]:
    """Return one manifest of a kind, the last one, after those of the parents that it needs."""
    kind, above = packaged().kinds[name], list[Kind]()
    while (above[0] if above else kind).parent:
        above.insert(0, packaged().kinds[(above[0] if above else kind).parent or ""])
    params = draw(_params(name, {}))
    return [
        manifest(each, "it", {key: params[key] for key in each.parameters}, draw(bodies(each.name)))
        for each in (*above, kind)
    ]


@st.composite
def estates(draw: Draw) -> list[dict[str, Any]]:
    """Return manifests of all kinds: one or two of each, below one or another of their parents."""
    made: dict[str, list[dict[str, Any]]] = {}
    ids: set[str] = set()
    for kind in by_depth():
        made[kind.name] = []
        for index in range(draw(st.integers(1, 2))):
            above = draw(st.sampled_from(made[kind.parent])) if kind.parent else {"spec": {}}
            known = {name: value for name, value in above["spec"].items() if name in kind.parameters}
            params = draw(_params(kind.name, known))
            if kind.resource_id(params).lower() not in ids:
                ids.add(kind.resource_id(params).lower())
                made[kind.name].append(manifest(kind, f"m{index}", params, draw(bodies(kind.name))))
    return [document for documents in made.values() for document in documents]


def kind_of(document: Mapping[str, Any]) -> Kind:
    """Return the kind of a document."""
    return packaged().kinds[document["kind"]]


def params_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the URI parameters that a document states."""
    return {name: document["spec"][name] for name in kind_of(document).parameters}


def body_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request body that a document states."""
    return {name: value for name, value in document["spec"].items() if name not in kind_of(document).parameters}


def id_of(document: Mapping[str, Any]) -> str:
    """Return the id of the resource that a document states."""
    return kind_of(document).resource_id(params_of(document))


def with_body(document: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return *document* with another request body."""
    return {**document, "spec": {**params_of(document), **body}}


def at_rung(documents: Sequence[Mapping[str, Any]], rung: str) -> list[dict[str, Any]]:
    """Return the documents of kinds that an api-version has, without their newer properties and values."""
    there = [document for document in documents if kind_of(document).api_version <= rung]
    return [with_body(document, without_newer(kind_of(document), body_of(document), rung)) for document in there]


_PAIR: Final = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def as_yaml(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Return documents as text: JSON, save that YAML writes characters beyond 16 bits in another way."""
    texts_ = [_PAIR.sub(_astral, json.dumps(document)).replace("\x7f", "\\u007f") for document in documents]
    return "\n---\n".join(texts_).encode()


def _astral(match: re.Match[str]) -> str:
    high, low = (int(group, 16) for group in match.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


# ------------------------------------------------------------------------------------- the same in other spellings


@st.composite
def respelled(draw: Draw, document: Mapping[str, Any], *, defaults: bool = True) -> dict[str, Any]:
    """
    Return a manifest that means the same: another order and other spellings.

    Args:
        draw: Hypothesis's.
        document: The manifest.
        defaults: Whether to state some defaults that are left out, and to leave out some that are stated.
    """
    kind = kind_of(document)
    body: dict[str, Any] = draw(_respelled_value(body_node(kind), body_of(document), defaults=defaults))
    params = {
        name: draw(st.sampled_from([text, text.upper(), text.lower()])) for name, text in params_of(document).items()
    }
    return draw(shuffled({**document, "spec": draw(shuffled({**params, **body}))}))


@st.composite
def shuffled(draw: Draw, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its keys in another order."""
    return {name: value[name] for name in draw(st.permutations(list(value)))}


@st.composite
def _respelled_value(draw: Draw, node: Node, value: Any, *, defaults: bool) -> Any:
    if value is None:
        return None
    shape = node.rule.shape
    if shape is Shape.LEAF:
        return draw(_respelled_leaf(node, value))
    if shape is Shape.LIST:
        elements = [draw(_respelled_value(node.child("*"), element, defaults=defaults)) for element in value]
        return elements if node.rule.list_type == "atomic" else draw(st.permutations(elements))
    if shape is Shape.MAP:
        pairs = {
            draw(_other_case(name)) if node.rule.fold_keys else name: item  # the values of maps have one spelling
            for name, item in value.items()
        }
        return draw(shuffled(pairs))
    found = {name: draw(_respelled_value(node.child(name), item, defaults=defaults)) for name, item in value.items()}
    for name, child in node.children():
        beside = child.rule.excluded_by
        if child.rule.default is MISSING or not defaults or (beside and found.get(beside[-1]) is not None):
            continue
        if name not in found and draw(st.booleans()):
            found[name] = child.rule.default
        elif found.get(name, MISSING) == child.rule.default and draw(st.booleans()):
            del found[name]
    return draw(shuffled(found))


@st.composite
def _other_case(draw: Draw, text: str) -> str:
    variants = [text, text.upper(), text.lower(), text.swapcase()]
    return draw(st.sampled_from([each for each in variants if each.casefold() == text.casefold()]))


@st.composite
def _respelled_leaf(draw: Draw, node: Node, value: Any) -> Any:
    spell = _RESPELLINGS.get(node.rule.normalize or "")
    return draw(spell(value)) if spell else value


@st.composite
def _respelled_id(draw: Draw, value: str) -> str:
    return draw(_other_case(value)) + draw(st.sampled_from(["", "/"]))


def _respelled_json(value: Any) -> Strategy:
    parsed = normalize("json", value)
    return st.one_of(st.just(parsed), json_text(parsed))


_RESPELLINGS: Final[Mapping[str, Callable[[Any], Strategy]]] = {
    "region": respelled_region,
    "instant": respelled_instant,
    "blob-url": respelled_link,
    "case-insensitive": _other_case,
    "resource-id": _respelled_id,
    "json": _respelled_json,
}


# ---------------------------------------------------------------------------------------------------- leaves


@dataclass(frozen=True, slots=True)
class Place:
    """
    One property of a body, stated or not.

    Attributes:
        steps: Keys and indexes that lead to it.
        path: The same as a report writes it.
        value: What stands there; MISSING if nothing.
        frozen: It, or something above it, cannot change.
        is_key: It is part of what identifies an element.
        in_list: It is inside of an element of a list.
    """

    node: Node
    steps: Steps
    path: str
    value: Any
    frozen: bool = False
    is_key: bool = False
    in_list: bool = False


def places(node: Node, value: Any, place: Place | None = None) -> Iterator[Place]:
    """Yield every leaf below *node* that is stated, or could be stated in an object that is."""
    here = place or Place(node, (), "", value, node.rule.frozen)
    if not node.is_stated:
        return
    if node.rule.shape is Shape.LEAF:
        yield here
    elif node.rule.shape is Shape.OBJECT and isinstance(value, Mapping):
        for name, child in node.children():
            yield from places(
                child, value.get(name, MISSING), _below(here, child, name, f".{name}", value.get(name, MISSING))
            )
    elif node.rule.shape is Shape.MAP and isinstance(value, Mapping):
        for name, item in {FRESH: MISSING, **value}.items():
            label = f".{name}" if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f"[{canonical(name)}]"
            yield from places(node.child("*"), item, _below(here, node.child("*"), name, label, item))
    elif node.rule.list_type == "map" and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _element_places(node, here, index, element)


def _element_places(node: Node, here: Place, index: int, element: Any) -> Iterator[Place]:
    label = ",".join(_shown_key(node.at(("*", *path)), _get(element, path)) for path in node.rule.keys)
    # A label that has a bracket or a quote of its own is quoted: else its end is ambiguous.
    label = canonical(label) if "]" in label or label.startswith('"') else label
    inside = _below(here, node.child("*"), index, f"[{label}]", element)
    for found in places(node.child("*"), element, inside):
        keys = {(*inside.steps, *path) for path in node.rule.keys}
        yield Place(
            found.node,
            found.steps,
            found.path,
            found.value,
            found.frozen,
            is_key=found.is_key or found.steps in keys,
            in_list=True,
        )


def _shown_key(node: Node, value: Any) -> str:
    return str(value).partition("?")[0] if node.rule.secret else str(value)


def _below(place: Place, node: Node, step: str | int, label: str, value: Any) -> Place:
    path = f"{place.path}{label}".removeprefix(".") if not place.path else f"{place.path}{label}"
    return Place(node, (*place.steps, step), path, value, place.frozen or node.rule.frozen)


def replaced(body: Any, steps: Steps, value: Any) -> Any:
    """Return a copy of *body* with another value at *steps*; MISSING takes it away."""
    if not steps:
        return value
    head, rest = steps[0], steps[1:]
    if isinstance(body, list):
        assert isinstance(head, int)
        return [replaced(item, rest, value) if index == head else item for index, item in enumerate(body)]
    new = replaced(body.get(head, {}), rest, value)
    if new is MISSING:
        return {name: item for name, item in body.items() if name != head}
    return {**body, head: new}


def lookup(body: Any, steps: Steps) -> Any:
    """Return the value at *steps*; MISSING if there is none."""
    for step in steps:
        if isinstance(body, Mapping):
            body = body.get(step, MISSING)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            return MISSING
    return body


def meant(root: Node, node: Node, body: JsonObject, value: Any) -> Any:
    """
    Return what *value*, or its absence, means at *node*, in normal form; MISSING if nothing.

    Args:
        root: Of the request body.
        node: Of the leaf.
        body: That the value stands in, for defaults that are another property's value.
        value: As stated; null is as good as absent.
    """
    if value is MISSING or value is None or is_blank(node.rule, value):
        if node.rule.excluded_by is not None and _get(body, node.rule.excluded_by) not in (MISSING, None):
            return MISSING
        value = node.rule.default
        if node.rule.default_from is not None:
            value = _get(body, node.rule.default_from)
            if value is MISSING or value is None:
                value = root.at(node.rule.default_from).rule.default
        if value is MISSING:
            return MISSING
    return canonical(normalize(node.rule.normalize, value))


def applied(root: Node, node: Node, body: JsonObject, value: Any) -> Any:
    """Return what *value* means once applied to nothing: where absence means nothing declared, what it implies."""
    found = meant(root, node, body, value)
    return canonical(node.rule.implied) if found is MISSING and node.rule.implied is not MISSING else found


# ------------------------------------------------------------------------------------------------- one difference


@dataclass(frozen=True, slots=True)
class Edit:
    """
    One leaf of a body given another value.

    Attributes:
        body: With the other value.
        place: Of the leaf, with the value that it had.
        value: The new one; MISSING if it was taken away.
    """

    body: dict[str, Any]
    place: Place
    value: Any


def is_editable(place: Place) -> bool:
    """Whether the leaf may change after create: keys of elements make other elements, content goes in sets."""
    if place.node.rule.write_only and place.value in (MISSING, None):
        return False
    return not place.frozen and not place.is_key


@st.composite
def edits(draw: Draw, root: Node, body: dict[str, Any], wanted: Callable[[Place], bool] = is_editable) -> Edit:
    """Return *body* with one leaf that means something else; empty text that means nothing is no edit of it."""
    place = draw(st.sampled_from([each for each in places(root, body) if wanted(each)]))
    old = applied(root, place.node, body, place.value)
    other = (old, MISSING)
    value = draw(values(place.node).filter(lambda new: applied(root, place.node, body, new) not in other))
    return Edit(replaced(body, place.steps, value), place, value)


def has_edits(root: Node, body: JsonObject, wanted: Callable[[Place], bool] = is_editable) -> bool:
    """Whether there is a leaf that :func:`edits` could take."""
    return any(wanted(each) for each in places(root, body))


def rule_path(node: Node, steps: Steps) -> tuple[str, ...]:
    """Return *steps* with a star for every index and every name in a map."""
    path = []
    for step in steps:
        path.append(str(step) if node.rule.shape is Shape.OBJECT else "*")
        node = node.child(step)
    return tuple(path)


@st.composite
def thinned(draw: Draw, node: Node, value: Any) -> Any:
    """Return *value* with some of what the schema does not require left out; no element of a list is."""
    if value is None or node.rule.shape in {Shape.LEAF, Shape.MAP}:
        return value
    if node.rule.shape is Shape.LIST:
        if node.rule.list_type != "map":
            return value
        keys = {path[0] for path in node.rule.keys}
        kept = [{name: element[name] for name in keys} for element in value]
        thin = [draw(thinned(node.child("*"), element)) for element in value]
        return [{**each, **key} for each, key in zip(thin, kept, strict=True)]
    required = set(node.schema.get("required", ()))
    found = {}
    for name, item in value.items():
        child = node.child(name)
        if name in required or child.rule.write_only or draw(st.integers(0, 2)):
            found[name] = draw(thinned(child, item))
    return found
