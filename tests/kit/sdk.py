"""Credential and transport of Microsoft's own clients for an ARM without sign-in, over plain http."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy


class AnyCredential:
    """Gives a token that means nothing."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Return it."""
        return AccessToken("any", 2**33)


class PlainAuthentication(SansIOHTTPPolicy[Any, Any]):
    """Sends a token over http, which the SDK's own policy refuses to do."""

    def on_request(self, request: Any) -> None:
        """Add it."""
        request.http_request.headers["Authorization"] = "Bearer any"
