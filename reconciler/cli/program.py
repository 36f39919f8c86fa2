"""
The program: its commands by name, and the exit code of a call.

A command's module, with all that it imports, is loaded when the command is called: ``--help``, ``--version`` and the
completion of a command's name wait for none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from reconciler.cli.front import COMMANDS, NAMES, VERSION_HELP, about
from reconciler.cli.terminal import columns, help_width

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def load(name: str) -> click.Command:
    """Return the command of that name."""
    return cast("click.Command", import_module(f"reconciler.cli.commands.{name.replace('-', '_')}").command)


class _Program(click.Group):
    """A group that knows its commands by name and help, and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """Return the names of the commands in the order of use."""
        return [*NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        """Load a command; None if there is none of that name."""
        return load(cmd_name) if cmd_name in NAMES else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """Write the commands in groups, each with its whole help."""
        for title, helps in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([*helps.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, in the order of use, or the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 (for completion only)

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        helps = (item for each in COMMANDS.values() for item in each.items())
        return [CompletionItem(name, help=text) for name, text in helps if name.startswith(incomplete)]


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 (click's own)
    """Print the version and end."""
    if not wanted or context.resilient_parsing:
        return
    from reconciler.runtime.build import build_version  # noqa: PLC0415 (for --version only)
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415 (not for --help)

    write_stdout(f"reconciler, version {build_version()}\n")
    context.exit()


@click.group(
    cls=_Program, help=about(), subcommand_metavar="COMMAND", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help=VERSION_HELP,
)
def cli() -> None:
    """Run one command."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    from reconciler.runtime import streams  # noqa: PLC0415 (not for --help)

    with streams.guarded():
        try:
            return _main(arguments)
        except Exception as error:  # noqa: BLE001 (the outermost handler)
            from reconciler.cli.complaint import failed  # noqa: PLC0415 (for a failure only)

            return failed(error)


def _main(arguments: list[str]) -> int:
    try:
        code = cli.main(args=arguments, standalone_mode=False, terminal_width=help_width(columns()))
    except click.ClickException as error:
        from reconciler.cli.complaint import misused  # noqa: PLC0415 (for a failure only)

        return misused(error)
    except click.Abort:
        from reconciler.cli.complaint import aborted  # noqa: PLC0415 (for a signal only)

        return aborted()
    return code if isinstance(code, int) else 0
