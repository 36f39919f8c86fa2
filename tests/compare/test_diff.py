"""The differences of a resource, leaf by leaf, and the meaning of each."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.compare.diff import WRITE_ONLY, compare
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import IgnoreRule
from reconciler.model.change import FieldChange, Finding, Op, Refusal
from reconciler.secret.text import HIDDEN, HIDDEN_CHANGED
from reconciler.values import MISSING
from tests.kit.synthetic import KINDS, MERGING, WIDGET, desired, minimal, part, sealed, widget

if TYPE_CHECKING:
    from reconciler.model.desired import Desired

TRACKING = Tracking()
CANARY = "CANARY-7f3a"


def found(want: dict[str, Any], have: dict[str, Any], kind: Any = WIDGET) -> list[FieldChange]:
    """Return what is found between two widgets by their properties; neither is touched."""
    item, live = widget(kind, **want), sealed(kind, **have)
    before = copy.deepcopy((item.body, live))
    fields = list(compare(item, live, TRACKING).fields)
    assert (item.body, live) == before
    assert fields == sorted(fields, key=lambda field: field.path)
    return fields


def told(want: dict[str, Any], have: dict[str, Any], kind: Any = WIDGET) -> list[tuple[Any, ...]]:
    """Return path, finding, op, both sides and refusal of what is found."""
    return [
        (
            field.path.removeprefix("properties."),
            field.finding.value,
            field.op.value,
            field.observed,
            field.desired,
            field.refusal,
        )
        for field in found(want, have, kind)
    ]


ABSENT = MISSING


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        ({"text": "x"}, {"text": "x"}, []),
        ({"text": "b"}, {"text": "a"}, [("text", "change", "replace", "a", "b", None)]),
        ({"text": "b"}, {}, [("text", "change", "add", ABSENT, "b", None)]),
        ({"text": "b"}, {"text": None}, [("text", "change", "add", ABSENT, "b", None)]),
        ({"text": None}, {"text": "a"}, [("text", "change", "remove", "a", ABSENT, None)]),
        ({}, {"text": "a"}, [("text", "undeclared", "remove", "a", ABSENT, None)]),
        ({}, {"size": "big"}, [("size", "change", "replace", "big", "small", None)]),
        ({"size": "big"}, {}, [("size", "change", "add", ABSENT, "big", None)]),
        ({"region": "East US"}, {"region": "westus"}, [("region", "change", "replace", "westus", "East US", None)]),
        ({"map": {"a": "1", "b": None}}, {"map": {"b": "2"}}, [
            ("map.a", "change", "add", ABSENT, "1", None),
            ("map.b", "change", "remove", "2", ABSENT, None),
        ]),
        ({"words": ["a"]}, {"words": ["b"]}, [
            ('words["a"]', "change", "add", ABSENT, "a", None),
            ('words["b"]', "change", "remove", "b", ABSENT, None),
        ]),
        ({"steps": ["a", "b"]}, {"steps": ["b"]}, [
            ("steps[0]", "change", "replace", "b", "a", None),
            ("steps[1]", "change", "add", ABSENT, "b", None),
        ]),
        ({"steps": []}, {"steps": ["b"]}, [("steps", "change", "replace", ["b"], [], None)]),
        ({"steps": None}, {"steps": ["b"]}, [("steps", "change", "remove", ["b"], ABSENT, None)]),
        ({"inner": {"text": "x"}}, {}, [("inner", "change", "add", ABSENT, {"text": "x"}, None)]),
        ({"inner": None}, {"inner": {"text": "x"}}, [("inner", "change", "remove", {"text": "x"}, ABSENT, None)]),
        ({"parts": [part("East US", note="n")]}, {"parts": []}, [
            ("parts[East US,1]", "change", "add", ABSENT, part("East US", note="n"), None),
        ]),
        ({"parts": [part("East US", note="n")]}, {"parts": [part("eastus", note="m")]}, [
            ("parts[East US,1].note", "change", "replace", "m", "n", None),
        ]),
        ({"any": {"__x": 1}}, {"any": {"__x": 2}}, [("any.__x", "change", "replace", 2, 1, None)]),
        ({"any": [{"__x": 1}]}, {"any": [{"__x": 2}]}, [("any[0].__x", "change", "replace", 2, 1, None)]),
        ({"any": {"a": 1, "b": 2, "c": 3, "d": 9}}, {"any": {"d": 1, "e": 2, "f": 3, "g": 4}}, [
            ("any.a", "change", "add", ABSENT, 1, None),
            ("any.b", "change", "add", ABSENT, 2, None),
            ("any.c", "change", "add", ABSENT, 3, None),
            ("any.d", "change", "replace", 1, 9, None),
            ("any.e", "change", "remove", 2, ABSENT, None),
            ("any.f", "change", "remove", 3, ABSENT, None),
            ("any.g", "change", "remove", 4, ABSENT, None),
        ]),
    ],
)  # fmt: skip
def test_every_difference_is_one_entry(want: dict[str, Any], have: dict[str, Any], expected: list[Any]) -> None:
    """One per leaf; an element of a keyed list, or an object absent on one side, is one."""
    assert told(want, have) == expected


def test_what_is_the_servers_own_is_no_part_of_a_whole_object() -> None:
    """The reported value of an undeclared object holds only the fields that a manifest can declare."""
    item = desired({"location": "westus"}, KINDS["Gallery"])
    profile = {"permissions": "Groups", "groups": [{"type": "Subscriptions"}]}
    made = {"identifier": {"uniqueName": "u"}, "provisioningState": "Succeeded"}
    live = {**item.body, "properties": {"description": "d", "sharingProfile": profile, **made}}
    (change,) = compare(item, live, TRACKING).fields
    assert (change.path, change.finding) == ("properties", Finding.UNDECLARED)
    assert change.observed == {"description": "d", "sharingProfile": {"permissions": "Groups"}}


@pytest.mark.parametrize(("want", "have"), [(1, 1.0), (1, True), (0, False), (1.0, True), ("1", 1), (None, 0)])
def test_trap_deepdiff_numbers_are_told_apart_by_type(want: Any, have: Any) -> None:
    """1, 1.0, true and "1" are four values, on either side."""
    if want is not None:
        assert told({"any": want}, {"any": have}) == [("any", "change", "replace", have, want, None)]
        assert told({"any": have}, {"any": want}) == [("any", "change", "replace", want, have, None)]
    assert told({"any": have}, {"any": have}) == []


def test_trap_deepdiff_a_moved_element_is_no_difference() -> None:
    """Keyed lists and sets have no order; a repeated element is seen nevertheless."""
    moved = [part("a"), part("b"), part("c")]
    assert told({"parts": moved, "words": ["x", "y"]}, {"parts": moved[::-1], "words": ["y", "x"]}) == []
    assert told({"words": ["x", "y"]}, {"words": ["x", "x", "y"]}) == [
        ('words["x"]', "change", "remove", "x", ABSENT, None)
    ]


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        ({"frozen": "b"}, {"frozen": "a"}, ("frozen", "immutable", "replace", "a", "b", Refusal.IMMUTABLE)),
        ({"frozen": "b"}, {}, ("frozen", "immutable", "add", ABSENT, "b", Refusal.IMMUTABLE)),
        ({"frozen": None}, {"frozen": "a"}, ("frozen", "immutable", "remove", "a", ABSENT, Refusal.IMMUTABLE)),
        ({"born": "b"}, {"born": "a"}, ("born", "immutable", "replace", "a", "b", Refusal.IMMUTABLE)),
        ({"kept": "small"}, {"kept": "b"}, ("kept", "immutable", "replace", "b", "small", Refusal.IMMUTABLE)),
        ({}, {"kept": "big"}, ("kept", "undeclared", "remove", "big", ABSENT, None)),
        (
            {"inner": {"frozen": "b"}},
            {},
            ("inner", "immutable", "add", ABSENT, {"frozen": "b"}, Refusal.IMMUTABLE),
        ),
        (
            {"inner": None},
            {"inner": {"frozen": "a"}},
            ("inner", "immutable", "remove", {"frozen": "a"}, ABSENT, Refusal.IMMUTABLE),
        ),
        ({"fixed": ["b"]}, {"fixed": ["a"]}, ("fixed[0]", "immutable", "replace", "a", "b", Refusal.IMMUTABLE)),
        (
            {"parts": [part("a", frozen="y")]},
            {"parts": [part("a", frozen="x")]},
            ("parts[a,1].frozen", "immutable", "replace", "x", "y", Refusal.IMMUTABLE),
        ),
        ({"parts": [part("a", frozen="y")]}, {}, ("parts[a,1]", "change", "add", ABSENT, part("a", frozen="y"), None)),
    ],
)
def test_trap_immutable_fields_are_matched_by_prefix(
    want: dict[str, Any], have: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """A whole object that comes or goes with a frozen leaf is refused; a new element of a list brings its own."""
    assert told(want, have) == [expected]


@pytest.mark.parametrize("kind", [WIDGET, MERGING])
def test_what_the_service_cannot_clear_is_refused(kind: Any) -> None:
    """``x-unsettable: false`` in any kind, scalars and objects of a merging one; lists and maps can be removed."""
    want: dict[str, Any] = dict.fromkeys(("forever", "text", "inner", "words", "map", "parts"))
    have = {"forever": "a", "text": "a", "inner": {"text": "a"}, "words": ["a"], "map": {"a": "b"}}
    refused = {path: refusal for path, *_, refusal in told(want, have, kind)}
    scalar = Refusal.CANNOT_UNSET if kind is MERGING else None
    assert refused == {"forever": Refusal.CANNOT_UNSET, "text": scalar, "inner": scalar, "words": None, "map": None}


@pytest.mark.parametrize(
    ("want", "refusal"),
    [
        ({"parts": [part("a")]}, Refusal.REMOVAL),
        ({"parts": [part("a")], "flag": False}, Refusal.REMOVAL),
        ({"parts": [part("a")], "flag": True}, None),
        ({"parts": []}, Refusal.REMOVAL),
        ({"parts": None}, Refusal.REMOVAL),
        ({"parts": None, "flag": True}, None),
    ],
)
def test_an_element_goes_only_if_its_guard_lets_it(want: dict[str, Any], refusal: Refusal | None) -> None:
    """The flag has to be true in the manifest; null takes every element away, and asks as well."""
    live = {"parts": [part("a"), part("b")], "flag": True}
    entries = [entry for entry in told(want, live) if entry[0].startswith("parts")]
    assert entries
    assert {entry[-1] for entry in entries} == {refusal}


def test_a_region_may_be_added_without_the_flag() -> None:
    """The guard is about going."""
    assert told({"parts": [part("a"), part("b")]}, {"parts": [part("a")]})[0][-1] is None


def test_the_region_that_goes_is_named_as_azure_names_it() -> None:
    """A version's target region, without allowDeletionOfReplicatedLocations."""
    profile = {"source": {"mediaLink": "https://h/p"}, "targetRegions": [{"name": "westus"}]}
    live = {**profile, "targetRegions": [{"name": "West US"}, {"name": "East US 2", "regionalReplicaCount": 1}]}
    item = minimal("GalleryApplicationVersion", publishingProfile=profile)
    kind = KINDS["GalleryApplicationVersion"]
    (field,) = compare(
        item, kind.seal({"location": "westus", "properties": {"publishingProfile": live}}), TRACKING
    ).fields
    assert (field.path, field.op, field.refusal, field.line) == (
        "properties.publishingProfile.targetRegions[East US 2]",
        Op.REMOVE,
        Refusal.REMOVAL,
        None,
    )


