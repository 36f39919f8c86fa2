"""The view of a list: the published fields of ``list -o json``, and the words for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler import __version__
from reconciler.model.change import Modified as Writer
from reconciler.report.build import problem_of
from reconciler.report.clean import for_people, for_programs
from reconciler.report.resource_view import Modified, Replication, Source
from reconciler.report.resources import replication_of, state_in
from reconciler.report.verdict import count
from reconciler.report.view import SCHEMA_VERSION, Problem
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from reconciler.errors import ErrorInfo
    from reconciler.model.desired import Desired
    from reconciler.model.offers import Region
    from reconciler.plan.listing import Listed, Listing

_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """
    A live resource as a row of a table.

    Attributes:
        cells: The lines of each: name, version, regions, last writer and owner.
    """

    cells: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A declared resource that is missing in Azure."""

    kind: str
    name: str
    id: str
    source: Source


@dataclass(frozen=True, slots=True)
class Resource:
    """A declared resource that is live."""

    kind: str
    name: str
    id: str
    source: Source
    version: str | None
    regions: tuple[str, ...]
    latest_in: tuple[str, ...]
    replication: Replication | None
    modified: Modified
    owner: str | None
    words: Row = Row()


@dataclass(frozen=True, slots=True)
class Unread:
    """
    A declared resource that could not be read.

    Attributes:
        lines: Of its error; they point at an earlier resource that has the same one.
        fix: Of the error; None where it has none, or an earlier resource has shown it.
    """

    kind: str
    name: str
    place: str
    lines: tuple[str, ...]
    fix: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """
    A list for people.

    Attributes:
        verdict: The counts in one sentence, after environment and cloud.
        budget: The requests that were sent.
        problems: The errors of the whole run.
        unread: The resources that could not be read, where no error of the run is the reason.
    """

    verdict: str = ""
    budget: str = ""
    problems: tuple[Problem, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class ListView:
    """The declared resources, as found in Azure."""

    schema_version: int
    command: str
    reconciler_version: str
    environment: str | None
    project: str | None
    cloud: str | None
    endpoint: str | None
    commit: str | None
    resources: tuple[Resource, ...]
    missing: tuple[Identity, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    words: Words = Words()


def view_of(listing: Listing, *, people: bool) -> ListView:
    """Return the view of *listing*: exact for programs, with words for people."""
    about = listing.about
    view = ListView(
        schema_version=SCHEMA_VERSION,
        command="list",
        reconciler_version=__version__,
        environment=about.environment,
        project=about.project,
        cloud=about.cloud,
        endpoint=about.endpoint,
        commit=about.commit,
        resources=tuple(_resource(item, people=people) for item in listing.listed),
        missing=tuple(Identity(item.kind.name, item.name, item.id, _source(item)) for item in listing.missing),
        errors=tuple(map(problem_of, listing.errors)) or tuple(_problem(*each) for each in listing.unread),
        warnings=tuple(map(problem_of, listing.warnings)),
        words=_words(listing) if people else Words(),
    )
    return for_people(view) if people else for_programs(view)


def _source(desired: Desired) -> Source:
    return Source(desired.source.file, desired.source.line, desired.source.document)


def _resource(item: Listed, *, people: bool) -> Resource:
    desired, modified = item.desired, item.modified
    return Resource(
        kind=desired.kind.name,
        name=desired.name,
        id=desired.id,
        source=_source(desired),
        version=item.version,
        regions=tuple(each.name for each in item.regions),
        latest_in=tuple(each.name for each in item.regions if each.is_latest),
        replication=replication_of(item.live.replication),
        modified=Modified(modified.by, modified.by_type, modified.at),
        owner=item.owner,
        words=Row(_cells(item)) if people else Row(),
    )


def _problem(desired: Desired, error: ErrorInfo) -> Problem:
    source = desired.source
    message = f"{desired.address}: {error.message}"
    return Problem(source.file, source.line, None, "", str(error.code), message, error.fix)


def _words(listing: Listing) -> Words:
    about, result = str(listing.about), _result(listing)
    return Words(
        verdict=f"{about}: {result}" if about else result,
        budget=f"{count(listing.reads, 'read')}, 0 writes",
        problems=tuple(map(problem_of, listing.errors)),
        unread=() if listing.errors else _unread(listing),
    )


def _result(listing: Listing) -> str:
    if listing.errors:
        return "Stopped: not signed in."
    if listing.unselected:
        return f"Nothing selected: {listing.unselected}."
    total = len(listing.listed) + len(listing.missing) + len(listing.unread)
    verb = "is" if total == 1 else "are"
    found = f"{len(listing.listed)} of {count(total, 'declared resource')} {verb} live"
    unknown = f"; {len(listing.unread)} unknown" if listing.unread else ""
    return f"{found}{unknown}."


def _unread(listing: Listing) -> tuple[Unread, ...]:
    told: dict[ErrorInfo, str] = {}
    found = []
    for item, error in listing.unread:
        first = told.setdefault(error, item.address)
        is_first = first == item.address
        message = scrub(error.message) if is_first else f"the same as for {first}"
        lines = tuple(f"error[{error.code}]: {message}".split("\n"))
        place = f"{item.source.file}:{item.source.line}"
        found.append(Unread(item.kind.name, item.name, place, lines, error.fix if is_first else None))
    return tuple(found)


def _cells(item: Listed) -> tuple[tuple[str, ...], ...]:
    return (
        (item.desired.name,),
        (item.version or _NONE,),
        tuple(map(_region, item.regions)) or (_NONE,),
        _modified(item.modified),
        (item.owner or _NONE,),
    )


def _region(region: Region) -> str:
    marks = ("latest" if region.is_latest else "", state_in(region.state) if region.state is not None else "")
    said = ", ".join(filter(None, marks))
    return f"{region.name} ({said})" if said else region.name


def _modified(modified: Writer) -> tuple[str, ...]:
    if modified == Writer():
        return (_NONE,)
    return (modified.by or "unknown", modified.at or "unknown")
