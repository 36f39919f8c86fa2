"""Turning a plan into outcomes: one PUT each, in order, verified, and reported after every ending."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.answers import ARM
from reconciler.http.bounds import Bounds
from reconciler.kinds.live import Live
from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Change, Plan, Sync
from reconciler.model.outcome import Result
from reconciler.plan.decide import Memory
from reconciler.plan.saved import read, save
from reconciler.values import MISSING
from tests.kit.clock import START
from tests.kit.loops import run
from tests.kit.service import (
    APPLICATION,
    DEFINITION,
    GALLERY,
    VERSION,
    Bench,
    Watching,
    application,
    bench,
    breaks,
    definition,
    gallery,
    refuses,
    restated,
    says,
    told,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.model.outcome import Outcome
    from reconciler.plan.saved import SavedPlan
    from reconciler.problems import Manifest
    from tests.kit.service import Fault, Forward

TREE = (gallery(), application(), version())


def scenario(
    *manifests: Manifest, stand: bool = False, **settings: float
) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    """Run the function below at once, on a bench with *manifests*, which stand already if so wanted."""

    def decorate(act: Callable[[Bench], Awaitable[None]]) -> None:
        async def play() -> None:
            async with bench(*manifests, **settings) as test:
                if stand:
                    assert set((await test.results()).values()) == {"succeeded"}
                    test.service.seen.clear()
                await act(test)

        run(play())

    return decorate


def edited(test: Bench, resource_id: str, **properties: Any) -> None:
    """Change live properties as another client would."""
    test.world.edit(resource_id, lambda body: {**body, "properties": {**body["properties"], **properties}})


# One resource


def test_in_sync_after_an_apply() -> None:
    """Every created resource is in sync, and a second apply sends only reads."""

    @scenario(*TREE, definition())
    async def _(test: Bench) -> None:
        assert set((await test.results()).values()) == {"succeeded"}
        assert sorted(test.service.sent("PUT")) == ["1.0.0", "agent", "suite", "tools"]
        test.service.seen.clear()
        assert set((await test.actions()).values()) == {"none"}
        assert await test.results() == {}
        assert test.service.sent("PUT") == []


def test_read_just_before_the_put() -> None:
    """Each item is read again right before its PUT, with its permit in hand: nothing comes between."""

    @scenario(*(definition(f"suite{n}") for n in range(6)))
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.seen.clear()
        test.service.latency_s = 1
        await test.results(plan, concurrency=1)
        assert [seen.method for seen in test.service.seen] == ["GET", "PUT", "GET"] * 6
        assert [seen.at for seen in test.service.seen] == list(range(18))


def test_the_freshest_read_is_what_counts() -> None:
    """What changed between plan and PUT is carried, and what is done already is not done again."""

    @scenario(gallery(description="new"), definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, GALLERY, description="old")
        edited(test, DEFINITION, description="old")
        plan = await test.plan()
        edited(test, GALLERY, description="new")
        test.world.edit(DEFINITION, lambda body: {**body, "tags": {**body["tags"], "else": "theirs"}})
        assert await test.results(plan) == {"tools": "unchanged", "suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]
        stored = test.world.stored(DEFINITION)
        assert stored is not None
        assert stored["tags"]["else"] == "theirs"


def test_gone_since_the_plan() -> None:
    """What is gone is created."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        plan = await test.plan()
        test.world.remove(DEFINITION)
        assert await test.results(plan) == {"suite": "succeeded"}


def test_blocked_since_the_plan() -> None:
    """What must not be written any more is told so, and not sent."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        plan = await test.plan()
        test.world.edit(DEFINITION, lambda body: {**body, "tags": {"reconciler-project": "other"}})
        test = replace(test, policy=replace(test.policy, tracking=replace(test.policy.tracking, project="mine")))
        assert await test.results(plan) == {"suite": "blocked owned-elsewhere"}
        assert test.service.sent("PUT") == []


def test_an_outcome_tells_what_was_done() -> None:
    """A planned create that another client has made meanwhile is an update, and each changed field is reported."""

    @scenario(definition(description="mine"))
    async def _(test: Bench) -> None:
        plan = await test.plan()
        await restated(test, definition(description="theirs")).results()
        outcome = (await test.apply(plan))["suite"]
        assert told(outcome) == "succeeded"
        assert outcome.change.action is Action.UPDATE
        assert [field.observed for field in outcome.change.fields if field.path.endswith("description")] == ["theirs"]


def test_an_outcome_after_a_wait_tells_what_was_done() -> None:
    """A failed PUT of the run after another client's operation is reported as that PUT."""

    @scenario(definition(description="mine"))
    async def _(test: Bench) -> None:
        (planned,) = (await test.plan()).changes
        test.service.plan("GET", "/suite", running(DEFINITION), times=2)
        test.service.plan("PUT", "/suite", refuses(400, "BadRequest"))
        outcome = (await test.apply(Plan((replace(planned, action=Action.WAIT),))))["suite"]
        assert told(outcome) == "failed BadRequest"
        assert outcome.change.action is Action.CREATE


def test_an_outcome_after_a_lost_answer_tells_the_whole() -> None:
    """The outcome includes the changes of the run's own first PUT."""

    @scenario(definition(description="mine"))
    async def _(test: Bench) -> None:
        async def half(send: Any, forward: Forward) -> None:
            await forward()
            edited(test, DEFINITION, displayName="Half")
            await breaks(after=False)(send, forward)

        test.service.plan("PUT", "/suite", half)
        outcome = (await test.apply())["suite"]
        assert (told(outcome), outcome.change.action) == ("succeeded", Action.CREATE)
        assert test.service.sent("PUT") == ["suite", "suite"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (says(404, b"<html>"), "Http404"),
        (says(200, b"<html>"), "UnusableAnswer"),
        (refuses(403, "AuthorizationFailed"), "AuthorizationFailed"),
        (breaks(after=False), "Unreachable"),
    ],
)
def test_unreadable_since_the_plan(fault: Fault, code: str) -> None:
    """Nothing is sent on a read that says nothing."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.plan("GET", "/suite", fault, times=99)
        assert await test.results(plan) == {"suite": f"failed {code}"}
        assert test.service.sent("PUT") == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "InvalidParameter"), (403, "AuthorizationFailed"), (409, "PropertyChangeNotAllowed"), (412, "Precondition")],
)
def test_a_refusal_is_final(status: int, code: str) -> None:
    """ARM's rejection is reported with its code; the PUT is not repeated, and other resources go on."""

    @scenario(definition(), definition("other"))
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(status, code, Retry_After="1"), times=9)
        outcomes = await test.apply()
        assert {name: told(outcome) for name, outcome in outcomes.items()} == {
            "suite": f"failed {code}",
            "other": "succeeded",
        }
        assert test.service.times("PUT", "/suite") == [0]