def test_secrets_are_hidden_on_both_sides() -> None:
    """A link by its host and path; where that is the same on both sides, they are said to differ."""
    changed = (HIDDEN, HIDDEN_CHANGED)
    assert told({"code": CANARY}, {"code": CANARY + "2"}) == [("code", "change", "replace", *changed, None)]
    assert told({"code": CANARY}, {}) == [("code", "change", "add", ABSENT, HIDDEN, None)]
    assert told({"hook": f"https://h/x?{CANARY}"}, {"hook": "https://h/x?other"}) == [
        ("hook", "change", "replace", *changed, None)
    ]
    assert told({"link": f"https://h/x?{CANARY}"}, {"link": "https://h/y?other"}) == [
        ("link", "change", "replace", "https://h/y", "https://h/x", None)
    ]
    assert told({"link": f"https://h/x?{CANARY}"}, {"link": "https://h/x?other"}) == []
    assert CANARY not in repr(found({"code": CANARY, "hook": f"https://h/{1}?{CANARY}"}, {"code": "b", "hook": "c"}))


def test_a_value_equal_to_the_mask_is_compared_as_any_other() -> None:
    """The mask is for readers; nothing is decided by it."""
    assert [entry[0] for entry in told({"code": HIDDEN}, {"code": "x"})] == ["code"]
    assert told({"code": HIDDEN}, {"code": HIDDEN}) == []
    assert told({"text": HIDDEN}, {"text": "x"}) == [("text", "change", "replace", "x", HIDDEN, None)]


