"""
State in tags of the resource itself: digest of the content that Azure never returns, owner and commit. Pure.

There is no state file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tracking:
    """
    The tags of the reconciler.

    Attributes:
        tags: Whether tags are written.
        prefix: Of the names of the tags.
        project: Owner to record, and to compare with; None without a project file.
        commit: Of the manifests; None if it is unknown.
    """

    tags: bool = True
    prefix: str = "reconciler"
    project: str | None = None
    commit: str | None = None

    def digest_of(self, live: JsonObject) -> str | None:
        """Return the digest recorded on a live resource."""
        return self._read(live, "digest")

    def owner_of(self, live: JsonObject) -> str | None:
        """Return the project recorded on a live resource."""
        return self._read(live, "project")

    @property
    def project_tag(self) -> str:
        """The name of the tag that records the owner."""
        return f"{self.prefix}-project"

    def commit_of(self, live: JsonObject) -> str | None:
        """Return the commit recorded on a live resource; None if the tag holds no commit id."""
        found = self._read(live, "commit")
        return found if found is not None and _COMMIT.fullmatch(found) else None

    def rollout_of(self, live: JsonObject) -> str | None:
        """Return the step recorded on a live version, as its tag has it; None without the tag."""
        return self._read(live, "rollout")

    def is_foreign(self, live: JsonObject) -> bool:
        """Return whether another project owns the live resource."""
        owner = self.owner_of(live)
        return self.project is not None and owner is not None and owner != self.project

    def is_own_name(self, name: str) -> bool:
        """Return whether only the reconciler writes the tag of that name; names are case-insensitive."""
        return name.casefold().startswith(f"{self.prefix.casefold()}-")

    def without_tags(self, live: JsonObject) -> JsonObject:
        """Return *live* without the tracking tags."""
        tags = live.get("tags")
        if not isinstance(tags, Mapping) or not any(self.is_own_name(name) for name in tags):
            return live
        return {**live, "tags": {name: value for name, value in tags.items() if not self.is_own_name(name)}}

    def stamp(self, desired: Desired) -> dict[str, str]:
        """Return the tags to write with a PUT."""
        if not self.tags:
            return {}
        values = {"digest": desired.digest, "project": self.project, "commit": self.commit, "rollout": desired.mark}
        return {f"{self.prefix}-{name}": value for name, value in values.items() if value is not None}

    def passing(self) -> frozenset[str]:
        """Return the folded names of the tags that describe the last PUT only: any PUT replaces or removes them."""
        return frozenset(f"{self.prefix}-{name}".casefold() for name in ("digest", "commit"))

    def _read(self, live: JsonObject, name: str) -> str | None:
        wanted = f"{self.prefix}-{name}".casefold()
        tags = live.get("tags")
        if not isinstance(tags, Mapping):
            return None
        return next((value for key, value in tags.items() if key.casefold() == wanted and isinstance(value, str)), None)
