"""Which machines and scale sets use which version: ``usage``, and the embedded Resource Graph that it asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import application, gallery, id_of, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Workspace

BOTH = [{"name": "West Europe"}, {"name": "North Europe"}]
ONLY_WEST = [{"name": "West Europe"}, {"name": "North Europe", "excludeFromLatest": True}]
_GROUP = "/subscriptions/00000000-0000-4000-8000-00000000000{}/resourceGroups/vms/providers/Microsoft.Compute"


def machine(number: int, place: str, named: str, *, kind: str = "virtualMachines", **more: Any) -> dict[str, Any]:
    """Return an entry of the seed: a machine that names a version of the agent, of one of two subscriptions."""
    reference = f"{id_of(application())}/versions/{named}"
    uses = {"packageReferenceId": reference, "enableAutomaticUpgrade": bool(number % 2)}
    return {
        "id": f"{_GROUP.format(1 + number % 2)}/{kind}/vm{number:05}",
        "location": place,
        "applications": [uses],
        **more,
    }


@pytest.fixture
def seeded(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that says which machines there are."""

    def seed(*entries: dict[str, Any]) -> None:
        file = work.file("machines.json", json.dumps(entries))
        monkeypatch.setenv("RECONCILER_EMULATOR_SEED", str(file))

    return seed


def used(run: Command, *arguments: str) -> dict[str, tuple[Any, ...]]:
    """Return latestIn, machines, scaleSets and managed of each version that ``usage -o json`` prints."""
    done = run("usage", *arguments, "-o", "json")
    assert done.code == 0, done
    made = json.loads(done.out)
    assert list(made) == ["usage"]
    assert {each["parent"] for each in made["usage"]} <= {id_of(application())}
    keys = ("latestIn", "machines", "scaleSets", "managed")
    return {each["version"]: tuple(each[key] for key in keys) for each in made["usage"]}


def test_versions_are_used_by_number_and_as_latest(work: Workspace, run: Command, azure: Any, seeded: Any) -> None:
    """``latest`` is another version in each region; references fold case; unmanaged versions take part."""
    work.state(
        gallery(), application(), version("1.9.0", targetRegions=BOTH), version("1.10.0", targetRegions=ONLY_WEST)
    )
    run("apply")
    azure.seed(version("1.0.0"))
    shouted = machine(4, "northeurope", "latest", kind="virtualMachineScaleSets")
    shouted["applications"][0]["packageReferenceId"] = shouted["applications"][0]["packageReferenceId"].upper()
    seeded(
        machine(1, "westeurope", "latest"),
        machine(2, "West Europe", "latest"),
        machine(3, "southcentralus", "1.9.0"),
        shouted,
        machine(5, "westus", "latest"),
    )
    assert used(run) == {
        "1.0.0": ([], 0, 0, False),
        "1.9.0": (["North Europe"], 1, 1, True),
        "1.10.0": (["West Europe"], 2, 0, True),
    }
    assert list(used(run, "GalleryApplicationVersion/agent-1.9.0")) == ["1.9.0"]
    assert list(used(run, "GalleryApplication/agent", "manifests")) == ["1.0.0", "1.9.0", "1.10.0"]
    assert list(used(run, "--unused")) == ["1.0.0"]


def test_an_unused_version_gets_the_lines_for_its_manifest(work: Workspace, run: Command, seeded: Any) -> None:
    """With them in its manifest, the version is out of use."""
    work.state(gallery(), application(), version("1.0.0"), version("1.1.0"))
    run("apply")
    seeded()
    text = run("usage", "--unused").out
    assert "excludeFromLatest: true" in text
    assert 'endOfLifeDate: "' in text
    assert "GalleryApplicationVersion-agent-1.0.0.yaml:" in text
    assert "2 of 300" in run("usage").out


