"""A rollout against the embedded ARM in virtual time: killed at any request, stopped, resumed, and edited midway."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.manifests.rollouts import parse_rollout
from reconciler.manifests.windows import Window
from reconciler.model.change import Action
from reconciler.model.rollout import Awaited
from reconciler.plan.rollout import parse_mark
from tests.kit.loops import run
from tests.kit.rollouts import ENTRY, TWELVE, Line, change_of, documents, row, state_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from reconciler.model.outcome import Report

STEPS = {1: {"West Europe"}, 2: {"West Europe", "North Europe", "East US 2"}, 3: set(TWELVE), 4: set(TWELVE)}
MOST_RUNS = 40


def on_line(scenario: Callable[[Line], Awaitable[None]], **choices: Any) -> None:
    """Run *scenario* on a fresh ARM."""

    async def on_it() -> None:
        line = Line(choices.pop("documents", documents()), **choices)
        try:
            await scenario(line)
        finally:
            line.close()

    run(on_it())


async def by_cron(line: Line) -> Report:
    """Run process after process until nothing is left to do: soon after a death, else when a wait is over."""
    for _ in range(MOST_RUNS):
        report = await line.attempt()
        if report is None:
            line.wait(minutes=10)
            continue
        change = change_of(report)
        if change.action is Action.NONE:
            return report
        state = change.rollout
        until = state.until if state is not None else None
        line.clock.seconds = max(line.clock.seconds + 600, until.timestamp() if until is not None else 0)
    message = f"not done after {MOST_RUNS} runs"
    raise AssertionError(message)


def marks(line: Line) -> Iterator[Any]:
    """Yield the marks of the PUTs that ARM accepted."""
    for put in line.puts:
        if put.status < 300:
            yield parse_mark(put.mark or "")


async def check(line: Line) -> None:
    """Check everything that holds of a rollout, however it came to its end."""
    accepted = [put for put in line.puts if put.status < 300]
    assert [put.step for put in accepted] == [1, 2, 3, 4]
    for put in accepted:
        assert set(put.regions) == STEPS[put.step]
        assert set(put.regions.values()) == {put.step < 4}
    for one, other in pairwise(marks(line)):
        assert other.at - one.at >= parse_rollout(line.entry).steps[one.step - 1].soak
    assert set((await line.regions()).values()) == {False}
    assert len(await line.regions()) == len(TWELVE)
    report = await line.plan()
    assert row(report) == ("none", "in-sync", "0")
    assert change_of(report).rollout is None


def test_a_version_is_rolled_out_step_by_step() -> None:
    """One PUT a step, each after its soak; the last one includes all regions in latest."""

    async def scenario(line: Line) -> None:
        await by_cron(line)
        await check(line)
        assert len(line.puts) == 4

    on_line(scenario)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_a_process_may_die_at_any_request(how: str) -> None:
    """Killed before or after ARM acts, or without an answer: the same end, each step once, no needless PUT."""

    async def length(line: Line) -> None:
        await by_cron(line)
        lengths.append(line.requests)

    async def scenario(line: Line) -> None:
        await by_cron(line)
        await check(line)
        assert len(line.puts) == 4

    lengths: list[int] = []
    on_line(length)
    for kill in range(1, lengths[0] + 1):
        on_line(scenario, kill=kill, how=how)


def test_nothing_is_written_between_two_steps() -> None:
    """A version that waits is no drift and no PUT in each command; its state is in the report."""

    async def scenario(line: Line) -> None:
        await line.apply()
        for command in ("apply", "plan", "drift"):
            report = await line.apply(command=command)
            assert row(report) == ("wait", "rollout-waiting", "0")
            assert report.puts == 0
            state = state_of(report)
            assert (state.step, state.of, state.waits_for, state.regions) == (1, 4, "soak", ("West Europe",))
            assert state.until is not None
            assert [each.number for each in state.to_come] == [2, 3, 4]
            assert change_of(report).health.value == "Progressing"
            assert change_of(report).sync.value == "Unknown"
        assert len(line.puts) == 1

    on_line(scenario)


def test_a_step_that_is_due_is_no_drift() -> None:
    """A due step is in the plan's PUTs, and not in its drift."""

    async def scenario(line: Line) -> None:
        first = await line.plan()
        assert (first.puts, row(first)) == (3, ("create", "not-found", "0"))
        await line.apply()
        line.wait(hours=3)
        due = await line.apply(command="drift")
        assert (due.puts, row(due)) == (1, ("update", "fields-differ", "0"))
        assert not change_of(due).sync.is_drift

    on_line(scenario)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_failed_replication_stops_a_rollout(step: int) -> None:
    """Stopped at any step: blocked, latest stays, nothing is sent; it goes on with --resume once the copy is there."""

    async def scenario(line: Line) -> None:
        while len(line.puts) < step:
            await line.apply()
            line.wait(days=1)
        line.failing = {"West Europe"}
        for command, code in (("plan", "1"), ("drift", "2"), ("apply", "1")):
            report = await line.apply(command=command)
            assert row(report) == ("blocked", "rollout-failed", code)
            assert change_of(report).fix is not None
        assert len(line.puts) == step
        assert set((await line.regions()).values()) == {True}
        line.failing = set()
        before = await line.tag()
        resumed = await line.apply(resume=(change_of(report).desired.address,))
        assert row(resumed)[0] == "update"
        assert [put.step for put in line.puts][step - 1 :] == [step, step]
        assert await line.tag() != before
        waiting = await line.plan()
        assert state_of(waiting).waits_for == "soak"
        await by_cron(line)
        assert set((await line.regions()).values()) == {False}

    on_line(scenario)


