"""Who last modified what differs: told beside the drift, from the answers of the lists."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from tests.kit.cli import (
    Azure,
    Manifest,
    Workspace,
    application,
    definition,
    estate,
    gallery,
    id_of,
    resource,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting


@pytest.fixture
def alice(tmp_path: Path) -> Callable[[Manifest], None]:
    """Return a way to describe a gallery as a user of Azure does, by a PUT with a token of hers."""
    claims = base64.urlsafe_b64encode(json.dumps({"upn": "alice@example.com"}).encode()).decode().rstrip("=")

    def edit(made: Manifest) -> None:
        app = create_app(EmulatorSettings(state=tmp_path / "arm.sqlite", operation_seconds=0), SystemClock())
        with serve_in_thread(app) as endpoint:
            body = {"location": "West Europe", "properties": {"description": "theirs"}}
            headers = {"authorization": f"Bearer e30.{claims}.x"}
            url = f"{endpoint}{id_of(made)}?api-version=2022-03-03"
            assert httpx.put(url, json=body, headers=headers).status_code == 200

    return edit


def test_told_beside_the_drift(
    work: Workspace, azure: Azure, run: Command, report: Reporting, alice: Callable[[Manifest], None]
) -> None:
    """By whom and when, in every format, without a GET of its own; in the loop too, and not in an apply."""
    stated = [gallery(description="a"), application(), version(), definition(description="a")]
    work.state(*stated)
    report("apply")
    quiet = report("plan")["summary"]["requests"]["GET"]
    alice(gallery())
    azure.edit(definition(), "properties.description", "theirs")
    drifted = report("drift", code=2)
    assert drifted["summary"]["requests"] == {"GET": quiet, "PUT": 0}
    hers, other = (resource(drifted, made)["modified"] for made in (gallery(), definition()))
    assert (hers["by"], hers["byType"]) == ("alice@example.com", "User")
    assert (other["by"], other["byType"]) == ("emulator", "Application")
    assert "modified" not in resource(drifted, version())
    line = "last modified by alice@example.com (User) at 20"
    for form in ("text", "markdown"):
        assert line in run("plan", "-o", form).out
    looped = report("run", "--once", "--report-only", code=2)
    assert resource(looped, gallery())["modified"] == hers
    applied = report("apply")
    assert not any("modified" in item for item in applied["resources"])
    assert azure.stored(gallery())["properties"]["description"] == "a"


def test_what_is_missing_was_modified_by_nobody(work: Workspace, report: Reporting) -> None:
    """There is nothing to ask of."""
    work.state(*estate())
    planned = report("plan")
    assert not any("modified" in item for item in planned["resources"])
