"""One request and one answer, as every part of the embedded ARM sees them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.errors import missing_api_version

if TYPE_CHECKING:
    from collections.abc import Mapping


NOBODY: Final = "emulator"
"""The writer of a request whose token names none."""


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
        params: The parameters that the route found in the path.
        writer: The sender, by its token.
    """

    method: str
    path: str
    query: Mapping[str, str]
    base_url: str
    now: float
    ticks: float
    content: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    writer: str = NOBODY

    @property
    def api_version(self) -> str:
        """
        The requested version.

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


def writer_of(authorization: str) -> str:
    """Return the subject of a bearer token: the name of a user, else the object id. Tokens are not verified."""
    payload = f"{authorization}..".split(".")[1]
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(f"{payload}==="))
    except (ValueError, binascii.Error):
        return NOBODY
    found = (claims.get("upn") or claims.get("oid")) if isinstance(claims, dict) else None
    return found if isinstance(found, str) else NOBODY


def json_reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer whose body is *body* as JSON."""
    return Reply(status, orjson.dumps(body), headers or {})