# Lost answers and conflicts


def test_a_lost_answer_that_landed() -> None:
    """A PUT whose answer was lost is read for first; if it landed it is verified, and never sent again."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", breaks(after=True))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]
        assert [seen.method for seen in test.service.seen] == ["GET", "GET", "PUT", "GET", "GET"]


def test_a_lost_answer_with_an_operation() -> None:
    """A long operation that was begun without an answer is waited for."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/tools", breaks(after=True))
        assert await test.results() == {"tools": "succeeded"}
        assert test.service.times("PUT", "/tools") == [0]
        assert test.clock.elapsed == 60


@pytest.mark.parametrize(
    "fault", [breaks(after=False), refuses(500, "InternalServerError"), says(503, b"<html>"), refuses(408, "Timeout")]
)
def test_a_lost_answer_that_did_not_land(fault: Fault) -> None:
    """If it did not land it is sent once more, when no read can be of before it any more."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", fault)
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.times("PUT", "/suite") == [0, 60]
        assert [seen.method for seen in test.service.seen] == ["GET", "GET", "PUT", *["GET"] * 4, "PUT", "GET"]


def test_a_lost_answer_and_old_reads() -> None:
    """What landed is not sent again, however long the reads after it are of before."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        before = await test.arm.get(DEFINITION, test.desired[0].kind.api_version)
        plan = await test.plan()

        async def landed(send: Any, forward: Forward) -> None:
            test.service.plan("GET", "/suite", says(200, before), times=3)
            await breaks(after=True)(send, forward)

        test.service.plan("PUT", "/suite", landed)
        assert await test.results(plan) == {"suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]


def test_a_lost_answer_without_time() -> None:
    """Where the time limit comes first, it is not sent again, and what ARM said last is told."""

    @scenario(definition(), timeout_s=50)
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(503, "ServerBusy"), times=9)
        assert await test.results() == {"suite": "failed ServerBusy"}
        assert test.service.times("PUT", "/suite") == [0]
        assert test.clock.elapsed == 60


def test_answers_lost_for_ever() -> None:
    """Three rounds, and then the last error is told."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(503, "ServerBusy", "busy"), times=9)
        applier = test.applier()
        outcomes = await applier.apply(await test.plan())
        assert [told(outcome) for outcome in outcomes.values()] == ["failed ServerBusy"]
        assert test.service.times("PUT", "/suite") == [0, 60, 120]
        assert applier.puts == 3


def test_the_last_lost_answer_that_landed() -> None:
    """After the last round it is read once more: what landed is no failure."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", breaks(after=False), times=2)
        test.service.plan("PUT", "/suite", breaks(after=True))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.times("PUT", "/suite") == [0, 60, 120]


def test_a_lost_answer_that_landed_at_the_time_limit() -> None:
    """Where there is no time left to send it again, it is still looked for."""

    @scenario(definition(), timeout_s=20)
    async def _(test: Bench) -> None:
        async def late(send: Any, forward: Forward) -> None:
            await test.clock.sleep(30)
            await breaks(after=True)(send, forward)

        test.service.plan("PUT", "/suite", late)
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]


def test_the_last_lost_answer_that_cannot_be_looked_for() -> None:
    """Then the answer that was lost is told."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        async def last(send: Any, forward: Forward) -> None:
            test.service.plan("GET", "/suite", refuses(403, "AuthorizationFailed"), times=9)
            await refuses(503, "ServerBusy")(send, forward)

        test.service.plan("PUT", "/suite", refuses(503, "ServerBusy"), times=2)
        test.service.plan("PUT", "/suite", last)
        assert await test.results() == {"suite": "failed ServerBusy"}


def test_an_answer_that_cannot_be_read() -> None:
    """Azure accepted the PUT despite its answer: the run reads the resource and sends no second PUT."""

    @scenario(definition(), gallery())
    async def _(test: Bench) -> None:
        test.arm.transport.service = replace(ARM, bounds=Bounds(answer_bytes=4000))

        azure = test.service.app

        async def padded(scope: Any, receive: Any, send: Any) -> None:
            async def pad(message: Any) -> None:
                blanks = b" " * 5000 if scope["method"] == "PUT" else b""
                await send({**message, "body": message["body"] + blanks} if "body" in message else message)

            await azure(scope, receive, pad)

        test.service.app = padded
        assert set((await test.results()).values()) == {"succeeded"}
        assert sorted(test.service.sent("PUT")) == ["suite", "tools"]


def test_a_lost_answer_is_verified() -> None:
    """What landed without an answer is looked at like any other: here its replication is still to be waited for."""

    @scenario(*TREE)
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/1.0.0", breaks(after=True))
        outcomes = await test.results(wait_replicated=True)
        assert outcomes["agent-1.0.0"] == "succeeded"
        assert test.service.sent("PUT").count("1.0.0") == 1
        assert test.service.times("GET", "/1.0.0") == [60, 75, 90, 105, 120, 120, 120]


@pytest.mark.parametrize("code", ["Conflict", "AnotherOperationInProgress"])
def test_conflicts(code: str) -> None:
    """Something in the way is waited out: read again, decide again, send again."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(409, code), times=2)
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.times("PUT", "/suite") == [0, 15, 45]


@pytest.mark.parametrize(
    ("asked", "timeout_s", "times"),
    [
        ({}, 50, [0, 15, 45, 50]),
        ({}, 3600, [0, 15, 45, 105, 225, 465, 945, 1545, 2145, 2745, 3345, 3600]),
        ({"Retry_After": "1"}, 3600, [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1623, 2223, 2823, 3423, 3600]),
        ({"Retry_After": "700"}, 3600, [0, 700, 1400, 2100, 2800, 3500]),
    ],
)
def test_conflicts_for_ever(asked: dict[str, str], timeout_s: float, times: list[float]) -> None:
    """Asked after as rarely as it has lasted long, until the time limit; then ARM's own words are told."""

    @scenario(definition(), timeout_s=timeout_s)
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(409, "Conflict", **asked), times=999)
        assert await test.results() == {"suite": "failed Conflict"}
        assert test.service.times("PUT", "/suite") == times


