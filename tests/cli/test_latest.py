"""What a plan does to ``latest``: foretold, blocked where a region would lose it, and the same offline."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    annotated,
    application,
    codes,
    commit,
    gallery,
    git,
    id_of,
    labelled,
    resource,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Manifest
    from tests.kit.proxy import Proxy

WEST, NORTH = "West Europe", "North Europe"


def numbered(number: str, *regions: str, excluded: bool = False) -> Manifest:
    """Return a version in *regions*; one with an exclamation mark excludes it from latest."""
    listed = [
        {"name": name.rstrip("!"), "regionalReplicaCount": 1, "excludeFromLatest": name.endswith("!")}
        for name in regions
    ]
    return version(number, targetRegions=listed, excludeFromLatest=excluded)


def moves(report: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """Return what the report tells of latest, by region; of one application."""
    assert len({each["parent"] for each in report["latest"]}) <= 1
    return {each["region"]: (each["before"], each["after"]) for each in report["latest"]}


@pytest.fixture
def live(work: Workspace, report: Reporting) -> list[Manifest]:
    """Return two versions that are live, the higher one the latest in both regions, and declare both."""
    manifests = [numbered("1.9.0", WEST, NORTH), numbered("1.10.0", WEST, NORTH)]
    work.state(gallery(), application(), *manifests)
    found = report("apply")
    assert moves(found) == {WEST: (None, "1.10.0"), NORTH: (None, "1.10.0")}
    return manifests


def test_a_new_version_moves_latest(work: Workspace, live: list[Manifest], report: Reporting, run: Command) -> None:
    """Where it is not excluded: in text, Markdown and JSON; and after the apply nothing moves."""
    work.add(numbered("2.0.0", "westeurope", "North Europe!"))
    found = report("plan")
    assert moves(found) == {WEST: ("1.10.0", "2.0.0")}
    assert found["latest"][0]["parent"] == id_of(application())
    line = f"latest of agent in {WEST}: 1.10.0 → 2.0.0"
    for form in ("text", "markdown", "html"):
        shown = html.unescape(run("plan", "-o", form).out).replace("`", "")
        assert line in shown, form
    assert moves(report("drift", code=2)) == {WEST: ("1.10.0", "2.0.0")}
    report("apply")
    assert moves(report("plan")) == {}
    assert live


def test_latest_lost(work: Workspace, azure: Azure, live: list[Manifest], report: Reporting) -> None:
    """A region that would be left without one blocks the versions that take it away; the rest goes on."""
    new = numbered("2.0.0", f"{NORTH}!", f"{WEST}!")
    work.state(gallery(), application(), *(numbered(n, WEST, f"{NORTH}!") for n in ("1.9.0", "1.10.0")), new)
    found = report("plan", code=1)
    assert moves(found) == {NORTH: ("1.10.0", None)}
    reasons = {each["name"]: each["reason"] for each in found["resources"]}
    assert (reasons["agent-1.9.0"], reasons["agent-1.10.0"]) == ("latest-lost", "latest-lost")
    assert found["summary"]["puts"] == 1
    before = azure.stored(live[0])
    applied = report("apply", code=1)
    assert applied["summary"]["succeeded"] == 1
    assert azure.stored(live[0]) == before
    assert azure.stored(new)
    allowed = report("apply", "--allow-latest-lost")
    assert allowed["summary"]["succeeded"] == 2
    assert moves(allowed) == {NORTH: ("1.10.0", None)}


def test_latest_backwards(work: Workspace, live: list[Manifest], report: Reporting) -> None:
    """A warning for each region, at the manifest that excludes the version."""
    work.state(gallery(), application(), live[0], numbered("1.10.0", WEST, NORTH, excluded=True))
    found = report("plan")
    assert moves(found) == {WEST: ("1.10.0", "1.9.0"), NORTH: ("1.10.0", "1.9.0")}
    warned = [each for each in found["warnings"] if each["code"] == "latest-backwards"]
    assert {(each["file"], each["line"] is not None) for each in warned} == {
        ("manifests/GalleryApplicationVersion-agent-1.10.0.yaml", True)
    }
    assert len(warned) == 2


def test_unmanaged_versions_count(work: Workspace, azure: Azure, live: list[Manifest], report: Reporting) -> None:
    """They are in the lists that were read."""
    azure.seed(numbered("3.0.0", WEST))
    work.state(gallery(), application(), live[0], numbered("1.10.0", WEST, NORTH, excluded=True))
    assert moves(report("plan")) == {NORTH: ("1.10.0", "1.9.0")}


@pytest.mark.parametrize("how", ["target", "selector", "paused"])
def test_what_is_left_alone_counts_as_it_is_live(
    work: Workspace, live: list[Manifest], report: Reporting, how: str
) -> None:
    """Not selected, or paused: its own edit is not foretold, and it still is a candidate."""
    other = numbered("1.9.0", f"{WEST}!", f"{NORTH}!")
    edited = numbered("1.10.0", f"{WEST}!", NORTH)
    if how == "paused":
        other = annotated(other, paused="true")
    work.state(gallery(), application(), other, labelled(edited, ring="one"))
    arguments = {"target": ("--target", "*/agent-1.10.0"), "selector": ("-l", "ring=one"), "paused": ()}[how]
    found = report("plan", *arguments)
    assert moves(found) == {WEST: ("1.10.0", "1.9.0")}
    assert resource(found, edited)["action"] == "update"
    assert live


def test_target_lists_an_application_only_for_regions(work: Workspace, live: list[Manifest], report: Reporting) -> None:
    """A plan that leaves regions and exclusion alone reads the target by itself."""
    work.state(gallery(), application(), live[0], live[1])
    assert report("plan", "--target", "*/agent-1.10.0")["summary"]["requests"]["GET"] == 1
    copied = numbered("1.10.0", WEST, NORTH)
    copied["spec"]["properties"]["publishingProfile"]["targetRegions"][0]["regionalReplicaCount"] = 2
    work.state(gallery(), application(), live[0], copied)
    assert report("plan", "--target", "*/agent-1.10.0")["summary"]["requests"]["GET"] == 1
    moved = numbered("1.10.0", f"{WEST}!", NORTH)
    work.state(gallery(), application(), live[0], moved)
    found = report("plan", "--target", "*/agent-1.10.0")
    assert found["summary"]["requests"]["GET"] == 2
    assert found["summary"]["unmanaged"] == 0
    assert moves(found) == {WEST: ("1.10.0", "1.9.0")}


def test_against_a_snapshot(work: Workspace, live: list[Manifest], report: Reporting, run: Command) -> None:
    """The same, and blocked the same, without Azure."""
    assert run("snapshot", "--out", "live.json").code == 0
    work.state(gallery(), application(), *(numbered(n, WEST, f"{NORTH}!") for n in ("1.9.0", "1.10.0")))
    for arguments in ((), ("--target", "*/agent-1.*")):
        found = report("plan", "--against-snapshot", "live.json", *arguments, code=1)
        assert moves(found) == moves(report("plan", *arguments, code=1)) == {NORTH: ("1.10.0", None)}
    assert live


def test_a_failed_version_is_no_candidate_until_it_is_repaired(
    work: Workspace, azure: Azure, live: list[Manifest], report: Reporting
) -> None:
    """Its next PUT makes it one."""
    new = numbered("2.0.0", WEST)
    work.add(new)
    azure.fail_next(new)
    report("apply", code=1)
    found = report("plan")
    assert resource(found, new)["reason"] in {"last-operation-failed", "not-found"}
    assert moves(found) == {WEST: ("1.10.0", "2.0.0")}
    assert "latest-lost" not in codes(found)
    assert live


def test_an_apply_reports_only_what_has_moved(
    work: Workspace, azure: Azure, live: list[Manifest], report: Reporting, run: Command
) -> None:
    """A PUT that failed moves nothing; the other version becomes the latest, and the warning is about that."""
    new = numbered("2.0.0", WEST, NORTH)
    work.state(gallery(), application(), live[0], numbered("1.10.0", f"{WEST}!", NORTH), new)
    assert moves(report("plan")) == {WEST: ("1.10.0", "2.0.0"), NORTH: ("1.10.0", "2.0.0")}
    azure.fail_next(new)
    applied = report("apply", "--impact", code=1)
    assert moves(applied) == {WEST: ("1.10.0", "1.9.0")}
    assert [each["code"] for each in applied["warnings"]].count("latest-backwards") == 1
    azure.fail_next(new)
    shown = run("apply").out
    assert "Failed: 1 resource failed" in shown
    assert "latest of" not in shown
    assert moves(report("apply")) == {WEST: ("1.9.0", "2.0.0"), NORTH: ("1.10.0", "2.0.0")}


@pytest.mark.slow
@pytest.mark.parametrize(("dropped", "is_latest"), [("endOfLifeDate", True), ("targetRegions", False)])
def test_a_version_that_kept_its_regions_is_the_latest(
    work: Workspace,
    live: list[Manifest],
    report: Reporting,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    dropped: str,
    *,
    is_latest: bool,
) -> None:
    """Although Azure dropped another value of it; one without its regions is not."""
    monkeypatch.setattr("reconciler.apply.attempt.READ_GRACE_S", 0.1)  # the proxy is beyond a socket, in real time
    new = numbered("2.0.0", WEST, NORTH)
    new["spec"]["properties"]["publishingProfile"]["endOfLifeDate"] = "2031-01-01T00:00:00Z"
    work.add(new)

    def drop(body: dict[str, Any]) -> None:
        if body["name"] == "2.0.0":
            profile = body["properties"]["publishingProfile"]
            profile[dropped] = profile[dropped][:1] if dropped == "targetRegions" else None

    proxy.alter("galleries/applications/versions", drop)
    applied = report("apply", "--poll-interval", "1", code=1)
    assert resource(applied, new)["error"]["code"] == "DidNotStick"
    assert moves(applied) == (dict.fromkeys((WEST, NORTH), ("1.10.0", "2.0.0")) if is_latest else {})
    assert live


@pytest.mark.parametrize("why", ["an earlier wave failed", "a variable is missing"])
def test_a_put_that_was_not_sent_moves_nothing(
    work: Workspace, azure: Azure, live: list[Manifest], report: Reporting, run: Command, why: str
) -> None:
    """And where none was sent at all, no output has that one failed."""
    new, other = numbered("2.0.0", WEST), application("other")
    if why == "a variable is missing":
        new["spec"]["properties"]["publishingProfile"]["source"]["mediaLink"] = {"$env": "RECONCILER_SECRET_LINK"}
        work.add(new)
    else:
        work.add(other, annotated(new, wave="1"))
    assert moves(report("plan")) == {WEST: ("1.10.0", "2.0.0")}
    for form in ("text", "markdown", "html", "junit", "sarif", "github", "azure-devops"):
        azure.fail_next(other, status=409)
        shown = html.unescape(run("apply", "-o", form).out).replace("`", "")
        assert "latest of" not in shown, form
        assert "Failed: 1 resource failed" in shown, form
    azure.fail_next(other, status=409)
    assert moves(report("apply", code=1)) == {}
    assert live


def test_against_a_revision(work: Workspace, report: Reporting) -> None:
    """Edits alone tell what moves: a region that loses it is an error, one where it moves back a warning."""
    git(work.folder, "init", "--quiet")
    work.state(gallery(), application(), numbered("1.9.0", WEST), numbered("1.10.0", WEST, NORTH))
    commit(work.folder)
    work.state(gallery(), application(), numbered("1.9.0", WEST), numbered("1.10.0", f"{WEST}!", f"{NORTH}!"))
    found = report("validate", "--against", "HEAD", code=1)
    assert moves(found) == {NORTH: ("1.10.0", None)}
    assert codes(found) == ["latest-lost"]
    allowed = report("validate", "--against", "HEAD", "--allow-latest-lost")
    assert moves(allowed) == {WEST: ("1.10.0", "1.9.0"), NORTH: ("1.10.0", None)}
    (warning,) = [each for each in allowed["warnings"] if each["code"] == "latest-backwards"]
    assert warning["file"].endswith("agent-1.10.0.yaml")
    work.state(gallery(), application(), numbered("1.9.0", WEST))  # a deleted manifest stays published
    assert moves(report("validate", "--against", "HEAD")) == {}
