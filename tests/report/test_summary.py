"""Counts, verdicts and exit codes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.errors import ErrorInfo, UsageError
from reconciler.model.change import Action, Change, Plan, Reason, Sync
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.plan.exit_codes import of_report
from reconciler.plan.states import Item, ending_of, items
from reconciler.plan.summary import summarize
from reconciler.report import render
from reconciler.report.verdict import verdict as worded
from tests.kit.reports import (
    ADOPT,
    AGAIN,
    CREATE,
    DEGRADED,
    ERRORS,
    FROZEN,
    IN_SYNC,
    ORPHAN,
    PAUSED,
    REPORTS,
    RUNNING,
    STRAYS,
    STRICT,
    UNDECLARED,
    UNREAD,
    UNVERIFIED,
    UPDATE,
    WARNINGS,
    applied,
    change,
    report,
)


def verdict(made: Report) -> str:
    """Return the sentence that a report begins with."""
    return worded(made, items(made), summarize(made))


COUNTS = {
    "resources": 26,
    "inSync": 4,
    "create": 1,
    "update": 5,
    "blocked": 10,
    "wait": 2,
    "paused": 1,
    "unknown": 1,
    "drift": 17,
    "unmanaged": 3,
    "undeclared": 4,
    "ignored": 2,
    "puts": 6,
    "succeeded": 0,
    "unchanged": 0,
    "failed": 0,
    "skipped": 0,
    "refused": 0,
    "requests": {"GET": 4, "PUT": 0},
    "applyRequests": {"GET": 13, "PUT": 6},
}


def test_counts_are_those_of_the_plan_in_the_order_of_the_contract() -> None:
    """Every count has its name and its place."""
    counts = json.loads(render(REPORTS["plan-everything"], "json"))["summary"]
    assert counts == COUNTS
    assert list(counts) == list(COUNTS)


def test_outcomes_are_counted() -> None:
    """An apply counts how its items ended."""
    summary = summarize(REPORTS["apply-everything"])
    assert (summary.succeeded, summary.unchanged, summary.failed, summary.skipped, summary.refused) == (2, 4, 2, 2, 2)
    assert sum((summary.succeeded, summary.unchanged, summary.failed, summary.skipped, summary.refused)) == 12


def test_only_a_plan_tells_what_an_apply_would_add() -> None:
    """A report of drift is no reason to write, and an apply has told what it sent."""
    told = {name: summarize(made).apply_requests is not None for name, made in REPORTS.items()}
    assert {name for name, is_told in told.items() if is_told} == {name for name in told if name.startswith("plan-")}


def test_other_methods_are_counted_after_the_usual_ones() -> None:
    """GET and PUT are always there; others follow in order."""
    made = report("drift", requests={"POST": 1, "HEAD": 2})
    assert list(summarize(made).requests.items()) == [("GET", 0), ("PUT", 0), ("HEAD", 2), ("POST", 1)]


def test_errors_in_manifests_leave_nothing_to_count() -> None:
    """No plan is made from what the user did not mean."""
    made = REPORTS["plan-errors"]
    assert (summarize(made).resources, summarize(made).unmanaged) == (0, 0)
    assert '"resources": []' in render(made, "json")
    assert verdict(made) == "prod, public cloud: 1 error in 1 file. Nothing was sent."


def test_a_plan_over_a_limit_is_shown_and_refused() -> None:
    """The reader who raises the limit must see the PUTs that it holds back."""
    made = REPORTS["apply-refused"]
    refused = "Refused: the plan has 2 PUTs, and at most 1 are allowed. Nothing was written."
    assert verdict(made) == f"prod, public cloud: {refused}"
    summary = summarize(made)
    assert (summary.resources, summary.create, summary.update, summary.in_sync, summary.puts) == (3, 1, 1, 1, 0)
    assert (of_report(made), of_report(made, detailed=True)) == (1, 1)
    assert "limit-exceeded" in render(made, "text")
    assert "create" in render(made, "text")


def test_manifests_that_are_only_validated_are_counted() -> None:
    """Validating makes no plan, and still says how many manifests it looked at."""
    assert summarize(REPORTS["validate-good"]).resources == 2
    assert verdict(REPORTS["validate-good"]) == "prod: 2 manifests are valid; 1 warning."


def test_an_outcome_replaces_what_was_planned() -> None:
    """What was decided just before the PUT is what is reported."""
    now = replace(CREATE, action=Action.NONE, reason=Reason.IN_SYNC, sync=Sync.IN_SYNC)
    outcomes = {CREATE.desired.key: Outcome(now, Result.UNCHANGED)}
    made = report("apply", CREATE, outcomes=outcomes)
    assert (summarize(made).create, summarize(made).in_sync, summarize(made).drift) == (0, 1, 0)
    assert verdict(made) == "Nothing to apply; 1 in sync."


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (report("plan"), "No manifests found."),
        (report("plan", IN_SYNC, DEGRADED), "No changes. 2 resources in sync."),
        (report("plan", IN_SYNC, unmanaged=STRAYS), "No changes. 1 resource in sync; 3 unmanaged."),
        (report("plan", CREATE, UPDATE, FROZEN, IN_SYNC), "1 to create, 1 to update, 1 blocked; 1 in sync."),
        (report("plan", CREATE), "1 to create."),
        (report("plan", UNVERIFIED, STRICT), "1 unverified, 1 out of sync."),
        (report("plan", errors=ERRORS), "3 errors in 2 files. Nothing was sent."),
        (report("validate", errors=ERRORS), "3 errors in 2 files."),
        (report("validate", manifests=5), "5 manifests are valid."),
        (report("validate", manifests=1, warnings=WARNINGS), "1 manifest is valid; 1 warning."),
        (report("validate"), "No manifests found."),
        (report("drift", CREATE, UPDATE, IN_SYNC), "Drift: 2 of 3 resources differ from git; 1 missing."),
        (report("drift", AGAIN, UNREAD), "Drift: 1 of 2 resources differs from git; 1 unknown."),
        (report("drift", IN_SYNC), "No drift. 1 resource in sync."),
        (report("drift", IN_SYNC, UNREAD, RUNNING), "No drift seen. 1 resource in sync; 1 unknown, 1 waiting."),
        (report("run", IN_SYNC), "No drift. 1 resource in sync."),
        (applied(Outcome(CREATE, Result.SUCCEEDED)), "Applied: 1 created."),
        (applied(Outcome(IN_SYNC, Result.UNCHANGED)), "Nothing to apply; 1 in sync."),
        (applied(Outcome(AGAIN, Result.FAILED)), "Failed: 1 resource failed."),
        (
            applied(Outcome(AGAIN, Result.FAILED), Outcome(CREATE, Result.SKIPPED), Outcome(IN_SYNC, Result.UNCHANGED)),
            "Failed: 1 resource failed; 1 skipped; 1 in sync.",
        ),
        (
            applied(
                Outcome(AGAIN, Result.FAILED, ErrorInfo("Interrupted", "the run was stopped")),
                Outcome(CREATE, Result.SKIPPED),
                Outcome(IN_SYNC, Result.UNCHANGED),
            ),
            "Stopped: 1 skipped, 1 still running; 1 in sync.",
        ),
        (report("apply", CREATE, FROZEN, IN_SYNC), "Incomplete: 1 blocked, 1 not started; 1 in sync."),
    ],
)
def test_the_verdict_says_it_in_one_sentence(made: Report, expected: str) -> None:
    """What a reader of one line learns."""
    assert verdict(made) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ErrorInfo("Timeout", "still running after 9 s"), "still running"),
        (ErrorInfo("Interrupted", "the run was stopped"), "still running"),
        (ErrorInfo("Timeout", "the gateway gave up", 408), "failed"),
        (ErrorInfo("DidNotStick", "no"), "failed"),
        (None, "failed"),
    ],
)
@pytest.mark.parametrize("now", [RUNNING, UPDATE])
def test_what_goes_on_is_told_by_its_error(now: Change, error: ErrorInfo | None, expected: str) -> None:
    """A resource that waited for another client's operation and then failed by its own PUT has failed."""
    assert ending_of(Item(now, Outcome(now, Result.FAILED, error))) == expected