def test_a_conflict_with_an_operation_that_is_seen() -> None:
    """Once a read shows what is in the way, it is looked at as often as any operation."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        since = test.clock.elapsed
        plan = await test.plan()
        test.service.plan("PUT", "/suite", refuses(409, "Conflict"), times=3)
        applying = asyncio.ensure_future(test.results(plan))
        await test.clock.sleep(100)
        test.service.plan("GET", "/suite", running(DEFINITION), times=3)
        assert await applying == {"suite": "succeeded"}
        assert [at - since for at in test.service.times("PUT", "/suite")] == [0, 15, 45, 150]


def test_as_long_as_it_is_asked_to() -> None:
    """What ARM asks to wait counts to the second, and only for the answer that it came with."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(409, "Conflict", Retry_After="7"))
        test.service.plan("PUT", "/suite", refuses(409, "Conflict"))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.times("PUT", "/suite") == [0, 7, 37]


def test_a_lost_answer_with_a_wait() -> None:
    """Nothing is read before the time that ARM asks for, if it is longer than a read may be old."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(503, "ServerBusy", Retry_After="70"))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.times("PUT", "/suite") == [0, 70]
        assert test.service.times("GET", "/suite") == [0, 70, 70]


def test_longer_than_there_is_time() -> None:
    """Nothing is sent before ARM said so: where that is past the time limit, it is told at once."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(409, "Conflict", Retry_After="3601"), times=9)
        assert await test.results() == {"suite": "failed Conflict"}
        assert test.service.times("PUT", "/suite") == [0]


def test_a_conflict_after_which_nothing_is_left() -> None:
    """The client that caused the conflict may have made the change: then the resource is unchanged by this run."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")

        async def somebody_else(send: Any, forward: Forward) -> None:
            edited(test, DEFINITION, description="new")
            await refuses(409, "Conflict")(send, forward)

        test.service.plan("PUT", "/suite", somebody_else)
        assert await test.results() == {"suite": "unchanged"}
        assert test.service.sent("PUT") == ["suite"]


@pytest.mark.parametrize("asked", [17, 60, 600, 700])
def test_throttled_writes(asked: int) -> None:
    """A throttled PUT waits as long as it is told to, and is built from what stands then."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        since = test.clock.elapsed

        async def meanwhile(send: Any, forward: Forward) -> None:
            test.world.edit(DEFINITION, lambda body: {**body, "tags": {**body["tags"], "else": "theirs"}})
            await refuses(429, "TooManyRequests", Retry_After=str(asked))(send, forward)

        test.service.plan("PUT", "/suite", meanwhile)
        assert await test.results() == {"suite": "succeeded"}
        assert [round(at - since, 2) for at in test.service.times("PUT", "/suite")] == [0, asked]
        stored = test.world.stored(DEFINITION)
        assert stored is not None
        assert stored["tags"]["else"] == "theirs"


def test_throttled_for_long() -> None:
    """Another client's edit during a long throttle is read before the PUT is sent."""

    @scenario(definition("one"), definition("two", description="new"), stand=True)
    async def _(test: Bench) -> None:
        one, two = DEFINITION.replace("suite", "one"), DEFINITION.replace("suite", "two")
        edited(test, one, description="old")
        edited(test, two, description="old")
        test.service.plan("PUT", "/one", refuses(429, "TooManyRequests", Retry_After="300"))
        plan = await test.plan()
        test.service.seen.clear()
        applying = asyncio.ensure_future(test.results(plan, concurrency=1))
        await test.clock.sleep(100)
        edited(test, two, description="new")
        assert await applying == {"one": "succeeded", "two": "unchanged"}
        assert test.service.sent("PUT") == ["one", "one"]


def test_throttled_for_a_day() -> None:
    """One PUT is told so, and no other is sent to hear the same."""

    @scenario(definition("one"), definition("two"))
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/one", refuses(429, "TooManyRequests", Retry_After="86400"))
        results = await test.results(concurrency=1)
        assert results == {"one": "failed TooManyRequests", "two": "failed TooManyRequests"}
        assert test.service.sent("PUT") == ["one"]


def test_throttled_for_ever() -> None:
    """Five times ARM is asked, and its own words are told."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(429, "TooManyRequests", Retry_After="60"), times=99)
        assert await test.results() == {"suite": "failed TooManyRequests"}
        assert [round(at) for at in test.service.times("PUT", "/suite")] == [0, 60, 120, 180, 240]
        assert test.service.times("GET", "/suite")[-2:] == pytest.approx([180, 240], abs=0.1)


# Operations


def test_to_the_end_of_the_operation() -> None:
    """A 201 is not the end: the operation is asked until it is, then the resource is read."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        outcomes = await test.apply()
        assert outcomes["tools"].result is Result.SUCCEEDED
        polls = [seen.at for seen in test.service.seen if "capsOperations" in seen.path]
        assert polls == [0, 15, 30, 45, 60]
        assert test.service.times("GET", "/tools") == [0, 0, 60]


def test_without_any_link_the_resource_is_watched() -> None:
    """No header at all: the resource's own state tells the end."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.plan("PUT", "/tools", says(202))
        running = {"id": GALLERY, "location": "West US", "properties": {"provisioningState": "Creating"}}
        done = {**running, "properties": {"provisioningState": "Succeeded"}}
        test.service.plan("GET", "/tools", refuses(404, "ResourceNotFound"))
        test.service.plan("GET", "/tools", says(200, running), times=2)
        test.service.plan("GET", "/tools", says(200, done))
        results = await test.results(plan)
        assert results["tools"] == "succeeded"
        assert test.service.times("GET", "/tools") == [0, 0, 0, 15, 30]
        assert test.service.times("PUT", "/tools") == [0]


def test_a_failed_operation() -> None:
    """An operation that ends badly is told with ARM's words, and not tried again."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.world.fail_next(GALLERY, "QuotaExceeded", "no room for sig=CANARY")
        outcome = (await test.apply())["tools"]
        assert told(outcome) == "failed QuotaExceeded"
        assert "CANARY" not in repr(outcome.error)
        assert test.service.sent("PUT") == ["tools"]


