"""Addresses: folded where bodies are compared, as written where people read."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.paths import find, fold_names, format_steps, get, keyed, label, lookup, matches, written_path
from reconciler.kinds.rules import Rule
from reconciler.secret.text import SecretUrl
from reconciler.values import MISSING
from tests.kit.synthetic import KINDS, WIDGET, part

RULES = WIDGET.rules
PROPERTIES = RULES.properties["properties"]
PARTS = PROPERTIES.properties["parts"]
WORDS = PROPERTIES.properties["words"]
STEPS = PROPERTIES.properties["steps"]


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": {"b": None}}, ("a", "b"), None),
        ({"a": None}, ("a", "b"), MISSING),
        ({"a": [1]}, ("a", "0"), MISSING),
        ({}, ("a",), MISSING),
        ("text", ("a",), MISSING),
        ({"a": 1}, (), {"a": 1}),
    ],
)
def test_a_value_is_found_or_missing(body: Any, path: tuple[str, ...], value: Any) -> None:
    """A value on the way that is no object makes the path missing: no error, and no null."""
    assert get(body, path) == value


@pytest.mark.parametrize(
    ("rule", "elements", "keys"),
    [
        (PARTS, [part("West US"), part("eastus", "2")], ["westus,1", "eastus,2"]),
        (PARTS, [part("West US"), part("westus")], ["westus,1", "westus,1#1"]),
        (PARTS, [part("a", "1#2"), part("a"), part("a")], ["a,1#2", "a,1", "a,1#2#2"]),
        (WORDS, ["b", "a", "b"], ['"b"', '"a"', '"b"#2']),
        (STEPS, ["b", "a", "b"], [0, 1, 2]),
        (STEPS, "odd", []),
        (STEPS, MISSING, []),
        (Rule(list_type="set"), [1, 1.0, True, None, {"a": 1}], ["1", "1.0", "true", "null", '{"a":1}']),
    ],
)
def test_trap_list_moves_lists_are_keyed_and_not_compared_by_index(rule: Rule, elements: Any, keys: list[Any]) -> None:
    """By folded key, as a set, or in order; an element that repeats a key hides no other."""
    found = keyed(rule, elements)
    assert list(found) == keys
    assert [index for index, _ in found.values()] == list(range(len(keys)))


@pytest.mark.parametrize("element", ["odd", None, {}, {"name": None}, {"name": 1, "at": "odd"}])
def test_an_element_without_a_key_has_an_address_of_its_own(element: Any) -> None:
    """Two of them are two; a reader sees their index."""
    assert len(keyed(PARTS, [element, element])) == 2
    assert label(PARTS, element, 1) == "[1]"


@pytest.mark.parametrize(
    ("rule", "element", "text"),
    [
        (PARTS, part("West US", "a"), "[West US,a]"),
        (PARTS, part(1, None), "[1,None]"),
        (WORDS, 'say "hi"', '["say \\"hi\\""]'),
        (STEPS, "x", "[7]"),
        (PARTS, part("a].note", "1"), '["a].note,1"]'),
        (PARTS, part('"a', "1"), '["\\"a,1"]'),
    ],
)
def test_an_element_is_labelled_as_written(rule: Rule, element: Any, text: str) -> None:
    """Key parts joined by a comma, a set's value as JSON, anything else by its index."""
    assert label(rule, element, 7) == text


def test_a_secret_key_shows_without_its_query() -> None:
    """Neither a label nor a key holds the signature of a link."""
    endpoints = KINDS["ApplicationDefinition"].rules.properties["properties"].properties["notificationPolicy"]
    rule = endpoints.properties["notificationEndpoints"]
    element = {"uri": SecretUrl("https://hook.example/x?code=CANARY")}
    assert list(keyed(rule, [element])) == ["https://hook.example/x"]
    assert label(rule, element, 0) == "[https://hook.example/x]"


def test_names_of_tags_fold_and_those_of_other_maps_do_not() -> None:
    """Azure compares the names of tags without case, and nothing else."""
    tags, other = RULES.properties["tags"], PROPERTIES.properties["map"]
    assert fold_names(tags, {"Team": 1, "STRASSE": 2}) == {"team": "Team", "strasse": "STRASSE"}
    assert fold_names(other, {"Team": 1}) == {"Team": "Team"}
    assert fold_names(tags, "odd") == {}


BODY: dict[str, Any] = {
    "tags": {"Team": "x"},
    "properties": {
        "parts": [part("West US", note="n"), part("eastus")],
        "words": ["b", "a"],
        "steps": ["one", "two"],
        "map": {"A": "1"},
        "unknown": {"list": [{"x": 1}]},
        "inner": "odd",
    },
}

ADDRESSES: list[tuple[tuple[str | int, ...], Any, tuple[str | int, ...], str]] = [
    (("tags", "team"), "x", ("tags", "Team"), "tags.Team"),
    (("tags", "old name"), MISSING, ("tags",), 'tags["old name"]'),
    (
        ("properties", "parts", "westus,1", "note"),
        "n",
        ("properties", "parts", 0, "note"),
        "properties.parts[West US,1].note",
    ),
    (
        ("properties", "parts", "eastus,1", "note"),
        MISSING,
        ("properties", "parts", 1),
        "properties.parts[eastus,1].note",
    ),
    (("properties", "parts", "gone,1"), MISSING, ("properties", "parts"), "properties.parts[gone,1]"),
    (("properties", "words", '"a"'), "a", ("properties", "words", 1), 'properties.words["a"]'),
    (("properties", "steps", 1), "two", ("properties", "steps", 1), "properties.steps[1]"),
    (("properties", "steps", 2), MISSING, ("properties", "steps"), "properties.steps[2]"),
    (("properties", "map", "A"), "1", ("properties", "map", "A"), "properties.map.A"),
    (("properties", "map", "a"), MISSING, ("properties", "map"), "properties.map.a"),
    (
        ("properties", "unknown", "list", 0, "x"),
        1,
        ("properties", "unknown", "list", 0, "x"),
        "properties.unknown.list[0].x",
    ),
    (("properties", "unknown", "list", 5), MISSING, ("properties", "unknown", "list"), "properties.unknown.list[5]"),
    (("properties", "unknown", "list", "x"), MISSING, ("properties", "unknown", "list"), "properties.unknown.list.x"),
    (("properties", "inner", "text"), MISSING, ("properties", "inner"), "properties.inner.text"),
    (("x y",), MISSING, (), '["x y"]'),
    ((), BODY, (), ""),
]


