"""Documents against the schemas of their kinds, and against what a schema cannot say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.kind import compile_kind
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.checks import PLACEHOLDER
from reconciler.manifests.validate import Validated, unusual, validate, validate_project, warning_schema
from reconciler.problems import Document, Manifest, Problem
from tests.kit.synthetic import IDENTITY, KINDS, MINIMAL, document, read, schema, stated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Golden

NOW = datetime(2026, 11, 21, 20, 25, tzinfo=UTC)
CANARY = "CANARY-7f3a"
SIGNED = f"https://store.blob.core.windows.net/c/p.zip?sv=2022&sig={CANARY}"


def looked_at(*documents: Document, tracking: Tracking | None = None, kinds: Any = KINDS) -> Validated:
    """Validate documents."""
    return validate(documents, kinds, tracking or Tracking())


def found(value: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Return path and code of every error in one document; each has a fix."""
    problems = looked_at(document(value), **more).problems
    assert all(item.fix for item in problems)
    return [(item.path, item.code) for item in problems]


def warned(value: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Return path and code of every warning about one valid document; each has a fix."""
    result = looked_at(document(value), **more)
    assert result.problems == ()
    assert all(item.fix for item in result.warnings)
    return [(item.path, item.code) for item in result.warnings]


def version(**profile: Any) -> dict[str, Any]:
    """Return a version with these parts of its publishing profile."""
    base = MINIMAL["GalleryApplicationVersion"]["properties"]["publishingProfile"]
    return stated("GalleryApplicationVersion", properties={"publishingProfile": {**base, **profile}})


def definition(**properties: Any) -> dict[str, Any]:
    """Return a definition with these properties."""
    return stated("ApplicationDefinition", properties={**MINIMAL["ApplicationDefinition"]["properties"], **properties})


PROFILE = "spec.properties.publishingProfile"


@pytest.mark.parametrize("name", list(KINDS))
def test_the_smallest_manifest_of_every_kind_is_valid(name: str) -> None:
    """Without a warning, and it comes out as a manifest."""
    given = document(stated(name))
    result = looked_at(given)
    assert (result.problems, result.warnings) == ((), ())
    assert result.manifests == (
        Manifest(KINDS[name], name.lower(), {}, {}, given.value["spec"], given.source, given.locate),
    )


def test_labels_and_annotations_are_kept() -> None:
    """Those of other tools too."""
    value = stated("Gallery")
    value["metadata"] |= {
        "labels": {"ring": "canary"},
        "annotations": {"kustomize/x": "y", "reconciler.dev/wave": "-1"},
    }
    (manifest,) = looked_at(document(value)).manifests
    assert (manifest.labels, manifest.annotations) == (value["metadata"]["labels"], value["metadata"]["annotations"])


STRANGERS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"apiVersion": "reconciler.dev/v1", "kind": "Galery"}, "kind"),
    ({"apiVersion": "apps/v1", "kind": "Deployment"}, "kind"),
    ({"kind": "Project"}, "kind"),
    ({"apiVersion": "reconciler.dev/v1", "kind": ["Gallery"]}, "kind"),
]


@pytest.mark.parametrize(("value", "path"), STRANGERS)
def test_a_document_of_no_known_kind_is_refused(value: dict[str, Any], path: str) -> None:
    """With the nearest kind, or all of them."""
    assert found(value) == [(path, "missing" if not path else "unknown-kind")]


MISTAKES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    (
        stated("Gallery", galeryName="x"),
        ("spec.galeryName", "unknown-key"),
    ),
    (
        definition(lockingPolicy={"zzz": 1}),
        ("spec.properties.lockingPolicy.zzz", "unknown-key"),
    ),
    (
        definition(DISPLAYNAME="x"),
        ("spec.properties.DISPLAYNAME", "unknown-key"),
    ),
    (
        version(manageActions={"install": "x"}),
        (f"{PROFILE}.manageActions", "missing"),
    ),
    (
        stated("GalleryApplicationVersion", galleryApplicationVersionName=1.1),
        ("spec.galleryApplicationVersionName", "type"),
    ),
    (
        stated("Gallery", tags={"on": True}),
        ("spec.tags.on", "type"),
    ),
    (
        definition(isEnabled="yes"),
        ("spec.properties.isEnabled", "type"),
    ),
    (
        definition(isEnabled=None),
        ("spec.properties.isEnabled", "type"),
    ),
    (
        definition(lockLevel=None),
        ("spec.properties.lockLevel", "type"),
    ),
    (
        definition(authorizations={}),
        ("spec.properties.authorizations", "type"),
    ),
    (
        definition(displayName=["x"]),
        ("spec.properties.displayName", "type"),
    ),
    (
        version(source={"mediaLink": 12345}),
        (f"{PROFILE}.source.mediaLink", "type"),
    ),
    (
        version(manageActions={"install": ["x"], "remove": "r"}),
        (f"{PROFILE}.manageActions.install", "type"),
    ),
    (
        version(replicaCount="3"),
        (f"{PROFILE}.replicaCount", "type"),
    ),
    (
        version(replicaCount=True),
        (f"{PROFILE}.replicaCount", "type"),
    ),
    (
        version(replicaCount=1.5),
        (f"{PROFILE}.replicaCount", "type"),
    ),
    (
        version(replicaCount=2.0),
        (f"{PROFILE}.replicaCount", "type"),
    ),
    (
        definition(lockLevel="readonly"),
        ("spec.properties.lockLevel", "value"),
    ),
    (
        definition(lockLevel="zzzzzz"),
        ("spec.properties.lockLevel", "value"),
    ),
    (
        stated("Gallery", id="/x"),
        ("spec.id", "read-only"),
    ),
    (
        definition(mainTemplate={}),
        ("spec.properties.mainTemplate", "not-allowed"),
    ),
    (
        definition(packageFileUri=None),
        ("spec.properties", "not-allowed"),
    ),
    (
        stated("Gallery", galleryName="a/b"),
        ("spec.galleryName", "pattern"),
    ),
    (
        version(manageActions={"install": "x" * 4097, "remove": "r"}),
        (f"{PROFILE}.manageActions.install", "length"),
    ),
    (
        version(endOfLifeDate="2030-02-30T00:00:00Z"),
        (f"{PROFILE}.endOfLifeDate", "date-time"),
    ),
    (
        {**definition(packageFileUri=None, mainTemplate="{", createUiDefinition={})},
        ("spec.properties.mainTemplate", "json"),
    ),
    (
        definition(packageFileUri=None, mainTemplate={}, createUiDefinition='{"a": NaN}'),
        ("spec.properties.createUiDefinition", "json"),
    ),
    (
        definition(packageFileUri=None, mainTemplate={}, createUiDefinition='{"a": {"b": 1, "c": 2, "b": 3}}'),
        ("spec.properties.createUiDefinition", "json"),
    ),
    (
        definition(packageFileUri=None, mainTemplate="[]", createUiDefinition={}),
        ("spec.properties.mainTemplate", "json"),
    ),
    (
        version(targetRegions=[{"name": "West US"}, {"name": "westus"}]),
        (f"{PROFILE}.targetRegions[1]", "duplicate-element"),
    ),
    (
        definition(lockingPolicy={"allowedActions": ["a", "b", "a"]}),
        ("spec.properties.lockingPolicy.allowedActions[2]", "duplicate-element"),
    ),
    (
        version(targetRegions=[{"name": "East US"}]),
        (f"{PROFILE}.targetRegions", "must-contain"),
    ),
    (
        version(targetRegions=[]),
        (f"{PROFILE}.targetRegions", "must-contain"),
    ),
    (
        stated("Gallery", tags={"Reconciler-Digest": None}),
        ("spec.tags.Reconciler-Digest", "reserved-tag"),
    ),
    (
        version(source={"mediaLink": f"https://h/p.zip?{PLACEHOLDER}"}),
        (f"{PROFILE}.source.mediaLink", "placeholder"),
    ),
    (
        definition(packageFileUri=PLACEHOLDER),
        ("spec.properties.packageFileUri", "placeholder"),
    ),
    (
        stated("Gallery", tags={"Team": "a", "team": "b"}),
        ("spec.tags.team", "duplicate-element"),
    ),
]


@pytest.mark.parametrize(("value", "mistake"), MISTAKES)
def test_a_mistake_has_its_place_its_code_and_a_fix(value: dict[str, Any], mistake: tuple[str, str]) -> None:
    """One problem for one mistake, and no manifest comes of it."""
    assert found(value) == [mistake]
    assert looked_at(document(value)).manifests == ()


def test_a_problem_has_the_place_of_its_leaf() -> None:
    """File, line and column as they are written, the document's own where a key is missing."""
    text = """apiVersion: reconciler.dev/v1
kind: Gallery
metadata:
  name: g
spec:
  subscriptionId: 01523d7c-60da-455e-adef-521b547922c4
  resourceGroupName: rg
  galleryName: 10
  tags:
    a.b: 1
"""
    problems = looked_at(read(text, "manifests/g.yaml")).problems
    assert [(item.file, item.line, item.column, item.path, item.code) for item in problems] == [
        ("manifests/g.yaml", 5, 1, "spec", "missing"),
        ("manifests/g.yaml", 8, 3, "spec.galleryName", "type"),
        ("manifests/g.yaml", 10, 5, 'spec.tags["a.b"]', "type"),
    ]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1.10", "1.1"),
        ("010", "10"),
        ("1e3", "1000.0"),
        ("true", "true"),
        ("1.0", "1.0"),
    ],
)
def test_trap_yaml_an_unquoted_version_is_refused_with_what_yaml_made_of_it(written: str, read_as: str) -> None:
    """Text that looks like a number or a boolean has to be quoted."""
    text = f"kind: Gallery\nspec: {{tags: {{version: {written}}}}}\n"
    problems = {item.path: item for item in looked_at(read(text)).problems}
    assert problems["spec.tags.version"].code == "type"
    assert read_as in problems["spec.tags.version"].message


