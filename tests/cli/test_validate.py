"""``validate``: what a manifest may say, and how it is told what it may not. Nothing is ever sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    LINK,
    REGIONS,
    SUBSCRIPTION,
    Azure,
    Manifest,
    Workspace,
    annotated,
    application,
    as_yaml,
    changed,
    codes,
    definition,
    estate,
    gallery,
    inline,
    named,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting

_SCRIPT = "properties.publishingProfile.manageActions.install"


def test_valid_estate(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Valid manifests exit 0, are counted, and nothing is read."""
    work.state(*estate())
    found = report("validate")
    assert found["summary"]["resources"] == 4
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0}
    assert found["resources"] == found["errors"] == found["warnings"] == []
    assert azure.holds()


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "drift"])
def test_one_bad_among_many_stops_everything(
    work: Workspace, azure: Azure, report: Reporting, tmp_path: object, command: str
) -> None:
    """Fifty good files and one bad one: exit 1, no resource, no request, and the errors of that file."""
    work.state(*(gallery(f"g{number}") for number in range(50)))
    work.add(changed(gallery("bad"), "properties.descripton", "x"))
    found = report(command, code=1)
    assert codes(found) == ["unknown-key"]
    assert found["resources"] == []
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0}
    assert azure.holds()


def test_all_errors_of_all_files_at_once(work: Workspace, report: Reporting) -> None:
    """Every mistake of every file comes in one run, each with its place."""
    bad = changed(changed(gallery(), "properties.descripton", "x"), "location", 7)
    work.state(bad, changed(application(), "properties.supportedOSType", "Linus"), without(version(), "location"))
    work.file("manifests/broken.yaml", "kind: [\n")
    found = report("validate", code=1)
    assert {error["file"] for error in found["errors"]} == {
        "manifests/Gallery-tools.yaml",
        "manifests/GalleryApplication-agent.yaml",
        "manifests/GalleryApplicationVersion-agent-1.0.0.yaml",
        "manifests/broken.yaml",
    }
    assert len(found["errors"]) == 5


_BAD: list[tuple[str, Manifest, str, str]] = [
    ("unknown key", changed(gallery(), "properties.descripton", "x"), "spec.properties.descripton", "description"),
    ("unknown key in spec", changed(gallery(), "galeryName", "x"), "spec.galeryName", "galleryName"),
    ("missing location", without(gallery(), "location"), "spec", "location"),
    ("read-only", changed(gallery(), "properties.provisioningState", "x"), "spec.properties.provisioningState", ""),
    ("wrong enum", changed(application(), "properties.supportedOSType", "linux"), "", "Linux"),
    ("number for text", changed(gallery(), "tags", {"a": 1}), "spec.tags.a", "quot"),
    ("boolean for text", changed(gallery(), "tags", {"a": True}), "spec.tags.a", "quot"),
    ("decimal for integer", changed(version(), f"{REGIONS}.0.regionalReplicaCount", 1.5), "", ""),
    ("region twice", version(targetRegions=[{"name": "West Europe"}, {"name": "westeurope"}]), "", ""),
    ("location not a region", version(targetRegions=[{"name": "North Europe"}]), "", "West Europe"),
    ("long script", changed(version(), _SCRIPT, "x" * 4097), f"spec.{_SCRIPT}", ""),
    ("install without remove", without(version(), "properties.publishingProfile.manageActions.remove"), "", "remove"),
    ("both ways of content", changed(inline(), "properties.packageFileUri", LINK), "", "packageFileUri"),
    ("half of the content", without(inline(), "properties.createUiDefinition"), "", "createUiDefinition"),
    ("no content", without(definition(), "properties.packageFileUri"), "", "packageFileUri"),
    ("tracking tag", changed(gallery(), "tags", {"reconciler-digest": "x"}), "", ""),
    ("tracking tag in capitals", changed(gallery(), "tags", {"Reconciler-Commit": "x"}), "", ""),
    ("tags that differ by case", changed(gallery(), "tags", {"a": "1", "A": "2"}), "", ""),
    ("fifty-one tags", changed(gallery(), "tags", {f"t{n}": "" for n in range(51)}), "spec.tags", ""),
    ("null for a required key", changed(gallery(), "location", None), "spec.location", ""),
    ("null for a defaulted key", version(replicaCount=None), "", ""),
    ("null for a server's key", version(targetRegions=None), "", ""),
    ("paused as a boolean", annotated(gallery(), paused="yes"), "", ""),
    ("wave that is no number", annotated(gallery(), wave="first"), "", ""),
    ("unknown annotation", annotated(gallery(), pause="true"), "", "paused"),
    ("bad package hash", annotated(definition(), package_sha256="abc"), "", ""),
    ("version of two parts", version("1.0"), "spec.galleryApplicationVersionName", ""),
    ("version out of range", version("1.0.2147483648"), "spec.galleryApplicationVersionName", ""),
    ("encryption", changed(version(), f"{REGIONS}.0.encryption", {"osDiskImage": {}}), "", ""),
]


