"""Looks whether a round may write, at its start and again before each PUT: at the clock, the hold file and the lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import PathError
from reconciler.model.outcome import always
from reconciler.service.holds import held_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.manifests.windows import Window
    from reconciler.model.outcome import Held

_MOST_BYTES: Final = 4096


@dataclass(slots=True)
class Gate:
    """
    The permission of one round.

    Attributes:
        hold_file: While there is anything at this path, nothing is written; None for no such path.
        lock: Returns why the lock does not allow to write; None where it does.
        schedule: Windows of the project file, once it is read.
        withheld: Why the first PUT was withheld that was; None where none was.
    """

    clock: Clock
    hold_file: Path | None = None
    lock: Callable[[], Held | None] = always
    schedule: Sequence[Window] = ()
    withheld: Held | None = None

    def held(self) -> Held | None:
        """Return why nothing may be written now; None where it may."""
        return held_by(self._hold(), self.schedule, self.lock(), self.clock.now())

    def permit(self) -> Held | None:
        """Return the same just before a PUT, and remember it for the report."""
        held = self.held()
        self.withheld = self.withheld or held
        return held

    def _hold(self) -> str | None:
        """Return the text of the hold file; one that cannot be read holds too."""
        if self.hold_file is None:
            return None
        try:
            if not filesystem.is_there(self.hold_file):
                return None
            return filesystem.read(self.hold_file, _MOST_BYTES).decode("utf-8", "replace")
        except PathError:
            return ""
