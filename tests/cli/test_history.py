"""What is said of edits: which Azure would refuse, what is left behind, and what was edited at all."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    annotated,
    application,
    changed,
    commit,
    definition,
    estate,
    gallery,
    git,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Manifest, Workspace

INSTALL = "properties.publishingProfile.manageActions.install"
REGIONS = "properties.publishingProfile.targetRegions"


@pytest.fixture
def base(work: Workspace) -> Workspace:
    """Return a repository whose first commit, on main, states one of every kind; HEAD is a branch of it."""
    work.state(*estate())
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    commit(work.folder)
    git(work.folder, "switch", "--quiet", "--create", "branch")
    return work


def test_an_edit_that_azure_refuses(base: Workspace, report: Reporting) -> None:
    """A frozen field of a published version: the field, both values, the line and the way out."""
    file = base.add(changed(version(), INSTALL, "sh other.sh"))
    (error,) = report("validate", "--against", "main", code=1)["errors"]
    assert error["code"] == "immutable-field"
    assert error["path"] == "properties.publishingProfile.manageActions.install"
    assert (error["file"], file.read_text().splitlines()[error["line"] - 1].split(":")[0].strip()) == (
        f"manifests/{file.name}",
        "install",
    )
    assert '"sh install.sh" at main, "sh other.sh" now' in error["message"]
    assert "reconciler new-version GalleryApplicationVersion/agent-1.0.0" in error["fix"]
    assert "https://learn.microsoft.com" in error["fix"]


@pytest.mark.parametrize(
    ("edited", "code"),
    [
        (changed(gallery(), "location", "North Europe"), "immutable-field"),
        (changed(application(), "properties.supportedOSType", "Windows"), "immutable-field"),
        (changed(version(), REGIONS, [{"name": "North Europe"}, {"name": "West Europe"}]), None),
        (changed(version(), "properties.publishingProfile.endOfLifeDate", "2030-01-01T00:00:00Z"), None),
        (changed(definition(), "properties.displayName", "Other"), None),
        (version("2.0.0"), None),
    ],
)
def test_edits_of_every_sort(base: Workspace, report: Reporting, edited: Manifest, code: str | None) -> None:
    """What Azure takes is no error, nor is anything new."""
    base.add(edited)
    errors = report("validate", "--against", "main", code=int(code is not None))["errors"]
    assert [error["code"] for error in errors] == ([code] if code else [])


def test_an_edit_far_down_a_script(base: Workspace, report: Reporting) -> None:
    """Of long values that which differs is shown, and of a signature nothing, wherever the value is cut."""
    long = "echo hello; " * 20
    link = "https://x.blob.core.windows.net/c/p?sig=" + "CANARY" * 20
    base.add(changed(version(), INSTALL, f"{long}one {link}A"))
    commit(base.folder)
    base.add(changed(version(), INSTALL, f"{long}two {link}B"))
    (error,) = report("validate", "--against", "HEAD", code=1)["errors"]
    assert "hello; one" in error["message"]
    assert "hello; two" in error["message"]
    base.add(changed(version(), INSTALL, f"{long}one {link}B"))
    (error,) = report("validate", "--against", "HEAD", code=1)["errors"]
    assert "CANARY" not in error["message"]


def test_a_region_that_goes(base: Workspace, report: Reporting) -> None:
    """Without the safety flag Azure keeps it, and refuses."""
    two = changed(version(), REGIONS, [{"name": "West Europe"}, {"name": "North Europe"}])
    base.add(two)
    commit(base.folder)
    git(base.folder, "branch", "--force", "main", "HEAD")
    base.add(version())
    errors = report("validate", "--against", "main", code=1)["errors"]
    assert [error["code"] for error in errors] == ["removal-refused", "latest-lost"]
    allowed = changed(version(), "properties.safetyProfile.allowDeletionOfReplicatedLocations", value=True)
    base.add(allowed)
    assert report("validate", "--against", "main", "--allow-latest-lost")["errors"] == []


def test_respelling_is_no_edit(base: Workspace, report: Reporting) -> None:
    """Neither is another file, another order, or another spelling of a region."""
    respelled = changed(version(), "location", "westeurope")
    (base.manifests / "GalleryApplicationVersion-agent-1.0.0.yaml").unlink()
    base.add(respelled, file="below/other.yaml")
    found = report("validate", "--against", "main")
    assert (found["errors"], found["warnings"]) == ([], [])
    assert report("plan", "--changed-since", "main")["resources"] == []


def test_a_manifest_that_goes(base: Workspace, report: Reporting) -> None:
    """Nothing is deleted in Azure, and that is told."""
    (base.manifests / "ApplicationDefinition-suite.yaml").unlink()
    (warning,) = report("validate", "--against", "main")["warnings"]
    assert warning["code"] == "manifest-deleted"
    assert warning["file"] == "manifests/ApplicationDefinition-suite.yaml"
    assert "ApplicationDefinition/suite" in warning["message"]


def test_what_others_did_since_is_no_edit(base: Workspace, report: Reporting) -> None:
    """The branch is compared with where it began."""
    git(base.folder, "switch", "--quiet", "main")
    base.add(changed(definition(), "location", "North Europe"))
    base.add(gallery("more"))
    commit(base.folder)
    git(base.folder, "switch", "--quiet", "branch")
    found = report("validate", "--against", "main")
    assert (found["errors"], found["warnings"]) == ([], [])


def test_mistakes_of_before_and_now(base: Workspace, report: Reporting) -> None:
    """A manifest that was wrong is not compared; one that is wrong is told of beside refused edits."""
    base.add(without(gallery("odd"), "location"))
    base.add(changed(version(), INSTALL, "sh other.sh"))
    codes = {error["code"] for error in report("validate", "--against", "main", code=1)["errors"]}
    assert codes == {"missing", "immutable-field"}
    commit(base.folder)
    git(base.folder, "branch", "--force", "main", "HEAD")
    base.add(gallery("odd"))
    found = report("validate", "--against", "main")
    assert [warning["code"] for warning in found["warnings"]] == ["not-compared"]


def test_a_broken_project_file_of_before(base: Workspace, report: Reporting) -> None:
    """A broken project file at the base must not block the merge that repairs it."""
    base.file("reconciler.yaml", "kind: Nothing\n")
    commit(base.folder)
    git(base.folder, "branch", "--force", "main", "HEAD")
    base.project()
    assert [warning["code"] for warning in report("validate", "--against", "main")["warnings"]] == ["not-compared"]


def test_overlays_defaults_and_files_count(base: Workspace, report: Reporting) -> None:
    """The rendered manifests are compared, with the texts that they name."""
    base.file("scripts/install.sh", "echo 1\n")
    base.project(environments={"prod": {"overlay": "overlays/prod"}})
    base.add(changed(version(), INSTALL, {"$file": "../scripts/install.sh"}))
    over = {"apiVersion": "reconciler.dev/v1", "kind": "Gallery", "metadata": {"name": "tools"}}
    base.file("overlays/prod/a.yaml", str({**over, "spec": {"properties": {"description": "one"}}}))
    commit(base.folder)
    git(base.folder, "branch", "--force", "main", "HEAD")
    report("apply")
    base.file("overlays/prod/a.yaml", str({**over, "spec": {"properties": {"description": "two"}}}))
    assert named(report("plan", "--changed-since", "main", "-e", "prod")) == ["tools"]
    assert named(report("plan", "--changed-since", "main")) == []
    base.file("scripts/install.sh", "echo 2\n")
    assert named(report("plan", "--changed-since", "main", code=1)) == ["agent-1.0.0"]
    (error,) = report("validate", "--against", "main", code=1)["errors"]
    assert error["path"].endswith("install")


def named(found: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the names of the resources of a report."""
    return [resource["name"] for resource in found["resources"]]


