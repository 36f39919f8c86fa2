"""Environments: which manifests each has, which one a run is about, and what is only for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    application,
    as_yaml,
    changed,
    codes,
    commit,
    gallery,
    git,
    named,
    resource,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Report, Workspace

READING = ["plan", "drift", "apply", "run"]


def _once(command: str) -> tuple[str, ...]:
    return ("run", "--once") if command == "run" else (command,)


def _names(report: Report) -> set[str]:
    return {item["name"] for item in report["resources"] if item["source"]}


def _two(work: Workspace, **more: Any) -> None:
    """Let dev and prod have a folder of manifests each beside a base with a gallery and an application."""
    work.state(gallery(), application())
    work.project(environments={"dev": {"paths": ["only/dev"]}, "prod": {"paths": ["only/prod"]}}, **more)
    work.file("only/dev/v.yaml", as_yaml(version(number="1.1.0")))
    work.file("only/prod/v.yaml", as_yaml(version(number="1.0.0")))


# Without an environment


@pytest.mark.parametrize("command", READING)
def test_manifests_that_need_an_environment_are_one_error(
    work: Workspace, azure: Azure, report: Reporting, command: str
) -> None:
    """It lists the environments, in place of a mistake in each manifest; other mistakes are still there."""
    subscription = gallery()["spec"]["subscriptionId"]
    bare = [without(made, "subscriptionId") for made in (gallery(), application(), version())]
    work.state(*bare)
    work.project(environments={name: {"defaults": {"subscriptionId": subscription}} for name in ("dev", "prod")})
    (error,) = report(*_once(command), code=1)["errors"]
    assert (error["code"], error["file"], error["path"]) == ("no-environment", "reconciler.yaml", "spec.environments")
    assert "dev" in error["fix"]
    assert "prod" in error["fix"]
    assert azure.ids() == set()
    work.state(*bare, changed(gallery("two"), "location", 3))
    assert min(codes(report(*_once(command), code=1))) == "no-environment"
    assert len(report(*_once(command), code=1)["errors"]) == 2


def test_validate_looks_at_every_environment(work: Workspace, report: Reporting, run: Command) -> None:
    """A mistake of one is found without naming it, once, and a mistake of all is told once."""
    _two(work)
    assert report("validate")["summary"]["resources"] == 4
    assert "2 environments" in run("validate").out
    work.file("only/prod/v.yaml", as_yaml(changed(version(number="1.0.0"), "location", 3)))
    (error,) = report("validate", code=1)["errors"]
    assert error["file"] == "only/prod/v.yaml"
    assert "prod" in error["message"]
    assert report("validate", "-e", "dev")["errors"] == []
    work.add(changed(gallery("two"), "location", 3))
    assert len(report("validate", code=1)["errors"]) == 2


def test_an_environment_that_is_not_there(work: Workspace, run: Command) -> None:
    """A slip gets the nearest name; without a project file, that is the reason."""
    _two(work)
    for command in READING:
        done = run(*_once(command), "-e", "pord")
        assert (done.code, "did you mean `prod`?" in done.err, "known: dev, prod" in done.err) == (64, True, True)
    (work.folder / "reconciler.yaml").unlink()
    done = run("plan", "-e", "prod")
    assert (done.code, "no project file" in done.err) == (64, True)


@pytest.mark.parametrize("folder", ["../elsewhere", "/elsewhere", "C:/elsewhere"])
def test_a_folder_outside_of_the_project_has_an_example(work: Workspace, report: Reporting, folder: str) -> None:
    """The fix is a path that would do."""
    work.state(gallery())
    work.project(environments={"dev": {"paths": [folder], "overlay": folder}})
    errors = report("plan", "-e", "dev", code=1)["errors"]
    assert {error["path"] for error in errors} == {"spec.environments.dev.overlay", "spec.environments.dev.paths[0]"}
    assert all("environments/dev" in error["fix"] for error in errors)


def test_an_environment_may_be_required(work: Workspace, azure: Azure, run: Command) -> None:
    """A command without one is wrong usage, also the loop; the names are told."""
    work.state(gallery())
    work.project(environments={"dev": {}, "prod": {}}, environmentRequired=True)
    commands = [*map(_once, READING), ("validate",), ("snapshot", "--out", "x"), ("explain", "Gallery/tools"), ("run",)]
    for command in commands:
        done = run(*command)
        assert done.code == 64, command
        assert "dev" in done.err
        assert "prod" in done.err
    assert azure.ids() == set()
    assert run("plan", "-e", "dev").code == 0
    work.project(environmentRequired=True)
    done = run("plan")
    assert (done.code, "declare one in spec.environments" in done.err) == (64, True)


# Saved plans and snapshots


def test_a_plan_is_for_its_environment_cloud_and_project(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Applied for another one, or for none, it is refused with both names, and nothing is written."""
    _two(work)
    report("plan", "-e", "prod", "--out", "prod.plan")
    for arguments in (("-e", "dev"), ()):
        for command in (("apply", "--plan"), ("plan", "--check")):
            (error,) = report(*command, "prod.plan", *arguments, code=1)["errors"]
            assert error["code"] == "plan-file"
            assert "this plan was made for environment prod" in error["message"]
    with monkeypatch.context() as patch:
        patch.setenv("RECONCILER_CLOUD", "public")
        (error,) = report("apply", "-e", "prod", "--plan", "prod.plan", code=1)["errors"]
        assert "for cloud emulator" in error["message"]
        patch.setenv("RECONCILER_ENDPOINT", "http://127.0.0.1:9")
        report("apply", "-e", "prod", "--plan", "prod.plan", code=1)
    assert azure.ids() == set()
    assert report("apply", "-e", "prod", "--plan", "prod.plan")["summary"]["succeeded"] == 3