@pytest.mark.parametrize("written", ["on", "no", "1:30", "2030-01-31", "1.0.0", "0x", "~x"])
def test_trap_yaml_text_stays_text(written: str) -> None:
    """By the core rules of YAML 1.2 these are no booleans, numbers or dates."""
    value = read(f"tags: {{a: {written}}}").value
    assert warned(stated("Gallery", **value)) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "a?b", "a#b", "%2e%2e", "a\r\nb", "..", "a@b", "", " ", "a\n"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_no_name_that_changes_the_url_is_accepted(kind: str, name: str) -> None:
    """Of any URI parameter of any kind."""
    for parameter in IDENTITY[kind]:
        assert found(stated(kind, **{parameter: name})) != [], parameter


def test_all_mistakes_of_all_documents_come_at_once() -> None:
    """Those of the schema, those beyond it, and warnings too; the good ones are still manifests."""
    bad = stated(
        "GalleryApplicationVersion",
        galleryName=1,
        tags={"reconciler-x": "y", "a": 1},
        properties={
            "publishingProfile": {
                "source": {"mediaLink": SIGNED},
                "targetRegions": [{"name": "East US"}, {"name": "eastus"}],
                "endOfLifeDate": "2020-01-01T00:00:00Z",
                "unknown": 1,
            }
        },
    )
    bad["metadata"]["annotations"] = {"reconciler.dev/package-sha256": "0" * 64}
    result = looked_at(document(bad, "a.yaml"), document(stated("Gallery"), "b.yaml"), document({}, "c.yaml"))
    assert {(item.file, item.path, item.code) for item in result.problems} == {
        ("a.yaml", "spec.galleryName", "type"),
        ("a.yaml", f"{PROFILE}.targetRegions", "must-contain"),
        ("a.yaml", f"{PROFILE}.targetRegions[1]", "duplicate-element"),
        ("a.yaml", f"{PROFILE}.unknown", "unknown-key"),
        ("a.yaml", "spec.tags.a", "type"),
        ("a.yaml", "spec.tags.reconciler-x", "reserved-tag"),
        ("c.yaml", "", "missing"),
    }
    assert {(item.path, item.code) for item in result.warnings} == {
        ('metadata.annotations["reconciler.dev/package-sha256"]', "no-effect"),
        (f"{PROFILE}.source.mediaLink", "secret-in-manifest"),
        (PROFILE, "unusual-missing"),
    }
    assert [manifest.source.file for manifest in result.manifests] == ["b.yaml"]


