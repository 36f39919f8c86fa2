"""The ``schema`` command: lists kinds, prints one schema, or writes all of them for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.errors import UsageError
from reconciler.kinds.schema_files import PROJECT, as_text, file_texts, partial_schema, schemas
from reconciler.manifests.schema_errors import nearest

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.kinds.registry import Registry


def write_schemas(registry: Registry, out_dir: Path | None, *, partial: bool) -> str:
    """
    Write every schema below *out_dir*, and return what to say.

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
        from reconciler.kinds.reference import render  # noqa: PLC0415 (slow to import)

        return render(registry.of(kind))
    near = nearest(kind, known)
    what = "page of" if kind in known else "kind"
    message = f"there is no {what} {kind}; {f'did you mean {near}? ' if near and near != kind else ''}"
    message += f"the kinds are {', '.join(known)}"
    raise UsageError(message)
