"""Order: parents, waves, writer slots, and what one failure means for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    annotated,
    application,
    changed,
    definition,
    estate,
    gallery,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting


def test_parents_before_children(work: Workspace, azure: Azure, report: Reporting) -> None:
    """However the files are named, a parent is created before its children, within one run."""
    work.add(version(), version("2.0.0"), file="a.yaml")
    work.add(application(), file="b.yaml")
    work.add(gallery(), file="c.yaml")
    applied = report("apply")
    assert applied["summary"]["succeeded"] == 4
    assert [item["kind"] for item in applied["resources"]] == [
        "Gallery",
        "GalleryApplication",
        "GalleryApplicationVersion",
        "GalleryApplicationVersion",
    ]


def test_one_writer_per_application(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions of one application are written one after the other, without a refused PUT."""
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0.05")
    versions = [version(f"1.0.{number}") for number in range(4)]
    work.state(gallery(), application(), *versions)
    applied = report("apply")
    assert applied["summary"]["succeeded"] == applied["summary"]["requests"]["PUT"] == 6


def test_failed_parent(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What depends on a failed parent is skipped; siblings go on."""
    azure.fail_next(application("one"), "Broken", 400)
    made = [gallery(), application("one"), version(of="one"), application("two"), version(of="two")]
    work.state(*made)
    applied = report("apply", code=1)
    failed, skipped = resource(applied, made[1]), resource(applied, made[2])
    assert (failed["outcome"], failed["error"]["code"], failed["error"]["status"]) == ("failed", "Broken", 400)
    assert failed["error"]["requestId"]
    assert (skipped["outcome"], skipped["error"]["code"]) == ("skipped", "DependencyFailed")
    assert applied["summary"]["succeeded"] == 3
    assert report("apply")["summary"]["succeeded"] == 2


def test_failed_operation(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An operation that ends Failed is failed with ARM's code; the next run repeats it once and is done."""
    azure.fail_next(gallery(), "ImageBroken")
    work.state(gallery())
    applied = report("apply", code=1)
    assert resource(applied, gallery())["error"]["code"] == "ImageBroken"
    plan = report("plan", "--detailed-exitcode", code=2)
    assert verdict(plan, gallery()) == ("update", "last-operation-failed", "OutOfSync")
    assert resource(plan, gallery())["health"] == "Degraded"
    assert report("drift", code=2)["summary"]["drift"] == 1
    assert report("apply")["summary"]["requests"]["PUT"] == 1
    assert report("plan")["summary"]["inSync"] == 1


def test_waves(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A failure makes later waves skipped, and leaves the siblings of its own wave alone."""
    first, beside, later = gallery("first"), gallery("beside"), annotated(gallery("later"), wave="1")
    azure.fail_next(first)
    work.state(first, beside, later)
    applied = report("apply", code=1)
    assert resource(applied, beside)["outcome"] == "succeeded"
    skipped = resource(applied, later)
    assert (skipped["outcome"], skipped["error"]["code"]) == ("skipped", "EarlierWaveFailed")
    assert azure.holds(first, beside)
    assert report("apply")["summary"]["succeeded"] == 2


def test_waves_are_numbers(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Low first, as numbers: -1 before 0, 2 before 10."""
    waves = {name: annotated(gallery(name), wave=wave) for name, wave in (("b", "10"), ("c", "2"), ("d", "-1"))}
    work.state(gallery("a"), *waves.values())
    assert [item["name"] for item in report("plan")["resources"]] == ["d", "a", "c", "b"]
    azure.fail_next(waves["c"])
    applied = report("apply", code=1)
    outcomes = {item["name"]: item["outcome"] for item in applied["resources"]}
    assert outcomes == {"d": "succeeded", "a": "succeeded", "c": "failed", "b": "skipped"}


def test_child_is_lifted_to_the_wave_of_its_parent(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The effective wave is the larger of an item's own and its parent's."""
    parent, other = annotated(gallery(), wave="5"), annotated(gallery("other"), wave="4")
    child = annotated(application(), wave="1")
    azure.fail_next(other)
    work.state(parent, child, other)
    applied = report("apply", code=1)
    assert resource(applied, child)["error"]["code"] == "EarlierWaveFailed"


@pytest.mark.parametrize("how", ["blocked", "paused"])
def test_blocked_and_paused_do_not_stop_waves(work: Workspace, azure: Azure, report: Reporting, how: str) -> None:
    """A blocked or a paused item of an earlier wave stops no later one."""
    work.state(gallery("first"))
    report("apply")
    azure.edit(gallery("first"), "location", "North Europe")
    first = annotated(gallery("first"), paused="true") if how == "paused" else gallery("first")
    work.state(first, annotated(gallery("later"), wave="1"))
    applied = report("apply", code=int(how == "blocked"))
    assert applied["summary"][how] == applied["summary"]["succeeded"] == 1


@pytest.mark.parametrize("how", ["absent", "paused", "blocked"])
def test_parent_missing(work: Workspace, azure: Azure, report: Reporting, how: str) -> None:
    """An absent child of a parent that is absent, or not to be created, is blocked, and told what to do."""
    parents = {
        "absent": [],
        "paused": [annotated(gallery(), paused="true")],
        "blocked": [application("x", within="nowhere"), application(within="x")],
    }
    child = version(of="x", within="nowhere") if how == "blocked" else application()
    work.state(*parents[how], child)
    plan = report("plan", code=1)
    assert verdict(plan, child) == ("blocked", "parent-missing", "Missing")
    assert resource(plan, child)["fix"]
    assert report("apply", code=1)["summary"]["puts"] == 0
    assert azure.holds()


def test_group_missing(work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource group that does not exist blocks all that is in it, and nothing else."""
    monkeypatch.setenv("RECONCILER_EMULATOR_STRICT_GROUPS", "1")
    there = changed(gallery("there"), "resourceGroupName", "rg-there")
    with azure.world() as world:
        world.create_group(there["spec"]["subscriptionId"], "rg-there")
    work.state(*estate(), there)
    plan = report("plan", code=1)
    assert [verdict(plan, made) for made in estate()] == [("blocked", "group-missing", "Missing")] * 4
    assert "rg-tools" in resource(plan, gallery())["fix"]
    assert verdict(plan, there)[0] == "create"
    assert report("apply", code=1)["summary"]["succeeded"] == 1
    assert azure.holds(there)


def test_paused_is_never_written(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A paused item shows its true sync and its differences, and is left alone."""
    work.state(definition())
    report("apply")
    paused = annotated(definition(displayName="New"), paused="true")
    work.state(paused)
    applied = report("apply")
    assert verdict(applied, paused) == ("paused", "paused", "OutOfSync")
    assert [change["path"] for change in resource(applied, paused)["changes"]] == ["properties.displayName"]
    assert resource(applied, paused)["outcome"] is None
    assert "reconciler.dev/paused" in resource(applied, paused)["fix"]
    assert applied["summary"]["requests"]["PUT"] == 0
    work.state(annotated(definition(), paused="true"))
    assert verdict(report("plan"), definition()) == ("paused", "paused", "InSync")
    work.state(annotated(definition("absent"), paused="true"))
    absent = report("plan", "--detailed-exitcode")
    assert verdict(absent, definition("absent")) == ("paused", "paused", "Missing")
    assert "reconciler.dev/paused" in resource(absent, definition("absent"))["fix"]
    work.state(annotated(definition(), paused="false"))
    assert verdict(report("plan"), definition())[0] == "none"


def test_concurrency_of_one(work: Workspace, report: Reporting) -> None:
    """One at a time does it all, too."""
    work.state(*estate(), version("2.0.0"), gallery("other"))
    assert report("apply", "--concurrency", "1")["summary"]["succeeded"] == 6


def test_unregistered_provider(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A refusal is that of its own resource, with ARM's code; the others are written."""
    with azure.world() as world:
        world.unregister(gallery()["spec"]["subscriptionId"], "Microsoft.Solutions")
    work.state(*estate())
    applied = report("apply", code=1)
    assert resource(applied, definition())["error"]["code"] == "MissingSubscriptionRegistration"
    assert applied["summary"]["succeeded"] == 3
