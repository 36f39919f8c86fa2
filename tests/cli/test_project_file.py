"""The project file: where it is found, defaults, environments, ignore rules, limits, strict."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    application,
    as_yaml,
    changed,
    changes_of,
    codes,
    definition,
    estate,
    gallery,
    project,
    resource,
    verdict,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting

_COMMON = {"location": "West Europe", "tags": {"team": "endpoint"}}


def test_found_in_path_and_above(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The project file is found in PATH or above it, however PATH is named."""
    work.state(gallery("above"))
    work.project("above")
    report("apply")
    assert azure.tags(gallery("above"))["reconciler-project"] == "above"
    work.state(gallery("beside"))
    work.file("manifests/reconciler.yaml", as_yaml(project("beside")))
    report("apply", str(work.manifests))
    assert azure.tags(gallery("beside"))["reconciler-project"] == "beside"


def test_not_above_the_working_folder(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a repository nothing above the working folder is looked at."""
    work.project("outside")
    work.file("inside/manifests/a.yaml", as_yaml(gallery()))
    monkeypatch.chdir(work.folder / "inside")
    report("apply")
    assert azure.tags(gallery()) == {}


def test_up_to_the_repository(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a repository the project file is found above the working folder, up to where .git is."""
    (work.folder / ".git").mkdir()
    work.project("repository")
    work.file("inside/manifests/a.yaml", as_yaml(gallery()))
    monkeypatch.chdir(work.folder / "inside")
    report("apply")
    assert azure.tags(gallery())["reconciler-project"] == "repository"


def test_not_above_the_repository(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Above the folder that holds .git nothing is looked at."""
    work.project("outside")
    work.file("repository/manifests/a.yaml", as_yaml(gallery()))
    (work.folder / "repository" / ".git").mkdir()
    report("apply", "repository/manifests")
    assert azure.tags(gallery()) == {}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_not_above_a_path_elsewhere(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    """For a path outside of the working folder, and of any repository, nothing above that path is looked at."""
    elsewhere = work.folder.parent / "elsewhere"
    names = ("", "a", "b")[: depth + 1]
    for folder in (work.folder.parent, elsewhere):
        folder.mkdir(exist_ok=True)
        (folder / "reconciler.yaml").write_text(as_yaml(project("stranger")), encoding="utf-8")
    manifests = elsewhere.joinpath(*names, "manifests")
    work.file(str(manifests / "a.yaml"), as_yaml(gallery()))
    for path in (manifests, manifests / "a.yaml", Path("..", manifests.relative_to(work.folder.parent))):
        report("apply", str(path))
        assert "reconciler-project" not in azure.tags(gallery())
        azure.remove(gallery())
    (manifests / "reconciler.yaml").write_text(as_yaml(project("own")), encoding="utf-8")
    report("apply", str(manifests))
    assert azure.tags(gallery())["reconciler-project"] == "own"


def test_of_another_user(work: Workspace, azure: Azure, report: Reporting) -> None:
    """It is refused, not passed over, unless it is named."""
    if os.geteuid() != 0:
        pytest.skip("only root makes files of another user")
    work.state(gallery())
    file = work.project("stranger")
    os.chown(file, 12345, 12345)
    for command in ("validate", "plan", "apply", "drift"):
        assert codes(report(command, code=1)) == ["foreign-project"]
    assert azure.ids() == set()
    report("apply", "--config", "reconciler.yaml")
    assert azure.tags(gallery())["reconciler-project"] == "stranger"
    work.file("manifests/reconciler.yaml", as_yaml(project("own")))
    report("plan", code=1)


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_named(work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The project file may be named, by a flag or a variable, and then no other is looked for."""
    work.project("found")
    named = work.file("other.yaml", as_yaml(project("named")))
    work.state(gallery())
    if how == "variable":
        monkeypatch.setenv("RECONCILER_CONFIG", str(named))
    report("apply", *(("--config", "other.yaml") if how == "flag" else ()))
    assert azure.tags(gallery())["reconciler-project"] == "named"


def test_root_is_the_folder_of_the_project(work: Workspace, report: Reporting, tmp_path: Path) -> None:
    """Files below the project's folder may be named from anywhere below it; nothing outside is opened."""
    work.project()
    work.file("scripts/install.sh", "x\n")
    made = changed(version(), "properties.publishingProfile.manageActions.install", {"$file": "../scripts/install.sh"})
    work.state(gallery(), application(), made)
    assert report("validate")["errors"] == []
    (tmp_path / "elsewhere.yaml").write_text(as_yaml(gallery("CANARY")))
    found = report("validate", "manifests", str(tmp_path / "elsewhere.yaml"), code=1)
    assert len(found["errors"]) == 1
    assert "CANARY" not in str(found)


@pytest.mark.parametrize(
    "spec",
    [
        {"defaultz": {}},
        {"limits": {"maxPuts": "many"}},
        {"limits": {"maxPuts": -1}},
        {"strict": "yes"},
        {"ignore": [{"path": "tags"}]},
        {"ignore": [{"path": ".", "reason": "names no key, and would hide everything"}]},
        {"ignore": [{"path": "[" * 1024, "reason": "the same"}]},
        {"ignore": [{"path": "tags", "reason": "x", "expires": "tomorrow"}]},
        {"environments": {"test": {"overlay": "../x"}}},
        {"storage": [{"prefix": "http://example.org", "sas": "userDelegation"}]},
        {"storage": [{"prefix": "https://example.org", "sas": "sv=1&sig=CANARY"}]},
        {"notify": [{"type": "slack", "url": "https://chat.example/CANARY"}]},
        {"notify": [{"type": "slack", "url": ""}]},
        {"notify": [{"type": "slack", "url": {"$env": "GITHUB_TOKEN"}}]},
        {"notify": [{"type": "slack"}]},
        {"notify": [{"type": "pager", "url": {"$env": "RECONCILER_SECRET_A"}}]},
        {"notify": [{"type": "teams", "url": {"$env": "RECONCILER_SECRET_A"}, "on": ["drift"]}]},
        {"notify": [{"type": "teams", "url": {"$env": "RECONCILER_SECRET_A"}, "minSeverity": "high"}]},
        {
            "notify": [
                {"type": "teams", "url": {"$env": "RECONCILER_SECRET_A"}, "secret": {"$env": "RECONCILER_SECRET_B"}}
            ]
        },
    ],
    ids=str,
)
def test_mistakes(work: Workspace, azure: Azure, report: Reporting, spec: dict[str, object]) -> None:
    """A mistake in the project file is an error like any other, at its place."""
    work.state(*estate())
    work.project("endpoint", **spec)
    found = report("apply", code=1)
    assert found["errors"][0]["file"].endswith("reconciler.yaml")
    assert found["errors"][0]["path"].startswith("spec.")
    assert found["errors"][0]["line"] >= 1
    assert "CANARY" not in str(found)
    assert azure.holds()


def test_defaults(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Defaults go under every manifest whose kind has them: objects merge, lists replace, the manifest wins."""
    where = {name: gallery()["spec"][name] for name in ("subscriptionId", "resourceGroupName")}
    profile = {"replicaCount": 2, "targetRegions": [{"name": "West Europe"}, {"name": "North Europe"}]}
    work.project(defaults={**where, **_COMMON, "galleryName": "tools", "properties": {"publishingProfile": profile}})
    made = estate()
    for path in ("subscriptionId", "resourceGroupName", "location"):
        made = [without(item, path) for item in made]
    made[0]["spec"]["tags"] = {"team": "own", "more": "x"}
    made[2] = without(made[2], "galleryName")
    work.state(*made)
    assert report("apply")["summary"]["succeeded"] == 4
    assert azure.tags(gallery())["team"] == "own"
    assert azure.tags(gallery())["more"] == "x"
    assert azure.tags(application())["team"] == "endpoint"
    stored = azure.stored(version())["properties"]["publishingProfile"]
    assert stored["replicaCount"] == 2
    assert [item["name"] for item in stored["targetRegions"]] == ["West Europe"]


def test_null_drops_a_default(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Null in a manifest drops the default, and says nothing else."""
    work.project(defaults={"properties": {"description": "by default"}, **_COMMON})
    work.state(changed(gallery(description=None), "tags.team", None), gallery("other"))
    report("apply")
    assert "description" not in azure.stored(gallery()).get("properties", {})
    assert "team" not in azure.tags(gallery())
    assert azure.stored(gallery("other"))["properties"]["description"] == "by default"


def test_null_of_an_environment_removes_nothing(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Null in an environment's defaults drops the project's default; undeclared live values stay."""
    azure.seed(changed(gallery(description="theirs"), "tags.cost", "theirs"))
    dropping = {"tags": {"team": None, "cost": None}, "properties": {"description": None}}
    work.project(defaults={"tags": {"team": "x"}}, environments={"test": {"defaults": dropping}})
    work.state(changed(gallery(), "tags.own", "y"))
    report("apply", "--environment", "test")
    assert azure.tags(gallery())["cost"] == "theirs"
    assert "team" not in azure.tags(gallery())
    assert azure.stored(gallery())["properties"]["description"] == "theirs"


def test_defaults_are_of_no_effect_where_a_kind_has_none(work: Workspace, report: Reporting) -> None:
    """A default that a kind does not know is no mistake of its manifests."""
    work.project(defaults={"properties": {"lockLevel": "None", "supportedOSType": "Linux"}})
    work.state(*estate())
    assert report("validate")["errors"] == []


def test_environment(work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment brings defaults over the project's, and an overlay that is merged by kind and name."""
    environments = {
        "test": {"defaults": {"tags": {"stage": "test"}}, "overlay": "overlays/test"},
        "production": {"defaults": {"tags": {"stage": "production"}}},
    }
    work.project(defaults={"tags": {"stage": "none", "team": "x"}}, environments=environments)
    work.state(gallery(description="base"), definition(description="base"))
    patch = {
        "apiVersion": "reconciler.dev/v1",
        "kind": "ApplicationDefinition",
        "metadata": {"name": "suite"},
        "spec": {"properties": {"displayName": "Test suite", "description": None}},
    }
    work.file("overlays/test/patch.yaml", as_yaml(patch))
    report("apply", "--environment", "test")
    stored = azure.stored(definition())
    assert stored["properties"]["displayName"] == "Test suite"
    assert "description" not in stored["properties"]
    assert (stored["tags"]["stage"], stored["tags"]["team"]) == ("test", "x")
    monkeypatch.setenv("RECONCILER_ENVIRONMENT", "production")
    assert sorted(c["path"] for c in changes_of(report("plan"), "change")) == [
        "properties.description",
        "properties.displayName",
        "tags.stage",
        "tags.stage",
    ]


def test_overlay_inside_the_manifests(work: Workspace, report: Reporting) -> None:
    """The folder of an overlay is never read as manifests, whether its environment is chosen or not."""
    work.project(environments={"test": {"overlay": "manifests/test"}})
    work.state(gallery())
    patch = {"kind": "Gallery", "metadata": {"name": "tools"}, "spec": {"tags": {"a": "b"}}}
    work.file("manifests/test/patch.yaml", as_yaml(patch))
    assert report("validate")["summary"]["resources"] == 1
    assert report("validate", "-e", "test")["summary"]["resources"] == 1


def test_overlay_of_nothing(work: Workspace, report: Reporting) -> None:
    """An overlay document without a base is an error, at its place."""
    work.project(environments={"test": {"overlay": "overlays"}})
    work.state(gallery())
    work.file("overlays/a.yaml", as_yaml(gallery("tolls")))
    (error,) = report("plan", "-e", "test", code=1)["errors"]
    assert error["file"] == "overlays/a.yaml"


def test_frozen_in_an_overlay(work: Workspace, report: Reporting) -> None:
    """A frozen leaf that an overlay states counts as stated."""
    work.project(environments={"test": {"overlay": "overlays"}})
    work.state(gallery(), application(), version())
    report("apply")
    patch = changed(version(), "properties.publishingProfile.manageActions.install", "other")
    work.file("overlays/a.yaml", as_yaml(patch))
    plan = report("plan", "-e", "test", code=1)
    assert verdict(plan, version())[:2] == ("blocked", "immutable-field")


def test_ignore(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An ignored difference is counted, not shown, never a reason for a PUT, and carried over in one."""
    work.project(ignore=[{"kind": "ApplicationDefinition", "path": "properties.displayName", "reason": "theirs"}])
    work.state(definition())
    report("apply")
    azure.edit(definition(), "properties.displayName", "Theirs")
    plan = report("plan", "--detailed-exitcode")
    assert verdict(plan, definition()) == ("none", "in-sync", "InSync")
    assert (plan["summary"]["ignored"], changes_of(plan)) == (1, [])
    assert report("drift")["summary"]["drift"] == 0
    work.state(definition(description="changed"))
    assert report("apply")["summary"]["puts"] == 1
    stored = azure.stored(definition())["properties"]
    assert (stored["displayName"], stored["description"]) == ("Theirs", "changed")


@pytest.mark.parametrize(
    ("rule", "hides"),
    [
        ({"path": "properties.publishingProfile.targetRegions[*].regionalReplicaCount"}, True),
        ({"path": "properties.publishingProfile.targetRegions[westeurope].*"}, True),
        ({"path": "properties.publishingProfile.*"}, True),
        ({"path": "properties.publishingProfile.targetRegions[*]", "name": "agent-*"}, True),
        ({"path": "properties.publishingProfile.targetRegions[*]", "kind": "Gallery"}, False),
        ({"path": "properties.publishingProfile.targetRegions[*]", "name": "other-*"}, False),
        ({"path": "properties.publishingProfile.targetRegions[*]", "expires": "2001-01-01"}, False),
        ({"path": "properties.publishingProfile.targetRegions[*]", "expires": "2999-01-01"}, True),
        ({"path": "tags"}, False),
    ],
    ids=str,
)
def test_ignore_rules(
    work: Workspace,
    azure: Azure,
    report: Reporting,
    rule: dict[str, str],
    hides: bool,  # noqa: FBT001
) -> None:
    """A rule matches by kind, name and path, until it expires; one that hides nothing is reported."""
    work.project(ignore=[{**rule, "reason": "x"}])
    work.state(gallery(), application(), version())
    report("apply")
    azure.edit(version(), "properties.publishingProfile.targetRegions.0.regionalReplicaCount", 3)
    plan = report("plan")
    assert plan["summary"]["ignored"] == int(hides)
    assert plan["summary"]["update"] == int(not hides)
    assert len(plan["warnings"]) == int(not hides)
    for warning in plan["warnings"]:
        assert warning["file"].endswith("reconciler.yaml")
        assert warning["path"].startswith("spec.ignore[0]")
        assert warning["line"] >= 1
        assert warning["fix"]


def test_ignore_hides_frozen_differences(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An ignored frozen difference blocks nothing."""
    path = "properties.publishingProfile.manageActions.install"
    work.project(ignore=[{"path": path, "reason": "x"}])
    work.state(gallery(), application(), version())
    report("apply")
    azure.edit(version(), path, "theirs")
    work.add(changed(version(), "properties.publishingProfile.targetRegions.0.regionalReplicaCount", 2))
    assert report("apply")["summary"]["succeeded"] == 1
    assert azure.stored(version())["properties"]["publishingProfile"]["manageActions"]["install"] == "theirs"


@pytest.mark.parametrize("how", ["flag", "variable", "project"])
def test_max_puts(work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Past the limit nothing is written, exit 1; at the limit everything is."""
    work.state(*estate())
    if how == "variable":
        monkeypatch.setenv("RECONCILER_MAX_PUTS", "3")
    if how == "project":
        work.project(limits={"maxPuts": 3})
    applied = report("apply", *(("--max-puts", "3") if how == "flag" else ()), code=1)
    assert codes(applied) == ["limit-exceeded"]
    assert applied["summary"]["puts"] == applied["summary"]["requests"]["PUT"] == 0
    assert azure.holds()
    assert report("apply", "--max-puts", "4")["summary"]["puts"] == 4


def test_flag_over_environment_over_project(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag wins over a variable, which wins over the project file."""
    work.state(*estate())
    work.project(limits={"maxPuts": 9})
    monkeypatch.setenv("RECONCILER_MAX_PUTS", "3")
    report("apply", code=1)
    report("apply", "--max-puts", "9")


def test_max_puts_percent(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The share is that of existing resources; creating the first ones is not held back by it."""
    work.project(limits={"maxPutsPercent": 25})
    work.state(*(gallery(f"g{number}") for number in range(4)))
    assert report("apply")["summary"]["puts"] == 4
    work.state(*(gallery(f"g{number}", description="new") for number in range(4)))
    assert report("apply", code=1)["summary"]["puts"] == 0
    work.state(gallery("g0", description="new"), *(gallery(f"g{number}") for number in range(1, 4)))
    assert report("apply")["summary"]["puts"] == 1


def test_strict_undeclared(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Under strict an undeclared value is drift and no reason for a PUT; foreign tags are exempt."""
    work.project(strict=True)
    work.state(definition())
    report("apply")
    azure.edit(definition(), "tags.foreign", "x")
    assert report("drift")["summary"]["drift"] == 0
    azure.edit(definition(), "properties.description", "theirs")
    drift = report("drift", code=2)
    assert resource(drift, definition())["sync"] == "OutOfSync"
    assert resource(drift, definition())["reason"] == "fields-differ"
    assert report("plan", "--detailed-exitcode")["summary"]["puts"] == 0
    assert report("apply")["summary"]["puts"] == 0


@pytest.mark.parametrize(("key", "what"), [("limits", "a mapping"), ("ignore", "a list")])
def test_a_key_with_nothing_after_it(work: Workspace, report: Reporting, key: str, what: str) -> None:
    """In a project file null unsets nothing: it is what YAML makes of nothing."""
    work.project("endpoint", **{key: None})
    (error,) = report("validate", code=1)["errors"]
    assert (error["code"], error["path"], what in error["message"]) == ("type", f"spec.{key}", True)
    assert error["fix"]


def test_project_file_among_the_manifests(work: Workspace, report: Reporting) -> None:
    """A document of kind Project in another file is an error that says where it belongs."""
    work.file("manifests/a.yaml", as_yaml(project()))
    assert "reconciler.yaml" in report("validate", code=1)["errors"][0]["fix"]


def test_environment_without_a_project(work: Workspace, run: Command) -> None:
    """An environment that no project file declares is wrong usage."""
    work.state(gallery())
    assert run("plan", "-e", "test").code == 64


def test_two_overlays_of_one_manifest(work: Workspace, report: Reporting) -> None:
    """Two overlay documents of one manifest are an error that names both places: neither is lost in silence."""
    work.project(environments={"test": {"overlay": "overlays"}})
    work.state(gallery())
    for name in ("a", "b"):
        patch = {"kind": "Gallery", "metadata": {"name": "tools"}, "spec": {"tags": {name: "x"}}}
        work.file(f"overlays/{name}.yaml", as_yaml(patch))
    (error,) = report("plan", "-e", "test", code=1)["errors"]
    assert error["file"] == "overlays/b.yaml"
    assert "overlays/a.yaml:1" in error["message"]


def test_a_default_that_no_kind_has_is_a_mistake(work: Workspace, report: Reporting) -> None:
    """It would be laid under nothing, in silence; one that some kind has is fine."""
    defaults = {
        "location": "West Europe",
        "tag": {"a": "b"},
        "properties": {"publishingProfil": {}, "lockLevel": "None"},
    }
    work.project(defaults=defaults, environments={"dev": {"defaults": {"galleryName": "x", "nope": 1}}})
    work.state(gallery())
    done = report("validate", code=1)
    assert [(problem["file"], problem["code"], problem["path"]) for problem in done["errors"]] == [
        ("reconciler.yaml", "unknown-key", "spec.defaults.tag"),
        ("reconciler.yaml", "unknown-key", "spec.defaults.properties.publishingProfil"),
        ("reconciler.yaml", "unknown-key", "spec.environments.dev.defaults.nope"),
    ]


def test_a_mistake_of_an_overlay_or_a_default_is_told_where_it_is(work: Workspace, report: Reporting) -> None:
    """The base file holds a right value there, or none."""
    work.project(defaults={"tags": {"reconciler-x": "b"}}, environments={"dev": {"overlay": "overlays/dev"}})
    work.state(gallery())
    patch = {"kind": "Gallery", "metadata": {"name": "tools"}, "spec": {"properties": {"descriptio": "Dev"}}}
    work.file("overlays/dev/gallery.yaml", as_yaml(patch))
    done = report("validate", "-e", "dev", code=1)
    places = {(problem["file"], problem["code"], problem["line"], problem["column"]) for problem in done["errors"]}
    assert places == {
        ("overlays/dev/gallery.yaml", "unknown-key", 6, 5),
        ("reconciler.yaml", "reserved-tag", 8, 7),
    }


def test_a_tag_of_the_defaults_that_a_manifest_spells_otherwise(work: Workspace, report: Reporting) -> None:
    """Azure has one of the two tags; the author of the manifests must choose, so the error names both places."""
    work.project(defaults={"tags": {"Team": "a"}})
    work.state(changed(gallery(), "tags", {"team": "b"}))
    (problem,) = report("validate", code=1)["errors"]
    assert problem["file"].startswith("manifests/")
    assert (problem["code"], problem["path"]) == ("duplicate-element", "spec.tags.team")
    assert "`Team` at reconciler.yaml:8" in problem["message"]


def test_what_a_project_file_names_and_is_not_there(work: Workspace, report: Reporting) -> None:
    """An unknown kind and a missing folder are reported at their lines."""
    rule = {"kind": "Galery", "path": "tags.x", "reason": "theirs"}
    work.project(ignore=[rule], environments={"dev": {"overlay": "overlays/dev"}})
    work.state(gallery())
    kind, folder = report("validate", "-e", "dev", code=1)["errors"]
    assert (kind["file"], kind["code"], kind["path"]) == ("reconciler.yaml", "unknown-kind", "spec.ignore[0].kind")
    assert (folder["file"], folder["code"]) == ("reconciler.yaml", "not-found")
    assert folder["path"] == "spec.environments.dev.overlay"
    assert "overlays/dev" in folder["message"]


@pytest.mark.parametrize(("text", "held"), [("", "none"), ("a: 1\n---\nb: 2\n", "2")])
def test_a_project_file_holds_one_document(work: Workspace, report: Reporting, text: str, held: str) -> None:
    """Without one it would be taken for no project at all."""
    work.file("reconciler.yaml", text)
    (error,) = report("validate", code=1)["errors"]
    assert error["code"] == "project"
    assert error["message"].endswith(held)


def test_a_hostile_ignore_pattern_hides_nothing_and_holds_nothing_up(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """Patterns as long as the schema admits, against keys that nearly fit: by a plan, a drift report and a fork."""
    azure.seed(changed(gallery(), "tags", {"a" * 200: "x", "[" * 200: "y"}))
    paths = [f"tags.{'*a' * 500}b", f"tags.{'*' * 1000}b", "x" + "[" * 1000, "*.*." * 250 + "b"]
    rules = [{"path": path, "reason": "x"} for path in paths]
    work.project(ignore=[*rules, {"path": "tags", "name": f"{'*o' * 120}*", "reason": "x"}])
    work.state(gallery(description="mine"))
    planned = report("plan")
    assert codes(planned, "warnings") == ["ignore-unused"] * 5
    assert [change["path"] for change in changes_of(planned, "change")] == ["properties.description"]
    report("drift", code=2)
    assert run("snapshot", "--out", "live.json").code == 0
    report("plan", "--against-snapshot", "live.json")
    assert run("plan", "--target", f"Gallery/{'*o' * 100}*b").code == 64


@pytest.mark.parametrize(
    ("at", "key", "spec"),
    [
        ("spec.ignore[0].path", "path", {"ignore": [{"path": "a" * 1025, "reason": "x"}]}),
        ("spec.ignore[0].path", "path", {"ignore": [{"path": "[" * 60_000, "reason": "x"}]}),
        ("spec.ignore[0].name", "name", {"ignore": [{"path": "a", "name": "*" * 254, "reason": "x"}]}),
        ("spec.ignore[0].reason", "reason", {"ignore": [{"path": "a", "reason": "x" * 1025}]}),
        ("spec.environments.a.overlay", "overlay", {"environments": {"a": {"overlay": "x" * 1025}}}),
    ],
)
def test_a_text_of_the_project_file_that_is_too_long_is_an_error_at_its_line(
    work: Workspace, report: Reporting, at: str, key: str, spec: dict[str, Any]
) -> None:
    """Before anything is matched, or read from Azure."""
    work.project(**spec)
    work.state(gallery())
    (problem,) = report("plan", code=1)["errors"]
    lines = (work.folder / "reconciler.yaml").read_text().splitlines()
    assert problem["path"] == at
    assert key in lines[problem["line"] - 1]
