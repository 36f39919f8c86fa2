"""
Text that must never be printed, as types whose every readable form hides it.

A secret enters a run in two ways, in a manifest and in an answer of ARM, and is sealed at both doors
(:meth:`Kind.seal`). It leaves in one: the request body, where :func:`reveal` puts the true text back.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import groupby
from operator import itemgetter
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, unquote, urlsplit

from reconciler.secret.credential_shapes import named_secrets, spans
from reconciler.secret.invisible import without_invisible
from reconciler.secret.late import late
from reconciler.secret.sensitive_names import is_plain

if TYPE_CHECKING:
    from reconciler.values import FieldPath

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
        """The text that a reader may see."""
        return HIDDEN

    def reveal(self) -> str:
        """Return the true text. For request bodies and headers only."""
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

    def with_query(self, query: Secret | None) -> SecretUrl:
        """Return the same link with another query part or none, and without a fragment, which no server ever sees."""
        plain = self._text.partition("?")[0].partition("#")[0]
        return SecretUrl(f"{plain}?{query.reveal()}" if query is not None else plain)


class FromEnvironment(SecretUrl):
    """
    A text that a manifest takes from an environment variable: all of it is hidden, host and path of a link too.

    Attributes:
        variable: The name, which may be shown.
        is_set: Whether the variable has a value.
    """

    __slots__ = ("is_set", "variable")

    def __init__(self, variable: str, value: Secret | None) -> None:
        """Hide *value*; None where the variable is not set."""
        super().__init__(value.reveal() if value is not None else f"$env:{variable}")
        self.variable = variable
        self.is_set = value is not None

    @property
    def shown(self) -> str:
        """Nothing of it."""
        return HIDDEN

    def reveal(self) -> str:
        """
        Return the true text. For request bodies only.

        Raises:
            LookupError: The variable is not set.
        """
        if not self.is_set:
            message = f"the variable {self.variable} is not set"
            raise LookupError(message)
        return super().reveal()

    def with_query(self, query: Secret | None) -> SecretUrl:
        """Return the same link with another query part or none, hidden as before."""
        return FromEnvironment(self.variable, super().with_query(query))


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
    """Return *value* with every secret in it replaced by its printable form."""
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def printable(value: Any, path: FieldPath = ()) -> Any:
    """
    Return *value* in printable form: without secrets, values that look like one, and values that are named so.

    Args:
        value: JSON in which secrets may be sealed; anything else is returned as it is.
        path: Its place: the last steps name it.
    """
    return _Hiding().value(value, path)


def printable_pair(observed: Any, desired: Any, path: FieldPath = ()) -> tuple[Any, Any]:
    """Return both sides of a difference as they may be printed; a secret that differs is shown as changed."""
    hiding = _Hiding()
    left = hiding.value(observed, path)
    is_there = observed is not None and not isinstance(observed, Enum)
    right = (_Hiding(frozenset(hiding.found)) if is_there else _Hiding()).value(desired, path)
    if isinstance(observed, Secret) and isinstance(desired, Secret) and left == right:
        return HIDDEN, HIDDEN_CHANGED
    if isinstance(left, str) and left == right and HIDDEN in left and observed != desired:
        return left, HIDDEN_CHANGED
    return left, right


def credentials_in(value: Any, path: FieldPath = ()) -> frozenset[Secret]:
    """Return the unsealed values in *value* that look like a credential, or are named so."""
    hiding = _Hiding()
    hiding.value(value, path)
    return frozenset(map(Secret, hiding.found))


def without_credentials(value: Any, path: FieldPath, instead: str) -> Any:
    """Return JSON with *instead* in place of values that look like a credential, or are named so; other links stay."""
    return _Hiding(instead=instead).value(value, path)


class _Hiding:
    """
    Hides credentials in one value.

    Attributes:
        found: The texts that were hidden.
    """

    def __init__(self, known: frozenset[str] | None = None, instead: str | None = None) -> None:
        """Hide secrets, or replace them by *instead*; with *known* values, other ones are shown as changed."""
        self._known = known
        self._instead = instead
        self._named: dict[FieldPath, str] = {}
        self.found: set[str] = set()

    def value(self, value: Any, path: FieldPath) -> Any:
        """Return JSON as it may be printed."""
        self._named = dict(named_secrets(value, path))
        return self._value(value, path)

    def _value(self, value: Any, path: FieldPath) -> Any:
        if isinstance(value, Secret):
            return value.shown
        if path in self._named:
            return self._hidden(str(value))
        if isinstance(value, str):
            text = _without(value, self._hidden)
            return scrub(text) if self._instead is None else text
        if isinstance(value, Mapping):
            return {scrub(str(key)): self._value(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _hidden(self, text: str) -> str:
        self.found.add(text)
        if self._instead is not None:
            return self._instead
        return HIDDEN if self._known is None or text in self._known else HIDDEN_CHANGED


def _without(text: str, hidden: Callable[[str], str]) -> str:
    """Return *text* with every credential in it replaced by the result of *hidden*."""
    found = spans(text)
    if not found:
        return text
    parts, at = [], 0
    for span in found:
        parts += [text[at : span.start], hidden(text[span.start : span.end])]
        at = span.end
    return "".join([*parts, text[at:]])


def reveal(value: Any) -> Any:
    """Return *value* with every secret in it as its true text. For the body of a request only."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def is_plain_link(secret: Secret) -> bool:
    """Return whether all of a link may be shown."""
    return type(secret) is SecretUrl and secret.base == secret.reveal()


