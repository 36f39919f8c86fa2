"""Slips of the pen: each is told with its cause, at its line, with what to write, in the first run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.plan.exit_codes import ExitCode
from tests.kit.cli import GROUP, application, changed, gallery, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Manifest, Workspace

TEXT = """apiVersion: reconciler.dev/v1
kind: GalleryApplicationVersion
metadata:
  name: agent-1
spec:
  subscriptionId: 5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11
  resourceGroupName: rg
  galleryName: tools
  galleryApplicationName: agent
  galleryApplicationVersionName: 1.0.0
  location: West Europe
  properties:
    publishingProfile:
      source: {mediaLink: "https://s.blob.core.windows.net/c/p.zip"}
      manageActions:
        install: i.sh
        remove: r.sh
      targetRegions:
        - name: West Europe
          regionalReplicaCount: 1
    safetyProfile:
      allowDeletionOfReplicatedLocations: false
"""


def errors_of(work: Workspace, report: Reporting, old: str, new: str) -> list[dict[str, Any]]:
    """Return the errors of the manifest with *new* in the place of *old*."""
    assert TEXT.count(old) == 1
    work.file("manifests/a.yaml", TEXT.replace(old, new))
    errors: list[dict[str, Any]] = report("validate", code=1)["errors"]
    assert all("as the message says" not in error["fix"] for error in errors)
    return errors


@pytest.mark.parametrize(
    ("old", "new", "line", "fix"),
    [
        ("    safetyProfile", "\tsafetyProfile", 21, "spaces"),
        ("        - name", "\t- name", 19, "spaces"),
        ("        install", "         install", 17, "indent it by 9"),
        ("        remove", "       remove", 17, "indent it by 8"),
        ("  location", " location", 11, "indent it by 2"),
        ("  location", "   location", 11, "indent it by 2"),
        ("          regional", "         regional", 20, "indent it by 10"),
        ("    publishingProfile", "  publishingProfile", 21, "indent it by 2"),
        ("remove: r.sh", "remove: $file: x", 17, "{$file: path}"),
        ("remove: r.sh", "remove: $file: scripts/x.sh # y", 17, "{$file: path}"),
        ("- name: West", "- name: $file: West", 19, "{$file: path}"),
        ("remove: r.sh", "remove: echo a: b", 17, "quotation marks"),
        ("remove: r.sh", "remove: @x", 17, "quotation marks"),
        ("remove: r.sh", "remove: `x`", 17, "quotation marks"),
        ("remove: r.sh", 'remove: "C:\\scripts\\x.cmd"', 17, "\\\\"),
        ("remove: r.sh", 'remove: "x', 17, "closing quotation mark"),
        ("install: i.sh", "install:i.sh", 16, "space"),
        ("location: West", "location:West", 11, "space"),
        ("- name: West", "-name: West", 19, "`- `"),
        ("- name: West", "name: West", 20, "`- `"),
        ('.zip"}', '.zip"', 14, "}"),
        (
            "- name: West Europe\n          regionalReplicaCount: 1",
            "{name: West Europe}\n        - {name: b}",
            19,
            "`- `",
        ),
        (
            "- name: West Europe\n          regionalReplicaCount: 1",
            "  {name: West Europe}\n        - {name: b}",
            19,
            "`- `",
        ),
        (
            "- name: West Europe\n          regionalReplicaCount: 1",
            "- {name: West Europe}\n        {name: b}",
            20,
            "`- `",
        ),
        ("Count: 1\n", "Count: 1\n        name: b\n", 21, "`- `"),
        ("- name: West Europe\n          regionalReplicaCount: 1", "- West Europe\n        North Europe", 20, "`- `"),
        ("  location", "\u00a0\u00a0location", 11, "spaces"),
        ("apiVersion", "- apiVersion", 1, "remove the `- `"),
        ("remove: r.sh", "remove: $env: X", 17, "{$env: NAME}"),
        ("  subscriptionId", "subscriptionId", 6, "indent it by 2"),
        ("  location: West Europe", "<<<<<<< HEAD\n  location: a\n=======\n  location: b\n>>>>>>> b", 11, "git"),
        ("install: i.sh", "install: |\n        echo hi", 17, "indent it by 10"),
    ],
)
def test_slip_in_the_yaml(work: Workspace, report: Reporting, old: str, new: str, line: int, fix: str) -> None:
    """The line is that of the slip, and not where the parser lost its way."""
    (error,) = (error for error in errors_of(work, report, old, new) if error["code"] == "syntax")
    assert error["line"] == line
    assert fix in error["fix"]


def test_a_slip_precedes_its_consequences(work: Workspace, report: Reporting) -> None:
    """Of two errors at one place the syntax error is first, with any wording of the two."""
    old, new = "- name: West Europe\n", "  regionalReplicaCount: 1\n        - name: West Europe\n"
    errors = errors_of(work, report, old, new)
    assert [(error["code"], error["line"], error["column"]) for error in errors[:2]] == [
        ("syntax", 19, 11),
        ("missing", 19, 11),
    ]


def test_a_list_that_is_not_closed(work: Workspace, report: Reporting) -> None:
    """What the parser makes of the lines after it comes second."""
    error, _ = errors_of(work, report, "- name: West Europe", "- [name, West Europe")
    assert (error["code"], error["line"]) == ("syntax", 19)
    assert "]" in error["fix"]


@pytest.mark.parametrize(
    ("old", "new", "path", "fix"),
    [
        ("Name: 1.0.0", "Name: 1.10", "spec.galleryApplicationVersionName", "1.10.0"),
        ("Name: 1.0.0", "Name: 2", "spec.galleryApplicationVersionName", "2.0.0"),
        ("Name: 1.0.0", "Name: v1.2.3", "spec.galleryApplicationVersionName", "1.2.3"),
        ("Name: 1.0.0", 'Name: "1.20"', "spec.galleryApplicationVersionName", "1.20.0"),
        ("Name: 1.0.0", "Name: \u201c1.2.0\u201d", "spec.galleryApplicationVersionName", "1.2.0"),
        ("    safetyProfile:", "  safetyProfile:", "spec.safetyProfile", "spec.properties"),
        ("  location: West Europe\n", "  labels: {a: b}\n", "spec.labels", "metadata"),
        ("metadata:\n", "metadata:\n  tags: {a: b}\n", "metadata.tags", "spec"),
        (
            "      source:",
            "      location: West Europe\n      source:",
            "spec.properties.publishingProfile.location",
            "spec",
        ),
        ("  galleryName", "  GalleryName", "", "galleryName"),
        ("regionalReplicaCount", "count", "spec.properties.publishingProfile.targetRegions[0].count", "regional"),
        (
            "  name: agent-1",
            "  name: agent-1\n  annotations: {reconciler.dev/pasued: 'true'}",
            'metadata.annotations["reconciler.dev/pasued"]',
            "reconciler.dev/paused",
        ),
        (
            "remove: r.sh",
            "remove: {$file:r.sh}",
            'spec.properties.publishingProfile.manageActions.remove["$file:r.sh"]',
            "space after the colon",
        ),
        ("GalleryApplicationVersion\n", "galleryapplicationversion\n", "kind", "GalleryApplicationVersion"),
        ("GalleryApplicationVersion\n", "ApplicationVersion\n", "kind", "GalleryApplicationVersion"),
        ("reconciler.dev/v1", "reconciler.dev/v2", "apiVersion", "reconciler.dev/v1"),
        ("apiVersion: reconciler.dev/v1\n", "", "", "reconciler.dev/v1"),
        (
            "Locations: false",
            "Locations: no",
            "spec.properties.safetyProfile.allowDeletionOfReplicatedLocations",
            "false",
        ),
        (
            "Locations: false",
            "Locations: Yes",
            "spec.properties.safetyProfile.allowDeletionOfReplicatedLocations",
            "true",
        ),
        (
            "Count: 1",
            'Count: "1"',
            "spec.properties.publishingProfile.targetRegions[0].regionalReplicaCount",
            "`1`",
        ),
        ("        - name", "          name", "spec.properties.publishingProfile.targetRegions", "- "),
        ("install: i.sh", "install: {file: i.sh}", "", "$file"),
        ("install: i.sh", "install: {$file: scripts\\i.sh}", "", "scripts/i.sh"),
    ],
)
def test_slip_in_the_manifest(work: Workspace, report: Reporting, old: str, new: str, path: str, fix: str) -> None:
    """One round is enough: the fix names what to write, or where the key belongs."""
    errors = errors_of(work, report, old, new)
    assert any(fix in error["fix"] for error in errors if not path or error["path"] == path)


@pytest.mark.parametrize("key", ["id", "name", "type", "systemData"])
def test_read_only_names_are_not_offered(work: Workspace, report: Reporting, key: str) -> None:
    """The list of known keys has those alone that a manifest may hold."""
    error = errors_of(work, report, "  location: West", "  zzzzzzzz: 1\n  location: West")[0]
    assert key not in error["fix"].removeprefix("known keys: ").split(", ")


@pytest.mark.parametrize(
    ("made", "change"),
    [
        (application(), ("galleryName", "tols", "tools")),
        (application(), ("galleryName", "toolss", "tools")),
        (application(), ("galleryName", "otols", "tools")),
        (version(), ("galleryApplicationName", "agemt", "agent")),
        (application(), ("resourceGroupName", "rg-tool", GROUP)),
    ],
)
def test_misspelt_parent_is_a_warning(
    work: Workspace, report: Reporting, made: Manifest, change: tuple[str, str, str]
) -> None:
    """Before anything is read, where a manifest declares a parent of nearly that name."""
    param, written, meant = change
    work.state(
        gallery(), *([application()] if made["kind"] != "GalleryApplication" else []), changed(made, param, written)
    )
    (warning,) = report("validate")["warnings"]
    assert (warning["code"], warning["path"]) == ("unknown-parent", f"spec.{param}")
    assert meant in warning["fix"]


@pytest.mark.parametrize("written", ["tools", "TOOLS", "tools2", "elsewhere"])
def test_parent_of_another_name_is_no_slip(work: Workspace, report: Reporting, written: str) -> None:
    """A parent without a manifest may be live; numbered siblings are two galleries."""
    work.state(gallery(), changed(application(), "galleryName", written))
    assert report("validate")["warnings"] == []


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
@pytest.mark.parametrize("target", ["Gallery/nope", "Galery/tools", "gallery/tools", "tools"])
def test_target_of_no_manifest_lists_names(work: Workspace, run: Command, command: str, target: str) -> None:
    """The manifests that there are, the nearest first."""
    work.state(gallery(), application())
    done = run(command, "--target", target)
    assert done.code == ExitCode.USAGE
    assert "Gallery/tools" in done.err


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("\u201csh i.sh\u201d", "typographic-quotes"),
        ("$file i.sh", "reference-as-text"),
        ("$file:i.sh", "reference-as-text"),
    ],
)
def test_text_that_means_something_else_is_a_warning(
    work: Workspace, report: Reporting, written: str, code: str
) -> None:
    """YAML takes it as it stands: quotation marks of a word processor, a reference without braces."""
    work.state(changed(version(), "properties.publishingProfile.manageActions.install", written))
    assert [item["code"] for item in report("validate")["warnings"]] == [code]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  location", "\tlocation"),
        ("    safetyProfile", "\tsafetyProfile"),
        ("  location", "   location"),
        ("    publishingProfile", "   publishingProfile"),
        ("        remove", "       remove"),
        ("location: West", "location:West"),
        ("- name: West", "-name: West"),
        ("remove: r.sh", "remove: $file: r.sh"),
        ("remove: r.sh", "remove: echo a: b"),
        ("remove: r.sh", "remove: @x"),
        ("remove: r.sh", 'remove: "x'),
        ("remove: r.sh", 'remove: "C:\\scripts"'),
        ("remove: r.sh", "remove r.sh"),
        ('.zip"}', '.zip"'),
    ],
)
def test_slip_hides_no_other_mistake(work: Workspace, report: Reporting, old: str, new: str) -> None:
    """The document is read on as it is meant: one round reports all its mistakes, and none that it does not have."""
    work.file("manifests/r.sh", "true\n")
    assert TEXT.count(old) == 1
    work.file("manifests/a.yaml", TEXT.replace(old, new))
    assert [item["code"] for item in report("validate", code=1)["errors"]] == ["syntax"]
    wrong = TEXT.replace(old, new).replace("galleryName: tools", "galleryNam:tools").replace("Count: 1", "Count: one")
    work.file(
        "manifests/a.yaml", wrong.replace("galleryApplicationVersionName: 1.0.0", "galleryApplicationVersionName: 1")
    )
    found = report("validate", code=1)["errors"]
    assert sorted(item["code"] for item in found) == ["missing", "syntax", "syntax", "type", "type", "unknown-key"]


def test_misspelt_names_in_the_project_file(work: Workspace, report: Reporting) -> None:
    """Kinds of rules and fields of defaults are compared with those that there are."""
    work.file("manifests/a.yaml", TEXT)
    rule = "{kind: Galery, path: tags, reason: x}"
    defaults = "{tgs: {a: b}, properties: {descripton: x}}"
    head = "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: p}\n"
    work.file("reconciler.yaml", f"{head}spec: {{ignore: [{rule}], defaults: {defaults}}}\n")
    fixes = {item["path"]: item["fix"] for item in report("validate", code=1)["errors"]}
    assert fixes == {
        "spec.ignore[0].kind": "did you mean `Gallery`?",
        "spec.defaults.tgs": "did you mean `tags`?",
        "spec.defaults.properties.descripton": "did you mean `description`?",
    }


def test_misspelt_file(work: Workspace, report: Reporting) -> None:
    """The file of nearly the same name is named, by its path from the manifest; a hidden one never is."""
    work.file("manifests/scripts/remove.sh", "true\n")
    work.file("manifests/scripts/.remvoe.sh", "true\n")
    error = errors_of(work, report, "remove: r.sh", "remove: {$file: scripts/remvoe.sh}")[0]
    assert (error["code"], error["line"]) == ("file-reference", 17)
    assert error["fix"] == "did you mean `scripts/remove.sh`?"
    assert "remove" not in errors_of(work, report, "remove: r.sh", "remove: {$file: other/remove.sh}")[0]["fix"]


def test_reference_without_its_sign(work: Workspace, report: Reporting) -> None:
    """The name of a file in the place of a template is told apart from a template that is broken."""
    text = TEXT.replace("GalleryApplicationVersion\n", "ApplicationDefinition\n").partition("  galleryName")[0]
    rest = "  applicationDefinitionName: portal\n  location: West Europe\n  properties:\n    lockLevel: None\n"
    for written, code in (("{file: mainTemplate.json}", 0), ("mainTemplate.json", 1)):
        template = f"    authorizations: []\n    mainTemplate: {written}\n    createUiDefinition: {{handler: x}}\n"
        work.file("manifests/a.yaml", text + rest + template)
        found = report("validate", code=code)
        fixes = [each["fix"] for each in (*found["errors"], *found["warnings"])]
        assert any("{$file: path}" in fix for fix in fixes)


def test_no_manifest_with_a_slip_is_applied(work: Workspace, report: Reporting) -> None:
    """That a slip is understood does not make the manifest valid."""
    work.file("manifests/a.yaml", TEXT.replace("location: West", "location:West"))
    assert report("apply", "--cloud", "emulator", code=1)["summary"]["puts"] == 0


def test_broken_document_does_not_hide_the_next(work: Workspace, report: Reporting) -> None:
    """After broken syntax the file is read on from the next document, at the right lines."""
    broken = TEXT.replace("        remove", "\tremove")
    wrong = TEXT.replace("location:", "locaton:")
    text = f"{broken}---\n{wrong}---\n{broken}---\n{wrong.replace('agent-1', 'agent-2').replace('1.0.0', '2.0.0')}"
    work.file("manifests/a.yaml", text)
    lines = TEXT.count("\n") + 1
    errors = report("validate", code=1)["errors"]
    assert [(item["code"], item["line"]) for item in errors if item["code"] in {"syntax", "unknown-key"}] == [
        ("syntax", 17),
        ("unknown-key", lines + 11),
        ("syntax", 2 * lines + 17),
        ("unknown-key", 3 * lines + 11),
    ]
