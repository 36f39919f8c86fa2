"""Two at work on the same resources: runs of one commit or of two, projects, and people in the portal."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.tracking import Tracking
from reconciler.plan.decide import Policy
from tests.kit.loops import run
from tests.kit.service import (
    APPLICATION,
    DEFINITION,
    GALLERY,
    VERSION,
    Bench,
    application,
    bench,
    definition,
    gallery,
    restated,
    version,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from reconciler.model.change import Plan
    from reconciler.problems import Manifest
    from tests.kit.service import Forward

IDS = (GALLERY, APPLICATION, VERSION, DEFINITION)
OFFSETS = [0.0, 0.1, 0.3, 0.5, 0.7, 1.1, 20.0, 59.9, 60.3, 61.0, 90.0, 125.0]
"""Seconds by which one run begins after the other: requests take up to 0.4 s, operations a minute."""

ALLOWED = {"succeeded", "failed DidNotStick", "skipped DependencyFailed"}


def commit(word: str) -> tuple[Manifest, ...]:
    """Return every kind, as one commit has it."""
    return (
        gallery(description=word),
        application(description=word),
        version(endOfLifeDate=f"20{30 + len(word)}-06-01T00:00:00Z"),
        definition(description=word),
    )


@dataclass(slots=True)
class Writer:
    """
    One run, with a client of its own.

    Attributes:
        taken: How many of its PUTs Azure took, by name.
    """

    bench: Bench
    taken: Counter[str]

    async def run(self, after_s: float = 0.0, plan: Plan | None = None) -> dict[str, str]:
        """Plan and apply; give the results by name."""
        await self.bench.clock.sleep(after_s)
        return await self.bench.results(plan)


@asynccontextmanager
async def writer(test: Bench, *manifests: Manifest, project: str | None = None) -> AsyncIterator[Writer]:
    """Yield a run of *manifests*."""
    taken: Counter[str] = Counter()

    async def note(response: httpx.Response) -> None:
        request = response.request
        taken[request.url.path.rpartition("/")[2]] += request.method == "PUT" and response.is_success

    transport = Transport.open("http://localhost", ARM, NoToken(), test.clock, environ={}, app=test.service)
    transport.http.event_hooks = {"response": [note]}
    arm = ArmWriter(transport, Retrier(test.clock, chance=Random(1)))
    policy = Policy(tracking=Tracking(project=project))
    yield Writer(replace(restated(test, *manifests), arm=arm, policy=policy), taken)
    await transport.close()


def live(test: Bench) -> list[Any]:
    """Return what tells whose values are live, kind by kind."""
    found = []
    for resource_id in IDS:
        stored = test.world.stored(resource_id)
        assert stored is not None
        properties = stored["properties"]
        assert properties.get("provisioningState", "Succeeded") == "Succeeded"
        found.append(properties.get("description") or properties["publishingProfile"]["endOfLifeDate"][:4])
    return found


async def dawdle(test: Bench, seed: int) -> None:
    """Let requests take a time of their own each, so that two runs meet in many ways."""
    chance = Random(seed)
    app = test.service.app

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await test.clock.sleep(chance.uniform(0.05, 0.4))
        await app(scope, receive, send)

    test.service.app = slowly


@pytest.mark.parametrize("offset", OFFSETS)
def test_two_runs_of_one_commit(offset: float) -> None:
    """Both end well; what one has written the other finds, and nothing is written a third time."""

    async def scenario() -> None:
        async with bench(*commit("one")) as test, writer(test, *commit("one")) as a, writer(test, *commit("one")) as b:
            await dawdle(test, 1)
            results = await asyncio.gather(a.run(), b.run(offset))
            assert {word for result in results for word in result.values()} <= {"succeeded", "unchanged"}
            assert max(a.taken.values()) <= 1
            assert max(b.taken.values()) <= 1
            assert set((await a.bench.actions()).values()) == {"none"}

    run(scenario())


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("offset", OFFSETS)
def test_two_runs_of_two_commits(offset: float, seed: int) -> None:
    """Each writes a resource once, and fights for none: whose value is gone says so, and the next run settles it."""

    async def scenario() -> None:
        async with bench() as test, writer(test, *commit("one")) as a, writer(test, *commit("three")) as b:
            await dawdle(test, seed)
            results = await asyncio.gather(a.run(), b.run(offset))
            assert {word for result in results for word in result.values()} <= ALLOWED
            assert max(*a.taken.values(), *b.taken.values()) <= 1
            assert set(live(test)) <= {"one", "2033", "three", "2035"}
            before = b.taken.copy()
            await b.run()
            assert live(test) == ["three", "three", "2035", "three"]
            assert max((b.taken - before).values(), default=0) <= 1
            assert set((await b.bench.actions()).values()) == {"none"}

    run(scenario())


def test_an_older_commit_after_a_newer_one() -> None:
    """It writes what differs once, as its plan says, and is done; so does the newer one when it runs again."""

    async def scenario() -> None:
        async with bench() as test, writer(test, *commit("three")) as newer, writer(test, *commit("one")) as older:
            await newer.run()
            for one, values in ((older, ["one", "one", "2033", "one"]), (newer, ["three", "three", "2035", "three"])):
                before = one.taken.copy()
                assert set((await one.bench.actions()).values()) == {"update"}
                assert set((await one.run()).values()) == {"succeeded"}
                assert set((one.taken - before).values()) == {1}
                assert live(test) == values
                assert set((await one.bench.actions()).values()) == {"none"}

    run(scenario())


def test_an_older_plan_after_a_newer_apply() -> None:
    """A plan older than another client's write is decided again from the live bodies; no value of theirs is lost."""

    async def scenario() -> None:
        async with bench() as test, writer(test, *commit("one")) as a, writer(test, *commit("three")) as b:
            await a.run()
            plan = await b.bench.plan()
            test.world.edit(GALLERY, lambda body: {**body, "tags": {"cost": "their center"}})
            test.world.edit(DEFINITION, lambda body: {**body, "tags": {**body["tags"], "cost": "their center"}})
            await b.run(plan=plan)
            for resource_id in (GALLERY, DEFINITION):
                stored = test.world.stored(resource_id)
                assert stored is not None
                assert stored["tags"]["cost"] == "their center"
            assert live(test) == ["three", "three", "2035", "three"]

    run(scenario())


