"""Where a report goes and in which forms; the environment variables that choose."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import Azure, Workspace, changed, checked, definition, estate, gallery, id_of, resource, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting


def test_forms(work: Workspace, run: Command) -> None:
    """Text is the default; JSON and Markdown are chosen; each ends with one line end and has no color in a pipe."""
    work.state(*estate())
    for arguments in ((), ("-o", "text"), ("-o", "markdown"), ("--output", "json")):
        done = run("plan", *arguments)
        assert done.code == 0
        assert done.out.endswith("\n")
        assert "\x1b" not in done.out
        assert done.err == ""
    assert run("plan").out.startswith("embedded ARM: 4 to create")


def test_text_of_no_change(work: Workspace, run: Command) -> None:
    """The verdict comes first."""
    work.state(*estate())
    run("apply")
    assert run("plan").out.startswith("embedded ARM: No changes. 4 resources in sync.")


def test_text_of_changes(work: Workspace, run: Command) -> None:
    """A change shows path, both values, and where the manifest states it."""
    work.state(definition())
    run("apply")
    work.state(definition(displayName="New name"))
    text = run("plan").out
    assert text.startswith("embedded ARM: 1 to update")
    line = next(line for line in text.splitlines() if "displayName" in line)
    assert "Suite" in line
    assert "New name" in line
    assert re.search(r"manifests/ApplicationDefinition-suite\.yaml:\d+", text)


def test_text_of_a_blocked_item(work: Workspace, azure: Azure, run: Command) -> None:
    """What is blocked says the way out."""
    work.state(*estate())
    run("apply")
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "x")
    text = run("plan").out
    assert "1 blocked" in text.splitlines()[0]
    assert "new name or version" in text or "version" in text


def test_report_files(work: Workspace, run: Command) -> None:
    """--report writes any number of files in any form, whole, beside any form on standard output."""
    work.state(*estate())
    files = ("--report", "json=out/a.json", "--report", "markdown=out/a.md", "--report", "text=out/a.txt")
    done = run("plan", "-o", "json", *files)
    assert json.loads((work.folder / "out/a.json").read_text()) == done.report
    assert (work.folder / "out/a.md").read_text()
    assert (work.folder / "out/a.txt").read_text().startswith("embedded ARM: 4 to create")
    assert {path.name for path in (work.folder / "out").iterdir()} == {"a.json", "a.md", "a.txt"}


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "drift"])
def test_report_files_of_errors(work: Workspace, run: Command, command: str) -> None:
    """With errors in manifests the report is written all the same."""
    work.state(changed(gallery(), "x", 1))
    assert run(command, "--report", "json=a.json").code == 1
    assert checked(json.loads((work.folder / "a.json").read_text()))["errors"]


def test_report_file_that_cannot_be_written(work: Workspace, run: Command) -> None:
    """A report file that cannot be written is told of, without a traceback."""
    work.state(gallery())
    work.file("file", "x")
    done = run("plan", "--report", "json=file/a.json")
    assert done.code == 1
    assert "file/a.json" in done.err


def test_stable_order(work: Workspace, report: Reporting) -> None:
    """The same estate gives the same report, with its files in any order."""
    work.add(*estate(), version("2.0.0"), gallery("other"), file="a.yaml")
    one = report("plan")["resources"]
    work.state()
    work.add(gallery("other"), version("2.0.0"), *reversed(estate()), file="b.yaml")
    two = report("plan")["resources"]
    assert [item["id"] for item in one] == [item["id"] for item in two]


def test_keys_in_their_order(work: Workspace, report: Reporting) -> None:
    """The keys of a report come in the order of the contract."""
    work.state(gallery())
    found = report("plan")
    assert list(found) == [
        "schemaVersion",
        "command",
        "reconcilerVersion",
        "startedAt",
        "finishedAt",
        *("environment", "project", "cloud", "endpoint", "commit", "shard"),
        "summary",
        "resources",
        "latest",
        "errors",
        "warnings",
    ]
    assert list(found["summary"]) == [
        *("resources", "inSync", "create", "update", "blocked", "wait", "paused", "unknown"),
        *("drift", "unmanaged", "undeclared", "ignored", "puts"),
        *("succeeded", "unchanged", "failed", "skipped", "refused", "requests", "applyRequests"),
    ]
    assert found["schemaVersion"] == 1
    assert found["resources"][0]["id"] == id_of(gallery())


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("RECONCILER_CLOUD", "mars", 64),
        ("RECONCILER_CREDENTIAL", "mars", 64),
        ("RECONCILER_CONCURRENCY", "0", 64),
        ("RECONCILER_MAX_PUTS", "x", 64),
        ("RECONCILER_POLL_INTERVAL", "0", 64),
        ("RECONCILER_TIMEOUT", "x", 64),
        ("RECONCILER_LOG_LEVEL", "x", 64),
        ("RECONCILER_LOG_FORMAT", "x", 64),
        ("RECONCILER_OUTPUT", "x", 64),
        ("RECONCILER_CONFIG", "nowhere", 64),
        ("RECONCILER_ENVIRONMENT", "nowhere", 64),
        ("RECONCILER_ENDPOINT", "http://example.org", 64),
        ("RECONCILER_EMULATOR_OPERATION_SECONDS", "x", 64),
        ("RECONCILER_EMULATOR_LATENCY_MS", "-1", 64),
        ("RECONCILER_EMULATOR_MEDIA_LINK", "half", 64),
        ("RECONCILER_EMULATOR_STRICT_GROUPS", "maybe", 64),
        ("RECONCILER_OUTPUT", "", 0),
        ("RECONCILER_CONCURRENCY", "", 0),
        ("RECONCILER_ENDPOINT", "", 0),
        ("RECONCILER_CONFIG", "", 0),
    ],
)
def test_variables_are_checked(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int
) -> None:
    """A variable is held to the same rules as its flag, and an empty one is none."""
    work.state(gallery())
    if name == "RECONCILER_ENDPOINT" and value:
        monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv(name, value)
    done = run("apply")
    assert done.code == code
    assert code == 0 or done.err


def test_output_variable(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form of the output may come from the environment, and a flag wins."""
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_OUTPUT", "json")
    assert run("plan").report["summary"]["create"] == 1
    assert run("plan", "-o", "text").out.startswith("embedded ARM: 1 to create")


