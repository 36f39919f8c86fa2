"""What holds for every manifest of a repository: defaults, overlays, ignore rules."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import (
    Environment,
    IgnoreRule,
    Limits,
    Project,
    StorageRule,
    Writing,
    lay_under,
    merge_patch,
    parse_project,
)
from reconciler.problems import Document, Layer
from tests.kit.stages import render
from tests.kit.synthetic import IDENTITY, KINDS, document, read, stated

HEAD = "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: shop}\n"


def test_a_project_file_without_a_spec_has_the_defaults() -> None:
    """Its name is what counts: it is written to a tag."""
    expected = Project(name="shop", tracking=Tracking(project="shop"))
    assert parse_project(read(HEAD)) == expected
    assert parse_project(read(HEAD + "spec: {}\n")) == expected
    assert (expected.tracking.tags, expected.tracking.prefix, expected.strict) == (True, "reconciler", False)
    assert Project().tracking.project is None


def test_every_key_of_a_project_file_is_read() -> None:
    """None is left without an effect."""
    text = f"""{HEAD}spec:
  defaults: {{location: West US}}
  environments:
    prod: {{defaults: {{tags: {{env: prod}}}}, overlay: prod}}
    test: {{}}
  ignore:
  - {{kind: Gallery, name: "g*", path: "tags.*", reason: theirs, expires: 2026-12-31}}
  - {{path: location, reason: ours}}
  tracking: {{tags: false, prefix: acme}}
  limits: {{maxPuts: 3, maxPutsPercent: 12.5}}
  storage:
  - {{prefix: "https://store.blob.core.windows.net/c/", sas: {{env: RECONCILER_SECRET_STORE}}}}
  - {{prefix: "https://other.blob.core.windows.net/", sas: userDelegation}}
  - {{prefix: "https://private.blob.core.windows.net/", access: galleryIdentity}}
  apiVersions: {{Gallery: 2024-03-03}}
  strict: true
"""
    assert parse_project(read(text)) == Project(
        name="shop",
        defaults={"location": "West US"},
        environments={"prod": Environment({"tags": {"env": "prod"}}, "prod"), "test": Environment()},
        ignore=(
            IgnoreRule("tags.*", "theirs", "Gallery", "g*", date(2026, 12, 31)),
            IgnoreRule("location", "ours"),
        ),
        tracking=Tracking(tags=False, prefix="acme", project="shop"),
        limits=Limits(3, 12.5),
        storage=(
            StorageRule("https://store.blob.core.windows.net/c/", "RECONCILER_SECRET_STORE"),
            StorageRule("https://other.blob.core.windows.net/"),
            StorageRule("https://private.blob.core.windows.net/", by_identity=True),
        ),
        api_versions={"Gallery": "2024-03-03"},
        strict=True,
    )


@pytest.mark.parametrize(
    ("rule", "covered"),
    [
        (IgnoreRule("x", "r"), True),
        (IgnoreRule("x", "r", kind="Gallery"), True),
        (IgnoreRule("x", "r", kind="gallery"), False),
        (IgnoreRule("x", "r", name="shop-*"), True),
        (IgnoreRule("x", "r", name="Shop-*"), False),
        (IgnoreRule("x", "r", name="shop"), False),
        (IgnoreRule("x", "r", kind="Gallery", name="shop-west"), True),
        (IgnoreRule("x", "r", kind="GalleryApplication", name="shop-west"), False),
    ],
)
def test_an_ignore_rule_covers_manifests_by_kind_and_name(rule: IgnoreRule, *, covered: bool) -> None:
    """Wildcards in names; both have case."""
    assert rule.covers("Gallery", "shop-west") is covered


def test_an_ignore_rule_holds_to_the_end_of_its_last_day() -> None:
    """From the next day on it hides nothing."""
    rules = (IgnoreRule("a", "r"), IgnoreRule("b", "r", expires=date(2026, 11, 21)))
    project = Project(ignore=rules)
    assert project.active_rules(date(2026, 11, 21)) == rules
    assert project.active_rules(date(2026, 11, 22)) == rules[:1]


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_are_those_of_rfc_7386(target: Any, patch: Any, expected: Any) -> None:
    """The examples of its appendix; neither argument is touched."""
    before = copy.deepcopy((target, patch))
    assert merge_patch(target, patch) == expected
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("defaults", "manifest", "expected"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": None}, {}),
        ({}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": None}, {}, {"a": None}),
        ({"a": None}, {"a": None}, {}),
    ],
)
def test_defaults_lie_under_the_manifest(
    defaults: dict[str, Any], manifest: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Objects merge deeply, lists replace whole, the manifest wins, null drops a default."""
    before = copy.deepcopy((defaults, manifest))
    assert lay_under(defaults, manifest) == expected
    assert (defaults, manifest) == before


