"""
Empty text of optional properties, which counts as absent. Pure.

azurerm writes ``""`` for "unset", and it is unknown whether Azure keeps it: on both sides it counts as absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.kinds.trees import has_empty_text, transform, walk
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reconciler.kinds.rules import Rule
    from reconciler.values import FieldPath

Text: TypeAlias = tuple[str | int, str]
"""A key, and the text it holds."""


def is_blank(rule: Rule, value: Any) -> bool:
    """Return whether *value* is empty text of a property that may be omitted."""
    return rule.optional_text and isinstance(value, str) and not value


def blanks(rule: Rule, value: Any, read: Collection[Text] = ()) -> Iterator[FieldPath]:
    """
    Yield the paths of empty text in *value* that counts as absent.

    Args:
        rule: Of the value.
        value: A body, or a part of one.
        read: The texts that were read from files, each with its key: an empty JSON file is an error, and not absent.
    """
    for at, child, item in walk(rule, value) if has_empty_text(value) else ():
        if is_blank(child, item) and not (at and _is_empty_file(child, at[-1], read)):
            yield at


def without_blanks(rule: Rule, value: Any, read: Collection[Text] = ()) -> Any:
    """Return *value* without the empty text that counts as absent; the same object if there is none."""
    dropped = frozenset(blanks(rule, value, read))
    if not dropped:
        return value
    return transform(rule, value, lambda _, leaf, path: MISSING if path in dropped else leaf)


def _is_empty_file(rule: Rule, step: str | int, read: Collection[Text]) -> bool:
    return rule.normalize == "json" and (step, "") in read