@pytest.mark.parametrize(("made", "path", "says"), [row[1:] for row in _BAD], ids=[row[0] for row in _BAD])
def test_refused(work: Workspace, report: Reporting, made: Manifest, path: str, says: str) -> None:
    """What Azure would refuse is an error with file, line, column, path in the document, and what to do."""
    file = work.add(made)
    found = report("validate", code=1)
    for error in found["errors"]:
        assert error["file"] == str(file.relative_to(work.folder))
        assert error["line"] >= 1
        assert error["column"] >= 1
        assert error["code"]
        assert error["fix"]
        assert error["message"]
    text = "".join(f"{error['path']} {error['message']} {error['fix']}" for error in found["errors"])
    assert path in text
    assert says in text


_IDENTITY = ("../x", "a/b", "a?b", "a#b", "a%2eb", "a\r\nb", "a@b:c", "..", ".", "", " a", "a\\b", "\u0430bc")


@pytest.mark.parametrize("name", _IDENTITY)
@pytest.mark.parametrize("parameter", ["subscriptionId", "resourceGroupName", "galleryName"])
def test_names_that_would_change_the_url(work: Workspace, report: Reporting, parameter: str, name: str) -> None:
    """A name that could turn the URL elsewhere is an error on that name."""
    work.add(changed(gallery(), parameter, name))
    found = report("plan", code=1)
    assert found["errors"][0]["path"] == f"spec.{parameter}"


_WORTH_A_LOOK: list[tuple[str, Manifest]] = [
    ("subscription that is no GUID", changed(gallery(), "subscriptionId", "my-subscription")),
    ("link that is no URL", changed(version(), "properties.publishingProfile.source.mediaLink", "package.zip")),
    ("more replicas than documented", changed(version(), f"{REGIONS}.0.regionalReplicaCount", 11)),
    ("long application name", application("a" * 81)),
    ("no deployment policy", without(definition(), "properties.deploymentPolicy")),
    ("principal that is no GUID", definition(authorizations=[{"principalId": "me", "roleDefinitionId": "owner"}])),
]


@pytest.mark.parametrize("made", [row[1] for row in _WORTH_A_LOOK], ids=[row[0] for row in _WORTH_A_LOOK])
def test_warned_of(work: Workspace, report: Reporting, made: Manifest) -> None:
    """What may be right is a warning with its place and what to do; under strict it is an error."""
    work.add(made)
    found = report("validate")
    assert found["warnings"]
    for warning in found["warnings"]:
        assert warning["line"] >= 1
        assert warning["path"].startswith("spec.")
        assert warning["fix"]
    work.project(strict=True)
    strict = report("validate", code=1)
    assert codes(strict) == codes(found, "warnings")
    assert strict["warnings"] == []


def test_secret_in_manifest(work: Workspace, report: Reporting) -> None:
    """A signature in a manifest is a warning of its own name."""
    work.add(changed(version(), "properties.publishingProfile.source.mediaLink", f"{LINK}?sv=1&sig=CANARY"))
    found = report("validate")
    assert codes(found, "warnings") == ["secret-in-manifest"]
    assert found["warnings"][0]["path"] == "spec.properties.publishingProfile.source.mediaLink"


