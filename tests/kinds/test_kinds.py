"""A kind is data: its URLs and the rules of its body come out of its schema."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import packaged as shipped
from reconciler.kinds.kind import compile_kind
from reconciler.kinds.packaged import packaged, schema_files
from reconciler.secret.text import Secret, SecretUrl, reveal
from reconciler.values import MISSING
from tests.kit.synthetic import IDENTITY, KINDS, MERGING, NAMES, WIDGET, schema

if TYPE_CHECKING:
    from reconciler.kinds.rules import Rule

VERSION = KINDS["GalleryApplicationVersion"]
DEFINITION = KINDS["ApplicationDefinition"]
GROUP = "/subscriptions/01523d7c-60da-455e-adef-521b547922c4/resourceGroups/rg/providers"
GALLERY = f"{GROUP}/Microsoft.Compute/galleries/gallery"

IDS = {
    "ApplicationDefinition": f"{GROUP}/Microsoft.Solutions/applicationDefinitions/definition",
    "Gallery": GALLERY,
    "GalleryApplication": f"{GALLERY}/applications/agent",
    "GalleryApplicationVersion": f"{GALLERY}/applications/agent/versions/1.0.0",
}


def test_the_kinds_are_those_of_the_contract() -> None:
    """Names, types and api-versions, in alphabetical order."""
    assert [(kind.name, kind.resource_type, kind.api_version) for kind in packaged().kinds.values()] == [
        ("ApplicationDefinition", "Microsoft.Solutions/applicationDefinitions", "2019-07-01"),
        ("Gallery", "Microsoft.Compute/galleries", "2022-03-03"),
        ("GalleryApplication", "Microsoft.Compute/galleries/applications", "2022-03-03"),
        ("GalleryApplicationVersion", "Microsoft.Compute/galleries/applications/versions", "2022-03-03"),
        ("GalleryScript", "Microsoft.Compute/galleries/scripts", "2025-03-03"),
        ("GalleryScriptVersion", "Microsoft.Compute/galleries/scripts/versions", "2025-03-03"),
    ]
    assert packaged().kinds is packaged().kinds


@pytest.mark.parametrize("name", IDS)
def test_ids_are_built_and_taken_apart(name: str) -> None:
    """Building and parsing are each other's reverse; ids have no case."""
    kind = KINDS[name]
    assert kind.resource_id(IDENTITY[name]) == IDS[name]
    assert kind.parse_id(IDS[name]) == IDENTITY[name]
    parsed = kind.parse_id(IDS[name].upper())
    assert parsed == {key: value.upper() for key, value in IDENTITY[name].items()}
    assert kind.parameters == tuple(IDENTITY[name])


@pytest.mark.parametrize("other", ["", "/", GALLERY + "/", GALLERY + "/applications", GALLERY[1:], "/x" + GALLERY])
def test_other_ids_are_none_of_the_kind(other: str) -> None:
    """Neither a part of an id nor more than one is an id."""
    assert KINDS["Gallery"].parse_id(other) is None


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("Gallery", None),
        ("GalleryApplication", IDS["Gallery"]),
        ("GalleryApplicationVersion", IDS["GalleryApplication"]),
        ("ApplicationDefinition", None),
    ],
)
def test_a_parent_is_known_by_its_id(name: str, parent: str | None) -> None:
    """A child's id begins with its parent's."""
    assert KINDS[name].parent_id(IDENTITY[name]) == parent


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Gallery", None),
        ("GalleryApplication", f"{GALLERY}/applications"),
        ("GalleryApplicationVersion", f"{GALLERY}/applications/agent/versions"),
        ("ApplicationDefinition", f"{GROUP}/Microsoft.Solutions/applicationDefinitions"),
    ],
)
def test_reads_are_lists_by_parent_save_those_of_galleries(name: str, path: str | None) -> None:
    """Definitions are listed by resource group; a gallery is read by itself."""
    assert KINDS[name].list_path(IDENTITY[name]) == path


