"""The settings of a run, from the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError
from reconciler.secret.text import Secret, SecretUrl
from reconciler.settings import Custom, connection
from tests.live.fact import Need
from tests.live.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.settings import Connection

_HEAD: Final = "RECONCILER_LIVE_"
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GROUP: Final = re.compile(r"[\w.()-]{0,89}[\w()-]", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9]{3,40}")
_SUFFIX: Final = re.compile(r"[0-9]{1,8}|[0-9a-f]{6}")
_LINK: Final = re.compile(r"https?://\S+")
_CONTACT: Final = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Live:
    """
    The settings of one run.

    Attributes:
        stage: Where it plays.
        connection: The ARM, and the way to sign in.
        available: The things that steps may need.
    """

    stage: Stage
    connection: Connection
    available: frozenset[Need]

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Texts that are never printed."""
        links = (each.reveal() for each in (self.stage.package, self.stage.script_link) if each)
        return tuple(Secret(link.partition("?")[2]) for link in links if "?" in link)


def read(values: Mapping[str, str], chance: str) -> Live:
    """
    Return the settings.

    Args:
        values: The environment.
        chance: Six random hexadecimal digits, the suffix of all names unless one is given.

    Raises:
        UsageError: The subscription, the group or the location is not given, or a value is malformed.
    """
    package = _value(values, "PACKAGE", _LINK)
    script = _value(values, "SCRIPT", _LINK)
    stage = Stage(
        subscription=_required(values, "SUBSCRIPTION", _GUID),
        group=_required(values, "GROUP", _GROUP),
        location=_required(values, "LOCATION", _REGION),
        suffix=_value(values, "SUFFIX", _SUFFIX) or chance,
        second_location=_value(values, "SECOND_LOCATION", _REGION),
        package=SecretUrl(package) if package else None,
        contact=_value(values, "CONTACT", _CONTACT),
        script_link=SecretUrl(script) if script else None,
    )
    if stage.second_location == stage.location:
        message = f"{_HEAD}SECOND_LOCATION is the location itself: name another region, or leave it out"
        raise UsageError(message)
    chosen = _connection(values)
    given = {
        Need.PACKAGE: stage.package,
        Need.SCRIPT: stage.script_link,
        Need.SECOND_LOCATION: stage.second_location,
        Need.CONTACT: stage.contact,
        Need.AZURE: not chosen.is_loopback,
    }
    return Live(stage, chosen, frozenset(need for need, value in given.items() if value))


def _connection(values: Mapping[str, str]) -> Connection:
    names = ("AUTHORITY", "AUDIENCE", "BLOB_SUFFIX")
    custom = Custom(*(values.get(f"RECONCILER_{name}") for name in names))
    endpoint, credential = values.get("RECONCILER_ENDPOINT"), values.get("RECONCILER_CREDENTIAL") or "default"
    return connection(values.get("RECONCILER_CLOUD") or "public", endpoint or None, credential, custom)


def _required(values: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    value = _value(values, name, pattern)
    if value is None:
        message = f"{_HEAD}{name} is not set (docs/proved.md)"
        raise UsageError(message)
    return value


def _value(values: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str | None:
    value = values.get(f"{_HEAD}{name}", "").strip()
    if value and not pattern.fullmatch(value):
        message = f"{_HEAD}{name} is malformed (docs/proved.md)"
        raise UsageError(message)
    return value or None
