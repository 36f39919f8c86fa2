"""Writes docs/commands.md from the program itself: `make reference`. A test fails while the page is stale."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.program import NAMES, load

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = """\
# Commands

The output of `reconciler COMMAND --help`, on one page. `make reference` writes it from the program.

An option takes precedence over its [variable](../README.md#environment-variables), and the variable over the default.
Results go to standard output, the log and the progress to standard error; no command prompts. The README has the
[exit codes](../README.md#exit-codes).
"""

_TAIL: Final = """
## Completion

The shell completes commands, options and their values once it has read the script that the program writes for it:
choices such as `--cloud`, environments of the project file (`--environment`), kinds (`schema`), and `KIND/NAME` of the
manifests (`explain`, `list`, `--target`, `--republish`). Start a new shell after adding the line.

| shell | in | line |
| --- | --- | --- |
| bash 4.4 or newer | `~/.bashrc` | `eval "$(_RECONCILER_COMPLETE=bash_source reconciler)"` |
| zsh | `~/.zshrc` | `eval "$(_RECONCILER_COMPLETE=zsh_source reconciler)"` |
| fish | `~/.config/fish/completions/reconciler.fish` | `_RECONCILER_COMPLETE=fish_source reconciler \\| source` |

Environments and names come from the files of the working folder: offline, within a second and four megabytes, without
running git or any other program. Names with other characters than letters, digits, `.`, `-` and `_` are not offered.

The completions for bash after `reconciler dr`, `reconciler plan --cloud us`, for a kind and for a name:

```console
$ COMP_WORDS='reconciler dr' COMP_CWORD=1 _RECONCILER_COMPLETE=bash_complete reconciler
plain,drift
$ COMP_WORDS='reconciler plan --cloud us' COMP_CWORD=3 _RECONCILER_COMPLETE=bash_complete reconciler
plain,usgovernment
$ COMP_WORDS='reconciler schema App' COMP_CWORD=2 _RECONCILER_COMPLETE=bash_complete reconciler
plain,ApplicationDefinition
$ export _RECONCILER_COMPLETE=bash_complete COMP_CWORD=2
$ COMP_WORDS='reconciler explain GalleryApplicationVersion/agent-1.0' reconciler
plain,GalleryApplicationVersion/agent-1.0.0
```
"""


def page() -> str:
    """Return the page: every command in the order of use, with every option that it shows."""
    names = ", ".join(f"[`{name}`](#reconciler-{name})" for name in NAMES)
    sections = (_section(load(name), name) for name in NAMES)
    return f"{_HEAD}\n{names}\n{''.join(sections)}{_TAIL}"


def _section(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, parent=click.Context(click.Group(), info_name="reconciler"))
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"\n## reconciler {name}\n", f"    reconciler {name} {usage}\n", f"{_plain(command.help or '')}\n"]
    lines += ["| option | variable | means |", "| --- | --- | --- |", *_rows(command, context)]
    return "\n".join(lines) + "\n"


def _rows(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        # The usage names the arguments, and every command has --help.
        if record is None or isinstance(parameter, click.Argument) or "--help" in parameter.opts:
            continue
        option, means = record
        option = option.replace("INTEGER RANGE", "N")
        variable = f"`{parameter.envvar}`" if parameter.envvar else ""
        yield f"| `{_cell(option)}` | {variable} | {_plain(re.sub(' {2,}', ' ', means))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text in which no character is Markdown's."""
    return _cell(re.sub(r"([*_`<\[\]])", r"\\\1", " ".join(text.split())))


if __name__ == "__main__":
    sys.stdout.write(page())
