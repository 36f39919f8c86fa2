"""
Roles: ``deploy/roles`` has the actions that the requests of all commands need, no more and no fewer.

Three places are held to each other: the requests that the embedded ARM sees, the two files, and the table of the page.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from reconciler.azure.resource_graph import QUERY
from reconciler.cli.front import NAMES
from tests.kit.cli import SUBSCRIPTION, application, changed, definition, gallery, manifest, version
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.cli.conftest import Command
    from tests.kit.cli import Manifest, Workspace
    from tests.kit.proxy import Proxy

Role = Literal["reader", "writer"]

IDENTITIES: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITY: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ids/providers/{IDENTITIES}/packages"
COMMANDS: Final[dict[Role, tuple[tuple[str, ...], ...]]] = {
    "writer": (("apply", "--impact"), ("run", "--once")),
    "reader": (
        ("plan", "--impact"),
        ("drift",),
        ("list",),
        ("explain", "GalleryApplicationVersion/agent-1.0.0"),
        ("export", "--subscription", SUBSCRIPTION, "--out-dir", "all"),
        ("export", "--subscription", SUBSCRIPTION, "--resource-group", "rg-tools", "--out-dir", "group"),
        ("snapshot", "--out", "snapshot.json"),
        ("usage", "--unused"),
        ("run", "--once", "--report-only"),
    ),
}
NEEDS_NO_AZURE: Final = {"validate", "report", "schema", "history", "new-version", "comment", "emulator"}
SCOPE: Final = re.compile(r"(?:/subscriptions/[^/]+(?:/resourceGroups/[^/]+)?)?/providers/(.+)", re.IGNORECASE)
VERBS: Final = {"GET": "read", "PUT": "write"}


def action_of(method: str, path: str) -> str:
    """Return the action that a request needs: the type of its resource or list, and its verb."""
    found = SCOPE.fullmatch(path)
    assert found, path
    namespace, *parts = found[1].split("/")
    verb = "read" if namespace == "Microsoft.ResourceGraph" else VERBS[method]
    return "/".join((namespace, *parts[::2], verb))


def needed(proxy: Proxy) -> Iterator[str]:
    """Yield the actions of all requests, those that Azure checks for what a request names among them."""
    for method, path in proxy.asked:
        yield action_of(method, path)
        if "Microsoft.ResourceGraph" in path:
            yield from (f"{each}/read" for each in re.findall(r"'(microsoft\.compute/\w+)'", QUERY))
    if any(body.get("identity", {}).get("userAssignedIdentities") for _, body in proxy.written):
        yield f"{IDENTITIES}/assign/action"


def estate() -> list[Manifest]:
    """Return a manifest of every kind; the gallery has an identity."""
    spec = {"galleryName": "tools", "galleryScriptName": "setup", "location": "West Europe"}
    number = {**spec, "galleryScriptVersionName": "1.0.0"}
    profile = {"source": {"scriptLink": "https://packages.blob.core.windows.net/scripts/setup.sh"}}
    profile["targetRegions"] = [{"name": "West Europe"}]  # type: ignore[assignment]
    return [
        changed(gallery(), "identity", {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}),
        application(),
        version(),
        manifest("GalleryScript", "setup", {**spec, "properties": {"supportedOSType": "Linux"}}),
        manifest("GalleryScriptVersion", "setup-1.0.0", {**number, "properties": {"publishingProfile": profile}}),
        definition(),
    ]


def role(name: Role) -> dict[str, Any]:
    """Return a role definition."""
    found: dict[str, Any] = json.loads((ROOT / "deploy" / "roles" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def folded(actions: Iterable[str]) -> set[str]:
    """Return actions without case, which Azure does not tell apart."""
    return {each.lower() for each in actions}


@pytest.fixture
def seen(run: Command, work: Workspace, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> dict[Role, set[str]]:
    """Return the actions that all commands with each role have needed, by a full run over every kind."""
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0.02")  # so that operations are looked at
    monkeypatch.setenv("RECONCILER_EMULATOR_SEED", str(work.file("machines.json", "[]")))
    work.state(*estate())
    found: dict[Role, set[str]] = {}
    for name, commands in COMMANDS.items():
        for command in commands:
            assert run(*command).code == 0, command
        found[name] = set(needed(proxy))
        proxy.asked.clear()
        proxy.written.clear()
    return found


@pytest.mark.slow
def test_no_action_is_missing_and_none_is_superfluous(seen: dict[Role, set[str]]) -> None:
    """A writer may run the commands of a reader too."""
    assert folded(role("reader")["Actions"]) == folded(seen["reader"])
    assert folded(role("writer")["Actions"]) == folded(seen["reader"] | seen["writer"])


@pytest.mark.parametrize("name", ["reader", "writer"])
def test_no_action_is_there_twice(name: Role) -> None:
    """In no other case either."""
    assert len(role(name)["Actions"]) == len(folded(role(name)["Actions"]))


def test_every_command_is_among_them() -> None:
    """A new command has to be run here, or to need no access to Azure."""
    run = {command[0] for commands in COMMANDS.values() for command in commands}
    assert run | NEEDS_NO_AZURE == set(NAMES)
    assert not run & NEEDS_NO_AZURE


@pytest.mark.parametrize("name", ["reader", "writer"])
def test_no_role_can_delete(name: Role) -> None:
    """Each action is a read, a write or the assignment of an identity; none has a wildcard or is about data."""
    found = role(name)
    verbs = {each.rpartition("/")[2] for each in found["Actions"]}
    assert verbs <= ({"read"} if name == "reader" else {"read", "write", "action"})
    assert not any("*" in each or "delete" in each.lower() for each in found["Actions"])
    assert (found["NotActions"], found["DataActions"], found["NotDataActions"]) == ([], [], [])
    assert found["IsCustom"] is True
    assert found["AssignableScopes"]


def test_the_page_explains_every_action() -> None:
    """Its table has a row for each, says which role has it, and what it is for."""
    text = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(Microsoft\.[\w./]+)` \| (both|writer) \| (.+) \|$", text, re.MULTILINE)
    shown = {
        "writer": [action for action, _, _ in rows],
        "reader": [action for action, who, _ in rows if who == "both"],
    }
    assert shown["reader"] == role("reader")["Actions"]
    assert sorted(shown["writer"]) == sorted(role("writer")["Actions"])
