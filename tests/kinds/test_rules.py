"""Annotations of a schema, compiled to rules."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.rules import OPAQUE, Rule, Shape, compile_rule, without_clearing
from reconciler.values import MISSING
from tests.kit.synthetic import FROZEN, PROPERTIES, TEXT, WIDGET


def rule(node: dict[str, Any], **definitions: Any) -> Rule:
    """Compile one property."""
    return compile_rule(node, definitions)


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        ({"type": "object", "properties": {}}, Shape.OBJECT),
        ({"properties": {"a": {}}}, Shape.OBJECT),
        ({"type": ["object", "null"], "additionalProperties": {"type": "string"}}, Shape.MAP),
        ({"type": "object", "additionalProperties": True}, Shape.LEAF),
        ({"type": "object"}, Shape.LEAF),
        ({"type": ["array", "null"], "items": {}}, Shape.LIST),
        ({"type": "string"}, Shape.LEAF),
        ({}, Shape.LEAF),
    ],
)
def test_the_shape_says_how_a_value_is_taken_apart(node: dict[str, Any], shape: Shape) -> None:
    """An object without known properties is one value, compared whole."""
    assert rule(node).shape is shape


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"readOnly": True}, {"read_only": True}),
        ({"readOnly": False}, {"read_only": False}),
        ({"writeOnly": True}, {"write_only": True}),
        ({"x-ms-mutability": ["create", "read"]}, {"frozen": True}),
        ({"x-ms-mutability": ["create", "read", "update"]}, {"frozen": False}),
        ({"x-unsettable": False}, {"clearable": False}),
        ({"x-unsettable": True}, {"clearable": True}),
        ({"x-ms-secret": True}, {"secret": True}),
        ({"default": None}, {"default": None, "has_default": True}),
        ({"default": False}, {"default": False, "has_default": True}),
        ({"x-default-from": "a.b"}, {"default_from": ("a", "b"), "has_default": True}),
        ({"x-server-populated": True}, {"server_populated": True}),
        ({"type": "string", "x-implied": "a"}, {"implied": "a", "has_default": False}),
        ({"type": ["boolean", "null"], "x-implied": False}, {"implied": False}),
        ({"x-normalize": "region"}, {"normalize": "region"}),
        ({"type": "integer"}, {"integer": True}),
        ({"type": ["integer", "null"]}, {"integer": True}),
        ({"type": ["integer", "string"]}, {"integer": False}),
        ({"type": "null"}, {"integer": False}),
        ({"description": "About it."}, {"description": "About it."}),
        ({"type": "array"}, {"list_type": "atomic", "items": Rule()}),
        ({"type": "array", "x-kubernetes-list-type": "set"}, {"list_type": "set"}),
        (
            {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "at.zone"]},
            {"list_type": "map", "keys": (("name",), ("at", "zone"))},
        ),
        ({"type": "array", "x-removal-guard": "a.b"}, {"removal_guard": ("a", "b")}),
        ({"type": "array", "x-must-contain": "location"}, {"must_contain": ("location",)}),
        ({"type": "string", "x-max-bytes": 1024}, {"max_bytes": 1024}),
        ({}, {"default": MISSING, "default_from": None, "has_default": False, "clearable": True, "list_type": None}),
    ],
)
def test_an_annotation_becomes_an_attribute(node: dict[str, Any], expected: dict[str, Any]) -> None:
    """One annotation, one attribute; without it the attribute has its quiet value."""
    compiled = rule(node)
    assert {name: getattr(compiled, name) for name in expected} == expected


def test_required_is_said_by_the_parent() -> None:
    """A property does not know by itself that it is required."""
    compiled = rule({"properties": {"a": {}, "b": {}}, "required": ["a"]})
    assert [compiled.properties[name].required for name in "ab"] == [True, False]


def test_a_default_below_is_known_above() -> None:
    """An object or list that neither side has is entered only if something in it has a default."""
    inner = {"properties": {"a": {"default": 1}}}
    assert rule({"properties": {"b": inner}}).has_default
    assert rule({"type": "array", "items": inner}).has_default
    assert not rule({"properties": {"b": {"properties": {"a": {}}}}}).has_default


def test_references_are_followed_and_overridden() -> None:
    """A keyword beside a reference overrides that of the definition it names, through several steps."""
    compiled = rule(
        {"$ref": "#/$defs/a", "description": "Here."},
        a={"$ref": "#/$defs/b", "readOnly": True},
        b={"type": "integer", "description": "There.", "readOnly": False},
    )
    assert (compiled.integer, compiled.read_only, compiled.description) == (True, True, "Here.")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"x-normalize": "regoin"}, "x-normalize: regoin is none of blob-url, case-insensitive, instant, json, region"),
        ({"type": "array", "x-kubernetes-list-type": "bag"}, "x-kubernetes-list-type: bag is none of atomic, map, set"),
        ({"x-severity": "grave"}, "grave"),
    ],
)
def test_a_misspelt_annotation_is_refused(node: dict[str, Any], message: str) -> None:
    """The message names the words that exist."""
    with pytest.raises(ValueError, match=message):
        rule({"properties": {"a": node}})


def test_a_merging_kind_clears_no_scalar_and_no_object() -> None:
    """Lists and maps replace whole, so they and what is inside them can be cleared."""
    compiled = without_clearing(
        rule(
            {
                "properties": {
                    "text": TEXT,
                    "list": {"type": "array", "items": {"properties": {"text": TEXT}}},
                    "map": {"additionalProperties": TEXT},
                    "object": {"properties": {"text": TEXT, "list": {"type": "array"}}},
                }
            }
        )
    )
    assert {".".join(path): found.clearable for path, found in compiled.every()} == {
        "": False,
        "text": False,
        "list": True,
        "list.*": True,
        "list.*.text": True,
        "map": True,
        "map.*": True,
        "object": False,
        "object.text": False,
        "object.list": True,
        "object.list.*": True,
    }


def test_what_no_schema_knows_has_no_rule() -> None:
    """An object knows its properties; any element of a list and any name of a map has the rule of all."""
    compiled = rule(
        {"properties": {"a": {}, "l": {"type": "array", "items": FROZEN}, "m": {"additionalProperties": {}}}}
    )
    assert compiled.child("a") == Rule()
    assert compiled.child("z") is OPAQUE
    assert compiled.properties["l"].child("any") == compiled.properties["l"].child(0) == rule(FROZEN)
    assert compiled.properties["m"].child("any") == Rule()
    assert compiled.properties["a"].child("any") is OPAQUE


def test_a_cursor_never_falls_off() -> None:
    """A path that leaves the schema ends at the opaque leaf, which no property of a schema is."""
    compiled = rule({"properties": {"a": {}, "l": {"type": "array", "items": {"properties": {"b": FROZEN}}}}})
    assert compiled.at(("l", 3, "b")) is compiled.properties["l"].element.properties["b"]
    assert compiled.at(()) is compiled
    assert compiled.at(["l", "*", "c", "d"]) is OPAQUE
    assert compiled.along(("l", 0, "x")) == (compiled, compiled.child("l"), compiled.child("l").element, OPAQUE)
    assert not compiled.child("a").is_opaque
    assert OPAQUE.is_opaque
    assert OPAQUE.element is OPAQUE.child("a") is OPAQUE


def test_every_property_has_one_rule() -> None:
    """Walking meets every property of the schema once, elements as ``*``."""
    paths = [path for path, _ in WIDGET.rules.every()]
    assert len(paths) == len(set(paths))
    assert {path[1] for path in paths if path[:1] == ("properties",) and len(path) > 1} == set(PROPERTIES)
    assert ("properties", "parts", "*", "at", "zone") in paths
