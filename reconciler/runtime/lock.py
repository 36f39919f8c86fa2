"""Opens the lock of one writer: a file of this machine, or a lease on a blob."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from reconciler.azure.auth import IdentityToken
from reconciler.azure.blobs import SCOPE
from reconciler.azure.credentials import Credentials
from reconciler.azure.lease import BlobLease, lease_transport
from reconciler.errors import UsageError
from reconciler.http.tokens import NoToken
from reconciler.service.file_lock import FileLock
from reconciler.service.keeper import Keeper
from reconciler.service.lock import FOREVER, Terms

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.http.tokens import TokenSource
    from reconciler.manifests.permits import StorageHosts
    from reconciler.settings import Connection, Environment

_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class LockPlace:
    """
    The lock, as the operator names it.

    Attributes:
        file: Of this machine; None for a blob.
        url: Of a blob, without a query; empty for a file.
    """

    file: Path | None = None
    url: str = ""

    def __str__(self) -> str:
        return self.url or f"file:{self.file}"


def check_lock(place: LockPlace, connection: Connection, hosts: StorageHosts) -> None:
    """Raise UsageError if the blob's host may get no token, or there is none for it."""
    if place.file is not None:
        return
    if not hosts.allows(place.url):
        message = f"--lock {place.url}: not a blob of this cloud; name another host of yours by --storage-host"
        raise UsageError(message)
    if connection.credential == "token":
        message = "--lock needs a token for storage, and --credential token holds one for ARM only"
        raise UsageError(message)


def open_lock(place: LockPlace, connection: Connection, environment: Environment, clock: Clock) -> Keeper:
    """Return the keeper of a lock, which has not been acquired."""
    name = f"{platform.node()[:_NAME]}:{os.getpid()}".encode("ascii", "replace").decode()
    if place.file is not None:
        return Keeper(FileLock(place.file, name), FOREVER, clock, str(place))
    endpoint = "/".join(place.url.split("/", 3)[:3])
    tokens = _tokens(connection, environment, clock, place.url)
    transport = lease_transport(endpoint, tokens, clock, environment.values)
    return Keeper(BlobLease(transport, place.url, str(uuid4()), name), Terms(), clock, str(place))


def _tokens(connection: Connection, environment: Environment, clock: Clock, url: str) -> TokenSource:
    if url.startswith("http://"):
        return NoToken(fix="over plain http no token is sent")
    authority, is_private = connection.azure.authority, connection.custom is not None
    credentials = Credentials(connection.credential, authority, environment.values, is_private=is_private)
    return IdentityToken(credentials, SCOPE, clock)