def test_a_step_waits_for_its_copies() -> None:
    """A region that is still being copied holds the next step back, however long it takes."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.slow = {"West Europe"}
        line.wait(days=3)
        report = await line.apply()
        assert state_of(report).waits_for == "replication"
        assert len(line.puts) == 1
        line.slow = set()
        await line.apply()
        assert len(line.puts) == 2

    on_line(scenario)


@pytest.mark.parametrize("ahead", [timedelta(hours=30), timedelta(hours=-30)], ids=["ahead", "behind"])
def test_a_clock_that_is_set_ends_no_soak_early(ahead: timedelta) -> None:
    """Azure's own clock says when a step is over, and what the tag holds, on a machine whose clock is set."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.ahead = ahead
        line.wait(hours=1)
        report = await line.apply()
        assert (row(report), len(line.puts)) == (("wait", "rollout-waiting", "0"), 1)
        line.wait(hours=1)
        assert row(await line.apply())[0] == "update"
        line.ahead = timedelta()
        line.wait(hours=23)
        assert row(await line.apply())[0] == "wait"
        line.wait(hours=1)
        assert row(await line.apply())[0] == "update"

    on_line(scenario, ahead=timedelta())


@pytest.mark.parametrize(
    ("day", "opens"),
    [(datetime(2026, 11, 22, tzinfo=UTC), 8), (datetime(2027, 3, 28, tzinfo=UTC), 7)],
    ids=["winter time", "the day on which summer time begins"],
)
def test_a_step_waits_for_its_window(day: datetime, opens: int) -> None:
    """It is over once its window opens, at the hour of the window's own time zone, and the report says when."""
    mornings = Window("mornings", allows=True, cron="0 9 * * *", duration=timedelta(hours=1), time_zone="Europe/Berlin")
    steps = [{**ENTRY["steps"][0], "window": "mornings"}, *ENTRY["steps"][1:]]

    async def scenario(line: Line) -> None:
        line.clock.seconds = day.timestamp()
        await line.apply()
        line.wait(hours=2, minutes=1)
        for hours in (0, opens - 3):
            line.wait(hours=hours)
            report = await line.apply()
            assert (row(report), len(line.puts)) == (("wait", "rollout-waiting", "0"), 1)
            assert state_of(report).waits_for is Awaited.WINDOW
            assert state_of(report).until == day + timedelta(hours=opens)
        line.clock.seconds = (day + timedelta(hours=opens)).timestamp()
        assert row(await line.apply())[0] == "update"
        await by_cron(line)
        await check(line)

    on_line(scenario, entry={**ENTRY, "steps": steps}, spec={"schedule": (mornings,)})


@pytest.mark.parametrize(
    "tag",
    [
        *("", "v1", "v1 2", "v2 1 2026-11-21T20:25:05Z", "v1 0 2026-11-21T20:25:05Z", "v1 5 2026-11-21T20:25:05Z"),
        *(
            "v1 1 2036-11-21T20:25:05Z",
            "v1 1 yesterday",
            "v1 1 2026-13-41T20:25:05Z",
            "v1 2 2026-11-21T20:25:05Z",
            None,
        ),
    ],
)
def test_a_tag_that_no_rollout_wrote_stops_it(tag: str | None) -> None:
    """A tag of another form, version or step, of the future, or none at all: blocked, told with a fix, no PUT."""

    async def scenario(line: Line) -> None:
        await line.apply()
        body = await line.live()
        tags = {name: value for name, value in body["tags"].items() if name != "reconciler-rollout"}
        await line.send("PUT", {**body, "tags": {**tags, **({"reconciler-rollout": tag} if tag is not None else {})}})
        line.puts.clear()
        line.wait(days=1)
        report = await line.apply()
        assert row(report) == ("blocked", "rollout-failed", "1")
        assert "--resume" in (change_of(report).fix or "")
        assert not line.puts
        await line.apply(resume=(change_of(report).desired.address,))
        assert len(line.puts) == 1
        assert line.puts[0].step in {1, 2}
        assert set(line.puts[0].regions.values()) == {True}
        await by_cron(line)
        assert set((await line.regions()).values()) == {False}

    on_line(scenario)


