"""
Build the body of a PUT that keeps the values of other owners. Pure.

A create sends the manifest as declared. An update sends the live body without what the server owns, overlaid by the
manifest, every change written out: right for a service that merges and for one that replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.compare.normalize import absence, gives_way, is_excluded, is_same, meant
from reconciler.kinds.blank import is_blank
from reconciler.kinds.normal_forms import is_same_place, without_mark
from reconciler.kinds.paths import Steps, fold_names, get, keyed, lookup, written_path
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.trees import without_nulls
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from reconciler.compare.diff import Comparison
    from reconciler.kinds.tracking import Tracking
    from reconciler.model.desired import Desired


def put_body(desired: Desired, live: JsonObject | None, comparison: Comparison, tracking: Tracking) -> JsonObject:
    """
    Return the body of the PUT, with its secrets still hidden.

    Args:
        desired: The declared resource.
        live: The freshest complete read; None for a create.
        comparison: Of the two, for the defaults to write out and the ignored values to keep.
        tracking: The tags to write.
    """
    rules = desired.kind.rules
    if live is None:
        body = without_nulls(rules, desired.body)
    else:
        body = _merged(rules, desired.body, _Carrying(desired, live).kept(rules, live, desired.body), desired.kind.put)
        for change in comparison.fields:
            if change.origin == "default" and change.desired is not MISSING:
                _assign(rules, body, change.steps, change.desired)
        _keep(desired, body, live, comparison.ignored)
        for steps in reversed(comparison.omitted):
            _omit(rules, body, steps)
    return _tagged(body, desired, tracking)


def _keep(desired: Desired, body: Any, live: JsonObject, ignored: Sequence[Steps]) -> None:
    """
    Put the live values back where a difference is ignored.

    Only the part of them that a PUT carries. Not where they cannot be read: those have to be sent again as declared.
    Values that the live body lacks go last and from the end, so that no list index has moved when it is used.
    """
    rules = desired.kind.rules
    kept = [(steps, _kept_at(desired, live, steps)) for steps in ignored if steps not in desired.kind.write_only_paths]
    absent = [item for item in kept if item[1] is MISSING]
    for steps, value in (*(item for item in kept if item[1] is not MISSING), *reversed(absent)):
        _assign(rules, body, steps, value)


def _kept_at(desired: Desired, live: JsonObject, steps: Steps) -> Any:
    """Return the part of the live value at *steps* that a PUT sends back; MISSING if nothing is set there."""
    rules = desired.kind.rules
    value, stated = lookup(rules, live, steps), lookup(rules, desired.body, steps)
    if value is MISSING or value is None:
        return MISSING
    return _Carrying(desired, live).kept(rules.at(steps), value, stated)


def _omit(rules: Rule, body: Any, steps: Steps) -> None:
    """Leave out the value at *steps*, and the objects that are left with nothing in them."""
    _assign(rules, body, steps, MISSING)
    for end in range(len(steps) - 1, 0, -1):
        above = lookup(rules, body, steps[:end])
        if above != {}:
            break
        _assign(rules, body, steps[:end], MISSING)


class _Carrying:
    """The part of a live body that a PUT sends back."""

    def __init__(self, desired: Desired, live: JsonObject) -> None:
        self._rules = desired.kind.rules
        self._stated = desired.body
        self._live = live
        self._keeps_write_only = not any(
            get(desired.body, path) not in (MISSING, None) for path in desired.kind.write_only_paths
        )

    def kept(self, rule: Rule, value: Any, stated: Any, *, whole: bool = False) -> Any:
        """
        Return the part of a live value that is sent back.

        Args:
            rule: Of the value.
            value: As Azure answered it.
            stated: The declared value in its place.
            whole: It is part of a list that is sent back as it is.
        """
        if isinstance(value, Mapping) and rule.shape is not Shape.LEAF:
            kept = {}
            for name, item in value.items():
                child, beside = rule.child(name), get(stated, (name,))
                if item is not None and self._is_carried(child, item, beside, whole=whole):
                    part = self.kept(child, item, beside, whole=whole)
                    named = rule.shape is Shape.MAP or child.shape is Shape.MAP
                    if part != {} or item == {} or child.required or named or beside is not MISSING:
                        kept[name] = part
            return kept
        if isinstance(value, list) and rule.shape is Shape.LIST:
            whole = whole or stated is MISSING
            return [self.kept(rule.element, item, MISSING, whole=whole) for item in value]
        return value

    def _is_carried(self, rule: Rule, value: Any, stated: Any, *, whole: bool) -> bool:
        if rule.read_only or (rule.write_only and not self._keeps_write_only):
            return False
        if rule.required or stated is not MISSING:
            return True
        if gives_way(rule, self._live) or is_excluded(rule, self._stated):
            return False  # Azure refuses the two together
        if rule.frozen:  # a newer one that equals its absence would only ask for a newer api-version
            return rule.since is None or not self._is_spare(rule, value)
        if rule.server_populated:  # a list that elements leave by being left out is safe only where it is sent
            return rule.removal_guard is not None
        return whole or not self._is_spare(rule, value)

    def _is_spare(self, rule: Rule, value: Any) -> bool:
        """Return whether a leaf equals its absence, before this PUT and after it."""
        if is_blank(rule, value):
            return True
        if rule.shape is not Shape.LEAF or not is_same(rule, value, meant(self._rules, rule, self._live)):
            return False
        return rule.default_from is None or is_same(rule, value, absence(self._rules, rule, self._stated))


def _merged(rule: Rule, stated: Any, live: Any, put: str) -> Any:
    """Return *live*, overlaid by the declared value."""
    if rule.shape is Shape.LIST and isinstance(stated, list):
        return _merged_list(rule, stated, live, put)
    if rule.shape in {Shape.OBJECT, Shape.MAP} and isinstance(stated, Mapping):
        return _merged_object(rule, stated, live if isinstance(live, Mapping) else {}, put)
    if isinstance(stated, str) and isinstance(live, str) and without_mark(stated) == without_mark(live):
        return live  # a byte order mark is no difference, and must not go where the text is immutable
    if rule.secret and is_same_place(stated, live) and live.query is not None:
        return live  # the manifest names the place; the live link's signature is the one that still opens it
    return stated


def _merged_object(rule: Rule, stated: Mapping[str, Any], live: Mapping[str, Any], put: str) -> dict[str, Any]:
    written = fold_names(rule, live) if rule.shape is Shape.MAP else {name: name for name in live}
    body = dict(live)
    for name, value in stated.items():
        old = written.get(name.casefold() if rule.fold_keys else name)
        before = body.pop(old, MISSING) if old is not None else MISSING
        child = rule.child(name)
        if value is not None:
            body[name] = _merged(child, value, before, put)
        elif put == "merge" and child.shape in {Shape.LIST, Shape.MAP} and (before is not MISSING or child.write_only):
            body[name] = [] if child.shape is Shape.LIST else {}  # left out, it would stay
    return body


def _merged_list(rule: Rule, stated: list[Any], live: Any, put: str) -> list[Any]:
    """Return the declared elements, each over the live one of its key, whose undeclared values are kept."""
    if rule.list_type != "map":
        return [without_nulls(rule.element, item) for item in stated]
    old = keyed(rule, live)
    merged = []
    for key, (_, element) in keyed(rule, stated).items():
        if key in old:
            merged.append(_merged(rule.element, element, old[key][1], put))
        else:
            merged.append(without_nulls(rule.element, element))
    return merged


def _assign(rules: Rule, body: Any, steps: Steps, value: Any) -> None:
    """Set the value at *steps* of a body that is ours to change; MISSING removes it."""
    rule = rules
    for step in steps[:-1]:
        written = written_path(rule, body, (step,))
        if not written and value is MISSING:
            return
        body = body[written[0]] if written else body.setdefault(step, {})
        rule = rule.child(step)
    written = written_path(rule, body, steps[-1:])
    if isinstance(body, list):
        _assign_element(body, written, value)
    elif value is MISSING:
        if written:
            del body[written[0]]
    else:
        body[written[0] if written else steps[-1]] = value


def _assign_element(elements: list[Any], written: tuple[str | int, ...], value: Any) -> None:
    if written and value is MISSING:
        del elements[int(written[0])]
    elif written:
        elements[int(written[0])] = value
    elif value is not MISSING:
        elements.append(value)


def _stays_true(desired: Desired, recorded: str | None) -> bool:
    return recorded is None or desired.content is None or desired.content.moved(recorded) == frozenset()


def _tagged(body: Mapping[str, Any], desired: Desired, tracking: Tracking) -> JsonObject:
    if not tracking.tags and _stays_true(desired, tracking.digest_of(body)):
        return body  # nothing is recorded, and earlier records stay true
    stamp, tags = tracking.stamp(desired), body.get("tags")
    if not isinstance(tags, Mapping):
        tags = {}
    names = {name.casefold() for name in stamp} | tracking.passing()
    stamped = {**body, "tags": {**{k: v for k, v in tags.items() if k.casefold() not in names}, **stamp}}
    return stamped if stamp or tags else body
