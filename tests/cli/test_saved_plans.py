"""Saved plans: what was reviewed is applied, and what moved since is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    LINK,
    PACKAGE,
    Azure,
    Workspace,
    annotated,
    application,
    changed,
    codes,
    definition,
    estate,
    gallery,
    resource,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting


def test_saved_and_applied(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A saved plan is applied as it was, and again sends nothing."""
    work.state(*estate())
    report("plan", "--out", "saved/plan.json")
    applied = report("apply", "--plan", "saved/plan.json")
    assert applied["summary"]["succeeded"] == 4
    assert azure.holds(*estate())
    again = report("apply", "--plan", "saved/plan.json", code=0)
    assert again["summary"]["puts"] == 0


def test_saving_is_silent_and_holds_no_secret(work: Workspace, report: Reporting) -> None:
    """Saving changes neither report nor exit code, and the file holds no signature."""
    work.state(definition(packageFileUri=f"{PACKAGE}?sig=CANARY"))
    plain = report("plan", "--detailed-exitcode", code=2)
    saved = report("plan", "--detailed-exitcode", "--out", "plan.json", code=2)
    assert saved["resources"] == plain["resources"]
    saved_file = work.folder / "plan.json"
    assert "CANARY" not in saved_file.read_text()
    assert saved_file.stat().st_mode & 0o777 == 0o600