def test_a_failed_operation_is_repeated_by_the_next_run() -> None:
    """It is sent again once, unless the loop holds it back."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.world.fail_next(GALLERY, "QuotaExceeded", "no room")
        await test.apply()
        held = replace(test, policy=replace(test.policy, memory=Memory(retried=frozenset({GALLERY.lower()}))))
        assert await held.results() == {}
        assert await test.results() == {"tools": "succeeded"}


def test_a_conflict_told_by_the_operation() -> None:
    """A conflict that the operation tells of is its end, not a reason to send again."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/tools", says(202, Location="http://localhost/operation"))
        test.service.plan("GET", "/operation", refuses(409, "Conflict"), times=9)
        assert await test.results() == {"tools": "failed Conflict"}
        assert test.service.sent("PUT") == ["tools"]


def test_a_foreign_operation() -> None:
    """An operation elsewhere is not asked, and the resource is not sent again."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        link = "https://evil.example/operation?t=CANARY"
        test.service.plan("PUT", "/tools", says(202, Azure_AsyncOperation=link))
        outcome = (await test.apply())["tools"]
        assert told(outcome) == "failed ForeignOrigin"
        assert outcome.error is not None
        assert "evil.example" in outcome.error.message
        assert "CANARY" not in repr(outcome.error)
        assert test.service.sent("PUT") == ["tools"]


def test_an_operation_without_end() -> None:
    """Past the time limit it is told to go on without us; the next run waits for it and sends nothing."""

    @scenario(gallery(), timeout_s=40)
    async def _(test: Bench) -> None:
        assert await test.results() == {"tools": "failed Timeout"}
        assert test.clock.elapsed == 40
        assert await test.actions() == {"tools": "wait"}
        assert await test.results() == {"tools": "unchanged"}
        assert test.service.sent("PUT") == ["tools"]


# Verification


@pytest.mark.parametrize("code", ["ResourceNotFound", "AuthorizationFailed"])
def test_a_read_back_that_comes_late(code: str) -> None:
    """Just after a PUT a read may still miss the resource: a minute is given."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        plan = await test.plan()

        async def first(send: Any, forward: Forward) -> None:
            await forward()
            test.service.plan("GET", "/suite", refuses(404 if "NotFound" in code else 403, code), times=4)

        test.service.plan("PUT", "/suite", first)
        assert await test.results(plan) == {"suite": "succeeded"}
        assert test.service.times("GET", "/suite") == [0, 0, 15, 30, 45, 60]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (refuses(404, "ResourceNotFound"), "UnusableAnswer"),
        (refuses(403, "AuthorizationFailed"), "AuthorizationFailed"),
        (says(200, b"<html>"), "UnusableAnswer"),
    ],
)
def test_a_read_back_that_never_comes(fault: Fault, code: str) -> None:
    """After the minute what could not be read is told, and nothing is sent again."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        async def first(send: Any, forward: Forward) -> None:
            await forward()
            test.service.plan("GET", "/suite", fault, times=99)

        test.service.plan("PUT", "/suite", first)
        assert await test.results() == {"suite": f"failed {code}"}
        assert test.clock.elapsed == 60
        assert test.service.sent("PUT") == ["suite"]


def test_a_read_back_of_before() -> None:
    """Just after a PUT a read may still give what was there before: it is read again before anything is said of it."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        plan = await test.plan()
        before = await test.arm.get(test.desired[0].id, test.desired[0].kind.api_version)
        assert Live(before).is_settled

        async def first(send: Any, forward: Forward) -> None:
            await forward()
            test.service.plan("GET", "/suite", says(200, before), times=4)

        test.service.plan("PUT", "/suite", first)
        start = test.clock.elapsed
        assert await test.results(plan) == {"suite": "succeeded"}
        assert test.clock.elapsed - start == 60
        assert test.service.sent("PUT") == ["suite"]


def test_a_read_back_of_before_at_the_time_limit() -> None:
    """The time limit may come before the minute is over: what differs then is told."""

    @scenario(definition(description="mine"), timeout_s=20)
    async def _(test: Bench) -> None:
        async def first(send: Any, forward: Forward) -> None:
            await forward()
            edited(test, DEFINITION, description="theirs")

        test.service.plan("PUT", "/suite", first)
        assert await test.results() == {"suite": "failed DidNotStick"}
        assert test.clock.elapsed == 20


@pytest.mark.parametrize("also", [False, True])
def test_a_value_that_did_not_stick(also: bool) -> None:  # noqa: FBT001
    """What Azure took and did not keep is told with both values; there is no second PUT."""
    display = {"displayName": "Theirs"} if also else {}

    @scenario(definition(description="mine"))
    async def _(test: Bench) -> None:
        async def first(send: Any, forward: Forward) -> None:
            await forward()
            edited(test, DEFINITION, description="theirs", **display)

        test.service.plan("PUT", "/suite", first)
        outcome = (await test.apply())["suite"]
        assert told(outcome) == "failed DidNotStick"
        assert outcome.error is not None
        differing = {field.path: (field.observed, field.desired) for field in outcome.change.fields}
        assert differing["properties.description"] == ("theirs", "mine")
        assert ("properties.displayName" in differing) is also
        assert test.service.sent("PUT") == ["suite"]


@pytest.mark.parametrize(
    ("stated", "live", "observed", "desired"),
    [
        ({"isEnabled": False}, {}, MISSING, False),
        ({}, {"isEnabled": False}, False, True),
        ({"description": None}, {"description": "theirs"}, "theirs", MISSING),
    ],
)
def test_absent_and_default_values_that_did_not_stick(
    stated: dict[str, Any], live: dict[str, Any], observed: object, desired: object
) -> None:
    """A value that is not there, a default, and a value that must not be there are told in the same way."""

    @scenario(definition(**stated))
    async def _(test: Bench) -> None:
        def theirs(body: dict[str, Any]) -> dict[str, Any]:
            properties = {name: value for name, value in body["properties"].items() if name != "isEnabled"}
            return {**body, "properties": {**properties, **live}}

        async def first(send: Any, forward: Forward) -> None:
            await forward()
            test.world.edit(DEFINITION, theirs)

        test.service.plan("PUT", "/suite", first)
        outcome = (await test.apply())["suite"]
        assert told(outcome) == "failed DidNotStick"
        (name,) = {*stated, *live}
        kept = {field.path: (field.observed, field.desired) for field in outcome.change.fields}
        assert kept[f"properties.{name}"] == (observed, desired)


