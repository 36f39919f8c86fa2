"""The claims and the tenant in a 401, and the headers that count as none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from reconciler.azure.answers import ARM
from reconciler.azure.challenge import Refusal, refusal_of
from reconciler.http.answer import Answer
from reconciler.secret.text import Secret

TENANT = "99999999-8888-7777-6666-555555555555"
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"CANARY>>>???"}}}'
URI = f'authorization_uri="https://login.windows.net/{TENANT}"'
CLAIMED = 'Bearer error="insufficient_claims", claims='


def encoded(text: str | bytes = CLAIMS) -> str:
    """Return base64."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def read(header: str | None, code: str = "InvalidAuthenticationToken") -> Refusal:
    """Read a 401."""
    headers = {"x-ms-request-id": "r-1"} | ({"www-authenticate": header} if header is not None else {})
    content = json.dumps({"error": {"code": code, "message": "no"}}).encode()
    return refusal_of(Answer(401, headers, content, ARM, Secret("token")))


@pytest.mark.parametrize(
    "header",
    [
        f'{CLAIMED}"{encoded()}"',
        f'{CLAIMED}"{encoded().rstrip("=")}"',
        f'{CLAIMED}"{base64.urlsafe_b64encode(CLAIMS.encode()).decode()}"',
        f'bearer realm="", {URI}, ERROR="insufficient_claims",claims="{encoded()}"',
        f'  Bearer error="insufficient_claims", claims="{encoded()}", PoP error="insufficient_claims", claims="e30="',
    ],
)
def test_claims(header: str) -> None:
    """Claims are decoded and hidden."""
    refusal = read(header)
    assert refusal.claims == Secret(CLAIMS)
    assert refusal.token == Secret("token")
    assert refusal.tenant is None
    assert (refusal.error.code, refusal.error.request_id) == ("InvalidAuthenticationToken", "r-1")
    assert "sign in again" in str(refusal.error.fix)
    assert "CANARY" not in repr(refusal)
    assert encoded() not in repr(refusal)


JUNK = [
    None,
    "",
    "Bearer",
    'Bearer error="insufficient_claims"',
    f'{CLAIMED}""',
    f'{CLAIMED}"e30',
    f"{CLAIMED}e30=",
    f'{CLAIMED}"%%%"',
    f'{CLAIMED}"e30=\n"',
    f'{CLAIMED}"{encoded(bytes([255, 254]))}"',
    f'{CLAIMED}"{encoded("[]")}"',
    f'{CLAIMED}"{encoded("null")}"',
    f'{CLAIMED}"{encoded("{")}"',
    f'{CLAIMED}"{encoded("[" * 5000)}"',
    f'{CLAIMED}"{encoded(json.dumps({"access_token": []}))}"',
    f'{CLAIMED}"{encoded(json.dumps({"access_token": {"x": "y" * 20_000}}))}"',
    f'Bearer error="invalid_token", claims="{encoded()}"',
    f'PoP error="insufficient_claims", claims="{encoded()}"',
    f'Basic realm="Bearer", error="insufficient_claims", claims="{encoded()}"',
    "Bearer " + 'a="' * 5000,
    "Bearer " + "a" * 16_000,
    "Bearer " + " , " * 5000,
]


@pytest.mark.parametrize("header", JUNK, ids=range(len(JUNK)))
def test_junk_is_a_plain_refusal(header: str | None) -> None:
    """A header that cannot be read, or not passed on, counts as none."""
    refusal = read(header)
    assert (refusal.claims, refusal.tenant) == (None, None)
    assert refusal.error.code == "InvalidAuthenticationToken"


@pytest.mark.parametrize(
    ("uri", "tenant"),
    [
        (f"https://login.windows.net/{TENANT}", TENANT),
        (f"https://login.windows.net/{TENANT.upper()}", TENANT),
        (f"https://login.microsoftonline.com/{TENANT}/oauth2/authorize", TENANT),
        (f"https://evil.example/{TENANT}", TENANT),
        (f"http://login.windows.net/{TENANT}", None),
        ("https://login.windows.net/common", None),
        ("https://login.windows.net/contoso.onmicrosoft.com", None),
        (f"https://login.windows.net/x/{TENANT}", None),
        (f"https://login.windows.net/{TENANT}0", None),
        (f"https://login.windows.net/{TENANT[:-1]}", None),
        (f"https://login.windows.net/{TENANT}@evil", None),
        (f"{TENANT}", None),
        ("", None),
    ],
)
def test_a_tenant(uri: str, tenant: str | None) -> None:
    """A GUID at the one place alone: whose host it stands behind means nothing, for nothing is sent there."""
    header = f'Bearer authorization_uri="{uri}", error="invalid_token", error_description="..."'
    assert read(header, "InvalidAuthenticationTokenTenant").tenant == tenant


@pytest.mark.parametrize("code", ["ExpiredAuthenticationToken", "InvalidAuthenticationToken", "AuthenticationFailed"])
def test_a_tenant_that_is_not_the_reason(code: str) -> None:
    """ARM names the tenant in every 401; only where the token is another tenant's it is why."""
    assert read(f"Bearer {URI}", code).tenant is None


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": 5}'])
def test_a_body_that_says_nothing(content: Any) -> None:
    """The header is read all the same."""
    refusal = refusal_of(Answer(401, {"www-authenticate": f'{CLAIMED}"{encoded()}"'}, content, ARM))
    assert refusal.claims == Secret(CLAIMS)
    assert (refusal.token, refusal.error.code) == (None, "Http401")