def test_only_what_changed(base: Workspace, report: Reporting) -> None:
    """A plan, and an apply, of edits alone; a pause is one."""
    report("apply")
    base.add(annotated(definition(), paused="true"))
    base.add(gallery("more"))
    found = report("plan", "--changed-since", "main")
    assert sorted(named(found)) == ["more", "suite"]
    assert report("apply", "--changed-since", "main")["summary"]["puts"] == 1


@pytest.mark.parametrize(
    ("revision", "says"),
    [("nowhere", "revision not found"), ("--upload-pack=x", "revision not found"), ("alone", "common ancestor")],
)
def test_revisions_that_are_not_here(base: Workspace, run: Command, revision: str, says: str) -> None:
    """Wrong usage, with what to do."""
    git(base.folder, "switch", "--quiet", "--orphan", "alone")
    git(base.folder, "commit", "--quiet", "--allow-empty", "--message", "alone")
    git(base.folder, "switch", "--quiet", "branch")
    done = run("validate", "--against", revision)
    assert done.code == 64
    assert says in done.err
    assert "fetch" in done.err


def test_manifests_outside_of_a_repository(work: Workspace, run: Command) -> None:
    """They have no history."""
    work.state(gallery())
    done = run("validate", "--against", "main")
    assert done.code == 64
    assert "not in a git repository" in done.err


def test_a_folder_that_was_not_there(work: Workspace, report: Reporting) -> None:
    """Everything in it is new."""
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.file("README.md", "hello\n")
    commit(work.folder)
    work.state(*estate())
    assert report("validate", "--against", "main")["errors"] == []
    assert len(report("plan", "--changed-since", "main")["resources"]) == 4


def test_what_was_moved_to_where_nothing_was(
    base: Workspace, report: Reporting, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is compared with what was elsewhere, and that is said: of a folder, a file and standard input."""
    base.add(changed(version(), INSTALL, "sh other.sh"))
    (base.folder / "manifests").rename(base.folder / "moved")
    (warning,) = report("validate", "moved", "--against", "main")["warnings"]
    assert (warning["code"], warning["file"]) == ("not-compared", "moved")
    text = next((base.folder / "moved").rglob("*.yaml")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "standard input" in run("validate", "-", "--against", "main").out


def test_hooks_and_filters_do_not_run(base: Workspace, report: Reporting) -> None:
    """A repository is data: no program that it configures is started."""
    ran = base.folder / "ran"
    trap = base.file(".trap", f"#!/bin/sh\ntouch {ran}\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "filter.x.smudge", "filter.x.clean", "core.pager"):
        git(base.folder, "config", name, str(trap))
    base.file(".gitattributes", "* filter=x diff=x\n")
    report("validate", "--against", "main")
    report("plan", "--changed-since", "main")
    assert not ran.exists()