def test_a_long_value_that_did_not_stick() -> None:
    """An error is one line, however long the values are and however many lines they have."""

    @scenario(definition(description="mine\n" * 99))
    async def _(test: Bench) -> None:
        async def first(send: Any, forward: Forward) -> None:
            await forward()
            edited(test, DEFINITION, description=["theirs"] * 99)

        test.service.plan("PUT", "/suite", first)
        error = (await test.apply())["suite"].error
        assert error is not None
        assert "\n" not in error.message
        assert len(error.message) < 300
        assert error.message.count("…") == 2


def test_a_digest_that_did_not_stick() -> None:
    """A tag that was lost leaves the content unverified: told, where the digest was to be recorded."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        def untag(times: int) -> None:
            async def first(send: Any, forward: Forward) -> None:
                await forward()
                test.world.edit(DEFINITION, lambda body: {**body, "tags": {}})

            test.service.plan("PUT", "/suite", first, times)

        untag(1)
        assert await test.results() == {"suite": "failed DidNotStick"}
        untag(1)
        test = replace(test, policy=replace(test.policy, adopt=False))
        edited(test, DEFINITION, description="old")
        assert await test.results() == {"suite": "succeeded"}


def test_a_failed_state_after_a_good_operation() -> None:
    """The resource has the last word."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        body = {"id": GALLERY, "location": "West US", "properties": {"provisioningState": "Failed"}}
        test.service.plan("PUT", "/tools", says(200, {}))
        plan = await test.plan()
        test.service.plan("GET", "/tools", refuses(404, "ResourceNotFound"))
        test.service.plan("GET", "/tools", says(200, {**body, "tags": {}}))
        outcome = (await test.apply(plan))["tools"]
        assert told(outcome) == "failed ProvisioningFailed"
        assert outcome.error is not None
        assert outcome.error.message == "the resource is Failed after the operation ended"


def test_what_somebody_else_stated_may_stay() -> None:
    """Undeclared values are no failure."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old", deploymentPolicy={"deploymentMode": "Incremental"})
        assert await test.results() == {"suite": "succeeded"}


def test_republish() -> None:
    """What is to be sent without a difference is sent once, and verified as it is."""

    @scenario(definition(), stand=True)
    async def _(test: Bench) -> None:
        test = replace(test, policy=replace(test.policy, republish=frozenset({DEFINITION.lower()})))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]


def test_a_republish_whose_answer_was_lost() -> None:
    """It is not sent twice: that it landed can be told by nothing, and what stands is verified."""

    @scenario(definition(), stand=True)
    async def _(test: Bench) -> None:
        test = replace(test, policy=replace(test.policy, republish=frozenset({DEFINITION.lower()})))
        test.service.plan("PUT", "/suite", breaks(after=True))
        assert await test.results() == {"suite": "succeeded"}
        assert test.service.sent("PUT") == ["suite"]


def replication(state: str, **regions: str) -> Fault:
    """Answer with a replication status."""
    summary = [{"region": region, "state": word} for region, word in regions.items()]
    return answers({"aggregatedState": state, "summary": summary})


def answers(status: dict[str, Any] | None, state: str = "Succeeded") -> Fault:
    """Answer with the version that was published, and what there is to say of its replication."""
    spec = version().spec
    said = {"provisioningState": state, **({"replicationStatus": status} if status else {})}
    return says(200, {"id": VERSION, "location": spec["location"], "properties": {**spec["properties"], **said}})


def replicated(*faults: Fault) -> tuple[Outcome, list[float]]:
    """Publish a version and wait for its replication; give its outcome and when its replication was read."""
    kept: list[tuple[Outcome, list[float]]] = []

    @scenario(*TREE)
    async def _(test: Bench) -> None:
        plan = await test.plan()
        reads: list[float] = []

        async def expand(scope: Any, receive: Any, send: Any) -> None:
            if b"expand" in scope["query_string"] and faults:
                reads.append(test.clock.elapsed)
                await faults[min(len(reads), len(faults)) - 1](send, lambda: inner(scope, receive, send))
            else:
                await inner(scope, receive, send)

        inner, test.service.app = test.service.app, expand
        outcome = (await test.apply(plan, wait_replicated=True))["agent-1.0.0"]
        kept.append((outcome, reads))

    return kept[0]


def test_wait_for_replication() -> None:
    """A write is done when its replication is, if that was asked for; only kinds that have one are asked."""
    outcome, reads = replicated(answers(None), replication("InProgress"), replication("Completed"))
    assert told(outcome) == "succeeded"
    assert reads == [120, 135, 150]
    assert told(replicated()[0]) == "succeeded"


def test_replication_that_is_read_of_before() -> None:
    """Just after a PUT a read may be of before it, and so may what it says of copies; but not for ever."""
    before = says(200, {"id": VERSION, "properties": {"replicationStatus": {"aggregatedState": "Completed"}}})
    missing = refuses(404, "ResourceNotFound")
    outcome, reads = replicated(missing, before, replication("InProgress"), replication("Completed"))
    assert (told(outcome), len(reads)) == ("succeeded", 4)
    outcome, reads = replicated(missing)
    assert told(outcome) == "failed ResourceNotFound"
    assert reads[-1] - reads[0] == 60


def test_replication_of_what_runs_again() -> None:
    """A copy that is told to be complete while something runs is none yet."""
    running = answers({"aggregatedState": "Completed"}, "Migrating")
    outcome, reads = replicated(running, running, replication("Completed"))
    assert (told(outcome), len(reads)) == ("succeeded", 3)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (answers({"aggregatedState": "Completed"}, "Failed"), "ProvisioningFailed", "is Failed"),
        (replication("Failed", westus="Completed", eastus="Failed"), "ReplicationFailed", "failed in eastus"),
        (replication("Failed"), "ReplicationFailed", "failed in a region"),
        (replication("InProgress"), "Timeout", "3600 s"),
        (refuses(500, "InternalServerError"), "InternalServerError", "no"),
        (refuses(403, "AuthorizationFailed"), "AuthorizationFailed", "no"),
    ],
)
def test_replication_that_does_not_come(fault: Fault, code: str, words: str) -> None:
    """What failed, or could not be seen in time, is told; the version is not sent again."""
    outcome, _ = replicated(fault)
    assert told(outcome) == f"failed {code}"
    assert outcome.error is not None
    assert words in outcome.error.message


# Another client's operation


def test_wait_then_decide_again() -> None:
    """The run waits for a running operation, then reads and decides the resource again."""

    @scenario(gallery(description="mine"))
    async def _(test: Bench) -> None:
        other = restated(test, gallery(description="theirs"))
        theirs = asyncio.ensure_future(other.apply())
        await test.clock.sleep(10)
        plan = await test.plan()
        assert [change.action for change in plan.changes] == [Action.WAIT]
        watching = Watching()
        assert await test.results(plan, progress=watching) == {"tools": "succeeded"}
        assert test.service.times("PUT", "/tools") == [0, 70]
        heard = [line.partition(":")[0] for line in watching.heard]
        assert heard == [*["noted tools"] * 4, "started tools", "finished tools succeeded"]
        with suppress(Exception):
            await theirs


def test_wait_and_nothing_left() -> None:
    """Often what runs is what was wanted."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        twin = asyncio.ensure_future(restated(test, gallery()).apply())
        await test.clock.sleep(10)
        outcome = (await test.apply())["tools"]
        assert (told(outcome), outcome.change.action, outcome.change.sync) == ("unchanged", Action.NONE, Sync.IN_SYNC)
        assert test.service.sent("PUT") == ["tools"]
        await twin


