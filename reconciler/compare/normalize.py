"""
Stage 5: turns a declared body and a live one into a comparable pair, by the rules of the kind. Pure.

In the pair every spelling is folded, keyed lists and sets are mappings, values that are never compared are left out,
and defaults stand on both sides. Two sides with the same text are in sync; :mod:`diff` explains the differences.
Live values that the manifest does not declare never enter the pair: they are listed as *undeclared*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.kinds.blank import is_blank
from reconciler.kinds.normal_forms import canonical, is_same_place, normalize
from reconciler.kinds.paths import Steps, fold_names, get, keyed
from reconciler.kinds.rules import Rule, Shape
from reconciler.secret.text import Secret
from reconciler.values import MISSING, JsonObject

_NEITHER: Final = (MISSING, MISSING)


@dataclass(frozen=True, slots=True)
class Pair:
    """
    Two comparable bodies.

    Attributes:
        want: The declared values, and the defaults that apply to them.
        have: The live values that match them.
        undeclared: Paths of live values that the manifest does not declare.
    """

    want: JsonObject
    have: JsonObject
    undeclared: tuple[Steps, ...]

    @property
    def is_equal(self) -> bool:
        """Return whether no declared value differs."""
        return is_same_text(self.want, self.have)


def is_same_text(one: Any, other: Any) -> bool:
    """Return whether two values are written alike. Their texts decide, as ``==`` calls 1, 1.0 and True equal."""
    return bool(one == other) and canonical(one) == canonical(other)


@dataclass(slots=True)
class _Scope:
    rules: Rule
    want: JsonObject
    have: JsonObject
    apart: bool = False
    undeclared: list[Steps] = field(default_factory=list)

    def default(self, rule: Rule, body: JsonObject) -> Any:
        """Return the value that absence means in *body*."""
        return absence(self.rules, rule, body)

    def unanswered(self, rule: Rule, want: Any) -> Any:
        """Return the value of a property that an answer lacks: *want* if completed elsewhere, else its default."""
        names = get(self.have, rule.completed_in) if rule.completed_in and isinstance(want, str) else MISSING
        if isinstance(names, list) and any(name == want or str(name).startswith(f"{want}-") for name in names):
            return want
        return meant(self.rules, rule, self.have)


def absence(rules: Rule, rule: Rule, body: JsonObject) -> Any:
    """
    Return the value that the absence of a property means; MISSING if it means none.

    Args:
        rules: Of the request body.
        rule: Of the property.
        body: That lacks it.
    """
    if rule.default_from is None:
        return MISSING if is_excluded(rule, body) else rule.default
    value = get(body, rule.default_from)
    if value is not MISSING and value is not None:
        return value
    source = rules.at(rule.default_from)
    return MISSING if is_excluded(source, body) else source.default


def is_excluded(rule: Rule, body: JsonObject) -> bool:
    """Return whether *body* sets the property beside which that of *rule* must not be sent."""
    return rule.excluded_by is not None and get(body, rule.excluded_by) not in (MISSING, None)


def gives_way(rule: Rule, live: JsonObject) -> bool:
    """Return whether *live* sets two properties that exclude each other, and this is the one that Azure can choose."""
    return is_excluded(rule, live) and (rule.default is not MISSING or rule.server_populated)


def is_chosen(rules: Rule, rule: Rule, body: JsonObject) -> bool:
    """
    Return whether Azure chooses the value of a property that *body* lacks, since another one excludes its default.

    Args:
        rules: Of the request body.
        rule: Of the property.
        body: As declared.
    """
    return is_excluded(rules.at(rule.default_from) if rule.default_from else rule, body)


def meant(rules: Rule, rule: Rule, answer: JsonObject) -> Any:
    """
    Return the value that the absence of a property from an answer means; MISSING if it means none.

    Args:
        rules: Of the request body.
        rule: Of the property.
        answer: That lacks it.
    """
    default = absence(rules, rule, answer)
    return rule.implied if default is MISSING else default


def is_same(rule: Rule, value: Any, other: Any) -> bool:
    """Return whether two values of a leaf are spellings of one value; a missing value equals no other."""
    if value is MISSING or other is MISSING:
        return False
    return canonical(_form(rule, value)) == canonical(_form(rule, other))


def comparable(rules: Rule, want: JsonObject, have: JsonObject, *, apart: bool = False) -> Pair:
    """
    Return the comparable pair of a declared body and a live one. Neither is changed.

    Args:
        rules: Of the request body.
        want: As declared; null means "must not be set".
        have: As ARM answered it, without tracking tags.
        apart: Whether an undeclared object is listed leaf by leaf, and not as one.
    """
    scope = _Scope(rules, want, have, apart)
    wanted, had = _object(rules, want, have, (), scope)
    undeclared = tuple(sorted(scope.undeclared, key=str))
    return Pair(wanted if wanted is not MISSING else {}, had if had is not MISSING else {}, undeclared)


def normalized(rules: Rule, body: JsonObject) -> JsonObject:
    """Return the normal form of one body: equal for two bodies that differ in nothing that is compared."""
    value = _alone(rules, body)
    return value if value is not MISSING else {}


def _pair(rule: Rule, want: Any, have: Any, steps: Steps, scope: _Scope) -> tuple[Any, Any]:
    if rule.read_only or rule.write_only or (want is MISSING and rule.server_populated):
        return _NEITHER
    if have is None or is_blank(rule, have):
        have = MISSING
    if is_blank(rule, want):
        want = MISSING
    if want is None:
        return MISSING, _alone(rule, _spoken(rule, have))
    if rule.shape is Shape.LEAF:
        return _leaf(rule, want, have, steps, scope)
    if _is_odd(rule, want) or _is_odd(rule, have):
        return _alone(rule, want), _form(rule, have)
    if rule.shape is Shape.OBJECT:
        return _object(rule, want, have, steps, scope)
    if rule.shape is Shape.MAP:
        return _map(rule, want, have, steps, scope)
    return _list(rule, want, have, steps, scope)


def _spoken(rule: Rule, have: Any) -> Any:
    """Return a live value without the parts that absence would mean: where null is declared they count as absent."""
    if rule.shape is Shape.OBJECT and isinstance(have, Mapping):
        kept = {name: _spoken(rule.child(name), item) for name, item in have.items()}
        return {name: item for name, item in kept.items() if item is not MISSING}
    is_unset = is_blank(rule, have) or (rule.shape is Shape.LEAF and is_same(rule, have, rule.implied))
    return MISSING if is_unset else have


def _is_odd(rule: Rule, value: Any) -> bool:
    """Return whether a value has another shape than its rule; it is compared as it is."""
    return value is not MISSING and not isinstance(value, list if rule.shape is Shape.LIST else dict)


def _leaf(rule: Rule, want: Any, have: Any, steps: Steps, scope: _Scope) -> tuple[Any, Any]:
    if want is not MISSING:
        live = have if have is not MISSING else scope.unanswered(rule, want)
        if rule.secret and is_same_place(want, live):
            live = want
        return _form(rule, want), _form(rule, live)
    default = scope.default(rule, scope.want)
    if default is MISSING:
        is_open = have is not MISSING and not is_same(rule, have, rule.implied)
        if is_open and not is_chosen(scope.rules, rule, scope.want):
            scope.undeclared.append(steps)
        return _NEITHER
    wanted = _form(rule, default)
    had = _form(rule, have if have is not MISSING else scope.default(rule, scope.have))
    if type(wanted) is type(had) and wanted == had:
        return _NEITHER
    if rule.frozen:  # not declared, and immutable: it is reported, and does not block the resource
        if have is not MISSING:
            scope.undeclared.append(steps)
        return _NEITHER
    return wanted, had


def _object(rule: Rule, want: Any, have: Any, steps: Steps, scope: _Scope) -> tuple[Any, Any]:
    stated = want if want is not MISSING else {}
    live = have if have is not MISSING else {}
    before = len(scope.undeclared)
    wanted: dict[str, Any] = {}
    had: dict[str, Any] = {}
    for name, child in rule.properties.items():
        a, b = stated.get(name, MISSING), live.get(name, MISSING)
        if a is MISSING and b is MISSING and not child.has_default:
            continue
        x, y = _pair(child, a, b, (*steps, name), scope)
        if x is not MISSING:
            wanted[name] = x
        if y is not MISSING:
            had[name] = y
    scope.undeclared.extend(
        (*steps, name) for name in live if name not in rule.properties and not _is_empty(live[name])
    )
    if want is MISSING and not wanted and not had and len(scope.undeclared) > before and not scope.apart:
        scope.undeclared[before:] = [steps]  # an undeclared object is one finding
    return _side(want, wanted, had), _side(have, had, wanted)


def _map(rule: Rule, want: Any, have: Any, steps: Steps, scope: _Scope) -> tuple[Any, Any]:
    stated, live = fold_names(rule, want), fold_names(rule, have)
    if want is MISSING and live and not rule.fold_keys:
        scope.undeclared.append(steps)
        return _NEITHER
    wanted: dict[str, Any] = {}
    had: dict[str, Any] = {}
    for name in {**stated, **live}:
        a = want[stated[name]] if name in stated else MISSING
        b = have[live[name]] if name in live else MISSING
        if a is MISSING and isinstance(b, Mapping):  # an undeclared object is one finding
            scope.undeclared.append((*steps, name))
            continue
        x, y = _pair(rule.element, a, b, (*steps, name), scope)
        _put(wanted, name, _entry(a, x))
        _put(had, name, _entry(b, y))
    return _side(want, wanted, had), _side(have, had, wanted)


def _entry(value: Any, compared: Any) -> Any:
    """Return the form of a map's value: its name is declared even where nothing in it is compared."""
    return {} if compared is MISSING and isinstance(value, Mapping) else compared


