"""Manifests for what exists: what the command writes, where, and what it never does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.kinds.packaged import packaged
from tests.kit.cli import (
    GROUP,
    REGIONS,
    SUBSCRIPTION,
    Azure,
    Workspace,
    application,
    changed,
    changes_of,
    definition,
    estate,
    gallery,
    inline,
    named,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting

EXPORT = ("export", "--subscription", SUBSCRIPTION)
FILES = [
    f"{GROUP}/applicationDefinitions/suite.yaml",
    f"{GROUP}/galleries/tools.yaml",
    f"{GROUP}/galleries/tools/agent.yaml",
    f"{GROUP}/galleries/tools/agent/1.0.0.yaml",
]


def files(folder: Path) -> list[str]:
    """Return every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fill(
    work: Workspace, folder: str = "manifests", link: str = "https://packages.blob.core.windows.net/suite/app.zip"
) -> None:
    """Fill the placeholder of the definition."""
    file = work.folder / folder / FILES[0]
    file.write_text(file.read_text().replace('"<fill in>"', link))


def test_export_of_what_was_applied(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """One file each; once the placeholder is filled they are valid, and a plan of them is empty."""
    work.state(*estate())
    report("apply")
    before = {id_: azure.stored(made) for made in estate() for id_ in [made["metadata"]["name"]]}
    work.state()
    done = run(*EXPORT)
    assert (done.code, done.err) == (0, "")
    assert files(work.manifests) == FILES
    told = "`<fill in>` is a placeholder: Azure never returns this field"
    assert done.out.splitlines() == [
        "embedded ARM: Exported 4 manifests.",
        "",
        *(f"manifests/{file}" for file in FILES),
        "",
        f"manifests/{FILES[0]}:15:5: error[placeholder]: {told}",
        "    at: spec.properties.packageFileUri",
        "    fix: write the value to send",
        "",
        "5 reads, 0 writes",
    ]
    fill(work)
    assert run("validate").code == 0
    plan = report("plan", "--detailed-exitcode")
    assert plan["summary"]["inSync"] == 4
    assert changes_of(plan) == []
    assert before == {id_: azure.stored(made) for made in estate() for id_ in [made["metadata"]["name"]]}


def test_validate_refuses_what_is_not_filled_in(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """The placeholder is an error with its place, and it is the only one."""
    azure.seed(inline())
    assert run(*EXPORT).code == 0
    failed = report("validate", code=1)
    (error,) = failed["errors"]
    assert (error["code"], error["path"]) == ("placeholder", "spec.properties.packageFileUri")
    assert failed["warnings"] == []


@pytest.mark.parametrize("value", ["<fill in>", "https://x.example/app.zip?<fill in>"])
def test_a_placeholder_is_refused_wherever_it_stands(work: Workspace, report: Reporting, value: str) -> None:
    """A value that was half filled in is refused too; where nothing is secret the same text is a text."""
    work.state(
        definition(packageFileUri=value, displayName="<fill in>"),
        changed(version(), "properties.publishingProfile.source.mediaLink", value),
    )
    failed = report("validate", code=1)
    assert sorted(error["path"].rpartition(".")[2] for error in failed["errors"]) == ["mediaLink", "packageFileUri"]
    assert {error["code"] for error in failed["errors"]} == {"placeholder"}


def test_adopting_what_somebody_else_made(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Of resources without the reconciler's tags the export needs one PUT: the one that records the content."""
    azure.seed(*estate())
    assert run(*EXPORT).code == 0
    fill(work)
    plan = report("plan")
    assert (plan["summary"]["puts"], plan["summary"]["inSync"]) == (1, 3)
    assert {change["finding"] for change in changes_of(plan)} == {"unverified"}


def test_scripts_and_links(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Scripts are files beside the manifest, and no signature is in any file or on any stream."""
    actions = {"install": "#!/bin/sh\nset -e\n./install", "remove": "rm -rf /opt/agent"}
    made = changed(
        version(manageActions=actions),
        "properties.publishingProfile.source.mediaLink",
        "https://packages.blob.core.windows.net/agent/agent.zip?sig=CANARY",
    )
    azure.seed(gallery(), application(), made)
    done = run(*EXPORT, "--out-dir", "out")
    assert "CANARY" not in done.out + done.err
    written = {name: (work.folder / "out" / name).read_text() for name in files(work.folder / "out")}
    assert "CANARY" not in str(written)
    script = f"{GROUP}/galleries/tools/agent/scripts/1.0.0-install.sh"
    assert written[script] == "#!/bin/sh\nset -e\n./install\n"
    text = written[f"{GROUP}/galleries/tools/agent/1.0.0.yaml"]
    assert "        install: {$file: scripts/1.0.0-install.sh}\n        remove: rm -rf /opt/agent\n" in text
    assert '  galleryApplicationVersionName: "1.0.0"\n' in text
    assert changes_of(report("plan", "out", "--detailed-exitcode")) == []


def test_nothing_is_written_over(work: Workspace, azure: Azure, run: Command) -> None:
    """All files that are in the way are named and not one is written; --force writes them all."""
    azure.seed(*estate())
    work.file(f"manifests/{FILES[1]}", "mine")
    (work.manifests / FILES[2]).parent.mkdir(parents=True)
    (work.manifests / FILES[2]).symlink_to("nowhere")
    done = run(*EXPORT)
    assert done.code == 1
    assert done.out.splitlines() == [
        "embedded ARM: Nothing was written: 2 files exist. Choose another --out-dir, or --force to write over them.",
        "",
        f"manifests/{FILES[1]}",
        f"manifests/{FILES[2]}",
    ]
    assert files(work.manifests) == [FILES[1]]
    (work.manifests / FILES[2]).unlink()
    assert run(*EXPORT).out.startswith("embedded ARM: Nothing was written: 1 file exists.")
    assert run(*EXPORT, "--force").code == 0
    assert files(work.manifests) == FILES
    assert (work.manifests / FILES[1]).read_text().startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_links_below_the_folder_are_not_followed(
    work: Workspace, azure: Azure, run: Command, tmp_path: Path, force: tuple[str, ...]
) -> None:
    """Neither one that is a folder on the way, nor one in the place of a file; the folder itself may be one."""
    azure.seed(*estate())
    outside = tmp_path / "outside"
    outside.mkdir()
    top, below = Path(FILES[0]).parts[0], Path(FILES[1]).parts[:2]
    for link in (Path(top), Path(*below)):
        (work.manifests / link).parent.mkdir(parents=True, exist_ok=True)
        (work.manifests / link).symlink_to(outside)
        done = run(*EXPORT, *force)
        assert done.code == 1
        assert f"manifests/{link.as_posix()}" in done.err
        assert files(work.manifests) == files(outside) == []
        (work.manifests / link).unlink()
    (work.manifests / FILES[1]).parent.mkdir(parents=True, exist_ok=True)
    (work.manifests / FILES[1]).symlink_to(outside / "file")
    assert run(*EXPORT, "--force").code == 0
    assert files(outside) == []
    assert not (work.manifests / FILES[1]).is_symlink()
    (work.folder / "elsewhere").symlink_to(outside)
    assert run(*EXPORT, "--out-dir", "elsewhere").code == 0
    assert [file for file in files(outside) if file in FILES] == FILES


def test_schemas_for_editors_go_through_no_link(work: Workspace, azure: Azure, run: Command, tmp_path: Path) -> None:
    """Neither those beside an export, nor those of ``schema --all``; then nothing is exported either."""
    azure.seed(*estate())
    outside = tmp_path / "outside"
    outside.mkdir()
    (work.folder / "schemas").symlink_to(outside)
    assert run(*EXPORT, "--out-dir", "out").code == 1
    assert files(outside) == files(work.folder) == []
    (work.folder / "schemas").unlink()
    (work.folder / "schemas").mkdir()
    (work.folder / "schemas" / "Gallery.schema.json").symlink_to(outside / "file")
    assert run("schema", "--all", "--out-dir", "schemas").code == 0
    assert files(outside) == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--resource-group", GROUP.upper()), [file.replace(GROUP, GROUP.upper(), 1) for file in FILES]),
        (("--gallery", "tools"), FILES[1:]),
        (("--application", "AG*", "--resource-group", GROUP), FILES[2:]),
        (("--definition", "*"), FILES[:1]),
    ],
)
def test_narrowing(work: Workspace, azure: Azure, run: Command, options: tuple[str, ...], wanted: list[str]) -> None:
    """A group, a gallery, an application with its versions, definitions."""
    elsewhere = named(gallery("others"), "elsewhere")
    elsewhere["spec"]["resourceGroupName"] = "rg-others"
    azure.seed(*estate(), elsewhere)
    assert run(*EXPORT, *options).code == 0
    assert [file for file in files(work.manifests) if "others" not in file] == wanted


def test_nothing_there(work: Workspace, run: Command) -> None:
    """An empty subscription is no failure; a name that nothing has is one."""
    done = run(*EXPORT)
    assert (done.code, done.out) == (0, "embedded ARM: Nothing to export.\n\n2 reads, 0 writes\n")
    assert run(*EXPORT, "--gallery", "tools").code == 1
    assert files(work.manifests) == []


def test_wrong_usage(run: Command) -> None:
    """A subscription must be named, options must go together, and there is no report to choose a format of."""
    for arguments in (
        ("export",),
        (*EXPORT, "--gallery", "a", "--definition", "b"),
        (*EXPORT, "-o", "json"),
        (*EXPORT, "--endpoint", "http://arm.example", "--cloud", "public"),
    ):
        assert run(*arguments).code == 64


def test_what_cannot_be_read(work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """If anything cannot be read, nothing is written."""
    azure.seed(*estate())
    monkeypatch.setenv("RECONCILER_EMULATOR_STRICT_GROUPS", "1")
    done = run(*EXPORT, "--resource-group", "rg-missing")
    assert done.code == 1
    assert "ResourceGroupNotFound" in done.err
    assert files(work.manifests) == []


def test_a_folder_that_cannot_be_written(work: Workspace, azure: Azure, run: Command) -> None:
    """It is said in a sentence."""
    azure.seed(gallery())
    work.file("out", "a file")
    assert run(*EXPORT, "--out-dir", "out/below").code == 1


def test_the_projects_tags_are_its_own(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """The project file above the folder says which tags are not stated; a bad one ends the export."""
    work.project("endpoint", tracking={"prefix": "git"})
    made = gallery()
    made["spec"]["tags"] = {"team": "endpoint", "reconciler-note": "theirs"}
    azure.seed(changed(made, "tags.git-commit", "0123"))
    assert run(*EXPORT).code == 0
    text = (work.manifests / FILES[1]).read_text()
    assert "    team: endpoint\n    reconciler-note: theirs\n" in text
    assert "git-commit" not in text
    assert changes_of(report("plan")) == []
    work.file("reconciler.yaml", "kind: Project")
    assert run(*EXPORT, "--force").code == 1


def test_schemas_nearby(work: Workspace, azure: Azure, run: Command) -> None:
    """Editors are pointed at the schemas of the repository, up to its root, and else at those written beside."""
    azure.seed(gallery())
    for kind in packaged().kinds:
        work.file(f"schemas/{kind}.schema.json", "{}")
    run(*EXPORT, "--out-dir", "estate/one")
    text = (work.folder / "estate" / "one" / FILES[1]).read_text()
    assert text.startswith("# yaml-language-server: $schema=../../../../schemas/Gallery.schema.json\n")
    (work.folder / "estate" / ".git").mkdir()
    run(*EXPORT, "--out-dir", "estate/two")
    text = (work.folder / "estate" / "two" / FILES[1]).read_text()
    assert text.startswith("# yaml-language-server: $schema=../../../schemas/Gallery.schema.json\n")


def test_what_is_told(work: Workspace, azure: Azure, run: Command) -> None:
    """What a plan will not call in sync, and a signature in a script, are told."""
    actions = {"install": "curl https://x.example/a?sig=abc", "remove": "true"}
    azure.seed(gallery(), application(), version(manageActions=actions))
    azure.fail_next(gallery())
    azure.send("PUT", gallery(), {"location": "West Europe", "properties": {"description": "x"}})
    done = run(*EXPORT)
    assert "warning[secret-in-manifest]" in done.out
    assert "Gallery tools: its provisioning state is Failed, so plans do not report it in sync\n" in done.out


@pytest.mark.slow
def test_many_of_everything(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Galleries of one name in two groups, with regions and pages of lists, plan clean under names of their own."""
    twins = [gallery(), application(), version(), changed(version("1.10.0"), f"{REGIONS}.0.regionalReplicaCount", 2)]
    others = [{**made, "spec": {**made["spec"], "resourceGroupName": "rg-others"}} for made in twins]
    azure.seed(*twins, *others, *(gallery(f"g{index}") for index in range(120)))
    assert run(*EXPORT).code == 0
    plan = report("plan", "--detailed-exitcode")
    assert plan["summary"]["inSync"] == 128
    names = {item["name"] for item in plan["resources"]}
    assert {f"{GROUP}-tools", "rg-others-tools", f"{GROUP}-tools-agent-1.10.0", "g7"} <= names


def test_export_beside_manifests_leaves_a_valid_tree(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """What other files declare is not exported again, and no name is given twice; the next plan has no error."""
    azure.seed(*estate())
    work.state(named(gallery(), "shared"), named(gallery("else"), "tools"), named(application(), "the-agent"))
    done = run(*EXPORT, "--out-dir", "manifests/live")
    assert done.code == 0
    assert "manifests/Gallery-shared.yaml:1" in done.out
    fill(work, "manifests/live")
    assert files(work.manifests / "live") == [FILES[0], FILES[-1]]
    assert report("validate")["errors"] == []
    assert report("plan")["summary"]["resources"] == 5
    assert run(*EXPORT, "--out-dir", "manifests/again").out.startswith("embedded ARM: Nothing to export.")
    assert not (work.manifests / "again").exists()


def test_export_into_the_folder_of_manifests(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Also where the other manifests are in the same folder, and --force writes over the files of an export."""
    azure.seed(*estate())
    work.state(named(version(), "first"))
    work.project(defaults={"tags": {"team": "x"}})
    assert run(*EXPORT).code == 0
    fill(work)
    assert report("validate")["errors"] == []
    assert run(*EXPORT).code == 1
    assert run(*EXPORT, "--force").code == 0
    fill(work)
    assert report("validate")["errors"] == []


def test_exported_schema_lines_point_at_local_files(work: Workspace, azure: Azure, run: Command) -> None:
    """Every line for editors names a schema that is there, whether or not the schemas were written before."""
    azure.seed(*estate())
    run(*EXPORT, "--out-dir", "one/live")
    assert run("schema", "--all", "--out-dir", "two/schemas").code == 0
    run(*EXPORT, "--out-dir", "two/deep/live")
    for file in work.folder.rglob("*.yaml"):
        first = file.read_text().splitlines()[0]
        assert (file.parent / first.partition("$schema=")[2]).is_file()
    assert (work.folder / "two" / "schemas" / "Project.schema.json").is_file()
    assert not (work.folder / "two" / "deep" / "schemas").exists()
