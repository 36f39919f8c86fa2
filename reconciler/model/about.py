"""The subject of a report: environment, project, cloud, endpoint and commit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CLOUDS: Final = {
    "public": "public cloud",
    "usgovernment": "US Government cloud",
    "china": "China cloud",
    "emulator": "embedded ARM",
}


@dataclass(frozen=True, slots=True)
class About:
    """
    The subject of a report.

    Attributes:
        environment: Chosen by ``--environment``; None without one.
        project: ``metadata.name`` of the project file; None without a project file.
        cloud: As ``--cloud`` names it; None for a command that reads nothing from Azure.
        endpoint: Given by ``--endpoint`` in place of the cloud's own; None otherwise.
        commit: Of the manifests; None where it is unknown or files differ from it.
        shard: The share of the run, such as ``2/3``, of an estate that several runs share; None for one run.
    """

    environment: str | None = None
    project: str | None = None
    cloud: str | None = None
    endpoint: str | None = None
    commit: str | None = None
    shard: str | None = None

    def __str__(self) -> str:
        """Return the words that a verdict begins with, such as ``prod, public cloud``; empty if there are none."""
        cloud = _CLOUDS.get(self.cloud, f"{self.cloud} cloud") if self.cloud else ""
        host = f" at {_host(self.endpoint)}" if cloud and self.endpoint else ""
        share = f"shard {self.shard}" if self.shard else ""
        return ", ".join(part for part in (self.environment, f"{cloud}{host}", share) if part)

    def difference(self, other: About) -> str:
        """Return, as a clause, where *other* is about something else; empty where both are about the same."""
        for name in ("environment", "cloud", "endpoint"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                return f"for {_named(name, mine)}, and this run is for {_named(name, its)}"
        return ""


def _named(name: str, value: str | None) -> str:
    if value is not None:
        return f"{name} {value}"
    return "the cloud's own endpoint" if name == "endpoint" else f"no {name}"


def _host(endpoint: str) -> str:
    """Return host and port of a URL; without a parser, which refuses some texts that a snapshot may hold."""
    return endpoint.partition("://")[2].partition("/")[0].rpartition("@")[2]
