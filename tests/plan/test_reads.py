"""The planned reads: the fewest that any choice of lists and GETs takes, and the ones that are sent."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.azure.observe import Scope, observe
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.plan.reads import list_of, planned
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import application, definition, gallery, version
from tests.kit.clock import START
from tests.kit.strategies import as_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.model.desired import Desired


def documents() -> list[dict[str, Any]]:
    """Return an estate whose lists have from one to six elements."""
    sizes = {"a": 6, "b": 1, "c": 2}
    versions = [version(f"1.0.{patch}", of=name) for name, size in sizes.items() for patch in range(size)]
    return [gallery(), *map(application, sizes), *versions, definition(), definition("other")]


DESIRED = read_estate(Options(paths=("-",)), packaged(), START, lambda _: as_yaml(documents())).desired
STATED = frozenset(item.key for item in DESIRED)


def fewest(chosen: Sequence[Desired], page: int, *, singly: bool) -> int:
    """Return the fewest requests of any choice, by trying all: for each parent its list, or a GET of each resource."""
    groups: dict[str, list[Desired]] = {}
    for item in chosen:
        groups.setdefault(list_of(item), []).append(item)
    costs = []
    for path, items in groups.items():
        pages = -(-sum(key.rpartition("/")[0] == path for key in STATED) // page)
        is_listed = items[0].kind.list_path(items[0].params) is not None
        by_list = [pages] if is_listed else []
        costs.append(by_list if is_listed and not singly else [*by_list, len(items)])
    return min(sum(choice) for choice in product(*costs)) if costs else 0


@pytest.mark.slow
@given(chosen=st.sets(st.sampled_from(range(len(DESIRED)))), singly=st.booleans())
def test_the_fewest_requests(chosen: set[int], singly: bool) -> None:  # noqa: FBT001 (drawn)
    """For every selection; and exactly those are sent, for an estate that exists."""
    selected = [DESIRED[number] for number in sorted(chosen)]
    reads = [
        read
        for depth in sorted({item.depth for item in selected})
        for read in planned([item for item in selected if item.depth == depth], STATED, singly=singly)
    ]
    assert sorted(item.key for read in reads for item in read.items) == sorted(item.key for item in selected)
    assert len(reads) == fewest(selected, 100, singly=singly)

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents())
        before = bench.arm.transport.requests["GET"]
        found = await observe(selected, Scope(STATED, singly=singly), packaged().kinds, bench.arm)
        assert bench.arm.transport.requests["GET"] - before == len(reads)
        assert found.observed.keys() == {item.key for item in selected}
        assert found.unmanaged == ()

    on_bench(scenario)


def test_a_list_of_many_pages_is_not_read_for_a_few() -> None:
    """Of 250 versions, three by themselves take as many requests as the list; two take fewer."""
    (one,) = (item for item in DESIRED if item.name == "b-1.0.0")
    many = [replace(one, key=f"{one.key}.{number}", id=f"{one.id}.{number}", name=f"{number}") for number in range(250)]
    stated = {item.key for item in many}
    for number, requests in ((1, 1), (2, 2), (3, 3), (4, 1), (250, 1)):
        reads = planned(many[:number], stated, singly=True)
        assert (len(reads), all(read.is_list for read in reads)) == (requests, number > 3)
