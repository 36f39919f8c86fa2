"""
Stage 6: finds how a live body differs from a declared one, and classifies each difference. Pure.

The only importer of deepdiff, which runs on ordered lists that differ only: equal parts are cut off before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.compare.normalize import Pair, comparable, is_same_text
from reconciler.kinds.content import recorded_fields
from reconciler.kinds.leaves import Leaf, Place, below
from reconciler.kinds.paths import Steps, format_steps, get, lookup, matches, reaches_below, written_path
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.trees import transform
from reconciler.kinds.variables import Beside, Doubt, Unknown, beside
from reconciler.model.change import FieldChange, Finding, Op, Refusal
from reconciler.problems import Layer, Origin
from reconciler.secret.text import HIDDEN, FromEnvironment, SecretUrl, printable, printable_pair
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.desired import Desired

WRITE_ONLY: Final = "(write-only)"


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    The findings about one resource.

    Attributes:
        fields: The findings, by path.
        ignored: Paths at which an ignore rule hides a difference; a PUT keeps the live values there.
        used: The ignore rules that hide a difference, or omit a value.
        omitted: Paths of live values that a rule omits from a PUT.
    """

    fields: tuple[FieldChange, ...] = ()
    ignored: tuple[Steps, ...] = ()
    used: frozenset[IgnoreRule] = frozenset()
    omitted: tuple[Steps, ...] = ()

    def has(self, finding: Finding) -> bool:
        """Return whether any field has *finding*."""
        return any(change.finding is finding for change in self.fields)

    @property
    def adopts(self) -> bool:
        """Return whether one PUT would record a digest that is missing; never for a value of the environment."""
        return any(change.finding is Finding.UNVERIFIED and change.unknown is None for change in self.fields)

    @property
    def refusals(self) -> frozenset[Refusal]:
        """The reasons for which ARM would refuse the differences."""
        return frozenset(change.refusal for change in self.fields if change.refusal is not None)


def compare(desired: Desired, live: JsonObject, tracking: Tracking, ignore: Sequence[IgnoreRule] = ()) -> Comparison:
    """
    Compare a live body with the declared resource.

    Args:
        desired: The declared resource.
        live: As ARM answered it.
        tracking: How digests are recorded.
        ignore: The project's ignore rules.
    """
    recorded = tracking.digest_of(live)
    met = beside(desired, tracking.without_tags(live))
    desired, body = met.desired, met.live
    pair = comparable(desired.kind.rules, desired.body, body)
    rules = [rule for rule in ignore if rule.covers(desired.kind.name, desired.name)]
    found = [*_write_only(desired, recorded, tracking), *_undeclared(desired, body, pair, rules), *_unknown(met)]
    if not pair.is_equal:
        parts = (part for whole in _differences(pair.have, pair.want) for part in _apart(desired, whole, rules))
        found += [_field(desired, body, difference) for difference in parts]
    comparison = _without_ignored(desired, found, rules)
    omitted = dict(_omitted(desired, body, [rule for rule in rules if rule.omit]))
    return replace(comparison, omitted=tuple(omitted), used=comparison.used.union(*omitted.values()))


def _omitted(
    desired: Desired, live: JsonObject, rules: Sequence[IgnoreRule]
) -> Iterator[tuple[Steps, frozenset[IgnoreRule]]]:
    """Yield the paths of live values that a PUT omits, and the rules that say so."""
    waiting = [Leaf(desired.kind.rules, desired.body, live, Place())] if rules else []
    while waiting:
        place = waiting.pop()
        steps = place.place.steps
        path = format_steps(desired.kind.rules, steps, desired.body, live)
        matching = frozenset(rule for rule in rules if steps and matches(rule.path, path))
        if matching:
            yield steps, matching
        else:
            waiting += (each for each in reversed(list(below(place))) if each.is_live)


def _apart(desired: Desired, difference: _Difference, rules: Sequence[IgnoreRule]) -> Iterator[_Difference]:
    """Yield the parts of an object that is not live, where a rule ignores one of them; else the difference itself."""
    on_the_way = desired.kind.rules.along(difference.steps)
    is_object = all(rule.shape is Shape.OBJECT for rule in on_the_way[-2:])
    path = format_steps(desired.kind.rules, difference.steps, desired.body)
    is_parted = is_object and difference.have is MISSING and isinstance(difference.want, Mapping)
    if not is_parted or not any(reaches_below(each.path, path) for each in rules):
        yield difference
        return
    for name, value in difference.want.items():
        yield from _apart(desired, _Difference((*difference.steps, name), MISSING, value), rules)


