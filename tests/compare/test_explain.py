"""Every leaf of one resource: its word, its reason, its values, and never another word than the plan has."""

from __future__ import annotations

import copy
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.diff import WRITE_ONLY, compare
from reconciler.compare.explain import explain
from reconciler.compare.rows import Row, Verdict, at_path
from reconciler.errors import ErrorInfo
from reconciler.kinds.leaves import FieldClass, leaves
from reconciler.kinds.live import Live
from reconciler.kinds.paths import matches
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import IgnoreRule
from reconciler.model.live import Absence, Absent, Observed, Unreadable
from reconciler.problems import Layer, Origin
from reconciler.secret.text import HIDDEN, HIDDEN_CHANGED
from reconciler.values import MISSING
from tests.kit.synthetic import KINDS, MERGING, WIDGET, desired, part, sealed, widget

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.desired import Desired
    from tests.conftest import Golden

TRACKING = Tracking()
CANARY = "CANARY-4b1d"
ABSENT = Absent(Absence.NOT_FOUND)
UNREADABLE = Unreadable(ErrorInfo("Unreachable", "nobody answers"))


def rows(
    want: dict[str, Any], have: dict[str, Any], *ignore: IgnoreRule, kind: Any = WIDGET, tags: bool = True
) -> dict[str, Row]:
    """Return the rows of a widget's properties by path; what went in is as it was."""
    item, live = widget(kind, **want), sealed(kind, **have)
    before = copy.deepcopy((item.body, live))
    found = explain(item, Live(live), Tracking(tags=tags), ignore)
    assert (item.body, live) == before
    return {row.path.removeprefix("properties."): row for row in found}


LEAVES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"text": "a"}, {"text": "a"}, "text", "equal"),
    ({"region": "West US"}, {"region": "westus"}, "region", "equal"),
    ({"size": "small"}, {}, "size", "equal"),
    ({"text": None}, {}, "text", "equal"),
    ({"words": []}, {}, "words", "equal"),
    ({"words": ["a"]}, {"words": ["a"]}, 'words["a"]', "equal"),
    ({"text": "b"}, {"text": "a"}, "text", "change"),
    ({"text": "b"}, {}, "text", "change"),
    ({"text": None}, {"text": "a"}, "text", "change"),
    ({}, {"size": "big"}, "size", "change"),
    ({"words": ["a"]}, {"words": ["a", "b"]}, 'words["b"]', "change"),
    ({"steps": ["a"]}, {"steps": ["b"]}, "steps[0]", "change"),
    ({"inner": {"text": "a"}}, {}, "inner.text", "change"),
    ({"parts": [part("a", note="x")], "flag": True}, {}, "parts[a,1].note", "change"),
    (
        {"parts": [part("a")]},
        {"parts": [part("a"), part("b")]},
        "parts[b,1].name",
        "change",
    ),
    ({"forever": None}, {"forever": "a"}, "forever", "change"),
    ({"meaning": {"a": 1}}, {"meaning": {"a": 2}}, "meaning", "change"),
    ({"content": "a"}, {}, "content", "unverified"),
    ({"frozen": "b"}, {"frozen": "a"}, "frozen", "immutable"),
    ({}, {"text": "a"}, "text", "undeclared"),
    ({}, {"unheard": "a"}, "unheard", "undeclared"),
    ({}, {"kept": "big"}, "kept", "undeclared"),
    ({}, {"inner": {"text": "a"}}, "inner.text", "undeclared"),
    ({}, {"inner": {"text": "a", "on": True}}, "inner.on", "default"),
    ({}, {"parts": [part("a", picked="x")]}, "parts[a,1].picked", "undeclared"),
    ({}, {"parts": [{}]}, "parts[0]", "undeclared"),
    ({"parts": [], "flag": True}, {"parts": [{}]}, "parts[0]", "change"),
    ({}, {"size": "small"}, "size", "default"),
    ({}, {}, "size", "default"),
    ({}, {"picked": "x"}, "picked", "server-populated"),
    ({}, {"made": "x"}, "made", "read-only"),
    ({}, {"text": None}, "text", "not stated"),
    ({}, {"unheard": []}, "unheard", "not stated"),
    ({}, {"words": []}, "words", "not stated"),
    ({}, {}, "text", "not stated"),
]


