"""
Values that a manifest takes from the environment, paired with their live values. Pure.

The live value of such a pair is hidden like the declared one. Where it is unknown whether the two are equal, the live
value stands for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.kinds.kind import mapped
from reconciler.kinds.normal_forms import blob_url
from reconciler.kinds.paths import Steps, fold_names, get, keyed
from reconciler.kinds.rules import Rule, Shape
from reconciler.secret.text import HIDDEN, FromEnvironment, Secret, SecretUrl

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject


class Doubt(Enum):
    """Why it is unknown whether a value from the environment is the live one."""

    UNSET = "the variable is not set"
    HIDDEN = "the live value was hidden in a snapshot"
    UNANSWERED = "Azure answered the link without its query"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value from the environment of which it is unknown whether it is the live one, by its variable, and why."""

    variable: str
    doubt: Doubt


@dataclass(slots=True)
class Beside:
    """
    A manifest and a live body, ready to be compared.

    Attributes:
        unknown: The values of which it is unknown whether both are equal, by their paths.
    """

    desired: Desired
    live: JsonObject
    unknown: dict[Steps, Unknown] = field(default_factory=dict)


def beside(desired: Desired, live: JsonObject) -> Beside:
    """Return *desired* and *live* with every value from the environment, and its counterpart, ready to be compared."""
    found = Beside(desired, live)
    kind = desired.kind
    if not (any(kind.variables_in(desired.body)) or any(kind.variables_in(live))):  # nearly always
        return found
    want, have = _pair(kind.rules, desired.body, live, (), found.unknown)
    found.desired, found.live = replace(desired, body=want), have
    return found


def _pair(rule: Rule, want: Any, have: Any, steps: Steps, unknown: dict[Steps, Unknown]) -> tuple[Any, Any]:
    if isinstance(want, FromEnvironment) or isinstance(have, FromEnvironment):
        return _leaf(want, have, steps, unknown)
    if rule.shape in {Shape.OBJECT, Shape.MAP} and isinstance(want, dict) and isinstance(have, dict):
        stated, live = fold_names(rule, want), fold_names(rule, have)
        new_want, new_have = dict(want), dict(have)
        for name in stated.keys() & live.keys():
            a, b = stated[name], live[name]
            new_want[a], new_have[b] = _pair(rule.child(name), want[a], have[b], (*steps, name), unknown)
        return new_want, new_have
    if rule.shape is Shape.LIST and isinstance(want, list) and isinstance(have, list):
        return _lists(rule, want, have, steps, unknown)
    return want, have


def _lists(
    rule: Rule, want: list[Any], have: list[Any], steps: Steps, unknown: dict[Steps, Unknown]
) -> tuple[list[Any], list[Any]]:
    stated, live = keyed(rule, want), keyed(rule, have)
    pairs = {key: key for key in stated if key in live}
    # An element whose key is unknown is paired with a live one that has no pair.
    left = [key for key in live if key not in pairs]
    for key in stated:
        if key not in pairs and left and (_is_unclear(rule, stated[key][1]) or _is_unclear(rule, live[left[0]][1])):
            pairs[key] = left.pop(0)
    new_want, new_have = list(want), list(have)
    _veil_rest(rule, want, new_have, [live[key][0] for key in left])
    for key, other in pairs.items():
        (a, element), (b, counterpart) = stated[key], live[other]
        new_want[a], new_have[b] = _pair(rule.element, element, counterpart, (*steps, other), unknown)
    return new_want, new_have


def _veil_rest(rule: Rule, want: list[Any], have: list[Any], left: list[int]) -> None:
    """Hide the keys of live elements without a pair, which may hold a former value of the variable."""
    for path in rule.keys:
        for like in (value for item in want if isinstance(value := get(item, path), FromEnvironment)):
            for index in left:
                have[index] = mapped(have[index], path, partial(_veiled, like))


def _veiled(like: FromEnvironment, value: Any) -> Any:
    if not isinstance(value, Secret) or isinstance(value, FromEnvironment):
        return value
    return FromEnvironment(like.variable, value)


def _is_unclear(rule: Rule, element: Any) -> bool:
    return any(_cannot_be_read(get(element, path)) for path in rule.keys)


def _cannot_be_read(value: Any) -> bool:
    if isinstance(value, FromEnvironment):
        return not value.is_set
    return isinstance(value, Secret) and value.reveal() == HIDDEN


def _leaf(want: Any, have: Any, steps: Steps, unknown: dict[Steps, Unknown]) -> tuple[Any, Any]:
    if not isinstance(want, FromEnvironment):  # an older manifest stands for the live body
        return want, (want if not have.is_set and isinstance(want, Secret) else have)
    if not isinstance(have, Secret):
        return want, have
    veiled, doubt = _veiled(want, have), _doubt(want, have)
    if doubt is None:
        return want, veiled
    unknown[steps] = Unknown(want.variable, doubt)
    return veiled, veiled


def _doubt(want: FromEnvironment, have: Secret) -> Doubt | None:
    """Return why it is unknown whether both are equal; None where it is known."""
    if not want.is_set:
        return Doubt.UNSET
    if _cannot_be_read(have):
        return Doubt.HIDDEN
    if not isinstance(have, SecretUrl) or blob_url(have.base) != blob_url(want.base):
        return None
    if have.query == Secret(HIDDEN):
        return Doubt.HIDDEN
    return Doubt.UNANSWERED if have.query is None and want.query is not None else None


def named(desired: Desired) -> JsonObject:
    """Return the body of *desired* with the names of variables in place of their values, for digests."""
    return desired.kind.map_variables(desired.body, lambda value: {"$env": value.variable})


def told(desired: Desired, live: JsonObject) -> JsonObject:
    """Return a live body in which each value that *desired* takes from a variable shows only whether both are equal."""
    found = beside(desired, live)
    own = {value.variable: value for value in desired.kind.variables_in(desired.body)}

    def tell(value: FromEnvironment) -> Any:
        want = own.get(value.variable)
        same = want is not None and want.is_set and want.reveal() == value.reveal()
        return {"$env": value.variable, "same": same if want is not None and want.is_set else None}

    return desired.kind.map_variables(found.live, tell)
