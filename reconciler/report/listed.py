"""The output of ``list``: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.errors import UsageError
from reconciler.model.change import Modified
from reconciler.report.escape import inert, inert_json, masked, masked_json, visible
from reconciler.report.problems import counted
from reconciler.report.replicated import as_json as replication_json
from reconciler.report.replicated import state_of
from reconciler.report.text import Look, problem_lines
from reconciler.report.verdict import count
from reconciler.report.wrap import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.errors import ErrorInfo
    from reconciler.model.desired import Desired
    from reconciler.plan.listing import Listed, Listing, Region

FORMATS: Final = ("text", "json")
_SCHEMA_VERSION: Final = 1
_HEAD: Final = ("name", "version", "regions", "last modified", "owner")
_GAP: Final = "  "
_INDENT: Final = " " * 4
_NONE: Final = "-"


def check_format(name: str) -> None:
    """
    Refuse a format that does not exist here.

    Raises:
        UsageError: There is no such format.
    """
    if name not in FORMATS:
        message = f"list has no format {name}; its formats are {', '.join(FORMATS)}"
        raise UsageError(message)


def render(listing: Listing, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002
    """
    Return *listing* in one of *FORMATS*.

    Args:
        listing: The resources to show.
        format: The name of the format.
        color: Whether text is colored.
        width: Columns of the terminal; None where there is none.
    """
    check_format(format)
    if format == "json":
        return masked_json(inert_json(json.dumps(as_json(listing), indent=2)) + "\n")
    lines = (masked(inert(line)) for line in _lines(listing, Look(color), width))
    return masked("".join(f"{part}\n" for line in lines for part in folded(line, width)))


def as_json(listing: Listing) -> dict[str, Any]:
    """Return *listing* as plain values, in the order in which they are written."""
    return {
        "schemaVersion": _SCHEMA_VERSION,
        "command": "list",
        "reconcilerVersion": __version__,
        **asdict(listing.about),
        "resources": [_resource(item) for item in listing.listed],
        "missing": [_identity(item) for item in listing.missing],
        "errors": [*map(asdict, listing.errors)] or [_unread(item, error) for item, error in listing.unread],
        "warnings": [asdict(problem) for problem in listing.warnings],
    }


def _identity(desired: Desired) -> dict[str, Any]:
    source = desired.source
    return {
        "kind": desired.kind.name,
        "name": desired.name,
        "id": desired.id,
        "source": {"file": source.file, "line": source.line, "document": source.document},
    }


def _resource(item: Listed) -> dict[str, Any]:
    modified = item.modified
    return {
        **_identity(item.desired),
        "version": item.version,
        "regions": [each.name for each in item.regions],
        "latestIn": [each.name for each in item.regions if each.is_latest],
        "replication": replication_json(item.live.replication),
        "modified": {"by": modified.by, "byType": modified.by_type, "at": modified.at},
        "owner": item.owner,
    }


def _unread(desired: Desired, error: ErrorInfo) -> dict[str, Any]:
    source = desired.source
    message = f"{desired.address}: {error.message}"
    place = {"file": source.file, "line": source.line, "column": None, "path": ""}
    return {**place, "code": error.code, "message": message, "fix": error.fix}


def _lines(listing: Listing, look: Look, width: int | None) -> Iterator[str]:
    first = look.paint(_verdict(listing), "bold")
    yield first
    for problem in listing.errors:
        yield ""
        yield from problem_lines(problem, "error", look)
    for warning in counted(listing.warnings):
        yield ""
        yield from problem_lines(warning.problem, "warning", look, warning.places)
    for kind, items in groupby(listing.listed, key=lambda item: item.desired.kind.name):
        yield ""
        yield look.paint(visible(kind), "bold")
        yield from _table([_cells(item) for item in items], look, width)
    if listing.missing:
        yield ""
        yield look.paint("Not live", "bold")
        yield from (f"{_INDENT}{visible(item.kind.name)} {visible(item.name)}" for item in listing.missing)
    told: dict[ErrorInfo, str] = {}
    for item, error in () if listing.errors else listing.unread:
        yield ""
        named = look.paint(f"? {visible(item.kind.name)} {visible(item.name)}", "red")
        yield f"{named}  {visible(item.source.file)}:{item.source.line}"
        first = told.setdefault(error, item.address)
        said = error.message if first == item.address else f"the same as of {first}"
        yield from (f"{_INDENT}{visible(line)}" for line in f"error[{error.code}]: {said}".split("\n"))
        if error.fix and first == item.address:
            yield f"{_INDENT}fix: {visible(error.fix)}"
    yield ""
    yield f"{count(listing.reads, 'read')}, 0 writes"


def _verdict(listing: Listing) -> str:
    about = visible(str(listing.about))
    return f"{about}: {_result(listing)}" if about else _result(listing)


def _result(listing: Listing) -> str:
    if listing.errors:
        return "Stopped: not signed in."
    if listing.unselected:
        return f"Nothing selected: {visible(listing.unselected)}."
    total = len(listing.listed) + len(listing.missing) + len(listing.unread)
    verb = "is" if total == 1 else "are"
    found = f"{len(listing.listed)} of {count(total, 'declared resource')} {verb} live"
    unknown = f"; {len(listing.unread)} unknown" if listing.unread else ""
    return f"{found}{unknown}."


def _cells(item: Listed) -> tuple[tuple[str, ...], ...]:
    """Return the lines of each cell of one row."""
    return (
        (visible(item.desired.name),),
        (visible(item.version) if item.version else _NONE,),
        tuple(map(_region, item.regions)) or (_NONE,),
        _modified(item.modified),
        (visible(item.owner) if item.owner else _NONE,),
    )


def _region(region: Region) -> str:
    marks = ("latest" if region.is_latest else "", state_of(region.state) if region.state is not None else "")
    said = ", ".join(filter(None, marks))
    return f"{visible(region.name)} ({said})" if said else visible(region.name)


def _modified(modified: Modified) -> tuple[str, ...]:
    if modified == Modified():
        return (_NONE,)
    return (visible(modified.by or "unknown"), visible(modified.at or "unknown"))


def _table(rows: Sequence[tuple[tuple[str, ...], ...]], look: Look, width: int | None) -> Iterator[str]:
    """Yield the rows under a head; as blocks, one line for each cell, where the terminal is too narrow for a table."""
    columns = zip(((title,) for title in _HEAD), *rows, strict=True)
    widths = [max(len(line) for cell in column for line in cell) for column in columns]
    if width is not None and sum(widths) + len(_GAP) * len(widths) + len(_INDENT) > width:
        for row in rows:
            yield f"{_INDENT}{look.paint(row[0][0], 'bold')}"
            for title, cell in zip(_HEAD[1:], row[1:], strict=True):
                yield f"{_INDENT * 2}{title}: {', '.join(cell)}"
        return
    yield _INDENT + look.paint(_padded(_HEAD, widths), "dim")
    for row in rows:
        for line in zip_longest(*row, fillvalue=""):
            yield _INDENT + _padded(line, widths)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()
