"""
A lease on a blob, as the lock of one writer: requests of this program's own, with bounds short enough to renew in time.

"Lease Blob" (REST API of Blob Storage): acquiring with the same proposed id renews a lease that this process has, so a
request without an answer can be repeated; a renewal succeeds after the end too, unless another client has acquired it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from reconciler.azure.blobs import STORAGE
from reconciler.errors import ErrorInfo, RejectedError
from reconciler.http.bounds import Bounds
from reconciler.http.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.http.tokens import TokenSource

_BOUNDS: Final = Bounds(connect_s=5, silence_s=5, whole_s=10, answer_bytes=64 * 1024)
_LEASES: Final = replace(STORAGE, setting="--lock", bounds=_BOUNDS)
_VERSION: Final = {"x-ms-version": "2021-12-02"}
_EMPTY: Final = {"content-type": "application/octet-stream", "content-length": "0"}
_HOLDER: Final = "x-ms-meta-holder"
_SHOWN: Final = 200
_LOST: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED})


def lease_transport(endpoint: str, tokens: TokenSource, clock: Clock, environ: Mapping[str, str]) -> Transport:
    """Return connections to the account of a lease."""
    return Transport.open(endpoint, _LEASES, tokens, clock, environ=environ)


@dataclass(slots=True)
class BlobLease:
    """
    The lease on one blob, which is made if it is missing.

    Attributes:
        transport: Connections to its account.
        url: Of the blob, without a query.
        lease_id: A GUID that is this process's own.
        name: Of this process, for others to read.
        lease_s: How long it lasts, 15 to 60 seconds.
    """

    transport: Transport
    url: str
    lease_id: str
    name: str
    lease_s: int = 60

    async def acquire(self) -> str | None:
        """
        Acquire the lease; return None if it is granted, else its holder's name, which may be empty.

        Raises:
            RequestError: There is no answer, or one that says nothing of the lease.
        """
        answer = await self._acquired()
        if answer.status == HTTPStatus.NOT_FOUND and answer.headers.get("x-ms-error-code") == "BlobNotFound":
            await self._make()
            answer = await self._acquired()
        if answer.is_success:
            await self._sign()
            return None
        if answer.status == HTTPStatus.CONFLICT:
            return await self._holder()
        raise _unusable(answer)

    async def renew(self) -> str | None:
        """
        Renew the lease; return None if it is granted, else its new holder's name, which may be empty.

        Raises:
            RequestError: There is no answer, or one that says nothing of the lease.
        """
        answer = await self._send("?comp=lease", {"x-ms-lease-action": "renew", "x-ms-lease-id": self.lease_id})
        if answer.is_success:
            return None
        if answer.status in _LOST:
            return await self._holder()
        raise _unusable(answer)

    async def release(self) -> None:
        """
        Release the lease, so that another process need not wait for its end.

        Raises:
            RequestError: There is no answer.
        """
        await self._send("?comp=lease", {"x-ms-lease-action": "release", "x-ms-lease-id": self.lease_id})

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()

    async def _acquired(self) -> Answer:
        headers = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": str(self.lease_s)}
        return await self._send("?comp=lease", {**headers, "x-ms-proposed-lease-id": self.lease_id})

    async def _make(self) -> None:
        """Make the blob, unless another process has just made it."""
        answer = await self._send("", {"x-ms-blob-type": "BlockBlob", "if-none-match": "*"})
        if not answer.is_success and answer.status not in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
            raise _unusable(answer)

    async def _sign(self) -> None:
        """Write this process's name beside the lease; a failure of that has no effect."""
        await self._send("?comp=metadata", {_HOLDER: self.name, "x-ms-lease-id": self.lease_id})

    async def _holder(self) -> str:
        answer = await self._sent("HEAD", "", {})
        return answer.headers.get(_HOLDER, "")[:_SHOWN]

    async def _send(self, query: str, headers: Mapping[str, str]) -> Answer:
        return await self._sent("PUT", query, {**_EMPTY, **headers})

    async def _sent(self, method: str, query: str, headers: Mapping[str, str]) -> Answer:
        path = urlsplit(self.url).path + query
        sent = {**_VERSION, **headers}
        answer = await self.transport.send(method, path, b"" if method == "PUT" else None, headers=sent)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        await self.transport.tokens.renew("", answer)
        return await self.transport.send(method, path, b"" if method == "PUT" else None, headers=sent)


def _unusable(answer: Answer) -> RejectedError:
    words = answer.service.words(answer)
    fix = "make the container, and give the identity Storage Blob Data Contributor on it"
    return RejectedError(ErrorInfo(words.code, words.message, answer.status, answer.request_id, fix))
