"""The counts of a report. Pure; knows no format."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.change import Action, Finding, Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.outcome import Report

_NAMES: Final = {"in_sync": "inSync", "apply_requests": "applyRequests"}


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a report, under the names that the JSON report gives them."""

    resources: int
    in_sync: int
    create: int
    update: int
    blocked: int
    wait: int
    paused: int
    unknown: int
    drift: int
    unmanaged: int
    undeclared: int
    ignored: int
    puts: int
    succeeded: int
    unchanged: int
    failed: int
    skipped: int
    refused: int
    requests: Mapping[str, int]
    apply_requests: Mapping[str, int] | None

    def as_json(self) -> dict[str, Any]:
        """Return the ``summary`` of the JSON report, in its order."""
        return {_NAMES.get(key, key): value for key, value in asdict(self).items()}


def summarize(report: Report) -> Summary:
    """Count what *report* says."""
    parts = items(report)
    actions = Counter(part.change.action for part in parts)
    results = Counter(part.outcome.result for part in parts if part.outcome)
    fields = [field.finding for part in parts for field in part.change.fields]
    return Summary(
        resources=report.manifests,
        in_sync=sum(part.change.sync is Sync.IN_SYNC for part in parts),
        create=actions[Action.CREATE],
        update=actions[Action.UPDATE],
        blocked=actions[Action.BLOCKED],
        wait=actions[Action.WAIT],
        paused=actions[Action.PAUSED],
        unknown=actions[Action.UNKNOWN],
        drift=sum(part.change.sync.is_drift for part in parts),
        unmanaged=len(report.plan.unmanaged),
        undeclared=fields.count(Finding.UNDECLARED),
        ignored=sum(part.change.ignored for part in parts),
        puts=report.puts,
        succeeded=results[Result.SUCCEEDED],
        unchanged=results[Result.UNCHANGED],
        failed=results[Result.FAILED],
        skipped=results[Result.SKIPPED],
        refused=results[Result.REFUSED],
        requests=_requests(report.requests),
        apply_requests={"GET": report.plan.reads, "PUT": report.plan.puts} if report.command == "plan" else None,
    )


def _requests(sent: Mapping[str, int]) -> Mapping[str, int]:
    return {"GET": 0, "PUT": 0} | {method: sent[method] for method in sorted(sent)}
