"""One writer: a round without the lock only reports, and names the process that has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import Azure, Workspace, codes, finish, gallery, start
from tests.kit.leases import Leases
from tests.kit.storage import served

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.clock import LeapingClock


def test_a_loop_has_the_lock_until_it_dies(work: Workspace, azure: Azure, report: Reporting) -> None:
    """However it dies: the next round of another process writes at once."""
    work.state(gallery())
    loop = start("run", "--interval", "3600", "-o", "json", folder=work.folder)
    assert loop.stdout is not None
    assert json.loads(loop.stdout.readline())["summary"]["succeeded"] == 1
    work.state(gallery(description="new"))
    held = report("run", "--once", code=2)
    assert held["held"]["by"] == "lock"
    assert held["held"]["holder"].rpartition(":")[2].isdecimal()
    assert held["summary"]["requests"]["PUT"] == 0
    drift = report("run", "--once", "--report-only", code=2)
    assert "held" not in drift
    elsewhere = report("run", "--once", "--lock", "file:elsewhere", "--state-dir", "other")
    assert "held" not in elsewhere
    azure.edit(gallery(), "properties.description", "theirs")
    loop.kill()
    finish(loop)
    written = report("run", "--once")
    assert "held" not in written
    assert azure.stored(gallery())["properties"]["description"] == "new"


def test_report_only_takes_no_lock(work: Workspace, report: Reporting) -> None:
    """And leaves nothing behind."""
    work.state(gallery())
    report("run", "--once", "--report-only", code=2)
    assert not (work.folder / ".reconciler" / "lock").exists()


def test_a_lock_that_cannot_be_made(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Nothing is written without it; the report says why, and what to do."""
    work.state(gallery())
    work.file("file", "")
    held = report("run", "--once", "--lock", "file:file/lock", code=2)
    assert held["held"] == {"by": "lock", "holder": None, "until": None}
    assert codes(held, "warnings") == ["lock-unusable"]
    assert held["warnings"][0]["fix"] is not None
    assert azure.ids() == set()


def test_a_name_that_cannot_be_written(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The name of the holder is for readers: the lock holds without it."""
    work.state(gallery())
    work.file(".reconciler/lock.holder/file", "")
    assert report("run", "--once")["summary"]["succeeded"] == 1
    assert azure.holds(gallery())


def test_a_lease(work: Workspace, azure: Azure, report: Reporting) -> None:
    """On a blob, which is made where it is missing; it is released at the end of the process."""
    work.state(gallery())
    leases = Leases()
    with served(leases) as url:
        host = url.removeprefix("http://")
        options = ("run", "--once", "--lock", f"{url}/acme/locks/estate", "--storage-host", host)
        assert report(*options)["summary"]["succeeded"] == 1
        assert leases.actions == ["acquire", "put", "acquire", "metadata", "release"]
        work.state(gallery(description="new"))
        leases.lease, leases.holder = ("another", 60.0), "elsewhere:7"
        held = report(*options, code=2)
        assert held["held"] == {"by": "lock", "holder": "elsewhere:7", "until": None}
    assert azure.stored(gallery())["properties"].get("description") is None


def test_storage_that_does_not_answer(work: Workspace, azure: Azure, report: Reporting, leaping: LeapingClock) -> None:
    """Nothing is written; the round reports, and names the lock that cannot be used."""
    work.state(gallery())
    lock = "http://127.0.0.1:9/acme/locks/estate"
    held = report("run", "--once", "--lock", lock, "--storage-host", "127.0.0.1:9", code=2)
    assert held["held"] == {"by": "lock", "holder": None, "until": None}
    assert (codes(held, "warnings"), held["summary"]["drift"]) == (["lock-unusable"], 1)
    assert azure.ids() == set()
    assert leaping.ahead_s < 60


@pytest.mark.parametrize(
    "lock",
    [
        "lock",
        "file:",
        "file:///srv/lock",
        "https://acme.example.net/locks/estate",
        "http://acme.blob.core.windows.net/locks/estate",
        "https://acme.blob.core.windows.net",
        "https://acme.blob.core.windows.net/locks/estate?sig=CANARY",
        "https://user:CANARY@acme.blob.core.windows.net/locks/estate",
    ],
)
def test_wrong_usage(work: Workspace, run: Command, lock: str) -> None:
    """A lock is a file, or a blob of a host that may get a token; no secret is repeated."""
    done = run("run", "--once", "--lock", lock)
    assert done.code == 64
    assert "CANARY" not in done.out + done.err


def test_options_that_exclude_each_other(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report takes no lock; a token for ARM is none for storage."""
    assert run("run", "--once", "--report-only", "--lock", "file:lock").code == 64
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY")
    lock = "https://acme.blob.core.windows.net/locks/estate"
    assert run("run", "--once", "--credential", "token", "--lock", lock).code == 64
