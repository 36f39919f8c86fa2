"""
Values that follow from the files of a loop's last reading, made anew only where a file has changed. Pure.

A file with the content of the last reading gives its documents again, the same objects, and each value that follows
from one document alone is the same too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.manifests.sound import Sound

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Made:
    """A value, and everything that it was made of; *source* is kept, so no other object has its identity."""

    source: object
    given: object
    value: Any


@dataclass(slots=True)
class Memo:
    """
    The values of this reading and of the last one; older ones are forgotten.

    Attributes:
        keeps: Whether anything is remembered: not in a process that reads once.
        sound: Documents that need no check; None where none are known.
        made: How many values were made, and not remembered.
    """

    keeps: bool = True
    sound: Sound | None = None
    made: int = 0
    _this: dict[object, _Made] = field(default_factory=dict, repr=False)
    _last: dict[object, _Made] = field(default_factory=dict, repr=False)

    def turn(self) -> None:
        """Begin another reading."""
        self._this, self._last = {}, self._this

    def of_content(self, key: object, make: Callable[[], T]) -> T:
        """Return what *make* does, now or for an equal *key*, which names a content and everything else it needs."""
        return self._once(key, None, None, make)

    def of_object(self, source: object, given: object, make: Callable[[], T]) -> T:
        """Return what *make* does, now or for the same object *source* and an equal *given*."""
        return self._once((type(source), id(source)), source, given, make)

    def _once(self, key: object, source: object, given: object, make: Callable[[], T]) -> T:
        if not self.keeps:
            return make()
        found = self._this.get(key) or self._last.get(key)
        if found is None or found.source is not source or found.given != given:
            self.made += 1
            found = _Made(source, given, make())
        self._this[key] = found
        value: T = found.value
        return value
