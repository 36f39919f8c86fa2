"""Rounds for ever: what fails is told, and the next round comes all the same."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import EmulatorError, ErrorCode, ErrorInfo, OutputError
from reconciler.kinds.live import Health
from reconciler.manifests.estate import Options
from reconciler.model.change import Action, Change, FieldChange, Finding, Op, Plan, Reason, Sync
from reconciler.model.outcome import Held, Outcome, Report, Result
from reconciler.problems import Problem
from reconciler.runtime import connect, loop
from reconciler.runtime.loop import Service
from reconciler.runtime.run import Run
from reconciler.service.round import RoundOutcome, round_of
from reconciler.service.rounds import Pace, Retries, run_rounds, spread
from reconciler.settings import Connection, Environment
from tests.kit.clock import START, FakeClock, Middling
from tests.kit.loops import run
from tests.kit.service import Faulty, bench, definition, refuses

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.desired import Desired
    from reconciler.service.round import Round

GOOD = """
apiVersion: reconciler.dev/v1
kind: Gallery
metadata: {name: tools}
spec:
  subscriptionId: 01523d7c-60da-455e-adef-521b547922c4
  resourceGroupName: rg
  galleryName: tools
  location: West US
"""


def outcome(result: Result | None, reason: Reason = Reason.FIELDS_DIFFER) -> dict[str, Outcome]:
    """Return what a round did about one resource."""

    async def one() -> Desired:
        async with bench(definition()) as test:
            return test.desired[0]

    change = Change(run(one()), Action.UPDATE, reason, Sync.OUT_OF_SYNC, Health.UNKNOWN)
    return {"id": Outcome(change, result, ErrorInfo("X", "no") if result is Result.FAILED else None)}


def report(outcomes: dict[str, Outcome] | None = None) -> Report:
    """Return the report of a round."""
    return Report("run", START, START, outcomes=outcomes or {})


def pace(clock: FakeClock, stop: asyncio.Event, wake: asyncio.Event | None = None) -> Pace:
    """Return rounds a minute apart."""
    return Pace(clock, 60, stop, wake or asyncio.Event(), Middling())


def test_intervals() -> None:
    """An interval lies between the end of a round and the start of the next, until the run is told to stop."""
    clock = FakeClock()
    begun: list[float] = []
    told: list[Round] = []

    async def scenario() -> None:
        stop = asyncio.Event()

        async def one_round(retries: Retries) -> Report:
            begun.append(clock.elapsed)
            await clock.sleep(10)
            return report()

        async def later() -> None:
            await clock.sleep(150)
            stop.set()

        stopping = asyncio.ensure_future(later())
        await run_rounds(one_round, told.append, pace(clock, stop))
        await stopping

    asyncio.run(scenario())
    assert begun == [0, 70, 140]
    assert [each.seconds for each in told] == [10, 10, 10]
    assert clock.elapsed == 150


def test_intervals_are_spread() -> None:
    """By a tenth at most, and both ways, so that many loops do not come together."""
    chance = Random(7)
    drawn = [spread(300, chance) for _ in range(1000)]
    assert 270 <= min(drawn) < 280
    assert 320 < max(drawn) <= 330
    assert 295 < sum(drawn) / 1000 < 305


def test_woken() -> None:
    """A wake begins a round now, or right after the one that runs; it is used up by that."""
    clock = FakeClock()
    begun: list[float] = []

    async def scenario() -> None:
        stop, wake = asyncio.Event(), asyncio.Event()

        async def one_round(retries: Retries) -> Report:
            begun.append(clock.elapsed)
            await clock.sleep(10)
            if len(begun) == 4:
                stop.set()
            return report()

        async def wakes() -> None:
            for pause in (5, 10):
                await clock.sleep(pause)
                wake.set()

        waking = asyncio.ensure_future(wakes())
        await run_rounds(one_round, lambda _: None, pace(clock, stop, wake))
        await waking

    asyncio.run(scenario())
    assert begun == [0, 10, 20, 90]


def test_stopped_before_the_first_round() -> None:
    """Then there is none."""
    clock = FakeClock()

    async def scenario() -> None:
        stop = asyncio.Event()
        stop.set()

        async def one_round(retries: Retries) -> Report:
            raise AssertionError

        await run_rounds(one_round, lambda _: None, pace(clock, stop))

    asyncio.run(scenario())
    assert clock.elapsed == 0


def test_rounds_learn() -> None:
    """What failed in one round is held back in the next ones, ever longer, and free again when it succeeded."""
    clock = FakeClock()
    held: list[frozenset[str]] = []
    script = [outcome(Result.FAILED), {}, outcome(Result.FAILED), {}, {}, {}, outcome(Result.SUCCEEDED), {}]

    async def scenario() -> None:
        stop = asyncio.Event()

        async def one_round(retries: Retries) -> Report:
            held.append(retries.memory(()).retried)
            if len(held) == len(script):
                stop.set()
            return report(script[len(held) - 1])

        await run_rounds(one_round, lambda _: None, pace(clock, stop))

    asyncio.run(scenario())
    assert [bool(keys) for keys in held] == [False, True, False, True, True, True, False, False]


def test_a_round_that_cannot_be_done_or_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and the next one comes; what a round did is kept in mind even if its report could not be written."""
    clock = FakeClock()
    held: list[bool] = []
    told: list[Round] = []

    async def scenario() -> None:
        stop = asyncio.Event()

        async def one_round(retries: Retries) -> Report:
            held.append(bool(retries.memory(()).retried))
            if len(held) == 1:
                message = "the state file is locked"
                raise EmulatorError(message)
            if len(held) == 3:
                stop.set()
            return report(outcome_of_a_failure)

        def emit(one: Round) -> None:
            if len(held) == 2:
                message = "no space left on device"
                raise OutputError(message)
            told.append(one)

        await run_rounds(one_round, emit, pace(clock, stop))

    outcome_of_a_failure = outcome(Result.FAILED)
    logger = logging.getLogger("reconciler.loop")
    logger.addHandler(caplog.handler)
    asyncio.run(scenario())
    logger.removeHandler(caplog.handler)
    assert held == [False, False, True]
    assert len(told) == 1
    assert clock.elapsed == 120
    assert {record.levelname for record in caplog.records if record.name == "reconciler.loop"} == {"WARNING"}
    assert "the state file is locked" in caplog.text
    assert "no space left on device" in caplog.text


