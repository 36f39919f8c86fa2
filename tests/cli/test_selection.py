"""``--target`` and ``--selector``: a part of the estate, judged with the whole in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    annotated,
    application,
    codes,
    definition,
    estate,
    gallery,
    labelled,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting


def _names(report: dict[str, object]) -> list[str]:
    resources = report["resources"]
    assert isinstance(resources, list)
    return sorted(f"{item['kind']}/{item['name']}" for item in resources)


def test_target(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Only the target is planned and applied."""
    work.state(*estate())
    assert _names(report("plan", "--target", "Gallery/tools")) == ["Gallery/tools"]
    assert report("apply", "--target", "Gallery/tools")["summary"]["resources"] == 1
    assert azure.holds(gallery())


def test_target_glob_repeatable(work: Workspace, report: Reporting) -> None:
    """Targets are globs over KIND/NAME, and any of several is enough."""
    work.state(*estate(), definition("other"))
    assert _names(report("plan", "--target", "*/t*", "--target", "ApplicationDefinition/*")) == [
        "ApplicationDefinition/other",
        "ApplicationDefinition/suite",
        "Gallery/tools",
    ]


def test_each_target_must_match(work: Workspace, run: Command) -> None:
    """A target that matches nothing is wrong usage, beside others that do too."""
    work.state(*estate())
    assert run("plan", "--target", "Gallery/tools", "--target", "Gallery/tolls").code == 64


@pytest.mark.parametrize(("command", "target"), [("plan", "agent-1.0.0"), ("apply", "Version/agent-1.0.0")])
def test_a_target_that_matches_nothing_says_what_to_give(
    work: Workspace, run: Command, command: str, target: str
) -> None:
    """With the manifest of that name, if there is one."""
    work.state(*estate())
    wanted = "write KIND/NAME, such as GalleryApplicationVersion/agent-1.0.0"
    assert f"--target {target} matches no manifest: {wanted}" in run(command, "--target", target).err


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
def test_labels_that_choose_nothing(work: Workspace, report: Reporting, command: str) -> None:
    """Are a warning: nothing to do is not to pass for done. Where there is nothing to choose from there is none."""
    work.state(labelled(gallery(), ring="canary"))
    report("apply")
    assert codes(report(command, "-l", "ring=canary"), "warnings") == []
    (warning,) = report(command, "-l", "ring=canaries", "-l", "team=a")["warnings"]
    assert warning["code"] == "nothing-selected"
    assert "ring=canaries and team=a" in warning["message"]
    work.state()
    assert codes(report(command, "-l", "ring=canary", "--allow-empty"), "warnings") == []


def test_target_pulls_no_parents(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A target whose parent is absent and not selected is blocked, and the fix names the target to add."""
    work.state(*estate())
    plan = report("plan", "--target", "GalleryApplication/agent", code=1)
    assert verdict(plan, application()) == ("blocked", "parent-missing", "Missing")
    assert "--target Gallery/tools" in resource(plan, application())["fix"]
    assert report("apply", "--target", "GalleryApplication/agent", code=1)["summary"]["puts"] == 0
    assert azure.holds()
    both = report("apply", "--target", "GalleryApplication/agent", "--target", "Gallery/tools")
    assert both["summary"]["succeeded"] == 2


def test_target_below_a_live_parent(work: Workspace, report: Reporting) -> None:
    """A target whose parent exists is created, though the parent is not selected."""
    work.state(*estate())
    report("apply", "--target", "Gallery/tools", "--target", "GalleryApplication/*")
    applied = report("apply", "--target", "GalleryApplicationVersion/agent-1.0.0")
    assert applied["summary"]["succeeded"] == 1


def test_unmanaged_is_not_reported_under_target(work: Workspace, azure: Azure, report: Reporting) -> None:
    """What no manifest states is told of in a whole run and with a selector, not with a target."""
    made = [labelled(item, team="x") for item in estate()]
    work.state(*made)
    report("apply")
    azure.seed(application("stray"), version("9.9.9"), definition("stray"), gallery("stray"))
    whole = report("plan")
    assert whole["summary"]["unmanaged"] == 3
    for item in whole["resources"][-3:]:
        assert (item["action"], item["sync"], item["reason"]) == ("none", "Unmanaged", "unmanaged")
        assert item["source"] is None
    assert {item["name"] for item in whole["resources"][-3:]} == {"stray", "9.9.9"}
    assert report("plan", "-l", "team=x")["summary"]["unmanaged"] == 3
    assert report("plan", "--target", "*/*")["summary"]["unmanaged"] == 0
    assert report("drift")["summary"]["drift"] == 0


def test_unmanaged_is_judged_before_selection(work: Workspace, report: Reporting) -> None:
    """What a manifest states is never unmanaged, selected or not."""
    work.state(gallery(), application(), labelled(version("1.0.0"), ring="one"), labelled(version("2.0.0"), ring="two"))
    report("apply")
    plan = report("plan", "-l", "ring=one")
    assert _names(plan) == ["GalleryApplicationVersion/agent-1.0.0"]
    assert plan["summary"]["unmanaged"] == 0


def test_unmanaged_is_never_touched(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Removing a manifest leaves its resource, as unmanaged."""
    work.state(*estate(), version("2.0.0"))
    report("apply")
    work.state(*estate())
    applied = report("apply")
    assert applied["summary"]["puts"] == 0
    assert applied["summary"]["unmanaged"] == 1
    assert azure.holds(*estate(), version("2.0.0"))


def test_selector(work: Workspace, report: Reporting) -> None:
    """A selector chooses by labels; several must all hold."""
    one, two = labelled(gallery("one"), a="1", b="1"), labelled(gallery("two"), a="1", b="2")
    work.state(one, two, gallery("three"))
    assert _names(report("plan", "--selector", "a=1")) == ["Gallery/one", "Gallery/two"]
    assert _names(report("plan", "-l", "a=1", "-l", "b=2")) == ["Gallery/two"]
    assert _names(report("plan", "-l", "a=1", "--target", "Gallery/one")) == ["Gallery/one"]


def test_unselected_parent_by_selector(work: Workspace, report: Reporting) -> None:
    """An absent parent that the selector leaves out blocks its children."""
    work.state(gallery(), labelled(application(), ring="x"))
    plan = report("plan", "-l", "ring=x", code=1)
    assert verdict(plan, application())[:2] == ("blocked", "parent-missing")
    assert "Gallery/tools" in resource(plan, application())["fix"]


def test_errors_of_unselected_manifests_count(work: Workspace, report: Reporting) -> None:
    """A mistake in a manifest that is not selected stops the run as well."""
    work.state(gallery(), annotated(gallery("bad"), wave="x"))
    report("plan", "--target", "Gallery/tools", code=1)


def test_target_reads_only_what_it_needs(work: Workspace, report: Reporting) -> None:
    """One target is one GET."""
    work.state(*estate())
    report("apply")
    plan = report("plan", "--target", "GalleryApplicationVersion/*")
    assert plan["summary"]["requests"]["GET"] == 1


def test_whole_estate_is_read_by_lists(work: Workspace, report: Reporting) -> None:
    """However many versions there are, one list reads them."""
    work.state(*estate(), *(version(f"2.0.{number}") for number in range(20)))
    report("apply")
    assert report("plan")["summary"]["requests"]["GET"] == 4
