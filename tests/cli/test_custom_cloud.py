"""A cloud apart: every address and audience is the operator's, and nothing outside of it is called."""

from __future__ import annotations

import asyncio
import platform
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from tests.kit.cli import application, changed, gallery, resource, version
from tests.kit.entra import TENANT, Entra, Internet, make_trust
from tests.kit.storage import GOOD, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Workspace
    from tests.kit.entra import Asked, Reply

ARM, LOGIN, BLOBS = "arm.example", "login.example", "acme.blob.core.example"
LINK = f"https://{BLOBS}/packages/x.zip"
MEDIA_LINK = "properties.publishingProfile.source.mediaLink"
platform.platform()  # azure-core asks for it, and a first time it starts a process, with the environment of the test
OPTIONS = {
    "--cloud": "custom",
    "--endpoint": f"https://{ARM}",
    "--authority": f"https://{LOGIN}",
    "--audience": f"https://{ARM}/audience",
    "--blob-suffix": "core.example",
}


class Apart:
    """
    The services of the cloud, by their own names behind a proxy on this machine.

    Attributes:
        internet: Everything that is reached.
        entra: Its sign-in service.
        storage: Its blob storage.
    """

    def __init__(self, internet: Internet, state: Path) -> None:
        """Serve the embedded ARM with a state file, a sign-in service and blob storage."""
        self.internet, self.entra, self.storage = internet, Entra(), Storage()
        self._state = state
        internet.services = {LOGIN: self.entra, ARM: self._arm, BLOBS: self._blobs}

    def bearers(self, host: str) -> set[str | None]:
        """Return the Authorization headers that a host got."""
        return {asked.headers.get("authorization") for asked in self.internet.to(host)}

    def _arm(self, asked: Asked) -> Reply:
        async def exchange() -> httpx.Response:
            app = create_app(EmulatorSettings(state=self._state, operation_seconds=0), SystemClock())
            try:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{ARM}") as client:
                    kept = {name: value for name, value in asked.headers.items() if name == "content-type"}
                    return await client.request(asked.method, asked.target, headers=kept, content=asked.content)
            finally:
                app.state.world.close()

        answer = asyncio.run(exchange())
        left = {"content-length", "content-type"}
        more = {name: value for name, value in answer.headers.items() if name not in left}
        return answer.status_code, answer.text, more

    def _blobs(self, asked: Asked) -> Reply:
        answer = self.storage(httpx.Request(asked.method, f"https://{BLOBS}{asked.target}", content=asked.content))
        return answer.status_code, answer.text, {name: answer.headers[name] for name in GOOD if name in answer.headers}


@pytest.fixture
def apart(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apart]:
    """Yield the cloud, and sign in there as a service principal."""
    internet = Internet(make_trust(tmp_path))
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "RECONCILER_CLOUD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in {
        "HTTPS_PROXY": internet.url,
        "SSL_CERT_FILE": str(tmp_path / "trusted.pem"),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "client-id",
        "AZURE_CLIENT_SECRET": "CANARY-secret",
        "RECONCILER_CREDENTIAL": "environment",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield Apart(internet, tmp_path / "arm.sqlite")
    finally:
        internet.close()


def given(*left_out: str) -> list[str]:
    """Return the options of the cloud."""
    return [text for option, value in OPTIONS.items() if option not in left_out for text in (option, value)]


@pytest.mark.parametrize("by", ["options", "variables"])
@pytest.mark.parametrize("access", [{"sas": "userDelegation"}, {"access": "galleryIdentity"}], ids=["signed", "plain"])
def test_an_apply_in_a_cloud_apart(
    work: Workspace,
    azure: Azure,
    apart: Apart,
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    *,
    by: str,
    access: dict[str, str],
) -> None:
    """ARM, sign-in, audience and blob host are those that were given; each token goes to its own service alone."""
    made = changed(version(), MEDIA_LINK, LINK)
    work.project(storage=[{"prefix": f"https://{BLOBS}/packages/", **access}])
    work.state(gallery(), application(), made)
    if by == "variables":
        for option, value in OPTIONS.items():
            monkeypatch.setenv(f"RECONCILER_{option[2:].replace('-', '_').upper()}", value)
    done = run("apply", *(given() if by == "options" else ()), "-o", "json")
    assert done.code == 0, done
    assert done.report["cloud"] == "custom"
    link = azure.stored(made)["properties"]["publishingProfile"]["source"]["mediaLink"]
    assert link.partition("?")[0] == LINK
    assert ("sig=" in link) is ("sas" in access)
    assert {asked.host for asked in apart.internet.asked} == {ARM, LOGIN, BLOBS}
    scopes = [asked.form["scope"] for asked in apart.entra.tokens]
    assert sorted(scopes) == [f"https://{ARM}/audience/.default", "https://storage.azure.com/.default"]
    for_arm, for_blobs = (f"Bearer CANARY-{1 + scopes.index(each)}-of-{TENANT}" for each in sorted(scopes))
    assert apart.bearers(ARM) == {for_arm}
    assert apart.bearers(BLOBS) == ({for_blobs, None} if "sas" in access else {for_blobs})
    assert "CANARY" not in done.out + done.err


def test_without_its_blob_suffix_no_host_gets_a_signature(work: Workspace, apart: Apart, run: Command) -> None:
    """None is derived from another value, and nothing is called; naming the host helps as well."""
    made = changed(version(), MEDIA_LINK, LINK)
    work.project(storage=[{"prefix": f"https://{BLOBS}/packages/", "sas": "userDelegation"}])
    work.state(gallery(), application(), made)
    done = run("apply", *given("--blob-suffix"), "-o", "json")
    assert (done.code, [error["code"] for error in done.report["errors"]]) == (1, ["storage-host"])
    assert apart.internet.asked == []
    assert run("apply", *given("--blob-suffix"), "--storage-host", BLOBS).code == 0


@pytest.mark.parametrize("missing", ["--endpoint", "--authority", "--audience"])
def test_what_a_cloud_apart_cannot_do_without(
    work: Workspace, azure: Azure, apart: Apart, run: Command, missing: str
) -> None:
    """The option is named, and nothing is called; a token of one's own needs neither sign-in service nor audience."""
    work.state(gallery())
    done = run("plan", *given(missing))
    assert done.code == 64
    assert missing in done.err
    assert apart.internet.asked == []


def test_a_cloud_apart_on_this_machine_needs_its_endpoint_alone(
    work: Workspace, apart: Apart, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over plain http no token is sent, so that no sign-in is needed."""
    work.state(gallery())
    apart.internet.services["127.0.0.1"] = apart.internet.services[ARM]
    done = run("plan", "--cloud", "custom", "--endpoint", apart.internet.url, "-o", "json")
    assert done.code == 0
    assert resource(done.report, gallery())["action"] == "create"
    assert apart.bearers("127.0.0.1") == {None}
    assert apart.entra.tokens == []
