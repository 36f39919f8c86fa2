"""A stated body and a live one become a comparable pair."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from reconciler.compare.normalize import Pair, comparable, normalized
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.packaged import packaged
from reconciler.secret.text import Secret, SecretUrl
from tests.kit.synthetic import KINDS, WIDGET, part

RULES = WIDGET.rules


def pair(want: dict[str, Any], have: dict[str, Any]) -> Pair:
    """Return the pair of two widgets by their properties; neither is touched."""
    bodies = {"properties": want}, {"properties": have}
    before = copy.deepcopy(bodies)
    made = comparable(RULES, *bodies)
    assert bodies == before
    return made


def sides(want: dict[str, Any], have: dict[str, Any]) -> tuple[Any, Any, list[tuple[str | int, ...]]]:
    """Return both sides below ``properties``, and what is undeclared."""
    made = pair(want, have)
    undeclared = [steps[1:] for steps in made.undeclared]
    return made.want.get("properties"), made.have.get("properties"), undeclared


EQUAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"text": "x"}, {"text": "x"}),
    ({"text": None}, {}),
    ({"text": None}, {"text": None}),
    ({"region": "West US"}, {"region": "westus"}),
    ({"made": "ours"}, {"made": "theirs"}),
    ({"content": "ours"}, {"content": "theirs"}),
    ({}, {"picked": "x", "born": "y"}),
    ({"size": "small"}, {}),
    ({}, {"size": "small"}),
    ({}, {"size": None}),
    ({"link": SecretUrl("https://h/p?sig=1")}, {"link": SecretUrl("https://H/p?sig=2")}),
    ({"link": SecretUrl("https://h/p")}, {"link": SecretUrl("https://h/p?sig=2")}),
    ({"code": Secret("x")}, {"code": Secret("x")}),
    ({"meaning": '{"a": 1}'}, {"meaning": {"a": 1}}),
    (
        {"meaning": '{"a": 1e400, "b": 123456789012345678901234567890}'},
        {"meaning": '{"b": 123456789012345678901234567890, "a": 1e400}'},
    ),
    ({"words": ["b", "a"]}, {"words": ["a", "b"]}),
    ({"words": []}, {}),
    ({"words": None}, {"words": []}),
    ({"steps": ["a", "b"]}, {"steps": ["a", "b"]}),
    ({"steps": []}, {}),
    ({"steps": None}, {"steps": []}),
    ({"grid": [[1, 2], [], [3]]}, {"grid": [[1, 2], [], [3]]}),
    ({"map": {}}, {}),
    ({"map": None}, {"map": {}}),
    ({"map": {"a": None}}, {"map": {}}),
    ({"inner": {}}, {}),
    ({"inner": None}, {"inner": {}}),
    ({"inner": {"on": True}}, {"inner": None}),
    ({"parts": [part("West US"), part("eastus")]}, {"parts": [part("East US"), part("westus")]}),
    ({"parts": [part("a")], "number": 3}, {"parts": [part("a", count=3)], "number": 3}),
    ({"parts": [part("a", count=3)], "number": 3}, {"parts": [part("a")], "number": 3}),
    ({"parts": [part("a")]}, {"parts": [part("a", picked="x")]}),
]


@pytest.mark.parametrize(("want", "have"), EQUAL)
def test_what_azure_merely_spells_otherwise_is_equal(want: dict[str, Any], have: dict[str, Any]) -> None:
    """Folded spellings, defaults on both sides, the server's own, and what cannot be read never differ."""
    made = pair(want, have)
    assert made.is_equal, made
    assert made.undeclared == ()


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ({"any": 1}, {"any": 1.0}),
        ({"any": 1}, {"any": True}),
        ({"any": 0}, {"any": False}),
        ({"any": [1]}, {"any": [1.0]}),
        ({"any": 1}, {"any": "1"}),
        ({"text": "x"}, {"text": "X"}),
        ({"text": "x"}, {}),
        ({"text": None}, {"text": "x"}),
        ({"size": "big"}, {}),
        ({}, {"size": "big"}),
        ({"code": Secret("x")}, {"code": Secret("y")}),
        ({"hook": SecretUrl("https://h/p?a")}, {"hook": SecretUrl("https://h/p?b")}),
        ({"words": ["a"]}, {"words": ["a", "a"]}),
        ({"steps": ["a", "b"]}, {"steps": ["b", "a"]}),
        ({"steps": []}, {"steps": ["a"]}),
        ({"steps": None}, {"steps": ["a"]}),
        ({"words": None}, {"words": ["a"]}),
        ({"map": {"a": None}}, {"map": {"a": "x"}}),
        ({"map": None}, {"map": {"a": "x"}}),
        ({"inner": {"on": False}}, {}),
        ({"parts": [part("a")]}, {"parts": [part("a"), part("b")]}),
        ({"parts": [part("a"), part("b")]}, {"parts": [part("a")]}),
        ({"parts": []}, {"parts": [part("a")]}),
        ({"parts": None}, {"parts": [part("a")]}),
        ({"grid": [[1, 2]]}, {"grid": [[2, 1]]}),
        ({"map": {"a": "x"}}, {"map": "odd"}),
        ({"steps": ["a"]}, {"steps": "a"}),
        ({"inner": {"text": "a"}}, {"inner": [1]}),
        ({"parts": [part("a")]}, {"parts": {"a": 1}}),
    ],
)
def test_what_can_be_seen_to_differ_differs(want: dict[str, Any], have: dict[str, Any]) -> None:
    """No difference is missed, to the type of a number and the repetition of an element."""
    assert not pair(want, have).is_equal


