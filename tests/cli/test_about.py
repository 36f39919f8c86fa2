"""Every report says first which environment and which cloud it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from reconciler.report import FORMATS
from tests.kit.cli import changed, commit, gallery, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Workspace

HEAD = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _two_environments(work: Workspace) -> None:
    work.state(gallery())
    work.project(environments={"dev": {}, "prod": {"defaults": {"tags": {"env": "prod"}}}})


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "json"])
def test_every_format_begins_with_environment_and_cloud(run: Command, format_: str) -> None:
    """A reader of any format knows what it is about before the result."""
    for command in ("plan", "drift", "apply", "run"):
        once = ("--once",) if command == "run" else ()
        out = run(command, "-e", "prod", "-o", format_, *once).out
        assert "prod, embedded ARM: " in out, command
        if format_ in {"text", "azure-devops"}:
            assert out.startswith("prod, embedded ARM: "), command


def test_a_report_without_an_environment_begins_with_the_cloud(work: Workspace, run: Command) -> None:
    """No environment is no word."""
    work.project()
    assert run("plan").out.startswith("embedded ARM: 1 to create")
    assert run("snapshot", "--out", "live.json").out.startswith("embedded ARM: Saved live.json")


def test_errors_are_about_an_environment_too(work: Workspace, run: Command, report: Reporting) -> None:
    """A report of mistakes says the same of itself as any other; validate reads no cloud."""
    work.state(changed(gallery(), "location", 3))
    assert run("plan", "-e", "prod").out.startswith("prod, embedded ARM: 1 error")
    assert run("validate", "-e", "prod").out.startswith("prod: 1 error")
    found = report("plan", "-e", "prod", code=1)
    assert (found["environment"], found["project"], found["cloud"]) == ("prod", "endpoint", "emulator")
    assert report("validate", "-e", "prod", code=1)["cloud"] is None


def test_the_json_report_names_its_subject(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, project, cloud and commit stand in it, null where there is none."""
    monkeypatch.setenv("RECONCILER_COMMIT", HEAD)
    for command in ("plan", "apply", "drift"):
        found = report(command, "-e", "dev")
        about = [found[key] for key in ("environment", "project", "cloud", "endpoint", "commit")]
        assert about == ["dev", "endpoint", "emulator", None, HEAD], command
    (work.folder / "reconciler.yaml").unlink()
    found = report("drift")
    assert (found["environment"], found["project"]) == (None, None)


def test_an_apply_names_the_commit_that_it_tags(work: Workspace, report: Reporting) -> None:
    """Without a word of CI it is HEAD where the files are as committed, else none."""
    git(work.folder, "init", "--quiet")
    head = commit(work.folder)
    assert report("apply", "-e", "dev")["commit"] == head
    work.state(gallery("other"))
    assert report("apply", "-e", "dev")["commit"] is None


@pytest.mark.parametrize(
    ("cloud", "words"),
    [("public", "public"), ("usgovernment", "US Government"), ("china", "China"), ("custom", "custom")],
)
def test_another_endpoint_is_named(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str, words: str
) -> None:
    """The host of an endpoint that is not the cloud's own stands beside the cloud."""
    monkeypatch.setenv("RECONCILER_CLOUD", cloud)
    app = create_app(EmulatorSettings(state=tmp_path / "arm.sqlite"), SystemClock())
    with serve_in_thread(app) as endpoint:
        found = run("plan", "-e", "dev", "--endpoint", endpoint, "-o", "json").report
        text = run("plan", "-e", "dev", "--endpoint", endpoint).out
    assert (found["cloud"], found["endpoint"]) == (cloud, endpoint)
    assert text.startswith(f"dev, {words} cloud at {endpoint.removeprefix('http://')}: 1 to create")


def test_a_plan_against_a_snapshot_is_about_the_cloud_of_the_snapshot(
    run: Command, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read from the cloud that an offline plan would otherwise name."""
    run("snapshot", "-e", "dev", "--out", "live.json")
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    found = report("plan", "-e", "dev", "--against-snapshot", "live.json")
    assert (found["cloud"], found["endpoint"]) == ("emulator", None)


@pytest.mark.parametrize(
    "arguments", [("explain", "Gallery/tools"), ("list",), ("plan",), ("drift",), ("apply",), ("run", "--once")]
)
def test_every_command_names_its_subject(
    run: Command, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The five keys of JSON and the beginning of text are those of every command that reads Azure."""
    monkeypatch.setenv("RECONCILER_COMMIT", HEAD)
    assert run(*arguments, "-e", "prod").out.startswith("prod, embedded ARM: ")
    made = run(*arguments, "-e", "prod", "-o", "json").report_of_any_kind
    subject = {name: made[name] for name in ("environment", "project", "cloud", "endpoint", "commit")}
    assert subject == {
        "environment": "prod",
        "project": "endpoint",
        "cloud": "emulator",
        "endpoint": None,
        "commit": HEAD,
    }
