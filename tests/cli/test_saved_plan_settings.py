"""Every key of the project file against a saved plan: after an edit that can change a request, nothing is sent."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.kinds.packaged import packaged
from tests.kit.cli import Azure, Workspace, application, as_yaml, changed, definition, gallery, project, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command, Reporting

PACKAGES: Final = "https://packages.blob.core.windows.net"
IGNORED: Final = {"path": "properties.description", "kind": "Gallery", "name": "too*", "reason": "theirs"}
BEFORE: Final[dict[str, Any]] = {
    "defaults": {"tags": {"team": "endpoint"}},
    "environments": {"prod": {"defaults": {"tags": {"stage": "prod"}}, "overlay": "over", "paths": ["only"]}},
    "environmentRequired": False,
    "ignore": [{**IGNORED, "expires": "2099-01-01"}],
    "tracking": {"tags": True, "prefix": "recon"},
    "limits": {"maxPuts": 20, "maxPutsPercent": 100},
    "storage": [{"prefix": f"{PACKAGES}/", "sas": {"env": "RECONCILER_SECRET_A"}}],
    "schedule": [{"name": "w", "kind": "deny", "cron": "* * * * *", "duration": "1m", "timeZone": "UTC"}],
    "notify": [{"type": "cloudevents", "url": {"$env": "RECONCILER_SECRET_A"}, "on": ["failed"]}],
    "rollouts": [
        {
            "match": {"kind": "GalleryApplicationVersion", "name": "agent-*"},
            "steps": [{"regions": ["westeurope"], "soak": "1h"}],
            "gate": {"url": "https://metrics.example/rate", "pick": "rate", "below": 0.5},
        }
    ],
    "strict": False,
}
AFTER: Final[dict[str, object]] = {
    "defaults": {"tags": {"team": "another"}},
    "environments": {"prod": {}},
    "environments.*.defaults": {"tags": {"stage": "other"}},
    "environments.*.overlay": "over2",
    "environments.*.paths": ["only2"],
    "environmentRequired": True,
    "ignore": [],
    "ignore.[].kind": "GalleryApplication",
    "ignore.[].name": "other",
    "ignore.[].path": "properties.identifier",
    "ignore.[].expires": "2020-01-01",
    "ignore.[].omit": True,
    "tracking": {"prefix": "another"},
    "tracking.tags": False,
    "tracking.prefix": "another",
    "limits": {},
    "limits.maxPuts": 21,
    "limits.maxPutsPercent": 99,
    "apiVersions": {"Gallery": "2024-03-03"},
    "storage": [],
    "storage.[].prefix": f"{PACKAGES}/agent/",
    "storage.[].access": "galleryIdentity",
    "storage.[].sas": "userDelegation",
    "storage.[].sas.env": "RECONCILER_SECRET_B",
    "rollouts": [],
    "rollouts.[].match": {"kind": "GalleryApplicationVersion"},
    "rollouts.[].match.kind": "GalleryScriptVersion",
    "rollouts.[].match.name": "other-*",
    "rollouts.[].match.labels": {"tier": "fleet"},
    "rollouts.[].steps": [{"regions": "rest"}],
    "rollouts.[].steps.[].regions": "rest",
    "rollouts.[].steps.[].soak": "2h",
    "rollouts.[].steps.[].window": "w",
    "rollouts.[].steps.[].latest": True,
    "rollouts.[].gate": {"resourceGraph": "failedInstalls", "below": 0.5},
    "rollouts.[].gate.url": "https://metrics.example/other",
    "rollouts.[].gate.resourceGraph": "failedInstalls",
    "rollouts.[].gate.pick": "other",
    "rollouts.[].gate.below": 0.6,
    "rollouts.[].gate.every": "1m",
    "rollouts.[].gate.samples": 2,
    "strict": True,
}
"""What each key is changed to."""
NO_REQUEST: Final[dict[str, object]] = {
    "ignore.[].reason": "another text",  # for readers, and no part of any request or decision
    "schedule": [],  # only the loop heeds windows
    "schedule.[].name": "another",
    "schedule.[].kind": "allow",
    "schedule.[].cron": "0 0 * * *",
    "schedule.[].duration": "2m",
    "schedule.[].timeZone": "Europe/Berlin",
    "notify": [],  # told of what was done, and no part of it
    "notify.[].type": "slack",
    "notify.[].url": {"$env": "RECONCILER_SECRET_B"},
    "notify.[].secret": {"$env": "RECONCILER_SECRET_B"},
    "notify.[].on": ["applied"],
    "notify.[].minSeverity": "security",
}
"""What keys are changed to whose edit leaves a saved plan as it is, and why that is right."""


def keys(schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """Yield every key of the settings: names by dots, ``*`` for any name, ``[]`` for any element."""
    for name, below in schema.get("properties", {}).items():
        yield f"{at}{name}"
        yield from keys(below, f"{at}{name}.")
    for keyword, step in (("items", "[]"), ("additionalProperties", "*")):
        if isinstance(schema.get(keyword), dict):
            yield from keys(schema[keyword], f"{at}{step}.")


KEYS: Final = tuple(keys(packaged().documents["Project"]["properties"]["spec"]))


def edited(path: str, value: object) -> dict[str, Any]:
    """Return the settings with another value at a key."""
    spec = deepcopy(BEFORE)
    *parents, last = path.split(".")
    node: Any = spec
    for step in parents:
        node = node[0] if step == "[]" else node["prod"] if step == "*" else node[step]
    node[last] = value
    return spec


@pytest.fixture
def planned(work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Save a plan that every setting has a part in: of updates, and of creates with a signature."""
    for name in ("A", "B"):
        monkeypatch.setenv(f"RECONCILER_SECRET_{name}", f"sv=1&se=2&sig=CANARY{name}")
    azure.seed(gallery(description="theirs"), application(), definition(description="theirs"))
    work.state(gallery(description="mine"), application(), version(), definition(description="mine"))
    for folder, text in (("over", "over"), ("over2", "other")):
        overlay = {"kind": "Gallery", "metadata": {"name": "tools"}, "spec": {"tags": {"from": text}}}
        work.file(f"{folder}/a.yaml", as_yaml(overlay))
    work.file("only/a.yaml", as_yaml(gallery("only")))
    work.file("only2/a.yaml", as_yaml(gallery("other")))
    work.project(**BEFORE)
    report("plan", "-e", "prod", "--out", "plan.json")
    report("plan", "-e", "prod", "--check", "plan.json")
    return work


