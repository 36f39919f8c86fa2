"""The names that one run uses: all in one resource group, all with one prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.secret.text import Secret

PREFIX: Final = "rcnlive"
VARIANTS: Final = ("absent", "public", "mode", "policy", "link")
"""Ends of the names of further resources."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    Where a run plays its facts.

    Attributes:
        group: The resource group's name; nothing is written outside of it.
        suffix: Of every name, after the prefix.
        location: Short name of the region.
        second_location: Short name of a region to replicate to; None for none.
        package: Link to the blob of a package, with its signature; None for none.
        contact: E-mail address for a community gallery; None for none.
        script_link: Link to the blob of a script, with its signature; None for none.
    """

    subscription: str
    group: str
    suffix: str
    location: str
    second_location: str | None = None
    package: Secret | None = None
    contact: str | None = None
    script_link: Secret | None = None

    @property
    def group_id(self) -> str:
        """ARM id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def name(self) -> str:
        """The beginning of every name."""
        return f"{PREFIX}{self.suffix}"

    @property
    def elsewhere(self) -> str:
        """A region that is not the location, for a PUT that must be refused."""
        return "westus" if self.location != "westus" else "eastus"

    @property
    def galleries(self) -> str:
        """Collection of the group's galleries."""
        return f"{self.group_id}/providers/Microsoft.Compute/galleries"

    @property
    def gallery(self) -> str:
        """ARM id of the gallery."""
        return f"{self.galleries}/{self.name}"

    @property
    def applications(self) -> str:
        """Collection of the gallery's applications."""
        return f"{self.gallery}/applications"

    @property
    def application(self) -> str:
        """ARM id of the application."""
        return f"{self.applications}/{self.name}"

    @property
    def versions(self) -> str:
        """Collection of the application's versions."""
        return f"{self.application}/versions"

    @property
    def scripts(self) -> str:
        """Collection of the gallery's scripts."""
        return f"{self.gallery}/scripts"

    @property
    def script(self) -> str:
        """ARM id of the script."""
        return f"{self.scripts}/{self.name}"

    @property
    def definitions(self) -> str:
        """Collection of the group's managed application definitions."""
        return f"{self.group_id}/providers/Microsoft.Solutions/applicationDefinitions"

    @property
    def definition(self) -> str:
        """ARM id of the definition."""
        return f"{self.definitions}/{self.name}"


def is_written(stage: Stage, path: str) -> bool:
    """Return whether a PUT to *path* stays among the names of a run: one gallery or definition, or below it."""
    name = f"{re.escape(stage.name)}(?:{'|'.join(VARIANTS)})?"
    below = rf"(?:/(?:applications|scripts)/{name}(?:/versions/[0-9.]+)?)?"
    allowed = rf"(?:{re.escape(stage.galleries)}/{name}{below}|{re.escape(stage.definitions)}/{name})"
    return re.fullmatch(allowed, path) is not None


def is_read(stage: Stage, path: str) -> bool:
    """Return whether a GET of *path* stays in the subscription of a run."""
    plain = re.fullmatch(r"/[\w/().-]+", path, re.ASCII) is not None and "/.." not in path and "//" not in path
    return plain and path.lower().startswith(f"/subscriptions/{stage.subscription}/".lower())