def test_one_place_has_one_mistake() -> None:
    """A date that the schema refuses is not refused again by the calendar, nor a wrong type by its limits."""
    assert found(version(endOfLifeDate="soon")) == [(f"{PROFILE}.endOfLifeDate", "pattern")]
    assert found(version(endOfLifeDate=["soon"])) == [(f"{PROFILE}.endOfLifeDate", "type")]
    assert found(definition(lockLevel=1)) == [("spec.properties.lockLevel", "type")]


@pytest.mark.parametrize(
    "broken",
    [
        {"spec": None},
        {"spec": [1]},
        {"spec": {"tags": [1], "properties": 7, "location": ["x"]}},
        {"metadata": None},
        {"metadata": {"name": "x", "annotations": [1]}},
        {
            "spec": {
                "location": {"a": 1},
                "properties": {"publishingProfile": {"targetRegions": [None, "x", {"name": ["x"]}]}},
            }
        },
        {"spec": {"location": "x", "properties": {"publishingProfile": {"targetRegions": {"name": 1}}}}},
        {"spec": {"location": "x", "properties": {"publishingProfile": {"targetRegions": [{"name": {"a": 1}}]}}}},
    ],
)
def test_a_document_of_another_shape_is_refused_and_no_crash(broken: dict[str, Any]) -> None:
    """What has not the shape that the schema asks for is passed over by the other checks."""
    value = {"apiVersion": "reconciler.dev/v1", "kind": "GalleryApplicationVersion", **broken}
    assert found(value)


