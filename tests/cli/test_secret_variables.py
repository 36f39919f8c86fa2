"""Secrets from environment variables: they reach Azure, and neither a report, nor a tag, nor a file of ours."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.kinds.packaged import packaged
from reconciler.secret.text import FromEnvironment, Secret, scrub_known
from tests.kit.cli import (
    SUBSCRIPTION,
    Azure,
    Workspace,
    application,
    changed,
    changes_of,
    codes,
    commit,
    definition,
    gallery,
    git,
    inline,
    resource,
    verdict,
    version,
)
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.proxy import Proxy

NAME = "RECONCILER_SECRET_HOOK"
HOOK = "https://hooks.example/CANARY-path/run?sig=CANARY-one"
URI = "properties.notificationPolicy.notificationEndpoints"
SECRET_PLACES = [
    (definition(), "properties.packageFileUri"),
    (definition(), "properties.artifacts.0.uri"),
    (definition(), f"{URI}.0.uri"),
    (version(), "properties.publishingProfile.source.mediaLink"),
    (version(), "properties.publishingProfile.source.defaultConfigurationLink"),
]


def hooked(uri: object, **properties: Any) -> dict[str, Any]:
    """Return the manifest of a definition that calls a webhook."""
    return inline(notificationPolicy={"notificationEndpoints": [{"uri": uri}]}, **properties)


def live_hook(azure: Azure) -> object:
    """Return the address of the webhook that Azure holds."""
    return azure.stored(inline())["properties"]["notificationPolicy"]["notificationEndpoints"][0]["uri"]


def everything(work: Workspace) -> str:
    """Return all that the commands wrote."""
    return "".join(path.read_text(errors="replace") for path in work.folder.rglob("*") if path.is_file())


def test_a_secret_webhook_is_published_under_strict_and_shown_nowhere(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command, in text, JSON and Markdown, with the whole log; a tag, a saved plan and a snapshot, too."""
    monkeypatch.setenv(NAME, HOOK)
    work.project(strict=True)
    work.state(hooked({"$env": NAME}))
    shown = ""
    for step in (
        ("validate",),
        ("plan", "--out", "saved.json"),
        ("apply", "--plan", "saved.json"),
        ("plan", "--detailed-exitcode"),
        ("snapshot", "--out", "live.json"),
        ("plan", "--against-snapshot", "live.json"),
        ("explain", "ApplicationDefinition/suite"),
        ("drift",),
    ):
        output = () if step[0] in {"snapshot", "explain"} else ("--report", "json=a.json", "--report", "markdown=a.md")
        done = run(*step, *output, "--log-level", "debug")
        assert done.code == 0, (step, done)
        shown += done.out + done.err + everything(work)
    assert "CANARY" not in shown
    assert "hooks.example" not in shown
    assert live_hook(azure) == HOOK
    assert "CANARY" not in json.dumps(azure.tags(inline()))


