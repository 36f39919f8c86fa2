"""
Where every call begins: the text of ``--help``, which waits for no library, or one command.

The table of commands is here, so that completion and ``--help`` load none of them.
"""

from __future__ import annotations

import gc
import os
import sys
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from reconciler.cli.terminal import columns, help_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HELP: Final = (["-h"], ["--help"])
_PROGRAMS: Final[Mapping[tuple[str, str], str]] = {
    ("", "reconciler"): "reconciler",
    ("reconciler", "__main__.py"): "python -m reconciler",
}
"""Names of the program, by the package of its main module and the last part of its path."""
_LEAST: Final = 10
# What a run makes it keeps to its end, or drops without a circle: the default looks for garbage 70 times as often, and
# costs a big plan a twelfth of its time.
_GARBAGE: Final = (50_000, 20, 50)
VERSION_HELP: Final = "Show the version, with the commit where it is known."
OPTIONS: Final = {"--version": VERSION_HELP, "-h, --help": "Show this message and exit."}

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


def about() -> str:
    """Reconcile Azure Compute Gallery applications and managed application definitions with manifests in git."""
    return about.__doc__ or ""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code.

    Args:
        argv: Without the program's name; None for the process's own.
    """
    gc.set_threshold(*_GARBAGE)
    arguments = sys.argv[1:] if argv is None else list(argv)
    program = _program()
    if arguments in _HELP and program is not None:
        try:  # our own words alone, so that no stream needs a guard
            print(help_text(program, help_width(columns())), end="", flush=True)  # noqa: T201
        except OSError as error:
            from reconciler.cli.complaint import unwritable  # noqa: PLC0415 (for a failure only)

            return unwritable(error)
        return 0
    from reconciler.cli.program import run  # noqa: PLC0415 (not for --help)

    return run(arguments)


def _program() -> str | None:
    """Return the name of the program; None where it was started in another way than by a user."""
    package = getattr(sys.modules.get("__main__"), "__package__", None) or ""
    return _PROGRAMS.get((package, os.path.basename(sys.argv[0])))  # noqa: PTH119 (pathlib is not imported)


def help_text(program: str, width: int) -> str:
    """Return the help of the program, as click would format it in so many columns."""
    lines = [f"Usage: {program} [OPTIONS] COMMAND", "", *(f"  {line}" for line in wrap(about(), width - 2))]
    for title, helps in {"Options": OPTIONS, **COMMANDS}.items():
        lines += ["", f"{title}:", *_defined(helps, width)]
    return "\n".join(lines) + "\n"


def _defined(helps: Mapping[str, str], width: int) -> Iterator[str]:
    """Yield the lines of a list of names and their explanations."""
    first = max(map(len, helps)) + 2
    for name, text in helps.items():
        head, *rest = wrap(text, max(width - first - 2, _LEAST))
        yield f"  {name:<{first}}{head}"
        yield from (f"  {'':<{first}}{line}" for line in rest)
