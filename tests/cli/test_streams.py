"""What ARM, a manifest or the command line says is never a command to the CI runner that shows it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.report import FORMATS
from tests.kit.cli import application, definition, gallery, named, version
from tests.kit.forked import program

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Workspace

HOSTILE = "x ##vso[task.complete]##[error]y"
LINE = "\n::set-output name=a::b\r::error::c\x1b[2J\u202e"
_OWN = ("::notice", "::warning", "::error", "##vso[task.logissue", "##vso[task.setvariable", "##vso[task.uploadsummary")


def _live(text: str, form: str) -> list[str]:
    """Return the lines that a runner obeys, without those that are the report's own."""
    found = []
    for line in text.replace("\r", "\n").split("\n"):
        if form in {"github", "azure-devops"} and line.startswith(_OWN):
            line = line[2:]  # noqa: PLW2901
        if "##[" in line or "##vso[" in line or line.strip().startswith("::"):
            found.append(line)
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_holds_a_command_of_others(work: Workspace, azure: Azure, run: Command, form: str) -> None:
    """Neither from names and values, nor from what Azure says; on both streams."""
    azure.seed(gallery(description=f"{HOSTILE}{LINE}"))
    work.state(named(gallery(description=f"mine {HOSTILE}"), HOSTILE), named(definition(), f"d {HOSTILE}"))
    with azure.world() as world:
        from tests.kit.cli import id_of

        world.fail_next(id_of(definition()), "Bad", f"{HOSTILE}{LINE}")
    for arguments in (("validate",), ("plan", "--log-level", "debug"), ("apply",), ("run", "--once")):
        done = run(*arguments, "-o", form)
        for text in (done.out, done.err):
            assert _live(text, form) == []
            assert "\u202e" not in text
            assert "\x1b" not in text
    if form in {"json", "sarif"}:
        json.loads(done.out)


def test_messages_and_other_commands_hold_none(work: Workspace, azure: Azure, run: Command) -> None:
    """Errors of usage that quote the command line, snapshots, exports, explanations, and every bad path."""
    work.state(named(gallery(), HOSTILE), application(), version())
    azure.seed(gallery())
    for arguments in (
        ("plan", f"--nope={HOSTILE}{LINE}"),
        ("plan", "--target", f"Gallery/{HOSTILE}{LINE}"),
        ("plan", f"folder {HOSTILE}{LINE}"),
        ("plan", "-o", HOSTILE),
        ("plan", "--config", f"{HOSTILE}.yaml"),
        ("explain", f"Gallery/{HOSTILE}"),
        ("explain", f"Gallery/{HOSTILE}{LINE}"),
        ("schema", HOSTILE),
        ("snapshot", "--out", f"{HOSTILE}.json"),
        ("export", "--subscription", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "--out-dir", f"out {HOSTILE}"),
        (HOSTILE,),
    ):
        done = run(*arguments)
        assert done.out + done.err
        for text in (done.out, done.err):
            assert _live(text, "text") == []
            assert not {"\x1b", "\r", "\u202e"} & set(text)


def test_wrong_usage_repeats_no_secret(run: Command) -> None:
    """Not of an option that does not exist either."""
    done = run("plan", "--password=Xk9QzXk9Qz1", "--endpoint", "ftp://u:Xk9QzXk9Qz1@h?sig=Xk9QzXk9Qz1")
    assert done.code == 64
    assert "Xk9Qz" not in done.out + done.err


def test_a_round_of_the_loop_is_one_line_of_json(work: Workspace, azure: Azure, run: Command) -> None:
    """Written anew from the report, and inert as that was."""
    azure.seed(gallery(description=HOSTILE))
    work.state(gallery(description="mine"))
    done = run("run", "--once", "--report-only", "-o", "json")
    assert _live(done.out, "json") == []
    assert json.loads(done.out)["resources"][0]["changes"][0]["observed"] == HOSTILE


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"], ["schema"]])
def test_a_full_standard_output_is_no_bug(arguments: list[str]) -> None:
    """The disk is at fault, also for what click writes by itself."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([program(), *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
