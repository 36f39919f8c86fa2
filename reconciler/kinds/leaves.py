"""
Takes a declared body and a live one apart, leaf by leaf and side by side, as the rules pair them. Pure.

For the explanation of every leaf; the differences come from :mod:`diff`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from reconciler.kinds.paths import Steps, fold_names, keyed
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING


class FieldClass(StrEnum):
    """The way in which a leaf may change once the resource exists."""

    NAME = "name"
    READ_ONLY = "read-only"
    WRITE_ONLY = "write-only"
    FROZEN = "frozen"
    UPDATABLE = "updatable"
    UNKNOWN = "unknown"


def class_of(chain: Sequence[Rule]) -> FieldClass:
    """Return the class of a field from its own rule and those of the values that contain it."""
    if any(rule.read_only for rule in chain):
        return FieldClass.READ_ONLY
    if any(rule.write_only for rule in chain):
        return FieldClass.WRITE_ONLY
    return FieldClass.FROZEN if any(rule.frozen for rule in chain) else FieldClass.UPDATABLE


@dataclass(frozen=True, slots=True)
class Place:
    """
    The place of a leaf.

    Attributes:
        above: The rules from the body down to its parent.
        accepts: Whether a value above it is chosen by Azure and not declared.
    """

    steps: Steps = ()
    above: tuple[Rule, ...] = ()
    accepts: bool = False


_BODY: Final = Place()


@dataclass(frozen=True, slots=True)
class Leaf:
    """
    One leaf of a declared body and a live one, side by side.

    Attributes:
        rule: Its own; *OPAQUE* for a value that the schema does not know.
        want: The declared value; MISSING if there is none.
        have: The live value; MISSING if there is none.
    """

    rule: Rule
    want: Any
    have: Any
    place: Place

    @property
    def is_live(self) -> bool:
        """Whether the live body has a value; null is none."""
        return self.have is not MISSING and self.have is not None

    @property
    def field_class(self) -> FieldClass:
        """The class, which may come from a value that contains it."""
        if self.rule.is_opaque:
            return FieldClass.UNKNOWN
        return class_of((*self.place.above, self.rule))


def leaves(rule: Rule, want: Any, have: Any, place: Place = _BODY) -> Iterator[Leaf]:
    """
    Yield every leaf of the schema, the declared body and the live one; empty lists and objects are leaves too.

    Args:
        rule: Of the request body.
        want: The declared value.
        have: The live value; MISSING if the resource does not exist.
        place: Of the value.
    """
    accepts = place.accepts or (rule.server_populated and want is MISSING)
    here = Place(place.steps, place.above, accepts)
    children = [] if _is_whole(rule, want, have) else list(_children(rule, want, have))
    if not children:
        yield Leaf(rule, want, have, here)
        return
    for step, child, stated, live in children:
        below = Place((*place.steps, step), (*place.above, rule), accepts)
        yield from leaves(child, stated, live, below)


def below(leaf: Leaf) -> Iterator[Leaf]:
    """Yield the parts directly in a value, side by side; none of a value that is compared whole."""
    rule = leaf.rule
    if _is_whole(rule, leaf.want, leaf.have):
        return
    for step, child, stated, live in _children(rule, leaf.want, leaf.have):
        yield Leaf(child, stated, live, Place((*leaf.place.steps, step), (*leaf.place.above, rule)))


def _is_whole(rule: Rule, want: Any, have: Any) -> bool:
    """Return whether a value is compared whole."""
    if rule.shape is Shape.LEAF or rule.read_only or rule.write_only or want is None:
        return True
    usual = list if rule.shape is Shape.LIST else Mapping
    return (have is None and want is MISSING) or any(
        value is not MISSING and value is not None and not isinstance(value, usual) for value in (want, have)
    )


def _children(rule: Rule, want: Any, have: Any) -> Iterator[tuple[str | int, Rule, Any, Any]]:
    if rule.shape is Shape.LIST:
        stated, live = keyed(rule, want), keyed(rule, have)
        for key in {**stated, **live}:
            yield key, rule.element, stated.get(key, (0, MISSING))[1], live.get(key, (0, MISSING))[1]
        return
    wanted, had = fold_names(rule, want), fold_names(rule, have)
    for name in {**dict.fromkeys(rule.properties), **wanted, **had}:
        a = want[wanted[name]] if name in wanted else MISSING
        b = have[had[name]] if name in had else MISSING
        yield name, rule.child(name), a, b