def test_another_value_is_a_change_and_is_not_shown_either(
    work: Workspace, azure: Azure, report: Reporting, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the path or of the query alone; one PUT reaches it."""
    work.state(hooked({"$env": NAME}))
    for value in (HOOK, HOOK.replace("one", "two"), HOOK.replace("path", "other")):
        monkeypatch.setenv(NAME, value)
        text = run("plan").out
        planned = report("plan")
        assert planned["summary"]["puts"] == 1
        assert "CANARY" not in text + json.dumps(planned)
        assert report("apply")["summary"]["puts"] == 1
        assert live_hook(azure) == value
        assert report("apply")["summary"]["puts"] == 0


def test_without_the_variable_other_fields_decide(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validate and plan go on, and call the leaf unverified; apply fails that item alone and sends nothing of it."""
    monkeypatch.setenv(NAME, HOOK)
    work.state(hooked({"$env": NAME}), gallery())
    report("apply")
    monkeypatch.delenv(NAME)
    report("validate")
    planned = report("plan", "--detailed-exitcode")
    (found,) = changes_of(planned)
    assert found["finding"] == "unverified"
    assert found["desired"] == "(secret)"
    assert resource(planned, inline())["action"] == "none"
    assert resource(planned, inline())["sync"] == "Unknown"
    report("drift")
    work.state(hooked({"$env": NAME}, description="new"), gallery(description="new"))
    planned = report("plan")
    assert resource(planned, inline())["action"] == "update"
    applied = report("apply", code=1)
    item = resource(applied, inline())
    assert (item["outcome"], item["error"]["code"]) == ("failed", "VariableMissing")
    assert NAME in item["error"]["message"]
    assert resource(applied, gallery())["outcome"] == "succeeded"
    assert applied["summary"]["requests"]["PUT"] == 1
    assert azure.stored(inline())["properties"].get("description") is None


@pytest.mark.parametrize(("made", "path"), SECRET_PLACES)
def test_a_missing_variable_never_adopts_and_is_never_sent(
    work: Workspace, azure: Azure, report: Reporting, made: dict[str, Any], path: str
) -> None:
    """At every secret leaf: of what exists without our tags, and of what is to be created."""
    parents = [gallery(), application()] if made["kind"] == "GalleryApplicationVersion" else []
    full = changed(made, "properties.artifacts", [{"name": "a", "type": "Custom", "uri": "https://x.example/a"}])
    link = "properties.publishingProfile.source.defaultConfigurationLink"
    full = changed(made, link, "https://x.example/c") if parents else changed(full, URI, [{"uri": HOOK}])
    azure.seed(*parents, full)
    before = azure.stored(made)
    work.state(*parents, changed(full, path, {"$env": NAME}))
    planned = report("plan", "--no-adopt")
    assert changes_of(planned, "unverified")
    stated = resource(report("plan"), made)
    unset = [change for change in stated["changes"] if change["path"].startswith(path.partition(".0.")[0])]
    assert [change["finding"] for change in unset] == ["unverified"]
    failed = resource(report("apply", code=1), made)
    assert failed["error"]["code"] == "VariableMissing"
    assert azure.stored(made) == before
    azure.remove(made)
    planned = report("plan")
    assert resource(planned, made)["action"] == "create"
    (warned,) = (each for each in planned["warnings"] if each["code"] == "variable-missing")
    assert NAME in warned["message"]
    assert resource(report("apply", code=1), made)["outcome"] == "failed"
    assert azure.holds(*parents)


def test_a_webhook_without_its_query_keeps_the_live_one(work: Workspace, azure: Azure, report: Reporting) -> None:
    """It is no difference, and a PUT for another reason sends the secret that Azure holds."""
    azure.seed(hooked(HOOK))
    work.state(hooked(HOOK.partition("?")[0]))
    report("apply")
    assert live_hook(azure) == HOOK
    assert report("plan", "--detailed-exitcode")["summary"]["puts"] == 0
    work.state(hooked(HOOK.partition("?")[0], description="new"))
    assert [change["path"] for change in changes_of(report("plan"))] == ["properties.description"]
    report("apply")
    assert live_hook(azure) == HOOK


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{URI}.0.uri", {"$env": "AZURE_CLIENT_SECRET"}),
        (f"{URI}.0.uri", {"$env": "RECONCILER_SECRET_"}),
        (f"{URI}.0.uri", {"$env": 1}),
        (f"{URI}.0.uri", {"$env": NAME, "more": 1}),
        ("properties.description", {"$env": NAME}),
        ("tags.team", {"$env": NAME}),
        ("properties.mainTemplate.parameters", {"$env": NAME}),
        ("location", {"$env": NAME}),
        ("applicationDefinitionName", {"$env": NAME}),
    ],
)
def test_a_variable_elsewhere_or_of_another_name_is_an_error_at_its_line(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch, path: str, value: object
) -> None:
    """Its value would be shown, or is a secret of the CI system."""
    monkeypatch.setenv(NAME, "CANARY")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "CANARY")
    work.state(changed(hooked("https://hooks.example/x", description="x"), path, value))
    for command in ("validate", "plan"):
        problems = report(command, code=1)["errors"]
        assert problems
        for problem in problems:
            lines = (work.folder / problem["file"]).read_text().splitlines()
            around = "\n".join(lines[problem["line"] - 2 : problem["line"] + 2])
            assert "$env" in around


