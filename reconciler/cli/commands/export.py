"""``export``: reads what exists, and writes its manifests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler import filesystem
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import options
from reconciler.cli.arguments import connection_of, permits_of
from reconciler.cli.options import SELECTION, FilePath, Given, option
from reconciler.cli.session import supervised
from reconciler.clock import SystemClock
from reconciler.errors import OutputError, UsageError
from reconciler.export.declared import declared_beside
from reconciler.export.documents import Place, export
from reconciler.export.inventory import Wanted, take_inventory
from reconciler.export.options import name_options, patterns
from reconciler.export.report import render, render_conflicts
from reconciler.kinds.packaged import packaged
from reconciler.kinds.schema_files import file_texts
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.estate import find_project, read_project
from reconciler.model.about import About
from reconciler.plan.exit_codes import ExitCode, of_export
from reconciler.plan.versions import lacks, lags
from reconciler.runtime.connect import open_reader
from reconciler.runtime.output import write_stdout
from reconciler.runtime.run import given_endpoint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reconciler.clock import Clock
    from reconciler.export.declared import Declared
    from reconciler.export.found import Found
    from reconciler.kinds.registry import Registry
    from reconciler.settings import Connection, Environment

_SCHEMAS: Final = "schemas"
_NAMES: Final = name_options(packaged().kinds.values())
"""The options that choose by the name of a resource, from the schemas."""


@dataclass(frozen=True, slots=True)
class ExportRun:
    """
    The arguments of one export.

    Attributes:
        folder: For the manifests.
        config: The project file; None to look for one from the folder upward.
        force: Whether files that exist are replaced.
        registry: The kinds, and the schemas of other files.
    """

    wanted: Wanted
    connection: Connection
    environment: Environment
    clock: Clock
    folder: Path
    config: str | None = None
    force: bool = False
    registry: Registry = field(default_factory=packaged)


def _names(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that the kinds declare."""
    for each in reversed(_NAMES):
        text = f"{each.help}  [default: all]"
        command = option(f"--{each.name}", each.key, metavar="NAME", heading=SELECTION, help=text)(command)
    return command


@options.command("export")
@option("--subscription", required=True, metavar="ID", heading=SELECTION, help="Subscription to read.")
@option("--resource-group", metavar="NAME", heading=SELECTION, help="Only this resource group.  [default: all]")
@_names
@options.config
@option(
    "--out-dir",
    type=FilePath(file_okay=False),
    default="manifests",
    show_default=True,
    metavar="DIR",
    help="Folder for the manifests; schemas for editors go beside it.",
)
@option("--force", is_flag=True, help="Replace files that exist.")
@options.connection
@options.log
def command(
    given: Given, subscription: str, resource_group: str | None, out_dir: Path, *, force: bool, **names: str | None
) -> int:
    """Write manifests for existing resources. Read-only access to Azure."""
    wanted = Wanted(subscription, resource_group, patterns(_NAMES, names), given.concurrency)
    if not permits_of(given).scopes.hold(wanted.scope):
        message = f"{wanted.scope} is in no --allowed-scope"
        raise UsageError(message)
    run = ExportRun(wanted, connection_of(given), given.process, SystemClock(), out_dir, given.config, force)
    (text, code), signalled = supervised(given, lambda stop: write_export(run, stop))
    write_stdout(text)
    return signalled or code


async def write_export(run: ExportRun, stop: asyncio.Event) -> tuple[str, int]:
    """Read what exists, with a client that cannot write, and write manifests; return the text and exit code."""
    text, code = await _write(run, stop)
    cloud, endpoint = run.connection.cloud, run.connection.endpoint
    return f"{About(cloud=cloud, endpoint=given_endpoint(cloud, endpoint))}: {text}", code


async def _write(run: ExportRun, stop: asyncio.Event) -> tuple[str, int]:
    if filesystem.sort_of(run.folder) not in {None, filesystem.Sort.FOLDER}:
        message = f"--out-dir {run.folder}: not a folder"
        raise UsageError(message)
    project = find_project((str(run.folder),), run.config)
    tracking = read_project(project, run.registry)[0].tracking if project else Tracking()
    kinds = run.registry.kinds
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        found = await unless_stopped(take_inventory(run.wanted, kinds, arm), stop)
        known, missing = arm.versions.answered(), arm.versions.lacking()
    near = _schemas_near(run.folder, kinds)
    place = Place(run.folder.as_posix(), near or f"../{_SCHEMAS}")
    exported = export(found, kinds, tracking, place)
    _require_folders(run.folder, exported.files)
    existing = [path for path in exported.files if filesystem.is_there(run.folder / path)]
    if existing and not run.force:
        return render_conflicts(place.folder, existing), ExitCode.FAILURE
    declared = _declared(run, exported.files)
    kept = [item for item in found if item.key not in declared.places]
    if declared.addresses or len(kept) < len(found):
        place = replace(place, taken=declared.addresses)
        exported = export(kept, kinds, tracking, place)
        _require_folders(run.folder, exported.files)
        again = [path for path in exported.files if filesystem.is_there(run.folder / path)]
        if again and not run.force:
            return render_conflicts(place.folder, again), ExitCode.FAILURE
    notes = (*exported.notes, *_skipped(found, declared), *lags(kinds, known), *lacks(missing))
    exported = replace(exported, notes=notes)
    schemas = file_texts(run.registry) if near is None and exported.files else {}
    for_editors = {f"{_SCHEMAS}/{name}": text for name, text in schemas.items()}
    _require_folders(run.folder.parent, for_editors)
    for path, text in exported.files.items():
        filesystem.write_below(run.folder, path, text)
    for path, text in for_editors.items():
        if not filesystem.is_there(run.folder.parent / path):
            filesystem.write_below(run.folder.parent, path, text)
    reads = sum(arm.transport.requests.values())
    return render(exported, place.folder, reads), of_export(run.wanted.names, found)


def _declared(run: ExportRun, files: Iterable[str]) -> Declared:
    """Return the declarations beside the *files* that are to be written."""
    written = [run.folder / path for path in files]
    return declared_beside(run.folder, run.config, run.registry, run.clock.now(), written)


def _require_folders(folder: Path, paths: Iterable[str]) -> None:
    """Raise OutputError where a file would be written through a link, which may lead out of *folder*."""
    for path in paths:
        found = filesystem.link_on_the_way(folder, path)
        if found is not None:
            message = (
                f"{found} is a link, or not a folder: nothing was written, as files go into folders of --out-dir only"
            )
            raise OutputError(message)


def _skipped(found: Sequence[Found], declared: Declared) -> Iterator[str]:
    for item in found:
        if item.key in declared.places:
            yield f"{item.kind.name} {item.params[item.kind.parameters[-1]]}: declared in {declared.places[item.key]}"


def _schemas_near(folder: Path, names: Iterable[str]) -> str | None:
    """Return the path, from *folder*, of a folder ``schemas`` in it or above it that has every kind's; None without."""
    start = filesystem.absolute(folder)
    for above in (start, *start.parents):
        files = (above / _SCHEMAS / f"{name}.schema.json" for name in names)
        if all(filesystem.sort_of(file) is filesystem.Sort.FILE for file in files):
            return Path(filesystem.relative(above / _SCHEMAS, start)).as_posix()
        if filesystem.is_there(above / ".git"):
            break
    return None