DIGEST = widget(content="x", package=f"https://h/p.zip?sig={CANARY}").digest
OTHER = "v1-" + "0" * 64


@pytest.mark.parametrize(
    ("tags", "tracking", "finding"),
    [
        ({"reconciler-digest": DIGEST}, TRACKING, None),
        ({"Reconciler-Digest": DIGEST}, TRACKING, None),
        ({"reconciler-digest": OTHER}, TRACKING, Finding.CHANGE),
        ({"reconciler-digest": "v1-short"}, TRACKING, Finding.UNVERIFIED),
        ({"reconciler-digest": OTHER.upper()}, TRACKING, Finding.UNVERIFIED),
        ({"reconciler-digest": "v2-" + "0" * 64}, TRACKING, Finding.UNVERIFIED),
        ({"reconciler-digest": f"v2 content={'0' * 32} package={'0' * 32}"}, TRACKING, Finding.CHANGE),
        ({"reconciler-digest": f"v2 content={'0' * 31}"}, TRACKING, Finding.UNVERIFIED),
        ({}, TRACKING, Finding.UNVERIFIED),
        ({"other-digest": DIGEST}, TRACKING, Finding.UNVERIFIED),
        ({"reconciler-digest": DIGEST}, Tracking(tags=False), Finding.UNVERIFIED),
        ({"reconciler-digest": OTHER}, Tracking(tags=False), Finding.UNVERIFIED),
    ],
)
def test_trap_write_only_without_its_digest_is_unverified_never_in_sync(
    tags: dict[str, str], tracking: Tracking, finding: Finding | None
) -> None:
    """The digest last sent proves it, another one is a change, none or a malformed one proves nothing."""
    item = widget(content="x", package=f"https://h/p.zip?sig={CANARY}")
    comparison = compare(item, {"tags": tags, "properties": {}}, tracking)
    fields = [field for field in comparison.fields if field.finding is not Finding.UNDECLARED]
    expected = [("properties.content", WRITE_ONLY), ("properties.package", "https://h/p.zip")] if finding else []
    assert [(field.path, field.desired) for field in fields] == expected
    assert {field.finding for field in fields} == ({finding} if finding else set())
    assert CANARY not in repr(comparison)


