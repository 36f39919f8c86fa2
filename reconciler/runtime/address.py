"""The address that a loop listens on, as its option names it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.errors import UsageError
from reconciler.http.origin import folded_host, is_loopback_host

_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """
    The address to listen on.

    Attributes:
        port: 0 lets the system choose.
        anywhere: Whether it may be seen from other machines.
    """

    host: str
    port: int
    anywhere: bool = False


def parse_listen(text: str, *, anywhere: bool) -> Address:
    """
    Return the address that ``HOST:PORT`` names.

    Raises:
        UsageError: It is no such text, or no address of loopback without *anywhere*.
    """
    host, colon, port = text.rpartition(":")
    folded = folded_host(host)
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= len(str(_MOST_PORT)) else -1
    if not colon or folded is None or not 0 <= number <= _MOST_PORT:
        message = f"--listen takes HOST:PORT, such as 127.0.0.1:8080, and not {text!r}"
        raise UsageError(message)
    if not anywhere and not is_loopback_host(folded):
        message = f"--listen {text} can be reached from other machines: name a loopback address, or --listen-anywhere"
        raise UsageError(message)
    return Address(folded, number, anywhere)
