"""Rollouts from the command line: the project file that declares them, the reports, and the options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import application, as_yaml, gallery, id_of, project, resource, version
from tests.kit.hooks import receiving

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

KIND = {"kind": "GalleryApplicationVersion"}
TWO = [{"name": "West Europe"}, {"name": "North Europe"}]
WINDOWS = [
    {"name": "day", "kind": "allow", "cron": "0 8 * * *", "duration": "8h"},
    {"name": "freeze", "kind": "deny", "cron": "0 8 * * *", "duration": "8h"},
]


def state(work: Workspace, *steps: dict[str, Any], match: dict[str, Any] | None = None, **spec: Any) -> None:
    """Write a version in two regions, its parents, and a project with a rollout."""
    rollouts = [{"match": match or KIND, "steps": list(steps)}]
    work.state(gallery(), application(), version(targetRegions=TWO))
    work.file("reconciler.yaml", as_yaml(project(rollouts=rollouts, **spec)))


def test_a_version_goes_out_step_by_step(work: Workspace, run: Command, report: Reporting) -> None:
    """The plan shows the step that is due and those to come; each apply does one; then everything is in sync."""
    state(work, {"regions": ["West Europe"], "soak": "0s"}, {"regions": "rest", "soak": "1d"})
    planned = resource(report("plan"), version())
    assert planned["rollout"] == {
        "step": 1,
        "of": 3,
        "until": None,
        "waitsFor": None,
        "regions": ["West Europe"],
        "latest": False,
        "stopped": None,
        "toCome": [
            {"step": 2, "regions": ["North Europe"], "latest": False, "soak": "1d", "window": None},
            {"step": 3, "regions": [], "latest": True, "soak": None, "window": None},
        ],
    }
    assert report("plan")["latest"] == []
    report("apply")
    due = resource(report("plan"), version())
    assert (due["action"], due["rollout"]["step"], due["sync"]) == ("update", 2, "Unknown")
    assert report("drift")["summary"]["drift"] == 0
    report("apply")
    waiting = report("apply")
    assert (waiting["summary"]["puts"], waiting["summary"]["wait"]) == (0, 1)
    resting = resource(waiting, version())
    assert (resting["action"], resting["reason"], resting["health"]) == ("wait", "rollout-waiting", "Progressing")
    assert resting["rollout"]["until"].endswith("Z")
    assert resting["rollout"]["waitsFor"] == "soak"
    for command in ("plan", "drift", "apply"):
        for output in ("text", "markdown", "html"):
            ended = run(command, "-o", output)
            assert (ended.code, "step 2 of 3" in ended.out) == (0, True)
    explained = json.loads(run("explain", "GalleryApplicationVersion/agent-1.0.0", "-o", "json").out)
    assert explained["rollout"] == resting["rollout"]
    assert "change" not in {each["verdict"] for each in explained["fields"]}
    assert "step 2 of 3" in run("explain", "GalleryApplicationVersion/agent-1.0.0").out
    resumed = resource(report("apply", "--resume", "GalleryApplicationVersion/agent-1.0.0"), version())
    assert (resumed["outcome"], resumed["rollout"]["step"]) == ("succeeded", 2)
    assert run("plan", "--resume", "GalleryApplicationVersion/nope").code == 64
    assert run("apply", "--repair", "GalleryApplicationVersion/nope").code == 64
    assert run("apply", "--repair", "GalleryApplicationVersion/agent-1.0.0").code == 0


def test_no_rollout_leaves_no_trace(work: Workspace, report: Reporting) -> None:
    """A version that no rollout matches is created whole, and its report has no rollout."""
    state(work, {"regions": ["West Europe"]}, match={**KIND, "labels": {"tier": "fleet"}})
    planned = report("plan")
    assert "rollout" not in resource(planned, version())
    assert {each["after"] for each in planned["latest"]} == {"1.0.0"}


@pytest.mark.parametrize(
    ("steps", "code", "path"),
    [
        ([], "invalid", "spec.rollouts[0].steps"),
        ([{"regions": []}], "invalid", "spec.rollouts[0].steps[0].regions"),
        ([{}], "invalid", "spec.rollouts[0].steps[0]"),
        ([{"regions": "west"}], "invalid", "spec.rollouts[0].steps[0].regions"),
        ([{"regions": ["West Europe"], "latest": True}], "invalid", "spec.rollouts[0].steps[0]"),
        ([{"latest": False}], "invalid", "spec.rollouts[0].steps[0].latest"),
        ([{"regions": ["West Europe"], "soak": "soon"}], "invalid", "spec.rollouts[0].steps[0].soak"),
        ([{"regions": ["West Europe", "westeurope"]}], "duplicate", "spec.rollouts[0].steps[0].regions[1]"),
        (
            [{"regions": ["West Europe"]}, {"regions": ["West Europe"]}],
            "duplicate",
            "spec.rollouts[0].steps[1].regions[0]",
        ),
        ([{"regions": "rest"}, {"regions": "rest"}], "duplicate", "spec.rollouts[0].steps[1].regions"),
        ([{"latest": True}, {"latest": True}], "duplicate", "spec.rollouts[0].steps[1].latest"),
        ([{"latest": True}, {"regions": ["West Europe"]}], "rollout-order", "spec.rollouts[0].steps[0]"),
        ([{"regions": ["West Europa"]}], "unknown-region", "spec.rollouts[0].steps[0].regions[0]"),
        ([{"regions": ["East US"]}], "unknown-region", "spec.rollouts[0].steps[0].regions[0]"),
        ([{"regions": ["West Europe"], "window": "night"}], "unknown-window", "spec.rollouts[0].steps[0].window"),
        ([{"regions": ["West Europe"], "window": "freeze"}], "unknown-window", "spec.rollouts[0].steps[0].window"),
    ],
)
def test_steps_that_cannot_be_are_errors(
    work: Workspace, report: Reporting, steps: list[dict[str, Any]], code: str, path: str
) -> None:
    """Each mistake is an error at its place in the project file, with a fix, and nothing is sent."""
    state(work, *steps, schedule=WINDOWS)
    found = report("apply", code=1)
    errors = [(each["code"], each["path"]) for each in found["errors"]]
    assert path in [place for _, place in errors]
    assert code in {"invalid", *(each for each, place in errors if place == path)}
    assert all(each["line"] is not None for each in found["errors"])
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0}


@pytest.mark.parametrize(
    ("gate", "path"),
    [
        ({"below": 1}, ""),
        ({"url": "https://a.example/x"}, ""),
        ({"url": "https://a.example/x", "resourceGraph": "failedInstalls", "below": 1}, ""),
        ({"url": "http://a.example/x", "below": 1}, ".url"),
        ({"url": "https://me:secret@a.example/x", "below": 1}, ".url"),
        ({"url": "file:///etc/passwd", "below": 1}, ".url"),
        ({"url": "https://a.example/x", "pick": "a..b", "below": 1}, ".pick"),
        ({"resourceGraph": "allInstalls", "below": 1}, ".resourceGraph"),
        ({"resourceGraph": "failedInstalls", "below": 1, "samples": 0}, ".samples"),
        ({"resourceGraph": "failedInstalls", "below": 1, "every": "often"}, ".every"),
    ],
)
def test_a_gate_that_cannot_be_is_an_error(work: Workspace, report: Reporting, gate: dict[str, Any], path: str) -> None:
    """Each mistake is an error at its place; http is for loopback only, and no URL has a user."""
    rollouts = [{"match": KIND, "steps": [{"latest": True}], "gate": gate}]
    work.state(gallery(), application(), version())
    work.file("reconciler.yaml", as_yaml(project(rollouts=rollouts)))
    found = report("apply", code=1)
    assert f"spec.rollouts[0].gate{path}" in {each["path"] for each in found["errors"]}
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0}


def test_a_rollout_of_another_kind_is_an_error(work: Workspace, report: Reporting) -> None:
    """Only a kind with versions has a latest one."""
    state(work, {"latest": True}, match={"kind": "GalleryApplication"})
    (error,) = report("validate", code=1)["errors"]
    assert (error["code"], error["path"]) == ("unknown-kind", "spec.rollouts[0].match.kind")
    assert error["fix"] is not None


def test_a_rollout_needs_tags(work: Workspace, report: Reporting) -> None:
    """Its memory is a tag."""
    state(work, {"latest": True}, tracking={"tags": False})
    (error,) = report("validate", code=1)["errors"]
    assert (error["code"], error["path"]) == ("rollout-tracking", "spec.rollouts")
    assert error["fix"] is not None


def test_a_part_of_the_manifests_is_no_reason_for_an_error(work: Workspace, report: Reporting) -> None:
    """A region that only a manifest outside PATH has is no error; one that no manifest has is."""
    state(work, {"regions": ["North Europe"]})
    work.add(version("1.1.0", targetRegions=TWO[:1]), file="new/new.yaml")
    report("validate", "manifests/new")
    work.state(gallery(), application(), version(targetRegions=TWO[:1]))
    (error,) = report("validate", code=1)["errors"]
    assert error["code"] == "unknown-region"


def test_an_apply_moves_latest_at_the_last_step_only(work: Workspace, report: Reporting) -> None:
    """Two versions of one application, one at its last step and one between: the report says what Azure now offers."""
    steps: list[dict[str, Any]] = [
        {"regions": ["West Europe"], "soak": "0s"},
        {"regions": "rest", "soak": "1h"},
        {"latest": True},
    ]
    state(work, *steps)
    work.state(gallery(), application(), version("1.0.0", targetRegions=TWO[:1]), version("1.1.0", targetRegions=TWO))
    assert report("apply")["latest"] == []
    moved = {"region": "West Europe", "before": None, "after": "1.0.0"}
    planned, applied = report("plan"), report("apply")
    assert [{**each, "parent": None} for each in planned["latest"]] == [{"parent": None, **moved}]
    assert applied["latest"] == planned["latest"]
    assert applied["summary"]["puts"] == 2


def test_a_reviewed_plan_does_one_step(work: Workspace, run: Command, report: Reporting) -> None:
    """The step that was reviewed is sent; the same plan again is refused, and a plan of the next step is not."""
    state(work, {"regions": ["West Europe"], "soak": "0s"}, {"regions": "rest", "soak": "0s"})
    for step in (1, 2, 3):
        assert run("plan", "--out", "reviewed").code == 0
        done = resource(report("apply", "--plan", "reviewed"), version())
        assert (done["outcome"], done["rollout"]["step"]) == ("succeeded", step)
        again = report("apply", "--plan", "reviewed", code=1 if step < 3 else 0)
        assert again["summary"]["puts"] == 0
    assert "rollout" not in resource(report("plan"), version())


def test_people_hear_of_a_rollout_once(
    work: Workspace, run: Command, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step that is applied, the wait once, and a stop once, however many rounds it lasts; history has the PUTs."""
    notify = [{"type": "cloudevents", "url": {"$env": "RECONCILER_SECRET_HOOK"}}]
    steps: tuple[dict[str, Any], ...] = ({"regions": ["West Europe"], "soak": "0s"}, {"regions": "rest", "soak": "1d"})
    state(work, *steps, notify=notify)
    with receiving() as (receiver, address, _):
        monkeypatch.setenv("RECONCILER_SECRET_HOOK", address)
        for _round in range(4):
            assert run("run", "--once").code == 0
        azure.edit(version(), "tags.reconciler-rollout", "v1 2 yesterday")
        for _round in range(3):
            assert run("run", "--once").code == 1
        heard = [(type_.rpartition(".")[2], subject.casefold()) for type_, subject in receiver.events]
    key = id_of(version()).casefold()
    events = [event for event, subject in heard if subject == key]
    assert events[:3] == ["applied", "applied", "rollout-waiting"]
    assert sorted(events[3:]) == ["drift-began", "rollout-failed"]
    told = json.loads(run("history", "-o", "json").out)
    assert [each["how"] for each in told["episodes"] if each["resource"].casefold() == key] == [
        None,
        "applied",
        "applied",
    ]
