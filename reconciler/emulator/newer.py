"""
Properties that are newer than the api-version of a request: their answers and their fate in a PUT. Pure.

The schema says with which api-version a property, or one of its values, came. Azure's habits are known in part only:
``docs/emulator.md`` lists both parts.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.emulator.changes import elements, key_of
from reconciler.emulator.versions import is_newer
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.trees import below, is_leaf, transform
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind


def answered(kind: Kind, text: str, version: str) -> str:
    """
    Return the answer *text* as *version* has it: without newer properties.

    A newer value of an older property is answered as it is: such enumerations are open.
    """
    if not any(f'"{name}":' in text for name in _names_after(kind, version)):
        return text  # most answers, and lists consist of many
    body = transform(kind.rules, orjson.loads(text), keeps=lambda rule, _: not is_newer(rule, None, version))
    return orjson.dumps(body).decode()


@cache
def _names_after(kind: Kind, version: str) -> frozenset[str]:
    """Return the names of the newer properties that stand in older ones."""
    every = dict(kind.rules.every())
    newer = {path for path, rule in every.items() if is_newer(rule, None, version)}
    return frozenset(path[-1] for path in newer if path[:-1] not in newer)


def known(rules: Rule, body: Any, version: str) -> Any:
    """Return what a write of *version* knows of *body*: neither newer properties nor newer values."""
    return transform(rules, body, keeps=lambda rule, value: not is_newer(rule, value, version))


def kept(rule: Rule, stored: Any, written: Any, version: str) -> Any:
    """
    Return *written* with everything of *stored* that is newer than *version*, unless it was written anew.

    An element of a list that is gone takes what is newer in it along.

    Args:
        rule: Of both.
        stored: Before the write.
        written: After it.
        version: Of the write.
    """
    if is_leaf(rule, stored):
        return written
    if rule.shape is Shape.LIST:
        return _kept_elements(rule, stored, written, version)
    if written is not MISSING and not isinstance(written, dict):
        return written
    result = dict(written) if isinstance(written, dict) else {}
    for step, child, value in below(rule, stored):
        name = str(step)
        now = result.get(name, MISSING)
        after = value if now is MISSING and is_newer(child, value, version) else kept(child, value, now, version)
        if after is not MISSING:
            result[name] = after
    return result or written


def _kept_elements(rule: Rule, stored: Any, written: Any, version: str) -> Any:
    if not rule.keys or not isinstance(written, list):
        return written
    before = elements(rule, stored)
    pairs = ((before.get(key_of(rule, item), MISSING), item) for item in written)
    return [item if old is MISSING else kept(rule.element, old, item, version) for old, item in pairs]