def test_a_digest_names_the_field_that_changed_and_no_other() -> None:
    """One that it does not name was not sent before; a new checksum speaks of the package."""
    old = widget(content="x", package="https://h/p.zip")

    def changes(item: Desired, recorded: Desired) -> list[tuple[str, Op]]:
        live = {"tags": {"reconciler-digest": recorded.digest}, "properties": {}}
        return [(field.path, field.op) for field in compare(item, live, TRACKING).fields]

    assert changes(old, old) == []
    assert changes(widget(content="y", package="https://h/p.zip"), old) == [("properties.content", Op.REPLACE)]
    assert changes(widget(content="x", package="https://h/q.zip"), old) == [("properties.package", Op.REPLACE)]
    assert changes(old, widget(content="x")) == [("properties.package", Op.ADD)]
    assert changes(widget(content="x"), old) == []
    summed = desired(old.body, package_sha256="a" * 64)
    assert changes(summed, old) == changes(old, summed) == [("properties.package", Op.REPLACE)]
    only = widget(content="x")
    assert changes(desired(only.body, package_sha256="a" * 64), only) == [("properties.content", Op.REPLACE)]


def test_only_stated_content_is_told_of() -> None:
    """Null and absent are no content."""
    paths = [field.path for field in found({"content": "x", "package": None}, {})]
    assert paths == ["properties.content"]


def test_tracking_tags_are_no_finding() -> None:
    """Other tags are, one by one."""
    live = {"tags": {"reconciler-project": "x", "Reconciler-other": "y", "zone": "z"}}
    (field,) = compare(desired({}), live, TRACKING).fields
    assert (field.path, field.finding, field.origin) == ("tags.zone", Finding.UNDECLARED, "live")


def test_a_difference_says_where_the_manifest_states_it() -> None:
    """In the line of the leaf; what the manifest does not state has none."""
    item = desired(
        {
            "tags": {"Team": "b"},
            "properties": {"words": ["new"], "parts": [part("West US", note="b")], "inner": {"text": None}},
        }
    )
    live = {
        "tags": {"team": "a"},
        "properties": {
            "words": ["old"],
            "parts": [part("westus", note="a")],
            "inner": {"text": "x"},
            "size": "big",
            "text": "extra",
        },
    }
    lines = {field.path: field.line for field in compare(item, live, TRACKING).fields}
    assert lines == {
        "properties.inner.text": 4,
        "properties.parts[West US,1].note": 5,
        "properties.size": None,
        "properties.text": None,
        'properties.words["new"]': 4,
        'properties.words["old"]': None,
        "tags.Team": 3,
    }


