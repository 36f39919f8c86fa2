"""A receiver of notices, as the project file declares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receiver:
    """
    One entry of ``spec.notify``. Addresses and keys are secrets: only the names of their variables are here.

    Attributes:
        type: ``cloudevents``, ``slack`` or ``teams``.
        url: The environment variable that holds the address.
        secret: The variable that holds the key of signatures; None where notices are not signed.
        on: The events that it wants; empty for all.
        min_severity: The least severity that it wants, of events that have one; None for all.
    """

    type: str
    url: str
    secret: str | None = None
    on: tuple[str, ...] = ()
    min_severity: str | None = None

    @property
    def key(self) -> str:
        """Its name in the history, which stays the same while the project file changes around it."""
        return f"{self.type} {self.url}"
