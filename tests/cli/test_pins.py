"""``spec.apiVersions`` of the project file: api-versions that kinds are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import Workspace, application, changed, gallery, version

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting

PROFILE = "properties.publishingProfile"


def identified() -> dict[str, Any]:
    """Return a gallery with an identity, and days of retention."""
    made = changed(gallery(), "identity", {"type": "SystemAssigned"})
    return changed(made, "properties.softDeletePolicy", {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 9})


@pytest.mark.parametrize(
    ("pin", "paths"),
    [
        ("2022-03-03", ["spec.identity.type", "spec.properties.softDeletePolicy.retentionPeriodInDays"]),
        ("2024-03-03", ["spec.properties.softDeletePolicy.retentionPeriodInDays"]),
        ("2026-03-03", []),
    ],
)
def test_a_declared_field_newer_than_the_pin_is_an_error(
    work: Workspace, report: Reporting, pin: str, paths: list[str]
) -> None:
    """At its line, with the version that has it."""
    work.project(apiVersions={"Gallery": pin})
    work.state(identified())
    errors = report("validate", code=1 if paths else 0)["errors"]
    assert {(error["code"], error["path"]) for error in errors} == {("newer-than-api-version", path) for path in paths}
    for error in errors:
        text = (work.folder / error["file"]).read_text("utf-8").splitlines()[error["line"] - 1]
        assert error["path"].rpartition(".")[2] in text
        assert "spec.apiVersions" in error["fix"]


def test_a_field_from_the_defaults_is_reported_where_it_is_written(work: Workspace, report: Reporting) -> None:
    """In the project file; a value of another kind is none of the pin's."""
    settings = {"publishingProfile": {"settings": {"scriptBehaviorAfterReboot": "Rerun"}}}
    work.project(
        apiVersions={"GalleryApplicationVersion": "2022-03-03", "Gallery": "2022-03-03"},
        defaults={"properties": settings},
    )
    work.state(gallery(), application(), version())
    (error,) = report("validate", code=1)["errors"]
    assert (error["file"], error["path"]) == (
        "reconciler.yaml",
        f"spec.{PROFILE}.settings.scriptBehaviorAfterReboot",
    )


def test_a_newer_value_of_an_older_field_counts(work: Workspace, report: Reporting) -> None:
    """In an element of a list too; null declares no value."""
    work.project(apiVersions={"GalleryApplicationVersion": "2022-03-03"})
    regions = [{"name": "West Europe", "storageAccountType": "PremiumV2_LRS"}]
    made = changed(version(), f"{PROFILE}.targetRegions", regions)
    work.state(gallery(), application(), changed(made, f"{PROFILE}.storageAccountStrategy", None))
    (error,) = report("validate", code=1)["errors"]
    assert (error["code"], error["path"]) == (
        "newer-than-api-version",
        f"spec.{PROFILE}.targetRegions[0].storageAccountType",
    )


@pytest.mark.parametrize(
    ("pins", "code", "path", "named"),
    [
        ({"Galery": "2022-03-03"}, "unknown-kind", "spec.apiVersions.Galery", "`Gallery`"),
        ({"Gallery": "2023-07-03"}, "unknown-api-version", "spec.apiVersions.Gallery", "2022-03-03, 2024-03-03"),
        ({"Gallery": "newest"}, "pattern", "spec.apiVersions.Gallery", "2024-03-03"),
    ],
)
def test_a_pin_that_names_nothing_is_an_error(
    work: Workspace, report: Reporting, pins: dict[str, str], code: str, path: str, named: str
) -> None:
    """The known ones are named."""
    work.project(apiVersions=pins)
    work.state(identified())
    (error,) = report("validate", code=1)["errors"]
    assert (error["file"], error["path"]) == ("reconciler.yaml", path)
    assert error["code"] == code
    assert named in f"{error['message']} {error['fix']}"


def test_an_api_version_is_text_without_quotation_marks(work: Workspace, report: Reporting) -> None:
    """YAML 1.2 knows no dates."""
    head = "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: p}\n"
    work.file("reconciler.yaml", f"{head}spec: {{apiVersions: {{Gallery: 2024-03-03}}}}\n")
    work.state(gallery())
    report("validate")
