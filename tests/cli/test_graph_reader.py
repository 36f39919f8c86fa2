"""``--reader graph``: what is in sync by Resource Graph, all the rest by ARM, and never a PUT on its word."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    application,
    changed,
    codes,
    definition,
    estate,
    gallery,
    id_of,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Report


def many() -> list[dict[str, Any]]:
    """Return six applications with three versions each, and two definitions."""
    names = [f"a{number}" for number in range(6)]
    versions = [version(f"1.0.{patch}", of=name) for name in names for patch in range(3)]
    return [gallery(), *(application(name) for name in names), *versions, definition(), definition("other")]


def same(one: Report, other: Report) -> None:
    """Hold two reports against each other, but for the moments and the requests."""

    def bare(report: Report) -> str:
        summary = {**report["summary"], "requests": None}
        return json.dumps({**report, "startedAt": "", "finishedAt": "", "summary": summary}, indent=1)

    assert bare(one) == bare(other)


def test_an_estate_in_sync_takes_one_query(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Instead of a request for each application; the report is the same."""
    work.state(*many())
    report("apply")
    listed, found = report("plan"), report("plan", "--reader", "graph")
    assert listed["summary"]["requests"] == {"GET": 9, "PUT": 0}
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0, "POST": 1}
    same(found, listed)


@pytest.mark.slow
def test_all_that_is_not_in_sync_is_read_from_arm(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The lists of the resources that differ, and no other; unmanaged ones are found by rows."""
    work.state(*many())
    report("apply")
    azure.edit(version("1.0.1", of="a2"), "tags", {"by": "hand"})
    azure.edit(version("1.0.1", of="a2"), "properties.publishingProfile.excludeFromLatest", value=True)
    azure.seed(version("9.0.0", of="a4"), application("stranger"))
    azure.remove(version("1.0.2", of="a3"))
    found = report("plan", "--reader", "graph")
    same(found, report("plan"))
    assert found["summary"]["unmanaged"] == 2
    assert found["summary"]["requests"] == {"GET": 2, "PUT": 0, "POST": 1}
    applied = report("apply", "--reader", "graph")
    assert applied["summary"]["succeeded"] == 2
    same(report("plan", "--reader", "graph"), report("plan"))


def test_a_row_that_is_missing_is_no_absence(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new estate that Resource Graph does not know yet is in sync all the same, by the lists."""
    work.state(*many())
    report("apply")
    monkeypatch.setenv("RECONCILER_EMULATOR_STALENESS_SECONDS", "3600")
    found = report("plan", "--reader", "graph")
    same(found, report("plan"))
    assert found["summary"]["inSync"] == len(many())
    assert report("apply", "--reader", "graph")["summary"]["puts"] == 0


@pytest.mark.slow
def test_a_deletion_in_flight(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is Deleting, so that ARM is asked: it is waited for, and created once it is gone."""
    work.state(*estate())
    report("apply")
    assert azure.send("DELETE", version(), operation_seconds=3600).status_code == 202
    assert verdict(report("plan", "--reader", "graph"), version())[:2] == ("wait", "operation-running")
    with azure.world() as world:
        world.finish_operations()
    assert verdict(report("plan", "--reader", "graph"), version())[:2] == ("create", "not-found")
    assert report("apply", "--reader", "graph")["summary"]["succeeded"] == 1


def test_without_an_answer_of_resource_graph(work: Workspace, azure: Azure, report: Reporting, proxy: Any) -> None:
    """Everything is read by list, with a warning."""
    work.state(*many())
    report("apply")
    proxy.refuse("POST", "Microsoft.ResourceGraph/resources", 403, "AuthorizationFailed")
    found = report("plan", "--reader", "graph")
    assert codes(found, "warnings") == ["graph-unavailable"]
    assert found["summary"]["inSync"] == len(many())


def test_show_reads(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """The reads of a plan as JSON, before anything is sent; a plan of what exists sends those."""
    work.state(*many())
    done = run("plan", "--show-reads")
    assert done.code == 0
    assert not azure.state.exists()
    reads = json.loads(done.out)["reads"]
    assert Counter(each["method"] for each in reads) == {"GET": 9}
    assert {"method": "GET", "path": id_of(gallery()), "for": ["Gallery/tools"]} in reads
    assert [each["for"] for each in reads if each["path"].endswith("/a1/versions")] == [
        [f"GalleryApplicationVersion/a1-1.0.{patch}" for patch in range(3)]
    ]
    report("apply")
    assert report("plan")["summary"]["requests"]["GET"] == len(reads)
    graph = json.loads(run("plan", "--show-reads", "--reader", "graph").out)["reads"]
    assert [(each["method"], len(each["for"])) for each in graph] == [("POST", len(many()))]
    health = json.loads(run("plan", "--show-reads", "--health").out)["reads"]
    assert len(health) == 9 + 18
    assert report("plan", "--health")["summary"]["requests"]["GET"] == len(health)


@pytest.mark.slow
def test_targets_are_read_by_the_fewest_requests(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """One by itself, several of one parent by their list; none of them tells of unmanaged ones."""
    work.state(*many())
    report("apply")
    azure.seed(version("9.0.0", of="a1"))
    for targets, requests in (
        (["GalleryApplicationVersion/a1-1.0.0"], 1),
        (["GalleryApplicationVersion/a1-*"], 1),
        (["GalleryApplicationVersion/a1-*", "GalleryApplicationVersion/a2-1.0.0"], 2),
        (["*/a1*"], 2),
    ):
        given = [part for target in targets for part in ("--target", target)]
        found = report("plan", *given)
        assert (
            found["summary"]["requests"]["GET"]
            == requests
            == len(json.loads(run("plan", "--show-reads", *given).out)["reads"])
        )
        assert found["summary"]["unmanaged"] == 0
        assert report("plan", "--reader", "graph", *given)["summary"]["requests"] == {"GET": 0, "PUT": 0, "POST": 1}


def test_show_reads_of_wrong_manifests(work: Workspace, run: Command) -> None:
    """Are the errors, as of every command."""
    work.state(changed(gallery(), "galleryName", "not/a/name"))
    assert run("plan", "--show-reads").code == 1
