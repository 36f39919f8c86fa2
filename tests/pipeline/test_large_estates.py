"""An estate that is too large to be held as it is gives the reports, the requests and the world of any other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.model.packed import PackedDesired, PackedLive
from reconciler.pipeline import Task
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import application, changed, gallery, version
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
    """The manifest of what differs is not: the rest of the run is about it."""
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
        assert {type(item) for item in live.values()} == {PackedLive}
        assert "sig=" not in repr((kept, live))

    on_bench(scenario)
