"""No secret reaches the file of the history, its notices or its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import changed, definition, estate, version
from tests.kit.raw import Raw, http, says

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Workspace

HOOK = "https://hooks.example/deploy?code=CANARY&sig=CANARY"
LINK = "https://packages.blob.core.windows.net/agent/agent.zip?sv=2022&se=2030&sig=CANARY"


@pytest.mark.slow
def test_nothing_secret_is_kept_or_sent(
    run: Command, work: Workspace, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of links and endpoints that drift, nor of a resource that Azure refuses while it quotes one."""
    endpoints = {"notificationEndpoints": [{"uri": HOOK}]}
    suite = definition(notificationPolicy=endpoints, packageFileUri=LINK)
    agent = changed(version(), "properties.publishingProfile.source.mediaLink", LINK)
    work.state(*estate()[:2], agent, suite)
    work.project("endpoint", notify=[{"type": "slack", "url": {"$env": "RECONCILER_SECRET_CHAT"}}])
    with Raw([says(http(b""))]) as receiver:
        monkeypatch.setenv("RECONCILER_SECRET_CHAT", f"{receiver.url}/CANARY")
        assert run("run", "--once").code == 0
        azure.edit(suite, "properties.notificationPolicy.notificationEndpoints.0.uri", f"{HOOK}2")
        azure.edit(agent, "properties.publishingProfile.source.mediaLink", f"{LINK}2")
        for _round in range(2):
            run("run", "--once", "--report-only", "--metrics-file", "m.prom")
        azure.fail_next(suite, f"Refused of {HOOK}", 403)
        run("run", "--once", "--metrics-file", "m.prom")
    assert receiver.connections > 0
    files = [path for path in (work.folder / ".reconciler").iterdir() if path.is_file()]
    assert files
    for path in (*files, work.folder / "m.prom"):
        assert b"CANARY" not in path.read_bytes(), path
    assert "CANARY" not in run("history", "-o", "json").out