def test_every_key_is_tried_or_has_a_reason() -> None:
    """A key of a later version of the schema belongs into one of the two tables."""
    assert set(KEYS) == AFTER.keys() | NO_REQUEST.keys()


@pytest.mark.parametrize("path", AFTER)
def test_a_plan_is_refused_after_an_edit_of_the_project_file(
    planned: Workspace, azure: Azure, run: Command, path: str
) -> None:
    """`plan --check` says so, and `apply --plan` sends no request that was not reviewed."""
    before = {made["metadata"]["name"]: azure.stored(made) for made in (gallery(), definition())}
    planned.project(**edited(path, AFTER[path]))
    assert run("plan", "-e", "prod", "--check", "plan.json").code == 1
    done = run("apply", "-e", "prod", "--plan", "plan.json", "-o", "json")
    assert done.code == 1
    refused = {item["name"] for item in done.report["resources"] if item["outcome"] == "refused"}
    only_signed, only_gallery = path.startswith("storage"), path.startswith(("ignore", "environments.*.overlay"))
    expected = {"agent-1.0.0"} if only_signed else {"tools"} if only_gallery else set(before)
    assert refused >= expected or (done.report["errors"] and not done.report["summary"]["requests"]["PUT"])
    for made in (gallery(), definition()):
        name = made["metadata"]["name"]
        assert name not in expected or azure.stored(made) == before[name]
    assert "versions" not in " ".join(azure.ids())
    assert "CANARY" not in done.out + done.err


@pytest.mark.parametrize("path", NO_REQUEST)
def test_an_edit_that_changes_no_request_leaves_the_plan_as_it_is(planned: Workspace, run: Command, path: str) -> None:
    """For the reason that stands beside them."""
    planned.project(**edited(path, NO_REQUEST[path]))
    assert run("plan", "-e", "prod", "--check", "plan.json").code == 0
    assert run("apply", "-e", "prod", "--plan", "plan.json").code == 0


def test_the_name_of_the_project_and_unrelated_rules(planned: Workspace, run: Command) -> None:
    """Another name refuses the whole plan; a rule that hides nothing in it has no say."""
    rules = [*BEFORE["ignore"], {"path": "properties.eula", "reason": "new"}]
    planned.project(**{**BEFORE, "ignore": rules})
    assert run("plan", "-e", "prod", "--check", "plan.json").code == 0
    planned.file("reconciler.yaml", as_yaml(project("another", **BEFORE)))
    assert run("apply", "-e", "prod", "--plan", "plan.json").code == 1


def test_a_signature_in_a_default_link_is_bound_by_where_it_comes_from(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """One that appears in a link without any is refused; so is a webhook that a default lays under a manifest."""
    work.state(gallery(), application(), version())
    work.project()
    report("plan", "--out", "plan.json")
    link = changed(version(), "properties.publishingProfile.source.mediaLink", f"{PACKAGES}/agent/agent.zip?sig=CANARY")
    work.state(gallery(), application(), link)
    assert run("apply", "--plan", "plan.json").code == 1
    assert azure.holds(gallery(), application())
