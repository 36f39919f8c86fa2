"""Scripts of a gallery and their versions: two kinds that are one schema file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.kit.cli import Azure, Workspace, changed, changes_of, codes, gallery, manifest, paths, verdict, without

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting

LINK: Final = "https://packages.blob.core.windows.net/scripts/setup.sh"
PROFILE: Final = "properties.publishingProfile"
Manifest = dict[str, Any]


def script(**properties: Any) -> Manifest:
    """Return the manifest of a script."""
    spec = {"galleryName": "tools", "galleryScriptName": "setup", "location": "West Europe"}
    return manifest("GalleryScript", "setup", {**spec, "properties": {"supportedOSType": "Linux", **properties}})


def version(number: str = "1.0.0", **profile: Any) -> Manifest:
    """Return the manifest of a version of the script."""
    spec = {
        "galleryName": "tools",
        "galleryScriptName": "setup",
        "galleryScriptVersionName": number,
        "location": "West Europe",
        "properties": {
            "publishingProfile": {
                "source": {"scriptLink": LINK, "parameters": [{"name": "size", "type": "Int", "minValue": "1"}]},
                "targetRegions": [{"name": "West Europe"}, {"name": "North Europe"}],
                **profile,
            }
        },
    }
    return manifest("GalleryScriptVersion", f"setup-{number}", spec)


@pytest.fixture(name="applied")
def _applied(work: Workspace, report: Reporting) -> Workspace:
    work.state(gallery(), script(description="Sets up."), version())
    done = report("apply")
    assert done["summary"]["requests"]["PUT"] == 3
    return work


def test_what_was_applied_plans_empty(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """Regions come back as display names, and defaults written out; neither is a difference."""
    done = report("plan")
    assert (done["summary"]["puts"], changes_of(done)) == (0, [])
    stored = azure.stored(version())
    assert stored["properties"]["publishingProfile"]["source"]["scriptLink"] == LINK
    assert applied


def test_a_parent_comes_before_its_child(work: Workspace, report: Reporting) -> None:
    """A version whose script is not declared is blocked."""
    work.state(gallery(), version())
    assert verdict(report("plan", code=1), version())[1] == "parent-missing"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("location", "North Europe"),
        (f"{PROFILE}.storageAccountType", "Premium_LRS"),
        (f"{PROFILE}.replicationMode", "Shallow"),
        (f"{PROFILE}.storageAccountStrategy", "DefaultStandard_LRS"),
    ],
)
def test_an_immutable_field_blocks(applied: Workspace, azure: Azure, report: Reporting, path: str, value: str) -> None:
    """Before anything is sent."""
    before = azure.stored(version())
    applied.state(gallery(), script(description="Sets up."), changed(version(), path, value))
    done = report("apply", code=1)
    assert verdict(done, version())[1] == "immutable-field"
    assert paths(done, "immutable") == [path]
    assert azure.stored(version()) == before


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (f"{PROFILE}.source.parameters", [{"name": "size", "type": "Int", "minValue": "2"}], "[size].minValue"),
        (f"{PROFILE}.excludeFromLatest", True, ""),
        (f"{PROFILE}.endOfLifeDate", "2099-01-01T00:00:00Z", ""),
        (f"{PROFILE}.replicaCount", 2, None),
    ],
)
def test_an_updatable_field_is_changed(
    applied: Workspace, report: Reporting, path: str, value: Any, found: str | None
) -> None:
    """By one PUT, after which a plan is empty."""
    applied.state(gallery(), script(description="Sets up."), changed(version(), path, value))
    done = report("apply")
    assert done["summary"]["requests"]["PUT"] == 1
    if found is not None:
        assert paths(done, "change") == [f"{path}{found}"]
    assert changes_of(report("plan")) == []


def test_a_region_leaves_only_with_the_flag(applied: Workspace, report: Reporting) -> None:
    """As with versions of applications."""
    fewer = changed(version(), f"{PROFILE}.targetRegions", [{"name": "West Europe"}])
    applied.state(gallery(), script(description="Sets up."), fewer)
    assert verdict(report("plan", code=1), version())[1] == "removal-refused"
    applied.state(
        gallery(),
        script(description="Sets up."),
        changed(fewer, "properties.safetyProfile", {"allowDeletionOfReplicatedLocations": True}),
    )
    report("apply")
    assert changes_of(report("plan")) == []


def test_a_signature_in_a_link_is_refused_and_never_shown(work: Workspace, run: Command) -> None:
    """It holds a secret in its query."""
    signed = changed(version(), f"{PROFILE}.source.scriptLink", f"{LINK}?sv=1&sig=CANARY")
    work.state(gallery(), script(), signed)
    done = run("validate", "-o", "json")
    assert "secret-in-manifest" in codes(done.report, "warnings")
    assert "CANARY" not in done.out + done.err


def test_an_export_declares_what_exists(applied: Workspace, run: Command, report: Reporting) -> None:
    """One file each, below the gallery; a plan of them is empty."""
    applied.state()
    group = gallery()["spec"]
    scope = ("--subscription", group["subscriptionId"], "--resource-group", group["resourceGroupName"])
    done = run("export", *scope, "--out-dir", "manifests")
    assert (done.code, done.err) == (0, "")
    kinds = {item["kind"] for item in report("plan")["resources"]}
    assert kinds == {"Gallery", "GalleryScript", "GalleryScriptVersion"}
    assert changes_of(report("plan")) == []


def test_a_foreign_version_is_unmanaged(applied: Workspace, azure: Azure, report: Reporting) -> None:
    """It stands beside one that a manifest declares."""
    azure.seed(version("2.0.0"))
    found = [item for item in report("plan")["resources"] if item["sync"] == "Unmanaged"]
    assert [item["id"].rpartition("/")[2] for item in found] == ["2.0.0"]
    assert applied


def test_a_field_of_applications_is_none_of_scripts(work: Workspace, report: Reporting) -> None:
    """Unknown keys are errors, and a link is required."""
    odd = changed(version(), f"{PROFILE}.manageActions", {"install": "a", "remove": "b"})
    work.state(gallery(), script(), without(odd, f"{PROFILE}.source.scriptLink"))
    assert sorted(codes(report("validate", code=1))) == ["missing", "unknown-key"]