@pytest.mark.parametrize(("want", "have", "path", "verdict"), LEAVES)
def test_a_leaf_has_its_verdict(want: dict[str, Any], have: dict[str, Any], path: str, verdict: str) -> None:
    """One of ten, and a sentence."""
    row = rows(want, have)[path]
    assert row.verdict == verdict
    assert row.why.endswith(".")


def test_sentences(golden: Golden, root: Path) -> None:
    """The golden file holds the reason of every leaf of this module; no other test quotes one."""
    lines = []
    for want, have, path, _ in LEAVES:
        row = rows(want, have)[path]
        lines.append(f"{row.verdict} {want} {have} {path}\n    {'; '.join(row.rules)}\n    {row.why}\n")
    golden("".join(lines), root / "tests/compare/golden/explain.txt")


def test_a_row_has_the_values_as_written_and_as_compared() -> None:
    """The manifest's with its place, the live one as sent, and both in the form that counts."""
    row = rows({"region": "West US"}, {"region": "westus2"})["region"]
    assert (row.stated, row.observed) == ("West US", "westus2")
    assert (row.compared_desired, row.compared_observed) == ("westus", "westus2")
    assert row.origin == Origin(Layer.MANIFEST, "m.yaml", 3)
    assert (row.field_class, row.rules) == (FieldClass.UPDATABLE, ("compared as region",))


def test_a_default_stands_where_nothing_is_stated() -> None:
    """Also one that is another property's value."""
    found = rows({"number": 7, "parts": [part("a")], "flag": True}, {"parts": [part("a", count=1)]})
    count, size = found["parts[a,1].count"], found["size"]
    assert (count.stated, count.default, count.observed, count.verdict) == (MISSING, 7, 1, Verdict.CHANGE)
    assert count.rules == ("default: the value of properties.number",)
    assert (size.default, size.compared_desired, size.compared_observed) == ("small", "small", "small")
    assert size.rules == ('default "small"',)
    assert (count.origin, size.origin) == (None, None)


@pytest.mark.parametrize(
    ("path", "field_class"),
    [
        ("text", FieldClass.UPDATABLE),
        ("frozen", FieldClass.FROZEN),
        ("fixed[0]", FieldClass.FROZEN),
        ("content", FieldClass.WRITE_ONLY),
        ("made", FieldClass.READ_ONLY),
        ("unheard", FieldClass.UNKNOWN),
        ("widgetName", FieldClass.NAME),
    ],
)
def test_a_leaf_has_its_class(path: str, field_class: FieldClass) -> None:
    """Each field has a class, of its own or from the object or list that holds it."""
    assert rows({"fixed": ["a"], "content": "x"}, {"unheard": 1, "fixed": ["a"]})[path].field_class is field_class


def test_an_ignored_difference_says_by_which_rule() -> None:
    """With its reason, its end, and what it hides."""
    rule = IgnoreRule("properties.text", "theirs", expires=date(2026, 12, 31))
    other = IgnoreRule("properties.region", "ours")
    row = rows({"text": "b"}, {"text": "a"}, rule, other)["text"]
    assert row.verdict is Verdict.IGNORED
    assert "(change): theirs (until 2026-12-31). The live value stays." in row.why
    assert row.hidden_by == (rule,)
    assert rows({"text": "b"}, {"text": "a"}, IgnoreRule("properties.text", "x", "Other"))["text"].verdict == "change"