@pytest.mark.parametrize("theirs", ["one", "theirs"])
def test_somebody_writes_between_the_read_and_the_put(theirs: str) -> None:
    """No read could have shown it: the manifest's value wins with the one PUT, or they come last and it is told."""

    async def scenario() -> None:
        async with bench(gallery(), definition(description="one")) as test:
            await test.results()
            test.world.edit(DEFINITION, lambda body: {**body, "properties": {**body["properties"], "description": "x"}})

            async def before(send: Any, forward: Forward) -> None:
                body = {"description": theirs, "displayName": "Suite"}
                test.world.edit(DEFINITION, lambda live: {**live, "properties": {**live["properties"], **body}})
                await forward()

            test.service.plan("PUT", "/suite", before)
            test.service.seen.clear()
            assert await test.results() == {"suite": "succeeded"}
            assert test.service.sent("PUT") == ["suite"]
            assert set((await test.actions()).values()) == {"none"}

    run(scenario())


def test_somebodys_operation_begins_between_the_read_and_the_put() -> None:
    """Azure refuses the PUT; it is built anew from what they have left, and takes nothing of it away."""

    async def scenario() -> None:
        async with bench(gallery(description="one")) as test, writer(test, gallery(description="three")) as person:
            await test.results()
            mine = replace(restated(test, gallery(description="two")))

            async def before(send: Any, forward: Forward) -> None:
                body = {"location": "West US", "tags": {"cost": "their center"}, "properties": {"description": "three"}}
                await person.bench.arm.put(GALLERY, "2022-03-03", body)
                await forward()

            test.service.plan("PUT", "/tools", before)
            assert await mine.results() == {"tools": "succeeded"}
            stored = test.world.stored(GALLERY)
            assert stored is not None
            assert (stored["properties"]["description"], stored["tags"]["cost"]) == ("two", "their center")
            assert person.taken["tools"] == 1

    run(scenario())


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("offset", OFFSETS)
def test_two_projects(offset: float, seed: int) -> None:
    """The later project finds the other's tag, at the plan or before the PUT, and never writes that resource."""

    async def scenario() -> None:
        async with (
            bench() as test,
            writer(test, *commit("one"), project="a") as a,
            writer(test, *commit("three"), project="b") as b,
        ):
            await dawdle(test, seed)
            await asyncio.gather(a.run(), b.run(offset))
            owners = [(test.world.stored(resource_id) or {})["tags"]["reconciler-project"] for resource_id in IDS]
            values = [{"one": "a", "2033": "a", "three": "b", "2035": "b"}[value] for value in live(test)]
            assert owners == values
            taken = (a.taken.copy(), b.taken.copy())
            assert max(*taken[0].values(), *taken[1].values()) <= 1
            assert max((taken[0] + taken[1]).values()) <= (1 if offset > 1 else 2)  # both read before either wrote
            await asyncio.gather(a.run(), b.run())
            assert (a.taken, b.taken) == taken

    run(scenario())
