"""The effect of a plan on ``latest``, compared with an oracle that is built from the rule only."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.kinds.latest import LatestRule, Version
from reconciler.kinds.live import Replication
from reconciler.kinds.packaged import packaged
from reconciler.plan.latest import Candidate, foretell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RULE: Final[LatestRule] = packaged().kinds["GalleryApplicationVersion"].latest or pytest.fail("versions have a latest")
NUMBERS: Final = ("1.0.0", "1.9.0", "1.10.0", "1.03.0", "1.3.0", "01.10.0", "2.0.0", "10.0.0", "1.0", "latest", "9.0.0")
REGIONS: Final = ("West Europe", "North Europe", "East US 2")
SPELLINGS: Final = {
    "West Europe": ("West Europe", "westeurope", "WESTEUROPE"),
    "North Europe": ("North Europe", "northeurope"),
    "East US 2": ("East US 2", "eastus2"),
}
STATES: Final = ("Succeeded", "Updating", None, "Creating", "Failed", "Deleting", "Migrating")
THERE: Final = {"Succeeded", "Updating", None}
ROUNDS: Final = [1_000, pytest.param(30_000, marks=pytest.mark.slow)]


def body(chance: random.Random, state: str | None) -> dict[str, Any]:
    """Return the body of a version: some regions, some of them excluded."""
    listed = []
    for region in REGIONS:
        if chance.random() < 0.7:
            entry: dict[str, Any] = {"name": chance.choice(SPELLINGS[region])}
            if chance.random() < 0.5:
                entry["excludeFromLatest"] = chance.random() < 0.5
            listed.append(entry)
    properties: dict[str, Any] = {"publishingProfile": {"targetRegions": listed}}
    if chance.random() < 0.3:
        properties["publishingProfile"]["excludeFromLatest"] = chance.random() < 0.5
    if state is not None:
        properties["provisioningState"] = state
    return {"properties": properties}


def replication(chance: random.Random) -> Replication | None:
    """Return how far a version is copied; None where it was not read."""
    if chance.random() < 0.7:
        return None
    states = ("Completed", "Replicating", "Failed")
    return Replication("InProgress", tuple((name, chance.choice(states)) for name in REGIONS if chance.random() < 0.8))


def candidates(chance: random.Random) -> list[Candidate]:
    """Return the versions of one application, before and after a plan."""
    found = []
    for number in chance.sample(NUMBERS, chance.randrange(len(NUMBERS))):
        live = Version(RULE, "/a", number, body(chance, chance.choice(STATES)), replication(chance))
        written = Version(RULE, "/a", number, body(chance, "Succeeded"), is_written=True)
        before = live if chance.random() < 0.8 else None
        after = written if before is None or chance.random() < 0.5 else before
        found.append(Candidate(f"/a/versions/{number}", before, after))
    return found


def offers(version: Version | None, region: str) -> bool:
    """Return whether machines in a region may get a version: by the documents, read once more."""
    if version is None:
        return False
    profile = version.body["properties"]["publishingProfile"]
    entries = [each for each in profile["targetRegions"] if each["name"] in SPELLINGS[region]]
    if not entries or profile.get("excludeFromLatest") or any(each.get("excludeFromLatest") for each in entries):
        return False
    if version.is_written:
        return True
    if version.replication is not None:
        return (region, "Completed") in version.replication.regions
    return version.body["properties"].get("provisioningState") in THERE


def highest(versions: Iterable[Version | None], region: str) -> str | None:
    """Return the number of ``latest``: three integers, of two equal ones the shorter text."""
    numbers = [each.number for each in versions if each is not None and offers(each, region)]
    ranked = [([*map(int, number.split("."))], -len(number), number) for number in numbers if number.count(".") == 2]
    return max(ranked)[-1] if ranked else None


def after(versions: Sequence[Candidate], blocked: Iterable[str]) -> list[Version | None]:
    """Return the versions as they are once a plan is carried out."""
    return [each.before if each.key in blocked else each.after for each in versions]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_latest_is_what_the_oracle_says(rounds: int) -> None:
    """Over random sets of versions: every move, no other, and no region without one that had one."""
    chance = random.Random(20261201)
    seen = {"moves": 0, "lost": 0, "backwards": 0}
    for _ in range(rounds):
        versions = candidates(chance)
        told = foretell(versions)
        moves = {move.region: (move.before, move.after) for move in told.moves}
        before = [each.before for each in versions]
        carried_out = after(versions, told.lost)
        for region in REGIONS:
            old, new = highest(before, region), highest(carried_out, region)
            assert old is None or new is not None, (versions, region)
            if region in moves and moves[region][1] is None:
                lost = [each for each in versions if offers(each.before, region) and each.key in told.lost]
                assert moves[region][0] == old
                assert lost
            else:
                assert moves.get(region, (old, old)) == (old, new), (versions, region)
        assert all(each.is_written for each in versions if each.key in told.lost)
        seen["moves"] += bool(moves)
        seen["lost"] += bool(told.lost)
        seen["backwards"] += any(move.is_backwards for move in told.moves)
    assert all(count > rounds / 100 for count in seen.values()), seen


@pytest.mark.parametrize("rounds", ROUNDS)
def test_nothing_is_blocked_without_need(rounds: int) -> None:
    """Without versions that are blocked, a plan would leave a region without latest; with leave to do so, none is."""
    chance = random.Random(7)
    for _ in range(rounds // 10):
        versions = candidates(chance)
        told = foretell(versions)
        before = [each.before for each in versions]
        allowed = foretell(versions, may_lose=True)
        assert not allowed.lost
        moves = {move.region: (move.before, move.after) for move in allowed.moves}
        for region in REGIONS:
            old, new = highest(before, region), highest(after(versions, ()), region)
            assert moves.get(region, (old, old)) == (old, new)
        for key in told.lost:
            rest = told.lost - {key}
            pairs = [(highest(before, region), highest(after(versions, rest), region)) for region in REGIONS]
            others = [(highest(before, region), highest(after(versions, ()), region)) for region in REGIONS]
            assert any(old and not new for old, new in (*pairs, *others))