def test_write_only_content_is_what_its_digest_says() -> None:
    """Sent last, something else, not recorded, no digest of ours, or nothing recorded at all."""
    item = widget(content=CANARY)
    assert item.digest is not None

    def told(tag: str | None, *, tags: bool = True) -> tuple[str, str]:
        live = {"tags": {"reconciler-digest": tag} if tag else {}, "properties": {}}
        found = {row.path: row for row in explain(item, Live(live), Tracking(tags=tags))}
        assert CANARY not in str(found)
        row = found["properties.content"]
        assert row.stated == WRITE_ONLY
        return row.verdict, row.why

    assert told(item.digest)[0] == "equal"
    assert told("v1-" + 64 * "0")[0] == "change"
    reasons = {told(None)[1], told("mine")[1], told(item.digest, tags=False)[1]}
    assert len(reasons) == 3
    assert {told(None)[0], told("mine")[0], told(item.digest, tags=False)[0]} == {"unverified"}


def test_tags_of_our_own_are_told_apart() -> None:
    """Live tags with the reconciler's prefix are no finding; an undeclared tag of another client is one."""
    live = {"tags": {"Reconciler-Commit": "abc", "other": "x"}, "properties": {}}
    found = {row.path: row for row in explain(widget(), Live(live), TRACKING)}
    assert found["tags.Reconciler-Commit"].verdict is Verdict.NOT_STATED
    assert found["tags.other"].verdict is Verdict.UNDECLARED


def test_no_secret_is_shown_and_no_digest_of_one() -> None:
    """The rows show the readable part of a secret, and whether both sides are equal."""
    link = "https://a.example/p"
    want = {
        "code": f"{CANARY}1",
        "link": f"{link}?sig={CANARY}",
        "hook": f"{link}?{CANARY}",
        "package": f"{link}?{CANARY}",
    }
    have = {"code": f"{CANARY}2", "link": f"{link}?sig={CANARY}9", "hook": f"{link}?{CANARY}"}
    found = rows(want, have)
    assert CANARY not in str(found)
    assert "sha256" not in str(found)
    assert (found["code"].stated, found["code"].observed) == (HIDDEN, HIDDEN)
    assert (found["code"].compared_desired, found["code"].compared_observed) == (HIDDEN, HIDDEN_CHANGED)
    assert (found["hook"].verdict, found["hook"].compared_observed) == (Verdict.EQUAL, HIDDEN)
    assert (found["link"].verdict, found["link"].stated, found["link"].compared_desired) == (Verdict.EQUAL, link, link)
    assert found["package"].stated == link
    assert rows({"code": CANARY}, {})["code"].compared_desired == HIDDEN


@pytest.mark.parametrize(
    ("observed", "stated", "name"), [(ABSENT, "change", "change"), (UNREADABLE, "unverified", "unverified")]
)
def test_of_what_is_not_there_only_the_manifest_is_told(observed: Observed, stated: str, name: str) -> None:
    """Rows show the values that a create would send, or that the live ones are unknown."""
    found = {row.path: row for row in explain(widget(text="a", region=None), observed, TRACKING)}
    assert found["properties.text"].verdict == stated
    assert found["widgetName"].verdict == name
    assert found["properties.text"].compared_desired is MISSING
    assert found["properties.size"].verdict is Verdict.DEFAULT
    assert all(row.observed is MISSING for row in found.values())
    null = found["properties.region"]
    assert null.verdict == ("equal" if observed is ABSENT else "unverified")


def test_names_come_first_and_the_body_by_path() -> None:
    """With their places; the live ones are those of the live id."""
    item = widget(text="a", any="b")
    live = {"id": item.id.upper().replace("ACME", "Acme"), "properties": {}}
    found = explain(item, Live(live), TRACKING)
    assert [row.path for row in found[:3]] == ["subscriptionId", "resourceGroupName", "widgetName"]
    assert [row.path for row in found[3:]] == sorted(row.path for row in found[3:])
    assert [(row.stated, row.observed, row.verdict) for row in found[:3]] == [
        ("s", "S", "equal"),
        ("g", "G", "equal"),
        ("w", "W", "equal"),
    ]
    assert found[0].origin == Origin(Layer.MANIFEST, "m.yaml", 2)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("properties.inner", ["properties.inner.frozen", "properties.inner.on", "properties.inner.text"]),
        ("properties.inner.text", ["properties.inner.text"]),
        ("properties.inner.o*", ["properties.inner.on"]),
        ("properties.any.deep[0]", ["properties.any"]),
        ("properties.text", ["properties.text"]),
        ("properties.unheard", []),
        ("widgetName", ["widgetName"]),
    ],
)
def test_a_path_chooses_rows(pattern: str, paths: list[str]) -> None:
    """Rows at or below the path, else the row that holds it; an undeclared field has a row if the path names it."""
    found = explain(widget(inner={"text": "a", "frozen": "b"}, any={"deep": [1]}), Live({"properties": {}}), TRACKING)
    assert [row.path for row in at_path(found, pattern)] == paths