def _without_ignored(desired: Desired, found: list[FieldChange], rules: Sequence[IgnoreRule]) -> Comparison:
    fields: list[FieldChange] = []
    ignored: list[Steps] = []
    used: set[IgnoreRule] = set()
    for change in found:
        hiding = [rule for rule in rules if matches(rule.path, change.path)]
        used.update(hiding)
        if hiding:
            ignored.append(change.steps)
        else:
            where = _where(desired, change)
            line = where.line if where is not None and where.layer is Layer.MANIFEST else None
            fields.append(replace(change, line=line, where=where))
    return Comparison(tuple(sorted(fields, key=lambda change: change.path)), tuple(ignored), frozenset(used))


def _where(desired: Desired, change: FieldChange) -> Origin | None:
    """Return the place that declares a leaf. It reads the file again, so it is called for reported leaves only."""
    if change.finding is Finding.UNDECLARED or change.origin != "manifest":
        return None
    written = written_path(desired.kind.rules, desired.body, change.steps)
    if len(written) < len(change.steps):
        return None
    return desired.origin(written)


@dataclass(frozen=True, slots=True)
class _Difference:
    steps: Steps
    have: Any
    want: Any


def _differences(have: Any, want: Any, steps: Steps = ()) -> Iterator[_Difference]:
    """Yield the differences of two values that differ; equal parts are cut off first."""
    if isinstance(have, Mapping) and isinstance(want, Mapping):
        for name in {**want, **have}:
            one, other = have.get(name, MISSING), want.get(name, MISSING)
            if one is MISSING or other is MISSING:
                yield _Difference((*steps, name), one, other)
            elif not is_same_text(one, other):
                yield from _differences(one, other, (*steps, name))
    elif isinstance(have, list) and isinstance(want, list):
        yield from _in_lists(have, want, steps)
    else:
        yield _Difference(steps, have, want)


def _in_lists(have: list[Any], want: list[Any], steps: Steps) -> Iterator[_Difference]:
    """Yield the differences of two ordered lists, which deepdiff finds."""
    from deepdiff import DeepDiff  # noqa: PLC0415 (slow to import, and needed only where ordered lists differ)

    tree = DeepDiff(
        have,
        want,
        view="tree",
        ignore_private_variables=False,  # its default hides keys that begin with two underscores
        threshold_to_diff_deeper=0,  # its default reports two objects that share few keys as one replacement
        zip_ordered_iterables=True,  # elements of ordered lists are compared index by index
    )
    for group in tree.values():
        for entry in group:
            one, other = (_absent_or(value) for value in (entry.t1, entry.t2))
            yield _Difference((*steps, *entry.path(output_format="list")), one, other)


def _absent_or(value: Any) -> Any:
    return MISSING if type(value).__name__ == "NotPresent" else value


def _field(desired: Desired, live: JsonObject, difference: _Difference) -> FieldChange:
    rules, steps = desired.kind.rules, difference.steps
    observed, stated = _observed(rules, live, steps), lookup(rules, desired.body, steps)
    wanted = difference.want if stated in (MISSING, None) else stated
    observed_shown, desired_shown = printable_pair(MISSING if observed is None else observed, wanted, steps)
    refusal = _refusal(desired, difference)
    return FieldChange(
        steps=steps,
        path=format_steps(rules, steps, desired.body, live),
        finding=Finding.IMMUTABLE if refusal is Refusal.IMMUTABLE else Finding.CHANGE,
        op=_op(observed, wanted),
        observed=observed_shown,
        desired=desired_shown,
        refusal=refusal,
        origin="manifest" if stated is not MISSING or difference.want is MISSING else "default",
    )


def _op(observed: Any, wanted: Any) -> Op:
    if observed in (MISSING, None):
        return Op.ADD
    return Op.REMOVE if wanted is MISSING else Op.REPLACE


