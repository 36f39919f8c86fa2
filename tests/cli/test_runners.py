"""What the runner of a pipeline is handed: annotations on standard output, a summary, and values for later steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from reconciler.report import FORMATS
from tests.kit.cli import changed, estate, gallery

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.kit.cli import Workspace

LIMIT = 1024 * 1024


@pytest.fixture
def github(tmp_path: Path, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder with the files of a step on GitHub's runner, whose workspace is above the working folder."""
    folder = tmp_path / "runner"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "output"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(work.folder.parent))
    return folder


def values_in(file: Path) -> dict[str, str]:
    """Read a file of outputs as the runner does: a name, a delimiter, lines up to it."""
    found: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        assert delimiter
        value = []
        while (inner := next(lines)) != delimiter:
            value.append(inner)
        found[name] = "\n".join(value)
    return found


def test_a_plan_on_github(work: Workspace, run: Command, github: Path) -> None:
    """-o github does it all: annotations with the files' places in the repository, the summary, the outputs."""
    work.state(*estate())
    (github / "summary.md").write_text("what an earlier command said\n")
    done = run("plan", "-o", "github", "--detailed-exitcode")
    assert done.code == 2
    assert done.out.startswith("::notice title=reconciler plan::embedded ARM: 4 to create")
    assert "::notice file=work/manifests/Gallery-tools.yaml,line=1,title=Gallery tools::to create" in done.out
    summary = (github / "summary.md").read_text()
    assert summary.startswith("what an earlier command said\n### embedded ARM: 4 to create")
    values = values_in(github / "output")
    assert (values["has-changes"], values["has-drift"], values["exit-code"], values["create"]) == (
        "true",
        "false",
        "2",
        "4",
    )
    assert values["verdict"].startswith("embedded ARM: 4 to create")


def test_outputs_of_a_second_command_follow_the_first(work: Workspace, run: Command, github: Path) -> None:
    """The files are the runner's: what is there stays, and no delimiter is like another."""
    work.state(*estate())
    run("apply", "-o", "github")
    first = (github / "output").read_text()
    done = run("drift", "-o", "github")
    both = (github / "output").read_text()
    assert both.startswith(first)
    assert len(set(re.findall(r"<<(\S+)$", both, re.MULTILINE))) == 2
    values = values_in(github / "output")
    assert (values["has-drift"], values["has-changes"], values["exit-code"]) == ("false", "false", str(done.code))


def test_errors_on_github(work: Workspace, run: Command, github: Path) -> None:
    """A mistake in a manifest is marked on its line, and the step knows that the command failed."""
    work.state(changed(gallery(), "x", 1))
    done = run("validate", "-o", "github")
    assert done.code == 1
    assert re.search(
        r"^::error file=work/manifests/Gallery-tools\.yaml,line=\d+,col=\d+,title=", done.out, re.MULTILINE
    )
    assert values_in(github / "output")["exit-code"] == "1"


@pytest.mark.parametrize("arguments", [(), ("-o", "json"), ("--report", "github=a.txt")])
def test_only_o_github_speaks_to_the_runner(
    work: Workspace, run: Command, github: Path, arguments: tuple[str, ...]
) -> None:
    """A report in a file is the annotations alone."""
    work.state(*estate())
    assert run("plan", *arguments).code == 0
    assert list(github.iterdir()) == []


def test_without_a_runner_there_are_annotations_alone(work: Workspace, run: Command) -> None:
    """A user can try at home what CI reports; files are named from the working folder."""
    work.state(*estate())
    done = run("plan", "-o", "github")
    assert done.code == 0
    assert "file=manifests/Gallery-tools.yaml," in done.out


def test_a_summary_is_never_too_large(work: Workspace, run: Command, github: Path) -> None:
    """GitHub shows nothing of a summary above its limit, so what is left of it is kept to, and no less than a head."""
    work.state(*estate())
    summary = github / "summary.md"
    for before, grows in ((LIMIT - 5000, True), (LIMIT - 4000, False), (LIMIT + 1, False)):
        summary.write_text("x" * (before - 1) + "\n")
        run("plan", "-o", "github")
        assert (summary.stat().st_size > before) is grows
        assert not grows or summary.stat().st_size <= LIMIT


def test_outputs_that_cannot_be_written(
    work: Workspace, run: Command, github: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the step must not go on as if it had them."""
    work.state(*estate())
    monkeypatch.setenv("GITHUB_OUTPUT", str(github / "no" / "such"))
    done = run("plan", "-o", "github")
    assert done.code == 1
    assert "such cannot be written: No such file or directory" in done.err
    assert (github / "summary.md").exists()


def test_a_plan_on_azure_pipelines(
    work: Workspace, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-o azure-devops does it all: issues, the summary beside the build, output variables of the step."""
    work.state(*estate())
    folder = tmp_path / "agent"
    folder.mkdir()
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(folder))
    monkeypatch.setenv("BUILD_SOURCESDIRECTORY", str(work.folder))
    done = run("plan", "-o", "azure-devops")
    assert done.code == 0
    (summary,) = folder.iterdir()
    assert summary.read_text().startswith("### embedded ARM: 4 to create")
    assert f"\n##vso[task.uploadsummary]{summary}\n" in done.out
    assert "\n##vso[task.setvariable variable=hasChanges;isOutput=true]true\n" in done.out
    assert "\n##vso[task.setvariable variable=exitCode;isOutput=true]0\n" in done.out
    monkeypatch.delenv("AGENT_TEMPDIRECTORY")
    assert "setvariable" not in run("plan", "-o", "azure-devops").out


def test_all_formats_at_once(work: Workspace, run: Command) -> None:
    """--report may be given for every format there is."""
    work.state(*estate())
    asked = [text for name in FORMATS for text in ("--report", f"{name}=out/{name}")]
    assert run("plan", *asked).code == 0
    assert {file.name for file in (work.folder / "out").iterdir()} == set(FORMATS)
    assert all(file.read_text() for file in (work.folder / "out").iterdir())


def test_a_working_folder_outside_of_the_repository(
    work: Workspace, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then files are named as they were given."""
    work.state(*estate())
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path / "elsewhere"))
    assert "file=manifests/Gallery-tools.yaml," in run("plan", "-o", "github").out