GOOD = Outcome(CREATE, Result.SUCCEEDED)


@pytest.mark.parametrize(
    ("made", "plain", "detailed"),
    [
        (report("validate", manifests=1, warnings=WARNINGS), 0, 0),
        (report("validate", errors=ERRORS), 1, 1),
        (report("plan", IN_SYNC), 0, 0),
        (report("plan", CREATE), 0, 2),
        (report("plan", UPDATE, UNDECLARED), 0, 2),
        (report("plan", FROZEN), 1, 1),
        (report("plan", UNREAD), 1, 1),
        (report("plan", CREATE, FROZEN), 1, 1),
        (report("plan", errors=ERRORS), 1, 1),
        (report("plan", RUNNING, PAUSED, unmanaged=STRAYS), 0, 0),
        (report("plan", STRICT), 0, 0),
        (report("drift", IN_SYNC, UNVERIFIED, unmanaged=STRAYS), 0, 0),
        (report("drift", RUNNING), 0, 0),
        (report("drift", UPDATE), 2, 2),
        (report("drift", FROZEN), 2, 2),
        (report("drift", ORPHAN), 2, 2),
        (report("drift", PAUSED), 2, 2),
        (report("drift", STRICT), 2, 2),
        (report("drift", UNREAD), 1, 1),
        (report("drift", UNREAD, UPDATE), 1, 1),
        (report("drift", errors=ERRORS), 1, 1),
        (applied(GOOD, Outcome(IN_SYNC, Result.UNCHANGED)), 0, 0),
        (applied(GOOD, Outcome(UPDATE, Result.FAILED)), 1, 1),
        (applied(GOOD, Outcome(UPDATE, Result.SKIPPED)), 1, 1),
        (applied(GOOD, Outcome(UPDATE, Result.REFUSED)), 1, 1),
        (applied(Outcome(RUNNING, Result.FAILED)), 1, 1),
        (applied(Outcome(ADOPT, Result.UNCHANGED)), 0, 0),
        (applied(Outcome(PAUSED, Result.UNCHANGED)), 0, 0),
        (applied(Outcome(FROZEN, Result.UNCHANGED)), 1, 1),
        (report("apply", RUNNING), 1, 1),
        (report("apply", FROZEN), 1, 1),
        (report("apply", UNREAD), 1, 1),
        (report("apply", CREATE), 1, 1),
        (report("apply", PAUSED, IN_SYNC), 0, 0),
        (report("apply", errors=ERRORS), 1, 1),
        (report("run", IN_SYNC), 0, 0),
        (report("run", UPDATE), 2, 2),
        (replace(applied(GOOD), command="run"), 0, 0),
        (replace(applied(Outcome(UPDATE, Result.FAILED)), command="run"), 1, 1),
    ],
)
def test_exit_codes_follow_the_table(made: Report, plain: int, detailed: int) -> None:
    """1 wins over 2; what waits, is paused or unmanaged is no failure of a plan."""
    assert (of_report(made), of_report(made, detailed=True)) == (plain, detailed)


def test_an_unknown_format_is_wrong_usage() -> None:
    """The message names the formats that exist."""
    with pytest.raises(UsageError, match="text, json, markdown, github, azure-devops, sarif, junit, html"):
        render(Report("plan", REPORTS["plan-empty"].started_at, REPORTS["plan-empty"].finished_at, Plan(())), "xml")


def test_an_apply_that_succeeds_for_a_waiting_resource_has_updated_it() -> None:
    """Every successful write except a create counts as updated."""
    assert verdict(applied(Outcome(change("x", Action.WAIT, Reason.OPERATION_RUNNING), Result.SUCCEEDED))) == (
        "Applied: 1 updated."
    )
