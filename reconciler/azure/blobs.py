"""
Sends requests to blob storage just before a PUT: signs for packages, and checks that Azure can read them.

The only importer of azure-storage-blob, for the first signature. Requests go only to hosts that the project file names
and the operator allows; each has connections of its own, which never carry a token for ARM.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.errors import AuthError, ErrorCode, ErrorInfo, PackageError, RequestError
from reconciler.http.answer import Service
from reconciler.http.bounds import Bounds
from reconciler.http.origin import origin_of
from reconciler.http.retry import Retrier
from reconciler.http.throttle import Lane
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.manifests.access import (
    Grant,
    blob_at,
    grant_for,
    judge,
    judge_own,
    to_ask,
    to_sign,
    with_access,
)
from reconciler.secret.text import Secret, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.azure.identities import Identities
    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.http.tokens import TokenSource
    from reconciler.manifests.access import Blob, Finding
    from reconciler.manifests.permits import StorageHosts
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

_LOG: Final = logging.getLogger("reconciler.azure")
SCOPE: Final = "https://storage.azure.com/.default"
"""Of a storage token, in every cloud ("Authorize access to blobs using Microsoft Entra ID", learn.microsoft.com)."""
_BOUNDS: Final = Bounds(connect_s=10, silence_s=30, whole_s=60, answer_bytes=64 * 1024)
_VERSION: Final = {"x-ms-version": "2021-12-02"}
_XML: Final = {"accept": "application/xml", "content-type": "application/xml"}
_SKEW: Final = timedelta(minutes=5)
_LEAST: Final = timedelta(hours=1)
_MOST: Final = timedelta(days=3)
_PART: Final = re.compile(r"<(Signed\w+|Value)>([^<>&]+)</\1>", re.ASCII)
_PARTS: Final = frozenset(
    {"SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion", "Value"}
)
_SHOWN_OF_A_WORD: Final = 100
_ROLES: Final = (
    "assign Storage Blob Delegator on the account and Storage Blob Data Reader on the container to the identity (they"
    " take minutes to spread); if the account has a firewall, let this network through, or use sas: {env: NAME}"
)


def life_for(timeout_s: float) -> timedelta:
    """
    Return how long a signature is valid: Azure reads the blob until it is replicated.

    A recorded create took five minutes, with a small package and two regions. An hour leaves room for 2 GB and
    many regions, and no run waits for an operation longer than its ``--timeout``. A key lives seven days at most, and
    serves as long again as one signature ("Get User Delegation Key", learn.microsoft.com).
    """
    return min(max(_LEAST, timedelta(seconds=timeout_s)), _MOST)


@dataclass(frozen=True, slots=True)
class _Key:
    """A user delegation key: the elements of the answer by name, and when it ends."""

    parts: Mapping[str, Secret]
    until: datetime


@dataclass(slots=True)
class _Account:
    """One storage account: its key, or the error that there is none."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    key: _Key | None = None
    failed: ErrorInfo | None = None


def _words(answer: Answer) -> ErrorInfo:
    """Return the error of a refusal: the code of storage is in a header, its body is XML."""
    code = answer.headers.get("x-ms-error-code", "")
    code = code[:_SHOWN_OF_A_WORD] if code.isalnum() else ""
    message = f"blob storage answered {answer.status}{f' {code}' if code else ''}"
    return ErrorInfo(code or f"Http{answer.status}", message, answer.status, answer.request_id)


STORAGE: Final = Service(
    "blob storage", _words, setting="the prefix in spec.storage", request_id=("x-ms-request-id",), bounds=_BOUNDS
)


def storage_transport(endpoint: str, tokens: TokenSource, clock: Clock, environ: Mapping[str, str]) -> Transport:
    """Return connections to one account, for answers that are small and come soon."""
    return Transport.open(endpoint, STORAGE, tokens, clock, environ=environ)


