"""The counts of a report, which add up: those of a run are the sum of those of its parts. Pure; knows no format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.model.change import Action, Finding, Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item

_NONE_SENT: Final = {"GET": 0, "PUT": 0}


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The counts of a report; the JSON report has them under the same names.

    A monoid: ``+`` adds count by count and is associative, and ``Summary()`` changes nothing.

    Attributes:
        resources: Resources, or valid manifests of a validation.
        requests: Requests of the run, by method.
        apply_requests: Requests that an apply would add, by method; None for a report that is no plan.
    """

    resources: int = 0
    in_sync: int = 0
    create: int = 0
    update: int = 0
    blocked: int = 0
    wait: int = 0
    paused: int = 0
    unknown: int = 0
    drift: int = 0
    unmanaged: int = 0
    undeclared: int = 0
    ignored: int = 0
    puts: int = 0
    succeeded: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    refused: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    apply_requests: Mapping[str, int] | None = None

    def __add__(self, other: Summary) -> Summary:
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        apply_requests = (
            _added(self.apply_requests or {}, other.apply_requests or {})
            if self.apply_requests is not None or other.apply_requests is not None
            else None
        )
        return Summary(**counts, requests=_added(self.requests, other.requests), apply_requests=apply_requests)


_COUNTS: Final = tuple(each.name for each in fields(Summary) if not each.name.endswith("requests"))


class _Traits(NamedTuple):
    """The traits of a resource that are counted."""

    action: Action
    sync: Sync
    result: Result | None
    undeclared: int
    ignored: int


def summarize(report: Report) -> Summary:
    """Return the summary of a report: the sum over its resources, and the counts of the run as a whole."""
    alike = Counter(map(_traits, items(report)))  # most resources of a large estate are alike: one sum for all of them
    return sum((_of(traits, number) for traits, number in alike.items()), _of_run(report))


def _traits(item: Item) -> _Traits:
    change, outcome = item.change, item.outcome
    undeclared = sum(each.finding is Finding.UNDECLARED for each in change.fields)
    return _Traits(change.action, change.sync, outcome.result if outcome else None, undeclared, change.ignored)


def _of(traits: _Traits, number: int) -> Summary:
    """Return the summary of *number* resources that are alike."""
    action, sync, result, undeclared, ignored = traits
    return Summary(
        resources=number,
        in_sync=number * (sync is Sync.IN_SYNC),
        create=number * (action is Action.CREATE),
        update=number * (action is Action.UPDATE),
        blocked=number * (action is Action.BLOCKED),
        wait=number * (action is Action.WAIT),
        paused=number * (action is Action.PAUSED),
        unknown=number * (action is Action.UNKNOWN),
        drift=number * sync.is_drift,
        undeclared=number * undeclared,
        ignored=number * ignored,
        succeeded=number * (result is Result.SUCCEEDED),
        unchanged=number * (result is Result.UNCHANGED),
        failed=number * (result is Result.FAILED),
        skipped=number * (result is Result.SKIPPED),
        refused=number * (result is Result.REFUSED),
    )


def _of_run(report: Report) -> Summary:
    """Return the counts that belong to no resource."""
    plan = report.plan
    return Summary(
        resources=report.manifests,
        unmanaged=len(plan.unmanaged),
        puts=report.puts,
        requests=_added(_NONE_SENT, report.requests),
        apply_requests={"GET": plan.reads, "PUT": plan.puts} if report.command == "plan" else None,
    )


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the sum by method: GET and PUT first, as a report has them, then the others in order."""
    methods = sorted({**one, **other}, key=lambda method: (method not in _NONE_SENT, method))
    return {method: one.get(method, 0) + other.get(method, 0) for method in methods}
