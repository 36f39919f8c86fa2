"""The page of all commands, and what a shell is answered when it completes one."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from reconciler.cli.front import NAMES
from reconciler.cli.program import load
from tests.kit.forked import program
from tests.kit.repository import ROOT


def test_the_page_of_commands_is_what_the_program_says() -> None:
    """It is written from the program, and stale as soon as that changes."""
    written = subprocess.run([sys.executable, "docs/commands.py"], cwd=ROOT, capture_output=True, check=True).stdout
    assert written.decode() == (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), "run: make reference"


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_on_the_page(name: str) -> None:
    """With its variable, in the section of its command."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## reconciler {name}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    command = load(name)
    every = command.get_params(click.Context(command))
    options = [each for each in every if isinstance(each, click.Option) and "--help" not in each.opts]
    assert len(rows) == len(options)
    for row, option in zip(rows, options, strict=True):
        assert all(spelling in row for spelling in option.opts)
        assert str(option.envvar or "") in row
    assert f"    reconciler {name} [OPTIONS]" in section


def _answers(line: str, shell: str = "bash") -> list[str]:
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_RECONCILER_COMPLETE": f"{shell}_complete"}
    done = subprocess.run([program()], env={**os.environ, **asked}, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return [answer.partition(",")[2] for answer in done.stdout.splitlines()]


def test_commands_are_completed() -> None:
    """All of them after nothing, one after its beginning."""
    assert _answers("reconciler ") == [*NAMES]
    assert _answers("reconciler comm") == ["comment"]


def test_options_and_choices_are_completed() -> None:
    """Also those that several commands share, and files where a file is meant."""
    assert _answers("reconciler plan --max") == ["--max-puts"]
    assert _answers("reconciler plan --cloud ") == ["public", "usgovernment", "china", "emulator", "custom"]
    assert _answers("reconciler plan --out ") == [""], "bash itself completes the names of files"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_reads_names_the_program(shell: str) -> None:
    """The script is for the name under which the program is installed."""
    environment = {**os.environ, "_RECONCILER_COMPLETE": f"{shell}_source"}
    done = subprocess.run([program()], env=environment, capture_output=True, check=True, text=True)
    assert "_RECONCILER_COMPLETE" in done.stdout
