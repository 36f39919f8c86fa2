"""What ``--help`` shows: everything, in the order of use, on a terminal of any width."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
import pytest

from reconciler.cli.front import COMMANDS, NAMES, help_text
from reconciler.cli.options import HEADINGS, Given, heading_of
from reconciler.cli.program import cli, load
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def width_of(text: str) -> int:
    """Return the length of the longest line."""
    return max(map(len, text.splitlines()))


def test_the_help_of_the_program_names_each_command_once(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of use, none of them cut, and none left out."""
    monkeypatch.setenv("COLUMNS", "80")
    text = run("--help").out
    found = re.findall(r"^  ([a-z][a-z-]*)  +[A-Z]", text, re.MULTILINE)
    assert tuple(found) == NAMES
    assert found[:3] == ["validate", "plan", "apply"]
    assert "..." not in text
    assert "…" not in text
    assert width_of(text) <= 80


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_groups_its_options(
    run: Command, monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    """Each option stands once, in a group, with all of its text; the selection comes before Azure and output."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = run(name, "--help").out
    assert width_of(text) <= columns
    titles = [line.rstrip(":") for line in text.splitlines() if line.rstrip(":") in HEADINGS]
    assert titles == [title for title in HEADINGS if title in titles]
    flat = " ".join(re.sub(r"-\n +", "-", text).split())  # a line may be broken after a hyphen
    for option in load(name).params:
        if isinstance(option, click.Option):
            assert len(re.findall(rf"^  {re.escape(', '.join(option.opts))}( |$)", text, re.MULTILINE)) == 1
            assert option.help
            assert " ".join(option.help.split()) in flat


def test_options_come_in_the_order_of_use() -> None:
    """Options that choose resources come before those that are rarely needed."""
    plan = load("plan")
    listed = [each for each in plan.get_params(click.Context(plan)) if isinstance(each, click.Option)]
    names = [option.name for option in listed]
    order = ["environment", "target", "max_puts", "cloud", "credential", "timeout", "output", "log_format"]
    assert [name for name in names if name in order] == order
    headings = [heading_of(option) for option in listed]
    assert headings == sorted(headings, key=HEADINGS.index)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_commands_says_what_the_modules_say(name: str) -> None:
    """The program knows names and help without loading a module, and neither may become stale."""
    (help_text,) = (helps[name] for helps in COMMANDS.values() if name in helps)
    command = load(name)
    assert (command.name, " ".join((command.help or "").split())) == (name, help_text)


def test_the_table_of_commands_has_every_module() -> None:
    """A module that the table leaves out cannot be called."""
    folder = ROOT / "reconciler" / "cli" / "commands"
    assert {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"--init--"} == set(NAMES)


def test_shared_options_become_typed_values() -> None:
    """An option that several commands have has a field, and a command without it has the field's default."""
    fields = {field.name for field in dataclasses.fields(Given)}
    counted = Counter(parameter.name for name in NAMES for parameter in load(name).params)
    own = {"address", "arguments", "detailed_exitcode", "host", "out", "out_dir", "plan_file", "snapshot"}
    assert {name for name, count in counted.items() if count > 1} - own <= fields


@pytest.mark.parametrize("program", ["reconciler", "python -m reconciler"])
def test_the_help_that_waits_for_nothing_is_that_of_click(program: str) -> None:
    """In every width that a terminal may have, to the byte."""
    for width in range(48, 111):
        context = click.Context(cli, info_name=program, terminal_width=width, help_option_names=["-h", "--help"])
        assert help_text(program, width) == f"{cli.get_help(context)}\n"


def test_what_no_call_needs_is_not_imported() -> None:
    """The help waits for no library, and a plan not for the command line that comes with the HTTP library."""
    shown = "import sys, reconciler.cli.front as front; front.help_text('reconciler', 80); print(*sys.modules)"
    planned = "import sys, reconciler.runtime.execute; print(*sys.modules)"
    helped, planning = (set(_printed(code).split()) for code in (shown, planned))
    assert not helped & {"click", "asyncio", "httpx", "yaml", "inspect"}
    assert "httpx" in planning
    assert not planning & {"rich", "pygments", "rich.console"}


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
