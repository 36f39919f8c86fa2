"""The live values that a PUT sends back, so that it removes no value of another client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.compare.diff import compare
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.estate import Options, read_estate
from reconciler.plan.body import put_body
from tests.kit.cli import version

if TYPE_CHECKING:
    from tests.kit.cli import Workspace


def test_what_nobody_stated_of_a_stated_element_is_sent_back(work: Workspace) -> None:
    """A region's storage type, frozen and differing from the default, outlives a change of its replicas."""
    regions = [{"name": "West Europe", "regionalReplicaCount": 2}]
    work.state(version(targetRegions=regions))
    (desired,) = read_estate(Options(("manifests",)), packaged(), datetime.now(UTC)).desired
    live_regions = [{"name": "West Europe", "regionalReplicaCount": 1, "storageAccountType": "Standard_ZRS"}]
    live = {"location": "westeurope", "properties": {"publishingProfile": {"targetRegions": live_regions}}}
    body = put_body(desired, live, compare(desired, live, Tracking()), Tracking())
    assert body["properties"]["publishingProfile"]["targetRegions"] == [
        {"name": "West Europe", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"}
    ]
