"""The help of one command: its options in groups, in the order of use, none of them cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASKED: Final = (
    *("environment", "config", "allow_empty", "paths", "target", "selector", "changed_since", "health"),
    *("plan_file", "snapshot", "against", "out", "detailed_exitcode"),
    *("only", "republish", "max_puts", "no_adopt", "take_over", "wait"),
    *("interval", "once", "report_only"),
)
_AZURE: Final = (
    *("cloud", "endpoint", "credential", "allowed_scope", "storage_host"),
    *("concurrency", "poll_interval", "timeout"),
)
_OUTPUT: Final = ("output", "report", "verbose", "no_color", "log_level", "log_format", "help")
GROUPS: Final = ("What to do", "Azure", "Output")


def group_of(option: click.Parameter) -> str:
    """Return the title of the group that an option belongs to."""
    name = _name(option)
    return GROUPS[1] if name in _AZURE else GROUPS[2] if name in _OUTPUT else GROUPS[0]


def in_order(options: Sequence[click.Parameter]) -> list[click.Parameter]:
    """Return *options* as a help lists them, arguments first; options of one command alone follow the usual ones."""
    places = {name: place for place, name in enumerate((*_ASKED, *_AZURE, *_OUTPUT))}
    groups = {title: place for place, title in enumerate(GROUPS)}
    last = len(places)

    def place(option: click.Parameter) -> tuple[bool, int, int]:
        if not isinstance(option, click.Option):
            return False, 0, 0
        return True, groups[group_of(option)], places.get(_name(option), last)

    return sorted(options, key=place)


def _name(option: click.Parameter) -> str:
    return "help" if "--help" in option.opts else option.name or ""


def write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of *command*, a section for each group."""
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    for title in GROUPS:
        found = [each for each in in_order(options) if group_of(each) == title]
        records = [record for each in found if (record := each.get_help_record(context)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