def test_the_origin_of_a_difference_is_known() -> None:
    """Defaults have to be written out in a PUT; what the manifest states is there anyway."""
    origins = {field.path: field.origin for field in found({"text": "x"}, {"size": "big", "any": 1})}
    assert origins == {"properties.text": "manifest", "properties.size": "default", "properties.any": "live"}


def test_an_ignored_difference_is_counted_and_not_told() -> None:
    """By kind, name and path; the rules that hid something are known."""
    item = widget(text="b", region="b", inner={"text": "b"}, content="x")
    live = sealed(WIDGET, text="a", region="a", inner={"text": "a"}, any=1)
    hiding = (
        IgnoreRule("properties.text", "because", kind="Widget", name="m*"),
        IgnoreRule("properties.*", "because", name="other"),
        IgnoreRule("properties.inner", "because"),
        IgnoreRule("*.text", "because"),
        IgnoreRule("properties.any", "because"),
        IgnoreRule("properties.content", "because"),
        IgnoreRule("properties.region", "because", kind="Gallery"),
        IgnoreRule("properties.map", "because"),
    )
    comparison = compare(item, live, TRACKING, hiding)
    assert [field.path for field in comparison.fields] == ["properties.region"]
    assert sorted(comparison.ignored) == [
        ("properties", "any"),
        ("properties", "content"),
        ("properties", "inner", "text"),
        ("properties", "text"),
    ]
    assert comparison.used == {hiding[0], hiding[2], hiding[3], hiding[4], hiding[5]}


@pytest.mark.parametrize(
    ("want", "have", "ignore", "fields", "ignored"),
    [
        ({"inner": {"text": "b", "other": "c"}}, {}, "properties.inner.text", ["properties.inner.other"], 1),
        ({"inner": {"text": "b", "other": "c"}}, None, "properties.inner.text", ["properties.inner.other"], 1),
        ({"inner": {"text": "b"}}, {}, "properties.inner.text", [], 1),
        ({"inner": {"text": "b", "frozen": "c"}}, {}, "*.*.frozen", ["properties.inner.text"], 1),
        ({"inner": {"text": "b", "other": "c"}}, {}, "properties.map.a", ["properties.inner"], 0),
        ({"map": {"a": "b"}}, {}, "properties.map.a", ["properties.map"], 0),
        ({"parts": [part("a", note="x")]}, {"parts": []}, "properties.parts[*].note", ["properties.parts[a,1]"], 0),
    ],
)
def test_an_ignored_part_of_what_is_wholly_absent(
    want: dict[str, Any], have: dict[str, Any] | None, ignore: str, fields: list[str], ignored: int
) -> None:
    """An object is told in parts where a rule speaks of one of them; maps and elements of lists come whole."""
    live = sealed(WIDGET, **have) if have is not None else {}
    comparison = compare(widget(**want), live, TRACKING, (IgnoreRule(ignore, "because"),))
    assert [field.path for field in comparison.fields] == fields
    assert len(comparison.ignored) == ignored


@pytest.mark.parametrize("name", list(KINDS))
def test_a_resource_is_equal_to_itself(name: str) -> None:
    """Comparing a body with itself finds nothing, save what cannot be read back."""
    item = minimal(name)
    fields = compare(item, item.body, TRACKING).fields
    assert {field.finding for field in fields} <= {Finding.UNVERIFIED}


@pytest.mark.parametrize(
    ("finding", "present"), [(Finding.CHANGE, True), (Finding.IMMUTABLE, False), (Finding.UNVERIFIED, False)]
)
def test_a_comparison_knows_its_findings(finding: Finding, *, present: bool) -> None:
    """Findings that the comparison has, and findings that it has not."""
    assert compare(widget(text="a"), {}, TRACKING).has(finding) is present


def test_what_is_no_ordered_list_never_reaches_deepdiff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its price is paid where two ordered lists differ: not for other differences, spellings or undeclared values."""

    def paid(*_: Any, **__: Any) -> None:
        message = "deepdiff was asked about something else than two ordered lists that differ"
        raise AssertionError(message)

    monkeypatch.setattr("deepdiff.DeepDiff", paid)
    fields = found({"text": "x"}, {"text": "x", "unknown": 1})
    assert {field.finding for field in fields} == {Finding.UNDECLARED}
    assert told({"text": "x", "any": {"a": [1]}}, {"text": "y", "any": {"a": [1], "b": 1.0}}) != []
