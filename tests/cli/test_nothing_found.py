"""A run that finds or selects nothing says so: nothing to do never passes for done because of a slip."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from reconciler.manifests.gathering import Tree
from tests.kit.cli import application, codes, commit, definition, estate, gallery, git, labelled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

READING = ["validate", "plan", "drift", "apply", "run"]


def _once(command: str) -> tuple[str, ...]:
    return ("run", "--once") if command == "run" else (command,)


@pytest.mark.parametrize("command", READING)
def test_an_empty_folder_is_an_error(work: Workspace, azure: Azure, report: Reporting, command: str) -> None:
    """In every command, with the files that were passed over for their suffix; nothing is written."""
    for name in ("a.json", "sub/agent.yaml.bak", "agent.yml.txt", ".hidden.yaml"):
        work.file(f"empty/{name}", "kind: Gallery\n")
    (error,) = report(*_once(command), "empty", code=1)["errors"]
    assert (error["code"], error["file"]) == ("no-manifests", "empty")
    assert [name in error["message"] for name in ("empty/a.json", "empty/sub/agent.yaml.bak", "agent.yml.txt")] == [
        True
    ] * 3
    assert "hidden" not in error["message"]
    assert error["fix"]
    assert azure.ids() == set()
    done = report(*_once(command), "empty", "--allow-empty")
    assert (done["errors"], done["summary"]["resources"]) == ([], 0)


def test_snapshot_and_explain_of_nothing(work: Workspace, run: Command) -> None:
    """The other commands that take a folder refuse it too."""
    for arguments in (("snapshot", "--out", "live.json"), ("explain", "Gallery/tools")):
        done = run(*arguments)
        assert done.code == 1, arguments
        assert "no-manifests" in done.out
    assert not (work.folder / "live.json").exists()
    assert run("snapshot", "--out", "live.json", "--allow-empty").code == 0


@pytest.mark.parametrize("text", ["", "\n", "# a comment\n", "---\n---\n"])
@pytest.mark.parametrize("command", READING[:-1])
def test_an_empty_standard_input_is_an_error(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch, command: str, text: str
) -> None:
    """A pipe whose first program failed is no estate without resources."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert codes(report(command, "-", code=1)) == ["no-manifests"]


def test_a_repository_that_lost_its_manifests(work: Workspace, report: Reporting) -> None:
    """An edit that leaves none is refused; what was there before does not matter."""
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.state(gallery())
    commit(work.folder)
    work.state()
    work.file("manifests/README.md", "empty")
    found = report("validate", "--against", "main", code=1)
    assert codes(found) == ["no-manifests"]
    assert codes(report("validate", "--against", "main", "--allow-empty"), "warnings")


def test_labels_that_choose_nothing_name_those_that_there_are(work: Workspace, run: Command, report: Reporting) -> None:
    """The verdict names the selector and the labels; a misspelt key has a nearest one."""
    work.state(labelled(gallery(), ring="canary", tier="fleet"), labelled(application(), ring="stable"))
    for selector, word in (("ring=nope", "ring=stable"), ("rnig=canary", "did you mean ring")):
        head = run("plan", "-l", selector).out.split("\n\n")[0].replace("\n", " ")
        assert head.startswith("embedded ARM: Nothing selected: ")
        assert selector in head
        assert word in head
        (warning,) = report("plan", "-l", selector)["warnings"]
        assert warning["code"] == "nothing-selected"
        for command in ("apply", "drift"):
            assert "Nothing selected" in run(command, "-l", selector).out.split("\n\n")[0].replace("\n", " ")
    head = run("plan", "-l", "ring=canary", "--target", "GalleryApplication/*").out.split("\n\n")[0].replace("\n", " ")
    assert "ring=stable" in head
    assert "tier" not in head


def test_a_revision_since_which_nothing_was_edited(work: Workspace, run: Command) -> None:
    """The verdict says that nothing was selected, not that all is in sync."""
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.state(*estate())
    commit(work.folder)
    head = run("plan", "--changed-since", "HEAD").out.split("\n\n")[0].replace("\n", " ")
    assert head == "embedded ARM: Nothing selected: no manifest was edited since HEAD."


def test_a_snapshot_of_nothing_selected_says_so(work: Workspace, run: Command) -> None:
    """Its file would know nothing of any resource."""
    work.state(labelled(gallery(), ring="canary"))
    assert "Nothing selected" in run("snapshot", "-l", "ring=nope", "--out", "live.json").out
    assert json.loads((work.folder / "live.json").read_text())["resources"] == []


def test_a_file_without_a_manifest_is_an_error(work: Workspace, report: Reporting) -> None:
    """As a folder is."""
    work.file("manifests/a.yaml", "# to do\n")
    assert codes(report("plan", "manifests/a.yaml", code=1)) == ["no-manifests"]


def test_labels_where_there_are_none(work: Workspace, report: Reporting) -> None:
    """Nothing is named that could be chosen."""
    work.state(gallery())
    (warning,) = report("plan", "-l", "ring=canary")["warnings"]
    assert "no manifest has any label" in warning["message"]


def test_a_folder_that_is_gone_again_has_no_files_to_name(tmp_path: Path) -> None:
    """What was passed over is only told of what is there."""
    assert Tree(tmp_path).passed_over([str(tmp_path / "nowhere")]) == ()


def test_a_list_of_nothing_selected_says_so(work: Workspace, run: Command) -> None:
    """A list of no resource begins with the reason, as every verdict does."""
    work.state(labelled(gallery(), ring="canary"))
    assert run("list", "-l", "ring=nope").out.startswith("embedded ARM: Nothing selected: ")


def test_labels_that_choose_nothing_of_the_targets(work: Workspace, run: Command) -> None:
    """Other manifests may have the label, so the reason names the targets."""
    work.state(labelled(gallery(), ring="canary"), definition())
    found = run("plan", "--target", "ApplicationDefinition/*", "-l", "ring=canary").flat
    assert "Nothing selected: no manifest that --target names has the label ring=canary" in found
