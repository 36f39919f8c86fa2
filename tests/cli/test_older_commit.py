"""An older commit after a newer one: told wherever git can tell, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import changed, commit, definition, estate, gallery, git

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting
    from tests.kit.cli import Workspace

CODE = "older-commit"


@pytest.fixture
def newer(work: Workspace, report: Reporting) -> str:
    """Apply two commits, of which the second edits a gallery and a definition; HEAD is the first again."""
    work.state(*estate())
    work.add(changed(gallery(), "properties.description", "Older"))
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    older = commit(work.folder)
    report("apply")
    work.add(changed(gallery(), "properties.description", "Newer"))
    work.add(changed(definition(), "properties.displayName", "Newer"))
    made = commit(work.folder)
    report("apply")
    git(work.folder, "checkout", "--quiet", older)
    return made


def codes(report: Reporting, *arguments: str) -> list[str]:
    """Return the codes of the warnings of a command."""
    return [warning["code"] for warning in report(*arguments)["warnings"]]


def test_what_a_newer_commit_wrote(newer: str, report: Reporting) -> None:
    """Plan and apply warn once, with the commit and how many resources there are; the apply is done all the same."""
    for command in ("plan", "apply"):
        found = report(command)
        (warning,) = found["warnings"]
        assert warning["code"] == CODE
        assert warning["message"].startswith(f"Gallery/tools was last written from commit {newer[:12]}")
        assert "(and 1 more resource from newer commits)" in warning["message"]
        assert (warning["file"], warning["line"]) == ("manifests/Gallery-tools.yaml", 1)
        assert found["summary"]["puts"] == 2
    assert codes(report, "plan") == []


def test_what_is_not_written_is_not_told(newer: str, report: Reporting) -> None:
    """An older commit reverts no resource that is in sync."""
    assert codes(report, "plan", "--target", "GalleryApplication/agent") == []


def test_the_way_on_is_no_way_back(newer: str, work: Workspace, report: Reporting) -> None:
    """A commit that follows, a revert too, says nothing."""
    git(work.folder, "checkout", "--quiet", newer)
    work.add(gallery())
    assert codes(report, "plan") == []
    commit(work.folder)
    assert codes(report, "plan") == []


def test_commits_beside_each_other(newer: str, work: Workspace, report: Reporting) -> None:
    """Of two branches neither is newer."""
    commit(work.folder)
    assert codes(report, "plan") == []


def test_a_clone_that_knows_one_of_both(newer: str, work: Workspace, report: Reporting) -> None:
    """What git does not hold says nothing."""
    git(work.folder, "branch", "--force", "main", "HEAD")
    git(work.folder, "reflog", "expire", "--expire=now", "--all")
    git(work.folder, "gc", "--quiet", "--prune=now")
    assert codes(report, "plan") == []
