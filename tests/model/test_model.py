"""The values that the stages of a run exchange: health, actions, sync states and replication."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.kinds.live import Health, Live, Replication
from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Sync
from reconciler.problems import Layer, Origin
from reconciler.values import MISSING
from tests.kit.synthetic import minimal


def _state(word: object) -> Live:
    return Live({"properties": {"provisioningState": word}})


@pytest.mark.parametrize(
    ("live", "word"),
    [
        (_state("Updating"), "Updating"),
        (_state("succeeded"), "succeeded"),
        (_state(""), "Succeeded"),
        (_state(None), "Succeeded"),
        (Live({"properties": {}}), "Succeeded"),
        (Live({"properties": None}), "Succeeded"),
        (Live({}), "Succeeded"),
    ],
)
def test_an_absent_provisioning_state_means_finished_and_successful(live: Live, word: str) -> None:
    """Galleries' applications and definitions have none, or not always ("Track asynchronous Azure operations")."""
    assert live.provisioning_state == word


@pytest.mark.parametrize(
    ("word", "settled", "failed", "health"),
    [
        ("", True, False, Health.HEALTHY),
        ("Succeeded", True, False, Health.HEALTHY),
        ("SUCCEEDED", True, False, Health.HEALTHY),
        ("Failed", True, True, Health.DEGRADED),
        ("canceled", True, True, Health.DEGRADED),
        ("Creating", False, False, Health.PROGRESSING),
        ("Updating", False, False, Health.PROGRESSING),
        ("Deleting", False, False, Health.PROGRESSING),
        ("Migrating", False, False, Health.PROGRESSING),
        ("Ruminating", False, False, Health.PROGRESSING),
    ],
)
def test_health_is_that_of_the_provisioning_state(word: str, *, settled: bool, failed: bool, health: Health) -> None:
    """An unknown word means that an operation runs; case does not count."""
    live = _state(word)
    assert (live.is_settled, live.has_failed, live.health) == (settled, failed, health)


def test_a_state_that_is_no_text_is_no_success() -> None:
    """A state of another type means that an operation runs."""
    assert Live({"properties": {"provisioningState": 5}}).health is Health.PROGRESSING


def live(properties: dict[str, Any]) -> Live:
    """Return a version that ARM answered with *properties*."""
    return packaged().kinds["GalleryApplicationVersion"].live({"properties": properties})


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({"aggregatedState": "Completed", "summary": [{"region": "westus", "state": "Completed"}]}, Health.HEALTHY),
        ({"aggregatedState": "InProgress", "summary": [{"region": "westus", "state": "Failed"}]}, Health.DEGRADED),
        ({"aggregatedState": "failed", "summary": []}, Health.DEGRADED),
        ({"summary": [{"state": "Replicating"}, "odd", {"state": 1}]}, Health.HEALTHY),
        ({"aggregatedState": "Completed", "summary": None}, Health.HEALTHY),
        ("odd", Health.HEALTHY),
        (None, Health.HEALTHY),
    ],
)
def test_a_region_that_failed_to_replicate_degrades(status: Any, health: Health) -> None:
    """Where replication was read it counts, and an answer of another shape than expected is no failure."""
    assert live({"provisioningState": "Succeeded", "replicationStatus": status}).health is health


def test_a_failed_region_is_named_with_its_detail() -> None:
    """And a signature that Azure quotes is not."""
    detail = "cannot read https://acme.blob.core.windows.net/p/a.zip?sig=CANARY"
    summary = [
        {"region": "westus", "state": "Completed", "details": ""},
        {"region": "eastus", "state": "Failed", "details": detail},
    ]
    replication = live({"replicationStatus": {"aggregatedState": "Failed", "summary": summary}}).replication
    assert replication is not None
    assert replication.failure({}) == (
        "replication failed in eastus: cannot read https://acme.blob.core.windows.net/p/a.zip?(secret)"
    )
    assert str(replication) == "replicated to 1 of 2 regions"


def test_a_running_operation_hides_failed_replication() -> None:
    """The running operation may repair the replication."""
    running = live({"provisioningState": "Updating", "replicationStatus": {"aggregatedState": "Failed"}})
    assert running.health is Health.PROGRESSING


def test_only_create_and_update_write() -> None:
    """Every other action sends no PUT."""
    assert {action for action in Action if action.writes} == {Action.CREATE, Action.UPDATE}


def test_drift_is_what_is_out_of_sync_or_missing() -> None:
    """Resources that are unknown, unmanaged or in sync are not counted."""
    assert {sync for sync in Sync if sync.is_drift} == {Sync.OUT_OF_SYNC, Sync.MISSING}


def test_the_absence_of_a_value_says_so() -> None:
    """Absence is not null, also for a reader of a traceback."""
    assert repr(MISSING) == "MISSING"
    assert MISSING is not None


@pytest.mark.parametrize(
    ("replication", "failed", "failure", "shown"),
    [
        (
            Replication("completed", (("West US", "completed"), ("East US", "completed"))),
            False,
            "replication failed in a region",
            "replicated to 2 of 2 regions",
        ),
        (
            Replication(
                "inprogress", (("West US", "completed"), ("East US", "failed")), ("no, https://h/p?sig=CANARY",)
            ),
            True,
            "replication failed in East US: no, https://h/p?(secret)",
            "replicated to 1 of 2 regions",
        ),
        (Replication("failed"), True, "replication failed in a region", "replicated to 0 of 0 regions"),
    ],
)
def test_replication_says_how_far_it_is(replication: Replication, failure: str, shown: str, *, failed: bool) -> None:
    """And where it failed, with Azure's words but no signature."""
    assert (replication.has_failed, replication.failure({}), str(replication)) == (failed, failure, shown)


def test_a_resource_knows_where_its_values_are_stated() -> None:
    """In its document, unless it was rendered: then the trace tells."""
    item = minimal("Gallery")
    assert item.origin(("location",)) == Origin(Layer.MANIFEST, "m.yaml", 2)
    traced = replace(item, trace=lambda path: Origin(Layer.OVERLAY, "over.yaml", len(path)))
    assert traced.origin(("location",)) == Origin(Layer.OVERLAY, "over.yaml", 2)
