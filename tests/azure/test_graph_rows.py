"""Rows of Resource Graph that are minutes old: they may hide a difference for that time, and never lead to a PUT."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler import pipeline
from reconciler.azure.polling import Patience
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import read_estate
from reconciler.model.change import Action
from reconciler.pipeline import Task
from reconciler.runtime.progress import Silent
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import application, changed, definition, gallery, id_of, version
from tests.kit.strategies import as_yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from reconciler.pipeline import Reading

STALE_S = 60
ESTATE = [gallery(), application(), version(), version("1.1.0"), definition()]


def task(bench: Bench, documents: Sequence[dict[str, Any]], reader: str = "graph") -> Task:
    """Return the task of a run with a reader."""
    options = replace(bench.options, reader=reader)
    return Task(options, read_estate(options, packaged(), bench.clock.now(), lambda _: as_yaml(documents)), packaged())


@asynccontextmanager
async def unseen(_: int) -> AsyncIterator[Silent]:
    """Show no progress."""
    yield Silent()


async def applied(bench: Bench, documents: Sequence[dict[str, Any]], reader: str = "graph") -> Reading:
    """Apply with a reader."""
    patience = Patience(bench.clock, 1.0, 60.0, asyncio.Event())
    return await pipeline.apply(task(bench, documents, reader), bench.arm, patience, unseen)


def actions(reading: Reading) -> Counter[Action]:
    """Return how many resources have each action."""
    return Counter(change.action for change in reading.plan.changes)


def edit(bench: Bench, made: dict[str, Any], team: str) -> None:
    """Let another client change a tag."""
    bench.world.edit(id_of(made), lambda body: {**body, "tags": {**(body.get("tags") or {}), "team": team}})


TAGGED = [changed(each, "tags", {"team": "a"}) for each in ESTATE]


def test_a_row_that_is_behind_is_read_again() -> None:
    """After an apply, rows show what was before it; ARM is asked, and nothing is written twice."""

    async def scenario(bench: Bench) -> None:
        await applied(bench, ESTATE, "list")
        await bench.clock.sleep(STALE_S + 1)
        assert actions(await pipeline.read(task(bench, ESTATE), bench.arm)) == {Action.NONE: 5}
        assert (await applied(bench, TAGGED)).puts == 5
        for _ in range(2):
            again = await applied(bench, TAGGED)
            assert (again.puts, actions(again)) == (0, {Action.NONE: 5})
            await bench.clock.sleep(STALE_S + 1)

    on_bench(scenario, staleness_seconds=STALE_S)


def test_a_change_is_seen_when_resource_graph_knows_it() -> None:
    """Until then a row shows the resource in sync."""

    async def scenario(bench: Bench) -> None:
        await applied(bench, TAGGED, "list")
        await bench.clock.sleep(STALE_S + 1)
        edit(bench, version(), "by hand")
        assert actions(await pipeline.read(task(bench, TAGGED), bench.arm)) == {Action.NONE: 5}
        await bench.clock.sleep(STALE_S + 1)
        seen = await pipeline.read(task(bench, TAGGED), bench.arm)
        assert actions(seen) == {Action.NONE: 4, Action.UPDATE: 1}
        assert (await applied(bench, TAGGED)).puts == 1

    on_bench(scenario, staleness_seconds=STALE_S)


def test_a_difference_that_is_gone_is_no_put() -> None:
    """The row differs, and ARM does not any more: a PUT on its word would be one too many."""

    async def scenario(bench: Bench) -> None:
        await applied(bench, TAGGED, "list")
        edit(bench, version(), "by hand")
        await bench.clock.sleep(STALE_S + 1)
        edit(bench, version(), "a")
        reading = await applied(bench, TAGGED)
        assert (reading.puts, actions(reading)) == (0, {Action.NONE: 5})

    on_bench(scenario, staleness_seconds=STALE_S)


@pytest.mark.parametrize("gone", [version(), application(), gallery()])
def test_a_resource_that_is_gone_keeps_its_row_for_a_while(gone: dict[str, Any]) -> None:
    """Then the row is missing, ARM says that the resource is absent, and what lies below it is read from ARM too."""

    async def scenario(bench: Bench) -> None:
        await applied(bench, TAGGED, "list")
        await bench.clock.sleep(STALE_S + 1)
        below = [each for each in bench.world.ids() if each.startswith(id_of(gone).lower())]
        for each in below:
            bench.world.remove(each)
        assert actions(await pipeline.read(task(bench, TAGGED), bench.arm)) == {Action.NONE: 5}
        await bench.clock.sleep(STALE_S + 1)
        reading = await applied(bench, TAGGED)
        assert reading.puts == len(below)
        assert actions(reading)[Action.CREATE] == len(below)

    on_bench(scenario, staleness_seconds=STALE_S)


@pytest.mark.slow
def test_ten_thousand_rows_take_ten_queries_and_keep_the_quota() -> None:
    """A tenth of it here; a page has 1,000 rows, and limits are those of Azure."""

    async def scenario(bench: Bench) -> None:
        names = [f"a{number}" for number in range(130)]
        versions = [version(f"1.0.{patch}", of=name) for name in names for patch in range(8)]
        documents = [gallery(), *map(application, names), *versions]
        bench.world.seed(
            (id_of(each), {key: each["spec"][key] for key in ("location", "properties")}) for each in documents
        )
        await bench.clock.sleep(STALE_S + 1)
        reading = await pipeline.read(task(bench, documents), bench.arm)
        assert actions(reading) == {Action.NONE: len(documents)}
        assert dict(bench.arm.transport.requests) == {"POST": 2}

    on_bench(scenario, staleness_seconds=STALE_S, throttle=True)
