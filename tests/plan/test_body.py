"""The body of a PUT keeps every live value that another client owns."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.compare.diff import Comparison, compare
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import IgnoreRule
from reconciler.plan.body import put_body
from reconciler.secret.text import reveal
from tests.kit.synthetic import KINDS, MERGING, WIDGET, desired, minimal, part, widget

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind

PLAIN = Tracking(tags=False)


def body(
    want: dict[str, Any], have: dict[str, Any] | None, kind: Kind = WIDGET, *ignore: str, tracking: Tracking = PLAIN
) -> Any:
    """Return the body as ARM would see it; neither side is touched by building it."""
    item = desired(want, kind)
    live = kind.seal(have) if have is not None else None
    before = copy.deepcopy((item.body, live))
    rules = tuple(IgnoreRule(path, "because") for path in ignore)
    comparison = compare(item, live, tracking, rules) if live is not None else Comparison()
    made = put_body(item, live, comparison, tracking)
    assert (item.body, live) == before
    return reveal(made)


def properties(want: dict[str, Any], have: dict[str, Any], kind: Kind = WIDGET, *ignore: str) -> Any:
    """Return the properties of the body of an update."""
    return body({"properties": want}, {"properties": have}, kind, *ignore)["properties"]


def test_a_create_sends_the_manifest_as_stated() -> None:
    """No default, no null, secrets in clear, spellings as written."""
    want = {
        "location": "West US",
        "tags": {"team": "x", "old": None},
        "properties": {
            "text": None,
            "code": "CANARY",
            "any": {"kept": None},
            "inner": {"text": None, "other": "x"},
            "words": ["b", "a"],
            "parts": [part("West US", note=None)],
        },
    }
    assert body(want, None) == {
        "location": "West US",
        "tags": {"team": "x"},
        "properties": {
            "code": "CANARY",
            "any": {"kept": None},
            "inner": {"other": "x"},
            "words": ["b", "a"],
            "parts": [part("West US")],
        },
    }


def test_secrets_stay_sealed_until_the_request() -> None:
    """The body can be kept and logged."""
    item = widget(code="CANARY", link="https://h/p?sig=CANARY")
    assert "CANARY" not in repr(put_body(item, None, Comparison(), PLAIN))


@pytest.mark.parametrize("kind", [WIDGET, MERGING])
def test_trap_put_carries_the_live_body_whether_it_merges_or_replaces(kind: Kind) -> None:
    """Undeclared live fields stay in the body, known to the schema or not; read-only fields and nulls are left out."""
    have = {
        "id": "/x",
        "name": "w",
        "type": "t",
        "systemData": {"a": 1},
        "etag": "e",
        "location": "westus",
        "tags": {"zone": "z"},
        "properties": {"text": "a", "made": "x", "any": None, "new": {"n": 1}, "inner": {"text": "a", "other": "o"}},
    }
    assert body({"properties": {"text": "b", "inner": {"text": "b"}}}, have, kind) == {
        "location": "westus",
        "tags": {"zone": "z"},
        "properties": {"text": "b", "new": {"n": 1}, "inner": {"text": "b", "other": "o"}},
    }


def test_what_the_server_picked_is_left_out_save_what_is_frozen() -> None:
    """The manifest's own word for it goes; a frozen value left out would count as a change."""
    have = {"picked": "p", "born": "b", "parts": [part("a", picked="q", note="n")]}
    assert properties({"text": "x"}, have) == {"text": "x", "born": "b", "parts": [part("a", note="n")]}
    assert properties({"picked": "mine"}, have)["picked"] == "mine"


def test_an_unstated_mode_is_carried() -> None:
    """Leaving managementPolicy.mode of a definition out counts as a change of it, which Azure refuses."""
    item = minimal("ApplicationDefinition", displayName="new")
    live = {"properties": {"lockLevel": "ReadOnly", "isEnabled": True, "managementPolicy": {"mode": "Managed"}}}
    made = put_body(item, live, compare(item, live, PLAIN), PLAIN)
    assert made["properties"]["managementPolicy"] == {"mode": "Managed"}
    assert made["properties"]["displayName"] == "new"


def test_a_changed_default_is_written_out() -> None:
    """The service keeps what a merging PUT leaves out, so the default has to be said, in lists too."""
    have = {"size": "big", "parts": [part("West US", count=5, note="n")], "number": 5}
    want = {"number": 1, "parts": [part("westus")]}
    assert properties(want, have, MERGING) == {
        "size": "small",
        "number": 1,
        "parts": [part("westus", count=1, note="n")],
    }