def test_page_size(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pages are, nothing is missed."""
    monkeypatch.setenv("RECONCILER_EMULATOR_PAGE_SIZE", "2")
    versions = [version(f"1.0.{number}") for number in range(7)]
    work.state(*estate()[:2], *versions)
    report("apply")
    assert report("plan")["summary"]["inSync"] == 9


def test_hostile_values_are_shown_inert(work: Workspace, azure: Azure, run: Command) -> None:
    """What another client wrote into Azure cannot speak to a terminal, to Markdown or to a CI log."""
    work.state(definition())
    run("apply")
    azure.edit(definition(), "properties.displayName", "\x1b[2J::error::x\n##[command]rm <script>alert(1)</script>")
    for form in ("text", "markdown", "json"):
        out = run("plan", "-o", form).out
        assert "\x1b" not in out
        assert "##[" not in out
        assert form != "markdown" or "<script>" not in out
        assert not re.search(r"^\s*::", out, re.MULTILINE)


def test_an_apply_sends_no_less_than_its_plan_told(work: Workspace, report: Reporting) -> None:
    """What a plan says that an apply adds to its own reads is what it needs where nothing lasts."""
    work.state(*estate())
    told = report("plan")["summary"]
    assert told["applyRequests"] == {"GET": 8, "PUT": 4}
    sent = report("apply")["summary"]
    assert sent["requests"]["PUT"] == 4
    assert sent["requests"]["GET"] >= told["requests"]["GET"] + 8
    assert sent["applyRequests"] is None


def test_a_refusal_is_reported_where_the_manifest_states_what_azure_names(
    work: Workspace, run: Command, report: Reporting
) -> None:
    """The path that ARM names in its error is shown with file and line, in every format."""
    link = "https://packages.blob.core.windows.net/agent/agent.zip?one?two"
    path = "properties.publishingProfile.source.mediaLink"
    work.state(*estate()[:2])
    file = work.add(changed(version(), path, link))
    line = next(at for at, text in enumerate(file.read_text().splitlines(), 1) if "mediaLink" in text)
    error = resource(report("apply", code=1), version())["error"]
    assert (error["code"], error["path"], error["line"]) == ("InvalidParameter", path, line)
    place = f"at: {path} manifests/{file.name}:{line}"
    assert place in run("apply").flat
    assert place in run("apply", "-o", "markdown").flat
    assert f"::error file=manifests/{file.name},line={line},title=" in run("apply", "-o", "github").out