def _refusal(desired: Desired, difference: _Difference) -> Refusal | None:
    *parents, rule = desired.kind.rules.along(difference.steps)
    container = parents[-1]
    if any(parent.frozen for parent in parents):
        return Refusal.IMMUTABLE
    if container.shape is Shape.LIST:
        return _removal_refusal(desired, container, difference)
    if _freezes(rule, difference.want if difference.want is not MISSING else difference.have):
        return Refusal.IMMUTABLE
    if rule.shape is Shape.LIST and _removal_refusal(desired, rule, difference):
        return Refusal.REMOVAL
    if difference.want is MISSING and not rule.clearable:
        return Refusal.CANNOT_UNSET
    return None


def _removal_refusal(desired: Desired, elements: Rule, difference: _Difference) -> Refusal | None:
    """Return the refusal of a removed element: elements are added and removed whole, but a guard may keep them."""
    guard = elements.removal_guard
    if guard and difference.want is MISSING and get(desired.body, guard) is not True:
        return Refusal.REMOVAL
    return None


def _freezes(rule: Rule, value: Any) -> bool:
    """Return whether *value*, which is added or removed whole, has an immutable leaf outside lists."""
    if rule.frozen or rule.shape is not Shape.OBJECT or not isinstance(value, Mapping):
        return rule.frozen
    return any(_freezes(rule.child(name), item) for name, item in value.items())


def _undeclared(desired: Desired, live: JsonObject, pair: Pair, ignore: Sequence[IgnoreRule]) -> Iterator[FieldChange]:
    rules = desired.kind.rules
    for steps in _undeclared_apart(desired, live, pair, ignore):
        yield FieldChange(
            steps=steps,
            path=format_steps(rules, steps, desired.body, live),
            finding=Finding.UNDECLARED,
            op=Op.REMOVE,
            observed=printable(_observed(rules, live, steps), steps),
            origin="live",
        )


def _undeclared_apart(desired: Desired, live: JsonObject, pair: Pair, ignore: Sequence[IgnoreRule]) -> Iterator[Steps]:
    """Yield the paths of undeclared values; those of an object's leaves, where a rule ignores one of them."""
    for steps in pair.undeclared:
        path = format_steps(desired.kind.rules, steps, desired.body, live)
        if any(reaches_below(rule.path, path) for rule in ignore):
            parts = comparable(desired.kind.rules, desired.body, live, apart=True).undeclared
            yield from (part for part in parts if part[: len(steps)] == steps)
        else:
            yield steps


def _observed(rules: Rule, live: JsonObject, steps: Steps) -> Any:
    """Return the live value at *steps* without its read-only parts, which no manifest can declare."""
    return transform(rules.at(steps), lookup(rules, live, steps), keeps=lambda child, _: not child.read_only)


def _unknown(met: Beside) -> Iterator[FieldChange]:
    """Yield a finding for each value from the environment that cannot be compared."""
    for steps, unknown in met.unknown.items():
        yield FieldChange(
            steps=steps,
            path=format_steps(met.desired.kind.rules, steps, met.desired.body),
            finding=Finding.UNVERIFIED,
            op=Op.REPLACE,
            desired=HIDDEN,
            unknown=unknown,
        )


def _write_only(desired: Desired, recorded: str | None, tracking: Tracking) -> Iterator[FieldChange]:
    """Yield a finding for each write-only field whose digest differs from the recorded one."""
    if desired.content is None:
        return
    moved = desired.content.moved(recorded) if tracking.tags else None
    known = recorded_fields(recorded)
    for path in desired.kind.write_only_paths:
        value = get(desired.body, path)
        unset = Unknown(value.variable, Doubt.UNSET) if _is_unset(value) else None
        if value in (MISSING, None) or (unset is None and moved is not None and path[-1] not in moved):
            continue
        yield FieldChange(
            steps=path,
            path=format_steps(desired.kind.rules, path, desired.body),
            finding=Finding.CHANGE if moved is not None and unset is None else Finding.UNVERIFIED,
            op=Op.ADD if known and path[-1] not in known else Op.REPLACE,
            desired=value.shown if isinstance(value, SecretUrl) else WRITE_ONLY,
            unknown=unset,
        )


def _is_unset(value: Any) -> bool:
    return isinstance(value, FromEnvironment) and not value.is_set
