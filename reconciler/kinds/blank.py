"""
Empty text where text is optional: as good as absent. Pure.

azurerm writes ``""`` for "unset", and whether Azure keeps it or drops it is not known: on neither side it means more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.kinds.trees import transform, walk
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reconciler.kinds.rules import Rule
    from reconciler.values import FieldPath

Text: TypeAlias = tuple[str | int, str]
"""A text and the key that holds it."""


def is_blank(rule: Rule, value: Any) -> bool:
    """Whether *value* is empty text of a property that may be left out."""
    return rule.optional_text and isinstance(value, str) and not value


def blanks(rule: Rule, value: Any, read: Collection[Text] = ()) -> Iterator[FieldPath]:
    """
    Yield where *value* holds empty text that is as good as absent.

    Args:
        rule: Of the value.
        value: A body, or a part of one.
        read: The texts that were read from files, each with its key: an empty file of JSON is a fault of that file.
    """
    for at, child, item in walk(rule, value):
        if is_blank(child, item) and not (at and _is_empty_file(child, at[-1], read)):
            yield at


def without_blanks(rule: Rule, value: Any, read: Collection[Text] = ()) -> Any:
    """Return *value* without the empty text that is as good as absent; the same one if it has none."""
    dropped = frozenset(blanks(rule, value, read))
    if not dropped:
        return value
    return transform(rule, value, lambda _, leaf, path: MISSING if path in dropped else leaf)


def _is_empty_file(rule: Rule, step: str | int, read: Collection[Text]) -> bool:
    return rule.normalize == "json" and (step, "") in read
