"""What ``--help`` shows: everything, in the order of use, on a terminal of any width."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from reconciler.cli.help import GROUPS, group_of, in_order
from reconciler.cli.program import cli

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
    assert sorted(found) == sorted(cli.commands)
    assert found[:3] == ["validate", "plan", "apply"]
    assert found != sorted(found)
    assert "..." not in text
    assert "…" not in text
    assert width_of(text) <= 80


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", cli.commands)
def test_the_help_of_a_command_groups_its_options(
    run: Command, monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    """Each option stands once, in a group, with all of its text; what to do comes before Azure and output."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = run(name, "--help").out
    assert width_of(text) <= columns
    titles = [line.rstrip(":") for line in text.splitlines() if line.rstrip(":") in GROUPS]
    assert titles == [title for title in GROUPS if title in titles]
    flat = " ".join(text.split())
    for option in cli.commands[name].params:
        if isinstance(option, click.Option):
            assert len(re.findall(rf"^  {re.escape(', '.join(option.opts))}( |$)", text, re.MULTILINE)) == 1
            assert option.help
            assert " ".join(option.help.split()) in flat


def test_options_come_in_the_order_of_use() -> None:
    """What chooses resources comes before what is rarely needed."""
    names = [option.name for option in in_order(cli.commands["plan"].params)]
    assert names != sorted(map(str, names))
    order = ["environment", "target", "max_puts", "cloud", "credential", "timeout", "output", "log_format"]
    assert [name for name in names if name in order] == order
    assert [group_of(option) for option in in_order(cli.commands["plan"].params)] == sorted(
        (group_of(option) for option in cli.commands["plan"].params), key=GROUPS.index
    )
