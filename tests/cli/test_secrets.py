"""Secrets where a command is not at its best: in broken manifests, at debug level, and with talkative libraries."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from reconciler.report import FORMATS
from tests.kit.cli import LINK, application, as_yaml, changed, definition, estate, gallery, version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.kit.cli import Workspace
    from tests.kit.proxy import Proxy

SIGNED = f"{LINK}?sv=2022-11-02&sig=CANARY%3D"
MEDIA_LINK = "properties.publishingProfile.source.mediaLink"
PLAIN = as_yaml(version())
BROKEN = {
    "a text that does not end": PLAIN.replace(LINK, f'"{SIGNED}'),
    "a key twice": PLAIN.replace("mediaLink: ", f"mediaLink: {SIGNED}\n        mediaLink: "),
    "a tag": PLAIN.replace(LINK, f"!CANARY {SIGNED}"),
    "an alias": PLAIN.replace(LINK, "*CANARY"),
    "a list for a text": as_yaml(changed(version(), MEDIA_LINK, [SIGNED])),
    "a text that is too long": as_yaml(changed(version(), MEDIA_LINK, SIGNED * 20_000)),
    "a key that nobody knows": as_yaml(changed(version(), "properties.publishingProfile.source.sas", SIGNED)),
    "a kind that nobody knows": as_yaml({**version(), "kind": SIGNED}),
    "a link for a template": as_yaml(changed(definition(), "properties.mainTemplate", f"{{{SIGNED}")),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_broken_manifest_is_told_by_its_place(work: Workspace, run: Command, text: str, form: str) -> None:
    """By file and line, and never by what stands there."""
    work.file("manifests/a.yaml", text)
    for command in (("validate",), ("plan", "--log-level", "debug")):
        done = run(*command, "-o", form)
        assert done.code == 1
        assert "a.yaml" in done.out
        assert "CANARY" not in done.out + done.err


def test_debug_shows_each_request_without_what_is_secret(
    work: Workspace, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, URL without its query, status, id and time; libraries are not asked what they make of it."""
    for name in ("HTTPX_LOG_LEVEL", "AZURE_LOG_LEVEL", "AZURE_SDK_LOG_LEVEL"):
        monkeypatch.setenv(name, "debug")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY-token")
    work.state(*estate()[:2], changed(version(), MEDIA_LINK, SIGNED))
    app = create_app(EmulatorSettings(state=tmp_path / "served.sqlite", operation_seconds=0), SystemClock())
    caplog.set_level(logging.DEBUG)
    with serve_in_thread(app) as endpoint:
        done = run("apply", "--endpoint", endpoint, "--credential", "token", "--log-level", "debug")
    assert done.code == 0, done.err
    sent = [line for line in done.err.splitlines() if line.startswith("DEBUG reconciler.http: ")]
    assert {line.split()[2] for line in sent} == {"GET", "PUT"}
    shape = (
        rf"DEBUG reconciler\.http: (GET|PUT) {re.escape(endpoint)}/subscriptions/[^?\s]+ \d{{3}} [\w-]+ \d+\.\d{{3}}s"
    )
    assert [line for line in sent if not re.fullmatch(shape, line)] == []
    names = ("httpx", "httpcore", "hpack", "azure", "msal")
    libraries = {record.name for record in caplog.records if record.name.startswith(names)}
    assert libraries == set()
    app.state.world.close()


@pytest.mark.parametrize("from_variable", [True, False])
def test_what_azure_remarks_on_a_copy_quotes_no_secret(
    work: Workspace, run: Command, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, *, from_variable: bool
) -> None:
    """Of the manifest, long after the PUT too: a piece of a signature has no shape."""
    words = "CANARY0aB1cD2eF3gH4iJ5"
    signed = f"{LINK}?sv=1&sig={words}"
    monkeypatch.setenv("RECONCILER_SECRET_LINK", signed)
    link = {"$env": "RECONCILER_SECRET_LINK"} if from_variable else signed
    linked = version(source={"mediaLink": link})
    work.state(gallery(), application(), linked)
    run("apply")
    copy = {"region": "West Europe", "state": "Failed", "details": f"cannot be read with {words}"}

    def fail(body: dict[str, Any]) -> None:
        body["properties"]["replicationStatus"] = {"aggregatedState": "Failed", "summary": [copy]}

    proxy.alter("versions", fail)
    shown = [run(command, "--health", "-o", form) for command in ("plan", "drift", "apply") for form in FORMATS]
    shown += [run("explain", "GalleryApplicationVersion/agent-1.0.0", "-o", form) for form in ("text", "json")]
    shown.append(run("snapshot", "--out", "live.json"))
    assert any("cannot be read with (secret)" in done.out for done in shown)
    for done in shown:
        assert "CANARY" not in done.out + done.err
    assert "CANARY" not in (work.folder / "live.json").read_text()
