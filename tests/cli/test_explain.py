"""Explaining one resource: every field with its values, their places, its word and the reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.responses import JSONResponse

from reconciler.emulator.server import serve_in_thread
from tests.kit.cli import (
    LINK,
    REGIONS,
    Azure,
    Workspace,
    application,
    changed,
    definition,
    estate,
    gallery,
    resource,
    version,
)
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tests.cli.conftest import Command, Reporting
    from tests.conftest import Golden
    from tests.kit.cli import Manifest

GOLDEN: Final = Path(__file__).parent / "golden"
CANARY: Final = "CANARY-91c2"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")


async def _forbid(scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse({"error": {"code": "AuthorizationFailed", "message": "no access"}}, 403)
    await answer(scope, receive, send)


def explained(run: Command, made: Manifest, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return the fields of a resource by path, of what ``explain`` says in JSON."""
    done = run("explain", f"{made['kind']}/{made['metadata']['name']}", *arguments, "-o", "json")
    assert done.code == code, (done.out, done.err)
    answer = json.loads(done.out)
    assert (answer["command"], answer["kind"], answer["name"]) == ("explain", made["kind"], made["metadata"]["name"])
    return {field["path"]: field for field in answer["fields"]}


@pytest.mark.parametrize(
    "target",
    [
        "Gallery/larkspur-apps",
        "GalleryApplication/agent",
        "GalleryApplicationVersion/agent-2.0.0",
        "ApplicationDefinition/customer-portal",
    ],
)
def test_a_resource_of_every_kind(work: Workspace, run: Command, golden: Golden, target: str) -> None:
    """What there is to say of the estate of this repository once it is applied; every difference is a change."""
    work.manifests.rmdir()
    copytree(ROOT / "manifests", work.manifests)
    assert run("apply").code == 0
    done = run("explain", target)
    assert (done.code, done.err) == (0, "")
    assert done.out.rstrip().splitlines()[-1].startswith(f"{done.out.count('    why: ')} fields: ")
    assert not re.search("^(change|immutable|undeclared|unverified)", done.out, re.MULTILINE)
    golden(_TIME.sub("(time)", done.out), GOLDEN / f"explain-{target.partition('/')[0]}.txt")


