"""Manifests for what exists: what they state, what they leave out, and that a plan of them finds nothing."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ErrorInfo, RejectedError, UnusableAnswerError, UsageError
from reconciler.export.documents import Exported, Place, export
from reconciler.export.found import Found
from reconciler.export.inventory import Wanted, take_inventory
from reconciler.export.yaml_text import write_document
from reconciler.kinds.live import Live
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.checks import PLACEHOLDER
from reconciler.manifests.load import load
from reconciler.manifests.yaml12 import is_readable, read_documents
from reconciler.model.change import Action, Sync
from tests.kit.bench import Bench, MediaLink, on_bench
from tests.kit.strategies import bodies, estates, id_of, json_values, kind_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.azure.client import ArmReader
    from reconciler.kinds.kind import Kind

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
SUBSCRIPTION: Final = "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
GALLERY: Final = f"{GROUP}/providers/Microsoft.Compute/galleries/tools"
APPLICATION: Final = f"{GALLERY}/applications/agent"
VERSION: Final = f"{APPLICATION}/versions/1.10.0"
DEFINITION: Final = f"{GROUP}/providers/Microsoft.Solutions/applicationDefinitions/suite"
PROFILE: Final[dict[str, Any]] = {
    "source": {"mediaLink": "https://packages.blob.core.windows.net/agent/agent.zip?sv=1&sig=CANARY"},
    "manageActions": {"install": "sh install.sh", "remove": "sh remove.sh"},
    "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}],
}


def found(resource_id: str, body: Mapping[str, Any]) -> Found:
    """Return a resource as ARM would answer it."""
    for kind in packaged().kinds.values():
        if params := kind.parse_id(resource_id):
            return Found(kind, params, Live(kind.seal({"id": resource_id, **body})))
    raise AssertionError(resource_id)


def version(resource_id: str = VERSION, **profile: Any) -> Found:
    """Return a version."""
    return found(resource_id, {"location": "westeurope", "properties": {"publishingProfile": {**PROFILE, **profile}}})


def definition(**properties: Any) -> Found:
    """Return a definition."""
    made = {"lockLevel": "None", "deploymentPolicy": {"deploymentMode": "Incremental"}, **properties}
    return found(DEFINITION, {"location": "westeurope", "properties": made})


def exported(*items: Found, tracking: Tracking | None = None, schemas: str | None = None) -> Exported:
    """Return the export of some resources."""
    return export(items, packaged().kinds, tracking or Tracking(), Place("out", schemas))


def only(made: Exported) -> dict[str, Any]:
    """Return the one manifest of an export."""
    (text,) = (text for path, text in made.files.items() if path.endswith(".yaml"))
    (document,), problems = read_documents(text.encode(), "it")
    assert not problems
    return dict(document.value)


def profile_of(made: Exported) -> dict[str, Any]:
    """Return the publishing profile of the one manifest."""
    return dict(only(made)["spec"]["properties"]["publishingProfile"])


# ---------------------------------------------------------------------------------------------------- any live resource


@pytest.mark.properties
@pytest.mark.parametrize("media_link", ["whole", "stripped"])
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 4))
def test_an_export_plans_without_a_change(media_link: MediaLink, data: st.DataObject) -> None:
    """For any live resources the manifests are valid and plan no change; only placeholders had to be filled."""
    documents = data.draw(estates())

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents)
        made = await read_and_export(bench, documents)
        assert {problem.code for problem in made.problems} <= {"placeholder"}, made.problems
        assert made.notes == ()
        written = filled(loaded(made), documents)
        reading = await bench.plan(written)
        assert len(written) == len(documents)
        for change in reading.plan.changes:
            assert change.fields == (), change.desired.id
            assert (change.action, change.sync) == (Action.NONE, Sync.IN_SYNC), change.desired.id
        assert reading.plan.unmanaged == ()

    on_bench(scenario, media_link)


async def read_and_export(bench: Bench, documents: Sequence[Mapping[str, Any]]) -> Exported:
    """Return the export of all subscriptions that documents speak of."""
    items: list[Found] = []
    for subscription in {document["spec"]["subscriptionId"].lower() for document in documents}:
        items += await take_inventory(Wanted(subscription), packaged().kinds, bench.arm)
    return exported(*items)


def loaded(made: Exported) -> list[dict[str, Any]]:
    """Return the documents that an export is read as."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in made.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        read = load([folder])
    assert read.problems == ()
    return [dict(document.value) for document in read.documents]