def running(body_id: str, state: str = "Updating") -> Fault:
    """Answer with a resource that is being worked on."""
    return says(200, {"id": body_id, "location": "West US", "properties": {"provisioningState": state}})


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Migrating", "Pondering"])
def test_wait_until_the_time_limit(state: str) -> None:
    """What never ends is told to still run; nothing was sent."""

    @scenario(gallery(), timeout_s=100)
    async def _(test: Bench) -> None:
        test.service.plan("GET", "/tools", running(GALLERY, state), times=99)
        assert await test.results() == {"tools": "failed Timeout"}
        assert test.clock.elapsed == 100
        assert test.service.sent("PUT") == []


def test_gone_while_waiting() -> None:
    """What was being deleted is created when it is gone."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.service.plan("GET", "/tools", running(GALLERY, "Deleting"), times=3)
        assert await test.results() == {"tools": "succeeded"}
        assert test.service.times("PUT", "/tools") == [30]


def test_waiting_holds_nobody_up() -> None:
    """A resource that waits for another client's operation needs no permit."""

    @scenario(gallery(), *(definition(f"suite{n}") for n in range(3)))
    async def _(test: Bench) -> None:
        test.service.plan("GET", "/tools", running(GALLERY), times=10)
        assert set((await test.results(concurrency=1)).values()) == {"succeeded"}
        assert [test.service.times("PUT", f"/suite{n}") for n in range(3)] == [[0], [0], [0]]


# Order


def overlaps(test: Bench, path: str) -> int:
    """Return how many PUTs below *path* came while an operation there still ran."""
    puts = [seen for seen in test.service.seen if seen.method == "PUT" and path in seen.path]
    ends = {seen.path: 60 + seen.until for seen in puts if "/versions/" in seen.path}
    return sum(
        one is not two and one.at <= two.at < ends.get(one.path, one.until)
        for index, one in enumerate(puts)
        for two in puts[index + 1 :]
    )


def test_one_writer_for_an_application() -> None:
    """Versions of one application are written one after the other, to the end of each operation; others at once."""
    numbers = ("1.0.0", "1.1.0", "2.0.0")
    versions = [version(number, 0, name) for name in ("agent", "other") for number in numbers]

    @scenario(gallery(), application(), application("other"), *versions)
    async def _(test: Bench) -> None:
        test.service.latency_s = 1
        assert set((await test.results(concurrency=16)).values()) == {"succeeded"}
        assert overlaps(test, "/applications/agent") == 0
        assert overlaps(test, "/applications/other") == 0
        assert overlaps(test, "/galleries/tools") > 0
        firsts = [seen.at for seen in test.service.seen if seen.method == "PUT" and seen.path.endswith("1.0.0")]
        assert len(firsts) == 2
        assert firsts[0] == firsts[1]


def test_parents_before_children() -> None:
    """A child waits for its parent's operation, in any order of the manifests."""

    @scenario(version(), application(), gallery())
    async def _(test: Bench) -> None:
        await test.apply()
        assert test.service.sent("PUT") == ["tools", "agent", "1.0.0"]
        assert test.service.times("PUT", "/agent") == [60]


def test_bounded_concurrency() -> None:
    """No more requests are sent at the same time than allowed, polls of operations included."""

    @scenario(*(gallery(f"g{n}") for n in range(5)))
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.seen.clear()
        test.service.latency_s = 1
        assert set((await test.results(plan, concurrency=2)).values()) == {"succeeded"}
        seen = test.service.seen
        assert any("capsOperations" in each.path for each in seen)
        assert max(sum(one.at <= each.at < one.until for one in seen) for each in seen) == 2


@pytest.mark.slow
def test_slow_operations_hold_nobody_up() -> None:
    """Sixteen long operations take no permit from the seventeenth resource: a permit is for requests alone."""

    @scenario(*(gallery(f"g{n:02}") for n in range(16)), definition(), timeout_s=1200, operation_s=600)
    async def _(test: Bench) -> None:
        assert set((await test.results(concurrency=16)).values()) == {"succeeded"}
        assert [seen.at for seen in test.service.seen if seen.method == "PUT"] == [0] * 17
        assert test.clock.elapsed == 600


def test_throttled_writes_hold_no_operation_up() -> None:
    """While PUTs wait for a limit of ARM's, operations that have begun are polled, and end."""

    @scenario(gallery(), *(definition(f"suite{n}") for n in range(9)))
    async def _(test: Bench) -> None:
        for number in range(9):
            test.service.plan("PUT", f"/suite{number}", refuses(429, "TooManyRequests", Retry_After="300"))
        assert set((await test.results(concurrency=8)).values()) == {"succeeded"}
        polls = [seen.at for seen in test.service.seen if "capsOperations" in seen.path]
        assert polls == [0, 15, 30, 45, 60]
        assert test.clock.elapsed >= 300


