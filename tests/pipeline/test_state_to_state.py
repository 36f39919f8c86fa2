"""
State to state: every field of every kind set, changed, removed in both ways and restored on a live resource.

After Acto (Gu et al., "Acto: Automatic End-to-End Testing for Operation Correctness of Cloud System Management", SOSP
2023). The fields are enumerated from the schemas and none is named here. What must come of a step is told by
:class:`Oracle`, from the annotations of the rules alone; then the plan must say so, and the apply must do so: the state
is reached by one PUT, or refused before any, and a second apply sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import jsonschema_rs
import pytest

from reconciler.errors import ManifestError
from reconciler.kinds.normal_forms import canonical, normalize
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Shape
from reconciler.model.change import Action, Finding, Reason, Refusal
from reconciler.model.outcome import Result
from reconciler.values import MISSING
from tests.kit.bench import Bench, on_bench
from tests.kit.strategies import (
    Node,
    Steps,
    _types,
    _usual,
    body_node,
    content_ways,
    folded_key,
    lookup,
    manifest,
    meant,
    places,
    replaced,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.kinds.kind import Kind
    from reconciler.model.change import Change
    from reconciler.pipeline import Reading

Body: TypeAlias = dict[str, Any]
Verdict: TypeAlias = tuple[Finding, Refusal | None]

CHANGE: Final[Verdict] = (Finding.CHANGE, None)
UNDECLARED: Final[Verdict] = (Finding.UNDECLARED, None)
IMMUTABLE: Final[Verdict] = (Finding.IMMUTABLE, Refusal.IMMUTABLE)
REMOVAL: Final[Verdict] = (Finding.CHANGE, Refusal.REMOVAL)
CANNOT_UNSET: Final[Verdict] = (Finding.CHANGE, Refusal.CANNOT_UNSET)

BASE, A, B = 0, 1, 2
"""Which of a field's values: that of a minimal body, and the two that a field goes through."""
ENTRY: Final = "entry"
"""Of any map."""


# ------------------------------------------------------------------------------------------------------ the oracle


@dataclass(frozen=True)
class Oracle:
    """
    What must be found, told by the annotations.

    Attributes:
        root: Of the request body.
        wanted: What the manifest states.
        live: What the service has, write-only content included.
    """

    root: Node
    wanted: Body
    live: Body

    def verdicts(self) -> set[Verdict]:
        """Return what a plan must find."""
        return self._of(self.root, self.wanted, self.live)

    def _of(self, node: Node, want: Any, have: Any) -> set[Verdict]:
        rule = node.rule
        if not node.is_stated or (want is MISSING and rule.server_populated):
            return set()  # the server's, or left to it
        if rule.write_only:  # only a digest tells; what is not stated is not spoken of
            return {CHANGE} if want not in (MISSING, None) and not _same(node, want, have) else set()
        if want is None:
            return self._nulled(node, have)
        if rule.shape is Shape.LEAF:
            return self._leaf(node, want, have)
        if rule.shape is Shape.LIST:
            return self._list(node, want, have)
        wanted, live = ({} if side in (MISSING, None) else side for side in (want, have))
        names = dict(node.children()) if rule.shape is Shape.OBJECT else _entries(wanted) | _entries(live)
        below = (self._of(node.child(name), wanted.get(name, MISSING), live.get(name, MISSING)) for name in names)
        found = set[Verdict]().union(*below)
        if rule.shape is Shape.MAP and node.child("*").rule.shape is Shape.OBJECT:  # a name alone says something
            stated = {name for name, item in wanted.items() if item is not None}
            found |= {CHANGE for _ in (stated - live.keys()) | ((wanted.keys() - stated) & live.keys())}
            found |= {UNDECLARED for _ in live.keys() - wanted.keys()}
        return {IMMUTABLE} if have in (MISSING, None) and IMMUTABLE in found else found  # comes whole or not at all

    def _leaf(self, node: Node, want: Any, have: Any) -> set[Verdict]:
        beside = node.rule.excluded_by
        if want is MISSING and beside and lookup(self.wanted, beside) not in (MISSING, None):
            return set()
        wanted, live = meant(self.root, node, self.wanted, want), meant(self.root, node, self.live, have)
        if live is MISSING and want is not MISSING and node.rule.implied is not MISSING:
            live = canonical(node.rule.implied)
        if wanted == live or (want is MISSING and _same(node, have, node.rule.implied)):
            return set()
        if want is MISSING and (wanted is MISSING or node.rule.frozen):
            return {UNDECLARED}  # the manifest omits it
        return {IMMUTABLE if node.rule.frozen else CHANGE}  # stated, or put back to its default

    def _list(self, node: Node, want: Any, have: Any) -> set[Verdict]:
        live = {} if have in (MISSING, None) else {folded_key(node, each): each for each in have}
        if want is MISSING:
            return {UNDECLARED} if live else set()
        wanted = {folded_key(node, each): each for each in want}
        found = {CHANGE for _ in wanted.keys() - live.keys()}
        found |= {REMOVAL if self._is_guarded(node) else CHANGE for _ in live.keys() - wanted.keys()}
        if node.rule.list_type == "map":  # elements of a set are their own keys
            found |= set().union(*(self._of(node.child("*"), wanted[key], live[key]) for key in wanted.keys() & live))
        return found

    def _nulled(self, node: Node, have: Any) -> set[Verdict]:
        if not _is_set(node, have):
            return set()
        if _holds_frozen(node, have):
            return {IMMUTABLE}
        if self._is_guarded(node):
            return {REMOVAL}
        return {CHANGE if node.rule.clearable else CANNOT_UNSET}

    def _is_guarded(self, node: Node) -> bool:
        guard = node.rule.removal_guard
        return guard is not None and lookup(self.wanted, guard) is not True


