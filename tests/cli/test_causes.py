"""Drift told from what waits in git: by field, by resource, by exit code, and in what an apply repairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import changed, commit, definition, estate, gallery, git, inline, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

PACKAGE = "https://packages.blob.core.windows.net/suite/other.zip"


@pytest.fixture
def applied(work: Workspace, report: Reporting) -> Workspace:
    """Return a repository whose only commit was applied."""
    git(work.folder, "init", "--quiet")
    work.state(*estate())
    commit(work.folder)
    report("apply")
    return work


def edit(work: Workspace, path: str = "properties.displayName", value: Any = "New") -> None:
    """Edit the definition in git."""
    work.add(changed(definition(), path, value))
    commit(work.folder)


def drift(azure: Azure, path: str = "properties.displayName", value: Any = "Moved") -> None:
    """Edit the definition in Azure."""
    azure.edit(definition(), path, value)


def causes(found: dict[str, Any]) -> dict[str, Any]:
    """Return the causes of a report by path, and of each resource by name."""
    named = {each["name"]: each["cause"] for each in found["resources"] if "cause" in each}
    return named | {field["path"]: field.get("cause") for each in found["resources"] for field in each["changes"]}


def test_a_drift(applied: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """The live side moved, and git did not."""
    drift(azure)
    expected = {"suite": "drift", "properties.displayName": "drift"}
    assert causes(report("plan")) == causes(report("drift", code=2)) == expected
    assert run("drift", "--detailed-exitcode").code == 2
    assert "changed outside git (drift)" in run("plan").out


def test_what_waits_in_git(applied: Workspace, report: Reporting, run: Command) -> None:
    """The manifest moved, and the live side did not; exit code 3 is for that alone."""
    edit(applied)
    assert causes(report("drift", code=2)) == {"suite": "pending", "properties.displayName": "pending"}
    assert run("drift", "--detailed-exitcode").code == 3
    assert run("drift").code == 2
    assert "pending in git" in run("plan").out


def test_both(applied: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """On one field, or on two of one resource."""
    edit(applied)
    drift(azure)
    assert causes(report("plan")) == {"suite": "both", "properties.displayName": "both"}
    drift(azure, value="Suite")
    drift(azure, "properties.description", "Moved")
    found = causes(report("plan"))
    assert found["suite"] == "pending"  # an undeclared value has no cause
    applied.add(changed(definition(displayName="New"), "properties.description", "Mine"))
    commit(applied.folder)
    assert causes(report("plan"))["properties.description"] == "both"
    assert run("drift", "--detailed-exitcode").code == 2


def test_content_that_is_never_returned(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """By its digest: of the manifest, or in the tag."""
    edit(applied, "properties.packageFileUri", PACKAGE)
    assert causes(report("plan"))["properties.packageFileUri"] == "pending"
    edit(applied, "properties.packageFileUri", definition()["spec"]["properties"]["packageFileUri"])
    for digest in ("v1-" + "0" * 64, f"v2 packageFileUri={'0' * 32}"):
        azure.edit(definition(), "tags.reconciler-digest", digest)
        assert causes(report("plan"))["properties.packageFileUri"] == "drift"


def test_the_cause_is_of_the_field(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """One template is edited in git, and the record of the other is not of what was applied."""
    applied.state(*estate()[:3], inline())
    commit(applied.folder)
    report("apply")
    applied.add(changed(inline(), "properties.mainTemplate", {"resources": [1]}))
    commit(applied.folder)
    assert causes(report("plan")) == {"suite": "pending", "properties.mainTemplate": "pending"}
    tag = azure.tags(inline())["reconciler-digest"]
    azure.edit(
        inline(), "tags.reconciler-digest", re.sub("createUiDefinition=.{32}", f"createUiDefinition={'0' * 32}", tag)
    )
    found = causes(report("plan"))
    assert (found["properties.mainTemplate"], found["properties.createUiDefinition"]) == ("pending", "drift")


def test_lists_and_defaults(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """An element that went is found in what stated it, a field that went in its default."""
    azure.edit(version(), "properties.publishingProfile.targetRegions", [])
    azure.edit(version(), "properties.publishingProfile.excludeFromLatest", value=True)
    found = causes(report("plan"))
    assert found["agent-1.0.0"] == "drift"
    assert "properties.publishingProfile.excludeFromLatest" in found


def test_a_commit_that_is_not_here(applied: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """A shallow clone, or a tag that names nothing, is no reason to fail, and no reason to guess."""
    drift(azure)
    for tag in ("f" * 40, "--output=x", "HEAD"):
        azure.edit(definition(), "tags.reconciler-commit", tag)
        assert causes(report("plan")) == {"suite": "unknown", "properties.displayName": "unknown"}
    assert run("drift", "--detailed-exitcode").code == 2
    assert not (applied.folder / "x").exists()


def test_no_repository(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Without a repository no git is started, and no cause is reported."""
    work.state(definition())
    report("apply")
    drift(azure)
    assert set(causes(report("plan")).values()) == {None}


