"""Where the copies of a version are: ``--health`` in every command that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import application, gallery, resource, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Workspace

REGIONS = [{"name": "West Europe"}, {"name": "North Europe"}]


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_health_shows_each_region_of_each_version(
    work: Workspace, run: Command, report: Reporting, command: str
) -> None:
    """With --health a report has a line for each version and region; JSON holds null where it was not read."""
    work.state(gallery(), application(), version("1.0.0", targetRegions=REGIONS), version("1.1.0"))
    report("apply")
    read = report(command, "--health")
    states = {"westeurope": "Completed", "northeurope": "Completed"}
    assert resource(read, version("1.0.0"))["replication"] == {"state": "Completed", "regions": states}
    assert resource(read, gallery())["replication"] is None
    assert [item["replication"] for item in report(command)["resources"]] == [None] * 4
    for output, marks in (("text", ("replication of ", "    ")), ("markdown", ("- ", "  - "))):
        lines = run(command, "--health", "-o", output).out.replace("`", "").splitlines()
        assert sum(line.startswith(f"{marks[0]}GalleryApplicationVersion agent-1.") for line in lines) == 2
        assert sum(line.startswith(f"{marks[1]}westeurope: Completed") for line in lines) == 2
        assert sum(line.startswith(f"{marks[1]}northeurope: Completed") for line in lines) == 1
        assert "westeurope" not in run(command, "-o", output).out
