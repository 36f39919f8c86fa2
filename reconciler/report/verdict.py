"""The result of a run in one sentence. Pure; knows no format."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from reconciler.model.change import Cause, Sync
from reconciler.plan.states import (
    BAD,
    ending_of,
    is_applied,
    is_interrupted,
    is_known_drift,
    is_signed_out,
    state_of,
)
from reconciler.problems import STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.model.outcome import Held, Report
    from reconciler.plan.states import Item
    from reconciler.plan.summary import Summary

_PENDING: Final = (
    *("to create", "to update", "blocked", "unknown", "waiting", "rolling out", "paused", "unverified", "out of sync"),
)
_HOLDS: Final = {"window": "the schedule", "hold-file": "the hold file", "lock": "the lock"}
_ODD: Final = ("unknown", "waiting", "rolling out", "unverified")


def verdict(report: Report, parts: Sequence[Item], summary: Summary) -> str:
    """Return the line that a report begins with: environment and cloud, then the result of *parts* in one sentence."""
    about, result = str(report.about), f"{held_of(report.held)}{_result(report, parts, summary)}"
    return f"{about}: {result}" if about else result


def held_of(held: Held | None) -> str:
    """Return why a round may not write, and when it may again, as a sentence before another one."""
    if held is None:
        return ""
    holder = f" ({held.holder})" if held.holder else ""
    until = f" until {held.until:%Y-%m-%d %H:%M} UTC" if held.until else ""
    return f"Held by {_HOLDS.get(held.by, held.by)}{holder}{until}. "


def _result(report: Report, parts: Sequence[Item], summary: Summary) -> str:
    if any(error.code == STOPPED for error in report.errors):
        return "Stopped while reading. Nothing was written."
    if is_signed_out(report):
        return "Stopped: not signed in."
    if report.errors:
        return _refused(report) if report.plan.changes else _problems(report)
    if report.command == "validate":
        return _valid(report)
    if report.checked is not None:
        return _check_verdict(summary, report.checked)
    if report.unselected:
        return f"Nothing selected: {report.unselected}."
    if not report.plan.changes:
        return _sentence("No manifests found", (_unmanaged(report),))
    if is_applied(report):
        return _apply_verdict(parts)
    return (
        _drift_verdict(report, parts, summary) if report.command in {"drift", "run"} else _plan_verdict(report, parts)
    )


def budget(report: Report, summary: Summary) -> str:
    """Return the requests that were sent and those that an apply adds; nothing for a command that sends none."""
    if report.command == "validate":
        return ""
    writes = summary.requests["PUT"]
    reads = sum(summary.requests.values()) - writes
    ignored = f"; {count(summary.ignored, 'difference')} ignored by rule" if summary.ignored else ""
    return f"{_requests(reads, writes)}{_of_apply(summary.apply_requests)}{ignored}"


def _requests(reads: int, writes: int) -> str:
    return f"{count(reads, 'read')}, {count(writes, 'write')}"


def _of_apply(more: Mapping[str, int] | None) -> str:
    """Return what an apply sends beyond its own plan; what polling adds, only Azure knows."""
    return f"; an apply adds at least {_requests(more['GET'], more['PUT'])}" if more and any(more.values()) else ""


def count(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _refused(report: Report) -> str:
    """Return why a plan that could be made was not carried out."""
    return f"Refused: {report.errors[0].message}. Nothing was written."


def _problems(report: Report) -> str:
    files = len({problem.file for problem in (*report.errors, *report.warnings)})
    sent = "" if report.command == "validate" else " Nothing was sent."
    found = _listed((count(len(report.errors), "error"), _warnings(report)))
    return f"{found} in {count(files, 'file')}.{sent}"


def _valid(report: Report) -> str:
    number = report.manifests
    several = len(report.environments)
    within = f" in {several} environments" if several > 1 else ""
    valid = {0: "No manifests found", 1: "1 manifest is valid"}.get(number, f"{number} manifests are valid")
    return _sentence(f"{valid}{within}" if number else valid, (_warnings(report),))


def _warnings(report: Report) -> str:
    return count(len(report.warnings), "warning") if report.warnings else ""


def _plan_verdict(report: Report, parts: Sequence[Item]) -> str:
    states = Counter(state_of(item.change) for item in parts)
    pending = _counts(states, _PENDING)
    quiet = states["in sync"]
    if pending:
        return _sentence(pending, (f"{quiet} in sync" if quiet else "", _unmanaged(report)))
    return _sentence(f"No changes. {count(quiet, 'resource')} in sync", (_unmanaged(report),))


def _check_verdict(summary: Summary, checked: int) -> str:
    refused = summary.refused
    if refused:
        return f"The saved plan does not hold: {refused} of {count(checked, 'resource')} would be refused."
    return f"The saved plan holds: {count(checked, 'resource')}."


def _drift_verdict(report: Report, parts: Sequence[Item], summary: Summary) -> str:
    states = Counter(state_of(item.change) for item in parts)
    odd = (_counts(states, _ODD), _unmanaged(report))
    if summary.drift:
        verb = "differs" if summary.drift == 1 else "differ"
        head = f"{summary.drift} of {count(summary.resources, 'resource')} {verb} from git"
        known = any(is_known_drift(item.change, "plan") for item in parts)
        return _sentence(f"{'Drift' if known else 'No known drift'}: {head}", (*_unapplied(parts), *odd))
    seen = "No drift seen" if _counts(states, ("unknown", "waiting")) else "No drift"
    return _sentence(f"{seen}. {count(summary.in_sync, 'resource')} in sync", odd)


def _unapplied(parts: Sequence[Item]) -> Iterator[str]:
    """Yield how many of the resources that differ are pending in git, and how many are missing for no known reason."""
    changes = [item.change for item in parts if item.change.sync.is_drift]
    pending = sum(change.cause is Cause.PENDING for change in changes)
    missing = sum(change.sync is Sync.MISSING and change.cause in {None, Cause.UNKNOWN} for change in changes)
    yield f"{pending} pending in git" if pending else ""
    yield f"{missing} missing" if missing else ""


def _apply_verdict(parts: Sequence[Item]) -> str:
    endings = Counter(ending_of(item) for item in parts)
    good = _counts(
        endings, ("created", "updated", "rolling out", "held", "paused", "unverified", "out of sync", "in sync")
    )
    failed = endings["failed"]
    bad = _counts(endings, BAD[1:])
    if any(is_interrupted(item) for item in parts):
        return _sentence(f"Stopped: {_counts(endings, BAD)}", (good,))
    if failed:
        head = f"Failed: {count(failed, 'resource')} failed"
        return _sentence(f"{head}; {bad}" if bad else head, (good,))
    if bad:
        return _sentence(f"Incomplete: {bad}", (good,))
    if not endings["created"] + endings["updated"]:
        return _sentence("Nothing to apply", (good,))
    return _sentence(f"Applied: {good}", ())


def _unmanaged(report: Report) -> str:
    """Return how many resources no manifest declares; those of other projects are counted apart."""
    owned = sum(each.owner is not None for each in report.plan.unmanaged)
    number = len(report.plan.unmanaged) - owned
    others = {0: "", 1: "1 owned by another project"}.get(owned, f"{owned} owned by other projects")
    return _listed((f"{number} unmanaged" if number else "", others))


def _counts(states: Mapping[str, int], names: Iterable[str]) -> str:
    return _listed(f"{states[name]} {name}" for name in names if states[name])


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _sentence(head: str, parts: Iterable[str]) -> str:
    tail = _listed(parts)
    return f"{head}; {tail}." if tail else f"{head}."