@pytest.mark.parametrize(
    ("want", "have", "undeclared"),
    [
        ({}, {"text": "x"}, [("text",)]),
        ({}, {"any": False}, [("any",)]),
        ({}, {"inner": {"text": "x", "other": "y"}}, [("inner",)]),
        ({"inner": {}}, {"inner": {"text": "x", "other": "y"}}, [("inner", "other"), ("inner", "text")]),
        ({}, {"map": {"a": "x", "b": "y"}}, [("map",)]),
        ({"map": {"a": "x"}}, {"map": {"a": "x", "b": "y"}}, [("map", "b")]),
        ({}, {"parts": [part("West US"), part("b")]}, [("parts", "b,1"), ("parts", "westus,1")]),
        ({}, {"steps": ["a", "b"]}, [("steps", 0), ("steps", 1)]),
        ({"parts": [part("a")]}, {"parts": [part("a", note="x")]}, [("parts", "a,1", "note")]),
        ({}, {"unknown": 1, "empty": {}, "none": None, "list": []}, [("unknown",)]),
        ({"inner": {}}, {"inner": {"new": {"a": 1}}}, [("inner", "new")]),
        ({}, {"kept": "big"}, [("kept",)]),
        (
            {"parts": [part("a")], "frozen": "x"},
            {"parts": [part("a", frozen="y")], "frozen": "x"},
            [("parts", "a,1", "frozen")],
        ),
        ({"parts": [part("a")], "frozen": "x"}, {"parts": [part("a")], "frozen": "y"}, []),
        ({}, {"made": "x", "content": "y", "picked": "z"}, []),
    ],
)
def test_what_only_azure_has_is_undeclared(
    want: dict[str, Any], have: dict[str, Any], undeclared: list[tuple[str | int, ...]]
) -> None:
    """Whole objects and maps are one finding, elements of lists one each; the live value never enters the pair."""
    made = pair(want, have)
    assert [steps[1:] for steps in made.undeclared] == undeclared