@dataclass(slots=True)
class Blobs:
    """
    The packages of one run.

    Attributes:
        grants: Rules for signatures, from the project file.
        tokens: Source of the tokens for storage.
        hosts: Hosts that may get a signature, or such a token.
        life: Validity of a signature.
        connect: Opens connections to an endpoint.
        only_local: Send requests only to this machine: the embedded ARM reads no package.
        identities: Managed identities with which Azure reads packages.
    """

    grants: tuple[Grant, ...]
    tokens: TokenSource
    hosts: StorageHosts
    life: timedelta
    clock: Clock
    connect: Callable[[str, TokenSource, Clock], Transport]
    only_local: bool = False
    identities: Identities | None = None
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _open: dict[tuple[str, bool], Transport] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)

    async def ready(self, desired: Desired, body: JsonObject) -> JsonObject:
        """
        Return the body of a PUT with the access that each link to a package needs, if Azure can read them all.

        Raises:
            AuthError: There is no token for storage.
            PackageError: There is no signature, or Azure could not read the package.
        """
        kind = desired.kind
        reached = [grant for grant in self.grants if grant.is_local] if self.only_local else self.grants
        for link, _ in kind.links_in(body):
            if grant_for(kind, link.base, self.grants) is not None:
                self._check_host(link)
        made = {base: await self._sign(base) for base in to_sign(kind, body, reached)}
        signed = with_access(kind, body, self.grants, made)
        for link, most in to_ask(kind, signed, reached, self.hosts):
            await self._look_at(link, most, by_identity=await self._is_read_by_identity(desired, link))
        return signed

    async def close(self) -> None:
        """Close every connection."""
        for transport in self._open.values():
            await transport.close()

    def _check_host(self, link: SecretUrl) -> None:
        """Refuse to send a signature, or a token for one, to a host that the operator does not allow."""
        if not self.hosts.allows(link.base):
            origin = origin_of(link.base)
            host = origin.host if origin else "an unreadable host"
            message = f"no signature and no token is sent to {host}, which is not a blob host of this cloud"
            account = f" (NAME{self.hosts.suffixes[0]})" if self.hosts.suffixes else ""
            fix = f"correct the prefix{account}, or pass --storage-host {host} if it is yours"
            raise PackageError(_error(ErrorCode.FOREIGN_ORIGIN, message, fix))

    async def _is_read_by_identity(self, desired: Desired, link: SecretUrl) -> bool:
        """Return whether Azure reads a package with a managed identity: a rule of the project decides first."""
        if link.query is not None or desired.kind.parent is None:
            return False
        grant = grant_for(desired.kind, link.base, self.grants)
        if grant is not None and grant.by_identity:
            return True
        return self.identities is not None and await self.identities.exist_for(desired)

    async def _look_at(self, link: SecretUrl, most: int | None, *, by_identity: bool) -> None:
        """Check a link with storage as Azure will read it; an unclear answer does not stop the PUT."""
        origin = "/".join(link.base.split("/", 3)[:3])
        if origin in self._silent:
            return
        try:
            finding, answer = await self._found(origin, link, most, by_identity=by_identity)
        except RequestError as error:
            self._silent.add(origin)
            _LOG.warning(
                "%s: packages there could not be checked from here (%s); Azure may be able to read them",
                origin,
                error.info.message,
            )
            return
        if finding.fault:
            message = f"Azure cannot read {link.shown}: {finding.fault}"
            raise PackageError(_error(ErrorCode.PACKAGE_UNREADABLE, message, finding.fix, answer))
        if finding.doubt:
            _LOG.warning("%s: %s; Azure may get another answer", link.shown, finding.doubt)

    async def _found(
        self, origin: str, link: SecretUrl, most: int | None, *, by_identity: bool
    ) -> tuple[Finding, Answer]:
        """
        Return the verdict of storage on a link, and the answer that it is from.

        Azure tries a link as it is, and then with the identity. The run's own token is tried first, as it alone can
        show that a private blob is missing; without a role for it, the link is tried as it is.
        """
        if by_identity:
            answer = await self._own_look(origin, link)
            finding = judge_own(answer.status, answer.headers, most) if answer is not None else None
            if answer is not None and finding is not None:
                return finding, answer
        answer = await self._transport(origin, with_token=False).send("HEAD", link.reveal(), headers=_VERSION)
        return judge(answer.status, answer.headers, most, by_identity=by_identity), answer

    async def _own_look(self, origin: str, link: SecretUrl) -> Answer | None:
        """Return the answer to a HEAD with the run's own token; None if it has none for storage."""
        try:
            if await self.tokens.token("") is None:
                return None
            return await self._transport(origin, with_token=True).send("HEAD", link.reveal(), headers=_VERSION)
        except AuthError as error:
            _LOG.info("%s: no token for storage, so packages are checked without one: %s", origin, error.info.message)
            return None

    async def _sign(self, base: str) -> Secret:
        blob = blob_at(base)
        if blob is None:
            raise PackageError(
                _error(ErrorCode.NO_SIGNATURE, f"{base} names no blob", "name account, container and blob")
            )
        key = await self._key(blob)
        now = self.clock.now()
        return await asyncio.to_thread(_signature, blob, key, now - _SKEW, now + self.life)

    async def _key(self, blob: Blob) -> _Key:
        """Return the account's key; one request for it at a time, and none after a failure."""
        account = self._accounts.setdefault(blob.endpoint, _Account())
        async with account.lock:
            if account.failed is not None:
                raise PackageError(account.failed)
            if account.key is None or account.key.until < self.clock.now() + self.life:
                try:
                    account.key = await self._new_key(blob)
                except PackageError as error:
                    account.failed = error.info
                    raise
            return account.key

    async def _new_key(self, blob: Blob) -> _Key:
        now = self.clock.now()
        until = now + 2 * self.life
        content = f"<KeyInfo><Start>{_moment(now - _SKEW)}</Start><Expiry>{_moment(until)}</Expiry></KeyInfo>".encode()
        transport = self._transport(blob.endpoint, with_token=True)

        async def send() -> Answer:
            path = "/?restype=service&comp=userdelegationkey"
            return await transport.send("POST", path, content, headers={**_VERSION, **_XML})

        try:
            answer = await Retrier(self.clock).send(Lane(""), send)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                said = replace(STORAGE, words=lambda refused: _refused(blob, refused).info)
                await self.tokens.renew("", replace(answer, service=said))
                answer = await send()
        except AuthError:
            raise
        except RequestError as error:
            message = f"{blob.host} gave no key to sign with: {error.info.message}"
            raise PackageError(_error(ErrorCode.NO_SIGNATURE, message, "check prefix and network")) from None
        return _Key(_parts(blob, answer), until)

    def _transport(self, endpoint: str, *, with_token: bool) -> Transport:
        known = self._open.get((endpoint, with_token))
        if known is None:
            tokens = self.tokens if with_token else NoToken()
            known = self._open[endpoint, with_token] = self.connect(endpoint, tokens, self.clock)
        return known


