"""A region whose replication failed is dropped and added again: ``apply --repair``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.apply.test_rollouts import on_line
from tests.kit.cli import changed
from tests.kit.rollouts import TWELVE, Line, change_of, documents, row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REPAIR = ("GalleryApplicationVersion/agent-1.1.0",)
THREE = TWELVE[:3]


def guarded(*, allowed: bool = True) -> list[dict[str, Any]]:
    """Return the manifests of a version in three regions, with the safety flag."""
    made = documents(THREE)
    flag = "properties.safetyProfile.allowDeletionOfReplicatedLocations"
    return [*made[:-1], changed(made[-1], flag, allowed)]


def on(scenario: Callable[[Line], Awaitable[None]], *, allowed: bool = True, **choices: Any) -> None:
    """Run *scenario* with a version that is live in three regions and in no rollout."""

    async def live(line: Line) -> None:
        await line.apply()
        line.puts.clear()
        await scenario(line)

    on_line(live, documents=guarded(allowed=allowed), **{"entry": {}, "heals": True, **choices})


@pytest.mark.parametrize("failed", [{"North Europe"}, {"North Europe", "East US 2"}])
def test_failed_regions_are_dropped_and_added_again(failed: set[str]) -> None:
    """Two PUTs, each read back: one without the failed regions, one with them; the others stay throughout."""

    async def scenario(line: Line) -> None:
        line.failing = set(failed)
        report = await line.apply(repair=REPAIR)
        assert row(report) == ("update", "fields-differ", "0")
        assert [set(put.regions) for put in line.puts] == [set(THREE) - failed, set(THREE)]
        assert await line.regions() == {"westeurope": False, "northeurope": False, "eastus2": False}
        assert row(await line.apply(repair=REPAIR)) == ("none", "in-sync", "0")
        assert len(line.puts) == 2

    on(scenario)


@pytest.mark.parametrize(
    ("failed", "allowed"),
    [({"North Europe"}, False), ({"West Europe"}, True), ({"West Europe", "North Europe"}, True), (set(THREE), True)],
)
def test_a_repair_that_is_not_safe_is_blocked(failed: set[str], *, allowed: bool) -> None:
    """Without the flag, for the location's region, or for the last healthy one: blocked, with a fix, and no PUT."""

    async def scenario(line: Line) -> None:
        line.failing = set(failed)
        report = await line.apply(repair=REPAIR)
        assert row(report) == ("blocked", "removal-refused", "1")
        assert change_of(report).fix is not None
        assert not line.puts

    on(scenario, allowed=allowed)


def test_the_last_healthy_region_is_not_left_alone() -> None:
    """Where no copy is complete, dropping the failed ones would leave none."""

    async def scenario(line: Line) -> None:
        line.failing, line.slow = {"North Europe"}, {"West Europe", "East US 2"}
        assert row(await line.apply(repair=REPAIR)) == ("blocked", "removal-refused", "1")
        assert not line.puts

    on(scenario)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_a_repair_may_die_at_any_request(how: str) -> None:
    """The next run completes it: all regions are live, and no region was dropped that was healthy."""

    async def length(line: Line) -> None:
        line.failing = {"North Europe"}
        start = line.requests
        await line.apply(repair=REPAIR)
        lengths.extend((start, line.requests))

    async def scenario(line: Line, kill: int) -> None:
        line.failing = {"North Europe"}
        line.kill, line.how = kill, how
        await line.attempt(repair=REPAIR)
        line.wait(minutes=10)
        await line.apply(repair=REPAIR)
        assert not line.failing
        assert await line.regions() == {"westeurope": False, "northeurope": False, "eastus2": False}
        assert all({"West Europe", "East US 2"} <= set(put.regions) for put in line.puts)
        assert len(line.puts) == 2

    lengths: list[int] = []
    on(length)
    for kill in range(lengths[0] + 1, lengths[1] + 1):
        on(partial(scenario, kill=kill))


def test_a_version_in_a_rollout_is_repaired_at_its_step() -> None:
    """The regions stay excluded, the tag stays as it is, and the rollout goes on once the copy is there."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        await line.apply()
        tag = await line.tag()
        line.failing = {"North Europe"}
        assert row(await line.apply())[1] == "rollout-failed"
        line.puts.clear()
        assert row(await line.apply(repair=REPAIR))[0] == "update"
        assert [set(put.regions) for put in line.puts] == [{"West Europe", "East US 2"}, set(THREE)]
        assert set((await line.regions()).values()) == {True}
        assert await line.tag() == tag
        assert row(await line.apply())[1] == "rollout-waiting"

    on_line(scenario, documents=guarded(), heals=True)
