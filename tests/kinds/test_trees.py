"""Walking a body and its rules together."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.rules import OPAQUE, Rule, compile_rule
from reconciler.kinds.trees import below, is_leaf, transform, walk, without_nulls
from reconciler.values import MISSING, FieldPath

RULES = compile_rule(
    {
        "properties": {
            "text": {"type": "string"},
            "made": {"type": "string", "readOnly": True},
            "any": {},
            "inner": {"properties": {"text": {"type": "string"}}},
            "names": {"type": "object", "additionalProperties": {"type": "string"}},
            "parts": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
        }
    },
    {},
)
BODY: dict[str, Any] = {
    "text": "a",
    "any": {"deep": [None]},
    "inner": {"text": None},
    "names": {"x": "1"},
    "parts": [{"name": "p", "else": {"y": 1}}],
    "odd": {"z": None},
}


def test_a_walk_meets_every_value_with_its_rule() -> None:
    """Containers come before their parts; nothing is walked that the schema does not take apart."""
    assert [(path, rule.is_opaque) for path, rule, _ in walk(RULES, BODY)] == [
        ((), False),
        (("text",), False),
        (("any",), False),
        (("inner",), False),
        (("inner", "text"), False),
        (("names",), False),
        (("names", "x"), False),
        (("parts",), False),
        (("parts", 0), False),
        (("parts", 0, "name"), False),
        (("parts", 0, "else"), True),
        (("odd",), True),
    ]
    assert all(rule is RULES.at(path) for path, rule, _ in walk(RULES, BODY))


@pytest.mark.parametrize(
    ("path", "value"), [("text", {"a": 1}), ("inner", []), ("inner", "x"), ("names", [1]), ("parts", {"name": "p"})]
)
def test_a_value_of_another_shape_is_a_leaf(path: str, value: Any) -> None:
    """Nothing below it is looked at."""
    rule = RULES.at([path])
    assert is_leaf(rule, value)
    assert list(below(rule, value)) == []
    assert [found for _, _, found in walk(rule, value)] == [value]
    assert transform(rule, value, lambda *_: "new") == "new"


def test_a_transform_copies_and_replaces_leaves() -> None:
    """Each leaf is given with its rule and its path; the value itself is not touched."""
    seen: list[tuple[FieldPath, Rule]] = []

    def leaf(rule: Rule, value: Any, path: FieldPath) -> Any:
        seen.append((path, rule))
        return MISSING if rule is OPAQUE else [value]

    made = transform(RULES, BODY, leaf)
    assert made == {
        "text": ["a"],
        "any": [{"deep": [None]}],
        "inner": {"text": [None]},
        "names": {"x": ["1"]},
        "parts": [{"name": ["p"]}],
    }
    assert seen == [(path, rule) for path, rule, value in walk(RULES, BODY) if is_leaf(rule, value)]
    assert BODY["parts"] == [{"name": "p", "else": {"y": 1}}]


def test_a_transform_leaves_out_properties() -> None:
    """Whole properties go, and elements never do."""
    value = {"text": "a", "made": "b", "parts": [{"name": "p"}]}
    assert transform(RULES, value, keeps=lambda rule, _: not rule.read_only) == {"text": "a", "parts": value["parts"]}
    assert transform(RULES, value, keeps=lambda rule, _: rule.items is not None) == {"parts": [{}]}


def test_nulls_go_from_objects_and_stay_in_content() -> None:
    """Nulls below an opaque property are content and stay."""
    made = without_nulls(RULES, BODY)
    assert made["inner"] == {}
    assert made["any"] == BODY["any"]
    assert made["odd"] == BODY["odd"]
    assert made["parts"] is not BODY["parts"]
