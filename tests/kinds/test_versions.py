"""The api-version that a body needs, and a body as a version shows it, against a search of the whole body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.kind import Kind, compile_kind
from reconciler.kinds.versions import leaves_after, lowest_version, newest_leaf, without_newer
from tests.kit.synthetic import WIDGET, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.values import FieldPath

LADDER: Final = ("2030-01-01", "2031-01-01", "2032-01-01", "2033-01-01")
NAMES: Final = ("a", "b", "c")
WORDS: Final = ("plain", "Second", "third")
Json = dict[str, Any]


def kind_of(**properties: Any) -> Kind:
    """Return a kind that knows the ladder of versions."""
    made = schema(**properties)
    return compile_kind({**made, "x-arm": {**made["x-arm"], "apiVersions": list(LADDER)}})


def _since(draw: st.DrawFn) -> Json:
    since = draw(st.sampled_from((None, None, *LADDER[1:])))
    return {"x-since": since} if since else {}


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> Json:
    """Return the schema of one property: a leaf, or a container of others."""
    shape = draw(st.sampled_from(("leaf", "values", "made") + ("object", "list", "map") * (depth > 0)))
    node = _since(draw)
    if shape == "object":
        names = draw(st.sets(st.sampled_from(NAMES), min_size=1))
        return {**node, "type": "object", "properties": {name: draw(nodes(depth - 1)) for name in sorted(names)}}
    if shape == "list":
        return {**node, "type": "array", "items": draw(nodes(depth - 1))}
    if shape == "map":
        return {**node, "type": "object", "additionalProperties": draw(nodes(depth - 1))}
    if shape == "values":
        newer = {word: draw(st.sampled_from(LADDER[1:])) for word in WORDS[1:]}
        return {**node, "type": "string", "x-since-values": newer}
    return {**node, "type": "string", "readOnly": shape == "made"}


@st.composite
def bodies(draw: st.DrawFn, node: Json) -> Any:
    """Return a value as *node* has it, with null, unknown properties and values of other shapes here and there."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from((None, "odd", ["odd"], {"odd": 1}, 3)))
    if "properties" in node:
        known = {name: draw(bodies(child)) for name, child in node["properties"].items() if draw(st.booleans())}
        return {**known, **({"unknown": 1} if draw(st.booleans()) else {})}
    if "items" in node:
        return [draw(bodies(node["items"])) for _ in range(draw(st.integers(0, 3)))]
    if "additionalProperties" in node:
        return {name: draw(bodies(node["additionalProperties"])) for name in draw(st.sets(st.sampled_from(NAMES)))}
    return draw(st.sampled_from((*WORDS, "SECOND")))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Json, Json]:
    """Return the schemas of some properties, and a body."""
    node: Json = {"type": "object", "properties": {name: draw(nodes()) for name in NAMES}}
    return node["properties"], {"location": "here", "properties": draw(bodies(node))}


def every(
    node: Json, value: Any, since: str = LADDER[0], path: FieldPath = ()
) -> Iterator[tuple[FieldPath, str, bool]]:
    """Yield path, version and whether a PUT carries it, of every value: all of it, without any short cut."""
    since = max(since, node.get("x-since", ""))
    made = bool(node.get("readOnly"))
    if isinstance(value, str):
        known = {word.lower(): version for word, version in node.get("x-since-values", {}).items()}
        since = max(since, known.get(value.lower(), ""))
    yield path, since, not made and value is not None
    if made or value is None:
        return
    if "properties" in node and isinstance(value, dict):
        for name, item in value.items():
            yield from every(node["properties"].get(name, {}), item, since, (*path, name))
    elif "items" in node and isinstance(value, list):
        for index, item in enumerate(value):
            yield from every(node["items"], item, since, (*path, index))
    elif "additionalProperties" in node and isinstance(value, dict):
        for name, item in value.items():
            yield from every(node["additionalProperties"], item, since, (*path, name))


def shown(node: Json, value: Any, version: str, since: str = LADDER[0]) -> Any:
    """Return *value* as *version* shows it; an empty tuple for nothing."""
    since = max(since, node.get("x-since", ""))
    if isinstance(value, str):
        known = {word.lower(): found for word, found in node.get("x-since-values", {}).items()}
        since = max(since, known.get(value.lower(), ""))
    if since > version:
        return ()
    if "properties" in node and isinstance(value, dict):
        parts = {name: shown(node["properties"].get(name, {}), item, version, since) for name, item in value.items()}
        return {name: item for name, item in parts.items() if item != ()}
    if "items" in node and isinstance(value, list):
        return [item for item in (shown(node["items"], item, version, since) for item in value) if item != ()]
    if "additionalProperties" in node and isinstance(value, dict):
        parts = {name: shown(node["additionalProperties"], item, version, since) for name, item in value.items()}
        return {name: item for name, item in parts.items() if item != ()}
    return value


