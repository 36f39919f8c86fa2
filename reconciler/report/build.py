"""Builds the view of a report, as large as a format has room for. Pure."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.model.live import Unmanaged
from reconciler.plan.exit_codes import of_report
from reconciler.plan.states import is_applied, is_noteworthy, is_signed_out, is_urgent, items
from reconciler.plan.summary import summarize
from reconciler.report.clean import for_people, for_programs
from reconciler.report.impact import UNKNOWN, followers_of
from reconciler.report.verdict import budget, verdict
from reconciler.report.view import SCHEMA_VERSION, Held, Idle, Latest, Made, Problem, Summary, View, Words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from reconciler import problems
    from reconciler.model import outcome
    from reconciler.model.change import LatestMove
    from reconciler.model.impact import Followers
    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.plan.summary import Summary as Counts
    from reconciler.report.bounds import Bounds
    from reconciler.report.resource_view import Resource


def view_of(report: Report, bounds: Bounds) -> View:
    """Return the view of *report*: for programs whole and exact, for people with words and within *bounds*."""
    parts, summary = items(report), summarize(report)
    resources, left_out = _resources(report, parts, bounds)
    about = report.about
    view = View(
        schema_version=SCHEMA_VERSION,
        command=report.command,
        reconciler_version=__version__,
        started_at=_instant(report.started_at),
        finished_at=_instant(report.finished_at),
        environment=about.environment,
        project=about.project,
        cloud=about.cloud,
        endpoint=about.endpoint,
        commit=about.commit,
        shard=about.shard,
        held=_held_of(report.held),
        summary=summary_of(summary),
        resources=resources,
        latest=tuple(_latest(each, report, people=bounds.for_people) for each in report.plan.latest),
        errors=tuple(map(problem_of, report.errors)),
        warnings=tuple(map(problem_of, report.warnings)),
        idle=_idle_of(report.idle),
        words=_words(report, parts, summary, left_out) if bounds.for_people else Words(),
    )
    return for_people(view) if bounds.for_people else for_programs(view)


def summary_of(counts: Counts) -> Summary:
    """Return the view of the counts of a report."""
    return Summary(**{each.name: getattr(counts, each.name) for each in fields(Summary)})


def _latest(move: LatestMove, report: Report, *, people: bool) -> Latest:
    application = move.parent.rpartition("/")[2]
    line = f"latest of {application} in {move.region}: {move.before or 'none'} → {move.after or 'none'}"
    impact: Followers | str | None = None
    if report.impact is not None:
        impact = report.impact.moves.get(move) or UNKNOWN
        line = f"{line}; {followers_of(impact, move.before)}"
    return Latest(move.parent, move.region, move.before, move.after, impact, line if people else "")


def problem_of(problem: problems.Problem) -> Problem:
    """Return the view of a problem, as it was found."""
    return Problem(problem.file, problem.line, problem.column, problem.path, problem.code, problem.message, problem.fix)


def _held_of(held: outcome.Held | None) -> Held | None:
    return Held(held.by, held.holder, _instant(held.until) if held.until else None) if held is not None else None


def _idle_of(idle: outcome.Idle | None) -> Idle | None:
    return Idle(idle.is_strict, tuple(map(problem_of, idle.rules))) if idle is not None else None


def _words(report: Report, parts: Sequence[Item], summary: Counts, left_out: int) -> Words:
    return Words(
        verdict=verdict(report, parts, summary),
        budget=budget(report, summary),
        code=int(of_report(report, detailed=True)),
        is_applied=is_applied(report),
        left_out=left_out,
    )


def _resources(report: Report, parts: Sequence[Item], bounds: Bounds) -> tuple[Sequence[Resource], int]:
    """Return the resources for which there is room, and the number of those for which there is none."""
    is_quiet = report.command == "validate" or is_signed_out(report)  # the errors of the run are its whole report
    noteworthy = [] if is_quiet else [item for item in parts if is_noteworthy(item) or _is_retired(item, report)]
    unmanaged = report.plan.unmanaged
    left_out = 0
    if bounds.resources is not None and len(noteworthy) + len(unmanaged) > bounds.resources:
        left_out = len(noteworthy) + len(unmanaged) - bounds.resources
        noteworthy, unmanaged = _chosen(noteworthy, unmanaged, bounds.resources)
    told = {item.change.desired.key for item in noteworthy}
    shown = [
        item
        for item in parts
        if bounds.in_sync or item.change.desired.key in told or item.change.replication is not None
    ]
    if not (shown or unmanaged):
        return (), left_out
    from reconciler.report.resources import resource_of, unmanaged_of  # noqa: PLC0415 (`validate` has none)

    def resource(each: Item | Unmanaged) -> Resource:
        if isinstance(each, Unmanaged):
            return unmanaged_of(each, bounds)
        return resource_of(each, report, bounds, noteworthy=each.change.desired.key in told)

    resources = Made((*shown, *unmanaged), resource)
    return tuple(resources) if bounds.for_people else resources, left_out


def _chosen(
    noteworthy: Sequence[Item], unmanaged: Sequence[Unmanaged], most: int
) -> tuple[list[Item], tuple[Unmanaged, ...]]:
    """Return as many as there is room for, in their order: what needs attention goes before what went well."""
    places = sorted(range(len(noteworthy)), key=lambda place: not is_urgent(noteworthy[place]))
    chosen = [noteworthy[place] for place in sorted(places[:most])]
    return chosen, tuple(unmanaged[: most - len(chosen)])


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_retired(item: Item, report: Report) -> bool:
    """Return whether the report counts who names a version that goes out of use, which may itself be in sync."""
    return report.impact is not None and item.change.desired.key in report.impact.retired