def test_why_it_is_a_change(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """A value changed by another client: both sides, the line, the class, and the effect of a PUT."""
    work.state(*estate())
    report("apply")
    azure.edit(version(), "properties.publishingProfile.targetRegions.0.regionalReplicaCount", 3)
    path = f"{REGIONS}[West Europe].regionalReplicaCount"
    field = explained(run, version())[path]
    assert field == {
        "path": path,
        "verdict": "change",
        "why": "The live value differs: a PUT sets the declared one.",
        "class": "updatable",
        "rules": ["default: the value of properties.publishingProfile.replicaCount"],
        "stated": 1,
        "observed": 3,
        "origin": {"layer": "manifest", "file": "manifests/GalleryApplicationVersion-agent-1.0.0.yaml", "line": 21},
        "compared": {"desired": 1, "observed": 3},
        "ignoredBy": [],
    }
    assert resource(report("plan"), version())["changes"][0]["line"] == 21
    done = run("explain", "GalleryApplicationVersion/agent-1.0.0", "properties.*.targetRegions[westeurope].regional*")
    assert done.out.splitlines()[4:] == [
        "    update: differs from the manifest",
        "",
        f"change  {path}",
        "    stated: 1  manifests/GalleryApplicationVersion-agent-1.0.0.yaml:21",
        "    live: 3",
        "    class: updatable; default: the value of properties.publishingProfile.replicaCount",
        "    why: The live value differs: a PUT sets the declared one.",
        "",
        "1 field: 1 change",
    ]


def test_why_it_is_none(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Another spelling, a default, what the service picks, what is its own."""
    work.state(*estate())
    report("apply")
    azure.edit(version(), "location", "westeurope")
    fields = explained(run, version())
    assert fields["location"]["verdict"] == "equal"
    assert fields["location"]["compared"] == {"desired": "westeurope", "observed": "westeurope"}
    words = {path: field["verdict"] for path, field in fields.items()}
    assert words["properties.publishingProfile.replicaCount"] == "default"
    assert words["properties.provisioningState"] == "read-only"
    assert words["galleryName"] == "equal"
    content = explained(run, definition())["properties.packageFileUri"]
    assert (content["verdict"], content["class"]) == ("equal", "write-only")


def test_frozen_undeclared_ignored_and_unverified(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """The words of a plan, each with its reason; an ignored one with the reason of its rule."""
    rule = {"path": "properties.publishingProfile.replicaCount", "reason": "theirs", "expires": "2999-12-31"}
    work.project(ignore=[rule])
    work.state(*estate())
    report("apply")
    azure.edit(version(), "properties.publishingProfile.replicaCount", 3)
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "other")
    azure.edit(version(), "tags.extra", "x")
    azure.rewrite(definition(), lambda body: {**body, "tags": {}})
    fields = explained(run, version())
    assert fields["properties.publishingProfile.manageActions.install"]["verdict"] == "immutable"
    assert fields["tags.extra"]["verdict"] == "undeclared"
    ignored = fields[rule["path"]]
    assert (ignored["verdict"], ignored["ignoredBy"]) == ("ignored", [rule])
    assert explained(run, definition())["properties.packageFileUri"]["verdict"] == "unverified"


def test_where_values_come_from(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Manifest, overlay, defaults of the environment, defaults of the project: each by its file and line."""
    work.project(
        defaults={"tags": {"team": "endpoint", "stage": "none"}},
        environments={"test": {"defaults": {"tags": {"stage": "test"}}, "overlay": "overlays"}},
    )
    work.state(gallery(description="base"))
    work.file(
        "overlays/g.yaml",
        "apiVersion: reconciler.dev/v1\nkind: Gallery\nmetadata: {name: tools}\n"
        "spec: {properties: {description: over}}\n",
    )
    report("apply", "-e", "test")
    work.state(gallery(description="base"))
    fields = explained(run, gallery(), "-e", "test")
    places = {path: (f["origin"]["layer"], f["origin"]["file"]) for path, f in fields.items() if f["origin"]}
    assert places["location"] == ("manifest", "manifests/Gallery-tools.yaml")
    assert places["properties.description"] == ("overlay", "overlays/g.yaml")
    assert places["tags.stage"] == ("environment", "reconciler.yaml")
    assert places["tags.team"] == ("project", "reconciler.yaml")
    lines = work.folder.joinpath("reconciler.yaml").read_text().splitlines()
    for path in ("tags.stage", "tags.team"):
        assert lines[fields[path]["origin"]["line"] - 1].strip() == f"{path[5:]}: {fields[path]['stated']}"
    text = run("explain", "Gallery/tools", "properties.description", "-e", "test").out
    assert "stated: over  overlays/g.yaml:4  (overlay)" in text
    assert "(defaults of the project)" in run("explain", "Gallery/tools", "tags.team").out
    azure.edit(gallery(), "properties.description", "other")
    assert "description: other → over  overlays/g.yaml:4\n" in run("plan", "-e", "test").out
    assert resource(report("plan", "-e", "test"), gallery())["changes"][0]["line"] is None


def test_what_does_not_exist_yet(work: Workspace, azure: Azure, run: Command) -> None:
    """As a plan of everything has it: its parents come with it. Nothing is written."""
    work.state(*estate())
    done = run("explain", "GalleryApplicationVersion/*")
    assert done.code == 0
    assert done.out.splitlines()[4] == "    create: does not exist yet"
    assert "the PUT that creates it sends this" in done.out
    assert azure.holds()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Gallery/other",), "Gallery/other matches no manifest"),
        (("Gallery*",), "matches 3 manifests"),
        (("Gallery/tools", "properties.nothing"), "properties.nothing"),
        (("Gallery/tools", "-o", "markdown"), "markdown"),
        ((), "Missing argument"),
        (("Gallery/tools", "location", "more"), "unexpected extra argument"),
    ],
)
def test_wrong_usage(work: Workspace, run: Command, arguments: tuple[str, ...], message: str) -> None:
    """Exit 64, and what to say instead."""
    work.state(*estate())
    done = run("explain", *arguments)
    assert (done.code, done.out) == (64, "")
    assert message in done.err


