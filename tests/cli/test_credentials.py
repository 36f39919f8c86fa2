"""Credentials in scripts, settings and descriptions: warned of in the manifest, and shown by no output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.manifests.yaml12.characters import HIDDEN
from reconciler.report import FORMATS
from tests.kit.cli import LINK, application, changed, definition, gallery, inline, paths, resource, version
from tests.kit.credentials import HIDDEN_TEXTS, MARK, SHOWN_TEXTS

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Manifest, Workspace

_SETTINGS = "properties.publishingProfile.advancedSettings"


INVISIBLE: Final = [text for text in HIDDEN_TEXTS.values() if HIDDEN.search(text)]
"""Texts with characters that no manifest may hold, and that a live text may."""


def _world(mark: str, *, is_live: bool = False) -> list[Manifest]:
    """Return manifests with every credential of the corpus, wherever a text has a place."""
    possible = [text for text in HIDDEN_TEXTS.values() if is_live or text not in INVISIBLE]
    texts = [text.replace(MARK, mark) for text in possible]
    half = "\n".join(texts[: len(texts) // 2])
    actions = {"install": half[:4096], "remove": texts[0], "update": "\n".join(texts[len(texts) // 2 :])[:4096]}
    settings = {"proxyPassword": f"{mark}pw", "note": texts[1], "logLevel": mark[2:]}
    versions = version(manageActions=actions, advancedSettings=settings)
    return [gallery(description=texts[1]), application(), versions, definition(description="\n".join(texts[2:5]))]


def _outputs(work: Workspace, run: Command) -> dict[str, str]:
    """Return what every command shows and writes."""
    shown: dict[str, str] = {}
    for form in FORMATS:
        for command in ("plan", "drift"):
            done = run(command, "-o", form, "--log-level", "debug")
            shown[f"{command} {form}"] = done.out + done.err
    for about in ("GalleryApplicationVersion/agent-1.0.0", "Gallery/tools", "ApplicationDefinition/suite"):
        for form in ("text", "json"):
            shown[f"explain {about} {form}"] = run("explain", about, "-o", form).out
    shown["snapshot"] = run("snapshot", "--out", "live.json").out
    shown["snapshot file"] = (work.folder / "live.json").read_text()
    shown["plan by snapshot"] = run("plan", "--against-snapshot", "live.json", "-o", "json").out
    shown["saved plan"] = run("plan", "--out", "plan.json").out
    shown["saved plan file"] = (work.folder / "plan.json").read_text()
    group = ("--subscription", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "--resource-group", "rg-tools")
    shown["export"] = run("export", *group, "--out-dir", "exported").out
    files = [path for path in (work.folder / "exported").rglob("*") if path.is_file()]
    shown["exported files"] = "\n".join(path.read_text() for path in files)
    for form in FORMATS:
        done = run("validate", "-o", form)
        shown[f"validate {form}"] = done.out + done.err
    return shown


@pytest.mark.slow
def test_credentials_are_in_no_output(work: Workspace, azure: Azure, run: Command) -> None:
    """Neither those of the manifests nor the live ones; every other word of the texts is shown."""
    azure.seed(*_world("Lv8Wy", is_live=True))
    work.state(*_world(MARK))
    shown = _outputs(work, run)
    # A settings' name that says nothing leaves its value shown: it is how the test knows that it looks.
    assert MARK[2:] in shown["plan json"]
    exported = shown.pop("exported files")
    assert [name for name, text in shown.items() if MARK in text or "Lv8Wy" in text] == []
    # A signature in a script is exported as it is, since a placeholder in it could not be filled in, and warned of.
    lines = [line.replace("\u200b", "") for line in exported.splitlines() if "Lv8Wy" in line]
    assert {line.partition("sig=")[0] for line in lines} == {"https://a.blob.core.windows.net/c/p?sv=2024-11-04&", ""}
    done = run("apply", "-o", "json", "--log-level", "debug")
    assert MARK not in done.out + done.err


def test_an_error_that_repeats_a_credential_does_not_show_it(work: Workspace, azure: Azure, run: Command) -> None:
    """A value that only its name told from others is known from the request that held it."""
    settings = {"proxyPassword": f"{MARK}correct-horse"}
    work.state(gallery(), application(), version(advancedSettings=settings))
    with azure.world() as world:
        from tests.kit.cli import id_of

        world.fail_next(id_of(version()), "BadSetting", f"the value {MARK}correct-horse is refused")
    for form in ("json", "text"):
        done = run("apply", "-o", form)
        assert MARK not in done.out + done.err


WARNED_OF: Final = [text for text in HIDDEN_TEXTS.values() if len(text) < 4000 and text not in INVISIBLE]


@pytest.mark.parametrize("text", WARNED_OF)
def test_a_credential_in_a_manifest_is_warned_of(work: Workspace, report: Reporting, text: str) -> None:
    """At its line; an error under strict."""
    made = version(manageActions={"install": f"set -e\n{text}", "remove": "true"})
    work.state(gallery(), application(), made)
    found = [each for each in report("validate")["warnings"] if each["code"] == "secret-in-manifest"]
    assert [each["path"] for each in found] == ["spec.properties.publishingProfile.manageActions.install"]
    lines = (work.folder / found[0]["file"]).read_text().splitlines()
    assert lines[found[0]["line"] - 1].lstrip().startswith("install:")
    assert found[0]["fix"]
    work.project(strict=True)
    assert "secret-in-manifest" in [each["code"] for each in report("validate", code=1)["errors"]]


@pytest.mark.parametrize("text", INVISIBLE)
def test_a_credential_with_an_invisible_character_is_refused(work: Workspace, run: Command, text: str) -> None:
    """Without its text."""
    work.state(gallery(description=text))
    for form in FORMATS:
        done = run("validate", "-o", form)
        assert done.code == 1
        assert MARK not in done.out + done.err


def test_a_setting_and_a_default_are_told_by_their_name(work: Workspace, report: Reporting) -> None:
    """Each at the line that names it, in a mapping and in the text of a template."""
    template = {"parameters": {"password": {"type": "securestring", "defaultValue": "hunter2"}}, "resources": []}
    work.state(
        gallery(),
        application(),
        changed(version(), _SETTINGS, {"proxyPassword": "hunter2", "passwordPolicy": "strict"}),
        changed(inline(), "properties.mainTemplate", template),
        changed(inline("other"), "properties.mainTemplate", json.dumps(template)),
    )
    found = [each for each in report("validate")["warnings"] if each["code"] == "secret-in-manifest"]
    assert sorted(each["path"] for each in found) == [
        "spec.properties.mainTemplate",
        "spec.properties.mainTemplate.parameters.password.defaultValue",
        f"spec.{_SETTINGS}.proxyPassword",
    ]
    for each in found:
        named = (work.folder / each["file"]).read_text().splitlines()[each["line"] - 1]
        assert named.strip().partition(":")[0] == each["path"].rpartition(".")[2]


@pytest.mark.parametrize("text", [text for text in SHOWN_TEXTS if "\n" not in text and not HIDDEN.search(text)])
def test_an_ordinary_value_is_shown_in_a_plan(work: Workspace, azure: Azure, report: Reporting, text: str) -> None:
    """What a reviewer has to see is not hidden, and no warning speaks of it."""
    azure.seed(gallery(description="before"))
    work.state(gallery(description=text))
    planned = report("plan")
    (change,) = resource(planned, gallery())["changes"]
    assert (change["observed"], change["desired"]) == ("before", text)
    assert "secret-in-manifest" not in [each["code"] for each in planned["warnings"]]


def test_a_credential_that_changed_is_said_to_have(work: Workspace, azure: Azure, report: Reporting) -> None:
    """In a setting as in a script, with the rest of it shown."""

    def made(token: str) -> Any:
        return gallery(description=f"AZP_TOKEN={token}\necho {token[:1]}")

    azure.seed(made(f"1{MARK}"))
    work.state(made(f"2{MARK}"))
    (change,) = resource(report("plan"), gallery())["changes"]
    assert change["observed"] == "AZP_TOKEN=(secret)\necho 1"
    assert change["desired"] == "AZP_TOKEN=(secret, changed)\necho 2"


def test_a_snapshot_holds_digests_of_scripts(work: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """None of their text; an equal one is in sync, another one differs, and a hidden credential is told."""
    actions = {"install": "echo distinctive", "remove": f"AZP_TOKEN={MARK} distinctive"}
    made = version(manageActions=actions)
    work.state(gallery(description="line one\nline two"), application(), made)
    report("apply")
    run("snapshot", "--out", "live.json")
    saved = (work.folder / "live.json").read_text()
    assert "distinctive" not in saved
    assert "line two" not in saved
    assert LINK in saved
    offline = report("plan", "--against-snapshot", "live.json")
    assert paths(offline) == []
    hidden = [each["path"] for each in offline["warnings"] if each["code"] == "snapshot-hidden"]
    assert hidden == ["spec.properties.publishingProfile.manageActions.remove"]
    work.state(
        gallery(description="line one\nline 2"),
        application(),
        changed(made, "properties.publishingProfile.manageActions.install", "echo other"),
    )
    offline = report("plan", "--against-snapshot", "live.json", code=1)
    assert sorted(path.rpartition(".")[2] for path in paths(offline)) == ["description", "install"]
    assert "distinctive" not in json.dumps(offline)


def test_an_exported_script_needs_its_credential_again(
    work: Workspace, azure: Azure, report: Reporting, run: Command
) -> None:
    """A placeholder stands for it, and validate refuses the placeholder."""
    actions = {"install": f"export AZP_TOKEN={MARK}\n./run", "remove": "true"}
    azure.seed(gallery(), application(), version(manageActions=actions))
    run("export", "--subscription", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "--resource-group", "rg-tools")
    failed = report("validate", code=1)
    assert [(each["code"], each["path"].rpartition(".")[2]) for each in failed["errors"]] == [
        ("placeholder", "install")
    ]


def test_credentials_of_what_is_created_are_in_no_output(work: Workspace, run: Command) -> None:
    """Reports hide credentials of a resource before and after its creation, in every form."""
    work.state(*_world(MARK))
    for command in ("plan", "apply"):
        for form in FORMATS:
            done = run(command, "-o", form, "--log-level", "debug")
            assert f"{MARK}pw" not in done.out + done.err
            assert MARK not in (done.out + done.err).replace(f"{MARK[2:]}", "")


@pytest.mark.parametrize("text", [f"password: {MARK}0aB1cD2eF3", f"ghp_{MARK}0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT"])
def test_a_name_that_is_a_credential_is_in_no_path(work: Workspace, azure: Azure, run: Command, text: str) -> None:
    """Of an element, a tag or a key: what surrounds it in a path does not hide what it is."""

    def made(name: str) -> list[Manifest]:
        artifact = {"name": name, "uri": "https://a.example/1", "type": "Custom"}
        tagged = gallery()
        tagged["spec"]["tags"] = {name: "x"}
        return [tagged, application(), version(), definition(artifacts=[artifact])]

    azure.seed(*made(text.replace(MARK, "Lv8Wy")))
    work.state(*made(text))
    shown = _outputs(work, run)
    exported = shown.pop("exported files"), shown.pop("export")
    assert [name for name, shows in shown.items() if MARK in shows or "Lv8Wy" in shows] == []
    assert MARK not in "".join(exported)


def test_a_long_key_is_hidden_before_it_is_cut(work: Workspace, run: Command) -> None:
    """Half a credential has no shape: the cut comes last."""
    link = f"https://somebody:{MARK}{'0aB1cD2eF3' * 8}@host.example/"
    twice = f'{{"{link}": 1, "{link}": 2}}'
    work.state(changed(gallery(), "properties", {link: 1}), changed(inline(), "properties.mainTemplate", twice))
    for form in FORMATS:
        done = run("validate", "-o", form)
        assert done.code == 1
        assert MARK not in done.out + done.err