def test_live_state_moved(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An item whose live state moved is refused, exit 1; the others are applied."""
    work.state(definition("one"), definition("two"))
    report("apply")
    work.state(definition("one", displayName="New one"), definition("two", displayName="New two"))
    report("plan", "--out", "plan.json")
    azure.edit(definition("one"), "properties.description", "theirs")
    applied = report("apply", "--plan", "plan.json", code=1)
    refused = resource(applied, definition("one"))
    assert refused["outcome"] == "refused"
    assert refused["error"]["message"]
    assert refused["error"]["fix"]
    assert resource(applied, definition("two"))["outcome"] == "succeeded"
    assert azure.stored(definition("one"))["properties"]["displayName"] == "Suite"
    assert applied["summary"]["requests"]["PUT"] == 1


def test_manifest_moved(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An item whose manifest moved is refused, and one that is new since too."""
    work.state(gallery())
    report("plan", "--out", "plan.json")
    work.state(gallery(description="New"), gallery("other"))
    applied = report("apply", "--plan", "plan.json", code=1)
    assert applied["summary"]["refused"] == 2
    assert azure.holds()


def test_ignore_rule_lapsed(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What a rule hid when the plan was reviewed is not written after the rule has gone."""
    azure.seed(definition(description="theirs"))
    work.project(ignore=[{"path": "properties.description", "reason": "theirs"}])
    work.state(definition(description="mine", displayName="New"))
    report("plan", "--out", "plan.json")
    work.project()
    refused = resource(report("apply", "--plan", "plan.json", code=1), definition())
    assert refused["error"]["message"] == "changed since the plan was made: settings"
    assert azure.stored(definition())["properties"]["description"] == "theirs"


def test_manifest_gone(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A plan whose item no manifest states any more is not passed over in silence; a target leaves items out."""
    work.state(gallery("one"), gallery("two"))
    report("plan", "--out", "plan.json")
    report("apply", "--plan", "plan.json", "--target", "Gallery/one")
    work.state(gallery("one", description="New"))
    refused = report("apply", "--plan", "plan.json", code=1)
    (problem,) = refused["errors"]
    assert (problem["file"], problem["code"]) == ("plan.json", "plan-file")
    assert "Gallery/two" in problem["message"]
    assert "plan --out" in problem["fix"]
    assert not any(refused["summary"]["requests"].values())
    assert azure.holds(gallery("one"))


def test_content_moved(work: Workspace, report: Reporting) -> None:
    """Another package is another manifest; another signature is not."""
    work.state(definition(packageFileUri=f"{PACKAGE}?sig=1"))
    report("plan", "--out", "plan.json")
    work.state(annotated(definition(packageFileUri=f"{PACKAGE}?sig=2"), package_sha256="a" * 64))
    assert report("apply", "--plan", "plan.json", code=1)["summary"]["refused"] == 1
    work.state(definition(packageFileUri=f"{PACKAGE}?sig=2"))
    assert report("apply", "--plan", "plan.json")["summary"]["succeeded"] == 1


def test_spelling_moved(work: Workspace, report: Reporting) -> None:
    """A manifest that says the same in other words has not moved."""
    work.state(gallery(), application(), version())
    report("plan", "--out", "plan.json")
    work.state(gallery(), application(), changed(version(), "location", "westeurope"))
    assert report("apply", "--plan", "plan.json")["summary"]["refused"] == 0


def test_created_by_somebody(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What was absent in the plan and is there now is refused, unless nothing is left to do."""
    work.state(gallery("same"), gallery("other", description="mine"))
    report("plan", "--out", "plan.json")
    azure.seed(gallery("same"), gallery("other", description="theirs"))
    applied = report("apply", "--plan", "plan.json", code=1)
    assert resource(applied, gallery("other"))["outcome"] == "refused"
    assert resource(applied, gallery("same"))["outcome"] in {None, "unchanged"}


@pytest.mark.parametrize("damage", ["cut", "edited", "empty", "other", "list", "binary"])
def test_damaged(work: Workspace, azure: Azure, run: Command, report: Reporting, damage: str) -> None:
    """A file that is no plan, or was changed, is used for nothing."""
    work.state(gallery())
    report("plan", "--out", "plan.json")
    path = work.folder / "plan.json"
    text = path.read_text()
    content = {
        "cut": text[: len(text) // 2].encode(),
        "edited": text.replace("tools", "tolls").encode(),
        "empty": b"",
        "other": json.dumps({"a": 1}).encode(),
        "list": b"[]",
        "binary": bytes(range(256)),
    }
    path.write_bytes(content[damage])
    done = run("apply", "--plan", "plan.json")
    assert done.code == 1
    assert "plan.json: error[plan-file]: the plan file cannot be used" in done.out
    assert azure.holds()


def test_plan_of_another_project(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """The plan of another project is used for nothing."""
    work.project("one")
    work.state(gallery())
    report("plan", "--out", "plan.json")
    work.project("two")
    assert run("apply", "--plan", "plan.json").code == 1
    assert azure.holds()


def test_no_plan_of_bad_manifests(work: Workspace, report: Reporting) -> None:
    """Manifests with errors make no plan."""
    work.state(changed(gallery(), "x", 1))
    report("plan", "--out", "plan.json", code=1)
    assert not (work.folder / "plan.json").exists()


def test_limit_of_a_saved_plan(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A limit holds for a saved plan, too."""
    work.state(*estate())
    report("plan", "--out", "plan.json")
    assert codes(report("apply", "--plan", "plan.json", "--max-puts", "1", code=1)) == ["limit-exceeded"]
    assert azure.holds()


def test_refusal_holds_no_later_wave_back(work: Workspace, report: Reporting) -> None:
    """A refused item has not failed: later waves go on."""
    later = annotated(gallery("later"), wave="1")
    work.state(gallery(), later)
    report("plan", "--out", "plan.json")
    work.state(gallery(description="New"), later)
    applied = report("apply", "--plan", "plan.json", code=1)
    assert resource(applied, gallery())["outcome"] == "refused"
    assert resource(applied, later)["outcome"] == "succeeded"


def test_check_that_holds(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """A plan that nothing moved under holds: exit 0, and nothing is written; one that was applied is done with."""
    work.state(*estate())
    report("plan", "--out", "plan.json")
    held = report("plan", "--check", "plan.json")
    assert held["summary"]["refused"] == 0
    assert held["summary"]["create"] == 4
    assert run("plan", "--check", "plan.json").out.startswith("embedded ARM: The saved plan holds: 4 resources.\n")
    assert azure.holds()
    report("apply", "--plan", "plan.json")
    done = report("plan", "--check", "plan.json")
    assert [item["outcome"] for item in done["resources"]] == ["unchanged"] * 4


def test_check_that_does_not_hold(work: Workspace, azure: Azure, run: Command, report: Reporting) -> None:
    """Each item that moved is told, and what; the others hold. What was not in the plan would be refused, too."""
    work.state(definition("one"), definition("two"), gallery("three"))
    report("apply")
    work.state(definition("one", displayName="New"), definition("two", displayName="New"), gallery("three"))
    report("plan", "--out", "plan.json")
    azure.edit(definition("one"), "properties.description", "theirs")
    azure.edit(gallery("three"), "properties.description", "theirs")
    work.state(
        definition("one", displayName="New"), definition("two", displayName="New"), gallery("three", description="mine")
    )
    checked_ = report("plan", "--check", "plan.json", code=1)
    moved = {item["name"]: (item["outcome"], (item["error"] or {}).get("message")) for item in checked_["resources"]}
    assert moved == {
        "one": ("refused", "changed since the plan was made: live"),
        "two": (None, None),
        "three": ("refused", "the saved plan does not write this resource"),
    }
    assert checked_["summary"]["requests"]["PUT"] == 0
    text = run("plan", "--check", "plan.json")
    assert text.out.startswith("embedded ARM: The saved plan does not hold: 2 of 3 resources would be refused.\n")
    assert "error[PlanMoved]: changed since the plan was made: live" in text.out
    assert text.code == 1


def test_check_is_about_the_plan_alone(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What is blocked and was not in the plan takes nothing from it; what is in it and cannot be written now does."""
    frozen = version(source={"mediaLink": f"{LINK}.new"})
    work.state(gallery(), application(), version())
    report("apply")
    work.state(gallery(description="New"), application(), frozen)
    report("plan", "--out", "plan.json", code=1)
    report("plan", "--check", "plan.json")
    work.state(annotated(gallery(description="New"), paused="true"), application(), frozen)
    paused = resource(report("plan", "--check", "plan.json", code=1), gallery())
    assert paused["error"]["message"] == "changed since the plan was made: action"
    assert azure.stored(gallery())["properties"].get("description") is None


@pytest.mark.parametrize("content", ["", "{}", "[" * 5000])
def test_check_of_no_plan(work: Workspace, run: Command, report: Reporting, content: str) -> None:
    """A file that is no plan holds nothing, and its report is a report; a missing one is wrong usage."""
    work.state(gallery())
    work.file("plan.json", content)
    assert codes(report("plan", "--check", "plan.json", code=1)) == ["plan-file"]
    assert run("plan", "--check", "missing.json").code == 64