def test_thousands_of_machines_come_in_pages(work: Workspace, run: Command, seeded: Any) -> None:
    """Every page is asked for."""
    work.state(gallery(), application(), version("1.0.0"))
    run("apply")
    seeded(*(machine(number, "westeurope", "latest") for number in range(2001)))
    assert used(run)["1.0.0"][1] == 2001


def test_a_late_graph_shows_what_was_so(
    work: Workspace, run: Command, seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry counts from its instant on, plus the staleness."""
    work.state(gallery(), application(), version("1.0.0"))
    run("apply")
    seeded(machine(1, "westeurope", "latest", since="2020-01-01T00:00:00+00:00"))
    assert used(run)["1.0.0"][1] == 1
    monkeypatch.setenv("RECONCILER_EMULATOR_STALENESS_SECONDS", "9000000000")
    assert used(run)["1.0.0"][1] == 0


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"id": "/x", "location": "x", "applications": []}]'])
def test_an_unusable_seed_is_refused(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """It is an error of the command, which names the file."""
    work.state(gallery(), application(), version("1.0.0"))
    monkeypatch.setenv("RECONCILER_EMULATOR_SEED", str(work.file("machines.json", text)))
    done = run("usage")
    assert done.code == 1
    assert "machines.json" in done.err


def test_a_plan_counts_who_follows_latest(work: Workspace, run: Command, seeded: Any) -> None:
    """Followers count in the region that moves, pins by the number before; the version left goes out of use."""
    work.state(gallery(), application(), version("1.0.0"))
    run("apply")
    seeded(
        machine(1, "westeurope", "latest"),
        machine(2, "westeurope", "latest"),
        machine(3, "westeurope", "latest", kind="virtualMachineScaleSets"),
        machine(4, "westeurope", "1.0.0"),
        machine(5, "northeurope", "1.0.0"),
        machine(6, "northeurope", "latest"),
    )
    work.add(version("1.1.0"))
    for command in ("plan", "drift"):
        made = json.loads(run(command, "--impact", "-o", "json").out)
        assert made["latest"][0]["impact"] == {"machines": 2, "scaleSets": 1, "automatic": 2, "pinned": 1}
        told = {item["name"]: item["impact"] for item in made["resources"] if "impact" in item}
        assert told == {"agent-1.0.0": {"machines": 2, "scaleSets": 0}}
    words = "2 machines and 1 scale set follow latest there, 2 upgrade by themselves; 1 pin 1.0.0"
    assert words in run("plan", "--impact").flat
    shown = run("plan", "--impact")
    assert "= GalleryApplicationVersion agent-1.0.0" in shown.out
    assert "2 machines and 0 scale sets pin this version" in shown.flat
    for name in ("markdown", "html"):
        out = run("plan", "--impact", "-o", name).out
        assert "upgrade by themselves" in out
        assert "2 machines and 0 scale sets pin this version" in out
    assert "impact" not in run("plan", "-o", "json").out
    assert run("apply", "--impact").code == 0


def test_no_answer_is_an_unknown_impact(
    work: Workspace, run: Command, seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the plan; ``usage`` fails."""
    work.state(gallery(), application(), version("1.0.0"))
    run("apply")
    work.add(version("1.1.0"))
    seeded()
    monkeypatch.setattr("reconciler.azure.resource_graph.QUERY", "resources")
    done = run("plan", "--impact", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["latest"][0]["impact"] == "unknown"
    assert run("usage").code == 1


@pytest.mark.slow
def test_ten_thousand_machines_are_counted_by_ten_queries(work: Workspace, run: Command, seeded: Any) -> None:
    """A page has a thousand rows, so that the impact on 10,000 machines takes at most 11 requests of Resource Graph."""
    work.state(gallery(), application(), version("1.0.0"))
    run("apply")
    seeded(*(machine(number, "westeurope", "latest") for number in range(10_000)))
    work.add(version("1.1.0"))
    made = json.loads(run("plan", "--impact", "-o", "json").out)
    assert made["latest"][0]["impact"]["machines"] == 10_000
    assert made["summary"]["requests"]["POST"] <= 11