DISPUTED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (
        version(source={"mediaLink": SIGNED}),
        [(f"{PROFILE}.source.mediaLink", "secret-in-manifest")],
    ),
    (version(endOfLifeDate="2001-11-21T20:25:00Z"), []),
    (
        definition(lockLevel="CanNotDelete"),
        [("spec.properties.lockLevel", "unusual-value")],
    ),
    (
        stated("Gallery", subscriptionId="my-subscription"),
        [("spec.subscriptionId", "unusual-pattern")],
    ),
    (
        stated("ApplicationDefinition", properties={"lockLevel": "ReadOnly", "packageFileUri": "https://h/p.zip"}),
        [("spec.properties", "unusual-missing")],
    ),
]


@pytest.mark.parametrize(("value", "warnings"), DISPUTED)
def test_what_is_disputed_is_warned_of(value: dict[str, Any], warnings: list[tuple[str, str]]) -> None:
    """It stops nothing, says what is odd, and what to do."""
    assert warned(value) == warnings


@pytest.mark.parametrize(
    "value",
    [
        version(manageActions={"install": f"curl '{SIGNED}'", "remove": "r"}),
        version(advancedSettings={"a": SIGNED}),
        stated("Gallery", tags={"a": SIGNED}),
        definition(description=SIGNED.replace("sig=", "SIG=")),
        definition(packageFileUri=None, mainTemplate={"a": [SIGNED]}, createUiDefinition={}),
        definition(packageFileUri=None, mainTemplate=f'{{"a": "{SIGNED}"}}', createUiDefinition={}),
    ],
)
def test_a_signature_is_warned_of_wherever_it_is_written(value: dict[str, Any]) -> None:
    """In scripts, settings, tags, descriptions and templates; it is never quoted."""
    result = looked_at(document(value))
    assert "secret-in-manifest" in [item.code for item in result.warnings]
    assert CANARY not in repr((result.problems, result.warnings))


@pytest.mark.parametrize(
    "text", ["design=x", "no ?sig", "?sig=", "https://h/p?sv=1", "concat('?sig=', parameters('s'))"]
)
def test_what_only_looks_like_a_signature_is_not_warned_of(text: str) -> None:
    """A name without a value, or a word that ends alike, is no secret."""
    assert warned(definition(description=text)) == []


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_message_quotes_a_text_of_the_manifest(kind: str) -> None:
    """A secret in the wrong place, at any key of any level, is not told on."""
    for path in _leaves(stated(kind)):
        for wrong in (SIGNED, [SIGNED], {"a": SIGNED}, {SIGNED: 1}):
            value = _with(stated(kind), path, wrong)
            result = looked_at(document(value))
            told = [(item.message, item.fix) for item in (*result.problems, *result.warnings)]
            texts = [text for text in told if CANARY in str(text)]
            assert path == ("spec", "location") or texts == [], path


