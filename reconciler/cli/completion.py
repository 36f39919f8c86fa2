"""
Completes environments, kinds and names for a shell, from the files of the working folder.

Works offline, within bounds of time and size, and runs nothing. A fault completes nothing: no message may disturb the
line that is being typed. The files may be a stranger's, and a shell may expand an answer: only names of letters,
digits, dots, hyphens and underscores are offered, and none that looks like a secret.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from threading import Timer
from typing import TYPE_CHECKING, Final

from click import Argument
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

    from reconciler.clock import Clock

_MOST_SECONDS: Final = 1.0
"""After which no further file is read."""
_LAST_SECOND: Final = 3.0
"""Seconds after which the process ends without an answer."""
_MOST_FILES: Final = 2_000
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of all files that are read."""
_MOST_BYTES_OF_A_FILE: Final = 512 * 1024
_MOST_ANSWERS: Final = 1_000
_PART: Final = "[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_NAME: Final = re.compile(f"{_PART}(?:/{_PART})?")
_DEFAULT_PATHS: Final = ("manifests",)


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the mark by which a shell completes the names of files."""
    return [CompletionItem(incomplete, type="file")]


def formats(names: tuple[str, ...]) -> Callable[..., list[str]]:
    """Return a completion of ``FORMAT=`` for ``FORMAT=FILE``."""
    return lambda _context, _parameter, incomplete: [f"{name}=" for name in names if name.startswith(incomplete)]


def environments(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the environments of the project file."""
    return _answers(lambda: _environments(context), incomplete)


def addresses(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return ``KIND/NAME`` of the manifests."""
    return _answers(lambda: _addresses(_paths(context)), incomplete)


def address_or_path(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str] | list[CompletionItem[str]]:
    """Return ``KIND/NAME`` of the manifests in the default folder as the first argument, else files."""
    first = not context.params.get("arguments")
    found = _answers(lambda: _addresses(_DEFAULT_PATHS), incomplete) if first else []
    return found or [CompletionItem(incomplete, type="file")]


def kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the kinds that have a schema."""
    return _answers(_kinds, incomplete)


def _answers(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Return the harmless texts of *find* that begin as the user did; none after a fault."""
    from reconciler.secret.text import scrub  # noqa: PLC0415 (only for an answer)

    watch = Timer(_LAST_SECOND, os._exit, (0,))
    watch.daemon = True
    watch.start()
    try:
        found = (each for each in find() if each.startswith(incomplete) and _NAME.fullmatch(each))
        return sorted({each for each in islice(found, _MOST_ANSWERS) if scrub(each) == each})
    except Exception:  # noqa: BLE001 (on any error, the shell completes nothing)
        return []
    finally:
        watch.cancel()


def _paths(context: click.Context) -> tuple[str, ...]:
    """Return the paths on the command line; where an option is still without its value, click has not placed them."""
    is_argument = any(isinstance(each, Argument) and each.name == "paths" for each in context.command.params)
    given = context.params.get("paths") or (context.args if is_argument else ())
    return tuple(path for path in given if path != "-") or _DEFAULT_PATHS


def _environments(context: click.Context) -> Iterable[str]:
    from reconciler.kinds.packaged import packaged  # noqa: PLC0415 (only for an answer)
    from reconciler.manifests.estate import examine_project, find_project  # noqa: PLC0415 (only for an answer)

    file = find_project(_paths(context), context.params.get("config"))
    return examine_project(file, packaged()).project.environments if file else ()


def _kinds() -> Iterable[str]:
    from reconciler.kinds.packaged import packaged  # noqa: PLC0415 (only for an answer)
    from reconciler.kinds.schema_files import schemas  # noqa: PLC0415 (only for an answer)

    return schemas(packaged())


def _addresses(paths: Iterable[str], clock: Clock | None = None) -> Iterator[str]:
    """Yield ``KIND/NAME`` of each document below *paths*, as far as the bounds allow."""
    from reconciler.clock import SystemClock  # noqa: PLC0415 (only for an answer)
    from reconciler.kinds.packaged import packaged  # noqa: PLC0415 (only for an answer)
    from reconciler.manifests.yaml12 import read_documents  # noqa: PLC0415 (only for an answer)

    clock = clock or SystemClock()
    kinds, end = packaged().kinds, clock.monotonic() + _MOST_SECONDS
    for name, data in islice(_contents(paths), _MOST_FILES):
        if clock.monotonic() > end:
            return
        for document in read_documents(data, name)[0]:
            metadata = document.value.get("metadata")
            own = metadata.get("name") if isinstance(metadata, dict) else None
            kind = document.value.get("kind")
            if isinstance(own, str) and isinstance(kind, str) and kind in kinds:
                yield f"{kind}/{own}"


def _contents(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the manifest files below *paths*, until they are too many bytes."""
    from reconciler.manifests.files import RefusedError, Root  # noqa: PLC0415 (only for an answer)

    room = _MOST_BYTES
    for path in paths:
        with Root.around(path) as root:
            start = root.relative(path)
            found = root.walk(start) if root.is_folder(start) else ()
            for name in (entry.path for entry in found if entry.refused is None) if found else (start,):
                try:
                    data = root.read(name, min(room, _MOST_BYTES_OF_A_FILE))
                except RefusedError:
                    continue
                room -= len(data)
                yield name, data