def filled(written: Iterable[dict[str, Any]], documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *written* with what was sent in place of the placeholders, as a person would fill them."""
    sent = {id_of(document).lower(): document["spec"] for document in documents}
    return [
        {**each, "spec": fill(each["spec"], sent[id_of(each).lower()], kind_of(each).write_only_paths)}
        for each in written
    ]


def fill(spec: dict[str, Any], sent: Mapping[str, Any], content: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """Return a spec with the content that was sent, and with links whose query is missing as they were sent."""
    for *above, name in content:
        target, source = spec, sent
        for step in above:
            target, source = target[step], source[step]
        target.pop(name, None)
        if source.get(name) is not None:
            target[name] = source[name]
    return cast("dict[str, Any]", replaced(spec, sent))


def replaced(value: Any, sent: Any) -> Any:
    """Return a value with the links that were sent in place of those that have a placeholder."""
    if isinstance(value, dict):
        return {
            name: replaced(item, sent.get(name) if isinstance(sent, dict) else None) for name, item in value.items()
        }
    if isinstance(value, list):
        return [replaced(*pair) for pair in zip(value, sent, strict=True)] if isinstance(sent, list) else value
    return sent if isinstance(value, str) and value.endswith(f"?{PLACEHOLDER}") else value


@pytest.mark.parametrize("name", packaged().kinds)
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 2))
def test_what_somebody_else_made_is_exported_too(name: str, data: st.DataObject) -> None:
    """A live body of any kind, with any tags, gives a manifest that only placeholders keep from being valid."""
    kind = packaged().kinds[name]
    body = data.draw(bodies(name))
    tags = {**{name: value for name, value in (body.get("tags") or {}).items() if value}, "Reconciler-Digest": "v1-0"}
    item = Found(
        kind, {name: PARAMS.get(name, "tools") for name in kind.parameters}, Live(kind.seal({**body, "tags": tags}))
    )
    made = exported(item)
    assert {problem.code for problem in made.problems} <= {"placeholder"}, made.problems
    assert "Reconciler-Digest" not in str(made.files)


PARAMS: Final = {
    "subscriptionId": SUBSCRIPTION,
    "galleryApplicationVersionName": "1.0.0",
    "galleryScriptVersionName": "1.0.0",
}


# ------------------------------------------------------------------------------------------------ what is stated


def test_the_servers_own_defaults_and_tracking_tags_are_left_out() -> None:
    """A manifest omits read-only properties, defaults, nulls and the reconciler's tags."""
    item = found(
        VERSION,
        {
            "name": "1.10.0",
            "type": "Microsoft.Compute/galleries/applications/versions",
            "location": "westeurope",
            "tags": {"team": "endpoint", "reconciler-commit": "0123", "RECONCILER-project": "x"},
            "properties": {
                "provisioningState": "Succeeded",
                "publishingProfile": {
                    **PROFILE,
                    "replicaCount": 1,
                    "excludeFromLatest": False,
                    "storageAccountType": "Standard_LRS",
                    "replicationMode": None,
                    "settings": {"packageFileName": None},
                    "customActions": [],
                    "publishedDate": "2026-01-01T00:00:00Z",
                },
                "safetyProfile": {},
            },
        },
    )
    assert only(exported(item)) == {
        "apiVersion": "reconciler.dev/v1",
        "kind": "GalleryApplicationVersion",
        "metadata": {"name": "agent-1.10.0"},
        "spec": {
            "subscriptionId": SUBSCRIPTION,
            "resourceGroupName": "rg",
            "galleryName": "tools",
            "galleryApplicationName": "agent",
            "galleryApplicationVersionName": "1.10.0",
            "location": "westeurope",
            "tags": {"team": "endpoint"},
            "properties": {
                "publishingProfile": {
                    "source": {"mediaLink": "https://packages.blob.core.windows.net/agent/agent.zip"},
                    "manageActions": {"install": "sh install.sh", "remove": "sh remove.sh"},
                    "targetRegions": [{"name": "West Europe"}],
                }
            },
        },
    }


def test_a_default_that_is_another_propertys_value_follows_it() -> None:
    """A region that has as many replicas as the profile says states none; another one does."""
    regions = [{"name": "West Europe", "regionalReplicaCount": 2}, {"name": "UK South", "regionalReplicaCount": 1}]
    profile = profile_of(exported(version(replicaCount=2, targetRegions=regions)))
    assert profile["replicaCount"] == 2
    assert profile["targetRegions"] == [{"name": "West Europe"}, {"name": "UK South", "regionalReplicaCount": 1}]


def test_keys_are_in_the_order_of_the_schema() -> None:
    """However ARM orders a body, manifests are alike."""
    profile = dict(reversed(PROFILE.items()))
    item = found(VERSION, {"properties": {"publishingProfile": profile}, "location": "x", "tags": {"b": "1", "a": "2"}})
    document = only(exported(item))
    assert list(document) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(document["spec"])[-3:] == ["location", "tags", "properties"]
    assert list(document["spec"]["properties"]["publishingProfile"]) == ["source", "manageActions", "targetRegions"]


def test_the_servers_choice_is_left_to_it() -> None:
    """What Azure picks by itself and may change is not stated, save the list of regions; what freezes is."""
    item = definition(artifacts=[{"name": "a", "uri": "https://x.example/?sig=CANARY", "type": "Template"}])
    made = exported(item)
    assert "artifacts" not in only(made)["spec"]["properties"]
    assert only(made)["spec"]["location"] == "westeurope"


def test_no_secret_is_written() -> None:
    """A signature is in no file: a package link goes without, another link and other secrets have to be filled in."""
    endpoints = [{"uri": "https://hooks.example/a?code=CANARY"}, {"uri": "https://hooks.example/b"}, {"uri": "CANARY"}]
    package, hooks = exported(version()), exported(definition(notificationPolicy={"notificationEndpoints": endpoints}))
    assert "CANARY" not in str([package, hooks])
    uris = only(hooks)["spec"]["properties"]["notificationPolicy"]["notificationEndpoints"]
    assert [each["uri"] for each in uris] == [
        f"https://hooks.example/a?{PLACEHOLDER}",
        "https://hooks.example/b",
        PLACEHOLDER,
    ]
    assert [problem.code for problem in hooks.problems] == ["placeholder"] * 3
    assert package.problems == ()


def test_a_signature_in_a_script_is_warned_of() -> None:
    """A script cannot be changed without being another one, so it is written, and told of."""
    actions = {"install": "curl https://x.example/a?sig=abc", "remove": "true"}
    (warning,) = exported(version(manageActions=actions)).warnings
    assert (warning.code, warning.path[-7:]) == ("secret-in-manifest", "install")


def test_an_empty_link_is_no_secret() -> None:
    """Nothing has to be filled in where nothing was: it is as good as absent."""
    source = {**PROFILE["source"], "defaultConfigurationLink": ""}
    made = exported(version(source=source))
    assert "defaultConfigurationLink" not in profile_of(made)["source"]
    assert made.problems == ()


def test_write_only_content_is_a_placeholder() -> None:
    """Where Azure never returns the content, the least that could be filled in is left open; a comment has the rest."""
    made = exported(definition())
    (text,) = made.files.values()
    assert only(made)["spec"]["properties"]["packageFileUri"] == PLACEHOLDER
    assert text.splitlines()[1] == (
        "# Azure never returns properties.packageFileUri: declare the content that was sent last, or "
        "properties.mainTemplate and properties.createUiDefinition in its place."
    )
    (problem,) = made.problems
    assert (problem.code, problem.path) == ("placeholder", "spec.properties.packageFileUri")
    assert problem.file == "out/rg/applicationDefinitions/suite.yaml"


def test_what_is_missing_is_for_validate_to_say() -> None:
    """A body without what the schema requires is written all the same, and its placeholder has its place."""
    made = exported(found(DEFINITION, {"properties": {}}))
    assert only(made)["spec"]["properties"] == {"packageFileUri": PLACEHOLDER}
    assert {problem.code for problem in made.problems} == {"placeholder", "missing"}


def test_what_no_manifest_can_state_is_told() -> None:
    """A property of a newer api-version is no silent loss; one without a value is none at all."""
    made = exported(version(brandNew={"a": 1}, newer=None, empty=[]))
    (note,) = made.notes
    assert note == (
        "GalleryApplicationVersion agent-1.10.0: properties.publishingProfile.brandNew is left out: "
        "no manifest can declare it"
    )
    hidden = found(GALLERY, {"location": "x", "tags": {"a\u200bb": "1"}})
    (note,) = exported(hidden).notes
    assert note.endswith("is left out: no manifest can declare it")


def test_a_value_of_a_shape_that_the_schema_does_not_know_is_kept() -> None:
    """It is written as it is, and validate says what it thinks of it."""
    made = exported(version(customActions={"a": [1.5]}, targetRegions=["x", None], advancedSettings="x"))
    assert profile_of(made)["customActions"] == {"a": [1.5]}
    assert profile_of(made)["targetRegions"] == ["x", None]
    assert made.problems
    odd = exported(
        definition(notificationPolicy={"notificationEndpoints": {"a": {"uri": "https://x.example/?CANARY"}}})
    )
    assert "CANARY" not in str(odd)


@pytest.mark.parametrize(
    ("state", "told"), [("Succeeded", False), (None, False), ("Failed", True), ("Updating", True), ("NewWord", True)]
)
def test_a_resource_that_is_not_settled_is_told(state: str | None, told: bool) -> None:  # noqa: FBT001
    """A plan will wait for it, or try again, so it does not plan clean."""
    made = exported(found(GALLERY, {"location": "x", "properties": {"provisioningState": state}}))
    assert bool(made.notes) == told


def test_another_projects_resource_is_told() -> None:
    """A plan will not touch it."""
    item = found(GALLERY, {"location": "x", "tags": {"reconciler-project": "theirs"}})
    (note,) = exported(item, tracking=Tracking(project="ours")).notes
    assert "theirs" in note
    assert exported(item, tracking=Tracking(project="theirs")).notes == ()


# ------------------------------------------------------------------------------------------------- texts in files


def test_scripts_of_more_than_a_line_are_files() -> None:
    """They lie beside the manifest, named for it and for what they do; reading them gives back the same."""
    actions = {"install": "#!/bin/sh\nset -e\n", "remove": "sh remove.sh\n", "update": "#!/usr/bin/env python3\npass"}
    custom = [{"name": "collect logs", "script": "echo 1\necho 2", "description": '{\n"a": 1}'}]
    made = exported(version(manageActions=actions, customActions=custom))
    folder = "rg/galleries/tools/agent"
    assert {path: text for path, text in made.files.items() if not path.endswith(".yaml")} == {
        f"{folder}/scripts/1.10.0-install.sh": "#!/bin/sh\nset -e\n\n",
        f"{folder}/scripts/1.10.0-update": "#!/usr/bin/env python3\npass\n",
        f"{folder}/texts/1.10.0-collect-logs-script.txt": "echo 1\necho 2\n",
        f"{folder}/texts/1.10.0-collect-logs-description.json": '{\n"a": 1}\n',
    }
    assert profile_of(made)["manageActions"] == {
        "install": {"$file": "scripts/1.10.0-install.sh"},
        "remove": "sh remove.sh\n",
        "update": {"$file": "scripts/1.10.0-update"},
    }
    (document,) = loaded(made)
    profile = document["spec"]["properties"]["publishingProfile"]
    assert (profile["manageActions"], profile["customActions"]) == (actions, custom)


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nb\r\n",
        "a\rb\nc",
        "\ufeffa",
        "\ufeff\ufeffa\nb",
        "a\ufeffb",
        "a\u200bb",
        "a\tb\n\tc",
        "\na\nb",
        "a\n\n",
        "a\nb ",
    ],
)
def test_no_text_is_changed_by_being_written(text: str) -> None:
    """What a file would change stays in the manifest, and what a manifest may not hold goes into a file."""
    made = exported(version(manageActions={"install": text, "remove": "true"}))
    (document,) = loaded(made)
    assert document["spec"]["properties"]["publishingProfile"]["manageActions"]["install"] == text.lstrip("\ufeff")
    assert made.problems == ()