def test_waves() -> None:
    """A wave starts when the one before is written and verified; a parent's wave lifts its children."""

    @scenario(definition("late", 2), definition("early", -1), gallery(wave=1), application(), definition("middle"))
    async def _(test: Bench) -> None:
        assert set((await test.results()).values()) == {"succeeded"}
        assert test.service.sent("PUT") == ["early", "middle", "tools", "agent", "late"]
        assert test.service.times("PUT", "/late") == [60]


def test_a_failure_skips_later_waves() -> None:
    """Its siblings go on."""

    @scenario(definition("one"), definition("two"), definition("three", 1), definition("four", 2))
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/one", refuses(400, "BadRequest"))
        assert await test.results() == {
            "one": "failed BadRequest",
            "two": "succeeded",
            "three": "skipped EarlierWaveFailed",
            "four": "skipped EarlierWaveFailed",
        }
        assert sorted(test.service.sent("PUT")) == ["one", "two"]


def test_a_blocked_or_paused_one_skips_nothing() -> None:
    """Later waves wait for no human."""

    @scenario(gallery(paused=True), application(), definition("late", 1))
    async def _(test: Bench) -> None:
        assert await test.actions() == {"tools": "paused", "agent": "blocked", "late": "create"}
        assert await test.results() == {"late": "succeeded"}


