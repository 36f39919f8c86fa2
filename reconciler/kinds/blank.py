"""
Empty text where text is optional: as good as absent. Pure.

azurerm writes ``""`` for "unset", and whether Azure keeps it or drops it is not known: on neither side it means more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.kinds.rules import Rule, Shape

if TYPE_CHECKING:
    from reconciler.values import FieldPath

Text: TypeAlias = tuple[str | int, str]
"""A text and the key that holds it."""


def is_blank(rule: Rule, value: Any) -> bool:
    """Whether *value* is empty text of a property that may be left out."""
    return rule.optional_text and isinstance(value, str) and not value


def blanks(rule: Rule, value: Any, read: Collection[Text] = (), path: FieldPath = ()) -> Iterator[FieldPath]:
    """
    Yield where *value* holds empty text that is as good as absent.

    Args:
        rule: Of the value.
        value: A body, or a part of one.
        read: The texts that were read from files, each with its key: an empty file of JSON is a fault of that file.
        path: Of the value.
    """
    if is_blank(rule, value) and not (path and _is_empty_file(rule, path[-1], read)):
        yield path
    for step, child, item in _below(rule, value):
        yield from blanks(child, item, read, (*path, step))


def without_blanks(rule: Rule, value: Any, read: Collection[Text] = ()) -> Any:
    """Return *value* without the empty text that is as good as absent; the same one if it has none."""
    kept = [(step, without_blanks(child, item, read), item) for step, child, item in _below(rule, value)]
    dropped = {
        step
        for step, child, item in _below(rule, value)
        if is_blank(child, item) and not _is_empty_file(child, step, read)
    }
    if not dropped and all(new is old for _, new, old in kept):
        return value
    if isinstance(value, list):
        return [new for _, new, _ in kept]
    changed = {step: new for step, new, _ in kept}
    return {name: changed.get(name, item) for name, item in value.items() if name not in dropped}


def _is_empty_file(rule: Rule, step: str | int, read: Collection[Text]) -> bool:
    return rule.normalize == "json" and (step, "") in read


def _below(rule: Rule, value: Any) -> Iterator[tuple[str | int, Rule, Any]]:
    if rule.shape is Shape.LIST and isinstance(value, list):
        yield from ((index, rule.items or Rule(), item) for index, item in enumerate(value))
    elif rule.shape in {Shape.OBJECT, Shape.MAP} and isinstance(value, Mapping):
        children = ((name, rule.child(name), item) for name, item in value.items() if isinstance(name, str))
        yield from ((name, child, item) for name, child, item in children if child is not None)