def test_a_snapshot_is_for_its_environment(work: Workspace, run: Command, report: Reporting) -> None:
    """A plan of another environment by it would call unknown what is only not in it."""
    _two(work)
    run("snapshot", "-e", "prod", "--out", "live.json")
    assert report("plan", "-e", "prod", "--against-snapshot", "live.json")["errors"] == []
    (error,) = report("plan", "-e", "dev", "--against-snapshot", "live.json", code=1)["errors"]
    assert error["code"] == "snapshot-file"
    assert "environment prod" in error["message"]


# Manifests of one environment


@pytest.mark.parametrize("folder", ["only", "manifests/only"])
@pytest.mark.parametrize("path", ["manifests", "."])
def test_an_environment_has_manifests_of_its_own(work: Workspace, report: Reporting, folder: str, path: str) -> None:
    """Each run has the base and its own, wherever the folder is; without an environment there is the base alone."""
    work.state(gallery(), application())
    work.project(environments={"dev": {"paths": [f"{folder}/dev"]}, "prod": {"paths": [f"{folder}/prod"]}})
    work.file(f"{folder}/dev/v.yaml", as_yaml(version(number="1.1.0")))
    work.file(f"{folder}/prod/v.yaml", as_yaml(version(number="1.0.0")))
    base = {"tools", "agent"}
    assert _names(report("plan", path, "-e", "dev")) == base | {"agent-1.1.0"}
    assert _names(report("plan", path, "-e", "prod")) == base | {"agent-1.0.0"}
    assert _names(report("plan", path)) == base


def test_names_and_ids_are_unique_in_each_environment(work: Workspace, report: Reporting) -> None:
    """Two environments may declare one resource, each in its way; one environment may not do so twice."""
    _two(work)
    work.file("only/prod/v.yaml", as_yaml(version(number="1.1.0")))
    assert report("validate")["errors"] == []
    work.add(version(number="1.1.0"))
    assert set(codes(report("validate", code=1))) == {"duplicate"}
    assert set(codes(report("plan", "-e", "dev", code=1))) == {"duplicate"}
    work.file("only/prod/v.yaml", as_yaml(named(version(number="1.0.0"), "other")))
    assert report("validate", "-e", "prod")["errors"] == []


