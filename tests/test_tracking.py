"""What is remembered in tags: the digest of what cannot be read, the owner, the commit."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from reconciler.tracking import Tracking, content_digest
from tests.synthetic import KINDS, WIDGET, desired, widget

DEFINITION = KINDS["ApplicationDefinition"]
OURS = Tracking(project="shop", commit="0a1b")
DIGEST = "v1-" + "0" * 64


@pytest.mark.parametrize(
    ("live", "digest", "owner"),
    [
        ({"tags": {"reconciler-digest": DIGEST, "reconciler-project": "shop"}}, DIGEST, "shop"),
        ({"tags": {"RECONCILER-Digest": DIGEST, "Reconciler-PROJECT": "Shop"}}, DIGEST, "Shop"),
        ({"tags": {"reconciler-digest": None, "reconciler-project": 1}}, None, None),
        ({"tags": {"other-digest": DIGEST}}, None, None),
        ({"tags": {}}, None, None),
        ({"tags": None}, None, None),
        ({"tags": "odd"}, None, None),
        ({}, None, None),
    ],
)
def test_tags_are_read_without_case(live: dict[str, Any], digest: str | None, owner: str | None) -> None:
    """Azure may answer the names of tags in another case; what is no text is no record."""
    assert (OURS.digest_of(live), OURS.owner_of(live)) == (digest, owner)


@pytest.mark.parametrize(
    ("tracking", "owner", "foreign"),
    [
        (OURS, "shop", False),
        (OURS, "Shop", True),
        (OURS, "other", True),
        (OURS, None, False),
        (Tracking(), "other", False),
        (Tracking(project="shop", tags=False), "other", True),
    ],
)
def test_a_resource_of_another_project_is_foreign(tracking: Tracking, owner: str | None, *, foreign: bool) -> None:
    """Values of tags have case; without a project file nothing is foreign; nobody's resource is not foreign."""
    assert tracking.is_foreign({"tags": {"reconciler-project": owner} if owner else {}}) is foreign


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("reconciler-digest", True),
        ("RECONCILER-x", True),
        ("reconciler-", True),
        ("reconciler", False),
        ("reconcilers-x", False),
        ("my-reconciler-x", False),
    ],
)
def test_names_with_the_prefix_are_the_reconcilers(name: str, *, own: bool) -> None:
    """Whatever follows the hyphen, in any case."""
    assert Tracking().is_own_name(name) is own
    assert Tracking(prefix="Reconciler").is_own_name(name) is own


@pytest.mark.parametrize("live", [{}, {"tags": None}, {"tags": {"a": "1"}}, {"tags": "odd"}])
def test_a_body_without_tracking_tags_is_left_as_it_is(live: dict[str, Any]) -> None:
    """Not even copied."""
    assert OURS.without_tags(live) is live


