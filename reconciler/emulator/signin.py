"""
Cloud metadata and sign-in, so that ``az cloud register`` and token libraries can be pointed at the embedded ARM.

Shapes: "Azure Resource Manager metadata endpoints" and "OAuth 2.0 client credentials flow" (learn.microsoft.com). A
token is issued to every client and never verified.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.calls import Call, Reply, json_reply
from reconciler.emulator.routes import route

if TYPE_CHECKING:
    from reconciler.emulator.routes import Route

TENANT: Final = "00000000-0000-4000-8000-000000000001"
_OBJECT: Final = "00000000-0000-4000-8000-000000000002"
_LIFE_S: Final = 3600
_LIST_VERSIONS: Final = ("2018-05-01", "2019-05-01", "2020-06-01")


def sign_in_routes() -> tuple[Route, ...]:
    """Return the routes of cloud metadata and of the token endpoints."""
    return (
        route("/metadata/endpoints", GET=_metadata),
        route("/common/discovery/instance", GET=_discovery),
        route("/{tenant}/discovery/v2.0/keys", GET=lambda _: json_reply(HTTPStatus.OK, {"keys": []})),
        route("/{tenant}/v2.0/.well-known/openid-configuration", GET=_openid),
        route("/{tenant}/.well-known/openid-configuration", GET=_openid),
        route("/{tenant}/oauth2/v2.0/token", POST=_token),
        route("/{tenant}/oauth2/token", POST=_token),
    )


def _metadata(call: Call) -> Reply:
    base = call.base_url
    authentication = {
        "loginEndpoint": base,
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        "tenant": TENANT,
        "identityProvider": "AAD",
    }
    if call.query.get("api-version", "2015-01-01") == "2015-01-01":
        old = {"galleryEndpoint": base, "graphEndpoint": base, "portalEndpoint": base}
        return json_reply(HTTPStatus.OK, {**old, "authentication": authentication})
    cloud = {
        "name": "Emulator",
        "portal": base,
        "authentication": authentication,
        "graph": base,
        "graphAudience": base,
        "resourceManager": base,
        "gallery": base,
        "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
    }
    return json_reply(HTTPStatus.OK, [cloud] if call.query["api-version"] in _LIST_VERSIONS else cloud)


def _discovery(call: Call) -> Reply:
    tenant = f"{call.base_url}/{TENANT}/v2.0/.well-known/openid-configuration"
    host = call.base_url.partition("://")[2]
    aliases = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    return json_reply(HTTPStatus.OK, {"tenant_discovery_endpoint": tenant, "api-version": "1.1", "metadata": [aliases]})


def _openid(call: Call) -> Reply:
    base = f"{call.base_url}/{call.params['tenant']}"
    body = {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token", "token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    return json_reply(HTTPStatus.OK, body)


def _token(call: Call) -> Reply:
    issued = int(call.now)
    claims = {
        "aud": "https://management.azure.com",
        "iss": f"{call.base_url}/{TENANT}/",
        "iat": issued,
        "nbf": issued,
        "exp": issued + _LIFE_S,
        "oid": _OBJECT,
        "sub": _OBJECT,
        "tid": TENANT,
        "ver": "1.0",
    }
    token = ".".join((_part({"alg": "none", "typ": "JWT"}), _part(claims), "unsigned"))
    return json_reply(HTTPStatus.OK, {"token_type": "Bearer", "expires_in": _LIFE_S, "access_token": token})


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()
