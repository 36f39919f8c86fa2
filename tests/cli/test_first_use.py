"""The main path: nothing, plan, apply, in sync, an edit in git, an edit in Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kit.cli import (
    REGIONS,
    Azure,
    Workspace,
    changed,
    changes_of,
    estate,
    paths,
    resource,
    verdict,
    version,
)
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Command, Reporting


def test_plan_of_a_new_estate(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Everything is to be created, parents first, and a plan leaves no trace."""
    work.state(*estate())
    plan = report("plan")
    assert [verdict(plan, made) for made in estate()] == [("create", "not-found", "Missing")] * 4
    assert {item["health"] for item in plan["resources"]} == {"Unknown"}
    assert plan["summary"]["puts"] == 4
    assert plan["summary"]["drift"] == 4
    order = [item["kind"] for item in plan["resources"] if item["kind"] != "ApplicationDefinition"]
    assert order == ["Gallery", "GalleryApplication", "GalleryApplicationVersion"]
    assert azure.holds()


def test_apply_twice(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The first apply creates everything with one PUT each, the second sends none."""
    work.state(*estate())
    first = report("apply")
    assert first["summary"]["succeeded"] == first["summary"]["puts"] == 4
    assert first["summary"]["requests"]["PUT"] == 4
    assert {item["outcome"] for item in first["resources"]} == {"succeeded"}
    assert azure.holds(*estate())
    second = report("apply")
    assert second["summary"]["requests"]["PUT"] == second["summary"]["puts"] == 0
    assert [verdict(second, made) for made in estate()] == [("none", "in-sync", "InSync")] * 4


def test_plan_after_apply_is_empty(work: Workspace, report: Reporting) -> None:
    """After an apply a plan has nothing to do, shows no difference, and exits 0 even with a detailed exit code."""
    work.state(*estate())
    report("apply")
    plan = report("plan", "--detailed-exitcode")
    assert plan["summary"]["inSync"] == 4
    assert plan["summary"]["puts"] == 0
    assert changes_of(plan) == []
    assert {item["health"] for item in plan["resources"]} == {"Healthy"}


def test_edit_in_git(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An edited manifest is planned with exit code 2, at its line, and applied with one PUT."""
    work.state(*estate())
    report("apply")
    edited = changed(version(), f"{REGIONS}.0.regionalReplicaCount", 3)
    file = work.add(edited)
    plan = report("plan", "--detailed-exitcode", code=2)
    (change,) = changes_of(plan)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "regionalReplicaCount: 3" in text)
    assert change == {
        "path": "properties.publishingProfile.targetRegions[West Europe].regionalReplicaCount",
        "finding": "change",
        "op": "replace",
        "observed": 1,
        "desired": 3,
        "line": line,
    }
    assert verdict(plan, edited) == ("update", "fields-differ", "OutOfSync")
    applied = report("apply")
    assert applied["summary"]["requests"]["PUT"] == 1
    assert azure.stored(edited)["properties"]["publishingProfile"]["targetRegions"][0]["regionalReplicaCount"] == 3


def test_edit_in_azure(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Drift names exactly the path that another client changed, exits 2, and an apply puts it right."""
    work.state(*estate())
    report("apply")
    azure.edit(estate()[3], "properties.displayName", "Somebody else's")
    drift = report("drift", code=2)
    assert paths(drift) == ["properties.displayName"]
    assert drift["summary"]["drift"] == 1
    report("apply")
    assert report("drift")["summary"]["drift"] == 0


def test_demo_estate(work: Workspace, report: Reporting) -> None:
    """The manifests of the repository create, and then plan empty."""
    assert report("apply", str(ROOT / "manifests"))["summary"]["succeeded"] == 6
    assert changes_of(report("plan", str(ROOT / "manifests"), "--detailed-exitcode")) == []


def test_each_way_of_the_media_link(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the service answers a package link whole or without its query, the second apply sends nothing."""
    work.state(*estate()[:2], changed(version(), "properties.publishingProfile.source.mediaLink", _SIGNED))
    report("apply")
    for mode in ("whole", "stripped"):
        monkeypatch.setenv("RECONCILER_EMULATOR_MEDIA_LINK", mode)
        assert report("apply")["summary"]["requests"]["PUT"] == 0


def test_no_secret_is_ever_shown(work: Workspace, run: Command) -> None:
    """A signature in a manifest is in no report, of no format, of no command."""
    work.state(*estate()[:2], changed(version(), "properties.publishingProfile.source.mediaLink", _SIGNED))
    for command in ("validate", "plan", "apply", "drift"):
        for form in ("text", "json", "markdown"):
            done = run(command, "-o", form, "--log-level", "debug")
            assert "CANARY" not in done.out + done.err


def test_resource_in_the_report(work: Workspace, report: Reporting) -> None:
    """A resource is reported with its id, and the place of its manifest."""
    file = work.add(*estate(), file="all.yaml")
    plan = report("plan")
    item = resource(plan, version())
    lines = [number for number, text in enumerate(file.read_text().splitlines(), 1) if text.startswith("apiVersion")]
    assert item["source"] == {"file": "manifests/all.yaml", "line": lines[2], "document": 2}
    assert item["id"].endswith("/galleries/tools/applications/agent/versions/1.0.0")


_SIGNED = "https://packages.blob.core.windows.net/agent/agent.zip?sv=2022&sig=CANARY"