def test_tracking_tags_are_taken_out() -> None:
    """All with the prefix, those of other tools stay, and the body is not touched."""
    live = {"a": 1, "tags": {"Reconciler-Digest": DIGEST, "reconciler-old": "x", "team": "y"}}
    assert OURS.without_tags(live) == {"a": 1, "tags": {"team": "y"}}
    assert len(live["tags"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tracking", "tags"),
    [
        (Tracking(), {"reconciler-digest": "D"}),
        (OURS, {"reconciler-digest": "D", "reconciler-project": "shop", "reconciler-commit": "0a1b"}),
        (Tracking(prefix="acme", commit="c"), {"acme-digest": "D", "acme-commit": "c"}),
        (Tracking(tags=False, project="shop", commit="c"), {}),
    ],
)
def test_a_put_is_stamped(tracking: Tracking, tags: dict[str, str]) -> None:
    """Digest, project and commit, as far as they are known; nothing where tracking is off."""
    item = widget(content="x")
    assert tracking.stamp(item) == {name: item.digest if value == "D" else value for name, value in tags.items()}


def test_a_resource_without_write_only_content_has_no_digest() -> None:
    """Only kinds with such fields carry one, and only where they are stated."""
    assert widget(text="x").digest is None
    assert widget(content=None).digest is None
    assert Tracking().stamp(widget(text="x")) == {}
    assert content_digest(KINDS["Gallery"], {"properties": {"description": "x"}}, "0" * 64) is None


def digest(package_sha256: str | None = None, **properties: Any) -> str | None:
    """Give the digest of a definition's content."""
    return content_digest(DEFINITION, {"properties": properties}, package_sha256)


def test_trap_write_only_the_digest_is_the_one_of_the_contract() -> None:
    """``v1-`` and the SHA-256 of the canonical JSON of the write-only fields by path."""
    canonical = '{"properties.createUiDefinition":{},"properties.mainTemplate":{"a":1,"b":"é"}}'
    expected = "v1-" + hashlib.sha256(canonical.encode()).hexdigest()
    assert digest(mainTemplate={"b": "é", "a": 1}, createUiDefinition={}) == expected
    with_package = '{"package-sha256":"abc","properties.packageFileUri":"https://h/p.zip"}'
    expected = "v1-" + hashlib.sha256(with_package.encode()).hexdigest()
    assert digest("ABC", packageFileUri="https://h/p.zip") == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"mainTemplate": {"a": 1, "b": 2}}, {"mainTemplate": {"b": 2, "a": 1}}),
        ({"mainTemplate": {"a": 1}}, {"mainTemplate": ' { "a" : 1 } '}),
        ({"mainTemplate": {"a": 1}}, {"mainTemplate": '\ufeff{"a":1}', "packageFileUri": None}),
        ({"packageFileUri": "https://h/p.zip"}, {"packageFileUri": "https://H:443/p.zip?sv=1&sig=x"}),
        ({"packageFileUri": "https://h/p.zip"}, {"packageFileUri": "https://h/p.zip", "displayName": "other"}),
    ],
)
def test_what_means_the_same_has_one_digest(left: dict[str, Any], right: dict[str, Any]) -> None:
    """Order, spaces, text or object, signatures and everything that can be read back do not count."""
    assert digest(**left) == digest(**right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"mainTemplate": {"a": 1}}, {"mainTemplate": {"a": 1.0}}),
        ({"mainTemplate": {"a": 1}}, {"mainTemplate": {"a": True}}),
        ({"mainTemplate": {"a": 1}}, {"mainTemplate": {"a": "1"}}),
        ({"mainTemplate": {"a": None}}, {"mainTemplate": {}}),
        ({"mainTemplate": {"a": 2**63}}, {"mainTemplate": {"a": 2**63 + 1}}),
        ({"mainTemplate": {}}, {"createUiDefinition": {}}),
        ({"packageFileUri": "https://h/p.zip"}, {"packageFileUri": "https://h/P.zip"}),
        ({"packageFileUri": "https://h/p.zip"}, {"packageFileUri": "https://h/p.zip", "package_sha256": "a" * 64}),
        (
            {"packageFileUri": "https://h/p.zip", "package_sha256": "b" * 64},
            {"packageFileUri": "https://h/p.zip", "package_sha256": "a" * 64},
        ),
    ],
)
def test_what_differs_has_another_digest(left: dict[str, Any], right: dict[str, Any]) -> None:
    """To the type of a number; a new package under an old link too."""
    assert digest(**left) != digest(**right)


def test_a_digest_can_be_made_of_any_text() -> None:
    """A lone surrogate is no crash."""
    assert content_digest(WIDGET, {"properties": {"content": "\ud800"}}, None) is not None


def test_the_annotation_takes_part_in_the_digest() -> None:
    """The manifest's own checksum, in any case."""
    body = {"properties": {"content": "x"}}
    plain, upper, lower = desired(body), desired(body, package_sha256="A" * 64), desired(body, package_sha256="a" * 64)
    assert plain.digest != upper.digest
    assert upper.digest == lower.digest
