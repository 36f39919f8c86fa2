"""A run of ``make live`` against the embedded ARM, and against servers that differ from it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.emulator import EmulatorSettings, create_app
from reconciler.runtime.connect import open_writer
from reconciler.settings import Environment
from tests.kit.canary import traces
from tests.kit.cli import Azure
from tests.kit.clock import ManualClock
from tests.kit.proxy import Proxy
from tests.live.__main__ import DIFFERS, HOLDS, INTERRUPTED, SIGN_IN, USAGE, main
from tests.live.door import Door, OutsideError
from tests.live.fact import Step
from tests.live.settings import read

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTION = "01523d7c-60da-455e-adef-521b547922c4"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-live"
VERSIONS = "galleries/applications/versions"
ONLY_AZURE = {"definition-unreadable", "version-refuses-unreadable"}
OTHER_FORMS = {
    "MEDIA_LINK": "stripped",
    "SOFT_DELETE": "refused",
    "SERVER_FIELDS": "writes",
    "EMPTY_TEXT": "dropped",
    "PUBLIC_NAME": "names",
    "NEWER_FIELDS": "dropped",
    "API_VERSION_ERROR": "InvalidResourceType",
}
"""The embedded ARM in the other forms in which Azure is known, or may be expected, to answer."""


class Runs:
    """Runs against one embedded ARM that knows the resource group, and all that they print."""

    def __init__(self, state: Path) -> None:
        """Create the group, as a user of ``make live`` does."""
        self.lines: list[str] = []
        self.clock = ManualClock()
        self.values = {
            "RECONCILER_CLOUD": "emulator",
            "RECONCILER_EMULATOR_STATE": str(state),
            "RECONCILER_EMULATOR_STRICT_GROUPS": "1",
            "RECONCILER_EMULATOR_OPERATION_SECONDS": "1",
            "RECONCILER_EMULATOR_LATENCY_MS": "10",
            "RECONCILER_LIVE_SUBSCRIPTION": SUBSCRIPTION,
            "RECONCILER_LIVE_GROUP": "rg-live",
            "RECONCILER_LIVE_LOCATION": "westeurope",
            "RECONCILER_LIVE_SECOND_LOCATION": "northeurope",
            "RECONCILER_LIVE_SUFFIX": "7",
            "RECONCILER_LIVE_CONTACT": "somebody@example.com",
            "RECONCILER_LIVE_SCRIPT": "https://a.blob.core.windows.net/b/c.sh?sv=2022-11-02&sig=CANARYCANARY",
            "RECONCILER_LIVE_PACKAGE": "https://a.blob.core.windows.net/b/c.zip?sv=2022-11-02&sig=CANARYCANARY",
        }
        asyncio.run(self._create_group(state))

    async def _create_group(self, state: Path) -> None:
        app = create_app(EmulatorSettings(state=state), self.clock)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            answer = await client.put(f"{GROUP}?api-version=2021-04-01", json={"location": "westeurope"})
        assert answer.is_success
        app.state.world.close()

    def run(self, without: str | None = None, **values: str) -> int:
        """Run with other settings, and return the exit code."""
        self.lines.clear()
        chosen = {**self.values, **{f"RECONCILER_{name}": value for name, value in values.items()}}
        chosen.pop(f"RECONCILER_LIVE_{without}", None)
        return main(Environment(chosen), self.clock, self.lines.append)

    def facts(self, state: str) -> set[str]:
        """Return the ids of the facts with that verdict."""
        found = (re.match(rf"{state} +([a-z0-9-]+):", text) for text in self.lines)
        return {match[1] for match in found if match}

    @property
    def text(self) -> str:
        """Return everything that was printed."""
        return "\n".join(self.lines)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Return runs against a fresh embedded ARM."""
    return Runs(tmp_path / "arm.sqlite")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """Return a proxy before the embedded ARM."""
    before = Proxy()
    before.install(monkeypatch)
    return before


@pytest.mark.parametrize("forms", [{}, OTHER_FORMS], ids=["usual", "other"])
def test_every_fact_holds_on_the_embedded_arm(forms: dict[str, str], runs: Runs) -> None:
    """The embedded ARM is the model of Azure that the facts describe; facts about blobs are named as not tried."""
    assert runs.run(**{f"EMULATOR_{name}": value for name, value in forms.items()}) == HOLDS
    assert runs.facts("differs") == set()
    assert runs.facts("not tried") == ONLY_AZURE
    assert len(runs.facts("holds")) >= 90


