"""
The newest api-version that Azure answers, learned from its refusals: for each kind and subscription, during one run.

Reads ask for the newest version of a kind, so that no leaf is hidden. A cloud that does not know it is asked for the
next lower one, and remembered: for an hour, or until the next apply begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from reconciler.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from reconciler.errors import ErrorInfo

T = TypeVar("T")
Key: TypeAlias = tuple[str, str]
"""The name of a kind, and a subscription."""
_UNKNOWN: Final = frozenset(
    {"NoRegisteredProviderFound", "InvalidApiVersionParameter", "UnsupportedApiVersion", "InvalidResourceType"}
)
"""Codes of a cloud that does not know an api-version ("Resolve errors for resource providers", learn.microsoft.com)."""
REMEMBERED_S: Final = 3600.0
"""For so long a refused version is not asked for again."""


@dataclass(slots=True)
class _Known:
    """
    The versions of one kind that one subscription knows.

    Attributes:
        ladder: The versions of the kind, ascending.
        read: The newest version that was not refused to a read.
        written: The newest version that was not refused to a PUT.
        lagging_from: Monotonic seconds of the first refusal; None without one.
        is_refused: Whether even the lowest version was refused: then it is no version that the cloud lacks.
    """

    ladder: Sequence[str]
    read: str
    written: str
    lagging_from: float | None = None
    is_refused: bool = False

    def lower(self, version: str) -> str | None:
        """Return the next lower version; None at the lowest."""
        place = self.ladder.index(version)
        return self.ladder[place - 1] if place else None

    def falls(self, version: str, error: ErrorInfo, now: float) -> bool:
        """Return whether a read that was refused at *version* is to be sent again, at a lower one."""
        lower, is_unknown = self.lower(version), is_version_unknown(error)
        self.is_refused = is_unknown and lower is None
        if not is_unknown or lower is None:
            return False
        if self.read == version:  # else a read beside this one was refused the same version
            self.read, self.lagging_from = lower, self.lagging_from or now
        return True


@dataclass(slots=True)
class Versions:
    """The api-versions that are known of each kind in each subscription."""

    _known: dict[Key, _Known] = field(default_factory=dict)

    async def read(self, key: Key, ladder: Sequence[str], now: float, send: Callable[[str], Awaitable[T]]) -> T:
        """
        Return the answer at the newest version that Azure knows.

        Args:
            key: Name of the kind, and the subscription.
            ladder: The versions of the kind, ascending.
            now: Monotonic seconds.
            send: Sends the read at a version.

        Raises:
            RequestError: Of any other cause, or at the lowest version.
        """
        known = self._of(key, ladder, now)
        while True:
            version = known.read
            try:
                answer = await send(version)
            except RequestError as error:
                if not known.falls(version, error.info, now):
                    raise
            else:
                known.is_refused = False
                return answer

    def writable(self, key: Key, ladder: Sequence[str], now: float) -> str:
        """Return the newest version at which a PUT may be sent."""
        known = self._of(key, ladder, now)
        return min(known.read, known.written)

    def refuse_write(self, key: Key, ladder: Sequence[str], version: str, now: float) -> str | None:
        """
        Record that a PUT was refused at *version*, and return the newest version that is left; None if there is none.

        Reads are not affected: they go on at the newest version that answers them, so that they hide nothing.
        """
        known = self._of(key, ladder, now)
        lower = known.lower(version)
        if lower is not None and lower < known.written:
            known.written, known.lagging_from = lower, known.lagging_from or now
        return lower

    def forget(self) -> None:
        """Forget all refusals: requests use the newest versions again."""
        self._known.clear()

    def answered(self) -> dict[Key, str]:
        """Return the newest version that is read and written, by kind and subscription."""
        return {key: min(known.read, known.written) for key, known in self._known.items() if not known.is_refused}

    def lacking(self) -> tuple[Key, ...]:
        """Return the kinds, each with a subscription, of which even the lowest version was refused."""
        return tuple(sorted(key for key, known in self._known.items() if known.is_refused))

    def _of(self, key: Key, ladder: Sequence[str], now: float) -> _Known:
        known = self._known.get(key)
        if known is None or (known.lagging_from is not None and now - known.lagging_from >= REMEMBERED_S):
            known = self._known[key] = _Known(ladder, ladder[-1], ladder[-1])
        return known


def is_version_unknown(error: ErrorInfo) -> bool:
    """Return whether a service refused a request because it does not know the api-version."""
    # While a provider is rolled out, Compute names the parameter instead (azure-cli#21572).
    is_parameter = error.code == "InvalidParameter" and "api-version" in error.targets
    return error.code in _UNKNOWN or is_parameter