def _list(rule: Rule, want: Any, have: Any, steps: Steps, scope: _Scope) -> tuple[Any, Any]:
    stated, live = keyed(rule, want), keyed(rule, have)
    if want is MISSING:
        scope.undeclared.extend((*steps, key) for key in live)
        return _NEITHER
    if rule.list_type == "atomic":
        return _atomic(rule, want), _atomic(rule, have if have is not MISSING else [])
    wanted: dict[str | int, Any] = {}
    had: dict[str | int, Any] = {}
    for key in {**stated, **live}:
        x, y = _element(rule, stated.get(key), live.get(key), (*steps, key), scope)
        _put(wanted, key, x)
        _put(had, key, y)
    return (wanted, had) if wanted or had else _NEITHER


def _element(
    rule: Rule, want: tuple[int, Any] | None, have: tuple[int, Any] | None, steps: Steps, scope: _Scope
) -> tuple[Any, Any]:
    items = rule.element
    if want is None or have is None:
        whole = (MISSING if side is None else _whole(items, side[1]) for side in (want, have))
        return next(whole), next(whole)
    if rule.list_type == "set":
        return True, True
    x, y = _pair(items, want[1], have[1], steps, scope)
    return (x if x is not MISSING else {}), (y if y is not MISSING else {})


def _whole(items: Rule, element: Any) -> Any:
    value = _alone(items, element)
    return value if value is not MISSING else {}