def test_without_a_path_only_what_is_there_is_told() -> None:
    """The schema knows more than a reader wants to hear of."""
    found = at_path(explain(widget(text="a"), Live({"properties": {"made": "x"}}), TRACKING), None)
    assert {row.path.removeprefix("properties.") for row in found[3:]} == {"inner.on", "kept", "made", "size", "text"}


def _values(depth: int = 2) -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b", "West US", "westus"])
    if depth == 0:
        return plain
    below = _values(depth - 1)
    return (
        plain | st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["a", "text", "on"]), below, max_size=2)
    )


_TEXT = st.none() | st.sampled_from(["a", "b"])
_PART = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"]), "at": st.just({"zone": "1"})},
    optional={"count": st.integers(0, 2), "frozen": _TEXT, "note": _TEXT, "picked": _TEXT},
)
_PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "text": _TEXT,
        "number": st.integers(0, 2),
        "frozen": _TEXT,
        "forever": _TEXT,
        "picked": _TEXT,
        "born": _TEXT,
        "size": st.sampled_from(["small", "big"]),
        "kept": st.sampled_from(["small", "big"]),
        "code": st.sampled_from(["x", "y"]),
        "content": _TEXT,
        "any": _values(),
        "meaning": _values(),
        "inner": st.none() | st.fixed_dictionaries({}, optional={"text": _TEXT, "frozen": _TEXT, "on": st.booleans()}),
        "map": st.none() | st.dictionaries(st.sampled_from(["k", "l"]), _TEXT, max_size=2),
        "words": st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "steps": st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "grid": st.lists(st.lists(st.integers(0, 1), max_size=2), max_size=2),
        "flag": st.booleans(),
        "parts": st.none() | st.lists(_PART, max_size=2),
        "fixed": st.lists(st.sampled_from(["a"]), max_size=2),
    },
)
_LIVE = st.one_of(_PROPERTIES, st.dictionaries(st.sampled_from(["text", "inner", "parts", "map", "new"]), _values()))
_FOUND = {Verdict.CHANGE, Verdict.IMMUTABLE, Verdict.UNVERIFIED, Verdict.UNDECLARED}


def _covers(path: str, other: str) -> bool:
    return matches(path, other) or matches(other, path)


@pytest.mark.properties
@given(want=_PROPERTIES, have=_LIVE, kind=st.sampled_from([WIDGET, MERGING]))
def test_it_says_what_the_plan_says(want: dict[str, Any], have: dict[str, Any], kind: Any) -> None:
    """Every finding has a row with its word, and every row with such a word has its finding."""
    item, live = widget(kind, **want), sealed(kind, **have)
    fields = compare(item, live, TRACKING).fields
    found = explain(item, Live(live), TRACKING)
    for field in fields:
        words = {row.verdict for row in found if _covers(field.path, row.path)}
        assert words & {field.finding.value, Verdict.IMMUTABLE.value}, (field, words)
    for row in found:
        if row.verdict in _FOUND:
            assert any(_covers(field.path, row.path) for field in fields), row


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_leaf_of_a_schema_has_one_row(name: str) -> None:
    """Also where the resource is not there and next to nothing is stated."""
    item: Desired = desired({}, KINDS[name])
    found = list(leaves(KINDS[name].rules, item.body, MISSING))
    paths = [row.path for row in explain(item, ABSENT, TRACKING)]
    assert len(paths) == len(set(paths)) == len(found) + len(item.params)