def test_same_resource_twice(work: Workspace, report: Reporting) -> None:
    """Two manifests of one resource, spelled in another case, are an error that names both places."""
    first = work.add(gallery("tools"))
    second = work.add(named(gallery("TOOLS"), "other"), file="z.yaml")
    found = report("plan", code=1)
    (error,) = found["errors"]
    assert error["file"] == str(second.relative_to(work.folder))
    assert f"{first.relative_to(work.folder)}:1" in error["message"]


def test_same_name_twice(work: Workspace, report: Reporting) -> None:
    """Two manifests of one kind with one name are an error; two of different kinds are none."""
    work.add(gallery("one"), named(application("app", within="one"), "one"))
    assert report("validate")["errors"] == []
    work.add(named(gallery("two"), "one"), file="z.yaml")
    (error,) = report("validate", code=1)["errors"]
    assert "Gallery-one.yaml:1" in error["message"]


def test_unknown_kind(work: Workspace, report: Reporting) -> None:
    """An unknown kind is an error that names the nearest known one."""
    work.add({**gallery(), "kind": "Galery"})
    (error,) = report("validate", code=1)["errors"]
    assert error["path"] == "kind"
    assert "Gallery" in error["fix"]


def test_yaml_keeps_text(work: Workspace, report: Reporting) -> None:
    """YAML 1.2: no, on, 1:30, a date and 1.0.0 are text."""
    work.file(
        "manifests/text.yaml",
        as_yaml(gallery()).replace("  properties: {}\n", "  tags: {a: no, b: on, c: 1:30, d: 2026-01-01, e: 1.0.0}\n"),
    )
    assert report("validate")["summary"]["resources"] == 1


@pytest.mark.parametrize("value", ["1.10", "010", "true", "1", "1e3"])
def test_number_where_text_is_wanted(work: Workspace, report: Reporting, value: str) -> None:
    """A number or a boolean where text is wanted is an error that says to quote it."""
    work.file("manifests/a.yaml", as_yaml(gallery()).replace("  properties: {}\n", f"  tags: {{a: {value}}}\n"))
    (error,) = report("validate", code=1)["errors"]
    assert error["path"] == "spec.tags.a"
    assert "quot" in error["fix"]


def test_duplicate_key(work: Workspace, report: Reporting) -> None:
    """A key that is stated twice is an error that names both lines."""
    work.file("manifests/a.yaml", "apiVersion: reconciler.dev/v1\nkind: Gallery\nkind: Gallery\n")
    error = report("validate", code=1)["errors"][0]
    assert error["line"] == 3
    assert "2" in error["message"]


def test_json_is_yaml(work: Workspace, report: Reporting) -> None:
    """A manifest may be JSON, and several documents may be one file."""
    import json

    work.file("manifests/a.yml", json.dumps(gallery()))
    work.file("manifests/sub/b.yaml", as_yaml(application(), version()))
    assert report("validate")["summary"]["resources"] == 3


def test_byte_order_mark_and_line_ends(work: Workspace, report: Reporting) -> None:
    """CRLF, a byte order mark and JSON give the same plan as the plain form."""
    text = as_yaml(changed(version(), _SCRIPT, "sh a\nsh b\n"))
    work.file("manifests/a.yaml", as_yaml(gallery(), application()) + "---\n" + text)
    report("apply")
    work.file("manifests/a.yaml", "\ufeff" + (as_yaml(gallery(), application()) + "---\n" + text).replace("\n", "\r\n"))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 3


