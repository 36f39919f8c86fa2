"""Snapshots: a plan without access to Azure, from live values that another run has read."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.plan.checksum import sealed_text
from tests.kit.cli import (
    PACKAGE,
    Azure,
    Workspace,
    application,
    codes,
    definition,
    estate,
    gallery,
    id_of,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting

CANARY = "CANARY-7f3a-9c1d"


@pytest.fixture
def no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a world in which every request to Azure fails: its own endpoint, no token, and no network."""
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_CREDENTIAL", "token")
    monkeypatch.delenv("RECONCILER_ACCESS_TOKEN", raising=False)


def aged(work: Workspace, age: timedelta) -> None:
    """Let the snapshot be that old."""
    path = work.folder / "live.json"
    saved = json.loads(path.read_text())
    del saved["digest"]
    path.write_text(sealed_text({**saved, "takenAt": (datetime.now(UTC) - age).isoformat()}))


def test_planned_without_access(
    work: Workspace, azure: Azure, run: Command, report: Reporting, request: pytest.FixtureRequest
) -> None:
    """The same plan as with access, no request, no token; and every format says of when it is."""
    work.state(*estate())
    report("apply")
    azure.edit(definition(), "properties.description", "theirs")
    work.state(gallery(description="mine"), application(), version(), version("2.0.0"), definition(description="mine"))
    live = report("plan")
    taken = run("snapshot", "--out", "live.json")
    assert taken.out == "embedded ARM: Saved live.json: 4 live, 1 absent, 0 unmanaged.\n4 reads, 0 writes\n"
    request.getfixturevalue("no_access")
    offline = report("plan", "--against-snapshot", "live.json")
    for item in live["resources"]:
        item.pop("modified", None)  # a snapshot does not hold it
    assert offline["resources"] == live["resources"]
    assert offline["summary"]["requests"] == {"GET": 0, "PUT": 0}
    assert codes(offline, "warnings") == ["snapshot"]
    for form in ("text", "markdown"):
        shown = run("plan", "--against-snapshot", "live.json", "-o", form).flat
        assert "compared with a snapshot of emulator (http://localhost), taken 2" in shown
        assert "less than a minute ago: Azure was not read" in shown
    drifted = report("drift", "--against-snapshot", "live.json", code=2)
    assert drifted["summary"]["drift"] == 3
    assert run("plan").code == 64  # without a snapshot there is no way on


