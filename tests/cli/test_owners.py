"""Resources of other projects are reported with their owner, and drift is counted where it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.report import FORMATS
from tests.cli.test_runners import values_in
from tests.kit.cli import application, changed, commit, estate, gallery, git, version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace


@pytest.fixture
def beside(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Let two more versions lie beside the declared one: one of another project, and one without an owner."""
    work.project("shop")
    work.state(gallery(), application(), version())
    report("apply")
    azure.seed(changed(version(number="2.0.0"), "tags", {"Reconciler-Project": "platform"}), version(number="3.0.0"))


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_a_resource_of_another_project_names_its_owner(report: Reporting, command: str) -> None:
    """It is not one that no manifest declares: another project's does."""
    found = {item["name"]: item for item in report(command)["resources"] if not item["source"]}
    assert (found["2.0.0"]["owner"], found["2.0.0"]["reason"]) == ("platform", "owned-elsewhere")
    assert found["2.0.0"]["sync"] == found["3.0.0"]["sync"] == "Unmanaged"
    assert ("owner" in found["3.0.0"], found["3.0.0"]["reason"]) == (False, "unmanaged")


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_a_declared_resource_of_another_project_names_its_owner(
    work: Workspace, report: Reporting, run: Command, command: str
) -> None:
    """It is blocked, and the owner stands beside the reason, as with one that no manifest declares."""
    work.project("shop")
    work.state(gallery())
    report("apply")
    work.project("other")
    (found,) = report(command, code=2 if command == "drift" else 1)["resources"]
    assert (found["action"], found["reason"], found["owner"]) == ("blocked", "owned-elsewhere", "shop")
    assert "`shop`" in run(command, "-o", "markdown").out
    assert ["owner" in item for item in report("plan", "--take-over")["resources"]] == [True]


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("format_", [name for name in FORMATS if name not in {"junit", "github", "azure-devops"}])
def test_every_format_that_lists_it_names_the_owner(run: Command, format_: str) -> None:
    """And counts it apart."""
    out = run("drift", "-o", format_).out
    assert "platform" in out
    if format_ == "text":
        assert "1 unmanaged, 1 owned by another project" in out.replace("\n", " ")


@pytest.mark.usefixtures("beside")
def test_without_a_project_every_owner_is_another(work: Workspace, report: Reporting) -> None:
    """What has the tag of a project is that project's; the run's own tag is not another's."""
    assert all(item.get("owner") != "shop" for item in report("plan")["resources"])
    (work.folder / "reconciler.yaml").unlink()
    owners = {item["name"]: item.get("owner") for item in report("plan")["resources"] if not item["source"]}
    assert owners == {"2.0.0": "platform", "3.0.0": None}


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file to which GitHub's runner takes outputs."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return tmp_path / "output"


def test_a_first_plan_has_no_drift(work: Workspace, run: Command, outputs: Path) -> None:
    """A create that was never applied is none; the drift report counts it, as another client may have deleted it."""
    work.state(*estate())
    run("plan", "-o", "github")
    values = values_in(outputs)
    assert (values["has-drift"], values["drift"], values["create"]) == ("false", "0", "4")
    outputs.unlink()
    assert run("drift", "-o", "github").code == 2
    assert values_in(outputs)["has-drift"] == "true"


def test_an_edit_that_waits_in_git_is_no_drift(work: Workspace, azure: Azure, run: Command, outputs: Path) -> None:
    """A change outside git is drift, and so is a change of unknown cause."""
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.file(".gitignore", ".reconciler/\n")
    work.state(*estate())
    commit(work.folder)
    run("apply")
    work.add(changed(gallery(), "properties", {"description": "edited"}))
    commit(work.folder)
    run("plan", "-o", "github")
    assert values_in(outputs)["has-drift"] == "false"
    outputs.unlink()
    azure.edit(version(), "properties.publishingProfile.targetRegions.0.regionalReplicaCount", 7)
    run("plan", "-o", "github")
    assert (values_in(outputs)["has-drift"], values_in(outputs)["drift"]) == ("true", "1")