def holds_secret(value: Any) -> bool:
    """Return whether any part of a sealed value may not be shown."""
    return any(not is_plain_link(each) for each in secrets_in(value))


def secrets_in(value: Any) -> Iterator[Secret]:
    """Yield every secret in *value*."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        yield from (found for item in value.values() for found in secrets_in(item))
    elif isinstance(value, list):
        yield from (found for item in value for found in secrets_in(item))


# The text may be finished output: no pattern here takes a quote, a code span's or a cell's end, a color code, or half
# an escape with it.
_VALUE: Final = r"(?:[^&\s\"'<>`\\\x00-\x1f]|\\[^\s\"'`|nrt])+"
# A link without a query, and a word without the rest of a token, is matched too and kept: so it is looked at once, and
# not once for every place in it where another one could begin.
_URL: Final = late(rf"(https?:(?:\\?/){{2}}[^\s\"'<>?`\x00-\x1f]+)(\?(?:&|{_VALUE})+)?", re.IGNORECASE)
_ENCODED_QUERY: Final = late(
    r"(https?%(?:25)*3a(?:%(?:25)*2f|/){2}[\w.~%/+-]{1,1000}?%(?:25)*3f)[\w.~%/+-]+", re.IGNORECASE | re.ASCII
)
_PARAMETER: Final = late(
    r"((?:sig(?:nature)?|access_token|client_secret|password|account_?key|shared_?access_?key)"
    r"(?:=|%(?:25)*3d|\\+u003d|&(?:\#61|\#x3d|equals);))"
    rf"(?:{_VALUE}|&\#x?[0-9a-f]{{1,6}};)+",
    re.IGNORECASE,
)
_PARAMETERS: Final = ("sig", "token", "secret", "password", "key")
_START: Final = late(r"(?:^|[^a-z]|\\[bfnrt]|\\x..|\\u....|%(?:25)*..|\x1b\[[0-9]+m)\Z", re.IGNORECASE)
"""The text before the name of a query parameter: no letter, unless an escape or a color code ends in it."""
_BEARER: Final = late(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{16,}")
_BASE64_HEADS: Final = ("aHR0cHM6Ly", "h0dHBzOi8v", "odHRwczovL")
_BASE64_LINK: Final = late(rf"(?:{'|'.join(_BASE64_HEADS)})[\w+/=-]*", re.ASCII)
"""``https://`` in base64, at any place in the encoded text, and the rest of the text."""
_TOKEN: Final = late(r"eyJ[\w-]{8,}(\.eyJ[\w-]{8,}(?:\.[\w-]*)?)?", re.ASCII)


def scrub(text: str) -> str:
    """
    Return *text* without anything that looks like a signature, a password, a token or the query of a link.

    The second line of defense, after sealing: for texts of others, before they are cut, and for finished output. Only
    text that looks like a secret is removed, never the text around it.
    """
    text = _without(text, lambda _: HIDDEN)
    if without_invisible(text) is text:
        return _scrub(text)
    return "\n".join(map(_scrub_bare, text.split("\n")))


def _scrub_bare(line: str) -> str:
    """Return a line scrubbed; without its invisible characters if they hide a secret."""
    line = _scrub(line)
    bare = without_invisible(line)
    scrubbed = _scrub(bare)
    return line if scrubbed == bare else scrubbed