def test_passed_over(work: Workspace, report: Reporting) -> None:
    """Hidden files and folders, kustomization.yaml and files of other suffixes are passed over."""
    work.add(gallery())
    for name in (".hidden.yaml", ".git/a.yaml", "kustomization.yaml", "notes.txt", "a.json", "sub/.x/b.yaml"):
        work.file(f"manifests/{name}", "not: a manifest\n")
    assert report("validate")["summary"]["resources"] == 1


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n---\n"])
@pytest.mark.parametrize("command", ["validate", "plan", "apply", "drift"])
def test_nothing_stated(work: Workspace, report: Reporting, command: str, text: str) -> None:
    """A folder without a manifest is an error, unless it is said to be right."""
    work.file("manifests/a.yaml", text)
    assert codes(report(command, code=1)) == ["no-manifests"]
    assert report(command, "--allow-empty")["summary"]["resources"] == 0


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "drift"])
def test_folder_that_is_not_there(work: Workspace, report: Reporting, command: str) -> None:
    """A path that does not exist is an error that names it."""
    (error,) = report(command, "nowhere", code=1)["errors"]
    assert error["file"] == "nowhere"


def test_links_out_of_the_root(work: Workspace, report: Reporting) -> None:
    """A symbolic link is never followed, and is not passed over without a word."""
    outside = work.file("outside/other.yaml", "CANARY: true\n")
    (work.manifests / "link.yaml").symlink_to(outside)
    found = report("validate", code=1)
    assert [error["file"] for error in found["errors"]] == ["manifests/link.yaml"]
    assert "CANARY: true" not in str(found)


@pytest.mark.parametrize("path", ["../outside.sh", "/etc/passwd", "http://localhost/x", "~/x", "missing.sh", "."])
def test_file_reference_that_is_refused(work: Workspace, report: Reporting, path: str) -> None:
    """$file names a regular file below the root and nothing else."""
    work.file("outside.sh", "CANARY")
    work.add(changed(version(), _SCRIPT, {"$file": path}))
    found = report("validate", code=1)
    assert len(found["errors"]) == 1
    assert found["errors"][0]["path"].startswith(f"spec.{_SCRIPT}")
    assert "CANARY" not in str(found)


def test_file_reference(work: Workspace, azure: Azure, report: Reporting) -> None:
    """$file drops a byte order mark and one final newline, reads CRLF as LF, and then is checked for length."""
    work.file("manifests/scripts/install.sh", "\ufeffecho 1\r\necho 2\r\n\r\n")
    made = changed(version(), _SCRIPT, {"$file": "scripts/install.sh"})
    work.state(gallery(), application(), made)
    report("apply")
    actions = azure.stored(made)["properties"]["publishingProfile"]["manageActions"]
    assert actions["install"] == "echo 1\necho 2\n"
    work.file("manifests/scripts/install.sh", "x" * 4096 + "\r\n")
    assert report("validate")["errors"] == []
    work.file("manifests/scripts/install.sh", "x" * 4097 + "\n")
    assert report("validate", code=1)["errors"][0]["path"] == f"spec.{_SCRIPT}"