@pytest.mark.parametrize(("steps", "value", "written", "text"), ADDRESSES)
def test_steps_lead_to_the_value_and_to_where_it_is_written(
    steps: tuple[str | int, ...], value: Any, written: tuple[str | int, ...], text: str
) -> None:
    """The value as written, the path as far as it is written, and the text of a report."""
    assert lookup(RULES, BODY, steps) == value
    assert written_path(RULES, BODY, steps) == written
    assert format_steps(RULES, steps, BODY) == text


def test_the_spelling_is_that_of_the_first_body_that_has_it() -> None:
    """The manifest's where it states the value, else the live one's."""
    steps = ("properties", "parts", "westus,1", "note")
    stated = {"properties": {"parts": [part("West US")]}}
    live = {"properties": {"parts": [part("WestUS", note="x"), part("East US")]}}
    assert format_steps(RULES, steps, stated, live) == "properties.parts[West US,1].note"
    assert format_steps(RULES, (*steps[:2], "eastus,1"), stated, live) == "properties.parts[East US,1]"
    assert format_steps(RULES, steps) == "properties.parts[westus,1].note"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("properties.a", "properties.a", True),
        ("properties.a", "properties.a.b[0]", True),
        ("properties.a.b", "properties.a", False),
        ("properties.a", "properties.ab", False),
        ("properties.A", "properties.a", True),
        ("properties.*", "properties.a", True),
        ("*.a", "properties.a", True),
        ("properties.*Date", "properties.endOfLifeDate", True),
        ("properties.targetRegions[westus].count", "properties.targetRegions[West US].count", True),
        ("properties.targetRegions[West US]", "properties.targetRegions[westus]", True),
        ("properties.targetRegions[*].count", "properties.targetRegions[West US].count", True),
        ("properties.targetRegions[west*]", "properties.targetRegions[East US]", False),
        ("properties.targetRegions.*", "properties.targetRegions[West US]", False),
        ("tags.*", "tags.team", True),
        ("tags.*", 'tags["hidden-link:/x y"]', True),
        ("tags.hidden-link*", 'tags["hidden-link:/x"]', True),
        ('tags["old name"]', 'tags["old name"]', True),
        ('tags["a]b"]', 'tags["a]b"]', True),
        ("tags.a[b]", "tags.a", False),
        ("tags[team]", "tags.team", False),
        ("steps[0]", "steps[0]", True),
        ("steps[0]", "steps[10]", False),
        ("a+b", "aab", False),
        ("tags.*", 'parts["a]', False),
        ("parts.*", 'parts["a]', False),
        ("parts[*]", 'parts["a].note', True),
        ("parts.a", 'parts["a" b]', False),
        ("parts[*].note", "parts[a]b].note", True),
        ("parts[*].note", "parts[1.0.0].note", True),
        ("parts[1.0.0].note", "parts[1.0.0].note", True),
        ("parts[1.0].note", "parts[1.0.0].note", False),
        ("parts[a]b].note", "parts[a]b].note", True),
        ("parts[a].note", 'parts["a].note,1"]', False),
        ("parts[*].note", 'parts["a].note,1"].note', True),
        ('set[{"a":["b"]}]', 'set[{"a":["b"]}]', True),
        ('set[{"a":["b"]}]', 'set[{"a":["b"],"c":1}]', False),
        ("tags.*", "tags.a\nb", True),
    ],
)
def test_an_ignore_pattern_covers_a_path_and_what_is_below(pattern: str, path: str, *, expected: bool) -> None:
    """Wildcards stand for one key or element; case, and blanks in brackets, do not count."""
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    ("target", "path", "shown"),
    [
        ("properties.parts", ("properties", "parts"), "properties.parts"),
        ("widget.properties.Parts[1].at", ("properties", "parts", 1, "at"), "properties.parts[b,2].at"),
        ("/properties/parts/0/name", ("properties", "parts", 0, "name"), "properties.parts[a,1].name"),
        ("properties.parts.name", ("properties", "parts"), "properties.parts"),
        ("properties.parts[7].name", ("properties", "parts"), "properties.parts"),
        ("properties['odd name']", ("properties", "odd name"), 'properties["odd name"]'),
    ],
)
def test_what_an_error_of_arm_names(target: str, path: tuple[str | int, ...], shown: str) -> None:
    """In any of the ways in which it writes paths; of a list it tells no element."""
    body = {"properties": {"parts": [part("a"), part("b", "2")], "odd name": 1}}
    assert find(RULES, body, target) == (path, shown)


@pytest.mark.parametrize("target", ["", "properties.other", "widget", "Microsoft.Compute", "properties.parts.0.name.x"])
def test_what_is_not_stated_is_not_found(target: str) -> None:
    """No place is better than a wrong one."""
    assert find(RULES, {"properties": {"parts": [part("a")]}}, target) is None
