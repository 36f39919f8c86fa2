"""Words for the rules of a leaf: how it is compared, and what becomes of an undeclared value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.kinds.leaves import FieldClass
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.rules import Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.leaves import Leaf
    from reconciler.kinds.rules import Rule


def undeclared(leaf: Leaf) -> str:
    """Return why a live value that no manifest declares is reported, and what becomes of it."""
    if leaf.rule.is_opaque:
        return "The schema does not know this field: it is reported, and a PUT keeps it."
    has_default = leaf.rule.default is not MISSING or leaf.rule.default_from is not None
    if has_default and leaf.field_class is FieldClass.FROZEN:
        return "Not declared and not the default, but immutable after creation: it is reported and left unchanged."
    return "Live, and not declared: it is reported and left unchanged, and a PUT keeps it."


def rules_of(leaf: Leaf) -> Iterator[str]:
    """Yield the rules by which a leaf is compared and written."""
    parent = leaf.place.above[-1] if leaf.place.above else None
    if parent is not None and parent.shape is Shape.LIST and parent.list_type != "map":
        yield "part of a set" if parent.list_type == "set" else "compared in order"
    rule = leaf.rule
    if rule.is_opaque:
        return
    if rule.normalize is not None:
        yield f"compared as {rule.normalize}"
    if rule.write_only:
        yield "compared by digest"
    if rule.required:
        yield "required"
    yield from _meaning(rule)
    if leaf.place.accepts or rule.server_populated:
        yield "absence accepts any value of Azure"
    if rule.secret:
        yield "may hold a secret"


def _meaning(rule: Rule) -> Iterator[str]:
    """Yield the meaning of absence."""
    if rule.default_from is not None:
        yield f"default: the value of {'.'.join(rule.default_from)}"
    elif rule.default is not MISSING:
        yield f"default {canonical(rule.default)}"
    elif rule.implied is not MISSING:
        yield f"absent in an answer: {canonical(rule.implied)}"
