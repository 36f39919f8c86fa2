"""
The whole story, as a team lives it: branch, edit, review, merge, apply of what was reviewed, a foreign edit, drift.

Every step is a command that a user or a runner types in a clone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import changed, commit, definition, estate, gallery, git, version
from tests.kit.review import BOT, GitHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

INSTALL = "properties.publishingProfile.manageActions.install"
REPLICAS = "properties.publishingProfile.targetRegions.0.regionalReplicaCount"


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Yield GitHub, as its runner tells of it in a job for a pull request."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "0" * 40}}}), encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    with GitHub() as host:
        for name, value in host.variables().items():
            monkeypatch.setenv(name, value)
        yield host


def test_from_a_branch_to_drift(
    work: Workspace, azure: Azure, run: Command, report: Reporting, github: GitHub, tmp_path: Path
) -> None:
    """What was reviewed is what is applied, and what moved since is refused alone."""
    # main is applied, and in sync
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.file(".gitignore", "plan.json\n")
    work.state(*estate())
    commit(work.folder, "Publish agent 1.0.0")
    assert report("apply")["summary"]["puts"] == 4
    assert run("plan", "--detailed-exitcode").code == 0

    # a branch: an edit that Azure would refuse does not get past the offline review
    git(work.folder, "switch", "--quiet", "--create", "release")
    work.add(changed(version(), INSTALL, "sh other.sh"))
    (refused,) = report("validate", "--against", "main", code=1)["errors"]
    assert refused["code"] == "immutable-field"
    assert "reconciler new-version GalleryApplicationVersion/agent-1.0.0" in refused["fix"]

    # so it becomes a new version, beside two edits of what exists
    work.add(changed(version(), REPLICAS, 2))
    work.add(changed(version("2.0.0"), INSTALL, "sh other.sh"))
    work.add(changed(definition(), "properties.displayName", "Suite 2"))
    commit(work.folder, "Publish agent 2.0.0")
    assert run("validate", "--against", "main").code == 0
    edited = report("plan", "--changed-since", "main")
    assert sorted(each["name"] for each in edited["resources"]) == ["agent-1.0.0", "agent-2.0.0", "suite"]

    # the reviewers see the plan in one comment, which the next push updates
    comment = tmp_path / "plan.md"
    for _ in range(2):
        assert run("plan", "--out", "plan.json", "--report", f"markdown={comment}").code == 0
        assert run("comment", "--github", str(comment)).code == 0
    ((author, text),) = github.bodies.values()
    assert author == BOT
    assert "1 to create, 2 to update" in text

    # merged; before the apply a colleague edits one of the targets in the portal
    git(work.folder, "switch", "--quiet", "main")
    git(work.folder, "merge", "--quiet", "--no-ff", "--message", "Merge", "release")
    azure.edit(definition(), "properties.description", "by hand")
    assert run("plan", "--check", "plan.json").code == 1

    # exactly that item is refused
    applied = report("apply", "--plan", "plan.json", code=1)
    outcomes = {each["name"]: each["outcome"] for each in applied["resources"] if each["outcome"]}
    assert outcomes == {"agent-1.0.0": "succeeded", "agent-2.0.0": "succeeded", "suite": "refused"}
    (moved,) = [each["error"] for each in applied["resources"] if each["name"] == "suite"]
    assert moved["code"] == "PlanMoved"
    assert applied["summary"]["puts"] == 2

    # a fresh look, and an apply of it
    assert report("apply")["summary"]["puts"] == 1
    assert report("apply")["summary"]["requests"]["PUT"] == 0
    assert run("plan", "--detailed-exitcode").code == 0
    assert run("drift").code == 0

    # what is edited in git and not applied is told from what moved in Azure
    work.add(changed(gallery(), "properties.description", "ours"))
    commit(work.folder, "Describe the gallery")
    assert run("drift", "--detailed-exitcode").code == 3
    azure.edit(version(), REPLICAS, 5)
    drift = report("drift", code=2)
    causes = {each["name"]: each["cause"] for each in drift["resources"] if "cause" in each}
    assert causes == {"tools": "pending", "agent-1.0.0": "drift"}

    # the drift is repaired without publishing what waits
    assert report("apply", "--only", "drift")["summary"]["puts"] == 1
    (region,) = azure.stored(version())["properties"]["publishingProfile"]["targetRegions"]
    assert region["regionalReplicaCount"] == 2
    assert run("drift", "--detailed-exitcode").code == 3