def rendered(value: dict[str, Any], defaults: dict[str, Any], *overlay: Document) -> Any:
    """Return the spec of one document after rendering."""
    documents, problems = render([document(value)], overlay, defaults, KINDS)
    assert problems == ()
    return documents[0].value["spec"]


def test_defaults_go_where_the_kind_has_the_field() -> None:
    """URI parameters and body fields alike, to any depth; what a kind has not, or only the server sets, is left out."""
    defaults = {
        "resourceGroupName": "shared",
        "galleryApplicationName": "agent",
        "tags": {"team": "a"},
        "id": "/x",
        "nothing": 1,
        "properties": {
            "supportedOSType": "Linux",
            "provisioningState": "Succeeded",
            "sharingProfile": {"permissions": "Private", "groups": [], "unknown": 1},
            "softDeletePolicy": {"unknown": 1},
        },
    }
    before = copy.deepcopy(defaults)
    value = stated("Gallery", tags={"zone": "z"})
    del value["spec"]["resourceGroupName"]
    assert rendered(value, defaults) == {
        **IDENTITY["Gallery"],
        "resourceGroupName": "shared",
        "location": "West US",
        "tags": {"team": "a", "zone": "z"},
        "properties": {"sharingProfile": {"permissions": "Private"}},
    }
    assert defaults == before


def test_an_empty_default_stays() -> None:
    """Only an object of which nothing fits is left out."""
    spec = rendered(stated("GalleryApplication"), {"properties": {"customActions": []}})
    assert spec["properties"] == {"supportedOSType": "Linux", "customActions": []}


def test_a_null_among_the_defaults_never_says_must_not_be_set() -> None:
    """It drops a default; the tags and blocks of others are left alone. A manifest's own null stays."""
    defaults: dict[str, Any] = {
        "resourceGroupName": None,
        "tags": {"team": None},
        "properties": {"description": None, "softDeletePolicy": None, "sharingProfile": {"permissions": None}},
    }
    assert rendered(stated("Gallery"), defaults) == stated("Gallery")["spec"]
    assert rendered(stated("Gallery", tags={"team": None}), defaults)["tags"] == {"team": None}
    action = {"name": "a", "script": "b", "description": None, "parameters": [{"name": "p", "type": None}]}
    spec = rendered(stated("GalleryApplication"), {"properties": {"customActions": [action]}})
    assert spec["properties"]["customActions"] == [{"name": "a", "script": "b", "parameters": [{"name": "p"}]}]


def test_a_null_inside_the_content_of_a_default_stays() -> None:
    """A template may hold any JSON."""
    template = {"outputs": {"a": None}}
    spec = rendered(stated("ApplicationDefinition"), {"properties": {"mainTemplate": template}})
    assert spec["properties"]["mainTemplate"] == template


@pytest.mark.parametrize(
    "value", [{}, {"kind": "Gallery"}, {"kind": "Gallery", "spec": None}, {"kind": "Other", "spec": {}}, {"spec": [1]}]
)
def test_defaults_pass_over_what_is_no_manifest(value: dict[str, Any]) -> None:
    """Validation will say what is wrong with it."""
    given = document(value)
    assert render([given], (), {"location": "x"}, KINDS) == ((given,), ())


def test_without_defaults_a_document_is_the_same() -> None:
    """Not even copied."""
    given = document(stated("Gallery"))
    assert render([given], (), {}, KINDS)[0][0] is given


def test_an_overlay_is_merged_onto_the_base_of_its_kind_and_name() -> None:
    """Before the defaults are laid under; positions stay those of the base; other documents stay as they are."""
    base = document(stated("Gallery", tags={"a": "1", "b": "2"}), "base.yaml")
    other = document(stated("GalleryApplication"))
    patch = document(
        {"kind": "Gallery", "metadata": {"name": "gallery"}, "spec": {"location": None, "tags": {"a": None, "c": "3"}}},
        "prod/over.yaml",
    )
    (first, second), problems = render([base, other], [patch], {"location": "North Europe"}, KINDS)
    assert problems == ()
    assert first.value["spec"] == {
        **IDENTITY["Gallery"],
        "location": "North Europe",
        "tags": {"b": "2", "c": "3"},
    }
    assert first.source == base.source
    assert second.value["spec"]["location"] == "West US"


