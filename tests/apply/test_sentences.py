"""The sentences of an apply: each failure that it words itself, with its fix, in one golden file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply.attempt import Attempt, Phase, Terms, interrupted, next_step
from reconciler.apply.conflicts import Running, named
from reconciler.apply.schedule import Schedule
from reconciler.apply.steps import Done, Event, Expired, InProgress, Started, Taken, Withheld
from reconciler.apply.verify import did_not_stick, not_replicated, provisioning_failed, unreadable
from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Live, Replication
from reconciler.model.change import Action, FieldChange, Finding, Op, Plan, Sync
from reconciler.model.live import Absence, Absent
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.decide import Policy, decide
from reconciler.values import MISSING
from tests.kit.service import application, desired_of, gallery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden" / "sentences.txt"
TOOLS, AGENT = (
    decide(item, Absent(Absence.NOT_FOUND), Policy()).change for item in desired_of(gallery(), application())
)
STATE = Attempt(Terms(Policy(), 15, 3600, 600), TOOLS)
LINK = "https://management.azure.com/operations/1?t=CANARY"


def field(path: str, observed: object, desired: object) -> FieldChange:
    """Return a field that was not kept."""
    return FieldChange((path,), path, Finding.CHANGE, Op.REPLACE, observed, desired)


def skipped_below(parent: Outcome | None) -> ErrorInfo:
    """Return why an application is skipped below a gallery; None for one that could not be read."""
    tools = TOOLS if parent is not None else replace(TOOLS, action=Action.UNKNOWN)
    schedule = Schedule.of(Plan((tools, AGENT)))
    (change, *_) = schedule.ready()
    if parent is not None:
        schedule.end(parent)
        (change,) = schedule.ready()
    outcome = schedule.skipped(change)
    assert outcome is not None
    assert outcome.error is not None
    return outcome.error


def error_after(state: Attempt, event: Event) -> ErrorInfo | None:
    """Return the error that ends a resource whose time is up."""
    _, step = next_step(state, event, 1)
    assert isinstance(step, Done)
    return step.outcome.error


def sentences() -> Iterator[tuple[str, ErrorInfo | None]]:
    """Yield each error that an apply words itself, and when it occurs."""
    description, enabled = field("properties.description", "theirs", "mine"), field("isEnabled", MISSING, False)  # noqa: FBT003
    yield "a value was not kept", did_not_stick([description])
    yield "several values were not kept", did_not_stick([enabled, description])
    yield "a long value was not kept", did_not_stick([field("description", ["theirs"] * 99, "mine\n" * 99)])
    yield "the resource is Failed", provisioning_failed(Live({"properties": {"provisioningState": "Failed"}}))
    yield "the resource does not exist after its PUT", unreadable(Absent(Absence.NOT_FOUND))
    yield "a copy could not be made", not_replicated(AGENT.desired, Replication("Failed", (("eastus", "Failed"),)))
    yield "interrupted before the PUT", interrupted(STATE).error
    yield "interrupted during the PUT", interrupted(STATE, is_sent=True).error
    yield "interrupted during the operation", interrupted(replace(STATE, taken=Taken(LINK, "id"))).error
    conflict = ErrorInfo("Conflict", "The operation conflicts with another one.", status=409)
    yield "a conflict", named(conflict, [Running("GalleryApplication agent", "Updating")])
    for result in (Result.FAILED, Result.SKIPPED, Result.REFUSED):
        yield f"the parent is {result}", skipped_below(Outcome(TOOLS, result))
    yield "the parent is blocked", skipped_below(Outcome(replace(TOOLS, sync=Sync.MISSING), None))
    yield "the parent is unknown", skipped_below(Outcome(replace(TOOLS, action=Action.UNKNOWN), None))
    yield "the parent was not read", skipped_below(None)
    late = Plan((TOOLS, replace(AGENT, desired=replace(AGENT.desired, wave=1))))
    schedule = Schedule.of(late)
    schedule.end(Outcome(schedule.ready()[0], Result.FAILED))
    skipped = schedule.skipped(schedule.ready()[0])
    yield "an earlier wave failed", skipped.error if skipped else None
    yield "no time is left for a PUT", error_after(replace(STATE, phase=Phase.PUTTING), Expired())
    unanswered = replace(STATE, phase=Phase.PUTTING, shown_from=60.0)
    yield "held after a PUT without an answer", error_after(unanswered, Withheld())
    following = replace(STATE, phase=Phase.FOLLOWING, taken=Taken(LINK))
    yield "no time is left for the operation", error_after(following, InProgress())
    yield "an event out of turn", error_after(replace(STATE, phase=Phase.VERIFYING), Started())


def test_sentences(golden: Golden) -> None:
    """Each names the resource or the field, and what to do."""
    lines = [
        f"{when}\n  {error.code}: {error.message}\n  fix: {error.fix}\n"
        for when, error in sentences()
        if error is not None
    ]
    golden("\n".join(lines), GOLDEN)
