"""Every mistake of every file in one run: one that cannot be read hides no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import as_yaml, changed, gallery, inline, labelled, named, version

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting
    from tests.kit.cli import Report, Workspace


def found(report: Report) -> set[tuple[str, str, str]]:
    """Return file, path and code of every error."""
    return {(error["file"].rpartition("/")[2], error["path"], error["code"]) for error in report["errors"]}


@pytest.mark.parametrize("reference", ["none.json", "../../../etc/hosts", ".git/config", "/etc/hosts", "folder"])
def test_unread_file_hides_no_other_mistake(work: Workspace, report: Reporting, reference: str) -> None:
    """The rest of the manifest, its other files and the other documents of the file are checked all the same."""
    work.file("manifests/folder/x.txt", "")
    work.file("manifests/form.json", "{,}")
    made = changed(inline(), "properties.mainTemplate", {"$file": reference})
    made = changed(made, "properties.createUiDefinition", {"$file": "form.json"})
    made = changed(made, "properties.lockLevel", "Readonly")
    work.add(made, changed(gallery(), "properties.descripton", "x"), file="a.yaml")
    assert found(report("validate", code=1)) == {
        ("a.yaml", "spec.properties.mainTemplate", "file-reference"),
        ("form.json", "spec.properties.createUiDefinition", "json"),
        ("a.yaml", "spec.properties.lockLevel", "value"),
        ("a.yaml", "spec.properties.descripton", "unknown-key"),
    }


def test_unread_script_has_no_second_error(work: Workspace, report: Reporting) -> None:
    """The placeholder for a text is never itself an error, with any schema at its place."""
    made = changed(version(), "properties.publishingProfile.manageActions", {"install": {"$file": "no"}})
    made = changed(made, "galleryName", {"$file": "no"})
    work.state(made)
    assert found(report("validate", code=1)) == {
        ("GalleryApplicationVersion-agent-1.0.0.yaml", "spec.galleryName", "file-reference"),
        (
            "GalleryApplicationVersion-agent-1.0.0.yaml",
            "spec.properties.publishingProfile.manageActions.install",
            "file-reference",
        ),
        (
            "GalleryApplicationVersion-agent-1.0.0.yaml",
            "spec.properties.publishingProfile.manageActions",
            "missing",
        ),
    }


def test_key_written_twice_hides_no_other_mistake(work: Workspace, report: Reporting) -> None:
    """The rest of a document with such a key, or with a number that is too large, is checked all the same."""
    text = as_yaml(changed(gallery(), "properties.descripton", "x")).replace(
        "  location: West Europe\n", "  location: West Europe\n  location: North Europe\n"
    )
    work.file("manifests/a.yaml", text)
    number = as_yaml(changed(version(), "properties.publishingProfile.excludeFromLates", "yes"))
    work.file("manifests/b.yaml", number.replace("regionalReplicaCount: 1", f"regionalReplicaCount: {10**30}"))
    assert found(report("validate", code=1)) == {
        ("a.yaml", "spec.location", "duplicate-key"),
        ("a.yaml", "spec.properties.descripton", "unknown-key"),
        ("b.yaml", "spec.properties.publishingProfile.targetRegions[0].regionalReplicaCount", "number"),
        ("b.yaml", "spec.properties.publishingProfile.excludeFromLates", "unknown-key"),
    }


def test_resource_declared_twice_is_seen_beside_other_mistakes(work: Workspace, report: Reporting) -> None:
    """A manifest that is invalid for another reason still counts as a declaration of its resource."""
    work.add(changed(gallery(), "properties.descripton", "x"), file="a.yaml")
    work.add(named(gallery(), "again"), file="b.yaml")
    assert found(report("validate", code=1)) == {
        ("a.yaml", "spec.properties.descripton", "unknown-key"),
        ("b.yaml", "", "duplicate"),
    }


def test_project_file_hides_no_mistake_of_a_manifest(work: Workspace, report: Reporting) -> None:
    """Errors of the project file come with those of all manifests; its valid parts hold."""
    work.project(strct=True, ignore=[{"path": "tags.x"}], defaults={"location": "West Europe"})
    made = changed(gallery(), "properties.descripton", "x")
    del made["spec"]["location"]
    work.add(made, file="a.yaml")
    assert found(report("validate", code=1)) == {
        ("reconciler.yaml", "spec.strct", "unknown-key"),
        ("reconciler.yaml", "spec.ignore[0]", "missing"),
        ("a.yaml", "spec.properties.descripton", "unknown-key"),
    }


@pytest.mark.parametrize("text", ["a: [\n", "kind: Project\nkind: Project\n", "- 1\n", "", "a: 1\n---\nb: 1\n"])
def test_unknown_defaults_cause_no_error(work: Workspace, report: Reporting, text: str) -> None:
    """Where the project file cannot be read, a manifest is not blamed for what its defaults may hold."""
    work.file("reconciler.yaml", text)
    made = changed(labelled(gallery(), ring="a"), "properties.descripton", "x")
    del made["spec"]["subscriptionId"]
    work.add(made, file="a.yaml")
    errors = found(report("validate", "-e", "prod", code=1))
    assert {file for file, _, _ in errors} == {"reconciler.yaml", "a.yaml"}
    assert {item for item in errors if item[0] == "a.yaml"} == {("a.yaml", "spec.properties.descripton", "unknown-key")}