def test_what_is_gone_and_what_is_new(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource that was applied once and is deleted has drifted; for a new manifest the cause is unknown."""
    azure.remove(definition())
    drifted = changed(gallery(), "properties.description", "x")
    applied.add(drifted, gallery("more"), file="Gallery-tools.yaml")
    commit(applied.folder)
    found = causes(report("plan"))
    assert (found["suite"], found["more"], found["tools"]) == ("drift", "unknown", "pending")


def test_what_alone_is_gone(applied: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """The remaining resources' commit shows that it was applied; no other difference is needed. A repair creates it."""
    azure.remove(definition())
    assert causes(report("plan")) == {"suite": "drift"}
    for form in ("text", "markdown", "html"):
        assert "changed outside git (drift): applied before, and deleted since" in run("plan", "-o", form).out
    assert report("apply", "--only", "drift")["summary"]["puts"] == 1
    assert causes(report("plan")) == {}


def test_what_differs_is_told_before_what_is_gone(
    applied: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of few commits that are read, its own comes first, however many others were applied from another."""
    monkeypatch.setattr("reconciler.history.applied._MOST_COMMITS", 1)
    edit(applied)
    report("apply")
    drift(azure)
    azure.remove(version())
    assert causes(report("plan"))["suite"] == "drift"


def test_what_is_gone_and_was_edited(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """Making it again would publish the edit, so it is no drift alone."""
    edit(applied)
    azure.remove(definition())
    assert causes(report("plan")) == {"suite": "both"}
    assert report("apply", "--only", "drift")["summary"]["puts"] == 0


def test_the_state_of_the_embedded_arm_is_no_edit(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, report: Reporting
) -> None:
    """Where it lies in the repository, the tree is as clean as before: the second apply knows its commit, too."""
    monkeypatch.delenv("RECONCILER_EMULATOR_STATE")
    git(work.folder, "init", "--quiet")
    work.state(definition())
    commit(work.folder)
    report("apply")
    edit(work)
    report("apply")
    edit(work, value="Newer")
    assert causes(report("plan")) == {"suite": "pending", "properties.displayName": "pending"}


def test_in_sync_asks_nobody(applied: Workspace, report: Reporting) -> None:
    """Git is not run where nothing differs, and no cause is told."""
    (applied.folder / ".git" / "HEAD").unlink()
    assert causes(report("plan")) == {}


def test_only_drift_publishes_nothing_after_a_wait(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource decided again after another client's operation keeps the rule: an edit in git stays pending."""
    body = azure.stored(gallery())
    applied.add(changed(gallery(), "properties.description", "Mine"))
    commit(applied.folder)
    again = {"location": body["location"], "tags": body["tags"], "properties": {"description": "Moved"}}
    azure.send("PUT", gallery(), again, operation_seconds=0.3)
    found = report("apply", "--only", "drift")
    assert found["summary"]["puts"] == 0
    assert azure.stored(gallery())["properties"]["description"] == "Moved"


def test_only_drift_is_repaired(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource that was edited in git stays pending, and is counted."""
    edit(applied)
    azure.edit(gallery(), "properties.description", "Moved")
    applied.add(changed(gallery(), "properties.description", "Mine"))
    commit(applied.folder)
    report("apply", "--target", "Gallery/tools")
    azure.edit(gallery(), "properties.description", "Moved")
    found = report("apply", "--only", "drift")
    assert found["summary"]["puts"] == 1
    assert [each["name"] for each in found["resources"] if each["outcome"] == "succeeded"] == ["tools"]
    assert "not-drift" in [warning["code"] for warning in found["warnings"]]
    assert causes(report("plan")) == {"suite": "pending", "properties.displayName": "pending"}