def test_what_depends_on_a_failure() -> None:
    """Children and grandchildren of what failed are skipped; nothing is asked about them."""

    @scenario(*TREE, version(application="agent", number="2.0.0"), definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/tools", refuses(400, "BadRequest"))
        assert await test.results() == {
            "tools": "failed BadRequest",
            "suite": "succeeded",
            "agent": "skipped DependencyFailed",
            "agent-1.0.0": "skipped DependencyFailed",
            "agent-2.0.0": "skipped DependencyFailed",
        }
        assert sorted(test.service.sent("PUT")) == ["suite", "tools"]


@pytest.mark.parametrize("wave", [0, 1])
def test_what_depends_on_what_must_not_be_made(wave: int) -> None:
    """A parent whose group went after the plan is blocked, and nothing is asked about what is below it."""

    @scenario(gallery(), application(wave=wave), version(wave=wave))
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.plan("GET", "/tools", refuses(404, "ResourceGroupNotFound"), times=9)
        assert await test.results(plan) == {
            "tools": "blocked group-missing",
            "agent": "skipped DependencyFailed",
            "agent-1.0.0": "skipped DependencyFailed",
        }
        assert test.service.sent("PUT") == []


def test_what_depends_on_what_somebody_else_owns() -> None:
    """A live parent is enough, of this project or of another."""

    @scenario(gallery(description="new"), application(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, GALLERY, description="old")
        edited(test, APPLICATION, description="old")
        plan = await test.plan()
        test.world.edit(GALLERY, lambda body: {**body, "tags": {"reconciler-project": "other"}})
        test = replace(test, policy=replace(test.policy, tracking=replace(test.policy.tracking, project="mine")))
        assert await test.results(plan) == {"tools": "blocked owned-elsewhere", "agent": "succeeded"}


@pytest.mark.parametrize("wave", [0, 1])
def test_what_depends_on_the_unknown(wave: int) -> None:
    """What could not be read keeps what is below it from being written, in its own wave and in later ones."""

    @scenario(gallery(), application(wave=wave, description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, APPLICATION, description="old")
        test.service.plan("GET", "/tools", refuses(403, "AuthorizationFailed"))
        assert await test.results() == {"agent": "skipped DependencyFailed"}
        assert test.service.sent("PUT") == []


# A reviewed plan


def test_a_reviewed_plan() -> None:
    """What has not moved since is written; what moved is refused before anything is sent for it."""

    @scenario(definition("one", description="new"), definition("two", description="new"), stand=True)
    async def _(test: Bench) -> None:
        one, two = (DEFINITION.replace("suite", name) for name in ("one", "two"))
        edited(test, one, description="old")
        edited(test, two, description="old")
        saved = await reviewed(test)
        edited(test, two, displayName="Moved")
        results = await test.results(saved=saved)
        assert results == {"one": "succeeded", "two": "refused PlanMoved"}
        assert test.service.sent("PUT") == ["one"]


async def reviewed(test: Bench) -> SavedPlan:
    """Save a plan as it is now."""
    observed = (await test.observe()).observed
    live = {key: found.body for key, found in observed.items() if isinstance(found, Live)}
    made = save(await test.plan(), live, None, START).encode()
    return read(made, packaged().documents["plan"], None, START)


@pytest.mark.parametrize(("moves", "result"), [(False, "succeeded"), (True, "refused PlanMoved")])
def test_a_reviewed_plan_after_a_conflict(moves: bool, result: str) -> None:  # noqa: FBT001
    """The client that caused the conflict may have changed the reviewed fields."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        saved = await reviewed(test)

        async def somebody_else(send: Any, forward: Forward) -> None:
            if moves:
                edited(test, DEFINITION, displayName="Moved")
            await refuses(409, "Conflict")(send, forward)

        test.service.plan("PUT", "/suite", somebody_else)
        assert await test.results(saved=saved) == {"suite": result}


def test_a_reviewed_plan_after_a_lost_answer() -> None:
    """What moved since the review may have been moved by our own PUT."""

    @scenario(definition(description="new"), stand=True)
    async def _(test: Bench) -> None:
        edited(test, DEFINITION, description="old")
        saved = await reviewed(test)

        async def half(send: Any, forward: Forward) -> None:
            edited(test, DEFINITION, displayName="Half")
            await breaks(after=False)(send, forward)

        test.service.plan("PUT", "/suite", half)
        assert await test.results(saved=saved) == {"suite": "succeeded"}


# Stops, cancels and bugs


async def stop_at(test: Bench, moment: float) -> None:
    """Tell the run to stop when the virtual time has come."""
    await test.clock.sleep(moment)
    test.patience.stop.set()


def test_stopped_before_it_began() -> None:
    """Nothing is asked and nothing is sent; everything has an outcome."""

    @scenario(*TREE, definition("late", 1))
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.seen.clear()
        test.patience.stop.set()
        assert set((await test.results(plan)).values()) == {"skipped Interrupted"}
        assert len(plan.changes) == 4
        assert test.service.seen == []


def test_stopped_while_an_operation_runs() -> None:
    """No new PUT is started; what runs is told, with the id of its request, and the next run converges."""

    @scenario(*TREE, definition("late", 1))
    async def _(test: Bench) -> None:
        stopping = asyncio.ensure_future(stop_at(test, 20))
        outcomes = await test.apply()
        assert test.clock.elapsed == 20
        assert {name: told(outcome) for name, outcome in outcomes.items()} == {
            "tools": "failed Interrupted",
            "agent": "skipped Interrupted",
            "agent-1.0.0": "skipped Interrupted",
            "late": "skipped Interrupted",
        }
        error = outcomes["tools"].error
        assert error is not None
        assert error.request_id
        assert error.fix == "run again"
        assert test.service.sent("PUT") == ["tools"]
        await stopping
        test.patience.stop.clear()
        assert set((await test.results()).values()) == {"succeeded", "unchanged"}
        assert set((await test.actions()).values()) == {"none"}
        assert test.service.sent("PUT") == ["tools", "agent", "1.0.0", "late"]


def test_stopped_while_somebody_elses_operation_runs() -> None:
    """Nothing of ours is in flight then."""

    @scenario(gallery())
    async def _(test: Bench) -> None:
        test.service.plan("GET", "/tools", running(GALLERY), times=99)
        stopping = asyncio.ensure_future(stop_at(test, 20))
        assert await test.results() == {"tools": "skipped Interrupted"}
        await stopping


def test_stopped_between_read_and_put() -> None:
    """A stop that comes with the read is heard before the PUT."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        plan = await test.plan()
        test.service.latency_s = 2
        stopping = asyncio.ensure_future(stop_at(test, 1))
        assert await test.results(plan) == {"suite": "skipped Interrupted"}
        assert test.service.sent("PUT") == []
        await stopping


def test_stopped_while_throttled() -> None:
    """A PUT that ARM put off is not sent after a stop, and was never begun."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(429, "TooManyRequests", Retry_After="17"))
        stopping = asyncio.ensure_future(stop_at(test, 5))
        assert await test.results() == {"suite": "skipped Interrupted"}
        assert test.service.times("PUT", "/suite") == [0]
        await stopping


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (refuses(409, "Conflict", Retry_After="60"), "skipped Interrupted"),
        (refuses(503, "ServerBusy", Retry_After="60"), "failed Interrupted"),
    ],
)
def test_stopped_between_two_puts(fault: Fault, result: str) -> None:
    """What only met a conflict was never begun; what was answered with an error of the server may have been."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", fault)
        stopping = asyncio.ensure_future(stop_at(test, 5))
        assert await test.results() == {"suite": result}
        await stopping


def test_stopped_at_a_conflict_after_a_lost_answer() -> None:
    """The conflict may be with what our own PUT began."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", breaks(after=False))
        test.service.plan("PUT", "/suite", refuses(409, "Conflict", Retry_After="60"))
        stopping = asyncio.ensure_future(stop_at(test, 20))
        assert await test.results() == {"suite": "failed Interrupted"}
        await stopping


async def cancelled_at(test: Bench, moment: float, *, stopped: bool = True, **settings: Any) -> dict[str, str]:
    """Tell an apply to stop, and cancel it, when the virtual time has come."""
    plan = await test.plan()
    applying = asyncio.ensure_future(test.results(plan, **settings))
    await test.clock.sleep(moment)
    if stopped:
        test.patience.stop.set()
    applying.cancel()
    results = await applying
    assert not applying.cancelling()
    return results


def test_cancelled_in_the_middle_of_a_put() -> None:
    """A PUT whose wait was interrupted is reported as in flight; the resources that depend on it were never sent."""

    @scenario(*TREE, definition(), definition("two"), definition("late", 1))
    async def _(test: Bench) -> None:
        test.service.latency_s = 10
        results = await cancelled_at(test, 15, concurrency=2)
        assert results == {
            "tools": "failed Interrupted",
            "suite": "failed Interrupted",
            "two": "skipped Interrupted",
            "agent": "skipped Interrupted",
            "agent-1.0.0": "skipped Interrupted",
            "late": "skipped Interrupted",
        }


def test_cancelled_while_throttled() -> None:
    """No long wait keeps the report from being written."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.plan("PUT", "/suite", refuses(429, "TooManyRequests", Retry_After="600"))
        assert await cancelled_at(test, 5) == {"suite": "skipped Interrupted"}
        assert test.clock.elapsed == 5


def test_cancelled_without_a_stop() -> None:
    """A cancelled apply whose run was not stopped first returns no outcomes."""

    @scenario(definition())
    async def _(test: Bench) -> None:
        test.service.latency_s = 10
        with pytest.raises(asyncio.CancelledError):
            await cancelled_at(test, 5, stopped=False)


class FragileError(Exception):
    """An error of no known type."""


class Fragile(Watching):
    """Breaks when one resource is started."""

    def started(self, change: Change) -> None:
        """Break, or keep it."""
        if change.desired.name == "one":
            message = "CANARY"
            raise FragileError(message)
        super().started(change)


def test_a_bug_fails_one_resource(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen exception fails its own resource, by the name of its type only; others go on."""

    @scenario(definition("one"), definition("two"), definition("late", 1))
    async def _(test: Bench) -> None:
        logger = logging.getLogger("reconciler.apply.applier")
        caplog.set_level(logging.DEBUG, "reconciler.apply.applier")
        logger.addHandler(caplog.handler)
        outcomes = await test.apply(progress=Fragile())
        logger.removeHandler(caplog.handler)
        assert {name: told(outcome) for name, outcome in outcomes.items()} == {
            "one": "failed InternalError",
            "two": "succeeded",
            "late": "skipped EarlierWaveFailed",
        }
        error = outcomes["one"].error
        assert error is not None
        assert error.message == "an unexpected FragileError in the reconciler"
        assert "in started" in caplog.text
        assert "CANARY" not in caplog.text.replace('message = "CANARY"', "")


def test_a_plan_without_anything_to_do() -> None:
    """Nothing is nothing."""

    @scenario()
    async def _(test: Bench) -> None:
        assert await test.results(Plan(())) == {}