def test_an_overlay_without_a_base_is_refused() -> None:
    """All of them at once, also those that do not say whose they are."""
    overlay = [
        document({"kind": "Gallery", "metadata": {"name": "other"}}, "prod/a.yaml", 3),
        document({"kind": "GalleryApplication", "metadata": {"name": "gallery"}}, "prod/b.yaml"),
        document({"metadata": None}, "prod/c.yaml"),
        document({"kind": ["Gallery"], "metadata": {"name": 1}}, "prod/d.yaml"),
    ]
    (only,), problems = render([document(stated("Gallery"))], overlay, {}, KINDS)
    assert only.value == stated("Gallery")
    named = ("Gallery/other", "GalleryApplication/gallery", "(none)/(none)", "prod/c.yaml:1")
    assert [(problem.file, problem.line, problem.path, problem.code) for problem in problems] == [
        ("prod/a.yaml", 3, "metadata.name", "overlay-without-base"),
        ("prod/b.yaml", 1, "metadata.name", "overlay-without-base"),
        ("prod/c.yaml", 1, "metadata.name", "overlay-without-base"),
        ("prod/d.yaml", 1, "metadata.name", "duplicate"),
    ]
    assert all(name in problem.message and problem.fix for name, problem in zip(named, problems, strict=True))


def test_two_overlay_documents_for_one_manifest_are_refused() -> None:
    """Neither wins silently."""
    patch = {"kind": "Gallery", "metadata": {"name": "gallery"}, "spec": {"tags": {"a": "1"}}}
    overlay = [document(patch, "prod/a.yaml", 2), document(patch, "prod/b.yaml", 5)]
    _, problems = render([document(stated("Gallery"))], overlay, {}, KINDS)
    (problem,) = problems
    assert (problem.file, problem.line, problem.column) == ("prod/b.yaml", 5, 1)
    assert (problem.path, problem.code) == ("metadata.name", "duplicate")
    assert "prod/a.yaml:2" in problem.message
    assert problem.fix


def test_a_rendered_value_knows_where_it_is_written() -> None:
    """In the manifest, its overlay, or the strongest of the defaults that fit, each in its own file and line."""
    base = document(stated("Gallery", tags={"a": "1", "b": "2"}), "base.yaml", 10)
    patch = document(
        {"kind": "Gallery", "metadata": {"name": "gallery"}, "spec": {"tags": {"b": "3", "a": None}}}, "over.yaml", 20
    )
    project = document({"spec": {"defaults": {"tags": {"c": "4", "d": "5"}, "unknown": 1}}}, "reconciler.yaml", 30)
    environment = {"tags": {"d": "6", "a": "7"}}
    written = (
        Writing(Layer.PROJECT, project.value["spec"]["defaults"], project, ("spec", "defaults")),
        Writing(Layer.ENVIRONMENT, environment, project, ("spec", "environments", "prod", "defaults")),
    )
    defaults = lay_under(project.value["spec"]["defaults"], environment)
    (rendered,), _ = render([base], [patch], defaults, KINDS, written)
    assert rendered.value["spec"]["tags"] == {"b": "3", "c": "4", "d": "6", "a": "7"}
    trace = rendered.trace
    assert trace is not None
    assert {name: (trace(("spec", *path)).layer, trace(("spec", *path)).file) for name, path in PLACES.items()} == {
        "stated": (Layer.MANIFEST, "base.yaml"),
        "overlaid": (Layer.OVERLAY, "over.yaml"),
        "default": (Layer.PROJECT, "reconciler.yaml"),
        "environment": (Layer.ENVIRONMENT, "reconciler.yaml"),
        "object": (Layer.OVERLAY, "over.yaml"),
        "below a leaf": (Layer.MANIFEST, "base.yaml"),
        "nowhere": (Layer.MANIFEST, "base.yaml"),
    }
    assert [trace(("spec", *PLACES[name])).line for name in ("stated", "overlaid", "default")] == [12, 23, 34]


PLACES: dict[str, tuple[str, ...]] = {
    "stated": ("location",),
    "overlaid": ("tags", "b"),
    "default": ("tags", "c"),
    "environment": ("tags", "d"),
    "object": ("tags",),
    "below a leaf": ("location", "x"),
    "nowhere": ("tags", "z"),
}


@pytest.mark.parametrize(
    ("value", "patch"),
    [
        ({"kind": "Other", "metadata": {"name": "x"}, "spec": {"a": 1}}, {"spec": {"b": 2}}),
        ({"kind": "Gallery", "metadata": {"name": "x"}}, {"metadata": {"labels": {}}}),
    ],
)
def test_what_is_no_manifest_has_a_trace_all_the_same(value: dict[str, Any], patch: dict[str, Any]) -> None:
    """Of an unknown kind, or without a spec: the document itself is where things are written."""
    over = document({**patch, "kind": value["kind"], "metadata": {"name": "x"}}, "over.yaml")
    (rendered,), problems = render([document(value, "base.yaml")], [over], {"location": "x"}, KINDS)
    assert problems == ()
    assert rendered.trace is not None
    assert rendered.trace(("spec", "a")).file == "base.yaml"
