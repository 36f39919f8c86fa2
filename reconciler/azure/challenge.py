"""Reads why ARM refused a token with a 401. Pure; only two things of a header are trusted."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from reconciler.secret.text import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.errors import ErrorInfo
    from reconciler.http.answer import Answer

_MOST_CHARACTERS: Final = 16_384
_PARAMETER: Final = re.compile(r'(?<![a-z_])([a-z_]{1,40})="([^"]*)"', re.IGNORECASE)
_TENANT: Final = re.compile(r"https://[a-z0-9.-]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A token that ARM refused, and the token that it wants instead.

    Attributes:
        error: The error for a report, where there is no other token.
        token: The refused token; None if none was sent.
        claims: The JSON object to request a new token with, where ARM asks for one (continuous access evaluation).
        tenant: GUID of the tenant of the subscription, where ARM reports that the token is of another.
    """

    error: ErrorInfo
    token: Secret | None = None
    claims: Secret | None = None
    tenant: str | None = None


def refusal_of(answer: Answer) -> Refusal:
    """
    Return the reason of a 401.

    The path of ``authorization_uri`` names the subscription's tenant in every 401; only with one code is that the
    reason. No request is sent to its host.
    """
    error = answer.service.words(answer)
    said = _parameters(answer.headers.get("www-authenticate", ""))
    claims = _claims(said.get("claims", "")) if said.get("error") == "insufficient_claims" else None
    named = _TENANT.fullmatch(said.get("authorization_uri", ""))
    is_elsewhere = error.code == "InvalidAuthenticationTokenTenant" and named
    return Refusal(error, answer.token, claims, named[1].lower() if named and is_elsewhere else None)


def _parameters(header: str) -> Mapping[str, str]:
    if len(header) > _MOST_CHARACTERS or not header.lstrip().lower().startswith("bearer "):
        return {}
    said: dict[str, str] = {}
    for name, value in _PARAMETER.findall(header):
        said.setdefault(name.lower(), value)  # a second challenge in the same header belongs to another scheme
    return said


def _claims(encoded: str) -> Secret | None:
    """Decode base64 of either alphabet, padded or not; return None for anything but a JSON object."""
    plain = encoded.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
        claims = orjson.loads(text)
    except (binascii.Error, ValueError):
        return None
    is_usable = isinstance(claims, dict) and isinstance(claims.get("access_token", {}), dict)
    return Secret(text) if is_usable else None
