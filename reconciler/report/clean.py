"""
Texts of a view made safe to show, all of them in one pass, so that no field can be forgotten. Pure.

For programs, secrets are masked and nothing else changes. For people, a text is also bounded, and each character in it
is visible and on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from operator import is_
from typing import Any, Final, TypeVar

from reconciler.report.escape import masked, visible
from reconciler.report.view import Made
from reconciler.secret.text import Secret
from reconciler.values import MISSING

T = TypeVar("T")
_LONGEST: Final = 20_000
"""Characters of one text in a view for people."""
_MOST_KNOWN: Final = 10_000
"""Texts that are remembered, as they may repeat."""
_SEQUENCES: Final = frozenset({tuple, Made})
_PLAIN: Final = frozenset({int, bool, float, type(None)})


def for_programs(value: T) -> T:
    """Return *value* with every text in it masked."""
    made: T = _Cleaned(masked)(value)
    return made


def for_people(value: T, longest: int = _LONGEST) -> T:
    """Return *value* with every text in it masked, cut to *longest* characters, and visible."""
    made: T = _Cleaned(lambda text: _shown(_cut(masked(text), longest)))(value)
    return made


def _shown(text: str) -> str:
    """Return *text* visible; escapes may complete the shape of a secret, so it is masked once more."""
    seen = visible(text)
    return seen if seen == text else masked(seen)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


class _Cleaned:
    """Copies plain data with every text cleaned; a part that is clean already is the same object."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._known: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind in _PLAIN or value is MISSING:
            return value
        if kind in _SEQUENCES:
            return self._sequence(value) if value else value
        if is_dataclass(kind):
            return self._record(value, _names(kind))
        if kind is list:
            return [self(each) for each in value]
        if isinstance(value, Mapping):
            made = {self._text(name): self(each) for name, each in value.items()}
            return made if made or kind is not dict else value
        if isinstance(value, str):  # a word of an enumeration
            return str(value)
        if isinstance(value, int):  # the status of an answer in process is an enumeration's, too
            return int(value)
        if isinstance(value, Secret):
            return self._text(value.shown)
        message = f"{kind.__name__} is no JSON"
        raise TypeError(message)

    def _record(self, value: Any, names: tuple[str, ...]) -> Any:
        changed = {}
        for name in names:
            old = getattr(value, name)
            new = self(old)
            if new is not old:
                changed[name] = new
        return replace(value, **changed) if changed else value

    def _sequence(self, value: tuple[Any, ...] | Made[Any]) -> tuple[Any, ...] | Made[Any]:
        if isinstance(value, Made):
            return value.then(self)
        made = tuple([self(each) for each in value])
        return value if all(map(is_, made, value)) else made

    def _text(self, text: str) -> str:
        """Return a text, cleaned once if it repeats."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[text] = self._clean(text)
        return text if known == text else known


@lru_cache
def _names(kind: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass."""
    return tuple(field.name for field in fields(kind))
