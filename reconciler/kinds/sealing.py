"""
Compiles, from the rules of a body, the function that seals its secrets. Pure.

It runs on every answer, so it is compiled once for a kind: it looks only where a secret can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.kinds.rules import Rule, Shape
from reconciler.secret.text import Secret, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

Change: TypeAlias = Callable[[Any], Any]
_PRIVATE_LINK: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://(?:[^?]*\?.|[^/?#]*@)", re.DOTALL)


def sealer(rule: Rule) -> Change | None:
    """Compile what seals a value of *rule*; None where the schema knows the leaf and calls it no secret."""
    if rule.secret:
        return _seal_texts
    if rule.shape is Shape.LEAF:
        return None
    odd = _seal_texts if any(below.secret for _, below in rule.every()) else _seal_links
    if rule.shape is Shape.OBJECT:
        known = {name: sealer(child) for name, child in rule.properties.items()}
        return lambda value: _sealed_object(value, known, odd)
    items = sealer(rule.element)
    kept = list if rule.shape is Shape.LIST else dict
    return lambda value: _each(value, items) if isinstance(value, kept) else odd(value)


def _sealed_object(value: Any, known: Mapping[str, Change | None], odd: Change) -> Any:
    if not isinstance(value, dict):
        return odd(value)
    sealed = value
    for name, item in value.items():
        change = known.get(name, _seal_links)
        if change is not None and (changed := change(item)) is not item:
            sealed = {**sealed, name: changed}
    return sealed


def _each(value: Any, change: Change | None) -> Any:
    """Return a list or an object with *change* made to every element; the same one if nothing changed."""
    if change is None:
        return value
    if isinstance(value, dict):
        made = {name: change(item) for name, item in value.items()}
        return made if any(made[name] is not item for name, item in value.items()) else value
    items = [change(item) for item in value]
    return items if any(new is not old for new, old in zip(items, value, strict=True)) else value


def _seal_texts(value: Any) -> Any:
    if isinstance(value, str) and value:  # empty text hides nothing
        return SecretUrl(value) if "://" in value else Secret(value)
    return _each(value, _seal_texts) if isinstance(value, (dict, list)) else value


def _seal_links(value: Any) -> Any:
    if isinstance(value, str):
        return SecretUrl(value) if _PRIVATE_LINK.match(value) else value
    return _each(value, _seal_links) if isinstance(value, (dict, list)) else value
