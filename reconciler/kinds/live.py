"""A live resource, as its kind reads it: body, provisioning state, replication and health. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.secret.text import quotable_in, scrub, scrub_known

if TYPE_CHECKING:
    from reconciler.values import JsonObject

_FAILED: Final = frozenset({"failed", "canceled"})


_SETTLED: Final = _FAILED | {"succeeded"}


@dataclass(frozen=True, slots=True)
class Replication:
    """
    The replication of a version, region by region.

    Attributes:
        state: Of all regions together, as Azure spells it: ``Unknown``, ``InProgress``, ``Completed``, ``Failed``;
            empty if there is none.
        regions: Name and state of each.
        details: Remarks of Azure on them.
    """

    state: str = ""
    regions: tuple[tuple[str, str], ...] = ()
    details: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether it is complete in every region."""
        return _is(self.state, "completed")

    @property
    def failed_regions(self) -> tuple[str, ...]:
        """The regions in which it failed."""
        return tuple(name for name, state in self.regions if _is(state, "failed"))

    @property
    def completed_regions(self) -> tuple[str, ...]:
        """The regions in which it is complete."""
        return tuple(name for name, state in self.regions if _is(state, "completed"))

    @property
    def has_failed(self) -> bool:
        """Whether it failed in any region."""
        return _is(self.state, "failed") or bool(self.failed_regions)

    def failure(self, body: JsonObject) -> str:
        """Return the failed regions, with the remarks of Azure, which may quote the *body* of the PUT."""
        where = ", ".join(self.failed_regions) or "a region"
        return scrub_known(scrub(": ".join((f"replication failed in {where}", *self.details))), quotable_in(body))

    def __str__(self) -> str:
        return f"replicated to {len(self.completed_regions)} of {len(self.regions)} regions"


def _is(state: str, word: str) -> bool:
    return state.casefold() == word


@dataclass(frozen=True, slots=True)
class Live:
    """
    A resource as ARM answered it.

    Attributes:
        body: The answer as sent, server-set fields included, secrets sealed.
        replication: None where it was not read.
    """

    body: JsonObject
    replication: Replication | None = None

    @property
    def provisioning_state(self) -> str:
        """
        The state as sent.

        Absent means finished and successful ("Track asynchronous Azure operations", learn.microsoft.com).
        """
        properties = self.body.get("properties")
        state = properties.get("provisioningState") if isinstance(properties, Mapping) else None
        return "Succeeded" if state is None or state == "" else str(state)

    @property
    def is_settled(self) -> bool:
        """Whether no operation is running; an unknown state means that one is."""
        return self.provisioning_state.lower() in _SETTLED

    @property
    def has_failed(self) -> bool:
        """Whether the last operation failed or was canceled."""
        return self.provisioning_state.lower() in _FAILED

    @property
    def health(self) -> Health:
        """The health, from the provisioning state, and from the replication where it was read."""
        if not self.is_settled:
            return Health.PROGRESSING
        is_degraded = self.has_failed or (self.replication is not None and self.replication.has_failed)
        return Health.DEGRADED if is_degraded else Health.HEALTHY


class Health(StrEnum):
    """The health of a live resource, independent of its manifest."""

    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
    PROGRESSING = "Progressing"
    UNKNOWN = "Unknown"
