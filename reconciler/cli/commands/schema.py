"""``schema``: lists kinds, prints one schema, or writes all of them for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler import filesystem
from reconciler.cli import completion, options
from reconciler.cli.options import FilePath, Given, option
from reconciler.errors import UsageError
from reconciler.kinds.packaged import packaged
from reconciler.kinds.reference import render
from reconciler.kinds.schema_files import PROJECT, as_text, file_texts, partial_schema, schemas
from reconciler.manifests.schema_errors import nearest
from reconciler.plan.exit_codes import ExitCode
from reconciler.runtime.output import write_stdout
from reconciler.runtime.streams import Form

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.kinds.registry import Registry


@options.command("schema")
@click.argument("kind", required=False, shell_complete=completion.kinds)
@option("--partial", is_flag=True, help="Schema for overlays: every key optional, null allowed.")
@option("--all", "all_kinds", is_flag=True, help="Write the schemas of all kinds to --out-dir, for editors.")
@option("--out-dir", type=FilePath(file_okay=False), metavar="DIR", help="Folder for --all.")
@option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    heading=options.OUTPUT,
    help="The schema, or a page that describes every field and how it is compared.",
)
def command(_given: Given, kind: str | None, out_dir: Path | None, form: str, *, partial: bool, all_kinds: bool) -> int:
    """Print the JSON Schema of KIND; without KIND, list the kinds."""
    if all_kinds:
        if kind is not None:
            message = "--all takes no KIND"
            raise UsageError(message)
        write_stdout(write_schemas(packaged(), out_dir, partial=partial))
        return ExitCode.SUCCESS
    if out_dir is not None:
        message = "--out-dir is for --all"
        raise UsageError(message)
    is_json = kind is not None and form == "json"
    write_stdout(schema_text(packaged(), kind, form, partial=partial), Form.JSON if is_json else Form.TEXT)
    return ExitCode.SUCCESS


def write_schemas(registry: Registry, out_dir: Path | None, *, partial: bool) -> str:
    """
    Write every schema below *out_dir*, and return their paths as text.

    Raises:
        UsageError: There is no folder.
        PathError: A file cannot be written.
    """
    if out_dir is None:
        message = "--all needs --out-dir DIR, the folder to write to"
        raise UsageError(message)
    texts = file_texts(registry, partial=partial)
    for name, text in texts.items():
        filesystem.write_below(out_dir, name, text)
    return "".join(f"{(out_dir / name).as_posix()}\n" for name in texts)


def schema_text(registry: Registry, kind: str | None, output: str, *, partial: bool) -> str:
    """
    Return the list of kinds, or a schema, or the page of a kind.

    Raises:
        UsageError: There is no such kind, or no such page.
    """
    known = schemas(registry)
    if kind is None and not partial:
        return "".join(f"{name}\n" for name in known)
    if kind is None or (partial and (kind == PROJECT or output != "json")):
        message = "--partial needs the KIND of a manifest, or --all"
        raise UsageError(message)
    if kind in known and output == "json":
        return as_text(partial_schema(known[kind]) if partial else known[kind])
    if kind in registry.kinds:
        return render(registry.of(kind))
    near = nearest(kind, known)
    what = "page of" if kind in known else "kind"
    message = f"there is no {what} {kind}; {f'did you mean {near}? ' if near and near != kind else ''}"
    message += f"the kinds are {', '.join(known)}"
    raise UsageError(message)