def test_versions_share_the_slot_of_their_application() -> None:
    """ARM allows one writer for an application and its versions; the slot has no case."""
    slot = "01523d7c-60da-455e-adef-521b547922c4/rg/gallery/agent"
    upper = {key: value.upper() for key, value in IDENTITY["GalleryApplicationVersion"].items()}
    assert VERSION.writer_slot(IDENTITY["GalleryApplicationVersion"]) == slot
    assert VERSION.writer_slot(upper) == slot
    assert KINDS["GalleryApplication"].writer_slot(IDENTITY["GalleryApplication"]) == slot


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a?b", "a#b", "%2e%2e", "a\r\nb", "user@host", "..", ".", "a\\b", " ", "é", "\ud800x"[1:]]
)
def test_no_name_changes_the_shape_of_the_path(name: str) -> None:
    """Characters of a name that would lead elsewhere are percent-encoded, and decode to the same name."""
    built = WIDGET.resource_id({**NAMES, "widgetName": name})
    prefix, _, last = built.rpartition("/")
    assert prefix == "/subscriptions/s/resourceGroups/g/providers/Acme.Widgets/widgets"
    assert re.fullmatch(r"[A-Za-z0-9%_.~()-]+", last)
    assert unquote(last) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_gives_the_same_number_of_segments(name: str) -> None:
    """The built path always has the number of segments that the template has."""
    built = WIDGET.resource_id({**NAMES, "widgetName": name})
    assert built.count("/") == WIDGET.id_template.count("/")
    assert not set("?#\r\n\\") & set(built)


def test_parentheses_of_resource_groups_stay() -> None:
    """They are allowed in names, and ARM answers them unescaped."""
    assert WIDGET.resource_id({**NAMES, "resourceGroupName": "a(b)"}).split("/")[4] == "a(b)"


def test_secrets_of_a_body_are_sealed() -> None:
    """Links and texts that may hold secrets, in lists too; what is no text, or absent, stays, and so does *body*."""
    kind = compile_kind(
        schema(
            "Sealed",
            code={"type": "string", "x-ms-secret": True},
            list={"type": "array", "items": {"properties": {"uri": {"x-ms-secret": True}}}},
            map={"additionalProperties": {"x-ms-secret": True}},
        )
    )
    body: dict[str, Any] = {
        "location": "here",
        "properties": {
            "code": "CANARY",
            "list": [{"uri": "https://h/p?sig=CANARY"}, {"other": 1}, "odd"],
            "map": {"a": "CANARY", "b": None},
        },
    }
    before = copy.deepcopy(body)
    sealed = kind.seal(body)
    assert sealed == {
        "location": "here",
        "properties": {
            "code": Secret("CANARY"),
            "list": [{"uri": SecretUrl("https://h/p?sig=CANARY")}, {"other": 1}, Secret("odd")],
            "map": {"a": Secret("CANARY"), "b": None},
        },
    }
    assert isinstance(sealed["properties"]["list"][0]["uri"], SecretUrl)
    assert "CANARY" not in repr(sealed)
    assert body == before
    assert kind.seal(sealed) == sealed


@pytest.mark.parametrize("body", [{}, {"properties": None}, {"properties": {"code": None, "list": 1, "map": True}}])
def test_a_body_of_another_shape_is_sealed_as_far_as_it_goes(body: dict[str, Any]) -> None:
    """Azure may answer anything."""
    kind = compile_kind(
        schema(
            "Odd",
            code={"x-ms-secret": True},
            list={"type": "array", "items": {"x-ms-secret": True}},
            map={"additionalProperties": {"properties": {"a": {"x-ms-secret": True}}}},
        )
    )
    assert kind.seal(body) == body


LIVE = "https://h.example/p?code=CANARY"


def _endpoints(value: Any) -> dict[str, Any]:
    return {"properties": {"notificationPolicy": {"notificationEndpoints": value}}}


