"""
The one definition of which requests stay on this machine, and of which two URLs have the same origin. Pure.

Credentials, proxies and plain http depend on it. A URL that two parsers may read differently has no origin: it equals
no other URL, and is not on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from string import ascii_lowercase, digits
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"https": 443, "http": 80}
_NAME: Final = frozenset(ascii_lowercase + digits + "-._")
_LONGEST: Final = 253


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Parts of a URL that must be the same for a credential to be sent.

    Attributes:
        scheme: ``https`` or ``http``.
        host: In lower case, without brackets and without the period that may end a full name.
        port: As written, else that of the scheme.
    """

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback_host(self.host)

    @property
    def is_safe(self) -> bool:
        """Whether a credential on the way there is encrypted, or does not leave this machine."""
        return self.scheme == "https" or self.is_loopback


def origin_of(url: str) -> Origin | None:
    """Return the origin of *url*; None where it has user information, or is no plain http or https URL."""
    if "\\" in url or any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = folded_host(parts.hostname or "")
    if parts.scheme not in _PORTS or "@" in parts.netloc or not parts.netloc.isascii() or host is None:
        return None
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


def is_same_origin(first: str, second: str) -> bool:
    """Return whether two URLs lead to the same scheme, host and port."""
    origin = origin_of(first)
    return origin is not None and origin == origin_of(second)


def is_loopback(url: str) -> bool:
    """Return whether *url* leads to this machine."""
    origin = origin_of(url)
    return origin is not None and origin.is_loopback


def is_loopback_host(host: str) -> bool:
    """Return whether *host*, a name or an address with or without brackets, is this machine."""
    folded = folded_host(host)
    if folded is None or folded == "localhost":
        return folded is not None
    try:
        address = ip_address(folded)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def folded_host(host: str) -> str | None:
    """Return *host* in the spelling in which hosts are compared; None for anything but an ASCII host."""
    host = host.removeprefix("[").removesuffix("]")
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError:
            return None
        return None if address.scope_id else address.compressed
    host = host.lower().removesuffix(".") if host.isascii() else ""
    return host if host and len(host) <= _LONGEST and set(host) <= _NAME and "" not in host.split(".") else None