def test_tags_that_nobody_states_are_undeclared_one_by_one() -> None:
    """Foreign tags stay, whether some are stated or none; names have no case."""
    made = comparable(RULES, {}, {"tags": {"Team": "x", "zone": "y"}})
    assert (made.is_equal, made.undeclared) == (True, (("tags", "team"), ("tags", "zone")))
    made = comparable(RULES, {"tags": {"TEAM": "x", "cost": "1"}}, {"tags": {"Team": "x", "zone": "y"}})
    assert (made.want, made.have) == ({"tags": {"team": "x", "cost": "1"}}, {"tags": {"team": "x"}})
    assert made.undeclared == (("tags", "zone"),)


def test_defaults_stand_on_both_sides() -> None:
    """Absent and the default stated are equal; absent differs from any other value, which is written out."""
    assert sides({}, {"size": "big"}) == ({"size": "small"}, {"size": "big"}, [])
    assert sides({"size": "big"}, {}) == ({"size": "big"}, {"size": "small"}, [])
    assert sides({}, {"size": "small"}) == (None, None, [])


def test_a_default_may_be_another_property() -> None:
    """Each side's own: what the manifest states there wins over what is live; null counts as absent."""
    element = {"name": "a", "at": {"zone": "1"}}
    want, have, _ = sides({"number": 3, "parts": [element]}, {"number": 1, "parts": [element]})
    assert (want["parts"]["a,1"]["count"], have["parts"]["a,1"]["count"]) == (3, 1)
    want, have, _ = sides({"number": None, "parts": [{**element, "count": 2}]}, {"number": 1, "parts": [element]})
    assert (want["parts"]["a,1"]["count"], have["parts"]["a,1"]["count"]) == (2, 1)
    want, have, _ = sides({"number": 3, "parts": [element]}, {"parts": [element]})
    assert want["parts"]["a,1"] == {"name": "a", "at": {"zone": "1"}, "count": 3}
    assert "count" not in have["parts"]["a,1"]


def test_a_frozen_default_is_told_and_not_fought() -> None:
    """An immutable field that the manifest omits is reported if it differs from its default, and is no change."""
    assert sides({}, {"kept": "big"}) == (None, None, [("kept",)])
    assert sides({"kept": "small"}, {"kept": "big"}) == ({"kept": "small"}, {"kept": "big"}, [])


def test_null_leaves_the_live_value_alone_on_its_side() -> None:
    """It says "must not be set": what is there must go, in normal form."""
    assert sides({"region": None}, {"region": "West US"}) == ({}, {"region": "westus"}, [])
    assert sides({"inner": None}, {"inner": {"text": "x", "on": True}}) == (
        {},
        {"inner": {"text": "x", "on": True}},
        [],
    )


def test_a_secret_is_compared_without_being_in_the_pair() -> None:
    """Digests and bare links stand for secrets; no readable form of a pair shows one."""
    made = pair(
        {"code": Secret("CANARY"), "hook": SecretUrl("https://h/x?CANARY"), "link": SecretUrl("https://h/p?CANARY")},
        {"code": Secret("CANARY2"), "hook": SecretUrl("https://h/x?CANARY2")},
    )
    assert not made.is_equal
    assert "CANARY" not in repr(made)


@pytest.mark.parametrize("have", ["odd", 1, ["odd"], True])
@pytest.mark.parametrize("name", ["inner", "map", "words", "steps", "parts", "grid"])
def test_a_live_value_of_another_shape_is_compared_as_it_is(name: str, have: Any) -> None:
    """Azure may answer anything; stated or not, that is a difference or undeclared, and never a crash."""
    stated: dict[str, Any] = {"inner": {"text": "x"}, "map": {"a": "x"}, "parts": [part("a")], "grid": [[1]]}
    assert not pair({name: stated.get(name, ["x"])}, {name: have}).is_equal
    pair({}, {name: have})
    pair({name: None}, {name: have})