def test_no_secret_in_it(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Neither of a link nor of a text of another client; and the file is readable for all whom the umask allows."""
    signed = version(source={"mediaLink": f"https://packages.blob.core.windows.net/agent/agent.zip?sig={CANARY}"})
    work.state(gallery(), application(), signed, definition(packageFileUri=f"{PACKAGE}?sig={CANARY}"))
    report("apply")
    azure.edit(gallery(), "tags.note", f"see https://h/p?sig={CANARY}")
    before = os.umask(0o022)
    try:
        report("plan")
        assert CANARY not in _snapshot(work, report).read_text()
        assert (work.folder / "live.json").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def _snapshot(work: Workspace, report: Reporting) -> Path:
    from reconciler.cli.front import main

    assert main(["snapshot", "--out", "live.json"]) == 0
    return work.folder / "live.json"


def test_what_is_hidden_is_told(work: Workspace, report: Reporting) -> None:
    """The warning names the place in the manifest: a hidden value cannot be compared."""
    uri = f"https://hooks.example/x?code={CANARY}"
    work.state(definition(notificationPolicy={"notificationEndpoints": [{"uri": uri}]}))
    report("apply")
    _snapshot(work, report)
    planned = report("plan", "--against-snapshot", "live.json")
    assert verdict(planned, definition()) == ("none", "in-sync", "InSync")
    (hidden,) = (each for each in planned["warnings"] if each["code"] == "snapshot-hidden")
    assert hidden["path"] == "spec.properties.notificationPolicy.notificationEndpoints[https://hooks.example/x].uri"
    assert hidden["file"] == "manifests/ApplicationDefinition-suite.yaml"
    assert hidden["line"] > 1
    assert CANARY not in json.dumps(planned)


def test_what_is_hidden_follows_the_remarks_about_the_snapshot(work: Workspace, report: Reporting) -> None:
    """In the order of the manifest, on one line too."""
    endpoints = [{"uri": f"https://{host}.example/x?code={CANARY}"} for host in ("b", "a")]
    made = definition(notificationPolicy={"notificationEndpoints": endpoints})
    work.file("manifests/one-line.yaml", json.dumps(made))
    report("apply")
    _snapshot(work, report)
    planned = report("plan", "--against-snapshot", "live.json")
    codes = [each["code"] for each in planned["warnings"]]
    assert codes[-3:] == ["snapshot", "snapshot-hidden", "snapshot-hidden"]
    columns = [each["column"] for each in planned["warnings"][-2:]]
    assert columns == sorted(set(columns))


def test_what_it_does_not_cover(work: Workspace, report: Reporting) -> None:
    """Is unknown, exit 1, and says what to do; never created."""
    work.state(gallery())
    report("apply")
    _snapshot(work, report)
    work.state(gallery(), gallery("other"), definition())
    planned = report("plan", "--against-snapshot", "live.json", code=1)
    for made in (gallery("other"), definition()):
        assert resource(planned, made)["error"]["code"] == "NotInSnapshot"
        assert "snapshot" in resource(planned, made)["error"]["fix"]
    assert verdict(planned, gallery())[0] == "none"


def test_an_old_one_warns(work: Workspace, report: Reporting) -> None:
    """After two days, in plain words; the exit code is that of the plan."""
    work.state(gallery())
    report("apply")
    _snapshot(work, report)
    aged(work, timedelta(days=3))
    planned = report("plan", "--against-snapshot", "live.json")
    assert codes(planned, "warnings") == ["snapshot", "snapshot-old"]
    assert planned["warnings"][1]["message"] == "the snapshot was taken 3 days ago: later changes are missing"


def test_a_missing_group(work: Workspace, run: Command, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is an absence of its own, which blocks as it does with access."""
    monkeypatch.setenv("RECONCILER_EMULATOR_STRICT_GROUPS", "1")
    work.state(gallery(), definition())
    saved = "embedded ARM: Saved live.json: 0 live, 2 absent, 0 unmanaged.\n"
    assert run("snapshot", "--out", "live.json").out.startswith(saved)
    planned = report("plan", "--against-snapshot", "live.json", code=1)
    assert {item["reason"] for item in planned["resources"]} == {"group-missing"}


def test_limits_hold_by_a_snapshot_too(work: Workspace, report: Reporting) -> None:
    """A reviewer hears that an apply would be refused."""
    work.state(gallery())
    _snapshot(work, report)
    planned = report("plan", "--against-snapshot", "live.json", "--max-puts", "0")
    assert codes(planned, "warnings") == ["snapshot", "limit-exceeded"]


def test_bad_manifests(work: Workspace, run: Command) -> None:
    """Nothing is read for them, and no file is written."""
    work.file("manifests/x.yaml", "kind: Nothing\n")
    done = run("snapshot", "--out", "live.json")
    assert done.code == 1
    assert "error[" in done.out
    assert not (work.folder / "live.json").exists()


@pytest.mark.parametrize("content", ["", "{}", "[" * 5000, '{"digest": "x", "resources": []}'])
def test_no_snapshot(work: Workspace, run: Command, report: Reporting, content: str) -> None:
    """What is none is refused whole; one that is missing is wrong usage."""
    work.state(gallery())
    work.file("live.json", content)
    assert codes(report("plan", "--against-snapshot", "live.json", code=1)) == ["snapshot-file"]
    assert run("plan", "--against-snapshot", "missing.json").code == 64
    assert run("plan", "--against-snapshot", "live.json", "--out", "plan.json").code == 64
    assert run("plan", "--against-snapshot", "live.json", "--check", "plan.json").code == 64
    assert run("apply", "--against-snapshot", "live.json").code == 64


def test_hostile_names(work: Workspace, azure: Azure, report: Reporting, run: Command) -> None:
    """A forged snapshot is shown as text, and none of its text acts on a terminal, a runner or Markdown."""
    work.state(gallery(), application())
    report("apply")
    azure.seed(application("stray"))
    path = _snapshot(work, report)
    saved = json.loads(path.read_text())
    del saved["digest"]
    stray = next(each for each in saved["resources"] if each["id"].endswith("/stray"))
    stray["name"] = "\x1b[2J::error::<script>@team\n# x"
    path.write_text(sealed_text(saved))
    for form in ("text", "markdown"):
        shown = run("plan", "--against-snapshot", "live.json", "-o", form).out
        assert "\x1b" not in shown
        assert "\n# x" not in shown
    assert id_of(application("stray")) in run("plan", "--against-snapshot", "live.json").flat.replace("/ ", "/")
