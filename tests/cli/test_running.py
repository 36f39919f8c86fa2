"""Running operations, of this run or another client: waits, timeouts, decisions just before a PUT."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from reconciler import pipeline
from tests.kit.cli import (
    REGIONS,
    Azure,
    Workspace,
    annotated,
    application,
    changed,
    definition,
    gallery,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Reporting


@pytest.fixture
def before_puts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a way to let another client act between the plan of an apply and its first PUT."""
    carry_out = pipeline.carry_out

    def plant(act: Callable[[], None]) -> None:
        async def acted(*arguments: Any, **named: Any) -> Any:
            await asyncio.to_thread(act)
            return await carry_out(*arguments, **named)

        monkeypatch.setattr(pipeline, "carry_out", acted)

    return plant


def _body(seconds_name: str = "somebody") -> dict[str, Any]:
    return {"location": "West Europe", "properties": {"description": seconds_name}}


def test_wait_in_a_plan(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource that is being created is waited for: nothing to do in a plan, exit 0, not drift."""
    azure.send("PUT", gallery(), _body(), operation_seconds=60)
    work.state(gallery(description="mine"), application())
    plan = report("plan", "--detailed-exitcode", "--target", "Gallery/*")
    assert verdict(plan, gallery()) == ("wait", "operation-running", "Unknown")
    item = resource(plan, gallery())
    assert item["health"] == "Progressing"
    assert [change["path"] for change in item["changes"]] == ["properties.description"]
    assert report("drift", "--target", "Gallery/*")["summary"]["drift"] == 0
    whole = report("plan")
    assert verdict(whole, application())[0] == "create"


def test_apply_waits_and_decides_again(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An apply waits for another client's operation, reads again, and sends the remaining changes."""
    azure.send("PUT", gallery(), _body(), operation_seconds=0.3)
    work.state(gallery(description="mine"))
    applied = report("apply")
    assert resource(applied, gallery())["outcome"] == "succeeded"
    assert applied["summary"]["requests"]["PUT"] == 1
    assert azure.stored(gallery())["properties"]["description"] == "mine"


def test_apply_waits_and_finds_nothing_left(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Where the operation brings what is desired, nothing is sent, and the item is unchanged."""
    azure.send("PUT", gallery(), _body("mine"), operation_seconds=0.3)
    work.state(gallery(description="mine"))
    applied = report("apply")
    assert resource(applied, gallery())["outcome"] == "unchanged"
    assert applied["summary"]["requests"]["PUT"] == 0


def test_deleted_meanwhile_is_created(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource that is being deleted is waited for and, once gone, created."""
    work.state(gallery())
    report("apply")
    azure.send("DELETE", gallery(), operation_seconds=0.3)
    applied = report("apply")
    assert resource(applied, gallery())["outcome"] == "succeeded"
    assert azure.holds(gallery())


def test_still_running_at_the_timeout(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A resource whose operation still runs at the timeout has failed, exit 1; other resources go on."""
    azure.send("PUT", gallery(), _body(), operation_seconds=60)
    work.state(gallery(description="mine"), gallery("other"))
    applied = report("apply", "--timeout", "0.2", code=1)
    item = resource(applied, gallery())
    assert (item["outcome"], item["error"]["code"]) == ("failed", "Timeout")
    assert resource(applied, gallery("other"))["outcome"] == "succeeded"


def test_own_operation_at_the_timeout(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own operation that outlasts the timeout is failed; the next run waits for it and sends nothing."""
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0.6")
    work.state(gallery())
    applied = report("apply", "--timeout", "0.1", code=1)
    assert resource(applied, gallery())["error"]["code"] == "Timeout"
    assert applied["summary"]["puts"] == 1
    again = report("apply")
    assert again["summary"]["puts"] == 0
    assert resource(again, gallery())["outcome"] in {"unchanged", None}


def test_done_by_somebody_just_before(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """If another client made the change between plan and PUT, the item is unchanged and nothing is sent."""
    work.state(definition())
    report("apply")
    work.state(definition(displayName="New"))
    before_puts(lambda: azure.edit(definition(), "properties.displayName", "New"))
    applied = report("apply")
    assert resource(applied, definition())["outcome"] == "unchanged"
    assert applied["summary"]["requests"]["PUT"] == applied["summary"]["puts"] == 0


def test_body_is_built_from_the_last_read(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """The PUT keeps a value that another client set between plan and PUT."""
    work.state(definition())
    report("apply")
    work.state(definition(displayName="New"))
    before_puts(lambda: azure.edit(definition(), "properties.description", "theirs"))
    report("apply")
    stored = azure.stored(definition())["properties"]
    assert (stored["displayName"], stored["description"]) == ("New", "theirs")


def test_created_by_somebody_just_before(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """A resource that another client created between plan and PUT is compared like any live resource."""
    work.state(gallery(description="mine"))
    before_puts(lambda: azure.seed(gallery(description="theirs")))
    applied = report("apply")
    assert resource(applied, gallery())["outcome"] == "succeeded"
    assert azure.stored(gallery())["properties"]["description"] == "mine"


def test_removed_just_before(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """A resource that another client removed between plan and PUT is created."""
    work.state(definition())
    report("apply")
    work.state(definition(displayName="New"))
    before_puts(lambda: azure.remove(definition()))
    assert resource(report("apply"), definition())["outcome"] == "succeeded"
    assert azure.holds(definition())


def test_blocked_just_before(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """A resource that is blocked at the last read is reported as blocked: exit 1, no PUT, later waves go on."""
    work.state(gallery())
    report("apply")
    work.state(gallery(description="New"), annotated(gallery("later"), wave="1"))
    before_puts(lambda: azure.edit(gallery(), "location", "North Europe"))
    applied = report("apply", code=1)
    assert verdict(applied, gallery())[:2] == ("blocked", "immutable-field")
    assert resource(applied, gallery("later"))["outcome"] == "succeeded"
    assert applied["summary"]["requests"]["PUT"] == 1


def test_running_just_before(
    work: Workspace, azure: Azure, report: Reporting, before_puts: Callable[[Callable[[], None]], None]
) -> None:
    """What runs at the last read is waited for."""
    work.state(gallery())
    report("apply")
    work.state(gallery(description="mine"))
    before_puts(lambda: _send(azure))
    applied = report("apply")
    assert resource(applied, gallery())["outcome"] == "succeeded"
    assert azure.stored(gallery())["properties"]["description"] == "mine"


def test_republish(work: Workspace, azure: Azure, report: Reporting) -> None:
    """--republish sends one PUT for an item without a difference, once."""
    work.state(*(gallery(), application(), version()))
    report("apply")
    applied = report("apply", "--republish", "GalleryApplicationVersion/agent-1.0.0")
    assert applied["summary"]["requests"]["PUT"] == applied["summary"]["succeeded"] == 1
    assert resource(applied, version())["outcome"] == "succeeded"
    assert report("apply")["summary"]["puts"] == 0


def test_republish_of_a_blocked_item(work: Workspace, report: Reporting) -> None:
    """What is blocked stays blocked, asked for or not."""
    work.state(gallery(), application(), version())
    report("apply")
    work.state(gallery(), application(), version(manageActions={"install": "x", "remove": "y"}))
    applied = report("apply", "--republish", "GalleryApplicationVersion/agent-1.0.0", code=1)
    assert applied["summary"]["requests"]["PUT"] == 0


def test_wait_replicated(work: Workspace, report: Reporting) -> None:
    """With --wait replicated a version is done when its replication is."""
    work.state(gallery(), application(), version())
    applied = report("apply", "--wait", "replicated")
    assert applied["summary"]["succeeded"] == 3


def test_health_reads_replication(work: Workspace, report: Reporting) -> None:
    """With --health each version costs one more read, and is healthy once replicated."""
    work.state(gallery(), application(), version())
    report("apply")
    plain, read = report("plan"), report("plan", "--health")
    assert read["summary"]["requests"]["GET"] == plain["summary"]["requests"]["GET"] + 1
    assert resource(read, version())["health"] == "Healthy"
    assert report("plan", "--health", "--target", "Gallery/*")["summary"]["requests"]["GET"] == 1


def test_change_during_an_operation_of_a_sibling(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A PUT that meets another client's operation in the same application waits, and is sent again."""
    work.state(gallery(), application(), version("1.0.0"), version("2.0.0"))
    report("apply")
    body = changed(version("1.0.0"), f"{REGIONS}.0.regionalReplicaCount", 2)["spec"]
    sent = {name: body[name] for name in ("location", "properties")}
    assert azure.send("PUT", version("1.0.0"), sent, operation_seconds=0.5).status_code == 200
    other = changed(version("2.0.0"), f"{REGIONS}.0.regionalReplicaCount", 3)
    work.state(gallery(), application(), changed(version(), f"{REGIONS}.0.regionalReplicaCount", 2), other)
    applied = report("apply", "--poll-interval", "0.3")
    assert resource(applied, other)["outcome"] == "succeeded"


def _send(azure: Azure) -> None:
    azure.send("PATCH", gallery(), {"properties": {"description": "theirs"}}, operation_seconds=0.3)