@pytest.mark.parametrize("text", [SIGNED, f"'{SIGNED}"])
def test_a_secret_that_is_stated_twice_is_not_quoted(text: str) -> None:
    """A webhook's address is its key, and may hold a secret."""
    value = definition(notificationPolicy={"notificationEndpoints": [{"uri": text}, {"uri": text}]})
    (problem,) = looked_at(document(value)).problems
    assert (problem.path, problem.code) == (
        "spec.properties.notificationPolicy.notificationEndpoints[1]",
        "duplicate-element",
    )
    assert CANARY not in repr(problem)


@pytest.mark.parametrize(
    ("tracking", "kind", "number", "own"),
    [
        (Tracking(), "Gallery", 49, None),
        (Tracking(), "Gallery", 50, 1),
        (Tracking(project="p"), "Gallery", 49, 2),
        (Tracking(project="p"), "ApplicationDefinition", 47, None),
        (Tracking(project="p"), "ApplicationDefinition", 48, 3),
        (Tracking(tags=False, project="p"), "ApplicationDefinition", 50, None),
        (Tracking(tags=False), "Gallery", 51, 0),
    ],
)
def test_a_resource_has_at_most_fifty_tags(tracking: Tracking, kind: str, number: int, own: int | None) -> None:
    """With those of the reconciler; a tag that must be absent does not count."""
    tags = {**{f"t{index}": "x" for index in range(number)}, "absent": None}
    problems = looked_at(document(stated(kind, tags=tags)), tracking=tracking).problems
    assert [(item.path, item.code) for item in problems] == ([] if own is None else [("spec.tags", "too-many-tags")])
    assert all(re.findall("[0-9]+", item.message) == [str(number), str(own), "50"] for item in problems)


def test_reserved_tags_follow_the_prefix() -> None:
    """Another prefix reserves other names."""
    value = stated("Gallery", tags={"acme-x": "1", "reconciler-x": "2"})
    assert [entry[0] for entry in found(value, tracking=Tracking(prefix="acme"))] == ["spec.tags.acme-x"]


def test_a_checksum_means_something_only_where_content_cannot_be_read() -> None:
    """Elsewhere it has no effect, and its author should know."""
    value, other = stated("Gallery"), definition()
    for item in (value, other):
        item["metadata"]["annotations"] = {"reconciler.dev/package-sha256": "0" * 64}
    path = 'metadata.annotations["reconciler.dev/package-sha256"]'
    assert warned(value) == [(path, "no-effect")]
    assert warned(other) == []


WORDED = {
    "few": ({"minLength": 3}, "ab", "length"),
    "many": ({"maxLength": 3}, "abcd", "length"),
    "low": ({"minimum": 3}, 2, "range"),
    "high": ({"maximum": 3}, 4, "range"),
    "one": ({"enum": ["a", "b", None]}, 7, "value"),
    "fixed": ({"const": "a"}, "b", "value"),
    "never": ({"not": {}}, "b", "not-allowed"),
    "odd": ({"multipleOf": 2}, 3, "multipleOf"),
    "none": ({"type": "null"}, 3, "type"),
}


def worded() -> tuple[Problem, ...]:
    """Return the problems of a document that breaks each rule of a kind whose schema has no message."""
    rules: dict[str, Any] = {name: rule for name, (rule, *_) in WORDED.items()}
    kinds = {"Worded": compile_kind(schema("Worded", "replace", **rules))}
    values = {name: value for name, (_, value, *_) in WORDED.items()}
    spec = {"subscriptionId": "s", "widgetName": "w", "properties": values}
    value = {"apiVersion": "reconciler.dev/v1", "kind": "Worded", "metadata": {"name": "x"}, "spec": spec}
    return looked_at(document(value), kinds=kinds).problems


def test_a_schema_without_words_of_its_own_is_worded() -> None:
    """A new kind need not write a message for every limit."""
    codes = {item.path.removeprefix("spec.properties."): item.code for item in worded()}
    assert codes == {name: code for name, (_, _, code) in WORDED.items()}
    assert all(item.message and item.fix for item in worded())