def test_the_normal_form_of_one_body_knows_what_is_compared() -> None:
    """Two bodies that nothing compared tells apart have one; empty, null, read-only and write-only parts have none."""
    left = {
        "id": "/a",
        "location": "West US",
        "tags": {},
        "properties": {
            "text": None,
            "made": "x",
            "content": "x",
            "link": SecretUrl("https://h/p?sig=CANARY"),
            "words": ["b", "a"],
            "steps": ["a", None],
            "parts": [part("West US")],
            "inner": {"text": None},
            "map": "odd",
            "unknown": {"a": [1]},
        },
    }
    assert normalized(RULES, left) == {
        "location": "westus",
        "properties": {
            "link": "https://h/p",
            "words": {'"b"': "b", '"a"': "a"},
            "steps": ["a", None],
            "parts": {"westus,1": {"name": "westus", "at": {"zone": "1"}}},
            "map": "odd",
            "unknown": {"a": [1]},
        },
    }
    assert normalized(RULES, {"id": "/a", "properties": {"text": None}}) == {}


def test_wire_spellings_of_a_version_are_equal() -> None:
    """Recorded answers for a version: display names, no echo of false, other text for an instant, no query."""
    kind = KINDS["GalleryApplicationVersion"]
    want = {
        "location": "westus",
        "properties": {
            "publishingProfile": {
                "source": {"mediaLink": "https://store.blob.core.windows.net/c/p.zip?sig=x"},
                "targetRegions": [{"name": "eastus2", "excludeFromLatest": False}, {"name": "westus"}],
                "endOfLifeDate": "2030-03-01T07:00:00Z",
            }
        },
    }
    have = {
        "id": "/subscriptions/x",
        "location": "westus",
        "properties": {
            "publishingProfile": {
                "source": {"mediaLink": "https://store.blob.core.windows.net/c/p.zip"},
                "targetRegions": [
                    {"name": "West US", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"},
                    {"name": "East US 2", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"},
                ],
                "replicaCount": 1,
                "excludeFromLatest": False,
                "enableHealthCheck": False,
                "endOfLifeDate": "2030-03-01T00:00:00-07:00",
                "publishedDate": "2026-11-21T20:25:00.1234567+00:00",
                "storageAccountType": "Standard_LRS",
            },
            "provisioningState": "Succeeded",
        },
    }
    made = comparable(kind.rules, kind.seal(want), kind.seal(have))
    assert made.is_equal
    assert made.undeclared == ()


ODD: list[dict[str, Any]] = [
    {"artifacts": {"uri": "https://h/p?code=CANARY"}},
    {"notificationPolicy": {"notificationEndpoints": {"uri": "CANARY"}}},
    {"notificationPolicy": {"notificationEndpoints": ["CANARY"]}},
    {"notificationPolicy": "CANARY"},
    {"notificationPolicy": {"notificationEndpoints": [{"uri": {"href": ["CANARY"]}}]}},
    {"unknown": {"more": ["https://h/p?code=CANARY"]}},
]


@pytest.mark.parametrize("live", ODD, ids=str)
def test_a_secret_of_an_odd_shape_is_compared_by_its_digest(live: dict[str, Any]) -> None:
    """Stated or not, by itself or in a pair: nothing sealed is left, which no text could be made of."""
    kind = packaged().kinds["ApplicationDefinition"]
    stated: dict[str, Any] = {
        "artifacts": [],
        "notificationPolicy": {"notificationEndpoints": []},
        "packageFileUri": "https://h/p",
    }
    have = kind.seal({"properties": live})
    changed = kind.seal({"properties": json.loads(json.dumps(live).replace("CANARY", "other"))})
    assert "CANARY" not in canonical(normalized(kind.rules, have))
    assert canonical(normalized(kind.rules, have)) != canonical(normalized(kind.rules, changed))
    for want in ({}, stated, dict.fromkeys(stated)):
        made = comparable(kind.rules, kind.seal({"properties": want}), have)
        assert "CANARY" not in canonical([made.want, made.have])
