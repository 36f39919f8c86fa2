"""The view of a loop's last round and its history, for the page that ``run --listen`` serves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from reconciler.compare.diff import WRITE_ONLY
from reconciler.kinds.leaves import FieldClass, leaves
from reconciler.kinds.normal_forms import region
from reconciler.kinds.paths import format_steps
from reconciler.manifests.misspelt_regions import known_regions
from reconciler.model.rollout import Awaited
from reconciler.report.bounds import Bounds
from reconciler.report.build import view_of
from reconciler.report.clean import for_people
from reconciler.report.held import held_words
from reconciler.report.resource_view import Labelled
from reconciler.report.rollout import AWAITED
from reconciler.report.values import literal
from reconciler.secret.text import SecretUrl, printable
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from reconciler.kinds.leaves import Leaf
    from reconciler.model.desired import Desired
    from reconciler.model.offers import Offer, Region
    from reconciler.model.outcome import Report
    from reconciler.report.history import EpisodeView, HistoryView, RoundView
    from reconciler.report.resource_view import Resource, Rollout, RolloutStep
    from reconciler.report.view import Problem, View

_BOUNDS: Final = Bounds(value=1000, lines=400, in_sync=True)
STRIP: Final = 60
"""Rounds that are shown."""
_MOST_FIELDS: Final = 1000
_RESULTS: Final = {"completed": "good", "failed": "bad", "": ""}
_SEVERITIES: Final = ("security", "delivery", "cosmetic", "")
_IN_SYNC: Final = frozenset({"InSync", "Unmanaged"})


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A resource, and its drift over time.

    Attributes:
        path: Of its own page.
        is_open: Whether it needs attention: it differs, or its state is unknown, and the round has not written it. A
            rollout that goes on needs none.
        since: When its oldest open episode began; empty without one.
        severity: The highest of its open episodes; empty without one.
        who: The last writers, as far as they are known.
    """

    resource: Resource
    path: str
    is_open: bool
    since: str = ""
    severity: str = ""
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """
    A version in one region.

    Attributes:
        state: Of the copies there, or why there are none yet; empty where the version is not offered.
        result: ``good``, ``bad`` or ``calm``; empty where nothing is known.
        is_latest: Whether machines there that ask for the latest version get this one.
    """

    state: str = ""
    result: str = ""
    is_latest: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """
    A version of an application, with a cell for each region of the matrix.

    Attributes:
        path: Of its own page; empty where the round is not about it.
    """

    number: str
    path: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """
    The versions of one application, by region, the highest first.

    Attributes:
        id: Of the application.
        name: Its name, and that of its gallery.
        path: Of its own page; empty where the round is not about it.
    """

    id: str
    name: str
    path: str
    regions: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step of a rollout.

    Attributes:
        state: ``done``, ``due``, ``waits``, ``stopped`` or ``to come``.
        adds: Its regions, or ``latest``; empty for one that is done.
        about: The condition that it waits for, the reason of a stop, or soak and window; empty without any.
    """

    number: int
    state: str
    adds: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Estate:
    """
    Everything that the page shows.

    Attributes:
        outcome: How the last round ended: ``ok``, ``failed``, ``held`` or ``rejected``.
        held: Why the round could not write, in words; empty where it could.
        rejected: The commits that are not taken.
        open: The resources that need attention, the most severe and the oldest first.
        rest: All others.
        rounds: The last ones, the oldest first.
    """

    view: View
    outcome: str
    held: str
    rejected: tuple[Problem, ...]
    open: tuple[Entry, ...]
    rest: tuple[Entry, ...]
    matrices: tuple[Matrix, ...]
    rounds: tuple[RoundView, ...]

    @property
    def rollouts(self) -> tuple[Entry, ...]:
        """The versions that are being rolled out."""
        return tuple(each for each in (*self.open, *self.rest) if each.resource.rollout is not None)

    def find(self, id_: str) -> Entry | None:
        """Return a resource by its id, in any case, with or without its first slash; None if the round has none."""
        wanted = id_.lstrip("/").casefold()
        every = (*self.open, *self.rest)
        return next((each for each in every if each.resource.id.lstrip("/").casefold() == wanted), None)

    def matrix_of(self, id_: str) -> Matrix | None:
        """Return the versions of an application; None for any other resource."""
        return next((each for each in self.matrices if each.id.casefold() == id_.casefold()), None)


@dataclass(frozen=True, slots=True)
class About:
    """
    Everything that the page of one resource shows.

    Attributes:
        held: Why the round could not write, in words; empty where it could.
        fields: Its declared values.
        matrix: Its versions by region; None for a resource without any.
        episodes: The newest first; None without a history.
    """

    entry: Entry
    held: str
    fields: tuple[Labelled, ...]
    matrix: Matrix | None
    episodes: tuple[EpisodeView, ...] | None


def estate_of(report: Report, outcome: str, history: HistoryView | None) -> Estate:
    """Return the view of a round; *history* is for people, and None where there is none."""
    view = view_of(report, _BOUNDS)
    episodes: dict[str, list[EpisodeView]] = {}
    for each in history.episodes if history is not None else ():
        if each.ended_at is None:
            episodes.setdefault(each.resource.casefold(), []).append(each)
    entries = [_entry(each, episodes.get(each.id.casefold(), ())) for each in view.resources]
    known = frozenset(each.id.casefold() for each in view.resources)
    rounds = history.rounds[:STRIP] if history is not None else ()
    return Estate(
        view=view,
        outcome=outcome,
        held=held_words(view.held),
        rejected=tuple(each for each in (*view.errors, *view.warnings) if each.code == "source-rejected"),
        open=tuple(sorted((each for each in entries if each.is_open), key=_urgency)),
        rest=tuple(each for each in entries if not each.is_open),
        matrices=tuple(_matrices(for_people(report.offers()), known)),
        rounds=tuple(reversed(rounds)),
    )


def path_of(id_: str) -> str:
    """Return the path of the page of a resource."""
    return f"/resources/{quote(id_.lstrip('/'), safe='/')}"


def steps_of(rollout: Rollout) -> tuple[Step, ...]:
    """Return all steps of a rollout, as far as they change the version, in order."""
    done = (Step(number, "done") for number in range(1, rollout.step))
    return (*done, _step_now(rollout), *(_step_to_come(each) for each in rollout.to_come))


def _step_now(rollout: Rollout) -> Step:
    adds = "latest" if rollout.latest else ", ".join(rollout.regions)
    if rollout.stopped is not None:
        return Step(rollout.step, "stopped", adds, rollout.stopped)
    if rollout.waits_for is None:
        return Step(rollout.step, "due", adds)
    until = f" until {rollout.until}" if rollout.until else ""
    return Step(rollout.step, "waits", adds, f"for {AWAITED[Awaited(rollout.waits_for)]}{until}")


def _step_to_come(step: RolloutStep) -> Step:
    about = (f"soak {step.soak}" if step.soak else "", f"window {step.window}" if step.window else "")
    adds = "latest" if step.latest else ", ".join(step.regions)
    return Step(step.step, "to come", adds, ", ".join(filter(None, about)))


def fields_of(desired: Desired) -> tuple[Labelled, ...]:
    """Return every declared value of a resource under its path, without secrets."""
    rules, body = desired.kind.rules, desired.body
    found = (each for each in leaves(rules, body, MISSING) if each.want is not MISSING)
    made = (Labelled(format_steps(rules, each.place.steps, body), _shown(each)) for each in islice(found, _MOST_FIELDS))
    return for_people(tuple(made))


def _shown(leaf: Leaf) -> str:
    if leaf.field_class is FieldClass.WRITE_ONLY and leaf.want is not None and not isinstance(leaf.want, SecretUrl):
        return WRITE_ONLY
    return literal(printable(leaf.want, leaf.place.steps), _BOUNDS.value)


def _entry(resource: Resource, episodes: Sequence[EpisodeView]) -> Entry:
    goes_on = resource.rollout is not None and resource.rollout.stopped is None and resource.sync == "Unknown"
    is_settled = resource.sync in _IN_SYNC or resource.outcome == "succeeded" or goes_on
    is_open = resource.words.is_urgent or not is_settled
    known = {each.who for each in episodes if each.who}
    if not known and resource.modified is not None and resource.modified.by:
        known = {resource.modified.by}
    return Entry(
        resource,
        path_of(resource.id),
        is_open,
        since=min((each.first_seen for each in episodes), default=""),
        severity=min((each.severity for each in episodes), key=_rank, default=""),
        who=tuple(sorted(known)),
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _urgency(entry: Entry) -> tuple[int, bool, bool, str]:
    is_urgent = entry.resource.words.is_urgent
    rank = 0 if is_urgent and not entry.severity else _rank(entry.severity)
    return rank, not is_urgent, not entry.since, entry.since


def _matrices(offers: Iterable[Offer], known: Container[str]) -> Iterator[Matrix]:
    """Yield the matrix of each application; *known* are the folded ids of the resources that have a page."""
    for _, found in groupby(offers, key=lambda each: each.parent.casefold()):
        versions = tuple(found)
        parent = versions[0].parent
        regions = {region(each.name): each.name for version in versions for each in version.regions}
        rows = tuple(_row(each, regions, known) for each in versions)
        gallery, _, application = ("", "", *parent.split("/"))[-3:]
        path = path_of(parent) if parent.casefold() in known else ""
        names = tuple(known_regions().get(folded, name) for folded, name in regions.items())
        yield Matrix(parent, f"{application} in {gallery}", path, names, rows)


def _row(offer: Offer, regions: Iterable[str], known: Container[str]) -> Row:
    found = {region(each.name): each for each in offer.regions}
    cells = tuple(_cell(offer, found[folded]) if folded in found else Cell() for folded in regions)
    return Row(offer.number, path_of(offer.id) if offer.id.casefold() in known else "", cells)


def _cell(offer: Offer, found: Region) -> Cell:
    if not offer.is_live:
        return Cell("not in Azure")
    state = found.state or ("" if found.state is None else "unknown")
    result = _RESULTS.get(state.casefold(), "calm")
    excluded = "excluded from latest" if found.is_excluded else ""
    return Cell(", ".join(filter(None, (state or "offered", excluded))), result, found.is_latest)
