"""When the loop may not write: windows of the project file and the hold file. Such a round only reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import Azure, Workspace, annotated, codes, definition, estate, gallery, resource

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.proxy import Proxy

ALWAYS = {"cron": "* * * * *", "duration": "5m"}


def window(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return an entry of ``spec.schedule``."""
    return {"name": name, "kind": kind, **ALWAYS, **more}


def hold(work: Workspace) -> None:
    """Let the hold file appear."""
    work.file("hold", "bob")


def far() -> tuple[str, str]:
    """Return a cron line that fires once, in some months, and that moment."""
    day = (datetime.now(UTC) + timedelta(days=100)).replace(hour=9, minute=30)
    return f"30 9 {day.day} {day.month} *", f"{day:%Y-%m-%dT%H:%M}:00Z"


def test_a_window_that_denies(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The round reports what it would write, as drift; an apply on the command line takes no notice."""
    work.project(schedule=[window("nights", "allow"), window("freeze", "deny")])
    work.state(*estate())
    held = report("run", "--once", code=2)
    assert held["held"] == {"by": "window", "holder": "freeze", "until": None}
    assert {(each["action"], each["reason"], each["outcome"]) for each in held["resources"]} == {
        ("create", "held", None)
    }
    assert (held["summary"]["puts"], held["summary"]["create"]) == (0, 4)
    assert held["summary"]["requests"]["PUT"] == 0
    assert azure.ids() == set()
    assert "held" not in report("apply")
    quiet = report("run", "--once")
    assert quiet["held"]["holder"] == "freeze"
    assert {each["reason"] for each in quiet["resources"]} == {"in-sync"}


def test_a_window_that_allows(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Where there is one, a round writes only while one is open; the report names the next one and its opening."""
    cron, opens = far()
    work.project(schedule=[window("release", "allow", cron=cron, duration="2h")])
    work.state(gallery())
    held = report("run", "--once", code=2)
    assert held["held"] == {"by": "window", "holder": "release", "until": opens}
    work.project(schedule=[window("release", "allow", cron=cron), window("always", "allow")])
    written = report("run", "--once")
    assert "held" not in written
    assert written["summary"]["succeeded"] == 1
    assert azure.holds(gallery())


def test_report_only_heeds_no_window(work: Workspace, report: Reporting) -> None:
    """It writes nothing anyway."""
    work.project(schedule=[window("freeze", "deny")])
    work.state(gallery())
    found = report("run", "--once", "--report-only", code=2)
    assert "held" not in found
    assert resource(found, gallery())["reason"] == "not-found"


def test_the_hold_file(work: Workspace, azure: Azure, report: Reporting) -> None:
    """While there is anything at its path; its first line says who holds."""
    work.state(gallery())
    options = ("run", "--once", "--hold-file", "hold")
    work.file("hold", "alice: migration\nuntil Friday\n")
    assert report(*options, code=2)["held"] == {"by": "hold-file", "holder": "alice: migration", "until": None}
    work.file("hold", "")
    assert report(*options, code=2)["held"]["holder"] is None
    (work.folder / "hold").unlink()
    (work.folder / "hold").mkdir()
    assert report(*options, code=2)["held"]["by"] == "hold-file"
    assert azure.ids() == set()
    (work.folder / "hold").rmdir()
    assert report(*options)["summary"]["succeeded"] == 1


def test_held_in_the_middle(work: Workspace, azure: Azure, report: Reporting, proxy: Proxy) -> None:
    """Each PUT looks again: those before it are finished, those after it are not sent, nor their children."""
    work.state(*estate()[:3], gallery("other"))
    proxy.alter("galleries", lambda _: hold(work))
    held = report(
        "run", "--once", "--hold-file", "hold", "--concurrency", "1", "--target", "*/tools", "--target", "*/agent*"
    )
    assert held["held"] == {"by": "hold-file", "holder": "bob", "until": None}
    assert resource(held, gallery())["outcome"] == "succeeded"
    assert {(each["reason"], each["outcome"]) for each in held["resources"][1:]} == {("held", None)}
    assert held["summary"]["puts"] == 1
    assert len(proxy.written) == 1
    assert azure.holds(gallery())


def test_children_of_a_parent_that_is_held(work: Workspace, azure: Azure, report: Reporting, proxy: Proxy) -> None:
    """Are held too, and no failure."""
    work.state(definition(), *(annotated(each, wave="1") for each in estate()[:3]))
    proxy.alter("applicationDefinitions", lambda _: hold(work))
    held = report("run", "--once", "--hold-file", "hold")
    assert [(each["kind"], each["reason"], each["outcome"]) for each in held["resources"]] == [
        ("ApplicationDefinition", "not-found", "succeeded"),
        ("Gallery", "held", None),
        ("GalleryApplication", "held", None),
        ("GalleryApplicationVersion", "held", None),
    ]
    assert azure.holds(definition())


@pytest.mark.parametrize(
    ("entry", "code", "path"),
    [
        (window("w", "maybe"), "enum", "kind"),
        (window("w", "deny", cron="* * *"), "pattern", "cron"),
        (window("w", "deny", cron="99 * * * *"), "cron", "cron"),
        (window("w", "deny", cron="0 0 31 2 *"), "cron", "cron"),
        (window("w", "deny", cron="0 0 * 2 1#5"), None, ""),
        (window("w", "deny", duration="5"), "pattern", "duration"),
        (window("w", "deny", duration="0m"), "pattern", "duration"),
        (window("w", "deny", duration="400d"), "duration", "duration"),
        (window("w", "deny", timeZone="Europe/Atlantis"), "time-zone", "timeZone"),
        (window("w", "deny", timeZone="../../etc/passwd"), "pattern", "timeZone"),
        (window("first", "deny"), "duplicate", "name"),
        ({"name": "w", "kind": "deny", "cron": "* * * * *"}, "required", None),
    ],
)
def test_a_window_that_is_wrong(
    work: Workspace, run: Command, entry: dict[str, Any], code: str | None, path: str | None
) -> None:
    """Is an error of the project file, with the key that is wrong."""
    work.project(schedule=[window("first", "allow"), entry])
    work.state(gallery())
    found = run("validate", "-o", "json").report
    if code is None:
        assert codes(found) == []
        return
    assert len(found["errors"]) == 1
    at = "spec.schedule[1]"
    assert found["errors"][0]["path"] == (f"{at}.{path}" if path else at)
    assert found["errors"][0]["fix"] is not None
    if code not in {"pattern", "enum", "required"}:
        assert codes(found) == [code]