def test_texts_that_take_no_file_stay_in_the_manifest() -> None:
    """Where the schema speaks of no file, lines stand in the manifest as they are."""
    (text,) = exported(found(GALLERY, {"location": "x", "tags": {"note": "one\ntwo"}})).files.values()
    assert "    note: |-\n      one\n      two\n" in text


# ------------------------------------------------------------------------------------------------ names and paths


def test_names_tell_resources_apart() -> None:
    """A name is the resource's own, and as much of what is above it as tells it apart."""
    other = GALLERY.replace("resourceGroups/rg", "resourceGroups/other")
    body = {"location": "x"}
    items = [
        found(GALLERY, body),
        found(other, body),
        found(f"{GALLERY}X", body),
        version(),
        version(VERSION.replace("1.10.0", "2.0.0")),
        version(VERSION.replace("galleries/tools", "galleries/toolsX")),
    ]
    names = {
        path: read_documents(text.encode(), path)[0][0].value["metadata"]["name"]
        for path, text in exported(*items).files.items()
    }
    assert names == {
        "rg/galleries/tools.yaml": "rg-tools",
        "other/galleries/tools.yaml": "other-tools",
        "rg/galleries/toolsX.yaml": "toolsX",
        "rg/galleries/tools/agent/1.10.0.yaml": "tools-agent-1.10.0",
        "rg/galleries/tools/agent/2.0.0.yaml": "agent-2.0.0",
        "rg/galleries/toolsX/agent/1.10.0.yaml": "toolsX-agent-1.10.0",
    }


