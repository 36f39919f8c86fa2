"""Tracking tags, ownership, and content that Azure never gives back."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    COMMIT,
    PACKAGE,
    Azure,
    Workspace,
    annotated,
    application,
    changed,
    changes_of,
    commit,
    definition,
    estate,
    gallery,
    git,
    inline,
    resource,
    verdict,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting


def test_digest_only_where_there_is_content(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Only kinds with write-only content carry a digest; without a project and a commit there is no other tag."""
    work.state(*estate())
    report("apply")
    assert [azure.tags(made) for made in estate()[:3]] == [{}, {}, {}]
    tags = azure.tags(definition())
    assert list(tags) == ["reconciler-digest"]
    assert re.fullmatch("v2 packageFileUri=[0-9a-f]{32}", tags["reconciler-digest"])


@pytest.mark.parametrize(
    "variables",
    [
        ("RECONCILER_COMMIT", "GITHUB_SHA", "BUILD_SOURCEVERSION", "CI_COMMIT_SHA"),
        ("GITHUB_SHA", "BUILD_SOURCEVERSION", "CI_COMMIT_SHA"),
        ("BUILD_SOURCEVERSION", "CI_COMMIT_SHA"),
        ("CI_COMMIT_SHA",),
    ],
)
def test_project_and_commit(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...]
) -> None:
    """The project's name and the first commit that is told are written with a PUT, and are never a reason for one."""
    work.project("endpoint")
    work.state(*estate())
    for index, name in enumerate(variables):
        monkeypatch.setenv(name, COMMIT if index == 0 else "f" * 40)
    report("apply")
    for made in estate():
        tags = azure.tags(made)
        assert (tags["reconciler-project"], tags["reconciler-commit"]) == ("endpoint", COMMIT)
    monkeypatch.setenv(variables[0], "e" * 40)
    assert report("apply")["summary"]["puts"] == 0
    plan = report("plan", "--detailed-exitcode")
    assert changes_of(plan) == []