def test_a_changed_default_makes_the_object_that_holds_it() -> None:
    """The default lies in an object that the manifest omits."""
    assert properties({"inner": {"text": "x"}}, {"inner": {"on": False}}) == {"inner": {"text": "x", "on": True}}
    assert properties({"text": "x"}, {"inner": {"on": False}}) == {"text": "x", "inner": {"on": True}}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WIDGET, {"tags": {"zone": "z"}, "properties": {"map": {"b": "2"}, "inner": {"other": "o"}}}),
        (
            MERGING,
            {
                "tags": {"zone": "z"},
                "properties": {"map": {"b": "2"}, "inner": {"other": "o"}, "words": [], "steps": []},
            },
        ),
    ],
)
def test_null_leaves_the_key_out_and_a_merging_kind_sends_an_empty_list(kind: Kind, expected: dict[str, Any]) -> None:
    """Map keys and tags are left out of both; a list that is left out of a merging PUT would stay."""
    want = {
        "tags": {"TEAM": None},
        "properties": {"text": None, "map": {"a": None}, "inner": {"text": None}, "words": None, "steps": None},
    }
    have = {
        "tags": {"Team": "x", "zone": "z"},
        "properties": {
            "text": "x",
            "map": {"a": "1", "b": "2"},
            "inner": {"text": "x", "other": "o"},
            "words": ["w"],
            "steps": ["s"],
        },
    }
    assert body(want, have, kind) == expected


def test_a_whole_map_that_must_not_be_set_is_sent_empty_to_a_merging_kind() -> None:
    """Left out it would stay."""
    assert properties({"map": None}, {"map": {"a": "1"}}, MERGING) == {"map": {}}
    assert properties({"map": None}, {"map": {"a": "1"}}) == {}


def test_lists_are_written_whole_and_their_elements_merged_by_key() -> None:
    """Undeclared elements are removed; the others keep undeclared live fields; order and spelling come from git."""
    have = {
        "parts": [part("West US", note="w"), part("gone"), part("eastus", note="e")],
        "words": ["x", "y"],
        "flag": True,
    }
    want = {"parts": [part("East US", note=None), part("new", note=None), part("westus")], "words": ["y"], "flag": True}
    assert properties(want, have) == {
        "parts": [part("East US"), part("new"), part("westus", note="w")],
        "words": ["y"],
        "flag": True,
    }


def test_a_live_value_of_another_shape_is_replaced() -> None:
    """Nothing can be merged into it."""
    want = {"parts": [part("a")], "inner": {"text": "x"}, "words": ["a"], "map": {"a": "b"}}
    assert properties(want, {"parts": "odd", "inner": 7, "words": {"a": 1}, "map": []}) == want
    assert properties({"text": "x"}, {"parts": "odd", "inner": [1]}) == {"text": "x", "parts": "odd", "inner": [1]}


def test_tags_are_merged_without_case() -> None:
    """The stated name takes the place of the live one; foreign tags stay."""
    made = body({"tags": {"TEAM": "b"}}, {"tags": {"Team": "a", "zone": "z"}})
    assert made == {"tags": {"zone": "z", "TEAM": "b"}}


@pytest.mark.parametrize("live", [None, {"tags": {"Reconciler-Digest": "old", "RECONCILER-COMMIT": "old", "a": "1"}}])
def test_tracking_tags_are_stamped(live: dict[str, Any] | None) -> None:
    """They replace the recorded tags, in any case, and keep the tags of other clients; null tags are accepted."""
    tracking = Tracking(project="shop", commit="c")
    want = {"tags": None, "properties": {"content": "x"}} if live is None else {"properties": {"content": "x"}}
    made = body(want, live, tracking=tracking)
    stamp = {"reconciler-digest": desired(want).digest, "reconciler-project": "shop", "reconciler-commit": "c"}
    assert made["tags"] == ({"a": "1", **stamp} if live else stamp)


