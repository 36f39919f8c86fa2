"""What a terminal shows: of any width, the verdict first and last, the blocking change marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.report import render
from reconciler.report.lines import Look
from tests.kit.cli import (
    LINK,
    application,
    changed,
    definition,
    estate,
    gallery,
    id_of,
    resource,
    version,
)
from tests.kit.reports import REPORTS

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

BOTH = [{"name": "West Europe", "regionalReplicaCount": 3}, {"name": "North Europe"}]


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", ["plan", "apply", "drift", "validate"])
def test_every_command_fits_the_terminal(
    work: Workspace, run: Command, azure: Azure, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    """No line is wider, so that no word is broken at the edge."""
    monkeypatch.setenv("COLUMNS", str(columns))
    work.state(gallery(), application(), version())
    run("apply")
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "other\ntext\nof lines")
    azure.seed(version("0.9.0"))
    work.state(gallery(), application(), version(), version("1.1.0", targetRegions=BOTH), definition())
    assert max(map(len, run(command).out.splitlines())) <= columns


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_the_verdict_is_the_first_and_the_last_line(work: Workspace, run: Command, command: str) -> None:
    """It is seen where the text scrolled away."""
    work.state(*estate())
    lines = run(command).out.splitlines()
    assert lines[0] == lines[-1]
    assert len(lines) > 10


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_a_create_shows_what_is_declared(work: Workspace, run: Command, report: Reporting, command: str) -> None:
    """Package, regions and replicas instead of an id; an apply says the same of what it created."""
    new = version(targetRegions=BOTH, replicaCount=2)
    work.state(gallery(), application(), new)
    found = run(command)
    for shown in (LINK, "West Europe (replicas: 3), North Europe", "replicas: 2"):
        assert shown in found.out
    assert id_of(new) not in found.out
    assert "not exist" not in found.out


def test_a_create_shows_what_is_declared_in_json_too(work: Workspace, report: Reporting) -> None:
    """By path; a resource that exists has none of it."""
    work.state(gallery(), application(), version(targetRegions=BOTH))
    declared = resource(report("plan"), version())["declared"]
    assert declared["properties.publishingProfile.source.mediaLink"] == LINK
    regions = declared["properties.publishingProfile.targetRegions"]
    assert [each["name"] for each in regions] == ["West Europe", "North Europe"]
    report("apply")
    assert all("declared" not in item for item in report("plan")["resources"])


def test_a_declared_secret_is_not_shown(work: Workspace, run: Command) -> None:
    """A signed link comes without its query, in every format."""
    work.state(gallery(), application(), changed(version(), "properties.publishingProfile.source.mediaLink", SIGNED))
    for form in ("text", "json", "markdown", "html"):
        out = run("plan", "-o", form).out
        assert "agent.zip" in out
        assert "CANARY" not in out


SIGNED = f"{LINK}?sv=2024-11-04&se=2030-01-01&sig=CANARY"


def test_ids_are_shown_where_they_are_asked_for(work: Workspace, run: Command) -> None:
    """Of declared resources the manifest says it; -v adds it."""
    work.state(gallery())
    assert id_of(gallery()) not in run("plan").out
    for flag in ("-v", "--verbose"):
        assert id_of(gallery()) in run("plan", flag).flat.replace("/ ", "/")


def test_the_change_that_blocks_is_marked(work: Workspace, run: Command, azure: Azure) -> None:
    """By a sign and a color of its own, unlike one that a PUT makes."""
    work.state(gallery(), application(), version())
    run("apply")
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "sh other.sh")
    azure.edit(version(), "properties.publishingProfile.excludeFromLatest", value=True)
    lines = [line.strip() for line in run("plan").out.splitlines()]
    assert any(line.startswith("! properties.publishingProfile.manageActions.install") for line in lines)
    assert not any(line.startswith("!") and "excludeFromLatest" in line for line in lines)
    colored = render(REPORTS["plan-everything"], "text", color=True)
    alarm, change = (Look(color=True).paint("x", style).partition("x")[0] for style in ("alarm", "yellow"))
    assert f"{alarm}! properties.publishingProfile.storageAccountType" in colored
    assert alarm != change


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_explain_is_folded_between_words(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """A line that is wider holds a single word: an id, a link or a path that a reader copies."""
    work.state(gallery(), application(), version())
    run("apply")
    monkeypatch.setenv("COLUMNS", str(columns))
    for line in run("explain", "GalleryApplicationVersion/agent-1.0.0").out.splitlines():
        assert len(line) <= columns or " " not in line.strip()


def test_explain_shows_whole_values(work: Workspace, run: Command, azure: Azure) -> None:
    """However long a link is, and however many lines a script has."""
    link = f"https://packages.blob.core.windows.net/{'folder/' * 30}agent-1.2.3.zip"
    script = "\n".join(f"echo line {number}" for number in range(40))
    made = changed(version(), "properties.publishingProfile.source.mediaLink", link)
    made = changed(made, "properties.publishingProfile.manageActions.install", script)
    work.state(gallery(), application(), made)
    run("apply")
    out = run("explain", "GalleryApplicationVersion/agent-1.0.0").out
    assert out.count(link) >= 2
    for number in range(40):
        assert out.count(f"| echo line {number}\n") == 2
    assert "…" not in out
