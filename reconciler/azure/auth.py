"""
Bearer tokens for ARM: those of the user, and those of a sign-in, renewed before they end or when ARM refuses them.

One sign-in for each tenant at a time, however many requests wait; one for each token that ARM refused; none within a
minute of a sign-in that failed. How a token is acquired is :mod:`reconciler.azure.credentials`'s.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.azure.challenge import refusal_of
from reconciler.errors import AuthError, ErrorCode, ErrorInfo
from reconciler.http.concurrency import in_daemon_thread
from reconciler.secret.text import Secret

if TYPE_CHECKING:
    from reconciler.azure.challenge import Refusal
    from reconciler.azure.credentials import Credentials
    from reconciler.clock import Clock
    from reconciler.http.answer import Answer

_EARLY_S: Final = 300.0  # a token is renewed this long before it ends
_LIMIT_S: Final = 60.0  # for one sign-in; azure-identity tries a silent host for twenty minutes
_NEWS_S: Final = 60.0  # after a failure or a new token there is no other sign-in for this long


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The bearer token that the user gave, for every subscription."""

    value: Secret

    async def token(self, realm: str) -> Secret | None:  # noqa: ARG002
        """Return the token; there is no other."""
        return self.value

    async def renew(self, realm: str, refused: Answer) -> None:
        """Raise the error of the refusal, with the token that ARM wants instead."""
        refusal = refusal_of(refused)
        message = "ARM refused the token in RECONCILER_ACCESS_TOKEN"
        fix = "give a token that is still valid, for this cloud and tenant"
        if refusal.tenant:
            message += f": subscription {realm} belongs to tenant {refusal.tenant}"
            fix = "give a token of that tenant, or use a --credential that can sign in to several"
        elif refusal.claims:
            message += ": a policy of the tenant asks for a new sign-in"
            fix = "sign in again and give the new token"
        answered = refusal.error
        raise AuthError(ErrorInfo(ErrorCode.AUTH_FAILED, message, answered.status, answered.request_id, fix))

    def close(self) -> None:
        """Do nothing: no connection is open."""


@dataclass(frozen=True, slots=True)
class _Held:
    """
    A token. Moments are monotonic seconds.

    Attributes:
        since: When it was acquired.
        ends: When it expires.
        is_new: Whether it replaced a token that ARM refused.
    """

    token: Secret
    since: float
    ends: float
    is_new: bool


@dataclass(slots=True)
class _TenantToken:
    """The token of one tenant; None is the tenant of the credential."""

    tenant: str | None
    source: IdentityToken
    _credential: Any = None
    _held: _Held | None = None
    _failed: ErrorInfo | None = None
    _failed_at: float = 0.0
    _pending: asyncio.Task[_Held | ErrorInfo] | None = None

    async def token(self) -> Secret:
        """Return a token that is valid for minutes, or one that is valid at all where there is no newer one."""
        now = self.source.clock.monotonic()
        held = self._held
        if held is not None and (now < held.ends - _EARLY_S or now < min(held.since + _NEWS_S, held.ends)):
            return held.token
        try:
            return await self._signed_in(None, is_new=False)
        except AuthError:
            if held is not None and self._held is held and self.source.clock.monotonic() < held.ends:
                return held.token
            raise

    async def renew(self, refusal: Refusal) -> None:
        """Sign in again, unless the refused token has been replaced meanwhile, or is itself a new one."""
        held = self._held
        if held is None or held.token != refusal.token:
            return
        if held.is_new and self.source.clock.monotonic() - held.since < _NEWS_S:
            raise AuthError(refusal.error)
        self._held = None
        if refusal.claims is None:
            self.close()  # the cache of azure-identity would return the refused token
        await self._signed_in(refusal.claims, is_new=True)

    def close(self) -> None:
        """Close the credential."""
        close = getattr(self._credential, "close", None)
        self._credential = None
        if close is not None:
            close()

    async def _signed_in(self, claims: Secret | None, *, is_new: bool) -> Secret:
        if self._pending is None:
            if self._failed is not None and self.source.clock.monotonic() - self._failed_at < _NEWS_S:
                raise AuthError(self._failed)
            self._pending = asyncio.ensure_future(self._sign_in(claims, is_new=is_new))
        had = await asyncio.shield(self._pending)  # if this request is cancelled, the others still wait for it
        if isinstance(had, ErrorInfo):
            raise AuthError(had)
        return had.token

    async def _sign_in(self, claims: Secret | None, *, is_new: bool) -> _Held | ErrorInfo:
        """Return the token or the error, for all that wait; it may be refused before the last of them goes on."""
        clock, limit_s = self.source.clock, self.source.limit_s
        try:
            access = await in_daemon_thread(lambda: self._ask(claims), limit_s)
        except TimeoutError:
            self.close()  # its thread may still use it
            return self._fail(TimeoutError(f"the sign-in service gave no answer within {limit_s:g} s"), claims)
        except Exception as error:  # noqa: BLE001 - azure-identity and msal raise exceptions of any type
            return self._fail(error, claims)
        finally:
            self._pending = None
        now = clock.monotonic()
        ends = now + access.expires_on - clock.now().timestamp()
        self._held, self._failed = _Held(Secret(access.token), now, ends, is_new), None
        return self._held

    def _fail(self, error: Exception, claims: Secret | None) -> ErrorInfo:
        self._failed = self.source.credentials.failure(error, claims)
        self._failed_at = self.source.clock.monotonic()
        return self._failed

    def _ask(self, claims: Secret | None) -> Any:
        """Sign in, and declare each time that claims challenges are understood: ARM sends them to no other client."""
        if self._credential is None:
            self._credential = self.source.credentials.create(self.tenant)
        wanted = {"claims": claims.reveal()} if claims else {}
        wanted |= {"tenant_id": self.tenant} if self.tenant else {}
        return self._credential.get_token(self.source.scope, enable_cae=True, **wanted)


@dataclass(slots=True)
class IdentityToken:
    """
    Tokens of azure-identity, one for each tenant.

    A subscription gets a token of the credential's own tenant until ARM names another.

    Attributes:
        credentials: Makes the credentials.
        scope: Of the cloud.
        limit_s: Seconds for one sign-in, on the wall clock: threads have no other.
    """

    credentials: Credentials
    scope: str
    clock: Clock
    limit_s: float = _LIMIT_S
    _tenants: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str | None, _TenantToken] = field(default_factory=dict)

    async def token(self, realm: str) -> Secret | None:
        """Return a token of the tenant of *realm*, a subscription; concurrent callers share one sign-in."""
        return await self._token_of(realm).token()

    async def renew(self, realm: str, refused: Answer) -> None:
        """Change to the tenant that the refusal names, or sign in again."""
        refusal = refusal_of(refused)
        if refusal.tenant and self._tenants.get(realm) != refusal.tenant:
            self._tenants[realm] = refusal.tenant
            return
        await self._token_of(realm).renew(refusal)

    def close(self) -> None:
        """Close every credential."""
        for each in self._tokens.values():
            each.close()

    def _token_of(self, subscription: str) -> _TenantToken:
        tenant = self._tenants.get(subscription)
        return self._tokens.setdefault(tenant, _TenantToken(tenant, self))
