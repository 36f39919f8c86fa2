"""The api-versions that a cloud knows of each type, and its refusals of all others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from reconciler.emulator.errors import Refused, invalid_api_version, type_not_in_version, unknown_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.emulator.facts import Facts
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.rules import Rule

LATEST: Final = "9999-12-31"
"""Later than every api-version."""
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?")


class Lag:
    """
    How far a cloud has come: the newest api-version that it knows, by resource type.

    A type covers those below it, and the longest that fits counts; an empty one covers all.
    """

    def __init__(self, newest: Mapping[str, str]) -> None:
        """Begin with *newest*."""
        self._newest = _folded(newest)

    def learn(self, newest: Mapping[str, str]) -> None:
        """Go on to *newest*, as a cloud does while a client runs."""
        self._newest = _folded(newest)

    def newest(self, resource_type: str) -> str:
        """Return the newest version of a type."""
        folded = f"{resource_type.lower()}/"
        fitting = (name for name in self._newest if not name or folded.startswith(f"{name}/"))
        return self._newest.get(max(fitting, key=len, default=""), LATEST)


def _folded(newest: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): version for name, version in newest.items()}


def versions_of(kind: Kind, facts: Facts, all_facts: Iterable[Facts]) -> tuple[str, ...]:
    """
    Return the api-versions of a type, ascending.

    The types of one provider share their versions, each from its first one on.

    Args:
        kind: Of the type.
        facts: Of the type.
        all_facts: Of all types of the provider.
    """
    own = {*facts.api_versions, *kind.api_versions}
    shared = {version for each in all_facts for version in each.api_versions if version >= min(own)}
    return tuple(sorted(own | shared))


def refusal(kind: Kind, version: str, known: Sequence[str], form: str, location: str) -> Refused:
    """
    Return the refusal of a version that the cloud does not know: 400, or 404 for a type that is not there.

    Args:
        kind: Of the resource.
        version: Of the request.
        known: Those that the cloud knows; none where the type is newer than the cloud.
        form: The code of the refusal.
        location: Of the resource group.
    """
    if not _VERSION.fullmatch(version.lower()):
        return invalid_api_version(version, known)
    namespace, _, short = kind.resource_type.partition("/")
    if not known or form == "InvalidResourceType":
        return type_not_in_version(short, namespace, version, known)
    if form == "InvalidApiVersionParameter":
        return invalid_api_version(version, known)
    refused = unknown_api_version(short, version, known, location)
    return Refused(refused.status, form, refused.message, gateway=True)


def is_newer(rule: Rule, value: Any, version: str) -> bool:
    """Return whether a property, or its value, came after *version*."""
    if rule.since is not None and rule.since > version:
        return True
    if not rule.values_since or not isinstance(value, str):
        return False
    return any(since > version and name.lower() == value.lower() for name, since in rule.values_since.items())
