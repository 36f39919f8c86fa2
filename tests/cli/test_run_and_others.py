"""``run``, ``schema`` and ``emulator``, and the command as a process: signals, pipes, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    annotated,
    changed,
    checked,
    definition,
    estate,
    finish,
    gallery,
    id_of,
    start,
    until,
    version,
)
from tests.kit.forked import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting

_KINDS = [
    "ApplicationDefinition",
    "Gallery",
    "GalleryApplication",
    "GalleryApplicationVersion",
    "GalleryScript",
    "GalleryScriptVersion",
    "Project",
]


def test_schema(work: Workspace, run: Command) -> None:
    """Without a kind the kinds are listed; with one its schema is printed, and it takes a manifest of that kind."""
    assert run("schema").out.split() == _KINDS
    for made in estate():
        done = run("schema", made["kind"])
        assert done.code == 0
        jsonschema.Draft202012Validator(json.loads(done.out)).validate(made)


def test_run_once(work: Workspace, azure: Azure, report: Reporting) -> None:
    """One round plans and applies, and says that it was run."""
    work.state(*estate())
    found = report("run", "--once")
    assert (found["command"], found["summary"]["succeeded"]) == ("run", 4)
    assert azure.holds(*estate())
    assert report("run", "--once")["summary"]["puts"] == 0


def test_run_once_report_only(work: Workspace, azure: Azure, report: Reporting) -> None:
    """One round of reports alone exits as drift does, and writes nothing."""
    work.state(*estate())
    assert report("run", "--once", "--report-only", code=2)["summary"]["requests"]["PUT"] == 0
    assert azure.holds()
    report("apply")
    assert report("run", "--once", "--report-only")["summary"]["inSync"] == 4


def test_run_once_exits_as_apply(work: Workspace, azure: Azure, report: Reporting) -> None:
    """One round with a blocked item alone is 1, as an apply is; with a paused one alone it is 0."""
    work.state(gallery())
    report("apply")
    azure.edit(gallery(), "location", "North Europe")
    report("run", "--once", code=1)
    work.state(annotated(gallery(), paused="true"))
    report("run", "--once")


@pytest.fixture
def server(work: Workspace) -> Iterator[str]:
    """Serve the embedded ARM from a process of its own, and stop it as a user would."""
    process = start("emulator", "--port", "0", folder=work.folder)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGTERM)
    assert finish(process, 20).code == 143


def test_emulator_over_http(
    work: Workspace, azure: Azure, report: Reporting, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded ARM answers over HTTP, and another process sees the same state."""
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_ENDPOINT", server)
    work.state(*estate())
    assert report("apply")["summary"]["succeeded"] == 4
    answer = httpx.get(server + id_of(gallery()), params={"api-version": "2022-03-03"})
    assert answer.json()["name"] == "tools"
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 4
    assert azure.holds(*estate())