def test_what_did_not_stick_is_not_sent_again() -> None:
    """Until the manifest means something else; another spelling of the same is no change."""
    (first,) = outcome(Result.FAILED).values()
    desired = first.change.desired
    retries = Retries(FakeClock(), 60)
    retries.note({desired.key: replace(first, error=ErrorInfo("DidNotStick", "no"))})
    assert retries.memory([desired]).given_up == {desired.key}
    respelt = replace(desired, body={**desired.body, "location": str(desired.body["location"]).upper()})
    assert retries.memory([respelt]).given_up == {desired.key}
    changed = replace(desired, body={**desired.body, "tags": {"team": "other"}})
    assert retries.memory([changed]).given_up == frozenset()


def differing(change: Change, *paths: str, action: Action = Action.BLOCKED) -> Change:
    """Return what a plan says where the values at *paths* differ."""
    fields = tuple(FieldChange((path,), path, Finding.CHANGE, Op.REPLACE) for path in paths)
    return replace(change, action=action, fields=fields, sync=Sync.OUT_OF_SYNC if paths else Sync.IN_SYNC)


@pytest.mark.parametrize(
    ("paths", "action", "given_up"),
    [
        (("a", "b"), Action.BLOCKED, True),
        (("a",), Action.BLOCKED, True),
        (("a", "c"), Action.BLOCKED, False),
        ((), Action.NONE, False),
        ((), Action.CREATE, False),
        ((), Action.WAIT, True),
        ((), Action.UNKNOWN, True),
    ],
)
def test_what_did_not_stick_is_forgotten(paths: tuple[str, ...], action: Action, given_up: bool) -> None:  # noqa: FBT001
    """Once it was seen in sync or gone, or differs elsewhere, it is another matter."""
    (first,) = outcome(Result.FAILED).values()
    desired = first.change.desired
    retries = Retries(FakeClock(), 60)
    failed = replace(first, change=differing(first.change, "a", "b"), error=ErrorInfo("DidNotStick", "no"))
    retries.note({desired.key: failed}, [differing(first.change, "a", "b", "c", action=Action.UPDATE)])
    assert retries.memory([desired]).given_up == {desired.key}
    retries.note({}, [differing(first.change, *paths, action=action)])
    assert retries.memory([desired]).given_up == ({desired.key} if given_up else frozenset())


def test_what_did_not_stick_is_forgotten_with_its_manifest() -> None:
    """A manifest that was another one for a round is tried again when it is back."""
    (first,) = outcome(Result.FAILED).values()
    desired = first.change.desired
    retries = Retries(FakeClock(), 60)
    failed = replace(first, change=differing(first.change, "a"), error=ErrorInfo("DidNotStick", "no"))
    retries.note({desired.key: failed})
    other = replace(desired, body={**desired.body, "tags": {"team": "other"}})
    retries.note({}, [differing(replace(first.change, desired=other), "a")])
    assert retries.memory([desired]).given_up == frozenset()


