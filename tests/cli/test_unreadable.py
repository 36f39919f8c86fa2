"""What cannot be read: nothing is known of it, nothing is sent for it or below it, and the others go on."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from tests.kit.cli import (
    Azure,
    Manifest,
    Workspace,
    annotated,
    application,
    changes_of,
    definition,
    estate,
    gallery,
    id_of,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from tests.cli.conftest import Command, Reporting

Answer = tuple[int, bytes]
_FORBIDDEN: Answer = (403, b'{"error": {"code": "AuthorizationFailed", "message": "no access"}}')


@pytest.fixture
def answer(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Yield a way to let a server stand before the embedded ARM, which answers certain GETs otherwise."""
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    answers: dict[str, Answer] = {}
    with _front(tmp_path / "arm.sqlite", answers) as endpoint:
        monkeypatch.setenv("RECONCILER_ENDPOINT", endpoint)

        def plant(path: str, answer: Answer = _FORBIDDEN) -> None:
            answers[path.lower()] = answer

        yield plant


@contextmanager
def _front(state: Path, answers: dict[str, Answer]) -> Iterator[str]:
    arm = create_app(EmulatorSettings(state=state, operation_seconds=0), SystemClock())

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        planted = answers.get(str(scope.get("path")).lower()) if scope.get("method") == "GET" else None
        if planted is None:
            await arm(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": planted[0], "headers": headers})
        await send({"type": "http.response.body", "body": planted[1]})

    with serve_in_thread(front) as endpoint:
        yield endpoint


def test_dependents_of_an_unknown_parent(
    work: Workspace, azure: Azure, report: Reporting, answer: Callable[..., None]
) -> None:
    """Nothing is written below a parent that cannot be read, in any wave; other resources are."""
    work.state(gallery(), application())
    report("apply")
    answer(id_of(gallery()))
    made = [gallery(), annotated(application(description="New"), wave="1"), version(), definition()]
    work.state(*made)
    applied = report("apply", code=1)
    assert verdict(applied, gallery()) == ("unknown", "read-failed", "Unknown")
    assert resource(applied, gallery())["error"]["code"] == "AuthorizationFailed"
    for dependent in made[1:3]:
        skipped = resource(applied, dependent)
        assert (skipped["outcome"], skipped["error"]["code"]) == ("skipped", "DependencyFailed")
    assert resource(applied, definition())["outcome"] == "succeeded"
    assert azure.holds(gallery(), application(), definition())


def test_list_that_cannot_be_read(
    work: Workspace, azure: Azure, report: Reporting, answer: Callable[..., None]
) -> None:
    """Where a list fails nothing in it is taken for absent."""
    work.state(*estate())
    report("apply")
    answer(f"{id_of(application())}/versions")
    work.add(version("2.0.0"))
    plan = report("plan", "--detailed-exitcode", code=1)
    assert verdict(plan, version()) == ("unknown", "read-failed", "Unknown")
    assert verdict(plan, version("2.0.0")) == ("unknown", "read-failed", "Unknown")
    assert plan["summary"]["inSync"] == 3
    assert report("drift", code=1)["summary"]["drift"] == 0
    assert report("apply", code=1)["summary"]["requests"]["PUT"] == 0


_ANSWERS: dict[str, tuple[Answer, str]] = {
    "no code": ((404, b"not found"), "unknown"),
    "no JSON": ((404, b"<html>gateway</html>"), "unknown"),
    "another code": ((404, b'{"error": {"code": "InvalidResourceType", "message": "x"}}'), "unknown"),
    "absent": ((404, b'{"error": {"code": "ResourceNotFound", "message": "x"}}'), "create"),
    "no group": ((404, b'{"error": {"code": "ResourceGroupNotFound", "message": "x"}}'), "blocked"),
    "empty": ((200, b""), "unknown"),
    "HTML": ((200, b"<html></html>"), "unknown"),
    "a list": ((200, b"[]"), "unknown"),
    "null": ((200, b"null"), "unknown"),
    "redirect": ((302, b""), "unknown"),
    "another resource": ((200, b'{"id": "/subscriptions/s/x", "name": "x", "location": "x"}'), "unknown"),
}


@pytest.mark.parametrize(("planted", "action"), _ANSWERS.values(), ids=list(_ANSWERS))
def test_what_an_answer_means(
    work: Workspace, report: Reporting, answer: Callable[..., None], planted: Answer, action: str
) -> None:
    """Only ARM's own word makes a resource absent; what is not usable makes it unknown, never created."""
    work.state(gallery())
    answer(id_of(gallery()), planted)
    plan = report("plan", code=int(action != "create"))
    assert resource(plan, gallery())["action"] == action
    if action == "unknown":
        assert resource(plan, gallery())["error"]["code"]


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Migrating", "Novelty"])
def test_states_that_are_waited_for(
    work: Workspace, report: Reporting, answer: Callable[..., None], state: str
) -> None:
    """Every state that is not final is waited for, and is progressing."""
    work.state(gallery())
    answer(id_of(gallery()), (200, _live(gallery(), state)))
    plan = report("plan", "--detailed-exitcode")
    assert verdict(plan, gallery()) == ("wait", "operation-running", "Unknown")
    assert resource(plan, gallery())["health"] == "Progressing"


@pytest.mark.parametrize("state", ["Failed", "Canceled", "failed"])
def test_states_that_are_repeated(work: Workspace, report: Reporting, answer: Callable[..., None], state: str) -> None:
    """An operation that did not end well is repeated."""
    work.state(gallery())
    answer(id_of(gallery()), (200, _live(gallery(), state)))
    plan = report("plan", "--detailed-exitcode", code=2)
    assert verdict(plan, gallery()) == ("update", "last-operation-failed", "OutOfSync")
    assert resource(plan, gallery())["health"] == "Degraded"
    assert changes_of(plan) == []


def test_a_failed_replication_is_told_with_its_region(
    work: Workspace, azure: Azure, run: Command, answer: Callable[..., None]
) -> None:
    """It degrades the health, is no difference, and causes no PUT."""
    work.state(gallery(), application(), version())
    assert run("apply").code == 0
    body = azure.send("GET", version()).json()
    summary = [{"region": "westeurope", "state": "Failed", "details": "no room"}]
    body["properties"]["replicationStatus"] = {"aggregatedState": "Failed", "summary": summary}
    answer(id_of(version()), (200, json.dumps(body).encode()))
    done = run("plan", "--health", "--detailed-exitcode")
    assert done.code == 0
    assert "health: Degraded, replication failed in westeurope: no room" in done.out


def _live(made: Manifest, state: str) -> bytes:
    import json

    body: dict[str, Any] = {"id": id_of(made), "name": "tools", "location": "westeurope"}
    return json.dumps({**body, "properties": {"provisioningState": state}}).encode()


def test_a_snapshot_of_what_cannot_be_read(
    work: Workspace, azure: Azure, answer: Callable[..., None], run: Command, report: Reporting
) -> None:
    """It is said, exit 1, and the file has the rest; a plan by it knows as little as a plan then."""
    azure.seed(gallery("one"), gallery("two"))
    work.state(gallery("one"), gallery("two"))
    answer(id_of(gallery("two")))
    taken = run("snapshot", "--out", "live.json")
    assert taken.code == 1
    head, *lines = taken.out.splitlines()
    assert head.endswith(": Saved live.json: 1 live, 0 absent, 0 unmanaged.")
    problem, fix, budget = lines
    assert problem == "Gallery/two could not be read: error[AuthorizationFailed]: no access"
    assert fix.startswith("    fix: ")
    assert budget == "2 reads, 0 writes"
    planned = report("plan", "--against-snapshot", "live.json", code=1)
    assert verdict(planned, gallery("one")) == ("none", "in-sync", "InSync")
    assert verdict(planned, gallery("two")) == ("unknown", "read-failed", "Unknown")
    message = resource(planned, gallery("two"))["error"]["message"]
    assert message == "not readable when the snapshot was taken: no access"


@pytest.mark.parametrize("body", [_FORBIDDEN, (200, b"{}"), (200, b"no json"), (500, b"")])
def test_who_modified_it_needs_no_read_of_its_own(
    work: Workspace, azure: Azure, answer: Callable[..., None], report: Reporting, run: Command, body: Answer
) -> None:
    """The list holds it, so a GET that fails does not matter."""
    azure.seed(gallery(), application(), version())
    work.state(gallery(), application(), version(replicaCount=3))
    answer(id_of(version()), body)
    planned = report("plan")
    assert verdict(planned, version()) == ("update", "fields-differ", "OutOfSync")
    assert resource(planned, version())["modified"]["by"] == "emulator"
    assert "    last modified by emulator (Application) at 20" in run("drift").out


def test_a_check_of_what_cannot_be_read(
    work: Workspace, azure: Azure, answer: Callable[..., None], report: Reporting
) -> None:
    """The check refuses a saved plan for a resource that cannot be read, and reports the error."""
    azure.seed(gallery("one"), gallery("two"))
    work.state(gallery("one", description="New"), gallery("two", description="New"))
    report("plan", "--out", "plan.json")
    answer(id_of(gallery("two")))
    checked = report("plan", "--check", "plan.json", code=1)
    refused = resource(checked, gallery("two"))
    assert (refused["action"], refused["outcome"]) == ("unknown", "refused")
    assert refused["error"]["code"] == "AuthorizationFailed"
    assert resource(checked, gallery("one"))["outcome"] is None