def test_a_region_that_another_client_removes_stops_it() -> None:
    """A region of the steps so far is gone: blocked; --resume adds it again, excluded, and no step is skipped."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        await line.apply()
        body = await line.live()
        profile = body["properties"]["publishingProfile"]
        profile["targetRegions"] = [each for each in profile["targetRegions"] if each["name"] != "North Europe"]
        body["properties"]["safetyProfile"] = {"allowDeletionOfReplicatedLocations": True}
        await line.send("PUT", body)
        report = await line.apply()
        assert row(report) == ("blocked", "rollout-failed", "1")
        await line.apply(resume=(change_of(report).desired.address,))
        assert set(await line.regions()) == {"westeurope", "northeurope", "eastus2"}
        assert set((await line.regions()).values()) == {True}

    on_line(scenario)


def test_a_region_that_another_client_adds_is_kept() -> None:
    """A region beyond the steps so far stays as it is, and the rollout goes on."""

    async def scenario(line: Line) -> None:
        await line.apply()
        body = await line.live()
        body["properties"]["publishingProfile"]["targetRegions"] += [
            {"name": "Korea Central", "regionalReplicaCount": 1},
            {"name": "Norway East", "regionalReplicaCount": 2},
        ]
        await line.send("PUT", body)
        line.wait(hours=3)
        await line.apply()
        expected = {
            "westeurope": True,
            "northeurope": True,
            "eastus2": True,
            "koreacentral": False,
            "norwayeast": False,
        }
        assert await line.regions() == expected
        for _ in range(6):
            line.wait(days=1)
            last = await line.apply()
        assert row(last) == ("blocked", "removal-refused", "1")  # an ordinary difference, once it has ended
        assert set((await line.regions()).values()) == {False}
        assert len(await line.regions()) == 13

    on_line(scenario)


def test_an_edit_in_the_middle_is_an_ordinary_update() -> None:
    """A changed description is written at once; tag, regions and exclusion stay as they are."""

    async def scenario(line: Line) -> None:
        await line.apply()
        tag, regions = await line.tag(), await line.regions()
        line.documents = documents(endOfLifeDate="2030-01-01T00:00:00Z")
        report = await line.apply()
        assert row(report) == ("update", "fields-differ", "0")
        assert (await line.tag(), await line.regions()) == (tag, regions)
        assert (await line.apply(command="drift")).puts == 0
        line.documents = documents(TWELVE[:3])  # fewer regions: nothing of the rest is left
        await by_cron(line)
        assert await line.regions() == {"westeurope": False, "northeurope": False, "eastus2": False}

    on_line(scenario)


def test_a_region_that_is_added_later_is_rolled_out_too() -> None:
    """A version that has arrived gets new regions by the same steps; those that it had stay in latest."""

    async def scenario(line: Line) -> None:
        await by_cron(line)
        line.documents = documents()
        line.puts.clear()
        await by_cron(line)
        assert [put.step for put in line.puts] == [3, 4]
        assert sum(line.puts[0].regions.values()) == 9
        assert line.puts[0].regions["West Europe"] is False
        assert set((await line.regions()).values()) == {False}

    on_line(scenario, documents=documents(TWELVE[:3]))


def test_a_version_without_a_tag_begins_where_it_stands() -> None:
    """A version from before the rollout was declared: equal to its manifest, nothing is sent."""

    async def scenario(line: Line) -> None:
        entry, line.entry = line.entry, {}
        await line.apply()
        line.entry = entry
        line.puts.clear()
        assert row(await line.plan()) == ("none", "in-sync", "0")
        line.documents = documents()
        await by_cron(line)
        assert [put.step for put in line.puts] == [2, 3, 4]

    on_line(scenario, documents=documents(TWELVE[:1]))


def test_a_version_that_its_manifest_excludes_stays_excluded() -> None:
    """The last step leaves the exclusion of the manifest as it is."""

    async def scenario(line: Line) -> None:
        for each in line.documents[-1]["spec"]["properties"]["publishingProfile"]["targetRegions"]:
            each["excludeFromLatest"] = True
        await by_cron(line)
        assert [put.step for put in line.puts] == [1, 2, 3]
        assert set((await line.regions()).values()) == {True}

    on_line(scenario)


def test_two_runs_at_once_do_each_step_once() -> None:
    """The second run meets the operation of the first, waits for it, and finds the step done."""

    async def scenario(line: Line) -> None:
        for _ in range(5):
            await asyncio.gather(line.apply(), line.apply())
            line.wait(days=1)
        accepted = [put.step for put in line.puts if put.status < 300]
        assert accepted == [1, 2, 3, 4]

    on_line(scenario)