def test_rounds_learn_from_plans() -> None:
    """A round whose plan says in sync makes the next one try again what once did not stick."""
    (first,) = outcome(Result.FAILED).values()
    key = first.change.desired.key
    failed = replace(first, change=differing(first.change, "a"), error=ErrorInfo("DidNotStick", "no"))
    in_sync = Plan((differing(first.change, action=Action.NONE),))
    script = [report({key: failed}), replace(report(), plan=in_sync), report()]
    given_up: list[bool] = []

    async def scenario() -> None:
        stop = asyncio.Event()

        async def one_round(retries: Retries) -> Report:
            given_up.append(key in retries.memory([first.change.desired]).given_up)
            if len(given_up) == len(script):
                stop.set()
            return script[len(given_up) - 1]

        await run_rounds(one_round, lambda _: None, pace(FakeClock(), stop))

    asyncio.run(scenario())
    assert given_up == [False, True, False]


@pytest.mark.parametrize(
    ("result", "reason", "held"),
    [
        (Result.FAILED, Reason.FIELDS_DIFFER, True),
        (Result.SKIPPED, Reason.LAST_OPERATION_FAILED, True),
        (Result.SKIPPED, Reason.FIELDS_DIFFER, False),
        (Result.SUCCEEDED, Reason.LAST_OPERATION_FAILED, False),
        (Result.UNCHANGED, Reason.FIELDS_DIFFER, False),
    ],
)
def test_what_is_held_back(result: Result, reason: Reason, held: bool) -> None:  # noqa: FBT001
    """Failures, and repeats of failed operations that did not succeed."""
    retries = Retries(FakeClock(), 60)
    retries.note(outcome(result, reason))
    assert retries.memory(()).retried == ({"id"} if held else set())


@pytest.mark.parametrize(
    ("error", "held"),
    [
        (ErrorInfo("RequestDisallowedByPolicy", "no", status=403), True),
        (ErrorInfo("BadRequest", "no", status=400), True),
        (ErrorInfo(ErrorCode.PROVISIONING_FAILED, "no"), True),
        (ErrorInfo("InternalServerError", "no", status=500), False),
        (ErrorInfo("TooManyRequests", "no", status=429), False),
        (ErrorInfo(ErrorCode.UNREACHABLE, "no"), False),
        (ErrorInfo(ErrorCode.AUTH_FAILED, "no", status=401), False),
    ],
)
def test_a_rejected_put_is_repeated_ever_more_rarely(error: ErrorInfo, held: bool) -> None:  # noqa: FBT001
    """Unless its manifest is edited, or the failure says nothing about the resource."""
    clock = FakeClock()
    retries = Retries(clock, 60)
    (failed,) = outcome(Result.FAILED).values()
    item = failed.change.desired
    retries.note({item.key: replace(failed, error=error)})
    assert retries.memory([item]).rejected == ({item.key} if held else set())
    edited = replace(item, body={**item.body, "location": "elsewhere"})
    assert not retries.memory([edited]).rejected
    clock.elapsed = 120
    assert not retries.memory([item]).rejected
    retries.note({item.key: replace(failed, error=error)})
    clock.elapsed = 300
    assert retries.memory([item]).rejected == ({item.key} if held else set())
    retries.note({item.key: replace(failed, result=Result.SUCCEEDED, error=None)})
    assert not retries.memory([item]).rejected


def test_delays_double_up_to_an_hour() -> None:
    """However often it fails: a thousand failures are an hour, not an overflow."""
    clock = FakeClock()
    retries = Retries(clock, 60.0)
    failed = outcome(Result.FAILED)
    delays = []
    for _ in range(2000):
        retries.note(failed)
        delays.append(retries._not_before["id"] - clock.monotonic())
    assert delays[:6] == [120, 240, 480, 960, 1920, 3600]
    assert set(delays[5:]) == {3600}
    clock.elapsed = 3599
    assert retries.memory(()).retried
    clock.elapsed = 3600
    assert not retries.memory(()).retried


def rounds(folder: Path, connection: Connection, count: int, *, report_only: bool, changes: list[str]) -> list[Report]:
    """Do rounds over a manifest that changes between them, and none that waits for a wall clock."""
    clock = FakeClock()
    environment = Environment({"RECONCILER_EMULATOR_STATE": str(folder / "state.sqlite")})
    manifest = folder / "manifests" / "tools.yaml"
    manifest.parent.mkdir()
    manifest.write_text(changes[0], encoding="utf-8")
    options = Options(paths=(str(manifest.parent),))
    service = Service(60, report_only=report_only, chance=Middling())
    one_run = Run("run", options, connection, environment, clock, poll_interval_s=1, timeout_s=60)
    told: list[Report] = []

    async def scenario() -> None:
        stop = asyncio.Event()

        def emit(ended: Round) -> None:
            told.append(ended.report)
            if len(told) == count:
                stop.set()
            else:
                manifest.write_text(changes[len(told)], encoding="utf-8")

        await loop.rounds(one_run, service, emit, stop)

    asyncio.run(scenario())
    return told


