"""
Normal forms, by the names of ``x-normalize``: two spellings of one value have the same one.

Every function is total and idempotent: a value that it cannot read is its own normal form, so that an unexpected answer
is a difference and not a crash.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from reconciler.json.template import strict_json
from reconciler.secret.text import FromEnvironment, Secret, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DEFAULT_PORT: Final = {"https": ":443", "http": ":80"}


def region(value: str) -> str:
    """Return the folded name of a region, known or not: "East US 2" is "eastus2"."""
    return value.replace(" ", "").lower()


def resource_id(value: str) -> str:
    """Return the folded form of a resource id: ARM compares ids without case."""
    return value.rstrip("/").lower()


def instant(value: str) -> str:
    """Return an RFC 3339 time in UTC, its fraction kept to the last digit that is not zero (ARM answers seven)."""
    parsed = parse_instant(value)
    if parsed is None:
        return value
    moment, fraction = parsed
    return f"{moment.replace(tzinfo=None).isoformat()}{'.' + fraction if fraction else ''}Z"


def parse_instant(value: str) -> tuple[datetime, str] | None:
    """Return the moment in whole seconds of UTC and the digits of its fraction; None if *value* is no RFC 3339 time."""
    match = _INSTANT.fullmatch(value)
    if match is None:
        return None
    date, clock, fraction, offset = match.groups()
    try:
        local = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=UTC)
        return local - _offset(offset), (fraction or "").rstrip("0")
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> timedelta:
    if text in "Zz":
        return timedelta()
    sign = -1 if text[0] == "-" else 1
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 (RFC 3339, section 5.6)
        message = f"{text} is no offset"
        raise ValueError(message)
    return sign * timedelta(hours=hours, minutes=minutes)


def json_text(value: Any) -> Any:
    """Return the JSON in *value*: text is parsed, except JSON that is a mere text; other values stay."""
    if not isinstance(value, str):
        return value
    try:
        meant = parse_json(value)
    except ValueError:
        return value
    return value if isinstance(meant, str) else meant


def parse_json(text: str) -> Any:
    """
    Return the JSON in the text of a template, with the comments, trailing commas and line breaks that ARM accepts.

    Raises:
        TemplateError: It is no JSON, or a key stands twice in an object.
    """
    try:
        return _loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):  # not strict: the slower reader accepts it, or names the place of the fault
        strict = strict_json(text)
    return _loads(strict)


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)


def is_deeper_than(value: Any, most: int) -> bool:
    """Return whether JSON is nested deeper than *most* levels; without recursion, as *value* may be hostile."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(most):
        if not level:
            return False
        below = (node.values() if isinstance(node, dict) else node for node in level)
        level = [item for items in below for item in items if isinstance(item, (dict, list))]
    return bool(level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that repeats a key: readers differ in whether the first or the last value counts."""
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            message = "a key is written twice in one object"
            raise ValueError(message)
        value[key] = item
    return value


def _refuse(name: str) -> NoReturn:
    message = f"{name} is no JSON"  # which Python reads
    raise ValueError(message)


def blob_url(value: str) -> str:
    """Return scheme, host and path: signatures change, services may strip them, and they do not change the blob."""
    base = value.partition("?")[0].partition("#")[0]
    scheme, separator, rest = base.partition("://")
    if not separator:
        return base
    host, slash, path = rest.partition("/")
    scheme, host = scheme.lower(), host.lower()
    while host.endswith(port := _DEFAULT_PORT.get(scheme, ":")):
        host = host.removesuffix(port)
    return f"{scheme}://{host}{slash}{path}"


def is_same_place(stated: Any, live: Any) -> bool:
    """Return whether *stated* is a link without a query to the blob of *live*, whose query then stays."""
    if not isinstance(stated, SecretUrl) or stated.query is not None or not isinstance(live, SecretUrl):
        return False
    return blob_url(live.base) == blob_url(stated.base)


_FORMS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "region": region,
        "resource-id": resource_id,
        "instant": instant,
        "json": json_text,
        "blob-url": blob_url,
        "case-insensitive": str.casefold,
    }
)
NAMES: Final = frozenset(_FORMS)


def normalize(name: str | None, value: Any) -> Any:
    """
    Return the form in which *value* is compared.

    Args:
        name: The ``x-normalize`` of the leaf; None compares as written.
        value: A leaf. A secret one gives a form that shows nothing of it.
    """
    if isinstance(value, Secret):
        return _sealed(name, value)
    if not isinstance(value, str):
        return value
    value = without_mark(value)
    return value if name is None else _FORMS[name](value)


def without_mark(text: str) -> str:
    """Return *text* without byte order marks at its start, which are no part of the content."""
    return text.lstrip("\ufeff")


def _sealed(name: str | None, value: Secret) -> str:
    import hashlib  # noqa: PLC0415 (slow to import, and few leaves are secret)

    if isinstance(value, FromEnvironment) and not value.is_set:
        return value.base  # the name of its variable, which equals no value
    if name == "blob-url" and isinstance(value, SecretUrl):
        return blob_url(value.base)
    return "sha256:" + hashlib.sha256(value.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """
    Return the canonical JSON text of *value*: sorted keys, no spaces, integers exact and told from decimals.

    The standard library's encoder on purpose: it is exact for integers of any size.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