def test_a_schema_may_be_true_or_false() -> None:
    """A place that no value may have is refused like any other."""
    made = schema("Closed", shut=False)
    made["properties"]["spec"]["properties"]["properties"]["properties"] = {"shut": {"allOf": [False]}}
    kinds = {"Closed": compile_kind(made)}
    spec = {"subscriptionId": "s", "widgetName": "w", "properties": {"shut": 1}}
    value = {"kind": "Closed", "apiVersion": "x", "metadata": {"name": "x"}, "spec": spec}
    assert [entry[0] for entry in found(value, kinds=kinds)] == ["spec.properties.shut"]


def test_must_contain_needs_a_value_to_look_for() -> None:
    """Without it, or in a list without keys, there is nothing to hold."""
    made = schema(
        "Holding",
        plain={"type": "array", "x-must-contain": "location"},
        keyed={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "x-must-contain": "location",
            "items": {"type": "object"},
        },
    )
    kinds = {"Holding": compile_kind(made)}
    spec = {"subscriptionId": "s", "widgetName": "w", "properties": {"plain": ["x"], "keyed": [{"name": "a"}]}}
    value = {"kind": "Holding", "apiVersion": "x", "metadata": {"name": "x"}, "spec": spec}
    assert found(value, kinds=kinds) == []
    assert found({**value, "spec": {**spec, "location": "a"}}, kinds=kinds) == []
    assert [entry[1] for entry in found({**value, "spec": {**spec, "location": "b"}}, kinds=kinds)] == ["must-contain"]


@pytest.mark.parametrize("value", [value for value, _ in MISTAKES])
def test_both_validators_give_the_same_verdict_on_mistakes(value: dict[str, Any]) -> None:
    """The first check is by jsonschema-rs alone, so it must refuse every manifest that jsonschema refuses."""
    for made in (dict(KINDS[value["kind"]].schema), warning_schema(KINDS[value["kind"]].schema)):
        assert jsonschema_rs.Draft202012Validator(made).is_valid(value) == Draft202012Validator(made).is_valid(value)


AWKWARD: tuple[Any, ...] = (
    None,
    True,
    0,
    1.0,
    -1,
    2**63,
    1e300,
    "",
    "1.0.0",
    "1.0.0\n",
    "a" * 5000,
    "\u0661",
    "\ud7ff\U0001f600" * 45,
    "a\u2028b",
    "é" * 80,
    "2030-02-30T00:00:00Z",
    "2030-01-01T00:00:00Z\n",
    "https://h/p?x?y",
    "'https://h/p'",
    [],
    [None],
    {},
    {"": 1},
    {"$file": "x"},
)


@pytest.mark.parametrize("kind", list(KINDS))
def test_both_validators_give_the_same_verdict_on_awkward_values(kind: str) -> None:
    """At every leaf of the smallest manifest: numbers, line ends, other digits, long texts, other shapes."""
    for made in (dict(KINDS[kind].schema), warning_schema(KINDS[kind].schema)):
        fast, slow = jsonschema_rs.Draft202012Validator(made), Draft202012Validator(made)
        for path in _leaves(stated(kind)):
            for wrong in AWKWARD:
                value = _with(stated(kind), path, wrong)
                assert fast.is_valid(value) == slow.is_valid(value), (path, wrong)


@pytest.mark.parametrize("kind", list(KINDS))
def test_warnings_are_those_of_the_whole_schema(kind: str) -> None:
    """At every leaf, alone and beside another mistake: the branches that are walked hold all of them, in order."""
    whole = Draft202012Validator(warning_schema(KINDS[kind].schema))
    paths = _leaves(stated(kind))
    for index, path in enumerate(paths):
        for wrong in AWKWARD:
            value = _with(stated(kind), path, wrong)
            for made in (value, _with(value, paths[index - 1], "a" * 5000) if index else value):
                expected = [(error.absolute_path, error.message, error.schema) for error in whole.iter_errors(made)]
                found = [(error.absolute_path, error.message, error.schema) for error in unusual(KINDS[kind], made)]
                assert found == expected, (path, wrong)