@pytest.mark.parametrize(
    "body",
    [
        {"callback": LIVE},
        {"properties": {"callback": LIVE}},
        {"properties": {"more": [{"deep": {"callback": LIVE}}]}},
        {"properties": {"callback": "https://user:CANARY@h.example/p"}},
        {"properties": LIVE},
        {"properties": "CANARY"},
        {"properties": {"packageFileUri": {"href": "CANARY", "more": ["CANARY", None, 1]}}},
        {"properties": {"notificationPolicy": "CANARY"}},
        _endpoints([LIVE]),
        _endpoints(LIVE),
        _endpoints({"uri": "CANARY"}),
        _endpoints([["CANARY"]]),
        _endpoints([{"URI": LIVE}]),
        _endpoints([{"uri": "CANARY", "more": {"uri": LIVE}}]),
    ],
    ids=str,
)
def test_a_secret_where_the_schema_knows_none_is_sealed(body: dict[str, Any]) -> None:
    """Links that may be private at unknown places, and every text where a secret's place has another shape."""
    sealed = KINDS["ApplicationDefinition"].seal(body)
    assert "CANARY" not in repr(sealed)
    assert reveal(sealed) == body


@pytest.mark.parametrize(
    "body",
    [
        {"managedBy": "text", "tags": {"runbook": "https://h.example/p?page=1"}},
        {"properties": {"unknown": "https://h.example/p", "more": ["Which? https://h.example", "a@b", 1]}},
        {"properties": {"description": "https://h.example/p?page=1"}},
    ],
    ids=str,
)
def test_what_is_no_secret_is_not_sealed(body: dict[str, Any]) -> None:
    """A body without secret fields, and with no query in its unknown texts and links, is not even copied."""
    assert KINDS["ApplicationDefinition"].seal(body) is body


def test_links_to_blobs_are_changed_where_they_are() -> None:
    """Only links to blobs, only where one is stated."""
    link = SecretUrl("https://h/p.zip")
    body = {"properties": {"link": link, "package": None, "hook": SecretUrl("https://h/x")}}
    changed = WIDGET.map_links(body, lambda found: found.with_query(Secret("sig=x")))
    assert {name: value and value.reveal() for name, value in changed["properties"].items()} == {
        "link": "https://h/p.zip?sig=x",
        "package": None,
        "hook": "https://h/x",
    }
    assert body["properties"]["link"] is link


def test_links_to_blobs_are_found_wherever_they_are() -> None:
    """Those in lists too, each with the most bytes that Azure takes of it; what is no link is passed over."""
    kind = KINDS["ApplicationDefinition"]
    stated = {"packageFileUri": "https://h/p.zip", "artifacts": [{"uri": "https://h/a.json"}, {"uri": 1}, "x"]}
    assert kind.links_in(kind.seal({"properties": stated})) == (
        (SecretUrl("https://h/p.zip"), None),
        (SecretUrl("https://h/a.json"), None),
    )
    assert kind.links_in({"properties": {"artifacts": "text"}}) == ()
    version = KINDS["GalleryApplicationVersion"]
    source = {"mediaLink": "https://h/p.zip", "defaultConfigurationLink": None}
    assert version.links_in(version.seal({"properties": {"publishingProfile": {"source": source}}})) == (
        (SecretUrl("https://h/p.zip"), 2 * 1024**3),
    )


def test_what_every_answer_has_is_never_compared() -> None:
    """Id, name, type, systemData and etag are the server's, whether the schema names them or not."""
    for kind in (WIDGET, MERGING, *KINDS.values()):
        for name in ("id", "name", "type", "systemData", "etag"):
            assert kind.rules.properties[name].read_only, (kind.name, name)


def test_tag_names_have_no_case() -> None:
    """Of every kind, and of no other map."""
    for kind in (WIDGET, *KINDS.values()):
        assert kind.rules.properties["tags"].fold_keys
    assert not WIDGET.rules.properties["properties"].properties["map"].fold_keys