def test_what_another_environment_declares_is_not_unmanaged(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Environments that share a gallery do not report each other's versions."""
    _two(work)
    report("apply", "-e", "prod")
    azure.seed(version(number="0.9.0"))
    for command in (("drift", 2), ("plan", 0), ("apply", 0)):
        found = report(command[0], "-e", "dev", code=command[1])
        assert [item["name"] for item in found["resources"] if not item["source"]] == ["0.9.0"], command
    assert report("drift", "-e", "prod")["summary"]["unmanaged"] == 1


def test_a_mistake_of_another_environment_is_not_of_this_one(work: Workspace, report: Reporting) -> None:
    """A file that cannot be read holds up its own environment; a folder that is misspelt is named at its line."""
    _two(work)
    work.file("only/prod/bad.yaml", "a: [\n")
    assert report("plan", ".", "-e", "dev")["errors"] == []
    assert codes(report("plan", ".", "-e", "prod", code=1))
    work.project(environments={"dev": {"paths": ["onyl/dev"]}})
    (error,) = report("plan", "-e", "dev", code=1)["errors"]
    assert (error["file"], error["path"]) == ("reconciler.yaml", "spec.environments.dev.paths[0]")


def test_a_folder_of_an_environment_without_a_manifest_is_a_warning(work: Workspace, report: Reporting) -> None:
    """With the files that were passed over; the rest of the environment is planned."""
    _two(work)
    (work.folder / "only/dev/v.yaml").rename(work.folder / "only/dev/v.yaml.off")
    found = report("plan", "-e", "dev")
    (warning,) = found["warnings"]
    assert (warning["code"], warning["path"]) == ("no-manifests", "spec.environments.dev.paths[0]")
    assert "v.yaml.off" in warning["message"]
    assert _names(found) == {"tools", "agent"}


def test_a_path_to_manifests_of_another_environment_finds_none(work: Workspace, report: Reporting) -> None:
    """They are not planned for this one, and the error says whose they are."""
    _two(work)
    (error,) = report("plan", "only/prod", "-e", "dev", code=1)["errors"]
    assert error["code"] == "no-manifests"
    assert "prod" in error["message"]


def test_a_version_is_promoted_and_retired(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A move of its file from one environment's folder to the base promotes it, with a history in each environment."""
    _two(work)
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    work.file(".gitignore", ".reconciler/\n")
    commit(work.folder)
    report("apply", "-e", "dev")
    report("apply", "-e", "prod")
    assert azure.holds(gallery(), application(), version(), version(number="1.1.0"))
    (work.folder / "only/dev/v.yaml").rename(work.manifests / "v.yaml")
    work.file("only/dev/.keep", "")
    commit(work.folder)
    assert report("validate", "--against", "HEAD~1")["errors"] == []
    assert report("plan", "-e", "dev", "--changed-since", "HEAD~1")["summary"]["puts"] == 0
    assert report("plan", "-e", "prod")["summary"]["inSync"] == 4
    azure.edit(version(number="1.1.0"), "properties.publishingProfile.targetRegions.0.regionalReplicaCount", 7)
    item = resource(report("drift", "-e", "dev", code=2), version(number="1.1.0"))
    assert item["cause"] == "drift"


# Part of the tree


def test_an_overlay_of_what_is_not_loaded_is_passed_over(work: Workspace, report: Reporting) -> None:
    """PATH may name a part of the tree; an overlay of what is nowhere is still an error."""
    work.file("manifests/tools/g.yaml", as_yaml(gallery()))
    work.file("manifests/other/g.yaml", as_yaml(gallery("other")))
    work.project(environments={"dev": {"overlay": "overlays/dev"}})
    patch = {"apiVersion": "reconciler.dev/v1", "kind": "Gallery", "spec": {"tags": {"env": "dev"}}}
    work.file("overlays/dev/a.yaml", as_yaml({**patch, "metadata": {"name": "other"}}))
    assert _names(report("plan", "manifests/tools", "-e", "dev")) == {"tools"}
    assert _names(report("plan", "manifests/other/g.yaml", "-e", "dev")) == {"other"}
    work.file("overlays/dev/b.yaml", as_yaml({**patch, "metadata": {"name": "ohter"}}))
    for path in ("manifests", "manifests/tools"):
        assert codes(report("plan", path, "-e", "dev", code=1)) == ["overlay-without-base"]


@pytest.mark.parametrize("strict", ["", "strict"])
def test_an_ignore_rule_for_what_is_not_loaded_is_not_idle(work: Workspace, report: Reporting, strict: str) -> None:
    """Neither for another part of the tree nor for another environment; one that hides nothing anywhere is."""
    work.file("manifests/tools/g.yaml", as_yaml(gallery()))
    work.file("manifests/other/g.yaml", as_yaml(gallery("other")))
    work.file("only/prod/g.yaml", as_yaml(gallery("prodone")))
    rules = [{"kind": "Gallery", "name": name, "path": "tags.owner", "reason": "x"} for name in ("other", "prod*")]
    work.project(ignore=rules, strict=bool(strict), environments={"dev": {}, "prod": {"paths": ["only/prod"]}})
    report("apply", "manifests", "-e", "dev")
    found = report("plan", "manifests/tools", "-e", "dev")
    assert (found["errors"], found["warnings"]) == ([], [])


def test_the_folders_of_an_environment_and_a_part_of_the_tree(work: Workspace, report: Reporting) -> None:
    """A PATH into the tree that holds them leaves them out; one that holds them, or lies elsewhere, does not."""
    work.file("manifests/tools/g.yaml", as_yaml(gallery()))
    work.file("manifests/dev/g.yaml", as_yaml(gallery("devone")))
    work.project(environments={"dev": {"paths": ["manifests/dev"]}})
    assert _names(report("plan", "manifests/tools", "-e", "dev")) == {"tools"}
    assert _names(report("plan", "manifests/tools/g.yaml", "-e", "dev")) == {"tools"}
    assert _names(report("plan", "manifests/dev/g.yaml", "-e", "dev")) == {"devone"}
    assert _names(report("plan", "-e", "dev")) == {"tools", "devone"}
