"""
Text that must never be printed, as types whose every readable form hides it.

A secret enters a run in two ways, in a manifest and in an answer of ARM, and is sealed at both doors
(:meth:`Kind.seal`). It leaves in one: the request body, where :func:`reveal` puts the true text back.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

HIDDEN: Final = "(secret)"
HIDDEN_CHANGED: Final = "(secret, changed)"


class Secret:
    """A text whose ``repr``, ``str`` and ``format`` never show it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Seal *text*."""
        self._text = text

    @property
    def shown(self) -> str:
        """What a reader may see."""
        return HIDDEN

    def reveal(self) -> str:
        """Give the true text. For request bodies and headers only."""
        return self._text

    def __repr__(self) -> str:
        return self.shown

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(self.shown, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((type(self), self._text))

    def __reduce__(self) -> NoReturn:
        message = "a secret cannot be pickled or copied to disk"
        raise TypeError(message)

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


class SecretUrl(Secret):
    """
    A link whose query part may hold a signature.

    Attributes:
        base: Scheme, host and path, which may be shown.
        query: The query part without its question mark, sealed; None if there is none.
    """

    __slots__ = ("base", "query")

    def __init__(self, text: str) -> None:
        """Split *text*; user information, query and fragment are never part of *base*."""
        super().__init__(text)
        head, _, rest = text.partition("?")
        self.query = Secret(rest) if rest else None
        self.base = _without_userinfo(head.partition("#")[0])

    @property
    def shown(self) -> str:
        """Scheme, host and path."""
        return self.base

    def with_query(self, query: Secret) -> SecretUrl:
        """Give the same link with another query part, and without a fragment, which no server ever sees."""
        return SecretUrl(f"{self._text.partition('?')[0].partition('#')[0]}?{query.reveal()}")


def _without_userinfo(url: str) -> str:
    if "@" not in url and "[" not in url:  # nearly always
        return url
    try:
        urlsplit(url)
    except ValueError:  # such as an unclosed "[": not a link that anything could follow, so all of it may be secret
        return HIDDEN
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def shown(value: Any) -> Any:
    """Give *value* with every secret in it replaced by what may be shown of it."""
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def reveal(value: Any) -> Any:
    """Give *value* with every secret in it as its true text. For the body of a request only."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


# What is masked may be finished text: nothing here takes a quote, a code span's or a cell's end, a color code, or half
# an escape with it.
_VALUE: Final = r"(?:[^&\s\"'<>`\\\x00-\x1f]|\\[^\s\"'`|nrt])+"
_URL_QUERY: Final = re.compile(rf"(https?://[^\s\"'<>?`\x00-\x1f]+)\?(?:&|{_VALUE})+", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    rf"((?:sig(?:nature)?|access_token|client_secret|password)(?:=|%(?:25)*3d)){_VALUE}", re.IGNORECASE
)
_START: Final = re.compile(r"(?:^|[^a-z]|\\[bfnrt]|\\x..|\\u....|%(?:25)*..|\x1b\[[0-9]+m)\Z", re.IGNORECASE)
"""What may stand before the name of a query parameter: no letter, unless an escape or a color code ends in it."""
_BEARER: Final = re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{16,}")
_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?", re.ASCII)


def scrub(text: str) -> str:
    """
    Give *text* without what looks like a signature, a password, a token or the query of a link, whoever wrote it.

    The one net under what was sealed long before: for what others wrote, before any of it is cut, and for finished
    text. Only what looks like a secret goes, never the text around it.
    """
    text = _URL_QUERY.sub(rf"\1?{HIDDEN}", text)
    text = _PARAMETER.sub(_without_value, text)
    text = _BEARER.sub(f"Bearer {HIDDEN}", text)
    return _TOKEN.sub(HIDDEN, text)


def _without_value(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 8) : found.start()]
    return f"{found[1]}{HIDDEN}" if _START.search(before) else found[0]
