"""One request and one answer, as every part of the embedded ARM sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.emulator.errors import missing_api_version

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request.

    Attributes:
        path: Decoded.
        query: Names in lower case.
        base_url: Scheme and host as the client wrote them, for the links in answers.
        now: Seconds since the epoch.
        ticks: Monotonic seconds.
        params: What the route found in the path.
    """

    method: str
    path: str
    query: Mapping[str, str]
    base_url: str
    now: float
    ticks: float
    content: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """
        The version that was asked for.

        Raises:
            Refused: 400.
        """
        version = self.query.get("api-version")
        if not version:
            raise missing_api_version()
        return version


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its body is JSON, or empty."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Give an answer whose body is *body* as JSON."""
    return Reply(status, orjson.dumps(body), headers or {})