def test_the_advice_on_a_variable_of_another_name_names_the_prefix(work: Workspace, report: Reporting) -> None:
    """Of a manifest and of the project file: which letters are allowed is not what is wrong."""
    work.state(changed(hooked("https://hooks.example/x"), f"{URI}.0.uri", {"$env": "AZURE_CLIENT_SECRET"}))
    work.project("endpoint", storage=[{"prefix": "https://a.blob.core.windows.net/", "sas": {"env": "GITHUB_TOKEN"}}])
    problems = report("validate", code=1)["errors"]
    assert len(problems) == 2
    assert all("RECONCILER_SECRET_" in problem["fix"] for problem in problems)


def test_project_defaults_and_overlays_may_name_variables(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same rules: at a secret leaf and nowhere else."""
    monkeypatch.setenv(NAME, HOOK)
    policy = {"notificationEndpoints": [{"uri": {"$env": NAME}}]}
    work.project(defaults={"properties": {"notificationPolicy": policy}})
    work.state(inline())
    report("apply")
    assert live_hook(azure) == HOOK
    work.project(defaults={"properties": {"description": {"$env": NAME}}})
    problems = report("plan", code=1)["errors"]
    assert {problem["file"] for problem in problems} == {"reconciler.yaml"}


@pytest.mark.parametrize("where", ["overlay", "defaults of the environment", "second document"])
def test_every_layer_may_name_variables(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The value reaches Azure, and no output; without it, apply fails that resource and names the variable."""
    policy = {"notificationEndpoints": [{"uri": {"$env": NAME}}]}
    properties = {"properties": {"notificationPolicy": policy}}
    layer = {"defaults": properties} if where == "defaults of the environment" else {"overlay": "overlay"}
    work.project(environments={"prod": {} if where == "second document" else layer})
    if where == "overlay":
        head = {key: inline()[key] for key in ("apiVersion", "kind", "metadata")}
        work.file("overlay/hook.yaml", json.dumps({**head, "spec": properties}))
    if where == "second document":
        work.add(gallery(), hooked({"$env": NAME}), file="all.yaml")
    else:
        work.state(gallery(), inline())
    missing = run("apply", "-e", "prod", "-o", "json")
    assert missing.code == 1
    failed = resource(missing.report, inline())
    assert (failed["outcome"], NAME in failed["error"]["message"]) == ("failed", True)
    assert azure.holds(gallery())
    monkeypatch.setenv(NAME, HOOK)
    done = run("apply", "-e", "prod", "-o", "json")
    assert (done.code, live_hook(azure)) == (0, HOOK)
    for form in ("text", "json", "markdown", "html", "sarif", "junit"):
        shown = run("plan", "-e", "prod", "-v", "-o", form)
        assert (shown.code, "CANARY" in shown.out + shown.err) == (0, False), form


def test_a_saved_plan_binds_the_name_and_not_the_value(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated secret is no other plan; another variable is."""
    work.state(hooked({"$env": NAME}))
    digests = []
    for value in (HOOK, HOOK.replace("one", "two")):
        monkeypatch.setenv(NAME, value)
        report("plan", "--out", "saved.json")
        digests.append([item["manifest"] for item in json.loads((work.folder / "saved.json").read_text())["items"]])
    assert digests[0] == digests[1]
    monkeypatch.setenv(f"{NAME}_2", HOOK)
    work.state(hooked({"$env": f"{NAME}_2"}))
    assert resource(report("apply", "--plan", "saved.json", code=1), inline())["outcome"] == "refused"


def test_a_storage_rule_that_no_package_is_below_is_a_warning(work: Workspace, report: Reporting) -> None:
    """A webhook is no package: a rule for its address signs nothing."""
    rule = {"prefix": "https://hooks.blob.core.windows.net/", "sas": {"env": NAME}}
    work.project(storage=[rule])
    work.state(hooked("https://hooks.blob.core.windows.net/x"))
    warnings = [problem for problem in report("validate")["warnings"] if problem["code"] == "storage-unused"]
    assert [problem["path"] for problem in warnings] == ["spec.storage[0].prefix"]
    work.state(definition(packageFileUri="https://hooks.blob.core.windows.net/a/b.zip"))
    assert "storage-unused" not in codes(report("validate"), "warnings")


def test_the_advice_on_a_written_signature_can_be_followed(work: Workspace, report: Reporting) -> None:
    """Of a webhook the variable, and no storage rule; of a package either."""
    work.state(hooked(HOOK))
    (warning,) = report("validate")["warnings"]
    assert warning["code"] == "secret-in-manifest"
    assert "$env" in warning["fix"]
    assert "storage rule" not in warning["fix"]


def test_schemas_allow_variables_at_secret_leaves_and_only_there() -> None:
    """So that an editor offers them where they are read."""
    for kind in packaged().kinds.values():
        schema = json.loads((ROOT / "schemas" / f"{kind.name}.schema.json").read_text())
        assert sorted(_leaves(schema, "x-ms-secret")) == sorted(_leaves(schema, "$ref", "#/$defs/env"))


def _leaves(node: Any, key: str, value: object = True, at: str = "") -> list[str]:  # noqa: FBT002
    if isinstance(node, list):
        return [found for index, item in enumerate(node) for found in _leaves(item, key, value, f"{at}/{index}")]
    if not isinstance(node, dict):
        return []
    own = [at] if node.get(key) == value else []
    return [*own, *(found for name, item in node.items() for found in _leaves(item, key, value, f"{at}/{name}"))]


@pytest.mark.parametrize(
    ("before", "now", "value", "refused"),
    [
        ("https://x.example/a", {"$env": NAME}, None, False),
        ("https://x.example/a", {"$env": NAME}, "https://x.example/a?sig=CANARY", False),
        ("https://x.example/a", {"$env": NAME}, "https://CANARY.example/a", True),
        ({"$env": NAME}, "https://x.example/a", None, False),
        ({"$env": NAME}, "https://x.example/a", "https://x.example/a?sig=CANARY", False),
        ({"$env": NAME}, "https://x.example/a", "https://CANARY.example/a", True),
        ({"$env": NAME}, {"$env": NAME}, "https://CANARY.example/a", False),
        ({"$env": NAME}, {"$env": f"{NAME}_2"}, None, False),
    ],
)
def test_an_edit_of_where_a_frozen_link_comes_from(  # noqa: PLR0917 (a row of the table)
    work: Workspace,
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    before: object,
    now: object,
    value: str | None,
    refused: bool,  # noqa: FBT001
) -> None:
    """It is refused before the merge where it is known to be another link, and only then; neither is shown."""
    if value is not None:
        monkeypatch.setenv(NAME, value)
    link = "properties.publishingProfile.source.mediaLink"
    work.state(changed(version(), link, before))
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    commit(work.folder)
    work.state(changed(version(), link, now))
    done = run("validate", "--against", "main")
    assert done.code == int(refused)
    assert ("immutable-field" in done.out) is refused
    assert "CANARY" not in done.out + done.err


def test_a_snapshot_of_a_fork_holds_nothing_of_the_value_and_plans_on(
    work: Workspace, azure: Azure, run: Command, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the fork has no variable, the leaf is unverified and the other fields decide."""
    monkeypatch.setenv(NAME, HOOK)
    work.state(hooked({"$env": NAME}))
    report("apply")
    assert run("snapshot", "--out", "live.json").code == 0
    monkeypatch.delenv(NAME)
    assert "CANARY" not in (work.folder / "live.json").read_text()
    planned = report("plan", "--against-snapshot", "live.json")
    assert [change["finding"] for change in changes_of(planned)] == ["unverified"]
    work.state(hooked({"$env": NAME}, description="new"))
    planned = report("plan", "--against-snapshot", "live.json")
    assert resource(planned, inline())["action"] == "update"
    assert {change["path"] for change in changes_of(planned, "change")} == {"properties.description"}


@pytest.mark.parametrize("said", [HOOK, HOOK.partition("?")[0], HOOK.replace("/", "\\/"), HOOK[10:30]])
def test_what_azure_quotes_of_the_value_is_hidden(said: str) -> None:
    """The whole of it, host and path included, however it is written."""
    value = FromEnvironment(NAME, Secret(HOOK))
    assert "CANARY" not in scrub_known(f"the address {said} is not allowed", [value])
    assert "CANARY" not in f"{value} {value!r} {value.with_query(Secret('sig=CANARY'))}"
    with pytest.raises(LookupError):
        FromEnvironment(NAME, None).reveal()


def test_the_line_end_after_a_value_is_no_part_of_it(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``echo`` writes one; Azure would refuse the address, or call another one."""
    monkeypatch.setenv(NAME, f"{HOOK}\n")
    work.state(hooked({"$env": NAME}))
    assert report("apply")["summary"]["puts"] == 1
    assert live_hook(azure) == HOOK


def test_a_value_of_several_lines_is_refused_by_its_name(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent, and the value is not shown."""
    monkeypatch.setenv(NAME, f"{HOOK}\nX")
    work.state(hooked({"$env": NAME}))
    done = run("apply")
    assert done.code == 64
    assert NAME in done.err
    assert "CANARY" not in done.err


def with_links(made: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest with a value at every secret leaf."""
    if made["kind"] == "GalleryApplicationVersion":
        return changed(made, "properties.publishingProfile.source.defaultConfigurationLink", "https://x.example/c")
    full = changed(made, "properties.artifacts", [{"name": "a", "type": "Custom", "uri": "https://x.example/a"}])
    return changed(full, URI, [{"uri": "https://hooks.example/x"}])


BARE = {"properties.packageFileUri": inline()}
"""What is live without a link, by its path; everything else is as the kit makes it."""


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize(("made", "path"), SECRET_PLACES)
def test_every_command_goes_on_without_a_variable(  # noqa: PLR0917 (a row of the table)
    work: Workspace,
    azure: Azure,
    run: Command,
    report: Reporting,
    made: dict[str, Any],
    path: str,
    is_live: bool,  # noqa: FBT001
) -> None:
    """Whether Azure holds a value there or not; a saved plan sends nothing of the resource."""
    parents = [gallery(), application()] if made["kind"] == "GalleryApplicationVersion" else []
    full = with_links(made)
    azure.seed(*parents, full if is_live or path.endswith("mediaLink") else BARE.get(path.partition(".0.")[0], made))
    work.state(*parents, changed(full, path, {"$env": NAME}))
    for command in (
        ("plan", "--out", "saved.json"),
        ("drift",),
        ("explain", f"{made['kind']}/{made['metadata']['name']}"),
        ("snapshot", "--out", "live.json"),
        ("plan", "--against-snapshot", "live.json"),
        ("list",),
        ("export", "--subscription", SUBSCRIPTION, "--out-dir", "exported"),
    ):
        done = run(*command)
        assert done.code in {0, 1, 2}, (command, done)
    applied = report("apply", "--plan", "saved.json", code=1)
    item = resource(applied, made)
    assert item["action"] == "blocked" or item["error"]["code"] == "VariableMissing"
    assert applied["summary"]["requests"]["PUT"] == 0


def test_write_only_content_of_a_missing_variable_is_unverified(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the tag records the same variable, or another one: nothing of the value is recorded."""
    monkeypatch.setenv(NAME, HOOK)
    work.state(definition(packageFileUri={"$env": NAME}))
    report("apply")
    assert verdict(report("plan"), definition()) == ("none", "in-sync", "InSync")
    monkeypatch.delenv(NAME)
    for name in (NAME, f"{NAME}_2"):
        work.state(definition(packageFileUri={"$env": name}))
        planned = report("plan", "--detailed-exitcode")
        assert verdict(planned, definition()) == ("none", "in-sync", "Unknown")
        assert [change["path"] for change in changes_of(planned, "unverified")] == ["properties.packageFileUri"]


def answered_without_queries(body: dict[str, Any]) -> None:
    """Take the queries out of the secret links of an answer, as Azure has done."""
    policy = body["properties"].get("notificationPolicy") or {}
    for endpoint in policy.get("notificationEndpoints", ()):
        endpoint["uri"] = endpoint["uri"].partition("?")[0]
    for place in (body["properties"].get("publishingProfile") or {}, *body["properties"].get("artifacts", ())):
        links = place.get("source", place)
        links.update({name: link.partition("?")[0] for name, link in links.items() if "https://" in str(link)})


@pytest.mark.parametrize(("made", "path"), [place for place in SECRET_PLACES if "packageFileUri" not in place[1]])
def test_a_query_that_azure_does_not_return_is_unverified(  # noqa: PLR0917 (a row of the table)
    work: Workspace,
    azure: Azure,
    proxy: Proxy,
    report: Reporting,
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, Any],
    path: str,
) -> None:
    """Found once, without a PUT; the rest is compared; a PUT for another reason, or --republish, sends the new one."""
    kind = "versions" if made["kind"] == "GalleryApplicationVersion" else "applicationDefinitions"
    parents = [gallery(), application()] if kind == "versions" else []
    proxy.alter(kind, answered_without_queries)
    monkeypatch.setenv(NAME, HOOK)
    full = changed(with_links(made), path, {"$env": NAME})
    work.state(*parents, full)
    assert report("apply")["summary"]["failed"] == 0
    for value in (HOOK, HOOK.replace("one", "two")):
        monkeypatch.setenv(NAME, value)
        planned = report("plan", "--detailed-exitcode")
        assert verdict(planned, made) == ("none", "in-sync", "Unknown")
        (found,) = changes_of(planned)
        assert (found["finding"], found["desired"]) == ("unverified", "(secret)")
        report("drift")
    edited = changed(full, "tags", {"team": "other"})
    work.state(*parents, edited)
    assert report("apply")["summary"]["failed"] == 0
    assert "CANARY-two" in json.dumps(azure.stored(made))
    monkeypatch.setenv(NAME, HOOK.replace("one", "three"))
    assert report("apply", "--republish", f"{made['kind']}/{made['metadata']['name']}")["summary"]["puts"] == 1
    assert "CANARY-three" in json.dumps(azure.stored(made))
    monkeypatch.setenv(NAME, HOOK.replace("CANARY-path", "other"))
    moved = resource(report("plan", code=int(kind == "versions" and "Link" in path)), made)
    assert moved["action"] == ("blocked" if kind == "versions" else "update")


def test_a_query_that_both_lack_is_verified(
    work: Workspace, proxy: Proxy, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing left to doubt."""
    proxy.alter("applicationDefinitions", answered_without_queries)
    monkeypatch.setenv(NAME, HOOK.partition("?")[0])
    work.state(hooked({"$env": NAME}))
    report("apply")
    assert verdict(report("plan"), inline()) == ("none", "in-sync", "InSync")


def test_a_value_that_no_link_can_have_is_refused_by_its_name(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte: at once, and without a part of it."""
    monkeypatch.setenv(NAME, "CANARY" * 2**18)
    work.state(hooked({"$env": NAME}))
    done = run("apply")
    assert done.code == 64
    assert NAME in done.err
    assert len(done.err) < 200


def test_git_gets_nothing_of_the_value(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither in an argument, nor in its environment, nor on its standard input."""
    kept, program = tmp_path / "kept", tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n(env; echo "$*") >> {kept}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    work.state(hooked({"$env": NAME}))
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    commit(work.folder)
    monkeypatch.setenv(NAME, HOOK)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    for command in (("plan",), ("apply",), ("drift",), ("validate", "--against", "main"), ("run", "--once")):
        kept.unlink(missing_ok=True)
        assert run(*command).code == 0
        assert "GIT_DIR=" in kept.read_text()
        assert "CANARY" not in kept.read_text()
        assert "RECONCILER_SECRET" not in kept.read_text()
