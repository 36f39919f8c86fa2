"""Times in which nothing is sent, of one scope or of all requests. Time and chance are arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from reconciler.errors import ErrorInfo

EVERYBODY: Final = "everybody"
"""The key of the window that holds up all requests."""
_LONGEST_S: Final = 86_400.0
_LONGEST_SPREAD_S: Final = 10.0


@dataclass(slots=True)
class Window:
    """
    A time in which nothing is sent. At its end one request goes first; the others follow when its answer may be there.

    Attributes:
        until: Its end, in monotonic seconds.
        seconds: Its length.
        refused: The error for a request that does not wait so long; None where every request waits.
        is_led: Whether a request has been chosen to go first.
    """

    until: float
    seconds: float
    refused: ErrorInfo | None = None
    is_led: bool = False

    def place(self, chance: Random) -> float:
        """Return when the next of the waiting requests may be sent."""
        if not self.is_led:
            self.is_led = True
            return self.until
        spread = min(_LONGEST_SPREAD_S, self.seconds)
        return self.until + chance.uniform(spread / 10, spread)


@dataclass(slots=True)
class Windows:
    """The windows of all clients of one process, by scope."""

    _held: dict[Hashable, Window] = field(default_factory=dict)

    def hold(self, key: Hashable, now: float, seconds: float, refused: ErrorInfo | None = None) -> None:
        """Hold requests up for *seconds*, unless a window of *key* already ends later."""
        seconds = min(seconds, _LONGEST_S)
        until = now + seconds
        held = self._held.get(key)
        if held is None or until > held.until:
            self._held[key] = Window(until, seconds, refused)

    def holds(self, key: Hashable, now: float) -> bool:
        """Return whether a window of *key* is open."""
        held = self._held.get(key)
        return held is not None and held.until > now

    def open_for(self, scope: Hashable, now: float) -> Window | None:
        """Return the window that holds a request of *scope* up the longest; None where it may be sent."""
        if not self._held:
            return None
        held = (self._held.get(EVERYBODY), self._held.get(scope))
        return max((each for each in held if each and each.until > now), key=lambda each: each.until, default=None)