def test_trap_put_may_merge_or_replace() -> None:
    """Under a merging PUT a scalar that is left out stays, so it cannot be cleared; under a replacing one it goes."""
    text = ("properties", "text")
    assert _rule(WIDGET.rules, *text).clearable
    assert not _rule(MERGING.rules, *text).clearable
    assert _rule(MERGING.rules, "tags").clearable
    assert {name: kind.put for name, kind in KINDS.items()} == {
        "ApplicationDefinition": "replace",
        "Gallery": "merge",
        "GalleryApplication": "merge",
        "GalleryApplicationVersion": "merge",
        "GalleryScript": "merge",
        "GalleryScriptVersion": "merge",
    }


def test_write_only_fields_are_those_of_definitions() -> None:
    """No other kind keeps anything from its readers."""
    assert {name: [path[-1] for path in kind.write_only_paths] for name, kind in KINDS.items()} == {
        "ApplicationDefinition": ["packageFileUri", "mainTemplate", "createUiDefinition"],
        "Gallery": [],
        "GalleryApplication": [],
        "GalleryApplicationVersion": [],
        "GalleryScript": [],
        "GalleryScriptVersion": [],
    }


@pytest.mark.parametrize(
    "path",
    [
        "location",
        "properties.publishingProfile.source.mediaLink",
        "properties.publishingProfile.source.defaultConfigurationLink",
        "properties.publishingProfile.manageActions.install",
        "properties.publishingProfile.manageActions.remove",
        "properties.publishingProfile.manageActions.update",
        "properties.publishingProfile.settings.packageFileName",
        "properties.publishingProfile.settings.configFileName",
        "properties.publishingProfile.storageAccountType",
        "properties.publishingProfile.replicationMode",
        "properties.publishingProfile.targetRegions.*.storageAccountType",
    ],
)
def test_most_of_a_version_is_frozen_at_birth(path: str) -> None:
    """The fields that Microsoft's page on VM applications and azurerm name as immutable after creation."""
    rule = VERSION.rules
    for step in path.split("."):
        child = rule.child(step)
        assert child is not None
        rule = child
    assert rule.frozen


def test_the_schema_of_the_body_has_no_uri_parameters() -> None:
    """A fake ARM checks bodies by it."""
    body = VERSION.body_schema()
    assert set(body["properties"]) == {"location", "tags", "properties", "id", "name", "type", "systemData"}
    assert body["required"] == ["location", "properties"]
    assert body["$schema"] == VERSION.schema["$schema"]
    assert "customAction" in body["$defs"]
    assert "galleryName" in VERSION.schema["properties"]["spec"]["properties"]


@pytest.mark.parametrize("key", ["type", "apiVersion", "id", "read", "put", "operation", "writer"])
def test_an_incomplete_kind_is_refused(key: str) -> None:
    """A forgotten annotation is an error at start, not a guess."""
    made = schema("Incomplete")
    del made["x-arm"][key]
    with pytest.raises(KeyError, match=key):
        compile_kind(made)


def test_what_a_kind_may_leave_out() -> None:
    """Parent, lists, health, systemData and a page to read."""
    made = schema("Small")
    made["x-arm"] = {key: value for key, value in made["x-arm"].items() if key != "lists"}
    kind = compile_kind(made)
    assert (kind.parent, kind.health, kind.system_data, kind.docs, kind.lists) == (None, None, None, None, {})
    assert kind.list_path(NAMES) is None


def test_schemas_come_from_the_package_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel holds its own; a checkout has them beside the package."""
    assert schema_files()[0].parent == Path(shipped.__file__).parent.parent.parent / "schemas"
    (tmp_path / "Z.schema.json").touch()
    (tmp_path / "A.schema.json").touch()
    (tmp_path / "other.json").touch()
    monkeypatch.setattr(shipped, "_PACKAGED", tmp_path)
    assert [path.name for path in schema_files()] == ["A.schema.json", "Z.schema.json"]


def test_the_project_file_has_a_schema_of_its_own() -> None:
    """It is no kind."""
    assert packaged().documents["Project"]["title"] == "Project"
    assert "Project" not in KINDS


def _rule(rule: Rule, *path: str) -> Rule:
    for step in path:
        rule = rule.properties[step]
    assert rule.default is MISSING
    return rule