def _atomic(rule: Rule, elements: list[Any]) -> Any:
    values = [_alone(rule.element, element) for element in elements]
    return [None if value is MISSING else value for value in values] or MISSING


def _alone(rule: Rule, value: Any) -> Any:
    """Return the normal form of a value without counterpart; MISSING if no part of it is compared."""
    if value is MISSING or value is None or rule.read_only or rule.write_only:
        return MISSING
    if rule.shape is Shape.LEAF or _is_odd(rule, value):
        return _form(rule, value)
    if rule.list_type == "atomic":
        return _atomic(rule, value)
    if rule.shape is Shape.LIST:
        elements = keyed(rule, value)
        return {key: _whole(rule.element, item) for key, (_, item) in elements.items()} or MISSING
    found: dict[str, Any] = {}
    for name, written in fold_names(rule, value).items():
        part = _alone(rule.child(written), value[written])
        _put(found, name, _entry(value[written], part) if rule.shape is Shape.MAP else part)
    return found or MISSING


def _form(rule: Rule, value: Any) -> Any:
    """Return the form in which a leaf, or a value of another shape, is compared; it holds no secret."""
    return _without_secrets(value) if isinstance(value, (dict, list)) else normalize(rule.normalize, value)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Secret):
        return normalize(None, value)
    if isinstance(value, dict):
        return {name: _without_secrets(item) for name, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def _side(value: Any, compared: dict[str, Any], other: Mapping[str, Any]) -> Any:
    """
    Return one side of an object or a map; MISSING where it is absent, so that the whole of it is the difference.

    A declared mapping stays, empty, where the other side holds keys: these keys are the difference, not the mapping.
    """
    if value is MISSING:
        return MISSING if _is_hollow(compared) else compared
    return compared if compared or other else MISSING


def _is_hollow(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_hollow(item) for item in value.values())


def _put(target: dict[Any, Any], key: str | int, value: Any) -> None:
    if value is not MISSING:
        target[key] = value


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [])