def test_templates_from_files(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A template as a mapping, as JSON text or from a file is the same template."""
    work.file("manifests/main.json", '{"resources": [ ]}')
    work.file("manifests/form.json", '{"version":"0.1"}')
    work.state(inline())
    report("apply")
    ways: list[Any] = [{"$file": "main.json"}, '{ "resources" : [] }', {"resources": []}]
    for way in ways:
        made = changed(inline(), "properties.mainTemplate", way)
        work.state(changed(made, "properties.createUiDefinition", {"$file": "form.json"}))
        assert report("apply")["summary"]["requests"]["PUT"] == 0


def test_template_that_is_no_json(work: Workspace, report: Reporting) -> None:
    """Text that is no JSON object is an error in place of a template."""
    work.add(changed(inline(), "properties.mainTemplate", "{"))
    assert report("validate", code=1)["errors"][0]["path"] == "spec.properties.mainTemplate"


def test_standard_input(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minus sign reads standard input, which is named so in errors."""
    import io
    import sys

    text = as_yaml(changed(gallery(), "properties.x", 1))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    done = run("validate", "-", "-o", "json")
    assert done.code == 1
    assert done.report["errors"][0]["file"] == "-"


def test_several_paths(work: Workspace, report: Reporting) -> None:
    """Several paths are one estate, and a file named twice is read once."""
    one = work.file("one.yaml", as_yaml(gallery()))
    work.file("two/a.yaml", as_yaml(application()))
    assert report("validate", str(one), "two", "one.yaml")["summary"]["resources"] == 2


def test_unknown_region(work: Workspace, report: Reporting) -> None:
    """An unknown region is a warning, never an error, and its spellings are one."""
    regions = [{"name": "moonbase 1"}, {"name": "West Europe"}]
    work.state(gallery(), application(), version(targetRegions=regions))
    assert [item["code"] for item in report("validate")["warnings"]] == ["unknown-region"]
    report("apply")
    work.state(gallery(), application(), version(targetRegions=[{"name": "MoonBase1"}, {"name": "westeurope"}]))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 3


@pytest.mark.parametrize("subscription", [SUBSCRIPTION.upper(), SUBSCRIPTION])
def test_ids_have_no_case(work: Workspace, report: Reporting, subscription: str) -> None:
    """Parameters of the id in another case are the same resource."""
    work.state(*estate())
    report("apply")
    work.state(*(changed(made, "subscriptionId", subscription) for made in estate()))
    work.state(*(changed(made, "resourceGroupName", "RG-TOOLS") for made in estate()))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 4


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Nroth Europe", "North Europe"),
        ("nrotheurope", "northeurope"),
        ("West Eurpe", "West Europe"),
        ("Europe West", "West Europe"),
        ("west-europe", "westeurope"),
        ("East US2 ", None),
        ("eastus", None),
        ("UK-South", "uksouth"),
        ("usgovvirgina", "usgovvirginia"),
        ("Swizerland North", "Switzerland North"),
        ("Atlantis", ""),
    ],
)
def test_unknown_region_names_the_nearest(work: Workspace, report: Reporting, written: str, meant: str | None) -> None:
    """A misspelt region is a warning with the region that is meant, spelled alike; strict refuses it."""
    work.state(changed(gallery(), "location", written))
    warnings = report("validate")["warnings"]
    assert [item["code"] for item in warnings] == ["unknown-region"] * (meant is not None)
    assert all(meant in item["fix"] and item["path"] == "spec.location" for item in warnings if meant is not None)
    work.project(strict=True)
    assert len(report("validate", code=int(meant is not None))["errors"]) == (meant is not None)


def test_misspelt_location_is_not_to_be_added(work: Workspace, report: Reporting) -> None:
    """No advice spreads the mistake: neither for a location that is misspelt, nor for an element that is."""
    work.state(changed(version(), "location", "West Eurpe"))
    assert [item["code"] for item in report("validate")["warnings"]] == ["unknown-region"]
    work.state(changed(version(targetRegions=[{"name": "North Europe"}]), "location", "West Eurpe"))
    (error,) = report("validate", code=1)["errors"]
    assert error["code"] == "must-contain"
    assert "West Eurpe" not in error["fix"]
    work.state(version(targetRegions=[{"name": "West Eurpe"}]))
    found = report("validate", code=1)
    assert [item["code"] for item in found["warnings"]] == ["unknown-region"]
    assert "add an element" not in found["errors"][0]["fix"]


def test_region_in_defaults_is_reported_once(work: Workspace, report: Reporting) -> None:
    """A default that is laid under many manifests is one line, at its place in the project file."""
    work.project(defaults={"location": "Nroth Europe"})
    work.state(*(without(gallery(name), "location") for name in ("one", "two", "three")))
    (warning,) = report("validate")["warnings"]
    assert warning["file"] == "reconciler.yaml"


@pytest.mark.slow
def test_more_on_standard_input_than_in_a_file(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tools render a whole estate there; it has a limit of its own, and cannot be split."""
    import io
    import sys

    def piped(text: str, code: int = 0) -> Any:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return report("validate", "-", code=code)["errors"]

    texts = [as_yaml(gallery(f"tools{number}")) for number in range(1_500)]
    assert piped("---\n".join(texts)) == []
    work.state()
    file = work.file("manifests/all.yaml", "---\n".join(texts))
    assert [error["code"] for error in report("validate", str(file), code=1)["errors"]] == ["limit"]
    (error,) = piped("---\n" * 100_001, code=1)
    assert (error["code"], error["file"]) == ("limit", "-")
    assert "folder" in error["fix"]