def test_failing_manifests(tmp_path: Path) -> None:
    """A commit that breaks the manifests is reported, and the one that repairs them is applied."""
    connection = Connection("emulator", "http://localhost")
    told = rounds(tmp_path, connection, 3, report_only=False, changes=["kind: [", GOOD, GOOD])
    assert [len(one.errors) > 0 for one in told] == [True, False, False]
    assert [[each.result for each in one.outcomes.values()] for one in told] == [[], [Result.SUCCEEDED], []]
    assert [one.puts for one in told] == [0, 1, 0]


@pytest.mark.parametrize("report_only", [True, False])
def test_unreachable(tmp_path: Path, report_only: bool) -> None:  # noqa: FBT001
    """Azure out of reach is a report of unknown resources, round after round."""
    connection = Connection(endpoint="http://127.0.0.1:9")
    told = rounds(tmp_path, connection, 2, report_only=report_only, changes=[GOOD, GOOD])
    for one in told:
        assert [change.action for change in one.plan.changes] == [Action.UNKNOWN]
        assert one.plan.changes[0].error is not None
        assert one.plan.changes[0].error.code == "Unreachable"
        assert one.requests == {"GET": 5}


class Throttled(Faulty):
    """The embedded ARM of each round, which throttles."""

    @property
    def state(self) -> Any:
        """What is behind it."""
        return self.app.state


@pytest.mark.parametrize("report_only", [True, False])
def test_a_round_waits_as_the_one_before_was_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    report_only: bool,  # noqa: FBT001
) -> None:
    """Each has a client of its own, and ARM asks all of them."""
    service = Throttled(None, FakeClock())
    service.plan("GET", "/galleries/tools", refuses(429, "TooManyRequests", retry_after="300"), times=5)
    embedded = connect._embedded

    def throttled(environment: Environment, clock: FakeClock) -> Throttled:
        service.app, service.clock = embedded(environment, clock), clock
        return service

    monkeypatch.setattr(connect, "_embedded", throttled)
    told = rounds(tmp_path, Connection("emulator", "http://localhost"), 2, report_only=report_only, changes=[GOOD] * 2)
    assert [one.plan.changes[0].action for one in told] == [Action.UNKNOWN, Action.CREATE]
    assert service.times("GET", "/galleries/tools")[:6] == [0, 300, 600, 900, 1200, 1500]


def rejected() -> Problem:
    """Return the problem of a commit that is not taken."""
    return Problem("main", None, None, "", "source-rejected", "unsigned", "sign it")


def broken() -> Problem:
    """Return a mistake in a manifest."""
    return Problem("a.yaml", 1, 1, "", "syntax", "no YAML", None)


def read_as(action: Action) -> Plan:
    """Return the plan of one resource."""
    (first,) = outcome(None).values()
    return Plan((replace(first.change, action=action),))


@pytest.mark.parametrize(
    ("made", "ended"),
    [
        (report(), RoundOutcome.OK),
        (replace(report(), plan=read_as(Action.UPDATE)), RoundOutcome.OK),
        (replace(report(), plan=read_as(Action.BLOCKED)), RoundOutcome.OK),
        (replace(report(), plan=read_as(Action.UNKNOWN)), RoundOutcome.FAILED),
        (report(outcome(Result.FAILED)), RoundOutcome.FAILED),
        (report(outcome(Result.SUCCEEDED)), RoundOutcome.OK),
        (report({"id": replace(outcome(None)["id"], change=read_as(Action.UNKNOWN).changes[0])}), RoundOutcome.FAILED),
        (replace(report(), errors=(broken(),)), RoundOutcome.FAILED),
        (replace(report(), errors=(rejected(),)), RoundOutcome.REJECTED),
        (replace(report(), warnings=(rejected(),)), RoundOutcome.REJECTED),
        (replace(report(), warnings=(broken(),)), RoundOutcome.OK),
        (replace(report(), warnings=(rejected(),), held=Held("lock")), RoundOutcome.REJECTED),
        (replace(report(outcome(Result.FAILED)), warnings=(rejected(),)), RoundOutcome.FAILED),
        (replace(report(), held=Held("window")), RoundOutcome.HELD),
    ],
)
def test_how_a_round_ended(made: Report, ended: RoundOutcome) -> None:
    """By its report alone: a failure counts more than a commit that is not taken, and that more than a hold."""
    assert round_of(made, 1.0).outcome is ended
