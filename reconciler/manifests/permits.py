"""
The operator's decisions: hosts that may get a signature, scopes that manifests may name, values of secrets. Pure.

They come from flags and variables. Manifests and the project file may be a stranger's, and only request them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote

from reconciler.errors import UsageError
from reconciler.http.origin import folded_host, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.secret.text import Secret

SECRET_PREFIX: Final = "RECONCILER_SECRET_"  # noqa: S105 (a name, and no value)
"""Of the variables that a manifest or a project file may name; no CI system names a secret of its own like that."""
BLOB_HOSTS: Final = (".blob.core.windows.net", ".blob.storage.azure.net")
"""Of the public cloud."""
_ZONED: Final = ".blob.storage.azure.net"
"""Its accounts have the zone's name after theirs ("Storage account overview", Azure DNS zone endpoints)."""
_SIGNED: Final = frozenset({"sv", "se", "sig"})
_ACCOUNT: Final = frozenset(ascii_lowercase + digits + "-")
_SCOPE: Final = ("subscriptions", "resourcegroups")


@dataclass(frozen=True, slots=True)
class StorageHosts:
    """
    The hosts that may get a signature, or a token for storage.

    Attributes:
        suffixes: How the names of the cloud's own blob hosts end; an account's name comes before.
        named: Hosts that the operator names, each with its port; None for any.
    """

    suffixes: tuple[str, ...] = BLOB_HOSTS
    named: frozenset[tuple[str, int | None]] = frozenset()

    def allows(self, url: str) -> bool:
        """Whether *url* leads to one of them, and over plain http to none but a named one on this machine."""
        origin = origin_of(url)
        if origin is None or not origin.is_safe:
            return False
        if {(origin.host, None), (origin.host, origin.port)} & self.named:
            return True
        return origin.scheme == "https" and any(_is_account(origin.host, suffix) for suffix in self.suffixes)


def _is_account(host: str, suffix: str) -> bool:
    if not host.endswith(suffix):
        return False
    account, *zone = host.removesuffix(suffix).split(".")
    is_zoned = suffix == _ZONED and len(zone) == 1 and zone[0].startswith("z") and zone[0][1:].isdecimal()
    return bool(account) and set(account) <= _ACCOUNT and (not zone or is_zoned)


def storage_hosts(suffixes: tuple[str, ...], named: Sequence[str]) -> StorageHosts:
    """
    Return the hosts that may get a signature.

    Args:
        suffixes: Of the cloud.
        named: HOST or HOST:PORT, as the operator writes them.

    Raises:
        UsageError: One of them is no host.
    """
    return StorageHosts(suffixes, frozenset(map(_named_host, named)))


def _named_host(text: str) -> tuple[str, int | None]:
    bare = folded_host(text)
    if bare is not None:
        return bare, None
    origin = origin_of(f"https://{text}") if not {"/", "?", "#"} & set(text) else None
    if origin is None:
        message = f"--storage-host {text!r} is not a host: write HOST or HOST:PORT, such as storage.example.net"
        raise UsageError(message)
    return origin.host, origin.port if not text.endswith(("]", ":")) else None


@dataclass(frozen=True, slots=True)
class Scopes:
    """
    The subscriptions and resource groups that manifests may name.

    Attributes:
        ids: Folded; none is any.
    """

    ids: tuple[str, ...] = ()

    def hold(self, resource_id: str) -> bool:
        """Whether a resource, by its folded id, is in one of them."""
        return not self.ids or any(resource_id == scope or resource_id.startswith(f"{scope}/") for scope in self.ids)

    def reach(self, resource_id: str) -> bool:
        """Whether one of them is in the subscription of a resource."""
        subscription = "/".join(resource_id.split("/", 3)[:3])
        return any(scope == subscription or scope.startswith(f"{subscription}/") for scope in self.ids)


def scopes(texts: Sequence[str]) -> Scopes:
    """
    Return the scopes that the operator allows.

    Args:
        texts: ``/subscriptions/ID``, ``/subscriptions/ID/resourceGroups/NAME``, or the ID of a subscription.

    Raises:
        UsageError: One of them is something else.
    """
    return Scopes(tuple(map(_scope, texts)))


def _scope(text: str) -> str:
    parts = text.removesuffix("/").split("/")
    parts = parts[1:] if text.startswith("/") else ["subscriptions", text] if len(parts) == 1 else []
    names = tuple(name.lower() for name in parts[::2])
    if not parts or len(parts) % 2 or names != _SCOPE[: len(names)] or not all(parts):
        message = (
            f"--allowed-scope {text!r} is not a subscription or resource group: write /subscriptions/ID, or"
            " /subscriptions/ID/resourceGroups/NAME"
        )
        raise UsageError(message)
    return "".join(f"/{quote(part, safe='()')}" for part in parts).lower()


@dataclass(frozen=True, slots=True)
class Permits:
    """
    The operator's permissions for one run.

    Attributes:
        secrets: By the name of their variable, those that *SECRET_PREFIX* begins.
    """

    storage: StorageHosts = field(default_factory=StorageHosts)
    scopes: Scopes = field(default_factory=Scopes)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)


def is_signature(text: str) -> bool:
    """Return whether *text* is the query of a signed link: it has a version, an end and a signature."""
    if not text.isascii() or any(character <= " " or character in "#?\x7f" for character in text):
        return False
    return {name for name, value in parse_qsl(text) if value} >= _SIGNED