def test_a_cloud_that_lags_refutes_nothing(runs: Runs) -> None:
    """Facts about newer api-versions are not tried where the cloud does not know them, and name the version."""
    assert runs.run(EMULATOR_API_VERSIONS="2022-03-03") == HOLDS
    untried = {name for noun in ("gallery", "version") for name in (f"{noun}-system-data", f"{noun}-list-system-data")}
    untried |= {"script-create", "script-version-create"}
    assert untried | {"gallery-identity-older", "version-newer-older", "version-storage-strategy"} <= runs.facts(
        "not tried"
    )
    assert {"gallery-version-2025-03-03", "gallery-version-2026-03-03"} <= runs.facts("holds")
    assert {"unknown-version-gallery", "unknown-version-definition"} <= runs.facts("holds")
    assert "does not know api-version 2024-03-03" in runs.text


def test_every_operation_is_followed_to_its_end(runs: Runs) -> None:
    """Also one that a fact has left running: it would refuse the PUTs of the facts after it."""
    runs.run()
    recorded = dict(re.findall(r"holds +([a-z-]+):.* \[([a-z -]+)\]", runs.text))
    assert recorded["version-changes-customactions"] == recorded["version-changes-advancedsettings"] == "changed"


@pytest.mark.slow
def test_a_second_run_with_the_same_suffix_works(runs: Runs) -> None:
    """What the first run has created is updated; only the facts about new resources are not tried."""
    runs.run()
    assert runs.run() == HOLDS
    nouns = ("gallery", "application", "definition", "version", "script", "script-version")
    created = {f"{noun}-create" for noun in nouns}
    assert runs.facts("not tried") == ONLY_AZURE | created


def test_three_differences_are_found(runs: Runs, proxy: Proxy) -> None:
    """A server that differs in three facts: a code, a default, a spelling. Each is found, and nothing else."""

    def changes_system(body: Mapping[str, Any]) -> bool:
        return bool(body["properties"].get("supportedOSType") == "Windows")

    def shorten(body: dict[str, Any]) -> None:
        for region in body["properties"]["publishingProfile"]["targetRegions"]:
            region["name"] = region["name"].replace(" ", "").lower()

    proxy.refuse_where(changes_system, "applications", "BadRequest")
    proxy.alter("applicationDefinitions", lambda body: body["properties"].pop("isEnabled"))
    proxy.alter(VERSIONS, shorten)
    assert runs.run() == DIFFERS
    assert runs.facts("differs") == {"application-system", "definition-enabled", "version-region-names"}
    assert "400 BadRequest" in runs.text


def test_no_secret_is_printed(runs: Runs, proxy: Proxy) -> None:
    """A server that answers with another signature: the fact differs, and neither signature is shown."""

    def resign(body: dict[str, Any]) -> None:
        body["properties"]["publishingProfile"]["source"]["mediaLink"] = "https://x.example.com/y?sig=CANARYOTHER"

    proxy.alter(VERSIONS, resign)
    assert runs.run() == DIFFERS
    assert runs.facts("differs") == {"version-link"}
    assert traces(runs.text) == []


def test_only_put_and_only_inside_the_group(runs: Runs, proxy: Proxy) -> None:
    """Nothing is deleted, and everything that is written has the run's prefix in the run's group."""
    runs.run()
    assert {method for method, _ in proxy.asked} == {"GET", "PUT"}
    inside = re.escape(f"{GROUP}/providers/") + r"Microsoft\.(Compute/galleries|Solutions/\w+)/rcnlive7"
    written = [path for path, _ in proxy.written]
    assert written
    assert all(re.match(inside, path) for path in written)
    assert all(path.startswith(f"/subscriptions/{SUBSCRIPTION}/") for _, path in proxy.asked)


def test_the_remaining_resources_are_named(runs: Runs) -> None:
    """Those that exist and no other, with the command that deletes each."""
    runs.run()
    named = {text.rpartition(" ")[2].lower() for text in runs.lines if text.startswith("  az resource delete --ids ")}
    assert named == Azure(Path(runs.values["RECONCILER_EMULATOR_STATE"])).ids()


@pytest.mark.parametrize(
    ("name", "parent", "facts"), [("PACKAGE", "applications", "version-"), ("SCRIPT", "scripts", "script-version-")]
)
def test_without_its_link_no_version_is_written(name: str, parent: str, facts: str, runs: Runs, proxy: Proxy) -> None:
    """The facts about versions are not tried, and name the setting that they need."""
    assert runs.run(without=name) == HOLDS
    found = [text for text in runs.lines if f"  {facts}" in text]
    assert found
    assert all(f"RECONCILER_LIVE_{name}" in text for text in found)
    assert not any(f"/{parent}/rcnlive7/versions/" in path for path, _ in proxy.written)