def test_what_was_recorded_of_an_earlier_put_does_not_outlive_it() -> None:
    """Neither its commit nor its digest, in any case; the owner stays, and so do tags under another prefix."""
    recorded = {"Reconciler-Commit": "old", "RECONCILER-DIGEST": "v1-old", "reconciler-project": "shop"}
    live = {"tags": {**recorded, "other-commit": "c"}, "properties": {"text": "a"}}
    want = {"properties": {"text": "b"}}
    kept = {"reconciler-project": "shop", "other-commit": "c"}
    assert body(want, live, tracking=Tracking())["tags"] == kept
    assert body(want, live, tracking=Tracking(project="shop"))["tags"] == kept
    assert body(want, live)["tags"] == live["tags"]
    assert body(want, {"tags": {"reconciler-commit": "c"}}, tracking=Tracking())["tags"] == {}
    assert "tags" not in body(want, {}, tracking=Tracking())


@pytest.mark.parametrize("odd", [["a"], "a", 7])
def test_odd_tags_are_none(odd: Any) -> None:
    """A live body may hold anything; it ends no run."""
    made = body({"properties": {"text": "b"}}, {"tags": odd}, tracking=Tracking(project="shop"))
    assert made["tags"] == {"reconciler-project": "shop"}


def test_without_tracking_recorded_tags_are_carried() -> None:
    """A PUT without tracking keeps live tags with the reconciler's prefix, as it keeps those of other clients."""
    made = body({"properties": {"text": "b"}}, {"tags": {"reconciler-digest": "x"}, "properties": {"text": "a"}})
    assert made["tags"] == {"reconciler-digest": "x"}


def test_write_only_content_is_sent_again_and_never_mixed_with_the_live_one() -> None:
    """Azure keeps none of what a replacing PUT leaves out; where a service does answer it, only the stated one goes."""
    assert properties({"text": "b", "content": "x"}, {"text": "a", "package": "https://h/p"}) == {
        "text": "b",
        "content": "x",
    }
    assert properties({"text": "b"}, {"text": "a", "package": "https://h/p?sig=s"}) == {
        "text": "b",
        "package": "https://h/p?sig=s",
    }


@pytest.mark.parametrize(
    ("stated", "live", "sent"),
    [
        ("https://h/p.zip", "https://h/p.zip?sig=live", "https://h/p.zip?sig=live"),
        ("https://h/p.zip", "https://H:443/p.zip?sig=live", "https://H:443/p.zip?sig=live"),
        ("https://h/p.zip?sig=mine", "https://h/p.zip?sig=live", "https://h/p.zip?sig=mine"),
        ("https://h/p.zip", "https://h/other.zip?sig=live", "https://h/p.zip"),
        ("https://h/p.zip", "https://h/P.zip?sig=live", "https://h/p.zip"),
        ("https://h/p.zip", "https://h/p.zip", "https://h/p.zip"),
        ("https://h/p.zip", None, "https://h/p.zip"),
    ],
)
def test_a_blob_link_keeps_the_query_that_still_reads_it(stated: str, live: str | None, sent: str) -> None:
    """The manifest's own query, else that of the live link to the same blob, else none."""
    assert properties({"text": "b", "link": stated}, {"text": "a", "link": live})["link"] == sent


@pytest.mark.parametrize(
    ("stated", "sent"),
    [
        ("https://h/x", "https://h/x?code=live"),
        ("https://H:443/x", "https://h/x?code=live"),
        ("https://h/y", "https://h/y"),
        ("https://h/x?code=own", "https://h/x?code=own"),
        ("https://h/x?", "https://h/x?code=live"),
    ],
)
def test_a_webhook_without_its_query_keeps_the_secret_of_the_live_one(stated: str, sent: str) -> None:
    """Where it is the same address; one that declares a query of its own, or another address, is sent as declared."""
    assert properties({"hook": stated}, {"hook": "https://h/x?code=live"})["hook"] == sent