def test_names_that_join_to_one_are_numbered() -> None:
    """No two manifests share a name, however names are cut, nor is one longer than a name may be."""
    one, two = VERSION.replace("rg/", "a-b/"), VERSION.replace("rg/", "a/").replace("tools", "b-tools")
    long = [VERSION.replace("agent", "a" * 117).replace("tools", "b" * 80).replace("rg", c * 90) for c in "xy"]
    many = [version(each) for each in (one, two, VERSION, *long)]
    found_names = [only(exported(item))["metadata"]["name"] for item in many]
    assert found_names[0] == "agent-1.10.0"
    together = exported(*many)
    names = [document["metadata"]["name"] for document in loaded(together)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 253
    assert {problem.code for problem in together.problems} == {"pattern"}  # of a hyphen in a gallery's name


@pytest.mark.parametrize(
    ("name", "file"), [("reconciler", "_reconciler"), (".hidden", "_.hidden"), ("..", "_.."), ("a b\\c", "a-b-c")]
)
def test_a_file_is_found_again_whatever_the_name(name: str, file: str) -> None:
    """No name hides a manifest from the walk, and none leads out of the folder."""
    (path,) = exported(found(f"{GROUP}/providers/Microsoft.Compute/galleries/{name}", {"location": "x"})).files
    assert path == f"rg/galleries/{file}.yaml"


def test_names_that_differ_by_case_alone_are_two_files() -> None:
    """A file system that knows no case keeps both."""
    texts_ = [{"name": name, "script": "echo\necho"} for name in ("Go", "go", "go-2")]
    made = exported(version(customActions=texts_))
    assert len({path.casefold() for path in made.files}) == len(made.files) == 4
    assert loaded(made)[0]["spec"]["properties"]["publishingProfile"]["customActions"] == texts_


def test_the_schema_line() -> None:
    """Editors find the schema beside the manifests where there is one, else the published one."""
    (text,) = exported(definition(), schemas="../schemas").files.values()
    first = "# yaml-language-server: $schema=../../../schemas/ApplicationDefinition.schema.json"
    assert text.splitlines()[0] == first
    (text,) = exported(definition()).files.values()
    assert "$schema=https://" in text.splitlines()[0]


# --------------------------------------------------------------------------------------------------------- YAML

_AMBIGUOUS: Final = (
    *("1.10", "1.0.0", "no", "On", "y", "N", "null", "~", "", " ", "1:30", "2030-01-01", "0o7", "0x1F", "1e3", "1_000"),
    *(
        ".5",
        ".inf",
        "=",
        "<<",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "a:",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "{a",
        "[a",
    ),
    *(
        "'a'",
        '"a"',
        "|",
        ">",
        "---",
        "...",
        "a\n",
        "\na",
        "a\nb",
        "a\n b\n",
        "a\t",
        "\u00e9",
        "\U0001f600",
        "TRUE",
        "+1",
    ),
    *("-1", "12e4", "1.5e-3", "0b11", "a\r\nb", "$file", "\\", "a\\nb", "2001-12-14t21:59:43.10-05:00", "685_230.15"),
)


@pytest.mark.parametrize("text", _AMBIGUOUS)
def test_ambiguous_texts_stay_texts(text: str) -> None:
    """What a reader of either version of YAML takes for something else, or trims, is quoted."""
    value = {"plain": text, "list": [text, [text], {"in": text}], text: {"below": text}}
    assert_reads_back(value)


@pytest.mark.parametrize(
    "text", ["West Europe", "sh install.sh", "https://x.example/a?b=c", "/a/b", "a, b", SUBSCRIPTION]
)
def test_plain_texts_are_not_quoted(text: str) -> None:
    """A manifest reads like one written by hand."""
    assert write_document({"a": text}) == f"a: {text}\n"


@given(st.dictionaries(texts, json_values, min_size=1, max_size=4))
def test_every_value_reads_back(value: dict[str, Any]) -> None:
    """Every JSON value reads back as the same value, with our reader and with one of YAML 1.1."""
    assert_reads_back(value)


def assert_reads_back(value: dict[str, Any]) -> None:
    """Our reader and PyYAML's give back what was written."""
    text = write_document(value)
    documents, problems = read_documents(text.encode(), "it")
    assert not problems
    assert [document.value for document in documents] == [value]
    assert all(is_readable(line) for line in text.splitlines())
    assert yaml.load(text, yaml.SafeLoader) == value


# -------------------------------------------------------------------------------------------------------- reading


class Arm:
    """Answers lists and reads from what it is given."""

    def __init__(self, lists: Mapping[str, list[dict[str, Any]]], bodies: Mapping[str, dict[str, Any]] = {}) -> None:
        """Answer by the ends of paths."""
        self.asked: list[str] = []
        self._lists = lists
        self._bodies = bodies

    async def list_newest(self, _: Kind, path: str) -> list[dict[str, Any]]:
        """Return a list; 403 for a path that the test did not set up."""
        self.asked.append(path)
        for end, elements in self._lists.items():
            if path.endswith(end):
                return elements
        raise RejectedError(ErrorInfo("AuthorizationFailed", "not for you", 403))

    async def get_newest(self, _: Kind, resource_id: str) -> dict[str, Any]:
        """Return one resource."""
        return self._bodies[resource_id]


def inventory(arm: Arm, wanted: Wanted) -> list[Found]:
    """Return what is found."""
    return list(asyncio.run(take_inventory(wanted, packaged().kinds, cast("ArmReader", arm))))


EVERYTHING: Final = {
    "/galleries": [{"id": GALLERY, "properties": {}}, {"id": f"{GALLERY}X", "properties": {}}],
    "tools/applications": [{"id": APPLICATION, "properties": {}}],
    "toolsX/applications": [],
    "agent/versions": [{"id": VERSION, "properties": {}}],
    "/scripts": [],
    "/applicationDefinitions": [{"id": DEFINITION, "properties": {}}],
}


@pytest.mark.parametrize(
    ("names", "ends", "lists"),
    [
        ({}, ["agent", "1.10.0", "suite", "tools", "toolsX"], 7),
        ({"galleryName": "TOOLS"}, ["agent", "1.10.0", "tools"], 4),
        ({"galleryName": "tools?"}, ["toolsX"], 3),
        ({"galleryApplicationName": "*"}, ["agent", "1.10.0"], 4),
        ({"galleryName": "tools", "galleryApplicationName": "x"}, [], 2),
        ({"applicationDefinitionName": "s*"}, ["suite"], 1),
    ],
)
def test_only_what_is_wanted_is_read(names: dict[str, str], ends: list[str], lists: int) -> None:
    """Names choose kinds that have them, and what is below; no list is read that leads to nothing wanted."""
    arm = Arm(EVERYTHING)
    items = inventory(arm, Wanted(SUBSCRIPTION, "rg", names))
    assert sorted(item.key.rpartition("/")[2] for item in items) == sorted(end.lower() for end in ends)
    assert len(arm.asked) == lists


def test_names_that_no_resource_has_together_are_refused() -> None:
    """Asking for two things at once would give nothing, and look like nothing is there."""
    with pytest.raises(UsageError):
        inventory(Arm({}), Wanted(SUBSCRIPTION, None, {"galleryName": "*", "applicationDefinitionName": "*"}))


def test_a_read_that_fails_ends_the_inventory() -> None:
    """Half an inventory is none."""
    with pytest.raises(RejectedError):
        inventory(Arm({"/galleries": [{"id": GALLERY, "properties": {}}], "/applicationDefinitions": []}), WHOLE)


WHOLE: Final = Wanted(SUBSCRIPTION)


def test_a_list_of_something_else_is_refused() -> None:
    """Nothing is written that was not understood."""
    with pytest.raises(UnusableAnswerError):
        inventory(Arm({"/galleries": [{"id": DEFINITION}], "/applicationDefinitions": []}), WHOLE)


def test_a_resource_that_a_list_only_names_is_read() -> None:
    """A list may name its elements without their properties."""
    arm = Arm({"/galleries": [], "/applicationDefinitions": [{"id": DEFINITION}]}, {DEFINITION: {"location": "x"}})
    (item,) = inventory(arm, WHOLE)
    assert item.live.body == {"location": "x"}


def test_ids_are_in_one_spelling() -> None:
    """ARM answers group names in any case: they are written as typed, else as first seen, below each other too."""
    shouted = VERSION.replace("/rg/", "/RG/").replace("tools", "TOOLS")
    arm = Arm({**EVERYTHING, "agent/versions": [{"id": shouted, "properties": {}}]})
    groups = {item.params["resourceGroupName"] for item in inventory(arm, Wanted(SUBSCRIPTION, "Rg"))}
    assert groups == {"Rg"}
    arm = Arm({**EVERYTHING, "agent/versions": [{"id": shouted, "properties": {}}]})
    items = inventory(arm, Wanted(SUBSCRIPTION.upper()))
    assert {item.params["resourceGroupName"] for item in items} == {"rg"}
    assert {item.params["subscriptionId"] for item in items} == {SUBSCRIPTION.upper()}
    assert {item.params.get("galleryName", "tools") for item in items} == {"tools", "toolsX"}
