"""Who last modified a drifted resource, and when: read for few, never trusted, and no failure of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.attribution import MOST, Writers, attributed, modified_in
from reconciler.kinds.kind import subscription_in
from reconciler.kinds.live import Health, Live
from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Cause, Change, FieldChange, Finding, Modified, Op, Plan, Reason, Sync
from reconciler.model.live import Absence, Absent, Observation
from tests.kit.arm import Wire, answer, client, refused
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.synthetic import desired as made

if TYPE_CHECKING:
    import httpx

    from reconciler.model.desired import Desired

KIND = packaged().kinds["Gallery"]
ITEM = made({"location": "West US"}, KIND)
FIELD = FieldChange(("location",), "location", Finding.CHANGE, Op.REPLACE, "a", "b")
LIVE = Live({"id": ITEM.id})
SAID = {
    "lastModifiedBy": "alice@example.com",
    "lastModifiedByType": "User",
    "lastModifiedAt": "2026-11-21T20:25:00.1234567Z",
}
ALICE = Modified("alice@example.com", "User", "2026-11-21T20:25:00Z")


def numbered(number: int) -> Desired:
    """Return one of many."""
    return replace(ITEM, id=f"{ITEM.id}{number}", key=f"{ITEM.key}{number}")


def change(item: Desired = ITEM, **more: Any) -> Change:
    """Return what is planned for a live resource that differs."""
    usual = {"sync": Sync.OUT_OF_SYNC, "fields": (FIELD,)}
    return Change(item, Action.UPDATE, Reason.FIELDS_DIFFER, health=Health.HEALTHY, **{**usual, **more})


def wired(*script: httpx.Response) -> Wire:
    """Return an Azure with these answers."""
    return Wire(FakeClock(), *script)


def asked(
    wire: Wire, *changes: Change, observed: Any = LIVE, concurrency: int = 1, known: str | None = None
) -> list[Modified | None]:
    """Return what was learned of each; *known* is the newest api-version that Azure knows."""
    versions = {(KIND.name, subscription_in(ITEM.id)): known} if known else {}
    observation = Observation({each.desired.key: observed for each in changes}, versions=versions)
    plan = run(attributed(Plan(changes), observation, client(wire), concurrency))
    return [each.modified for each in plan.changes]


def says(item: Desired = ITEM) -> httpx.Response:
    """Return an answer with system data."""
    return answer(body={"id": item.id, "properties": {}, "systemData": SAID})


def test_one_get_at_an_api_version_that_tells() -> None:
    """It is the newest one."""
    wire = wired(says())
    assert asked(wire, change()) == [ALICE]
    (request,) = wire.requests
    assert (request.method, request.url.path) == ("GET", ITEM.id)
    assert request.url.params["api-version"] == KIND.api_versions[-1]


@pytest.mark.parametrize("known", [None, "2024-03-03", "2022-03-03"])
def test_no_get_where_the_answer_told_already(known: str | None) -> None:
    """Newer lists name the last writer."""
    wire = wired()
    assert asked(wire, change(), observed=Live({"id": ITEM.id, "systemData": SAID}), known=known) == [ALICE]
    assert wire.requests == []


def test_an_api_version_that_never_tells_is_not_asked() -> None:
    """Azure knows none newer."""
    wire = wired()
    assert asked(wire, change(), known="2022-03-03") == [None]
    assert wire.requests == []


@pytest.mark.parametrize(
    ("more", "observed"),
    [
        ({"sync": Sync.IN_SYNC}, LIVE),
        ({"fields": ()}, LIVE),
        ({"fields": (replace(FIELD, finding=Finding.UNVERIFIED),)}, LIVE),
        ({"fields": (replace(FIELD, finding=Finding.UNDECLARED),)}, LIVE),
        ({"cause": Cause.PENDING}, LIVE),
        ({"sync": Sync.MISSING}, Absent(Absence.NOT_FOUND)),
    ],
)
def test_nobody_is_asked_of_what_has_not_drifted(more: Any, observed: Any) -> None:
    """What is in sync, what is not there, what only waits in git, and what is only recorded."""
    wire = wired()
    assert asked(wire, change(**more), observed=observed) == [None]
    assert wire.requests == []


@pytest.mark.parametrize("cause", [None, Cause.DRIFT, Cause.BOTH, Cause.UNKNOWN])
def test_frozen_drift_is_asked_of_too(cause: Cause | None) -> None:
    """A change of an immutable field outside git needs an explanation by its writer."""
    frozen = replace(FIELD, finding=Finding.IMMUTABLE)
    assert asked(wired(says()), change(fields=(frozen,), cause=cause)) == [ALICE]


def test_a_kind_without_such_a_version_is_not_asked_of() -> None:
    """No request is sent for a kind without systemData."""
    wire = wired()
    assert asked(wire, change(replace(ITEM, kind=replace(KIND, system_data=None)))) == [None]


def test_a_failure_is_unknown_and_the_last_question() -> None:
    """One try for all: after a throttled or refused read no further one is sent, and the run does not wait."""
    wire = wired(refused(429, "TooManyRequests", **{"retry-after": "600"}))
    assert asked(wire, change(numbered(1)), change(numbered(2))) == [Modified(), Modified()]
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_no_refusal_is_worth_more(status: int) -> None:
    """Every refusal leaves the writer unknown and fails nothing."""
    assert asked(wired(refused(status, "No")), change()) == [Modified()]


def test_no_more_than_so_many_are_asked_of() -> None:
    """The first changes of the plan are read; the others have no writer."""
    items = [numbered(number) for number in range(MOST + 1)]
    wire = wired(*(says(item) for item in items))
    learned = asked(wire, *map(change, items))
    assert learned == [ALICE] * MOST + [None]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, Modified()),
        ({"systemData": None}, Modified()),
        ({"systemData": ["x"]}, Modified()),
        ({"systemData": {"lastModifiedBy": 7, "lastModifiedByType": "", "lastModifiedAt": {}}}, Modified()),
        ({"systemData": {"lastModifiedAt": "yesterday"}}, Modified()),
        ({"systemData": {"lastModifiedAt": "2026-11-21T12:25:00-08:00"}}, Modified(at="2026-11-21T20:25:00Z")),
        ({"systemData": {"lastModifiedBy": "x" * 999}}, Modified("x" * 200)),
        ({"systemData": {"lastModifiedBy": "https://h/p?sig=abc"}}, Modified("https://h/p?(secret)")),
        ({"systemData": SAID}, ALICE),
    ],
)
def test_what_azure_says_may_be_anything(body: dict[str, Any], found: Modified) -> None:
    """Only a text and a time of the right form are kept; the text is cut and its secrets are hidden."""
    assert modified_in(body) == found


@pytest.mark.parametrize(
    ("modified", "text"),
    [
        (ALICE, "last modified by alice@example.com (User) at 2026-11-21T20:25:00Z"),
        (Modified(), "last modified: unknown"),
        (Modified(at="2026-11-21T20:25:00Z"), "last modified by unknown at 2026-11-21T20:25:00Z"),
        (Modified("x"), "last modified by x at unknown"),
    ],
)
def test_it_is_told_in_words(modified: Modified, text: str) -> None:
    """With unknown where Azure does not say."""
    assert str(modified) == text


def test_a_loop_asks_once_for_a_difference() -> None:
    """And again where it differs elsewhere; what is in sync is forgotten."""
    wire = wired(says(), says(), says())
    known: Writers = {}
    observation = Observation({ITEM.key: LIVE})
    elsewhere = replace(FIELD, path="tags.team", steps=("tags", "team"))
    in_sync = change(sync=Sync.IN_SYNC, fields=())
    seen = []
    for each in (change(), change(), change(fields=(FIELD, elsewhere)), in_sync, change()):
        plan = run(attributed(Plan((each,)), observation, client(wire), 1, known))
        seen.append((plan.changes[0].modified, len(wire.requests)))
    assert seen == [(ALICE, 1), (ALICE, 1), (ALICE, 2), (None, 2), (ALICE, 3)]
