"""
Where bearer tokens come from. The only importer of azure-identity, on the first token.

What goes wrong is said without a value: only the names of what was looked at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from reconciler.errors import AuthError, ErrorInfo
from reconciler.secret import Secret, scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.clock import Clock

_EARLY_S: Final = 300.0  # a token is renewed this long before it ends


class TokenSource(Protocol):
    """Gives bearer tokens for ARM."""

    async def token(self, *, refresh: bool = False) -> Secret | None:
        """
        Give a token; None where none is sent.

        Args:
            refresh: The one given before was refused.

        Raises:
            AuthError: None can be had.
        """


class NoToken:
    """For an endpoint that needs none: the embedded ARM."""

    async def token(self, *, refresh: bool = False) -> Secret | None:  # noqa: ARG002
        """Give nothing."""
        return None


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A bearer token that the user gave."""

    value: Secret

    async def token(self, *, refresh: bool = False) -> Secret | None:
        """Give the token; there is no other."""
        if refresh:
            message = "ARM refused the token in RECONCILER_ACCESS_TOKEN"
            raise AuthError(
                ErrorInfo("AuthFailed", message, fix="give a token that is still valid, for this cloud and tenant")
            )
        return self.value


@dataclass(slots=True)
class IdentityToken:
    """
    Tokens of azure-identity, one at a time, renewed before they end.

    Attributes:
        name: Of the credential, for errors.
        scope: Of the cloud.
        create: Makes the credential, with its imports.
    """

    name: str
    scope: str
    create: Callable[[], Any]
    clock: Clock
    _credential: Any = None
    _token: Secret | None = None
    _until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def token(self, *, refresh: bool = False) -> Secret | None:
        """Give a token that is valid for minutes yet; callers at the same time share one sign-in."""
        stale = self._token if refresh else None
        async with self._lock:
            if stale is not None and self._token is stale:
                self._credential = None  # what azure-identity keeps would be the refused token again
            if self._token is None or self._token is stale or self.clock.monotonic() >= self._until:
                await asyncio.to_thread(self._renew)
            return self._token

    def _renew(self) -> None:
        try:
            if self._credential is None:
                self._credential = self.create()
            access = self._credential.get_token(self.scope)
        except Exception as error:  # noqa: BLE001 - azure-identity and msal raise what they like; none of it may pass unread
            raise AuthError(_failure(self.name, error)) from None
        self._token = Secret(access.token)
        self._until = self.clock.monotonic() + max(0.0, access.expires_on - self.clock.now().timestamp() - _EARLY_S)


def _failure(name: str, error: Exception) -> ErrorInfo:
    message = " ".join(scrub(str(error)).split())[:1500]
    fix = "see docs/sign-in.md for what each --credential looks at"
    return ErrorInfo("AuthFailed", f"no token from credential '{name}': {message}", fix=fix)


def credential_factory(name: str, authority: str, environ: Mapping[str, str]) -> Callable[[], Any]:
    """
    Give what makes the credential called *name*; nothing is imported before it is called.

    Args:
        name: One of ``--credential`` but ``token``.
        authority: Host of the sign-in service.
        environ: The environment, for the names that azure-identity does not read by itself.
    """

    def create() -> Any:
        from azure import identity  # noqa: PLC0415 (a third of a second, and needed only for a real sign-in)

        simple = {
            "default": identity.DefaultAzureCredential,
            "environment": identity.EnvironmentCredential,
            "workload-identity": identity.WorkloadIdentityCredential,
        }
        if name in simple:
            return simple[name](authority=authority)
        if name == "managed-identity":
            return identity.ManagedIdentityCredential(client_id=environ.get("AZURE_CLIENT_ID"))
        if name == "cli":
            return identity.AzureCliCredential()
        if name == "github":
            return _github(identity, authority, environ)
        return _azure_pipelines(identity, authority, environ)

    return create


def _required(environ: Mapping[str, str], *names: str) -> list[str]:
    missing = [name for name in names if not environ.get(name)]
    if missing:
        message = f"not set: {', '.join(missing)}"
        raise ValueError(message)
    return [environ[name] for name in names]


def _github(identity: Any, authority: str, environ: Mapping[str, str]) -> Any:
    tenant, client, url, token = _required(
        environ, "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    )

    def assertion() -> str:
        """Ask for a fresh assertion: one lives five minutes."""
        import httpx  # noqa: PLC0415

        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{url}&audience=api://AzureADTokenExchange", headers=headers, timeout=30)
        if not answer.is_success:
            message = f"GitHub's token service answered {answer.status_code}"
            raise ValueError(message)
        return str(answer.json()["value"])

    return identity.ClientAssertionCredential(tenant, client, assertion, authority=authority)


def _azure_pipelines(identity: Any, authority: str, environ: Mapping[str, str]) -> Any:
    tenant, client, connection, token, _ = _required(
        environ,
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_SERVICE_CONNECTION_ID",
        "SYSTEM_ACCESSTOKEN",
        "SYSTEM_OIDCREQUESTURI",
    )
    return identity.AzurePipelinesCredential(
        tenant_id=tenant,
        client_id=client,
        service_connection_id=connection,
        system_access_token=token,
        authority=authority,
    )
