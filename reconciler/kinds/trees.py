"""
Walks a body and its rules together: what is directly in a value, every value of it, a copy of it. Pure.

A *leaf* is a value with the rule of a leaf, or of another shape than its rule: nothing below it is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.kinds.rules import Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.kinds.rules import Rule
    from reconciler.values import FieldPath

    _OnLeaf: TypeAlias = Callable[[Rule, Any, FieldPath], Any]
    _Keeps: TypeAlias = Callable[[Rule, Any], bool]


def is_leaf(rule: Rule, value: Any) -> bool:
    """Return whether *value* is not taken apart: *rule* is that of a leaf, or of another shape."""
    return rule.shape is Shape.LEAF or not isinstance(value, list if rule.shape is Shape.LIST else dict)


def below(rule: Rule, value: Any) -> list[tuple[str | int, Rule, Any]]:
    """Return key or index, rule and value of everything directly in *value*; nothing of a leaf."""
    if is_leaf(rule, value):
        return []
    items = rule.element
    if rule.shape is Shape.LIST:
        return [(index, items, item) for index, item in enumerate(value)]
    known = rule.properties  # of an object; a map has none, and one rule for every value
    return [(name, known.get(name, items), item) for name, item in value.items()]


def walk(rule: Rule, value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Rule, Any]]:
    """
    Yield path, rule and value of *value* and of everything in it, containers before their parts.

    Every manifest is walked more than once, so the children are found here and not by a call of :func:`below`.
    """
    yield path, rule, value
    shape, items = rule.shape, rule.element
    if shape is Shape.LIST:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from walk(items, item, (*path, index))
    elif shape is not Shape.LEAF and isinstance(value, dict):
        known = rule.properties
        for name, item in value.items():
            child = known.get(name, items)
            if child.shape is Shape.LEAF:  # most are: no generator for each
                yield (*path, name), child, item
            else:
                yield from walk(child, item, (*path, name))


def transform(
    rule: Rule, value: Any, on_leaf: _OnLeaf | None = None, *, keeps: _Keeps | None = None, path: FieldPath = ()
) -> Any:
    """
    Return a copy of *value* with its leaves replaced, and some of its parts left out.

    Args:
        rule: Of *value*.
        value: A body, or a part of one.
        on_leaf: Returns the new value of a leaf, given its rule, value and path, or MISSING to leave it out; None
            keeps every leaf as it is.
        keeps: Whether a property of an object or a map stays, given its rule and value; None keeps every property.
        path: Of *value*.
    """
    if is_leaf(rule, value):
        return on_leaf(rule, value, path) if on_leaf else value
    is_list = rule.shape is Shape.LIST
    made = (
        (step, transform(child, item, on_leaf, keeps=keeps, path=(*path, step)))
        for step, child, item in below(rule, value)
        if is_list or keeps is None or keeps(child, item)
    )
    kept = ((step, item) for step, item in made if item is not MISSING)
    return [item for _, item in kept] if is_list else dict(kept)


def without_nulls(rule: Rule, value: Any) -> Any:
    """Return a copy of *value* without the nulls of its objects and maps; a null in free content is content."""
    return transform(rule, value, keeps=lambda _, item: item is not None)


def has_name(value: Any, name: str) -> bool:
    """Return whether an object anywhere in plain JSON has a property of this name; quick, as most have not."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            if name in node:
                return True
            waiting += node.values()
        elif type(node) is list:
            waiting += node
    return False


def has_empty_text(value: Any) -> bool:
    """Return whether a text anywhere in plain JSON is empty; quick, as most have none."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if node == "":
            return True
        if type(node) is dict:
            waiting += node.values()
        elif type(node) is list:
            waiting += node
    return False