def _scrub(text: str) -> str:
    lower = text.lower()
    if "?" in text:
        text = _URL.sub(lambda found: f"{found[1]}?{HIDDEN}" if found[2] else found[0], text)
    if "%" in text:
        text = _ENCODED_QUERY.sub(rf"\1{HIDDEN}", text)
    if any(name in lower for name in _PARAMETERS):
        text = _PARAMETER.sub(_without_value, text)
    if any(head in text for head in _BASE64_HEADS):
        text = _BASE64_LINK.sub(HIDDEN, text)
    if "bearer" in lower:
        text = _BEARER.sub(f"Bearer {HIDDEN}", text)
    return _TOKEN.sub(lambda found: HIDDEN if found[1] else found[0], text) if "eyJ" in text else text


def scrub_and_cut(text: str, most: int) -> str:
    """Return *text* scrubbed, and then cut to *most* characters: half a secret has no shape to recognize it by."""
    text = scrub(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _without_value(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 8) : found.start()]
    value = found[0].removeprefix(found[1])
    is_shown = value.startswith("(secret") or (not found[1].lower().startswith("sig") and is_plain(value))
    return f"{found[1]}{HIDDEN}" if _START.search(before) and not is_shown else found[0]


_PIECE: Final = 12
"""Minimum length of a secret that is distinguished from ordinary words."""
_LEAST: Final = 6
"""Of a secret that is shorter than a piece: only as a whole, and as a word of its own."""
_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)  # nothing else keeps every character in its place


def scrub_known(text: str, secrets: Iterable[Secret]) -> str:
    """
    Return *text* without any piece of *secrets*, however it is written there: percent-encoded, JSON, HTML, base64, cut.

    For the answers of a service to a request that contained them: :func:`scrub` cannot recognize every secret.
    """
    pieces = {piece for secret in secrets for piece in _hidden_pieces(secret)}
    lower = text.translate(_LOWER)
    hidden = bytearray(len(text))
    for at in range(len(text) - _PIECE + 1):
        if lower[at : at + _PIECE] in pieces:
            hidden[at : at + _PIECE] = b"\1" * _PIECE
    for word in (piece for piece in pieces if len(piece) < _PIECE):
        for at in _words(lower, word):
            hidden[at : at + len(word)] = b"\1" * len(word)
    runs = groupby(zip(text, hidden, strict=True), key=itemgetter(1))
    return "".join(HIDDEN if is_hidden else "".join(char for char, _ in run) for is_hidden, run in runs)


def quotable_in(body: Any) -> frozenset[Secret]:
    """Return what Azure may quote of a body that was sent: what is sealed in it, and what looks like a credential."""
    sealed = (each for each in secrets_in(body) if not isinstance(each, FromEnvironment) or each.is_set)
    return frozenset(sealed) | credentials_in(body)


def without_known(value: Any, secrets: Iterable[Secret]) -> Any:
    """Return JSON without any piece of *secrets* in its texts."""
    if isinstance(value, str):
        return scrub_known(value, secrets)
    if isinstance(value, Mapping):
        return {key: without_known(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [without_known(item, secrets) for item in value]
    return value


def _words(text: str, word: str) -> Iterator[int]:
    """Yield the places of *word* without a letter or digit before or after it."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
            yield at
            at = text.find(word, end)
        else:
            at = text.find(word, at + 1)


def _hidden_pieces(secret: Secret) -> set[str]:
    """Return the hidden pieces of a secret, in every form."""
    return _pieces(secret.reveal()) - _pieces(secret.shown)


def _pieces(text: str) -> set[str]:
    return {
        form[at : at + _PIECE]
        for form in (form.translate(_LOWER) for form in _forms(text))
        if len(form) >= _LEAST
        for at in range(max(1, len(form) - _PIECE + 1))
    }


def _forms(text: str) -> Iterator[str]:
    """Yield *text* as others write it."""
    for plain in (text, unquote(text)):
        yield from (plain, json.dumps(plain)[1:-1], plain.translate(_JSON_OF_DOTNET), plain.translate(_HTML))
        once = (quote(plain, errors="replace"), quote(plain, safe="", errors="replace"))
        yield from (*once, *map(quote, once))
        for shift in range(3):  # of the text before it, in the encoded text
            content = bytes(shift) + plain.encode("utf-8", "replace")
            code = binascii.b2a_base64(content, newline=False).decode()
            own = code[-(-8 * shift // 6) : 8 * len(content) // 6]  # the part that does not depend on its neighbors
            yield from (own, own.translate(_BASE64_OF_URLS))


_JSON_OF_DOTNET: Final = {ord(char): f"\\u{ord(char):04x}" for char in "&'+<>\""}
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_BASE64_OF_URLS: Final = str.maketrans("+/", "-_")
