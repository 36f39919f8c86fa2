"""
Reads the headers in which Azure Resource Manager and its resource providers name the rest of their limits. Pure.

ARM keeps a bucket of tokens for each subscription and direction and refills it steadily; a resource provider counts the
calls of each of its operations within two sliding windows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.http.throttle import LONGEST_WINDOW_S, Remaining

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.http.throttle import Lane

_READS_PER_S: Final = 25.0  # "Understand how Azure Resource Manager throttles requests" (learn.microsoft.com)
_WRITES_PER_S: Final = 10.0
_WINDOW: Final = re.compile(r"([0-9]{1,2})Min;([0-9]{1,9})\s*$", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_READS: Final = ("x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-tenant-reads")
_WRITES: Final = ("x-ms-ratelimit-remaining-subscription-writes", "x-ms-ratelimit-remaining-tenant-writes")
_CALLS: Final = "x-ms-ratelimit-remaining-resource"


def remaining(headers: Mapping[str, str], lane: Lane) -> Remaining:
    """Return the rest of the limits that an answer names in its *headers*, by lower-case name."""
    names, per_second = (_WRITES, _WRITES_PER_S) if lane.write else (_READS, _READS_PER_S)
    return Remaining(_tokens(headers, names), per_second, _windows(headers.get(_CALLS, "")))


def _tokens(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    values = (headers.get(name, "") for name in names)
    return min((int(value) for value in values if _COUNT.fullmatch(value)), default=None)


def _windows(value: str) -> dict[float, int]:
    """Read ``Microsoft.Compute/GetGallery3Min;349,Microsoft.Compute/GetGallery30Min;2499``; skip anything else."""
    found: dict[float, int] = {}
    for part in value.split(","):
        if match := _WINDOW.search(part):
            window = min(60.0 * int(match[1]), LONGEST_WINDOW_S)
            found[window] = min(int(match[2]), found.get(window, int(match[2])))
    return found
