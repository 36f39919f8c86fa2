"""
The program: its commands by name, and the exit code of a call.

A command's module, with all that it imports, is loaded when the command is called: ``--help``, ``--version`` and the
completion of a command's name wait for none of them.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

import click

from reconciler.cli.terminal import columns, help_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

_HELP: Final = (["-h"], ["--help"])
# What a run makes it keeps to its end, or drops without a circle: the default looks for garbage 70 times as often, and
# costs a big plan a twelfth of its time.
_GARBAGE: Final = (50_000, 20, 50)

COMMANDS: Final = {
    "Change": {
        "validate": "Check manifests against their schemas and rules. Works offline; no sign-in needed.",
        "plan": "Show what apply would do. Read-only.",
        "apply": "Plan afresh, send the PUTs that are needed, wait for their end, and verify.",
        "run": "Reconcile every --interval seconds until interrupted; SIGHUP begins a round now.",
        "new-version": "Write the manifest of the next version from an existing one. Works offline; replaces no file.",
    },
    "Look": {
        "drift": "Report where Azure differs from git; exit 2 if it does. Read-only.",
        "list": "List the live state of declared resources: version, regions, latest, last writer, owner. Read-only.",
        "usage": "Show which machines and scale sets use which version, and which versions are unused. Read-only.",
        "history": "Print the rounds and drift episodes of run. Reads the history file only.",
        "explain": "Explain, field by field, why a resource does or does not differ from its manifest. Read-only.",
        "snapshot": "Save the live state, without secrets, for plan --against-snapshot. Read-only access to Azure.",
        "export": "Write manifests for existing resources. Read-only access to Azure.",
    },
    "More": {
        "report": "Merge the reports of all shards of an estate into the report of one run. Sends nothing.",
        "comment": "Write a Markdown report, from FILE or standard input (-), as one comment on a pull request.",
        "schema": "Print the JSON Schema of KIND; without KIND, list the kinds.",
        "emulator": "Serve the embedded ARM over HTTP, on loopback.",
    },
}
"""The commands in the order of use, each with its help: the docstring of its module's command, which is not loaded."""
NAMES: Final = tuple(name for helps in COMMANDS.values() for name in helps)


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


@click.group(cls=_Program, subcommand_metavar="COMMAND", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version, with the commit where it is known.",
)
def cli() -> None:
    """Reconcile Azure Compute Gallery applications and managed application definitions with manifests in git."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code.

    Args:
        argv: Without the program's name; None for the process's own.
    """
    gc.set_threshold(*_GARBAGE)
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments in _HELP:  # our own words alone, so that no stream needs a guard
        try:
            return _main(arguments)
        except OSError as error:
            from reconciler.cli.complaint import unwritable  # noqa: PLC0415 (for a failure only)

            return unwritable(error)
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


if __name__ == "__main__":
    sys.exit(main())