def test_a_field_that_nobody_states(work: Workspace, run: Command, report: Reporting) -> None:
    """Asked for by its path it is told of, though a whole explanation leaves it out."""
    work.state(*estate())
    report("apply")
    assert "properties.description" not in explained(run, application())
    (field,) = explained(run, application(), "properties.description").values()
    assert (field["verdict"], field["origin"]) == ("not stated", None)
    assert "stated" not in field


def test_manifests_elsewhere(work: Workspace, run: Command) -> None:
    """A file or a folder by its option."""
    work.file("other/a.yaml", work.add(gallery("else")).read_text())
    work.state(gallery())
    assert run("explain", "Gallery/else").code == 64
    assert run("explain", "Gallery/else", "-f", "other").code == 0
    assert run("explain", "Gallery/else", "--manifests", "other/a.yaml").code == 0


@pytest.mark.parametrize("output", ["text", "json"])
def test_what_is_not_valid_cannot_be_explained(work: Workspace, run: Command, output: str) -> None:
    """It is what validate says of it, and exit 1."""
    work.state(gallery(), changed(gallery("two"), "properties.nothing", 1))
    done = run("explain", "Gallery/tools", "-o", output)
    assert done.code == 1
    assert done.out.replace(" ", "").count("nothing") >= 1
    assert output == "text" or json.loads(done.out)["errors"][0]["path"] == "spec.properties.nothing"


def test_what_could_not_be_read(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1; what is stated is told all the same."""
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    work.state(*estate())
    with serve_in_thread(_forbid) as endpoint:
        fields = explained(run, gallery(), "--endpoint", endpoint, code=1)
        done = run("explain", "Gallery/tools", "--endpoint", endpoint)
        told = json.loads(run("explain", "Gallery/tools", "--endpoint", endpoint, "-o", "json").out)
    assert list(told["error"]) == ["code", "message", "status", "requestId", "fix"]
    assert {field["verdict"] for field in fields.values()} == {"unverified"}
    assert "    unknown: could not be read\n    error[AuthorizationFailed]: no access" in done.out


def test_hostile_text_and_secrets(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Nothing that a terminal or a CI runner would obey, and no signature of a link."""
    hostile = "a\x1b[31m\u202e::error::x ##vso[task]"
    work.state(gallery(description="x"), application(), version(source={"mediaLink": f"{LINK}?sig={CANARY}"}))
    report("apply")
    azure.edit(gallery(), "properties.description", hostile)
    for arguments in (("Gallery/tools",), ("GalleryApplicationVersion/agent-1.0.0",)):
        for output in ("text", "json"):
            out = run("explain", *arguments, "-o", output).out
            assert CANARY not in out
            assert not {"\x1b", "\u202e"} & set(out)
            assert "::error" not in out
            assert "##" not in out


def test_the_plan_is_the_same_for_it(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """The head is what a plan says; blocked with its fix."""
    work.state(*estate())
    report("apply")
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "other\ntext")
    done = run("explain", "GalleryApplicationVersion/agent-1.0.0", "properties.publishingProfile.manageActions")
    planned = resource(report("plan", code=1), version())
    assert done.code == 0
    assert "    blocked: an immutable field has changed" in done.out
    assert f" fix: {planned['fix']}" in done.flat
    assert "line 1: other → sh install.sh" in done.out