@pytest.mark.parametrize(
    ("want", "have", "ignore", "expected"),
    [
        ({"text": "b"}, {"text": "a"}, "properties.text", {"text": "a"}),
        ({"text": "b"}, {}, "properties.text", {}),
        ({"text": None}, {"text": "a"}, "properties.text", {"text": "a"}),
        ({}, {"size": "big"}, "properties.size", {"size": "big"}),
        ({}, {"text": "a"}, "properties.text", {"text": "a"}),
        ({"inner": {"text": "b"}}, {}, "properties.inner", {}),
        ({"inner": {"text": "b", "other": "c"}}, {}, "properties.inner.text", {"inner": {"other": "c"}}),
        ({"inner": None}, {"inner": {"text": "a"}}, "properties.inner", {"inner": {"text": "a"}}),
        ({"words": ["b"]}, {"words": ["a"]}, "properties.words", {"words": ["a"]}),
        ({"words": ["b"]}, {"words": ["a"]}, 'properties.words["a"]', {"words": ["b", "a"]}),
        (
            {"parts": [part("a", note="x"), part("new")]},
            {"parts": [part("a", note="y"), part("old", note="z")]},
            "properties.parts",
            {"parts": [part("a", note="y"), part("old", note="z")]},
        ),
        (
            {"parts": [part("a", note="x")]},
            {"parts": [part("a")]},
            "properties.parts[*].note",
            {"parts": [part("a")]},
        ),
        ({"steps": ["a", "b", "c"]}, {"steps": ["a"]}, "properties.steps", {"steps": ["a"]}),
        ({"steps": ["a"]}, {"steps": ["a", "b", "c"]}, "properties.steps", {"steps": ["a", "b", "c"]}),
        ({"steps": ["a", "b"]}, {"steps": ["c", "d"]}, "properties.steps", {"steps": ["c", "d"]}),
        ({"steps": ["a", "b"]}, {"steps": ["c", "d"]}, "properties.steps[1]", {"steps": ["a", "d"]}),
        ({"map": {"a": "1", "b": "2"}}, {"map": {"a": "9"}}, "properties.map.*", {"map": {"a": "9"}}),
        ({"content": "x"}, {}, "properties.content", {"content": "x"}),
        ({"package": "https://h/p"}, {}, "properties.package", {"package": "https://h/p"}),
        ({"code": "mine"}, {"code": "theirs"}, "properties.code", {"code": "theirs"}),
    ],
)
@pytest.mark.parametrize("kind", [WIDGET, MERGING])
def test_what_is_ignored_keeps_its_live_value(
    kind: Kind, want: dict[str, Any], have: dict[str, Any], ignore: str, expected: dict[str, Any]
) -> None:
    """Absent stays absent; only what cannot be read back is sent as stated."""
    assert properties({"any": 2, **want}, {"any": 1, **have}, kind, ignore) == {"any": 2, **expected}


def test_of_what_is_ignored_only_what_a_put_carries_is_kept() -> None:
    """Read-only values and nulls are no part of a PUT, wherever a rule points."""
    item = minimal("Gallery", description="new", sharingProfile={"permissions": "Community"})
    live = {
        "properties": {
            "sharingProfile": {
                "permissions": "Groups",
                "groups": [{"type": "Subscriptions", "ids": ["x"]}],
                "communityGalleryInfo": {"publisherUri": "https://h", "eula": None, "publicNames": ["n"]},
            }
        }
    }
    comparison = compare(item, live, PLAIN, (IgnoreRule("properties.sharingProfile", "theirs"),))
    assert put_body(item, live, comparison, PLAIN)["properties"]["sharingProfile"] == {
        "permissions": "Groups",
        "communityGalleryInfo": {"publisherUri": "https://h"},
    }
    have = {"inner": {"text": None, "other": "o"}, "picked": "p", "parts": [part("a", picked="q", note=None)]}
    want = {"inner": None, "picked": "mine", "text": "x", "parts": [part("b")]}
    assert properties(want, {**have, "text": None}, WIDGET, "properties") == {
        "inner": {"other": "o"},
        "picked": "p",
        "parts": [part("a")],
    }


def test_an_ignored_value_below_what_is_not_there_stays_away() -> None:
    """There is no place to remove it from."""
    item = widget(text="b")
    comparison = replace(Comparison(), ignored=(("properties", "inner", "text"), ("properties", "parts", "x", "note")))
    live = {"properties": {"text": "a"}}
    assert put_body(item, live, comparison, PLAIN) == {"properties": {"text": "b"}}


def test_an_ignored_value_that_neither_side_has_is_no_hindrance() -> None:
    """A rule may speak of anything."""
    item = widget(words=["a"])
    comparison = replace(Comparison(), ignored=(("properties", "words", '"x"'), ("properties", "region")))
    assert put_body(item, {"properties": {}}, comparison, PLAIN) == {"properties": {"words": ["a"]}}


@pytest.mark.parametrize("name", list(KINDS))
def test_what_was_put_is_in_sync(name: str) -> None:
    """A service that keeps the body of a PUT answers what compares equal to the manifest."""
    item = minimal(name)
    stored = put_body(item, None, Comparison(), Tracking(project="p"))
    assert compare(item, stored, Tracking(project="p")).fields == ()
    again = put_body(item, stored, compare(item, stored, Tracking(project="p")), Tracking(project="p"))
    assert reveal(again) == reveal(stored)
