"""The values recorded in tags: the digest of write-only content, the owner, the commit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from reconciler.kinds.content import content_digest
from reconciler.kinds.tracking import Tracking
from tests.kit.synthetic import KINDS, WIDGET, desired, widget

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
    """Values of tags are case-sensitive; without a project file, or without the tag, no resource is foreign."""
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
    """Every name that begins with the prefix and a hyphen, in any case."""
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
    """Return the text that records a definition's content."""
    content = content_digest(DEFINITION, {"properties": properties}, package_sha256)
    return content.tag if content is not None else None


def sha256(canonical: str) -> str:
    """Return the part of a SHA-256 that is recorded."""
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def test_trap_write_only_the_digest_is_the_one_of_the_contract() -> None:
    """``v2``, and for each write-only field the SHA-256 of its canonical JSON, in the order of the schema."""
    template, form = sha256('{"a":1,"b":"é"}'), sha256("{}")
    expected = f"v2 mainTemplate={template} createUiDefinition={form}"
    assert digest(createUiDefinition={}, mainTemplate={"b": "é", "a": 1}) == expected
    package = sha256('"https://h/p.zip"')
    assert digest(packageFileUri="https://h/p.zip") == f"v2 packageFileUri={package}"
    expected = f"v2 packageFileUri={package} package-sha256={'ab' * 16}"
    assert digest("AB" * 32, packageFileUri="https://h/p.zip") == expected


def test_the_former_digest_is_known_of_the_same_content() -> None:
    """``v1-`` and the SHA-256 of all fields together, by path."""
    canonical = '{"properties.createUiDefinition":{},"properties.mainTemplate":{"a":1,"metadata":{"_generator":{}}}}'
    template = {"metadata": {"_generator": {}}, "a": 1}
    found = content_digest(DEFINITION, {"properties": {"mainTemplate": template, "createUiDefinition": {}}}, None)
    assert found is not None
    assert found.legacy == "v1-" + hashlib.sha256(canonical.encode()).hexdigest()
    assert found.moved(found.legacy) == frozenset()
    assert found.moved("v1-" + "0" * 64) == frozenset({"mainTemplate", "createUiDefinition"})


def test_every_field_and_a_checksum_fit_into_a_tag() -> None:
    """Azure keeps 256 characters in the value of a tag."""
    for kind in KINDS.values():
        properties = {path[-1]: "x" for path in kind.write_only_paths}
        content = content_digest(kind, {"properties": properties}, "a" * 64)
        assert content is None or (set(content.fields) == set(properties) and len(content.tag) <= 256)


def test_the_stamps_of_a_compiler_do_not_count() -> None:
    """``metadata._generator`` at any depth, and nothing else that is called so."""

    def template(version: str, name: str = "_generator", deep: int = 100) -> dict[str, Any]:
        inner: dict[str, Any] = {"metadata": {name: {"version": version}, "kept": 1}}
        for _ in range(deep):
            inner = {"resources": [{"properties": {"template": inner}}]}
        return {"metadata": {"_generator": {"version": version}}, **inner}

    assert digest(mainTemplate=template("1")) == digest(mainTemplate=json.dumps(template("2")))
    assert digest(mainTemplate=template("1")) != digest(mainTemplate=template("1", deep=99))
    assert digest(mainTemplate={"a": [{"metadata": {"_generator": {}}}]}) == digest(mainTemplate={"a": [{}]})
    assert digest(mainTemplate={"metadata": {}}) != digest(mainTemplate={})
    assert digest(mainTemplate=template("1", "generator")) != digest(mainTemplate=template("2", "generator"))
    assert digest(mainTemplate={"_generator": 1}) != digest(mainTemplate={"_generator": 2})
    assert digest(mainTemplate={"metadata": "_generator"}) != digest(mainTemplate={"metadata": {}})


@pytest.mark.parametrize(
    "recorded",
    [
        "v2",
        "v2 ",
        "v2 a",
        f"v2 content={'0' * 31}",
        f"v2 content={'G' * 32}",
        f"v2  content={'0' * 32}",
        f"v2 content={'0' * 32} ",
        f"v2 content={'0' * 32} content={'1' * 32}",
        f"v3 content={'0' * 32}",
        "v1-",
    ],
)
def test_what_is_no_digest_tells_nothing(recorded: str) -> None:
    """A tag that another client wrote or truncated does not show whether the content changed."""
    content = widget(content="x").content
    assert content is not None
    assert content.moved(recorded) is None
    assert content.moved(None) is None


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
    assert digest(mainTemplate={"a": "\ud800"}) is not None


def test_the_annotation_takes_part_in_the_digest() -> None:
    """The manifest's own checksum, in any case."""
    body = {"properties": {"content": "x"}}
    plain, upper, lower = desired(body), desired(body, package_sha256="A" * 64), desired(body, package_sha256="a" * 64)
    assert plain.digest != upper.digest
    assert upper.digest == lower.digest