@pytest.mark.parametrize("name", ["SUBSCRIPTION", "GROUP", "LOCATION"])
def test_a_run_needs_its_place(name: str, runs: Runs, proxy: Proxy) -> None:
    """Without subscription, group and location nothing is sent."""
    assert runs.run(without=name) == USAGE
    assert f"RECONCILER_LIVE_{name}" in runs.text
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUBSCRIPTION", "mine"),
        ("GROUP", "rg/../other"),
        ("LOCATION", "West Europe"),
        ("SECOND_LOCATION", "westeurope"),
        ("SUFFIX", "prod"),
        ("PACKAGE", "CANARY.zip"),
    ],
)
def test_a_malformed_setting_is_refused(name: str, value: str, runs: Runs, proxy: Proxy) -> None:
    """By its name and without its value, and nothing is sent."""
    assert runs.run(**{f"LIVE_{name}": value}) == USAGE
    assert name in runs.text
    assert traces(runs.text) == []
    assert proxy.asked == []


def test_an_interrupt_names_what_remains(runs: Runs) -> None:
    """Ctrl-C ends the run at once, with the resources so far and the number of facts that were not reached."""
    said = runs.lines.append

    def interrupt(text: str) -> None:
        said(text)
        if "application-create" in text:
            raise KeyboardInterrupt

    assert main(Environment(runs.values), runs.clock, interrupt) == INTERRUPTED
    assert "not reached" in runs.text
    assert f"  az resource delete --ids {GROUP}/providers/Microsoft.Compute/galleries/rcnlive7" in runs.lines


def test_a_failed_operation_refutes_only_its_own_fact(runs: Runs, proxy: Proxy) -> None:
    """Facts about a resource whose creation failed are not tried, and name the operation's error."""
    failed = {"status": "Failed", "startTime": "-", "name": "x", "error": {"code": "InternalOperationError"}}
    proxy.answer("GET", "capsOperations/[^/]+", 200, failed)
    assert runs.run() == DIFFERS
    assert runs.facts("differs") == {"gallery-operation"}
    assert {"gallery-merge", "application-create", "version-create"} <= runs.facts("not tried")
    assert "InternalOperationError" in runs.text


def test_an_outage_refutes_nothing(runs: Runs, proxy: Proxy) -> None:
    """Facts are not tried where ARM answers with a server error, and a resource that may exist is named."""
    proxy.answer("PUT", "galleries/rcnlive7", 503, b"<html>")
    assert runs.run() == HOLDS
    assert {"gallery-create", "gallery-merge", "application-create"} <= runs.facts("not tried")
    assert f"  az resource delete --ids {GROUP}/providers/Microsoft.Compute/galleries/rcnlive7" in runs.lines


def test_a_lost_answer_refutes_nothing(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts are not tried where the connection breaks, and a resource that may exist is named."""
    forward = httpx.ASGITransport.handle_async_request

    async def handle(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT" and request.url.path.endswith("/rcnlive7mode"):
            message = "reset"
            raise httpx.ReadError(message)
        return await forward(transport, request)

    monkeypatch.setattr(httpx.ASGITransport, "handle_async_request", handle)
    assert runs.run(without="PACKAGE") == HOLDS
    assert {"definition-mode", "definition-mode-omitted"} <= runs.facts("not tried")
    assert any(text.endswith("/applicationDefinitions/rcnlive7mode") for text in runs.lines)


def test_the_door_lets_nothing_out(runs: Runs, proxy: Proxy) -> None:
    """A step that leads outside of the group is not sent."""
    environment = Environment(runs.values)
    live = read(runs.values, "7")
    outside = f"{live.stage.galleries}/tools"

    async def send() -> None:
        async with open_writer(live.connection, environment, runs.clock) as arm:
            await Door(arm, live.stage, runs.clock, 1.0).send(Step("it", "PUT", outside, "2022-03-03", {}))

    with pytest.raises(OutsideError):
        asyncio.run(send())
    assert proxy.asked == []


def test_a_refused_sign_in_ends_the_run(runs: Runs, proxy: Proxy) -> None:
    """It says nothing of any fact."""
    proxy.refuse("GET", ".*", 401, "InvalidAuthenticationToken")
    assert runs.run() == SIGN_IN
    assert "Nothing was created." in runs.lines


def test_missing_rights_refute_nothing(runs: Runs, proxy: Proxy) -> None:
    """A refusal for lack of rights makes the facts that need the resource not tried."""
    proxy.refuse("PUT", "applicationDefinitions/[a-z0-9]+", 403, "AuthorizationFailed")
    assert runs.run(without="PACKAGE") == HOLDS
    assert {"definition-create", "definition-mode", "definition-write-only"} <= runs.facts("not tried")
