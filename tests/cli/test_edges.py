"""The edges of the command line: what is no file, no number, no room, and standard input that says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.cli.front import main
from tests.kit.cli import definition, gallery
from tests.kit.forked import program

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Workspace

PROGRAM = str(Path(sys.executable).with_name("reconciler"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--timeout", "nan"),
        ("apply", "--timeout", "inf"),
        ("plan", "--poll-interval", "nan"),
        ("run", "--interval", "nan"),
    ],
)
def test_a_number_of_seconds_is_one(work: Workspace, run: Command, arguments: tuple[str, ...]) -> None:
    """No comparison refuses NaN, so it would mean that there is no limit."""
    work.state(gallery())
    assert run(*arguments).code == 64


def test_a_plan_that_is_no_file(work: Workspace, run: Command) -> None:
    """A pipe would be waited for, for ever."""
    work.state(gallery())
    os.mkfifo(work.folder / "plan.json")
    assert run("apply", "--plan", "plan.json").code == 64


def test_a_project_file_that_leads_nowhere(work: Workspace, run: Command) -> None:
    """It holds the limits and the owner: it must not pass for none."""
    work.state(gallery())
    (work.folder / "reconciler.yaml").symlink_to("nowhere.yaml")
    done = run("plan")
    assert done.code == 1
    assert "reconciler.yaml" in done.out


def test_what_is_to_be_sent_again_is_selected(work: Workspace, run: Command) -> None:
    """Who asks for a PUT and gets none believes that it was sent."""
    work.state(gallery(), definition())
    assert run("apply").code == 0
    done = run("apply", "--target", "Gallery/*", "--republish", "ApplicationDefinition/suite")
    assert done.code == 64
    assert "ApplicationDefinition/suite" in done.err


def test_standard_output_without_room(work: Workspace) -> None:
    """A full disk is no bug, and is told."""
    work.state(gallery())
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([program(), "validate"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(("plan",), 0), (("plan", "-"), 1), (("explain", "Gallery/hub"), 0), (("drift",), 2)]
)
def test_nothing_to_read_from_and_nothing_to_write_to(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    """A service manager may start it with both closed: its exit code still says what there is to say."""
    work.state(gallery("hub"))
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", None)
    assert main(arguments) == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_waiting_for_standard_input_can_be_stopped(work: Workspace, number: signal.Signals, code: int) -> None:
    """By the first signal, without a traceback."""
    process = subprocess.Popen(
        [PROGRAM, "plan", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    waits_on = Path(f"/proc/{process.pid}/wchan")  # where the system tells; elsewhere it has begun to read by then
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and not (waits_on.exists() and "pipe" in waits_on.read_text()):
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=5)
    assert process.returncode == code
    assert "Traceback" not in err