def test_commit_of_a_clean_tree(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Without a variable the commit is HEAD, but only when the tree is clean."""
    work.state(gallery("one"))
    git(work.folder, "init", "--quiet")
    head = commit(work.folder)
    report("apply")
    assert azure.tags(gallery("one"))["reconciler-commit"] == head
    work.add(gallery("two"))
    report("apply")
    assert "reconciler-commit" not in azure.tags(gallery("two"))


def test_commit_and_the_project_file(work: Workspace, azure: Azure, report: Reporting, tmp_path: Path) -> None:
    """It belongs to what has to be as in HEAD, unless it is kept elsewhere."""
    work.state(gallery("one"))
    work.project("endpoint")
    git(work.folder, "init", "--quiet")
    head = commit(work.folder)
    report("apply")
    assert azure.tags(gallery("one"))["reconciler-commit"] == head
    work.project("endpoint", strict=True)
    azure.remove(gallery("one"))
    report("apply")
    assert "reconciler-commit" not in azure.tags(gallery("one"))
    shutil.move(work.folder / "reconciler.yaml", tmp_path / "kept.yaml")
    work.state(gallery("two"))
    head = commit(work.folder)
    report("apply", "--config", str(tmp_path / "kept.yaml"))
    assert azure.tags(gallery("two"))["reconciler-commit"] == head


def test_prefix(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The prefix of the tags is the project's choice, and may not be stated."""
    work.project("endpoint", tracking={"prefix": "larkspur"})
    work.state(definition())
    report("apply")
    assert set(azure.tags(definition())) == {"larkspur-digest", "larkspur-project"}
    work.state(changed(definition(), "tags", {"Larkspur-x": "1"}))
    report("plan", code=1)
    work.state(changed(definition(), "tags", {"reconciler-x": "1"}))
    report("plan")


def test_tracking_off(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Without tracking no tag is written, and write-only content stays unverified, which is no reason for a PUT."""
    work.project("endpoint", tracking={"tags": False})
    work.state(*estate())
    report("apply")
    assert azure.tags(definition()) == {}
    plan = report("plan", "--detailed-exitcode")
    assert verdict(plan, definition()) == ("none", plan["resources"][-1]["reason"], "Unknown")
    assert {change["finding"] for change in changes_of(plan)} == {"unverified"}
    assert report("apply")["summary"]["puts"] == 0
    assert report("drift")["summary"]["drift"] == 0


def test_owned_elsewhere(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What another project tagged is blocked until it is taken over."""
    work.project("first")
    work.state(definition())
    report("apply")
    work.project("second")
    work.state(definition(displayName="Mine"))
    plan = report("plan", code=1)
    assert verdict(plan, definition()) == ("blocked", "owned-elsewhere", "OutOfSync")
    assert "--take-over" in resource(plan, definition())["fix"]
    assert report("apply", code=1)["summary"]["puts"] == 0
    assert azure.tags(definition())["reconciler-project"] == "first"
    assert report("plan", "--take-over")["summary"]["update"] == 1
    report("apply", "--take-over")
    assert azure.tags(definition())["reconciler-project"] == "second"
    assert report("plan")["summary"]["inSync"] == 1


def test_no_project_no_ownership(work: Workspace, report: Reporting) -> None:
    """Without a project file the owner in a resource's tags is ignored."""
    work.project("first")
    work.state(definition())
    report("apply")
    (work.folder / "reconciler.yaml").unlink()
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1


def test_adoption(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Content with no digest is sent once to record it; then all is in sync."""
    azure.seed(definition())
    work.state(definition())
    plan = report("plan", "--detailed-exitcode", code=2)
    assert verdict(plan, definition()) == ("update", "adopt", "OutOfSync")
    assert [(c["path"], c["finding"]) for c in changes_of(plan)] == [("properties.packageFileUri", "unverified")]
    applied = report("apply")
    assert applied["summary"]["requests"]["PUT"] == 1
    assert "reconciler-digest" in azure.tags(definition())
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1


@pytest.mark.parametrize(
    "digest", ["", "v1-", "v2-" + "0" * 64, "v1-" + "0" * 63, "v1-" + "G" * 64, "v2 ", "v2 packageFileUri=abc"]
)
def test_malformed_digest(work: Workspace, azure: Azure, report: Reporting, digest: str) -> None:
    """A malformed digest is none."""
    work.state(definition())
    report("apply")
    azure.edit(definition(), "tags", {"reconciler-digest": digest})
    assert verdict(report("plan"), definition())[:2] == ("update", "adopt")


def test_no_adopt(work: Workspace, azure: Azure, report: Reporting) -> None:
    """With --no-adopt nothing is sent, and the sync is not known."""
    azure.seed(definition())
    work.state(definition())
    plan = report("plan", "--no-adopt", "--detailed-exitcode")
    assert (resource(plan, definition())["action"], resource(plan, definition())["sync"]) == ("none", "Unknown")
    assert plan["summary"]["inSync"] == plan["summary"]["drift"] == 0
    assert report("apply", "--no-adopt")["summary"]["puts"] == 0
    assert report("drift", "--no-adopt")["summary"]["drift"] == 0


def test_changed_content(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Content that differs from the recorded digest is a change, and one PUT."""
    work.state(inline())
    report("apply")
    before = azure.tags(inline())["reconciler-digest"]
    other = changed(inline(), "properties.mainTemplate", {"resources": [1]})
    work.state(other)
    plan = report("plan", "--detailed-exitcode", code=2)
    assert verdict(plan, other) == ("update", "fields-differ", "OutOfSync")
    assert [(change["path"], change["finding"]) for change in changes_of(plan)] == [
        ("properties.mainTemplate", "change")
    ]
    assert report("apply")["summary"]["requests"]["PUT"] == 1
    assert azure.tags(inline())["reconciler-digest"] != before
    assert azure.stored(inline())["properties"]["mainTemplate"] == {"resources": [1]}
    assert report("apply")["summary"]["requests"]["PUT"] == 0


@pytest.mark.parametrize("field", ["mainTemplate", "createUiDefinition"])
def test_a_plan_names_the_one_template_that_changed(
    work: Workspace, azure: Azure, report: Reporting, run: Command, field: str
) -> None:
    """The other is none of its changes, nor of its text."""
    work.state(inline())
    report("apply")
    work.state(changed(inline(), f"properties.{field}", {"resources": [1]}))
    assert [change["path"] for change in changes_of(report("plan"))] == [f"properties.{field}"]
    assert ({"mainTemplate", "createUiDefinition"} - {field}).pop() not in run("plan").out
    report("apply")
    assert report("plan")["summary"]["inSync"] == 1


def test_from_templates_to_a_package(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What was not sent before is added."""
    work.state(inline())
    report("apply")
    work.state(definition())
    plan = report("plan")
    assert [(each["path"], each["op"]) for each in changes_of(plan)] == [("properties.packageFileUri", "add")]
    report("apply")
    assert report("plan")["summary"]["inSync"] == 1
    assert azure.tags(definition())["reconciler-digest"].startswith("v2 packageFileUri=")


def test_a_checksum_speaks_of_the_package(work: Workspace, report: Reporting) -> None:
    """A new file under an old link."""
    work.state(definition())
    report("apply")
    for checksum in ("a" * 64, "b" * 64):
        work.state(annotated(definition(), **{"package-sha256": checksum}))
        assert [each["path"] for each in changes_of(report("plan"))] == ["properties.packageFileUri"]
        report("apply")
        assert report("plan")["summary"]["inSync"] == 1


def test_the_stamp_of_another_compiler_publishes_nothing(work: Workspace, report: Reporting) -> None:
    """Bicep writes its own version into every template that it makes."""

    def stamped(version: str) -> dict[str, object]:
        return {"metadata": {"_generator": {"name": "bicep", "version": version, "templateHash": version}}}

    def template(version: str) -> dict[str, object]:
        nested = {"type": "Microsoft.Resources/deployments", "properties": {"template": stamped(version)}}
        return {**stamped(version), "resources": [nested]}

    work.state(changed(inline(), "properties.mainTemplate", template("0.30.3")))
    report("apply")
    work.state(changed(inline(), "properties.mainTemplate", template("0.31.92")))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    nested = {"type": "Microsoft.Resources/deployments", "properties": {"template": {}}}
    work.state(changed(inline(), "properties.mainTemplate", {"resources": [nested]}))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1


def test_a_digest_of_the_former_version(work: Workspace, azure: Azure, report: Reporting) -> None:
    """One that fits is in sync and causes no PUT; the next PUT writes the present one; another is a change of all."""
    work.state(inline())
    report("apply")
    content = {
        "properties.mainTemplate": inline()["spec"]["properties"]["mainTemplate"],
        "properties.createUiDefinition": inline()["spec"]["properties"]["createUiDefinition"],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    former = f"v1-{hashlib.sha256(text.encode()).hexdigest()}"
    azure.edit(inline(), "tags", {"reconciler-digest": former})
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    assert report("apply")["summary"]["requests"]["PUT"] == 0
    assert azure.tags(inline())["reconciler-digest"] == former
    work.state(inline(displayName="Other"))
    assert [each["path"] for each in changes_of(report("plan"))] == ["properties.displayName"]
    report("apply")
    assert azure.tags(inline())["reconciler-digest"].startswith("v2 mainTemplate=")
    azure.edit(inline(), "tags", {"reconciler-digest": "v1-" + "0" * 64})
    assert {each["path"] for each in changes_of(report("plan"))} == {*content}


def test_query_is_no_content(work: Workspace, report: Reporting) -> None:
    """Another signature on the same package is no difference; another blob is."""
    work.state(definition(packageFileUri=f"{PACKAGE}?sv=1&sig=CANARY-one"))
    report("apply")
    work.state(definition(packageFileUri=f"{PACKAGE}?sv=2&sig=CANARY-two"))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    work.state(definition(packageFileUri=f"{PACKAGE}.new?sig=CANARY-two"))
    plan = report("plan", "--detailed-exitcode", code=2)
    assert "CANARY" not in str(plan)


def test_package_hash(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A new hash of the package is a difference under the old URL."""
    work.state(annotated(definition(), package_sha256="a" * 64))
    report("apply")
    work.state(annotated(definition(), package_sha256="A" * 64))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    work.state(annotated(definition(), package_sha256="b" * 64))
    assert report("apply")["summary"]["requests"]["PUT"] == 1


def test_number_types_in_content(work: Workspace, report: Reporting) -> None:
    """In a template 1 is not 1.0, and the order of keys does not count."""
    work.state(changed(inline(), "properties.mainTemplate", '{"a": 1, "b": 2}'))
    report("apply")
    work.state(changed(inline(), "properties.mainTemplate", '{"b": 2, "a": 1}'))
    assert report("plan")["summary"]["inSync"] == 1
    work.state(changed(inline(), "properties.mainTemplate", '{"a": 1.0, "b": 2}'))
    assert report("plan")["summary"]["update"] == 1


def test_digest_is_never_shown(work: Workspace, azure: Azure, report: Reporting) -> None:
    """No report shows a digest of content."""
    work.state(definition())
    applied = report("apply")
    digest = azure.tags(definition())["reconciler-digest"]
    work.state(definition(packageFileUri=f"{PACKAGE}.new"))
    assert digest not in str(applied)
    assert digest not in str(report("plan"))


def test_fifty_tags_with_ours(work: Workspace, report: Reporting) -> None:
    """The fifty tags of a resource include the tracking ones."""
    work.project("endpoint")
    work.state(changed(definition(), "tags", {f"t{n}": "x" for n in range(48)}))
    report("validate", code=1)
    work.state(changed(definition(), "tags", {f"t{n}": "x" for n in range(47)}))
    report("validate")


def test_children_of_a_foreign_parent(work: Workspace, report: Reporting) -> None:
    """A parent that belongs to another project exists: its children are created."""
    work.project("first")
    work.state(gallery())
    report("apply")
    work.project("second")
    work.state(gallery(), application())
    plan = report("plan", code=1)
    assert verdict(plan, gallery())[:2] == ("blocked", "owned-elsewhere")
    assert verdict(plan, application())[:2] == ("create", "not-found")


def test_a_put_without_tracking_leaves_no_digest_of_an_earlier_one(
    work: Workspace, azure: Azure, report: Reporting
) -> None:
    """It sends other content: the old digest would call the old manifest in sync with it."""
    first = definition(description="first", packageFileUri=PACKAGE)
    second = definition(description="second", packageFileUri=PACKAGE.replace("app", "other"))
    work.state(first)
    report("apply")
    work.project("endpoint", tracking={"tags": False})
    work.state(second)
    report("apply")
    assert "reconciler-digest" not in azure.stored(definition()).get("tags", {})
    work.project("endpoint")
    work.state(first)
    assert "properties.packageFileUri" in [change["path"] for change in changes_of(report("plan"))]