def _parts(blob: Blob, answer: Answer) -> Mapping[str, Secret]:
    """Return the elements of a key; each is text without markup, so that no XML parser is needed."""
    if answer.status != HTTPStatus.OK:
        raise _refused(blob, answer)
    text = answer.content.decode("utf-8", "replace")
    parts = {name: Secret(value) for name, value in _PART.findall(text)}
    if not parts.keys() >= _PARTS:
        message = f"{blob.host} gave no key to sign with: the answer is none"
        raise PackageError(_error(ErrorCode.NO_SIGNATURE, message, "check that prefix names a storage account", answer))
    return parts


def _refused(blob: Blob, answer: Answer) -> PackageError:
    code = answer.headers.get("x-ms-error-code", "")
    word = f" {code}" if code.isalnum() else ""
    message = f"{blob.host} gave no key to sign with: it answered {answer.status}{word}"
    fix = _ROLES if answer.status == HTTPStatus.FORBIDDEN else "check prefix, and the account"
    return PackageError(_error(ErrorCode.NO_SIGNATURE, message, fix, answer))


def _error(code: str, message: str, fix: str | None, answer: Answer | None = None) -> ErrorInfo:
    if answer is None:
        return ErrorInfo(code, message, fix=fix)
    return ErrorInfo(code, message, answer.status, answer.request_id, fix)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(blob: Blob, key: _Key, start: datetime, until: datetime) -> Secret:
    """Sign for reading one blob, over https only except on this machine."""
    from azure.storage.blob import UserDelegationKey, generate_blob_sas  # noqa: PLC0415 (a fifth of a second)

    said = UserDelegationKey()  # type: ignore[no-untyped-call]
    said.signed_oid = key.parts["SignedOid"].reveal()
    said.signed_tid = key.parts["SignedTid"].reveal()
    said.signed_start = key.parts["SignedStart"].reveal()
    said.signed_expiry = key.parts["SignedExpiry"].reveal()
    said.signed_service = key.parts["SignedService"].reveal()
    said.signed_version = key.parts["SignedVersion"].reveal()
    said.value = key.parts["Value"].reveal()
    signed = generate_blob_sas(
        blob.account,
        blob.container,
        blob.name,
        user_delegation_key=said,
        permission="r",
        start=start,
        expiry=until,
        protocol="https" if blob.endpoint.startswith("https://") else "https,http",
    )
    return Secret(signed)
