"""An estate that is too large to be held as it is gives the reports, the requests and the world of any other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.kinds.kind import group_in
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.partition import in_parts
from reconciler.model.packed import PackedDesired, PackedLive
from reconciler.pipeline import Task
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import application, changed, definition, gallery, named, version
from tests.kit.clock import START
from tests.kit.crowded import crowded
from tests.kit.strategies import as_yaml, estates
from tests.pipeline.test_partitions import as_json, edited, report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.manifests.estate import Estate

SAS: Final = "https://packages.blob.core.windows.net/agent/1.tar.gz?sv=2022-11-02&sig=Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZ"


def read_in(documents: Sequence[Mapping[str, Any]]) -> Estate:
    """Return the estate that some documents declare."""
    return read_estate(Options(paths=("-",)), packaged(), START, lambda _: as_yaml(documents))


@pytest.mark.properties
@given(data=st.data())
def test_the_same_plan(data: st.DataObject) -> None:
    """Resources to create, to update and in sync, and unmanaged ones; requests among it."""
    documents = data.draw(estates())
    live = data.draw(st.integers(0, len(documents)))
    stated = [edited(each) if data.draw(st.booleans()) else each for each in documents]

    async def planned(bench: Bench) -> Any:
        await bench.apply(documents[:live])
        before = Counter(bench.arm.transport.requests)
        reading = await pipeline.plan(Task(bench.options, read_in(stated), packaged()), bench.arm)
        return as_json(report("plan", reading, Counter(bench.arm.transport.requests) - before))

    expected = on_bench(planned)
    with crowded():
        assert on_bench(planned) == expected


def test_what_is_in_sync_is_packed() -> None:
    """What differs is not: the rest of the run is about it."""
    documents = [gallery(), application(), version(source={"mediaLink": SAS}), version("2.0.0")]
    drifted = changed(documents[3], "tags.team", "other")

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents)
        with crowded():
            reading = await pipeline.plan(
                Task(bench.options, read_in([*documents[:3], drifted]), packaged()), bench.arm
            )
        kept = {change.desired.name: change.desired for change in reading.plan.changes}
        live = {name: reading.observation.observed[item.key] for name, item in kept.items()}
        assert [name for name, item in kept.items() if not isinstance(item, PackedDesired)] == ["agent-2.0.0"]
        assert [name for name, item in live.items() if not isinstance(item, PackedLive)] == ["agent-2.0.0"]
        assert "sig=" not in repr((kept, live))

    on_bench(scenario)


def placed(made: Mapping[str, Any], group: str, subscription: str) -> dict[str, Any]:
    """Return a manifest for another place."""
    return changed(changed(dict(made), "resourceGroupName", group), "subscriptionId", subscription)


@pytest.mark.parametrize("by_subscription", [False, True])
def test_no_resource_group_is_cut(by_subscription: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A list is read once; of a kind whose list is that of a subscription, no subscription is cut."""
    places = [("a", "rg-1"), ("a", "RG-1"), ("a", "rg-2"), ("b", "rg-1")]
    documents = [
        named(placed(each, group, f"0000000{sub}-9b0e-4a63-8a5e-2d5a6f3b9c11"), f"{each['kind']}-{n}".lower())
        for n, (sub, group) in enumerate(places)
        for each in (gallery(f"gallery{n}"), definition(f"suite{n}"))
    ]
    estate = read_in(documents)
    if by_subscription:
        kind = next(item.kind for item in estate.selected if item.kind.name == "Gallery")
        monkeypatch.setattr("reconciler.kinds.kind.Kind.list_path", lambda *_: "/subscriptions/a/providers/galleries")
        assert kind.list_path({}) is not None
    parts = tuple(in_parts(estate, 1))
    keys = [item.key for part in parts for item in part.desired]
    assert sorted(keys) == sorted(item.key for item in estate.selected)
    homes = [{group_in(item.key) for item in part.desired} for part in parts]
    assert sum(map(len, homes)) == len(set().union(*homes)) == 3
    assert len(parts) == (2 if by_subscription else 3)
    assert next(iter(in_parts(estate, len(keys)))).desired == estate.selected
