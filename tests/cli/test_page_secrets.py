"""No secret is on any page of a loop."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_history_secrets import HOOK, LINK
from tests.cli.test_seen_from_outside import ask, port_of
from tests.kit.cli import changed, definition, estate, finish, start, until, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Workspace


@pytest.mark.slow
def test_nothing_secret_is_shown(run: Command, work: Workspace, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a declared value, nor one that drifts, nor one in a refusal of Azure: on every page that is linked."""
    monkeypatch.setenv("RECONCILER_SECRET_HOOK", HOOK)
    endpoints = {"notificationEndpoints": [{"uri": {"$env": "RECONCILER_SECRET_HOOK"}}]}
    suite = definition(notificationPolicy=endpoints, packageFileUri=LINK, description=f"see {LINK}")
    agent = changed(version(), "properties.publishingProfile.source.mediaLink", LINK)
    script = changed(agent, "properties.publishingProfile.manageActions.install", f"curl '{HOOK}' | sh")
    work.state(*estate()[:2], script, suite)
    assert run("apply").code == 0
    azure.edit(suite, "properties.notificationPolicy.notificationEndpoints.0.uri", f"{HOOK}2")
    azure.edit(agent, "properties.publishingProfile.source.mediaLink", f"{LINK.replace('agent.zip', 'b.zip')}2")
    azure.fail_next(suite, f"Refused of {HOOK}", 403)
    process = start("run", "--episode-after", "1", "--listen", "127.0.0.1:0", folder=work.folder)
    try:
        port = port_of(process)
        until(lambda: ask(port, "/readyz")[0] == 200)
        todo, pages = ["/"], dict[str, str]()
        while todo:
            path = todo.pop()
            pages[path] = ask(port, path)[1]
            todo += {each for each in re.findall(r'href="(/[^"#]*)"', pages[path]) if each not in pages}
    finally:
        os.kill(process.pid, signal.SIGTERM)
        finish(process, timeout=5)
    assert len(pages) >= len(("/", "/history", "/api/history", "style", "icon", "round", *estate()))
    assert not [path for path, text in pages.items() if "CANARY" in text]
    assert all(any(word in text for text in pages.values()) for word in ("notificationEndpoints", "agent.zip", "curl"))