def test_emulator_state_flag(work: Workspace, tmp_path: Path) -> None:
    """--state says where the state is kept."""
    process = start("emulator", "--port", "0", "--state", str(tmp_path / "other.sqlite"), folder=work.folder)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert finish(process, 20).code == 130
    assert (tmp_path / "other.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("validate",), 0),
        (("plan",), 0),
        (("plan", "--detailed-exitcode"), 2),
        (("drift",), 2),
        (("plan", "nowhere"), 1),
        (("plan", "--nonsense"), 64),
        ((), 64),
        (("--help",), 0),
    ],
    ids=str,
)
def test_process_exit_codes(work: Workspace, arguments: tuple[str, ...], code: int) -> None:
    """The process exits as its command does."""
    work.state(*estate())
    assert finish(start(*arguments, folder=work.folder)).code == code


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_reader_that_goes_away(work: Workspace, form: str) -> None:
    """A reader that closes the pipe after a line causes no noise, and no other exit code."""
    work.state(*(gallery(f"g{number}") for number in range(400)))
    script = 'set -o pipefail; "$0" plan -o "$1" | head -1'
    command = ["bash", "-c", script, str(program()), form]
    done = subprocess.run(command, cwd=work.folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_an_apply(
    work: Workspace, azure: Azure, report: Reporting, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal starts no further PUT, reports the running one within seconds, and the next run converges."""
    later = annotated(gallery("later"), wave="1")
    work.state(gallery(), later)
    arguments = ("apply", "-o", "json", "--report", "json=report.json")
    process = start(*arguments, folder=work.folder, RECONCILER_EMULATOR_OPERATION_SECONDS="12")
    until(lambda: azure.holds(gallery()))
    process.send_signal(number)
    done = finish(process, 5)
    assert done.code == 128 + number
    written = checked(json.loads((work.folder / "report.json").read_text()))
    assert written == done.report
    assert written["summary"]["requests"]["PUT"] == 1
    running = next(item for item in written["resources"] if item["name"] == "tools")
    assert running["error"]["message"]
    assert azure.holds(gallery())
    with azure.world() as world:
        world.finish_operations()
    again = report("apply")
    assert again["summary"]["requests"]["PUT"] == 1
    assert azure.holds(gallery(), later)
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 2


def test_a_hangup_begins_a_round(work: Workspace, azure: Azure) -> None:
    """Long before the interval is over; and SIGTERM ends the loop with 143 while it waits."""
    work.state(gallery())
    process = start("run", "--interval", "3600", "-o", "json", folder=work.folder)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    work.state(gallery(description="new"))
    process.send_signal(signal.SIGHUP)
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert [each["summary"]["create"] for each in (first, second)] == [1, 0]
    assert [each["summary"]["update"] for each in (first, second)] == [0, 1]
    assert finish(process, 20).code == 143


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_loop(work: Workspace, azure: Azure, number: signal.Signals) -> None:
    """The loop reports each round on a line, outlives bad manifests, and ends at once when told to."""
    work.state(*estate())
    process = start("run", "--interval", "1", "-o", "json", folder=work.folder)
    rounds: list[dict[str, Any]] = [_next_round(process)]
    assert rounds[0]["summary"]["succeeded"] == 4
    work.state(changed(gallery(), "x", 1))
    rounds.append(_next_round(process))
    while not rounds[-1]["errors"]:
        rounds.append(_next_round(process))
    azure.edit(definition(), "properties.displayName", "Theirs")
    work.state(*estate())
    while not rounds[-1]["summary"]["puts"]:
        rounds.append(_next_round(process))
    assert rounds[-1]["summary"]["succeeded"] == 1
    process.send_signal(number)
    assert finish(process, 5).code == 128 + number
    assert azure.stored(definition())["properties"]["displayName"] == "Suite"


def test_killed_during_an_apply(work: Workspace, azure: Azure, report: Reporting) -> None:
    """After a kill the next run waits for what Azure has begun, and sends only what is left."""
    work.state(*estate()[:3])
    process = start("apply", folder=work.folder, RECONCILER_EMULATOR_OPERATION_SECONDS="1")
    until(lambda: azure.holds(gallery()))
    process.kill()
    finish(process, 5)
    again = report("apply")
    assert again["summary"]["requests"]["PUT"] == 2
    assert azure.holds(*estate()[:3])
    assert report("apply")["summary"]["puts"] == 0


def test_two_applies_at_once(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Two applies of one estate at once both end well, or say so, and leave the estate as it is stated."""
    work.state(*estate(), version("2.0.0"))
    processes = [start("apply", "-o", "json", folder=work.folder) for _ in range(2)]
    for process in processes:
        done = finish(process)
        assert done.code in {0, 1}
        assert done.report["errors"] == []
    assert azure.holds(*estate(), version("2.0.0"))
    assert report("apply")["summary"]["inSync"] == 5


def _next_round(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return checked(json.loads(process.stdout.readline()))


def test_a_loop_cannot_read_standard_input_again(work: Workspace, run: Command) -> None:
    """From the second round on there would be no manifests, and no drift either."""
    assert run("run", "-").code == 64