def _same(node: Node, one: Any, other: Any) -> bool:
    forms = [canonical(normalize(node.rule.normalize, value)) for value in (one, other) if value is not MISSING]
    return len(forms) == 2 and forms[0] == forms[1]


def _entries(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a map that are not the reconciler's own."""
    return {name: item for name, item in value.items() if not name.startswith("reconciler-")}


def _is_set(node: Node, value: Any) -> bool:
    """Whether a live value holds anything that a manifest may state."""
    if not node.is_stated or value in (MISSING, None) or _same(node, value, node.rule.implied):
        return False
    if node.rule.shape is Shape.OBJECT:
        return any(_is_set(child, value.get(name, MISSING)) for name, child in node.children())
    return node.rule.shape is Shape.LEAF or bool(value)


def _holds_frozen(node: Node, value: Any) -> bool:
    """Whether a live value is frozen, wholly or in a part; elements of lists come and go all the same."""
    if node.rule.shape is not Shape.OBJECT or node.rule.frozen:
        return node.rule.frozen
    parts = ((child, value.get(name, MISSING)) for name, child in node.children())
    return any(_is_set(child, item) and _holds_frozen(child, item) for child, item in parts)


def decision(verdicts: set[Verdict]) -> tuple[Action, Reason]:
    """Return what must be done about what is found: the gravest refusal, else a PUT for any change."""
    refusals = [each for each in Refusal if each in {refusal for _, refusal in verdicts}]
    if refusals:
        return Action.BLOCKED, Reason(refusals[0].value)
    return (Action.UPDATE, Reason.FIELDS_DIFFER) if CHANGE in verdicts else (Action.NONE, Reason.IN_SYNC)


# ------------------------------------------------------------------------------------------------------ the values

_SPELLED: Final[Mapping[str, tuple[Any, ...]]] = {
    "region": ("North Europe", "East US 2", "West US"),
    "instant": ("2030-01-31T00:00:00Z", "2031-01-31T00:00:00Z", "2032-01-31T00:00:00Z"),
    "blob-url": tuple(f"https://store.blob.core.windows.net/packages/{name}.zip" for name in "abc"),
    "resource-id": tuple(f"/subscriptions/s/resourceGroups/g/providers/Acme.Widgets/widgets/{name}" for name in "abc"),
    "case-insensitive": tuple(f"b24988ac-6180-42a0-ab88-20f7382dd24{digit}" for digit in "abc"),
    "json": tuple({"value": name} for name in "abc"),
}


def sample(node: Node, which: int) -> Any:
    """Return one of three values of a field: the least for BASE, and for A and B all that a manifest may state."""
    shape = node.rule.shape
    if shape is Shape.LEAF:
        found = _leaf_values(node)
        return found[(which - 1) % len(found)]
    if shape is Shape.MAP:
        return {ENTRY: sample(node.child("*"), which)} if which else {}
    if shape is Shape.LIST:
        return [_element(node, each) for each in sorted({BASE, which})]
    required = node.schema.get("required", ())
    return {
        name: sample(child, which)
        for name, child in node.children()
        if name in required or (which and not child.rule.write_only and not _is_newer_of_two(child))
    }


def _is_newer_of_two(node: Node) -> bool:
    """Whether a field is the newer one of two that exclude each other: a body with all the others has the older one."""
    return node.rule.excluded_by is not None and node.rule.since is not None


def _leaf_values(node: Node) -> list[Any]:
    """Return values that differ, the default last: A, B, and the last for BASE."""
    if node.rule.normalize:
        found = list(_SPELLED[node.rule.normalize])
    elif named := [value for value in _usual(node.schema) if value is not None]:
        found = named
    elif "boolean" in _types(node.schema):
        found = [True, False]
    elif node.rule.integer:
        found = [2, 3, 4]
    elif node.rule.secret:
        found = [f"https://hooks.example/{name}" for name in "abc"]
    else:
        found = ["value one", "value two", "value three"]
    return sorted(found, key=lambda value: value == node.rule.default)


def _element(node: Node, which: int) -> Any:
    """Return an element of a list, which states all parts of its key."""
    items = node.child("*")
    element = sample(items, which)
    for key in node.rule.keys:
        element = replaced(element, key, sample(items.at(key), which))
    return element


def body_of(kind: Kind, which: int) -> Body:
    """Return a body with the least, or with all fields at the same of their values, and content if the kind has any."""
    node = body_node(kind)
    body: Body = sample(node, which)
    for path, rule in kind.rules.every():
        if rule.excluded_by and "*" not in path and _is_there(body, rule.excluded_by):
            body = replaced(body, path, MISSING)
        if rule.must_contain:  # the first element of every list has the key of BASE
            body = replaced(body, rule.must_contain, sample(node.at(rule.must_contain), BASE))
    return _with_content(kind, body, dict.fromkeys(content_ways(kind)[0], which))


def _is_there(body: Body, path: tuple[str, ...]) -> bool:
    value: Any = body
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value is not None


def _with_content(kind: Kind, body: Body, content: Mapping[tuple[str, ...], int | None]) -> Body:
    """Return *body* with this content and no other; None states null."""
    for path in kind.write_only_paths:
        which = content.get(path, MISSING)
        node = body_node(kind).at(path)
        body = replaced(body, path, sample(node, which) if isinstance(which, int) else which)
    return body


# ------------------------------------------------------------------------------------------------------ the fields


@dataclass(frozen=True)
class Transition:
    """A state that a manifest asks for next; whether it may be asked for at all."""

    name: str
    body: Body = field(repr=False)
    is_valid: bool = True


@dataclass(frozen=True)
class Case:
    """
    One field of one kind.

    Attributes:
        path: Of the field among the rules.
        base: A body without the field, or with another value where one is required.
        labels: Where a plan may find a difference: the field, and what takes its default from it.
        above: Labels and steps of what the field is in: what is not there at all is one difference.
    """

    kind: str
    path: tuple[str, ...]
    base: Body = field(repr=False)
    transitions: tuple[Transition, ...] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    above: tuple[tuple[str, Steps], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.kind}-{'.'.join(self.path)}"


@dataclass(frozen=True)
class Spot:
    """
    Where a field is.

    Attributes:
        body: Of a request, in which the field has a place.
        steps: To it in the body.
        label: The same in a report.
        path: Among the rules.
        above: Labels and steps of what it is in.
    """

    node: Node
    parent: Node
    body: Body
    steps: Steps = ()
    label: str = ""
    path: tuple[str, ...] = ()
    above: tuple[tuple[str, Steps], ...] = ()

    @property
    def is_element(self) -> bool:
        """Whether it is an element of a list, and not a property or a map's entry."""
        return self.parent.rule.shape is Shape.LIST

    @property
    def is_required(self) -> bool:
        """Whether a manifest must state it where its object is stated."""
        return self.steps[-1] in self.parent.schema.get("required", ())

    def value(self, which: int) -> Any:
        """Return one of its values."""
        return _element(self.parent, which) if self.is_element else sample(self.node, which)

    def stating(self, value: Any) -> Body:
        """Return the body with the field stated so."""
        if not self.is_element:
            other = self.node.rule.excluded_by
            body = replaced(self.body, other, MISSING) if other and value not in (MISSING, None) else self.body
            return dict(replaced(body, self.steps, value))
        first = lookup(self.body, self.steps[:-1])[:1]
        return dict(replaced(self.body, self.steps[:-1], [*first, *([] if value is MISSING else [value])]))

    def below(self) -> Iterator[Spot]:
        """Yield every field in this one; not content, and not what makes up the key of an element."""
        node, body, above = self.node, self.body, (*self.above, (self.label, self.steps))
        if lookup(body, self.steps) is MISSING:
            body = self.stating(sample(node, BASE))
        if node.rule.shape is Shape.OBJECT:
            for name, child in node.children():
                label = f"{self.label}.{name}".removeprefix(".")
                spot = Spot(child, node, body, (*self.steps, name), label, (*self.path, name), above)
                if not child.rule.write_only:
                    yield spot
                    yield from spot.below()
        elif node.rule.shape is not Shape.LEAF:
            child, path, first = node.child("*"), (*self.path, "*"), _element(node, BASE)
            if node.rule.shape is Shape.MAP:
                yield Spot(child, node, body, (*self.steps, ENTRY), f"{self.label}.{ENTRY}", path, above)
                return
            yield Spot(child, node, body, (*self.steps, 1), f"{self.label}[", path, above)
            spot = Spot(child, node, body, (*self.steps, 0), f"{self.label}[{_key(node, first)}]", path, above)
            yield from (
                each for each in spot.below() if not any(_begins(key, each.path, path) for key in node.rule.keys)
            )


def _begins(key: tuple[str, ...], path: tuple[str, ...], element: tuple[str, ...]) -> bool:
    """Whether *path* is that of a key of an element, or of what the key is in."""
    return (*element, *key)[: len(path)] == path


def _key(node: Node, element: Any) -> str:
    return ",".join(str(lookup(element, key)) for key in node.rule.keys)


def _holds_all(kind: Kind, body: Body) -> bool:
    """Whether every list that is stated holds what it must."""
    node = body_node(kind)
    lists = [
        (node.at(path), lookup(body, path), rule.must_contain) for path, rule in kind.rules.every() if rule.must_contain
    ]
    return all(
        stated is MISSING or lookup(body, held) in [lookup(each, rule.rule.keys[0]) for each in stated]
        for rule, stated, held in lists
    )


@cache
def cases(which: int) -> tuple[Case, ...]:
    """Return every field of every kind, by itself in a body with the least, or among all others at their values A."""
    found: list[Case] = []
    for kind in packaged().kinds.values():
        root = body_node(kind)
        spots = Spot(root, root, body_of(kind, which)).below()
        found += [_case(kind, spot, which) for spot in spots if which == BASE or not _is_newer_of_two(spot.node)]
        found += [_content_case(kind, path, which) for path in kind.write_only_paths]
    return tuple(found)


def _case(kind: Kind, spot: Spot, which: int) -> Case:
    """Set, change, remove and restore a field."""
    a, rule = spot.value(A), spot.node.rule
    steps: list[tuple[str, Any, bool]] = [("set", a, True), ("change", spot.value(B), True), ("change back", a, True)]
    steps += [("delete", MISSING, not spot.is_required), ("restore", a, True)]
    steps += [("null", None, spot.node.takes_null), ("restore", a, True)]
    if rule.shape is not Shape.LEAF and not spot.is_element:
        may_be_empty = not spot.node.schema.get("required")
        steps += [("empty", [] if rule.shape is Shape.LIST else {}, may_be_empty), ("restore", a, True)]
    base = spot.stating(spot.value(BASE) if spot.is_required else MISSING)
    if spot.is_required and rule.shape is Shape.OBJECT:  # what is in it has its own cases
        base, steps = spot.body, [step for step in steps if not step[2]]
    stated = [(name, spot.stating(value), is_valid) for name, value, is_valid in steps]
    transitions = [Transition(name, body, is_valid and _holds_all(kind, body)) for name, body, is_valid in stated]
    if which == BASE and steps[0][2] and base != (least := body_of(kind, BASE)):
        transitions += [Transition("delete with what it is in", least), Transition("restore", spot.stating(a))]
    root = body_node(kind)
    dependent = [each.path for each in places(root, base) if each.node.rule.default_from == spot.path]
    return Case(kind.name, spot.path, base, tuple(transitions), (spot.label, *dependent), spot.above)


def _content_case(kind: Kind, path: tuple[str, ...], which: int) -> Case:
    """Hand content over in one way and in another: together they are one field, which must be stated."""
    ways = content_ways(kind)
    mine = next(way for way in ways if path in way)
    other = next((way for way in ways if path not in way), ())
    a, rest, theirs = dict.fromkeys(mine, A), dict.fromkeys(set(mine) - {path}, A), dict.fromkeys(other, BASE)
    steps: list[tuple[str, Mapping[tuple[str, ...], int | None]]] = [
        ("set", a),
        ("change", {**a, path: B}),
        ("change back", a),
        ("delete", rest),
        ("null", {**rest, path: None}),
        ("delete for another way", theirs),
        ("restore", a),
        ("null for another way", {**dict.fromkeys(mine), **theirs}),
        ("restore", a),
    ]
    accepted = [set(way) for way in ways]
    transitions = tuple(
        Transition(
            name,
            _with_content(kind, body_of(kind, which), content),
            {each for each, value in content.items() if value is not None} in accepted,
        )
        for name, content in steps
    )
    base = _with_content(kind, body_of(kind, which), theirs)
    return Case(kind.name, path, base, transitions, tuple(map(".".join, kind.write_only_paths)))


# ------------------------------------------------------------------------------------------------------ the runs


@dataclass
class Run:
    """One resource, with its parents, on a bench."""

    bench: Bench
    case: Case

    @property
    def kind(self) -> Kind:
        """Of the resource."""
        return packaged().kinds[self.case.kind]

    @property
    def id(self) -> str:
        """Of the resource."""
        return self.kind.resource_id(_params(self.kind))

    def documents(self, body: Body) -> list[Body]:
        """Return manifests of the parents and of the resource."""
        family = [self.kind]
        while family[0].parent:
            family.insert(0, packaged().kinds[family[0].parent])
        bodies = [*(body_of(kind, BASE) for kind in family[:-1]), body]
        return [manifest(kind, "it", _params(kind), each) for kind, each in zip(family, bodies, strict=True)]

    def live(self) -> Body:
        """Return what the service has, write-only content included."""
        body = self.bench.world.answer(self.id) or {}
        stored = self.bench.world.stored(self.id)
        for path in self.kind.write_only_paths:
            body = replaced(body, path, lookup(stored, path))
        return body

    async def plan(self, body: Body) -> tuple[Reading, Change]:
        """Plan; nothing is planned for the parents."""
        reading = await self.bench.plan(self.documents(body))
        *parents, change = reading.plan.changes
        assert all(each.action is Action.NONE and not each.fields for each in parents)
        return reading, change

    async def create(self, body: Body) -> None:
        """Create the resource with this body, which leaves nothing to do."""
        for outcome in (await self.bench.apply(self.documents(body))).values():
            assert outcome.result is Result.SUCCEEDED, outcome.error
        await self.assert_quiet(body)
        _, change = await self.plan(body)
        assert (change.action, change.fields) == (Action.NONE, ())

    async def take(self, step: Transition) -> Action:
        """Take one step: reached by one PUT, or refused before any."""
        if not step.is_valid:
            await self._assert_invalid(step)
            return Action.BLOCKED
        before, sent = self.live(), self.bench.puts
        reading, change = await self._foreseen(step.body)
        stray = [each.path for each in change.fields if not self._is_of_field(each.path, step.body, before)]
        assert stray == [], step
        outcomes = (await self.bench.carry_out(reading)).values()
        if change.action is Action.UPDATE:
            assert [each.result for each in outcomes] == [Result.SUCCEEDED], (step, [each.error for each in outcomes])
        else:
            assert ([*outcomes], self.live()) == ([], before), step
        assert self.bench.puts == sent + (change.action is Action.UPDATE), step
        await self.assert_quiet(step.body)
        return change.action

    async def assert_quiet(self, body: Body) -> None:
        """Planned and applied once more, nothing is left to do but what is refused, and nothing is sent."""
        before, sent = self.live(), self.bench.puts
        reading, change = await self._foreseen(body)
        assert change.action in {Action.NONE, Action.BLOCKED}
        await self.bench.carry_out(reading)
        assert (self.live(), self.bench.puts) == (before, sent)

    async def _foreseen(self, body: Body) -> tuple[Reading, Change]:
        """Plan; what is found, and what follows, is what the annotations say."""
        verdicts = Oracle(body_node(self.kind), body, self.live()).verdicts()
        reading, change = await self.plan(body)
        assert {(each.finding, each.refusal) for each in change.fields} == verdicts
        assert (change.action, change.reason) == decision(verdicts)
        return reading, change

    async def _assert_invalid(self, step: Transition) -> None:
        sent = self.bench.puts
        with pytest.raises(ManifestError):
            await self.bench.plan(self.documents(step.body))
        assert self.bench.puts == sent

    def _is_of_field(self, label: str, wanted: Body, live: Body) -> bool:
        """Whether a difference is in the field, or it is all of what the field is in."""
        empty: tuple[Any, ...] = (MISSING, None, {}, [])
        whole = [
            each for each, steps in self.case.above if lookup(live, steps) in empty or lookup(wanted, steps) in empty
        ]
        starts = [end for each in (*self.case.labels, *whole) for end in (f"{each}.", f"{each}[", each)]
        return label in starts or label.startswith(tuple(each for each in starts if each.endswith((".", "["))))


@cache
def _params(kind: Kind) -> dict[str, str]:
    """Return the names in the URL: for all kinds the same, so that parents are found."""
    properties = kind.schema["properties"]["spec"]["properties"]
    validators = {name: jsonschema_rs.validator_for(properties[name]) for name in kind.parameters}
    return {
        name: next(text for text in ("name", "1.0.0") if validators[name].is_valid(text)) for name in kind.parameters
    }


def walk_through(case: Case) -> None:
    """Take every step, from a resource of its own."""

    async def scenario(bench: Bench) -> None:
        run = Run(bench, case)
        await run.create(case.base)
        for index, step in enumerate(case.transitions):
            action = await run.take(step)
            if index == 0 and step.is_valid and action is Action.BLOCKED:  # only who creates it can set it
                bench.world.remove(run.id)
                await run.create(step.body)

    on_bench(scenario)


@pytest.mark.parametrize("case", cases(BASE), ids=str)
def test_every_state_of_a_field_is_reached_or_refused(case: Case) -> None:
    """Set, changed, removed and restored: one PUT or none, and the world as stated or untouched."""
    walk_through(case)


@pytest.mark.parametrize("case", cases(A), ids=str)
def test_every_state_is_reached_or_refused_among_all_other_fields(case: Case) -> None:
    """The same with every other field stated, and with the flag that lets elements go."""
    walk_through(case)


def test_every_field_is_among_them() -> None:
    """The walk covers every field that the rules know and a manifest may declare; a newer one of two by itself."""
    for kind in packaged().kinds.values():
        known = dict(kind.rules.every())
        keys = {(*path, "*", *key[:n]) for path, rule in known.items() for key in rule.keys for n in range(1, 3)}
        closed = [path for path, rule in known.items() if rule.read_only or not body_node(kind).at(path).is_stated]
        stated = {path for path in known if path and not any(path[: len(above)] == above for above in closed)}
        alone = {path for path in stated if _is_newer_of_two(body_node(kind).at(path))}
        for which, walked in ((BASE, stated - keys), (A, stated - keys - alone)):
            assert {case.path for case in cases(which) if case.kind == kind.name} == walked
    assert sum(len(case.transitions) for which in (BASE, A) for case in cases(which)) >= 1500


WAYS: Final = [(kind.name, way) for kind in packaged().kinds.values() for way in content_ways(kind) if way]


@pytest.mark.parametrize(("name", "way"), WAYS)
@pytest.mark.parametrize(
    ("digest", "finding", "reason"),
    [
        (None, Finding.UNVERIFIED, Reason.ADOPT),
        ("v1-nonsense", Finding.UNVERIFIED, Reason.ADOPT),
        (f"v1-{0:064}", Finding.CHANGE, Reason.FIELDS_DIFFER),
        ("v2 nonsense", Finding.UNVERIFIED, Reason.ADOPT),
        (f"v2 other={0:032}", Finding.CHANGE, Reason.FIELDS_DIFFER),
    ],
)
def test_content_is_sent_once_where_its_digest_is_not_the_recorded_one(
    name: str, way: tuple[tuple[str, ...], ...], digest: str | None, finding: Finding, reason: Reason
) -> None:
    """What cannot be read back is adopted, or put right, by one PUT."""
    kind = packaged().kinds[name]
    body = _with_content(kind, body_of(kind, BASE), dict.fromkeys(way, A))

    def forget(stored: Body) -> None:
        stored["tags"] = {tag: digest if tag.endswith("-digest") else text for tag, text in stored["tags"].items()}

    async def scenario(bench: Bench) -> None:
        run = Run(bench, Case(name, (), body, (), ()))
        await run.create(body)
        bench.world.edit(run.id, forget)
        sent = bench.puts
        reading, change = await run.plan(body)
        assert (change.action, change.reason) == (Action.UPDATE, reason)
        assert {each.path: each.finding for each in change.fields} == dict.fromkeys(map(".".join, way), finding)
        await bench.carry_out(reading)
        assert bench.puts == sent + 1
        await run.assert_quiet(body)

    on_bench(scenario)