@given(worlds())
def test_the_newest_leaf_is_that_of_a_search_of_the_whole_body(world: tuple[Json, Json]) -> None:
    """It needs the highest version of all, and its path leads to a value that needs it."""
    properties, body = world
    kind = kind_of(**properties)
    found = {
        path: since
        for path, since, sent in every({"properties": {"properties": {"properties": properties}}}, body)
        if sent
    }
    newest = max(found.values())
    assert lowest_version(kind, body) == newest
    leaf = newest_leaf(kind, body)
    if leaf is None:
        assert newest == LADDER[0]
    else:
        assert (found[leaf.path], leaf.since) == (newest, newest)
        assert not any(path[:-1] == leaf.path and since == newest for path, since in found.items())


@given(worlds(), st.sampled_from(LADDER))
def test_every_leaf_after_a_version_is_found(world: tuple[Json, Json], version: str) -> None:
    """And each is newer; of an object that is newer as a whole, one leaf."""
    properties, body = world
    kind = kind_of(**properties)
    whole = {"properties": {"properties": {"properties": properties}}}
    newer = {path for path, since, sent in every(whole, body) if sent and since > version}
    tops = {path for path in newer if path[:-1] not in newer}
    leaves = [leaf.path for leaf in leaves_after(kind, body, version)]
    assert all(leaf in newer for leaf in leaves)
    assert sorted(map(str, tops)) == sorted(
        str(next(top for top in tops if leaf[: len(top)] == top)) for leaf in leaves
    )


@given(worlds(), st.sampled_from(LADDER))
def test_a_version_shows_all_that_it_has_and_nothing_newer(world: tuple[Json, Json], version: str) -> None:
    """A body that has nothing newer stays the same object."""
    properties, body = world
    kind = kind_of(**properties)
    seen = without_newer(kind, body, version)
    assert seen == shown({"properties": {"properties": {"properties": properties}}}, body, version)
    assert lowest_version(kind, seen) <= version
    assert (seen is body) == (seen == body)


IDENTITY: Final = kind_of(
    text={"type": "string"},
    identity={
        "x-since": LADDER[2],
        "properties": {
            "made": {"type": "string", "readOnly": True},
            "type": {"type": "string"},
            "users": {"additionalProperties": {"properties": {"id": {"type": "string", "readOnly": True}}}},
        },
    },
    regions={
        "type": "array",
        "items": {"properties": {"sets": {"x-since": LADDER[1], "type": "array", "items": {}}}},
    },
)


@pytest.mark.parametrize(
    ("properties", "path", "since"),
    [
        ({"identity": {"made": "x", "type": "y"}}, ("identity", "type"), LADDER[2]),
        ({"identity": {"made": "x"}}, ("identity",), LADDER[2]),
        ({"identity": {"users": {"/u": {"id": "x"}}}}, ("identity", "users", "/u"), LADDER[2]),
        ({"identity": {}}, ("identity",), LADDER[2]),
        ({"identity": {"new": 1}}, ("identity", "new"), LADDER[2]),
        ({"regions": [{}, {"sets": []}]}, ("regions", 1, "sets"), LADDER[1]),
        ({"regions": [{"sets": ["x"]}], "identity": {"type": "y"}}, ("identity", "type"), LADDER[2]),
    ],
)
def test_a_leaf_below_a_newer_property_is_newer(properties: Json, path: FieldPath, since: str) -> None:
    """Values that Azure sets are not sent, but the object that holds them is."""
    leaf = newest_leaf(IDENTITY, {"properties": properties})
    assert leaf is not None
    assert (leaf.path, leaf.since) == (("properties", *path), since)


@pytest.mark.parametrize("properties", [{}, {"text": "x"}, {"identity": None}, {"regions": [{"sets": None}]}])
def test_without_newer_leaves_the_reference_version_is_enough(properties: Json) -> None:
    """Null declares that there is no value."""
    assert newest_leaf(IDENTITY, {"properties": properties}) is None
    assert lowest_version(IDENTITY, {"properties": properties}) == LADDER[0]


def test_a_kind_of_one_version_needs_no_other() -> None:
    """Nothing of it is looked at."""
    body = {"properties": {"text": "x"}}
    assert WIDGET.api_versions == (WIDGET.api_version,)
    assert newest_leaf(WIDGET, body) is None
    assert without_newer(WIDGET, body, "1999-01-01") is body


@pytest.mark.parametrize("versions", [[], ["2031-01-01"], ["2030-01-01", "2029-01-01"], ["2030-01-01"] * 2])
def test_versions_ascend_from_the_reference(versions: list[str]) -> None:
    """The annotation at fault is named."""
    made = schema()
    with pytest.raises(ValueError, match="x-arm: apiVersions of Widget"):
        compile_kind({**made, "x-arm": {**made["x-arm"], "apiVersions": versions}})


@pytest.mark.parametrize("annotation", [{"x-since": "2040-01-01"}, {"x-since-values": {"a": "2030-01-01"}}])
def test_a_property_is_of_a_known_version(annotation: Json) -> None:
    """One above the reference version."""
    with pytest.raises(ValueError, match=r"x-since of properties\.b: 20[34]0-01-01 is none of 2031-01-01"):
        kind_of(b={"type": "string", **annotation})