def test_the_warnings_of_a_schema_stand_at_their_places() -> None:
    """Below references, items and maps too; what has none leaves nothing behind."""
    rule = {"maxLength": 3, "errorMessage": "Long."}
    made = {
        "$schema": "x",
        "$defs": {"a": {"properties": {"b": {"x-warn": [rule]}}}, "none": {"type": "string"}},
        "properties": {
            "list": {"items": {"x-warn": rule}},
            "map": {"additionalProperties": {"$ref": "#/$defs/a"}},
            "closed": {"additionalProperties": False, "items": {"type": "string"}},
        },
        "x-warn": [rule],
    }
    assert warning_schema(made) == {
        "$schema": "x",
        "$defs": {"a": {"properties": {"b": {"allOf": [rule]}}}, "none": {}},
        "properties": {
            "list": {"items": {"allOf": [rule]}},
            "map": {"additionalProperties": {"$ref": "#/$defs/a"}},
        },
        "allOf": [rule],
    }


HEAD = "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: shop}\n"


PROJECTS: list[tuple[str, tuple[str, str] | None]] = [
    (
        "ignor: []",
        ("spec.ignor", "unknown-key"),
    ),
    (
        'ignore: [{path: a, reason: b, expires: "2026-02-30"}]',
        ("spec.ignore[0].expires", "date"),
    ),
    (
        "ignore: [{path: a, reason: b, expires: soon}]",
        ("spec.ignore[0].expires", "pattern"),
    ),
    (
        "ignore: [{path: a, reason: b, expires: 2026}]",
        ("spec.ignore[0].expires", "type"),
    ),
    (
        "ignore: x",
        ("spec.ignore", "type"),
    ),
    (
        "limits: {maxPuts: -1}",
        ("spec.limits.maxPuts", "range"),
    ),
    ('ignore: [{path: a, reason: b, expires: "2026-02-28"}, {path: b, reason: c}]', None),
]


@pytest.mark.parametrize(("spec", "mistake"), PROJECTS)
def test_a_project_file_is_validated(spec: str, mistake: tuple[str, str] | None) -> None:
    """Down to days that are not in the calendar."""
    problems = validate_project(read(f"{HEAD}spec: {{{spec}}}\n", "reconciler.yaml"), packaged().documents["Project"])
    assert [(item.path, item.code) for item in problems] == ([mistake] if mistake else [])
    assert all(item.fix for item in problems)


def test_sentences(golden: Golden, root: Path) -> None:
    """The golden file holds the sentence of every mistake of this module; no other test quotes one."""
    problems = [*worded()]
    for value in [*(value for value, _ in STRANGERS), *(value for value, _ in MISTAKES)]:
        problems += looked_at(document(value)).problems
    for value, _ in DISPUTED:
        problems += looked_at(document(value)).warnings
    for spec, _ in PROJECTS:
        problems += validate_project(
            read(f"{HEAD}spec: {{{spec}}}\n", "reconciler.yaml"), packaged().documents["Project"]
        )
    lines = (f"{item.code} {item.path}\n    {item.message}\n    fix: {item.fix}\n" for item in problems)
    golden("".join(lines), root / "tests/manifests/golden/validate.txt")


def test_all_mistakes_of_a_project_file_come_at_once() -> None:
    """Those of its schema and those of the calendar."""
    spec = 'strict: 1, ignore: [{path: a, reason: b, expires: "2026-02-30"}, {path: a, reason: b, expires: x}]'
    problems = validate_project(read(f"{HEAD}spec: {{{spec}}}\n"), packaged().documents["Project"])
    assert sorted(item.path for item in problems) == [
        "spec.ignore[0].expires",
        "spec.ignore[1].expires",
        "spec.strict",
    ]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [path, *(leaf for key, item in value.items() for leaf in _leaves(item, (*path, key)))][not path :]
    return [path]


def _with(value: Any, path: tuple[str, ...], leaf: Any) -> Any:
    return leaf if not path else {**value, path[0]: _with(value[path[0]], path[1:], leaf)}


def test_every_unknown_key_of_an_object_is_told() -> None:
    """Not the first one alone."""
    spec = stated("Gallery", properties={"descripton": "a", "foo": "b", "bar": "c"})
    found = validate([document(spec)], KINDS, Tracking()).problems
    assert [item.path.rpartition(".")[2] for item in found] == ["descripton", "foo", "bar"]
    assert "description" in str(found[0].fix)


def test_a_hostile_document_is_told_of_in_part() -> None:
    """A document's errors end at a hundred: enough for a reader, and bounded work for the machine."""
    spec = stated("Gallery", properties={f"k{index}": 1 for index in range(5_000)})
    assert len(validate([document(spec)], KINDS, Tracking()).problems) == 100
